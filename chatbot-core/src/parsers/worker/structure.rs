//! Blocks and pages in few bytes: a text of many short lines has more structure than text.
//!
//! Each is its distance from the one before and its length, as numbers of one byte where they are small, with its kind or
//! its page number in front. Whoever reads them checks everything: they come from a process that a document may rule.

use crate::types::{Block, BlockKind, PageSpan, Span};

/// Kinds without a level; a heading's is this much more than its level.
const HEADING: u64 = 16;

/// The blocks and pages of a document as bytes.
pub(super) fn encode(blocks: &[Block], pages: &[PageSpan]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 * (blocks.len() + pages.len()) + 8);
    put(&mut bytes, blocks.len() as u64);
    let mut end = 0;
    for block in blocks {
        put(&mut bytes, code(block.kind));
        end = put_span(&mut bytes, end, block.span);
    }
    put(&mut bytes, pages.len() as u64);
    let mut end = 0;
    for page in pages {
        put(&mut bytes, u64::from(page.number));
        end = put_span(&mut bytes, end, page.span);
    }
    bytes
}

/// The blocks and pages that the bytes say; `None` where they say none.
pub(super) fn decode(bytes: &[u8]) -> Option<(Vec<Block>, Vec<PageSpan>)> {
    let mut rest = bytes;
    let (mut blocks, mut end) = (Vec::new(), 0);
    for _ in 0..take(&mut rest)? {
        let kind = kind(take(&mut rest)?)?;
        let span = take_span(&mut rest, &mut end)?;
        blocks.push(Block { kind, span });
    }
    let (mut pages, mut end) = (Vec::new(), 0);
    for _ in 0..take(&mut rest)? {
        let number = u32::try_from(take(&mut rest)?).ok()?;
        let span = take_span(&mut rest, &mut end)?;
        pages.push(PageSpan { number, span });
    }
    rest.is_empty().then_some((blocks, pages))
}

const fn code(kind: BlockKind) -> u64 {
    match kind {
        BlockKind::Paragraph => 0,
        BlockKind::ListItem => 1,
        BlockKind::TableRow { header: false } => 2,
        BlockKind::TableRow { header: true } => 3,
        BlockKind::Code => 4,
        BlockKind::Quote => 5,
        BlockKind::Note => 6,
        BlockKind::Heading { level } => HEADING + level as u64,
    }
}

fn kind(code: u64) -> Option<BlockKind> {
    Some(match code {
        0 => BlockKind::Paragraph,
        1 => BlockKind::ListItem,
        2 => BlockKind::TableRow { header: false },
        3 => BlockKind::TableRow { header: true },
        4 => BlockKind::Code,
        5 => BlockKind::Quote,
        6 => BlockKind::Note,
        _ => BlockKind::Heading { level: u8::try_from(code.checked_sub(HEADING)?).ok()? },
    })
}

/// Spans are in order, as every document's are; one that is not would come back as another.
fn put_span(bytes: &mut Vec<u8>, end: usize, span: Span) -> usize {
    put(bytes, span.start.saturating_sub(end) as u64);
    put(bytes, span.end.saturating_sub(span.start) as u64);
    span.end
}

fn take_span(rest: &mut &[u8], end: &mut usize) -> Option<Span> {
    let start = end.checked_add(usize::try_from(take(rest)?).ok()?)?;
    *end = start.checked_add(usize::try_from(take(rest)?).ok()?)?;
    Some(Span::new(start, *end))
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(low_bits(number) | 0x80);
        number >>= 7;
    }
    bytes.push(low_bits(number));
}

const fn low_bits(number: u64) -> u8 {
    (number & 0x7F) as u8
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (first, others) = rest.split_first()?;
        *rest = others;
        number |= u64::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn a_kind() -> impl Strategy<Value = BlockKind> {
        prop_oneof![
            (1..=6_u8).prop_map(|level| BlockKind::Heading { level }),
            any::<bool>().prop_map(|header| BlockKind::TableRow { header }),
            Just(BlockKind::Paragraph),
            Just(BlockKind::ListItem),
            Just(BlockKind::Code),
            Just(BlockKind::Quote),
            Just(BlockKind::Note),
        ]
    }

    fn spans(lengths: Vec<(usize, usize)>) -> Vec<Span> {
        let mut end = 0;
        let next = |(gap, len): (usize, usize)| {
            let start = end + gap;
            end = start + len;
            Span::new(start, end)
        };
        lengths.into_iter().map(next).collect()
    }

    proptest! {
        #[test]
        fn structure_comes_back_as_it_was(
            kinds in prop::collection::vec(a_kind(), 0..40),
            lengths in prop::collection::vec((0..300_usize, 0..70_000_usize), 40),
            n_pages in 0..40_usize,
        ) {
            let spans = spans(lengths);
            let blocks: Vec<Block> =
                kinds.into_iter().zip(&spans).map(|(kind, span)| Block { kind, span: *span }).collect();
            let pages: Vec<PageSpan> =
                (1..).zip(&spans).take(n_pages).map(|(number, span)| PageSpan { number, span: *span }).collect();
            let bytes = encode(&blocks, &pages);
            prop_assert_eq!(decode(&bytes), Some((blocks, pages)));
            prop_assert!(decode(&bytes[..bytes.len() - 1]).is_none());
        }

        #[test]
        fn nonsense_is_refused_or_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            decode(&bytes);
        }
    }

    #[test]
    fn a_number_of_blocks_that_is_a_lie_costs_nothing() {
        assert_eq!(decode(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]), None);
        assert_eq!(decode(&[0x80; 12]), None);
        assert_eq!(decode(&[0, 0, 0]), None, "nothing may follow");
    }
}
