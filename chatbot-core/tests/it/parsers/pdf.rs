//! PDF documents.

use chatbot_core::Reason;
use chatbot_core::traits::ParseLimits;

use super::fixtures::{outline, parse, parse_within, pdf, pdf_with, show, written};

#[test]
fn pages_headings_and_paragraphs_are_found() {
    let first = [
        show(50, 740, 20, "The heading"),
        show(
            50,
            700,
            10,
            "A paragraph that goes on for more than one line, whose last word is hyphen-",
        ),
        show(
            50,
            688,
            10,
            "ated, and which ends here, a little short of the end of the second line.",
        ),
        show(
            50,
            660,
            10,
            "A second paragraph, further down, that is long enough to be one of its own.",
        ),
    ];
    let second = show(
        50,
        740,
        10,
        "Text on the second page, long enough to count as the usual size of text.",
    );
    let document = parse("a.pdf", pdf(&[&first.concat(), "", &second])).unwrap();
    let outline = outline(&document);
    assert_eq!(outline[0], "h1: The heading");
    assert!(outline[1].contains("word is hyphenated, and which ends here"), "{outline:?}");
    assert_eq!(outline.len(), 4, "{outline:?}");
    let pages: Vec<_> =
        document.pages.iter().map(|page| (page.number, page.span.is_empty())).collect();
    assert_eq!(pages, [(1, false), (2, true), (3, false)]);
    let third = document.pages[2].span.slice(&document.text).unwrap();
    assert!(third.starts_with("Text on the second page"));
    assert_eq!(document.title.as_deref(), Some("The heading"));
    assert!(document.warnings.iter().any(|warning| warning.code == "pages_without_text"));
}

#[test]
fn the_stated_title_is_used_unless_it_is_a_file_name() {
    let page = show(50, 700, 12, "Some words of text");
    let title = |info| parse("a.pdf", pdf_with(&[&page], info)).unwrap().title;
    assert_eq!(title("/Title (A real title) /Author (A writer)").as_deref(), Some("A real title"));
    assert_eq!(title("/Title (draft_3.docx)"), None);
}

#[test]
fn columns_are_read_one_after_the_other() {
    let mut page = String::new();
    for i in 0..12 {
        page += &show(50, 700 - 12 * i, 10, "left column with a full line of text here");
        page += &show(320, 700 - 12 * i, 10, "right column with a full line of text here");
    }
    let text = parse("a.pdf", pdf(&[&page])).unwrap().text;
    let last_left = text.rfind("left").unwrap();
    assert!(last_left < text.find("right").unwrap(), "{text}");
}

#[test]
fn words_placed_letter_by_letter_in_any_order_come_out_whole() {
    let mut page = String::new();
    // The widths of these letters in Helvetica, in tenths of a point at 100 points.
    let letters = [("l", 22), ("e", 56), ("t", 28), ("t", 28), ("e", 56), ("r", 33), ("s", 50)];
    let mut right = 400;
    for (letter, width) in letters.into_iter().rev() {
        right -= width;
        page += &show(right, 600, 100, letter);
    }
    page += "BT /F 10 Tf 50 650 Td [(kern) -30 (ed) -400 (words)] TJ ET";
    let text = parse("a.pdf", pdf(&[&page])).unwrap().text;
    assert!(text.contains("letters"), "{text}");
    assert!(text.contains("kerned words"), "{text}");
}

#[test]
fn a_space_that_was_written_counts_however_narrow_it_is_shown() {
    let shown = |by: i32| {
        let page = format!("BT /F 12 Tf 50 700 Td [(Yes,) ( ) {by} (there)] TJ ET");
        parse("a.pdf", pdf(&[&page])).unwrap().text
    };
    // A space of Helvetica is 278 thousandths wide: 88 of them are left, and then none.
    assert_eq!(shown(190), "Yes, there");
    assert_eq!(shown(278), "Yes,there");
    let page = "BT /F 12 Tf 50 700 Td [(Yes,) -88 (there)] TJ ET";
    assert_eq!(parse("a.pdf", pdf(&[page])).unwrap().text, "Yes,there", "kerning is no space");
}

#[test]
fn rotated_text_is_read_along_its_lines() {
    let page = "BT /F 12 Tf 0 1 -1 0 300 100 Tm (Turned to the side) Tj ET";
    assert_eq!(parse("a.pdf", pdf(&[page])).unwrap().text, "Turned to the side");
}

#[test]
fn what_cannot_be_read_has_a_reason() {
    let reason = |bytes: &[u8]| parse("a.pdf", bytes).unwrap_err().reason();
    assert_eq!(reason(&pdf(&["0 0 100 100 re f"])), Some(Reason::NoTextLayer));
    assert_eq!(reason(b"%PDF-1.7\nnothing else"), Some(Reason::Corrupt));
    assert_eq!(reason(b"no header at all"), Some(Reason::Corrupt));
    let error = parse("a.pdf", pdf(&[""])).unwrap_err();
    assert!(error.message().contains("character recognition"), "{}", error.message());
    assert!(error.message().contains("tesseract"), "{}", error.message());
}

#[test]
fn forms_that_draw_themselves_end() {
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 11 0 R /Resources << /Font << /F 3 0 R >> /XObject << /X 12 0 R /Y 13 0 R >> >> >>";
    let stream = |dict: &str, content: &str| {
        format!("<< {dict} /Length {} >>\nstream\n{content}\nendstream", content.len())
    };
    let form = "/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /XObject << /X 12 0 R /Y 13 0 R >> >>";
    let objects = [
        (1, "<< /Type /Catalog /Pages 2 0 R >>".to_owned()),
        (2, "<< /Type /Pages /Kids [10 0 R] /Count 1 >>".to_owned()),
        (3, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned()),
        (4, "<< >>".to_owned()),
        (10, page.to_owned()),
        (11, stream("", &format!("/X Do {}", show(50, 700, 12, "Text")))),
        (12, stream(form, "/Y Do /Y Do")),
        (13, stream(form, "/X Do /X Do")),
    ];
    assert_eq!(parse("a.pdf", written(&objects)).unwrap().text, "Text");
}

#[test]
fn pages_are_limited() {
    let page = show(50, 700, 12, "Text");
    let limits = ParseLimits { max_pages: 1, ..ParseLimits::default() };
    let error = parse_within("a.pdf", pdf(&[&page, &page]), &limits).unwrap_err();
    assert_eq!(error.reason(), Some(Reason::LimitExceeded));
}
