//! Writes a page's elements as blocks of text.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "each step of writing acts on a few of the many roles"
)]

use crate::error::Result;
use crate::parsers::assemble::Assembly;
use crate::parsers::watch::Watch;
use crate::types::BlockKind;

use super::element::Role;
use super::events::{Event, Page, Part};

/// Adds the blocks of `part` to `assembly`.
pub(super) fn write(
    page: &Page,
    part: Part,
    assembly: &mut Assembly<'_>,
    watch: &Watch<'_>,
) -> Result<()> {
    let mut writing = Writing::new(assembly, part.without_boilerplate);
    let parts = part.events.into_iter();
    for event in parts.flat_map(|part| page.events.get(part).unwrap_or_default()) {
        watch.tick()?;
        match event {
            Event::Open(role) => writing.open(*role)?,
            Event::Close(role) => writing.close(*role)?,
            Event::Text(range) => writing.text(page.text.get(range.clone()).unwrap_or_default()),
        }
    }
    writing.flush()
}

struct Writing<'w, 'a> {
    assembly: &'w mut Assembly<'a>,
    without_boilerplate: bool,
    buffer: String,
    n_skipped: usize,
    n_pre: usize,
    n_quotes: usize,
    n_captions: usize,
    heading: Option<u8>,
    lists: Vec<Option<u64>>,
    marker: Option<String>,
    in_table: bool,
    cells: Vec<String>,
    header_row: bool,
}

impl<'w, 'a> Writing<'w, 'a> {
    fn new(assembly: &'w mut Assembly<'a>, without_boilerplate: bool) -> Self {
        Self {
            assembly,
            without_boilerplate,
            buffer: String::new(),
            n_skipped: 0,
            n_pre: 0,
            n_quotes: 0,
            n_captions: 0,
            heading: None,
            lists: Vec::new(),
            marker: None,
            in_table: false,
            cells: Vec::new(),
            header_row: true,
        }
    }

    fn is_skipped(&self, role: Role) -> bool {
        match role {
            Role::Hidden | Role::Head | Role::Title => true,
            Role::Boilerplate | Role::Aside => self.without_boilerplate,
            _ => false,
        }
    }

    fn open(&mut self, role: Role) -> Result<()> {
        if self.is_skipped(role) {
            self.n_skipped += 1;
        }
        if self.n_skipped > 0 || role == Role::Inline {
            return Ok(());
        }
        if role == Role::Break {
            self.line_break();
            return Ok(());
        }
        self.flush()?;
        match role {
            Role::Heading(level) => self.heading = Some(level),
            Role::Preformatted => self.n_pre += 1,
            Role::Quote => self.n_quotes += 1,
            Role::Caption => self.n_captions += 1,
            Role::List => self.lists.push(None),
            Role::NumberedList => self.lists.push(Some(1)),
            Role::Item => self.marker = Some(self.next_marker()),
            Role::Table => self.in_table = true,
            Role::Row => self.header_row = true,
            Role::Cell => self.header_row = false,
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, role: Role) -> Result<()> {
        if self.n_skipped > 0 || role == Role::Inline {
            self.n_skipped -= usize::from(self.is_skipped(role));
            return Ok(());
        }
        match role {
            Role::Cell | Role::HeaderCell if self.in_table => {
                let cell = std::mem::take(&mut self.buffer);
                self.cells.push(cell.split_whitespace().collect::<Vec<_>>().join(" "));
                return Ok(());
            }
            Role::Row if self.in_table => return self.row(),
            _ => self.flush()?,
        }
        match role {
            Role::Heading(_) => self.heading = None,
            Role::Preformatted => self.n_pre = self.n_pre.saturating_sub(1),
            Role::Quote => self.n_quotes = self.n_quotes.saturating_sub(1),
            Role::Caption => self.n_captions = self.n_captions.saturating_sub(1),
            Role::List | Role::NumberedList => drop(self.lists.pop()),
            Role::Item => self.marker = None,
            Role::Table => {
                self.row()?;
                self.in_table = false;
            }
            _ => {}
        }
        Ok(())
    }

    fn next_marker(&mut self) -> String {
        match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            Some(None) | None => "- ".to_owned(),
        }
    }

    fn text(&mut self, text: &str) {
        if self.n_skipped > 0 {
            return;
        }
        if self.n_pre > 0 && !self.in_table {
            self.buffer.push_str(text);
            return;
        }
        let mut gap = text.starts_with(is_space);
        for word in text.split(is_space).filter(|word| !word.is_empty()) {
            self.space(gap);
            self.buffer.push_str(word);
            gap = true;
        }
        self.space(text.ends_with(is_space));
    }

    fn space(&mut self, wanted: bool) {
        if wanted && !self.buffer.is_empty() && !self.buffer.ends_with([' ', '\n']) {
            self.buffer.push(' ');
        }
    }

    fn line_break(&mut self) {
        if self.heading.is_some() || self.in_table {
            self.space(true);
        } else {
            self.buffer.truncate(self.buffer.trim_end_matches(' ').len());
            self.buffer.push('\n');
        }
    }

    fn row(&mut self) -> Result<()> {
        let cells = std::mem::take(&mut self.cells);
        if cells.iter().all(String::is_empty) {
            return Ok(());
        }
        self.assembly.block(BlockKind::TableRow { header: self.header_row }, &cells.join(" | "))
    }

    /// Writes what was read as blocks. Inside a table it stays a part of its cell.
    fn flush(&mut self) -> Result<()> {
        if self.in_table && self.n_captions == 0 {
            self.space(true);
            return Ok(());
        }
        let text = std::mem::take(&mut self.buffer);
        if text.trim().is_empty() {
            return Ok(());
        }
        if let Some(level) = self.heading {
            return self.assembly.block(BlockKind::Heading { level }, &text);
        }
        if self.n_pre > 0 {
            return self.assembly.block(BlockKind::Code, &text);
        }
        let kind = match (self.n_captions, self.n_quotes) {
            (0, 0) => BlockKind::Paragraph,
            (0, _) => BlockKind::Quote,
            _ => BlockKind::Note,
        };
        // Two line breaks in a row are how old pages begin a paragraph.
        for part in text.split("\n\n").map(str::trim).filter(|part| !part.is_empty()) {
            match self.marker.take() {
                Some(marker) => {
                    self.assembly.block(BlockKind::ListItem, &format!("{marker}{part}"))?;
                }
                None => self.assembly.block(kind, part)?,
            }
        }
        Ok(())
    }
}

/// White space that collapses; a no-break space collapses too, so that phrases can be found.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{A0}'
}
