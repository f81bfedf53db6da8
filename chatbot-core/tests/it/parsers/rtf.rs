//! Rich text.

use chatbot_core::Reason;

use super::fixtures::{outline, parse};

pub(crate) fn rtf(body: &str) -> Vec<u8> {
    let head = r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial Cyr;}{\f2\fcharset128 MS Gothic;}{\f3\fcharset2 Symbol;}}{\stylesheet{\s0 Normal;}{\s3\sbasedon0 heading 2;}{\s9\outlinelevel0 Mine;}{\*\cs10 Char;}}";
    format!("{head}{body}}}").into_bytes()
}

#[test]
fn characters_come_from_the_encoding_of_their_font() {
    let body = r"\pard caf\'e9 {\f1 \'cf\'f0\'e8} {\f2 \'83A\'83C} {\f3 \'b7a}\f0\u8364? \u-10179?\u-8704? {\uc2\u233\'c3\'a9x}\emdash\~\{\}\\\par";
    let document = parse("a.rtf", rtf(body)).unwrap();
    assert_eq!(outline(&document), ["p: café При アイ •€ 😀 éx— {}\\"]);
}

#[test]
fn headings_lists_tables_and_notes_keep_their_shape() {
    let body = r"{\info{\title The {\b title}}{\author A writer}{\creatim\yr2020\mo3\dy4}}
\pard\s3 Part\par\pard\s9 Top\par\pard\outlinelevel2 Third\par
\pard{\listtext\f3\'b7\tab}point\par{\pntext 1.\tab}one\par
\pard Text{\super\chftn{\footnote\pard\plain {\chftn} The note.}} goes on.\par
\trowd\trhdr\pard\intbl A\cell B\cell\row
\trowd\pard\intbl 1\par more\cell\cell\row\trowd\pard\intbl alone\cell\row
\pard After\line it.\par";
    let document = parse("a.rtf", rtf(body)).unwrap();
    let expected = [
        "h2: Part",
        "h1: Top",
        "h3: Third",
        "li: - point",
        "li: 1. one",
        "p: Text goes on.",
        "note: The note.",
        "th: A | B",
        "tr: 1 more |",
        "p: alone",
        "p: After\nit.",
    ];
    assert_eq!(outline(&document), expected);
    assert_eq!(document.title.as_deref(), Some("The title"));
    assert_eq!(document.metadata["author"], "A writer");
    assert_eq!(document.metadata["created"], "2020-03-04");
}

#[test]
fn what_nobody_sees_is_left_out() {
    let body = r"{\header head}{\pict\pngblip 89504e47}{\*\unknown what}{\v hidden}\v still\v0 {\deleted gone}
{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}{\object{\*\objdata 0105}{\result shown}}{\bin5 }}}}}\plain .
{\shp{\*\shpinst{\sp{\sn name}{\sv 1}}{\shptxt\pard boxed\par}}}\par";
    let document = parse("a.rtf", rtf(body)).unwrap();
    assert_eq!(outline(&document), ["p: linkshown.", "p: boxed"]);
}

#[test]
fn groups_without_end_and_numbers_without_sense_do_no_harm() {
    let deep = format!("{}x", r"{\b ".repeat(50_000));
    assert_eq!(parse("a.rtf", rtf(&deep)).unwrap_err().reason(), Some(Reason::LimitExceeded));
    let odd =
        r"}}}\u99999999999?\u-99999?\u55357?\'zz\f-7\uc-3\ansicpg-1\bin-4\s99999 text\cell\row{";
    assert!(parse("a.rtf", rtf(odd)).unwrap().text.contains("text"));
    assert_eq!(parse("a.rtf", rtf(r"\pard\par")).unwrap_err().reason(), Some(Reason::Empty));
}
