//! `POST /api/v1/handbooks/{handbook}/members/{member}/hand-over`: an owner gives their place to another member.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use domain::id::MemberId;
use domain::member::MemberRole;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Member, store};
use crate::access::{Access, ManageMembers};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::handbooks::store::hold_as;
use crate::idempotency::{Attempt, Once};
use crate::notices::{self, Kind};
use crate::problem::Code;

/// Nothing needs to be said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOverRequest {}

/// Hand over a handbook
///
/// The member becomes owner and the caller a guardian, in one step.
#[utoipa::path(
    tag = "members",
    params(("handbook" = Uuid, Path), ("member" = Uuid, Path), Once),
    request_body = HandOverRequest,
    responses((status = 200, description = "Handed over", body = Member)),
)]
#[post("/api/v1/handbooks/{handbook}/members/{member}/hand-over")]
pub(crate) async fn hand_over(
    app: Data<App>,
    access: Access<ManageMembers>,
    path: Path<(Uuid, Uuid)>,
    once: Once,
    body: Body<HandOverRequest>,
) -> Result<HttpResponse, ApiError> {
    body.parse()?;
    let (me, id) = (access.caller.family()?.id, MemberId(path.1));
    let work = match once.begin(&app, me.0, None, body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let txn = &work.txn;
    hold_as(txn, &access).await?;
    let members = store::live(txn, access.handbook.id).await?;
    let giver = members.iter().find(|member| member.user_id == me);
    let giver = giver.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let taker = members.iter().find(|member| member.id == id && member.id != giver.id);
    let taker = taker.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let moved_on = || ApiError::told(Code::Conflict);
    let owner = store::set_role(txn, taker, MemberRole::Owner).await?.ok_or_else(moved_on)?;
    store::set_role(txn, giver, MemberRole::Guardian).await?.ok_or_else(moved_on)?;
    notices::store::tell(txn, access.handbook.id, Kind::MembersChanged, None, None, app.now()).await?;
    let answer =
        work.answer(&app, access.wrote().on(owner.id), StatusCode::OK, &Member::of(&owner, me)).await?;
    app.live.changed(access.handbook.id).await;
    Ok(answer)
}
