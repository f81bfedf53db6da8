//! Walks the instructions of a page for the glyphs they show.
#![allow(clippy::wildcard_enum_match_arm, reason = "of the many instructions a few show text")]

use std::collections::HashSet;
use std::rc::Rc;

use hayro_syntax::Pdf;
use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction;
use hayro_syntax::object::{Array, Dict, Name, Number, Object, ObjectIdentifier, Stream};
use hayro_syntax::page::{Page, Resources};

use crate::error::Result;
use crate::parsers::watch::Watch;

use super::fonts::{Fonts, PageFont, Shown};
use super::geometry::{Glyph, Glyphs, Matrix, whole};
use super::streams::{page_content, unpack};
use super::{MAX_FORM_DEPTH, MAX_STATES};

/// Forms on one page: maps and drawings have thousands.
const MAX_FORMS: usize = 20_000;
/// Glyphs of one page: a dense newspaper page has about 30,000.
const MAX_GLYPHS: usize = 2_000_000;

/// Reads the pages of a document one after the other.
pub(super) struct PageReader<'a, 'w> {
    fonts: Fonts<'a>,
    watch: &'w Watch<'w>,
    _pdf: &'a Pdf,
}

impl<'a, 'w> PageReader<'a, 'w> {
    pub(super) fn new(pdf: &'a Pdf, watch: &'w Watch<'w>) -> Self {
        Self { fonts: Fonts::new(), watch, _pdf: pdf }
    }

    /// The glyphs of a page, in the order in which they are shown.
    pub(super) fn glyphs(&mut self, page: &Page<'a>) -> Result<Glyphs> {
        let (content, damaged) = page_content(page, self.watch)?;
        let upright = Matrix::new(page.initial_transform(false).as_coeffs());
        let mut walk = Walk {
            reader: self,
            out: Glyphs { damaged, ..Glyphs::default() },
            seen: HashSet::new(),
            state: State { ctm: upright, ..State::default() },
            saved: Vec::new(),
            text_matrix: Matrix::IDENTITY,
            line_matrix: Matrix::IDENTITY,
            open_forms: Vec::new(),
            n_forms: 0,
            marks: Vec::new(),
        };
        walk.run(&content, page.resources())?;
        walk.annotations(page)?;
        Ok(walk.out)
    }
}

#[derive(Clone)]
struct State<'a> {
    ctm: Matrix,
    font: Option<Rc<PageFont<'a>>>,
    size: f64,
    char_space: f64,
    word_space: f64,
    scale: f64,
    leading: f64,
    rise: f64,
}

impl Default for State<'_> {
    fn default() -> Self {
        Self {
            ctm: Matrix::IDENTITY,
            font: None,
            size: 1.0,
            char_space: 0.0,
            word_space: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
        }
    }
}

/// A marked stretch of content, and the text that stands for it where it says so.
struct Mark {
    first_glyph: usize,
    actual: Option<String>,
}

struct Walk<'r, 'a, 'w> {
    reader: &'r mut PageReader<'a, 'w>,
    out: Glyphs,
    /// Places that were drawn already: shadows and false bold draw the same glyph twice.
    seen: HashSet<(u64, i64, i64)>,
    state: State<'a>,
    saved: Vec<State<'a>>,
    text_matrix: Matrix,
    line_matrix: Matrix,
    open_forms: Vec<ObjectIdentifier>,
    n_forms: usize,
    marks: Vec<Mark>,
}

impl<'a> Walk<'_, 'a, '_> {
    fn run(&mut self, content: &[u8], resources: &Resources<'a>) -> Result<()> {
        let depth = self.saved.len();
        let mut instructions = TypedIter::new(content);
        while let Some(instruction) = instructions.next() {
            self.reader.watch.tick()?;
            if self.out.glyphs.len() > MAX_GLYPHS {
                break;
            }
            self.instruction(&instruction, resources)?;
        }
        self.saved.truncate(depth.max(1));
        Ok(())
    }

