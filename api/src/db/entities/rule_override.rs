//! Table `rule_override`.
//!
//! A rule that a handbook administrator set aside, and what the county that answers for the family found.

use domain::handbook::issuing::Override;
use domain::id::{HandbookId, InstitutionId, IssuanceId, OverrideId, RecordId, StaffId};
use domain::place::RegionCode;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rule_override")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OverrideId,
    pub kind: Override,
    pub county_code: RegionCode,
    pub handbook_id: HandbookId,
    #[sea_orm(unique)]
    pub issuance_id: Option<IssuanceId>,
    #[sea_orm(unique)]
    pub record_id: Option<RecordId>,
    pub institution_id: InstitutionId,
    pub staff_id: StaffId,
    pub made_at: DateTimeUtc,
    pub reviewed_at: Option<DateTimeUtc>,
    pub reviewed_by: Option<StaffId>,
    pub accepted: Option<bool>,
    pub note: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
