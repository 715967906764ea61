//! Facts about the subject: from its recent records, the pregnancy, and the birth of the child.

use std::ops::RangeInclusive;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::bands::{Bands, SleepBand};
use super::facts::Facts;
use super::lift::{BloodPressure, FeedingMode, Lifted, Mood};
use super::number::Number;
use crate::calendar::{FIRST_DAY, age_in_months, day_in_china};
use crate::pregnancy::{PRETERM_BELOW_DAYS, PUERPERIUM_DAYS, TERM_DAYS};
use crate::record::SubjectKind;

/// What is known about the subject beside its records.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Whom the record is about.
    pub subject: SubjectKind,
    /// The day of the record.
    pub occurred_on: NaiveDate,
    /// The handbook plans a pregnancy, the first or, after a loss, the next.
    pub planning: bool,
    /// The pregnancy to which the day belongs, under way or ended.
    pub pregnancy: Option<PregnancySetting>,
    /// The child, if the record is about one.
    pub child: Option<ChildSetting>,
}

impl Setting {
    /// A subject of which nothing is known but the day of the record.
    pub fn new(subject: SubjectKind, occurred_on: NaiveDate) -> Self {
        Self { subject, occurred_on, planning: false, pregnancy: None, child: None }
    }
}

/// A pregnancy as the rules see it.
#[derive(Debug, Clone, Copy, Default)]
pub struct PregnancySetting {
    /// Expected date of delivery in force.
    pub edd: Option<NaiveDate>,
    /// Last menstrual period; counts where there is no due date.
    pub lmp: Option<NaiveDate>,
    /// Day on which it ended, by birth or loss.
    pub ended_on: Option<NaiveDate>,
    /// It ended with a birth, also a stillbirth: a puerperium follows.
    pub delivered: bool,
    /// Weight before the pregnancy in grams.
    pub weight_before_g: Option<i64>,
    /// Height in millimetres.
    pub height_mm: Option<i64>,
}

impl PregnancySetting {
    /// The day from which gestation is counted: the due date decides, as it may have been corrected by ultrasound.
    fn counted_from(self) -> Option<NaiveDate> {
        let from_edd = self.edd.and_then(|edd| edd.checked_sub_days(Days::new(TERM_DAYS)));
        from_edd.or(self.lmp)
    }

    /// The days of the first 20 weeks, whose mean later blood pressure is compared with.
    fn baseline(self) -> Option<RangeInclusive<NaiveDate>> {
        const DAYS: u64 = 20 * 7;
        let from = self.counted_from()?;
        Some(from..=from.checked_add_days(Days::new(DAYS - 1))?)
    }
}

/// A child as the rules see it.
#[derive(Debug, Clone, Copy)]
pub struct ChildSetting {
    /// Instant of birth.
    pub born_at: DateTime<Utc>,
    /// Days of gestation at birth.
    pub gestation_days: Option<i64>,
    /// Birth weight in grams.
    pub birth_weight_g: Option<i64>,
}

/// Which earlier records the facts of a kind need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// Kinds of the earlier records.
    pub kinds: &'static [&'static str],
    /// On which days they happened: on one of these. Nothing that was written between them stands in the way of what is
    /// needed of long ago.
    pub on: Vec<RangeInclusive<NaiveDate>>,
}

/// How far back a kind needs to look from its own day.
enum Reach {
    /// To the first record.
    All,
    /// So many days.
    Back(u64),
    /// So many days, and the days before 20 weeks of the pregnancy.
    BackAndBaseline(u64),
}

