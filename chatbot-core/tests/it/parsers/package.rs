//! What containers may not do, whatever is in them.

use std::io::{Cursor, Write as _};

use chatbot_core::Reason;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::fixtures::{container, docx, p, parse};

const OPENDOCUMENT: &str = "application/vnd.oasis.opendocument.text";
/// Room for a part that no ratio is held against, in bytes.
const FREE_BYTES: usize = 4 << 20;

/// A container of each kind whose main part has this content.
fn each_kind(content: &str) -> [(&'static str, Vec<u8>); 5] {
    let sheets =
        r#"<workbook xmlns:r="r"><sheets><sheet name="S" r:id="rId1"/></sheets></workbook>"#;
    let slides = r#"<p xmlns:r="r"><sldId r:id="rId1"/></p>"#;
    let relation = |kind: &str| {
        format!(
            r#"<Relationships><Relationship Id="rId1" Type="x/{kind}" Target="one.xml"/></Relationships>"#
        )
    };
    let opf = r#"<package><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>"#;
    let root = r#"<container><rootfile full-path="book.opf"/></container>"#;
    [
        ("a.docx", container(&[("word/document.xml", content)])),
        (
            "a.xlsx",
            container(&[
                ("xl/workbook.xml", sheets),
                ("xl/_rels/workbook.xml.rels", &relation("worksheet")),
                ("xl/one.xml", content),
            ]),
        ),
        (
            "a.pptx",
            container(&[
                ("ppt/presentation.xml", slides),
                ("ppt/_rels/presentation.xml.rels", &relation("slide")),
                ("ppt/one.xml", content),
            ]),
        ),
        ("a.odt", container(&[("mimetype", OPENDOCUMENT), ("content.xml", content)])),
        (
            "a.epub",
            container(&[
                ("mimetype", "application/epub+zip"),
                ("META-INF/container.xml", root),
                ("book.opf", opf),
                ("a.xhtml", content),
            ]),
        ),
    ]
}

#[test]
fn a_part_that_unpacks_too_far_is_refused_in_every_format() {
    let bomb = format!("<a>{}</a>", " ".repeat(10 * FREE_BYTES));
    for (name, bytes) in each_kind(&bomb) {
        assert_eq!(parse(name, bytes).unwrap_err().reason(), Some(Reason::LimitExceeded), "{name}");
    }
}

#[test]
fn entities_are_never_expanded() {
    let laughs = r#"<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>"#;
    for (name, bytes) in each_kind(laughs).into_iter().take(4) {
        assert_eq!(parse(name, bytes).unwrap_err().reason(), Some(Reason::Corrupt), "{name}");
    }
}

#[test]
fn a_part_that_is_there_twice_has_no_meaning() {
    let mut bytes = container(&[("word/document.xml", "<a/>"), ("word/documenu.xml", "<a/>")]);
    for at in 0..bytes.len() - 17 {
        if &bytes[at..at + 17] == b"word/documenu.xml" {
            bytes[at + 12] = b't';
        }
    }
    assert_eq!(parse("a.docx", bytes).unwrap_err().reason(), Some(Reason::Corrupt));
    let by_case = container(&[("word/document.xml", "<a/>"), ("WORD\\Document.xml", "<a/>")]);
    assert_eq!(parse("a.docx", by_case).unwrap_err().reason(), Some(Reason::Corrupt));
}

#[test]
fn too_many_parts_are_refused_and_names_that_lead_out_are_no_parts() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("word/document.xml", SimpleFileOptions::default()).unwrap();
    for i in 0..10_001 {
        zip.start_file(format!("{i}"), SimpleFileOptions::default()).unwrap();
    }
    let many = zip.finish().unwrap().into_inner();
    assert_eq!(parse("a.docx", many).unwrap_err().reason(), Some(Reason::LimitExceeded));
    let outside = docx(&p("text"), &[("../../word/styles.xml", "not xml <"), ("/etc/x", "y")]);
    assert_eq!(parse("a.docx", outside).unwrap().text, "text");
}

#[test]
fn links_and_entries_under_a_password_are_not_followed() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("word/document.xml", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let link = zip.finish().unwrap().into_inner();
    assert_eq!(parse("a.docx", link).unwrap_err().reason(), Some(Reason::Corrupt));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("word/document.xml", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"<a/>").unwrap();
    let mut secret = zip.finish().unwrap().into_inner();
    let directory = secret.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    secret[6] |= 1;
    secret[directory + 8] |= 1;
    assert_eq!(parse("a.docx", secret).unwrap_err().reason(), Some(Reason::Encrypted));
}
