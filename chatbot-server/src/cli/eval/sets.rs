//! Which sets are asked, and which of their questions.

use std::path::{Path, PathBuf};

use chatbot_core::{Error, Result};
use sha2::{Digest as _, Sha256};

use super::super::args::{EvalOptions, Half};
use super::data::Question;

/// The files of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) name: String,
    pub(super) corpus: PathBuf,
    pub(super) queries: PathBuf,
    /// Not there where nothing needs judgements.
    pub(super) qrels: Option<PathBuf>,
}

/// Files named one by one.
pub(super) type Files<'a> = (Option<&'a PathBuf>, Option<&'a PathBuf>, Option<&'a PathBuf>);

/// The set of the files named one by one, if they are, and then every folder.
///
/// # Errors
/// `invalid_input` where two sets have the same name: nobody could tell their figures apart.
pub(super) fn sets(files: Files<'_>, folders: &[PathBuf]) -> Result<Vec<Set>> {
    let mut sets = Vec::with_capacity(folders.len() + 1);
    if let (Some(corpus), Some(queries), qrels) = files {
        let name = corpus.parent().map_or_else(|| "set".to_owned(), name_of);
        let (corpus, queries, qrels) = (corpus.clone(), queries.clone(), qrels.cloned());
        sets.push(Set { name, corpus, queries, qrels });
    }
    sets.extend(folders.iter().map(|folder| Set {
        name: name_of(folder),
        corpus: folder.join("corpus.jsonl"),
        queries: folder.join("queries.jsonl"),
        qrels: Some(folder.join("qrels.tsv")),
    }));
    let twice =
        |(n, set): (usize, &Set)| sets.iter().skip(n + 1).any(|other| other.name == set.name);
    if let Some(set) = sets.iter().enumerate().find(|one| twice(*one)).map(|(_, set)| set) {
        let message = format!("Two sets are called {}. Rename one of their folders.", set.name);
        return Err(Error::invalid(message));
    }
    Ok(sets)
}

/// What a folder is called.
pub(super) fn name_of(folder: &Path) -> String {
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    full.file_name().map_or_else(|| "set".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The questions of the half and the sample that were asked for, in their order.
///
/// Both go by a hash of the question's id, so that they are the same on every machine and for every strategy. A smaller
/// sample is a part of a larger one.
pub(super) fn chosen(mut questions: Vec<Question>, options: &EvalOptions) -> Vec<Question> {
    questions.retain(|question| options.half.is_none_or(|half| half == half_of(&question.id)));
    let n_wanted = options.sample.and_then(|n| usize::try_from(n).ok());
    let Some(n_wanted) = n_wanted.filter(|n| *n < questions.len()) else { return questions };
    let mut keys: Vec<_> = questions.iter().map(|question| hash(&question.id)).collect();
    keys.sort_unstable();
    let last = keys.get(n_wanted.saturating_sub(1)).copied().unwrap_or_default();
    questions.retain(|question| hash(&question.id) <= last);
    questions
}

fn half_of(id: &str) -> Half {
    match hash(id).last().is_some_and(|byte| byte % 2 == 1) {
        true => Half::B,
        false => Half::A,
    }
}

fn hash(id: &str) -> [u8; 32] {
    Sha256::digest(id).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn options(half: Option<Half>, sample: Option<u32>) -> EvalOptions {
        EvalOptions {
            sets: Vec::new(),
            strategies: Vec::new(),
            sample,
            half,
            baseline: None,
            tolerance: 0.0,
            report: None,
        }
    }

    fn ids(half: Option<Half>, sample: Option<u32>) -> Vec<String> {
        let questions = (0..200).map(|n| {
            serde_json::from_value(serde_json::json!({"id": format!("q{n}"), "text": "?"})).unwrap()
        });
        let chosen = chosen(questions.collect(), &options(half, sample));
        chosen.into_iter().map(|question| question.id).collect()
    }

    #[test]
    fn halves_are_disjoint_about_equal_and_together_everything() {
        let (a, b) = (ids(Some(Half::A), None), ids(Some(Half::B), None));
        assert!((70..=130).contains(&a.len()), "{}", a.len());
        let all: HashSet<_> = a.iter().chain(&b).collect();
        assert_eq!((all.len(), a.len() + b.len()), (200, 200));
    }

    #[test]
    fn a_sample_has_its_size_and_a_smaller_one_is_a_part_of_it() {
        let (small, large) = (ids(None, Some(20)), ids(None, Some(50)));
        assert_eq!((small.len(), large.len()), (20, 50));
        assert!(small.iter().all(|id| large.contains(id)));
        assert_eq!(small, ids(None, Some(20)), "it is the same each time");
        assert_eq!(ids(None, Some(900)).len(), 200);
        let held_back = ids(Some(Half::B), Some(10));
        assert!(held_back.len() == 10 && !held_back.iter().any(|id| half_of(id) == Half::A));
    }

    #[test]
    fn sets_are_named_by_their_folders() {
        let folders = [PathBuf::from("no/such/town"), PathBuf::from("no/such/harbour/")];
        let of_files = (Some(&folders[0]), Some(&folders[1]), None);
        let all = sets(of_files, &folders).unwrap();
        let names: Vec<_> = all.iter().map(|set| set.name.as_str()).collect();
        assert_eq!(names, ["such", "town", "harbour"]);
        assert_eq!(all[1].qrels, Some("no/such/town/qrels.tsv".into()));
        let twice = ["a/town".into(), "b/town".into()];
        assert!(sets((None, None, None), &twice).unwrap_err().message().contains("town"));
    }
}
