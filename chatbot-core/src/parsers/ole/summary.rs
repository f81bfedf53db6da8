//! What an old Office document says about itself.
//!
//! Source: [MS-OLEPS].

use encoding_rs::{Encoding, UTF_16LE, WINDOWS_1252};
use jiff::Timestamp;

use crate::error::Result;
use crate::parsers::assemble::Facts;
use crate::parsers::code_pages::code_page;

use super::{Ole, u16_at, u32_at};

const STREAM: &str = "\u{5}SummaryInformation";
/// More properties than this are none of a summary.
const MAX_PROPERTIES: usize = 256;
/// Kinds of values: a text in the code page, a text in UTF-16, a moment.
const TEXT: u32 = 0x1E;
const WIDE_TEXT: u32 = 0x1F;
const MOMENT: u32 = 0x40;
/// Moments count steps of 100 ns from the year 1601.
const STEPS_PER_SECOND: u64 = 10_000_000;
const SECONDS_TO_1970: i64 = 11_644_473_600;

impl Ole<'_> {
    /// What the document says about itself.
    pub(in crate::parsers) fn facts(&self) -> Result<Facts> {
        let mut facts = Facts::default();
        let Some(stream) = self.stream(STREAM)? else { return Ok(facts) };
        let start = u32_at(&stream, 44).and_then(|at| usize::try_from(at).ok());
        let Some(section) = start.and_then(|start| stream.get(start..)) else { return Ok(facts) };
        let places: Vec<(u32, usize)> = places(section).collect();
        let page = places.iter().find(|(id, _)| *id == 1);
        let page = page.and_then(|(_, at)| u16_at(section, at + 4));
        let encoding = page.map_or(WINDOWS_1252, |page| code_page(i32::from(page)));
        for (id, at) in places {
            let Some(value) = value(section, at, encoding) else { continue };
            match id {
                2 => facts.offer_title(&value),
                3 => facts.note("subject", &value),
                4 => facts.note("author", &value),
                5 => facts.note("keywords", &value),
                12 => facts.note("created", &value),
                13 => facts.note("modified", &value),
                _ => {}
            }
        }
        Ok(facts)
    }
}

/// The number of each property, and where its value is.
fn places(section: &[u8]) -> impl Iterator<Item = (u32, usize)> {
    let count = u32_at(section, 4).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    (0..count.min(MAX_PROPERTIES)).map_while(move |i| {
        let offset = usize::try_from(u32_at(section, 12 + 8 * i)?).ok()?;
        Some((u32_at(section, 8 + 8 * i)?, offset))
    })
}

fn value(section: &[u8], at: usize, encoding: &'static Encoding) -> Option<String> {
    let rest = section.get(at..)?;
    let kind = u32_at(rest, 0)?;
    if kind == MOMENT {
        let steps = u64::from(u32_at(rest, 4)?) | u64::from(u32_at(rest, 8)?) << 32;
        let seconds = i64::try_from(steps / STEPS_PER_SECOND).ok()? - SECONDS_TO_1970;
        return Timestamp::from_second(seconds).ok().filter(|_| steps > 0).map(|t| t.to_string());
    }
    let len = usize::try_from(u32_at(rest, 4)?).ok()?;
    let (len, encoding) = match kind {
        TEXT => (len, encoding),
        WIDE_TEXT => (len.checked_mul(2)?, UTF_16LE),
        _ => return None,
    };
    let bytes = rest.get(8..8usize.checked_add(len)?)?;
    let text = encoding.decode_without_bom_handling(bytes).0;
    Some(text.trim_end_matches('\0').to_owned())
}
