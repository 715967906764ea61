//! `PUT /api/v1/handbooks/{handbook}/consents/{purpose}`: a member agrees, or takes it back.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, put};
use chrono::{DateTime, Utc};
use domain::consent::{Answering, Purpose, Sharing, may_answer};
use domain::handbook::State;
use domain::handbook::claim::consents_as_guardian;
use domain::id::{HandbookId, UserId};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::list::{Standing, standing};
use super::store::{self, Affected, Answer};
use crate::access::{Access, Consent};
use crate::alerts::store as alerts;
use crate::app::App;
use crate::body::Body;
use crate::cause;
use crate::children::store as children;
use crate::db::entities::{handbook, member};
use crate::error::ApiError;
use crate::form::Form;
use crate::handbooks::store::hold;
use crate::idempotency::Work;
use crate::members::store as members;
use crate::people;
use crate::problem::Code;
use crate::records::show::id_in;
use crate::records::store::Content;

/// Entries that are looked at at a time for danger signs to be told.
const LOOKED_AT: u64 = 200;

/// Yes or no.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentAnswer {
    /// Given, or withdrawn.
    given: bool,
    /// Version of the text that was shown; needed to give.
    version: Option<String>,
}

/// What stands now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsentAnswered {
    /// For each purpose.
    state: Vec<Standing>,
}

/// Agree to a purpose, or withdraw
///
/// Acts at once, also in a visit that is going on. For the whole family (`share_entries`, `child`) an owner agrees, and an
/// owner or guardian withdraws. To withdraw `basic` is to close the account: `POST /api/v1/me/closing`. Danger signs of
/// entries that clinicians see again are told to the managing institution.
#[utoipa::path(
    operation_id = "answer",
    tag = "consents",
    params(("handbook" = Uuid, Path), ("purpose" = String, Path, description = "`basic`, `child`, `share_entries` or `reminders`")),
    request_body = ConsentAnswer,
    responses(
        (status = 200, description = "What stands now", body = ConsentAnswered),
        (status = 409, description = "To withdraw it is to close the account (`closes_the_account`), or the handbook was replaced"),
    ),
)]
#[put("/api/v1/handbooks/{handbook}/consents/{purpose}")]
pub(crate) async fn answer(
    app: Data<App>,
    access: Access<Consent>,
    path: Path<(HandbookId, String)>,
    body: Body<ConsentAnswer>,
) -> Result<HttpResponse, ApiError> {
    let purpose: Purpose = id_in(&path.1)?;
    let ConsentAnswer { given, version } = body.parse()?;
    check_version(purpose, given, version.as_deref())?;
    let me = access.caller.family()?.id;
    let work = Work::without_key(&app).await?;
    let held = hold(&work.txn, access.handbook.id).await?;
    access.judge_again(&work.txn, &held).await?;
    if held.state == State::Replaced {
        return Err(ApiError::told(Code::HandbookClosed));
    }
    let stands = change(&app, &work.txn, &held, me, (purpose, given)).await?;
    let answered =
        work.answer(&app, access.wrote(), StatusCode::OK, &ConsentAnswered { state: stands }).await?;
    app.live.changed(held.id).await;
    Ok(answered)
}

/// Only the text in force is agreed to.
fn check_version(purpose: Purpose, given: bool, version: Option<&str>) -> Result<(), ApiError> {
    let mut form = Form::default();
    if given && version.is_none() {
        form.require("/version");
    }
    form.done()?;
    if given && version != Some(purpose.version()) { Err(store::required(purpose)) } else { Ok(()) }
}

async fn change(
    app: &App,
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    me: UserId,
    (purpose, given): (Purpose, bool),
) -> Result<Vec<Standing>, ApiError> {
    let member = members::of_user_in(txn, held.id, me).await?;
    let member = member.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let by = Answering { role: member.role, born_on: born_on(txn, held, &member).await? };
    may_answer(purpose, given, by, app.today())?;
    let before = standing(txn, held, me).await?;
    let stood = before.iter().find(|stands| stands.purpose == purpose);
    let is_news = stood.is_none_or(|stands| stands.given != given || (!given && stands.asked_again));
    if !is_news {
        return Ok(before);
    }
    let taken_back_at = stood.and_then(|stands| stands.answered_at);
    let has_children = !children::of_handbook(txn, held.id).await?.is_empty();
    let as_guardian = purpose == Purpose::Child || consents_as_guardian(member.relation, has_children);
    let said = Answer { handbook: held.id, user: me, purpose, given, as_guardian };
    store::keep(txn, said, app.now()).await?;
    if purpose == Purpose::Basic {
        store::set_of_member(txn, member.id).await?;
    }
    store::set_of_handbook(txn, held.id, purpose, given).await?;
    let now = crate::handbooks::store::by_id(txn, held.id).await?;
    let now = now.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let seen = (store::sharing(held), store::sharing(&now));
    show_or_hide(app, txn, held, seen, taken_back_at).await?;
    standing(txn, &now, me).await
}

/// The birthday of who is proved to be the woman; of others nobody knows it.
async fn born_on(
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    member: &member::Model,
) -> Result<Option<chrono::NaiveDate>, ApiError> {
    match held.woman_id.filter(|_| member.is_woman) {
        Some(woman) => Ok(people::store::by_id(txn, woman).await?.and_then(|person| person.born_on)),
        None => Ok(None),
    }
}

/// Whoever follows the handbook is told what has gone or come; the managing institution is told of the danger signs that it
/// would have been told of meanwhile, as far as what they are about has not ended.
async fn show_or_hide(
    app: &App,
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    (before, after): (Sharing, Sharing),
    since: Option<DateTime<Utc>>,
) -> Result<(), ApiError> {
    let affected = Affected::between(held.id, before, after);
    if affected.is_none() {
        return Ok(());
    }
    // One answer shows or hides, never both.
    let goes = |about_child| before.shows(about_child) && !after.shows(about_child);
    if goes(true) || goes(false) {
        return Ok(store::hide_entries(txn, affected).await?);
    }
    store::show_entries(txn, affected).await?;
    let Some(since) = since else { return Ok(()) };
    let mut after = None;
    loop {
        let entries = store::telling_entries_since(txn, affected, since, after, LOOKED_AT).await?;
        for entry in &entries {
            match Content::of_row(&app.keys, entry) {
                Ok(content) => alerts::raise_again(app, txn, held, entry, &content.warnings).await?,
                // One that does not open holds up neither the answer nor the others.
                Err(cause) => {
                    tracing::error!(record = %entry.id, cause = cause::told(cause.as_ref()), "a record does not open");
                }
            }
        }
        match entries.last() {
            Some(last) if entries.len() as u64 == LOOKED_AT => after = Some(last.id),
            _ => return Ok(()),
        }
    }
}
