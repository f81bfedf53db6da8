//! Where sentences begin and end.
//!
//! A sentence ends at a sign that ends sentences, or with the piece of text it is in (see `lines`). The one sign that
//! is hard is the dot: it also ends abbreviations, initials and, in some languages, ordinals. What follows decides,
//! with a list of abbreviations and the words that begin sentences. Every rule looks a bounded way around the sign, so
//! the time is linear.

use super::abbreviations::{Abbreviation, abbreviation};
use super::characters::is_unspaced;
use super::language::detect_language;
use super::lines::pieces;
use super::stop_words::is_stop_word;
use crate::types::Span;

/// Longer sentences are cut at white space: a quote of more is no quote. In bytes.
const MAX_SENTENCE_BYTES: usize = 1_200;

/// The longest word that is looked at beside a dot, in bytes.
const MAX_WORD_BYTES: usize = 32;

/// Languages that write ordinals with a dot.
const ORDINAL_DOTS: [&str; 15] = [
    "deu", "dan", "nob", "fin", "hun", "tur", "ces", "slk", "slv", "hrv", "srp", "pol", "est",
    "lav", "isl",
];

/// The sentences of `text`.
///
/// # Shape
/// In order, without overlap, not empty, without the white space around them; together they cover all of the text
/// that is not white space.
#[must_use]
pub fn sentences(text: &str) -> Vec<Span> {
    let mut habits = Habits::of(text);
    let mut found = Vec::new();
    for piece in pieces(text) {
        let mut start = piece.start;
        habits.enter(piece);
        let inside = piece.slice(text).unwrap_or_default();
        for (at, sign) in inside.char_indices().filter(|(_, c)| ends_sentences(*c)) {
            let at = piece.start + at;
            if at < start {
                continue;
            }
            if let Some(end) = end_of_sentence(text, piece, at, sign, &mut habits) {
                push(text, Span::new(start, end), &mut found);
                start = end;
            }
        }
        push(text, Span::new(start, piece.end), &mut found);
    }
    found
}

/// How a text is written, found out when it is first asked for.
struct Habits<'t> {
    text: &'t str,
    piece: Span,
    small_letters: Option<bool>,
    ordinal_dots: Option<bool>,
}

impl<'t> Habits<'t> {
    fn of(text: &'t str) -> Self {
        Self { text, piece: Span::new(0, 0), small_letters: None, ordinal_dots: None }
    }

    /// Goes on to the next piece, which may be in another language.
    fn enter(&mut self, piece: Span) {
        (self.piece, self.ordinal_dots) = (piece, None);
    }

    /// Whether sentences begin with small letters, because everything does.
    fn small_letters(&mut self) -> bool {
        let text = self.text;
        *self.small_letters.get_or_insert_with(|| {
            let letters = || text.chars().take(2_000).filter(|c| c.is_alphabetic());
            letters().filter(|c| c.is_uppercase()).count() * 200 <= letters().count()
        })
    }

    /// Whether a dot makes a number an ordinal.
    fn ordinal_dots(&mut self) -> bool {
        let (text, piece) = (self.text, self.piece);
        *self.ordinal_dots.get_or_insert_with(|| {
            let language = piece.slice(text).and_then(detect_language);
            language.is_some_and(|language| ORDINAL_DOTS.contains(&language.as_str()))
        })
    }
}

fn ends_sentences(c: char) -> bool {
    c == '.' || ends_always(c) || ends_before_space(c)
}

/// Signs that end a sentence whatever follows: those of scripts without spaces, and those of no other use.
fn ends_always(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '｡' | '।' | '॥' | '۔' | '။' | '።' | '։' | '᠃' | '។')
}

/// Signs that end a sentence where white space follows.
fn ends_before_space(c: char) -> bool {
    matches!(c, '!' | '?' | '…' | '؟' | '．' | '‼' | '⁇' | '⁈' | '⁉')
}

fn closes(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '”'
            | '’'
            | '»'
            | '›'
            | ')'
            | ']'
            | '}'
            | '」'
            | '』'
            | '）'
            | '】'
            | '》'
            | '〉'
            | '］'
    )
}

fn opens(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '“'
            | '„'
            | '‘'
            | '«'
            | '‹'
            | '('
            | '['
            | '{'
            | '¿'
            | '¡'
            | '「'
            | '『'
            | '（'
            | '*'
            | '_'
    )
}

