//! Desks look for handbooks, and everybody reads the covers that they may read.

use domain::access::Role;
use domain::member::{MemberRelation, MemberRole};
use domain::place::RegionLevel;
use regex::Regex;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use crate::support::World;
use crate::support::issuing::*;
use crate::support::people::{COUNTY, OTHER_COUNTY, TOWN, VILLAGE};
use api::db::entities::pregnancy;

const FIND: &str = "/api/v1/handbooks/find";

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_finds_by_number_id_number_and_phone_and_sees_masked_people() {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = Desk(world.administrator(county.health_centre).await);
    let issued = desk.issued(pregnant_form(1)).await;
    desk.issued(pregnant_form(2)).await;
    let number = issued["printed_number"].as_str().unwrap();
    let wanted = [
        json!({ "number": number }),
        json!({ "id_number": womans_number("19950101", 1).to_lowercase() }),
        json!({ "phone": "+86 139 0000 0001" }),
    ];
    for body in wanted {
        let found = desk.0.post(FIND, body).await;
        let items = found.ok()["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), 1, "{items}");
        assert_eq!(items[0]["id"], issued["id"]);
        assert_eq!(items[0]["woman"]["name"], "王**");
        assert_eq!(items[0]["woman"]["phone"], "139****0001");
        assert_eq!(items[0]["due_date"], "2027-03-01");
        assert_eq!(items[0]["may_open"], true);
        for personal in [r"\b\d{17}[\dXx]\b", r"\b1\d{10}\b", "王小红", "长虹村"] {
            assert!(!Regex::new(personal).unwrap().is_match(&found.text()), "{personal} in {}", found.text());
        }
    }
    assert_eq!(world.reads().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_is_found_by_its_own_number_and_a_shared_phone_finds_every_handbook() {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = Desk(world.administrator(county.health_centre).await);
    let mut form = child_form(1, "2026-11-01");
    form["children"][0]["id_number"] = json!(boys_number("20261101", 1));
    let child = desk.issued(form).await;
    let found = desk.0.post(FIND, json!({ "id_number": boys_number("20261101", 1) })).await.ok();
    assert_eq!(found["items"][0]["id"], child["id"]);
    assert_eq!(found["items"][0]["children"][0]["name"], "王**");
    let mut sister = pregnant_form(2);
    sister["woman"]["phone"] = json!("13900000001");
    desk.issued(sister).await;
    let found = desk.0.post(FIND, json!({ "phone": "13900000001" })).await.ok();
    assert_eq!(found["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handbook_of_another_county_is_not_found_unless_the_own_institution_issued_it() {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = Desk(world.administrator(county.health_centre).await);
    let issued = desk.issued(pregnant_form(1)).await;
    let by_number = json!({ "number": issued["number"] });
    let foreign = world
        .staff(
            &[Role::HandbookAdministrator],
            Some(county.foreign_hospital),
            OTHER_COUNTY,
            RegionLevel::County,
        )
        .await
        .client;
    assert_eq!(foreign.post(FIND, by_number.clone()).await.ok()["items"], json!([]));
    let own = Desk(foreign).issued(pregnant_form(2)).await;
    let foreign = world
        .staff(
            &[Role::HandbookAdministrator],
            Some(county.foreign_hospital),
            OTHER_COUNTY,
            RegionLevel::County,
        )
        .await
        .client;
    let found = foreign.post(FIND, json!({ "number": own["number"] })).await.ok();
    assert_eq!(found["items"][0]["may_open"], true);

    // In the county, but neither managing nor issuing: found, not opened.
    let hospital = world
        .staff(&[Role::HandbookAdministrator], Some(county.hospital), COUNTY, RegionLevel::County)
        .await
        .client;
    let found = hospital.post(FIND, by_number.clone()).await.ok();
    assert_eq!(found["items"][0]["may_open"], false);
    hospital.get(&at(&issued, "")).await.problem(404, "not_found");
    let mch = world.county_mch(county.mch).await;
    assert_eq!(mch.post(FIND, by_number.clone()).await.ok()["items"][0]["may_open"], true);
    let office = world
        .staff(&[Role::TownshipOffice], Some(county.township_office), TOWN, RegionLevel::Town)
        .await
        .client;
    assert_eq!(office.post(FIND, by_number).await.ok()["items"][0]["id"], issued["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_question_gets_a_clear_answer() {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = world.administrator(county.health_centre).await;
    for (body, pointer, code) in [
        (json!({}), "", "one_of"),
        (json!({ "phone": "13900000001", "number": "1" }), "", "one_of"),
        (json!({ "phone": "139" }), "/phone", "wrong_form"),
        (json!({ "id_number": "1" }), "/id_number", "wrong_form"),
        (json!({ "number": "5109032600000010" }), "/number", "check_digit"),
        (json!({ "number": "510903" }), "/number", "wrong_form"),
        (json!({ "name": "王小红" }), "/name", "unknown_field"),
    ] {
        let problem = desk.post(FIND, body).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
        assert_eq!(problem["errors"][0]["code"], code);
    }
    for client in [world.clinician(county.health_centre).await, world.family_user().await.client] {
        client.post(FIND, json!({ "phone": "13900000001" })).await.problem(403, "forbidden");
    }
    world.anybody().post(FIND, json!({})).await.problem(401, "not_signed_in");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reader_of_a_cover_sees_what_is_theirs() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let graded = pregnancy::ActiveModel {
        risk_grade: sea_orm::Set(Some("yellow".to_owned())),
        risk_purple: sea_orm::Set(true),
        ..Default::default()
    };
    pregnancy::Entity::update_many()
        .set(graded)
        .filter(pregnancy::COLUMN.id.eq(mother.pregnancy))
        .exec(world.app.db.write())
        .await
        .unwrap();
    let address = format!("/api/v1/handbooks/{}", mother.handbook);

    let own = mother.user.client.get(&address).await;
    assert_eq!(own.etag(), "\"1\"");
    let own = own.ok();
    assert_eq!(own["woman"]["name"], "王小红");
    assert_eq!(own["woman"]["phone"], mother.phone.as_str());
    assert_eq!(own["purple"], true);
    assert_eq!(own["pregnancies"][0]["gestational_age"], "25+6");

    let father = world.family_user().await;
    world.join(mother.handbook, father.id, MemberRole::Owner, MemberRelation::Father, false).await;
    let seen = father.client.get(&address).await.ok();
    assert_eq!((&seen["risk_grade"], seen.get("purple")), (&json!("yellow"), None));

    let clinician = world.clinician(county.health_centre).await;
    let seen = clinician.get(&address).await.ok();
    assert_eq!((&seen["woman"]["address"], &seen["purple"]), (&json!("河沙镇长虹村12号"), &json!(true)));

    let village = world.staff(&[Role::VillageWorker], None, VILLAGE, RegionLevel::Village).await.client;
    let seen = village.get(&address).await.ok();
    assert_eq!(seen["woman"]["name"], "王小红");
    assert_eq!(seen["woman"]["address"], "河沙镇长虹村12号");
    assert_eq!((&seen["due_date"], &seen["risk_grade"]), (&json!("2027-03-01"), &json!("yellow")));
    assert!(seen.get("purple").is_none() && seen.get("pregnancies").is_none());
    assert_ne!(seen["woman"]["phone"], mother.phone.as_str());

    let desk = world.administrator(county.health_centre).await;
    let seen = desk.get(&address).await;
    assert!(!seen.text().contains("王小红") && !seen.text().contains(&mother.phone));
    assert!(seen.ok().get("risk_grade").is_none());
    assert!(!own.to_string().contains(&mother.id_number), "an ID number is never shown in full");

    assert_eq!(world.reads().await, 3, "three staff looked");
    world.family_user().await.client.get(&address).await.problem(404, "not_found");
    world.clinician(county.hospital).await.get(&address).await.problem(404, "not_found");
    world.anybody().get(&address).await.problem(401, "not_signed_in");
    mother.user.client.get("/api/v1/handbooks/nonsense").await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_lists_its_handbooks_page_by_page() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let other = world.mother(&county).await;
    world.join(other.handbook, mother.user.id, MemberRole::Viewer, MemberRelation::Other, false).await;
    let first = mother.user.client.get("/api/v1/me/handbooks?limit=1").await.ok();
    assert_eq!(first["items"][0]["id"], json!(other.handbook));
    assert_eq!(first["items"][0]["role"], "viewer");
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = mother.user.client.get(&format!("/api/v1/me/handbooks?limit=1&cursor={cursor}")).await.ok();
    assert_eq!(second["items"][0]["id"], json!(mother.handbook));
    assert_eq!(second["items"][0]["woman"], "王小红");
    assert_eq!(second["items"][0]["gestational_age"], "25+6");
    assert!(second.get("next_cursor").is_none());
    other.user.client.get(&format!("/api/v1/me/handbooks?cursor={cursor}")).await.problem(400, "bad_cursor");
    mother.user.client.get("/api/v1/me/handbooks?limit=0").await.problem(400, "bad_query");
    world.clinician(county.hospital).await.get("/api/v1/me/handbooks").await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_reads_the_privacy_text_that_a_claim_agrees_to() {
    let world = World::empty().await;
    let text = world.anybody().get("/api/v1/privacy-text").await.ok();
    assert_eq!(text["version"], CONSENT);
    assert_eq!(text["sections"][0]["key"], "handler");
    assert!(text["sections"].as_array().unwrap().len() >= 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_of_the_managing_institution_is_for_the_family_and_who_may_open_the_handbook() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let phone = json!("0825-2222333");
    let cover = format!("/api/v1/handbooks/{}", mother.handbook);
    assert_eq!(mother.user.client.get(&cover).await.ok()["managing_institution"]["phone"], phone);
    let mine = mother.user.client.get("/api/v1/me/handbooks").await.ok();
    assert_eq!(mine["items"][0]["managing_institution"]["phone"], phone);
    let found = async |institution| {
        let desk = world.administrator(institution).await;
        desk.post(FIND, json!({ "number": mother.number.printed() })).await.ok()["items"][0].clone()
    };
    let own = found(county.health_centre).await;
    assert_eq!((&own["may_open"], &own["managing_institution"]["phone"]), (&json!(true), &phone));
    let other = found(county.hospital).await;
    assert_eq!(
        (&other["may_open"], &other["managing_institution"]["name"]),
        (&json!(false), &json!("河沙镇卫生院"))
    );
    assert!(other["managing_institution"].get("phone").is_none());
    let stranger = world.doctor(county.hospital).await;
    stranger.client.get(&cover).await.problem(404, "not_found");
}
