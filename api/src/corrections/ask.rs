//! `POST /api/v1/handbooks/{handbook}/records/{record}/correction-requests`: a family asks to correct what a clinician wrote.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use domain::correction::{Deadline, RequestState};
use domain::handbook::State;
use domain::id::{CorrectionId, HandbookId};
use domain::place::RegionLevel;
use domain::record::{RecordState, Source};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::list::{CorrectionRequest, own_words};
use super::store;
use crate::access::{Access, AskCorrection};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::correction_request;
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::handbooks::store::hold;
use crate::idempotency::{Attempt, Once, Work};
use crate::problem::Code;
use crate::records::View;
use crate::records::setting::is_unborn;
use crate::records::show::record_in;
use crate::records::store as records;
use crate::remark::Remark;

/// What is wrong.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedCorrection {
    /// In words: which field, and what it should be.
    #[schema(min_length = 1, max_length = 500)]
    says: String,
}

/// Ask to correct a clinician's record
///
/// The institution that wrote it answers within 15 days: with the version that corrects it, or with the reason why it
/// stands. One request of a user about a record is open at a time.
#[utoipa::path(
    operation_id = "ask",
    tag = "corrections",
    params(("handbook" = Uuid, Path), ("record" = Uuid, Path), Once),
    request_body = AskedCorrection,
    responses(
        (status = 201, description = "Asked", body = CorrectionRequest),
        (status = 409, description = "One is open (`request_open`), the family wrote the record itself (`not_a_clinicians_record`), or it was voided (`record_ended`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/records/{record}/correction-requests")]
pub(crate) async fn ask(
    app: Data<App>,
    access: Access<AskCorrection>,
    once: Once,
    path: Path<(HandbookId, String)>,
    body: Body<AskedCorrection>,
) -> Result<HttpResponse, ApiError> {
    let me = access.caller.family()?.id;
    let AskedCorrection { says } = body.parse()?;
    let mut form = Form::default();
    let says = form.remark("/says", &says, &REMARK);
    form.done()?;
    match once.begin(&app, me.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => Ok(answer),
        Attempt::New(work) => {
            let asked = keep(&app, &work, &access, &path, says).await?;
            let answer = work.answer(&app, access.wrote().on(asked.id), StatusCode::CREATED, &asked).await?;
            app.live.changed(access.handbook.id).await;
            Ok(answer)
        }
    }
}

async fn keep(
    app: &App,
    work: &Work,
    access: &Access<AskCorrection>,
    path: &Path<(HandbookId, String)>,
    says: Remark,
) -> Result<CorrectionRequest, ApiError> {
    let (txn, now) = (&work.txn, app.now());
    let not_found = || ApiError::told(Code::NotFound);
    let me = access.caller.family()?.id;
    // The right to have something corrected does not end with the handbook.
    let held = hold(txn, access.handbook.id).await?;
    access.judge_again(txn, &held).await?;
    if held.state == State::Replaced {
        return Err(ApiError::told(Code::HandbookClosed));
    }
    let view = View::of(&access.caller, &access.standing, &held);
    let id = record_in(path)?;
    let seen = records::one(txn, held.id, &view, id).await?.ok_or_else(not_found)?;
    let row = records::row(txn, held.id, id).await?.ok_or_else(not_found)?;
    if row.state != RecordState::Live {
        return Err(ApiError::told(Code::RecordEnded));
    }
    let institution = match (row.source, row.institution_id) {
        (Source::Clinician | Source::Import, Some(institution)) => institution,
        _ => return Err(ApiError::told(Code::NotAClinicians)),
    };
    let says = says.checked(is_unborn(txn, &held).await?)?;
    let deadline = Deadline::in_force().map_err(ApiError::internal)?;
    let request = CorrectionId(Uuid::now_v7());
    let row = correction_request::Model {
        id: request,
        handbook_id: held.id,
        record_id: id,
        record_version: seen.version,
        user_id: me,
        institution_id: institution,
        county_code: held.region_code.at(RegionLevel::County),
        state: RequestState::Open,
        says: app.keys.seal(store::says_place(request), &says).map_err(ApiError::Internal)?,
        asked_at: now,
        due_on: deadline.due_on(app.today()),
        answered_at: None,
        answered_by: None,
        new_version: None,
        reason: None,
    };
    if !store::insert(txn, row.clone()).await? {
        return Err(ApiError::told(Code::RequestOpen));
    }
    Ok(own_words(app, row, me))
}
