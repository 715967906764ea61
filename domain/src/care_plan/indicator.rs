//! The rates that follow from what was done, as far as one subject counts in them.
//!
//! The denominator of a woman's rates is the live births, not the women: a mother of twins counts two below and one
//! above. A birth without a living child counts in neither, so that no rate passes 100 % for that reason. What is not
//! known is given as such and never counted as a no.

use std::sync::LazyLock;

use chrono::{Days, NaiveDate};
use serde::Deserialize;

use super::all_of;
use crate::calendar::age_in_years;
use crate::text::Label;
use crate::word::words;

words! {
    /// A rate.
    pub enum Indicator {
        EarlyRegistration = "early_registration_rate", "早孕建册率", "Early registration rate";
        AntenatalExam = "antenatal_exam_rate", "产前检查率", "Antenatal examination rate";
        AntenatalFive = "antenatal_5_rate", "产前检查率（≥5次）", "Antenatal examination rate (>=5)";
        FirstTrimesterExam = "first_trimester_exam_rate", "孕早期检查率", "First-trimester examination rate";
        PostpartumVisit = "postpartum_visit_rate", "产后访视率", "Postpartum visit rate";
        PostpartumVisit28 = "postpartum_visit_28_rate", "产后访视率（产后28天内）", "Postpartum visit rate (28 days after birth)";
        MaternalSystematic = "maternal_systematic_rate", "孕产妇系统管理率", "Systematic maternal management rate";
        NewbornVisit = "newborn_visit_rate", "新生儿访视率", "Newborn visit rate";
        NewbornBloodScreening = "newborn_blood_screening_rate", "新生儿遗传代谢病筛查率", "Newborn blood-spot screening rate";
        NewbornHearingScreening = "newborn_hearing_screening_rate", "新生儿听力筛查率", "Newborn hearing screening rate";
        ChildManagement = "child_health_management_rate", "0~6岁儿童健康管理率", "Child (0-6) health management rate";
        Under7Management = "under7_management_rate", "7岁以下儿童健康管理率", "Health management under 7";
    }
}

words! {
    /// The year over which a rate is counted.
    pub enum CountingYear {
        Calendar = "calendar", "考核年度（自然年）", "calendar year";
        Statistics = "statistics", "统计年度（上年10月1日至本年9月30日）", "statistics year, 1 October to 30 September";
    }
}

/// The days over which something is counted, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub first: NaiveDate,
    /// Last day.
    pub last: NaiveDate,
}

impl Period {
    fn contains(&self, day: NaiveDate) -> bool {
        (self.first..=self.last).contains(&day)
    }
}

impl CountingYear {
    /// The days of a year; nothing for years that no calendar has.
    pub fn period(self, year: i32) -> Option<Period> {
        let day = NaiveDate::from_ymd_opt;
        let (first, last) = match self {
            Self::Calendar => (day(year, 1, 1)?, day(year, 12, 31)?),
            Self::Statistics => (day(year.checked_sub(1)?, 10, 1)?, day(year, 9, 30)?),
        };
        Some(Period { first, last })
    }
}

/// What a rate means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Which rate.
    pub key: Indicator,
    /// Whom the numerator counts.
    pub numerator: Label,
    /// Whom the denominator counts.
    pub denominator: Label,
    /// Over which year.
    pub year: CountingYear,
    /// What is aimed at.
    pub target: Option<Target>,
    /// Key of `sources.toml`.
    pub source: String,
    /// The definition was not seen but remembered.
    #[serde(default)]
    pub recalled: bool,
}

/// What is aimed at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Percent.
    pub percent: u8,
    /// Key of `sources.toml`.
    pub source: String,
}

/// What a subject adds to both parts of a rate; nothing where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// To the denominator.
    pub denominator: Option<u32>,
    /// To the numerator; never more than to the denominator.
    pub numerator: Option<u32>,
}

/// Days on which something was done: empty where it never was, nothing where that is not known.
pub type KnownDays<'a> = Option<&'a [NaiveDate]>;

