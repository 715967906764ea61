//! Rows of handbooks, of their issues, and of what desks did to them.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Action, Role};
use domain::handbook::issuing::IssuingRight;
use domain::handbook::number::HandbookNumber;
use domain::handbook::{CloseReason, State};
use domain::id::{DeskActId, HandbookId, InstitutionId, IssuanceId, PersonId, UserId};
use domain::place::{RegionCode, RegionLevel};
use domain::visit::{LATE_RESULTS, VisitKind};
use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, OnConflict, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, TryInsertResult, UpdateMany,
};
use uuid::Uuid;

use crate::access::{Access, InHandbook, must_be_live};
use crate::app::App;
use crate::db::entities::{
    catchment, delegation, desk_act, handbook, handbook_contact, institution, issuance, region, staff, visit,
    wechat_user,
};
use crate::db::rows_in;
use crate::db::statement;
use crate::error::ApiError;
use crate::keys::{Keys, Place, places};
use crate::problem::Code;
use crate::session::Staff;

/// The handbook with an id.
pub async fn by_id(db: &impl ConnectionTrait, id: HandbookId) -> Result<Option<handbook::Model>, DbErr> {
    handbook::Entity::find_by_id(id).one(db).await
}

/// The handbook with a printed number.
pub async fn by_number(
    db: &impl ConnectionTrait,
    number: &HandbookNumber,
) -> Result<Option<handbook::Model>, DbErr> {
    handbook::Entity::find().filter(handbook::COLUMN.number.eq(number.as_str())).one(db).await
}

/// The handbook whose slip has this hash.
pub async fn by_slip(db: &impl ConnectionTrait, hash: &[u8]) -> Result<Option<handbook::Model>, DbErr> {
    handbook::Entity::find().filter(handbook::COLUMN.slip_hash.eq(hash.to_vec())).one(db).await
}

