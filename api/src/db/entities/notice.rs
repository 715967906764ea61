//! Table `notice`.
//!
//! What the family is told: a visit without their phone, emergency access, a new member.

use domain::id::{HandbookId, InstitutionId, NoticeId, RecordId};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notice")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NoticeId,
    pub handbook_id: HandbookId,
    pub kind: String,
    pub institution_id: Option<InstitutionId>,
    pub record_id: Option<RecordId>,
    pub raised_at: DateTimeUtc,
    pub change_seq: i64,
}

impl ActiveModelBehavior for ActiveModel {}
