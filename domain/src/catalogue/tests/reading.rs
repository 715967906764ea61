use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::catalogue::{Couple, Fault, Sources, Spouse};

#[test]
fn every_wrong_field_is_told_at_once_by_pointer() {
    let body = map(json!({
        "measured_at": "2026-11-20 08:00",
        "systolic": 400,
        "diastolic": "high",
        "pulse": 72.5,
        "position": "hanging",
        "pulse_pressure": 40,
        "hart": 1,
    }));
    assert_eq!(
        faults("blood_pressure", &body),
        [
            ("/measured_at".to_owned(), "bad_date"),
            ("/systolic".to_owned(), "above_range"),
            ("/diastolic".to_owned(), "wrong_type"),
            ("/pulse_pressure".to_owned(), "derived"),
            ("/pulse".to_owned(), "wrong_type"),
            ("/position".to_owned(), "not_an_option"),
            ("/hart".to_owned(), "unknown_field"),
        ]
    );
}

#[test]
fn a_message_says_what_is_allowed_in_both_languages_and_repeats_no_text() {
    let body = example("blood_pressure", json!({"systolic": 400, "arm": "王小红的左手"}));
    let errors = check("blood_pressure", &body, &Facts::default()).unwrap_err();
    let told = |language| errors.iter().map(|error| error.message(language)).collect::<Vec<_>>();
    assert_eq!(
        told(Language::Chinese),
        [
            "收缩压：填写的 400 高于允许范围，应为 40～300 mmHg",
            "手臂：不在选项中，可选：left（左）、right（右）"
        ]
    );
    assert_eq!(
        told(Language::English),
        [
            "Systolic pressure: 400 is above the range; allowed is 40 to 300 mmHg",
            "Arm: is no option; options are left (Left), right (Right)"
        ]
    );
}

#[test]
fn bounds_are_allowed_and_one_step_beyond_is_not() {
    let systolic = |value| {
        faults("blood_pressure", &example("blood_pressure", json!({"systolic": value, "diastolic": 39})))
    };
    assert_eq!(systolic(json!(39)).first().unwrap(), &("/systolic".to_owned(), "below_range"));
    assert_eq!(
        systolic(json!(300)).first().map(|fault| fault.1),
        Some("confirm_needed"),
        "300/39 is asked again"
    );
    assert_eq!(systolic(json!(301)).first().unwrap(), &("/systolic".to_owned(), "above_range"));

    let temperature = |value: Json| faults("temperature", &example("temperature", json!({"value": value})));
    assert_eq!(temperature(json!(25.0)), []);
    assert_eq!(temperature(json!(45)), []);
    assert_eq!(temperature(json!(24.9)), [("/value".to_owned(), "below_range")]);
    assert_eq!(temperature(json!(45.1)), [("/value".to_owned(), "above_range")]);
    assert_eq!(temperature(json!(36.65)), [("/value".to_owned(), "too_many_decimals")]);
}

#[test]
fn numbers_are_exact_and_huge_ones_are_refused_calmly() {
    let weight = |value: Json| faults("weight", &example("weight", json!({"weight": value})));
    assert_eq!(weight(json!(62.35)), []);
    assert_eq!(weight(json!(1e300)), [("/weight".to_owned(), "above_range")]);
    assert_eq!(weight(json!(-1e300)), [("/weight".to_owned(), "below_range")]);
    assert_eq!(weight(json!(1e-300)), [("/weight".to_owned(), "below_range")]);
    assert_eq!(weight(json!(u64::MAX)), [("/weight".to_owned(), "above_range")]);
    assert_eq!(weight(json!("62.35")), [("/weight".to_owned(), "wrong_type")]);
    assert_eq!(weight(json!(true)), [("/weight".to_owned(), "wrong_type")]);
    let pulse = |value: Json| faults("blood_pressure", &example("blood_pressure", json!({"pulse": value})));
    assert_eq!(pulse(json!(72.0)), [], "72.0 is a whole number");
    assert_eq!(pulse(json!(-0.0)), []);
    assert_eq!(pulse(json!(72.5)), [("/pulse".to_owned(), "wrong_type")]);
}

