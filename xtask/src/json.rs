//! As much of JSON as our own figures need: reading.
//!
//! This program depends on nothing, so it cannot take a parser from elsewhere; what it reads was written by this project.

use std::iter::Peekable;
use std::str::Chars;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole text; the error says where it went wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut chars = text.chars().peekable();
        let value = value(&mut chars);
        skip(&mut chars);
        match (value, chars.peek()) {
            (Some(value), None) => Ok(value),
            _ => Err(format!("not JSON, {} characters before its end", chars.count())),
        }
    }

    /// What a map has under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The entries of a map, in their order; none of anything else.
    pub(crate) fn entries(&self) -> &[(String, Self)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Whether it is `true`.
    pub(crate) fn holds(&self) -> bool {
        *self == Self::Bool(true)
    }
}

fn skip(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
}

fn value(chars: &mut Peekable<Chars<'_>>) -> Option<Json> {
    skip(chars);
    match chars.peek()? {
        '{' => list(chars, '}', entry).map(Json::Map),
        '[' => list(chars, ']', value).map(Json::List),
        '"' => string(chars).map(Json::Text),
        _ => word(chars),
    }
}

fn list<T>(
    chars: &mut Peekable<Chars<'_>>,
    end: char,
    item: fn(&mut Peekable<Chars<'_>>) -> Option<T>,
) -> Option<Vec<T>> {
    chars.next();
    let mut items = Vec::new();
    skip(chars);
    if chars.next_if_eq(&end).is_some() {
        return Some(items);
    }
    loop {
        items.push(item(chars)?);
        skip(chars);
        match chars.next()? {
            ',' => {}
            c if c == end => return Some(items),
            _ => return None,
        }
    }
}

fn entry(chars: &mut Peekable<Chars<'_>>) -> Option<(String, Json)> {
    skip(chars);
    let key = string(chars)?;
    skip(chars);
    chars.next_if_eq(&':')?;
    Some((key, value(chars)?))
}

fn string(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    chars.next_if_eq(&'"')?;
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => text.push(match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'u' => {
                    let digits: String = chars.take(4).collect();
                    // Half of a pair stands for nothing by itself, and our names have none.
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?).unwrap_or('\u{fffd}')
                }
                c => c,
            }),
            c => text.push(c),
        }
    }
}

fn word(chars: &mut Peekable<Chars<'_>>) -> Option<Json> {
    let mut word = String::new();
    while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'))
    {
        word.push(c);
    }
    match word.as_str() {
        "null" => Some(Json::Null),
        "true" => Some(Json::Bool(true)),
        "false" => Some(Json::Bool(false)),
        number => number.parse().ok().map(Json::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_our_figures_are_made_of_is_read() {
        let text = r#" {"a": [1, -2.5e-3, null], "b\"\u00e9": {"c": true}, "d": "x\ny", "e": [], "f": {}} "#;
        let json = Json::parse(text).unwrap();
        let numbers: Vec<_> = json.get("a").unwrap().items().iter().map(Json::number).collect();
        assert_eq!(numbers, [Some(1.0), Some(-0.0025), None]);
        assert!(json.get("b\"é").unwrap().get("c").unwrap().holds());
        assert_eq!(json.get("d").unwrap().text(), Some("x\ny"));
        assert!(json.get("e").unwrap().items().is_empty() && json.get("g").is_none());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "{", "[1,]", "[1 2]", "{\"a\" 1}", "\"a", "nul", "1 2"] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
    }
}
