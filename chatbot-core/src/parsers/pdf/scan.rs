//! Pages without a text that could be read, as the pictures that they show.

use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction;
use hayro_syntax::object::{Dict, Name, ObjectIdentifier, Stream};
use hayro_syntax::page::{Page, Resources};

use crate::error::Result;
use crate::parsers::pictures::{Affine, Canvas, MAX_STAMP_LETTERS};
use crate::parsers::watch::Watch;

use super::geometry::{Glyphs, Matrix};
use super::streams::{page_content, unpack};
use super::{MAX_FORM_DEPTH, MAX_STATES, images, is_unreadable};

/// Pictures of one page: scanners cut pages into strips, of a few lines each.
const MAX_IMAGES: usize = 2000;
/// Forms on the way to them.
const MAX_FORMS: usize = 2000;
/// The part of a page without text that pictures cover where they may hold text: a receipt, a business card.
const MIN_COVER: f64 = 0.05;
/// The same where the page has a few letters of text.
const MIN_COVER_BESIDE_TEXT: f64 = 0.5;
/// Points of an inch.
const INCH: f64 = 72.0;

/// The page as a picture, where its text cannot be read and pictures may hold it.
pub(super) fn page(page: &Page<'_>, text: &Glyphs, watch: &Watch<'_>) -> Result<Option<Canvas>> {
    let n_letters = text.text.chars().filter(|c| c.is_alphanumeric()).count();
    let is_blank = n_letters == 0 || is_unreadable(text);
    if !is_blank && n_letters >= MAX_STAMP_LETTERS {
        return Ok(None);
    }
    let (width, height) = page.render_dimensions();
    let size = (f64::from(width), f64::from(height));
    let placed = placed_on(page, watch)?;
    let cover: f64 = placed.iter().map(|image| image.area()).sum::<f64>() / (size.0 * size.1);
    if cover < if is_blank { MIN_COVER } else { MIN_COVER_BESIDE_TEXT } {
        return Ok(None);
    }
    let dpi = placed.iter().map(Placed::dpi).fold(0.0, f64::max);
    let Some(mut canvas) = Canvas::new((size.0 / INCH, size.1 / INCH), dpi) else {
        return Ok(None);
    };
    let scale = canvas.dpi() / INCH;
    // From points, upwards, to pixels, downwards; and from the upper left corner of a picture to its lower left one.
    let down = Matrix::new([scale, 0.0, 0.0, -scale, 0.0, size.1 * scale]);
    let turned = Matrix::new([1.0, 0.0, 0.0, -1.0, 0.0, 1.0]);
    let mut n_drawn = 0;
    for image in placed {
        if let Some(picture) = images::read(&image.stream, &image.resources, watch)? {
            let Matrix { a, b, c, d, e, f } = down.after(image.place).after(turned);
            canvas.draw(&picture, Affine([a, b, c, d, e, f]), watch)?;
            n_drawn += 1;
        }
    }
    Ok((n_drawn > 0).then_some(canvas))
}

/// A picture on a page.
struct Placed<'a> {
    stream: Stream<'a>,
    resources: Resources<'a>,
    place: Matrix,
}

impl Placed<'_> {
    fn area(&self) -> f64 {
        let Matrix { a, b, c, d, .. } = self.place;
        (a * d - b * c).abs()
    }

    fn dpi(&self) -> f64 {
        let n_pixels = self.stream.dict().get::<u32>(b"Width").map_or(0.0, f64::from);
        let inches = self.place.a.hypot(self.place.b) / INCH;
        let dpi = n_pixels / inches;
        // What is tiny says nothing about the page.
        if dpi.is_finite() && inches > 0.5 { dpi } else { 0.0 }
    }
}

