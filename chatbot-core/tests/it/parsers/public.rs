//! Real documents, where the evaluation data is there: phrases that must come out, and reasons that must be given.

use std::path::{Path, PathBuf};

use chatbot_core::{Error, ErrorKind, Reason};
use unicode_normalization::UnicodeNormalization as _;

use super::fixtures::parse;

/// The evaluation data, or `None` with a line that says so.
pub(crate) fn evaluation_data(folder: &str) -> Option<PathBuf> {
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("CHATBOT_EVAL_DATA").map_or_else(usual, PathBuf::from);
    let found = root.join(folder);
    if found.is_dir() {
        return Some(found);
    }
    println!("skipped: there is no {folder} below CHATBOT_EVAL_DATA");
    None
}

struct Entry {
    file: String,
    format: String,
    expect: String,
    phrases: Vec<String>,
    without_spaces: bool,
    damaged: bool,
}

fn entries(folder: &Path) -> Vec<Entry> {
    let manifest = std::fs::read_to_string(folder.join("manifest.tsv")).unwrap();
    let entries = manifest.lines().skip(1).map(|line| {
        let mut fields = line.split('\t').map(str::to_owned);
        let mut next = || fields.next().unwrap_or_default();
        let (file, format, expect, phrases, note) = (next(), next(), next(), next(), next());
        let phrases = phrases.split(" || ").filter(|p| !p.trim().is_empty()).map(str::to_owned);
        let without_spaces = note.contains("match=nospace");
        let damaged = file.contains("truncated") || note.contains("err corrupt");
        Entry { file, format, expect, phrases: phrases.collect(), without_spaces, damaged }
    });
    entries.collect()
}

fn normalised(text: &str, without_spaces: bool) -> String {
    let text: String = text.nfkc().filter(|c| !matches!(c, '\u{AD}' | '\u{200B}')).collect();
    text.split_whitespace().collect::<Vec<_>>().join(if without_spaces { "" } else { " " })
}

fn path(folder: &Path, file: &str) -> PathBuf {
    let inside = folder.join("files").join(file);
    if inside.exists() { inside } else { folder.join(file) }
}

/// What a person can find by a document: its text, and the texts of what is inside it.
fn all_text(name: &str, bytes: &[u8], depth: u32) -> (String, Option<Error>) {
    match parse(name, bytes) {
        Ok(document) if depth < 5 => {
            let mut text = document.text;
            for part in document.parts {
                text.push('\n');
                text.push_str(&all_text(&part.name, &part.bytes, depth + 1).0);
            }
            (text, None)
        }
        Ok(document) => (document.text, None),
        Err(error) => (String::new(), Some(error)),
    }
}

/// Phrases found and phrases there are, in the documents of one format.
fn recall(folder: &Path, format: &str) -> (usize, usize) {
    let (mut found, mut all) = (0, 0);
    for entry in entries(folder) {
        let has_text = ["TEXT", "LEGACY"].contains(&entry.expect.as_str());
        if entry.format != format || !has_text {
            continue;
        }
        let bytes = std::fs::read(path(folder, &entry.file)).unwrap();
        let (text, error) = all_text(&entry.file, &bytes, 0);
        let text = normalised(&text, entry.without_spaces);
        for phrase in &entry.phrases {
            let phrase = normalised(phrase, entry.without_spaces);
            all += 1;
            if text.contains(&phrase) {
                found += 1;
            } else {
                println!("{}: no {phrase:?} ({error:?})", entry.file);
            }
        }
    }
    println!("{format}: {found} of {all} phrases");
    (found, all)
}

/// What is missing is named in `allowed`: the reasons stand in the decision record of each parser.
fn at_least(format: &str, allowed: usize) {
    let Some(folder) = evaluation_data("documents") else { return };
    let (found, all) = recall(&folder, format);
    assert!(found + allowed >= all, "{format}: {found} of {all}");
}

#[test]
fn phrases_of_public_pdfs_are_found() {
    // A table's header whose cells have one line or two.
    at_least("pdf", 1);
}

#[test]
fn phrases_of_public_word_documents_are_found() {
    at_least("docx", 0);
}

#[test]
fn phrases_of_public_workbooks_are_found() {
    at_least("xlsx", 0);
}

#[test]
fn phrases_of_public_presentations_are_found() {
    at_least("pptx", 0);
    at_least("odp", 0);
}

#[test]
fn phrases_of_public_open_documents_are_found() {
    at_least("odt", 0);
}

#[test]
fn phrases_of_public_books_are_found() {
    at_least("epub", 0);
}

#[test]
fn phrases_of_public_rich_texts_are_found() {
    at_least("rtf", 0);
}

#[test]
fn phrases_of_public_old_office_documents_are_found() {
    at_least("doc", 0);
    at_least("xls", 0);
    at_least("ppt", 0);
}

#[test]
fn phrases_of_public_pages_are_found() {
    // A box of links to related articles, below an article and marked as navigation.
    at_least("html", 1);
}

#[test]
fn phrases_of_public_markdown_and_text_are_found() {
    at_least("md", 0);
    at_least("txt", 0);
}

#[test]
fn phrases_of_public_tables_records_and_markup_are_found() {
    for format in ["csv", "json", "xml", "tex", "vtt", "org"] {
        at_least(format, 0);
    }
}

#[test]
fn phrases_of_public_mail_are_found() {
    at_least("eml", 0);
    at_least("msg", 0);
    at_least("mbox", 0);
}

#[test]
fn a_public_archive_is_taken_apart_and_an_encrypted_message_is_named() {
    let Some(folder) = evaluation_data("documents") else { return };
    let read = |file: &str| parse(file, std::fs::read(path(&folder, file)).unwrap());
    let archive = read("unst__simple.zip").unwrap();
    println!("{:?}", archive.parts.iter().map(|part| &part.name).collect::<Vec<_>>());
    assert_eq!(archive.parts.len(), 2);
    for part in archive.parts {
        assert!(!parse(&part.name, part.bytes).unwrap().text.is_empty());
    }
    let encrypted = read("unst__fake-encrypted.eml").unwrap_err();
    assert_eq!(reason(&encrypted), Some(Reason::Encrypted));
}

fn reason(error: &Error) -> Option<Reason> {
    assert_eq!(error.kind(), ErrorKind::ParseFailed, "{error:?}");
    assert!(error.message().len() > 20, "the message says something: {error:?}");
    error.reason()
}

#[test]
fn what_has_no_text_has_its_reason() {
    let Some(folder) = evaluation_data("documents") else { return };
    for entry in entries(&folder) {
        let file = path(&folder, &entry.file);
        let result = parse(&entry.file, std::fs::read(file).unwrap());
        let ours = [
            "pdf", "docx", "html", "md", "txt", "xlsx", "pptx", "odt", "odp", "epub", "rtf", "csv",
            "json", "xml", "tex", "vtt", "org",
        ];
        let ours = ours.contains(&entry.format.as_str());
        let got = result.as_ref().err().and_then(reason);
        println!("{} {}: {got:?}", entry.expect, entry.file);
        match entry.expect.as_str() {
            "ERROR" if entry.damaged => assert_eq!(got, Some(Reason::Corrupt), "{}", entry.file),
            "ERROR" if ours => assert_eq!(got, Some(Reason::Encrypted), "{}", entry.file),
            "NOTEXT" if ours => assert_eq!(got, Some(Reason::NoTextLayer), "{}", entry.file),
            "EMPTY" if ours => assert_eq!(got, Some(Reason::Empty), "{}", entry.file),
            "LEGACY" => assert_eq!(got, None, "{}", entry.file),
            _ => {}
        }
    }
}
