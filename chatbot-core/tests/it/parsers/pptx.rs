//! PowerPoint presentations.

use chatbot_core::Reason;
use chatbot_core::traits::ParseLimits;

use super::fixtures::{container, outline, parse, parse_within};

const PRESENTATION: &str = r#"<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst><p:sldId id="300" r:id="rId2"/><p:sldId id="256" r:id="rId1"/></p:sldIdLst></p:presentation>"#;
const RELATIONS: &str = r#"<Relationships><Relationship Id="rId1" Type="http://x/slide" Target="slides/slide1.xml"/>
<Relationship Id="rId2" Type="http://x/slide" Target="slides/slide2.xml"/></Relationships>"#;

/// A presentation that shows its second part first, with these further parts.
pub(crate) fn pptx(second: &str, first: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let slide = |shapes: &str| {
        format!(
            r#"<p:sld xmlns:p="p" xmlns:a="a" xmlns:r="r" xmlns:c="c" xmlns:mc="mc"><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"#
        )
    };
    let (one, two) = (slide(second), slide(first));
    let mut entries = vec![
        ("ppt/presentation.xml", PRESENTATION),
        ("ppt/_rels/presentation.xml.rels", RELATIONS),
        ("ppt/slides/slide1.xml", one.as_str()),
        ("ppt/slides/slide2.xml", two.as_str()),
    ];
    entries.extend(parts);
    container(&entries)
}