fn placed_on<'a>(page: &Page<'a>, watch: &Watch<'_>) -> Result<Vec<Placed<'a>>> {
    let (content, _) = page_content(page, watch)?;
    let place = Matrix::new(page.initial_transform(false).as_coeffs());
    let mut walk = Walk { watch, found: Vec::new(), open_forms: Vec::new(), n_forms: 0, place };
    walk.run(&content, page.resources())?;
    Ok(walk.found)
}

struct Walk<'a, 'w> {
    watch: &'w Watch<'w>,
    found: Vec<Placed<'a>>,
    open_forms: Vec<ObjectIdentifier>,
    n_forms: usize,
    place: Matrix,
}

impl<'a> Walk<'a, '_> {
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "of the many instructions a few show pictures"
    )]
    fn run(&mut self, content: &[u8], resources: &Resources<'a>) -> Result<()> {
        use TypedInstruction as I;
        let mut saved = Vec::new();
        let mut instructions = TypedIter::new(content);
        while let Some(instruction) = instructions.next() {
            self.watch.tick()?;
            match instruction {
                I::SaveState(_) if saved.len() < MAX_STATES => saved.push(self.place),
                I::RestoreState(_) => self.place = saved.pop().unwrap_or(self.place),
                I::Transform(t) => {
                    let numbers = [t.0, t.1, t.2, t.3, t.4, t.5].map(|number| number.as_f64());
                    self.place = self.place.after(Matrix::new(numbers));
                }
                I::XObject(name) => {
                    if let Some(object) = resources.get_x_object(name.0) {
                        self.object(object, resources)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn object(&mut self, object: Stream<'a>, resources: &Resources<'a>) -> Result<()> {
        let kind = object.dict().get::<Name<'_>>(b"Subtype");
        match kind.as_deref() {
            Some(b"Image") if self.found.len() < MAX_IMAGES => {
                let (resources, place) = (resources.clone(), self.place);
                self.found.push(Placed { stream: object, resources, place });
                Ok(())
            }
            Some(b"Form") => self.form(&object, resources),
            _ => Ok(()),
        }
    }

    fn form(&mut self, form: &Stream<'a>, resources: &Resources<'a>) -> Result<()> {
        let id = form.obj_id();
        let is_too_deep = self.open_forms.len() >= MAX_FORM_DEPTH || self.open_forms.contains(&id);
        if is_too_deep || self.n_forms >= MAX_FORMS {
            return Ok(());
        }
        self.n_forms += 1;
        let Some(content) = unpack(form, self.watch)? else { return Ok(()) };
        let own = form.dict().get::<Dict<'a>>(b"Resources").map(Resources::new);
        let inner = form.dict().get::<[f64; 6]>(b"Matrix").map_or(Matrix::IDENTITY, Matrix::new);
        let outside = self.place;
        self.place = self.place.after(inner);
        self.open_forms.push(id);
        let result = self.run(&content, own.as_ref().unwrap_or(resources));
        self.open_forms.pop();
        self.place = outside;
        result
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use crate::context::Context;
    use crate::parsers::Parsers;
    use crate::parsers::pictures::{Picture, Wanted};
    use crate::traits::ParseLimits;
    use crate::types::RawDocument;

    /// A page of two inches by one with this on it, and these pictures, by their entries and bytes, under `I0` and so on.
    fn page(content: &str, pictures: &[(&str, &str)]) -> Option<Picture> {
        let mut out = "%PDF-1.7\n1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\n\
            2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj\n\
            5 0 obj << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> endobj\n"
            .to_owned();
        let mut names = String::new();
        for (at, (entries, data)) in pictures.iter().enumerate() {
            let (number, len) = (at + 10, data.len());
            write!(names, "/I{at} {number} 0 R ").unwrap();
            write!(
                out,
                "{number} 0 obj << /Subtype /Image {entries} /Length {len} >>\nstream\n{data}\nendstream endobj\n"
            )
            .unwrap();
        }
        let len = content.len();
        write!(
            out,
            "3 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 144 72] /Contents 4 0 R /Resources \
             << /Font << /F 5 0 R >> /XObject << {names} >> >> >> endobj\n\
             4 0 obj << /Length {len} >>\nstream\n{content}\nendstream endobj\n\
             trailer << /Root 1 0 R /Size 100 >>\nstartxref\n0\n%%EOF\n"
        )
        .unwrap();
        let raw = RawDocument { name: "a.pdf".to_owned(), declared: None, bytes: out.into() };
        let wanted = Wanted { from: 1, only: Vec::new(), max_bytes: 1 };
        let limits = ParseLimits::default();
        let found = Parsers::default().pictures(&Context::local(), &raw, &wanted, &limits).unwrap();
        assert_eq!((found.n_pages, found.next), (1, None));
        found.pictures.into_iter().next()
    }

    /// What a page shows on the left and on the right.
    fn sides(picture: &Picture) -> (u8, u8) {
        assert_eq!((picture.width, picture.height, picture.dpi), (300, 150, 150));
        let middle = &picture.grey[300 * 75..];
        (middle[20], middle[280])
    }

    const SIZE: &str = "/Width 2 /Height 1 /BitsPerComponent 8";
    const WHOLE: &str = "q 144 0 0 72 0 0 cm /I0 Do Q";

    #[test]
    fn pictures_of_every_colour_space_show_what_they_are() {
        for (space, data, expected) in [
            ("/ColorSpace /DeviceGray", "\0~", (0, 126)),
            ("/ColorSpace /DeviceRGB", "\0\0\0~~~", (0, 126)),
            ("/ColorSpace [/Indexed /DeviceRGB 1 <202020606060>]", "\0\x01", (32, 96)),
            ("/ColorSpace [/Separation /Black /DeviceGray 9 0 R]", "\0~", (255, 129)),
            ("/ColorSpace /DeviceGray /Decode [1 0]", "\0~", (255, 129)),
        ] {
            let shown = page(WHOLE, &[(&format!("{SIZE} {space}"), data)]).unwrap();
            assert_eq!(sides(&shown), expected, "{space}");
        }
        // A stencil is ink where it says nothing, and needs no colour.
        let stencil = page(WHOLE, &[("/Width 2 /Height 1 /ImageMask true", "\x40")]).unwrap();
        assert_eq!(sides(&stencil), (0, 255));
    }

    #[test]
    fn strips_are_put_together_and_masks_let_through() {
        let strips = "q 72 0 0 72 0 0 cm /I0 Do Q q 72 0 0 72 72 0 cm /I1 Do Q";
        let one = "/Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray";
        let shown = page(strips, &[(one, "\0"), (one, "~")]).unwrap();
        assert_eq!(sides(&shown), (0, 126));
        let masked = format!("{one} /SMask 11 0 R");
        let mask = format!("{SIZE} /ColorSpace /DeviceGray");
        let shown = page(WHOLE, &[(&masked, "\0"), (&mask, "\x7F\0")]).unwrap();
        assert_eq!(sides(&shown), (128, 255), "half of it, and nothing");
    }

    #[test]
    fn only_pages_are_pictures_whose_text_fails() {
        let grey = format!("{SIZE} /ColorSpace /DeviceGray");
        let with = |content: &str| page(content, &[(&grey, "\0~")]).is_some();
        assert!(with(WHOLE));
        assert!(with(&format!("{WHOLE} BT /F 8 Tf 9 9 Td (page 7) Tj ET")), "a stamp is no text");
        let words = "words ".repeat(20);
        assert!(!with(&format!("{WHOLE} BT /F 8 Tf 9 9 Td ({words}) Tj ET")));
        assert!(!with("q 9 0 0 9 0 0 cm /I0 Do Q"), "a mark on a blank page");
        assert!(!with("q 72 0 0 36 0 0 cm /I0 Do Q BT /F 8 Tf 9 9 Td (a title) Tj ET"));
        assert!(!with(""));
    }
}
