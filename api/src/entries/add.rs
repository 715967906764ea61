//! `POST /api/v1/handbooks/{handbook}/entries`: a family writes down what happened.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::NaiveDate;
use domain::catalogue::kind::WrittenBy;
use domain::id::{PhotoId, RecordId};
use domain::usage::Evidence;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{must_be_few, not_a_photo_to_hang};
use crate::access::{Access, WriteEntry};
use crate::alerts::store as alerts;
use crate::app::App;
use crate::body::Body;
use crate::consents::store::{must_be_agreed_for_child, sharing};
use crate::error::ApiError;
use crate::handbooks::store::hold_to_write;
use crate::idempotency::{Attempt, Once, Work};
use crate::photos::store as photos;
use crate::problem::{Code, Language};
use crate::records::Speaks;
use crate::records::form::{MOST_PHOTOS, Sent, SubjectWord};
use crate::records::pointers::{must_exist, pointers};
use crate::records::setting::{Writer, judge};
use crate::records::store;
use crate::records::written::{Written, photos_together};
use crate::usage::count;

/// A new entry. The API document has a schema for every kind.
#[derive(Debug, ToSchema)]
pub struct NewEntry {
    /// Id that the client chooses, so that it can send again; made by the server when left out.
    #[schema(value_type = Option<Uuid>)]
    pub id: Option<RecordId>,
    /// A kind of the catalogue that families write.
    pub kind: String,
    /// Whom it is about.
    pub subject: SubjectWord,
    /// The civil day in China; the day that the payload names, or today, when left out.
    pub occurred_on: Option<NaiveDate>,
    /// Hidden from clinicians. A danger sign in it is then told to nobody but the family.
    #[schema(default = false)]
    pub private: Option<bool>,
    /// Rules that asked (`confirm_needed`), answered yes.
    #[schema(max_items = 50)]
    pub confirmed: Option<Vec<String>>,
    /// Photos that were added before and hang on nothing.
    #[schema(value_type = Option<Vec<Uuid>>, max_items = 9)]
    pub photos: Option<Vec<PhotoId>>,
    /// The content, as the kind describes it.
    #[schema(value_type = Object)]
    pub payload: Map<String, Value>,
}

/// What only an entry carries.
struct Beside {
    is_private: bool,
    photos: Vec<PhotoId>,
}

/// Write an entry
///
/// Warnings come back with the answer and stay on the record. A danger sign answers at once with what to do and whom to
/// call, and is told to the managing institution unless the entry is private.
#[utoipa::path(
    tag = "entries",
    params(("handbook" = Uuid, Path), Once),
    request_body = NewEntry,
    responses((status = 201, description = "Written", body = Written)),
)]
#[post("/api/v1/handbooks/{handbook}/entries")]
pub(crate) async fn add(
    app: Data<App>,
    access: Access<WriteEntry>,
    once: Once,
    body: Body<Map<String, Value>>,
    Speaks(language): Speaks,
) -> Result<HttpResponse, ApiError> {
    let user = access.caller.family()?.id;
    let (sent, beside) = Sent::read(&body, &app.catalogue, WrittenBy::Family, app.now(), |form| Beside {
        is_private: form.optional("private").unwrap_or(false),
        photos: form.list("photos", MOST_PHOTOS),
    })?;
    match once.begin(&app, user.0, sent.id.map(|id| id.0), body.bytes()).await? {
        Attempt::Answered(answer) => Ok(answer),
        Attempt::New(work) => {
            let written = write(&app, &work, &access, &sent, &beside, language).await;
            let written = written.map_err(|err| err.of_day(&sent.day_pointer))?;
            let answer =
                work.answer(&app, access.wrote().record(written.id), StatusCode::CREATED, &written).await?;
            app.live.changed(access.handbook.id).await;
            Ok(answer)
        }
    }
}

async fn write(
    app: &App,
    work: &Work,
    access: &Access<WriteEntry>,
    sent: &Sent<'_>,
    beside: &Beside,
    language: Language,
) -> Result<Written, ApiError> {
    let txn = &work.txn;
    let user = access.caller.family()?.id;
    // Held before anything is judged by it: whoever records an outcome at the same moment comes before or after.
    let (ref handbook, now) = hold_to_write(app, txn, access.handbook.id).await?;
    let member = access.member_again(txn, handbook.id).await?;
    let about_child = sent.subject.child().is_some();
    must_be_agreed_for_child(handbook, about_child)?;
    let accepted = judge(app, txn, sent.asked(handbook, Writer::Family)).await?;
    let pointed = pointers(sent.kind, &accepted.checked.payload.merged());
    must_exist(txn, handbook, &pointed.records).await?;
    let photos = photos_together(&beside.photos, pointed.photos);
    must_be_few(&photos)?;

    let new = accepted.new_record(handbook, sent, photos, now);
    let role = member.relation.code().to_owned();
    let row = new.by_family(&app.keys, user, role, beside.is_private).map_err(ApiError::Internal)?;
    let (id, hanging) = (row.id, row.photos.0.clone());
    if !store::insert(txn, row).await? {
        return Err(ApiError::told(Code::IdInUse));
    }
    if !photos::attach(txn, handbook.id, Some(user), id, &hanging).await? {
        return Err(not_a_photo_to_hang());
    }
    let warnings = &accepted.checked.warnings;
    let is_seen = !beside.is_private && sharing(handbook).shows(about_child);
    if is_seen {
        alerts::raise(app, txn, handbook.id, id, None, warnings).await?;
    }
    count::evidence(txn, handbook, Evidence::Entry, now).await?;
    Written::to_family(txn, (id, 1), warnings, (handbook.managing_id, is_seen), language).await
}
