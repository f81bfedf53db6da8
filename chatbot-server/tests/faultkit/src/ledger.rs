//! What a client asked for, and what of it was acknowledged.
//!
//! Every document and every session belongs to one client, which changes it by one request after the other. So at most one
//! request of a client is in doubt when the server dies.

use serde_json::Value;

use crate::api::Question;

/// How far a request got, as far as its client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Known {
    /// It was never sent.
    #[default]
    Never,
    /// It was sent, and no answer came.
    Asked,
    /// It was done.
    Acknowledged,
}

/// Everything of one client.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Its documents, the deleted ones included.
    pub documents: Vec<Document>,
    /// Its sessions, the deleted ones included.
    pub sessions: Vec<Session>,
    /// Writes that were acknowledged.
    pub n_acknowledged: u64,
}

/// A document.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// Its file's name, which no other has.
    pub name: String,
    /// The key it was uploaded under.
    pub key: String,
    /// Its id, once that is known.
    pub id: Option<String>,
    /// What it said, oldest first; only the last one can be in doubt.
    pub versions: Vec<Version>,
    /// Whether it was deleted.
    pub deleted: Known,
}

/// What a document says.
#[derive(Debug, Clone, Default)]
pub struct Version {
    /// A word that stands in no other text.
    pub marker: String,
    /// The text.
    pub text: String,
    /// Whether it was taken.
    pub known: Known,
}

/// A session.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Its id, once that is known.
    pub id: Option<String>,
    /// What was asked in it.
    pub turns: Vec<Turn>,
    /// What it was named, and whether that was done.
    pub titles: Vec<(String, Known)>,
    /// Whether it was deleted.
    pub deleted: Known,
}

/// A question and what is known of its answer.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The request.
    pub question: Question,
    /// What was asked; `None` where an earlier question was answered again.
    pub text: Option<String>,
    /// The ids, once they are known: then the question is stored.
    pub ids: Option<Ids>,
    /// The text of the answer that was seen.
    pub seen: String,
    /// The answer as it ended.
    pub end: Option<Value>,
    /// Whether the server was killed since it was asked.
    pub survived: bool,
}

/// The ids of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// The session.
    pub session: String,
    /// The question.
    pub user: String,
    /// The answer.
    pub answer: String,
}

impl Ids {
    /// What the first event of a turn says.
    #[must_use]
    pub fn of_started(event: &Value) -> Option<Self> {
        let text = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            session: text("session_id")?,
            user: text("user_message_id")?,
            answer: text("message_id")?,
        })
    }
}

impl Document {
    /// Whether it is there for certain.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.id.is_some() && self.deleted == Known::Never
    }

    /// What it says last.
    #[must_use]
    pub fn last(&self) -> Option<&Version> {
        self.versions.last()
    }
}

impl Session {
    /// Whether it is there for certain.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.id.is_some() && self.deleted == Known::Never
    }
}

impl Ledger {
    /// Lets go of what was deleted, for clients that go on for hours.
    pub fn forget_deleted(&mut self) {
        self.documents.retain(|document| document.deleted != Known::Acknowledged);
        self.sessions.retain(|session| session.deleted != Known::Acknowledged);
    }

    /// Sessions that are there for certain.
    #[must_use]
    pub fn n_sessions(&self) -> usize {
        self.sessions.iter().filter(|session| session.is_there()).count()
    }

    /// Documents that are there for certain.
    #[must_use]
    pub fn n_documents(&self) -> usize {
        self.documents.iter().filter(|document| document.is_there()).count()
    }
}
