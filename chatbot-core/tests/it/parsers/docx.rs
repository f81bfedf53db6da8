//! Word documents.

use chatbot_core::Reason;

use super::fixtures::{container, docx, outline, p, parse};

const STYLES: &str = r#"<w:styles xmlns:w="w">
<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="berschrift1"/></w:style>
<w:style w:type="paragraph" w:styleId="Outlined"><w:name w:val="Outlined"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Loop"><w:name w:val="Loop"/><w:basedOn w:val="Loop"/></w:style>
</w:styles>"#;

const NUMBERING: &str = r#"<w:numbering xmlns:w="w">
<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/></w:lvl>
<w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="8"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num>
</w:numbering>"#;

fn styled(style: &str, text: &str) -> String {
    format!(r#"<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"#)
}

fn item(list: usize, level: usize, text: &str) -> String {
    format!(
        r#"<w:p><w:pPr><w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list}"/></w:numPr></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"#
    )
}

#[test]
fn headings_and_lists_are_what_their_styles_say() {
    let body = [
        styled("berschrift1", "Eins"),
        styled("Mine", "Based on it"),
        styled("Outlined", "Two"),
        styled("Loop", "Text"),
        item(1, 0, "first"),
        item(1, 1, "inner"),
        item(1, 0, "second"),
        item(2, 0, "bullet"),
    ];
    let parts = [("word/styles.xml", STYLES), ("word/numbering.xml", NUMBERING)];
    let document = parse("a.docx", docx(&body.concat(), &parts)).unwrap();
    let expected = [
        "h1: Eins",
        "h1: Based on it",
        "h2: Two",
        "p: Text",
        "li: 1. first",
        "li: a. inner",
        "li: 2. second",
        "li: - bullet",
    ];
    assert_eq!(outline(&document), expected);
    assert_eq!(document.title.as_deref(), Some("Eins"));
}

#[test]
fn revisions_hidden_text_links_and_boxes_are_as_a_reader_sees_them() {
    let body = r#"<w:p><w:r><w:t xml:space="preserve">kept </w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>
<w:ins><w:r><w:t>added</w:t></w:r></w:ins><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>
<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t> shown</w:t></w:r>
<w:hyperlink r:id="rId4"><w:r><w:t> link</w:t></w:r></w:hyperlink><w:r><w:tab/><w:t>a&amp;b</w:t></w:r></w:p>
<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p><w:r><w:t>in a box</w:t></w:r></w:p></w:txbxContent></mc:Choice>
<mc:Fallback><w:txbxContent><w:p><w:r><w:t>in a box</w:t></w:r></w:p></w:txbxContent></mc:Fallback></mc:AlternateContent></w:r>
<w:r><w:t>around</w:t></w:r></w:p>"#;
    let document = parse("a.docx", docx(body, &[])).unwrap();
    let expected = ["p: kept added shown link\ta&b", "p: in a box", "p: around"];
    assert_eq!(outline(&document), expected);
}

#[test]
fn tables_become_rows_and_tables_around_tables_do_not() {
    let cell = |text: &str| format!("<w:tc>{}</w:tc>", p(text));
    let row = |a: &str, b: &str| format!("<w:tr>{}{}</w:tr>", cell(a), cell(b));
    let table = format!(
        r#"<w:tbl><w:tblPr><w:tblLook w:firstRow="1"/></w:tblPr>{}{}</w:tbl>"#,
        row("A", "B"),
        row("1", "2")
    );
    let around = format!(
        "<w:tbl><w:tr><w:tc>{}{table}</w:tc><w:tc>{}</w:tc></w:tr></w:tbl>",
        p("before"),
        p("after")
    );
    let document = parse("a.docx", docx(&around, &[])).unwrap();
    assert_eq!(outline(&document), ["p: before", "th: A | B", "tr: 1 | 2", "p: after"]);
}

#[test]
fn notes_and_what_the_document_says_of_itself_are_read() {
    let notes = r#"<w:footnotes xmlns:w="w"><w:footnote w:type="separator"><w:p><w:r><w:t>---</w:t></w:r></w:p></w:footnote>
<w:footnote><w:p><w:r><w:t>A note.</w:t></w:r></w:p></w:footnote></w:footnotes>"#;
    let core = r#"<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:title>The title</dc:title><dc:creator>A writer</dc:creator></cp:coreProperties>"#;
    let parts = [("word/footnotes.xml", notes), ("docProps/core.xml", core)];
    let document = parse("a.docx", docx(&p("Text"), &parts)).unwrap();
    assert_eq!(outline(&document), ["p: Text", "note: A note."]);
    assert_eq!(document.title.as_deref(), Some("The title"));
    assert_eq!(document.metadata["author"], "A writer");
}

#[test]
fn damage_and_tricks_have_a_reason() {
    let entities = r#"<!DOCTYPE d [<!ENTITY a "aaaa">]><w:document xmlns:w="w"><w:body><w:p><w:r><w:t>&a;</w:t></w:r></w:p></w:body></w:document>"#;
    let mut cut = docx(&p("text"), &[]);
    cut.truncate(cut.len() / 2);
    let spaces = " ".repeat(40 << 20);
    let cases = [
        (container(&[("word/document.xml", entities)]), Reason::Corrupt),
        (container(&[("word/other.xml", "<a/>")]), Reason::Corrupt),
        (cut, Reason::Corrupt),
        (docx(&spaces, &[]), Reason::LimitExceeded),
        (docx("", &[]), Reason::Empty),
    ];
    for (i, (bytes, reason)) in cases.into_iter().enumerate() {
        assert_eq!(parse("a.docx", bytes).unwrap_err().reason(), Some(reason), "case {i}");
    }
}

#[test]
fn tables_may_nest_as_deep_as_they_like() {
    let body = format!(
        "{}{}{}",
        "<w:tbl><w:tr><w:tc>".repeat(50_000),
        p("deep"),
        "</w:tc></w:tr></w:tbl>".repeat(50_000)
    );
    assert_eq!(parse("a.docx", docx(&body, &[])).unwrap().text, "deep");
}
