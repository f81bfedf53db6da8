//! Bar charts as SVG, in text alone: a group for each set, a bar for each strategy.
//!
//! The page's style sheet gives the colours, so that a chart is readable in light and dark.

use std::fmt::Write as _;

use super::baseline::Baseline;
use super::entry::{Entry, Figure, sets, strategies};

/// Lengths are in the units of the view box, which is as wide as this.
const WIDTH: f64 = 720.0;

/// Where bars begin: right of the longest strategy's name.
const LEFT: f64 = 110.0;

/// How long a bar of 1 is; the rest is for the value behind it.
const LENGTH: f64 = 540.0;

/// The height of a set's name, and of a bar with its distance to the next.
const HEAD: f64 = 28.0;
const ROW: f64 = 22.0;
const BAR: f64 = 14.0;

/// How many colours the style sheet has; further strategies take the first ones again.
const N_COLOURS: usize = 8;

/// A chart of one figure, which lies between 0 and 1; with a mark where the baseline was.
pub(super) fn chart(entries: &[Entry], baseline: Option<&Baseline>, figure: &str) -> String {
    let strategies = strategies(entries);
    let mut bars = String::new();
    let mut top = 0.0;
    for set in sets(entries) {
        let _ =
            write!(bars, r#"<text class="set" x="0" y="{}">{}</text>"#, top + 18.0, escaped(set));
        top += HEAD;
        for entry in entries.iter().filter(|entry| entry.set == set) {
            let colour = strategies.iter().position(|one| *one == entry.strategy);
            let then = baseline.and_then(|baseline| baseline.value(entry, figure));
            bar(entry, figure, (top, colour.unwrap_or_default() % N_COLOURS, then), &mut bars);
            top += ROW;
        }
    }
    let height = top + 24.0;
    format!(
        r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{}: bars for each set and strategy">{}{bars}</svg>"#,
        escaped(figure),
        grid(top)
    )
}

fn grid(height: f64) -> String {
    let mut grid = String::new();
    for step in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let x = LEFT + step * LENGTH;
        let _ = write!(
            grid,
            r#"<line class="grid" x1="{x}" x2="{x}" y1="{HEAD}" y2="{height}"/><text class="soft" x="{x}" y="{}" text-anchor="middle">{step}</text>"#,
            height + 18.0
        );
    }
    grid
}

/// The bar, the baseline's mark, and the value behind both.
fn bar(
    entry: &Entry,
    figure: &str,
    (top, colour, then): (f64, usize, Option<f64>),
    bars: &mut String,
) {
    let (name, middle) = (entry.strategy.as_str(), top + 11.5);
    let length = |value: Option<f64>| value.unwrap_or_default().clamp(0.0, 1.0) * LENGTH;
    let now = length(entry.value(figure));
    let text = entry.figure(figure).map_or_else(|| "-".to_owned(), Figure::text);
    let _ = write!(
        bars,
        r#"<text class="soft" x="{}" y="{middle}" text-anchor="end">{name}</text><rect class="s{colour}" x="{LEFT}" y="{}" width="{now:.1}" height="{BAR}" rx="2"/><text x="{:.1}" y="{middle}">{text}</text>"#,
        LEFT - 8.0,
        top + 0.5,
        LEFT + now.max(length(then)) + 8.0
    );
    if let Some(then) = then {
        mark(then, top, bars);
    }
}

fn mark(then: f64, top: f64, bars: &mut String) {
    let x = LEFT + then.clamp(0.0, 1.0) * LENGTH;
    let _ = write!(
        bars,
        r#"<line class="then" x1="{x:.1}" x2="{x:.1}" y1="{}" y2="{}"/>"#,
        top - 2.0,
        top + BAR + 3.0
    );
}

/// Text that cannot become markup.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}
