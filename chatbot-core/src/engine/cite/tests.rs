//! Alignment as a whole.

use proptest::prelude::*;

use super::*;
use crate::types::{ChunkId, DocumentId, Metadata, PageStart, SourceScores};

const PARIS: &str =
    "Paris is the capital of France. It has 2,102,650 inhabitants.\nThe Seine flows through it.";
const ROME: &str =
    "Rome was not built in a day. Its first king was Romulus, who ruled from 753 BC.";
const BYTES_BEFORE: usize = 100;

fn source(index: u32, title: &str, text: &str) -> Source {
    Source {
        index,
        document_id: DocumentId::from_bytes([1; 16]),
        document_version: 2,
        chunk_id: ChunkId::from_bytes([2; 16]),
        title: title.to_owned(),
        text: text.to_owned(),
        page_start: Some(3),
        page_end: Some(4),
        page_starts: vec![PageStart {
            page: 4,
            byte: BYTES_BEFORE + text.find('\n').unwrap_or(text.len()),
        }],
        heading: None,
        byte_start: BYTES_BEFORE,
        byte_end: BYTES_BEFORE + text.len(),
        score: 1.0,
        scores: SourceScores::default(),
        metadata: Metadata::default(),
        deleted: false,
    }
}

fn sources() -> Vec<Source> {
    vec![source(1, "Paris", PARIS), source(2, "Rome", ROME)]
}

/// Aligns a whole answer; checks on the way what must hold for every answer.
fn align(pieces: &[&str]) -> (String, Vec<Citation>, Vec<TextSpan>) {
    let sources = sources();
    let mut aligner = Aligner::new(&sources);
    let (mut content, mut citations) = (String::new(), Vec::new());
    let mut take = |aligned: Aligned| {
        content.push_str(&aligned.text);
        let n_chars = content.chars().count();
        assert!(aligned.citations.iter().all(|citation| citation.text_end <= n_chars));
        citations.extend(aligned.citations);
    };
    for piece in pieces {
        take(aligner.push(piece));
    }
    let (rest, unsupported) = aligner.finish();
    take(rest);
    for citation in &citations {
        let source = &sources[citation.index as usize - 1];
        let range = citation.byte_start - source.byte_start..citation.byte_end - source.byte_start;
        assert_eq!(source.text.get(range), Some(citation.quote.as_str()));
        assert!(citation.text_start < citation.text_end);
    }
    (content, citations, unsupported)
}

fn slice(content: &str, start: usize, end: usize) -> String {
    content.chars().skip(start).take(end - start).collect()
}

/// What is cited, from which source, whether it was verified, and what is quoted.
fn cited(text: &str) -> Vec<(String, u32, bool, String)> {
    let (content, citations, _) = align(&[text]);
    let show =
        |c: Citation| (slice(&content, c.text_start, c.text_end), c.index, c.verified, c.quote);
    citations.into_iter().map(show).collect()
}

fn statements(text: &str) -> Vec<(String, u32)> {
    cited(text).into_iter().map(|(statement, index, ..)| (statement, index)).collect()
}

fn unsupported(text: &str) -> Vec<String> {
    let (content, _, unsupported) = align(&[text]);
    unsupported.iter().map(|span| slice(&content, span.text_start, span.text_end)).collect()
}

#[test]
fn a_statement_is_what_stands_before_its_marker() {
    let cases: &[(&str, &[(&str, u32)])] = &[
        ("The capital is Paris [1].", &[("The capital is Paris", 1)]),
        ("The capital is Paris. [1] Rome is old.", &[("The capital is Paris.", 1)]),
        ("Well then. The capital is Paris.[1]", &[("The capital is Paris.", 1)]),
        (
            "The capital is Paris [1][2].",
            &[("The capital is Paris", 1), ("The capital is Paris", 2)],
        ),
        (
            "The capital is Paris. [1] [2]",
            &[("The capital is Paris.", 1), ("The capital is Paris.", 2)],
        ),
        (
            "Paris is a capital [1], while Rome took days [2].",
            &[("Paris is a capital", 1), ("while Rome took days", 2)],
        ),
        (
            "- The capital is Paris [1]\n- Rome is old [2]\n",
            &[("The capital is Paris", 1), ("Rome is old", 2)],
        ),
        (
            "According to [1], Paris is the capital. Good.",
            &[("According to [1], Paris is the capital.", 1)],
        ),
        ("[1] Paris is the capital. Good.", &[("Paris is the capital.", 1)]),
        ("巴黎是法国的首都【1】。罗马很古老[2]。", &[("巴黎是法国的首都", 1), ("罗马很古老", 2)]),
        ("[1]", &[]),
        ("Nothing is cited here [7].", &[]),
    ];
    for (text, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(text, n)| ((*text).to_owned(), *n)).collect();
        assert_eq!(statements(text), expected, "{text}");
    }
}

