//! A page as a flat list: where elements begin and end, and the text between.

use std::collections::HashMap;
use std::ops::Range;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use crate::error::{Error, Result};
use crate::parsers::watch::Watch;

use super::element::{Role, hides, implied_end, is_void, role};

/// Longer cells are paragraphs: the table is there for the layout.
const MAX_CELL_BYTES: usize = 600;
/// Bytes of one piece of text that make what stands beside the content a part of it: teasers and advertisements are cut at
/// about 160 characters, entries of menus are shorter.
const MIN_PASSAGE_BYTES: usize = 200;

/// What happens next in a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    Open(Role),
    Close(Role),
    Text(Range<usize>),
}

/// A page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) events: Vec<Event>,
    pub(super) text: String,
    pub(super) title: String,
    pub(super) facts: Vec<(String, String)>,
    main: Option<Range<usize>>,
    articles: Vec<Range<usize>>,
    asides: Vec<Range<usize>>,
}

/// Which part of a page is wanted.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// In the order of the page.
    pub(super) events: Vec<Range<usize>>,
    /// Whether menus and the like are left out.
    pub(super) without_boilerplate: bool,
}

impl Page {
    /// The part that the page is about, where it says which; otherwise all of it.
    pub(super) fn main_content(&self) -> Part {
        let only_article = || match self.articles.as_slice() {
            [only] => Some(vec![only.clone()]),
            _ => None,
        };
        let main = self.main.clone().filter(|main| self.has_text(main));
        let part = main.map(|main| self.with_asides(main)).or_else(only_article);
        let part = part.filter(|parts| parts.iter().any(|part| self.has_text(part)));
        part.map_or_else(|| self.everything(), |events| Part { events, without_boilerplate: true })
    }

    pub(super) fn everything(&self) -> Part {
        let all = 0..self.events.len();
        Part { events: std::iter::once(all).collect(), without_boilerplate: false }
    }

    /// The main content, and what stands beside it and belongs to it.
    fn with_asides(&self, main: Range<usize>) -> Vec<Range<usize>> {
        let before = self.asides.iter().filter(|aside| aside.end <= main.start);
        let after = self.asides.iter().filter(|aside| aside.start >= main.end);
        before.chain([&main]).chain(after).cloned().collect()
    }

    /// Whether anything on the page is a heading.
    pub(super) fn has_heading(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Open(Role::Heading(_))))
    }

    fn has_text(&self, part: &Range<usize>) -> bool {
        let events = self.events.get(part.clone()).unwrap_or_default();
        events.iter().any(|event| match event {
            Event::Text(range) => {
                self.text.get(range.clone()).is_some_and(|text| !text.trim().is_empty())
            }
            Event::Open(_) | Event::Close(_) => false,
        })
    }
}

/// Reads a page.
pub(super) fn read(html: &str, watch: &Watch<'_>) -> Result<Page> {
    let mut reading = Reading::default();
    {
        let callback = |event: CallbackEvent<'_>, _: Span<()>| -> Option<Error> {
            reading.event(&event);
            watch.tick().err()
        };
        let mut emitter = CallbackEmitter::new(callback);
        emitter.naively_switch_states(true);
        if let Some(Ok(error)) = Tokenizer::new_with_emitter(html, emitter).next() {
            return Err(error);
        }
    }
    reading.finish();
    Ok(reading.page)
}

#[derive(Debug)]
struct Open {
    name: Vec<u8>,
    role: Role,
    /// Where it begins among the events.
    at: usize,
    table: Option<TableShape>,
}

/// What tells a table of data from one for the layout.
#[derive(Debug, Default)]
struct TableShape {
    nested: bool,
    n_cells: usize,
    n_rows: usize,
    cell_start: usize,
    longest_cell: usize,
    headings: bool,
}

#[derive(Debug, Default)]
struct Reading {
    page: Page,
    stack: Vec<Open>,
    n_open: HashMap<Vec<u8>, usize>,
    n_tables: usize,
    tag: Vec<u8>,
    attribute: Vec<u8>,
    hidden: bool,
    stated_role: Option<Role>,
    meta: (String, String),
    /// Open elements that nobody reads.
    n_unread: usize,
    /// Where among the events the last passage of text is.
    last_passage: Option<usize>,
}

