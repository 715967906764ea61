//! Table `record`.

use super::PhotoIds;
use domain::id::{ChildId, HandbookId, InstitutionId, PregnancyId, RecordId, StaffId, UserId, VisitId};
use domain::record::{RecordState, Source, SubjectKind};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "record")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RecordId,
    pub handbook_id: HandbookId,
    pub subject: SubjectKind,
    pub child_id: Option<ChildId>,
    pub pregnancy_id: Option<PregnancyId>,
    pub source: Source,
    pub kind: String,
    pub edition: String,
    pub occurred_on: Date,
    pub occurred_at: Option<DateTimeUtc>,
    pub user_id: Option<UserId>,
    pub staff_id: Option<StaffId>,
    pub author_role: String,
    pub institution_id: Option<InstitutionId>,
    pub visit_id: Option<VisitId>,
    pub state: RecordState,
    pub is_private: bool,
    pub awaits_countersign_of: Option<InstitutionId>,
    pub countersigned_by: Option<StaffId>,
    #[sea_orm(column_type = "JsonBinary")]
    pub payload: Json,
    pub sealed: Option<Vec<u8>>,
    #[sea_orm(column_type = "JsonBinary")]
    pub warnings: Json,
    #[sea_orm(column_type = "JsonBinary")]
    pub photos: PhotoIds,
    pub override_reason: Option<Vec<u8>>,
    pub recorded_at: DateTimeUtc,
    pub changed_at: DateTimeUtc,
    pub edited_at: Option<DateTimeUtc>,
    pub change_seq: i64,
    pub hidden_seq: Option<i64>,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
