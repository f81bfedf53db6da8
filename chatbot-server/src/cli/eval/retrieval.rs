//! `eval retrieval`: how well the judged documents are found.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::Instant;

use chatbot_core::types::{SearchRequest, Source, Strategy};
use chatbot_core::{Context, Error, Result};
use serde_json::json;

use super::super::Outcome;
use super::super::args::EvalRetrieval;
use super::super::output::Output;
use super::conclude::{self, Shown};
use super::corpus::Corpus;
use super::data::{self, Question};
use super::entry::{Entry, Figure};
use super::metrics::{self, Judgements};
use super::sets::{self, Set};
use crate::config::Config;

const SHOWN: Shown =
    Shown { title: "Retrieval", charts: &["ndcg@10", "recall@10", "mrr@10"], names_strategy: true };

/// How questions are asked.
#[derive(Debug, Clone, Copy)]
struct How {
    strategy: Strategy,
    in_conversation: bool,
}

/// What was found for one question, and how long that took.
#[derive(Debug)]
struct Found<'a> {
    question: &'a Question,
    judged: &'a Judgements,
    ranked: Vec<&'a str>,
    took_ms: f64,
}

pub(crate) async fn retrieval(
    verb: EvalRetrieval,
    config: Config,
    output: &Output,
) -> Result<Outcome> {
    let files = (verb.corpus.as_ref(), verb.queries.as_ref(), verb.qrels.as_ref());
    let sets = sets::sets(files, &verb.options.sets)?;
    let baseline = conclude::baseline(&verb.options).await?;
    let (mut entries, mut rankings) = (Vec::new(), String::new());
    for set in &sets {
        entries.extend(ask_set(set, &verb, &config, (&mut rankings, output)).await?);
    }
    if let Some(file) = &verb.rankings {
        tokio::fs::write(file, rankings).await?;
    }
    conclude::conclude(&entries, baseline.as_ref(), (&SHOWN, &verb.options), output).await
}

/// Takes the set in once and asks its questions with every strategy.
async fn ask_set(
    set: &Set,
    verb: &EvalRetrieval,
    config: &Config,
    (rankings, output): (&mut String, &Output),
) -> Result<Vec<Entry>> {
    let questions = sets::chosen(data::lines(&set.queries).await?, &verb.options);
    let qrels = set.qrels.as_ref().ok_or_else(|| Error::invalid("There are no judgements."))?;
    let judged = data::judgements(qrels).await?;
    let asked: Vec<_> = questions
        .iter()
        .filter_map(|question| Some((question, judged.get(&question.id)?)))
        .filter(|(_, judged)| judged.values().any(|grade| *grade > 0))
        .collect();
    if asked.is_empty() {
        let message = format!("{}: no question has a relevant document.", set.name);
        return Err(Error::invalid(message));
    }
    let corpus = Corpus::open(config, data::lines(&set.corpus).await?, output).await?;
    let mut entries = Vec::new();
    let mut outcome = Ok(());
    for strategy in &verb.options.strategies {
        let how = How { strategy: *strategy, in_conversation: verb.in_conversation };
        match measure(&corpus, &asked, (how, &set.name), output).await {
            Ok(found) => {
                write_rankings(&set.name, *strategy, &found, rankings);
                entries.push(entry(&set.name, *strategy, &found));
            }
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    corpus.chatbot.close().await?;
    outcome.map(|()| entries)
}

async fn measure<'a>(
    corpus: &'a Corpus,
    asked: &[(&'a Question, &'a Judgements)],
    (how, set): (How, &str),
    output: &Output,
) -> Result<Vec<Found<'a>>> {
    let How { strategy, in_conversation } = how;
    let mut all = Vec::with_capacity(asked.len());
    for (n_done, (question, judged)) in asked.iter().enumerate() {
        let request = SearchRequest {
            strategy,
            after: if in_conversation { question.after() } else { Vec::new() },
            top_k: SearchRequest::MAX_TOP_K,
            ..SearchRequest::new(question.text.clone())
        };
        let began = Instant::now();
        let reply = corpus.chatbot.search(&Context::local(), request).await?;
        let took_ms = began.elapsed().as_secs_f64() * 1e3;
        all.push(Found { question, judged, ranked: ranked(corpus, &reply.hits), took_ms });
        if n_done.is_multiple_of(25) {
            let (name, n_asked) = (strategy.as_str(), asked.len());
            output.progress(&format!("{set}, {name}: {n_done} of {n_asked} questions"));
        }
    }
    output.clear_progress();
    Ok(all)
}

/// Means over the questions that have a relevant document.
fn entry(set: &str, strategy: Strategy, found: &[Found<'_>]) -> Entry {
    let mean = |measure: &dyn Fn(&[&str], &Judgements) -> f64| {
        let values: Vec<_> = found.iter().map(|one| measure(&one.ranked, one.judged)).collect();
        metrics::mean(&values).unwrap_or_default()
    };
    let recall = |k| mean(&|ranked, judged| metrics::recall(ranked, judged, k));
    let took_ms: Vec<_> = found.iter().map(|one| one.took_ms).collect();
    Entry {
        set: set.to_owned(),
        strategy,
        n_queries: found.len(),
        figures: vec![
            Figure::higher("ndcg@10", mean(&|ranked, judged| metrics::ndcg(ranked, judged, 10))),
            Figure::higher("recall@1", recall(1)),
            Figure::higher("recall@5", recall(5)),
            Figure::higher("recall@10", recall(10)),
            Figure::higher("recall@100", recall(100)),
            Figure::higher(
                "mrr@10",
                mean(&|ranked, judged| metrics::reciprocal_rank(ranked, judged, 10)),
            ),
            Figure::time("p50_ms", metrics::percentile(&took_ms, 50)),
            Figure::time("p99_ms", metrics::percentile(&took_ms, 99)),
        ],
    }
}

fn write_rankings(set: &str, strategy: Strategy, found: &[Found<'_>], rankings: &mut String) {
    for Found { question, ranked, .. } in found {
        let line = json!({"set": set, "strategy": strategy, "query_id": question.id,
            "doc_ids": ranked});
        let _ = writeln!(rankings, "{line}");
    }
}

/// The set's documents in the order of their best passage.
fn ranked<'a>(corpus: &'a Corpus, hits: &[Source]) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    hits.iter()
        .filter(|hit| seen.insert(hit.document_id))
        .filter_map(|hit| corpus.names.get(&hit.document_id))
        .flatten()
        .map(String::as_str)
        .collect()
}
