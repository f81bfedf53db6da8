//! An embedder without a model: texts that share words are near one another, always in the same way.

use std::hash::Hasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{EmbedKind, EmbedRequest, Embedder, EmbedderInfo, Embeddings};

/// Components of a vector: enough that a handful of words rarely share one.
const DIMENSIONS: usize = 64;

/// An [`Embedder`] that adds up one direction per word, whatever its case. It counts what it is asked for, and fails when
/// it is told to. Clones share their counts.
///
/// # Example
/// ```
/// use chatbot_core::testing::ScriptedEmbedder;
/// use chatbot_core::traits::{EmbedKind, EmbedRequest, Embedder as _};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let embedder = ScriptedEmbedder::default();
/// let texts = vec!["the red house".to_owned(), "a red house".to_owned(), "tides".to_owned()];
/// let request = EmbedRequest { kind: EmbedKind::Document, texts };
/// let vectors = embedder.embed(&chatbot_core::Context::local(), request).await?;
/// let vectors: Vec<&[f32]> = vectors.iter().collect();
/// let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
/// assert!(dot(vectors[0], vectors[1]) > dot(vectors[0], vectors[2]));
/// assert_eq!(embedder.n_texts(EmbedKind::Document), 3);
/// # Ok::<(), chatbot_core::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ScriptedEmbedder {
    info: EmbedderInfo,
    log: Arc<Log>,
}

#[derive(Debug, Default)]
struct Log {
    n_calls: AtomicUsize,
    n_queries: AtomicUsize,
    n_sentences: AtomicUsize,
    n_documents: AtomicUsize,
    failure: Mutex<Option<ErrorKind>>,
}

impl Default for ScriptedEmbedder {
    /// An embedder whose space is `scripted`.
    fn default() -> Self {
        Self::with_fingerprint("scripted")
    }
}

impl ScriptedEmbedder {
    /// An embedder of another space: the same words lie in other directions.
    #[must_use]
    pub fn with_fingerprint(fingerprint: &str) -> Self {
        let info = EmbedderInfo {
            name: "scripted".to_owned(),
            dimensions: DIMENSIONS,
            max_tokens: None,
            fingerprint: fingerprint.to_owned(),
            languages: None,
        };
        Self { info, log: Arc::default() }
    }

    /// This embedder with another description; the vectors stay as long as they are.
    #[must_use]
    pub fn with_info(mut self, info: EmbedderInfo) -> Self {
        self.info = EmbedderInfo { dimensions: DIMENSIONS, ..info };
        self
    }

    /// Fails every call with this kind, until it is told otherwise.
    pub fn fail_with(&self, kind: Option<ErrorKind>) {
        *self.log.failure.lock().unwrap_or_else(PoisonError::into_inner) = kind;
    }

    /// Calls so far, failed ones too.
    #[must_use]
    pub fn n_calls(&self) -> usize {
        self.log.n_calls.load(Ordering::SeqCst)
    }

    /// Texts of this kind that were embedded.
    #[must_use]
    pub fn n_texts(&self, kind: EmbedKind) -> usize {
        self.log.n_texts(kind).load(Ordering::SeqCst)
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let mut vector = vec![0.0; DIMENSIONS];
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            self.add(&mut vector, word);
        }
        if vector.iter().all(|value| *value == 0.0) {
            self.add(&mut vector, "");
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|value| *value /= length);
        vector
    }

    fn add(&self, vector: &mut [f32], word: &str) {
        let mut hasher = Fnv::default();
        hasher.write(self.info.fingerprint.as_bytes());
        hasher.write(word.to_lowercase().as_bytes());
        let hash = hasher.finish();
        let at = usize::try_from(hash >> 32).unwrap_or(0) % DIMENSIONS;
        if let Some(value) = vector.get_mut(at) {
            *value += 1.0;
        }
    }
}

impl Log {
    const fn n_texts(&self, kind: EmbedKind) -> &AtomicUsize {
        match kind {
            EmbedKind::Query => &self.n_queries,
            EmbedKind::Sentence => &self.n_sentences,
            EmbedKind::Document => &self.n_documents,
        }
    }
}

#[async_trait]
impl Embedder for ScriptedEmbedder {
    fn info(&self) -> &EmbedderInfo {
        &self.info
    }

    async fn embed(&self, ctx: &Context, request: EmbedRequest) -> Result<Embeddings> {
        self.log.n_calls.fetch_add(1, Ordering::SeqCst);
        let failure = *self.log.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = failure {
            return Err(Error::new(kind, "The script says so."));
        }
        let mut values = Vec::with_capacity(request.texts.len() * DIMENSIONS);
        for text in &request.texts {
            ctx.check()?;
            values.extend(self.vector(text));
        }
        ctx.check()?;
        self.log.n_texts(request.kind).fetch_add(request.texts.len(), Ordering::SeqCst);
        Ok(Embeddings::new(DIMENSIONS, values))
    }
}

/// FNV-1a with 64 bits: the same on every machine and in every release of the standard library.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
