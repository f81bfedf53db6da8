//! Number formats of spreadsheets: the small language in which a workbook says how a number looks.
//!
//! Where a format leaves it to the reader's region how a date is written, it is written as year-month-day. Colours,
//! padding and alignment mean nothing here; fractions are shown as decimals.
//!
//! Source: ECMA-376 part 1, 18.8.30 and 18.8.31.

use jiff::Unit;

use super::dates::{Epoch, Part};
use super::number::general;

/// Longer codes are cut: Excel allows 255 characters.
const MAX_CODE_CHARS: usize = 1024;

/// How numbers look.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::parsers) struct NumberFormat {
    sections: Vec<Section>,
}

/// The format of some numbers: all, or those below, above or at zero.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Section {
    pub(super) items: Vec<Item>,
    condition: Option<(Comparison, f64)>,
    /// Whether thousands are separated.
    pub(super) grouped: bool,
    /// How often the number is multiplied by a hundred.
    pub(super) percent: i32,
    /// How often it is divided by a thousand.
    pub(super) thousands: i32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
    Equal,
    Unequal,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Literal(String),
    /// Place for a digit: `0`, `#` or `?`.
    Digit(char),
    Point,
    /// Scientific notation; whether a plus sign is shown.
    Exponent(bool),
    General,
    Date(Part),
}

impl NumberFormat {
    /// The format that is known by its number alone.
    pub(in crate::parsers) fn builtin(id: u32) -> Option<Self> {
        let code = match id {
            1 => "0",
            2 => "0.00",
            3 | 5 | 6 | 37 | 38 | 41 | 42 => "#,##0",
            4 | 7 | 8 | 39 | 40 | 43 | 44 => "#,##0.00",
            9 => "0%",
            10 => "0.00%",
            11 => "0.00E+00",
            15 => "d-mmm-yy",
            16 => "d-mmm",
            17 => "mmm-yy",
            18 => "h:mm AM/PM",
            19 => "h:mm:ss AM/PM",
            20 | 32 => "h:mm",
            21 | 33 => "h:mm:ss",
            22 => "yyyy-mm-dd h:mm",
            14 | 27..=31 | 34..=36 | 50..=58 => "yyyy-mm-dd",
            45 => "mm:ss",
            46 => "[h]:mm:ss",
            47 => "mm:ss.0",
            48 => "##0.0E+0",
            _ => return None,
        };
        Some(Self::parse(code))
    }

    /// The format that `code` describes; whatever is wrong in it is taken as text.
    pub(in crate::parsers) fn parse(code: &str) -> Self {
        let code = if code.trim().is_empty() { "General" } else { code };
        let mut sections = vec![Section::default()];
        let mut chars = code.chars().take(MAX_CODE_CHARS).peekable();
        while let Some(c) = chars.next() {
            let Some(section) = sections.last_mut() else { break };
            match c {
                ';' => sections.push(Section::default()),
                '"' => {
                    let text: String = chars.by_ref().take_while(|c| *c != '"').collect();
                    section.literal(&text);
                }
                '\\' => section.literal(&chars.next().map(String::from).unwrap_or_default()),
                '_' | '*' => {
                    chars.next();
                }
                '[' => {
                    let inner: String = chars.by_ref().take_while(|c| *c != ']').collect();
                    section.bracketed(&inner);
                }
                _ => {
                    let mut n = 1;
                    while chars.next_if(|next| next.eq_ignore_ascii_case(&c)).is_some() {
                        n += 1;
                    }
                    section.run(c.to_ascii_lowercase(), n, &mut chars);
                }
            }
        }
        sections.iter_mut().for_each(Section::settle);
        Self { sections }
    }

    /// `value` as it is shown.
    pub(in crate::parsers) fn show(&self, value: f64, epoch: Epoch) -> String {
        let Some((section, signed)) = self.section(value) else { return general(value) };
        if section.is_date() {
            return section.moment(value, epoch).unwrap_or_else(|| general(value));
        }
        let minus = if signed && value < 0.0 { "-" } else { "" };
        let shown = section.number(value.abs());
        // A number that rounds to nothing has no sign.
        let zero = !shown.contains(|c: char| ('1'..='9').contains(&c));
        if zero { shown } else { format!("{minus}{shown}") }
    }