#[test]
fn another_unit_is_converted_to_that_of_the_field() {
    let body = |value: Json| json!({"measured_at": "2026-11-20T07:00:00+08:00", "timing": "fasting", "value": value});
    let stored = |value: Json| {
        accepted("blood_glucose", body(value), &Facts::default()).payload.plain()["value"].clone()
    };
    assert_eq!(stored(json!({"value": 95, "unit": "mg/dL"})), json!(5.3));
    assert_eq!(stored(json!({"value": 5.3, "unit": "mmol/L"})), json!(5.3));
    let wrong = |value: Json| faults("blood_glucose", &map(body(value)));
    assert_eq!(wrong(json!({"value": 95, "unit": "g/L"})), [("/value".to_owned(), "unknown_unit")]);
    assert_eq!(wrong(json!({"value": 9500, "unit": "mg/dL"})), [("/value".to_owned(), "above_range")]);
    assert_eq!(wrong(json!({"value": "95", "unit": "mg/dL"})), [("/value".to_owned(), "wrong_type")]);
    assert_eq!(
        wrong(json!({"value": 95, "unit": "mg/dL", "by": "me"})),
        [("/value".to_owned(), "wrong_type")]
    );
    let other = faults("weight", &example("weight", json!({"weight": {"value": 62, "unit": "kg"}})));
    assert_eq!(other, [("/weight".to_owned(), "wrong_type")], "a field without other units is a number");
}

#[test]
fn texts_are_trimmed_composed_counted_in_characters_and_hold_nothing_hidden() {
    let text = |text: &str| {
        accepted("diary", Json::Object(example("diary", json!({"text": text}))), &Facts::default())
    };
    assert_eq!(text("  宝宝 e\u{301}\r\n好 ").payload.sealed()["text"], json!("宝宝 \u{e9}\n好"));
    let wrong = |text: String| faults("diary", &example("diary", json!({"text": text})));
    assert_eq!(wrong("字".repeat(5000)), []);
    assert_eq!(wrong("字".repeat(5001)), [("/text".to_owned(), "too_long")]);
    assert_eq!(wrong("a\0b".into()), [("/text".to_owned(), "control_character")]);
    assert_eq!(wrong("a\u{202E}b".into()), [("/text".to_owned(), "control_character")]);
    assert_eq!(wrong("   ".into()), [("/text".to_owned(), "refused_by_rule")], "an empty text is none");
}

#[test]
fn days_and_instants_are_iso_and_not_in_the_future() {
    let on = |value: &str| faults("menstruation", &example("menstruation", json!({"start_date": value})));
    assert_eq!(on("2026-11-20"), []);
    assert_eq!(on("2026-11-21"), [("/start_date".to_owned(), "in_the_future")]);
    assert_eq!(on("2026-11-19"), [("/start_date".to_owned(), "other_day")]);
    for wrong in
        ["2026-11-31", "2026-1-5", "20261120", "2026/11/20", "1899-12-31", "2101-01-01", "+2026-11-20", ""]
    {
        assert_eq!(on(wrong), [("/start_date".to_owned(), "bad_date")], "{wrong}");
    }
    let at = |value: &str| faults("weight", &example("weight", json!({"measured_at": value})));
    assert_eq!(at("2026-11-20T15:09:59Z"), [], "ten minutes ahead of the server's 23:00 in China");
    assert_eq!(at("2026-11-20T15:10:01Z"), [("/measured_at".to_owned(), "in_the_future")]);
    assert_eq!(at("2026-11-20T08:00:00"), [("/measured_at".to_owned(), "bad_date")], "without an offset");
    assert_eq!(at("2026-11-19T15:59:59Z"), [("/measured_at".to_owned(), "other_day")]);

    let next = |value: &str| faults("m1_m8", &example("m1_m8", json!({"next_visit_date": value})));
    assert_eq!(next("2027-02-20"), [], "a plan lies in the future");
    assert_eq!(next(TODAY), [("/next_visit_date".to_owned(), "refused_by_rule")]);
    let month = |value: &str| {
        faults(
            "preconception_profile",
            &example("preconception_profile", json!({"planned_conception_time": value})),
        )
    };
    assert_eq!(month("2027-03-02"), [("/planned_conception_time".to_owned(), "bad_date")]);
}

#[test]
fn nothing_of_a_child_happened_before_its_birth() {
    let mut context = context();
    context.sources.person_birth_date = Some(day("2026-09-01"));
    let given = |on: &str| {
        let body = example("immunization_dose", json!({"given_on": on}));
        let errors =
            kind("immunization_dose").read(&body, &Context { occurred_on: day(on), ..context.clone() }).err();
        errors.unwrap_or_default().into_iter().map(|error| error.fault).collect::<Vec<_>>()
    };
    assert_eq!(given("2026-09-01"), []);
    assert_eq!(given("2026-08-31"), [Fault::TooEarly { earliest: day("2026-09-01") }]);
}

