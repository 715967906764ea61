//! Rows of what was asked for, and what each account was given on a day.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::audit::Kind;
use domain::calendar::start_of_day;
use domain::disclosure::{Asker, DisclosureState, Form, HOLDS, PersonList, TIMES, WAITS, goes_above};
use domain::id::{DisclosureId, HandbookId, StaffId};
use domain::place::{Region, RegionCode, RegionLevel};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use uuid::Uuid;

use crate::app::App;
use crate::audit::{self, Event};
use crate::db::entities::{disclosure, disclosure_day, disclosure_shown};
use crate::db::statement;
use crate::error::ApiError;
use crate::keys::{Place, places};
use crate::problem::Code;
use crate::session::Staff;

/// How long a file may be on its way before another may follow.
pub(super) const LONGEST_FILE: TimeDelta = TimeDelta::minutes(10);

/// Where the purpose is sealed.
pub fn purpose_place(id: DisclosureId) -> Place {
    Place::new(places::DISCLOSURE_PURPOSE, id.0)
}

/// Where the reason of a decision is sealed.
pub fn reason_place(id: DisclosureId) -> Place {
    Place::new(places::DISCLOSURE_REASON, id.0)
}

/// Who asked, as they stood then.
pub fn asker(row: &disclosure::Model) -> Asker {
    let region = Region { code: row.region_code, level: row.region_level };
    Asker { id: row.staff_id, region, goes_above: row.goes_above }
}

/// Keeps a request, unless its id is used.
pub async fn insert(txn: &impl ConnectionTrait, row: disclosure::Model) -> Result<bool, DbErr> {
    let used = OnConflict::column(disclosure::Column::Id).do_nothing().to_owned();
    let insert = disclosure::Entity::insert(row.into_active_model()).on_conflict(used);
    match insert.exec_without_returning(txn).await {
        Ok(rows) => Ok(rows == 1),
        Err(DbErr::RecordNotInserted) => Ok(false),
        Err(err) => Err(err),
    }
}

/// One request.
pub async fn by_id(db: &impl ConnectionTrait, id: DisclosureId) -> Result<Option<disclosure::Model>, DbErr> {
    disclosure::Entity::find_by_id(id).one(db).await
}

/// Whose requests are listed.
#[derive(Debug, Clone, Copy)]
pub enum Scope {
    /// What somebody asked for.
    Own(StaffId),
    /// What is asked for in a county.
    County(RegionCode),
    /// What a region above the counties decides on: of the county MCH in it, and of its own institutions.
    Above(Region),
}

/// Which requests are listed.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// In this state.
    pub state: Option<DisclosureState>,
    /// Those that nobody marked as seen, or those that somebody did.
    pub seen: Option<bool>,
}

