//! The guard: who may do what, asked by every handler in its signature.
//!
//! [`Access`] stands before one handbook, [`Office`] before what staff do outside one. Both ask the one table in
//! `domain::access`; whatever is not in it is refused. A staff read of personal data is written to the access log here.

pub mod facts;
pub mod log;

use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use domain::access::{Action, OfficeAction, Standing, Tie, Verdict, may, may_in_office};
use domain::audit::Kind;
use domain::calendar::clock_in_china;
use domain::consent::Purpose;
use domain::id::HandbookId;
use domain::member::MemberRole;
use futures_util::future::{FutureExt, LocalBoxFuture};
use sea_orm::ConnectionTrait;

use crate::app::App;
use crate::audit::{self, Event};
use crate::consents::store::required;
use crate::db::OneConnection;
use crate::db::entities::{handbook, member, visit};
use crate::error::ApiError;
use crate::problem::Code;
use crate::session::{Caller, SignedIn, Staff, app_of};

/// Something that is done in a handbook, as a type for signatures.
pub trait InHandbook: 'static {
    /// What is done.
    const ACTION: Action;
    /// Whether staff read personal data by it: then the guard writes the access log. Writing leaves its own rows.
    const READS: bool;
}

/// Something that staff do outside one handbook, as a type for signatures.
pub trait InOffice: 'static {
    /// What is done.
    const ACTION: OfficeAction;
}

macro_rules! guarded {
    ($($name:ident $reads:literal)+ ; office $($office:ident)+) => {
        $(
            #[doc = concat!("Guard for `Action::", stringify!($name), "`.")]
            #[derive(Debug, Clone, Copy)]
            pub struct $name;
            impl InHandbook for $name {
                const ACTION: Action = Action::$name;
                const READS: bool = $reads;
            }
        )+
        /// Guards of what staff do outside one handbook.
        pub mod office {
            use super::*;
            $(
                #[doc = concat!("Guard for `OfficeAction::", stringify!($office), "`.")]
                #[derive(Debug, Clone, Copy)]
                pub struct $office;
                impl InOffice for $office {
                    const ACTION: OfficeAction = OfficeAction::$office;
                }
            )+
        }
    };
}

guarded! {
    ReadCover true ReadRecords true WriteEntry false ShowCode false ReadMembers true ManageMembers false Leave false
    ProveWoman false ReadAccessLog false ReadNotices false Watch false AttachCheckup false AttachResult false CorrectOwn false
    Countersign true Delegate false ManagePregnancy false PrintCode false Reclaim false Release false CorrectIdentity false
    Transfer false Close false Replace false ReadAlerts true FollowUpUsage false ReadConsents false Consent false
    AskCorrection false ReadCorrections false ReadResponsibility true
    ; office
    FindHandbook IssueHandbook OpenVisit BreakGlass ReadUsage ReadAlerts ReadInstitutions ManageInstitutions ManageStaff
    ManageRegions SetTargets ReviewOverrides Countersign ReadOwnCheckups ReadCorrections AnswerCorrections
    ReadUnused AskDisclosure ReadDisclosures DecideDisclosure
}

/// A caller who may do `A` in the handbook of the path (`{handbook}`).
#[derive(Debug)]
pub struct Access<A> {
    /// Who is calling.
    pub caller: Caller,
    /// The handbook.
    pub handbook: handbook::Model,
    /// How the caller stands to it.
    pub standing: Standing,
    /// For staff: the tie that allows it.
    pub tie: Option<Tie>,
    /// For staff: the own institution's visit, open or taking late results.
    pub visit: Option<visit::Model>,
    action: PhantomData<A>,
}

impl<A: InHandbook> Access<A> {
    /// Whether the caller may see sensitive results here.
    pub fn may_see_sensitive(&self) -> bool {
        self.may(Action::ReadSensitive)
    }

    /// The role of a member of the family; none for staff.
    pub fn member_role(&self) -> Option<MemberRole> {
        match self.standing {
            Standing::Member { role, .. } => Some(role),
            Standing::Staff { .. } => None,
        }
    }

