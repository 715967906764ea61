use serde_json::json;

use super::*;
use crate::access::Role;
use crate::catalogue::field::Origin;
use crate::catalogue::kind::{Level, WrittenBy};
use crate::catalogue::{LoadError, embedded_files};
use crate::institution::AgencyClass;

#[test]
fn every_kind_of_the_reference_is_there_and_every_example_is_accepted() {
    assert_eq!(CATALOGUE.all().filter(|kind| kind.written_by == WrittenBy::Family).count(), 29);
    assert_eq!(CATALOGUE.all().filter(|kind| kind.written_by == WrittenBy::Clinician).count(), 24);
    for kind in CATALOGUE.all() {
        assert!(!kind.examples.is_empty(), "{} has no example", kind.key);
        for example in &kind.examples {
            let context = Context::new(start_of_day(example.on) + TimeDelta::hours(23), example.on);
            let nobody_pregnant = Facts { pregnant: Some(false), ..Facts::default() };
            let judged =
                kind.read(&example.payload, &context).and_then(|draft| draft.judge(&nobody_pregnant, &[]));
            assert!(judged.is_ok(), "{}: {:#?}", kind.key, judged.err());
        }
    }
}

/// A page of a county's own.
const PAGE: &str = r#"
key = "county_page"
edition = "2026"
in_force_from = 2026-01-01
zh = "县自编页"
en = "Page of the county"
written_by = "family"
subjects = ["woman"]
stages = ["pregnancy"]
chapter = "pregnancy_and_birth"
grain = "many"
sources = ["rencheng_2018"]

[[field]]
key = "steps"
zh = "步数"
en = "Steps"
type = "integer"
unit = "count"
required = true
reject_below = 0
reject_above = 100000
warn_below = 2000

[[field]]
key = "thousands"
zh = "千步"
en = "Thousands of steps"
type = "decimal"
unit = "count"
decimals = 1
derived = "steps / 1000"

[[field]]
key = "mood"
zh = "心情"
en = "Mood"
type = "enum"
when = "steps > 0"
options = [
  { key = "good", code = 1, zh = "好", en = "Good" },
  { key = "bad", code = 2, zh = "不好", en = "Bad" },
]

[[warning]]
id = "tired"
when = "mood == 'bad' and facts.pregnant == true"
level = "info"
zh = "请休息。"
en = "Please rest."
"#;

fn with_page(page: &str) -> Result<Catalogue, LoadError> {
    Catalogue::load(
        embedded_files().chain([("catalogue/family/county_page.toml".to_owned(), page.to_owned())]),
    )
}

