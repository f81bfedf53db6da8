//! Whether what was found can answer at all.
//!
//! Decided on how much of the question the best passage covers and how near its meaning is, never on a fused score: scores
//! grow with the corpus, coverage and cosine do not, so that one file with one sentence answers its own question and a million passages do
//! not answer a foreign one. A term that occurs nowhere in a large corpus is the strongest sign that a question is
//! foreign to it; in a small one it is no sign at all.

use std::collections::HashSet;

use crate::text::{TermSet, detect_language, query_terms, sentences};
use crate::traits::TermEvidence;
use crate::types::{Language, Source};

/// Chunks that are added to every corpus before its terms are counted: with fewer than that a count says little.
const PRIOR_CHUNKS: f32 = 50.0;

/// Terms beyond this number do not make a question harder to cover.
const MAX_COUNTED_TERMS: usize = 10;

/// What the parts of the evidence count. An answer is thought possible where the sum is not negative.
///
/// *Source*: logistic regression over eight public sets and one of this project's, each with its own questions and with those
/// of the others, and over single sentences of three of them, asked of the engine itself; fitted on half of the questions, rounded, and
/// checked on the other half. The record of the figures is in `docs/decisions/`.
#[derive(Debug, Clone, Copy)]
struct Weights {
    /// The share of the question that the best passage covers, times the logarithm of its number of terms: covering
    /// half of a long question says more than covering half of a short one.
    share: f32,
    /// The share of the question that occurs nowhere in the corpus.
    unknown: f32,
    /// The logarithm of the number of terms that the best pair of sentences has.
    matched: f32,
    /// The logarithm of the number of terms.
    terms: f32,
    /// What a corpus of almost nothing is given: there, few questions are foreign by chance.
    tiny: f32,
    /// The greatest cosine of a passage and the question, times the logarithm of the number of terms.
    cosine: f32,
}

const BY_WORDS: Weights =
    Weights { share: 5.0, unknown: -5.1, matched: 3.3, terms: -4.1, tiny: 4.2, cosine: 0.0 };
const WITH_MEANING: Weights =
    Weights { share: 4.8, unknown: -1.8, matched: 0.0, terms: -5.3, tiny: 4.5, cosine: 8.3 };

/// Two characters of a script without spaces that occur nowhere are mostly no word at all; those that occur are about
/// half a word.
const UNKNOWN_PAIR: f32 = 0.1;
/// See [`UNKNOWN_PAIR`].
const KNOWN_PAIR: f32 = 0.6;

/// What speaks for an answer in what was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Evidence {
    /// 0–1; an answer is thought possible from 0.5.
    pub(crate) score: f32,
    /// Whether that is enough.
    pub(crate) answerable: bool,
}

/// Judges what was found for a question. `terms` may be empty where a retriever knows none.
pub(crate) fn assess(question: &str, sources: &[Source], terms: &[TermEvidence]) -> Evidence {
    let counted = if terms.is_empty() { counted(question, sources) } else { terms.to_vec() };
    if counted.is_empty() || sources.is_empty() {
        return Evidence { score: 0.0, answerable: false };
    }
    let terms = Weighed::all(&counted);
    let mut best = Best::default();
    for source in sources.iter().filter(|source| !source.deleted) {
        best.take(Covered::by(&terms, source), source.scores.dense);
    }
    let sum = best.sum(&terms, &counted);
    Evidence { score: 1.0 / (1.0 + (-sum).exp()), answerable: sum >= 0.0 }
}

/// What the sources have at best.
#[derive(Debug, Default)]
struct Best {
    share: f32,
    n_matched: usize,
    cosine: Option<f32>,
    /// Whether a source has no vector, so that nothing is known of its meaning.
    is_waiting: bool,
}

impl Best {
    fn take(&mut self, covered: Covered, cosine: Option<f32>) {
        self.share = self.share.max(covered.share);
        self.n_matched = self.n_matched.max(covered.n_matched);
        self.is_waiting |= cosine.is_none();
        self.cosine = self.cosine.into_iter().chain(cosine).reduce(f32::max);
    }

