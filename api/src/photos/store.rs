//! Rows of photos. The files are on the [`Shelf`](super::Shelf), under the id of the row.

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{HandbookId, PhotoId, RecordId, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QuerySelect,
};

use crate::buried::{PHOTO, bury};
use crate::db::Db;
use crate::db::entities::photo;
use crate::outbox::{self, Job};

/// How long after its file the row of a photo may come; far longer than any request lasts.
const STRAY: TimeDelta = TimeDelta::days(1);

/// Keeps a photo that hangs on nothing yet.
pub async fn insert(db: &impl ConnectionTrait, row: photo::Model) -> Result<(), DbErr> {
    photo::Entity::insert(row.into_active_model()).exec_without_returning(db).await.map(|_| ())
}

/// Says that a file is about to be put: unless its row is there in a day, it is dropped.
pub async fn announce(db: &Db, id: PhotoId, now: DateTime<Utc>) -> Result<(), DbErr> {
    outbox::enqueue(db.write(), &Job::DropStrayPhoto { photo: id }, now + STRAY).await
}

/// Whether a photo has a row.
pub async fn has_row(db: &impl ConnectionTrait, id: PhotoId) -> Result<bool, DbErr> {
    Ok(photo::Entity::find_by_id(id).one(db).await?.is_some())
}

/// A photo of a handbook.
pub async fn of_handbook(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    id: PhotoId,
) -> Result<Option<photo::Model>, DbErr> {
    photo::Entity::find_by_id(id).filter(photo::COLUMN.handbook_id.eq(handbook)).one(db).await
}

/// How many photos a user added to a handbook since an instant.
pub async fn count_since(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    user: UserId,
    since: DateTime<Utc>,
) -> Result<u64, DbErr> {
    photo::Entity::find()
        .filter(photo::COLUMN.handbook_id.eq(handbook))
        .filter(photo::COLUMN.user_id.eq(user))
        .filter(photo::COLUMN.created_at.gte(since))
        .count(db)
        .await
}

/// Hangs photos on a record and says whether all of them could be: each must be of the handbook, hang on nothing, and be
/// the user's own where one is given.
pub async fn attach(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    user: Option<UserId>,
    record: RecordId,
    ids: &[PhotoId],
) -> Result<bool, DbErr> {
    if ids.is_empty() {
        return Ok(true);
    }
    let mut hanging = photo::Entity::update_many()
        .set(photo::ActiveModel { record_id: Set(Some(record)), ..Default::default() })
        .filter(photo::COLUMN.id.is_in(ids.to_vec()))
        .filter(photo::COLUMN.handbook_id.eq(handbook))
        .filter(photo::COLUMN.record_id.is_null());
    if let Some(user) = user {
        hanging = hanging.filter(photo::COLUMN.user_id.eq(user));
    }
    Ok(hanging.exec(txn).await?.rows_affected == u64::try_from(ids.len()).unwrap_or(u64::MAX))
}

/// Drops photos of a record, rows now and files by a job.
pub async fn drop_of_record(
    txn: &impl ConnectionTrait,
    record: RecordId,
    ids: &[PhotoId],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    if ids.is_empty() {
        return Ok(());
    }
    photo::Entity::delete_many()
        .filter(photo::COLUMN.id.is_in(ids.to_vec()))
        .filter(photo::COLUMN.record_id.eq(record))
        .exec(txn)
        .await?;
    drop_files(txn, ids, now).await
}

/// Drops a photo that hangs on nothing; `false` when there is no such photo of the user.
pub async fn drop_unattached(
    txn: &impl ConnectionTrait,
    handbook: HandbookId,
    user: UserId,
    id: PhotoId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let dropped = photo::Entity::delete_many()
        .filter(photo::COLUMN.id.eq(id))
        .filter(photo::COLUMN.handbook_id.eq(handbook))
        .filter(photo::COLUMN.user_id.eq(user))
        .filter(photo::COLUMN.record_id.is_null())
        .exec(txn)
        .await?;
    if dropped.rows_affected == 0 {
        return Ok(false);
    }
    drop_files(txn, &[id], now).await?;
    Ok(true)
}

/// Drops photos that hung on nothing for too long, some at a time.
pub async fn drop_forgotten(
    txn: &impl ConnectionTrait,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    const AT_A_TIME: u64 = 500;
    let forgotten = photo::Entity::find()
        .filter(photo::COLUMN.record_id.is_null())
        .filter(photo::COLUMN.created_at.lt(before))
        .limit(AT_A_TIME)
        .all(txn)
        .await?;
    for photo in forgotten {
        drop_unattached(txn, photo.handbook_id, photo.user_id, photo.id, now).await?;
    }
    Ok(())
}

/// Drops the files of photos whose rows are gone, by jobs.
pub async fn drop_files(
    txn: &impl ConnectionTrait,
    ids: &[PhotoId],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    for photo in ids {
        bury(txn, PHOTO, photo.0, now).await?;
        outbox::enqueue(txn, &Job::DropPhoto { photo: *photo }, now).await?;
    }
    Ok(())
}
