//! What clinicians attach, correct and void, and what a village doctor writes for the health centre.

use api::db::entities::{pregnancy, visit};
use domain::access::Role;
use domain::institution::AgencyClass;
use domain::place::RegionLevel;
use reqwest::Method;
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::{Value, json};

use crate::entries::{entries, pressure, records};
use crate::fetal_sex::example;
use crate::support::people::{COUNTY, TOWN, VILLAGE};
use crate::support::{Answer, Client, Mother, World, send};
use api::session::store::Holder;

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
async fn results_of_a_visit_come_for_sixty_days_without_reading_history() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    mother.user.client.post(&entries(&mother), pressure(118, 76)).await.ok();
    world.advance(chrono::TimeDelta::days(3));
    let client = world.signed_in(Holder::Staff(clinician.id)).await;
    let early = client.post(&checkups(&mother), laboratory("2026-11-21")).await;
    early.problem(422, "date_before_visit");
    let late = client.post(&checkups(&mother), laboratory("2026-11-24")).await;
    assert_eq!(late.status, 201, "{}", late.text());
    let over = client.post(&checkups(&mother), antenatal(&world)).await.problem(409, "visit_over");
    assert!(over["detail"].as_str().unwrap().contains("2026-11-24 00:00"));
    let own = client.get(&records(&mother)).await.ok();
    assert_eq!(own["items"].as_array().unwrap().len(), 1, "only what was written here is read");
    assert_eq!(own["items"][0]["id"], late.ok()["id"]);

    world.advance(chrono::TimeDelta::days(58));
    let client = world.signed_in(Holder::Staff(clinician.id)).await;
    client.post(&checkups(&mother), laboratory("2027-01-20")).await.problem(404, "not_found");
    let corrected = json!({ "reason": "数值抄错", "payload": laboratory("2026-11-24")["payload"] });
    let answer = change(&client, &mother, &late.ok()["id"], "correct", 1, corrected).await;
    assert_eq!(answer.status, 200, "an author corrects at any time: {}", answer.text());
    assert_eq!(read(&client, &mother, &late.ok()["id"]).await.ok()["edited"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_result_may_name_its_visit() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.staff(&[Role::Clinician], Some(county.hospital), COUNTY, RegionLevel::County).await;
    let first = world.visit(mother.handbook, county.hospital, clinician.id).await;
    world.advance(chrono::TimeDelta::days(10));
    world.visit(mother.handbook, county.hospital, clinician.id).await;
    world.advance(chrono::TimeDelta::days(3));
    let client = world.signed_in(Holder::Staff(clinician.id)).await;
    let mut body = laboratory("2026-11-24");
    client.post(&checkups(&mother), body.clone()).await.problem(422, "date_before_visit");
    body["visit"] = json!(mother.handbook);
    client.post(&checkups(&mother), body.clone()).await.problem(422, "invalid");
    body["visit"] = json!(first);
    let attached = client.post(&checkups(&mother), body).await.ok();
    assert_eq!(read(&client, &mother, &attached["id"]).await.ok()["visit"], json!(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_to_a_day_that_no_calendar_knows_is_refused() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let sent = laboratory("2026-11-22");
    let id = clinician.client.post(&checkups(&mother), sent.clone()).await.ok()["id"].clone();
    for day in ["-262143-01-01", "+262142-12-31", "1899-12-31", "2101-01-01"] {
        let body = json!({ "reason": "日期录错", "occurred_on": day, "payload": sent["payload"] });
        let refused = change(&clinician.client, &mother, &id, "correct", 1, body).await;
        assert_eq!(refused.problem(422, "invalid")["errors"][0]["pointer"], "/occurred_on", "{day}");
        let mut anew = sent.clone();
        anew["occurred_on"] = json!(day);
        let refused = clinician.client.post(&checkups(&mother), anew).await;
        assert_eq!(refused.problem(422, "invalid")["errors"][0]["pointer"], "/occurred_on", "{day}");
    }
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
async fn a_correction_is_a_new_version_with_a_reason_and_the_family_is_told() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let id = clinician.client.post(&checkups(&mother), laboratory("2026-11-22")).await.ok()["id"].clone();
    let mut payload = laboratory("2026-11-22")["payload"].clone();
    payload["hemoglobin"] = json!(98);
    let body = json!({ "reason": "抄错一位", "payload": payload });
    let without = json!({ "payload": payload });
    change(&clinician.client, &mother, &id, "correct", 1, without).await.problem(422, "invalid");
    let corrected = change(&clinician.client, &mother, &id, "correct", 1, body.clone()).await;
    assert_eq!(corrected.ok()["version"], 2);
    change(&clinician.client, &mother, &id, "correct", 1, body.clone()).await.problem(412, "stale");
    let colleague = world.clinician_at(mother.handbook, county.hospital).await;
    change(&colleague.client, &mother, &id, "correct", 2, body).await.problem(403, "not_yours");
    change(&colleague.client, &mother, &id, "void", 2, json!({ "reason": "x" }))
        .await
        .problem(403, "not_yours");

    for client in [&mother.user.client, &colleague.client] {
        let shown = read(client, &mother, &id).await.ok();
        assert_eq!((&shown["payload"]["hemoglobin"], &shown["edited"]), (&json!(98), &json!(true)));
        let versions =
            client.get(&format!("{}/{}/versions", records(&mother), id.as_str().unwrap())).await.ok();
        let before = &versions["items"][0];
        assert_eq!((&before["payload"]["hemoglobin"], &before["reason"]), (&json!(118), &json!("抄错一位")));
    }
    assert_eq!(notices(&world, &mother).await, ["checkup_changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_entered_in_error_leaves_the_timeline_and_stays_with_its_author() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let id = clinician.client.post(&checkups(&mother), laboratory("2026-11-22")).await.ok()["id"].clone();
    change(&clinician.client, &mother, &id, "void", 1, json!({ "reason": "录错人" })).await.ok();
    read(&mother.user.client, &mother, &id).await.problem(404, "not_found");
    let colleague = world.clinician_at(mother.handbook, county.hospital).await;
    read(&colleague.client, &mother, &id).await.problem(404, "not_found");
    assert_eq!(read(&clinician.client, &mother, &id).await.ok()["state"], "voided");
    let own = clinician.client.get("/api/v1/checkups").await.ok();
    assert_eq!(own["items"][0]["state"], "voided");
    let again = change(&clinician.client, &mother, &id, "void", 2, json!({ "reason": "录错人" })).await;
    again.problem(409, "record_ended");
    assert_eq!(notices(&world, &mother).await, ["checkup_changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assessment_grades_the_pregnancy_until_it_is_voided() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let assessment = |hour: u32, grade: &str, purple: bool| {
        let mut payload = example(&world, "risk_assessment");
        payload["assessed_at"] = json!(format!("2026-11-22T{hour:02}:00:00+08:00"));
        payload["grade"] = json!(grade);
        payload["purple"] = json!(purple);
        payload["downgrade_reason"] = json!("按复查结果");
        json!({ "kind": "risk_assessment", "subject": "woman", "occurred_on": "2026-11-22", "payload": payload })
    };
    assert_eq!(grade(&world, &mother).await, (None, false));
    clinician.client.post(&checkups(&mother), assessment(9, "yellow", false)).await.ok();
    assert_eq!(grade(&world, &mother).await, (Some("yellow".into()), false));
    let later =
        clinician.client.post(&checkups(&mother), assessment(11, "red", true)).await.ok()["id"].clone();
    let earlier = clinician.client.post(&checkups(&mother), assessment(10, "orange", false)).await;
    assert_eq!(earlier.status, 201, "{}", earlier.text());
    assert_eq!(grade(&world, &mother).await, (Some("red".into()), true), "the latest counts");

    let father = world.family_user().await;
    let (role, relation) = (domain::member::MemberRole::Owner, domain::member::MemberRelation::Father);
    world.join(mother.handbook, father.id, role, relation, false).await;
    let seen = |client: Client| {
        let (mother, later) = (&mother, later.clone());
        async move { read(&client, mother, &later).await.ok()["payload"].clone() }
    };
    let (own, fathers) = (seen(mother.user.client.clone()).await, seen(father.client.clone()).await);
    assert_eq!((&own["purple"], &own["grade"]), (&json!(true), &json!("red")));
    assert_eq!(
        (&fathers["purple"], &fathers["grade"]),
        (&Value::Null, &json!("red")),
        "not for a co-guardian"
    );

    change(&clinician.client, &mother, &later, "void", 1, json!({ "reason": "录错人" })).await.ok();
    assert_eq!(grade(&world, &mother).await, (Some("orange".into()), false));
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
async fn a_village_doctor_writes_for_the_health_centre_which_countersigns() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    world.birth(&mother, "2026-11-15".parse().unwrap()).await;
    let village = world.staff(&[Role::VillageWorker], None, VILLAGE, RegionLevel::Village).await;
    let nurse = world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    let mut payload = example(&world, "postpartum_visit");
    payload["next_visit"] = json!("2026-12-01");
    let visit = json!({ "kind": "postpartum_visit", "subject": "woman", "occurred_on": "2026-11-22", "payload": payload });
    village.client.post(&checkups(&mother), visit.clone()).await.problem(403, "forbidden");

    let delegations = format!("/api/v1/handbooks/{}/delegations", mother.handbook);
    nurse.client.post(&delegations, json!({ "staff": nurse.id })).await.problem(422, "invalid");
    let delegation = nurse.client.post(&delegations, json!({ "staff": village.id })).await;
    assert_eq!(delegation.status, 201, "{}", delegation.text());
    nurse.client.post(&delegations, json!({ "staff": village.id })).await.problem(409, "delegation_exists");
    assert_eq!(nurse.client.get(&delegations).await.ok()["items"][0]["staff"], json!(village.id));
    let hospital = world.clinician_at(mother.handbook, county.hospital).await;
    hospital.client.post(&delegations, json!({ "staff": village.id })).await.problem(403, "forbidden");

    let written = village.client.post(&checkups(&mother), visit.clone()).await;
    assert_eq!(written.status, 201, "{}", written.text());
    let id = written.ok()["id"].clone();
    village.client.post(&checkups(&mother), laboratory("2026-11-22")).await.problem(403, "kind_not_allowed");
    let own = village.client.get(&records(&mother)).await.ok();
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    assert_eq!(own["items"][0]["awaits_countersign"], true);
    let listed = nurse.client.get("/api/v1/countersign").await.ok();
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["version"]), (&id, &json!(1)));

    change(&hospital.client, &mother, &id, "countersign", 1, json!({})).await.problem(403, "forbidden");
    change(&village.client, &mother, &id, "countersign", 1, json!({})).await.problem(403, "forbidden");
    change(&nurse.client, &mother, &id, "countersign", 7, json!({})).await.problem(412, "stale");
    assert_eq!(change(&nurse.client, &mother, &id, "countersign", 1, json!({})).await.ok()["version"], 2);
    change(&nurse.client, &mother, &id, "countersign", 2, json!({}))
        .await
        .problem(409, "not_awaiting_countersign");
    assert_eq!(nurse.client.get("/api/v1/countersign").await.ok()["items"], json!([]));
    let shown = read(&mother.user.client, &mother, &id).await.ok();
    assert!(shown["awaits_countersign"].is_null() && shown["edited"] == false);
    assert_eq!(shown["author"]["institution"], "河沙镇卫生院");

    let address = format!("{delegations}/{}", delegation.ok()["id"].as_str().unwrap());
    assert_eq!(nurse.client.delete(&address).await.status, 204);
    nurse.client.delete(&address).await.problem(404, "not_found");
    village.client.post(&checkups(&mother), visit).await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_village_doctor_corrects_is_signed_again_by_whoever_answers_for_the_handbook_then() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    world.birth(&mother, "2026-11-15".parse().unwrap()).await;
    let village = world.staff(&[Role::VillageWorker], None, VILLAGE, RegionLevel::Village).await;
    let nurse = world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    let classes = [AgencyClass::PrimaryCare];
    let other = world.institution("永兴镇卫生院", TOWN, RegionLevel::Town, &classes, &[]).await;
    let newer = world.staff(&[Role::Clinician], Some(other), TOWN, RegionLevel::Town).await;
    let delegations = format!("/api/v1/handbooks/{}/delegations", mother.handbook);
    nurse.client.post(&delegations, json!({ "staff": village.id })).await.ok();
    let mut payload = example(&world, "postpartum_visit");
    payload["next_visit"] = json!("2026-12-01");
    let visit = json!({ "kind": "postpartum_visit", "subject": "woman", "occurred_on": "2026-11-22", "payload": payload });
    let id = village.client.post(&checkups(&mother), visit).await.ok()["id"].clone();
    change(&nurse.client, &mother, &id, "countersign", 1, json!({})).await.ok();

    payload["next_visit"] = json!("2026-12-02");
    let corrected = json!({ "payload": payload, "reason": "日期有误" });
    change(&village.client, &mother, &id, "correct", 2, corrected).await.ok();
    assert_eq!(read(&mother.user.client, &mother, &id).await.ok()["awaits_countersign"], true);
    assert_eq!(nurse.client.get("/api/v1/countersign").await.ok()["items"][0]["id"], id);

    let transfer = format!("/api/v1/handbooks/{}/transfer", mother.handbook);
    nurse.client.post(&transfer, json!({ "institution": other, "reason": "搬家" })).await.ok();
    assert_eq!(nurse.client.get("/api/v1/countersign").await.ok()["items"], json!([]));
    assert_eq!(newer.client.get("/api/v1/countersign").await.ok()["items"][0]["id"], id);
    change(&newer.client, &mother, &id, "countersign", 3, json!({})).await.ok();
    assert!(read(&mother.user.client, &mother, &id).await.ok()["awaits_countersign"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_emergency_access_no_late_results_come() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.staff(&[Role::Clinician], Some(county.hospital), COUNTY, RegionLevel::County).await;
    let id = world.visit(mother.handbook, county.hospital, clinician.id).await;
    let emergency = visit::ActiveModel {
        id: Set(id),
        kind: Set(domain::visit::VisitKind::BreakGlass),
        ends_at: Set(world.now() + chrono::TimeDelta::minutes(60)),
        ..Default::default()
    };
    visit::Entity::update(emergency).exec(world.app.db.write()).await.unwrap();
    assert_eq!(clinician.client.post(&checkups(&mother), laboratory("2026-11-22")).await.status, 201);
    world.advance(chrono::TimeDelta::minutes(61));
    let client = world.signed_in(Holder::Staff(clinician.id)).await;
    client.post(&checkups(&mother), laboratory("2026-11-22")).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_result_belongs_to_the_ordinary_visit_although_an_emergency_came_after_it() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.staff(&[Role::Clinician], Some(county.hospital), COUNTY, RegionLevel::County).await;
    let ordinary = world.visit(mother.handbook, county.hospital, clinician.id).await;
    world.advance(chrono::TimeDelta::days(9));
    let client = world.signed_in(Holder::Staff(clinician.id)).await;
    let emergency = json!({
        "number": mother.number.printed(),
        "reason_code": "cannot_consent",
        "reason": "孕妇昏迷送入抢救室，没有家属陪同",
    });
    client.post("/api/v1/break-glass", emergency).await.ok();
    world.advance(chrono::TimeDelta::days(10));
    let client = world.signed_in(Holder::Staff(clinician.id)).await;
    let attached = client.post(&checkups(&mother), laboratory("2026-12-11")).await.ok();
    assert_eq!(read(&client, &mother, &attached["id"]).await.ok()["visit"], json!(ordinary));
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

#[tokio::test(flavor = "multi_thread")]
async fn delegations_come_page_by_page() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    let delegations = format!("/api/v1/handbooks/{}/delegations", mother.handbook);
    let mut delegated = Vec::new();
    for _ in 0..5 {
        let village = world.staff(&[Role::VillageWorker], None, VILLAGE, RegionLevel::Village).await;
        delegated.push(nurse.client.post(&delegations, json!({ "staff": village.id })).await.ok());
    }
    let end = format!("{delegations}/{}", delegated.remove(1)["id"].as_str().unwrap());
    assert_eq!(nurse.client.delete(&end).await.status, 204);
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = nurse.client.get(&format!("{delegations}?limit=3{cursor}")).await.ok();
        seen.extend(page["items"].as_array().unwrap().iter().cloned());
        pages += 1;
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((seen, pages), (delegated, 2), "the oldest first");
    nurse.client.get(&format!("{delegations}?limit=0")).await.problem(400, "bad_query");
    nurse.client.get(&format!("{delegations}?cursor=x")).await.problem(400, "bad_cursor");
}
