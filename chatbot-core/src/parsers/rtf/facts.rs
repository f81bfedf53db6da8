//! What a document says about itself.

use crate::parsers::assemble::Facts;

/// A fact that a document states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    Title,
    Author,
    Subject,
    Keywords,
    Created,
    Modified,
}

impl Fact {
    /// The fact that a control word begins.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "title" => Self::Title,
            "author" => Self::Author,
            "subject" => Self::Subject,
            "keywords" => Self::Keywords,
            "creatim" => Self::Created,
            "revtim" => Self::Modified,
            _ => return None,
        })
    }
}

/// Facts in the making.
#[derive(Debug, Default)]
pub(super) struct Info {
    facts: Facts,
    text: String,
    /// Year, month and day.
    date: [i32; 3],
}

impl Info {
    pub(super) fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Takes a part of a date.
    pub(super) fn number(&mut self, word: &str, number: i32) {
        let [year, month, day] = &mut self.date;
        match word {
            "yr" => *year = number,
            "mo" => *month = number,
            "dy" => *day = number,
            _ => {}
        }
    }

    pub(super) fn end(&mut self, fact: Fact) {
        let text = std::mem::take(&mut self.text);
        let [year, month, day] = std::mem::take(&mut self.date);
        let date = if year > 0 { format!("{year:04}-{month:02}-{day:02}") } else { String::new() };
        match fact {
            Fact::Title => self.facts.offer_title(&text),
            Fact::Author => self.facts.note("author", &text),
            Fact::Subject => self.facts.note("subject", &text),
            Fact::Keywords => self.facts.note("keywords", &text),
            Fact::Created => self.facts.note("created", &date),
            Fact::Modified => self.facts.note("modified", &date),
        }
    }

    pub(super) fn facts(self) -> Facts {
        self.facts
    }
}
