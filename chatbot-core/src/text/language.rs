//! Which language a text is in.

use super::stop_words::Votes;
use super::tokens::{TokenKind, scan};
use crate::types::Language;

/// The part of a text that is looked at, in bytes: a passage, so that a long text costs no more than a short one.
const PREFIX_BYTES: usize = 2_048;

/// Stop words from which their count alone decides, if it is at least half as many again as that of any other
/// language; below that the letters are asked.
const CLEAR_VOTES: u32 = 4;

/// The language of `text`; `None` where it is too short or too mixed to tell.
#[must_use]
pub fn detect_language(text: &str) -> Option<Language> {
    let text = prefix(text);
    let mut votes = Votes::default();
    let (mut n_words, mut n_grams) = (0_usize, 0_usize);
    scan(text, &mut |token| match token.kind {
        TokenKind::Word => {
            n_words += 1;
            votes.count(token.text);
        }
        TokenKind::Gram => n_grams += 1,
        TokenKind::Exact => {}
    });
    let (code, best, second) = if n_words > n_grams { votes.winner() } else { ("", 0, 0) };
    if best >= CLEAR_VOTES && 2 * best >= 3 * second {
        return Some(Language::from_static(code));
    }
    if let Some(info) = whatlang::detect(text).filter(whatlang::Info::is_reliable) {
        return Some(Language::from_static(info.lang().code()));
    }
    (best >= 2 && best > second).then(|| Language::from_static(code))
}

/// The language of a question; `None` where nothing speaks for one. A question is short: where [`detect_language`] finds
/// nothing, a single word that only one language uses so often is enough.
#[must_use]
pub fn question_language(question: &str) -> Option<Language> {
    detect_language(question).or_else(|| {
        let mut votes = Votes::default();
        scan(prefix(question), &mut |token| {
            if token.kind == TokenKind::Word {
                votes.count(token.text);
            }
        });
        let (code, best, second) = votes.winner();
        (best > second).then(|| Language::from_static(code))
    })
}

/// The languages that a question may be in, likeliest first; at most two. English is always one of them, because
/// names and terms of art are English in texts of any language. `votes` are those of its words.
pub(super) fn plausible_languages(question: &str, votes: &Votes) -> Vec<&'static str> {
    let (code, best, second) = votes.winner();
    let guess = if best > second { None } else { whatlang::detect_lang(prefix(question)) };
    let guess = guess.map(|lang| lang.code()).filter(|guess| votes.of(guess) == best);
    let likeliest = guess.unwrap_or(code);
    if likeliest == "eng" { vec!["eng"] } else { vec![likeliest, "eng"] }
}

fn prefix(text: &str) -> &str {
    let end = (0..=PREFIX_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<String> {
        detect_language(text).map(|language| language.as_str().to_owned())
    }

    #[test]
    fn passages_have_the_language_of_their_words() {
        assert_eq!(
            code("The quick brown fox jumps over the lazy dog and it was there."),
            Some("eng".into())
        );
        assert_eq!(
            code("El equipo de la ciudad que ganó la final es el mejor."),
            Some("spa".into())
        );
        assert_eq!(code("Der Hund und die Katze sind nicht in dem Haus."), Some("deu".into()));
        assert_eq!(code("黑豹队的防守只丢了三百分，NFL de la in."), Some("cmn".into()));
        assert_eq!(code("Собака и кошка не были в доме, когда он пришёл."), Some("rus".into()));
        assert_eq!(code("12 34"), None);
        assert_eq!(code(""), None);
    }
}
