//! The main job, end to end: a handbook is issued, the family claims it and writes its own records, a clinic scans the QR
//! code and attaches a checkup, the family sees it at once, and the administrator's usage rate has moved.

use std::cell::RefCell;

use domain::access::Role;
use domain::place::RegionLevel;
use serde_json::{Value, json};

use crate::checkups::antenatal;
use crate::entries::pressure;
use crate::support::gate::Gate;
use crate::support::issuing::{CONSENT, at, claim_by_phone, pregnant_form};
use crate::support::people::{COUNTY, County, TOWN};
use crate::support::{Client, Events, World};

/// The parts of the story, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Issue,
    Claim,
    Entry,
    Code,
    Scan,
    Checkup,
    Usage,
}

const PARTS: [Part; 7] =
    [Part::Issue, Part::Claim, Part::Entry, Part::Code, Part::Scan, Part::Checkup, Part::Usage];

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_runs_from_issue_to_usage_rate() {
    let world = World::empty().await;
    let county = world.county().await;
    run(&world, &county, async |_| ()).await;
    assert!(world.differences().await.is_empty());
}

/// Redis dies before each part in turn; every answer stays what the story says it is.
#[tokio::test(flavor = "multi_thread")]
async fn with_redis_stopped_in_mid_journey_every_answer_is_the_same() {
    let Ok(redis) = std::env::var("TEST_REDIS_URL") else { return };
    for last in PARTS {
        let gate = Gate::before(&redis).await;
        let url = gate.url.clone();
        let world = World::with(|config| config.redis_url = Some(url.into())).await;
        let county = world.county().await;
        let gate = RefCell::new(Some(gate));
        let stop_before = async |part| {
            let shut = (part == last).then(|| gate.take()).flatten();
            if let Some(gate) = shut {
                gate.shut().await;
            }
        };
        run(&world, &county, stop_before).await;
        assert!(gate.take().is_none(), "Redis was stopped");
        assert!(world.differences().await.is_empty(), "Redis stopped before {last:?}");
    }
}

/// The story, with the real sign-ins of all three people. `before` is told of each part that begins.
pub async fn run(world: &World, county: &County, before: impl AsyncFn(Part)) {
    let (desk, doctor, mch) = staff(world, county).await;

    before(Part::Issue).await;
    let usage = usage_of(&mch).await;
    assert_eq!((&usage["issued"], &usage["used"], &usage["rate"]), (&json!(0), &json!(0), &Value::Null));
    let handbook = desk.post("/api/v1/handbooks", pregnant_form(1)).await.ok();
    let usage = usage_of(&mch).await;
    assert_eq!((&usage["issued"], &usage["used"], &usage["rate"]), (&json!(1), &json!(0), &json!("0.0")));

    before(Part::Claim).await;
    let mother = phone(world).await;
    let text = mother.get("/api/v1/privacy-text").await.ok();
    assert_eq!(text["version"], CONSENT);
    let member = mother.post("/api/v1/claims", claim_by_phone(&handbook, &world.phone_code(1))).await.ok();
    assert_eq!((&member["role"], &member["is_woman"]), (&json!("owner"), &json!(true)));
    let id = handbook["id"].as_str().unwrap().parse().unwrap();
    let mut events = Events::follow(&mother, id).await;
    let seen = events.change().await;

    before(Part::Entry).await;
    let entry = mother.post(&at(&handbook, "/entries"), pressure(118, 76)).await.ok();
    assert_eq!((&entry["version"], &entry["warnings"]), (&json!(1), &json!([])));
    assert!(events.change().await > seen);

    before(Part::Code).await;
    let code = mother.post(&at(&handbook, "/code"), json!({})).await.ok();

    before(Part::Scan).await;
    let scan = json!({ "code": code["url"] });
    let visit = doctor.post("/api/v1/visits", scan.clone()).await.ok();
    assert_eq!(
        (&visit["kind"], &visit["cover"]["woman"]["name"]),
        (&json!("dynamic_code"), &json!("王小红"))
    );
    doctor.post("/api/v1/visits", scan).await.problem(409, "code_used");
    let history = doctor.get(&at(&handbook, "/records")).await.ok();
    assert_eq!(
        (&history["items"][0]["id"], &history["items"][0]["source"]),
        (&entry["id"], &json!("family"))
    );

    before(Part::Checkup).await;
    let seen = latest(&mother, &handbook).await;
    let checkup = doctor.post(&at(&handbook, "/checkups"), antenatal(world)).await.ok();
    while events.change().await <= seen {}
    let timeline = mother.get(&at(&handbook, "/records")).await.ok();
    let sources: Vec<_> = timeline["items"].as_array().unwrap().iter().map(|item| &item["source"]).collect();
    assert_eq!(sources, ["clinician", "family"]);
    let newest = &timeline["items"][0];
    assert_eq!((&newest["id"], &newest["author"]["institution"]), (&checkup["id"], &json!("船山区人民医院")));

    before(Part::Usage).await;
    let usage = usage_of(&mch).await;
    assert_eq!((&usage["issued"], &usage["used"], &usage["rate"]), (&json!(1), &json!(1), &json!("100.0")));
    let log = mother.get(&at(&handbook, "/access-log")).await.ok();
    assert_eq!(log["items"][0]["institution"], "船山区人民医院");
}

/// A desk that issues, a doctor of the hospital and the county, signed in by password.
async fn staff(world: &World, county: &County) -> (Client, Client, Client) {
    let posts = [
        ("desk", Role::HandbookAdministrator, county.health_centre, TOWN, RegionLevel::Town),
        ("doctor", Role::Clinician, county.hospital, COUNTY, RegionLevel::County),
        ("mch", Role::CountyMch, county.mch, COUNTY, RegionLevel::County),
    ];
    let mut clients = Vec::new();
    for (name, role, institution, code, level) in posts {
        world.employee(name, &[role], Some(institution), code, level).await;
        clients.push(world.as_signed_in(&world.sign_in(name, crate::support::people::PASSWORD).await));
    }
    let [desk, doctor, mch] = clients.try_into().unwrap_or_else(|_| unreachable!("three posts"));
    (desk, doctor, mch)
}

/// A mother's phone, signed in by WeChat.
async fn phone(world: &World) -> Client {
    let code = world.wechat.control().login_code("xiaohong");
    let body = json!({ "code": code, "device": "小红的手机" });
    world.as_signed_in(&world.anybody().post("/api/v1/sign-in/wechat", body).await)
}

/// The county's usage of this month.
async fn usage_of(mch: &Client) -> Value {
    mch.get("/api/v1/usage?from=2026-11&to=2026-11").await.ok()["total"].clone()
}

/// The number of the newest change.
async fn latest(client: &Client, handbook: &Value) -> i64 {
    client.get(&at(handbook, "/changes?after=0")).await.ok()["seq"].as_i64().unwrap()
}
