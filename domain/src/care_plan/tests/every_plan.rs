//! What holds of every plan.

use proptest::prelude::*;

use super::{Event, Outcome, Region, born, day, days_after, edition};
use crate::care_plan::child::{PretermRisk, Screened};
use crate::care_plan::pregnancy::End;
use crate::care_plan::*;

#[test]
fn a_plan_is_made_in_microseconds() {
    let subject = Subject::Child(born());
    let done: Vec<_> = ["nb_home", "m1", "nbs_heel", "nbs_hear1", "nbs_chd"]
        .map(|code| Done { code, on: day("2026-09-28") })
        .to_vec();
    let plan = || edition().plan(&subject, day("2026-11-21"), &done).unwrap().len();
    let length = plan();
    let started = std::time::Instant::now();
    assert!((0..1000).all(|_| plan() == length));
    let each = started.elapsed() / 1000;
    println!("a plan of a child: {each:?}");
    assert!(each < std::time::Duration::from_millis(2), "{each:?} without optimisation");
}

fn any_day() -> impl Strategy<Value = NaiveDate> {
    (0..73_414i64).prop_map(|days| days_after(FIRST_DAY, days))
}

fn maybe_after(start: NaiveDate, most: i64) -> impl Strategy<Value = Option<NaiveDate>> {
    proptest::option::of((-3..most).prop_map(move |days| days_after(start, days)))
}

prop_compose! {
    fn any_child()(born_on in any_day())(
        born_on in Just(born_on), discharged_on in maybe_after(born_on, 90), reported_on in maybe_after(born_on, 30),
        gestational_days in proptest::option::of(139..323i32), birth_weight_g in proptest::option::of(199..6000i32),
        facts in (proptest::option::of(any::<bool>()), 0..3usize, 0..3usize, 0..3usize),
        case_closed_on in maybe_after(born_on, 900), entered_on in maybe_after(born_on, 2500),
        left_on in maybe_after(born_on, 2500), died_on in maybe_after(born_on, 2500), dies in 0..10u8,
    ) -> Child {
        let (is_high_risk, class, hearing, hearing_again) = facts;
        let (left_on, died_on) = (left_on.max(entered_on).filter(|_| left_on.is_some()), died_on.filter(|_| dies == 0));
        let result = |at: usize| Screened::ALL.get(at).copied();
        Child {
            born_on, discharged_on, reported_on, gestational_days, birth_weight_g, is_high_risk,
            preterm_risk: PretermRisk::ALL.get(class).copied(), case_closed_on, hearing: result(hearing),
            hearing_again: result(hearing_again), entered_on, left_on, died_on,
        }
    }
}

/// A woman without her events.
fn any_pregnancy() -> impl Strategy<Value = Pregnancy<'static>> {
    any_day().prop_flat_map(|start| {
        let end = proptest::option::of((0..340i64, 0..Outcome::ALL.len()));
        let days = (
            maybe_after(start, 1),
            maybe_after(days_after(start, 280), 20),
            maybe_after(days_after(start, 280), 20),
            maybe_after(start, 300),
            maybe_after(start, 330),
        );
        let facts = (proptest::option::of(any::<bool>()), proptest::option::of(any::<bool>()), any::<bool>());
        (end, days, facts, proptest::option::of(40..72u16)).prop_map(move |(end, days, facts, check_days)| {
            let (last_period_on, due_on, discharged_on, high_risk_from, case_closed_on) = days;
            Pregnancy {
                planned_on: Some(start),
                last_period_on,
                due_on,
                ended: end.map(|(after, outcome)| End {
                    on: days_after(start, after),
                    outcome: Outcome::ALL[outcome],
                }),
                discharged_on: discharged_on.filter(|_| end.is_some()),
                died_on: None,
                had_preconception_check: facts.0,
                is_manager_licensed: facts.1,
                high_risk_from,
                case_closed_on,
                events: &[],
                region: Region { transfers_at_24_weeks: facts.2, postpartum_check_days: check_days },
            }
        })
    })
}

fn any_events(start: NaiveDate) -> impl Strategy<Value = Vec<(Event, NaiveDate)>> {
    let event = (0..Event::ALL.len(), 0..400i64);
    proptest::collection::vec(
        event.prop_map(move |(of, after)| (Event::ALL[of], days_after(start, after))),
        0..5,
    )
}

/// What holds of every plan.
fn check_plan(items: &[Item], on: NaiveDate) -> Result<(), TestCaseError> {
    for item in items {
        let code = &item.rule.code;
        if let (Some(opens), Some(due)) = (item.opens_on, item.due_on) {
            prop_assert!(opens <= due, "{} {} {}", code, opens, due);
        }
        prop_assert!(item.due_on.is_none() || item.opens_on.is_some(), "{}", code);
        prop_assert_eq!(item.overdue_on, item.due_on.map(|due| days_after(due, 1)));
        prop_assert!(
            item.until_on.is_none() || item.due_on.is_none_or(|due| item.until_on >= Some(due)),
            "{}",
            code
        );
        prop_assert_eq!(item.status == Status::Done, item.done_on.is_some());
        match item.status {
            Status::Due => prop_assert!(item.opens_on <= Some(on) && item.due_on.is_none_or(|due| on <= due)),
            Status::Overdue => prop_assert!(item.due_on.is_some_and(|due| due < on), "{}", code),
            _ => (),
        }
    }
    Ok(())
}

