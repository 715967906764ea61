//! What a caller is told of places below the county: everything to whom the lists are open, no small counts to others.
//! The rule is `domain::usage::small`.

use std::collections::BTreeMap;

use domain::calendar::Month;
use domain::id::InstitutionId;
use domain::place::{Region, RegionCode, RegionLevel};
use domain::usage::small::{Told, is_told, sees_small_counts, told};
use domain::usage::{Breakdown, Period, Tally};
use sea_orm::{ConnectionTrait, DbErr};

use super::scope::{Extent, NamedRegion};
use super::store;
use crate::error::ApiError;
use crate::session::Staff;

/// How much of a report a caller is told.
#[derive(Debug)]
pub struct Telling {
    /// Of the sum.
    pub whole: Told,
    /// Of everything since launch.
    pub cumulative: Told,
    /// Of what a county's institutions did that stand in none of its towns.
    pub directly: Told,
    towns: BTreeMap<RegionCode, Told>,
    institutions: BTreeMap<InstitutionId, Told>,
    /// Of a part that is in no line: that it issued nothing may be told where lines are.
    others: Told,
}

impl Telling {
    fn alike(whole: Told, parts: Told) -> Self {
        let (towns, institutions) = (BTreeMap::new(), BTreeMap::new());
        Self { whole, cumulative: whole, directly: parts, towns, institutions, others: parts }
    }

    /// How much of a region directly below.
    pub fn region(&self, code: RegionCode) -> Told {
        self.towns.get(&code).copied().unwrap_or(self.others)
    }

    /// How much of an institution.
    pub fn institution(&self, id: InstitutionId) -> Told {
        self.institutions.get(&id).copied().unwrap_or(self.others)
    }

    /// Whether something is withheld.
    pub fn withholds(&self) -> bool {
        let parts = self.towns.values().chain(self.institutions.values());
        [&self.whole, &self.cumulative, &self.directly, &self.others]
            .into_iter()
            .chain(parts)
            .any(|told| *told < Told::All)
    }
}

/// Refuses the days of places below the county to those who are told no small counts: a day has few handbooks there.
pub fn must_be_told_by_day(staff: &Staff, extent: &Extent) -> Result<(), ApiError> {
    if sees_small_counts(&staff.roles) || county_of(extent).is_none() || is_county(extent) {
        return Ok(());
    }
    let parameter = if matches!(extent, Extent::Institution { .. }) { "institution" } else { "region" };
    Err(ApiError::parameter(
        parameter,
        "too_small",
        "县以下的每日数字只向有名单权限的人员提供；请填写县（区）或以上的区划代码。",
        "Below the county, days are told only to those who may read the lists; give the code of a county or of a larger region.",
    ))
}

/// How much of a report of an extent and a period the caller is told in the month `now`.
pub async fn telling(
    db: &impl ConnectionTrait,
    staff: &Staff,
    extent: &Extent,
    period: Period,
    now: Month,
) -> Result<Telling, DbErr> {
    let Some(county) = county_of(extent).filter(|_| !sees_small_counts(&staff.roles)) else {
        return Ok(Telling::alike(Told::All, Told::All));
    };
    let region = extent.region().region;
    let cumulative = if is_county(extent) { Told::All } else { Told::Nothing };
    let is_village = matches!(extent, Extent::Region(_)) && region.level == RegionLevel::Village;
    if is_village || !is_told(period, now) {
        return Ok(Telling::alike(cumulative, Told::Nothing));
    }
    let lines = Lines::of(db, county, period).await?;
    let (towns, institutions, directly) = lines.told();
    let whole = match extent {
        Extent::Region(_) if is_county(extent) => Told::All,
        Extent::Region(_) => towns.get(&region.code).copied().unwrap_or(Told::Nothing),
        Extent::Institution { id, .. } => {
            // What it issued elsewhere, before it moved, is in no line of this county.
            let everywhere = Breakdown::of(&store::cells_of_institution(db, *id, period).await?, period);
            let is_all_here = everywhere.total() == lines.of_institution(*id);
            if is_all_here { institutions.get(id).copied().unwrap_or(Told::All) } else { Told::Nothing }
        }
    };
    Ok(Telling { whole, cumulative, directly, towns, institutions, others: Told::All })
}

fn is_county(extent: &Extent) -> bool {
    matches!(extent, Extent::Region(named) if named.region.level == RegionLevel::County)
}

/// The county whose tables show an extent; nothing where it is larger than one.
fn county_of(extent: &Extent) -> Option<Region> {
    let region = extent.region().region;
    let county = Region { code: region.code.at(RegionLevel::County), level: RegionLevel::County };
    (region.level >= RegionLevel::County).then_some(county)
}

/// The tables of a county: its towns and what stands in none of them, and under each its institutions.
struct Lines {
    /// By town, with nothing for what stands in none.
    towns: BTreeMap<Option<RegionCode>, BTreeMap<InstitutionId, Breakdown>>,
}

impl Lines {
    async fn of(db: &impl ConnectionTrait, county: Region, period: Period) -> Result<Self, DbErr> {
        let known = store::children_of(db, county).await?;
        let towns = known.into_iter().map(|NamedRegion { region, .. }| (Some(region.code), BTreeMap::new()));
        let mut lines = Self { towns: towns.chain([(None, BTreeMap::new())]).collect() };
        for (town, institution, cell) in store::cells_of_county(db, county, period).await? {
            let town = Some(town).filter(|town| lines.towns.contains_key(&Some(*town)));
            let line = lines.towns.entry(town).or_default().entry(institution).or_default();
            line.add(&cell, period);
        }
        Ok(lines)
    }

    fn of_institution(&self, id: InstitutionId) -> Tally {
        self.towns.values().filter_map(|institutions| institutions.get(&id)).map(Breakdown::total).sum()
    }

    /// How much of each line is told, and of what stands in no town.
    fn told(&self) -> (BTreeMap<RegionCode, Told>, BTreeMap<InstitutionId, Told>, Told) {
        let sum = |institutions: &BTreeMap<InstitutionId, Breakdown>| {
            let mut sum = Breakdown::default();
            institutions.values().for_each(|line| sum += line);
            sum
        };
        let sums: Vec<_> = self.towns.values().map(sum).collect();
        let (mut towns, mut told_of, mut directly) = (BTreeMap::new(), BTreeMap::<_, Told>::new(), Told::All);
        for ((town, institutions), of_town) in self.towns.iter().zip(told(&sums, Told::All)) {
            match town {
                Some(code) => _ = towns.insert(*code, of_town),
                None => directly = of_town,
            }
            let lines: Vec<_> = institutions.values().cloned().collect();
            for (id, told) in institutions.keys().zip(told(&lines, of_town)) {
                // Of one that moved within the county, the sum is told if all of its lines are.
                told_of.entry(*id).and_modify(|least| *least = told.min(*least)).or_insert(told);
            }
        }
        (towns, told_of, directly)
    }
}
