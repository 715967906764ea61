//! A family asks to correct what a clinician wrote, and the institution answers.

use chrono::TimeDelta;
use domain::access::Role;
use domain::member::{MemberRelation, MemberRole};
use domain::place::RegionLevel;
use reqwest::Method;
use serde_json::{Value, json};

use crate::checkups::{antenatal, checkups};
use crate::entries::{entries, pressure, records};
use crate::support::people::County;
use crate::support::{COUNTY, Client, Mother, StaffMember, World, send};

struct Case {
    world: World,
    county: County,
    mother: Mother,
    doctor: StaffMember,
    checkup: Value,
}

impl Case {
    async fn new() -> Self {
        let world = World::empty().await;
        let county = world.county().await;
        let mother = world.mother(&county).await;
        let doctor = world.clinician_at(mother.handbook, county.hospital).await;
        let checkup = doctor.client.post(&checkups(&mother), antenatal(&world)).await.ok()["id"].clone();
        Self { world, county, mother, doctor, checkup }
    }

    fn at(&self, record: &Value) -> String {
        format!("{}/{}/correction-requests", records(&self.mother), record.as_str().unwrap())
    }

    async fn asked(&self) -> Value {
        let said = json!({ "says": "体重写错了，应为61公斤" });
        self.mother.user.client.post(&self.at(&self.checkup), said).await.ok()
    }

    async fn own(&self, client: &Client) -> Vec<Value> {
        let path = format!("/api/v1/handbooks/{}/correction-requests", self.mother.handbook);
        client.get(&path).await.ok()["items"].as_array().unwrap().clone()
    }

    async fn correct(&self) -> Value {
        let path = format!("{}/{}/correct", checkups(&self.mother), self.checkup.as_str().unwrap());
        let body = json!({ "payload": antenatal(&self.world)["payload"], "reason": "家属指出录错" });
        send(self.doctor.client.request(Method::POST, &path).header("if-match", "\"1\"").json(&body))
            .await
            .ok()
    }
}

fn answer_at(request: &Value) -> String {
    format!("/api/v1/correction-requests/{}/answer", request["id"].as_str().unwrap())
}

