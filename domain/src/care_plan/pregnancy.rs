//! What is due for a woman, from before her pregnancy to the end of the puerperium.
//!
//! Weeks are counted back from the due date where one was set, else from the last menstrual period. After the birth
//! of a living child visits of the pregnancy are over; after a stillbirth those of the mother go on (the norm speaks
//! of women who gave birth), and so they do when her child dies later. After a miscarriage, an abortion or an ectopic
//! pregnancy nothing of pregnancy and childbed is asked for any more, but the outcome is followed up within 14 days.
//! Referrals, reports and the tracking of high risk go on after every loss; her death stops all.

use chrono::{Days, NaiveDate};

use super::edition::{Condition, Phase, Rule};
use super::fault::{Fault, Faults};
use super::moment::{Anchor, Anchors};
use super::schedule::{Ended, Frame};
use super::{FIRST_DAY, LAST_DAY, all_of};
use crate::pregnancy::{BIRTH_GESTATION_DAYS, Outcome, PUERPERIUM_DAYS, TERM_DAYS};
use crate::word::words;

words! {
    /// What happens to a woman, perhaps more than once, and makes something due.
    pub enum Event {
        ScreenPositive = "screen_positive", "妊娠风险筛查阳性", "her risk screening was positive";
        Referral = "referral", "转诊", "she was referred";
        GradedRed = "graded_red", "评估为红色", "she was graded red";
        GradedOrange = "graded_orange", "评估为橙色", "she was graded orange";
    }
}

impl Event {
    pub(super) const fn anchor(self) -> Anchor {
        match self {
            Self::ScreenPositive => Anchor::ScreenPositive,
            Self::Referral => Anchor::Referral,
            Self::GradedRed => Anchor::GradedRed,
            Self::GradedOrange => Anchor::GradedOrange,
        }
    }
}

/// How a pregnancy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The day of the birth or of the loss.
    pub on: NaiveDate,
    /// How. A birth of which one child lives is a live birth.
    pub outcome: Outcome,
}

/// What a region sets otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Region {
    /// Women go to an institution with a licence for delivery from 24 weeks on (document 002; a local rule).
    pub transfers_at_24_weeks: bool,
    /// Last day after the birth of the check at 42 days, 42 to 70; 56 where the region says nothing.
    pub postpartum_check_days: Option<u16>,
}

/// What is known of a pregnancy. What is left out is not known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pregnancy<'a> {
    /// The day before which she wants to conceive.
    pub planned_on: Option<NaiveDate>,
    /// Last menstrual period.
    pub last_period_on: Option<NaiveDate>,
    /// The due date as it was corrected; goes before the last menstrual period.
    pub due_on: Option<NaiveDate>,
    /// How it ended.
    pub ended: Option<End>,
    /// The day on which she left hospital after the birth; after a birth at home the day of the birth.
    pub discharged_on: Option<NaiveDate>,
    /// The day of her death.
    pub died_on: Option<NaiveDate>,
    /// Whether she had the free pre-pregnancy check.
    pub had_preconception_check: Option<bool>,
    /// Whether the institution that manages her may deliver.
    pub is_manager_licensed: Option<bool>,
    /// Since when she is followed as a key high-risk case (orange, red or purple).
    pub high_risk_from: Option<NaiveDate>,
    /// The day on which that case was closed.
    pub case_closed_on: Option<NaiveDate>,
    /// What happened, in any order.
    pub events: &'a [(Event, NaiveDate)],
    /// What her region sets.
    pub region: Region,
}

/// Days after the last menstrual period after which an open pregnancy must have ended (45 weeks).
const OPEN_UNTIL_DAYS: i64 = 45 * 7;

/// Days by which a correction of the due date may move the beginning of a pregnancy behind what was done in it.
const CORRECTION_DAYS: u64 = 28;

/// Days before the pregnancy from which preparations for it count.
const PREPARATION_DAYS: u64 = 365;

/// Days of the check at 42 days that a region may set; with 14 more days it can be made up.
const CHECK_DAYS: std::ops::RangeInclusive<i32> = 42..=70;

impl<'a> Pregnancy<'a> {
    /// The day from which weeks of gestation are counted.
    pub fn counted_from(&self) -> Option<NaiveDate> {
        let of_due =
            self.due_on.map(|due| due.checked_sub_days(Days::new(TERM_DAYS)).unwrap_or(NaiveDate::MIN));
        of_due.or(self.last_period_on)
    }

    /// The first day on which an item of hers can have been done.
    pub(super) fn earliest(&self, rule: &Rule) -> NaiveDate {
        let prepares =
            rule.phase == Phase::Preconception || rule.opens.iter().any(|moment| moment.span.is_before());
        let days = if prepares { PREPARATION_DAYS } else { CORRECTION_DAYS };
        let start = self.counted_from().and_then(|start| start.checked_sub_days(Days::new(days)));
        start.unwrap_or(FIRST_DAY)
    }

