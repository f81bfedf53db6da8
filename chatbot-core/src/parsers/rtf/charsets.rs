//! The encodings that rich text names by number.

use encoding_rs::Encoding;

use crate::parsers::code_pages::code_page;

/// What a font's characters are encoded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Encoded(&'static Encoding),
    /// Signs and no letters.
    Symbol,
}

/// What `\fcharset` means; `None` where the document's own code page counts.
pub(super) fn charset(number: i32) -> Option<Charset> {
    let page = match number {
        2 => return Some(Charset::Symbol),
        77 => 10000,
        128 => 932,
        129 | 130 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178..=180 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    };
    Some(Charset::Encoded(code_page(page)))
}
