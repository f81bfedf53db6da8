//! The tool by which a model searches the documents itself.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::context::Context;
use crate::engine::Engine;
use crate::error::Result;
use crate::traits::{Tool, ToolAccess, ToolInput, ToolOutput, ToolSpec};
use crate::types::SearchRequest;

/// The tool's name.
pub(crate) const SEARCH_DOCUMENTS: &str = "search_documents";

/// Passages where the model does not say how many: they come on top of those that the turn began with.
const DEFAULT_TOP_K: usize = 5;

/// Passages at the most, so that one search does not fill a small window.
const MAX_TOP_K: usize = 20;

/// Searches the documents for a model, within a turn: in the turn's collections, by its filter and strategy, with the rights of
/// whoever asked.
#[derive(Debug)]
pub(super) struct SearchDocuments {
    engine: Arc<Engine>,
    /// The turn's own search, its question still to be put in.
    within: SearchRequest,
}

impl SearchDocuments {
    pub(super) const fn new(engine: Arc<Engine>, within: SearchRequest) -> Self {
        Self { engine, within }
    }
}

static SPEC: LazyLock<ToolSpec> = LazyLock::new(|| {
    ToolSpec {
    name: SEARCH_DOCUMENTS.to_owned(),
    description: "Searches the documents for something that the sources so far do not say. Gives numbered sources, \
                  which can be cited like the others."
        .to_owned(),
    parameters: json!({
        "type": "object",
        "properties": {
            "query": {
                "type": "string", "minLength": 1, "maxLength": 1000,
                "description": "What to look for, as a question or in key words.",
            },
            "top_k": {
                "type": "integer", "minimum": 1, "maximum": MAX_TOP_K,
                "description": "How many passages; 5 where nothing is said.",
            },
        },
        "required": ["query"],
        "additionalProperties": false,
    }),
}
});

#[async_trait]
impl Tool for SearchDocuments {
    fn spec(&self) -> &ToolSpec {
        &SPEC
    }

    fn access(&self) -> ToolAccess {
        ToolAccess::Reads
    }

    async fn call(&self, ctx: &Context, input: ToolInput) -> Result<ToolOutput> {
        let query = input.arguments.get("query").and_then(Value::as_str).unwrap_or_default();
        let top_k = input.arguments.get("top_k").and_then(Value::as_f64);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the schema bounds it"
        )]
        let top_k = top_k.map_or(DEFAULT_TOP_K, |top_k| top_k as usize).clamp(1, MAX_TOP_K);
        let request = SearchRequest { query: query.to_owned(), top_k, ..self.within.clone() };
        let found = self.engine.find(ctx, &request).await?;
        let said = match found.sources.len() {
            0 => "Nothing was found.".to_owned(),
            n => format!("{n} passages were found."),
        };
        Ok(ToolOutput { content: Value::String(said), sources: found.sources })
    }
}
