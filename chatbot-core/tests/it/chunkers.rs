//! Where texts are cut.

use chatbot_core::Context;
use chatbot_core::chunkers::{ChunkerConfig, StructureChunker};
use chatbot_core::testing::conformance::chunker::{broken_promise, check, document};
use chatbot_core::text::estimate_tokens;
use chatbot_core::traits::Chunker as _;
use chatbot_core::types::{BlockKind, ChunkSpec, ParsedDocument};
use proptest::prelude::*;

use BlockKind::{Code, Heading, ListItem, Paragraph, TableRow};

fn cut(document: &ParsedDocument, max_tokens: usize, overlap_tokens: usize) -> Vec<ChunkSpec> {
    let chunker = StructureChunker::new(ChunkerConfig { max_tokens, overlap_tokens });
    chunker.chunk(&Context::local(), document).unwrap()
}

fn texts<'t>(document: &'t ParsedDocument, chunks: &[ChunkSpec]) -> Vec<&'t str> {
    chunks.iter().map(|chunk| chunk.span.slice(&document.text).unwrap()).collect()
}

#[test]
fn the_structure_chunker_passes_the_suite() {
    check(&StructureChunker::default());
    check(&StructureChunker::new(ChunkerConfig { max_tokens: 32, overlap_tokens: 16 }));
    check(&StructureChunker::new(ChunkerConfig { max_tokens: 1, overlap_tokens: 0 }));
}

#[test]
fn a_heading_starts_a_chunk_stays_with_its_text_and_is_carried_on() {
    let long = "Some words about the matter at hand. ".repeat(40);
    let parts = [
        (Paragraph, "A preface."),
        (Heading { level: 1 }, "Guide"),
        (Heading { level: 2 }, "Setup"),
        (Paragraph, long.as_str()),
        (Heading { level: 2 }, "Use"),
        (Paragraph, "Use it."),
    ];
    let document = document("guide", &parts);
    let chunks = cut(&document, 128, 0);
    let texts = texts(&document, &chunks);
    assert_eq!(texts[0], "A preface.");
    assert!(texts[1].starts_with("Guide\n\nSetup\n\nSome words"), "{}", texts[1]);
    let paths: Vec<_> = chunks.iter().map(|chunk| chunk.heading.as_deref()).collect();
    assert_eq!(paths[0], None);
    assert!(paths[1..paths.len() - 1].iter().all(|path| *path == Some("Guide › Setup")));
    assert_eq!(*paths.last().unwrap(), Some("Guide › Use"));
    assert!(chunks.len() > 3, "the long text is cut");
}

#[test]
fn small_paragraphs_under_one_heading_are_packed_together() {
    let parts = [
        (Heading { level: 1 }, "Notes"),
        (Paragraph, "One."),
        (ListItem, "- two"),
        (Paragraph, "Three."),
    ];
    let document = document("notes", &parts);
    assert_eq!(cut(&document, 64, 0).len(), 1);
}

#[test]
fn the_header_of_a_table_stays_with_its_first_rows_and_rows_stay_whole() {
    let row = "a cell with words | another cell with words | 12345";
    let text = "Words before the table that fill the chunk up. ".repeat(4);
    let mut parts = vec![(Paragraph, text.as_str()), (TableRow { header: true }, "A | B | C")];
    parts.extend([(TableRow { header: false }, row); 20]);
    let document = document("table", &parts);
    let chunks = cut(&document, 64, 16);
    let texts = texts(&document, &chunks);
    let with_header = texts.iter().find(|text| text.contains("A | B | C")).unwrap();
    assert!(with_header.contains(row), "{with_header}");
    assert!(texts.iter().skip(1).all(|text| text.ends_with("12345")), "rows are whole: {texts:#?}");
    for (chunk, text) in chunks.iter().zip(&texts).skip(1) {
        let has_header = text.contains("A | B | C");
        let carries = chunk.heading.as_deref().is_some_and(|heading| heading == "A | B | C");
        assert!(
            has_header != carries,
            "each row's chunk names its columns, once: {chunk:?} {text}"
        );
    }
}

