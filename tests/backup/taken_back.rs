//! What was taken back after a backup is taken back again: who left or was lowered, what was withdrawn or hidden, closed
//! accounts, erased entries, withdrawn consents, handbooks that were transferred, visits and institutions that ended, and
//! what a night blocked or erased; whatever restored the database, and however often it was begun.

use std::process::Command;
use std::time::Duration;

use api::audit::seal::seal;
use api::audit::verify::verify;
use api::backup::tombstones::Tombstones;
use api::db::entities::{
    alert, audit_event, consent_event, correction_request, handbook, member, notice, person, photo, record,
    record_version, retention_receipt, staff, visit, wechat_user,
};
use api::session::store::Holder;
use chrono::{DateTime, TimeDelta, Utc};
use domain::access::Role;
use domain::id::{InstitutionId, MemberId, VisitId};
use domain::institution::AgencyClass;
use domain::member::{MemberRelation, MemberRole};
use domain::place::RegionLevel;
use domain::record::RecordState;
use reqwest::Method;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use super::Place;
use crate::closing::{CANARY, CLOSING, after_all_care, all_gone, nights};
use crate::consents::answer;
use crate::entries::{entries, pressure, records};
use crate::support::operator::{Operator, kept, names, said};
use crate::support::people::{COUNTY, FamilyUser, TOWN, VILLAGE};
use crate::support::{Client, Mother, StaffMember, World, send};

