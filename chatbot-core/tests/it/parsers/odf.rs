//! OpenDocument texts, presentations and sheets.

use chatbot_core::Reason;

use super::fixtures::{container, outline, parse};

/// A document of this kind with this body and these further parts.
pub(crate) fn odf(kind: &str, body: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let mimetype = format!("application/vnd.oasis.opendocument.{kind}");
    let content = format!(
        r#"<office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="ta" xmlns:draw="d" xmlns:style="s" xmlns:presentation="p" xmlns:svg="svg">
<office:automatic-styles>
<style:style style:name="Hid" style:family="text"><style:text-properties text:display="none"/></style:style>
<style:style style:name="P1" style:parent-style-name="Title"/><style:style style:name="Loop" style:parent-style-name="Loop"/>
<text:list-style style:name="L1"><text:list-level-style-number text:level="1" style:num-format="1"/><text:list-level-style-bullet text:level="2"/></text:list-style>
</office:automatic-styles><office:body>{body}</office:body></office:document-content>"#
    );
    let mut entries = vec![("mimetype", mimetype.as_str()), ("content.xml", content.as_str())];
    entries.extend(parts);
    container(&entries)
}

#[test]
fn headings_lists_notes_and_hidden_text_are_as_a_reader_sees_them() {
    let body = r#"<office:text><text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>
<text:p text:style-name="P1">The title</text:p><text:h text:outline-level="2">Part <text:span>one</text:span></text:h>
<text:p text:style-name="Loop">Some
   text<text:span text:style-name="Hid">hidden</text:span>,<text:s text:c="2"/>more<text:tab/>x<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>The note.</text:p></text:note-body></text:note> end.<office:annotation><text:p>remark</text:p></office:annotation></text:p>
<text:list text:style-name="L1"><text:list-item><text:p>first</text:p><text:list><text:list-item><text:p>inner</text:p></text:list-item></text:list></text:list-item>
<text:list-item><text:p>second</text:p><text:p>still second</text:p></text:list-item></text:list>
<text:list text:style-name="L1" text:continue-numbering="true"><text:list-item><text:p>third</text:p></text:list-item></text:list>
<text:section text:display="none"><text:p>unseen</text:p></text:section>
<text:p><draw:frame><draw:text-box><text:p>in a box</text:p></draw:text-box><svg:desc>a picture</svg:desc></draw:frame>around</text:p></office:text>"#;
    let meta = r#"<office:document-meta xmlns:office="o" xmlns:dc="dc" xmlns:meta="m"><office:meta><dc:title>Stated</dc:title><dc:creator>Editor</dc:creator><meta:initial-creator>A writer</meta:initial-creator><meta:keyword>a</meta:keyword><meta:keyword>b</meta:keyword></office:meta></office:document-meta>"#;
    let document = parse("a.odt", odf("text", body, &[("meta.xml", meta)])).unwrap();
    let expected = [
        "h1: The title",
        "h2: Part one",
        "p: Some text,  more\tx end.",
        "note: The note.",
        "li: 1. first",
        "li: - inner",
        "li: 2. second",
        "p: still second",
        "li: 3. third",
        "p: in a box",
        "p: around",
    ];
    assert_eq!(outline(&document), expected);
    assert_eq!(document.title.as_deref(), Some("Stated"));
    assert_eq!(document.metadata["author"], "A writer");
    assert_eq!(document.metadata["keywords"], "a, b");
}

#[test]
fn tables_become_rows_and_tables_around_tables_do_not() {
    let cell = |text: &str| format!("<table:table-cell><text:p>{text}</text:p></table:table-cell>");
    let row = |cells: &str| format!("<table:table-row>{cells}</table:table-row>");
    let table = format!(
        r#"<table:table><table:table-header-rows>{}</table:table-header-rows>{}{}</table:table>"#,
        row(&[cell("A"), cell("B"), cell("C")].concat()),
        row(&format!(
            r#"{}<table:table-cell table:number-columns-repeated="2"><text:p>2</text:p><text:p>x</text:p></table:table-cell>"#,
            cell("1")
        )),
        row(&cell("")),
    );
    let around = format!(
        "<office:text><table:table>{}</table:table></office:text>",
        row(&format!(
            "<table:table-cell><text:p>before</text:p>{table}</table:table-cell>{}",
            cell("after")
        ))
    );
    let document = parse("a.odt", odf("text", &around, &[])).unwrap();
    let expected = ["p: before", "th: A | B | C", "tr: 1 | 2 x | 2 x", "p: after"];
    assert_eq!(outline(&document), expected);
}

