//! A small model of random numbers: against a reference of plain loops, through the files of the built-in one, and damaged.
#![allow(clippy::cast_possible_truncation, reason = "the numbers of a small model")]

mod files;
mod reference;

use super::config::Config;
use super::encoder::{Pooling, encode, normalize};
use super::tokenizer::{Tokenizer, UNKNOWN};
use super::weights::{Layer, Linear, Norm, Tokens, Weights};
use super::{Bert, Model as _};
use crate::error::ErrorKind;
use reference::reference;

const PIECES: [&str; 8] = ["[PAD]", UNKNOWN, "[CLS]", "[SEP]", "sea", "tide", "##s", "ship"];

fn config() -> Config {
    Config {
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 48,
        max_position_embeddings: 40,
        vocab_size: PIECES.len(),
        layer_norm_eps: 1e-12,
    }
}

/// Numbers from -1 to 1, the same ones for the same seed.
struct Numbers(u64);

impl Numbers {
    fn some(&mut self, n: usize, size: f32) -> Vec<f32> {
        let mut one = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0) * size
        };
        (0..n).map(|_| one()).collect()
    }

    fn norm(&mut self, width: usize) -> Norm {
        let weight = self.some(width, 0.3).iter().map(|value| value + 1.0).collect();
        Norm { weight, bias: self.some(width, 0.1) }
    }

    fn linear(&mut self, n_rows: usize, n_columns: usize) -> RawLinear {
        RawLinear { weight: self.some(n_rows * n_columns, 0.3), bias: self.some(n_rows, 0.1) }
    }
}

/// A matrix as the paper has it: a row of inputs for each output.
struct RawLinear {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

struct RawLayer {
    qkv: RawLinear,
    output: RawLinear,
    output_norm: Norm,
    up: RawLinear,
    down: RawLinear,
    down_norm: Norm,
}

struct Raw {
    tokens: Vec<f32>,
    positions: Vec<f32>,
    segment: Vec<f32>,
    norm: Norm,
    layers: Vec<RawLayer>,
}

impl Raw {
    fn new(config: &Config, seed: u64) -> Self {
        let mut numbers = Numbers(seed);
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        Self {
            tokens: numbers.some(config.vocab_size * width, 1.0),
            positions: numbers.some(config.max_position_embeddings * width, 0.3),
            segment: numbers.some(width, 0.3),
            norm: numbers.norm(width),
            layers: (0..config.num_hidden_layers)
                .map(|_| RawLayer {
                    qkv: numbers.linear(3 * width, width),
                    output: numbers.linear(width, width),
                    output_norm: numbers.norm(width),
                    up: numbers.linear(inner, width),
                    down: numbers.linear(width, inner),
                    down_norm: numbers.norm(width),
                })
                .collect(),
        }
    }

