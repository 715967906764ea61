//! Outcomes that were recorded in error are taken back, and the death of a woman after her pregnancy is recorded.

use chrono::TimeDelta;
use domain::handbook::{CloseReason, State};
use domain::id::HandbookId;
use reqwest::Method;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::issuing::*;
use crate::support::people::County;
use crate::support::{Answer, Client, World, send};
use api::db::entities::{child, desk_act, handbook, person};

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
    /// A woman at term, and her pregnancy.
    async fn at_term(&self, order: u32) -> (Value, String) {
        let mut form = pregnant_form(order);
        form["pregnancy"] = json!({ "due_date": "2026-11-30" });
        let issued = self.desk.issued(form).await;
        let pregnancy = issued["pregnancy"].as_str().unwrap().to_owned();
        (issued, pregnancy)
    }

    /// The same whose children were born today.
    async fn delivered(&self, order: u32, children: Value) -> (Value, String, Vec<String>) {
        let (issued, pregnancy) = self.at_term(order).await;
        let birth = json!({ "outcome": "live_birth", "ended_on": "2026-11-22", "children": children });
        let ended = self.ends(&issued, &pregnancy, birth).await.ok();
        let ids = ended["children"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned());
        (issued, pregnancy, ids.collect())
    }

    async fn ends(&self, issued: &Value, pregnancy: &str, body: Value) -> Answer {
        self.clinician.post(&at(issued, &format!("/pregnancies/{pregnancy}/outcome")), body).await
    }

    async fn claims(&self, issued: &Value, order: u32) -> Client {
        let owner = self.world.family_user().await.client;
        owner.post("/api/v1/claims", claim_by_cover(issued, &last_four(order), "woman")).await.ok();
        owner
    }

    async fn row(&self, issued: &Value) -> handbook::Model {
        let id = HandbookId(issued["id"].as_str().unwrap().parse().unwrap());
        handbook::Entity::find_by_id(id).one(self.world.app.db.read()).await.unwrap().unwrap()
    }

    async fn acts(&self) -> u64 {
        desk_act::Entity::find().count(self.world.app.db.read()).await.unwrap()
    }
}

async fn take_back(by: &Client, issued: &Value, pregnancy: &str) -> Answer {
    let address = at(issued, &format!("/pregnancies/{pregnancy}/outcome/void"));
    by.post(&address, json!({ "reason": "登记错了人" })).await
}

async fn dies(by: &Client, issued: &Value, on: &str) -> Answer {
    by.post(&at(issued, "/woman/death"), json!({ "died_on": on, "note": "家属告知" })).await
}

async fn lives(by: &Client, issued: &Value) -> Answer {
    by.post(&at(issued, "/woman/death/void"), json!({ "reason": "登记错了人" })).await
}

fn loss() -> Value {
    json!({ "outcome": "miscarriage", "ended_on": "2026-11-20", "discharged_on": "2026-11-21" })
}

fn pressure(day: &str) -> Value {
    json!({ "kind": "blood_pressure", "subject": "woman", "payload": { "measured_at": format!("{day}T08:00:00+08:00"), "systolic": 112, "diastolic": 70 } })
}

