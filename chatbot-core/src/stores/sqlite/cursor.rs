//! Where the next page starts: the last row's place in the list's order, so that rows that come or go between two pages
//! neither repeat nor hide others.

use crate::error::{Error, Result};
use crate::types::{Cursor, Page, PageRequest};

/// A cursor of numbers.
pub(super) fn of_numbers(numbers: &[i64]) -> Cursor {
    let parts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    Cursor::new(parts.join("."))
}

/// The numbers of a page's cursor; `None` for the first page.
///
/// # Errors
/// `invalid_input` for a cursor that this list did not make.
pub(super) fn numbers<const N: usize>(page: &PageRequest) -> Result<Option<[i64; N]>> {
    let Some(cursor) = page.cursor() else { return Ok(None) };
    let numbers: Option<Vec<i64>> =
        cursor.as_str().split('.').map(|part| part.parse().ok()).collect();
    numbers.and_then(|numbers| numbers.try_into().ok()).map(Some).ok_or_else(invalid)
}

/// A cursor of a text and a number.
pub(super) fn of_text(text: &str, number: i64) -> Cursor {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    Cursor::new(format!("{hex}.{number}"))
}

/// The text and the number of a page's cursor; `None` for the first page.
///
/// # Errors
/// `invalid_input` for a cursor that this list did not make.
pub(super) fn text(page: &PageRequest) -> Result<Option<(String, i64)>> {
    let Some(cursor) = page.cursor() else { return Ok(None) };
    let parsed = cursor.as_str().split_once('.').and_then(|(hex, number)| {
        let bytes: Option<Vec<u8>> =
            (0..hex.len()).step_by(2).map(|at| byte(hex.get(at..at + 2)?)).collect();
        Some((String::from_utf8(bytes?).ok()?, number.parse().ok()?))
    });
    parsed.map(Some).ok_or_else(invalid)
}

fn byte(hex: &str) -> Option<u8> {
    u8::from_str_radix(hex, 16).ok()
}

/// The error for a cursor from elsewhere.
pub(super) fn invalid() -> Error {
    Error::invalid("This cursor is not one of this list. Start from the first page.")
}

/// A page of `rows`, of which one more than wanted was read to see whether there is a next one.
pub(super) fn page_of<R>(
    mut rows: Vec<R>,
    page: &PageRequest,
    place: impl Fn(&R) -> Cursor,
) -> Page<R> {
    let limit = limit(page);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(place);
    Page { items: rows, next_cursor }
}

/// The page's limit as a length.
pub(super) fn limit(page: &PageRequest) -> usize {
    usize::try_from(page.limit()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_and_others_are_refused() {
        let page = |cursor| PageRequest::new(1, Some(cursor)).unwrap();
        let three = numbers::<3>(&page(of_numbers(&[1, -2, 3]))).unwrap();
        assert_eq!(three, Some([1, -2, 3]));
        let named = text(&page(of_text("käse.0\0", 7))).unwrap();
        assert_eq!(named, Some(("käse.0\0".to_owned(), 7)));
        for foreign in ["", "x", "1.2", "abc.1", "zz.1"] {
            assert!(numbers::<3>(&page(Cursor::new(foreign))).is_err(), "{foreign}");
        }
        assert!(text(&page(Cursor::new("abc.1"))).is_err());
    }
}
