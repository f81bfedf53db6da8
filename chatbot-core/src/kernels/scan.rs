//! Dot products: of one vector with many rows of 8-bit codes, and of two vectors.
//!
//! Reading the rows from memory is what a scan costs in the end, so that the arithmetic must only be fast enough to
//! wait for memory. Rows are read one after the other, which the processor foresees better than several side by side; rows
//! further on are fetched meanwhile, and the query stays in the nearest cache with its absolute values taken beforehand.

#![allow(
    unsafe_code,
    reason = "vector instructions read through pointers; each read is within a checked slice"
)]

/// A vector of 8-bit codes to compare rows with.
///
/// # Shape
/// Codes are within -127..=127: -128 has no absolute value in 8 bits, and is taken for -127.
#[derive(Debug, Clone)]
pub struct Codes {
    codes: Vec<i8>,
    /// The absolute values of `codes`.
    absolute: Vec<u8>,
    kernel: Kernel,
}

/// The instructions that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kernel {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Kernel {
    fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
        {
            return Self::Avx2;
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            return Self::Neon;
        }
        Self::Plain
    }
}

impl Codes {
    /// The vector to compare with.
    #[must_use]
    pub fn new(codes: &[i8]) -> Self {
        Self::with(codes, Kernel::best())
    }

    fn with(codes: &[i8], kernel: Kernel) -> Self {
        let codes: Vec<i8> = codes.iter().map(|code| (*code).max(-127)).collect();
        let absolute = codes.iter().map(|code| code.unsigned_abs()).collect();
        Self { codes, absolute, kernel }
    }

    /// The dot product with each row, in order.
    ///
    /// # Shape
    /// `rows` holds rows of as many codes as this vector has, each the byte of an 8-bit code in -127..=127, one row
    /// after the other; `products` takes one number a row, and what has no row stays as it is.
    pub fn dot_rows(&self, rows: &[u8], products: &mut [i32]) {
        let dimensions = self.codes.len();
        if dimensions == 0 {
            return products.fill(0);
        }
        match self.kernel {
            Kernel::Plain => {
                for (row, product) in rows.chunks_exact(dimensions).zip(products) {
                    *product = plain_i8(&self.codes, row);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => {
                // SAFETY: this kernel is chosen only where the processor has AVX2.
                unsafe { avx2::dot_rows(&self.codes, &self.absolute, rows, products) }
            }
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon => {
                for (row, product) in rows.chunks_exact(dimensions).zip(products) {
                    // SAFETY: this kernel is chosen only where the processor has NEON.
                    *product = unsafe { neon::dot_i8(&self.codes, row) };
                }
            }
        }
    }

    /// The components of a row.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.absolute.len()
    }
}

fn plain_i8(query: &[i8], row: &[u8]) -> i32 {
    let products = query.iter().zip(row);
    products.map(|(a, b)| i32::from(*a) * i32::from(b.cast_signed())).sum()
}

/// The dot product of two vectors, as far as both reach.
#[must_use]
pub fn dot_f32(a: &[f32], b: &[f32]) -> f32 {
    match Kernel::best() {
        Kernel::Plain => plain_f32(a, b),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this kernel is chosen only where the processor has AVX2 and FMA.
        Kernel::Avx2 => unsafe { avx2::dot_f32(a, b) },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: this kernel is chosen only where the processor has NEON.
        Kernel::Neon => unsafe { neon::dot_f32(a, b) },
    }
}

fn plain_f32(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m128i, __m256, __m256i, _MM_HINT_T0, _mm_add_epi32, _mm_cvtsi128_si32, _mm_prefetch,
        _mm_shuffle_epi32, _mm256_add_epi32, _mm256_add_ps, _mm256_castsi256_si128,
        _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256,
        _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_setzero_ps,
        _mm256_setzero_si256, _mm256_sign_epi8, _mm256_storeu_ps,
    };

    use super::{plain_f32, plain_i8};

    /// Codes of one register.
    const WIDTH: usize = 32;
    /// How far ahead memory is fetched, in bytes: about ten rows of 384, which covers some 100 ns at 20 GB/s twice over.
    const AHEAD: usize = 4_096;

    #[target_feature(enable = "avx2")]
    pub(super) fn dot_rows(query: &[i8], absolute: &[u8], rows: &[u8], products: &mut [i32]) {
        for (row, product) in rows.chunks_exact(query.len()).zip(products) {
            prefetch(row);
            *product = dot_row(query, absolute, row);
        }
    }