/// The end of the sentence that `sign` at `at` ends; `None` where it ends none.
fn end_of_sentence(
    text: &str,
    piece: Span,
    at: usize,
    sign: char,
    habits: &mut Habits<'_>,
) -> Option<usize> {
    let after = text.get(at + sign.len_utf8()..piece.end)?;
    let n_closing = closing_length(after);
    let end = at + sign.len_utf8() + n_closing;
    let rest = after.get(n_closing..)?;
    let Some(next) = rest.chars().next() else { return Some(end) };
    if ends_always(sign) || (ends_before_space(sign) && is_unspaced(next)) {
        return Some(end);
    }
    if !next.is_whitespace() {
        return None;
    }
    let before = text.get(piece.start..at).unwrap_or_default();
    let follows = rest.trim_start().trim_start_matches(opens);
    let ends = if before.ends_with(char::is_whitespace) {
        true
    } else if follows.starts_with(char::is_lowercase) && !habits.small_letters() {
        false
    } else if sign == '.' && n_closing == 0 {
        dot_ends(before, follows, habits)
    } else {
        true
    };
    ends.then_some(end)
}

/// The length of what belongs to the sentence after its sign: more signs, closing quotes and brackets, references.
fn closing_length(after: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = after.get(length..).unwrap_or_default();
        match rest.chars().next() {
            Some('[') => match reference_length(rest) {
                0 => return length,
                reference => length += reference,
            },
            Some(c) if closes(c) || ends_sentences(c) => length += c.len_utf8(),
            _ => return length,
        }
    }
}

/// The length of a reference such as `[12]`; 0 for none.
fn reference_length(rest: &str) -> usize {
    let inside = rest.get(1..).unwrap_or_default();
    let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
    let closed = inside.get(digits..).unwrap_or_default().starts_with(']');
    if closed && (1..=3).contains(&digits) { digits + 2 } else { 0 }
}

/// Whether a dot between `before` and `follows` ends a sentence.
fn dot_ends(before: &str, follows: &str, habits: &mut Habits<'_>) -> bool {
    let word = last_word(before);
    let begins_sentence = || is_stop_word(&first_word(follows).to_lowercase());
    let before_number = follows.starts_with(|c: char| c.is_ascii_digit());
    match abbreviation(word) {
        Some(Abbreviation::Before) => return false,
        Some(Abbreviation::Number) if before_number || is_roman(first_word(follows)) => {
            return false;
        }
        Some(Abbreviation::Within) if !begins_sentence() => return false,
        Some(_) | None => {}
    }
    let mut characters = word.chars();
    let (first, alone) = (characters.next(), characters.next().is_none());
    if alone && first.is_some_and(char::is_alphabetic) && is_letter_with_dot(follows) {
        return false;
    }
    if alone && first.is_some_and(char::is_uppercase) || is_dotted(word) {
        return begins_sentence();
    }
    if !word.is_empty() && word.len() <= 3 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        let is_label = before.len() == word.len();
        return !is_label && (begins_sentence() || !habits.ordinal_dots());
    }
    !follows.starts_with([',', ';', ':', ')'])
}

/// `U.S`: letters between dots.
fn is_dotted(word: &str) -> bool {
    word.contains('.') && word.split('.').all(|part| part.chars().count() == 1)
}

/// `B.` after `z.`: an abbreviation written with spaces.
fn is_letter_with_dot(follows: &str) -> bool {
    let mut characters = follows.chars();
    characters.next().is_some_and(char::is_alphabetic) && characters.next() == Some('.')
}

fn is_roman(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| b"IVXLCDM".contains(&byte))
}

fn last_word(before: &str) -> &str {
    let from = (before.len().saturating_sub(MAX_WORD_BYTES)..=before.len())
        .find(|at| before.is_char_boundary(*at))
        .unwrap_or(0);
    let near = before.get(from..).unwrap_or_default();
    let start =
        near.rfind(|c: char| c.is_whitespace() || opens(c) || matches!(c, '-' | '–' | '—' | '/'));
    let start = start.map_or(0, |at| {
        at + near.get(at..).and_then(|s| s.chars().next()).map_or(1, char::len_utf8)
    });
    near.get(start..).unwrap_or_default()
}

fn first_word(follows: &str) -> &str {
    let end = follows.char_indices().take(MAX_WORD_BYTES).find(|(_, c)| !c.is_alphanumeric());
    let end = end.map_or_else(
        || follows.char_indices().nth(MAX_WORD_BYTES).map_or(follows.len(), |(at, _)| at),
        |(at, _)| at,
    );
    follows.get(..end).unwrap_or_default()
}

