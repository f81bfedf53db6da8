//! Terminal control sequences, which logs are full of and nobody reads.

use std::borrow::Cow;

/// `text` without the sequences that terminals act on (colours, titles, cursor moves).
pub(super) fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1B}') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1B}' {
            out.push(c);
            continue;
        }
        match chars.peek() {
            Some('[') => skip(&mut chars, |c| ('@'..='~').contains(&c)),
            Some(']' | 'P' | '_' | '^') => skip(&mut chars, |c| matches!(c, '\u{7}' | '\u{1B}')),
            Some('(' | ')' | '#' | '%') => drop((chars.next(), chars.next())),
            Some('=' | '>' | '7' | '8' | 'c' | 'D' | 'E' | 'H' | 'M' | '\\') => drop(chars.next()),
            _ => {}
        }
    }
    Cow::Owned(out)
}

/// Skips the introducer and everything up to the end of the sequence, at the most up to the end of the line.
fn skip(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, ends: impl Fn(char) -> bool) {
    chars.next();
    while let Some(&c) = chars.peek() {
        if c == '\n' {
            return;
        }
        chars.next();
        if ends(c) {
            chars.next_if_eq(&'\\').filter(|_| c == '\u{1B}');
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_escapes;

    #[test]
    fn colours_and_titles_go_and_text_stays() {
        let log = "\u{1B}[31merror\u{1B}[0m: \u{1B}]0;title\u{7}disk full\u{1B}[";
        assert_eq!(without_escapes(log), "error: disk full");
    }
}
