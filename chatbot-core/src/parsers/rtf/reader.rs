//! The groups of a document, and what the text in each is for.

use std::collections::HashMap;

use encoding_rs::{Encoding, MACINTOSH, WINDOWS_1252};

use crate::error::Result;
use crate::parsers::assemble::{Assembly, Facts};
use crate::parsers::code_pages::code_page;
use crate::parsers::flow::{Flow, Look};
use crate::parsers::headings::{heading_level, outline_level};
use crate::parsers::watch::exceeded;

use super::charsets::{Charset, charset};
use super::facts::{Fact, Info};
use super::text::{Pending, named};
use super::tokens::{Token, Tokens};

/// What text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    Body,
    Note,
    /// What stands in front of an item of a list.
    Marker,
    Fonts,
    Styles,
    Info,
    Fact(Fact),
    Nobody,
}

/// What a group inherits from the one around it.
#[derive(Debug, Clone, Copy)]
struct Group {
    destination: Destination,
    font: i32,
    hidden: bool,
    deleted: bool,
    /// How many characters stand in for one of Unicode.
    n_fallback: usize,
}

struct Reader<'w, 'a> {
    flow: Flow<'w, 'a>,
    group: Group,
    outer: Vec<Group>,
    /// Whether the group may be passed over by those who do not know it.
    optional: bool,
    pending: Pending,
    encoding: &'static Encoding,
    fonts: HashMap<i32, Option<Charset>>,
    default_font: i32,
    headings: HashMap<i32, u8>,
    style: Style,
    info: Info,
}

/// A style whose description has not ended.
#[derive(Debug, Default)]
struct Style {
    number: i32,
    outline: Option<u8>,
    name: String,
}

/// Adds the blocks of a document; returns what it says about itself.
pub(super) fn read(bytes: &[u8], assembly: &mut Assembly<'_>) -> Result<Facts> {
    let watch = assembly.watch();
    let mut reader = Reader::new(assembly);
    let mut tokens = Tokens::new(bytes);
    while let Some(token) = tokens.next() {
        watch.tick()?;
        match token {
            Token::Open => {
                reader.flush()?;
                if reader.outer.len() >= watch.limits().max_depth {
                    return Err(exceeded("The document is nested more deeply than any real one."));
                }
                reader.outer.push(reader.group);
                reader.optional = false;
            }
            Token::Close => reader.close()?,
            Token::Word("bin", n) => {
                tokens.pass(n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0));
            }
            Token::Word(word, number) => reader.word(word, number)?,
            Token::Sign(b'*') => reader.optional = true,
            Token::Sign(sign) => reader.sign(sign)?,
            Token::Byte(byte) => reader.byte(byte),
            Token::Text(text) => text
                .iter()
                .filter(|byte| !matches!(byte, b'\r' | b'\n' | 0))
                .for_each(|byte| reader.byte(*byte)),
        }
    }
    reader.flush()?;
    reader.flow.finish()?;
    Ok(reader.info.facts())
}

