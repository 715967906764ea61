//! What a desk puts right: identity, managing institution, the end of a handbook.

use domain::access::Role;
use domain::place::RegionLevel;
use reqwest::Method;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::issuing::*;
use crate::support::people::{COUNTY, County, TOWN, VILLAGE};
use crate::support::{Answer, Client, World};
use api::db::entities::{desk_act, handbook, notice, person};

async fn town() -> (World, County, Desk) {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = Desk(world.administrator(county.health_centre).await);
    (world, county, desk)
}

async fn correct(desk: &Client, issued: &Value, version: i32, body: Value) -> Answer {
    desk.change(Method::POST, &at(issued, "/identity"), &format!("\"{version}\""), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_typed_wrong_is_put_right_with_a_reason_and_the_family_is_told() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let cover = desk.0.get(&at(&issued, "")).await.ok();
    assert_eq!(cover["woman"]["version"], 1);
    let body = json!({ "person": "woman", "name": "王晓红", "phone": "13900000009", "reason": "姓名登记有误，已核对身份证" });
    let corrected = correct(&desk.0, &issued, 1, body.clone()).await;
    assert_eq!((corrected.etag(), &corrected.ok()["version"]), ("\"2\"", &json!(2)));
    let found = desk.0.post("/api/v1/handbooks/find", json!({ "phone": "13900000009" })).await.ok();
    assert_eq!(found["items"][0]["id"], issued["id"]);
    let old = desk.0.post("/api/v1/handbooks/find", json!({ "phone": "13900000001" })).await.ok();
    assert_eq!(old["items"], json!([]));

    let stale = correct(&desk.0, &issued, 1, body).await.problem(412, "stale");
    assert!(stale["detail"].as_str().unwrap().contains('2'));
    let act = desk_act::Entity::find().one(world.app.db.read()).await.unwrap().unwrap();
    let place = api::keys::Place::new(api::keys::places::PERSON_IDENTITY, act.person_id.unwrap().0);
    let before: Value = world.app.keys.open(place, &act.before.unwrap()).unwrap();
    assert_eq!(before["name"], "王小红");
    let told = notice::Entity::find().all(world.app.db.read()).await.unwrap();
    assert_eq!(told.iter().map(|notice| notice.kind.as_str()).collect::<Vec<_>>(), ["identity_corrected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_phone_is_taken_away_and_claims_no_more() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let body = json!({ "person": "woman", "remove_phone": true, "reason": "电话属于他人" });
    correct(&desk.0, &issued, 1, body).await.ok();
    let stranger = world.family_user().await;
    let claim = claim_by_cover(&issued, "0001", "woman");
    stranger.client.post("/api/v1/claims", claim).await.problem(422, "claim_refused");
    let both = json!({ "person": "woman", "remove_phone": true, "phone": "13900000002", "reason": "x" });
    correct(&desk.0, &issued, 2, both).await.problem(422, "invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_id_number_brings_its_birth_date_and_belongs_to_nobody_else() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    desk.issued(pregnant_form(2)).await;
    let with = |number: String| json!({ "person": "woman", "id_number": number, "reason": "号码登记有误" });
    let taken = correct(&desk.0, &issued, 1, with(womans_number("19950101", 2))).await;
    let problem = taken.problem(409, "id_number_taken");
    assert!(!problem.to_string().contains("5109031995"));
    let man = correct(&desk.0, &issued, 1, with(boys_number("19950101", 2))).await.problem(422, "invalid");
    assert_eq!(man["errors"][0]["code"], "not_a_woman");
    correct(&desk.0, &issued, 1, with(womans_number("19940404", 3))).await.ok();
    let row =
        handbook::Entity::find_by_id(domain::id::HandbookId(issued["id"].as_str().unwrap().parse().unwrap()));
    let row = row.one(world.app.db.read()).await.unwrap().unwrap();
    let woman =
        person::Entity::find_by_id(row.woman_id.unwrap()).one(world.app.db.read()).await.unwrap().unwrap();
    assert_eq!(woman.born_on.unwrap().to_string(), "1994-04-04");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_desks_that_give_two_women_one_id_number_at_once_exactly_one_does() {
    let (world, county, desk) = town().await;
    let other = world.administrator(county.health_centre).await;
    for order in 1..=5 {
        let (one, two) =
            (desk.issued(pregnant_form(order)).await, desk.issued(pregnant_form(order + 10)).await);
        let number = womans_number("19950101", order + 20);
        let body = json!({ "person": "woman", "id_number": number, "reason": "号码登记有误" });
        let (a, b) =
            tokio::join!(correct(&desk.0, &one, 1, body.clone()), correct(&other, &two, 1, body.clone()));
        let loser = if a.status == 200 { &b } else { &a };
        assert_ne!(a.status, b.status, "{} {}", a.text(), b.text());
        loser.problem(409, "id_number_taken");
        let loser = if a.status == 200 { &two } else { &one };
        let cover = desk.0.get(&at(loser, "")).await.ok();
        assert_eq!(cover["woman"]["version"], 1, "nothing of it was kept");
    }
    assert_eq!(desk_act::Entity::find().count(world.app.db.read()).await.unwrap(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_childs_identity_is_put_right_and_stays_one_child() {
    let (_world, _, desk) = town().await;
    let issued = desk.issued(child_form(1, "2026-11-01")).await;
    let child = &issued["children"][0];
    let number = boys_number("20261102", 1);
    let body = json!({ "person": child, "id_number": number, "reason": "出生日期登记有误" });
    correct(&desk.0, &issued, 1, body).await.ok();
    let cover = desk.0.get(&at(&issued, "")).await.ok();
    assert_eq!(cover["children"][0]["birth_date"], "2026-11-02");
    let mut again = child_form(9, "2026-11-02");
    again["children"][0]["id_number"] = json!(number);
    desk.issue(again).await.problem(409, "already_has_handbook");
    let wrong_sex = json!({ "person": child, "sex": "female", "reason": "x" });
    correct(&desk.0, &issued, 2, wrong_sex).await.problem(422, "invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_that_may_not_be_made_changes_nothing() {
    let (world, county, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let body = json!({ "person": "woman", "name": "李四", "reason": "x" });
    let no_version = desk.0.post(&at(&issued, "/identity"), body.clone()).await;
    no_version.problem(428, "if_match_required");
    for (change, pointer) in [
        (json!({ "person": "father", "reason": "x" }), "/person"),
        (json!({ "person": uuid::Uuid::now_v7(), "reason": "x" }), "/person"),
        (json!({ "person": "woman", "reason": "" }), "/reason"),
        (json!({ "person": "woman", "phone": "1", "reason": "x" }), "/phone"),
        (json!({ "person": "woman", "birth_date": "1990-01-01", "reason": "x" }), "/birth_date"),
        (json!({ "person": "woman", "sex": "male", "reason": "x" }), "/sex"),
        // Of nine years and of 61, by the number that brings the day of birth.
        (
            json!({ "person": "woman", "id_number": womans_number("20171122", 1), "reason": "x" }),
            "/birth_date",
        ),
        (
            json!({ "person": "woman", "id_number": womans_number("19651121", 1), "reason": "x" }),
            "/birth_date",
        ),
    ] {
        let problem = correct(&desk.0, &issued, 1, change).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    let clinician = world.clinician(county.health_centre).await;
    correct(&clinician, &issued, 1, body.clone()).await.problem(403, "forbidden");
    let stranger = world.administrator(county.hospital).await;
    correct(&stranger, &issued, 1, body).await.problem(404, "not_found");
    assert_eq!(desk_act::Entity::find().count(world.app.db.read()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_gives_the_handbook_to_another_institution_and_tells_the_family() {
    let (world, county, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let other = world
        .institution(
            "永兴镇卫生院",
            TOWN,
            RegionLevel::Town,
            &[domain::institution::AgencyClass::PrimaryCare],
            &[],
        )
        .await;
    let clinician = world.clinician(county.health_centre).await;
    let newcomer = world.clinician(other).await;
    newcomer.get(&at(&issued, "")).await.problem(404, "not_found");
    let to = |institution| json!({ "institution": institution, "reason": "搬家", "region_code": VILLAGE, "address": "新村3号" });
    let done = clinician.post(&at(&issued, "/transfer"), to(other)).await.ok();
    assert_eq!(done["managing_institution"]["name"], "永兴镇卫生院");
    let cover = newcomer.get(&at(&issued, "")).await.ok();
    assert_eq!((&cover["woman"]["address"], &cover["version"]), (&json!("新村3号"), &json!(2)));
    clinician.get(&at(&issued, "")).await.problem(404, "not_found");
    let told = notice::Entity::find().one(world.app.db.read()).await.unwrap().unwrap();
    assert_eq!((told.kind.as_str(), told.institution_id), ("transferred", Some(other)));
    let county_mch = world.county_mch(county.mch).await;
    county_mch.post(&at(&issued, "/transfer"), to(county.health_centre)).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_can_answer_for_a_plan_takes_over() {
    let (world, county, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let clinician = world.clinician(county.health_centre).await;
    let to = |institution| json!({ "institution": institution, "reason": "搬家" });
    for (institution, code) in [
        (county.kindergarten.0, "cannot_manage"),
        (county.hospital.0, "cannot_manage"),
        (county.health_centre.0, "unchanged"),
        (uuid::Uuid::now_v7(), "unknown"),
    ] {
        let problem =
            clinician.post(&at(&issued, "/transfer"), to(institution)).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["code"], code);
    }
    let nowhere = json!({ "institution": county.mch, "reason": "搬家", "region_code": 510_903_999_999_i64 });
    clinician.post(&at(&issued, "/transfer"), nowhere).await.problem(422, "unknown_region");
    let stranger = world.clinician(county.hospital).await;
    stranger.post(&at(&issued, "/transfer"), to(county.mch.0)).await.problem(404, "not_found");
    let office = world
        .staff(&[Role::TownshipOffice], Some(county.township_office), TOWN, RegionLevel::Town)
        .await
        .client;
    office.post(&at(&issued, "/transfer"), to(county.mch.0)).await.problem(403, "forbidden");
    assert_eq!(desk_act::Entity::find().count(world.app.db.read()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_handbook_takes_nothing_more_and_its_woman_may_be_issued_another() {
    let (world, county, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let owner = world.family_user().await;
    owner.client.post("/api/v1/claims", claim_by_cover(&issued, &last_four(1), "woman")).await.ok();
    let clinician = world.clinician(county.health_centre).await;
    let young = clinician.post(&at(&issued, "/close"), json!({ "reason": "child_past_six" })).await;
    young.problem(422, "not_past_six");
    let closed =
        clinician.post(&at(&issued, "/close"), json!({ "reason": "moved_away", "note": "迁往外省" })).await;
    assert_eq!(closed.ok()["state"], "closed");
    clinician
        .post(&at(&issued, "/close"), json!({ "reason": "death" }))
        .await
        .problem(409, "handbook_closed");
    let invite = json!({ "role": "viewer", "relation": "other", "expires_in_hours": 1 });
    owner.client.post(&at(&issued, "/invitations"), invite).await.problem(409, "handbook_closed");
    let dates = json!({ "last_menstrual_period": "2026-09-01" });
    clinician.post(&at(&issued, "/pregnancies"), dates).await.problem(409, "handbook_closed");
    let cover = owner.client.get(&at(&issued, "")).await.ok();
    assert_eq!((&cover["state"], &cover["close_reason"]), (&json!("closed"), &json!("moved_away")));
    desk.issued(pregnant_form(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_comes_back_after_its_handbook_was_closed_gets_a_new_one() {
    let (world, county, desk) = town().await;
    let mut form = child_form(1, "2024-11-01");
    form["children"][0]["id_number"] = json!(boys_number("20241101", 1));
    let issued = desk.issued(form.clone()).await;
    desk.issue(form.clone()).await.problem(409, "already_has_handbook");
    world
        .clinician(county.health_centre)
        .await
        .post(&at(&issued, "/close"), json!({ "reason": "moved_away" }))
        .await
        .ok();
    desk.issued(form).await;
    assert_eq!(person::Entity::find().count(world.app.db.read()).await.unwrap(), 2, "the same two people");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handbook_closes_for_age_when_its_child_is_six() {
    let (world, county, desk) = town().await;
    let mut form = child_form(1, "2020-11-22");
    form["override_reason"] = json!("遗失");
    let six = desk.issued(form).await;
    let mut form = child_form(2, "2020-11-23");
    form["override_reason"] = json!("遗失");
    let not_yet = desk.issued(form).await;
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await.client;
    let reason = json!({ "reason": "child_past_six" });
    mch.post(&at(&not_yet, "/close"), reason.clone()).await.problem(422, "not_past_six");
    mch.post(&at(&six, "/close"), reason).await.ok();
}
