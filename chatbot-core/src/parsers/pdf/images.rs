//! Pictures of a page as grey values.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "of the many kinds of objects a few are expected here"
)]

use hayro_syntax::Filter;
use hayro_syntax::object::stream::{ImageColorSpace, ImageDecodeParams};
use hayro_syntax::object::{Array, Dict, Name, Object, Stream};
use hayro_syntax::page::Resources;

use crate::error::Result;
use crate::parsers::pictures::{Bitmap, Layout, MAX_SOURCE_PIXELS, Meaning, bitmap};
use crate::parsers::watch::Watch;

use super::streams::unpack;

/// Colours of a table at the most: a sample has eight bits.
const MAX_COLOURS: usize = 256;
/// Inks of a picture; more are no picture of a page.
const MAX_INKS: usize = 32;
/// Colour spaces inside colour spaces: a table of what a profile describes.
const MAX_SPACE_DEPTH: usize = 4;

/// What a picture shows; `None` where it is damaged, too large or of a kind that nobody reads.
pub(super) fn read(
    image: &Stream<'_>,
    resources: &Resources<'_>,
    watch: &Watch<'_>,
) -> Result<Option<Bitmap>> {
    let dict = image.dict();
    if dict.get::<bool>(b"ImageMask").unwrap_or(false) {
        return stencil(image, watch);
    }
    let space = dict.get::<Object<'_>>(b"ColorSpace");
    let meaning = space.and_then(|space| meaning(&space, resources, watch, 0));
    let Some(mut picture) = samples(image, meaning, watch)? else { return Ok(None) };
    if let Some(mask) = dict.get::<Stream<'_>>(b"SMask") {
        picture.seen = samples(&mask, Some(Meaning::Grey), watch)?.map(Box::new);
    } else if let Some(mask) = dict.get::<Stream<'_>>(b"Mask") {
        picture.seen = stencil(&mask, watch)?.and_then(|stencil| stencil.seen);
    }
    Ok(Some(picture))
}

/// A picture that says where ink is: taken for black, whatever its colour.
fn stencil(image: &Stream<'_>, watch: &Watch<'_>) -> Result<Option<Bitmap>> {
    let Some(mut seen) = samples(image, Some(Meaning::Grey), watch)? else { return Ok(None) };
    seen.grey.iter_mut().for_each(|value| *value = 255 - *value);
    Ok(Some(Bitmap { width: 1, height: 1, grey: vec![0], seen: Some(Box::new(seen)) }))
}

fn samples(
    image: &Stream<'_>,
    meaning: Option<Meaning>,
    watch: &Watch<'_>,
) -> Result<Option<Bitmap>> {
    watch.check()?;
    let dict = image.dict();
    let number = |key: &[u8]| dict.get::<u32>(key).unwrap_or(0);
    let (width, height) = (number(b"Width"), number(b"Height"));
    if !is_allowed(width, height) {
        return Ok(None);
    }
    let bits =
        if dict.get::<bool>(b"ImageMask") == Some(true) { 1 } else { number(b"BitsPerComponent") };
    let bits = u8::try_from(bits).ok().filter(|bits| [1, 2, 4, 8, 16].contains(bits));
    let is_packed = |filter: &Filter| {
        matches!(
            filter,
            Filter::DctDecode | Filter::JpxDecode | Filter::Jbig2Decode | Filter::CcittFaxDecode
        )
    };
    let read = if image.filters().iter().any(is_packed) {
        decoded(image, meaning, (width, height, bits))
    } else {
        let Some(data) = unpack(image, watch)? else { return Ok(None) };
        bits.zip(meaning).map(|(bits, meaning)| {
            let (width, height) = (whole(width), whole(height));
            (data.into_owned(), Layout { width, height, bits, meaning, inverted: false })
        })
    };
    let Some((data, mut layout)) = read else { return Ok(None) };
    watch.unpacked(u64::try_from(data.len()).unwrap_or(u64::MAX))?;
    layout.inverted = is_inverted(dict);
    bitmap(&data, &layout, watch).map(Some)
}