#[test]
fn a_table_begins_anew_behind_other_text() {
    let row = "a cell with words | another cell with words | 12345";
    let mut parts =
        vec![(TableRow { header: true }, "A | B | C"), (TableRow { header: false }, row)];
    parts.push((Paragraph, "Words between two tables."));
    parts.extend([(TableRow { header: false }, row); 20]);
    let document = document("tables", &parts);
    let chunks = cut(&document, 64, 0);
    assert!(chunks.len() > 3 && chunks.iter().all(|chunk| chunk.heading.is_none()), "{chunks:#?}");
}

#[test]
fn a_chunk_inside_a_function_names_it() {
    let lines: String = (0..60).map(|n| format!("        self.step({n}, {n} + 1)\n")).collect();
    let code = format!("class Pump:\n    def oil(self):\n{lines}\n\ndef main():\n    run()");
    let parts = [(Heading { level: 1 }, "pump.py"), (Code, code.as_str())];
    let document = document("pump", &parts);
    let chunks = cut(&document, 64, 0);
    assert!(chunks.len() > 4);
    let within = &chunks[1..chunks.len() - 1];
    for chunk in within {
        assert_eq!(
            chunk.heading.as_deref(),
            Some("pump.py › class Pump: › def oil(self):"),
            "{chunk:?}"
        );
    }
}

#[test]
fn chunks_overlap_by_whole_sentences() {
    let sentences: Vec<String> = (0..60).map(|i| format!("Sentence {i} is here.")).collect();
    let text = sentences.join(" ");
    let document = document("prose", &[(Paragraph, text.as_str())]);
    let chunks = cut(&document, 64, 16);
    for pair in chunks.windows(2) {
        let shared = pair[0].span.end - pair[1].span.start;
        assert!(pair[1].span.start < pair[0].span.end, "they overlap");
        assert!(shared <= 64, "by no more than configured: {shared}");
        let start = pair[1].span.slice(&document.text).unwrap();
        assert!(start.starts_with("Sentence "), "at a sentence: {start}");
    }
}

#[test]
fn code_is_cut_at_blank_lines() {
    let function = "fn name() {\n    let value = compute();\n    value + 1\n}";
    let code = [function; 12].join("\n\n");
    let document = document("code", &[(Code, code.as_str())]);
    for text in texts(&document, &cut(&document, 40, 8)) {
        assert!(text.starts_with("fn name()") && text.ends_with('}'), "{text}");
    }
}

#[test]
fn a_million_bytes_without_a_space_and_a_million_lines_are_cut() {
    let unbroken = "a".repeat(1 << 20);
    let document_of_one = document("unbroken", &[(Paragraph, unbroken.as_str())]);
    let chunks = cut(&document_of_one, 256, 32);
    assert!(chunks.len() < 2048, "{}", chunks.len());
    let lines = "line\n".repeat(100_000);
    let document_of_many = document("lines", &[(Paragraph, lines.as_str())]);
    let chunks = cut(&document_of_many, 256, 0);
    assert_eq!(broken_promise(&document_of_many, &chunks), None);
    assert!(chunks.len() < 1000);
}

fn kind() -> impl Strategy<Value = BlockKind> {
    prop_oneof![
        (1_u8..=6).prop_map(|level| Heading { level }),
        Just(Paragraph),
        Just(Paragraph),
        Just(ListItem),
        any::<bool>().prop_map(|header| TableRow { header }),
        Just(Code),
        Just(BlockKind::Quote),
    ]
}

fn content() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z]{1,12}( [a-zA-Z]{1,12}){0,80}[.!?]",
        "([A-Z][a-z ]{3,40}[.] ){1,30}x",
        "[あ-ん。、]{1,400}",
        "\\PC{1,300}",
        "[a-z|\n ]{0,200}z",
        "x{1,2000}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_document_is_covered_in_order_within_the_limit(
        parts in prop::collection::vec((kind(), content()), 0..12),
        max in 4_usize..300,
        overlap in 0_usize..100,
    ) {
        let parts: Vec<_> = parts.iter().filter(|(_, text)| !text.trim().is_empty())
            .map(|(kind, text)| (*kind, text.as_str())).collect();
        let document = document("any", &parts);
        let chunks = cut(&document, max, overlap);
        prop_assert_eq!(broken_promise(&document, &chunks), None);
        for chunk in &chunks {
            let text = chunk.span.slice(&document.text).unwrap();
            prop_assert_eq!(text.trim(), text);
            let n = estimate_tokens(text);
            prop_assert!(n <= max, "{} tokens in {:?}", n, text);
        }
    }
}
