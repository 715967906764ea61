//! `muzi stats verify`: the figures are what the records say, and where they are not, it says which.

use api::db::entities::{usage_evidence, visit};
use api::usage::roll_up;
use api::usage::verify::{Difference, What, verify};
use chrono::{DateTime, TimeDelta, Utc};
use domain::access::Role;
use domain::handbook::Group;
use domain::id::{HandbookId, VisitId};
use domain::place::{Region, RegionCode, RegionLevel};
use domain::usage::Evidence;
use domain::visit::{Visit, VisitKind};
use sea_orm::ActiveValue::Set;
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use crate::support::World;
use crate::support::people::{COUNTY, County, OTHER_COUNTY};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A county with handbooks of three months, one of them used, all rolled up but the last.
async fn counted(world: &World) -> County {
    let county = world.county().await;
    for (issued, used) in
        [("2026-09-10T02:00:00Z", "2026-10-31T15:59:59Z"), ("2026-10-01T02:00:00Z", "2026-11-02T02:00:00Z")]
    {
        let handbook = world.issued(county.hospital, Group::Pregnant, at(issued)).await;
        world.evidence(&handbook, Evidence::Entry, at(used)).await;
    }
    world.issued(county.foreign_hospital, Group::Child, at("2026-10-05T02:00:00Z")).await;
    roll_up::carry_out(&world.app).await.unwrap();
    world.issued(county.hospital, Group::Pregnant, at("2026-11-20T02:00:00Z")).await;
    county
}

async fn tamper(world: &World, sql: &str) {
    assert!(world.app.db.write().execute_unprepared(sql).await.unwrap().rows_affected() > 0, "{sql}");
}

async fn told(world: &World) -> Vec<What> {
    let mut told: Vec<_> = world.differences().await.into_iter().map(|difference| difference.what).collect();
    told.dedup();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn untouched_figures_have_no_difference() {
    let world = World::empty().await;
    counted(&world).await;
    assert_eq!(world.differences().await, []);
    let verified = verify(&world.app.db, None, &mut |_| {}).await.unwrap();
    assert_eq!((verified.issues, verified.differences), (4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_tampering_is_told() {
    let world = World::empty().await;
    counted(&world).await;
    for (tampering, undo, expected) in [
        (
            "UPDATE usage_counter SET count = count + 1 WHERE used_in > 0 AND issued_in = 24320",
            "UPDATE usage_counter SET count = count - 1 WHERE used_in > 0 AND issued_in = 24320",
            vec![What::Counter],
        ),
        (
            "UPDATE usage_counter SET event_month = event_month + 1 WHERE issued_in = 24322",
            "UPDATE usage_counter SET event_month = event_month - 1 WHERE issued_in = 24322",
            vec![What::Counter],
        ),
        (
            "UPDATE usage_rollup SET count = count + 1 WHERE region_level = 'city'",
            "UPDATE usage_rollup SET count = count - 1 WHERE region_level = 'city'",
            vec![What::RollUp],
        ),
        (
            "UPDATE usage_counter SET rolled = rolled - 1 WHERE issued_in = 24321",
            "UPDATE usage_counter SET rolled = rolled + 1 WHERE issued_in = 24321",
            vec![What::RollUp],
        ),
        (
            "UPDATE usage_day SET issued = issued + 1, used = used + 1",
            "UPDATE usage_day SET issued = issued - 1, used = used - 1",
            vec![What::Day],
        ),
        (
            "UPDATE issuance SET issued_in = issued_in - 7 WHERE issued_in = 24322",
            "UPDATE issuance SET issued_in = issued_in + 7 WHERE issued_in = 24315",
            vec![What::IssueMonth, What::Counter],
        ),
    ] {
        tamper(&world, tampering).await;
        assert_eq!(told(&world).await, expected, "{tampering}");
        tamper(&world, undo).await;
        assert_eq!(world.differences().await, [], "{undo}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_use_that_is_not_the_earliest_evidence_is_told() {
    let world = World::empty().await;
    counted(&world).await;
    tamper(&world, "UPDATE handbook SET first_used_at = NULL WHERE first_used_at IS NOT NULL").await;
    let told = told(&world).await;
    assert_eq!(told, [What::FirstUse]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_without_evidence_is_told_and_emergency_access_is_no_scan() {
    let world = World::empty().await;
    let county = counted(&world).await;
    let handbook = world.issued(county.hospital, Group::Pregnant, world.now()).await;
    open(&world, &county, handbook.id, VisitKind::BreakGlass).await;
    assert_eq!(world.differences().await, []);
    open(&world, &county, handbook.id, VisitKind::PrintedCode).await;
    let differences = world.differences().await;
    assert_eq!(differences.len(), 1);
    let told = &differences[0];
    assert_eq!((told.what, told.which.clone()), (What::Evidence, format!("{} scan", handbook.id)));
    assert_eq!(told.kept, "none");

    let late = usage_evidence::Model {
        handbook_id: handbook.id,
        kind: Evidence::Scan,
        first_at: world.now() + TimeDelta::hours(1),
    };
    usage_evidence::Entity::insert(late.into_active_model())
        .exec_without_returning(world.app.db.write())
        .await
        .unwrap();
    let whats = self::told(&world).await;
    assert_eq!(
        whats,
        [What::Evidence, What::FirstUse, What::Counter, What::Day],
        "evidence is dated by its receipt"
    );
}

async fn open(world: &World, county: &County, handbook: HandbookId, kind: VisitKind) {
    let institution = Some(county.hospital);
    let staff = world.staff(&[Role::Clinician], institution, COUNTY, RegionLevel::County).await;
    let span = Visit::open(kind, world.now());
    let row = visit::ActiveModel {
        id: Set(VisitId(Uuid::now_v7())),
        handbook_id: Set(handbook),
        institution_id: Set(county.hospital),
        staff_id: Set(staff.id),
        kind: Set(kind),
        reason: Set(None),
        opened_at: Set(span.opened_at),
        ends_at: Set(span.ends_at),
    };
    visit::Entity::insert(row).exec_without_returning(world.app.db.write()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_is_verified_by_itself() {
    let world = World::empty().await;
    counted(&world).await;
    tamper(&world, &format!("UPDATE usage_counter SET count = count + 1 WHERE region_code = {OTHER_COUNTY}"))
        .await;
    let mut differences = 0;
    let mut tell = |difference: Difference| {
        assert!(difference.which.contains(&OTHER_COUNTY.to_string()), "{difference:?}");
        differences += 1;
    };
    for (code, issues) in [(COUNTY, 3), (OTHER_COUNTY, 1)] {
        let region = Region { code: RegionCode(code), level: RegionLevel::County };
        let verified = verify(&world.app.db, Some(region), &mut tell).await.unwrap();
        assert_eq!(verified.issues, issues);
    }
    assert_eq!(differences, 1, "the counter");
}
