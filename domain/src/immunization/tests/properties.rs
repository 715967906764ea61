//! What holds for every child, every set of doses and every day.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// Ages in days about which doses are usually given, so that many of them are valid.
const USUAL: [i64; 18] =
    [0, 31, 61, 92, 122, 153, 184, 244, 275, 366, 549, 731, 1_096, 1_462, 2_193, 2_560, 4_750, 4_940];

const WORDS: [&str; 9] = [
    "fever",
    "no_scar",
    "hiv_infected",
    "hiv_infected_severe",
    "primary_immunodeficiency",
    "outbreak",
    "anaphylaxis_after_DTaP",
    "anaphylaxis_after_JE-L",
    "anaphylaxis_after_bOPV",
];

fn later(on: NaiveDate, days: i64) -> NaiveDate {
    (on + chrono::TimeDelta::days(days)).min(day("2100-12-31"))
}

fn kind() -> impl Strategy<Value = Option<Kind>> {
    prop_oneof![Just(None), Just(Some(Kind::Live)), Just(Some(Kind::Inactivated))]
}

prop_compose! {
    fn a_child(first: i64, last: i64)(
        born in first..=last,
        sex in prop_oneof![Just(Sex::Female), Just(Sex::Male), Just(Sex::Unknown)],
        birth_weight_g in prop::option::of(900_u32..4_000),
        gestational_weeks in prop::option::of(26_u32..42),
        mother_hbsag in prop_oneof![Just(Hbsag::Negative), Just(Hbsag::Positive), Just(Hbsag::Unknown)],
        je in kind(),
        hepa in kind(),
        words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..2),
        blood in prop::option::weighted(0.2, 0..6_000_i64),
    ) -> Child {
        let born_on = day("1900-01-01") + chrono::TimeDelta::days(born);
        let blood = blood.map(|days| Condition::Immunoglobulin(later(born_on, days)));
        let conditions = words.iter().map(|word| word.parse().unwrap()).chain(blood).collect();
        Child { sex, birth_weight_g, gestational_weeks, mother_hbsag, je, hepa, conditions, ..Child::new(born_on, sex) }
    }
}

fn any_child() -> impl Strategy<Value = Child> {
    a_child(0, 73_000)
}

/// Born from 2008 to 2026.
fn a_child_of_our_time() -> impl Strategy<Value = Child> {
    a_child(39_446, 46_000)
}

fn any_doses() -> impl Strategy<Value = Vec<(Index, Index, i64)>> {
    prop::collection::vec((any::<Index>(), any::<Index>(), -3..40_i64), 0..30)
}

fn of_child(child: &Child, doses: &[(Index, Index, i64)]) -> Vec<Given> {
    let products: Vec<_> = Product::all().collect();
    let dose = |(product, age, days): &(Index, Index, i64)| Given {
        product: *product.get(&products),
        on: later(child.born_on, (age.get(&USUAL) + days).max(0)),
        self_paid: days % 7 == 0,
    };
    doses.iter().map(dose).collect()
}

/// The last day of what is known of a child.
fn known_until(child: &Child, doses: &[Given]) -> NaiveDate {
    let days = child.conditions.iter().filter_map(|condition| condition.day());
    let doses = doses.iter().map(|dose| dose.on);
    days.chain(doses).chain([child.born_on, day("2016-12-06")]).max().unwrap()
}

fn today(child: &Child, doses: &[Given], on: NaiveDate) -> Plan {
    plan(child, doses, on, None, &Starts::national()).unwrap()
}

