//! What must be put right about children: a death, and a twin that was forgotten.

use api::db::entities::{alert, child, desk_act, handbook};
use chrono::TimeDelta;
use domain::handbook::{CloseReason, State};
use domain::id::HandbookId;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::issuing::*;
use crate::support::people::County;
use crate::support::{Answer, Client, World};

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
    /// A handbook whose pregnancy ended yesterday in the birth of so many children.
    async fn born(&self, order: u32, count: usize) -> (Value, String, Vec<String>) {
        let mut form = pregnant_form(order);
        form["pregnancy"] = json!({ "due_date": "2026-11-30", "fetuses": count });
        let issued = self.desk.issued(form).await;
        let pregnancy = issued["pregnancy"].as_str().unwrap().to_owned();
        let children = vec![json!({ "sex": "female", "birth_weight_g": 2450 }); count];
        let body = json!({ "outcome": "live_birth", "ended_on": "2026-11-21", "children": children });
        let address = at(&issued, &format!("/pregnancies/{pregnancy}/outcome"));
        let ended = self.clinician.post(&address, body).await.ok();
        let ids = ended["children"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned());
        (issued, pregnancy, ids.collect())
    }

    async fn row(&self, issued: &Value) -> handbook::Model {
        let id = HandbookId(issued["id"].as_str().unwrap().parse().unwrap());
        handbook::Entity::find_by_id(id).one(self.world.app.db.read()).await.unwrap().unwrap()
    }
}

