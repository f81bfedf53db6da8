//! reStructuredText: headings by their underlines, directives by what readers see of them.

use std::iter::Peekable;
use std::str::Lines;

use super::Page;
use super::markup::{Flow, indent, item};
use crate::error::Result;
use crate::types::BlockKind;

const MARKS: &[&str] = &["``", "**", "*"];
const ADMONITIONS: &[&str] = &[
    "admonition",
    "attention",
    "caution",
    "danger",
    "error",
    "hint",
    "important",
    "note",
    "seealso",
    "tip",
    "warning",
    "versionadded",
    "versionchanged",
    "deprecated",
    "topic",
    "sidebar",
    "epigraph",
];
const CODE: &[&str] =
    &["code", "code-block", "sourcecode", "parsed-literal", "highlight-block", "prompt"];

pub(super) fn read(text: &str, page: &mut Page<'_>) -> Result<bool> {
    let mut lines = text.lines().peekable();
    let mut styles: Vec<(char, bool)> = Vec::new();
    let mut flow = Flow::new(page, MARKS);
    let mut literal = false;
    while let Some(line) = lines.next() {
        flow.page.watch.tick()?;
        let trimmed = line.trim_end();
        if literal && indent(line) > 0 && !trimmed.is_empty() {
            flow.verbatim(&indented(Some(line), &mut lines))?;
            literal = false;
        } else if let Some((heading, style)) = heading(trimmed, &mut lines) {
            let level = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
                styles.push(style);
                styles.len() - 1
            });
            let level = u8::try_from(level + 1).unwrap_or(6).min(6);
            flow.block(BlockKind::Heading { level }, &plain(heading))?;
        } else if let Some(explicit) = trimmed.trim_start().strip_prefix(".. ") {
            directive(&mut flow, explicit, &mut lines)?;
        } else if trimmed.starts_with("+-") || trimmed.starts_with("+=") || is_border(trimmed) {
            flow.end()?;
        } else if let Some(row) =
            trimmed.trim_start().strip_prefix('|').and_then(|row| row.strip_suffix('|'))
        {
            let header = lines.peek().is_some_and(|next| next.starts_with("+="));
            flow.row(header, &row.split('|').collect::<Vec<_>>())?;
        } else if let Some((marker, text)) = item(line, &["-", "*", "+", "#."]) {
            flow.begin(BlockKind::ListItem, &format!("{marker}{}", plain(text)))?;
        } else if trimmed.is_empty() {
            flow.end()?;
        } else if trimmed == "::" {
            flow.end()?;
            literal = true;
        } else {
            literal = trimmed.ends_with("::");
            // One of the two colons is part of the sentence.
            let shown = trimmed.strip_suffix("::").map(|text| format!("{text}:"));
            flow.go_on(&plain(shown.as_deref().unwrap_or(trimmed)))?;
        }
    }
    flow.end()?;
    Ok(true)
}

/// A heading that begins with this line: an underline follows, and a line like it may stand above.
fn heading<'l>(line: &'l str, lines: &mut Peekable<Lines<'l>>) -> Option<(&'l str, (char, bool))> {
    if let Some(sign) = line_of(line) {
        let mut ahead = lines.clone();
        let title = ahead.next()?;
        let under = ahead.next()?.trim_end();
        let framed = line_of(under) == Some(sign)
            && under.len() >= title.trim().len()
            && !title.trim().is_empty();
        framed.then(|| {
            *lines = ahead;
            (title, (sign, true))
        })
    } else {
        let under = lines.peek()?.trim_end();
        let sign = line_of(under)?;
        let fits = !line.trim().is_empty()
            && indent(line) == 0
            && under.chars().count() >= line.trim().chars().count();
        fits.then(|| {
            lines.next();
            (line, (sign, false))
        })
    }
}

/// The sign that the line consists of.
fn line_of(line: &str) -> Option<char> {
    let sign = line.chars().next().filter(char::is_ascii_punctuation)?;
    (line.len() > 1 && line.chars().all(|c| c == sign)).then_some(sign)
}

