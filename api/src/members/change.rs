//! `PATCH /api/v1/handbooks/{handbook}/members/{member}`: an owner gives a member another role.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, patch};
use domain::id::MemberId;
use domain::member::{MemberRole, is_lower, may_be_lowered_by_another, may_stop_being_owner};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Member, store};
use crate::access::{Access, ManageMembers};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::handbooks::store::hold_as;
use crate::idempotency::{IfMatch, Work};
use crate::notices::{self, Kind};
use crate::problem::Code;

/// The new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// `owner`, `guardian` or `viewer`.
    #[schema(value_type = String)]
    pub role: MemberRole,
}

/// Give a member another role
///
/// The verified woman is lowered by nobody but herself, and a handbook keeps an owner.
#[utoipa::path(
    tag = "members",
    params(("handbook" = Uuid, Path), ("member" = Uuid, Path), IfMatch),
    request_body = ChangeRequest,
    responses(
        (status = 200, description = "Changed", body = Member),
        (status = 409, description = "The last owner stays (`last_owner`), or the woman is a member already (`woman_taken`)"),
    ),
)]
#[patch("/api/v1/handbooks/{handbook}/members/{member}")]
pub(crate) async fn change(
    app: Data<App>,
    access: Access<ManageMembers>,
    path: Path<(Uuid, Uuid)>,
    seen: IfMatch,
    body: Body<ChangeRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let (me, id) = (access.caller.family()?.id, MemberId(path.1));
    let work = Work::without_key(&app).await?;
    let txn = &work.txn;
    hold_as(txn, &access).await?;
    let members = store::live(txn, access.handbook.id).await?;
    let target = members.iter().find(|member| member.id == id);
    let target = target.ok_or_else(|| ApiError::told(Code::NotFound))?;
    seen.check(target.version)?;
    if target.user_id != me && is_lower(request.role, target.role) {
        may_be_lowered_by_another(target.is_woman)?;
    }
    if target.role == MemberRole::Owner && request.role != MemberRole::Owner {
        may_stop_being_owner(store::count_owners(&members))?;
    }
    let changed = store::set_role(txn, target, request.role).await?;
    let changed = changed.ok_or_else(|| ApiError::told(Code::Conflict))?;
    notices::store::tell(txn, access.handbook.id, Kind::MembersChanged, None, None, app.now()).await?;
    let answer =
        work.answer(&app, access.wrote().on(changed.id), StatusCode::OK, &Member::of(&changed, me)).await?;
    app.live.changed(access.handbook.id).await;
    Ok(answer)
}
