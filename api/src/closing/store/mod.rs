//! Rows of closings: which handbooks somebody is or was in, what is left of them, and who is still under care.

pub mod delete;

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::day_in_china;
use domain::handbook::State;
use domain::id::{HandbookId, PersonId, RecordId, UserId};
use domain::record::Source;
use domain::retention::{Kept, UnderCare};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::children::store as children;
use crate::db::entities::{child, handbook, member, photo, record, retention_receipt, visit, wechat_user};
use crate::error::ApiError;
use crate::handbooks::store as handbooks;
use crate::keys::{Keys, Place, places, random};
use crate::pregnancies::store as pregnancies;
use crate::records::store::ERASED;

/// The handbooks that a user is or was a member of, in the order in which they are held.
pub async fn handbooks_of(db: &impl ConnectionTrait, user: UserId) -> Result<BTreeSet<HandbookId>, DbErr> {
    let all = member::Entity::find().filter(member::COLUMN.user_id.eq(user)).all(db).await?;
    Ok(all.into_iter().map(|member| member.handbook_id).collect())
}

/// How many entries of a handbook a user wrote, and how many photos they added.
pub async fn own_entries(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    user: UserId,
) -> Result<(u64, u64), DbErr> {
    let entries = record::Entity::find()
        .filter(record::COLUMN.handbook_id.eq(handbook))
        .filter(record::COLUMN.user_id.eq(user))
        .filter(record::COLUMN.source.eq(Source::Family))
        .filter(record::COLUMN.kind.ne(ERASED));
    let photos = photo::Entity::find()
        .filter(photo::COLUMN.handbook_id.eq(handbook))
        .filter(photo::COLUMN.user_id.eq(user));
    Ok((entries.count(db).await?, photos.count(db).await?))
}

/// Who of a handbook is under care.
pub async fn under_care(db: &impl ConnectionTrait, row: &handbook::Model) -> Result<UnderCare, DbErr> {
    let courses = pregnancies::of_handbook(db, row.id).await?;
    let children = children::of_handbook(db, row.id).await?;
    let living = children.iter().filter(|child| child.ended_on.is_none());
    Ok(UnderCare {
        woman_died: pregnancies::woman_died_on(row, &courses).is_some(),
        pregnancies: courses.iter().map(pregnancies::course_of).collect(),
        children: living.map(|child| child.born_on).collect(),
    })
}

/// What clinicians left in a handbook, if anything.
pub async fn kept(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    inpatient_kinds: &[String],
) -> Result<Option<Kept>, DbErr> {
    let clinical = || {
        record::Entity::find()
            .filter(record::COLUMN.handbook_id.eq(handbook))
            .filter(record::COLUMN.source.ne(Source::Family))
    };
    let last_record = clinical().order_by_desc(record::COLUMN.occurred_on).one(db).await?;
    let last_visit = visit::Entity::find()
        .filter(visit::COLUMN.handbook_id.eq(handbook))
        .order_by_desc(visit::COLUMN.opened_at)
        .one(db)
        .await?;
    let days =
        [last_record.map(|record| record.occurred_on), last_visit.map(|visit| day_in_china(visit.opened_at))];
    let Some(last_visit_on) = days.into_iter().flatten().max() else { return Ok(None) };
    let inpatient = clinical().filter(record::COLUMN.kind.is_in(inpatient_kinds.iter().cloned()));
    Ok(Some(Kept { last_visit_on, inpatient: inpatient.count(db).await? > 0 }))
}

/// How many records clinicians left in a handbook.
pub async fn count_clinical(db: &impl ConnectionTrait, handbook: HandbookId) -> Result<u64, DbErr> {
    let clinical = record::Entity::find()
        .filter(record::COLUMN.handbook_id.eq(handbook))
        .filter(record::COLUMN.source.ne(Source::Family));
    clinical.count(db).await
}

