//! The chain of responsibility: who was told what, by when it was to be done, and when it was.

use api::checkups::store::await_nobody;
use chrono::TimeDelta;
use domain::access::Role;
use domain::consent::Purpose;
use domain::id::InstitutionId;
use domain::institution::AgencyClass;
use domain::place::RegionLevel;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::checkups::{antenatal, checkups};
use crate::entries::{entries, pressure, records};
use crate::fetal_sex::example;
use crate::support::people::{COUNTY, TOWN, VILLAGE};
use crate::support::{Client, County, Mother, StaffMember, World, send};

fn chain(mother: &Mother) -> String {
    format!("/api/v1/handbooks/{}/responsibility", mother.handbook)
}

async fn narrowed(client: &Client, mother: &Mother, query: &str) -> Vec<Value> {
    let path = format!("{}{query}", chain(mother));
    client.get(&path).await.ok()["items"].as_array().unwrap().clone()
}

async fn duties(client: &Client, mother: &Mother) -> Vec<Value> {
    narrowed(client, mother, "").await
}

async fn of_duty(client: &Client, mother: &Mother, duty: &str) -> Vec<Value> {
    duties(client, mother).await.into_iter().filter(|line| line["duty"] == duty).collect()
}

/// The same as [`duties`], one line at a time.
async fn line_by_line(client: &Client, mother: &Mother) -> Vec<Value> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{}?limit=1{cursor}", chain(mother))).await.ok();
        seen.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
    }
}

async fn nurse(world: &World, county: &County) -> StaffMember {
    world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await
}

async fn another_centre(world: &World) -> InstitutionId {
    world.institution("永兴镇卫生院", TOWN, RegionLevel::Town, &[AgencyClass::PrimaryCare], &[]).await
}

async fn transfer(client: &Client, mother: &Mother, to: InstitutionId) {
    let moved = json!({ "institution": to, "reason": "搬家" });
    client.post(&format!("/api/v1/handbooks/{}/transfer", mother.handbook), moved).await.ok();
}

/// A visit at home that a village doctor wrote by delegation.
async fn visit_at_home(world: &World, mother: &Mother, nurse: &Client) -> (StaffMember, Value) {
    world.birth(mother, "2026-11-15".parse().unwrap()).await;
    let village = world.staff(&[Role::VillageWorker], None, VILLAGE, RegionLevel::Village).await;
    let delegations = format!("/api/v1/handbooks/{}/delegations", mother.handbook);
    nurse.post(&delegations, json!({ "staff": village.id })).await.ok();
    let mut payload = example(world, "postpartum_visit");
    payload["next_visit"] = json!("2026-12-01");
    let visit = json!({ "kind": "postpartum_visit", "subject": "woman", "occurred_on": "2026-11-22", "payload": payload });
    let id = village.client.post(&checkups(mother), visit).await.ok()["id"].clone();
    (village, id)
}

async fn change(client: &Client, mother: &Mother, record: &Value, verb: &str, body: Value) {
    let path = format!("{}/{}/{verb}", checkups(mother), record.as_str().unwrap());
    client.change(Method::POST, &path, "\"1\"", body).await.ok();
}

