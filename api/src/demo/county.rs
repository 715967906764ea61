//! The county of the demo: real places, made-up institutions.

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::start_of_day;
use domain::handbook::Group;
use domain::id::{InstitutionId, StaffId};
use domain::institution::{AgencyClass, AgencyClasses, InstitutionLevel};
use domain::place::{Region, RegionCode, RegionLevel};

use super::random::Dice;
use crate::db::entities::{Classes, Groups, catchment, institution, region};

/// Division codes of the whole country.
pub(crate) const REGIONS: &str = include_str!("../../../domain/data/regions.csv");

/// 四川省遂宁市船山区, the county of the programme's first document.
pub(super) const PROVINCE: RegionCode = RegionCode(510_000_000_000);
/// 遂宁市.
pub(super) const CITY: RegionCode = RegionCode(510_900_000_000);
/// 船山区.
pub(super) const COUNTY: Region = Region { code: RegionCode(510_903_000_000), level: RegionLevel::County };
/// 唐家乡, the town whose villages are known.
pub(super) const TOWN: Region = Region { code: RegionCode(510_903_203_000), level: RegionLevel::Town };
/// 长虹村.
pub(super) const VILLAGE: Region = Region { code: RegionCode(510_903_203_202), level: RegionLevel::Village };

/// The programme began here before any demo.
pub(super) fn founded_at() -> DateTime<Utc> {
    start_of_day(NaiveDate::from_ymd_opt(2017, 4, 1).unwrap_or_default())
}

/// What the demo knows of its places.
#[derive(Debug)]
pub(super) struct County {
    pub(super) regions: Vec<region::Model>,
    /// The county hospital, where most children are born.
    pub(super) hospital: Institution,
    /// The county's MCH institution.
    pub(super) mch: Institution,
    /// The township office of the main town.
    pub(super) office: Institution,
    /// Preconception checks of the county.
    pub(super) provider: Institution,
    pub(super) kindergarten: Institution,
    /// The health centre of each town; that of the main town stands first.
    pub(super) centres: Vec<Institution>,
}

/// An institution with those who work there.
#[derive(Debug, Clone)]
pub(super) struct Institution {
    pub(super) id: InstitutionId,
    pub(super) name: String,
    pub(super) region: Region,
    pub(super) classes: AgencyClasses,
    pub(super) level: InstitutionLevel,
    pub(super) issues_to: Vec<Group>,
    pub(super) phone: String,
    /// Issues handbooks, where the institution does.
    pub(super) administrator: StaffId,
    /// Sees patients, where the institution does.
    pub(super) clinician: StaffId,
    /// Name of that clinician.
    pub(super) clinician_name: &'static str,
}

/// Where a family lives.
#[derive(Debug, Clone)]
pub(super) struct Home<'a> {
    pub(super) code: RegionCode,
    pub(super) address: String,
    /// The health centre that manages the family.
    pub(super) centre: &'a Institution,
}

impl County {
    /// The same county every time, whatever the seed of its families.
    pub(super) fn new() -> anyhow::Result<Self> {
        let regions = regions()?;
        let mut founder = Founder { dice: Dice::new(510_903), founded: 0 };
        let hospital = founder.found(
            "船山区人民医院",
            COUNTY,
            &[AgencyClass::Midwifery],
            InstitutionLevel::Secondary,
            &[Group::Pregnant, Group::Child],
        );
        let mch = founder.found(
            "船山区妇幼保健院",
            COUNTY,
            &[AgencyClass::MchCounty],
            InstitutionLevel::Secondary,
            &[Group::Pregnant, Group::Child],
        );
        let provider = founder.found(
            "船山区孕前优生健康检查服务站",
            COUNTY,
            &[AgencyClass::PreconceptionCheckProvider],
            InstitutionLevel::None,
            &[Group::Planning],
        );
        let office = founder.found(
            "唐家乡卫生健康办公室",
            TOWN,
            &[AgencyClass::TownshipFamilyPlanningOffice],
            InstitutionLevel::None,
            &[Group::Planning],
        );
        let kindergarten = founder.found(
            "唐家乡中心幼儿园",
            TOWN,
            &[AgencyClass::Kindergarten],
            InstitutionLevel::None,
            &[],
        );
        let mut towns: Vec<_> =
            regions.iter().filter(|row| row.level == RegionLevel::Town && county_of(row.code)).collect();
        towns.sort_by_key(|row| (row.code != TOWN.code, row.code));
        let centres = towns.into_iter().map(|town| founder.centre_of(town)).collect();
        Ok(Self { regions, hospital, mch, office, provider, kindergarten, centres })
    }

    /// Every institution.
    pub(super) fn institutions(&self) -> impl Iterator<Item = &Institution> {
        [&self.hospital, &self.mch, &self.office, &self.provider, &self.kindergarten]
            .into_iter()
            .chain(&self.centres)
    }

    /// The health centre of the main town.
    pub(super) fn centre(&self) -> anyhow::Result<&Institution> {
        self.centres.first().ok_or_else(|| anyhow::anyhow!("the county has no towns"))
    }

