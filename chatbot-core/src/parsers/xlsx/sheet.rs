//! The cells of a sheet.

use crate::error::Result;
use crate::parsers::package::xml::{Element, Node, Xml};
use crate::parsers::sheets::{Epoch, Grid, Merge, Texts, general};
use crate::parsers::watch::Watch;

use super::strings::RichText;
use super::styles::Styles;

/// What cells refer to.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) strings: Texts,
    pub(super) styles: Styles,
    pub(super) epoch: Epoch,
}

/// A cell whose end has not been reached.
#[derive(Debug, Default)]
struct Cell {
    kind: Kind,
    style: usize,
    value: String,
    in_value: bool,
    rich: RichText,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Kind {
    #[default]
    Number,
    Shared,
    Boolean,
    /// Texts of formulas, errors, dates in ISO 8601.
    Plain,
}

impl Book {
    /// The cells of a sheet.
    pub(super) fn read<'a>(&self, part: &str, watch: &'a Watch<'a>) -> Result<Grid<'a>> {
        let mut grid = Grid::new(watch);
        let mut place = Place::default();
        let mut cell = None;
        let mut xml = Xml::new(part, watch);
        while let Some(node) = xml.next()? {
            match (node, &mut cell) {
                (Node::Start(element), None) => match element.name() {
                    "row" => place.begin_row(&element),
                    "c" => {
                        place.begin_cell(&element);
                        cell = Some(Cell::new(&element));
                    }
                    "mergeCell" => grid.merges(element.attribute("ref").as_deref()),
                    _ => {}
                },
                (Node::Start(element), Some(cell)) => cell.start(element.name()),
                (Node::Text(text), Some(cell)) => cell.text(&text),
                (Node::End(name), Some(open)) if name == "c" => {
                    let (text, is_text) = self.shown(open);
                    if let Some(at) = place.at() {
                        grid.push(at, &text, is_text)?;
                    }
                    cell = None;
                }
                (Node::End(name), Some(cell)) => cell.end(&name),
                (Node::End(_) | Node::Text(_), None) => {}
            }
        }
        Ok(grid)
    }

    /// What a cell shows, and whether that is a text rather than a number.
    fn shown<'b>(&'b self, cell: &'b Cell) -> (std::borrow::Cow<'b, str>, bool) {
        let value = cell.value.trim();
        match cell.kind {
            Kind::Plain => (value.into(), true),
            Kind::Shared => {
                let text = value.parse().ok().and_then(|index| self.strings.get(index));
                (text.unwrap_or_default().into(), true)
            }
            Kind::Boolean => (if value == "1" { "TRUE" } else { "FALSE" }.into(), false),
            Kind::Number => match value.parse::<f64>() {
                Ok(number) => {
                    let format = self.styles.format(cell.style);
                    let shown = format.map(|format| format.show(number, self.epoch));
                    (shown.unwrap_or_else(|| general(number)).into(), false)
                }
                Err(_) => (value.into(), true),
            },
        }
    }
}

impl Cell {
    fn new(element: &Element<'_>) -> Self {
        let kind = match element.attribute("t").as_deref() {
            Some("s") => Kind::Shared,
            Some("b") => Kind::Boolean,
            Some("str" | "inlineStr" | "e" | "d") => Kind::Plain,
            _ => Kind::Number,
        };
        let style = element.attribute("s").and_then(|style| style.parse().ok()).unwrap_or(0);
        Self { kind, style, ..Self::default() }
    }

    fn start(&mut self, name: &str) {
        self.in_value |= name == "v";
        self.rich.start(name);
    }

    fn end(&mut self, name: &str) {
        self.in_value &= name != "v";
        self.rich.end(name);
    }

    fn text(&mut self, text: &str) {
        if self.in_value {
            self.value.push_str(text);
        } else {
            self.rich.text(text, &mut self.value);
        }
    }
}

/// Where the next cell is. Writers may leave out where rows and cells are: then they follow the one before.
#[derive(Debug, Default)]
struct Place {
    row: Option<u32>,
    column: Option<u16>,
}

impl Place {
    fn begin_row(&mut self, element: &Element<'_>) {
        let stated = element.attribute("r").and_then(|row| row.parse::<u32>().ok());
        let next = self.row.map_or(0, |row| row.saturating_add(1));
        self.row = Some(stated.and_then(|row| row.checked_sub(1)).unwrap_or(next));
        self.column = None;
    }

    fn begin_cell(&mut self, element: &Element<'_>) {
        let stated = element.attribute("r").and_then(|place| reference(&place));
        let next = self.column.map_or(0, |column| column.saturating_add(1));
        self.column = Some(stated.map_or(next, |(_, column)| column));
        if let Some((row, _)) = stated {
            self.row = Some(row);
        }
    }

    fn at(&self) -> Option<(u32, u16)> {
        Some((self.row?, self.column?))
    }
}

/// Row and column, from 0, of a reference such as `AB12`.
fn reference(text: &str) -> Option<(u32, u16)> {
    let text = text.replace('$', "");
    let digits = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let letters = text.strip_suffix(digits)?;
    let column = letters.bytes().try_fold(0u16, |column, letter| {
        column.checked_mul(26)?.checked_add(u16::from(letter.to_ascii_uppercase() - b'A') + 1)
    })?;
    Some((digits.parse::<u32>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}

impl Grid<'_> {
    /// Notes the cells that a reference such as `A1:C2` names as shown as one.
    fn merges(&mut self, range: Option<&str>) {
        let ends = range.and_then(|range| range.split_once(':'));
        let ends = ends.and_then(|(from, to)| Some((reference(from)?, reference(to)?)));
        if let Some(((row, column), (last_row, _))) = ends {
            self.merge(Merge { row, column, last_row });
        }
    }
}

/// The comments of a sheet, each with the cell that it is on.
pub(super) fn read_comments(part: &str, watch: &Watch<'_>) -> Result<Vec<String>> {
    let mut comments = Vec::new();
    let mut rich = RichText::default();
    let mut comment: Option<String> = None;
    let mut xml = Xml::new(part, watch);
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(element) if element.name() == "comment" => {
                let place = element.attribute("ref").unwrap_or_default();
                comment = Some(format!("{place}: "));
            }
            Node::Start(element) => rich.start(element.name()),
            Node::Text(text) => {
                if let Some(comment) = &mut comment {
                    rich.text(&text, comment);
                }
            }
            Node::End(name) if name == "comment" => comments.extend(comment.take()),
            Node::End(name) => rich.end(&name),
        }
    }
    Ok(comments)
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn references_are_rows_and_columns() {
        assert_eq!(reference("A1"), Some((0, 0)));
        assert_eq!(reference("$AB$12"), Some((11, 27)));
        assert_eq!(reference("XFD1048576"), Some((1_048_575, 16_383)));
        for wrong in ["", "A", "7", "A0", "ZZZZZZZ1", "A-1", "é1"] {
            assert_eq!(reference(wrong), None, "{wrong}");
        }
    }
}
