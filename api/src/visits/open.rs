//! Opening a visit: what is the same however it is opened.

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Action, OfficeAction, Role, Tie};
use domain::audit::Kind as Told;
use domain::calendar::clock_in_china;
use domain::handbook::Group;
use domain::handbook::number::HandbookNumber;
use domain::id::{ChildId, HandbookId, InstitutionId, VisitId};
use domain::person::{Sex, mask_name};
use domain::pregnancy::{Dates, as_weeks};
use domain::usage::Evidence;
use domain::visit::VisitKind;
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store::{self, NewVisit};
use crate::access::{facts, log};
use crate::app::App;
use crate::audit::Events;
use crate::db::entities::{handbook, visit};
use crate::error::ApiError;
use crate::notices::{self, Kind};
use crate::problem::Code;
use crate::session::Staff;
use crate::usage::count;

/// An open visit, with what a desk needs to see that the right person stands before it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Opened {
    #[schema(value_type = Uuid)]
    id: VisitId,
    /// The handbook that may be read now.
    #[schema(value_type = Uuid)]
    handbook: HandbookId,
    /// How the visit was opened.
    #[schema(value_type = String)]
    kind: VisitKind,
    opened_at: DateTime<Utc>,
    /// Until when history may be read and records attached.
    ends_at: DateTime<Utc>,
    cover: Desk,
}

impl Opened {
    /// The visit.
    pub(super) fn id(&self) -> VisitId {
        self.id
    }
}

/// The first answer of whoever opened a visit, while it lasts: what the family or time has ended is not read again by sending
/// the request again. Reading it again is a read.
pub(super) async fn given_again(
    app: &App,
    staff: &Staff,
    answer: HttpResponse,
) -> Result<HttpResponse, ApiError> {
    #[derive(Deserialize)]
    struct First {
        id: VisitId,
    }
    let (head, body) = answer.into_parts();
    let body = body.try_into_bytes();
    let body =
        body.map_err(|_| ApiError::internal(anyhow::anyhow!("an answer that is given again is whole")))?;
    let First { id } = serde_json::from_slice(&body).map_err(ApiError::internal)?;
    let visit = facts::visit(app.db.read(), id).await?.ok_or_else(|| ApiError::told(Code::NotFound))?;
    if visit.ends_at <= app.now() {
        return Err(ApiError::with(Code::VisitOver, "ended_at", clock_in_china(visit.ends_at)));
    }
    let read = staff.event(Told::Read, Told::AnsweredAgain.code()).at(visit.handbook_id).visit(id);
    Events::from(read).write(app.db.write(), app.now()).await?;
    Ok(head.set_body(body).map_into_boxed_body())
}

/// What stands on the cover.
#[derive(Debug, Serialize, ToSchema)]
struct Desk {
    /// The number as printed.
    number: String,
    /// To whom the handbook was issued.
    #[schema(value_type = String)]
    group: Group,
    /// The woman; a kindergarten sees her name masked and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    woman: Option<DeskWoman>,
    children: Vec<DeskChild>,
    /// The pregnancy that is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pregnancy: Option<DeskPregnancy>,
    /// Name of the managing institution.
    managing_institution: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct DeskWoman {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    birth_date: Option<NaiveDate>,
    /// The day on which she died.
    #[serde(skip_serializing_if = "Option::is_none")]
    died_on: Option<NaiveDate>,
}

#[derive(Debug, Serialize, ToSchema)]
struct DeskChild {
    #[schema(value_type = Uuid)]
    id: ChildId,
    name: String,
    #[schema(value_type = Option<String>)]
    sex: Option<Sex>,
    birth_date: Option<NaiveDate>,
    /// The day on which it died.
    #[serde(skip_serializing_if = "Option::is_none")]
    died_on: Option<NaiveDate>,
}

#[derive(Debug, Serialize, ToSchema)]
struct DeskPregnancy {
    due_date: NaiveDate,
    /// Completed weeks and days today, `30+2`.
    gestational_age: String,
}

/// Who opens which visit. The caller holds the handbook: it is live until the commit, and whoever writes what hangs on it
/// takes hold of it first too, so that nobody waits crosswise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) staff: &'a Staff,
    pub(super) institution: InstitutionId,
    pub(super) handbook: &'a handbook::Model,
    /// When: as the hold said.
    pub(super) at: DateTime<Utc>,
    pub(super) kind: VisitKind,
    pub(super) reason: Option<&'a str>,
}

