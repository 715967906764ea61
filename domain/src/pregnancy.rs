//! Pregnancy dates and outcomes.

use std::ops::RangeInclusive;

use chrono::{Days, NaiveDate};

use crate::catalogue::kind::Stage;
use crate::handbook::Group;
use crate::word::words;

/// Days from the last menstrual period to the due date (Naegele's rule for a cycle of 28 days).
pub const TERM_DAYS: u64 = 280;

/// Days of gestation below which a birth is preterm (37+0 weeks).
pub const PRETERM_BELOW_DAYS: i64 = 259;

/// Fetuses of a pregnancy, and children of one birth.
pub const FETUSES: RangeInclusive<i32> = 1..=8;

/// Possible birth weights, in grams.
pub const BIRTH_WEIGHT_G: RangeInclusive<i32> = 200..=8000;

/// Possible gestation of a live birth, in days: 20+0 to 46+0 weeks.
pub const BIRTH_GESTATION_DAYS: RangeInclusive<i32> = 140..=322;

/// Days of gestation after which nobody is born.
const LATEST_BIRTH_DAY: i64 = 46 * 7;

/// Days of the puerperium (孕产期保健工作规范).
pub const PUERPERIUM_DAYS: i64 = 42;

words! {
    /// How the due date was found.
    pub enum Dating {
        Lmp = "lmp", "末次月经", "last menstrual period";
        Ultrasound = "ultrasound", "超声", "ultrasound";
        Clinician = "clinician", "医生核定", "set by a clinician";
    }
}

words! {
    /// How a pregnancy ended.
    pub enum Outcome {
        LiveBirth = "live_birth", "活产", "live birth";
        Miscarriage = "miscarriage", "自然流产", "miscarriage";
        Abortion = "abortion", "人工流产", "induced abortion";
        Ectopic = "ectopic", "异位妊娠", "ectopic pregnancy";
        Stillbirth = "stillbirth", "死胎死产", "stillbirth";
        MaternalDeath = "maternal_death", "孕产妇死亡", "maternal death";
    }
}

impl Outcome {
    /// Reminders, congratulations and stage content stop at once in the transaction that records a loss.
    pub fn is_loss(self) -> bool {
        self != Self::LiveBirth
    }

    /// How many children may be born alive with this outcome. A mother may die giving birth to a living child.
    pub fn newborns(self) -> RangeInclusive<usize> {
        match self {
            Self::LiveBirth => 1..=8,
            Self::MaternalDeath => 0..=8,
            Self::Miscarriage | Self::Abortion | Self::Ectopic | Self::Stillbirth => 0..=0,
        }
    }

    /// Whether the handbook still waits for a pregnancy of the woman: after a loss it takes the next one, after a live
    /// birth the next one gets a handbook of its own.
    pub fn keeps_waiting(self) -> bool {
        !matches!(self, Self::LiveBirth | Self::MaternalDeath)
    }

    /// Longest gestation in days with which the outcome is possible: a miscarriage ends before 28+0 weeks. A maternal
    /// death is one from the beginning of the pregnancy to 42 days after its end, also when the birth was not reported
    /// (全国妇幼健康统计调查制度, 孕产妇死亡率).
    fn latest_day(self) -> i64 {
        match self {
            Self::Miscarriage | Self::Abortion => 28 * 7 - 1,
            Self::Ectopic => 20 * 7,
            Self::LiveBirth | Self::Stillbirth => LATEST_BIRTH_DAY,
            Self::MaternalDeath => LATEST_BIRTH_DAY + PUERPERIUM_DAYS,
        }
    }

    /// Shortest gestation in days with which the outcome is possible.
    fn earliest_day(self) -> i64 {
        match self {
            Self::LiveBirth | Self::Stillbirth => 20 * 7,
            Self::Miscarriage | Self::Abortion | Self::Ectopic | Self::MaternalDeath => 14,
        }
    }
}

