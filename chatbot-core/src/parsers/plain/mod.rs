//! Plain text in whatever encoding: notes, logs, tables, program text.

mod decode;
mod escapes;
mod nature;

use std::sync::LazyLock;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{ParseLimits, Parser};
use crate::types::{
    Block, BlockKind, MediaType, Metadata, ParsedDocument, RawDocument, Span, Warning,
};

use super::assemble::clean;
use super::formats::{CODE_EXTENSIONS, TEXT_TYPES};
use super::watch::Watch;

#[cfg(feature = "documents")]
pub(super) use decode::decode_as;
pub(super) use decode::{Decoded, decode};
pub(super) use nature::{Nature, nature};

static MEDIA_TYPES: LazyLock<Vec<MediaType>> =
    LazyLock::new(|| TEXT_TYPES.iter().map(|(_, kind)| kind.clone()).collect());

/// Reads text as it stands, paragraph by paragraph.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct PlainTextParser {}

impl Parser for PlainTextParser {
    fn media_types(&self) -> &[MediaType] {
        &MEDIA_TYPES
    }

    fn parse(
        &self,
        ctx: &Context,
        media_type: &MediaType,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        let watch = Watch::begin(ctx, limits)?;
        let Decoded { text, mut warnings } = decode(&raw.bytes);
        watch.check()?;
        let (text, hidden) = clean(&escapes::without_escapes(&text));
        watch.text_len(text.len())?;
        if hidden {
            warnings.push(Warning::new(
                "hidden_characters",
                "Characters that nobody can see were left out.",
            ));
        }
        let extension = raw.name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
        let code = extension.is_some_and(|e| CODE_EXTENSIONS.contains(&e.as_str()));
        let kind = if code { BlockKind::Code } else { BlockKind::Paragraph };
        Ok(ParsedDocument {
            media_type: media_type.clone(),
            title: None,
            blocks: paragraphs(&text, kind),
            text,
            pages: Vec::new(),
            metadata: Metadata::new(),
            warnings,
            parts: Vec::new(),
        })
    }
}

/// Stretches of lines without a blank one between them.
fn paragraphs(text: &str, kind: BlockKind) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut at, mut current) = (0, None::<Span>);
    for line in text.split_inclusive('\n') {
        let span = Span::new(at, at + line.trim_end().len());
        at += line.len();
        if line.trim().is_empty() {
            blocks.extend(current.take());
        } else {
            current = Some(current.map_or(span, |open| open.union(span)));
        }
    }
    blocks.extend(current);
    blocks.into_iter().map(|span| Block { kind, span }).collect()
}
