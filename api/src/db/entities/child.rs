//! Table `child`.

use domain::id::{ChildId, HandbookId, PersonId, PregnancyId};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "child")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ChildId,
    pub handbook_id: HandbookId,
    pub pregnancy_id: Option<PregnancyId>,
    pub person_id: PersonId,
    /// Keyed hash of who the child is, while the handbook lives: one live handbook per child.
    #[sea_orm(unique)]
    pub identity_index: Option<Vec<u8>>,
    pub birth_order: i32,
    pub born_on: Date,
    pub born_at: Option<DateTimeUtc>,
    pub birth_weight_g: Option<i32>,
    pub gestational_days: Option<i32>,
    pub ended_on: Option<Date>,
    /// When the birth was taken back as recorded in error: nobody sees the child any more.
    pub voided_at: Option<DateTimeUtc>,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
