//! The order in which the parts of a page are read.
//!
//! Text in columns is told from a table by what is in it: columns hold long lines, cells hold short ones. Lines across
//! the gutter (titles, footers, wide figures' captions) divide the page into bands, and each band is read column by
//! column.

use super::lines::Stretch;

/// In sizes of the font; word spaces stay below.
const MIN_GUTTER: f64 = 0.9;
/// Lines on each side of a gutter.
const MIN_LINES: usize = 4;
/// Characters of the usual line of a column.
const MIN_CHARS: usize = 15;
/// Characters of the usual line of a column that is not filled: cells are shorter.
const SENTENCE_CHARS: usize = 30;
/// The part of a column's width that its usual line takes up.
const FILLED: f64 = 0.45;
/// Base lines that are the same, in sizes of the font.
const SAME_BASE: f64 = 0.15;
/// More of the lines beside a text on its base lines make a table of both.
const MAX_ALIGNED: f64 = 0.4;
/// One of this many stretches may cross a gutter.
const CROSSING: usize = 8;
/// Columns inside columns.
const MAX_DEPTH: usize = 4;

/// The columns of a page, in reading order.
pub(super) fn reading_order(stretches: Vec<Stretch>) -> Vec<Vec<Stretch>> {
    let mut order = Vec::new();
    split(stretches, 0, &mut order);
    order
}

fn split(stretches: Vec<Stretch>, depth: usize, order: &mut Vec<Vec<Stretch>>) {
    let gutter = if depth < MAX_DEPTH { gutter(&stretches) } else { None };
    let Some(gutter) = gutter else {
        if !stretches.is_empty() {
            order.push(stretches);
        }
        return;
    };
    for band in bands(stretches, gutter) {
        match band {
            Band::Across(lines) => order.push(lines),
            Band::Columns(left, right) => {
                split(left, depth + 1, order);
                split(right, depth + 1, order);
            }
        }
    }
}

enum Band {
    Across(Vec<Stretch>),
    Columns(Vec<Stretch>, Vec<Stretch>),
}

fn bands(mut stretches: Vec<Stretch>, gutter: f64) -> Vec<Band> {
    stretches.sort_by(|a, b| b.y.total_cmp(&a.y));
    let mut bands: Vec<Band> = Vec::new();
    for stretch in stretches {
        let crosses = stretch.x < gutter && stretch.end > gutter;
        match (bands.last_mut(), crosses) {
            (Some(Band::Across(lines)), true) => lines.push(stretch),
            (_, true) => bands.push(Band::Across(vec![stretch])),
            (Some(Band::Columns(left, right)), false) => {
                if stretch.end <= gutter {
                    left.push(stretch)
                } else {
                    right.push(stretch)
                }
            }
            (_, false) if stretch.end <= gutter => {
                bands.push(Band::Columns(vec![stretch], Vec::new()));
            }
            (_, false) => bands.push(Band::Columns(Vec::new(), vec![stretch])),
        }
    }
    bands
}

/// Where a gutter is, if there is one.
fn gutter(stretches: &[Stretch]) -> Option<f64> {
    if stretches.len() < 2 * MIN_LINES {
        return None;
    }
    let left = stretches.iter().map(|s| s.x).fold(f64::INFINITY, f64::min);
    let right = stretches.iter().map(|s| s.end).fold(f64::NEG_INFINITY, f64::max);
    let margin = (right - left) * 0.12;
    let size = median(stretches.iter().map(|s| s.size))?;
    let allowed = isize::try_from(stretches.len() / CROSSING).unwrap_or(isize::MAX);
    let mut best: Option<(isize, f64, f64)> = None;
    for (from, to, crossing) in coverage(stretches) {
        let (from, to) = (from.max(left + margin), to.min(right - margin));
        if crossing > allowed || to - from < MIN_GUTTER * size {
            continue;
        }
        let better = best.is_none_or(|(least, from_best, to_best)| {
            (crossing, to_best - from_best) < (least, to - from)
        });
        let middle = f64::midpoint(from, to);
        if better && divides(stretches, middle) {
            best = Some((crossing, from, to));
        }
    }
    best.map(|(_, from, to)| f64::midpoint(from, to))
}

/// How many stretches cover each interval of x.
fn coverage(stretches: &[Stretch]) -> Vec<(f64, f64, isize)> {
    let mut edges: Vec<(f64, isize)> = Vec::with_capacity(stretches.len() * 2);
    for stretch in stretches {
        edges.push((stretch.x, 1));
        edges.push((stretch.end.max(stretch.x), -1));
    }
    edges.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut open = 0;
    let mut intervals: Vec<(f64, f64, isize)> = Vec::new();
    for pair in edges.windows(2) {
        let [(from, change), (to, _)] = pair else { continue };
        open += change;
        // Lines that end at the same place: nothing lies between their ends.
        if to > from {
            intervals.push((*from, *to, open));
        }
    }
    widened(intervals)
}

/// Intervals with those beside them that are crossed as little: a ragged edge is part of the gutter.
fn widened(intervals: Vec<(f64, f64, isize)>) -> Vec<(f64, f64, isize)> {
    let mut out: Vec<(f64, f64, isize)> = Vec::new();
    for (from, to, open) in intervals {
        match out.last_mut() {
            Some(last) if (last.2 - open).abs() <= 1 && last.2.max(open) <= 3 => {
                last.1 = to;
                last.2 = last.2.max(open);
            }
            _ => out.push((from, to, open)),
        }
    }
    out
}

