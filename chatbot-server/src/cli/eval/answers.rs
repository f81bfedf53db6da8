//! `eval answers`: how well questions are answered, and whether every citation is what it says.

use std::collections::HashSet;

use chatbot_core::text::sentences;
use chatbot_core::types::{Citation, Message, Span, Strategy};
use chatbot_core::{Chatbot, Context, Result, TurnRequest};
use futures_util::{StreamExt as _, stream};

use super::super::Outcome;
use super::super::args::EvalAnswers;
use super::super::output::Output;
use super::conclude::{self, Shown};
use super::corpus::Corpus;
use super::data::{self, Question};
use super::entry::{Entry, Figure};
use super::metrics;
use super::sets::{self, Set};
use crate::config::Config;

/// Questions asked at the same time.
const N_CONCURRENT: usize = 8;

const SHOWN: Shown = Shown {
    title: "Answers",
    charts: &["contains_answer", "token_f1", "balanced_accuracy"],
    names_strategy: false,
};

/// What was measured. A figure is null where the set has no question that it is about.
#[derive(Debug)]
struct Figures {
    queries: usize,
    /// Of the answerable questions with known answers, those where one of these was quoted.
    contains_answer: Option<f64>,
    /// Overlap of the answer's words with those of a known answer, over the same questions.
    token_f1: Option<f64>,
    /// Sentences quoted per answer that was given.
    sentences_quoted_mean: Option<f64>,
    /// Of all citations, those whose quote and sentence are exact.
    citation_exact: Option<f64>,
    /// Of all questions, those that were answered.
    answered: f64,
    /// Of the unanswerable questions, those where the engine said so.
    abstained_unanswerable: Option<f64>,
    /// Of the answerable questions, those where the engine said that it does not know.
    abstained_answerable: Option<f64>,
    /// The mean of right abstentions and right answers-at-all.
    balanced_accuracy: Option<f64>,
}

/// What is measured about one answer.
#[derive(Debug)]
struct Graded {
    answerable: bool,
    abstained: bool,
    contains_answer: Option<bool>,
    token_f1: Option<f64>,
    n_sentences: usize,
    n_citations: usize,
    n_exact: usize,
}

pub(crate) async fn answers(verb: EvalAnswers, config: Config, output: &Output) -> Result<Outcome> {
    let files = (verb.corpus.as_ref(), verb.queries.as_ref(), None);
    let sets = sets::sets(files, &verb.options.sets)?;
    let baseline = conclude::baseline(&verb.options).await?;
    let mut entries = Vec::new();
    for set in &sets {
        entries.extend(ask_set(set, &verb, &config, output).await?);
    }
    conclude::conclude(&entries, baseline.as_ref(), (&SHOWN, &verb.options), output).await
}

