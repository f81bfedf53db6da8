//! Where the index is kept, and what happens when it cannot be read there.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use tantivy::directory::{MmapDirectory, RamDirectory};
use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy, Searcher};

use super::failure::failed;
use super::schema::{Fields, fingerprint, tokenizers};
use super::segments::Snapshot;
use super::summed::Summed;
use super::writing::Payload;
use crate::error::{Error, Result};
use crate::types::Checkpoint;

/// The folder within the index's own that holds the lexical part. Only this one is ever emptied.
const FOLDER: &str = "lexical";

/// An index that can be read.
pub(super) struct Place {
    index: Index,
    reader: IndexReader,
    fields: Fields,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("index", &self.index).finish_non_exhaustive()
    }
}

/// What is found in a place: the place, what can be searched there, and how far it is.
type Opened = (Place, Snapshot, Option<Checkpoint>);

impl Place {
    /// Opens what is in `folder`, or starts anew.
    pub(super) fn open(folder: Option<&Path>) -> Result<Opened> {
        let Some(folder) = folder else {
            return Self::fresh(None);
        };
        let folder = folder.join(FOLDER);
        if folder.join("meta.json").exists() {
            match Self::existing(&folder) {
                Ok(Some(opened)) => return Ok(opened),
                Ok(None) => tracing::info!("the search index is of another kind; rebuilding it"),
                Err(error) => tracing::warn!(?error, "the search index is damaged; rebuilding it"),
            }
        }
        empty(&folder)?;
        Self::fresh(Some(&folder))
    }

    fn fresh(folder: Option<&PathBuf>) -> Result<Opened> {
        let (schema, fields) = Fields::with_schema();
        let settings = IndexSettings::default();
        let created = match folder {
            Some(folder) => MmapDirectory::open(folder)
                .map_err(Into::into)
                .and_then(|directory| Index::create(Summed(directory), schema, settings)),
            None => Index::create(RamDirectory::create(), schema, settings),
        };
        Self::over(created.map_err(failed)?, fields)
    }

    /// The index in `folder`; `None` where it was made by something else.
    fn existing(folder: &Path) -> Result<Option<Opened>> {
        let (schema, fields) = Fields::with_schema();
        let directory = MmapDirectory::open(folder).map_err(Into::into).map_err(failed)?;
        let index = Index::open(Summed(directory)).map_err(failed)?;
        let meta = index.load_metas().map_err(failed)?;
        let payload = Payload::parse(meta.payload.as_deref());
        let same = index.schema() == schema
            && payload.as_ref().is_none_or(|payload| payload.made_with == fingerprint());
        if !same || (payload.is_none() && !meta.segments.is_empty()) {
            return Ok(None);
        }
        let damaged = index.validate_checksum().map_err(failed)?;
        if !damaged.is_empty() {
            return Err(Error::internal("Files of the search index were changed from outside."));
        }
        remove_half_written(folder);
        let (place, snapshot, _) = Self::over(index, fields)?;
        Ok(Some((place, snapshot, payload.and_then(|payload| payload.checkpoint()))))
    }

    fn over(mut index: Index, fields: Fields) -> Result<Opened> {
        index.set_tokenizers(tokenizers());
        let builder = index.reader_builder().reload_policy(ReloadPolicy::Manual);
        let reader = builder.try_into().map_err(failed)?;
        let place = Self { index, reader, fields };
        let snapshot = Snapshot::new(place.searcher(), None)?;
        Ok((place, snapshot, None))
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    pub(super) fn fields(&self) -> &Fields {
        &self.fields
    }

    pub(super) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// Notices what was committed.
    pub(super) fn reload(&self) -> Result<()> {
        self.reader.reload().map_err(failed)
    }
}

/// Removes what was written under a temporary name and never renamed. What cannot be removed now is removed another time.
fn remove_half_written(folder: &Path) {
    /// How the names begin that tantivy writes its lists of files under.
    const TEMPORARY: &str = ".tmp";
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_temporary = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        if is_temporary && let Err(error) = fs::remove_file(entry.path()) {
            tracing::debug!(%error, "a file of the search index could not be removed");
        }
    }
}

/// Makes `folder`, and nothing in it.
fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}
