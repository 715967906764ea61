//! The code on the cover, which anybody can photograph.

use chrono::TimeDelta;
use domain::access::Role;
use domain::member::{MemberRelation, MemberRole};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::{nobodys, scanned, scanned_svg, url};
use crate::support::{StaffMember, World, send};

#[tokio::test(flavor = "multi_thread")]
async fn the_cover_opens_a_visit_with_the_last_four_and_the_family_is_told() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let administrator = world.worker(&[Role::HandbookAdministrator], county.health_centre).await;
    let doctor = world.doctor(county.hospital).await;
    let path = format!("/api/v1/handbooks/{}/printed-code", mother.handbook);
    let printed = administrator.client.get(&path).await.ok();
    let cover = url(&printed).to_owned();
    assert_eq!(
        (printed["serial"].as_i64(), printed["number"].as_str()),
        (Some(1), Some(&*mother.number.printed()))
    );
    assert_eq!(scanned_svg(printed["svg"].as_str().unwrap()), cover);
    let png = administrator.client.get(&format!("{path}?format=png")).await;
    assert_eq!(
        (png.headers["content-type"].to_str().unwrap(), scanned(&png.bytes)),
        ("image/png", cover.clone())
    );
    let svg = administrator.client.get(&format!("{path}?format=svg")).await;
    assert_eq!(
        (svg.headers["content-type"].to_str().unwrap(), scanned_svg(&svg.text())),
        ("image/svg+xml", cover.clone())
    );
    administrator.client.get(&format!("{path}?format=gif")).await.problem(400, "bad_query");

    doctor.scan(&cover).await.problem(422, "last_four_required");
    doctor.scan_cover(&cover, " ").await.problem(422, "last_four_required");
    let wrong = doctor.scan_cover(&cover, "12").await.problem(422, "invalid");
    assert_eq!(wrong["errors"][0]["pointer"], "/last_four");
    let forged = format!("{}{}", &cover[..cover.len() - 4], "AAAA");
    doctor.scan_cover(&forged, &mother.phone[7..]).await.problem(422, "code_refused");
    let wrong = doctor.scan_cover(&cover, &nobodys(&mother)).await.problem(422, "last_four_wrong");
    assert!(wrong["detail"].as_str().unwrap().contains("4 次"), "{wrong}");

    let visit = doctor.scan_cover(&cover, &mother.phone[7..]).await.ok();
    assert_eq!(
        (visit["kind"].as_str(), visit["ends_at"].as_str()),
        (Some("printed_code"), Some("2026-11-23T16:00:00Z"))
    );
    let by_number = mother.id_number[14..].to_lowercase();
    assert_eq!(doctor.scan_cover(&cover, &by_number).await.status, 201, "a cover is scanned again and again");
    assert_eq!(mother.told().await, ["visit_by_printed_code", "visit_by_printed_code"]);
    let text = mother.notices().await[0]["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("船山区人民医院扫描了封面二维码"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_four_of_a_child_or_of_a_guardian_who_proved_who_he_is_fit_too() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let administrator = world.worker(&[Role::HandbookAdministrator], county.health_centre).await;
    let doctor = world.doctor(county.hospital).await;
    let (_, child) = world.child(mother.handbook, "王小宝", "51090320260301777").await;
    let other = world.mother(&county).await;
    let cover = mother.cover(&administrator).await;
    let visit = doctor.scan_cover(&cover, &child[14..]).await.ok();
    assert_eq!(visit["cover"]["children"][0]["name"], "王小宝");

    let guardian = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await;
    let viewer = world.relative(&mother, MemberRole::Viewer, MemberRelation::Other).await;
    let stranger = &other.phone[7..];
    let become_person = "UPDATE wechat_user SET person_id = ? WHERE id = ?";
    world.execute(become_person, [other.person.into(), viewer.id.into()]).await;
    doctor.scan_cover(&cover, stranger).await.problem(422, "last_four_wrong");
    world.execute(become_person, [other.person.into(), guardian.id.into()]).await;
    assert_eq!(doctor.scan_cover(&cover, stranger).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_last_four_close_the_cover_to_that_person_for_an_hour_even_all_at_once() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let administrator = world.worker(&[Role::HandbookAdministrator], county.health_centre).await;
    let doctor = world.doctor(county.hospital).await;
    let cover = mother.cover(&administrator).await;
    let guess = nobodys(&mother);
    let answers = join_all((0..20).map(|_| doctor.scan_cover(&cover, &guess))).await;
    let with = |code: &str| answers.iter().filter(|answer| answer.json()["code"] == code).count();
    assert_eq!((with("last_four_wrong"), with("too_many_tries")), (5, 15));
    assert_eq!(mother.told().await, ["too_many_tries"], "she is told once");

    let refused = doctor.scan_cover(&cover, &mother.phone[7..]).await;
    refused.problem(429, "too_many_tries");
    assert_eq!(refused.headers["retry-after"], "3600");
    let colleague = world.doctor(county.hospital).await;
    assert_eq!(colleague.scan_cover(&cover, &mother.phone[7..]).await.status, 201, "others are not shut out");
    let another = world.mother(&county).await;
    let her_cover = another.cover(&administrator).await;
    assert_eq!(doctor.scan_cover(&her_cover, &another.phone[7..]).await.status, 201, "nor other handbooks");

    world.advance(TimeDelta::minutes(59));
    let doctor = StaffMember { client: world.sign_in_staff(doctor.id).await, ..doctor };
    doctor.scan_cover(&cover, &mother.phone[7..]).await.problem(429, "too_many_tries");
    world.advance(TimeDelta::minutes(1));
    assert_eq!(doctor.scan_cover(&cover, &mother.phone[7..]).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_last_four_forgives_the_wrong_ones_and_a_cover_scan_sent_again_costs_no_try() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let administrator = world.worker(&[Role::HandbookAdministrator], county.health_centre).await;
    let doctor = world.doctor(county.hospital).await;
    let cover = mother.cover(&administrator).await;
    let right = json!({ "code": cover, "last_four": &mother.phone[7..] });
    let again = || {
        let request =
            doctor.client.request(Method::POST, "/api/v1/visits").header("idempotency-key", "again");
        send(request.json(&right))
    };
    for _ in 0..4 {
        doctor.scan_cover(&cover, &nobodys(&mother)).await.problem(422, "last_four_wrong");
    }
    let first = again().await;
    for _ in 0..6 {
        assert_eq!(again().await.bytes, first.bytes);
    }
    for left in [4, 3, 2, 1, 0] {
        let wrong = doctor.scan_cover(&cover, &nobodys(&mother)).await.problem(422, "last_four_wrong");
        assert!(wrong["detail"].as_str().unwrap().contains(&format!("{left} 次")), "{wrong}");
    }
    assert_eq!(again().await.bytes, first.bytes, "what was answered stays answered");
    assert_eq!(world.number("SELECT COUNT(*) FROM visit").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_cover_opens_nothing_and_the_new_one_does() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let administrator = world.worker(&[Role::HandbookAdministrator], county.health_centre).await;
    let doctor = world.doctor(county.hospital).await;
    let old = mother.cover(&administrator).await;
    let revoke = format!("/api/v1/handbooks/{}/printed-code/revoke", mother.handbook);
    let reprint = administrator.client.post(&revoke, json!({})).await;
    assert_eq!(reprint.status, 201);
    let new = reprint.ok();
    assert_eq!(new["serial"], 2);
    assert_ne!(url(&new), old);
    for _ in 0..6 {
        doctor.scan_cover(&old, &mother.phone[7..]).await.problem(410, "code_revoked");
    }
    assert_eq!(doctor.scan_cover(url(&new), &mother.phone[7..]).await.status, 201);
    assert_eq!(mother.told().await, ["visit_by_printed_code", "code_reprinted"]);

    doctor.client.post(&revoke, json!({})).await.problem(403, "forbidden");
    let stranger = world.doctor(county.foreign_hospital).await;
    stranger.client.post(&revoke, json!({})).await.problem(404, "not_found");
    mother.user.client.post(&revoke, json!({})).await.problem(403, "forbidden");
    world.execute("UPDATE handbook SET printed_serial = 255 WHERE id = ?", [mother.handbook.into()]).await;
    administrator.client.post(&revoke, json!({})).await.problem(409, "prints_used_up");
    let last = mother.cover(&administrator).await;
    assert_eq!(world.doctor(county.mch).await.scan_cover(&last, &mother.phone[7..]).await.status, 201);
}