#[test]
fn a_field_that_does_not_apply_is_absent_and_one_that_applies_is_asked_for() {
    let count = |changes| faults("fetal_movement_count", &example("fetal_movement_count", changes));
    assert_eq!(count(json!({"count": 12})), [("/count".to_owned(), "not_applicable")]);
    assert_eq!(count(json!({"noon": null})), [("/noon".to_owned(), "required")]);
    let to10 = json!({"method": "to10", "morning": null, "noon": null, "evening": null, "count": 10});
    assert_eq!(count(to10), [("/minutes".to_owned(), "required")]);
    assert_eq!(
        count(json!({"method": "often"})),
        [("/method".to_owned(), "not_an_option")],
        "what depends on a wrong field is not told too"
    );
    let first = |changes| faults("antenatal_first", &example("antenatal_first", changes));
    assert_eq!(
        first(json!({"referral": "yes"})),
        [("/referral_reason".to_owned(), "required"), ("/referral_org".to_owned(), "required")]
    );
}

#[test]
fn lists_hold_each_option_once_and_an_exclusive_one_alone() {
    let extent = |value: Json| faults("jaundice", &example("jaundice", json!({"extent": value})));
    assert_eq!(extent(json!(["face", "trunk"])), []);
    assert_eq!(extent(json!([])), [("/extent".to_owned(), "too_few_items")]);
    assert_eq!(extent(json!("face")), [("/extent".to_owned(), "wrong_type")]);
    assert_eq!(extent(json!(["none", "face"])), [("/extent".to_owned(), "exclusive_option")]);
    assert_eq!(extent(json!(["face", "face"])), [("/extent/1".to_owned(), "duplicate_item")]);
    assert_eq!(
        extent(json!(["face", "ear", 3])),
        [("/extent/1".to_owned(), "not_an_option"), ("/extent/2".to_owned(), "wrong_type")]
    );
    assert_eq!(extent(json!(vec!["face"; 6])), [("/extent".to_owned(), "too_many_items")]);
    let none_ticked = example("risk_screening", json!({"positive_items": []}));
    assert_eq!(faults("risk_screening", &none_ticked), [], "nothing ticked is an answer");
}

#[test]
fn references_are_ids() {
    let photos = |value: Json| faults("diary", &example("diary", json!({"photos": value})));
    let id = "018f3a5e-6c1b-7d2a-9f00-1c2d3e4f5a6b";
    assert_eq!(photos(json!([id])), []);
    assert_eq!(photos(json!([id, id])), [("/photos/1".to_owned(), "duplicate_item")]);
    assert_eq!(photos(json!(["../etc/passwd"])), [("/photos/0".to_owned(), "bad_reference")]);
    assert_eq!(photos(json!([id.replace('-', "")])), [("/photos/0".to_owned(), "bad_reference")]);
    assert_eq!(photos(json!(vec![id; 10])), [("/photos".to_owned(), "too_many_items")]);
}

#[test]
fn items_are_checked_one_by_one_counted_and_told_apart() {
    let twins = |second: Json| {
        let mut body = example("delivery", json!({"fetus_count": 2}));
        let first = body["newborn"][0].clone();
        let mut other = first.clone();
        other.as_object_mut().unwrap().extend(map(second));
        body.insert("newborn".into(), json!([first, other]));
        faults("delivery", &body)
    };
    assert_eq!(twins(json!({"baby_order": 2})), []);
    assert_eq!(twins(json!({"baby_order": 1})), [("/newborn/1/baby_order".to_owned(), "duplicate_item")]);
    assert_eq!(
        twins(json!({"baby_order": 2, "birth_weight_g": 9000, "name": "x", "apgar1": 11})),
        [
            ("/newborn/1/birth_weight_g".to_owned(), "above_range"),
            ("/newborn/1/apgar1".to_owned(), "above_range"),
            ("/newborn/1/name".to_owned(), "unknown_field"),
        ]
    );
    let newborns = |changes| faults("delivery", &example("delivery", changes));
    assert_eq!(newborns(json!({"newborn": null})), [("/newborn".to_owned(), "required")]);
    assert_eq!(newborns(json!({"fetus_count": 2})), [("/newborn".to_owned(), "too_few_items")]);
    assert_eq!(newborns(json!({"newborn": {}})), [("/newborn".to_owned(), "wrong_type")]);
    assert_eq!(newborns(json!({"newborn": [7]})), [("/newborn/0".to_owned(), "wrong_type")]);
    assert_eq!(
        newborns(json!({"baby_order": 1})),
        [("/baby_order".to_owned(), "unknown_field")],
        "a field of an item"
    );
}

