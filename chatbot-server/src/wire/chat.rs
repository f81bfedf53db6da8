//! Chat requests and replies.

use axum::http::{HeaderMap, header};
use chatbot_core::TurnRequest;
use chatbot_core::traits::TurnTarget;
use chatbot_core::types::{
    CollectionId, Filter, Message, MessageId, Metadata, SearchRequest, SessionId, SessionPatch,
    Strategy,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Key;
use crate::error::{ApiError, ApiResult};

/// A question, and how to answer it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatRequest {
    /// The question; left out where one is answered again.
    #[serde(default)]
    message: String,
    /// The session; a new one is made where there is none.
    #[serde(default)]
    session_id: Option<SessionId>,
    /// The message that it follows; the newest one where there is none.
    #[serde(default)]
    parent_id: Option<MessageId>,
    /// Whether to answer as a stream of events. Where nothing is said, `Accept` decides, and a stream is the default.
    #[serde(default)]
    stream: Option<bool>,
    /// Whether to answer from the documents.
    #[serde(default = "yes")]
    use_rag: bool,
    /// How passages are found.
    #[serde(default)]
    context_strategy: Strategy,
    /// Where to look; the session's collections, or everywhere.
    #[serde(default)]
    collection_ids: Option<Vec<CollectionId>>,
    /// Only in documents that meet this.
    #[serde(default)]
    filter: Option<Filter>,
    /// Passages for the model, 1–100.
    #[serde(default = "default_top_k")]
    top_k: usize,
    /// The model; the session's or the configured one where there is none.
    #[serde(default)]
    model: Option<String>,
    /// 0–2.
    #[serde(default)]
    temperature: Option<f32>,
    /// The longest answer.
    #[serde(default)]
    max_output_tokens: Option<usize>,
    /// The tools that the model may call; all that change nothing where nothing is said.
    #[serde(default)]
    tools: Option<Vec<String>>,
    /// What the model is told, by the name of a profile of the configuration.
    #[serde(default)]
    profile: Option<String>,
    /// The host's own facts about the question.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Metadata,
}

const fn yes() -> bool {
    true
}

const fn default_top_k() -> usize {
    SearchRequest::DEFAULT_TOP_K
}

/// A finished answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatReply {
    pub(crate) session_id: SessionId,
    pub(crate) message: Message,
}

impl Default for ChatRequest {
    fn default() -> Self {
        Self {
            message: String::new(),
            session_id: None,
            parent_id: None,
            stream: None,
            use_rag: true,
            context_strategy: Strategy::Auto,
            collection_ids: None,
            filter: None,
            top_k: default_top_k(),
            model: None,
            temperature: None,
            max_output_tokens: None,
            tools: None,
            profile: None,
            metadata: Metadata::default(),
        }
    }
}

impl ChatRequest {
    /// Whether the client wants events: `Accept` and `stream` can each ask for them.
    pub(crate) fn wants_stream(&self, headers: &HeaderMap) -> bool {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let accept = accept.unwrap_or_default();
        let prefers_json = accept.contains("application/json");
        accept.contains("text/event-stream") || self.stream.unwrap_or(!prefers_json)
    }

    /// The question in the session it names, or in a new one.
    pub(crate) fn ask(self, key: Option<Key>) -> ApiResult<TurnRequest> {
        let target = match (self.session_id, self.parent_id) {
            (Some(session), parent) => TurnTarget::Reply { session, parent },
            (None, None) => TurnTarget::NewSession(SessionPatch::default()),
            (None, Some(_)) => {
                return Err(ApiError::field("parent_id", "it needs a `session_id`"));
            }
        };
        Ok(self.about(target, key))
    }

    /// The question in the session of the path.
    pub(crate) fn ask_in(self, session: SessionId, key: Option<Key>) -> ApiResult<TurnRequest> {
        let parent = self.parent_id;
        Ok(self.without_session()?.about(TurnTarget::Reply { session, parent }, key))
    }

    /// Another wording of a question.
    pub(crate) fn edit(
        self,
        (session, message): (SessionId, MessageId),
        key: Option<Key>,
    ) -> ApiResult<TurnRequest> {
        let target = TurnTarget::Edit { session, message };
        Ok(self.without_session()?.without_parent()?.about(target, key))
    }

    /// Another answer to a question.
    pub(crate) fn regenerate(
        self,
        (session, message): (SessionId, MessageId),
        key: Option<Key>,
    ) -> ApiResult<TurnRequest> {
        if !self.message.is_empty() {
            return Err(ApiError::field("message", "the question stays as it is; edit it instead"));
        }
        let target = TurnTarget::Regenerate { session, message };
        Ok(self.without_session()?.without_parent()?.about(target, key))
    }

    fn without_session(self) -> ApiResult<Self> {
        match self.session_id {
            None => Ok(self),
            Some(_) => Err(ApiError::field("session_id", "the path names the session")),
        }
    }

    fn without_parent(self) -> ApiResult<Self> {
        match self.parent_id {
            None => Ok(self),
            Some(_) => Err(ApiError::field("parent_id", "the path names the message")),
        }
    }

    fn about(self, target: TurnTarget, key: Option<Key>) -> TurnRequest {
        TurnRequest {
            target,
            message: self.message,
            strategy: if self.use_rag { self.context_strategy } else { Strategy::None },
            collection_ids: self.collection_ids,
            filter: self.filter,
            top_k: self.top_k,
            model: self.model,
            temperature: self.temperature,
            max_output_tokens: self.max_output_tokens,
            tools: self.tools,
            profile: self.profile,
            metadata: self.metadata,
            idempotency: key.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(stream: Option<bool>, accept: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        ChatRequest { stream, ..ChatRequest::default() }.wants_stream(&headers)
    }

    #[test]
    fn streams_unless_json_is_wanted() {
        assert!(wants(None, "*/*") && wants(Some(true), "application/json"));
        assert!(wants(Some(false), "text/event-stream"));
        assert!(!wants(Some(false), "*/*") && !wants(None, "application/json"));
    }
}
