//! Files that are pictures: PNG, JPEG, and TIFF with its pages.

use std::io::Cursor;

use tiff::ColorType;
use tiff::decoder::{Decoder as TiffDecoder, DecodingResult};
use tiff::tags::Tag;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::error::{Error, Result};
use crate::parsers::registry::corrupt;
use crate::parsers::watch::{Watch, exceeded};
use crate::types::{MediaType, RawDocument};

use super::bitmap::{Bitmap, Layout, Meaning, bitmap};
use super::canvas::{Affine, Canvas, to_float};
use super::{MAX_SOURCE_PIXELS, Picture, Pictures, Wanted};

/// Taken where a picture does not say: what a photograph of a page has.
const USUAL_DPI: f64 = 300.0;
/// Dots per inch that can be meant.
const POSSIBLE_DPI: std::ops::RangeInclusive<f64> = 100.0..=1200.0;
/// Centimetres of an inch.
const INCH_CM: f64 = 2.54;

/// The pages of a file that is pictures.
pub(super) fn pictures(
    watch: &Watch<'_>,
    media_type: MediaType,
    raw: &RawDocument,
    wanted: &Wanted,
) -> Result<Pictures> {
    watch.check()?;
    if media_type.as_str() == "image/tiff" {
        return tiff(watch, media_type, &raw.bytes, wanted);
    }
    let (picture, dpi) = match media_type.as_str() {
        "image/png" => png(watch, &raw.bytes)?,
        _ => (jpeg(watch, &raw.bytes)?, None),
    };
    let mut found = Pictures::new(media_type, 1);
    found.pictures.extend(page(&picture, dpi, 1, watch)?);
    Ok(found)
}

/// A picture as a page that it fills.
fn page(
    picture: &Bitmap,
    dpi: Option<f64>,
    number: u32,
    watch: &Watch<'_>,
) -> Result<Option<Picture>> {
    let dpi = dpi.filter(|dpi| POSSIBLE_DPI.contains(dpi)).unwrap_or(USUAL_DPI);
    let (width, height) = (to_float(picture.width), to_float(picture.height));
    let Some(mut canvas) = Canvas::new((width / dpi, height / dpi), dpi) else { return Ok(None) };
    let scale = canvas.dpi() / dpi;
    canvas.draw(picture, Affine([width * scale, 0.0, 0.0, height * scale, 0.0, 0.0]), watch)?;
    Ok(Some(canvas.finish(number)))
}

fn png(watch: &Watch<'_>, bytes: &[u8]) -> Result<(Bitmap, Option<f64>)> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let info = decoder.read_header_info().map_err(damaged)?;
    let (width, height) = size(info.width, info.height)?;
    let mut reader = decoder.read_info().map_err(damaged)?;
    let info = reader.info();
    let dpi = info.pixel_dims.filter(|dims| dims.unit == png::Unit::Meter);
    let dpi = dpi.map(|dims| f64::from(dims.xppu) * INCH_CM / 100.0);
    let mut data = vec![0; reader.output_buffer_size().ok_or_else(too_large)?];
    let shape = reader.next_frame(&mut data).map_err(damaged)?;
    let (meaning, has_alpha) = match shape.color_type {
        png::ColorType::Grayscale | png::ColorType::Indexed => (Meaning::Grey, false),
        png::ColorType::GrayscaleAlpha => (Meaning::Grey, true),
        png::ColorType::Rgb => (Meaning::Rgb, false),
        png::ColorType::Rgba => (Meaning::Rgb, true),
    };
    let mut picture = Bitmap { width, height, grey: Vec::new(), seen: None };
    if has_alpha {
        let n = meaning.n_components() + 1;
        let seen = data.chunks_exact(n).map(|pixel| pixel.last().copied().unwrap_or(255));
        let seen = Bitmap { grey: seen.collect(), ..picture.clone() };
        picture.seen = Some(Box::new(seen));
        data = data.chunks_exact(n).flat_map(|pixel| pixel.iter().take(n - 1)).copied().collect();
    }
    let layout = Layout { width, height, bits: 8, meaning, inverted: false };
    picture.grey = bitmap(&data, &layout, watch)?.grey;
    Ok((picture, dpi))
}

