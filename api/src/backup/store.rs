//! Whole databases: copying, counting, and ending in one what must not live on.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use domain::disclosure::DisclosureState;
use domain::handbook::State as HandbookState;
use domain::id::PhotoId;
use domain::record::RecordState;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Value,
};
use uuid::Uuid;

use super::tombstones::{Dropped, Ended, HandbookNow, RecordNow, StaffNow, Tombstones};
use crate::db::entities::{
    code, delegation, disclosure, handbook, institution, invitation, live_ticket, member, photo, record,
    refresh_token, restoration, session, staff, tombstone,
};
use crate::db::{Db, statement};
use crate::handbooks::store::no_slip;
pub(super) use crate::keyring::store::has_photo;
use crate::notices::store::next_change;

/// Photos of one question.
const PHOTOS: u64 = 1000;

/// How far the changes of a restored handbook are moved on: a phone that had seen more than the backup knows begins again
/// where new changes are.
const CHANGES_MOVED: i64 = 1_000_000;

/// Copies a SQLite database, as it was committed at one moment, into a file that is not there.
pub(super) async fn copy_into(db: &Db, path: &Path) -> Result<(), DbErr> {
    let path = path.display().to_string();
    db.read().execute_raw(statement(DbBackend::Sqlite, "VACUUM INTO ?", [path.into()])).await?;
    Ok(())
}

/// Lets another connection to PostgreSQL see what this transaction sees, for as long as it lasts.
pub(super) async fn export_snapshot(txn: &DatabaseTransaction) -> Result<String, DbErr> {
    let row =
        txn.query_one_raw(statement(DbBackend::Postgres, "SELECT pg_export_snapshot() AS name", [])).await?;
    row.map_or_else(
        || Err(DbErr::Custom("no snapshot was exported".to_owned())),
        |row| row.try_get("", "name"),
    )
}

/// The migrations that a database went through.
pub(super) async fn schema(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let sql = "SELECT version FROM seaql_migrations ORDER BY version";
    let rows = db.query_all_raw(statement(db.get_database_backend(), sql, [])).await?;
    rows.iter().map(|row| row.try_get("", "version")).collect()
}

/// Every table.
pub(super) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    };
    let rows = db.query_all_raw(statement(db.get_database_backend(), sql, [])).await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}

/// Rows by table.
pub(super) async fn count_tables(db: &impl ConnectionTrait) -> Result<BTreeMap<String, u64>, DbErr> {
    let mut counted = BTreeMap::new();
    for table in tables(db).await? {
        let sql = format!("SELECT count(*) AS many FROM \"{table}\"");
        let many = many(db, &sql, []).await?;
        counted.insert(table, many);
    }
    Ok(counted)
}

