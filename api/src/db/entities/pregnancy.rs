//! Table `pregnancy`.

use domain::id::{HandbookId, PregnancyId};
use domain::pregnancy::{Dating, Outcome};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "pregnancy")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PregnancyId,
    pub handbook_id: HandbookId,
    pub last_period_on: Option<Date>,
    pub due_on: Date,
    pub dating: Dating,
    pub fetuses: i32,
    pub outcome: Option<Outcome>,
    pub ended_on: Option<Date>,
    pub discharged_on: Option<Date>,
    /// The grade in force, from the latest confirmed assessment; purple may stand beside any colour.
    pub risk_grade: Option<String>,
    pub risk_purple: bool,
    pub created_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
