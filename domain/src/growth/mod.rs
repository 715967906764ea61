//! Growth of children: WHO's z-scores, the classes of WS/T 423-2022, and size at birth (WS/T 800-2022).
//!
//! Tables are data in `domain/data/growth`; they are read once and looked up without allocation.

pub mod age;
pub mod birth_size;
pub mod china;
pub mod curve;
mod lms;
pub mod trend;
pub mod who;

use crate::word::words;

words! {
    /// What is held against a standard.
    pub enum Indicator {
        WeightForAge = "weight_for_age", "年龄别体重", "weight for age";
        StatureForAge = "stature_for_age", "年龄别身长（身高）", "length or height for age";
        WeightForStature = "weight_for_stature", "身长（身高）别体重", "weight for length or height";
        BmiForAge = "bmi_for_age", "年龄别体重指数", "body mass index for age";
        HeadCircumferenceForAge = "head_circumference_for_age", "年龄别头围", "head circumference for age";
    }
}

words! {
    /// How a child was measured.
    pub enum Position {
        Lying = "lying", "卧位", "lying";
        Standing = "standing", "立位", "standing";
    }
}

/// What was measured of a child on one day.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measured {
    /// Weight in kg.
    pub weight_kg: Option<f64>,
    /// Length or height in cm, as it was measured.
    pub stature_cm: Option<f64>,
    /// How it was measured; left out, as the standards measure at the age.
    pub position: Option<Position>,
    /// Head circumference in cm.
    pub head_cm: Option<f64>,
    /// Body mass index in kg/m², where it stands for weight and stature.
    pub bmi: Option<f64>,
}

/// What lying adds to a stature, in cm (WHO 2006).
const LYING_ADDS: f64 = 0.7;

impl Measured {
    /// Whether all that an indicator needs was measured.
    pub fn has(&self, indicator: Indicator) -> bool {
        let both = self.weight_kg.is_some() && self.stature_cm.is_some();
        match indicator {
            Indicator::WeightForAge => self.weight_kg.is_some(),
            Indicator::StatureForAge => self.stature_cm.is_some(),
            Indicator::WeightForStature => both,
            Indicator::BmiForAge => self.bmi.is_some() || both,
            Indicator::HeadCircumferenceForAge => self.head_cm.is_some(),
        }
    }

    /// Body mass index in kg/m², from a stature in cm as the standard measures it; the one that was given goes before.
    fn bmi_with(&self, stature_cm: Option<f64>) -> Option<f64> {
        let of_both = self.weight_kg.zip(stature_cm).map(|(weight, cm)| weight / (cm / 100.0).powi(2));
        self.bmi.or(of_both)
    }
}

/// A stature in cm turned into the one of `wanted`.
fn turned(stature_cm: f64, from: Position, wanted: Position) -> f64 {
    match (from, wanted) {
        (Position::Standing, Position::Lying) => stature_cm + LYING_ADDS,
        (Position::Lying, Position::Standing) => stature_cm - LYING_ADDS,
        _ => stature_cm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_indicator_needs_what_it_is_made_of() {
        use Indicator::{BmiForAge, HeadCircumferenceForAge, StatureForAge, WeightForAge, WeightForStature};
        let nothing = Measured::default();
        let weight = Measured { weight_kg: Some(7.0), ..nothing };
        let stature = Measured { stature_cm: Some(70.0), ..nothing };
        let both = Measured { stature_cm: Some(70.0), ..weight };
        let (head, bmi) =
            (Measured { head_cm: Some(43.0), ..nothing }, Measured { bmi: Some(16.0), ..nothing });
        for (measured, has) in [
            (nothing, vec![]),
            (weight, vec![WeightForAge]),
            (stature, vec![StatureForAge]),
            (both, vec![WeightForAge, StatureForAge, WeightForStature, BmiForAge]),
            (head, vec![HeadCircumferenceForAge]),
            (bmi, vec![BmiForAge]),
        ] {
            let found: Vec<_> = Indicator::ALL.iter().copied().filter(|of| measured.has(*of)).collect();
            assert_eq!(found, has, "{measured:?}");
        }
    }
}
