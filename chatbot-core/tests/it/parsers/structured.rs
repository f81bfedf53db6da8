//! Tables, records, markup, subtitles and notebooks.

use chatbot_core::parsers::StructuredTextParser;
use chatbot_core::testing::conformance::parser::{Sample, check};
use chatbot_core::types::MediaType;

use super::fixtures::{outline, parse};

fn outline_of(name: &str, text: &str) -> Vec<String> {
    outline(&parse(name, text).unwrap())
}

#[test]
fn the_parser_passes_the_suite() {
    let sample = |media_type, name, text: &str| Sample {
        media_type: MediaType::from_static(media_type),
        name,
        bytes: text.into(),
        contains: "words to find",
    };
    check(
        &StructuredTextParser::default(),
        &[
            sample("text/csv", "a.csv", "name;what\npump;words to find\nvalve;others\n"),
            sample(
                "application/json",
                "a.json",
                r#"[{"a": {"b": "words to find"}}, {"c": [1, 2]}]"#,
            ),
            sample("application/xml", "a.xml", "<a><b>words to find</b><c d='e'>f</c></a>"),
            sample("text/x-rst", "a.rst", "Title\n=====\n\nHere are words to find.\n\n* item\n"),
            sample("text/asciidoc", "a.adoc", "= Title\n\nHere are words to find.\n\n* item\n"),
            sample("text/x-org", "a.org", "* Title\nHere are words to find.\n- item\n"),
            sample("application/x-tex", "a.tex", "\\section{Title}\nHere are words to find.\n"),
            sample(
                "text/vtt",
                "a.vtt",
                "WEBVTT\n\n00:01.000 --> 00:02.000\nHere are words to find.\n",
            ),
        ],
    );
}

#[test]
fn a_table_has_its_header_whatever_divides_it() {
    for (name, divider) in [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t"), ("a.csv", "|")] {
        let text = ["name,made in", "\"pump, small\",1999", ",", "valve,\"2001\n\""].join("\n");
        // The comma inside of quotes stays.
        let text = text.replace(", ", "\0").replace(',', divider).replace('\0', ", ");
        let rows = ["th: name | made in", "tr: pump, small | 1999", "tr: valve | 2001"];
        assert_eq!(outline_of(name, &text), rows, "{divider:?}");
    }
    assert_eq!(
        outline_of("a.csv", "1,2\n3,4\n"),
        ["tr: 1 | 2", "tr: 3 | 4"],
        "numbers are no names"
    );
    let uneven = parse("a.csv", "a,b\nc\nd,e,f\n").unwrap();
    assert_eq!(uneven.warnings[0].code, "uneven_rows");
}

#[test]
fn a_value_of_json_stands_with_the_names_that_lead_to_it() {
    let text = r#"{"pump": {"oil": "ISO VG 46", "hours": 400, "spare": null}, "tags": ["a", "b"],
        "parts": [{"name": "seal"}, {"name": "filter", "size": 2.5}]}"#;
    let blocks = [
        "li: pump.oil: ISO VG 46",
        "li: pump.hours: 400",
        "li: tags: a, b",
        "li: parts.name: seal",
        "li: parts.name: filter",
        "li: parts.size: 2.5",
    ];
    assert_eq!(outline_of("a.json", text), blocks);
    let document = parse("a.json", text).unwrap();
    assert!(document.text.contains("seal\n\nparts.name"), "records stand apart: {}", document.text);
    let lines = outline_of("a.jsonl", "{\"a\": 1}\n{\"a\": \"\\u00e9\"}\n");
    assert_eq!(lines, ["li: a: 1", "li: a: é"]);
    let broken = parse("a.json", "{\"a\": 1, \"b\": [").unwrap();
    assert!(broken.text.contains("\"b\""), "its words are there all the same");
    assert_eq!(broken.warnings[0].code, "read_as_plain_text");
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(parse("a.json", deep).unwrap().warnings[0].code, "read_as_plain_text");
}

#[test]
fn xml_is_read_element_by_element_and_no_entity_is_expanded() {
    let text = "<?xml version='1.0'?><!DOCTYPE r [<!ENTITY x 'boom'>]><r><title>News</title>\
        <item id='7'><a>One &amp; two</a><b>say &x; <i>so</i> now</b><html>&lt;p&gt;A &lt;b&gt;word&lt;/b&gt;&lt;/p&gt;</html></item></r>";
    let document = parse("a.xml", text).unwrap();
    assert_eq!(document.title.as_deref(), Some("News"));
    assert!(!document.text.contains("boom"), "{}", document.text);
    let blocks = [
        "li: title: News",
        "li: item.id: 7",
        "li: a: One & two",
        "li: say &x; so now",
        "p: A word",
    ];
    assert_eq!(outline(&document), blocks);
    let cut = parse("a.xml", "<r><a>words</a><b>more").unwrap();
    assert!(cut.text.contains("words") && cut.text.contains("more"), "{}", cut.text);
}

