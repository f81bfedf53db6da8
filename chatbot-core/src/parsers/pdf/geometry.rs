//! Places on a page.

/// An affine map, as PDF writes it: `x' = a·x + c·y + e`, `y' = b·x + d·y + f`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Matrix {
    pub(super) a: f64,
    pub(super) b: f64,
    pub(super) c: f64,
    pub(super) d: f64,
    pub(super) e: f64,
    pub(super) f: f64,
}

impl Matrix {
    pub(super) const IDENTITY: Self = Self { a: 1.0, b: 0.0, c: 0.0, d: 1.0, e: 0.0, f: 0.0 };

    pub(super) const fn new([a, b, c, d, e, f]: [f64; 6]) -> Self {
        Self { a, b, c, d, e, f }
    }

    pub(super) const fn translation(x: f64, y: f64) -> Self {
        Self::new([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// `inner` first, then this one.
    pub(super) fn after(self, inner: Self) -> Self {
        Self {
            a: self.a * inner.a + self.c * inner.b,
            b: self.b * inner.a + self.d * inner.b,
            c: self.a * inner.c + self.c * inner.d,
            d: self.b * inner.c + self.d * inner.d,
            e: self.a * inner.e + self.c * inner.f + self.e,
            f: self.b * inner.e + self.d * inner.f + self.f,
        }
    }

    pub(super) fn apply(self, x: f64, y: f64) -> (f64, f64) {
        (self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f)
    }

    /// `(x, y)` as a direction.
    pub(super) fn turn(self, x: f64, y: f64) -> (f64, f64) {
        (self.a * x + self.c * y, self.b * x + self.d * y)
    }
}

/// A glyph, in the frame in which its line runs along x.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glyph {
    /// Where it begins.
    pub(super) x: f64,
    /// Where the next one would begin.
    pub(super) end: f64,
    /// The base line; larger is higher.
    pub(super) y: f64,
    /// The font's size on the page.
    pub(super) size: f64,
    /// Its characters, as a range of the page's text.
    pub(super) text: (usize, usize),
    /// The direction of its line in quarter turns.
    pub(super) turn: u8,
    /// Whether it shows nothing: a space that was written as one.
    pub(super) blank: bool,
}

/// The glyphs of a page.
#[derive(Debug, Default)]
pub(super) struct Glyphs {
    pub(super) text: String,
    pub(super) glyphs: Vec<Glyph>,
    pub(super) n_known: usize,
    pub(super) n_unknown: usize,
    /// Whether a part of the page could not be decoded.
    pub(super) damaged: bool,
}

impl Glyphs {
    pub(super) fn text_of(&self, glyph: &Glyph) -> &str {
        self.text.get(glyph.text.0..glyph.text.1).unwrap_or_default()
    }
}

/// `value` as a whole number; what lies beyond the largest ones becomes the largest.
#[allow(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
pub(super) fn whole(value: f64) -> i64 {
    value.round() as i64
}
