//! The chain of responsibility of a subject: who was told what, by when it was to be done, and when it was.

use chrono::{DateTime, Datelike, Days, TimeDelta, Utc, Weekday};

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
    }
}

words! {
    /// How a duty stands.
    pub enum DutyState {
        Due = "due", "待办", "due";
        Done = "done", "已办", "done";
        Late = "late", "逾期", "late";
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
    start_of_day(day.checked_add_days(Days::new(1)).unwrap_or(day))
}

/// How a duty stands now. What was done after its time stays late.
pub fn state(due_by: Option<DateTime<Utc>>, done_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DutyState {
    let is_late = due_by.is_some_and(|due_by| done_at.unwrap_or(now) > due_by);
    match done_at {
        _ if is_late => DutyState::Late,
        Some(_) => DutyState::Done,
        None => DutyState::Due,
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
        assert_eq!(state(Some(noon), None, morning), DutyState::Due);
        assert_eq!(state(Some(noon), None, noon), DutyState::Due);
        assert_eq!(state(Some(noon), None, evening), DutyState::Late);
        assert_eq!(state(Some(noon), Some(morning), evening), DutyState::Done);
        assert_eq!(state(Some(noon), Some(evening), evening), DutyState::Late);
        assert_eq!(state(None, None, evening), DutyState::Due);
        assert_eq!(state(None, Some(evening), evening), DutyState::Done);
    }
}
