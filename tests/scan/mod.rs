//! A family shows its code, a clinic scans it; covers, ID cards, and everything that must not open a handbook.

mod cover;
mod id_card;

use chrono::TimeDelta;
use domain::access::Role;
use domain::member::{MemberRelation, MemberRole};
use domain::place::RegionLevel;
use futures_util::future::join_all;
use image::GrayImage;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Mother, StaffMember, TOWN, World, send};

/// What a scanner reads from a PNG.
fn scanned(png: &[u8]) -> String {
    read_from(image::load_from_memory(png).unwrap().to_luma8())
}

/// What a scanner reads from an SVG of rectangles `M x y h w v h H x V y`.
fn scanned_svg(svg: &str) -> String {
    let size = regex::Regex::new(r#"viewBox="0 0 (\d+) (\d+)""#).unwrap().captures(svg).unwrap();
    let (width, height) = (size[1].parse().unwrap(), size[2].parse().unwrap());
    let mut picture = GrayImage::from_pixel(width, height, image::Luma([255]));
    for rectangle in regex::Regex::new(r"M(\d+) (\d+)h(\d+)v(\d+)").unwrap().captures_iter(svg) {
        let [x, y, w, h] = [1, 2, 3, 4].map(|at| rectangle[at].parse::<u32>().unwrap());
        for (x, y) in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            picture.put_pixel(x, y, image::Luma([0]));
        }
    }
    read_from(picture)
}

fn read_from(picture: GrayImage) -> String {
    let mut prepared = rqrr::PreparedImage::prepare(picture);
    let grids = prepared.detect_grids();
    assert_eq!(grids.len(), 1, "one code in the picture");
    grids[0].decode().unwrap().1
}

/// Whether a clinician may follow the handbook, which takes an open visit or the managing institution.
async fn may_follow(doctor: &StaffMember, mother: &Mother) -> bool {
    let path = format!("/api/v1/handbooks/{}/changes", mother.handbook);
    doctor.client.get(&path).await.status.is_success()
}

fn url(code: &Value) -> &str {
    code["url"].as_str().unwrap()
}

