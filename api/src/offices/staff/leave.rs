//! `POST /api/v1/staff/{staff}/leave`: somebody no longer works here.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, http::StatusCode, post};
use chrono::NaiveDate;
use domain::calendar::day_in_china;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{View, of_manager, store, view};
use crate::access::{Office, office};
use crate::app::App;
use crate::body::Body;
use crate::checkups::store as checkups;
use crate::error::ApiError;
use crate::form::Form;
use crate::idempotency::{Attempt, Once};
use crate::problem::Code;
use crate::session::store::end_all_of_staff;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Leave)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// The first day on which they no longer work here; today ends their access at once.
    on: NaiveDate,
}

/// Let a staff member leave
///
/// From that day on their sessions are over and they cannot sign in. What they wrote stays theirs. A service point
/// whose administrator they were cannot issue until another is named.
#[utoipa::path(
    tag = "staff",
    params(("staff" = Uuid, Path, description = "The staff member"), Once),
    request_body = Request,
    responses((status = 200, description = "Written down", body = View)),
)]
#[post("/api/v1/staff/{staff}/leave")]
pub(crate) async fn leave(
    app: Data<App>,
    office: Office<office::ManageStaff>,
    id: Path<String>,
    once: Once,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    of_manager(app.db.read(), &office.staff, &id).await?;
    let Request { on } = body.parse()?;
    let work = match once.begin(&app, office.staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let mut row = of_manager(&work.txn, &office.staff, &id).await?;
    if row.left_on.is_some_and(|left_on| left_on <= app.today()) {
        return Err(ApiError::told(Code::StaffLeft));
    }
    let since = day_in_china(row.created_at);
    let mut form = Form::default();
    if form.day("/on", on).is_some_and(|on| on < since) {
        let (zh, en) =
            (format!("不能早于建档日期{since}。"), format!("Not before {since}, when they were added."));
        form.refuse("/on", "out_of_range", zh, en);
    }
    form.done()?;
    store::leave(&work.txn, row.id, on).await?;
    if on <= app.today() {
        end_all_of_staff(&work.txn, row.id, None, app.now()).await?;
        checkups::end_delegations_to(&work.txn, row.id, app.now()).await?;
    }
    row.left_on = Some(on);
    row.version += 1;
    work.answer(&app, office.wrote().on(row.id), StatusCode::OK, &view(&app.keys, row)?).await
}
