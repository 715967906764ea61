//! `POST /api/v1/handbooks/{handbook}/checkups/{record}/correct`: an author corrects a checkup, at any time, with a reason.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use chrono::NaiveDate;
use domain::checkup::{Bounds, admit};
use domain::id::HandbookId;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{not_a_signature, own, store};
use crate::access::{Access, CorrectOwn};
use crate::alerts::store as alerts;
use crate::app::App;
use crate::body::Body;
use crate::db::entities::record;
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::idempotency::{IfMatch, Work};
use crate::notices::{self, store::tell};
use crate::photos::store as photos;
use crate::problem::{Code, Language};
use crate::records::accepted::Accepted;
use crate::records::form::Changed;
use crate::records::history::reason_place;
use crate::records::pointers::{must_exist, pointers};
use crate::records::setting::{Writer, judge};
use crate::records::show::record_in;
use crate::records::store::{self as records, Replaced};
use crate::records::written::{Written, kind_of_row, photos_together};
use crate::records::{Me, Speaks};
use crate::remark::Remark;

/// A corrected checkup, whole. Its kind and subject stay: what is about the wrong person is voided.
#[derive(Debug, ToSchema)]
pub struct CorrectedCheckup {
    /// Why it is corrected.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// The day, if it moves.
    pub occurred_on: Option<NaiveDate>,
    /// Rules that asked (`confirm_needed`), answered yes.
    #[schema(max_items = 50)]
    pub confirmed: Option<Vec<String>>,
    /// The content, as the kind describes it.
    #[schema(value_type = Object)]
    pub payload: Map<String, Value>,
}

/// Correct an own checkup
///
/// A correction is a new version; the old one stays readable, and the family is told.
#[utoipa::path(
    tag = "checkups",
    params(("handbook" = uuid::Uuid, Path), ("record" = uuid::Uuid, Path), IfMatch),
    request_body = CorrectedCheckup,
    responses(
        (status = 200, description = "Corrected", body = Written),
        (status = 409, description = "It was voided (`record_ended`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/checkups/{record}/correct")]
pub(crate) async fn correct(
    app: Data<App>,
    access: Access<CorrectOwn>,
    path: Path<(HandbookId, String)>,
    seen: IfMatch,
    body: Body<Map<String, Value>>,
    Speaks(language): Speaks,
) -> Result<HttpResponse, ApiError> {
    let id = record_in(&path)?;
    let (changed, reason) = Changed::read(&body, |form| form.required::<String>("reason"))?;
    let mut form = Form::default();
    let reason = form.remark("/reason", &reason.unwrap_or_default(), &REMARK);
    form.done()?;
    let work = Work::without_key(&app).await?;
    let old = own(&work.txn, &access, id, seen).await?;
    let written = write(&app, &work, &access, &old, &changed, reason, language).await?;
    let answer = work.answer(&app, access.wrote().record(written.id), StatusCode::OK, &written).await?;
    app.live.changed(access.handbook.id).await;
    Ok(answer)
}

async fn write(
    app: &App,
    work: &Work,
    access: &Access<CorrectOwn>,
    old: &record::Model,
    changed: &Changed,
    reason: Remark,
    language: Language,
) -> Result<Written, ApiError> {
    let (txn, handbook, now) = (&work.txn, &access.handbook, app.now());
    let kind = kind_of_row(&app.catalogue, old)?;
    let staff = access.caller.staff()?.id;
    let institution = old.institution_id.ok_or_else(|| ApiError::told(Code::NotYours))?;
    let occurred_on = changed.day(kind, old);
    let writer = Writer::Staff(staff, institution);
    let of_day = |err: ApiError| err.of_day(&changed.day_pointer(kind));
    let accepted = judge(app, txn, changed.asked(handbook, kind, old, writer)).await.map_err(of_day)?;
    let reason = reason.checked(accepted.unborn)?;
    must_be_admitted(app, access, old, occurred_on, &accepted).map_err(of_day)?;
    let pointed = pointers(kind, &accepted.checked.payload.merged());
    must_exist(txn, handbook, &pointed.records).await?;

    let photos = photos_together(&[], pointed.photos);
    let mut new = accepted.over(&app.keys, old, occurred_on, photos, now)?;
    if old.countersigned_by.is_some() || old.awaits_countersign_of.is_some() {
        // Who signed it signed other words.
        new.awaits_countersign_of = Some(handbook.managing_id);
        new.countersigned_by = None;
    }
    let before = |photo: &domain::id::PhotoId| old.photos.0.contains(photo);
    let added: Vec<_> = new.photos.0.iter().copied().filter(|photo| !before(photo)).collect();
    let after_pregnancy = new.pregnancy_id;
    let sealed = app.keys.seal(reason_place(old.id), &reason).map_err(ApiError::Internal)?;
    let replaced = Replaced { by: Me::Staff(staff), reason: Some(sealed), at: now };
    let version = records::replace(txn, old, new, replaced).await?;
    // What hung there before stays with the old version.
    if !photos::attach(txn, handbook.id, None, old.id, &added).await? {
        return Err(not_a_signature());
    }
    if kind.key == store::RISK_ASSESSMENT {
        let mut pregnancies: Vec<_> = [old.pregnancy_id, after_pregnancy].into_iter().flatten().collect();
        pregnancies.dedup();
        for pregnancy in pregnancies {
            store::grade_pregnancy(txn, &app.keys, handbook.id, pregnancy).await?;
        }
    }
    let warnings = &accepted.checked.warnings;
    alerts::raise(app, txn, handbook.id, old.id, Some(institution), warnings).await?;
    tell(txn, handbook.id, notices::Kind::CheckupChanged, Some(institution), Some(old.id), now).await?;
    Ok(Written::to_clinician((old.id, version), warnings, language))
}

/// A correction that leaves the day alone needs no new permission for it; one that moves it is held against the same
/// bounds, and against the reason that was given then.
fn must_be_admitted(
    app: &App,
    access: &Access<CorrectOwn>,
    old: &record::Model,
    occurred_on: NaiveDate,
    accepted: &Accepted,
) -> Result<(), ApiError> {
    if occurred_on == old.occurred_on {
        return Ok(());
    }
    let dose = accepted.checked.lifted.dose.as_ref();
    let bounds = Bounds {
        issued_on: access.handbook.issued_on,
        born_on: accepted.born_on,
        visited_on: None,
        transcribed: dose.is_some_and(|dose| dose.transcribed),
    };
    let given = old.override_reason.as_ref().map(|_| "");
    Ok(admit(occurred_on, bounds, given, app.now())?)
}
