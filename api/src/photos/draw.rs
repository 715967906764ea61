//! A photo is drawn anew: whatever a file carries beside its picture (place, camera, hidden content) does not survive.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

/// Most pixels of a photo.
const MOST_PIXELS: u64 = 24_000_000;

/// Most bytes of the decoded picture: 24 megapixels with four channels.
const MOST_DECODED: u64 = MOST_PIXELS * 4;

/// Longest side of what is kept, enough to read a page that was photographed.
const LONGEST_SIDE: u32 = 4096;

/// Quality of what is kept as JPEG.
const QUALITY: u8 = 85;

/// Why a file is no photo for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPhoto {
    /// Not JPEG, PNG or WebP, or damaged.
    #[error("not a JPEG, PNG or WebP photo")]
    Unreadable,
    /// More pixels than are decoded.
    #[error("more than 24 megapixels")]
    TooManyPixels,
}

/// A photo as it is kept.
#[derive(Debug)]
pub struct Drawn {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub content_type: &'static str,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// Reads a photo by what it is and not by what it is called, turns it upright, and draws it anew without metadata. Its
/// size is known from its head, before anything is decoded.
pub fn draw_anew(bytes: &[u8]) -> Result<Drawn, NotAPhoto> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|_| NotAPhoto::Unreadable)?;
    let format = match reader.format() {
        Some(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => format,
        _ => return Err(NotAPhoto::Unreadable),
    };
    let mut limits = Limits::no_limits();
    // The decoders keep rows and tables beside the picture.
    limits.max_alloc = Some(2 * MOST_DECODED);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| NotAPhoto::Unreadable)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(NotAPhoto::Unreadable);
    }
    if u64::from(width) * u64::from(height) > MOST_PIXELS || decoder.total_bytes() > MOST_DECODED {
        return Err(NotAPhoto::TooManyPixels);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(|_| NotAPhoto::Unreadable)?;
    let mut picture = if width.max(height) > LONGEST_SIDE {
        picture.thumbnail(LONGEST_SIDE, LONGEST_SIDE)
    } else {
        picture
    };
    picture.apply_orientation(orientation);
    encode(picture, format)
}

fn encode(picture: DynamicImage, format: ImageFormat) -> Result<Drawn, NotAPhoto> {
    let (width, height) = (picture.width(), picture.height());
    let mut bytes = Vec::new();
    let (written, content_type) = if format == ImageFormat::Png {
        let picture = in_eight_bits(picture);
        (picture.write_with_encoder(PngEncoder::new(&mut bytes)), "image/png")
    } else {
        (
            on_white(picture).write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY)),
            "image/jpeg",
        )
    };
    written.map_err(|_| NotAPhoto::Unreadable)?;
    Ok(Drawn { bytes, content_type, width, height })
}

fn in_eight_bits(picture: DynamicImage) -> DynamicImage {
    match picture {
        eight @ (DynamicImage::ImageLuma8(_)
        | DynamicImage::ImageLumaA8(_)
        | DynamicImage::ImageRgb8(_)
        | DynamicImage::ImageRgba8(_)) => eight,
        deeper if deeper.color().has_alpha() => DynamicImage::ImageRgba8(deeper.into_rgba8()),
        deeper => DynamicImage::ImageRgb8(deeper.into_rgb8()),
    }
}

