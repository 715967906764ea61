//! Small counts of places below the county: told to whoever may read the lists, withheld from who sees counts alone.

use chrono::TimeDelta;
use domain::access::Role;
use domain::handbook::Group;
use domain::id::InstitutionId;
use domain::place::RegionLevel;
use domain::usage::Evidence;
use serde_json::{Value, json};

use super::{at, county_desk};
use crate::support::people::{COUNTY, County, TOWN, VILLAGE};
use crate::support::{Client, World};

const QUARTER: &str = "from=2026-07&to=2026-09";

/// In the third quarter the hospital issued `hospital` handbooks and the health centre of the town `centre`, all used.
async fn issued(world: &World, county: &County, hospital: usize, centre: usize) {
    for (institution, count) in [(county.hospital, hospital), (county.health_centre, centre)] {
        for _ in 0..count {
            let handbook = world.issued(institution, Group::Pregnant, at("2026-08-10T02:00:00Z")).await;
            world.evidence(&handbook, Evidence::Entry, at("2026-08-11T02:00:00Z")).await;
        }
    }
}

async fn authority(world: &World) -> Client {
    world.staff(&[Role::HealthAuthority], None, COUNTY, RegionLevel::County).await.client
}

async fn usage(desk: &Client, of: &str) -> Value {
    desk.get(&format!("/api/v1/usage?{QUARTER}{of}")).await.ok()
}

fn counts(rate: &Value) -> (Value, Value, &str) {
    (rate["issued"].clone(), rate["used"].clone(), rate["rate_printed"].as_str().unwrap())
}

fn told(count: i64) -> (Value, Value, &'static str) {
    (json!(count), json!(count), if count == 0 { "—" } else { "100.0" })
}

fn withheld() -> (Value, Value, &'static str) {
    (Value::Null, Value::Null, "＊")
}

fn of_institution(answer: &Value, id: InstitutionId) -> (Value, Value, &str) {
    let items = answer["institutions"]["items"].as_array().unwrap();
    counts(items.iter().find(|item| item["id"] == json!(id)).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_counts_alone_cannot_work_out_a_towns_small_count() {
    let world = World::empty().await;
    let county = world.county().await;
    issued(&world, &county, 9, 3).await;
    let authority = authority(&world).await;
    let answer = usage(&authority, "").await;
    assert_eq!(counts(&answer["total"]), told(12), "the county's own sum is told");
    assert_eq!(counts(&answer["children"][0]), withheld());
    assert_eq!(counts(&answer["directly"]), withheld(), "12 - 9 would be the town's 3");
    assert_eq!(of_institution(&answer, county.hospital), withheld());
    assert_eq!(of_institution(&answer, county.health_centre), withheld());
    assert_eq!(
        of_institution(&answer, county.township_office),
        told(0),
        "that it issued nothing is no small count"
    );
    assert!(answer["withheld"].as_str().unwrap().contains("1至4"), "{answer}");

    for of in [format!("&region={TOWN}"), format!("&institution={}", county.hospital)] {
        let answer = usage(&authority, &of).await;
        for rate in ["total", "cumulative"] {
            assert_eq!(counts(&answer[rate]), withheld(), "{rate} of {of}");
        }
        assert_eq!(counts(&answer["quarters"][0]), withheld(), "{of}");
        assert_eq!(counts(&answer["groups"][1]), withheld(), "{of}");
        assert_eq!(answer["groups"][1]["columns"][0]["issued"], Value::Null, "{of}");
        assert_eq!((&answer["target"]["met"], &answer["cumulative"]["since"]), (&Value::Null, &Value::Null));
    }

    // The county's MCH may read the lists, and sees the same places as they are.
    let mch = county_desk(&world).await;
    let answer = usage(&mch, "").await;
    assert_eq!((counts(&answer["children"][0]), counts(&answer["directly"])), (told(3), told(9)));
    assert_eq!(answer.get("withheld"), None);
    assert_eq!(counts(&usage(&mch, &format!("&region={TOWN}")).await["groups"][1]), told(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_from_five_on_are_told_by_the_quarter_that_is_over_and_by_no_other_period() {
    let world = World::empty().await;
    let county = world.county().await;
    issued(&world, &county, 6, 5).await;
    let authority = authority(&world).await;
    let answer = usage(&authority, "").await;
    assert_eq!((counts(&answer["children"][0]), counts(&answer["directly"])), (told(5), told(6)));
    assert_eq!(of_institution(&answer, county.hospital), told(6));
    assert_eq!(answer.get("withheld"), None, "{answer}");
    let town = usage(&authority, &format!("&region={TOWN}")).await;
    assert_eq!((counts(&town["total"]), counts(&town["groups"][1])), (told(5), told(5)));
    assert_eq!(counts(&town["cumulative"]), withheld(), "two cumulative counts differ by a quarter's");
    let hospital = usage(&authority, &format!("&institution={}", county.hospital)).await;
    assert_eq!(counts(&hospital["total"]), told(6));

    let not_told =
        ["from=2026-08&to=2026-08", "from=2026-04&to=2026-09", "from=2026-10&to=2026-12", "to=2026-11"];
    for period in not_told {
        let answer = authority.get(&format!("/api/v1/usage?{period}")).await.ok();
        assert!(answer["total"]["issued"].is_i64(), "{period}: the county's own sum is told");
        assert_eq!(counts(&answer["children"][0]), withheld(), "{period}");
        assert_eq!(of_institution(&answer, county.hospital), withheld(), "{period}");
        let town = authority.get(&format!("/api/v1/usage?{period}&region={TOWN}")).await.ok();
        assert_eq!(counts(&town["total"]), withheld(), "{period}");
    }
    assert_eq!(counts(&usage(&authority, &format!("&region={VILLAGE}")).await["total"]), withheld());

    world.advance(TimeDelta::days(60));
    let fourth = self::authority(&world).await.get("/api/v1/usage?from=2026-10&to=2026-12").await.ok();
    assert_eq!(counts(&fourth["children"][0]), told(0), "the quarter is over now");
}

#[tokio::test(flavor = "multi_thread")]
async fn days_below_the_county_and_the_sheet_withhold_the_same() {
    let world = World::empty().await;
    let county = world.county().await;
    issued(&world, &county, 9, 3).await;
    let (authority, mch) = (authority(&world).await, county_desk(&world).await);
    authority.get("/api/v1/usage/days").await.ok();
    for (of, parameter) in
        [(format!("region={TOWN}"), "region"), (format!("institution={}", county.hospital), "institution")]
    {
        let path = format!("/api/v1/usage/days?{of}");
        let problem = authority.get(&path).await.problem(400, "bad_query");
        assert_eq!(
            (&problem["errors"][0]["parameter"], &problem["errors"][0]["code"]),
            (&json!(parameter), &json!("too_small"))
        );
        mch.get(&path).await.ok();
    }
    let sheet = authority.get(&format!("/api/v1/usage?{QUARTER}&format=xlsx")).await;
    let rows = super::sheet::rows_of(&sheet);
    let row =
        |name: &str| rows.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("{name}: {rows:?}"));
    for name in ["河沙镇", "船山区本级"] {
        assert!(row(name)[1..].iter().all(|cell| cell == "＊"), "{rows:?}");
    }
    assert!(row("合计").contains(&"12".to_owned()), "{rows:?}");
    assert!(rows.last().unwrap()[0].contains("不予显示"), "{rows:?}");
}
