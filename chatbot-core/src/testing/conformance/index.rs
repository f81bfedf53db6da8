//! What every [`Index`] must do, whether it finds chunks by their terms or by their vectors.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::context::{Context, ReadSet};
use crate::error::ErrorKind;
use crate::text::{analyse, query_terms};
use crate::traits::{Find, Index, IndexBatch, IndexContent, IndexEntry, IndexQuery, IndexReply};
use crate::types::{Checkpoint, ChunkId, CollectionId, DocumentId, Lineage, VersionId};

/// A read-set of these collections, which outside of tests only the engine can make.
#[must_use]
pub fn read_set(collections: impl IntoIterator<Item = CollectionId>) -> ReadSet {
    ReadSet::new(collections.into_iter().collect(), 0)
}

/// Runs the suite. Every call of `fresh` opens an empty index.
///
/// # Panics
/// Where the index breaks the contract.
pub async fn run(fresh: &dyn Fn() -> Arc<dyn Index>) {
    nothing_is_found_where_nothing_is_asked(&*fresh()).await;
    the_read_set_is_applied_before_the_best_are_chosen(&*fresh()).await;
    the_documents_are_applied_before_the_best_are_chosen(&*fresh()).await;
    if fresh().capabilities().lexical {
        forms_and_stems_are_found_and_counted(&*fresh()).await;
    }
    what_it_has_no_capability_for_is_refused(&*fresh()).await;
    equal_scores_come_in_the_order_of_ids(&*fresh()).await;
    a_deleted_version_is_gone_and_a_chunk_with_the_same_id_is_replaced(&*fresh()).await;
    applying_again_changes_nothing(&*fresh()).await;
    a_change_in_several_batches_is_complete_with_its_checkpoint(&*fresh()).await;
    scrubbing_changes_no_answer(&*fresh()).await;
    clearing_forgets_everything(&*fresh()).await;
    a_cancelled_context_is_refused(&*fresh()).await;
}

/// Runs the part of the suite about what outlives a process. Every call of `open` opens the same place, which is
/// empty at first.
///
/// # Panics
/// Where the index breaks the contract.
pub async fn run_durable(open: &dyn Fn() -> Arc<dyn Index>) {
    let index = open();
    let (place, lineage) = (Place::new(&*index), Lineage(Uuid::now_v7()));
    let at = |seq| Some(Checkpoint { lineage, seq });
    assert_eq!(checkpoint(&*index).await, None, "a new index is nowhere");
    let first = place.entry("a lighthouse");
    apply(&*index, vec![], vec![first.clone()], at(7)).await;
    drop(index);

    let index = open();
    assert_eq!(checkpoint(&*index).await, at(7), "the checkpoint outlives the process");
    assert_eq!(place.chunks(&*index, "lighthouse").await, [first.chunk]);
    apply(&*index, vec![first.version], vec![place.entry("a harbour")], None).await;
    drop(index);

    let index = open();
    assert_eq!(checkpoint(&*index).await, at(7), "no checkpoint, no progress");
    apply(&*index, vec![first.version], vec![], at(8)).await;
    drop(index);
    let index = open();
    assert_eq!(checkpoint(&*index).await, at(8));
    assert!(place.chunks(&*index, "lighthouse").await.is_empty(), "deletes outlive the process");
    drop(index);

    let index = open();
    index.clear(&Context::local()).await.expect("clear");
    drop(index);
    assert_eq!(checkpoint(&*open()).await, None, "a cleared index is nowhere");
}

/// A collection of one test.
struct Place {
    collection: CollectionId,
    /// Whether the index finds chunks by their vectors.
    dense: bool,
}

/// Components of the suite's vectors: an index that finds chunks by vectors is opened with as many.
pub const DIMENSIONS: usize = 61;

/// A vector of unit length with a direction for each word, so that texts without a word in common stand at right
/// angles.
#[must_use]
pub fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    for word in text.split_whitespace() {
        let place = word.bytes().fold(0, |sum, byte| (sum * 31 + usize::from(byte)) % DIMENSIONS);
        vector.iter_mut().skip(place).take(1).for_each(|component| *component += 1.0);
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    vector.iter().map(|component| component / length).collect()
}

impl Place {
    fn new(index: &dyn Index) -> Self {
        Self { collection: CollectionId::new(), dense: index.capabilities().dense }
    }

