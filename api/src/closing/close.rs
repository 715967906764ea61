//! `POST /api/v1/me/closing`: a family user closes the account, which is also how the basic consent is withdrawn.

use std::collections::BTreeSet;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, NaiveDate, Utc};
use domain::handbook::CloseReason;
use domain::id::HandbookId;
use domain::retention::{DataKind, Fate, Retention, fate};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::receipts::{Cause, Receipt, Receipts};
use super::store::delete::{self, Whose};
use super::{erase, store};
use crate::app::App;
use crate::audit::Events;
use crate::body::Body;
use crate::checkups::store as checkups;
use crate::db::entities::{handbook, member};
use crate::error::ApiError;
use crate::form::Form;
use crate::handbooks::store as handbooks;
use crate::idempotency::Work;
use crate::keys::Keys;
use crate::members::store as members;
use crate::notices::{self, Kind};
use crate::problem::Code;
use crate::session::{FreshFamily, User};

/// What becomes of one's own entries where others go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnEntries {
    /// They are deleted.
    Delete,
    /// They stay with the family, without their author.
    Leave,
}

/// That the account is to be closed, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosingRequest {
    /// `true`: the preview was read, and nothing of it can be taken back.
    confirmed: bool,
    /// What becomes of own entries in handbooks in which others stay: `delete` or `leave`. Needed where there are such.
    own_entries: Option<OwnEntries>,
    /// Handbooks whose only owner the caller is, that end for all their members, too, unless the woman herself is one. Else they
    /// are handed over first. What others wrote stays in the handbook.
    #[schema(value_type = Option<Vec<Uuid>>, max_items = 100)]
    end_for_all: Option<Vec<HandbookId>>,
}

/// A closed account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClosedAccount)]
pub struct Closed {
    /// When.
    closed_at: DateTime<Utc>,
    /// What was done to which kind of data.
    receipts: Vec<Receipt>,
}

/// Close the account
///
/// At once and for good: every device is signed out, and whoever signs in again is somebody new. What becomes of what says
/// the preview, `GET /api/v1/me/closing`. Where others stay in a handbook it goes on for them; with its last member it ends,
/// and what clinicians wrote is kept as the law asks. Needs a sign-in of the last ten minutes. Sent twice, the second is not
/// signed in any more.
#[utoipa::path(
    operation_id = "close",
    tag = "account",
    request_body = ClosingRequest,
    responses(
        (status = 200, description = "Closed", body = Closed),
        (status = 403, description = "Staff, or not signed in just now (`fresh_sign_in_required`)"),
        (status = 409, description = "Others would be left without an owner (`last_owner`), the woman herself stays (`hand_over_to_woman`), or the memberships changed meanwhile"),
    ),
)]
#[post("/api/v1/me/closing")]
pub(crate) async fn close(
    app: Data<App>,
    FreshFamily(user): FreshFamily,
    body: Body<ClosingRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.parse()?;
    let mut form = Form::default();
    if !request.confirmed {
        form.refuse(
            "/confirmed",
            "not_confirmed",
            "请查看注销说明后确认（true）。",
            "Read the preview and confirm with true.",
        );
    }
    if request.end_for_all.as_ref().is_some_and(|ids| ids.len() > 100) {
        form.refuse("/end_for_all", "too_many_items", "最多100本手册。", "At most 100 handbooks.");
    }
    form.done()?;
    let table = Retention::in_force().map_err(ApiError::internal)?;
    let closing = Closing { app: &app, user, request: &request, table: &table, now: app.now() };
    let (receipts, touched) = closing.carry_out().await?;
    for handbook in touched {
        app.live.changed(handbook).await;
    }
    Ok(HttpResponse::Ok().json(Closed { closed_at: closing.now, receipts }))
}

struct Closing<'a> {
    app: &'a App,
    user: User,
    request: &'a ClosingRequest,
    table: &'a Retention,
    now: DateTime<Utc>,
}

