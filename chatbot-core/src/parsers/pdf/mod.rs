//! stub
use crate::{context::Context, error::*, traits::*, types::*};
use std::fmt::Debug;
/// Reads PDF documents.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct PdfParser {}
impl Parser for PdfParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[MediaType::PDF];
        TYPES
    }
    fn parse(
        &self,
        _: &Context,
        _: &MediaType,
        _: &RawDocument,
        _: &ParseLimits,
    ) -> Result<ParsedDocument> {
        Err(Error::parse(Reason::UnsupportedFormat, "This format cannot be read yet."))
    }
}