/// Which earlier records of the same subject a caller should hand over for a record of this kind. More does no harm.
pub fn history_for(kind: &str, setting: &Setting) -> Needed {
    use Reach::{All, Back, BackAndBaseline};
    const PRESSURE: &[&str] =
        &["blood_pressure", "antenatal_first", "antenatal_followup", "postpartum_visit", "postpartum_42"];
    const GROWTH: &[&str] =
        &["growth", "newborn_home_visit", "m1_m8", "m12_m30", "y3_y6", "kindergarten_exam"];
    let (kinds, reach): (&'static [&'static str], _) = match kind {
        "weight" => (&["weight", "antenatal_first", "antenatal_followup"], Back(10)),
        "blood_pressure" => (PRESSURE, BackAndBaseline(1)),
        "symptom" => (PRESSURE, Back(1)),
        "fetal_movement_count" => (&["fetal_movement_count"], Back(8)),
        "folic_acid" => (&["folic_acid"], Back(90)),
        "diary" => (&["diary"], Back(14)),
        "feeding" => (&["feeding"], Back(30)),
        "sleep" => (&["sleep"], Back(3)),
        "diaper" => (&["diaper"], Back(2)),
        "medication" => (&["medication"], Back(7)),
        "tooth" => (&["tooth"], All),
        "milestone" => (&["milestone"], All),
        kind if GROWTH.contains(&kind) => (GROWTH, All),
        _ => (&[], Back(0)),
    };
    let back = |days| setting.occurred_on.checked_sub_days(Days::new(days)).unwrap_or(FIRST_DAY);
    let since = |first| first..=setting.occurred_on;
    let on = match reach {
        All => vec![since(FIRST_DAY)],
        Back(days) => vec![since(back(days))],
        BackAndBaseline(days) => {
            let baseline = setting.pregnancy.and_then(PregnancySetting::baseline);
            [Some(since(back(days))), baseline].into_iter().flatten().collect()
        }
    };
    Needed { kinds, on }
}

/// Every fact that needs no tables of growth or risk.
pub(super) fn facts_of(history: &[Lifted], this: &Lifted, setting: &Setting, bands: &Bands) -> Facts {
    let past = Past { history, this, setting, bands };
    let mut facts = Facts { is_child: Some(setting.subject == SubjectKind::Child), ..Facts::default() };
    past.pregnancy(&mut facts);
    past.child(&mut facts);
    past.weight(&mut facts);
    past.pressure(&mut facts);
    past.movement(&mut facts);
    past.dates(&mut facts);
    past.diary(&mut facts);
    past.feeding(&mut facts);
    past.sleep(&mut facts);
    past.nappies(&mut facts);
    past.teeth(&mut facts);
    past.milestones(&mut facts);
    past.growth(&mut facts);
    facts
}

struct Past<'a> {
    history: &'a [Lifted],
    this: &'a Lifted,
    setting: &'a Setting,
    bands: &'a Bands,
}

impl<'a> Past<'a> {
    fn day(&self) -> NaiveDate {
        self.setting.occurred_on
    }

