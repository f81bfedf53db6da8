//! What the disk does to an index: bits flipped, files lost, cut or exchanged. It is then built anew, or finds what it
//! found before.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{DenseIndex, LocalIndex};
use crate::context::Context;
use crate::testing::conformance::index::{DIMENSIONS, read_set, vector};
use crate::text::{analyse, query_terms};
use crate::traits::{Find, Index, IndexBatch, IndexContent, IndexEntry, IndexQuery};
use crate::types::{Checkpoint, ChunkId, CollectionId, DocumentId, Lineage, VersionId};

const COLLECTION: CollectionId = CollectionId::from_bytes([1; 16]);
const AT: Checkpoint = Checkpoint { lineage: Lineage(Uuid::from_u128(7)), seq: 12 };
/// Bits flipped in each file.
const N_FLIPS: u64 = 20;

type Open = fn(&Path) -> Box<dyn Index>;

fn lexical(folder: &Path) -> Box<dyn Index> {
    Box::new(LocalIndex::open(Some(folder)).unwrap())
}

fn dense(folder: &Path) -> Box<dyn Index> {
    Box::new(DenseIndex::open(Some(folder), "a", DIMENSIONS).unwrap())
}

/// An index that had three batches and a deletion.
async fn filled(open: Open, folder: &Path) -> BTreeSet<ChunkId> {
    let index = open(folder);
    let is_dense = index.capabilities().dense;
    let mut versions = Vec::new();
    for batch in 0..3_u64 {
        let entry = |n| {
            let text = format!("pump {batch} is oiled every {n} hours");
            IndexEntry {
                chunk: ChunkId::new(),
                version: VersionId::new(),
                document: DocumentId::new(),
                collection: COLLECTION,
                content: match is_dense {
                    true => IndexContent::Vector(vector(&text)),
                    false => IndexContent::Terms(analyse(&[&text], None)),
                },
            }
        };
        let upserts: Vec<_> = (0..40).map(entry).collect();
        versions.push(upserts[7].version);
        let deletes = if batch == 2 { vec![versions[0]] } else { Vec::new() };
        let checkpoint = Some(Checkpoint { seq: AT.seq - 2 + batch, ..AT });
        index.apply(&Context::local(), IndexBatch { deletes, upserts, checkpoint }).await.unwrap();
    }
    index.close().await.unwrap();
    let found = found(&*index).await.unwrap();
    assert_eq!(found.len(), 119);
    found
}

async fn found(index: &dyn Index) -> crate::error::Result<BTreeSet<ChunkId>> {
    let find = match index.capabilities().dense {
        true => Find::Vector(vector("pump")),
        false => Find::Terms(query_terms("pump")),
    };
    let query = IndexQuery { read_set: read_set([COLLECTION]), documents: None, find, limit: 1000 };
    let reply = index.search(&Context::local(), &query).await?;
    Ok(reply.hits.iter().map(|hit| hit.chunk).collect())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

/// Copies the folder, has `harm` done to one file of the copy, and opens it.
async fn survives(
    open: Open,
    folder: &Path,
    truth: &BTreeSet<ChunkId>,
    name: &Path,
    harm: impl Fn(&Path),
) -> bool {
    let copy = tempfile::tempdir().unwrap();
    for file in files(folder) {
        let to = copy.path().join(file.strip_prefix(folder).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
    harm(&copy.path().join(name));
    let index = open(copy.path());
    let checkpoint = index.checkpoint(&Context::local()).await.unwrap();
    let what = format!("{}: {checkpoint:?}", name.display());
    if checkpoint.is_none() {
        // Whoever follows the store builds it anew.
        assert!(found(&*index).await.unwrap().is_empty(), "{what}");
        return false;
    }
    assert_eq!(checkpoint, Some(AT), "{what}");
    assert_eq!(&found(&*index).await.unwrap(), truth, "{what}");
    true
}

async fn harmed(open: Open) {
    let folder = tempfile::tempdir().unwrap();
    let truth = filled(open, folder.path()).await;
    let (mut n_rebuilt, mut n_unharmed) = (0, 0);
    for file in files(folder.path()) {
        let name = file.strip_prefix(folder.path()).unwrap();
        let len = std::fs::metadata(&file).unwrap().len();
        let mut count = |unharmed| match unharmed {
            true => n_unharmed += 1,
            false => n_rebuilt += 1,
        };
        count(
            survives(open, folder.path(), &truth, name, |path| std::fs::remove_file(path).unwrap())
                .await,
        );
        for n in 0..N_FLIPS.min(len * 8) {
            let bit = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (len * 8);
            let flip = |path: &Path| {
                let mut bytes = std::fs::read(path).unwrap();
                bytes[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
                std::fs::write(path, bytes).unwrap();
            };
            count(survives(open, folder.path(), &truth, name, flip).await);
        }
        let cut = |path: &Path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        };
        if len > 1 {
            count(survives(open, folder.path(), &truth, name, cut).await);
        }
    }
    println!("{n_rebuilt} harms noticed, {n_unharmed} without effect");
    assert!(n_rebuilt > 0);
}

#[tokio::test]
async fn the_lexical_index_notices_every_harm() {
    harmed(lexical).await;
}

#[tokio::test]
async fn the_dense_index_notices_every_harm() {
    harmed(dense).await;
}
