//! Numbers that look random and are the same for the same seed.

/// A sequence of numbers.
///
/// *Source*: `SplitMix64` by Steele, Lea and Flood (2014).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The sequence of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence of its own, which the next numbers of this one say nothing about.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.any())
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 where there is none.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.any() % u64::try_from(n).unwrap_or(1).max(1)).unwrap_or_default()
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// A number from 0 to below 1.
    pub fn share(&mut self) -> f64 {
        /// One in 2^32: fine enough for 20,000 words.
        const STEP: f64 = 1.0 / 4_294_967_296.0;
        f64::from(u32::try_from(self.any() >> 32).unwrap_or_default()) * STEP
    }

    /// Whether something happens that happens once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of `items`.
    pub fn one_of<'i, T>(&mut self, items: &'i [T]) -> Option<&'i T> {
        items.get(self.below(items.len()))
    }
}