#[test]
fn restructured_text_loses_its_markup() {
    let text = "=====\nGuide\n=====\n\nUse *it* with ``a * b``, see :ref:`the part <x>` and `site <https://a.example>`_.\n\n\
        Setup\n-----\n\n- one\n- two\n  goes on\n\n.. note:: Mind this.\n\n.. code-block:: python\n\n   def f():\n       pass\n\n\
        .. comment that nobody sees\n\n.. image:: a.png\n   :alt: A pump\n\nLike so::\n\n    verbatim *x*\n\n\
        +---+---+\n| a | b |\n+===+===+\n| c | d |\n+---+---+\n";
    let blocks = [
        "h1: Guide",
        "p: Use it with a * b, see the part and site (https://a.example).",
        "h2: Setup",
        "li: - one",
        "li: - two goes on",
        "note: Mind this.",
        "code: def f():\n    pass",
        "note: A pump",
        "p: Like so:",
        "code: verbatim *x*",
        "th: a | b",
        "tr: c | d",
    ];
    assert_eq!(outline_of("a.rst", text), blocks);
}

#[test]
fn asciidoc_loses_its_markup() {
    let text = "= Guide\n:toc:\n\nUse *it*, see <<x,the part>> and https://a.example[site].\n\n== Setup\n\n* one\n* two\ngoes on\n\n\
        NOTE: Mind this.\n\n.Caption\n[source,ruby]\n----\nputs *x*\n----\n\n// not shown\n\n|===\n|a |b\n\n|c |d\n|===\n";
    let blocks = [
        "h1: Guide",
        "p: Use it, see the part and site (https://a.example).",
        "h2: Setup",
        "li: - one",
        "li: - two goes on",
        "note: NOTE: Mind this.",
        "note: Caption",
        "code: puts *x*",
        "th: a | b",
        "tr: c | d",
    ];
    assert_eq!(outline_of("a.adoc", text), blocks);
}

#[test]
fn org_loses_its_markup() {
    let text = "#+TITLE: Guide\n* TODO Setup :tag:\n:PROPERTIES:\n:id: 1\n:END:\nUse *it*, see [[https://a.example][site]].\n\
        - one\n  goes on\n\n#+BEGIN_SRC sh\nls *\n#+END_SRC\n\n# not shown\n| a | b |\n|---+---|\n| c | d |\n";
    let document = parse("a.org", text).unwrap();
    assert_eq!(document.title.as_deref(), Some("Guide"));
    let blocks = [
        "h1: TODO Setup",
        "p: Use it, see site (https://a.example).",
        "li: - one goes on",
        "code: ls *",
        "th: a | b",
        "tr: c | d",
    ];
    assert_eq!(outline(&document), blocks);
}

#[test]
fn latex_loses_its_commands() {
    let text = "\\documentclass{article}\n\\title{A \\emph{Guide}}\n\\author{A. Writer}\n\\begin{document}\n\\maketitle\n\
        \\section{Setup} % not shown\nUse \\textbf{it} at 5\\,\\%.\nAnd go on.\n\n\\begin{enumerate}\n\\item one\n\\item two\n\\end{enumerate}\n\
        \\begin{verbatim}\na \\b % c\n\\end{verbatim}\n\\begin{tabular}{ll}\na & b \\\\ \\hline\nc & d\n\\end{tabular}\n\
        \\begin{equation}\nx^2\n\\end{equation}\n\\end{document}\nnot shown";
    let document = parse("a.tex", text).unwrap();
    assert_eq!(document.title.as_deref(), Some("A Guide"));
    let blocks = [
        "h1: A Guide",
        "h2: Setup",
        "p: Use it at 5 %. And go on.",
        "li: 1. one",
        "li: 2. two",
        "code: a \\b",
        "tr: a | b",
        "tr: c | d",
        "p: x^2",
    ];
    assert_eq!(outline(&document), blocks);
}

#[test]
fn subtitles_become_passages_with_their_time() {
    let text = "WEBVTT\n\nNOTE nothing\n\n1\n00:01:02.500 --> 00:01:04.000 line:0\n<v Ann>Oil the <i>pump</i>\n\n\
        2\n00:01:04.000 --> 00:01:06.000\n<v Ann>every 400 hours.\n\n3\n00:01:06.000 --> 00:01:07.000\n<v Ben>Why?\n";
    let blocks = ["p: [00:01:02] Ann: Oil the pump every 400 hours.", "p: [00:01:06] Ben: Why?"];
    assert_eq!(outline_of("a.vtt", text), blocks);
    let srt =
        "1\n00:00:01,000 --> 00:00:02,000\nFirst.\n\n2\n01:00:01,000 --> 01:00:02,000\nLater.\n";
    assert_eq!(outline_of("a.srt", srt), ["p: [00:00:01] First.", "p: [01:00:01] Later."]);
}

#[test]
fn a_notebook_is_its_cells_and_what_they_printed() {
    let text = r##"{"nbformat": 4, "cells": [
        {"cell_type": "markdown", "source": ["# Pumps\n", "They are *oiled*."]},
        {"cell_type": "code", "source": "1 + 1", "outputs": [
            {"output_type": "execute_result", "data": {"text/plain": ["2"], "image/png": "iVBOR"}},
            {"output_type": "stream", "text": ["done\n"]}]}]}"##;
    let blocks = ["h1: Pumps", "p: They are oiled.", "code: 1 + 1", "code: 2", "code: done"];
    assert_eq!(outline_of("a.ipynb", text), blocks);
}
