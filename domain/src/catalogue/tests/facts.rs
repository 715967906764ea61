use serde_json::json;

use super::*;
use crate::catalogue::lift::{Lifted, lift};
use crate::catalogue::{ChildSetting, Number, PregnancySetting, Setting, history_for};
use crate::growth::Position;
use crate::record::SubjectKind;

/// A record of a kind so many hours before noon of the day.
fn record(key: &str, hours_ago: i64, changes: Json) -> Lifted {
    let at = hour(12) - TimeDelta::hours(hours_ago);
    let mut payload = example(key, json!({}));
    for (key, value) in map(changes) {
        if value.is_null() {
            payload.remove(&key)
        } else {
            payload.insert(key, value)
        };
    }
    lift(&payload, kind(key), at)
}

fn woman() -> Setting {
    Setting::new(SubjectKind::Woman, day(TODAY))
}

/// A pregnancy that is so many days under way.
fn pregnant(days: i64) -> Setting {
    let lmp = day(TODAY) - TimeDelta::days(days);
    let pregnancy = PregnancySetting {
        lmp: Some(lmp),
        weight_before_g: Some(54_000),
        height_mm: Some(1620),
        ..PregnancySetting::default()
    };
    Setting { pregnancy: Some(pregnancy), ..woman() }
}

/// A child that was born so many days ago, at noon.
fn child(days: i64) -> Setting {
    let child = ChildSetting {
        born_at: hour(12) - TimeDelta::days(days),
        gestation_days: Some(275),
        birth_weight_g: Some(3200),
    };
    Setting { child: Some(child), ..Setting::new(SubjectKind::Child, day(TODAY)) }
}

fn facts(history: &[Lifted], this: &Lifted, setting: &Setting) -> Facts {
    CATALOGUE.facts_of(history, this, setting)
}

fn decimal(units: i64, decimals: u32) -> Option<Number> {
    Number::scaled(i128::from(units), decimals)
}

#[test]
fn gestation_is_counted_from_the_due_date_in_force() {
    let this = record("weight", 0, json!({}));
    assert_eq!(facts(&[], &this, &pregnant(100)).gestational_days, Some(100));
    let mut corrected = pregnant(100);
    corrected.pregnancy.as_mut().unwrap().edd = Some(day(TODAY) + TimeDelta::days(280 - 93));
    let known = facts(&[], &this, &corrected);
    assert_eq!(
        (known.pregnant, known.gestational_days, known.preconception),
        (Some(true), Some(93), Some(false))
    );
    let planning = facts(&[], &this, &Setting { planning: true, ..woman() });
    assert_eq!(
        (planning.pregnant, planning.gestational_days, planning.preconception),
        (Some(false), None, Some(true))
    );
}

#[test]
fn after_birth_a_puerperium_of_42_days_follows_and_after_a_loss_none() {
    let this = record("weight", 0, json!({}));
    let ended = |days: i64, delivered: bool| {
        let mut setting = pregnant(280 + days);
        let pregnancy = setting.pregnancy.as_mut().unwrap();
        (pregnancy.ended_on, pregnancy.delivered) = (Some(day(TODAY) - TimeDelta::days(days)), delivered);
        let facts = facts(&[], &this, &setting);
        (facts.pregnant, facts.puerperal, facts.days_postpartum, facts.gestational_days)
    };
    assert_eq!(ended(0, true), (Some(false), Some(true), Some(0), None));
    assert_eq!(ended(42, true), (Some(false), Some(true), Some(42), None));
    assert_eq!(ended(43, true), (Some(false), Some(false), Some(43), None));
    assert_eq!(ended(3, false), (Some(false), Some(false), None, None));
    let mut before_birth = pregnant(270);
    before_birth.pregnancy.as_mut().unwrap().ended_on = Some(day(TODAY) + TimeDelta::days(1));
    assert_eq!(
        facts(&[], &this, &before_birth).pregnant,
        Some(true),
        "an older record belongs to the pregnancy"
    );
}

#[test]
fn a_child_is_not_pregnant_though_its_mother_may_be() {
    let mut setting = pregnant(90);
    (setting.subject, setting.child) = (SubjectKind::Child, child(900).child);
    let facts = facts(&[], &record("temperature", 0, json!({})), &setting);
    assert_eq!((facts.is_child, facts.pregnant, facts.age_months), (Some(true), Some(false), Some(29)));
}

