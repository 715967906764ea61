//! What clinicians attach, correct and void, and what a village doctor writes for the health centre.

mod correct;
mod late;
mod village;

use api::db::entities::pregnancy;
use domain::access::Role;
use domain::institution::AgencyClass;
use domain::place::RegionLevel;
use reqwest::Method;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::entries::{pressure, records};
use crate::fetal_sex::example;
use crate::support::people::{COUNTY, TOWN};
use crate::support::{Answer, Client, Mother, World, send};

/// The address of a mother's checkups.
pub fn checkups(mother: &Mother) -> String {
    format!("/api/v1/handbooks/{}/checkups", mother.handbook)
}

/// An antenatal follow-up of today.
pub fn antenatal(world: &World) -> Value {
    let mut payload = example(world, "antenatal_followup");
    payload["next_visit"] = json!("2026-12-20");
    json!({ "kind": "antenatal_followup", "subject": "woman", "occurred_on": "2026-11-22", "payload": payload })
}

fn laboratory(day: &str) -> Value {
    json!({
        "kind": "laboratory_result",
        "subject": "woman",
        "occurred_on": day,
        "payload": { "sampled_at": "2026-11-22T08:00:00+08:00", "specimen": ["blood"], "origin": "here", "hemoglobin": 118 },
    })
}

async fn change(
    client: &Client,
    mother: &Mother,
    id: &Value,
    verb: &str,
    version: i32,
    body: Value,
) -> Answer {
    let path = format!("{}/{}/{verb}", checkups(mother), id.as_str().unwrap());
    send(client.request(Method::POST, &path).header("if-match", format!("\"{version}\"")).json(&body)).await
}

async fn read(client: &Client, mother: &Mother, id: &Value) -> Answer {
    client.get(&format!("{}/{}", records(mother), id.as_str().unwrap())).await
}