/// Requests, the newest first.
pub async fn newest(
    db: &impl ConnectionTrait,
    scope: Scope,
    Filter { state, seen }: Filter,
    before: Option<DisclosureId>,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<disclosure::Model>, DbErr> {
    let rows = disclosure::Entity::find();
    let mut rows = match scope {
        Scope::Own(staff) => rows.filter(disclosure::COLUMN.staff_id.eq(staff)),
        Scope::County(code) => rows.filter(disclosure::COLUMN.county_code.eq(code)),
        Scope::Above(region) => {
            let range = region.range();
            rows.filter(Expr::col((disclosure::Entity, disclosure::Column::GoesAbove)))
                .filter(disclosure::COLUMN.county_code.between(*range.start(), *range.end()))
        }
    };
    if let Some(state) = state {
        rows = rows.filter(in_state(state, now));
    }
    if let Some(seen) = seen {
        let column = disclosure::COLUMN.seen_at;
        rows = rows.filter(if seen { column.is_not_null() } else { column.is_null() });
    }
    if let Some(before) = before {
        rows = rows.filter(disclosure::COLUMN.id.lt(before));
    }
    rows.order_by_desc(disclosure::COLUMN.id).limit(limit).all(db).await
}

/// In a state as it is told: time ends what the night has not marked yet.
fn in_state(state: DisclosureState, now: DateTime<Utc>) -> Condition {
    use DisclosureState as S;
    let is = |state| Condition::all().add(disclosure::COLUMN.state.eq(state));
    let decided_in_time = disclosure::COLUMN.asked_at.gt(now - WAITS);
    let holds = disclosure::COLUMN.holds_until.gt(now);
    match state {
        S::Waiting => is(S::Waiting).add(decided_in_time),
        S::Ready => is(S::Ready).add(holds),
        S::Expired => Condition::any()
            .add(is(S::Expired))
            .add(is(S::Waiting).add(disclosure::COLUMN.asked_at.lte(now - WAITS)))
            .add(is(S::Ready).add(disclosure::COLUMN.holds_until.lte(now))),
        state => is(state),
    }
}

/// The lines of a list to which an approval of somebody else's that still holds reaches; none is 0.
pub(super) async fn approved(
    db: &impl ConnectionTrait,
    staff: StaffId,
    key: &str,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let most = statement(
        db.get_database_backend(),
        "SELECT MAX(lines) AS lines FROM disclosure WHERE staff_id = ? AND list_key = ? AND holds_until > ? \
         AND decided_by IS NOT NULL AND state IN ('ready', 'taken')",
        [staff.into(), key.into(), now.into()],
    );
    let row = db.query_one_raw(most).await?;
    let lines: Option<i64> = row.map_or(Ok(None), |row| row.try_get("", "lines"))?;
    Ok(lines.and_then(|lines| u64::try_from(lines).ok()).unwrap_or(0))
}

/// Lines of the files that an account asked for on a day and was free to take. Its day is held until the transaction ends, so
/// that of two requests at the same moment the second knows of the first.
pub(super) async fn free_of_day(
    txn: &impl ConnectionTrait,
    staff: StaffId,
    day: NaiveDate,
) -> Result<u64, DbErr> {
    let hold = statement(
        txn.get_database_backend(),
        "INSERT INTO disclosure_day (staff_id, day, lines, exports) VALUES (?, ?, 0, 0) \
         ON CONFLICT (staff_id, day) DO UPDATE SET lines = disclosure_day.lines",
        [staff.into(), day.into()],
    );
    txn.execute_raw(hold).await?;
    let asked: Vec<(i64, Form)> = disclosure::Entity::find()
        .select_only()
        .column(disclosure::Column::Lines)
        .column(disclosure::Column::Form)
        .filter(disclosure::COLUMN.staff_id.eq(staff))
        .filter(disclosure::COLUMN.asked_at.gte(start_of_day(day)))
        .filter(disclosure::COLUMN.decided_at.is_null())
        .filter(disclosure::COLUMN.state.is_in([
            DisclosureState::Ready,
            DisclosureState::Taken,
            DisclosureState::Expired,
        ]))
        .into_tuple()
        .all(txn)
        .await?;
    let lines =
        asked.into_iter().filter(|(_, form)| *form != Form::Screen).map(|(lines, _)| lines.unsigned_abs());
    Ok(lines.sum())
}

/// Counts the handbooks that a page shows to somebody for the day, each once; refuses when the day's lines are used up.
pub(crate) async fn count_shown(
    app: &App,
    staff: &Staff,
    list: PersonList,
    handbooks: impl Iterator<Item = HandbookId>,
) -> Result<(), ApiError> {
    // In one order, so that two pages at the same moment never wait for each other.
    let handbooks: BTreeSet<HandbookId> = handbooks.collect();
    if handbooks.is_empty() {
        return Ok(());
    }
    let (day, txn) = (app.today(), app.db.begin().await?);
    let shown = |handbook| disclosure_shown::ActiveModel {
        staff_id: Set(staff.id),
        day: Set(day),
        handbook_id: Set(handbook),
    };
    let again = OnConflict::new().do_nothing().to_owned();
    let insert = disclosure_shown::Entity::insert_many(handbooks.into_iter().map(shown)).on_conflict(again);
    let new = match insert.exec_without_returning(&txn).await {
        Ok(new) => new,
        Err(DbErr::RecordNotInserted) => 0,
        Err(err) => return Err(err.into()),
    };
    if new == 0 || add(app, &txn, staff.id, day, new).await? {
        txn.commit().await?;
        return Ok(());
    }
    txn.rollback().await?;
    Err(over_limit(app, staff, list).await?)
}

/// Adds lines to the day of an account, or says that there would be too many.
async fn add(
    app: &App,
    txn: &impl ConnectionTrait,
    staff: StaffId,
    day: NaiveDate,
    lines: u64,
) -> Result<bool, DbErr> {
    let most = i64::from(app.config.disclosure.lines_a_day);
    let lines = i64::try_from(lines).unwrap_or(i64::MAX);
    if lines > most {
        return Ok(false);
    }
    let add = statement(
        txn.get_database_backend(),
        "INSERT INTO disclosure_day (staff_id, day, lines, exports) VALUES (?, ?, ?, 0) \
         ON CONFLICT (staff_id, day) DO UPDATE SET lines = disclosure_day.lines + excluded.lines \
         WHERE disclosure_day.lines + excluded.lines <= ?",
        [staff.into(), day.into(), lines.into(), most.into()],
    );
    Ok(txn.execute_raw(add).await?.rows_affected() == 1)
}

/// What a file must not go beyond, and what it costs its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    /// It goes out.
    Begun,
    /// The lines or the files of the day are used up.
    OverLimit,
    /// Another file of the account is on its way.
    Busy(DateTime<Utc>),
    /// It was taken, or its time is over.
    Over,
}

