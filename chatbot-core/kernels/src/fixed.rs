//! Products with a matrix that stays the same, laid out once in the order in which it is read.
//!
//! A general product copies both sides into such an order each time, which costs a quarter of the whole for matrices of this
//! size. Here the rows of the other side are read where they are. Where the processor has no AVX2, the general product does it.

#![allow(
    unsafe_code,
    reason = "vector instructions read through pointers; each read is within a checked slice"
)]

use crate::matmul::{Matrix, matmul};
use crate::packed::widen;

#[cfg(target_arch = "x86_64")]
use crate::coded::CodedMatrix;
#[cfg(target_arch = "x86_64")]
pub use crate::coded::InputCodes;

/// What products with codes need room for on other processors: nothing.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Debug, Default)]
pub struct InputCodes;

/// Outputs that are computed side by side: two AVX registers.
const LANES: usize = 16;

/// Rows that are computed at a time: with two registers each they fill twelve of the sixteen there are.
const ROWS: usize = 6;

/// Inputs that are gone through at a time: a panel of this depth and its rows fit in a first-level cache of 32 kB.
const DEPTH: usize = 384;

/// A matrix with a row of inputs for each output.
#[derive(Debug, Clone)]
pub struct FixedMatrix {
    layout: Layout,
    n_outputs: usize,
    n_inputs: usize,
}

#[derive(Debug, Clone)]
enum Layout {
    /// One row after the other.
    Rows(Vec<f32>),
    /// For each stretch of inputs, for each panel of outputs, for each input: the values of all outputs of the panel.
    #[cfg(target_arch = "x86_64")]
    Panels(Vec<f32>),
    /// In 8 bits a value.
    #[cfg(target_arch = "x86_64")]
    Codes(CodedMatrix),
}

impl FixedMatrix {
    /// A matrix of `n_outputs` rows, one after the other in `values`; `None` where they are not that many full rows.
    #[must_use]
    pub fn new(values: Vec<f32>, n_outputs: usize) -> Option<Self> {
        let is_full = n_outputs > 0 && !values.is_empty() && values.len().is_multiple_of(n_outputs);
        let n_inputs = is_full.then(|| values.len() / n_outputs)?;
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
        {
            let layout = Layout::Panels(panels(&values, n_outputs, n_inputs));
            return Some(Self { layout, n_outputs, n_inputs });
        }
        Some(Self { layout: Layout::Rows(values), n_outputs, n_inputs })
    }

    /// A matrix of 8-bit codes, a row of them for each of `scales`, which is what they are multiplied by. `None` where they are
    /// not that many full rows.
    #[must_use]
    pub fn of_codes(codes: &[u8], scales: &[f32]) -> Option<Self> {
        let n_outputs = scales.len();
        let is_full = n_outputs > 0 && !codes.is_empty() && codes.len().is_multiple_of(n_outputs);
        is_full.then_some(())?;
        #[cfg(target_arch = "x86_64")]
        if let Some(coded) = CodedMatrix::new(codes, scales) {
            let n_inputs = codes.len() / n_outputs;
            return Some(Self { layout: Layout::Codes(coded), n_outputs, n_inputs });
        }
        let mut values = vec![0.0; codes.len()];
        widen(codes, scales, &mut values);
        Self::new(values, n_outputs)
    }

