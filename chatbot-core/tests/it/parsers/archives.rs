//! Zip archives: what comes out of them, and what does not.

use std::io::{Cursor, Write as _};

use chatbot_core::parsers::ZipParser;
use chatbot_core::traits::{ParseLimits, Parser as _};
use chatbot_core::types::{MediaType, ParsedDocument, RawDocument};
use chatbot_core::{Context, Reason, Result};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::fixtures::{container, docx, p, parse, parse_within, pdf, show};

fn names(document: &ParsedDocument) -> Vec<&str> {
    document.parts.iter().map(|part| part.name.as_str()).collect()
}

/// An archive of these files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn reason<T: std::fmt::Debug>(result: Result<T>) -> Option<Reason> {
    result.unwrap_err().reason()
}

#[test]
fn files_come_out_with_their_paths_and_archives_are_opened() {
    let word = docx(&p("words"), &[]);
    let inner = archive(&[("deep.txt", b"deep")]);
    let outer = archive(&[
        ("a/notes.txt", b"notes"),
        ("report.docx", &word),
        ("empty.txt", b""),
        ("inner.zip", &inner),
        ("__MACOSX/._notes.txt", b"x"),
        (".git/config", b"x"),
        ("photo.png", b"\x89PNG\r\n\x1a\n1234"),
    ]);
    let document = parse("outer.zip", &outer).unwrap();
    assert_eq!((document.media_type.clone(), document.text.as_str()), (MediaType::ZIP, ""));
    assert_eq!(names(&document), ["a/notes.txt", "report.docx", "inner.zip/deep.txt"]);
    assert_eq!(document.parts[1].bytes, word, "byte for byte");
    let said: Vec<_> = document.warnings.iter().map(|w| w.message.as_str()).collect();
    assert_eq!(said, ["A part was left out because its format cannot be read: photo.png"]);
}

#[test]
fn nothing_readable_is_a_failure_with_its_reason() {
    let pictures = archive(&[("a.png", b"\x89PNG\r\n\x1a\n1234"), ("b.gif", b"GIF89a12")]);
    assert_eq!(reason(parse("a.zip", pictures)), Some(Reason::UnsupportedFormat));
    assert_eq!(reason(parse("a.zip", archive(&[("a.txt", b"")]))), Some(Reason::Empty));
    assert_eq!(reason(parse("a.zip", archive(&[]))), Some(Reason::Empty));
    let whole = archive(&[("a.txt", b"text")]);
    assert_eq!(reason(parse("a.zip", &whole[..whole.len() / 2])), Some(Reason::Corrupt));
}

/// The archive with the bit that says that an entry is encrypted, in both places that say so.
fn locked(mut zip: Vec<u8>) -> Vec<u8> {
    for (signature, flags) in [(&b"PK\x03\x04"[..], 6), (b"PK\x01\x02", 8)] {
        let found: Vec<usize> =
            (0..zip.len()).filter(|at| zip[*at..].starts_with(signature)).collect();
        for at in found {
            zip[at + flags] |= 1;
        }
    }
    zip
}

#[test]
fn protected_files_and_links_are_left_out_and_named() {
    assert_eq!(
        reason(parse("a.zip", locked(archive(&[("a.txt", b"text")])))),
        Some(Reason::Encrypted)
    );
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("link.txt", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    zip.start_file("a.txt", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"text").unwrap();
    zip.start_file("../up.txt", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"text").unwrap();
    zip.start_file("/abs.txt", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"text").unwrap();
    let document = parse("a.zip", zip.finish().unwrap().into_inner()).unwrap();
    assert_eq!(names(&document), ["a.txt", "abs.txt"]);
    let said: Vec<_> = document.warnings.iter().map(|w| w.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "A part was left out because it is a link: link.txt",
            "A part was left out because its name leads outside: ../up.txt",
        ]
    );
}

#[test]
fn two_files_of_one_name_are_reported() {
    let mut zip = archive(&[("a.txt", b"first"), ("b.txt", b"other")]);
    let found: Vec<usize> = (0..zip.len()).filter(|at| zip[*at..].starts_with(b"b.txt")).collect();
    for at in found {
        zip[at] = b'a';
    }
    let document = parse("a.zip", zip).unwrap();
    assert_eq!(document.parts.len(), 1);
    assert_eq!(document.parts[0].bytes, "other");
    assert_eq!(document.warnings[0].code, "same_names");
}

