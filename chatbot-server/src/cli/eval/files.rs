//! `eval files`: questions about files as they are, from their bytes to the cited page.
//!
//! Each file is taken in alone, as by somebody who uploads it and asks about it. A question says on which pages the evidence
//! is, what an answer has to hold, or what it must not hold: an instruction inside a document is text that may be quoted
//! and never one that is followed.

use std::collections::{BTreeMap, HashSet};

use chatbot_core::types::{Message, Source, Strategy};
use chatbot_core::{Chatbot, Error, Result, TurnRequest};
use serde::Deserialize;

use super::super::Outcome;
use super::super::args::EvalFiles;
use super::super::ask::shortened;
use super::super::output::Output;
use super::conclude::{self, Shown};
use super::corpus::Corpus;
use super::data::{self, Question};
use super::entry::{Entry, Figure};
use super::{metrics, sets};
use crate::config::Config;

const SHOWN: Shown = Shown {
    title: "Questions about files",
    charts: &["pages_cited", "pages_found", "said", "not_said"],
    names_strategy: false,
};

/// A question about a file, and what is known about its answer. Lines without a question are passed over.
#[derive(Debug, Clone, Deserialize)]
struct About {
    #[serde(default)]
    id: Option<String>,
    #[serde(default, alias = "question")]
    text: Option<String>,
    #[serde(alias = "doc")]
    file: String,
    /// Where the evidence is; the first page is 0.
    #[serde(default)]
    evidence_pages_0based: Vec<u32>,
    #[serde(default)]
    must_contain: Option<String>,
    #[serde(default)]
    must_not_contain: Option<String>,
}

impl About {
    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.file)
    }

    /// Whether the evidence is on one of the pages from `first` to `last`; the first page is 1.
    fn is_on(&self, first: u32, last: u32) -> bool {
        self.evidence_pages_0based.iter().any(|page| (first..=last).contains(&(page + 1)))
    }

    fn is_in(&self, source: &Source) -> bool {
        let pages = source.page_start.zip(source.page_end);
        pages.is_some_and(|(first, last)| self.is_on(first, last))
    }
}

/// What is measured about one answer; null where nothing is known about that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Graded {
    /// Whether the evidence is on a page of what was found.
    is_found: Option<bool>,
    /// Whether it is on a page of a passage that the answer cites.
    is_cited: Option<bool>,
    /// Whether a citation names the very page.
    is_exact: Option<bool>,
    /// Whether the answer holds what it has to.
    says: Option<bool>,
    /// Whether it holds nothing that it must not.
    is_silent: Option<bool>,
    answered: bool,
}

pub(crate) async fn files(verb: EvalFiles, config: Config, output: &Output) -> Result<Outcome> {
    if !verb.options.sets.is_empty() {
        return Err(Error::invalid("Questions about files are named by --queries and --files."));
    }
    let baseline = conclude::baseline(&verb.options).await?;
    let about = chosen(data::lines(&verb.queries).await?, &verb);
    let mut by_file: BTreeMap<&str, Vec<&About>> = BTreeMap::new();
    for one in &about {
        by_file.entry(&one.file).or_default().push(one);
    }
    let strategies = &verb.options.strategies;
    let mut graded: Vec<Vec<Graded>> = vec![Vec::new(); strategies.len()];
    for (file, about) in &by_file {
        let corpus = Corpus::of_file(&config, &verb.files.join(file), output).await?;
        let asked = ask_all(&corpus.chatbot, about, strategies, output).await;
        corpus.chatbot.close().await?;
        for (all, of_file) in graded.iter_mut().zip(asked?) {
            all.extend(of_file);
        }
    }
    let set = verb.queries.parent().map_or_else(|| "set".to_owned(), sets::name_of);
    let entries: Vec<_> = strategies
        .iter()
        .zip(&graded)
        .map(|(strategy, graded)| entry(&set, *strategy, graded))
        .collect();
    conclude::conclude(&entries, baseline.as_ref(), (&SHOWN, &verb.options), output).await
}

/// The questions of the half and the sample that were asked for.
fn chosen(mut about: Vec<About>, verb: &EvalFiles) -> Vec<About> {
    about.retain(|one| one.text.is_some());
    let question = |one: &About| Question {
        id: one.id().to_owned(),
        text: String::new(),
        answers: Vec::new(),
        answerable: true,
        history: Vec::new(),
    };
    let chosen = sets::chosen(about.iter().map(question).collect(), &verb.options);
    let chosen: HashSet<String> = chosen.into_iter().map(|question| question.id).collect();
    about.retain(|one| chosen.contains(one.id()));
    about
}

