//! Search requests and replies.

use serde::{Deserialize, Serialize};

use super::{CollectionId, Filter, Source, Warning};
use crate::error::{Error, Result};
use crate::text::refuse_nul;

/// How passages are found. Not every build and configuration has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Strategy {
    /// The best one for what is there.
    #[default]
    Auto,
    /// By meaning.
    Dense,
    /// By words.
    Lexical,
    /// By both.
    Hybrid,
    /// By both, with variety.
    Mmr,
    /// Several wordings of the question.
    MultiQuery,
    /// With a made-up answer as the query.
    Hyde,
    /// Small chunks found, their surroundings shown.
    Parent,
    /// Reordered by a reranker.
    Rerank,
    /// Shortened to what matters.
    Compress,
    /// Not at all.
    None,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: &'static [Self] = &[
        Self::Auto,
        Self::Dense,
        Self::Lexical,
        Self::Hybrid,
        Self::Mmr,
        Self::MultiQuery,
        Self::Hyde,
        Self::Parent,
        Self::Rerank,
        Self::Compress,
        Self::None,
    ];

    /// The name on every surface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dense => "dense",
            Self::Lexical => "lexical",
            Self::Hybrid => "hybrid",
            Self::Mmr => "mmr",
            Self::MultiQuery => "multi_query",
            Self::Hyde => "hyde",
            Self::Parent => "parent",
            Self::Rerank => "rerank",
            Self::Compress => "compress",
            Self::None => "none",
        }
    }
}

impl std::str::FromStr for Strategy {
    type Err = Error;

    /// Parses the name.
    ///
    /// # Errors
    /// `invalid_input`, with the names there are.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.iter().copied().find(|strategy| strategy.as_str() == name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|strategy| strategy.as_str()).collect();
            Error::invalid(format!("The strategies are {}.", names.join(", ")))
        })
    }
}

/// A search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// What to look for, in any language.
    pub query: String,
    /// The questions before it in the same conversation, oldest first: where the query leans on them, as "and in 2023?"
    /// does, what they are about counts, too. At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Where; everywhere the asker may read where there is none.
    #[serde(default)]
    pub collection_ids: Option<Vec<CollectionId>>,
    /// How.
    #[serde(default)]
    pub strategy: Strategy,
    /// Passages wanted, 1–100.
    #[serde(default = "SearchRequest::default_top_k")]
    pub top_k: usize,
    /// Only in documents that meet this.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Whether to say how the passages were found.
    #[serde(default)]
    pub explain: bool,
}

impl SearchRequest {
    /// Passages wanted when nobody says. Eight passages of about 250 tokens fit a small model's window with room for
    /// the history, and 96 % of the public SQuAD questions have their paragraph among them.
    pub const DEFAULT_TOP_K: usize = 8;
    /// The most passages.
    pub const MAX_TOP_K: usize = 100;
    /// The most questions before it.
    pub const MAX_AFTER: usize = 100;
    /// The longest query, in bytes.
    pub const MAX_QUERY_BYTES: usize = 32 * 1024;

    /// A search for `query` with everything else as usual.
    #[must_use]
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            after: Vec::new(),
            collection_ids: None,
            strategy: Strategy::Auto,
            top_k: Self::DEFAULT_TOP_K,
            filter: None,
            explain: false,
        }
    }

    const fn default_top_k() -> usize {
        Self::DEFAULT_TOP_K
    }

    /// Checks the limits.
    ///
    /// # Errors
    /// `invalid_input` for an empty query, one with U+0000, or `top_k` out of range; `too_large` for a query over 32 KiB.
    pub fn validate(&self) -> Result<()> {
        if self.query.trim().is_empty() {
            return Err(Error::invalid("The query is empty."));
        }
        let texts = || self.after.iter().chain([&self.query]);
        texts().try_for_each(|text| refuse_nul("The query", text))?;
        if self.after.len() > Self::MAX_AFTER {
            return Err(Error::invalid("`after` must have at most 100 questions."));
        }
        if texts().any(|text| text.len() > Self::MAX_QUERY_BYTES) {
            return Err(Error::new(
                crate::error::ErrorKind::TooLarge,
                "The query is longer than 32 KiB.",
            ));
        }
        if self.top_k == 0 || self.top_k > Self::MAX_TOP_K {
            return Err(Error::invalid("`top_k` must be between 1 and 100."));
        }
        Ok(())
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchReply {
    /// The passages, best first.
    pub hits: Vec<Source>,
    /// How they were found, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<RetrievalTrace>,
    /// Why something may be missing: `index_rebuilding` while an index is filled again, `index_failing` while it cannot
    /// follow the store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// How passages were found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RetrievalTrace {
    /// The strategy that ran, with `auto` resolved.
    pub strategy: Strategy,
    /// The steps, in the order in which they ended.
    pub steps: Vec<TraceStep>,
}

/// One step of a retrieval.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TraceStep {
    /// What ran, such as `lexical` or `merge_neighbours`.
    pub name: String,
    /// Candidates after it.
    pub n_candidates: usize,
    /// How long it took.
    pub took_ms: f64,
    /// What else is worth knowing, such as the terms that were searched.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty", default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub details: serde_json::Map<String, serde_json::Value>,
}
