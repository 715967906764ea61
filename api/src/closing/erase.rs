//! What deleting means: set by set, with everything that hangs on a row. The caller holds the handbook.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use domain::id::{HandbookId, PersonId, PhotoId, UserId};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Value};

use crate::app::App;
use crate::children::store as children;
use crate::db::entities::{child, handbook, photo};
use crate::db::statement;
use crate::error::ApiError;
use crate::people::Identity;
use crate::people::store::{self as people, NewPerson};
use crate::photos::store as photos;
use crate::pregnancies::store as pregnancies;

/// How much was deleted.
#[derive(Debug, Default, Clone, Copy)]
pub struct Erased {
    /// Entries with their photos.
    pub entries: u64,
}

async fn run<const N: usize>(
    txn: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<u64, DbErr> {
    Ok(txn.execute_raw(statement(txn.get_database_backend(), sql, values)).await?.rows_affected())
}

/// Deletes entries of the family, of one user or of all: content, versions, alerts and photos. What is left of each is a
/// place without content and author, so that whoever shows the entry takes it away; that goes, too, some weeks later.
pub async fn entries(
    txn: &impl ConnectionTrait,
    handbook: &handbook::Model,
    of: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<Erased, DbErr> {
    // A condition on the rows of `record`, with its values; an erased place has no author and is not erased again.
    let (whose, values): (&str, Vec<Value>) = match of {
        Some(user) => (
            "handbook_id = ? AND source = 'family' AND kind <> 'erased' AND user_id = ?",
            vec![handbook.id.into(), user.into()],
        ),
        None => ("handbook_id = ? AND source = 'family' AND kind <> 'erased'", vec![handbook.id.into()]),
    };
    let backend = txn.get_database_backend();
    let run = async |sql: String, before: Vec<Value>| -> Result<u64, DbErr> {
        let values = before.into_iter().chain(values.iter().cloned());
        Ok(txn.execute_raw(statement(backend, &sql, values)).await?.rows_affected())
    };
    let these = format!("SELECT id FROM record WHERE {whose}");
    let photos = drop_photos(txn, handbook.id, of, &these, &values, now).await?;
    run(format!("DELETE FROM record_version WHERE record_id IN ({these})"), vec![]).await?;
    let here = vec![handbook.id.into()];
    let alerts = format!("DELETE FROM alert WHERE handbook_id = ? AND record_id IN ({these})");
    run(alerts, here.clone()).await?;
    let notices =
        format!("UPDATE notice SET record_id = NULL WHERE handbook_id = ? AND record_id IN ({these})");
    run(notices, here).await?;
    let numbered = format!(
        "SELECT record.id AS id, handbook.change_seq + ROW_NUMBER() OVER (ORDER BY record.id) AS seq \
         FROM record JOIN handbook ON handbook.id = record.handbook_id WHERE {whose}"
    );
    let blank = format!(
        "UPDATE record SET kind = 'erased', edition = '', subject = 'household', child_id = NULL, pregnancy_id = NULL, \
             occurred_on = ?, occurred_at = NULL, user_id = NULL, author_role = '', state = 'withdrawn', payload = '{{}}', \
             sealed = NULL, warnings = '[]', photos = '[]', override_reason = NULL, edited_at = NULL, changed_at = ?, \
             change_seq = numbered.seq \
         FROM ({numbered}) AS numbered WHERE record.id = numbered.id"
    );
    let erased = run(blank, vec![handbook.issued_on.into(), now.into()]).await?;
    let raise = statement(
        backend,
        "UPDATE handbook SET change_seq = change_seq + ? WHERE id = ?",
        [i64::try_from(erased).unwrap_or(i64::MAX).into(), handbook.id.into()],
    );
    txn.execute_raw(raise).await?;
    Ok(Erased { entries: erased + photos })
}

/// Drops the photos of entries, and those of the same people that hang on nothing: rows now, files by jobs.
async fn drop_photos(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    of: Option<UserId>,
    these: &str,
    values: &[Value],
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let mut bound: Vec<Value> = vec![handbook.into()];
    bound.extend(values.iter().cloned());
    let loose = match of {
        Some(user) => {
            bound.push(user.into());
            "record_id IS NULL AND user_id = ?"
        }
        None => "record_id IS NULL",
    };
    let sql = format!(
        "DELETE FROM photo WHERE handbook_id = ? AND (record_id IN ({these}) OR ({loose})) RETURNING id"
    );
    let rows = txn.query_all_raw(statement(txn.get_database_backend(), &sql, bound)).await?;
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
    match of {
        Some(user) => {
            let sql = "DELETE FROM correction_request WHERE handbook_id = ? AND user_id = ?";
            run(txn, sql, [handbook.into(), user.into()]).await
        }
        None => run(txn, "DELETE FROM correction_request WHERE handbook_id = ?", [handbook.into()]).await,
    }
}

/// Deletes what only a family has of a handbook: notices, codes, invitations and tickets. Gives how many notices there were.
pub async fn family_side(txn: &impl ConnectionTrait, handbook: HandbookId) -> Result<u64, DbErr> {
    for table in ["code", "invitation", "live_ticket"] {
        run(txn, &format!("DELETE FROM {table} WHERE handbook_id = ?"), [handbook.into()]).await?;
    }
    run(txn, "DELETE FROM notice WHERE handbook_id = ?", [handbook.into()]).await
}

/// Takes phone and addresses off the people of a handbook who are in no other one that is in use. Gives how many had a
/// phone.
pub async fn phones(app: &App, txn: &impl ConnectionTrait, row: &handbook::Model) -> Result<u64, ApiError> {
    let mut had = 0;
    for id in people_of(txn, row).await? {
        if is_elsewhere(txn, id, row.id).await? {
            continue;
        }
        let Some(person) = people::by_id(txn, id).await? else { continue };
        let before = people::identity(&app.keys, &person)?;
        had += u64::from(before.phone.is_some());
        let kept = Identity {
            name: before.name,
            id_number: before.id_number,
            health_record_no: before.health_record_no,
            ..Identity::default()
        };
        let new = NewPerson {
            identity: &kept,
            born_on: person.born_on,
            sex: person.sex,
            region: person.region_code,
        };
        people::update_identity(txn, &app.keys, &person, new).await?;
    }
    Ok(had)
}

async fn people_of(txn: &impl ConnectionTrait, row: &handbook::Model) -> Result<Vec<PersonId>, DbErr> {
    let children = children::of_handbook(txn, row.id).await?;
    Ok(children.iter().map(|child| child.person_id).chain(row.woman_id).collect())
}

/// Whether a person is in another handbook that is not blocked or erased, or holds an account.
async fn is_elsewhere(
    txn: &impl ConnectionTrait,
    person: PersonId,
    except: HandbookId,
) -> Result<bool, DbErr> {
    is_in(txn, person, except, "AND handbook.blocked_until IS NULL").await
}

async fn is_in(
    txn: &impl ConnectionTrait,
    person: PersonId,
    except: HandbookId,
    also: &str,
) -> Result<bool, DbErr> {
    let looks = [
        format!("SELECT 1 FROM handbook WHERE woman_id = ? AND id <> ? {also}"),
        format!(
            "SELECT 1 FROM child JOIN handbook ON handbook.id = child.handbook_id \
             WHERE child.person_id = ? AND child.handbook_id <> ? {also}"
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

/// Deletes everything of a handbook that tells of somebody, and takes the people out of what is left for counting. Gives how
/// many clinical records there were.
pub async fn everything(
    app: &App,
    txn: &impl ConnectionTrait,
    row: &handbook::Model,
    now: DateTime<Utc>,
) -> Result<u64, ApiError> {
    let id = row.id;
    family_side(txn, id).await?;
    requests(txn, id, None).await?;
    let dropped = photo::Entity::find().filter(photo::COLUMN.handbook_id.eq(id)).all(txn).await?;
    let files: Vec<PhotoId> = dropped.iter().map(|photo| photo.id).collect();
    photos::drop_files(txn, &files, now).await?;
    let these = "SELECT id FROM record WHERE handbook_id = ?";
    run(txn, "DELETE FROM photo WHERE handbook_id = ?", [id.into()]).await?;
    run(txn, "DELETE FROM alert WHERE handbook_id = ?", [id.into()]).await?;
    run(txn, &format!("DELETE FROM record_version WHERE record_id IN ({these})"), [id.into()]).await?;
    run(txn, "DELETE FROM rule_override WHERE handbook_id = ?", [id.into()]).await?;
    let clinical = crate::closing::store::count_clinical(txn, id).await?;
    run(txn, "DELETE FROM record WHERE handbook_id = ?", [id.into()]).await?;
    run(txn, "DELETE FROM delegation WHERE handbook_id = ?", [id.into()]).await?;
    run(txn, "DELETE FROM desk_act WHERE handbook_id = ?", [id.into()]).await?;
    // These stay with the handbook that was counted: of one that replaced another, with the one before.
    let counted = "SELECT id FROM handbook WHERE counts_as = ?";
    for (table, words) in [("usage_follow_up", "note"), ("issuance", "override_reason")] {
        let sql = format!("UPDATE {table} SET {words} = NULL WHERE handbook_id IN ({counted})");
        run(txn, &sql, [row.counts_as.into()]).await?;
    }
    run(txn, "UPDATE visit SET reason = NULL WHERE handbook_id = ?", [id.into()]).await?;
    let notes =
        "UPDATE break_glass SET note = NULL WHERE visit_id IN (SELECT id FROM visit WHERE handbook_id = ?)";
    run(txn, notes, [id.into()]).await?;
    run(txn, "UPDATE member SET is_woman = false WHERE handbook_id = ?", [id.into()]).await?;
    for person in people_of(txn, row).await? {
        forget(app, txn, person, id).await?;
    }
    leave_years(txn, id).await?;
    let left = "UPDATE handbook SET woman_id = NULL, expecting_id = NULL, woman_died_on = NULL, erased_at = ?, \
                version = version + 1 WHERE id = ?";
    run(txn, left, [now.into(), id.into()]).await?;
    Ok(clinical)
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

/// Takes a person's identity away, unless they are in another handbook or hold an account.
async fn forget(
    app: &App,
    txn: &impl ConnectionTrait,
    person: PersonId,
    handbook: HandbookId,
) -> Result<(), ApiError> {
    if is_in(txn, person, handbook, "AND handbook.erased_at IS NULL").await? {
        return Ok(());
    }
    let Some(row) = people::by_id(txn, person).await? else { return Ok(()) };
    let nobody = Identity::default();
    let new = NewPerson { identity: &nobody, born_on: None, sex: None, region: None };
    people::update_identity(txn, &app.keys, &row, new).await?;
    Ok(())
}
