//! Recommended bands and developmental items that facts are computed with: data, so that a correction is a data change.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::number::Number;

/// Bands and items, as `bands.toml` and `tables/milestones.toml` give them.
#[derive(Debug, Clone, Default)]
pub(super) struct Bands {
    weekly_gain: Vec<WeeklyGain>,
    sleep: Vec<SleepBand>,
    milestones: BTreeMap<String, Milestone>,
}

impl Bands {
    pub(super) fn new(file: BandsFile, milestones: Vec<Milestone>) -> Self {
        let milestones = milestones.into_iter().map(|milestone| (milestone.key.clone(), milestone)).collect();
        Self { weekly_gain: file.weekly_gain, sleep: file.sleep, milestones }
    }

    /// Upper weekly gain in kilograms for a body mass index before pregnancy, at this day of gestation.
    pub(super) fn weekly_gain(&self, body_mass_index: Number, gestational_days: i64) -> Option<Number> {
        let band = self.gain(body_mass_index)?;
        (gestational_days >= band.from_days).then_some(band.upper_kg)
    }

    /// What is recommended to gain in all, for a body mass index before pregnancy.
    pub(super) fn total_gain(&self, body_mass_index: Number) -> Option<TotalGain> {
        let band = self.gain(body_mass_index)?;
        Some(TotalGain { from_days: band.from_days, kg: (band.total_kg[0], band.total_kg[1]) })
    }

    fn gain(&self, body_mass_index: Number) -> Option<&WeeklyGain> {
        self.weekly_gain.iter().find(|band| {
            band.bmi_from <= body_mass_index && band.bmi_below.is_none_or(|below| body_mass_index < below)
        })
    }

    /// Recommended sleep at an age in completed months.
    pub(super) fn sleep(&self, months: i64) -> Option<&SleepBand> {
        self.sleep.iter().find(|band| (band.from_months..=band.to_months).contains(&months))
    }

    pub(super) fn milestone(&self, key: &str) -> Option<&Milestone> {
        self.milestones.get(key)
    }
}

/// `bands.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BandsFile {
    weekly_gain: Vec<WeeklyGain>,
    sleep: Vec<SleepBand>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WeeklyGain {
    bmi_from: Number,
    bmi_below: Option<Number>,
    /// Counts from this day of gestation on.
    from_days: i64,
    upper_kg: Number,
    /// The least and the most of the whole pregnancy.
    total_kg: [f64; 2],
}

/// Gain of weight that is recommended for a whole pregnancy (WS/T 801-2022).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TotalGain {
    /// Day of gestation with which the second trimester begins.
    pub from_days: i64,
    /// The least and the most, in kg.
    pub kg: (f64, f64),
}

/// Most kilograms that are gained in the first trimester; the least is none (WS/T 801-2022).
const FIRST_TRIMESTER_KG: f64 = 2.0;

/// Days of a whole pregnancy.
const WHOLE_DAYS: f64 = 280.0;

impl TotalGain {
    /// The least and the most on a day of gestation, in kg: straight lines to the end of the first trimester and on to the end of
    /// the pregnancy, between the figures of the standard; as much as then beyond it.
    pub fn on(&self, gestational_days: f64) -> (f64, f64) {
        let (least, most) = self.kg;
        let second = self.from_days as f64;
        if gestational_days < second {
            return (0.0, FIRST_TRIMESTER_KG * gestational_days.max(0.0) / second);
        }
        let part = ((gestational_days - second) / (WHOLE_DAYS - second)).min(1.0);
        (least * part, FIRST_TRIMESTER_KG + (most - FIRST_TRIMESTER_KG) * part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_of_a_pregnancy_goes_through_the_figures_of_the_standard() {
        let gain = TotalGain { from_days: 98, kg: (8.0, 14.0) };
        for (days, expected) in [
            (-7.0, (0.0, 0.0)),
            (0.0, (0.0, 0.0)),
            (49.0, (0.0, 1.0)),
            (98.0, (0.0, 2.0)),
            (189.0, (4.0, 8.0)),
            (280.0, (8.0, 14.0)),
            (294.0, (8.0, 14.0)),
        ] {
            assert_eq!(gain.on(days), expected, "{days}");
        }
    }
}

/// Recommended sleep in 24 hours.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SleepBand {
    from_months: i64,
    /// Last completed month.
    to_months: i64,
    min_h: Number,
    max_h: Number,
}

impl SleepBand {
    pub(super) fn place(&self, hours: Number) -> &'static str {
        if hours < self.min_h {
            "below"
        } else if hours > self.max_h {
            "above"
        } else {
            "within"
        }
    }
}

/// A developmental item: a printed warning sign, or an item of the handbook that may be paired with one.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Milestone {
    key: String,
    /// Completed months from which it is asked.
    from_months: i64,
    /// A printed warning sign.
    #[serde(default)]
    warning_sign: bool,
    /// The answer that raises the concern; none where neither does.
    concern: Option<bool>,
    /// Key of the warning sign that asks for the same skill.
    pair: Option<String>,
    /// A loss of skills at any age.
    #[serde(default)]
    regression: bool,
}

impl Milestone {
    /// The skill that the item is about: the pair shares it.
    pub(super) fn skill(&self) -> &str {
        self.pair.as_deref().unwrap_or(&self.key)
    }

    /// Whether an answer says that the child has the skill.
    pub(super) fn has_skill(&self, yes: bool) -> Option<bool> {
        self.concern.map(|concern| yes != concern)
    }

    pub(super) fn is_warning_sign(&self) -> bool {
        self.warning_sign || self.pair.is_some()
    }

    pub(super) fn is_reached(&self, months: i64) -> bool {
        months >= self.from_months
    }

    pub(super) fn is_regression(&self) -> bool {
        self.regression
    }
}
