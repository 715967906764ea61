//! Adds up closed months of the counters per region, so that a province answers as fast as a town.

use chrono::{DateTime, Datelike, Utc};
use domain::calendar::{Month, day_in_china};
use domain::place::RegionLevel;
use sea_orm::DbErr;

use super::store;
use crate::app::App;

/// The levels that are rolled up; villages are few rows by themselves.
pub const LEVELS: [RegionLevel; 4] =
    [RegionLevel::Province, RegionLevel::City, RegionLevel::County, RegionLevel::Town];

/// The newest month that is surely closed: last month, from the second day of this one. Evidence is dated by its
/// receipt, so only a replica whose clock is a day late could still count into it.
pub fn closed(now: DateTime<Utc>) -> Month {
    let today = day_in_china(now);
    let last = Month::of(today).previous();
    if today.day() >= 2 { last } else { last.previous() }
}

/// The month that is due to be rolled up, if one is.
pub async fn due(app: &App) -> Result<Option<Month>, DbErr> {
    let closed = closed(app.now());
    let rolled = store::rolled_until(app.db.read()).await?;
    Ok(Some(closed).filter(|closed| rolled.is_none_or(|rolled| rolled < *closed)))
}

/// Rolls up every month that is not yet, in order, up to `month`. Done twice, or by two processes at once, it does no
/// harm: a month is added up by whoever moves the mark past it.
pub async fn carry_out(app: &App, month: Month) -> anyhow::Result<()> {
    anyhow::ensure!(month <= closed(app.now()), "{month} is not closed yet");
    let mut rolled = match store::rolled_until(app.db.read()).await? {
        Some(rolled) => rolled,
        None => begin(app, month).await?,
    };
    while rolled < month {
        let next = rolled.next();
        let txn = app.db.begin().await?;
        if store::move_mark(&txn, rolled, next).await? {
            store::roll_up(&txn, next).await?;
        }
        txn.commit().await?;
        rolled = next;
    }
    Ok(())
}

/// Sets the first mark: before the oldest month that was counted.
async fn begin(app: &App, month: Month) -> Result<Month, DbErr> {
    let oldest = store::oldest_month(app.db.read()).await?.unwrap_or(month).min(month);
    store::set_first_mark(app.db.write(), oldest.previous()).await?;
    Ok(store::rolled_until(app.db.read()).await?.unwrap_or(oldest.previous()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_closed_from_the_second_day_of_the_next_in_china() {
        let closed = |now: &str| closed(now.parse().unwrap()).to_string();
        assert_eq!(closed("2026-11-30T23:00:00Z"), "2026-10", "the first of December in China");
        assert_eq!(closed("2026-12-01T15:59:59Z"), "2026-10");
        assert_eq!(closed("2026-12-01T16:00:00Z"), "2026-11");
    }
}
