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
        return with_runs_reversed(&reversed, |c| is_ltr(c) || c.is_numeric());
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
}
