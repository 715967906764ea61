//! How a caller stands to a handbook, from rows.

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Action, Role, Standing, Tie, Verdict, may};
use domain::calendar::day_in_china;
use domain::id::{HandbookId, VisitId};
use domain::place::Region;
use domain::pregnancy::is_high_risk;
use domain::visit::{LATE_RESULTS, Visit, VisitKind};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, RelationDef,
};

use crate::app::App;
use crate::db::entities::{delegation, handbook, institution, member, pregnancy, record, visit};
use crate::error::ApiError;
use crate::session::{Caller, Staff, User};

/// A handbook and how the caller stands to it.
#[derive(Debug)]
pub struct Found {
    /// The handbook.
    pub handbook: handbook::Model,
    /// How the caller stands to it.
    pub standing: Standing,
    /// The visit of the own institution that gives the tie: one that is open, or the latest whose results may still come.
    pub visit: Option<visit::Model>,
    /// Of a member the version of the privacy text that they agreed to.
    pub agreed_to: Option<String>,
}

/// Loads the handbook and the relation; `None` when there is no such handbook or the caller is no member of it.
pub async fn of(
    app: &App,
    db: &impl ConnectionTrait,
    caller: &Caller,
    id: HandbookId,
) -> Result<Option<Found>, ApiError> {
    match caller {
        Caller::Family(user) => Ok(of_member(db, *user, id).await?),
        Caller::Staff(staff) => {
            let handbook = handbook::Entity::find_by_id(id).one(db).await?;
            let Some(handbook) = handbook else { return Ok(None) };
            let now = app.now();
            let visits = recent_visits(db, staff, id, now).await?;
            let ties = ties(db, staff, &handbook, &visits, now).await?;
            let standing = Standing::Staff { roles: staff.roles.clone(), ties };
            let visit = visit_of(&visits, now).cloned();
            Ok(Some(Found { handbook, standing, visit, agreed_to: None }))
        }
    }
}

/// Of the visits, the newest first, the one that gives most: an ordinary visit before emergency access, and what is open
/// before what is over and takes results only.
fn visit_of(visits: &[visit::Model], now: DateTime<Utc>) -> Option<&visit::Model> {
    let open = || visits.iter().filter(|visit| span(visit).is_open(now));
    let ordinary = open().find(|visit| visit.kind != VisitKind::BreakGlass);
    let over = || visits.iter().find(|visit| span(visit).takes_late_results(now));
    ordinary.or(open().next()).or_else(over)
}

/// The handbook and the place of one of its members, in the one query that every request of a family asks.
async fn of_member(db: &impl ConnectionTrait, user: User, id: HandbookId) -> Result<Option<Found>, DbErr> {
    let members: RelationDef = handbook::Entity::belongs_to(member::Entity)
        .from(handbook::Column::Id)
        .to(member::Column::HandbookId)
        .into();
    let live = handbook::Entity::find_by_id(id)
        .join(JoinType::InnerJoin, members)
        .filter(member::COLUMN.user_id.eq(user.id))
        .filter(member::COLUMN.ended_at.is_null())
        .select_also(member::Entity);
    let Some((handbook, Some(member))) = live.one(db).await? else { return Ok(None) };
    let standing = standing(&member);
    Ok(Some(Found { handbook, standing, visit: None, agreed_to: Some(member.agreed_to) }))
}

/// How a member stands to their handbook.
pub fn standing(member: &member::Model) -> Standing {
    Standing::Member { role: member.role, is_woman: member.is_woman }
}

/// The place of a user in a handbook of which they are a member.
pub async fn membership(
    db: &impl ConnectionTrait,
    user: User,
    id: HandbookId,
) -> Result<Option<member::Model>, DbErr> {
    let live = member::Entity::find()
        .filter(member::COLUMN.handbook_id.eq(id))
        .filter(member::COLUMN.user_id.eq(user.id))
        .filter(member::COLUMN.ended_at.is_null());
    live.one(db).await
}

/// A visit as it is now.
pub async fn visit(db: &impl ConnectionTrait, id: VisitId) -> Result<Option<visit::Model>, DbErr> {
    visit::Entity::find_by_id(id).one(db).await
}

/// Visits of the own institution whose results may still come, the newest first; emergency access is personal.
async fn recent_visits(
    db: &impl ConnectionTrait,
    staff: &Staff,
    id: HandbookId,
    now: DateTime<Utc>,
) -> Result<Vec<visit::Model>, DbErr> {
    let Some(institution) = staff.institution else { return Ok(Vec::new()) };
    let visits = visit::Entity::find()
        .filter(visit::COLUMN.handbook_id.eq(id))
        .filter(visit::COLUMN.institution_id.eq(institution))
        .filter(visit::COLUMN.opened_at.gt(now - LATE_RESULTS))
        .order_by_desc(visit::COLUMN.opened_at)
        .all(db)
        .await?;
    Ok(visits
        .into_iter()
        .filter(|visit| visit.kind != VisitKind::BreakGlass || visit.staff_id == staff.id)
        .collect())
}

