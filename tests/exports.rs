//! Lists of persons: two hundred lines are free, more need a second person, a day has an end, and every page says who took it.

use std::io::{Cursor, Read};

use api::db::entities::{handbook, staff, visit};
use chrono::TimeDelta;
use domain::access::Role;
use domain::handbook::number::HandbookNumber;
use domain::id::{HandbookId, InstitutionId, StaffId, VisitId};
use domain::place::{RegionCode, RegionLevel};
use domain::visit::{Visit, VisitKind};
use futures_util::future::join_all;
use reqwest::Method;
use sea_orm::ActiveValue::Set;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::people::{CITY, PROVINCE, VILLAGE};
use crate::support::{Answer, COUNTY, Client, County, Mother, OTHER_COUNTY, StaffMember, TOWN, World, send};

const EXPORTS: &str = "/api/v1/exports";
const UNUSED: &str = "/api/v1/unused-handbooks";

fn visits(form: &str) -> Value {
    json!({ "list": "visits", "form": form, "purpose": "核对本周就诊登记，补录缺项" })
}

fn unused(form: &str) -> Value {
    json!({ "list": "unused", "form": form, "purpose": "逐村随访未使用手册的家庭" })
}

/// Visits of today to one handbook: a line each.
async fn visited(world: &World, mother: &Mother, institution: InstitutionId, staff: StaffId, many: i64) {
    let row = |at: i64| {
        let span = Visit::open(VisitKind::DynamicCode, world.now() - TimeDelta::seconds(at));
        let row = visit::Model {
            id: VisitId(Uuid::now_v7()),
            handbook_id: mother.handbook,
            institution_id: institution,
            staff_id: staff,
            kind: span.kind,
            reason: None,
            opened_at: span.opened_at,
            ends_at: span.ends_at,
        };
        row.into_active_model()
    };
    let rows = visit::Entity::insert_many((0..many).map(row));
    rows.exec_without_returning(world.app.db.write()).await.unwrap();
}

/// Further handbooks like a mother's, which nobody uses.
async fn more_books(world: &World, like: &Mother, many: i64) {
    books_from(world, like, 6_000_000, many).await;
}

/// The same, numbered from a serial on.
async fn books_from(world: &World, like: &Mother, first: i64, many: i64) {
    let model = handbook::Entity::find_by_id(like.handbook).one(world.app.db.read()).await.unwrap().unwrap();
    let row = |at: i64| {
        let id = HandbookId(Uuid::now_v7());
        let number = HandbookNumber::new(RegionCode(COUNTY), 2026, first + at).unwrap();
        let row = handbook::Model {
            id,
            number: number.as_str().to_owned(),
            expecting_id: None,
            counts_as: id,
            ..model.clone()
        };
        row.into_active_model()
    };
    for at in (0..many).step_by(100) {
        let rows = handbook::Entity::insert_many((at..many.min(at + 100)).map(row));
        rows.exec_without_returning(world.app.db.write()).await.unwrap();
    }
}

struct Day {
    world: World,
    county: County,
    mother: Mother,
    doctor: StaffMember,
    mch: StaffMember,
}

/// A doctor of the hospital with so many visits today, and somebody of the county MCH.
async fn day(visits: i64) -> Day {
    day_in(World::empty().await, visits).await
}

async fn day_in(world: World, visits: i64) -> Day {
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let mch = world.worker(&[Role::CountyMch], county.mch).await;
    if visits > 0 {
        visited(&world, &mother, county.hospital, doctor.id, visits).await;
    }
    Day { world, county, mother, doctor, mch }
}

async fn asked(client: &Client, body: Value) -> Value {
    client.post(EXPORTS, body).await.ok()
}

fn at(export: &Value, what: &str) -> String {
    format!("{EXPORTS}/{}{what}", export["id"].as_str().unwrap())
}

async fn approved(by: &StaffMember, export: &Value) -> Value {
    by.client.post(&at(export, "/decision"), json!({ "approve": true })).await.ok()
}

