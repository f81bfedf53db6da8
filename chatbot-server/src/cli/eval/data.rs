//! Labelled sets as files: `corpus.jsonl`, `queries.jsonl`, `qrels.tsv`.

use std::collections::HashMap;
use std::path::Path;

use chatbot_core::{Error, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::metrics::Judgements;

/// A document of a set. Other fields are of no concern here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Text {
    pub(super) id: String,
    #[serde(default)]
    pub(super) title: String,
    pub(super) text: String,
}

/// A question of a set.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Question {
    pub(super) id: String,
    pub(super) text: String,
    /// The right answers, where the set has some.
    #[serde(default)]
    pub(super) answers: Vec<String>,
    /// Whether the corpus says; taken for granted where nothing is said.
    #[serde(default = "yes")]
    pub(super) answerable: bool,
    /// What was said before it, oldest first.
    #[serde(default)]
    pub(super) history: Vec<Said>,
}

impl Question {
    /// The questions before it, oldest first.
    pub(super) fn after(&self) -> Vec<String> {
        let asked = self.history.iter().filter(|said| said.role == "user");
        asked.map(|said| said.text.clone()).collect()
    }
}

/// What was said in a conversation.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Said {
    role: String,
    text: String,
}

const fn yes() -> bool {
    true
}

/// One JSON object per line.
///
/// # Errors
/// `not_found`, `storage`; `invalid_input` with the line.
pub(super) async fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = read(path).await?;
    let used = (1_usize..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    used.map(|(n, line)| {
        serde_json::from_str(line).map_err(|error| malformed(path, n).with_source(error))
    })
    .collect()
}

/// `query_id`, `doc_id` and `grade` on each line after the header; by question.
///
/// # Errors
/// As [`lines`].
pub(super) async fn judgements(path: &Path) -> Result<HashMap<String, Judgements>> {
    let text = read(path).await?;
    let mut judged: HashMap<String, Judgements> = HashMap::new();
    for (n, line) in (1_usize..).zip(text.lines()).skip(1) {
        let mut cells = line.split('\t');
        let (Some(query), Some(document), Some(grade)) = (cells.next(), cells.next(), cells.next())
        else {
            return Err(malformed(path, n));
        };
        let grade: i64 = grade.trim().parse().map_err(|_| malformed(path, n))?;
        let grade = u32::try_from(grade.max(0)).map_err(|_| malformed(path, n))?;
        judged.entry(query.to_owned()).or_default().insert(document.to_owned(), grade);
    }
    Ok(judged)
}

/// A file as text.
///
/// # Errors
/// `not_found`, `storage`, with the file's name.
pub(super) async fn read(path: &Path) -> Result<String> {
    tokio::fs::read_to_string(path).await.map_err(|error| unreadable(path, error))
}

/// A file as its bytes.
///
/// # Errors
/// As [`read`].
pub(super) async fn bytes(path: &Path) -> Result<Vec<u8>> {
    tokio::fs::read(path).await.map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let cause = Error::from(error);
    let message = format!("{} cannot be read. {}", path.display(), cause.message());
    Error::new(cause.kind(), message).with_source(cause)
}

fn malformed(path: &Path, line: usize) -> Error {
    Error::invalid(format!("Line {line} of {} does not have the form it needs.", path.display()))
}
