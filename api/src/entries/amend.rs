//! `PATCH /api/v1/handbooks/{handbook}/entries/{record}`: the family changes what it wrote.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, patch};
use chrono::NaiveDate;
use domain::id::{HandbookId, PhotoId};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{is_sensitive, must_be_few, not_a_photo_to_hang, to_change};
use crate::access::{Access, WriteEntry};
use crate::alerts::store as alerts;
use crate::app::App;
use crate::body::Body;
use crate::consents::store::{must_be_agreed_for_child, sharing};
use crate::db::entities::{handbook, record};
use crate::error::ApiError;
use crate::idempotency::{IfMatch, Work};
use crate::photos::store as photos;
use crate::problem::{Code, Language};
use crate::records::form::{Changed, MOST_PHOTOS};
use crate::records::pointers::{must_exist, pointers};
use crate::records::setting::{Writer, judge};
use crate::records::show::record_in;
use crate::records::store::{self, Content, Replaced};
use crate::records::written::{Written, kind_of_row, photos_together};
use crate::records::{Me, Speaks};

/// A changed entry, whole. Its kind and subject stay.
#[derive(Debug, ToSchema)]
pub struct ChangedEntry {
    /// The day, if it moves.
    pub occurred_on: Option<NaiveDate>,
    /// Rules that asked (`confirm_needed`), answered yes.
    #[schema(max_items = 50)]
    pub confirmed: Option<Vec<String>>,
    /// The photos that hang on it from now on; as before when left out.
    #[schema(value_type = Option<Vec<uuid::Uuid>>, max_items = 9)]
    pub photos: Option<Vec<PhotoId>>,
    /// The content, as the kind describes it.
    #[schema(value_type = Object)]
    pub payload: Map<String, Value>,
}

/// Change an entry
///
/// Its author or an owner does; where it has sensitive answers, its author alone. What stood there before is kept as a version, and clinicians see that it was edited.
#[utoipa::path(
    tag = "entries",
    params(("handbook" = uuid::Uuid, Path), ("record" = uuid::Uuid, Path), IfMatch),
    request_body = ChangedEntry,
    responses(
        (status = 200, description = "Changed", body = Written),
        (status = 409, description = "It was withdrawn (`record_ended`), or the handbook is closed (`handbook_closed`)"),
    ),
)]
#[patch("/api/v1/handbooks/{handbook}/entries/{record}")]
pub(crate) async fn amend(
    app: Data<App>,
    access: Access<WriteEntry>,
    path: Path<(HandbookId, String)>,
    seen: IfMatch,
    body: Body<Map<String, Value>>,
    Speaks(language): Speaks,
) -> Result<HttpResponse, ApiError> {
    let id = record_in(&path)?;
    let (changed, named) = Changed::read(&body, |form| form.optional_list::<PhotoId>("photos", MOST_PHOTOS))?;
    let work = Work::without_key(&app).await?;
    let (user, held, old) = to_change(&app, &work.txn, &access, id, seen).await?;
    must_be_agreed_for_child(&held, old.child_id.is_some())?;
    // Its author goes on reading it, so nobody else writes sensitive answers into it.
    if old.user_id != Some(user.id) && is_sensitive(&app, &old) {
        return Err(ApiError::told(Code::NotYours));
    }
    let written = write(&app, &work, &access, (&held, &old), &changed, named, language).await?;
    let answer = work.answer(&app, access.wrote().record(written.id), StatusCode::OK, &written).await?;
    app.live.changed(access.handbook.id).await;
    Ok(answer)
}

async fn write(
    app: &App,
    work: &Work,
    access: &Access<WriteEntry>,
    (handbook, old): (&handbook::Model, &record::Model),
    changed: &Changed,
    named: Option<Vec<PhotoId>>,
    language: Language,
) -> Result<Written, ApiError> {
    let (txn, now) = (&work.txn, app.now());
    let kind = kind_of_row(&app.catalogue, old)?;
    let occurred_on = changed.day(kind, old);
    let of_day = |err: ApiError| err.of_day(&changed.day_pointer(kind));
    domain::entry::admit(occurred_on, None, now).map_err(|refusal| of_day(refusal.into()))?;
    let accepted = judge(app, txn, changed.asked(handbook, kind, old, Writer::Family)).await;
    let accepted = accepted.map_err(of_day)?;
    let pointed = pointers(kind, &accepted.checked.payload.merged());
    must_exist(txn, handbook, &pointed.records).await?;
    let kept = named.unwrap_or_else(|| before_besides(&app.keys, kind, old));
    let photos = photos_together(&kept, pointed.photos);
    must_be_few(&photos)?;

    let new = accepted.over(&app.keys, old, occurred_on, photos.clone(), now)?;
    let replaced = Replaced { by: Me::of(&access.caller), reason: None, at: now };
    let version = store::replace(txn, old, new, replaced).await?;
    rehang(work, access, old, &photos, now).await?;
    let warnings = &accepted.checked.warnings;
    let is_seen = !old.is_private && sharing(handbook).shows(old.child_id.is_some());
    if is_seen {
        alerts::raise(app, txn, handbook.id, old.id, None, warnings).await?;
    }
    Written::to_family(txn, (old.id, version), warnings, (handbook.managing_id, is_seen), language).await
}

/// Photos that hung on the entry beside those that its payload pointed to: a change that does not speak of them keeps them.
fn before_besides(
    keys: &crate::keys::Keys,
    kind: &domain::catalogue::Kind,
    old: &record::Model,
) -> Vec<PhotoId> {
    let payload = Content::of_row(keys, old).unwrap_or_default().payload.merged();
    let pointed = pointers(kind, &payload).photos;
    old.photos.0.iter().copied().filter(|photo| !pointed.contains(photo)).collect()
}

/// Hangs what is new and drops what hangs there no longer.
async fn rehang(
    work: &Work,
    access: &Access<WriteEntry>,
    old: &record::Model,
    photos: &[PhotoId],
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), ApiError> {
    let before = &old.photos.0;
    let added: Vec<PhotoId> = photos.iter().copied().filter(|photo| !before.contains(photo)).collect();
    let gone: Vec<PhotoId> = before.iter().copied().filter(|photo| !photos.contains(photo)).collect();
    let user = access.caller.family()?.id;
    if !photos::attach(&work.txn, access.handbook.id, Some(user), old.id, &added).await? {
        return Err(not_a_photo_to_hang());
    }
    photos::drop_of_record(&work.txn, old.id, &gone, now).await?;
    Ok(())
}
