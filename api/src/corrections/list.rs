//! `GET …/correction-requests`: what a family asked and was answered; and what staff have to answer, or the county to look
//! after because nobody did.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Action, Role, Tie};
use domain::correction::RequestState;
use domain::id::{CorrectionId, HandbookId, RecordId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::store::{self, Scope};
use crate::access::{Access, Office, ReadCorrections, log, office};
use crate::access_log::store::institution_names;
use crate::app::App;
use crate::db::entities::correction_request;
use crate::disclosures::brake::Reading;
use crate::disclosures::lists::{Which, printed};
use crate::error::ApiError;
use crate::page::{Page, PageQuery, cut};
use crate::query::Query;
use crate::session::Staff;
use crate::visits::store::masked;

/// A request as the family reads it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CorrectionRequest {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: CorrectionId,
    /// The record.
    #[schema(value_type = Uuid)]
    pub record: RecordId,
    /// The version that it is about.
    pub record_version: i32,
    /// `open`, `corrected` or `refused`.
    #[schema(value_type = String)]
    pub state: RequestState,
    /// What is wrong, in the words of who asked; told to them alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// The last day on which an answer is in time.
    pub due_on: NaiveDate,
    /// That day is over and nobody has answered.
    pub overdue: bool,
    /// When it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<DateTime<Utc>>,
    /// The version that corrects the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_version: Option<i32>,
    /// Why the record stands, or what was corrected; told to who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The reader asked.
    pub mine: bool,
}

/// A request as its asker reads it; of others' the words are not told, which may be about a result that only they see.
pub fn own_words(app: &App, row: correction_request::Model, me: UserId) -> CorrectionRequest {
    let mine = row.user_id == me;
    let says = Some(&row.says).filter(|_| mine);
    let says = says.and_then(|sealed| app.keys.open(store::says_place(row.id), sealed).ok());
    let reason = row.reason.as_deref().filter(|_| mine);
    let reason = reason.and_then(|sealed| app.keys.open(store::reason_place(row.id), sealed).ok());
    CorrectionRequest {
        id: row.id,
        record: row.record_id,
        record_version: row.record_version,
        state: row.state,
        says,
        asked_at: row.asked_at,
        due_on: row.due_on,
        overdue: is_overdue(&row, app.today()),
        answered_at: row.answered_at,
        new_version: row.new_version,
        reason,
        mine,
    }
}

fn is_overdue(row: &correction_request::Model, today: NaiveDate) -> bool {
    row.state == RequestState::Open && row.due_on < today
}

/// Requests for correction in a handbook, the newest first
#[utoipa::path(
    operation_id = "of_handbook",
    tag = "corrections",
    params(("handbook" = Uuid, Path), PageQuery),
    responses((status = 200, description = "A page of requests", body = Page<CorrectionRequest>)),
)]
#[get("/api/v1/handbooks/{handbook}/correction-requests")]
pub(crate) async fn of_handbook(
    app: Data<App>,
    access: Access<ReadCorrections>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let me = access.caller.family()?.id;
    let (limit, list) = (page.limit()?, format!("corrections/{}/{me}", access.handbook.id));
    let before = page.after(&app.keys, &list)?;
    let rows = store::of_handbook(app.db.read(), access.handbook.id, before, limit + 1).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, |row| row.id);
    let items = rows.into_iter().map(|row| own_words(&app, row, me)).collect();
    Ok(HttpResponse::Ok().json(Page::<CorrectionRequest> { items, next_cursor }))
}

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RequestQuery {
    /// `open` when left out, `corrected` or `refused`; for county MCH `open` alone.
    #[param(value_type = Option<String>)]
    state: Option<RequestState>,
}

