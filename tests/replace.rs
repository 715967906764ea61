//! A lost handbook gets a successor, and everything follows.

use domain::usage::Evidence;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::entries::{entries, pressure};
use crate::support::issuing::*;
use crate::support::people::County;
use crate::support::{World, send};
use api::db::entities::{handbook, issuance, usage_counter};
use api::usage::count;

async fn town() -> (World, County, Desk) {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = Desk(world.administrator(county.health_centre).await);
    (world, county, desk)
}

async fn row(world: &World, issued: &Value) -> handbook::Model {
    let id = domain::id::HandbookId(issued["id"].as_str().unwrap().parse().unwrap());
    handbook::Entity::find_by_id(id).one(world.app.db.read()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_pregnancy_and_children_follow_and_the_old_cover_leads_nowhere() {
    let (world, county, desk) = town().await;
    let mut form = pregnant_form(1);
    form["pregnancy"] = json!({ "due_date": "2026-11-30" });
    let old = desk.issued(form).await;
    let (owner, thief) = (world.family_user().await, world.family_user().await);
    owner.client.post("/api/v1/claims", claim_by_cover(&old, &last_four(1), "woman")).await.ok();
    let clinician = world.clinician(county.health_centre).await;
    let birth = json!({ "outcome": "live_birth", "ended_on": "2026-11-22", "children": [{ "sex": "male" }] });
    let address = at(&old, &format!("/pregnancies/{}/outcome", old["pregnancy"].as_str().unwrap()));
    clinician.post(&address, birth).await.ok();
    clinician.get(&at(&old, "")).await.ok();

    let new =
        desk.0.post(&at(&old, "/replace"), json!({ "reason": "lost", "note": "搬家时遗失" })).await.ok();
    assert_eq!((&new["state"], &new["replaces"]), (&json!("claimed"), &old["id"]));
    assert_ne!(new["number"], old["number"]);
    let cover = owner.client.get(&at(&new, "")).await.ok();
    assert_eq!((&cover["woman"]["name"], cover["children"].as_array().unwrap().len()), (&json!("王小红"), 1));
    assert_eq!(cover["pregnancies"].as_array().unwrap().len(), 1);
    owner.client.get(&at(&old, "")).await.problem(404, "not_found");
    let list = owner.client.get("/api/v1/me/handbooks").await.ok();
    assert_eq!(list["items"][0]["id"], new["id"]);

    let again = thief.client.post("/api/v1/claims", claim_by_cover(&old, &last_four(1), "woman")).await;
    again.problem(422, "claim_refused");
    let taken = thief.client.post("/api/v1/claims", claim_by_cover(&new, &last_four(1), "woman")).await;
    taken.problem(409, "already_claimed");
    let (before, after) = (row(&world, &old).await, row(&world, &new).await);
    assert_eq!((before.successor_id, before.woman_id), (Some(after.id), None));
    assert!(after.change_seq > 0 && after.change_seq >= before.change_seq - 1);
    let log = owner.client.get(&at(&new, "/access-log")).await.ok();
    assert_eq!(log["items"].as_array().unwrap().len(), 1, "the family still sees who looked before");
    let found = desk.0.post("/api/v1/handbooks/find", json!({ "number": old["number"] })).await.ok();
    assert_eq!(
        (&found["items"][0]["state"], &found["items"][0]["successor"]),
        (&json!("replaced"), &new["id"])
    );
    desk.0.post(&at(&old, "/replace"), json!({ "reason": "lost" })).await.problem(409, "handbook_closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_is_no_issue_and_its_use_counts_for_the_first_one() {
    let (world, _, desk) = town().await;
    let old = desk.issued(pregnant_form(1)).await;
    let new = desk.0.post(&at(&old, "/replace"), json!({ "reason": "damaged" })).await.ok();
    let newest = desk.0.post(&at(&new, "/replace"), json!({ "reason": "damaged" })).await.ok();
    let kinds = issuance::Entity::find().all(world.app.db.read()).await.unwrap();
    assert_eq!(kinds.iter().filter(|row| row.kind.code() == "replace").count(), 2);
    let (first, last) = (row(&world, &old).await, row(&world, &newest).await);
    assert_eq!(last.counts_as, first.id);
    count::evidence(world.app.db.write(), &last, Evidence::Entry, world.now()).await.unwrap();
    let counted = usage_counter::Entity::find().all(world.app.db.read()).await.unwrap();
    let of = |used: bool| {
        counted
            .iter()
            .filter(|row| (row.used_in != count::NOT_USED) == used)
            .map(|row| row.count)
            .sum::<i64>()
    };
    assert_eq!((of(false), of(true)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_handbook_still_is_the_only_one_of_its_pregnancy_and_child() {
    let (_world, _, desk) = town().await;
    let pregnant = desk.issued(pregnant_form(1)).await;
    let new = desk.0.post(&at(&pregnant, "/replace"), json!({ "reason": "lost" })).await.ok();
    let refused = desk.issue(pregnant_form(1)).await.problem(409, "already_has_handbook");
    assert!(refused["detail"].as_str().unwrap().contains(new["printed_number"].as_str().unwrap()));
    let child = desk.issued(child_form(2, "2026-11-01")).await;
    let new = desk.0.post(&at(&child, "/replace"), json!({ "reason": "lost" })).await.ok();
    let refused = desk.issue(child_form(2, "2026-11-01")).await.problem(409, "already_has_handbook");
    assert!(refused["detail"].as_str().unwrap().contains(new["printed_number"].as_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unclaimed_handbook_is_replaced_with_a_slip_that_claims_the_successor() {
    let (world, _, desk) = town().await;
    let mut form = planning_form(1);
    form["slip"] = json!(true);
    let old = desk.issued(form).await;
    let new = desk.0.post(&at(&old, "/replace"), json!({ "reason": "damaged", "slip": true })).await.ok();
    let user = world.family_user().await;
    let stale = user.client.post("/api/v1/claims", claim_by_slip(&old["slip"]["code"], "woman")).await;
    stale.problem(422, "claim_refused");
    let joined = user.client.post("/api/v1/claims", claim_by_slip(&new["slip"]["code"], "woman")).await.ok();
    assert_eq!(joined["handbook"], new["id"]);
    let with_slip = desk.0.post(&at(&new, "/replace"), json!({ "reason": "lost", "slip": true })).await;
    with_slip.problem(409, "already_claimed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_sent_twice_or_by_two_desks_at_once_happens_once() {
    let (world, county, desk) = town().await;
    let old = desk.issued(pregnant_form(1)).await;
    let other = world.administrator(county.health_centre).await;
    let address = at(&old, "/replace");
    let (a, b) = tokio::join!(
        desk.0.post(&address, json!({ "reason": "lost" })),
        other.post(&address, json!({ "reason": "lost" }))
    );
    let (won, lost) = if a.status == 201 { (a, b) } else { (b, a) };
    // The loser is told that it is replaced, or does not find it any more.
    lost.problem(409, "handbook_closed");
    let new = won.ok();
    let body = json!({ "id": uuid::Uuid::now_v7(), "reason": "lost" });
    let send_once = || send(desk.0.request(reqwest::Method::POST, &at(&new, "/replace")).json(&body));
    let (first, second) = (send_once().await.ok(), send_once().await.ok());
    assert_eq!(first, second);
    assert_eq!(handbook::Entity::find().count(world.app.db.read()).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_while_the_handbook_is_replaced_is_lost_in_neither() {
    let (world, county, desk) = town().await;
    for _ in 0..5 {
        let mother = world.mother(&county).await;
        let client = &mother.user.client;
        let handbook = format!("/api/v1/handbooks/{}", mother.handbook);
        let id = client.post(&entries(&mother), pressure(118, 76)).await.ok()["id"].clone();
        let address = format!("{}/{}", entries(&mother), id.as_str().unwrap());
        let (replace, again) = (format!("{handbook}/replace"), pressure(119, 77)["payload"].clone());
        let (new, changed) = tokio::join!(
            desk.0.post(&replace, json!({ "reason": "lost" })),
            client.change(reqwest::Method::PATCH, &address, "\"1\"", json!({ "payload": again })),
        );
        let new = new.ok();
        // Changed before it moved, or refused: found no more, or closed.
        assert!(matches!(changed.status.as_u16(), 200 | 404 | 409), "{}", changed.text());
        let moved = client.get(&at(&new, &format!("/records/{}", id.as_str().unwrap()))).await.ok();
        assert_eq!(moved["version"], if changed.status == 200 { 2 } else { 1 });
    }
    let astray = "SELECT COUNT(*) FROM record JOIN handbook ON handbook.id = record.handbook_id \
                  WHERE handbook.state = 'replaced'";
    assert_eq!(world.number(astray).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_desk_with_a_service_point_replaces() {
    let (world, county, desk) = town().await;
    let old = desk.issued(pregnant_form(1)).await;
    let body = json!({ "reason": "lost" });
    world
        .clinician(county.health_centre)
        .await
        .post(&at(&old, "/replace"), body.clone())
        .await
        .problem(403, "forbidden");
    world
        .administrator(county.hospital)
        .await
        .post(&at(&old, "/replace"), body.clone())
        .await
        .problem(404, "not_found");
    let problem =
        desk.0.post(&at(&old, "/replace"), json!({ "reason": "eaten" })).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/reason");
    let moved = json!({ "institution": county.mch, "reason": "转县级管理" });
    desk.0.post(&at(&old, "/transfer"), moved).await.ok();
    world
        .administrator(county.mch)
        .await
        .post(&at(&old, "/replace"), body)
        .await
        .problem(409, "no_service_point");
}