/// Gives what a course asks for on the first day on which it may be given, until it asks for nothing.
fn follow(child: &Child, mut doses: Vec<Given>, course: Course) -> Result<(), TestCaseError> {
    let mut on = known_until(child, &doses);
    for _ in 0..20 {
        let plan = today(child, &doses, on);
        let series = plan.series.iter().find(|one| one.series.course == course);
        let Some((one, next)) = series.and_then(|one| Some((one, one.next?))) else { return Ok(()) };
        if next.earliest > on {
            // Another edition may be in force by then: ask again.
            prop_assert!(one.status == Status::NotYetDue || one.status == Status::Deferred);
            on = next.earliest;
            continue;
        }
        if one.status == Status::Deferred {
            return Ok(());
        }
        let product = next.products.iter().next().unwrap();
        doses.push(Given { product, on, self_paid: false });
        let after = today(child, &doses, on);
        let judged = after.doses.last().unwrap();
        let counted = judged.counted().find(|counted| counted.number == Some(next.dose));
        prop_assert!(counted.is_some_and(|counted| counted.valid), "{one:?} {judged:?}");
        let moved = after.series.iter().find(|one| one.series.course == course).and_then(|one| one.next);
        prop_assert!(moved.is_none_or(|moved| moved.dose > next.dose), "{moved:?}");
    }
    Err(TestCaseError::fail("the course does not end"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_panics_between_1900_and_2100(
        child in any_child(),
        doses in any_doses(),
        days in 0..30_000_i64,
        named in prop::option::of(any::<Index>()),
    ) {
        let doses = of_child(&child, &doses);
        let editions: Vec<_> = Edition::all().collect();
        let named = named.map(|index| *index.get(&editions));
        let on = later(child.born_on, days);
        if let Ok(plan) = plan(&child, &doses, on, named, &Starts::national()) {
            prop_assert_eq!(plan.doses.len(), doses.len());
            for one in &plan.series {
                let (zh, en) = (one.why_zh(), one.why_en());
                let has_clause = !en.contains(": (") && !zh.contains("：（");
                prop_assert!(has_clause && zh.ends_with("）。") && en.ends_with(")."), "{}", en);
                let ends = [Status::Complete, Status::Closed, Status::Contraindicated].contains(&one.status);
                prop_assert_eq!(ends, one.next.is_none());
            }
        }
    }

    #[test]
    fn no_word_makes_a_condition_panic(
        word in "\\PC{0,24}",
        prefix in prop::sample::select(&["", "immunoglobulin@", "anaphylaxis_after_"][..]),
    ) {
        let word = format!("{prefix}{word}");
        match word.parse::<Condition>() {
            Ok(condition) => prop_assert_eq!(condition.to_string(), word),
            Err(UnknownCondition(named)) => prop_assert_eq!(named, word),
        }
    }

    /// By a table of the lowest ages and intervals of all editions, in days.
    #[test]
    fn nothing_is_asked_for_before_its_minimum_age_or_interval(
        child in a_child_of_our_time(),
        doses in any_doses(),
        days in 0..6_000_i64,
    ) {
        let doses = of_child(&child, &doses);
        let on = later(known_until(&child, &doses), days);
        let plan = today(&child, &doses, on);
        for one in &plan.series {
            let Some(next) = one.next else { continue };
            let lowest: &[i64] = match one.series.course {
                Course::HepB => &[0, 28, 59, 181],
                Course::Bcg => &[0],
                Course::Polio => &[59, 89, 120, 120],
                Course::Dtap => &[59, 89, 150, 546],
                Course::Mmr => &[242, 546],
                Course::JeLive => &[242, 730],
                Course::JeInactivated => &[242, 242, 730, 2_191],
                Course::MenA => &[181, 273],
                Course::MenAc => &[730, 2_191],
                Course::HepaLive => &[546],
                Course::HepaInactivated => &[546, 730],
                _ => &[4_748],
            };
            let at = usize::from(next.dose - 1).min(lowest.len() - 1);
            prop_assert!(next.earliest - child.born_on >= chrono::TimeDelta::days(lowest[at]), "{:?}", one);
            prop_assert!(next.recommended >= next.earliest);
            let least = if one.series.course == Course::JeInactivated { 7 } else { 28 };
            for verdict in &plan.doses {
                let is_of_it = verdict.given.product.courses().contains(&one.series.course);
                if is_of_it && verdict.counted().all(|counted| counted.valid) && verdict.counted().count() == 1 {
                    let passed = next.earliest - verdict.given.on;
                    prop_assert!(passed >= chrono::TimeDelta::days(least), "{:?} {:?}", one, verdict);
                }
            }
        }
    }

    #[test]
    fn a_verdict_depends_on_no_later_dose(child in a_child_of_our_time(), doses in any_doses()) {
        let mut doses = of_child(&child, &doses);
        doses.sort_by_key(|dose| dose.on);
        let on = known_until(&child, &doses);
        let whole = today(&child, &doses, on);
        for (at, dose) in doses.iter().enumerate() {
            let before: Vec<_> = doses.iter().filter(|other| other.on <= dose.on).copied().collect();
            let part = today(&child, &before, on);
            prop_assert_eq!(whole.doses.get(at), part.doses.get(at));
        }
    }

    #[test]
    fn the_order_of_doses_changes_only_the_order_of_verdicts(
        child in a_child_of_our_time(),
        (doses, shuffled) in any_doses().prop_flat_map(|doses| (Just(doses.clone()), Just(doses).prop_shuffle())),
    ) {
        let (doses, shuffled) = (of_child(&child, &doses), of_child(&child, &shuffled));
        let on = known_until(&child, &doses);
        let (one, other) = (today(&child, &doses, on), today(&child, &shuffled, on));
        let sorted = |plan: &Plan| {
            let mut lines: Vec<_> = plan.doses.iter().map(|verdict| format!("{verdict:?}")).collect();
            lines.sort();
            lines
        };
        prop_assert_eq!(sorted(&one), sorted(&other));
        prop_assert_eq!(format!("{:?}", one.series), format!("{:?}", other.series));
        for (dose, verdict) in shuffled.iter().zip(&other.doses) {
            prop_assert_eq!(*dose, verdict.given);
        }
    }

    #[test]
    fn what_is_asked_for_counts_on_its_first_day(child in a_child_of_our_time(), doses in any_doses()) {
        let doses = of_child(&child, &doses);
        for course in Course::ALL {
            follow(&child, doses.clone(), *course)?;
        }
    }

    /// A dose on the day before the first is not the one that was asked for. For groups A and C a later day is asked
    /// for while group A may still be given, and against polio of whoever must have the inactivated vaccine.
    #[test]
    fn what_is_asked_for_does_not_count_a_day_earlier(child in a_child_of_our_time(), doses in any_doses()) {
        let doses = of_child(&child, &doses);
        let on = known_until(&child, &doses);
        let plan = today(&child, &doses, on);
        let is_exact = |one: &&SeriesPlan| match one.series.course {
            Course::MenAc => false,
            Course::Polio => !child.has_no_live(),
            _ => true,
        };
        for one in plan.series.iter().filter(is_exact) {
            let Some(next) = one.next.filter(|next| next.earliest > on) else { continue };
            let (before, product) = (next.earliest.pred_opt().unwrap(), next.products.iter().next().unwrap());
            let given = [doses.clone(), vec![Given { product, on: before, self_paid: false }]].concat();
            let starts = always(plan.edition);
            let judged = super::plan(&child, &given, before, None, &starts).unwrap();
            let earlier = super::plan(&child, &doses, on, None, &starts).unwrap();
            let same = earlier.series.iter().find(|other| other.series.id == one.series.id);
            let same = same.and_then(|other| other.next);
            if same.is_some_and(|same| same.earliest == next.earliest) {
                prop_assert!(!judged.doses.last().unwrap().main.valid, "{:?} {:?}", one, judged.doses.last());
            }
        }
    }
}
