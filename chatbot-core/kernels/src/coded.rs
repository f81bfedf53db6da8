//! Products with a matrix whose values have 8 bits each.
//!
//! An instruction of AVX2 multiplies sixteen pairs of 16-bit integers where another multiplies eight pairs of floats. So the
//! rows of the other side become integers of 16 bits, by the greatest value of each, which is finer than what the 8 bits have
//! left of the matrix; the codes are widened on the way from memory, of which they take a quarter of what floats do.

#![allow(
    unsafe_code,
    reason = "vector instructions read through pointers; each read is within a checked slice"
)]

use std::arch::x86_64::{
    __m256, __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_cvtepi32_ps,
    _mm256_loadu_ps, _mm256_madd_epi16, _mm256_mul_ps, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_setzero_si256, _mm256_storeu_ps,
};

/// Outputs that are computed side by side: two registers of sums.
const LANES: usize = 16;

/// Rows that are computed at a time: with two registers each they fill twelve of the sixteen there are.
const ROWS: usize = 6;

/// Inputs that are gone through at a time. Sums of as many products of 16 and 8 bits fit 32 bits: 384 · 2¹⁵ · 2⁷ < 2³¹.
const DEPTH: usize = 384;

/// The greatest code of an input.
const HIGHEST: f32 = 32_767.0;

/// The codes that a panel has for two inputs: of the first output for both, then of the next.
type Pair = [i8; 2 * LANES];

/// A matrix of 8-bit codes with a scale for each output, for processors with AVX2.
#[derive(Debug, Clone)]
pub(crate) struct CodedMatrix {
    /// For each stretch of inputs, for each panel of outputs, for each two inputs.
    panels: Vec<Pair>,
    /// Of each output, and zeros up to a whole panel.
    scales: Vec<f32>,
    n_outputs: usize,
    n_inputs: usize,
}

/// Rows of inputs as integers, kept from one product to the next so that their memory is.
#[derive(Debug, Default)]
pub struct InputCodes {
    /// Rows of an even length.
    codes: Vec<i16>,
    /// What a code of each row stands for.
    scales: Vec<f32>,
}

impl CodedMatrix {
    /// A matrix of as many rows of codes as there are scales; `None` where this processor has no AVX2.
    pub(crate) fn new(codes: &[u8], scales: &[f32]) -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx2").then_some(())?;
        let (n_outputs, n_inputs) = (scales.len(), codes.len().checked_div(scales.len())?);
        let code = |output: usize, input: usize| {
            // Beyond the last output and input there is nothing, and a panel is filled with zeros.
            let is_there = output < n_outputs && input < n_inputs;
            let code = is_there.then(|| codes.get(output * n_inputs + input)).flatten();
            code.copied().unwrap_or_default().cast_signed()
        };
        let mut panels = Vec::with_capacity(n_outputs.div_ceil(LANES) * n_inputs.div_ceil(2));
        for from in (0..n_inputs).step_by(DEPTH) {
            for first in (0..n_outputs).step_by(LANES) {
                for input in (from..(from + DEPTH).min(n_inputs)).step_by(2) {
                    panels.push(std::array::from_fn(|at| code(first + at / 2, input + at % 2)));
                }
            }
        }
        let mut scales = scales.to_vec();
        scales.resize(n_outputs.next_multiple_of(LANES), 0.0);
        Some(Self { panels, scales, n_outputs, n_inputs })
    }

    /// Writes the outputs of full rows of inputs into `out`, which has room for exactly those.
    pub(crate) fn apply(&self, rows: &[f32], room: &mut InputCodes, out: &mut [f32]) -> Option<()> {
        room.fill(rows, self.n_inputs);
        let stride = self.n_inputs.next_multiple_of(2);
        let (scales, _) = self.scales.as_chunks::<LANES>();
        let mut rest = &*self.panels;
        for from in (0..self.n_inputs).step_by(DEPTH) {
            let n_pairs = DEPTH.min(self.n_inputs - from).div_ceil(2);
            for (first, scales) in (0..self.n_outputs).step_by(LANES).zip(scales) {
                let (pairs, after) = rest.split_at_checked(n_pairs)?;
                rest = after;
                let panel = Panel { pairs, scales, from, first, n_outputs: self.n_outputs };
                let codes = room.codes.chunks(ROWS * stride).zip(room.scales.chunks(ROWS));
                for ((codes, scales), out) in codes.zip(out.chunks_mut(ROWS * self.n_outputs)) {
                    let rows = (codes.chunks_exact(stride), scales);
                    match scales.len() {
                        6 => panel.apply::<6>(rows, out)?,
                        5 => panel.apply::<5>(rows, out)?,
                        4 => panel.apply::<4>(rows, out)?,
                        3 => panel.apply::<3>(rows, out)?,
                        2 => panel.apply::<2>(rows, out)?,
                        _ => panel.apply::<1>(rows, out)?,
                    }
                }
            }
        }
        Some(())
    }
}

