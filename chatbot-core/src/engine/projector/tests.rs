//! However changes, failures, restarts and swapped files interleave, an index ends up as what the store says.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::error::ErrorKind;
use crate::indexes::{DenseIndex, LocalIndex};
use crate::stores::SqliteStore;
use crate::testing::FixedClock;
use crate::testing::conformance::index::{DIMENSIONS, read_set, vector};
use crate::text::query_terms;
use crate::traits::{
    AcceptDocument, AcceptVersion, ChangeFeed as _, CollectionStore as _, DocumentStore as _,
    EmbedderInfo, EmbeddingStore as _, Find, IndexCapabilities, IndexContent, IndexEntry,
    IndexQuery, IndexReply, JobStore as _, NewEmbeddings, PublishVersion, Store as _,
};
use crate::types::{
    BlobHash, ChunkHash, ChunkId, ChunkSpec, CollectionId, DocumentId, EmbeddingOutcome,
    JobOutcome, MediaType, Metadata, NewCollection, Span, StagedChunk, Visibility,
};

const TTL: Duration = Duration::from_secs(60);
const NAMES: [&str; 2] = ["lexical", "dense"];

/// An index that dies at its n-th call: before it did it, or after it and before anybody heard.
#[derive(Debug)]
struct Mortal {
    inner: Box<dyn Index>,
    /// Changes that it still makes; dead below zero.
    n_left: AtomicI64,
    dies_after: bool,
}

impl Mortal {
    async fn change(&self, change: impl Future<Output = Result<()>>) -> Result<()> {
        let n_left = self.n_left.fetch_sub(1, Ordering::SeqCst);
        if n_left > 0 || (n_left == 0 && self.dies_after) {
            change.await?;
        }
        if n_left > 0 { Ok(()) } else { Err(Error::new(ErrorKind::Storage, "It died.")) }
    }
}

#[async_trait]
impl Index for Mortal {
    fn capabilities(&self) -> IndexCapabilities {
        self.inner.capabilities()
    }

    async fn checkpoint(&self, ctx: &Context) -> Result<Option<Checkpoint>> {
        self.inner.checkpoint(ctx).await
    }

    async fn apply(&self, ctx: &Context, batch: IndexBatch) -> Result<()> {
        self.change(self.inner.apply(ctx, batch)).await
    }

    async fn clear(&self, ctx: &Context) -> Result<()> {
        self.change(self.inner.clear(ctx)).await
    }

    async fn search(&self, ctx: &Context, query: &IndexQuery) -> Result<IndexReply> {
        self.inner.search(ctx, query).await
    }
}

/// One thing that happens. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Happening {
    Add {
        collection: usize,
        n_chunks: usize,
    },
    Replace {
        document: usize,
        n_chunks: usize,
    },
    Delete {
        document: usize,
    },
    DeleteCollection {
        collection: usize,
    },
    Sweep,
    Embed {
        n_chunks: u32,
    },
    /// The projector works, and dies after so many changes to the index.
    Follow {
        index: usize,
        n_changes: i64,
        dies_after: bool,
    },
    /// The process starts again.
    Reopen {
        index: usize,
    },
    /// The index's folder is lost.
    Lose {
        index: usize,
    },
    /// A copy of the index's folder is put away.
    Copy {
        index: usize,
    },
    /// The copy takes the place of the folder.
    SwapIn {
        index: usize,
    },
    /// The store forgets how far the index is, so that the feed is cut off behind it.
    Forget {
        index: usize,
    },
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening as H;
    let index = 0..2_usize;
    prop_oneof![
        4 => (0..3_usize, 0..4_usize).prop_map(|(collection, n_chunks)| H::Add { collection, n_chunks }),
        3 => (0..9_usize, 0..4_usize).prop_map(|(document, n_chunks)| H::Replace { document, n_chunks }),
        2 => (0..9_usize).prop_map(|document| H::Delete { document }),
        1 => (1..3_usize).prop_map(|collection| H::DeleteCollection { collection }),
        1 => Just(H::Sweep),
        4 => (1..6_u32).prop_map(|n_chunks| H::Embed { n_chunks }),
        6 => (index.clone(), 0..5_i64, any::<bool>())
            .prop_map(|(index, n_changes, dies_after)| H::Follow { index, n_changes, dies_after }),
        1 => index.clone().prop_map(|index| H::Reopen { index }),
        1 => index.clone().prop_map(|index| H::Lose { index }),
        1 => index.clone().prop_map(|index| H::Copy { index }),
        1 => index.clone().prop_map(|index| H::SwapIn { index }),
        1 => index.prop_map(|index| H::Forget { index }),
    ]
}