/// Why dates are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatesRefusal {
    /// Neither a last menstrual period nor a due date.
    #[error("a pregnancy needs the last menstrual period or the due date")]
    Missing,
    /// The last period is in the future or more than 45 weeks ago.
    #[error("the last menstrual period must lie between {earliest} and {latest}")]
    PeriodOutOfRange {
        /// First possible day.
        earliest: NaiveDate,
        /// Last possible day.
        latest: NaiveDate,
    },
    /// The due date does not fit a pregnancy of today.
    #[error("the due date must lie between {earliest} and {latest}")]
    DueDateOutOfRange {
        /// First possible day.
        earliest: NaiveDate,
        /// Last possible day.
        latest: NaiveDate,
    },
    /// The due date differs from the last period by more than four weeks.
    #[error("the due date does not fit the last menstrual period")]
    Contradiction,
    /// The pregnancy would have begun before the one before it ended.
    #[error("the pregnancy would have begun before the last one ended on {0}")]
    BeforePrevious(NaiveDate),
    /// The outcome is not possible at this gestation.
    #[error("this outcome is not possible on {0}")]
    OutcomeImpossible(NaiveDate),
    /// The outcome lies in the future.
    #[error("{0} is in the future")]
    InTheFuture(NaiveDate),
}

/// The dates of a pregnancy: the due date is what everything counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    /// Last menstrual period, when it is known.
    pub last_period_on: Option<NaiveDate>,
    /// Due date.
    pub due_on: NaiveDate,
    /// How the due date was found.
    pub dating: Dating,
}

impl Dates {
    /// Dates from what is known on `today`: a due date given by a clinician or scan goes before the last period.
    pub fn from(
        last_period_on: Option<NaiveDate>,
        due: Option<(NaiveDate, Dating)>,
        today: NaiveDate,
    ) -> Result<Self, DatesRefusal> {
        let ago = |days| today.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN);
        let ahead = |days| today.checked_add_days(Days::new(days)).unwrap_or(NaiveDate::MAX);
        if let Some(period) = last_period_on
            && !(ago(45 * 7)..=today).contains(&period)
        {
            return Err(DatesRefusal::PeriodOutOfRange { earliest: ago(45 * 7), latest: today });
        }
        let counted = last_period_on.and_then(|period| period.checked_add_days(Days::new(TERM_DAYS)));
        let (due_on, dating) = due.or(counted.map(|on| (on, Dating::Lmp))).ok_or(DatesRefusal::Missing)?;
        if !(ago(5 * 7)..=ahead(TERM_DAYS)).contains(&due_on) {
            return Err(DatesRefusal::DueDateOutOfRange { earliest: ago(5 * 7), latest: ahead(TERM_DAYS) });
        }
        if counted.is_some_and(|counted| (counted - due_on).num_days().abs() > 28) {
            return Err(DatesRefusal::Contradiction);
        }
        Ok(Self { last_period_on, due_on, dating })
    }

    /// A pregnancy begins after the one before it ended. Counted from conception, two weeks after the (possibly missing)
    /// last period: after a loss a woman may conceive before she has had another.
    pub fn check_follows(self, previous_end: NaiveDate) -> Result<(), DatesRefusal> {
        let conceived_on = self.due_on.checked_sub_days(Days::new(TERM_DAYS - 14)).unwrap_or(NaiveDate::MIN);
        if conceived_on < previous_end { Err(DatesRefusal::BeforePrevious(previous_end)) } else { Ok(()) }
    }

    /// Gestational age in days on a day: counted back from the due date, so that a corrected date moves every week.
    pub fn gestational_days(due_on: NaiveDate, on: NaiveDate) -> i64 {
        TERM_DAYS as i64 - (due_on - on).num_days()
    }
}

/// Days after its end during which what concerns the woman still belongs to a pregnancy: twice the puerperium, because
/// the examination at 42 days (孕产期保健工作规范) may come late.
const BELONGS_AFTER_END: i64 = 2 * PUERPERIUM_DAYS;

/// Had a pregnancy due on `due_on` begun on a day?
pub fn has_begun(due_on: NaiveDate, on: NaiveDate) -> bool {
    Dates::gestational_days(due_on, on) >= 0
}

/// Does what happened to the woman on a day belong to this pregnancy?
pub fn holds(due_on: NaiveDate, ended_on: Option<NaiveDate>, on: NaiveDate) -> bool {
    has_begun(due_on, on) && ended_on.is_none_or(|ended_on| (on - ended_on).num_days() <= BELONGS_AFTER_END)
}

