//! Asks the log: who saw a person, and which handbooks an account touched. Whoever asks is in the log before they are
//! answered.

use std::collections::HashMap;

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use domain::audit::Kind;
use domain::calendar::start_of_day;
use domain::handbook::number::HandbookNumber;
use domain::id::{HandbookId, InstitutionId, PersonId, StaffId};
use domain::person::IdNumber;
use sea_orm::DbErr;

use super::event::Event;
use super::store::{self, About};
use crate::access_log::store::{Worker, institution_names, workers};
use crate::app::App;
use crate::children;
use crate::db::entities::{audit_event, handbook};
use crate::error::ApiError;
use crate::{handbooks, people};

/// Events read at a time.
const PAGE: u64 = 500;

/// Whom somebody asks about.
#[derive(Debug)]
pub enum Whom {
    /// A person by id, or else a handbook by id.
    Id(uuid::Uuid),
    /// Those of a handbook.
    Number(HandbookNumber),
    /// A person by ID number.
    IdNumber(IdNumber),
}

/// A span of civil days, both ends in it.
#[derive(Debug, Clone, Copy)]
pub struct Days {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
}

impl Days {
    fn span(self) -> (DateTime<Utc>, DateTime<Utc>) {
        (start_of_day(self.from), self.to.succ_opt().map_or(DateTime::<Utc>::MAX_UTC, start_of_day))
    }
}

/// Every handbook in which a person was or is a subject, those that were replaced too.
pub async fn handbooks_of(app: &App, whom: &Whom) -> Result<Vec<HandbookId>, DbErr> {
    let db = app.db.read();
    let person = match whom {
        Whom::Number(number) => {
            let found = handbooks::store::by_number(db, number).await?;
            return store::of_one_issue(db, found).await;
        }
        Whom::Id(id) => match people::store::by_id(db, PersonId(*id)).await? {
            Some(person) => person.id,
            None => {
                let found = handbooks::store::by_id(db, HandbookId(*id)).await?;
                return store::of_one_issue(db, found).await;
            }
        },
        Whom::IdNumber(number) => match people::store::by_id_number(db, &app.keys, number).await? {
            Some(person) => person.id,
            None => return Ok(Vec::new()),
        },
    };
    let as_woman = store::of_woman(db, person).await?;
    let as_child = children::store::of_people(db, [person]).await?;
    let as_child = handbooks::store::by_ids(db, as_child.iter().map(|child| child.handbook_id)).await?;
    store::of_one_issue(db, as_woman.into_iter().chain(as_child.into_values())).await
}

/// Tells every event at the handbooks of a person, line by line, the oldest first.
pub async fn who_saw(
    app: &App,
    asker: &str,
    handbooks: Vec<HandbookId>,
    days: Days,
    line: &mut impl FnMut(&Line),
) -> Result<u64, ApiError> {
    let asked =
        handbooks.iter().map(|handbook| Event::by_command(asker, Kind::Read, "who_saw").at(*handbook));
    store::write(app.db.write(), asked, app.now()).await?;
    let kinds = store::kinds_at(app.db.read(), &handbooks).await?;
    tell(app, &About::Handbooks(handbooks, kinds), days, line).await
}

/// Tells every event of a staff member, line by line, the oldest first.
pub async fn affected(
    app: &App,
    asker: &str,
    staff: StaffId,
    days: Days,
    line: &mut impl FnMut(&Line),
) -> Result<u64, ApiError> {
    let asked = Event::by_command(asker, Kind::Read, "affected").on(staff);
    store::write(app.db.write(), [asked], app.now()).await?;
    tell(app, &About::Staff(staff), days, line).await
}

/// One event as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, by the clock in China.
    pub at: DateTime<FixedOffset>,
    /// Whose handbook, by its number.
    pub handbook: String,
    /// Which kind of event.
    pub kind: String,
    /// Who, with the institution.
    pub who: String,
    /// What: the operation where it is known, else what was allowed.
    pub what: String,
    /// What allowed it.
    pub why: String,
    /// The request.
    pub request: String,
}

async fn tell(app: &App, about: &About, days: Days, line: &mut impl FnMut(&Line)) -> Result<u64, ApiError> {
    let db = app.db.read();
    let (mut after, mut told) = (None, 0);
    loop {
        let events = store::page(db, about, days.span(), after, PAGE).await?;
        let Some(last) = events.last() else { return Ok(told) };
        after = Some(last.id);
        let names = Names {
            workers: workers(db, &app.keys, events.iter().filter_map(|event| event.staff_id)).await?,
            institutions: institution_names(db, events.iter().filter_map(|event| event.institution_id))
                .await?,
            handbooks: handbooks::store::by_ids(db, events.iter().filter_map(|event| event.handbook_id))
                .await?,
        };
        events.iter().for_each(|event| line(&names.line(event)));
        told += events.len() as u64;
    }
}

struct Names {
    workers: HashMap<StaffId, Worker>,
    institutions: HashMap<InstitutionId, String>,
    handbooks: HashMap<HandbookId, handbook::Model>,
}

impl Names {
    fn line(&self, event: &audit_event::Model) -> Line {
        let handbook = event.handbook_id.map(|id| match self.handbooks.get(&id) {
            Some(handbook) => handbook.number.clone(),
            None => id.to_string(),
        });
        Line {
            at: domain::calendar::in_china(event.at),
            handbook: handbook.unwrap_or_default(),
            kind: event.kind.clone(),
            who: self.who(event),
            what: event.operation.clone().unwrap_or_else(|| event.action.clone()),
            why: event.tie.clone().unwrap_or_default(),
            request: event.request_id.map(|id| id.to_string()).unwrap_or_default(),
        }
    }

    fn who(&self, event: &audit_event::Model) -> String {
        if let Some(staff) = event.staff_id {
            let worker = self.workers.get(&staff);
            let name = worker.map_or_else(|| staff.to_string(), |worker| worker.name.clone());
            let institution = event.institution_id.and_then(|id| self.institutions.get(&id));
            return institution.map_or(name.clone(), |institution| format!("{name} ({institution})"));
        }
        match (event.user_id, &event.command) {
            (Some(user), _) => format!("family {user}"),
            (None, Some(command)) => format!("at the server: {command}"),
            (None, None) => "nobody known".to_owned(),
        }
    }
}
