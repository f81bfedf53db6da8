//! The forward pass: one sequence on one thread, without padding.
//!
//! Texts differ in length, and a batch pads all to the longest; a sequence of its own per thread computes nothing in vain,
//! and its working set of about a megabyte stays in the cache of its core.

use super::config::Config;
use super::weights::{Layer, Linear, Norm, Weights};
use crate::error::{Error, Result};
use crate::kernels::{
    InputCodes, Matrix, add_bias, bias_gelu, matmul, residual_layer_norm, softmax_rows,
};

/// How the vectors of tokens become that of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// Their mean.
    Mean,
    /// The first token's.
    First,
}

/// The vector of one sequence of tokens, of unit length.
///
/// # Errors
/// `internal` where a token or a position is not in the tables; the tokenizer and the windows keep within them.
pub(crate) fn encode(
    weights: &Weights,
    config: &Config,
    pooling: Pooling,
    tokens: &[u32],
) -> Result<Vec<f32>> {
    forward(weights, config, pooling, tokens)
        .ok_or_else(|| Error::internal("A token is not in the embedder's tables."))
}

fn forward(
    weights: &Weights,
    config: &Config,
    pooling: Pooling,
    tokens: &[u32],
) -> Option<Vec<f32>> {
    let width = config.hidden_size;
    let mut states = embedded(weights, config, tokens)?;
    let mut scratch = Scratch::new(config, tokens.len());
    for layer in &weights.layers {
        attend(&mut states, layer, config, &mut scratch)?;
        feed_forward(&mut states, layer, config, &mut scratch)?;
    }
    let mut vector = vec![0.0; width];
    let n_pooled = if pooling == Pooling::First { 1 } else { tokens.len() };
    for row in states.chunks_exact(width).take(n_pooled) {
        vector.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    normalize(&mut vector);
    Some(vector)
}

/// Scales to unit length; a vector of nothing becomes the first axis, so that every text has a direction.
pub(crate) fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > f32::MIN_POSITIVE && length.is_finite() {
        vector.iter_mut().for_each(|value| *value /= length);
    } else {
        vector.fill(0.0);
        vector.iter_mut().take(1).for_each(|value| *value = 1.0);
    }
}

fn embedded(weights: &Weights, config: &Config, tokens: &[u32]) -> Option<Vec<f32>> {
    let width = config.hidden_size;
    let mut states = Vec::with_capacity(tokens.len() * width);
    for token in tokens {
        weights.tokens.push_row(*token, width, &mut states)?;
    }
    let positions = weights.positions.get(..states.len())?;
    let norm = (&*weights.norm.weight, &*weights.norm.bias, config.layer_norm_eps);
    residual_layer_norm(&mut states, positions, &weights.segment, norm);
    Some(states)
}

/// Room for what a layer computes, used again by the next.
struct Scratch {
    qkv: Vec<f32>,
    scores: Vec<f32>,
    context: Vec<f32>,
    update: Vec<f32>,
    inner: Vec<f32>,
    codes: InputCodes,
}

impl Scratch {
    fn new(config: &Config, n_tokens: usize) -> Self {
        let width = config.hidden_size;
        Self {
            qkv: vec![0.0; n_tokens * 3 * width],
            scores: vec![0.0; n_tokens * n_tokens],
            context: vec![0.0; n_tokens * width],
            update: vec![0.0; n_tokens * width],
            inner: vec![0.0; n_tokens * config.intermediate_size],
            codes: InputCodes::default(),
        }
    }
}

fn attend(states: &mut [f32], layer: &Layer, config: &Config, room: &mut Scratch) -> Option<()> {
    let width = config.hidden_size;
    let n = states.len() / width;
    let head = width / config.num_attention_heads;
    #[allow(clippy::cast_precision_loss, reason = "a head is some dozens wide")]
    let scale = 1.0 / (head as f32).sqrt();
    layer.qkv.weight.apply(states, &mut room.codes, &mut room.qkv)?;
    add_bias(&mut room.qkv, &layer.qkv.bias);
    for at in (0..width).step_by(head) {
        let view = |offset: usize| Matrix::new(room.qkv.get(offset..)?, (n, head), (3 * width, 1));
        let (query, key, value) = (view(at)?, view(width + at)?, view(2 * width + at)?);
        matmul((&mut room.scores, n), query, key.transposed(), scale)?;
        softmax_rows(&mut room.scores, n);
        let scores = Matrix::new(&room.scores, (n, n), (n, 1))?;
        matmul((room.context.get_mut(at..)?, width), scores, value, 1.0)?;
    }
    layer.output.weight.apply(&room.context, &mut room.codes, &mut room.update)?;
    add_and_norm(states, &room.update, &layer.output, &layer.output_norm, config);
    Some(())
}

fn feed_forward(
    states: &mut [f32],
    layer: &Layer,
    config: &Config,
    room: &mut Scratch,
) -> Option<()> {
    layer.up.weight.apply(states, &mut room.codes, &mut room.inner)?;
    bias_gelu(&mut room.inner, &layer.up.bias);
    layer.down.weight.apply(&room.inner, &mut room.codes, &mut room.update)?;
    add_and_norm(states, &room.update, &layer.down, &layer.down_norm, config);
    Some(())
}

fn add_and_norm(states: &mut [f32], update: &[f32], linear: &Linear, norm: &Norm, config: &Config) {
    let norm = (&*norm.weight, &*norm.bias, config.layer_norm_eps);
    residual_layer_norm(states, update, &linear.bias, norm);
}
