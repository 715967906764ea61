//! What is due for a child of 0 to 6 years.
//!
//! Checks go by the age since birth also for who was born early; those have visits of their own beside them, which go
//! by the corrected age (birth and the days that were missing to 40+0). A child that died is asked for nothing more.

use chrono::{Days, NaiveDate};

use super::edition::{Condition, Phase};
use super::fault::Faults;
use super::moment::{Anchor, Anchors};
use super::schedule::{Ended, Frame};
use super::{FIRST_DAY, LAST_DAY, any_of};
use crate::pregnancy::{BIRTH_GESTATION_DAYS, BIRTH_WEIGHT_G, PRETERM_BELOW_DAYS, TERM_DAYS};
use crate::word::words;

words! {
    /// The class of a child born before 37+0 weeks, as a clinician found it (早产儿保健工作规范 2017).
    pub enum PretermRisk {
        Low = "low", "低危", "low risk";
        High = "high", "高危", "high risk";
    }
}

words! {
    /// The result of a screening.
    pub enum Screened {
        Passed = "passed", "通过", "passed";
        NotPassed = "not_passed", "未通过", "not passed";
    }
}

/// What is known of a child. What is left out is not known.
#[derive(Debug, Clone, Copy)]
pub struct Child {
    /// Birth.
    pub born_on: NaiveDate,
    /// The day on which it left hospital after birth; after a birth at home the day of birth.
    pub discharged_on: Option<NaiveDate>,
    /// The day on which a newborn at high risk was reported to the institution that visits it.
    pub reported_on: Option<NaiveDate>,
    /// Gestation at birth in days.
    pub gestational_days: Option<i32>,
    /// Birth weight in grams.
    pub birth_weight_g: Option<i32>,
    /// Whether a clinician found it at high risk as a newborn; who was born early or small is in any case.
    pub is_high_risk: Option<bool>,
    /// The class of a child born early, as a clinician found it last.
    pub preterm_risk: Option<PretermRisk>,
    /// The day on which the case of a child born early was closed.
    pub case_closed_on: Option<NaiveDate>,
    /// Result of the first hearing screen.
    pub hearing: Option<Screened>,
    /// Result of the second hearing screen.
    pub hearing_again: Option<Screened>,
    /// The day on which it enters kindergarten; may lie ahead.
    pub entered_on: Option<NaiveDate>,
    /// The day on which it left kindergarten.
    pub left_on: Option<NaiveDate>,
    /// The day of its death.
    pub died_on: Option<NaiveDate>,
}

/// Born before so many days of gestation (34+0) is at high risk among those born early (早产儿保健工作规范 2017).
const HIGH_RISK_BELOW_DAYS: i32 = 34 * 7;

/// Born lighter than this in grams, likewise; also the limit of retinopathy screening.
const HIGH_RISK_BELOW_G: i32 = 2000;

/// Born before so many days of gestation (32+0) is screened for retinopathy.
const RETINOPATHY_BELOW_DAYS: i32 = 32 * 7;

/// A low birth weight in grams: such a newborn is at high risk (新生儿访视技术规范 2012).
const LOW_WEIGHT_BELOW_G: i32 = 2500;

/// The first hearing screen.
const FIRST_HEARING_SCREEN: &str = "nbs_hear1";

impl Child {
    /// A child of whom nothing is known but its birth.
    pub const fn born_on(born_on: NaiveDate) -> Self {
        Self {
            born_on,
            discharged_on: None,
            reported_on: None,
            gestational_days: None,
            birth_weight_g: None,
            is_high_risk: None,
            preterm_risk: None,
            case_closed_on: None,
            hearing: None,
            hearing_again: None,
            entered_on: None,
            left_on: None,
            died_on: None,
        }
    }

    /// Everything that is wrong on the day of the plan.
    pub(super) fn check(&self, on: NaiveDate, faults: &mut Faults) {
        faults.day("birth_date", Some(self.born_on), FIRST_DAY..=on);
        for (field, day) in [
            ("discharged_on", self.discharged_on),
            ("reported_on", self.reported_on),
            ("case_closed_on", self.case_closed_on),
            ("died_on", self.died_on),
        ] {
            faults.day(field, day, self.born_on..=on);
        }
        faults.day("entered_on", self.entered_on, self.born_on..=LAST_DAY);
        faults.day("left_on", self.left_on, self.entered_on.unwrap_or(self.born_on)..=LAST_DAY);
        faults.number("gestational_days_at_birth", self.gestational_days, BIRTH_GESTATION_DAYS, "d");
        faults.number("birth_weight_g", self.birth_weight_g, BIRTH_WEIGHT_G, "g");
    }

