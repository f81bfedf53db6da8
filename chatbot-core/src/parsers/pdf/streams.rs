//! Unpacks content streams within the budget.

use std::borrow::Cow;

use hayro_syntax::object::{Array, Dict, Object, Stream};
use hayro_syntax::page::Page;

use crate::error::Result;
use crate::parsers::watch::{Watch, unpacks_too_far};

/// The most a filter makes of one byte: DEFLATE's bound is 1,032, LZW's lies above a thousand.
const MAX_RATIO: u64 = 1100;
/// One page's instructions: the densest drawings stay below.
const MAX_CONTENT_BYTES: u64 = 128 << 20;

/// What a stream unpacks to; `None` where it is damaged.
pub(super) fn unpack<'a>(stream: &Stream<'a>, watch: &Watch<'_>) -> Result<Option<Cow<'a, [u8]>>> {
    watch.check()?;
    let allowed = watch.unpack_budget().min(MAX_CONTENT_BYTES);
    if could_exceed(stream, allowed) && measures_above(stream, allowed) {
        return Err(unpacks_too_far());
    }
    let Ok(data) = stream.decoded_data() else { return Ok(None) };
    watch.unpacked(u64::try_from(data.len()).unwrap_or(u64::MAX))?;
    Ok(Some(data))
}

fn could_exceed(stream: &Stream<'_>, allowed: u64) -> bool {
    let raw = u64::try_from(stream.raw_data().len()).unwrap_or(u64::MAX);
    let filters = u32::try_from(stream.filters().len()).unwrap_or(u32::MAX);
    raw.saturating_mul(MAX_RATIO.saturating_pow(filters)) > allowed
}

/// Whether the stream unpacks to more than allowed, found out without keeping what comes out.
fn measures_above(stream: &Stream<'_>, allowed: u64) -> bool {
    use hayro_syntax::Filter;
    use std::io::Read as _;
    let filters = stream.filters();
    let flate_only = filters.iter().all(|filter| matches!(filter, Filter::FlateDecode));
    if !flate_only {
        // Two other filters on top of one another have no use; a single one is bounded by the file's own size.
        return filters.len() > 1;
    }
    let raw = stream.raw_data();
    let mut source: Box<dyn std::io::Read> = Box::new(raw.as_ref());
    for _ in &filters {
        source = Box::new(flate2::read::ZlibDecoder::new(source));
    }
    let mut taken = source.take(allowed.saturating_add(1));
    let mut step = [0; 1 << 14];
    let mut total: u64 = 0;
    while let Ok(n) = taken.read(&mut step) {
        if n == 0 {
            break;
        }
        total += n as u64;
    }
    total > allowed
}

/// The instructions of a page, with whether a part of them was damaged.
pub(super) fn page_content(page: &Page<'_>, watch: &Watch<'_>) -> Result<(Vec<u8>, bool)> {
    let mut content = Vec::new();
    let mut damaged = false;
    for stream in content_streams(page.raw()) {
        match unpack(&stream, watch)? {
            Some(part) => {
                content.extend_from_slice(&part);
                content.push(b'\n');
            }
            None => damaged = true,
        }
        if content.len() as u64 > MAX_CONTENT_BYTES {
            return Err(unpacks_too_far());
        }
    }
    Ok((content, damaged))
}

fn content_streams<'a>(page: &Dict<'a>) -> Vec<Stream<'a>> {
    match page.get::<Object<'a>>(b"Contents") {
        Some(Object::Stream(stream)) => vec![stream],
        Some(Object::Array(array)) => streams_of(&array),
        _ => Vec::new(),
    }
}

fn streams_of<'a>(array: &Array<'a>) -> Vec<Stream<'a>> {
    array.iter::<Stream<'a>>().collect()
}
