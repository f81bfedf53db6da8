//! Lists: what stands in front of their items.

use std::collections::HashMap;

use crate::error::Result;
use crate::parsers::watch::Watch;

use crate::parsers::package::xml::{Node, Xml};

/// Word knows nine levels.
const N_LEVELS: usize = 9;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Format {
    #[default]
    Bullet,
    None,
    Decimal,
    Letter,
    Roman,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    format: Format,
    start: usize,
}

/// The lists of a document, and how far each has counted.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    shapes: HashMap<usize, [Level; N_LEVELS]>,
    lists: HashMap<usize, usize>,
    counts: HashMap<usize, [usize; N_LEVELS]>,
}

impl Default for Level {
    fn default() -> Self {
        Self { format: Format::Bullet, start: 1 }
    }
}

impl Numbering {
    pub(super) fn read(part: Option<&str>, watch: &Watch<'_>) -> Result<Self> {
        let mut numbering = Self::default();
        let Some(text) = part else { return Ok(numbering) };
        let mut xml = Xml::new(text, watch);
        let (mut shape, mut level, mut list) = (None, 0, None);
        while let Some(node) = xml.next()? {
            let Node::Start(element) = node else { continue };
            let id = |name| element.attribute(name).and_then(|id| id.parse::<usize>().ok());
            match element.name() {
                "abstractNum" => (shape, list) = (id("abstractNumId"), None),
                "num" => (shape, list) = (None, id("numId")),
                "lvl" => level = id("ilvl").unwrap_or(0),
                "abstractNumId" => {
                    numbering.lists.extend(list.zip(element.number()));
                }
                name @ ("numFmt" | "start") => {
                    let Some(shape) = shape else { continue };
                    let levels = numbering.shapes.entry(shape).or_default();
                    let Some(level) = levels.get_mut(level) else { continue };
                    if name == "start" {
                        level.start = element.number().unwrap_or(1);
                    } else {
                        level.format = format(element.attribute("val").as_deref());
                    }
                }
                _ => {}
            }
        }
        Ok(numbering)
    }

    /// What stands in front of the next item of a list; `None` where the paragraph is in no list.
    pub(super) fn marker(&mut self, list: usize, level: usize) -> Option<String> {
        if list == 0 {
            return None;
        }
        let level = level.min(N_LEVELS - 1);
        let shape = self.lists.get(&list).copied();
        let levels = shape.and_then(|shape| self.shapes.get(&shape)).copied().unwrap_or_default();
        let counts = self.counts.entry(shape.unwrap_or(list)).or_default();
        for deeper in counts.iter_mut().skip(level + 1) {
            *deeper = 0;
        }
        let count = counts.get_mut(level)?;
        *count += 1;
        let shape = levels.get(level)?;
        let number = shape.start.saturating_add(*count).saturating_sub(1);
        Some(match shape.format {
            Format::None => String::new(),
            Format::Bullet => "- ".to_owned(),
            Format::Decimal => format!("{number}. "),
            Format::Letter => format!("{}. ", letter(number)),
            Format::Roman => format!("{}. ", roman(number)),
        })
    }
}

fn format(name: Option<&str>) -> Format {
    match name {
        Some("bullet") => Format::Bullet,
        Some("none") | None => Format::None,
        Some("lowerLetter" | "upperLetter") => Format::Letter,
        Some("lowerRoman" | "upperRoman") => Format::Roman,
        Some(_) => Format::Decimal,
    }
}

/// a, b, … z, aa, bb, …: as Word counts.
fn letter(number: usize) -> String {
    let index = u32::try_from(number.saturating_sub(1) % 26).unwrap_or_default();
    let letter = char::from_u32(u32::from('a') + index).unwrap_or('a');
    std::iter::repeat_n(letter, 1 + (number.saturating_sub(1) / 26).min(8)).collect()
}

fn roman(number: usize) -> String {
    const SIGNS: [(usize, &str); 13] = [
        (1000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ];
    let mut rest = number % 4000;
    let mut out = String::new();
    for (value, sign) in SIGNS {
        while rest >= value {
            rest -= value;
            out.push_str(sign);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_roman_numbers_count_as_word_does() {
        assert_eq!([letter(1), letter(26), letter(27)], ["a", "z", "aa"]);
        assert_eq!([roman(4), roman(1990)], ["iv", "mcmxc"]);
    }
}
