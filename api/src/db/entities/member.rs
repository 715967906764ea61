//! Table `member`.

use domain::id::{HandbookId, MemberId, UserId};
use domain::member::{MemberRelation, MemberRole};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "member")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MemberId,
    pub handbook_id: HandbookId,
    pub user_id: UserId,
    pub role: MemberRole,
    pub relation: MemberRelation,
    pub is_woman: bool,
    pub joined_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub version: i32,
    /// Version of the privacy text that stands agreed to.
    pub agreed_to: String,
}

impl ActiveModelBehavior for ActiveModel {}
