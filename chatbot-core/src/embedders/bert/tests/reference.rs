//! BERT in plain loops of 64-bit floats: slow, and as easy to compare with the paper as can be.

use super::super::config::Config;
use super::super::encoder::Pooling;
use super::super::weights::Norm;
use super::{Raw, RawLayer, RawLinear};

type Rows = Vec<Vec<f64>>;

pub(super) fn reference(raw: &Raw, config: &Config, pooling: Pooling, tokens: &[u32]) -> Vec<f32> {
    let width = config.hidden_size;
    let mut states: Rows = Vec::new();
    for (position, token) in tokens.iter().enumerate() {
        let row = &raw.tokens[*token as usize * width..];
        let row = (0..width).map(|i| {
            f64::from(row[i])
                + f64::from(raw.positions[position * width + i])
                + f64::from(raw.segment[i])
        });
        states.push(normalised(&row.collect::<Vec<_>>(), &raw.norm, config));
    }
    for layer in &raw.layers {
        states = through(&states, layer, config);
    }
    let n_pooled = if pooling == Pooling::First { 1 } else { states.len() };
    let sums: Vec<f64> =
        (0..width).map(|i| states[..n_pooled].iter().map(|row| row[i]).sum()).collect();
    let length = sums.iter().map(|value| value * value).sum::<f64>().sqrt();
    sums.iter().map(|value| (value / length) as f32).collect()
}

fn through(states: &Rows, layer: &RawLayer, config: &Config) -> Rows {
    let (width, n) = (config.hidden_size, states.len());
    let head = width / config.num_attention_heads;
    let qkv = product(states, &layer.qkv);
    let mut context = vec![vec![0.0; width]; n];
    for at in (0..width).step_by(head) {
        for i in 0..n {
            let mut scores: Vec<f64> = (0..n)
                .map(|j| {
                    let dot: f64 = (0..head).map(|k| qkv[i][at + k] * qkv[j][width + at + k]).sum();
                    (dot / (head as f64).sqrt()).exp()
                })
                .collect();
            let sum: f64 = scores.iter().sum();
            scores.iter_mut().for_each(|score| *score /= sum);
            for k in 0..head {
                context[i][at + k] = (0..n).map(|j| scores[j] * qkv[j][2 * width + at + k]).sum();
            }
        }
    }
    let attended = added(states, &product(&context, &layer.output), &layer.output_norm, config);
    let mut inner = product(&attended, &layer.up);
    for value in inner.iter_mut().flatten() {
        *value = 0.5 * *value * (1.0 + erf(*value / std::f64::consts::SQRT_2));
    }
    added(&attended, &product(&inner, &layer.down), &layer.down_norm, config)
}

fn product(rows: &Rows, linear: &RawLinear) -> Rows {
    let output = |row: &Vec<f64>, n: usize| {
        let weight = &linear.weight[n * row.len()..(n + 1) * row.len()];
        let sum: f64 = row.iter().zip(weight).map(|(x, w)| x * f64::from(*w)).sum();
        sum + f64::from(linear.bias[n])
    };
    rows.iter().map(|row| (0..linear.bias.len()).map(|n| output(row, n)).collect()).collect()
}

fn added(states: &Rows, update: &Rows, norm: &Norm, config: &Config) -> Rows {
    let sum = |(a, b): (&Vec<f64>, &Vec<f64>)| {
        let row: Vec<f64> = a.iter().zip(b).map(|(a, b)| a + b).collect();
        normalised(&row, norm, config)
    };
    states.iter().zip(update).map(sum).collect()
}

fn normalised(row: &[f64], norm: &Norm, config: &Config) -> Vec<f64> {
    let mean = row.iter().sum::<f64>() / row.len() as f64;
    let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / row.len() as f64;
    let scale = 1.0 / (variance + f64::from(config.layer_norm_eps)).sqrt();
    let parameters = norm.weight.iter().zip(&norm.bias);
    let shifted =
        |(x, (w, b)): (&f64, (&f32, &f32))| (x - mean) * scale * f64::from(*w) + f64::from(*b);
    row.iter().zip(parameters).map(shifted).collect()
}

/// By its Taylor series, which converges everywhere and is exact enough to 5; beyond, the function is one.
fn erf(x: f64) -> f64 {
    if x.abs() > 5.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..120 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}
