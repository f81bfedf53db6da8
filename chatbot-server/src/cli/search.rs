//! `search`: the passages that a question finds.

use chatbot_core::Result;
use chatbot_core::types::{SearchReply, SearchRequest};

use super::Outcome;
use super::args::Search;
use super::ask::shortened;
use super::client::Client;
use super::output::Output;
use crate::config::Config;

pub(super) async fn search(search: Search, config: Config, output: &Output) -> Result<Outcome> {
    let request = SearchRequest {
        query: search.query,
        after: Vec::new(),
        collection_ids: None,
        strategy: search.strategy,
        top_k: search.top_k,
        filter: search.filter,
        explain: search.explain,
    };
    let client = Client::connect(&config).await?;
    let reply: Result<SearchReply> = client.post("/api/v1/search", &request).await;
    client.close().await?;
    let reply = reply?;
    show(&reply, output);
    output.document(&reply);
    Ok(Outcome::Done)
}

fn show(reply: &SearchReply, output: &Output) {
    if reply.hits.is_empty() {
        output.line("Nothing was found.");
    }
    for hit in &reply.hits {
        let page = hit.page_start.map(|page| format!(", page {page}")).unwrap_or_default();
        output.line(&format!("{}. {}{page}  ({:.3})", hit.index, hit.title, hit.score));
        output.line(&format!("   {}", shortened(&hit.text)));
    }
    for step in reply.trace.iter().flat_map(|trace| &trace.steps) {
        let details = serde_json::Value::from(step.details.clone());
        output.line(&format!(
            "{}: {} in {:.1} ms {details}",
            step.name, step.n_candidates, step.took_ms
        ));
    }
}
