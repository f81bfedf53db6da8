//! Numbers as people read them.

/// Digits that a number stored in 64 bits holds for sure, and that spreadsheets show at the most.
const SIGNIFICANT_DIGITS: usize = 15;
/// From here on digits before the point are zeros that nobody counts.
const LARGE: f64 = 1e15;
/// Below this, zeros behind the point are.
const SMALL: f64 = 1e-9;

/// A number without any format: as short as it can be said.
pub(in crate::parsers) fn general(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let scientific = format!("{value:.*e}", SIGNIFICANT_DIGITS - 1);
    let rounded: f64 = scientific.parse().unwrap_or(value);
    if (SMALL..LARGE).contains(&rounded.abs()) {
        return rounded.to_string();
    }
    let short = format!("{rounded:E}");
    match short.split_once('E') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}E+{exponent}"),
        _ => short,
    }
}

/// The digits of a number that is not negative, before and behind the point.
pub(super) fn digits(value: f64, decimals: usize) -> (String, String) {
    // Spreadsheets round what they show, 15 digits, and not the binary number behind it: 1.005 becomes 1.01.
    let shown = format!("{value:.*e}", SIGNIFICANT_DIGITS - 1);
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let all: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    let (whole, fraction) = placed(&all, exponent, decimals);
    let text = |digits: &[u8]| digits.iter().map(|digit| char::from(b'0' + digit)).collect();
    let whole: String = text(&whole);
    (whole.trim_start_matches('0').to_owned(), text(&fraction))
}

/// `all` with its point behind digit `exponent`, rounded half up to `decimals`.
fn placed(all: &[u8], exponent: i32, decimals: usize) -> (Vec<u8>, Vec<u8>) {
    let digit = |place: i32| -> u8 {
        let index = exponent - place;
        usize::try_from(index).ok().and_then(|at| all.get(at)).copied().unwrap_or(0)
    };
    let lowest = -i32::try_from(decimals).unwrap_or(0);
    let highest = exponent.max(0) + 1;
    let mut out: Vec<u8> = (lowest..=highest).rev().map(digit).collect();
    let mut carry = u8::from(digit(lowest - 1) >= 5);
    for digit in out.iter_mut().rev() {
        *digit += carry;
        carry = u8::from(*digit == 10);
        *digit %= 10;
    }
    let fraction = out.split_off(out.len() - decimals.min(out.len()));
    (out, fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_said_as_shortly_as_it_can_be() {
        for (value, text) in [
            (0.1 + 0.2, "0.3"),
            (-0.0, "0"),
            (42.0, "42"),
            (-1.5, "-1.5"),
            (1e20, "1E+20"),
            (1.25e-12, "1.25E-12"),
            (123_456_789_012.0, "123456789012"),
        ] {
            assert_eq!(general(value), text);
        }
    }

    #[test]
    fn digits_are_rounded_as_they_are_shown() {
        let both = |value, decimals| {
            let (whole, fraction) = digits(value, decimals);
            format!("{whole}.{fraction}")
        };
        assert_eq!(both(1.005, 2), "1.01");
        assert_eq!(both(999.995, 2), "1000.00");
        assert_eq!(both(0.004, 2), ".00");
        assert_eq!(both(12.0, 0), "12.");
        assert_eq!(both(1e20, 1), "100000000000000000000.0");
    }
}
