//! Numbers in fewer bits, and how near they stay.

/// Values that share a scale in the token table.
pub(super) const GROUP: usize = 32;

/// The shares of the usual scale that are tried for a group; the one with the smallest squared error is taken. Cutting the
/// largest value a little short often serves the others more.
const SHARES: [f32; 15] =
    [0.75, 0.775, 0.8, 0.825, 0.85, 0.875, 0.9, 0.925, 0.95, 0.975, 1.0, 1.025, 1.05, 1.075, 1.1];

/// A row in 8 bits a value: the scale, and codes within -127..=127.
pub(super) fn row_of_bytes(row: &[f32]) -> (f32, Vec<i8>) {
    let largest = row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
    #[allow(clippy::cast_possible_truncation, reason = "clamped to what an `i8` holds")]
    let code = |value: &f32| (value / scale).round().clamp(-127.0, 127.0) as i8;
    (scale, row.iter().map(code).collect())
}

/// Writes a group in `bits` bits a value: the upper half of the scale's bits, then for each eight values `bits` bytes,
/// the first value lowest. A code stands for itself less half of what there are, times the scale.
pub(super) fn push_group(group: &[f32], bits: u32, out: &mut Vec<u8>) {
    let half = f32::from(1_u8 << (bits - 1));
    let extreme = group.iter().fold(0.0_f32, |a, b| if b.abs() > a.abs() { *b } else { a });
    let mut best = (f32::INFINITY, 1.0);
    for share in SHARES {
        let scale = upper_half(extreme / -half * share);
        let error = squared_error(group, scale, half);
        if scale != 0.0 && error < best.0 {
            best = (error, scale);
        }
    }
    let scale = best.1;
    out.extend((scale.to_bits() >> 16).to_le_bytes().iter().take(2));
    for eight in group.chunks(8) {
        let mut word = 0_u64;
        for (place, value) in (0_u32..).zip(eight) {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a code is within 0 and twice the half"
            )]
            let code = (code(*value, scale, half) + half) as u64;
            word |= code << (place * bits);
        }
        out.extend(word.to_le_bytes().iter().take(bits as usize));
    }
}

fn code(value: f32, scale: f32, half: f32) -> f32 {
    (value / scale).round().clamp(-half, half - 1.0)
}

fn squared_error(group: &[f32], scale: f32, half: f32) -> f32 {
    let error = |value: &f32| value - code(*value, scale, half) * scale;
    group.iter().map(|value| error(value) * error(value)).sum()
}

/// Rounded to the numbers of which only the upper 16 bits are set.
fn upper_half(value: f32) -> f32 {
    f32::from_bits(value.to_bits().wrapping_add(0x8000) & 0xffff_0000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919) % 1000) as f32 / 500.0 - 1.0).collect()
    }

    #[test]
    fn a_row_comes_back_within_half_a_step() {
        let row = values(384);
        let (scale, codes) = row_of_bytes(&row);
        for (value, code) in row.iter().zip(codes) {
            assert!((value - f32::from(code) * scale).abs() <= scale * 0.501);
        }
        assert_eq!(row_of_bytes(&[0.0; 3]), (1.0, vec![0; 3]));
    }

    #[test]
    fn a_group_comes_back_near_and_the_same_each_time() {
        for bits in [4, 6] {
            let group = values(GROUP);
            let mut packed = Vec::new();
            push_group(&group, bits, &mut packed);
            assert_eq!(packed.len(), 2 + GROUP / 8 * bits as usize);
            let scale = f32::from_bits(u32::from_le_bytes([0, 0, packed[0], packed[1]]));
            for (i, value) in group.iter().enumerate() {
                let mut word = [0; 8];
                let at = 2 + i / 8 * bits as usize;
                word[..bits as usize].copy_from_slice(&packed[at..at + bits as usize]);
                let code =
                    (u64::from_le_bytes(word) >> (i % 8 * bits as usize)) & ((1 << bits) - 1);
                let near = (code as f32 - f32::from(1_u8 << (bits - 1))) * scale;
                assert!((value - near).abs() <= scale.abs() * 1.5, "{value} became {near}");
            }
            let mut again = Vec::new();
            push_group(&group, bits, &mut again);
            assert_eq!(packed, again);
        }
        let mut nothing = Vec::new();
        push_group(&[0.0; GROUP], 4, &mut nothing);
        assert!(nothing[2..].iter().all(|byte| *byte == 0x88), "zero stays zero");
    }
}