/// Takes the set in once and asks its questions with every strategy.
async fn ask_set(
    set: &Set,
    verb: &EvalAnswers,
    config: &Config,
    output: &Output,
) -> Result<Vec<Entry>> {
    let questions = sets::chosen(data::lines(&set.queries).await?, &verb.options);
    let corpus = Corpus::open(config, data::lines(&set.corpus).await?, output).await?;
    let mut entries = Vec::new();
    let mut outcome = Ok(());
    for strategy in &verb.options.strategies {
        match grade_all(&corpus.chatbot, &questions, (*strategy, &set.name), output).await {
            Ok(graded) => entries.push(Figures::of(&graded).entry(&set.name, *strategy)),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    corpus.chatbot.close().await?;
    outcome.map(|()| entries)
}

async fn grade_all(
    chatbot: &Chatbot,
    questions: &[Question],
    (strategy, set): (Strategy, &str),
    output: &Output,
) -> Result<Vec<Graded>> {
    let asked = stream::iter(questions)
        .map(|question| async move {
            let request = TurnRequest { strategy, ..TurnRequest::new(question.text.clone()) };
            let message = chatbot.ask(request).await?;
            if let Some(error) = &message.error {
                tracing::warn!(question = question.id, code = error.code.code(), "no answer");
            }
            grade(chatbot, question, &message).await
        })
        .buffer_unordered(N_CONCURRENT);
    let mut asked = std::pin::pin!(asked);
    let mut graded = Vec::with_capacity(questions.len());
    while let Some(one) = asked.next().await {
        graded.push(one?);
        if graded.len().is_multiple_of(25) {
            let (n_done, n_asked, name) = (graded.len(), questions.len(), strategy.as_str());
            output.progress(&format!("{set}, {name}: {n_done} of {n_asked} questions"));
        }
    }
    output.clear_progress();
    Ok(graded)
}

async fn grade(chatbot: &Chatbot, question: &Question, message: &Message) -> Result<Graded> {
    let mut n_exact = 0_usize;
    for citation in &message.citations {
        n_exact += usize::from(is_exact(chatbot, citation, message).await?);
    }
    let quotes = quotes(message);
    let quoted = quotes.join(" ");
    let known = question.answerable && !question.answers.is_empty();
    let contains_answer = known.then(|| metrics::contains(&quoted, &question.answers));
    let answer = without_markers(&message.content);
    let failed = message.error.is_some();
    Ok(Graded {
        answerable: question.answerable,
        abstained: message.abstained || failed,
        contains_answer,
        token_f1: known.then(|| match message.abstained || failed {
            true => 0.0,
            false => metrics::token_f1(&answer, &question.answers),
        }),
        n_sentences: quotes.iter().map(|quote| sentences(quote).len().max(1)).sum(),
        n_citations: message.citations.len(),
        n_exact,
    })
}

/// The quotes, each place once.
fn quotes(message: &Message) -> Vec<&str> {
    let mut seen = HashSet::new();
    let place = |citation: &&Citation| {
        seen.insert((citation.document_id, citation.byte_start, citation.byte_end))
    };
    message.citations.iter().filter(place).map(|citation| citation.quote.as_str()).collect()
}

/// Whether the quote is what the document has there, and the sentence stands where it should: whole, before its marker.
async fn is_exact(chatbot: &Chatbot, citation: &Citation, message: &Message) -> Result<bool> {
    let span = Span::new(citation.byte_start, citation.byte_end);
    let (id, version) = (citation.document_id, Some(citation.document_version));
    let stored = chatbot.text(&Context::local(), id, version, Some(span)).await?;
    Ok(stored == citation.quote && marks_its_sentence(citation, &message.content))
}

fn marks_its_sentence(citation: &Citation, content: &str) -> bool {
    let n_chars = citation.text_end.saturating_sub(citation.text_start);
    let sentence: String = content.chars().skip(citation.text_start).take(n_chars).collect();
    let after: String = content.chars().skip(citation.text_end).collect();
    let whole = sentence.chars().count() == n_chars && !sentence.trim().is_empty();
    // Several markers may follow one sentence.
    let mut markers = after.trim_start();
    while let Some((number, rest)) = marker(markers) {
        if number == citation.index {
            return whole && without_markers(&sentence) == sentence;
        }
        markers = rest.trim_start();
    }
    false
}

/// The number of the marker at the beginning of a text, and what follows it.
fn marker(text: &str) -> Option<(u32, &str)> {
    let (number, rest) = text.strip_prefix('[')?.split_once(']')?;
    Some((number.parse().ok()?, rest))
}

fn without_markers(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        match marker(from) {
            Some((_, after)) => rest = after,
            None => {
                plain.push('[');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    plain + rest
}

impl Figures {
    fn of(graded: &[Graded]) -> Self {
        let of_class = |answerable: bool| {
            let class: Vec<_> = graded.iter().filter(|g| g.answerable == answerable).collect();
            let n_abstained = class.iter().filter(|g| g.abstained).count();
            (!class.is_empty()).then(|| metrics::share(n_abstained, class.len()))
        };
        let mean = |values: Vec<f64>| metrics::mean(&values);
        let answered: Vec<_> = graded.iter().filter(|g| !g.abstained).collect();
        let n_citations: usize = graded.iter().map(|g| g.n_citations).sum();
        let n_exact: usize = graded.iter().map(|g| g.n_exact).sum();
        let (unanswerable, answerable) = (of_class(false), of_class(true));
        let contains = graded.iter().filter_map(|g| g.contains_answer);
        let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        Self {
            queries: graded.len(),
            contains_answer: mean(contains.map(|found| f64::from(u8::from(found))).collect()),
            token_f1: mean(graded.iter().filter_map(|g| g.token_f1).collect()),
            sentences_quoted_mean: mean(answered.iter().map(|g| count(g.n_sentences)).collect()),
            citation_exact: (n_citations > 0).then(|| metrics::share(n_exact, n_citations)),
            answered: metrics::share(answered.len(), graded.len()),
            abstained_unanswerable: unanswerable,
            abstained_answerable: answerable,
            balanced_accuracy: unanswerable
                .zip(answerable)
                .map(|(right, wrong)| f64::midpoint(right, 1.0 - wrong)),
        }
    }

    fn entry(&self, set: &str, strategy: Strategy) -> Entry {
        Entry {
            set: set.to_owned(),
            strategy,
            n_queries: self.queries,
            figures: vec![
                Figure::higher("contains_answer", self.contains_answer),
                Figure::higher("token_f1", self.token_f1),
                Figure::told("sentences_quoted_mean", self.sentences_quoted_mean),
                Figure::higher("citation_exact", self.citation_exact),
                Figure::told("answered", self.answered),
                Figure::higher("abstained_unanswerable", self.abstained_unanswerable),
                Figure::lower("abstained_answerable", self.abstained_answerable),
                Figure::higher("balanced_accuracy", self.balanced_accuracy),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatbot_core::types::DocumentId;

    fn citation(index: u32, text_start: usize, text_end: usize) -> Citation {
        Citation {
            index,
            text_start,
            text_end,
            quote: String::new(),
            document_id: DocumentId::new(),
            document_version: 1,
            page: None,
            byte_start: 0,
            byte_end: 0,
            verified: true,
        }
    }

    #[test]
    fn a_sentence_is_whole_and_before_its_marker() {
        let content = "Ünö is. [2][1] Two are. [3]";
        assert!(marks_its_sentence(&citation(1, 0, 7), content));
        assert!(marks_its_sentence(&citation(2, 0, 7), content));
        assert!(marks_its_sentence(&citation(3, 15, 23), content));
        assert!(!marks_its_sentence(&citation(3, 0, 7), content));
        assert!(!marks_its_sentence(&citation(3, 0, 23), content), "it has markers in it");
        assert!(!marks_its_sentence(&citation(3, 15, 99), content));
        assert_eq!(without_markers(content), "Ünö is.  Two are. ");
    }

    #[test]
    fn figures_by_hand() {
        let one = |answerable, abstained, found| Graded {
            answerable,
            abstained,
            contains_answer: found,
            token_f1: found.map(|found| if found { 0.5 } else { 0.0 }),
            n_sentences: 2 * usize::from(!abstained),
            n_citations: 2 * usize::from(!abstained),
            n_exact: usize::from(!abstained),
        };
        let graded = [
            one(true, false, Some(true)),
            one(true, true, Some(false)),
            one(true, false, Some(true)),
            one(true, false, Some(false)),
            one(false, true, None),
            one(false, false, None),
        ];
        let of = |graded: &[Graded]| {
            serde_json::to_value(Figures::of(graded).entry("town", Strategy::Lexical)).unwrap()
        };
        let figures = of(&graded);
        for (name, expected) in [
            ("queries", 6.0),
            ("contains_answer", 0.5),
            ("token_f1", 0.25),
            ("sentences_quoted_mean", 2.0),
            ("citation_exact", 0.5),
            ("answered", 4.0 / 6.0),
            ("abstained_unanswerable", 0.5),
            ("abstained_answerable", 0.25),
            ("balanced_accuracy", 0.625),
        ] {
            assert!((figures[name].as_f64().unwrap() - expected).abs() < 1e-12, "{name}");
        }
        assert!(of(&[])["balanced_accuracy"].is_null());
    }
}
