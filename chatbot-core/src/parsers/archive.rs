//! Zip archives: every file in them becomes a document of its own.
//!
//! Nothing is written anywhere, so no name can lead astray. What an archive claims about sizes is not believed: memory
//! grows with what really comes out, within one budget for all of it. Archives inside an archive are opened on the
//! spot, under the same budget, so that one that would unpack to more than allowed is refused before anything becomes
//! of it.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::context::Context;
use crate::error::{Error, Reason, Result};
use crate::traits::{ParseLimits, Parser};
use crate::types::{MediaType, ParsedDocument, RawDocument, Warning};

use super::assemble::{Assembly, Facts};
use super::detect;
use super::parts::{LeftOut, Parts, path_of};
use super::plain::decode;
use super::registry::corrupt;
use super::watch::{Watch, exceeded, unpacks_too_far};

/// Entries looked at for each document that may come out: folders, pictures and links are entries too.
const ENTRIES_PER_PART: usize = 4;
/// Text compresses about ten times, the emptiest tables about a hundred times.
const MAX_RATIO: u64 = 200;
/// Below this size no ratio is suspicious.
const FREE_BYTES: u64 = 4 << 20;
const STEP_BYTES: u64 = 1 << 20;
/// How deep archives may lie in one another: people send an archive of archives, and nobody one of archives of archives
/// of archives.
const MAX_NESTED: usize = 3;

/// Reads zip archives.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ZipParser {}

impl Parser for ZipParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[MediaType::ZIP];
        TYPES
    }

    fn parse(
        &self,
        ctx: &Context,
        media_type: &MediaType,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        let watch = Watch::begin(ctx, limits)?;
        let mut walk =
            Walk { watch: &watch, parts: Parts::new(&watch), n_entries: 0, twins: false };
        walk.archive(&raw.bytes, "", 1)?;
        if walk.parts.len() == 0 {
            return Err(nothing_in_it(&walk.parts));
        }
        let twins = walk.twins;
        let (parts, mut warnings) = walk.parts.finish();
        if twins {
            warnings.push(Warning::new(
                "same_names",
                "Some files in the archive have the same name: the last of each was taken.",
            ));
        }
        let facts = Facts { warnings, ..Facts::default() };
        let document = Assembly::new(&watch).finish(media_type.clone(), facts);
        Ok(ParsedDocument { parts, ..document })
    }
}

struct Walk<'a> {
    watch: &'a Watch<'a>,
    parts: Parts<'a>,
    n_entries: usize,
    /// Whether names occurred twice.
    twins: bool,
}