/// JPEG knows no transparency: what shows through is white paper.
fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    let mut flat = RgbImage::new(picture.width(), picture.height());
    for (onto, from) in flat.pixels_mut().zip(picture.pixels()) {
        let [red, green, blue, alpha] = from.0;
        let over = |channel: u8| {
            let mixed = u32::from(channel) * u32::from(alpha) + 255 * (255 - u32::from(alpha));
            u8::try_from(mixed / 255).unwrap_or(u8::MAX)
        };
        onto.0 = [over(red), over(green), over(blue)];
    }
    flat
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use image::Rgb;

    use proptest::prelude::*;

    use super::*;

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// Red above, blue below, 40 by 20.
    fn two_halves() -> DynamicImage {
        DynamicImage::ImageRgb8(RgbImage::from_fn(40, 20, |_, y| {
            if y < 10 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) }
        }))
    }

    /// A JPEG with an Exif segment that says how to turn it, and that carries a word beside.
    fn turned(orientation: u8) -> Vec<u8> {
        let jpeg = encoded(&two_halves(), ImageFormat::Jpeg);
        let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        exif.extend(b"GPS 30.5N 105.6E");
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
    }

    fn is_red(pixel: [u8; 3]) -> bool {
        pixel[0] > 200 && pixel[2] < 60
    }

    #[test]
    fn a_photo_is_turned_upright_and_nothing_else_of_its_exif_is_kept() {
        let upright = draw_anew(&turned(1)).unwrap();
        assert_eq!((upright.width, upright.height), (40, 20));
        let on_its_side = draw_anew(&turned(6)).unwrap();
        assert_eq!((on_its_side.width, on_its_side.height), (20, 40), "turned by a quarter");
        let picture = image::load_from_memory(&on_its_side.bytes).unwrap().into_rgb8();
        assert!(is_red(picture.get_pixel(17, 20).0) && !is_red(picture.get_pixel(2, 20).0));
        for drawn in [upright, on_its_side] {
            assert_eq!(drawn.content_type, "image/jpeg");
            assert!(!drawn.bytes.windows(4).any(|window| window == b"Exif" || window == b"GPS "));
        }
    }

    #[test]
    fn png_stays_png_and_webp_becomes_jpeg() {
        let png = draw_anew(&encoded(&two_halves(), ImageFormat::Png)).unwrap();
        assert_eq!(image::guess_format(&png.bytes).unwrap(), ImageFormat::Png);
        let webp = draw_anew(&encoded(&two_halves(), ImageFormat::WebP)).unwrap();
        assert_eq!(
            (webp.content_type, image::guess_format(&webp.bytes).unwrap()),
            ("image/jpeg", ImageFormat::Jpeg)
        );
    }

    #[test]
    fn what_shows_through_becomes_white() {
        let clear = DynamicImage::ImageRgba8(image::RgbaImage::new(8, 8));
        let drawn = draw_anew(&encoded(&clear, ImageFormat::WebP)).unwrap();
        let picture = image::load_from_memory(&drawn.bytes).unwrap().into_rgb8();
        assert!(picture.pixels().all(|pixel| pixel.0.iter().all(|channel| *channel > 250)));
    }

    #[test]
    fn a_long_side_is_shortened() {
        let long = DynamicImage::ImageLuma8(image::GrayImage::new(5000, 100));
        let drawn = draw_anew(&encoded(&long, ImageFormat::Png)).unwrap();
        assert_eq!((drawn.width, drawn.height), (4096, 82));
    }

    /// A PNG of zeros compresses to little: its head alone says that it is a bomb.
    #[test]
    fn too_many_pixels_are_refused_by_the_head_of_the_file() {
        let mut png = encoded(&DynamicImage::ImageLuma8(image::GrayImage::new(1, 1)), ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 0, 0x20, 0, 0, 0, 0x20, 0]);
        let sum = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(draw_anew(&png).unwrap_err(), NotAPhoto::TooManyPixels);
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
            })
        })
    }

    #[test]
    fn what_is_no_photo_is_refused() {
        let cut_short = &encoded(&two_halves(), ImageFormat::Png)[..60];
        let gif = b"GIF89a\x01\0\x01\0\0\0\0;";
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
        for bytes in
            [&b""[..], b"<html><script>alert(1)</script></html>", gif, svg, cut_short, b"\xff\xd8\xff"]
        {
            assert_eq!(draw_anew(bytes).unwrap_err(), NotAPhoto::Unreadable);
        }
    }

    #[test]
    fn a_page_hidden_behind_a_picture_is_gone() {
        let mut polyglot = encoded(&two_halves(), ImageFormat::Jpeg);
        polyglot.extend(b"<html><script>alert(1)</script></html>");
        let drawn = draw_anew(&polyglot).unwrap();
        assert!(!drawn.bytes.windows(6).any(|window| window == b"<html>"));
    }

    /// Bytes that begin like a picture and go on as anything.
    fn like_a_picture() -> impl Strategy<Value = Vec<u8>> {
        let beginnings: [&'static [u8]; 4] = [
            b"\xff\xd8\xff\xe0\0\x10JFIF\0",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"RIFF\x20\0\0\0WEBPVP8 ",
            b"",
        ];
        (prop::sample::select(beginnings.to_vec()), prop::collection::vec(any::<u8>(), 0..200))
            .prop_map(|(beginning, rest)| [beginning, &rest].concat())
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in like_a_picture()) {
            let _refused_or_drawn = draw_anew(&bytes);
        }

        /// A good photo of each kind, cut short and with bits turned over: refused, or still a photo of a bounded size.
        #[test]
        fn a_damaged_photo_is_refused_or_drawn(
            format in prop::sample::select(vec![ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP]),
            cut in any::<prop::sample::Index>(), is_cut: bool,
            flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..6),
        ) {
            let mut bytes = encoded(&two_halves(), format);
            for (at, bit) in flips {
                *at.get_mut(&mut bytes) ^= 1 << bit;
            }
            if is_cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            if let Ok(drawn) = draw_anew(&bytes) {
                prop_assert!(u64::from(drawn.width) * u64::from(drawn.height) <= MOST_PIXELS);
                prop_assert!(drawn.width.max(drawn.height) <= LONGEST_SIDE);
                prop_assert!(image::load_from_memory(&drawn.bytes).is_ok());
            }
        }

        /// A head may promise any size; nothing of it is believed before it was weighed.
        #[test]
        fn no_promised_size_is_too_much(width: u32, height: u32) {
            let mut png = encoded(&DynamicImage::ImageLuma8(image::GrayImage::new(1, 1)), ImageFormat::Png);
            png[16..20].copy_from_slice(&width.to_be_bytes());
            png[20..24].copy_from_slice(&height.to_be_bytes());
            let sum = crc32(&png[12..29]);
            png[29..33].copy_from_slice(&sum.to_be_bytes());
            prop_assert!((width, height) == (1, 1) || draw_anew(&png).is_err());
        }
    }
}
