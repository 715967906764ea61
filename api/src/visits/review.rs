//! `GET /api/v1/break-glass`, `POST /api/v1/break-glass/{visit}/review`: the county looks at every emergency access to a
//! family of its own.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use domain::access::{Action, Tie};
use domain::handbook::number::HandbookNumber;
use domain::id::{HandbookId, InstitutionId, StaffId, VisitId};
use domain::visit::EmergencyReason;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::store::{self, Masked};
use crate::access::Office;
use crate::access::log;
use crate::access::office::ReviewOverrides;
use crate::access_log::store::{Worker, institution_names, workers};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::{break_glass, visit};
use crate::disclosures::brake::Reading;
use crate::disclosures::lists::Which;
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once};
use crate::page::{Page, PageQuery};
use crate::problem::{Code, Language};
use crate::query::Query;
use crate::review::{Finding, Review, checked_note, must_be_independent};
use crate::session::Staff;

/// Which emergency accesses.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReviewQuery {
    /// Those that were reviewed, or those that wait for it; the latter when left out.
    #[serde(default)]
    reviewed: bool,
}

/// An emergency access as the county reviews it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ForReview {
    #[schema(value_type = Uuid)]
    visit: VisitId,
    #[schema(value_type = Uuid)]
    handbook: HandbookId,
    /// The handbook's number as printed.
    number: String,
    /// Name of the woman, or of a child where there is no woman, masked.
    name: String,
    #[schema(value_type = Uuid)]
    institution: InstitutionId,
    institution_name: String,
    /// Who opened it.
    staff_name: String,
    staff_title: String,
    /// Kind of emergency.
    #[schema(value_type = String)]
    reason_code: EmergencyReason,
    /// The kind of emergency in words.
    reason_label: String,
    /// What the clinician wrote.
    reason: String,
    opened_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// When it was reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reviewed_at: Option<DateTime<Utc>>,
    /// Whether it was found justified.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<bool>,
    /// What the reviewer wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// A review that was kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reviewed {
    #[schema(value_type = Uuid)]
    visit: VisitId,
    accepted: bool,
    reviewed_at: DateTime<Utc>,
}

/// Emergency accesses to review
///
/// To handbooks of families in the own range, the newest first.
#[utoipa::path(
    tag = "visits",
    params(ReviewQuery, PageQuery),
    responses(
        (status = 200, description = "A page", body = Page<ForReview>),
        (status = 429, description = "The account was given as many personal lines as a day allows (`too_many_lines`)"),
    ),
)]
#[get("/api/v1/break-glass")]
pub(crate) async fn to_review(
    app: Data<App>,
    language: Language,
    office: Office<ReviewOverrides>,
    filter: Query<ReviewQuery>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (scope, reviewed) = (office.staff.region, filter.reviewed);
    let which = Which::BreakGlass(scope, reviewed);
    let reading = Reading::begin(&app, &office.staff, &which, &page).await?;
    let (after, wanted) = (reading.after, reading.wanted());
    let rows = store::break_glass_in(app.db.read(), scope, reviewed, after, wanted).await?;
    let (rows, next_cursor) =
        reading.give(rows, |(row, _)| row.visit_id, |(_, visit)| visit.handbook_id).await?;
    let items = for_review(&app, &office.staff, rows, language).await?;
    Ok(HttpResponse::Ok().json(Page { items, next_cursor }))
}

/// Review an emergency access
///
/// Once, and never by who opened it, nor by an account that somebody had in hands together with theirs, or that is younger than
/// the access (`reviewer_not_independent`).
#[utoipa::path(
    tag = "visits",
    params(("visit" = Uuid, Path, description = "Visit"), Once),
    request_body = Review,
    responses(
        (status = 200, description = "Kept", body = Reviewed),
        (status = 409, description = "Somebody reviewed it before (`already_reviewed`), or a twin of the request is in flight"),
    ),
)]
#[post("/api/v1/break-glass/{visit}/review")]
pub(crate) async fn keep(
    app: Data<App>,
    office: Office<ReviewOverrides>,
    id: Path<String>,
    once: Once,
    body: Body<Review>,
) -> Result<HttpResponse, ApiError> {
    let missing = || ApiError::told(Code::NotFound);
    let id = id.parse().map_err(|_| missing())?;
    let staff = &office.staff;
    let found = store::one_break_glass_in(app.db.read(), staff.region, id).await?;
    let (_, visit) = found.ok_or_else(missing)?;
    must_be_independent(app.db.read(), (staff.id, app.now()), (visit.staff_id, visit.opened_at)).await?;
    let review: Review = body.parse()?;
    let note = review.note()?;
    let work = match once.begin(&app, staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (reviewed_at, accepted) = (app.now(), review.accepted);
    let note = checked_note(&work.txn, visit.handbook_id, note).await?;
    let finding = Finding { reviewer: staff.id, accepted, note };
    if !store::review(&work.txn, &app.keys, id, &finding, reviewed_at).await? {
        return Err(ApiError::told(Code::AlreadyReviewed));
    }
    work.answer(
        &app,
        office.wrote().at(visit.handbook_id).visit(id),
        StatusCode::OK,
        &Reviewed { visit: id, accepted, reviewed_at },
    )
    .await
}

async fn for_review(
    app: &App,
    staff: &Staff,
    rows: Vec<(break_glass::Model, visit::Model)>,
    language: Language,
) -> Result<Vec<ForReview>, ApiError> {
    let handbooks = rows.iter().map(|(_, visit)| visit.handbook_id);
    log::write_list(app, staff, handbooks, (Action::ReadCover, Some(Tie::InRegion))).await?;
    let db = app.db.read();
    let visits = || rows.iter().map(|(_, visit)| visit);
    let shown = Shown {
        handbooks: store::masked(db, &app.keys, visits().map(|visit| visit.handbook_id)).await?,
        institutions: institution_names(db, visits().map(|visit| visit.institution_id)).await?,
        workers: workers(db, &app.keys, visits().map(|visit| visit.staff_id)).await?,
    };
    rows.iter().map(|(row, visit)| shown.row(app, row, visit, language)).collect()
}

/// What the rows of a page name.
struct Shown {
    handbooks: HashMap<HandbookId, Masked>,
    institutions: HashMap<InstitutionId, String>,
    workers: HashMap<StaffId, Worker>,
}

impl Shown {
    fn row(
        &self,
        app: &App,
        row: &break_glass::Model,
        visit: &visit::Model,
        language: Language,
    ) -> Result<ForReview, ApiError> {
        let handbook = self.handbooks.get(&visit.handbook_id);
        let worker = self.workers.get(&visit.staff_id).cloned().unwrap_or_default();
        let number = handbook.and_then(|handbook| HandbookNumber::parse(&handbook.number).ok());
        Ok(ForReview {
            visit: visit.id,
            handbook: visit.handbook_id,
            number: number.map(|number| number.printed()).unwrap_or_default(),
            name: handbook.map(|handbook| handbook.name.clone()).unwrap_or_default(),
            institution: visit.institution_id,
            institution_name: self.institutions.get(&visit.institution_id).cloned().unwrap_or_default(),
            staff_name: worker.name,
            staff_title: worker.title,
            reason_code: row.reason_code,
            reason_label: language.of(row.reason_code.zh(), row.reason_code.en()).to_owned(),
            reason: store::reason(&app.keys, visit)?.unwrap_or_default(),
            opened_at: visit.opened_at,
            ends_at: visit.ends_at,
            reviewed_at: row.reviewed_at,
            accepted: row.accepted,
            note: store::note(&app.keys, row)?,
        })
    }
}