    fn content(&self, text: &str) -> IndexContent {
        if self.dense {
            IndexContent::Vector(vector(text))
        } else {
            IndexContent::Terms(analyse(&[text], None))
        }
    }

    fn find(&self, question: &str) -> Find {
        if self.dense { Find::Vector(vector(question)) } else { Find::Terms(query_terms(question)) }
    }

    fn entry(&self, text: &str) -> IndexEntry {
        IndexEntry {
            chunk: ChunkId::new(),
            version: VersionId::new(),
            document: DocumentId::new(),
            collection: self.collection,
            content: self.content(text),
        }
    }

    fn query(&self, question: &str, limit: usize) -> IndexQuery {
        IndexQuery {
            read_set: read_set([self.collection]),
            documents: None,
            find: self.find(question),
            limit,
        }
    }

    async fn chunks(&self, index: &dyn Index, question: &str) -> Vec<ChunkId> {
        chunks(&search(index, &self.query(question, 100)).await)
    }
}

async fn apply(
    index: &dyn Index,
    deletes: Vec<VersionId>,
    upserts: Vec<IndexEntry>,
    checkpoint: Option<Checkpoint>,
) {
    let batch = IndexBatch { deletes, upserts, checkpoint };
    index.apply(&Context::local(), batch).await.expect("apply");
}

async fn add(index: &dyn Index, upserts: Vec<IndexEntry>) {
    let checkpoint = Checkpoint { lineage: Lineage(Uuid::now_v7()), seq: 1 };
    apply(index, vec![], upserts, Some(checkpoint)).await;
}

async fn checkpoint(index: &dyn Index) -> Option<Checkpoint> {
    index.checkpoint(&Context::local()).await.expect("checkpoint")
}

async fn search(index: &dyn Index, query: &IndexQuery) -> IndexReply {
    index.search(&Context::local(), query).await.expect("search")
}

/// The chunks that have something to do with the question: by vectors, everything is found.
fn chunks(reply: &IndexReply) -> Vec<ChunkId> {
    reply.hits.iter().filter(|hit| hit.score > 0.0).map(|hit| hit.chunk).collect()
}

async fn nothing_is_found_where_nothing_is_asked(index: &dyn Index) {
    let place = Place::new(index);
    assert_eq!(search(index, &place.query("lighthouse", 10)).await.hits, []);
    add(index, vec![place.entry("a lighthouse")]).await;
    assert!(chunks(&search(index, &place.query("", 10)).await).is_empty(), "no terms");
    assert_eq!(search(index, &place.query("lighthouse", 0)).await.hits, [], "no limit to fill");
    let foreign = search(index, &place.query("zeppelin", 10)).await;
    assert!(chunks(&foreign).is_empty(), "nothing like it");
    let nowhere = IndexQuery { read_set: read_set([]), ..place.query("lighthouse", 10) };
    assert_eq!(search(index, &nowhere).await.hits, [], "the empty read-set reads nothing");
    assert_eq!(place.chunks(index, "lighthouse").await.len(), 1);
}

async fn the_read_set_is_applied_before_the_best_are_chosen(index: &dyn Index) {
    let (mine, theirs) = (Place::new(index), Place::new(index));
    let better = (0..60).map(|_| theirs.entry("lighthouse lighthouse"));
    let worse = (0..5).map(|_| mine.entry("a lighthouse among many other words of no interest"));
    add(index, better.chain(worse).collect()).await;
    let reply = search(index, &mine.query("lighthouse", 5)).await;
    let all = search(index, &IndexQuery { limit: 1_000, ..mine.query("lighthouse", 5) }).await;
    assert_eq!(reply.hits.len(), 5, "what may not be read takes no place");
    assert_eq!(chunks(&reply), chunks(&all), "nothing else comes with a greater limit");
    let both = read_set([mine.collection, theirs.collection]);
    let both = IndexQuery { read_set: both, ..mine.query("lighthouse", 1_000) };
    assert_eq!(search(index, &both).await.hits.len(), 65);
}

