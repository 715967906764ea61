//! `GET /api/v1/privacy-text`: what a family reads before it agrees.

use actix_web::{HttpResponse, get};
use domain::privacy;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::session::Public;

/// The privacy text in force, in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrivacyText {
    /// Version that a consent names.
    version: String,
    /// Heading of the whole.
    title: BothLanguages,
    /// The sections in reading order.
    sections: Vec<Section>,
}

/// One section.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrivacySection)]
pub struct Section {
    /// Stable English word.
    key: String,
    /// Heading.
    title: BothLanguages,
    /// What it says.
    text: BothLanguages,
}

/// A text in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub struct BothLanguages {
    /// Chinese.
    zh: String,
    /// English.
    en: String,
}

/// The privacy text that a claim agrees to
#[utoipa::path(
    tag = "claims", security(()),
    responses((status = 200, description = "The text", body = PrivacyText)),
)]
#[get("/api/v1/privacy-text")]
pub(crate) async fn privacy_text(_: Public) -> Result<HttpResponse, ApiError> {
    let text = privacy::in_force().map_err(ApiError::internal)?;
    let both = |both: privacy::BothLanguages| BothLanguages { zh: both.zh, en: both.en };
    let section = |section: privacy::Section| Section {
        key: section.key,
        title: both(section.title),
        text: both(section.text),
    };
    Ok(HttpResponse::Ok().json(PrivacyText {
        version: text.version,
        title: both(text.title),
        sections: text.sections.into_iter().map(section).collect(),
    }))
}