    fn instruction(
        &mut self,
        instruction: &TypedInstruction<'_, '_>,
        resources: &Resources<'a>,
    ) -> Result<()> {
        use TypedInstruction as I;
        match instruction {
            I::SaveState(_) if self.saved.len() < MAX_STATES => self.saved.push(self.state.clone()),
            I::RestoreState(_) => {
                self.state = self.saved.pop().unwrap_or_else(|| self.state.clone())
            }
            I::Transform(t) => {
                let inner = matrix([&t.0, &t.1, &t.2, &t.3, &t.4, &t.5]);
                self.state.ctm = self.state.ctm.after(inner);
            }
            I::XObject(x) => {
                if let Some(form) = resources.get_x_object(x.0) {
                    self.form(&form, resources)?;
                }
            }
            I::SetGraphicsState(gs) => {
                let font =
                    resources.get_ext_g_state(gs.0).and_then(|gs| gs.get::<Array<'a>>(b"Font"));
                if let Some(font) = font {
                    let mut parts = font.flex_iter();
                    let dict = parts.next::<Dict<'a>>();
                    let size = parts.next::<Number>();
                    self.set_font(dict.as_ref(), size.map_or(1.0, |size| size.as_f64()));
                }
            }
            I::BeginMarkedContent(_) => self.mark(None),
            I::BeginMarkedContentWithProperties(properties) => {
                let actual = actual_text(properties.1, resources);
                self.mark(actual);
            }
            I::EndMarkedContent(_) => self.end_mark(),
            other => self.text_instruction(other, resources),
        }
        Ok(())
    }

    fn text_instruction(
        &mut self,
        instruction: &TypedInstruction<'_, '_>,
        resources: &Resources<'a>,
    ) {
        use TypedInstruction as I;
        match instruction {
            I::BeginText(_) => self.set_text_matrix(Matrix::IDENTITY),
            I::SetTextMatrix(m) => {
                self.set_text_matrix(matrix([&m.0, &m.1, &m.2, &m.3, &m.4, &m.5]));
            }
            I::TextFont(font) => {
                let dict = resources.get_font(font.0);
                self.set_font(dict.as_ref(), font.1.as_f64());
            }
            I::CharacterSpacing(space) => self.state.char_space = space.0.as_f64(),
            I::WordSpacing(space) => self.state.word_space = space.0.as_f64(),
            I::HorizontalScaling(scale) => self.state.scale = scale.0.as_f64() / 100.0,
            I::TextLeading(leading) => self.state.leading = leading.0.as_f64(),
            I::TextRise(rise) => self.state.rise = rise.0.as_f64(),
            I::NextLine(by) => self.next_line(by.0.as_f64(), by.1.as_f64()),
            I::NextLineAndSetLeading(by) => {
                self.state.leading = -by.1.as_f64();
                self.next_line(by.0.as_f64(), by.1.as_f64());
            }
            I::NextLineUsingLeading(_) => self.next_line(0.0, -self.state.leading),
            I::ShowText(shown) => self.show(shown.0.as_bytes()),
            I::ShowTexts(shown) => {
                for part in shown.0.iter::<Object<'_>>() {
                    match part {
                        Object::Number(by) => self.adjust(by.as_f64()),
                        Object::String(text) => self.show(text.as_bytes()),
                        _ => {}
                    }
                }
            }
            I::NextLineAndShowText(shown) => {
                self.next_line(0.0, -self.state.leading);
                self.show(shown.0.as_bytes());
            }
            I::ShowTextWithParameters(shown) => {
                self.state.word_space = shown.0.as_f64();
                self.state.char_space = shown.1.as_f64();
                self.next_line(0.0, -self.state.leading);
                self.show(shown.2.as_bytes());
            }
            _ => {}
        }
    }

    fn set_font(&mut self, dict: Option<&Dict<'a>>, size: f64) {
        self.state.size = size;
        self.state.font = match dict {
            Some(dict) => self.reader.fonts.font(dict),
            None => self.reader.fonts.usual(),
        };
    }

    fn set_text_matrix(&mut self, matrix: Matrix) {
        self.line_matrix = matrix;
        self.text_matrix = matrix;
    }

    fn next_line(&mut self, x: f64, y: f64) {
        self.set_text_matrix(self.line_matrix.after(Matrix::translation(x, y)));
    }

    /// Moves by thousandths of the font's size, against the direction of writing.
    fn adjust(&mut self, by: f64) {
        let horizontal = self.state.font.as_ref().is_none_or(|font| font.is_horizontal());
        let distance = -by / 1000.0 * self.state.size;
        let (x, y) = if horizontal { (distance * self.state.scale, 0.0) } else { (0.0, distance) };
        self.text_matrix = self.text_matrix.after(Matrix::translation(x, y));
    }