/// Takes a file in a transaction: of several at the same moment one goes out, and as often as it may.
pub(super) async fn begin_taking(
    app: &App,
    txn: &impl ConnectionTrait,
    row: &disclosure::Model,
    now: DateTime<Utc>,
) -> Result<Taking, DbErr> {
    let take = statement(
        txn.get_database_backend(),
        "UPDATE disclosure SET taken = taken + 1, taken_at = ?, state = CASE WHEN taken + 1 >= ? THEN 'taken' ELSE state END \
         WHERE id = ? AND state = 'ready' AND holds_until > ? AND taken < ?",
        [now.into(), TIMES.into(), row.id.into(), now.into(), TIMES.into()],
    );
    if txn.execute_raw(take).await?.rows_affected() != 1 {
        return Ok(Taking::Over);
    }
    let (limits, day) = (app.config.disclosure, domain::calendar::day_in_china(now));
    let most = i64::from(limits.lines_a_day);
    if row.lines > most {
        return Ok(Taking::OverLimit);
    }
    let begin = statement(
        txn.get_database_backend(),
        "INSERT INTO disclosure_day (staff_id, day, lines, exports, busy_until) VALUES (?, ?, ?, 1, ?) \
         ON CONFLICT (staff_id, day) DO UPDATE SET lines = disclosure_day.lines + excluded.lines, \
         exports = disclosure_day.exports + 1, busy_until = excluded.busy_until \
         WHERE disclosure_day.lines + excluded.lines <= ? AND disclosure_day.exports < ? \
         AND (disclosure_day.busy_until IS NULL OR disclosure_day.busy_until <= ?)",
        [
            row.staff_id.into(),
            day.into(),
            row.lines.into(),
            (now + LONGEST_FILE).into(),
            most.into(),
            i64::from(limits.exports_a_day).into(),
            now.into(),
        ],
    );
    if txn.execute_raw(begin).await?.rows_affected() == 1 {
        return Ok(Taking::Begun);
    }
    let of_day = disclosure_day::Entity::find_by_id((row.staff_id, day)).one(txn).await?;
    Ok(match of_day.and_then(|of_day| of_day.busy_until).filter(|until| *until > now) {
        Some(until) => Taking::Busy(until),
        None => Taking::OverLimit,
    })
}

/// Says that a file is no longer on its way.
pub(super) async fn end_taking(app: &App, staff: StaffId, day: NaiveDate) -> Result<(), DbErr> {
    let end = statement(
        app.db.backend(),
        "UPDATE disclosure_day SET busy_until = NULL WHERE staff_id = ? AND day = ?",
        [staff.into(), day.into()],
    );
    app.db.write().execute_raw(end).await.map(|_| ())
}

/// The refusal of an account that ran into its limit of the day; the first of the day stands in the county's list.
pub(super) async fn over_limit(app: &App, staff: &Staff, list: PersonList) -> Result<ApiError, ApiError> {
    let (day, now, id) = (app.today(), app.now(), DisclosureId(Uuid::now_v7()));
    let txn = app.db.begin().await?;
    let tell = statement(
        txn.get_database_backend(),
        "INSERT INTO disclosure_day (staff_id, day, lines, exports, told_at) VALUES (?, ?, 0, 0, ?) \
         ON CONFLICT (staff_id, day) DO UPDATE SET told_at = excluded.told_at WHERE disclosure_day.told_at IS NULL",
        [staff.id.into(), day.into(), now.into()],
    );
    if txn.execute_raw(tell).await?.rows_affected() == 1
        && let Some(region) = staff.region.region()
    {
        let row = disclosure::Model {
            state: DisclosureState::OverLimit,
            lines: i64::from(app.config.disclosure.lines_a_day),
            ..asked(staff, region, id, list, now)
        };
        insert(&txn, row).await?;
        event_of(staff, Kind::Refused, "too_many_lines", id).write(&txn, now).await?;
    }
    txn.commit().await?;
    let midnight = day.succ_opt().map_or(now, start_of_day);
    Ok(ApiError::Wait(Code::TooManyLines, (midnight - now).to_std().unwrap_or_default()))
}