impl InputCodes {
    fn fill(&mut self, rows: &[f32], n_inputs: usize) {
        self.codes.clear();
        self.scales.clear();
        for row in rows.chunks_exact(n_inputs) {
            // SAFETY: this is only called for a `CodedMatrix`, which there is only with AVX2.
            self.scales.push(unsafe { push_codes(row, &mut self.codes) });
            if !n_inputs.is_multiple_of(2) {
                self.codes.push(0);
            }
        }
    }
}

/// Appends a row's codes, and returns what one of them stands for.
#[target_feature(enable = "avx2")]
fn push_codes(row: &[f32], codes: &mut Vec<i16>) -> f32 {
    const TO_INTEGER: f32 = 12_582_912.0; // 1.5 · 2²³: adding it rounds to an integer, which is then in the low bits
    let mut highest = [0.0_f32; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    for chunk in chunks {
        for (highest, value) in highest.iter_mut().zip(chunk) {
            *highest = greater(*highest, value.abs());
        }
    }
    let highest = highest.into_iter().chain(rest.iter().map(|v| v.abs())).fold(0.0, greater);
    let per_value = if highest > f32::MIN_POSITIVE { HIGHEST / highest } else { 0.0 };
    #[allow(clippy::cast_possible_truncation, reason = "the low bits are the integer")]
    let code = |value: &f32| ((value * per_value + TO_INTEGER).to_bits() as u16).cast_signed();
    codes.extend(row.iter().map(code));
    highest / HIGHEST
}

/// Some outputs of some inputs.
struct Panel<'a> {
    pairs: &'a [Pair],
    scales: &'a [f32; LANES],
    /// Its first input and its first output.
    from: usize,
    first: usize,
    n_outputs: usize,
}

impl Panel<'_> {
    /// A panel's outputs of `N` rows: written by the first stretch of inputs, added to by the others.
    fn apply<'a, const N: usize>(
        &self,
        (rows, scales): (impl Iterator<Item = &'a [i16]>, &[f32]),
        out: &mut [f32],
    ) -> Option<()> {
        let mut inputs = [&[][..]; N];
        for (input, row) in inputs.iter_mut().zip(rows) {
            *input = row.get(self.from..self.from + 2 * self.pairs.len())?;
        }
        // SAFETY: there is a panel only where the processor has AVX2.
        let sums = unsafe { sums(self.pairs, self.scales, inputs, scales.first_chunk::<N>()?) };
        let width = LANES.min(self.n_outputs - self.first);
        for (row, sums) in out.chunks_exact_mut(self.n_outputs).zip(&sums) {
            let row = row.get_mut(self.first..self.first + width)?;
            if self.from == 0 {
                row.copy_from_slice(sums.get(..width)?);
            } else {
                row.iter_mut().zip(sums).for_each(|(value, sum)| *value += sum);
            }
        }
        Some(())
    }
}

/// What each of `N` rows makes with a panel; zero where a row is not as long as the panel is deep.
#[target_feature(enable = "avx2")]
fn sums<const N: usize>(
    pairs: &[Pair],
    scales: &[f32; LANES],
    rows: [&[i16]; N],
    row_scales: &[f32; N],
) -> [[f32; LANES]; N] {
    let mut out = [[0.0; LANES]; N];
    if rows.iter().any(|row| row.len() != 2 * pairs.len()) {
        return out;
    }
    let starts = rows.map(|row| row.as_ptr().cast::<i32>());
    let mut sums = [(_mm256_setzero_si256(), _mm256_setzero_si256()); N];
    for (at, pair) in pairs.iter().enumerate() {
        // SAFETY: a pair is two halves of 16 bytes, and each row has two inputs for every pair.
        unsafe {
            let low = _mm256_cvtepi8_epi16(_mm_loadu_si128(pair.as_ptr().cast()));
            let high = _mm256_cvtepi8_epi16(_mm_loadu_si128(pair.as_ptr().add(LANES).cast()));
            for (sums, row) in sums.iter_mut().zip(starts) {
                let inputs = _mm256_set1_epi32(row.add(at).read_unaligned());
                *sums = (added(sums.0, inputs, low), added(sums.1, inputs, high));
            }
        }
    }
    // SAFETY: the scales, and each row of `out`, are two registers long.
    unsafe {
        let low_scales = _mm256_loadu_ps(scales.as_ptr());
        let high_scales = _mm256_loadu_ps(scales.as_ptr().add(LANES / 2));
        for ((out, (low, high)), scale) in out.iter_mut().zip(sums).zip(row_scales) {
            _mm256_storeu_ps(out.as_mut_ptr(), scaled(low, *scale, low_scales));
            _mm256_storeu_ps(out.as_mut_ptr().add(LANES / 2), scaled(high, *scale, high_scales));
        }
    }
    out
}

/// `sums` and the products of eight pairs of inputs.
#[inline]
#[target_feature(enable = "avx2")]
fn added(sums: __m256i, inputs: __m256i, codes: __m256i) -> __m256i {
    _mm256_add_epi32(sums, _mm256_madd_epi16(inputs, codes))
}

#[inline]
#[target_feature(enable = "avx2")]
fn scaled(sums: __m256i, row: f32, outputs: __m256) -> __m256 {
    _mm256_mul_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_set1_ps(row)), outputs)
}
