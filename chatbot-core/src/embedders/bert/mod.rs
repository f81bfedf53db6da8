//! Models of the BERT family, computed on the processor: word pieces, weights, and the forward pass over them.

mod bundle;
mod config;
mod encoder;
mod folder;
#[cfg(test)]
mod tests;
mod tokenizer;
mod weights;

use super::pool::Model;
use crate::error::{Error, ErrorKind, Result};
use config::Config;
use encoder::{Pooling, encode, normalize};
pub(crate) use folder::{Described, describe, open};
use tokenizer::Tokenizer;
use weights::Weights;

/// Tokens of a window, its two signs included: what all-MiniLM-L6-v2 was trained to read.
pub(crate) const MAX_WINDOW: usize = 256;

/// A model in memory.
#[derive(Debug)]
pub(crate) struct Bert {
    config: Config,
    pooling: Pooling,
    tokenizer: Tokenizer,
    weights: Weights,
}

impl Bert {
    /// The model in the two files of the built-in one.
    ///
    /// # Errors
    /// `config_invalid` where one of them is damaged.
    pub(crate) fn bundled(encoder: &[u8], tokens: &'static [u8]) -> Result<Self> {
        let (config, tokenizer, weights) = bundle::read(encoder, tokens)?;
        Ok(Self { config, pooling: Pooling::Mean, tokenizer, weights })
    }
}

impl Model for Bert {
    /// The vector of a text; windows of a long one are pooled by their lengths.
    fn embed(&self, text: &str, go_on: &dyn Fn() -> Result<()>) -> Result<Vec<f32>> {
        let pieces = self.tokenizer.pieces(text);
        let room = self.config.max_position_embeddings.min(MAX_WINDOW).saturating_sub(2).max(1);
        let mut pooled = vec![0.0; self.config.hidden_size];
        let n_windows = pieces.len().div_ceil(room).max(1);
        // Windows of even length: a last one of two words would be a poor witness.
        let length = pieces.len().div_ceil(n_windows).max(1);
        for n in 0..n_windows {
            go_on()?;
            let window = pieces.iter().skip(n * length).take(length).copied();
            let tokens: Vec<u32> = [self.tokenizer.first]
                .into_iter()
                .chain(window)
                .chain([self.tokenizer.last])
                .collect();
            let vector = encode(&self.weights, &self.config, self.pooling, &tokens)?;
            #[allow(clippy::cast_precision_loss, reason = "a window is at most 256 long")]
            let share = tokens.len() as f32;
            pooled.iter_mut().zip(&vector).for_each(|(sum, value)| *sum += share * value);
        }
        normalize(&mut pooled);
        Ok(pooled)
    }
}

fn unusable(why: &str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, format!("The embedder's model cannot be used: {why}."))
}