impl Opening<'_> {
    /// A visit was opened, and its answer shows the cover.
    pub(super) fn events(&self, visit: VisitId) -> Events {
        let (tie, action) = match self.kind {
            VisitKind::BreakGlass => (Tie::BreakGlass, OfficeAction::BreakGlass),
            _ => (Tie::Visit, OfficeAction::OpenVisit),
        };
        let read = log::Read {
            handbook: self.handbook.id,
            action: Action::ReadCover,
            tie: Some(tie),
            visit: Some(visit),
        };
        let opened = self.staff.wrote(action.code()).at(self.handbook.id).visit(visit);
        Events::from(opened).and(read.by(self.staff))
    }
}

/// The institution for which a staff member opens visits; one that ended its work opens none.
pub(super) async fn working_institution(app: &App, staff: &Staff) -> Result<InstitutionId, ApiError> {
    let institution = staff.institution()?;
    if store::institution_works(app.db.read(), institution).await? {
        Ok(institution)
    } else {
        Err(ApiError::told(Code::OutOfScope))
    }
}

/// Opens a visit in the caller's transaction: the family is told, the use is counted. What [`Opening::events`] says is
/// written with the answer; say `live.changed` after the commit.
pub(super) async fn open(
    app: &App,
    txn: &impl ConnectionTrait,
    opening: Opening<'_>,
) -> Result<Opened, ApiError> {
    let Opening { staff, institution, handbook, at: now, kind, reason } = opening;
    if let Some(notice) = notice_of(kind) {
        notices::store::tell(txn, handbook.id, notice, Some(institution), None, now).await?;
    }
    let new = NewVisit { handbook: handbook.id, institution, staff: staff.id, kind, reason };
    let visit = store::insert(txn, &app.keys, new, now).await?;
    if kind.is_scan() {
        count::evidence(txn, handbook, Evidence::Scan, now).await?;
    }
    opened(app, txn, staff, handbook, &visit).await
}

/// What members are told. They showed the dynamic code themselves: it only changes what their phone shows.
fn notice_of(kind: VisitKind) -> Option<Kind> {
    match kind {
        VisitKind::DynamicCode => None,
        VisitKind::PrintedCode => Some(Kind::VisitByPrintedCode),
        VisitKind::IdCard => Some(Kind::VisitByIdCard),
        VisitKind::BreakGlass => Some(Kind::BreakGlass),
    }
}

async fn opened(
    app: &App,
    db: &impl ConnectionTrait,
    staff: &Staff,
    handbook: &handbook::Model,
    visit: &visit::Model,
) -> Result<Opened, ApiError> {
    Ok(Opened {
        id: visit.id,
        handbook: handbook.id,
        kind: visit.kind,
        opened_at: visit.opened_at,
        ends_at: visit.ends_at,
        cover: desk(app, db, staff, handbook).await?,
    })
}

async fn desk(
    app: &App,
    db: &impl ConnectionTrait,
    staff: &Staff,
    handbook: &handbook::Model,
) -> Result<Desk, ApiError> {
    let sees_woman = staff.is(Role::Clinician) || staff.is(Role::HandbookAdministrator);
    let store::Cover { woman, children, woman_died_on, pregnancy, managing } =
        store::cover(db, &app.keys, handbook).await?;
    let woman = woman.map(|(row, identity)| {
        if sees_woman {
            DeskWoman { name: identity.name, birth_date: row.born_on, died_on: woman_died_on }
        } else {
            DeskWoman { name: mask_name(&identity.name), birth_date: None, died_on: None }
        }
    });
    let children = children.into_iter().map(|(child, row, identity)| DeskChild {
        id: child.id,
        name: identity.name,
        sex: row.sex,
        birth_date: row.born_on,
        died_on: child.ended_on,
    });
    let pregnancy = pregnancy.filter(|_| sees_woman).map(|open| DeskPregnancy {
        due_date: open.due_on,
        gestational_age: as_weeks(Dates::gestational_days(open.due_on, app.today())),
    });
    let number = HandbookNumber::parse(&handbook.number).map_err(ApiError::internal)?;
    Ok(Desk {
        number: number.printed(),
        group: handbook.issued_group,
        woman,
        children: children.collect(),
        pregnancy,
        managing_institution: managing,
    })
}
