//! The fixed list of facts that rules may use beside the fields of their record.
//!
//! `domain/data/facts.toml` names and explains each; `history.rs` computes those that need no tables of growth or risk.

use super::number::Number;
use super::value::named;

named! {
    /// What is known about the subject on the day of the record. A missing fact leaves a rule unknown: it does not fire.
    pub struct Facts;
    /// Pregnant on the day of the record.
    pregnant: bool = "facts.pregnant";
    /// Within 42 days after delivery.
    puerperal: bool = "facts.puerperal";
    /// Planning a pregnancy.
    preconception: bool = "facts.preconception";
    /// The subject is a child.
    is_child: bool = "facts.is_child";
    /// Days of gestation.
    gestational_days: i64 = "facts.gestational_days";
    /// Days since delivery.
    days_postpartum: i64 = "facts.days_postpartum";
    /// Completed hours since birth.
    age_hours: i64 = "facts.age_hours";
    /// Days since birth.
    age_days: i64 = "facts.age_days";
    /// Completed months since birth.
    age_months: i64 = "facts.age_months";
    /// Born before 37+0 weeks.
    preterm: bool = "facts.preterm";
    /// Birth weight in grams.
    birth_weight_g: i64 = "facts.birth_weight_g";
    /// Grams by which the first-month gain falls short.
    gain_shortfall_g: i64 = "facts.gain_shortfall_g";
    /// Weight in kilograms nearest to 7 days earlier.
    last_weight_7d_kg: Number = "facts.last_weight_7d_kg";
    /// Gain in kilograms since then, scaled to 7 days.
    weekly_gain_kg: Number = "facts.weekly_gain_kg";
    /// Upper weekly gain in kilograms for the body mass index before the pregnancy.
    weekly_gain_upper_kg: Number = "facts.weekly_gain_upper_kg";
    /// Weekly gain minus its upper limit, in kilograms.
    weekly_gain_excess_kg: Number = "facts.weekly_gain_excess_kg";
    /// Loss from the weight before the pregnancy in per cent.
    loss_from_prepregnancy_pct: Number = "facts.loss_from_prepregnancy_pct";
    /// Change in kilograms, without sign, from the last weight within 7 days.
    jump_7d_kg: Number = "facts.jump_7d_kg";
    /// Systolic pressure minus its mean before 20 weeks.
    systolic_rise: Number = "facts.systolic_rise";
    /// Diastolic pressure minus its mean before 20 weeks.
    diastolic_rise: Number = "facts.diastolic_rise";
    /// Latest systolic pressure within 24 hours.
    last_systolic: i64 = "facts.last_systolic";
    /// Latest diastolic pressure within 24 hours.
    last_diastolic: i64 = "facts.last_diastolic";
    /// This total of 12 hours as per cent of the own mean of 7 days.
    movement_pct_of_mean_7d: Number = "facts.movement_pct_of_mean_7d";
    /// A count of twice the mean or more, then within a day one below half of it.
    movement_surge_then_drop: bool = "facts.movement_surge_then_drop";
    /// Days between the due date and the last menstrual period + 280 days, without sign.
    edd_lmp_difference_days: i64 = "facts.edd_lmp_difference_days";
    /// Days from the last menstrual period to the due date.
    edd_span_days: i64 = "facts.edd_span_days";
    /// Consecutive days without folic acid.
    folic_acid_missed_days: i64 = "facts.folic_acid_missed_days";
    /// Diary entries with a very bad mood in 14 days.
    low_mood_count_14d: i64 = "facts.low_mood_count_14d";
    /// Breastfeeds in 24 hours.
    breastfeeds_24h: i64 = "facts.breastfeeds_24h";
    /// Any entry with solid food.
    solid_started: bool = "facts.solid_started";
    /// Feeds refused in a row.
    feeds_refused_in_row: i64 = "facts.feeds_refused_in_row";
    /// `below`, `within` or `above` the recommended sleep in 24 hours.
    sleep_band: String = "facts.sleep_band";
    /// Hours of sleep in the 24 hours before the end of this one.
    sleep_24h_h: Number = "facts.sleep_24h_h";
    /// Wet nappies in 24 hours.
    urine_24h_count: i64 = "facts.urine_24h_count";
    /// Watery stools in 24 hours.
    watery_stools_24h: i64 = "facts.watery_stools_24h";
    /// Teeth that were recorded before this one.
    tooth_count: i64 = "facts.tooth_count";
    /// The position of the tooth already has an entry.
    tooth_recorded: bool = "facts.tooth_recorded";
    /// The answer is a warning sign of an age that is reached.
    milestone_warning_positive: bool = "facts.milestone_warning_positive";
    /// A skill reported earlier is reported lost.
    skill_lost: bool = "facts.skill_lost";
    /// `underweight`, `stunting`, `wasting`, `overweight`, `obesity`.
    growth_class: Vec<String> = "facts.growth_class";
    /// Head circumference: `low`, `within` or `high`.
    head_class: String = "facts.head_class";
    /// Main percentile lines crossed downwards since the last visit.
    percentile_lines_dropped: i64 = "facts.percentile_lines_dropped";
    /// Change in per cent, without sign, from the last weight within 14 days.
    weight_change_14d_pct: Number = "facts.weight_change_14d_pct";
    /// Last length minus this one in centimetres.
    length_drop_cm: Number = "facts.length_drop_cm";
    /// Mean vitamin D a day over 7 days in IU.
    vitamin_d_mean_7d_iu: Number = "facts.vitamin_d_mean_7d_iu";
    /// Weight for age: `above`, `middle` or `below` (more than 2 SD from the median).
    growth_weight_for_age: String = "growth.weight_for_age.level3";
    /// Length or height for age: `above`, `middle` or `below`.
    growth_length_for_age: String = "growth.length_for_age.level3";
    /// Weight for length or height: `above`, `middle` or `below`.
    growth_weight_for_length: String = "growth.weight_for_length.level3";
    /// The printed classes of physical development.
    growth_classes: Vec<String> = "growth.classes";
    /// Items of the risk screening that the rules find positive.
    risk_screening_positive: Vec<String> = "rules.risk_screening.positive";
    /// `negative`, `positive` or `incomplete`.
    risk_screening_result: String = "rules.risk_screening.result";
    /// Items of the risk assessment that the rules propose.
    risk_assessment_items: Vec<String> = "rules.risk_assessment.items";
    /// Grade that the rules propose.
    risk_assessment_grade: String = "rules.risk_assessment.grade";
    /// Whether the rules propose the purple mark.
    risk_assessment_purple: bool = "rules.risk_assessment.purple";
}
