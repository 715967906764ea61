//! Results that come after their visit.

use api::db::entities::visit;
use api::session::store::Holder;
use domain::access::Role;
use domain::place::RegionLevel;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::json;

use super::{antenatal, change, checkups, laboratory, read};
use crate::entries::{entries, pressure, records};
use crate::support::World;
use crate::support::people::COUNTY;

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
