//! The files that a person means when naming a path: which of a folder's files count, and how each looks from outside.
//!
//! Hidden files and links are left out, and so is whatever `.gitignore` (in a repository) and `.chatbotignore` say; links are
//! not followed, so that no loop is walked and nothing outside the folder is taken in by accident. What cannot be read is
//! said and stops nothing else.

mod scope;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chatbot_core::{Error, ErrorKind, Result};
use ignore::overrides::{Override, OverrideBuilder};
use ignore::{DirEntry, WalkBuilder};

pub(super) use scope::Scope;

/// What a folder leaves out, in the form of `.gitignore`.
pub(super) const IGNORE_FILE: &str = ".chatbotignore";

/// What a person said about which files count.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    /// Only files that one of these globs fits; all where there is none.
    pub(super) include: Vec<String>,
    /// No files and folders that one of these globs fits.
    pub(super) exclude: Vec<String>,
    /// Whether files that `.gitignore` leaves out count too.
    pub(super) no_ignore: bool,
    /// Where this program keeps its own files, which are never documents.
    pub(super) own_files: Option<PathBuf>,
}

/// A folder, and which of its files count.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
    include: Override,
    exclude: Override,
    obeys_git: bool,
    own_files: Option<PathBuf>,
}

/// How a file looks from outside: the same as long as nobody touches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    pub(super) modified: Option<SystemTime>,
    /// When anything about it changed, its rights included, in seconds and nanoseconds; zero where that is not known.
    changed: (i64, i64),
    /// The disk that it is on; zero where that is not known.
    pub(super) device: u64,
}

/// What a walk came across.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) files: Vec<(PathBuf, Stamp)>,
    /// Folders and files that could not be looked at, and why.
    pub(super) unreadable: Vec<(PathBuf, Error)>,
}

impl Folder {
    /// The folder at `root`.
    ///
    /// # Errors
    /// `invalid_input` for a glob that is none.
    pub(super) fn new(root: PathBuf, choice: &Choice) -> Result<Self> {
        let include = overrides(&root, choice.include.iter().cloned())?;
        let exclude = overrides(&root, choice.exclude.iter().map(|glob| format!("!{glob}")))?;
        let own_files = choice.own_files.as_deref().and_then(|own| within(&root, own));
        Ok(Self { root, include, exclude, obeys_git: !choice.no_ignore, own_files })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The files within the scope that count, by name.
    pub(super) fn walk(&self, scope: &Scope) -> Walked {
        let mut walked = Walked::default();
        for entry in self.walker(scope.clone()).build() {
            match entry {
                Ok(entry) => self.note(&entry, scope, &mut walked),
                Err(error) => walked.unreadable.push(unreadable(&self.root, error)),
            }
        }
        walked
    }

    fn walker(&self, scope: Scope) -> WalkBuilder {
        let own_files = self.own_files.clone();
        let mut walker = WalkBuilder::new(&self.root);
        walker
            .standard_filters(false)
            .hidden(true)
            .parents(true)
            .git_ignore(self.obeys_git)
            .git_exclude(self.obeys_git)
            .add_custom_ignore_filename(IGNORE_FILE)
            .overrides(self.exclude.clone())
            .follow_links(false)
            .sort_by_file_name(std::ffi::OsStr::cmp)
            .filter_entry(move |entry| {
                own_files.as_deref() != Some(entry.path()) && scope.leads_to(entry.path())
            });
        walker
    }

    fn note(&self, entry: &DirEntry, scope: &Scope, walked: &mut Walked) {
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        let counts = is_file
            && scope.covers(entry.path())
            && !self.include.matched(entry.path(), false).is_ignore();
        if !counts {
            return;
        }
        match entry.metadata() {
            Ok(metadata) => walked.files.push((entry.path().to_owned(), Stamp::of(&metadata))),
            // It was there a moment ago.
            Err(error) if is_missing(&error) => {}
            Err(error) => walked.unreadable.push(unreadable(entry.path(), error)),
        }
    }
}

fn is_missing(error: &ignore::Error) -> bool {
    error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

impl Stamp {
    pub(super) fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
            changed: changed(metadata),
            device: device(metadata),
        }
    }
}

#[cfg(unix)]
fn changed(metadata: &std::fs::Metadata) -> (i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn changed(_: &std::fs::Metadata) -> (i64, i64) {
    (0, 0)
}

/// The disk that something is on; zero where that is not known.
#[cfg(unix)]
pub(super) fn device(metadata: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    metadata.dev()
}

/// The disk that something is on; zero where that is not known.
#[cfg(not(unix))]
pub(super) fn device(_: &std::fs::Metadata) -> u64 {
    0
}

/// The path from the root of the file system, so that it means the same wherever the program is started.
///
/// # Errors
/// `not_found`, `storage` where a path that goes up cannot be followed.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    let goes_up = path.components().any(|step| matches!(step, std::path::Component::ParentDir));
    let found = if goes_up { path.canonicalize() } else { std::path::absolute(path) };
    // Its components without a separator at the end.
    found.map(|path| path.components().collect()).map_err(|error| described(path, error.into()))
}

