//! Cuts a text into tokens, in any script.
//!
//! Words are runs of letters, digits and marks. A few signs join them when nothing else stands between: a compound
//! such as `x-ray`, `v1.2` or an e-mail address gives its parts and, where that is how one would look for it, the
//! whole. Scripts without spaces give overlapping pairs of characters, which need no dictionary.

use super::characters::{compatible, is_mark, is_unspaced, is_word, push_lower};

/// Longer tokens are cut. Real words are shorter; what is longer is encoded data, of which a beginning is enough.
pub(super) const MAX_TOKEN_BYTES: usize = 64;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A word, which may have a stem.
    Word,
    /// A number, an abbreviation, an identifier: stands for itself.
    Exact,
    /// One or two characters of a script without spaces.
    Gram,
}

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// In lower case, without white space, not empty.
    pub(super) text: &'a str,
    pub(super) kind: TokenKind,
    /// Whether it was written in capitals.
    pub(super) capitals: bool,
}

/// Gives the tokens of `text` to `sink`, in reading order.
pub(super) fn scan(text: &str, sink: &mut dyn FnMut(Token<'_>)) {
    let text = compatible(text);
    let mut scanner = Scanner { buffer: String::with_capacity(MAX_TOKEN_BYTES), sink };
    let mut rest = &*text;
    while let Some(start) = rest.find(is_word) {
        rest = rest.get(start..).unwrap_or_default();
        let run = match rest.chars().next() {
            Some(c) if is_unspaced(c) => scanner.unspaced(rest),
            Some(_) => scanner.spaced(rest),
            None => return,
        };
        rest = rest.get(run..).unwrap_or_default();
    }
}

struct Scanner<'s> {
    buffer: String,
    sink: &'s mut dyn FnMut(Token<'_>),
}

/// A run of words and the signs that join them.
#[derive(Default)]
struct Run {
    end: usize,
    joined: bool,
}

impl Scanner<'_> {
    /// Takes a run of a script with spaces from the front of `text`; returns its length.
    fn spaced(&mut self, text: &str) -> usize {
        let run = run_of_words(text);
        let words = text.get(..run.end).unwrap_or_default();
        let suffix = sign_suffix(words, text.get(run.end..).unwrap_or_default());
        if suffix > 0 {
            let end = run.end + suffix;
            self.emit(text.get(..end).unwrap_or_default(), TokenKind::Exact);
            return end;
        }
        if run.joined {
            self.compound(words)
        } else {
            self.emit(words, TokenKind::Word)
        }
        run.end
    }

    fn compound(&mut self, run: &str) {
        if is_dotted_abbreviation(run) {
            let letters: String = run.split('.').collect();
            return self.emit(&letters, TokenKind::Exact);
        }
        if is_number(run) {
            let number = without_thousands(run);
            return self.emit(&number, TokenKind::Exact);
        }
        let run = run.strip_suffix("'s").or_else(|| run.strip_suffix("’s")).unwrap_or(run);
        let mut n_parts = 0;
        for part in run.split(is_joiner).filter(|part| !part.is_empty()) {
            self.emit(part, TokenKind::Word);
            n_parts += 1;
        }
        if n_parts > 1 && run.contains(['.', '_', '@', '&']) {
            self.emit(run, TokenKind::Exact);
        }
    }

    /// Takes a run of a script without spaces from the front of `text`; returns its length.
    fn unspaced(&mut self, text: &str) -> usize {
        let end = text.find(|c| !is_unspaced(c) && !is_mark(c)).unwrap_or(text.len());
        let mut before: Option<usize> = None;
        let mut start = 0;
        let run = text.get(..end).unwrap_or_default();
        while start < end {
            let next = next_unit(run, start);
            let from = before.unwrap_or(start);
            if before.is_some() || next == end {
                self.emit(run.get(from..next).unwrap_or_default(), TokenKind::Gram);
            }
            before = Some(start);
            start = next;
        }
        end
    }

    fn emit(&mut self, word: &str, kind: TokenKind) {
        self.buffer.clear();
        push_lower(&mut self.buffer, word, MAX_TOKEN_BYTES);
        if self.buffer.is_empty() {
            return;
        }
        let capitals = word.len() > 1 && word.chars().all(|c| c.is_uppercase());
        (self.sink)(Token { text: &self.buffer, kind, capitals });
    }
}

/// The end of the character at `start` with its marks.
fn next_unit(run: &str, start: usize) -> usize {
    let rest = run.get(start..).unwrap_or_default();
    let first = rest.chars().next().map_or(1, char::len_utf8);
    let marks: usize = rest.chars().skip(1).take_while(|c| is_mark(*c)).map(char::len_utf8).sum();
    start + first + marks
}

