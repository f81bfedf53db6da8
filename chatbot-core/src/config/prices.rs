//! What models cost, and what may be spent on them.

use serde::{Deserialize, Serialize};

use crate::types::Budgets;

/// What a model costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceConfig {
    /// Dollars for a million tokens that it reads.
    pub input: f64,
    /// Dollars for a million tokens that it writes.
    pub output: f64,
}

/// Far above any price and any budget, and far below where sums would lose a billionth.
const MAX_USD: f64 = 1e6;

impl PriceConfig {
    pub(super) fn is_valid(&self) -> bool {
        [self.input, self.output].iter().all(|usd| (0.0..=MAX_USD).contains(usd))
    }

    pub(crate) const fn usd_per_million(&self) -> (f64, f64) {
        (self.input, self.output)
    }
}

/// Whether every budget is one: a budget of nothing would refuse everything, which nobody means.
pub(super) fn are_valid(budgets: &Budgets) -> bool {
    budgets.limited().all(|(_, allowance)| {
        allowance.tokens.is_none_or(|tokens| tokens > 0)
            && allowance.usd.is_none_or(|usd| usd > 0.0 && usd <= MAX_USD)
    })
}