impl Walk<'_> {
    /// Takes the files of an archive that itself lies under `folder`, `depth` archives deep.
    fn archive(&mut self, bytes: &[u8], folder: &str, depth: usize) -> Result<()> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        self.twins |= archive.has_duplicate_names();
        self.n_entries = self.n_entries.saturating_add(archive.len());
        if self.n_entries > self.watch.limits().max_parts.saturating_mul(ENTRIES_PER_PART) {
            return Err(exceeded("The archive has more entries than allowed. Split it."));
        }
        for index in 0..archive.len() {
            self.watch.check()?;
            self.entry(&mut archive, index, (folder, depth))?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        archive: &mut ZipArchive<Cursor<&[u8]>>,
        index: usize,
        (folder, depth): (&str, usize),
    ) -> Result<()> {
        let raw_name = name_of(archive, index);
        let mut entry = match archive.by_index(index) {
            Ok(entry) => entry,
            Err(error) => {
                self.parts.omissions.add(&raw_name, why(&error));
                return Ok(());
            }
        };
        if entry.is_dir() || is_hidden(&raw_name) {
            return Ok(());
        }
        if entry.is_symlink() {
            self.parts.omissions.add(&raw_name, LeftOut::Link);
            return Ok(());
        }
        let Some(path) = path_of(&raw_name) else {
            self.parts.omissions.add(&raw_name, LeftOut::Outside);
            return Ok(());
        };
        let compressed = entry.compressed_size();
        match self.unpacked(&mut entry, compressed)? {
            Some(content) => self.file(&format!("{folder}{path}"), content, depth),
            None => {
                self.parts.omissions.add(&raw_name, LeftOut::Damaged);
                Ok(())
            }
        }
    }

    fn file(&mut self, path: &str, content: Vec<u8>, depth: usize) -> Result<()> {
        if content.is_empty() {
            return Ok(());
        }
        let raw = RawDocument { name: path.to_owned(), declared: None, bytes: content.into() };
        if detect(&raw) != MediaType::ZIP {
            return self.parts.add(path, None, raw.bytes);
        }
        if depth >= MAX_NESTED {
            return Err(exceeded(
                "The archive holds archives in archives, deeper than allowed. Unpack it and add the documents in it.",
            ));
        }
        match self.archive(&raw.bytes, &format!("{path}/"), depth + 1) {
            // Damage inside does not take the files beside it along.
            Err(error) if error.reason() == Some(Reason::Corrupt) => {
                self.parts.omissions.add(path, LeftOut::Damaged);
                Ok(())
            }
            walked => walked,
        }
    }

    /// All of an entry; `None` where it is damaged.
    fn unpacked(&self, entry: &mut impl Read, compressed: u64) -> Result<Option<Vec<u8>>> {
        let by_ratio = compressed.saturating_mul(MAX_RATIO).max(FREE_BYTES);
        let allowed = by_ratio.min(self.watch.unpack_budget()).min(self.parts.room());
        let mut bytes = Vec::new();
        loop {
            self.watch.check()?;
            match entry.by_ref().take(STEP_BYTES).read_to_end(&mut bytes) {
                Ok(0) => break,
                Ok(_) => {}
                Err(_) => return Ok(None),
            }
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > allowed {
                return Err(unpacks_too_far());
            }
        }
        self.watch.unpacked(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
        Ok(Some(bytes))
    }
}

/// The name of an entry: what does not say that it is UTF-8 is in whatever encoding the sender's system had.
fn name_of(archive: &ZipArchive<Cursor<&[u8]>>, index: usize) -> String {
    match archive.by_index_data(index) {
        Ok(entry) => decode(entry.name_raw()).text,
        Err(_) => format!("entry {index}"),
    }
}

/// What systems put beside people's files.
fn is_hidden(name: &str) -> bool {
    let mut steps = name.split(['/', '\\']);
    steps.any(|step| {
        let is_dotted = step.starts_with('.') && !matches!(step, "." | "..");
        is_dotted || matches!(step, "__MACOSX" | "Thumbs.db" | "desktop.ini")
    })
}

fn why(error: &ZipError) -> LeftOut {
    let is_locked = matches!(
        error,
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword
    );
    let is_unknown = matches!(
        error,
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_)
    );
    match (is_locked, is_unknown) {
        (true, _) => LeftOut::Encrypted,
        (false, true) => LeftOut::Unread,
        (false, false) => LeftOut::Damaged,
    }
}

fn nothing_in_it(parts: &Parts<'_>) -> Error {
    let rare = || {
        Error::parse(
            Reason::UnsupportedFormat,
            "Nothing in the archive can be read: what is in it are links, or files that were packed in a rare way. Unpack \
             it and add the documents in it.",
        )
    };
    match parts.omissions.only() {
        Some(LeftOut::Encrypted) => Error::parse(
            Reason::Encrypted,
            "A password protects what is in the archive. Unpack it and add the documents in it.",
        ),
        Some(LeftOut::Damaged) => corrupt("Nothing in the archive can be unpacked: it is damaged."),
        Some(LeftOut::Link | LeftOut::Outside | LeftOut::Unread | LeftOut::BeyondLimits) => rare(),
        None if !parts.omissions.is_empty() => rare(),
        None => Error::parse(Reason::Empty, "There is no file with content in the archive."),
    }
}

fn damaged(error: ZipError) -> Error {
    corrupt("The archive is damaged or incomplete. Make it anew and add that.").with_source(error)
}
