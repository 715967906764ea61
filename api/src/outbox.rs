//! Jobs: enqueued in the transaction that causes them, carried out later by `worker`. A job may run twice and must do
//! no harm by it.

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::{JobId, PhotoId};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, TryInsertResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::entities::job;

/// Something to do later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "job")]
pub enum Job {
    /// Drop the file of a photo whose row is gone.
    DropPhoto {
        /// The photo.
        photo: PhotoId,
    },
    /// Drop the file of a photo unless its row was kept: whoever sent it may have hung up in between.
    DropStrayPhoto {
        /// The photo.
        photo: PhotoId,
    },
    /// Add up per region what the usage counters counted since the last time.
    AddUpUsage,
    /// Sign the head of a day of the audit log, and remove events that are past their retention.
    CloseAuditDay {
        /// The civil day, which is over.
        day: NaiveDate,
    },
    /// Forget what has expired: idempotency keys, codes, tickets, sessions, tries.
    Sweep,
    /// Block, delete or anonymise what has come to the end of its period.
    Retain,
}

impl Job {
    /// The names of all.
    pub const NAMES: [&str; 6] =
        ["drop_photo", "drop_stray_photo", "add_up_usage", "close_audit_day", "sweep", "retain"];

    /// Those that delete by the clock.
    pub const BY_THE_CLOCK: [&str; 4] = ["sweep", "retain", "close_audit_day", "drop_stray_photo"];

    /// Those that are tried for as long as it takes: a file of a family that nobody else would ever delete.
    pub const NEVER_GIVEN_UP: [&str; 2] = ["drop_photo", "drop_stray_photo"];

    /// The name that is stored and counted.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DropPhoto { .. } => "drop_photo",
            Self::DropStrayPhoto { .. } => "drop_stray_photo",
            Self::AddUpUsage => "add_up_usage",
            Self::CloseAuditDay { .. } => "close_audit_day",
            Self::Sweep => "sweep",
            Self::Retain => "retain",
        }
    }
}

/// Enqueues a job in the caller's transaction.
pub async fn enqueue(db: &impl ConnectionTrait, job: &Job, run_at: DateTime<Utc>) -> Result<(), DbErr> {
    insert(db, job, run_at, None).await
}

/// Enqueues a job unless one with this key waits already: several processes may schedule the same.
pub async fn enqueue_once(
    db: &impl ConnectionTrait,
    job: &Job,
    run_at: DateTime<Utc>,
    key: &str,
) -> Result<(), DbErr> {
    insert(db, job, run_at, Some(key.to_owned())).await
}

async fn insert(
    db: &impl ConnectionTrait,
    job: &Job,
    run_at: DateTime<Utc>,
    key: Option<String>,
) -> Result<(), DbErr> {
    let row = job::ActiveModel {
        id: Set(JobId(Uuid::now_v7())),
        kind: Set(job.name().to_owned()),
        payload: Set(serde_json::to_value(job).map_err(|err| DbErr::Json(err.to_string()))?),
        run_at: Set(run_at),
        attempts: Set(0),
        locked_until: Set(None),
        last_error: Set(None),
        dedup_key: Set(key),
    };
    let conflict = OnConflict::column(job::Column::DedupKey).do_nothing().to_owned();
    match job::Entity::insert(row).on_conflict(conflict).try_insert().exec(db).await? {
        TryInsertResult::Inserted(_) | TryInsertResult::Conflicted | TryInsertResult::Empty => Ok(()),
    }
}
