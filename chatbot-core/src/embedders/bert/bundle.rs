//! The two files of the built-in model, as `cargo xtask bundle-model` writes them.
//!
//! Both begin with a name of 8 bytes, the layout's version (u32), and a check sum (u64) of all that follows. Numbers are
//! little-endian; a float has 32 bits; a matrix has a row for each output.
//!
//! `cb-encod`: width, layers, heads, inner width, positions (u32 each), epsilon (float); then the vectors of the positions
//! and of the segment; the first normalisation; for each layer its matrices (query, key and value as one; output; up; down),
//! a normalisation after the second and the last. A normalisation is its scales and its shifts; a matrix is the scale of
//! each row, what is added to each, and the codes (i8).
//!
//! `cb-token`: tokens, width, values that share a scale, bytes of the vocabulary, bits of a value (u32 each); then the
//! vocabulary, a piece a line; then the rows, which [`PackedRows`] describes.
//!
//! Matrices are laid out anew when they are loaded, as the processor's products read them. The token table, of which a text
//! needs a few hundred rows, is read where it lies.

use super::config::Config;
use super::tokenizer::{Tokenizer, UNKNOWN};
use super::unusable;
use super::weights::{Layer, Linear, Norm, Tokens, Weights};
use crate::error::Result;
use crate::kernels::PackedRows;

const VERSION: u32 = 1;

/// Takes the model out of its two files.
///
/// # Errors
/// `config_invalid` where one of them is damaged, or they do not belong together.
pub(super) fn read(encoder: &[u8], tokens: &'static [u8]) -> Result<(Config, Tokenizer, Weights)> {
    parse(encoder, tokens)?.ok_or_else(|| unusable("its data is shorter than it says"))
}

/// The inner `None` is for what is too short.
fn parse(encoder: &[u8], tokens: &'static [u8]) -> Result<Option<(Config, Tokenizer, Weights)>> {
    let (mut encoder, mut tokens) = (open(encoder, b"cb-encod")?, open(tokens, b"cb-token")?);
    let Some((vocab_size, width, group, n_bytes, bits)) = tokens.table() else { return Ok(None) };
    let Some(config) = encoder.config(vocab_size) else { return Ok(None) };
    let config = config.possible()?;
    if width != config.hidden_size || group != PackedRows::GROUP {
        return Err(unusable("its two parts do not belong together"));
    }
    let Some(pieces) = tokens.take(n_bytes) else { return Ok(None) };
    let pieces = std::str::from_utf8(pieces)
        .map_err(|error| unusable("its vocabulary is no text").with_source(error))?;
    let tokenizer = Tokenizer::of_pieces(pieces.lines().zip(0..), UNKNOWN)?;
    let Some(rows) = PackedRows::new(tokens.rest, (vocab_size, width), bits) else {
        return Ok(None);
    };
    let Some(weights) = encoder.weights(&config, rows) else { return Ok(None) };
    if !encoder.rest.is_empty() {
        return Err(unusable("its data is longer than it says"));
    }
    Ok(Some((config, tokenizer, weights)))
}

/// What follows a file's first 20 bytes, if they are right.
fn open<'a>(file: &'a [u8], name: &[u8; 8]) -> Result<Reader<'a>> {
    let mut reader = Reader { rest: file };
    let is_named = reader.take(8) == Some(name);
    let (version, sum) = (reader.number(), reader.take(8));
    if !is_named || version != usize::try_from(VERSION).ok() {
        return Err(unusable("its data is of another kind or version"));
    }
    if sum != Some(&check_sum(reader.rest).to_le_bytes()) {
        return Err(unusable("its data is damaged"));
    }
    Ok(reader)
}

/// FNV-1a over words of 8 bytes: each step can be undone, so that no change of one word goes unnoticed.
fn check_sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let last = (!rest.is_empty()).then_some(&last);
    words.iter().chain(last).fold(0xcbf2_9ce4_8422_2325, |sum, word| {
        (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What of a file is still to be read.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<usize> {
        let bytes = self.take(4)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    }

    fn floats(&mut self, n: usize) -> Option<Vec<f32>> {
        let (values, _) = self.take(n.checked_mul(4)?)?.as_chunks::<4>();
        Some(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// Tokens, width, values that share a scale, bytes of the vocabulary, bits of a value.
    fn table(&mut self) -> Option<(usize, usize, usize, usize, usize)> {
        let mut number = || self.number();
        Some((number()?, number()?, number()?, number()?, number()?))
    }

    fn config(&mut self, vocab_size: usize) -> Option<Config> {
        Some(Config {
            vocab_size,
            hidden_size: self.number()?,
            num_hidden_layers: self.number()?,
            num_attention_heads: self.number()?,
            intermediate_size: self.number()?,
            max_position_embeddings: self.number()?,
            layer_norm_eps: self.floats(1)?.first().copied()?,
        })
    }

    fn weights(&mut self, config: &Config, tokens: PackedRows<'static>) -> Option<Weights> {
        let width = config.hidden_size;
        Some(Weights {
            tokens: Tokens::Packed(tokens),
            positions: self.floats(config.max_position_embeddings.checked_mul(width)?)?,
            segment: self.floats(width)?,
            norm: self.norm(width)?,
            layers: (0..config.num_hidden_layers)
                .map(|_| self.layer(config))
                .collect::<Option<_>>()?,
        })
    }

    fn layer(&mut self, config: &Config) -> Option<Layer> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        Some(Layer {
            qkv: self.linear(3 * width, width)?,
            output: self.linear(width, width)?,
            output_norm: self.norm(width)?,
            up: self.linear(inner, width)?,
            down: self.linear(width, inner)?,
            down_norm: self.norm(width)?,
        })
    }

    fn linear(&mut self, n_rows: usize, n_columns: usize) -> Option<Linear> {
        let (scales, bias) = (self.floats(n_rows)?, self.floats(n_rows)?);
        let codes = self.take(n_rows.checked_mul(n_columns)?)?;
        Linear::of_codes(codes, &scales, bias)
    }

    fn norm(&mut self, width: usize) -> Option<Norm> {
        Some(Norm { weight: self.floats(width)?, bias: self.floats(width)? })
    }
}
