//! Keys change while families write: every value moves to the newest key, none is lost, and no key goes that is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use api::config::new_key;
use api::keyring::count::{count, sealed_by};
use api::keyring::in_use::{self, Given, State};
use api::keyring::sample::sample;
use api::keyring::{Ground, rotate};
use api::keys::places::{COLUMNS, NOT_SEALED};
use api::keys::{Keys, Secrets};
use chrono::TimeDelta;
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::support::operator::{Operator, said};
use crate::support::{Mother, World};

/// The schema as it lies in the migrations: every column of bytes is sealed and in the registry, or is said not to be.
#[test]
fn every_column_of_bytes_is_in_the_registry_or_named_as_not_sealed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/src");
    let mut columns = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "sql") {
            continue;
        }
        let mut table = String::new();
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            match words.as_slice() {
                ["CREATE" | "ALTER", "TABLE", name, rest @ ..] => {
                    table = (*name).to_owned();
                    if let ["ADD", "COLUMN", column, "{bytes}", ..] = rest {
                        columns.insert((table.clone(), (*column).to_owned()));
                    }
                }
                ["ADD", "COLUMN", column, kind, ..] | [column, kind, ..] if kind.starts_with("{bytes}") => {
                    columns.insert((table.clone(), (*column).to_owned()));
                }
                _ => {}
            }
        }
    }
    let sealed = COLUMNS.iter().map(|column| (column.table, column.name));
    let named: BTreeSet<_> =
        sealed.chain(NOT_SEALED).map(|(table, column)| (table.to_owned(), column.to_owned())).collect();
    assert_eq!(columns, named);
}

/// Two data keys of which the first seals, as on the day when the second was added everywhere.
pub async fn two_keys() -> (Operator, World) {
    let mut operator = Operator::new();
    operator.set("MUZI_DATA_KEYS", format!("1:{},2:{}", new_key(), new_key()));
    let world = operator.world().await;
    let db = world.app.db.write();
    for sql in [
        "UPDATE key_in_use SET state = 'next' WHERE purpose = 'data' AND id = 2",
        "UPDATE key_in_use SET state = 'active' WHERE purpose = 'data' AND id = 1",
    ] {
        db.execute_unprepared(sql).await.unwrap();
    }
    in_use::look(&world.app).await.unwrap();
    assert_eq!(world.app.keys.sealing(), 1);
    (operator, world)
}

fn ground(world: &World) -> Ground {
    Ground { db: world.app.db.clone(), keys: world.app.keys.clone(), photos: world.app.photos.clone() }
}

/// The same ground for somebody who has only some of the keys.
fn ground_with(world: &World, ids: &[u8]) -> Ground {
    let all = &world.app.config.secrets;
    let data: BTreeMap<_, _> =
        all.data.iter().filter(|(id, _)| ids.contains(id)).map(|(id, key)| (*id, key.clone())).collect();
    let secrets = Secrets { data, ..all.clone() };
    Ground { keys: Arc::new(Keys::new(&secrets).unwrap()), ..ground(world) }
}

