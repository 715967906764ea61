//! Backups: taken while families write, refused when a byte is wrong, brought back whole, and nothing in them that was
//! revoked comes to life again.

mod taken_back;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use api::audit::seal::seal;
use api::config::new_key;
use api::db::Db;
use api::db::entities::{handbook, live_ticket, restoration, session, visit};
use api::keys::{Keys, places};
use api::session::store::Holder;
use chrono::{TimeDelta, Utc};
use domain::access::Role;
use domain::place::RegionLevel;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::keys::{two_keys, write_until};
use crate::support::database::TestDatabase;
use crate::support::operator::{Operator, kept, names, said};
use crate::support::people::COUNTY;
use crate::support::{PATIENCE, World};

/// Where a backup is brought to: a folder, and on PostgreSQL an empty database.
struct Place {
    data: PathBuf,
    database: TestDatabase,
}

impl Place {
    async fn within(operator: &Operator, name: &str) -> Self {
        let data = operator.folder.path().join(name);
        Self { database: TestDatabase::create(&data).await, data }
    }

    fn data(&self) -> &str {
        self.data.to_str().unwrap()
    }

    /// A server on what was restored.
    async fn world(&self, operator: &Operator) -> World {
        let secrets = operator.config().secrets;
        World::with(|config| {
            config.secrets = secrets;
            config.database_url = self.database.url().to_owned().into();
            config.data = self.data.clone();
        })
        .await
    }
}

impl Operator {
    async fn backup(&self, world: &World, name: &str) -> String {
        let path = self.path(name);
        let mut backup = self.command(world, &["backup", "--to", &path]);
        let taken = tokio::task::spawn_blocking(move || kept(backup.output().unwrap())).await.unwrap();
        assert!(taken.status.success(), "{}", said(&taken));
        path
    }

    fn restore(&self, from: &str, to: &Place, more: &[&str]) -> Output {
        let mut restore = self.bare(&["restore", "--from", from, "--data", to.data()]);
        if to.database.url().starts_with("postgres") {
            restore.env("DATABASE_URL", to.database.url());
        }
        kept(restore.args(more).output().unwrap())
    }

    /// What was taken back until now.
    fn bury(&self, world: &World, name: &str) -> String {
        let path = self.path(name);
        let since = ["backup", "tombstones", "--since", "2020-01-01T00:00:00Z", "--to", &path];
        let buried = self.muzi(world, &since, "");
        assert!(buried.status.success(), "{}", said(&buried));
        path
    }

