//! How mail is told from other texts: it begins with the fields of a message, or with the line that begins one in a
//! folder.

/// What is looked at: heads of messages that went through many servers are long.
pub(super) const HEAD_BYTES: usize = 64 * 1024;
/// Names of fields that stand in messages and seldom elsewhere, in lower case.
const FIELDS: &[&str] = &[
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "received",
    "return-path",
    "delivered-to",
    "reply-to",
    "mime-version",
    "content-type",
];
/// That many of them make a message: notes begin with a date, or with a name and a subject.
const MIN_FIELDS: usize = 3;

/// Whether a line begins a header field: a name without spaces, and a colon.
pub(super) fn is_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|b| *b == b':') else { return false };
    let name = line.get(..colon).unwrap_or_default().trim_ascii_end();
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

/// Whether `bytes` begin with the line that begins a message in a folder, and a header field: the line alone also
/// stands in texts.
pub(super) fn begins_message(bytes: &[u8]) -> bool {
    if !bytes.starts_with(b"From ") {
        return false;
    }
    let (line, rest) = bytes.split_at(line_len(bytes));
    let next = rest.get(..line_len(rest)).unwrap_or_default();
    // The line ends in a date: `From ada@example.org Thu Jan  1 00:00:00 1970`.
    let is_year = |word: &[u8]| word.len() == 4 && word.iter().all(u8::is_ascii_digit);
    let is_time = |word: &[u8]| {
        word.len() > 3
            && word.iter().all(|b| b.is_ascii_digit() || *b == b':')
            && word.contains(&b':')
    };
    let has = |what: &dyn Fn(&[u8]) -> bool| line.split(u8::is_ascii_whitespace).any(what);
    has(&is_year) && has(&is_time) && is_field(next.strip_prefix(b">").unwrap_or(next))
}

/// The length of the first line, its end included.
pub(super) fn line_len(bytes: &[u8]) -> usize {
    bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| at + 1)
}

/// Whether a text begins with the head of a message, and nothing but it up to the first blank line.
pub(super) fn is_message(text: &[u8]) -> bool {
    let mut found = Vec::new();
    for line in text.split_inclusive(|b| *b == b'\n') {
        let is_cut = !line.ends_with(b"\n");
        if line.trim_ascii().is_empty() || is_cut {
            break;
        }
        let is_folded = line.starts_with(b" ") || line.starts_with(b"\t");
        if is_folded && !found.is_empty() {
            continue;
        }
        if !is_field(line) {
            return false;
        }
        let name = line.split(|b| *b == b':').next().unwrap_or_default().trim_ascii();
        found.push(String::from_utf8_lossy(name).to_ascii_lowercase());
    }
    let n_known = FIELDS.iter().filter(|field| found.iter().any(|name| name == *field)).count();
    let has_sender =
        ["from", "return-path", "received"].iter().any(|f| found.iter().any(|n| n == f));
    has_sender && n_known >= MIN_FIELDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_a_sender_and_nothing_else_in_its_head() {
        assert!(is_message(b"From: a\nTo: b\nSubject: c\n\nbody"));
        assert!(is_message(b"Received: x\r\n\tby y\r\nDate: z\r\nMessage-ID: <1>\r\n\r\n"));
        assert!(!is_message(b"To: b\nSubject: c\nDate: d\n\nbody"), "nobody sent it");
        assert!(!is_message(b"From: a\nTo: b\n\nSubject: c"));
        assert!(!is_message(b"From: a\nTo: b\nSubject: c\nDear Ada,\n\n"), "no head of a message");
    }

    #[test]
    fn a_folder_begins_with_a_date_and_a_field() {
        assert!(begins_message(b"From a@b Thu Jan  1 00:00:00 1970\nSubject: x\n"));
        assert!(!begins_message(b"From here on, in 1970\nnothing was the same"));
        assert!(!begins_message(b"From a@b\nSubject: x\n"));
    }
}
