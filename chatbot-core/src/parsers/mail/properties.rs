//! The properties of an Outlook message: how it keeps what other programs write as header fields, by numbers.
//!
//! Source: [MS-OXMSG] for where they are in the file, [MS-OXPROPS] for the numbers, [MS-OXRTFCP] for packed rich text.

use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};

use cfb::CompoundFile;

use super::entity::text_of;

/// Where properties of a fixed size are.
const FIXED: &str = "__properties_version1.0";
/// 1601 to 1970, in milliseconds: Windows counts from the one.
const WINDOWS_EPOCH_MS: i64 = 11_644_473_600_000;
/// Bytes of one text property.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// A property by its number.
pub(super) type Id = u16;

/// An open file.
pub(super) struct Properties<'a> {
    pub(super) file: CompoundFile<Cursor<&'a [u8]>>,
    /// The code page of texts that are not in Unicode.
    label: String,
}

impl<'a> Properties<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> std::io::Result<Self> {
        let file = CompoundFile::open(Cursor::new(bytes))?;
        let mut properties = Self { file, label: String::new() };
        let root = Path::new("/");
        let said = properties.number(root, 0x3FFD).or_else(|| properties.number(root, 0x3FDE));
        properties.label = said.map(code_page).unwrap_or_default();
        Ok(properties)
    }

    /// A text of the object in `folder`.
    pub(super) fn text(&mut self, folder: &Path, id: Id) -> Option<String> {
        if let Some(wide) = self.stream(&folder.join(format!("__substg1.0_{id:04X}001F"))) {
            let units = wide
                .chunks_exact(2)
                .filter_map(|two| Some(u16::from_le_bytes(two.try_into().ok()?)));
            let text: String = char::decode_utf16(units)
                .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect();
            return Some(text.trim_end_matches('\0').to_owned());
        }
        let narrow = self.stream(&folder.join(format!("__substg1.0_{id:04X}001E")))?;
        let narrow = narrow.strip_suffix(b"\0").unwrap_or(&narrow);
        Some(text_of(narrow, &self.label).text)
    }

    /// The bytes of the object in `folder`.
    pub(super) fn binary(&mut self, folder: &Path, id: Id) -> Option<Vec<u8>> {
        self.stream(&folder.join(format!("__substg1.0_{id:04X}0102")))
    }

    /// A number of the object in `folder`.
    pub(super) fn number(&mut self, folder: &Path, id: Id) -> Option<i32> {
        let value = self.fixed(folder, id)?;
        Some(i32::from_le_bytes(value.first_chunk::<4>().copied()?))
    }

    /// A moment, in milliseconds since 1970.
    pub(super) fn moment(&mut self, folder: &Path, id: Id) -> Option<i64> {
        let value = u64::from_le_bytes(self.fixed(folder, id)?);
        i64::try_from(value / 10_000).ok().map(|ms| ms - WINDOWS_EPOCH_MS)
    }

    /// The encoding of a page that says nothing itself.
    pub(super) fn label_of_page(&mut self) -> String {
        let said = self.number(Path::new("/"), 0x3FDE);
        said.map_or_else(|| self.label.clone(), code_page)
    }

    fn fixed(&mut self, folder: &Path, id: Id) -> Option<[u8; 8]> {
        let bytes = self.stream(&folder.join(FIXED))?;
        // A file's own properties stand after 32 bytes, those of a message in a message after 24, of anything else
        // after 8.
        let is_root = folder.parent().is_none();
        let skip = match (is_root, bytes.len() % 16) {
            (true, 0) => 32,
            (true, _) => 24,
            (false, _) => 8,
        };
        let rows = bytes.get(skip..)?.chunks_exact(16);
        let mut values = rows.filter_map(|row| {
            let found = u16::from_le_bytes([*row.get(2)?, *row.get(3)?]);
            (found == id).then(|| row.last_chunk::<8>().copied()).flatten()
        });
        values.next()
    }

    fn stream(&mut self, path: &Path) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let stream = self.file.open_stream(path).ok()?;
        stream.take(MAX_TEXT_BYTES).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The folders directly in the file whose names begin with `prefix`, in order.
    pub(super) fn folders(&self, prefix: &str) -> Vec<PathBuf> {
        let found = self.file.read_root_storage().filter(|entry| entry.is_storage());
        found
            .filter(|entry| entry.name().starts_with(prefix))
            .map(|entry| entry.path().to_owned())
            .collect()
    }

    /// A message inside the message as a file of its own; `None` where it is something else.
    pub(super) fn message_in(&mut self, folder: &Path, max_bytes: u64) -> Option<Vec<u8>> {
        let folder = folder.join("__substg1.0_3701000D");
        if !self.file.is_stream(folder.join(FIXED)) {
            return None;
        }
        let entries: Vec<_> = self.file.walk_storage(&folder).ok()?.collect();
        let mut copy = CompoundFile::create(Cursor::new(Vec::new())).ok()?;
        let mut left = max_bytes;
        for entry in entries {
            let inside = Path::new("/").join(entry.path().strip_prefix(&folder).ok()?);
            if entry.is_stream() {
                let mut bytes = Vec::new();
                let stream = self.file.open_stream(entry.path()).ok()?;
                stream.take(left).read_to_end(&mut bytes).ok()?;
                left = left.saturating_sub(u64::try_from(bytes.len()).ok()?);
                copy.create_stream(&inside).ok()?.write_all(&bytes).ok()?;
            } else if inside.parent().is_some() {
                copy.create_storage(&inside).ok()?;
            }
        }
        copy.flush().ok()?;
        Some(copy.into_inner().into_inner())
    }
}

