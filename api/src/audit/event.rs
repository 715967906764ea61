//! An event on its way into the log.

use std::os::unix::fs::MetadataExt;

use actix_web::{HttpMessage, HttpRequest};
use chrono::{DateTime, Utc};
use domain::access::Tie;
use domain::audit::Kind;
use domain::id::{EventId, HandbookId, InstitutionId, RecordId, StaffId, UserId, VisitId};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use crate::db::entities::audit_event;
use crate::telemetry::{Operation, RequestId};

/// The request in which somebody acts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Act {
    /// Its id.
    pub request: Option<Uuid>,
    /// The operation of the API.
    pub operation: Option<&'static str>,
}

impl Act {
    /// The request, as the edge named it.
    pub fn of(request: &HttpRequest) -> Self {
        let extensions = request.extensions();
        Self {
            request: extensions.get::<RequestId>().map(|id| id.0),
            operation: extensions.get::<Operation>().map(|operation| operation.0),
        }
    }
}

/// Who acts.
#[derive(Debug, Clone)]
enum Actor {
    Staff(StaffId, Option<InstitutionId>),
    User(UserId),
    Command(String),
    Nobody,
}

/// One event. It names rows and quotes nothing of them.
#[derive(Debug, Clone)]
#[must_use = "an event is in the log when it is written"]
pub struct Event {
    actor: Actor,
    act: Act,
    kind: Kind,
    action: &'static str,
    operation: Option<&'static str>,
    handbook: Option<HandbookId>,
    tie: Option<Tie>,
    visit: Option<VisitId>,
    record: Option<RecordId>,
    object: Option<Uuid>,
}

impl Event {
    fn new(actor: Actor, act: Act, kind: Kind, action: &'static str) -> Self {
        Self {
            actor,
            act,
            kind,
            action,
            operation: act.operation,
            handbook: None,
            tie: None,
            visit: None,
            record: None,
            object: None,
        }
    }

    /// By a staff member.
    pub fn by_staff(
        (staff, institution): (StaffId, Option<InstitutionId>),
        act: Act,
        kind: Kind,
        action: &'static str,
    ) -> Self {
        Self::new(Actor::Staff(staff, institution), act, kind, action)
    }

    /// By a user of the family side.
    pub fn by_user(user: UserId, act: Act, kind: Kind, action: &'static str) -> Self {
        Self::new(Actor::User(user), act, kind, action)
    }

    /// By nobody who is known: a try to sign in.
    pub fn by_nobody(act: Act, kind: Kind, action: &'static str) -> Self {
        Self::new(Actor::Nobody, act, kind, action)
    }

    /// By a command at the server, in the name of the machine's user.
    pub fn by_command(user: &str, kind: Kind, action: &'static str) -> Self {
        let act = Act { request: Some(Uuid::now_v7()), operation: Some(action) };
        Self::new(Actor::Command(user.to_owned()), act, kind, action)
    }

    /// By a job of the server, which wrote.
    pub fn by_job(action: &'static str) -> Self {
        Self::by_command("job", Kind::Write, action)
    }

    /// About this handbook.
    pub fn at(self, handbook: HandbookId) -> Self {
        Self { handbook: Some(handbook), ..self }
    }

    /// Allowed by this tie, and by this visit if the tie is one.
    pub fn through(self, tie: Option<Tie>, visit: Option<VisitId>) -> Self {
        let visit = visit.filter(|_| matches!(tie, Some(Tie::Visit | Tie::BreakGlass | Tie::LateResults)));
        Self { tie, visit, ..self }
    }

    /// About this visit, whatever allowed it.
    pub fn visit(self, visit: VisitId) -> Self {
        Self { visit: Some(visit), ..self }
    }

    /// About this record.
    pub fn record(self, record: RecordId) -> Self {
        Self { record: Some(record), ..self }
    }

    /// About something else that has an id: an account, an institution, a member.
    pub fn on(self, object: impl Into<Uuid>) -> Self {
        Self { object: Some(object.into()), ..self }
    }

    /// The handbook that it is about.
    pub fn handbook(&self) -> Option<HandbookId> {
        self.handbook
    }

    /// The row, which waits to be sealed.
    pub fn into_row(self, id: EventId, at: DateTime<Utc>) -> audit_event::Model {
        let (staff_id, institution_id, user_id, command) = match self.actor {
            Actor::Staff(staff, institution) => (Some(staff), institution, None, None),
            Actor::User(user) => (None, None, Some(user), None),
            Actor::Command(command) => (None, None, None, Some(command)),
            Actor::Nobody => (None, None, None, None),
        };
        audit_event::Model {
            id,
            at,
            staff_id,
            user_id,
            command,
            institution_id,
            handbook_id: self.handbook,
            kind: self.kind.code().to_owned(),
            action: self.action.to_owned(),
            operation: self.operation.map(str::to_owned),
            tie: self.tie.map(|tie| tie.code().to_owned()),
            visit_id: self.visit,
            record_id: self.record,
            object_id: self.object,
            request_id: self.act.request,
            batch_id: None,
        }
    }

    /// Who acts, what, where: what two refusals must share to be one.
    pub(super) fn sameness(&self) -> Vec<u8> {
        let who = match &self.actor {
            Actor::Staff(staff, _) => staff.0,
            Actor::User(user) => user.0,
            Actor::Command(_) | Actor::Nobody => Uuid::nil(),
        };
        let ids = [Some(who), self.handbook.map(|id| id.0), self.object];
        let ids = ids.map(|id| id.unwrap_or_default().into_bytes()).concat();
        [ids.as_slice(), self.kind.code().as_bytes(), b"/", self.action.as_bytes()].concat()
    }
}

/// What one transaction did: at least one event.
#[derive(Debug)]
#[must_use = "events are in the log when they are written"]
pub struct Events(Event, Vec<Event>);

impl From<Event> for Events {
    fn from(event: Event) -> Self {
        Self(event, Vec::new())
    }
}

impl Events {
    /// And this too.
    pub fn and(mut self, event: Event) -> Self {
        self.1.push(event);
        self
    }

    /// The handbook of the first.
    pub fn handbook(&self) -> Option<HandbookId> {
        self.0.handbook
    }

    /// Writes them in the transaction that does what they tell of.
    pub async fn write(self, txn: &impl ConnectionTrait, at: DateTime<Utc>) -> Result<(), DbErr> {
        super::store::write(txn, [self.0].into_iter().chain(self.1), at).await
    }
}

/// Who runs this process, as the machine knows them; behind `sudo` both.
pub fn machine_user() -> String {
    let uid = std::fs::metadata("/proc/self").ok().map(|process| process.uid());
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let by_uid = |uid: u32| {
        let is_it = |line: &&str| line.split(':').nth(2) == Some(uid.to_string().as_str());
        let name = known.lines().find(is_it).and_then(|line| line.split(':').next());
        name.map_or_else(|| format!("uid {uid}"), str::to_owned)
    };
    let name = uid.map(by_uid).or_else(|| std::env::var("USER").ok()).unwrap_or_default();
    match std::env::var("SUDO_USER") {
        Ok(behind) if behind != name => format!("{name} ({behind})"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_knows_who_runs_this() {
        assert!(!machine_user().is_empty());
    }
}
