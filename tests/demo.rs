//! The demo's county: believable, the same every time, and counted right.

use api::db::entities::{alert, handbook, issuance, record, staff, visit, wechat_user};
use api::demo::{Pace, Plan, seed, sign_ins};
use api::usage::roll_up;
use chrono::NaiveDate;
use domain::access::Role;
use domain::handbook::Group;
use domain::place::RegionLevel;
use miniprogram_adapter::stand_in::{Settings, StandIn};
use sea_orm::{EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::Value;

use crate::support::World;
use crate::support::people::COUNTY;

fn plan(world: &World, families: u32) -> Plan {
    Plan { families, seed: 3, today: world.app.today(), pace: Pace::Usual }
}

async fn with_families(families: u32) -> World {
    let world = World::empty().await;
    seed(&world.app, plan(&world, families), &mut |_| {}).await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_figures_are_believable_and_what_its_records_say() {
    let world = with_families(60).await;
    assert_eq!(world.differences().await, []);
    let desk = world.staff(&[Role::CountyMch], None, COUNTY, RegionLevel::County).await.client;
    let usage = desk.get("/api/v1/usage?from=2025-09&to=2026-11").await.ok();
    assert_eq!(usage["total"]["issued"], 60);
    let rate: f64 = usage["total"]["rate"].as_str().unwrap().parse().unwrap();
    assert!((55.0..85.0).contains(&rate), "{rate}");
    for group in usage["groups"].as_array().unwrap() {
        assert!(group["issued"].as_i64().unwrap() > 0, "{group}");
    }
    assert_eq!(usage["children"].as_array().unwrap().len(), 24, "every town");
}

#[tokio::test(flavor = "multi_thread")]
async fn families_write_and_clinics_examine_nothing_before_its_issue_or_after_yesterday() {
    let world = with_families(60).await;
    let db = world.app.db.read();
    let handbooks = handbook::Entity::find().all(db).await.unwrap();
    let records = record::Entity::find().order_by_asc(record::Column::ChangeSeq).all(db).await.unwrap();
    assert!(records.len() > 300, "{} records", records.len());
    let issued_on = |id| handbooks.iter().find(|row| row.id == id).unwrap().issued_on;
    let mut kinds = std::collections::BTreeSet::new();
    for row in &records {
        assert!(
            row.occurred_on >= issued_on(row.handbook_id) && row.occurred_on < world.app.today(),
            "{}",
            row.kind
        );
        assert!(row.user_id.is_some() != row.staff_id.is_some(), "written by the family or by a clinician");
        kinds.insert(row.kind.as_str());
    }
    for kind in [
        "weight",
        "blood_pressure",
        "fetal_movement_count",
        "diary",
        "folic_acid",
        "feeding",
        "growth",
        "temperature",
        "preconception_check",
        "antenatal_first",
        "antenatal_followup",
        "delivery",
        "newborn_home_visit",
        "postpartum_visit",
        "postpartum_42",
        "m1_m8",
        "m12_m30",
        "immunization_dose",
    ] {
        assert!(kinds.contains(kind), "no {kind} in {kinds:?}");
    }
    for handbook in &handbooks {
        let changes: Vec<_> =
            records.iter().filter(|row| row.handbook_id == handbook.id).map(|row| row.change_seq).collect();
        let expected: Vec<_> = (1..=handbook.change_seq).collect();
        assert_eq!(changes, expected, "change numbers grow without gaps");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_on_the_list_can_sign_in() {
    let world = with_families(60).await;
    let list = sign_ins::of(&world.app).await.unwrap();
    let workers = staff::Entity::find().all(world.app.db.read()).await.unwrap();
    for role in Role::ALL {
        let sign_in = list.iter().find(|sign_in| sign_in.role == role.code()).unwrap();
        let row = workers.iter().find(|row| row.user_name == sign_in.user_name).unwrap();
        assert_eq!(
            (row.roles.0.as_slice(), row.password_issued, row.left_on),
            ([*role].as_slice(), false, None)
        );
        let body =
            serde_json::json!({ "user_name": sign_in.user_name, "password": sign_in.password.unwrap() });
        let answer = world.anybody().post("/api/v1/sign-in/staff", body).await.ok();
        assert!(answer["access_token"].is_string(), "{}", sign_in.user_name);
    }

    let settings = Settings { demo_codes: true, ..Settings::default() };
    let stand_in = StandIn::start(settings).unwrap();
    let clock = stand_in.control().clock();
    let wechat = miniprogram_adapter::Client::new(stand_in.client_settings(), clock, None).unwrap();
    let families: Vec<_> = list.iter().filter(|sign_in| sign_in.wx_login_code.is_some()).collect();
    assert!(families.len() >= 4, "{families:?}");
    for role in ["family", "guardian", "viewer"] {
        assert!(families.iter().any(|family| family.role == role), "{role}");
    }
    for family in families {
        let session = wechat.login(family.wx_login_code.as_deref().unwrap(), "here").await.unwrap();
        let index = world.app.keys.blind("openid", session.openid.expose());
        let user = wechat_user::Entity::find().filter(wechat_user::COLUMN.openid_index.eq(index));
        assert_eq!(user.count(world.app.db.read()).await.unwrap(), 1, "{}", family.user_name);
    }
    assert_eq!(list, sign_ins::of(&world.app).await.unwrap(), "the same at every start");
}

async fn fingerprint(world: &World) -> Vec<Value> {
    let db = world.app.db.read();
    let mut rows = Vec::new();
    for row in handbook::Entity::find().order_by_asc(handbook::Column::Id).all(db).await.unwrap() {
        rows.push(serde_json::json!([row.id, row.number, row.issued_on, row.first_used_at]));
    }
    for row in record::Entity::find().order_by_asc(record::Column::Id).all(db).await.unwrap() {
        rows.push(serde_json::json!([row.id, row.kind, row.payload, row.recorded_at]));
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_and_day_make_the_same_county() {
    let (one, two) = (with_families(20).await, with_families(20).await);
    assert_eq!(fingerprint(&one).await, fingerprint(&two).await);
    let other = World::empty().await;
    seed(&other.app, Plan { seed: 4, ..plan(&other, 20) }, &mut |_| {}).await.unwrap();
    assert_ne!(fingerprint(&one).await, fingerprint(&other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_is_there_is_kept() {
    let world = with_families(10).await;
    let before = fingerprint(&world).await;
    let again = seed(&world.app, plan(&world, 50), &mut |_| {}).await.unwrap_err();
    assert!(again.to_string().contains("holds a demo already"), "{again}");
    assert_eq!(before, fingerprint(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_families_come_in_batches_and_into_months_that_were_rolled_up() {
    let world = World::empty().await;
    let county = world.county().await;
    world.issued(county.hospital, Group::Pregnant, "2025-06-10T02:00:00Z".parse().unwrap()).await;
    roll_up::carry_out(&world.app).await.unwrap();
    let mut told = Vec::new();
    seed(&world.app, plan(&world, 450), &mut |done| told.push(done)).await.unwrap();
    assert_eq!(told, [200, 400, 450]);
    assert_eq!(world.differences().await, []);
    roll_up::carry_out(&world.app).await.unwrap();
    assert_eq!(world.differences().await, []);
    let issues = issuance::Entity::find().count(world.app.db.read()).await.unwrap();
    assert_eq!(issues, 451);
    let (visits, alerts) = (
        visit::Entity::find().count(world.app.db.read()).await.unwrap(),
        alert::Entity::find().count(world.app.db.read()).await.unwrap(),
    );
    assert!(visits > 450 && alerts > 0, "{visits} visits, {alerts} danger signs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_of_any_day_is_possible() {
    for today in ["2026-02-28", "2027-01-01", "2028-02-29"] {
        let world = World::empty().await;
        let today: NaiveDate = today.parse().unwrap();
        seed(&world.app, Plan { today, ..plan(&world, 40) }, &mut |_| {}).await.unwrap();
        assert_eq!(world.differences().await, [], "{today}");
    }
}
