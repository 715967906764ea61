//! Pregnancies begin, are dated again, and end: in births or in losses.

use chrono::TimeDelta;
use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::support::issuing::*;
use crate::support::people::{County, Mother};
use crate::support::{Answer, Client, World};
use api::db::entities::{child, handbook, person, pregnancy};

struct Ward {
    world: World,
    county: County,
    desk: Desk,
    clinician: Client,
}

async fn ward() -> Ward {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = Desk(world.administrator(county.health_centre).await);
    let clinician = world.clinician(county.health_centre).await;
    Ward { world, county, desk, clinician }
}

impl Ward {
    /// A woman who is at term today.
    async fn at_term(&self, order: u32) -> (Value, String) {
        let mut form = pregnant_form(order);
        form["pregnancy"] = json!({ "due_date": "2026-11-30" });
        let issued = self.desk.issued(form).await;
        let pregnancy = issued["pregnancy"].as_str().unwrap().to_owned();
        (issued, pregnancy)
    }

    async fn ends(&self, issued: &Value, pregnancy: &str, body: Value) -> Answer {
        self.clinician.post(&at(issued, &format!("/pregnancies/{pregnancy}/outcome")), body).await
    }

    async fn row(&self, issued: &Value) -> handbook::Model {
        let id = domain::id::HandbookId(issued["id"].as_str().unwrap().parse().unwrap());
        handbook::Entity::find_by_id(id).one(self.world.app.db.read()).await.unwrap().unwrap()
    }
}