/// A woman who gave birth.
#[derive(Debug, Clone, Copy)]
pub struct Childbirth<'a> {
    /// The day of the birth.
    pub on: NaiveDate,
    /// Children born alive.
    pub live_births: Option<u32>,
    /// The day from which her weeks are counted.
    pub counted_from: Option<NaiveDate>,
    /// The day on which she left hospital.
    pub discharged_on: Option<NaiveDate>,
    /// Whether she gave birth in a hospital.
    pub is_in_hospital: Option<bool>,
    /// Her registrations with a handbook.
    pub registered: KnownDays<'a>,
    /// Her antenatal visits.
    pub antenatal: KnownDays<'a>,
    /// Visits after the birth.
    pub postpartum: KnownDays<'a>,
}

/// A child born alive, in its first weeks.
#[derive(Debug, Clone, Copy)]
pub struct Newborn<'a> {
    /// Birth.
    pub born_on: NaiveDate,
    /// Visits at home.
    pub visits: KnownDays<'a>,
    /// Whether its blood spot was taken.
    pub is_blood_screened: Option<bool>,
    /// Whether its hearing was screened.
    pub is_hearing_screened: Option<bool>,
}

/// A child of the area.
#[derive(Debug, Clone, Copy)]
pub struct Managed<'a> {
    /// Birth.
    pub born_on: NaiveDate,
    /// Its death, or the day on which it moved away.
    pub left_on: Option<NaiveDate>,
    /// Follow-ups with an examination.
    pub follow_ups: KnownDays<'a>,
}

/// Of whom a rate is counted.
#[derive(Debug, Clone, Copy)]
pub enum Counted<'a> {
    /// A woman who gave birth.
    Childbirth(Childbirth<'a>),
    /// A newborn.
    Newborn(Newborn<'a>),
    /// A child of the area.
    Child(Managed<'a>),
}

/// Days after the beginning of a pregnancy up to which it is early (12+6 weeks).
const EARLY_DAYS: u64 = 12 * 7 + 6;

/// Days after birth or discharge in which a visit counts.
const VISIT_DAYS: u64 = 28;

/// Antenatal visits of a woman whose care is complete.
const COMPLETE_VISITS: usize = 5;

/// Age in years from which a child is not counted any more.
const CHILD_BELOW_YEARS: i32 = 7;

impl Indicator {
    /// What it means.
    pub fn definition(self) -> Option<&'static Definition> {
        DEFINITIONS.iter().find(|definition| definition.key == self)
    }

    /// What a subject adds to the rate of a period; nothing where the rate is not about such subjects.
    pub fn share(self, of: &Counted<'_>, period: Period) -> Option<Share> {
        match of {
            Counted::Childbirth(birth) => {
                let live_births = if period.contains(birth.on) { birth.live_births } else { Some(0) };
                Some(Share::of(live_births, birth.counts(self)?))
            }
            Counted::Newborn(newborn) => {
                let is_born = u32::from(period.contains(newborn.born_on));
                Some(Share::of(Some(is_born), newborn.counts(self)?))
            }
            Counted::Child(child) => {
                Some(Share::of(Some(child.is_of(period).into()), child.counts(self, period)?))
            }
        }
    }
}

impl Share {
    /// One subject above, as many as given below; nobody above without anybody below.
    fn of(denominator: Option<u32>, counts: Option<bool>) -> Self {
        let numerator = match (denominator, counts) {
            (Some(0), _) | (_, Some(false)) => Some(0),
            (None, _) | (_, None) => None,
            (Some(_), Some(true)) => Some(1),
        };
        Self { denominator, numerator }
    }
}

/// Whether a day lies between two; not known where a bound is missing and there are days at all.
fn any_between(days: KnownDays<'_>, first: Option<NaiveDate>, last: Option<NaiveDate>) -> Option<bool> {
    match (days?, first.zip(last)) {
        ([], _) => Some(false),
        (days, range) => range.map(|(first, last)| days.iter().any(|day| (first..=last).contains(day))),
    }
}

fn later(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).unwrap_or(NaiveDate::MAX)
}

