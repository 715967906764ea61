//! Table `alert`.
//!
//! A danger sign of a family entry, shown to the managing institution until somebody answers it.

use domain::id::{AlertId, HandbookId, InstitutionId, RecordId, StaffId};
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
    pub level: String,
    pub signs: Vec<u8>,
    pub raised_at: DateTimeUtc,
    pub answered_at: Option<DateTimeUtc>,
    pub answered_by: Option<StaffId>,
    pub answer: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
