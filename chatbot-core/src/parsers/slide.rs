//! A slide in the making: its title comes first, wherever it is stored, and what the speaker notes comes last.

use crate::error::Result;
use crate::types::BlockKind;

use super::assemble::{Assembly, one_line};

/// What PowerPoint calls a presentation whose author gave it no title.
pub(super) const NO_TITLE: &str = "PowerPoint Presentation";
/// What stands before the notes of a slide.
const NOTES_LABEL: &str = "Speaker notes: ";

/// A slide.
#[derive(Debug, Default)]
pub(super) struct Slide {
    number: u32,
    title: Vec<String>,
    content: Vec<(BlockKind, String)>,
    notes: Vec<String>,
    n_bytes: usize,
    /// Whether its title is that of the whole presentation.
    pub(super) heads_all: bool,
}

impl Slide {
    /// An empty slide; numbers count from 1.
    pub(super) fn new(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    /// Adds a part of its title.
    pub(super) fn add_title(&mut self, text: String) {
        self.title.push(text);
    }

    pub(super) fn add(&mut self, kind: BlockKind, text: String) {
        if !text.trim().is_empty() {
            self.n_bytes += text.len() + size_of::<(BlockKind, String)>();
            self.content.push((kind, text));
        }
    }

    pub(super) fn add_note(&mut self, text: String) {
        if !text.trim().is_empty() {
            self.n_bytes += text.len() + size_of::<String>();
            self.notes.push(text);
        }
    }

    /// What it takes in memory.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Its title on one line; nothing where it has none.
    pub(super) fn title(&self) -> String {
        one_line(&self.title.join(" "))
    }

    /// Adds it as a page; nothing but that where it holds nothing.
    pub(super) fn write(&self, assembly: &mut Assembly<'_>) -> Result<()> {
        assembly.begin_page(self.number);
        let title = self.title();
        if title.is_empty() && self.content.is_empty() && self.notes.is_empty() {
            return Ok(());
        }
        let level = if self.heads_all { 1 } else { 2 };
        // Without a heading its text would seem to belong to the slide before.
        let heading = if title.is_empty() { format!("Slide {}", self.number) } else { title };
        assembly.block(BlockKind::Heading { level }, &heading)?;
        for (kind, text) in &self.content {
            assembly.block(*kind, text)?;
        }
        for (at, note) in self.notes.iter().enumerate() {
            let label = if at == 0 { NOTES_LABEL } else { "" };
            assembly.block(BlockKind::Note, &format!("{label}{note}"))?;
        }
        Ok(())
    }
}
