//! `POST /api/v1/exports`: somebody asks for a list of persons, as a file or to read on beyond its first lines.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::post;
use actix_web::web::Data;
use chrono::TimeDelta;
use domain::disclosure::{DisclosureState, Form as Given, HOLDS, PersonList};
use domain::id::DisclosureId;
use domain::visit::REASON_LENGTH;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::list::Shown;
use super::lists::{Filters, Which};
use super::store;
use crate::access::{Office, office};
use crate::app::App;
use crate::body::{Body, chosen_id};
use crate::db::entities::disclosure;
use crate::error::ApiError;
use crate::form::Form;
use crate::idempotency::{Attempt, Once};
use crate::problem::{Code, Language};
use crate::tries::{Limit, Try};

/// Requests of one account in a day: each counts through a list.
const A_DAY: Limit = Limit { purpose: "disclosure", most: 60, pause: TimeDelta::days(1) };

/// What is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    /// Id of what this creates; an `Idempotency-Key` may stand in for it.
    #[serde(default, deserialize_with = "chosen_id")]
    id: Option<Uuid>,
    /// `unused`, `alerts` or `visits`; for the screen also `overrides`, `break_glass`, `corrections`, `countersign` or
    /// `checkups`.
    #[schema(value_type = String, example = "visits")]
    list: PersonList,
    /// Which lines of it.
    #[serde(default)]
    filters: Filters,
    /// `xlsx`, `csv`, or `screen` to read on beyond 200 lines.
    #[schema(value_type = String, example = "xlsx")]
    form: Given,
    /// What it is needed for, 10 to 500 characters; read by who decides.
    #[schema(min_length = 10, max_length = 500)]
    purpose: String,
}

/// Ask for a list of persons
///
/// The lines that the caller may read on the screen, and no others. Up to 200 lines of all files of a day may be taken at once; above that a second
/// person of the county MCH agrees first. What was asked for holds for 24 hours.
#[utoipa::path(
    tag = "exports",
    params(Once),
    request_body = ExportRequest,
    responses(
        (status = 201, description = "It may be taken", body = Shown),
        (status = 202, description = "It waits for a second person", body = Shown),
        (status = 429, description = "Too many requests of the account today"),
    ),
)]
#[post("/api/v1/exports")]
pub(crate) async fn ask(
    app: Data<App>,
    office: Office<office::AskDisclosure>,
    language: Language,
    once: Once,
    body: Body<ExportRequest>,
) -> Result<HttpResponse, ApiError> {
    let staff = &office.staff;
    let ExportRequest { id, list, filters, form: given, purpose } = body.parse()?;
    let mut form = Form::default();
    let purpose = form.remark("/purpose", &purpose, &REASON_LENGTH);
    if given != Given::Screen && !list.is_for_files() {
        form.refuse(
            "/form",
            "not_an_option",
            "该名单只能在屏幕上查看。",
            "This list is given on the screen only.",
        );
    }
    form.done()?;
    let filters = filters.check(list, given, app.today())?;
    let purpose = purpose.checked(true)?;
    if let Some(answer) = once.answered(&app, staff.id.0, id, body.bytes()).await? {
        return Ok(answer);
    }
    let which = Which::of(&app, staff, list, filters).await?;
    let region = staff.region.region().ok_or_else(|| ApiError::told(Code::OutOfScope))?;
    let attempt = Try::count(&app, A_DAY, &format!("{}/{}", staff.id, app.today())).await?;
    attempt.allowed()?;
    let most = u64::from(app.config.disclosure.lines_a_day);
    let lines = which.count(&app, staff, most + 1).await?;
    if lines > most {
        return Err(ApiError::with(Code::ListTooLong, "limit", most));
    }
    let work = match once.begin(&app, staff.id.0, id, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (id, now) = (DisclosureId(id.unwrap_or_else(Uuid::now_v7)), app.now());
    let free_before = match given {
        Given::Screen => 0,
        Given::Xlsx | Given::Csv => store::free_of_day(&work.txn, staff.id, app.today()).await?,
    };
    let state = DisclosureState::at_first(lines, free_before);
    let is_ready = state == DisclosureState::Ready;
    let purpose = app.keys.seal(store::purpose_place(id), &purpose).map_err(ApiError::Internal)?;
    let row = disclosure::Model {
        filters: serde_json::to_value(filters).map_err(ApiError::internal)?,
        list_key: which.key(),
        form: given,
        lines: i64::try_from(lines).unwrap_or(i64::MAX),
        purpose: Some(purpose),
        state,
        holds_until: is_ready.then(|| now + HOLDS),
        ..store::asked(staff, region, id, list, now)
    };
    if !store::insert(&work.txn, row.clone()).await? {
        return Err(ApiError::told(Code::IdInUse));
    }
    let shown = Shown::all(&app, &work.txn, staff, vec![row], language).await?;
    let shown = shown.into_iter().next().ok_or_else(|| ApiError::told(Code::NotFound))?;
    let status = if is_ready { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    work.answer(&app, office.wrote().on(id), status, &shown).await
}
