//! `GET /api/v1/privacy-text`: what a family reads before it agrees, without a sign-in: the privacy text, the text of every
//! purpose and of the notice about children, and how long each kind of data is kept.

use actix_web::{HttpResponse, get};
use domain::consent::{ConsentText, Purpose, texts};
use domain::privacy;
use domain::retention::{DataKind, EndState, KindOfData, Retention};
use serde::Serialize;
use utoipa::ToSchema;

use crate::consents::{BothLanguages, text_hash};
use crate::error::ApiError;
use crate::session::Public;

/// The privacy text in force, in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrivacyText {
    /// Version that a consent names.
    version: String,
    /// SHA-256 of the text, in hexadecimal, as it stands on a consent.
    hash: String,
    /// Heading of the whole.
    title: BothLanguages,
    /// The sections in reading order: the handler, purposes, kinds of data, rights and the rest.
    sections: Vec<Section>,
    /// What is asked one by one; `child` is the notice about children.
    purposes: Vec<PurposeText>,
    /// How long each kind of data is kept, and what becomes of it when an account is closed.
    retention: Vec<RetentionRow>,
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

/// What is agreed to for one purpose.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrivacyPurpose)]
pub struct PurposeText {
    /// `basic`, `child`, `share_entries` or `reminders`.
    #[schema(value_type = String)]
    purpose: Purpose,
    /// Whether the handbook can be had without it.
    optional: bool,
    /// Whether one answer holds for the whole family.
    of_family: bool,
    /// Version that a consent names.
    version: String,
    /// SHA-256 of the text, in hexadecimal.
    hash: String,
    /// Heading.
    title: BothLanguages,
    /// What is agreed to.
    text: BothLanguages,
    /// What stops when it is withdrawn.
    stops: BothLanguages,
}

/// How one kind of data ends.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrivacyRetention)]
pub struct RetentionRow {
    /// Stable English word.
    #[schema(value_type = String)]
    pub kind: DataKind,
    /// What it is.
    pub name: BothLanguages,
    /// `deleted`, `anonymised` or `blocked`.
    #[schema(value_type = String)]
    pub end: EndState,
    /// Years for which it is blocked after the last visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub years: Option<u32>,
    /// How long it is kept, in words.
    pub period: BothLanguages,
    /// Document and article.
    pub basis: String,
}

impl From<KindOfData> for RetentionRow {
    fn from(kind: KindOfData) -> Self {
        Self {
            kind: kind.key,
            name: kind.name.into(),
            end: kind.end,
            years: kind.years,
            period: kind.period.into(),
            basis: kind.basis,
        }
    }
}

/// The texts that a family agrees to
#[utoipa::path(
    tag = "claims", security(()),
    responses((status = 200, description = "The texts", body = PrivacyText)),
)]
#[get("/api/v1/privacy-text")]
pub(crate) async fn privacy_text(_: Public) -> Result<HttpResponse, ApiError> {
    let text = privacy::in_force().map_err(ApiError::internal)?;
    let section = |section: privacy::Section| Section {
        key: section.key,
        title: section.title.into(),
        text: section.text.into(),
    };
    let purposes = texts().map_err(ApiError::internal)?.into_iter().map(purpose);
    let retention = Retention::in_force().map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok().json(PrivacyText {
        version: text.version,
        hash: text_hash(Purpose::Basic)?,
        title: text.title.into(),
        sections: text.sections.into_iter().map(section).collect(),
        purposes: purposes.collect::<Result<_, _>>()?,
        retention: retention.kinds.into_iter().map(RetentionRow::from).collect(),
    }))
}

fn purpose(text: ConsentText) -> Result<PurposeText, ApiError> {
    Ok(PurposeText {
        optional: text.purpose.is_optional(),
        of_family: text.purpose.is_of_handbook(),
        hash: text_hash(text.purpose)?,
        purpose: text.purpose,
        version: text.version,
        title: text.title.into(),
        text: text.text.into(),
        stops: text.stops.into(),
    })
}
