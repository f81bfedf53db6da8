//! A page on which pictures are drawn as a reader sees them.

use bytes::Bytes;

use crate::error::Result;
use crate::parsers::watch::Watch;

use super::bitmap::{Bitmap, scaled};
use super::{MAX_PAGE_PIXELS, Picture};

/// What recognition reads best: letters of running text are 30 pixels high.
const BEST_DPI: f64 = 300.0;
/// Coarser pages are drawn finer than they are.
const MIN_DPI: f64 = 150.0;
/// Pixels of a picture, across and down, of which the mean becomes one of the page.
const MAX_SPREAD: usize = 8;

/// An affine map: `x' = a·x + c·y + e`, `y' = b·x + d·y + f`.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Affine(pub(in super::super) [f64; 6]);

impl Affine {
    fn apply(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, b * x + d * y + f)
    }

    /// `None` where it flattens everything.
    fn inverse(self) -> Option<Self> {
        let [a, b, c, d, e, f] = self.0;
        let det = a * d - b * c;
        let usable = det.is_finite() && det.abs() > 1e-9 && e.is_finite() && f.is_finite();
        let back =
            [d / det, -b / det, -c / det, a / det, (c * f - d * e) / det, (b * e - a * f) / det];
        usable.then_some(Self(back))
    }
}

/// A page.
#[derive(Debug)]
pub(in super::super) struct Canvas {
    width: usize,
    height: usize,
    dpi: f64,
    grey: Vec<u8>,
}

impl Canvas {
    /// A white page of this size in inches, for pictures of up to so many dots per inch.
    pub(in super::super) fn new((width, height): (f64, f64), dpi: f64) -> Option<Self> {
        let area = width * height;
        if !(width > 0.0 && height > 0.0 && area.is_finite() && dpi.is_finite()) {
            return None;
        }
        let most = (to_float(MAX_PAGE_PIXELS) / area).sqrt();
        let dpi = dpi.clamp(MIN_DPI, BEST_DPI).min(most);
        let (width, height) = (to_whole(width * dpi), to_whole(height * dpi));
        let n_pixels = width.checked_mul(height)?;
        let fits = n_pixels > 0 && n_pixels <= MAX_PAGE_PIXELS + width + height;
        fits.then(|| Self { width, height, dpi, grey: vec![255; n_pixels] })
    }

    pub(in super::super) const fn dpi(&self) -> f64 {
        self.dpi
    }

    /// Draws `picture`, whose upper left corner is at (0, 0) and whose lower right one at (1, 1), where `place` puts these.
    pub(in super::super) fn draw(
        &mut self,
        picture: &Bitmap,
        place: Affine,
        watch: &Watch<'_>,
    ) -> Result<()> {
        let Some(back) = place.inverse() else { return Ok(()) };
        let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)];
        let corners = corners.map(|(x, y)| place.apply(x, y));
        let (left, right) = reach(corners.map(|corner| corner.0), self.width);
        let (top, bottom) = reach(corners.map(|corner| corner.1), self.height);
        let shown = Source::new(picture, back);
        let seen = picture.seen.as_deref().map(|seen| Source::new(seen, back));
        for y in top..bottom {
            watch.check()?;
            let row = self.grey.get_mut(y * self.width..).unwrap_or_default();
            for (x, pixel) in row.iter_mut().enumerate().take(right).skip(left) {
                let (u, v) = back.apply(to_float(x) + 0.5, to_float(y) + 0.5);
                if (0.0..1.0).contains(&u) && (0.0..1.0).contains(&v) {
                    let seen = seen.as_ref().map_or(255, |seen| seen.value(u, v));
                    *pixel = scaled(shown.value(u, v), seen) + scaled(*pixel, 255 - seen);
                }
            }
        }
        Ok(())
    }

    /// The page as it is handed on.
    pub(in super::super) fn finish(self, page: u32) -> Picture {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Picture {
            page,
            width: number(self.width),
            height: number(self.height),
            dpi: number(to_whole(self.dpi)),
            grey: Bytes::from(self.grey),
        }
    }
}

/// Where on a page of `len` pixels something is whose corners are at these places.
fn reach(corners: [f64; 4], len: usize) -> (usize, usize) {
    let first = corners.into_iter().fold(f64::INFINITY, f64::min);
    let last = corners.into_iter().fold(f64::NEG_INFINITY, f64::max);
    (to_whole(first.floor()).min(len), to_whole(last.ceil()).min(len))
}

/// A picture, and how many of its pixels become one of the page.
struct Source<'a> {
    picture: &'a Bitmap,
    across: f64,
    down: f64,
}

impl<'a> Source<'a> {
    fn new(picture: &'a Bitmap, Affine([a, b, c, d, ..]): Affine) -> Self {
        let across = (a.abs() + c.abs()) * to_float(picture.width);
        let down = (b.abs() + d.abs()) * to_float(picture.height);
        Self { picture, across, down }
    }

    /// The grey value at a place from (0, 0) to (1, 1).
    fn value(&self, u: f64, v: f64) -> u8 {
        let (x, y) = (u * to_float(self.picture.width), v * to_float(self.picture.height));
        if self.across < 0.75 && self.down < 0.75 { self.between(x, y) } else { self.mean(x, y) }
    }

