//! Days as the schedules write them: an anchor in the life of a subject and what is added to it by the calendar.

use chrono::{Days, Months, NaiveDate};

use crate::word::words;

words! {
    /// A day in the life of a subject from which windows are counted.
    pub enum Anchor {
        Plan = "plan", "计划怀孕", "the planned conception";
        Lmp = "lmp", "孕周起算日", "the day from which weeks of gestation are counted";
        Delivery = "delivery", "妊娠结束", "the end of the pregnancy";
        Discharge = "discharge", "出院", "the discharge after birth";
        Birth = "birth", "出生", "birth";
        CorrectedBirth = "corrected_birth", "矫正出生日", "the day on which a child born early would have been 40+0 weeks";
        Report = "report", "高危新生儿报告", "the report of a newborn at high risk";
        Entry = "entry", "入园", "entering kindergarten";
        Left = "left", "离园", "leaving kindergarten";
        ScreenPositive = "screen_positive", "筛查阳性", "a positive risk screening";
        Referral = "referral", "转诊", "a referral";
        GradedRed = "graded_red", "评为红色", "being graded red";
        GradedOrange = "graded_orange", "评为橙色", "being graded orange";
        HighRisk = "high_risk", "列为重点高危", "being listed as a key high-risk case";
        CaseClosed = "case_closed", "专案结案", "the closing of the case";
    }
}

impl Anchor {
    /// Whether the day may never come: who has it not is asked for nothing.
    pub fn is_event(self) -> bool {
        use Anchor::{GradedOrange, GradedRed, HighRisk, Referral, ScreenPositive};
        matches!(self, ScreenPositive | Referral | GradedRed | GradedOrange | HighRisk)
    }
}

/// The anchors of a subject that are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Anchors([Option<NaiveDate>; Anchor::ALL.len()]);

impl Anchors {
    /// The same with the day of an anchor, where it is known.
    pub(super) fn with(mut self, anchor: Anchor, day: Option<NaiveDate>) -> Self {
        self.0[anchor as usize] = day;
        self
    }

    /// The day of an anchor.
    pub(super) fn day(&self, anchor: Anchor) -> Option<NaiveDate> {
        self.0[anchor as usize]
    }
}

/// Why a day or a length of time cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a moment is written as `birth+4m-1d`, a span as `2m` or `14d`: years and months before weeks and days"
)]
pub struct NotAMoment;

/// A length of time by the calendar: months first, month ends clamp (31 August and 6 months are 28 or 29 February).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Span {
    months: i32,
    days: i32,
}

impl Span {
    /// A span of days.
    pub(super) const fn of_days(days: i32) -> Self {
        Self { months: 0, days }
    }

    /// Whether it goes back.
    pub(super) fn is_before(self) -> bool {
        self.months < 0 || (self.months == 0 && self.days < 0)
    }

    /// The day so long after another.
    pub fn after(self, day: NaiveDate) -> NaiveDate {
        let (months, days) =
            (Months::new(self.months.unsigned_abs()), Days::new(self.days.unsigned_abs().into()));
        let moved =
            if self.months < 0 { day.checked_sub_months(months) } else { day.checked_add_months(months) };
        let moved = moved.and_then(|day| {
            if self.days < 0 { day.checked_sub_days(days) } else { day.checked_add_days(days) }
        });
        moved.unwrap_or(day)
    }

    /// Adds one term: `4m`, `1d`.
    fn add(&mut self, sign: i32, term: &str) -> Result<(), NotAMoment> {
        let (unit_at, unit) = term.char_indices().next_back().ok_or(NotAMoment)?;
        let number = term.get(..unit_at).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let number: i32 = number.and_then(|digits| digits.parse::<u16>().ok()).ok_or(NotAMoment)?.into();
        match unit {
            'y' if self.days == 0 => self.months += sign * number * 12,
            'm' if self.days == 0 => self.months += sign * number,
            'w' => self.days += sign * number * 7,
            'd' => self.days += sign * number,
            _ => return Err(NotAMoment),
        }
        Ok(())
    }
}

impl std::str::FromStr for Span {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut span = Self::default();
        let signed = if text.starts_with(['+', '-']) { text.to_owned() } else { format!("+{text}") };
        let mut rest = signed.as_str();
        while let Some(sign) = rest.chars().next() {
            let term = rest.get(1..).ok_or(NotAMoment)?;
            let end = term.find(['+', '-']).unwrap_or(term.len());
            span.add(if sign == '-' { -1 } else { 1 }, term.get(..end).ok_or(NotAMoment)?)?;
            rest = term.get(end..).ok_or(NotAMoment)?;
        }
        Ok(span)
    }
}

impl TryFrom<String> for Span {
    type Error = NotAMoment;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// An anchor and what is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Moment {
    /// Counted from when.
    pub anchor: Anchor,
    /// How long after it.
    pub span: Span,
}

impl Moment {
    /// The day, where the anchor is known.
    pub(super) fn on(self, anchors: &Anchors) -> Option<NaiveDate> {
        anchors.day(self.anchor).map(|day| self.span.after(day))
    }
}

impl std::str::FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (anchor, span) = text.split_at(text.find(['+', '-']).unwrap_or(text.len()));
        let anchor = anchor.parse().map_err(|_| NotAMoment)?;
        let span = if span.is_empty() { Span::default() } else { span.parse()? };
        Ok(Self { anchor, span })
    }
}

impl TryFrom<String> for Moment {
    type Error = NotAMoment;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn months_go_by_the_calendar_and_month_ends_clamp() {
        for (from, span, to) in [
            ("2026-08-31", "6m", "2027-02-28"),
            ("2027-08-31", "6m", "2028-02-29"),
            ("2026-08-31", "6m-1d", "2027-02-27"),
            ("2026-08-31", "6m+1d", "2027-03-01"),
            ("2026-08-10", "4m-1d", "2026-12-09"),
            ("2024-02-29", "4y", "2028-02-29"),
            ("2024-02-29", "5y-1d", "2029-02-27"),
            ("2026-03-31", "-1m", "2026-02-28"),
            ("2026-03-01", "20w+6d", "2026-07-25"),
            ("2026-12-31", "1d", "2027-01-01"),
        ] {
            assert_eq!(span.parse::<Span>().unwrap().after(day(from)), day(to), "{from} {span}");
        }
    }

    #[test]
    fn a_moment_that_cannot_be_read_is_refused() {
        for wrong in [
            "",
            "birth+",
            "birth+4",
            "birth+m",
            "born+4m",
            "birth+1d+4m",
            "birth+4x",
            "birth+99999d",
            "birth++1d",
        ] {
            assert_eq!(wrong.parse::<Moment>(), Err(NotAMoment), "{wrong}");
        }
        for wrong in ["", "d", "+", "1", "月", "1月"] {
            assert_eq!(wrong.parse::<Span>(), Err(NotAMoment), "{wrong}");
        }
        let right: Moment = "birth".parse().unwrap();
        assert_eq!(right, Moment { anchor: Anchor::Birth, span: Span::default() });
    }

    #[test]
    fn what_lies_beyond_the_calendar_stays_where_it_is() {
        let span: Span = "9999y".parse().unwrap();
        assert_eq!(span.after(NaiveDate::MAX), NaiveDate::MAX);
    }
}
