//! The access that a scan opens, and when it ends.

use chrono::{DateTime, TimeDelta, Utc};

use crate::calendar::{day_in_china, end_of_next_day};
use crate::word::words;

words! {
    /// How a visit was opened.
    pub enum VisitKind {
        DynamicCode = "dynamic_code", "扫动态码", "the code on the family's phone";
        PrintedCode = "printed_code", "扫封面码", "the code on the cover, with the last four";
        IdCard = "id_card", "凭身份证", "by ID card, without a code";
        BreakGlass = "break_glass", "紧急调阅", "emergency access";
    }
}

impl VisitKind {
    /// Whether the handbook's code was read: only that is evidence of use. Who comes without the handbook, or is looked
    /// up in an emergency, has not shown it.
    pub fn is_scan(self) -> bool {
        matches!(self, Self::DynamicCode | Self::PrintedCode)
    }
}

words! {
    /// Why emergency access was opened.
    pub enum EmergencyReason {
        Treatment = "emergency_treatment", "抢救治疗", "emergency treatment";
        CannotConsent = "cannot_consent", "本人无法出示手册且无家属在场", "she cannot show the handbook and no relative can";
        ChildInDanger = "child_in_danger", "儿童危急重症", "a child in danger";
        Other = "other", "其他紧急情况", "another emergency";
    }
}

/// Results that belong to a visit (laboratory, screening) may be added this long after it began.
pub const LATE_RESULTS: TimeDelta = TimeDelta::days(60);

/// Emergency access lasts this long.
pub const BREAK_GLASS_LIFE: TimeDelta = TimeDelta::minutes(60);

/// Emergency accesses that one staff member may open on one day.
pub const BREAK_GLASS_A_DAY: u32 = 10;

/// Visits by ID card that one staff member may get wrong before a pause, and how long it is.
pub const ID_CARD_TRIES: u32 = 5;
/// How long visits by ID card are refused to a staff member after too many wrong tries.
pub const ID_CARD_PAUSE: TimeDelta = TimeDelta::hours(1);

/// Wrong last-four tries before a handbook is closed to an actor, and for how long.
pub const LAST_FOUR_TRIES: u32 = 5;
/// How long a handbook stays closed to an actor after too many tries.
pub const LAST_FOUR_PAUSE: TimeDelta = TimeDelta::hours(1);

/// Fewest and most characters of a reason that opens a visit without a code.
pub const REASON_LENGTH: std::ops::RangeInclusive<usize> = 10..=500;

/// The span of one visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// How it was opened.
    pub kind: VisitKind,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// Until when history may be read and records attached.
    pub ends_at: DateTime<Utc>,
}

impl Visit {
    /// A visit opened now: until the end of the next day in China, emergency access for an hour.
    pub fn open(kind: VisitKind, now: DateTime<Utc>) -> Self {
        let ends_at = match kind {
            VisitKind::BreakGlass => now + BREAK_GLASS_LIFE,
            _ => end_of_next_day(day_in_china(now)),
        };
        Self { kind, opened_at: now, ends_at }
    }

    /// Whether history may be read and records attached.
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        now < self.ends_at
    }

    /// Whether results of this visit may still be added, without reading history. Emergency access leaves no such tail.
    pub fn takes_late_results(&self, now: DateTime<Utc>) -> bool {
        self.kind != VisitKind::BreakGlass && now < self.opened_at + LATE_RESULTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_visit_lasts_until_the_end_of_the_next_day_in_china() {
        let visit = Visit::open(VisitKind::DynamicCode, at("2026-11-21T15:30:00Z"));
        assert!(visit.is_open(at("2026-11-22T15:59:59Z")));
        assert!(!visit.is_open(at("2026-11-22T16:00:00Z")));
        let a_minute_later = Visit::open(VisitKind::DynamicCode, at("2026-11-21T16:00:00Z"));
        assert!(a_minute_later.is_open(at("2026-11-23T15:59:59Z")));
    }

    #[test]
    fn results_may_come_sixty_days_later_but_not_after_emergency_access() {
        let visit = Visit::open(VisitKind::PrintedCode, at("2026-11-21T02:00:00Z"));
        assert!(visit.takes_late_results(at("2027-01-20T01:59:59Z")));
        assert!(!visit.takes_late_results(at("2027-01-20T02:00:00Z")));
        let emergency = Visit::open(VisitKind::BreakGlass, at("2026-11-21T02:00:00Z"));
        assert!(
            !emergency.is_open(at("2026-11-21T03:00:00Z"))
                && !emergency.takes_late_results(at("2026-11-21T03:00:00Z"))
        );
    }
}
