//! Markdown: the text without its markup, with its headings, lists, tables and code.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "most of Markdown's markup leaves the text as it is"
)]

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, MetadataBlockKind, Options, Tag, TagEnd};

use crate::context::Context;
use crate::error::Result;
use crate::traits::{ParseLimits, Parser};
use crate::types::{BlockKind, MediaType, ParsedDocument, RawDocument};

use super::assemble::{Assembly, Facts};
use super::html::append_html;
use super::plain::{Decoded, decode};
use super::watch::Watch;

/// What is read in every Markdown text.
const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_HEADING_ATTRIBUTES);

/// Reads Markdown with tables, footnotes, task lists and front matter.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct MarkdownParser {}

impl Parser for MarkdownParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[MediaType::MARKDOWN];
        TYPES
    }

    fn parse(
        &self,
        ctx: &Context,
        media_type: &MediaType,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        let watch = Watch::begin(ctx, limits)?;
        let Decoded { text, warnings } = decode(&raw.bytes);
        let mut reading = Reading::new(Assembly::new(&watch), &watch);
        reading.facts.warnings = warnings;
        let front_matter = Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
            | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
        reading.read(&text, OPTIONS | front_matter)?;
        Ok(reading.assembly.finish_titled(media_type, reading.facts))
    }
}

/// Adds what a reader sees of a piece of Markdown inside another format.
pub(super) fn append_markdown<'a>(
    assembly: Assembly<'a>,
    watch: &'a Watch<'a>,
    text: &str,
) -> Result<Assembly<'a>> {
    let mut reading = Reading::new(assembly, watch);
    reading.read(text, OPTIONS)?;
    Ok(reading.assembly)
}

struct Reading<'a> {
    watch: &'a Watch<'a>,
    assembly: Assembly<'a>,
    facts: Facts,
    buffer: String,
    /// Open lists: the number of the next item, where they are numbered.
    lists: Vec<Option<u64>>,
    /// The marker of an item that has not been written yet.
    marker: Option<String>,
    n_quotes: usize,
    heading: Option<u8>,
    note: bool,
    code: bool,
    front_matter: bool,
    html: Option<String>,
    cells: Option<Vec<String>>,
}

impl<'a> Reading<'a> {
    fn new(assembly: Assembly<'a>, watch: &'a Watch<'a>) -> Self {
        Self {
            watch,
            assembly,
            facts: Facts::default(),
            buffer: String::new(),
            lists: Vec::new(),
            marker: None,
            n_quotes: 0,
            heading: None,
            note: false,
            code: false,
            front_matter: false,
            html: None,
            cells: None,
        }
    }

    fn read(&mut self, text: &str, options: Options) -> Result<()> {
        for event in pulldown_cmark::Parser::new_ext(text, options) {
            self.watch.tick()?;
            self.event(event)?;
        }
        self.flush()
    }

