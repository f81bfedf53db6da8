//! Sessions and their messages. Messages form a tree: edit, regenerate and branch are the same thing.

use serde::{Deserialize, Serialize};

use super::{
    Citation, CollectionId, FinishReason, MessageId, Metadata, SessionId, Source, TextSpan,
    Timestamp, Timings, Usage, Warning,
};
use crate::error::{Error, ErrorKind, Reason};

/// A conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// What it is called; made from the first message until someone names it.
    pub title: String,
    /// Where its questions look; `None` means everywhere the asker may read.
    pub collection_ids: Option<Vec<CollectionId>>,
    /// The model its answers come from; `None` means the configured one.
    pub model: Option<String>,
    /// Whether it is kept on top.
    pub pinned: bool,
    /// A folder it is filed under.
    pub folder: Option<String>,
    /// Messages in it, over all branches.
    pub message_count: u32,
    /// Where a search for `q` found it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub snippet: Option<Snippet>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When something last happened in it.
    pub updated_at: Timestamp,
}

/// Where a search found a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Snippet {
    /// The message; `None` where it was the title.
    pub message_id: Option<MessageId>,
    /// A few words around the match.
    pub text: String,
}

/// What to change about a session, or what a new one begins with; `None` leaves a thing as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SessionPatch {
    /// A title, 1–200 characters.
    pub title: Option<String>,
    /// Where its questions look.
    pub collection_ids: Option<Vec<CollectionId>>,
    /// The model its answers come from.
    pub model: Option<String>,
    /// Whether it is kept on top.
    pub pinned: Option<bool>,
    /// A folder; the empty string takes it out of its folder.
    pub folder: Option<String>,
}

/// Which sessions to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListSessions {
    /// Only with this text in the title or in a message, ignoring case.
    pub q: Option<String>,
}

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person.
    User,
    /// The engine.
    Assistant,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Begun, nothing said yet.
    Pending,
    /// Text is arriving.
    Streaming,
    /// Done.
    Complete,
    /// Stopped, with its text so far.
    Cancelled,
    /// Broken off, with its text so far.
    Failed,
}

impl MessageState {
    /// Every state.
    pub const ALL: &'static [Self] =
        &[Self::Pending, Self::Streaming, Self::Complete, Self::Cancelled, Self::Failed];

    /// The name on every surface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Streaming => "streaming",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }

    /// Whether nothing more will be added.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::Cancelled | Self::Failed)
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// The id.
    pub id: MessageId,
    /// The session.
    pub session_id: SessionId,
    /// What it follows; `None` for a first message.
    pub parent_id: Option<MessageId>,
    /// Who says it.
    pub role: Role,
    /// Where it stands.
    pub state: MessageState,
    /// The text.
    pub content: String,
    /// What in the text rests on what.
    pub citations: Vec<Citation>,
    /// Sentences that no source was found for.
    pub unsupported: Vec<TextSpan>,
    /// The passages it was made from.
    pub sources: Vec<Source>,
    /// Whether the answer is that the documents do not say.
    pub abstained: bool,
    /// The model that wrote it.
    pub model: Option<String>,
    /// Tokens and money.
    pub usage: Usage,
    /// How long it took.
    pub timings: Timings,
    /// What the reader should know.
    pub warnings: Vec<Warning>,
    /// Why the model stopped.
    pub finish_reason: Option<FinishReason>,
    /// Why it failed.
    pub error: Option<MessageError>,
    /// What the reader thought of it.
    pub feedback: Option<Feedback>,
    /// The host's own facts.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: Metadata,
    /// Messages with the same parent, this one included, oldest first. Filled in lists.
    pub sibling_ids: Vec<MessageId>,
    /// When it was begun.
    pub created_at: Timestamp,
}

impl Message {
    /// The warning that an answer has once it was removed together with a document that it was made from.
    #[must_use]
    pub(crate) fn purged_warning() -> Warning {
        let message = "This answer was removed together with a document that it was made from.";
        Warning::new("purged", message)
    }

    /// Takes away what it says and rests on; its place in the conversation stays.
    pub(crate) fn purge(&mut self) {
        self.content.clear();
        self.citations.clear();
        self.unsupported.clear();
        self.sources.clear();
        self.feedback = None;
        self.metadata.clear();
        self.warnings = vec![Self::purged_warning()];
    }
}

/// What happens in a session, for whoever has it open elsewhere. The messages themselves are read where they always are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionEvent {
    /// The session as it is now: the first event, and one for each change of it.
    Session {
        /// The session.
        session: Session,
    },
    /// A message was added, or is in another state.
    Message {
        /// Which one.
        message: MessageHead,
    },
    /// The session is gone: the last event.
    Deleted,
}

impl SessionEvent {
    /// The name of what happened, as in `type`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Session { .. } => "session",
            Self::Message { .. } => "message",
            Self::Deleted => "deleted",
        }
    }
}

/// A message without what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageHead {
    /// The id.
    pub id: MessageId,
    /// What it follows; `None` for a first message.
    pub parent_id: Option<MessageId>,
    /// Who says it.
    pub role: Role,
    /// Where it stands.
    pub state: MessageState,
}

impl From<&Message> for MessageHead {
    fn from(message: &Message) -> Self {
        let Message { id, parent_id, role, state, .. } = message;
        Self { id: *id, parent_id: *parent_id, role: *role, state: *state }
    }
}

/// Why a message failed: the error as every surface shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageError {
    /// The kind.
    pub code: ErrorKind,
    /// What refines it.
    pub reason: Option<Reason>,
    /// One sentence for a person.
    pub message: String,
    /// Whether asking again may help.
    pub retryable: bool,
}

impl From<&Error> for MessageError {
    fn from(error: &Error) -> Self {
        Self {
            code: error.kind(),
            reason: error.reason(),
            message: error.message().to_owned(),
            retryable: error.is_retryable(),
        }
    }
}

/// What a reader thought of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// Good or bad.
    pub rating: Rating,
    /// A short reason, from a list that the host shows.
    #[serde(default)]
    pub reason: Option<String>,
    /// In their own words.
    #[serde(default)]
    pub comment: Option<String>,
}

/// Good or bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    /// Good.
    Up,
    /// Bad.
    Down,
}
