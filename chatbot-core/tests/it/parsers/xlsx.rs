//! Excel workbooks.

use chatbot_core::Reason;
use chatbot_core::traits::ParseLimits;

use super::fixtures::{container, outline, parse, parse_within};

const RELATIONS: &str = r#"<Relationships><Relationship Id="rId1" Type="http://x/relationships/worksheet" Target="worksheets/one.xml"/>
<Relationship Id="rId2" Type="http://x/relationships/worksheet" Target="worksheets/two.xml"/>
<Relationship Id="rId3" Type="http://x/relationships/sharedStrings" Target="sharedStrings.xml"/>
<Relationship Id="rId4" Type="http://x/relationships/styles" Target="styles.xml"/></Relationships>"#;

const STRINGS: &str = r"<sst><si><t>Name</t></si><si><r><t>To</t></r><r><t>tal</t></r><rPh><t>reading</t></rPh></si><si><t>A &amp; B</t></si></sst>";

const STYLES: &str = r##"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="&quot;EUR&quot; #,##0.00"/></numFmts>
<cellStyleXfs><xf numFmtId="9"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="9"/></cellXfs></styleSheet>"##;

/// A workbook of two sheets with these cells, the second one hidden, and these further parts.
pub(crate) fn xlsx(first: &str, second: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let workbook = r#"<workbook xmlns:r="r"><sheets><sheet name="Sales" sheetId="7" r:id="rId1"/>
<sheet name="Hidden one" sheetId="9" state="hidden" r:id="rId2"/></sheets></workbook>"#;
    let (first, second) =
        (format!("<worksheet>{first}</worksheet>"), format!("<worksheet>{second}</worksheet>"));
    let mut entries = vec![
        ("xl/workbook.xml", workbook),
        ("xl/_rels/workbook.xml.rels", RELATIONS),
        ("xl/sharedStrings.xml", STRINGS),
        ("xl/styles.xml", STYLES),
        ("xl/worksheets/one.xml", first.as_str()),
        ("xl/worksheets/two.xml", second.as_str()),
    ];
    entries.extend(parts);
    container(&entries)
}

#[test]
fn cells_read_as_they_are_shown_and_sheets_are_pages() {
    let first = r#"<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>Day</t></is></c><c r="D1" t="s"><v>1</v></c></row>
<row r="3"><c r="A3" t="s"><v>2</v></c><c r="C3" s="1"><v>45000</v></c><c r="D3" s="2"><f>1+1</f><v>1234.5</v></c></row>
<row r="4"><c r="A4" t="str"><f>x</f><v>text</v></c><c r="C4"><v>0.1</v></c><c r="D4" t="b"><v>1</v></c></row>
<row r="5"><c r="A5" t="e"><v>#N/A</v></c><c r="D5" s="3"><v>0.25</v></c></row></sheetData>"#;
    let second = "<sheetData><row><c><v>7</v></c><c><v>8</v></c></row></sheetData>";
    let document = parse("a.xlsx", xlsx(first, second, &[])).unwrap();
    let expected = [
        "h1: Sales",
        "tr: Name | Day | Total",
        "tr: A & B | 2023-03-15 | EUR 1,234.50",
        "tr: text | 0.1 | TRUE",
        "tr: #N/A |  | 25%",
        "h1: Hidden one",
        "tr: 7 | 8",
    ];
    assert_eq!(outline(&document), expected);
    let pages: Vec<_> = document.pages.iter().map(|p| p.span.slice(&document.text)).collect();
    assert_eq!(document.pages.iter().map(|p| p.number).collect::<Vec<_>>(), [1, 2]);
    assert!(pages[1].unwrap().starts_with("Hidden one"));
    assert_eq!(document.title, None, "the name of a sheet is no title");
}

