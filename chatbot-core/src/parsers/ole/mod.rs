//! Compound files: the small file system in which old Office documents keep their streams.
//!
//! Chains of sectors are followed for as many steps as the file has sectors, and no stream is longer than the file, so
//! that chains in circles and sizes that lie cost no more than the file itself.
//!
//! Source: [MS-CFB].

mod bytes;
mod summary;

use crate::error::Result;

use super::registry::corrupt;
use super::watch::Watch;

pub(super) use bytes::{u8_at, u16_at, u32_at};

const SIGNATURE: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
/// The last numbers of sectors have other meanings: end of a chain, free, and the like.
const MAX_SECTOR: u32 = 0xFFFF_FFFA;
/// Where the header lists the first sectors of the allocation table, and how many it lists.
const FIRST_LIST_AT: usize = 76;
const FIRST_LIST_LEN: usize = 109;
const ENTRY_BYTES: usize = 128;
/// A storage with more entries than this is none of an Office document.
const MAX_ENTRIES: usize = 10_000;
const STREAM: u8 = 2;
const NO_ENTRY: u32 = 0xFFFF_FFFF;

/// An open compound file.
#[derive(Debug)]
pub(super) struct Ole<'a> {
    bytes: &'a [u8],
    watch: &'a Watch<'a>,
    sector_bytes: usize,
    mini_bytes: usize,
    /// Streams shorter than this are kept in pieces of `mini_bytes`.
    mini_below: usize,
    table: Vec<u32>,
    mini_table: Vec<u32>,
    directory: Vec<u8>,
}

impl<'a> Ole<'a> {
    pub(super) fn open(bytes: &'a [u8], watch: &'a Watch<'a>) -> Result<Self> {
        Self::read(bytes, watch).ok_or_else(|| {
            corrupt("The document is damaged or incomplete. Save it again and add the new file.")
        })
    }

    fn read(bytes: &'a [u8], watch: &'a Watch<'a>) -> Option<Self> {
        if !bytes.starts_with(SIGNATURE) {
            return None;
        }
        let size = |at| 1usize.checked_shl(u32::from(u16_at(bytes, at)?)).filter(|n| *n <= 1 << 16);
        let mut file = Self {
            bytes,
            watch,
            sector_bytes: size(30).filter(|n| *n >= 128)?,
            mini_bytes: size(32)?,
            mini_below: usize::try_from(u32_at(bytes, 56)?).ok()?,
            table: Vec::new(),
            mini_table: Vec::new(),
            directory: Vec::new(),
        };
        file.table = file.allocation_table()?;
        file.directory = file.chain(u32_at(bytes, 48)?);
        let mini_table = file.chain(u32_at(bytes, 60)?);
        file.mini_table = words(&mini_table).collect();
        Some(file)
    }

    /// The stream called `name` at the root; `None` where there is none.
    pub(super) fn stream(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.watch.check()?;
        let Some(entry) = self.find(name) else { return Ok(None) };
        let start = u32_at(entry, 116).unwrap_or(NO_ENTRY);
        let len = u32_at(entry, 120).and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
        let mut bytes =
            if len < self.mini_below { self.mini_chain(start) } else { self.chain(start) };
        bytes.truncate(len);
        self.watch.unpacked(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
        Ok(Some(bytes))
    }

    /// The sectors that hold the allocation table are listed in the header, and further ones in sectors of their own.
    fn allocation_table(&self) -> Option<Vec<u32>> {
        let listed = self.bytes.get(FIRST_LIST_AT..FIRST_LIST_AT + 4 * FIRST_LIST_LEN)?;
        let mut sectors: Vec<u32> = words(listed).collect();
        let mut next = u32_at(self.bytes, 68)?;
        for _ in 0..self.n_sectors() {
            let Some(list) = self.sector(next) else { break };
            let mut list: Vec<u32> = words(list).collect();
            next = list.pop()?;
            sectors.extend(list);
        }
        sectors.truncate(self.n_sectors());
        let used = sectors.into_iter().filter_map(|sector| self.sector(sector));
        Some(used.flat_map(words).take(self.n_sectors()).collect())
    }

    fn n_sectors(&self) -> usize {
        self.bytes.len().div_ceil(self.sector_bytes)
    }

    fn sector(&self, number: u32) -> Option<&'a [u8]> {
        let number = usize::try_from(number).ok().filter(|_| number < MAX_SECTOR)?;
        let start = number.checked_add(1)?.checked_mul(self.sector_bytes)?;
        // The last one may be cut off.
        let end = start.checked_add(self.sector_bytes)?.min(self.bytes.len());
        self.bytes.get(start..end)
    }

    fn chain(&self, start: u32) -> Vec<u8> {
        let numbers = follow(&self.table, start).take(self.n_sectors());
        numbers.map_while(|number| self.sector(number)).flatten().copied().collect()
    }

    fn mini_chain(&self, start: u32) -> Vec<u8> {
        let root = self.directory.get(..ENTRY_BYTES).and_then(|root| u32_at(root, 116));
        let pool = self.chain(root.unwrap_or(NO_ENTRY));
        let piece = |number: u32| {
            let start = usize::try_from(number).ok()?.checked_mul(self.mini_bytes)?;
            pool.get(start..start.checked_add(self.mini_bytes)?.min(pool.len()))
        };
        let numbers = follow(&self.mini_table, start).take(pool.len().div_ceil(self.mini_bytes));
        numbers.map_while(piece).flatten().copied().collect()
    }

    /// The directory's entry for a stream at the root. What lies deeper belongs to documents inside the document.
    fn find(&self, name: &str) -> Option<&[u8]> {
        let wanted: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let entry = |number: u32| -> Option<&[u8]> {
            let start = usize::try_from(number).ok()?.checked_mul(ENTRY_BYTES)?;
            self.directory.get(start..start.checked_add(ENTRY_BYTES)?)
        };
        let mut open = vec![u32_at(entry(0)?, 76)?];
        for _ in 0..MAX_ENTRIES {
            let Some(found) = entry(open.pop()?) else { continue };
            let len = usize::from(u16_at(found, 64)?).saturating_sub(2);
            if u8_at(found, 66) == Some(STREAM) && found.get(..len) == Some(wanted.as_slice()) {
                return Some(found);
            }
            open.extend([u32_at(found, 68)?, u32_at(found, 72)?]);
        }
        None
    }
}

/// The numbers of a chain.
fn follow(table: &[u32], start: u32) -> impl Iterator<Item = u32> {
    let next = |number: &u32| usize::try_from(*number).ok().and_then(|at| table.get(at)).copied();
    std::iter::successors(Some(start), next).take_while(|number| *number < MAX_SECTOR)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).filter_map(|four| u32_at(four, 0))
}
