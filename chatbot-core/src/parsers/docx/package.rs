//! The container of a Word document: its parts and how they are related. Nothing is written anywhere.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::error::{Error, Reason, Result};
use crate::parsers::plain::decode;
use crate::parsers::registry::corrupt;
use crate::parsers::watch::{Watch, exceeded, unpacks_too_far};

use super::xml::{Node, Xml};

/// Word writes a few dozen parts and one for each picture.
const MAX_ENTRIES: usize = 10_000;
/// Text compresses about ten times, the emptiest tables about a hundred times.
const MAX_RATIO: u64 = 200;
/// Below this size no ratio is suspicious.
const FREE_BYTES: u64 = 4 << 20;
const STEP_BYTES: u64 = 1 << 20;

/// How one part refers to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) id: String,
    /// The last word of its type, such as `styles`.
    pub(super) kind: String,
    /// The other part, from the root.
    pub(super) target: String,
}

/// An open container.
#[derive(Debug)]
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    watch: &'a Watch<'a>,
}

impl<'a> Package<'a> {
    pub(super) fn open(bytes: &'a [u8], watch: &'a Watch<'a>) -> Result<Self> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        if archive.len() > MAX_ENTRIES {
            return Err(exceeded("The Word document has more parts than any real one."));
        }
        Ok(Self { archive, watch })
    }

    /// The part that holds the text.
    pub(super) fn main_part(&mut self) -> Result<String> {
        let stated = self.relations("")?;
        let stated = stated.into_iter().find(|relation| relation.kind == "officeDocument");
        Ok(stated.map_or_else(|| "word/document.xml".to_owned(), |relation| relation.target))
    }

    /// What the part called `name` refers to inside the container; what lies outside is never looked at.
    pub(super) fn relations(&mut self, name: &str) -> Result<Vec<Relation>> {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let path = join(folder, &format!("_rels/{file}.rels"));
        let Some(text) = self.part(&path)? else { return Ok(Vec::new()) };
        let mut relations = Vec::new();
        let mut xml = Xml::new(&text, self.watch);
        while let Some(node) = xml.next()? {
            let Node::Start(element) = node else { continue };
            let external = element.attribute("TargetMode").is_some_and(|mode| mode == "External");
            let parts = (element.attribute("Type"), element.attribute("Target"));
            let (Some(kind), Some(target), false) = (parts.0, parts.1, external) else { continue };
            relations.push(Relation {
                id: element.attribute("Id").unwrap_or_default(),
                kind: kind.rsplit('/').next().unwrap_or_default().to_owned(),
                target: join(folder, &target),
            });
        }
        Ok(relations)
    }

    /// The text of a part; `None` where there is no such part.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<String>> {
        let Some(name) = self.name_of(name) else { return Ok(None) };
        let mut entry = match self.archive.by_name(&name) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(damaged(error)),
        };
        if entry.is_dir() || entry.is_symlink() {
            return Ok(None);
        }
        let by_ratio = entry.compressed_size().saturating_mul(MAX_RATIO).max(FREE_BYTES);
        let allowed = by_ratio.min(self.watch.unpack_budget());
        let mut bytes = Vec::new();
        loop {
            self.watch.check()?;
            // The size an entry claims to have is never believed: memory grows with what really comes out.
            let n = entry.by_ref().take(STEP_BYTES).read_to_end(&mut bytes).map_err(|error| {
                corrupt("A part of the Word document is damaged.").with_source(error)
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
        Ok(Some(decode(&bytes).text))
    }

    /// The name an entry really has: names of parts ignore case, and some writers use backslashes.
    fn name_of(&self, wanted: &str) -> Option<String> {
        let wanted = wanted.trim_start_matches('/');
        if self.archive.index_for_name(wanted).is_some() {
            return Some(wanted.to_owned());
        }
        let names = (0..self.archive.len()).filter_map(|i| self.archive.name_for_index(i)?.ok());
        let mut same = names.filter(|name| name.replace('\\', "/").eq_ignore_ascii_case(wanted));
        same.next().map(|name| name.into_owned())
    }
}

/// `target`, as seen from `folder`, from the root.
fn join(folder: &str, target: &str) -> String {
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

fn damaged(error: ZipError) -> Error {
    if let ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) = error {
        return Error::parse(
            Reason::Encrypted,
            "The Word document is protected by a password. Remove the protection and add it again.",
        );
    }
    corrupt("The Word document is damaged or incomplete. Save it again and add the new file.")
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn targets_are_seen_from_their_folder_and_never_leave_the_root() {
        assert_eq!(join("word", "styles.xml"), "word/styles.xml");
        assert_eq!(join("word", "/word/styles.xml"), "word/styles.xml");
        assert_eq!(join("word", "../../../customXml/a.xml"), "customXml/a.xml");
    }
}
