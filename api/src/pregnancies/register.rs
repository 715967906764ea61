//! `POST /api/v1/handbooks/{handbook}/pregnancies`: the pregnancy that a planning handbook waited for, or the next one after
//! a loss.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};

use super::{Pregnancy, check_fetuses, store};
use crate::access::{Access, ManagePregnancy};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::form::Form;
use crate::handbooks::form::TypedPregnancy;
use crate::handbooks::store::hold_as;
use crate::idempotency::{Attempt, Once};
use crate::problem::Code;

/// Register a pregnancy in a handbook
///
/// After a live birth the next pregnancy gets a handbook of its own.
#[utoipa::path(
    tag = "pregnancies",
    params(("handbook" = Uuid, Path), Once),
    request_body = TypedPregnancy,
    responses((status = 201, description = "Registered", body = Pregnancy)),
)]
#[post("/api/v1/handbooks/{handbook}/pregnancies")]
pub(crate) async fn register(
    app: Data<App>,
    access: Access<ManagePregnancy>,
    once: Once,
    body: Body<TypedPregnancy>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let mut form = Form::default();
    let fetuses = check_fetuses(&mut form, "/fetuses", request.fetuses);
    form.done()?;
    let dates = request.dates().check(app.today())?;

    let id = request.id.map(|id| id.0);
    let work = match once.begin(&app, access.caller.actor(), id, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let txn = &work.txn;
    let held = hold_as(txn, &access).await?;
    let before = store::of_handbook(txn, held.id).await?;
    if store::woman_died_on(&held, &before).is_some() {
        return Err(ApiError::told(Code::WomanHasDied));
    }
    if held.expecting_id.is_none() {
        return Err(ApiError::told(Code::NeedsNewHandbook));
    }
    if before.iter().any(|pregnancy| pregnancy.outcome.is_none()) {
        return Err(ApiError::told(Code::PregnancyOpen));
    }
    if let Some(ended_on) = before.iter().filter_map(|pregnancy| pregnancy.ended_on).max() {
        dates.check_follows(ended_on)?;
    }
    let row = store::insert(txn, request.id, held.id, dates, fetuses, app.now()).await?;
    let answer =
        work.answer(&app, access.wrote(), StatusCode::CREATED, &Pregnancy::of(&row, app.today())).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}
