//! Finds citation markers in text that arrives in pieces.
//!
//! Text goes on at once; only what may still become a marker waits, with the white space before it, so that a marker
//! that names no source disappears without a trace. Code and links are left alone. Decisions are taken character by
//! character, so that the way in which a model cuts its text changes nothing.

/// The longest text between brackets that may be a marker, in characters: six indices of three digits.
const MAX_MARKER_CHARS: usize = 30;

/// The largest index that a range such as `[1-3]` may hold; ranges beyond it are years or intervals, not sources.
const MAX_RANGE_INDEX: u32 = 200;

/// A decided piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text without markers.
    Text(String),
    /// Sources that the text before it rests on; all of them exist.
    Marker(Vec<u32>),
}

/// Splits an answer into text and markers while it arrives.
#[derive(Debug)]
pub(super) struct MarkerScanner {
    n_sources: u32,
    code: Code,
    /// White space that waits for what follows it.
    space: String,
    /// A marker was dropped, and nothing was said since.
    dropped: bool,
    /// A bracket and what came after it, while it may be a marker.
    candidate: String,
    /// A bracket was just said that never became a marker: what follows must not complete one.
    broken: bool,
    /// The letters, digits and underscores just before the current place.
    word: Word,
    out: Vec<Piece>,
}

impl MarkerScanner {
    /// A scanner for an answer that may cite sources `1..=n_sources`.
    pub(super) fn new(n_sources: u32) -> Self {
        Self {
            n_sources,
            code: Code::default(),
            space: String::new(),
            dropped: false,
            candidate: String::new(),
            broken: false,
            word: Word::default(),
            out: Vec::new(),
        }
    }

    /// From here on, sources `1..=n_sources` may be cited.
    pub(super) const fn know(&mut self, n_sources: u32) {
        self.n_sources = n_sources;
    }

    /// What `delta` decides.
    pub(super) fn push(&mut self, delta: &str) -> Vec<Piece> {
        for c in delta.chars() {
            self.step(c);
        }
        std::mem::take(&mut self.out)
    }

    /// What waited, now that nothing more comes.
    pub(super) fn finish(&mut self) -> Vec<Piece> {
        if let Some(indices) = self.closed() {
            self.settle(&indices);
        } else {
            self.give_up();
        }
        let space = std::mem::take(&mut self.space);
        if !self.dropped {
            self.say(&space);
        }
        std::mem::take(&mut self.out)
    }

    fn step(&mut self, c: char) {
        if let Some(indices) = self.closed() {
            if c == '(' {
                self.give_up();
            } else {
                self.settle(&indices);
            }
        } else if !self.candidate.is_empty() {
            if self.candidate.chars().count() < MAX_MARKER_CHARS && may_follow(&self.candidate, c) {
                self.candidate.push(c);
                return;
            }
            self.give_up();
        }
        self.text(c);
    }

    fn text(&mut self, c: char) {
        let in_code = self.code.step(c);
        if !in_code && opens(c) && !self.word.is_variable() {
            self.candidate.push(c);
        } else if !in_code && c.is_whitespace() && c != '\n' {
            if std::mem::take(&mut self.dropped) {
                self.space.clear();
            }
            self.space.push(c);
        } else {
            if std::mem::take(&mut self.dropped) && (c == '\n' || closes_phrase(c)) {
                self.space.clear();
            }
            let space = std::mem::take(&mut self.space);
            self.say(&space);
            self.say(c.encode_utf8(&mut [0; 4]));
            self.broken = false;
        }
        self.word.step(c);
    }

    /// The sources that the candidate names, once it is closed.
    fn closed(&self) -> Option<Vec<u32>> {
        let inner = self.candidate.strip_prefix(opens)?.strip_suffix(ends)?;
        parse_indices(inner)
    }

    fn settle(&mut self, indices: &[u32]) {
        self.candidate.clear();
        let known: Vec<_> =
            indices.iter().copied().filter(|index| (1..=self.n_sources).contains(index)).collect();
        if known.is_empty() {
            self.dropped = true;
            if std::mem::take(&mut self.broken) {
                self.say(" ");
            }
            return;
        }
        self.broken = false;
        self.dropped = false;
        let space = std::mem::take(&mut self.space);
        self.say(&space);
        self.word = Word::default();
        self.out.push(Piece::Marker(known));
    }