fn run_of_words(text: &str) -> Run {
    let mut run = Run::default();
    let mut before = '\0';
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if is_word(c) && !is_unspaced(c) {
            run.end = at + c.len_utf8();
        } else {
            let next = characters.peek().map(|(_, next)| *next);
            if !next.is_some_and(|next| joins(before, c, next)) {
                break;
            }
            run.joined = true;
        }
        before = c;
    }
    run
}

fn is_joiner(c: char) -> bool {
    matches!(c, '.' | ',' | '_' | '@' | '&' | '-' | '\'' | '’' | 'ʼ' | '\u{2010}' | '\u{2011}')
}

/// Whether `sign` joins what stands before and after it.
fn joins(before: char, sign: char, after: char) -> bool {
    if !is_joiner(sign) || is_unspaced(after) || !is_word(after) || !is_word(before) {
        return false;
    }
    sign != ',' || (before.is_ascii_digit() && after.is_ascii_digit())
}

/// The length of the signs that belong to a name such as `C++` or `F#`; 0 for none.
fn sign_suffix(word: &str, rest: &str) -> usize {
    let short = word.len() <= 2 && word.chars().all(|c| c.is_ascii_alphabetic());
    let signs = rest.bytes().take_while(|byte| matches!(byte, b'+' | b'#')).count();
    let ends = !rest.get(signs..).unwrap_or_default().starts_with(is_word);
    if short && ends && matches!(rest.get(..signs), Some("++" | "#")) { signs } else { 0 }
}

/// `U.S`, `e.g`: single letters between dots.
fn is_dotted_abbreviation(run: &str) -> bool {
    run.split('.').all(|part| {
        let mut letters = part.chars();
        letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
    })
}

fn is_number(run: &str) -> bool {
    run.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
}

/// `1,234,567` and `1234567` are the same number.
fn without_thousands(number: &str) -> String {
    let mut groups = number.split(',');
    let first = groups.next().unwrap_or_default();
    let is_group = |group: &str| group.split('.').next().is_some_and(|digits| digits.len() == 3);
    if first.len() <= 3 && groups.all(is_group) {
        number.replace(',', "")
    } else {
        number.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(text: &str) -> String {
        let mut found = Vec::new();
        scan(text, &mut |token| found.push(token.text.to_owned()));
        found.join(" ")
    }

    #[test]
    fn words_lose_case_width_and_possessives() {
        assert_eq!(
            tokens("The TEAM’s Ｗｉｄｅ co\u{AD}operation, dogs' Σίσυφος"),
            "the team wide cooperation dogs σίσυφοσ"
        );
        assert_eq!(tokens("l'homme O'Brien don't"), "l homme o brien don t");
    }

    #[test]
    fn what_people_look_for_as_a_whole_stays_whole() {
        assert_eq!(tokens("C++ and C# but c+d, F#"), "c++ and c# but c d f#");
        assert_eq!(tokens("v1.2 costs 1,234.50 not 3,5"), "v1 2 v1.2 costs 1234.50 not 3,5");
        assert_eq!(tokens("24–10 x-ray U.S. e.g. AT&T"), "24 10 x ray us eg at t at&t");
        assert_eq!(tokens("foo.bar@example.com."), "foo bar example com foo.bar@example.com");
        assert_eq!(tokens("snake_case 192.168.0.1"), "snake case snake_case 192.168.0.1");
    }

    #[test]
    fn scripts_without_spaces_give_pairs() {
        assert_eq!(tokens("黑豹队308分"), "黑豹 豹队 308 分");
        assert_eq!(tokens("ｶﾞカナ"), "ガカ カナ");
        assert_eq!(tokens("NFL球队"), "nfl 球队");
        assert_eq!(tokens("ไทย"), "ไท ทย");
    }

    #[test]
    fn long_tokens_are_cut() {
        assert_eq!(tokens(&"a".repeat(10_000)).len(), MAX_TOKEN_BYTES - 3);
    }

    proptest! {
        #[test]
        fn tokens_are_small_and_hold_no_white_space(text in "\\PC{0,200}|[\u{0}-\u{10FFFF}]{0,200}") {
            scan(&text, &mut |token| {
                assert!(!token.text.is_empty() && token.text.len() <= MAX_TOKEN_BYTES);
                assert!(!token.text.contains(char::is_whitespace));
            });
        }
    }
}