impl<'w, 'a> Reader<'w, 'a> {
    fn new(assembly: &'w mut Assembly<'a>) -> Self {
        let group = Group {
            destination: Destination::Body,
            font: 0,
            hidden: false,
            deleted: false,
            n_fallback: 1,
        };
        Self {
            flow: Flow::new(assembly),
            group,
            outer: Vec::new(),
            optional: false,
            pending: Pending::default(),
            encoding: WINDOWS_1252,
            fonts: HashMap::new(),
            default_font: 0,
            headings: HashMap::new(),
            style: Style::default(),
            info: Info::default(),
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.group.destination != Destination::Nobody {
            self.pending.byte(byte);
        }
    }

    /// Hands over the text that was read so far.
    fn flush(&mut self) -> Result<()> {
        self.pending.end_fallback();
        self.decode()
    }

    fn decode(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let font = self.fonts.get(&self.group.font).copied().flatten();
        let text = self.pending.take(font.unwrap_or(Charset::Encoded(self.encoding)));
        self.show(&text)
    }

    fn show(&mut self, text: &str) -> Result<()> {
        if self.group.hidden || self.group.deleted {
            return Ok(());
        }
        match self.group.destination {
            Destination::Body => return self.flow.text(text),
            Destination::Note => self.flow.note(text),
            Destination::Marker => self.flow.marker(text),
            Destination::Styles => self.style.name.push_str(text),
            Destination::Fact(_) => self.info.text(text),
            Destination::Fonts | Destination::Info | Destination::Nobody => {}
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        self.flush()?;
        self.optional = false;
        let inner = self.group;
        let Some(outer) = self.outer.pop() else { return Ok(()) };
        self.group = outer;
        let ends = outer.destination != inner.destination;
        match inner.destination {
            Destination::Note if ends => self.flow.end_note(),
            Destination::Fact(fact) if ends => self.info.end(fact),
            Destination::Styles => self.end_style(),
            Destination::Body
            | Destination::Note
            | Destination::Marker
            | Destination::Fonts
            | Destination::Info
            | Destination::Fact(_)
            | Destination::Nobody => {}
        }
        Ok(())
    }

    /// Notes which level of heading a style stands for.
    fn end_style(&mut self) {
        let style = std::mem::take(&mut self.style);
        let name = style.name.trim().trim_end_matches(';');
        if let Some(level) = style.outline.or_else(|| heading_level(name)) {
            self.headings.insert(style.number, level);
        }
    }

    fn sign(&mut self, sign: u8) -> Result<()> {
        if sign == b'\n' || sign == b'\r' {
            return self.word("par", None);
        }
        let name = [sign];
        // All of them are ASCII, and may stand in for a character of Unicode.
        if let Some(shown) = std::str::from_utf8(&name).ok().and_then(named) {
            self.byte(u8::try_from(shown).unwrap_or(b' '));
        }
        Ok(())
    }

    fn word(&mut self, word: &str, number: Option<i32>) -> Result<()> {
        if word == "u" {
            return self.unicode(number.unwrap_or(0));
        }
        self.flush()?;
        let optional = std::mem::take(&mut self.optional);
        if self.group.destination == Destination::Nobody {
            return Ok(());
        }
        if let Some(destination) = destination(word, self.group.destination, optional) {
            self.group.destination = destination;
            return Ok(());
        }
        if let Some(c) = named(word) {
            return self.show(c.encode_utf8(&mut [0; 4]));
        }
        match self.group.destination {
            Destination::Fonts => self.font_word(word, number),
            Destination::Styles => self.style_word(word, number),
            Destination::Info | Destination::Fact(_) => self.info.number(word, number.unwrap_or(0)),
            Destination::Body => return self.body_word(word, number),
            Destination::Note if word == "par" => self.flow.note("\n"),
            Destination::Note | Destination::Marker | Destination::Nobody => {}
        }
        self.character_word(word, number);
        Ok(())
    }

    fn unicode(&mut self, number: i32) -> Result<()> {
        self.decode()?;
        match self.pending.unicode(number, self.group.n_fallback) {
            Some(c) => self.show(c.encode_utf8(&mut [0; 4])),
            None => Ok(()),
        }
    }

    fn font_word(&mut self, word: &str, number: Option<i32>) {
        let Some(number) = number else { return };
        let known = match word {
            "fcharset" => charset(number),
            "cpg" if number > 0 => Some(Charset::Encoded(code_page(number))),
            _ => return,
        };
        let font = self.fonts.entry(self.group.font).or_default();
        *font = known.or(*font);
    }

    fn style_word(&mut self, word: &str, number: Option<i32>) {
        match (word, number) {
            ("s", Some(number)) => self.style.number = number,
            ("outlinelevel", Some(level)) => self.style.outline = outline(level),
            _ => {}
        }
    }

    fn body_word(&mut self, word: &str, number: Option<i32>) -> Result<()> {
        match word {
            "par" | "sect" | "shptxt" => return self.flow.end_paragraph(),
            "pard" => self.flow.look = Look::default(),
            "intbl" => self.flow.look.in_table = true,
            "s" => {
                let level = number.and_then(|style| self.headings.get(&style));
                self.flow.look.heading = level.copied();
            }
            "outlinelevel" => self.flow.look.heading = number.and_then(outline),
            "trowd" => self.flow.header_row = false,
            "trhdr" => self.flow.header_row = true,
            "cell" => self.flow.end_cell(),
            "row" => return self.flow.end_row(),
            _ => self.character_word(word, number),
        }
        Ok(())
    }

    /// What words mean for characters, and for the document as a whole.
    fn character_word(&mut self, word: &str, number: Option<i32>) {
        let on = number != Some(0);
        match word {
            "f" => self.group.font = number.unwrap_or(self.default_font),
            "plain" => {
                self.group.font = self.default_font;
                (self.group.hidden, self.group.deleted) = (false, false);
            }
            "v" => self.group.hidden = on,
            "deleted" => self.group.deleted = on,
            "uc" => self.group.n_fallback = number.and_then(|n| n.try_into().ok()).unwrap_or(1),
            "ansicpg" => self.encoding = code_page(number.unwrap_or(0)),
            "mac" => self.encoding = MACINTOSH,
            "deff" => self.default_font = number.unwrap_or(0),
            _ => {}
        }
    }
}

/// The heading level of an outline level.
fn outline(level: i32) -> Option<u8> {
    usize::try_from(level).ok().and_then(outline_level)
}

/// What the text of a group is for, where `word` says so. Unknown groups that are optional are for nobody.
fn destination(word: &str, within: Destination, optional: bool) -> Option<Destination> {
    Some(match word {
        "fonttbl" => Destination::Fonts,
        "stylesheet" => Destination::Styles,
        "info" => Destination::Info,
        "footnote" => Destination::Note,
        "listtext" | "pntext" => Destination::Marker,
        "pict" | "colortbl" | "filetbl" | "listtable" | "listoverridetable" | "revtbl"
        | "rsidtbl" | "fldinst" | "objdata" | "objclass" | "objname" | "xe" | "tc" | "rxe"
        | "txe" | "nonshppict" | "nonesttables" | "annotation" | "atnid" | "atnauthor"
        | "header" | "headerl" | "headerr" | "headerf" | "footer" | "footerl" | "footerr"
        | "footerf" | "ftnsep" | "ftnsepc" | "aftnsep" | "aftnsepc" | "bkmkstart" | "bkmkend"
        | "template" | "sp" | "sn" | "sv" | "shprslt" => Destination::Nobody,
        _ if within == Destination::Info => Destination::Fact(Fact::of(word)?),
        "shpinst" | "shptxt" => return None,
        _ if optional => Destination::Nobody,
        _ => return None,
    })
}
