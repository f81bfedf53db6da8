//! Passages, questions about them, and vectors of both that cost nothing: the same for whoever is compared.

use std::path::Path;

use async_trait::async_trait;
use chatbot_core::traits::{EmbedRequest, Embedder, EmbedderInfo, Embeddings};
use chatbot_core::{Chatbot, Context, NewDocument, Result as CoreResult};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::json;
use tempfile::TempDir;

use crate::Result;
use crate::chance::Chance;
use crate::prose::Prose;

/// Components of a vector, as of the embedders that are used most.
pub const DIMENSIONS: usize = 384;
/// Bytes of a passage at the most: one chunk holds 256 tokens of four bytes.
const MAX_PASSAGE_BYTES: usize = 1000;
/// Components that a word adds to.
const PER_WORD: usize = 8;
/// Letters from which on a word counts fully; shorter ones are in every passage.
const LONG_WORD: usize = 6;
/// What a shorter word counts.
const SHORT_WORD_WEIGHT: f32 = 0.05;
/// Documents that are added at the same time.
const N_CONCURRENT: usize = 64;

/// What is asked about, and what is asked.
#[derive(Debug)]
pub struct Passages {
    /// The passages; each becomes a document of one chunk, named by its number.
    pub texts: Vec<String>,
    /// Questions, each made of words of one passage.
    pub questions: Vec<String>,
}

impl Passages {
    /// So many passages and questions, always the same ones.
    #[must_use]
    pub fn new(n_passages: usize, n_questions: usize) -> Self {
        let mut prose = Prose::new(61);
        let texts: Vec<String> = (0..n_passages).map(|_| passage(&mut prose)).collect();
        let step = (n_passages / n_questions.max(1)).max(1);
        let about = texts.iter().step_by(step).take(n_questions);
        let questions = about.map(|text| prose.question_about(text)).collect();
        Self { texts, questions }
    }

    /// Writes texts and vectors for programs in other languages: lists of texts, and rows of `f32` in little-endian order.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        for (name, texts) in [("passages", &self.texts), ("questions", &self.questions)] {
            std::fs::write(folder.join(format!("{name}.json")), json!(texts).to_string())?;
            let vectors = texts.iter().flat_map(|text| vector(text));
            let bytes: Vec<u8> = vectors.flat_map(f32::to_le_bytes).collect();
            std::fs::write(folder.join(format!("{name}.f32")), bytes)?;
        }
        Ok(())
    }

    /// A data directory that holds the passages, with their vectors, for engines to be opened on.
    ///
    /// # Errors
    /// Where one is refused.
    pub async fn data(&self) -> Result<TempDir> {
        let folder = TempDir::new()?;
        let builder = Chatbot::builder().data_dir(folder.path());
        let chatbot = builder.custom_embedder(HashEmbedder::default()).build().await?;
        self.fill(&chatbot).await?;
        chatbot.close().await?;
        Ok(folder)
    }

    /// Takes the passages in and waits until all answer, by words and by meaning.
    async fn fill(&self, chatbot: &Chatbot) -> Result<()> {
        let ctx = Context::local();
        let added = stream::iter(self.texts.iter().enumerate()).map(|(number, text)| {
            let new = NewDocument { title: Some(number.to_string()), ..NewDocument::default() };
            chatbot.add_text(&ctx, new, text)
        });
        let added: Vec<_> = added.buffer_unordered(N_CONCURRENT).collect().await;
        for document in added {
            let mut states = chatbot.watch_document(&ctx, document?.id).await?;
            while states.next().await.is_some() {}
        }
        chatbot.changes_applied(&ctx).await?;
        Ok(chatbot.vectors_applied(&ctx).await?)
    }
}

/// A paragraph, cut behind a sentence where it is longer than one chunk.
fn passage(prose: &mut Prose) -> String {
    let mut text = prose.paragraph();
    while text.len() > MAX_PASSAGE_BYTES {
        let end = text.trim_end_matches('.').rfind('.').map_or(MAX_PASSAGE_BYTES, |at| at + 1);
        text.truncate(end.min(text.len() - 1));
    }
    text
}

/// A vector of unit length, made of the words' hashes: texts with rare words in common are near each other.
#[must_use]
pub fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSIONS];
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let weight = if word.len() >= LONG_WORD { 1.0 } else { SHORT_WORD_WEIGHT };
        let mut chance = Chance::new(hash(&word.to_lowercase()));
        for _ in 0..PER_WORD {
            let sign = if chance.once_in(2) { weight } else { -weight };
            if let Some(value) = vector.get_mut(chance.below(DIMENSIONS)) {
                *value += sign;
            }
        }
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
    vector
}

/// FNV-1a with 64 bits: the same in every release of the standard library.
fn hash(word: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    word.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// An embedder that takes [`vector`]s.
#[derive(Debug)]
pub struct HashEmbedder(EmbedderInfo);

impl Default for HashEmbedder {
    fn default() -> Self {
        Self(EmbedderInfo {
            name: "hashed".to_owned(),
            dimensions: DIMENSIONS,
            max_tokens: None,
            fingerprint: "hashed".to_owned(),
            languages: None,
        })
    }
}

#[async_trait]
impl Embedder for HashEmbedder {
    fn info(&self) -> &EmbedderInfo {
        &self.0
    }

    async fn embed(&self, ctx: &Context, request: EmbedRequest) -> CoreResult<Embeddings> {
        ctx.check()?;
        let values = request.texts.iter().flat_map(|text| vector(text)).collect();
        Ok(Embeddings::new(DIMENSIONS, values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_nearest_to_the_passage_that_it_was_made_from() {
        let passages = Passages::new(60, 20);
        let vectors: Vec<_> = passages.texts.iter().map(|text| vector(text)).collect();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let is_nearest = |(number, question): (usize, &String)| {
            let asked = vector(question);
            let scores: Vec<f32> = vectors.iter().map(|one| dot(one, &asked)).collect();
            scores.iter().all(|score| *score <= scores[number * 3])
        };
        let n_nearest =
            passages.questions.iter().enumerate().filter(|one| is_nearest(*one)).count();
        assert!(n_nearest > 15, "{n_nearest} of 20");
        assert!(passages.texts.iter().all(|text| text.len() <= MAX_PASSAGE_BYTES));
    }

    #[test]
    fn others_read_texts_and_vectors_from_a_folder() {
        let (folder, passages) = (tempfile::tempdir().unwrap(), Passages::new(4, 2));
        passages.write(folder.path()).unwrap();
        let texts = std::fs::read_to_string(folder.path().join("questions.json")).unwrap();
        assert_eq!(serde_json::from_str::<Vec<String>>(&texts).unwrap(), passages.questions);
        let bytes = std::fs::read(folder.path().join("passages.f32")).unwrap();
        assert_eq!(bytes.len(), 4 * DIMENSIONS * 4);
        let first = vector(&passages.texts[0])[7].to_le_bytes();
        assert_eq!(bytes[28..32], first);
    }
}
