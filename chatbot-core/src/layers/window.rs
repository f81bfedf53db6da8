//! Two counts over the last ten seconds.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// What is counted over, in slots of a second. Ten seconds are what Finagle's retry credits live, and hold the 20 calls
/// that a circuit breaker wants to see from two calls a second on.
pub(super) const WINDOW: Duration = Duration::from_secs(10);

/// Counts of two things over the last [`WINDOW`].
#[derive(Debug)]
pub(super) struct Window {
    began: Instant,
    /// The second since `began`, and what was counted in it; oldest first.
    slots: VecDeque<(u64, [u32; 2])>,
}

impl Default for Window {
    fn default() -> Self {
        Self { began: Instant::now(), slots: VecDeque::new() }
    }
}

impl Window {
    pub(super) fn add(&mut self, counts: [u32; 2]) {
        let now = self.now();
        match self.slots.back_mut() {
            Some((second, slot)) if *second == now => {
                slot.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            }
            _ => self.slots.push_back((now, counts)),
        }
        self.forget(now);
    }

    pub(super) fn sums(&mut self) -> [u32; 2] {
        self.forget(self.now());
        let slots = self.slots.iter();
        slots.fold([0, 0], |[a, b], (_, [more_a, more_b])| [a + more_a, b + more_b])
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_secs()
    }

    fn forget(&mut self, now: u64) {
        while self.slots.front().is_some_and(|(second, _)| second + WINDOW.as_secs() <= now) {
            self.slots.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_the_window_is_forgotten() {
        let mut window = Window::default();
        window.add([1, 0]);
        tokio::time::advance(Duration::from_secs(9)).await;
        window.add([1, 2]);
        assert_eq!(window.sums(), [2, 2]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(window.sums(), [1, 2]);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(window.sums(), [0, 0]);
    }
}