/// Diary entries of a mother, whose free text is sealed: a new one, and the same one changed, again and again.
pub async fn write_until(mother: &Mother, stop: &AtomicBool, written: &AtomicU64) -> Vec<(String, String)> {
    let entries = format!("/api/v1/handbooks/{}/entries", mother.handbook);
    let mut kept = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let text = format!("第{}篇", written.load(Ordering::SeqCst));
        let body = json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "text": text } });
        let entry = mother.user.client.post(&entries, body).await.ok();
        let id = entry["id"].as_str().unwrap().to_owned();
        let changed = format!("{text}，改过");
        let body = json!({ "payload": { "date": "2026-11-22", "text": changed } });
        let path = format!("{entries}/{id}");
        mother.user.client.change(reqwest::Method::PATCH, &path, "\"1\"", body).await.ok();
        written.fetch_add(1, Ordering::SeqCst);
        kept.push((id, changed));
    }
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn values_move_to_the_newest_key_while_families_write_and_none_is_lost() {
    let (_, world) = two_keys().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    crate::photos::upload_picture(&mother).await;
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writing = write_until(&mother, &stop, &written);
    let rotating = async {
        let enough = async |many| {
            while written.load(Ordering::SeqCst) < many {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        enough(15).await;
        let given = Given::of(&world.app.config.secrets);
        in_use::activate(&world.app.db, 2, &given, world.now()).await.unwrap();
        // This one rotates while the server still seals with the first key.
        let aside = ground_with(&world, &[1, 2]);
        let early = rotate::rotate(&aside, 2, Duration::ZERO, &mut |_| {}).await.unwrap();
        assert!(early.values > 20, "{early:?}");
        let now = written.load(Ordering::SeqCst);
        enough(now + 5).await;
        in_use::look(&world.app).await.unwrap();
        assert_eq!(world.app.keys.sealing(), 2);
        for _ in 0..5 {
            rotate::rotate(&aside, 2, Duration::ZERO, &mut |_| {}).await.unwrap();
        }
        let now = written.load(Ordering::SeqCst);
        enough(now + 5).await;
        stop.store(true, Ordering::SeqCst);
    };
    let (kept, ()) = tokio::join!(writing, rotating);
    let last = rotate::rotate(&ground(&world), 2, Duration::ZERO, &mut |_| {}).await.unwrap();
    assert_eq!(last.unopened, 0);
    let counted = count(&ground(&world)).await.unwrap();
    assert_eq!(sealed_by(&counted, 1), 0, "{counted:?}");
    assert!(sealed_by(&counted, 2) > 40);
    let photos = counted.iter().find(|place| place.place == "photo.file").unwrap();
    assert_eq!((photos.by_key.get(&2), photos.missing), (Some(&1), 0));

    // Somebody who has the newest key alone opens everything, and reads what was acknowledged.
    let only_newest = ground_with(&world, &[2]);
    let sampled = sample(&only_newest, 1_000_000).await.unwrap();
    assert_eq!(sampled.iter().map(|place| place.unopened).sum::<u64>(), 0, "{sampled:?}");
    for (id, text) in kept {
        let path = format!("/api/v1/handbooks/{}/records/{id}", mother.handbook);
        let read = mother.user.client.get(&path).await.ok();
        assert_eq!(read["payload"]["text"], text.as_str());
        let history = mother.user.client.get(&format!("{path}/versions")).await.ok();
        assert!(history.to_string().contains(text.trim_end_matches("，改过")), "{history}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_was_killed_goes_on_and_a_key_goes_only_when_it_seals_nothing() {
    let (mut operator, world) = two_keys().await;
    let plan =
        api::demo::Plan { families: 400, seed: 5, today: world.app.today(), pace: api::demo::Pace::Usual };
    api::demo::seed(&world.app, plan, &mut |_| {}).await.unwrap();
    let before = count(&ground(&world)).await.unwrap();
    let all = sealed_by(&before, 1);
    assert!(all > 2000, "{all}");

    let refused = operator.muzi(&world, &["keys", "drop", "1"], "");
    assert!(
        refused.status.code() == Some(1) && said(&refused).contains("data key 1 seals"),
        "{}",
        said(&refused)
    );

    let mut killed = 0;
    while killed < 3 {
        let mut rotating = operator.command(&world, &["keys", "rotate", "--offline"]).spawn().unwrap();
        let done = loop {
            let left = sealed_by(&count(&ground(&world)).await.unwrap(), 1);
            if left < all || rotating.try_wait().unwrap().is_some() {
                break all - left;
            }
        };
        rotating.kill().unwrap();
        rotating.wait().unwrap();
        killed += 1;
        assert!(done > 0);
        if done == all {
            break;
        }
    }
    let lost = count(&ground(&world)).await.unwrap();
    assert_eq!(sealed_by(&lost, 1) + sealed_by(&lost, 2), all, "nothing is lost by a kill");

    // The key still seals: it may not go, and nobody may serve without it.
    if sealed_by(&lost, 1) > 0 {
        operator.settled(&world).await;
        let refused = operator.muzi(&world, &["keys", "drop", "1"], "");
        let told = said(&refused);
        assert!(
            refused.status.code() == Some(1)
                && told.contains("still seals")
                && told.contains("person.identity"),
            "{told}"
        );
    }
    let both = operator.get("MUZI_DATA_KEYS");
    let second = both.split_once(',').unwrap().1.to_owned();
    operator.set("MUZI_DATA_KEYS", second.clone());
    for arguments in [&["serve"][..], &["admin", "create", "--user-name", "root"], &["keys", "rotate"]] {
        let refused = operator.muzi(&world, arguments, "Chuanshan-2026\n");
        let told = said(&refused);
        assert!(
            refused.status.code() == Some(78) && told.contains("sealed with key 1, which is not given"),
            "{arguments:?}: {told}"
        );
    }
    let status = operator.muzi(&world, &["keys", "status"], "");
    assert_eq!(
        status.status.code(),
        if sealed_by(&lost, 1) > 0 { Some(1) } else { Some(0) },
        "{}",
        said(&status)
    );

    operator.set("MUZI_DATA_KEYS", both.clone());
    let rotated = operator.muzi(&world, &["keys", "rotate", "--offline", "--json"], "");
    assert!(rotated.status.success(), "{}", said(&rotated));
    let after = count(&ground(&world)).await.unwrap();
    assert_eq!((sealed_by(&after, 1), sealed_by(&after, 2)), (0, all));
    operator.settled(&world).await;
    let dropped = operator.muzi(&world, &["keys", "drop", "1"], "");
    assert!(dropped.status.success(), "{}", said(&dropped));
    let again = operator.muzi(&world, &["keys", "drop", "1"], "");
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));

    operator.set("MUZI_DATA_KEYS", second);
    let served = operator.muzi(&world, &["admin", "create", "--user-name", "root"], "Chuanshan-2026\n");
    assert!(
        !said(&served).contains("MUZI_DATA_KEYS"),
        "only the demo's sign-ins are in the way: {}",
        said(&served)
    );
    operator.set("MUZI_DATA_KEYS", format!("2:{}", new_key()));
    let mistaken = operator.muzi(&world, &["keys", "rotate"], "");
    assert!(
        mistaken.status.code() == Some(78) && said(&mistaken).contains("not the key 2"),
        "{}",
        said(&mistaken)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_those_who_serve_do_not_have_yet_seals_nothing() {
    let mut operator = Operator::new();
    let world = operator.world().await;
    let first = operator.get("MUZI_DATA_KEYS");
    operator.set("MUZI_DATA_KEYS", format!("{first},2:{}", new_key()));
    let refused = operator.muzi(&world, &["keys", "rotate"], "");
    assert!(
        refused.status.code() == Some(1) && said(&refused).contains("restart every one"),
        "{}",
        said(&refused)
    );
    let keys = in_use::read(world.app.db.read()).await.unwrap();
    assert_eq!(in_use::active(&keys), Some(1));

    // A replica that starts with it makes it known, and still seals with the first.
    let secrets = operator.config().secrets;
    let replica = Keys::new(&secrets).unwrap();
    let refused = in_use::take_up(&world.app.db, &secrets, &replica, true, world.now()).await.unwrap();
    assert_eq!(refused, Vec::<String>::new());
    assert_eq!(replica.sealing(), 1);
    let keys = in_use::read(world.app.db.read()).await.unwrap();
    assert!(keys.iter().any(|key| (key.id, key.state) == (2, State::Next)), "{keys:?}");

    // Now it seals; the process that does not have it says that it is not ready.
    let given = Given::of(&secrets);
    in_use::activate(&world.app.db, 2, &given, world.now() + TimeDelta::seconds(1)).await.unwrap();
    world.anybody().get("/readyz").await.ok();
    in_use::look(&world.app).await.unwrap();
    assert_eq!(world.anybody().get("/readyz").await.status, 503);
    let again = in_use::activate(&world.app.db, 1, &given, world.now()).await.unwrap_err();
    assert!(again.to_string().contains("not taken up again"), "{again}");
}

/// Those that serve wait for one key 2, and the operator's shell has another: `muzi keys new` was run twice.
#[tokio::test(flavor = "multi_thread")]
async fn another_key_than_the_one_that_waits_seals_nothing() {
    let mut operator = Operator::new();
    let world = operator.world().await;
    let county = world.county().await;
    world.mother(&county).await;
    let first = operator.get("MUZI_DATA_KEYS");
    operator.set("MUZI_DATA_KEYS", format!("{first},2:{}", new_key()));
    let theirs = operator.config().secrets;
    let replica = Keys::new(&theirs).unwrap();
    in_use::take_up(&world.app.db, &theirs, &replica, true, world.now()).await.unwrap();
    let before = count(&ground(&world)).await.unwrap();

    operator.set("MUZI_DATA_KEYS", format!("{first},2:{}", new_key()));
    let refused = operator.muzi(&world, &["keys", "rotate"], "");
    let told = said(&refused);
    assert!(refused.status.code() == Some(1) && told.contains("not the key 2 of those that serve"), "{told}");
    let keys = in_use::read(world.app.db.read()).await.unwrap();
    assert_eq!(in_use::active(&keys), Some(1));
    let after = count(&ground(&world)).await.unwrap();
    assert_eq!((sealed_by(&after, 1), sealed_by(&after, 2)), (sealed_by(&before, 1), 0), "nothing moved");

    // Another replica starts with the mistaken one and is believed: whoever seals with it, the first is not ready.
    let mistaken = operator.config().secrets;
    let late = Keys::new(&mistaken).unwrap();
    in_use::take_up(&world.app.db, &mistaken, &late, true, world.now()).await.unwrap();
    let refused = in_use::activate(&world.app.db, 2, &Given::of(&theirs), world.now()).await.unwrap_err();
    assert!(refused.to_string().contains("not the key 2 of those that serve"), "{refused}");
    in_use::activate(&world.app.db, 2, &Given::of(&mistaken), world.now()).await.unwrap();
    let behind = in_use::take_up(&world.app.db, &theirs, &replica, true, world.now()).await.unwrap();
    assert!(behind[0].contains("key 2 is not the key 2"), "{behind:?}");
    assert_eq!((replica.sealing(), replica.is_behind()), (1, true));
    in_use::take_up(&world.app.db, &mistaken, &late, true, world.now()).await.unwrap();
    assert_eq!((late.sealing(), late.is_behind()), (2, false));
}

/// Two servers that start on an empty database at the same moment, each with a key 1 of its own.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_first_starts_with_different_keys_one_is_refused() {
    let operators = [Operator::new(), Operator::new()];
    let world = operators[0].world().await;
    world.app.db.write().execute_unprepared("DELETE FROM key_in_use").await.unwrap();
    let starts = operators.iter().map(|operator| async {
        let secrets = operator.config().secrets;
        let keys = Keys::new(&secrets).unwrap();
        in_use::take_up(&world.app.db, &secrets, &keys, true, world.now()).await.unwrap()
    });
    let refusals = futures_util::future::join_all(starts).await;
    let served: Vec<_> = refusals.iter().map(Vec::is_empty).collect();
    assert_eq!(served.iter().filter(|is_served| **is_served).count(), 1, "{refusals:?}");
    assert!(refusals.iter().flatten().any(|told| told.contains("key 1 is not the key 1")), "{refusals:?}");
}

#[test]
fn a_complete_set_of_keys_is_printed() {
    let keys = Command::new(env!("CARGO_BIN_EXE_muzi")).args(["keys", "new"]).output().unwrap();
    let text = String::from_utf8(keys.stdout).unwrap();
    for name in [
        "MUZI_DATA_KEYS=1:",
        "MUZI_INDEX_KEY=",
        "MUZI_PRINT_KEYS=1:",
        "MUZI_TOKEN_KEYS=1:",
        "MUZI_AUDIT_KEYS=1:",
        "MUZI_BACKUP_KEY=",
    ] {
        assert!(text.contains(name), "{name} in {text}");
    }
}