async fn grade(world: &World, mother: &Mother) -> (Option<String>, bool) {
    let row =
        pregnancy::Entity::find_by_id(mother.pregnancy).one(world.app.db.read()).await.unwrap().unwrap();
    (row.risk_grade, row.risk_purple)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkup_of_a_visit_is_seen_by_the_family_at_once() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let mut heard = world.app.live.here();
    let attached = clinician.client.post(&checkups(&mother), antenatal(&world)).await;
    assert_eq!(attached.status, 201, "{}", attached.text());
    assert_eq!(heard.try_recv().unwrap(), mother.handbook);
    let timeline = mother.user.client.get(&records(&mother)).await.ok();
    let record = &timeline["items"][0];
    assert_eq!(record["id"], attached.ok()["id"]);
    assert_eq!(
        record["author"],
        json!({ "role": "clinician", "institution": "船山区人民医院", "mine": false })
    );
    assert_eq!(record["source"], "clinician");
    assert_eq!(record["payload"]["gestational_days"], 181, "what the server knows it fills in");
    let own = clinician.client.get("/api/v1/checkups").await.ok();
    assert_eq!(own["items"][0]["id"], attached.ok()["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_attaches_without_a_visit_except_the_managing_institution() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let hospital = world.staff(&[Role::Clinician], Some(county.hospital), COUNTY, RegionLevel::County).await;
    hospital.client.post(&checkups(&mother), antenatal(&world)).await.problem(404, "not_found");
    let managing = world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    assert_eq!(managing.client.post(&checkups(&mother), antenatal(&world)).await.status, 201);
    mother.user.client.post(&checkups(&mother), antenatal(&world)).await.problem(403, "forbidden");
    let office =
        world.staff(&[Role::TownshipOffice], Some(county.township_office), TOWN, RegionLevel::Town).await;
    office.client.post(&checkups(&mother), antenatal(&world)).await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn which_kind_a_role_may_write_is_data() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let child = world.birth(&mother, "2023-06-01".parse().unwrap()).await;
    let kindergarten =
        world.staff(&[Role::KindergartenStaff], Some(county.kindergarten), TOWN, RegionLevel::Town).await;
    world.visit(mother.handbook, county.kindergarten, kindergarten.id).await;
    let exam = json!({
        "kind": "kindergarten_exam",
        "subject": { "child": child },
        "occurred_on": "2026-11-22",
        "payload": example(&world, "kindergarten_exam"),
    });
    assert_eq!(kindergarten.client.post(&checkups(&mother), exam).await.status, 201);
    let refused = kindergarten.client.post(&checkups(&mother), laboratory("2026-11-22")).await;
    refused.problem(403, "kind_not_allowed");
    let clinician = world.clinician_at(mother.handbook, county.health_centre).await;
    let assessment =
        json!({ "kind": "risk_assessment", "subject": "woman", "occurred_on": "2026-11-22", "payload": {} });
    clinician.client.post(&checkups(&mother), assessment).await.problem(403, "kind_not_allowed");
    let family = clinician.client.post(&checkups(&mother), pressure(118, 76)).await.problem(422, "invalid");
    assert_eq!(family["errors"][0]["pointer"], "/kind");
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_the_server_fills_are_refused_in_a_body() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let mut body = laboratory("2026-11-22");
    body["payload"]["doctor"] = json!("张三");
    body["payload"]["gestational_days"] = json!(100);
    body["payload"]["hemoglobin"] = json!("118");
    body["source"] = json!("family");
    body["photos"] = json!([]);
    let problem = clinician.client.post(&checkups(&mother), body).await.problem(422, "invalid");
    let mut told: Vec<(String, String)> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (error["pointer"].as_str().unwrap().to_owned(), error["code"].as_str().unwrap().to_owned())
        })
        .collect();
    told.sort();
    let told: Vec<(&str, &str)> =
        told.iter().map(|(pointer, code)| (pointer.as_str(), code.as_str())).collect();
    assert_eq!(
        told,
        [
            ("/payload/doctor", "server_filled"),
            ("/payload/gestational_days", "server_filled"),
            ("/payload/hemoglobin", "wrong_type"),
            ("/photos", "unknown_field"),
            ("/source", "unknown_field"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkup_before_the_issue_needs_a_handbook_administrators_reason() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let mut body = laboratory("2026-11-20");
    body["payload"]["sampled_at"] = json!("2026-11-20T08:00:00+08:00");
    clinician.client.post(&checkups(&mother), body.clone()).await.problem(422, "date_before_issue");
    body["override_reason"] = json!("外院已检查，补录");
    clinician.client.post(&checkups(&mother), body.clone()).await.problem(403, "override_not_allowed");
    let both = world
        .staff(
            &[Role::Clinician, Role::HandbookAdministrator],
            Some(county.hospital),
            COUNTY,
            RegionLevel::County,
        )
        .await;
    body["override_reason"] = json!("");
    both.client.post(&checkups(&mother), body.clone()).await.problem(422, "invalid");
    body["override_reason"] = json!("外院已检查，补录");
    assert_eq!(both.client.post(&checkups(&mother), body).await.status, 201);
    both.client.post(&checkups(&mother), laboratory("2026-11-23")).await.problem(422, "date_in_future");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dose_may_be_transcribed_from_before_the_issue_and_none_before_birth() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let child = world.birth(&mother, "2026-06-01".parse().unwrap()).await;
    let clinician = world.clinician_at(mother.handbook, county.health_centre).await;
    let dose = |day: &str, origin: &str| {
        let mut payload = example(&world, "immunization_dose");
        payload["given_on"] = json!(day);
        payload["origin"] = json!(origin);
        json!({ "kind": "immunization_dose", "subject": { "child": child }, "occurred_on": day, "payload": payload })
    };
    let given = clinician.client.post(&checkups(&mother), dose("2026-06-02", "given_here")).await;
    assert_eq!(given.status, 422, "{}", given.text());
    let transcribed = clinician.client.post(&checkups(&mother), dose("2026-06-02", "certificate")).await;
    assert_eq!(transcribed.status, 201, "{}", transcribed.text());
    let before_birth = clinician.client.post(&checkups(&mother), dose("2026-05-30", "certificate")).await;
    assert_eq!(before_birth.status, 422, "{}", before_birth.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_county_reads_a_high_risk_case_until_the_puerperium_is_over() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let mch = world.county_mch(county.mch).await;
    let now_is = async |grade: Option<&str>, ended_days_ago: Option<u64>| {
        let ended = ended_days_ago.map(|days| world.app.today() - chrono::Days::new(days));
        let row = pregnancy::ActiveModel {
            id: Set(mother.pregnancy),
            risk_grade: Set(grade.map(str::to_owned)),
            outcome: Set(ended.map(|_| domain::pregnancy::Outcome::LiveBirth)),
            ended_on: Set(ended),
            ..Default::default()
        };
        pregnancy::Entity::update(row).exec(world.app.db.write()).await.unwrap();
        mch.get(&records(&mother)).await.status.as_u16()
    };
    assert_eq!(now_is(Some("yellow"), None).await, 403);
    assert_eq!(now_is(Some("red"), None).await, 200);
    assert_eq!(now_is(Some("red"), Some(42)).await, 200);
    assert_eq!(now_is(Some("red"), Some(43)).await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sensitive_is_encrypted_and_seen_by_the_woman_and_who_treats_her() {
    use api::db::entities::record;
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let mut body = laboratory("2026-11-22");
    body["payload"]["hiv"] = json!("negative");
    let id = clinician.client.post(&checkups(&mother), body).await.ok()["id"].clone();
    let row = record::Entity::find().one(world.app.db.read()).await.unwrap().unwrap();
    assert!(row.payload.get("hiv").is_none() && row.sealed.is_some());
    assert!(!row.payload.to_string().contains("李医生"), "who wrote it is sealed too");
    assert_eq!(read(&mother.user.client, &mother, &id).await.ok()["payload"]["hiv"], "negative");
    let grandmother = world.family_user().await;
    let (role, relation) = (domain::member::MemberRole::Viewer, domain::member::MemberRelation::Grandparent);
    world.join(mother.handbook, grandmother.id, role, relation, false).await;
    let shown = read(&grandmother.client, &mother, &id).await.ok();
    assert!(shown["payload"]["hiv"].is_null() && shown["payload"]["hemoglobin"] == 118);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_again_is_one_checkup_even_when_two_arrive_together() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let mut body = laboratory("2026-11-22");
    body["id"] = json!(uuid::Uuid::now_v7());
    let send_it = || {
        let request = clinician.client.request(Method::POST, &checkups(&mother)).json(&body);
        tokio::spawn(async move { send(request).await })
    };
    let tries = [send_it(), send_it(), send_it(), send_it()];
    for answer in futures_util::future::join_all(tries).await {
        let answer = answer.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.json()["id"]), (201, &body["id"]));
    }
    let timeline = mother.user.client.get(&records(&mother)).await.ok();
    assert_eq!(timeline["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_from_the_familys_phone_hangs_on_the_checkup() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let child = world.birth(&mother, "2026-11-10".parse().unwrap()).await;
    let clinician = world.clinician_at(mother.handbook, county.health_centre).await;
    let kind = world.app.catalogue.kind("newborn_home_visit", world.app.today()).unwrap();
    let field = kind.fields.iter().find(|field| {
        matches!(
            field.shape,
            domain::catalogue::field::Shape::Reference(domain::catalogue::field::Referred::Signature)
        )
    });
    let mut payload = example(&world, "newborn_home_visit");
    payload["next_visit_date"] = json!("2026-12-20");
    let mut signed = |id: &Value| {
        payload[&field.unwrap().key] = id.clone();
        json!({ "kind": "newborn_home_visit", "subject": { "child": child }, "occurred_on": "2026-11-22", "payload": payload })
    };
    let nobodys = signed(&json!(uuid::Uuid::now_v7()));
    let problem = clinician.client.post(&checkups(&mother), nobodys).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["code"], "unknown_photo", "{problem}");

    let drawn = crate::photos::upload_picture(&mother).await;
    let attached = clinician.client.post(&checkups(&mother), signed(&drawn)).await;
    assert_eq!(attached.status, 201, "{}", attached.text());
    assert_eq!(read(&mother.user.client, &mother, &attached.ok()["id"]).await.ok()["photos"], json!([drawn]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hospital_of_two_classes_writes_what_either_may() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let classes = [AgencyClass::Midwifery, AgencyClass::PreconceptionCheckProvider];
    let hospital = world.institution("船山区中医院", COUNTY, RegionLevel::County, &classes, &[]).await;
    let clinician = world.clinician_at(mother.handbook, hospital).await;
    assert_eq!(clinician.client.post(&checkups(&mother), antenatal(&world)).await.status, 201);
    let contact = json!({ "kind": "early_pregnancy_followup", "subject": "woman", "occurred_on": "2026-11-22", "payload": {} });
    let answer = clinician.client.post(&checkups(&mother), contact).await;
    assert_eq!(answer.json()["code"], "invalid", "its fields are judged, not its right: {}", answer.text());
}

/// The kinds of notices of a handbook.
async fn notices(world: &World, mother: &Mother) -> Vec<String> {
    use api::db::entities::notice;
    use sea_orm::{ColumnTrait, QueryFilter};
    let rows = notice::Entity::find()
        .filter(notice::Column::HandbookId.eq(mother.handbook))
        .all(world.app.db.read())
        .await
        .unwrap();
    rows.into_iter().map(|row| row.kind).collect()
}
