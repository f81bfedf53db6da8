//! Finding by meaning and by both, over real indexes.

use std::sync::Arc;

use chatbot_core::indexes::{DenseIndex, LocalIndex};
use chatbot_core::retrievers::{
    AutoRetriever, DenseRetriever, Fusion, HybridRetriever, LexicalRetriever,
};
use chatbot_core::testing::ScriptedEmbedder;
use chatbot_core::testing::conformance::index::read_set;
use chatbot_core::text::analyse;
use chatbot_core::traits::{
    EmbedKind, EmbedRequest, Embedder, Index, IndexBatch, IndexContent, IndexEntry, Query,
    Retrieval, Retriever,
};
use chatbot_core::types::{
    Checkpoint, ChunkId, CollectionId, DocumentId, Language, Lineage, Strategy, VersionId,
};
use chatbot_core::{Context, ErrorKind};

struct Corpus {
    embedder: ScriptedEmbedder,
    lexical: LexicalRetriever,
    dense: DenseRetriever,
    local: Arc<dyn Index>,
    vectors: Arc<dyn Index>,
    collection: CollectionId,
    chunks: Vec<ChunkId>,
}

impl Corpus {
    /// These texts; those that are marked have vectors.
    async fn of(texts: &[(&str, bool)]) -> Self {
        let (embedder, collection) = (ScriptedEmbedder::default(), CollectionId::new());
        let ctx = Context::local();
        let (mut terms, mut vectors) = (Vec::new(), Vec::new());
        for (text, embedded) in texts {
            let entry = IndexEntry {
                chunk: ChunkId::new(),
                version: VersionId::new(),
                document: DocumentId::new(),
                collection,
                content: IndexContent::Terms(analyse(&[text], None)),
            };
            if *embedded {
                let request =
                    EmbedRequest { kind: EmbedKind::Document, texts: vec![(*text).to_owned()] };
                let embeddings = embedder.embed(&ctx, request).await.unwrap();
                let vector = embeddings.iter().next().unwrap().to_vec();
                vectors.push(IndexEntry { content: IndexContent::Vector(vector), ..entry.clone() });
            }
            terms.push(entry);
        }
        let chunks = terms.iter().map(|entry| entry.chunk).collect();
        let local: Arc<dyn Index> = Arc::new(LocalIndex::open(None).unwrap());
        let dimensions = embedder.info().dimensions;
        let dense: Arc<dyn Index> =
            Arc::new(DenseIndex::open(None, "scripted", dimensions).unwrap());
        for (index, upserts) in [(&local, terms), (&dense, vectors)] {
            let checkpoint = Some(Checkpoint { lineage: Lineage(uuid::Uuid::nil()), seq: 1 });
            let batch = IndexBatch { deletes: vec![], upserts, checkpoint };
            index.apply(&ctx, batch).await.unwrap();
        }
        Self {
            lexical: LexicalRetriever::new(local.clone()),
            dense: DenseRetriever::new(dense.clone(), Arc::new(embedder.clone())),
            local,
            vectors: dense,
            embedder,
            collection,
            chunks,
        }
    }

    /// Retrievers that search each other's index.
    fn swapped(&self) -> (LexicalRetriever, DenseRetriever) {
        let embedder = Arc::new(self.embedder.clone());
        let dense = DenseRetriever::new(self.local.clone(), embedder);
        (LexicalRetriever::new(self.vectors.clone()), dense)
    }

    fn hybrid(&self) -> HybridRetriever {
        let fusion = Fusion::Convex { lexical_weight: Fusion::DEFAULT_LEXICAL_WEIGHT };
        HybridRetriever::new(self.lexical.clone(), self.dense.clone(), fusion)
    }

    async fn ask(&self, retriever: &dyn Retriever, question: &str) -> Retrieval {
        let read_set = read_set([self.collection]);
        let query = Query {
            text: question.to_owned(),
            context: Vec::new(),
            read_set,
            documents: None,
            top_k: 10,
        };
        retriever.retrieve(&Context::local(), &query).await.unwrap()
    }

    /// The places of what was found among the texts.
    fn places(&self, found: &Retrieval) -> Vec<usize> {
        let place = |chunk| self.chunks.iter().position(|known| *known == chunk).unwrap();
        found.candidates.iter().map(|candidate| place(candidate.chunk)).collect()
    }
}

fn steps(found: &Retrieval) -> Vec<&str> {
    found.trace.steps.iter().map(|step| step.name.as_str()).collect()
}

#[tokio::test]
async fn meaning_finds_by_the_exact_cosine() {
    let corpus =
        Corpus::of(&[("harbour tides", true), ("red lighthouse", true), ("lighthouse", true)])
            .await;
    let found = corpus.ask(&corpus.dense, "lighthouse").await;
    assert_eq!(corpus.places(&found)[..2], [2, 1]);
    let cosine = found.candidates[0].scores.dense.unwrap();
    assert!((cosine - 1.0).abs() < 1e-5, "{cosine} is exact");
    assert_eq!(steps(&found), ["embed", "dense"]);
    assert_eq!(corpus.embedder.n_texts(EmbedKind::Query), 1);
}

