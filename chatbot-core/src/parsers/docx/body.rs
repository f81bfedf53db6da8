//! The text of a Word document, block by block.

use crate::error::Result;
use crate::parsers::assemble::Assembly;
use crate::parsers::headings::outline_level;
use crate::parsers::html::append_html;
use crate::parsers::watch::Watch;
use crate::types::BlockKind;

use super::block_kind;
use super::numbering::Numbering;
use super::paragraph::Paragraph;
use super::styles::Styles;
use crate::parsers::package::xml::{Element, Node, Xml};
use crate::parsers::package::{Package, Relation, TableNames, data_tables};

const TABLES: TableNames = ["tbl", "tr", "tc"];

/// Everything the text of a document refers to.
pub(super) struct Body<'b, 'a> {
    pub(super) styles: Styles,
    pub(super) numbering: Numbering,
    pub(super) relations: &'b [Relation],
    pub(super) package: &'b mut Package<'a>,
    pub(super) watch: &'b Watch<'b>,
}

/// A table whose end has not been reached.
#[derive(Debug, Default)]
struct Table {
    data: bool,
    first_row_heads: bool,
    n_rows: usize,
    header: bool,
    cells: Vec<String>,
}

struct Walk<'w, 'b, 'a> {
    body: &'w mut Body<'b, 'a>,
    assembly: &'w mut Assembly<'b>,
    data_tables: std::vec::IntoIter<bool>,
    paragraphs: Vec<Paragraph>,
    tables: Vec<Table>,
    /// How deep inside something nobody reads.
    n_skipped: usize,
    note: bool,
}

impl<'b> Body<'b, '_> {
    /// Adds the blocks of the main part.
    pub(super) fn write(&mut self, part: &str, assembly: &mut Assembly<'b>) -> Result<()> {
        self.walk(part, assembly, false)
    }

    /// Adds footnotes or endnotes.
    pub(super) fn write_notes(&mut self, part: &str, assembly: &mut Assembly<'b>) -> Result<()> {
        self.walk(part, assembly, true)
    }

    fn walk(&mut self, part: &str, assembly: &mut Assembly<'b>, note: bool) -> Result<()> {
        let watch = self.watch;
        let data_tables = data_tables(part, TABLES, watch)?.into_iter();
        let mut walk = Walk {
            body: self,
            assembly,
            data_tables,
            paragraphs: Vec::new(),
            tables: Vec::new(),
            n_skipped: 0,
            note,
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
        Ok(())
    }
}

/// Deleted or moved text, properties as they were before, and what is shown only where the rest cannot be.
fn is_skipped(name: &str) -> bool {
    matches!(name, "del" | "moveFrom" | "Fallback" | "sdtPr" | "instrText" | "delText")
        || name.ends_with("PrChange")
}

impl Walk<'_, '_, '_> {
    fn start(&mut self, element: &Element<'_>) -> Result<()> {
        let name = element.name();
        if self.n_skipped > 0 {
            self.n_skipped += 1;
            if name == "tbl" {
                self.data_tables.next();
            }
            return Ok(());
        }
        match name {
            // In the properties of a row or a paragraph mark, `del` holds nothing.
            name if is_skipped(name) || self.is_separator(element) => self.n_skipped = 1,
            "p" => self.paragraphs.push(Paragraph::default()),
            "tbl" => {
                let data = self.data_tables.next().unwrap_or_default();
                self.tables.push(Table { data, ..Table::default() });
            }
            "altChunk" => self.alternative(element)?,
            "tblLook" | "tr" | "tblHeader" | "tc" => self.start_in_table(element),
            _ => {
                if let Some(paragraph) = self.paragraphs.last_mut() {
                    paragraph.start(element);
                }
            }
        }
        Ok(())
    }

    /// The lines above footnotes are stored as notes.
    fn is_separator(&self, element: &Element<'_>) -> bool {
        let kind = || element.attribute("type").unwrap_or_default().to_lowercase();
        self.note
            && matches!(element.name(), "footnote" | "endnote")
            && kind().contains("separator")
    }

    fn start_in_table(&mut self, element: &Element<'_>) {
        let Some(table) = self.tables.last_mut() else { return };
        match element.name() {
            "tblLook" => {
                let old = element.attribute("val");
                let old = old.and_then(|bits| u32::from_str_radix(&bits, 16).ok());
                let first_row = element.attribute("firstRow").map(|on| on == "1");
                table.first_row_heads =
                    first_row.unwrap_or_else(|| old.is_some_and(|bits| bits & 0x20 != 0));
            }
            "tr" => {
                table.header = table.first_row_heads && table.n_rows == 0;
                table.n_rows += 1;
                table.cells.clear();
            }
            "tblHeader" => table.header = element.is_on(),
            _ => table.cells.push(String::new()),
        }
    }

    fn end(&mut self, name: &str) -> Result<()> {
        if self.n_skipped > 0 {
            self.n_skipped -= 1;
            return Ok(());
        }
        match name {
            "p" => self.end_paragraph(),
            "tr" => self.end_row(),
            "tbl" => {
                self.tables.pop();
                Ok(())
            }
            _ => {
                if let Some(paragraph) = self.paragraphs.last_mut() {
                    paragraph.end(name);
                }
                Ok(())
            }
        }
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
        let Some(paragraph) = self.paragraphs.pop() else { return Ok(()) };
        let look = paragraph.style.as_deref().map(|style| self.body.styles.look(style));
        let look = look.unwrap_or_default();
        if look.hidden || paragraph.text.trim().is_empty() {
            return Ok(());
        }
        let table = self.tables.last_mut().filter(|table| table.data);
        if let Some(cell) = table.and_then(|table| table.cells.last_mut()) {
            if !cell.is_empty() {
                cell.push(' ');
            }
            let words: Vec<&str> = paragraph.text.split_whitespace().collect();
            cell.push_str(&words.join(" "));
            return Ok(());
        }
        if self.note {
            return self.assembly.block(BlockKind::Note, &paragraph.text);
        }
        let heading = paragraph.outline.map_or(look.heading, outline_level);
        let list = paragraph.list.or(look.list.map(|(list, _)| list));
        let level = paragraph.level.or(look.list.map(|(_, level)| level)).unwrap_or(0);
        let marker = list.and_then(|list| self.body.numbering.marker(list, level));
        match (heading, marker) {
            (None, Some(marker)) => {
                self.assembly.block(BlockKind::ListItem, &format!("{marker}{}", paragraph.text))
            }
            _ => {
                let text = match heading {
                    Some(_) => paragraph.text.replace('\n', " "),
                    None => paragraph.text,
                };
                self.assembly.block(block_kind(heading, &look), &text)
            }
        }
    }

    fn end_row(&mut self) -> Result<()> {
        let Some(table) = self.tables.last_mut().filter(|table| table.data) else { return Ok(()) };
        let cells = std::mem::take(&mut table.cells);
        if cells.iter().all(String::is_empty) {
            return Ok(());
        }
        self.assembly.block(BlockKind::TableRow { header: table.header }, &cells.join(" | "))
    }

    /// A piece of another format that stands in for text.
    fn alternative(&mut self, element: &Element<'_>) -> Result<()> {
        let id = element.attribute("id").unwrap_or_default();
        let target = self.body.relations.iter().find(|relation| relation.id == id);
        let html = |path: &str| path.ends_with("html") || path.ends_with(".htm");
        let Some(target) = target.filter(|relation| html(&relation.target)) else {
            return Ok(());
        };
        match self.body.package.part(&target.target)? {
            Some(page) => append_html(self.assembly, self.body.watch, &page),
            None => Ok(()),
        }
    }
}
