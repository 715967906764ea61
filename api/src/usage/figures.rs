//! Gathers what a report of one extent and period shows. The JSON answer and the sheet are both drawn from this.

use std::collections::BTreeMap;

use domain::calendar::Month;
use domain::id::InstitutionId;
use domain::place::RegionLevel;
use domain::usage::{Breakdown, Cell, Period, Tally, TargetIndicator};
use sea_orm::{ConnectionTrait, DbErr};

use super::scope::{Extent, NamedRegion};
use super::store;
use crate::offices::targets;

/// The figures of an extent.
#[derive(Debug)]
pub struct Figures {
    /// Whose figures.
    pub extent: Extent,
    /// The months that are reported.
    pub period: Period,
    /// Issued and used in the period, by group and column.
    pub whole: Breakdown,
    /// Each quarter of the period, cut to it.
    pub quarters: Vec<(Period, Tally)>,
    /// Everything issued until the end of the period.
    pub cumulative: Tally,
    /// The month of the first issue.
    pub launch: Option<Month>,
    /// The yearly target in per cent.
    pub target: Target,
    /// The regions directly below.
    pub children: Vec<(NamedRegion, Breakdown)>,
    /// What the region's own institutions did that stand in none of its children.
    pub directly: Breakdown,
}

/// What the cumulative rate is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Per cent.
    pub percent: u8,
    /// The year of the target: that of the period's end.
    pub year: i32,
}

impl Target {
    /// Whether a tally reaches the target; nothing where nothing was issued.
    pub fn is_met_by(self, tally: Tally) -> Option<bool> {
        (tally.issued > 0).then(|| tally.used * 100 >= i64::from(self.percent) * tally.issued)
    }
}

/// Reads the figures. `db` is a snapshot, so that the parts add up to the whole.
pub async fn of(db: &impl ConnectionTrait, extent: Extent, period: Period) -> Result<Figures, DbErr> {
    let cells = store::cells_by_quarter(db, &extent, period).await?;
    let launch = store::launch(db, &extent, period.last).await?;
    let since_launch = Tally::of(&cells, Month(i32::MIN), period.last);
    let region = extent.region().region;
    let year = period.last.year();
    let held_to = targets::of(db, region, year, TargetIndicator::HandbookUsage).await?;
    let target = Target { percent: held_to.percent, year };
    let whole = Breakdown::of(&cells, period);
    let children = children(db, &extent, period).await?;
    let directly = whole.without(children.iter().map(|(_, breakdown)| breakdown));
    Ok(Figures {
        quarters: period
            .quarters()
            .map(|quarter| (quarter, Breakdown::of(&cells, quarter).total()))
            .collect(),
        cumulative: since_launch,
        extent,
        period,
        whole,
        launch,
        target,
        children,
        directly,
    })
}

/// The regions below, down to towns; what is below a town are its institutions.
async fn children(
    db: &impl ConnectionTrait,
    extent: &Extent,
    period: Period,
) -> Result<Vec<(NamedRegion, Breakdown)>, DbErr> {
    let Extent::Region(NamedRegion { region, .. }) = extent else { return Ok(Vec::new()) };
    let Some(level) = region.level.below().filter(|level| *level < RegionLevel::Village) else {
        return Ok(Vec::new());
    };
    let children = store::children_of(db, *region).await?;
    let codes: Vec<_> = children.iter().map(|child| child.region.code).collect();
    let cells = store::cells_of_children(db, *region, level, &codes, period).await?;
    let mut breakdowns = by_part(cells, period);
    Ok(children
        .into_iter()
        .map(|child| {
            let breakdown = breakdowns.remove(&child.region.code).unwrap_or_default();
            (child, breakdown)
        })
        .collect())
}

/// An institution that issues in a region, with its figures there.
#[derive(Debug)]
pub struct InstitutionFigures {
    /// The institution.
    pub id: InstitutionId,
    /// Its name.
    pub name: String,
    /// Issued and used in the period.
    pub breakdown: Breakdown,
}

/// A page of the institutions of a county or town, by name, one more than asked for if there are more.
pub async fn institutions(
    db: &impl ConnectionTrait,
    region: &NamedRegion,
    period: Period,
    after: Option<(String, InstitutionId)>,
    limit: u64,
) -> Result<Vec<InstitutionFigures>, DbErr> {
    let rows = store::institutions(db, region.region, period, after, limit).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let cells = store::cells_of_institutions(db, region.region, &ids, period).await?;
    let mut breakdowns = by_part(cells, period);
    let figures = |row: crate::db::entities::institution::Model| InstitutionFigures {
        breakdown: breakdowns.remove(&row.id).unwrap_or_default(),
        id: row.id,
        name: row.name,
    };
    Ok(rows.into_iter().map(figures).collect())
}

fn by_part<K: Ord>(cells: Vec<(K, Cell)>, period: Period) -> BTreeMap<K, Breakdown> {
    let mut parts = BTreeMap::<K, Breakdown>::new();
    for (part, cell) in cells {
        parts.entry(part).or_default().add(&cell, period);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_from_its_very_rate_on_and_never_judged_without_issues() {
        let target = Target { percent: 75, year: 2026 };
        assert_eq!(target.is_met_by(Tally { issued: 0, used: 0 }), None);
        assert_eq!(target.is_met_by(Tally { issued: 4, used: 3 }), Some(true));
        assert_eq!(target.is_met_by(Tally { issued: 1000, used: 749 }), Some(false), "74.9 % is not 75 %");
    }
}
