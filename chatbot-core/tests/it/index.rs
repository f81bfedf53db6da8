//! The index that lives in the process: the contract, and what happens to it on a disk.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chatbot_core::indexes::LocalIndex;
use chatbot_core::testing::conformance::index as suite;
use chatbot_core::text::{analyse, query_terms};
use chatbot_core::traits::{
    Find, Hit, Index, IndexBatch, IndexContent, IndexEntry, IndexQuery, IndexReply,
};
use chatbot_core::types::{Checkpoint, ChunkId, CollectionId, DocumentId, Lineage, VersionId};
use chatbot_core::{Context, ErrorKind};

#[tokio::test]
async fn in_memory_it_keeps_the_contract() {
    suite::run(&|| Arc::new(LocalIndex::open(None).unwrap())).await;
}

#[tokio::test]
async fn in_a_folder_it_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let n = std::cell::Cell::new(0);
    let fresh = || -> Arc<dyn Index> {
        n.set(n.get() + 1);
        Arc::new(LocalIndex::open(Some(&folder.path().join(n.get().to_string()))).unwrap())
    };
    suite::run(&fresh).await;
    let place = folder.path().join("durable");
    suite::run_durable(&|| Arc::new(LocalIndex::open(Some(&place)).unwrap())).await;
}

fn entry(collection: CollectionId, text: &str) -> IndexEntry {
    IndexEntry {
        chunk: ChunkId::new(),
        version: VersionId::new(),
        document: DocumentId::new(),
        collection,
        content: IndexContent::Terms(analyse(&[text], None)),
    }
}

fn at(seq: u64) -> Option<Checkpoint> {
    let lineage: CollectionId = "01890000-0000-7000-8000-000000000000".parse().unwrap();
    Some(Checkpoint { lineage: Lineage(uuid::Uuid::from_bytes(*lineage.as_bytes())), seq })
}

async fn add(index: &LocalIndex, upserts: Vec<IndexEntry>, seq: u64) {
    let batch = IndexBatch { deletes: vec![], upserts, checkpoint: at(seq) };
    index.apply(&Context::local(), batch).await.unwrap();
}

fn query(collections: Vec<CollectionId>, question: &str) -> IndexQuery {
    IndexQuery {
        read_set: suite::read_set(collections),
        documents: None,
        find: Find::Terms(query_terms(question)),
        limit: 10,
    }
}

async fn find(index: &LocalIndex, query: IndexQuery) -> IndexReply {
    index.search(&Context::local(), &query).await.unwrap()
}

async fn search(index: &LocalIndex, collections: Vec<CollectionId>, question: &str) -> IndexReply {
    find(index, query(collections, question)).await
}

/// A folder with an index of some chunks in several segments.
async fn filled() -> (tempfile::TempDir, CollectionId) {
    let (folder, collection) = (tempfile::tempdir().unwrap(), CollectionId::new());
    let index = LocalIndex::open(Some(folder.path())).unwrap();
    for seq in 1..4 {
        let text = "the keeper of the lighthouse writes a book about ships and storms";
        add(&index, (0..50).map(|_| entry(collection, text)).collect(), seq).await;
    }
    (folder, collection)
}

