//! `POST /api/v1/handbooks/{handbook}/reclaim`: a phone or account is lost; at a desk, with the ID card shown, a slip is
//! printed with which the new account takes the place of the lost one.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::access::Action;
use domain::handbook::State;
use domain::id::MemberId;
use domain::member::MemberRelation;
use domain::person::IdNumber;
use serde::Deserialize;
use utoipa::ToSchema;

use super::print::{Bearer, Slip};
use super::proof::{must_be_shown, try_at_desk};
use super::store::{self, Act};
use crate::access::{Access, Reclaim};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::member;
use crate::error::ApiError;
use crate::form::{Form, REMARK};
use crate::idempotency::{Attempt, Once};
use crate::members::store as members;
use crate::notices::{self, Kind};
use crate::problem::Code;
use crate::records::setting::is_unborn;
use crate::remark::Remark;
use crate::session::Staff;

/// Whose account was lost, and what was shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReclaimRequest {
    /// Who the lost owner is in the handbook.
    #[schema(value_type = String)]
    pub relation: MemberRelation,
    /// The lost owner's membership; needed where several owners have this relation.
    #[schema(value_type = Option<Uuid>)]
    pub member: Option<MemberId>,
    /// The ID number that was shown: for the woman her own; for others hers or a child's.
    pub id_number: String,
    /// Why.
    pub reason: String,
}

/// Print a slip that re-claims a lost account
///
/// The handbook keeps its members until the slip is used; then the lost owner's membership ends, no other, and the new account
/// is owner. The woman gets a slip without having been an owner: it ends the membership that was verified as hers, if one
/// was. Where no owner is left at all, whoever shows the card becomes one. Members are told at once and again when it is used. After five wrong ID numbers a desk waits an hour.
#[utoipa::path(
    tag = "handbooks",
    params(("handbook" = Uuid, Path), Once),
    request_body = ReclaimRequest,
    responses(
        (status = 201, description = "The slip of the next claim", body = Slip),
        (status = 409, description = "No owner has this relation (`no_such_owner`), or nobody claimed the handbook (`not_claimed`)"),
        (status = 422, description = "Another ID number is on record (`identity_not_shown`), or the form is wrong: `errors` names each field, also the member when several owners have this relation"),
        (status = 429, description = "Five wrong ID numbers: wait (`too_many_tries`)"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/reclaim")]
pub(crate) async fn reclaim(
    app: Data<App>,
    access: Access<Reclaim>,
    once: Once,
    body: Body<ReclaimRequest>,
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
    let lost = Lost { shown: shown.as_ref(), relation: request.relation, member: request.member, reason };
    let outcome = print(&app, &access, staff, lost, &once, body.bytes()).await;
    attempt.end(&app, outcome, Code::IdentityNotShown).await
}

/// The lost account as the desk tells it, checked for form.
struct Lost<'a> {
    shown: Option<&'a IdNumber>,
    relation: MemberRelation,
    member: Option<MemberId>,
    reason: Remark,
}

async fn print(
    app: &App,
    access: &Access<Reclaim>,
    staff: &Staff,
    lost: Lost<'_>,
    once: &Once,
    bytes: &[u8],
) -> Result<HttpResponse, ApiError> {
    let work = match once.begin(app, staff.id.0, None, bytes).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let (txn, now) = (&work.txn, app.now());
    let held = store::hold_as(txn, access).await?;
    if held.state != State::Claimed {
        return Err(ApiError::told(Code::NotClaimed));
    }
    let reason = lost.reason.clone().checked(is_unborn(txn, &held).await?)?;
    must_be_shown(txn, &app.keys, &held, lost.shown, lost.relation).await?;

    let ends = lost.membership(&members::live(txn, held.id).await?)?;

    let slip = Slip::new(now);
    let printed = slip.printed(&app.keys, Bearer::Reclaimer(lost.relation, ends));
    store::change(txn, held.id, &[State::Claimed], printed).await?;
    let act = Act { handbook: held.id, action: Action::Reclaim, staff, reason: &reason, person: None };
    store::keep_act(txn, &app.keys, act, now).await?;
    notices::store::tell(txn, held.id, Kind::Reclaimed, staff.institution, None, now).await?;
    let answer = work.answer(app, access.wrote(), StatusCode::CREATED, &slip).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

impl Lost<'_> {
    /// The membership that ends when the slip is used. None for a woman of whom no account is in the handbook: her ID card
    /// lets her in beside whoever claimed it. None either where a restored database knows the owner no more.
    fn membership(&self, members: &[member::Model]) -> Result<Option<MemberId>, ApiError> {
        let may_be_it = self.candidates(members);
        match (self.member, may_be_it.as_slice()) {
            (Some(named), found) if found.contains(&named) => Ok(Some(named)),
            (Some(_), _) => Err(ApiError::field(
                "/member",
                "not_an_owner",
                format!("该成员不是身份为“{}”的户主。", self.relation.zh()),
                format!("This member is no owner who is: {}.", self.relation.en()),
            )),
            (None, [only]) => Ok(Some(*only)),
            (None, []) if self.relation == MemberRelation::Woman => Ok(None),
            (None, []) if members::owners(members).next().is_none() => Ok(None),
            (None, []) => {
                let (zh, en) = (self.relation.zh(), self.relation.en());
                Err(ApiError::with_each(Code::NoSuchOwner, "relation", zh, en))
            }
            (None, [_, _, ..]) => Err(ApiError::field(
                "/member",
                "several_owners",
                format!(
                    "有多名身份为“{}”的户主，请注明丢失账号的成员（member，其他成员可在手机的成员列表中查看），或由其他户主在手机上移除并重新邀请。",
                    self.relation.zh()
                ),
                format!(
                    "Several owners are: {}. Give the `member` who lost the account, as the list of members on another member's phone has it; or another owner removes and invites anew.",
                    self.relation.en()
                ),
            )),
        }
    }

    /// The owners of the relation. Of those who say that they are the woman only the one who proved it is, if one did,
    /// whatever her role.
    fn candidates(&self, members: &[member::Model]) -> Vec<MemberId> {
        let proved =
            members.iter().filter(|member| member.is_woman && self.relation == MemberRelation::Woman);
        let said = members::owners(members).filter(|member| member.relation == self.relation);
        let proved: Vec<_> = proved.map(|member| member.id).collect();
        if proved.is_empty() { said.map(|member| member.id).collect() } else { proved }
    }
}