#[test]
fn ages_are_hours_days_and_completed_months() {
    let facts = facts(&[], &record("feeding", 1, json!({})), &child(31));
    assert_eq!((facts.age_hours, facts.age_days, facts.age_months), (Some(31 * 24 - 1), Some(31), Some(1)));
    assert_eq!((facts.preterm, facts.birth_weight_g), (Some(false), Some(3200)));
}

#[test]
fn weekly_gain_is_scaled_to_seven_days_and_held_against_the_band() {
    let this = record("weight", 0, json!({"weight": 62.0}));
    let history = [
        record("weight", 24 * 6, json!({"weight": 61.4})),
        record("weight", 24 * 12, json!({"weight": 60.0})),
        record("weight", 24 * 2, json!({"weight": 61.8})),
    ];
    let known = facts(&history, &this, &pregnant(150));
    assert_eq!(known.last_weight_7d_kg, decimal(614, 1));
    assert_eq!(known.weekly_gain_kg, decimal(7, 1));
    assert_eq!(known.weekly_gain_upper_kg, decimal(48, 2), "BMI 20.6");
    assert_eq!(known.weekly_gain_excess_kg, decimal(22, 2));
    assert_eq!(known.jump_7d_kg, decimal(2, 1), "from the latest one");
    assert_eq!(known.loss_from_prepregnancy_pct.map(|loss| loss < Number::ZERO), Some(true));
    assert_eq!(facts(&history, &this, &pregnant(97)).weekly_gain_upper_kg, None, "no band before 14 weeks");

    let stored =
        accepted("weight", json!({"measured_at": "2026-11-20T12:00:00+08:00", "weight": 62.0}), &known);
    assert_eq!(stored.payload.plain()["weekly_gain"], json!(0.7));
    assert_eq!(ids(&stored.warnings), ["gain_fast"]);
}

#[test]
fn pressure_is_compared_with_the_mean_before_20_weeks() {
    let this = record("blood_pressure", 0, json!({"systolic": 138, "diastolic": 84}));
    let pressure = |days_ago: i64, systolic: i64, diastolic: i64| {
        record("blood_pressure", days_ago * 24, json!({"systolic": systolic, "diastolic": diastolic}))
    };
    let history = [pressure(100, 104, 66), pressure(90, 113, 71), pressure(20, 150, 95)];
    let known = facts(&history, &this, &pregnant(210));
    assert_eq!((known.systolic_rise, known.diastolic_rise), (decimal(295, 1), decimal(155, 1)));
    assert_eq!((known.last_systolic, known.last_diastolic), (Some(138), Some(84)));
    let symptom = record("symptom", 0, json!({}));
    let day_before =
        [pressure(1, 150, 95), record("blood_pressure", 3, json!({"systolic": 141, "diastolic": 88}))];
    let known = facts(&day_before, &symptom, &pregnant(210));
    assert_eq!((known.last_systolic, known.last_diastolic), (Some(141), Some(88)));
}

#[test]
fn movements_are_compared_with_the_days_before() {
    let count = |days_ago: i64, total: i64| {
        let on = (day(TODAY) - TimeDelta::days(days_ago)).to_string();
        record("fetal_movement_count", days_ago * 24, json!({"date": on, "total_12h": total}))
    };
    let usual = [count(1, 40), count(3, 44), count(7, 36), count(8, 400)];
    let known = facts(&usual, &count(0, 20), &pregnant(230));
    assert_eq!(known.movement_pct_of_mean_7d, decimal(50, 0));
    assert_eq!(known.movement_surge_then_drop, Some(false));
    let surge = [count(1, 80), count(3, 44), count(5, 36)];
    assert_eq!(facts(&surge, &count(0, 19), &pregnant(230)).movement_surge_then_drop, Some(true));
    assert_eq!(facts(&surge, &count(0, 20), &pregnant(230)).movement_surge_then_drop, Some(false));
    assert_eq!(
        facts(&[], &count(0, 20), &pregnant(230)).movement_pct_of_mean_7d,
        None,
        "nothing to compare with"
    );
}

#[test]
fn dates_of_a_pregnancy_are_held_against_each_other() {
    let this =
        record("pregnancy_profile", 0, json!({"last_menses": "2026-05-20", "predict_date": "2027-03-04"}));
    let known = facts(&[], &this, &woman());
    assert_eq!((known.edd_span_days, known.edd_lmp_difference_days), (Some(288), Some(8)));
}