    /// Says the candidate as it stands: it is no marker.
    fn give_up(&mut self) {
        let candidate = std::mem::take(&mut self.candidate);
        if candidate.is_empty() {
            return;
        }
        self.dropped = false;
        let space = std::mem::take(&mut self.space);
        self.say(&space);
        self.say(&candidate);
        self.broken = true;
        self.word = Word::default();
    }

    fn say(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.out.last_mut() {
            Some(Piece::Text(last)) => last.push_str(text),
            _ => self.out.push(Piece::Text(text.to_owned())),
        }
    }
}

const fn opens(c: char) -> bool {
    matches!(c, '[' | '【' | '［')
}

const fn ends(c: char) -> bool {
    matches!(c, ']' | '】' | '］')
}

const fn closes_phrase(c: char) -> bool {
    matches!(
        c,
        '.' | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | ')'
            | '。'
            | '，'
            | '、'
            | '；'
            | '：'
            | '！'
            | '？'
            | '）'
    )
}

/// Whether `candidate` followed by `c` may still be a marker, or just became one.
fn may_follow(candidate: &str, c: char) -> bool {
    if candidate.ends_with(ends) {
        return false;
    }
    match c {
        '0'..='9' | ',' | ';' | ' ' | '-' | '–' | '、' | '，' => true,
        '^' => candidate.chars().count() == 1,
        _ if ends(c) => {
            let inner = candidate.strip_prefix(opens).unwrap_or(candidate);
            parse_indices(inner).is_some()
        }
        _ => false,
    }
}

/// The indices of `1`, `^1`, `1, 2`, `1-3`; `None` for anything else, intervals from 0 among it.
fn parse_indices(inner: &str) -> Option<Vec<u32>> {
    let inner = inner.strip_prefix('^').unwrap_or(inner);
    let mut indices = Vec::new();
    for part in inner.split([',', ';', '、', '，']) {
        let part = part.trim();
        match part.split_once(['-', '–']) {
            None => indices.push(parse_index(part)?),
            Some((from, to)) => {
                let (from, to) = (parse_index(from.trim())?, parse_index(to.trim())?);
                if from > to || to > MAX_RANGE_INDEX {
                    return None;
                }
                indices.extend(from..=to);
            }
        }
    }
    let is_interval = indices.len() > 1 && indices.contains(&0);
    (!is_interval).then_some(indices)
}

/// A number of digits only; one that is too large names no source, as 0 does.
fn parse_index(digits: &str) -> Option<u32> {
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u32::MAX))
}

/// The word before a bracket: a variable's name makes `a[1]` an index rather than a citation.
#[derive(Debug, Default)]
struct Word {
    n_chars: usize,
    has_underscore: bool,
    is_ascii: bool,
}

impl Word {
    fn step(&mut self, c: char) {
        if c.is_alphanumeric() || c == '_' {
            self.is_ascii = c.is_ascii_alphabetic() && (self.n_chars == 0 || self.is_ascii);
            self.n_chars += 1;
            self.has_underscore |= c == '_';
        } else {
            *self = Self::default();
        }
    }

    const fn is_variable(&self) -> bool {
        self.has_underscore || (self.n_chars == 1 && self.is_ascii)
    }
}

/// Whether the text is inside Markdown code.
#[derive(Debug, Default)]
struct Code {
    /// The character and length of the fence that is open.
    fence: Option<(char, usize)>,
    /// The backticks that opened code within a line.
    inline: Option<usize>,
    /// The run of fence characters just before the current place, and whether only white space was before it.
    run: Option<(char, usize, bool)>,
    /// Something other than white space was on this line.
    line_has_text: bool,
}

impl Code {
    /// Takes a character, and says whether it is code or delimits code.
    fn step(&mut self, c: char) -> bool {
        if matches!(c, '`' | '~') {
            return self.run_goes_on(c);
        }
        if let Some(run) = self.run.take() {
            self.run_ends(run);
        }
        if c == '\n' {
            self.line_has_text = false;
            self.inline = None;
        } else if !c.is_whitespace() {
            self.line_has_text = true;
        }
        self.fence.is_some() || self.inline.is_some()
    }

    fn run_goes_on(&mut self, c: char) -> bool {
        match &mut self.run {
            Some((of, n, _)) if *of == c => *n += 1,
            _ => {
                if let Some(run) = self.run.take() {
                    self.run_ends(run);
                }
                self.run = Some((c, 1, !self.line_has_text));
            }
        }
        true
    }

