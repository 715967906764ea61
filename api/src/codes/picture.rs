//! The picture of a link: SVG for print and pages, PNG for what cannot show SVG.

use std::io::Cursor;

use image::{ImageFormat, Luma};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

use crate::error::ApiError;

/// Pixels of one module in a PNG: 41 modules with their quiet zone give some 400 pixels, enough for a screen and for
/// 3 cm of paper at 300 dots per inch.
const MODULE: u32 = 10;

/// Where the picture is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// A phone's screen: 15 % of the modules may be misread.
    Screen,
    /// A cover that gets worn: 25 % may.
    Paper,
}

/// A QR code that is ready to be drawn.
pub struct Picture(QrCode);

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Picture")
    }
}

impl Picture {
    /// The picture of a link.
    pub fn of(link: &str, medium: Medium) -> Result<Self, ApiError> {
        let level = match medium {
            Medium::Screen => EcLevel::M,
            Medium::Paper => EcLevel::Q,
        };
        QrCode::with_error_correction_level(link, level).map(Self).map_err(ApiError::internal)
    }

    /// As an SVG document.
    pub fn svg(&self) -> String {
        self.0.render::<svg::Color<'_>>().module_dimensions(MODULE, MODULE).build()
    }

    /// As a PNG file.
    pub fn png(&self) -> Result<Vec<u8>, ApiError> {
        let drawn = self.0.render::<Luma<u8>>().module_dimensions(MODULE, MODULE).build();
        let mut file = Cursor::new(Vec::new());
        drawn.write_to(&mut file, ImageFormat::Png).map_err(ApiError::internal)?;
        Ok(file.into_inner())
    }
}
