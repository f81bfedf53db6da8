//! Rows of numbers in few bits, and back.

/// Rows of numbers in few bits, in groups that share a scale.
///
/// # Shape
/// A group of 32 values is its scale, of which only the upper two of four bytes are kept; and then, for each eight values,
/// as many bytes as a value has bits, the first value in the lowest bits of the little-endian number that they are. A code
/// stands for itself less half of what there are, times the scale.
#[derive(Debug, Clone, Copy)]
pub struct PackedRows<'a> {
    bytes: &'a [u8],
    bytes_a_row: usize,
    bits: usize,
}

impl<'a> PackedRows<'a> {
    /// Values that share a scale.
    pub const GROUP: usize = 32;

    /// Rows and columns of `shape`, of `bits` bits a value; `None` where `bytes` are not exactly that, or there are no such rows.
    pub fn new(bytes: &'a [u8], shape: (usize, usize), bits: usize) -> Option<Self> {
        let is_possible = (2..=8).contains(&bits) && shape.1.is_multiple_of(Self::GROUP);
        is_possible.then_some(())?;
        let bytes_a_row = shape.1 / Self::GROUP * Self::bytes_a_group(bits);
        let is_all = shape.0.checked_mul(bytes_a_row)? == bytes.len();
        is_all.then_some(Self { bytes, bytes_a_row, bits })
    }

    const fn bytes_a_group(bits: usize) -> usize {
        2 + Self::GROUP / 8 * bits
    }

    /// Appends the values of a row; `None` where there is no such row.
    pub fn push_row(&self, row: usize, out: &mut Vec<f32>) -> Option<()> {
        let begin = row.checked_mul(self.bytes_a_row)?;
        let row = self.bytes.get(begin..begin.checked_add(self.bytes_a_row)?)?;
        for group in row.chunks_exact(Self::bytes_a_group(self.bits)) {
            let (scale, codes) = group.split_first_chunk::<2>()?;
            let scale = f32::from_bits(u32::from(u16::from_le_bytes(*scale)) << 16);
            for eight in codes.chunks_exact(self.bits) {
                let mut word = [0; 8];
                word.iter_mut().zip(eight).for_each(|(to, from)| *to = *from);
                let word = u64::from_le_bytes(word);
                out.extend(
                    (0..8).map(|place| scale * code(word >> (place * self.bits), self.bits)),
                );
            }
        }
        Some(())
    }
}

#[allow(clippy::cast_precision_loss, reason = "a code has at most 8 bits")]
fn code(word: u64, bits: usize) -> f32 {
    let (mask, half) = ((1_u64 << bits) - 1, 1_u64 << (bits - 1));
    (word & mask) as f32 - half as f32
}

/// Makes floats of codes of 8 bits: each row's times its scale.
///
/// # Shape
/// As many values as codes, in as many rows of the same length as there are scales.
pub(crate) fn widen(codes: &[u8], scales: &[f32], out: &mut [f32]) {
    let n_columns = (codes.len() / scales.len().max(1)).max(1);
    let rows = codes.chunks_exact(n_columns).zip(out.chunks_exact_mut(n_columns));
    for ((codes, values), scale) in rows.zip(scales) {
        for (value, code) in values.iter_mut().zip(codes) {
            *value = f32::from(code.cast_signed()) * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A group in which value `i` has the code `i` modulo what there are.
    fn group(scale: f32, bits: usize) -> Vec<u8> {
        let mut bytes = scale.to_le_bytes()[2..].to_vec();
        for eight in 0..4_u64 {
            let word = (0..8).fold(0_u64, |word, place| {
                word | (((eight * 8 + place) % (1 << bits)) << (place * bits as u64))
            });
            bytes.extend(&word.to_le_bytes()[..bits]);
        }
        bytes
    }

    #[test]
    fn values_of_any_width_come_back() {
        for bits in 2..=8 {
            let bytes = [group(0.5, bits), group(-2.0, bits)].concat();
            let rows = PackedRows::new(&bytes, (2, 32), bits).unwrap();
            let mut values = vec![7.0];
            rows.push_row(1, &mut values).unwrap();
            let half = f32::from(1_u8 << (bits - 1));
            let expected = (0..32_u16).map(|i| (f32::from(i % (1 << bits)) - half) * -2.0);
            assert!(values.into_iter().eq(std::iter::once(7.0).chain(expected)), "{bits} bits");
        }
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let bytes = group(1.0, 4);
        assert!(PackedRows::new(&bytes, (1, 33), 4).is_none());
        assert!(PackedRows::new(&bytes, (2, 32), 4).is_none());
        assert!(PackedRows::new(&bytes, (1, 32), 0).is_none());
        assert!(PackedRows::new(&bytes, (usize::MAX, 32), 4).is_none());
        let rows = PackedRows::new(&bytes, (1, 32), 4).unwrap();
        assert!(rows.push_row(1, &mut Vec::new()).is_none());
        assert!(rows.push_row(usize::MAX, &mut Vec::new()).is_none());
    }

    #[test]
    fn codes_become_floats_by_the_scale_of_their_row() {
        let codes: Vec<u8> = [1_i8, -2, 127, -127].map(i8::cast_unsigned).to_vec();
        let mut values = [0.0; 4];
        widen(&codes, &[0.5, 2.0], &mut values);
        assert_eq!(values, [0.5, -1.0, 254.0, -254.0]);
    }
}
