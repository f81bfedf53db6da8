//! The best hits of a search.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::traits::Hit;

/// The best hits so far, the worst of them on top; each with what its finder wants to remember of it.
#[derive(Debug)]
pub(super) struct Best<T = ()> {
    limit: usize,
    heap: BinaryHeap<Ranked<T>>,
}

impl<T> Best<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, heap: BinaryHeap::new() }
    }

    pub(super) fn would_take(&self, score: f32) -> bool {
        self.heap.len() < self.limit || self.heap.peek().is_some_and(|worst| score >= worst.0.score)
    }

    pub(super) fn take(&mut self, hit: Hit, with: T) {
        self.heap.push(Ranked(hit, with));
        if self.heap.len() > self.limit {
            self.heap.pop();
        }
    }

    /// The hits, in the order of a reply.
    pub(super) fn into_hits(self) -> Vec<Hit> {
        self.into_sorted().map(|(hit, _)| hit).collect()
    }

    /// The hits with what is remembered of them, in the order of a reply.
    pub(super) fn into_sorted(self) -> impl Iterator<Item = (Hit, T)> {
        self.heap.into_sorted_vec().into_iter().map(|Ranked(hit, with)| (hit, with))
    }
}

/// Hits in the order of a reply: greater scores first, then smaller ids.
#[derive(Debug)]
struct Ranked<T>(Hit, T);

impl<T> Ord for Ranked<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.score.total_cmp(&self.0.score).then(self.0.chunk.cmp(&other.0.chunk))
    }
}

impl<T> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Ranked<T> {}