    /// Earlier records of which something was lifted, with how long before this one they happened.
    fn earlier<T>(&self, lift: impl Fn(&'a Lifted) -> Option<T>) -> impl Iterator<Item = (TimeDelta, T)> {
        self.history
            .iter()
            .map(|record| (self.this.at - record.at, record))
            .filter(|(ago, _)| *ago >= TimeDelta::zero())
            .filter_map(move |(ago, record)| lift(record).map(|lifted| (ago, lifted)))
    }

    /// The same within a span of time, this record included.
    fn within<T>(
        &self,
        span: TimeDelta,
        lift: impl Fn(&'a Lifted) -> Option<T> + Copy,
    ) -> impl Iterator<Item = T> {
        let earlier = self.earlier(lift).filter(move |(ago, _)| *ago < span).map(|(_, lifted)| lifted);
        earlier.chain(lift(self.this))
    }

    /// Whether a diary that is counted by the day was already kept the day before: else a low count says nothing.
    fn is_kept<T>(&self, lift: impl Fn(&'a Lifted) -> Option<T>) -> bool {
        self.earlier(lift).any(|(ago, _)| ago >= TimeDelta::days(1) && ago < TimeDelta::days(2))
    }

    fn pregnancy(&self, facts: &mut Facts) {
        let about_child = self.setting.subject == SubjectKind::Child;
        let pregnancy = self.setting.pregnancy.filter(|_| !about_child);
        let day = self.day();
        let started = |pregnancy: &PregnancySetting| pregnancy.counted_from().is_none_or(|from| from <= day);
        let ended = |pregnancy: &PregnancySetting| pregnancy.ended_on.is_some_and(|ended_on| ended_on <= day);
        let under_way = pregnancy.filter(|pregnancy| started(pregnancy) && !ended(pregnancy));
        let delivered_on = pregnancy
            .filter(|pregnancy| pregnancy.delivered && ended(pregnancy))
            .and_then(|pregnancy| pregnancy.ended_on);
        let days_postpartum = delivered_on.map(|delivered_on| (day - delivered_on).num_days());

        facts.pregnant = Some(under_way.is_some());
        facts.preconception = Some(self.setting.planning && under_way.is_none() && !about_child);
        facts.puerperal = Some(days_postpartum.is_some_and(|days| days <= PUERPERIUM_DAYS));
        facts.days_postpartum = days_postpartum;
        facts.gestational_days =
            under_way.and_then(PregnancySetting::counted_from).map(|from| (day - from).num_days());
    }

    fn child(&self, facts: &mut Facts) {
        let Some(child) = self.setting.child else { return };
        let born_on = day_in_china(child.born_at);
        let age = self.this.at - child.born_at;
        facts.age_hours = (self.day() >= born_on).then(|| age.num_hours().max(0));
        facts.age_days = Some((self.day() - born_on).num_days()).filter(|days| *days >= 0);
        facts.age_months = facts.age_days.map(|_| i64::from(age_in_months(born_on, self.day())));
        facts.preterm = child.gestation_days.map(|days| days < PRETERM_BELOW_DAYS);
        facts.birth_weight_g = child.birth_weight_g;
    }

    /// Weight of the woman (WS/T 801-2022 for the bands).
    fn weight(&self, facts: &mut Facts) {
        let Some(now_g) = self.this.weight_g else { return };
        let earlier = || self.earlier(|record| record.weight_g);
        let days = |ago: TimeDelta| ago.num_days();
        let week_ago = earlier()
            .filter(|(ago, _)| (5..=10).contains(&days(*ago)))
            .min_by_key(|(ago, _)| (*ago - TimeDelta::days(7)).abs());
        let weekly = week_ago.and_then(|(ago, then_g)| scaled_to_week(now_g - then_g, ago));
        let pregnancy = self.setting.pregnancy;
        let before_g = pregnancy.and_then(|pregnancy| pregnancy.weight_before_g);
        let upper = facts
            .gestational_days
            .and_then(|gestation| self.bands.weekly_gain(body_mass_index(pregnancy?)?, gestation));

        facts.last_weight_7d_kg = week_ago.and_then(|(_, grams)| kilograms(grams));
        facts.weekly_gain_kg = weekly;
        facts.weekly_gain_upper_kg = upper;
        facts.weekly_gain_excess_kg = weekly.zip(upper).and_then(|(weekly, upper)| weekly.minus(upper));
        facts.loss_from_prepregnancy_pct = before_g.and_then(|before_g| percent(before_g - now_g, before_g));
        facts.jump_7d_kg = earlier()
            .filter(|(ago, _)| *ago <= TimeDelta::days(7))
            .min_by_key(|(ago, _)| *ago)
            .and_then(|(_, then_g)| kilograms((now_g - then_g).abs()));
    }

    fn pressure(&self, facts: &mut Facts) {
        let last = self
            .within(TimeDelta::days(1), |record| record.blood_pressure.map(|pressure| (record.at, pressure)));
        let last = last.max_by_key(|(at, _)| *at).map(|(_, pressure)| pressure);
        facts.last_systolic = last.map(|pressure| pressure.systolic);
        facts.last_diastolic = last.map(|pressure| pressure.diastolic);

        let (Some(now), Some(days)) =
            (self.this.blood_pressure, self.setting.pregnancy.and_then(PregnancySetting::baseline))
        else {
            return;
        };
        let baseline: Vec<BloodPressure> = self
            .earlier(|record| record.blood_pressure.filter(|_| days.contains(&day_in_china(record.at))))
            .map(|(_, pressure)| pressure)
            .collect();
        let rise = |of: fn(&BloodPressure) -> i64| {
            mean(baseline.iter().map(of)).and_then(|mean| Number::from(of(&now)).minus(mean))
        };
        facts.systolic_rise = rise(|pressure| pressure.systolic);
        facts.diastolic_rise = rise(|pressure| pressure.diastolic);
    }

    /// Counts are of days, so that the mean of 7 days leaves out the day itself.
    fn movement(&self, facts: &mut Facts) {
        let Some((today, total)) = total_of(self.this) else { return };
        let counts: Vec<(NaiveDate, i64)> = self.earlier(total_of).map(|(_, count)| count).collect();
        let mean_before = |day: NaiveDate| {
            mean(
                counts
                    .iter()
                    .filter(|(on, _)| (1..=7).contains(&(day - *on).num_days()))
                    .map(|(_, total)| *total),
            )
        };
        facts.movement_pct_of_mean_7d =
            mean_before(today).and_then(|mean| Number::from(total).times(Number::from(100))?.over(mean));
        let surged = |&(on, then): &(NaiveDate, i64)| {
            (today - on).num_days() <= 1
                && mean_before(on).is_some_and(|mean| {
                    let twice = mean.times(Number::from(2));
                    let now_twice = Number::from(total * 2);
                    twice.is_some_and(|twice| Number::from(then) >= twice) && now_twice < mean
                })
        };
        facts.movement_surge_then_drop = Some(counts.iter().any(surged));
    }

    fn dates(&self, facts: &mut Facts) {
        let Some(dates) = self.this.dates else { return };
        let span = dates.lmp.zip(dates.edd).map(|(lmp, edd)| (edd - lmp).num_days());
        facts.edd_span_days = span;
        facts.edd_lmp_difference_days = span.map(|days| (days - TERM_DAYS as i64).abs());
    }

    fn diary(&self, facts: &mut Facts) {
        let very_bad =
            self.within(TimeDelta::days(14), |record| record.mood.filter(|mood| *mood == Mood::VeryBad));
        facts.low_mood_count_14d = self.this.mood.and_then(|_| i64::try_from(very_bad.count()).ok());
        facts.folic_acid_missed_days = self.days_without_folic_acid();
        facts.vitamin_d_mean_7d_iu = self.mean_vitamin_d();
    }

    /// Days since it was last taken, this one included; before the first time, days since the diary of it began.
    fn days_without_folic_acid(&self) -> Option<i64> {
        let taken_now = self.this.folic_acid_taken?;
        if taken_now {
            return Some(0);
        }
        let day_of = |ago: TimeDelta| day_in_china(self.this.at - ago);
        let records: Vec<(NaiveDate, bool)> =
            self.earlier(|record| record.folic_acid_taken).map(|(ago, taken)| (day_of(ago), taken)).collect();
        let last_taken = records.iter().filter(|(_, taken)| *taken).map(|(day, _)| *day).max();
        let first = records.iter().map(|(day, _)| *day).min();
        let since_first = first.map_or(1, |first| (self.day() - first).num_days() + 1);
        Some(last_taken.map_or(since_first, |taken| (self.day() - taken).num_days()))
    }

    /// Over the days since the diary of it began, at most 7.
    fn mean_vitamin_d(&self) -> Option<Number> {
        let given: Vec<(i64, Number)> = self
            .earlier(|record| record.vitamin_d_iu)
            .map(|(ago, iu)| ((self.day() - day_in_china(self.this.at - ago)).num_days(), iu))
            .chain(self.this.vitamin_d_iu.map(|iu| (0, iu)))
            .filter(|(days, _)| *days < 7)
            .collect();
        let days = given.iter().map(|(days, _)| days + 1).max()?;
        let total = given.iter().try_fold(Number::ZERO, |sum, (_, iu)| sum.plus(*iu))?;
        total.over(Number::from(days))
    }

    fn feeding(&self, facts: &mut Facts) {
        let Some(this) = self.this.feeding else { return };
        let breast = self.within(TimeDelta::days(1), |record| {
            record.feeding.filter(|feeding| feeding.mode == FeedingMode::Breast)
        });
        let breastfeeds = i64::try_from(breast.count()).ok();
        let mut latest: Vec<(TimeDelta, bool)> =
            self.earlier(|record| record.feeding).map(|(ago, feeding)| (ago, feeding.refused)).collect();
        latest.sort_by_key(|(ago, _)| *ago);
        let refused = std::iter::once(this.refused).chain(latest.into_iter().map(|(_, refused)| refused));
        let solid =
            self.earlier(|record| record.feeding).any(|(_, feeding)| feeding.mode == FeedingMode::Solid);

        facts.breastfeeds_24h = breastfeeds.filter(|_| self.is_kept(|record| record.feeding));
        facts.feeds_refused_in_row = i64::try_from(refused.take_while(|refused| *refused).count()).ok();
        facts.solid_started = Some(solid || this.mode == FeedingMode::Solid);
    }

    /// Sleep in the 24 hours before the end of this one; the part of an earlier sleep that reaches in counts.
    fn sleep(&self, facts: &mut Facts) {
        let Some(this) = self.this.sleep else { return };
        let window = (this.end - TimeDelta::days(1), this.end);
        let sleeps = self.history.iter().filter_map(|record| record.sleep).chain([this]);
        let asleep: TimeDelta = sleeps
            .map(|sleep| sleep.end.min(window.1) - sleep.start.max(window.0))
            .filter(|slept| *slept > TimeDelta::zero())
            .sum();
        let hours = Number::fraction(i128::from(asleep.num_seconds()), 3600);
        facts.sleep_24h_h = hours;
        let recommended = facts.age_months.and_then(|months| self.bands.sleep(months));
        let kept = self.is_kept(|record| record.sleep);
        facts.sleep_band = hours
            .zip(recommended)
            .filter(|_| kept)
            .map(|(hours, band)| SleepBand::place(band, hours).to_owned());
    }

    fn nappies(&self, facts: &mut Facts) {
        let Some(this) = self.this.diaper else { return };
        let day = TimeDelta::days(1);
        let wet = self.within(day, |record| record.diaper.filter(|diaper| diaper.urine)).count();
        let watery = self.within(day, |record| record.diaper.filter(|diaper| diaper.watery_stool)).count();
        let at_least = |counted: usize, said: Option<i64>| i64::try_from(counted).ok().max(said);
        let urine = at_least(wet, this.count_today.filter(|_| this.urine));
        facts.urine_24h_count = urine.filter(|_| self.is_kept(|record| record.diaper));
        facts.watery_stools_24h = at_least(watery, this.count_today.filter(|_| this.watery_stool));
    }

    fn teeth(&self, facts: &mut Facts) {
        let Some(this) = self.this.tooth.as_deref() else { return };
        let mut earlier: Vec<&str> =
            self.history.iter().filter_map(|record| record.tooth.as_deref()).collect();
        earlier.sort_unstable();
        earlier.dedup();
        facts.tooth_recorded = Some(earlier.contains(&this));
        facts.tooth_count = i64::try_from(earlier.len()).ok();
    }

    fn milestones(&self, facts: &mut Facts) {
        let Some(this) = self.this.milestone.as_ref() else { return };
        let Some(item) = self.bands.milestone(&this.item) else { return };
        let lost_now = this.yes.and_then(|yes| item.has_skill(yes)) == Some(false);
        let had_skill = |record: &Lifted| {
            let answer = record.milestone.as_ref()?;
            let earlier =
                self.bands.milestone(&answer.item).filter(|earlier| earlier.skill() == item.skill())?;
            earlier.has_skill(answer.yes?).filter(|has| *has)
        };
        let had_before = self.earlier(had_skill).any(|(ago, _)| ago > TimeDelta::zero());
        let reached = self.corrected_age_months().is_some_and(|months| item.is_reached(months));
        facts.milestone_warning_positive = Some(lost_now && reached && item.is_warning_sign());
        facts.skill_lost = Some(lost_now && (had_before || item.is_regression()));
    }

    /// Completed months, counted from the due date for a preterm child up to 24 months.
    fn corrected_age_months(&self) -> Option<i64> {
        const CORRECTED_UNTIL: i64 = 24;
        let child = self.setting.child?;
        let born_on = day_in_china(child.born_at);
        let months = i64::from(age_in_months(born_on, self.day()));
        let early =
            child.gestation_days.filter(|days| *days < PRETERM_BELOW_DAYS && months < CORRECTED_UNTIL);
        let Some(gestation) = early else { return Some(months) };
        let missing = u64::try_from(TERM_DAYS as i64 - gestation).ok()?;
        let due_on = born_on.checked_add_days(chrono::Days::new(missing))?;
        Some(i64::from(age_in_months(due_on, self.day())).max(0))
    }

    fn growth(&self, facts: &mut Facts) {
        let Some(this) = self.this.growth else { return };
        let last = |of: fn(&Lifted) -> Option<i64>| {
            self.earlier(of).filter(|(ago, _)| *ago > TimeDelta::zero()).min_by_key(|(ago, _)| *ago)
        };
        let weight = last(|record| record.growth?.weight_g).filter(|(ago, _)| *ago <= TimeDelta::days(14));
        facts.weight_change_14d_pct = weight
            .zip(this.weight_g)
            .and_then(|((_, then_g), now_g)| percent((now_g - then_g).abs(), then_g));
        facts.length_drop_cm = last(|record| record.growth?.length_mm)
            .zip(this.length_mm)
            .and_then(|((_, then_mm), now_mm)| Number::fraction(i128::from(then_mm - now_mm), 10));
        facts.gain_shortfall_g = self.gain_shortfall(facts, this.weight_g);
    }

    /// 600 g at 30 days, 20 g for each day more or less, over days 28 to 42 (document 002; the proration is ours).
    fn gain_shortfall(&self, facts: &Facts, weight_g: Option<i64>) -> Option<i64> {
        let days = facts.age_days.filter(|days| (28..=42).contains(days))?;
        let gained = weight_g? - facts.birth_weight_g?;
        Some(600 + 20 * (days - 30) - gained)
    }
}

fn total_of(record: &Lifted) -> Option<(NaiveDate, i64)> {
    let movement = record.fetal_movement?;
    Some((movement.on, movement.total_12h?))
}

fn kilograms(grams: i64) -> Option<Number> {
    Number::scaled(i128::from(grams), 3)
}

fn percent(part: i64, whole: i64) -> Option<Number> {
    Number::fraction(i128::from(part) * 100, i128::from(whole))
}

fn scaled_to_week(gain_g: i64, ago: TimeDelta) -> Option<Number> {
    let week = Number::from(TimeDelta::days(7).num_minutes());
    kilograms(gain_g)?.times(week)?.over(Number::from(ago.num_minutes()))
}

fn body_mass_index(pregnancy: PregnancySetting) -> Option<Number> {
    index_of(pregnancy.weight_before_g?, pregnancy.height_mm?)
}

/// Kilograms by square metres.
pub(super) fn index_of(weight_g: i64, height_mm: i64) -> Option<Number> {
    let metres = Number::scaled(i128::from(height_mm), 3)?;
    kilograms(weight_g)?.over(metres.times(metres)?)
}

fn mean(values: impl Iterator<Item = i64>) -> Option<Number> {
    let (sum, count) = values.fold((0_i64, 0_i64), |(sum, count), value| (sum + value, count + 1));
    Number::from(sum).over(Number::from(count)).filter(|_| count > 0)
}
