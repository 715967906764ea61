//! Closing an account: what goes at once, what stays without the person, and what the law keeps blocked.

use api::children::store as children;
use api::db::entities::{child, handbook, retention_receipt, wechat_user};
use api::session::store::Holder;
use chrono::{NaiveDate, TimeDelta};
use domain::access::Role;
use domain::handbook::{CloseReason, State};
use domain::id::{HandbookId, PersonId};
use domain::member::{MemberRelation, MemberRole};
use futures_util::future::join_all;
use reqwest::Method;
use sea_orm::{DbBackend, EntityTrait};
use serde_json::{Value, json};

use crate::checkups::{antenatal, checkups};
use crate::entries::{entries, pressure, records};
use crate::photos::upload_picture;
use crate::support::people::County;
use crate::support::{Client, Mother, World, send};

pub(crate) const CLOSING: &str = "/api/v1/me/closing";

/// A word that stands in an entry.
pub(crate) const CANARY: &str = "今天走了三公里心情很好";

pub(crate) fn all_gone() -> Value {
    json!({ "confirmed": true })
}

async fn row(world: &World, mother: &Mother) -> handbook::Model {
    handbook::Entity::find_by_id(mother.handbook).one(world.app.db.read()).await.unwrap().unwrap()
}

async fn receipts(world: &World) -> Vec<(String, String, i64)> {
    let rows = retention_receipt::Entity::find().all(world.app.db.read()).await.unwrap();
    let mut told: Vec<_> = rows
        .into_iter()
        .map(|row| (row.cause, format!("{} {}", row.kind, row.end_state), row.amount))
        .collect();
    told.sort();
    told
}

/// A mother whose pregnancy was lost long ago, so that no care is due, with a checkup, a diary and a photo.
pub(crate) async fn after_all_care(world: &World, county: &County) -> Mother {
    let mother = world.mother(county).await;
    let diary = async |photos: Value| {
        let body = json!({ "kind": "diary", "subject": "household", "photos": photos, "payload": { "date": "2026-11-22", "text": CANARY } });
        mother.user.client.post(&entries(&mother), body).await.ok()["id"].clone()
    };
    diary(json!([])).await;
    let photo = upload_picture(&mother).await;
    let id = diary(json!([photo])).await;
    let address = format!("{}/{}", entries(&mother), id.as_str().unwrap());
    let changed = json!({ "payload": { "date": "2026-11-22", "text": "改过" } });
    mother.user.client.change(Method::PATCH, &address, "\"1\"", changed).await.ok();
    mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok();
    let code = mother.show_code().await;
    let doctor = world.doctor(county.hospital).await;
    doctor.scan(code["url"].as_str().unwrap()).await.ok();
    doctor.client.post(&checkups(&mother), antenatal(world)).await.ok();
    world
        .execute(
            "UPDATE pregnancy SET outcome = 'miscarriage', ended_on = ? WHERE id = ?",
            [NaiveDate::from_ymd_opt(2026, 8, 1).unwrap().into(), mother.pregnancy.into()],
        )
        .await;
    mother
}