    /// Whether the caller may do something else here too.
    pub fn may(&self, action: Action) -> bool {
        matches!(may(&self.standing, action), Verdict::Allowed(_))
    }

    /// The event that says that the caller wrote here.
    pub fn wrote(&self) -> Event {
        let visit = self.visit.as_ref().map(|visit| visit.id);
        let wrote = self.caller.event(Kind::Write, A::ACTION.code()).at(self.handbook.id);
        wrote.through(self.tie, visit)
    }

    /// Judges a caller; what the extractor does before it tells the audit log of a refusal ([`tell_if_refused`]).
    pub async fn judge(
        app: &App,
        db: &OneConnection,
        caller: Caller,
        id: HandbookId,
    ) -> Result<Self, ApiError> {
        let found = facts::of(app, db, &caller, id).await?.ok_or_else(|| ApiError::told(Code::NotFound))?;
        let tie = allowed(may(&found.standing, A::ACTION))?;
        must_be_agreed(A::ACTION, found.agreed_to.as_deref())?;
        let facts::Found { handbook, standing, visit, .. } = found;
        let access = Self { caller, handbook, standing, tie, visit, action: PhantomData };
        if A::READS
            && let Caller::Staff(staff) = &access.caller
        {
            db.release().await;
            log::write(app, staff, &[access.read()]).await?;
        }
        Ok(access)
    }

    /// What the log says of staff who read by this.
    pub fn read(&self) -> log::Read {
        let visit = self.visit.as_ref().map(|visit| visit.id);
        let visit = visit.filter(|_| matches!(self.tie, Some(Tie::Visit | Tie::BreakGlass)));
        log::Read { handbook: self.handbook.id, action: A::ACTION, tie: self.tie, visit }
    }

    /// Judges the caller again by what stands now, in a transaction that holds the handbook; what was read before it may
    /// have changed. A member is looked up anew. Staff are refused when another institution answers for the handbook than the
    /// one they saw: a transfer moves every tie but a visit, and who goes on loads the handbook again; and when the visit that
    /// allowed it was ended.
    pub async fn judge_again(
        &self,
        txn: &impl ConnectionTrait,
        held: &handbook::Model,
    ) -> Result<(), ApiError> {
        match &self.caller {
            Caller::Staff(_) if held.managing_id == self.handbook.managing_id => {
                must_still_be_there(txn, self.tie, self.visit.as_ref()).await
            }
            Caller::Staff(_) => Err(ApiError::told(Code::Conflict)),
            Caller::Family(_) => self.member_again(txn, held.id).await.map(|_| ()),
        }
    }

    /// The same for a family, whose member is needed.
    pub async fn member_again(
        &self,
        txn: &impl ConnectionTrait,
        handbook: HandbookId,
    ) -> Result<member::Model, ApiError> {
        let member = facts::membership(txn, self.caller.family()?, handbook).await?;
        let member = member.ok_or_else(|| ApiError::told(Code::NotFound))?;
        allowed(may(&facts::standing(&member), A::ACTION))?;
        must_be_agreed(A::ACTION, Some(&member.agreed_to))?;
        Ok(member)
    }
}

/// Refuses where a visit allowed it that the family or the desk has ended since it was seen.
pub async fn must_still_be_there(
    txn: &impl ConnectionTrait,
    tie: Option<Tie>,
    seen: Option<&visit::Model>,
) -> Result<(), ApiError> {
    let Some(seen) = seen.filter(|_| matches!(tie, Some(Tie::Visit | Tie::BreakGlass))) else {
        return Ok(());
    };
    match facts::visit(txn, seen.id).await? {
        Some(visit) if visit.ends_at >= seen.ends_at => Ok(()),
        Some(visit) => Err(ApiError::with(Code::VisitOver, "ended_at", clock_in_china(visit.ends_at))),
        None => Err(ApiError::told(Code::Conflict)),
    }
}

