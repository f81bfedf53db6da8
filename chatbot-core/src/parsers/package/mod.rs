//! Documents that are zip containers: their parts, under one set of limits. Nothing is written anywhere.
//!
//! Every format in a container goes through here, so that what a container may do is decided once. A part is unpacked
//! step by step against a total, a ratio and what the document may take; the size that an entry claims to have is never
//! believed. Names that lead out of the container, and links, are no parts; a part that is there twice has no meaning.

mod facts;
mod relations;
mod tables;
pub(super) mod xml;

use std::collections::HashMap;
use std::io::{Cursor, Read as _};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::error::{Error, Reason, Result};

use super::plain::decode;
use super::registry::corrupt;
use super::watch::{Watch, exceeded, unpacks_too_far};
use super::zip_names::zip_names;

pub(super) use facts::{core_facts, statements};
pub(super) use relations::{Relation, related};
pub(super) use tables::{TableNames, data_tables};

/// Office writes a few dozen parts and one for each picture; a large e-book has some thousand.
const MAX_ENTRIES: usize = 10_000;
/// Text compresses about ten times, the emptiest tables about a hundred times.
const MAX_RATIO: u64 = 200;
/// Below this size no ratio is suspicious.
const FREE_BYTES: u64 = 4 << 20;
const STEP_BYTES: u64 = 1 << 20;

/// An open container.
#[derive(Debug)]
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// The entries by their plain names.
    entries: HashMap<String, Entry>,
    watch: &'a Watch<'a>,
}

/// Where a part is.
#[derive(Debug, Clone, Copy)]
enum Entry {
    At(usize),
    /// Two entries have this name.
    Ambiguous,
}

impl<'a> Package<'a> {
    /// Opens the container; looks at its directory only.
    pub(super) fn open(bytes: &'a [u8], watch: &'a Watch<'a>) -> Result<Self> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        // One more than allowed, so that what was left out of the list is noticed.
        let names = zip_names(bytes, MAX_ENTRIES + 1);
        if archive.len().max(names.len()) > MAX_ENTRIES {
            return Err(exceeded("The document has more parts than any real one."));
        }
        let mut entries = HashMap::with_capacity(archive.len());
        for at in 0..archive.len() {
            let Some(Ok(name)) = archive.name_for_index(at) else { continue };
            let Some(name) = plain_name(&name) else { continue };
            let entry = entries.entry(name);
            entry.and_modify(|entry| *entry = Entry::Ambiguous).or_insert(Entry::At(at));
        }
        mark_duplicates(&mut entries, &names);
        Ok(Self { archive, entries, watch })
    }

    /// The text of a part; `None` where there is no such part.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<String>> {
        Ok(self.bytes(name)?.map(text))
    }

    /// The bytes of a part; `None` where there is no such part.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        let entry = plain_name(name).and_then(|name| self.entries.get(&name).copied());
        let at = match entry {
            None => return Ok(None),
            Some(Entry::At(at)) => at,
            Some(Entry::Ambiguous) => {
                return Err(corrupt(
                    "The document holds the same part twice. Save it again and add the new file.",
                ));
            }
        };
        let mut entry = self.archive.by_index(at).map_err(damaged)?;
        if entry.is_dir() || entry.is_symlink() {
            return Ok(None);
        }
        let by_ratio = entry.compressed_size().saturating_mul(MAX_RATIO).max(FREE_BYTES);
        let allowed = by_ratio.min(self.watch.unpack_budget());
        let mut bytes = Vec::new();
        loop {
            self.watch.check()?;
            let n = entry.by_ref().take(STEP_BYTES).read_to_end(&mut bytes).map_err(|error| {
                corrupt("A part of the document is damaged. Save it again and add the new file.")
                    .with_source(error)
            })?;
            if n == 0 {
                break;
            }
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > allowed {
                return Err(unpacks_too_far());
            }
        }
        drop(entry);
        self.watch.unpacked(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
        Ok(Some(bytes))
    }
}

/// The directory lists these names; two that are the same to a reader make a part ambiguous.
fn mark_duplicates(entries: &mut HashMap<String, Entry>, names: &[&[u8]]) {
    let mut seen: HashMap<String, bool> = HashMap::with_capacity(names.len());
    for name in names {
        let Some(name) = plain_name(&String::from_utf8_lossy(name)) else { continue };
        seen.entry(name).and_modify(|twice| *twice = true).or_insert(false);
    }
    for (name, _) in seen.into_iter().filter(|(_, twice)| *twice) {
        entries.insert(name, Entry::Ambiguous);
    }
}

/// A name as parts are looked up: names ignore case, and some writers use backslashes. `None` where it leads out of the
/// container.
fn plain_name(name: &str) -> Option<String> {
    let name = name.replace('\\', "/");
    let name = name.trim_start_matches('/');
    let inside = !name.split('/').any(|step| step == "..") && !name.contains('\0');
    inside.then(|| name.to_ascii_lowercase())
}

/// The text of XML or HTML, without a copy where it is UTF-8 already.
fn text(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) if !text.starts_with('\u{FEFF}') && !text.contains(['\0', '\r']) => text,
        Ok(text) => decode(text.as_bytes()).text,
        Err(error) => decode(error.as_bytes()).text,
    }
}

/// `target`, as seen from `folder`, from the root.
pub(super) fn join(folder: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.join("/")
}

/// The document is protected, which its reader can tell.
pub(super) fn encrypted() -> Error {
    Error::parse(
        Reason::Encrypted,
        "The document is protected by a password. Remove the protection and add it again.",
    )
}

fn damaged(error: ZipError) -> Error {
    if let ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) = error {
        return encrypted();
    }
    corrupt("The document is damaged or incomplete. Save it again and add the new file.")
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_seen_from_their_folder_and_never_leave_the_root() {
        assert_eq!(join("word", "styles.xml"), "word/styles.xml");
        assert_eq!(join("word", "/word/styles.xml"), "word/styles.xml");
        assert_eq!(join("word", "../../../customXml/a.xml"), "customXml/a.xml");
    }

    #[test]
    fn names_ignore_case_and_none_leads_out() {
        assert_eq!(plain_name("\\Word\\Document.xml").as_deref(), Some("word/document.xml"));
        assert_eq!(plain_name("a/../../b"), None);
        assert_eq!(plain_name("a\0b"), None);
        assert_eq!(plain_name("a..b/c").as_deref(), Some("a..b/c"));
    }
}
