//! Who reaches for what is not theirs: ids, functions, fields, lists, reports, consent.

use domain::access::Role;
use domain::member::{MemberRelation, MemberRole};
use domain::place::RegionLevel;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{middle_times, problem_alone, take_as_long};
use crate::access_matrix::{self, Cast};
use crate::checkups::{antenatal, checkups};
use crate::entries::{entries, pressure, records};
use crate::photos::upload_picture;
use crate::support::people::{CITY, PROVINCE};
use crate::support::{COUNTY, Client, Events, OTHER_COUNTY, World, send};

fn at(handbook: impl std::fmt::Display, rest: &str) -> String {
    format!("/api/v1/handbooks/{handbook}{rest}")
}

fn id_of(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// That each operation under `{handbook}` hides it from a stranger is in the matrix; here are the detours.
#[tokio::test(flavor = "multi_thread")]
async fn a01_idor_on_handbook_ids_finds_nothing_by_its_own_or_a_borrowed_path() {
    let world = World::empty().await;
    let county = world.county().await;
    let (mine, theirs) = (world.mother(&county).await, world.mother(&county).await);
    let client = &mine.user.client;
    let record = id_of(&theirs.user.client.post(&entries(&theirs), pressure(118, 76)).await.ok());
    let photo = upload_picture(&theirs).await.as_str().unwrap().to_owned();
    let child = world.child(theirs.handbook, "王小宝", "51090320260301001").await.0;
    let relative = world.family_user().await.id;
    let member =
        world.join(theirs.handbook, relative, MemberRole::Viewer, MemberRelation::Other, false).await;
    let body = json!({ "role": "viewer", "relation": "father", "expires_in_hours": 1 });
    let invitation = id_of(&theirs.user.client.post(&at(theirs.handbook, "/invitations"), body).await.ok());
    let doctor = world.clinician_at(theirs.handbook, county.hospital).await;
    let checkup = id_of(&doctor.client.post(&checkups(&theirs), antenatal(&world)).await.ok());
    let visits = doctor.client.get("/api/v1/visits").await.ok();
    let visit = id_of(&visits["items"][0]);
    let unknown = Uuid::now_v7();

    let whole = at(theirs.handbook, "");
    let foreign = client.get(&whole).await;
    foreign.problem(404, "not_found");
    let nobodys = client.get(&at(unknown, "")).await;
    assert_eq!(problem_alone(&foreign), problem_alone(&nobodys), "theirs and nobody's are told alike");
    for wrong in ["0", "%00", "..", "null", "{handbook}", &theirs.number.printed(), &"9".repeat(5000)] {
        let status = client.get(&at(wrong, "/records")).await.status.as_u16();
        assert!([400, 404].contains(&status), "{wrong}: {status}");
    }

    let patch =
        json!({ "payload": { "measured_at": "2026-11-22T08:00:00+08:00", "systolic": 99, "diastolic": 60 } });
    let detours = [
        (Method::GET, format!("/records/{record}"), json!(null)),
        (Method::GET, format!("/records/{checkup}"), json!(null)),
        (Method::GET, format!("/records/{record}/versions"), json!(null)),
        (Method::POST, format!("/records/{checkup}/correction-requests"), json!({ "says": "不是我的" })),
        (Method::PATCH, format!("/entries/{record}"), patch),
        (Method::DELETE, format!("/entries/{record}"), json!(null)),
        (Method::PUT, format!("/entries/{record}/private"), json!({ "private": true })),
        (Method::GET, format!("/photos/{photo}"), json!(null)),
        (Method::DELETE, format!("/photos/{photo}"), json!(null)),
        (Method::DELETE, format!("/members/{member}"), json!(null)),
        (Method::PATCH, format!("/members/{member}"), json!({ "role": "guardian" })),
        (Method::POST, format!("/members/{member}/hand-over"), json!({})),
        (Method::DELETE, format!("/invitations/{invitation}"), json!(null)),
        (Method::POST, format!("/visits/{visit}/end"), json!({})),
    ];
    for (method, rest, body) in detours {
        let by_my_handbook = knock(client, method.clone(), &at(mine.handbook, &rest), &body).await;
        assert_eq!(by_my_handbook.0, 404, "{method} {rest}: {}", by_my_handbook.1);
        let by_theirs = knock(client, method.clone(), &at(theirs.handbook, &rest), &body).await;
        assert_eq!(by_theirs.0, 404, "{method} {rest}: {}", by_theirs.1);
        let tail = rest.split('/').skip(3).map(|part| format!("/{part}")).collect::<String>();
        let collection = rest.split('/').nth(1).unwrap();
        let unknown = at(mine.handbook, &format!("/{collection}/{unknown}{tail}"));
        let by_no_id = knock(client, method.clone(), &unknown, &body).await;
        assert_eq!(by_my_handbook, by_no_id, "{method} {rest}: a foreign id is told as one that is not");
    }

    // What hangs on an entry is looked for in the own handbook, and so is whom it is about.
    let stolen = json!({ "kind": "diary", "subject": "household", "photos": [photo], "payload": { "date": "2026-11-22", "text": "看" } });
    client.post(&entries(&mine), stolen).await.problem(422, "invalid");
    let about = json!({ "kind": "growth", "subject": { "child": child }, "payload": { "measured_at": "2026-11-22T08:00:00+08:00", "weight": 3500 } });
    assert!(client.post(&entries(&mine), about).await.status.is_client_error());

    for filter in ["handbook_id", "handbook", "member", "user", "owner"] {
        let listed = client.get(&format!("/api/v1/me/handbooks?{filter}={}", theirs.handbook)).await;
        listed.problem(400, "bad_query");
        client
            .get(&at(mine.handbook, &format!("/records?{filter}={}", theirs.handbook)))
            .await
            .problem(400, "bad_query");
    }
    let batch = client.get("/api/v1/me/handbooks").await.ok();
    assert_eq!(batch["items"].as_array().unwrap().len(), 1);
    assert!(!batch.to_string().contains(&theirs.handbook.to_string()));

    let unheard_of = at(unknown, "");
    let look = async |path: &str| drop(client.get(path).await);
    take_as_long(middle_times(async || look(&whole).await, async || look(&unheard_of).await, 41).await);
    let denied = "SELECT COUNT(*) FROM audit_event WHERE kind = 'refused'";
    assert!(world.number(denied).await > 0, "the audit log has it");
    let untouched = theirs.user.client.get(&format!("{}/{record}", records(&theirs))).await;
    assert_eq!(untouched.etag(), "\"1\"");
}

/// The status and the problem of a request, whatever its method.
async fn knock(client: &Client, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let request = client
        .request(method, path)
        .header("idempotency-key", Uuid::now_v7().to_string())
        .header("if-match", "\"1\"");
    let request = if body.is_null() { request } else { request.json(body) };
    let answer = send(request).await;
    (answer.status.as_u16(), problem_alone(&answer))
}

const TABLES: [&str; 16] = [
    "staff",
    "institution",
    "region",
    "catchment",
    "target",
    "handbook",
    "member",
    "person",
    "visit",
    "record",
    "break_glass",
    "rule_override",
    "delegation",
    "issuance",
    "notice",
    "idempotency",
];

async fn rows(world: &World) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push(world.number(&format!("SELECT COUNT(*) FROM {table}")).await);
    }
    counts
}