async fn many(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, DbErr> {
    let row = db.query_one_raw(statement(db.get_database_backend(), sql, values)).await?;
    let many: i64 = row.map_or(Ok(0), |row| row.try_get("", "many"))?;
    Ok(u64::try_from(many).unwrap_or(0))
}

/// What SQLite finds wrong with a file; PostgreSQL checked everything while it was restored.
pub(super) async fn damage(db: &Db) -> Result<Vec<String>, DbErr> {
    if db.backend() != DbBackend::Sqlite {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for row in db.read().query_all_raw(statement(DbBackend::Sqlite, "PRAGMA integrity_check", [])).await? {
        let told: String = row.try_get_by_index(0)?;
        if told != "ok" {
            found.push(told);
        }
    }
    for row in db.read().query_all_raw(statement(DbBackend::Sqlite, "PRAGMA foreign_key_check", [])).await? {
        let table: String = row.try_get_by_index(0)?;
        found.push(format!("a row of {table} refers to nothing"));
    }
    Ok(found)
}

/// The next photos by their ids.
pub(super) async fn photos(db: &impl ConnectionTrait, after: Option<PhotoId>) -> Result<Vec<PhotoId>, DbErr> {
    crate::keyring::store::photos(db, after, PHOTOS).await
}

/// Ends whatever opens a door: people sign in again, and codes, invitations and slips are made anew.
pub(super) async fn end_what_opens_doors(
    txn: &DatabaseTransaction,
    now: DateTime<Utc>,
) -> Result<BTreeMap<&'static str, u64>, DbErr> {
    let sessions = session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(now))
        .filter(session::COLUMN.ended_at.is_null())
        .exec(txn)
        .await?;
    let tokens = refresh_token::Entity::delete_many().exec(txn).await?;
    let tickets = live_ticket::Entity::delete_many().exec(txn).await?;
    let codes = code::Entity::update_many()
        .col_expr(code::Column::RevokedAt, Expr::value(now))
        .filter(code::COLUMN.redeemed_at.is_null())
        .filter(code::COLUMN.revoked_at.is_null())
        .exec(txn)
        .await?;
    let invitations = invitation::Entity::update_many()
        .col_expr(invitation::Column::RevokedAt, Expr::value(now))
        .filter(invitation::COLUMN.used_at.is_null())
        .filter(invitation::COLUMN.revoked_at.is_null())
        .exec(txn)
        .await?;
    let slips = handbook::Entity::update_many()
        .set(no_slip())
        .filter(handbook::COLUMN.slip_hash.is_not_null())
        .exec(txn)
        .await?;
    // What was approved may have been taken since: it is asked for again.
    let lists = disclosure::Entity::update_many()
        .set(disclosure::ActiveModel {
            state: Set(DisclosureState::Expired),
            holds_until: Set(None),
            ..Default::default()
        })
        .filter(holds_a_list())
        .exec(txn)
        .await?;
    let moved = format!("UPDATE handbook SET change_seq = change_seq + {CHANGES_MOVED}");
    txn.execute_unprepared(&moved).await?;
    Ok(BTreeMap::from([
        ("sessions", sessions.rows_affected),
        ("refresh tokens", tokens.rows_affected),
        ("live tickets", tickets.rows_affected),
        ("dynamic codes", codes.rows_affected),
        ("invitations", invitations.rows_affected),
        ("slips", slips.rows_affected),
        ("lists of persons", lists.rows_affected),
    ]))
}

/// Waits for a decision, may be taken, or may be read on.
fn holds_a_list() -> Condition {
    let open = [DisclosureState::Waiting, DisclosureState::Ready];
    Condition::any()
        .add(disclosure::Column::State.is_in(open))
        .add(disclosure::COLUMN.holds_until.is_not_null())
}

/// What lives that [`end_what_opens_doors`] ended. What began after the restoration may live.
pub(super) async fn revived(db: &impl ConnectionTrait) -> Result<Vec<(&'static str, u64)>, DbErr> {
    let last = restoration::Entity::find().order_by_desc(restoration::COLUMN.restored_at).one(db).await?;
    let Some(restoration::Model { restored_at, .. }) = last else { return Ok(Vec::new()) };
    let sessions = session::Entity::find()
        .filter(session::COLUMN.ended_at.is_null())
        .filter(session::COLUMN.created_at.lt(restored_at));
    let tokens = refresh_token::Entity::find().filter(refresh_token::COLUMN.issued_at.lt(restored_at));
    let codes = code::Entity::find()
        .filter(code::COLUMN.redeemed_at.is_null())
        .filter(code::COLUMN.revoked_at.is_null())
        .filter(code::COLUMN.made_at.lt(restored_at));
    let invitations = invitation::Entity::find()
        .filter(invitation::COLUMN.used_at.is_null())
        .filter(invitation::COLUMN.revoked_at.is_null())
        .filter(invitation::COLUMN.created_at.lt(restored_at));
    // A slip does not say when it was made, only until when it is good, which is later than it was made.
    let slips = handbook::Entity::find()
        .filter(handbook::COLUMN.slip_hash.is_not_null())
        .filter(handbook::COLUMN.slip_expires_at.lt(restored_at));
    let lists =
        disclosure::Entity::find().filter(holds_a_list()).filter(disclosure::COLUMN.asked_at.lt(restored_at));
    Ok(vec![
        ("sessions", sessions.count(db).await?),
        ("refresh tokens", tokens.count(db).await?),
        ("dynamic codes", codes.count(db).await?),
        ("invitations", invitations.count(db).await?),
        ("slips", slips.count(db).await?),
        ("lists of persons", lists.count(db).await?),
    ])
}

