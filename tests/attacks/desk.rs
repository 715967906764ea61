//! Who sits at a desk, or shares a home, and becomes somebody else by what Muzi itself offers.

use std::io::Write;
use std::net::TcpStream;

use api::db::entities::{audit_event, child, delegation, person, staff};
use api::session::store::Holder;
use chrono::{NaiveDate, TimeDelta};
use domain::access::Role;
use domain::id::{HandbookId, StaffId};
use domain::independence::IN_OTHER_HANDS;
use domain::member::{MemberRelation, MemberRole};
use domain::place::RegionLevel;
use reqwest::Method;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::checkups::{antenatal, checkups};
use crate::entries::{entries, pressure, records};
use crate::photos::upload_picture;
use crate::support::issuing::*;
use crate::support::people::{County, PASSWORD, TOWN, VILLAGE};
use crate::support::{COUNTY, Client, OTHER_COUNTY, PATIENCE, World, send};

const CLAIMS: &str = "/api/v1/claims";
const FIND: &str = "/api/v1/handbooks/find";
const CLOSING: &str = "/api/v1/me/closing";

struct Towns {
    world: World,
    county: County,
    desk: Desk,
    /// A desk of a hospital in another province.
    far: Desk,
}

async fn towns() -> Towns {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = Desk(world.administrator(county.health_centre).await);
    let far = world.worker(&[Role::HandbookAdministrator], county.foreign_hospital).await;
    Towns { world, county, desk, far: Desk(far.client) }
}