impl Closing<'_> {
    /// Everything in one transaction: an account is closed whole or not at all.
    async fn carry_out(&self) -> Result<(Vec<Receipt>, BTreeSet<HandbookId>), ApiError> {
        let work = Work::without_key(self.app).await?;
        let txn = &work.txn;
        // In the order of their ids, as everybody who closes an account; who writes in one of them is over by then, or
        // waits and finds no membership.
        let ids = store::handbooks_of(txn, self.user.id).await?;
        let mut held = Vec::new();
        for id in &ids {
            held.push(handbooks::hold(txn, *id).await?);
        }
        if !store::close_account(txn, &self.app.keys, self.user.id, self.now).await? {
            return Err(ApiError::told(Code::NotSignedIn));
        }
        // From here on the account joins nothing; what it joined since it was read is looked at in another try.
        if store::handbooks_of(txn, self.user.id).await? != ids {
            return Err(ApiError::told(Code::Conflict));
        }
        let mut receipts = Receipts::new(self.table, Cause::Closing);
        for handbook in &held {
            self.leave(txn, handbook, &mut receipts).await?;
        }
        let (memberships, sessions) = delete::account(txn, self.user.id).await?;
        receipts.note(None, DataKind::Memberships, memberships)?;
        receipts.note(None, DataKind::Account, 1 + sessions)?;
        receipts.keep(txn, self.now).await?;
        let wrote = || self.user.wrote("close_account");
        let did = ids.iter().fold(Events::from(wrote()), |did, id| did.and(wrote().at(*id)));
        work.done(self.app, did).await?;
        Ok((receipts.done, ids))
    }

    async fn leave(
        &self,
        txn: &impl ConnectionTrait,
        held: &handbook::Model,
        receipts: &mut Receipts<'_>,
    ) -> Result<(), ApiError> {
        let members = members::live(txn, held.id).await?;
        let me = members.iter().find(|member| member.user_id == self.user.id);
        let others: Vec<&member::Model> =
            members.iter().filter(|member| member.user_id != self.user.id).collect();
        let roles: Vec<_> = others.iter().map(|member| member.role).collect();
        let ends_for_all = self.request.end_for_all.as_ref().is_some_and(|ids| ids.contains(&held.id));
        match me.map(|me| fate(me.role, &roles)) {
            Some(Fate::Ends) => self.end(txn, held, Whose::All, receipts).await,
            Some(Fate::HandOverFirst) if ends_for_all => {
                if others.iter().any(|other| other.is_woman) {
                    return Err(ApiError::told(Code::HandOverToWoman));
                }
                for other in others {
                    members::end(txn, other.id, self.now).await?;
                }
                // What the others wrote is not the leaver's to delete: it is left to the handbook.
                self.end(txn, held, Whose::Of(self.user.id), receipts).await
            }
            Some(Fate::HandOverFirst) => Err(ApiError::told(Code::LastOwner)),
            Some(Fate::GoesOn) => {
                self.leave_entries(txn, held, receipts).await?;
                Ok(notices::store::tell(txn, held.id, Kind::MembersChanged, None, None, self.now).await?)
            }
            // A member of former times.
            None => self.leave_entries(txn, held, receipts).await,
        }
    }

    /// Own entries are deleted, or stay with the family without their author.
    async fn leave_entries(
        &self,
        txn: &impl ConnectionTrait,
        held: &handbook::Model,
        receipts: &mut Receipts<'_>,
    ) -> Result<(), ApiError> {
        delete::requests(txn, held.id, Some(self.user.id)).await?;
        let (entries, photos) = store::own_entries(txn, held.id, self.user.id).await?;
        if entries + photos == 0 {
            return Ok(());
        }
        match self.request.own_entries {
            Some(OwnEntries::Delete) => {
                let erased = delete::entries(txn, held, Whose::Of(self.user.id), self.now).await?;
                receipts.note(Some(held.id), DataKind::Entries, erased)
            }
            Some(OwnEntries::Leave) => Ok(()),
            None => {
                let mut form = Form::default();
                form.require("/own_entries");
                form.done()
            }
        }
    }

    /// Nobody is left: what the family wrote goes, of all or of one user, and what clinicians wrote waits for the end of their duty, or is blocked.
    async fn end(
        &self,
        txn: &impl ConnectionTrait,
        held: &handbook::Model,
        whose: Whose<'_>,
        receipts: &mut Receipts<'_>,
    ) -> Result<(), ApiError> {
        let deleted = erase::family(txn, held, whose, self.now).await?;
        receipts.note(Some(held.id), DataKind::Entries, deleted.entries)?;
        receipts.note(Some(held.id), DataKind::Notices, deleted.notices)?;
        receipts.note(Some(held.id), DataKind::Usage, 1)?;
        receipts.note(Some(held.id), DataKind::Consents, 1)?;
        let under_care = store::under_care(txn, held).await?;
        if held.state.is_live() && under_care.duty(self.app.today()).is_some() {
            return Ok(store::set_left(txn, held, self.now).await?);
        }
        block(self.app, txn, held, self.table, receipts, self.now).await
    }
}

/// Blocks the clinical part of a handbook whose family has gone: it stands in no list, nobody reads it but in an emergency,
/// and it goes when its time is over.
pub(super) async fn block(
    app: &App,
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    table: &Retention,
    receipts: &mut Receipts<'_>,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    if held.state.is_live() {
        handbooks::close(txn, held.id, CloseReason::AccountClosed, now).await?;
    }
    let kept = store::kept(txn, held.id, table.inpatient_kinds()).await?;
    let until = table.blocked_until(kept, app.today());
    let phones = set_aside(&app.keys, txn, held, until, now).await?;
    receipts.note(Some(held.id), DataKind::Phone, phones)?;
    let kind = DataKind::of_clinical(kept.is_some_and(|kept| kept.inpatient));
    let clinical = store::count_clinical(txn, held.id).await?;
    receipts.note(Some(held.id), kind, clinical)?;
    receipts.note(Some(held.id), DataKind::Identity, u64::from(held.woman_id.is_some()))
}

/// Nobody has a part in the handbook until it is erased, nothing in it waits for anybody, and nobody is called from it. Gives
/// how many phones were taken away.
pub(super) async fn set_aside(
    keys: &Keys,
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    until: NaiveDate,
    now: DateTime<Utc>,
) -> Result<u64, ApiError> {
    handbooks::end_delegations(txn, held.id, now).await?;
    checkups::await_nobody(txn, held.id).await?;
    // A family that went while care was due went then, not today.
    store::set_blocked(txn, held.id, until, held.family_left_at.unwrap_or(now)).await?;
    handbooks::forget_contact(txn, held.id).await?;
    erase::phones(keys, txn, held).await
}