/// Four characters that are nobody's last four.
fn nobodys(mother: &Mother) -> String {
    let own = [&mother.id_number[14..], &mother.phone[7..]];
    (0..10).map(|digit: u8| digit.to_string().repeat(4)).find(|four| !own.contains(&four.as_str())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinic_scans_the_code_on_the_phone_and_may_read_until_the_end_of_the_next_day() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    assert!(!may_follow(&doctor, &mother).await);

    let code = mother.show_code().await;
    assert_eq!(code["expires_at"], "2026-11-22T04:05:00Z");
    use base64::Engine;
    let png = base64::engine::general_purpose::STANDARD.decode(code["png"].as_str().unwrap()).unwrap();
    let read = scanned(&png);
    assert_eq!(read, url(&code));
    assert_eq!(scanned_svg(code["svg"].as_str().unwrap()), read);
    assert!(!read.contains(mother.number.as_str()), "the code says nothing about whose it is");

    let answer = doctor.scan(&read).await;
    assert_eq!(answer.status, 201);
    let visit = answer.ok();
    assert_eq!(visit["kind"], "dynamic_code");
    assert_eq!(visit["handbook"], mother.handbook.to_string());
    assert_eq!(visit["ends_at"], "2026-11-23T16:00:00Z");
    assert_eq!(visit["cover"]["woman"], json!({ "name": "王小红", "birth_date": "1995-01-01" }));
    assert_eq!(visit["cover"]["pregnancy"], json!({ "due_date": "2027-03-01", "gestational_age": "25+6" }));
    assert_eq!(visit["cover"]["number"], mother.number.printed());
    assert!(!answer.text().contains(&mother.id_number) && !answer.text().contains(&mother.phone));
    assert!(may_follow(&doctor, &mother).await);
    assert!(may_follow(&world.doctor(county.hospital).await, &mother).await, "the institution may read");
    assert!(!may_follow(&world.doctor(county.foreign_hospital).await, &mother).await);

    assert_eq!(world.number("SELECT COUNT(*) FROM usage_evidence WHERE kind = 'scan'").await, 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM handbook WHERE first_used_at IS NOT NULL").await, 1);
    let used = "SELECT CAST(SUM(count) AS BIGINT) FROM usage_counter WHERE used_in > 0";
    assert_eq!(world.number(used).await, 1, "used");
    assert_eq!(mother.told().await, Vec::<String>::new(), "she showed it herself");

    world.advance(TimeDelta::hours(36));
    let doctor = StaffMember { client: world.sign_in_staff(doctor.id).await, ..doctor };
    assert!(!may_follow(&doctor, &mother).await, "the day after tomorrow it is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_scans_of_one_code_from_two_institutions_open_one_visit() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let desks = [world.doctor(county.hospital).await, world.doctor(county.foreign_hospital).await];
    let code = mother.show_code().await;
    let scans = (0..50).map(|at| desks[at % 2].scan(url(&code)));
    let answers = join_all(scans).await;
    let opened: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(opened.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.problem(409, "code_used");
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM visit").await, 1);
    assert_eq!(world.reads().await, 1);
    let winner = opened[0].ok()["id"].as_str().unwrap().to_owned();
    let seen = join_all(desks.iter().map(|desk| desk.client.get("/api/v1/visits"))).await;
    let lists: Vec<_> = seen.iter().map(|answer| answer.ok()["items"].as_array().unwrap().len()).collect();
    assert_eq!(lists.iter().sum::<usize>(), 1);
    assert!(seen.iter().any(|answer| answer.text().contains(&winner)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_is_sent_again_opens_the_same_visit() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let code = mother.show_code().await;
    let scan = |body: Value| {
        let request = doctor.client.request(Method::POST, "/api/v1/visits");
        send(request.header("idempotency-key", "lost-answer").json(&body))
    };
    let twins = join_all((0..5).map(|_| scan(json!({ "code": url(&code) })))).await;
    for twin in &twins {
        assert_eq!((twin.status.as_u16(), &twin.bytes), (201, &twins[0].bytes));
    }
    scan(json!({ "code": "https://h/s/abcdefghijklmnopqrst-_" }))
        .await
        .problem(422, "idempotency_key_reused");
    send(doctor.client.request(Method::POST, "/api/v1/visits").json(&json!({ "code": url(&code) })))
        .await
        .problem(400, "idempotency_key_required");
    assert_eq!(world.number("SELECT COUNT(*) FROM visit").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_used_foreign_or_damaged_code_says_what_to_do_and_opens_nothing() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let old = mother.show_code().await;
    world.advance(TimeDelta::minutes(5));
    doctor.scan(url(&old)).await.problem(410, "code_expired");
    let english = doctor.client.request(Method::POST, "/api/v1/visits").header("accept-language", "en");
    let english = send(english.header("idempotency-key", "e").json(&json!({ "code": url(&old) }))).await;
    assert_eq!(english.problem(410, "code_expired")["title"], "Code expired");

    let fresh = mother.show_code().await;
    let damaged = &url(&fresh)[..url(&fresh).len() - 1];
    for text in
        ["", "https://weixin.qq.com/", "https://h/s/abcdefghijklmnopqrst-_", damaged, &"a".repeat(9999)]
    {
        let problem = doctor.scan(text).await.problem(422, "code_refused");
        assert_eq!(problem["title"], "二维码无效");
    }
    let unknown_field = json!({ "code": url(&fresh), "institution": county.mch });
    doctor.client.post("/api/v1/visits", unknown_field).await.problem(422, "invalid");
    assert_eq!(world.number("SELECT COUNT(*) FROM visit").await, 0);
    assert_eq!(doctor.scan(url(&fresh)).await.status, 201, "nothing of that used it up");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_of_a_former_member_opens_nothing() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let father = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await;
    let path = format!("/api/v1/handbooks/{}/code", mother.handbook);
    let code = father.client.post(&path, json!({})).await.ok();
    let leave = "UPDATE member SET ended_at = ? WHERE user_id = ?";
    world.execute(leave, [world.now().into(), father.id.into()]).await;
    world.doctor(county.hospital).await.scan(url(&code)).await.problem(410, "code_expired");
    father.client.post(&path, json!({})).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_and_guardians_show_codes_and_nobody_makes_a_flood_of_them() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let path = format!("/api/v1/handbooks/{}/code", mother.handbook);
    let guardian = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await;
    let viewer = world.relative(&mother, MemberRole::Viewer, MemberRelation::Grandparent).await;
    assert_eq!(guardian.client.post(&path, json!({})).await.status, 201);
    viewer.client.post(&path, json!({})).await.problem(403, "forbidden");
    world.family_user().await.client.post(&path, json!({})).await.problem(404, "not_found");
    world.doctor(county.health_centre).await.client.post(&path, json!({})).await.problem(403, "forbidden");
    world.anybody().post(&path, json!({})).await.problem(401, "not_signed_in");

    let (first, second) = (mother.show_code().await, mother.show_code().await);
    let doctor = world.doctor(county.hospital).await;
    for code in [&second, &first] {
        assert_eq!(doctor.scan(url(code)).await.status, 201, "a new one does not end the older");
    }
    for _ in 2..30 {
        mother.show_code().await;
    }
    let refused = mother.user.client.post(&path, json!({})).await;
    refused.problem(429, "too_many_requests");
    assert_eq!(refused.headers["retry-after"], "60");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_handbook_takes_no_visit_by_any_way() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let administrator = world.worker(&[Role::HandbookAdministrator], county.health_centre).await;
    let doctor = world.doctor(county.hospital).await;
    let (code, cover) = (mother.show_code().await, mother.cover(&administrator).await);
    world.execute("UPDATE handbook SET state = 'closed' WHERE id = ?", [mother.handbook.into()]).await;
    doctor.scan(url(&code)).await.problem(409, "handbook_closed");
    assert_eq!(world.number("SELECT COUNT(*) FROM code WHERE redeemed_at IS NOT NULL").await, 0);
    for _ in 0..6 {
        doctor.scan_cover(&cover, &nobodys(&mother)).await.problem(409, "handbook_closed");
    }
    doctor.client.post("/api/v1/visits/by-id-card", card(&mother)).await.problem(409, "handbook_closed");
    let path = format!("/api/v1/handbooks/{}", mother.handbook);
    mother.user.client.post(&format!("{path}/code"), json!({})).await.problem(409, "handbook_closed");
    administrator.client.get(&format!("{path}/printed-code")).await.problem(409, "handbook_closed");
    let revoke = format!("{path}/printed-code/revoke");
    administrator.client.post(&revoke, json!({})).await.problem(409, "handbook_closed");
    assert_eq!(world.number("SELECT COUNT(*) FROM visit").await, 0);
}

fn card(mother: &Mother) -> Value {
    json!({
        "id_number": mother.id_number,
        "number": mother.number.printed(),
        "name": "王小红",
        "reason": "手机没电，手册忘在家里，孕妇已到诊室",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_examines_or_issues_opens_visits_and_only_for_an_institution_that_works() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let code = mother.show_code().await;
    for role in
        [Role::VillageWorker, Role::TownshipOffice, Role::CountyMch, Role::CityMch, Role::SystemAdministrator]
    {
        world.worker(&[role], county.mch).await.scan(url(&code)).await.problem(403, "forbidden");
    }
    mother.user.client.post("/api/v1/visits", json!({ "code": url(&code) })).await.problem(403, "forbidden");
    world.anybody().post("/api/v1/visits", json!({ "code": url(&code) })).await.problem(401, "not_signed_in");
    let nowhere = world.staff(&[Role::Clinician], None, TOWN, RegionLevel::Town).await;
    nowhere.scan(url(&code)).await.problem(403, "out_of_scope");
    let closed = world.doctor(county.foreign_hospital).await;
    let end = "UPDATE institution SET ended_at = ? WHERE id = ?";
    world.execute(end, [world.now().into(), county.foreign_hospital.into()]).await;
    closed.scan(url(&code)).await.problem(403, "out_of_scope");
    let kindergarten = world.worker(&[Role::KindergartenStaff], county.kindergarten).await;
    let visit = kindergarten.scan(url(&code)).await.ok();
    assert_eq!(visit["cover"]["woman"], json!({ "name": "王**" }), "a kindergarten sees the child part");
    assert!(visit["cover"]["pregnancy"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_lists_its_visits_of_the_day_with_masked_names() {
    let world = World::empty().await;
    let county = world.county().await;
    let doctor = world.doctor(county.hospital).await;
    for _ in 0..3 {
        let mother = world.mother(&county).await;
        world.advance(TimeDelta::seconds(1));
        doctor.scan(url(&mother.show_code().await)).await.ok();
    }
    let elsewhere = world.doctor(county.foreign_hospital).await;
    let mother = world.mother(&county).await;
    let foreign = elsewhere.scan(url(&mother.show_code().await)).await.ok();

    let first = doctor.client.get("/api/v1/visits?limit=2").await;
    let personal = regex::Regex::new(r"王小|\d{17}[\dX]|\b1\d{10}\b").unwrap();
    assert!(!personal.is_match(&first.text()), "{}", first.text());
    let first = first.ok();
    assert_eq!(first["items"][0]["name"], "王**");
    assert_eq!((&first["items"][0]["is_open"], &first["items"][0]["is_mine"]), (&json!(true), &json!(true)));
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = doctor.client.get(&format!("/api/v1/visits?limit=2&cursor={cursor}")).await.ok();
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert!(second["next_cursor"].is_null());
    let opened = |at: usize, page: &Value| page["items"][at]["opened_at"].as_str().unwrap().to_owned();
    let times = [opened(0, &first), opened(1, &first), opened(0, &second)];
    assert!(times.is_sorted_by(|earlier, later| earlier > later), "{times:?}");
    assert_eq!(world.reads().await, 4 + 3, "four visits, three listed");

    assert_eq!(doctor.client.get("/api/v1/visits?day=2026-11-21").await.ok()["items"], json!([]));
    doctor.client.get("/api/v1/visits?day=2026-13-01").await.problem(400, "bad_query");
    doctor.client.get("/api/v1/visits?day=-262143-01-01").await.problem(400, "bad_query");
    doctor.client.get("/api/v1/visits?limit=0").await.problem(400, "bad_query");
    elsewhere.client.get(&format!("/api/v1/visits?cursor={cursor}")).await.problem(400, "bad_cursor");
    let one = format!("/api/v1/visits/{}", first["items"][0]["id"].as_str().unwrap());
    assert_eq!(doctor.client.get(&one).await.ok()["id"], first["items"][0]["id"]);
    elsewhere.client.get(&one).await.problem(404, "not_found");
    let foreign = format!("/api/v1/visits/{}", foreign["id"].as_str().unwrap());
    doctor.client.get(&foreign).await.problem(404, "not_found");
    doctor.client.get("/api/v1/visits/none").await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_ended_by_its_desk_or_by_the_family_and_reads_nothing_after() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let stranger = world.doctor(county.foreign_hospital).await;
    let visit = doctor.scan(url(&mother.show_code().await)).await.ok();
    let at_the_desk = format!("/api/v1/visits/{}/end", visit["id"].as_str().unwrap());
    stranger.client.post(&at_the_desk, json!({})).await.problem(404, "not_found");
    assert!(may_follow(&doctor, &mother).await);
    let ended = doctor.client.post(&at_the_desk, json!({})).await.ok();
    assert_eq!(ended["ends_at"], "2026-11-22T04:00:00Z");
    assert!(!may_follow(&doctor, &mother).await);
    let over = doctor.client.post(&at_the_desk, json!({})).await.problem(409, "visit_over");
    assert!(over["detail"].as_str().unwrap().contains("2026-11-22 12:00"), "{over}");

    let visit = doctor.scan(url(&mother.show_code().await)).await.ok();
    let id = visit["id"].as_str().unwrap();
    let by_family = format!("/api/v1/handbooks/{}/visits/{id}/end", mother.handbook);
    let viewer = world.relative(&mother, MemberRole::Viewer, MemberRelation::Grandparent).await;
    viewer.client.post(&by_family, json!({})).await.problem(403, "forbidden");
    let other = world.mother(&county).await;
    other.user.client.post(&by_family, json!({})).await.problem(404, "not_found");
    let through_own = format!("/api/v1/handbooks/{}/visits/{id}/end", other.handbook);
    other.user.client.post(&through_own, json!({})).await.problem(404, "not_found");
    assert!(may_follow(&doctor, &mother).await);
    mother.user.client.post(&by_family, json!({})).await.ok();
    assert!(!may_follow(&doctor, &mother).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_scans_outside_wechat_sees_one_page_that_tells_nothing() {
    let world = World::with(|config| {
        config.wechat.verification = Some(api::config::VerificationFile {
            name: "Ab12Cd.txt".to_owned(),
            content: "0123456789abcdef".to_owned(),
        });
    })
    .await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let administrator = world.worker(&[Role::HandbookAdministrator], county.health_centre).await;
    let path = |url: &str| url[url.find("/s/").unwrap()..].to_owned();
    let good = path(url(&mother.show_code().await));
    let cover = path(&mother.cover(&administrator).await);
    let page = world.anybody().get(&good).await;
    assert_eq!(page.status, 200);
    for code in [&cover, "/s/made-up", "/s/..%2F..", "/s/other.txt"] {
        let other = world.anybody().get(code).await;
        assert_eq!((other.status, &other.bytes), (page.status, &page.bytes), "{code}");
    }
    let text = page.text();
    assert!(text.find("母子健康手册").unwrap() < text.find("Mother-and-child").unwrap());
    assert!(!text.contains("王") && !text.contains("http") && !text.contains("<script"));
    let header = |name: &str| page.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(
        (header("x-robots-tag"), header("referrer-policy")),
        ("noindex, nofollow".into(), "no-referrer".into())
    );
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"));
    use base64::Engine;
    let style = &text[text.find("<style>").unwrap() + 7..text.find("</style>").unwrap()];
    let hash = base64::engine::general_purpose::STANDARD.encode(api::keys::sha256(style.as_bytes()));
    assert!(policy.contains(&hash), "the policy allows the style of the page");
    assert_eq!(world.number("SELECT COUNT(*) FROM code WHERE redeemed_at IS NOT NULL").await, 0);

    let file = world.anybody().get("/s/Ab12Cd.txt").await;
    assert_eq!((file.status.as_u16(), file.text().as_str()), (200, "0123456789abcdef"));
    assert_eq!(file.headers["content-type"], "text/plain; charset=utf-8");
}