fn birth(children: Value) -> Value {
    json!({ "outcome": "live_birth", "ended_on": "2026-11-22", "children": children })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planning_handbook_takes_the_pregnancy_that_follows() {
    let ward = ward().await;
    let issued = ward.desk.issued(planning_form(1)).await;
    let body = json!({ "last_menstrual_period": "2026-09-01", "fetuses": 2 });
    let registered = ward.clinician.post(&at(&issued, "/pregnancies"), body.clone()).await.ok();
    assert_eq!((&registered["due_date"], &registered["due_date_by"]), (&json!("2027-06-08"), &json!("lmp")));
    assert_eq!((&registered["gestational_age"], &registered["fetuses"]), (&json!("11+5"), &json!(2)));
    ward.clinician.post(&at(&issued, "/pregnancies"), body).await.problem(409, "pregnancy_open");
    let cover = ward.clinician.get(&at(&issued, "")).await.ok();
    assert_eq!((&cover["group"], &cover["due_date"]), (&json!("planning"), &json!("2027-06-08")));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_registrations_at_once_exactly_one_opens_a_pregnancy() {
    let ward = ward().await;
    let issued = ward.desk.issued(planning_form(1)).await;
    let other = ward.world.clinician(ward.county.health_centre).await;
    let body = json!({ "last_menstrual_period": "2026-09-01" });
    let address = at(&issued, "/pregnancies");
    let (a, b) =
        tokio::join!(ward.clinician.post(&address, body.clone()), other.post(&address, body.clone()));
    let loser = if a.status == 201 { b } else { a };
    loser.problem(409, "pregnancy_open");
    assert_eq!(pregnancy::Entity::find().count(ward.world.app.db.read()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_pregnancies_that_are_given_one_id_at_once_exactly_one_is_kept() {
    let ward = ward().await;
    let other = ward.world.clinician(ward.county.health_centre).await;
    for order in 1..=5 {
        let one = ward.desk.issued(planning_form(order)).await;
        let two = ward.desk.issued(planning_form(order + 10)).await;
        let body = json!({ "id": uuid::Uuid::now_v7(), "last_menstrual_period": "2026-09-01" });
        let (first, second) = (at(&one, "/pregnancies"), at(&two, "/pregnancies"));
        let (a, b) =
            tokio::join!(ward.clinician.post(&first, body.clone()), other.post(&second, body.clone()));
        let loser = if a.status == 201 { &b } else { &a };
        assert_ne!(a.status, b.status, "{} {}", a.text(), b.text());
        loser.problem(409, "id_in_use");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_are_corrected_by_a_scan_as_they_were_seen() {
    let ward = ward().await;
    let issued = ward.desk.issued(pregnant_form(1)).await;
    let address = at(&issued, &format!("/pregnancies/{}", issued["pregnancy"].as_str().unwrap()));
    let scan = json!({ "last_menstrual_period": "2026-05-25", "due_date": "2027-03-10", "due_date_by": "ultrasound", "fetuses": 2 });
    let changed = ward.clinician.change(Method::PATCH, &address, "\"1\"", scan.clone()).await.ok();
    assert_eq!((&changed["due_date"], &changed["due_date_by"]), (&json!("2027-03-10"), &json!("ultrasound")));
    assert_eq!((&changed["fetuses"], &changed["version"]), (&json!(2), &json!(2)));
    ward.clinician.change(Method::PATCH, &address, "\"1\"", scan).await.problem(412, "stale");
    for (body, pointer) in [
        (json!({ "due_date": "2029-01-01" }), "/due_date"),
        (json!({ "last_menstrual_period": "2026-05-25", "due_date": "2027-05-10" }), "/due_date"),
        (json!({ "last_menstrual_period": "2026-12-01" }), "/last_menstrual_period"),
        (json!({ "fetuses": 0 }), "/fetuses"),
        (json!({ "discharged_on": "2026-11-22" }), "/discharged_on"),
        (json!({ "sex": "male" }), "/sex"),
    ] {
        let problem = ward.clinician.change(Method::PATCH, &address, "\"2\"", body).await;
        assert_eq!(problem.problem(422, "invalid")["errors"][0]["pointer"], pointer);
    }
    ward.clinician.post(&address, json!({})).await.problem(405, "method_not_allowed");
    let nowhere = at(&issued, &format!("/pregnancies/{}", uuid::Uuid::now_v7()));
    ward.clinician
        .change(Method::PATCH, &nowhere, "\"1\"", json!({ "fetuses": 1 }))
        .await
        .problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_birth_makes_the_children_and_the_next_pregnancy_needs_a_new_handbook() {
    let ward = ward().await;
    let (issued, pregnancy) = ward.at_term(1).await;
    let twins = json!([
        { "sex": "female", "birth_weight_g": 2450, "birth_date": "2026-11-21" },
        { "sex": "male", "birth_weight_g": 2600, "name": "王小宝" },
    ]);
    let ended = ward.ends(&issued, &pregnancy, birth(twins)).await.ok();
    assert_eq!(ended["children"].as_array().unwrap().len(), 2);
    assert_eq!((&ended["pregnancy"]["outcome"], &ended["state"]), (&json!("live_birth"), &json!("issued")));
    let cover = ward.clinician.get(&at(&issued, "")).await.ok();
    let children = cover["children"].as_array().unwrap();
    assert_eq!(
        (&children[0]["birth_date"], &children[0]["gestational_days"]),
        (&json!("2026-11-21"), &json!(271))
    );
    assert_eq!((&children[1]["name"], &children[1]["sex"]), (&json!("王小宝"), &json!("male")));
    assert!(children[0].get("name").is_none() && cover.get("due_date").is_none());
    assert_eq!(ward.row(&issued).await.expecting_id, None);
    ward.ends(&issued, &pregnancy, birth(json!([{ "sex": "male" }]))).await.problem(409, "pregnancy_ended");
    let next = json!({ "last_menstrual_period": "2026-11-20" });
    ward.clinician.post(&at(&issued, "/pregnancies"), next).await.problem(409, "needs_new_handbook");
    let mut form = pregnant_form(1);
    form["pregnancy"] = json!({ "last_menstrual_period": "2026-11-20" });
    ward.desk.issued(form).await;
    let second = ward.desk.issue(child_form(1, "2026-11-22")).await;
    second.problem(409, "already_has_handbook");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_record_one_birth_at_once_exactly_one_makes_the_child() {
    let ward = ward().await;
    let (issued, pregnancy) = ward.at_term(1).await;
    let other = ward.world.clinician(ward.county.health_centre).await;
    let address = at(&issued, &format!("/pregnancies/{pregnancy}/outcome"));
    let body = birth(json!([{ "sex": "male" }]));
    let (a, b) =
        tokio::join!(ward.clinician.post(&address, body.clone()), other.post(&address, body.clone()));
    let loser = if a.status == 201 { b } else { a };
    loser.problem(409, "pregnancy_ended");
    assert_eq!(child::Entity::find().count(ward.world.app.db.read()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_loss_the_handbook_waits_for_the_next_pregnancy() {
    let ward = ward().await;
    let mut form = pregnant_form(1);
    form["pregnancy"] = json!({ "last_menstrual_period": "2026-09-20" });
    let issued = ward.desk.issued(form).await;
    let pregnancy = issued["pregnancy"].as_str().unwrap();
    let with_child =
        json!({ "outcome": "miscarriage", "ended_on": "2026-11-20", "children": [{ "sex": "male" }] });
    let refused = ward.ends(&issued, pregnancy, with_child).await.problem(422, "invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/children");
    let loss = json!({ "outcome": "miscarriage", "ended_on": "2026-11-20", "discharged_on": "2026-11-21" });
    let ended = ward.ends(&issued, pregnancy, loss).await.ok();
    assert!(ended["pregnancy"].get("gestational_age").is_none());
    assert!(ward.row(&issued).await.expecting_id.is_some());
    ward.desk.issue(pregnant_form(1)).await.problem(409, "already_has_handbook");

    let too_soon = json!({ "last_menstrual_period": "2026-10-01" });
    let refused = ward.clinician.post(&at(&issued, "/pregnancies"), too_soon).await.problem(422, "invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/due_date");
    ward.world.advance(TimeDelta::days(60));
    let clinician = ward.world.clinician(ward.county.health_centre).await;
    let next = json!({ "last_menstrual_period": "2026-12-20" });
    clinician.post(&at(&issued, "/pregnancies"), next).await.ok();
    let cover = clinician.get(&at(&issued, "")).await.ok();
    assert_eq!(cover["pregnancies"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&cover["pregnancies"][1]["outcome"], &cover["due_date"]),
        (&json!("miscarriage"), &json!("2027-09-26"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mothers_death_closes_the_handbook_unless_her_child_lives() {
    let ward = ward().await;
    let (alone, pregnancy) = ward.at_term(1).await;
    let death = json!({ "outcome": "maternal_death", "ended_on": "2026-11-22" });
    let ended = ward.ends(&alone, &pregnancy, death.clone()).await.ok();
    assert_eq!(ended["state"], "closed");
    assert_eq!(ward.row(&alone).await.close_reason, Some(domain::handbook::CloseReason::Death));
    let (with_child, pregnancy) = ward.at_term(2).await;
    let mut survived = death;
    survived["children"] = json!([{ "sex": "female", "birth_weight_g": 3000 }]);
    let ended = ward.ends(&with_child, &pregnancy, survived).await.ok();
    assert_eq!(ended["state"], "issued");
    assert_eq!(ward.row(&with_child).await.expecting_id, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impossible_outcome_is_refused_and_changes_nothing() {
    let ward = ward().await;
    let (issued, pregnancy) = ward.at_term(1).await;
    for (body, pointer) in [
        (json!({ "outcome": "miscarriage", "ended_on": "2026-11-22" }), "/ended_on"),
        (
            json!({ "outcome": "live_birth", "ended_on": "2026-11-23", "children": [{ "sex": "male" }] }),
            "/ended_on",
        ),
        (
            json!({ "outcome": "live_birth", "ended_on": "2026-05-01", "children": [{ "sex": "male" }] }),
            "/ended_on",
        ),
        (birth(json!([])), "/children"),
        (birth(json!([{ "sex": "male", "birth_weight_g": 9000 }])), "/children/0/birth_weight_g"),
        (birth(json!([{ "sex": "male", "birth_date": "2026-03-01" }])), "/children/0/birth_date"),
        (birth(json!([{ "sex": "boy" }])), "/children/0/sex"),
        (
            birth(json!([{ "sex": "male", "birth_order": 2 }, { "sex": "male", "birth_order": 2 }])),
            "/children/1/birth_order",
        ),
        (birth(json!([{ "sex": "male", "gestational_days": 270 }])), "/children/0/gestational_days"),
        (
            json!({ "outcome": "live_birth", "ended_on": "2026-11-22", "discharged_on": "2026-11-21", "children": [{ "sex": "male" }] }),
            "/discharged_on",
        ),
        (json!({ "outcome": "twins", "ended_on": "2026-11-22" }), "/outcome"),
    ] {
        let problem = ward.ends(&issued, &pregnancy, body).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    assert_eq!(child::Entity::find().count(ward.world.app.db.read()).await.unwrap(), 0);
    assert_eq!(
        pregnancy::Entity::find()
            .filter(pregnancy::COLUMN.outcome.is_not_null())
            .count(ward.world.app.db.read())
            .await
            .unwrap(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn discharge_name_and_id_number_come_later() {
    let ward = ward().await;
    let (issued, pregnancy) = ward.at_term(1).await;
    let ended = ward.ends(&issued, &pregnancy, birth(json!([{ "sex": "male" }]))).await.ok();
    let address = at(&issued, &format!("/pregnancies/{pregnancy}"));
    ward.clinician
        .change(Method::PATCH, &address, "\"2\"", json!({ "fetuses": 2 }))
        .await
        .problem(409, "pregnancy_ended");
    let early = ward
        .clinician
        .change(Method::PATCH, &address, "\"2\"", json!({ "discharged_on": "2026-11-21" }))
        .await;
    early.problem(422, "invalid");
    ward.clinician
        .change(Method::PATCH, &address, "\"2\"", json!({ "discharged_on": "2026-11-22" }))
        .await
        .ok();

    let address = at(&issued, &format!("/children/{}", ended["children"][0].as_str().unwrap()));
    let named = json!({ "name": "王小宝", "id_number": boys_number("20261122", 1), "birth_weight_g": 3100 });
    let changed = ward.clinician.change(Method::PATCH, &address, "\"1\"", named).await.ok();
    assert_eq!((&changed["version"], &changed["identity_version"]), (&json!(2), &json!(2)));
    let change = |version: i32, body: Value| {
        let (client, address) = (ward.clinician.clone(), address.clone());
        async move { client.change(Method::PATCH, &address, &format!("\"{version}\""), body).await }
    };
    change(1, json!({ "name": "王小宝" })).await.problem(412, "stale");
    let settled = change(2, json!({ "name": "王大宝" })).await.problem(422, "invalid");
    assert_eq!(settled["errors"][0]["code"], "settled");
    let settled = change(2, json!({ "sex": "female" })).await.problem(422, "invalid");
    assert_eq!(settled["errors"][0]["pointer"], "/sex");
    change(2, json!({ "birth_weight_g": 31 })).await.problem(422, "invalid");

    // Its ID number finds it now, and stands in no second handbook.
    let found =
        ward.desk.0.post("/api/v1/handbooks/find", json!({ "id_number": boys_number("20261122", 1) })).await;
    assert_eq!(found.ok()["items"][0]["id"], issued["id"]);
    let mut form = child_form(5, "2026-11-22");
    form["children"][0]["id_number"] = json!(boys_number("20261122", 1));
    ward.desk.issue(form).await.problem(409, "already_has_handbook");
    assert_eq!(person::Entity::find().count(ward.world.app.db.read()).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_childs_id_number_is_refused() {
    let ward = ward().await;
    let mut form = child_form(5, "2026-11-22");
    form["children"][0]["id_number"] = json!(boys_number("20261122", 1));
    ward.desk.issued(form).await;
    let (issued, pregnancy) = ward.at_term(1).await;
    let ended = ward.ends(&issued, &pregnancy, birth(json!([{ "sex": "male" }]))).await.ok();
    let address = at(&issued, &format!("/children/{}", ended["children"][0].as_str().unwrap()));
    let body = json!({ "id_number": boys_number("20261122", 1) });
    ward.clinician.change(Method::PATCH, &address, "\"1\"", body).await.problem(409, "id_number_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_treats_or_manages_her_touches_a_pregnancy() {
    let ward = ward().await;
    let mother: Mother = ward.world.mother(&ward.county).await;
    let address = format!("/api/v1/handbooks/{}/pregnancies/{}/outcome", mother.handbook, mother.pregnancy);
    let body = json!({ "outcome": "miscarriage", "ended_on": "2026-11-20" });
    mother.user.client.post(&address, body.clone()).await.problem(403, "forbidden");
    ward.world.county_mch(ward.county.mch).await.post(&address, body.clone()).await.problem(403, "forbidden");
    ward.world
        .clinician(ward.county.hospital)
        .await
        .post(&address, body.clone())
        .await
        .problem(404, "not_found");
    ward.world.anybody().post(&address, body.clone()).await.problem(401, "not_signed_in");
    ward.desk.0.post(&address, body).await.ok();
}