    fn event(&mut self, event: Event<'_>) -> Result<()> {
        match event {
            Event::Start(tag) => return self.start(tag),
            Event::End(tag) => return self.end(tag),
            Event::Text(text) | Event::Code(text) => self.buffer.push_str(&text),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.buffer.push_str(&text),
            Event::Html(html) => match &mut self.html {
                Some(open) => open.push_str(&html),
                None => append_html(&mut self.assembly, self.watch, &html)?,
            },
            Event::SoftBreak => self.buffer.push(' '),
            Event::HardBreak => self.buffer.push(if self.cells.is_some() { ' ' } else { '\n' }),
            Event::Rule => self.flush()?,
            Event::TaskListMarker(done) => self.buffer.push_str(if done { "[x] " } else { "[ ] " }),
            Event::InlineHtml(tag) if tag.starts_with("<br") => self.buffer.push(' '),
            Event::InlineHtml(_) | Event::FootnoteReference(_) => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: Tag<'_>) -> Result<()> {
        match tag {
            Tag::Paragraph => self.flush()?,
            Tag::Heading { level, .. } => {
                self.flush()?;
                self.heading = Some(level_number(level));
            }
            Tag::BlockQuote(_) => {
                self.flush()?;
                self.n_quotes += 1;
            }
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.flush()?;
                self.code = true;
            }
            Tag::HtmlBlock => {
                self.flush()?;
                self.html = Some(String::new());
            }
            Tag::List(first) => {
                self.flush()?;
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush()?;
                self.marker = self.lists.last_mut().map(next_marker);
            }
            Tag::FootnoteDefinition(label) => {
                self.flush()?;
                self.note = true;
                self.marker = Some(format!("[{label}] "));
            }
            Tag::Table(_) => self.flush()?,
            Tag::TableHead | Tag::TableRow => self.cells = Some(Vec::new()),
            Tag::MetadataBlock(_) => self.front_matter = true,
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, tag: TagEnd) -> Result<()> {
        match tag {
            TagEnd::Paragraph | TagEnd::List(_) if tag == TagEnd::Paragraph => self.flush()?,
            TagEnd::List(_) => {
                self.flush()?;
                self.lists.pop();
            }
            TagEnd::Heading(_) => {
                self.flush()?;
                self.heading = None;
            }
            TagEnd::BlockQuote(_) => {
                self.flush()?;
                self.n_quotes = self.n_quotes.saturating_sub(1);
            }
            TagEnd::CodeBlock => {
                self.flush()?;
                self.code = false;
            }
            TagEnd::HtmlBlock => {
                let html = self.html.take().unwrap_or_default();
                append_html(&mut self.assembly, self.watch, &html)?;
            }
            TagEnd::Item => {
                self.flush()?;
                self.marker = None;
            }
            TagEnd::FootnoteDefinition => {
                self.flush()?;
                self.note = false;
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.buffer);
                self.cells.get_or_insert_default().push(cell.trim().to_owned());
            }
            TagEnd::TableHead => self.row(true)?,
            TagEnd::TableRow => self.row(false)?,
            TagEnd::MetadataBlock(kind) => self.front_matter(kind),
            _ => {}
        }
        Ok(())
    }

    fn row(&mut self, header: bool) -> Result<()> {
        let cells = self.cells.take().unwrap_or_default();
        if cells.iter().all(String::is_empty) {
            return Ok(());
        }
        self.assembly.block(BlockKind::TableRow { header }, &cells.join(" | "))
    }

    fn flush(&mut self) -> Result<()> {
        let text = std::mem::take(&mut self.buffer);
        if text.trim().is_empty() {
            return Ok(());
        }
        if let (Some(level), false) = (self.heading, self.code) {
            return self.assembly.block(BlockKind::Heading { level }, &text.replace('\n', " "));
        }
        if self.code {
            return self.assembly.block(BlockKind::Code, &text);
        }
        if let Some(marker) = self.marker.take() {
            let kind = if self.note { BlockKind::Note } else { BlockKind::ListItem };
            return self.assembly.block(kind, &format!("{marker}{text}"));
        }
        let kind = match (self.note, self.n_quotes) {
            (true, _) => BlockKind::Note,
            (false, 0) => BlockKind::Paragraph,
            (false, _) => BlockKind::Quote,
        };
        self.assembly.block(kind, &text)
    }

    /// Keeps what front matter says in simple `key: value` lines.
    fn front_matter(&mut self, kind: MetadataBlockKind) {
        self.front_matter = false;
        let separator = match kind {
            MetadataBlockKind::YamlStyle => ':',
            MetadataBlockKind::PlusesStyle => '=',
        };
        for line in std::mem::take(&mut self.buffer).lines() {
            let Some((key, value)) = line.split_once(separator) else { continue };
            let value = value.trim().trim_matches(['"', '\'']);
            match key.trim() {
                "title" => self.facts.offer_title(value),
                key @ ("author" | "date" | "description" | "lang" | "keywords" | "tags") => {
                    self.facts.note(key, value);
                }
                _ => {}
            }
        }
    }
}

fn next_marker(number: &mut Option<u64>) -> String {
    match number {
        None => "- ".to_owned(),
        Some(n) => {
            let marker = format!("{n}. ");
            *n = n.saturating_add(1);
            marker
        }
    }
}

fn level_number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