/// Closes an account: the row stays for what refers to it and leads to nobody. `false` when it was closed before.
pub async fn close_account(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<bool, ApiError> {
    let nobody = keys.seal(Place::new(places::WECHAT_USER_OPENID, user.0), "").map_err(ApiError::Internal)?;
    let closed = wechat_user::ActiveModel {
        openid: Set(nobody),
        // Like every index, so that who signs in with the same WeChat account is somebody new.
        openid_index: Set(random::<32>().to_vec()),
        unionid: Set(None),
        person_id: Set(None),
        closed_at: Set(Some(now)),
        ..Default::default()
    };
    let close = wechat_user::Entity::update_many()
        .set(closed)
        .filter(wechat_user::COLUMN.id.eq(user))
        .filter(wechat_user::COLUMN.closed_at.is_null());
    Ok(close.exec(txn).await?.rows_affected == 1)
}

/// The people whom a handbook is about, with the children of a birth that was taken back: what is known of them stayed.
pub async fn people_of(db: &impl ConnectionTrait, row: &handbook::Model) -> Result<Vec<PersonId>, DbErr> {
    let children = child::Entity::find().filter(child::COLUMN.handbook_id.eq(row.id)).all(db).await?;
    Ok(children.iter().map(|child| child.person_id).chain(row.woman_id).collect())
}

/// Which of these entries have content, and in which handbooks they are.
pub async fn entries_that_live(
    db: &impl ConnectionTrait,
    ids: &[RecordId],
) -> Result<Vec<(RecordId, HandbookId)>, DbErr> {
    record::Entity::find()
        .select_only()
        .columns([record::Column::Id, record::Column::HandbookId])
        .filter(record::Column::Id.is_in(ids.iter().copied()))
        .filter(record::COLUMN.source.eq(Source::Family))
        .filter(record::COLUMN.kind.ne(ERASED))
        .into_tuple()
        .all(db)
        .await
}

/// The family has gone: a handbook that lives waits for another one to claim it.
pub async fn set_left(
    txn: &impl ConnectionTrait,
    held: &handbook::Model,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let left = handbook::ActiveModel { family_left_at: Set(Some(at)), ..handbooks::no_slip() };
    if held.state.is_live() {
        let waits = handbook::ActiveModel { state: Set(State::Issued), ..left };
        handbooks::change(txn, held.id, &handbooks::LIVE, waits).await.map(|_| ())
    } else {
        let update = handbook::Entity::update_many().set(left).filter(handbook::COLUMN.id.eq(held.id));
        update.exec(txn).await.map(|_| ())
    }
}

/// Keeps receipts.
pub async fn keep_receipts(
    txn: &impl ConnectionTrait,
    receipts: impl IntoIterator<Item = retention_receipt::ActiveModel>,
) -> Result<(), DbErr> {
    retention_receipt::Entity::insert_many(receipts).exec_without_returning(txn).await.map(|_| ())
}

/// The handbook is blocked from now on; its family went at `left_at`.
pub async fn set_blocked(
    txn: &impl ConnectionTrait,
    id: HandbookId,
    until: NaiveDate,
    left_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let blocked = handbook::ActiveModel {
        blocked_until: Set(Some(until)),
        family_left_at: Set(Some(left_at)),
        ..Default::default()
    };
    let block = handbook::Entity::update_many()
        .set(blocked)
        .col_expr(handbook::Column::Version, Expr::col(handbook::Column::Version).add(1))
        .filter(handbook::COLUMN.id.eq(id));
    block.exec(txn).await.map(|_| ())
}

/// Handbooks whose family has gone while care was due, in the order in which it went, after one of them. Of
/// one that was replaced the successor is asked about.
pub async fn left(
    db: &impl ConnectionTrait,
    (since, after): (DateTime<Utc>, HandbookId),
    limit: u64,
) -> Result<Vec<handbook::Model>, DbErr> {
    let column = |column| Expr::col((handbook::Entity, column));
    let position = Expr::tuple([column(handbook::Column::FamilyLeftAt), column(handbook::Column::Id)]);
    handbook::Entity::find()
        .filter(handbook::COLUMN.family_left_at.gte(since))
        .filter(position.gt(Expr::tuple([Expr::value(since), Expr::value(after.0)])))
        .filter(handbook::COLUMN.blocked_until.is_null())
        .filter(handbook::COLUMN.state.ne(State::Replaced))
        .order_by_asc(handbook::COLUMN.family_left_at)
        .order_by_asc(handbook::COLUMN.id)
        .limit(limit)
        .all(db)
        .await
}

/// Handbooks whose time of blocking is over, with its last day, in the order in which it ended, after one of them.
pub async fn over(
    db: &impl ConnectionTrait,
    today: NaiveDate,
    (since, after): (NaiveDate, HandbookId),
    limit: u64,
) -> Result<Vec<(NaiveDate, HandbookId)>, DbErr> {
    let column = |column| Expr::col((handbook::Entity, column));
    let position = Expr::tuple([column(handbook::Column::BlockedUntil), column(handbook::Column::Id)]);
    handbook::Entity::find()
        .select_only()
        .columns([handbook::Column::BlockedUntil, handbook::Column::Id])
        .filter(handbook::COLUMN.blocked_until.gte(since))
        .filter(handbook::COLUMN.blocked_until.lte(today))
        .filter(position.gt(Expr::tuple([Expr::value(since), Expr::value(after.0)])))
        .filter(handbook::COLUMN.erased_at.is_null())
        .order_by_asc(handbook::COLUMN.blocked_until)
        .order_by_asc(handbook::COLUMN.id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await
}