/// A pregnancy as far as it says whether its woman is still cared for in the handbook.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    /// Due date.
    pub due_on: NaiveDate,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
    /// When it ended.
    pub ended_on: Option<NaiveDate>,
}

impl Course {
    /// The day on which it ended, if its outcome is recorded.
    pub fn end(&self) -> Option<NaiveDate> {
        self.outcome.and(self.ended_on)
    }
}

/// The woman of a handbook as far as it says whether she is still cared for in it.
#[derive(Debug, Clone, Copy)]
pub struct Woman<'a> {
    /// To whom the handbook was issued.
    pub group: Group,
    /// The day of her death, where it was recorded by itself and not as the outcome of a pregnancy.
    pub died_on: Option<NaiveDate>,
    /// Her pregnancies in the handbook.
    pub courses: &'a [Course],
}

impl Woman<'_> {
    /// The day of her death, however it was recorded.
    pub fn died_on(&self) -> Option<NaiveDate> {
        let of_pregnancy = |course: &Course| course.outcome == Some(Outcome::MaternalDeath);
        let as_outcome = self.courses.iter().find(|course| of_pregnancy(course));
        self.died_on.or(as_outcome.and_then(|course| course.ended_on))
    }

    /// Does the handbook wait for a pregnancy of hers, or hold one that is open? After a live birth the next one gets a
    /// handbook of its own; the handbook of a child never takes one.
    pub fn is_expected(&self) -> bool {
        let goes_on = |course: &Course| course.outcome.is_none_or(Outcome::keeps_waiting);
        self.group != Group::Child && self.died_on().is_none() && self.courses.iter().all(goes_on)
    }

    /// Is she a subject of the handbook on a day? While it waits for a pregnancy of hers, while one holds that day, and
    /// never after her death. The guardian of a child's own handbook has no pregnancy in it and is none.
    pub fn is_subject(&self, on: NaiveDate) -> bool {
        let is_held = self.courses.iter().any(|course| holds(course.due_on, course.ended_on, on));
        self.died_on().is_none() && (self.is_expected() || is_held)
    }
}

/// For so many days after the last period a woman may still write what belongs before pregnancy: the period itself, and
/// her basal temperature until the next one fails to come (an assumption of ours; no document says it).
const PRECONCEPTION_REACHES: i64 = 28;

/// The stages of life that a woman can have been in on a day, as far as her pregnancies tell. Of who has none here nobody
/// knows; one that is open may have ended without anybody telling us; and where the handbook waits for the next one
/// (`is_expected`), that may have begun once the puerperium of the last is over.
pub fn stages_on(courses: &[Course], is_expected: bool, on: NaiveDate) -> Vec<Stage> {
    let begun: Vec<_> = courses.iter().filter(|course| has_begun(course.due_on, on)).collect();
    let is_possible = |stage: Stage| match stage {
        Stage::Child => false,
        _ if courses.is_empty() => true,
        Stage::Preconception => {
            let is_early =
                |course: &Course| Dates::gestational_days(course.due_on, on) <= PRECONCEPTION_REACHES;
            begun
                .iter()
                .all(|course| course.ended_on.is_some_and(|ended_on| ended_on < on) || is_early(course))
        }
        Stage::Pregnancy => {
            let is_over = |ended_on: NaiveDate| (on - ended_on).num_days() > PUERPERIUM_DAYS;
            let last_end = begun.iter().filter_map(|course| course.ended_on).max();
            begun.iter().any(|course| course.ended_on.is_none_or(|ended_on| on <= ended_on))
                || (is_expected && last_end.is_some_and(is_over))
        }
        Stage::Puerperium => begun.iter().any(|course| course.ended_on.is_none_or(|ended_on| ended_on <= on)),
    };
    Stage::ALL.iter().copied().filter(|stage| is_possible(*stage)).collect()
}

/// Grades of a case that the county follows in person; the purple mark counts beside any of them.
const HIGH_RISK: [&str; 2] = ["orange", "red"];

