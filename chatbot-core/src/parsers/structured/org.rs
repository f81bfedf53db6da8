//! Org: outlines, with what is for machines left out.

use super::Page;
use super::markup::{Flow, indent, item};
use crate::error::Result;
use crate::types::BlockKind;

const MARKS: &[&str] = &["*", "/", "=", "~", "+"];

pub(super) fn read(text: &str, page: &mut Page<'_>) -> Result<bool> {
    let mut lines = text.lines().peekable();
    let mut flow = Flow::new(page, MARKS);
    while let Some(line) = lines.next() {
        flow.page.watch.tick()?;
        let trimmed = line.trim();
        if let Some((level, heading)) = headline(line) {
            flow.block(BlockKind::Heading { level }, &linked(heading))?;
        } else if let Some(name) = keyword(trimmed, "#+begin_") {
            let body = until(
                &mut lines,
                &format!("#+end_{}", name.split_whitespace().next().unwrap_or_default()),
            );
            block(&mut flow, name, &body)?;
        } else if let Some(title) = keyword(trimmed, "#+title:") {
            flow.page.facts.offer_title(title);
        } else if let Some(caption) = keyword(trimmed, "#+caption:") {
            flow.block(BlockKind::Note, &linked(caption))?;
        } else if trimmed.starts_with("#+") || trimmed == "#" || trimmed.starts_with("# ") {
            flow.end()?;
        } else if is_drawer(trimmed) {
            flow.end()?;
            until(&mut lines, ":end:");
        } else if trimmed.starts_with('|') {
            // The rows above the first line are the header.
            let header = lines.peek().is_some_and(|next| next.trim().starts_with("|-"))
                && !flow_has_row(&flow);
            if !trimmed.starts_with("|-") {
                let cells: Vec<String> = trimmed.trim_matches('|').split('|').map(linked).collect();
                flow.row(header, &cells.iter().map(String::as_str).collect::<Vec<_>>())?;
            }
        } else if let Some((marker, text)) = item(line, &["-", "+"]) {
            flow.begin(BlockKind::ListItem, &format!("{marker}{}", linked(text)))?;
        } else if trimmed.is_empty() {
            flow.end()?;
        } else if !flow.is_idle() || indent(line) == 0 || !trimmed.starts_with(':') {
            flow.go_on(&linked(trimmed))?;
        }
    }
    flow.end()?;
    Ok(true)
}

/// Whether the last block is a row: then a row before a line is not the first.
fn flow_has_row(flow: &Flow<'_, '_>) -> bool {
    matches!(flow.page.assembly.last_kind(), Some(BlockKind::TableRow { .. }))
}

/// `** TODO Oil the pump :pump:` is a heading of the second level.
fn headline(line: &str) -> Option<(u8, &str)> {
    let n_stars = line.bytes().take_while(|byte| *byte == b'*').count();
    let heading = line.get(n_stars..)?.strip_prefix(' ').filter(|_| n_stars > 0)?.trim();
    let tags = heading
        .rsplit_once(' ')
        .filter(|(_, tags)| tags.len() > 2 && tags.starts_with(':') && tags.ends_with(':'));
    let level = u8::try_from(n_stars.min(6)).unwrap_or(6);
    Some((level, tags.map_or(heading, |(heading, _)| heading.trim_end())))
}

fn keyword<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let head = line.get(..name.len())?;
    head.eq_ignore_ascii_case(name).then(|| line.get(name.len()..).unwrap_or_default().trim())
}

fn is_drawer(line: &str) -> bool {
    let name = line.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
    name.is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}

fn block(flow: &mut Flow<'_, '_>, name: &str, body: &str) -> Result<()> {
    let kind = name.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    match kind.as_str() {
        "comment" | "export" => flow.end(),
        "quote" | "verse" => flow.block(BlockKind::Quote, &linked(body)),
        "src" | "example" => flow.verbatim(body),
        _ => flow.block(BlockKind::Paragraph, &linked(body)),
    }
}

/// The lines up to one that begins with `end`, whatever its case.
fn until<'l>(lines: &mut impl Iterator<Item = &'l str>, end: &str) -> String {
    let inside = lines.take_while(|line| keyword(line.trim(), end).is_none());
    inside.collect::<Vec<_>>().join("\n")
}

/// `[[address][name]]` as `name (address)`.
fn linked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[[") {
        out.push_str(before);
        let Some((link, after)) = link.split_once("]]") else {
            out.push_str("[[");
            rest = link;
            continue;
        };
        match link.split_once("][") {
            Some((address, name)) if address.contains("://") => {
                out.push_str(&format!("{name} ({address})"))
            }
            Some((_, name)) => out.push_str(name),
            None => out.push_str(link),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}
