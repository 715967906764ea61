//! Rules of the reference with their exact bounds.

use serde_json::json;

use super::*;
use crate::catalogue::Number;
use crate::catalogue::kind::Level;

/// Ids of the warnings of the first example with some fields changed.
fn warned(key: &str, changes: Json, facts: &Facts) -> Vec<String> {
    let checked = accepted(key, Json::Object(example(key, changes)), facts);
    checked.warnings.into_iter().map(|warning| warning.id).collect()
}

fn nothing() -> Facts {
    Facts::default()
}

fn pregnant(gestational_days: i64) -> Facts {
    Facts { pregnant: Some(true), gestational_days: Some(gestational_days), ..Facts::default() }
}

fn child(age_days: i64) -> Facts {
    Facts {
        is_child: Some(true),
        age_days: Some(age_days),
        age_hours: Some(age_days * 24),
        age_months: Some(age_days / 30),
        preterm: Some(false),
        ..Facts::default()
    }
}

#[test]
fn blood_pressure() {
    let cases: [(i64, i64, &[&str]); 11] = [
        (139, 89, &[]),
        (140, 89, &["bp_high"]),
        (139, 90, &["bp_high"]),
        (159, 109, &["bp_high"]),
        (160, 109, &["bp_severe"]),
        (159, 110, &["bp_severe"]),
        (170, 115, &["bp_severe"]),
        (90, 60, &[]),
        (89, 60, &["bp_low"]),
        (90, 59, &["bp_low"]),
        (118, 76, &[]),
    ];
    for (systolic, diastolic, expected) in cases {
        let body = json!({"systolic": systolic, "diastolic": diastolic});
        assert_eq!(warned("blood_pressure", body, &nothing()), expected, "{systolic}/{diastolic}");
    }
    let rise = |systolic: i64, diastolic: i64| Facts {
        systolic_rise: Some(Number::from(systolic)),
        diastolic_rise: Some(Number::from(diastolic)),
        ..pregnant(210)
    };
    assert_eq!(warned("blood_pressure", json!({}), &rise(29, 14)), [""; 0]);
    assert_eq!(warned("blood_pressure", json!({}), &rise(30, 0)), ["bp_rising"]);
    assert_eq!(warned("blood_pressure", json!({}), &rise(0, 15)), ["bp_rising"]);
}

#[test]
fn a_severe_pressure_says_go_now_and_not_rest_and_measure_again() {
    let body = Json::Object(example("blood_pressure", json!({"systolic": 170, "diastolic": 115})));
    let warnings = accepted("blood_pressure", body, &nothing()).warnings;
    assert_eq!((warnings[0].level, warnings[0].alert), (Level::Emergency, true));
    assert!(
        warnings[0].text(Language::Chinese).contains("120")
            && warnings[0].text(Language::English).contains("120")
    );
}

#[test]
fn blood_glucose() {
    let cases: [(&str, f64, &[&str]); 12] = [
        ("fasting", 5.2, &[]),
        ("fasting", 5.3, &["gl_fast"]),
        ("pre_meal", 5.3, &["gl_fast"]),
        ("fasting", 7.0, &["gl_fasting_dx"]),
        ("pp1h", 7.7, &[]),
        ("pp1h", 7.8, &["gl_1h"]),
        ("pp2h", 6.6, &[]),
        ("pp2h", 6.7, &["gl_2h"]),
        ("random", 3.3, &[]),
        ("random", 3.2, &["gl_low"]),
        ("random", 11.0, &[]),
        ("pp2h", 11.1, &["gl_very_high"]),
    ];
    for (timing, value, expected) in cases {
        let body = json!({"timing": timing, "value": value});
        assert_eq!(warned("blood_glucose", body, &pregnant(200)), expected, "{timing} {value}");
    }
    assert_eq!(
        warned("blood_glucose", json!({"value": 5.3}), &nothing()),
        [""; 0],
        "targets of pregnancy only"
    );
}

