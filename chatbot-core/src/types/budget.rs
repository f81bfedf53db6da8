//! What may be spent on models, and whether the next call fits in it: plain arithmetic, so that every store decides alike.
//!
//! A call is held against a budget with the most that it can use: its prompt, as it is estimated, and the longest reply
//! that it may give. So the sum of what was let through never exceeds a budget. What a provider counts can exceed the
//! estimate of a prompt; the calls after it pay for that.

use std::fmt;
use std::time::Duration;

use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use super::{Timestamp, Usage};
use crate::error::{Error, ErrorKind, Result};

/// Tokens of a reply below which a call is refused rather than shortened, unless its caller wanted fewer: a few sentences.
/// A shorter answer would be paid for and help nobody.
const MIN_OUTPUT_TOKENS: u64 = 256;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What may be spent in one respect; where nothing is said, anything.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Allowance {
    /// Tokens, read and written.
    pub tokens: Option<u64>,
    /// Dollars. Calls of models without a price count as nothing.
    pub usd: Option<f64>,
}

impl Allowance {
    const fn is_unlimited(self) -> bool {
        self.tokens.is_none() && self.usd.is_none()
    }
}

/// What may be spent on models, in every respect at once. They are checked before each call.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budgets {
    /// For one answer, with everything that is asked for it.
    pub turn: Allowance,
    /// For one session, for as long as it exists.
    pub session: Allowance,
    /// For one user in a day, which begins at midnight in UTC.
    pub user_day: Allowance,
    /// For one user in a month, which begins at midnight in UTC.
    pub user_month: Allowance,
}

/// In what respect something is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetScope {
    /// For one answer.
    Turn,
    /// For one session.
    Session,
    /// By one user in a day.
    UserDay,
    /// By one user in a month.
    UserMonth,
}

impl BudgetScope {
    /// Every respect.
    pub const ALL: [Self; 4] = [Self::Turn, Self::Session, Self::UserDay, Self::UserMonth];

    /// When the period that `now` is in began, and when the next one does; `None` where there are no periods.
    #[must_use]
    pub fn period(self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Turn | Self::Session => None,
            Self::UserDay => {
                let begin = now.as_millis().div_euclid(DAY_MS).saturating_mul(DAY_MS);
                let begin = Timestamp::from_millis(begin);
                Some((begin, begin.plus_millis(DAY_MS)))
            }
            Self::UserMonth => month(now),
        }
    }
}

fn month(now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let now = jiff::Timestamp::from_millisecond(now.as_millis()).ok()?;
    let date = Offset::UTC.to_datetime(now).date();
    let midnight = |date: jiff::civil::Date| {
        let time = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
        Some(Timestamp::from_millis(time.as_millisecond()))
    };
    Some((midnight(date.first_of_month())?, midnight(date.last_of_month().tomorrow().ok()?)?))
}

impl fmt::Display for BudgetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Turn => "for one answer",
            Self::Session => "for this session",
            Self::UserDay => "for today",
            Self::UserMonth => "for this month",
        })
    }
}

/// What was spent in one respect: what calls used, and what those may use that have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Tokens.
    pub tokens: u64,
    /// Billionths of a dollar.
    pub nanodollars: u64,
}

/// The most that a call can use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CallEstimate {
    /// Tokens of its prompt.
    pub input_tokens: u64,
    /// Tokens of its reply.
    pub max_output_tokens: u64,
    /// Dollars per million tokens read and written, where they have a price.
    pub usd_per_million: Option<(f64, f64)>,
}

impl CallEstimate {
    /// What counts for it until it has ended.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let usage = Usage {
            input_tokens: self.input_tokens,
            output_tokens: self.max_output_tokens,
            cost_usd: None,
            estimated: true,
        };
        usage.priced(self.usd_per_million)
    }
}

/// Dollars as billionths, rounded up: whole numbers add up to the same in any order. A token of the cheapest models costs
/// tens of them.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is below 0 is 0, and no sum comes near the other end"
)]
pub fn nanodollars(usd: f64) -> u64 {
    // A thousandth of one is an error of floating point, not a part of a price.
    (usd * 1e9 - 1e-3).ceil().max(0.0) as u64
}

impl Budgets {
    /// What may be spent in this respect.
    #[must_use]
    pub const fn of(&self, scope: BudgetScope) -> Allowance {
        match scope {
            BudgetScope::Turn => self.turn,
            BudgetScope::Session => self.session,
            BudgetScope::UserDay => self.user_day,
            BudgetScope::UserMonth => self.user_month,
        }
    }