/// Is a pregnancy a high-risk case on a day: graded orange or red or marked purple, and neither it nor its puerperium over?
/// (孕产妇妊娠风险评估与管理工作规范, 国卫办妇幼发〔2017〕35号)
pub fn is_high_risk(
    grade: Option<&str>,
    is_purple: bool,
    ended_on: Option<NaiveDate>,
    on: NaiveDate,
) -> bool {
    let is_graded = is_purple || grade.is_some_and(|grade| HIGH_RISK.contains(&grade));
    is_graded && ended_on.is_none_or(|ended| (on - ended).num_days() <= PUERPERIUM_DAYS)
}

/// The kind in which a woman counts the movements of her child.
const MOVEMENTS: &str = "fetal_movement_count";

/// The sign that no fetal heart was heard.
const NO_HEARTBEAT: &str = "fhr_absent";

/// Are the signs of a record those of the fetus alone, of which nobody speaks any more once it is lost?
pub fn is_of_fetus(kind: &str, signs: &[impl AsRef<str>]) -> bool {
    let only_heartbeat = !signs.is_empty() && signs.iter().all(|sign| sign.as_ref() == NO_HEARTBEAT);
    kind == MOVEMENTS || only_heartbeat
}

/// Gestational age as printed: completed weeks and days, `37+6`.
pub fn as_weeks(days: i64) -> String {
    format!("{}+{}", days.div_euclid(7), days.rem_euclid(7))
}

