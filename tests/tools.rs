//! The stateless tools: anybody checks our medicine.

use serde_json::{Value, json};

use crate::support::World;

const GROWTH: &str = "/api/v1/tools/growth-assessment";
const BIRTH_SIZE: &str = "/api/v1/tools/birth-size";

async fn told(address: &str, body: Value) -> Value {
    let world = World::empty().await;
    world.anybody().post(address, body).await.ok()
}

/// Every wrong field that is named, each with its code.
async fn refused(address: &str, cases: &[(Value, &str, &str)]) {
    let world = World::empty().await;
    for (body, pointer, code) in cases {
        let problem = world.anybody().post(address, body.clone()).await.problem(422, "invalid");
        let errors = problem["errors"].as_array().unwrap();
        let named = errors.iter().any(|error| error["pointer"] == *pointer && error["code"] == *code);
        assert!(named, "{body} should name {pointer} {code}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn growth_is_held_against_both_standards_without_a_sign_in() {
    let body = json!({ "sex": "male", "age_days": 730, "weight_kg": 12.2, "stature_cm": 87.1, "position": "lying",
        "head_circumference_cm": 48.3, "gestational_days_at_birth": 273 });
    let told = told(GROWTH, body).await;
    assert_eq!((&told["age_days"], &told["age_used"]), (&json!(730), &json!("chronological")));
    assert_eq!((&told["corrected_age_days"], &told["flags"]), (&Value::Null, &json!([])));
    let who = &told["who"];
    assert_eq!(who["edition"], "who-2006");
    assert_eq!(who["weight_for_age"], json!({ "z": 0.04, "percentile": 51.6 }));
    assert_eq!(who["bmi_for_age"], json!({ "bmi": 16.08, "z": 0.28, "percentile": 61.0 }));
    for of in ["stature_for_age", "weight_for_stature", "head_circumference_for_age"] {
        assert!(who[of]["z"].is_f64(), "{who}");
    }
    let middle = json!({ "sd_band": "-1..1", "level": "mid", "class": "none", "label_zh": "中", "label_en": "middle" });
    assert_eq!(
        (&told["china"]["edition"], &told["china"]["weight_for_age"]),
        (&json!("wst423-2022"), &middle)
    );
    assert_eq!(told["china"]["bmi_for_age"]["bmi"], 16.08);
    assert!(told.get("by_chronological_age").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_stays_missing() {
    let nothing = told(GROWTH, json!({})).await;
    assert_eq!((&nothing["age_days"], &nothing["age_used"]), (&Value::Null, &Value::Null));
    assert_eq!((&nothing["who"]["weight_for_age"], &nothing["flags"]), (&Value::Null, &json!([])));
    let sexless = told(GROWTH, json!({ "age_days": 100, "weight_kg": 6.0 })).await;
    assert_eq!(
        (&sexless["who"]["weight_for_age"], &sexless["china"]["weight_for_age"]),
        (&Value::Null, &Value::Null)
    );
    let unknown = told(BIRTH_SIZE, json!({ "sex": "female", "weight_g": 3000 })).await;
    assert_eq!(
        unknown,
        json!({ "edition": "wst800-2022", "weight": null, "length": null, "head_circumference": null })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_born_early_is_judged_by_both_ages_until_two_years() {
    let body = |days: u32| json!({ "sex": "female", "age_days": days, "weight_kg": 7.0, "gestational_days_at_birth": 210 });
    let early = told(GROWTH, body(240)).await;
    assert_eq!((&early["corrected_age_days"], &early["age_used"]), (&json!(170), &json!("corrected")));
    let z = |part: &Value| part["who"]["weight_for_age"]["z"].as_f64().unwrap();
    assert!(z(&early) > z(&early["by_chronological_age"]), "{early}");
    let before_term = told(GROWTH, body(69)).await;
    assert_eq!(
        (&before_term["age_used"], &before_term["flags"][0]["code"]),
        (&json!("chronological"), &json!("before_term"))
    );
    let at_term = told(GROWTH, body(70)).await;
    assert_eq!((&at_term["corrected_age_days"], &at_term["age_used"]), (&json!(0), &json!("corrected")));
    for (days, used) in [(730, "corrected"), (731, "chronological")] {
        assert_eq!(told(GROWTH, body(days)).await["age_used"], used, "{days}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_outside_or_is_not_to_be_believed_is_flagged() {
    let flags = async |body: Value| -> Vec<(String, String, String)> {
        let told = told(GROWTH, body).await;
        let word = |flag: &Value, key: &str| flag[key].as_str().unwrap_or_default().to_owned();
        let flags = told["flags"].as_array().unwrap().iter();
        flags.map(|flag| (word(flag, "code"), word(flag, "standard"), word(flag, "indicator"))).collect()
    };
    let of = |code: &str, standard: &str, indicator: &str| {
        (code.to_owned(), standard.to_owned(), indicator.to_owned())
    };
    let by_months = flags(json!({ "sex": "male", "age_months": 24, "weight_kg": 12.0 })).await;
    assert_eq!(by_months, [of("needs_days", "", "")]);
    let heavy = flags(json!({ "sex": "male", "age_days": 365, "weight_kg": 30.0 })).await;
    assert_eq!(heavy, [of("implausible", "who", "weight_for_age")]);
    let short = flags(json!({ "sex": "male", "age_days": 30, "weight_kg": 2.0, "stature_cm": 40.0 })).await;
    assert!(short.contains(&of("outside_table", "who", "weight_for_stature")), "{short:?}");
    assert!(short.contains(&of("outside_table", "china", "weight_for_stature")), "{short:?}");
    let school = told(GROWTH, json!({ "sex": "female", "age_days": 3000, "stature_cm": 127.0 })).await;
    assert_eq!(
        (&school["who"]["edition"], &school["china"]["stature_for_age"]),
        (&json!("who-2007"), &Value::Null)
    );
    assert!(school["who"]["stature_for_age"]["z"].is_f64(), "{school}");
    let standing = json!({ "sex": "male", "age_days": 100, "stature_cm": 60.0, "position": "standing" });
    assert_eq!(flags(standing).await, [of("position_mistaken", "", "")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_names_the_field_the_range_and_the_unit() {
    let growth = [
        (json!({ "age_days": -1 }), "/age_days", "out_of_range"),
        (json!({ "age_days": 6940 }), "/age_days", "out_of_range"),
        (json!({ "age_days": 1, "age_months": 0 }), "/age_months", "not_for_this"),
        (
            json!({ "age_days": 1, "birth_date": "2026-01-01", "measured_on": "2026-01-02" }),
            "/birth_date",
            "not_for_this",
        ),
        (json!({ "birth_date": "2026-01-02" }), "/measured_on", "required"),
        (json!({ "measured_on": "2026-01-02" }), "/birth_date", "required"),
        (json!({ "birth_date": "2026-01-02", "measured_on": "2026-01-01" }), "/measured_on", "out_of_range"),
        (json!({ "birth_date": "1926-01-02", "measured_on": "2026-01-01" }), "/measured_on", "out_of_range"),
        (json!({ "age_days": 1826, "position": "lying" }), "/position", "out_of_range"),
        (json!({ "age_months": 60, "position": "lying" }), "/position", "out_of_range"),
        (json!({ "weight_kg": 0 }), "/weight_kg", "out_of_range"),
        (json!({ "weight_kg": 1e308 }), "/weight_kg", "out_of_range"),
        (json!({ "stature_cm": 19.9 }), "/stature_cm", "out_of_range"),
        (json!({ "gestational_days_at_birth": 315 }), "/gestational_days_at_birth", "out_of_range"),
    ];
    refused(GROWTH, &growth).await;
    let at_birth = [
        (json!({ "gestational_weeks": 45 }), "/gestational_weeks", "out_of_range"),
        (json!({ "gestational_weeks": 19 }), "/gestational_weeks", "out_of_range"),
        (json!({ "weight_g": 3.2 }), "/weight_g", "out_of_range"),
        (json!({ "grams": 3200 }), "/grams", "unknown_field"),
    ];
    refused(BIRTH_SIZE, &at_birth).await;
    let world = World::empty().await;
    let heavy = world.anybody().post(GROWTH, json!({ "weight_kg": 500 })).await.problem(422, "invalid");
    assert_eq!(heavy["errors"][0]["message"], "应为0.2至250 kg。");
    // The day before five years one may still lie.
    world.anybody().post(GROWTH, json!({ "age_days": 1825, "position": "lying" })).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn size_at_birth_goes_by_the_tenth_and_the_ninetieth_percentile() {
    let told = told(BIRTH_SIZE, json!({ "sex": "male", "gestational_weeks": 40, "weight_g": 2500, "length_cm": 50.0, "head_circumference_cm": 40 })).await;
    let class = |of: &str| (told[of]["class"].clone(), told[of]["percentile_band"].clone());
    assert_eq!(class("weight"), (json!("sga"), json!("<10")));
    assert_eq!(class("length"), (json!("aga"), json!("10..90")));
    assert_eq!(class("head_circumference"), (json!("lga"), json!(">90")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_asks_too_often_waits() {
    let world = World::with(|config| config.requests_a_minute = 3).await;
    for address in [GROWTH, BIRTH_SIZE, GROWTH] {
        world.anybody().post(address, json!({})).await.ok();
    }
    let refused = world.anybody().post(GROWTH, json!({})).await;
    refused.problem(429, "too_many_requests");
    assert_eq!(refused.headers["retry-after"], "60");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dates_of_a_pregnancy_go_by_the_period_the_cycle_and_the_scan() {
    const DATES: &str = "/api/v1/tools/pregnancy-dates";
    let by_period = json!({ "last_menstrual_period": "2026-03-01", "cycle_days": 28, "on": "2026-11-21" });
    let expected = json!({ "method": "lmp", "due_date": "2026-12-06", "gestational_days": 265, "gestational_age": "37+6",
        "trimester": 3, "edition": "csog-2018" });
    assert_eq!(told(DATES, by_period).await, expected);
    let by_scan = json!({ "ultrasound": { "on": "2026-05-10", "gestational_days": 70 }, "on": "2026-11-21" });
    let by_scan = told(DATES, by_scan).await;
    assert_eq!((&by_scan["method"], &by_scan["due_date"]), (&json!("ultrasound"), &json!("2026-12-06")));
    let long =
        told(DATES, json!({ "last_menstrual_period": "2026-03-01", "cycle_days": 35, "on": "2026-11-21" }))
            .await;
    assert_eq!((&long["method"], &long["due_date"]), (&json!("lmp_corrected"), &json!("2026-12-13")));
    let nothing = told(DATES, json!({ "on": "2026-11-21" })).await;
    assert_eq!((&nothing["due_date"], &nothing["gestational_age"]), (&Value::Null, &Value::Null));
    let both = |found: i32| json!({ "last_menstrual_period": "2026-03-01", "ultrasound": { "on": "2026-05-10", "gestational_days": found }, "on": "2026-11-21" });
    for (found, method) in [(77, "lmp"), (78, "ultrasound"), (63, "lmp"), (62, "ultrasound")] {
        assert_eq!(told(DATES, both(found)).await["method"], method, "{found} days where the period says 70");
    }
    refused(
        DATES,
        &[
            (
                json!({ "last_menstrual_period": "2026-03-01", "on": "2026-12-28" }),
                "/on",
                "should_have_ended",
            ),
            (
                json!({ "last_menstrual_period": "2026-03-01", "on": "2026-02-28" }),
                "/last_menstrual_period",
                "out_of_range",
            ),
            (
                json!({ "last_menstrual_period": "2026-03-01", "cycle_days": 20, "on": "2026-04-28" }),
                "/cycle_days",
                "out_of_range",
            ),
            (json!({ "cycle_days": 28, "on": "2026-04-28" }), "/cycle_days", "not_for_this"),
            (
                json!({ "ultrasound": { "on": "2026-05-10", "gestational_days": 301 }, "on": "2026-05-11" }),
                "/ultrasound/gestational_days",
                "out_of_range",
            ),
            (json!({ "last_menstrual_period": "2026-03-01" }), "/on", "required"),
        ],
    )
    .await;
    let last = json!({ "last_menstrual_period": "2026-03-01", "on": "2026-12-27" });
    assert_eq!(told(DATES, last).await["gestational_age"], "43+0", "three weeks after the due date");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_visits_says_what_was_done_what_is_due_and_what_was_missed() {
    const PLAN: &str = "/api/v1/tools/visit-plan";
    let item = |plan: &Value, code: &str| {
        let items = plan["items"].as_array().unwrap();
        items.iter().find(|item| item["code"] == code).unwrap_or_else(|| panic!("{code} in {plan}")).clone()
    };
    let pregnant = json!({ "kind": "pregnancy", "last_menstrual_period": "2026-03-01", "on": "2026-11-21",
        "done": [{ "code": "ANC1", "on": "2026-05-02" }] });
    let plan = told(PLAN, pregnant).await;
    assert_eq!(plan["edition"], "nephsp-3");
    let first = item(&plan, "ANC1");
    assert_eq!((&first["status"], &first["done_on"]), (&json!("done"), &json!("2026-05-02")));
    assert_eq!(item(&plan, "ANC5")["status"], "due", "37+6");
    assert!(["missed", "overdue"].contains(&item(&plan, "ANC2")["status"].as_str().unwrap()));
    let delivered = json!({ "kind": "pregnancy", "last_menstrual_period": "2026-03-01", "delivered_on": "2026-11-20",
        "discharged_on": "2026-11-23", "on": "2026-12-01", "done": [] });
    let plan = told(PLAN, delivered).await;
    let visit = item(&plan, "PPV");
    assert_eq!((&visit["due_on"], &visit["status"]), (&json!("2026-11-30"), &json!("overdue")));
    assert_eq!(item(&plan, "PP42")["status"], "upcoming");
    let child = json!({ "kind": "child", "birth_date": "2025-11-21", "discharged_on": "2025-11-24", "gestational_days_at_birth": 270,
        "birth_weight_g": 3200, "on": "2026-11-21", "done": [{ "code": "m3", "on": "2026-02-25" }] });
    let plan = told(PLAN, child).await;
    assert_eq!(
        (&item(&plan, "m3")["status"], &item(&plan, "m12")["status"]),
        (&json!("done"), &json!("due"))
    );
    assert_eq!(told(PLAN, json!({ "kind": "child", "on": "2026-11-21" })).await["items"], json!([]));

    refused(PLAN, &[
        (json!({ "kind": "child", "birth_date": "2026-11-22", "on": "2026-11-21" }), "/birth_date", "out_of_range"),
        (json!({ "kind": "child", "birth_date": "2025-11-22", "on": "2026-11-21", "done": [{ "code": "m99", "on": "2026-01-01" }] }), "/done/0/code", "not_an_option"),
        (json!({ "kind": "child", "birth_date": "2025-11-22", "on": "2026-11-21", "done": [{ "code": "m3", "on": "2025-01-01" }] }), "/done/0/on", "out_of_range"),
        (json!({ "kind": "child", "birth_date": "2025-11-22", "birth_weight_g": 3, "on": "2026-11-21" }), "/birth_weight_g", "out_of_range"),
        (json!({ "kind": "child", "birth_date": "2025-11-22", "gestational_days_at_birth": 350, "on": "2026-11-21" }), "/gestational_days_at_birth", "out_of_range"),
        (json!({ "kind": "child", "last_menstrual_period": "2026-03-01", "on": "2026-11-21" }), "/last_menstrual_period", "not_for_this"),
        (json!({ "kind": "pregnancy", "birth_date": "2026-03-01", "on": "2026-11-21" }), "/birth_date", "not_for_this"),
        (json!({ "kind": "pregnancy", "last_menstrual_period": "2026-03-01", "delivered_on": "2026-02-01", "on": "2026-11-21" }), "/delivered_on", "out_of_range"),
        (json!({ "kind": "pregnancy", "last_menstrual_period": "2025-03-01", "on": "2026-11-21" }), "/on", "out_of_range"),
        (json!({ "kind": "pregnancy", "last_menstrual_period": "2026-03-01", "on": "2026-11-21", "edition": "nephsp-9" }), "/edition", "not_an_option"),
    ]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_vaccinations_says_which_doses_count_and_what_is_due_and_why() {
    const PLAN: &str = "/api/v1/tools/immunization-plan";
    let body = json!({ "birth_date": "2026-08-10", "sex": "female", "on": "2026-08-30", "birth_weight_g": 3300, "gestational_weeks": 39,
        "mother_hbsag": "negative", "choices": { "je": "live", "hepa": "live" }, "conditions": [], "edition": "nip-2026",
        "doses": [{ "product": "HepB", "given_on": "2026-08-10" }] });
    let plan = told(PLAN, body).await;
    assert_eq!(plan["edition"], "nip-2026");
    let dose = &plan["doses"][0];
    assert_eq!(
        (&dose["series"], &dose["number"], &dose["valid"], &dose["reason"]),
        (&json!("hepb"), &json!(1), &json!(true), &Value::Null)
    );
    let of = |plan: &Value, vaccine: &str| {
        plan["series"].as_array().unwrap().iter().find(|series| series["vaccine"] == vaccine).unwrap().clone()
    };
    let hepb = of(&plan, "HepB");
    assert_eq!(hepb["status"], "not_yet_due");
    let next = json!({ "dose": 2, "label": "HepB-2", "products": ["HepB"], "earliest": "2026-09-10", "recommended": "2026-09-10", "overdue_from": null, "rule": "hepb.2" });
    assert_eq!(hepb["next"], next);
    assert!(
        hepb["why"]["zh"].as_str().unwrap().contains("hepb.2")
            && hepb["why"]["en"].as_str().unwrap().contains("hepb.2")
    );
    assert_eq!(of(&plan, "BCG")["status"], "due");

    let early = json!({ "birth_date": "2026-08-10", "sex": "male", "on": "2026-09-20",
        "doses": [{ "product": "HepB", "given_on": "2026-09-01" }, { "product": "HepB", "given_on": "2026-08-10" }] });
    let early = told(PLAN, early).await;
    assert_eq!((&early["doses"][0]["valid"], &early["doses"][0]["number"]), (&json!(false), &Value::Null));
    assert_eq!(early["doses"][0]["reason_text"]["zh"], "未到最小接种年龄");
    assert_eq!(early["doses"][1]["valid"], true);
    assert_eq!(
        told(PLAN, json!({ "on": "2026-09-20" })).await,
        json!({ "edition": null, "doses": [], "series": [] })
    );

    let child = |more: Value| {
        let mut body = json!({ "birth_date": "2026-08-10", "on": "2026-09-20" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    refused(
        PLAN,
        &[
            (child(json!({ "edition": "nip-1999" })), "/edition", "not_an_option"),
            (
                child(json!({ "doses": [{ "product": "XYZ", "given_on": "2026-08-10" }] })),
                "/doses/0/product",
                "not_an_option",
            ),
            (
                child(json!({ "doses": [{ "product": "HepB", "given_on": "2026-08-09" }] })),
                "/doses/0/given_on",
                "out_of_range",
            ),
            (
                child(json!({ "doses": [{ "product": "HepB", "given_on": "2026-09-21" }] })),
                "/doses/0/given_on",
                "out_of_range",
            ),
            (child(json!({ "conditions": ["fever", "cold"] })), "/conditions/1", "not_an_option"),
            (child(json!({ "conditions": ["immunoglobulin@2026-08-01"] })), "/conditions/0", "out_of_range"),
            (child(json!({ "birth_weight_g": 3 })), "/birth_weight_g", "out_of_range"),
            (child(json!({ "gestational_weeks": 45 })), "/gestational_weeks", "out_of_range"),
            (json!({ "birth_date": "2026-09-21", "on": "2026-09-20" }), "/on", "out_of_range"),
            (json!({ "birth_date": "2010-01-01", "on": "2010-09-20" }), "/on", "out_of_range"),
            (
                child(json!({ "doses": vec![json!({ "product": "HepB", "given_on": "2026-08-10" }); 101] })),
                "/doses",
                "too_many",
            ),
        ],
    )
    .await;
    let twenty = vec![json!({ "product": "HepB", "given_on": "2026-08-10" }); 20];
    let twenty = told(PLAN, child(json!({ "doses": twenty }))).await;
    let valid = twenty["doses"].as_array().unwrap().iter().filter(|dose| dose["valid"] == true).count();
    assert_eq!(valid, 1, "twenty doses on one day are one");
}