async fn remove(mother: &Mother, path: &str) {
    let request = mother.user.client.request(Method::DELETE, path).header("if-match", "\"1\"");
    let gone = send(request).await;
    assert!(gone.status.is_success(), "{path}: {}", gone.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_after_a_backup_is_taken_back_again() {
    let operator = Operator::new();
    let world = operator.world().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let father = world.family_user().await;
    let joined =
        world.join(mother.handbook, father.id, MemberRole::Guardian, MemberRelation::Father, false).await;
    let leaver = world.staff(&[Role::Clinician], Some(county.hospital), COUNTY, RegionLevel::County).await;
    let entries = format!("/api/v1/handbooks/{}/entries", mother.handbook);
    let hangs = crate::photos::upload_picture(&mother).await;
    let body = json!({ "kind": "diary", "subject": "household", "photos": [hangs], "payload": { "date": "2026-11-22", "text": "收回的日记" } });
    let entry = mother.user.client.post(&entries, body).await.ok();
    let file = operator.backup(&world, "one.muzi").await;
    let early = operator.bury(&world, "early");

    let id = entry["id"].as_str().unwrap();
    remove(&mother, &format!("{entries}/{id}")).await;
    remove(&mother, &format!("/api/v1/handbooks/{}/members/{joined}", mother.handbook)).await;
    let left = staff::ActiveModel {
        id: sea_orm::ActiveValue::Set(leaver.id),
        left_on: sea_orm::ActiveValue::Set(Some(world.app.today())),
        ..Default::default()
    };
    staff::Entity::update(left).exec(world.app.db.write()).await.unwrap();
    let stones = operator.bury(&world, "stones");
    for (minutes, is_told) in [(4, true), (6, false)] {
        let since = world.now() + TimeDelta::minutes(minutes);
        let told = Tombstones::of(&world.app.db, since, since).await.unwrap();
        assert_eq!(told.since, since);
        let of = (told.members.len(), told.records.len(), told.dropped.len());
        assert_eq!(of != (0, 0, 0), is_told, "dated {minutes} minutes before: {of:?}");
    }

    let without = Place::within(&operator, "without").await;
    assert!(operator.restore(&file, &without, &[]).status.success());
    let drill = operator.drill(&without, &["--tombstones", &stones]);
    assert!(
        drill.status.code() == Some(1) && said(&drill).contains("live although they were revoked"),
        "{}",
        said(&drill)
    );
    assert!(said(&drill).contains("1 staff whose post or sign-in changed"), "{}", said(&drill));

    let place = Place::within(&operator, "restored").await;
    // In whichever order they are given, the older does not bring back who left.
    let both = ["--tombstones", &stones, "--tombstones", &early];
    let restored = operator.restore(&file, &place, &both);
    assert!(restored.status.success(), "{}", said(&restored));
    let drill = operator.drill(&place, &both);
    assert!(drill.status.success(), "{}", said(&drill));
    let again = place.world(&operator).await;
    let db = again.app.db.read();
    let row = record::Entity::find_by_id(id.parse::<uuid::Uuid>().map(domain::id::RecordId).unwrap());
    assert_eq!(row.one(db).await.unwrap().unwrap().state, RecordState::Withdrawn);
    assert!(member::Entity::find_by_id(joined).one(db).await.unwrap().unwrap().ended_at.is_some());
    assert!(photo::Entity::find().all(db).await.unwrap().is_empty());
    assert_eq!(names(&place.data.join("photos")), Vec::<String>::new(), "its file is gone too");
    assert_eq!(
        staff::Entity::find_by_id(leaver.id).one(db).await.unwrap().unwrap().left_on,
        Some(world.app.today())
    );
    let his = again.signed_in(Holder::User(father.id)).await;
    his.get(&format!("/api/v1/handbooks/{}", mother.handbook)).await.problem(404, "not_found");
}

/// Everything that is left of families, as it stands in a database.
async fn what_is_left(world: &World) -> Vec<String> {
    let db = world.app.db.read();
    let mut left = Vec::new();
    for row in record::Entity::find().order_by_asc(record::COLUMN.id).all(db).await.unwrap() {
        let (sealed, photos) = (row.sealed.is_some(), row.photos.0.len());
        left.push(format!("record {} {} {:?} {:?}", row.id, row.kind, row.state, row.user_id));
        left.push(format!("{} {sealed} {photos}", row.payload));
    }
    for row in handbook::Entity::find().order_by_asc(handbook::COLUMN.id).all(db).await.unwrap() {
        let (shares, child) = (row.shares_entries, row.child_agreed);
        left.push(format!("handbook {} {:?} {:?} {shares:?} {child:?}", row.id, row.state, row.close_reason));
        left.push(format!("{:?} {:?} {:?}", row.family_left_at, row.blocked_until, row.erased_at));
        left.push(format!("{:?} {:?} {:?}", row.woman_id, row.expecting_id, row.closed_at));
        let told = notice::Entity::find().filter(notice::COLUMN.handbook_id.eq(row.id));
        if row.family_left_at.is_some() {
            left.push(format!("{} notices", told.all(db).await.unwrap().len()));
        }
    }
    for row in wechat_user::Entity::find().order_by_asc(wechat_user::COLUMN.id).all(db).await.unwrap() {
        left.push(format!("user {} {:?} {:?}", row.id, row.closed_at, row.person_id));
    }
    for row in person::Entity::find().order_by_asc(person::COLUMN.id).all(db).await.unwrap() {
        let identity = api::people::store::identity(&world.app.keys, &row).unwrap();
        left.push(format!("person {} {} {:?}", row.id, identity.name, identity.phone));
        left.push(format!("{:?} {:?} {:?}", row.id_number_index, row.phone_index, row.born_on));
    }
    for row in consent_event::Entity::find().order_by_asc(consent_event::COLUMN.id).all(db).await.unwrap() {
        left.push(format!("consent {} {} {} {}", row.id, row.handbook_id, row.purpose, row.given));
    }
    for row in member::Entity::find().order_by_asc(member::COLUMN.id).all(db).await.unwrap() {
        left.push(format!("member {} {:?}", row.id, row.ended_at));
    }
    for row in
        retention_receipt::Entity::find().order_by_asc(retention_receipt::COLUMN.id).all(db).await.unwrap()
    {
        left.push(format!("receipt {} {:?} {} {}", row.cause, row.handbook_id, row.kind, row.amount));
    }
    let versions = record_version::Entity::find().all(db).await.unwrap().len();
    let alerts = alert::Entity::find().all(db).await.unwrap().len();
    let asked = correction_request::Entity::find().all(db).await.unwrap().len();
    let photos = photo::Entity::find().all(db).await.unwrap().len();
    left.push(format!("{versions} versions, {alerts} alerts, {asked} requests, {photos} photos"));
    left
}

fn diary() -> Value {
    json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "text": CANARY } })
}

