//! The index that finds chunks by their vectors: the contract, exactness, and what happens to it on a disk.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chatbot_core::indexes::DenseIndex;
use chatbot_core::testing::conformance::index as suite;
use chatbot_core::traits::{
    Find, Index, IndexBatch, IndexContent, IndexEntry, IndexQuery, IndexReply,
};
use chatbot_core::types::{Checkpoint, ChunkId, CollectionId, DocumentId, Lineage, VersionId};
use chatbot_core::{Context, ErrorKind};

const SPACE: &str = "words/1";

fn open(folder: Option<&Path>) -> DenseIndex {
    DenseIndex::open(folder, SPACE, suite::DIMENSIONS).unwrap()
}

#[tokio::test]
async fn in_memory_it_keeps_the_contract() {
    suite::run(&|| Arc::new(open(None))).await;
}

#[tokio::test]
async fn in_a_folder_it_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let n = std::cell::Cell::new(0);
    let fresh = || -> Arc<dyn Index> {
        n.set(n.get() + 1);
        Arc::new(open(Some(&folder.path().join(n.get().to_string()))))
    };
    suite::run(&fresh).await;
    let place = folder.path().join("durable");
    suite::run_durable(&|| Arc::new(open(Some(&place)))).await;
}

/// Numbers that look random and are always the same.
struct Numbers(u64);

impl Numbers {
    /// About evenly within -1..1.
    fn next(&mut self) -> f32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn vector(&mut self) -> Vec<f32> {
        let vector: Vec<f32> = (0..suite::DIMENSIONS).map(|_| self.next()).collect();
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter().map(|x| x / length).collect()
    }
}

fn entry(collection: CollectionId, vector: Vec<f32>) -> IndexEntry {
    IndexEntry {
        chunk: ChunkId::new(),
        version: VersionId::new(),
        document: DocumentId::new(),
        collection,
        content: IndexContent::Vector(vector),
    }
}

fn vector_of(entry: &IndexEntry) -> &[f32] {
    match &entry.content {
        IndexContent::Vector(vector) => vector,
        IndexContent::Terms(_) => &[],
    }
}

fn at(seq: u64) -> Option<Checkpoint> {
    Some(Checkpoint { lineage: Lineage(uuid::Uuid::nil()), seq })
}

async fn apply(index: &DenseIndex, deletes: Vec<VersionId>, upserts: Vec<IndexEntry>, seq: u64) {
    let batch = IndexBatch { deletes, upserts, checkpoint: at(seq) };
    index.apply(&Context::local(), batch).await.unwrap();
}

async fn checkpoint(index: &DenseIndex) -> Option<Checkpoint> {
    index.checkpoint(&Context::local()).await.unwrap()
}

async fn search(index: &DenseIndex, query: IndexQuery) -> IndexReply {
    index.search(&Context::local(), &query).await.unwrap()
}

fn query(collection: CollectionId, vector: Vec<f32>, limit: usize) -> IndexQuery {
    let read_set = suite::read_set([collection]);
    IndexQuery { read_set, documents: None, find: Find::Vector(vector), limit }
}

/// The best by the exact cosine among those that `wanted` admits.
fn best(
    entries: &[IndexEntry],
    vector: &[f32],
    n: usize,
    wanted: impl Fn(&IndexEntry) -> bool,
) -> HashSet<ChunkId> {
    let cosine = |entry: &&IndexEntry| -> f32 {
        vector_of(entry).iter().zip(vector).map(|(a, b)| a * b).sum()
    };
    let mut wanted: Vec<_> = entries.iter().filter(|entry| wanted(entry)).collect();
    wanted.sort_by(|a, b| cosine(b).total_cmp(&cosine(a)));
    wanted.iter().take(n).map(|entry| entry.chunk).collect()
}

