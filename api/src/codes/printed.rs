//! `GET /api/v1/handbooks/{handbook}/printed-code`: the code on the paper cover, as data or as a picture.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use domain::handbook::code::{link, printed};
use domain::handbook::number::HandbookNumber;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::picture::{Medium, Picture};
use crate::access::{Access, InHandbook, PrintCode, log, must_be_live};
use crate::app::App;
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::query::Query;
use crate::session::Caller;

/// How the printed code is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PrintedQuery {
    /// `json` (with the SVG inside) when left out.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = CodeFormat)]
pub(crate) enum Format {
    #[default]
    Json,
    Svg,
    Png,
}

/// The code on the cover.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PrintedCode {
    /// The number as it is printed beside the code.
    number: String,
    /// What the picture says.
    url: String,
    /// Which print this is; a code with another serial is void.
    serial: i32,
    /// The picture as an SVG document.
    svg: String,
}

/// The code for the paper cover
///
/// It holds nothing personal, stays valid until it is revoked, and opens a visit only with the last four of the ID
/// number or phone.
#[utoipa::path(
    tag = "codes",
    params(("handbook" = uuid::Uuid, Path, description = "Handbook"), PrintedQuery),
    responses(
        (status = 200, description = "The code", content((PrintedCode = "application/json"), (String = "image/svg+xml"), (Vec<u8> = "image/png"))),
        (status = 409, description = "The handbook is closed (`handbook_closed`)"),
    ),
)]
#[get("/api/v1/handbooks/{handbook}/printed-code")]
pub(crate) async fn print(
    app: Data<App>,
    access: Access<PrintCode>,
    query: Query<PrintedQuery>,
) -> Result<HttpResponse, ApiError> {
    let handbook = &access.handbook;
    must_be_live(handbook)?;
    if let Caller::Staff(staff) = &access.caller {
        let visit = access.visit.as_ref().map(|visit| visit.id);
        let action = <PrintCode as InHandbook>::ACTION;
        log::write(&app, staff, &[log::Read { handbook: handbook.id, action, tie: access.tie, visit }])
            .await?;
    }
    let url = url(&app, handbook, handbook.printed_serial)?;
    match query.format {
        Format::Json => Ok(HttpResponse::Ok().json(as_data(&app, handbook, handbook.printed_serial)?)),
        Format::Svg => {
            Ok(HttpResponse::Ok().content_type("image/svg+xml").body(Picture::of(&url, Medium::Paper)?.svg()))
        }
        Format::Png => {
            Ok(HttpResponse::Ok().content_type("image/png").body(Picture::of(&url, Medium::Paper)?.png()?))
        }
    }
}

/// The printed code of a handbook at a serial.
pub(super) fn as_data(app: &App, handbook: &handbook::Model, serial: i32) -> Result<PrintedCode, ApiError> {
    let url = url(app, handbook, serial)?;
    let svg = Picture::of(&url, Medium::Paper)?.svg();
    Ok(PrintedCode { number: number_of(handbook)?.printed(), url, serial, svg })
}

fn url(app: &App, handbook: &handbook::Model, serial: i32) -> Result<String, ApiError> {
    let number = number_of(handbook)?;
    let signature = app.keys.sign_print(number.as_str(), serial);
    Ok(link(&app.config.public_url, &printed(&number, &signature)))
}

fn number_of(handbook: &handbook::Model) -> Result<HandbookNumber, ApiError> {
    HandbookNumber::parse(&handbook.number).map_err(ApiError::internal)
}
