//! Table `break_glass`.
//!
//! What an emergency access adds to its visit: why, and what the county that answers for the family found.

use domain::id::{StaffId, VisitId};
use domain::place::RegionCode;
use domain::visit::EmergencyReason;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "break_glass")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub visit_id: VisitId,
    pub region_code: RegionCode,
    pub reason_code: EmergencyReason,
    pub reviewed_at: Option<DateTimeUtc>,
    pub reviewed_by: Option<StaffId>,
    pub accepted: Option<bool>,
    pub note: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