    /// Writes the outputs of each row of inputs into `out`, one row after the other; `room` is for what comes in between.
    /// `None`, and nothing is written, where the rows are not full or `out` has not exactly room for what they become.
    #[must_use]
    pub fn apply(&self, rows: &[f32], room: &mut InputCodes, out: &mut [f32]) -> Option<()> {
        let n_rows = rows.len() / self.n_inputs;
        let fits = n_rows * self.n_inputs == rows.len() && n_rows * self.n_outputs == out.len();
        fits.then_some(())?;
        #[cfg(not(target_arch = "x86_64"))]
        let InputCodes = room;
        match &self.layout {
            Layout::Rows(values) => {
                let rows = Matrix::new(rows, (n_rows, self.n_inputs), (self.n_inputs, 1))?;
                let shape = (self.n_outputs, self.n_inputs);
                let weight = Matrix::new(values, shape, (self.n_inputs, 1))?;
                matmul((out, self.n_outputs), rows, weight.transposed(), 1.0)
            }
            #[cfg(target_arch = "x86_64")]
            Layout::Panels(values) => self.apply_panels(values, rows, out),
            #[cfg(target_arch = "x86_64")]
            Layout::Codes(coded) => coded.apply(rows, room, out),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn panels(values: &[f32], n_outputs: usize, n_inputs: usize) -> Vec<f32> {
    let mut panels = Vec::with_capacity(n_outputs.next_multiple_of(LANES) * n_inputs);
    for from in (0..n_inputs).step_by(DEPTH) {
        for first in (0..n_outputs).step_by(LANES) {
            for input in from..(from + DEPTH).min(n_inputs) {
                // Beyond the last output there is nothing, and a panel is filled with zeros.
                let value = |output: usize| values.get(output * n_inputs + input).copied();
                let outputs = first..first + LANES;
                panels.extend(outputs.map(|output| value(output).unwrap_or_default()));
            }
        }
    }
    panels
}

/// Where a panel is: its first input, its first output, and how many outputs there are.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Place {
    from: usize,
    first: usize,
    width: usize,
}

#[cfg(target_arch = "x86_64")]
impl FixedMatrix {
    fn apply_panels(&self, panels: &[f32], rows: &[f32], out: &mut [f32]) -> Option<()> {
        let mut rest = panels;
        for from in (0..self.n_inputs).step_by(DEPTH) {
            let depth = DEPTH.min(self.n_inputs - from);
            for first in (0..self.n_outputs).step_by(LANES) {
                let (panel, after) = rest.split_at_checked(depth * LANES)?;
                rest = after;
                let (panel, _) = panel.as_chunks::<LANES>();
                let place = Place { from, first, width: LANES.min(self.n_outputs - first) };
                let rows = rows.chunks(ROWS * self.n_inputs);
                for (rows, out) in rows.zip(out.chunks_mut(ROWS * self.n_outputs)) {
                    match out.len() / self.n_outputs {
                        6 => self.tile::<6>(panel, rows, out, place)?,
                        5 => self.tile::<5>(panel, rows, out, place)?,
                        4 => self.tile::<4>(panel, rows, out, place)?,
                        3 => self.tile::<3>(panel, rows, out, place)?,
                        2 => self.tile::<2>(panel, rows, out, place)?,
                        _ => self.tile::<1>(panel, rows, out, place)?,
                    }
                }
            }
        }
        Some(())
    }

    /// A panel's outputs of `N` rows: written by the first stretch of inputs, added to by the others.
    fn tile<const N: usize>(
        &self,
        panel: &[[f32; LANES]],
        rows: &[f32],
        out: &mut [f32],
        place: Place,
    ) -> Option<()> {
        let mut inputs = [&[][..]; N];
        for (input, row) in inputs.iter_mut().zip(rows.chunks_exact(self.n_inputs)) {
            *input = row.get(place.from..place.from + panel.len())?;
        }
        // SAFETY: panels are only laid out where the processor has AVX2 and FMA.
        let sums = unsafe { sums(panel, inputs) };
        for (row, sums) in out.chunks_exact_mut(self.n_outputs).zip(&sums) {
            let row = row.get_mut(place.first..place.first + place.width)?;
            if place.from == 0 {
                row.copy_from_slice(sums.get(..place.width)?);
            } else {
                row.iter_mut().zip(sums).for_each(|(value, sum)| *value += sum);
            }
        }
        Some(())
    }
}

/// What each of `N` rows makes with a panel; zero where a row is not as long as the panel is deep.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn sums<const N: usize>(panel: &[[f32; LANES]], rows: [&[f32]; N]) -> [[f32; LANES]; N] {
    use std::arch::x86_64::{
        _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps,
    };
    let mut out = [[0.0; LANES]; N];
    if rows.iter().any(|row| row.len() != panel.len()) {
        return out;
    }
    let starts = rows.map(<[f32]>::as_ptr);
    let mut sums = [(_mm256_setzero_ps(), _mm256_setzero_ps()); N];
    for (at, values) in panel.iter().enumerate() {
        // SAFETY: `values` are two registers long, and each row has as many inputs as the panel has.
        unsafe {
            let low = _mm256_loadu_ps(values.as_ptr());
            let high = _mm256_loadu_ps(values.as_ptr().add(LANES / 2));
            for (sums, row) in sums.iter_mut().zip(starts) {
                let input = _mm256_set1_ps(*row.add(at));
                *sums = (_mm256_fmadd_ps(input, low, sums.0), _mm256_fmadd_ps(input, high, sums.1));
            }
        }
    }
    for (out, (low, high)) in out.iter_mut().zip(sums) {
        // SAFETY: `out` is two registers long.
        unsafe {
            _mm256_storeu_ps(out.as_mut_ptr(), low);
            _mm256_storeu_ps(out.as_mut_ptr().add(LANES / 2), high);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + seed) % 1000) as f32 / 500.0 - 1.0).collect()
    }

    #[test]
    fn a_product_is_what_three_loops_make() {
        for (n_rows, n_inputs, n_outputs) in [(1, 3, 1), (5, 32, 16), (6, 40, 17), (13, 800, 50)] {
            let (rows, weight) = (values(n_rows * n_inputs, 1), values(n_outputs * n_inputs, 5));
            let best = FixedMatrix::new(weight.clone(), n_outputs).unwrap();
            let plain = FixedMatrix { layout: Layout::Rows(weight.clone()), ..best.clone() };
            for matrix in [best, plain] {
                let mut out = vec![7.0; n_rows * n_outputs];
                matrix.apply(&rows, &mut InputCodes::default(), &mut out).unwrap();
                for (at, value) in out.iter().enumerate() {
                    let row = &rows[at / n_outputs * n_inputs..][..n_inputs];
                    let weights = &weight[at % n_outputs * n_inputs..][..n_inputs];
                    let products =
                        row.iter().zip(weights).map(|(a, b)| f64::from(*a) * f64::from(*b));
                    let expected: f64 = products.sum();
                    assert!((f64::from(*value) - expected).abs() < 1e-3, "{value} {expected}");
                }
            }
        }
    }

    #[test]
    fn a_product_with_codes_is_what_one_with_their_values_is() {
        for (n_rows, n_inputs, n_outputs) in
            [(1, 3, 1), (5, 32, 16), (6, 41, 17), (13, 801, 50), (7, 384, 32)]
        {
            let bytes = (0..=255_u8).filter(|byte| *byte != 128).cycle();
            let codes: Vec<u8> = bytes.take(n_outputs * n_inputs).collect();
            let scales: Vec<f32> = (1..=n_outputs).map(|n| n as f32 / 100.0).collect();
            let mut rows = values(n_rows * n_inputs, 1);
            rows[..n_inputs].fill(0.0);
            let mut wide = vec![0.0; codes.len()];
            widen(&codes, &scales, &mut wide);
            let plain = FixedMatrix::new(wide, n_outputs).unwrap();
            let coded = FixedMatrix::of_codes(&codes, &scales).unwrap();
            let (mut out, mut expected) =
                (vec![7.0; n_rows * n_outputs], vec![9.0; n_rows * n_outputs]);
            let mut room = InputCodes::default();
            for _ in 0..2 {
                coded.apply(&rows, &mut room, &mut out).unwrap();
            }
            plain.apply(&rows, &mut room, &mut expected).unwrap();
            let highest = expected.iter().fold(0.0_f32, |highest, value| highest.max(value.abs()));
            for (value, expected) in out.iter().zip(&expected) {
                assert!((value - expected).abs() <= 2e-4 * highest, "{value} {expected}");
            }
        }
    }

    #[test]
    fn the_greatest_inputs_and_codes_do_not_overflow() {
        let codes = [127_i8.cast_unsigned(), (-128_i8).cast_unsigned()].map(|c| vec![c; 1536]);
        let matrix = FixedMatrix::of_codes(&codes.concat(), &[1.0, 1.0]).unwrap();
        let mut out = [0.0; 2];
        matrix.apply(&[3.0; 1536], &mut InputCodes::default(), &mut out).unwrap();
        let exact = [3.0 * 127.0 * 1536.0, -3.0 * 128.0 * 1536.0];
        assert!(
            out.iter().zip(exact).all(|(a, b): (&f32, f32)| (a / b - 1.0).abs() < 1e-5),
            "{out:?}"
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(FixedMatrix::new(vec![0.0; 7], 2).is_none());
        assert!(FixedMatrix::new(vec![0.0; 7], 0).is_none());
        assert!(FixedMatrix::new(Vec::new(), 2).is_none());
        assert!(FixedMatrix::of_codes(&[0; 7], &[1.0; 2]).is_none());
        assert!(FixedMatrix::of_codes(&[0; 7], &[]).is_none());
        assert!(FixedMatrix::of_codes(&[], &[1.0; 2]).is_none());
        let floats = FixedMatrix::new(vec![0.0; 6], 2).unwrap();
        let codes = FixedMatrix::of_codes(&[0; 6], &[1.0; 2]).unwrap();
        let mut room = InputCodes::default();
        for matrix in [floats, codes] {
            assert!(matrix.apply(&[0.0; 4], &mut room, &mut [0.0; 2]).is_none());
            assert!(matrix.apply(&[0.0; 3], &mut room, &mut [0.0; 3]).is_none());
            assert!(matrix.apply(&[], &mut room, &mut []).is_some());
        }
    }
}