/// The matrix tries each operation with its own method; this tries every method at every address of staff.
#[tokio::test(flavor = "multi_thread")]
async fn a03_a_family_token_does_nothing_at_any_address_of_staff_by_any_method() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let visit = world.clinician_at(mother.handbook, county.hospital).await;
    let visits = visit.client.get("/api/v1/visits").await.ok();
    let ids = [
        ("handbook", mother.handbook.to_string()),
        ("pregnancy", mother.pregnancy.to_string()),
        ("visit", id_of(&visits["items"][0])),
        ("institution", county.hospital.to_string()),
        ("staff", visit.id.to_string()),
        ("region", COUNTY.to_string()),
    ];
    let of_staff = access_matrix::closed_to_owners();
    assert!(of_staff.len() > 60, "{}", of_staff.len());
    let before = rows(&world).await;
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
    let addresses: std::collections::BTreeSet<_> = of_staff.iter().map(|(_, path)| path.clone()).collect();
    let mut tried = 0;
    for path in addresses {
        let mut address = path.clone();
        for (name, id) in &ids {
            address = address.replace(&format!("{{{name}}}"), id);
        }
        while let (Some(from), Some(to)) = (address.find('{'), address.find('}')) {
            address.replace_range(from..=to, &Uuid::now_v7().to_string());
        }
        if ["/api/v1/targets", "/api/v1/usage", "/api/v1/usage/days"].contains(&path.as_str()) {
            address += &format!("?region={COUNTY}&level=county");
            address += if path.ends_with("targets") { "&year=2026" } else { "" };
        }
        for method in methods {
            let served_as = if method == "HEAD" { "GET" } else { method };
            let for_family = access_matrix::is_for_owners(served_as, &path);
            if for_family {
                continue;
            }
            let is_there = of_staff.contains(&(served_as.to_owned(), path.clone()));
            let request = mother.user.client.request(method.parse().unwrap(), &address);
            let request =
                request.header("idempotency-key", Uuid::now_v7().to_string()).header("if-match", "\"1\"");
            let media = if path.contains("/imports/") { "text/csv" } else { "application/json" };
            let answer = send(request.header("content-type", media).body("{}")).await;
            let status = answer.status.as_u16();
            assert!(
                if is_there { status == 403 } else { [403, 404, 405].contains(&status) },
                "{method} {path}: {status} {}",
                answer.text()
            );
            tried += 1;
        }
    }
    assert!(tried > 300, "{tried}");
    assert_eq!(rows(&world).await, before, "nothing happened: {TABLES:?}");
}

