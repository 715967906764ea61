//! On which day an edition started, and where: provinces followed on days of their own.

use chrono::NaiveDate;

use super::table::{self, Edition};
use crate::place::{RegionCode, Scope};

/// Days on which editions started, as far as they differ from the national ones.
#[derive(Debug, Clone, Default)]
pub struct Starts(Vec<Start>);

#[derive(Debug, Clone, Copy)]
struct Start {
    edition: Edition,
    within: Scope,
    on: NaiveDate,
}

impl Starts {
    /// The national days.
    pub fn national() -> Self {
        Self::default()
    }

    /// An edition started on this day in a region, or, for the nation, wherever no region says otherwise. What is
    /// nearer to the child goes before; of two for the same region, the one that was said last.
    pub fn with(mut self, edition: Edition, within: Scope, on: NaiveDate) -> Self {
        self.0.push(Start { edition, within, on });
        self
    }

    /// The edition in force on a day at a place: the newest that has started; nothing before the first.
    pub fn in_force(&self, region: Option<RegionCode>, on: NaiveDate) -> Option<Edition> {
        Edition::all().rev().find(|edition| self.day(*edition, region) <= on)
    }

    /// The day on which an edition started at a place.
    pub fn day(&self, edition: Edition, region: Option<RegionCode>) -> NaiveDate {
        let holds = |within: Scope| match within {
            Scope::Nation => true,
            Scope::Region(of) => region.is_some_and(|code| of.holds(code)),
        };
        let of_it = self.0.iter().filter(|start| start.edition == edition && holds(start.within));
        let nearest = of_it.max_by_key(|start| start.within.region().map(|region| region.level));
        nearest.map_or_else(|| table::tables().edition(edition).from, |start| start.on)
    }
}