/// Whether what is left and right of `x` are columns of text beside each other, or one and something that stands beside it
/// by itself: the rows of a table share their base lines, a box beside a text has its own.
fn divides(stretches: &[Stretch], x: f64) -> bool {
    let left: Vec<&Stretch> = stretches.iter().filter(|s| s.end <= x).collect();
    let right: Vec<&Stretch> = stretches.iter().filter(|s| s.x >= x).collect();
    if left.len() < MIN_LINES || right.len() < MIN_LINES || !beside(&left, &right) {
        return false;
    }
    match (is_column(&left), is_column(&right)) {
        (true, true) => true,
        (false, false) => false,
        (true, false) => aligned(&right, &left) < MAX_ALIGNED,
        (false, true) => aligned(&left, &right) < MAX_ALIGNED,
    }
}

/// Whether the usual line is long, and either fills what there is room for or is as long as only sentences are.
fn is_column(side: &[&Stretch]) -> bool {
    let Some(usual) = usual(side) else { return false };
    let left = side.iter().map(|s| s.x).fold(f64::INFINITY, f64::min);
    let right = side.iter().map(|s| s.end).fold(f64::NEG_INFINITY, f64::max);
    let (chars, filled) = (usual.n_chars, (usual.end - usual.x) / (right - left));
    (chars >= MIN_CHARS && filled >= FILLED) || (chars >= SENTENCE_CHARS && filled >= FILLED / 2.0)
}

/// The stretch in which the character in the middle stands, by length: bullets, numbers of questions and the cells of a small
/// table count for as little as they say.
fn usual<'a>(side: &[&'a Stretch]) -> Option<&'a Stretch> {
    let mut by_length = side.to_vec();
    by_length.sort_by(|a, b| (a.end - a.x).total_cmp(&(b.end - b.x)));
    let half = side.iter().map(|s| s.n_chars).sum::<usize>() / 2;
    let mut passed = 0;
    by_length.into_iter().find(|stretch| {
        passed += stretch.n_chars;
        passed > half
    })
}

/// The share of `lines` that stand on a base line of `others`.
#[allow(clippy::cast_precision_loss, reason = "lines of a page are few")]
fn aligned(lines: &[&Stretch], others: &[&Stretch]) -> f64 {
    let mut bases: Vec<f64> = others.iter().map(|other| other.y).collect();
    bases.sort_by(f64::total_cmp);
    let stands = |line: &&&Stretch| {
        let reach = SAME_BASE * line.size;
        let first = bases.partition_point(|base| *base < line.y - reach);
        bases.get(first).is_some_and(|base| *base <= line.y + reach)
    };
    lines.iter().filter(stands).count() as f64 / lines.len().max(1) as f64
}

/// Whether the two sides share at least half of the height of the shorter one.
fn beside(left: &[&Stretch], right: &[&Stretch]) -> bool {
    let extent = |side: &[&Stretch]| {
        let low = side.iter().map(|s| s.y).fold(f64::INFINITY, f64::min);
        let high = side.iter().map(|s| s.y).fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    };
    let ((a_low, a_high), (b_low, b_high)) = (extent(left), extent(right));
    let shared = a_high.min(b_high) - a_low.max(b_low);
    shared > 0.5 * (a_high - a_low).min(b_high - b_low)
}

pub(super) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(x: f64, end: f64, y: f64, text: &str) -> Stretch {
        Stretch { x, end, y, size: 10.0, text: text.to_owned(), n_chars: text.len() }
    }

    #[test]
    fn columns_are_read_one_after_the_other_and_titles_first() {
        let mut page = vec![stretch(50.0, 500.0, 800.0, "a title across both columns")];
        for i in 0..10 {
            let y = 780.0 - 12.0 * f64::from(i);
            page.push(stretch(50.0, 260.0, y, "left text of some length"));
            page.push(stretch(290.0, 500.0, y, "right text of some length"));
        }
        let order = reading_order(page);
        let starts: Vec<&str> = order.iter().map(|part| &part[0].text[..4]).collect();
        assert_eq!(starts, ["a ti", "left", "righ"]);
    }

    #[test]
    fn a_box_of_figures_beside_a_text_is_read_by_itself() {
        let page = |leading: f64| {
            let mut page = Vec::new();
            for i in 0..10 {
                let y = 780.0 - 12.0 * f64::from(i);
                page.push(stretch(50.0, 260.0, y, "a text of which every line is rather long"));
                page.push(stretch(450.0, 480.0, 778.0 - leading * f64::from(i), "1,234.5"));
            }
            reading_order(page)
        };
        assert_eq!(page(14.0).len(), 2);
        let mut rows = page(12.0);
        rows.truncate(1);
        assert_eq!(rows[0].len(), 10, "its own base lines, though as far apart");
    }

    #[test]
    fn bullets_and_a_small_table_do_not_hide_a_column() {
        let mut page = Vec::new();
        for i in 0..12 {
            let y = 780.0 - 15.0 * f64::from(i);
            page.push(stretch(50.0, 55.0, y, "-"));
            page.push(stretch(70.0, 260.0, y, "a point with as many words as these"));
            page.push(stretch(290.0, 500.0, y - 7.0, "a sentence on the right of that point"));
        }
        for i in 0..9 {
            let y = 580.0 - 15.0 * f64::from(i);
            for x in [290.0, 400.0, 450.0, 480.0] {
                page.push(stretch(x, x + 9.0, y, "*"));
            }
        }
        let order = reading_order(page);
        assert!(order[0].iter().all(|stretch| stretch.x < 290.0), "all that is left comes first");
    }

    #[test]
    fn a_table_is_read_row_by_row() {
        let mut page = Vec::new();
        for i in 0..10 {
            let y = 780.0 - 12.0 * f64::from(i);
            page.push(stretch(50.0, 160.0, y, "the name of an item"));
            page.push(stretch(450.0, 500.0, y, "1,234.5"));
        }
        assert_eq!(reading_order(page).len(), 1);
    }
}