/// How far an item has come; what ends it comes last.
fn progress(status: Status) -> u8 {
    match status {
        Status::Upcoming => 0,
        Status::Due => 1,
        Status::Overdue => 2,
        Status::Missed | Status::NotApplicable | Status::Stopped | Status::Done => 3,
    }
}

fn check_subject(
    subject: &Subject<'_>,
    start: NaiveDate,
    (on, later): (i64, i64),
    done: &[(usize, i64)],
) -> Result<(), TestCaseError> {
    let rules = match subject {
        Subject::Pregnancy(_) => &edition().pregnancy,
        Subject::Child(_) => &edition().child,
    };
    let on = days_after(start, on);
    let done: Vec<_> = done
        .iter()
        .map(|(rule, after)| Done {
            code: &rules[rule % rules.len()].code,
            on: days_after(start, *after).min(on),
        })
        .collect();
    let Ok(items) = edition().plan(subject, on, &done) else { return Ok(()) };
    check_plan(&items, on)?;

    let backwards: Vec<_> = done.iter().rev().copied().collect();
    let turned = edition().plan(subject, on, &backwards);
    prop_assert_eq!(turned.as_ref(), Ok(&items), "order changes nothing");

    if let Ok(at_later) = edition().plan(subject, days_after(on, later), &done) {
        for item in &items {
            let same = |other: &&Item| (&other.rule.code, other.number) == (&item.rule.code, item.number);
            if let Some(other) = at_later.iter().find(same) {
                prop_assert!(
                    progress(other.status) >= progress(item.status),
                    "{}: {} then {}",
                    item.rule.code,
                    item.status,
                    other.status
                );
            }
        }
    }

    let all_done: Vec<_> = items
        .iter()
        .filter(|item| item.rule.again.is_none())
        .filter_map(|item| item.due_on.map(|due| Done { code: &item.rule.code, on: due }))
        .collect();
    let last = all_done.iter().map(|done| done.on).max().unwrap_or(on).max(on);
    if let Ok(at_last) = edition().plan(subject, last, &all_done) {
        for item in at_last.iter().filter(|item| all_done.iter().any(|done| done.code == item.rule.code)) {
            prop_assert_eq!(item.status, Status::Done, "{}", item.rule.code);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn plans_of_children_hold(
        child in any_child(), on in -5..3000i64, later in 0..400i64,
        done in proptest::collection::vec((0..100usize, -1..2600i64), 0..12),
    ) {
        // What lies ahead of the day is not known on it.
        let until = |day: Option<NaiveDate>| day.filter(|day| *day <= days_after(child.born_on, on));
        let child = Child {
            discharged_on: until(child.discharged_on), reported_on: until(child.reported_on),
            case_closed_on: until(child.case_closed_on), died_on: until(child.died_on), ..child
        };
        check_subject(&Subject::Child(child), child.born_on, (on, later), &done)?;
    }

    #[test]
    fn plans_of_women_hold(
        (pregnancy, events) in any_pregnancy().prop_flat_map(|pregnancy| {
            let start = pregnancy.planned_on.unwrap_or(FIRST_DAY);
            any_events(start).prop_map(move |events| (pregnancy, events))
        }),
        on in -5..420i64, later in 0..200i64,
        done in proptest::collection::vec((0..100usize, -60..420i64), 0..12),
    ) {
        let start = pregnancy.planned_on.unwrap_or(FIRST_DAY);
        let today = days_after(start, on);
        let until = |day: Option<NaiveDate>| day.filter(|day| *day <= today);
        let events: Vec<_> = events.into_iter().filter(|(_, day)| *day <= today).collect();
        let ended = pregnancy.ended.filter(|end| end.on <= today);
        let high_risk_from = until(pregnancy.high_risk_from);
        let pregnancy = Pregnancy {
            events: &events,
            ended,
            discharged_on: until(pregnancy.discharged_on).filter(|_| ended.is_some()).max(ended.map(|end| end.on)),
            high_risk_from,
            case_closed_on: until(pregnancy.case_closed_on).max(high_risk_from),
            ..pregnancy
        };
        check_subject(&Subject::Pregnancy(pregnancy), start, (on, later), &done)?;
    }

    #[test]
    fn no_days_panic(
        days in proptest::collection::vec(any_day(), 8),
        done in proptest::collection::vec((0..100usize, any_day()), 0..4),
    ) {
        let child = Child {
            discharged_on: Some(days[1]), reported_on: Some(days[2]), entered_on: Some(days[3]),
            left_on: Some(days[4]), died_on: Some(days[5]), ..Child::born_on(days[0])
        };
        let woman = Pregnancy {
            planned_on: Some(days[0]), last_period_on: Some(days[1]), due_on: Some(days[2]),
            ended: Some(End { on: days[3], outcome: Outcome::LiveBirth }), discharged_on: Some(days[4]),
            died_on: Some(days[5]), high_risk_from: Some(days[6]), ..Pregnancy::default()
        };
        for subject in [Subject::Child(child), Subject::Pregnancy(woman)] {
            let codes = ["m1", "ANC1", "kg_annual_o3", "HRMONTH"];
            let done: Vec<_> = done.iter().map(|(code, on)| Done { code: codes[code % 4], on: *on }).collect();
            if let Ok(items) = edition().plan(&subject, days[7], &done) {
                check_plan(&items, days[7])?;
            }
        }
    }
}
