//! Rows of visits, and what a desk sees of whom a visit is about.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::start_of_day;
use domain::id::{HandbookId, InstitutionId, PersonId, StaffId, VisitId};
use domain::member::MemberRole;
use domain::person::{IdNumber, mask_name};
use domain::place::Scope;
use domain::visit::{EmergencyReason, Visit, VisitKind};
use sea_orm::sea_query::Cond;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::children::store::{self as children, born};
use crate::db::entities::{
    break_glass, child, handbook, institution, member, person, pregnancy, visit, wechat_user,
};
use crate::db::rows_in;
use crate::db::statement;
use crate::error::ApiError;
use crate::handbooks::store::{self as handbooks, may_be_listed};
use crate::keys::{Keys, Place, places};
use crate::people::{self, Identity};
use crate::pregnancies::store::{self as pregnancies, woman_died_on};
use crate::review::Finding;

/// A visit to be opened.
#[derive(Debug, Clone, Copy)]
pub struct NewVisit<'a> {
    /// Whose handbook.
    pub handbook: HandbookId,
    /// The institution that may read.
    pub institution: InstitutionId,
    /// Who opened it.
    pub staff: StaffId,
    /// How.
    pub kind: VisitKind,
    /// Why, where there was no code.
    pub reason: Option<&'a str>,
}

/// Keeps a new visit.
pub async fn insert(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    new: NewVisit<'_>,
    now: DateTime<Utc>,
) -> Result<visit::Model, ApiError> {
    let id = VisitId(Uuid::now_v7());
    let seal = |reason| keys.seal(Place::new(places::VISIT_REASON, id.0), reason).map_err(ApiError::Internal);
    let span = Visit::open(new.kind, now);
    let row = visit::Model {
        id,
        handbook_id: new.handbook,
        institution_id: new.institution,
        staff_id: new.staff,
        kind: new.kind,
        reason: new.reason.map(seal).transpose()?,
        opened_at: span.opened_at,
        ends_at: span.ends_at,
    };
    visit::Entity::insert(row.clone().into_active_model()).exec_without_returning(txn).await?;
    Ok(row)
}

/// Keeps what an emergency access adds to its visit. The county of the family's region answers for the review.
pub async fn insert_break_glass(
    txn: &impl ConnectionTrait,
    visit: VisitId,
    handbook: &handbook::Model,
    reason_code: EmergencyReason,
) -> Result<(), DbErr> {
    let row = break_glass::ActiveModel {
        visit_id: Set(visit),
        region_code: Set(handbook.region_code),
        reason_code: Set(reason_code),
        reviewed_at: Set(None),
        reviewed_by: Set(None),
        accepted: Set(None),
        note: Set(None),
    };
    break_glass::Entity::insert(row).exec_without_returning(txn).await.map(|_| ())
}

/// The reason of a visit, if one was given.
pub fn reason(keys: &Keys, visit: &visit::Model) -> Result<Option<String>, ApiError> {
    let sealed = visit.reason.as_deref();
    sealed
        .map(|sealed| {
            keys.open(Place::new(places::VISIT_REASON, visit.id.0), sealed).map_err(ApiError::Internal)
        })
        .transpose()
}

/// Whether an institution still works.
pub async fn institution_works(db: &impl ConnectionTrait, id: InstitutionId) -> Result<bool, DbErr> {
    let found = institution::Entity::find_by_id(id).one(db).await?;
    Ok(found.is_some_and(|institution| institution.ended_at.is_none()))
}

/// The handbook of the person with an ID number, woman or child: of several the newest that is live, else the newest that
/// is kept for an emergency, else the newest.
pub async fn of_person(
    db: &impl ConnectionTrait,
    keys: &Keys,
    number: &IdNumber,
) -> Result<Option<handbook::Model>, ApiError> {
    let Some(person) = people::store::by_id_number(db, keys, number).await? else { return Ok(None) };
    let mut found = about(db, person.id).await?;
    let live = found.iter().position(|handbook| handbook.state.is_live());
    let kept = || found.iter().position(|handbook| handbook.blocked_until.is_some());
    let best = live.or_else(kept).unwrap_or(0);
    Ok(if found.is_empty() { None } else { Some(found.swap_remove(best)) })
}

