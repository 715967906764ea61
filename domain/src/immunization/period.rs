//! Ages and intervals as the programme writes them: `24h`, `28d`, `6w`, `6m`, `13y6m`.

use chrono::{Days, Months, NaiveDate};

/// A length of time by the calendar: months first, then days. Hours count as begun days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Period {
    months: u32,
    days: u32,
}

/// What is not a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a period such as 24h, 28d, 6w, 6m or 13y6m")]
pub struct NotAPeriod(pub String);

impl Period {
    /// The day that lies this long after another. Month ends clamp: six months after 31 August is 28 or 29 February.
    pub fn after(self, day: NaiveDate) -> NaiveDate {
        let by_months = day.checked_add_months(Months::new(self.months)).unwrap_or(NaiveDate::MAX);
        by_months.checked_add_days(Days::new(self.days.into())).unwrap_or(NaiveDate::MAX)
    }

    /// As it is written in Chinese: `6个月`, `28天`.
    pub fn zh(self) -> String {
        self.written("年", "个月", "天")
    }

    /// As it is written in English: `6 months`, `28 days`.
    pub fn en(self) -> String {
        self.written(" years", " months", " days")
    }

    fn written(self, years: &str, months: &str, days: &str) -> String {
        let (whole_years, other_months) =
            if self.months >= 24 { (self.months / 12, self.months % 12) } else { (0, self.months) };
        let parts = [(whole_years, years), (other_months, months), (self.days, days)];
        let is_nothing = self == Self::default();
        let shown = parts.iter().filter(|(number, unit)| *number > 0 || (is_nothing && *unit == days));
        let words: Vec<_> = shown
            .map(|(number, unit)| {
                let singular = unit.strip_suffix('s').filter(|_| *number == 1);
                format!("{number}{}", singular.unwrap_or(unit))
            })
            .collect();
        words.join(if days.starts_with(' ') { " " } else { "" })
    }
}

impl std::str::FromStr for Period {
    type Err = NotAPeriod;

    fn from_str(text: &str) -> Result<Self, NotAPeriod> {
        read(text).ok_or_else(|| NotAPeriod(text.to_owned()))
    }
}

impl TryFrom<String> for Period {
    type Error = NotAPeriod;

    fn try_from(text: String) -> Result<Self, NotAPeriod> {
        text.parse()
    }
}

fn read(text: &str) -> Option<Period> {
    let mut period = Period::default();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: u32 = rest.get(..digits)?.parse().ok().filter(|number| *number < 10_000)?;
        match rest.get(digits..=digits)? {
            "h" => period.days += number.div_ceil(24),
            "d" => period.days += number,
            "w" => period.days += number * 7,
            "m" => period.months += number,
            "y" => period.months += number * 12,
            _ => return None,
        }
        rest = rest.get(digits + 1..)?;
    }
    Some(period).filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(period: &str, day: &str) -> String {
        period.parse::<Period>().unwrap().after(day.parse().unwrap()).to_string()
    }

    #[test]
    fn months_go_by_the_calendar_and_clamp_and_hours_are_begun_days() {
        assert_eq!(after("6m", "2024-08-31"), "2025-02-28");
        assert_eq!(after("1y", "2024-02-29"), "2025-02-28");
        assert_eq!(after("13y6m", "2012-01-31"), "2025-07-31");
        assert_eq!(after("24h", "2026-08-10"), "2026-08-11");
        assert_eq!(after("12h", "2026-08-10"), "2026-08-11");
        assert_eq!(after("25h", "2026-08-10"), "2026-08-12");
        assert_eq!(after("6w", "2026-08-10"), "2026-09-21");
        assert_eq!(after("0d", "2026-08-10"), "2026-08-10");
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for wrong in ["", "6", "m", "6x", "6m ", "-6m", "99999d", "六月", "6月"] {
            assert!(wrong.parse::<Period>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn periods_are_written_in_both_languages() {
        let written = |text: &str| text.parse::<Period>().map(|period| (period.zh(), period.en())).unwrap();
        assert_eq!(written("1m"), ("1个月".into(), "1 month".into()));
        assert_eq!(written("18m"), ("18个月".into(), "18 months".into()));
        assert_eq!(written("13y6m"), ("13年6个月".into(), "13 years 6 months".into()));
        assert_eq!(written("28d"), ("28天".into(), "28 days".into()));
        assert_eq!(written("0d"), ("0天".into(), "0 days".into()));
    }
}