    /// Everything that is wrong on the day of the plan.
    pub(super) fn check(&self, on: NaiveDate, faults: &mut Faults) {
        faults.day("planned_on", self.planned_on, FIRST_DAY..=LAST_DAY);
        faults.day("last_menstrual_period", self.last_period_on, FIRST_DAY..=on);
        let term = on.checked_add_days(Days::new(TERM_DAYS)).unwrap_or(LAST_DAY);
        faults.day("due_date", self.due_on, FIRST_DAY..=term.min(LAST_DAY));
        self.check_end(on, faults);
        let from = self.counted_from().unwrap_or(FIRST_DAY);
        faults.day("died_on", self.died_on, from..=on);
        faults.day("high_risk_from", self.high_risk_from, FIRST_DAY..=on);
        let high_risk_from = self.high_risk_from.unwrap_or(FIRST_DAY);
        faults.day("case_closed_on", self.case_closed_on, high_risk_from..=on);
        for (index, (_, day)) in self.events.iter().enumerate() {
            if !(FIRST_DAY..=on).contains(day) {
                faults.day(&format!("events/{index}/on"), Some(*day), FIRST_DAY..=on);
            }
        }
        let check_days = self.region.postpartum_check_days.map(i32::from);
        faults.number("region/postpartum_check_days", check_days, CHECK_DAYS, "d");
    }

    /// Everything that is wrong with the end, and a pregnancy that must have ended.
    fn check_end(&self, on: NaiveDate, faults: &mut Faults) {
        let from = self.counted_from();
        let days = |day: NaiveDate| from.map(|from| (day - from).num_days()).filter(|days| *days >= 0);
        let Some(end) = self.ended else {
            if let Some(days) = days(on).filter(|_| self.died_on.is_none()) {
                faults.gestation("on", days, 0..=OPEN_UNTIL_DAYS);
            }
            if self.discharged_on.is_some() {
                let field = "discharged_on".to_owned();
                faults.push(Fault::Needs { field, needs: "delivered_on" });
            }
            return;
        };
        faults.day("delivered_on", Some(end.on), from.unwrap_or(FIRST_DAY)..=on);
        faults.day("discharged_on", self.discharged_on, end.on..=on);
        if let Some(days) = days(end.on) {
            let (least, most) = (*BIRTH_GESTATION_DAYS.start(), *BIRTH_GESTATION_DAYS.end());
            let range = match end.outcome {
                Outcome::LiveBirth | Outcome::Stillbirth => least.into()..=most.into(),
                Outcome::MaternalDeath => 0..=i64::from(most) + PUERPERIUM_DAYS,
                Outcome::Miscarriage | Outcome::Abortion | Outcome::Ectopic => 0..=most.into(),
            };
            faults.gestation("delivered_on", days, range);
        }
    }

    pub(super) fn frame(&self, on: NaiveDate) -> Frame<'a> {
        let mut conditions = [None; Condition::ALL.len()];
        conditions[Condition::PreconceptionCheck as usize] = self.had_preconception_check;
        let needs_transfer = self.is_manager_licensed.map(|is_licensed| !is_licensed);
        conditions[Condition::Transfer as usize] =
            all_of(&[Some(self.region.transfers_at_24_weeks), needs_transfer]);
        let anchors = Anchors::default()
            .with(Anchor::Plan, self.planned_on)
            .with(Anchor::Lmp, self.counted_from())
            .with(Anchor::Delivery, self.ended.map(|end| end.on))
            .with(Anchor::Discharge, self.discharged_on)
            .with(Anchor::HighRisk, self.high_risk_from)
            .with(Anchor::CaseClosed, self.case_closed_on);
        Frame {
            on,
            anchors,
            events: self.events,
            conditions,
            ended: self.phases(),
            is_loss: self.ended.is_some_and(|end| end.outcome.is_loss()),
            postpartum_check_days: self.region.postpartum_check_days,
        }
    }

    /// What ended, by phase.
    fn phases(&self) -> [Option<Ended>; Phase::ALL.len()] {
        let outcome = self.ended.map(|end| end.outcome);
        if self.died_on.is_some() || outcome == Some(Outcome::MaternalDeath) {
            return [Some(Ended::Stopped); Phase::ALL.len()];
        }
        let gave_birth = matches!(outcome, None | Some(Outcome::LiveBirth | Outcome::Stillbirth));
        let stopped = outcome.filter(|outcome| outcome.is_loss()).map(|_| Ended::Stopped);
        let mut phases = [None; Phase::ALL.len()];
        phases[Phase::Preconception as usize] = stopped.or(self.counted_from().map(Ended::Over));
        phases[Phase::Pregnancy as usize] = stopped.or(self.ended.map(|end| Ended::Over(end.on)));
        phases[Phase::Birth as usize] = (!gave_birth).then_some(Ended::Stopped);
        phases
    }
}
