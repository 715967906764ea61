//! A copy of everything: held against the database, nothing of the family missing and nothing of others in it.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use api::config::ExportConfig;
use api::db::entities::{photo, record};
use api::keys::places;
use domain::member::{MemberRelation, MemberRole};
use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zip::ZipArchive;

use crate::checkups::{antenatal, checkups};
use crate::entries::{entries, pressure};
use crate::photos::upload_picture;
use crate::support::{Answer, Client, Mother, PATIENCE, World, send};

const EXPORT: &str = "/api/v1/me/export";

struct Copy(ZipArchive<Cursor<Vec<u8>>>);

impl Copy {
    fn of(answer: Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.headers["content-type"], "application/zip");
        Self(ZipArchive::new(Cursor::new(answer.bytes)).unwrap())
    }

    async fn taken(client: &Client) -> Self {
        Self::of(client.get(EXPORT).await)
    }

    fn names(&self) -> Vec<String> {
        self.0.file_names().map(|name| name.unwrap().into_owned()).collect()
    }

    fn bytes(&mut self, name: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.by_name(name).unwrap_or_else(|_| panic!("{name}")).read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn json(&mut self, name: &str) -> Value {
        serde_json::from_slice(&self.bytes(name)).unwrap()
    }

    /// The ids of the records of a handbook.
    fn records(&mut self, mother: &Mother) -> BTreeSet<String> {
        let under = format!("handbooks/{}/records/", mother.number.as_str());
        let files: Vec<_> = self.names().into_iter().filter(|name| name.starts_with(&under)).collect();
        let mut ids = BTreeSet::new();
        for file in files {
            for one in self.json(&file).as_array().unwrap() {
                assert!(ids.insert(one["id"].as_str().unwrap().to_owned()), "in one file only");
            }
        }
        ids
    }

    fn text(&mut self) -> String {
        let files: Vec<_> = self.names().into_iter().filter(|name| name.ends_with(".json")).collect();
        files.iter().map(|file| String::from_utf8(self.bytes(file)).unwrap()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_holds_all_that_the_database_holds_of_the_family_and_nothing_of_others() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let (child, _) = world.child(mother.handbook, "王小宝", "51090320260301001").await;
    let father = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await;
    let photo = upload_picture(&mother).await;
    let diary = |text: &str, photos: Value| json!({ "kind": "diary", "subject": "household", "photos": photos, "payload": { "date": "2026-11-22", "text": text } });
    let id = client.post(&entries(&mother), diary("第一天", json!([photo]))).await.ok()["id"].clone();
    let address = format!("{}/{}", entries(&mother), id.as_str().unwrap());
    let changed = json!({ "payload": { "date": "2026-11-22", "text": "改过的第一天" } });
    client.change(Method::PATCH, &address, "\"1\"", changed).await.ok();
    let mut private = diary("只给自己看", json!([]));
    private["private"] = json!(true);
    client.post(&entries(&mother), private).await.ok();
    let withdrawn =
        father.client.post(&entries(&mother), diary("他收回的话", json!([]))).await.ok()["id"].clone();
    let address = format!("{}/{}", entries(&mother), withdrawn.as_str().unwrap());
    send(father.client.request(Method::DELETE, &address).header("if-match", "\"1\"")).await;
    for systolic in 0..120 {
        client.post(&entries(&mother), pressure(100 + systolic % 20, 70)).await.ok();
    }
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    doctor.client.post(&checkups(&mother), antenatal(&world)).await.ok();
    let stranger = world.mother(&county).await;
    stranger.user.client.post(&entries(&stranger), diary("别人家的事", json!([]))).await.ok();
    upload_picture(&stranger).await;

    let mut copy = Copy::taken(client).await;
    let kept = record::Entity::find().filter(record::COLUMN.handbook_id.eq(mother.handbook));
    let kept: BTreeSet<_> =
        kept.all(world.app.db.read()).await.unwrap().into_iter().map(|row| row.id.to_string()).collect();
    assert_eq!(copy.records(&mother), kept);
    let under = format!("handbooks/{}", mother.number.as_str());
    let photos = photo::Entity::find().filter(photo::COLUMN.handbook_id.eq(mother.handbook));
    let photos: BTreeSet<_> = photos
        .all(world.app.db.read())
        .await
        .unwrap()
        .into_iter()
        .map(|row| format!("{under}/photos/{}.png", row.id))
        .collect();
    let copied: BTreeSet<_> = copy.names().into_iter().filter(|name| name.contains("/photos/")).collect();
    assert_eq!(copied, photos);
    assert!(copy.bytes(photos.first().unwrap()).starts_with(b"\x89PNG"));

    let household = copy.json(&format!("{under}/records/household.json"));
    let edited = household.as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(edited["payload"]["text"], "改过的第一天");
    assert_eq!(edited["versions"][0]["payload"]["text"], "第一天");
    assert!(copy.names().contains(&format!("{under}/records/child-{child}.json")));
    let members = copy.json(&format!("{under}/members.json"));
    assert_eq!(members.as_array().unwrap().len(), 2);
    assert_eq!(copy.json(&format!("{under}/notices.json"))[0]["kind"], "exported");
    assert!(
        !copy.json(&format!("{under}/access_log.json")).as_array().unwrap().is_empty() || kept.len() > 100
    );
    let manifest = copy.json("manifest.json");
    let listed: BTreeSet<_> = manifest["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].as_str().unwrap().to_owned())
        .collect();
    let names: BTreeSet<_> = copy.names().into_iter().filter(|name| name != "manifest.json").collect();
    assert_eq!((listed, &manifest["missing"]), (names, &json!([])));
    let text = copy.text();
    assert!(text.contains("只给自己看") && text.contains("他收回的话"));
    assert!(!text.contains("别人家的事") && !text.contains(stranger.number.as_str()));
    for other in [stranger.user.id.to_string(), father.id.to_string()] {
        assert!(!text.contains(&other), "no account of others is named");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sensitive_answers_are_in_the_copy_of_who_may_see_them() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let father = world.relative(&mother, MemberRole::Owner, MemberRelation::Father).await;
    let mut checkup = antenatal(&world);
    checkup["kind"] = json!("laboratory_result");
    checkup["payload"] = json!({ "sampled_at": "2026-11-22T08:00:00+08:00", "specimen": ["blood"], "origin": "here", "hiv": "negative" });
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    let attached = doctor.client.post(&checkups(&mother), checkup).await.ok();
    let file = format!("handbooks/{}/records/woman.json", mother.number.as_str());
    let payload = async |client: &Client| {
        let all = Copy::taken(client).await.json(&file);
        all.as_array().unwrap().iter().find(|one| one["id"] == attached["id"]).unwrap()["payload"].clone()
    };
    let timeline =
        format!("/api/v1/handbooks/{}/records/{}", mother.handbook, attached["id"].as_str().unwrap());
    for client in [&mother.user.client, &father.client] {
        assert_eq!(payload(client).await, client.get(&timeline).await.ok()["payload"], "as on the timeline");
    }
    assert_ne!(payload(&mother.user.client).await, payload(&father.client).await);
}

/// A photo that was dropped meanwhile is told as missing; one that cannot be read now is no reason to call it gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_without_photos_that_are_there_is_no_whole_copy() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let photo = upload_picture(&mother).await;
    let file = world.app.config.data.join("photos").join(photo.as_str().unwrap());
    std::fs::rename(&file, file.with_extension("away")).unwrap();
    let missing = Copy::taken(&mother.user.client).await.json("manifest.json")["missing"].clone();
    assert_eq!(missing.as_array().unwrap().len(), 1, "{missing}");

    // Something is there, and it cannot be read: the connection is cut, and there is no manifest.
    std::os::unix::fs::symlink(&file, &file).unwrap();
    let answer = mother.user.client.request(Method::GET, EXPORT).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err(), "half of it is not the whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_copies_a_day_and_no_more() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    for _ in 0..3 {
        Copy::taken(&mother.user.client).await;
    }
    let refused = mother.user.client.get(EXPORT).await;
    refused.problem(429, "too_many_requests");
    assert_eq!(refused.headers["retry-after"], "43200", "until midnight in China");
    assert_eq!(mother.told().await, ["exported"; 3]);
    let viewer = world.relative(&mother, MemberRole::Viewer, MemberRelation::Other).await.client;
    let copy = Copy::taken(&viewer).await;
    let names = copy.names();
    assert!(!names.iter().any(|name| name.ends_with("access_log.json") || name.ends_with("notices.json")));
    let nobody = world.family_user().await.client;
    let mut copy = Copy::taken(&nobody).await;
    assert_eq!(copy.names().len(), 2, "me and the manifest");
    assert!(copy.json("me.json")["devices"].is_array());
}

/// Takes a copy over a connection of its own, a little at a time until there is hurry, and gives all that came.
async fn read_slowly(world: &World, client: &Client, begun: &AtomicUsize, hurry: &AtomicBool) -> Vec<u8> {
    let (host, token) = (world.base_url.strip_prefix("http://").unwrap(), client.token());
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "GET {EXPORT} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut came, mut some) = (Vec::new(), vec![0; 32 * 1024]);
    while let Ok(length @ 1..) = stream.read(&mut some).await {
        if came.is_empty() {
            begun.fetch_add(1, Ordering::SeqCst);
        }
        came.extend_from_slice(&some[..length]);
        if !hurry.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    came
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_slowly_gives_way_to_who_asks_and_never_sees_a_whole_copy() {
    let world = World::with(|config| {
        config.export = ExportConfig { least_rate: 16 * 1024 * 1024, behind: Duration::from_millis(500) };
    })
    .await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    // More than the machine holds for whoever does not read it yet.
    for _ in 0..8 {
        let photo = upload_picture(&mother).await;
        let name = photo.as_str().unwrap();
        let place = places::Place::new(places::PHOTO_FILE, name.parse().unwrap());
        let large = world.app.keys.seal_bytes(place, &vec![7; 2 * 1024 * 1024]).unwrap();
        world.app.photos.put(name, large).await.unwrap();
    }
    let other = world.family_user().await.client;
    let (begun, hurry) = (AtomicUsize::new(0), AtomicBool::new(false));
    let asking = async {
        while begun.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Both fall behind, and nobody minds.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let refused = other.get(EXPORT).await;
        refused.problem(429, "too_many_requests");
        assert_eq!(refused.headers["retry-after"], "60");
        while other.get(EXPORT).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        hurry.store(true, Ordering::SeqCst);
    };
    let slow = || read_slowly(&world, &mother.user.client, &begun, &hurry);
    let all = async { tokio::join!(slow(), slow(), asking) };
    let (first, second, ()) = tokio::time::timeout(PATIENCE, all).await.expect("who reads slowly gives way");
    for copy in [first, second] {
        assert!(copy.starts_with(b"HTTP/1.1 200 "), "each had a place");
        assert!(!copy.ends_with(b"\r\n0\r\n\r\n"), "half of it is not the whole: {}", copy.len());
    }
}