    /// Asks for the memory that comes some rows after `row`. A hint: an address outside of the rows does no harm.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn prefetch(row: &[u8]) {
        for line in (0..row.len()).step_by(64) {
            let ahead = row.as_ptr().wrapping_add(line + AHEAD);
            _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn dot_row(query: &[i8], absolute: &[u8], row: &[u8]) -> i32 {
        let whole = query.len() / WIDTH * WIDTH;
        let mut sum = _mm256_setzero_si256();
        for at in (0..whole).step_by(WIDTH) {
            let (signs, values) = (load_i8(query, at), load_u8(absolute, at));
            sum = _mm256_add_epi32(sum, multiply(signs, values, load_u8(row, at)));
        }
        total(sum) + plain_i8(query.split_at(whole).1, row.split_at(whole).1)
    }

    /// Products of 32 pairs of codes, four to a sum. The sign of the query's code goes over to the row's, because the
    /// instruction multiplies unsigned with signed; two products of at most 127² fit 16 bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn multiply(signs: __m256i, values: __m256i, row: __m256i) -> __m256i {
        let pairs = _mm256_maddubs_epi16(values, _mm256_sign_epi8(row, signs));
        _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn total(sum: __m256i) -> i32 {
        let halves: __m128i =
            _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
        let pairs = _mm_add_epi32(halves, _mm_shuffle_epi32::<0b01_00_11_10>(halves));
        _mm_cvtsi128_si32(_mm_add_epi32(pairs, _mm_shuffle_epi32::<0b10_11_00_01>(pairs)))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_i8(from: &[i8], at: usize) -> __m256i {
        debug_assert!(at + WIDTH <= from.len());
        // SAFETY: callers stay a register's width below the slice's end.
        unsafe { _mm256_loadu_si256(from.as_ptr().add(at).cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_u8(from: &[u8], at: usize) -> __m256i {
        debug_assert!(at + WIDTH <= from.len());
        // SAFETY: callers stay a register's width below the slice's end.
        unsafe { _mm256_loadu_si256(from.as_ptr().add(at).cast()) }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn dot_f32(a: &[f32], b: &[f32]) -> f32 {
        /// Numbers of four registers, so that additions do not wait for each other.
        const STEP: usize = 32;
        let len = a.len().min(b.len());
        let (a, b) = (a.split_at(len).0, b.split_at(len).0);
        let whole = len / STEP * STEP;
        let mut sums: [__m256; 4] = [_mm256_setzero_ps(); 4];
        for at in (0..whole).step_by(STEP) {
            for (n, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `at + 32` is at most `whole`, which is within both slices.
                let (a, b) = unsafe {
                    (
                        _mm256_loadu_ps(a.as_ptr().add(at + 8 * n)),
                        _mm256_loadu_ps(b.as_ptr().add(at + 8 * n)),
                    )
                };
                *sum = _mm256_fmadd_ps(a, b, *sum);
            }
        }
        let [first, second, third, fourth] = sums;
        let sum = _mm256_add_ps(_mm256_add_ps(first, second), _mm256_add_ps(third, fourth));
        let mut lanes = [0.0_f32; 8];
        // SAFETY: eight numbers go into an array of eight.
        unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
        lanes.iter().sum::<f32>() + plain_f32(a.split_at(whole).1, b.split_at(whole).1)
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use std::arch::aarch64::{
        vaddq_f32, vaddvq_f32, vaddvq_s32, vdupq_n_f32, vdupq_n_s32, vfmaq_f32, vget_high_s8,
        vget_low_s8, vld1q_f32, vld1q_s8, vmull_s8, vpadalq_s16,
    };

    use super::{plain_f32, plain_i8};

    #[target_feature(enable = "neon")]
    pub(super) fn dot_i8(query: &[i8], row: &[u8]) -> i32 {
        const WIDTH: usize = 16;
        let whole = query.len().min(row.len()) / WIDTH * WIDTH;
        let mut sum = vdupq_n_s32(0);
        for at in (0..whole).step_by(WIDTH) {
            // SAFETY: `at + 16` is at most `whole`, which is within both slices.
            let (a, b) = unsafe {
                (vld1q_s8(query.as_ptr().add(at)), vld1q_s8(row.as_ptr().add(at).cast()))
            };
            sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
            sum = vpadalq_s16(sum, vmull_s8(vget_high_s8(a), vget_high_s8(b)));
        }
        vaddvq_s32(sum) + plain_i8(query.split_at(whole).1, row.split_at(whole).1)
    }

    #[target_feature(enable = "neon")]
    pub(super) fn dot_f32(a: &[f32], b: &[f32]) -> f32 {
        const STEP: usize = 8;
        let len = a.len().min(b.len());
        let (a, b) = (a.split_at(len).0, b.split_at(len).0);
        let whole = len / STEP * STEP;
        let (mut even, mut odd) = (vdupq_n_f32(0.0), vdupq_n_f32(0.0));
        for at in (0..whole).step_by(STEP) {
            // SAFETY: `at + 8` is at most `whole`, which is within both slices.
            unsafe {
                let (a, b) = (a.as_ptr().add(at), b.as_ptr().add(at));
                even = vfmaq_f32(even, vld1q_f32(a), vld1q_f32(b));
                odd = vfmaq_f32(odd, vld1q_f32(a.add(4)), vld1q_f32(b.add(4)));
            }
        }
        vaddvq_f32(vaddq_f32(even, odd)) + plain_f32(a.split_at(whole).1, b.split_at(whole).1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_widest_instructions_count_as_the_plain_ones_do(
            dimensions in 1_usize..140,
            seed in prop::collection::vec(-127_i8..=127, 140 * 12),
        ) {
            let (query, rows) = seed.split_at(dimensions);
            for n_rows in 0..=11 {
                let rows: Vec<u8> =
                    rows.iter().take(n_rows * dimensions).map(|code| code.cast_unsigned()).collect();
                let products = |kernel| {
                    let mut products = vec![7; n_rows];
                    Codes::with(query, kernel).dot_rows(&rows, &mut products);
                    products
                };
                prop_assert_eq!(products(Kernel::best()), products(Kernel::Plain));
            }
        }

        #[test]
        fn vectors_of_any_length_give_the_plain_product(
            a in prop::collection::vec(-1.0_f32..1.0, 0..200),
            b in prop::collection::vec(-1.0_f32..1.0, 0..200),
        ) {
            prop_assert!((dot_f32(&a, &b) - plain_f32(&a, &b)).abs() < 1e-4);
        }
    }

    #[test]
    fn the_greatest_codes_do_not_overflow() {
        let (query, row) = (vec![-127_i8; 1_024], vec![0x7F_u8; 1_024]);
        let mut product = [0];
        Codes::new(&query).dot_rows(&row, &mut product);
        assert_eq!(product, [-127 * 127 * 1_024]);
        let mut products = [5; 3];
        Codes::new(&[1, 1]).dot_rows(&[2, 3, 0xFF, 1, 9], &mut products);
        assert_eq!(products, [5, 0, 5], "an incomplete row is none");
    }
}
