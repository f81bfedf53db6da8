//! The text of a message, block by block.

use crate::error::Result;
use crate::parsers::assemble::{Assembly, Facts};
use crate::parsers::html::append_html;
use crate::parsers::rtf::append_rich_text;
use crate::parsers::watch::Watch;
use crate::types::{BlockKind, MediaType};

use super::body::Shown;

/// Of two ways to say the same, the richer one is taken unless it says less than this share of the other: some programs
/// send a page that holds nothing but a picture, others a text that holds nothing but a link to the page.
const MIN_SHARE: f64 = 0.5;

/// Writes who wrote to whom.
pub(super) fn head(lines: &str, assembly: &mut Assembly<'_>) -> Result<()> {
    assembly.block(BlockKind::Paragraph, lines)
}

/// Writes what the reader of a message sees.
pub(super) fn shown(shown: &[Shown], assembly: &mut Assembly<'_>, watch: &Watch<'_>) -> Result<()> {
    for one in shown {
        match one {
            Shown::Plain(text) => plain(text, assembly)?,
            Shown::Html(html) => append_html(assembly, watch, html)?,
            Shown::Rich(bytes) => append_rich_text(assembly, bytes)?,
        }
    }
    Ok(())
}

/// Whether `a` says about as much as `b`, or more.
pub(super) fn says_more(a: &[Shown], b: &[Shown], watch: &Watch<'_>) -> Result<bool> {
    let letters = |one: &[Shown]| -> Result<f64> {
        let mut assembly = Assembly::new(watch);
        shown(one, &mut assembly, watch)?;
        let text = assembly.finish(MediaType::TEXT, Facts::default()).text;
        let n = u32::try_from(text.chars().filter(|c| c.is_alphanumeric()).count());
        Ok(n.map_or(f64::MAX, f64::from))
    };
    Ok(letters(a)? >= letters(b)? * MIN_SHARE)
}

/// Paragraphs, and what was quoted without its marks: they cut through sentences.
fn plain(text: &str, assembly: &mut Assembly<'_>) -> Result<()> {
    let (mut open, mut block) = (0, String::new());
    for line in text.lines() {
        let (depth, content) = quoted(line);
        if content.trim().is_empty() || depth != open {
            flush(open, &mut block, assembly)?;
            open = depth;
        }
        block.push_str(content);
        block.push('\n');
    }
    flush(open, &mut block, assembly)
}

fn flush(depth: usize, block: &mut String, assembly: &mut Assembly<'_>) -> Result<()> {
    let kind = if depth > 0 { BlockKind::Quote } else { BlockKind::Paragraph };
    assembly.block(kind, block.trim_matches('\n'))?;
    block.clear();
    Ok(())
}

/// How deep a line is quoted, and what it says.
fn quoted(line: &str) -> (usize, &str) {
    let (mut depth, mut rest) = (0, line);
    while let Some(after) = rest.strip_prefix('>') {
        depth += 1;
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    (depth, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::traits::ParseLimits;

    #[test]
    fn quotations_lose_their_marks_and_stay_apart() {
        let (ctx, limits) = (Context::local(), ParseLimits::default());
        let watch = Watch::new(&ctx, &limits);
        let mut assembly = Assembly::new(&watch);
        plain("Yes.\n\nAda wrote:\n> Is it\n> oiled?\n>> No\nBye", &mut assembly).unwrap();
        let document = assembly.finish(MediaType::TEXT, Facts::default());
        assert_eq!(document.text, "Yes.\n\nAda wrote:\n\nIs it\noiled?\n\nNo\n\nBye");
        let quotes = document.blocks.iter().filter(|block| block.kind == BlockKind::Quote);
        assert_eq!(quotes.count(), 2);
    }
}
