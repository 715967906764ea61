//! `GET /api/v1/sessions`, `DELETE /api/v1/sessions/{session}`: where one is signed in, and ending it there.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get};
use chrono::{DateTime, Utc};
use domain::audit::Kind;
use domain::id::SessionId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::db::entities::session;
use crate::error::ApiError;
use crate::idempotency::Work;
use crate::page::{Page, PageQuery, cut};
use crate::problem::Code;
use crate::query::Query;
use crate::session::store::{self, Holder};
use crate::session::{Caller, SignedIn};

/// One signed-in device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct View {
    #[schema(value_type = Uuid)]
    id: SessionId,
    /// What the device was called at sign-in.
    device: String,
    /// When it signed in.
    created_at: DateTime<Utc>,
    /// When it must sign in again if nothing renews it.
    expires_at: DateTime<Utc>,
    /// It is the one that asks.
    is_current: bool,
}

/// List the devices where one is signed in
#[utoipa::path(
    tag = "sign-in",
    params(PageQuery),
    responses((status = 200, description = "Live sessions, the oldest first", body = Page<View>)),
)]
#[get("/api/v1/sessions")]
pub(crate) async fn list_sessions(
    app: Data<App>,
    caller: SignedIn,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let SignedIn(caller) = caller;
    let list = format!("sessions:{}", caller.actor());
    let (limit, after) = (page.limit()?, page.after(&app.keys, &list)?);
    let rows = store::of_holder(app.db.read(), holder(&caller), after, limit + 1, app.now()).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, |row| row.id);
    let items = rows.into_iter().map(|row| view(row, caller.session())).collect();
    Ok(HttpResponse::Ok().json(Page { items, next_cursor }))
}

/// End a session of one's own
///
/// It acts on the next request of that device.
#[utoipa::path(
    tag = "sign-in",
    params(("session" = Uuid, Path, description = "The session")),
    responses((status = 204, description = "Ended")),
)]
#[delete("/api/v1/sessions/{session}")]
pub(crate) async fn end_session(
    app: Data<App>,
    caller: SignedIn,
    session: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let SignedIn(caller) = caller;
    let session: SessionId = session.parse().map_err(|_| ApiError::told(Code::NotFound))?;
    let work = Work::without_key(&app).await?;
    if store::end_own(&work.txn, holder(&caller), session, app.now()).await? {
        work.done(&app, caller.event(Kind::Write, "end_session").on(session)).await?;
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ApiError::told(Code::NotFound))
    }
}

fn holder(caller: &Caller) -> Holder {
    match caller {
        Caller::Family(user) => Holder::User(user.id),
        Caller::Staff(staff) => Holder::Staff(staff.id),
    }
}

fn view(row: session::Model, current: SessionId) -> View {
    View {
        id: row.id,
        device: row.device,
        created_at: row.created_at,
        expires_at: row.expires_at,
        is_current: row.id == current,
    }
}
