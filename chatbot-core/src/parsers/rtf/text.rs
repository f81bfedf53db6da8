//! The characters of a document: bytes in the encoding of their font, and numbers of Unicode with something to fall back
//! on for readers that know none.

use super::charsets::Charset;

/// Surrogates: characters beyond 16 bits come in two halves.
const HIGH: std::ops::RangeInclusive<u32> = 0xD800..=0xDBFF;
const LOW: std::ops::RangeInclusive<u32> = 0xDC00..=0xDFFF;
/// A bullet in fonts of signs.
const BULLET: u8 = 0xB7;

/// Characters that are not decoded yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    high: Option<u32>,
    n_fallback: usize,
}

impl Pending {
    /// Takes a byte of text, unless it only stands in for a character that is known already.
    pub(super) fn byte(&mut self, byte: u8) {
        if self.n_fallback > 0 {
            self.n_fallback -= 1;
        } else {
            self.bytes.push(byte);
        }
    }

    /// The character with this number, where it is complete; `n_fallback` characters behind it stand in for it.
    pub(super) fn unicode(&mut self, number: i32, n_fallback: usize) -> Option<char> {
        self.n_fallback = n_fallback;
        // Numbers of 16 bits are written with a sign.
        let code = u32::try_from(if number < 0 { number.checked_add(0x1_0000)? } else { number });
        let code = code.ok()?;
        let high = self.high.take();
        if HIGH.contains(&code) {
            self.high = Some(code);
            return None;
        }
        match high {
            Some(high) if LOW.contains(&code) => {
                char::from_u32(0x1_0000 + ((high - HIGH.start()) << 10) + (code - LOW.start()))
            }
            _ => char::from_u32(code),
        }
    }

    /// Nothing more stands in for the character before.
    pub(super) fn end_fallback(&mut self) {
        self.n_fallback = 0;
    }

    /// The text of the bytes taken so far.
    pub(super) fn take(&mut self, charset: Charset) -> String {
        let bytes = std::mem::take(&mut self.bytes);
        match charset {
            Charset::Encoded(encoding) => {
                encoding.decode_without_bom_handling(&bytes).0.into_owned()
            }
            Charset::Symbol => bytes.iter().filter_map(|byte| symbol(*byte)).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Signs that mean the same in every font of signs.
fn symbol(byte: u8) -> Option<char> {
    match byte {
        BULLET => Some('•'),
        b' ' => Some(' '),
        _ => None,
    }
}

/// The character that a control word or sign stands for.
pub(super) fn named(word: &str) -> Option<char> {
    Some(match word {
        "tab" => '\t',
        "line" | "lbr" | "page" | "column" => '\n',
        "emdash" => '—',
        "endash" => '–',
        "lquote" => '‘',
        "rquote" => '’',
        "ldblquote" => '“',
        "rdblquote" => '”',
        "bullet" => '•',
        "emspace" | "enspace" | "qmspace" | "~" => ' ',
        "_" => '-',
        "nestcell" | "nestrow" => ' ',
        "{" => '{',
        "}" => '}',
        "\\" => '\\',
        _ => return None,
    })
}
