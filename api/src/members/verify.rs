//! `POST /api/v1/handbooks/{handbook}/members/me/verify`: a member who is in the handbook as the woman proves that it is she.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::handbook::claim::{CLAIM_PAUSE, CLAIM_TRIES, Proof};
use domain::member::{MemberRefusal, may_prove_to_be_the_woman};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Member, store};
use crate::access::{Access, ProveWoman, must_be_live};
use crate::app::App;
use crate::body::Body;
use crate::db::entities::{handbook, member};
use crate::error::ApiError;
use crate::handbooks::proof::{may_be_woman, on_record, verified_phone};
use crate::handbooks::store as handbooks;
use crate::idempotency::{Attempt, Once};
use crate::notices::{self, Kind};
use crate::problem::Code;
use crate::session::User;
use crate::tries::Limit;

/// Tries of phones, by WeChat account.
const TRIES: Limit = Limit { purpose: "woman", most: CLAIM_TRIES, pause: CLAIM_PAUSE };

/// What she shows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
    /// The code of WeChat's phone number button; that phone must be the recorded one.
    pub phone_code: String,
}

/// Prove to be the woman herself
///
/// For a member whose relation is `woman`: by WeChat's phone, when it is the one recorded for her. From then on she reads her
/// own sensitive results, and nobody else removes or lowers her. After five wrong phones a user waits an hour.
#[utoipa::path(
    tag = "members",
    params(("handbook" = Uuid, Path), Once),
    request_body = VerifyRequest,
    responses(
        (status = 200, description = "She is proved, now or since before", body = Member),
        (status = 409, description = "Another member has proved to be her (`woman_taken`), the account is another woman's (`account_is_another`), or the handbook is closed (`handbook_closed`)"),
        (status = 422, description = "Another phone is on record, or none (`phone_differs`), or the phone code is wrong or used: `errors` says which"),
        (status = 429, description = "Too many wrong phones (`too_many_tries`), or phone codes in a minute (`too_many_requests`); `Retry-After` says when to come again"),
    ),
)]
#[post("/api/v1/handbooks/{handbook}/members/me/verify")]
pub(crate) async fn verify(
    app: Data<App>,
    access: Access<ProveWoman>,
    once: Once,
    body: Body<VerifyRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let user = access.caller.family()?;
    if let Some(answer) = once.answered(&app, user.id.0, None, body.bytes()).await? {
        return Ok(answer);
    }
    must_be_live(&access.handbook)?;
    let attempt = TRIES.begin_by_account(&app, user.id).await?;
    let outcome = prove(&app, &access, user, &request, &once, body.bytes()).await;
    attempt.end(&app, outcome, Code::PhoneDiffers).await
}

async fn prove(
    app: &App,
    access: &Access<ProveWoman>,
    user: User,
    request: &VerifyRequest,
    once: &Once,
    bytes: &[u8],
) -> Result<HttpResponse, ApiError> {
    let phone = verified_phone(app, user, &request.phone_code).await?;
    let work = match once.begin(app, user.id.0, None, bytes).await? {
        Attempt::Answered(answer) => return Ok(answer),
        Attempt::New(work) => work,
    };
    let txn = &work.txn;
    let held = handbooks::hold_as(txn, access).await?;
    let members = store::live(txn, held.id).await?;
    let me = members.iter().find(|member| member.user_id == user.id);
    let me = me.ok_or_else(|| ApiError::told(Code::NotFound))?;
    if me.is_woman {
        return work.answer(app, access.wrote(), StatusCode::OK, &Member::of(me, user.id)).await;
    }
    may_prove_to_be_the_woman(me.relation, store::has_woman(&members))?;
    must_be_hers(app, txn, &held, me, user, &phone).await?;

    let proved = store::set_woman(txn, me).await?.ok_or_else(|| ApiError::told(Code::Conflict))?;
    handbooks::set_person_of_user(txn, user.id, held.woman_id).await?;
    notices::store::tell(txn, held.id, Kind::MembersChanged, None, None, app.now()).await?;
    let answer = work.answer(app, access.wrote(), StatusCode::OK, &Member::of(&proved, user.id)).await?;
    app.live.changed(held.id).await;
    Ok(answer)
}

/// Refuses a phone that is not the recorded one, a record that is of a man, and an account that is another woman's.
async fn must_be_hers(
    app: &App,
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    me: &member::Model,
    user: User,
    phone: &str,
) -> Result<(), ApiError> {
    let record = on_record(txn, &app.keys, held).await?;
    let proof = record.prove_phone(phone).filter(|proof| *proof == Proof::Adult);
    let proof = proof.ok_or_else(|| ApiError::told(Code::PhoneDiffers))?;
    if !record.is_woman(proof, me.relation) {
        return Err(MemberRefusal::NotTheWoman.into());
    }
    if may_be_woman(txn, user, held).await? { Ok(()) } else { Err(ApiError::told(Code::AccountTaken)) }
}