    fn run_ends(&mut self, (c, n, at_line_start): (char, usize, bool)) {
        self.line_has_text = true;
        match self.fence {
            Some((of, length)) if at_line_start && of == c && n >= length => self.fence = None,
            Some(_) => {}
            None if at_line_start && n >= 3 => self.fence = Some((c, n)),
            None if c == '`' && self.inline == Some(n) => self.inline = None,
            None if c == '`' && self.inline.is_none() => self.inline = Some(n),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(n_sources: u32, pieces: &[&str]) -> String {
        let mut scanner = MarkerScanner::new(n_sources);
        let mut out: Vec<_> = pieces.iter().flat_map(|piece| scanner.push(piece)).collect();
        out.extend(scanner.finish());
        out.into_iter().map(show).collect()
    }

    fn show(piece: Piece) -> String {
        match piece {
            Piece::Text(text) => text,
            Piece::Marker(indices) => format!("<{indices:?}>"),
        }
    }

    #[test]
    fn markers_of_every_style_are_found() {
        let cases = [
            ("A [1].", "A <[1]>."),
            ("Fact[1][2] b", "Fact<[1]><[2]> b"),
            ("A [1, 2].", "A <[1, 2]>."),
            ("A [1-3].", "A <[1, 2, 3]>."),
            ("事实【2】。", "事实<[2]>。"),
            ("A [^1]", "A <[1]>"),
            ("Fact［1］", "Fact<[1]>"),
        ];
        for (text, expected) in cases {
            assert_eq!(scan(3, &[text]), expected);
        }
    }

    #[test]
    fn markers_that_name_no_source_leave_no_trace() {
        let cases = [
            ("A [9].", "A."),
            ("A [9] b", "A b"),
            ("A [9]b", "A b"),
            ("A [9]", "A"),
            ("A [0].", "A."),
            ("A [9] [1].", "A <[1]>."),
            ("A [1, 9].", "A <[1]>."),
            ("A [99999999999999999999].", "A."),
            ("A [9]\nB", "A\nB"),
        ];
        for (text, expected) in cases {
            assert_eq!(scan(3, &[text]), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_marker_is_said_as_it_stands() {
        let cases = [
            "see [1](https://example.org)",
            "`x = list[9]` and",
            "```\nrow[9] = [9]\n```\n",
            "a[9] = b_c[8]",
            "[note] and [ ] and [x9]",
            "between [0, 1]",
            "born [1990-1995]",
            "open [1",
            "open [1\n",
            "[",
            "two  spaces \n",
        ];
        for text in cases {
            assert_eq!(scan(3, &[text]), text);
        }
    }

    #[test]
    fn markers_count_again_after_code() {
        assert_eq!(
            scan(1, &["```\n[9]\n```\nA [9] [1]. `b[9]` [1]"]),
            "```\n[9]\n```\nA <[1]>. `b[9]` <[1]>"
        );
        assert_eq!(
            scan(1, &["a stray ` ends with its line\nA [9]."]),
            "a stray ` ends with its line\nA."
        );
    }

    #[test]
    fn only_what_may_be_a_marker_waits() {
        let mut scanner = MarkerScanner::new(2);
        assert_eq!(scanner.push("So it is"), [Piece::Text("So it is".into())]);
        assert_eq!(scanner.push(" [1"), []);
        assert_eq!(scanner.push("x"), [Piece::Text(" [1x".into())]);
    }

    proptest! {
        #[test]
        fn the_way_of_cutting_changes_nothing(
            parts in prop::collection::vec(prop::sample::select(vec![
                "[", "]", "1", "9", ", ", " ", ".", "\n", "`", "```", "~~~", "(", "a", "_", "word", "【", "】", "-", "0", "é",
            ]), 0..60)
        ) {
            let text = parts.concat();
            let chars: Vec<String> = text.chars().map(String::from).collect();
            let chars: Vec<&str> = chars.iter().map(String::as_str).collect();
            prop_assert_eq!(scan(3, &chars), scan(3, &[&text]));
            prop_assert_eq!(scan(3, &parts), scan(3, &[&text]));
        }

        #[test]
        fn no_invented_marker_is_ever_said(
            parts in prop::collection::vec(prop::sample::select(vec![
                "[", "]", "[4]", "[9, 7]", "[1]", " ", ". ", "\n", "word", "4", ",", "【5】",
            ]), 0..60)
        ) {
            let said = scan(3, &[&parts.concat()]);
            for n in [0, 4, 5, 7, 9, 44, 49] {
                let marker = format!("[{n}]");
                prop_assert!(!said.contains(&marker), "{} in {}", marker, said);
            }
        }
    }
}