fn brief(line: &Value) -> [&str; 4] {
    ["duty", "role", "state", "institution_name"].map(|word| line[word].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_to_whom_is_due_then_done_or_late() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = nurse(&world, &county).await;
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
    let somebody = json!({ "name": "李医生", "title": "主治医师" });
    assert_eq!((&lines[1]["done_by"], lines[1].get("known_by")), (&somebody, None), "the family wrote it");
    assert_eq!((&lines[0]["known_by"], lines[0].get("done_by")), (&somebody, None));

    let mch = world.sign_in_staff(mch.id).await;
    let review = format!("/api/v1/break-glass/{}/review", lines[0]["visit"].as_str().unwrap());
    mch.post(&review, json!({ "accepted": true, "note": "情况属实" })).await.ok();
    let reviewed = duties(&mch, &mother).await[0].clone();
    assert_eq!((&reviewed["state"], &reviewed["done_by"]), (&json!("done"), &somebody));
    let english = send(mch.request(Method::GET, &chain(&mother)).header("accept-language", "en")).await.ok();
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
    let nurse = nurse(&world, &county).await;
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
    let other = another_centre(&world).await;
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
    assert_eq!(line_by_line(&manager, &mother).await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_that_one_institution_let_lapse_is_not_laid_on_the_next() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = nurse(&world, &county).await;
    mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok();
    world.advance(TimeDelta::hours(30));
    let other = another_centre(&world).await;
    transfer(&world.sign_in_staff(nurse.id).await, &mother, other).await;
    world.advance(TimeDelta::hours(1));

    let manager = world.doctor(other).await.client;
    let signs = of_duty(&manager, &mother, "danger_sign").await;
    let expected = [
        ["danger_sign", "clinician", "late", "永兴镇卫生院"],
        ["danger_sign", "clinician", "late", "河沙镇卫生院"],
    ];
    assert_eq!(signs.iter().map(brief).collect::<Vec<_>>(), expected);
    let moved = json!("2026-11-23T10:00:00Z");
    assert_eq!((&signs[0]["since"], &signs[0]["overdue_on_arrival"]), (&moved, &json!(true)));
    assert_eq!((&signs[1]["since"], &signs[1]["ended_at"]), (&json!("2026-11-22T04:00:00Z"), &moved));
    assert_eq!(signs[1]["overdue_on_arrival"], false);
    for sign in &signs {
        assert_eq!(sign["due_by"], "2026-11-23T04:00:00Z", "a transfer moves no deadline");
    }
    assert_eq!(line_by_line(&manager, &mother).await, duties(&manager, &mother).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_to_another_institution_in_time_is_handed_over_and_done_there() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = nurse(&world, &county).await;
    let (_, record) = visit_at_home(&world, &mother, &nurse.client).await;
    mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok();
    world.advance(TimeDelta::minutes(1));
    let (second, third) = (another_centre(&world).await, another_centre(&world).await);
    transfer(&nurse.client, &mother, second).await;
    world.advance(TimeDelta::minutes(1));
    transfer(&world.doctor(second).await.client, &mother, third).await;
    world.advance(TimeDelta::minutes(1));

    let manager = world.doctor(third).await.client;
    let alert = manager.get("/api/v1/alerts").await.ok()["items"][0]["id"].clone();
    let answer = format!("/api/v1/handbooks/{}/alerts/{}/answer", mother.handbook, alert.as_str().unwrap());
    manager.post(&answer, json!({ "answer": "已电话联系" })).await.ok();
    change(&manager, &mother, &record, "countersign", json!({})).await;
    for (duty, recorded_at) in
        [("danger_sign", "2026-11-22T04:00:00Z"), ("countersign", "2026-11-22T04:00:00Z")]
    {
        let lines = of_duty(&manager, &mother, duty).await;
        let states: Vec<_> = lines.iter().map(|line| line["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["done", "handed_over", "handed_over"], "{duty}");
        assert_eq!(lines[0]["since"], lines[1]["ended_at"], "{duty}");
        assert_eq!(lines[1]["since"], lines[2]["ended_at"], "{duty}");
        assert_eq!(
            (&lines[0]["done_at"], &lines[2]["since"]),
            (&json!("2026-11-22T04:03:00Z"), &json!(recorded_at))
        );
        assert!(lines[1].get("done_at").is_none() && lines[1].get("done_by").is_none(), "{duty}");
        let institutions: Vec<_> = lines.iter().map(|line| &line["institution"]).collect();
        assert_eq!(institutions, [&json!(third), &json!(second), &json!(county.health_centre)]);
    }
    assert_eq!(line_by_line(&manager, &mother).await, duties(&manager, &mother).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_voided_or_awaits_nobody_any_more_stays_with_its_end() {
    let world = World::empty().await;
    let county = world.county().await;
    let nurse = nurse(&world, &county).await;
    let (mother, other) = (world.mother(&county).await, world.mother(&county).await);
    let (village, record) = visit_at_home(&world, &mother, &nurse.client).await;
    visit_at_home(&world, &other, &nurse.client).await;
    world.advance(TimeDelta::minutes(1));
    change(&village.client, &mother, &record, "void", json!({ "reason": "录错人" })).await;
    await_nobody(world.app.db.write(), other.handbook).await.unwrap();

    let voided = of_duty(&nurse.client, &mother, "countersign").await;
    assert_eq!(
        voided.iter().map(brief).collect::<Vec<_>>(),
        [["countersign", "clinician", "ended", "河沙镇卫生院"]]
    );
    assert_eq!(
        (&voided[0]["ended_at"], &voided[0]["state_label"]),
        (&json!("2026-11-22T04:01:00Z"), &json!("已终止"))
    );
    let fallen_away = of_duty(&nurse.client, &other, "countersign").await;
    assert_eq!((fallen_away.len(), &fallen_away[0]["state"]), (1, &json!("ended")));
    assert!(fallen_away[0].get("done_at").is_none() && fallen_away[0]["ended_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_that_the_family_hides_has_ended_and_is_due_again_when_it_is_shown() {
    let world = World::empty().await;
    let county = world.county().await;
    let (mother, unsharing) = (world.mother(&county).await, world.mother(&county).await);
    let nurse = nurse(&world, &county).await;
    let entry = mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok()["id"].clone();
    unsharing.user.client.post(&entries(&unsharing), pressure(172, 112)).await.ok();
    world.advance(TimeDelta::minutes(1));
    let hide = format!("{}/{}/private", entries(&mother), entry.as_str().unwrap());
    mother.user.client.change(Method::PUT, &hide, "\"1\"", json!({ "private": true })).await.ok();
    let share = format!("/api/v1/handbooks/{}/consents/share_entries", unsharing.handbook);
    let withdrawn = json!({ "given": false, "version": Purpose::ShareEntries.version() });
    send(unsharing.user.client.request(Method::PUT, &share).json(&withdrawn)).await.ok();

    world.advance(TimeDelta::days(2));
    let nurse = world.sign_in_staff(nurse.id).await;
    for of in [&mother, &unsharing] {
        let lines = duties(&nurse, of).await;
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (&lines[0]["state"], &lines[0]["ended_at"], lines[0].get("record")),
            (&json!("ended"), &json!("2026-11-22T04:01:00Z"), None)
        );
    }
    let owner = world.sign_in_user(mother.user.id).await;
    owner.change(Method::PUT, &hide, "\"2\"", json!({ "private": false })).await.ok();
    let lines = duties(&nurse, &mother).await;
    assert_eq!((&lines[0]["state"], &lines[0]["record"]), (&json!("late"), &entry));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_that_was_hidden_before_a_transfer_is_late_for_nobody() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = nurse(&world, &county).await;
    let entry = mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok()["id"].clone();
    world.advance(TimeDelta::hours(1));
    let hide = format!("{}/{}/private", entries(&mother), entry.as_str().unwrap());
    let owner = world.sign_in_user(mother.user.id).await;
    owner.change(Method::PUT, &hide, "\"1\"", json!({ "private": true })).await.ok();
    world.advance(TimeDelta::hours(29));
    let other = another_centre(&world).await;
    transfer(&world.sign_in_staff(nurse.id).await, &mother, other).await;

    let signs = of_duty(&world.doctor(other).await.client, &mother, "danger_sign").await;
    assert_eq!(signs.len(), 1, "{signs:?}");
    assert_eq!(brief(&signs[0]), ["danger_sign", "clinician", "ended", "河沙镇卫生院"]);
    assert_eq!((&signs[0]["ended_at"], signs[0].get("record")), (&json!("2026-11-22T05:00:00Z"), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_woman_and_each_child_have_a_chain_of_their_own() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = nurse(&world, &county).await.client;
    let child = world.birth(&mother, "2026-11-15".parse().unwrap()).await;
    let (sibling, _) = world.child(mother.handbook, "王小宝", "51090320260301001").await;
    let of_child = json!({ "child": child });
    let yellow = json!({ "kind": "jaundice", "subject": of_child, "payload": { "date": "2026-11-22", "extent": ["palms_soles"] } });
    for entry in [pressure(172, 112), yellow] {
        mother.user.client.post(&entries(&mother), entry).await.ok();
        world.advance(TimeDelta::minutes(1));
    }
    transfer(&nurse, &mother, another_centre(&world).await).await;
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await.client;

    let told = async |query: String| -> Vec<Value> {
        let lines = narrowed(&mch, &mother, &query).await;
        lines.iter().map(|line| line.get("subject").cloned().unwrap_or_default()).collect()
    };
    let everybody = told(String::new()).await;
    assert_eq!(everybody.len(), 5, "two signs, each for two institutions, and the transfer");
    assert!(everybody.contains(&Value::Null), "a transfer is about the handbook: {everybody:?}");
    assert_eq!(told("?subject=woman".to_owned()).await, [json!("woman"), json!("woman")]);
    assert_eq!(told(format!("?subject={child}")).await, [of_child.clone(), of_child]);
    assert!(told(format!("?subject={sibling}")).await.is_empty());
    assert!(told("?subject=household".to_owned()).await.is_empty());
    for unknown in ["cat".to_owned(), "child".to_owned(), String::new(), Uuid::now_v7().to_string()] {
        let path = format!("{}?subject={unknown}", chain(&mother));
        let refused = mch.get(&path).await.problem(400, "bad_query");
        assert_eq!(refused["errors"][0]["code"], "not_an_option", "{unknown}");
    }
    let page = mch.get(&format!("{}?subject=woman&limit=1", chain(&mother))).await.ok();
    let other = format!("{}?limit=1&cursor={}", chain(&mother), page["next_cursor"].as_str().unwrap());
    mch.get(&other).await.problem(400, "bad_cursor");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_correction_is_answered_within_its_days() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = nurse(&world, &county).await;
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    let checkup = doctor.client.post(&checkups(&mother), antenatal(&world)).await.ok()["id"].clone();
    let asking = format!("{}/{}/correction-requests", records(&mother), checkup.as_str().unwrap());
    let request = mother.user.client.post(&asking, json!({ "says": "体重写错了" })).await.ok()["id"].clone();

    let lines = duties(&nurse.client, &mother).await;
    assert_eq!(
        lines.iter().map(brief).collect::<Vec<_>>(),
        [["correction", "clinician", "due", "船山区人民医院"]]
    );
    assert_eq!(
        (&lines[0]["due_by"], &lines[0]["subject"], &lines[0]["record"]),
        (&json!("2026-12-07T16:00:00Z"), &json!("woman"), &checkup)
    );
    assert!(!lines[0].to_string().contains("体重写错了"), "nothing is quoted");
    let answer = format!("/api/v1/correction-requests/{}/answer", request.as_str().unwrap());
    let stands = json!({ "state": "refused", "reason": "复测两次，数值无误" });
    doctor.client.post(&answer, stands).await.ok();
    let answered = duties(&nurse.client, &mother).await;
    assert_eq!((&answered[0]["state"], &answered[0]["done_by"]["name"]), (&json!("done"), &json!("李医生")));

    world.advance(TimeDelta::minutes(1));
    mother.user.client.post(&asking, json!({ "says": "身高也错了" })).await.ok();
    world.advance(TimeDelta::days(16));
    let lines = duties(&world.sign_in_staff(nurse.id).await, &mother).await;
    assert_eq!(lines.iter().map(|line| &line["state"]).collect::<Vec<_>>(), ["late", "done"]);
}
