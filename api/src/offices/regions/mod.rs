//! Regions: the administrative tree. Everybody who is signed in may read it; a system administrator changes it.

pub mod add;
pub mod list;
pub mod remove;
pub mod rename;
pub mod show;
pub(crate) mod store;

use domain::place::{PlaceRefusal, Region, RegionCode, RegionLevel};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::db::entities::region;
use crate::form::Form;

/// Longest name of a region.
pub(crate) const NAME_LENGTH: usize = 100;

/// One region.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Region)]
pub(crate) struct View {
    /// Division code of 12 digits.
    #[schema(value_type = i64)]
    code: RegionCode,
    /// `province`, `city`, `county`, `town` or `village`.
    #[schema(value_type = String)]
    level: RegionLevel,
    /// Official name.
    name_zh: String,
    /// Code of the region above; nothing for a province.
    #[schema(value_type = Option<i64>)]
    parent_code: Option<RegionCode>,
}

impl From<region::Model> for View {
    fn from(row: region::Model) -> Self {
        Self { code: row.code, level: row.level, name_zh: row.name_zh, parent_code: row.parent_code }
    }
}

/// `?level=`: at which level a code is meant.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LevelQuery {
    /// Level at which the code is meant; the highest at which it exists when left out.
    #[param(value_type = Option<String>)]
    level: Option<RegionLevel>,
}

/// What a new region is refused for, told at the field that is wrong.
pub(crate) fn check(form: &mut Form, region: Region, parent: Option<RegionCode>) {
    if let Err(refusal) = region.check(parent) {
        refuse(form, refusal);
    }
}

/// Tells a refusal at the field that is wrong.
pub(crate) fn refuse(form: &mut Form, refusal: PlaceRefusal) {
    let (pointer, zh) = match refusal {
        PlaceRefusal::NotACode => ("/code", "区划代码应为12位数字，从110000000000起。".to_owned()),
        PlaceRefusal::NotWrittenAtLevel(level) => {
            ("/code", format!("{}级代码在该级以下各位应为0。", level.zh()))
        }
        PlaceRefusal::ParentMissing => ("/parent_code", "除省级外必须填写上级代码。".to_owned()),
        PlaceRefusal::ParentOfProvince => ("/parent_code", "省级没有上级代码。".to_owned()),
        PlaceRefusal::ParentNotAbove => {
            ("/parent_code", "上级代码应为包含该代码的更高一级区划，且已存在。".to_owned())
        }
    };
    form.refuse(pointer, "wrong_place", zh, format!("Not possible: {refusal}."));
}