impl Childbirth<'_> {
    /// Whether she counts in the numerator; nothing where the rate is not about women.
    fn counts(&self, indicator: Indicator) -> Option<Option<bool>> {
        Some(match indicator {
            Indicator::EarlyRegistration => {
                all_of(&[self.is_early(self.registered), self.is_early(self.antenatal)])
            }
            Indicator::AntenatalExam => self.has_visits(1),
            Indicator::AntenatalFive => self.has_visits(COMPLETE_VISITS),
            Indicator::FirstTrimesterExam => self.is_early(self.antenatal),
            Indicator::PostpartumVisit => self.is_visited_after(self.discharged_on),
            Indicator::PostpartumVisit28 => self.is_visited_after(Some(self.on)),
            Indicator::MaternalSystematic => all_of(&[
                self.is_early(self.antenatal),
                self.has_visits(COMPLETE_VISITS),
                self.is_in_hospital,
                self.is_visited_after(Some(self.on)),
            ]),
            _ => return None,
        })
    }

    fn is_early(&self, days: KnownDays<'_>) -> Option<bool> {
        let last = self.counted_from.map(|from| later(from, EARLY_DAYS));
        any_between(days, Some(NaiveDate::MIN), last)
    }

    /// Visits on different days before the birth: an examination because labour has begun is none.
    fn has_visits(&self, least: usize) -> Option<bool> {
        let mut days: Vec<_> = self.antenatal?.iter().filter(|day| **day < self.on).collect();
        days.sort_unstable();
        days.dedup();
        Some(days.len() >= least)
    }

    fn is_visited_after(&self, day: Option<NaiveDate>) -> Option<bool> {
        any_between(self.postpartum, day, day.map(|day| later(day, VISIT_DAYS)))
    }
}

impl Newborn<'_> {
    fn counts(&self, indicator: Indicator) -> Option<Option<bool>> {
        Some(match indicator {
            Indicator::NewbornVisit => {
                any_between(self.visits, Some(self.born_on), Some(later(self.born_on, VISIT_DAYS)))
            }
            Indicator::NewbornBloodScreening => self.is_blood_screened,
            Indicator::NewbornHearingScreening => self.is_hearing_screened,
            _ => return None,
        })
    }
}