/// Writes down that the database came out of a backup, and what it holds.
pub(super) async fn keep_restoration(
    txn: &DatabaseTransaction,
    taken_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row =
        restoration::Model { id: Uuid::now_v7(), restored_at: now, taken_at, tables: serde_json::json!({}) };
    let id = row.id;
    restoration::Entity::insert(row.into_active_model()).exec_without_returning(txn).await?;
    let counted = serde_json::to_value(count_tables(txn).await?).unwrap_or_default();
    let counts = restoration::ActiveModel { id: Set(id), tables: Set(counted), ..Default::default() };
    restoration::Entity::update(counts).exec(txn).await?;
    Ok(())
}

/// The last restoration of a database.
pub(super) async fn restoration(db: &impl ConnectionTrait) -> Result<Option<restoration::Model>, DbErr> {
    restoration::Entity::find().order_by_desc(restoration::COLUMN.restored_at).one(db).await
}

/// What was taken back since an instant, read in one snapshot.
pub(super) async fn tombstones(
    txn: &DatabaseTransaction,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Tombstones, DbErr> {
    let members: Vec<(_, DateTime<Utc>)> = member::Entity::find()
        .select_only()
        .columns([member::Column::Id, member::Column::EndedAt])
        .filter(member::COLUMN.ended_at.gte(since))
        .into_tuple()
        .all(txn)
        .await?;
    let delegations: Vec<(_, DateTime<Utc>)> = delegation::Entity::find()
        .select_only()
        .columns([delegation::Column::Id, delegation::Column::EndedAt])
        .filter(delegation::COLUMN.ended_at.gte(since))
        .into_tuple()
        .all(txn)
        .await?;
    let handbooks = handbook::Entity::find()
        .filter(
            Condition::any()
                .add(handbook::COLUMN.closed_at.gte(since))
                .add(handbook::COLUMN.printed_serial.gt(1)),
        )
        .all(txn)
        .await?;
    let records: Vec<(_, RecordState, DateTime<Utc>)> = record::Entity::find()
        .select_only()
        .columns([record::Column::Id, record::Column::State, record::Column::ChangedAt])
        .filter(record::COLUMN.state.ne(RecordState::Live))
        .filter(record::COLUMN.changed_at.gte(since))
        .into_tuple()
        .all(txn)
        .await?;
    let dropped = tombstone::Entity::find().filter(tombstone::COLUMN.at.gte(since)).all(txn).await?;
    let staff = staff::Entity::find().all(txn).await?;
    let ended = |(id, at)| Ended { id, at };
    Ok(Tombstones {
        since,
        taken_at: now,
        members: members.into_iter().map(ended).collect(),
        delegations: delegations.into_iter().map(|(id, at)| Ended { id, at }).collect(),
        staff: staff.into_iter().map(staff_now).collect(),
        handbooks: handbooks.into_iter().map(handbook_now).collect(),
        records: records.into_iter().map(|(id, state, at)| RecordNow { id, state, at }).collect(),
        dropped: dropped.into_iter().map(|row| Dropped { kind: row.kind, id: row.id, at: row.at }).collect(),
    })
}

fn staff_now(row: staff::Model) -> StaffNow {
    StaffNow {
        id: row.id,
        version: row.version,
        left_on: row.left_on,
        roles: row.roles,
        institution: row.institution_id,
        region: row.region_code.zip(row.region_level),
        password_hash: row.password_hash,
        password_issued: row.password_issued,
        totp: row.totp,
        totp_last_step: row.totp_last_step,
    }
}

fn handbook_now(row: handbook::Model) -> HandbookNow {
    HandbookNow {
        id: row.id,
        state: row.state,
        printed_serial: row.printed_serial,
        closed_at: row.closed_at,
        close_reason: row.close_reason,
        successor: row.successor_id,
    }
}

/// Does again in a restored database what was taken back after its backup, and says how much of each.
pub(super) async fn replay(
    txn: &DatabaseTransaction,
    tombstones: &Tombstones,
    now: DateTime<Utc>,
) -> Result<BTreeMap<&'static str, u64>, DbErr> {
    let mut done: BTreeMap<&'static str, u64> = BTreeMap::new();
    for Ended { id, at } in &tombstones.members {
        let ended = member::Entity::update_many()
            .col_expr(member::Column::EndedAt, Expr::value(*at))
            .filter(member::COLUMN.id.eq(*id))
            .filter(member::COLUMN.ended_at.is_null())
            .exec(txn)
            .await?;
        *done.entry("members who left").or_default() += ended.rows_affected;
    }
    for Ended { id, at } in &tombstones.delegations {
        let ended = delegation::Entity::update_many()
            .col_expr(delegation::Column::EndedAt, Expr::value(*at))
            .filter(delegation::COLUMN.id.eq(*id))
            .filter(delegation::COLUMN.ended_at.is_null())
            .exec(txn)
            .await?;
        *done.entry("delegations that ended").or_default() += ended.rows_affected;
    }
    for of_staff in &tombstones.staff {
        *done.entry("staff whose post or sign-in changed").or_default() +=
            u64::from(replay_staff(txn, of_staff, tombstones.taken_at).await?);
    }
    for of_handbook in &tombstones.handbooks {
        *done.entry("handbooks that ended or whose code was revoked").or_default() +=
            u64::from(replay_handbook(txn, of_handbook).await?);
    }
    for of_record in &tombstones.records {
        *done.entry("records that were withdrawn or voided").or_default() +=
            u64::from(replay_record(txn, of_record, now).await?);
    }
    Ok(done)
}