/// The handbooks with these ids.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = HandbookId>,
) -> Result<HashMap<HandbookId, handbook::Model>, DbErr> {
    let found = rows_in(db, handbook::Entity::find(), handbook::Column::Id, ids).await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// The live handbook that waits for a pregnancy of this woman, or holds it.
pub async fn expecting(db: &impl ConnectionTrait, woman: PersonId) -> Result<Option<handbook::Model>, DbErr> {
    handbook::Entity::find().filter(handbook::COLUMN.expecting_id.eq(woman)).one(db).await
}

/// The handbooks of these women, of every state.
pub async fn of_women(
    db: &impl ConnectionTrait,
    women: impl IntoIterator<Item = PersonId>,
) -> Result<Vec<handbook::Model>, DbErr> {
    rows_in(db, handbook::Entity::find(), handbook::Column::WomanId, women).await
}

/// The live handbooks of these women, the first issued first.
pub async fn live_of_women(
    db: &impl ConnectionTrait,
    women: impl IntoIterator<Item = PersonId>,
) -> Result<Vec<handbook::Model>, DbErr> {
    let live = handbook::Entity::find().filter(handbook::Column::State.is_in(LIVE));
    let mut found = rows_in(db, live, handbook::Column::WomanId, women).await?;
    found.sort_by_key(|handbook| (handbook.created_at, handbook.id));
    Ok(found)
}

/// When each of these handbooks was first issued: of one that replaced another, when that was.
pub async fn first_issued(
    db: &impl ConnectionTrait,
    handbooks: &[&handbook::Model],
) -> Result<Vec<(HandbookId, DateTime<Utc>)>, DbErr> {
    let first = by_ids(db, handbooks.iter().map(|handbook| handbook.counts_as)).await?;
    let issued_at = |handbook: &handbook::Model| {
        first.get(&handbook.counts_as).map_or(handbook.created_at, |first| first.created_at)
    };
    Ok(handbooks.iter().map(|handbook| (handbook.id, issued_at(handbook))).collect())
}

/// Whether an institution answers for each of these handbooks: it manages or issued it, or the family is there on a visit.
pub async fn answers_for(
    db: &impl ConnectionTrait,
    institution: Option<InstitutionId>,
    handbooks: &[&handbook::Model],
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    for handbook in handbooks {
        if [handbook.managing_id, handbook.issued_by].map(Some).contains(&institution) {
            continue;
        }
        let visits = visit::Entity::find()
            .filter(visit::COLUMN.handbook_id.eq(handbook.id))
            .filter(visit::COLUMN.institution_id.eq(institution))
            .filter(visit::COLUMN.opened_at.gt(now - LATE_RESULTS))
            .filter(visit::COLUMN.ends_at.gt(now))
            .filter(visit::COLUMN.kind.ne(VisitKind::BreakGlass));
        if visits.one(db).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The phone that a desk wrote down for a handbook: `Some(None)` where it wrote down that there is none, `None` for a
/// handbook from before such phones were kept, for which what is known of the woman counts.
pub async fn contact(
    db: &impl ConnectionTrait,
    keys: &Keys,
    id: HandbookId,
) -> Result<Option<Option<String>>, ApiError> {
    let found = handbook_contact::Entity::find().filter(handbook_contact::COLUMN.handbook_id.eq(id));
    let Some(row) = found.one(db).await? else { return Ok(None) };
    let phone: String = keys.open(contact_place(row.id), &row.phone).map_err(ApiError::Internal)?;
    Ok(Some(Some(phone).filter(|phone| !phone.is_empty())))
}

/// Writes down the phone of a handbook that the transaction holds, or that there is none.
pub async fn set_contact(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    handbook: HandbookId,
    phone: Option<&str>,
) -> Result<(), ApiError> {
    forget_contact(txn, handbook).await?;
    let id = Uuid::now_v7();
    let sealed = keys.seal(contact_place(id), phone.unwrap_or_default()).map_err(ApiError::Internal)?;
    let row = handbook_contact::Model { id, handbook_id: handbook, phone: sealed };
    handbook_contact::Entity::insert(row.into_active_model()).exec_without_returning(txn).await?;
    Ok(())
}

/// Forgets the phone of a handbook.
pub async fn forget_contact(txn: &impl ConnectionTrait, handbook: HandbookId) -> Result<(), DbErr> {
    let of_handbook = handbook_contact::COLUMN.handbook_id.eq(handbook);
    handbook_contact::Entity::delete_many().filter(of_handbook).exec(txn).await.map(|_| ())
}

fn contact_place(id: Uuid) -> Place {
    Place::new(places::HANDBOOK_CONTACT_PHONE, id)
}

/// Before what is known of a woman changes: her handbooks from before phones were kept keep the phone of now, so that a phone
/// that is written down for one proves nobody in another.
pub async fn settle_contacts(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    handbooks: &[&handbook::Model],
    phone: Option<&str>,
) -> Result<(), ApiError> {
    for handbook in handbooks {
        if contact(txn, keys, handbook.id).await?.is_none() {
            set_contact(txn, keys, handbook.id, phone).await?;
        }
    }
    Ok(())
}

/// Takes hold of a handbook for the rest of the transaction and gives it as it is now: whoever changes the same handbook
/// at the same moment waits here. Its change number is raised, so that whoever follows it looks.
pub async fn hold(txn: &impl ConnectionTrait, id: HandbookId) -> Result<handbook::Model, ApiError> {
    held(txn, holding(id)).await
}

fn holding(id: HandbookId) -> UpdateMany<handbook::Entity> {
    handbook::Entity::update_many()
        .col_expr(handbook::Column::ChangeSeq, Expr::col(handbook::Column::ChangeSeq).add(1))
        .filter(handbook::COLUMN.id.eq(id))
}

async fn held(
    txn: &impl ConnectionTrait,
    holding: UpdateMany<handbook::Entity>,
) -> Result<handbook::Model, ApiError> {
    let held = holding.exec_with_returning(txn).await?;
    held.into_iter().next().ok_or_else(|| ApiError::told(Code::NotFound))
}

/// Takes hold of a live handbook for a record or a visit, and gives the instant at which that is received: now, but never
/// before the one before it, although replicas differ in their clocks and a clock may be set back.
pub async fn hold_to_write(
    app: &App,
    txn: &impl ConnectionTrait,
    id: HandbookId,
) -> Result<(handbook::Model, DateTime<Utc>), ApiError> {
    let now = app.now();
    let latest = Expr::col(handbook::Column::WrittenAt);
    let later = Expr::case(latest.clone().gt(now), latest).finally(now);
    let held = held(txn, holding(id).col_expr(handbook::Column::WrittenAt, later.into())).await?;
    must_be_live(&held)?;
    let at = held.written_at.unwrap_or(now);
    Ok((held, at))
}

/// Takes hold of a handbook that must be live.
pub async fn hold_live(txn: &impl ConnectionTrait, id: HandbookId) -> Result<handbook::Model, ApiError> {
    let held = hold(txn, id).await?;
    must_be_live(&held)?;
    Ok(held)
}

/// Takes hold of a live handbook for a caller whom the guard judged, and judges again: whoever changed how the caller stands
/// to it since then is over by now, or waits here.
pub async fn hold_as<A: InHandbook>(
    txn: &impl ConnectionTrait,
    access: &Access<A>,
) -> Result<handbook::Model, ApiError> {
    let held = hold_live(txn, access.handbook.id).await?;
    access.judge_again(txn, &held).await?;
    Ok(held)
}

/// Keeps a new handbook, or nothing (`false`) when its id is used or the woman has a handbook already.
pub async fn insert(txn: &impl ConnectionTrait, row: &handbook::Model) -> Result<bool, DbErr> {
    let taken = OnConflict::new().do_nothing().to_owned();
    let insert = handbook::Entity::insert(row.clone().into_active_model()).on_conflict(taken);
    match insert.try_insert().exec(txn).await? {
        TryInsertResult::Inserted(_) => Ok(true),
        TryInsertResult::Conflicted | TryInsertResult::Empty => Ok(false),
    }
}

/// Changes columns of a handbook that is in one of these states and raises its version; `false` when it is in none.
pub async fn change(
    txn: &impl ConnectionTrait,
    id: HandbookId,
    from: &[State],
    change: handbook::ActiveModel,
) -> Result<bool, DbErr> {
    let change = raised(change)
        .filter(handbook::COLUMN.id.eq(id))
        .filter(handbook::COLUMN.state.is_in(from.iter().copied()));
    Ok(change.exec(txn).await?.rows_affected == 1)
}

fn raised(change: handbook::ActiveModel) -> UpdateMany<handbook::Entity> {
    let next = Expr::col(handbook::Column::Version).add(1);
    handbook::Entity::update_many().set(change).col_expr(handbook::Column::Version, next)
}

/// The states in which a handbook lives.
pub const LIVE: [State; 2] = [State::Issued, State::Claimed];

/// Whether the handbook that a row of a list names may stand in it: what is blocked stands in none.
pub fn may_be_listed(handbook: impl IntoColumnRef) -> Expr {
    let open = Query::select()
        .expr(Expr::value(1))
        .from(handbook::Entity)
        .and_where(Expr::col((handbook::Entity, handbook::Column::Id)).eq(Expr::col(handbook)))
        .and_where(Expr::col((handbook::Entity, handbook::Column::BlockedUntil)).is_null())
        .to_owned();
    Expr::exists(open)
}

/// Closes a live handbook: nobody can be issued its place any more than before, its slip is void, and its woman and
/// children may be issued another.
pub async fn close(
    txn: &impl ConnectionTrait,
    id: HandbookId,
    reason: CloseReason,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let closed = handbook::ActiveModel {
        state: Set(State::Closed),
        closed_at: Set(Some(now)),
        close_reason: Set(Some(reason)),
        expecting_id: Set(None),
        ..no_slip()
    };
    if !change(txn, id, &LIVE, closed).await? {
        return Ok(false);
    }
    crate::children::store::release(txn, id).await?;
    Ok(true)
}

/// Opens a handbook again that was closed in error, with the woman for whom it waits.
pub async fn reopen(
    txn: &impl ConnectionTrait,
    id: HandbookId,
    state: State,
    expecting: Option<PersonId>,
) -> Result<bool, DbErr> {
    let open = handbook::ActiveModel {
        state: Set(state),
        closed_at: Set(None),
        close_reason: Set(None),
        expecting_id: Set(expecting),
        ..Default::default()
    };
    change(txn, id, &[State::Closed], open).await
}

/// Writes down the day on which the woman of a live handbook died: it waits for no pregnancy of hers any more. `None` when
/// her death is recorded already.
pub async fn end_woman(
    txn: &impl ConnectionTrait,
    id: HandbookId,
    died_on: NaiveDate,
) -> Result<Option<handbook::Model>, DbErr> {
    let died = handbook::ActiveModel {
        woman_died_on: Set(Some(died_on)),
        expecting_id: Set(None),
        ..Default::default()
    };
    let change = raised(died).filter(handbook::COLUMN.id.eq(id));
    let change = change.filter(handbook::COLUMN.woman_died_on.is_null());
    Ok(change.exec_with_returning(txn).await?.into_iter().next())
}

/// Takes back the death of a woman that was recorded in error; `None` when none is recorded.
pub async fn revive_woman(
    txn: &impl ConnectionTrait,
    id: HandbookId,
) -> Result<Option<handbook::Model>, DbErr> {
    let alive = handbook::ActiveModel { woman_died_on: Set(None), ..Default::default() };
    let change = raised(alive).filter(handbook::COLUMN.id.eq(id));
    let change = change.filter(handbook::COLUMN.woman_died_on.is_not_null());
    Ok(change.exec_with_returning(txn).await?.into_iter().next())
}

/// A change by which no slip is good any more.
pub fn no_slip() -> handbook::ActiveModel {
    handbook::ActiveModel {
        slip_hash: Set(None),
        slip_expires_at: Set(None),
        slip_relation: Set(None),
        slip_member_id: Set(None),
        ..Default::default()
    }
}

/// The next number of a county's year. Its row stays locked until the commit: of two issues of a county at the same
/// moment the second sees what the first did.
pub async fn next_number(
    txn: &impl ConnectionTrait,
    county: RegionCode,
    year: i32,
) -> Result<HandbookNumber, ApiError> {
    let next = statement(
        txn.get_database_backend(),
        "INSERT INTO number_series (county_code, year, last_serial) VALUES (?, ?, 1) \
         ON CONFLICT (county_code, year) DO UPDATE SET last_serial = number_series.last_serial + 1 \
         RETURNING last_serial",
        [county.into(), year.into()],
    );
    let row = txn.query_one_raw(next).await?;
    let serial: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
    serial
        .and_then(|serial| HandbookNumber::new(county, year, serial))
        .ok_or_else(|| ApiError::told(Code::NumbersUsedUp))
}

/// Whether somebody can live at a region of this code: a county or something below it. Three cities have no counties and
/// carry their code at both levels.
pub async fn is_address(db: &impl ConnectionTrait, code: RegionCode) -> Result<bool, DbErr> {
    let found = region::Entity::find()
        .filter(region::COLUMN.code.eq(code))
        .filter(region::COLUMN.level.is_in([RegionLevel::County, RegionLevel::Town, RegionLevel::Village]));
    Ok(found.one(db).await?.is_some())
}

/// The institution that manages who lives at an address: of the village, else of the town, else of the county.
pub async fn managing_at(
    db: &impl ConnectionTrait,
    address: RegionCode,
) -> Result<Option<institution::Model>, DbErr> {
    let levels = [RegionLevel::Village, RegionLevel::Town, RegionLevel::County];
    let at = |level: RegionLevel| {
        Condition::all()
            .add(catchment::COLUMN.region_code.eq(address.at(level)))
            .add(catchment::COLUMN.region_level.eq(level))
    };
    let places = levels.into_iter().fold(Condition::any(), |any, level| any.add(at(level)));
    let found = catchment::Entity::find().filter(places).all(db).await?;
    let working = institution::Entity::find().filter(institution::COLUMN.ended_at.is_null());
    let ids = found.iter().map(|place| place.institution_id);
    let working = rows_in(db, working, institution::Column::Id, ids).await?;
    let of_place =
        |place: &catchment::Model| working.iter().find(|found| found.id == place.institution_id).cloned();
    let nearest = found
        .iter()
        .filter_map(|place| Some((place.region_level, of_place(place)?)))
        .max_by_key(|(level, _)| *level);
    Ok(nearest.map(|(_, institution)| institution))
}

/// An institution that still works.
pub async fn institution(
    db: &impl ConnectionTrait,
    id: InstitutionId,
) -> Result<Option<institution::Model>, DbErr> {
    let working = institution::Entity::find_by_id(id).filter(institution::COLUMN.ended_at.is_null());
    working.one(db).await
}

/// Institutions by id, whether they still work or not.
pub async fn institutions(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = InstitutionId>,
) -> Result<HashMap<InstitutionId, institution::Model>, DbErr> {
    let found = rows_in(db, institution::Entity::find(), institution::Column::Id, ids).await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// What an institution has of what issuing needs (flow B9).
pub async fn issuing_right(
    db: &impl ConnectionTrait,
    institution: &institution::Model,
    today: NaiveDate,
) -> Result<IssuingRight, DbErr> {
    let administrator = match institution.administrator_id {
        Some(id) => staff::Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    let is_trained = |named: &staff::Model| {
        named.roles.0.contains(&Role::HandbookAdministrator)
            && named.institution_id == Some(institution.id)
            && named.trained_on.is_some_and(|on| on <= today)
            && named.left_on.is_none_or(|on| on > today)
    };
    Ok(IssuingRight {
        service_point: institution.is_service_point,
        trained_administrator: administrator.as_ref().is_some_and(is_trained),
        groups: BTreeSet::from_iter(institution.issues_to.0.iter().copied()),
    })
}

/// Keeps an issue.
pub async fn keep_issuance(txn: &impl ConnectionTrait, row: &issuance::Model) -> Result<(), DbErr> {
    issuance::Entity::insert(row.clone().into_active_model()).exec_without_returning(txn).await.map(|_| ())
}

/// Something that staff change about a handbook, and why.
#[derive(Debug)]
pub struct Act<'a> {
    /// The handbook.
    pub handbook: HandbookId,
    /// What is done.
    pub action: Action,
    /// Who does it.
    pub staff: &'a Staff,
    /// Why.
    pub reason: &'a str,
    /// The person whose identity is corrected, and that identity as it was, still sealed for its place.
    pub person: Option<(PersonId, Vec<u8>)>,
}

/// Keeps what staff did.
pub async fn keep_act(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    act: Act<'_>,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    let id = DeskActId(Uuid::now_v7());
    let (person_id, before) = act.person.unzip();
    let row = desk_act::ActiveModel {
        id: Set(id),
        handbook_id: Set(act.handbook),
        action: Set(act.action),
        staff_id: Set(act.staff.id),
        institution_id: Set(act.staff.institution),
        person_id: Set(person_id),
        reason: Set(keys
            .seal(Place::new(places::DESK_ACT_REASON, id.0), act.reason)
            .map_err(ApiError::Internal)?),
        before: Set(before),
        done_at: Set(now),
    };
    desk_act::Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// Whether staff ever did this to a handbook.
pub async fn has_act(db: &impl ConnectionTrait, id: HandbookId, action: Action) -> Result<bool, DbErr> {
    let acts = desk_act::Entity::find()
        .filter(desk_act::COLUMN.handbook_id.eq(id))
        .filter(desk_act::COLUMN.action.eq(action));
    Ok(acts.one(db).await?.is_some())
}

/// The person that a user proved to be, if any.
pub async fn person_of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Option<PersonId>, DbErr> {
    Ok(wechat_user::Entity::find_by_id(user).one(db).await?.and_then(|row| row.person_id))
}

/// Ties a user to the person they proved to be, or unties them.
pub async fn set_person_of_user(
    txn: &impl ConnectionTrait,
    user: UserId,
    person: Option<PersonId>,
) -> Result<(), DbErr> {
    let row = wechat_user::ActiveModel { person_id: Set(person), ..Default::default() };
    let tie = wechat_user::Entity::update_many().set(row).filter(wechat_user::COLUMN.id.eq(user));
    tie.exec(txn).await.map(|_| ())
}

/// What was delegated to village doctors ends.
pub async fn end_delegations(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let ended = delegation::ActiveModel { ended_at: Set(Some(now)), ..Default::default() };
    let end = delegation::Entity::update_many()
        .set(ended)
        .filter(delegation::COLUMN.handbook_id.eq(handbook))
        .filter(delegation::COLUMN.ended_at.is_null());
    end.exec(txn).await.map(|_| ())
}

/// The latest issue of a handbook.
pub async fn issuance_of(
    db: &impl ConnectionTrait,
    id: HandbookId,
) -> Result<Option<issuance::Model>, DbErr> {
    let of_handbook = issuance::Entity::find().filter(issuance::COLUMN.handbook_id.eq(id));
    of_handbook.order_by_desc(issuance::COLUMN.id).one(db).await
}

/// Writes down why a rule of issuing was set aside, which was found out later.
pub async fn give_reason(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    id: IssuanceId,
    reason: &str,
) -> Result<(), ApiError> {
    let sealed = keys.seal(Place::new(places::ISSUANCE_OVERRIDE_REASON, id.0), reason);
    let given = issuance::ActiveModel {
        id: Set(id),
        override_reason: Set(Some(sealed.map_err(ApiError::Internal)?)),
        ..Default::default()
    };
    issuance::Entity::update(given).exec(txn).await?;
    Ok(())
}

/// Everything of a handbook follows to its successor. What stays is what is counted by the issue: issuances and the
/// evidence of use, which the successor finds by `counts_as`; and the audit log, which is sealed.
pub async fn hand_on(txn: &impl ConnectionTrait, old: HandbookId, new: HandbookId) -> Result<(), DbErr> {
    const FOLLOWING: [&str; 19] = [
        "handbook_contact",
        "pregnancy",
        "child",
        "member",
        "invitation",
        "consent",
        "consent_event",
        "correction_request",
        "record",
        "photo",
        "alert",
        "duty_handover",
        "notice",
        "visit",
        "delegation",
        "code",
        "desk_act",
        "rule_override",
        "live_ticket",
    ];
    for table in FOLLOWING {
        let sql = format!("UPDATE {table} SET handbook_id = ? WHERE handbook_id = ?");
        txn.execute_raw(statement(txn.get_database_backend(), &sql, [new.into(), old.into()])).await?;
    }
    Ok(())
}