/// Asks every question with every strategy; what came of it by strategy.
async fn ask_all(
    chatbot: &Chatbot,
    about: &[&About],
    strategies: &[Strategy],
    output: &Output,
) -> Result<Vec<Vec<Graded>>> {
    let mut all = Vec::with_capacity(strategies.len());
    for strategy in strategies {
        let mut graded = Vec::with_capacity(about.len());
        for one in about {
            let text = one.text.clone().unwrap_or_default();
            let request = TurnRequest { strategy: *strategy, ..TurnRequest::new(text) };
            let message = chatbot.ask(request).await?;
            let grade = grade(one, &message);
            if let Some(missed) = missed(one, &message, grade) {
                output.note(&format!("{}: {missed}", strategy.as_str()));
            }
            graded.push(grade);
        }
        all.push(graded);
    }
    Ok(all)
}

fn grade(about: &About, message: &Message) -> Graded {
    let knows_pages = !about.evidence_pages_0based.is_empty();
    let is_cited = |source: &&Source| message.citations.iter().any(|one| one.index == source.index);
    let mut cited = message.sources.iter().filter(is_cited);
    let mut pages = message.citations.iter().filter_map(|citation| citation.page);
    let holds = |phrase: &String| message.content.contains(phrase.as_str());
    Graded {
        is_found: knows_pages.then(|| message.sources.iter().any(|source| about.is_in(source))),
        is_cited: knows_pages.then(|| cited.any(|source| about.is_in(source))),
        is_exact: knows_pages.then(|| pages.any(|page| about.is_on(page, page))),
        says: about.must_contain.as_ref().map(holds),
        is_silent: about.must_not_contain.as_ref().map(|phrase| !holds(phrase)),
        answered: !message.abstained && message.error.is_none(),
    }
}

/// A line for people about an answer that is not as it should be.
fn missed(about: &About, message: &Message, graded: Graded) -> Option<String> {
    let what = match graded {
        Graded { says: Some(false), .. } => "the answer lacks what it has to hold",
        Graded { is_silent: Some(false), .. } => "the answer holds what it must not",
        Graded { is_found: Some(false), .. } => "the page is not among those that were found",
        Graded { is_cited: Some(false), answered: false, .. } => {
            "the page was found, nothing was said"
        }
        Graded { is_cited: Some(false), .. } => "the page was found and not cited",
        Graded { is_exact: Some(false), .. } => "a citation is of the passage, not of the page",
        _ => return None,
    };
    Some(format!("{}: {what}: {}", about.id(), shortened(&message.content)))
}

fn entry(set: &str, strategy: Strategy, graded: &[Graded]) -> Entry {
    let share = |of: fn(&Graded) -> Option<bool>| {
        let known: Vec<f64> =
            graded.iter().filter_map(of).map(|yes| f64::from(u8::from(yes))).collect();
        metrics::mean(&known)
    };
    Entry {
        set: set.to_owned(),
        strategy,
        n_queries: graded.len(),
        figures: vec![
            Figure::higher("pages_found", share(|one| one.is_found)),
            Figure::higher("pages_cited", share(|one| one.is_cited)),
            Figure::higher("pages_exact", share(|one| one.is_exact)),
            Figure::higher("said", share(|one| one.says)),
            Figure::higher("not_said", share(|one| one.is_silent)),
            Figure::told("answered", share(|one| Some(one.answered))),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_kinds_are_read() {
        let of = |json: serde_json::Value| serde_json::from_value::<About>(json).unwrap();
        let pages = of(serde_json::json!({
            "id": "q1", "text": "?", "doc": "a.pdf", "evidence_pages_0based": [3], "answers": ["x"],
        }));
        assert_eq!((pages.id(), pages.file.as_str()), ("q1", "a.pdf"));
        assert!(pages.is_on(4, 4) && pages.is_on(2, 5) && !pages.is_on(3, 3) && !pages.is_on(5, 9));
        let phrases = of(serde_json::json!({
            "file": "a.txt", "question": "?", "must_contain": "x", "must_not_contain": "y",
        }));
        assert_eq!((phrases.id(), phrases.text.as_deref()), ("a.txt", Some("?")));
        assert_eq!(of(serde_json::json!({"file": "b.txt", "expect": "ERROR"})).text, None);
    }

    #[test]
    fn figures_are_shares_of_what_is_known() {
        let one = |is_cited, says| Graded {
            is_found: is_cited,
            is_cited,
            is_exact: is_cited,
            says,
            is_silent: says,
            answered: true,
        };
        let graded = [one(Some(true), None), one(Some(false), None), one(None, Some(true))];
        let entry = entry("set", Strategy::Auto, &graded);
        assert_eq!((entry.value("pages_cited"), entry.value("said")), (Some(0.5), Some(1.0)));
        assert_eq!(super::entry("set", Strategy::Auto, &graded[..2]).value("said"), None);
    }
}