impl Reading {
    fn event(&mut self, event: &CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = name.to_vec();
                self.attribute.clear();
                self.hidden = false;
                self.stated_role = None;
                self.meta = Default::default();
            }
            CallbackEvent::AttributeName { name } => {
                self.attribute = name.to_vec();
                self.hidden |= *name == b"hidden";
            }
            CallbackEvent::AttributeValue { value } => self.attribute_value(value),
            CallbackEvent::CloseStartTag { self_closing } => self.start_tag(*self_closing),
            CallbackEvent::EndTag { name } => self.end_tag(name),
            CallbackEvent::String { value } => self.text(&String::from_utf8_lossy(value)),
            CallbackEvent::Comment { .. }
            | CallbackEvent::Doctype { .. }
            | CallbackEvent::Error(_) => {}
        }
    }

    fn attribute_value(&mut self, value: &[u8]) {
        self.hidden |= hides(&self.attribute, value);
        let text = || String::from_utf8_lossy(value).into_owned();
        match (self.tag.as_slice(), self.attribute.as_slice()) {
            (b"meta", b"name" | b"property") => self.meta.0 = text().to_ascii_lowercase(),
            (b"meta", b"content") => self.meta.1 = text(),
            (b"html", b"lang") => self.page.facts.push(("lang".to_owned(), text())),
            (_, b"role") => {
                self.stated_role = match value {
                    b"main" => Some(Role::Main),
                    b"complementary" => Some(Role::Aside),
                    b"navigation" | b"banner" | b"contentinfo" | b"search" => {
                        Some(Role::Boilerplate)
                    }
                    _ => None,
                };
            }
            _ => {}
        }
    }

    fn start_tag(&mut self, self_closing: bool) {
        let name = std::mem::take(&mut self.tag);
        if name == b"meta" {
            let (key, value) = std::mem::take(&mut self.meta);
            if matches!(key.as_str(), "author" | "description" | "keywords" | "date") {
                self.page.facts.push((key, value));
            }
        }
        if let Some((ended, beyond)) = implied_end(&name) {
            self.close_implied(ended, beyond);
        }
        let element = role(&name);
        if is_void(&name) || (self_closing && element == Role::Inline) {
            if matches!(element, Role::Break | Role::Rule) {
                self.page.events.push(Event::Open(element));
            }
            return;
        }
        let block = matches!(element, Role::Block | Role::Inline | Role::Boilerplate | Role::Aside);
        let element = match self.stated_role {
            _ if self.hidden => Role::Hidden,
            Some(stated) if block => stated,
            _ => element,
        };
        self.open(name, element);
    }

    fn open(&mut self, name: Vec<u8>, element: Role) {
        if self.n_tables > 0 {
            self.note_in_table(element);
        }
        let table = (element == Role::Table).then(TableShape::default);
        self.n_tables += usize::from(table.is_some());
        self.n_unread += usize::from(is_unread(element));
        *self.n_open.entry(name.clone()).or_default() += 1;
        self.stack.push(Open { name, role: element, at: self.page.events.len(), table });
        self.page.events.push(Event::Open(element));
    }

    fn note_in_table(&mut self, element: Role) {
        let text_len = self.page.text.len();
        let heading = matches!(element, Role::Heading(_));
        let (row, cell) = (element == Role::Row, matches!(element, Role::Cell | Role::HeaderCell));
        if !(heading || row || cell || element == Role::Table) {
            return;
        }
        if let Some(shape) = self.stack.iter_mut().rev().find_map(|open| open.table.as_mut()) {
            shape.nested |= element == Role::Table;
            shape.headings |= heading;
            shape.n_rows += usize::from(row);
            shape.n_cells += usize::from(cell);
            if cell {
                shape.cell_start = text_len;
            }
        }
    }

    fn close_implied(&mut self, ended: &[&[u8]], beyond: &[&[u8]]) {
        if !ended.iter().any(|name| self.n_open.get(*name).is_some_and(|n| *n > 0)) {
            return;
        }
        // Looked for among the innermost elements only: markup that leaves end tags out is not nested deeply.
        let innermost = self.stack.iter().rev().take(64);
        let found = innermost
            .take_while(|open| !beyond.contains(&open.name.as_slice()))
            .position(|open| ended.contains(&open.name.as_slice()));
        if let Some(depth) = found {
            (0..=depth).for_each(|_| self.close());
        }
    }

    fn end_tag(&mut self, name: &[u8]) {
        if name == b"br" || name == b"p" && !self.is_open(name) {
            self.page.events.push(Event::Open(Role::Break));
            return;
        }
        if !self.is_open(name) {
            return;
        }
        while let Some(last) = self.stack.last() {
            let found = last.name == name;
            self.close();
            if found {
                break;
            }
        }
    }

    fn is_open(&self, name: &[u8]) -> bool {
        self.n_open.get(name).is_some_and(|n| *n > 0)
    }

    fn close(&mut self) {
        let Some(closed) = self.stack.pop() else { return };
        if let Some(n) = self.n_open.get_mut(&closed.name) {
            *n = n.saturating_sub(1);
        }
        self.n_unread -= usize::from(is_unread(closed.role));
        let events = closed.at..self.page.events.len() + 1;
        let mut closing = closed.role;
        if closed.role == Role::Main && self.page.main.is_none() {
            self.page.main = Some(events);
        } else if closed.role == Role::Article {
            put_outermost(&mut self.page.articles, events);
        } else if closed.role == Role::Aside {
            closing = self.end_aside(events);
        } else if matches!(closed.role, Role::Cell | Role::HeaderCell) && self.n_tables > 0 {
            self.end_cell();
        } else if closed.role == Role::Table {
            closing = self.end_table(&closed);
        }
        self.page.events.push(Event::Close(closing));
    }

    /// What stands beside the content is content where it says something, and a frame of the page where it does not.
    fn end_aside(&mut self, events: Range<usize>) -> Role {
        let says = self.last_passage.is_some_and(|at| at >= events.start);
        let role = if says { Role::Block } else { Role::Boilerplate };
        if let Some(opening) = self.page.events.get_mut(events.start) {
            *opening = Event::Open(role);
        }
        if says && self.n_unread == 0 {
            put_outermost(&mut self.page.asides, events);
        }
        role
    }

    fn end_cell(&mut self) {
        let text_len = self.page.text.len();
        if let Some(shape) = self.stack.iter_mut().rev().find_map(|open| open.table.as_mut()) {
            shape.longest_cell = shape.longest_cell.max(text_len - shape.cell_start);
        }
    }

    /// A table that is there for the layout becomes a block like any other.
    fn end_table(&mut self, closed: &Open) -> Role {
        self.n_tables = self.n_tables.saturating_sub(1);
        let Some(shape) = &closed.table else { return Role::Block };
        let data = !shape.nested
            && !shape.headings
            && shape.n_cells > shape.n_rows
            && shape.longest_cell <= MAX_CELL_BYTES;
        if data {
            return Role::Table;
        }
        if let Some(opening) = self.page.events.get_mut(closed.at) {
            *opening = Event::Open(Role::Block);
        }
        Role::Block
    }

    fn text(&mut self, text: &str) {
        let within = |wanted: Role| self.stack.iter().rev().take(4).any(|open| open.role == wanted);
        if within(Role::Title) {
            self.page.title.push_str(text);
            return;
        }
        if within(Role::Hidden) {
            return;
        }
        let start = self.page.text.len();
        if text.trim().len() >= MIN_PASSAGE_BYTES {
            self.last_passage = Some(self.page.events.len());
        }
        self.page.text.push_str(text);
        self.page.events.push(Event::Text(start..self.page.text.len()));
    }

    fn finish(&mut self) {
        while !self.stack.is_empty() {
            self.close();
        }
    }
}

/// Adds a stretch in place of those inside it.
fn put_outermost(stretches: &mut Vec<Range<usize>>, stretch: Range<usize>) {
    while stretches.pop_if(|inner| inner.start >= stretch.start).is_some() {}
    stretches.push(stretch);
}

const fn is_unread(role: Role) -> bool {
    matches!(role, Role::Hidden | Role::Boilerplate | Role::Head)
}