#[test]
fn folic_acid_is_missed_since_it_was_last_taken() {
    let on = |days_ago: i64, taken: &str| record("folic_acid", days_ago * 24, json!({"taken": taken}));
    let missed =
        |history: &[Lifted], taken: &str| facts(history, &on(0, taken), &pregnant(50)).folic_acid_missed_days;
    assert_eq!(missed(&[on(3, "yes"), on(1, "no")], "no"), Some(3));
    assert_eq!(missed(&[on(3, "yes")], "yes"), Some(0));
    assert_eq!(missed(&[on(2, "no")], "no"), Some(3), "never taken since the diary began");
    assert_eq!(missed(&[], "no"), Some(1));
}

#[test]
fn low_moods_are_counted_over_14_days() {
    let diary = |days_ago: i64, mood: &str| record("diary", days_ago * 24, json!({"mood": mood}));
    let history = [diary(13, "very_bad"), diary(14, "very_bad"), diary(2, "low"), diary(1, "very_bad")];
    assert_eq!(facts(&history, &diary(0, "very_bad"), &woman()).low_mood_count_14d, Some(3));
}

#[test]
fn feeds_of_a_day_count_only_where_a_diary_is_kept() {
    let feed = |hours_ago: i64, mode: &str, refused: bool| {
        record("feeding", hours_ago, json!({"mode": mode, "refused": refused}))
    };
    let this = feed(0, "breast", false);
    let first_day = [feed(3, "breast", false)];
    assert_eq!(facts(&first_day, &this, &child(10)).breastfeeds_24h, None, "the diary began today");
    let kept = [
        feed(3, "breast", false),
        feed(23, "formula", false),
        feed(24, "breast", false),
        feed(30, "breast", false),
    ];
    assert_eq!(facts(&kept, &this, &child(10)).breastfeeds_24h, Some(2));

    let refused = [feed(3, "breast", true), feed(6, "breast", false), feed(9, "breast", true)];
    assert_eq!(facts(&refused, &feed(0, "breast", true), &child(10)).feeds_refused_in_row, Some(2));
    assert_eq!(facts(&refused, &this, &child(10)).feeds_refused_in_row, Some(0));
    assert_eq!(facts(&kept, &this, &child(250)).solid_started, Some(false));
    assert_eq!(facts(&[feed(50, "solid", false)], &this, &child(250)).solid_started, Some(true));
}

#[test]
fn sleep_is_summed_over_the_24_hours_before_waking() {
    let sleep = |from_hours_ago: i64, hours: i64| {
        let start = hour(12) - TimeDelta::hours(from_hours_ago);
        let end = start + TimeDelta::hours(hours);
        record("sleep", from_hours_ago - hours, json!({"start": start.to_rfc3339(), "end": end.to_rfc3339()}))
    };
    let history = [sleep(26, 4), sleep(16, 3), sleep(40, 10)];
    let known = facts(&history, &sleep(8, 8), &child(200));
    assert_eq!(known.sleep_24h_h, decimal(13, 0), "2 of the 4 hours that reach into the day, 3 and 8");
    assert_eq!(known.sleep_band.as_deref(), Some("within"));
    assert_eq!(facts(&history, &sleep(8, 8), &child(20)).sleep_band.as_deref(), Some("within"), "13 hours");
    assert_eq!(facts(&history, &sleep(5, 5), &child(20)).sleep_band.as_deref(), Some("below"));
    assert_eq!(facts(&[], &sleep(5, 5), &child(20)).sleep_band, None, "no diary of the day before");
}

#[test]
fn nappies_of_a_day() {
    let nappy = |hours_ago: i64, changes: Json| record("diaper", hours_ago, changes);
    let wet = json!({"kind": "urine", "stool_form": null, "count_today": null});
    let watery = json!({"kind": "stool", "stool_form": "watery", "count_today": null});
    let history = [nappy(2, wet.clone()), nappy(5, watery.clone()), nappy(25, wet.clone())];
    let known = facts(&history, &nappy(0, wet.clone()), &child(10));
    assert_eq!((known.urine_24h_count, known.watery_stools_24h), (Some(2), Some(1)));
    let said = facts(
        &history,
        &nappy(0, json!({"kind": "stool", "stool_form": "watery", "count_today": 7})),
        &child(10),
    );
    assert_eq!(
        (said.urine_24h_count, said.watery_stools_24h),
        (Some(1), Some(7)),
        "the count of the family is heard"
    );
    assert_eq!(facts(&history[..2], &nappy(0, wet), &child(10)).urine_24h_count, None);
}

