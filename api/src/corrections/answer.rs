//! `POST /api/v1/correction-requests/{request}/answer`: the institution that wrote a record answers a request to correct it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::access::{Action, Tie};
use domain::correction::{RequestState, corrects};
use domain::id::CorrectionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store::{self, Answer};
use crate::access::{Office, log, office};
use crate::app::App;
use crate::audit::Events;
use crate::body::Body;
use crate::db::entities::correction_request;
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::handbooks::store::hold;
use crate::idempotency::{Attempt, Once, Work};
use crate::notices::{self, Kind};
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::records::show::id_in;
use crate::records::store as records;
use crate::remark::Remark;

/// Corrected, with the version that corrects; or refused, with a reason.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectionAnswer {
    /// `corrected` or `refused`.
    #[schema(value_type = String)]
    state: RequestState,
    /// The version of the record that corrects it; needed with `corrected`.
    version: Option<i32>,
    /// Why the record stands; needed with `refused`.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// A request that was answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnsweredCorrection {
    /// Id.
    #[schema(value_type = Uuid)]
    id: CorrectionId,
    /// `corrected` or `refused`.
    #[schema(value_type = String)]
    state: RequestState,
    /// When.
    answered_at: DateTime<Utc>,
}

/// Answer a request for correction
///
/// The record is corrected first, and the answer names the new version; or it says why the record stands. The first answer
/// counts, and the family is told.
#[utoipa::path(
    operation_id = "answer",
    tag = "corrections",
    params(("request" = Uuid, Path), Once),
    request_body = CorrectionAnswer,
    responses(
        (status = 201, description = "Answered", body = AnsweredCorrection),
        (status = 409, description = "Answered before (`request_answered`)"),
    ),
)]
#[post("/api/v1/correction-requests/{request}/answer")]
pub(crate) async fn answer(
    app: Data<App>,
    office: Office<office::AnswerCorrections>,
    once: Once,
    path: Path<String>,
    body: Body<CorrectionAnswer>,
) -> Result<HttpResponse, ApiError> {
    let id: CorrectionId = id_in(&path)?;
    let institution = office.staff.institution()?;
    let found = store::by_id(app.db.read(), id).await?;
    let found = found.filter(|found| found.institution_id == institution);
    let found = found.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let said = Said::read(body.parse()?)?;
    match once.begin(&app, office.staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => Ok(answer),
        Attempt::New(work) => {
            let read = log::Read {
                handbook: found.handbook_id,
                action: Action::ReadCorrections,
                tie: Some(Tie::Author),
                visit: None,
            };
            let answered = said.keep(&app, &work, &found, office.staff.id).await?;
            let wrote = office.wrote().at(found.handbook_id).through(read.tie, None).on(id);
            let did = Events::from(wrote).and(read.by(&office.staff));
            let answer = work.answer(&app, did, StatusCode::CREATED, &answered).await?;
            app.live.changed(found.handbook_id).await;
            Ok(answer)
        }
    }
}

/// An answer that is right in form.
struct Said {
    state: RequestState,
    version: Option<i32>,
    reason: Option<Remark>,
}

impl Said {
    fn read(said: CorrectionAnswer) -> Result<Self, ApiError> {
        let CorrectionAnswer { state, version, reason } = said;
        let mut form = Form::default();
        match state {
            RequestState::Open => {
                form.refuse(
                    "/state",
                    "not_an_option",
                    "应为 corrected（已更正）或 refused（不予更正）。",
                    "Give corrected or refused.",
                );
            }
            RequestState::Corrected if version.is_none() => form.require("/version"),
            RequestState::Corrected => {}
            RequestState::Refused => form.forbid("/version", version.is_some()),
        }
        let is_blank = reason.as_deref().is_none_or(|reason| reason.trim().is_empty());
        if state == RequestState::Refused && is_blank {
            form.require("/reason");
        }
        let reason = form.optional_remark("/reason", reason.as_deref(), &REMARK);
        form.done()?;
        Ok(Self { state, version, reason })
    }

    async fn keep(
        self,
        app: &App,
        work: &Work,
        found: &correction_request::Model,
        staff: domain::id::StaffId,
    ) -> Result<AnsweredCorrection, ApiError> {
        let (txn, now, id) = (&work.txn, app.now(), found.id);
        let not_found = || ApiError::told(Code::NotFound);
        let held = hold(txn, found.handbook_id).await?;
        // A replacement or a closing may have moved or deleted it since it was looked up.
        let request = store::by_id(txn, id).await?.ok_or_else(not_found)?;
        if request.handbook_id != held.id || held.blocked_until.is_some() {
            return Err(not_found());
        }
        if request.state != RequestState::Open {
            return Err(ApiError::told(Code::RequestAnswered));
        }
        if let Some(version) = self.version {
            let record = records::row(txn, held.id, request.record_id).await?.ok_or_else(not_found)?;
            corrects(version, request.record_version, record.version)?;
        }
        let unborn = is_unborn(txn, &held).await?;
        let reason = self.reason.map(|reason| reason.checked(unborn)).transpose()?;
        let reason = reason.map(|reason| app.keys.seal(store::reason_place(id), &reason)).transpose();
        let kept = Answer {
            state: self.state,
            version: self.version,
            reason: reason.map_err(ApiError::Internal)?,
            by: staff,
            at: now,
        };
        if !store::answer(txn, id, kept).await? {
            return Err(ApiError::told(Code::RequestAnswered));
        }
        let (kind, record) = (Kind::CorrectionAnswered, Some(request.record_id));
        notices::store::tell(txn, held.id, kind, Some(request.institution_id), record, now).await?;
        Ok(AnsweredCorrection { id, state: self.state, answered_at: now })
    }
}