/// What a staff member may do and how they sign in is as it was last. Who moved to an institution that the backup does
/// not know yet is taken to have left: their county gives them the post again.
async fn replay_staff(
    txn: &DatabaseTransaction,
    now: &StaffNow,
    taken_at: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let Some(row) = staff::Entity::find_by_id(now.id).one(txn).await? else { return Ok(false) };
    if is_as(&row, now) {
        return Ok(false);
    }
    let is_known = match now.institution {
        Some(id) => institution::Entity::find_by_id(id).one(txn).await?.is_some(),
        None => true,
    };
    let left_on = if is_known { now.left_on } else { Some(domain::calendar::day_in_china(taken_at)) };
    let mut changed = row.clone().into_active_model();
    changed.left_on = Set(left_on);
    changed.roles = Set(now.roles.clone());
    changed.password_hash = Set(now.password_hash.clone());
    changed.password_issued = Set(now.password_issued);
    changed.totp = Set(now.totp.clone());
    changed.totp_last_step = Set(now.totp_last_step.max(row.totp_last_step));
    changed.version = Set(now.version.max(row.version + 1));
    if is_known {
        changed.institution_id = Set(now.institution);
        changed.region_code = Set(now.region.map(|(code, _)| code));
        changed.region_level = Set(now.region.map(|(_, level)| level));
    }
    staff::Entity::update(changed).exec(txn).await?;
    Ok(true)
}

fn is_as(row: &staff::Model, now: &StaffNow) -> bool {
    (row.left_on, row.institution_id, row.region_code.zip(row.region_level))
        == (now.left_on, now.institution, now.region)
        && (&row.roles, &row.password_hash, row.password_issued, &row.totp)
            == (&now.roles, &now.password_hash, now.password_issued, &now.totp)
}

