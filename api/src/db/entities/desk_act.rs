//! Table `desk_act`.
//!
//! What staff changed about a handbook at a desk, and why.

use domain::access::Action;
use domain::id::{DeskActId, HandbookId, InstitutionId, PersonId, StaffId};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "desk_act")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeskActId,
    pub handbook_id: HandbookId,
    pub action: Action,
    pub staff_id: StaffId,
    pub institution_id: Option<InstitutionId>,
    pub person_id: Option<PersonId>,
    pub reason: Vec<u8>,
    pub before: Option<Vec<u8>>,
    pub done_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