    pub(super) fn frame(&self, on: NaiveDate, is_done: impl Fn(&str) -> bool) -> Frame<'static> {
        let mut conditions = [None; Condition::ALL.len()];
        for (condition, holds) in [
            (Condition::HighRiskNewborn, self.needs_early_visit()),
            (Condition::HearingRescreen, self.needs_hearing_rescreen(on, is_done(FIRST_HEARING_SCREEN))),
            (Condition::HearingDiagnosis, self.needs_hearing_diagnosis()),
            (Condition::RetinopathyScreening, self.is_born_below(RETINOPATHY_BELOW_DAYS, HIGH_RISK_BELOW_G)),
            (Condition::PretermLowRisk, self.preterm_classes()[0]),
            (Condition::PretermHighRisk, self.preterm_classes()[1]),
        ] {
            conditions[condition as usize] = holds;
        }
        let mut ended = [None; Phase::ALL.len()];
        ended[Phase::Child as usize] = self.died_on.map(|_| Ended::Stopped);
        let anchors = Anchors::default()
            .with(Anchor::Birth, Some(self.born_on))
            .with(Anchor::CorrectedBirth, self.corrected_birth())
            .with(Anchor::Discharge, self.discharged_on)
            .with(Anchor::Report, self.reported_on)
            .with(Anchor::Entry, self.entered_on)
            .with(Anchor::Left, self.left_on)
            .with(Anchor::CaseClosed, self.case_closed_on);
        Frame { on, anchors, events: &[], conditions, ended, is_loss: false, postpartum_check_days: None }
    }

    /// The day from which the corrected age is counted: birth and the days that were missing to 40+0.
    fn corrected_birth(&self) -> Option<NaiveDate> {
        let missing =
            self.gestational_days.map(|days| TERM_DAYS.saturating_sub(u64::from(days.unsigned_abs())));
        missing.and_then(|missing| self.born_on.checked_add_days(Days::new(missing)))
    }

    /// Whether it was born before so many days or below so many grams.
    fn is_born_below(&self, days: i32, grams: i32) -> Option<bool> {
        any_of(&[
            self.gestational_days.map(|gestation| gestation < days),
            self.birth_weight_g.map(|weight| weight < grams),
        ])
    }

    fn is_preterm(&self) -> Option<bool> {
        self.gestational_days.map(|days| i64::from(days) < PRETERM_BELOW_DAYS)
    }

    /// Born early or small, or found at high risk. A clinician's no is enough where figures are missing.
    fn needs_early_visit(&self) -> Option<bool> {
        let by_figures =
            any_of(&[self.is_preterm(), self.birth_weight_g.map(|weight| weight < LOW_WEIGHT_BELOW_G)]);
        by_figures.filter(|is_high| *is_high).or(self.is_high_risk)
    }

    /// Whether it is of the low and of the high class of children born early. A clinician's word goes before the
    /// figures, because the class also depends on illness and may be lowered later. Without it every child born early
    /// is seen at least as the low class is, and whether it is of the high one is not known unless its figures say
    /// so.
    fn preterm_classes(&self) -> [Option<bool>; 2] {
        let is_high = self.is_born_below(HIGH_RISK_BELOW_DAYS, HIGH_RISK_BELOW_G).filter(|is_high| *is_high);
        match (self.is_preterm(), self.preterm_risk) {
            (Some(false), _) => [Some(false); 2],
            (_, Some(class)) => [Some(class == PretermRisk::Low), Some(class == PretermRisk::High)],
            (None, None) => [None; 2],
            (Some(true), None) => [Some(is_high.is_none()), is_high],
        }
    }

    /// Not passed, or not screened before leaving hospital.
    fn needs_hearing_rescreen(&self, on: NaiveDate, is_screened: bool) -> Option<bool> {
        let was_missed = self.discharged_on.filter(|left_on| !is_screened && on > *left_on).map(|_| true);
        self.hearing.map(|result| result == Screened::NotPassed).or(was_missed)
    }

    fn needs_hearing_diagnosis(&self) -> Option<bool> {
        let passed_first = self.hearing.filter(|result| *result == Screened::Passed).map(|_| false);
        self.hearing_again.map(|result| result == Screened::NotPassed).or(passed_first)
    }
}
