//! A handbook that is found in use, or not, by asking.

use api::db::entities::handbook;
use domain::access::Role;
use domain::handbook::State;
use domain::id::HandbookId;
use domain::place::RegionLevel;
use domain::usage::Found;
use sea_orm::ActiveValue::Set;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;

use super::county_desk;
use crate::support::people::{OTHER_COUNTY, TOWN, VILLAGE};
use crate::support::{World, send};

fn follow_up_of(handbook: HandbookId) -> String {
    format!("/api/v1/handbooks/{handbook}/usage-follow-up")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handbook_found_in_use_on_paper_counts_as_used() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let office =
        world.staff(&[Role::TownshipOffice], Some(county.township_office), TOWN, RegionLevel::Town).await;
    let desk = county_desk(&world).await;
    let used = async || desk.get("/api/v1/usage").await.ok()["total"]["used"].clone();

    let path = follow_up_of(mother.handbook);
    let lost = office.client.post(&path, json!({ "found": "not_used", "note": "一直放在家里" })).await;
    assert_eq!((lost.status.as_u16(), lost.ok()["found"].clone()), (201, json!("not_used")));
    assert_eq!(used().await, 0, "only a handbook that is used counts");

    let id = uuid::Uuid::now_v7();
    let body = json!({ "id": id, "found": "used" });
    let first = send(office.client.request(reqwest::Method::POST, &path).json(&body)).await;
    let again = send(office.client.request(reqwest::Method::POST, &path).json(&body)).await;
    assert_eq!((first.status.as_u16(), first.ok()), (201, again.ok()), "sent twice, done once");
    let other =
        send(office.client.request(reqwest::Method::POST, &path).json(&json!({ "id": id, "found": "lost" })))
            .await;
    other.problem(409, "id_in_use");
    assert_eq!(used().await, 1);
    let kept = api::db::entities::usage_follow_up::Entity::find().count(world.app.db.read()).await.unwrap();
    assert_eq!(kept, 2);
    assert_eq!(world.differences().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_village_the_office_and_the_issuing_desk_follow_up_and_nobody_else() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let path = follow_up_of(mother.handbook);
    let found = || json!({ "found": Found::Lost });
    let village = world.staff(&[Role::VillageWorker], None, VILLAGE, RegionLevel::Village).await.client;
    let centre = Some(county.health_centre);
    let administrator =
        world.staff(&[Role::HandbookAdministrator], centre, TOWN, RegionLevel::Town).await.client;
    village.post(&path, found()).await.ok();
    administrator.post(&path, found()).await.ok();

    let clinician = world.staff(&[Role::Clinician], centre, TOWN, RegionLevel::Town).await.client;
    let foreign = world.staff(&[Role::TownshipOffice], None, OTHER_COUNTY, RegionLevel::County).await.client;
    clinician.post(&path, found()).await.problem(403, "forbidden");
    county_desk(&world).await.post(&path, found()).await.problem(403, "forbidden");
    foreign.post(&path, found()).await.problem(404, "not_found");
    mother.user.client.post(&path, found()).await.problem(403, "forbidden");
    world.anybody().post(&path, found()).await.problem(401, "not_signed_in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_that_makes_no_sense_changes_nothing() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let path = follow_up_of(mother.handbook);
    let office = world.staff(&[Role::TownshipOffice], None, TOWN, RegionLevel::Town).await.client;
    for (body, pointer) in [
        (json!({ "found": "maybe" }), "/found"),
        (json!({}), "/found"),
        (json!({ "found": "used", "colour": 1 }), "/colour"),
        (json!({ "found": "used", "note": "长".repeat(501) }), "/note"),
        (json!({ "found": "used", "note": "a\u{7}" }), "/note"),
    ] {
        let problem = office.post(&path, body).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    let without_key = office.request(reqwest::Method::POST, &path).json(&json!({ "found": "used" }));
    send(without_key).await.problem(400, "idempotency_key_required");
    let closed =
        handbook::ActiveModel { id: Set(mother.handbook), state: Set(State::Closed), ..Default::default() };
    handbook::Entity::update(closed).exec(world.app.db.write()).await.unwrap();
    office.post(&path, json!({ "found": "used" })).await.problem(409, "handbook_closed");
    let kept = api::db::entities::usage_follow_up::Entity::find().count(world.app.db.read()).await.unwrap();
    assert_eq!(kept, 0);
    assert_eq!(county_desk(&world).await.get("/api/v1/usage").await.ok()["total"]["used"], 0);
}
