//! The sex of a fetus is never recorded before birth: not in a field, not in a text, not in a reason.

use api::db::entities::pregnancy;
use domain::pregnancy::Outcome;
use reqwest::Method;
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::{Value, json};

use crate::checkups::checkups;
use crate::entries::entries;
use crate::support::{World, send};

fn diary(text: &str) -> Value {
    json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "text": text } })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_the_family_names_it_before_birth_and_any_may_after() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    for told in ["B超看是男孩", "医生说怀的是女儿", "It's a b.o.y!", "ｉｔ'ｓ ａ ｇｉｒｌ", "胎儿性别：男"]
    {
        let problem = client.post(&entries(&mother), diary(told)).await.problem(422, "invalid");
        let error = &problem["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!("/payload/text"), &json!("names_fetal_sex")),
            "{told}"
        );
        assert!(!problem.to_string().contains(told), "what was said is not repeated");
    }
    for innocent in ["希望是个健康的宝宝", "今天带外甥女去公园"] {
        client.post(&entries(&mother), diary(innocent)).await.ok();
    }
    let id = client.post(&entries(&mother), diary("今天产检")).await.ok()["id"].clone();
    let address = format!("{}/{}", entries(&mother), id.as_str().unwrap());
    let changed = json!({ "payload": diary("B超看是男孩")["payload"] });
    client.change(Method::PATCH, &address, "\"1\"", changed).await.problem(422, "invalid");

    world.birth(&mother, "2026-11-21".parse().unwrap()).await;
    client.post(&entries(&mother), diary("生了，是个女儿！")).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_loss_the_handbook_may_hold_the_next_pregnancy_before_anybody_says_so() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let lost = pregnancy::ActiveModel {
        id: Set(mother.pregnancy),
        outcome: Set(Some(Outcome::Miscarriage)),
        ended_on: Set(Some(world.app.today())),
        ..Default::default()
    };
    pregnancy::Entity::update(lost).exec(world.app.db.write()).await.unwrap();
    let told = mother.user.client.post(&entries(&mother), diary("B超看是男孩")).await.problem(422, "invalid");
    assert_eq!(told["errors"][0]["code"], "names_fetal_sex");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_clinician_writes_it_in_a_text_or_in_a_reason() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let contact = |condition: &str| {
        json!({
            "kind": "follow_up_contact",
            "subject": "woman",
            "occurred_on": "2026-11-22",
            "payload": {
                "contacted_at": "2026-11-22T10:00:00+08:00",
                "purpose": "high_risk",
                "channel": "phone",
                "outcome": "reached",
                "condition": condition,
            },
        })
    };
    let problem =
        clinician.client.post(&checkups(&mother), contact("超声提示男胎")).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["code"], "names_fetal_sex");
    let id = clinician.client.post(&checkups(&mother), contact("一般情况好")).await.ok()["id"].clone();
    let address = format!("{}/{}", checkups(&mother), id.as_str().unwrap());
    let in_reason = json!({ "reason": "漏写女胎", "payload": contact("一般情况好")["payload"] });
    for (path, body) in [("correct", in_reason), ("void", json!({ "reason": "漏写女胎" }))] {
        let request = clinician.client.request(Method::POST, &format!("{address}/{path}"));
        let problem = send(request.header("if-match", "\"1\"").json(&body)).await.problem(422, "invalid");
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/reason"), &json!("names_fetal_sex")));
    }
}

/// Every field of the catalogue that can hold a sex belongs to a kind that is about somebody born.
#[tokio::test(flavor = "multi_thread")]
async fn no_field_offers_it_before_birth() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let mut scan = json!({
        "kind": "ultrasound",
        "subject": "woman",
        "occurred_on": "2026-11-22",
        "payload": example(&world, "ultrasound"),
    });
    scan["payload"]["sex"] = json!("male");
    let problem = clinician.client.post(&checkups(&mother), scan).await.problem(422, "invalid");
    let told = problem["errors"].as_array().unwrap().iter().any(|error| error["pointer"] == "/payload/sex");
    assert!(told, "{problem}");
}

/// A payload of a kind that is valid but for its day.
pub fn example(world: &World, kind: &str) -> Value {
    let kind = world.app.catalogue.kind(kind, world.app.today()).unwrap();
    Value::Object(kind.examples[0].payload.clone())
}