#[test]
fn what_unpacks_too_far_is_refused_as_a_whole() {
    let zeros = vec![b'0'; 40 << 20];
    let bomb = archive(&[("a.txt", b"text"), ("zeros.txt", &zeros)]);
    assert_eq!(reason(parse("a.zip", &bomb)), Some(Reason::LimitExceeded), "by ratio");
    let many: Vec<(String, Vec<u8>)> =
        (0..8).map(|i| (format!("{i}"), vec![b'0'; 3 << 20])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(n, c)| (n.as_str(), c.as_slice())).collect();
    let limits = ParseLimits { max_unpacked_bytes: 20 << 20, ..ParseLimits::default() };
    assert_eq!(reason(parse_within("a.zip", archive(&many), &limits)), Some(Reason::LimitExceeded));
    let limits = ParseLimits { max_part_bytes: 20 << 20, ..ParseLimits::default() };
    assert_eq!(reason(parse_within("a.zip", archive(&many), &limits)), Some(Reason::LimitExceeded));
    let limits = ParseLimits { max_parts: 7, ..ParseLimits::default() };
    assert_eq!(reason(parse_within("a.zip", archive(&many), &limits)), Some(Reason::LimitExceeded));
    let limits = ParseLimits { max_parts: 1, ..ParseLimits::default() };
    assert_eq!(reason(parse_within("a.zip", archive(&many), &limits)), Some(Reason::LimitExceeded));
}

#[test]
fn archives_in_archives_go_three_deep() {
    let mut zip = archive(&[("a.txt", b"text")]);
    for depth in 1..=3 {
        let document = parse("a.zip", &zip).unwrap();
        assert_eq!(document.parts[0].name, format!("{}a.txt", "z.zip/".repeat(depth - 1)));
        zip = archive(&[("z.zip", &zip)]);
    }
    assert_eq!(reason(parse("a.zip", &zip)), Some(Reason::LimitExceeded));
    let damaged = archive(&[("z.zip", b"PK\x03\x04broken"), ("a.txt", b"text")]);
    assert_eq!(names(&parse("a.zip", damaged).unwrap()), ["a.txt"], "the others are there");
}

#[test]
fn damage_anywhere_ends_with_files_or_a_reason() {
    let whole = archive(&[("a.txt", b"some text in a file"), ("b/c.txt", b"another text in one")]);
    let parse = |bytes: Vec<u8>| {
        let raw = RawDocument { name: "a.zip".into(), declared: None, bytes: bytes.into() };
        ZipParser::default().parse(
            &Context::local(),
            &MediaType::ZIP,
            &raw,
            &ParseLimits::default(),
        )
    };
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x55;
        for damaged in [whole[..at].to_vec(), flipped] {
            if let Err(error) = parse(damaged) {
                assert!(error.reason().is_some(), "{at}: {error:?}");
            }
        }
    }
}

/// What begins as one thing and goes on as another is what it begins as: the bytes at the beginning are what programs
/// open it by, and a second format behind the first is something its sender may hide in it. It is not taken apart a
/// second way.
#[test]
fn a_file_that_is_two_things_is_what_it_begins_as() {
    let zip = archive(&[("hidden.txt", b"hidden")]);
    let kind = |name: &str, front: &[u8]| {
        let bytes = [front, &zip].concat();
        parse(name, bytes)
            .map(|document| (document.media_type.as_str().to_owned(), document.parts.len()))
    };
    let page = show(50, 700, 12, "words");
    assert_eq!(kind("a.zip", &pdf(&[&page])).unwrap(), ("application/pdf".to_owned(), 0));
    let html = "<!doctype html><title>t</title><p>words</p>".repeat(100);
    assert_eq!(kind("a.zip", html.as_bytes()).unwrap(), ("text/html".to_owned(), 0));
    // A zip with something in front is no zip, and one with something behind is one.
    let behind = [&zip[..], b"%PDF-1.7"].concat();
    assert_eq!(parse("a.pdf", behind).unwrap().media_type, MediaType::ZIP);
    // Office documents are containers as well: they are read, not unpacked.
    let word = docx(&p("words"), &[("extra.txt", "extra")]);
    assert!(parse("a.zip", word).unwrap().parts.is_empty());
    let other = container(&[("META-INF/MANIFEST.MF", "Main: x")]);
    assert_eq!(parse("a.jar", other).unwrap().parts.len(), 1);
}
