//! Rows of members and invitations. Whoever changes members takes hold of the handbook first, so that what is counted
//! here stays true until the commit.

use chrono::{DateTime, Utc};
use domain::consent::Purpose;
use domain::id::{HandbookId, InvitationId, MemberId, UserId};
use domain::member::{MEMBERS_MAX, MemberRelation, MemberRole};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, TryInsertResult,
};
use uuid::Uuid;

use crate::db::entities::{invitation, member, wechat_user};
use crate::error::ApiError;
use crate::problem::Code;

/// The live members of a handbook, the first joined first.
pub async fn live(db: &impl ConnectionTrait, handbook: HandbookId) -> Result<Vec<member::Model>, DbErr> {
    member::Entity::find()
        .filter(member::COLUMN.handbook_id.eq(handbook))
        .filter(member::COLUMN.ended_at.is_null())
        .order_by_asc(member::COLUMN.id)
        .limit(MEMBERS_MAX + 1)
        .all(db)
        .await
}

/// A page of the live members of a handbook.
pub async fn page(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    after: Option<MemberId>,
    limit: u64,
) -> Result<Vec<member::Model>, DbErr> {
    let mut page = member::Entity::find()
        .filter(member::COLUMN.handbook_id.eq(handbook))
        .filter(member::COLUMN.ended_at.is_null())
        .order_by_asc(member::COLUMN.id)
        .limit(limit);
    if let Some(after) = after {
        page = page.filter(member::COLUMN.id.gt(after));
    }
    page.all(db).await
}

/// The live membership of a user in a handbook.
pub async fn of_user_in(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    user: UserId,
) -> Result<Option<member::Model>, DbErr> {
    member::Entity::find()
        .filter(member::COLUMN.handbook_id.eq(handbook))
        .filter(member::COLUMN.user_id.eq(user))
        .filter(member::COLUMN.ended_at.is_null())
        .one(db)
        .await
}

/// A page of the live memberships of a user, the latest first.
pub async fn of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    after: Option<MemberId>,
    limit: u64,
) -> Result<Vec<member::Model>, DbErr> {
    let mut page = member::Entity::find()
        .filter(member::COLUMN.user_id.eq(user))
        .filter(member::COLUMN.ended_at.is_null())
        .order_by_desc(member::COLUMN.id)
        .limit(limit);
    if let Some(after) = after {
        page = page.filter(member::COLUMN.id.lt(after));
    }
    page.all(db).await
}

/// Somebody who joins.
#[derive(Debug, Clone, Copy)]
pub struct NewMember {
    /// The handbook.
    pub handbook: HandbookId,
    /// The user.
    pub user: UserId,
    /// What they may do.
    pub role: MemberRole,
    /// Who they are.
    pub relation: MemberRelation,
    /// Proved to be the woman herself.
    pub is_woman: bool,
}

/// Keeps a new member. The account is held until the commit: one that is closed at the same moment joins nothing.
pub async fn insert(
    txn: &impl ConnectionTrait,
    new: NewMember,
    now: DateTime<Utc>,
) -> Result<member::Model, ApiError> {
    let open = wechat_user::Entity::update_many()
        .col_expr(wechat_user::Column::CreatedAt, Expr::col(wechat_user::Column::CreatedAt))
        .filter(wechat_user::COLUMN.id.eq(new.user))
        .filter(wechat_user::COLUMN.closed_at.is_null());
    if open.exec(txn).await?.rows_affected != 1 {
        return Err(ApiError::told(Code::NotSignedIn));
    }
    let row = member::Model {
        id: MemberId(Uuid::now_v7()),
        handbook_id: new.handbook,
        user_id: new.user,
        role: new.role,
        relation: new.relation,
        is_woman: new.is_woman,
        joined_at: now,
        ended_at: None,
        version: 1,
        agreed_to: Purpose::Basic.version().to_owned(),
    };
    member::Entity::insert(row.clone().into_active_model()).exec_without_returning(txn).await?;
    Ok(row)
}

/// Ends a membership; `false` when it ended before.
pub async fn end(txn: &impl ConnectionTrait, id: MemberId, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let ended = member::ActiveModel { ended_at: Set(Some(now)), ..Default::default() };
    let end = member::Entity::update_many()
        .set(ended)
        .col_expr(member::Column::Version, Expr::col(member::Column::Version).add(1))
        .filter(member::COLUMN.id.eq(id))
        .filter(member::COLUMN.ended_at.is_null());
    Ok(end.exec(txn).await?.rows_affected == 1)
}

