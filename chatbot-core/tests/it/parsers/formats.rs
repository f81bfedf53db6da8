//! What every format has in common, and the small ones.

use chatbot_core::parsers::{
    DocxParser, EpubParser, HtmlParser, MarkdownParser, OdfParser, PdfParser, PlainTextParser,
    PptxParser, RtfParser, XlsParser, XlsxParser,
};
use chatbot_core::testing::conformance::parser::{Sample, check};
use chatbot_core::traits::{ParseLimits, Parser};
use chatbot_core::types::MediaType;
use chatbot_core::{ErrorKind, Reason};

use super::epub::epub;
use super::fixtures::{container, docx, outline, p, parse, parse_within, pdf, show};
use super::odf::odf;
use super::ole::{old_text_cell, xls};
use super::pptx::pptx;
use super::rtf::rtf;
use super::xlsx::xlsx;

fn suite(parser: &dyn Parser, media_type: MediaType, name: &'static str, bytes: Vec<u8>) {
    check(parser, &[Sample { media_type, name, bytes, contains: "words to find" }]);
}

#[test]
fn every_parser_passes_the_suite() {
    let text = "A paragraph with words to find.\n\nAnother paragraph, for good measure.";
    suite(&PlainTextParser::default(), MediaType::TEXT, "a.txt", text.into());
    let markdown = format!("# Title\n\n{text}\n\n- item\n\n| a | b |\n|---|---|\n| c | d |\n");
    suite(&MarkdownParser::default(), MediaType::MARKDOWN, "a.md", markdown.into());
    let html = format!("<title>T</title><body><h1>Title</h1><p>{text}</p><ul><li>item</ul>");
    suite(&HtmlParser::default(), MediaType::HTML, "a.html", html.into());
    suite(&DocxParser::default(), MediaType::DOCX, "a.docx", docx(&p(text), &[]));
    let office = |kind: &str| {
        let name = format!("application/vnd.openxmlformats-officedocument.{kind}");
        MediaType::parse(&name).unwrap()
    };
    let cells =
        format!(r#"<sheetData><row><c t="inlineStr"><is><t>{text}</t></is></c></row></sheetData>"#);
    let workbook = xlsx(&cells, "", &[]);
    suite(&XlsxParser::default(), office("spreadsheetml.sheet"), "a.xlsx", workbook);
    let slides = pptx(&format!("<p:sp><a:p><a:t>{text}</a:t></a:p></p:sp>"), "", &[]);
    suite(&PptxParser::default(), office("presentationml.presentation"), "a.pptx", slides);
    let open = MediaType::from_static("application/vnd.oasis.opendocument.text");
    let body = format!("<office:text><text:p>{text}</text:p></office:text>");
    suite(&OdfParser::default(), open, "a.odt", odf("text", &body, &[]));
    let chapter = format!("<html><body><p>{text}</p></body></html>");
    let book = epub(&[("OPS/b b.xhtml", &chapter)]);
    suite(&EpubParser::default(), MediaType::from_static("application/epub+zip"), "a.epub", book);
    let rich = rtf(&format!(r"\pard {}\par", text.replace("\n\n", r"\par ")));
    suite(&RtfParser::default(), MediaType::from_static("application/rtf"), "a.rtf", rich);
    let old = xls(&[old_text_cell("A cell with words to find.")]);
    suite(&XlsParser::default(), MediaType::from_static("application/vnd.ms-excel"), "a.xls", old);
    let page = show(50, 700, 12, "A paragraph with words to find.");
    suite(&PdfParser::default(), MediaType::PDF, "a.pdf", pdf(&[&page, &page]));
}

#[test]
fn what_cannot_be_read_is_named_with_what_to_do() {
    let xlsb = container(&[("xl/workbook.bin", "binary")]);
    let odg = container(&[("mimetype", "application/vnd.oasis.opendocument.graphics")]);
    let cases: [(&str, &[u8], &str); 6] = [
        ("a.xlsb", &xlsb, "binary workbook"),
        ("a.docx", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1rest", "old Office document"),
        ("a.gif", b"GIF89a1234", "picture"),
        ("a.odg", &odg, "OpenDocument"),
        ("a.mp3", b"ID3\x03\0\0", "sound"),
        ("a.bin", &[0, 1, 2, 3, 4, 5, 6, 0xFF], "not known"),
    ];
    for (name, bytes, what) in cases {
        let error = parse(name, bytes).unwrap_err();
        let kind = (error.kind(), error.reason());
        assert_eq!(kind, (ErrorKind::ParseFailed, Some(Reason::UnsupportedFormat)), "{name}");
        assert!(error.message().contains(what), "{name}: {}", error.message());
    }
}

#[test]
fn markdown_loses_its_markup_and_keeps_its_structure() {
    let markdown = "---\ntitle: \"The title\"\nauthor: A writer\n---\n# Head *line*\n\nSome **bold** \
        [link](http://x/) and `code`.\n\n1. one\n2. two\n   - inner\n\n> quoted\n\n```rust\nfn a() {}\n\nfn b() {}\n```\n\n\
        | A | B |\n|---|---|\n| 1 | x \\| y |\n\nText[^1].\n\n[^1]: The note.\n\n<div>html <b>inside</b></div>\n";
    let document = parse("a.md", markdown).unwrap();
    assert_eq!(document.title.as_deref(), Some("The title"));
    assert_eq!(document.metadata["author"], "A writer");
    let expected = [
        "h1: Head line",
        "p: Some bold link and code.",
        "li: 1. one",
        "li: 2. two",
        "li: - inner",
        "quote: quoted",
        "code: fn a() {}\n\nfn b() {}",
        "th: A | B",
        "tr: 1 | x | y",
        "p: Text.",
        "note: [1] The note.",
        "p: html inside",
    ];
    assert_eq!(outline(&document), expected);
}

#[test]
fn plain_text_stays_as_it_is_but_for_line_breaks_and_noise() {
    let document = parse("a.txt", "one\r\ntwo\r\n\r\n\x1B[1mthree\x1B[0m\0").unwrap();
    assert_eq!(document.text, "one\ntwo\n\nthree");
    assert_eq!(outline(&document), ["p: one\ntwo", "p: three"]);
    let code = parse("a.py", "def a():\n    return 1\n").unwrap();
    assert_eq!(outline(&code), ["code: def a():\n    return 1"]);
}

#[test]
fn limits_hold_for_every_format() {
    let limits = ParseLimits { max_text_bytes: 8, ..ParseLimits::default() };
    for name in ["a.txt", "a.md", "a.html"] {
        let error = parse_within(name, "more than eight bytes", &limits).unwrap_err();
        assert_eq!(error.reason(), Some(Reason::LimitExceeded), "{name}");
    }
}
