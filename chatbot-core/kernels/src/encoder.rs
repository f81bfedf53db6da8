//! What an encoder does between its matrix products: element by element, or along a row.
#![allow(unsafe_code, reason = "functions compiled for AVX2 are called where the processor has it")]

/// Sums are kept apart in this many lanes, so that they can be vectors: one AVX register.
const LANES: usize = 8;

/// Defines a safe function that runs `$plain`, compiled for AVX2 and fused products where the processor has them.
macro_rules! dispatched {
    ($(#[$doc:meta])* $name:ident, $plain:ident, ($($arg:ident: $type:ty),*)) => {
        $(#[$doc])*
        pub fn $name($($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn wide($($arg: $type),*) {
                    $plain::<true>($($arg),*);
                }
                if std::arch::is_x86_feature_detected!("avx2")
                    && std::arch::is_x86_feature_detected!("fma")
                {
                    // SAFETY: the processor has what `wide` was compiled for.
                    return unsafe { wide($($arg),*) };
                }
            }
            $plain::<false>($($arg),*);
        }
    };
}

dispatched!(
    /// Adds `bias` to each row of `values`.
    add_bias, add_bias_plain, (values: &mut [f32], bias: &[f32])
);
dispatched!(
    /// Adds `bias` to each row of `values`, and applies the Gaussian error linear unit.
    bias_gelu, bias_gelu_plain, (values: &mut [f32], bias: &[f32])
);
dispatched!(
    /// Makes each row of `n` values positive with a sum of one, in the proportions of their exponentials.
    softmax_rows, softmax_rows_plain, (values: &mut [f32], n: usize)
);
dispatched!(
    /// Adds `update` and `bias` to each row of `values` and normalises it to the given scale and shift.
    residual_layer_norm, residual_layer_norm_plain,
    (values: &mut [f32], update: &[f32], bias: &[f32], norm: (&[f32], &[f32], f32))
);

#[inline(always)]
fn add_bias_plain<const FMA: bool>(values: &mut [f32], bias: &[f32]) {
    for row in values.chunks_exact_mut(bias.len().max(1)) {
        for (value, bias) in row.iter_mut().zip(bias) {
            *value += bias;
        }
    }
}

#[inline(always)]
fn bias_gelu_plain<const FMA: bool>(values: &mut [f32], bias: &[f32]) {
    for row in values.chunks_exact_mut(bias.len().max(1)) {
        for (value, bias) in row.iter_mut().zip(bias) {
            let x = *value + bias;
            *value = 0.5 * x * (1.0 + erf::<FMA>(x * std::f32::consts::FRAC_1_SQRT_2));
        }
    }
}

#[inline(always)]
fn softmax_rows_plain<const FMA: bool>(values: &mut [f32], n: usize) {
    for row in values.chunks_exact_mut(n.max(1)) {
        let highest = highest(row);
        for value in row.iter_mut() {
            *value = exp::<FMA>(*value - highest);
        }
        let scale = 1.0 / sum(row, |value| value);
        for value in row.iter_mut() {
            *value *= scale;
        }
    }
}

#[inline(always)]
fn residual_layer_norm_plain<const FMA: bool>(
    values: &mut [f32],
    update: &[f32],
    bias: &[f32],
    (weight, shift, epsilon): (&[f32], &[f32], f32),
) {
    let width = bias.len().max(1);
    #[allow(clippy::cast_precision_loss, reason = "rows are some hundred values long")]
    let share = 1.0 / width as f32;
    for (row, update) in values.chunks_exact_mut(width).zip(update.chunks_exact(width)) {
        for ((value, update), bias) in row.iter_mut().zip(update).zip(bias) {
            *value += update + bias;
        }
        let mean = sum(row, |value| value) * share;
        let variance = sum(row, |value| (value - mean) * (value - mean)) * share;
        let scale = 1.0 / (variance + epsilon).sqrt();
        for ((value, weight), shift) in row.iter_mut().zip(weight).zip(shift) {
            *value = fused::<FMA>((*value - mean) * scale, *weight, *shift);
        }
    }
}

#[inline(always)]
fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += of(*value);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|value| of(*value)).sum::<f32>()
}

