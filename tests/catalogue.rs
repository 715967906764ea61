//! The catalogue: served to clients that draw forms, and grown by one file.

use reqwest::Method;
use serde_json::json;

use crate::entries::{entries, records};
use crate::support::{World, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_reads_the_catalogue_once_and_asks_whether_it_changed() {
    let world = World::empty().await;
    let anybody = world.anybody();
    let overview = anybody.get("/api/v1/catalogue").await;
    let kinds = overview.ok()["kinds"].as_array().unwrap().len();
    assert!(kinds >= 50, "{kinds}");
    let etag = overview.etag().to_owned();
    for path in ["/api/v1/catalogue", "/api/v1/catalogue/blood_pressure"] {
        let asked = anybody.request(Method::GET, path).header("if-none-match", &etag);
        let answer = send(asked).await;
        assert_eq!((answer.status.as_u16(), answer.bytes.len()), (304, 0));
        let asked = anybody.request(Method::GET, path).header("if-none-match", "\"other\"");
        assert_eq!(send(asked).await.status, 200);
    }
    let kind = anybody.get("/api/v1/catalogue/blood_pressure").await.ok();
    assert_eq!((&kind["zh"], &kind["written_by"]), (&json!("血压"), &json!("family")));
    let systolic =
        kind["fields"].as_array().unwrap().iter().find(|field| field["key"] == "systolic").unwrap();
    assert_eq!(
        (&systolic["min"], &systolic["max"], &systolic["unit"]["code"]),
        (&json!(40), &json!(300), &json!("mmHg"))
    );
    let edition = kind["edition"].as_str().unwrap();
    assert_eq!(anybody.get(&format!("/api/v1/catalogue/blood_pressure?edition={edition}")).await.status, 200);
    anybody.get("/api/v1/catalogue/blood_pressure?edition=1066").await.problem(404, "not_found");
    anybody.get("/api/v1/catalogue/no_such").await.problem(404, "not_found");
}

const WALK: &str = r#"
key = "walk"
edition = "2026"
in_force_from = 2026-01-01
zh = "散步"
en = "Walk"
written_by = "family"
subjects = ["woman"]
stages = ["pregnancy"]
chapter = "pregnancy_and_birth"
grain = "many"
occurred = "on"
sources = ["handbook_2017"]

[[field]]
key = "on"
zh = "日期"
en = "Day"
type = "date"
required = true

[[field]]
key = "minutes"
zh = "时长"
en = "Minutes"
type = "integer"
unit = "min"
required = true
reject_below = 1
reject_above = 600

[[warning]]
id = "long"
when = "minutes >= 300"
level = "info"
zh = "走得有点久，注意休息。"
en = "That was a long walk; take a rest."

[[example]]
on = 2026-11-20

[example.payload]
on = "2026-11-20"
minutes = 30
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_kind_is_one_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let family = folder.path().join("catalogue/family");
    std::fs::create_dir_all(&family).unwrap();
    std::fs::write(family.join("walk.toml"), WALK).unwrap();
    let world = World::with(|config| config.catalogue = Some(folder.path().to_owned())).await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let walk = |minutes: i64| json!({ "kind": "walk", "subject": "woman", "payload": { "on": "2026-11-21", "minutes": minutes } });
    let problem = client.post(&entries(&mother), walk(6000)).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/payload/minutes");
    let written = client.post(&entries(&mother), walk(320)).await.ok();
    assert_eq!(written["warnings"][0]["text"], "走得有点久，注意休息。");
    let entry = client.get(&records(&mother)).await.ok()["items"][0].clone();
    assert_eq!((&entry["en"], &entry["occurred_on"]), (&json!("Walk"), &json!("2026-11-21")));
    let document = client.get("/openapi.json").await.ok();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Payload_walk"]["properties"]["minutes"]["maximum"], 600);
    assert_eq!(schemas["NewEntry"]["discriminator"]["mapping"]["walk"], "#/components/schemas/Entry_walk");
    assert_eq!(client.get("/api/v1/catalogue/walk").await.ok()["zh"], "散步");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_told_before_the_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("catalogue/family")).unwrap();
    let broken = WALK.replace("unit = \"min\"", "unit = \"furlong\"");
    std::fs::write(folder.path().join("catalogue/family/walk.toml"), broken).unwrap();
    let told = api::catalogue::load(Some(folder.path())).unwrap_err().to_string();
    assert!(told.contains("walk.toml") && told.contains("furlong"), "{told}");
    assert!(api::catalogue::load(Some(&folder.path().join("missing"))).is_err());
}
