//! A desk gives handbooks to women and children.

use domain::institution::AgencyClass;
use domain::place::RegionLevel;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::support::issuing::*;
use crate::support::people::{COUNTY, County, OTHER_COUNTY, TOWN, VILLAGE};
use crate::support::{World, send};
use api::db::entities::{catchment, handbook, institution, issuance, person, staff, usage_counter};

struct Town {
    world: World,
    county: County,
    desk: Desk,
}

async fn town() -> Town {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = Desk(world.administrator(county.health_centre).await);
    Town { world, county, desk }
}

fn field_of(problem: &Value) -> (String, String) {
    let field = &problem["errors"][0];
    (field["pointer"].as_str().unwrap().to_owned(), field["code"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_group_is_issued_a_handbook_that_counts_in_the_column_of_the_institution() {
    let Town { world, county, desk } = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    assert_eq!(issued["kind"], "issue");
    assert_eq!(issued["report_column"], "primary_care");
    assert_eq!(issued["state"], "issued");
    assert_eq!(issued["managing_institution"]["name"], "河沙镇卫生院");
    assert!(issued["number"].as_str().unwrap().starts_with("510903260000001"));
    let link = issued["printed_code"].as_str().unwrap();
    assert!(link.contains(&format!("/s/{}-", issued["number"].as_str().unwrap())));
    assert!(issued.get("slip").is_none() && issued["pregnancy"].is_string());

    assert_eq!(desk.issued(planning_form(2)).await["report_column"], "other");
    let child = desk.issued(child_form(3, "2026-11-01")).await;
    assert_eq!((&child["kind"], &child["report_column"]), (&json!("reissue"), &json!("primary_care")));
    let office = Desk(world.administrator(county.township_office).await);
    assert_eq!(office.issued(planning_form(4)).await["report_column"], "township_office");
    let hospital = Desk(world.administrator(county.hospital).await);
    assert_eq!(hospital.issued(pregnant_form(5)).await["report_column"], "midwifery");
    assert_eq!(hospital.issued(child_form(6, "2026-11-01")).await["report_column"], "other");

    let counted = usage_counter::Entity::find().all(world.app.db.read()).await.unwrap();
    assert_eq!(counted.iter().map(|row| row.count).sum::<i64>(), 6);
    let rows = issuance::Entity::find().all(world.app.db.read()).await.unwrap();
    assert!(rows.iter().all(|row| row.edition == "2017" && row.explained.0.len() == 5));
    let numbers: std::collections::HashSet<_> = handbook::Entity::find()
        .all(world.app.db.read())
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.number)
        .collect();
    assert_eq!(numbers.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_again_is_issued_once_with_the_same_slip() {
    let Town { world, desk, .. } = town().await;
    let mut form = pregnant_form(1);
    form["id"] = json!(uuid::Uuid::now_v7());
    form["slip"] = json!(true);
    let again = || send(desk.0.request(reqwest::Method::POST, "/api/v1/handbooks").json(&form));
    let (first, second) = (again().await.ok(), again().await.ok());
    assert_eq!(first, second);
    assert_eq!(first["slip"]["code"].as_str().unwrap().len(), 22);
    assert_eq!(handbook::Entity::find().count(world.app.db.read()).await.unwrap(), 1);
    form["woman"]["name"] = json!("李小红");
    let other = send(desk.0.request(reqwest::Method::POST, "/api/v1/handbooks").json(&form)).await;
    other.problem(409, "id_in_use");
    let without_key =
        send(desk.0.request(reqwest::Method::POST, "/api/v1/handbooks").json(&pregnant_form(2)));
    without_key.await.problem(400, "idempotency_key_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_handbook_for_the_same_pregnancy_is_refused_with_the_number_of_the_first() {
    let Town { world, county, desk } = town().await;
    let first = desk.issued(pregnant_form(1)).await;
    let refused = desk.issue(pregnant_form(1)).await.problem(409, "already_has_handbook");
    let printed = first["printed_number"].as_str().unwrap();
    assert!(refused["detail"].as_str().unwrap().contains(printed));
    desk.issue(planning_form(1)).await.problem(409, "already_has_handbook");

    // Another county's hospital is told too: the woman has one already.
    let hospital = Desk(world.administrator(county.foreign_hospital).await);
    let english = send(
        hospital
            .0
            .request(reqwest::Method::POST, "/api/v1/handbooks")
            .header("idempotency-key", "x")
            .header("accept-language", "en")
            .json(&pregnant_form(1)),
    );
    let english = english.await.problem(409, "already_has_handbook");
    assert_eq!(english["detail"], format!("There is a live handbook already: number {printed}."));
    assert_eq!(handbook::Entity::find().count(world.app.db.read()).await.unwrap(), 1);
    assert_eq!(person::Entity::find().count(world.app.db.read()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_id_number_the_same_name_day_and_phone_are_the_same_woman() {
    let Town { world: _world, desk, .. } = town().await;
    let mut form = pregnant_form(1);
    form["woman"]["id_number"] = json!(null);
    form["woman"]["birth_date"] = json!("1995-01-01");
    desk.issued(form.clone()).await;
    desk.issue(form.clone()).await.problem(409, "already_has_handbook");
    // With her card she is still the same woman, and a sister on the same phone is not.
    desk.issue(pregnant_form(1)).await.problem(409, "already_has_handbook");
    form["woman"]["birth_date"] = json!("1996-02-02");
    desk.issued(form).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_desks_that_issue_to_one_woman_at_once_exactly_one_wins() {
    let Town { world, county, desk } = town().await;
    let hospital = Desk(world.administrator(county.hospital).await);
    let foreign = Desk(world.administrator(county.foreign_hospital).await);
    for order in 1..=6 {
        let (a, b, c) = tokio::join!(
            desk.issue(pregnant_form(order)),
            hospital.issue(pregnant_form(order)),
            foreign.issue(pregnant_form(order))
        );
        let answers = [a, b, c];
        let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        let number = winners[0].json()["printed_number"].as_str().unwrap().to_owned();
        for loser in answers.iter().filter(|answer| answer.status != 201) {
            let told = loser.problem(409, "already_has_handbook");
            assert!(told["detail"].as_str().unwrap().contains(&number), "{told}");
        }
    }
    assert_eq!(handbook::Entity::find().count(world.app.db.read()).await.unwrap(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_desks_that_issue_to_one_newborn_without_papers_exactly_one_wins() {
    let Town { world, county, desk } = town().await;
    let hospital = Desk(world.administrator(county.hospital).await);
    let mut form = child_form(1, "2026-11-20");
    form["woman"]["id_number"] = json!(null);
    form["woman"]["birth_date"] = json!("1995-01-01");
    let (a, b) = tokio::join!(desk.issue(form.clone()), hospital.issue(form.clone()));
    let won = [&a, &b].iter().filter(|answer| answer.status == 201).count();
    assert_eq!(won, 1, "{} {}", a.text(), b.text());
    let loser = if a.status == 201 { b } else { a };
    loser.problem(409, "already_has_handbook");
    assert_eq!(handbook::Entity::find().count(world.app.db.read()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_has_one_handbook_however_it_is_named() {
    let Town { world, desk, .. } = town().await;
    let mut form = child_form(1, "2026-11-01");
    let first = desk.issued(form.clone()).await;
    let refused = desk.issue(form.clone()).await.problem(409, "already_has_handbook");
    assert!(refused["detail"].as_str().unwrap().contains(first["printed_number"].as_str().unwrap()));
    // Now with its ID number, which was not known before: the same mother, day and name.
    form["children"][0]["id_number"] = json!(boys_number("20261101", 1));
    desk.issue(form).await.problem(409, "already_has_handbook");

    // By its ID number alone, and then with its mother.
    let alone = json!({
        "group": "child", "region_code": VILLAGE, "explained": EVERYTHING,
        "children": [{ "name": "李大宝", "sex": "male", "birth_date": "2026-10-01", "id_number": boys_number("20261001", 2) }],
    });
    desk.issued(alone.clone()).await;
    let mut with_mother = alone;
    with_mother.as_object_mut().unwrap().remove("region_code");
    with_mother["woman"] = woman(2);
    desk.issue(with_mother).await.problem(409, "already_has_handbook");
    // Without any number, by name, day and village, on a slip.
    let nameless = json!({
        "group": "child", "region_code": VILLAGE, "explained": EVERYTHING, "slip": true,
        "children": [{ "name": "赵小宝", "sex": "female", "birth_date": "2026-09-01" }],
    });
    desk.issued(nameless.clone()).await;
    desk.issue(nameless).await.problem(409, "already_has_handbook");
    assert_eq!(handbook::Entity::find().count(world.app.db.read()).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_share_a_handbook_and_a_newborn_belongs_to_its_mothers() {
    let Town { world: _world, desk, .. } = town().await;
    let mut form = child_form(1, "2026-11-01");
    let second = json!({ "name": "王二宝", "sex": "female", "birth_date": "2026-11-02" });
    form["children"].as_array_mut().unwrap().push(second.clone());
    let issued = desk.issued(form.clone()).await;
    assert_eq!(issued["children"].as_array().unwrap().len(), 2);
    form["children"][1]["birth_date"] = json!("2025-01-01");
    form["woman"] = woman(2);
    desk.issue(form).await.problem(422, "not_one_birth");

    // Her pregnancy is nearly at term in a live handbook: the birth is recorded there.
    let mut expecting = pregnant_form(3);
    expecting["pregnancy"] = json!({ "due_date": "2026-11-30" });
    let waiting = desk.issued(expecting).await;
    let refused = desk.issue(child_form(3, "2026-11-20")).await.problem(409, "already_has_handbook");
    assert!(refused["detail"].as_str().unwrap().contains(waiting["printed_number"].as_str().unwrap()));
    // An older child of hers is not of that pregnancy.
    desk.issued(child_form(3, "2024-11-20")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_woman_is_the_same_person_and_her_other_family_is_told_what_changed() {
    let Town { world, desk, .. } = town().await;
    let child = desk.issued(child_form(1, "2024-11-01")).await;
    let mut form = pregnant_form(1);
    form["woman"]["phone"] = json!("13700000001");
    form["woman"]["education"] = json!("本科");
    desk.issued(form).await;
    let people = person::Entity::find().all(world.app.db.read()).await.unwrap();
    assert_eq!(people.len(), 2, "the woman and the child");
    let woman = people.iter().find(|row| row.id_number_index.is_some()).unwrap();
    let identity = api::people::store::identity(&world.app.keys, woman).unwrap();
    assert_eq!(identity.phone.as_deref(), Some("13700000001"));
    assert_eq!(identity.education.as_deref(), Some("本科"));
    assert_eq!(identity.address.as_deref(), Some("长虹村12号"));
    let id: domain::id::HandbookId = child["id"].as_str().unwrap().parse().unwrap();
    let told = api::db::entities::notice::Entity::find()
        .filter(api::db::entities::notice::COLUMN.handbook_id.eq(id))
        .all(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, "identity_corrected");
    // The desk answers for both; the phone of one handbook proves nobody in the other all the same.
    let claim = claim_by_phone(&child, &world.wechat.control().phone_code("u", "13700000001"));
    let user = world.family_user().await;
    user.client.post("/api/v1/claims", claim).await.problem(422, "claim_refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named_at_once_and_nothing_is_kept() {
    let Town { world, desk, .. } = town().await;
    let mut form = pregnant_form(1);
    form["woman"]["id_number"] = json!("510903199501010031");
    form["woman"]["phone"] = json!("12345");
    form["woman"]["name"] = json!(" ");
    form["woman"]["address"] = json!("");
    form["pregnancy"]["fetuses"] = json!(9);
    let problem = desk.issue(form).await.problem(422, "invalid");
    let pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["pointer"].as_str().unwrap())
        .collect();
    for pointer in ["/woman/id_number", "/woman/phone", "/woman/name", "/woman/address", "/pregnancy/fetuses"]
    {
        assert!(pointers.contains(&pointer), "{pointer} in {pointers:?}");
    }
    assert!(!problem.to_string().contains("510903199501010031"), "what was typed is not repeated");
    assert_eq!(person::Entity::find().count(world.app.db.read()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_form_gets_its_own_answer() {
    let Town { world, desk, .. } = town().await;
    let man = boys_number("19950101", 7);
    type Change = fn(&mut Value);
    let cases: &[(&str, &str, Change)] = &[
        ("/woman/id_number", "check_digit", |form| {
            let number = form["woman"]["id_number"].as_str().unwrap();
            let wrong = if number.ends_with('0') { "1" } else { "0" };
            form["woman"]["id_number"] = json!(format!("{}{wrong}", &number[..17]));
        }),
        ("/woman/birth_date", "contradiction", |form| form["woman"]["birth_date"] = json!("1995-01-02")),
        ("/woman/birth_date", "required", |form| form["woman"]["id_number"] = json!(null)),
        ("/woman", "required", |form| form["woman"] = json!(null)),
        ("/pregnancy", "required", |form| form["pregnancy"] = json!(null)),
        ("/pregnancy/due_date", "required", |form| form["pregnancy"] = json!({})),
        ("/pregnancy/last_menstrual_period", "out_of_range", |form| {
            form["pregnancy"] = json!({ "last_menstrual_period": "2026-11-23" });
        }),
        ("/pregnancy/due_date", "out_of_range", |form| {
            form["pregnancy"] = json!({ "due_date": "2028-01-01" })
        }),
        ("/pregnancy/due_date", "contradiction", |form| form["pregnancy"]["due_date"] = json!("2027-05-01")),
        ("/children", "not_for_this", |form| form["children"] = json!([])),
        ("/explained", "required", |form| form["explained"] = json!([])),
        ("/explained/0", "not_an_option", |form| form["explained"] = json!(["nothing"])),
        ("/colour", "unknown_field", |form| form["colour"] = json!("red")),
        ("/woman/region_code", "wrong_type", |form| form["woman"]["region_code"] = json!("x")),
    ];
    for (pointer, code, change) in cases {
        let mut form = pregnant_form(1);
        change(&mut form);
        let problem = desk.issue(form).await.problem(422, "invalid");
        assert_eq!(field_of(&problem), ((*pointer).to_owned(), (*code).to_owned()), "{problem}");
    }
    let mut form = pregnant_form(1);
    form["woman"]["id_number"] = json!(man);
    let problem = desk.issue(form).await.problem(422, "invalid");
    assert_eq!(field_of(&problem).1, "not_a_woman");
    let mut form = pregnant_form(1);
    form["woman"]["id_number"] = json!(womans_number("20200101", 1));
    assert_eq!(field_of(&desk.issue(form).await.problem(422, "invalid")).0, "/woman/birth_date");
    let mut form = planning_form(1);
    form["pregnancy"] = json!({ "due_date": "2027-03-01" });
    assert_eq!(field_of(&desk.issue(form).await.problem(422, "invalid")).0, "/pregnancy");
    assert_eq!(handbook::Entity::find().count(world.app.db.read()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_child_gets_its_own_answer() {
    let Town { world: _world, desk, .. } = town().await;
    type Change = fn(&mut Value);
    let cases: &[(&str, &str, Change)] = &[
        ("/children/0/birth_date", "out_of_range", |form| {
            form["children"][0]["birth_date"] = json!("2026-11-23")
        }),
        ("/children/0/birth_weight_g", "out_of_range", |form| {
            form["children"][0]["birth_weight_g"] = json!(3)
        }),
        ("/children/0/gestational_days", "out_of_range", |form| {
            form["children"][0]["gestational_days"] = json!(40)
        }),
        ("/children/0/sex", "contradiction", |form| {
            form["children"][0]["id_number"] = json!(womans_number("20261101", 1));
        }),
        ("/children/0/birth_date", "contradiction", |form| {
            form["children"][0]["id_number"] = json!(boys_number("20261102", 1));
        }),
        ("/children", "out_of_range", |form| form["children"] = json!([])),
        ("/children/0/birth_order", "out_of_range", |form| form["children"][0]["birth_order"] = json!(0)),
        ("/children/1/birth_order", "duplicate", |form| {
            let mut twin = form["children"][0].clone();
            twin["birth_order"] = json!(1);
            form["children"].as_array_mut().unwrap().push(twin);
        }),
        ("/pregnancy", "not_for_this", |form| form["pregnancy"] = json!({ "due_date": "2027-03-01" })),
        ("/region_code", "not_for_this", |form| form["region_code"] = json!(VILLAGE)),
        ("/region_code", "required", |form| {
            form["woman"] = json!(null);
            form["slip"] = json!(true);
        }),
        ("/slip", "contact_or_slip", |form| {
            form["woman"] = json!(null);
            form["region_code"] = json!(VILLAGE);
        }),
    ];
    for (pointer, code, change) in cases {
        let mut form = child_form(1, "2026-11-01");
        change(&mut form);
        let problem = desk.issue(form).await.problem(422, "invalid");
        assert_eq!(field_of(&problem), ((*pointer).to_owned(), (*code).to_owned()), "{problem}");
    }
    let weight = {
        let mut form = child_form(1, "2026-11-01");
        form["children"][0]["birth_weight_g"] = json!(33);
        desk.issue(form).await.problem(422, "invalid")
    };
    assert_eq!(weight["errors"][0]["message"], "应为200至8000克。");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_number_and_phone_a_slip_is_printed() {
    let Town { world, desk, .. } = town().await;
    let mut form = planning_form(1);
    form["woman"]["id_number"] = json!(null);
    form["woman"]["phone"] = json!(null);
    form["woman"]["birth_date"] = json!("1995-01-01");
    let problem = desk.issue(form.clone()).await.problem(422, "invalid");
    assert_eq!(field_of(&problem).1, "contact_or_slip");
    form["slip"] = json!(true);
    let slip = desk.issued(form).await["slip"].clone();
    assert_eq!(slip["expires_at"], "2026-12-22T04:00:00Z");
    let row = handbook::Entity::find().one(world.app.db.read()).await.unwrap().unwrap();
    assert_ne!(row.slip_hash.unwrap(), slip["code"].as_str().unwrap().as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_of_three_needs_a_reason_of_a_handbook_administrator_and_one_of_seven_gets_none() {
    let Town { world, county, desk } = town().await;
    desk.issued(child_form(1, "2023-11-23")).await;
    let mut form = child_form(2, "2023-11-22");
    desk.issue(form.clone()).await.problem(422, "child_past_three");
    form["override_reason"] = json!("水灾中遗失");
    desk.issued(form.clone()).await;
    let row = issuance::Entity::find()
        .filter(issuance::COLUMN.override_reason.is_not_null())
        .one(world.app.db.read())
        .await
        .unwrap()
        .unwrap();
    let place = api::keys::Place::new(api::keys::places::ISSUANCE_OVERRIDE_REASON, row.id.0);
    let reason: String = world.app.keys.open(place, &row.override_reason.unwrap()).unwrap();
    assert_eq!(reason, "水灾中遗失");

    use domain::access::Role;
    let clerk = world
        .staff(&[Role::TownshipOffice], Some(county.health_centre), TOWN, RegionLevel::Town)
        .await
        .client;
    form["woman"] = woman(3);
    Desk(clerk).issue(form.clone()).await.problem(403, "override_not_allowed");
    form["children"][0]["birth_date"] = json!("2019-11-22");
    desk.issue(form).await.problem(422, "child_past_six");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_service_point_with_a_trained_administrator_issues_and_only_to_its_groups() {
    let Town { world, county, .. } = town().await;
    let hospital = Desk(world.administrator(county.hospital).await);
    hospital.issue(planning_form(1)).await.problem(403, "group_not_allowed");
    let mch = Desk(world.administrator(county.mch).await);
    mch.issue(pregnant_form(1)).await.problem(409, "no_service_point");

    // The administrator leaves, or was never trained.
    let row =
        institution::Entity::find_by_id(county.hospital).one(world.app.db.read()).await.unwrap().unwrap();
    let administrator = row.administrator_id.unwrap();
    let change = |row: staff::ActiveModel| {
        let db = world.app.db.write().clone();
        async move {
            staff::Entity::update_many()
                .set(row)
                .filter(staff::COLUMN.id.eq(administrator))
                .exec(&db)
                .await
                .unwrap();
        }
    };
    use sea_orm::ActiveValue::Set;
    change(staff::ActiveModel { left_on: Set(Some(world.app.today())), ..Default::default() }).await;
    hospital.issue(pregnant_form(1)).await.problem(409, "no_service_point");
    change(staff::ActiveModel { left_on: Set(None), trained_on: Set(None), ..Default::default() }).await;
    hospital.issue(pregnant_form(1)).await.problem(409, "no_service_point");
    change(staff::ActiveModel { trained_on: Set(Some(world.app.today())), ..Default::default() }).await;
    hospital.issued(pregnant_form(1)).await;

    for client in [
        world.clinician(county.health_centre).await,
        world.county_mch(county.mch).await,
        world.family_user().await.client,
    ] {
        client.post("/api/v1/handbooks", pregnant_form(2)).await.problem(403, "forbidden");
    }
    world.anybody().post("/api/v1/handbooks", pregnant_form(2)).await.problem(401, "not_signed_in");
    assert_eq!(handbook::Entity::find().count(world.app.db.read()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_catchment_of_the_address_manages_and_without_one_nothing_is_issued() {
    let Town { world, county, desk } = town().await;
    let mut form = pregnant_form(1);
    form["woman"]["region_code"] = json!(510_903_999_999_i64);
    desk.issue(form.clone()).await.problem(422, "unknown_region");
    form["woman"]["region_code"] = json!(510_900_000_000_i64);
    desk.issue(form.clone()).await.problem(422, "unknown_region");
    form["woman"]["region_code"] = json!(OTHER_COUNTY);
    desk.issue(form.clone()).await.problem(422, "no_managing_institution");

    let village_clinic = world
        .institution("长虹村卫生室", VILLAGE, RegionLevel::Village, &[AgencyClass::PrimaryCare], &[])
        .await;
    for (code, level, institution_id) in
        [(VILLAGE, RegionLevel::Village, village_clinic), (COUNTY, RegionLevel::County, county.mch)]
    {
        let row = catchment::ActiveModel {
            region_code: sea_orm::Set(domain::place::RegionCode(code)),
            region_level: sea_orm::Set(level),
            institution_id: sea_orm::Set(institution_id),
        };
        catchment::Entity::insert(row).exec_without_returning(world.app.db.write()).await.unwrap();
    }
    let managing = |order: u32, code: i64| {
        let mut form = pregnant_form(order);
        form["woman"]["region_code"] = json!(code);
        let desk = &desk;
        async move { desk.issued(form).await["managing_institution"]["name"].clone() }
    };
    assert_eq!(managing(1, VILLAGE).await, "长虹村卫生室");
    assert_eq!(managing(2, TOWN).await, "河沙镇卫生院");
    assert_eq!(managing(3, COUNTY).await, "船山区妇幼保健院");
    let ended = institution::ActiveModel { ended_at: sea_orm::Set(Some(world.now())), ..Default::default() };
    institution::Entity::update_many()
        .set(ended)
        .filter(institution::COLUMN.id.eq(village_clinic))
        .exec(world.app.db.write())
        .await
        .unwrap();
    assert_eq!(managing(4, VILLAGE).await, "河沙镇卫生院", "a clinic that closed manages nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_a_county_has_its_numbers_and_then_none() {
    let Town { world, desk, .. } = town().await;
    let row = api::db::entities::number_series::ActiveModel {
        county_code: sea_orm::Set(domain::place::RegionCode(COUNTY)),
        year: sea_orm::Set(2026),
        last_serial: sea_orm::Set(9_999_998),
    };
    api::db::entities::number_series::Entity::insert(row)
        .exec_without_returning(world.app.db.write())
        .await
        .unwrap();
    let last = desk.issued(pregnant_form(1)).await;
    assert!(last["number"].as_str().unwrap().starts_with("510903269999999"));
    desk.issue(pregnant_form(2)).await.problem(409, "numbers_used_up");
    world.advance(chrono::TimeDelta::days(45));
    let client = Desk(world.administrator(domain::id::InstitutionId(institution_of(&last))).await);
    let first = client.issued(pregnant_form(3)).await;
    assert!(first["number"].as_str().unwrap().starts_with("510903270000001"));
}

fn institution_of(issued: &Value) -> uuid::Uuid {
    issued["managing_institution"]["id"].as_str().unwrap().parse().unwrap()
}
