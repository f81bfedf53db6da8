//! The characters of glyphs whose font does not state them in the usual way.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "of the many kinds of objects a few are expected here"
)]

use std::collections::HashMap;

use hayro_cmap::{BfString, CMap, CMapName, CidFamily, load_embedded};
use hayro_font::OutlineGlyph;
use hayro_syntax::object::{Array, Dict, Name, Object, String as PdfString};
use skrifa::MetadataProvider as _;

/// A font of many characters: from codes to numbers of glyphs, and from those, in the collections of Chinese, Japanese
/// and Korean, to characters.
#[derive(Debug)]
pub(super) struct Composite {
    encoding: CMap,
    collection: Option<CMap>,
    /// Whether the font says, by a name in place of a map, that its codes are characters.
    codes_are_characters: bool,
}

impl Composite {
    /// What the font's dictionary says; `None` where it is no such font.
    pub(super) fn read(font: &Dict<'_>) -> Option<Self> {
        let descendants = font.get::<Array<'_>>(b"DescendantFonts")?;
        let descendant = descendants.iter::<Dict<'_>>().next()?;
        let info = descendant.get::<Dict<'_>>(b"CIDSystemInfo");
        let ordering = info.and_then(|info| {
            let registry = info.get::<PdfString<'_>>(b"Registry")?;
            let ordering = info.get::<PdfString<'_>>(b"Ordering")?;
            CidFamily::from_registry_ordering(&registry, &ordering).ucs2_cmap()
        });
        let collection = ordering.and_then(embedded);
        let map = font.get::<Name<'_>>(b"ToUnicode");
        let codes_are_characters = map.is_some_and(|map| map.starts_with(b"Identity-"));
        Some(Self { encoding: encoding(font)?, collection, codes_are_characters })
    }

    pub(super) fn text(&self, code: u32, len: usize) -> Option<String> {
        let len = u8::try_from(len).ok()?;
        let by_number = || {
            let cid = self.encoding.lookup_cid_code(code, len)?;
            self.collection.as_ref()?.lookup_bf_string(cid)
        };
        let by_code = || {
            // As an encoding, a map to characters names glyphs: only where nothing is known, it may be meant as it reads.
            let stated = self.codes_are_characters.then(|| char::from_u32(code)).flatten();
            stated.map(BfString::Char).or_else(|| self.encoding.lookup_bf_string(code))
        };
        by_number().or_else(by_code).map(text)
    }
}

fn encoding(font: &Dict<'_>) -> Option<CMap> {
    match font.get::<Object<'_>>(b"Encoding")? {
        Object::Name(name) => named(&name),
        Object::Stream(stream) => CMap::parse(&stream.decoded_data().ok()?, load_embedded),
        _ => None,
    }
}

fn named(name: &Name<'_>) -> Option<CMap> {
    match CMapName::from_bytes(name) {
        CMapName::IdentityH => Some(CMap::identity_h()),
        CMapName::IdentityV => Some(CMap::identity_v()),
        other => embedded(other),
    }
}

fn embedded(name: CMapName<'_>) -> Option<CMap> {
    CMap::parse(load_embedded(name)?, load_embedded)
}

pub(super) fn text(found: BfString) -> String {
    match found {
        BfString::Char(c) => c.to_string(),
        BfString::String(text) => text,
    }
}

/// From the glyphs of an embedded font program back to characters.
#[derive(Debug, Default)]
pub(super) struct Reversed(HashMap<u32, char>);

impl Reversed {
    /// Reads the character map of the program that `glyph` belongs to.
    pub(super) fn read(glyph: &OutlineGlyph) -> Self {
        let mut characters = HashMap::new();
        let Some(data) = glyph.font_data() else { return Self(characters) };
        let Ok(font) = skrifa::FontRef::new(data.data.as_ref().as_ref()) else {
            return Self(characters);
        };
        for (code, glyph) in font.charmap().mappings() {
            if let Some(c) = char::from_u32(code) {
                characters.entry(glyph.to_u32()).or_insert(c);
            }
        }
        Self(characters)
    }

    pub(super) fn text(&self, glyph: &OutlineGlyph) -> Option<String> {
        self.0.get(&glyph.glyph_id().to_u32()).map(char::to_string)
    }
}
