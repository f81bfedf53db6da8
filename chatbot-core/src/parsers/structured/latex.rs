//! LaTeX: the words of a paper, its sections, lists, tables and listings. Formulas stay as they are written.

mod inline;

use self::inline::plain;
use super::Page;
use crate::error::Result;
use crate::types::BlockKind;

/// Commands that are headings, and their levels.
const SECTIONS: &[(&str, u8)] = &[
    ("\\part", 1),
    ("\\chapter", 1),
    ("\\section", 2),
    ("\\subsection", 3),
    ("\\subsubsection", 4),
    ("\\paragraph", 5),
    ("\\subparagraph", 6),
];
const VERBATIM: &[&str] = &["verbatim", "Verbatim", "lstlisting", "minted", "alltt"];
const FORMULAS: &[&str] =
    &["equation", "align", "gather", "multline", "eqnarray", "displaymath", "math"];
const TABLES: &[&str] = &["tabular", "tabularx", "longtable", "array"];

pub(super) fn read(text: &str, page: &mut Page<'_>) -> Result<bool> {
    let text = without_comments(text);
    let (preamble, body) = text.split_once("\\begin{document}").unwrap_or(("", &text));
    for (command, fact) in [("\\title", "title"), ("\\author", "author"), ("\\date", "date")] {
        let stated = argument(preamble, command).or_else(|| argument(body, command));
        let Some(stated) = stated.map(plain) else { continue };
        match fact {
            "title" => {
                page.assembly.block(BlockKind::Heading { level: 1 }, &stated)?;
                page.facts.offer_title(&stated);
            }
            fact => page.facts.note(fact, &stated),
        }
    }
    let body = body.split("\\end{document}").next().unwrap_or(body);
    let mut reading = Reading { page, text: String::new(), item: None };
    reading.read(body)?;
    reading.flush()?;
    Ok(true)
}

struct Reading<'p, 'a> {
    page: &'p mut Page<'a>,
    text: String,
    /// The marker of the item that is being read.
    item: Option<String>,
}

impl Reading<'_, '_> {
    fn read(&mut self, body: &str) -> Result<()> {
        let mut lists: Vec<Option<u32>> = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            self.page.watch.tick()?;
            let line_end = rest.find('\n').map_or(rest.len(), |end| end + 1);
            let line = rest.get(..line_end).unwrap_or(rest);
            let trimmed = line.trim_start();
            let at = line_end - line.len() + (line.len() - trimmed.len());
            let here = rest.get(at..).unwrap_or_default();
            if trimmed.trim().is_empty() {
                self.flush()?;
            } else if let Some((level, heading, len)) = section(here) {
                self.flush()?;
                self.page.assembly.block(BlockKind::Heading { level }, &plain(heading))?;
                rest = here.get(len..).unwrap_or_default();
                continue;
            } else if let Some((name, inside, len)) = whole_environment(here) {
                self.flush()?;
                self.environment(name, inside)?;
                rest = here.get(len..).unwrap_or_default();
                continue;
            } else if let Some(name) =
                trimmed.strip_prefix("\\begin{").and_then(|name| name.split('}').next())
            {
                self.flush()?;
                lists.extend((name == "itemize" || name == "description").then_some(None));
                lists.extend((name == "enumerate").then_some(Some(1)));
            } else if let Some(name) =
                trimmed.strip_prefix("\\end{").and_then(|name| name.split('}').next())
            {
                self.flush()?;
                if ["itemize", "enumerate", "description"].contains(&name) {
                    lists.pop();
                }
            } else if let Some(item) = trimmed.strip_prefix("\\item") {
                self.flush()?;
                self.item = Some(match lists.last_mut() {
                    Some(Some(n)) => {
                        *n += 1;
                        format!("{}. ", *n - 1)
                    }
                    _ => "- ".to_owned(),
                });
                self.text.push_str(item);
            } else {
                self.text.push_str(line);
            }
            rest = rest.get(line_end..).unwrap_or_default();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let text = plain(&std::mem::take(&mut self.text));
        let item = self.item.take();
        if text.trim().is_empty() {
            return Ok(());
        }
        match item {
            Some(marker) => {
                self.page.assembly.block(BlockKind::ListItem, &format!("{marker}{text}"))
            }
            None => self.page.assembly.block(BlockKind::Paragraph, &text),
        }
    }

    fn environment(&mut self, name: &str, inside: &str) -> Result<()> {
        let assembly = &mut self.page.assembly;
        if VERBATIM.contains(&name) {
            return assembly.block(BlockKind::Code, inside);
        }
        if TABLES.contains(&name) {
            // What columns look like comes first.
            let inside = argument(inside, "")
                .and_then(|columns| inside.split_once(columns))
                .map_or(inside, |(_, rest)| rest.trim_start_matches('}'));
            for row in inside.split("\\\\") {
                let row = ["\\hline", "\\toprule", "\\midrule", "\\bottomrule"]
                    .iter()
                    .fold(row.to_owned(), |row, rule| row.replace(rule, ""));
                let cells: Vec<String> = row
                    .replace("\\&", "\u{1}")
                    .split('&')
                    .map(|cell| plain(&cell.replace('\u{1}', "\\&")))
                    .collect();
                if cells.iter().any(|cell| !cell.is_empty()) {
                    assembly.block(BlockKind::TableRow { header: false }, &cells.join(" | "))?;
                }
            }
            return Ok(());
        }
        assembly.block(BlockKind::Paragraph, &crate::parsers::assemble::one_line(inside))
    }
}

/// `\section*{Name}`: its level, its name, and how long that is.
fn section(text: &str) -> Option<(u8, &str, usize)> {
    let (command, level) = SECTIONS.iter().find(|(command, _)| {
        text.strip_prefix(command).is_some_and(|rest| rest.starts_with(['{', '*', '[']))
    })?;
    let heading = argument(text, command)?;
    let end = heading.as_ptr() as usize - text.as_ptr() as usize + heading.len() + 1;
    Some((*level, heading, end))
}

/// An environment whose signs mean something else: its name, what is in it, and how long all of it is.
fn whole_environment(text: &str) -> Option<(&str, &str, usize)> {
    let name = text.strip_prefix("\\begin{")?.split('}').next()?;
    let bare = name.trim_end_matches('*');
    let is_one = [VERBATIM, FORMULAS, TABLES].iter().any(|names| names.contains(&bare));
    let begin = "\\begin{}".len() + name.len();
    let end_mark = format!("\\end{{{name}}}");
    let inside_len = text.get(begin..)?.find(&end_mark).filter(|_| is_one)?;
    Some((bare, text.get(begin..begin + inside_len)?, begin + inside_len + end_mark.len()))
}

/// What stands in the first pair of braces behind `command`.
fn argument<'t>(text: &'t str, command: &str) -> Option<&'t str> {
    let after = text.split_once(command)?.1;
    let open = after.find('{')?;
    // Only a star or an option may stand between.
    let between = after.get(..open)?.trim();
    if !(between.is_empty() || between == "*" || between.starts_with('[')) {
        return None;
    }
    let inside = after.get(open + 1..)?;
    inside.get(..inline::end_of_group(inside)?)
}

/// `text` without what stands behind a `%` that is not `\%`.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let comment = line
            .match_indices('%')
            .map(|(at, _)| at)
            .find(|at| !line.get(..*at).is_some_and(|before| before.ends_with('\\')));
        match comment {
            Some(0) => continue,
            Some(at) => out.push_str(line.get(..at).unwrap_or(line)),
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}