#[tokio::test]
async fn both_lists_become_one_and_the_terms_are_kept() {
    let corpus = Corpus::of(&[
        ("the keeper of the lighthouse", true),
        ("tides in the harbour", true),
        ("a lighthouse without a vector", false),
    ])
    .await;
    let found = corpus.ask(&corpus.hybrid(), "keeper lighthouse").await;
    assert_eq!(corpus.places(&found)[0], 0);
    assert_eq!(found.candidates.len(), 3, "one by both, one by meaning, one by words");
    assert_eq!(found.terms.len(), 2);
    assert_eq!(found.trace.strategy, Strategy::Hybrid);
    assert_eq!(steps(&found), ["embed", "lexical", "dense", "fuse"]);
    let by_words = found.candidates.iter().find(|one| one.chunk == corpus.chunks[2]).unwrap();
    assert!(by_words.scores.dense.is_none() && by_words.scores.lexical.is_some());
    let fused = found.trace.steps.last().unwrap();
    assert_eq!(fused.details["without_vector"], 1);
}

#[tokio::test]
async fn half_embedded_the_rest_keeps_its_order_and_the_best_by_words_stays_first() {
    let mut texts = vec![("lighthouse".to_owned(), false)];
    for n in 1..20 {
        texts.push((format!("lighthouse {}", "and other words ".repeat(n)), n % 2 == 0));
    }
    let texts: Vec<_> = texts.iter().map(|(text, embedded)| (text.as_str(), *embedded)).collect();
    let corpus = Corpus::of(&texts).await;
    let lexical = corpus.places(&corpus.ask(&corpus.lexical, "lighthouse").await);
    let hybrid = corpus.places(&corpus.ask(&corpus.hybrid(), "lighthouse").await);
    assert_eq!((lexical[0], hybrid[0]), (0, 0));
    let waiting = |places: &[usize]| -> Vec<usize> {
        places.iter().copied().filter(|place| !texts[*place].1).collect()
    };
    let (by_words, by_both) = (waiting(&lexical), waiting(&hybrid));
    assert!(by_both.len() > 1);
    assert!(by_both.iter().is_sorted(), "their order is the lexical one: {by_both:?}");
    assert!(by_words.iter().is_sorted(), "{by_words:?}");
}

#[tokio::test]
async fn without_an_embedder_that_answers_words_alone_decide() {
    let corpus = Corpus::of(&[("a lighthouse", true), ("a harbour", true)]).await;
    corpus.embedder.fail_with(Some(ErrorKind::Unavailable));
    let found = corpus.ask(&corpus.hybrid(), "lighthouse").await;
    assert_eq!(corpus.places(&found), [0]);
    assert_eq!(steps(&found), ["embed", "lexical"]);
    assert_eq!(found.trace.steps[0].details["failed"], "unavailable");
    assert_eq!(warnings(&found), ["dense_unavailable"]);
    assert_eq!(found.terms.len(), 1);
    let read_set = read_set([corpus.collection]);
    let query = Query {
        text: "lighthouse".to_owned(),
        context: Vec::new(),
        read_set,
        documents: None,
        top_k: 10,
    };
    let kind = corpus.dense.retrieve(&Context::local(), &query).await.map(drop);
    assert_eq!(kind.map_err(|error| error.kind()), Err(ErrorKind::Unavailable));
}

fn warnings(found: &Retrieval) -> Vec<&str> {
    found.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

#[tokio::test]
async fn where_one_index_fails_the_other_decides() {
    let corpus = Corpus::of(&[("a lighthouse", true), ("a harbour", true)]).await;
    // Each index refuses what the other is asked.
    let (no_words, no_meaning) = corpus.swapped();
    let fusion = Fusion::Convex { lexical_weight: Fusion::DEFAULT_LEXICAL_WEIGHT };
    let hybrid = |words: &LexicalRetriever, meaning: &DenseRetriever| {
        HybridRetriever::new(words.clone(), meaning.clone(), fusion)
    };
    let found = corpus.ask(&hybrid(&corpus.lexical, &corpus.dense), "lighthouse").await;
    assert_eq!(warnings(&found), Vec::<&str>::new());
    let found = corpus.ask(&hybrid(&corpus.lexical, &no_meaning), "lighthouse").await;
    assert_eq!((corpus.places(&found), warnings(&found)), (vec![0], vec!["dense_unavailable"]));
    let found = corpus.ask(&hybrid(&no_words, &corpus.dense), "lighthouse").await;
    assert_eq!(corpus.places(&found)[0], 0);
    assert_eq!(warnings(&found), ["lexical_unavailable"]);
    let read_set = read_set([corpus.collection]);
    let query = Query {
        text: "lighthouse".to_owned(),
        context: Vec::new(),
        read_set,
        documents: None,
        top_k: 10,
    };
    let neither = hybrid(&no_words, &no_meaning).retrieve(&Context::local(), &query).await;
    assert!(neither.is_err(), "nothing found is no answer to a search that failed");
}

#[tokio::test]
async fn a_question_in_a_language_that_the_embedder_does_not_know_is_searched_by_words() {
    let corpus = Corpus::of(&[("the lighthouse of the island", true)]).await;
    let known = Some(vec![Language::from_static("eng")]);
    let auto = |known| {
        AutoRetriever::new(Arc::new(corpus.hybrid()), Arc::new(corpus.lexical.clone()), known)
    };
    for (question, known, strategy) in [
        ("where is the lighthouse of the island?", known.clone(), Strategy::Hybrid),
        ("¿Dónde está el faro de la isla?", known.clone(), Strategy::Lexical),
        ("lighthouse", known.clone(), Strategy::Hybrid),
        ("маяк", known, Strategy::Lexical),
        ("¿Dónde está el faro de la isla?", None, Strategy::Hybrid),
    ] {
        let found = corpus.ask(&auto(known), question).await;
        assert_eq!(found.trace.strategy, strategy, "{question}");
    }
}