struct World {
    store: SqliteStore,
    clock: Arc<FixedClock>,
    dir: TempDir,
    indexes: [Option<Box<dyn Index>>; 2],
    collections: Vec<CollectionId>,
    documents: Vec<DocumentId>,
    n_texts: u32,
    /// What the index that followed last said of itself.
    standing: Standing,
}

fn open_index(dir: &Path, n: usize) -> Box<dyn Index> {
    let folder = dir.join(NAMES[n]);
    match n {
        0 => Box::new(LocalIndex::open(Some(&folder)).unwrap()),
        _ => Box::new(DenseIndex::open(Some(&folder), "a", DIMENSIONS).unwrap()),
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::remove_dir_all(to).ok();
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Removes an index's folder, into which a merge that was under way may still write a file.
fn remove_folder(folder: &Path) {
    let mut tries = (0..1000).map(|_| std::fs::remove_dir_all(folder));
    let is_over = |tried: &std::io::Result<()>| match tried {
        Err(error) => error.kind() != std::io::ErrorKind::DirectoryNotEmpty,
        Ok(()) => true,
    };
    tries.find(is_over).unwrap().unwrap();
}

impl World {
    async fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(FixedClock::default()));
        let path = dir.path().join("store.db");
        let store = SqliteStore::open(&path, Arc::clone(&clock) as Arc<dyn crate::traits::Clock>);
        let store = store.await.unwrap();
        let info = EmbedderInfo {
            name: "scripted".to_owned(),
            dimensions: DIMENSIONS,
            max_tokens: None,
            fingerprint: "a".to_owned(),
            languages: None,
        };
        store.use_embedder(&Context::system(), Some(&info)).await.unwrap();
        let indexes = [0, 1].map(|n| Some(open_index(dir.path(), n)));
        let mut collections = vec![store.default_collection(&Context::local()).await.unwrap()];
        for name in ["one", "two"] {
            let new = NewCollection {
                name: name.to_owned(),
                description: String::new(),
                visibility: Visibility::Private,
            };
            collections
                .push(store.create_collection(&Context::local(), new, None).await.unwrap().id);
        }
        Self {
            store,
            clock,
            dir,
            indexes,
            collections,
            documents: Vec::new(),
            n_texts: 0,
            standing: Standing::Unknown,
        }
    }

    async fn happen(&mut self, happening: Happening) {
        let (ctx, system) = (Context::local(), Context::system());
        match happening {
            Happening::Add { collection, n_chunks } => self.add(collection, n_chunks).await,
            Happening::Replace { document, n_chunks } => self.replace(document, n_chunks).await,
            Happening::Delete { document } => {
                let Some(id) = self.pick(document) else { return };
                let read_set = self.store.read_set(&ctx).await.unwrap();
                // It may be gone already.
                self.store.delete_document(&ctx, &read_set, id).await.ok();
            }
            Happening::DeleteCollection { collection } => {
                self.store.delete_collection(&ctx, self.collections[collection]).await.ok();
            }
            Happening::Sweep => while self.store.sweep(&system, 100).await.unwrap().n_rows > 0 {},
            Happening::Embed { n_chunks } => self.embed(n_chunks).await,
            Happening::Follow { index, n_changes, dies_after } => {
                self.follow(index, n_changes, dies_after).await.ok();
            }
            Happening::Reopen { index } => self.reopen(index, |_| ()),
            Happening::Lose { index } => {
                self.reopen(index, remove_folder);
            }
            Happening::Copy { index } => self.reopen(index, |folder| {
                copy_folder(folder, &folder.with_extension("copy"));
            }),
            Happening::SwapIn { index } => self.reopen(index, |folder| {
                if folder.with_extension("copy").exists() {
                    copy_folder(&folder.with_extension("copy"), folder);
                }
            }),
            Happening::Forget { index } => {
                self.store.forget_checkpoints(&system, &[NAMES[1 - index]]).await.unwrap();
            }
        }
    }

    fn pick(&self, n: usize) -> Option<DocumentId> {
        self.documents.get(n % self.documents.len().max(1)).copied()
    }

    fn reopen(&mut self, n: usize, meanwhile: impl FnOnce(&Path)) {
        self.indexes[n] = None;
        meanwhile(&self.dir.path().join(NAMES[n]));
        self.indexes[n] = Some(open_index(self.dir.path(), n));
    }

    async fn add(&mut self, collection: usize, n_chunks: usize) {
        self.n_texts += 1;
        let new = AcceptDocument {
            collection: self.collections[collection],
            title: None,
            source: format!("{}.txt", self.n_texts),
            declared: Some(MediaType::TEXT),
            blob: BlobHash::of(&self.n_texts.to_le_bytes()),
            size_bytes: 4,
            metadata: Metadata::new(),
            idempotency: None,
        };
        let accepted = self.store.accept_document(&Context::local(), new).await;
        let Ok(accepted) = accepted else { return };
        self.documents.push(accepted.document.id);
        self.work(n_chunks).await;
    }

    async fn replace(&mut self, document: usize, n_chunks: usize) {
        let Some(document) = self.pick(document) else { return };
        self.n_texts += 1;
        let new = AcceptVersion {
            document,
            source: None,
            declared: None,
            blob: BlobHash::of(&self.n_texts.to_le_bytes()),
            size_bytes: 4,
        };
        let read_set = self.store.read_set(&Context::local()).await.unwrap();
        if self.store.accept_version(&Context::local(), &read_set, new).await.is_ok() {
            self.work(n_chunks).await;
        }
    }

    async fn work(&self, n_chunks: usize) {
        let system = Context::system();
        let job = self.store.lease_job(&system, TTL).await.unwrap().unwrap();
        let text = "pump\n".repeat(n_chunks);
        self.store.stage_text(&system, &job.lease, 0, text).await.unwrap();
        let chunks = (0..n_chunks).map(|n| StagedChunk {
            id: ChunkId::new(),
            ordinal: u32::try_from(n).unwrap(),
            spec: ChunkSpec {
                span: Span::new(5 * n, 5 * n + 5),
                heading: Some(format!("{} {n}", self.n_texts)),
                page_start: None,
                page_end: None,
                page_starts: Vec::new(),
            },
            language: None,
            hash: ChunkHash::of("", Some(&format!("{} {n}", self.n_texts)), "pump\n"),
        });
        self.store.stage_chunks(&system, &job.lease, chunks.collect()).await.unwrap();
        let publish = PublishVersion {
            version: job.version,
            title: String::new(),
            media_type: MediaType::TEXT,
            language: None,
            chunk_count: u32::try_from(n_chunks).unwrap(),
            page_count: None,
            metadata: Metadata::new(),
            warnings: Vec::new(),
        };
        self.store.publish_version(&system, &job.lease, publish).await.unwrap();
        self.store.finish_job(&system, &job.lease, JobOutcome::Ready).await.unwrap();
    }

    async fn embed(&self, n_chunks: u32) {
        let system = Context::system();
        let Some(job) = self.store.lease_embedding(&system, TTL).await.unwrap() else { return };
        let wanted = self.store.unembedded(&system, &job.lease, n_chunks).await.unwrap();
        let outcome = match wanted.last() {
            None => EmbeddingOutcome::Done,
            Some(last) => {
                let new = NewEmbeddings {
                    next_ordinal: last.ordinal + 1,
                    vectors: wanted.iter().map(|one| (one.hash, vector("pump"))).collect(),
                };
                self.store.store_embeddings(&system, &job.lease, new).await.unwrap();
                EmbeddingOutcome::Later
            }
        };
        self.store.finish_embedding(&system, &job.lease, outcome).await.unwrap();
        self.clock.advance(Duration::from_millis(1));
    }

    async fn follow(&mut self, n: usize, n_changes: i64, dies_after: bool) -> Result<()> {
        let inner = self.indexes[n].take().unwrap();
        let index = Arc::new(Mortal { inner, n_left: AtomicI64::new(n_changes), dies_after });
        let projection = Projection::new(NAMES[n], Arc::clone(&index) as Arc<dyn Index>);
        let embedder = (n == 1).then(|| "a".to_owned());
        let projector = Projector { store: &self.store, projection: &projection, embedder };
        let followed = projector.follow_changes(&Context::system()).await;
        self.standing = *projection.standing.borrow();
        drop(projection);
        self.indexes[n] = Some(Arc::into_inner(index).unwrap().inner);
        followed
    }

    /// What the index finds, and what the store says that it should find.
    async fn found_and_wanted(&self, n: usize) -> (BTreeSet<ChunkId>, BTreeSet<ChunkId>) {
        let system = Context::system();
        let mut wanted = BTreeSet::new();
        for live in self.store.live_versions(&system, None, 1000).await.unwrap() {
            let all = 0..u32::MAX;
            if n == 0 {
                let chunks = self.store.chunks_of(&system, live.version, 0, 1000).await.unwrap();
                wanted.extend(chunks.iter().map(|chunk| chunk.id));
            } else {
                let vectors = self.store.vectors_of(&system, live.version, "a", all, 1000).await;
                wanted.extend(vectors.unwrap().iter().map(|vector| vector.chunk));
            }
        }
        let find = match n {
            0 => Find::Terms(query_terms("pump")),
            _ => Find::Vector(vector("pump")),
        };
        let read_set = read_set(self.collections.clone());
        let query = IndexQuery { read_set, documents: None, find, limit: 10_000 };
        let reply = self.indexes[n].as_ref().unwrap().search(&system, &query).await.unwrap();
        (reply.hits.iter().map(|hit| hit.chunk).collect(), wanted)
    }
}