/// May the pregnancy due on `due_on` have ended so on `ended_on`?
pub fn check_outcome(
    outcome: Outcome,
    due_on: NaiveDate,
    ended_on: NaiveDate,
    today: NaiveDate,
) -> Result<(), DatesRefusal> {
    if ended_on > today {
        return Err(DatesRefusal::InTheFuture(ended_on));
    }
    let days = Dates::gestational_days(due_on, ended_on);
    if (outcome.earliest_day()..=outcome.latest_day()).contains(&days) {
        Ok(())
    } else {
        Err(DatesRefusal::OutcomeImpossible(ended_on))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_due_date_is_280_days_after_the_last_period() {
        let dates = Dates::from(Some(day("2026-03-01")), None, day("2026-11-21")).unwrap();
        assert_eq!((dates.due_on, dates.dating), (day("2026-12-06"), Dating::Lmp));
        assert_eq!(as_weeks(Dates::gestational_days(dates.due_on, day("2026-11-21"))), "37+6");
    }

    #[test]
    fn a_scan_goes_before_the_period_unless_they_contradict() {
        let scan = Some((day("2026-12-20"), Dating::Ultrasound));
        let dates = Dates::from(Some(day("2026-03-01")), scan, day("2026-06-01")).unwrap();
        assert_eq!(dates.due_on, day("2026-12-20"));
        let far = Some((day("2027-01-20"), Dating::Ultrasound));
        assert_eq!(
            Dates::from(Some(day("2026-03-01")), far, day("2026-06-01")),
            Err(DatesRefusal::Contradiction)
        );
    }

    #[test]
    fn impossible_dates_are_refused() {
        let today = day("2026-11-21");
        assert!(matches!(
            Dates::from(Some(day("2026-11-22")), None, today),
            Err(DatesRefusal::PeriodOutOfRange { .. })
        ));
        assert!(matches!(
            Dates::from(Some(day("2025-11-21")), None, today),
            Err(DatesRefusal::PeriodOutOfRange { .. })
        ));
        assert_eq!(Dates::from(None, None, today), Err(DatesRefusal::Missing));
    }

    #[test]
    fn the_next_pregnancy_begins_after_the_last_one_ended() {
        let dates = Dates::from(Some(day("2026-09-01")), None, day("2026-11-21")).unwrap();
        assert_eq!(dates.check_follows(day("2026-09-15")), Ok(()));
        assert_eq!(
            dates.check_follows(day("2026-09-16")),
            Err(DatesRefusal::BeforePrevious(day("2026-09-16")))
        );
    }

    #[test]
    fn only_a_live_birth_needs_a_newborn_and_after_a_loss_the_handbook_waits_on() {
        assert_eq!(Outcome::LiveBirth.newborns(), 1..=8);
        for &outcome in Outcome::ALL.iter().filter(|outcome| outcome.is_loss()) {
            assert!(outcome.newborns().contains(&0), "{outcome}");
        }
        assert!(Outcome::Stillbirth.keeps_waiting() && !Outcome::LiveBirth.keeps_waiting());
        assert!(!Outcome::MaternalDeath.keeps_waiting());
    }

    #[test]
    fn a_pregnancy_holds_the_days_from_its_beginning_to_the_late_end_of_the_puerperium() {
        let due = day("2026-12-06");
        assert!(!holds(due, None, day("2026-02-28")) && holds(due, None, day("2026-03-01")));
        let born = Some(day("2026-12-01"));
        assert!(holds(due, born, day("2027-01-12")) && holds(due, born, day("2027-02-23")));
        assert!(!holds(due, born, day("2027-02-24")));
    }

    #[test]
    fn a_woman_is_a_subject_until_the_late_end_of_the_puerperium_unless_she_is_waited_for_or_dies() {
        let course = |outcome, ended_on: Option<&str>| Course {
            due_on: day("2026-12-06"),
            outcome,
            ended_on: ended_on.map(day),
        };
        let is_subject = |courses: &[Course], on: &str| {
            Woman { group: Group::Pregnant, died_on: None, courses }.is_subject(day(on))
        };
        let born = course(Some(Outcome::LiveBirth), Some("2026-12-01"));
        assert!(is_subject(&[course(None, None)], "2026-11-21"));
        assert!(is_subject(&[born], "2027-02-23") && !is_subject(&[born], "2027-02-24"));
        let lost = course(Some(Outcome::Stillbirth), Some("2026-11-01"));
        assert!(is_subject(&[lost], "2028-01-01"), "the handbook waits for the next pregnancy");
        let died = course(Some(Outcome::MaternalDeath), Some("2026-12-01"));
        assert!(!is_subject(&[died], "2026-12-01"));
        let died_later = Woman { group: Group::Pregnant, died_on: Some(day("2026-12-20")), courses: &[born] };
        assert!(!died_later.is_subject(day("2026-12-21")));
        let guardian = Woman { group: Group::Child, died_on: None, courses: &[] };
        assert!(!guardian.is_subject(day("2026-12-01")), "the guardian of a child's handbook");
    }

    #[test]
    fn a_handbook_waits_for_a_pregnancy_until_a_live_birth_or_her_death() {
        let course = |outcome| Course { due_on: day("2026-12-06"), outcome, ended_on: None };
        let expects = |group, died_on, outcomes: &[Option<Outcome>]| {
            let courses: Vec<_> = outcomes.iter().copied().map(course).collect();
            Woman { group, died_on, courses: &courses }.is_expected()
        };
        assert!(expects(Group::Planning, None, &[]) && expects(Group::Pregnant, None, &[None]));
        assert!(expects(Group::Planning, None, &[Some(Outcome::Miscarriage), Some(Outcome::Ectopic)]));
        assert!(!expects(Group::Pregnant, None, &[Some(Outcome::LiveBirth), Some(Outcome::Miscarriage)]));
        assert!(!expects(Group::Pregnant, None, &[Some(Outcome::MaternalDeath)]));
        assert!(!expects(Group::Planning, Some(day("2026-12-20")), &[]));
        assert!(!expects(Group::Child, None, &[]));
    }

    #[test]
    fn the_day_of_her_death_stands_by_itself_or_as_an_outcome() {
        let course = |outcome| Course {
            due_on: day("2026-12-06"),
            outcome: Some(outcome),
            ended_on: Some(day("2026-12-01")),
        };
        let died_on = |died_on: Option<&str>, outcome| {
            let courses = [course(outcome)];
            Woman { group: Group::Pregnant, died_on: died_on.map(day), courses: &courses }.died_on()
        };
        assert_eq!(died_on(None, Outcome::LiveBirth), None);
        assert_eq!(died_on(Some("2026-12-20"), Outcome::LiveBirth), Some(day("2026-12-20")));
        assert_eq!(died_on(None, Outcome::MaternalDeath), Some(day("2026-12-01")));
    }

    #[test]
    fn the_stage_of_a_day_is_what_the_pregnancies_tell() {
        use Stage::{Preconception, Pregnancy, Puerperium};
        let course = |ended_on: Option<&str>| Course {
            due_on: day("2026-12-06"), // counted from a last period on 2026-03-01
            outcome: ended_on.map(|_| Outcome::LiveBirth),
            ended_on: ended_on.map(day),
        };
        let anything = [Preconception, Pregnancy, Puerperium];
        assert_eq!(stages_on(&[], false, day("2026-11-22")), anything);
        for (course, on, stages) in [
            (course(None), "2026-02-28", &[Preconception][..]),
            (course(None), "2026-03-29", &anything),
            (course(None), "2026-03-30", &[Pregnancy, Puerperium]),
            (course(None), "2026-12-24", &[Pregnancy, Puerperium]),
            (course(Some("2026-12-01")), "2026-03-29", &[Preconception, Pregnancy]),
            (course(Some("2026-12-01")), "2026-11-30", &[Pregnancy]),
            (course(Some("2026-12-01")), "2026-12-01", &[Pregnancy, Puerperium]),
            (course(Some("2026-12-01")), "2026-12-02", &[Preconception, Puerperium]),
            (course(Some("2026-12-01")), "2027-06-01", &[Preconception, Puerperium]),
        ] {
            assert_eq!(stages_on(&[course], false, day(on)), stages, "{on}");
        }
        let waits = |on| stages_on(&[course(Some("2026-12-01"))], true, day(on));
        assert_eq!(waits("2027-01-12"), [Preconception, Puerperium]);
        assert_eq!(waits("2027-01-13"), anything, "the next one may have begun");
        // After a loss the next one may begin before the examination at 42 days.
        let next = Course { due_on: day("2027-09-22"), outcome: None, ended_on: None };
        let both = [course(Some("2026-12-01")), next];
        assert_eq!(stages_on(&both, false, day("2027-01-10")), anything);
        assert_eq!(stages_on(&both, false, day("2027-03-01")), [Pregnancy, Puerperium]);
    }

    #[test]
    fn a_case_is_high_risk_by_orange_red_or_purple_until_the_puerperium_is_over() {
        let on = |text: &str| day(text);
        for (grade, is_purple, expected) in [
            (None, false, false),
            (Some("green"), false, false),
            (Some("yellow"), false, false),
            (Some("orange"), false, true),
            (Some("red"), false, true),
            (None, true, true),
            (Some("green"), true, true),
        ] {
            assert_eq!(
                is_high_risk(grade, is_purple, None, on("2026-11-22")),
                expected,
                "{grade:?} {is_purple}"
            );
        }
        let ended = Some(on("2026-10-11"));
        assert!(is_high_risk(Some("red"), false, ended, on("2026-11-22")));
        assert!(!is_high_risk(Some("red"), false, ended, on("2026-11-23")));
    }

    #[test]
    fn an_outcome_must_fit_the_gestation() {
        let due = day("2026-12-06");
        let today = day("2026-11-21");
        assert_eq!(check_outcome(Outcome::LiveBirth, due, today, today), Ok(()));
        assert!(check_outcome(Outcome::Miscarriage, due, today, today).is_err());
        assert_eq!(check_outcome(Outcome::Miscarriage, due, day("2026-05-01"), today), Ok(()));
        assert!(check_outcome(Outcome::LiveBirth, due, day("2026-05-01"), today).is_err());
        assert!(check_outcome(Outcome::LiveBirth, due, day("2026-11-22"), today).is_err());
    }

    #[test]
    fn a_mother_may_die_42_days_after_a_birth_that_nobody_reported() {
        let (due, today) = (day("2026-12-06"), day("2027-06-01"));
        // 46+0 weeks are reached on 2027-01-17, and 42 days after that on 2027-02-28.
        assert_eq!(check_outcome(Outcome::MaternalDeath, due, day("2027-02-28"), today), Ok(()));
        assert!(check_outcome(Outcome::MaternalDeath, due, day("2027-03-01"), today).is_err());
        assert_eq!(check_outcome(Outcome::LiveBirth, due, day("2027-01-17"), today), Ok(()));
        assert!(check_outcome(Outcome::LiveBirth, due, day("2027-01-18"), today).is_err());
    }
}
