//! Fonts: which characters a string shows, and how far each reaches.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use hayro_font::{
    CMapResolverFn, Font, FontCache, FontGlyph, FontQuery, FontResolverFn, OutlineGlyph,
};
use hayro_syntax::object::{Dict, ObjectIdentifier};

use super::glyph_text::{self, Composite, Reversed};
use super::unicode::{readable, western};

/// Fonts measure in thousandths of their size.
const UNITS: f64 = 1000.0;
/// How wide a glyph is taken to be where its font does not say.
const USUAL_WIDTH: f64 = 0.5;

/// One code of a string.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// The characters; `None` where nobody knows.
    pub(super) text: Option<Rc<str>>,
    /// Whether it shows nothing, as a space does.
    pub(super) blank: bool,
    /// How far it reaches, in sizes of the font.
    pub(super) advance: f64,
    /// Whether extra space between words is added to it.
    pub(super) word_space: bool,
}

/// A font, with what was found out about its codes so far.
pub(super) struct PageFont<'a> {
    font: Font<'a>,
    dict: Dict<'a>,
    known: RefCell<HashMap<(u32, usize), Shown>>,
    composite: OnceCell<Option<Composite>>,
    reversed: OnceCell<Reversed>,
}

impl<'a> PageFont<'a> {
    fn new(font: Font<'a>, dict: Dict<'a>) -> Rc<Self> {
        Rc::new(Self {
            font,
            dict,
            known: RefCell::default(),
            composite: OnceCell::new(),
            reversed: OnceCell::new(),
        })
    }

    pub(super) fn is_horizontal(&self) -> bool {
        self.font.is_horizontal()
    }

    /// What `bytes` show, code by code.
    pub(super) fn show(&self, bytes: &[u8], mut each: impl FnMut(&Shown)) {
        let mut at = 0;
        while at < bytes.len() {
            let (code, len) = self.font.read_code(bytes, at);
            at += len.max(1);
            let mut known = self.known.borrow_mut();
            each(known.entry((code, len)).or_insert_with(|| self.look_up(code, len)));
        }
    }

    fn look_up(&self, code: u32, len: usize) -> Shown {
        let glyph = self.font.map_code(code);
        let found = match self.font.glyph(glyph, code) {
            FontGlyph::Outline(outline) => {
                let stated = outline.as_unicode().map(glyph_text::text);
                stated.or_else(|| self.found_out(&outline, code, len))
            }
            FontGlyph::Type3(drawn) => drawn.as_unicode().map(glyph_text::text),
        };
        let text = match found {
            Some(found) => readable(&found),
            None if len == 1 => western(code).map(String::from),
            None => None,
        };
        let vector = self.font.code_advance(code);
        let advance = if self.font.is_horizontal() { vector.x } else { vector.y } / UNITS;
        let usable = advance.is_finite() && advance.abs() < 100.0;
        let nothing = text.as_deref().is_some_and(|text| text.trim().is_empty());
        Shown {
            blank: nothing,
            advance: if usable && (advance != 0.0 || nothing) { advance } else { USUAL_WIDTH },
            text: text.map(Rc::from),
            word_space: code == 32 && len == 1,
        }
    }
}

impl PageFont<'_> {
    /// The characters of a glyph whose font has no map for them: by its encoding and collection, or by the map inside
    /// the embedded program.
    fn found_out(&self, outline: &OutlineGlyph, code: u32, len: usize) -> Option<String> {
        let composite = self.composite.get_or_init(|| Composite::read(&self.dict));
        let by_encoding = composite.as_ref().and_then(|font| font.text(code, len));
        by_encoding.or_else(|| {
            composite.as_ref()?;
            self.reversed.get_or_init(|| Reversed::read(outline)).text(outline)
        })
    }
}

/// The fonts of a document.
pub(super) struct Fonts<'a> {
    cache: FontCache<'a>,
    open: HashMap<ObjectIdentifier, Option<Rc<PageFont<'a>>>>,
    programs: FontResolverFn,
    maps: CMapResolverFn,
}

impl<'a> Fonts<'a> {
    pub(super) fn new() -> Self {
        Self {
            cache: FontCache::new(),
            open: HashMap::new(),
            programs: Arc::new(|query| match query {
                FontQuery::Standard(font) => Some(font.get_font_data()),
                FontQuery::Fallback(query) => Some(query.pick_standard_font().get_font_data()),
            }),
            maps: Arc::new(hayro_cmap::load_embedded),
        }
    }

    /// The font that `dict` describes.
    pub(super) fn font(&mut self, dict: &Dict<'a>) -> Option<Rc<PageFont<'a>>> {
        let id = dict.obj_id();
        if let Some(known) = id.and_then(|id| self.open.get(&id)) {
            return known.clone();
        }
        let font = self.cache.font(dict, &self.programs, &self.maps);
        let font = font.map(|font| PageFont::new(font, dict.clone()));
        if let Some(id) = id {
            self.open.insert(id, font.clone());
        }
        font
    }

    /// What is used where a page names no font.
    pub(super) fn usual(&self) -> Option<Rc<PageFont<'a>>> {
        let font = self.cache.standard_font(hayro_font::StandardFont::Helvetica, &self.programs)?;
        Some(PageFont::new(font, Dict::empty()))
    }
}