#[inline(always)]
fn highest(row: &[f32]) -> f32 {
    let greater = |a: f32, b: f32| if a > b { a } else { b };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = greater(*lane, *value);
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, greater)
}

/// `a` × `b` + `c`: in one step where there is an instruction for it, because without one it is a call.
#[inline(always)]
fn fused<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// e to the power of `x` within 2 units in the last place, for `x` from -87 to 88; held at the ends beyond.
///
/// # Source
/// The Cephes library's `expf`: 2ⁿ · eʳ with |r| ≤ ln 2 / 2, and a polynomial of degree 6.
#[inline(always)]
fn exp<const FMA: bool>(x: f32) -> f32 {
    const TO_INTEGER: f32 = 12_582_912.0; // 1.5 · 2²³: adding it rounds to an integer, which is then in the low bits
    let x = x.clamp(-87.0, 88.0);
    let shifted = fused::<FMA>(x, std::f32::consts::LOG2_E, TO_INTEGER);
    let n = shifted - TO_INTEGER;
    let r = fused::<FMA>(n, 2.121_944_4e-4, fused::<FMA>(n, -0.693_359_4, x));
    let p = 1.987_569_1e-4;
    let p = fused::<FMA>(p, r, 1.398_199_9e-3);
    let p = fused::<FMA>(p, r, 8.333_452e-3);
    let p = fused::<FMA>(p, r, 4.166_579_6e-2);
    let p = fused::<FMA>(p, r, 1.666_666_5e-1);
    let p = fused::<FMA>(p, r, 0.5);
    let p = fused::<FMA>(p * r, r, r) + 1.0;
    let exponent = shifted.to_bits().wrapping_sub(TO_INTEGER.to_bits()).wrapping_add(127);
    p * f32::from_bits(exponent << 23)
}

/// The error function within 4e-7.
///
/// # Source
/// Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
#[inline(always)]
fn erf<const FMA: bool>(x: f32) -> f32 {
    let a = x.abs();
    let t = 1.0 / fused::<FMA>(0.327_591_1, a, 1.0);
    let p = 1.061_405_4;
    let p = fused::<FMA>(p, t, -1.453_152_1);
    let p = fused::<FMA>(p, t, 1.421_413_7);
    let p = fused::<FMA>(p, t, -0.284_496_74);
    let p = fused::<FMA>(p, t, 0.254_829_6);
    (1.0 - p * t * exp::<FMA>(-a * a)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919) % 1000) as f32 / 100.0 - 5.0).collect()
    }

    #[test]
    fn exp_and_erf_are_near_what_they_approximate() {
        for i in -8600..8700 {
            let x = i as f32 / 100.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp::<false>(x)) / exact - 1.0).abs() < 5e-7, "exp({x})");
        }
        let known = [(0.0, 0.0), (0.5, 0.520_499_9), (1.0, 0.842_700_8), (-2.0, -0.995_322_3)];
        for (x, exact) in known {
            assert!((erf::<false>(x) - exact).abs() < 4e-7, "erf({x}) = {}", erf::<false>(x));
        }
        assert_eq!((erf::<false>(20.0), erf::<false>(-20.0)), (1.0, -1.0));
    }

    #[test]
    fn wide_and_plain_agree() {
        let (n, width) = (33, 37);
        let bias = values(width);
        let (mut wide, mut plain) = (values(n * width), values(n * width));
        let update: Vec<f32> = values(n * width).iter().map(|value| value * 0.5).collect();
        let norm = (bias.as_slice(), bias.as_slice(), 1e-12);
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        add_bias(&mut wide, &bias);
        add_bias_plain::<false>(&mut plain, &bias);
        assert!(near(&wide, &plain));
        bias_gelu(&mut wide, &bias);
        bias_gelu_plain::<false>(&mut plain, &bias);
        assert!(near(&wide, &plain));
        residual_layer_norm(&mut wide, &update, &bias, norm);
        residual_layer_norm_plain::<false>(&mut plain, &update, &bias, norm);
        assert!(near(&wide, &plain));
        softmax_rows(&mut wide, width);
        softmax_rows_plain::<false>(&mut plain, width);
        assert!(near(&wide, &plain));
        for row in wide.chunks(width) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
}