async fn replay_handbook(txn: &DatabaseTransaction, now: &HandbookNow) -> Result<bool, DbErr> {
    let Some(row) = handbook::Entity::find_by_id(now.id).one(txn).await? else { return Ok(false) };
    let ends = now.closed_at.is_some() && row.closed_at.is_none();
    if row.printed_serial >= now.printed_serial && !ends {
        return Ok(false);
    }
    let mut changed = handbook::ActiveModel {
        id: Set(row.id),
        printed_serial: Set(row.printed_serial.max(now.printed_serial)),
        version: Set(row.version + 1),
        ..Default::default()
    };
    if ends {
        let successor = match now.successor {
            Some(id) => handbook::Entity::find_by_id(id).one(txn).await?.map(|row| row.id),
            None => None,
        };
        // One whose successor was issued after the backup is closed: there is nothing that it leads to.
        let is_lost = now.state == HandbookState::Replaced && successor.is_none();
        changed.state = Set(if is_lost { HandbookState::Closed } else { now.state });
        changed.successor_id = Set(successor);
        changed.closed_at = Set(now.closed_at);
        changed.close_reason = Set(now.close_reason);
        changed.expecting_id = Set(None);
        crate::children::store::release(txn, row.id).await?;
    }
    handbook::Entity::update(changed).exec(txn).await?;
    Ok(true)
}

async fn replay_record(txn: &DatabaseTransaction, now: &RecordNow, at: DateTime<Utc>) -> Result<bool, DbErr> {
    let Some(row) = record::Entity::find_by_id(now.id).one(txn).await? else { return Ok(false) };
    if row.state != RecordState::Live {
        return Ok(false);
    }
    let change = next_change(txn, row.handbook_id).await?;
    let changed = record::ActiveModel {
        id: Set(row.id),
        state: Set(now.state),
        changed_at: Set(at),
        change_seq: Set(change),
        version: Set(row.version + 1),
        ..Default::default()
    };
    record::Entity::update(changed).exec(txn).await?;
    Ok(true)
}

/// Drops a photo, and takes it off the record that it hangs on; says whether it was there.
pub(super) async fn drop_photo(txn: &DatabaseTransaction, id: PhotoId) -> Result<bool, DbErr> {
    let Some(row) = photo::Entity::find_by_id(id).one(txn).await? else { return Ok(false) };
    if let Some(hangs_on) = row.record_id
        && let Some(mut row) = record::Entity::find_by_id(hangs_on).one(txn).await?
    {
        row.photos.0.retain(|photo| *photo != id);
        let changed = record::ActiveModel { id: Set(row.id), photos: Set(row.photos), ..Default::default() };
        record::Entity::update(changed).exec(txn).await?;
    }
    photo::Entity::delete_by_id(id).exec(txn).await?;
    Ok(true)
}

/// What lives although tombstones say that it ended.
pub(super) async fn unreplayed(
    db: &impl ConnectionTrait,
    tombstones: &Tombstones,
) -> Result<Vec<(&'static str, u64)>, DbErr> {
    let (mut members, mut delegations, mut handbooks, mut records, mut photos) = (0, 0, 0, 0, 0);
    for Ended { id, .. } in &tombstones.members {
        let row = member::Entity::find_by_id(*id).one(db).await?;
        members += u64::from(row.is_some_and(|row| row.ended_at.is_none()));
    }
    for Ended { id, .. } in &tombstones.delegations {
        let row = delegation::Entity::find_by_id(*id).one(db).await?;
        delegations += u64::from(row.is_some_and(|row| row.ended_at.is_none()));
    }
    for now in &tombstones.handbooks {
        let row = handbook::Entity::find_by_id(now.id).one(db).await?;
        let lives = |row: handbook::Model| {
            row.printed_serial < now.printed_serial || (now.closed_at.is_some() && row.closed_at.is_none())
        };
        handbooks += u64::from(row.is_some_and(lives));
    }
    for now in &tombstones.records {
        let row = record::Entity::find_by_id(now.id).one(db).await?;
        records += u64::from(row.is_some_and(|row| row.state == RecordState::Live));
    }
    for dropped in tombstones.dropped.iter().filter(|dropped| dropped.kind == crate::buried::PHOTO) {
        photos += u64::from(has_photo(db, PhotoId(dropped.id)).await?);
    }
    Ok(vec![
        ("members who left", members),
        ("delegations that ended", delegations),
        ("handbooks that ended or whose code was revoked", handbooks),
        ("records that were withdrawn or voided", records),
        ("photos that were dropped", photos),
    ])
}
