//! Lines become paragraphs, and some of them headings.

use crate::types::BlockKind;

use super::columns::median;
use super::geometry::whole;
use super::lines::Line;

/// Lines further apart than this many times the usual distance belong to different paragraphs.
const MAX_LEADING: f64 = 1.35;
/// Lines of one paragraph differ less in size.
const SAME_SIZE: f64 = 0.08;
/// In sizes of the font.
const INDENT: f64 = 0.9;
/// Headings are larger than the text by this factor at least.
const HEADING_FACTOR: f64 = 1.12;
/// Longer ones are text in large print.
const MAX_HEADING_CHARS: usize = 160;
/// Where more of a document is in large print, it is no heading: a poster, slides.
const MAX_HEADING_SHARE: f64 = 0.25;

/// A paragraph.
#[derive(Debug, Clone)]
pub(super) struct Paragraph {
    pub(super) text: String,
    pub(super) kind: BlockKind,
    pub(super) size: f64,
    n_lines: usize,
}

/// The paragraphs of the columns of a page.
pub(super) fn paragraphs(regions: &[Vec<Line>]) -> Vec<Paragraph> {
    let mut out = Vec::new();
    for region in regions {
        let leading = usual_distance(region);
        let right = region.iter().map(|line| line.end).fold(f64::NEG_INFINITY, f64::max);
        let left = median(region.iter().map(|line| line.x)).unwrap_or(0.0);
        let column = Column { leading, left, right };
        let mut open: Option<(Paragraph, &Line)> = None;
        for line in region {
            open = Some(match open.take() {
                Some((paragraph, last)) if column.continues(&paragraph, last, line) => {
                    (joined(paragraph, line), line)
                }
                before => {
                    out.extend(before.map(|(paragraph, _)| paragraph));
                    (begun(line), line)
                }
            });
        }
        out.extend(open.map(|(paragraph, _)| paragraph));
    }
    out
}

/// How far the lines of a paragraph are from each other: distances between paragraphs are larger and fewer, but in a
/// short column not always fewer than half.
fn usual_distance(region: &[Line]) -> Option<f64> {
    let distances = region.windows(2).filter_map(|pair| {
        let [above, below] = pair else { return None };
        let distance = above.y - below.y;
        let same_size = (above.size - below.size).abs() <= SAME_SIZE * above.size;
        (same_size && distance > 0.0 && distance < 3.0 * above.size).then_some(distance)
    });
    let mut distances: Vec<f64> = distances.collect();
    distances.sort_by(f64::total_cmp);
    distances.get(distances.len() / 3).copied()
}

struct Column {
    leading: Option<f64>,
    left: f64,
    right: f64,
}

impl Column {
    fn continues(&self, paragraph: &Paragraph, last: &Line, line: &Line) -> bool {
        let size = last.size.max(line.size);
        let same_size = (last.size - line.size).abs() <= SAME_SIZE * size;
        let usual = self.leading.unwrap_or(size * 1.2).max(size);
        let distance = last.y - line.y;
        let near = distance > 0.0 && distance <= usual * MAX_LEADING;
        let cells = matches!(paragraph.kind, BlockKind::TableRow { .. }) || line.n_cells > 1;
        let short = last.end < self.right - 0.2 * (self.right - self.left);
        let ended = last.text.ends_with(['.', '!', '?', ':', ';', '。', '！', '？']);
        let indented = line.x > last.x + INDENT * size && last.x <= self.left + INDENT * size;
        let item = matches!(paragraph.kind, BlockKind::ListItem);
        same_size
            && near
            && !cells
            && !(short && ended)
            && (!indented || item || paragraph.n_lines == 1 && short)
            && !begins_item(&line.text)
    }
}

fn begun(line: &Line) -> Paragraph {
    let kind = if line.n_cells > 1 {
        BlockKind::TableRow { header: false }
    } else if begins_item(&line.text) {
        BlockKind::ListItem
    } else {
        BlockKind::Paragraph
    };
    let text = if line.n_cells > 1 { line.text.replace('\t', "  ") } else { line.text.clone() };
    Paragraph { text, kind, size: line.size, n_lines: 1 }
}

/// Whether a line begins with what stands in front of an item of a list.
fn begins_item(text: &str) -> bool {
    let Some((first, rest)) = text.split_once(' ') else { return false };
    if rest.is_empty() {
        return false;
    }
    let bullet = |c| "•◦▪▫‣·●○■□➢➤✓✔–—-*".contains(c);
    let mut chars = first.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return bullet(c);
    }
    let inner = first.trim_start_matches('(');
    let name = inner.trim_end_matches([')', '.']);
    let short = name.len() <= 2 && !name.is_empty();
    let numbered = name.bytes().all(|b| b.is_ascii_digit());
    let lettered = name.len() == 1 && name.bytes().all(|b| b.is_ascii_lowercase());
    let closed = inner.len() > name.len();
    short && closed && (numbered || (lettered && inner.ends_with(')')))
}

