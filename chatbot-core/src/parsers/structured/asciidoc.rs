//! AsciiDoc: sections, lists, tables and listings; attributes and comments are left out.

use std::iter::Peekable;
use std::str::Lines;

use super::Page;
use super::markup::{Flow, item};
use crate::error::Result;
use crate::types::BlockKind;

const MARKS: &[&str] = &["**", "__", "``", "*", "_", "`"];
/// Of a paragraph that is one.
const ADMONITIONS: &[&str] = &["NOTE: ", "TIP: ", "IMPORTANT: ", "WARNING: ", "CAUTION: "];
/// Schemes and macros in front of `[text]`.
const LINKS: &[&str] = &["https://", "http://", "mailto:", "link:", "xref:", "image:"];

pub(super) fn read(text: &str, page: &mut Page<'_>) -> Result<bool> {
    let mut lines = text.lines().peekable();
    let mut flow = Flow::new(page, MARKS);
    while let Some(line) = lines.next() {
        flow.page.watch.tick()?;
        let trimmed = line.trim_end();
        if trimmed.is_empty() {
            flow.end()?;
        } else if let Some((level, heading)) = section(trimmed) {
            flow.block(BlockKind::Heading { level }, &linked(heading))?;
        } else if let Some(fence) = fence(trimmed) {
            delimited(&mut flow, fence, &mut lines)?;
        } else if trimmed == "|===" {
            table(&mut flow, &mut lines)?;
        } else if is_for_machines(trimmed) {
            flow.end()?;
        } else if let Some(title) = block_title(trimmed) {
            flow.block(BlockKind::Note, &linked(title))?;
        } else if let Some(listed) = listed(trimmed) {
            flow.begin(BlockKind::ListItem, &linked(&listed))?;
        } else if trimmed == "+" {
            flow.end()?;
        } else if flow.is_idle() && ADMONITIONS.iter().any(|name| trimmed.starts_with(name)) {
            flow.begin(BlockKind::Note, &linked(trimmed))?;
        } else {
            flow.go_on(&linked(trimmed.strip_suffix(" +").unwrap_or(trimmed)))?;
        }
    }
    flow.end()?;
    Ok(true)
}

/// `== Section` is a heading of the second level.
fn section(line: &str) -> Option<(u8, &str)> {
    let n_signs = line.bytes().take_while(|byte| *byte == b'=').count();
    let heading = line.get(n_signs..)?.strip_prefix(' ')?.trim();
    let level = u8::try_from(n_signs).ok().filter(|level| (1..=6).contains(level))?;
    (!heading.is_empty()).then_some((level, heading))
}

/// The line between which something else is written.
fn fence(line: &str) -> Option<&str> {
    if line.starts_with("```") {
        return Some("```");
    }
    let sign = line.chars().next().filter(|c| "-.+/=*_".contains(*c))?;
    (line.len() >= 4 && line.chars().all(|c| c == sign)).then_some(line)
}

fn delimited(flow: &mut Flow<'_, '_>, fence: &str, lines: &mut Peekable<Lines<'_>>) -> Result<()> {
    flow.end()?;
    // Examples, sidebars and open blocks hold text like any other; their fences alone are left out.
    if fence.starts_with(['=', '*']) {
        return Ok(());
    }
    let inside: Vec<&str> = lines.take_while(|line| line.trim_end() != fence).collect();
    match fence.as_bytes().first() {
        Some(b'/') => Ok(()),
        Some(b'_') => flow.block(BlockKind::Quote, &linked(&inside.join("\n"))),
        _ => flow.verbatim(&inside.join("\n")),
    }
}

/// Rows of a table: a line each, or as many cells as the first line has.
fn table(flow: &mut Flow<'_, '_>, lines: &mut Peekable<Lines<'_>>) -> Result<()> {
    flow.end()?;
    let (mut cells, mut n_columns, mut n_rows) = (Vec::<String>::new(), 0, 0_usize);
    while let Some(line) = lines.next() {
        flow.page.watch.tick()?;
        let line = line.trim();
        if line == "|===" {
            break;
        }
        match line.split_once('|') {
            Some((_, rest)) => cells.extend(rest.split('|').map(|cell| linked(cell.trim()))),
            None => match cells.last_mut() {
                Some(last) if !line.is_empty() => *last = format!("{last} {line}"),
                _ => continue,
            },
        }
        if n_columns == 0 {
            n_columns = cells.len();
        }
        if cells.len() >= n_columns {
            // A header is set apart by an empty line.
            let header = n_rows == 0 && lines.peek().is_some_and(|next| next.trim().is_empty());
            let row: Vec<&str> = cells.iter().map(String::as_str).collect();
            flow.row(header, &row)?;
            cells.clear();
            n_rows += 1;
        }
    }
    flow.row(false, &cells.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Attributes, comments and what tells a processor what comes.
fn is_for_machines(line: &str) -> bool {
    let attribute = line.strip_prefix(':').is_some_and(|rest| rest.contains(':'));
    let options = line.starts_with('[') && line.ends_with(']');
    attribute
        || options
        || line.starts_with("//")
        || line.starts_with("include::")
        || line == "<<<"
        || line == "'''"
}

fn block_title(line: &str) -> Option<&str> {
    line.strip_prefix('.').filter(|title| title.starts_with(|c: char| c.is_alphanumeric()))
}

fn listed(line: &str) -> Option<String> {
    if let Some((marker, text)) = item(line, &["*", "**", "***", "-", ".", "..", "..."]) {
        return Some(format!("{marker}{text}"));
    }
    let (term, definition) = line.split_once("::")?;
    (!term.contains(' ') || definition.starts_with(' ') || definition.is_empty())
        .then(|| format!("{}: {}", term.trim(), definition.trim()))
        .filter(|_| !term.ends_with("image") && !term.is_empty())
}

/// `https://host[text]` as `text (https://host)`, `<<part,text>>` as `text`.
fn linked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let (before, after) = rest.split_at(open);
        let Some(close) = after.find(']') else { break };
        let begin = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let (lead, address) = before.split_at(begin);
        let name = after.get(1..close).unwrap_or_default();
        let kind = LINKS.iter().find(|kind| address.starts_with(**kind));
        match (kind, name.is_empty()) {
            (Some(kind), _) if kind.ends_with("://") => {
                out.push_str(lead);
                out.push_str(&if name.is_empty() {
                    address.to_owned()
                } else {
                    format!("{name} ({address})")
                });
            }
            (Some(_), false) => out.push_str(&format!("{lead}{name}")),
            _ => out.push_str(rest.get(..=open + close).unwrap_or(rest)),
        }
        rest = after.get(close + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    while let Some((before, after)) =
        out.split_once("<<").map(|(before, after)| (before.to_owned(), after.to_owned()))
    {
        let Some((reference, after)) = after.split_once(">>") else { break };
        let name = reference.split_once(',').map_or(reference, |(_, name)| name.trim());
        out = format!("{before}{name}{after}");
    }
    out
}
