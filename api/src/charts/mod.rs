//! Charts that the server draws: the same picture for a phone, a page and paper, readable without colour.

use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{HttpResponse, HttpResponseBuilder};

use self::draw::{Chart, Size};
use crate::app::App;
use crate::error::ApiError;
use crate::problem::{Code, Language};

pub mod draw;
pub mod growth;
pub mod png;
pub mod pregnancy;

/// The chart as SVG.
fn as_svg(chart: &Chart, size: Size, language: Language) -> Result<HttpResponse, ApiError> {
    let svg = chart.svg(size, language.of("zh-CN", "en")).map_err(ApiError::Internal)?;
    Ok(picture("image/svg+xml").body(svg))
}

/// The chart as pixels.
async fn as_png(
    app: Data<App>,
    chart: Chart,
    size: Size,
    language: Language,
) -> Result<HttpResponse, ApiError> {
    let pixels = web::block(move || {
        let fonts = app.fonts.get().ok_or_else(|| ApiError::told(Code::NoFont))?;
        let svg = chart.svg(size, language.of("zh-CN", "en")).map_err(ApiError::Internal)?;
        png::drawn(&svg, fonts, size.scale()).map_err(ApiError::Internal)
    });
    Ok(picture("image/png").body(pixels.await.map_err(ApiError::internal)??))
}

/// A picture of somebody's data: nobody keeps it on the way, and it does nothing where it is opened by itself.
fn picture(content_type: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(content_type)
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        ));
    answer
}
