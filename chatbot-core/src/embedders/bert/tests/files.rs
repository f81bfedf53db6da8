//! Writes the files of the built-in model, as their description says.

use super::super::config::Config;
use super::super::weights::Norm;
use super::{Raw, RawLinear};

/// The encoder's file and the tokens'.
pub(super) fn write(
    raw: &Raw,
    config: &Config,
    pieces: &[&str],
    bits: usize,
) -> (Vec<u8>, Vec<u8>) {
    (encoder(raw, config), tokens(raw, config, pieces, bits))
}

fn encoder(raw: &Raw, config: &Config) -> Vec<u8> {
    let mut file = begin("cb-encod");
    for size in [
        config.hidden_size,
        config.num_hidden_layers,
        config.num_attention_heads,
        config.intermediate_size,
        config.max_position_embeddings,
    ] {
        file.extend((size as u32).to_le_bytes());
    }
    push(&[config.layer_norm_eps], &mut file);
    push(&raw.positions, &mut file);
    push(&raw.segment, &mut file);
    push_norm(&raw.norm, &mut file);
    for layer in &raw.layers {
        push_linear(&layer.qkv, &mut file);
        push_linear(&layer.output, &mut file);
        push_norm(&layer.output_norm, &mut file);
        push_linear(&layer.up, &mut file);
        push_linear(&layer.down, &mut file);
        push_norm(&layer.down_norm, &mut file);
    }
    with_sum(file)
}

fn tokens(raw: &Raw, config: &Config, pieces: &[&str], bits: usize) -> Vec<u8> {
    let lines = pieces.join("\n");
    let mut file = begin("cb-token");
    for size in [pieces.len(), config.hidden_size, 32, lines.len(), bits] {
        file.extend((size as u32).to_le_bytes());
    }
    file.extend(lines.bytes());
    let half = (1_u64 << (bits - 1)) as f32;
    for group in raw.tokens.chunks(32) {
        // A little more than is needed, and a number of which the lower half of the bits is zero.
        let largest = group.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        let scale = f32::from_bits(((largest / (half - 1.0)).to_bits() + 0xffff) & 0xffff_0000);
        file.extend(&scale.to_le_bytes()[2..]);
        for eight in group.chunks(8) {
            let codes = eight.iter().map(|value| ((value / scale).round() + half) as u64);
            let word = codes.rev().fold(0, |word, code| (word << bits) | code);
            file.extend(&word.to_le_bytes()[..bits]);
        }
    }
    with_sum(file)
}

fn begin(name: &str) -> Vec<u8> {
    [name.as_bytes(), &1_u32.to_le_bytes(), &[0; 8]].concat()
}

/// The file with the right sum in its place, if it is long enough to have one.
pub(super) fn with_sum(mut file: Vec<u8>) -> Vec<u8> {
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    for chunk in file.get(20..).unwrap_or_default().chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        sum = (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x0100_0000_01b3);
    }
    if let Some(place) = file.get_mut(12..20) {
        place.copy_from_slice(&sum.to_le_bytes());
    }
    file
}

fn push(values: &[f32], file: &mut Vec<u8>) {
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn push_norm(norm: &Norm, file: &mut Vec<u8>) {
    push(&norm.weight, file);
    push(&norm.bias, file);
}

fn push_linear(linear: &RawLinear, file: &mut Vec<u8>) {
    let rows = linear.weight.chunks(linear.weight.len() / linear.bias.len());
    let scales: Vec<f32> =
        rows.clone().map(|row| row.iter().fold(0.0_f32, |a, b| a.max(b.abs())) / 127.0).collect();
    push(&scales, file);
    push(&linear.bias, file);
    for (row, scale) in rows.zip(scales) {
        file.extend(row.iter().map(|value| ((value / scale).round() as i8).cast_unsigned()));
    }
}
