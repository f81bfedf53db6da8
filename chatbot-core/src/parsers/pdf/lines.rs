//! Glyphs become words and lines.

use unicode_normalization::char::is_combining_mark;

use crate::error::Result;
use crate::parsers::watch::Watch;

use super::bidi::{is_rtl, logical};
use super::columns::reading_order;
use super::geometry::{Glyph, Glyphs};

/// In sizes of the font. Kerning stays below a tenth; the narrowest word spaces of justified text are about a fifth.
const WORD_GAP: f64 = 0.16;
/// The same where a space was written between them.
const WRITTEN_GAP: f64 = 0.04;
/// Gaps of this size end a stretch of text; gutters between columns are wider.
const STRETCH_GAP: f64 = 1.0;
/// A gap between cells rather than words.
const CELL_GAP: f64 = 1.6;
/// How far glyphs of one line stand above or below each other: indices move by a third.
const SAME_LINE: f64 = 0.4;

/// A stretch of one line without a wide gap.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) x: f64,
    pub(super) end: f64,
    pub(super) y: f64,
    pub(super) size: f64,
    /// From left to right.
    pub(super) text: String,
    pub(super) n_chars: usize,
}

/// A line of a column.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) x: f64,
    pub(super) end: f64,
    pub(super) y: f64,
    pub(super) size: f64,
    /// In reading order; tabs stand between cells.
    pub(super) text: String,
    pub(super) n_cells: usize,
}

/// The columns of a page in reading order, each as its lines from top to bottom.
pub(super) fn regions(glyphs: &Glyphs, watch: &Watch<'_>) -> Result<Vec<Vec<Line>>> {
    let count = |turn: u8| glyphs.glyphs.iter().filter(|glyph| glyph.turn == turn).count();
    let mut turns: Vec<(u8, usize)> = (0..4).map(|turn| (turn, count(turn))).collect();
    turns.retain(|(_, n)| *n > 0);
    turns.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let mut regions = Vec::new();
    for (turn, _) in turns {
        let stretches = joined(stretches(glyphs, turn, watch)?);
        watch.check()?;
        regions.extend(reading_order(stretches).into_iter().map(lines));
    }
    Ok(regions)
}

/// Stretches in the order of the page's instructions.
fn stretches(glyphs: &Glyphs, turn: u8, watch: &Watch<'_>) -> Result<Vec<Stretch>> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut space: Option<&Glyph> = None;
    for glyph in glyphs.glyphs.iter().filter(|glyph| glyph.turn == turn) {
        watch.tick()?;
        if glyph.blank {
            space = Some(glyph);
            continue;
        }
        let text = glyphs.text_of(glyph);
        let rtl = text.chars().any(is_rtl);
        // What is written above a letter begins no word.
        let space = space.take().filter(|_| !is_mark(text));
        match stretches.last_mut() {
            Some(last) if !rtl && continues(last, glyph) => {
                append(last, glyph, text, space.is_some());
            }
            last => {
                // Around what runs from the right, the place of a space says between which words it stands.
                let around = rtl || last.is_some_and(|last| last.text.ends_with(is_rtl));
                stretches.extend(space.filter(|_| around).map(|space| stretch(space, " ")));
                // Stands as it is seen until the line is complete.
                let seen = if rtl { text.chars().rev().collect() } else { text.to_owned() };
                stretches.push(stretch(glyph, &seen));
            }
        }
    }
    place_marks(&mut stretches);
    Ok(stretches)
}

/// How many glyphs before and after a mark its letter is drawn.
const MARK_REACH: usize = 3;

/// Moves marks that are glyphs of their own to where they are read: right after the letter above or below which they
/// stand, that is to the left edge of one that is read from the right.
fn place_marks(stretches: &mut [Stretch]) {
    for at in 0..stretches.len() {
        let Some(mark) = stretches.get(at).filter(|one| is_mark(&one.text)) else { continue };
        let around = at.saturating_sub(MARK_REACH)..(at + MARK_REACH + 1).min(stretches.len());
        let carries = |one: &&Stretch| {
            (one.x..one.end).contains(&mark.x)
                && (one.y - mark.y).abs() <= SAME_LINE * one.size
                && one.text.contains(is_rtl)
                && !is_mark(&one.text)
        };
        let edge = stretches.get(around).unwrap_or_default().iter().find(carries);
        let edge = edge.map(|letter| letter.x - 0.001 * letter.size);
        if let (Some(edge), Some(mark)) = (edge, stretches.get_mut(at)) {
            (mark.x, mark.end) = (edge, edge);
        }
    }
}