#[test]
fn a_tooth_comes_once() {
    let tooth = |days_ago: i64, position: &str| record("tooth", days_ago * 24, json!({"position": position}));
    let history = [tooth(30, "p71"), tooth(20, "p81")];
    let known = facts(&history, &tooth(0, "p71"), &child(300));
    assert_eq!((known.tooth_recorded, known.tooth_count), (Some(true), Some(2)));
    assert_eq!(facts(&history, &tooth(0, "p51"), &child(300)).tooth_recorded, Some(false));
}

#[test]
fn a_warning_sign_counts_from_its_age_on_and_a_lost_skill_always() {
    let answer = |days_ago: i64, item: &str, answer: &str| {
        record("milestone", days_ago * 24, json!({"item_id": item, "answer": answer, "first_date": null}))
    };
    let known = |history: &[Lifted], item: &str, said: &str, days: i64| {
        let facts = facts(history, &answer(0, item, said), &child(days));
        (facts.milestone_warning_positive, facts.skill_lost)
    };
    assert_eq!(known(&[], "ws.m3.4", "yes", 100), (Some(true), Some(false)));
    assert_eq!(known(&[], "ws.m3.4", "yes", 80), (Some(false), Some(false)), "not three months yet");
    assert_eq!(known(&[], "ws.m3.4", "no", 100), (Some(false), Some(false)));
    assert_eq!(known(&[], "ws.m3.4", "unsure", 100), (Some(false), Some(false)));
    assert_eq!(
        known(&[], "hb.m3.prone_head_up", "no", 100),
        (Some(true), Some(false)),
        "paired with the warning sign"
    );
    assert_eq!(
        known(&[], "hb.m6.fist_clenched", "yes", 200),
        (Some(true), Some(false)),
        "worded the other way"
    );
    let could = [answer(30, "hb.m3.social_smile", "yes")];
    assert_eq!(known(&could, "ws.m3.2", "yes", 150), (Some(true), Some(true)), "smiled a month ago");
    assert_eq!(known(&[], "ws.any.regression", "yes", 700), (Some(true), Some(true)));

    let mut preterm = child(100);
    preterm.child.as_mut().unwrap().gestation_days = Some(224);
    let early = facts(&[], &answer(0, "ws.m3.4", "yes"), &preterm);
    assert_eq!(early.milestone_warning_positive, Some(false), "1 month by the corrected age");
}

#[test]
fn growth_is_compared_with_the_last_time() {
    let growth = |days_ago: i64, weight: f64, length: f64| {
        record("growth", days_ago * 24, json!({"weight": weight, "length_height": length}))
    };
    let known = facts(&[growth(10, 4.0, 55.0), growth(30, 3.2, 50.0)], &growth(0, 5.0, 54.2), &child(60));
    assert_eq!((known.weight_change_14d_pct, known.length_drop_cm), (decimal(25, 0), decimal(8, 1)));
    assert_eq!(
        facts(&[growth(15, 4.0, 55.0)], &growth(0, 5.0, 55.0), &child(60)).weight_change_14d_pct,
        None
    );

    let shortfall =
        |days: i64, weight: f64| facts(&[], &growth(0, weight, 55.0), &child(days)).gain_shortfall_g;
    assert_eq!(shortfall(30, 3.8), Some(0));
    assert_eq!(shortfall(30, 3.799), Some(1));
    assert_eq!(shortfall(28, 3.76), Some(0));
    assert_eq!(shortfall(42, 4.04), Some(0));
    assert_eq!(shortfall(27, 3.2), None);
    assert_eq!(shortfall(43, 3.2), None);
}

#[test]
fn vitamin_d_is_averaged_over_the_days_it_was_noted() {
    let given = |days_ago: i64, name: &str, dose: f64, unit: &str| {
        record("medication", days_ago * 24, json!({"name": name, "dose": dose, "dose_unit": unit}))
    };
    let mean = |history: &[Lifted], this: &Lifted| facts(history, this, &child(60)).vitamin_d_mean_7d_iu;
    assert_eq!(mean(&[], &given(0, "维生素D滴剂", 400.0, "IU")), decimal(400, 0));
    assert_eq!(mean(&[given(3, "维D", 400.0, "IU")], &given(0, "Vitamin D3", 10.0, "ug")), decimal(200, 0));
    assert_eq!(
        mean(&[given(7, "维D", 400.0, "IU")], &given(0, "维D", 800.0, "IU")),
        decimal(800, 0),
        "a week ago is too old"
    );
    assert_eq!(mean(&[], &given(0, "布洛芬", 2.5, "ml")), None);
}