/// Adds what is in `span`, without the white space around it, in parts that are not too long.
fn push(text: &str, span: Span, found: &mut Vec<Span>) {
    let mut rest = trimmed(text, span);
    while rest.len_bytes() > MAX_SENTENCE_BYTES {
        let cut = cut(text, rest);
        found.push(trimmed(text, Span::new(rest.start, cut)));
        rest = trimmed(text, Span::new(cut, rest.end));
    }
    if !rest.is_empty() {
        found.push(rest);
    }
}

/// Where a span that is too long is cut: at the last line break, else the last white space, else anywhere.
fn cut(text: &str, span: Span) -> usize {
    let limit = span.start + MAX_SENTENCE_BYTES;
    let limit =
        (span.start..=limit).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(span.end);
    let head = text.get(span.start..limit).unwrap_or_default();
    let at = head.rfind('\n').or_else(|| head.rfind(char::is_whitespace)).filter(|at| *at > 0);
    at.map_or(limit, |at| span.start + at)
}

fn trimmed(text: &str, span: Span) -> Span {
    let inside = span.slice(text).unwrap_or_default();
    let start = span.start + (inside.len() - inside.trim_start().len());
    Span::new(start, start + inside.trim().len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|span| span.slice(text).unwrap()).collect()
    }

    /// Sentences are written with `/` between them.
    fn check(marked: &str) {
        let expected: Vec<&str> = marked.split('/').map(str::trim).collect();
        assert_eq!(split(&marked.replace('/', "")), expected);
    }

    #[test]
    fn english_dots_that_end_nothing() {
        check("Dr. Smith went to the U.S. in 1990./ The trip, e.g. by ship, cost 3.50 dollars.");
        check("See No. 5 and Fig. 3 for J. R. R. Tolkien's map./ He visited the U.S./ The end!");
        check("Apple Inc. CEO Tim Cook spoke etc./ Then he left at 10 a.m./ They slept.");
        check("It has 24./ Manning then left.");
        check("\"What?\" he asked./ (It was late.)/ Is it so?!/ Yes.");
        check("The war ended.[12]/ Peace came.[a]");
        check("Mail me at a.b@example.com today./ Or visit example.com./ Bye");
    }

    #[test]
    fn other_languages() {
        check(
            "El Sr. García llegó a EE.UU. en 1999./ ¿Cómo se llama?/ ¡Hola!/ La pág. 5 dice «sí»./ Fin.",
        );
        check(
            "Am 3. Oktober 1990 war es so weit, und der 1. FC Köln spielte nicht./ Das ist z. B. gut.",
        );
        check("黑豹队只丢了 308分。/在联赛中排名第六！/“你好。”/是的");
        check("今日は晴れです。/明日は？/はい。");
        check("क्या हाल है?/ सब ठीक है।/ अच्छा।");
        check("هل هذا صحيح؟/ نعم.");
    }

    #[test]
    fn texts_in_small_letters_have_sentences_too() {
        check("correlation between levels ./ the coefficients were low./ they fell");
    }

    #[test]
    fn lines_that_are_items_stand_alone_and_wrapped_lines_do_not() {
        let wrapped = "Some text that was wrapped by hand at a width of about sixty\nletters goes on. New one.";
        assert_eq!(split(wrapped).len(), 2);
        assert_eq!(
            split("# Title\nShort line\n- one thing\n- another thing\n1. first\n2. second").len(),
            6
        );
        assert_eq!(split("Name\tAge\nAnn\t5\n\nAfter a blank\r\n\r\nAnd another").len(), 4);
        assert_eq!(
            split("one line that is rather long, but goes on\r\nhere after its break").len(),
            1
        );
    }

    #[test]
    fn endless_sentences_are_cut_at_white_space() {
        let text = "word ".repeat(2_000);
        assert!(split(&text).iter().all(|part| part.len() <= MAX_SENTENCE_BYTES));
        assert!(split(&text).iter().all(|part| part.starts_with("word") && part.ends_with("word")));
        assert!(split(&"字".repeat(5_000)).len() > 10);
    }

    proptest! {
        #[test]
        fn spans_are_in_order_trimmed_and_cover_everything(
            text in "([A-Za-zéß0-9.!?。,\"'() \n\t•\\-\u{AD}\u{3000}字नी\r|#]|U\\.S\\. |Dr\\. |\\PC){0,400}"
        ) {
            let spans = sentences(&text);
            let mut end = 0;
            for span in &spans {
                let inside = span.slice(&text).unwrap();
                prop_assert!(!inside.is_empty() && inside.trim() == inside);
                prop_assert!(text.get(end..span.start).unwrap().trim().is_empty());
                end = span.end;
            }
            prop_assert!(text.get(end..).unwrap().trim().is_empty());
        }
    }
}