#[test]
fn slides_have_their_title_first_and_their_notes_last() {
    let body = r#"<office:presentation>
<draw:page draw:name="p1"><presentation:notes><draw:page-thumbnail/><draw:frame presentation:class="notes"><draw:text-box><text:p>Say this.</text:p></draw:text-box></draw:frame></presentation:notes>
<draw:frame presentation:class="outline"><draw:text-box><text:list><text:list-item><text:p>a point</text:p></text:list-item></text:list></draw:text-box></draw:frame>
<draw:frame presentation:class="title"><draw:text-box><text:p>The talk</text:p></draw:text-box></draw:frame>
<draw:frame presentation:class="footer"><draw:text-box><text:p>footer</text:p></draw:text-box></draw:frame></draw:page>
<draw:page draw:name="p2"><draw:custom-shape><text:p>a shape</text:p></draw:custom-shape></draw:page></office:presentation>"#;
    let document = parse("a.odp", odf("presentation", body, &[])).unwrap();
    let expected = [
        "h1: The talk",
        "li: - a point",
        "note: Speaker notes: Say this.",
        "h2: Slide 2",
        "p: a shape",
    ];
    assert_eq!(outline(&document), expected);
    assert_eq!(document.pages.iter().map(|p| p.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(document.title.as_deref(), Some("The talk"));
}

#[test]
fn sheets_show_what_their_cells_show_and_emptiness_costs_nothing() {
    let cell = |kind: &str, text: &str| {
        format!(
            r#"<table:table-cell office:value-type="{kind}"><text:p>{text}</text:p></table:table-cell>"#
        )
    };
    let body = format!(
        r#"<office:spreadsheet><table:table table:name="Sums"><table:table-column table:number-columns-repeated="16384"/>
<table:table-row><table:table-cell table:number-columns-repeated="3"/>{}{}</table:table-row>
<table:table-row table:number-rows-repeated="2">
<table:table-cell table:number-columns-repeated="3"/>{}{}<table:table-cell table:number-columns-repeated="16000"/></table:table-row>
<table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>
</table:table><table:table table:name="Empty"/></office:spreadsheet>"#,
        cell("string", "Item"),
        cell("string", "Cost"),
        cell("string", "Tea"),
        cell("currency", "€1.50"),
    );
    let document = parse("a.ods", odf("spreadsheet", &body, &[])).unwrap();
    let expected = ["h1: Sums", "th: Item | Cost", "tr: Tea | €1.50", "tr: Tea | €1.50"];
    assert_eq!(outline(&document), expected);
    assert_eq!(document.pages.len(), 1);
}

#[test]
fn a_password_damage_and_emptiness_have_their_reasons() {
    let manifest = r#"<manifest:manifest xmlns:manifest="m"><manifest:file-entry><manifest:encryption-data/></manifest:file-entry></manifest:manifest>"#;
    let secret = odf("text", "\u{1}", &[("META-INF/manifest.xml", manifest)]);
    let entities = container(&[
        ("mimetype", "application/vnd.oasis.opendocument.text"),
        ("content.xml", r#"<!DOCTYPE d [<!ENTITY a "b">]><a>&a;</a>"#),
    ]);
    let headless = container(&[("mimetype", "application/vnd.oasis.opendocument.text")]);
    let cases = [
        ("a.odt", secret, Reason::Encrypted),
        ("a.odt", entities, Reason::Corrupt),
        ("a.odt", headless, Reason::Corrupt),
        ("a.odt", b"This is no container.".to_vec(), Reason::Corrupt),
        ("a.odt", odf("text", "<office:text/>", &[]), Reason::Empty),
        ("a.odg", odf("graphics", "", &[]), Reason::UnsupportedFormat),
    ];
    for (i, (name, bytes, reason)) in cases.into_iter().enumerate() {
        assert_eq!(parse(name, bytes).unwrap_err().reason(), Some(reason), "case {i}");
    }
}
