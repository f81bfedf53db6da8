//! The drill that kills: one life after the other, or several side by side.

use chatbot_benches::chance::Chance;
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::life::{self, Options};
use crate::report::Report;

/// Kills of one data directory, so that a seed that fails is played again in less than a minute.
pub const KILLS_PER_LIFE: u64 = 25;

/// Kills servers `n_kills` times in all, `n_jobs` of them side by side, and tells `progress` after each life.
pub async fn run(
    options: &Options,
    (seed, n_kills, n_jobs): (u64, u64, usize),
    mut progress: impl FnMut(&Report),
) -> Report {
    let mut chance = Chance::new(seed);
    let mut lives = Vec::new();
    let mut n_left = n_kills;
    while n_left > 0 {
        let n = n_left.min(KILLS_PER_LIFE);
        // The first life has the seed itself, so that a seed that failed is played again by giving it.
        let own = if lives.is_empty() { seed } else { chance.any() };
        lives.push((own, n));
        n_left -= n;
    }
    let mut reports = stream::iter(lives)
        .map(|(seed, n)| life::run(options, seed, n))
        .buffer_unordered(n_jobs.max(1));
    let mut all = Report::default();
    while let Some(report) = reports.next().await {
        all.add(report);
        progress(&all);
    }
    all
}