    fn mean(&self, x: f64, y: f64) -> u8 {
        let (from_x, n_x) = spread(x, self.across);
        let (from_y, n_y) = spread(y, self.down);
        let (mut sum, mut n) = (0_usize, 0_usize);
        for y in from_y..(from_y + n_y).min(self.picture.height) {
            let row = self.picture.grey.get(y * self.picture.width..).unwrap_or_default();
            let end = (from_x + n_x).min(self.picture.width);
            for value in row.get(from_x..end).unwrap_or_default() {
                sum += usize::from(*value);
                n += 1;
            }
        }
        u8::try_from(sum.checked_div(n).unwrap_or(255)).unwrap_or(255)
    }

    /// Between the four pixels around a place.
    fn between(&self, x: f64, y: f64) -> u8 {
        let (x, y) = ((x - 0.5).max(0.0), (y - 0.5).max(0.0));
        let (left, top) = (to_whole(x.floor()), to_whole(y.floor()));
        let (part_x, part_y) = (x - x.floor(), y - y.floor());
        let across = |y| {
            let (left, right) = (self.at(left, y), self.at(left + 1, y));
            left + (right - left) * part_x
        };
        let (upper, lower) = (across(top), across(top + 1));
        u8::try_from(to_whole(upper + (lower - upper) * part_y)).unwrap_or(255)
    }

    fn at(&self, x: usize, y: usize) -> f64 {
        let (x, y) = (x.min(self.picture.width - 1), y.min(self.picture.height - 1));
        self.picture.grey.get(y * self.picture.width + x).copied().map_or(255.0, f64::from)
    }
}

/// The first of the pixels around `at`, and how many there are.
fn spread(at: f64, extent: f64) -> (usize, usize) {
    let n = to_whole(extent).clamp(1, MAX_SPREAD);
    (to_whole((at - to_float(n) / 2.0 + 0.5).floor()), n)
}

#[allow(clippy::cast_precision_loss, reason = "sizes of pictures are small")]
pub(super) fn to_float(value: usize) -> f64 {
    value as f64
}

/// The nearest whole number; 0 for what is below.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from a float saturates"
)]
pub(super) fn to_whole(value: f64) -> usize {
    value.round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::traits::ParseLimits;

    fn picture(width: usize, grey: &[u8]) -> Bitmap {
        Bitmap { width, height: grey.len() / width, grey: grey.to_vec(), seen: None }
    }

    /// A page of one inch with a picture on it, as the values at nine places.
    fn drawn(picture: &Bitmap, place: [f64; 6]) -> [u8; 9] {
        let (ctx, limits) = (Context::local(), ParseLimits::default());
        let mut canvas = Canvas::new((1.0, 1.0), 150.0).unwrap();
        canvas.draw(picture, Affine(place), &Watch::new(&ctx, &limits)).unwrap();
        let at = |x: usize, y: usize| canvas.grey[(25 + 50 * y) * canvas.width + 25 + 50 * x];
        [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (2, 2)]
            .map(|(x, y)| at(x, y))
    }

    #[test]
    fn a_picture_is_drawn_where_it_stands_and_turned_as_it_is() {
        let two = picture(2, &[0, 0, 100, 100]);
        let upright = drawn(&two, [50.0, 0.0, 0.0, 100.0, 0.0, 0.0]);
        assert!(upright[0] < 5, "{upright:?}");
        assert_eq!(upright[1], 255, "nothing is beside it");
        assert_eq!(upright[6], 255, "nor below");
        let turned = drawn(&two, [0.0, 150.0, -150.0, 0.0, 150.0, 0.0]);
        assert_eq!((turned[0], turned[2]), (100, 0), "its upper edge is on the right");
    }

    #[test]
    fn many_pixels_become_their_mean_and_few_are_spread() {
        let fine: Vec<u8> = (0..600 * 600).map(|at| if at % 2 == 0 { 0 } else { 200 }).collect();
        assert_eq!(drawn(&picture(600, &fine), [150.0, 0.0, 0.0, 150.0, 0.0, 0.0]), [100; 9]);
        let coarse = drawn(&picture(2, &[0, 200]), [150.0, 0.0, 0.0, 150.0, 0.0, 0.0]);
        assert_eq!([coarse[0], coarse[2]], [0, 200]);
        assert!((90..=110).contains(&coarse[1]), "{}", coarse[1]);
    }

    #[test]
    fn what_is_not_seen_leaves_the_page_as_it_is() {
        let mut stencil = picture(1, &[0]);
        stencil.seen = Some(Box::new(picture(3, &[255, 0, 255])));
        let page = drawn(&stencil, [150.0, 0.0, 0.0, 150.0, 0.0, 0.0]);
        assert!(page[0] < 5 && page[1] > 250 && page[2] < 5, "{page:?}");
    }

    #[test]
    fn sizes_are_bounded() {
        let page = Canvas::new((200.0, 200.0), 300.0).unwrap();
        assert!(page.width * page.height <= MAX_PAGE_PIXELS + page.width + page.height);
        assert!(Canvas::new((1e9, 1e-9), 300.0).is_none());
        assert!(Canvas::new((f64::NAN, 1.0), 300.0).is_none());
    }
}
