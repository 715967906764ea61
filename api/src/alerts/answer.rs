//! `POST /api/v1/handbooks/{handbook}/alerts/{alert}/answer`: what was done about a danger sign.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::id::{AlertId, HandbookId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::list::answer_place;
use super::store;
use crate::access::{Access, ReadAlerts};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::idempotency::{Attempt, Once};
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::records::show::id_in;

/// What was done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertAnswer {
    /// In words, for example who was called and what they were told.
    #[schema(min_length = 1, max_length = 500)]
    answer: String,
}

/// An alert that was answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnsweredAlert {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub id: AlertId,
    /// When.
    pub answered_at: DateTime<Utc>,
}

/// Answer a danger sign
///
/// The first answer counts.
#[utoipa::path(
    tag = "alerts",
    params(("handbook" = uuid::Uuid, Path), ("alert" = uuid::Uuid, Path), Once),
    request_body = AlertAnswer,
    responses((status = 201, description = "Answered", body = AnsweredAlert)),
)]
#[post("/api/v1/handbooks/{handbook}/alerts/{alert}/answer")]
pub(crate) async fn answer(
    app: Data<App>,
    access: Access<ReadAlerts>,
    once: Once,
    path: Path<(HandbookId, String)>,
    body: Body<AlertAnswer>,
) -> Result<HttpResponse, ApiError> {
    let id: AlertId = id_in(&path.1)?;
    let (staff, handbook, now) = (access.caller.staff()?.id, &access.handbook, app.now());
    let AlertAnswer { answer } = body.parse()?;
    let mut form = Form::default();
    let answer = form.remark("/answer", &answer, &REMARK);
    form.done()?;
    match once.begin(&app, staff.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => Ok(answer),
        Attempt::New(work) => {
            let answer = answer.checked(is_unborn(&work.txn, handbook).await?)?;
            let sealed = app.keys.seal(answer_place(id), &answer).map_err(ApiError::Internal)?;
            if !store::answer(&work.txn, handbook.id, id, staff, sealed, now).await? {
                let known = store::exists(&work.txn, handbook.id, id).await?;
                return Err(ApiError::told(if known { Code::AlertAnswered } else { Code::NotFound }));
            }
            work.answer(
                &app,
                access.wrote().on(id),
                StatusCode::CREATED,
                &AnsweredAlert { id, answered_at: now },
            )
            .await
        }
    }
}
