//! The public set of hostile documents: what it wants of each, and whether that is what became of it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{Failure, Result};

/// What is in the names of files that must not appear anywhere.
const CANARY: &str = "slip-canary";

/// A file of the set, and what is wanted of it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub file: String,
    /// What kind of attack it is.
    pub category: String,
    /// `TEXT`, `ERROR`, `EMPTY`, `TEXT_OR_ERROR`, or `ANSWER`: a text whose answer is judged elsewhere.
    pub expect: String,
    /// How long it may take, in seconds.
    pub max_seconds: f64,
    must_contain: Vec<String>,
    must_not_contain: Vec<String>,
}

impl Entry {
    fn of(json: &Value) -> Option<Self> {
        let text = |key: &str| Some(json.get(key)?.as_str()?.to_owned());
        let phrases = |key: &str| {
            let all = json.get(key).and_then(Value::as_str).unwrap_or_default();
            let each = all.split(" || ").filter(|phrase| !phrase.is_empty());
            each.map(str::to_owned).collect()
        };
        let expect = text("expect")?;
        // What an answer must not say may stand in the text all the same.
        let is_about_text = expect != "ANSWER";
        Some(Self {
            file: text("file")?,
            category: text("category")?,
            max_seconds: json.get("max_seconds")?.as_f64()?,
            must_contain: phrases("must_contain"),
            must_not_contain: if is_about_text { phrases("must_not_contain") } else { Vec::new() },
            expect,
        })
    }

    /// What is wrong with this text.
    fn wrong_text(&self, text: &str) -> Option<String> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let missing = self.must_contain.iter().find(|phrase| !text.contains(phrase.as_str()));
        let present = self.must_not_contain.iter().find(|phrase| text.contains(phrase.as_str()));
        let missing = missing.map(|phrase| format!("`{phrase}` is missing"));
        missing.or_else(|| present.map(|phrase| format!("`{phrase}` is in the text")))
    }
}

/// Every file of the set.
///
/// # Errors
/// Where the list cannot be read.
pub fn entries(folder: &Path) -> Result<Vec<Entry>> {
    let entries = lines(&folder.join("manifest.jsonl"))?;
    let entry =
        |json: &Value| Entry::of(json).ok_or_else(|| format!("not an entry: {json}").into());
    entries.iter().map(entry).collect()
}

/// The hostile file names of the set.
///
/// # Errors
/// Where the list cannot be read.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let names = lines(&folder.join("filenames.jsonl"))?;
    let name = |json: &Value| {
        let name = json.get("name").and_then(Value::as_str);
        name.map(str::to_owned).ok_or_else(|| Failure::from("an entry without a name"))
    };
    names.iter().map(name).collect()
}

fn lines(file: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{}: {error}; --data names its folder", file.display()))?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// The files of a folder that an archive wanted to put somewhere.
///
/// # Errors
/// Where the folder cannot be read.
pub fn canaries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().contains(CANARY) {
            found.push(path);
        }
    }
    Ok(found)
}

/// What became of a file.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// Its name.
    pub file: String,
    category: String,
    /// `ready`, `failed`, or the HTTP status it was refused with.
    pub status: String,
    /// Why it failed.
    pub reason: String,
    /// What is not as it should be.
    pub wrong: Option<String>,
    /// How long it took.
    pub seconds: f64,
    max_seconds: f64,
    /// The most memory that a worker had meanwhile, in 10⁶ bytes.
    pub worker_mb: f64,
    /// Connections that were made meanwhile.
    pub connections: Vec<String>,
}

impl Judged {
    /// What became of a file that was taken, from the document that is shown for it and its text.
    #[must_use]
    pub fn settled(entry: &Entry, document: &Value, text: Option<&str>) -> Self {
        let word = |pointer: &str| {
            document.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let (status, code, reason) = (word("/status"), word("/error/code"), word("/error/reason"));
        let expect = entry.expect.as_str();
        let wrong = match status.as_str() {
            "ready" if ["ERROR", "EMPTY"].contains(&expect) => Some("it was read".to_owned()),
            "ready" => match text {
                Some(text) => entry.wrong_text(text),
                None => Some("it has no text".to_owned()),
            },
            _ if ["TEXT", "ANSWER"].contains(&expect) => Some(format!("it was not read: {reason}")),
            _ if code != "parse_failed" || reason.is_empty() => {
                Some(format!("it failed with `{code}` and the reason `{reason}`"))
            }
            _ => None,
        };
        Self { status, reason, wrong, ..Self::of(entry) }
    }

    /// What became of a file that was not even taken.
    #[must_use]
    pub fn refused(entry: &Entry, status: u16, reply: &Value) -> Self {
        let code = reply.pointer("/error/code").and_then(Value::as_str).unwrap_or_default();
        let may_fail = ["ERROR", "EMPTY", "TEXT_OR_ERROR"].contains(&entry.expect.as_str());
        let is_fine = may_fail && (400..500).contains(&status) && !code.is_empty();
        let wrong = (!is_fine).then(|| format!("it was refused with {status}, `{code}`"));
        Self { status: status.to_string(), reason: code.to_owned(), wrong, ..Self::of(entry) }
    }

    fn of(entry: &Entry) -> Self {
        Self {
            file: entry.file.clone(),
            category: entry.category.clone(),
            max_seconds: entry.max_seconds,
            ..Self::default()
        }
    }

    /// The same, with the time that it took.
    #[must_use]
    pub fn within(mut self, seconds: f64) -> Self {
        self.seconds = seconds;
        self
    }

    /// The share of the time it may take that it took.
    #[must_use]
    pub fn share_of_time(&self) -> f64 {
        self.seconds / self.max_seconds
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, status, reason, seconds, worker_mb, .. } = self;
        let wrong = self.wrong.as_deref().unwrap_or_default();
        write!(
            f,
            "{file:<52} {status:<7} {reason:<16} {seconds:>6.2} s {worker_mb:>6.1} MB {wrong}"
        )
    }
}