async fn the_documents_are_applied_before_the_best_are_chosen(index: &dyn Index) {
    let place = Place::new(index);
    let wanted = place.entry("a lighthouse among many other words of no interest");
    let mut entries = vec![wanted.clone()];
    entries.extend((0..60).map(|_| place.entry("lighthouse lighthouse")));
    add(index, entries).await;
    let documents = Some(Arc::new(HashSet::from([wanted.document, DocumentId::new()])));
    let reply = search(index, &IndexQuery { documents, ..place.query("lighthouse", 1) }).await;
    assert_eq!(chunks(&reply), [wanted.chunk]);
    let none = IndexQuery { documents: Some(Arc::default()), ..place.query("lighthouse", 1) };
    assert_eq!(search(index, &none).await.hits, [], "no documents, no hits");
}

async fn forms_and_stems_are_found_and_counted(index: &dyn Index) {
    let place = Place::new(index);
    let texts = ["two lighthouses", "a lighthouse", "a harbour", "lighthouses of harbours"];
    let entries: Vec<_> = texts.map(|text| place.entry(text)).into();
    let [two, one, ..] = [0, 1, 2, 3].map(|n: usize| entries.get(n).map(|entry| entry.chunk));
    add(index, entries).await;
    let reply = search(index, &place.query("lighthouses harbour zeppelin", 10)).await;
    assert_eq!(reply.document_frequencies, [3, 2, 0], "chunks with the form or a stem, once each");
    assert_eq!(reply.n_chunks, 4);
    assert_eq!(reply.hits.len(), 4);
    let scores: Vec<f32> = reply.hits.iter().map(|hit| hit.score).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "best first");
    let found = place.chunks(index, "lighthouses").await;
    assert_eq!(found.first().copied(), two, "the form that was asked for comes first");
    assert!(found.contains(&one.expect("an entry")), "its relatives come too");
}

async fn equal_scores_come_in_the_order_of_ids(index: &dyn Index) {
    let place = Place::new(index);
    let mut entries: Vec<_> = (0..40).map(|_| place.entry("a lighthouse")).collect();
    let ids: Vec<ChunkId> = entries.iter().map(|entry| entry.chunk).collect();
    let late = entries.split_off(20);
    entries.reverse();
    add(index, late).await;
    add(index, entries).await;
    assert_eq!(place.chunks(index, "lighthouse").await, ids);
    let reply = search(index, &place.query("lighthouse", 25)).await;
    assert_eq!(chunks(&reply).as_slice(), ids.get(..25).expect("40 ids"), "also at the limit");
}

async fn scrubbing_changes_no_answer(index: &dyn Index) {
    let place = Place::new(index);
    let (kept, gone) = (place.entry("a lighthouse"), place.entry("a lighthouse"));
    add(index, vec![kept.clone(), gone.clone()]).await;
    let checkpoint = Checkpoint { lineage: Lineage(Uuid::now_v7()), seq: 2 };
    apply(index, vec![gone.version], vec![], Some(checkpoint)).await;
    for _ in 0..2 {
        assert!(index.scrub(&Context::local()).await.expect("scrub"), "nothing is half done");
        assert_eq!(place.chunks(index, "lighthouse").await, [kept.chunk]);
        assert_eq!(self::checkpoint(index).await, Some(checkpoint));
    }
    apply(index, vec![kept.version], vec![], Some(Checkpoint { seq: 3, ..checkpoint })).await;
    assert!(index.scrub(&Context::local()).await.expect("scrub"));
    assert!(place.chunks(index, "lighthouse").await.is_empty());
    let again = place.entry("a lighthouse");
    apply(index, vec![], vec![again.clone()], Some(Checkpoint { seq: 4, ..checkpoint })).await;
    assert_eq!(place.chunks(index, "lighthouse").await, [again.chunk], "and all goes on");
}

async fn a_deleted_version_is_gone_and_a_chunk_with_the_same_id_is_replaced(index: &dyn Index) {
    let place = Place::new(index);
    let (kept, mut changed) = (place.entry("a lighthouse"), place.entry("a lighthouse"));
    let gone = place.entry("a lighthouse");
    let mut sibling = place.entry("another lighthouse");
    sibling.version = gone.version;
    add(index, vec![kept.clone(), changed.clone(), gone.clone(), sibling]).await;
    changed.content = place.content("a harbour");
    let checkpoint = Checkpoint { lineage: Lineage(Uuid::now_v7()), seq: 2 };
    apply(index, vec![gone.version], vec![changed.clone()], Some(checkpoint)).await;
    assert_eq!(place.chunks(index, "lighthouse").await, [kept.chunk]);
    assert_eq!(place.chunks(index, "harbour").await, [changed.chunk]);
    let reply = search(index, &place.query("lighthouse", 9)).await;
    assert_eq!(reply.n_chunks, 2, "counts forget it too");
    let frequencies = if place.dense { vec![] } else { vec![1] };
    assert_eq!(reply.document_frequencies, frequencies, "counts forget it too");
}

