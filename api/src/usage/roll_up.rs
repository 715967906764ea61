//! Adds up per region what the counters counted since the last time, so that a province answers as fast as a town: what is
//! not added up yet is little, and is read beside it.

use std::collections::BTreeMap;

use domain::place::RegionLevel;

use super::store::{self, Rolled};
use crate::app::App;

/// The levels that are rolled up; villages are few rows by themselves.
pub const LEVELS: [RegionLevel; 4] =
    [RegionLevel::Province, RegionLevel::City, RegionLevel::County, RegionLevel::Town];

/// Counters added up in one transaction: those who count into them wait for it.
const AT_ONCE: u64 = 1000;

/// Adds up everything that was counted and is not in the roll-up. Done twice, or by two processes at once, it does no harm:
/// each counter says how much of it was added up.
pub async fn carry_out(app: &App) -> anyhow::Result<()> {
    while add_up_some(app).await? == AT_ONCE {}
    Ok(())
}

/// Adds up some counters and says how many.
async fn add_up_some(app: &App) -> anyhow::Result<u64> {
    let txn = app.db.begin().await?;
    let pending = store::hold_pending(&txn, AT_ONCE).await?;
    let mut sums = BTreeMap::<Rolled, i64>::new();
    for (level, counter) in LEVELS.iter().flat_map(|level| pending.iter().map(move |one| (*level, one))) {
        *sums.entry(counter.at(level)).or_default() += counter.pending;
    }
    store::add_to_roll_up(&txn, sums).await?;
    store::mark_rolled(&txn, &pending).await?;
    txn.commit().await?;
    Ok(pending.len() as u64)
}
