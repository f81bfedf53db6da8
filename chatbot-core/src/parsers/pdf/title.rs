//! What a PDF says about itself.

use hayro_syntax::metadata::Metadata;

use crate::parsers::assemble::Facts;

/// Titles that programs write when nobody gave one.
const NO_TITLES: &[&str] = &["untitled", "document", "unknown", "title", "none", "slide 1"];
/// Endings of file names.
const FILE_ENDINGS: &[&str] = &[
    ".pdf", ".doc", ".docx", ".dvi", ".tex", ".indd", ".qxd", ".ppt", ".pptx", ".xls", ".xlsx",
    ".odt", ".rtf", ".txt", ".ps", ".eps", ".cdr", ".fm",
];

/// Title, author and the like.
pub(super) fn facts(metadata: &Metadata) -> Facts {
    let mut facts = Facts::default();
    let text = |value: &Option<Box<[u8]>>| value.as_deref().map(text_string).unwrap_or_default();
    let title = text(&metadata.title);
    let title = title.trim().trim_start_matches("Microsoft Word - ");
    let lower = title.to_lowercase();
    let is_file = FILE_ENDINGS.iter().any(|ending| lower.ends_with(ending));
    let is_text = title.chars().any(char::is_alphabetic) && !title.contains('\u{FFFD}');
    if is_text && !is_file && !NO_TITLES.contains(&lower.as_str()) {
        facts.offer_title(title);
    }
    facts.note("author", &text(&metadata.author));
    facts.note("subject", &text(&metadata.subject));
    facts.note("keywords", &text(&metadata.keywords));
    if let Some(date) = &metadata.creation_date {
        facts.note("created", &format!("{:04}-{:02}-{:02}", date.year, date.month, date.day));
    }
    facts
}

/// A string outside of pages: UTF-16 or UTF-8 with a mark, Western otherwise.
pub(super) fn text_string(bytes: &[u8]) -> String {
    let encoding = match bytes {
        [0xFE, 0xFF, ..] => encoding_rs::UTF_16BE,
        [0xFF, 0xFE, ..] => encoding_rs::UTF_16LE,
        [0xEF, 0xBB, 0xBF, ..] => encoding_rs::UTF_8,
        _ if std::str::from_utf8(bytes).is_ok() => encoding_rs::UTF_8,
        _ => encoding_rs::WINDOWS_1252,
    };
    encoding.decode_with_bom_removal(bytes).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_no_titles() {
        let title = |title: &str| {
            facts(&Metadata { title: Some(title.as_bytes().into()), ..Metadata::default() }).title
        };
        assert_eq!(title("report_final.docx"), None);
        assert_eq!(title("Untitled"), None);
        assert_eq!(title("Microsoft Word - Annual report").as_deref(), Some("Annual report"));
        assert_eq!(text_string(b"\xFE\xFF\0\xE9"), "é");
    }
}