fn joined(mut paragraph: Paragraph, line: &Line) -> Paragraph {
    let next = line.text.as_str();
    let next_lower = next.starts_with(char::is_lowercase);
    let mut tail = paragraph.text.chars().rev();
    let hyphen = matches!(tail.next(), Some('-' | '\u{2010}' | '\u{AD}'));
    let after_letter = tail.next().is_some_and(char::is_alphabetic);
    if hyphen && after_letter && next_lower {
        paragraph.text.pop();
    } else if !(ends_ideographic(&paragraph.text) && next.starts_with(is_ideographic)) {
        paragraph.text.push(' ');
    }
    paragraph.text.push_str(next);
    paragraph.n_lines += 1;
    paragraph
}

fn ends_ideographic(text: &str) -> bool {
    text.ends_with(is_ideographic)
}

/// Scripts that put no spaces between words. Korean does.
fn is_ideographic(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{FF00}'..='\u{FFEF}')
}

/// Which sizes are headings in a document.
#[derive(Debug, Default)]
pub(super) struct Headings {
    body: f64,
    /// Largest first, in half points.
    sizes: Vec<i64>,
}

impl Headings {
    pub(super) fn of<'p>(paragraphs: impl Iterator<Item = &'p Paragraph> + Clone) -> Self {
        let mut chars = std::collections::BTreeMap::<i64, usize>::new();
        for paragraph in paragraphs.clone() {
            *chars.entry(half_points(paragraph.size)).or_default() += paragraph.text.len();
        }
        let total: usize = chars.values().sum();
        let most = chars.iter().max_by_key(|(_, n)| **n).map_or(0, |(size, _)| *size);
        let mut headings = Self { body: most as f64 / 2.0, sizes: Vec::new() };
        let mut large = 0;
        for paragraph in paragraphs {
            if headings.is_large(paragraph) {
                large += paragraph.text.len();
                headings.sizes.push(half_points(paragraph.size));
            }
        }
        if large as f64 > total as f64 * MAX_HEADING_SHARE {
            headings.sizes.clear();
        }
        headings.sizes.sort_unstable_by(|a, b| b.cmp(a));
        headings.sizes.dedup();
        headings
    }

    fn is_large(&self, paragraph: &Paragraph) -> bool {
        let n_chars = paragraph.text.chars().count();
        let n_letters = paragraph.text.chars().filter(|c| c.is_alphabetic()).count();
        paragraph.size >= self.body * HEADING_FACTOR
            && n_chars <= MAX_HEADING_CHARS
            && n_letters >= 3
            && n_letters * 2 > n_chars
            && paragraph.n_lines <= 3
            && matches!(paragraph.kind, BlockKind::Paragraph | BlockKind::ListItem)
    }

    /// The level of a paragraph that is a heading.
    pub(super) fn level(&self, paragraph: &Paragraph) -> Option<u8> {
        if !self.is_large(paragraph) {
            return None;
        }
        let rank = self.sizes.iter().position(|size| *size == half_points(paragraph.size))?;
        u8::try_from(rank + 1).ok().map(|level| level.min(6))
    }
}

fn half_points(size: f64) -> i64 {
    whole(size * 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(x: f64, y: f64, text: &str) -> Line {
        let end = x + 5.0 * text.len() as f64;
        Line { x, end, y, size: 10.0, text: text.to_owned(), n_cells: 1 }
    }

    #[test]
    fn lines_are_joined_and_hyphens_at_their_ends_go() {
        let region = vec![
            line(0.0, 100.0, "a paragraph whose last word is hyphen-"),
            line(0.0, 88.0, "ated, and that goes on for a whole line"),
            line(0.0, 76.0, "and ends."),
            line(0.0, 50.0, "Another one after a gap, as long as that"),
        ];
        let texts: Vec<String> = paragraphs(&[region]).into_iter().map(|p| p.text).collect();
        assert_eq!(
            texts[0],
            "a paragraph whose last word is hyphenated, and that goes on for a whole line and ends."
        );
        assert_eq!(texts.len(), 2);
    }

    #[test]
    fn items_of_lists_are_told_from_sentences() {
        assert!(begins_item("• milk") && begins_item("1. milk") && begins_item("(a) milk"));
        assert!(!begins_item("1999. A year") && !begins_item("I. think") && !begins_item("A man"));
    }
}
