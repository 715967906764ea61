//! `POST /api/v1/handbooks/{handbook}/invitations`: an owner invites somebody by a one-time code.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, TimeDelta, Utc};
use domain::id::InvitationId;
use domain::member::{INVITATION_HOURS, MemberRelation, MemberRole};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store;
use crate::access::{Access, ManageMembers};
use crate::app::App;
use crate::body::{Body, chosen_id};
use crate::db::entities::invitation;
use crate::error::ApiError;
use crate::handbooks::store::hold_as;
use crate::idempotency::{Attempt, Once};
use crate::keys::{Keys, new_token};
use crate::problem::Code;

/// Whom to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    /// The invitation's id, chosen by the client; it may stand in for the Idempotency-Key.
    #[schema(value_type = Option<Uuid>)]
    #[serde(default, deserialize_with = "chosen_id")]
    pub id: Option<InvitationId>,
    /// `owner`, `guardian` or `viewer`.
    #[schema(value_type = String)]
    pub role: MemberRole,
    /// Who they are to the child or the woman.
    #[schema(value_type = String)]
    pub relation: MemberRelation,
    /// How long the code is good, 1 to 168 hours.
    pub expires_in_hours: i64,
}

/// An invitation; its code is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invitation {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: InvitationId,
    /// The one-time code: 128 random bits.
    pub code: String,
    /// Until when it can be used.
    pub expires_at: DateTime<Utc>,
}

/// What is stored of an invitation's code.
pub fn hash(keys: &Keys, code: &str) -> Vec<u8> {
    keys.blind("invitation", code)
}

/// Invite somebody to a handbook
#[utoipa::path(
    tag = "members",
    params(("handbook" = Uuid, Path), Once),
    request_body = InviteRequest,
    responses((status = 201, description = "Invited", body = Invitation)),
)]
#[post("/api/v1/handbooks/{handbook}/invitations")]
pub(crate) async fn invite(
    app: Data<App>,
    access: Access<ManageMembers>,
    once: Once,
    body: Body<InviteRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let me = access.caller.family()?.id;
    if !INVITATION_HOURS.contains(&request.expires_in_hours) {
        let (zh, en) = ("应为1至168小时。", "Must be 1 to 168 hours.");
        return Err(ApiError::field("/expires_in_hours", "out_of_range", zh, en));
    }
    let work = match once.begin(&app, me.0, request.id.map(|id| id.0), body.bytes()).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (txn, now) = (&work.txn, app.now());
    let held = hold_as(txn, &access).await?;
    let inviter = store::of_user_in(txn, held.id, me).await?;
    let inviter = inviter.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let id = request.id.unwrap_or_else(|| InvitationId(Uuid::now_v7()));
    let (code, expires_at) = (new_token(), now + TimeDelta::hours(request.expires_in_hours));
    let row = invitation::Model {
        id,
        handbook_id: held.id,
        code_hash: hash(&app.keys, &code),
        role: request.role,
        relation: request.relation,
        invited_by: inviter.id,
        created_at: now,
        expires_at,
        used_at: None,
        revoked_at: None,
    };
    if !store::keep_invitation(txn, &row).await? {
        return Err(ApiError::told(Code::IdInUse));
    }
    work.answer(&app, access.wrote().on(id), StatusCode::CREATED, &Invitation { id, code, expires_at }).await
}
