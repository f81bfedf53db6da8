//! A paragraph of a shape in the making.

use crate::parsers::package::xml::Element;

/// Drawings know nine levels of lists.
pub(super) const N_LEVELS: usize = 9;

/// A paragraph whose end has not been reached.
#[derive(Debug, Default)]
pub(super) struct Paragraph {
    pub(super) text: String,
    level: usize,
    bullet: Option<Bullet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bullet {
    None,
    Sign,
    /// A number, counted from here.
    Number(usize),
}

impl Paragraph {
    /// Notes a property of the paragraph.
    pub(super) fn property(&mut self, element: &Element<'_>) {
        let number = |name| element.attribute(name).and_then(|n| n.parse::<usize>().ok());
        match element.name() {
            "pPr" => self.level = number("lvl").unwrap_or(0),
            "buNone" => self.bullet = Some(Bullet::None),
            "buChar" | "buBlip" => self.bullet = Some(Bullet::Sign),
            "buAutoNum" => self.bullet = Some(Bullet::Number(number("startAt").unwrap_or(1))),
            _ => {}
        }
    }

    /// What stands in front of it where it is an item of a list; `listed` is so where it says nothing itself.
    pub(super) fn marker(&self, listed: bool, numbers: &mut [usize; N_LEVELS]) -> Option<String> {
        let level = self.level.min(N_LEVELS - 1);
        for deeper in numbers.iter_mut().skip(level + 1) {
            *deeper = 0;
        }
        let count = numbers.get_mut(level)?;
        match self.bullet {
            Some(Bullet::Number(start)) => {
                *count += 1;
                Some(format!("{}. ", start.saturating_add(*count).saturating_sub(1)))
            }
            other => {
                *count = 0;
                let sign = match other {
                    None => listed || level > 0,
                    Some(bullet) => bullet == Bullet::Sign,
                };
                sign.then(|| "- ".to_owned())
            }
        }
    }
}
