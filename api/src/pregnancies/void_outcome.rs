//! `POST /api/v1/handbooks/{handbook}/pregnancies/{pregnancy}/outcome/void`: an outcome that was recorded in error is taken
//! back, with the children that it made.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use domain::access::Action;
use domain::handbook::State;
use domain::id::PregnancyId;
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Pregnancy, store};
use crate::access::{Access, ManagePregnancy};
use crate::app::App;
use crate::body::Body;
use crate::children::store as children;
use crate::db::entities::{handbook, pregnancy};
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::handbooks::refused::watched;
use crate::handbooks::store::{self as handbooks, Act, hold};
use crate::handbooks::subjects::{must_be_open_but_for_a_death, open_again};
use crate::idempotency::{Attempt, Once};
use crate::notices::{self, Kind};
use crate::problem::Code;
use crate::records::store as records;
use crate::remark::Remark;

/// Why an outcome is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeVoided {
    /// In words.
    pub reason: String,
}

/// A pregnancy that goes on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenPregnancy)]
pub struct Open {
    /// The pregnancy.
    pub pregnancy: Pregnancy,
    /// State of the handbook now.
    #[schema(value_type = String)]
    pub state: State,
}

/// Take back an outcome that was recorded in error
///
/// The pregnancy is open again, the handbook waits for it, and one that closed because of the outcome is open again. The
/// children that it made are seen no more; records of theirs that still stand have to be voided or withdrawn first. Danger
/// signs that it answered stay answered. The family is told.
#[utoipa::path(
    tag = "pregnancies",
    params(("handbook" = Uuid, Path), ("pregnancy" = Uuid, Path), Once),
    request_body = OutcomeVoided,
    responses(
        (status = 200, description = "Taken back", body = Open),
        (status = 409, description = "No outcome stands (`no_outcome`), records of the children stand (`outcome_in_use`), a later pregnancy is registered (`later_pregnancy`), the woman's death was recorded since (`woman_has_died`), she was issued another handbook (`already_has_handbook`), or the handbook is closed for another reason (`handbook_closed`)"),
        (status = 429, description = "Twenty refusals in an hour because of what is known of somebody (`too_many_tries`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/pregnancies/{pregnancy}/outcome/void")]
pub(crate) async fn take_back(
    app: Data<App>,
    access: Access<ManagePregnancy>,
    path: Path<(Uuid, Uuid)>,
    once: Once,
    body: Body<OutcomeVoided>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let staff = access.caller.staff()?;
    let mut form = Form::default();
    let reason = form.remark("/reason", &request.reason, &REMARK);
    form.done()?;

    if let Some(answer) = once.answered(&app, staff.id.0, None, body.bytes()).await? {
        return Ok(answer);
    }
    let work = Box::pin(undo(&app, &access, PregnancyId(path.1), &once, (reason, body.bytes())));
    watched(&app, staff, Action::ManagePregnancy.code(), work).await
}

async fn undo(
    app: &App,
    access: &Access<ManagePregnancy>,
    pregnancy: PregnancyId,
    once: &Once,
    (reason, bytes): (Remark, &[u8]),
) -> Result<HttpResponse, ApiError> {
    let staff = access.caller.staff()?;
    let work = match once.begin(app, staff.id.0, None, bytes).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (txn, now) = (&work.txn, app.now());
    let held = hold(txn, access.handbook.id).await?;
    access.judge_again(txn, &held).await?;
    // From now on the fetus is unborn again.
    let reason = reason.checked(true)?;
    must_be_open_but_for_a_death(txn, &held).await?;
    must_be_the_latest(txn, &held, pregnancy).await?;
    let open = store::open_again(txn, pregnancy).await?;
    let open = open.ok_or_else(|| ApiError::told(Code::NoOutcome))?;
    take_back_births(app, txn, &open).await?;
    let state = open_again(app, txn, &held).await?;
    let act =
        Act { handbook: held.id, action: Action::ManagePregnancy, staff, reason: &reason, person: None };
    handbooks::keep_act(txn, &app.keys, act, now).await?;
    notices::store::tell(txn, held.id, Kind::OutcomeTakenBack, staff.institution, None, now).await?;

    let answer = Open { pregnancy: Pregnancy::of(&open, app.today()), state };
    let answer = work.answer(app, access.wrote(), StatusCode::OK, &answer).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

/// Only the latest pregnancy can go on, and only of a woman who lives.
async fn must_be_the_latest(
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    id: PregnancyId,
) -> Result<(), ApiError> {
    let pregnancies = store::of_handbook(txn, held.id).await?;
    if !pregnancies.iter().any(|pregnancy| pregnancy.id == id) {
        return Err(ApiError::told(Code::NotFound));
    }
    if pregnancies.first().is_some_and(|latest| latest.id != id) {
        return Err(ApiError::told(Code::LaterPregnancy));
    }
    if held.woman_died_on.is_some() {
        return Err(ApiError::told(Code::WomanHasDied));
    }
    Ok(())
}

/// The children that the outcome made were not born. What somebody wrote about one of them and holds to be true says
/// otherwise.
async fn take_back_births(
    app: &App,
    txn: &impl ConnectionTrait,
    row: &pregnancy::Model,
) -> Result<(), ApiError> {
    let mut children = children::of_handbook(txn, row.handbook_id).await?;
    children.retain(|child| child.pregnancy_id == Some(row.id));
    if records::stand_about(txn, row.handbook_id, children.iter().map(|child| child.id)).await? {
        return Err(ApiError::told(Code::OutcomeInUse));
    }
    Ok(children::take_back_births(txn, &children, app.now()).await?)
}
