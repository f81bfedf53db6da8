//! Unpacks content streams within the budget.
#![allow(clippy::wildcard_enum_match_arm, reason = "of the many filters a few matter")]

use std::borrow::Cow;
use std::io::Read;

use hayro_syntax::Filter;
use hayro_syntax::object::{Array, Dict, Object, Stream};
use hayro_syntax::page::Page;

use crate::error::Result;
use crate::parsers::watch::{Watch, unpacks_too_far};

/// The most a filter makes of one byte: DEFLATE's bound is 1,032, LZW's lies above a thousand.
const MAX_RATIO: u64 = 1100;
/// One page's instructions: the densest drawings stay below.
const MAX_CONTENT_BYTES: u64 = 128 << 20;
/// What is unpacked without being measured first.
const MAX_OLD_FILTER_BYTES: usize = 256 << 10;

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

/// The most that could come out, by the filters alone.
fn could_exceed(stream: &Stream<'_>, allowed: u64) -> bool {
    let raw = u64::try_from(stream.raw_data().len()).unwrap_or(u64::MAX);
    let most = stream.filters().iter().fold(raw, |len, filter| match filter {
        Filter::FlateDecode | Filter::LzwDecode | Filter::RunLengthDecode => {
            len.saturating_mul(MAX_RATIO)
        }
        _ => len,
    });
    most > allowed
}

/// Whether the stream unpacks to more than allowed, found out without keeping what comes out.
fn measures_above(stream: &Stream<'_>, allowed: u64) -> bool {
    let raw = stream.raw_data();
    let filters = stream.filters();
    let (text_filters, packed): (Vec<&Filter>, Vec<&Filter>) = filters
        .iter()
        .partition(|filter| matches!(filter, Filter::Ascii85Decode | Filter::AsciiHexDecode));
    if !packed.iter().all(|filter| matches!(filter, Filter::FlateDecode)) {
        // Filters of the last century: a page of theirs is small, and one of them on top of another has no use.
        return packed.len() > 1 || raw.len() > MAX_OLD_FILTER_BYTES;
    }
    let plain = text_filters
        .iter()
        .fold(raw, |data, filter| Cow::Owned(without_text_filter(&data, filter)));
    let mut source: Box<dyn Read> = Box::new(plain.as_ref());
    for _ in &packed {
        source = Box::new(flate2::read::ZlibDecoder::new(source));
    }
    let mut step = [0; 1 << 14];
    let mut total: u64 = 0;
    while let Ok(n @ 1..) = source.read(&mut step) {
        total = total.saturating_add(u64::try_from(n).unwrap_or(u64::MAX));
        if total > allowed {
            return true;
        }
    }
    false
}

/// The bytes that a filter wrote as text.
fn without_text_filter(data: &[u8], filter: &Filter) -> Vec<u8> {
    let digits =
        data.iter().filter(|b| !b.is_ascii_whitespace()).take_while(|b| !b"~>".contains(b));
    let (base, width) = match filter {
        Filter::Ascii85Decode => (85_u32, 5),
        _ => (16, 2),
    };
    let value = |b: u8| match filter {
        Filter::Ascii85Decode => u32::from(b.wrapping_sub(b'!')),
        _ => char::from(b).to_digit(16).unwrap_or(0),
    };
    let mut out = Vec::with_capacity(data.len());
    let mut group: Vec<u32> = Vec::with_capacity(width);
    let write = |group: &[u32], out: &mut Vec<u8>| {
        let filled = group.iter().copied().chain(std::iter::repeat(base - 1)).take(width);
        let number = filled.fold(0_u32, |n, digit| n.wrapping_mul(base).wrapping_add(digit));
        let n_bytes = if width == 5 { group.len().saturating_sub(1) } else { 1 };
        let from = if width == 5 { 0 } else { 3 };
        out.extend(number.to_be_bytes().iter().skip(from).take(n_bytes));
    };
    for &digit in digits {
        if digit == b'z' && width == 5 {
            out.extend([0; 4]);
            continue;
        }
        group.push(value(digit));
        if group.len() == width {
            write(&group, &mut out);
            group.clear();
        }
    }
    if !group.is_empty() {
        write(&group, &mut out);
    }
    out
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
