//! E-books.

use chatbot_core::Reason;

use super::fixtures::{container, outline, parse};

const CONTAINER: &str = r#"<container><rootfiles><rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"#;

const BOOK: &str = r##"<?xml version="1.0"?><!DOCTYPE package PUBLIC "x" "y"><package xmlns:dc="dc"><metadata><dc:title>The book</dc:title><dc:creator>One</dc:creator><dc:creator>Two</dc:creator><dc:language>en</dc:language></metadata>
<manifest><item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/><item id="b" href="b%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="text/a.xhtml" media-type="application/xhtml+xml"/><item id="p" href="p.png" media-type="image/png"/><item id="t" href="toc.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="n"/><itemref idref="t"/><itemref idref="a"/><itemref idref="p"/><itemref idref="b"/><itemref idref="a"/><itemref idref="missing"/></spine><guide><reference type="toc" href="toc.xhtml#x"/></guide></package>"##;

pub(crate) fn epub(parts: &[(&str, &str)]) -> Vec<u8> {
    let entries = [
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", CONTAINER),
        ("OPS/book.opf", BOOK),
        ("OPS/nav.xhtml", "<html><body>contents</body></html>"),
        ("OPS/toc.xhtml", "<html><body>older contents</body></html>"),
        (
            "OPS/text/a.xhtml",
            r#"<?xml version="1.0"?><html xmlns="x"><head><title/><script src="s"/></head><body><h1>Chapter</h1><p>First<br/>line.</p><div id="x"/><p>Next.</p></body></html>"#,
        ),
        ("OPS/b b.xhtml", "<html><body><p>Last &eacute;.</p></body></html>"),
    ];
    // What a test brings along takes the place of what is there.
    let own = |entry: &(&str, &str)| !parts.iter().any(|part| part.0 == entry.0);
    let mut all: Vec<(&str, &str)> = entries.into_iter().filter(own).collect();
    all.extend(parts);
    container(&all)
}

#[test]
fn chapters_come_in_reading_order_and_contents_are_left_out() {
    let document = parse("a.epub", epub(&[])).unwrap();
    let chapters = ["h1: Chapter", "p: First\nline.", "p: Next.", "p: Last é."];
    assert_eq!(outline(&document)[1..], chapters);
    assert_eq!(document.title.as_deref(), Some("The book"));
    assert_eq!(document.metadata["author"], "One, Two");
    assert_eq!(document.metadata["lang"], "en");
}

#[test]
fn a_title_that_stands_on_no_page_stands_before_them() {
    let document = parse("a.epub", epub(&[])).unwrap();
    assert_eq!(outline(&document)[0], "h1: The book");
    let said = "<html><body><h2>THE<br/>BOOK</h2><p>Text.</p></body></html>";
    let document = parse("a.epub", epub(&[("OPS/text/a.xhtml", said)])).unwrap();
    assert_eq!(outline(&document)[0], "h2: THE BOOK");
}

#[test]
fn protected_books_are_named_and_garbled_fonts_are_no_protection() {
    let list = |algorithm: &str| {
        format!(
            r#"<encryption><EncryptedData><EncryptionMethod Algorithm="{algorithm}"/></EncryptedData></encryption>"#
        )
    };
    let secret = list("http://www.w3.org/2001/04/xmlenc#aes128-cbc");
    let error = parse("a.epub", epub(&[("META-INF/encryption.xml", &secret)])).unwrap_err();
    assert_eq!(error.reason(), Some(Reason::Encrypted));
    let fonts = list("http://www.idpf.org/2008/embedding");
    assert!(parse("a.epub", epub(&[("META-INF/encryption.xml", &fonts)])).is_ok());
}

#[test]
fn a_book_without_its_list_is_damaged() {
    let headless =
        container(&[("mimetype", "application/epub+zip"), ("META-INF/container.xml", CONTAINER)]);
    assert_eq!(parse("a.epub", headless).unwrap_err().reason(), Some(Reason::Corrupt));
}
