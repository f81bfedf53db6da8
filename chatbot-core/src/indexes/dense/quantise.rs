//! A vector in two times 8 bits a component: codes that are scanned, and rests that make the best of them exact.

/// The greatest code. The smallest is its negative, so that codes lie evenly around 0.
const GREATEST: f32 = 127.0;

/// Steps of a rest in one of a code: half a code, which is the most that is left, is the greatest rest.
const STEPS: f32 = 2.0 * GREATEST;

/// A vector as codes and rests: each component is its code times the scale, give or take half of it, and with its rest,
/// in 254ths of the scale, give or take a 508th.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quantised {
    pub(super) scale: f32,
    /// The bytes of numbers within -127..=127, as are the rests.
    pub(super) codes: Vec<u8>,
    pub(super) rests: Vec<u8>,
}

impl Quantised {
    /// The codes and rests of `vector`; 0 for what is not a number.
    pub(super) fn of(vector: &[f32]) -> Self {
        let finite = |component: &f32| if component.is_finite() { *component } else { 0.0 };
        let greatest = vector.iter().map(finite).fold(0.0_f32, |most, x| most.max(x.abs()));
        let scale = greatest / GREATEST;
        if scale < f32::MIN_POSITIVE {
            return Self { scale: 0.0, codes: vec![0; vector.len()], rests: vec![0; vector.len()] };
        }
        let coded = vector.iter().map(|component| {
            let component = finite(component) / scale;
            let code = component.round().clamp(-GREATEST, GREATEST);
            (byte(code), byte((component - code) * STEPS))
        });
        let (codes, rests) = coded.unzip();
        Self { scale, codes, rests }
    }
}

fn byte(x: f32) -> u8 {
    #[allow(clippy::cast_possible_truncation, reason = "a whole number within -127..=127")]
    let number = x.round().clamp(-GREATEST, GREATEST) as i8;
    number.cast_unsigned()
}

/// Puts the components of a row into `vector`, in units of its scale.
pub(super) fn components(codes: &[u8], rests: &[u8], vector: &mut Vec<f32>) {
    let number = |byte: &u8| f32::from(byte.cast_signed());
    vector.clear();
    vector.extend(codes.iter().zip(rests).map(|(code, rest)| number(code) + number(rest) / STEPS));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_come_back_within_half_a_scale_and_with_rests_within_half_a_step() {
        let vector = [0.5, -0.25, 0.0, 0.1, -0.5, 0.333];
        let Quantised { scale, codes, rests } = Quantised::of(&vector);
        assert_eq!(codes, [127, 192, 0, 25, 129, 85]);
        for (code, component) in codes.iter().zip(vector) {
            let rounded = f32::from(code.cast_signed()) * scale;
            assert!((rounded - component).abs() <= scale / 2.0 + 1e-6);
        }
        let mut whole = Vec::new();
        components(&codes, &rests, &mut whole);
        for (back, component) in whole.iter().zip(vector) {
            assert!((back * scale - component).abs() <= scale / STEPS / 2.0 + 1e-6);
        }
    }

    #[test]
    fn what_has_no_direction_has_no_codes() {
        for vector in [[0.0, 0.0], [f32::NAN, f32::INFINITY], [1e-45, 0.0]] {
            let nothing = Quantised { scale: 0.0, codes: vec![0, 0], rests: vec![0, 0] };
            assert_eq!(Quantised::of(&vector), nothing);
        }
    }
}