/// The tie by which something is allowed, or the refusal.
fn allowed(verdict: Verdict) -> Result<Option<Tie>, ApiError> {
    match verdict {
        Verdict::Allowed(tie) => Ok(tie),
        Verdict::Forbidden => Err(ApiError::told(Code::Forbidden)),
        Verdict::Hidden => Err(ApiError::told(Code::NotFound)),
    }
}

/// A member to whom a newer privacy text is to be shown agrees to it first; of staff nothing is asked.
fn must_be_agreed(action: Action, agreed_to: Option<&str>) -> Result<(), ApiError> {
    match agreed_to {
        Some(agreed_to) if action.needs_consent() && !Purpose::Basic.is_in_force(Some(agreed_to)) => {
            Err(required(Purpose::Basic))
        }
        _ => Ok(()),
    }
}

impl<A: InHandbook> FromRequest for Access<A> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let app = app_of(&request)?;
            let db = app.db.one_connection();
            let caller = SignedIn::of(app, &db, &request).await?;
            let id = handbook_in(&request)?;
            let judged = Self::judge(app, &db, caller.clone(), id).await;
            db.release().await;
            tell_if_refused(app, &caller, A::ACTION, id, judged).await
        }
        .boxed_local()
    }
}

/// The handbook of the path. What is no id names no handbook.
pub fn handbook_in(request: &HttpRequest) -> Result<HandbookId, ApiError> {
    let id = request.match_info().get("handbook").and_then(|text| text.parse().ok());
    id.ok_or_else(|| ApiError::told(Code::NotFound))
}

/// Tells the audit log when a guard refused somebody at a handbook that exists, once a minute for each action.
pub async fn tell_if_refused<T>(
    app: &App,
    caller: &Caller,
    action: Action,
    id: HandbookId,
    judged: Result<T, ApiError>,
) -> Result<T, ApiError> {
    if judged.as_ref().is_err_and(is_refusal) {
        let refused = caller.event(Kind::Refused, action.code()).at(id);
        audit::store::write_refusal(app.db.write(), refused, app.now()).await?;
    }
    judged
}

/// Whether a guard said no, as against could not tell.
pub fn is_refusal(error: &ApiError) -> bool {
    matches!(error.code(), Code::NotFound | Code::Forbidden)
}

/// What is told where something else was tried after a refusal: the first one, unless nobody could tell the second time.
pub fn first_refusal(first: ApiError, again: ApiError) -> ApiError {
    if is_refusal(&again) { first } else { again }
}

/// A handbook that is closed or replaced takes nothing more.
pub fn must_be_live(handbook: &handbook::Model) -> Result<(), ApiError> {
    if handbook.state.is_live() { Ok(()) } else { Err(ApiError::told(Code::HandbookClosed)) }
}

/// Staff who may do `A`; what they may do it to is their scope, which every finder takes as an argument.
#[derive(Debug)]
pub struct Office<A> {
    /// Who is calling.
    pub staff: Staff,
    action: PhantomData<A>,
}

impl<A: InOffice> Office<A> {
    /// The event that says that the staff member wrote.
    pub fn wrote(&self) -> Event {
        self.staff.wrote(A::ACTION.code())
    }
}

impl<A: InOffice> FromRequest for Office<A> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let signed_in = SignedIn::from_request(request, payload);
        let request = request.clone();
        async move {
            let SignedIn(caller) = signed_in.await?;
            match &caller {
                Caller::Staff(staff) if may_in_office(&staff.roles, A::ACTION) => {
                    Ok(Self { staff: staff.clone(), action: PhantomData })
                }
                Caller::Staff(_) | Caller::Family(_) => {
                    let app = app_of(&request)?;
                    let refused = caller.event(Kind::Refused, A::ACTION.code());
                    audit::store::write_refusal(app.db.write(), refused, app.now()).await?;
                    Err(ApiError::told(Code::Forbidden))
                }
            }
        }
        .boxed_local()
    }
}