/// What there is at a path.
///
/// # Errors
/// `not_found`, `storage`.
pub(super) fn look(path: &Path) -> Result<std::fs::Metadata> {
    std::fs::metadata(path).map_err(|error| described(path, error.into()))
}

/// What lies in the folder, by the name that it has in there, whatever links lead to either.
fn within(root: &Path, other: &Path) -> Option<PathBuf> {
    let (real, other) = (root.canonicalize().ok()?, other.canonicalize().ok()?);
    other.strip_prefix(real).ok().map(|below| root.join(below))
}

fn overrides(root: &Path, globs: impl Iterator<Item = String>) -> Result<Override> {
    let mut builder = OverrideBuilder::new(root);
    for glob in globs {
        builder.add(&glob).map_err(|error| no_glob(&glob, error))?;
    }
    builder.build().map_err(|error| no_glob("", error))
}

fn no_glob(glob: &str, error: ignore::Error) -> Error {
    let glob = glob.trim_start_matches('!');
    Error::invalid(format!("`{glob}` is not a glob such as `*.pdf` or `drafts/**`."))
        .with_source(error)
}

fn unreadable(path: &Path, error: ignore::Error) -> (PathBuf, Error) {
    let place = place_of(&error).unwrap_or(path).to_owned();
    let cause = match error.into_io_error() {
        Some(error) => Error::from(error),
        None => Error::new(ErrorKind::InvalidInput, "A rule about which files count is damaged."),
    };
    let error = described(&place, cause);
    (place, error)
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the others have no path")]
fn place_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            place_of(err)
        }
        _ => None,
    }
}

fn described(place: &Path, cause: Error) -> Error {
    let place = place.display();
    let message = if cause.kind() == ErrorKind::NotFound {
        format!("There is no file or folder {place}.")
    } else {
        format!("{place} cannot be read. {}", cause.message())
    };
    let error = Error::new(cause.kind(), message);
    let error = match cause.reason() {
        Some(reason) => error.with_reason(reason),
        None => error,
    };
    error.with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    fn found(root: &Path, choice: &Choice, scope: &Scope) -> Vec<String> {
        let walked = Folder::new(root.to_owned(), choice).unwrap().walk(scope);
        assert!(walked.unreadable.is_empty(), "{walked:?}");
        let names = walked.files.iter().map(|(path, _)| path.strip_prefix(root).unwrap());
        names.map(|name| name.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn rules_say_which_files_count() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(
            root,
            &[
                ("a.md", ""),
                ("b.pdf", ""),
                (".hidden/c.md", ""),
                ("drafts/d.md", ""),
                ("build/e.md", ""),
                ("data/store.db", ""),
                (".gitignore", "build/\n"),
                ("drafts/.chatbotignore", "d.*\n"),
            ],
        );
        let own = Choice { own_files: Some(root.join("data")), ..Choice::default() };
        assert_eq!(found(root, &own, &Scope::All), ["a.md", "b.pdf", "build/e.md"]);
        std::fs::create_dir(root.join(".git")).unwrap();
        assert_eq!(found(root, &own, &Scope::All), ["a.md", "b.pdf"]);
        let all = Choice { no_ignore: true, ..own.clone() };
        assert_eq!(found(root, &all, &Scope::All), ["a.md", "b.pdf", "build/e.md"]);
        let some = Choice { include: vec!["*.md".to_owned()], ..all.clone() };
        assert_eq!(found(root, &some, &Scope::All), ["a.md", "build/e.md"]);
        let others = Choice { exclude: vec!["build".to_owned(), "*.pdf".to_owned()], ..all };
        assert_eq!(found(root, &others, &Scope::All), ["a.md"]);
        let bad = Choice { exclude: vec!["a[".to_owned()], ..own };
        let error = Folder::new(root.to_owned(), &bad).unwrap_err();
        assert!(error.message().contains("`a[`"), "{error}");
    }

    #[test]
    fn a_walk_keeps_to_its_scope_and_to_the_rules_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(
            root,
            &[
                ("a.md", ""),
                ("x/b.md", ""),
                ("x/y/c.md", ""),
                (".hidden/x/d.md", ""),
                ("z/e.md", ""),
            ],
        );
        let below =
            |paths: &[&str]| Scope::Below(paths.iter().map(|path| root.join(path)).collect());
        let choice = Choice::default();
        assert_eq!(found(root, &choice, &below(&["x"])), ["x/b.md", "x/y/c.md"]);
        assert_eq!(found(root, &choice, &below(&["x/y/c.md", "z"])), ["x/y/c.md", "z/e.md"]);
        assert!(found(root, &choice, &below(&[".hidden/x/d.md", "gone.md"])).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, &[("x/a.md", "")]);
        std::os::unix::fs::symlink(root, root.join("x/loop")).unwrap();
        std::os::unix::fs::symlink(root.join("x/a.md"), root.join("link.md")).unwrap();
        assert_eq!(found(root, &Choice::default(), &Scope::All), ["x/a.md"]);
    }
}
