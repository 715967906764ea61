//! `POST /api/v1/handbooks/{handbook}/photos`: a family adds a photo, to hang it on an entry.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, post};
use domain::calendar::start_of_day;
use domain::id::{HandbookId, PhotoId, UserId};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;
use uuid::Uuid;

use super::draw::{Drawn, NotAPhoto, draw_anew};
use super::{PIECE, store};
use crate::access::{Access, WriteEntry, must_be_live};
use crate::app::App;
use crate::body::collect_into;
use crate::db::entities::photo;
use crate::error::ApiError;
use crate::handbooks::store::hold_live;
use crate::idempotency::{Attempt, Once};
use crate::keys::{Place, places};
use crate::problem::Code;

/// Largest file.
const LIMIT: usize = 10 * 1024 * 1024;

/// Most photos that a user adds to a handbook on one day.
const A_DAY: u64 = 200;

/// How long a photo waits for those before it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A photo that was kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AddedPhoto)]
pub struct Added {
    /// Id, to be named in `photos` of an entry.
    #[schema(value_type = Uuid)]
    pub id: PhotoId,
    /// Media type of what is kept.
    #[schema(value_type = String)]
    pub content_type: &'static str,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// Add a photo (JPEG, PNG or WebP, at most 10 MB and 24 megapixels)
///
/// It is turned upright and drawn anew, so that nothing else of the file is kept. It is seen by the family alone until it
/// hangs on an entry; one that hangs on nothing for a week is dropped.
#[utoipa::path(
    tag = "photos",
    params(("handbook" = Uuid, Path), Once),
    request_body(content(("image/jpeg"), ("image/png"), ("image/webp"))),
    responses(
        (status = 201, description = "Kept", body = Added),
        (status = 429, description = "Too many photos today"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/photos")]
pub(crate) async fn add(
    app: Data<App>,
    access: Access<WriteEntry>,
    once: Once,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    must_be_live(&access.handbook)?;
    must_be_image(&request)?;
    let (user, handbook) = (access.caller.family()?.id, access.handbook.id);
    must_have_room(&app, handbook, user).await?;
    let _turn = patiently(app.photos.uploads.turn(user)).await?;
    let (file, _room) = read(&app, payload).await?;
    let drawn = draw(&app, &file).await?;
    let id = PhotoId(Uuid::now_v7());
    let sealed = app.keys.seal_bytes(file_place(id), &drawn.bytes).map_err(ApiError::internal)?;
    let row = row(&drawn, id, handbook, user, app.now())?;
    let added = Added { id, content_type: drawn.content_type, width: drawn.width, height: drawn.height };
    drop(drawn);
    // The file before the row, which always has its file. Whoever sent it may hang up, and then no row follows.
    store::announce(&app.db, id, app.now()).await?;
    app.photos.put(&id.to_string(), sealed).await.map_err(ApiError::Unavailable)?;
    let kept = keep(&app, &access, &once, &file, row, &added).await;
    // Where the database did not answer, the row may have been kept; its file stays.
    let is_left_over = match &kept {
        Ok((_, is_kept)) => !is_kept,
        Err(refused) => refused.code().status().is_client_error(),
    };
    if is_left_over {
        let _removed = app.photos.remove(&id.to_string()).await;
    }
    kept.map(|(answer, _)| answer)
}

/// Where the bytes of a photo are sealed.
pub(crate) fn file_place(id: PhotoId) -> Place {
    Place::new(places::PHOTO_FILE, id.0)
}

fn must_be_image(request: &HttpRequest) -> Result<(), ApiError> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    if ["image/jpeg", "image/png", "image/webp"].iter().any(|known| media.eq_ignore_ascii_case(known)) {
        Ok(())
    } else {
        Err(ApiError::with(Code::UnsupportedMedia, "allowed", "image/jpeg, image/png, image/webp"))
    }
}

async fn must_have_room(app: &App, handbook: HandbookId, user: UserId) -> Result<(), ApiError> {
    let (today, now) = (app.today(), app.now());
    let added = store::count_since(app.db.read(), handbook, user, start_of_day(today)).await?;
    if added < A_DAY {
        return Ok(());
    }
    let tomorrow = today.succ_opt().map_or(now, start_of_day);
    Err(ApiError::Wait(Code::TooManyRequests, (tomorrow - now).to_std().unwrap_or_default()))
}

/// Reads a file. Nobody waits for it but whoever sends it: it takes room in memory as it arrives, and no place.
async fn read(app: &App, payload: web::Payload) -> Result<(Bytes, OwnedSemaphorePermit), ApiError> {
    let room = async |pieces: usize| {
        let pieces = u32::try_from(pieces).map_err(ApiError::internal)?;
        let given = patiently(app.photos.room.clone().acquire_many_owned(pieces)).await?;
        given.map_err(ApiError::internal)
    };
    let mut held = room(0).await?;
    let read = collect_into(payload.into_inner(), LIMIT, async |bytes| {
        let missing = bytes.div_ceil(PIECE).saturating_sub(held.num_permits());
        if missing > 0 {
            held.merge(room(missing).await?);
        }
        Ok(())
    });
    let file = read.await.map_err(|err| match err.code() {
        Code::TooLarge => ApiError::told(Code::PhotoTooLarge),
        _ => err,
    })?;
    Ok((file, held))
}

/// Draws one photo. One is drawn at a time, so that memory stays bounded.
async fn draw(app: &App, file: &Bytes) -> Result<Drawn, ApiError> {
    let drawing = patiently(app.photos.decoder.clone().acquire_owned()).await?.map_err(ApiError::internal)?;
    let bytes = file.clone();
    let drawn = web::block(move || {
        // Held until it is drawn, also when whoever sent it has hung up.
        let _drawing = drawing;
        draw_anew(&bytes)
    });
    let drawn = drawn.await.map_err(ApiError::internal)?;
    drawn.map_err(|refused| match refused {
        NotAPhoto::Unreadable => ApiError::told(Code::PhotoRefused),
        NotAPhoto::TooManyPixels => ApiError::told(Code::PhotoTooLarge),
    })
}

async fn patiently<T>(turn: impl Future<Output = T>) -> Result<T, ApiError> {
    let waited = tokio::time::timeout(PATIENCE, turn).await;
    waited.map_err(|_| ApiError::Wait(Code::TooManyRequests, PATIENCE))
}

fn row(
    drawn: &Drawn,
    id: PhotoId,
    handbook: HandbookId,
    user: UserId,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<photo::Model, ApiError> {
    let whole = |number: usize| i32::try_from(number).map_err(ApiError::internal);
    let side = |pixels: u32| i32::try_from(pixels).map_err(ApiError::internal);
    Ok(photo::Model {
        id,
        handbook_id: handbook,
        record_id: None,
        user_id: user,
        content_type: drawn.content_type.to_owned(),
        bytes: whole(drawn.bytes.len())?,
        width: side(drawn.width)?,
        height: side(drawn.height)?,
        created_at: now,
    })
}

/// Keeps the row, and says whether it did: the same request may have been answered before.
async fn keep(
    app: &App,
    access: &Access<WriteEntry>,
    once: &Once,
    file: &[u8],
    row: photo::Model,
    added: &Added,
) -> Result<(HttpResponse, bool), ApiError> {
    match once.begin(app, access.caller.actor(), None, file).await? {
        Attempt::Answered(answer) => Ok((answer, false)),
        Attempt::New(work) => {
            // Whoever closes the handbook while the photo is drawn is over by now, or waits here.
            let held = hold_live(&work.txn, row.handbook_id).await?;
            access.judge_again(&work.txn, &held).await?;
            store::insert(&work.txn, row).await?;
            Ok((work.answer(app, access.wrote().on(added.id), StatusCode::CREATED, added).await?, true))
        }
    }
}
