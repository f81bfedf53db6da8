//! The nouns of the engine: plain data, no I/O, no async.
//!
//! Every type that a surface shows serialises to the field names of the HTTP contract, so that Rust, HTTP, Python,
//! JavaScript and Swift speak of the same things.

mod answer;
mod backup;
mod budget;
mod change;
mod chunk;
mod collection;
mod document;
mod embedding;
mod event;
mod filter;
mod id;
mod job;
mod ledger;
mod media;
mod page;
mod parsed;
mod prompt;
mod query;
#[cfg(feature = "openapi")]
mod schema;
mod secret;
mod session;
mod span;
mod time;
mod usage;

pub(crate) use answer::redact_sources;
pub use answer::{Citation, FinishReason, Source, SourceScores, TextSpan, Timings, Warning};
pub use backup::{BackupProgress, BackupReport, RestoreReport, StoreCounts};
pub use budget::{Allowance, BudgetScope, Budgets, CallEstimate, Spent, nanodollars};
pub use change::{Change, ChangeKind, Checkpoint, Lineage};
pub use chunk::{Chunk, ChunkHash, ChunkSpec, Language, PageStart, StagedChunk, embedded_text};
pub use collection::{Collection, CollectionPatch, NewCollection, Role, Visibility};
pub use document::{
    BlobHash, Coverage, Document, DocumentFailure, DocumentPatch, DocumentStatus, DocumentVersion,
    ListDocuments, Metadata, Stage, VersionChanges,
};
pub use embedding::{
    EmbeddingCount, EmbeddingJob, EmbeddingOutcome, EmbeddingProgress, Unembedded,
};
pub use event::{Event, EventKind, SequencedEvent};
pub use filter::{Filter, FilterError};
pub use id::{
    CallId, ChunkId, CollectionId, DocumentId, JobId, LeaseToken, MessageId, PrincipalId,
    RequestId, SessionId, VersionId,
};
pub use job::{Job, JobOutcome, Lease};
pub use ledger::{CallRecord, UsageGroup, UsageGrouping, UsageQuery, UsageReport, UsageTotals};
pub use media::MediaType;
pub use page::{Cursor, Page, PageRequest};
pub use parsed::{Block, BlockKind, PageSpan, ParsedDocument, Part, RawDocument};
pub(crate) use prompt::expand;
pub use prompt::{PromptProfile, Rewriting, Summary};
pub use query::{RetrievalTrace, SearchReply, SearchRequest, Strategy, TraceStep};
pub use secret::Secret;
pub use session::{
    Feedback, ListSessions, Message, MessageError, MessageHead, MessageState, Rating,
    Role as MessageRole, Session, SessionEvent, SessionPatch, Snippet,
};
pub use span::Span;
pub use time::Timestamp;
pub use usage::{CallPurpose, Usage};
