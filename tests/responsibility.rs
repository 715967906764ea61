//! The chain of responsibility: who was told what, by when it was to be done, and when it was.

use chrono::TimeDelta;
use domain::access::Role;
use domain::institution::AgencyClass;
use domain::place::RegionLevel;
use reqwest::Method;
use serde_json::{Value, json};

use crate::checkups::{antenatal, checkups};
use crate::entries::{entries, pressure};
use crate::support::people::{COUNTY, TOWN, VILLAGE};
use crate::support::{Client, Mother, World, send};

async fn duties(client: &Client, mother: &Mother) -> Vec<Value> {
    let path = format!("/api/v1/handbooks/{}/responsibility", mother.handbook);
    client.get(&path).await.ok()["items"].as_array().unwrap().clone()
}

fn brief(line: &Value) -> [&str; 4] {
    ["duty", "role", "state", "institution_name"].map(|word| line[word].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_to_whom_is_due_then_done_or_late() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await;
    mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok();
    world.advance(TimeDelta::hours(1));
    let emergency = json!({ "number": mother.number.printed(), "reason_code": "cannot_consent",
        "reason": "孕妇昏迷送入抢救室，没有家属陪同" });
    let doctor = world.doctor(county.foreign_hospital).await;
    doctor.client.post("/api/v1/break-glass", emergency).await.ok();

    let lines = duties(&world.sign_in_staff(nurse.id).await, &mother).await;
    let expected =
        [["emergency_review", "county_mch", "due", ""], ["danger_sign", "clinician", "due", "河沙镇卫生院"]];
    assert_eq!(lines.iter().map(brief).collect::<Vec<_>>(), expected);
    assert_eq!(
        (&lines[1]["since"], &lines[1]["due_by"]),
        (&json!("2026-11-22T04:00:00Z"), &json!("2026-11-23T04:00:00Z"))
    );
    assert_eq!(lines[0]["due_by"], "2026-11-25T16:00:00Z", "the third working day after a Sunday");
    assert!(!lines.iter().any(|line| line.to_string().contains("160/110")), "nothing is quoted");

    world.advance(TimeDelta::days(1));
    let nurse = world.sign_in_staff(nurse.id).await;
    assert_eq!(duties(&nurse, &mother).await[1]["state"], "late");
    let alert = lines[1]["id"].as_str().unwrap();
    let answer = format!("/api/v1/handbooks/{}/alerts/{alert}/answer", mother.handbook);
    nurse.post(&answer, json!({ "answer": "已电话联系" })).await.ok();
    let lines = duties(&nurse, &mother).await;
    assert_eq!((&lines[1]["state"], &lines[1]["done_at"]), (&json!("late"), &json!("2026-11-23T05:00:00Z")));

    let mch = world.sign_in_staff(mch.id).await;
    let review = format!("/api/v1/break-glass/{}/review", lines[0]["visit"].as_str().unwrap());
    mch.post(&review, json!({ "accepted": true, "note": "情况属实" })).await.ok();
    assert_eq!(duties(&mch, &mother).await[0]["state"], "done");
    let path = format!("/api/v1/handbooks/{}/responsibility", mother.handbook);
    let english = send(mch.request(Method::GET, &path).header("accept-language", "en")).await.ok();
    assert_eq!(english["items"][0]["what"], "an emergency access is reviewed");
    let owner = world.sign_in_user(mother.user.id).await;
    let log = owner.get(&format!("/api/v1/handbooks/{}/access-log", mother.handbook)).await.ok();
    assert_eq!(log["items"][0]["action"], "read_responsibility", "reading it is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn delegated_visits_late_results_and_transfers_stand_in_the_chain_page_by_page() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    let village =
        world.staff(&[Role::VillageWorker], Some(county.health_centre), VILLAGE, RegionLevel::Village).await;
    let delegations = format!("/api/v1/handbooks/{}/delegations", mother.handbook);
    nurse.client.post(&delegations, json!({ "staff": village.id })).await.ok();
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    doctor.client.post(&checkups(&mother), antenatal(&world)).await.ok();
    world.advance(TimeDelta::days(10));
    let doctor = world.sign_in_staff(doctor.id).await;
    let result = json!({ "kind": "laboratory_result", "subject": "woman", "occurred_on": "2026-11-22", "payload": {
        "sampled_at": "2026-11-22T11:00:00+08:00", "specimen": ["blood"], "origin": "here", "hemoglobin": 118 } });
    doctor.post(&checkups(&mother), result).await.ok();
    world.advance(TimeDelta::minutes(1));
    let nurse = world.sign_in_staff(nurse.id).await;
    let classes = [AgencyClass::PrimaryCare];
    let other = world.institution("永兴镇卫生院", TOWN, RegionLevel::Town, &classes, &[]).await;
    let moved =
        json!({ "institution": other, "reason": "搬家", "region_code": VILLAGE, "address": "新村3号" });
    nurse.post(&format!("/api/v1/handbooks/{}/transfer", mother.handbook), moved).await.ok();

    let manager = world.doctor(other).await.client;
    let all = duties(&manager, &mother).await;
    let expected = [
        ["desk_act", "clinician", "done", "河沙镇卫生院"],
        ["late_result", "clinician", "done", "船山区人民医院"],
        ["delegation", "village_worker", "done", "河沙镇卫生院"],
    ];
    assert_eq!(
        all.iter().map(brief).collect::<Vec<_>>(),
        expected,
        "a checkup in its visit asks nothing of anybody"
    );
    assert_eq!(all[0]["what"], "转出管理");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/handbooks/{}/responsibility?limit=1{cursor}", mother.handbook);
        let page = manager.get(&path).await.ok();
        seen.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, all);
}