/// The handbooks that are about a person, as the woman or as a child, the newest first.
async fn about(db: &impl ConnectionTrait, person: PersonId) -> Result<Vec<handbook::Model>, DbErr> {
    let mut about = Cond::any().add(handbook::COLUMN.woman_id.eq(person));
    for child in children::of_people(db, [person]).await? {
        about = about.add(handbook::COLUMN.id.eq(child.handbook_id));
    }
    let newest = handbook::Entity::find().filter(about).order_by_desc(handbook::COLUMN.created_at);
    newest.order_by_desc(handbook::COLUMN.id).all(db).await
}

/// A visit of an institution as one of its staff may know it: emergency access is personal.
pub async fn own(
    db: &impl ConnectionTrait,
    id: VisitId,
    institution: InstitutionId,
    staff: StaffId,
) -> Result<Option<visit::Model>, DbErr> {
    visit::Entity::find_by_id(id).filter(known_to(institution, staff)).one(db).await
}

/// The visits that an institution opened from a day to a day, the newest first.
pub async fn of_days(
    db: &impl ConnectionTrait,
    institution: InstitutionId,
    staff: StaffId,
    (from, to): (NaiveDate, NaiveDate),
    after: Option<(DateTime<Utc>, VisitId)>,
    limit: u64,
) -> Result<Vec<visit::Model>, DbErr> {
    let next_day = to.succ_opt().unwrap_or(NaiveDate::MAX);
    let mut visits = visit::Entity::find()
        .filter(known_to(institution, staff))
        .filter(visit::COLUMN.opened_at.gte(start_of_day(from)))
        .filter(visit::COLUMN.opened_at.lt(start_of_day(next_day)))
        .filter(
            Cond::any()
                .add(visit::COLUMN.kind.eq(VisitKind::BreakGlass))
                .add(may_be_listed((visit::Entity, visit::Column::HandbookId))),
        );
    if let Some((opened_at, id)) = after {
        let same_instant =
            Cond::all().add(visit::COLUMN.opened_at.eq(opened_at)).add(visit::COLUMN.id.lt(id));
        let earlier = Cond::any().add(visit::COLUMN.opened_at.lt(opened_at)).add(same_instant);
        visits = visits.filter(earlier);
    }
    let newest = visits.order_by_desc(visit::COLUMN.opened_at).order_by_desc(visit::COLUMN.id);
    newest.limit(limit).all(db).await
}

fn known_to(institution: InstitutionId, staff: StaffId) -> Cond {
    let shared =
        Cond::any().add(visit::COLUMN.kind.ne(VisitKind::BreakGlass)).add(visit::COLUMN.staff_id.eq(staff));
    Cond::all().add(visit::COLUMN.institution_id.eq(institution)).add(shared)
}

/// Ends an open visit and says whether it was open.
pub async fn end(txn: &impl ConnectionTrait, id: VisitId, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let end = statement(
        txn.get_database_backend(),
        "UPDATE visit SET ends_at = ? WHERE id = ? AND ends_at > ?",
        [now.into(), id.into(), now.into()],
    );
    Ok(txn.execute_raw(end).await?.rows_affected() == 1)
}

/// A visit of a handbook.
pub async fn of_handbook(
    db: &impl ConnectionTrait,
    id: VisitId,
    handbook: HandbookId,
) -> Result<Option<visit::Model>, DbErr> {
    visit::Entity::find_by_id(id).filter(visit::COLUMN.handbook_id.eq(handbook)).one(db).await
}