#[test]
fn what_stands_word_for_word_is_cited_as_a_whole() {
    let text = "It has 2,102,650 inhabitants.\nThe Seine flows through it. [1]";
    let quote = "It has 2,102,650 inhabitants.\nThe Seine flows through it.";
    assert_eq!(cited(text), [(quote.to_owned(), 1, true, quote.to_owned())]);
}

#[test]
fn other_words_are_tied_to_the_sentence_that_supports_them() {
    let [(_, _, verified, quote)] = &cited("The first king of Rome was Romulus [2].")[..] else {
        panic!()
    };
    assert_eq!(
        (quote.as_str(), *verified),
        ("Its first king was Romulus, who ruled from 753 BC.", true)
    );
}

#[test]
fn figures_and_names_must_agree() {
    let verified = |text: &str| cited(text).iter().all(|(_, _, verified, _)| *verified);
    assert!(verified("Some 2102650 inhabitants live there, it has them [1]."));
    assert!(!verified("It has 3,102,650 inhabitants [1]."));
    assert!(!verified("Its first king was Remus, who ruled from 753 BC [2]."));
    assert!(!verified("Bananas grow in warm countries [1]."));
}

#[test]
fn a_citation_says_where_its_quote_is() {
    let (_, citations, _) =
        align(&["The Seine flows through it [1]. Paris is the capital of France [1]."]);
    let start = BYTES_BEFORE + PARIS.find("The Seine").unwrap();
    assert_eq!((citations[0].byte_start, citations[0].page), (start, Some(4)));
    assert_eq!((citations[1].byte_start, citations[1].page), (BYTES_BEFORE, Some(3)));
    assert_eq!((citations[0].document_version, citations[0].verified), (2, true));
}

#[test]
fn sentences_without_a_citation_are_named() {
    let text = "# A heading of some length\nThe capital is Paris [1]. It is lovely in spring. These are the facts:\n\
        - Rome is old [2]\n- Nobody knows this one\n```\nsome code in here\n```\nYes.";
    assert_eq!(unsupported(text), ["It is lovely in spring.", "Nobody knows this one"]);
    assert_eq!(Aligner::new(&[]).finish().1, []);
}

#[test]
fn a_citation_comes_with_the_end_of_its_sentence() {
    let mut aligner = Aligner::new(&sources());
    assert_eq!(aligner.push("The capital is Paris").citations, []);
    assert_eq!(aligner.push(" [1]").citations, []);
    let aligned = aligner.push(". ");
    assert_eq!((aligned.text.as_str(), aligned.citations.len()), (" [1].", 1));
}

#[test]
fn deleted_sources_quote_nothing() {
    let mut sources = sources();
    sources[0].text.clear();
    let mut aligner = Aligner::new(&sources);
    assert_eq!(aligner.push("The capital is Paris. [1] ").citations, []);
}

proptest! {
    #[test]
    fn the_way_of_cutting_changes_nothing(
        parts in prop::collection::vec(prop::sample::select(vec![
            "Paris is the capital", " of France", "Rome", ". ", "[1]", " [2]", " [9]", "\n", ", ", "`a[1]`", "[1](http://x)",
            "。", "[", "]", "1", "2,102,650", "- ", "é", "```\n", "The Seine flows through it.",
        ]), 0..40)
    ) {
        let text = parts.concat();
        let chars: Vec<String> = text.chars().map(String::from).collect();
        let chars: Vec<&str> = chars.iter().map(String::as_str).collect();
        let whole = align(&[&text]);
        prop_assert_eq!(&align(&chars), &whole);
        prop_assert_eq!(&align(&parts), &whole);
    }
}

#[test]
fn a_whole_sentence_of_a_source_ends_at_its_marker_whatever_its_sign() {
    let text = "Three parts wear out:\nThe seal is changed each year. The valve lasts longer.";
    let mut aligner = Aligner::new(&[source(1, "Manual", text)]);
    let answer = "Three parts wear out: [1] The seal is changed each year. [1]";
    let mut aligned = aligner.push(answer);
    aligned.citations.extend(aligner.finish().0.citations);
    let cited: Vec<_> =
        aligned.citations.iter().map(|c| slice(answer, c.text_start, c.text_end)).collect();
    assert_eq!(cited, ["Three parts wear out:", "The seal is changed each year."]);
}