async fn applying_again_changes_nothing(index: &dyn Index) {
    let place = Place::new(index);
    let (old, new) = (place.entry("a lighthouse"), place.entry("a lighthouse"));
    add(index, vec![old.clone()]).await;
    let checkpoint = Some(Checkpoint { lineage: Lineage(Uuid::now_v7()), seq: 2 });
    for _ in 0..3 {
        let deletes = vec![old.version, new.version];
        apply(index, deletes, vec![new.clone()], checkpoint).await;
        let reply = search(index, &place.query("lighthouse", 9)).await;
        assert_eq!((chunks(&reply), reply.n_chunks), (vec![new.chunk], 1));
    }
}

async fn what_it_has_no_capability_for_is_refused(index: &dyn Index) {
    let place = Place::new(index);
    let other = Place { dense: !place.dense, ..Place::new(index) };
    let searched = index.search(&Context::local(), &other.query("lighthouse", 1)).await;
    assert_eq!(searched.map_err(|error| error.kind()), Err(ErrorKind::Unsupported));
    if !place.dense {
        let similar = index.similarities(&Context::local(), &read_set([]), &[1.0], &[]).await;
        assert_eq!(similar.map_err(|error| error.kind()), Err(ErrorKind::Unsupported));
    }
    let batch = IndexBatch { upserts: vec![other.entry("a lighthouse")], ..IndexBatch::default() };
    let applied = index.apply(&Context::local(), batch).await;
    assert_eq!(applied.map_err(|error| error.kind()), Err(ErrorKind::Unsupported));
    add(index, vec![place.entry("a lighthouse")]).await;
    assert_eq!(place.chunks(index, "lighthouse").await.len(), 1, "it goes on");
}

async fn a_change_in_several_batches_is_complete_with_its_checkpoint(index: &dyn Index) {
    let place = Place::new(index);
    let [first, second] = [0, 1].map(|_| place.entry("a lighthouse"));
    apply(index, vec![], vec![first.clone()], None).await;
    apply(index, vec![], vec![second.clone()], None).await;
    assert_eq!(checkpoint(index).await, None, "not without a checkpoint");
    let at = Checkpoint { lineage: Lineage(Uuid::now_v7()), seq: 9 };
    apply(index, vec![], vec![], Some(at)).await;
    assert_eq!(checkpoint(index).await, Some(at));
    assert_eq!(place.chunks(index, "lighthouse").await, [first.chunk, second.chunk]);
    let later = Checkpoint { seq: 10, ..at };
    apply(index, vec![], vec![], Some(later)).await;
    assert_eq!(checkpoint(index).await, Some(later), "nothing to do is progress as well");
}

async fn clearing_forgets_everything(index: &dyn Index) {
    let place = Place::new(index);
    add(index, vec![place.entry("a lighthouse")]).await;
    apply(index, vec![], vec![place.entry("a lighthouse")], None).await;
    index.clear(&Context::local()).await.expect("clear");
    assert_eq!(checkpoint(index).await, None);
    assert!(place.chunks(index, "lighthouse").await.is_empty());
    let entry = place.entry("a lighthouse");
    add(index, vec![entry.clone()]).await;
    assert_eq!(place.chunks(index, "lighthouse").await, [entry.chunk], "it can be filled again");
}

async fn a_cancelled_context_is_refused(index: &dyn Index) {
    let ctx = Context::local();
    ctx.cancel();
    let place = Place::new(index);
    let searched = index.search(&ctx, &place.query("lighthouse", 1)).await;
    assert_eq!(searched.map_err(|error| error.kind()), Err(ErrorKind::Cancelled));
    let batch = IndexBatch { upserts: vec![place.entry("a lighthouse")], ..IndexBatch::default() };
    let applied = index.apply(&ctx, batch).await;
    assert_eq!(applied.map_err(|error| error.kind()), Err(ErrorKind::Cancelled));
}
