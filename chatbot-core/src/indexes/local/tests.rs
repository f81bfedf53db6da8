//! What is in the files, which a search does not show.

use tantivy::directory::MmapDirectory;
use tantivy::{Index as Files, IndexWriter};

use super::LocalIndex;
use super::schema::fingerprint;
use super::summed::Summed;
use crate::context::Context;
use crate::text::analyse;
use crate::traits::{Index as _, IndexBatch, IndexContent, IndexEntry};
use crate::types::{Checkpoint, ChunkId, CollectionId, DocumentId, Lineage, VersionId};

fn entry(version: VersionId, text: &str) -> IndexEntry {
    IndexEntry {
        chunk: ChunkId::new(),
        version,
        document: DocumentId::new(),
        collection: CollectionId::new(),
        content: IndexContent::Terms(analyse(&[text], None)),
    }
}

fn files(folder: &std::path::Path) -> Files {
    let directory = MmapDirectory::open(folder.join("lexical")).unwrap();
    Files::open(Summed(directory)).unwrap()
}

/// Every term of every segment.
fn terms(folder: &std::path::Path) -> Vec<String> {
    let index = files(folder);
    let mut terms = Vec::new();
    for reader in index.reader().unwrap().searcher().segment_readers() {
        for field in ["surfaces", "stems"] {
            let field = index.schema().get_field(field).unwrap();
            let inverted = reader.inverted_index(field).unwrap();
            let mut stream = inverted.terms().stream().unwrap();
            while stream.advance() {
                terms.push(String::from_utf8_lossy(stream.key()).into_owned());
            }
        }
    }
    terms
}

fn n_files(folder: &std::path::Path) -> usize {
    std::fs::read_dir(folder.join("lexical")).unwrap().count()
}

#[tokio::test]
async fn after_a_scrub_no_file_has_a_term_of_what_was_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let index = LocalIndex::open(Some(folder.path())).unwrap();
    let (ctx, lineage) = (Context::local(), Lineage(uuid::Uuid::now_v7()));
    let (doomed, kept) = (VersionId::new(), VersionId::new());
    let batch = |deletes, upserts, seq| IndexBatch {
        deletes,
        upserts,
        checkpoint: Some(Checkpoint { lineage, seq }),
    };
    let first = vec![entry(doomed, "a lighthouse"), entry(kept, "a harbour"), entry(kept, "tides")];
    index.apply(&ctx, batch(vec![], first, 1)).await.unwrap();
    index.apply(&ctx, batch(vec![], vec![entry(doomed, "lighthouses alone")], 2)).await.unwrap();
    index.apply(&ctx, batch(vec![doomed], vec![], 3)).await.unwrap();
    assert!(terms(folder.path()).iter().any(|term| term.contains("lighthous")), "only marked");
    assert!(index.scrub(&ctx).await.unwrap());
    let left = terms(folder.path());
    assert!(!left.iter().any(|term| term.contains("lighthous") || term == "alone"), "{left:?}");
    assert!(left.iter().any(|term| term == "harbour") && left.iter().any(|term| term == "tides"));
    let after = n_files(folder.path());
    assert!(index.scrub(&ctx).await.unwrap(), "there is nothing to do");
    assert_eq!(n_files(folder.path()), after);
    assert_eq!(index.checkpoint(&ctx).await.unwrap(), Some(Checkpoint { lineage, seq: 3 }));
    drop(index);
    let again = LocalIndex::open(Some(folder.path())).unwrap();
    assert_eq!(again.checkpoint(&ctx).await.unwrap(), Some(Checkpoint { lineage, seq: 3 }));
}

/// Has the index say that another analyser made it.
fn make_another(folder: &std::path::Path) {
    let index = files(folder);
    let payload = index.load_metas().unwrap().payload.unwrap();
    let mut writer: IndexWriter = index.writer(15_000_000).unwrap();
    let mut commit = writer.prepare_commit().unwrap();
    commit.set_payload(&payload.replace(&fingerprint(), "another"));
    commit.commit().unwrap();
}

#[tokio::test]
async fn an_index_of_another_analyser_is_built_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, lineage) = (Context::local(), Lineage(uuid::Uuid::now_v7()));
    let index = LocalIndex::open(Some(folder.path())).unwrap();
    let batch = IndexBatch {
        deletes: vec![],
        upserts: vec![entry(VersionId::new(), "a harbour")],
        checkpoint: Some(Checkpoint { lineage, seq: 1 }),
    };
    index.apply(&ctx, batch).await.unwrap();
    index.close().await.unwrap();
    drop(index);
    make_another(folder.path());
    let again = LocalIndex::open(Some(folder.path())).unwrap();
    assert_eq!(again.checkpoint(&ctx).await.unwrap(), None);
    assert!(terms(folder.path()).is_empty());
}