impl Towns {
    fn phone_code(&self, phone: &str) -> String {
        self.world.wechat.control().phone_code("u", phone)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a02_a_far_desk_writes_nothing_over_a_woman_and_its_phone_proves_nobody() {
    let towns = towns().await;
    let hers = towns.desk.issued(pregnant_form(1)).await;
    let claimed = towns.desk.issued(pregnant_form(2)).await;
    let owner = towns.world.family_user().await.client;
    owner.post(CLAIMS, claim_by_phone(&claimed, &towns.world.phone_code(2))).await.ok();
    let theirs = "13300000009";
    for order in [1, 2] {
        let mut form = child_form(order, "2024-05-01");
        form["woman"]["phone"] = json!(theirs);
        form["woman"]["address"] = json!("某街道9号");
        form["woman"]["ethnicity"] = json!("汉族");
        // An id of long before hers, and more handbooks than anybody looks through.
        form["id"] = json!(format!("00000000-0000-7000-8000-{order:012}"));
        let mut other_name = form.clone();
        other_name["woman"]["name"] = json!("周小雨");
        towns.far.issue(other_name).await.problem(409, "identity_differs");
        let issued = towns.far.issued(form).await;
        for day in 1..=if order == 1 { 20 } else { 0 } {
            towns.far.issued(child_form(order, &format!("2024-06-{day:02}"))).await;
        }
        let cover = towns.far.0.get(&at(&issued, "")).await.ok();
        assert_eq!(
            cover["woman"]["phone"], "133****0009",
            "each handbook has the phone that it was issued with"
        );
        let correct = json!({ "person": "woman", "phone": theirs, "reason": "换号" });
        let version = format!("\"{}\"", cover["woman"]["version"]);
        let refused = towns.far.0.change(Method::POST, &at(&issued, "/identity"), &version, correct).await;
        refused.problem(409, "identity_elsewhere");
    }
    for row in person::Entity::find().all(towns.world.app.db.read()).await.unwrap() {
        let identity = api::people::store::identity(&towns.world.app.keys, &row).unwrap();
        assert!(
            identity.phone.as_deref() != Some(theirs) && identity.address.as_deref() != Some("某街道9号")
        );
        assert!(
            row.id_number_index.is_none() || identity.ethnicity.as_deref() == Some("汉族"),
            "what was empty is filled"
        );
    }
    let notices = owner.get(&at(&claimed, "/notices")).await.ok();
    assert_eq!(notices["items"][0]["kind"], "issued_elsewhere");

    let thief = towns.world.family_user().await.client;
    for body in
        [claim_by_phone(&hers, &towns.phone_code(theirs)), claim_by_cover(&hers, &theirs[7..], "woman")]
    {
        thief.post(CLAIMS, body).await.problem(422, "claim_refused");
    }
    let doctor = towns.world.doctor(towns.county.foreign_hospital).await.client;
    let scan = json!({ "code": claimed["printed_code"], "last_four": &theirs[7..] });
    doctor.post("/api/v1/visits", scan).await.problem(422, "last_four_wrong");
    let she = towns.world.family_user().await.client;
    let joined = she.post(CLAIMS, claim_by_phone(&hers, &towns.world.phone_code(1))).await.ok();
    assert_eq!(joined["is_woman"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_a_husband_whose_phone_is_the_contact_of_the_elder_child_is_not_the_woman() {
    let towns = towns().await;
    let no_phone = |mut form: Value| {
        form["woman"].as_object_mut().unwrap().remove("phone");
        form
    };
    let his = "13200000009";
    for (order, form) in [(1, pregnant_form(1)), (2, no_phone(pregnant_form(2)))] {
        let hers = towns.desk.issued(form).await;
        let husband = towns.world.family_user().await.client;
        husband.post(CLAIMS, claim_by_cover(&hers, &last_four(order), "woman")).await.ok();
        let mut elder = child_form(order, "2024-05-01");
        elder["woman"]["phone"] = json!(his);
        let elder = towns.desk.issued(elder).await;
        let verify = json!({ "phone_code": towns.phone_code(his) });
        husband.post(&at(&hers, "/members/me/verify"), verify).await.problem(422, "phone_differs");
        if order == 1 {
            let joined = husband.post(CLAIMS, claim_by_phone(&elder, &towns.phone_code(his))).await.ok();
            assert_eq!((&joined["role"], &joined["is_woman"]), (&json!("owner"), &json!(false)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_nobody_throws_the_verified_woman_out_by_closing_an_account_or_lowers_her() {
    let towns = towns().await;
    let issued = towns.desk.issued(pregnant_form(1)).await;
    let husband = towns.world.family_user().await;
    husband.client.post(CLAIMS, claim_by_cover(&issued, &last_four(1), "father")).await.ok();
    let join = async |relation: &str| {
        let user = towns.world.family_user().await;
        let body = json!({ "role": "guardian", "relation": relation, "expires_in_hours": 24 });
        let invited = husband.client.post(&at(&issued, "/invitations"), body).await.ok();
        let accept = json!({ "code": invited["code"], "consent": { "version": CONSENT } });
        user.client.post("/api/v1/invitations/accept", accept).await.ok();
        user
    };
    let she = join("woman").await;
    let grandmother = join("grandparent").await;
    let body = json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "text": "胎动正常" } });
    let her_entry = grandmother.client.post(&at(&issued, "/entries"), body).await.ok();
    let verify = json!({ "phone_code": towns.world.phone_code(1) });
    let member = she.client.post(&at(&issued, "/members/me/verify"), verify).await.ok();
    let path = at(&issued, &format!("/members/{}", member["id"].as_str().unwrap()));
    let version = format!("\"{}\"", member["version"]);
    let lower = husband.client.change(Method::PATCH, &path, &version, json!({ "role": "viewer" })).await;
    lower.problem(403, "woman_stays");
    let end = json!({ "confirmed": true, "own_entries": "delete", "end_for_all": [issued["id"]] });
    husband.client.post(CLOSING, end.clone()).await.problem(409, "hand_over_to_woman");
    assert_eq!(she.client.get(&at(&issued, "/records")).await.status, 200, "nothing was done");

    // Without her it ends, and what others wrote stays for whoever claims it.
    assert!(she.client.delete(&path).await.status.is_success());
    husband.client.post(CLOSING, end).await.ok();
    let left = towns.world.number("SELECT COUNT(*) FROM record WHERE kind = 'diary'").await;
    assert_eq!(left, 1, "{her_entry}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a08_closing_the_account_gives_no_more_tries_and_a_handbook_has_a_count_of_its_own() {
    let towns = towns().await;
    let issued = towns.desk.issued(pregnant_form(1)).await;
    let sign_in = async || {
        let code = towns.world.wechat.control().login_code("guesser");
        let answer = towns.world.anybody().post("/api/v1/sign-in/wechat", json!({ "code": code })).await;
        towns.world.as_signed_in(&answer)
    };
    let first = sign_in().await;
    for _ in 0..5 {
        first.post(CLAIMS, claim_by_cover(&issued, "9999", "woman")).await.problem(422, "claim_refused");
    }
    first.post(CLOSING, json!({ "confirmed": true })).await.ok();
    let again = sign_in().await;
    again.post(CLAIMS, claim_by_cover(&issued, "9999", "woman")).await.problem(429, "too_many_tries");

    for _ in 0..3 {
        let other = towns.world.family_user().await.client;
        for _ in 0..5 {
            other.post(CLAIMS, claim_by_cover(&issued, "9998", "woman")).await.problem(422, "claim_refused");
        }
    }
    let late = towns.world.family_user().await.client;
    let right = claim_by_cover(&issued, &last_four(1), "woman");
    late.post(CLAIMS, right.clone()).await.problem(429, "too_many_tries");
    towns.world.advance(TimeDelta::hours(1));
    towns.world.family_user().await.client.post(CLAIMS, right).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_what_was_proved_before_a_password_changed_opens_no_session_after_it() {
    let world = World::empty().await;
    world.county().await;
    let id = world.employee("li.doctor", &[Role::Clinician], None, COUNTY, RegionLevel::County).await;
    let change = async |column: &'static str| {
        // The sign-in has read the row and waits.
        let places = world.every_password_place().await;
        let client = world.anybody();
        let waiting = tokio::spawn(async move {
            let body = json!({ "user_name": "li.doctor", "password": PASSWORD });
            client.post("/api/v1/sign-in/staff", body).await
        });
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let mut changed = staff::ActiveModel { id: Set(id), ..Default::default() };
        match column {
            "password" => changed.password_hash = Set("$argon2id$another".to_owned()),
            "totp" => (changed.totp, changed.totp_last_step) = (Set(Some(vec![1])), Set(7)),
            _ => changed.left_on = Set(NaiveDate::from_ymd_opt(2026, 11, 1)),
        }
        staff::Entity::update(changed).exec(world.app.db.write()).await.unwrap();
        drop(places);
        waiting.await.unwrap()
    };
    let before = staff::Entity::find_by_id(id).one(world.app.db.read()).await.unwrap().unwrap();
    for column in ["password", "totp", "left"] {
        change(column).await.problem(401, "wrong_credentials");
        let same = staff::ActiveModel {
            id: Set(id),
            password_hash: Set(before.password_hash.clone()),
            totp: Set(None),
            totp_last_step: Set(0),
            left_on: Set(None),
            ..Default::default()
        };
        staff::Entity::update(same).exec(world.app.db.write()).await.unwrap();
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM session").await, 0);
    world.sign_in("li.doctor", PASSWORD).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a40_a_village_worker_who_moves_keeps_no_delegated_handbook() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let centre = world.doctor(county.health_centre).await.client;
    let manager = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await.client;
    let path = format!("/api/v1/handbooks/{}", mother.handbook);
    let village = [Role::VillageWorker];
    let worker = world.staff(&village, Some(county.health_centre), VILLAGE, RegionLevel::Village).await;
    let delegate = async |to: StaffId| {
        centre.post(&format!("{path}/delegations"), json!({ "staff": to })).await.ok();
    };
    let live = async || {
        let live = delegation::Entity::find().filter(delegation::COLUMN.ended_at.is_null());
        live.count(world.app.db.read()).await.unwrap()
    };
    delegate(worker.id).await;
    // Behind the API, as an import would: the region alone is moved.
    let elsewhere = staff::ActiveModel {
        id: Set(worker.id),
        region_code: Set(Some(domain::place::RegionCode(OTHER_COUNTY))),
        region_level: Set(Some(RegionLevel::County)),
        ..Default::default()
    };
    assert_eq!(worker.client.get(&path).await.status, 200);
    staff::Entity::update(elsewhere).exec(world.app.db.write()).await.unwrap();
    worker.client.get(&path).await.problem(404, "not_found");
    assert_eq!(live().await, 1);

    for change in [json!({ "roles": ["clinician"], "region": null }), json!(null)] {
        let worker = world.staff(&village, Some(county.health_centre), VILLAGE, RegionLevel::Village).await;
        delegate(worker.id).await;
        let before = live().await;
        let at = format!("/api/v1/staff/{}", worker.id);
        if change.is_null() {
            manager.post(&format!("{at}/leave"), json!({ "on": "2026-11-22" })).await.ok();
        } else {
            manager.change(Method::PATCH, &at, "\"1\"", change).await.ok();
        }
        assert_eq!(live().await, before - 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a44_made_up_names_leave_one_event_a_minute_for_the_address() {
    let world = World::empty().await;
    world.county().await;
    for name in 0..60 {
        world.sign_in(&format!("nobody-{name}"), "Wrong-Password-1").await;
    }
    for name in 0..20 {
        world.sign_in(&format!("other-{name}"), "Wrong-Password-1").await.problem(429, "too_many_tries");
    }
    let told = audit_event::Entity::find().filter(audit_event::COLUMN.kind.eq("locked_out"));
    assert_eq!(told.count(world.app.db.read()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a30_an_emergency_is_reviewed_by_nobody_whom_the_opener_made_or_holds() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let opener = world.worker(&[Role::Clinician, Role::CountyMch], county.mch).await;
    let made = json!({ "user_name": "puppet", "name": "王主任", "title": "主任", "roles": ["county_mch"], "institution": county.mch, "region": { "code": COUNTY, "level": "county" } });
    let made = opener.client.post("/api/v1/staff", made).await.ok();
    let puppet = StaffId(made["id"].as_str().unwrap().parse().unwrap());
    let peer = world.worker(&[Role::CountyMch], county.mch).await;
    let reset = format!("/api/v1/staff/{}/reset-password", peer.id);
    let no_factor = json!({ "remove_second_factor": true });
    opener.client.post(&reset, no_factor.clone()).await.problem(403, "second_factor_by_higher");
    opener.client.post(&reset, json!({})).await.ok();
    world.system_administrator().await.client.post(&reset, no_factor).await.ok();
    opener.client.post(&reset, json!({})).await.ok();
    let usable = staff::ActiveModel { password_issued: Set(false), ..Default::default() };
    let all = staff::Entity::update_many().set(usable);
    all.filter(staff::COLUMN.id.is_in([puppet, peer.id])).exec(world.app.db.write()).await.unwrap();

    let emergency = json!({ "number": mother.number.printed(), "reason_code": "cannot_consent", "reason": "孕妇昏迷送入抢救室，没有家属陪同" });
    let visit = opener.client.post("/api/v1/break-glass", emergency).await.ok();
    let review = format!("/api/v1/break-glass/{}/review", visit["id"].as_str().unwrap());
    let independent = world.worker(&[Role::CountyMch], county.mch).await.client;
    for id in [puppet, peer.id] {
        let client = world.signed_in(Holder::Staff(id)).await;
        client.post(&review, json!({ "accepted": true })).await.problem(403, "reviewer_not_independent");
    }
    world.advance(TimeDelta::minutes(1));
    let young = world.worker(&[Role::CountyMch], county.mch).await.client;
    young.post(&review, json!({ "accepted": true })).await.problem(403, "reviewer_not_independent");
    independent.post(&review, json!({ "accepted": true })).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a30_two_accounts_of_one_hand_do_not_review_each_other_until_the_administrator_gives_one_to_its_person()
 {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let mch = world.worker(&[Role::CountyMch], county.mch).await;
    let independent = world.worker(&[Role::CountyMch], county.mch).await;
    let made_by = async |by: StaffId, user_name: &str, roles: Value| {
        let region = roles
            .as_array()
            .unwrap()
            .contains(&json!("county_mch"))
            .then_some(json!({ "code": COUNTY, "level": "county" }));
        let made = json!({ "user_name": user_name, "name": "王医生", "title": "医师", "roles": roles, "institution": county.mch, "region": region });
        let made = world.sign_in_staff(by).await.post("/api/v1/staff", made).await.ok();
        let usable = staff::ActiveModel { password_issued: Set(false), ..Default::default() };
        staff::Entity::update_many().set(usable).exec(world.app.db.write()).await.unwrap();
        StaffId(made["id"].as_str().unwrap().parse().unwrap())
    };
    let opener = made_by(mch.id, "opener", json!(["clinician"])).await;
    let sibling = made_by(mch.id, "sibling", json!(["county_mch"])).await;
    let nephew = made_by(sibling, "nephew", json!(["county_mch"])).await;

    let emergency = json!({ "number": mother.number.printed(), "reason_code": "cannot_consent", "reason": "孕妇昏迷送入抢救室，没有家属陪同" });
    let visit = world.sign_in_staff(opener).await.post("/api/v1/break-glass", emergency).await.ok();
    let review = format!("/api/v1/break-glass/{}/review", visit["id"].as_str().unwrap());
    let yes = json!({ "accepted": true });
    for id in [mch.id, sibling, nephew] {
        let client = world.sign_in_staff(id).await;
        client.post(&review, yes.clone()).await.problem(403, "reviewer_not_independent");
    }
    // Whoever else issues a password does not make it independent; the administrator who gives it to its person does.
    let reset = format!("/api/v1/staff/{sibling}/reset-password");
    independent.client.post(&reset, json!({})).await.ok();
    let usable = staff::ActiveModel { password_issued: Set(false), ..Default::default() };
    staff::Entity::update_many().set(usable.clone()).exec(world.app.db.write()).await.unwrap();
    let client = world.sign_in_staff(sibling).await;
    client.post(&review, yes.clone()).await.problem(403, "reviewer_not_independent");
    world.advance(TimeDelta::minutes(1));
    let administrator = world.system_administrator().await.client;
    administrator.post(&reset, json!({ "remove_second_factor": true })).await.ok();
    staff::Entity::update_many().set(usable).exec(world.app.db.write()).await.unwrap();
    world.sign_in_staff(sibling).await.post(&review, yes).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a30_an_emergency_is_reviewed_by_nobody_who_lately_made_the_opener_or_issued_their_password() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let mch = world.worker(&[Role::CountyMch], county.mch).await;
    let independent = world.worker(&[Role::CountyMch], county.mch).await;
    let made = json!({ "user_name": "puppet", "name": "王医生", "title": "医师", "roles": ["clinician"], "institution": county.mch });
    let made = mch.client.post("/api/v1/staff", made).await.ok();
    let puppet = StaffId(made["id"].as_str().unwrap().parse().unwrap());
    let doctor = world.doctor(county.health_centre).await;
    mch.client.post(&format!("/api/v1/staff/{}/reset-password", doctor.id), json!({})).await.ok();
    let usable = staff::ActiveModel { password_issued: Set(false), ..Default::default() };
    staff::Entity::update_many().set(usable).exec(world.app.db.write()).await.unwrap();

    let opened = async |by: StaffId| {
        let emergency = json!({ "number": mother.number.printed(), "reason_code": "cannot_consent", "reason": "孕妇昏迷送入抢救室，没有家属陪同" });
        let visit = world.sign_in_staff(by).await.post("/api/v1/break-glass", emergency).await.ok();
        format!("/api/v1/break-glass/{}/review", visit["id"].as_str().unwrap())
    };
    for id in [puppet, doctor.id] {
        let review = opened(id).await;
        mch.client.post(&review, json!({ "accepted": true })).await.problem(403, "reviewer_not_independent");
        independent.client.post(&review, json!({ "accepted": true })).await.ok();
    }
    world.advance(IN_OTHER_HANDS);
    for id in [puppet, doctor.id] {
        let (review, mch) = (opened(id).await, world.sign_in_staff(mch.id).await);
        mch.post(&review, json!({ "accepted": true })).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a08_who_asks_whose_a_number_is_by_correcting_or_completing_learns_little_and_is_stopped() {
    let towns = towns().await;
    let world = &towns.world;
    let (born, number) = ("2026-11-20", boys_number("20261120", 1));
    let mut theirs = child_form(1, born);
    theirs["children"][0]["id_number"] = json!(number);
    towns.desk.issued(theirs).await;
    let book = towns.far.issued(child_form(2, born)).await;
    let child = book["children"][0].as_str().unwrap();

    // What cannot be the child's is refused alike, whether somebody has the number or nobody.
    for order in [1, 9] {
        let asked =
            json!({ "person": child, "id_number": womans_number("19950101", order), "reason": "核对身份证" });
        let asked = towns.far.0.change(Method::POST, &at(&book, "/identity"), "\"1\"", asked).await;
        asked.problem(422, "child_past_six");
    }
    let mut pregnant = pregnant_form(3);
    pregnant["pregnancy"]["last_menstrual_period"] = json!("2026-02-15");
    let pregnant = towns.far.issued(pregnant).await;
    let outcome = at(&pregnant, &format!("/pregnancies/{}/outcome", pregnant["pregnancy"].as_str().unwrap()));
    let newborn = json!({ "sex": "male", "id_number": number });
    let birth = json!({ "outcome": "live_birth", "ended_on": born, "children": [newborn] });
    let doctor = world.doctor(towns.county.foreign_hospital).await;
    for of in [&pregnant, &book] {
        let id = HandbookId(of["id"].as_str().unwrap().parse().unwrap());
        world.visit(id, towns.county.foreign_hospital, doctor.id).await;
    }
    let hidden = doctor.client.post(&outcome, birth.clone()).await.problem(409, "already_has_handbook");
    assert!(!hidden["detail"].as_str().unwrap().contains("510903"), "{hidden}");

    let complete = async || {
        let known = json!({ "id_number": number });
        doctor.client.change(Method::PATCH, &at(&book, &format!("/children/{child}")), "\"1\"", known).await
    };
    for _ in 0..19 {
        complete().await.problem(409, "id_number_taken");
    }
    complete().await.problem(429, "too_many_tries");
    doctor.client.post(&outcome, birth).await.problem(429, "too_many_tries");
    let told = audit_event::Entity::find()
        .filter(audit_event::COLUMN.kind.eq("refused"))
        .filter(audit_event::COLUMN.action.eq("manage_pregnancy"));
    assert_eq!(told.count(world.app.db.read()).await.unwrap(), 20);
    assert_eq!(world.number("SELECT COUNT(*) FROM child WHERE pregnancy_id IS NOT NULL").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_a_child_is_made_nobody_else_by_a_desk_that_knows_its_number_alone() {
    let towns = towns().await;
    let form = |order: u32, name: &str| {
        let mut form = child_form(order, "2024-05-01");
        form["children"][0]["id_number"] = json!(boys_number("20240501", 1));
        form["children"][0]["name"] = json!(name);
        form
    };
    let first = towns.desk.issued(form(1, "王小宝")).await;
    let owner = towns.world.family_user().await.client;
    owner.post(CLAIMS, claim_by_phone(&first, &towns.world.phone_code(1))).await.ok();
    towns.desk.0.post(&at(&first, "/close"), json!({ "reason": "moved_away" })).await.ok();
    let id = domain::id::ChildId(first["children"][0].as_str().unwrap().parse().unwrap());
    let kept = async || {
        let db = towns.world.app.db.read();
        let child = child::Entity::find_by_id(id).one(db).await.unwrap().unwrap();
        person::Entity::find_by_id(child.person_id).one(db).await.unwrap().unwrap()
    };
    let before = kept().await;
    towns.far.issue(form(2, "别名")).await.problem(409, "identity_differs");
    let mut second = form(2, "王小宝");
    second["woman"]["region_code"] = json!(TOWN);
    towns.far.issued(second).await;
    assert_eq!(kept().await, before, "what its own desk wrote down stays");
    let cover = owner.get(&at(&first, "")).await.ok();
    assert_eq!(cover["children"][0]["name"], "王小宝");
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_a_slip_to_the_woman_is_printed_by_an_administrator_who_saw_her_card() {
    let towns = towns().await;
    let world = &towns.world;
    let issued = towns.desk.issued(planning_form(1)).await;
    let slip = at(&issued, "/slip");
    let hers = womans_number("19950101", 1);
    let missing = towns.desk.0.post(&slip, json!({ "to_woman": true })).await.problem(422, "invalid");
    assert_eq!(missing["errors"][0]["pointer"], "/id_number");
    let wrong = json!({ "to_woman": true, "id_number": womans_number("19950101", 2) });
    towns.desk.0.post(&slip, wrong).await.problem(422, "identity_not_shown");
    let printed = towns.desk.0.post(&slip, json!({ "to_woman": true, "id_number": hers })).await.ok();
    let she = world.family_user().await.client;
    let joined = she.post(CLAIMS, claim_by_slip(&printed["code"], "woman")).await.ok();
    assert_eq!(joined["is_woman"], true);

    let office = towns.county.township_office;
    let clerk =
        world.staff(&[Role::TownshipOffice], Some(office), crate::support::people::TOWN, RegionLevel::Town);
    let clerk = Desk(clerk.await.client);
    let mut form = planning_form(2);
    (form["slip"], form["slip_to_woman"]) = (json!(true), json!(true));
    clerk.issue(form).await.problem(403, "forbidden");
    let issued = clerk.issued(planning_form(2)).await;
    let body = json!({ "to_woman": true, "id_number": womans_number("19950101", 2) });
    clerk.0.post(&at(&issued, "/slip"), body).await.problem(403, "forbidden");
    clerk.0.post(&at(&issued, "/slip"), json!({})).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a26_taking_a_death_back_tells_nobody_the_number_of_a_handbook_elsewhere() {
    let towns = towns().await;
    let doctor = towns.world.doctor(towns.county.foreign_hospital).await;
    let issued = towns.far.issued(planning_form(1)).await;
    let id = HandbookId(issued["id"].as_str().unwrap().parse().unwrap());
    towns.world.visit(id, towns.county.foreign_hospital, doctor.id).await;
    let death = json!({ "died_on": "2026-11-22", "note": "家属告知" });
    doctor.client.post(&at(&issued, "/woman/death"), death).await.ok();
    towns.desk.issued(planning_form(1)).await;
    let back = doctor.client.post(&at(&issued, "/woman/death/void"), json!({ "reason": "登记错了人" })).await;
    let refused = back.problem(409, "already_has_handbook");
    assert!(!refused["detail"].as_str().unwrap().contains("510903"), "{refused}");
    let told = audit_event::Entity::find().filter(audit_event::COLUMN.kind.eq("refused"));
    assert_eq!(told.count(towns.world.app.db.read()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a26_what_was_refused_an_hour_ago_stops_no_desk_that_went_on_issuing() {
    let towns = towns().await;
    let clerk = towns.world.worker(&[Role::HandbookAdministrator], towns.county.foreign_hospital).await.id;
    towns.desk.issued(pregnant_form(1)).await;
    let refused = async |desk: &Desk| desk.issue(pregnant_form(1)).await.problem(409, "already_has_handbook");
    let desk = Desk(towns.world.sign_in_staff(clerk).await);
    for _ in 0..19 {
        refused(&desk).await;
    }
    for order in 2..4 {
        towns.world.advance(TimeDelta::minutes(31));
        Desk(towns.world.sign_in_staff(clerk).await).issued(planning_form(order)).await;
    }
    let desk = Desk(towns.world.sign_in_staff(clerk).await);
    for _ in 0..20 {
        refused(&desk).await;
    }
    desk.issue(pregnant_form(1)).await.problem(429, "too_many_tries");
}

#[tokio::test(flavor = "multi_thread")]
async fn a26_who_asks_by_issuing_or_finding_learns_little_leaves_traces_and_is_stopped() {
    let towns = towns().await;
    let world = &towns.world;
    let hers = towns.desk.issued(pregnant_form(1)).await;
    let events = async |kind: &str, action: &str| {
        let found = audit_event::Entity::find().filter(audit_event::COLUMN.kind.eq(kind));
        found.filter(audit_event::COLUMN.action.eq(action)).count(world.app.db.read()).await.unwrap()
    };
    let shown = towns.desk.issue(pregnant_form(1)).await.problem(409, "already_has_handbook");
    assert!(shown["detail"].as_str().unwrap().contains(hers["printed_number"].as_str().unwrap()));
    let hidden = towns.far.issue(pregnant_form(1)).await.problem(409, "already_has_handbook");
    assert!(!hidden["detail"].as_str().unwrap().contains("510903"), "{hidden}");
    assert_eq!(events("refused", "issue_handbook").await, 2);

    // An id that is used tells nothing of the woman, and every such question is counted.
    let mut used = pregnant_form(1);
    used["id"] = hers["id"].clone();
    towns.far.issue(used.clone()).await.problem(409, "id_in_use");
    let mut used = pregnant_form(1);
    used["pregnancy"]["id"] = hers["pregnancy"].clone();
    for _ in 0..18 {
        towns.far.issue(used.clone()).await.problem(409, "id_in_use");
    }
    towns.far.issue(pregnant_form(7)).await.problem(429, "too_many_tries");
    assert_eq!(events("refused", "issue_handbook").await, 21);
    towns.desk.issued(pregnant_form(7)).await;

    for order in 0..120 {
        let asked = json!({ "id_number": womans_number("19950101", 100 + order) });
        towns.far.0.post(FIND, asked).await.ok();
    }
    assert_eq!(events("read", "find_handbook").await, 120);
    towns.far.0.post(FIND, json!({ "phone": "13912345678" })).await.problem(429, "too_many_tries");
    towns.desk.0.get(&at(&hers, "/printed-code")).await.ok();
    assert_eq!(events("read", "print_code").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a22_a_photo_is_asked_for_each_time_and_one_family_stops_nobodys_uploads() {
    let world = World::empty().await;
    let county = world.county().await;
    let (mother, other) = (world.mother(&county).await, world.mother(&county).await);
    let photo = upload_picture(&mother).await;
    let path = format!("/api/v1/handbooks/{}/photos/{}", mother.handbook, photo.as_str().unwrap());
    let seen = mother.user.client.get(&path).await;
    assert_eq!(seen.headers["cache-control"], "private, no-cache");
    assert!(seen.headers["vary"].to_str().unwrap().contains("Authorization"));
    let etag = seen.headers["etag"].to_str().unwrap().to_owned();
    let again = async |by: &Client| send(by.request(Method::GET, &path).header("if-none-match", &etag)).await;
    assert_eq!(again(&mother.user.client).await.status, 304);
    again(&other.user.client).await.problem(404, "not_found");

    // Eight uploads of one account that never end.
    let address = world.base_url.strip_prefix("http://").unwrap().to_owned();
    let trickle = |key: usize| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let (path, token) =
            (format!("/api/v1/handbooks/{}/photos", mother.handbook), mother.user.client.token());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: muzi\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: slow-{key}\r\n\
             Content-Type: image/png\r\nContent-Length: 1000000\r\n\r\n\u{1}"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let trickling: Vec<_> = (0..8).map(trickle).collect();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let quick = tokio::time::timeout(PATIENCE, upload_picture(&other)).await;
    assert!(quick.is_ok(), "another family waits for nobody");
    drop(trickling);
}

#[tokio::test(flavor = "multi_thread")]
async fn a04_the_first_answer_of_a_scan_is_not_given_again_after_the_visit() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let code = mother.show_code().await;
    let scan = || {
        let request =
            doctor.client.request(Method::POST, "/api/v1/visits").header("idempotency-key", "scan-1");
        send(request.json(&json!({ "code": code["url"] })))
    };
    let visit = scan().await.ok();
    assert_eq!(scan().await.ok(), visit);
    let log = mother.user.client.get(&format!("/api/v1/handbooks/{}/access-log", mother.handbook)).await.ok();
    assert_eq!(log["items"][0]["action"], "answered_again");
    assert_eq!(log["items"][0]["what"], "重发原答复");
    let end = format!("/api/v1/handbooks/{}/visits/{}/end", mother.handbook, visit["id"].as_str().unwrap());
    mother.user.client.post(&end, json!({})).await;
    scan().await.problem(409, "visit_over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a42_a_corrected_birth_date_passes_the_rules_of_issuing() {
    let towns = towns().await;
    let issued = towns.desk.issued(child_form(1, "2026-11-01")).await;
    let child = issued["children"][0].as_str().unwrap().to_owned();
    let correct = async |version: &str, born: &str| {
        let body = json!({ "person": child, "birth_date": born, "reason": "出生证明为准" });
        towns.desk.0.change(Method::POST, &at(&issued, "/identity"), version, body).await
    };
    correct("\"1\"", "2019-01-01").await.problem(422, "child_past_six");
    correct("\"1\"", "2026-10-31").await.ok();
    let county = towns.world.county_mch(towns.county.mch).await;
    let waiting = async || county.get("/api/v1/overrides").await.ok()["items"].clone();
    assert_eq!(waiting().await, json!([]));
    for (version, born) in [("\"2\"", "2022-01-01"), ("\"3\"", "2021-01-01")] {
        correct(version, born).await.ok();
    }
    let waiting = waiting().await;
    assert_eq!(waiting.as_array().unwrap().len(), 1);
    assert_eq!((&waiting[0]["kind"], &waiting[0]["reason"]), (&json!("issue"), &json!("出生证明为准")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_who_was_removed_or_whose_visit_ended_since_the_guard_looked_writes_nothing_more() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let father = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await;
    let entry = father.client.post(&entries(&mother), pressure(118, 76)).await.ok();
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    let path = format!("{}/{}", entries(&mother), entry["id"].as_str().unwrap());
    // The handbook is held: the guards let them pass, and what they do waits.
    let held = world.app.db.begin().await.unwrap();
    api::handbooks::store::hold(&held, mother.handbook).await.unwrap();
    let amend = {
        let (client, path) = (father.client.clone(), path.clone());
        tokio::spawn(async move {
            client
                .change(Method::PATCH, &path, "\"1\"", json!({ "payload": pressure(120, 80)["payload"] }))
                .await
        })
    };
    let attach = {
        let (client, path, body) = (doctor.client.clone(), checkups(&mother), antenatal(&world));
        tokio::spawn(async move { client.post(&path, body).await })
    };
    tokio::time::sleep(std::time::Duration::from_millis(800)).await;
    let end = |sql: &str| {
        api::db::statement(world.app.db.backend(), sql, [world.now().into(), mother.handbook.into()])
    };
    held.execute_raw(end("UPDATE member SET ended_at = ? WHERE handbook_id = ? AND relation = 'father'"))
        .await
        .unwrap();
    held.execute_raw(end("UPDATE visit SET ends_at = ? WHERE handbook_id = ?")).await.unwrap();
    held.commit().await.unwrap();
    amend.await.unwrap().problem(404, "not_found");
    attach.await.unwrap().problem(409, "visit_over");
    let left = mother.user.client.get(&records(&mother)).await.ok();
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a44_one_caller_has_so_many_requests_a_minute_and_fewer_tickets() {
    let world = World::with(|config| config.requests_a_minute = 100).await;
    let county = world.county().await;
    let (mother, other) = (world.mother(&county).await, world.mother(&county).await);
    let tickets = format!("/api/v1/handbooks/{}/live-ticket", mother.handbook);
    for _ in 0..60 {
        mother.user.client.post(&tickets, json!({})).await.ok();
    }
    mother.user.client.post(&tickets, json!({})).await.problem(429, "too_many_requests");
    for _ in 61..100 {
        mother.user.client.get("/api/v1/me").await.ok();
    }
    let refused = mother.user.client.get("/api/v1/me").await;
    refused.problem(429, "too_many_requests");
    assert_eq!(refused.headers["retry-after"], "60");
    other.user.client.get("/api/v1/me").await.ok();
}
