use serde_json::json;

use super::*;
use crate::catalogue::field::{Field, Origin};

/// Every field of the catalogue that can hold a sex. The server fills it with the sex of a born person, or a condition
/// holds it back until there was a birth.
const FIELDS_WITH_SEX: &[(&str, &str)] = &[
    ("birth_defect", "sex"),
    ("death_report", "sex"),
    ("delivery", "sex"),
    ("kindergarten_exam", "sex"),
    ("newborn_home_visit", "sex"),
    ("pregnancy_outcome", "sex"),
];

fn can_hold_sex(field: &Field) -> bool {
    let names_it = |text: &str| text.contains("性别");
    let offers_it = field.options().iter().any(|option| matches!(option.key.as_str(), "male" | "female"));
    names_it(&field.label.zh) || offers_it
}

#[test]
fn no_field_can_hold_the_sex_of_a_fetus() {
    let found: Vec<(&str, &str)> = CATALOGUE
        .all()
        .flat_map(|kind| kind.fields.iter().map(move |field| (kind, field)))
        .filter(|(_, field)| can_hold_sex(field))
        .map(|(kind, field)| (kind.key.as_str(), field.key.as_str()))
        .collect();
    assert_eq!(found, FIELDS_WITH_SEX);
    for (key, field) in found {
        let field = kind(key).field(field).unwrap();
        let of_a_person = matches!(&field.origin, Origin::Server(source) if source.name() == "person.sex");
        assert!(of_a_person || field.when.is_some(), "{key}");
    }
}

#[test]
fn a_birth_defect_report_carries_the_sex_only_when_the_birth_is_on_record() {
    let report = example("birth_defect", json!({"sex": "female"}));
    let judged = |pregnant| faults_with("birth_defect", &report, &Facts { pregnant, ..Facts::default() });
    assert_eq!(judged(Some(false)), []);
    assert_eq!(judged(Some(true)), [("/sex".to_owned(), "not_applicable")]);
    assert_eq!(judged(None), [("/sex".to_owned(), "not_applicable")]);

    let stillborn = example("birth_defect", json!({"sex": "female", "outcome": "fetal_stillbirth"}));
    let after = Facts { pregnant: Some(false), ..Facts::default() };
    assert_eq!(faults_with("birth_defect", &stillborn, &after), [("/sex".to_owned(), "not_applicable")]);

    let antenatal = example(
        "birth_defect",
        json!({"sex": null, "outcome": "fetal_stillbirth", "diagnosis": ["hypospadias"]}),
    );
    let before = Facts { pregnant: Some(true), ..Facts::default() };
    assert_eq!(
        faults_with("birth_defect", &antenatal, &before),
        [("/diagnosis".to_owned(), "refused_by_rule")]
    );
    assert_eq!(faults_with("birth_defect", &antenatal, &after), []);
}

#[test]
fn a_dead_fetus_has_no_sex_in_the_records_of_birth() {
    let mut delivery = example("delivery", json!({}));
    delivery["newborn"][0]["outcome"] = json!("fetal_death");
    let faults = faults("delivery", &delivery);
    assert!(faults.contains(&("/newborn/0/sex".to_owned(), "not_applicable")), "{faults:?}");
}

#[test]
fn before_birth_no_text_of_any_kind_tells_it() {
    let unborn = Context { unborn: true, ..context() };
    let read = |key: &str, body: Map<String, Json>, context: &Context| {
        let errors = kind(key).read(&body, context).err().unwrap_or_default();
        errors.iter().map(|error| (error.pointer.clone(), error.code())).collect::<Vec<_>>()
    };
    let diary = example("diary", json!({"text": "B超看是男孩"}));
    assert_eq!(read("diary", diary.clone(), &unborn), [("/text".to_owned(), "names_fetal_sex")]);
    assert_eq!(read("diary", diary, &context()), []);
    let wish = example("diary", json!({"text": "希望是个女儿就好了"}));
    assert_eq!(read("diary", wish, &unborn), []);
    let scan = example("ultrasound", json!({"conclusion": "单活胎，男"}));
    assert_eq!(read("ultrasound", scan, &unborn), [("/conclusion".to_owned(), "names_fetal_sex")]);
    let mut nested = example("ultrasound", json!({}));
    nested["fetus"][0]["abnormality"] = json!("suspected");
    nested["fetus"][0]["abnormality_detail"] = json!("女 胎");
    assert_eq!(
        read("ultrasound", nested, &unborn),
        [("/fetus/0/abnormality_detail".to_owned(), "names_fetal_sex")]
    );
}

#[test]
fn the_record_of_a_birth_may_name_the_sex_of_the_baby() {
    let unborn = Context { unborn: true, ..context() };
    let delivery = example("delivery", json!({"complications": "女婴，脐带绕颈一周"}));
    assert!(kind("delivery").read(&delivery, &unborn).is_ok());
}