/// Families as they were when the backup was taken.
struct Families {
    /// Her care is over.
    free: Mother,
    /// She is under care.
    due: Mother,
    /// She stays when the father goes.
    stays: Mother,
    father: FamilyUser,
    /// She will take consents back.
    doubts: Mother,
}

impl Families {
    async fn of(world: &World) -> Self {
        let county = world.county().await;
        let free = after_all_care(world, &county).await;
        let (due, stays) = (world.mother(&county).await, world.mother(&county).await);
        let doubts = world.mother(&county).await;
        let father = world.relative(&stays, MemberRole::Guardian, MemberRelation::Father).await;
        for (client, of) in [
            (&due.user.client, &due),
            (&stays.user.client, &stays),
            (&father.client, &stays),
            (&doubts.user.client, &doubts),
        ] {
            client.post(&entries(of), diary()).await.ok();
            client.post(&entries(of), pressure(172, 112)).await.ok();
        }
        answer(&doubts.user.client, &doubts, "reminders", true).await.ok();
        world.anybody().post("/api/v1/sign-in/wechat", sign_in(world)).await.ok();
        world.advance(TimeDelta::seconds(5));
        seal(&world.app).await.unwrap();
        Self { free, due, stays, father, doubts }
    }

    /// What they do after the backup.
    async fn change_their_minds(&self, world: &World) {
        let leaver = world.anybody().post("/api/v1/sign-in/wechat", sign_in(world)).await;
        world.as_signed_in(&leaver).post(CLOSING, all_gone()).await.ok();
        self.free.user.client.post(CLOSING, all_gone()).await.ok();
        self.due.user.client.post(CLOSING, all_gone()).await.ok();
        let with_mine = json!({ "confirmed": true, "own_entries": "delete" });
        self.father.client.post(CLOSING, with_mine).await.ok();
        for purpose in ["share_entries", "child", "reminders"] {
            answer(&self.doubts.user.client, &self.doubts, purpose, false).await.ok();
        }
        world.carry_out_jobs().await;
    }
}

