//! Rich text, token by token.

/// Longer control words do not exist.
const MAX_WORD_BYTES: usize = 32;
/// Digits of a parameter: it is a number of 32 bits.
const MAX_DIGITS: usize = 10;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    /// A control word with its parameter.
    Word(&'a str, Option<i32>),
    /// A control sign, such as `~`.
    Sign(u8),
    /// A byte written as two digits.
    Byte(u8),
    /// Text as it stands.
    Text(&'a [u8]),
}

/// The tokens of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Passes over `n` bytes, which hold a picture or the like.
    pub(super) fn pass(&mut self, n: usize) {
        self.rest = self.rest.get(n..).unwrap_or_default();
    }

    fn control(&mut self) -> Option<Token<'a>> {
        let first = *self.rest.first()?;
        if first == b'\'' {
            let digits = self.rest.get(1..3).and_then(|two| std::str::from_utf8(two).ok());
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            self.pass(if byte.is_some() { 3 } else { 1 });
            return Some(byte.map_or(Token::Text(b""), Token::Byte));
        }
        if !first.is_ascii_alphabetic() {
            self.pass(1);
            return Some(Token::Sign(first));
        }
        let n = self.rest.iter().take(MAX_WORD_BYTES).take_while(|b| b.is_ascii_alphabetic());
        let (word, rest) = self.rest.split_at_checked(n.count())?;
        self.rest = rest;
        let parameter = self.parameter();
        if self.rest.first() == Some(&b' ') {
            self.pass(1);
        }
        Some(Token::Word(std::str::from_utf8(word).ok()?, parameter))
    }

    fn parameter(&mut self) -> Option<i32> {
        let sign = usize::from(self.rest.first() == Some(&b'-'));
        let digits = self.rest.get(sign..)?;
        let n = digits.iter().take(MAX_DIGITS).take_while(|b| b.is_ascii_digit()).count();
        let text = std::str::from_utf8(self.rest.get(..sign + n)?).ok()?;
        let number = text.parse::<i64>().ok()?;
        self.pass(sign + n);
        i32::try_from(number).ok()
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let (first, after) = self.rest.split_first()?;
        match first {
            b'{' | b'}' | b'\\' => {
                self.rest = after;
                match first {
                    b'{' => Some(Token::Open),
                    b'}' => Some(Token::Close),
                    _ => self.control(),
                }
            }
            _ => {
                let is_text = |b: &&u8| !matches!(b, b'{' | b'}' | b'\\');
                let n = self.rest.iter().take_while(is_text).count();
                let (text, rest) = self.rest.split_at_checked(n)?;
                self.rest = rest;
                Some(Token::Text(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_signs_bytes_and_text_are_told_apart() {
        let tokens: Vec<Token<'_>> = Tokens::new(br"{\b0 a\'e9\u-10?\~x\par}").collect();
        let expected = [
            Token::Open,
            Token::Word("b", Some(0)),
            Token::Text(b"a"),
            Token::Byte(0xE9),
            Token::Word("u", Some(-10)),
            Token::Text(b"?"),
            Token::Sign(b'~'),
            Token::Text(b"x"),
            Token::Word("par", None),
            Token::Close,
        ];
        assert_eq!(tokens, expected);
    }

    #[test]
    fn every_end_of_a_document_is_an_end() {
        let whole = br"{\rtf1\'4";
        for n in 0..=whole.len() {
            assert!(Tokens::new(&whole[..n]).count() < 5);
        }
        assert_eq!(Tokens::new(br"\").next(), None);
    }
}
