//! Table `invitation`.

use domain::id::{HandbookId, InvitationId, MemberId};
use domain::member::{MemberRelation, MemberRole};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "invitation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InvitationId,
    pub handbook_id: HandbookId,
    #[sea_orm(unique)]
    pub code_hash: Vec<u8>,
    pub role: MemberRole,
    pub relation: MemberRelation,
    pub invited_by: MemberId,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub used_at: Option<DateTimeUtc>,
    pub revoked_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