    /// Each town's health centre manages who lives there.
    pub(super) fn catchments(&self) -> Vec<catchment::Model> {
        let of = |centre: &Institution| catchment::Model {
            region_code: centre.region.code,
            region_level: centre.region.level,
            institution_id: centre.id,
        };
        self.centres.iter().map(of).collect()
    }

    /// A home: nearly half of the families live in the main town, the only one whose villages are known.
    pub(super) fn home(&self, dice: &mut Dice) -> anyhow::Result<Home<'_>> {
        let last = i64::try_from(self.centres.len()).unwrap_or(1) - 1;
        let at = if dice.chance(45) { 0 } else { usize::try_from(dice.between(0, last)).unwrap_or(0) };
        let centre = self.centres.get(at).map_or_else(|| self.centre(), Ok)?;
        let villages: Vec<_> = self
            .regions
            .iter()
            .filter(|row| row.level == RegionLevel::Village && centre.region.holds(row.code))
            .collect();
        let pick = usize::try_from(dice.between(0, 999)).unwrap_or(0).checked_rem(villages.len());
        let place = pick.and_then(|pick| villages.get(pick));
        let code = place.map_or(centre.region.code, |row| row.code);
        let name = place.map_or_else(|| town_of(&centre.name), |row| row.name_zh.trim_end_matches("委会"));
        Ok(Home { code, address: format!("{name}{}号", dice.between(1, 199)), centre })
    }
}

impl Institution {
    pub(super) fn row(&self) -> institution::Model {
        let issues = !self.issues_to.is_empty();
        institution::Model {
            id: self.id,
            name: self.name.clone(),
            region_code: self.region.code,
            region_level: self.region.level,
            classes: Classes(self.classes.iter().copied().collect()),
            level: self.level,
            midwifery: self.classes.contains(&AgencyClass::Midwifery),
            is_service_point: issues,
            administrator_id: issues.then_some(self.administrator),
            issues_to: Groups(self.issues_to.clone()),
            phone: self.phone.clone(),
            created_at: founded_at(),
            ended_at: None,
            version: 1,
        }
    }
}

/// Founds institutions one after the other.
struct Founder {
    dice: Dice,
    founded: u32,
}

impl Founder {
    fn found(
        &mut self,
        name: &str,
        region: Region,
        classes: &[AgencyClass],
        level: InstitutionLevel,
        issues_to: &[Group],
    ) -> Institution {
        self.founded += 1;
        Institution {
            id: InstitutionId(self.dice.id(founded_at())),
            name: name.to_owned(),
            region,
            classes: classes.iter().copied().collect(),
            level,
            issues_to: issues_to.to_vec(),
            phone: format!("0825-{:07}", 2_000_000 + self.founded),
            administrator: StaffId(self.dice.id(founded_at())),
            clinician: StaffId(self.dice.id(founded_at())),
            clinician_name: self.dice.word(&[
                "李敏",
                "周静",
                "陈立新",
                "杨帆",
                "何慧",
                "罗平",
                "吴晓",
                "郑洁",
            ]),
        }
    }

    fn centre_of(&mut self, town: &region::Model) -> Institution {
        let kind = if town.name_zh.ends_with("街道") { "社区卫生服务中心" } else { "卫生院" };
        let region = Region { code: town.code, level: town.level };
        let name = format!("{}{kind}", town.name_zh);
        self.found(&name, region, &[AgencyClass::PrimaryCare], InstitutionLevel::Primary, Group::ALL)
    }
}

/// 唐家乡 of 唐家乡卫生院.
fn town_of(centre: &str) -> &str {
    centre.trim_end_matches("社区卫生服务中心").trim_end_matches("卫生院")
}

/// The county with its towns and villages, its city and the city's other counties, its province.
fn regions() -> anyhow::Result<Vec<region::Model>> {
    let mut rows = Vec::new();
    for line in csv::Reader::from_reader(REGIONS.as_bytes()).deserialize() {
        let (code, level, name_zh, parent_code): (RegionCode, RegionLevel, String, Option<RegionCode>) =
            line?;
        let near = code == PROVINCE || code == CITY || parent_code == Some(CITY) || county_of(code);
        if near {
            rows.push(region::Model { code, level, name_zh, parent_code, version: 1 });
        }
    }
    Ok(rows)
}

fn county_of(code: RegionCode) -> bool {
    COUNTY.holds(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_county_has_its_towns_villages_and_a_health_centre_each() {
        let county = County::new().unwrap();
        let count = |level| county.regions.iter().filter(|row| row.level == level).count();
        let levels = [
            RegionLevel::Province,
            RegionLevel::City,
            RegionLevel::County,
            RegionLevel::Town,
            RegionLevel::Village,
        ];
        assert_eq!(levels.map(count), [1, 1, 5, 24, 8]);
        assert_eq!((county.centres.len(), county.centre().unwrap().name.as_str()), (24, "唐家乡卫生院"));
        assert!(county.regions.iter().any(|row| row.code == VILLAGE.code && row.name_zh == "长虹村委会"));
        let again = County::new().unwrap();
        assert!(county.institutions().zip(again.institutions()).all(|(one, two)| one.id == two.id));
    }
}