/// Opens what is left of an index; it is empty and nowhere, and works.
async fn starts_over(folder: &Path, collection: CollectionId) {
    let index = LocalIndex::open(Some(folder)).unwrap();
    assert_eq!(index.checkpoint(&Context::local()).await.unwrap(), None);
    assert_eq!(
        search(&index, vec![collection], "lighthouse").await,
        IndexReply { document_frequencies: vec![0], ..IndexReply::default() }
    );
    add(&index, vec![entry(collection, "a lighthouse")], 9).await;
    drop(index);
    let index = LocalIndex::open(Some(folder)).unwrap();
    assert_eq!(index.checkpoint(&Context::local()).await.unwrap(), at(9));
    assert_eq!(search(&index, vec![collection], "lighthouse").await.hits.len(), 1);
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("lexical")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

/// Whoever dies within a commit has written files that nothing names: the next one writes them once more.
#[tokio::test]
async fn a_commit_that_was_killed_is_made_again() {
    let (folder, collection) = (tempfile::tempdir().unwrap(), CollectionId::new());
    let dead = entry(collection, "the keeper of the lighthouse");
    let index = LocalIndex::open(Some(folder.path())).unwrap();
    add(&index, vec![dead.clone(), entry(collection, "another lighthouse")], 1).await;
    drop(index);
    let named = folder.path().join("lexical/meta.json");
    let before = fs::read(&named).unwrap();
    let delete = || IndexBatch { deletes: vec![dead.version], upserts: vec![], checkpoint: at(2) };
    let index = LocalIndex::open(Some(folder.path())).unwrap();
    index.apply(&Context::local(), delete()).await.unwrap();
    drop(index);
    assert_eq!(files(folder.path(), ".del").len(), 1);
    fs::write(&named, before).unwrap();
    fs::write(folder.path().join("lexical/.tmpHalf"), "{").unwrap();

    let index = LocalIndex::open(Some(folder.path())).unwrap();
    assert_eq!(index.checkpoint(&Context::local()).await.unwrap(), at(1));
    index.apply(&Context::local(), delete()).await.unwrap();
    assert_eq!(search(&index, vec![collection], "lighthouse").await.hits.len(), 1);
    assert!(!folder.path().join("lexical/.tmpHalf").exists());
}

#[tokio::test]
async fn an_index_that_was_not_touched_comes_back() {
    let (folder, collection) = filled().await;
    let index = LocalIndex::open(Some(folder.path())).unwrap();
    assert_eq!(index.checkpoint(&Context::local()).await.unwrap(), at(3));
    assert_eq!(search(&index, vec![collection], "lighthouse").await.n_chunks, 150);
}

#[tokio::test]
async fn a_flipped_bit_is_noticed_in_any_file() {
    for ending in ["idx", "term", "fast", "fieldnorm"] {
        let (folder, collection) = filled().await;
        let file = files(folder.path(), ending).pop().unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 3;
        bytes[middle] ^= 0x10;
        fs::write(&file, bytes).unwrap();
        starts_over(folder.path(), collection).await;
    }
}

#[tokio::test]
async fn a_truncated_or_missing_file_is_noticed() {
    for keep in [Some(0), Some(20), None] {
        let (folder, collection) = filled().await;
        let file = files(folder.path(), "idx").pop().unwrap();
        match keep {
            Some(keep) => fs::write(&file, &fs::read(&file).unwrap()[..keep]).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        starts_over(folder.path(), collection).await;
    }
}

#[tokio::test]
async fn what_something_else_made_is_replaced() {
    for (from, to) in [(" local/", " other/"), ("surfaces", "somethin"), ("{", "")] {
        let (folder, collection) = filled().await;
        let meta = folder.path().join("lexical/meta.json");
        let mut bytes = fs::read(&meta).unwrap();
        bytes.truncate(bytes.len() - 4);
        let changed = String::from_utf8(bytes).unwrap().replacen(from, to, 1);
        let sum = crc32fast::hash(changed.as_bytes()).to_le_bytes();
        fs::write(&meta, [changed.as_bytes(), &sum].concat()).unwrap();
        starts_over(folder.path(), collection).await;
    }
    let (folder, collection) = (tempfile::tempdir().unwrap(), CollectionId::new());
    fs::create_dir(folder.path().join("lexical")).unwrap();
    fs::write(folder.path().join("lexical/meta.json"), [0; 100]).unwrap();
    fs::write(folder.path().join("beside"), "stays").unwrap();
    starts_over(folder.path(), collection).await;
    assert!(folder.path().join("beside").exists(), "only the index's own folder is emptied");
}

#[tokio::test]
async fn a_place_that_cannot_be_used_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = LocalIndex::open(Some(file.path())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
}

#[tokio::test]
async fn ten_thousand_collections_are_told_apart() {
    let index = LocalIndex::open(None).unwrap();
    let collections: Vec<CollectionId> = (0..10_000).map(|_| CollectionId::new()).collect();
    let entries = collections.iter().map(|id| entry(*id, "one lighthouse for each"));
    add(&index, entries.collect(), 1).await;
    let all_but_one = collections[1..].to_vec();
    assert_eq!(search(&index, all_but_one, "lighthouse").await.hits.len(), 10);
    let one = search(&index, vec![collections[0]], "lighthouse").await;
    assert_eq!((one.hits.len(), one.n_chunks), (1, 10_000));
}

#[tokio::test]
async fn searches_go_on_while_it_changes() {
    let (index, collection) = (Arc::new(LocalIndex::open(None).unwrap()), CollectionId::new());
    add(&index, vec![entry(collection, "a lighthouse")], 1).await;
    let reader = Arc::clone(&index);
    let searches = tokio::spawn(async move {
        for _ in 0..50 {
            assert!(!search(&reader, vec![collection], "lighthouse").await.hits.is_empty());
        }
    });
    for seq in 2..20 {
        add(&index, vec![entry(collection, "a lighthouse")], seq).await;
    }
    searches.await.unwrap();
    assert_eq!(search(&index, vec![collection], "lighthouse").await.n_chunks, 19);
}

/// A text that has the words that are asked for more or less often, or not at all, among more or fewer others.
fn manual(n: usize) -> String {
    let [pumps, valves, others] = [n * 7 % 5, n * 11 % 3, n * 31 % 97];
    let words = [vec!["pump"; pumps], vec!["valve"; valves], vec!["spring"; others]];
    words.concat().join(" ")
}

/// An index of a few thousand texts in several segments, some of them deleted and some replaced, in one collection.
async fn manuals() -> (LocalIndex, CollectionId, Vec<IndexEntry>) {
    let (index, collection) = (LocalIndex::open(None).unwrap(), CollectionId::new());
    let mut entries: Vec<_> = (0..4_700).map(|n| entry(collection, &manual(n))).collect();
    for (seq, batch) in (1..).zip(entries.chunks(235)) {
        add(&index, batch.to_vec(), seq).await;
    }
    let gone: Vec<VersionId> = entries.iter().step_by(7).map(|entry| entry.version).collect();
    let batch = IndexBatch { deletes: gone.clone(), upserts: vec![], checkpoint: at(21) };
    index.apply(&Context::local(), batch).await.unwrap();
    entries.retain(|entry| !gone.contains(&entry.version));
    for (n, changed) in entries.iter_mut().enumerate().step_by(11) {
        changed.content = IndexContent::Terms(analyse(&[&manual(n + 3)], None));
    }
    add(&index, entries.iter().step_by(11).cloned().collect(), 22).await;
    (index, collection, entries)
}

#[tokio::test]
async fn a_search_is_exact_with_any_filter_and_after_any_change() {
    let (index, collection, entries) = manuals().await;
    let question = query(vec![collection], "pump valve");
    let all = find(&index, IndexQuery { limit: entries.len(), ..question.clone() }).await.hits;
    assert!(all.len() > 3_000 && all.len() < entries.len(), "all that has one of the words");

    let document_of = |hit: &Hit| {
        entries.iter().find(|entry| entry.chunk == hit.chunk).map(|entry| entry.document).unwrap()
    };
    let best_first: Vec<DocumentId> = all.iter().map(document_of).collect();
    for per_thousand in [0, 1, 10, 100, 500] {
        let n_allowed = entries.len() * per_thousand / 1_000;
        // Those that a search without a filter finds last, and as many from anywhere, in it or not.
        let worst: HashSet<_> = best_first.iter().rev().take(n_allowed).copied().collect();
        let spread = (0..n_allowed).map(|n| entries[n * 1_237 % entries.len()].document).collect();
        for allowed in [worst, spread] {
            assert_eq!(allowed.len(), n_allowed);
            let ranked = all.iter().zip(&best_first);
            let expected = ranked.filter(|(_, document)| allowed.contains(document));
            let expected: Vec<Hit> = expected.map(|(hit, _)| *hit).collect();
            let filtered = IndexQuery { documents: Some(Arc::new(allowed)), ..question.clone() };
            for limit in [10, entries.len()] {
                let found = find(&index, IndexQuery { limit, ..filtered.clone() }).await;
                let n_expected = limit.min(expected.len());
                assert_eq!(found.hits, expected[..n_expected], "at {per_thousand} in a thousand");
                assert_eq!(found.n_chunks, entries.len() as u64);
            }
        }
    }
}
