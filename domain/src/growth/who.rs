//! WHO's z-scores: Child Growth Standards 2006 (head circumference 2007) to 60 months, Reference 2007 from then on.
//!
//! Equal to WHO's own software (`anthro`, `anthroplus`) to two decimals.

use std::sync::LazyLock;

use super::age::Age;
use super::lms::{self, Lms, Table};
use super::{Indicator, Measured, Position, turned};
use crate::person::Sex;

/// The edition of these rules.
pub const EDITION: &str = "who-2006";

/// The same from five years on.
const EDITION_2007: &str = "who-2007";

/// The edition that counts at an age.
pub fn edition(age: Age) -> &'static str {
    if age.exact_months() < REFERENCE_FROM_MONTHS { EDITION } else { EDITION_2007 }
}

/// First day of age at which a height is measured standing and weight goes by height: two years.
const STANDING_FROM_DAYS: u32 = 731;

/// Whoever is said to stand before nine months was written down wrongly: `anthro` adds nothing.
const STANDS_FROM_MONTHS: f64 = 9.0;

/// Months from which Reference 2007 counts.
const REFERENCE_FROM_MONTHS: f64 = 60.0;

/// A z-score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Standard deviations from the median, unrounded.
    pub z: f64,
    /// Beyond what WHO believes: the measurement or the age is probably wrong.
    pub is_implausible: bool,
}

impl Score {
    /// As WHO's software prints it: two decimals.
    pub fn rounded(self) -> f64 {
        // Nothing is minus nought.
        (self.z * 100.0).round() / 100.0 + 0.0
    }

    /// The share of children below the printed score, in per cent.
    pub fn percentile(self) -> f64 {
        50.0 * libm::erfc(-self.rounded() / std::f64::consts::SQRT_2)
    }
}

/// What WHO's standards say of a child; nothing where something was not measured or lies outside a table.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Assessment {
    /// Weight for age.
    pub weight_for_age: Option<Score>,
    /// Length or height for age.
    pub stature_for_age: Option<Score>,
    /// Weight for length or height.
    pub weight_for_stature: Option<Score>,
    /// Body mass index in kg/m², with the stature as it is measured at the age.
    pub bmi: Option<f64>,
    /// Body mass index for age.
    pub bmi_for_age: Option<Score>,
    /// Head circumference for age.
    pub head_circumference_for_age: Option<Score>,
}

impl Assessment {
    /// The score of an indicator.
    pub fn of(&self, indicator: Indicator) -> Option<Score> {
        match indicator {
            Indicator::WeightForAge => self.weight_for_age,
            Indicator::StatureForAge => self.stature_for_age,
            Indicator::WeightForStature => self.weight_for_stature,
            Indicator::BmiForAge => self.bmi_for_age,
            Indicator::HeadCircumferenceForAge => self.head_circumference_for_age,
        }
    }
}

/// Assesses what was measured at an age.
pub fn assess(sex: Sex, age: Age, measured: &Measured) -> Assessment {
    let Some(tables) = of_sex(sex) else { return Assessment::default() };
    let stature = measured.stature_cm.map(|cm| as_measured_at(age, cm, measured.position));
    let bmi = measured.bmi_with(stature);
    let row = |by_day: &Table, by_month: Option<&Table>| row_at(age, by_day, by_month);
    let restricted =
        |row: Option<Lms>, value: Option<f64>| row.zip(value).map(|(row, value)| row.restricted_z(value));
    let plain = |row: Option<Lms>, value: Option<f64>| row.zip(value).map(|(row, value)| row.z(value));

    let by_stature = if age.days < STANDING_FROM_DAYS { &tables.wfl } else { &tables.wfh };
    let is_of_standards = age.exact_months() < REFERENCE_FROM_MONTHS;
    let of_stature = stature.filter(|_| is_of_standards).and_then(|cm| by_stature.at(cm * 10.0));
    Assessment {
        weight_for_age: flagged(
            restricted(row(&tables.wfa, Some(&tables.wfa_2007)), measured.weight_kg),
            -6.0..=5.0,
        ),
        stature_for_age: flagged(plain(row(&tables.lhfa, Some(&tables.lhfa_2007)), stature), -6.0..=6.0),
        weight_for_stature: flagged(restricted(of_stature, measured.weight_kg), -5.0..=5.0),
        bmi,
        bmi_for_age: flagged(restricted(row(&tables.bfa, Some(&tables.bfa_2007)), bmi), -5.0..=5.0),
        head_circumference_for_age: flagged(plain(row(&tables.hcfa, None), measured.head_cm), -5.0..=5.0),
    }
}

fn flagged(z: Option<f64>, plausible: std::ops::RangeInclusive<f64>) -> Option<Score> {
    z.map(|z| Score { z, is_implausible: !plausible.contains(&z) })
}

