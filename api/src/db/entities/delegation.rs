//! Table `delegation`.

use domain::id::{DelegationId, HandbookId, InstitutionId, StaffId};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "delegation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DelegationId,
    pub handbook_id: HandbookId,
    pub staff_id: StaffId,
    pub institution_id: InstitutionId,
    pub created_by: StaffId,
    pub created_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