    /// Those in which something is limited.
    pub fn limited(&self) -> impl Iterator<Item = (BudgetScope, Allowance)> + '_ {
        let all = BudgetScope::ALL.into_iter().map(|scope| (scope, self.of(scope)));
        all.filter(|(_, allowance)| !allowance.is_unlimited())
    }

    /// Whether anything is limited.
    #[must_use]
    pub fn any(&self) -> bool {
        self.limited().next().is_some()
    }

    /// The call as it may be made: with a shorter reply where there is no room for all of it. `spent` is what was spent in
    /// each respect that applies to it.
    ///
    /// # Errors
    /// `budget_exceeded` where not even a short reply fits: which budget, what of it is used, and when it begins anew.
    pub fn admit(
        &self,
        call: CallEstimate,
        spent: &[(BudgetScope, Spent)],
        now: Timestamp,
    ) -> Result<CallEstimate> {
        let mut admitted = call;
        let shortest = call.max_output_tokens.min(MIN_OUTPUT_TOKENS);
        for (scope, spent) in spent {
            let allowance = self.of(*scope);
            let room = Room { allowance, spent: *spent, call };
            match room.output_tokens() {
                Some(tokens) if tokens >= shortest => {
                    admitted.max_output_tokens = admitted.max_output_tokens.min(tokens);
                }
                _ => return Err(exceeded(*scope, (allowance, *spent), now)),
            }
        }
        Ok(admitted)
    }
}

/// What is left for a call.
struct Room {
    allowance: Allowance,
    spent: Spent,
    call: CallEstimate,
}

impl Room {
    /// Tokens that the reply may have; `None` where not even the prompt fits.
    fn output_tokens(&self) -> Option<u64> {
        Some(self.by_tokens()?.min(self.by_money()?))
    }

    fn by_tokens(&self) -> Option<u64> {
        let Some(limit) = self.allowance.tokens else { return Some(u64::MAX) };
        limit.checked_sub(self.spent.tokens)?.checked_sub(self.call.input_tokens)
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "amounts are positive and far below 2^52 billionths"
    )]
    fn by_money(&self) -> Option<u64> {
        let limit = self.allowance.usd.zip(self.call.usd_per_million);
        let Some((limit, (read, written))) = limit else { return Some(u64::MAX) };
        // A dollar for a million tokens is a thousand billionths for one.
        let prompt = nanodollars(self.call.input_tokens as f64 * read / 1e6);
        let left = whole_nanodollars(limit).checked_sub(self.spent.nanodollars)?;
        let left = left.checked_sub(prompt)?;
        if written <= 0.0 {
            return Some(u64::MAX);
        }
        Some((left as f64 / (written * 1e3)).floor() as u64)
    }
}

/// A limit, rounded to the nearest: it is written with a few digits.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a limit is checked to be positive, and no limit comes near the other end"
)]
fn whole_nanodollars(usd: f64) -> u64 {
    (usd * 1e9).round().max(0.0) as u64
}

