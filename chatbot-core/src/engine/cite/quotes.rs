//! Finds the bytes of a source that support a statement.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use crate::text::{QueryTerm, TermSet, detect_language, query_terms, sentences};
use crate::types::{DocumentId, Source, Span};

/// Sentences of the longest quote that is put together from a statement in other words.
const MAX_QUOTE_SENTENCES: usize = 3;

/// What another sentence must add to the share of a statement that a quote covers, to be quoted too.
const MIN_GAIN_PER_SENTENCE: f32 = 0.1;

/// The share of a statement's words that its quote must have, with title and headings, for it to count as supported.
const MIN_COVERAGE: f32 = 0.6;

/// The share that the quote must have without them.
const MIN_OWN_COVERAGE: f32 = 0.3;

/// What a word in the sentences is worth besides one in title or headings, so that the sentence that says it is found.
const OWN_WORTH: f32 = 0.05;

/// A source that statements can be looked up in.
#[derive(Debug)]
pub(super) struct Quotable {
    sources: Arc<[Source]>,
    index: usize,
    analysed: OnceLock<Analysed>,
}

/// What a source says in support of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quoted {
    pub(super) text: String,
    /// In the version's text.
    pub(super) span: Span,
    pub(super) page: Option<u32>,
    pub(super) document_id: DocumentId,
    pub(super) document_version: u32,
    pub(super) verified: bool,
}

impl Quotable {
    pub(super) fn new(sources: Arc<[Source]>, index: usize) -> Self {
        Self { sources, index, analysed: OnceLock::new() }
    }

    fn source(&self) -> Option<&Source> {
        self.sources.get(self.index)
    }

    fn text(&self) -> &str {
        self.source().map_or("", |source| &source.text)
    }

    /// Whether the statement stands in the source word for word.
    pub(super) fn holds(&self, statement: &str) -> bool {
        find_exact(self.text(), statement).is_some()
    }

    /// Whether the statement is a sentence of the source, whatever sign it ends with: headings and lines before a list
    /// end with none, or with a colon.
    pub(super) fn has_sentence(&self, statement: &str) -> bool {
        let found = find_exact(self.text(), statement);
        found.is_some_and(|found| sentences(self.text()).contains(&found))
    }

    /// What supports the statement best; `None` where the source has no text any more.
    pub(super) fn quote(&self, statement: &str) -> Option<Quoted> {
        let source = self.source()?;
        let exact = find_exact(&source.text, statement);
        let (span, verified) = match exact {
            Some(span) => (span, true),
            None => {
                let window = self.best_window(statement)?;
                let quote = window.span.slice(&source.text)?;
                (window.span, window.supports() && facts_agree(statement, quote, source))
            }
        };
        let in_version = span.shifted(source.byte_start);
        Some(Quoted {
            text: span.slice(&source.text)?.to_owned(),
            span: in_version,
            page: source.page_at(in_version.start),
            document_id: source.document_id,
            document_version: source.document_version,
            verified,
        })
    }

    /// The run of sentences that supports the statement best. What title and headings say counts for every run: it
    /// is what a passage need not repeat.
    fn best_window(&self, statement: &str) -> Option<Window> {
        let source = self.source()?;
        let analysed = self.analysed.get_or_init(|| Analysed::of(source));
        let terms = query_terms(statement);
        let total = terms.iter().map(weight).sum::<f32>().max(1.0);
        let share = |is_covered: &dyn Fn(&QueryTerm) -> bool| {
            terms.iter().filter(|term| is_covered(term)).map(weight).sum::<f32>() / total
        };
        let mut best: Option<(Window, f32)> = None;
        for start in 0..analysed.sentences.len() {
            let mut price = 0.0;
            for n in 1..=MAX_QUOTE_SENTENCES {
                let Some(run) = analysed.sentences.get(start..start + n) else { break };
                let own = |term: &QueryTerm| {
                    run.iter().any(|(_, set)| set.has(&term.surface, &term.stems))
                };
                let above = |term: &QueryTerm| analysed.above.has(&term.surface, &term.stems);
                let coverage = share(&|term| own(term) || above(term));
                let worth = coverage + share(&own) * OWN_WORTH - price;
                if best.as_ref().is_none_or(|(_, most)| worth > *most) {
                    let span = run.iter().map(|(span, _)| *span).reduce(Span::union)?;
                    best = Some((Window { span, coverage, own: share(&own) }, worth));
                }
                price += MIN_GAIN_PER_SENTENCE;
            }
        }
        best.map(|(window, _)| window)
    }
}