async fn listed(client: &Client, query: &str) -> Vec<Value> {
    client.get(&format!("/api/v1/correction-requests{query}")).await.ok()["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mother_asks_and_the_author_corrects_and_names_the_version() {
    let case = Case::new().await;
    let request = case.asked().await;
    assert_eq!((&request["state"], &request["due_on"]), (&json!("open"), &json!("2026-12-07")));
    case.mother
        .user
        .client
        .post(&case.at(&case.checkup), json!({ "says": "还有身高" }))
        .await
        .problem(409, "request_open");
    let list = listed(&case.doctor.client, "?state=open").await;
    assert_eq!(
        (list.len(), &list[0]["name"], &list[0]["says"]),
        (1, &json!("王**"), &json!("体重写错了，应为61公斤"))
    );
    let log = format!("/api/v1/handbooks/{}/access-log", case.mother.handbook);
    let log = case.mother.user.client.get(&log).await.ok();
    assert_eq!(log["items"][0]["action"], "read_corrections");

    let too_early = json!({ "state": "corrected", "version": 2 });
    let refused =
        case.doctor.client.post(&answer_at(&request), too_early.clone()).await.problem(422, "invalid");
    assert_eq!(
        (&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]),
        (&json!("/version"), &json!("not_corrected"))
    );
    assert_eq!(case.correct().await["version"], 2);
    for wrong in [1, 3, -1] {
        let named = json!({ "state": "corrected", "version": wrong });
        case.doctor.client.post(&answer_at(&request), named).await.problem(422, "invalid");
    }
    assert_eq!(case.doctor.client.post(&answer_at(&request), too_early.clone()).await.status, 201);
    case.doctor.client.post(&answer_at(&request), too_early).await.problem(409, "request_answered");
    let own = case.own(&case.mother.user.client).await;
    assert_eq!((&own[0]["state"], &own[0]["new_version"]), (&json!("corrected"), &json!(2)));
    assert_eq!(case.mother.told().await[0], "correction_answered");
    assert!(listed(&case.doctor.client, "").await.is_empty());
    assert_eq!(listed(&case.doctor.client, "?state=corrected").await.len(), 1);
    case.asked().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_a_reason_that_who_asked_reads() {
    let case = Case::new().await;
    let request = case.asked().await;
    let post = async |body: Value| case.doctor.client.post(&answer_at(&request), body).await;
    for (body, pointer) in [
        (json!({ "state": "refused" }), "/reason"),
        (json!({ "state": "refused", "reason": "  " }), "/reason"),
        (json!({ "state": "corrected" }), "/version"),
        (json!({ "state": "open" }), "/state"),
        (json!({ "state": "refused", "reason": "胎儿是男孩" }), "/reason"),
    ] {
        assert_eq!(post(body).await.problem(422, "invalid")["errors"][0]["pointer"], pointer);
    }
    assert_eq!(post(json!({ "state": "refused", "reason": "复测两次，数值无误" })).await.status, 201);
    let own = case.own(&case.mother.user.client).await;
    assert_eq!((&own[0]["state"], &own[0]["reason"]), (&json!("refused"), &json!("复测两次，数值无误")));
    let father = case.world.relative(&case.mother, MemberRole::Guardian, MemberRelation::Father).await.client;
    let others = case.own(&father).await;
    assert_eq!((&others[0]["state"], others[0].get("says")), (&json!("refused"), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_clinicians_record_is_asked_about_and_only_its_institution_answers() {
    let case = Case::new().await;
    let client = &case.mother.user.client;
    let entry = client.post(&entries(&case.mother), pressure(118, 76)).await.ok()["id"].clone();
    client.post(&case.at(&entry), json!({ "says": "错了" })).await.problem(409, "not_a_clinicians_record");
    client
        .post(&case.at(&json!(case.mother.handbook)), json!({ "says": "错了" }))
        .await
        .problem(404, "not_found");
    client.post(&case.at(&case.checkup), json!({ "says": "" })).await.problem(422, "invalid");
    let viewer = case.world.relative(&case.mother, MemberRole::Viewer, MemberRelation::Other).await.client;
    viewer.post(&case.at(&case.checkup), json!({ "says": "错了" })).await.problem(403, "forbidden");
    let request = case.asked().await;
    let stranger = case.world.doctor(case.county.foreign_hospital).await.client;
    let answer = json!({ "state": "refused", "reason": "无误" });
    stranger.post(&answer_at(&request), answer.clone()).await.problem(404, "not_found");
    assert!(listed(&stranger, "").await.is_empty());
    client.post(&answer_at(&request), answer).await.problem(403, "forbidden");
    case.world.number("SELECT COUNT(*) FROM correction_request WHERE answered_at IS NULL").await;
    assert_eq!(case.own(client).await[0]["state"], "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_answers_in_time_is_overdue_to_the_county() {
    let case = Case::new().await;
    case.asked().await;
    let county =
        case.world.staff(&[Role::CountyMch], Some(case.county.mch), COUNTY, RegionLevel::County).await.id;
    let at_county = async || listed(&case.world.sign_in_staff(county).await, "").await;
    case.world.advance(TimeDelta::days(15));
    assert!(at_county().await.is_empty(), "the fifteenth day is in time");
    case.world.advance(TimeDelta::days(1));
    let overdue = at_county().await;
    assert_eq!((overdue.len(), &overdue[0]["overdue"]), (1, &json!(true)));
    assert_eq!((overdue[0].get("says"), &overdue[0]["institution"]), (None, &json!("船山区人民医院")));
    let client = case.world.sign_in_staff(county).await;
    for answered in ["corrected", "refused"] {
        let address = format!("/api/v1/correction-requests?state={answered}");
        let refused = client.get(&address).await.problem(400, "bad_query");
        assert_eq!(refused["errors"][0]["parameter"], "state", "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_requests_at_once_one_is_kept() {
    let case = Case::new().await;
    let client = &case.mother.user.client;
    let path = case.at(&case.checkup);
    let all = (0..8).map(|_| client.post(&path, json!({ "says": "体重错了" })));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(case.world.number("SELECT COUNT(*) FROM correction_request").await, 1);
}