#[test]
fn a_day_without_an_hour_is_now_when_written_at_once_and_its_beginning_later() {
    let jaundice = kind("jaundice");
    let body = example("jaundice", json!({}));
    assert_eq!(jaundice.moment(&body, day(TODAY), hour(20)), hour(20));
    assert_eq!(jaundice.moment(&body, day(TODAY), hour(50)), hour(0));
    assert_eq!(
        kind("weight").moment(&example("weight", json!({})), day(TODAY), hour(50)).to_rfc3339(),
        "2026-11-19T23:30:00+00:00"
    );
    assert_eq!(jaundice.day_named_in(&body), Some(day(TODAY)));
}

#[test]
fn each_kind_lifts_what_rules_and_projections_compute_with() {
    use crate::catalogue::lift::*;
    let lifted = |key: &str| record(key, 0, json!({}));
    let pressure = BloodPressure { systolic: 112, diastolic: 70 };
    for key in ["antenatal_first", "postpartum_visit", "postpartum_42"] {
        assert_eq!(lifted(key).blood_pressure, Some(pressure), "{key}");
    }
    assert_eq!(lifted("weight").weight_g, Some(62_350));
    assert_eq!(lifted("antenatal_first").weight_g, Some(58_500));
    assert_eq!(lifted("temperature").temperature_tenths, Some(368));
    assert_eq!(lifted("diary").mood, Some(Mood::VeryGood));
    assert_eq!(lifted("feeding").feeding, Some(Feeding { mode: FeedingMode::Breast, refused: false }));
    assert_eq!(lifted("folic_acid").folic_acid_taken, Some(true));
    let growth = lifted("growth").growth.unwrap();
    assert_eq!((growth.weight_g, growth.length_mm, growth.head_mm), (Some(7825), Some(665), Some(428)));
    assert_eq!(growth.position, Some(Position::Lying));
    assert_eq!(lifted("m1_m8").growth.unwrap().length_mm, Some(672));
    assert_eq!(lifted("kindergarten_exam").growth.unwrap().length_mm, Some(1015));
    let dose = lifted("immunization_dose").dose.unwrap();
    assert_eq!((dose.product.as_str(), dose.given_on, dose.transcribed), ("DTaP", day(TODAY), false));
    assert_eq!(lifted("prenatal_class"), Lifted { at: hour(12), ..Lifted::default() });
}

#[test]
fn a_payload_that_is_not_understood_lifts_to_nothing() {
    for kind in CATALOGUE.all() {
        let strange: Map<String, Json> =
            kind.fields.iter().map(|field| (field.key.clone(), json!({"new": [1]}))).collect();
        let lifted = lift(&strange, kind, hour(12));
        let facts = facts(std::slice::from_ref(&lifted), &lifted, &child(10));
        assert_eq!(facts.age_days, Some(10), "{}", kind.key);
    }
}

#[test]
fn the_history_that_a_kind_needs_is_of_kinds_that_exist() {
    for kind in CATALOGUE.all() {
        for earlier in history_for(&kind.key, &woman()).kinds {
            assert!(CATALOGUE.kind(earlier, day(TODAY)).is_some(), "{}: {earlier}", kind.key);
        }
    }
    assert!(history_for("lochia", &woman()).kinds.is_empty());
}

#[test]
fn pressure_needs_the_day_before_and_the_first_twenty_weeks_and_nothing_between() {
    let today = day(TODAY);
    let days_ago = |days: i64| today - TimeDelta::days(days);
    let needed = history_for("blood_pressure", &pregnant(210));
    assert_eq!(needed.on, [days_ago(1)..=today, days_ago(210)..=days_ago(71)]);
    assert_eq!(history_for("blood_pressure", &woman()).on, [days_ago(1)..=today], "no pregnancy is known");
    assert_eq!(history_for("symptom", &pregnant(210)).on, [days_ago(1)..=today]);
}
