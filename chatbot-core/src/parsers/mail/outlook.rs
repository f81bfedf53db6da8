//! Messages as Outlook keeps them (`.msg`).

use std::path::Path;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{ParseLimits, Parser};
use crate::types::{MediaType, ParsedDocument, RawDocument, Timestamp, Warning};

use super::body::Shown;
use super::entity::text_of;
use super::head::Head;
use super::properties::{Id, Properties, rich_text};
use super::{Letter, message_name, write};
use crate::parsers::assemble::one_line;
use crate::parsers::parts::{LeftOut, file_name};
use crate::parsers::registry::corrupt;
use crate::parsers::watch::Watch;

const CLASS: Id = 0x001A;
const SUBJECT: Id = 0x0037;
const SENT_AT: Id = 0x0039;
const SENDER_NAME: Id = 0x0C1A;
const SENDER_ADDRESS: Id = 0x0C1F;
const SENDER_SMTP_ADDRESS: Id = 0x5D01;
const TO: Id = 0x0E04;
const CC: Id = 0x0E03;
const DELIVERED_AT: Id = 0x0E06;
const BODY: Id = 0x1000;
const RICH_TEXT: Id = 0x1009;
const RICH_TEXT_AGREES: Id = 0x0E1F;
const HTML: Id = 0x1013;
const MESSAGE_ID: Id = 0x1035;
const DISPLAY_NAME: Id = 0x3001;
const FILE: Id = 0x3701;
const SHORT_NAME: Id = 0x3704;
const LONG_NAME: Id = 0x3707;
const FILE_TYPE: Id = 0x370E;
const CONTENT_ID: Id = 0x3712;

/// Bytes of rich text in which it says what it was made from: among its first ten words.
const MADE_FROM_WITHIN: usize = 512;

/// Reads messages that Outlook saved (`.msg`).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct OutlookParser {}

impl Parser for OutlookParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[MediaType::OUTLOOK];
        TYPES
    }

    fn parse(
        &self,
        ctx: &Context,
        media_type: &MediaType,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        let watch = Watch::begin(ctx, limits)?;
        let mut properties = Properties::open(&raw.bytes).map_err(|error| {
            corrupt("The message is damaged or incomplete. Save it again and add that.")
                .with_source(error)
        })?;
        let mut letter = Letter::new(&watch);
        letter.head = head(&mut properties);
        letter.shown = shown(&mut properties, &watch)?;
        let class = properties.text(Path::new("/"), CLASS).unwrap_or_default();
        letter.encrypted =
            class.starts_with("IPM.Note.SMIME") && !class.ends_with("MultipartSigned");
        let is_unread = letter.shown.is_empty() && !letter.encrypted;
        if is_unread && properties.binary(Path::new("/"), RICH_TEXT).is_some() {
            letter.facts.warnings.push(Warning::new(
                "rich_text",
                "The text of the message is kept in a form that cannot be read.",
            ));
        }
        for folder in properties.folders("__attach_version1.0_") {
            watch.check()?;
            attachment(&mut properties, &folder, &mut letter)?;
        }
        letter.finish(media_type)
    }
}

fn head(properties: &mut Properties<'_>) -> Head {
    let root = Path::new("/");
    let mut text = |id| one_line(&properties.text(root, id).unwrap_or_default());
    let (name, smtp, other) = (text(SENDER_NAME), text(SENDER_SMTP_ADDRESS), text(SENDER_ADDRESS));
    // Within an organisation, the other address is a path that means nothing outside.
    let address = [smtp, other].into_iter().find(|address| address.contains('@'));
    let from = match address {
        Some(address) if name.is_empty() || name == address => address,
        Some(address) => format!("{name} <{address}>"),
        None => name,
    };
    let (to, cc, subject, id) = (text(TO), text(CC), text(SUBJECT), text(MESSAGE_ID));
    let moment = properties.moment(root, SENT_AT).or_else(|| properties.moment(root, DELIVERED_AT));
    let date = moment.map(|ms| Timestamp::from_millis(ms).to_string()).unwrap_or_default();
    Head { from, to, cc, date: (date.clone(), date), subject, id }
}

/// What the reader of a message sees, of the up to three ways in which it is kept.
fn shown(properties: &mut Properties<'_>, watch: &Watch<'_>) -> Result<Vec<Shown>> {
    let root = Path::new("/");
    let label = properties.label_of_page();
    let html = match properties.binary(root, HTML) {
        Some(bytes) => Some(text_of(&bytes, &label).text),
        None => properties.text(root, HTML),
    };
    let blank = |text: &String| !text.trim().is_empty();
    let html = html.filter(blank).map(Shown::Html);
    let plain = properties.text(root, BODY).filter(blank).map(Shown::Plain);
    let (html, plain): (Vec<_>, Vec<_>) = (html.into_iter().collect(), plain.into_iter().collect());
    if let Some(rich) = rich(properties, watch) {
        let (is_original, rich) = (rich.is_original, vec![Shown::Rich(rich.text)]);
        let alone = html.is_empty() && plain.is_empty();
        if alone || (is_original && write::says_more(&rich, &plain, watch)?) {
            return Ok(rich);
        }
    }
    Ok(if !html.is_empty() && write::says_more(&html, &plain, watch)? { html } else { plain })
}

/// A message as rich text.
struct Rich {
    text: Vec<u8>,
    /// Whether the other ways were made from it.
    is_original: bool,
}

/// The message as rich text, where it has such. It is the original where Outlook says that it agrees with the others, unless it
/// says itself that it was made from one of them ([MS-OXBBODY] 2.1.3.1, [MS-OXRTFEX] 2.1.2).
fn rich(properties: &mut Properties<'_>, watch: &Watch<'_>) -> Option<Rich> {
    let root = Path::new("/");
    let text = rich_text(&properties.binary(root, RICH_TEXT)?, watch.limits().max_text_bytes)?;
    let agrees = properties.number(root, RICH_TEXT_AGREES).is_some_and(|said| said & 0xFFFF != 0);
    let head = text.get(..MADE_FROM_WITHIN.min(text.len())).unwrap_or_default();
    let says = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
    let is_original = agrees && !says(b"\\fromhtml") && !says(b"\\fromtext");
    Some(Rich { text, is_original })
}

fn attachment(
    properties: &mut Properties<'_>,
    folder: &Path,
    letter: &mut Letter<'_>,
) -> Result<()> {
    let number = letter.parts.len() + 1;
    let said = [LONG_NAME, SHORT_NAME, DISPLAY_NAME]
        .iter()
        .find_map(|id| properties.text(folder, *id).filter(|name| !name.trim().is_empty()));
    let said = said.unwrap_or_default();
    let name = file_name(&said, &format!("attachment {number}"));
    let declared = properties.text(folder, FILE_TYPE).and_then(|name| MediaType::parse(&name));
    let is_picture = declared.as_ref().is_some_and(|kind| kind.as_str().starts_with("image/"));
    if is_picture && properties.text(folder, CONTENT_ID).is_some() {
        return Ok(());
    }
    if let Some(bytes) = properties.binary(folder, FILE) {
        return if bytes.is_empty() { Ok(()) } else { letter.parts.add(&name, declared, bytes) };
    }
    match properties.message_in(folder, letter.parts.room()) {
        Some(message) => {
            let name = message_name(&said, number, "msg");
            letter.parts.add(&name, Some(MediaType::OUTLOOK), message)
        }
        None => {
            letter.parts.omissions.add(&name, LeftOut::Unread);
            Ok(())
        }
    }
}
