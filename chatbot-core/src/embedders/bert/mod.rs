//! Models of the BERT family, computed on the processor: word pieces, weights, and the forward pass over them.

mod encoder;
mod tokenizer;
mod weights;

use std::fs;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, Result};
use encoder::{Pooling, encode, normalize};
use tokenizer::Tokenizer;
use weights::{Config, Weights, unusable};

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

/// What is known of a model before its weights are read.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) dimensions: usize,
    pub(crate) max_tokens: usize,
    /// Of all its files.
    pub(crate) hash: String,
}

impl Bert {
    /// What the files in `folder` say.
    ///
    /// # Errors
    /// `config_invalid` where one is missing or of another family.
    pub(crate) fn describe(folder: &Path) -> Result<Described> {
        let bytes = read(folder, "config.json")?;
        let config = Config::from_json(&bytes)?;
        let pooling = pooling(folder)?;
        let mut hasher = Sha256::new();
        hasher.update(format!("{pooling:?} {MAX_WINDOW}"));
        for file in ["config.json", "tokenizer.json", "model.safetensors"] {
            hasher.update(Sha256::digest(read(folder, file)?));
        }
        let hash = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let max_tokens = config.max_position_embeddings.min(MAX_WINDOW);
        Ok(Described { dimensions: config.hidden_size, max_tokens, hash })
    }

    /// Reads the model in `folder`.
    ///
    /// # Errors
    /// As [`describe`](Self::describe), and where the weights are not what `config.json` says.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let config = Config::from_json(&read(folder, "config.json")?)?;
        let tokenizer = Tokenizer::from_json(&read(folder, "tokenizer.json")?)?;
        let weights = Weights::from_safetensors(&read(folder, "model.safetensors")?, &config)?;
        Ok(Self { pooling: pooling(folder)?, config, tokenizer, weights })
    }

    /// The vector of a text; windows of a long one are pooled by their lengths. `go_on` is asked between them.
    ///
    /// # Errors
    /// What `go_on` fails with; `internal` where the tokenizer knows more pieces than the model.
    pub(crate) fn embed(&self, text: &str, go_on: impl Fn() -> Result<()>) -> Result<Vec<f32>> {
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

fn read(folder: &Path, file: &str) -> Result<Vec<u8>> {
    fs::read(folder.join(file)).map_err(|error| {
        let message = format!("The embedder's folder has no readable `{file}`.");
        Error::new(ErrorKind::ConfigInvalid, message)
            .with_context("path", folder.display())
            .with_source(error)
    })
}

/// What sentence-transformers notes beside a model; the mean where it notes nothing.
fn pooling(folder: &Path) -> Result<Pooling> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct File {
        pooling_mode_cls_token: bool,
        pooling_mode_mean_tokens: bool,
    }
    let Ok(bytes) = fs::read(folder.join("1_Pooling").join("config.json")) else {
        return Ok(Pooling::Mean);
    };
    let file: File = serde_json::from_slice(&bytes).map_err(|error| {
        unusable("its `1_Pooling/config.json` cannot be read").with_source(error)
    })?;
    match (file.pooling_mode_mean_tokens, file.pooling_mode_cls_token) {
        (true, false) => Ok(Pooling::Mean),
        (false, true) => Ok(Pooling::First),
        _ => Err(unusable("it pools in a way that is not supported")),
    }
}
