//! `GET /api/v1/countersign`, `POST …/checkups/{record}/countersign`: the health centre signs what a village doctor wrote for
//! it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Action, Tie};
use domain::catalogue::field::Origin;
use domain::id::{HandbookId, RecordId};
use domain::record::{RecordState, Source};
use serde::Serialize;
use utoipa::ToSchema;

use super::store;
use crate::access::{Access, Countersign, Office, log, office};
use crate::app::App;
use crate::db::entities::record;
use crate::disclosures::brake::Reading;
use crate::disclosures::lists::Which;
use crate::error::ApiError;
use crate::handbooks::store::hold;
use crate::idempotency::{IfMatch, Work};
use crate::offices;
use crate::page::{Page, PageQuery};
use crate::problem::Code;
use crate::query::Query;
use crate::records::Me;
use crate::records::form::SubjectWord;
use crate::records::show::record_in;
use crate::records::store::{self as records, Content, Replaced, subject_of};
use crate::records::written::AfterChange;

/// A delegated record that awaits the countersign of its institution.
#[derive(Debug, Serialize, ToSchema)]
pub struct AwaitingCountersign {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub id: RecordId,
    /// The handbook.
    #[schema(value_type = uuid::Uuid)]
    pub handbook: HandbookId,
    /// Kind, a key of the catalogue.
    pub kind: String,
    /// Whom it is about.
    pub subject: SubjectWord,
    /// The day.
    pub occurred_on: NaiveDate,
    /// When it was received.
    pub recorded_at: DateTime<Utc>,
    /// Version, for `If-Match`.
    pub version: i32,
}

/// What awaits the countersign of the own institution, the oldest first
#[utoipa::path(
    operation_id = "awaiting_countersign",
    tag = "checkups",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of records", body = Page<AwaitingCountersign>),
        (status = 429, description = "The account was given as many personal lines as a day allows (`too_many_lines`)"),
    ),
)]
#[get("/api/v1/countersign")]
pub(crate) async fn list(
    app: Data<App>,
    office: Office<office::Countersign>,
    page: Query<PageQuery>,
) -> Result<Json<Page<AwaitingCountersign>>, ApiError> {
    let institution = office.staff.institution()?;
    let reading = Reading::begin(&app, &office.staff, &Which::Countersign(institution), &page).await?;
    let rows = store::awaiting(app.db.read(), institution, reading.after, reading.wanted()).await?;
    let (rows, next_cursor) = reading.give(rows, |row| row.id, |row| row.handbook_id).await?;
    let handbooks = rows.iter().map(|row| row.handbook_id);
    let why = (Action::Countersign, Some(Tie::Managing));
    log::write_list(&app, &office.staff, handbooks, why).await?;
    Ok(Json(Page { items: rows.into_iter().map(listed).collect(), next_cursor }))
}

fn listed(row: record::Model) -> AwaitingCountersign {
    AwaitingCountersign {
        id: row.id,
        handbook: row.handbook_id,
        kind: row.kind,
        subject: subject_of(row.subject, row.child_id).into(),
        occurred_on: row.occurred_on,
        recorded_at: row.recorded_at,
        version: row.version,
    }
}

/// Countersign what a village doctor wrote by delegation
///
/// By the managing institution: after a transfer by the one that answers for the handbook then.
#[utoipa::path(
    tag = "checkups",
    params(("handbook" = uuid::Uuid, Path), ("record" = uuid::Uuid, Path), IfMatch),
    responses(
        (status = 200, description = "Countersigned", body = AfterChange),
        (status = 409, description = "It awaits no signature"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/checkups/{record}/countersign")]
pub(crate) async fn countersign(
    app: Data<App>,
    access: Access<Countersign>,
    path: Path<(HandbookId, String)>,
    seen: IfMatch,
) -> Result<HttpResponse, ApiError> {
    let id = record_in(&path)?;
    let staff = access.caller.staff()?;
    let work = Work::without_key(&app).await?;
    // Held before the record is read: a replacement that moves it at the same moment is over by then.
    let held = hold(&work.txn, access.handbook.id).await?;
    access.judge_again(&work.txn, &held).await?;
    let row = records::row(&work.txn, held.id, id).await?;
    let old = row
        .filter(|row| row.source == Source::Clinician && row.state == RecordState::Live)
        .ok_or_else(|| ApiError::told(Code::NotFound))?;
    if old.staff_id == Some(staff.id) {
        return Err(ApiError::told(Code::OwnRecord));
    }
    if old.awaits_countersign_of.is_none() {
        return Err(ApiError::told(Code::NotAwaitingCountersign));
    }
    seen.check(old.version)?;
    let signer = offices::staff::store::find(&work.txn, staff.id)
        .await?
        .ok_or_else(|| ApiError::told(Code::NotFound))?;
    let name = offices::staff::name_of(&app.keys, &signer)?;
    let mut new = signed(&app, &old, &name)?;
    new.awaits_countersign_of = None;
    new.countersigned_by = Some(staff.id);
    let replaced = Replaced { by: Me::Staff(staff.id), reason: None, at: app.now() };
    let version = records::replace(&work.txn, &old, new, replaced).await?;
    let answer =
        work.answer(&app, access.wrote().record(id), StatusCode::OK, &AfterChange { id, version }).await?;
    app.live.changed(access.handbook.id).await;
    Ok(answer)
}

/// The record with the name of who countersigned, where its form has a place for it.
fn signed(app: &App, old: &record::Model, name: &str) -> Result<record::Model, ApiError> {
    let mut new = old.clone();
    let kind = app.catalogue.kind_in_edition(&old.kind, &old.edition);
    let place = kind.and_then(|kind| {
        kind.fields.iter().find(
            |field| matches!(field.origin, Origin::Server(source) if source.name() == "record.reviewer"),
        )
    });
    if let Some(field) = place {
        let mut content = Content::of_row(&app.keys, old).map_err(ApiError::Internal)?;
        content.fill_sealed(&field.key, name);
        content.put(&app.keys, &mut new).map_err(ApiError::Internal)?;
    }
    Ok(new)
}
