//! Documents made for the tests.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use bytes::Bytes;
use chatbot_core::parsers::Parsers;
use chatbot_core::traits::ParseLimits;
use chatbot_core::types::{BlockKind, ParsedDocument, RawDocument};
use chatbot_core::{Context, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Reads `bytes` under `name` with the parsers of the build.
pub(crate) fn parse(name: &str, bytes: impl AsRef<[u8]>) -> Result<ParsedDocument> {
    parse_within(name, bytes, &ParseLimits::default())
}

pub(crate) fn parse_within(
    name: &str,
    bytes: impl AsRef<[u8]>,
    limits: &ParseLimits,
) -> Result<ParsedDocument> {
    let bytes = Bytes::copy_from_slice(bytes.as_ref());
    let raw = RawDocument { name: name.to_owned(), declared: None, bytes };
    Parsers::default().parse(&Context::local(), &raw, limits)
}

/// The blocks of a document, as a word for the kind and the text.
pub(crate) fn outline(document: &ParsedDocument) -> Vec<String> {
    let name = |kind| match kind {
        BlockKind::Heading { level } => format!("h{level}"),
        BlockKind::Paragraph => "p".to_owned(),
        BlockKind::ListItem => "li".to_owned(),
        BlockKind::TableRow { header: true } => "th".to_owned(),
        BlockKind::TableRow { header: false } => "tr".to_owned(),
        BlockKind::Code => "code".to_owned(),
        BlockKind::Quote => "quote".to_owned(),
        BlockKind::Note => "note".to_owned(),
    };
    let text = |block: &chatbot_core::types::Block| block.span.slice(&document.text).unwrap();
    document.blocks.iter().map(|b| format!("{}: {}", name(b.kind), text(b))).collect()
}

/// A zip container with these entries.
pub(crate) fn container(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let method = if *name == "mimetype" {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://x/relationships/styles" Target="styles.xml"/>
<Relationship Id="rId2" Type="http://x/relationships/numbering" Target="numbering.xml"/>
<Relationship Id="rId3" Type="http://x/relationships/footnotes" Target="footnotes.xml"/>
<Relationship Id="rId4" Type="http://x/relationships/hyperlink" Target="http://localhost:9/x" TargetMode="External"/>
</Relationships>"#;

/// A Word document with this body and these further parts.
pub(crate) fn docx(body: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let document = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="w" xmlns:r="r" xmlns:mc="mc"><w:body>{body}</w:body></w:document>"#
    );
    let mut entries = vec![
        ("[Content_Types].xml", "<Types/>"),
        ("word/document.xml", document.as_str()),
        ("word/_rels/document.xml.rels", RELATIONS),
    ];
    entries.extend(parts);
    container(&entries)
}

/// A paragraph of a Word document.
pub(crate) fn p(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

/// A PDF whose pages have these instructions, in a font called `F`.
pub(crate) fn pdf(pages: &[&str]) -> Vec<u8> {
    pdf_with(pages, "")
}

/// [`pdf`] with an information dictionary.
pub(crate) fn pdf_with(pages: &[&str], info: &str) -> Vec<u8> {
    let kids: String = (0..pages.len()).fold(String::new(), |mut kids, i| {
        write!(kids, "{} 0 R ", 10 + 2 * i).unwrap();
        kids
    });
    let mut objects = vec![
        (1, "<< /Type /Catalog /Pages 2 0 R >>".to_owned()),
        (2, format!("<< /Type /Pages /Kids [{kids}] /Count {} >>", pages.len())),
        (
            3,
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
                .to_owned(),
        ),
        (4, format!("<< {info} >>")),
    ];
    for (i, content) in pages.iter().enumerate() {
        let (page, stream) = (10 + 2 * i, 11 + 2 * i);
        objects.push((page, format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {stream} 0 R /Resources << /Font << /F 3 0 R >> >> >>"
        )));
        objects.push((
            stream,
            format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        ));
    }
    written(&objects)
}

/// A PDF file of these objects, the first of which is the catalogue and the fourth the information.
pub(crate) fn written(objects: &[(usize, String)]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (number, content) in objects {
        places.push((*number, out.len()));
        out.extend(format!("{number} 0 obj\n{content}\nendobj\n").into_bytes());
    }
    let at = out.len();
    let size = objects.iter().map(|(number, _)| number + 1).max().unwrap_or(1);
    let mut table = "xref\n0 1\n0000000000 65535 f \n".to_owned();
    for (number, place) in places {
        write!(table, "{number} 1\n{place:010} 00000 n \n").unwrap();
    }
    write!(table, "trailer\n<< /Size {size} /Root 1 0 R /Info 4 0 R >>\nstartxref\n{at}\n%%EOF")
        .unwrap();
    out.extend(table.into_bytes());
    out
}

/// Instructions that show `text` at a place.
pub(crate) fn show(x: i32, y: i32, size: i32, text: &str) -> String {
    let text = text.replace('(', "\\(").replace(')', "\\)");
    format!("BT /F {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET\n")
}
