//! How far the work is, for whoever waits: one line that is written over on a terminal, a line now and then in a log.

use std::time::{Duration, Instant};

use super::output::Output;

/// How often a log gets a line: often enough to see that it goes on.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// How often a terminal's line is written anew: more often than anybody reads.
const DRAW_EVERY: Duration = Duration::from_millis(50);

/// Files on their way.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    output: &'a Output,
    began: Instant,
    drawn: Option<Instant>,
    logged: Instant,
    counts: Counts,
}

/// How many of what.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    n_files: usize,
    n_done: usize,
    n_failed: usize,
    n_passages: u64,
}

impl<'a> Progress<'a> {
    pub(super) fn new(output: &'a Output, n_files: usize) -> Self {
        let now = Instant::now();
        let counts = Counts { n_files, ..Counts::default() };
        Self { output, began: now, drawn: None, logged: now, counts }
    }

    /// A file is done, with this many passages, or has failed.
    pub(super) fn done(&mut self, passages: Option<u32>) {
        self.counts.n_done += 1;
        match passages {
            Some(n) => self.counts.n_passages += u64::from(n),
            None => self.counts.n_failed += 1,
        }
        let now = Instant::now();
        let is_last = self.counts.n_done == self.counts.n_files;
        if is_last || self.drawn.is_none_or(|drawn| now - drawn >= DRAW_EVERY) {
            self.drawn = Some(now);
            self.output.progress(&self.counts.line(now - self.began));
        }
        if now - self.logged >= LOG_EVERY {
            self.logged = now;
            self.output.sign_of_life(&self.counts.line(now - self.began));
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.output.clear_progress();
    }
}

impl Counts {
    fn line(&self, elapsed: Duration) -> String {
        let Self { n_files, n_done, n_failed, n_passages } = *self;
        let mut line = format!("{n_done} of {n_files} files, {n_passages} passages");
        if n_failed > 0 {
            line.push_str(&format!(", {n_failed} failed"));
        }
        let seconds = elapsed.as_secs_f64();
        if let Some(rate) = rate(seconds, n_done) {
            line.push_str(&format!(", {rate}"));
        }
        let n_left = n_files.saturating_sub(n_done);
        if let Some(left) = left(seconds, n_done as u64, n_left as u64) {
            line.push_str(&format!(", about {left} left"));
        }
        line
    }
}

/// Files a second, or a minute where they are slow.
#[allow(clippy::cast_precision_loss, reason = "an estimate, shown to a person")]
fn rate(seconds: f64, n_done: usize) -> Option<String> {
    let rate = n_done as f64 / seconds;
    // The first moment says nothing.
    (seconds >= 1.0 && n_done > 0).then(|| {
        if rate >= 1.0 {
            format!("{rate:.0} a second")
        } else {
            format!("{:.0} a minute", rate * 60.0)
        }
    })
}

/// How long the rest will take, at the rate so far.
#[allow(clippy::cast_precision_loss, reason = "an estimate, shown to a person")]
pub(super) fn left(seconds: f64, n_done: u64, n_left: u64) -> Option<String> {
    if n_done == 0 || n_left == 0 {
        return None;
    }
    let left = (seconds / n_done as f64 * n_left as f64).ceil();
    Some(if left < 90.0 { format!("{left} s") } else { format!("{} min", (left / 60.0).ceil()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_rate() {
        assert_eq!(left(10.0, 0, 5), None);
        assert_eq!(left(10.0, 5, 0), None);
        assert_eq!(left(10.0, 100, 200).as_deref(), Some("20 s"));
        assert_eq!(left(10.0, 10, 600).as_deref(), Some("10 min"));
    }

    #[test]
    fn the_line_says_how_far_it_is() {
        let counts = Counts { n_files: 340, n_done: 40, n_failed: 0, n_passages: 1234 };
        let line = counts.line(Duration::from_secs(10));
        assert_eq!(line, "40 of 340 files, 1234 passages, 4 a second, about 75 s left");
        let counts = Counts { n_done: 340, n_failed: 2, ..counts };
        let line = counts.line(Duration::from_secs(3400));
        assert_eq!(line, "340 of 340 files, 1234 passages, 2 failed, 6 a minute");
        let counts = Counts { n_done: 0, ..counts };
        assert_eq!(counts.line(Duration::ZERO), "0 of 340 files, 1234 passages, 2 failed");
    }
}