#[test]
fn a_page_of_a_county_is_a_file_and_no_code() {
    let catalogue = with_page(PAGE).unwrap();
    let page = catalogue.kind("county_page", day(TODAY)).unwrap();
    let draft = page.read(&map(json!({"steps": 1500, "mood": "bad"})), &context()).unwrap();
    let checked = draft.judge(&Facts { pregnant: Some(true), ..Facts::default() }, &[]).unwrap();
    assert_eq!(
        Json::Object(checked.payload.merged()),
        json!({"steps": 1500, "thousands": 1.5, "mood": "bad"})
    );
    assert_eq!(ids(&checked.warnings), ["tired", "steps.warn_below"]);
    assert_ne!(catalogue.edition(), CATALOGUE.edition());
    assert_eq!(Catalogue::embedded().unwrap().edition(), CATALOGUE.edition());
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place() {
    let cases = [
        ("key = \"mood\"", "key = \"steps\"", "steps: the key is used twice"),
        ("key = \"mood\"", "key = \"Mood\"", "Mood: a key has lower-case letters"),
        ("zh = \"步数\"", "zh = \" \"", "steps: a label is missing"),
        ("unit = \"count\"\nrequired", "required", "steps: a number has a unit"),
        ("unit = \"count\"\nrequired", "unit = \"furlong\"\nrequired", "`furlong` is no unit"),
        ("reject_below = 0\n", "reject_below = 200000\n", "steps: the range is the wrong way round"),
        ("reject_above = 100000\n", "", "steps: a number that people type has reject_below and reject_above"),
        ("warn_below = 2000", "warn_below = -1", "steps: warn_below lies where values are refused"),
        ("warn_below = 2000", "warn_below = 0.5", "steps: a limit has more decimals than the field"),
        ("warn_below = 2000", "max_length = 3", "steps: `max_length` means nothing for this type"),
        ("warn_below = 2000", "warn_bellow = 2000", "unknown field `warn_bellow`"),
        (
            "steps / 1000",
            "strides / 1000",
            "thousands: `strides / 1000`: `strides` is no field, fact or source",
        ),
        ("steps / 1000", "facts.strides", "`facts.strides` is no field, fact or source"),
        ("steps / 1000", "person.strides", "`person.strides` is no field, fact or source"),
        ("steps / 1000", "mood", "`mood` is of type text and the field of type decimal"),
        ("steps / 1000", "thousands + 1", "thousands: the fields wait for each other in a circle"),
        ("steps > 0", "mood == 'good'", "mood: the fields wait for each other in a circle"),
        ("steps > 0", "steps + 1", "mood: `steps + 1` is no rule"),
        ("steps > 0", "steps >", "mood: `steps >`: the rule breaks off"),
        ("steps > 0", "steps == 'many'", "integer and text are not compared so"),
        ("key = \"bad\"", "key = \"good\"", "mood: the option `good` stands there twice"),
        ("code = 2", "code = 1", "mood: the code `1` stands there twice"),
        (
            "mood == 'bad'",
            "mood == 'dreadful'",
            "tired: `mood == 'dreadful' and facts.pregnant == true`: `dreadful` is no option",
        ),
        ("facts.pregnant == true", "facts.pregnant == 1", "bool and integer are not compared so"),
        ("en = \"Please rest.\"", "en = \"\"", "tired: a label is missing"),
        ("level = \"info\"", "level = \"info\"\ninstead_of = [\"worn_out\"]", "stands instead of `worn_out`"),
        ("sources = [\"rencheng_2018\"]", "sources = [\"hearsay\"]", "`hearsay` is no document"),
        (
            "in_force_from = 2026-01-01",
            "in_force_from = 2026-01-01\nin_force_until = 2025-12-31",
            "lies before in_force_from",
        ),
        (
            "grain = \"many\"",
            "grain = \"many\"\noccurred = \"steps\"",
            "`steps` is no required day or instant",
        ),
        ("written_by = \"family\"", "written_by = \"clinician\"", "nobody may write `county_page`"),
        (
            "key = \"county_page\"",
            "key = \"weight\"",
            "weight: edition 2017 is still in force when 2026 begins",
        ),
    ];
    for (right, wrong, told) in cases {
        assert!(PAGE.contains(right), "{right}");
        let error = with_page(&PAGE.replace(right, wrong)).unwrap_err().to_string();
        assert!(error.contains(told), "{wrong}: {error}");
    }
}

#[test]
fn every_problem_of_every_file_is_told_at_once() {
    let page = PAGE.replace("steps / 1000", "strides").replace("mood == 'bad'", "mood == 'dreadful'");
    assert_eq!(with_page(&page).unwrap_err().problems.len(), 2);
}

#[test]
fn the_edition_of_the_day_is_found() {
    let weight = embedded_files().find(|(name, _)| name.ends_with("/weight.toml")).unwrap().1;
    let ended = weight
        .replace("in_force_from = 2017-01-01", "in_force_from = 2017-01-01\nin_force_until = 2026-12-31");
    let later =
        weight.replace("2017-01-01", "2027-01-01").replace("edition = \"2017\"", "edition = \"2027\"");
    let files = embedded_files().chain([
        ("catalogue/family/weight.toml".to_owned(), ended),
        ("catalogue/family/weight.2027.toml".to_owned(), later),
    ]);
    let catalogue = Catalogue::load(files).unwrap();
    let edition = |on: &str| catalogue.kind("weight", day(on)).map(|kind| kind.edition.as_str());
    assert_eq!(edition("2016-12-31"), None);
    assert_eq!(edition("2026-12-31"), Some("2017"));
    assert_eq!(edition("2027-01-01"), Some("2027"));
    assert_eq!(catalogue.kind_in_edition("weight", "2017").unwrap().in_force_until, Some(day("2026-12-31")));
    assert_eq!(catalogue.in_force(day("2027-06-01")).filter(|kind| kind.key == "weight").count(), 1);
}

#[test]
fn a_danger_sign_says_what_to_do_and_is_alerted() {
    for kind in CATALOGUE.all() {
        for warning in &kind.warnings {
            let place = format!("{}.{}", kind.key, warning.id);
            assert!(
                warning.alert || warning.level != Level::Emergency,
                "{place} is an emergency without alert"
            );
            if kind.written_by == WrittenBy::Family && warning.level != Level::Info {
                let says =
                    ["医", "就诊", "急诊", "120", "检查", "住院", "复测", "补", "儿保门诊", "接种单位"];
                assert!(
                    says.iter().any(|word| warning.label.zh.contains(word)),
                    "{place}: {}",
                    warning.label.zh
                );
            }
        }
    }
    let alerts =
        |key| kind(key).warnings.iter().filter(|warning| warning.alert).map(|warning| warning.id.as_str());
    assert_eq!(alerts("blood_pressure").collect::<Vec<_>>(), ["bp_severe"]);
    assert_eq!(alerts("mood_epds").collect::<Vec<_>>(), ["epds_q10"]);
    assert_eq!(alerts("symptom").collect::<Vec<_>>(), ["sym_any_danger", "sym_emergency"]);
    assert!(alerts("fetal_movement_count").any(|id| id == "fm_2h"));
}

#[test]
fn identity_is_filled_by_the_server_and_sealed() {
    for kind in CATALOGUE.all() {
        for field in &kind.fields {
            if let Origin::Server(source) = &field.origin {
                let who = ["name", "id_number", "phone", "address"];
                let is_identity = who.iter().any(|word| source.name().ends_with(word));
                assert!(!is_identity || field.is_sealed(), "{}.{}", kind.key, field.key);
            }
        }
    }
}

#[test]
fn who_writes_what_is_a_table() {
    let may =
        |role, class, kind| CATALOGUE.may_write(&[role], &[class].into(), kind).map(|grant| grant.delegated);
    use AgencyClass as C;
    use Role as R;
    assert_eq!(may(R::Clinician, C::PrimaryCare, "postpartum_visit"), Some(false));
    assert_eq!(may(R::Clinician, C::Midwifery, "delivery"), Some(false));
    assert_eq!(may(R::Clinician, C::Midwifery, "kindergarten_exam"), Some(false));
    assert_eq!(may(R::Clinician, C::PreconceptionCheckProvider, "preconception_check"), Some(false));
    assert_eq!(may(R::Clinician, C::PrimaryCare, "risk_assessment"), None);
    assert_eq!(may(R::Clinician, C::Kindergarten, "kindergarten_exam"), None);
    assert_eq!(may(R::KindergartenStaff, C::Kindergarten, "kindergarten_exam"), Some(false));
    assert_eq!(may(R::KindergartenStaff, C::Kindergarten, "m12_m30"), None);
    assert_eq!(may(R::VillageWorker, C::PrimaryCare, "newborn_home_visit"), Some(true));
    assert_eq!(may(R::VillageWorker, C::PrimaryCare, "laboratory_result"), None);
    assert_eq!(may(R::CountyMch, C::MchCounty, "death_report"), Some(false));
    assert_eq!(may(R::CountyMch, C::MchCounty, "antenatal_first"), None);
    for kind in CATALOGUE.all() {
        for role in
            [R::TownshipOffice, R::CityMch, R::ProvinceMch, R::HealthAuthority, R::SystemAdministrator]
        {
            for class in C::ALL {
                assert_eq!(may(role, *class, &kind.key), None, "{role} {class} {}", kind.key);
            }
        }
    }
    let both =
        CATALOGUE.may_write(&[R::VillageWorker, R::Clinician], &[C::PrimaryCare].into(), "postpartum_visit");
    assert!(!both.unwrap().delegated, "a clinician needs no delegation");
}

#[test]
fn a_client_sees_every_form_in_print_order() {
    let overview = CATALOGUE.overview();
    assert_eq!(overview["kinds"].as_array().unwrap().len(), 53);
    let form = kind("antenatal_first").presented();
    let keys: Vec<&str> =
        form["fields"].as_array().unwrap().iter().map(|field| field["key"].as_str().unwrap()).collect();
    assert_eq!(keys[..4], ["name", "record_no", "fill_date", "gestational_days"]);
    let systolic =
        form["fields"].as_array().unwrap().iter().find(|field| field["key"] == "systolic").unwrap();
    assert_eq!(
        (&systolic["min"], &systolic["max"], &systolic["warn_at_or_above"]),
        (&json!(40), &json!(300), &json!(140))
    );
    assert_eq!(systolic["unit"]["zh"], "mmHg");
    let delivery = kind("delivery").presented();
    let newborn =
        delivery["groups"].as_array().unwrap().iter().find(|group| group["key"] == "newborn").unwrap();
    assert_eq!(newborn["repeat"]["count"], "fetus_count");
}

#[test]
fn the_schema_holds_what_a_client_may_send_and_nothing_else() {
    for kind in CATALOGUE.all() {
        let schema = kind.schema();
        assert_eq!(schema["additionalProperties"], false, "{}", kind.key);
        let properties = schema["properties"].as_object().unwrap();
        for example in &kind.examples {
            assert!(example.payload.keys().all(|key| properties.contains_key(key)), "{}", kind.key);
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            assert!(
                required.iter().all(|key| example.payload.contains_key(key.as_str().unwrap())),
                "{}",
                kind.key
            );
        }
        for field in &kind.fields {
            let own = kind.repeating(field).is_none() && field.is_input();
            assert_eq!(properties.contains_key(&field.key), own, "{}.{}", kind.key, field.key);
        }
    }
    let glucose = kind("blood_glucose").schema();
    let value = &glucose["properties"]["value"];
    assert_eq!(value["oneOf"][0]["maximum"], 60);
    assert_eq!(value["oneOf"][1]["properties"]["unit"]["enum"], json!(["mmol/L", "mg/dL"]));
    let newborn = &kind("delivery").schema()["properties"]["newborn"];
    assert_eq!((&newborn["minItems"], &newborn["maxItems"]), (&json!(1), &json!(8)));
    assert_eq!(newborn["items"]["additionalProperties"], false);
}
