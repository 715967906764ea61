//! What a family may write, change and hide.

use chrono::{DateTime, NaiveDate, Utc};

use crate::calendar::day_in_china;
use crate::record::RecordState;

/// Why an entry is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryRefusal {
    /// Dated after today in China.
    #[error("{0} is in the future")]
    InTheFuture(NaiveDate),
    /// Dated before the child was born.
    #[error("{0} is before the birth {1}")]
    BeforeBirth(NaiveDate, NaiveDate),
    /// Older than any handbook: mistyped.
    #[error("{0} is more than {MAX_AGE_YEARS} years ago")]
    TooOld(NaiveDate),
    /// Withdrawn entries do not change any more.
    #[error("the entry was withdrawn")]
    Withdrawn,
}

/// A family may enter what happened before the handbook was issued, but not before any pregnancy of it.
pub const MAX_AGE_YEARS: i64 = 8;

/// May an entry of this day be written? Family entries may be older than the handbook.
pub fn admit(
    occurred_on: NaiveDate,
    born_on: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<(), EntryRefusal> {
    let today = day_in_china(now);
    if occurred_on > today {
        return Err(EntryRefusal::InTheFuture(occurred_on));
    }
    if let Some(born_on) = born_on.filter(|born_on| occurred_on < *born_on) {
        return Err(EntryRefusal::BeforeBirth(occurred_on, born_on));
    }
    if (today - occurred_on).num_days() > MAX_AGE_YEARS * 366 {
        return Err(EntryRefusal::TooOld(occurred_on));
    }
    Ok(())
}

/// May an entry in this state still be changed, hidden or withdrawn?
pub fn may_change(state: RecordState) -> Result<(), EntryRefusal> {
    match state {
        RecordState::Live => Ok(()),
        RecordState::Withdrawn | RecordState::Voided => Err(EntryRefusal::Withdrawn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_may_be_old_but_not_of_tomorrow_or_before_birth() {
        let now = "2026-11-21T02:00:00Z".parse().unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(admit(day("2024-01-01"), None, now), Ok(()));
        assert!(matches!(admit(day("2026-11-22"), None, now), Err(EntryRefusal::InTheFuture(_))));
        assert!(matches!(
            admit(day("2026-01-01"), Some(day("2026-01-02")), now),
            Err(EntryRefusal::BeforeBirth(..))
        ));
        assert!(matches!(admit(day("1926-11-21"), None, now), Err(EntryRefusal::TooOld(_))));
    }
}