#[test]
fn fetal_movements() {
    let of_hours = |morning: i64, noon: i64, evening: i64, weeks: i64| {
        warned(
            "fetal_movement_count",
            json!({"morning": morning, "noon": noon, "evening": evening}),
            &pregnant(weeks * 7),
        )
    };
    assert_eq!(of_hours(4, 3, 3, 32), [""; 0], "40");
    assert_eq!(of_hours(3, 3, 2, 32), ["fm_1h"], "32");
    assert_eq!(of_hours(3, 3, 1, 32), ["fm_12h_border", "fm_1h"], "28");
    assert_eq!(of_hours(3, 1, 1, 32), ["fm_12h_border", "fm_1h"], "20 is not fewer than 20");
    assert_eq!(of_hours(2, 1, 1, 32), ["fm_12h_low"], "16");
    assert_eq!(of_hours(1, 1, 1, 32), ["fm_12h_low"], "12");
    assert_eq!(of_hours(1, 1, 0, 32), ["fm_12h_very_low"], "8");
    assert_eq!(of_hours(4, 4, 0, 32), ["fm_1h"], "32");
    assert_eq!(of_hours(1, 1, 0, 27), [""; 0], "before 28 weeks");

    let other = |body: Json| {
        let mut changes = json!({"morning": null, "noon": null, "evening": null});
        changes.as_object_mut().unwrap().extend(map(body));
        warned("fetal_movement_count", changes, &pregnant(230))
    };
    assert_eq!(other(json!({"method": "2h", "count": 10})), [""; 0]);
    assert_eq!(other(json!({"method": "2h", "count": 9})), ["fm_2h"]);
    assert_eq!(other(json!({"method": "1h", "count": 2})), ["fm_1h"]);
    assert_eq!(other(json!({"method": "to10", "count": 10, "minutes": 120})), [""; 0]);
    assert_eq!(other(json!({"method": "to10", "count": 10, "minutes": 121})), ["fm_to10_slow"]);
    assert_eq!(other(json!({"method": "to10", "count": 9, "minutes": 120})), ["fm_to10_incomplete"]);

    let half = Facts { movement_pct_of_mean_7d: Some(Number::from(50)), ..pregnant(230) };
    assert_eq!(warned("fetal_movement_count", json!({}), &half), ["fm_drop"]);
    let early =
        faults_with("fetal_movement_count", &example("fetal_movement_count", json!({})), &pregnant(125));
    assert_eq!(early, [("/date".to_owned(), "refused_by_rule")]);
    assert_eq!(warned("fetal_movement_count", json!({}), &pregnant(126)), [""; 0]);
}

#[test]
fn danger_signs_of_pregnancy() {
    let symptoms = |symptoms: &[&str], severity: &str, facts: &Facts| {
        warned("symptom", json!({"symptoms": symptoms, "severity": severity}), facts)
    };
    assert_eq!(symptoms(&["swelling", "itching"], "severe", &pregnant(200)), [""; 0]);
    for sign in ["bleeding", "abdominal_pain", "fever", "severe_vomiting", "abnormal_movement"] {
        assert_eq!(symptoms(&[sign], "mild", &pregnant(200)), ["sym_any_danger"], "{sign}");
    }
    assert_eq!(symptoms(&["bleeding"], "moderate", &pregnant(200)), ["sym_emergency"]);
    assert_eq!(symptoms(&["headache_vision", "bp_140_90"], "mild", &pregnant(200)), ["sym_emergency"]);
    let high = Facts { last_systolic: Some(140), ..pregnant(200) };
    assert_eq!(symptoms(&["headache_vision"], "mild", &high), ["sym_emergency"]);
    let fair = Facts { last_systolic: Some(139), last_diastolic: Some(89), ..pregnant(200) };
    assert_eq!(symptoms(&["headache_vision"], "mild", &fair), ["sym_any_danger"]);
    assert_eq!(symptoms(&["fluid_leak"], "mild", &pregnant(258)), ["sym_emergency"]);
    assert_eq!(symptoms(&["fluid_leak"], "mild", &pregnant(259)), [""; 0]);
    assert_eq!(symptoms(&["swelling"], "mild", &pregnant(287)), ["sym_41w"]);
}

