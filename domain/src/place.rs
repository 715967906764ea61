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
#[serde(try_from = "i64", into = "i64")]
pub struct RegionCode(pub i64);

/// Not a number of 12 digits whose province is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a division code has 12 digits, from 110000000000")]
pub struct NotARegionCode;

impl TryFrom<i64> for RegionCode {
    type Error = NotARegionCode;

    fn try_from(code: i64) -> Result<Self, NotARegionCode> {
        Self::new(code).ok_or(NotARegionCode)
    }
}

impl From<RegionCode> for i64 {
    fn from(code: RegionCode) -> Self {
        code.0
    }
}

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

    /// Whether this region may hang under `parent` in the tree. A city without counties has its towns, and a county of
    /// the same code, directly below it.
    pub fn may_hang_under(self, parent: Region) -> bool {
        parent.level < self.level && parent.holds(self.code)
    }

    /// Judges a new place of the tree by itself; that the parent exists is for the caller to look up.
    pub fn check(self, parent: Option<RegionCode>) -> Result<(), PlaceRefusal> {
        if RegionCode::new(self.code.0).is_none() {
            return Err(PlaceRefusal::NotACode);
        }
        if !self.code.is_written_at(self.level) {
            return Err(PlaceRefusal::NotWrittenAtLevel(self.level));
        }
        match (self.level, parent) {
            (RegionLevel::Province, None) => Ok(()),
            (RegionLevel::Province, Some(_)) => Err(PlaceRefusal::ParentOfProvince),
            (_, None) => Err(PlaceRefusal::ParentMissing),
            (_, Some(_)) => Ok(()),
        }
    }
}

/// Why a place cannot stand in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceRefusal {
    /// Not 12 digits.
    #[error("a division code has 12 digits, from 110000000000 on")]
    NotACode,
    /// Digits below the level are not zero.
    #[error("a {0} code ends in zeros below its level")]
    NotWrittenAtLevel(RegionLevel),
    /// Everything but a province has a parent.
    #[error("only a province has no parent")]
    ParentMissing,
    /// A province has none.
    #[error("a province has no parent")]
    ParentOfProvince,
    /// The parent does not exist at a higher level, or does not hold the code.
    #[error("the parent must be a region of a higher level that holds the code")]
    ParentNotAbove,
}

/// How far a staff member answers: one region, or the whole country for a system administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The whole country.
    Nation,
    /// A region and everything below it.
    Region(Region),
}

impl Scope {
    /// Every code inside the scope.
    pub fn range(self) -> RangeInclusive<i64> {
        match self {
            Self::Nation => 0..=999_999_999_999,
            Self::Region(region) => region.range(),
        }
    }

    /// Whether a code lies inside the scope.
    pub fn holds(self, code: RegionCode) -> bool {
        self.range().contains(&code.0)
    }

    /// Whether the whole of a region lies inside the scope.
    pub fn covers(self, region: Region) -> bool {
        match self {
            Self::Nation => true,
            Self::Region(own) => own.covers(region),
        }
    }

    /// Whether the whole of another scope lies inside this one.
    pub fn covers_scope(self, other: Scope) -> bool {
        match other {
            Self::Nation => self == Self::Nation,
            Self::Region(region) => self.covers(region),
        }
    }

    /// The region, unless it is the whole country.
    pub fn region(self) -> Option<Region> {
        match self {
            Self::Nation => None,
            Self::Region(region) => Some(region),
        }
    }

    /// The scope widened to its county: whoever works in a town or village knows the institutions of the county.
    pub fn widened_to_county(self) -> Self {
        match self {
            Self::Region(Region { code, level }) if level > RegionLevel::County => {
                Self::Region(Region { code: code.at(RegionLevel::County), level: RegionLevel::County })
            }
            scope => scope,
        }
    }
}

impl From<Region> for Scope {
    fn from(region: Region) -> Self {
        Self::Region(region)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn a_region_hangs_under_one_of_a_higher_level_that_holds_its_code() {
        let at = |code, level| Region { code: RegionCode(code), level };
        let city = at(441_900_000_000, RegionLevel::City);
        assert!(at(441_900_000_000, RegionLevel::County).may_hang_under(city));
        assert!(at(441_900_003_000, RegionLevel::Town).may_hang_under(city));
        assert!(!city.may_hang_under(at(441_900_000_000, RegionLevel::County)));
        assert!(!at(510_903_000_000, RegionLevel::County).may_hang_under(city));
    }

    #[test]
    fn a_place_is_refused_with_the_reason() {
        let check = |code, level, parent: Option<i64>| {
            Region { code: RegionCode(code), level }.check(parent.map(RegionCode))
        };
        let county = RegionLevel::County;
        assert_eq!(check(510_903_000_000, county, Some(510_900_000_000)), Ok(()));
        assert_eq!(check(510_903, county, Some(510_900_000_000)), Err(PlaceRefusal::NotACode));
        assert_eq!(
            check(510_903_203_000, county, Some(510_900_000_000)),
            Err(PlaceRefusal::NotWrittenAtLevel(county))
        );
        assert_eq!(check(510_903_000_000, county, None), Err(PlaceRefusal::ParentMissing));
        assert_eq!(check(510_000_000_000, RegionLevel::Province, None), Ok(()));
        assert_eq!(
            check(510_000_000_000, RegionLevel::Province, Some(110_000_000_000)),
            Err(PlaceRefusal::ParentOfProvince)
        );
    }

    #[test]
    fn the_nation_holds_everything_and_no_region_holds_the_nation() {
        let county = Region { code: RegionCode(510_903_000_000), level: RegionLevel::County };
        let town = Region { code: RegionCode(510_903_203_000), level: RegionLevel::Town };
        assert!(Scope::Nation.holds(county.code) && Scope::Nation.covers_scope(Scope::Nation));
        assert!(Scope::from(county).covers_scope(town.into()));
        assert!(!Scope::from(county).covers_scope(Scope::Nation));
        assert_eq!(Scope::from(town).widened_to_county(), county.into());
        assert_eq!(Scope::Nation.widened_to_county(), Scope::Nation);
    }

    #[test]
    fn codes_have_twelve_digits() {
        assert!(RegionCode::new(510_903).is_none());
        assert!(RegionCode::new(1_510_903_000_000).is_none());
        assert!(RegionCode::new(510_903_000_000).is_some());
    }

    proptest! {
        /// Any number may stand in a body or a query; what is a code holds itself at every level.
        #[test]
        fn no_number_makes_a_code_panic(number in prop_oneof![any::<i64>(), 0_i64..2_000_000_000_000], text in "\\PC{0,16}") {
            let _read = (text.parse::<RegionLevel>(), serde_json::from_str::<RegionCode>(&text));
            if let Some(code) = RegionCode::new(number) {
                for level in RegionLevel::ALL {
                    let region = Region { code: code.at(*level), level: *level };
                    prop_assert!(region.holds(code) && region.covers(region) && region.range() == code.subtree(*level));
                    let _whatever = (region.check(Some(code)), region.and_above().count(), code.county_digits());
                }
            }
        }
    }
}
