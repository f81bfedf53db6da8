//! Samples become grey values.

use crate::error::Result;
use crate::parsers::watch::Watch;

/// A picture in grey values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Bitmap {
    pub(in super::super) width: usize,
    pub(in super::super) height: usize,
    /// A byte a pixel; 0 is black.
    pub(in super::super) grey: Vec<u8>,
    /// How much of it is seen, as another picture in its place: 255 is all.
    pub(in super::super) seen: Option<Box<Bitmap>>,
}

/// What the components of a pixel say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Meaning {
    Grey,
    Rgb,
    Cmyk,
    /// How much of each of so many inks.
    Inks(usize),
    /// A number in a table of grey values.
    Palette(Vec<u8>),
}

impl Meaning {
    pub(in super::super) const fn n_components(&self) -> usize {
        match self {
            Self::Grey | Self::Palette(_) => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
            Self::Inks(n) => *n,
        }
    }

    /// The grey value of a pixel.
    fn grey(&self, pixel: &[u8]) -> u8 {
        match (self, pixel) {
            (Self::Grey, [grey, ..]) => *grey,
            (Self::Rgb, [red, green, blue, ..]) => luma([*red, *green, *blue]),
            (Self::Cmyk, [cyan, magenta, yellow, black, ..]) => {
                let lit = |ink: u8| scaled(255 - ink, 255 - black);
                luma([lit(*cyan), lit(*magenta), lit(*yellow)])
            }
            (Self::Inks(_), inks) => 255 - inks.iter().copied().max().unwrap_or(0),
            (Self::Palette(table), [number, ..]) => {
                table.get(usize::from(*number)).copied().unwrap_or(255)
            }
            _ => 255,
        }
    }
}

/// How samples lie in bytes: in rows that begin at a byte.
#[derive(Debug, Clone)]
pub(in super::super) struct Layout {
    pub(in super::super) width: usize,
    pub(in super::super) height: usize,
    /// 1, 2, 4, 8 or 16.
    pub(in super::super) bits: u8,
    pub(in super::super) meaning: Meaning,
    /// Whether each sample says the opposite.
    pub(in super::super) inverted: bool,
}

/// The picture that `data` holds; what is missing at its end is white.
pub(in super::super) fn bitmap(data: &[u8], layout: &Layout, watch: &Watch<'_>) -> Result<Bitmap> {
    let n = layout.meaning.n_components();
    let stride = (layout.width * n * usize::from(layout.bits)).div_ceil(8);
    let mut grey = Vec::with_capacity(layout.width * layout.height);
    let mut pixel = vec![0; n];
    for row in data.chunks_exact(stride.max(1)).take(layout.height) {
        watch.check()?;
        for at in 0..layout.width {
            for (component, sample) in pixel.iter_mut().enumerate() {
                *sample = layout.sample(row, at * n + component);
            }
            grey.push(layout.meaning.grey(&pixel));
        }
    }
    grey.resize(layout.width * layout.height, 255);
    Ok(Bitmap { width: layout.width, height: layout.height, grey, seen: None })
}

impl Layout {
    /// A sample as a value of 0 to 255, or as a number in the table.
    fn sample(&self, row: &[u8], at: usize) -> u8 {
        let bits = usize::from(self.bits);
        let raw = match bits {
            8 => row.get(at).copied().unwrap_or(0),
            16 => row.get(at * 2).copied().unwrap_or(0),
            _ => {
                let byte = row.get(at * bits / 8).copied().unwrap_or(0);
                byte >> (8 - bits - at * bits % 8) & ((1 << bits) - 1)
            }
        };
        if matches!(self.meaning, Meaning::Palette(_)) {
            return raw;
        }
        let value = match bits {
            1 => raw * 255,
            2 => raw * 85,
            4 => raw * 17,
            _ => raw,
        };
        if self.inverted { 255 - value } else { value }
    }
}

/// How bright a colour is (ITU-R BT.601, in 256ths).
pub(in super::super) fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 77 * u32::from(red) + 150 * u32::from(green) + 29 * u32::from(blue);
    u8::try_from(sum >> 8).unwrap_or(255)
}

/// `value` times `by` 255ths.
pub(super) fn scaled(value: u8, by: u8) -> u8 {
    u8::try_from(u16::from(value) * u16::from(by) / 255).unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::traits::ParseLimits;

    fn greys(data: &[u8], width: usize, bits: u8, meaning: Meaning, inverted: bool) -> Vec<u8> {
        let (ctx, limits) = (Context::local(), ParseLimits::default());
        let layout = Layout { width, height: 2, bits, meaning, inverted };
        bitmap(data, &layout, &Watch::new(&ctx, &limits)).unwrap().grey
    }

    #[test]
    fn samples_of_every_size_and_meaning_become_grey() {
        assert_eq!(greys(&[0b1010_0000, 0], 3, 1, Meaning::Grey, false), [255, 0, 255, 0, 0, 0]);
        assert_eq!(greys(&[0b1010_0000, 0], 3, 1, Meaning::Grey, true), [0, 255, 0, 255, 255, 255]);
        assert_eq!(
            greys(&[0b00_01_10_11, 0xFF], 4, 2, Meaning::Grey, false)[..4],
            [0, 85, 170, 255]
        );
        assert_eq!(greys(&[0x0F, 0xF0], 2, 4, Meaning::Grey, false), [0, 255, 255, 0]);
        assert_eq!(greys(&[7, 99, 8, 99], 1, 16, Meaning::Grey, false), [7, 8]);
        assert_eq!(greys(&[255, 255, 255, 0, 0, 0], 1, 8, Meaning::Rgb, false), [255, 0]);
        assert_eq!(greys(&[0, 0, 0, 0, 0, 0, 0, 255], 1, 8, Meaning::Cmyk, false), [255, 0]);
        assert_eq!(greys(&[0, 10, 255, 0], 1, 8, Meaning::Inks(2), false), [245, 0]);
        assert_eq!(greys(&[1, 9], 1, 8, Meaning::Palette(vec![1, 2]), true), [2, 255]);
    }

    #[test]
    fn a_picture_that_was_cut_off_ends_in_white() {
        assert_eq!(greys(&[1, 2], 2, 8, Meaning::Grey, false), [1, 2, 255, 255]);
    }
}
