//! Photos that a family hangs on its entries.

use std::io::Cursor;

use domain::id::PhotoId;
use image::{DynamicImage, ImageFormat, RgbImage};
use reqwest::Method;
use serde_json::{Value, json};

use crate::entries::{entries, records};
use crate::support::{Answer, Client, Mother, World, send};

fn photos(mother: &Mother) -> String {
    format!("/api/v1/handbooks/{}/photos", mother.handbook)
}

fn picture(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(RgbImage::new(30, 20)).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

async fn upload(client: &Client, mother: &Mother, media: &str, bytes: Vec<u8>) -> Answer {
    let key = uuid::Uuid::now_v7().to_string();
    upload_with_key(client, mother, media, bytes, &key).await
}

/// A picture that a mother adds; its id.
pub async fn upload_picture(mother: &Mother) -> Value {
    upload(&mother.user.client, mother, "image/png", picture(ImageFormat::Png)).await.ok()["id"].clone()
}

async fn upload_with_key(client: &Client, mother: &Mother, media: &str, bytes: Vec<u8>, key: &str) -> Answer {
    let request = client.request(Method::POST, &photos(mother)).header("idempotency-key", key);
    send(request.header("content-type", media).body(bytes)).await
}

fn with_photos(ids: &[&Value]) -> Value {
    json!({ "kind": "diary", "subject": "household", "photos": ids, "payload": { "date": "2026-11-22", "text": "满月照" } })
}

async fn look(client: &Client, mother: &Mother, id: &Value) -> Answer {
    client.get(&format!("{}/{}", photos(mother), id.as_str().unwrap())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_hangs_on_an_entry_and_is_seen_with_it() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let added = upload(client, &mother, "image/png", picture(ImageFormat::Png)).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let id = added.ok()["id"].clone();
    assert_eq!((&added.ok()["width"], &added.ok()["content_type"]), (&json!(30), &json!("image/png")));
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    look(&clinician.client, &mother, &id).await.problem(404, "not_found");

    let entry = client.post(&entries(&mother), with_photos(&[&id])).await.ok();
    let shown = look(client, &mother, &id).await;
    assert_eq!(shown.headers["content-type"], "image/png");
    assert_eq!(shown.headers["cache-control"], "private, no-cache");
    assert_eq!(image::guess_format(&shown.bytes).unwrap(), ImageFormat::Png);
    assert!(look(&clinician.client, &mother, &id).await.status.is_success());
    let timeline = clinician.client.get(&records(&mother)).await.ok();
    assert_eq!(timeline["items"][0]["photos"], json!([id]));

    let stored = world.app.photos.get(id.as_str().unwrap()).await.unwrap();
    assert!(image::guess_format(&stored).is_err(), "what is kept is sealed");
    let twice = client.post(&entries(&mother), with_photos(&[&id])).await.problem(422, "invalid");
    assert_eq!(twice["errors"][0]["code"], "unknown_photo");

    let hide = format!("{}/{}/private", entries(&mother), entry["id"].as_str().unwrap());
    client.change(Method::PUT, &hide, "\"1\"", json!({ "private": true })).await.ok();
    look(&clinician.client, &mother, &id).await.problem(404, "not_found");
    let stranger = world.family_user().await;
    look(&stranger.client, &mother, &id).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_the_payload_names_hangs_there_too() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let id = upload(client, &mother, "image/jpeg", picture(ImageFormat::Jpeg)).await.ok()["id"].clone();
    let body = json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "photos": [id] } });
    client.post(&entries(&mother), body.clone()).await.ok();
    let timeline = client.get(&records(&mother)).await.ok();
    assert_eq!(timeline["items"][0]["photos"], json!([id]));
    client.post(&entries(&mother), body).await.problem(422, "invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_photo_is_refused_and_nothing_is_kept() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let page = b"<html><script>alert(1)</script></html>".to_vec();
    upload(client, &mother, "image/jpeg", page.clone()).await.problem(422, "photo_refused");
    upload(client, &mother, "text/html", page).await.problem(415, "unsupported_media_type");
    upload(client, &mother, "image/png", Vec::new()).await.problem(422, "photo_refused");
    let too_large = upload(client, &mother, "image/jpeg", vec![0xff; 10 * 1024 * 1024 + 1]).await;
    too_large.problem(413, "photo_too_large");
    let request = client.request(Method::POST, &photos(&mother)).header("content-type", "image/png");
    send(request.body(picture(ImageFormat::Png))).await.problem(400, "idempotency_key_required");
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let staff = upload(&clinician.client, &mother, "image/png", picture(ImageFormat::Png)).await;
    staff.problem(403, "forbidden");
    let folder = world.app.config.data.join("photos");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_sent_again_is_one_photo() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let file = picture(ImageFormat::Png);
    let first = upload_with_key(client, &mother, "image/png", file.clone(), "k").await;
    let again = upload_with_key(client, &mother, "image/png", file, "k").await;
    assert_eq!((first.status.as_u16(), first.json()), (201, again.json()));
    for left in ["at once", "a day later"] {
        let folder = std::fs::read_dir(world.app.config.data.join("photos")).unwrap();
        let files: Vec<_> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(files, [first.json()["id"].as_str().unwrap()], "{left}");
        world.advance(chrono::TimeDelta::days(1));
        world.carry_out_jobs().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_an_upload_that_was_cut_off_is_dropped() {
    let world = World::empty().await;
    let (id, now) = (PhotoId(uuid::Uuid::now_v7()), world.now());
    api::photos::store::announce(&world.app.db, id, now).await.unwrap();
    world.app.photos.put(&id.to_string(), vec![1]).await.unwrap();
    let folder = world.app.config.data.join("photos");
    let files = || std::fs::read_dir(&folder).unwrap().count();
    world.carry_out_jobs().await;
    assert_eq!(files(), 1, "its row may still come");
    world.advance(chrono::TimeDelta::days(1));
    world.carry_out_jobs().await;
    assert_eq!(files(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn photos_go_when_their_entry_goes_or_when_nobody_hangs_them_up() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(upload(client, &mother, "image/png", picture(ImageFormat::Png)).await.ok()["id"].clone());
    }
    let [withdrawn, exchanged, dropped, forgotten] = ids.as_slice() else { panic!() };
    let entry = client.post(&entries(&mother), with_photos(&[withdrawn])).await.ok()["id"].clone();
    let delete = |path: String| client.request(Method::DELETE, &path).header("if-match", "\"1\"");
    let address = format!("{}/{}", entries(&mother), entry.as_str().unwrap());
    assert_eq!(send(delete(address)).await.status, 204);

    let entry = client.post(&entries(&mother), with_photos(&[exchanged])).await.ok()["id"].clone();
    let address = format!("{}/{}", entries(&mother), entry.as_str().unwrap());
    let attached = format!("{}/{}", photos(&mother), exchanged.as_str().unwrap());
    client.delete(&attached).await.problem(409, "photo_in_use");
    let mended = json!({ "payload": { "date": "2026-11-22", "text": "换了字" } });
    client.change(Method::PATCH, &address, "\"1\"", mended).await.ok();
    assert!(look(client, &mother, exchanged).await.status.is_success(), "a change of words keeps the photo");
    let without = json!({ "photos": [], "payload": { "date": "2026-11-22", "text": "换了字" } });
    client.change(Method::PATCH, &address, "\"2\"", without).await.ok();

    let address = format!("{}/{}", photos(&mother), dropped.as_str().unwrap());
    assert_eq!(client.delete(&address).await.status, 204);
    client.delete(&address).await.problem(404, "not_found");
    for id in [withdrawn, exchanged, dropped] {
        look(client, &mother, id).await.problem(404, "not_found");
    }
    world.advance(chrono::TimeDelta::days(8));
    api::sweep::carry_out(&world.app).await.unwrap();
    world.carry_out_jobs().await;
    let folder = world.app.config.data.join("photos");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0, "{forgotten} hung on nothing for a week");
}