/// The name that encodings have elsewhere.
fn code_page(number: i32) -> String {
    match number {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        20127 | 65001 => "utf-8".to_owned(),
        20866 => "koi8-r".to_owned(),
        21866 => "koi8-u".to_owned(),
        28591..=28605 => format!("iso-8859-{}", number - 28590),
        50220..=50222 => "iso-2022-jp".to_owned(),
        51932 => "euc-jp".to_owned(),
        51936 => "gbk".to_owned(),
        51949 => "euc-kr".to_owned(),
        54936 => "gb18030".to_owned(),
        number => format!("windows-{number}"),
    }
}

/// What every piece of packed rich text may refer back to.
const BEGINNING: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \
\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \
\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
const WINDOW: usize = 4096;

/// Rich text as it was before it was packed; `None` where it is packed in no known way.
pub(super) fn rich_text(packed: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    let content = packed.get(16..)?;
    match packed.get(8..12)? {
        b"MELA" => Some(content.to_vec()),
        b"LZFu" => unpacked(content, max_bytes),
        _ => None,
    }
}

fn unpacked(mut content: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    let mut out = BEGINNING.to_vec();
    let mut next = || -> Option<u8> {
        let (first, rest) = content.split_first()?;
        content = rest;
        Some(*first)
    };
    'all: while let Some(control) = next() {
        for bit in 0..8 {
            if control >> bit & 1 == 0 {
                let Some(byte) = next() else { break 'all };
                out.push(byte);
                continue;
            }
            let (Some(high), Some(low)) = (next(), next()) else { break 'all };
            let place = usize::from(high) << 4 | usize::from(low >> 4);
            let distance = (out.len() + WINDOW - place) % WINDOW;
            if distance == 0 || out.len() > max_bytes {
                break 'all;
            }
            for _ in 0..usize::from(low & 15) + 2 {
                out.push(*out.get(out.len().checked_sub(distance)?)?);
            }
        }
    }
    out.drain(..BEGINNING.len());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_rich_text_is_unpacked_as_its_description_says() {
        assert_eq!(BEGINNING.len(), 207);
        // The two examples of [MS-OXRTFCP], 4.1.
        let simple = b"\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\x03\0\x0a\0rcpg125\x42\x32\x0a\xf3 hel\x09\0\x20bw\x05\xb0ld}\x0a\x80\x0f\xa0";
        assert_eq!(
            rich_text(simple, 1000).unwrap(),
            b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
        );
        let crossing = b"\x1a\0\0\0\x1c\0\0\0LZFu\xe2\xd4KQ\x41\0\x04\x20WXYZ\x0dn}\x01\x0e\xb0";
        assert_eq!(rich_text(crossing, 1000).unwrap(), b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}");
        assert_eq!(rich_text(b"short", 1000), None);
    }
}
