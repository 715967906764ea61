//! Table `usage_follow_up`.

use domain::id::{FollowUpId, HandbookId, InstitutionId, StaffId};
use domain::usage::Found;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_follow_up")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FollowUpId,
    pub handbook_id: HandbookId,
    pub staff_id: StaffId,
    pub institution_id: Option<InstitutionId>,
    pub found: Found,
    pub note: Option<Vec<u8>>,
    pub found_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