/// `every_wrong_field_is_told_at_once` shows how it is told; this shows that nothing of it is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a05_what_the_server_fills_in_is_refused_in_a_body_and_comes_from_the_token() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let written = client.post(&entries(&mother), pressure(118, 76)).await.ok();
    let address = format!("{}/{}", entries(&mother), id_of(&written));
    let claims = [
        ("source", json!("clinician")),
        ("verified_by", json!(Uuid::now_v7())),
        ("institution_id", json!(county.hospital)),
        ("institution", json!("船山区人民医院")),
        ("risk_colour", json!("green")),
        ("risk_grade", json!("green")),
        ("created_at", json!("2020-01-01T00:00:00Z")),
        ("recorded_at", json!("2020-01-01T00:00:00Z")),
        ("state", json!("live")),
        ("version", json!(7)),
        ("author", json!({ "role": "clinician" })),
        ("user_id", json!(Uuid::now_v7())),
        ("handbook_id", json!(Uuid::now_v7())),
        ("warnings", json!([])),
        ("__proto__", json!({ "source": "clinician" })),
    ];
    for (name, value) in &claims {
        let mut body = pressure(120, 80);
        body[*name] = value.clone();
        client.post(&entries(&mother), body).await.problem(422, "invalid");
        let mut body = pressure(120, 80);
        body["payload"][*name] = value.clone();
        client.post(&entries(&mother), body).await.problem(422, "invalid");
        let mut change = json!({ "payload": pressure(120, 80)["payload"] });
        change[*name] = value.clone();
        client.change(Method::PATCH, &address, "\"1\"", change).await.problem(422, "invalid");
    }
    let mut chosen = pressure(120, 80);
    chosen["id"] = json!(Uuid::from_u128(1));
    client.post(&entries(&mother), chosen.clone()).await.problem(422, "invalid");
    chosen["id"] = written["id"].clone();
    client.post(&entries(&mother), chosen).await.problem(409, "id_in_use");

    // The one who signs in cannot give himself a role, and a member none either.
    let body =
        json!({ "code": world.wechat.control().login_code("someone"), "roles": ["system_administrator"] });
    world.anybody().post("/api/v1/sign-in/wechat", body).await.problem(422, "invalid");
    let guardian = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await;
    let members = client.get(&at(mother.handbook, "/members")).await.ok();
    let own =
        members["items"].as_array().unwrap().iter().find(|member| member["role"] == "guardian").unwrap();
    let own = at(mother.handbook, &format!("/members/{}", id_of(own)));
    guardian
        .client
        .change(Method::PATCH, &own, "\"1\"", json!({ "role": "owner" }))
        .await
        .problem(403, "forbidden");

    let kept = client.get(&format!("{}/{}", records(&mother), id_of(&written))).await;
    let record = kept.ok();
    assert_eq!((kept.etag(), &record["source"]), ("\"1\"", &json!("family")));
    assert_eq!(record["author"], json!({ "role": "woman", "mine": true }));
    assert_eq!(client.get(&records(&mother)).await.ok()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a07_lists_and_refusals_hold_no_full_number_phone_account_or_name() {
    let world = World::empty().await;
    let cast = Cast::gathered(&world).await;
    let mothers = [&cast.ordinary.mother, &cast.high_risk.mother];
    let mut lists = 0;
    for (operation, caller, answer) in access_matrix::read_by_staff(&world, &cast).await {
        let text = answer.text();
        // Whom a clinic may call stands on the cover, which is one handbook and no list.
        let is_cover = operation.ends_with("/{handbook}") || operation.ends_with("/visits/{visit}");
        for mother in mothers {
            let openid = format!("o{}", mother.user.id.0.simple());
            assert!(!text.contains(&mother.id_number), "{caller} {operation} tells the number");
            assert!(!text.contains(&openid), "{caller} {operation} tells the account");
            assert!(is_cover || !text.contains(&mother.phone), "{caller} {operation} tells the phone");
        }
        if !operation.contains("{handbook}") && !operation.ends_with("/visits/{visit}") {
            assert!(!text.contains("王小红"), "{caller} {operation} tells the whole name: {text}");
            lists += 1;
        }
    }
    assert!(lists > 50, "{lists}");

    // A search and a refusal.
    let mother = mothers[0];
    let desk = world.administrator(cast.county.health_centre).await;
    for question in [json!({ "id_number": mother.id_number }), json!({ "phone": mother.phone })] {
        let found = desk.post("/api/v1/handbooks/find", question).await;
        assert_eq!(found.ok()["items"][0]["woman"]["name"], "王**");
        assert!(!found.text().contains(&mother.id_number) && !found.text().contains(&mother.phone));
    }
    let mut again = crate::support::issuing::pregnant_form(1);
    again["woman"]["id_number"] = json!(mother.id_number);
    let refused = desk.post("/api/v1/handbooks", again).await;
    assert!(refused.status.is_client_error());
    assert!(!refused.text().contains(&mother.id_number) && !refused.text().contains(&mother.phone));
    let stranger = world.family_user().await;
    let strangers = stranger.client.get(&records(mother)).await;
    assert!(!strangers.text().contains("王"), "{}", strangers.text());
}

/// Figures and lists of persons are what is downloaded over the API for a region (`exports` goes further into the latter); a
/// copy of a family's own data names nobody else (`a_copy_holds_all_that_the_database_holds_of_the_family_and_nothing_of_others`).
#[tokio::test(flavor = "multi_thread")]
async fn a41_a_county_downloads_no_province_and_a_copy_is_of_ones_own_only() {
    let world = World::empty().await;
    let county = world.county().await;
    let (mine, theirs) = (world.mother(&county).await, world.mother(&county).await);
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await.client;
    for (code, level) in [(PROVINCE, "province"), (CITY, "city"), (OTHER_COUNTY, "county"), (COUNTY, "city")]
    {
        for format in ["json", "xlsx"] {
            for what in ["usage", "usage/days"] {
                let format = if what == "usage" { format!("&format={format}") } else { String::new() };
                let path = format!("/api/v1/{what}?region={code}&level={level}{format}");
                let refused = mch.get(&path).await;
                assert!(refused.status.is_client_error(), "{path}: {}", refused.status);
            }
        }
        let path = format!("/api/v1/staff?region={code}&level={level}");
        assert!(mch.get(&path).await.status.is_client_error(), "{path}");
    }
    let own = mch.get(&format!("/api/v1/usage?region={COUNTY}&level=county&format=xlsx")).await;
    assert_eq!(own.status, 200, "the own county's figures are");

    let list = |region: i64| {
        json!({
            "list": "unused", "form": "csv", "purpose": "逐村随访未使用手册的家庭", "filters": { "region": region },
        })
    };
    for code in [PROVINCE, CITY, OTHER_COUNTY] {
        mch.post("/api/v1/exports", list(code)).await.problem(403, "out_of_scope");
    }
    let export = mch.post("/api/v1/exports", list(COUNTY)).await.ok()["id"].clone();
    let file = format!("/api/v1/exports/{}/file", export.as_str().unwrap());
    let colleague =
        world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await.client;
    colleague.get(&file).await.problem(404, "not_found");
    assert_eq!(mch.get(&file).await.status, 200);

    for of in ["handbook", "user", "id", "job"] {
        let path = format!("/api/v1/me/export?{of}={}", theirs.handbook);
        mine.user.client.get(&path).await.problem(400, "bad_query");
    }
    mch.get("/api/v1/me/export").await.problem(403, "forbidden");
    let copy = mine.user.client.get("/api/v1/me/export").await;
    assert_eq!((copy.status.as_u16(), &copy.headers["cache-control"]), (200, &"no-store".parse().unwrap()));
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(copy.bytes)).unwrap();
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains(&theirs.id_number) && !text.contains(theirs.number.as_str()));
    }

    // The one link that opens something by itself is used once, and by whoever it was given to.
    let ticket = mine.user.client.post(&at(mine.handbook, "/live-ticket"), json!({})).await.ok();
    let url = ticket["url"].as_str().unwrap().to_owned();
    let open = Events::open(&mine.user.client, &url).await;
    let again = theirs.user.client.get(&url).await;
    assert!(again.status.is_client_error(), "{}", again.status);
    drop(open);
    let late = mine.user.client.post(&at(mine.handbook, "/live-ticket"), json!({})).await.ok();
    world.advance(chrono::TimeDelta::seconds(31));
    assert!(world.anybody().get(late["url"].as_str().unwrap()).await.status.is_client_error());
}