async fn ends_equal(happenings: Vec<Happening>) {
    let mut world = World::new().await;
    for happening in happenings {
        world.happen(happening).await;
    }
    for (n, name) in NAMES.into_iter().enumerate() {
        // The feed may have been cut off behind it: then the first round clears it and the second one builds it anew.
        for _ in 0..2 {
            world.follow(n, i64::MAX, false).await.unwrap();
        }
        let (found, wanted) = world.found_and_wanted(n).await;
        assert_eq!(found, wanted, "the {name} index");
    }
    world.store.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_index_ends_equal_to_the_store(happenings in prop::collection::vec(happening(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(ends_equal(happenings));
    }
}

/// What an index has that followed another store than this one.
fn foreign(n: usize, collection: CollectionId, checkpoint: Checkpoint) -> IndexBatch {
    let content = match n {
        0 => IndexContent::Terms(crate::text::analyse(&["pump"], None)),
        _ => IndexContent::Vector(vector("pump")),
    };
    let (chunk, version) = (ChunkId::new(), VersionId::new());
    let entry = IndexEntry { chunk, version, document: DocumentId::new(), collection, content };
    IndexBatch { deletes: Vec::new(), upserts: vec![entry], checkpoint: Some(checkpoint) }
}

#[tokio::test]
async fn an_index_of_another_life_or_ahead_of_the_store_is_built_anew() {
    let system = Context::system();
    for is_ahead in [false, true] {
        let mut world = World::new().await;
        world.add(0, 3).await;
        world.embed(2).await;
        let newest = world.store.last_change(&system).await.unwrap();
        let lineage = world.store.lineage(&system).await.unwrap();
        let checkpoint = match is_ahead {
            true => Checkpoint { lineage, seq: newest + 1 },
            false => Checkpoint { lineage: Lineage(uuid::Uuid::nil()), seq: newest },
        };
        for (n, name) in NAMES.into_iter().enumerate() {
            let batch = foreign(n, world.collections[0], checkpoint);
            world.indexes[n].as_ref().unwrap().apply(&system, batch).await.unwrap();
            world.follow(n, i64::MAX, false).await.unwrap();
            let (found, wanted) = world.found_and_wanted(n).await;
            assert_eq!(found, wanted, "the {name} index, ahead: {is_ahead}");
            assert!(!wanted.is_empty());
        }
    }
}

#[tokio::test]
async fn an_index_says_that_it_is_rebuilt_only_while_it_lacks_something() {
    let mut world = World::new().await;
    // Dies after it cleared the index, before the first entry.
    world.follow(0, 1, false).await.unwrap_err();
    assert_eq!(world.standing, Standing::Unknown, "an empty store lacks nothing");
    world.add(0, 3).await;
    world.follow(0, 1, false).await.unwrap_err();
    assert_eq!(world.standing, Standing::Rebuilding);
    world.follow(0, i64::MAX, false).await.unwrap();
    assert_eq!(world.standing, Standing::Following);
    world.add(0, 3).await;
    world.follow(0, 0, false).await.unwrap_err();
    assert_eq!(world.standing, Standing::Following, "to lag behind is not to be rebuilt");
}
