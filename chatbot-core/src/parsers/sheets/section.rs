//! One section of a number format at work.

use jiff::Unit;

use super::dates::{Epoch, Moment, Part};
use super::format::{Item, Section};
use super::number::{digits, general};

/// Excel shows no more digits behind the point.
const MAX_DECIMALS: usize = 30;
/// Digits between two separators.
const GROUP: usize = 3;

impl Section {
    pub(super) fn is_date(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Date(_)))
    }

    /// Decides what depends on what stands beside it: months or minutes, decimals or parts of a second.
    pub(super) fn settle(&mut self) {
        if !self.is_date() {
            return;
        }
        let mut items: Vec<Item> = Vec::with_capacity(self.items.len());
        let mut after_hour = false;
        let mut rest = std::mem::take(&mut self.items).into_iter().peekable();
        while let Some(item) = rest.next() {
            let item = match item {
                Item::Date(Part::Month(n @ ..=2)) if after_hour => Item::Date(Part::Minute(n)),
                Item::Point if matches!(rest.peek(), Some(Item::Digit(_))) => {
                    let mut n = 0;
                    while rest.next_if(|next| matches!(next, Item::Digit(_))).is_some() {
                        n += 1;
                    }
                    Item::Date(Part::Fraction(n))
                }
                Item::Point => Item::Literal(".".to_owned()),
                Item::Date(Part::Second(n)) => {
                    minutes_before(&mut items);
                    Item::Date(Part::Second(n))
                }
                item @ (Item::Literal(_)
                | Item::Digit(_)
                | Item::Exponent(_)
                | Item::General
                | Item::Date(_)) => item,
            };
            items.push(item);
            if let Some(Item::Date(part)) = items.last() {
                after_hour = matches!(part, Part::Hour(_) | Part::Elapsed(Unit::Hour, _));
            }
        }
        self.items = items;
    }

    /// A date or a time of day; `None` where there is no such day.
    pub(super) fn moment(&self, value: f64, epoch: Epoch) -> Option<String> {
        let has = |wanted: fn(&Part) -> bool| {
            self.items.iter().any(|item| matches!(item, Item::Date(part) if wanted(part)))
        };
        let fraction = has(|part| matches!(part, Part::Fraction(_)));
        let unit = if fraction { Unit::Millisecond } else { Unit::Second };
        let mut moment = Moment::new(value, epoch, unit)?;
        moment.in_halves = has(|part| matches!(part, Part::HalfDay));
        let mut out = String::new();
        for item in &self.items {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Date(part) => out.push_str(&moment.show(*part)),
                Item::Digit(_) | Item::Point | Item::Exponent(_) | Item::General => {}
            }
        }
        Some(out)
    }

    /// A number that is not negative.
    pub(super) fn number(&self, value: f64) -> String {
        let scaled = value * 100f64.powi(self.percent) / 1000f64.powi(self.thousands);
        let n_digits = |items: &[Item]| items.iter().filter(|i| is_digit(i)).count();
        let slash = |item: &Item| matches!(item, Item::Literal(text) if text.contains('/'));
        if self.items.iter().any(slash) && n_digits(&self.items) > 1 {
            return general(scaled);
        }
        let exponent = self.items.iter().position(|item| matches!(item, Item::Exponent(_)));
        let end = exponent.unwrap_or(self.items.len());
        let (shown, rest) = self.items.split_at_checked(end).unwrap_or((&self.items, &[]));
        let point = shown.iter().position(|item| *item == Item::Point).unwrap_or(end);
        let (before, behind) = shown.split_at_checked(point).unwrap_or((shown, &[]));
        let n_decimals = n_digits(behind).min(MAX_DECIMALS);
        let (mantissa, power) = match exponent {
            Some(_) => split_scientific(scaled, n_decimals),
            None => (scaled, 0),
        };
        let (whole, fraction) = digits(mantissa, n_decimals);
        let mut out = self.whole(before, &whole, scaled);
        out.push_str(&decimals(behind, &fraction));
        if let Some(Item::Exponent(plus)) = rest.first() {
            let sign = if power < 0 {
                "-"
            } else if *plus {
                "+"
            } else {
                ""
            };
            out.push_str(&format!("E{sign}{:0width$}", power.abs(), width = n_digits(rest).min(4)));
        }
        out
    }

    /// The part of a number before its point, filled into its places from the right.
    fn whole(&self, items: &[Item], digits: &str, value: f64) -> String {
        let mut rest = digits.chars().rev();
        // The characters, from the last to the first.
        let mut out: Vec<char> = Vec::new();
        let mut n = 0;
        let mut place = |digit: char, out: &mut Vec<char>| {
            if self.grouped && n > 0 && n % GROUP == 0 {
                out.push(',');
            }
            n += 1;
            out.push(digit);
        };
        let first = items.iter().position(is_digit);
        let nowhere = first.is_none() && !items.contains(&Item::General);
        if nowhere && self.items.iter().any(is_digit) {
            rest.by_ref().for_each(|digit| place(digit, &mut out));
        }
        for (at, item) in items.iter().enumerate().rev() {
            match item {
                Item::Digit(shape) => {
                    if let Some(digit) = rest.next().or((*shape == '0').then_some('0')) {
                        place(digit, &mut out);
                    }
                    if Some(at) == first {
                        rest.by_ref().for_each(|digit| place(digit, &mut out));
                    }
                }
                Item::Literal(text) => out.extend(text.chars().rev()),
                Item::General => out.extend(general(value).chars().rev()),
                Item::Point | Item::Exponent(_) | Item::Date(_) => {}
            }
        }
        out.into_iter().rev().collect()
    }
}

fn is_digit(item: &Item) -> bool {
    matches!(item, Item::Digit(_))
}

/// The point and what stands behind it. Zeros at the end are shown where the format asks for them.
fn decimals(items: &[Item], fraction: &str) -> String {
    let mut out = String::new();
    let mut rest = fraction;
    for item in items {
        match item {
            Item::Digit(shape) => {
                let Some(digit) = rest.chars().next() else { continue };
                if *shape == '0' || rest.contains(|c| c != '0') {
                    if out.is_empty() {
                        out.push('.');
                    }
                    out.push(digit);
                }
                rest = rest.get(1..).unwrap_or_default();
            }
            Item::Literal(text) => out.push_str(text),
            Item::Point | Item::Exponent(_) | Item::General | Item::Date(_) => {}
        }
    }
    out
}

/// Mantissa and power of ten, so that the mantissa has one digit before its point when it is rounded.
fn split_scientific(value: f64, n_decimals: usize) -> (f64, i32) {
    let text = format!("{value:.n_decimals$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.parse().unwrap_or(0.0), power.parse().unwrap_or(0))
}

/// The month right before a second is a minute.
fn minutes_before(items: &mut [Item]) {
    let last = items.iter_mut().rev().find(|item| matches!(item, Item::Date(_)));
    if let Some(Item::Date(part)) = last
        && let Part::Month(n @ ..=2) = *part
    {
        *part = Part::Minute(n);
    }
}
