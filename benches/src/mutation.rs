//! Inputs that nobody would write: seeds with pieces changed, repeated, lost, or taken from another seed. The same seed of chance
//! makes the same inputs. Coverage is not followed: that needs a compiler of its own.

use std::io::{Cursor, Read as _, Write as _};

use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::chance::Chance;

/// Mutations of one input.
const MAX_MUTATIONS: usize = 8;
/// Bytes that are moved, repeated or taken from another seed at a time.
const MAX_PIECE_BYTES: usize = 256;
/// Bytes of a file in a container: larger ones make slow runs, and find no more.
const MAX_ENTRY_BYTES: u64 = 1 << 20;
/// Numbers at which sizes overflow, as they stand in files, and signs that end or begin something.
const EDGES: &[&[u8]] = &[
    b"\0\0\0\0",
    b"\xFF\xFF\xFF\xFF",
    b"\x7F\xFF\xFF\xFF",
    b"\xFF\xFF\xFF\x7F",
    b"\0\0\0\x80",
    b"-1",
    b"4294967296",
    b"99999999999999999999",
    b"1e309",
    b"\xEF\xBB\xBF",
    b"\xED\xA0\x80",
    b"<![CDATA[",
    b"]]>",
    b"&#x110000;",
    b"{{{{",
    b"\r\n\r\n",
];

/// A file that inputs are made of.
#[derive(Debug, Clone)]
pub struct Seed {
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Makes inputs.
#[derive(Debug, Clone)]
pub struct Mutator {
    /// What else has to be chosen by chance.
    pub chance: Chance,
    seeds: Vec<Seed>,
}

impl Mutator {
    /// Makes inputs of these seeds.
    #[must_use]
    pub const fn new(chance: Chance, seeds: Vec<Seed>) -> Self {
        Self { chance, seeds }
    }

    /// The next input, under the name of the seed that it was made of; `None` where there are no seeds. Files in zip containers
    /// are mutated inside of them three times in four, so that what is tested is more than a checksum.
    pub fn next_input(&mut self) -> Option<Seed> {
        let Seed { name, bytes: seed } = self.chance.one_of(&self.seeds).cloned()?;
        let inside = if self.chance.once_in(4) { None } else { self.inside_of_zip(&seed) };
        let bytes = inside.unwrap_or_else(|| self.mutated(seed));
        Some(Seed { name, bytes })
    }

    fn mutated(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..self.chance.between(1, MAX_MUTATIONS) {
            self.mutate(&mut bytes);
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.chance.below(bytes.len() + 1);
        let len = self.chance.between(1, MAX_PIECE_BYTES).min(bytes.len() - at);
        match self.chance.below(7) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (self.chance.any() % 8);
                }
            }
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..at + len)),
            3 => {
                let piece = bytes.get(at..at + len).unwrap_or_default();
                let piece = piece.repeat(self.chance.between(1, 20));
                bytes.splice(at..at, piece);
            }
            4 => {
                let edge = self.chance.one_of(EDGES).copied().unwrap_or_default();
                let end = (at + edge.len()).min(bytes.len());
                bytes.splice(at..end, edge.iter().copied());
            }
            5 => {
                let piece = self.piece_of_another();
                bytes.splice(at..at, piece);
            }
            _ => {
                for byte in bytes.iter_mut().skip(at).take(len) {
                    *byte = u8::try_from(self.chance.any() % 256).unwrap_or_default();
                }
            }
        }
    }

    fn piece_of_another(&mut self) -> Vec<u8> {
        let n_seeds = self.seeds.len();
        let Some(other) = self.seeds.get(self.chance.below(n_seeds)) else { return Vec::new() };
        let from = self.chance.below(other.bytes.len() + 1);
        let to = (from + MAX_PIECE_BYTES).min(other.bytes.len());
        other.bytes.get(from..to).unwrap_or_default().to_vec()
    }

    /// A zip container with one of its files mutated; `None` for everything else.
    fn inside_of_zip(&mut self, seed: &[u8]) -> Option<Vec<u8>> {
        if !seed.starts_with(b"PK") {
            return None;
        }
        let mut archive = ZipArchive::new(Cursor::new(seed)).ok()?;
        let chosen = self.chance.below(archive.len());
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for n in 0..archive.len() {
            let mut entry = archive.by_index(n).ok()?;
            let name = entry.name().ok()?.into_owned();
            let mut bytes = Vec::new();
            entry.by_ref().take(MAX_ENTRY_BYTES).read_to_end(&mut bytes).ok()?;
            let bytes = if n == chosen { self.mutated(bytes) } else { bytes };
            writer.start_file(name, SimpleFileOptions::default()).ok()?;
            writer.write_all(&bytes).ok()?;
        }
        Some(writer.finish().ok()?.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_chance_makes_the_same_inputs_and_they_differ_from_their_seeds() {
        let seed = Seed { name: "a.txt".to_owned(), bytes: b"one two three four five".repeat(20) };
        let inputs = |chance| {
            let mut mutator = Mutator::new(Chance::new(chance), vec![seed.clone()]);
            (0..50).filter_map(|_| mutator.next_input()).map(|one| one.bytes).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        let n_changed = inputs(1).iter().filter(|bytes| **bytes != seed.bytes).count();
        assert!(n_changed > 45, "{n_changed} of 50");
        assert!(Mutator::new(Chance::new(1), Vec::new()).next_input().is_none());
    }
}
