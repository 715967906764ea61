//! `POST /api/v1/exports/{export}/decision`: a second person agrees to a list of persons, or refuses it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::disclosure::HOLDS;
use domain::id::DisclosureId;
use domain::visit::REASON_LENGTH;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::list::of_another;
use super::store;
use crate::access::{Office, office};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::idempotency::{Attempt, Once};
use crate::problem::Code;
use crate::review::must_be_independent;

/// The decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionRequest {
    /// Whether it is given.
    approve: bool,
    /// At most 500 characters; 10 at least when it is refused.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// A decision that was kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Decided {
    #[schema(value_type = Uuid)]
    id: DisclosureId,
    approved: bool,
    decided_at: DateTime<Utc>,
    /// Until when it may be taken, or read on.
    #[serde(skip_serializing_if = "Option::is_none")]
    holds_until: Option<DateTime<Utc>>,
}

/// Approve or refuse a list of persons
///
/// By another person of the county MCH that answers for the asker's region; for one of the county MCH also by the MCH of the
/// city or province. Once, and never by who asked.
#[utoipa::path(
    tag = "exports",
    params(("export" = Uuid, Path, description = "What was asked for"), Once),
    request_body = DecisionRequest,
    responses(
        (status = 200, description = "Kept", body = Decided),
        (status = 403, description = "It is the caller's own (`own_disclosure`), the two accounts are not independent (`reviewer_not_independent`), or the role does not decide"),
        (status = 409, description = "Somebody decided before, or it has expired (`already_decided`)"),
    ),
)]
#[post("/api/v1/exports/{export}/decision")]
pub(crate) async fn decide(
    app: Data<App>,
    office: Office<office::DecideDisclosure>,
    id: Path<String>,
    once: Once,
    body: Body<DecisionRequest>,
) -> Result<HttpResponse, ApiError> {
    let staff = &office.staff;
    let asked = of_another(&app, staff, &id).await?;
    must_be_independent(app.db.read(), (staff.id, app.now()), (asked.staff_id, asked.asked_at)).await?;
    let id = asked.id;
    let DecisionRequest { approve, reason } = body.parse()?;
    let mut form = Form::default();
    let reason = if approve {
        form.optional_remark("/reason", reason.as_deref(), &REMARK)
    } else {
        Some(form.remark("/reason", reason.as_deref().unwrap_or_default(), &REASON_LENGTH))
    };
    form.done()?;
    let reason = reason.map(|reason| reason.checked(true)).transpose()?;
    let work = match once.begin(&app, staff.id.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let now = app.now();
    let sealed = reason.map(|reason| app.keys.seal(store::reason_place(id), &reason));
    let sealed = sealed.transpose().map_err(ApiError::Internal)?;
    if !store::decide(&work.txn, id, staff.id, approve, sealed, now).await? {
        return Err(ApiError::told(Code::AlreadyDecided));
    }
    let holds_until = approve.then(|| now + HOLDS);
    let decided = Decided { id, approved: approve, decided_at: now, holds_until };
    work.answer(&app, office.wrote().on(id), StatusCode::OK, &decided).await
}
