//! Bars as SVG for the documentation: a group for each condition, a bar for each contestant.

use std::fmt::Write as _;

/// Lengths are in the units of the view box.
const WIDTH: f64 = 760.0;
const LEFT: f64 = 190.0;
const LENGTH: f64 = 480.0;
const HEAD: f64 = 30.0;
const ROW: f64 = 22.0;

/// Readable on white and on black; a fifth contestant begins again.
const COLOURS: &[&str] = &["#3b82b8", "#d98324", "#3f9a72", "#a85aa4"];

/// A bar with its name and its value behind it.
#[derive(Debug)]
pub(crate) struct Bar {
    name: String,
    value: f64,
    digits: usize,
}

impl Bar {
    pub(crate) fn new(name: &str, value: f64, digits: usize) -> Self {
        Self { name: name.to_owned(), value, digits }
    }
}

/// Groups of bars on one scale.
#[derive(Debug)]
pub(crate) struct Plot {
    title: &'static str,
    groups: Vec<(String, Vec<Bar>)>,
}

impl Plot {
    pub(crate) fn new(title: &'static str) -> Self {
        Self { title, groups: Vec::new() }
    }

    /// Adds a group.
    pub(crate) fn group(&mut self, name: &str, bars: Vec<Bar>) {
        self.groups.push((name.to_owned(), bars));
    }

    /// The picture; bars are as long as their share of the greatest value.
    pub(crate) fn svg(&self) -> String {
        let bars = self.groups.iter().flat_map(|(_, bars)| bars);
        let greatest = bars.map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
        let mut top = 34.0;
        let mut body = format!(r#"<text class="t" x="0" y="20">{}</text>"#, self.title);
        for (name, bars) in &self.groups {
            let _ = write!(
                body,
                "\n<text class=\"g\" x=\"0\" y=\"{}\">{}</text>",
                top + 20.0,
                safe(name)
            );
            top += HEAD;
            for (bar, colour) in bars.iter().zip(COLOURS.iter().cycle()) {
                let length = bar.value / greatest * LENGTH;
                let (middle, digits) = (top + 12.0, bar.digits);
                let _ = write!(
                    body,
                    "\n<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text><rect x=\"{LEFT}\" y=\"{top}\" width=\"{length:.1}\" height=\"15\" rx=\"2\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{middle}\">{:.digits$}</text>",
                    LEFT - 8.0,
                    safe(&bar.name),
                    LEFT + length + 8.0,
                    bar.value
                );
                top += ROW;
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">\n<style>text{{font:12px system-ui,sans-serif;fill:#1d2327}}.t{{font-weight:600;font-size:15px}}.g{{font-weight:600}}@media(prefers-color-scheme:dark){{text{{fill:#e6e8e9}}}}</style>\n{body}\n</svg>\n",
            top + 8.0,
            self.title
        )
    }
}

fn safe(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share_of_the_greatest() {
        let mut plot = Plot::new("Speed");
        plot.group("a < b", vec![Bar::new("one", 5.0, 1), Bar::new("two", 20.0, 1)]);
        let svg = plot.svg();
        assert!(svg.contains("width=\"120.0\"") && svg.contains("width=\"480.0\""), "{svg}");
        assert!(svg.contains("a &lt; b") && svg.contains(">5.0</text>"), "{svg}");
        assert!(Plot::new("Nothing").svg().ends_with("</svg>\n"));
    }
}