#[tokio::test(flavor = "multi_thread")]
async fn the_preview_says_what_becomes_of_what_and_changes_nothing() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = after_all_care(&world, &county).await;
    let client = &mother.user.client;
    let preview = client.get(CLOSING).await.ok();
    let of = &preview["handbooks"][0];
    assert_eq!((&of["fate"], &of["own_entries"], &of["own_photos"]), (&json!("ends"), &json!(3), &json!(1)));
    assert_eq!(of["blocked_until"], "2041-11-22", "fifteen years after the visit of today");
    assert!(of["text"]["zh"].as_str().unwrap().contains("封存至2041-11-22"));
    assert!(preview["kinds"].as_array().unwrap().iter().any(|kind| kind["end"] == "anonymised"));
    let relative = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await.client;
    assert_eq!(client.get(CLOSING).await.ok()["handbooks"][0]["fate"], "hand_over_first");
    assert_eq!(relative.get(CLOSING).await.ok()["handbooks"][0]["fate"], "goes_on");

    let pregnant = world.mother(&county).await;
    let preview = pregnant.user.client.get(CLOSING).await.ok();
    assert_eq!(preview["handbooks"][0]["duty"], "pregnancy");
    assert!(preview["handbooks"][0]["text"]["en"].as_str().unwrap().contains("the clinic goes on"));
    assert_eq!(world.number("SELECT COUNT(*) FROM retention_receipt").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_for_a_fresh_sign_in_and_a_confirmation_and_no_staff_closes_by_it() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let refused = client.post(CLOSING, json!({ "confirmed": false })).await.problem(422, "invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/confirmed");
    client.post(CLOSING, json!({})).await.problem(422, "invalid");
    world.advance(TimeDelta::minutes(10) + TimeDelta::seconds(1));
    client.post(CLOSING, all_gone()).await.problem(403, "fresh_sign_in_required");
    client.get("/api/v1/me/export").await.problem(403, "fresh_sign_in_required");
    let doctor = world.doctor(county.hospital).await;
    doctor.client.post(CLOSING, all_gone()).await.problem(403, "forbidden");
    assert_eq!(row(&world, &mother).await.state, State::Claimed);
    world.sign_in_user(mother.user.id).await.post(CLOSING, all_gone()).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_last_member_a_handbook_is_blocked_and_only_an_emergency_opens_it() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = after_all_care(&world, &county).await;
    let client = &mother.user.client;
    let manager = world.doctor(county.health_centre).await;
    let visiting = world.clinician_at(mother.handbook, county.hospital).await;
    assert_eq!(visiting.client.get(&records(&mother)).await.status, 200);
    let other_device = world.sign_in_user(mother.user.id).await;
    let closed = client.post(CLOSING, all_gone()).await.ok();
    let done: Vec<_> = closed["receipts"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    for kind in ["entries", "usage", "clinical_outpatient", "memberships", "account", "phone"] {
        assert!(done.contains(&json!(kind)), "{kind}: {done:?}");
    }
    for device in [client, &other_device] {
        device.get("/api/v1/me").await.problem(401, "not_signed_in");
    }
    client.post(CLOSING, all_gone()).await.problem(401, "not_signed_in");

    let left = row(&world, &mother).await;
    assert_eq!((left.state, left.close_reason), (State::Closed, Some(CloseReason::AccountClosed)));
    assert_eq!(left.blocked_until, NaiveDate::from_ymd_opt(2041, 11, 22));
    for table in [
        "member",
        "session WHERE user_id IS NOT NULL",
        "alert",
        "notice",
        "code",
        "idempotency WHERE length(answer) > 0 AND actor IN (SELECT id FROM wechat_user)",
        "record_version",
        "photo",
    ] {
        assert_eq!(world.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
    world.carry_out_jobs().await;
    assert_eq!(std::fs::read_dir(world.app.config.data.join("photos")).unwrap().count(), 0, "files too");
    assert_eq!(world.number("SELECT COUNT(*) FROM record WHERE source = 'family' AND (kind <> 'erased' OR sealed IS NOT NULL OR user_id IS NOT NULL OR CAST(payload AS TEXT) <> '{}')").await, 0);
    assert!(world.number("SELECT COUNT(*) FROM usage_evidence WHERE kind = 'entry'").await == 1);
    assert_eq!(world.differences().await, [], "what is counted stays as it was");

    let path = format!("/api/v1/handbooks/{}", mother.handbook);
    for staff in [&manager, &visiting] {
        staff.client.get(&path).await.problem(404, "not_found");
        staff.client.get(&records(&mother)).await.problem(404, "not_found");
        assert_eq!(staff.client.get("/api/v1/alerts").await.ok()["items"], json!([]));
        assert_eq!(staff.client.get("/api/v1/checkups").await.ok()["items"], json!([]));
        assert_eq!(staff.client.get("/api/v1/visits").await.ok()["items"], json!([]));
    }
    let desk = world.worker(&[Role::HandbookAdministrator], county.health_centre).await;
    for wanted in [
        json!({ "number": mother.number.printed() }),
        json!({ "id_number": mother.id_number }),
        json!({ "phone": mother.phone }),
    ] {
        assert_eq!(desk.client.post("/api/v1/handbooks/find", wanted).await.ok()["items"], json!([]));
    }
    let glass = json!({ "id_number": mother.id_number, "reason_code": "emergency_treatment", "reason": "昏迷送入抢救室，没有家属陪同" });
    let doctor = world.doctor(county.foreign_hospital).await;
    doctor.client.post("/api/v1/break-glass", glass).await.ok();
    let seen = doctor.client.get(&records(&mother)).await.ok();
    assert_eq!(seen["items"].as_array().unwrap().len(), 1, "the checkup, and nothing of the family");
    let add = doctor.client.post(&checkups(&mother), antenatal(&world)).await;
    add.problem(409, "handbook_closed");
    world.advance(TimeDelta::minutes(61));
    world.sign_in_staff(doctor.id).await.get(&records(&mother)).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_again_with_the_same_wechat_account_is_somebody_new() {
    let world = World::empty().await;
    let sign_in = async || {
        let code = world.wechat.control().login_code("mother-who-left");
        world.anybody().post("/api/v1/sign-in/wechat", json!({ "code": code })).await
    };
    let first = sign_in().await.ok();
    let client = world.as_signed_in(&sign_in().await);
    client.post(CLOSING, all_gone()).await.ok();
    let refresh = json!({ "refresh_token": first["refresh_token"] });
    world.anybody().post("/api/v1/sign-in/refresh", refresh).await.problem(401, "refresh_refused");
    let again = sign_in().await.ok();
    assert_ne!(first["me"]["id"], again["me"]["id"]);
    let rows = wechat_user::Entity::find().all(world.app.db.read()).await.unwrap();
    let closed = rows.iter().find(|row| row.closed_at.is_some()).unwrap();
    assert_eq!((closed.person_id, closed.unionid.is_none()), (None, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_others_stay_it_goes_on_and_own_entries_go_or_stay_as_the_leaver_says() {
    for leave in ["delete", "leave"] {
        let world = World::empty().await;
        let county = world.county().await;
        let mother = world.mother(&county).await;
        let father = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await;
        let owns = mother.user.client.post(&entries(&mother), pressure(118, 76)).await.ok()["id"].clone();
        let body = json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "text": CANARY } });
        let his = father.client.post(&entries(&mother), body).await.ok()["id"].clone();
        let seq = row(&world, &mother).await.change_seq;
        let missing = father.client.post(CLOSING, all_gone()).await.problem(422, "invalid");
        assert_eq!(missing["errors"][0]["pointer"], "/own_entries");
        father.client.post(CLOSING, json!({ "confirmed": true, "own_entries": leave })).await.ok();
        let left = mother.user.client.get(&records(&mother)).await.ok();
        let left: Vec<_> = left["items"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
        assert!(left.contains(&owns));
        assert_eq!(left.contains(&his), leave == "leave");
        assert_eq!(row(&world, &mother).await.state, State::Claimed);
        let changed = mother
            .user
            .client
            .get(&format!("/api/v1/handbooks/{}/changes?after={seq}", mother.handbook))
            .await
            .ok();
        let told = changed["changed"].as_array().unwrap();
        assert_eq!(
            told.iter().any(|one| one["record"] == his && one["state"] == "withdrawn"),
            leave == "delete"
        );
        assert_eq!(mother.told().await[0], "members_changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_owner_hands_over_first_or_ends_it_for_all() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = after_all_care(&world, &county).await;
    let father = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await;
    let body = json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "text": CANARY } });
    father.client.post(&entries(&mother), body).await.ok();
    let said = json!({ "confirmed": true, "own_entries": "delete" });
    mother.user.client.post(CLOSING, said.clone()).await.problem(409, "last_owner");
    assert_eq!(mother.user.client.get("/api/v1/me").await.status, 200, "nothing was done");
    let mut for_all = said;
    for_all["end_for_all"] = json!([mother.handbook]);
    mother.user.client.post(CLOSING, for_all).await.ok();
    father.client.get(&records(&mother)).await.problem(404, "not_found");
    assert_eq!(father.client.get("/api/v1/me").await.status, 200);
    assert_eq!(row(&world, &mother).await.close_reason, Some(CloseReason::AccountClosed));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_who_close_at_once_the_second_is_the_last_and_the_handbook_ends_once() {
    for _ in 0..3 {
        let world = World::empty().await;
        let county = world.county().await;
        let mother = after_all_care(&world, &county).await;
        let father = world.relative(&mother, MemberRole::Owner, MemberRelation::Father).await;
        let said = json!({ "confirmed": true, "own_entries": "delete" });
        let path = entries(&mother);
        let writing = mother.user.client.post(&path, pressure(120, 80));
        let (one, two, written) = tokio::join!(
            mother.user.client.post(CLOSING, said.clone()),
            father.client.post(CLOSING, said.clone()),
            writing,
        );
        assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200), "{} {}", one.text(), two.text());
        assert!([201, 401, 404, 409].contains(&written.status.as_u16()), "{}", written.text());
        assert_eq!(row(&world, &mother).await.state, State::Closed);
        assert_eq!(
            world.number("SELECT COUNT(*) FROM record WHERE source = 'family' AND kind <> 'erased'").await,
            0
        );
        let blocked = receipts(&world).await;
        assert_eq!(blocked.iter().filter(|(_, kind, _)| kind == "clinical_outpatient blocked").count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_is_closed_once_and_what_its_phone_writes_meanwhile_is_erased_or_refused() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = after_all_care(&world, &county).await;
    let (mut devices, mut writers) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        devices.push(world.sign_in_user(mother.user.id).await);
        writers.push(world.sign_in_user(mother.user.id).await);
    }
    let closing = join_all(devices.iter().map(|device| device.post(CLOSING, all_gone())));
    let path = entries(&mother);
    let writing = join_all(writers.iter().map(|device| device.post(&path, pressure(121, 80))));
    let (closed, written) = tokio::join!(closing, writing);
    assert_eq!(closed.iter().filter(|answer| answer.status == 200).count(), 1);
    let statuses: Vec<_> = closed.iter().map(|answer| answer.status.as_u16()).collect();
    assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
    assert!(written.iter().all(|answer| !answer.status.is_server_error()));
    assert_eq!(
        world.number("SELECT COUNT(*) FROM record WHERE source = 'family' AND kind <> 'erased'").await,
        0
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM member").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_care_is_due_the_clinic_goes_on_and_blocks_its_records_when_that_ends() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok();
    let manager = world.doctor(county.health_centre).await;
    manager.client.post(&checkups(&mother), antenatal(&world)).await.ok();
    mother.user.client.post(CLOSING, all_gone()).await.ok();
    let left = row(&world, &mother).await;
    assert_eq!((left.state, left.blocked_until, left.family_left_at.is_some()), (State::Issued, None, true));
    let seen = manager.client.get(&records(&mother)).await.ok();
    assert_eq!(seen["items"].as_array().unwrap().len(), 1, "the pregnancy is under management");
    nights(&world, 2).await;
    assert_eq!(row(&world, &mother).await.blocked_until, None);

    let lost = NaiveDate::from_ymd_opt(2026, 12, 1).unwrap();
    world
        .execute(
            "UPDATE pregnancy SET outcome = 'miscarriage', ended_on = ? WHERE id = ?",
            [lost.into(), mother.pregnancy.into()],
        )
        .await;
    world.advance(TimeDelta::days(60));
    nights(&world, 1).await;
    assert_eq!(row(&world, &mother).await.blocked_until, None, "postpartum care is due until 26 January");
    world.advance(TimeDelta::days(6));
    nights(&world, 2).await;
    let blocked = row(&world, &mother).await;
    assert_eq!(
        (blocked.state, blocked.blocked_until),
        (State::Closed, NaiveDate::from_ymd_opt(2041, 11, 22))
    );
    assert_eq!(blocked.family_left_at, left.family_left_at, "the family went when it went");
    let told = receipts(&world).await;
    assert!(told.contains(&("end_of_duty".into(), "clinical_outpatient blocked".into(), 1)), "{told:?}");
    world.sign_in_staff(manager.id).await.get(&records(&mother)).await.problem(404, "not_found");
}

/// Nights pass.
pub(crate) async fn nights(world: &World, count: usize) {
    for _ in 0..count {
        api::worker::schedule(&world.app).await.unwrap();
        world.advance(TimeDelta::days(1));
        world.carry_out_jobs().await;
    }
}

/// A handbook with words of the desk and a child of two years, of which the cover was lost. Gives the one before.
async fn with_words_and_a_child(world: &World, county: &County, mother: &mut Mother) -> HandbookId {
    let (desk, before) = (world.administrator(county.health_centre).await, mother.handbook);
    let at = |rest: &str| format!("/api/v1/handbooks/{before}/{rest}");
    let found = json!({ "found": "not_used", "note": "放在家里" });
    desk.post(&at("usage-follow-up"), found).await.ok();
    world
        .execute(
            "UPDATE issuance SET override_reason = ? WHERE handbook_id = ?",
            [b"words".to_vec().into(), before.into()],
        )
        .await;
    let born = NaiveDate::from_ymd_opt(2024, 8, 1).unwrap();
    let child = world.birth(mother, NaiveDate::from_ymd_opt(2026, 8, 1).unwrap()).await;
    let ended = "UPDATE child SET born_on = ?, ended_on = ? WHERE id = ?";
    world.execute(ended, [born.into(), born.into(), child.into()]).await;
    world
        .execute(
            "UPDATE pregnancy SET outcome = 'miscarriage', ended_on = ? WHERE id = ?",
            [NaiveDate::from_ymd_opt(2026, 8, 1).unwrap().into(), mother.pregnancy.into()],
        )
        .await;
    let new = desk.post(&at("replace"), json!({ "reason": "lost" })).await.ok();
    mother.handbook = HandbookId(new["id"].as_str().unwrap().parse().unwrap());
    before
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_handbook_whose_family_went_is_not_blocked_before_its_successor() {
    let world = World::empty().await;
    let county = world.county().await;
    let mut mother = world.mother(&county).await;
    let before = mother.handbook;
    mother.user.client.post(CLOSING, all_gone()).await.ok();
    let went = row(&world, &mother).await.family_left_at;
    let desk = world.administrator(county.health_centre).await;
    let replace = format!("/api/v1/handbooks/{before}/replace");
    let new = desk.post(&replace, json!({ "reason": "damaged" })).await.ok();
    nights(&world, 2).await;
    let old = row(&world, &mother).await;
    assert_eq!((old.state, old.family_left_at, old.blocked_until), (State::Replaced, None, None));
    assert_eq!(old.erased_at, None);
    mother.handbook = HandbookId(new["id"].as_str().unwrap().parse().unwrap());
    let successor = row(&world, &mother).await;
    assert_eq!((successor.family_left_at, successor.blocked_until), (went, None), "care is still due");

    // One that an earlier version replaced still says that the family went.
    world
        .execute("UPDATE handbook SET family_left_at = ? WHERE id = ?", [world.now().into(), before.into()])
        .await;
    nights(&world, 2).await;
    let old = handbook::Entity::find_by_id(before).one(world.app.db.read()).await.unwrap().unwrap();
    assert_eq!((old.blocked_until, old.erased_at), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handbook_that_does_not_open_holds_up_no_other_and_the_job_says_so() {
    let world = World::empty().await;
    let county = world.county().await;
    let (broken, sound) = (world.mother(&county).await, world.mother(&county).await);
    for mother in [&broken, &sound] {
        mother.user.client.post(CLOSING, all_gone()).await.ok();
        let over = "UPDATE pregnancy SET outcome = 'miscarriage', ended_on = ? WHERE id = ?";
        let day = NaiveDate::from_ymd_opt(2026, 8, 1).unwrap();
        world.execute(over, [day.into(), mother.pregnancy.into()]).await;
        world.advance(TimeDelta::seconds(1));
    }
    let identity = "UPDATE person SET identity = ? WHERE id = ?";
    world.execute(identity, [b"damaged".to_vec().into(), broken.person.into()]).await;
    nights(&world, 2).await;
    assert_eq!(row(&world, &broken).await.blocked_until, None);
    let blocked = row(&world, &sound).await;
    assert!(blocked.blocked_until.is_some() && blocked.erased_at.is_some(), "there was nothing to keep");
    let failed = "SELECT COUNT(*) FROM job WHERE kind = 'retain' AND last_error LIKE '1 handbooks%'";
    assert!(world.number(failed).await > 0);
}

async fn name_of(world: &World, person: PersonId) -> String {
    let row = api::people::store::by_id(world.app.db.read(), person).await.unwrap().unwrap();
    api::people::store::identity(&world.app.keys, &row).unwrap().name
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_time_of_blocking_is_over_nobody_is_left_in_it_and_a_receipt_says_so() {
    let world = World::empty().await;
    let county = world.county().await;
    let mut mother = after_all_care(&world, &county).await;
    let staying = after_all_care(&world, &county).await;
    let replaced = with_words_and_a_child(&world, &county, &mut mother).await;
    mother.user.client.post(CLOSING, all_gone()).await.ok();
    world.advance(TimeDelta::days(15 * 365));
    nights(&world, 1).await;
    assert!(row(&world, &mother).await.erased_at.is_none(), "some days are missing");
    // A birth that was recorded in error left a child behind, who is erased like everybody else.
    let child = children::of_handbook(world.app.db.read(), mother.handbook).await.unwrap().remove(0);
    let in_error = "UPDATE child SET voided_at = ? WHERE id = ?";
    world.execute(in_error, [world.now().into(), child.id.into()]).await;
    assert_ne!(name_of(&world, child.person_id).await, "");
    world.advance(TimeDelta::days(10));
    for _ in 0..2 {
        nights(&world, 1).await;
    }
    let erased = row(&world, &mother).await;
    assert!(erased.erased_at.is_some() && erased.woman_id.is_none());
    let of = |table: &str, id: domain::id::HandbookId| match world.app.db.backend() {
        DbBackend::Postgres => format!("SELECT COUNT(*) FROM {table} WHERE handbook_id = '{id}'"),
        _ => format!("SELECT COUNT(*) FROM {table} WHERE handbook_id = X'{}'", id.0.simple()),
    };
    for table in ["record", "photo", "alert", "desk_act", "delegation"] {
        assert_eq!(world.number(&of(table, mother.handbook)).await, 0, "{table}");
    }
    assert!(world.number(&of("record", staying.handbook)).await > 0, "who stayed is untouched");
    for words in ["usage_follow_up WHERE note", "issuance WHERE override_reason"] {
        let left = format!("SELECT COUNT(*) FROM {words} IS NOT NULL");
        assert_eq!(world.number(&left).await, 0, "{words}: also those of the handbook that was lost");
    }
    assert_eq!(world.number(&of("usage_follow_up", replaced)).await, 1, "it is counted as before");
    let left = child::Entity::find_by_id(child.id).one(world.app.db.read()).await.unwrap().unwrap();
    assert_eq!(left.born_on, NaiveDate::from_ymd_opt(2024, 1, 1).unwrap(), "the year of birth is left");
    for somebody in [mother.person, child.person_id] {
        assert_eq!(name_of(&world, somebody).await, "");
    }
    let person = api::people::store::by_id(world.app.db.read(), mother.person).await.unwrap().unwrap();
    assert_eq!((person.id_number_index, person.born_on), (None, None));
    let told = receipts(&world).await;
    let done: Vec<_> = told.iter().filter(|(cause, ..)| cause == "end_of_period").collect();
    assert_eq!(done.len(), 3, "once: {told:?}");
    assert_eq!(row(&world, &staying).await.erased_at, None);
    assert!(done.iter().any(|(_, kind, amount)| kind == "clinical_outpatient deleted" && *amount == 1));
    assert_eq!(world.differences().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_account_joins_nothing_by_a_request_that_was_on_its_way() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let user = world.family_user().await;
    let now = world.now();
    world.execute("UPDATE wechat_user SET closed_at = ? WHERE id = ?", [now.into(), user.id.into()]).await;
    let body = json!({ "role": "viewer", "relation": "other", "expires_in_hours": 1 });
    let path = format!("/api/v1/handbooks/{}/invitations", mother.handbook);
    let code = mother.user.client.post(&path, body).await.ok()["code"].clone();
    let accept = json!({ "code": code, "consent": { "version": api::config::PRIVACY_TEXT } });
    let client: Client = world.signed_in(Holder::User(user.id)).await;
    client.post("/api/v1/invitations/accept", accept).await.problem(401, "not_signed_in");
    assert_eq!(world.number("SELECT COUNT(*) FROM member").await, 1);
    let staff_reason = json!({ "reason": "account_closed" });
    let manager = world.doctor(county.health_centre).await;
    let close = format!("/api/v1/handbooks/{}/close", mother.handbook);
    manager.client.post(&close, staff_reason).await.problem(422, "invalid");
    send(client.request(Method::GET, "/api/v1/me")).await;
}
