//! Whose figures a caller may read: a region inside the own one, or the own institution.

use domain::access::{OfficeAction, Role, may_in_office};
use domain::id::InstitutionId;
use domain::place::{Region, RegionCode, RegionLevel};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use utoipa::IntoParams;

use super::store;
use crate::error::ApiError;
use crate::offices;
use crate::problem::Code;
use crate::query;
use crate::session::Staff;

/// Whose figures are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// What was issued by institutions of a region.
    Region(NamedRegion),
    /// What one institution issued, wherever it stood then.
    Institution {
        /// The institution.
        id: InstitutionId,
        /// Its name.
        name: String,
        /// Where it stands today.
        region: NamedRegion,
    },
}

/// A region with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRegion {
    /// The region.
    pub region: Region,
    /// Its name.
    pub name: String,
}

impl Extent {
    /// The region, for an institution the one in which it stands.
    pub fn region(&self) -> &NamedRegion {
        match self {
            Self::Region(region) | Self::Institution { region, .. } => region,
        }
    }
}

/// What a query asks for: `region` (with `level` where one code stands at two), or `institution`, or neither for the
/// caller's own.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// 12-digit code of a region inside your own; left out with `institution` too, your own region or institution.
    #[param(value_type = Option<i64>, example = 510_903_000_000_i64)]
    pub region: Option<RegionCode>,
    /// Level of the region, where one code stands at two levels; left out, the wider one.
    #[param(value_type = Option<String>, example = "county")]
    pub level: Option<RegionLevel>,
    /// An institution instead of a region: your own, or one inside your region.
    #[param(value_type = Option<uuid::Uuid>)]
    pub institution: Option<InstitutionId>,
}

/// The extent that is asked for, if the caller answers for it.
pub async fn of(db: &impl ConnectionTrait, staff: &Staff, asked: Asked) -> Result<Extent, ApiError> {
    match asked {
        Asked { region: Some(_), institution: Some(_), .. } => Err(ApiError::parameter(
            "institution",
            "contradiction",
            "region和institution只能填写一个。",
            "Give region or institution, not both.",
        )),
        Asked { region: Some(code), level, .. } => region(db, staff, code, level).await,
        Asked { level: Some(_), .. } => Err(query::required_with("region", "level")),
        Asked { institution: Some(id), .. } => institution(db, staff, id).await,
        Asked { .. } => own(db, staff).await,
    }
}

async fn own(db: &impl ConnectionTrait, staff: &Staff) -> Result<Extent, ApiError> {
    if answers_for_region(staff) {
        // Whoever answers for the whole country says which region is meant.
        let region = staff.region.region().ok_or_else(|| {
            ApiError::parameter("region", "required", "请填写区划代码。", "Say which region is meant.")
        })?;
        return named(db, region).await.map(Extent::Region);
    }
    institution(db, staff, staff.institution()?).await
}

async fn region(
    db: &impl ConnectionTrait,
    staff: &Staff,
    code: RegionCode,
    level: Option<RegionLevel>,
) -> Result<Extent, ApiError> {
    let known = store::regions_with_code(db, code).await?;
    let found = known.into_iter().find(|known| level.is_none_or(|level| known.region.level == level));
    let found = found.ok_or_else(|| ApiError::with(Code::UnknownRegion, "code", code))?;
    if answers_for_region(staff) && staff.region.covers(found.region) {
        Ok(Extent::Region(found))
    } else {
        Err(ApiError::told(Code::OutOfScope))
    }
}

async fn institution(
    db: &impl ConnectionTrait,
    staff: &Staff,
    id: InstitutionId,
) -> Result<Extent, ApiError> {
    let found =
        offices::institutions::store::find(db, id).await?.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let region = Region { code: found.region_code, level: found.region_level };
    if staff.institution == Some(id) || (answers_for_region(staff) && staff.region.covers(region)) {
        Ok(Extent::Institution { id, name: found.name, region: named(db, region).await? })
    } else {
        Err(ApiError::told(Code::OutOfScope))
    }
}

async fn named(db: &impl ConnectionTrait, region: Region) -> Result<NamedRegion, ApiError> {
    let known = store::regions_with_code(db, region.code).await?;
    let found = known.into_iter().find(|known| known.region == region);
    found.ok_or_else(|| ApiError::with(Code::UnknownRegion, "code", region.code))
}

/// Whether a role that reads usage figures answers for a region; another role's region does not count.
fn answers_for_region(staff: &Staff) -> bool {
    let reads = |role: &Role| role.is_regional() && may_in_office(&[*role], OfficeAction::ReadUsage);
    staff.roles.iter().any(reads)
}
