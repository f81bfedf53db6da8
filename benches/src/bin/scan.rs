//! How fast the dense index scans, as a share of what memory gives, and what it finds.
//!
//! Prints one line of JSON. One thread; the vectors lie in clusters, as those of texts do.
#![allow(clippy::print_stdout, reason = "this program prints a line")]

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use chatbot_core::Context;
use chatbot_core::indexes::DenseIndex;
use chatbot_core::kernels::{Codes, dot_f32};
use chatbot_core::testing::conformance::index::read_set;
use chatbot_core::traits::{Find, Index, IndexBatch, IndexContent, IndexEntry, IndexQuery};
use chatbot_core::types::{Checkpoint, ChunkId, CollectionId, DocumentId, Lineage, VersionId};
use serde_json::{Value, json};

const N_VECTORS: usize = 100_000;
const DIMENSIONS: usize = 384;
const N_CLUSTERS: usize = 1_000;
const N_QUERIES: usize = 50;
/// Hits asked for: what the retriever takes for ten.
const LIMIT: usize = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = Numbers(7);
    let centres: Vec<Vec<f32>> = (0..N_CLUSTERS).map(|_| numbers.near(None)).collect();
    let mut any = || {
        let centre = numbers.below(N_CLUSTERS);
        numbers.near(centres.get(centre))
    };
    let collection = CollectionId::new();
    let entries: Vec<IndexEntry> = (0..N_VECTORS).map(|_| entry(collection, any())).collect();
    let queries: Vec<Vec<f32>> = (0..N_QUERIES).map(|_| any()).collect();
    let index = DenseIndex::open(None, "bench", DIMENSIONS)?;
    let checkpoint =
        Some(Checkpoint { lineage: Lineage(CollectionId::new().to_string().parse()?), seq: 1 });
    let began = Instant::now();
    let batch = IndexBatch { deletes: vec![], upserts: entries.clone(), checkpoint };
    index.apply(&Context::local(), batch).await?;
    let build_s = began.elapsed().as_secs_f64();

    let (bandwidth, kernel) = rates();
    let mut filters = Vec::new();
    for per_thousand in [1_usize, 10, 100, 500, 1_000] {
        let documents: HashSet<DocumentId> =
            entries.iter().step_by(1_000 / per_thousand).map(|entry| entry.document).collect();
        let documents = (per_thousand < 1_000).then(|| Arc::new(documents));
        filters.push(searched(&index, &entries, &queries, documents).await?);
    }
    let bytes = (N_VECTORS * DIMENSIONS) as f64;
    let line = json!({
        "vectors": N_VECTORS, "dimensions": DIMENSIONS, "build_s": build_s,
        "memory_gb_s": bandwidth, "kernel_gb_s": kernel, "kernel_share": kernel / bandwidth,
        "bytes": bytes, "searches": filters,
    });
    println!("{line}");
    Ok(())
}

async fn searched(
    index: &DenseIndex,
    entries: &[IndexEntry],
    queries: &[Vec<f32>],
    documents: Option<Arc<HashSet<DocumentId>>>,
) -> Result<Value, Box<dyn Error>> {
    let wanted: Vec<&IndexEntry> = entries
        .iter()
        .filter(|e| documents.as_deref().is_none_or(|wanted| wanted.contains(&e.document)))
        .collect();
    let collection = entries.first().map(|entry| entry.collection);
    let (mut times, mut n_found, mut n_expected) = (Vec::new(), 0, 0);
    for vector in queries {
        let query = IndexQuery {
            read_set: read_set(collection),
            documents: documents.clone(),
            find: Find::Vector(vector.clone()),
            limit: LIMIT,
        };
        let began = Instant::now();
        let hits = index.search(&Context::local(), &query).await?.hits;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        let found: HashSet<ChunkId> = hits.iter().map(|hit| hit.chunk).collect();
        let best = best(&wanted, vector);
        n_expected += best.len();
        n_found += best.iter().filter(|chunk| found.contains(chunk)).count();
    }
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let recall = n_found as f64 / n_expected.max(1) as f64;
    Ok(json!({"wanted": wanted.len(), "p50_ms": median, "recall_at_10": recall}))
}

/// The ten best by the exact cosine.
fn best(wanted: &[&IndexEntry], vector: &[f32]) -> Vec<ChunkId> {
    let cosine = |entry: &IndexEntry| match &entry.content {
        IndexContent::Vector(stored) => dot_f32(stored, vector),
        IndexContent::Terms(_) => 0.0,
    };
    let mut scored: Vec<_> = wanted.iter().map(|entry| (cosine(entry), entry.chunk)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(10).map(|(_, chunk)| chunk).collect()
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

/// GB/s that one thread reads of as many bytes as a scan does, and those of the kernel alone: the best of rounds in turn,
/// as the first is a limit, and another job that disturbs rounds would disturb one of two blocks.
fn rates() -> (f64, f64) {
    let words = vec![1_u64; N_VECTORS * DIMENSIONS / 8];
    let rows = vec![3_u8; N_VECTORS * DIMENSIONS];
    let codes = Codes::new(&[5; DIMENSIONS]);
    let mut products = vec![0; 512];
    let (mut memory, mut kernel) = (0.0_f64, 0.0_f64);
    for _ in 0..40 {
        memory = memory.max(rate(|| {
            // Eight sums, so that reading is all there is to wait for.
            let mut sums = [0_u64; 8];
            for line in words.as_chunks::<8>().0 {
                for (sum, word) in sums.iter_mut().zip(line) {
                    *sum = sum.wrapping_add(*word);
                }
            }
            std::hint::black_box(sums);
        }));
        kernel = kernel.max(rate(|| {
            for block in rows.chunks(512 * DIMENSIONS) {
                codes.dot_rows(block, &mut products);
                std::hint::black_box(&products);
            }
        }));
    }
    (memory, kernel)
}

fn rate(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    (N_VECTORS * DIMENSIONS) as f64 / 1e9 / began.elapsed().as_secs_f64()
}

/// Numbers that look random and are always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit
    }

    /// A vector of unit length, near `centre` where there is one.
    fn near(&mut self, centre: Option<&Vec<f32>>) -> Vec<f32> {
        let mut vector: Vec<f32> =
            (0..DIMENSIONS).map(|_| self.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0).collect();
        if let Some(centre) = centre {
            vector.iter_mut().zip(centre).for_each(|(own, centre)| *own = *own * 0.05 + centre);
        }
        let length = dot_f32(&vector, &vector).sqrt();
        vector.iter().map(|component| component / length).collect()
    }
}
