//! `GET /api/v1/handbooks/{handbook}/consents`: what stands agreed to, and every answer so far.

use std::collections::BTreeMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::consent::{Channel, Purpose};
use domain::id::{ConsentId, HandbookId, UserId};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use utoipa::ToSchema;

use super::store;
use crate::access::{Access, ReadConsents};
use crate::app::App;
use crate::db::entities::{consent_event, handbook, member};
use crate::error::ApiError;
use crate::members::store as members;
use crate::page::{PageQuery, cut};
use crate::problem::Code;
use crate::query::Query;

/// What stands, and the answers that led there.
#[derive(Debug, Serialize, ToSchema)]
pub struct Consents {
    /// What stands for each purpose.
    pub state: Vec<Standing>,
    /// The answers, the newest first: those for the whole family, and the reader's own.
    pub items: Vec<Event>,
    /// Send it as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What stands for one purpose.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConsentState)]
pub struct Standing {
    /// `basic`, `child`, `share_entries` or `reminders`.
    #[schema(value_type = String)]
    pub purpose: Purpose,
    /// Whether the handbook can be had without it.
    pub optional: bool,
    /// Whether one answer holds for the whole handbook; else each member answers.
    pub of_family: bool,
    /// Whether it stands agreed to under the text in force.
    pub given: bool,
    /// Version of the text in force; the texts are in `/api/v1/privacy-text`.
    pub version: String,
    /// The version that was agreed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreed_to: Option<String>,
    /// An older text was agreed to: it is asked again, and until then nothing is done for this purpose.
    pub asked_again: bool,
    /// When the last answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<DateTime<Utc>>,
}

/// One answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConsentEvent)]
pub struct Event {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: ConsentId,
    /// To what.
    #[schema(value_type = String)]
    pub purpose: Purpose,
    /// Given, or withdrawn.
    pub given: bool,
    /// Version of the text that was shown.
    pub version: String,
    /// SHA-256 of that text, in hexadecimal.
    pub text_hash: String,
    /// As guardian of a child, too.
    pub as_guardian: bool,
    /// How it came.
    #[schema(value_type = String)]
    pub channel: Channel,
    /// By the reader.
    pub mine: bool,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event {
    /// A row as a user reads it.
    pub fn of(row: consent_event::Model, me: UserId) -> Self {
        Self {
            id: row.id,
            purpose: row.purpose,
            given: row.given,
            version: row.text_version,
            text_hash: row.text_hash,
            as_guardian: row.as_guardian,
            channel: row.channel,
            mine: row.user_id == me,
            at: row.at,
        }
    }
}

/// What the family agreed to
///
/// What stands for each purpose, and the answers so far, the newest first.
#[utoipa::path(
    operation_id = "consents",
    tag = "consents",
    params(("handbook" = Uuid, Path), PageQuery),
    responses((status = 200, description = "What stands, and a page of answers", body = Consents)),
)]
#[get("/api/v1/handbooks/{handbook}/consents")]
pub(crate) async fn consents(
    app: Data<App>,
    access: Access<ReadConsents>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (db, me, handbook) = (app.db.read(), access.caller.family()?.id, access.handbook.id);
    let (limit, list) = (page.limit()?, format!("consents/{handbook}/{me}"));
    let before = page.after(&app.keys, &list)?;
    let state = standing(db, &access.handbook, me).await?;
    let rows = store::page(db, handbook, me, before, limit + 1).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, |row| row.id);
    let items = rows.into_iter().map(|row| Event::of(row, me)).collect();
    Ok(HttpResponse::Ok().json(Consents { state, items, next_cursor }))
}

/// What stands for each purpose, as a member of the handbook is told.
pub async fn standing(
    db: &impl ConnectionTrait,
    handbook: &handbook::Model,
    me: UserId,
) -> Result<Vec<Standing>, ApiError> {
    let member = members::of_user_in(db, handbook.id, me).await?;
    let member = member.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let latest = store::latest(db, handbook.id, me).await?;
    Ok(Purpose::ALL.iter().map(|purpose| one(*purpose, handbook, &member, &latest)).collect())
}

fn one(
    purpose: Purpose,
    handbook: &handbook::Model,
    member: &member::Model,
    latest: &BTreeMap<Purpose, consent_event::Model>,
) -> Standing {
    let event = latest.get(&purpose);
    let reminded = event.filter(|event| event.given).map(|event| event.text_version.as_str());
    let agreed_to = match purpose {
        Purpose::Basic => Some(member.agreed_to.as_str()),
        Purpose::Child => handbook.child_agreed.as_deref(),
        Purpose::ShareEntries => handbook.shares_entries.as_deref(),
        Purpose::Reminders => reminded,
    };
    let given = purpose.is_in_force(agreed_to);
    Standing {
        purpose,
        optional: purpose.is_optional(),
        of_family: purpose.is_of_handbook(),
        given,
        version: purpose.version().to_owned(),
        asked_again: agreed_to.is_some() && !given,
        agreed_to: agreed_to.map(str::to_owned),
        answered_at: event.map(|event| event.at),
    }
}

/// Whether the member is asked again for the basic service of this handbook.
pub fn is_asked_again(member: &member::Model) -> bool {
    !Purpose::Basic.is_in_force(Some(&member.agreed_to))
}

/// Every answer of a handbook that a user may read, for a copy of their data.
pub async fn page_of(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    me: UserId,
    before: Option<ConsentId>,
    limit: u64,
) -> Result<Vec<Event>, ApiError> {
    let rows = store::page(db, handbook, me, before, limit).await?;
    Ok(rows.into_iter().map(|row| Event::of(row, me)).collect())
}