fn exceeded(scope: BudgetScope, (allowance, spent): (Allowance, Spent), now: Timestamp) -> Error {
    #[allow(clippy::cast_precision_loss, reason = "amounts are far below 2^52 billionths")]
    let used_usd = spent.nanodollars as f64 / 1e9;
    let limit = match (allowance.tokens, allowance.usd) {
        (Some(tokens), None) => format!("{} of {tokens} tokens", spent.tokens),
        (None, Some(usd)) => format!("{used_usd:.4} of {usd} dollars"),
        (Some(tokens), Some(usd)) => {
            format!("{} of {tokens} tokens and {used_usd:.4} of {usd} dollars", spent.tokens)
        }
        (None, None) => String::from("all of it"),
    };
    let period = scope.period(now);
    let what_to_do = match (scope, period) {
        (_, Some((_, end))) => format!("It begins anew at {end}."),
        (BudgetScope::Session, None) => String::from("Begin another session."),
        (_, None) => String::from("Ask for less at a time."),
    };
    let message = format!(
        "The budget {scope} has no room for this: {limit} are used or set aside. {what_to_do}"
    );
    let error = Error::new(ErrorKind::BudgetExceeded, message).with_operation("ledger.reserve");
    match period {
        Some((_, end)) => {
            let millis = end.as_millis().saturating_sub(now.as_millis());
            error.with_retry_after(Duration::from_millis(u64::try_from(millis).unwrap_or_default()))
        }
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-30T23:00:00Z.
    const EVENING: Timestamp = Timestamp::from_millis(1_796_079_600_000);

    fn call(input_tokens: u64, max_output_tokens: u64) -> CallEstimate {
        CallEstimate { input_tokens, max_output_tokens, usd_per_million: Some((2.0, 8.0)) }
    }

    fn of_a_day(tokens: Option<u64>, usd: Option<f64>) -> Budgets {
        Budgets { user_day: Allowance { tokens, usd }, ..Budgets::default() }
    }

    #[test]
    fn days_and_months_begin_at_midnight_in_utc() {
        assert_eq!(EVENING.to_string(), "2026-11-30T23:00:00.000Z");
        let shown =
            |scope: BudgetScope| scope.period(EVENING).map(|(begin, end)| format!("{begin} {end}"));
        let day = "2026-11-30T00:00:00.000Z 2026-12-01T00:00:00.000Z";
        assert_eq!(shown(BudgetScope::UserDay).as_deref(), Some(day));
        let month = "2026-11-01T00:00:00.000Z 2026-12-01T00:00:00.000Z";
        assert_eq!(shown(BudgetScope::UserMonth).as_deref(), Some(month));
        assert_eq!(BudgetScope::Turn.period(EVENING), None);
    }

    #[test]
    fn a_reply_is_cut_to_what_is_left_and_refused_below_the_least() {
        let admit = |spent: u64| {
            let spent = Spent { tokens: spent, nanodollars: 0 };
            let budgets = of_a_day(Some(2_000), None);
            let admitted =
                budgets.admit(call(100, 1_000), &[(BudgetScope::UserDay, spent)], EVENING);
            admitted.map(|call| call.max_output_tokens).map_err(|error| error.kind())
        };
        assert_eq!(admit(0), Ok(1_000));
        assert_eq!(admit(1_400), Ok(500));
        assert_eq!(admit(2_000 - 100 - MIN_OUTPUT_TOKENS), Ok(MIN_OUTPUT_TOKENS));
        assert_eq!(admit(2_000 - 100 - MIN_OUTPUT_TOKENS + 1), Err(ErrorKind::BudgetExceeded));
        assert_eq!(admit(5_000), Err(ErrorKind::BudgetExceeded));
    }

    #[test]
    fn a_refusal_says_which_budget_how_much_and_until_when() {
        let spent = Spent { tokens: 1_900, nanodollars: 12_300_000 };
        let budgets = of_a_day(Some(2_000), Some(5.0));
        let refused = budgets.admit(call(500, 10), &[(BudgetScope::UserDay, spent)], EVENING);
        let error = refused.expect_err("it does not fit");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
        for part in ["for today", "1900 of 2000 tokens", "0.0123 of 5", "2026-12-01T00:00:00"] {
            assert!(error.message().contains(part), "{error}");
        }
    }

    #[test]
    fn money_is_counted_where_there_is_a_price() {
        let budgets = of_a_day(None, Some(0.01));
        let nothing = [(BudgetScope::UserDay, Spent::default())];
        let admitted = budgets.admit(call(1_000, 5_000), &nothing, EVENING).unwrap();
        assert_eq!(admitted.max_output_tokens, 1_000);
        let unpriced = CallEstimate { usd_per_million: None, ..call(1_000_000, 5_000) };
        assert_eq!(budgets.admit(unpriced, &nothing, EVENING).unwrap(), unpriced);
    }

    proptest! {
        #[test]
        fn what_is_admitted_never_exceeds_a_budget(
            calls in prop::collection::vec((0_u64..3_000, 1_u64..3_000), 1..60),
            (tokens, cents) in (1_u64..20_000, 1_u32..20),
            price in (0.01_f64..20.0, 0.01_f64..80.0),
        ) {
            let budgets = of_a_day(Some(tokens), Some(f64::from(cents) / 100.0));
            let mut spent = Spent::default();
            for (input, output) in calls {
                let wanted = CallEstimate { usd_per_million: Some(price), ..call(input, output) };
                let so_far = [(BudgetScope::UserDay, spent)];
                if let Ok(admitted) = budgets.admit(wanted, &so_far, EVENING) {
                    let usage = admitted.usage();
                    spent.tokens += usage.tokens();
                    spent.nanodollars += nanodollars(usage.cost_usd.unwrap());
                }
                prop_assert!(spent.tokens <= tokens);
                prop_assert!(spent.nanodollars <= u64::from(cents) * 10_000_000);
            }
        }
    }
}
