//! Which copy of each slide counts: that of the last save.

use std::collections::HashMap;

use crate::error::Result;
use crate::parsers::ole::{u16_at, u32_at};
use crate::parsers::package::encrypted;

use super::damaged;
use super::records::{PLACES, Record, Records, SAVED};

/// What the stream about the user says where the presentation is encrypted.
const ENCRYPTED: u32 = 0xF3D1_C4DF;
/// Nobody saved more often; a list of saves that is longer goes in circles.
const MAX_SAVES: usize = 10_000;
/// Bits of a number that say whose place it is; those above, how many places follow.
const N_ID_BITS: u32 = 20;

/// Where everything is in the stream.
#[derive(Debug, Default)]
pub(super) struct Saved {
    places: HashMap<u32, usize>,
    /// The number of the record that lists the slides.
    document: u32,
}

impl Saved {
    pub(super) fn read(user: &[u8], stream: &[u8]) -> Result<Self> {
        if u32_at(user, 12) == Some(ENCRYPTED) {
            return Err(encrypted());
        }
        let last = u32_at(user, 16).and_then(|at| usize::try_from(at).ok());
        let mut saved = Self::default();
        last.and_then(|last| saved.follow(stream, last)).ok_or_else(damaged)?;
        Ok(saved)
    }

    /// Where the record with this number is.
    pub(super) fn place(&self, number: u32) -> Option<usize> {
        self.places.get(&number).copied()
    }

    /// The record that lists the slides.
    pub(super) fn document<'s>(&self, stream: &'s [u8]) -> Option<Records<'s>> {
        Some(Records::within(stream, self.place(self.document)?))
    }

    /// Takes the places of each save, the last first: what it says counts.
    fn follow(&mut self, stream: &[u8], last: usize) -> Option<()> {
        let mut next = last;
        for n in 0..MAX_SAVES {
            let save = Records::within(stream, next).next().filter(|save| save.kind == SAVED)?;
            let number = |at| u32_at(save.data, at);
            if n == 0 {
                self.document = number(16)?;
            }
            let places = usize::try_from(number(12)?).ok()?;
            if let Some(Record { kind: PLACES, data, .. }) = Records::within(stream, places).next()
            {
                self.take(data);
            }
            next = usize::try_from(number(8)?).ok()?;
            if next == 0 {
                break;
            }
        }
        Some(())
    }

    fn take(&mut self, mut list: &[u8]) {
        while let Some(head) = u32_at(list, 0) {
            let first = head & ((1 << N_ID_BITS) - 1);
            let n = usize::try_from(head >> N_ID_BITS).unwrap_or(0);
            for (number, at) in (first..).zip((0..n).map(|i| 4 + 4 * i)) {
                let Some(place) = u32_at(list, at).and_then(|at| usize::try_from(at).ok()) else {
                    return;
                };
                self.places.entry(number).or_insert(place);
            }
            list = list.get(4 + 4 * n..).unwrap_or_default();
        }
    }
}

/// The number of 16 bits that a record says its text is listed under.
pub(super) fn reference(record: Record<'_>) -> Option<usize> {
    u16_at(record.data, 0).map(usize::from)
}
