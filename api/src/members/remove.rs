//! `DELETE /api/v1/handbooks/{handbook}/members/{member}`: a member leaves, or an owner removes one.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete};
use domain::id::MemberId;
use domain::member::{MemberRole, may_be_lowered_by_another, may_stop_being_owner};
use uuid::Uuid;

use super::store;
use crate::access::{Access, Leave};
use crate::app::App;
use crate::error::ApiError;
use crate::handbooks::store::hold;
use crate::idempotency::Work;
use crate::notices::{self, Kind};
use crate::problem::Code;

/// Leave a handbook, or remove a member
///
/// Everybody may leave; owners remove others, but not the verified woman. The last owner hands over first.
#[utoipa::path(
    tag = "members",
    params(("handbook" = Uuid, Path), ("member" = Uuid, Path)),
    responses(
        (status = 204, description = "Removed"),
        (status = 409, description = "The last owner stays (`last_owner`)"),
    ),
)]
#[delete("/api/v1/handbooks/{handbook}/members/{member}")]
pub(crate) async fn remove(
    app: Data<App>,
    access: Access<Leave>,
    path: Path<(Uuid, Uuid)>,
) -> Result<HttpResponse, ApiError> {
    let (me, id) = (access.caller.family()?.id, MemberId(path.1));
    let work = Work::without_key(&app).await?;
    let txn = &work.txn;
    let held = hold(txn, access.handbook.id).await?;
    access.judge_again(txn, &held).await?;
    let members = store::live(txn, held.id).await?;
    let target = members.iter().find(|member| member.id == id);
    let target = target.ok_or_else(|| ApiError::told(Code::NotFound))?;
    if target.user_id != me {
        // Whether the caller is an owner is asked of the rows as they are now, like everything else here.
        if !store::owners(&members).any(|owner| owner.user_id == me) {
            return Err(ApiError::told(Code::Forbidden));
        }
        may_be_lowered_by_another(target.is_woman)?;
    }
    if target.role == MemberRole::Owner {
        may_stop_being_owner(store::count_owners(&members))?;
    }
    store::end(txn, target.id, app.now()).await?;
    notices::store::tell(txn, access.handbook.id, Kind::MembersChanged, None, None, app.now()).await?;
    work.done(&app, access.wrote().on(id)).await?;
    app.live.changed(access.handbook.id).await;
    Ok(HttpResponse::NoContent().finish())
}