impl Managed<'_> {
    /// Whether it is there and below 7 years at the end of the period.
    fn is_of(&self, period: Period) -> bool {
        let is_there = self.left_on.is_none_or(|left_on| left_on > period.last);
        is_there && self.born_on <= period.last && age_in_years(self.born_on, period.last) < CHILD_BELOW_YEARS
    }

    fn counts(&self, indicator: Indicator, period: Period) -> Option<Option<bool>> {
        matches!(indicator, Indicator::ChildManagement | Indicator::Under7Management)
            .then(|| any_between(self.follow_ups, Some(period.first), Some(period.last)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    indicator: Vec<Definition>,
}

#[expect(
    clippy::expect_used,
    reason = "the file is part of the program, and every test of this module reads it"
)]
static DEFINITIONS: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../../data/care_plan/indicators.toml"))
        .expect("the definitions are well formed");
    file.indicator
});

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn days(texts: &[&str]) -> Vec<NaiveDate> {
        texts.iter().map(|text| day(text)).collect()
    }

    const YEAR: Period = Period {
        first: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(),
        last: NaiveDate::from_ymd_opt(2026, 12, 31).unwrap(),
    };

    /// Born on 2026-11-20; counted from 2026-03-01, so that 12+6 is 2026-05-30.
    const BIRTH: Childbirth<'static> = Childbirth {
        on: NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(),
        live_births: Some(1),
        counted_from: NaiveDate::from_ymd_opt(2026, 3, 1),
        discharged_on: NaiveDate::from_ymd_opt(2026, 11, 23),
        is_in_hospital: Some(true),
        registered: None,
        antenatal: None,
        postpartum: None,
    };

    fn numerator(indicator: Indicator, birth: Childbirth<'_>) -> Option<u32> {
        indicator.share(&Counted::Childbirth(birth), YEAR).unwrap().numerator
    }

    #[test]
    fn every_rate_has_one_definition_from_a_known_source() {
        let sources: toml::Table = toml::from_str(include_str!("../../data/sources.toml")).unwrap();
        let is_known = |key: &str| {
            sources["document"].as_array().unwrap().iter().any(|one| one["key"].as_str() == Some(key))
        };
        assert_eq!(DEFINITIONS.len(), Indicator::ALL.len());
        for indicator in Indicator::ALL {
            let definition = indicator.definition().unwrap();
            assert!(is_known(&definition.source), "{indicator}");
            assert!(definition.target.as_ref().is_none_or(|target| is_known(&target.source)), "{indicator}");
        }
    }

    #[test]
    fn years_are_of_the_calendar_or_of_the_statistics() {
        let year = |year: CountingYear| year.period(2026).unwrap();
        assert_eq!(year(CountingYear::Calendar), YEAR);
        let expected = Period { first: day("2025-10-01"), last: day("2026-09-30") };
        assert_eq!(year(CountingYear::Statistics), expected);
        assert_eq!(CountingYear::Statistics.period(i32::MIN), None);
    }

    #[test]
    fn early_registration_needs_the_handbook_and_the_visit_by_12_weeks_and_6_days() {
        for (registered, visit, expected) in [
            ("2026-05-30", "2026-05-30", 1),
            ("2026-05-31", "2026-05-30", 0),
            ("2026-05-30", "2026-05-31", 0),
            ("2026-05-01", "2026-05-02", 1),
        ] {
            let (registered, antenatal) = (days(&[registered]), days(&[visit]));
            let birth = Childbirth { registered: Some(&registered), antenatal: Some(&antenatal), ..BIRTH };
            assert_eq!(numerator(Indicator::EarlyRegistration, birth), Some(expected), "{registered:?}");
            let visited = u32::from(visit <= "2026-05-30");
            assert_eq!(numerator(Indicator::FirstTrimesterExam, birth), Some(visited), "{antenatal:?}");
        }
    }

    #[test]
    fn five_visits_are_on_five_days_before_the_birth() {
        let four = ["2026-05-30", "2026-07-01", "2026-08-15", "2026-10-01"];
        let counts = |more: &[&str], least| {
            let antenatal = days(&[&four[..], more].concat());
            numerator(least, Childbirth { antenatal: Some(&antenatal), ..BIRTH })
        };
        let five = Indicator::AntenatalFive;
        assert_eq!(counts(&["2026-11-19"], five), Some(1));
        assert_eq!(counts(&["2026-11-20"], five), Some(0), "labour has begun");
        assert_eq!(counts(&["2026-10-01"], five), Some(0), "one day twice");
        assert_eq!(counts(&[], Indicator::AntenatalExam), Some(1));
        let only_in_labour = days(&["2026-11-20"]);
        let birth = Childbirth { antenatal: Some(&only_in_labour), ..BIRTH };
        assert_eq!(numerator(Indicator::AntenatalExam, birth), Some(0));
    }

    #[test]
    fn a_visit_after_birth_counts_for_28_days_from_discharge_or_from_the_birth() {
        for (visit, after_discharge, after_birth) in [
            ("2026-11-20", 0, 1),
            ("2026-11-23", 1, 1),
            ("2026-12-18", 1, 1),
            ("2026-12-19", 1, 0),
            ("2026-12-21", 1, 0),
            ("2026-12-22", 0, 0),
        ] {
            let visits = days(&[visit]);
            let birth = Childbirth { postpartum: Some(&visits), ..BIRTH };
            assert_eq!(numerator(Indicator::PostpartumVisit, birth), Some(after_discharge), "{visit}");
            assert_eq!(numerator(Indicator::PostpartumVisit28, birth), Some(after_birth), "{visit}");
        }
    }

    #[test]
    fn systematic_management_needs_all_four() {
        let antenatal = days(&["2026-05-30", "2026-07-01", "2026-08-15", "2026-10-01", "2026-11-15"]);
        let late = days(&["2026-05-31", "2026-07-01", "2026-08-15", "2026-10-01", "2026-11-15"]);
        let visits = days(&["2026-12-18"]);
        let whole = Childbirth { antenatal: Some(&antenatal), postpartum: Some(&visits), ..BIRTH };
        let counts = |birth| numerator(Indicator::MaternalSystematic, birth);
        assert_eq!(counts(whole), Some(1));
        assert_eq!(counts(Childbirth { antenatal: Some(&late), ..whole }), Some(0));
        assert_eq!(counts(Childbirth { antenatal: Some(&antenatal[..4]), ..whole }), Some(0));
        assert_eq!(counts(Childbirth { is_in_hospital: Some(false), ..whole }), Some(0));
        assert_eq!(counts(Childbirth { postpartum: Some(&[]), ..whole }), Some(0));
        assert_eq!(counts(Childbirth { is_in_hospital: None, ..whole }), None);
        let unknown_and_no = Childbirth { is_in_hospital: None, postpartum: Some(&[]), ..whole };
        assert_eq!(counts(unknown_and_no), Some(0), "one that is missing is enough");
    }

    #[test]
    fn the_denominator_is_the_live_births_of_the_period() {
        let visits = days(&["2026-11-24"]);
        let share = |birth: Childbirth<'_>| {
            let birth = Counted::Childbirth(Childbirth { postpartum: Some(&visits), ..birth });
            let share = Indicator::PostpartumVisit.share(&birth, YEAR).unwrap();
            (share.denominator, share.numerator)
        };
        assert_eq!(share(BIRTH), (Some(1), Some(1)));
        assert_eq!(share(Childbirth { live_births: Some(2), ..BIRTH }), (Some(2), Some(1)));
        assert_eq!(share(Childbirth { live_births: Some(0), ..BIRTH }), (Some(0), Some(0)));
        assert_eq!(share(Childbirth { live_births: None, ..BIRTH }), (None, None));
        assert_eq!(share(Childbirth { on: day("2025-12-31"), ..BIRTH }), (Some(0), Some(0)));
        assert_eq!(share(Childbirth { discharged_on: None, ..BIRTH }), (Some(1), None));
    }

    #[test]
    fn what_is_not_known_is_no_no() {
        for indicator in [Indicator::EarlyRegistration, Indicator::AntenatalFive, Indicator::PostpartumVisit]
        {
            assert_eq!(numerator(indicator, BIRTH), None, "{indicator}");
        }
        let none = Childbirth { registered: Some(&[]), counted_from: None, ..BIRTH };
        assert_eq!(numerator(Indicator::EarlyRegistration, none), Some(0), "never registered at all");
        let some = days(&["2026-05-30"]);
        let undated = Childbirth { antenatal: Some(&some), counted_from: None, ..BIRTH };
        assert_eq!(numerator(Indicator::FirstTrimesterExam, undated), None);
    }

    #[test]
    fn a_newborn_is_visited_within_28_days() {
        let share = |visit: &str, of: Indicator| {
            let visits = days(&[visit]);
            let newborn = Newborn {
                born_on: day("2026-11-01"),
                visits: Some(&visits),
                is_blood_screened: Some(true),
                is_hearing_screened: None,
            };
            of.share(&Counted::Newborn(newborn), YEAR).map(|share| (share.denominator, share.numerator))
        };
        let visit = Indicator::NewbornVisit;
        assert_eq!(share("2026-11-01", visit), Some((Some(1), Some(1))));
        assert_eq!(share("2026-11-29", visit), Some((Some(1), Some(1))));
        assert_eq!(share("2026-11-30", visit), Some((Some(1), Some(0))));
        assert_eq!(share("2026-11-02", Indicator::NewbornBloodScreening), Some((Some(1), Some(1))));
        assert_eq!(share("2026-11-02", Indicator::NewbornHearingScreening), Some((Some(1), None)));
        assert_eq!(share("2026-11-02", Indicator::ChildManagement), None);
        assert_eq!(share("2026-11-02", Indicator::AntenatalExam), None);
    }

    #[test]
    fn a_child_is_managed_below_seven_years_with_one_follow_up_in_the_year() {
        let share = |born_on: &str, left_on: Option<&str>, visit: &str| {
            let follow_ups = days(&[visit]);
            let child =
                Managed { born_on: day(born_on), left_on: left_on.map(day), follow_ups: Some(&follow_ups) };
            let share = Indicator::ChildManagement.share(&Counted::Child(child), YEAR).unwrap();
            (share.denominator.unwrap(), share.numerator.unwrap())
        };
        assert_eq!(share("2020-01-01", None, "2026-01-01"), (1, 1));
        assert_eq!(share("2019-12-31", None, "2026-01-01"), (0, 0), "seven on the last day");
        assert_eq!(share("2020-01-01", None, "2025-12-31"), (1, 0));
        assert_eq!(share("2020-01-01", None, "2027-01-01"), (1, 0));
        assert_eq!(share("2026-12-31", None, "2026-12-31"), (1, 1));
        assert_eq!(share("2027-01-01", None, "2026-12-31"), (0, 0));
        assert_eq!(share("2020-01-01", Some("2026-12-31"), "2026-05-01"), (0, 0));
        assert_eq!(share("2020-01-01", Some("2027-01-01"), "2026-05-01"), (1, 1));
    }
}
