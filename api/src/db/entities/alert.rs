//! Table `alert`.
//!
//! A danger sign, shown to the managing institution and to the county of the family until somebody answers it.

use domain::id::{AlertId, HandbookId, InstitutionId, RecordId, StaffId};
use domain::place::RegionCode;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "alert")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AlertId,
    pub handbook_id: HandbookId,
    pub record_id: RecordId,
    pub institution_id: InstitutionId,
    pub county_code: RegionCode,
    pub level: String,
    pub signs: Vec<u8>,
    pub raised_at: DateTimeUtc,
    pub answered_at: Option<DateTimeUtc>,
    pub answered_by: Option<StaffId>,
    pub answer: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
