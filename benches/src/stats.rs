//! Percentiles of samples.

use std::time::Duration;

/// Durations that were measured.
#[derive(Debug, Clone, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// Adds one.
    pub fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// Adds those of another.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest sample that `percent` of all do not exceed (nearest rank); `None` without samples.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied()
    }

    /// The same in milliseconds; 0 without samples.
    #[must_use]
    pub fn ms(&self, percent: usize) -> f64 {
        self.percentile(percent).unwrap_or_default().as_secs_f64() * 1e3
    }

    /// The median.
    #[must_use]
    pub fn median(&self) -> Option<Duration> {
        self.percentile(50)
    }
}

impl FromIterator<Duration> for Samples {
    fn from_iter<I: IntoIterator<Item = Duration>>(samples: I) -> Self {
        Self(samples.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_by_nearest_rank() {
        let samples: Samples = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(samples.median(), Some(Duration::from_millis(50)));
        assert_eq!(samples.percentile(99), Some(Duration::from_millis(99)));
        assert_eq!(samples.percentile(100), Some(Duration::from_millis(100)));
        assert!((samples.ms(99) - 99.0).abs() < 1e-9 && Samples::default().ms(99) == 0.0);
        let one: Samples = [Duration::from_millis(7)].into_iter().collect();
        assert_eq!(one.percentile(99), Some(Duration::from_millis(7)));
        assert_eq!(Samples::default().median(), None);
    }
}
