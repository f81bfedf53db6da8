//! What models are asked for, and what that costs.

use serde::{Deserialize, Serialize};

/// Tokens and money that a turn used.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Their price, where the model has one.
    pub cost_usd: Option<f64>,
    /// Whether the provider did not say and the figures are our estimate.
    pub estimated: bool,
}

impl Usage {
    /// These tokens at a price in dollars per million read and written; as they are where there is none.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "tokens of one turn are far below 2^52")]
    pub fn priced(self, usd_per_million: Option<(f64, f64)>) -> Self {
        let Some((read, written)) = usd_per_million else { return self };
        let cost = self.input_tokens as f64 * read + self.output_tokens as f64 * written;
        Self { cost_usd: Some(cost / 1e6), ..self }
    }

    /// What a call used: what the provider `said` of a whole reply, the larger figure where it could not say all, and the
    /// estimate, which is marked so, where it said nothing.
    #[must_use]
    pub fn of_call(said: Option<Self>, estimate: Self, is_whole: bool) -> Self {
        match said {
            Some(said) if is_whole => said,
            Some(said) => Self {
                output_tokens: said.output_tokens.max(estimate.output_tokens),
                estimated: said.estimated || said.output_tokens < estimate.output_tokens,
                ..said
            },
            None => Self { estimated: true, ..estimate },
        }
    }

    /// Tokens read and written.
    #[must_use]
    pub const fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// What several calls used together. Their cost is known where that of each is.
    #[must_use]
    pub fn sum(calls: impl IntoIterator<Item = Self>) -> Self {
        let none = Self { cost_usd: Some(0.0), ..Self::default() };
        calls.into_iter().fold(none, |sum, call| Self {
            input_tokens: sum.input_tokens.saturating_add(call.input_tokens),
            output_tokens: sum.output_tokens.saturating_add(call.output_tokens),
            cost_usd: sum.cost_usd.zip(call.cost_usd).map(|(sum, cost)| sum + cost),
            estimated: sum.estimated || call.estimated,
        })
    }
}

/// What a call to a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallPurpose {
    /// To answer a question.
    Answer,
    /// To put a question in full before it is searched.
    Rewrite,
    /// To sum up what was said before.
    Summary,
    /// To name a session.
    Title,
    /// To find passages by their meaning.
    Embed,
    /// To put passages in a better order.
    Rerank,
}

impl CallPurpose {
    /// Every purpose.
    pub const ALL: &'static [Self] =
        &[Self::Answer, Self::Rewrite, Self::Summary, Self::Title, Self::Embed, Self::Rerank];

    /// Its name in the store and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Rewrite => "rewrite",
            Self::Summary => "summary",
            Self::Title => "title",
            Self::Embed => "embed",
            Self::Rerank => "rerank",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(input_tokens: u64, output_tokens: u64) -> Usage {
        Usage { input_tokens, output_tokens, cost_usd: None, estimated: false }
    }

    #[test]
    fn a_price_is_for_a_million_tokens_read_and_written() {
        let cost = used(2_000, 500).priced(Some((2.5, 10.0))).cost_usd;
        assert_eq!(cost, Some(0.01));
        assert_eq!(used(2_000, 500).priced(None).cost_usd, None);
        assert_eq!(used(7, 3).priced(Some((0.0, 0.0))).cost_usd, Some(0.0));
    }

    #[test]
    fn a_sum_has_a_cost_where_each_part_has_one() {
        let priced = |n| used(n, n).priced(Some((1.0, 1.0)));
        let sum = Usage::sum([priced(500_000), priced(250_000)]);
        assert_eq!((sum.tokens(), sum.cost_usd), (1_500_000, Some(1.5)));
        assert_eq!(Usage::sum([priced(1), used(1, 1)]).cost_usd, None);
        assert_eq!(Usage::sum([]).cost_usd, Some(0.0), "nothing costs nothing");
        let guessed = Usage { estimated: true, ..priced(1) };
        assert!(Usage::sum([guessed, priced(1)]).estimated);
    }
}