#[tokio::test]
async fn a_search_is_exact_with_any_filter_and_after_any_change() {
    let (index, collection, other) = (open(None), CollectionId::new(), CollectionId::new());
    let mut numbers = Numbers(1);
    let mut entries: Vec<IndexEntry> = Vec::new();
    for seq in 1..=20 {
        let batch: Vec<_> = (0..200)
            .map(|n| entry(if n % 4 == 0 { other } else { collection }, numbers.vector()))
            .collect();
        entries.extend(batch.iter().cloned());
        apply(&index, vec![], batch, seq).await;
    }
    let gone: Vec<VersionId> = entries.iter().step_by(7).map(|entry| entry.version).collect();
    apply(&index, gone.clone(), vec![], 21).await;
    entries.retain(|entry| !gone.contains(&entry.version));
    for changed in entries.iter_mut().step_by(11) {
        changed.content = IndexContent::Vector(numbers.vector());
    }
    apply(&index, vec![], entries.iter().step_by(11).cloned().collect(), 22).await;

    for per_thousand in [1_usize, 10, 100, 500, 1_000] {
        let step = 1_000 / per_thousand;
        let documents: HashSet<DocumentId> =
            entries.iter().step_by(step).map(|entry| entry.document).collect();
        let vector = numbers.vector();
        let documents = (per_thousand < 1_000).then(|| Arc::new(documents));
        let admits = |entry: &IndexEntry| {
            entry.collection == collection
                && documents.as_deref().is_none_or(|wanted| wanted.contains(&entry.document))
        };
        let expected = best(&entries, &vector, 10, admits);
        let query = IndexQuery { documents: documents.clone(), ..query(collection, vector, 10) };
        let reply = search(&index, query).await;
        let found: HashSet<ChunkId> = reply.hits.iter().map(|hit| hit.chunk).collect();
        assert_eq!(found, expected, "at {per_thousand} in a thousand");
        assert!(
            reply.hits.iter().all(|hit| {
                entries.iter().any(|entry| entry.chunk == hit.chunk && admits(entry))
            })
        );
        assert_eq!(reply.n_chunks, entries.len() as u64);
    }
}

#[tokio::test]
async fn a_score_is_the_cosine_to_five_digits_whoever_asks_for_it() {
    let (index, collection, mut numbers) = (open(None), CollectionId::new(), Numbers(2));
    let entries: Vec<_> = (0..300).map(|_| entry(collection, numbers.vector())).collect();
    apply(&index, vec![], entries.clone(), 1).await;
    let vector = numbers.vector();
    let chunks: Vec<ChunkId> = entries.iter().map(|entry| entry.chunk).collect();
    let (ctx, read_set) = (Context::local(), suite::read_set([collection]));
    let asked = index.similarities(&ctx, &read_set, &vector, &chunks).await.unwrap();
    let hits = search(&index, query(collection, vector.clone(), 300)).await.hits;
    assert_eq!(hits.len(), 300);
    for hit in hits {
        let place = chunks.iter().position(|chunk| *chunk == hit.chunk).unwrap();
        let own = vector_of(&entries[place]);
        let cosine: f32 = own.iter().zip(&vector).map(|(a, b)| a * b).sum();
        assert!((hit.score - cosine).abs() < 1e-5, "{} and {cosine}", hit.score);
        assert_eq!(asked[place], Some(hit.score));
    }
}

#[tokio::test]
async fn only_chunks_that_are_there_and_may_be_read_are_like_anything() {
    let (index, collection, other) = (open(None), CollectionId::new(), CollectionId::new());
    let entry = |collection| entry(collection, suite::vector("a lighthouse"));
    let (mine, gone, foreign, unknown) =
        (entry(collection), entry(collection), entry(other), entry(collection));
    // In two segments, so that each chunk is looked for in both.
    apply(&index, vec![], vec![mine.clone(), gone.clone()], 1).await;
    apply(&index, vec![], vec![foreign.clone(), entry(collection)], 2).await;
    apply(&index, vec![gone.version], vec![], 3).await;
    let chunks = [&foreign, &mine, &gone, &unknown].map(|entry| entry.chunk);
    let (ctx, read_set) = (Context::local(), suite::read_set([collection]));
    let vector = suite::vector("lighthouse");
    let found = index.similarities(&ctx, &read_set, &vector, &chunks).await.unwrap();
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false, false]);
    let short = index.similarities(&ctx, &read_set, &[1.0], &chunks).await;
    assert_eq!(short.map_err(|error| error.kind()), Err(ErrorKind::DimensionMismatch));
}

#[tokio::test]
async fn vectors_of_another_length_are_refused() {
    let (index, collection) = (open(None), CollectionId::new());
    let batch = IndexBatch { upserts: vec![entry(collection, vec![1.0])], ..IndexBatch::default() };
    let applied = index.apply(&Context::local(), batch).await;
    assert_eq!(applied.map_err(|error| error.kind()), Err(ErrorKind::DimensionMismatch));
    let searched = index.search(&Context::local(), &query(collection, vec![1.0], 1)).await;
    let kind = searched.map(drop).map_err(|error| error.kind());
    assert_eq!(kind, Err(ErrorKind::DimensionMismatch));
}

