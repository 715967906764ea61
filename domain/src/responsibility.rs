//! The chain of responsibility of a subject: who was told what, by when it was to be done, and when it was.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc, Weekday};

use crate::calendar::{day_in_china, start_of_day};
use crate::word::words;

words! {
    /// What somebody answers for.
    pub enum Duty {
        DangerSign = "danger_sign", "危险征象", "a danger sign is answered";
        EmergencyReview = "emergency_review", "紧急调阅复核", "an emergency access is reviewed";
        OverrideReview = "override_review", "破例事项复核", "a rule that was set aside is reviewed";
        Countersign = "countersign", "村医记录审签", "a village doctor's record is countersigned";
        Delegation = "delegation", "委托随访", "visits are delegated to a village doctor";
        RiskAssessment = "risk_assessment", "妊娠风险评估", "the risk of the pregnancy was assessed";
        LateResult = "late_result", "补录检查结果", "a result came after its visit";
        DeskAct = "desk_act", "窗口办理", "something was done at a desk";
        Correction = "correction", "更正申请答复", "a request for correction is answered";
    }
}

words! {
    /// How a duty stands.
    pub enum DutyState {
        Due = "due", "待办", "due";
        Done = "done", "已办", "done";
        Late = "late", "逾期", "late";
        HandedOver = "handed_over", "已移交", "handed over with the handbook";
        Ended = "ended", "已终止", "ended: what asked for it was taken back";
    }
}

/// How somebody stopped answering for a duty without having done it, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The handbook was transferred: the other institution answers from then on.
    HandedOver(DateTime<Utc>),
    /// What asked for it was voided or hidden, or nobody waits for it any more.
    Ended(DateTime<Utc>),
}

impl Ending {
    /// When.
    pub fn at(self) -> DateTime<Utc> {
        match self {
            Self::HandedOver(at) | Self::Ended(at) => at,
        }
    }

    fn state(self) -> DutyState {
        match self {
            Self::HandedOver(_) => DutyState::HandedOver,
            Self::Ended(_) => DutyState::Ended,
        }
    }
}

/// How long a danger sign that a family wrote may stay unanswered. No document of the programme says; the 24 hours of the
/// red report are taken.
pub const DANGER_SIGN_WITHIN: TimeDelta = TimeDelta::hours(24);

/// Working days within which an emergency access is reviewed.
const REVIEW_DAYS: u32 = 3;

/// When the review of an emergency access is due: with the third working day after it. Public holidays are not known here;
/// a week has five working days.
pub fn review_by(opened_at: DateTime<Utc>) -> DateTime<Utc> {
    let mut day = day_in_china(opened_at);
    let mut left = REVIEW_DAYS;
    while left > 0 {
        day = day.checked_add_days(Days::new(1)).unwrap_or(day);
        if !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
            left -= 1;
        }
    }
    end_of_day(day)
}

/// Until when something is in time that is due on a day.
pub fn end_of_day(day: NaiveDate) -> DateTime<Utc> {
    start_of_day(day.checked_add_days(Days::new(1)).unwrap_or(day))
}

/// How a duty stands now. What was done after its time stays late, and so does what ended after it.
pub fn state(
    due_by: Option<DateTime<Utc>>,
    done_at: Option<DateTime<Utc>>,
    ending: Option<Ending>,
    now: DateTime<Utc>,
) -> DutyState {
    let over_at = done_at.or(ending.map(Ending::at)).unwrap_or(now);
    match (ending, done_at) {
        _ if due_by.is_some_and(|due_by| over_at > due_by) => DutyState::Late,
        (Some(ending), _) => ending.state(),
        (None, Some(_)) => DutyState::Done,
        (None, None) => DutyState::Due,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn an_emergency_is_reviewed_by_the_end_of_the_third_working_day() {
        for (opened, due) in [
            // A Monday morning, a Friday evening, and a Sunday: the next days that count begin on Monday.
            ("2026-11-23T01:00:00Z", "2026-11-26T16:00:00Z"),
            ("2026-11-20T12:00:00Z", "2026-11-25T16:00:00Z"),
            ("2026-11-22T04:00:00Z", "2026-11-25T16:00:00Z"),
            // 23:30 and 00:30 in China are two days.
            ("2026-11-23T15:30:00Z", "2026-11-26T16:00:00Z"),
            ("2026-11-23T16:30:00Z", "2026-11-27T16:00:00Z"),
        ] {
            assert_eq!(review_by(at(opened)), at(due), "{opened}");
        }
    }

    #[test]
    fn a_duty_is_due_until_it_is_done_and_late_when_its_time_is_over() {
        let (morning, noon, evening) =
            (at("2026-11-22T00:00:00Z"), at("2026-11-22T04:00:00Z"), at("2026-11-22T12:00:00Z"));
        assert_eq!(state(Some(noon), None, None, morning), DutyState::Due);
        assert_eq!(state(Some(noon), None, None, noon), DutyState::Due);
        assert_eq!(state(Some(noon), None, None, evening), DutyState::Late);
        assert_eq!(state(Some(noon), Some(morning), None, evening), DutyState::Done);
        assert_eq!(state(Some(noon), Some(evening), None, evening), DutyState::Late);
        assert_eq!(state(None, None, None, evening), DutyState::Due);
        assert_eq!(state(None, Some(evening), None, evening), DutyState::Done);
    }

    #[test]
    fn what_ends_in_time_has_ended_and_what_ends_after_it_stays_late() {
        let (morning, noon, evening) =
            (at("2026-11-22T00:00:00Z"), at("2026-11-22T04:00:00Z"), at("2026-11-22T12:00:00Z"));
        let stands = |done_at, ending| state(Some(noon), done_at, Some(ending), evening);
        assert_eq!(stands(None, Ending::HandedOver(morning)), DutyState::HandedOver);
        assert_eq!(stands(None, Ending::HandedOver(evening)), DutyState::Late);
        assert_eq!(stands(None, Ending::Ended(morning)), DutyState::Ended);
        assert_eq!(stands(None, Ending::Ended(evening)), DutyState::Late);
        assert_eq!(stands(Some(morning), Ending::Ended(evening)), DutyState::Ended, "done, and taken back");
        assert_eq!(state(None, None, Some(Ending::HandedOver(morning)), evening), DutyState::HandedOver);
    }

    #[test]
    fn a_day_ends_at_midnight_in_china() {
        assert_eq!(end_of_day("2026-12-07".parse().unwrap()), at("2026-12-07T16:00:00Z"));
    }
}
