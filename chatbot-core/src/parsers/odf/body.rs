//! The text of a document or a presentation, block by block.

use crate::error::Result;
use crate::parsers::assemble::{Assembly, one_line};
use crate::parsers::package::xml::{Element, Node, Xml};
use crate::parsers::package::{TableNames, data_tables};
use crate::parsers::slide::Slide;
use crate::types::BlockKind;

use super::frame::Frame;
use super::lists::Lists;
use super::paragraph::Paragraph;
use super::styles::Styles;
use super::table::Table;

const TABLES: TableNames = ["table", "table-row", "table-cell"];

struct Walk<'w, 'a> {
    styles: &'w Styles,
    assembly: &'w mut Assembly<'a>,
    data_tables: std::vec::IntoIter<bool>,
    paragraphs: Vec<Paragraph>,
    tables: Vec<Table>,
    lists: Lists,
    frames: Vec<Frame>,
    slide: Option<Slide>,
    n_slides: u32,
    in_speaker_notes: bool,
    /// The first title of a slide; empty while none was found.
    title: Option<String>,
    /// How deep inside something nobody reads.
    n_skipped: usize,
    /// How deep inside footnotes and endnotes.
    n_notes: usize,
    /// Notes of the paragraph or row that is open.
    notes: Vec<String>,
}

/// Adds the blocks of a content part; returns the title that stands in it, if one does.
pub(super) fn write(part: &str, styles: &Styles, assembly: &mut Assembly<'_>) -> Result<String> {
    let watch = assembly.watch();
    let mut walk = Walk {
        styles,
        assembly,
        data_tables: data_tables(part, TABLES, watch)?.into_iter(),
        paragraphs: Vec::new(),
        tables: Vec::new(),
        lists: Lists::default(),
        frames: Vec::new(),
        slide: None,
        n_slides: 0,
        in_speaker_notes: false,
        title: None,
        n_skipped: 0,
        n_notes: 0,
        notes: Vec::new(),
    };
    let mut xml = Xml::new(part, watch);
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(element) => walk.start(&element)?,
            Node::End(name) => walk.end(&name)?,
            Node::Text(text) => walk.text(&text),
        }
    }
    while !walk.paragraphs.is_empty() {
        walk.end_paragraph()?;
    }
    walk.end_slide()?;
    let title = walk.title;
    Ok(title.or_else(|| assembly.first_heading().map(str::to_owned)).unwrap_or_default())
}

/// Deleted text, remarks in the margin, what lists are made from, descriptions of pictures, numbers of pages.
fn is_skipped(element: &Element<'_>) -> bool {
    let name = element.name();
    matches!(
        name,
        "tracked-changes"
            | "annotation"
            | "forms"
            | "note-citation"
            | "ruby-text"
            | "hidden-text"
            | "page-number"
            | "automatic-styles"
            | "font-face-decls"
    ) || matches!(element.full_name(), "svg:title" | "svg:desc")
        || name.ends_with("-source")
        || name == "section" && element.attribute("display").is_some_and(|how| how == "none")
}

impl Walk<'_, '_> {
    fn start(&mut self, element: &Element<'_>) -> Result<()> {
        let name = element.name();
        if self.n_skipped > 0 || is_skipped(element) || self.is_hidden(element) {
            self.n_skipped += 1;
            if name == "table" {
                self.data_tables.next();
            }
            return Ok(());
        }
        match name {
            "p" | "h" => self.begin_paragraph(element),
            "list" => self.lists.begin(element),
            "list-item" => self.lists.begin_item(),
            "table" => {
                let data = self.data_tables.next().unwrap_or_default();
                self.tables.push(Table::new(data, element));
            }
            "table-header-rows" | "table-row" | "table-cell" | "covered-table-cell" => {
                if let Some(table) = self.tables.last_mut() {
                    table.start(element);
                }
            }
            "note-body" => self.n_notes += 1,
            "frame" => self.frames.push(Frame::of(element.attribute("class").as_deref())),
            "page" => {
                self.end_slide()?;
                self.n_slides += 1;
                let mut slide = Slide::new(self.n_slides);
                slide.heads_all = self.n_slides == 1;
                self.slide = Some(slide);
            }
            "notes" => self.in_speaker_notes = true,
            _ => {
                if let Some(paragraph) = self.paragraphs.last_mut() {
                    paragraph.sign(element);
                }
            }
        }
        Ok(())
    }

