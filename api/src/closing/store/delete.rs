//! Rows that go, set by set, with everything that hangs on them. The caller holds the handbook.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use domain::id::{HandbookId, PersonId, PhotoId, RecordId, UserId};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Value};

use crate::buried::{ENTRY, bury_each};
use crate::db::entities::{child, handbook};
use crate::db::statement;
use crate::photos::store as photos;
use crate::pregnancies::store as pregnancies;

/// Whose entries.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// Everybody's.
    All,
    /// Those of one user.
    Of(UserId),
    /// Nobody's but these.
    These(&'a [RecordId]),
}

/// How much of a family's part was deleted.
#[derive(Debug, Default, Clone, Copy)]
pub struct Deleted {
    /// Entries with their photos.
    pub entries: u64,
    /// Notices.
    pub notices: u64,
}

async fn run(
    txn: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, DbErr> {
    Ok(txn.execute_raw(statement(txn.get_database_backend(), sql, values)).await?.rows_affected())
}

/// Deletes entries of the family: content, versions, alerts and photos. What is left of each is a place without content
/// and author, so that whoever shows the entry takes it away; that goes, too, some weeks later. Gives how many entries and
/// photos that were.
pub async fn entries(
    txn: &impl ConnectionTrait,
    handbook: &handbook::Model,
    whose: Whose<'_>,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let entries = Entries::of(handbook.id, whose);
    let (condition, these) = (&entries.condition, entries.ids());
    bury_each(txn, ENTRY, &format!("record WHERE {condition}"), entries.values.clone(), now).await?;
    let photos = drop_photos(txn, handbook.id, whose, &entries, now).await?;
    let versions = format!("DELETE FROM record_version WHERE record_id IN ({these})");
    run(txn, &versions, entries.values.clone()).await?;
    for sql in [
        "DELETE FROM alert WHERE handbook_id = ? AND record_id IN",
        "UPDATE notice SET record_id = NULL WHERE handbook_id = ? AND record_id IN",
    ] {
        run(txn, &format!("{sql} ({these})"), entries.after([handbook.id.into()])).await?;
    }
    let numbered = format!(
        "SELECT record.id AS id, handbook.change_seq + ROW_NUMBER() OVER (ORDER BY record.id) AS seq \
         FROM record JOIN handbook ON handbook.id = record.handbook_id WHERE {condition}"
    );
    let blank = format!(
        "UPDATE record SET kind = 'erased', edition = '', subject = 'household', child_id = NULL, pregnancy_id = NULL, \
             occurred_on = ?, occurred_at = NULL, user_id = NULL, author_role = '', state = 'withdrawn', payload = '{{}}', \
             sealed = NULL, warnings = '[]', photos = '[]', override_reason = NULL, edited_at = NULL, changed_at = ?, \
             change_seq = numbered.seq \
         FROM ({numbered}) AS numbered WHERE record.id = numbered.id"
    );
    let erased = run(txn, &blank, entries.after([handbook.issued_on.into(), now.into()])).await?;
    let raise = "UPDATE handbook SET change_seq = change_seq + ? WHERE id = ?";
    run(txn, raise, [i64::try_from(erased).unwrap_or(i64::MAX).into(), handbook.id.into()]).await?;
    Ok(erased + photos)
}

/// Entries of a handbook: a condition on the rows of `record`, with its values. An erased place is none of them: it has no
/// author and is not erased again.
struct Entries {
    condition: String,
    values: Vec<Value>,
}

impl Entries {
    fn of(handbook: HandbookId, whose: Whose<'_>) -> Self {
        let mut condition = "handbook_id = ? AND source = 'family' AND kind <> 'erased'".to_owned();
        let mut values: Vec<Value> = vec![handbook.into()];
        match whose {
            Whose::All => {}
            Whose::Of(user) => {
                condition.push_str(" AND user_id = ?");
                values.push(user.into());
            }
            Whose::These(ids) => {
                let places = vec!["?"; ids.len()].join(", ");
                condition.push_str(&format!(" AND record.id IN ({places})"));
                values.extend(ids.iter().map(|id| Value::from(*id)));
            }
        }
        Self { condition, values }
    }

    fn ids(&self) -> String {
        format!("SELECT id FROM record WHERE {}", self.condition)
    }

    /// The values, after those that stand before the condition.
    fn after(&self, before: impl IntoIterator<Item = Value>) -> impl Iterator<Item = Value> {
        before.into_iter().chain(self.values.iter().cloned())
    }
}

/// Drops the photos of entries, and those of the same people that hang on nothing: rows now, files by jobs.
async fn drop_photos(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    whose: Whose<'_>,
    entries: &Entries,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let (loose, of): (&str, Option<Value>) = match whose {
        Whose::All => ("OR record_id IS NULL", None),
        Whose::Of(user) => ("OR (record_id IS NULL AND user_id = ?)", Some(user.into())),
        Whose::These(_) => ("", None),
    };
    let sql = format!(
        "DELETE FROM photo WHERE handbook_id = ? AND (record_id IN ({}) {loose}) RETURNING id",
        entries.ids()
    );
    drop_returned(txn, &sql, entries.after([handbook.into()]).chain(of), now).await
}

/// Carries out what gives the ids of photos back, and drops their files.
async fn drop_returned(
    txn: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let rows = txn.query_all_raw(statement(txn.get_database_backend(), sql, values)).await?;
    let ids: Vec<PhotoId> = rows.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?;
    photos::drop_files(txn, &ids, now).await?;
    Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
}

/// Deletes what a user holds in handbooks and at sign-ins: memberships, invitations, codes, requests, sessions with their
/// tokens, and first answers that are kept for requests sent again. Gives how many memberships and sessions that were.
pub async fn account(txn: &impl ConnectionTrait, user: UserId) -> Result<(u64, u64), DbErr> {
    let own = "SELECT id FROM member WHERE user_id = ?";
    run(txn, &format!("DELETE FROM code WHERE made_by IN ({own})"), [user.into()]).await?;
    run(txn, &format!("DELETE FROM invitation WHERE invited_by IN ({own})"), [user.into()]).await?;
    let memberships = run(txn, "DELETE FROM member WHERE user_id = ?", [user.into()]).await?;
    run(txn, "DELETE FROM idempotency WHERE actor = ?", [user.0.into()]).await?;
    let sessions = run(txn, "DELETE FROM session WHERE user_id = ?", [user.into()]).await?;
    Ok((memberships, sessions))
}

/// Deletes the requests for correction of a user in a handbook, or all of it.
pub async fn requests(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    of: Option<UserId>,
) -> Result<u64, DbErr> {
    let sql = "DELETE FROM correction_request WHERE handbook_id = ?";
    match of {
        Some(user) => run(txn, &format!("{sql} AND user_id = ?"), [handbook.into(), user.into()]).await,
        None => run(txn, sql, [handbook.into()]).await,
    }
}

/// Deletes what only a family has of a handbook: notices, codes, invitations and tickets. Gives how many notices there were.
pub async fn family_side(txn: &impl ConnectionTrait, handbook: HandbookId) -> Result<u64, DbErr> {
    for table in ["code", "invitation", "live_ticket"] {
        run(txn, &format!("DELETE FROM {table} WHERE handbook_id = ?"), [handbook.into()]).await?;
    }
    run(txn, "DELETE FROM notice WHERE handbook_id = ?", [handbook.into()]).await
}

/// Whether a person is in another handbook, of those for which `also` holds, or holds an account.
pub async fn is_in(
    txn: &impl ConnectionTrait,
    person: PersonId,
    except: HandbookId,
    also: InUse,
) -> Result<bool, DbErr> {
    let also = also.condition();
    let looks = [
        format!("SELECT 1 FROM handbook WHERE woman_id = ? AND id <> ? AND {also}"),
        format!(
            "SELECT 1 FROM child JOIN handbook ON handbook.id = child.handbook_id \
             WHERE child.person_id = ? AND child.handbook_id <> ? AND {also}"
        ),
    ];
    let backend = txn.get_database_backend();
    for sql in looks {
        let look = statement(backend, &format!("{sql} LIMIT 1"), [person.into(), except.into()]);
        if txn.query_one_raw(look).await?.is_some() {
            return Ok(true);
        }
    }
    let account = "SELECT 1 FROM wechat_user WHERE person_id = ? LIMIT 1";
    Ok(txn.query_one_raw(statement(backend, account, [person.into()])).await?.is_some())
}

/// How far another handbook must still be in use.
#[derive(Debug, Clone, Copy)]
pub enum InUse {
    /// It is not blocked.
    Open,
    /// It is not erased.
    Kept,
}

impl InUse {
    fn condition(self) -> &'static str {
        match self {
            Self::Open => "handbook.blocked_until IS NULL",
            Self::Kept => "handbook.erased_at IS NULL",
        }
    }
}