fn jpeg(watch: &Watch<'_>, bytes: &[u8]) -> Result<Bitmap> {
    let options = DecoderOptions::default()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let info = decoder.info().ok_or_else(broken)?;
    let (width, height) = size(u32::from(info.width), u32::from(info.height))?;
    let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (wanted, meaning) =
        if is_grey { (ColorSpace::Luma, Meaning::Grey) } else { (ColorSpace::RGB, Meaning::Rgb) };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let data = decoder.decode().map_err(damaged)?;
    bitmap(&data, &Layout { width, height, bits: 8, meaning, inverted: false }, watch)
}

fn tiff(
    watch: &Watch<'_>,
    media_type: MediaType,
    bytes: &[u8],
    wanted: &Wanted,
) -> Result<Pictures> {
    let mut decoder = TiffDecoder::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut found = Pictures::new(media_type, 0);
    loop {
        watch.check()?;
        found.n_pages += 1;
        let number = found.n_pages;
        if usize::try_from(number).is_ok_and(|n| n > watch.limits().max_pages) {
            return Err(exceeded("The picture has more pages than allowed. Split it."));
        }
        if wanted.includes(number) {
            if found.is_full(wanted) {
                found.next = Some(number);
                return Ok(found);
            }
            // A page that is damaged, or is kept in a way that nobody reads, costs itself.
            if let Some((picture, dpi)) = tiff_page(&mut decoder, watch)? {
                found.pictures.extend(page(&picture, dpi, number, watch)?);
            }
        }
        if !decoder.more_images() || decoder.next_image().is_err() {
            return Ok(found);
        }
    }
}

type Tiff<'a> = TiffDecoder<Cursor<&'a [u8]>>;

fn tiff_page(decoder: &mut Tiff<'_>, watch: &Watch<'_>) -> Result<Option<(Bitmap, Option<f64>)>> {
    let Ok((width, height)) = decoder.dimensions() else { return Ok(None) };
    let (width, height) = size(width, height)?;
    let (bits, meaning) = match decoder.colortype() {
        Ok(ColorType::Gray(bits @ (1 | 2 | 4 | 8 | 16))) => (bits, Meaning::Grey),
        Ok(ColorType::RGB(bits @ (8 | 16))) => (bits, Meaning::Rgb),
        Ok(ColorType::CMYK(bits @ (8 | 16))) => (bits, Meaning::Cmyk),
        _ => return Ok(None),
    };
    let dpi = tiff_dpi(decoder);
    let data = match decoder.read_image() {
        Ok(DecodingResult::U8(data)) => data,
        Ok(DecodingResult::U16(data)) => data.into_iter().flat_map(u16::to_be_bytes).collect(),
        _ => return Ok(None),
    };
    let layout = Layout { width, height, bits, meaning, inverted: false };
    Ok(Some((bitmap(&data, &layout, watch)?, dpi)))
}

fn tiff_dpi(decoder: &mut Tiff<'_>) -> Option<f64> {
    let dots = decoder.find_tag(Tag::XResolution).ok()??.into_f64().ok()?;
    let unit: Option<u32> = decoder.find_tag_unsigned(Tag::ResolutionUnit).ok()?;
    Some(if unit == Some(3) { dots * INCH_CM } else { dots })
}

/// The size of a picture, where that is allowed.
fn size(width: u32, height: u32) -> Result<(usize, usize)> {
    let whole = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
    let (width, height) = (whole(width), whole(height));
    match width.checked_mul(height) {
        Some(1..=MAX_SOURCE_PIXELS) => Ok((width, height)),
        Some(0) => Err(broken()),
        _ => Err(too_large()),
    }
}

fn too_large() -> Error {
    exceeded("The picture has more pixels than allowed. Save it with fewer dots per inch.")
}

fn broken() -> Error {
    corrupt("The picture is damaged. Open it, save it again and add that.")
}

