//! The curves of both standards, for charts: the value at each standard deviation along an axis.

use super::age::{Age, DAYS_OF_A_MONTH};
use super::{Indicator, china, who};
use crate::person::Sex;
use crate::word::words;

words! {
    /// A growth standard.
    pub enum Standard {
        China = "china", "WS/T 423—2022", "WS/T 423-2022";
        Who = "who", "WHO 2006/2007", "WHO 2006/2007";
    }
}

/// Standard deviations of the curves, in their order.
pub const DEVIATIONS: [i8; 7] = [-3, -2, -1, 0, 1, 2, 3];

/// A place on the axis of an indicator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// Months of age, with their fraction.
    Months(f64),
    /// Centimetres of length or height, of a child who is measured standing or not.
    Stature {
        /// Length or height in cm.
        cm: f64,
        /// From two years on.
        stands: bool,
    },
}

impl Place {
    /// The age in whole days, where the place is one.
    fn age(self) -> Option<Age> {
        let Self::Months(months) = self else { return None };
        // Charts end long before the ages at which a cast could cut anything off.
        Some(Age { days: (months * DAYS_OF_A_MONTH).round() as u32, months: months as u32 })
    }
}

/// Values at -3 to +3 standard deviations; nothing outside a table, and where the axis is not that of the indicator.
pub fn curve(standard: Standard, sex: Sex, of: Indicator, place: Place) -> Option<[f64; 7]> {
    match (standard, place) {
        (Standard::China, Place::Months(months)) => china::at_age(sex, of, months),
        (Standard::China, Place::Stature { cm, stands }) => china::at_stature(sex, of, cm, stands),
        (Standard::Who, Place::Months(_)) => who::at_age(sex, of, place.age()?),
        (Standard::Who, Place::Stature { cm, stands }) => who::at_stature(sex, of, cm, stands),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::Measured;
    use super::*;

    #[test]
    fn the_printed_rows_of_the_norm_are_on_its_curve() {
        let boys = |of, place| curve(Standard::China, Sex::Male, of, place);
        let at_birth = boys(Indicator::WeightForAge, Place::Months(0.0)).unwrap();
        assert_eq!(at_birth, [2.4, 2.7, 3.1, 3.5, 3.9, 4.3, 4.7]);
        let half = boys(Indicator::WeightForAge, Place::Months(0.5)).unwrap();
        let next = boys(Indicator::WeightForAge, Place::Months(1.0)).unwrap();
        assert!((half[3] - (at_birth[3] + next[3]) / 2.0).abs() < 1e-9);
        assert_eq!(boys(Indicator::HeadCircumferenceForAge, Place::Months(36.5)), None);
        assert_eq!(boys(Indicator::WeightForAge, Place::Months(84.0)), None);
        assert_eq!(boys(Indicator::WeightForStature, Place::Months(3.0)), None);
        assert_eq!(boys(Indicator::WeightForAge, Place::Stature { cm: 60.0, stands: false }), None);
        assert_eq!(curve(Standard::China, Sex::Unknown, Indicator::WeightForAge, Place::Months(1.0)), None);
    }

    #[test]
    fn who_judges_what_lies_on_its_curves_as_they_say() {
        for (of, days) in
            [(Indicator::WeightForAge, 100), (Indicator::BmiForAge, 900), (Indicator::StatureForAge, 2500)]
        {
            let age = Age::of_days(days);
            let row = curve(Standard::Who, Sex::Female, of, Place::Months(age.exact_months())).unwrap();
            for (value, sd) in row.into_iter().zip(DEVIATIONS) {
                let measured = match of {
                    Indicator::WeightForAge => Measured { weight_kg: Some(value), ..Measured::default() },
                    Indicator::BmiForAge => Measured { bmi: Some(value), ..Measured::default() },
                    _ => Measured { stature_cm: Some(value), ..Measured::default() },
                };
                let z = who::assess(Sex::Female, age, &measured).of(of).unwrap().z;
                assert!((z - f64::from(sd)).abs() < 0.01, "{of} at {days} days: {z} for {sd}");
            }
        }
        let by_stature = |cm, stands| {
            curve(Standard::Who, Sex::Male, Indicator::WeightForStature, Place::Stature { cm, stands })
        };
        assert!(by_stature(44.9, false).is_none() && by_stature(45.0, false).is_some());
        assert!(by_stature(64.9, true).is_none() && by_stature(65.0, true).is_some());
    }
}
