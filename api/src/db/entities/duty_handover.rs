//! Table `duty_handover`.
//!
//! A danger sign, or else a countersign, that waited when its handbook was transferred: from whom to whom it went.

use domain::id::{AlertId, HandbookId, HandoverId, InstitutionId, RecordId};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "duty_handover")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: HandoverId,
    pub handbook_id: HandbookId,
    pub record_id: RecordId,
    pub alert_id: Option<AlertId>,
    pub from_institution_id: InstitutionId,
    pub to_institution_id: InstitutionId,
    pub at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
