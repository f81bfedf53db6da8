//! The names inside a zip container, read from its directory without unpacking anything.

const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const ENTRY_SIGNATURE: &[u8] = b"PK\x01\x02";
/// The end record is 22 bytes and a comment of up to 64 KiB.
const MAX_END_LEN: usize = 22 + 0xFFFF;

/// The names of the first `max` entries of a zip container; none where it has no readable directory.
pub(super) fn zip_names(bytes: &[u8], max: usize) -> Vec<&[u8]> {
    let mut names = Vec::new();
    let Some(mut at) = directory_start(bytes) else { return names };
    while names.len() < max {
        let Some((name, next)) = entry(bytes, at) else { break };
        names.push(name);
        at = next;
    }
    names
}

fn directory_start(bytes: &[u8]) -> Option<usize> {
    let from = bytes.len().saturating_sub(MAX_END_LEN);
    let tail = bytes.get(from..)?;
    let at = from + tail.windows(END_SIGNATURE.len()).rposition(|w| w == END_SIGNATURE)?;
    usize::try_from(u32_at(bytes, at + 16)?).ok()
}

fn entry(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    if bytes.get(at..at.checked_add(4)?)? != ENTRY_SIGNATURE {
        return None;
    }
    let (name, extra, comment) =
        (u16_at(bytes, at + 28)?, u16_at(bytes, at + 30)?, u16_at(bytes, at + 32)?);
    let start = at + 46;
    Some((bytes.get(start..start + name)?, start + name + extra + comment))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(usize::from(u16::from_le_bytes(two.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}