    /// Where a passage has no vector yet, the better of both verdicts: a new document must not be silenced by old ones.
    fn sum(&self, terms: &[Weighed<'_>], counted: &[TermEvidence]) -> f32 {
        let by_words = || self.weighed(&BY_WORDS, terms, counted);
        let with_meaning = || self.weighed(&WITH_MEANING, terms, counted);
        match (self.cosine, self.is_waiting) {
            (None, _) => by_words(),
            (Some(_), false) => with_meaning(),
            (Some(_), true) => by_words().max(with_meaning()),
        }
    }

    fn weighed(&self, weights: &Weights, terms: &[Weighed<'_>], counted: &[TermEvidence]) -> f32 {
        let unknown: f32 = terms.iter().filter(|term| term.is_unknown).map(|term| term.share).sum();
        let n_chunks = as_f32(counted.iter().map(|term| term.n_chunks).max().unwrap_or(0));
        let size = n_chunks / (n_chunks + PRIOR_CHUNKS);
        let log = |n: usize| as_f32(n as u64).ln_1p();
        weights.share * self.share * log(terms.len())
            + weights.unknown * unknown * size
            + weights.matched * log(self.n_matched)
            + weights.terms * log(terms.len().min(MAX_COUNTED_TERMS))
            + weights.tiny * (1.0 - size)
            + weights.cosine * self.cosine.unwrap_or(0.0) * log(terms.len())
    }
}

#[allow(clippy::cast_precision_loss, reason = "a logarithm or a share is made of it")]
const fn as_f32(n: u64) -> f32 {
    n as f32
}

/// The question's terms, counted in the sources alone.
fn counted(question: &str, sources: &[Source]) -> Vec<TermEvidence> {
    let sets: Vec<_> = sources
        .iter()
        .map(|source| {
            TermSet::of(&[&source.title, &source.text], detect_language(&source.text).as_ref())
        })
        .collect();
    let terms = query_terms(question).into_iter().map(|term| TermEvidence {
        document_frequency: sets.iter().filter(|set| set.has(&term.surface, &term.stems)).count()
            as u64,
        n_chunks: sources.len() as u64,
        surface: term.surface,
        stems: term.stems,
    });
    terms.collect()
}

/// A term with its share of all that the question's terms tell.
#[derive(Debug)]
struct Weighed<'a> {
    term: &'a TermEvidence,
    share: f32,
    is_unknown: bool,
}

impl<'a> Weighed<'a> {
    fn all(terms: &'a [TermEvidence]) -> Vec<Self> {
        let total: f32 = terms.iter().map(telling).sum();
        let weighed = terms.iter().map(|term| Self {
            term,
            share: telling(term) / total.max(f32::MIN_POSITIVE),
            is_unknown: term.document_frequency == 0,
        });
        weighed.collect()
    }
}

/// How much a term tells, smoothed so that small corpora tell little.
fn telling(term: &TermEvidence) -> f32 {
    let n_chunks = as_f32(term.n_chunks) + PRIOR_CHUNKS;
    let rarity = (n_chunks / (as_f32(term.document_frequency) + 0.5)).ln() / n_chunks.ln();
    let is_pair = term.surface.chars().all(is_unspaced);
    match (is_pair, term.document_frequency) {
        (false, _) => rarity,
        (true, 0) => rarity * UNKNOWN_PAIR,
        (true, _) => rarity * KNOWN_PAIR,
    }
}

/// Chinese, Japanese, Thai, Lao, Khmer, Burmese: what is cut into pairs of characters.
const fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{2E80}'..='\u{A4CF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// What of a question a passage covers.
#[derive(Debug, Clone, Copy)]
struct Covered {
    share: f32,
    /// Terms in the pair of neighbouring sentences that covers most.
    n_matched: usize,
}

impl Covered {
    fn by(terms: &[Weighed<'_>], source: &Source) -> Self {
        let language = detect_language(&source.text);
        let heading = source.heading.as_deref().unwrap_or_default();
        let above = found(terms, &TermSet::of(&[&source.title, heading], language.as_ref()));
        let of_sentence = |text: &str| found(terms, &TermSet::of(&[text], language.as_ref()));
        let spans = sentences(&source.text);
        let here: Vec<_> =
            spans.iter().filter_map(|span| span.slice(&source.text)).map(of_sentence).collect();
        let all: HashSet<usize> = here.iter().flatten().chain(&above).copied().collect();
        let mut best = (0.0, above.len());
        for (n, sentence) in here.iter().enumerate() {
            let next = here.get(n + 1).into_iter().flatten();
            let pair: HashSet<usize> = sentence.iter().chain(next).chain(&above).copied().collect();
            let share = share(terms, &pair);
            if share > best.0 {
                best = (share, pair.len());
            }
        }
        Self { share: share(terms, &all), n_matched: best.1 }
    }
}

/// The places of the terms that `set` has.
fn found(terms: &[Weighed<'_>], set: &TermSet) -> Vec<usize> {
    let has = |(_, term): &(usize, &Weighed<'_>)| set.has(&term.term.surface, &term.term.stems);
    terms.iter().enumerate().filter(has).map(|(at, _)| at).collect()
}

fn share(terms: &[Weighed<'_>], found: &HashSet<usize>) -> f32 {
    found.iter().filter_map(|at| terms.get(*at)).map(|term| term.share).sum()
}

/// Says that the documents do not hold the answer, in the language of the question where it is one of the common ones.
pub(crate) fn not_in_documents(language: Option<&Language>) -> &'static str {
    match language.map_or("eng", Language::as_str) {
        "spa" => "Los documentos no contienen una respuesta a esta pregunta.",
        "fra" => "Les documents ne contiennent pas de réponse à cette question.",
        "deu" => "Die Dokumente enthalten keine Antwort auf diese Frage.",
        "ita" => "I documenti non contengono una risposta a questa domanda.",
        "por" => "Os documentos não contêm uma resposta a esta pergunta.",
        "nld" => "De documenten bevatten geen antwoord op deze vraag.",
        "pol" => "Dokumenty nie zawierają odpowiedzi na to pytanie.",
        "swe" => "Dokumenten innehåller inget svar på den här frågan.",
        "tur" => "Belgelerde bu sorunun yanıtı yok.",
        "rus" => "В документах нет ответа на этот вопрос.",
        "ukr" => "У документах немає відповіді на це запитання.",
        "ara" => "لا تحتوي المستندات على إجابة لهذا السؤال.",
        "hin" => "दस्तावेज़ों में इस प्रश्न का उत्तर नहीं है।",
        "cmn" => "文档中没有这个问题的答案。",
        "jpn" => "文書にはこの質問の答えがありません。",
        "kor" => "문서에 이 질문에 대한 답이 없습니다.",
        _ => "The documents do not hold an answer to this question.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ChunkId, DocumentId, Metadata, SourceScores};

    fn source(text: &str) -> Source {
        Source {
            index: 1,
            document_id: DocumentId::from_bytes([1; 16]),
            document_version: 1,
            chunk_id: ChunkId::from_bytes([2; 16]),
            title: String::new(),
            text: text.to_owned(),
            page_start: None,
            page_end: None,
            page_starts: Vec::new(),
            heading: None,
            byte_start: 0,
            byte_end: text.len(),
            score: 1.0,
            scores: SourceScores::default(),
            metadata: Metadata::default(),
            deleted: false,
        }
    }

    /// The evidence over a corpus of `n_chunks` in which each term of the question occurs `frequency` times where the
    /// passage has it, and nowhere where it has not.
    fn over(n_chunks: u64, frequency: u64, question: &str, passage: &str) -> Evidence {
        let sources = [source(passage)];
        let mut terms = counted(question, &sources);
        for term in &mut terms {
            (term.n_chunks, term.document_frequency) =
                (n_chunks, term.document_frequency * frequency);
        }
        assess(question, &sources, &terms)
    }

    #[test]
    fn one_sentence_answers_its_own_question_and_no_other() {
        let passage = "The harbour bridge was finished in 1932 after eight years of work.";
        for question in
            ["When was the harbour bridge finished?", "How long did the work on the bridge take?"]
        {
            assert!(over(1, 1, question, passage).answerable, "{question}");
        }
        for question in ["Who wrote the first opera?", "What is the boiling point of lead?", "?!"] {
            assert!(!over(1, 1, question, passage).answerable, "{question}");
        }
    }

    #[test]
    fn size_alone_changes_no_clear_case() {
        let passage = "The harbour bridge was finished in 1932 after eight years of work.";
        for n_chunks in [1, 100, 10_000, 1_000_000] {
            let frequency = (n_chunks / 50).max(1);
            assert!(
                over(n_chunks, frequency, "When was the harbour bridge finished?", passage)
                    .answerable
            );
            let foreign =
                "Which enzyme limits the synthesis of dopamine in the bridge of the brain?";
            assert!(!over(n_chunks, frequency, foreign, passage).answerable);
        }
    }

    #[test]
    fn meaning_decides_where_words_do_not() {
        let question = "Which physician treated the sailors on the voyage?";
        let near = "The crew of the ship were looked after by the doctor on board, a Mr Hale.";
        let verdict = |cosine, passage: &str| {
            let mut source = source(passage);
            source.scores.dense = cosine;
            let mut terms = counted(question, std::slice::from_ref(&source));
            for term in &mut terms {
                (term.n_chunks, term.document_frequency) = (1000, 20);
            }
            assess(question, &[source], &terms).answerable
        };
        assert!(!verdict(None, near), "no word of the question is in it");
        assert!(verdict(Some(0.8), near));
        assert!(!verdict(Some(0.1), near));
        let words =
            "The sailors of the voyage had a physician who was ill himself and treated nobody.";
        assert!(verdict(None, words) && !verdict(Some(-0.1), words));
    }

    #[test]
    fn a_passage_without_a_vector_is_judged_by_its_words() {
        let question = "When was the harbour bridge finished?";
        let mut old = source("Ferries cross the bay every hour.");
        old.scores.dense = Some(0.1);
        let new = source("The harbour bridge was finished in 1932.");
        let both = [old.clone(), new];
        assert!(assess(question, &both, &[]).answerable);
        assert!(!assess(question, &[old], &[]).answerable);
    }

    #[test]
    fn nothing_found_or_nothing_left_is_no_evidence() {
        assert!(!assess("When was the bridge finished?", &[], &[]).answerable);
        let mut gone = source("The bridge was finished in 1932.");
        gone.deleted = true;
        assert!(!assess("When was the bridge finished?", &[gone], &[]).answerable);
    }

    #[test]
    fn what_is_said_without_an_answer_is_in_the_language_of_the_question() {
        let spanish = not_in_documents(Some(&Language::from_static("spa")));
        assert!(spanish.contains("documentos"));
        assert_eq!(not_in_documents(None), not_in_documents(Some(&Language::from_static("eng"))));
        assert_eq!(not_in_documents(Some(&Language::from_static("zul"))), not_in_documents(None));
    }
}