#[tokio::test]
async fn more_than_is_held_in_memory_waits_on_the_disk_and_small_segments_are_merged() {
    let (folder, collection) = (tempfile::tempdir().unwrap(), CollectionId::new());
    let dimensions = 4_096;
    let open = || DenseIndex::open(Some(folder.path()), SPACE, dimensions).unwrap();
    let index = open();
    let mut vector = vec![0.0; dimensions];
    vector[0] = 1.0;
    for _ in 0..3 {
        let upserts = (0..1_200).map(|_| entry(collection, vector.clone())).collect();
        let batch = IndexBatch { upserts, ..IndexBatch::default() };
        index.apply(&Context::local(), batch).await.unwrap();
    }
    assert!(!files(folder.path()).is_empty(), "written before there is a checkpoint");
    let found = search(&index, query(collection, vector.clone(), 9)).await;
    assert_eq!((found.hits.len(), found.n_chunks), (0, 0), "and seen by nobody");
    apply(&index, vec![], vec![], 1).await;
    assert_eq!(search(&index, query(collection, vector.clone(), 9)).await.n_chunks, 3_600);
    for seq in 2..30 {
        apply(&index, vec![], vec![entry(collection, vector.clone())], seq).await;
    }
    assert!(files(folder.path()).len() < 10, "{:?}", files(folder.path()));
    drop(index);
    let index = open();
    assert_eq!(search(&index, query(collection, vector, 9)).await.n_chunks, 3_628);
}

/// A folder with an index in several segments, one with a row that is gone.
async fn filled() -> (tempfile::TempDir, CollectionId) {
    let (folder, collection) = (tempfile::tempdir().unwrap(), CollectionId::new());
    let index = open(Some(folder.path()));
    let first: Vec<_> = (0..50).map(|_| entry(collection, suite::vector("a lighthouse"))).collect();
    apply(&index, vec![], first.clone(), 1).await;
    let more = (0..50).map(|_| entry(collection, suite::vector("a harbour"))).collect();
    apply(&index, vec![first[3].version], more, 2).await;
    (folder, collection)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("dense")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "seg")).collect()
}

/// Opens what is left of an index; it is empty and nowhere, and works.
async fn starts_over(folder: &Path, collection: CollectionId) {
    let index = open(Some(folder));
    assert_eq!(checkpoint(&index).await, None);
    let lighthouse = || query(collection, suite::vector("lighthouse"), 10);
    assert_eq!(search(&index, lighthouse()).await, IndexReply::default());
    apply(&index, vec![], vec![entry(collection, suite::vector("a lighthouse"))], 9).await;
    drop(index);
    let index = open(Some(folder));
    assert_eq!(checkpoint(&index).await, at(9));
    assert_eq!(search(&index, lighthouse()).await.hits.len(), 1);
}

#[tokio::test]
async fn an_index_that_was_not_touched_comes_back() {
    let (folder, collection) = filled().await;
    let index = open(Some(folder.path()));
    assert_eq!(checkpoint(&index).await, at(2));
    let found = search(&index, query(collection, suite::vector("lighthouse"), 100)).await;
    assert_eq!(found.n_chunks, 99, "what is gone stays gone");
    assert_eq!(found.hits.iter().filter(|hit| hit.score > 0.1).count(), 49);
}

#[tokio::test]
async fn a_flipped_bit_a_cut_and_a_missing_file_are_noticed() {
    for damage in 0..6 {
        let (folder, collection) = filled().await;
        let segment = files(folder.path()).pop().unwrap();
        let manifest = folder.path().join("dense/manifest.json");
        let flip = |path: &Path, at: usize| {
            let mut bytes = fs::read(path).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 0x10;
            fs::write(path, bytes).unwrap();
        };
        match damage {
            0 => flip(&segment, 100),
            1 => flip(&segment, 4_500),
            2 => fs::write(&segment, &fs::read(&segment).unwrap()[..200]).unwrap(),
            3 => fs::remove_file(&segment).unwrap(),
            4 => flip(&manifest, 60),
            _ => fs::write(&manifest, "{}").unwrap(),
        }
        starts_over(folder.path(), collection).await;
    }
}

#[tokio::test]
async fn vectors_of_another_space_are_thrown_away_and_nothing_else() {
    let (folder, collection) = filled().await;
    fs::write(folder.path().join("beside"), "stays").unwrap();
    let other = DenseIndex::open(Some(folder.path()), "words/2", suite::DIMENSIONS).unwrap();
    assert_eq!(checkpoint(&other).await, None);
    drop(other);
    let (again, _) = filled().await;
    let other = DenseIndex::open(Some(again.path()), SPACE, suite::DIMENSIONS + 1).unwrap();
    assert_eq!(checkpoint(&other).await, None);
    starts_over(folder.path(), collection).await;
    assert!(folder.path().join("beside").exists(), "only the index's own folder is emptied");
}

#[tokio::test]
async fn what_a_crash_left_behind_is_removed() {
    let (folder, _) = filled().await;
    let stray = folder.path().join("dense/00000000000000ff.seg");
    fs::write(&stray, "half a segment").unwrap();
    fs::write(folder.path().join("dense/manifest.new"), "half a manifest").unwrap();
    let index = open(Some(folder.path()));
    assert_eq!(checkpoint(&index).await, at(2));
    assert!(!stray.exists() && !folder.path().join("dense/manifest.new").exists());
}
