//! Charts: their title, and the numbers that they draw, as a table.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::parsers::assemble::one_line;
use crate::parsers::package::xml::{Element, Node, Xml};
use crate::parsers::sheets::{Epoch, NumberFormat};
use crate::parsers::watch::Watch;
use crate::types::BlockKind;

/// Excel draws no more series in a chart, and half as many points of each.
const MAX_SERIES: usize = 255;
const MAX_POINTS: u32 = 65_536;

/// A line, a set of bars or the like.
#[derive(Debug, Default)]
struct Series {
    name: String,
    values: BTreeMap<u32, String>,
}

/// What the text that is being read belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Elsewhere,
    Title,
    Name,
    Category,
    Value,
}

#[derive(Debug, Default)]
struct Chart {
    title: String,
    categories: BTreeMap<u32, String>,
    series: Vec<Series>,
    place: Place,
    /// Axes have titles too; the chart's own stands before what is drawn.
    drawn: bool,
    in_series: bool,
    /// How deep inside something that is not drawn as numbers.
    n_skipped: usize,
    in_value: bool,
    in_format: bool,
    point: u32,
    code: String,
}

/// What a chart shows: its title and the rows of a table.
pub(in crate::parsers) fn read_chart(
    part: &str,
    watch: &Watch<'_>,
) -> Result<Vec<(BlockKind, String)>> {
    let mut chart = Chart::default();
    let mut xml = Xml::new(part, watch);
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(element) => chart.start(&element),
            Node::End(name) => chart.end(&name),
            Node::Text(text) => chart.text(&text),
        }
    }
    chart.rows(watch)
}

impl Chart {
    fn start(&mut self, element: &Element<'_>) {
        if self.n_skipped > 0 || is_skipped(element.name()) {
            self.n_skipped += 1;
            return;
        }
        match element.name() {
            "title" if !self.drawn => self.place = Place::Title,
            "plotArea" => self.drawn = true,
            "ser" if self.series.len() < MAX_SERIES => {
                self.in_series = true;
                self.series.push(Series::default());
            }
            "tx" if self.in_series => self.place = Place::Name,
            "cat" | "xVal" => self.place = Place::Category,
            "val" | "yVal" => self.place = Place::Value,
            "pt" => {
                let index = element.attribute("idx").and_then(|index| index.parse().ok());
                self.point = index.unwrap_or(0);
            }
            "v" | "t" => self.in_value = true,
            "formatCode" => {
                self.in_format = true;
                self.code.clear();
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if self.n_skipped > 0 {
            self.n_skipped -= 1;
            return;
        }
        match name {
            "ser" => self.in_series = false,
            "v" | "t" => self.in_value = false,
            "formatCode" => self.in_format = false,
            "title" | "tx" | "cat" | "xVal" | "val" | "yVal" if self.place != Place::Title => {
                self.place = Place::Elsewhere;
                self.code.clear();
            }
            "title" => self.place = Place::Elsewhere,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_format && self.n_skipped == 0 {
            self.code.push_str(text);
        }
        if !self.in_value || self.n_skipped > 0 || self.point >= MAX_POINTS {
            return;
        }
        let shown = match text.parse::<f64>() {
            Ok(number) if !self.code.is_empty() => {
                NumberFormat::parse(&self.code).show(number, Epoch::Y1900)
            }
            _ => text.to_owned(),
        };
        let series = self.series.last_mut();
        match (self.place, series) {
            (Place::Title, _) => self.title.push_str(text),
            (Place::Name, Some(series)) => series.name.push_str(text),
            (Place::Category, _) => drop(self.categories.insert(self.point, shown)),
            (Place::Value, Some(series)) => drop(series.values.insert(self.point, shown)),
            (Place::Elsewhere | Place::Name | Place::Value, _) => {}
        }
    }

    fn rows(&self, watch: &Watch<'_>) -> Result<Vec<(BlockKind, String)>> {
        let mut rows = vec![(BlockKind::Paragraph, self.title.clone())];
        let drawn: Vec<&Series> = self.series.iter().filter(|s| !s.values.is_empty()).collect();
        if drawn.is_empty() {
            return Ok(rows);
        }
        let mut line = String::new();
        for series in &drawn {
            line.push_str(" | ");
            line.push_str(&one_line(&series.name));
        }
        rows.push((BlockKind::TableRow { header: true }, line));
        let points: BTreeSet<u32> = drawn.iter().flat_map(|s| s.values.keys().copied()).collect();
        let mut len = 0;
        for point in points {
            let number = || (u64::from(point) + 1).to_string();
            let mut line = self.categories.get(&point).map_or_else(number, |name| one_line(name));
            for series in &drawn {
                line.push_str(" | ");
                line.push_str(series.values.get(&point).map_or("", String::as_str));
            }
            len += line.len();
            watch.text_len(len)?;
            rows.push((BlockKind::TableRow { header: false }, line));
        }
        Ok(rows)
    }
}

/// Labels of single points, lines through them, and what only later versions understand.
fn is_skipped(name: &str) -> bool {
    matches!(name, "dLbls" | "trendline" | "errBars" | "extLst")
}
