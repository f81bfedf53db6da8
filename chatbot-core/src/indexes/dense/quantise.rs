//! A vector in 8 bits a component.

/// The greatest code. The smallest is its negative, so that codes lie evenly around 0.
const GREATEST: f32 = 127.0;

/// A vector as codes: each component is its code times the scale, give or take half of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quantised {
    pub(super) scale: f32,
    pub(super) codes: Vec<i8>,
}

impl Quantised {
    /// The codes of `vector`; 0 for what is not a number.
    pub(super) fn of(vector: &[f32]) -> Self {
        let finite = |component: &f32| if component.is_finite() { *component } else { 0.0 };
        let greatest = vector.iter().map(finite).fold(0.0_f32, |most, x| most.max(x.abs()));
        let scale = greatest / GREATEST;
        if scale < f32::MIN_POSITIVE {
            return Self { scale: 0.0, codes: vec![0; vector.len()] };
        }
        let code = |component: &f32| {
            let code = (finite(component) / scale).round().clamp(-GREATEST, GREATEST);
            #[allow(clippy::cast_possible_truncation, reason = "a whole number within -127..=127")]
            let code = code as i8;
            code
        };
        Self { scale, codes: vector.iter().map(code).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_come_back_within_half_a_scale() {
        let vector = [0.5, -0.25, 0.0, 0.1];
        let Quantised { scale, codes } = Quantised::of(&vector);
        assert_eq!(codes, [127, -64, 0, 25]);
        for (code, component) in codes.iter().zip(vector) {
            assert!((f32::from(*code) * scale - component).abs() <= scale / 2.0 + 1e-6);
        }
    }

    #[test]
    fn what_has_no_direction_has_no_codes() {
        for vector in [[0.0, 0.0], [f32::NAN, f32::INFINITY], [1e-45, 0.0]] {
            assert_eq!(Quantised::of(&vector), Quantised { scale: 0.0, codes: vec![0, 0] });
        }
    }
}
