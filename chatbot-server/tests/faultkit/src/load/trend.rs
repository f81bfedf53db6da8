//! Where a figure goes over time.

use std::fmt;

/// Parts that the time is divided into: each counts by its median, so that no single moment counts much.
const N_PARTS: usize = 20;

/// Where a figure goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// How much it grows in an hour, in percent of its mean.
    pub percent_an_hour: f64,
    /// What the growth may be off by: twice its standard error.
    pub noise: f64,
}

impl Trend {
    /// The straight line through points of time, in hours, and figure; `None` where there are too few.
    pub fn of(points: impl Iterator<Item = (f64, f64)>) -> Option<Self> {
        let points: Vec<(f64, f64)> = points.collect();
        let parts = points.chunks(points.len().div_ceil(N_PARTS).max(1));
        let medians: Vec<(f64, f64)> = parts.filter_map(median).collect();
        if medians.len() < 4 {
            return None;
        }
        let n = f64::from(u32::try_from(medians.len()).ok()?);
        let mean = |of: fn(&(f64, f64)) -> f64| medians.iter().map(of).sum::<f64>() / n;
        let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
        let spread: f64 = medians.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
        let slope = medians.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum::<f64>() / spread;
        let off = |(x, y): &(f64, f64)| (y - y_mean - slope * (x - x_mean)).powi(2);
        let error = (medians.iter().map(off).sum::<f64>() / (n - 2.0) / spread).sqrt();
        let percent = 100.0 / y_mean;
        Some(Self { percent_an_hour: slope * percent, noise: 2.0 * error * percent })
    }

    /// Whether it grows for certain.
    #[must_use]
    pub fn is_beyond_noise(&self) -> bool {
        self.percent_an_hour > self.noise
    }
}

impl fmt::Display for Trend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+.2} % an hour, give or take {:.2}", self.percent_an_hour, self.noise)
    }
}

fn median(part: &[(f64, f64)]) -> Option<(f64, f64)> {
    let middle = part.get(part.len() / 2)?.0;
    let mut figures: Vec<f64> = part.iter().map(|(_, figure)| *figure).collect();
    figures.sort_by(f64::total_cmp);
    Some((middle, *figures.get(figures.len() / 2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_told_from_noise() {
        let noise = |at: u32| f64::from(at * 7919 % 13) - 6.0;
        let points = |leak: f64| {
            (0..720).map(move |at| {
                (f64::from(at) / 720.0, 100.0 + leak * f64::from(at) / 720.0 + noise(at))
            })
        };
        let still = Trend::of(points(0.0)).unwrap();
        assert!(still.percent_an_hour.abs() < 1.0 && !still.is_beyond_noise(), "{still}");
        let leak = Trend::of(points(5.0)).unwrap();
        assert!((4.0..6.0).contains(&leak.percent_an_hour) && leak.is_beyond_noise(), "{leak}");
        assert_eq!(Trend::of(std::iter::once((0.0, 1.0))), None);
    }
}
