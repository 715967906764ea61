//! `POST /api/v1/handbooks/{handbook}/release`: the last owner withdraws consent; at a desk, with the ID card shown, the
//! handbook is let go and waits for a claim again.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::access::Action;
use domain::handbook::State;
use domain::person::IdNumber;
use sea_orm::ActiveValue::Set;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::proof::{must_be_shown, try_at_desk};
use super::store::{self, Act};
use crate::access::{Access, Release};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::{handbook, member};
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::idempotency::{Attempt, Once};
use crate::members::store as members;
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::remark::Remark;
use crate::session::Staff;

/// What was shown, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// The ID number that was shown: of the woman her own; of another owner hers or a child's.
    pub id_number: String,
    /// Why.
    pub reason: String,
}

/// A handbook that was let go.
#[derive(Debug, Serialize, ToSchema)]
pub struct Released {
    /// `issued`: it can be claimed again.
    #[schema(value_type = String)]
    pub state: State,
    /// Version of the handbook now.
    pub version: i32,
}

/// Release a handbook from its last owner
///
/// For a last owner who withdraws consent. Every membership ends and the handbook waits for a claim again; what was written
/// stays in it, and its use stays counted. While there are other owners, whoever wants to leave does so on the phone. After
/// five wrong ID numbers a desk waits an hour.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path), Once),
    request_body = ReleaseRequest,
    responses(
        (status = 200, description = "Released", body = Released),
        (status = 409, description = "There are other owners (`other_owners`), or nobody claimed it"),
        (status = 429, description = "Five wrong ID numbers: wait (`too_many_tries`)"),
    )
)]
#[post("/api/v1/handbooks/{handbook}/release")]
pub(crate) async fn release(
    app: Data<App>,
    access: Access<Release>,
    once: Once,
    body: Body<ReleaseRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let staff = access.caller.staff()?;
    let mut form = Form::default();
    let shown = form.id_number("/id_number", Some(&request.id_number));
    let reason = form.remark("/reason", &request.reason, &REMARK);
    form.done()?;

    if let Some(answer) = once.answered(&app, staff.id.0, None, body.bytes()).await? {
        return Ok(answer);
    }
    let attempt = try_at_desk(&app, access.handbook.id, staff.id).await?;
    let desk = Desk { app: &app, access: &access, staff, shown: shown.as_ref(), reason };
    let outcome = desk.let_go(&once, body.bytes()).await;
    attempt.end(&app, outcome, Code::IdentityNotShown).await
}

/// The desk at which an owner stands.
struct Desk<'a> {
    app: &'a App,
    access: &'a Access<Release>,
    staff: &'a Staff,
    shown: Option<&'a IdNumber>,
    reason: Remark,
}

impl Desk<'_> {
    async fn let_go(self, once: &Once, bytes: &[u8]) -> Result<HttpResponse, ApiError> {
        let app = self.app;
        let work = match once.begin(app, self.staff.id.0, None, bytes).await? {
            Attempt::Answered(answer) => return Ok(answer),
            Attempt::New(work) => work,
        };
        let txn = &work.txn;
        let held = store::hold_as(txn, self.access).await?;
        if held.state != State::Claimed {
            return Err(ApiError::told(Code::NotClaimed));
        }
        let reason = self.reason.checked(is_unborn(txn, &held).await?)?;
        let members = members::live(txn, held.id).await?;
        let owner = last_owner(&members)?;
        must_be_shown(txn, &app.keys, &held, self.shown, owner.relation).await?;

        // With them go the codes on their phones and the invitations that they gave: both ask whether their maker is a
        // member still.
        for member in &members {
            members::end(txn, member.id, app.now()).await?;
        }
        let waits_again = handbook::ActiveModel { state: Set(State::Issued), ..store::no_slip() };
        if !store::change(txn, held.id, &[State::Claimed], waits_again).await? {
            return Err(ApiError::told(Code::Conflict));
        }
        let act = Act {
            handbook: held.id,
            action: Action::Release,
            staff: self.staff,
            reason: &reason,
            person: None,
        };
        store::keep_act(txn, &app.keys, act, app.now()).await?;
        let released = Released { state: State::Issued, version: held.version + 1 };
        let answer = work.answer(app, self.access.wrote(), StatusCode::OK, &released).await?;
        app.live.changed(held.id).await;
        Ok(answer)
    }
}

/// The owner, if there is no other: of several, one leaves on the phone.
fn last_owner(members: &[member::Model]) -> Result<&member::Model, ApiError> {
    let mut owners = members::owners(members);
    match (owners.next(), owners.next()) {
        (Some(owner), None) => Ok(owner),
        (Some(_), Some(_)) => Err(ApiError::told(Code::OtherOwners)),
        (None, _) => Err(ApiError::told(Code::Conflict)),
    }
}