/// What else a withdrawal does is in `consents`; here is each way on which somebody would go round it.
#[tokio::test(flavor = "multi_thread")]
async fn a43_after_a_withdrawal_no_push_and_no_open_visit_goes_on() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let say = async |purpose: &str, given: bool| {
        let mut body = json!({ "given": given });
        if given {
            body["version"] = json!(purpose.parse::<domain::consent::Purpose>().unwrap().version());
        }
        send(client.request(Method::PUT, &at(mother.handbook, &format!("/consents/{purpose}"))).json(&body))
            .await
            .ok()
    };
    let record = id_of(&client.post(&entries(&mother), pressure(118, 76)).await.ok());
    let one = format!("{}/{record}", records(&mother));
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    doctor.client.get(&one).await.ok();
    let etag = doctor.client.get(&one).await.etag().to_owned();
    say("reminders", true).await;
    let may = async || {
        api::consents::store::may_remind(world.app.db.read(), mother.handbook, mother.user.id).await.unwrap()
    };
    assert!(may().await);

    say("share_entries", false).await;
    say("reminders", false).await;
    assert!(!may().await, "no push is sent any more");
    doctor.client.get(&one).await.problem(404, "not_found");
    let cached = send(doctor.client.request(Method::GET, &one).header("if-none-match", etag)).await;
    cached.problem(404, "not_found");
    assert_eq!(doctor.client.get(&records(&mother)).await.ok()["items"], json!([]));
    let reopened = doctor.client.get("/api/v1/visits").await;
    assert!(!reopened.text().contains(&record));
    let new_visit = doctor.scan(mother.show_code().await["url"].as_str().unwrap()).await;
    assert_eq!(new_visit.status, 201);
    doctor.client.get(&one).await.problem(404, "not_found");
    let managing = world.clinician(county.health_centre).await;
    managing.get(&one).await.problem(404, "not_found");
}