/// The lines of a CSV file, cells unquoted.
fn csv_of(file: &Answer) -> Vec<Vec<String>> {
    assert_eq!(file.status, 200, "{}", file.text());
    let bytes = file.bytes.strip_prefix(b"\xEF\xBB\xBF").expect("Excel is told that it is UTF-8");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    reader.records().map(|line| line.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// A part of a sheet.
fn part(file: &Answer, name: &str) -> String {
    assert_eq!(file.status, 200, "{}", file.text());
    let mut archive = zip::ZipArchive::new(Cursor::new(&file.bytes)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_201_lines_is_asked_for_approved_by_a_second_person_and_taken_by_who_asked() {
    let Day { world, mother, doctor, mch, .. } = day(201).await;
    let answer = doctor.client.post(EXPORTS, visits("csv")).await;
    assert_eq!(answer.status, 202);
    let export = answer.ok();
    assert_eq!((&export["state"], &export["lines"]), (&json!("waiting"), &json!(201)));
    doctor.client.get(&at(&export, "/file")).await.problem(409, "not_approved");

    let waiting = mch.client.get(&format!("{EXPORTS}?state=waiting")).await.ok();
    let item = &waiting["items"][0];
    assert_eq!(item["id"], export["id"]);
    assert_eq!(
        (&item["purpose"], &item["staff_name"], &item["institution_name"], &item["list_label"]),
        (
            &json!("核对本周就诊登记，补录缺项"),
            &json!("李医生"),
            &json!("船山区人民医院"),
            &json!("就诊名单")
        )
    );
    assert_eq!(item["filters"], json!({ "from": "2026-11-22", "to": "2026-11-22" }));
    approved(&mch, &export).await;
    mch.client.get(&at(&export, "/file")).await.problem(404, "not_found");

    let file = doctor.client.get(&at(&export, "/file")).await;
    let lines = csv_of(&file);
    assert_eq!(lines.len(), 1 + 1 + 201 + 1);
    let id = export["id"].as_str().unwrap();
    assert!(
        lines[0][0].starts_with("李医生（船山区人民医院）于2026-11-22 12:00（北京时间）导出《就诊名单》")
    );
    assert!(lines[0][0].contains(id), "{}", lines[0][0]);
    assert_eq!(lines[1][..2], ["手册编号", "姓名"]);
    assert_eq!(lines[2][..2], [mother.number.printed(), "王**".to_owned()], "masked as on the screen");
    assert_eq!(lines[203], ["共201行。"]);
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"list.csv\"");
    assert_eq!(file.headers["cache-control"], "no-store");
    let told = file.text();
    for personal in ["王小红", &mother.id_number, &mother.phone] {
        assert!(!told.contains(personal), "{personal}");
    }
    let seen = mch.client.get(&at(&export, "")).await.ok();
    assert_eq!((&seen["taken"], &seen["decided_by_name"]), (&json!(1), &json!("李医生")));
    let count = |action: &str| format!("SELECT COUNT(*) FROM audit_event WHERE action = '{action}'");
    for (action, times) in [("ask_disclosure", 1), ("decide_disclosure", 1)] {
        assert_eq!(world.number(&count(action)).await, times, "{action}");
    }
    let taken = "SELECT COUNT(*) FROM audit_event WHERE action = 'take_disclosure' AND kind = 'write'";
    assert_eq!(world.number(taken).await, 1);
    let log = mother.user.client.get(&format!("/api/v1/handbooks/{}/access-log", mother.handbook)).await.ok();
    assert!(!log["items"].as_array().unwrap().is_empty(), "the family reads that somebody read");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_short_files_of_a_day_are_a_long_one() {
    let Day { world, doctor, mch, .. } = day(150).await;
    let state = async |client: &Client| asked(client, visits("csv")).await["state"].clone();
    assert_eq!(
        asked(&doctor.client, visits("screen")).await["state"],
        "ready",
        "on the screen lists count by themselves"
    );
    assert_eq!(state(&doctor.client).await, "ready");
    let second = asked(&doctor.client, visits("csv")).await;
    assert_eq!(second["state"], "waiting");
    approved(&mch, &second).await;
    assert_eq!(state(&doctor.client).await, "waiting", "what was approved makes nothing else free");
    world.advance(TimeDelta::days(1));
    let tomorrow = world.sign_in_staff(doctor.id).await;
    let yesterday = json!({ "from": "2026-11-22", "to": "2026-11-22" });
    let mut body = visits("csv");
    body["filters"] = yesterday;
    assert_eq!(asked(&tomorrow, body).await["state"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_files_at_the_same_moment_are_not_both_free() {
    let Day { world: _world, doctor, .. } = day(150).await;
    let both = join_all((0..4).map(|_| asked(&doctor.client, visits("csv")))).await;
    assert_eq!(both.iter().filter(|export| export["state"] == "ready").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_handbooks_up_one_after_the_other_comes_to_the_end_of_the_day() {
    let world = World::with(|config| config.disclosure.lines_a_day = 2).await;
    let county = world.county().await;
    let desk = world.worker(&[Role::HandbookAdministrator], county.health_centre).await;
    let mothers = [world.mother(&county).await, world.mother(&county).await, world.mother(&county).await];
    let found = async |of: &Mother| {
        desk.client.post("/api/v1/handbooks/find", json!({ "number": of.number.printed() })).await
    };
    for of in [&mothers[0], &mothers[1], &mothers[0]] {
        assert_eq!(found(of).await.ok()["items"].as_array().unwrap().len(), 1);
    }
    found(&mothers[2]).await.problem(429, "too_many_lines");
    let mch = world.worker(&[Role::CountyMch], county.mch).await;
    assert_eq!(mch.client.get(EXPORTS).await.ok()["items"][0]["list"], "found");
    desk.client
        .post(EXPORTS, json!({ "list": "found", "form": "screen", "purpose": "核对窗口查询过的手册" }))
        .await
        .problem(422, "invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_lines_are_ready_at_once_and_seen_by_the_county_all_the_same() {
    let Day { world, doctor, mch, .. } = day(200).await;
    let answer = doctor.client.post(EXPORTS, visits("csv")).await;
    assert_eq!((answer.status.as_u16(), &answer.ok()["state"]), (201, &json!("ready")));
    let export = answer.ok();
    assert_eq!(csv_of(&doctor.client.get(&at(&export, "/file")).await).len(), 203);

    let unseen = format!("{EXPORTS}?seen=false");
    assert_eq!(mch.client.get(&unseen).await.ok()["items"][0]["id"], export["id"]);
    mch.client.post(&at(&export, "/seen"), json!({})).await.ok();
    mch.client.post(&at(&export, "/seen"), json!({})).await.problem(409, "already_seen");
    assert_eq!(mch.client.get(&unseen).await.ok()["items"], json!([]));
    assert_eq!(world.number("SELECT COUNT(*) FROM disclosure WHERE seen_by IS NOT NULL").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_their_own_and_the_county_mch_is_approved_by_a_colleague_or_the_city() {
    let Day { world, county, mother, mch, .. } = day(0).await;
    more_books(&world, &mother, 200).await;
    let first = asked(&mch.client, unused("xlsx")).await;
    let second = asked(&mch.client, unused("xlsx")).await;
    assert_eq!((&first["state"], &first["lines"]), (&json!("waiting"), &json!(201)));
    let yes = json!({ "approve": true });
    mch.client.post(&at(&first, "/decision"), yes.clone()).await.problem(403, "own_disclosure");
    let other_session = world.sign_in_staff(mch.id).await;
    other_session.post(&at(&first, "/decision"), yes.clone()).await.problem(403, "own_disclosure");

    let elsewhere = world.staff(&[Role::CountyMch], None, OTHER_COUNTY, RegionLevel::County).await;
    elsewhere.client.post(&at(&first, "/decision"), yes.clone()).await.problem(404, "not_found");
    elsewhere.client.get(&at(&first, "")).await.problem(404, "not_found");
    let desk = world.worker(&[Role::HandbookAdministrator], county.mch).await;
    desk.client.post(&at(&first, "/decision"), yes.clone()).await.problem(403, "forbidden");

    let colleague = world.worker(&[Role::CountyMch], county.mch).await;
    approved(&colleague, &first).await;
    let city = world.staff(&[Role::CityMch], None, CITY, RegionLevel::City).await;
    assert_eq!(city.client.get(EXPORTS).await.ok()["items"][0]["id"], second["id"]);
    approved(&city, &second).await;
    let province = world.staff(&[Role::ProvinceMch], None, PROVINCE, RegionLevel::Province).await;
    province.client.post(&at(&second, "/decision"), yes).await.problem(409, "already_decided");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_is_nobody_who_lately_issued_the_askers_password_nor_a_new_account() {
    let Day { world, county, doctor, mch, .. } = day(201).await;
    mch.client.post(&format!("/api/v1/staff/{}/reset-password", doctor.id), json!({})).await.ok();
    let usable = staff::ActiveModel { password_issued: Set(false), ..Default::default() };
    staff::Entity::update_many().set(usable).exec(world.app.db.write()).await.unwrap();
    let export = asked(&world.sign_in_staff(doctor.id).await, visits("csv")).await;
    world.advance(TimeDelta::minutes(1));
    let young = world.worker(&[Role::CountyMch], county.mch).await;
    for by in [&mch, &young] {
        let answer = by.client.post(&at(&export, "/decision"), json!({ "approve": true })).await;
        answer.problem(403, "reviewer_not_independent");
    }
    assert_eq!(mch.client.get(&at(&export, "")).await.ok()["state"], "waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_decide_at_once_one_does_and_a_refusal_has_a_reason() {
    let Day { world, county, doctor, mch, .. } = day(201).await;
    let export = asked(&doctor.client, visits("csv")).await;
    let short = json!({ "approve": false, "reason": "不行" });
    let answer = mch.client.post(&at(&export, "/decision"), short).await;
    assert_eq!(answer.problem(422, "invalid")["errors"][0]["pointer"], "/reason");
    let colleague = world.worker(&[Role::CountyMch], county.mch).await;
    let refusal = json!({ "approve": false, "reason": "登记核对不需要整张名单" });
    let address = at(&export, "/decision");
    let both = [&mch, &colleague, &mch, &colleague];
    let answers = join_all(both.map(|who| who.client.post(&address, refusal.clone()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    answers.iter().find(|answer| answer.status != 200).unwrap().problem(409, "already_decided");
    doctor.client.get(&at(&export, "/file")).await.problem(409, "not_approved");
    let mine = doctor.client.get(&at(&export, "")).await.ok();
    assert_eq!((&mine["state"], &mine["reason"]), (&json!("refused"), &json!("登记核对不需要整张名单")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_for_who_asked_twice_at_most_and_for_a_day() {
    let Day { world, county, doctor, .. } = day(3).await;
    let export = asked(&doctor.client, visits("csv")).await;
    let colleague = world.doctor(county.hospital).await;
    colleague.client.get(&at(&export, "/file")).await.problem(404, "not_found");
    colleague.client.get(&at(&export, "")).await.problem(404, "not_found");
    world.anybody().get(&at(&export, "/file")).await.problem(401, "not_signed_in");
    for _ in 0..2 {
        csv_of(&doctor.client.get(&at(&export, "/file")).await);
        idle(&world).await;
    }
    doctor.client.get(&at(&export, "/file")).await.problem(410, "disclosure_over");

    let later = asked(&doctor.client, visits("csv")).await;
    world.advance(TimeDelta::hours(24));
    let client = world.sign_in_staff(doctor.id).await;
    client.get(&at(&later, "/file")).await.problem(410, "disclosure_over");
    assert_eq!(client.get(&at(&later, "")).await.ok()["state"], "expired");
}

/// Until the file that was read is no longer counted as on its way.
async fn idle(world: &World) {
    for _ in 0..200 {
        if world.number("SELECT COUNT(*) FROM disclosure_day WHERE busy_until IS NOT NULL").await == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("a file is still on its way");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_decides_expires_after_a_week_and_goes_with_the_audit_log() {
    let Day { world, doctor, mch, .. } = day(201).await;
    let export = asked(&doctor.client, visits("csv")).await;
    world.advance(TimeDelta::days(7));
    let client = world.sign_in_staff(mch.id).await;
    assert_eq!(client.get(&at(&export, "")).await.ok()["state"], "expired");
    let answer = client.post(&at(&export, "/decision"), json!({ "approve": true })).await;
    answer.problem(409, "already_decided");
    api::disclosures::retain::carry_out(&world.app).await.unwrap();
    assert_eq!(world.number("SELECT COUNT(*) FROM disclosure WHERE state = 'expired'").await, 1);
    world.advance(TimeDelta::days(3 * 366));
    api::disclosures::retain::carry_out(&world.app).await.unwrap();
    assert_eq!(world.number("SELECT COUNT(*) FROM disclosure").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_role_the_institution_or_the_region_takes_nothing() {
    let Day { world, county, doctor, .. } = day(3).await;
    let export = asked(&doctor.client, visits("csv")).await;
    let file = at(&export, "/file");
    let is = "UPDATE staff SET roles = ? WHERE id = ?";
    world.execute(is, [json!(["kindergarten_staff"]).into(), doctor.id.into()]).await;
    // Visits are read by kindergartens too: the list is the same, and so is what was asked for.
    csv_of(&doctor.client.get(&file).await);
    idle(&world).await;
    world.execute(is, [json!(["village_worker"]).into(), doctor.id.into()]).await;
    doctor.client.get(&file).await.problem(403, "forbidden");
    world.execute(is, [json!(["clinician"]).into(), doctor.id.into()]).await;
    let moved = "UPDATE staff SET institution_id = ? WHERE id = ?";
    world.execute(moved, [county.mch.into(), doctor.id.into()]).await;
    doctor.client.get(&file).await.problem(403, "disclosure_void");
    world.execute(moved, [county.hospital.into(), doctor.id.into()]).await;
    world
        .execute(
            "UPDATE institution SET ended_at = ? WHERE id = ?",
            [world.now().into(), county.hospital.into()],
        )
        .await;
    assert!([401, 403].contains(&doctor.client.get(&file).await.status.as_u16()));
    let refused = "SELECT COUNT(*) FROM audit_event WHERE action = 'take_disclosure' AND kind = 'refused'";
    assert!(world.number(refused).await >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_county_does_not_export_the_province_and_a_village_only_its_own() {
    let Day { world, mother, mch, .. } = day(0).await;
    let with = |region: i64| {
        let mut body = unused("csv");
        body["filters"] = json!({ "region": region });
        body
    };
    for beyond in [PROVINCE, CITY, OTHER_COUNTY] {
        mch.client.post(EXPORTS, with(beyond)).await.problem(403, "out_of_scope");
        mch.client.get(&format!("{UNUSED}?region={beyond}")).await.problem(403, "out_of_scope");
    }
    mch.client.post(EXPORTS, with(999_999_999_999)).await.problem(422, "unknown_region");
    let lines = csv_of(&mch.client.get(&at(&asked(&mch.client, with(TOWN)).await, "/file")).await);
    assert_eq!(
        lines[2],
        [&mother.number.printed(), "王**", "孕妇", "2026-11-22", &VILLAGE.to_string(), "是"]
    );

    let village = world.staff(&[Role::VillageWorker], None, VILLAGE, RegionLevel::Village).await;
    assert_eq!(village.client.get(UNUSED).await.ok()["items"][0]["handbook"], mother.handbook.to_string());
    village.client.post(EXPORTS, with(TOWN)).await.problem(403, "out_of_scope");
    village.client.post(EXPORTS, visits("csv")).await.problem(403, "forbidden");
    world
        .execute(
            "UPDATE handbook SET first_used_at = ? WHERE id = ?",
            [world.now().into(), mother.handbook.into()],
        )
        .await;
    assert_eq!(village.client.get(UNUSED).await.ok()["items"], json!([]), "in use now");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_screen_a_list_goes_on_beyond_200_lines_only_with_an_approval() {
    let Day { world, mother, mch, county, .. } = day(0).await;
    more_books(&world, &mother, 249).await;
    let follow = async |most: usize| {
        let (mut path, mut given) = (format!("{UNUSED}?limit=90"), 0);
        loop {
            let answer = mch.client.get(&path).await;
            if answer.status != 200 {
                return (given, Some(answer));
            }
            let page = answer.ok();
            given += page["items"].as_array().unwrap().len();
            assert!(given <= most, "{given}");
            let Some(next) = page["next_cursor"].as_str() else { return (given, None) };
            path = format!("{UNUSED}?limit=90&cursor={next}");
        }
    };
    let (given, refused) = follow(200).await;
    assert_eq!(given, 200);
    let refused = refused.unwrap();
    assert!(refused.problem(403, "approval_needed")["detail"].as_str().unwrap().contains(EXPORTS));

    let export = asked(&mch.client, unused("screen")).await;
    assert_eq!(follow(200).await.0, 200, "asking is not enough");
    approved(&world.worker(&[Role::CountyMch], county.mch).await, &export).await;
    mch.client.get(&at(&export, "/file")).await.problem(409, "no_file");
    let (given, refused) = follow(250).await;
    assert_eq!((given, refused.is_none()), (250, true));
    assert_eq!(
        world.number("SELECT lines FROM disclosure_day").await,
        250,
        "each handbook counts once a day"
    );
    books_from(&world, &mother, 7_000_000, 1).await;
    assert_eq!(follow(250).await.0, 250, "no further than was approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_has_an_end_also_for_many_requests_at_once_and_the_county_is_told() {
    let world = World::with(|config| config.disclosure.lines_a_day = 30).await;
    let Day { world, mother, mch, county, .. } = day_in(world, 0).await;
    more_books(&world, &mother, 24).await;
    for town in 0..4 {
        let elsewhere = "UPDATE handbook SET region_code = ? WHERE number LIKE ?";
        let serial = format!("%60000{town}%");
        world.execute(elsewhere, [(VILLAGE + 1000 * town).into(), serial.into()]).await;
    }
    let desk = world.worker(&[Role::HandbookAdministrator], county.health_centre).await;
    let pages: Vec<_> = (1..=12).map(|limit| format!("{UNUSED}?limit={limit}")).collect();
    let answers = join_all(pages.iter().map(|page| desk.client.get(page))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "the same lines count once");
    assert_eq!(world.number("SELECT lines FROM disclosure_day").await, 12);
    assert_eq!(desk.client.get(UNUSED).await.status, 200);
    assert_eq!(world.number("SELECT lines FROM disclosure_day").await, 25);

    books_from(&world, &mother, 7_100_000, 20).await;
    let answers = join_all((26..=45).map(|limit| {
        let client = desk.client.clone();
        async move { client.get(&format!("{UNUSED}?limit={limit}")).await }
    }))
    .await;
    let most = world.number("SELECT lines FROM disclosure_day").await;
    assert!(most <= 30, "{most}");
    let refused = answers.iter().find(|answer| answer.status != 200).unwrap();
    refused.problem(429, "too_many_lines");
    assert_eq!(refused.headers["retry-after"], "43200", "until midnight in China");
    let told = mch.client.get(&format!("{EXPORTS}?state=over_limit")).await.ok();
    assert_eq!(told["items"].as_array().unwrap().len(), 1, "once a day");
    assert_eq!((&told["items"][0]["staff"], &told["items"][0]["lines"]), (&json!(desk.id), &json!(30)));

    world.advance(TimeDelta::hours(12));
    assert_eq!(world.sign_in_staff(desk.id).await.get(&format!("{UNUSED}?limit=30")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_count_their_lines_have_a_number_a_day_and_go_out_one_at_a_time() {
    let world = World::with(|config| {
        config.disclosure.lines_a_day = 20;
        config.disclosure.exports_a_day = 3;
    })
    .await;
    let Day { world, doctor, mother, county, mch, .. } = day_in(world, 9).await;
    let mut files = Vec::new();
    for _ in 0..4 {
        files.push(at(&asked(&doctor.client, visits("csv")).await, "/file"));
    }
    let answers = join_all(files.iter().map(|file| doctor.client.get(file))).await;
    idle(&world).await;
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    assert!((1..=2).contains(&taken), "nine lines each, twenty a day: {taken}");
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        let code = refused.json()["code"].as_str().unwrap().to_owned();
        assert!(["taking_one", "too_many_lines"].contains(&code.as_str()), "{code}");
        assert!(refused.headers.contains_key("retry-after"));
    }
    for file in &files {
        doctor.client.get(file).await;
        idle(&world).await;
    }
    doctor.client.get(&files[3]).await.problem(429, "too_many_lines");
    assert_eq!(world.number("SELECT lines FROM disclosure_day").await, 18);
    let told = mch.client.get(&format!("{EXPORTS}?state=over_limit")).await.ok();
    assert_eq!(told["items"].as_array().unwrap().len(), 1);
    mch.client.post(&at(&told["items"][0], "/seen"), json!({})).await.ok();

    visited(&world, &mother, county.hospital, doctor.id, 12).await;
    doctor.client.post(EXPORTS, visits("csv")).await.problem(422, "list_too_long");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_grew_ends_where_it_was_approved_and_says_so() {
    let Day { world, county, mother, doctor, .. } = day(3).await;
    let export = asked(&doctor.client, visits("csv")).await;
    visited(&world, &mother, county.hospital, doctor.id, 2).await;
    let lines = csv_of(&doctor.client.get(&at(&export, "/file")).await);
    assert_eq!(lines.len(), 1 + 1 + 3 + 1);
    assert!(lines[5][0].starts_with("共3行，已达申请的行数"), "{}", lines[5][0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sheet_says_who_took_it_and_no_cell_is_a_formula_in_either_language() {
    let Day { world, county, doctor, .. } = day(2).await;
    let name = "=HYPERLINK(\"http://x\")&院\t\r\n＋";
    world
        .execute("UPDATE institution SET name = ? WHERE id = ?", [name.into(), county.hospital.into()])
        .await;
    let sheet = doctor.client.get(&at(&asked(&doctor.client, visits("xlsx")).await, "/file")).await;
    idle(&world).await;
    assert_eq!(sheet.headers["content-disposition"], "attachment; filename=\"list.xlsx\"");
    let cells = part(&sheet, "xl/worksheets/sheet1.xml");
    assert!(!cells.contains("<f>"));
    let header = cells.split_once("<oddHeader>").unwrap().1.split_once("</oddHeader>").unwrap().0;
    assert!(header.contains("李医生") && header.contains("2026-11-22 12:00"), "{header}");
    assert!(header.contains("&amp;&amp;院"), "no code of a header: {header}");
    assert!(cells.contains("<oddFooter>") && part(&sheet, "xl/sharedStrings.xml").contains("李医生"));

    let english = async |path: String| {
        send(doctor.client.request(Method::GET, &path).header("accept-language", "en")).await
    };
    let export = asked(&doctor.client, visits("csv")).await;
    let lines = csv_of(&english(at(&export, "/file")).await);
    assert!(lines[0][0].starts_with("Exported by 李医生 (=HYPERLINK"), "{}", lines[0][0]);
    assert_eq!(lines[1][0], "Handbook number");
    assert_eq!(lines[4], ["2 lines."]);
    idle(&world).await;

    let alerts = world.doctor(county.health_centre).await;
    let body = json!({ "list": "alerts", "form": "csv", "purpose": "当日危险信号逐一电话回访" });
    world
        .execute("UPDATE institution SET name = ? WHERE id = ?", [name.into(), county.health_centre.into()])
        .await;
    let mother = world.mother(&county).await;
    mother.user.client.post(&crate::entries::entries(&mother), crate::entries::pressure(172, 112)).await.ok();
    let lines = csv_of(&alerts.client.get(&at(&asked(&alerts.client, body).await, "/file")).await);
    assert_eq!(lines[2][0], "王**");
    assert_eq!(lines[2][4], "'=HYPERLINK(\"http://x\")&院   ＋", "a cell is text");
    assert!(!lines[2][1].contains(&mother.phone));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_wrongly_is_refused_and_keeps_nothing() {
    let Day { world, doctor, mother, .. } = day(1).await;
    let pointer = async |field: &str, value: Value| {
        let mut body = visits("csv");
        body[field] = value;
        doctor.client.post(EXPORTS, body).await.problem(422, "invalid")["errors"][0]["pointer"].clone()
    };
    assert_eq!(pointer("purpose", json!("看看")).await, "/purpose");
    assert_eq!(pointer("list", json!("everybody")).await, "/list");
    assert_eq!(pointer("form", json!("pdf")).await, "/form");
    assert_eq!(pointer("list", json!("overrides")).await, "/form");
    assert_eq!(pointer("filters", json!({ "region": TOWN })).await, "/filters/region");
    let backwards = json!({ "from": "2026-11-22", "to": "2026-11-21" });
    assert_eq!(pointer("filters", backwards).await, "/filters/to");
    let long = json!({ "from": "2026-01-01", "to": "2026-11-22" });
    assert_eq!(pointer("filters", long).await, "/filters/to");
    mother.user.client.post(EXPORTS, visits("csv")).await.problem(403, "forbidden");
    assert_eq!(world.number("SELECT COUNT(*) FROM disclosure").await, 0);

    let mut body = visits("csv");
    body["id"] = json!(Uuid::now_v7());
    let again = async || send(doctor.client.request(Method::POST, EXPORTS).json(&body)).await.ok();
    assert_eq!(again().await, again().await, "sent twice, asked once");
    assert_eq!(world.number("SELECT COUNT(*) FROM disclosure").await, 1);
}