async fn dies(by: &Client, issued: &Value, child: &str, on: &str) -> Answer {
    let body = json!({ "died_on": on, "note": "家属告知" });
    by.post(&at(issued, &format!("/children/{child}/death")), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_death_of_a_twin_is_recorded_and_whatever_speaks_of_it_stops() {
    let ward = ward().await;
    let (issued, _, twins) = ward.born(1, 2).await;
    let owner = ward.world.family_user().await;
    owner.client.post("/api/v1/claims", claim_by_cover(&issued, &last_four(1), "woman")).await.ok();
    for twin in &twins {
        let yellow = json!({ "kind": "jaundice", "subject": { "child": twin }, "payload": { "date": "2026-11-22", "extent": ["palms_soles"] } });
        owner.client.post(&at(&issued, "/entries"), yellow).await.ok();
    }
    let administrator = ward.world.administrator(ward.county.health_centre).await;
    let died = dies(&administrator, &issued, &twins[0], "2026-11-22").await;
    assert_eq!(died.status, 201);
    let died = died.ok();
    assert_eq!(
        (&died["state"], &died["died_on"], &died["version"]),
        (&json!("claimed"), &json!("2026-11-22"), &json!(2))
    );

    let cover = owner.client.get(&at(&issued, "")).await.ok();
    assert_eq!(
        (&cover["children"][0]["died_on"], cover["children"][1].get("died_on")),
        (&json!("2026-11-22"), None)
    );
    let signs = ward.clinician.get("/api/v1/alerts").await.ok()["items"].clone();
    let open: Vec<bool> =
        signs.as_array().unwrap().iter().map(|sign| sign["answered_at"].is_null()).collect();
    assert_eq!(open, [true, false], "nobody calls the family about the one who died");
    assert!(signs[1]["answer"].as_str().unwrap().starts_with("已登记儿童死亡"));
    let notices = owner.client.get(&at(&issued, "/notices")).await.ok();
    assert!(!notices.to_string().contains("死亡"), "the family knows");
    assert_eq!(desk_act::Entity::find().count(ward.world.app.db.read()).await.unwrap(), 1);
    dies(&ward.clinician, &issued, &twins[0], "2026-11-22").await.problem(409, "child_has_died");

    let doctor = ward.world.doctor(ward.county.hospital).await;
    let code = owner.client.post(&at(&issued, "/code"), json!({})).await.ok();
    let visit = doctor.scan(code["url"].as_str().unwrap()).await.ok();
    assert_eq!(visit["cover"]["children"][0]["died_on"], "2026-11-22");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handbook_closes_when_all_its_subjects_do() {
    let ward = ward().await;
    let of_child = ward.desk.issued(child_form(1, "2026-11-01")).await;
    let child = of_child["children"][0].as_str().unwrap();
    assert_eq!(dies(&ward.clinician, &of_child, child, "2026-11-20").await.ok()["state"], "closed");
    assert_eq!(ward.row(&of_child).await.close_reason, Some(CloseReason::Death));
    dies(&ward.clinician, &of_child, child, "2026-11-20").await.problem(409, "handbook_closed");

    let (in_childbed, _, ids) = ward.born(2, 1).await;
    assert_eq!(
        dies(&ward.clinician, &in_childbed, &ids[0], "2026-11-22").await.ok()["state"],
        "issued",
        "its mother is still visited"
    );
    let (later, _, ids) = ward.born(3, 2).await;
    ward.world.advance(TimeDelta::days(85));
    let clinician = ward.world.clinician(ward.county.health_centre).await;
    assert_eq!(dies(&clinician, &later, &ids[0], "2027-02-10").await.ok()["state"], "issued", "a twin lives");
    assert_eq!(dies(&clinician, &later, &ids[1], "2027-02-11").await.ok()["state"], "closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_that_cannot_be_or_may_not_be_recorded_changes_nothing() {
    let ward = ward().await;
    let (issued, _, ids) = ward.born(1, 1).await;
    let owner = ward.world.family_user().await;
    owner.client.post("/api/v1/claims", claim_by_cover(&issued, &last_four(1), "woman")).await.ok();
    for day in ["2026-11-20", "2026-11-23"] {
        let problem = dies(&ward.clinician, &issued, &ids[0], day).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/died_on");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains("2026-11-21至2026-11-22"));
    }
    let unknown = uuid::Uuid::now_v7().to_string();
    dies(&ward.clinician, &issued, &unknown, "2026-11-22").await.problem(404, "not_found");
    dies(&owner.client, &issued, &ids[0], "2026-11-22").await.problem(403, "forbidden");
    let mch = ward.world.county_mch(ward.county.mch).await;
    dies(&mch, &issued, &ids[0], "2026-11-22").await.problem(403, "forbidden");
    let stranger = ward.world.clinician(ward.county.hospital).await;
    dies(&stranger, &issued, &ids[0], "2026-11-22").await.problem(404, "not_found");
    dies(&ward.world.anybody(), &issued, &ids[0], "2026-11-22").await.problem(401, "not_signed_in");
    let row = child::Entity::find().one(ward.world.app.db.read()).await.unwrap().unwrap();
    assert_eq!((row.ended_on, row.version), (None, 1));
    assert_eq!(desk_act::Entity::find().count(ward.world.app.db.read()).await.unwrap(), 0);
    assert_eq!(alert::Entity::find().count(ward.world.app.db.read()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_death_of_the_wrong_twin_is_taken_back_and_of_two_records_at_once_one_counts() {
    let ward = ward().await;
    let (issued, _, twins) = ward.born(1, 2).await;
    let other = ward.world.clinician(ward.county.health_centre).await;
    let (a, b) = tokio::join!(
        dies(&ward.clinician, &issued, &twins[0], "2026-11-22"),
        dies(&other, &issued, &twins[0], "2026-11-21")
    );
    let loser = if a.status == 201 { &b } else { &a };
    loser.problem(409, "child_has_died");
    let void = |child: &str| at(&issued, &format!("/children/{child}/death/void"));
    let why = json!({ "reason": "登记错了人" });
    ward.clinician.post(&void(&twins[0]), json!({ "reason": " " })).await.problem(422, "invalid");
    ward.clinician.post(&void(&twins[1]), why.clone()).await.problem(409, "no_death");
    let stranger = ward.world.clinician(ward.county.hospital).await;
    stranger.post(&void(&twins[0]), why.clone()).await.problem(404, "not_found");
    let alive = ward.clinician.post(&void(&twins[0]), why.clone()).await.ok();
    assert_eq!((alive.get("died_on"), &alive["version"]), (None, &json!(3)));
    ward.clinician.post(&void(&twins[0]), why).await.problem(409, "no_death");
    dies(&ward.clinician, &issued, &twins[1], "2026-11-22").await.ok();
    let cover = ward.clinician.get(&at(&issued, "")).await.ok();
    assert_eq!(
        (cover["children"][0].get("died_on"), &cover["children"][1]["died_on"]),
        (None, &json!("2026-11-22"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handbook_that_closed_with_its_only_child_opens_again_when_the_death_is_taken_back() {
    let ward = ward().await;
    let issued = ward.desk.issued(child_form(1, "2026-11-01")).await;
    let owner = ward.world.family_user().await;
    owner.client.post("/api/v1/claims", claim_by_cover(&issued, &last_four(1), "woman")).await.ok();
    let child = issued["children"][0].as_str().unwrap();
    let void = |issued: &Value, child: &str| at(issued, &format!("/children/{child}/death/void"));
    let why = json!({ "reason": "登记错了人" });
    assert_eq!(dies(&ward.clinician, &issued, child, "2026-11-20").await.ok()["state"], "closed");
    let alive = ward.clinician.post(&void(&issued, child), why.clone()).await.ok();
    assert_eq!((&alive["state"], alive.get("died_on")), (&json!("claimed"), None));
    let row = ward.row(&issued).await;
    assert_eq!((row.closed_at, row.close_reason), (None, None));
    ward.desk.issue(child_form(1, "2026-11-01")).await.problem(409, "already_has_handbook");

    // A child that was issued another meanwhile has it.
    let unclaimed = ward.desk.issued(child_form(2, "2026-11-01")).await;
    let child = unclaimed["children"][0].as_str().unwrap();
    dies(&ward.clinician, &unclaimed, child, "2026-11-20").await.ok();
    let another = ward.desk.issued(child_form(2, "2026-11-01")).await;
    let refused = ward.clinician.post(&void(&unclaimed, child), why.clone()).await;
    let refused = refused.problem(409, "already_has_handbook");
    assert!(refused["detail"].as_str().unwrap().contains(another["printed_number"].as_str().unwrap()));
    assert_eq!(ward.row(&unclaimed).await.state, State::Closed, "nothing of it was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_desk_closed_is_not_opened_by_taking_back_a_death() {
    let ward = ward().await;
    let (issued, _, twins) = ward.born(1, 2).await;
    dies(&ward.clinician, &issued, &twins[0], "2026-11-22").await.ok();
    ward.clinician.post(&at(&issued, "/close"), json!({ "reason": "death" })).await.ok();
    let void = at(&issued, &format!("/children/{}/death/void", twins[0]));
    ward.clinician.post(&void, json!({ "reason": "登记错了人" })).await.problem(409, "handbook_closed");
}

async fn adds(by: &Client, issued: &Value, pregnancy: &str, body: Value) -> Answer {
    by.post(&at(issued, &format!("/pregnancies/{pregnancy}/children")), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_twin_that_was_forgotten_joins_its_sister() {
    let ward = ward().await;
    let (issued, pregnancy, _) = ward.born(1, 1).await;
    let administrator = ward.world.administrator(ward.county.health_centre).await;
    let body = json!({ "id": uuid::Uuid::now_v7(), "sex": "male", "birth_weight_g": 2300, "name": "王小宝" });
    let added = adds(&administrator, &issued, &pregnancy, body.clone()).await;
    assert_eq!(added.status, 201);
    let added = added.ok();
    assert_eq!(
        (&added["id"], &added["birth_order"], &added["ended_on"]),
        (&body["id"], &json!(2), &json!("2026-11-21"))
    );
    let cover = ward.clinician.get(&at(&issued, "")).await.ok();
    let twin = &cover["children"][1];
    assert_eq!(
        (&twin["name"], &twin["gestational_days"], &twin["pregnancy"]),
        (&json!("王小宝"), &json!(271), &json!(pregnancy))
    );
    adds(&ward.clinician, &issued, &pregnancy, body).await.problem(409, "id_in_use");
    // Neither is issued a handbook of its own.
    let second = ward.desk.issue(child_form(1, "2026-11-21")).await;
    second.problem(409, "already_has_handbook");

    let after_midnight = json!({ "sex": "female", "birth_date": "2026-11-22" });
    let added = adds(&ward.clinician, &issued, &pregnancy, after_midnight).await.ok();
    assert_eq!((&added["birth_order"], &added["ended_on"]), (&json!(3), &json!("2026-11-22")));
    let cover = ward.clinician.get(&at(&issued, "")).await.ok();
    assert_eq!(cover["pregnancies"][0]["ended_on"], "2026-11-22", "the day of the last birth");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_is_added_only_to_a_birth_and_checked_as_at_the_outcome() {
    let ward = ward().await;
    let (issued, pregnancy, _) = ward.born(1, 1).await;
    for (body, pointer) in [
        (json!({ "sex": "male", "birth_order": 1 }), "/birth_order"),
        (json!({ "sex": "male", "birth_order": 9 }), "/birth_order"),
        (json!({ "sex": "male", "birth_weight_g": 9000 }), "/birth_weight_g"),
        (json!({ "sex": "male", "birth_date": "2026-11-23" }), "/birth_date"),
        (json!({ "sex": "male", "birth_date": "2026-05-01" }), "/birth_date"),
        (json!({ "sex": "female", "id_number": boys_number("20261121", 1) }), "/sex"),
        (json!({ "sex": "boy" }), "/sex"),
        (json!({ "birth_weight_g": 2300 }), "/sex"),
    ] {
        let problem = adds(&ward.clinician, &issued, &pregnancy, body).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let twin = json!({ "sex": "male" });
    let open = ward.desk.issued(pregnant_form(2)).await;
    let running = open["pregnancy"].as_str().unwrap();
    adds(&ward.clinician, &open, running, twin.clone()).await.problem(409, "no_birth");
    let loss = json!({ "outcome": "miscarriage", "ended_on": "2026-11-20" });
    ward.clinician.post(&at(&open, &format!("/pregnancies/{running}/outcome")), loss).await.ok();
    adds(&ward.clinician, &open, running, twin.clone()).await.problem(409, "no_birth");
    adds(&ward.clinician, &open, &pregnancy, twin.clone()).await.problem(404, "not_found");
    let stranger = ward.world.clinician(ward.county.hospital).await;
    adds(&stranger, &issued, &pregnancy, twin.clone()).await.problem(404, "not_found");
    let mch = ward.world.county_mch(ward.county.mch).await;
    adds(&mch, &issued, &pregnancy, twin).await.problem(403, "forbidden");
    assert_eq!(child::Entity::find().count(ward.world.app.db.read()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_add_the_forgotten_twin_at_once_only_one_names_its_place() {
    let ward = ward().await;
    let (issued, pregnancy, _) = ward.born(1, 1).await;
    let other = ward.world.clinician(ward.county.health_centre).await;
    let twin = json!({ "sex": "male", "birth_order": 2 });
    let (a, b) = tokio::join!(
        adds(&ward.clinician, &issued, &pregnancy, twin.clone()),
        adds(&other, &issued, &pregnancy, twin.clone())
    );
    let loser = if a.status == 201 { &b } else { &a };
    loser.problem(422, "invalid");
    assert_eq!(child::Entity::find().count(ward.world.app.db.read()).await.unwrap(), 2);
}