    fn show(&mut self, bytes: &[u8]) {
        if self.state.font.is_none() {
            self.state.font = self.reader.fonts.usual();
        }
        let Some(font) = self.state.font.clone() else { return };
        let horizontal = font.is_horizontal();
        font.show(bytes, |shown| self.glyph(shown, horizontal));
    }

    fn glyph(&mut self, shown: &Shown, horizontal: bool) {
        let state = &self.state;
        let word_space = if shown.word_space { state.word_space } else { 0.0 };
        // What letters are spaced by belongs to them; what words are spaced by is a gap.
        let reach = shown.advance * state.size + state.char_space;
        let (reach, word_space) = if horizontal {
            (reach * state.scale, word_space * state.scale)
        } else {
            (reach, word_space)
        };
        let frame = state.ctm.after(self.text_matrix);
        let along = |distance: f64| if horizontal { (distance, 0.0) } else { (0.0, distance) };
        let (dx, dy) = along(reach);
        let start = frame.apply(0.0, state.rise);
        let run = frame.turn(dx, dy);
        let up = frame.turn(0.0, state.size);
        let wide = frame.turn(state.size, 0.0);
        let height = up.0.hypot(up.1);
        let size = if horizontal { height } else { wide.0.hypot(wide.1) };
        let (x, y) = along(reach + word_space);
        self.text_matrix = self.text_matrix.after(Matrix::translation(x, y));
        match &shown.text {
            Some(text) if !shown.blank => self.put(&Rc::clone(text), start, run, size),
            Some(_) => self.blank(start, run, size),
            None => self.out.n_unknown += 1,
        }
    }

    /// Notes a space: where words stand close, nothing else tells them apart.
    fn blank(&mut self, start: (f64, f64), run: (f64, f64), size: f64) {
        if !(size.is_finite() && size > 0.01 && start.0.is_finite() && start.1.is_finite()) {
            return;
        }
        // More than one in a row say no more.
        if self.out.glyphs.last().is_some_and(|last| !last.blank) {
            let text = (self.out.text.len(), self.out.text.len());
            self.out.glyphs.push(placed(start, run, size, text, true));
        }
    }

    fn put(&mut self, text: &str, start: (f64, f64), run: (f64, f64), size: f64) {
        if !(size.is_finite() && size > 0.01 && start.0.is_finite() && start.1.is_finite()) {
            return;
        }
        self.out.n_known += 1;
        let cell = size * 0.1;
        let key = (fingerprint(text), whole(start.0 / cell), whole(start.1 / cell));
        if !self.seen.insert(key) {
            return;
        }
        let from = self.out.text.len();
        self.out.text.push_str(text);
        let text = (from, self.out.text.len());
        self.out.glyphs.push(placed(start, run, size, text, false));
    }

    fn form(&mut self, form: &Stream<'a>, resources: &Resources<'a>) -> Result<()> {
        let dict = form.dict();
        let is_form = dict.get::<Name<'_>>(b"Subtype").is_some_and(|kind| &*kind == b"Form");
        let id = form.obj_id();
        let too_deep = self.open_forms.len() >= MAX_FORM_DEPTH || self.open_forms.contains(&id);
        if !is_form || too_deep || self.n_forms >= MAX_FORMS {
            return Ok(());
        }
        self.n_forms += 1;
        let Some(content) = unpack(form, self.reader.watch)? else {
            self.out.damaged = true;
            return Ok(());
        };
        let own = dict.get::<Dict<'a>>(b"Resources").map(Resources::new);
        let inner = dict.get::<[f64; 6]>(b"Matrix").map_or(Matrix::IDENTITY, Matrix::new);
        let outside = (self.state.clone(), self.text_matrix, self.line_matrix);
        let saved = std::mem::take(&mut self.saved);
        self.state.ctm = self.state.ctm.after(inner);
        self.open_forms.push(id);
        let result = self.run(&content, own.as_ref().unwrap_or(resources));
        self.open_forms.pop();
        self.saved = saved;
        (self.state, self.text_matrix, self.line_matrix) = outside;
        result
    }

