//! Region codes as a prefix tree: a subtree is one range of integers.

use std::ops::RangeInclusive;

use crate::word::words;

words! {
    /// Level of a region in the administrative tree.
    pub enum RegionLevel {
        Province = "province", "省", "province";
        City = "city", "市", "city";
        County = "county", "县（区）", "county";
        Town = "town", "乡镇（街道）", "township";
        Village = "village", "村（居）", "village";
    }
}

impl RegionLevel {
    /// The level below; villages have none.
    pub const fn below(self) -> Option<Self> {
        match self {
            Self::Province => Some(Self::City),
            Self::City => Some(Self::County),
            Self::County => Some(Self::Town),
            Self::Town => Some(Self::Village),
            Self::Village => None,
        }
    }

    /// How many codes lie in a subtree of this level: 2, 4, 6, 9 or all 12 digits are fixed.
    pub const fn span(self) -> i64 {
        match self {
            Self::Province => 10_000_000_000,
            Self::City => 100_000_000,
            Self::County => 1_000_000,
            Self::Town => 1_000,
            Self::Village => 1,
        }
    }
}

/// A 12-digit division code, for example 510903000000 (a county).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "sea-orm", derive(sea_orm::DeriveValueType))]
#[serde(transparent)]
pub struct RegionCode(pub i64);

impl RegionCode {
    /// A code of 12 digits whose province is not 00.
    pub fn new(code: i64) -> Option<Self> {
        (110_000_000_000..=999_999_999_999).contains(&code).then_some(Self(code))
    }

    /// Every code of the subtree that begins here at `level`.
    pub fn subtree(self, level: RegionLevel) -> RangeInclusive<i64> {
        let first = self.0 - self.0 % level.span();
        first..=first + level.span() - 1
    }

    /// The ancestor (or self) at `level`: the code with the lower digits set to zero.
    pub fn at(self, level: RegionLevel) -> Self {
        Self(self.0 - self.0 % level.span())
    }

    /// Whether the digits below `level` are all zero, as a code of that level must be written.
    pub fn is_written_at(self, level: RegionLevel) -> bool {
        self.0 % level.span() == 0
    }

    /// The six digits of the county, as they stand in a handbook number.
    pub fn county_digits(self) -> u32 {
        u32::try_from(self.0 / RegionLevel::County.span()).unwrap_or(0)
    }
}

impl std::fmt::Display for RegionCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

/// A place in the tree with its level. Three cities without counties carry one code at two levels, so the code alone
/// does not say how far the subtree reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Region {
    /// The 12-digit code.
    pub code: RegionCode,
    /// The level at which the code is meant.
    pub level: RegionLevel,
}

impl Region {
    /// Every code inside the region.
    pub fn range(self) -> RangeInclusive<i64> {
        self.code.subtree(self.level)
    }

    /// Whether a code lies inside the region.
    pub fn holds(self, code: RegionCode) -> bool {
        self.range().contains(&code.0)
    }

    /// This region and every one above it, the nearest first.
    pub fn and_above(self) -> impl Iterator<Item = Region> {
        let levels = RegionLevel::ALL.iter().rev().filter(move |level| **level <= self.level);
        levels.map(move |level| Region { code: self.code.at(*level), level: *level })
    }

    /// Whether the whole of `other` lies inside this region.
    pub fn covers(self, other: Region) -> bool {
        self.level <= other.level && self.holds(other.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtree_is_one_range() {
        let county = RegionCode(510_903_000_000);
        assert_eq!(county.subtree(RegionLevel::County), 510_903_000_000..=510_903_999_999);
        assert_eq!(county.subtree(RegionLevel::City), 510_900_000_000..=510_999_999_999);
        assert_eq!(RegionCode(510_903_203_202).at(RegionLevel::Town), RegionCode(510_903_203_000));
        assert!(!RegionCode(510_903_203_202).is_written_at(RegionLevel::Town));
        assert_eq!(county.county_digits(), 510_903);
    }

    #[test]
    fn a_city_without_counties_covers_the_county_of_the_same_code_but_not_the_reverse() {
        let code = RegionCode(441_900_000_000);
        let city = Region { code, level: RegionLevel::City };
        let county = Region { code, level: RegionLevel::County };
        assert!(city.covers(county));
        assert!(!county.covers(city));
        assert!(city.holds(RegionCode(441_900_003_000)));
    }

    #[test]
    fn a_region_knows_what_is_above_and_below() {
        let town = Region { code: RegionCode(510_903_203_000), level: RegionLevel::Town };
        let codes: Vec<_> = town.and_above().map(|region| (region.code.0, region.level)).collect();
        let expected = [
            (510_903_203_000, RegionLevel::Town),
            (510_903_000_000, RegionLevel::County),
            (510_900_000_000, RegionLevel::City),
            (510_000_000_000, RegionLevel::Province),
        ];
        assert_eq!(codes, expected);
        assert_eq!(RegionLevel::County.below(), Some(RegionLevel::Town));
        assert_eq!(RegionLevel::Village.below(), None);
    }

    #[test]
    fn codes_have_twelve_digits() {
        assert!(RegionCode::new(510_903).is_none());
        assert!(RegionCode::new(1_510_903_000_000).is_none());
        assert!(RegionCode::new(510_903_000_000).is_some());
    }
}