/// `=====  ====`, above and below the rows of a simple table.
fn is_border(line: &str) -> bool {
    line.contains("= =") && line.chars().all(|c| matches!(c, '=' | ' '))
}

fn directive(
    flow: &mut Flow<'_, '_>,
    explicit: &str,
    lines: &mut Peekable<Lines<'_>>,
) -> Result<()> {
    flow.end()?;
    if let Some((label, note)) = explicit.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        let rest = indented(None, lines);
        return flow.block(BlockKind::Note, &plain(&format!("[{label}] {note} {rest}")));
    }
    let Some((name, argument)) = explicit.split_once("::") else {
        // A comment or a target.
        indented(None, lines);
        return Ok(());
    };
    let name = name.trim();
    if ADMONITIONS.contains(&name) {
        // Its content is text like any other, only further in.
        return if argument.trim().is_empty() {
            Ok(())
        } else {
            flow.begin(BlockKind::Note, &plain(argument))
        };
    }
    let body = indented(None, lines);
    let (options, content): (Vec<&str>, Vec<&str>) = body.lines().partition(|line| {
        line.trim_start().strip_prefix(':').is_some_and(|rest| rest.contains(':'))
    });
    match name {
        _ if CODE.contains(&name) => flow.verbatim(&content.join("\n")),
        "math" => flow.verbatim(&format!("{argument}\n{}", content.join("\n"))),
        "image" | "figure" => {
            let alt = options.iter().find_map(|option| option.trim().strip_prefix(":alt:"));
            flow.block(BlockKind::Note, alt.unwrap_or_default())?;
            flow.block(BlockKind::Note, &plain(&content.join(" ")))
        }
        "table" | "list-table" | "csv-table" => {
            flow.block(BlockKind::Note, &plain(argument))?;
            for line in content {
                let cell = line.trim().trim_start_matches(['*', '-', ' ']);
                flow.block(BlockKind::ListItem, &plain(cell))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// `first` and the lines that follow and are indented, or empty between such; all of them further out by the same.
fn indented<'l>(first: Option<&'l str>, lines: &mut Peekable<Lines<'l>>) -> String {
    let mut body: Vec<&str> = first.into_iter().collect();
    while let Some(line) = lines.next_if(|line| line.trim().is_empty() || indent(line) > 0) {
        body.push(line);
    }
    let least = body
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| indent(line))
        .min()
        .unwrap_or(0);
    let body = body.iter().map(|line| line.get(least.min(indent(line))..).unwrap_or_default());
    body.collect::<Vec<_>>().join("\n")
}

/// Without roles, references and the addresses' marks.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        if let Some(code) = after.strip_prefix('`') {
            // Two of them are code, which `Flow` takes off; what is in it means itself.
            let (inside, behind) = code.split_once("``").unwrap_or((code, ""));
            out.push_str(&format!("{before}``{inside}``"));
            rest = behind;
            continue;
        }
        let Some((inside, behind)) = after.split_once('`') else {
            out.push_str(&format!("{before}`"));
            rest = after;
            continue;
        };
        out.push_str(without_role(before));
        match inside.strip_suffix('>').and_then(|inside| inside.split_once(" <")) {
            Some((name, address)) if address.contains("://") => {
                out.push_str(&format!("{name} ({address})"));
            }
            Some((name, _)) => out.push_str(name),
            None => out.push_str(inside),
        }
        rest = behind.trim_start_matches('_');
    }
    out.push_str(rest);
    out
}

/// `see :ref:` in front of what it refers to, without the role.
fn without_role(before: &str) -> &str {
    let role = before.strip_suffix(':').and_then(|text| text.rsplit_once(':'));
    let is_name = |role: &str| role.chars().all(|c| c.is_alphanumeric() || "-+.".contains(c));
    role.filter(|(_, role)| !role.is_empty() && is_name(role)).map_or(before, |(text, _)| text)
}