/// What the decoder of a kind of picture makes of it. The picture itself may say another size than the document.
fn decoded(
    image: &Stream<'_>,
    meaning: Option<Meaning>,
    (width, height, bits): (u32, u32, Option<u8>),
) -> Option<(Vec<u8>, Layout)> {
    let params = ImageDecodeParams {
        is_indexed: matches!(meaning, Some(Meaning::Palette(_))),
        bpc: bits,
        num_components: meaning
            .as_ref()
            .and_then(|meaning| u8::try_from(meaning.n_components()).ok()),
        target_dimension: None,
        width,
        height,
    };
    let found = image.decoded_image(&params).ok()?;
    let shape = found.image_data.as_ref()?;
    if !is_allowed(shape.width, shape.height) {
        return None;
    }
    let own = match shape.color_space {
        Some(ImageColorSpace::Gray) => Some(Meaning::Grey),
        Some(ImageColorSpace::Rgb) => Some(Meaning::Rgb),
        Some(ImageColorSpace::Cmyk) => Some(Meaning::Cmyk),
        Some(ImageColorSpace::Unknown(n)) => Some(Meaning::Inks(usize::from(n).clamp(1, MAX_INKS))),
        None => None,
    };
    // What the document says counts where it fits.
    let fits =
        |said: &Meaning| own.as_ref().is_none_or(|own| own.n_components() == said.n_components());
    let meaning = meaning.filter(fits).or(own)?;
    let (width, height) = (whole(shape.width), whole(shape.height));
    let layout = Layout { width, height, bits: shape.bits_per_component, meaning, inverted: false };
    Some((found.data.into_owned(), layout))
}

fn is_allowed(width: u32, height: u32) -> bool {
    let n_pixels = whole(width).checked_mul(whole(height));
    n_pixels.is_some_and(|n| (1..=MAX_SOURCE_PIXELS).contains(&n))
}

fn whole(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// Whether a picture says the opposite of what its samples do: pairs of the values that the least and the greatest stand
/// for.
fn is_inverted(dict: &Dict<'_>) -> bool {
    let Some(decode) = dict.get::<Array<'_>>(b"Decode") else { return false };
    let mut values = decode.iter::<f64>();
    matches!((values.next(), values.next()), (Some(least), Some(greatest)) if least > greatest)
}

/// What the components of a colour space say.
fn meaning(
    space: &Object<'_>,
    resources: &Resources<'_>,
    watch: &Watch<'_>,
    depth: usize,
) -> Option<Meaning> {
    if depth > MAX_SPACE_DEPTH {
        return None;
    }
    match space {
        Object::Name(name) => by_name(name).or_else(|| {
            let named = resources.get_color_space(name)?;
            meaning(&named, resources, watch, depth + 1)
        }),
        Object::Array(parts) => by_parts(parts, resources, watch, depth),
        _ => None,
    }
}

fn by_name(name: &Name<'_>) -> Option<Meaning> {
    match &**name {
        b"DeviceGray" | b"G" | b"CalGray" => Some(Meaning::Grey),
        b"DeviceRGB" | b"RGB" | b"CalRGB" => Some(Meaning::Rgb),
        b"DeviceCMYK" | b"CMYK" => Some(Meaning::Cmyk),
        _ => None,
    }
}

fn by_parts(
    parts: &Array<'_>,
    resources: &Resources<'_>,
    watch: &Watch<'_>,
    depth: usize,
) -> Option<Meaning> {
    let mut parts = parts.iter::<Object<'_>>();
    let Object::Name(kind) = parts.next()? else { return None };
    match &*kind {
        b"ICCBased" => {
            let Object::Stream(profile) = parts.next()? else { return None };
            match profile.dict().get::<u32>(b"N")? {
                1 => Some(Meaning::Grey),
                3 => Some(Meaning::Rgb),
                4 => Some(Meaning::Cmyk),
                _ => None,
            }
        }
        b"Separation" => Some(Meaning::Inks(1)),
        b"DeviceN" => {
            let Object::Array(inks) = parts.next()? else { return None };
            Some(Meaning::Inks(inks.iter::<Object<'_>>().take(MAX_INKS).count().max(1)))
        }
        b"Indexed" | b"I" => {
            let base = meaning(&parts.next()?, resources, watch, depth + 1)?;
            let _greatest = parts.next()?;
            palette(&base, &parts.next()?, watch)
        }
        _ => by_name(&kind),
    }
}

/// The grey values of a table of colours.
fn palette(base: &Meaning, table: &Object<'_>, watch: &Watch<'_>) -> Option<Meaning> {
    let bytes = match table {
        Object::String(text) => text.to_vec(),
        Object::Stream(stream) => unpack(stream, watch).ok()??.into_owned(),
        _ => return None,
    };
    let height = (bytes.len() / base.n_components()).min(MAX_COLOURS);
    let layout = Layout { width: 1, height, bits: 8, meaning: base.clone(), inverted: false };
    Some(Meaning::Palette(bitmap(&bytes, &layout, watch).ok()?.grey))
}
