//! A message that nobody stored.

use crate::types::{
    Message, MessageId, MessageRole, MessageState, Metadata, SessionId, Timestamp, Timings, Usage,
};

/// A message of a session of its own, with nothing about it but what it says.
pub(crate) fn message(role: MessageRole, state: MessageState, content: &str) -> Message {
    Message {
        id: MessageId::new(),
        session_id: SessionId::new(),
        parent_id: None,
        role,
        state,
        content: content.to_owned(),
        citations: Vec::new(),
        unsupported: Vec::new(),
        sources: Vec::new(),
        abstained: false,
        model: None,
        usage: Usage::default(),
        timings: Timings::default(),
        warnings: Vec::new(),
        finish_reason: None,
        error: None,
        feedback: None,
        metadata: Metadata::default(),
        sibling_ids: Vec::new(),
        created_at: Timestamp::from_millis(0),
    }
}