fn damaged<E: std::error::Error + Send + Sync + 'static>(error: E) -> Error {
    broken().with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::error::Reason;
    use crate::parsers::Parsers;
    use crate::traits::ParseLimits;

    fn read(name: &str, bytes: Vec<u8>, from: u32) -> Result<Pictures> {
        let raw = RawDocument { name: name.to_owned(), declared: None, bytes: bytes.into() };
        let wanted = Wanted { from, only: Vec::new(), max_bytes: 1 };
        Parsers::default().pictures(&Context::local(), &raw, &wanted, &ParseLimits::default())
    }

    /// The grey values at the left and at the right.
    fn sides(pictures: &Pictures) -> (u8, u8) {
        let picture = &pictures.pictures[0];
        let (width, height) = (picture.width as usize, picture.height as usize);
        assert_eq!(picture.grey.len(), width * height);
        let middle = &picture.grey[width * (height / 2)..];
        (middle[0], middle[width - 1])
    }

    fn png(color: png::ColorType, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
        encoder.set_color(color);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(data).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn png_of_every_colour_is_read_on_white() {
        for (color, data) in [
            (png::ColorType::Grayscale, &[0, 255][..]),
            (png::ColorType::Rgb, &[0, 0, 0, 255, 255, 255]),
            (png::ColorType::GrayscaleAlpha, &[0, 255, 0, 0]),
            (png::ColorType::Rgba, &[0, 0, 0, 255, 9, 9, 9, 0]),
        ] {
            let found = read("a.png", png(color, data), 1).unwrap();
            assert_eq!((found.n_pages, found.next), (1, None));
            assert_eq!(sides(&found), (0, 255), "{color:?}");
        }
    }

    #[test]
    fn jpeg_is_read() {
        let (left, right) = sides(&read("a.jpg", JPEG.to_vec(), 1).unwrap());
        assert!(left < 40 && right > 215, "{left} {right}");
    }

    #[test]
    fn the_pages_of_a_tiff_come_in_batches() {
        use tiff::encoder::{TiffEncoder, colortype};

        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        encoder.write_image::<colortype::Gray8>(2, 1, &[0, 255]).unwrap();
        encoder.write_image::<colortype::RGB8>(2, 1, &[255, 255, 255, 0, 0, 0]).unwrap();
        let bytes = bytes.into_inner();
        let first = read("a.tif", bytes.clone(), 1).unwrap();
        assert_eq!((first.pictures.len(), first.next), (1, Some(2)));
        assert_eq!(sides(&first), (0, 255));
        let second = read("a.tif", bytes, 2).unwrap();
        assert_eq!((second.n_pages, second.pictures[0].page, second.next), (2, 2, None));
        assert_eq!(sides(&second), (255, 0));
    }

    #[test]
    fn damaged_and_enormous_pictures_are_named() {
        let reason = |name: &str, bytes: &[u8]| read(name, bytes.to_vec(), 1).unwrap_err().reason();
        let whole = png(png::ColorType::Grayscale, &[0, 255]);
        assert_eq!(reason("a.png", &whole[..whole.len() / 2]), Some(Reason::Corrupt));
        assert_eq!(reason("a.jpg", &JPEG[..JPEG.len() / 3]), Some(Reason::Corrupt));
        assert_eq!(reason("a.tif", b"II*\0\xFF\xFF\xFF\xFF"), Some(Reason::Corrupt));
        let mut enormous = Vec::new();
        let encoder = png::Encoder::new(&mut enormous, 60_000, 60_000);
        drop(encoder.write_header().unwrap());
        assert_eq!(reason("a.png", &enormous), Some(Reason::LimitExceeded));
    }

    /// Sixteen pixels by sixteen, black on the left.
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\x00\x10\x4a\x46\x49\x46\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xdb\x00\x43\x00\x28\x1c\x1e\x23\x1e\x19\x28\x23\x21\x23\x2d\x2b\x28\x30\x3c\x64\x41\x3c\x37\x37\x3c\x7b\x58\x5d\x49\x64\x91\x80\x99\x96\x8f\x80\x8c\x8a\xa0\xb4\xe6\xc3\xa0\xaa\xda\xad\x8a\x8c\xc8\xff\xcb\xda\xee\xf5\xff\xff\xff\x9b\xc1\xff\xff\xff\xfa\xff\xe6\xfd\xff\xf8\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00\xff\xc4\x00\x15\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x05\xff\xc4\x00\x14\x10\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x8a\x66\x18\x66\xff\xd9";
}
