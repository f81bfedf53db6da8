//! Pages that are pictures: decoded by a worker, read by a program that sees nothing but grey values.
//!
//! Most tests bring a program of their own, a shell script that answers as tesseract does; the last ones run tesseract
//! where it is there.
#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chatbot_core::parsers::ocr::{OcrOptions, OcrReader};
use chatbot_core::parsers::worker::{WorkerOptions, WorkerReader};
use chatbot_core::traits::{DocumentReader, ParseLimits};
use chatbot_core::types::{MediaType, ParsedDocument, RawDocument};
use chatbot_core::{Context, Error, ErrorKind, Reason};
use tempfile::TempDir;

use crate::support::eventually;

/// A word as tesseract tells it, in a paragraph of this number.
fn word(paragraph: u32, sure: u32, text: &str) -> String {
    format!("5\\t1\\t1\\t{paragraph}\\t1\\t1\\t0\\t0\\t9\\t9\\t{sure}\\t{text}\\n")
}

/// A program in place of tesseract that does `page` for each page; in it, `$n` is how many bytes it was given.
fn program(folder: &TempDir, page: &str) -> PathBuf {
    let path = folder.path().join("recognise");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --list-langs ]; then printf 'List:\\neng\\nosd\\n'; exit; fi\n\
         n=$(wc -c)\n{page}\n"
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn reader(options: OcrOptions) -> OcrReader {
    let mut workers = WorkerOptions::new(env!("CARGO_BIN_EXE_chatbot"));
    workers.arguments = vec!["parse-worker".to_owned()];
    let variable = ("MALLOC_CONF".to_owned(), "retain:false".to_owned());
    workers.environment = [variable].into();
    let limits = ParseLimits { pictures: true, ..ParseLimits::default() };
    OcrReader::new(WorkerReader::new(workers, limits), options)
}

async fn read(options: OcrOptions, name: &str, bytes: Vec<u8>) -> Result<ParsedDocument, Error> {
    let raw = RawDocument { name: name.to_owned(), declared: None, bytes: bytes.into() };
    reader(options).read(&Context::local(), raw).await
}

/// A page of text, and no picture.
const TEXT: &str = "BT /F 12 Tf 9 100 Td (A page with a text layer says by itself what is on it, and it does so in more words.) Tj ET";
/// A picture of a page.
const SCAN: &str = "q 144 0 0 144 0 0 cm /I Do Q";

/// A document with these pages.
fn pdf(pages: &[&str]) -> Vec<u8> {
    let mut out = "%PDF-1.7\n1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\n\
        3 0 obj << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> endobj\n\
        4 0 obj << /Type /XObject /Subtype /Image /Width 2 /Height 2 /BitsPerComponent 8 /ColorSpace /DeviceGray /Length 4 >>\n\
        stream\n!~~!\nendstream endobj\n"
        .to_owned();
    let mut kids = String::new();
    for (number, content) in (10..).step_by(2).zip(pages) {
        write!(kids, "{number} 0 R ").unwrap();
        let (len, stream) = (content.len(), number + 1);
        write!(
            out,
            "{number} 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 144 144] /Contents {stream} 0 R /Resources \
             << /Font << /F 3 0 R >> /XObject << /I 4 0 R >> >> >> endobj\n\
             {stream} 0 obj << /Length {len} >>\nstream\n{content}\nendstream endobj\n"
        )
        .unwrap();
    }
    let n = pages.len();
    writeln!(out, "2 0 obj << /Type /Pages /Kids [{kids}] /Count {n} >> endobj").unwrap();
    out += "trailer << /Root 1 0 R /Size 100 >>\nstartxref\n0\n%%EOF\n";
    out.into_bytes()
}

fn codes(document: &ParsedDocument) -> Vec<&str> {
    document.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

#[tokio::test]
async fn only_pages_without_text_are_recognised_and_the_document_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let says = format!("printf '{}{}'", word(1, 95, "page"), word(2, 95, "of $n bytes"));
    let says = says.replace("$n", "'$n'");
    let options = OcrOptions::new(program(&folder, &says));
    let document = read(options, "a.pdf", pdf(&[TEXT, SCAN, ""])).await.unwrap();
    let pages: Vec<_> =
        document.pages.iter().map(|page| page.span.slice(&document.text).unwrap()).collect();
    assert!(pages[0].starts_with("A page with a text layer"), "{pages:?}");
    // 144 by 144 points at 150 dots per inch, with the head of the format: nothing else of the file is given away.
    assert_eq!(pages[1], format!("page\n\nof {} bytes", 300 * 300 + "P5\n300 300\n255\n".len()));
    assert_eq!(pages[2], "");
    assert_eq!(document.metadata["ocr_pages"], "2");
    assert_eq!(codes(&document), ["recognised_text", "pages_without_text"]);
}

#[tokio::test]
async fn doubts_are_marked() {
    let folder = tempfile::tempdir().unwrap();
    let options = OcrOptions::new(program(&folder, &format!("printf '{}'", word(1, 30, "scrawl"))));
    let document = read(options, "a.pdf", pdf(&[SCAN])).await.unwrap();
    assert_eq!(document.text, "scrawl");
    assert_eq!(codes(&document), ["recognised_text", "uncertain_text"]);
}