/// A stature in cm as the standards measure it at an age: lying before two years, standing from then on.
pub fn as_measured_at(age: Age, stature_cm: f64, position: Option<Position>) -> f64 {
    let wanted = if age.days < STANDING_FROM_DAYS { Position::Lying } else { Position::Standing };
    let from = position.filter(|_| !is_mistaken(age, position)).unwrap_or(wanted);
    turned(stature_cm, from, wanted)
}

/// Whether somebody is said to stand who cannot yet.
pub fn is_mistaken(age: Age, position: Option<Position>) -> bool {
    position == Some(Position::Standing) && age.exact_months() < STANDS_FROM_MONTHS
}

fn row_at(age: Age, by_day: &Table, by_month: Option<&Table>) -> Option<Lms> {
    let months = age.exact_months();
    if months < REFERENCE_FROM_MONTHS { by_day.at(f64::from(age.days)) } else { by_month?.at(months) }
}

/// Values at -3 to +3 SD of an indicator that goes by age.
pub(super) fn at_age(sex: Sex, of: Indicator, age: Age) -> Option<[f64; 7]> {
    let tables = of_sex(sex)?;
    let row = match of {
        Indicator::WeightForAge => row_at(age, &tables.wfa, Some(&tables.wfa_2007)),
        Indicator::StatureForAge => row_at(age, &tables.lhfa, Some(&tables.lhfa_2007)),
        Indicator::BmiForAge => row_at(age, &tables.bfa, Some(&tables.bfa_2007)),
        Indicator::HeadCircumferenceForAge => row_at(age, &tables.hcfa, None),
        Indicator::WeightForStature => None,
    };
    row.map(along)
}

/// The same of weight for length, or for height of a child who is measured standing.
pub(super) fn at_stature(sex: Sex, of: Indicator, cm: f64, stands: bool) -> Option<[f64; 7]> {
    let tables = of_sex(sex).filter(|_| of == Indicator::WeightForStature)?;
    let by_stature = if stands { &tables.wfh } else { &tables.wfl };
    by_stature.at(cm * 10.0).map(along)
}

fn along(row: Lms) -> [f64; 7] {
    super::curve::DEVIATIONS.map(|sd| row.at(f64::from(sd)))
}

/// The tables of a sex.
#[derive(Debug)]
struct Tables {
    wfa: Table,
    lhfa: Table,
    bfa: Table,
    hcfa: Table,
    wfl: Table,
    wfh: Table,
    wfa_2007: Table,
    lhfa_2007: Table,
    bfa_2007: Table,
}

#[expect(
    clippy::expect_used,
    reason = "the file is part of the program, and every test of this module reads it"
)]
static TABLES: LazyLock<[Tables; 2]> = LazyLock::new(|| {
    let read = |text| lms::tables(text).expect("the growth tables are well formed");
    let mut of_2006 = read(include_str!("../../data/growth/who2006.lms"));
    let mut of_2007 = read(include_str!("../../data/growth/who2007.lms"));
    ["M", "F"].map(|sex| {
        let take = |tables: &mut Vec<Table>, name: &str| {
            let at = tables.iter().position(|table| (table.name, table.sex) == (name, sex));
            tables.swap_remove(at.expect("the growth tables are complete"))
        };
        Tables {
            wfa: take(&mut of_2006, "wfa"),
            lhfa: take(&mut of_2006, "lhfa"),
            bfa: take(&mut of_2006, "bfa"),
            hcfa: take(&mut of_2006, "hcfa"),
            wfl: take(&mut of_2006, "wfl"),
            wfh: take(&mut of_2006, "wfh"),
            wfa_2007: take(&mut of_2007, "wfa"),
            lhfa_2007: take(&mut of_2007, "lhfa"),
            bfa_2007: take(&mut of_2007, "bfa"),
        }
    })
});