fn span(visit: &visit::Model) -> Visit {
    Visit { kind: visit.kind, opened_at: visit.opened_at, ends_at: visit.ends_at }
}

async fn ties(
    db: &impl ConnectionTrait,
    staff: &Staff,
    handbook: &handbook::Model,
    visits: &[visit::Model],
    now: DateTime<Utc>,
) -> Result<Vec<Tie>, DbErr> {
    let mut ties = Vec::new();
    if handbook.blocked_until.is_some() {
        // Kept for the law and used for nothing but an emergency.
        let emergency =
            |visit: &visit::Model| visit.kind == VisitKind::BreakGlass && span(visit).is_open(now);
        ties.extend(visits.iter().any(emergency).then_some(Tie::BreakGlass));
        return Ok(ties);
    }
    for visit in visits {
        if span(visit).is_open(now) {
            ties.push(if visit.kind == VisitKind::BreakGlass { Tie::BreakGlass } else { Tie::Visit });
        } else if span(visit).takes_late_results(now) {
            ties.push(Tie::LateResults);
        }
    }
    if staff.institution == Some(handbook.managing_id) {
        ties.push(Tie::Managing);
    }
    if staff.institution == Some(handbook.issued_by) {
        ties.push(Tie::Issuing);
    }
    if staff.roles.iter().any(|role| role.is_regional()) && staff.region.holds(handbook.region_code) {
        ties.push(Tie::InRegion);
        if staff.is(Role::CountyMch) && has_high_risk(db, handbook.id, day_in_china(now)).await? {
            ties.push(Tie::HighRisk);
        }
    }
    if staff.is(Role::VillageWorker) && is_delegated(db, staff, handbook.id).await? {
        ties.push(Tie::Delegated);
    }
    if !may_correct(staff, &ties) && has_written(db, staff, handbook.id).await? {
        ties.push(Tie::Author);
    }
    ties.sort_unstable();
    ties.dedup();
    Ok(ties)
}

fn may_correct(staff: &Staff, ties: &[Tie]) -> bool {
    let standing = Standing::Staff { roles: staff.roles.clone(), ties: ties.to_vec() };
    matches!(may(&standing, Action::CorrectOwn), Verdict::Allowed(_))
}

/// An author corrects own records at any time, also when every visit is long over.
async fn has_written(db: &impl ConnectionTrait, staff: &Staff, id: HandbookId) -> Result<bool, DbErr> {
    let own = record::Entity::find()
        .filter(record::COLUMN.handbook_id.eq(id))
        .filter(record::COLUMN.staff_id.eq(staff.id))
        .limit(1);
    Ok(own.count(db).await? > 0)
}

/// County MCH sees clinical detail of high-risk cases.
async fn has_high_risk(db: &impl ConnectionTrait, id: HandbookId, today: NaiveDate) -> Result<bool, DbErr> {
    let of_handbook = pregnancy::Entity::find().filter(pregnancy::COLUMN.handbook_id.eq(id));
    let pregnancies = of_handbook.all(db).await?;
    let is_case = |row: &pregnancy::Model| {
        is_high_risk(row.risk_grade.as_deref(), row.risk_purple, row.ended_on, today)
    };
    Ok(pregnancies.iter().any(is_case))
}

/// Delegated by an institution in whose region the village worker works today.
async fn is_delegated(db: &impl ConnectionTrait, staff: &Staff, id: HandbookId) -> Result<bool, DbErr> {
    let Some(village) = staff.region.region() else { return Ok(false) };
    let delegating: RelationDef = delegation::Entity::belongs_to(institution::Entity)
        .from(delegation::Column::InstitutionId)
        .to(institution::Column::Id)
        .into();
    let live = delegation::Entity::find()
        .filter(delegation::COLUMN.handbook_id.eq(id))
        .filter(delegation::COLUMN.staff_id.eq(staff.id))
        .filter(delegation::COLUMN.ended_at.is_null())
        .join(JoinType::InnerJoin, delegating)
        .select_also(institution::Entity);
    let found = live.all(db).await?;
    let reaches = |by: &institution::Model| {
        by.ended_at.is_none() && Region { code: by.region_code, level: by.region_level }.holds(village.code)
    };
    Ok(found.iter().any(|(_, by)| by.as_ref().is_some_and(reaches)))
}