fn yellow(child: &str) -> Value {
    json!({ "kind": "jaundice", "subject": { "child": child }, "payload": { "date": "2026-11-22", "extent": ["palms_soles"] } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planning_handbook_whose_miscarriage_was_an_error_goes_on_as_before() {
    let ward = ward().await;
    let issued = ward.desk.issued(planning_form(1)).await;
    let owner = ward.claims(&issued, 1).await;
    let body = json!({ "last_menstrual_period": "2026-09-01" });
    let pregnancy = ward.clinician.post(&at(&issued, "/pregnancies"), body).await.ok();
    let id = pregnancy["id"].as_str().unwrap();
    take_back(&ward.clinician, &issued, id).await.problem(409, "no_outcome");
    ward.ends(&issued, id, loss()).await.ok();

    let open = take_back(&ward.clinician, &issued, id).await;
    assert_eq!(open.status, 200);
    let open = open.ok();
    assert_eq!(open["state"], "claimed");
    let cover = owner.get(&at(&issued, "")).await.ok();
    for shown in [&open["pregnancy"], &cover["pregnancies"][0]] {
        for field in ["outcome", "ended_on", "discharged_on"] {
            assert!(shown[field].is_null(), "{shown}");
        }
        assert_eq!((&shown["gestational_age"], &shown["version"]), (&json!("11+5"), &json!(3)));
    }
    assert_eq!(cover["due_date"], "2027-06-08");
    let row = ward.row(&issued).await;
    assert!(row.expecting_id.is_some() && row.expecting_id == row.woman_id);
    ward.desk.issue(pregnant_form(1)).await.problem(409, "already_has_handbook");
    assert_eq!(ward.acts().await, 1, "who took it back, and why");
    let notices = owner.get(&at(&issued, "/notices")).await.ok();
    let told = &notices["items"][0];
    assert_eq!(told["kind"], "outcome_taken_back");
    assert!(!told["text"].as_str().unwrap().contains("流产"), "gently");
    take_back(&ward.clinician, &issued, id).await.problem(409, "no_outcome");

    // It ends as any pregnancy does.
    ward.ends(&issued, id, loss()).await.ok();
    ward.world.advance(TimeDelta::days(60));
    let clinician = ward.world.clinician(ward.county.health_centre).await;
    let next = json!({ "last_menstrual_period": "2026-12-20" });
    clinician.post(&at(&issued, "/pregnancies"), next).await.ok();
    take_back(&clinician, &issued, id).await.problem(409, "later_pregnancy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_birth_that_was_an_error_is_taken_back_with_its_children() {
    let ward = ward().await;
    let twins = json!([{ "sex": "female", "name": "王小宝" }, { "sex": "male", "id_number": boys_number("20261122", 1) }]);
    let (issued, pregnancy, ids) = ward.delivered(1, twins).await;
    assert_eq!(ward.row(&issued).await.expecting_id, None);
    assert_eq!(take_back(&ward.clinician, &issued, &pregnancy).await.ok()["state"], "issued");

    let cover = ward.clinician.get(&at(&issued, "")).await.ok();
    assert_eq!((&cover["children"], &cover["due_date"]), (&json!([]), &json!("2026-11-30")));
    assert!(ward.row(&issued).await.expecting_id.is_some());
    let named = json!({ "name": "王小宝" });
    let address = at(&issued, &format!("/children/{}", ids[0]));
    ward.clinician.change(Method::PATCH, &address, "\"1\"", named).await.problem(404, "not_found");
    let death = json!({ "died_on": "2026-11-22" });
    ward.clinician.post(&format!("{address}/death"), death).await.problem(404, "not_found");
    let found =
        ward.desk.0.post("/api/v1/handbooks/find", json!({ "id_number": boys_number("20261122", 1) })).await;
    assert_eq!(found.ok()["items"], json!([]));
    let owner = ward.claims(&issued, 1).await;
    assert_eq!(owner.get("/api/v1/me/handbooks").await.ok()["items"][0]["children"], json!([]));
    let doctor = ward.world.doctor(ward.county.hospital).await;
    let code = owner.post(&at(&issued, "/code"), json!({})).await.ok();
    let visit = doctor.scan(code["url"].as_str().unwrap()).await.ok();
    assert_eq!(visit["cover"]["children"], json!([]));
    owner.post(&at(&issued, "/entries"), yellow(&ids[0])).await.problem(422, "invalid");
    let sexes = person::Entity::find().all(ward.world.app.db.read()).await.unwrap();
    let kept = sexes.iter().filter(|person| person.sex.is_some() && person.id_number_index.is_none());
    assert_eq!(kept.count(), 0, "nobody keeps the sex of a child that is not born yet");

    // The boy was another woman's; hers is born in his place and her handbook takes it.
    let (others, _, _) =
        ward.delivered(2, json!([{ "sex": "male", "id_number": boys_number("20261122", 1) }])).await;
    assert_eq!(ward.clinician.get(&at(&others, "")).await.ok()["children"].as_array().unwrap().len(), 1);
    let birth =
        json!({ "outcome": "live_birth", "ended_on": "2026-11-22", "children": [{ "sex": "female" }] });
    ward.ends(&issued, &pregnancy, birth).await.ok();
    let cover = ward.clinician.get(&at(&issued, "")).await.ok();
    assert_eq!(cover["children"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_of_the_children_is_voided_or_withdrawn_before_their_birth_is_taken_back() {
    let ward = ward().await;
    let (issued, pregnancy, ids) = ward.delivered(1, json!([{ "sex": "female" }])).await;
    let owner = ward.claims(&issued, 1).await;
    let entry = owner.post(&at(&issued, "/entries"), yellow(&ids[0])).await.ok();
    let refused = take_back(&ward.clinician, &issued, &pregnancy).await.problem(409, "outcome_in_use");
    assert!(refused["detail"].as_str().unwrap().contains("作废或撤回"));
    let row = child::Entity::find().one(ward.world.app.db.read()).await.unwrap().unwrap();
    assert_eq!((row.voided_at, row.version), (None, 1));
    assert_eq!(ward.acts().await, 0);

    let address = at(&issued, &format!("/entries/{}", entry["id"].as_str().unwrap()));
    owner.change(Method::DELETE, &address, "\"1\"", json!({})).await;
    take_back(&ward.clinician, &issued, &pregnancy).await.ok();
    let cover = owner.get(&at(&issued, "")).await.ok();
    assert_eq!(cover["children"], json!([]));
    owner.get(&at(&issued, "/records")).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_entry_about_the_child_and_the_end_of_its_birth_at_once_only_one_stands() {
    let ward = ward().await;
    let (issued, pregnancy, ids) = ward.delivered(1, json!([{ "sex": "female" }])).await;
    let owner = ward.claims(&issued, 1).await;
    let entries = at(&issued, "/entries");
    let (entry, void) =
        tokio::join!(owner.post(&entries, yellow(&ids[0])), take_back(&ward.clinician, &issued, &pregnancy));
    if entry.status == 201 {
        void.problem(409, "outcome_in_use");
    } else {
        entry.problem(422, "invalid");
        void.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maternal_death_that_was_an_error_opens_the_handbook_again() {
    let ward = ward().await;
    let (issued, pregnancy) = ward.at_term(1).await;
    let owner = ward.claims(&issued, 1).await;
    let mut high = pressure("2026-11-22");
    high["payload"]["systolic"] = json!(172);
    owner.post(&at(&issued, "/entries"), high).await.ok();
    let death = json!({ "outcome": "maternal_death", "ended_on": "2026-11-22" });
    assert_eq!(ward.ends(&issued, &pregnancy, death.clone()).await.ok()["state"], "closed");
    assert_eq!(owner.get(&at(&issued, "")).await.ok()["woman"]["died_on"], "2026-11-22");
    let open = take_back(&ward.clinician, &issued, &pregnancy).await.ok();
    assert_eq!(open["state"], "claimed");
    let row = ward.row(&issued).await;
    assert_eq!((row.state, row.closed_at, row.close_reason), (State::Claimed, None, None));
    assert_eq!(row.expecting_id, row.woman_id);
    let cover = owner.get(&at(&issued, "")).await.ok();
    assert!(cover["woman"].get("died_on").is_none() && cover["due_date"] == "2026-11-30", "{cover}");
    let signs = ward.clinician.get("/api/v1/alerts").await.ok();
    assert!(signs["items"][0]["answered_at"].is_string(), "what was answered stays answered");
    owner.post(&at(&issued, "/entries"), pressure("2026-11-22")).await.ok();

    // Whoever was issued another handbook meanwhile has it.
    ward.ends(&issued, &pregnancy, death).await.ok();
    let another = ward.desk.issued(pregnant_form(1)).await;
    let refused = take_back(&ward.clinician, &issued, &pregnancy).await.problem(409, "already_has_handbook");
    assert!(refused["detail"].as_str().unwrap().contains(another["printed_number"].as_str().unwrap()));
    assert_eq!(ward.row(&issued).await.state, State::Closed, "nothing of it was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_stays_where_a_desk_closed_the_handbook_and_for_whom_it_is_none_of_theirs() {
    let ward = ward().await;
    let (issued, pregnancy) = ward.at_term(1).await;
    let owner = ward.claims(&issued, 1).await;
    let stillbirth = json!({ "outcome": "stillbirth", "ended_on": "2026-11-22" });
    ward.ends(&issued, &pregnancy, stillbirth).await.ok();
    let address = at(&issued, &format!("/pregnancies/{pregnancy}/outcome/void"));
    let empty = ward.clinician.post(&address, json!({ "reason": " " })).await.problem(422, "invalid");
    assert_eq!(empty["errors"][0]["pointer"], "/reason");
    take_back(&owner, &issued, &pregnancy).await.problem(403, "forbidden");
    take_back(&ward.world.county_mch(ward.county.mch).await, &issued, &pregnancy)
        .await
        .problem(403, "forbidden");
    take_back(&ward.world.clinician(ward.county.hospital).await, &issued, &pregnancy)
        .await
        .problem(404, "not_found");
    take_back(&ward.world.anybody(), &issued, &pregnancy).await.problem(401, "not_signed_in");
    let unknown = uuid::Uuid::now_v7().to_string();
    take_back(&ward.clinician, &issued, &unknown).await.problem(404, "not_found");
    ward.clinician.post(&at(&issued, "/close"), json!({ "reason": "death" })).await.ok();
    take_back(&ward.clinician, &issued, &pregnancy).await.problem(409, "handbook_closed");
    assert_eq!(ward.acts().await, 1, "the close alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mother_dies_after_the_birth_and_her_child_keeps_the_handbook() {
    let ward = ward().await;
    let (issued, _, ids) = ward.delivered(1, json!([{ "sex": "female" }])).await;
    let owner = ward.claims(&issued, 1).await;
    let mut high = pressure("2026-11-22");
    high["payload"]["systolic"] = json!(172);
    owner.post(&at(&issued, "/entries"), high).await.ok();
    owner.post(&at(&issued, "/entries"), yellow(&ids[0])).await.ok();
    ward.world.advance(TimeDelta::days(10));
    let clinician = ward.world.clinician(ward.county.health_centre).await;

    let died = dies(&clinician, &issued, "2026-12-01").await;
    assert_eq!(died.status, 201);
    let died = died.ok();
    assert_eq!((&died["died_on"], &died["state"]), (&json!("2026-12-01"), &json!("claimed")));
    dies(&clinician, &issued, "2026-12-01").await.problem(409, "woman_has_died");
    let signs = clinician.get("/api/v1/alerts").await.ok()["items"].clone();
    let open: Vec<_> = signs.as_array().unwrap().iter().map(|sign| sign["answered_at"].is_null()).collect();
    assert_eq!(open, [true, false], "the child is still looked after");
    assert!(signs[1]["answer"].as_str().unwrap().starts_with("已登记本人死亡"));
    let cover = clinician.get(&at(&issued, "")).await.ok();
    assert_eq!(cover["woman"]["died_on"], "2026-12-01");
    assert!(cover["children"][0].get("died_on").is_none());

    // The child dies too: nobody is left.
    let child = at(&issued, &format!("/children/{}/death", ids[0]));
    let closed = clinician.post(&child, json!({ "died_on": "2026-12-02" })).await.ok();
    assert_eq!(closed["state"], "closed");
    // Each was an error, and each is taken back: somebody of the handbook lives again.
    let alive = clinician.post(&format!("{child}/void"), json!({ "reason": "登记错了人" })).await.ok();
    assert_eq!(alive["state"], "claimed");
    let alive = lives(&clinician, &issued).await.ok();
    assert_eq!((&alive["state"], alive.get("died_on")), (&json!("claimed"), None));
    assert_eq!(ward.row(&issued).await.expecting_id, None, "after a live birth it waits for nobody");
    lives(&clinician, &issued).await.problem(409, "no_death");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_of_the_dead_but_reports_and_late_results() {
    let ward = ward().await;
    let (issued, _, ids) = ward.delivered(1, json!([{ "sex": "female" }, { "sex": "male" }])).await;
    let owner = ward.world.family_user().await;
    owner.client.post("/api/v1/claims", claim_by_cover(&issued, &last_four(1), "woman")).await.ok();
    let standing = owner.client.post(&at(&issued, "/entries"), pressure("2026-11-22")).await.ok();
    ward.world.advance(TimeDelta::days(3));
    let clinician = ward.world.clinician(ward.county.health_centre).await;
    let family = ward.world.sign_in_user(owner.id).await;
    dies(&clinician, &issued, "2026-11-23").await.ok();
    let address = at(&issued, &format!("/children/{}/death", ids[0]));
    clinician.post(&address, json!({ "died_on": "2026-11-23" })).await.ok();

    let entries = at(&issued, "/entries");
    let late = family.post(&entries, pressure("2026-11-24")).await.problem(422, "date_after_death");
    assert!(late["detail"].as_str().unwrap().contains("2026-11-24 晚于登记的死亡日期 2026-11-23"), "{late}");
    family.post(&entries, pressure("2026-11-23")).await.ok();
    let fever = |child: &str| json!({ "kind": "temperature", "subject": { "child": child }, "payload": { "measured_at": "2026-11-24T08:00:00+08:00", "value": 36.8, "site": "axilla" } });
    family.post(&entries, fever(&ids[0])).await.problem(422, "date_after_death");
    family.post(&entries, fever(&ids[1])).await.ok();

    let entry = format!("{entries}/{}", standing["id"].as_str().unwrap());
    let moved = json!({ "payload": { "measured_at": "2026-11-25T08:00:00+08:00", "systolic": 112, "diastolic": 70 } });
    family.change(Method::PATCH, &entry, "\"1\"", moved).await.problem(422, "date_after_death");
    let learned = json!({ "contacted_at": "2026-11-25T10:30:00+08:00", "purpose": "postpartum", "channel": "phone", "outcome": "died" });
    let contact = json!({ "kind": "follow_up_contact", "subject": "woman", "payload": learned });
    clinician.post(&at(&issued, "/checkups"), contact).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planning_handbook_closes_with_the_woman_and_waits_for_her_again_when_she_lives() {
    let ward = ward().await;
    let issued = ward.desk.issued(planning_form(1)).await;
    assert_eq!(dies(&ward.clinician, &issued, "2026-11-22").await.ok()["state"], "closed");
    let row = ward.row(&issued).await;
    assert_eq!((row.close_reason, row.expecting_id), (Some(CloseReason::Death), None));
    dies(&ward.clinician, &issued, "2026-11-22").await.problem(409, "handbook_closed");
    assert_eq!(lives(&ward.clinician, &issued).await.ok()["state"], "issued");
    let row = ward.row(&issued).await;
    assert_eq!((row.woman_died_on, row.expecting_id), (None, row.woman_id));
    let next = json!({ "last_menstrual_period": "2026-09-01" });
    ward.clinician.post(&at(&issued, "/pregnancies"), next).await.ok();

    let second = ward.desk.issued(planning_form(2)).await;
    dies(&ward.clinician, &second, "2026-11-22").await.ok();
    ward.desk.issued(planning_form(2)).await;
    lives(&ward.clinician, &second).await.problem(409, "already_has_handbook");
    assert_eq!(ward.row(&second).await.state, State::Closed, "nothing of it was kept");

    let third = ward.desk.issued(planning_form(3)).await;
    ward.clinician.post(&at(&third, "/close"), json!({ "reason": "death" })).await.ok();
    lives(&ward.clinician, &third).await.problem(409, "handbook_closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn her_death_and_the_outcome_of_her_pregnancy_are_taken_back_one_after_the_other() {
    let ward = ward().await;
    let (issued, pregnancy) = ward.at_term(1).await;
    let open = dies(&ward.clinician, &issued, "2026-11-22").await.problem(409, "death_is_outcome");
    assert!(open["detail"].as_str().unwrap().starts_with("妊娠尚未结束时发生的死亡"));
    let english = ward.clinician.request(Method::POST, &at(&issued, "/woman/death"));
    let english = english.header("accept-language", "en").header("idempotency-key", "in-english");
    let told = send(english.json(&json!({ "died_on": "2026-11-22" }))).await.problem(409, "death_is_outcome");
    assert!(
        told["detail"].as_str().unwrap().starts_with("A death before the end of a pregnancy is its outcome")
    );
    lives(&ward.clinician, &issued).await.problem(409, "no_death");
    let stillbirth = json!({ "outcome": "stillbirth", "ended_on": "2026-11-22" });
    ward.ends(&issued, &pregnancy, stillbirth).await.ok();
    assert_eq!(dies(&ward.clinician, &issued, "2026-11-22").await.ok()["state"], "closed");
    take_back(&ward.clinician, &issued, &pregnancy).await.problem(409, "woman_has_died");
    assert_eq!(lives(&ward.clinician, &issued).await.ok()["state"], "issued");
    take_back(&ward.clinician, &issued, &pregnancy).await.ok();
    assert_eq!(ward.row(&issued).await.expecting_id, ward.row(&issued).await.woman_id);

    // A maternal death is no death by itself, and is taken back as the outcome that it is.
    let death =
        json!({ "outcome": "maternal_death", "ended_on": "2026-11-22", "children": [{ "sex": "male" }] });
    ward.ends(&issued, &pregnancy, death).await.ok();
    dies(&ward.clinician, &issued, "2026-11-22").await.problem(409, "woman_has_died");
    lives(&ward.clinician, &issued).await.problem(409, "death_is_outcome");
    let next = json!({ "last_menstrual_period": "2026-11-20" });
    ward.clinician.post(&at(&issued, "/pregnancies"), next).await.problem(409, "woman_has_died");
    take_back(&ward.clinician, &issued, &pregnancy).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_womans_death_that_cannot_be_or_may_not_be_recorded_changes_nothing() {
    let ward = ward().await;
    let (issued, pregnancy, _) =
        ward.delivered(1, json!([{ "sex": "female", "birth_date": "2026-11-21" }])).await;
    let of_child = ward.desk.issued(child_form(2, "2026-11-01")).await;
    let owner = ward.world.family_user().await;
    owner.client.post("/api/v1/claims", claim_by_cover(&issued, &last_four(1), "woman")).await.ok();
    let address = at(&issued, &format!("/pregnancies/{pregnancy}"));
    ward.world.advance(TimeDelta::days(1));
    let clinician = ward.world.clinician(ward.county.health_centre).await;
    let discharged = json!({ "discharged_on": "2026-11-23" });
    clinician.change(Method::PATCH, &address, "\"2\"", discharged).await.ok();
    for day in ["2026-11-22", "2026-11-24"] {
        let problem = dies(&clinician, &issued, day).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/died_on");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains("2026-11-23至2026-11-23"));
    }
    let owner = ward.world.sign_in_user(owner.id).await;
    dies(&owner, &issued, "2026-11-23").await.problem(403, "forbidden");
    dies(&ward.world.county_mch(ward.county.mch).await, &issued, "2026-11-23")
        .await
        .problem(403, "forbidden");
    dies(&ward.world.clinician(ward.county.hospital).await, &issued, "2026-11-23")
        .await
        .problem(404, "not_found");
    dies(&ward.world.anybody(), &issued, "2026-11-23").await.problem(401, "not_signed_in");
    assert_eq!(ward.row(&issued).await.woman_died_on, None);
    assert_eq!(ward.acts().await, 0);

    // The handbook of a child may be issued after its mother died, but not before it was born.
    dies(&clinician, &of_child, "2026-10-31").await.problem(422, "invalid");
    assert_eq!(dies(&clinician, &of_child, "2026-11-02").await.ok()["state"], "issued");
    assert_eq!(lives(&clinician, &of_child).await.ok()["state"], "issued");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_record_her_death_at_once_exactly_one_counts() {
    let ward = ward().await;
    let (issued, _, _) = ward.delivered(1, json!([{ "sex": "female" }])).await;
    let other = ward.world.clinician(ward.county.health_centre).await;
    let (a, b) =
        tokio::join!(dies(&ward.clinician, &issued, "2026-11-22"), dies(&other, &issued, "2026-11-22"));
    let loser = if a.status == 201 { b } else { a };
    loser.problem(409, "woman_has_died");
    assert_eq!(ward.acts().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mother_who_died_40_days_after_an_unreported_birth_is_a_maternal_death() {
    let ward = ward().await;
    let (issued, pregnancy) = ward.at_term(1).await;
    // 41+0 weeks on 2026-12-07; 40 days later it is 2027-01-16.
    ward.world.advance(TimeDelta::days(60));
    let clinician = ward.world.clinician(ward.county.health_centre).await;
    let outcome = at(&issued, &format!("/pregnancies/{pregnancy}/outcome"));
    let mut death = json!({ "outcome": "maternal_death", "ended_on": "2027-01-16", "children": [{ "sex": "male", "birth_date": "2026-12-07" }] });
    assert_eq!(clinician.post(&outcome, death.clone()).await.ok()["state"], "issued");
    let cover = clinician.get(&at(&issued, "")).await.ok();
    assert_eq!(
        (&cover["woman"]["died_on"], &cover["children"][0]["gestational_days"]),
        (&json!("2027-01-16"), &json!(287))
    );
    // A twin is not born after her death.
    let children = at(&issued, &format!("/pregnancies/{pregnancy}/children"));
    let twin = json!({ "sex": "male", "birth_date": "2027-01-17" });
    clinician.post(&children, twin).await.problem(422, "invalid");
    take_back(&clinician, &issued, &pregnancy).await.ok();
    death["children"] = json!([{ "sex": "male" }]);
    let refused = clinician.post(&outcome, death).await.problem(422, "invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/children/0/birth_date", "nobody is born on that day");
}
