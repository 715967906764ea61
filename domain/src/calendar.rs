//! Civil days in China, months, ages and gestational weeks. Only this file turns an instant into a day.

use chrono::{DateTime, Datelike, Days, FixedOffset, Months, NaiveDate, NaiveTime, TimeDelta, Utc};

/// Beijing time has had no summer time since 1991 and every period of the programme is a civil period there.
const CHINA: FixedOffset = match FixedOffset::east_opt(8 * 3600) {
    Some(offset) => offset,
    None => panic!("eight hours is a valid offset"),
};

/// The civil day in Asia/Shanghai at an instant.
pub fn day_in_china(at: DateTime<Utc>) -> NaiveDate {
    at.checked_add_signed(TimeDelta::hours(8)).unwrap_or(DateTime::<Utc>::MAX_UTC).date_naive()
}

/// An instant by the clock in China.
pub fn in_china(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    at.with_timezone(&CHINA)
}

/// An instant as a person in China reads it: `2026-11-22 12:00`.
pub fn clock_in_china(at: DateTime<Utc>) -> String {
    in_china(at).format("%Y-%m-%d %H:%M").to_string()
}

/// The first day that a handbook can speak of.
pub const FIRST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(1900, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// Whether a day is one that a handbook can speak of: 1900 to 2100. Calendars and databases know others, and not the same.
pub fn is_of_our_time(day: NaiveDate) -> bool {
    (1900..=2100).contains(&day.year())
}

/// The instant at which a civil day begins in Asia/Shanghai.
pub fn start_of_day(day: NaiveDate) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN).and_utc();
    midnight.checked_sub_signed(TimeDelta::hours(8)).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// The instant at which the day after `day` has ended: what "until the end of the next day" means.
pub fn end_of_next_day(day: NaiveDate) -> DateTime<Utc> {
    start_of_day(day.checked_add_days(Days::new(2)).unwrap_or(NaiveDate::MAX))
}

/// Whole microseconds: what both databases keep, so that what is answered is what is stored.
pub fn to_microseconds(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// Completed years; the birthday itself counts as reached, 29 February is reached on 1 March.
pub fn age_in_years(born: NaiveDate, on: NaiveDate) -> i32 {
    on.year() - born.year() - i32::from((on.month(), on.day()) < (born.month(), born.day()))
}

/// Completed months; month ends clamp, so one month after 31 January is 28 or 29 February.
pub fn age_in_months(born: NaiveDate, on: NaiveDate) -> i32 {
    let months = (on.year() - born.year()) * 12 + on.month() as i32 - born.month() as i32;
    let reached = if months >= 0 {
        born.checked_add_months(Months::new(months.unsigned_abs()))
    } else {
        born.checked_sub_months(Months::new(months.unsigned_abs()))
    };
    months - i32::from(reached.is_none_or(|reached| reached > on))
}

/// A calendar month, ordered, stored as `year * 12 + (month - 1)` so that a period is a plain range of integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "sea-orm", derive(sea_orm::DeriveValueType))]
pub struct Month(pub i32);

/// Years of months.
const MONTH_YEARS: std::ops::RangeInclusive<i32> = 1970..=9998;

impl Month {
    /// The month that holds a day.
    pub fn of(day: NaiveDate) -> Self {
        Self(day.year() * 12 + day.month0() as i32)
    }

    /// A month by year and number 1 to 12.
    pub fn new(year: i32, month: u32) -> Option<Self> {
        NaiveDate::from_ymd_opt(year, month, 1).filter(|_| MONTH_YEARS.contains(&year)).map(Self::of)
    }

    /// Year of the month.
    pub fn year(self) -> i32 {
        self.0.div_euclid(12)
    }

    /// Number of the month, 1 to 12.
    pub fn number(self) -> u32 {
        self.0.rem_euclid(12).unsigned_abs() + 1
    }

    /// First day of the month.
    pub fn first_day(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year(), self.number(), 1).unwrap_or(NaiveDate::MAX)
    }

    /// The quarter that holds the month, 1 to 4.
    pub fn quarter(self) -> u32 {
        (self.number() - 1) / 3 + 1
    }

    /// The last month of the quarter that holds this month.
    pub fn end_of_quarter(self) -> Self {
        Self(self.year() * 12 + self.quarter() as i32 * 3 - 1)
    }

    /// The first month of the quarter that holds this month.
    pub fn start_of_quarter(self) -> Self {
        Self(self.end_of_quarter().0 - 2)
    }

    /// The month after.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The month before.
    pub fn previous(self) -> Self {
        Self(self.0 - 1)
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.number())
    }
}

impl std::str::FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (year, month) = text
            .split_once('-')
            .filter(|(year, month)| {
                let digits =
                    |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
                digits(year, 4) && digits(month, 2)
            })
            .ok_or(NotAMonth)?;
        Self::new(year.parse().map_err(|_| NotAMonth)?, month.parse().map_err(|_| NotAMonth)?)
            .ok_or(NotAMonth)
    }
}

impl serde::Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Month {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Not of the form `2026-11`, or of no year that this program is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a month is written YYYY-MM, from 1970-01 to 9998-12")]
pub struct NotAMonth;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_in_china_begins_at_sixteen_hours_utc_of_the_day_before() {
        let before: DateTime<Utc> = "2026-11-21T15:59:59Z".parse().unwrap();
        let after: DateTime<Utc> = "2026-11-21T16:00:00Z".parse().unwrap();
        assert_eq!(day_in_china(before), day("2026-11-21"));
        assert_eq!(day_in_china(after), day("2026-11-22"));
        assert_eq!(start_of_day(day("2026-11-22")), after);
        assert_eq!(
            end_of_next_day(day("2026-11-22")),
            "2026-11-23T16:00:00Z".parse::<DateTime<Utc>>().unwrap()
        );
    }

    #[test]
    fn ages_are_completed_on_the_birthday_and_month_ends_clamp() {
        assert_eq!(age_in_years(day("1990-11-22"), day("2026-11-21")), 35);
        assert_eq!(age_in_years(day("1990-11-22"), day("2026-11-22")), 36);
        assert_eq!(age_in_years(day("2020-02-29"), day("2021-02-28")), 0);
        assert_eq!(age_in_years(day("2020-02-29"), day("2021-03-01")), 1);
        assert_eq!(age_in_months(day("2026-01-31"), day("2026-02-27")), 0);
        assert_eq!(age_in_months(day("2026-01-31"), day("2026-02-28")), 1);
        assert_eq!(age_in_months(day("2026-03-10"), day("2026-03-09")), -1);
    }

    #[test]
    fn months_are_a_plain_range_and_know_their_quarter() {
        let november: Month = "2026-11".parse().unwrap();
        assert_eq!(november.to_string(), "2026-11");
        assert_eq!(november.next().next().to_string(), "2027-01");
        assert_eq!((november.quarter(), november.end_of_quarter().to_string()), (4, "2026-12".into()));
        assert_eq!(november.start_of_quarter().to_string(), "2026-10");
        for wrong in ["2026-13", "2026-00", "2026-1", "26-01", "2026/01", "", "２０２６-01", "+026-01"] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }
}
