//! Records: what a family and clinicians wrote into a handbook, as one dated list.
//!
//! Here is who may see which of them, and in which language a caller is answered. Writing them is `entries` (the family)
//! and `checkups` (clinicians); both check a record with [`setting`] and keep it with [`store`].

pub mod accepted;
pub mod form;
pub mod history;
pub mod pointers;
pub mod setting;
pub mod show;
pub mod store;
pub mod timeline;
pub mod view;
pub mod written;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use domain::access::{Action, Role, Standing, Tie, Verdict, may};
use domain::consent::Sharing;
use domain::id::{HandbookId, StaffId, UserId};
use futures_util::future::{FutureExt, LocalBoxFuture, Ready, ready};

use crate::access::{
    Access, CorrectOwn, InHandbook, ReadRecords, first_refusal, handbook_in, is_refusal, log, tell_if_refused,
};
use crate::app::App;
use crate::children;
use crate::consents::store::sharing;
use crate::db::OneConnection;
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::problem::{Code, Language};
use crate::session::{Caller, SignedIn, app_of};

/// The language in which a caller wants to read.
#[derive(Debug, Clone, Copy)]
pub struct Speaks(pub Language);

impl FromRequest for Speaks {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let wanted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        ready(Ok(Self(Language::preferred(wanted))))
    }
}

/// Who reads, as far as rows name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Me {
    /// A user of the family side.
    Family(UserId),
    /// A staff member.
    Staff(StaffId),
}

impl Me {
    /// The caller.
    pub fn of(caller: &Caller) -> Self {
        match caller {
            Caller::Family(user) => Self::Family(user.id),
            Caller::Staff(staff) => Self::Staff(staff.id),
        }
    }

    /// Whether this is the author whom a row names.
    pub fn is(self, user: Option<UserId>, staff: Option<StaffId>) -> bool {
        match self {
            Self::Family(own) => user == Some(own),
            Self::Staff(own) => staff == Some(own),
        }
    }
}

/// Which records of a handbook a caller sees, and how much of each.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Who looks.
    pub me: Me,
    /// Sensitive fields are shown, whoever wrote them; of their own records callers see them in any case.
    pub may_see_sensitive: bool,
    /// Health staff of a kindergarten see the child's part only.
    pub children_only: bool,
    /// Who may not read the history still reads what they wrote themselves.
    pub own_only: bool,
    /// What the family lets clinicians see of its own entries.
    pub sharing: Sharing,
    /// What the family has withdrawn is shown to it too: in a copy of everything that is kept.
    pub with_withdrawn: bool,
}

impl View {
    /// What this standing lets a caller see; nothing but own records where the history may not be read.
    pub fn of(caller: &Caller, standing: &Standing, handbook: &handbook::Model) -> Self {
        Self {
            me: Me::of(caller),
            may_see_sensitive: is_allowed(standing, Action::ReadSensitive),
            children_only: is_allowed(standing, Action::ReadRecords)
                && !is_allowed(&without_kindergarten(standing), Action::ReadRecords),
            own_only: !is_allowed(standing, Action::ReadRecords),
            sharing: sharing(handbook),
            with_withdrawn: false,
        }
    }

    /// Whether the family itself looks: it sees its private entries, and nothing that was voided.
    pub fn is_family(&self) -> bool {
        matches!(self.me, Me::Family(_))
    }
}

fn is_allowed(standing: &Standing, action: Action) -> bool {
    matches!(may(standing, action), Verdict::Allowed(_))
}

fn without_kindergarten(standing: &Standing) -> Standing {
    match standing {
        Standing::Staff { roles, ties } => Standing::Staff {
            roles: roles.iter().copied().filter(|role| *role != Role::KindergartenStaff).collect(),
            ties: ties.clone(),
        },
        Standing::Member { .. } => standing.clone(),
    }
}

/// Guard: a caller who may read the records of the handbook in the path, or at least those that they wrote themselves.
#[derive(Debug)]
pub struct Reader {
    /// The handbook.
    pub handbook: handbook::Model,
    /// What is seen of it.
    pub view: View,
    /// The connection on which the guard asked, for what is read next.
    pub db: OneConnection,
}

impl FromRequest for Reader {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let app = app_of(&request)?;
            let db = app.db.one_connection();
            let caller = SignedIn::of(app, &db, &request).await?;
            let id = handbook_named(&db, &request).await?;
            let judged = Self::judge(app, db, &caller, id).await;
            tell_if_refused(app, &caller, ReadRecords::ACTION, id, judged).await
        }
        .boxed_local()
    }
}

/// The handbook of the path, or the one in which the child of the path stands.
async fn handbook_named(db: &OneConnection, request: &HttpRequest) -> Result<HandbookId, ApiError> {
    let path = request.match_info();
    let child = match (path.get("handbook"), path.get("child")) {
        (None, Some(child)) => show::id_in(child)?,
        _ => return handbook_in(request),
    };
    children::store::handbook_of(db, child).await?.ok_or_else(|| ApiError::told(Code::NotFound))
}

impl Reader {
    async fn judge(app: &App, db: OneConnection, caller: &Caller, id: HandbookId) -> Result<Self, ApiError> {
        match Access::<ReadRecords>::judge(app, &db, caller.clone(), id).await {
            Ok(access) => Ok(Self::from_access(access, db)),
            Err(refused) if is_refusal(&refused) => {
                let own = Access::<CorrectOwn>::judge(app, &db, caller.clone(), id).await;
                let own = own.map_err(|again| first_refusal(refused, again))?;
                db.release().await;
                log_own(app, &own).await?;
                Ok(Self::from_access(own, db))
            }
            Err(failed) => Err(failed),
        }
    }

    fn from_access<A: InHandbook>(access: Access<A>, db: OneConnection) -> Self {
        let view = View::of(&access.caller, &access.standing, &access.handbook);
        Self { handbook: access.handbook, view, db }
    }
}

async fn log_own(app: &App, access: &Access<CorrectOwn>) -> Result<(), ApiError> {
    let staff = access.caller.staff()?;
    let visit = access.visit.as_ref().filter(|_| access.tie == Some(Tie::LateResults)).map(|visit| visit.id);
    let read = log::Read { handbook: access.handbook.id, action: Action::CorrectOwn, tie: access.tie, visit };
    log::write(app, staff, &[read]).await
}