    /// The drill, and the name of the file that it leaves.
    fn drill(&self, of: &Place, more: &[&str]) -> Output {
        let mut drill = self.bare(&["restore", "check"]);
        drill.env("DATABASE_URL", of.database.url()).env("MUZI_DATA", &of.data);
        kept(drill.args(more).output().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_backup_is_there_after_it_and_nothing_revoked_lives() {
    let operator = Operator::new();
    let world = operator.world().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let picture = crate::photos::upload_picture(&mother).await;
    let signed_in = world.staff(&[Role::Clinician], Some(county.hospital), COUNTY, RegionLevel::County).await;
    let code =
        mother.user.client.post(&format!("/api/v1/handbooks/{}/code", mother.handbook), json!({})).await.ok();

    let list = json!({ "list": "visits", "form": "csv", "purpose": "核对本周就诊登记，补录缺项" });
    let list = signed_in.client.post("/api/v1/exports", list).await.ok();
    assert_eq!(list["state"], "ready", "{list}");

    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let taking = async {
        while written.load(Ordering::SeqCst) < 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let before = written.load(Ordering::SeqCst);
        let file = operator.backup(&world, "one.muzi").await;
        let after = written.load(Ordering::SeqCst);
        stop.store(true, Ordering::SeqCst);
        (file, before, after)
    };
    let (acknowledged, (file, before, after)) = tokio::join!(write_until(&mother, &stop, &written), taking);
    assert!(after > before, "families wrote while the backup was taken");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(operator.folder.path()), ["one.muzi"], "nothing else is left");
    let scratch = world.app.config.data.join(".backup");
    assert!(!scratch.exists() || names(&scratch) == ["lock"], "no copy in the clear is left");
    let verified = kept(operator.bare(&["backup", "verify", &file]).output().unwrap());
    assert!(verified.status.success() && said(&verified).contains("1 photos"), "{}", said(&verified));
    let told = "SELECT COUNT(*) FROM audit_event WHERE command <> '' AND kind = 'read' AND action = 'backup'";
    assert_eq!(world.number(told).await, 1, "whoever copies everything stands in the log");
    world.advance((Utc::now() - world.now()).max(TimeDelta::zero()) + TimeDelta::minutes(1));
    seal(&world.app).await.unwrap();
    let log = operator.muzi(&world, &["audit", "verify"], "");
    assert!(log.status.success() && said(&log).contains("\n0 events wait"), "{}", said(&log));

    let place = Place::within(&operator, "restored").await;
    let restored = operator.restore(&file, &place, &[]);
    assert!(restored.status.success(), "{}", said(&restored));
    for ended in ["sessions", "dynamic codes", "lists of persons"] {
        assert!(said(&restored).contains(ended), "{ended}: {}", said(&restored));
    }
    let drill = operator.drill(&place, &[]);
    assert!(drill.status.success() && said(&drill).contains("0 things wrong"), "{}", said(&drill));
    let results: Vec<_> =
        names(operator.folder.path()).into_iter().filter(|name| name.ends_with(".json")).collect();
    let result = std::fs::read_to_string(operator.folder.path().join(&results[0])).unwrap();
    let result: Value = serde_json::from_str(&result).unwrap();
    assert!(
        result["sampled"]
            .as_array()
            .unwrap()
            .iter()
            .any(|of| of["place"] == "photo.file" && of["tried"] == 1),
        "{result}"
    );

    let again = place.world(&operator).await;
    again.with_token(mother.user.client.token()).get("/api/v1/me").await.problem(401, "not_signed_in");
    let herself = again.signed_in(Holder::User(mother.user.id)).await;
    for (id, text) in &acknowledged[..usize::try_from(before).unwrap()] {
        let read = herself.get(&format!("/api/v1/handbooks/{}/records/{id}", mother.handbook)).await.ok();
        assert_eq!(read["payload"]["text"], text.as_str(), "acknowledged before the backup");
    }
    let path = format!("/api/v1/handbooks/{}/photos/{}", mother.handbook, picture.as_str().unwrap());
    assert!(herself.get(&path).await.status.is_success());
    let clinician = again.signed_in(Holder::Staff(signed_in.id)).await;
    let refused = clinician.post("/api/v1/visits", json!({ "code": code["url"] })).await;
    assert!(refused.status.is_client_error(), "{}", refused.text());
    let list = clinician.get(&format!("/api/v1/exports/{}", list["id"].as_str().unwrap())).await.ok();
    assert_eq!(list["state"], "expired", "it may have been taken since: {list}");
    let drill = operator.drill(&place, &[]);
    assert_eq!(drill.status.code(), Some(1), "a database that served since is not as it was restored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_not_what_was_written_is_refused_and_leaves_nothing_behind() {
    let mut operator = Operator::new();
    let world = operator.world().await;
    let county = world.county().await;
    crate::photos::upload_picture(&world.mother(&county).await).await;
    let file = operator.backup(&world, "one.muzi").await;
    let whole = std::fs::read(&file).unwrap();
    let taken = operator.muzi(&world, &["backup", "--to", &file], "");
    assert!(!taken.status.success() && said(&taken).contains("not written over"), "{}", said(&taken));
    assert_eq!(std::fs::read(&file).unwrap(), whole);

    let (head, chunk) = (50, 64 * 1024 + 16);
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        bytes
    };
    let mut swapped = whole.clone();
    if whole.len() > head + 2 * chunk {
        swapped[head..head + 2 * chunk].rotate_left(chunk);
    } else {
        swapped = flipped(head);
    }
    let place = Place::within(&operator, "restored").await;
    let refuse = |operator: &Operator, bytes: &[u8], sentence: &str| {
        let wrong = operator.path("wrong.muzi");
        std::fs::write(&wrong, bytes).unwrap();
        for refused in [
            operator.restore(&wrong, &place, &[]),
            kept(operator.bare(&["backup", "verify", &wrong]).output().unwrap()),
        ] {
            let told = said(&refused);
            assert!(refused.status.code() == Some(1) && told.contains(sentence), "{sentence}: {told}");
        }
        assert_eq!(names(operator.folder.path()), ["one.muzi", "wrong.muzi"], "{sentence}: nothing is left");
    };
    refuse(&operator, &flipped(0), "no file that `muzi backup` made");
    refuse(&operator, &flipped(9), "not a backup");
    refuse(&operator, &flipped(12), "another MUZI_BACKUP_KEY");
    for at in [head - 1, head, head + 100, whole.len() / 2, whole.len() - 1] {
        refuse(&operator, &flipped(at), "damaged or cut short");
    }
    for length in [head, head + 7, whole.len() / 2, whole.len() - 1] {
        refuse(&operator, &whole[..length], "damaged or cut short");
    }
    refuse(&operator, &swapped, "damaged or cut short");
    refuse(&operator, &[whole.as_slice(), b"x"].concat(), "damaged or cut short");
    refuse(&operator, b"", "no file that");
    // The file of another Muzi, and our own with a key that was lost.
    let ours = operator.get("MUZI_BACKUP_KEY");
    operator.set("MUZI_BACKUP_KEY", new_key());
    refuse(&operator, &whole, "another MUZI_BACKUP_KEY");
    operator.set("MUZI_BACKUP_KEY", ours);

    std::fs::remove_file(operator.path("wrong.muzi")).unwrap();
    std::fs::create_dir(place.data()).unwrap();
    std::fs::write(place.data.join("letter"), "x").unwrap();
    let refused = operator.restore(&file, &place, &[]);
    assert!(refused.status.code() == Some(1) && said(&refused).contains("not empty"), "{}", said(&refused));
    assert_eq!(names(&place.data), ["letter"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_backup_says_after_a_rotation_which_key_it_needs() {
    let mut operator = Operator::new();
    let world = operator.world().await;
    let county = world.county().await;
    world.mother(&county).await;
    let file = operator.backup(&world, "old.muzi").await;
    let place = Place::within(&operator, "restored").await;
    operator.set("MUZI_DATA_KEYS", format!("2:{}", new_key()));
    let restored = operator.restore(&file, &place, &[]);
    let told = said(&restored);
    assert!(restored.status.success() && told.contains("sealed with key 1, which is not given"), "{told}");
    let mut serve = operator.bare(&["serve"]);
    serve.env("DATABASE_URL", place.database.url()).env("MUZI_DATA", &place.data);
    let refused = kept(serve.output().unwrap());
    assert!(
        refused.status.code() == Some(78) && said(&refused).contains("sealed with key 1"),
        "{}",
        said(&refused)
    );
    let drill = operator.drill(&place, &[]);
    assert!(drill.status.code() == Some(1) && said(&drill).contains("do not open"), "{}", said(&drill));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_was_sealed_anew_after_the_snapshot_names_its_key() {
    let (mut operator, world) = two_keys().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let photo = crate::photos::upload_picture(&mother).await;
    let name = photo.as_str().unwrap();
    // As a rotation leaves it, of whose beginning the snapshot knows nothing: there, the second key only waits.
    let keys = Keys::new(&world.app.config.secrets).unwrap();
    assert!(keys.seal_with(2));
    let sealed_for = places::Place::new(places::PHOTO_FILE, name.parse().unwrap());
    let plain = keys.open_bytes(sealed_for, &world.app.photos.get(name).await.unwrap()).unwrap();
    world.app.photos.put(name, keys.seal_bytes(sealed_for, &plain).unwrap()).await.unwrap();

    let file = operator.backup(&world, "one.muzi").await;
    let place = Place::within(&operator, "restored").await;
    let restored = operator.restore(&file, &place, &[]);
    assert!(restored.status.success() && said(&restored).contains("data keys 1, 2"), "{}", said(&restored));
    let drill = operator.drill(&place, &[]);
    assert!(drill.status.success() && said(&drill).contains("0 things wrong"), "{}", said(&drill));
    let first = operator.get("MUZI_DATA_KEYS").split(',').next().unwrap().to_owned();
    operator.set("MUZI_DATA_KEYS", first);
    let mut serve = operator.bare(&["serve"]);
    serve.env("DATABASE_URL", place.database.url()).env("MUZI_DATA", &place.data);
    let refused = kept(serve.output().unwrap());
    assert!(
        refused.status.code() == Some(78) && said(&refused).contains("sealed with key 2"),
        "{}",
        said(&refused)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drill_finds_a_slip_a_ticket_and_a_visit_that_are_good() {
    let operator = Operator::new();
    let world = operator.world().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    world.clinician_at(mother.handbook, county.hospital).await;
    let file = operator.backup(&world, "one.muzi").await;
    let place = Place::within(&operator, "restored").await;
    assert!(operator.restore(&file, &place, &[]).status.success());
    let db = Db::connect(place.database.url(), 1, PATIENCE).await.unwrap();
    let restored = restoration::Entity::find().one(db.read()).await.unwrap().unwrap();
    let book = handbook::Entity::find().one(db.read()).await.unwrap().unwrap();
    let session = session::Entity::find().one(db.read()).await.unwrap().unwrap();
    let slip = handbook::ActiveModel {
        id: Set(book.id),
        slip_hash: Set(Some(vec![1; 32])),
        slip_expires_at: Set(Some(restored.restored_at + TimeDelta::days(29))),
        ..Default::default()
    };
    handbook::Entity::update(slip).exec(db.write()).await.unwrap();
    let ticket = live_ticket::ActiveModel {
        hash: Set(vec![1; 32]),
        session_id: Set(session.id),
        handbook_id: Set(book.id),
        expires_at: Set(restored.restored_at + TimeDelta::seconds(29)),
    };
    live_ticket::Entity::insert(ticket).exec_without_returning(db.write()).await.unwrap();
    let ended = visit::Entity::find().one(db.read()).await.unwrap().unwrap();
    let open = visit::ActiveModel {
        id: Set(ended.id),
        opened_at: Set(restored.restored_at - TimeDelta::hours(1)),
        ends_at: Set(restored.restored_at + TimeDelta::hours(1)),
        ..Default::default()
    };
    visit::Entity::update(open).exec(db.write()).await.unwrap();
    db.close().await.unwrap();
    let drill = operator.drill(&place, &[]);
    for lives in ["1 slips live", "1 live tickets live", "1 open visits live"] {
        assert!(drill.status.code() == Some(1) && said(&drill).contains(lives), "{lives}: {}", said(&drill));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_killed_leaves_no_file_of_its_name_and_the_next_clears_up() {
    let operator = Operator::new();
    let world = operator.world().await;
    let plan =
        api::demo::Plan { families: 200, seed: 5, today: world.app.today(), pace: api::demo::Pace::Usual };
    api::demo::seed(&world.app, plan, &mut |_| {}).await.unwrap();
    let path = operator.path("one.muzi");
    for pause in [5, 60, 150] {
        let mut taking = operator.command(&world, &["backup", "--to", &path]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        taking.kill().unwrap();
        kept(taking.wait_with_output().unwrap());
        if Path::new(&path).exists() {
            let verified = kept(operator.bare(&["backup", "verify", &path]).output().unwrap());
            assert!(verified.status.success(), "what has the name is whole: {}", said(&verified));
            std::fs::remove_file(&path).unwrap();
        }
    }
    operator.backup(&world, "one.muzi").await;
    assert_eq!(names(operator.folder.path()), ["one.muzi"]);
    let other = operator.path("two.muzi");
    let mut nowhere = operator.command(&world, &["backup", "--to", &other]);
    nowhere.env_remove("MUZI_BACKUP_KEY");
    let refused = kept(nowhere.output().unwrap());
    assert!(
        refused.status.code() == Some(78) && said(&refused).contains("MUZI_BACKUP_KEY"),
        "{}",
        said(&refused)
    );
}