/// A request as staff read it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestToAnswer {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: CorrectionId,
    /// The handbook.
    #[schema(value_type = Uuid)]
    pub handbook: HandbookId,
    /// Its number.
    pub number: String,
    /// Whose it is, masked.
    pub name: String,
    /// The record.
    #[schema(value_type = Uuid)]
    pub record: RecordId,
    /// The version that it is about.
    pub record_version: i32,
    /// `open`, `corrected` or `refused`.
    #[schema(value_type = String)]
    pub state: RequestState,
    /// What is wrong, in the words of the family; for the institution that wrote the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// The institution that has to answer.
    pub institution: String,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// The last day on which an answer is in time.
    pub due_on: NaiveDate,
    /// That day is over and nobody has answered.
    pub overdue: bool,
    /// When it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<DateTime<Utc>>,
    /// The version that corrects the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_version: Option<i32>,
}

/// Requests to correct what the own institution wrote, the newest first
///
/// For county MCH those of its families that are overdue, without their words: open ones alone, for an answered request is
/// not overdue.
#[utoipa::path(
    operation_id = "list",
    tag = "corrections",
    params(PageQuery, RequestQuery),
    responses(
        (status = 200, description = "A page of requests", body = Page<RequestToAnswer>),
        (status = 429, description = "The account was given as many personal lines as a day allows (`too_many_lines`)"),
    ),
)]
#[get("/api/v1/correction-requests")]
pub(crate) async fn of_office(
    app: Data<App>,
    office: Office<office::ReadCorrections>,
    page: Query<PageQuery>,
    wanted: Query<RequestQuery>,
) -> Result<HttpResponse, ApiError> {
    let state = wanted.state.unwrap_or(RequestState::Open);
    let scope = scope_of(&app, &office.staff)?;
    if matches!(scope, Scope::Overdue(..)) && state != RequestState::Open {
        return Err(ApiError::parameter(
            "state",
            "not_open",
            "县区妇幼机构只查看逾期未答复的申请（open）。",
            "County MCH reads the requests that nobody answered in time: open.",
        ));
    }
    let which = Which::Corrections(scope, state);
    let reading = Reading::begin(&app, &office.staff, &which, &page).await?;
    let db = app.db.read();
    let rows = store::of_scope(db, scope, state, reading.after, reading.wanted()).await?;
    let (rows, next_cursor) = reading.give(rows, |row| row.id, |row| row.handbook_id).await?;
    let tie = match scope {
        Scope::Institution(_) => Tie::Author,
        Scope::Overdue(..) => Tie::InRegion,
    };
    let why = (Action::ReadCorrections, Some(tie));
    let handbooks = rows.iter().map(|row| row.handbook_id);
    log::write_list(&app, &office.staff, handbooks, why).await?;
    let names = masked(db, &app.keys, rows.iter().map(|row| row.handbook_id)).await?;
    let institutions = institution_names(db, rows.iter().map(|row| row.institution_id)).await?;
    let shown = |row: correction_request::Model| {
        let who = names.get(&row.handbook_id);
        let says = matches!(scope, Scope::Institution(_)).then_some(&row.says);
        RequestToAnswer {
            id: row.id,
            handbook: row.handbook_id,
            number: who.map(|who| printed(&who.number)).unwrap_or_default(),
            name: who.map(|who| who.name.clone()).unwrap_or_default(),
            record: row.record_id,
            record_version: row.record_version,
            state: row.state,
            says: says.and_then(|sealed| app.keys.open(store::says_place(row.id), sealed).ok()),
            institution: institutions.get(&row.institution_id).cloned().unwrap_or_default(),
            asked_at: row.asked_at,
            due_on: row.due_on,
            overdue: is_overdue(&row, app.today()),
            answered_at: row.answered_at,
            new_version: row.new_version,
        }
    };
    let items = rows.into_iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(Page::<RequestToAnswer> { items, next_cursor }))
}

/// Who wrote answers; the county looks after what nobody answered.
pub(crate) fn scope_of(app: &App, staff: &Staff) -> Result<Scope, ApiError> {
    if staff.is(Role::Clinician) || staff.is(Role::KindergartenStaff) {
        Ok(Scope::Institution(staff.institution()?))
    } else {
        Ok(Scope::Overdue(staff.county()?, app.today()))
    }
}