    /// The section for `value`, and whether the sign is still to be shown.
    fn section(&self, value: f64) -> Option<(&Section, bool)> {
        let numeric = self.sections.get(..self.sections.len().min(3))?;
        if numeric.iter().any(|section| section.condition.is_some()) {
            let holds =
                |section: &&Section| section.condition.is_none_or(|c| c.0.holds(value, c.1));
            return numeric.iter().find(holds).map(|section| (section, true));
        }
        match numeric {
            [_, negative, ..] if value < 0.0 => Some((negative, false)),
            [_, _, zero] if value == 0.0 => Some((zero, true)),
            [first, ..] => Some((first, true)),
            [] => None,
        }
    }
}

impl Comparison {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Below => value < bound,
            Self::AtMost => value <= bound,
            Self::Above => value > bound,
            Self::AtLeast => value >= bound,
            Self::Equal => value == bound,
            Self::Unequal => value != bound,
        }
    }
}

impl Section {
    /// Adds text that is shown as it stands.
    fn literal(&mut self, text: &str) {
        match self.items.last_mut() {
            Some(Item::Literal(last)) => last.push_str(text),
            _ => self.items.push(Item::Literal(text.to_owned())),
        }
    }

    /// What stands in brackets: elapsed time, a currency, a condition, a colour.
    fn bracketed(&mut self, inner: &str) {
        let lower = inner.to_ascii_lowercase();
        let first = lower.chars().next();
        let unit = match first {
            Some('h') => Some(Unit::Hour),
            Some('m') => Some(Unit::Minute),
            Some('s') => Some(Unit::Second),
            _ => None,
        };
        let unit = unit.filter(|_| lower.chars().all(|c| Some(c) == first));
        if let Some(unit) = unit {
            self.items.push(Item::Date(Part::Elapsed(unit, lower.len())));
        } else if let Some(currency) = inner.strip_prefix('$') {
            self.literal(currency.split('-').next().unwrap_or_default());
        } else {
            self.condition = condition(inner).or(self.condition);
        }
    }

    /// `n` times the same character outside quotation marks.
    fn run(
        &mut self,
        c: char,
        n: usize,
        rest: &mut std::iter::Peekable<impl Iterator<Item = char>>,
    ) {
        match c {
            '0' | '#' | '?' => self.items.extend(std::iter::repeat_n(Item::Digit(c), n)),
            '.' => self.items.push(Item::Point),
            ',' => self.comma(n, rest.peek().copied()),
            '%' => {
                self.percent += i32::try_from(n).unwrap_or(1);
                self.literal(&"%".repeat(n));
            }
            'e' if matches!(rest.peek(), Some('+' | '-')) => {
                self.items.push(Item::Exponent(rest.next() == Some('+')));
            }
            'y' | 'e' => self.items.push(Item::Date(Part::Year(if c == 'e' { 4 } else { n }))),
            'm' => self.items.push(Item::Date(Part::Month(n))),
            'd' => self.items.push(Item::Date(Part::Day(n))),
            'h' => self.items.push(Item::Date(Part::Hour(n))),
            's' => self.items.push(Item::Date(Part::Second(n))),
            'a' => self.half_day(rest),
            'g' if rest.peek().is_some_and(|next| next.eq_ignore_ascii_case(&'e')) => {
                "eneral".chars().for_each(|c| {
                    rest.next_if(|next| next.eq_ignore_ascii_case(&c));
                });
                self.items.push(Item::General);
            }
            '@' => self.items.push(Item::General),
            'g' | 'b' => {}
            _ => self.literal(&c.to_string().repeat(n)),
        }
    }

