//! Emergency access: for one clinician and one hour, told to the family, reviewed by the county.

use chrono::TimeDelta;
use domain::access::Role;
use domain::place::RegionLevel;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{COUNTY, Mother, OTHER_COUNTY, StaffMember, World};

fn emergency(mother: &Mother) -> Value {
    json!({
        "number": mother.number.printed(),
        "reason_code": "cannot_consent",
        "reason": "孕妇昏迷送入抢救室，没有家属陪同",
    })
}

async fn open(doctor: &StaffMember, body: Value) -> crate::support::Answer {
    doctor.client.post("/api/v1/break-glass", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinician_opens_a_handbook_for_an_hour_and_the_family_is_told() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.foreign_hospital).await;
    let answer = open(&doctor, emergency(&mother)).await;
    assert_eq!(answer.status, 201);
    let access = answer.ok();
    assert_eq!(
        (access["kind"].as_str(), access["ends_at"].as_str()),
        (Some("break_glass"), Some("2026-11-22T05:00:00Z"))
    );
    assert_eq!(access["cover"]["woman"]["name"], "王小红");
    assert_eq!(mother.told().await, ["break_glass"]);
    let notice = &mother.notices().await[0];
    assert!(notice["text"].as_str().unwrap().starts_with("任城区人民医院因紧急情况调阅了手册"));
    assert_eq!(
        world.number("SELECT COUNT(*) FROM usage_evidence").await,
        0,
        "an emergency is no use of the handbook"
    );

    let log = mother.user.client.get(&format!("/api/v1/handbooks/{}/access-log", mother.handbook)).await.ok();
    assert_eq!(log["items"][0]["visit"]["kind"], "break_glass");
    assert!(log["items"][0]["why"].as_str().unwrap().starts_with("紧急情况下调阅"));
    let id = access["id"].as_str().unwrap();
    let end = format!("/api/v1/handbooks/{}/visits/{id}/end", mother.handbook);
    mother.user.client.post(&end, json!({})).await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn emergency_access_is_personal() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.foreign_hospital).await;
    let colleague = world.doctor(county.foreign_hospital).await;
    let id = open(&doctor, emergency(&mother)).await.ok()["id"].as_str().unwrap().to_owned();
    let read = |who: &StaffMember| {
        let client = who.client.clone();
        let path = format!("/api/v1/handbooks/{}/changes", mother.handbook);
        async move { client.get(&path).await }
    };
    read(&doctor).await.problem(403, "forbidden");
    read(&colleague).await.problem(404, "not_found");
    let path = format!("/api/v1/visits/{id}");
    assert_eq!(doctor.client.get(&path).await.ok()["is_mine"], true);
    colleague.client.get(&path).await.problem(404, "not_found");
    colleague.client.post(&format!("{path}/end"), json!({})).await.problem(404, "not_found");
    assert_eq!(colleague.client.get("/api/v1/visits").await.ok()["items"], json!([]));
    assert_eq!(doctor.client.get("/api/v1/visits").await.ok()["items"].as_array().unwrap().len(), 1);
    world.advance(TimeDelta::hours(1));
    let doctor = StaffMember { client: world.sign_in_staff(doctor.id).await, ..doctor };
    read(&doctor).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handbook_is_found_by_the_id_number_of_the_woman_or_of_a_child() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let (_, child) = world.child(mother.handbook, "王小宝", "51090320260301777").await;
    let doctor = world.doctor(county.hospital).await;
    for id_number in [&mother.id_number, &child] {
        let body = json!({ "id_number": id_number, "reason_code": "child_in_danger", "reason": "儿童高热惊厥，家属无法联系上" });
        assert_eq!(open(&doctor, body).await.ok()["handbook"], mother.handbook.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn emergency_access_needs_a_reason_a_clinician_and_a_live_handbook() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let with = |field: &str, value: Value| {
        let mut body = emergency(&mother);
        body[field] = value;
        body
    };
    let pointer =
        |answer: crate::support::Answer| answer.problem(422, "invalid")["errors"][0]["pointer"].clone();
    assert_eq!(pointer(open(&doctor, with("reason", json!("抢救"))).await), "/reason");
    assert_eq!(pointer(open(&doctor, with("reason_code", json!("curious"))).await), "/reason_code");
    assert_eq!(pointer(open(&doctor, with("number", json!("12"))).await), "/number");
    assert_eq!(
        pointer(open(&doctor, with("id_number", json!(mother.id_number))).await),
        "/number",
        "one of the two"
    );
    assert_eq!(pointer(open(&doctor, with("number", Value::Null)).await), "/number");

    for role in [Role::HandbookAdministrator, Role::KindergartenStaff, Role::VillageWorker, Role::CountyMch] {
        open(&world.worker(&[role], county.mch).await, emergency(&mother)).await.problem(403, "forbidden");
    }
    mother.user.client.post("/api/v1/break-glass", emergency(&mother)).await.problem(403, "forbidden");
    world.anybody().post("/api/v1/break-glass", emergency(&mother)).await.problem(401, "not_signed_in");
    let nobody = json!({ "id_number": "11010519491231002X", "reason_code": "other", "reason": "路人昏迷，急需既往史资料" });
    open(&doctor, nobody).await.problem(404, "not_found");
    world.execute("UPDATE handbook SET state = 'replaced' WHERE id = ?", [mother.handbook.into()]).await;
    open(&doctor, emergency(&mother)).await.problem(409, "handbook_closed");
    assert_eq!(world.number("SELECT COUNT(*) FROM visit").await, 0);
    assert_eq!(mother.told().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_opens_more_than_ten_a_day_even_all_at_once() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let answers = join_all((0..15).map(|_| open(&doctor, emergency(&mother)))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 10);
    let refused = answers.iter().find(|answer| answer.status != 201).unwrap();
    refused.problem(429, "too_many_tries");
    assert_eq!(refused.headers["retry-after"], "43200", "until midnight in China");
    assert_eq!(world.number("SELECT COUNT(*) FROM visit").await, 10);
    assert_eq!(open(&world.doctor(county.hospital).await, emergency(&mother)).await.status, 201);
    world.advance(TimeDelta::hours(12));
    let doctor = StaffMember { client: world.sign_in_staff(doctor.id).await, ..doctor };
    assert_eq!(open(&doctor, emergency(&mother)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_county_of_the_family_reviews_each_access_once() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.foreign_hospital).await;
    let ids: Vec<String> = {
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(open(&doctor, emergency(&mother)).await.ok()["id"].as_str().unwrap().to_owned());
        }
        ids
    };
    let reviewer = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await;
    let elsewhere = world.staff(&[Role::CountyMch], None, OTHER_COUNTY, RegionLevel::County).await;
    assert_eq!(elsewhere.client.get("/api/v1/break-glass").await.ok()["items"], json!([]));
    doctor.client.get("/api/v1/break-glass").await.problem(403, "forbidden");

    let page = reviewer.client.get("/api/v1/break-glass?reviewed=false&limit=2").await;
    assert!(!page.text().contains("王小红") && !page.text().contains(&mother.id_number));
    let page = page.ok();
    let item = &page["items"][0];
    assert_eq!(item["visit"], ids[2], "the newest first");
    assert_eq!(
        (item["name"].as_str(), item["institution_name"].as_str()),
        (Some("王**"), Some("任城区人民医院"))
    );
    assert_eq!(
        (item["staff_name"].as_str(), item["staff_title"].as_str()),
        (Some("李医生"), Some("主治医师"))
    );
    assert_eq!(item["reason"], "孕妇昏迷送入抢救室，没有家属陪同");
    assert_eq!(item["reason_label"], "本人无法出示手册且无家属在场");
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = reviewer.client.get(&format!("/api/v1/break-glass?reviewed=false&cursor={cursor}")).await.ok();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    reviewer
        .client
        .get(&format!("/api/v1/break-glass?reviewed=true&cursor={cursor}"))
        .await
        .problem(400, "bad_cursor");

    let review = |id: &str| format!("/api/v1/break-glass/{id}/review");
    elsewhere.client.post(&review(&ids[0]), json!({ "accepted": true })).await.problem(404, "not_found");
    reviewer.client.post(&review("none"), json!({ "accepted": true })).await.problem(404, "not_found");
    let silent = reviewer.client.post(&review(&ids[0]), json!({ "accepted": false })).await;
    assert_eq!(silent.problem(422, "invalid")["errors"][0]["pointer"], "/note");
    let refusal = json!({ "accepted": false, "note": "核对急诊登记，当时无此病人" });
    let address = review(&ids[0]);
    let reviews = join_all((0..4).map(|_| reviewer.client.post(&address, refusal.clone()))).await;
    assert_eq!(reviews.iter().filter(|answer| answer.status == 200).count(), 1);
    reviews.iter().find(|answer| answer.status != 200).unwrap().problem(409, "already_reviewed");
    reviewer.client.post(&review(&ids[1]), json!({ "accepted": true })).await.ok();

    let waiting = reviewer.client.get("/api/v1/break-glass").await.ok();
    assert_eq!(waiting["items"].as_array().unwrap().len(), 1);
    let done = reviewer.client.get("/api/v1/break-glass?reviewed=true").await.ok();
    assert_eq!(
        (done["items"][1]["accepted"].as_bool(), done["items"][1]["note"].as_str()),
        (Some(false), Some("核对急诊登记，当时无此病人"))
    );
    let log = mother.user.client.get(&format!("/api/v1/handbooks/{}/access-log", mother.handbook)).await.ok();
    assert_eq!(log["items"][0]["why"], "您居住在其服务的辖区内", "reviewing reads too");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reviews_an_access_of_their_own() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let both = world.worker(&[Role::Clinician, Role::CountyMch], county.mch).await;
    let id = open(&both, emergency(&mother)).await.ok()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/break-glass/{id}/review");
    both.client.post(&path, json!({ "accepted": true })).await.problem(403, "forbidden");
    let reviewer = world.worker(&[Role::CountyMch], county.mch).await;
    reviewer.client.post(&path, json!({ "accepted": true })).await.ok();
}
