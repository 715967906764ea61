//! `GET …/records/{record}/versions` and `GET /api/v1/checkups`: what a record was before, and what an author wrote.

use actix_web::get;
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, NaiveDate, Utc};
use domain::access::Action;
use domain::id::{HandbookId, RecordId};
use domain::record::{RecordState, Source};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::form::SubjectWord;
use super::show::record_in;
use super::store::{self, Content, Row, subject_of};
use super::view::Told;
use super::{Reader, Speaks, View};
use crate::access::{Office, log, office};
use crate::app::App;
use crate::cause;
use crate::db::entities::{record, record_version};
use crate::disclosures::brake::Reading;
use crate::disclosures::lists::Which;
use crate::error::ApiError;
use crate::keys::{Place, places};
use crate::page::{Page, PageQuery, cut};
use crate::problem::{Code, Language};
use crate::query::Query;

/// A record as it was before it was changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecordVersion)]
pub struct Version {
    /// The version.
    pub version: i32,
    /// `live`, until it was replaced.
    #[schema(value_type = String)]
    pub state: &'static str,
    /// The day of the record then.
    pub occurred_on: NaiveDate,
    /// The content then.
    #[schema(value_type = Object)]
    pub payload: Map<String, Value>,
    /// What there was to tell about it.
    pub warnings: Vec<Told>,
    /// When it was replaced.
    pub replaced_at: DateTime<Utc>,
    /// `family` or `clinician`: which side replaced it.
    #[schema(value_type = String)]
    pub replaced_by: &'static str,
    /// The reader replaced it.
    pub mine: bool,
    /// Why, if a reason was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Earlier versions of a record, the latest first
///
/// Of what a family wrote, staff see that it was edited and not what stood there before.
#[utoipa::path(
    tag = "records",
    params(("handbook" = uuid::Uuid, Path), ("record" = uuid::Uuid, Path), PageQuery),
    responses((status = 200, description = "A page of versions", body = Page<Version>)),
)]
#[get("/api/v1/handbooks/{handbook}/records/{record}/versions")]
pub(crate) async fn versions(
    app: Data<App>,
    reader: Reader,
    path: Path<(HandbookId, String)>,
    page: Query<PageQuery>,
    Speaks(language): Speaks,
) -> Result<Json<Page<Version>>, ApiError> {
    let id = record_in(&path)?;
    let (limit, list) = (page.limit()?, format!("versions/{id}"));
    let before = page.after(&app.keys, &list)?;
    let record = store::one(&reader.db, reader.handbook.id, &reader.view, id).await?;
    let record = record.ok_or_else(|| ApiError::told(Code::NotFound))?;
    if !reader.view.is_family() && record.source == Source::Family {
        return Ok(Json(Page { items: Vec::new(), next_cursor: None }));
    }
    let rows = store::versions(&reader.db, id, before, limit + 1).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, |row| row.version);
    let items = rows.into_iter().map(|row| shown(&app, &reader.view, &record, row, language)).collect();
    Ok(Json(Page { items, next_cursor }))
}

/// A version as a reader of its record is shown it.
pub(crate) fn shown(
    app: &App,
    view: &View,
    record: &Row,
    row: record_version::Model,
    language: Language,
) -> Version {
    let content = Content::of_version(&app.keys, &row).unwrap_or_else(|cause| {
        tracing::error!(record = %record.id, version = row.version, cause = cause::told(cause.as_ref()), "a version does not open");
        Content::default()
    });
    let sees_sensitive = view.may_see_sensitive || view.me.is(record.user_id, record.staff_id);
    let payload = match app.catalogue.kind_in_edition(&record.kind, &record.edition) {
        Some(kind) => content.payload.visible(kind, sees_sensitive),
        None if sees_sensitive => content.payload.merged(),
        None => Map::new(),
    };
    let reason = row.reason.as_deref().and_then(|sealed| app.keys.open(reason_place(record.id), sealed).ok());
    Version {
        version: row.version,
        state: row.state.code(),
        occurred_on: row.occurred_on,
        payload,
        warnings: Told::visible(&content.warnings, sees_sensitive, language),
        replaced_at: row.replaced_at,
        replaced_by: if row.staff_id.is_some() { Source::Clinician.code() } else { Source::Family.code() },
        mine: view.me.is(row.user_id, row.staff_id),
        reason,
    }
}

/// Where the reason of a change is sealed.
pub fn reason_place(record: RecordId) -> Place {
    Place::new(places::RECORD_VERSION_REASON, record.0)
}

/// A checkup in the list of its author: what and when, and no content.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnCheckup {
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
    /// `live`, or `voided` when it was entered in error.
    #[schema(value_type = String)]
    pub state: &'static str,
    /// Version.
    pub version: i32,
    /// The health centre has not countersigned it yet.
    pub awaits_countersign: bool,
}

/// What the caller attached, wherever that was, the newest first
///
/// Also what was voided; the content is read one by one.
#[utoipa::path(
    tag = "checkups",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of own checkups", body = Page<OwnCheckup>),
        (status = 429, description = "The account was given as many personal lines as a day allows (`too_many_lines`)"),
    ),
)]
#[get("/api/v1/checkups")]
pub(crate) async fn own_checkups(
    app: Data<App>,
    office: Office<office::ReadOwnCheckups>,
    page: Query<PageQuery>,
) -> Result<Json<Page<OwnCheckup>>, ApiError> {
    let me = office.staff.id;
    let reading = Reading::begin(&app, &office.staff, &Which::Checkups(me), &page).await?;
    let rows = store::own_checkups(app.db.read(), me, reading.after, reading.wanted()).await?;
    let (rows, next_cursor) = reading.give(rows, |row| row.id, |row| row.handbook_id).await?;
    let handbooks = rows.iter().map(|row| row.handbook_id);
    log::write_list(&app, &office.staff, handbooks, (Action::CorrectOwn, None)).await?;
    Ok(Json(Page { items: rows.into_iter().map(listed).collect(), next_cursor }))
}

fn listed(row: record::Model) -> OwnCheckup {
    OwnCheckup {
        id: row.id,
        handbook: row.handbook_id,
        kind: row.kind,
        subject: subject_of(row.subject, row.child_id).into(),
        occurred_on: row.occurred_on,
        recorded_at: row.recorded_at,
        state: row.state.code(),
        version: row.version,
        awaits_countersign: row.awaits_countersign_of.is_some() && row.state == RecordState::Live,
    }
}
