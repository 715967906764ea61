//! Table `correction_request`: a family asks to correct what a clinician wrote.

use domain::correction::RequestState;
use domain::id::{CorrectionId, HandbookId, InstitutionId, RecordId, StaffId, UserId};
use domain::place::RegionCode;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "correction_request")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CorrectionId,
    pub handbook_id: HandbookId,
    pub record_id: RecordId,
    /// The version that the family saw.
    pub record_version: i32,
    pub user_id: UserId,
    pub institution_id: InstitutionId,
    pub county_code: RegionCode,
    pub state: RequestState,
    pub says: Vec<u8>,
    pub asked_at: DateTimeUtc,
    pub due_on: Date,
    pub answered_at: Option<DateTimeUtc>,
    pub answered_by: Option<StaffId>,
    pub new_version: Option<i32>,
    pub reason: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
