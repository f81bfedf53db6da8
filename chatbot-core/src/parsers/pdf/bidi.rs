//! Lines in scripts that run from right to left, from the order of their glyphs to the order of reading.

/// Whether `c` belongs to a script that runs from right to left.
pub(super) fn is_rtl(c: char) -> bool {
    matches!(c, '\u{0590}'..='\u{08FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}')
        && !c.is_numeric()
}

/// The text of a line whose characters are given from left to right, in reading order.
pub(super) fn logical(visual: &str) -> String {
    let n_rtl = visual.chars().filter(|c| is_rtl(*c)).count();
    if n_rtl == 0 {
        return visual.to_owned();
    }
    let n_ltr = visual.chars().filter(|c| is_ltr(*c)).count();
    let chars: Vec<char> = visual.chars().collect();
    if n_rtl >= n_ltr {
        let reversed: Vec<char> = chars.iter().rev().map(|c| mirrored(*c)).collect();
        let line = with_runs_reversed(&reversed, |c| is_ltr(c) || c.is_numeric());
        return with_gaps_behind_words(&line);
    }
    with_runs_reversed(&chars, is_rtl)
}

fn is_ltr(c: char) -> bool {
    c.is_alphabetic() && !is_rtl(c)
}

/// Reverses every stretch from one wanted character to the last one before an unwanted letter.
fn with_runs_reversed(chars: &[char], wanted: impl Fn(char) -> bool) -> String {
    let mut out = String::new();
    let mut rest = chars;
    while let Some(start) = rest.iter().position(|c| wanted(*c)) {
        let (before, from) = rest.split_at(start);
        out.extend(before);
        let stops = |c: &char| !wanted(*c) && (c.is_alphanumeric());
        let limit = from.iter().position(stops).unwrap_or(from.len());
        let run = from.get(..limit).unwrap_or_default();
        let len = run.iter().rposition(|c| wanted(*c)).map_or(run.len(), |last| last + 1);
        let (run, after) = from.split_at(len);
        out.extend(run.iter().rev().map(|c| mirrored(*c)));
        rest = after;
    }
    out.extend(rest);
    out
}

/// Puts the space after a word in another script where it is read. Word processors draw such a word together with the space
/// that follows it, from left to right: the space then stands in front of the word, and the next word touches it. Nothing
/// is ever attached to the end of such a word; in front of it stand prefixes of one letter.
fn with_gaps_behind_words(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        let touches = is_rtl(c) && out.ends_with(is_ltr);
        if touches && let Some(gap) = gap_before_word(&out) {
            if ends_with_prefix(out.get(..gap).unwrap_or_default()) {
                out.remove(gap);
            }
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// Where the space in front of the word is that `text` ends with.
fn gap_before_word(text: &str) -> Option<usize> {
    let word = text.trim_end_matches(|c: char| is_ltr(c) || c.is_ascii_punctuation());
    word.ends_with(' ').then(|| word.len() - 1)
}

/// Whether the last word is a single letter, as a word of these scripts never is.
fn ends_with_prefix(text: &str) -> bool {
    let mut letters = text.chars().rev();
    letters.next().is_some_and(is_rtl) && letters.next().is_none_or(|c| !is_rtl(c))
}

fn mirrored(c: char) -> char {
    match c {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '{' => '}',
        '}' => '{',
        '<' => '>',
        '>' => '<',
        '«' => '»',
        '»' => '«',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::logical;

    #[test]
    fn words_read_from_the_right_and_numbers_from_the_left() {
        assert_eq!(logical("123 \u{5D2}\u{5D1}\u{5D0}"), "\u{5D0}\u{5D1}\u{5D2} 123");
        assert_eq!(logical("nohtyP R ab").as_str(), "nohtyP R ab");
        assert_eq!(logical("(\u{5D1}\u{5D0}) a long word"), "(\u{5D0}\u{5D1}) a long word");
        assert_eq!(
            logical("Python R \u{5D1}\u{5D0}\u{5D2}\u{5D3}\u{5D4}\u{5D5}\u{5D6}\u{5D7}"),
            "\u{5D7}\u{5D6}\u{5D5}\u{5D4}\u{5D3}\u{5D2}\u{5D0}\u{5D1} Python R"
        );
    }

    #[test]
    fn the_space_after_a_word_of_another_script_is_read_after_it() {
        // As drawn: `words`, then the word and its space from left to right, then what follows, which touches it.
        let drawn =
            |before: &str| format!("\u{5D2}\u{5D1}\u{5D0}ab {before} \u{5D2}\u{5D1}\u{5D0}");
        assert_eq!(
            logical(&drawn("\u{5D5}")),
            "\u{5D0}\u{5D1}\u{5D2} \u{5D5}ab \u{5D0}\u{5D1}\u{5D2}",
            "a prefix belongs to the word"
        );
        assert_eq!(
            logical(&drawn("\u{5D4}\u{5D5}")),
            "\u{5D0}\u{5D1}\u{5D2} \u{5D5}\u{5D4} ab \u{5D0}\u{5D1}\u{5D2}"
        );
        let touching = "\u{5D2}\u{5D1}\u{5D0}ab\u{5D2}\u{5D1}\u{5D0}";
        assert_eq!(
            logical(touching),
            "\u{5D0}\u{5D1}\u{5D2}ab\u{5D0}\u{5D1}\u{5D2}",
            "no gap to move"
        );
    }
}