/// A run of sentences.
#[derive(Debug, Clone, Copy)]
struct Window {
    span: Span,
    /// The share of the statement that the run covers, with title and headings.
    coverage: f32,
    /// The share that it covers without them.
    own: f32,
}

impl Window {
    const fn supports(&self) -> bool {
        self.coverage >= MIN_COVERAGE && self.own >= MIN_OWN_COVERAGE
    }
}

/// Figures tell more than words.
fn weight(term: &QueryTerm) -> f32 {
    if term.surface.contains(char::is_numeric) { 2.0 } else { 1.0 }
}

/// A source as its terms.
#[derive(Debug)]
struct Analysed {
    above: TermSet,
    sentences: Vec<(Span, TermSet)>,
}

impl Analysed {
    fn of(source: &Source) -> Self {
        let language = detect_language(&source.text);
        let set = |texts: &[&str]| TermSet::of(texts, language.as_ref());
        let sentence = |span: Span| (span, set(&[span.slice(&source.text).unwrap_or_default()]));
        Self {
            above: set(&[&source.title, source.heading.as_deref().unwrap_or_default()]),
            sentences: sentences(&source.text).into_iter().map(sentence).collect(),
        }
    }
}

/// Where `statement` stands in `text`: as it is, or else up to case, white space and Markdown's emphasis.
fn find_exact(text: &str, statement: &str) -> Option<Span> {
    let statement = statement.trim();
    if statement.is_empty() {
        return None;
    }
    if let Some(start) = text.find(statement) {
        return Some(Span::new(start, start + statement.len()));
    }
    let wanted: Vec<char> = folded(statement).map(|(_, c)| c).collect();
    let end = wanted.iter().rposition(|c| c.is_alphanumeric())? + 1;
    let wanted = wanted.get(..end)?;
    let folded: Vec<_> = folded(text).collect();
    let at =
        folded.windows(wanted.len()).position(|window| window.iter().map(|(_, c)| c).eq(wanted))?;
    let start = folded.get(at)?.0;
    let (last, _) = folded.get(at + wanted.len() - 1)?;
    let last_char = text.get(*last..)?.chars().next()?;
    Some(Span::new(start, last + last_char.len_utf8()))
}

/// Characters with their places: lower case, runs of white space as one space, emphasis left out.
fn folded(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let mut after_space = true;
    text.char_indices().filter_map(move |(at, c)| {
        if matches!(c, '*' | '_' | '`') {
            return None;
        }
        let is_space = c.is_whitespace();
        let skip = is_space && after_space;
        after_space = is_space;
        let c = if is_space { ' ' } else { c.to_lowercase().next().unwrap_or(c) };
        (!skip).then_some((at, c))
    })
}

/// Whether every figure of the statement is in the quote, and every name in it, in the title or in the heading.
fn facts_agree(statement: &str, quote: &str, source: &Source) -> bool {
    let figures_in = figures(quote);
    if !figures(statement).iter().all(|figure| figures_in.contains(figure)) {
        return false;
    }
    let place = [quote, &source.title, source.heading.as_deref().unwrap_or_default()]
        .join(" ")
        .to_lowercase();
    names(statement).all(|name| place.contains(&name.to_lowercase()))
}

/// Figures without the separators that writers disagree on.
fn figures(text: &str) -> HashSet<String> {
    let is_part = |c: char| c.is_numeric() || matches!(c, '.' | ',');
    let runs = text.split(|c: char| !is_part(c));
    let plain = runs.map(|run| run.chars().filter(|c| c.is_numeric()).collect::<String>());
    plain.filter(|figure| !figure.is_empty()).collect()
}

/// Words that begin with a capital within a sentence.
fn names(statement: &str) -> impl Iterator<Item = &str> {
    let words =
        statement.split(|c: char| !c.is_alphanumeric() && c != '-').filter(|word| !word.is_empty());
    words.skip(1).filter(|word| word.chars().count() > 1 && word.starts_with(char::is_uppercase))
}