/// Deletes every record of a handbook with what hangs on it, photos, delegations and what was written at desks, and the
/// free text of what is counted.
pub async fn content(
    txn: &impl ConnectionTrait,
    row: &handbook::Model,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let handbook = row.id;
    drop_returned(txn, "DELETE FROM photo WHERE handbook_id = ? RETURNING id", [handbook.into()], now)
        .await?;
    for sql in [
        "DELETE FROM alert WHERE handbook_id = ?",
        "DELETE FROM record_version WHERE record_id IN (SELECT id FROM record WHERE handbook_id = ?)",
        "DELETE FROM rule_override WHERE handbook_id = ?",
        "DELETE FROM record WHERE handbook_id = ?",
        "DELETE FROM delegation WHERE handbook_id = ?",
        "DELETE FROM desk_act WHERE handbook_id = ?",
        "DELETE FROM handbook_contact WHERE handbook_id = ?",
        "UPDATE visit SET reason = NULL WHERE handbook_id = ?",
        "UPDATE break_glass SET note = NULL WHERE visit_id IN (SELECT id FROM visit WHERE handbook_id = ?)",
        "UPDATE member SET is_woman = false WHERE handbook_id = ?",
    ] {
        run(txn, sql, [handbook.into()]).await?;
    }
    // These stay with the handbook that was counted: of one that replaced another, with the one before.
    let counted = "SELECT id FROM handbook WHERE counts_as = ?";
    for (table, words) in [("usage_follow_up", "note"), ("issuance", "override_reason")] {
        let sql = format!("UPDATE {table} SET {words} = NULL WHERE handbook_id IN ({counted})");
        run(txn, &sql, [row.counts_as.into()]).await?;
    }
    Ok(())
}

