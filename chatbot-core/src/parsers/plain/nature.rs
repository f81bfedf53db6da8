//! Whether bytes are text at all.

use super::decode::wide_encoding;

/// What is looked at.
const SAMPLE_BYTES: usize = 1 << 16;
/// Texts with more control characters than one in this many are not texts. Logs with stray bytes stay far below it,
/// programs and pictures lie far above it.
const TEXT_PER_CONTROL: usize = 50;
/// The same where everything else is valid UTF-8, which no other format is by chance.
const UTF8_PER_CONTROL: usize = 4;

/// What bytes look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::parsers) enum Nature {
    /// Text in an encoding that can be read.
    Text,
    /// Text in a mainframe's encoding.
    Ebcdic,
    /// No text.
    Binary,
}

/// What `bytes` look like.
pub(in crate::parsers) fn nature(bytes: &[u8]) -> Nature {
    let sample = bytes.get(..SAMPLE_BYTES.min(bytes.len())).unwrap_or_default();
    if wide_encoding(sample).is_some() {
        return Nature::Text;
    }
    if is_ebcdic(sample) {
        return Nature::Ebcdic;
    }
    let control = |b: &&u8| b.is_ascii_control() && !b"\t\n\r\x0C\x1B\x08\x07".contains(b);
    let controls = sample.iter().filter(control).count();
    let clean = !sample.contains(&0) && sample.utf8_chunks().all(|chunk| chunk.invalid().len() < 2);
    let per_control = if clean { UTF8_PER_CONTROL } else { TEXT_PER_CONTROL };
    if controls > 1 + sample.len() / per_control { Nature::Binary } else { Nature::Text }
}

/// EBCDIC writes a space as `@` and most letters above 0x80; a text in ASCII does neither.
fn is_ebcdic(sample: &[u8]) -> bool {
    let count = |wanted: &dyn Fn(u8) -> bool| sample.iter().filter(|b| wanted(**b)).count();
    let spaces = count(&|b| b == 0x40);
    let letters = count(&|b| matches!(b, 0x81..=0x89 | 0x91..=0x99 | 0xA2..=0xA9 | 0xC1..=0xC9));
    let ascii_spaces = count(&|b| b == b' ' || b == b'\n');
    spaces * 20 > sample.len() && letters * 3 > sample.len() && ascii_spaces * 50 < sample.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_control_bytes_do_not_make_a_text_binary() {
        let text = "A line of a log.\n".repeat(20) + "\0";
        assert_eq!(nature(text.as_bytes()), Nature::Text);
        let program: Vec<u8> = (0..=255).cycle().take(4096).collect();
        assert_eq!(nature(&program), Nature::Binary);
    }

    #[test]
    fn ebcdic_is_named() {
        // "the quick brown fox" as a mainframe writes it.
        let words = b"\xa3\x88\x85\x40\x98\xa4\x89\x83\x92\x40\x82\x99\x96\xa6\x95\x40\x86\x96\xa7";
        assert_eq!(nature(&words.repeat(8)), Nature::Ebcdic);
    }
}