    fn is_hidden(&self, element: &Element<'_>) -> bool {
        matches!(element.name(), "p" | "h" | "span")
            && self.styles.hides(element.attribute("style-name").as_deref())
    }

    fn begin_paragraph(&mut self, element: &Element<'_>) {
        let kind = if element.name() == "h" {
            let level = element.attribute("outline-level").and_then(|level| level.parse().ok());
            BlockKind::Heading { level: level.unwrap_or(1u8).clamp(1, 6) }
        } else {
            self.styles.kind(element.attribute("style-name").as_deref())
        };
        self.paragraphs.push(Paragraph::new(kind));
    }

    fn end(&mut self, name: &str) -> Result<()> {
        if self.n_skipped > 0 {
            self.n_skipped -= 1;
            return Ok(());
        }
        match name {
            "p" | "h" => return self.end_paragraph(),
            "list" => self.lists.end(),
            "table" => drop(self.tables.pop()),
            "table-row" => return self.end_row(),
            "table-header-rows" | "table-cell" | "covered-table-cell" => {
                if let Some(table) = self.tables.last_mut() {
                    table.end(name);
                }
            }
            "note-body" => self.n_notes = self.n_notes.saturating_sub(1),
            "frame" => drop(self.frames.pop()),
            "page" => return self.end_slide(),
            "notes" => self.in_speaker_notes = false,
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if self.n_skipped > 0 {
            return;
        }
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text(text);
        }
    }

    fn end_paragraph(&mut self) -> Result<()> {
        let Some(Paragraph { text, kind }) = self.paragraphs.pop() else { return Ok(()) };
        if text.trim().is_empty() {
            return Ok(());
        }
        if self.n_notes > 0 {
            self.notes.push(text);
            return Ok(());
        }
        if let Some(table) = self.tables.last_mut().filter(|table| table.data) {
            table.add(&text);
            return Ok(());
        }
        let is_heading = matches!(kind, BlockKind::Heading { .. });
        if is_heading || self.frame() == Frame::Title {
            self.emit(kind, one_line(&text))?;
        } else if let Some(marker) = self.lists.marker(self.styles).filter(|m| !m.is_empty()) {
            self.emit(BlockKind::ListItem, format!("{marker}{}", text.trim()))?;
        } else {
            self.emit(kind, text)?;
        }
        self.emit_notes()
    }

    fn end_row(&mut self) -> Result<()> {
        let row = self.tables.last_mut().and_then(Table::end_row);
        if let Some((kind, text)) = row {
            self.emit(kind, text)?;
        }
        self.emit_notes()
    }

    /// Notes stand below the paragraph or the row that refers to them.
    fn emit_notes(&mut self) -> Result<()> {
        for note in std::mem::take(&mut self.notes) {
            self.emit(BlockKind::Note, note)?;
        }
        Ok(())
    }

    fn emit(&mut self, kind: BlockKind, text: String) -> Result<()> {
        let frame = self.frame();
        let Some(slide) = &mut self.slide else { return self.assembly.block(kind, &text) };
        match (self.in_speaker_notes, frame) {
            (true, Frame::Notes) => slide.add_note(text),
            (true, _) | (_, Frame::Furniture) => {}
            (false, Frame::Title) => slide.add_title(text),
            (false, Frame::Content | Frame::Notes) => slide.add(kind, text),
        }
        self.assembly.watch().text_len(slide.n_bytes())
    }

    fn frame(&self) -> Frame {
        self.frames.last().copied().unwrap_or(Frame::Content)
    }

    fn end_slide(&mut self) -> Result<()> {
        let Some(slide) = self.slide.take() else { return Ok(()) };
        let title = self.title.get_or_insert_default();
        if title.is_empty() {
            *title = slide.title();
        }
        slide.write(self.assembly)
    }
}