#[test]
fn depression_scale() {
    let scored = |answers: &[(&str, &str)]| {
        let changes: Map<String, Json> =
            answers.iter().map(|(key, answer)| ((*key).to_owned(), json!(answer))).collect();
        warned("mood_epds", Json::Object(changes), &nothing())
    };
    let eight = [("q1_laugh", "3"), ("q2_enjoy", "3"), ("q3_blame", "2")];
    let twelve = [("q1_laugh", "3"), ("q2_enjoy", "3"), ("q3_blame", "3"), ("q4_anxious", "3")];
    assert_eq!(scored(&eight), [""; 0], "8");
    assert_eq!(scored(&[&eight[..], &[("q4_anxious", "1")]].concat()), ["epds9"], "9");
    assert_eq!(scored(&twelve), ["epds9"], "12");
    assert_eq!(scored(&[&twelve[..], &[("q5_scared", "1")]].concat()), ["epds13"], "13");
    assert_eq!(scored(&[("q10_selfharm", "1")]), ["epds_q10"], "whatever the total");

    let body = Json::Object(example("mood_epds", json!({"q10_selfharm": "1"})));
    let warnings = accepted("mood_epds", body, &nothing()).warnings;
    assert!(warnings[0].alert && warnings[0].sensitive && warnings[0].level == Level::Emergency);
}

#[test]
fn temperature() {
    let at = |value: f64, facts: &Facts| warned("temperature", json!({"value": value}), facts);
    assert_eq!(at(37.4, &child(10)), [""; 0]);
    assert_eq!(at(37.5, &child(10)), ["nb_temp"]);
    assert_eq!(at(35.6, &child(10)), [""; 0]);
    assert_eq!(at(35.5, &child(10)), ["nb_temp"]);
    assert_eq!(at(37.9, &child(28)), [""; 0]);
    assert_eq!(at(38.0, &child(28)), ["inf_fever"]);
    assert_eq!(at(39.0, &child(60)), ["inf_fever"]);
    assert_eq!(at(37.3, &child(120)), ["child_fever"]);
    assert_eq!(at(38.9, &child(120)), ["child_fever"]);
    assert_eq!(at(39.0, &child(120)), ["child_high"]);
    assert_eq!(at(37.9, &pregnant(100)), [""; 0]);
    assert_eq!(at(38.0, &pregnant(100)), ["preg_fever"]);
    let puerperal = Facts { puerperal: Some(true), pregnant: Some(false), ..Facts::default() };
    assert_eq!(at(38.0, &puerperal), ["pp_fever"]);
}

#[test]
fn lochia() {
    let after = |days: i64| Facts { days_postpartum: Some(days), ..Facts::default() };
    let lochia = |changes, days| warned("lochia", changes, &after(days));
    assert_eq!(lochia(json!({"pads_per_hour": 0.9}), 3), [""; 0]);
    assert_eq!(lochia(json!({"pads_per_hour": 1.0}), 3), ["pph"]);
    assert_eq!(lochia(json!({"amount": "more"}), 3), ["pph"]);
    assert_eq!(lochia(json!({"color": "red"}), 14), [""; 0]);
    assert_eq!(lochia(json!({"color": "red"}), 15), ["red_late"]);
    assert_eq!(lochia(json!({"odor": "yes"}), 5), ["odor"]);
    assert_eq!(lochia(json!({}), 43), ["long"]);
    assert_eq!(lochia(json!({"color": "none"}), 43), [""; 0]);
}

#[test]
fn jaundice() {
    let jaundice = |extent: &[&str], facts: &Facts| warned("jaundice", json!({"extent": extent}), facts);
    assert_eq!(jaundice(&["face"], &child(3)), [""; 0]);
    assert_eq!(jaundice(&["trunk"], &child(3)), ["jd_trunk"]);
    assert_eq!(jaundice(&["trunk", "palms_soles"], &child(3)), ["jd_palm"]);
    let hours = |hours| Facts { age_hours: Some(hours), ..child(0) };
    assert_eq!(jaundice(&["face"], &hours(23)), ["jd_24h"]);
    assert_eq!(jaundice(&["face"], &hours(24)), [""; 0]);
    assert_eq!(jaundice(&["none"], &hours(2)), [""; 0]);
    assert_eq!(jaundice(&["face"], &child(14)), [""; 0]);
    assert_eq!(jaundice(&["face"], &child(15)), ["jd_long"]);
    let preterm = |days| Facts { preterm: Some(true), ..child(days) };
    assert_eq!(jaundice(&["face"], &preterm(28)), [""; 0]);
    assert_eq!(jaundice(&["face"], &preterm(29)), ["jd_long"]);
}

