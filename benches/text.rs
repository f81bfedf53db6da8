//! How fast texts become terms and chunks.
#![allow(missing_docs, reason = "the macro makes a function without any")]

use std::hint::black_box;

use chatbot_benches::prose::Prose;
use chatbot_core::Context;
use chatbot_core::chunkers::{ChunkerConfig, StructureChunker};
use chatbot_core::text::{analyse, detect_language};
use chatbot_core::traits::Chunker as _;
use chatbot_core::types::{Block, BlockKind, MediaType, Metadata, ParsedDocument, Span};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const N_BYTES: usize = 100_000;

fn document() -> ParsedDocument {
    let text = Prose::new(1).text(N_BYTES);
    let mut blocks = Vec::new();
    let mut at = 0;
    for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        let rest = text.get(at..).unwrap_or_default();
        let start = at + rest.find(paragraph).unwrap_or_default();
        at = start + paragraph.len();
        blocks.push(Block { kind: BlockKind::Paragraph, span: Span::new(start, at) });
    }
    ParsedDocument {
        media_type: MediaType::TEXT,
        title: None,
        text,
        blocks,
        pages: Vec::new(),
        metadata: Metadata::default(),
        warnings: Vec::new(),
        parts: Vec::new(),
    }
}

fn text(criterion: &mut Criterion) {
    let document = document();
    let mut group = criterion.benchmark_group("text");
    group.throughput(Throughput::Bytes(document.text.len() as u64));
    let language = detect_language(&document.text);
    group.bench_function("analyse", |bench| {
        bench.iter(|| analyse(&[black_box(&document.text)], language.as_ref()));
    });
    let chunker = StructureChunker::new(ChunkerConfig::default());
    group.bench_function("chunk", |bench| {
        bench.iter(|| chunker.chunk(&Context::local(), black_box(&document)));
    });
    group.finish();
}

criterion_group!(benches, text);
criterion_main!(benches);
