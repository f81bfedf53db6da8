//! The extension points: one object-safe trait each, in a file of its own.
//!
//! Every method takes the [`Context`](crate::Context) first and owned requests after it; every trait is `Send + Sync`
//! and used as `Arc<dyn Trait>`. The conformance suites that an implementation must pass are in
//! [`testing`](crate::testing) behind the `testing` feature.

mod blob_store;
mod bus;
mod chat_model;
mod chunk_reader;
mod chunker;
mod clock;
mod embedder;
mod fetcher;
mod guard;
mod history_policy;
mod index;
mod parser;
mod retriever;
mod store;
mod token_counter;
mod tool;
mod tool_approval;
mod usage_sink;

pub use blob_store::{Blob, BlobHold, BlobStore, ByteStream, once};
pub use bus::{Bus, Signal};
pub use chat_model::{
    ChatModel, ChatReply, ChatRequest, Grounding, ModelEvent, ModelInfo, ModelMessage, ModelStream,
    ToolCall, ToolResult, ToolRound, ToolSpec,
};
pub use chunk_reader::{ChunkReader, Passage, PassageRequest};
pub use chunker::Chunker;
pub use clock::{Clock, SystemClock};
pub use embedder::{EmbedKind, EmbedRequest, Embedder, EmbedderInfo, Embeddings};
pub use fetcher::{Fetched, Fetcher};
pub use guard::{Guard, GuardFailure, Verdict};
pub use history_policy::HistoryPolicy;
pub use index::{
    Find, Hit, Index, IndexBatch, IndexCapabilities, IndexContent, IndexEntry, IndexQuery,
    IndexReply,
};
pub use parser::{DocumentReader, ParseLimits, Parser};
pub use retriever::{
    Candidate, PostProcessor, Query, QueryContext, QueryTransform, Retrieval, Retriever,
    TermEvidence,
};
pub use store::{
    AcceptDocument, AcceptVersion, Accepted, BeginTurn, BegunTurn, ChangeFeed, ChunkVector,
    CollectionStore, ConversationStore, DocumentStore, EmbeddingStore, FinishTurn, Idempotency,
    JobStore, KeepSummary, LedgerStore, LiveVersion, NewEmbeddings, PublishVersion, ReserveCall,
    Snapshots, StagedPart, Store, StoreCopy, Swept, TurnTarget,
};
pub use token_counter::TokenCounter;
pub use tool::{Tool, ToolAccess, ToolInput, ToolOutput};
pub use tool_approval::{RefuseWrites, ToolApproval};
pub use usage_sink::{UsageRecord, UsageSink};
