//! `POST /api/v1/imports/{regions|institutions|staff}`: a file of up to 1 MB; the command line takes larger ones.

use actix_web::web::Data;
use actix_web::{HttpResponse, http::StatusCode, post};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::staff::Issued;
use super::{Summary, institutions, regions, staff};
use crate::access::{Office, office};
use crate::app::App;
use crate::body::CsvBody;
use crate::error::ApiError;
use crate::idempotency::{Attempt, Once};
use crate::offices::staff::Giver;
use crate::problem::Code;
use crate::query::Query;

/// Most staff of one upload: each needs a password hashed while the caller waits.
const MOST_STAFF: usize = 300;

/// `?dry_run=true`: judge the file and change nothing.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Mode {
    /// Only judge the file; no Idempotency-Key is needed.
    #[serde(default)]
    dry_run: bool,
}

/// What an import did, or would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Imported {
    #[serde(flatten)]
    summary: Summary,
    /// Nothing was changed.
    dry_run: bool,
    /// Passwords issued to staff: shown now and never again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passwords: Vec<Issued>,
}

impl Imported {
    fn trial(summary: Summary) -> Result<HttpResponse, ApiError> {
        Ok(HttpResponse::Ok().json(Self { summary, dry_run: true, passwords: Vec::new() }))
    }

    fn done(summary: Summary, passwords: Vec<Issued>) -> Self {
        Self { summary, dry_run: false, passwords }
    }
}

/// Import regions
///
/// CSV with the columns code, level, name_zh, parent_code. All rows or none; wrong ones are named all at once, by
/// `/row/column` as a spreadsheet numbers them.
#[utoipa::path(
    tag = "imports",
    params(Mode, Once),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, description = "Imported, or judged", body = Imported)),
)]
#[post("/api/v1/imports/regions")]
pub(crate) async fn import_regions(
    app: Data<App>,
    office: Office<office::ManageRegions>,
    mode: Query<Mode>,
    once: Once,
    body: CsvBody,
) -> Result<HttpResponse, ApiError> {
    let (csv, bar) = (body.text()?, ProgressBar::hidden());
    if mode.dry_run {
        return Imported::trial(regions::plan(app.db.read(), csv, &bar).await?.summary);
    }
    let work = match once.begin(&app, office.staff.id.0, None, csv).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let plan = regions::plan(&work.txn, csv, &bar).await?;
    let summary = plan.summary;
    regions::apply(&work.txn, plan, &bar).await?;
    work.answer(&app, office.wrote(), StatusCode::OK, &Imported::done(summary, Vec::new())).await
}

/// Import institutions
///
/// CSV with the columns name, region_code, region_level, classes, level, midwifery, phone, is_service_point, issues_to,
/// administrator; lists are separated by semicolons. A live institution of the same name and region is changed. All
/// rows or none.
#[utoipa::path(
    tag = "imports",
    params(Mode, Once),
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 200, description = "Imported, or judged", body = Imported),
        (status = 412, description = "Somebody changed one of them meanwhile (`stale`): import again"),
    ),
)]
#[post("/api/v1/imports/institutions")]
pub(crate) async fn import_institutions(
    app: Data<App>,
    office: Office<office::ManageInstitutions>,
    mode: Query<Mode>,
    once: Once,
    body: CsvBody,
) -> Result<HttpResponse, ApiError> {
    let (csv, bar, scope) = (body.text()?, ProgressBar::hidden(), office.staff.region);
    if mode.dry_run {
        return Imported::trial(
            institutions::plan(app.db.read(), csv, scope, app.today(), &bar).await?.summary,
        );
    }
    let work = match once.begin(&app, office.staff.id.0, None, csv).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let plan = institutions::plan(&work.txn, csv, scope, app.today(), &bar).await?;
    let summary = plan.summary;
    institutions::apply(&work.txn, plan, app.now(), &bar).await?;
    work.answer(&app, office.wrote(), StatusCode::OK, &Imported::done(summary, Vec::new())).await
}

/// Import staff
///
/// CSV with the columns user_name, name, title, roles, institution_region_code, institution, region_code, region_level,
/// trained_on; roles are separated by semicolons. At most 300 rows; all of them or none. The answer holds the issued
/// passwords, which are shown once.
#[utoipa::path(
    tag = "imports",
    params(Mode, Once),
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 200, description = "Imported, or judged", body = Imported),
        (status = 429, description = "Too many passwords are being hashed; `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/imports/staff")]
pub(crate) async fn import_staff(
    app: Data<App>,
    office: Office<office::ManageStaff>,
    mode: Query<Mode>,
    once: Once,
    body: CsvBody,
) -> Result<HttpResponse, ApiError> {
    let (csv, bar, giver) = (body.text()?, ProgressBar::hidden(), Giver::of(&office.staff));
    let actor = office.staff.id.0;
    if mode.dry_run {
        return Imported::trial(staff::plan(app.db.read(), csv, &giver, app.today(), &bar).await?.summary);
    }
    if let Some(answer) = once.answered(&app, actor, None, csv).await? {
        return Ok(answer);
    }
    let plan = staff::plan(app.db.read(), csv, &giver, app.today(), &bar).await?;
    if plan.passwords() > MOST_STAFF {
        return Err(ApiError::with_each(
            Code::TooLarge,
            "limit",
            format!("{MOST_STAFF}行"),
            format!("{MOST_STAFF} rows"),
        ));
    }
    let hashed = plan.hash(&app.passwords, &bar).await?;
    let work = match once.begin(&app, actor, None, csv).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (summary, passwords) =
        staff::apply(&work.txn, &app.keys, hashed, &giver, Some(office.staff.id), app.now()).await?;
    work.answer(&app, office.wrote(), StatusCode::OK, &Imported::done(summary, passwords)).await
}
