//! One piece of JSON a line, read as it arrives.

use crate::error::{Error, ErrorKind, Result};
use crate::sse::MAX_LINE_BYTES;

/// Turns bytes into lines. Empty ones are left out.
#[derive(Debug, Default)]
pub(in crate::models) struct LineParser {
    line: Vec<u8>,
}

impl LineParser {
    /// The lines that `bytes` complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + piece.len() > MAX_LINE_BYTES {
                let message = "The stream holds a line that is too long to be an event.";
                return Err(Error::new(ErrorKind::BadResponse, message)
                    .with_operation("lines.push")
                    .with_context("max_bytes", MAX_LINE_BYTES));
            }
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                lines.extend((!line.is_empty()).then_some(line));
            }
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_the_bytes_changes_nothing() {
        let text = "{\"a\":\"日本\"}\r\n\n{}\n{\"cut";
        let whole = LineParser::default().push(text.as_bytes()).unwrap();
        let mut parser = LineParser::default();
        let pieces = text.as_bytes().chunks(1).flat_map(|byte| parser.push(byte).unwrap());
        assert_eq!(pieces.collect::<Vec<_>>(), whole);
        assert_eq!(whole, ["{\"a\":\"日本\"}", "{}"]);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut parser = LineParser::default();
        let piece = vec![b'x'; MAX_LINE_BYTES / 2];
        assert!(parser.push(&piece).unwrap().is_empty());
        assert!(parser.push(&piece).unwrap().is_empty());
        assert_eq!(parser.push(b"x").unwrap_err().kind(), ErrorKind::BadResponse);
    }
}