#[test]
fn what_the_server_knows_is_filled_in_and_refused_in_a_body() {
    let refused = faults(
        "antenatal_first",
        &example("antenatal_first", json!({"name": "王小红", "gestational_days": 70})),
    );
    assert_eq!(
        refused,
        [("/name".to_owned(), "server_filled"), ("/gestational_days".to_owned(), "server_filled")]
    );

    let sources = Sources {
        person_name: Some("王小红".into()),
        person_birth_date: Some(day("1996-11-21")),
        pregnancy_gestational_days: Some(75),
        session_institution: Some("清河镇卫生院".into()),
        session_staff: Some("李医生".into()),
        ..Sources::default()
    };
    let context = Context { sources, ..context() };
    let draft = kind("antenatal_first").read(&example("antenatal_first", json!({})), &context).unwrap();
    let payload = draft.judge(&Facts::default(), &[]).unwrap().payload;
    let plain = payload.plain();
    assert_eq!(
        (&plain["gestational_days"], &plain["ga_weeks"], &plain["ga_days"]),
        (&json!(75), &json!(10), &json!(5))
    );
    assert_eq!((&plain["fill_date"], &plain["age_years"]), (&json!(TODAY), &json!(29)), "30 tomorrow");
    assert_eq!(plain["bmi"], json!(22.3));
    for sealed in ["name", "doctor", "hbsag", "hiv", "family_history"] {
        assert!(payload.sealed().contains_key(sealed) && !plain.contains_key(sealed), "{sealed}");
    }
    assert_eq!(payload.merged()["name"], "王小红");
}

#[test]
fn each_of_a_couple_is_filled_in_by_role() {
    let spouse = |name: &str| Spouse { name: Some(name.into()), ..Spouse::default() };
    let couple = Couple { wife: spouse("王小红"), husband: spouse("李雷") };
    let body = example("preconception_check", json!({}));
    let draft = kind("preconception_check").read(&body, &Context { couple, ..context() }).unwrap();
    let merged = draft.judge(&Facts::default(), &[]).unwrap().payload.merged();
    assert_eq!(
        (&merged["spouse"][0]["name"], &merged["spouse"][1]["name"]),
        (&json!("王小红"), &json!("李雷"))
    );
    assert_eq!(merged["spouse"][1]["pulse_pressure"], json!(42));
}

#[test]
fn sensitive_fields_are_seen_only_by_those_who_may() {
    let body = Json::Object(example("antenatal_first", json!({"ultrasound": "宫内早孕"})));
    let payload = accepted("antenatal_first", body, &Facts::default()).payload;
    let (all, some) =
        (payload.visible(kind("antenatal_first"), true), payload.visible(kind("antenatal_first"), false));
    for sensitive in ["hiv", "syphilis", "hbsag", "personal_history"] {
        assert!(all.contains_key(sensitive) && !some.contains_key(sensitive), "{sensitive}");
    }
    assert!(some.contains_key("ultrasound") && some.contains_key("systolic"));

    let couple = accepted(
        "preconception_check",
        Json::Object(example("preconception_check", json!({}))),
        &Facts::default(),
    );
    let shown = couple.payload.visible(kind("preconception_check"), false);
    assert!(shown["spouse"][0].get("syphilis").is_none() && shown["spouse"][0].get("systolic").is_some());
    let unknown = kind("weight");
    assert!(
        couple.payload.visible(unknown, false).is_empty(),
        "what a kind does not know counts as sensitive"
    );
}

#[test]
fn a_question_is_asked_once_and_a_refusal_stays() {
    let jump = Facts { jump_7d_kg: Some(crate::catalogue::Number::from(16)), ..Facts::default() };
    let body = example("weight", json!({}));
    assert_eq!(faults_with("weight", &body, &jump), [("/weight".to_owned(), "confirm_needed")]);
    let draft = kind("weight").read(&body, &context()).unwrap();
    assert!(draft.judge(&jump, &["jump".to_owned()]).is_ok());

    let upside_down = example("blood_pressure", json!({"systolic": 70, "diastolic": 110}));
    let told = kind("blood_pressure").read(&upside_down, &context()).unwrap_err();
    assert_eq!((told[0].pointer.as_str(), told[0].code()), ("/systolic", "refused_by_rule"));
    assert_eq!(told[0].message(Language::Chinese), "收缩压必须高于舒张压");
}

