//! `POST /api/v1/invitations/accept`: somebody who was invited joins.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::handbook::claim::{CLAIM_PAUSE, CLAIM_TRIES, consents_as_guardian};
use domain::member::{MemberRefusal, MemberRelation, MemberRole, may_join};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use utoipa::ToSchema;

use super::invite::hash;
use super::store::{self, NewMember};
use crate::access::must_be_live;
use crate::app::App;
use crate::body::Body;
use crate::children;
use crate::db::entities::{handbook, invitation};
use crate::error::ApiError;
use crate::handbooks::claim::{Consent, Joined};
use crate::handbooks::proof::{may_be_woman, on_record, verified_phone};
use crate::handbooks::store as handbooks;
use crate::idempotency::{Attempt, Once};
use crate::notices::{self, Kind};
use crate::problem::Code;
use crate::session::{Family, User};
use crate::tries::Limit;

/// Tries of invitation codes, by user.
const TRIES: Limit = Limit { purpose: "invitation", most: CLAIM_TRIES, pause: CLAIM_PAUSE };

/// An invitation, accepted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequest {
    /// The one-time code.
    pub code: String,
    /// Agreement to the privacy text.
    pub consent: Consent,
    /// For the woman herself: the code of WeChat's phone number button, which proves that it is she. She may also do so later.
    pub phone_code: Option<String>,
}

/// Accept an invitation
///
/// The code works once, while its inviter is an owner. The woman herself may prove that it is she and then sees her own
/// sensitive results. After five wrong tries a user waits an hour.
#[utoipa::path(
    tag = "members",
    params(Once),
    request_body = AcceptRequest,
    responses(
        (status = 201, description = "Joined", body = Joined),
        (status = 429, description = "Too many wrong codes (`too_many_tries`), or phone codes in a minute (`too_many_requests`); `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/invitations/accept")]
pub(crate) async fn accept(
    app: Data<App>,
    Family(user): Family,
    once: Once,
    body: Body<AcceptRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    request.consent.check()?;
    if let Some(answer) = once.answered(&app, user.id.0, None, body.bytes()).await? {
        return Ok(answer);
    }
    let attempt = TRIES.begin_by_account(&app, user.id).await?;
    let outcome = Guest { app: &app, user, request: &request }.come(&once, body.bytes()).await;
    attempt.end(&app, outcome, Code::InvitationRefused).await
}

/// Somebody with an invitation.
struct Guest<'a> {
    app: &'a App,
    user: User,
    request: &'a AcceptRequest,
}

fn refused() -> ApiError {
    ApiError::told(Code::InvitationRefused)
}

impl Guest<'_> {
    async fn come(&self, once: &Once, bytes: &[u8]) -> Result<HttpResponse, ApiError> {
        let app = self.app;
        let hash = hash(&app.keys, self.request.code.trim());
        let invitation = store::invitation(app.db.read(), &hash).await?.ok_or_else(refused)?;
        let phone = match &self.request.phone_code {
            Some(code) => Some(verified_phone(app, self.user, code).await?),
            None => None,
        };
        let work = match once.begin(app, self.user.id.0, None, bytes).await? {
            Attempt::Answered(answer) => return Ok(answer),
            Attempt::New(work) => work,
        };
        let joined = self.join(&work.txn, &invitation, phone.as_deref()).await?;
        let answer = work
            .answer(
                app,
                self.user.wrote("accept_invitation").at(joined.handbook).on(joined.member),
                StatusCode::CREATED,
                &joined,
            )
            .await?;
        app.live.changed(joined.handbook).await;
        Ok(answer)
    }

    async fn join(
        &self,
        txn: &impl ConnectionTrait,
        invitation: &invitation::Model,
        phone: Option<&str>,
    ) -> Result<Joined, ApiError> {
        let now = self.app.now();
        let held = handbooks::hold(txn, invitation.handbook_id).await?;
        let members = store::live(txn, held.id).await?;
        let inviter = members.iter().find(|member| member.id == invitation.invited_by);
        let is_owner = inviter.is_some_and(|inviter| inviter.role == MemberRole::Owner);
        if !is_owner || !store::use_invitation(txn, invitation.id, now).await? {
            return Err(refused());
        }
        must_be_live(&held)?;
        if members.iter().any(|member| member.user_id == self.user.id) {
            return Err(ApiError::told(Code::AlreadyMember));
        }
        may_join(members.iter().map(|_| 1).sum())?;
        let is_woman = self.is_woman(txn, &held, invitation.relation, phone).await?;
        if is_woman && store::has_woman(&members) {
            return Err(MemberRefusal::WomanTaken.into());
        }
        let (role, relation) = (invitation.role, invitation.relation);
        let new = NewMember { handbook: held.id, user: self.user.id, role, relation, is_woman };
        let member = store::insert(txn, new, now).await?;
        if is_woman {
            handbooks::set_person_of_user(txn, self.user.id, held.woman_id).await?;
        }
        let has_children = !children::store::of_handbook(txn, held.id).await?.is_empty();
        let as_guardian = consents_as_guardian(relation, has_children);
        self.request.consent.keep(txn, &member, as_guardian, now).await?;
        notices::store::tell(txn, held.id, Kind::MembersChanged, None, None, now).await?;
        Ok(Joined { handbook: held.id, number: held.number, member: member.id, role, relation, is_woman })
    }

    /// Whether the guest is the woman herself. Whoever offers a proof must pass it: a wrong one is a wrong try.
    async fn is_woman(
        &self,
        txn: &impl ConnectionTrait,
        held: &handbook::Model,
        relation: MemberRelation,
        phone: Option<&str>,
    ) -> Result<bool, ApiError> {
        let Some(phone) = phone else { return Ok(false) };
        let record = on_record(txn, &self.app.keys, held).await?;
        let proof = record.prove_phone(phone).filter(|_| relation == MemberRelation::Woman);
        let proof = proof.ok_or_else(refused)?;
        Ok(record.is_woman(proof, relation) && may_be_woman(txn, self.user, held).await?)
    }
}
