//! The texts of each slide.

use std::collections::HashMap;

use encoding_rs::UTF_16LE;

use crate::error::Result;
use crate::parsers::ole::u32_at;
use crate::parsers::slide::Slide;
use crate::parsers::watch::Watch;
use crate::types::BlockKind;

use super::damaged;
use super::records::{self, LIST, LISTED, Record, Records};
use super::saved::{Saved, reference};

/// Which list holds the slides, and which the notes.
const SLIDES: u16 = 0;
const NOTES: u16 = 2;
/// What a text is for.
const TITLE: u32 = 0;
const NOTE: u32 = 2;
const OTHER: u32 = 4;
const SUBTITLE: u32 = 5;
const MAIN_TITLE: u32 = 6;
/// What stands for a number or a date that is not part of the text.
const FIELD: &str = "*";

/// A slide in the list.
#[derive(Debug, Default)]
struct Listed {
    record: u32,
    id: u32,
    /// Its texts that are kept in the list.
    texts: Vec<Text>,
}

#[derive(Debug, Clone, Default)]
struct Text {
    role: u32,
    text: String,
}

/// The slides of a presentation, in the order in which they are shown.
pub(super) fn read(stream: &[u8], saved: &Saved, watch: &Watch<'_>) -> Result<Vec<Slide>> {
    let (slides, notes) = lists(saved.document(stream).ok_or_else(damaged)?, watch)?;
    let notes = notes_by_slide(stream, saved, &notes, watch)?;
    let mut read = Vec::with_capacity(slides.len());
    for (number, listed) in (1..).zip(slides) {
        let mut slide = Slide::new(number);
        for text in texts(stream, saved, &listed, watch)? {
            add(&mut slide, &text, number == 1);
        }
        for note in notes.get(&listed.id).into_iter().flatten() {
            paragraphs(&note.text).for_each(|text| slide.add_note(text));
        }
        read.push(slide);
    }
    Ok(read)
}

/// The slides and the pages of notes that the document lists.
fn lists(document: Records<'_>, watch: &Watch<'_>) -> Result<(Vec<Listed>, Vec<Listed>)> {
    let (mut slides, mut notes) = (Vec::new(), Vec::new());
    let mut list = None;
    let mut role = OTHER;
    for record in document {
        watch.tick()?;
        if record.kind == LIST {
            list = Some(record.instance);
        }
        let open = match list {
            Some(SLIDES) => &mut slides,
            Some(NOTES) => &mut notes,
            _ => continue,
        };
        if record.kind == LISTED {
            let number = |at| u32_at(record.data, at).unwrap_or(0);
            open.push(Listed { record: number(0), id: number(12), texts: Vec::new() });
        } else if let (Some(last), Some(text)) = (open.last_mut(), text(record, &mut role)) {
            last.texts.push(text);
        }
    }
    Ok((slides, notes))
}

/// What each page of notes says, by the slide that it belongs to.
fn notes_by_slide(
    stream: &[u8],
    saved: &Saved,
    pages: &[Listed],
    watch: &Watch<'_>,
) -> Result<HashMap<u32, Vec<Text>>> {
    let mut notes: HashMap<u32, Vec<Text>> = HashMap::new();
    for page in pages {
        let Some(place) = saved.place(page.record) else { continue };
        let mut all = Records::within(stream, place);
        let facts = all.find(|record| record.kind == records::NOTES_FACTS);
        let Some(slide) = facts.and_then(|facts| u32_at(facts.data, 0)) else { continue };
        let said = texts(stream, saved, page, watch)?.into_iter().filter(|text| text.role == NOTE);
        notes.entry(slide).or_default().extend(said);
    }
    Ok(notes)
}

/// The texts on a slide: those that its shapes hold, and those that they name in the list.
fn texts(stream: &[u8], saved: &Saved, listed: &Listed, watch: &Watch<'_>) -> Result<Vec<Text>> {
    let mut found = Vec::new();
    let mut named = vec![false; listed.texts.len()];
    let mut role = OTHER;
    let mut len = 0;
    let place = saved.place(listed.record);
    for record in place.map(|at| Records::within(stream, at)).into_iter().flatten() {
        watch.tick()?;
        let text = if record.kind == records::TEXT_REFERENCE {
            let index = reference(record).filter(|at| named.get(*at) == Some(&false));
            index.and_then(|at| {
                *named.get_mut(at)? = true;
                listed.texts.get(at).cloned()
            })
        } else {
            text(record, &mut role)
        };
        len += text.as_ref().map_or(0, |text| text.text.len());
        watch.text_len(len)?;
        found.extend(text);
    }
    let unnamed = listed.texts.iter().zip(named).filter(|(_, named)| !named);
    let mut all: Vec<Text> = unnamed.map(|(text, _)| text.clone()).collect();
    all.extend(found);
    Ok(all)
}

/// The text in a record. A record before it says what it is for.
fn text(record: Record<'_>, role: &mut u32) -> Option<Text> {
    let text = match record.kind {
        records::TEXT_HEADER => {
            *role = u32_at(record.data, 0)?;
            return None;
        }
        records::WIDE_TEXT => UTF_16LE.decode_without_bom_handling(record.data).0.into_owned(),
        // The lower halves of 16 bits.
        records::NARROW_TEXT => record.data.iter().copied().map(char::from).collect(),
        _ => return None,
    };
    Some(Text { role: *role, text })
}

fn add(slide: &mut Slide, text: &Text, is_first: bool) {
    if text.text.trim() == FIELD {
        return;
    }
    match text.role {
        TITLE | MAIN_TITLE => {
            slide.heads_all |= is_first && text.role == MAIN_TITLE;
            slide.add_title(text.text.replace(['\r', '\u{B}'], " "));
        }
        OTHER | SUBTITLE | NOTE => {
            paragraphs(&text.text).for_each(|text| slide.add(BlockKind::Paragraph, text));
        }
        _ => paragraphs(&text.text)
            .filter(|text| !text.trim().is_empty())
            .for_each(|text| slide.add(BlockKind::ListItem, format!("- {}", text.trim()))),
    }
}

fn paragraphs(text: &str) -> impl Iterator<Item = String> {
    text.split('\r').map(|paragraph| paragraph.replace('\u{B}', "\n"))
}
