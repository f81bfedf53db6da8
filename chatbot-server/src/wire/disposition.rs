//! File names in `Content-Disposition`: names are data, and some are hostile.
//!
//! *Source*: RFC 6266, with the encoding of RFC 8187.

use axum::http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 8187 lets stand as it is (`attr-char`), apart from letters and digits.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');
/// Common file systems hold 255 bytes.
const MAX_NAME_CHARS: usize = 120;

/// `attachment` under the last part of `name`, with nothing in it that could be a path or a header.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe = |c: &char| !c.is_control() && !is_invisible(*c);
    let name: String = name.chars().filter(safe).take(MAX_NAME_CHARS).collect();
    let name = name.trim_matches(['.', ' ']);
    let name = if name.is_empty() { "document" } else { name };
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-._ ".contains(c) { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let encoded = utf8_percent_encode(name, ENCODED);
    HeaderValue::try_from(format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}"))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

/// Marks that turn the direction of writing, so that `exe.txt` could be shown for `txt.exe`.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::attachment;

    #[test]
    fn hostile_names_become_harmless_ones() {
        for (name, expected) in [
            ("a.pdf", "filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
            ("../../etc/passwd", "filename=\"passwd\"; filename*=UTF-8''passwd"),
            ("C:\\x\\y.txt", "filename=\"y.txt\"; filename*=UTF-8''y.txt"),
            (
                "a\r\nSet-Cookie: b=c",
                "filename=\"aSet-Cookie_ b_c\"; filename*=UTF-8''aSet-Cookie%3A%20b%3Dc",
            ),
            (
                "x\"; filename=y",
                "filename=\"x__ filename_y\"; filename*=UTF-8''x%22%3B%20filename%3Dy",
            ),
            ("b\u{202E}txt.exe", "filename=\"btxt.exe\"; filename*=UTF-8''btxt.exe"),
            ("é.md", "filename=\"_.md\"; filename*=UTF-8''%C3%A9.md"),
            ("..", "filename=\"document\"; filename*=UTF-8''document"),
        ] {
            assert_eq!(attachment(name).to_str().unwrap(), format!("attachment; {expected}"));
        }
    }
}