    /// Between digits a comma groups them; behind the last it divides by a thousand.
    fn comma(&mut self, n: usize, next: Option<char>) {
        let digit_before = matches!(self.items.last(), Some(Item::Digit(_)));
        if digit_before && matches!(next, Some('0' | '#' | '?')) {
            self.grouped = true;
        } else if digit_before {
            self.thousands += i32::try_from(n).unwrap_or(0);
        } else {
            self.literal(&",".repeat(n));
        }
    }

    /// `AM/PM` or `A/P`.
    fn half_day(&mut self, rest: &mut std::iter::Peekable<impl Iterator<Item = char>>) {
        for wanted in ['m', '/', 'p', 'm'] {
            rest.next_if(|next| next.eq_ignore_ascii_case(&wanted));
        }
        self.items.push(Item::Date(Part::HalfDay));
    }
}

/// A condition such as `>=100`.
fn condition(text: &str) -> Option<(Comparison, f64)> {
    const SIGNS: [(&str, Comparison); 6] = [
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("<>", Comparison::Unequal),
        ("<", Comparison::Below),
        (">", Comparison::Above),
        ("=", Comparison::Equal),
    ];
    let text = text.trim();
    SIGNS.iter().find_map(|(sign, comparison)| {
        Some((*comparison, text.strip_prefix(sign)?.trim().parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: &str, value: f64) -> String {
        NumberFormat::parse(code).show(value, Epoch::Y1900)
    }

    #[test]
    fn numbers_look_as_their_format_says() {
        for (code, value, text) in [
            ("0.00", 1234.5, "1234.50"),
            ("#,##0.00", -1_234_567.891, "-1,234,567.89"),
            ("0%", 0.256, "26%"),
            ("[$€-407] #,##0.00", 12.5, "€ 12.50"),
            ("\"$\"#,##0_);[Red]\\(\"$\"#,##0\\)", -1200.0, "($1,200)"),
            ("0.0,,\" Mio\"", 12_345_678.0, "12.3 Mio"),
            ("000\\-00\\-0000", 12_345_678.0, "012-34-5678"),
            ("0.00E+00", 12345.0, "1.23E+04"),
            ("0.###", 2.5, "2.5"),
            ("0.###", 2.0, "2"),
            ("# ?/?", 0.5, "0.5"),
            (";;;", 5.0, ""),
            ("General", 0.1, "0.1"),
            ("@", 7.0, "7"),
            ("[<1]0.00;0", 0.5, "0.50"),
            ("[<1]0.00;0", 2.0, "2"),
            ("\"yes\";\"yes\";\"no\"", 0.0, "no"),
            ("0.00", -0.001, "0.00"),
        ] {
            assert_eq!(shown(code, value), text, "{code} of {value}");
        }
    }

    #[test]
    fn dates_look_as_their_format_says() {
        for (code, value, text) in [
            ("yyyy-mm-dd", 45_000.0, "2023-03-15"),
            ("d. mmmm yyyy", 45_000.0, "15. March 2023"),
            ("dddd, mmm d", 45_000.0, "Wednesday, Mar 15"),
            ("m/d/yy h:mm", 45_000.75, "3/15/23 18:00"),
            ("h:mm AM/PM", 0.5, "12:00 PM"),
            ("[h]:mm:ss", 1.5, "36:00:00"),
            ("mm:ss.0", 0.000_7, "01:00.4"),
            ("yyyy\"年\"m\"月\"", 45_000.0, "2023年3月"),
            ("d.m.yyyy", 1.0, "1.1.1900"),
            ("yyyy", -5.0, "-5"),
        ] {
            assert_eq!(shown(code, value), text, "{code} of {value}");
        }
        let mac = NumberFormat::parse("yyyy-mm-dd").show(0.0, Epoch::Y1904);
        assert_eq!(mac, "1904-01-01");
    }

    #[test]
    fn formats_that_depend_on_the_region_have_one_form() {
        let built_in = NumberFormat::builtin(14).unwrap();
        assert_eq!(built_in.show(45_000.0, Epoch::Y1900), "2023-03-15");
        assert!(NumberFormat::builtin(0).is_none());
    }
}