/// A shape with these paragraphs; `kind` is what its placeholder says, if it is one.
fn shape(kind: &str, paragraphs: &[&str]) -> String {
    let place = match kind {
        "" => String::new(),
        "content" => r#"<p:ph idx="1"/>"#.to_owned(),
        kind => format!(r#"<p:ph type="{kind}"/>"#),
    };
    let text: String = paragraphs.iter().map(|text| format!("<a:p>{text}</a:p>")).collect();
    format!("<p:sp><p:nvSpPr><p:nvPr>{place}</p:nvPr></p:nvSpPr><p:txBody>{text}</p:txBody></p:sp>")
}

fn run(text: &str) -> String {
    format!("<a:r><a:t>{text}</a:t></a:r>")
}

#[test]
fn slides_are_pages_in_the_order_in_which_they_are_shown() {
    let first = [
        shape("subTitle", &[&run("A subtitle")]),
        shape("ctrTitle", &[&run("The"), &run("talk")]),
        shape("ftr", &[&run("Footer")]),
        shape("sldNum", &[r#"<a:fld type="slidenum"><a:t>1</a:t></a:fld>"#]),
    ];
    let second = [
        shape(
            "content",
            &[
                &run("one"),
                &format!(r#"<a:pPr lvl="1"/>{}"#, run("inner")),
                &format!("<a:pPr><a:buNone/></a:pPr>{}", run("no item")),
            ],
        ),
        shape("title", &[&format!("{}<a:br/>{}", run("Points"), run("of it"))]),
        format!("<p:grpSp>{}</p:grpSp>", shape("", &[&run("in a group")])),
        shape(
            "",
            &[
                &format!(r#"<a:pPr><a:buAutoNum type="arabicPeriod"/></a:pPr>{}"#, run("x")),
                &format!(r#"<a:pPr><a:buAutoNum type="arabicPeriod"/></a:pPr>{}"#, run("y")),
            ],
        ),
        format!(
            "<mc:AlternateContent><mc:Choice>{}</mc:Choice><mc:Fallback>{}</mc:Fallback></mc:AlternateContent>",
            shape("", &[&run("math")]),
            shape("", &[&run("math")])
        ),
    ];
    let document = parse("a.pptx", pptx(&second.concat(), &first.concat(), &[])).unwrap();
    let expected = [
        "h1: The talk",
        "p: A subtitle",
        "h2: Points of it",
        "li: - one",
        "li: - inner",
        "p: no item",
        "p: in a group",
        "li: 1. x",
        "li: 2. y",
        "p: math",
    ];
    assert_eq!(outline(&document), expected);
    assert_eq!(document.title.as_deref(), Some("The talk"));
    let second = document.pages[1];
    assert_eq!(second.number, 2);
    assert!(second.span.slice(&document.text).unwrap().starts_with("Points of it"));
}

#[test]
fn tables_are_rows_and_notes_have_a_label() {
    let cell = |text: &str| format!("<a:tc><a:txBody><a:p>{}</a:p></a:txBody></a:tc>", run(text));
    let row = |a: &str, b: &str| format!("<a:tr>{}{}</a:tr>", cell(a), cell(b));
    let table = format!(
        r#"<p:graphicFrame><a:graphic><a:tbl><a:tblPr firstRow="1"/>{}{}</a:tbl></a:graphic></p:graphicFrame>"#,
        row("A", "B"),
        row("1", "2")
    );
    let relations = r#"<Relationships><Relationship Id="rId1" Type="http://x/notesSlide" Target="../notesSlides/n.xml"/></Relationships>"#;
    let notes = format!(
        "<p:notes>{}{}{}</p:notes>",
        shape("sldImg", &[&run("picture")]),
        shape("body", &[&run("Say hello."), &run("Then go.")]),
        shape("sldNum", &[&run("2")])
    );
    let parts =
        [("ppt/slides/_rels/slide1.xml.rels", relations), ("ppt/notesSlides/n.xml", &notes)];
    let document = parse("a.pptx", pptx(&table, "", &parts)).unwrap();
    let expected = [
        "h2: Slide 2",
        "th: A | B",
        "tr: 1 | 2",
        "note: Speaker notes: Say hello.",
        "note: Then go.",
    ];
    assert_eq!(outline(&document), expected);
    assert_eq!(document.title, None, "a number is no title");
}

#[test]
fn a_chart_is_its_title_and_a_table_and_a_diagram_its_texts() {
    let slide = r#"<p:graphicFrame><c:chart r:id="rId7"/></p:graphicFrame><p:graphicFrame><dgm:relIds xmlns:dgm="d" r:dm="rId8" r:lo="rId9"/></p:graphicFrame>"#;
    let relations = r#"<Relationships><Relationship Id="rId7" Type="http://x/chart" Target="../charts/c.xml"/>
<Relationship Id="rId8" Type="http://x/diagramData" Target="../diagrams/d.xml"/></Relationships>"#;
    let points = |values: &[&str]| -> String {
        let point = |(i, v): (usize, &&str)| format!(r#"<c:pt idx="{i}"><c:v>{v}</c:v></c:pt>"#);
        values.iter().enumerate().map(point).collect()
    };
    let series = |name: &str, values: &[&str]| {
        format!(
            "<c:ser><c:tx><c:strRef><c:f>A1</c:f><c:strCache>{}</c:strCache></c:strRef></c:tx><c:dLbls><c:tx><a:t>label</a:t></c:tx></c:dLbls><c:cat><c:strRef>{}</c:strRef></c:cat><c:val><c:numRef><c:numCache><c:formatCode>0%</c:formatCode>{}</c:numCache></c:numRef></c:val></c:ser>",
            points(&[name]),
            points(&["May", "June"]),
            points(values)
        )
    };
    let chart = format!(
        "<c:chartSpace><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Growth</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea>{}{}<c:valAx><c:title><c:tx><a:t>axis</a:t></c:tx></c:title></c:valAx></c:plotArea></c:chart></c:chartSpace>",
        series("North", &["0.1", "0.2"]),
        series("South", &["0.3"])
    );
    let diagram = "<dgm:dataModel><dgm:pt><dgm:t><a:p><a:r><a:t>Plan</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:dataModel>";
    let parts = [
        ("ppt/slides/_rels/slide1.xml.rels", relations),
        ("ppt/charts/c.xml", &chart),
        ("ppt/diagrams/d.xml", diagram),
    ];
    let document = parse("a.pptx", pptx(slide, "", &parts)).unwrap();
    let expected = [
        "h2: Slide 2",
        "p: Growth",
        "th: | North | South",
        "tr: May | 10% | 30%",
        "tr: June | 20% |",
        "p: Plan",
    ];
    assert_eq!(outline(&document), expected);
}

#[test]
fn nothing_too_much_and_damage_have_their_reasons() {
    let empty = parse("a.pptx", pptx("", "", &[])).unwrap_err();
    assert_eq!(empty.reason(), Some(Reason::Empty));
    let limits = ParseLimits { max_pages: 1, ..ParseLimits::default() };
    let many = parse_within("a.pptx", pptx("", "", &[]), &limits).unwrap_err();
    assert_eq!(many.reason(), Some(Reason::LimitExceeded));
    let headless = container(&[("ppt/slides/slide1.xml", "<a/>")]);
    assert_eq!(parse("a.pptx", headless).unwrap_err().reason(), Some(Reason::Corrupt));
}