fn sign_in(world: &World) -> Value {
    json!({ "code": world.wechat.control().login_code("somebody-who-leaves") })
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_accounts_erased_entries_and_withdrawn_consents_stay_so() {
    let operator = Operator::new();
    let world = operator.world().await;
    let families = Families::of(&world).await;
    let file = operator.backup(&world, "one.muzi").await;
    let first = world.anybody().post("/api/v1/sign-in/wechat", sign_in(&world)).await.ok();
    families.change_their_minds(&world).await;
    let stones = operator.bury(&world, "stones");

    let without = Place::within(&operator, "without").await;
    assert!(operator.restore(&file, &without, &[]).status.success());
    let drill = operator.drill(&without, &["--tombstones", &stones]);
    for lives in ["4 accounts", "entries that were erased", "2 handbooks whose family", "3 consents"] {
        assert!(drill.status.code() == Some(1) && said(&drill).contains(lives), "{lives}: {}", said(&drill));
    }
    let place = Place::within(&operator, "restored").await;
    let restored = operator.restore(&file, &place, &["--tombstones", &stones]);
    assert!(restored.status.success(), "{}", said(&restored));
    let drill = operator.drill(&place, &["--tombstones", &stones]);
    assert!(drill.status.success() && said(&drill).contains("0 things wrong"), "{}", said(&drill));

    let again = place.world(&operator).await;
    assert_eq!(what_is_left(&again).await, what_is_left(&world).await);
    assert_eq!(names(&place.data.join("photos")), Vec::<String>::new());
    let anew = again.anybody().post("/api/v1/sign-in/wechat", sign_in(&again)).await.ok();
    assert_ne!(first["me"]["id"], anew["me"]["id"], "whoever signs in is somebody new");
    let clinician = again.signed_in(Holder::Staff(world_manager(&again, &families.doubts).await)).await;
    let seen = clinician.get(&records(&families.doubts)).await.ok();
    assert_eq!(seen["items"], json!([]), "she keeps her entries to herself");
    clinician.get(&records(&families.free)).await.problem(404, "not_found");
    let stays = again.signed_in(Holder::User(families.stays.user.id)).await;
    let hers = stays.get(&records(&families.stays)).await.ok();
    assert_eq!(hers["items"].as_array().unwrap().len(), 2, "hers, and nothing of his");
}

/// Somebody of the institution that manages a handbook.
async fn world_manager(world: &World, mother: &Mother) -> domain::id::StaffId {
    let row = handbook::Entity::find_by_id(mother.handbook).one(world.app.db.read()).await.unwrap().unwrap();
    world.doctor(row.managing_id).await.id
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_chain_of_a_restored_database_ends_at_the_backup_and_goes_on() {
    let operator = Operator::new();
    let world = operator.world().await;
    let families = Families::of(&world).await;
    let file = operator.backup(&world, "one.muzi").await;
    families.change_their_minds(&world).await;
    let stones = operator.bury(&world, "stones");
    let place = Place::within(&operator, "restored").await;
    assert!(operator.restore(&file, &place, &["--tombstones", &stones]).status.success());
    let again = place.world(&operator).await;
    let before = verify(&again.app.db, &again.app.keys, &[], &mut |_, _| {}).await.unwrap();
    assert!(before.fault.is_none() && before.batches > 0, "{before:?}");
    assert!(before.waiting > 0, "that it was restored waits to be sealed");
    again.advance((Utc::now() - again.now()).max(TimeDelta::zero()) + TimeDelta::minutes(1));
    seal(&again.app).await.unwrap();
    let after = verify(&again.app.db, &again.app.keys, &[], &mut |_, _| {}).await.unwrap();
    assert_eq!((after.fault, after.waiting), (None, 0));
    assert!(after.batches > before.batches);
    let told = audit_event::Entity::find().filter(audit_event::COLUMN.action.eq("restore"));
    assert_eq!(told.all(again.app.db.read()).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_night_erased_stays_erased() {
    let operator = Operator::new();
    let world = operator.world().await;
    let county = world.county().await;
    let (mother, staying) = (after_all_care(&world, &county).await, after_all_care(&world, &county).await);
    let file = operator.backup(&world, "one.muzi").await;
    mother.user.client.post(CLOSING, all_gone()).await.ok();
    world.advance(TimeDelta::days(16 * 365));
    nights(&world, 2).await;
    let stones = operator.bury(&world, "stones");
    let place = Place::within(&operator, "restored").await;
    let restored = operator.restore(&file, &place, &["--tombstones", &stones]);
    assert!(restored.status.success(), "{}", said(&restored));
    let drill = operator.drill(&place, &["--tombstones", &stones]);
    assert!(drill.status.success(), "{}", said(&drill));
    let again = place.world(&operator).await;
    assert_eq!(what_is_left(&again).await, what_is_left(&world).await);
    let db = again.app.db.read();
    let row = handbook::Entity::find_by_id(mother.handbook).one(db).await.unwrap().unwrap();
    assert!(row.erased_at.is_some() && row.woman_id.is_none());
    let kept = record::Entity::find().filter(record::COLUMN.handbook_id.eq(staying.handbook));
    assert!(!kept.all(db).await.unwrap().is_empty(), "who stayed is untouched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_killed_is_begun_again_and_comes_to_the_same() {
    let operator = Operator::new();
    let world = operator.world().await;
    let families = Families::of(&world).await;
    let file = operator.backup(&world, "one.muzi").await;
    families.change_their_minds(&world).await;
    let stones = operator.bury(&world, "stones");
    for pause in [20, 80, 200, 400] {
        // What was filled and not finished is dropped: on PostgreSQL a restore wants an empty database.
        let place = Place::within(&operator, "restored").await;
        let mut restore =
            operator.bare(&["restore", "--from", &file, "--data", place.data(), "--tombstones", &stones]);
        if place.database.url().starts_with("postgres") {
            restore.env("DATABASE_URL", place.database.url());
        }
        let mut restoring = restore.spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        restoring.kill().unwrap();
        kept(restoring.wait_with_output().unwrap());
        let _was_complete = std::fs::remove_dir_all(&place.data);
    }
    let place = Place::within(&operator, "restored").await;
    let restored = operator.restore(&file, &place, &["--tombstones", &stones]);
    assert!(restored.status.success(), "{}", said(&restored));
    assert_eq!(names(operator.folder.path()), ["one.muzi", "restored", "stones"], "nothing else is left");
    let again = place.world(&operator).await;
    assert_eq!(what_is_left(&again).await, what_is_left(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_something_else_restored_is_told_by_a_command_of_its_own() {
    let operator = Operator::new();
    let world = operator.world().await;
    let families = Families::of(&world).await;
    let (place, taken_at) = (Place::within(&operator, "restored").await, Utc::now());
    let dump = operator.path("database.dump");
    if world.app.db.backend() == DbBackend::Postgres {
        by_hand("pg_dump", &["--format=custom", "--no-owner", "--file", &dump, world.database_url()]);
    } else {
        std::fs::create_dir(&place.data).unwrap();
        let copy = format!("VACUUM INTO '{}/muzi.db'", place.data());
        world.app.db.read().execute_unprepared(&copy).await.unwrap();
    }
    families.change_their_minds(&world).await;
    let stones = operator.bury(&world, "stones");
    if world.app.db.backend() == DbBackend::Postgres {
        let to = format!("--dbname={}", place.database.url());
        by_hand("pg_restore", &["--single-transaction", "--exit-on-error", "--no-owner", &to, &dump]);
    }
    let revoke = |taken_at: &str| {
        let arguments = ["restore", "revoke", "--taken-at", taken_at, "--tombstones", &stones];
        let mut revoke = operator.bare(&arguments);
        revoke.env("DATABASE_URL", place.database.url()).env("MUZI_DATA", &place.data);
        kept(revoke.output().unwrap())
    };
    let late = revoke(&(Utc::now() + TimeDelta::days(1)).to_rfc3339());
    assert!(!late.status.success() && said(&late).contains("do not tell all"), "{}", said(&late));
    let revoked = revoke(&taken_at.to_rfc3339());
    assert!(revoked.status.success() && said(&revoked).contains("4 accounts"), "{}", said(&revoked));
    let once_more = revoke(&taken_at.to_rfc3339());
    assert!(said(&once_more).contains("Revoked: nothing"), "{}", said(&once_more));
    let drill = operator.drill(&place, &["--tombstones", &stones]);
    assert!(drill.status.success(), "{}", said(&drill));
    let again = place.world(&operator).await;
    assert_eq!(what_is_left(&again).await, what_is_left(&world).await);
}

fn by_hand(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().unwrap();
    assert!(done.status.success(), "{program}: {}", said(&done));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_keys_of_a_backup_nobody_is_taken_out_of_it_and_nothing_is_left_behind() {
    let mut operator = Operator::new();
    let world = operator.world().await;
    let families = Families::of(&world).await;
    let file = operator.backup(&world, "one.muzi").await;
    families.change_their_minds(&world).await;
    let stones = operator.bury(&world, "stones");
    let place = Place::within(&operator, "restored").await;
    let ours = operator.get("MUZI_INDEX_KEY");
    operator.set("MUZI_INDEX_KEY", api::config::new_key());
    let other = operator.restore(&file, &place, &["--tombstones", &stones]);
    assert!(
        !other.status.success() && said(&other).contains("needs the keys of the backup"),
        "{}",
        said(&other)
    );
    operator.set("MUZI_INDEX_KEY", String::new());
    let none = operator.restore(&file, &place, &["--tombstones", &stones]);
    assert!(none.status.code() == Some(78) && said(&none).contains("MUZI_INDEX_KEY"), "{}", said(&none));
    assert_eq!(names(operator.folder.path()), ["one.muzi", "stones"]);
    operator.set("MUZI_INDEX_KEY", ours);
    assert!(operator.restore(&file, &place, &["--tombstones", &stones]).status.success());
}

/// A centre that may take over handbooks, and where nobody works.
async fn centre(world: &World, name: &str) -> InstitutionId {
    world.institution(name, TOWN, RegionLevel::Town, &[AgencyClass::PrimaryCare], &[]).await
}

/// The clinic hands a mother over to another.
async fn transfer(nurse: &StaffMember, mother: &Mother, to: InstitutionId) {
    let path = format!("/api/v1/handbooks/{}/transfer", mother.handbook);
    nurse.client.post(&path, json!({ "institution": to, "reason": "搬家" })).await.ok();
}

/// What stood open when the backup was taken.
struct Doors {
    mother: Mother,
    /// The father, as another owner.
    father: MemberId,
    /// Two entries that she shows.
    shown: [Value; 2],
    /// Another family.
    others: Mother,
    /// Its guardian, to whom the mother will hand over.
    heir: MemberId,
    /// Of the institution that manages both.
    nurse: StaffMember,
    /// Of another, with a visit that is open for long.
    doctor: StaffMember,
    visit: VisitId,
    /// Who will take over.
    successor: InstitutionId,
    /// An institution that will end, and answers for a village.
    ending: InstitutionId,
    mch: Client,
}

impl Doors {
    async fn of(world: &World) -> Self {
        let county = world.county().await;
        let (mother, others) = (world.mother(&county).await, world.mother(&county).await);
        let join = async |of: &Mother, role: MemberRole| {
            let user = world.family_user().await;
            world.join(of.handbook, user.id, role, MemberRelation::Father, false).await
        };
        let father = join(&mother, MemberRole::Owner).await;
        let heir = join(&others, MemberRole::Guardian).await;
        let write = async || mother.user.client.post(&entries(&mother), diary()).await.ok()["id"].clone();
        let shown = [write().await, write().await];
        let nurse = world.doctor(county.health_centre).await;
        let village = world
            .staff(&[Role::VillageWorker], Some(county.health_centre), VILLAGE, RegionLevel::Village)
            .await;
        let delegations = format!("/api/v1/handbooks/{}/delegations", mother.handbook);
        nurse.client.post(&delegations, json!({ "staff": village.id })).await.ok();
        let doctor = world.doctor(county.hospital).await;
        let visit = world.visit(mother.handbook, county.hospital, doctor.id).await;
        let long: DateTime<Utc> = "2100-01-01T00:00:00Z".parse().unwrap();
        world.execute("UPDATE visit SET ends_at = ?", [long.into()]).await;
        let (successor, ending) = (centre(world, "永兴镇卫生院").await, centre(world, "新桥镇卫生院").await);
        let mch = world.county_mch(county.mch).await;
        let doors =
            Self { mother, father, shown, others, heir, nurse, doctor, visit, successor, ending, mch };
        doors.answer_for(1, json!([{ "code": VILLAGE, "level": "village" }])).await;
        doors
    }

    async fn answer_for(&self, version: i32, regions: Value) {
        let path = format!("/api/v1/institutions/{}/catchment", self.ending);
        let regions = json!({ "regions": regions });
        self.mch.change(Method::PUT, &path, &format!("\"{version}\""), regions).await.ok();
    }

    async fn hide(&self, entry: usize, version: i32, private: bool) {
        let path = format!("{}/{}/private", entries(&self.mother), self.shown[entry].as_str().unwrap());
        let hidden = json!({ "private": private });
        self.mother.user.client.change(Method::PUT, &path, &format!("\"{version}\""), hidden).await.ok();
    }

    /// Shuts them all.
    async fn shut(&self) {
        let (hers, theirs) = (
            format!("/api/v1/handbooks/{}", self.mother.handbook),
            format!("/api/v1/handbooks/{}", self.others.handbook),
        );
        let (mother, others) = (&self.mother.user.client, &self.others.user.client);
        self.hide(0, 1, true).await;
        let lower = format!("{hers}/members/{}", self.father);
        mother.change(Method::PATCH, &lower, "\"1\"", json!({ "role": "viewer" })).await.ok();
        others.post(&format!("{theirs}/members/{}/hand-over", self.heir), json!({})).await.ok();
        mother.post(&format!("{hers}/visits/{}/end", self.visit), json!({})).await.ok();
        transfer(&self.nurse, &self.mother, self.successor).await;
        self.answer_for(2, json!([])).await;
        let end = format!("/api/v1/institutions/{}/end", self.ending);
        self.mch.post(&end, json!({})).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_hidden_lowered_transferred_or_ended_after_a_backup_stays_so() {
    let operator = Operator::new();
    let world = operator.world().await;
    let doors = Doors::of(&world).await;
    let file = operator.backup(&world, "one.muzi").await;
    doors.hide(1, 1, true).await;
    let early = operator.bury(&world, "early");
    doors.hide(1, 2, false).await;
    doors.shut().await;
    let stones = operator.bury(&world, "stones");

    let without = Place::within(&operator, "without").await;
    assert!(operator.restore(&file, &without, &[]).status.success());
    let drill = operator.drill(&without, &["--tombstones", &stones]);
    for lives in [
        "1 entries that were hidden",
        "3 members whose role changed",
        "1 handbooks that were transferred",
        "1 delegations that ended",
        "1 institutions that ended",
    ] {
        assert!(drill.status.code() == Some(1) && said(&drill).contains(lives), "{lives}: {}", said(&drill));
    }

    let place = Place::within(&operator, "restored").await;
    // What the older file says of the entry that was shown again is over.
    let both = ["--tombstones", &stones, "--tombstones", &early];
    let restored = operator.restore(&file, &place, &both);
    assert!(restored.status.success() && said(&restored).contains("1 open visits"), "{}", said(&restored));
    let drill = operator.drill(&place, &both);
    assert!(drill.status.success(), "{}", said(&drill));

    let again = place.world(&operator).await;
    again.advance((Utc::now() - again.now()).max(TimeDelta::zero()) + TimeDelta::minutes(1));
    let manager = again.sign_in_staff(world_manager(&again, &doors.mother).await).await;
    let seen = manager.get(&records(&doors.mother)).await.ok();
    let seen: Vec<_> = seen["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!(seen, doors.shown[1..], "the new institution reads, and not what is hidden");
    let seen =
        async |by: domain::id::StaffId| again.sign_in_staff(by).await.get(&records(&doors.mother)).await;
    seen(doors.nurse.id).await.problem(404, "not_found");
    assert_eq!(seen(doors.doctor.id).await.ok()["items"], json!([]), "she wrote nothing on her visit");
    let db = again.app.db.read();
    let row = handbook::Entity::find_by_id(doors.mother.handbook).one(db).await.unwrap().unwrap();
    assert_eq!(row.managing_id, doors.successor);
    for (id, role) in [(doors.father, MemberRole::Viewer), (doors.heir, MemberRole::Owner)] {
        assert_eq!(member::Entity::find_by_id(id).one(db).await.unwrap().unwrap().role, role);
    }
    for (open, many) in [
        ("SELECT COUNT(*) FROM member WHERE role = 'owner'", 2),
        ("SELECT COUNT(*) FROM delegation WHERE ended_at IS NULL", 0),
        ("SELECT COUNT(*) FROM institution WHERE ended_at IS NOT NULL", 1),
        ("SELECT COUNT(*) FROM catchment", 1),
    ] {
        assert_eq!(again.number(open).await, many, "{open}");
    }
    let visits = visit::Entity::find().all(db).await.unwrap();
    assert!(visits.iter().all(|visit| visit.ends_at <= Utc::now()), "{visits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handbook_that_went_to_whom_the_backup_does_not_know_stays_and_the_drill_says_so() {
    let operator = Operator::new();
    let world = operator.world().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let nurse = world.doctor(county.health_centre).await;
    let file = operator.backup(&world, "one.muzi").await;
    transfer(&nurse, &mother, centre(&world, "永兴镇卫生院").await).await;
    let stones = operator.bury(&world, "stones");
    let place = Place::within(&operator, "restored").await;
    let restored = operator.restore(&file, &place, &["--tombstones", &stones]);
    assert!(restored.status.success(), "{}", said(&restored));
    let drill = operator.drill(&place, &["--tombstones", &stones]);
    let stays = "1 handbooks that were transferred";
    assert!(drill.status.code() == Some(1) && said(&drill).contains(stays), "{}", said(&drill));
}