fn of_sex(sex: Sex) -> Option<&'static Tables> {
    match sex {
        Sex::Male => Some(&TABLES[0]),
        Sex::Female => Some(&TABLES[1]),
        Sex::Unknown => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(days: u32, sex: Sex, measured: Measured) -> Assessment {
        assess(sex, Age::of_days(days), &measured)
    }

    fn weight(kg: f64) -> Measured {
        Measured { weight_kg: Some(kg), ..Measured::default() }
    }

    fn stature(cm: f64, position: Option<Position>) -> Measured {
        Measured { stature_cm: Some(cm), position, ..Measured::default() }
    }

    #[test]
    fn medians_of_the_printed_tables_are_zero() {
        for (days, sex, kg) in [(0, Sex::Male, 3.3464), (0, Sex::Female, 3.2322)] {
            assert!(at(days, sex, weight(kg)).weight_for_age.unwrap().z.abs() < 1e-9);
        }
        assert_eq!(at(0, Sex::Unknown, weight(3.3)), Assessment::default());
    }

    #[test]
    fn a_stature_counts_as_it_is_measured_at_the_age() {
        let z = |days, cm, position| at(days, Sex::Male, stature(cm, position)).stature_for_age.unwrap().z;
        assert_eq!(z(730, 87.0, None), z(730, 87.0, Some(Position::Lying)));
        assert_eq!(z(730, 87.0, Some(Position::Standing)), z(730, 87.7, None));
        assert_eq!(z(731, 87.0, None), z(731, 87.0, Some(Position::Standing)));
        assert_eq!(z(731, 87.0, Some(Position::Lying)), z(731, 86.3, None));
        assert_eq!(
            z(273, 70.0, Some(Position::Standing)),
            z(273, 70.0, None),
            "nobody stands before nine months"
        );
        assert_eq!(z(274, 70.0, Some(Position::Standing)), z(274, 70.7, None));
    }

    #[test]
    fn standards_end_and_the_reference_begins_at_60_months() {
        let boy = |days, measured| at(days, Sex::Male, measured);
        let whole = Measured {
            weight_kg: Some(18.0),
            stature_cm: Some(109.0),
            head_cm: Some(51.0),
            ..Measured::default()
        };
        let (before, after) = (boy(1826, whole), boy(1827, whole));
        assert!(before.weight_for_stature.is_some() && before.head_circumference_for_age.is_some());
        assert!(after.weight_for_stature.is_none() && after.head_circumference_for_age.is_none());
        assert!(
            after.weight_for_age.is_some() && after.stature_for_age.is_some() && after.bmi_for_age.is_some()
        );
        let far = boy(4000, whole);
        assert_eq!((far.weight_for_age, far.stature_for_age), (None, None), "121 months are the last");
    }

    #[test]
    fn weight_by_stature_has_tables_from_45_to_110_and_from_65_to_120_cm() {
        let has = |days, cm| {
            let both = Measured { weight_kg: Some(9.0), ..stature(cm, None) };
            at(days, Sex::Female, both).weight_for_stature.is_some()
        };
        assert!(!has(100, 44.9) && has(100, 45.0) && has(100, 110.0) && !has(100, 110.1));
        assert!(!has(800, 64.9) && has(800, 65.0) && has(800, 120.0) && !has(800, 120.1));
    }

    #[test]
    fn beyond_three_a_score_with_weight_goes_on_in_even_steps_and_is_flagged_beyond_belief() {
        let z = |kg| at(365, Sex::Male, weight(kg)).weight_for_age.unwrap();
        let step = z(15.0).z - z(14.5).z;
        assert!((z(16.0).z - z(15.5).z - step).abs() < 1e-9 && z(14.5).z > 3.0);
        assert!(!z(16.0).is_implausible && z(30.0).is_implausible && z(2.0).is_implausible);
    }

    #[test]
    fn percentiles_are_those_of_the_normal_curve() {
        let percentile = |z| Score { z, is_implausible: false }.percentile();
        assert!((percentile(0.0) - 50.0).abs() < 1e-12);
        assert!((percentile(1.96) - 97.5).abs() < 0.01);
        assert!((percentile(-1.881) - 3.0).abs() < 0.01);
    }

    #[test]
    fn figures_of_the_tool_contract() {
        let both =
            Measured { weight_kg: Some(12.2), head_cm: Some(48.3), ..stature(87.1, Some(Position::Lying)) };
        let boy = at(730, Sex::Male, both);
        assert_eq!(boy.weight_for_age.unwrap().rounded(), 0.04);
        assert_eq!(boy.bmi_for_age.unwrap().rounded(), 0.28);
        assert_eq!((boy.bmi.unwrap() * 100.0).round() / 100.0, 16.08);
        assert_eq!((boy.weight_for_age.unwrap().percentile() * 10.0).round() / 10.0, 51.6);
    }

    proptest! {
        #[test]
        fn more_is_never_less(
            days in 0..3600u32,
            is_boy: bool,
            kg in 0.5..60.0f64,
            cm in 40.0..150.0f64,
            head in 25.0..60.0f64,
            more in 0.001..5.0f64,
        ) {
            let sex = if is_boy { Sex::Male } else { Sex::Female };
            let whole = Measured { weight_kg: Some(kg), stature_cm: Some(cm), head_cm: Some(head), ..Measured::default() };
            let less = at(days, sex, whole);
            let heavier = at(days, sex, Measured { weight_kg: Some(kg + more), ..whole });
            let taller = at(days, sex, Measured { stature_cm: Some(cm + more), ..whole });
            let wider = at(days, sex, Measured { head_cm: Some(head + more), ..whole });
            for (more, of) in [
                (heavier, Indicator::WeightForAge),
                (heavier, Indicator::WeightForStature),
                (heavier, Indicator::BmiForAge),
                (taller, Indicator::StatureForAge),
                (wider, Indicator::HeadCircumferenceForAge),
            ] {
                if let (Some(less), Some(more)) = (less.of(of), more.of(of)) {
                    prop_assert!(more.z > less.z, "{of}: {less:?} {more:?}");
                }
            }
        }
    }
}
