//! The encoding a page states.

use encoding_rs::{Encoding, UTF_8};

/// Where browsers stop looking is 1,024 bytes; pages in the wild state it later.
const SNIFF_BYTES: usize = 8192;

/// The encoding that a `meta` element or an XML declaration states.
pub(super) fn stated(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..SNIFF_BYTES.min(bytes.len()))?.to_ascii_lowercase();
    let mut rest = head.as_slice();
    loop {
        let (value, after) = next_value(rest)?;
        if let Some(encoding) = Encoding::for_label(value) {
            // A page whose `meta` can be read as ASCII is not in UTF-16, whatever it says.
            return Some(if encoding.is_ascii_compatible() { encoding } else { UTF_8 });
        }
        rest = after;
    }
}

/// The next value of `charset=` or `encoding=`, and what follows it.
fn next_value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let key = b"charset".as_slice();
    let other = b"encoding".as_slice();
    let (at, len) = (0..bytes.len()).find_map(|at| {
        let rest = bytes.get(at..)?;
        [key, other].iter().find(|key| rest.starts_with(key)).map(|key| (at, key.len()))
    })?;
    let rest = bytes.get(at + len..)?.trim_ascii_start();
    let Some(value) = rest.strip_prefix(b"=") else { return Some((b"", rest)) };
    let value = value.trim_ascii_start();
    let value = value.strip_prefix(b"\"").or(value.strip_prefix(b"'")).unwrap_or(value);
    let name = |b: &u8| b.is_ascii_alphanumeric() || b"-_:.".contains(b);
    let end = value.iter().position(|b| !name(b)).unwrap_or(value.len());
    value.split_at_checked(end)
}

#[cfg(test)]
mod tests {
    use super::stated;

    #[test]
    fn the_first_known_name_counts() {
        let name = |html: &str| stated(html.as_bytes()).map(|encoding| encoding.name());
        assert_eq!(name("<meta charset='windows-1256'>"), Some("windows-1256"));
        let noisy = "<meta charset=\"nonsense\"><META content='text/html; charset = KOI8-R'>";
        assert_eq!(name(noisy), Some("KOI8-R"));
        assert_eq!(name("<meta charset=utf-16>"), Some("UTF-8"));
        assert_eq!(name("<p>charset</p>"), None);
    }
}
