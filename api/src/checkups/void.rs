//! `POST /api/v1/handbooks/{handbook}/checkups/{record}/void`: a checkup on the wrong person was entered in error.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use domain::id::HandbookId;
use domain::record::RecordState;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{own, store};
use crate::access::{Access, CorrectOwn};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::idempotency::{IfMatch, Work};
use crate::notices::{self, store::tell};
use crate::records::Me;
use crate::records::history::reason_place;
use crate::records::setting::is_unborn;
use crate::records::show::record_in;
use crate::records::store::{self as records, Replaced};
use crate::records::written::AfterChange;

/// Why a checkup is voided.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VoidedCheckup {
    /// In words.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Void an own checkup that was entered in error
///
/// It leaves the timeline, counts and plans, and stays in what its author sees. The family is told.
#[utoipa::path(
    tag = "checkups",
    params(("handbook" = uuid::Uuid, Path), ("record" = uuid::Uuid, Path), IfMatch),
    request_body = VoidedCheckup,
    responses(
        (status = 200, description = "Voided", body = AfterChange),
        (status = 409, description = "It was voided before (`record_ended`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/checkups/{record}/void")]
pub(crate) async fn void(
    app: Data<App>,
    access: Access<CorrectOwn>,
    path: Path<(HandbookId, String)>,
    seen: IfMatch,
    body: Body<VoidedCheckup>,
) -> Result<HttpResponse, ApiError> {
    let (id, now) = (record_in(&path)?, app.now());
    let VoidedCheckup { reason } = body.parse()?;
    let mut form = Form::default();
    let reason = form.remark("/reason", &reason, &REMARK);
    form.done()?;
    let work = Work::without_key(&app).await?;
    let old = own(&work.txn, &access, id, seen).await?;
    let reason = reason.checked(is_unborn(&work.txn, &access.handbook).await?)?;
    let sealed = app.keys.seal(reason_place(id), &reason).map_err(ApiError::Internal)?;
    let mut new = old.clone();
    new.state = RecordState::Voided;
    new.awaits_countersign_of = None;
    let replaced = Replaced { by: Me::of(&access.caller), reason: Some(sealed), at: now };
    let version = records::replace(&work.txn, &old, new, replaced).await?;
    if let Some(pregnancy) = old.pregnancy_id.filter(|_| old.kind == store::RISK_ASSESSMENT) {
        store::grade_pregnancy(&work.txn, &app.keys, access.handbook.id, pregnancy).await?;
    }
    let (handbook, institution) = (access.handbook.id, old.institution_id);
    tell(&work.txn, handbook, notices::Kind::CheckupChanged, institution, Some(id), now).await?;
    let answer =
        work.answer(&app, access.wrote().record(id), StatusCode::OK, &AfterChange { id, version }).await?;
    app.live.changed(handbook).await;
    Ok(answer)
}