/// Takes the people out of a handbook; the year is left of what counts births and pregnancies.
pub async fn people(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    leave_years(txn, handbook).await?;
    let left = "UPDATE handbook SET woman_id = NULL, expecting_id = NULL, woman_died_on = NULL, erased_at = ?, \
                version = version + 1 WHERE id = ?";
    run(txn, left, [now.into(), handbook.into()]).await.map(|_| ())
}

/// Of births and pregnancies the year is left, which is what counts them.
async fn leave_years(txn: &impl ConnectionTrait, handbook: HandbookId) -> Result<(), DbErr> {
    let year_of = |day: NaiveDate| NaiveDate::from_ymd_opt(day.year(), 1, 1).unwrap_or(day);
    for child in child::Entity::find().filter(child::COLUMN.handbook_id.eq(handbook)).all(txn).await? {
        let sql = "UPDATE child SET born_on = ?, born_at = NULL, birth_weight_g = NULL, gestational_days = NULL, \
                   identity_index = NULL, ended_on = NULL WHERE id = ?";
        run(txn, sql, [year_of(child.born_on).into(), child.id.into()]).await?;
    }
    for course in pregnancies::of_handbook(txn, handbook).await? {
        let sql = "UPDATE pregnancy SET last_period_on = NULL, due_on = ?, ended_on = NULL, discharged_on = NULL, \
                   risk_grade = NULL, risk_purple = false WHERE id = ?";
        run(txn, sql, [year_of(course.due_on).into(), course.id.into()]).await?;
    }
    Ok(())
}

/// Deletes the empty places of entries that were erased before an instant.
pub async fn traces(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<u64, DbErr> {
    run(db, "DELETE FROM record WHERE kind = 'erased' AND changed_at < ?", [before.into()]).await
}