/// Emergency accesses to handbooks of a scope, the newest first, with their visits.
pub async fn break_glass_in(
    db: &impl ConnectionTrait,
    scope: Scope,
    reviewed: bool,
    after: Option<VisitId>,
    limit: u64,
) -> Result<Vec<(break_glass::Model, visit::Model)>, DbErr> {
    let range = scope.range();
    let mut rows = break_glass::Entity::find()
        .filter(break_glass::Column::RegionCode.between(*range.start(), *range.end()))
        .filter(if reviewed {
            break_glass::COLUMN.reviewed_at.is_not_null()
        } else {
            break_glass::COLUMN.reviewed_at.is_null()
        });
    if let Some(after) = after {
        rows = rows.filter(break_glass::COLUMN.visit_id.lt(after));
    }
    let rows = rows.order_by_desc(break_glass::COLUMN.visit_id).limit(limit).all(db).await?;
    let ids = rows.iter().map(|row| row.visit_id);
    let visits = rows_in(db, visit::Entity::find(), visit::Column::Id, ids).await?;
    let mut visits: HashMap<_, _> = visits.into_iter().map(|visit| (visit.id, visit)).collect();
    Ok(rows.into_iter().filter_map(|row| visits.remove(&row.visit_id).map(|visit| (row, visit))).collect())
}

/// One emergency access to a handbook of a scope, with its visit.
pub async fn one_break_glass_in(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: VisitId,
) -> Result<Option<(break_glass::Model, visit::Model)>, DbErr> {
    let Some(row) = break_glass::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    if !scope.holds(row.region_code) {
        return Ok(None);
    }
    Ok(visit::Entity::find_by_id(id).one(db).await?.map(|visit| (row, visit)))
}

/// Keeps a finding unless somebody reviewed the access before; says whether it was kept.
pub(super) async fn review(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    id: VisitId,
    finding: &Finding,
    now: DateTime<Utc>,
) -> Result<bool, ApiError> {
    let place = Place::new(places::BREAK_GLASS_NOTE, id.0);
    let note =
        finding.note.as_deref().map(|note| keys.seal(place, note)).transpose().map_err(ApiError::Internal)?;
    let keep = statement(
        txn.get_database_backend(),
        "UPDATE break_glass SET reviewed_at = ?, reviewed_by = ?, accepted = ?, note = ? \
         WHERE visit_id = ? AND reviewed_at IS NULL",
        [now.into(), finding.reviewer.into(), finding.accepted.into(), note.into(), id.into()],
    );
    Ok(txn.execute_raw(keep).await?.rows_affected() == 1)
}

/// The note of a review.
pub fn note(keys: &Keys, row: &break_glass::Model) -> Result<Option<String>, ApiError> {
    let place = Place::new(places::BREAK_GLASS_NOTE, row.visit_id.0);
    row.note.as_deref().map(|note| keys.open(place, note).map_err(ApiError::Internal)).transpose()
}

/// The people whom a handbook is about: the woman (or a child's guardian in her place) and the children. Asked for no
/// handbook it does the same work and finds nobody.
pub async fn subjects(
    db: &impl ConnectionTrait,
    keys: &Keys,
    handbook: Option<&handbook::Model>,
) -> Result<Vec<Identity>, ApiError> {
    let id = handbook.map_or(HandbookId(Uuid::nil()), |handbook| handbook.id);
    let children = born().filter(child::COLUMN.handbook_id.eq(id)).all(db).await?;
    let woman = handbook.and_then(|handbook| handbook.woman_id);
    identities(db, keys, children.iter().map(|child| child.person_id).chain(woman)).await
}

/// The people whose last four open a printed code: the subjects, and the owners and guardians who proved who they are.
pub async fn provers(
    db: &impl ConnectionTrait,
    keys: &Keys,
    handbook: &handbook::Model,
) -> Result<Vec<Identity>, ApiError> {
    let members = member::Entity::find()
        .filter(member::COLUMN.handbook_id.eq(handbook.id))
        .filter(member::COLUMN.ended_at.is_null())
        .filter(member::Column::Role.is_in([MemberRole::Owner, MemberRole::Guardian]))
        .all(db)
        .await?;
    let users = members.iter().map(|member| member.user_id);
    let users = rows_in(db, wechat_user::Entity::find(), wechat_user::Column::Id, users).await?;
    let mut people = subjects(db, keys, Some(handbook)).await?;
    people.extend(identities(db, keys, users.iter().filter_map(|user| user.person_id)).await?);
    // The phone that this family gave, which may be another than hers.
    let phone = handbooks::contact(db, keys, handbook.id).await?.flatten();
    people.push(Identity { phone, ..Identity::default() });
    Ok(people)
}

