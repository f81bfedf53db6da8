//! Pages that are pictures, as grey values: what character recognition is given.
//!
//! Whoever recognises characters is a program of its own, written in another language, with decoders of its own for every
//! kind of picture. None of them ever sees a byte of a document: pictures are decoded here, drawn onto a page as a reader
//! would see it, and handed on as plain grey values of a bounded number. This happens in a parse worker only, so decoders
//! have its bounds in memory and time.
//!
//! Deliberately not here: drawing anything else than pictures. A page whose letters are curves, or are in fonts that hide
//! their characters, stays without text.

#[cfg(feature = "documents")]
mod bitmap;
#[cfg(feature = "documents")]
mod canvas;
#[cfg(feature = "documents")]
mod files;

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::Result;
use crate::traits::ParseLimits;
use crate::types::{MediaType, Metadata, RawDocument};

use super::Parsers;
use super::formats::unsupported;
use super::registry::corrupt;

#[cfg(feature = "documents")]
pub(super) use bitmap::{Bitmap, Layout, Meaning, bitmap};
#[cfg(feature = "documents")]
pub(super) use canvas::{Affine, Canvas};

/// Pixels of one picture inside a document: A4 in 600 dots per inch has 34.8 million. In colour, they take 108 MB.
pub(super) const MAX_SOURCE_PIXELS: usize = 36_000_000;
/// Pixels of a page as it is handed on: A3 in 300 dots per inch, beyond which recognition gets slower and no better.
pub(super) const MAX_PAGE_PIXELS: usize = 17_500_000;
/// Letters that a page may show beside a picture of a page: a stamp, a number, the name of the program that scanned it.
pub(super) const MAX_STAMP_LETTERS: usize = 64;

/// Which pages are wanted as pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wanted {
    /// The first page that is looked at, from 1.
    pub(super) from: u32,
    /// The pages that are looked at, in order; all where there are none.
    pub(super) only: Vec<u32>,
    /// Bytes of pictures after which no other page is begun.
    pub(super) max_bytes: usize,
}

impl Wanted {
    pub(super) fn includes(&self, page: u32) -> bool {
        page >= self.from && (self.only.is_empty() || self.only.binary_search(&page).is_ok())
    }
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    /// From 1.
    pub(super) page: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Dots per inch.
    pub(super) dpi: u32,
    /// A byte a pixel, row by row; 0 is black.
    pub(super) grey: Bytes,
}

/// Pages of a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pictures {
    pub(super) media_type: MediaType,
    pub(super) title: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) n_pages: u32,
    pub(super) pictures: Vec<Picture>,
    /// The first page that was not looked at, where there was no more room.
    pub(super) next: Option<u32>,
}

impl Pictures {
    pub(super) fn new(media_type: MediaType, n_pages: usize) -> Self {
        Self {
            media_type,
            title: None,
            metadata: Metadata::new(),
            n_pages: u32::try_from(n_pages).unwrap_or(u32::MAX),
            pictures: Vec::new(),
            next: None,
        }
    }

    /// Whether no other page is to be begun.
    pub(super) fn is_full(&self, wanted: &Wanted) -> bool {
        let n_bytes: usize = self.pictures.iter().map(|picture| picture.grey.len()).sum();
        n_bytes > 0 && n_bytes >= wanted.max_bytes
    }
}

impl Parsers {
    /// The pages of `raw` that are pictures without a text that could be read. Blocks.
    ///
    /// # Errors
    /// As [`Parsers::parse`]; `parse_failed` with `unsupported_format` where the document is of another kind.
    pub(super) fn pictures(
        &self,
        ctx: &Context,
        raw: &RawDocument,
        wanted: &Wanted,
        limits: &ParseLimits,
    ) -> Result<Pictures> {
        ctx.check()?;
        let media_type = self.recognise(raw);
        if self.is_added(&media_type) {
            return Err(unsupported(&media_type));
        }
        let read = || of_document(ctx, &media_type, raw, wanted, limits);
        // Decoders of pictures are not ours: one that panics costs its document.
        catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
            Err(corrupt("The document is damaged in a way that its pictures cannot be read."))
        })
    }
}

#[cfg(feature = "documents")]
fn of_document(
    ctx: &Context,
    media_type: &MediaType,
    raw: &RawDocument,
    wanted: &Wanted,
    limits: &ParseLimits,
) -> Result<Pictures> {
    if *media_type == MediaType::PDF {
        return super::pdf::pictures(ctx, raw, wanted, limits);
    }
    if is_picture(media_type) {
        let watch = super::watch::Watch::new(ctx, limits);
        return files::pictures(&watch, media_type.clone(), raw, wanted);
    }
    Err(unsupported(media_type))
}

#[cfg(not(feature = "documents"))]
fn of_document(
    _: &Context,
    media_type: &MediaType,
    _: &RawDocument,
    _: &Wanted,
    _: &ParseLimits,
) -> Result<Pictures> {
    Err(unsupported(media_type))
}

/// Whether a document of this type is one picture, or several, that can be decoded.
pub(super) fn is_picture(media_type: &MediaType) -> bool {
    ["image/png", "image/jpeg", "image/tiff"].contains(&media_type.as_str())
}
