//! A model as a folder of files, as sentence-transformers keeps it.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::config::Config;
use super::encoder::Pooling;
use super::tokenizer::Tokenizer;
use super::weights::Weights;
use super::{Bert, MAX_WINDOW, unusable};
use crate::error::{Error, ErrorKind, Result};

const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// Bytes of a file that are read at a time.
const BUFFER: usize = 1 << 16;

/// What is known of a model before its weights are read.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) dimensions: usize,
    pub(crate) max_tokens: usize,
    /// Of all its files.
    pub(crate) hash: String,
}

/// What the files in `folder` say. All of them are read once, a piece at a time, for their hash: it decides whether the
/// vectors that were stored are still comparable. 90 MB take about a tenth of a second.
///
/// # Errors
/// `config_invalid` where one is missing or of another family.
pub(crate) fn describe(folder: &Path) -> Result<Described> {
    let config = Config::from_json(&read(folder, "config.json")?)?;
    let mut digests = Vec::new();
    for name in FILES {
        digests.push(digest(folder, name)?);
    }
    Ok(Described {
        dimensions: config.hidden_size,
        max_tokens: config.max_position_embeddings.min(MAX_WINDOW),
        hash: hash(pooling(folder)?, &digests),
    })
}

/// Reads the model in `folder`, which had this hash when it was described.
///
/// # Errors
/// As [`describe`]; and where the weights are not what `config.json` says, or the files have changed since.
pub(crate) fn open(folder: &Path, described: &str) -> Result<Bert> {
    let files = [read(folder, FILES[0])?, read(folder, FILES[1])?, read(folder, FILES[2])?];
    let pooling = pooling(folder)?;
    let digests: Vec<_> = files.iter().map(|bytes| Sha256::digest(bytes).to_vec()).collect();
    if hash(pooling, &digests) != described {
        return Err(unusable("its files have changed since it was opened; restart the program"));
    }
    let [config, tokenizer, weights] = &files;
    let config = Config::from_json(config)?;
    let tokenizer = Tokenizer::from_json(tokenizer)?;
    let weights = Weights::from_safetensors(weights, &config)?;
    Ok(Bert { config, pooling, tokenizer, weights })
}

/// Of all that decides what a text's vector is.
fn hash(pooling: Pooling, digests: &[Vec<u8>]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("{pooling:?} {MAX_WINDOW}"));
    digests.iter().for_each(|digest| hasher.update(digest));
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let unread = |error| unreadable(folder, name, error);
    let mut file = File::open(folder.join(name)).map_err(unread)?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; BUFFER]);
    loop {
        let n = file.read(&mut buffer).map_err(unread)?;
        match buffer.get(..n) {
            None | Some([]) => return Ok(hasher.finalize().to_vec()),
            Some(bytes) => hasher.update(bytes),
        }
    }
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>> {
    fs::read(folder.join(name)).map_err(|error| unreadable(folder, name, error))
}

fn unreadable(folder: &Path, name: &str, error: std::io::Error) -> Error {
    let message = format!("The embedder's folder has no readable `{name}`.");
    Error::new(ErrorKind::ConfigInvalid, message)
        .with_context("path", folder.display())
        .with_source(error)
}

/// What sentence-transformers notes beside a model; the mean where it notes nothing.
fn pooling(folder: &Path) -> Result<Pooling> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Noted {
        pooling_mode_cls_token: bool,
        pooling_mode_mean_tokens: bool,
    }
    let Ok(bytes) = fs::read(folder.join("1_Pooling").join("config.json")) else {
        return Ok(Pooling::Mean);
    };
    let noted: Noted = serde_json::from_slice(&bytes).map_err(|error| {
        unusable("its `1_Pooling/config.json` cannot be read").with_source(error)
    })?;
    match (noted.pooling_mode_mean_tokens, noted.pooling_mode_cls_token) {
        (true, false) => Ok(Pooling::Mean),
        (false, true) => Ok(Pooling::First),
        _ => Err(unusable("it pools in a way that is not supported")),
    }
}