#[tokio::test]
async fn a_program_that_fails_costs_its_pages_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for (page, said) in [
        ("exit 1", "no text was recognised"),
        ("kill -9 $$", "no text was recognised"),
        ("cat /dev/zero | head -c 10000000", "no text was recognised"),
        ("true", "no text was recognised"),
    ] {
        let options = OcrOptions::new(program(&folder, page));
        let error = read(options.clone(), "a.pdf", pdf(&[SCAN])).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::NoTextLayer), "{page}");
        assert!(error.message().contains(said), "{page}: {}", error.message());
        let document = read(options, "a.pdf", pdf(&[TEXT, SCAN])).await.unwrap();
        assert!(document.text.starts_with("A page"), "{page}");
    }
}

#[tokio::test]
async fn a_missing_program_or_language_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = OcrOptions::new(folder.path().join("nothing"));
    let error = read(missing, "a.pdf", pdf(&[SCAN])).await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::NoTextLayer));
    assert!(error.message().contains("parsing.ocr_program"), "{}", error.message());
    let languages = vec!["eng".to_owned(), "tlh".to_owned()];
    let other = OcrOptions { languages, ..OcrOptions::new(program(&folder, "true")) };
    let error = read(other.clone(), "a.pdf", pdf(&[SCAN])).await.unwrap_err();
    assert!(error.message().contains("no data for `tlh`"), "{}", error.message());
    let document = read(other, "a.pdf", pdf(&[TEXT, SCAN])).await.unwrap();
    assert!(codes(&document).contains(&"recognition_failed"), "{:?}", codes(&document));
}

#[tokio::test]
async fn pages_and_time_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let options = OcrOptions::new(program(&folder, &format!("printf '{}'", word(1, 95, "page"))));
    let two = OcrOptions { max_pages: 2, ..options.clone() };
    let document = read(two, "a.pdf", pdf(&[SCAN; 4])).await.unwrap();
    assert_eq!(document.metadata["ocr_pages"], "1–2");
    assert_eq!(codes(&document), ["recognised_text", "pages_not_recognised", "pages_without_text"]);
    let hang = OcrOptions {
        page_time: Duration::from_secs(1),
        ..OcrOptions::new(program(&folder, "exec sleep 600"))
    };
    let document = read(hang, "a.pdf", pdf(&[TEXT, SCAN])).await.unwrap();
    assert_eq!(codes(&document), ["pages_not_recognised", "pages_without_text"]);
}

#[tokio::test]
async fn a_cancel_reaches_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    // Its files may have no bytes in them: a name says which process it is.
    let path = program(&folder, &format!(": > {}.$$; exec sleep 600", pid.display()));
    let ctx = Context::local();
    let bytes = pdf(&[SCAN]).into();
    let raw = RawDocument { name: "a.pdf".to_owned(), declared: None, bytes };
    let reader = reader(OcrOptions::new(path));
    let asking = ctx.clone();
    let work = tokio::spawn(async move { reader.read(&asking, raw).await });
    let begun = || started(folder.path());
    eventually(async || begun().is_some()).await;
    ctx.cancel();
    assert_eq!(work.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    let process = PathBuf::from(format!("/proc/{}", begun().unwrap()));
    eventually(async || !process.exists()).await;
}

fn started(folder: &Path) -> Option<u32> {
    let mut entries = std::fs::read_dir(folder).unwrap();
    entries
        .find_map(|entry| entry.unwrap().file_name().to_str()?.strip_prefix("pid.")?.parse().ok())
}

#[tokio::test]
async fn pictures_are_documents_of_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let options = OcrOptions::new(program(&folder, &format!("printf '{}'", word(1, 95, "page"))));
    let document = read(options.clone(), "a.png", png()).await.unwrap();
    assert_eq!((document.text.as_str(), document.pages.len()), ("page", 1));
    assert_eq!(document.media_type, MediaType::from_static("image/png"));
    let damaged = read(options, "a.jpg", b"\xFF\xD8\xFF\xE0 and nothing".to_vec()).await;
    assert_eq!(damaged.unwrap_err().reason(), Some(Reason::Corrupt));
}

/// Four pixels.
fn png() -> Vec<u8> {
    const PNG: &[u8] = b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x02\x00\x00\x00\x02\x08\x00\x00\x00\x00\x57\xdd\x52\xf8\x00\x00\x00\x0c\x49\x44\x41\x54\x78\x9c\x63\x60\xf8\x0f\x84\x00\x06\x00\x01\xff\x93\xd1\xe4\x89\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";
    PNG.to_vec()
}

/// Tesseract and a public scan, or `None` with a line that says so.
fn public(file: &str) -> Option<(OcrOptions, Vec<u8>)> {
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("CHATBOT_EVAL_DATA").map_or_else(usual, PathBuf::from);
    let bytes = std::fs::read(root.join("documents/files").join(file)).ok();
    let program = OcrOptions::find("tesseract");
    if bytes.is_none() || program.is_none() {
        println!("skipped: there is no tesseract, or no {file} below CHATBOT_EVAL_DATA");
    }
    Some((OcrOptions::new(program?), bytes?))
}

#[tokio::test]
async fn public_scans_are_read_also_where_they_were_turned() {
    for (file, phrases) in [
        ("unst__loremipsum-flat.pdf", &["Lorem ipsum dolor sit amet"][..]),
        ("docling__ocr_test_rotated_90.pdf", &["Docling bundles PDF document conversion"]),
    ] {
        let Some((options, bytes)) = public(file) else { return };
        let document = read(options, file, bytes).await.unwrap();
        let text = document.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for phrase in phrases {
            assert!(text.contains(phrase), "{file}: {text}");
        }
        assert_eq!(document.metadata["ocr"], "tesseract");
        assert!(!codes(&document).contains(&"uncertain_text"), "{file}");
    }
}