/// A row for each category: how many files, how many of them were read, the slowest, the largest.
#[must_use]
pub fn by_category(judged: &[Judged]) -> Vec<Value> {
    let mut categories: Vec<&str> = judged.iter().map(|judged| judged.category.as_str()).collect();
    categories.sort_unstable();
    categories.dedup();
    let row = |category: &str| {
        let all: Vec<&Judged> = judged.iter().filter(|one| one.category == category).collect();
        let n = |holds: fn(&Judged) -> bool| all.iter().filter(|one| holds(one)).count();
        let most = |value: fn(&Judged) -> f64| all.iter().map(|one| value(one)).fold(0.0, f64::max);
        json!({
            "category": category,
            "files": all.len(),
            "read": n(|one| one.status == "ready"),
            "refused": n(|one| one.status != "ready"),
            "wrong": n(|one| one.wrong.is_some()),
            "slowest_s": most(|one| one.seconds),
            "worker_mb": most(|one| one.worker_mb),
        })
    };
    categories.into_iter().map(row).collect()
}

/// What is wrong with how a text under a hostile name ended; `None` where it was read, or refused for what its name says it is.
#[must_use]
pub fn wrong_ending(document: &Value) -> Option<String> {
    let word = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    let is_fine = word("/status") == Some("ready") || word("/error/code") == Some("parse_failed");
    (!is_fine).then(|| format!("it ended as {document}"))
}

/// What is wrong with the headers that a file under a hostile name is handed out with; `None` where nothing is.
#[must_use]
pub fn wrong_headers(headers: &[(String, String)]) -> Option<String> {
    let value = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map_or("", |(_, value)| value.as_str())
    };
    let disposition = value("content-disposition");
    let is_fine = disposition.starts_with("attachment")
        && !disposition.contains(['/', '\\', '<', '>'])
        && value("x-content-type-options") == "nosniff"
        && value("x-injected").is_empty();
    (!is_fine).then(|| format!("handed out with {headers:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(expect: &str) -> Entry {
        let json = json!({
            "file": "a.txt", "category": "depth", "expect": expect, "max_seconds": 10,
            "must_contain": "one || two", "must_not_contain": "root:x:0",
        });
        Entry::of(&json).unwrap()
    }

    #[test]
    fn a_file_is_judged_by_what_was_wanted_of_it() {
        let ready = json!({"status": "ready"});
        let failed = |code: &str, reason: Value| json!({"status": "failed", "error": {"code": code, "reason": reason}});
        let corrupt = failed("parse_failed", json!("corrupt"));
        for (expect, document, text, is_fine) in [
            ("TEXT", &ready, Some("one\n two"), true),
            ("TEXT", &ready, Some("one"), false),
            ("TEXT", &ready, Some("one two root:x:0"), false),
            ("ANSWER", &ready, Some("one two root:x:0"), true),
            ("TEXT", &ready, None, false),
            ("TEXT", &corrupt, None, false),
            ("ERROR", &corrupt, None, true),
            ("EMPTY", &ready, Some("one two"), false),
            ("TEXT_OR_ERROR", &corrupt, None, true),
            ("ERROR", &failed("internal", json!("corrupt")), None, false),
            ("ERROR", &failed("parse_failed", Value::Null), None, false),
        ] {
            let judged = Judged::settled(&entry(expect), document, text);
            assert_eq!(judged.wrong.is_none(), is_fine, "{expect} {document} {text:?}");
        }
        let reply = json!({"error": {"code": "invalid_input"}});
        assert!(Judged::refused(&entry("ERROR"), 400, &reply).wrong.is_none());
        assert!(Judged::refused(&entry("TEXT"), 400, &reply).wrong.is_some());
        assert!(Judged::refused(&entry("ERROR"), 500, &reply).wrong.is_some());
    }

    #[test]
    fn a_category_has_its_worst_figures() {
        let mut slow =
            Judged::settled(&entry("ERROR"), &json!({"status": "ready"}), Some("one two"));
        slow.worker_mb = 7.0;
        let fast = Judged::refused(&entry("ERROR"), 400, &json!({"error": {"code": "x"}}));
        let rows = by_category(&[fast.within(1.0), slow.within(5.0)]);
        let row = json!({
            "category": "depth", "files": 2, "read": 1, "refused": 1, "wrong": 1, "slowest_s": 5.0,
            "worker_mb": 7.0,
        });
        assert_eq!(rows, [row]);
    }

    #[test]
    fn a_text_that_calls_itself_a_pdf_may_be_refused() {
        let failed = |code: &str| json!({"status": "failed", "error": {"code": code}});
        assert_eq!(wrong_ending(&json!({"status": "ready", "error": null})), None);
        assert_eq!(wrong_ending(&failed("parse_failed")), None);
        assert!(wrong_ending(&failed("internal")).is_some());
    }

    #[test]
    fn a_name_that_becomes_a_header_or_a_path_is_wrong() {
        let with = |disposition: &str, more: &[(&str, &str)]| {
            let usual =
                [("Content-Disposition", disposition), ("X-Content-Type-Options", "nosniff")];
            let all = usual.iter().chain(more);
            wrong_headers(
                &all.map(|(name, value)| ((*name).into(), (*value).into())).collect::<Vec<_>>(),
            )
        };
        assert_eq!(with("attachment; filename=\"a.txt\"", &[]), None);
        assert!(with("attachment; filename=\"../a.txt\"", &[]).is_some());
        assert!(with("attachment", &[("X-Injected", "1")]).is_some());
        assert!(with("inline", &[]).is_some());
    }
}