async fn identities(
    db: &impl ConnectionTrait,
    keys: &Keys,
    people: impl IntoIterator<Item = PersonId>,
) -> Result<Vec<Identity>, ApiError> {
    let people: BTreeSet<_> = people.into_iter().collect();
    let rows = rows_in(db, person::Entity::find(), person::Column::Id, people).await?;
    rows.iter().map(|row| people::store::identity(keys, row)).collect()
}

/// A handbook as it stands in a list: number and masked name.
#[derive(Debug, Clone)]
pub struct Masked {
    /// The number as stored.
    pub number: String,
    /// The woman's name, or a child's where there is no woman, masked.
    pub name: String,
}

/// Handbooks as they stand in a list.
pub async fn masked(
    db: &impl ConnectionTrait,
    keys: &Keys,
    ids: impl IntoIterator<Item = HandbookId>,
) -> Result<HashMap<HandbookId, Masked>, ApiError> {
    let ids: BTreeSet<_> = ids.into_iter().collect();
    let handbooks = rows_in(db, handbook::Entity::find(), handbook::Column::Id, ids).await?;
    let without_woman = handbooks.iter().filter(|handbook| handbook.woman_id.is_none());
    let children = born().order_by_desc(child::COLUMN.born_on).order_by_desc(child::COLUMN.birth_order);
    let ids = without_woman.map(|handbook| handbook.id);
    let children = rows_in(db, children, child::Column::HandbookId, ids).await?;
    // The first-born is collected last and stays.
    let first: HashMap<_, _> = children.iter().map(|child| (child.handbook_id, child.person_id)).collect();
    let about = |handbook: &handbook::Model| handbook.woman_id.or(first.get(&handbook.id).copied());
    let people: BTreeSet<_> = handbooks.iter().filter_map(about).collect();
    let rows = rows_in(db, person::Entity::find(), person::Column::Id, people).await?;
    let mut names = HashMap::new();
    for row in &rows {
        names.insert(row.id, mask_name(&people::store::identity(keys, row)?.name));
    }
    let masked = handbooks.iter().map(|handbook| {
        let name = about(handbook).and_then(|person| names.get(&person).cloned()).unwrap_or_default();
        (handbook.id, Masked { number: handbook.number.clone(), name })
    });
    Ok(masked.collect())
}

/// The people and the pregnancy that stand on the cover.
#[derive(Debug)]
pub struct Cover {
    /// The woman.
    pub woman: Option<(person::Model, Identity)>,
    /// The children, the first-born first.
    pub children: Vec<(child::Model, person::Model, Identity)>,
    /// The day on which the woman died.
    pub woman_died_on: Option<NaiveDate>,
    /// The pregnancy that is open.
    pub pregnancy: Option<pregnancy::Model>,
    /// Name of the managing institution.
    pub managing: String,
}

/// What stands on the cover of a handbook.
pub async fn cover(
    db: &impl ConnectionTrait,
    keys: &Keys,
    handbook: &handbook::Model,
) -> Result<Cover, ApiError> {
    let children = children::of_handbook(db, handbook.id).await?;
    let ids = children.iter().map(|child| child.person_id).chain(handbook.woman_id);
    let rows = rows_in(db, person::Entity::find(), person::Column::Id, ids).await?;
    let mut people = HashMap::new();
    for row in rows {
        let identity = people::store::identity(keys, &row)?;
        people.insert(row.id, (row, identity));
    }
    let woman = handbook.woman_id.and_then(|woman| people.remove(&woman));
    let children = children.into_iter().filter_map(|child| {
        let (row, identity) = people.remove(&child.person_id)?;
        Some((child, row, identity))
    });
    let children = children.collect();
    let pregnancies = pregnancies::of_handbook(db, handbook.id).await?;
    let woman_died_on = woman_died_on(handbook, &pregnancies);
    let pregnancy = pregnancies.into_iter().find(|pregnancy| pregnancy.outcome.is_none());
    let managing = institution::Entity::find_by_id(handbook.managing_id).one(db).await?;
    let managing = managing.map(|institution| institution.name).unwrap_or_default();
    Ok(Cover { woman, children, woman_died_on, pregnancy, managing })
}
