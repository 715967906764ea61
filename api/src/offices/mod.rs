//! What administrators run: regions, institutions, staff, targets. Every finder takes the scope of who asks; what an
//! institution does with a handbook is elsewhere.

pub mod institutions;
pub mod regions;
pub mod staff;
pub mod targets;

use crate::error::ApiError;
use crate::query;
use domain::place::{Region, RegionCode, RegionLevel};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A region by code and level: three cities carry one code at two levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegionRef {
    /// Division code of 12 digits.
    #[schema(value_type = i64, minimum = 110_000_000_000_i64, maximum = 999_999_999_999_i64)]
    code: RegionCode,
    /// `province`, `city`, `county`, `town` or `village`.
    #[schema(value_type = String)]
    level: RegionLevel,
}

impl From<RegionRef> for Region {
    fn from(given: RegionRef) -> Self {
        Self { code: given.code, level: given.level }
    }
}

impl From<Region> for RegionRef {
    fn from(region: Region) -> Self {
        Self { code: region.code, level: region.level }
    }
}

/// `?region=&level=` of a list: a part of the own scope.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RegionQuery {
    /// Division code of a region inside the own scope; the whole scope when left out.
    #[param(value_type = Option<i64>)]
    region: Option<RegionCode>,
    /// Level at which the code is meant; needed with `region`.
    #[param(value_type = Option<String>)]
    level: Option<RegionLevel>,
}

impl RegionQuery {
    /// The region that is asked for, if any.
    fn region(self) -> Result<Option<Region>, ApiError> {
        match (self.region, self.level) {
            (Some(code), Some(level)) => Ok(Some(Region { code, level })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(query::required_with("level", "region")),
            (None, Some(_)) => Err(query::required_with("region", "level")),
        }
    }
}
