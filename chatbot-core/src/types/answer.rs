//! What an answer rests on: sources, and citations that were checked against them.

use serde::{Deserialize, Serialize};

use super::{ChunkId, DocumentId, Metadata, PageStart};

/// A passage that a search found.
///
/// # Shape
/// `text` equals bytes `byte_start..byte_end` of the version's extracted text, unless `deleted`: then it is empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Source {
    /// Its position among the sources of the answer, from 1; `[n]` in the answer names it.
    pub index: u32,
    /// The document.
    pub document_id: DocumentId,
    /// The version, from 1.
    pub document_version: u32,
    /// The chunk; the best one where neighbours were merged.
    pub chunk_id: ChunkId,
    /// The document's title.
    pub title: String,
    /// The passage.
    pub text: String,
    /// The page it starts on.
    pub page_start: Option<u32>,
    /// The page it ends on.
    pub page_end: Option<u32>,
    /// The pages that begin inside it, in order, while the answer is made; a stored source has none.
    #[serde(skip)]
    pub page_starts: Vec<PageStart>,
    /// The headings above it.
    pub heading: Option<String>,
    /// First byte in the version's text.
    pub byte_start: usize,
    /// One past the last byte.
    pub byte_end: usize,
    /// What the order is by; higher is better. Comparable within one reply only.
    pub score: f32,
    /// What the score was made of.
    pub scores: SourceScores,
    /// The document's metadata.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: Metadata,
    /// Whether the document was deleted since: text and quotes are gone then.
    pub deleted: bool,
}

impl Source {
    /// The page on which this byte of the version's text is; the passage's first page where its pages are not known.
    #[must_use]
    pub fn page_at(&self, byte: usize) -> Option<u32> {
        let n_begun = self.page_starts.partition_point(|start| start.byte <= byte);
        let begun = n_begun.checked_sub(1).and_then(|last| self.page_starts.get(last));
        begun.map(|start| start.page).or(self.page_start)
    }
}

/// The parts of a score; `None` where a retriever did not find the passage.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourceScores {
    /// Cosine.
    pub dense: Option<f32>,
    /// BM25.
    pub lexical: Option<f32>,
    /// The reranker's.
    pub rerank: Option<f32>,
}

/// A statement of the answer tied to the bytes that support it.
///
/// # Shape
/// `text_*` are Unicode code-point offsets into the answer: the cited sentence, without its marker. `byte_*` are
/// UTF-8 byte offsets into the version's text, and `quote` equals that slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Citation {
    /// The source's index.
    pub index: u32,
    /// First code point of the cited sentence.
    pub text_start: usize,
    /// One past its last code point.
    pub text_end: usize,
    /// What the document says.
    pub quote: String,
    /// The document.
    pub document_id: DocumentId,
    /// The version, from 1.
    pub document_version: u32,
    /// The page of the quote.
    pub page: Option<u32>,
    /// First byte of the quote in the version's text.
    pub byte_start: usize,
    /// One past its last byte.
    pub byte_end: usize,
    /// Whether the quote was found to support the sentence.
    pub verified: bool,
}

/// Takes out the text of the documents that are `gone`; where they stood stays.
pub(crate) fn redact_sources(
    sources: &mut [Source],
    citations: &mut [Citation],
    gone: impl Fn(DocumentId) -> bool,
) {
    for source in sources.iter_mut().filter(|source| gone(source.document_id)) {
        source.deleted = true;
        source.text.clear();
        source.heading = None;
        source.metadata.clear();
    }
    for citation in citations.iter_mut().filter(|citation| gone(citation.document_id)) {
        citation.quote.clear();
    }
}

/// Unicode code-point offsets into an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TextSpan {
    /// First code point.
    pub text_start: usize,
    /// One past the last.
    pub text_end: usize,
}

/// How long the parts of a turn took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Timings {
    /// Until the sources were there.
    pub retrieval_ms: f64,
    /// Until the first text.
    pub first_token_ms: f64,
    /// Until the end.
    pub total_ms: f64,
}

/// Something the reader should know that did not stop the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Warning {
    /// A stable `snake_case` name.
    pub code: String,
    /// One sentence.
    pub message: String,
}

impl Warning {
    /// A warning.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// Another model answers than the one that was asked.
    pub(crate) fn model_fallback(from: &str, to: &str) -> Self {
        Self::new("model_fallback", format!("`{from}` did not answer; `{to}` did."))
    }
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", from = "String", into = "String")]
pub enum FinishReason {
    /// It was done.
    Stop,
    /// The output limit was reached.
    Length,
    /// The provider refused to go on.
    ContentFilter,
    /// It wants tools to be called.
    ToolCalls,
    /// Whatever else a provider says.
    Other(String),
}

impl From<String> for FinishReason {
    fn from(name: String) -> Self {
        match name.as_str() {
            "stop" => Self::Stop,
            "length" => Self::Length,
            "content_filter" => Self::ContentFilter,
            "tool_calls" => Self::ToolCalls,
            _ => Self::Other(name),
        }
    }
}

impl From<FinishReason> for String {
    fn from(reason: FinishReason) -> Self {
        match reason {
            FinishReason::Stop => "stop".to_owned(),
            FinishReason::Length => "length".to_owned(),
            FinishReason::ContentFilter => "content_filter".to_owned(),
            FinishReason::ToolCalls => "tool_calls".to_owned(),
            FinishReason::Other(name) => name,
        }
    }
}