/// Gives a live member another role; `None` when the membership moved on since it was read.
pub async fn set_role(
    txn: &impl ConnectionTrait,
    row: &member::Model,
    role: MemberRole,
) -> Result<Option<member::Model>, DbErr> {
    change(txn, row, member::ActiveModel { role: Set(role), ..Default::default() }).await
}

/// A live member has proved to be the woman herself; `None` when the membership moved on since it was read.
pub async fn set_woman(
    txn: &impl ConnectionTrait,
    row: &member::Model,
) -> Result<Option<member::Model>, DbErr> {
    change(txn, row, member::ActiveModel { is_woman: Set(true), ..Default::default() }).await
}

/// Changes columns of a live member as it was read and raises its version.
async fn change(
    txn: &impl ConnectionTrait,
    row: &member::Model,
    change: member::ActiveModel,
) -> Result<Option<member::Model>, DbErr> {
    let changed = member::Entity::update_many()
        .set(change)
        .col_expr(member::Column::Version, Expr::value(row.version + 1))
        .filter(member::COLUMN.id.eq(row.id))
        .filter(member::COLUMN.version.eq(row.version))
        .filter(member::COLUMN.ended_at.is_null())
        .exec_with_returning(txn)
        .await?;
    Ok(changed.into_iter().next())
}

/// Whether one of these members has proved to be the woman herself.
pub fn has_woman(members: &[member::Model]) -> bool {
    members.iter().any(|member| member.is_woman)
}

/// The owners among these members.
pub fn owners(members: &[member::Model]) -> impl Iterator<Item = &member::Model> {
    members.iter().filter(|member| member.role == MemberRole::Owner)
}

/// How many of these members are owners.
pub fn count_owners(members: &[member::Model]) -> u64 {
    owners(members).map(|_| 1).sum()
}

/// Keeps an invitation; `false` when another has its id.
pub async fn keep_invitation(txn: &impl ConnectionTrait, row: &invitation::Model) -> Result<bool, DbErr> {
    let taken = OnConflict::column(invitation::Column::Id).do_nothing().to_owned();
    let insert = invitation::Entity::insert(row.clone().into_active_model()).on_conflict(taken);
    match insert.try_insert().exec(txn).await? {
        TryInsertResult::Inserted(_) => Ok(true),
        TryInsertResult::Conflicted | TryInsertResult::Empty => Ok(false),
    }
}

/// The invitation with a code.
pub async fn invitation(db: &impl ConnectionTrait, hash: &[u8]) -> Result<Option<invitation::Model>, DbErr> {
    invitation::Entity::find().filter(invitation::COLUMN.code_hash.eq(hash.to_vec())).one(db).await
}

/// Invitations of a handbook that would still let somebody in, the latest first: not used, not revoked, not over, and
/// given by one of these owners.
pub async fn open_invitations(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    owners: &[MemberId],
    after: Option<InvitationId>,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<invitation::Model>, DbErr> {
    let mut open = invitation::Entity::find()
        .filter(invitation::COLUMN.handbook_id.eq(handbook))
        .filter(invitation::COLUMN.invited_by.is_in(owners.iter().copied()))
        .filter(open_at(now));
    if let Some(after) = after {
        open = open.filter(invitation::COLUMN.id.lt(after));
    }
    open.order_by_desc(invitation::COLUMN.id).limit(limit).all(db).await
}

fn open_at(now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(invitation::COLUMN.used_at.is_null())
        .add(invitation::COLUMN.revoked_at.is_null())
        .add(invitation::COLUMN.expires_at.gt(now))
}

/// Revokes an open invitation of a handbook; `false` when there is none. Of a revocation and an acceptance at the same
/// moment one changes the row.
pub async fn revoke_invitation(
    db: &impl ConnectionTrait,
    handbook: HandbookId,
    id: InvitationId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let revoked = invitation::ActiveModel { revoked_at: Set(Some(now)), ..Default::default() };
    let revoked = invitation::Entity::update_many()
        .set(revoked)
        .filter(invitation::COLUMN.id.eq(id))
        .filter(invitation::COLUMN.handbook_id.eq(handbook))
        .filter(open_at(now))
        .exec(db)
        .await?;
    Ok(revoked.rows_affected == 1)
}

/// Uses up an invitation; `false` when it is used, revoked or over.
pub async fn use_invitation(
    txn: &impl ConnectionTrait,
    id: InvitationId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let used = invitation::ActiveModel { used_at: Set(Some(now)), ..Default::default() };
    let used = invitation::Entity::update_many()
        .set(used)
        .filter(invitation::COLUMN.id.eq(id))
        .filter(open_at(now))
        .exec(txn)
        .await?;
    Ok(used.rows_affected == 1)
}