    /// What forms and notes on top of the page show.
    fn annotations(&mut self, page: &Page<'a>) -> Result<()> {
        const HIDDEN: i32 = 1 << 1 | 1 << 5;
        let Some(annotations) = page.raw().get::<Array<'a>>(b"Annots") else { return Ok(()) };
        let upright = Matrix::new(page.initial_transform(false).as_coeffs());
        for annotation in annotations.iter::<Dict<'a>>().take(MAX_FORMS) {
            if annotation.get::<i32>(b"F").unwrap_or(0) & HIDDEN != 0 {
                continue;
            }
            let Some(form) = appearance(&annotation) else { continue };
            let rect = annotation.get::<[f64; 4]>(b"Rect").unwrap_or_default();
            let bbox = form.dict().get::<[f64; 4]>(b"BBox").unwrap_or_default();
            let place = Matrix::translation(
                rect[0].min(rect[2]) - bbox[0].min(bbox[2]),
                rect[1].min(rect[3]) - bbox[1].min(bbox[3]),
            );
            self.state = State { ctm: upright.after(place), ..State::default() };
            self.form(&form, page.resources())?;
        }
        Ok(())
    }

    fn mark(&mut self, actual: Option<String>) {
        // Unbalanced marks would pile up.
        if self.marks.len() < MAX_STATES {
            self.marks.push(Mark { first_glyph: self.out.glyphs.len(), actual });
        }
    }

    /// Puts the text that stands for a marked stretch in its place.
    fn end_mark(&mut self) {
        let Some(Mark { first_glyph, actual: Some(actual) }) = self.marks.pop() else { return };
        let Some((first, last)) =
            self.out.glyphs.get(first_glyph).copied().zip(self.out.glyphs.last().copied())
        else {
            return;
        };
        // Only within one line: a longer stretch has no one place.
        if first.turn != last.turn || (first.y - last.y).abs() > first.size {
            return;
        }
        let Some(text) = super::unicode::readable(&actual) else { return };
        self.out.glyphs.truncate(first_glyph);
        let from = self.out.text.len();
        self.out.text.push_str(text.trim());
        let text = (from, self.out.text.len());
        let end = last.end.max(first.end);
        if text.0 < text.1 {
            self.out.glyphs.push(Glyph { end, text, blank: false, ..first });
        }
    }
}

fn actual_text<'a>(properties: &Object<'_>, resources: &Resources<'a>) -> Option<String> {
    let text = match properties {
        Object::Dict(dict) => dict.get::<hayro_syntax::object::String<'_>>(b"ActualText")?.to_vec(),
        Object::Name(name) => {
            let name = Name::new_unescaped(name);
            let dict = resources.properties.get::<Dict<'a>>(name)?;
            dict.get::<hayro_syntax::object::String<'_>>(b"ActualText")?.to_vec()
        }
        _ => return None,
    };
    Some(super::title::text_string(&text))
}

fn appearance<'a>(annotation: &Dict<'a>) -> Option<Stream<'a>> {
    match annotation.get::<Dict<'a>>(b"AP")?.get::<Object<'a>>(b"N")? {
        Object::Stream(stream) => Some(stream),
        Object::Dict(states) => {
            let state = annotation.get::<Name<'a>>(b"AS")?;
            states.get::<Stream<'a>>(state)
        }
        _ => None,
    }
}

fn matrix(numbers: [&Number; 6]) -> Matrix {
    Matrix::new(numbers.map(|number| number.as_f64()))
}

fn fingerprint(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A glyph at `start` that moves on by `run`, in the frame in which its line runs along x.
fn placed(
    start: (f64, f64),
    run: (f64, f64),
    size: f64,
    text: (usize, usize),
    blank: bool,
) -> Glyph {
    let turn = if run.0.abs() >= run.1.abs() {
        if run.0 >= 0.0 { 0 } else { 2 }
    } else if run.1 > 0.0 {
        1
    } else {
        3
    };
    let (x, y) = turned(start, turn);
    Glyph { x, end: x + run.0.hypot(run.1), y, size, text, turn, blank }
}

/// `point` in a frame turned so that lines with this turn run along x.
fn turned((x, y): (f64, f64), turn: u8) -> (f64, f64) {
    match turn {
        0 => (x, y),
        1 => (y, -x),
        2 => (-x, -y),
        _ => (-y, x),
    }
}
