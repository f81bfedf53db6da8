//! The drawings of Office documents: the text of shapes, tables and charts, in the order in which they are stored, which
//! is the one that screen readers use.

mod chart;
mod paragraph;

use crate::error::Result;
use crate::types::BlockKind;

use super::package::xml::{Element, Node, Xml};
use super::watch::Watch;
use paragraph::Paragraph;

pub(super) use chart::read_chart;

/// What a shape stands for on a slide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Role {
    /// A shape that the author drew.
    #[default]
    Free,
    Title,
    /// The title of the title slide.
    MainTitle,
    /// The place for content, whose paragraphs are items of a list unless they say otherwise.
    Content,
    /// A place for text: on a page of notes, the notes.
    Text,
    /// Numbers, headers and footers of pages. A date counts where it was typed.
    Furniture,
}

/// A piece of a drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text {
        role: Role,
        kind: BlockKind,
        text: String,
    },
    /// A chart or a diagram in another part: the relation that leads there.
    Part(String),
}

/// The pieces of a drawing.
pub(super) fn read(part: &str, watch: &Watch<'_>) -> Result<Vec<Piece>> {
    let mut walk = Walk::default();
    let mut xml = Xml::new(part, watch);
    while let Some(node) = xml.next()? {
        watch.text_len(walk.n_bytes)?;
        match node {
            Node::Start(element) => walk.start(&element),
            Node::End(name) => walk.end(&name),
            Node::Text(text) => walk.text(&text),
        }
    }
    walk.end_paragraph();
    Ok(walk.pieces)
}

#[derive(Debug, Default)]
struct Walk {
    pieces: Vec<Piece>,
    /// What they take in memory, so that a drawing of very many small pieces ends in time.
    n_bytes: usize,
    /// How deep inside something nobody reads.
    n_skipped: usize,
    role: Role,
    paragraph: Option<Paragraph>,
    in_text: bool,
    table: Option<Table>,
    /// The next number of each level of a numbered list.
    numbers: [usize; paragraph::N_LEVELS],
}

#[derive(Debug, Default)]
struct Table {
    first_row_heads: bool,
    n_rows: usize,
    cells: Vec<String>,
}

impl Walk {
    fn start(&mut self, element: &Element<'_>) {
        let name = element.name();
        if self.n_skipped > 0 || is_skipped(element) {
            self.n_skipped += 1;
            return;
        }
        match name {
            "sp" | "graphicFrame" => (self.role, self.numbers) = (Role::Free, Default::default()),
            "ph" => self.role = role(element),
            "p" => self.paragraph = Some(Paragraph::default()),
            "t" => self.in_text = true,
            "br" => self.visible("\n"),
            "tbl" => self.table = Some(Table::default()),
            "tblPr" | "tr" | "tc" => self.start_in_table(element),
            "chart" => self.part(element.prefixed("id")),
            "relIds" => self.part(element.prefixed("dm")),
            _ => {
                if let Some(paragraph) = &mut self.paragraph {
                    paragraph.property(element);
                }
            }
        }
    }

    fn start_in_table(&mut self, element: &Element<'_>) {
        let Some(table) = &mut self.table else { return };
        match element.name() {
            "tblPr" => {
                let on = element.attribute("firstRow");
                table.first_row_heads = matches!(on.as_deref(), Some("1" | "true"));
            }
            "tr" => {
                table.n_rows += 1;
                table.cells.clear();
            }
            _ => table.cells.push(String::new()),
        }
    }

    fn end(&mut self, name: &str) {
        if self.n_skipped > 0 {
            self.n_skipped -= 1;
            return;
        }
        match name {
            "t" => self.in_text = false,
            "p" => self.end_paragraph(),
            "tr" => self.end_row(),
            "tbl" => self.table = None,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.n_skipped == 0 && self.in_text {
            self.visible(text);
        }
    }

    fn visible(&mut self, text: &str) {
        if let Some(paragraph) = &mut self.paragraph {
            paragraph.text.push_str(text);
        }
    }

    fn end_paragraph(&mut self) {
        let Some(paragraph) = self.paragraph.take() else { return };
        if paragraph.text.trim().is_empty() || self.role == Role::Furniture {
            return;
        }
        if let Some(cell) = self.table.as_mut().and_then(|table| table.cells.last_mut()) {
            if !cell.is_empty() {
                cell.push(' ');
            }
            let words: Vec<&str> = paragraph.text.split_whitespace().collect();
            cell.push_str(&words.join(" "));
            return;
        }
        let marker = paragraph.marker(self.role == Role::Content, &mut self.numbers);
        let (kind, text) = match marker {
            Some(marker) if !matches!(self.role, Role::Title | Role::MainTitle) => {
                (BlockKind::ListItem, format!("{marker}{}", paragraph.text.trim()))
            }
            _ => (BlockKind::Paragraph, paragraph.text),
        };
        self.push(Piece::Text { role: self.role, kind, text });
    }

    fn end_row(&mut self) {
        let Some(table) = &mut self.table else { return };
        let cells = std::mem::take(&mut table.cells);
        if cells.iter().all(String::is_empty) {
            return;
        }
        let header = table.first_row_heads && table.n_rows == 1;
        let kind = BlockKind::TableRow { header };
        self.push(Piece::Text { role: Role::Free, kind, text: cells.join(" | ") });
    }

    fn part(&mut self, relation: Option<String>) {
        if let Some(relation) = relation {
            self.push(Piece::Part(relation));
        }
    }

    fn push(&mut self, piece: Piece) {
        let len = match &piece {
            Piece::Text { text, .. } | Piece::Part(text) => text.len(),
        };
        self.n_bytes += len + size_of::<Piece>();
        self.pieces.push(piece);
    }
}

/// What is shown only where the rest cannot be, numbers that change with the page, and shapes that are hidden.
fn is_skipped(element: &Element<'_>) -> bool {
    match element.name() {
        "Fallback" => true,
        "fld" => {
            let kind = element.attribute("type").unwrap_or_default();
            kind.starts_with("slidenum") || kind.starts_with("datetime")
        }
        _ => false,
    }
}

fn role(placeholder: &Element<'_>) -> Role {
    match placeholder.attribute("type").as_deref() {
        Some("title") => Role::Title,
        Some("ctrTitle") => Role::MainTitle,
        None | Some("obj") => Role::Content,
        Some("sldNum" | "ftr" | "hdr" | "sldImg") => Role::Furniture,
        Some(_) => Role::Text,
    }
}
