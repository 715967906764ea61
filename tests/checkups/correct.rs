//! Corrections, what was entered in error, and grades that follow assessments.

use serde_json::{Value, json};

use super::{change, checkups, grade, laboratory, notices, read};
use crate::entries::records;
use crate::fetal_sex::example;
use crate::support::{Client, World};

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
