//! A chart as pixels, for where SVG is not shown: it needs a font with Chinese characters, of the settings or of the system.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, anyhow};
use image::{ImageFormat, RgbaImage};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use skrifa::{FontRef, MetadataProvider};

/// A character that every Chinese font has, and that stands on every chart.
const CHINESE: char = '月';

/// Weight of a font for running text.
const REGULAR: u16 = 400;

/// The font that charts are written with, looked for when the first is wanted.
#[derive(Debug)]
pub struct Fonts {
    configured: Option<PathBuf>,
    found: OnceLock<Option<Arc<fontdb::Database>>>,
}

impl Fonts {
    /// A configured file, else the fonts of the system.
    pub fn new(configured: Option<PathBuf>) -> Self {
        Self { configured, found: OnceLock::new() }
    }

    /// The fonts; nothing where none has Chinese characters. It reads files.
    pub fn get(&self) -> Option<Arc<fontdb::Database>> {
        self.found.get_or_init(|| load(self.configured.as_deref()).map(Arc::new)).clone()
    }
}

fn load(configured: Option<&Path>) -> Option<fontdb::Database> {
    let mut fonts = fontdb::Database::new();
    match configured {
        Some(file) => {
            if let Err(err) = fonts.load_font_file(file) {
                tracing::error!(file = %file.display(), %err, "the configured font cannot be read");
            }
        }
        None => fonts.load_system_fonts(),
    }
    // The nearest to running text of those that have the character.
    let mut faces: Vec<_> = fonts.faces().map(|face| (face.weight.0.abs_diff(REGULAR), face.id)).collect();
    faces.sort_by_key(|(distance, _)| *distance);
    let chosen = faces.into_iter().map(|(_, id)| id).find(|id| is_chinese(&fonts, *id))?;
    let family = fonts.face(chosen)?.families.first()?.0.clone();
    fonts.set_sans_serif_family(family);
    Some(fonts)
}

fn is_chinese(fonts: &fontdb::Database, id: fontdb::ID) -> bool {
    let has = fonts.with_face_data(id, |data, index| {
        FontRef::from_index(data, index).is_ok_and(|font| font.charmap().map(CHINESE).is_some())
    });
    has.unwrap_or(false)
}

/// Draws a picture with so many pixels for each of its own. It takes some milliseconds of the processor.
pub fn drawn(svg: &str, fonts: Arc<fontdb::Database>, scale: u8) -> anyhow::Result<Vec<u8>> {
    let tree =
        Tree::from_str(svg, &Options { fontdb: fonts, ..Options::default() }).context("a chart is SVG")?;
    let size = tree.size().to_int_size();
    let pixels = Pixmap::new(size.width() * u32::from(scale), size.height() * u32::from(scale));
    let mut pixels = pixels.ok_or_else(|| anyhow!("a chart has no size"))?;
    let enlarged = Transform::from_scale(f32::from(scale), f32::from(scale));
    resvg::render(&tree, enlarged, &mut pixels.as_mut());
    let (width, height) = (pixels.width(), pixels.height());
    // The ground is white and hides everything, so that premultiplied and plain colours are the same.
    let picture =
        RgbaImage::from_raw(width, height, pixels.take()).ok_or_else(|| anyhow!("too few pixels"))?;
    let mut png = std::io::Cursor::new(Vec::new());
    image::DynamicImage::ImageRgba8(picture).into_rgb8().write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_configured_file_that_is_no_font_gives_none() {
        let none = Fonts::new(Some(PathBuf::from("/no/such/font.ttf")));
        assert!(none.get().is_none());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("font.ttf");
        std::fs::write(&file, b"not a font").unwrap();
        assert!(Fonts::new(Some(file)).get().is_none());
    }
}
