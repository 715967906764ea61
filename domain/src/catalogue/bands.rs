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
        let band = self.weekly_gain.iter().find(|band| {
            band.bmi_from <= body_mass_index && band.bmi_below.is_none_or(|below| body_mass_index < below)
        })?;
        (gestational_days >= band.from_days).then_some(band.upper_kg)
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
