//! The desk at which staff issue and replace handbooks: their institution, and what it may issue.

use domain::handbook::issuing::IssuingRight;
use domain::institution::AgencyClasses;
use domain::place::{RegionCode, RegionLevel};

use super::store;
use crate::app::App;
use crate::db::entities::institution;
use crate::error::ApiError;
use crate::problem::Code;
use crate::session::Staff;

/// The desk of a staff member.
#[derive(Debug)]
pub struct Desk {
    /// The institution.
    pub institution: institution::Model,
    /// What it may issue.
    pub right: IssuingRight,
}

impl Desk {
    /// The desk of a staff member; whoever belongs to no working institution has none.
    pub async fn of(app: &App, staff: &Staff) -> Result<Self, ApiError> {
        let db = app.db.read();
        let institution = store::institution(db, staff.institution()?).await?;
        let institution = institution.ok_or_else(|| ApiError::told(Code::OutOfScope))?;
        let right = store::issuing_right(db, &institution, app.today()).await?;
        Ok(Self { institution, right })
    }

    /// The county whose numbers it gives.
    pub fn county(&self) -> RegionCode {
        self.institution.region_code.at(RegionLevel::County)
    }

    /// The agency classes of the institution.
    pub fn classes(&self) -> AgencyClasses {
        self.institution.classes.0.iter().copied().collect()
    }
}