#[test]
fn a_header_is_told_and_merged_labels_are_repeated() {
    let cell = |place: &str, text: &str| {
        format!(r#"<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>"#)
    };
    let number = |place: &str, n: u32| format!(r#"<c r="{place}"><v>{n}</v></c>"#);
    let rows = [
        format!("<row>{}{}</row>", cell("A1", "Region"), cell("B1", "Sales")),
        format!("<row>{}{}</row>", cell("A2", "North"), number("B2", 1)),
        format!("<row>{}</row>", number("B3", 2)),
        format!("<row>{}{}</row>", cell("A4", "South"), number("B4", 3)),
    ];
    let sheet = format!(
        r#"<sheetData>{}</sheetData><mergeCells><mergeCell ref="A2:A3"/></mergeCells>"#,
        rows.concat()
    );
    let document = parse("a.xlsx", xlsx(&sheet, "", &[])).unwrap();
    let expected =
        ["h1: Sales", "th: Region | Sales", "tr: North | 1", "tr: North | 2", "tr: South | 3"];
    assert_eq!(outline(&document), expected);
}

#[test]
fn comments_and_text_boxes_follow_their_sheet() {
    let relations = r#"<Relationships><Relationship Id="rId1" Type="http://x/comments" Target="../comments1.xml"/>
<Relationship Id="rId2" Type="http://x/drawing" Target="../drawings/drawing1.xml"/></Relationships>"#;
    let comments = r#"<comments><commentList><comment ref="B2"><text><r><t>Check </t></r><r><t>this.</t></r></text></comment></commentList></comments>"#;
    let drawing = r"<xdr:wsDr><xdr:sp><xdr:txBody><a:p><a:r><a:t>In a box</a:t></a:r></a:p></xdr:txBody></xdr:sp></xdr:wsDr>";
    let parts = [
        ("xl/worksheets/_rels/one.xml.rels", relations),
        ("xl/comments1.xml", comments),
        ("xl/drawings/drawing1.xml", drawing),
    ];
    let sheet = "<sheetData><row><c><v>1</v></c></row></sheetData>";
    let document = parse("a.xlsx", xlsx(sheet, "", &parts)).unwrap();
    assert_eq!(outline(&document), ["h1: Sales", "tr: 1", "note: B2: Check this.", "p: In a box"]);
}

#[test]
fn a_workbook_without_cells_is_empty_and_a_broken_one_is_damaged() {
    let without_sheets = container(&[("xl/other.xml", "<a/>")]);
    let cases = [
        (xlsx("<sheetData/>", "<sheetData/>", &[]), Reason::Empty),
        (xlsx("<sheetData><row></sheetData>", "", &[]), Reason::Corrupt),
        (without_sheets, Reason::Corrupt),
    ];
    for (i, (bytes, reason)) in cases.into_iter().enumerate() {
        assert_eq!(parse("a.xlsx", bytes).unwrap_err().reason(), Some(reason), "case {i}");
    }
}

#[test]
fn far_corners_cost_two_cells_and_repeated_texts_count() {
    let far = r#"<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row></sheetData>"#;
    let document = parse("a.xlsx", xlsx(far, "", &[])).unwrap();
    assert_eq!(outline(&document), ["h1: Sales", "tr: 1", "tr: | 2"]);
    // One long text, shown by many cells.
    let long = format!("<sst><si><t>{}</t></si></sst>", "long ".repeat(2000));
    let cells = r#"<c t="s"><v>0</v></c>"#.repeat(2000);
    let sheet = format!("<sheetData><row>{cells}</row></sheetData>");
    let limits = ParseLimits { max_text_bytes: 1 << 20, ..ParseLimits::default() };
    let mut entries = vec![(
        "xl/workbook.xml",
        r#"<workbook xmlns:r="r"><sheets><sheet name="S" r:id="rId1"/></sheets></workbook>"#,
    )];
    let sheet = format!("<worksheet>{sheet}</worksheet>");
    entries.extend([
        ("xl/_rels/workbook.xml.rels", RELATIONS),
        ("xl/sharedStrings.xml", long.as_str()),
        ("xl/worksheets/one.xml", sheet.as_str()),
    ]);
    let error = parse_within("a.xlsx", container(&entries), &limits).unwrap_err();
    assert_eq!(error.reason(), Some(Reason::LimitExceeded));
}