fn event_of(staff: &Staff, kind: Kind, action: &'static str, id: DisclosureId) -> audit::Events {
    staff.event(kind, action).on(id).into()
}

/// What somebody asks for, before anything is said of it but who, where, which list and when.
pub(super) fn asked(
    staff: &Staff,
    region: Region,
    id: DisclosureId,
    list: PersonList,
    now: DateTime<Utc>,
) -> disclosure::Model {
    disclosure::Model {
        id,
        staff_id: staff.id,
        institution_id: staff.institution,
        region_code: region.code,
        region_level: region.level,
        county_code: region.code.at(RegionLevel::County),
        goes_above: goes_above(&staff.roles, region),
        list,
        filters: json!({}),
        list_key: String::new(),
        form: Form::Screen,
        lines: 0,
        purpose: None,
        state: DisclosureState::Waiting,
        asked_at: now,
        decided_at: None,
        decided_by: None,
        reason: None,
        holds_until: None,
        taken: 0,
        taken_at: None,
        seen_at: None,
        seen_by: None,
    }
}

/// Keeps the first decision on a request that still waits; `false` when there is one or its time is over.
pub(super) async fn decide(
    txn: &impl ConnectionTrait,
    id: DisclosureId,
    decider: StaffId,
    approved: bool,
    reason: Option<Vec<u8>>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let state = if approved { DisclosureState::Ready } else { DisclosureState::Refused };
    let decided = disclosure::ActiveModel {
        state: Set(state),
        decided_at: Set(Some(now)),
        decided_by: Set(Some(decider)),
        reason: Set(reason),
        holds_until: Set(approved.then(|| now + HOLDS)),
        ..Default::default()
    };
    let decided = disclosure::Entity::update_many()
        .set(decided)
        .filter(disclosure::COLUMN.id.eq(id))
        .filter(disclosure::COLUMN.state.eq(DisclosureState::Waiting))
        .filter(disclosure::COLUMN.asked_at.gt(now - WAITS));
    Ok(decided.exec(txn).await?.rows_affected == 1)
}

/// Marks a request as seen; `false` when it is.
pub(super) async fn mark_seen(
    txn: &impl ConnectionTrait,
    id: DisclosureId,
    by: StaffId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let seen =
        disclosure::ActiveModel { seen_at: Set(Some(now)), seen_by: Set(Some(by)), ..Default::default() };
    let seen = disclosure::Entity::update_many()
        .set(seen)
        .filter(disclosure::COLUMN.id.eq(id))
        .filter(disclosure::COLUMN.seen_at.is_null());
    Ok(seen.exec(txn).await?.rows_affected == 1)
}

/// Writes into the audit log that somebody was refused what they asked for before.
pub(super) async fn tell_refusal(app: &App, staff: &Staff, id: DisclosureId) -> Result<(), DbErr> {
    let refused: Event = staff.event(Kind::Refused, "take_disclosure").on(id);
    audit::store::write_refusal(app.db.write(), refused, app.now()).await
}

/// Marks what nobody decided or took in time.
pub(super) async fn expire(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    for (state, column, before) in
        [(DisclosureState::Waiting, "asked_at", now - WAITS), (DisclosureState::Ready, "holds_until", now)]
    {
        // The state stands in the text, so that a planner knows the index of what is open to hold it.
        let sql =
            format!("UPDATE disclosure SET state = 'expired' WHERE state = '{state}' AND {column} <= ?");
        db.execute_raw(statement(db.get_database_backend(), &sql, [before.into()])).await?;
    }
    Ok(())
}

/// Removes what was asked for before an instant, and the days before a day.
pub(super) async fn forget(
    db: &impl ConnectionTrait,
    before: DateTime<Utc>,
    today: NaiveDate,
) -> Result<(), DbErr> {
    disclosure::Entity::delete_many().filter(disclosure::COLUMN.asked_at.lt(before)).exec(db).await?;
    disclosure_day::Entity::delete_many().filter(disclosure_day::COLUMN.day.lt(today)).exec(db).await?;
    disclosure_shown::Entity::delete_many().filter(disclosure_shown::COLUMN.day.lt(today)).exec(db).await?;
    Ok(())
}
