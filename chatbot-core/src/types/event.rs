//! What happens during a turn, as every surface sees it.

use serde::{Deserialize, Serialize};

use super::{Citation, Message, MessageError, MessageId, SessionId, Source, Warning};

/// An event with its number within the turn, from 1, without gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SequencedEvent {
    /// The number.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happens during a turn.
///
/// `sources` comes before the first `text`; a `tool_result` may add to them; the `text` deltas joined equal the stored message; exactly one terminal
/// event, `done` or `failed`, ends the turn and carries the authoritative message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The user's message is stored: it will not be lost.
    Started {
        /// The session.
        session_id: SessionId,
        /// The answer that is being made.
        message_id: MessageId,
        /// The question.
        user_message_id: MessageId,
        /// The model that will answer.
        model: String,
    },
    /// The question was put differently for the search.
    Rewritten {
        /// What is searched for.
        queries: Vec<String>,
    },
    /// What was found.
    Sources {
        /// The passages, best first.
        sources: Vec<Source>,
    },
    /// The model thinks.
    Thinking {
        /// What is new.
        delta: String,
    },
    /// The answer grows.
    Text {
        /// What is new.
        delta: String,
    },
    /// A sentence of the answer was tied to a source.
    Citation(Citation),
    /// The model calls a tool.
    ToolCall {
        /// Names the call.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: serde_json::Value,
    },
    /// A tool answered.
    ToolResult {
        /// Names the call.
        id: String,
        /// Its result: `{"content": …}`, or `{"error": {"code", "message"}}`.
        result: serde_json::Value,
        /// Passages that the answer may cite from here on, their numbers going on from the last.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sources: Vec<Source>,
    },
    /// Something the reader should know.
    Warning(Warning),
    /// The answer is complete and stored.
    Done {
        /// The authoritative message.
        message: Box<Message>,
    },
    /// The answer was broken off; what there is of it is stored.
    Failed {
        /// Why; `cancelled` after a stop.
        error: MessageError,
        /// The authoritative message.
        message: Box<Message>,
    },
}

/// The names of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are those of the events")]
pub enum EventKind {
    Started,
    Rewritten,
    Sources,
    Thinking,
    Text,
    Citation,
    ToolCall,
    ToolResult,
    Warning,
    Done,
    Failed,
}

impl EventKind {
    /// The name on every surface: the `type` tag.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Rewritten => "rewritten",
            Self::Sources => "sources",
            Self::Thinking => "thinking",
            Self::Text => "text",
            Self::Citation => "citation",
            Self::ToolCall => "tool_call",
            Self::ToolResult => "tool_result",
            Self::Warning => "warning",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl Event {
    /// The event's name.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Started { .. } => EventKind::Started,
            Self::Rewritten { .. } => EventKind::Rewritten,
            Self::Sources { .. } => EventKind::Sources,
            Self::Thinking { .. } => EventKind::Thinking,
            Self::Text { .. } => EventKind::Text,
            Self::Citation(_) => EventKind::Citation,
            Self::ToolCall { .. } => EventKind::ToolCall,
            Self::ToolResult { .. } => EventKind::ToolResult,
            Self::Warning(_) => EventKind::Warning,
            Self::Done { .. } => EventKind::Done,
            Self::Failed { .. } => EventKind::Failed,
        }
    }

    /// Whether the turn ends with this event.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed { .. })
    }
}
