//! `eval retrieval`: how well the judged documents are found.

use std::collections::HashSet;
use std::time::Instant;

use chatbot_core::types::{SearchRequest, Source, Strategy};
use chatbot_core::{Context, Error, Result};
use serde::Serialize;

use super::super::Outcome;
use super::super::args::EvalRetrieval;
use super::super::output::Output;
use super::corpus::Corpus;
use super::data::{self, Question};
use super::metrics::{self, Judgements};
use crate::config::Config;

/// What was measured: means over the questions that have a relevant document.
#[derive(Debug, Serialize)]
struct Figures {
    strategy: Strategy,
    queries: usize,
    #[serde(rename = "ndcg@10")]
    ndcg_10: f64,
    #[serde(rename = "recall@1")]
    recall_1: f64,
    #[serde(rename = "recall@5")]
    recall_5: f64,
    #[serde(rename = "recall@10")]
    recall_10: f64,
    #[serde(rename = "recall@100")]
    recall_100: f64,
    #[serde(rename = "mrr@10")]
    mrr_10: f64,
    p50_ms: f64,
    p99_ms: f64,
}

pub(crate) async fn retrieval(
    verb: EvalRetrieval,
    config: Config,
    output: &Output,
) -> Result<Outcome> {
    let questions: Vec<Question> = data::lines(&verb.queries).await?;
    let judged = data::judgements(&verb.qrels).await?;
    let asked: Vec<_> = questions
        .iter()
        .filter_map(|question| Some((question, judged.get(&question.id)?)))
        .filter(|(_, judged)| judged.values().any(|grade| *grade > 0))
        .collect();
    if asked.is_empty() {
        return Err(Error::invalid("No question has a relevant document."));
    }
    let corpus = Corpus::open(&config, data::lines(&verb.corpus).await?, output).await?;
    let figures = measure(&corpus, &asked, verb.strategy, output).await;
    corpus.chatbot.close().await?;
    let figures = figures?;
    show(&figures, output);
    output.document(&figures);
    Ok(Outcome::Done)
}

async fn measure(
    corpus: &Corpus,
    asked: &[(&Question, &Judgements)],
    strategy: Strategy,
    output: &Output,
) -> Result<Figures> {
    let mut took_ms = Vec::with_capacity(asked.len());
    let mut rankings = Vec::with_capacity(asked.len());
    for (n_done, (question, judged)) in asked.iter().enumerate() {
        let request = SearchRequest {
            strategy,
            top_k: SearchRequest::MAX_TOP_K,
            ..SearchRequest::new(question.text.clone())
        };
        let began = Instant::now();
        let reply = corpus.chatbot.search(&Context::local(), request).await?;
        took_ms.push(began.elapsed().as_secs_f64() * 1e3);
        rankings.push((ranked(corpus, &reply.hits), *judged));
        if n_done.is_multiple_of(100) {
            output.progress(&format!("{n_done} of {} questions", asked.len()));
        }
    }
    output.clear_progress();
    let mean = |measure: &dyn Fn(&[&str], &Judgements) -> f64| {
        let values: Vec<_> =
            rankings.iter().map(|(ranked, judged)| measure(ranked, judged)).collect();
        metrics::mean(&values).unwrap_or_default()
    };
    Ok(Figures {
        strategy,
        queries: rankings.len(),
        ndcg_10: mean(&|ranked, judged| metrics::ndcg(ranked, judged, 10)),
        recall_1: mean(&|ranked, judged| metrics::recall(ranked, judged, 1)),
        recall_5: mean(&|ranked, judged| metrics::recall(ranked, judged, 5)),
        recall_10: mean(&|ranked, judged| metrics::recall(ranked, judged, 10)),
        recall_100: mean(&|ranked, judged| metrics::recall(ranked, judged, 100)),
        mrr_10: mean(&|ranked, judged| metrics::reciprocal_rank(ranked, judged, 10)),
        p50_ms: metrics::percentile(&took_ms, 50),
        p99_ms: metrics::percentile(&took_ms, 99),
    })
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

fn show(figures: &Figures, output: &Output) {
    let Figures { strategy, queries, ndcg_10, recall_1, recall_5, recall_10, .. } = figures;
    output.line(&format!("{}, {queries} questions", strategy.as_str()));
    output.line(&format!("nDCG@10     {ndcg_10:.4}"));
    output.line(&format!("recall@1    {recall_1:.4}"));
    output.line(&format!("recall@5    {recall_5:.4}"));
    output.line(&format!("recall@10   {recall_10:.4}"));
    output.line(&format!("recall@100  {:.4}", figures.recall_100));
    output.line(&format!("MRR@10      {:.4}", figures.mrr_10));
    output.line(&format!("p50 / p99   {:.1} / {:.1} ms", figures.p50_ms, figures.p99_ms));
}