    fn weights(self) -> Weights {
        let linear = |raw: RawLinear| Linear::new(raw.weight, raw.bias).unwrap();
        let layers = self.layers.into_iter().map(|layer| Layer {
            qkv: linear(layer.qkv),
            output: linear(layer.output),
            output_norm: layer.output_norm,
            up: linear(layer.up),
            down: linear(layer.down),
            down_norm: layer.down_norm,
        });
        Weights {
            tokens: Tokens::Floats(self.tokens),
            positions: self.positions,
            segment: self.segment,
            norm: self.norm,
            layers: layers.collect(),
        }
    }
}

fn model(seed: u64) -> Bert {
    let tokenizer = Tokenizer::of_pieces(PIECES.into_iter().zip(0..), UNKNOWN).unwrap();
    let weights = Raw::new(&config(), seed).weights();
    Bert { config: config(), pooling: Pooling::Mean, tokenizer, weights }
}

fn assert_near(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    let furthest = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(furthest <= tolerance, "{furthest} apart");
}

#[test]
fn the_forward_pass_is_what_plain_loops_compute() {
    for seed in 1..4 {
        let (config, raw) = (config(), Raw::new(&config(), seed));
        let weights = Raw::new(&config, seed).weights();
        for pooling in [Pooling::Mean, Pooling::First] {
            for n in [1, 2, 7, 33, 40] {
                let tokens: Vec<u32> = (0..n).map(|i| (i * 5 + 2) % 8).collect();
                let vector = encode(&weights, &config, pooling, &tokens).unwrap();
                let expected = reference(&raw, &config, pooling, &tokens);
                assert_near(&vector, &expected, 1e-5);
            }
        }
    }
}

#[test]
fn a_token_or_a_position_that_is_not_there_is_an_error() {
    let (config, weights) = (config(), Raw::new(&config(), 1).weights());
    for tokens in [vec![8], vec![u32::MAX], vec![2; 41]] {
        let error = encode(&weights, &config, Pooling::Mean, &tokens).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
    }
}

#[test]
fn a_long_text_is_the_mean_of_its_windows() {
    let model = model(1);
    let text = "sea tides ship ".repeat(20); // 80 pieces: three windows of 27, 27 and 26
    let pieces = model.tokenizer.pieces(&text);
    assert_eq!(pieces.len(), 80);
    let mut expected = vec![0.0; 32];
    for window in pieces.chunks(27) {
        let tokens = [&[2], window, &[3]].concat();
        let vector = encode(&model.weights, &model.config, model.pooling, &tokens).unwrap();
        let share = tokens.len() as f32;
        expected.iter_mut().zip(vector).for_each(|(sum, value)| *sum += share * value);
    }
    normalize(&mut expected);
    let asked = std::cell::Cell::new(0);
    let go_on = || {
        asked.set(asked.get() + 1);
        Ok(())
    };
    assert_near(&model.embed(&text, &go_on).unwrap(), &expected, 1e-6);
    assert_eq!(asked.get(), 3, "asked before each window");
    let stop = || Err(crate::error::Error::new(ErrorKind::Cancelled, "Cancelled."));
    assert_eq!(model.embed(&text, &stop).unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn a_model_comes_back_from_its_files() {
    for bits in [4, 6, 8] {
        let (encoder, tokens) = files::write(&Raw::new(&config(), 3), &config(), &PIECES, bits);
        let read = Bert::bundled(&encoder, tokens.leak()).unwrap();
        for text in ["tides", "a ship at sea", ""] {
            let (a, b) = (model(3).embed(text, &|| Ok(())), read.embed(text, &|| Ok(())));
            let cosine: f32 = a.unwrap().iter().zip(b.unwrap()).map(|(a, b)| a * b).sum();
            assert!(cosine > 0.985, "{text:?} in {bits} bits: {cosine}");
        }
    }
}

#[test]
fn damaged_files_are_refused_and_never_more() {
    let (encoder, tokens) = files::write(&Raw::new(&config(), 3), &config(), &PIECES, 6);
    let read = |encoder: &[u8], tokens: &[u8]| {
        let tokens: &'static [u8] = tokens.to_vec().leak();
        Bert::bundled(encoder, tokens).map_err(|error| error.kind())
    };
    for at in 0..encoder.len() {
        let mut damaged = encoder.clone();
        damaged[at] ^= 1;
        assert_eq!(read(&damaged, &tokens).err(), Some(ErrorKind::ConfigInvalid), "byte {at}");
    }
    for at in 0..tokens.len() {
        let mut damaged = tokens.clone();
        damaged[at] ^= 1;
        assert_eq!(read(&encoder, &damaged).err(), Some(ErrorKind::ConfigInvalid), "byte {at}");
    }
    // Sums that are right do not make the rest so.
    for n in (0..encoder.len()).step_by(17) {
        let cut = files::with_sum(encoder[..n].to_vec());
        assert!(read(&cut, &tokens).is_err(), "{n} bytes of the encoder");
    }
    for n in 0..tokens.len() {
        let cut = files::with_sum(tokens[..n].to_vec());
        assert!(read(&encoder, &cut).is_err(), "{n} bytes of the tokens");
    }
    for at in 20..44 {
        for byte in [0, 0xff] {
            let mut wrong = encoder.clone();
            wrong[at] = if wrong[at] == byte { 1 } else { byte };
            let refused = read(&files::with_sum(wrong), &tokens).err();
            let is_epsilon = (40..44).contains(&at);
            assert!(is_epsilon || refused == Some(ErrorKind::ConfigInvalid), "size at {at}");
        }
    }
}

/// What the `tokenizers` package makes of these texts with the model's own `tokenizer.json`.
#[test]
fn the_built_in_vocabulary_cuts_as_the_original_does() {
    let bytes = include_bytes!("tests/pieces.json");
    let golden: Vec<(String, Vec<u32>)> = serde_json::from_slice(bytes).unwrap();
    let model = Bert::bundled(chatbot_model_encoder::BYTES, chatbot_model_tokens::BYTES).unwrap();
    assert!(golden.len() > 15);
    for (text, expected) in golden {
        assert_eq!(model.tokenizer.pieces(&text), expected, "{text:?}");
    }
}

#[test]
fn the_data_is_what_the_names_of_its_vectors_say() {
    use sha2::Digest as _;
    let data = [
        (chatbot_model_encoder::BYTES, chatbot_model_encoder::SHA256),
        (chatbot_model_tokens::BYTES, chatbot_model_tokens::SHA256),
    ];
    for (bytes, expected) in data {
        let digest: String =
            sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, expected);
    }
}