/// Whether `text` is nothing but marks of a script that runs from the right.
fn is_mark(text: &str) -> bool {
    text.starts_with(is_rtl) && text.chars().all(is_combining_mark)
}

fn stretch(glyph: &Glyph, text: &str) -> Stretch {
    let n_chars = text.chars().count();
    Stretch {
        x: glyph.x,
        end: glyph.end,
        y: glyph.y,
        size: glyph.size,
        text: text.to_owned(),
        n_chars,
    }
}

fn continues(last: &Stretch, glyph: &Glyph) -> bool {
    let gap = glyph.x - last.end;
    let size = last.size.max(glyph.size);
    (glyph.y - last.y).abs() <= SAME_LINE * size
        && gap > -0.5 * size
        && gap < STRETCH_GAP * size
        && glyph.size > last.size * 0.4
        && glyph.size < last.size * 1.6
        && !last.text.ends_with(is_rtl)
}

fn append(last: &mut Stretch, glyph: &Glyph, text: &str, is_written: bool) {
    let (gap, size) = (glyph.x - last.end, last.size.min(glyph.size));
    let written = is_written && gap > WRITTEN_GAP * size && !last.text.ends_with(' ');
    if written || is_word_gap(gap, size, &last.text, text) {
        last.text.push(' ');
    }
    last.text.push_str(text);
    last.n_chars += text.chars().count();
    last.end = last.end.max(glyph.end);
    // An index does not move the line it is in.
    if glyph.size > last.size * 1.1 {
        (last.size, last.y) = (glyph.size, glyph.y);
    }
}

fn is_word_gap(gap: f64, size: f64, before: &str, after: &str) -> bool {
    gap > WORD_GAP * size && !before.ends_with(char::is_whitespace) && !after.starts_with(' ')
}

/// Joins stretches that stand next to each other on a line, in whatever order they were drawn.
fn joined(stretches: Vec<Stretch>) -> Vec<Stretch> {
    let mut out: Vec<Stretch> = Vec::new();
    for row in rows(stretches) {
        let mut row = row.into_iter();
        let Some(mut last) = row.next() else { continue };
        for next in row {
            let gap = next.x - last.end;
            let size = last.size.min(next.size);
            if gap < STRETCH_GAP * size && gap > -0.6 * size.max(last.size) {
                let space = is_word_gap(gap, size, &last.text, &next.text);
                last.text.extend(space.then_some(' '));
                last.text.push_str(&next.text);
                last.n_chars += next.n_chars;
                last.end = last.end.max(next.end);
                if next.size > last.size {
                    (last.size, last.y) = (next.size, next.y);
                }
            } else {
                out.push(std::mem::replace(&mut last, next));
            }
        }
        out.push(last);
    }
    out
}

/// Stretches by line, from top to bottom, each from left to right.
fn rows(mut stretches: Vec<Stretch>) -> Vec<Vec<Stretch>> {
    stretches.sort_by(|a, b| b.y.total_cmp(&a.y));
    let mut rows: Vec<Vec<Stretch>> = Vec::new();
    let (mut y, mut size) = (f64::INFINITY, 0.0_f64);
    for stretch in stretches {
        let near = (y - stretch.y).abs()
            <= SAME_LINE * size.max(stretch.size).min(size.min(stretch.size) * 2.0);
        match rows.last_mut() {
            Some(row) if near => row.push(stretch),
            _ => {
                (y, size) = (stretch.y, stretch.size);
                rows.push(vec![stretch]);
                continue;
            }
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| a.x.total_cmp(&b.x));
    }
    rows
}

/// The lines of one column.
fn lines(stretches: Vec<Stretch>) -> Vec<Line> {
    rows(stretches).into_iter().filter_map(line).collect()
}

fn line(row: Vec<Stretch>) -> Option<Line> {
    let (first, last) = (row.first()?, row.last()?);
    let widest = row.iter().max_by_key(|stretch| stretch.n_chars)?;
    let (x, y, size) = (first.x, widest.y, widest.size);
    let mut end = first.end;
    let mut text = String::new();
    let mut n_cells = 1;
    for stretch in &row {
        if !text.is_empty() {
            let cell = stretch.x - end > CELL_GAP * size;
            n_cells += usize::from(cell);
            text.push(if cell { '\t' } else { ' ' });
        }
        text.push_str(stretch.text.trim());
        end = end.max(stretch.end);
    }
    let text = logical(text.trim());
    (!text.is_empty()).then_some(Line { x, end: end.max(last.end), y, size, text, n_cells })
}