#[test]
fn derived_values_are_exact() {
    let newborn = |weight: f64, birth: i64| {
        let body = example("newborn_home_visit", json!({"weight": weight, "birth_weight_g": birth}));
        accepted("newborn_home_visit", Json::Object(body), &Facts::default()).payload.plain()["weight_pct_of_birth"].clone()
    };
    assert_eq!(newborn(2.7, 3000), json!(90));
    assert_eq!(newborn(2.69, 3000), json!(89));
    assert_eq!(newborn(0.57, 570), json!(100));

    let answers: Map<String, Json> = kind("mood_epds")
        .inputs()
        .filter(|field| field.key.starts_with('q'))
        .map(|field| (field.key.clone(), json!("3")))
        .chain([("date".to_owned(), json!(TODAY))])
        .collect();
    let payload = accepted("mood_epds", Json::Object(answers), &Facts::default()).payload;
    assert_eq!((&payload.sealed()["total"], &payload.sealed()["q10_score"]), (&json!(30), &json!(3)));

    let tall = example("antenatal_first", json!({"height_cm": 230.0, "weight_kg": 25.0}));
    assert_eq!(faults("antenatal_first", &tall), [("/bmi".to_owned(), "below_range")]);
}

#[test]
fn a_grade_below_the_proposal_needs_a_reason() {
    let proposed = Facts { risk_assessment_grade: Some("orange".into()), ..Facts::default() };
    let body = example("risk_assessment", json!({"grade": "yellow"}));
    assert_eq!(
        faults_with("risk_assessment", &body, &proposed),
        [("/downgrade_reason".to_owned(), "required")]
    );
    let explained =
        example("risk_assessment", json!({"grade": "yellow", "downgrade_reason": "复查血压正常"}));
    assert_eq!(faults_with("risk_assessment", &explained, &proposed), []);
    assert_eq!(
        faults_with("risk_assessment", &body, &Facts::default()),
        [],
        "without a proposal there is nothing below"
    );
}

#[test]
fn a_hostile_body_is_answered_with_a_bounded_list() {
    let body: Map<String, Json> =
        (0..10_000).map(|index| (format!("x{index}\u{7}/~"), json!(null))).collect();
    let errors = kind("weight").read(&body, &context()).unwrap_err();
    assert!(errors.len() <= 100);
    assert!(errors.iter().all(|error| error.pointer.len() < 80 && !error.pointer.contains('\u{7}')));
}

#[test]
fn the_code_of_an_error_is_the_same_in_json() {
    let bodies = [
        example("blood_pressure", json!({"systolic": 400, "diastolic": "x", "pulse_pressure": 1, "zzz": 1})),
        example("jaundice", json!({"extent": ["none", "face"], "tcb": 1.25})),
        example("delivery", json!({"newborn": [7], "name": "x"})),
    ];
    for (kind_key, body) in ["blood_pressure", "jaundice", "delivery"].into_iter().zip(bodies) {
        for error in kind(kind_key).read(&body, &context()).unwrap_err() {
            assert_eq!(serde_json::to_value(&error).unwrap()["code"], error.code());
        }
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,12}".prop_map(Json::from),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..5).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Some fields of a valid record are replaced by anything at all, in every kind.
    #[test]
    fn no_json_makes_it_panic_and_what_is_accepted_reads_again(
        replaced in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 0..4)
    ) {
        for kind in CATALOGUE.all() {
            let mut body = kind.examples.first().unwrap().payload.clone();
            for (index, json) in &replaced {
                let field = index.get(&kind.fields);
                body.insert(field.key.clone(), json.clone());
            }
            let context = Context { unborn: true, ..Context::new(hour(23), kind.examples.first().unwrap().on) };
            let Ok(draft) = kind.read(&body, &context) else { continue };
            let Ok(checked) = draft.judge(&Facts { pregnant: Some(false), ..Facts::default() }, &[]) else { continue };
            let again: Map<String, Json> = checked
                .payload
                .merged()
                .into_iter()
                .filter(|(key, _)| kind.field(key).is_some_and(|field| field.is_input()))
                .collect();
            let own: Map<String, Json> =
                body.into_iter().filter(|(key, _)| kind.group(key).is_some_and(|group| group.repeat.is_some())).collect();
            let both: Map<String, Json> = again.into_iter().chain(own).collect();
            let reread = kind.read(&both, &context);
            prop_assert!(reread.is_ok(), "{}: {:?}", kind.key, reread.err());
        }
    }
}