#[test]
fn a_missing_fact_never_fires_and_never_counts_as_no() {
    assert_eq!(warned("jaundice", json!({"extent": ["face"]}), &nothing()), [""; 0]);
    assert_eq!(warned("temperature", json!({"value": 41.0}), &nothing()), [""; 0]);
    let unknown_term = Facts { preterm: None, ..child(40) };
    assert_eq!(warned("jaundice", json!({"extent": ["face"]}), &unknown_term), [""; 0]);
}

#[test]
fn newborns_and_growth() {
    let visit = |changes| warned("newborn_home_visit", changes, &child(8));
    assert_eq!(visit(json!({})), [""; 0]);
    assert_eq!(visit(json!({"weight": 2.98, "birth_weight_g": 3320})), ["weight_loss"]);
    assert_eq!(visit(json!({"respiration": 61})), ["resp"]);
    assert_eq!(visit(json!({"heart_rate": 99})), ["heart"]);
    let growth = |weight: f64, facts: Facts| {
        let facts = Facts { birth_weight_g: Some(3000), ..facts };
        warned(
            "growth",
            json!({"weight": weight, "length_height": null, "head": null, "position": null}),
            &facts,
        )
    };
    assert_eq!(growth(2.7, child(13)), [""; 0]);
    assert_eq!(growth(2.699, child(13)), ["nb_loss"]);
    assert_eq!(growth(2.999, child(14)), ["nb_regain"]);
    let short = |grams| Facts { gain_shortfall_g: Some(grams), ..child(30) };
    assert_eq!(growth(3.6, short(0)), [""; 0]);
    assert_eq!(growth(3.599, short(1)), ["nb_gain"]);
}

#[test]
fn each_newborn_is_warned_of_by_itself() {
    let mut body = example("delivery", json!({"fetus_count": 2}));
    let first = body["newborn"][0].clone();
    let mut second = first.clone();
    second
        .as_object_mut()
        .unwrap()
        .extend(map(json!({"baby_order": 2, "apgar1": 7, "birth_weight_g": 2400})));
    body.insert("newborn".into(), json!([first, second]));
    let warnings = accepted("delivery", Json::Object(body), &nothing()).warnings;
    let told: Vec<(&str, Option<&str>)> =
        warnings.iter().map(|warning| (warning.id.as_str(), warning.pointer.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("asphyxia", Some("/newborn/1")),
            ("fetus_count.warn_at_or_above", Some("/fetus_count")),
            ("birth_weight_g.warn_below", Some("/newborn/1/birth_weight_g")),
        ]
    );
    assert_eq!(warnings[2].text(Language::Chinese), "出生体重为 2400 g，低于提示界值 2500 g。");
    assert_eq!(warnings[2].text(Language::English), "Birth weight: 2400 g is below 2500 g.");
}

#[test]
fn clinical_limits() {
    let scan = |changes: Json| {
        let mut body = example("ultrasound", json!({}));
        body["fetus"][0].as_object_mut().unwrap().extend(map(changes));
        let warnings = accepted("ultrasound", Json::Object(body), &nothing()).warnings;
        warnings.into_iter().map(|warning| warning.id).collect::<Vec<_>>()
    };
    assert_eq!(scan(json!({"afi_cm": 5.1})), [""; 0]);
    assert_eq!(scan(json!({"afi_cm": 5.0})), ["oligo"]);
    let ogtt = |value: f64| warned("laboratory_result", json!({"ogtt_2h": value}), &nothing());
    assert_eq!(ogtt(8.4), [""; 0]);
    assert_eq!(ogtt(8.5), ["gdm"]);
    let first = |changes| warned("antenatal_first", changes, &nothing());
    assert_eq!(first(json!({"systolic": 160, "diastolic": 100})), ["bp_severe"]);
    assert_eq!(first(json!({"hemoglobin": 109})), ["hemoglobin.warn_below"]);
    let sensitive = accepted(
        "risk_assessment",
        Json::Object(example("risk_assessment", json!({"grade": "red"}))),
        &nothing(),
    );
    assert_eq!(ids(&sensitive.warnings), ["red"]);
}
