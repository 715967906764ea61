//! Handbooks: issue, find, cover, claim and what desks do to them. What stands in a handbook is left to `pregnancies`,
//! `children`, `members` and the records.

pub mod claim;
pub mod close;
pub mod correct;
pub mod desk;
pub mod find;
pub mod form;
pub mod issue;
pub mod mine;
pub mod print;
pub mod proof;
pub mod reclaim;
pub(crate) mod refused;
pub mod release;
pub mod replace;
pub mod show;
pub mod store;
pub mod subjects;
pub mod transfer;

use domain::id::InstitutionId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::entities::institution;

/// An institution as far as a cover names it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InstitutionName {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: InstitutionId,
    /// Name.
    pub name: String,
    /// Phone of its desk, for the family and for staff who have to do with the handbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl InstitutionName {
    /// The name alone, for staff who only looked the handbook up.
    pub fn without_phone(self) -> Self {
        Self { phone: None, ..self }
    }
}

impl From<&institution::Model> for InstitutionName {
    fn from(row: &institution::Model) -> Self {
        Self { id: row.id, name: row.name.clone(), phone: Some(row.phone.clone()) }
    }
}
