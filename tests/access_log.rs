//! The family reads who looked, where and why, and what it was told.

use chrono::TimeDelta;
use domain::access::{Action, Role, Tie};
use domain::member::{MemberRelation, MemberRole};
use serde_json::json;

use crate::support::{World, send};

#[tokio::test(flavor = "multi_thread")]
async fn the_family_reads_in_plain_words_who_looked_where_and_why() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let code = mother.show_code().await;
    let visit = doctor.scan(code["url"].as_str().unwrap()).await.ok();
    let path = format!("/api/v1/handbooks/{}/access-log", mother.handbook);
    let log = mother.user.client.get(&path).await.ok();
    let look = &log["items"][0];
    assert_eq!(
        look,
        &json!({
            "id": look["id"],
            "at": "2026-11-22T04:00:00Z",
            "who": "李主治医师",
            "institution": "船山区人民医院",
            "action": "read_cover",
            "what": "查看手册封面",
            "why": "您在就诊时出示了手机上的二维码",
            "visit": { "id": visit["id"], "kind": "dynamic_code", "ends_at": "2026-11-23T16:00:00Z", "is_open": true },
        })
    );
    let english = mother.user.client.request(reqwest::Method::GET, &path).header("accept-language", "en");
    let english = send(english).await.ok();
    assert_eq!(english["items"][0]["who"], "李, 主治医师");
    assert_eq!(english["items"][0]["why"], "you showed the code on your phone at a visit");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_pages_newest_first_and_stays_stable_while_lines_are_added() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let staff = match api::session::store::caller(
        world.app.db.read(),
        session_of(&world, &doctor).await,
        world.now(),
    )
    .await
    .unwrap()
    {
        Some(api::session::Caller::Staff(staff)) => staff,
        other => panic!("{other:?}"),
    };
    let look = |tie| api::access::log::Read {
        handbook: mother.handbook,
        action: Action::ReadRecords,
        tie,
        visit: None,
    };
    let write = async |tie| {
        api::access::log::write(&world.app, &staff, &[look(tie)]).await.unwrap();
    };
    for tie in [None, Some(Tie::Issuing), Some(Tie::Managing), Some(Tie::HighRisk), Some(Tie::LateResults)] {
        write(tie).await;
    }
    let path = format!("/api/v1/handbooks/{}/access-log", mother.handbook);
    let mut cursor = String::new();
    let mut reasons = Vec::new();
    loop {
        let page = mother.user.client.get(&format!("{path}?limit=2{cursor}")).await.ok();
        write(Some(Tie::Delegated)).await;
        reasons.extend(
            page["items"].as_array().unwrap().iter().map(|look| look["why"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(
        reasons,
        [
            "补录您就诊时的检查结果",
            "高危孕产妇由县级妇幼保健机构专案管理",
            "该机构负责您的健康管理",
            "该机构发放了这本手册",
            "在窗口办理业务时查找手册",
        ]
    );
    let notices = format!("/api/v1/handbooks/{}/notices?limit=2{cursor}", mother.handbook);
    mother.user.client.get(&notices).await.problem(400, "bad_cursor");
}

async fn session_of(world: &World, doctor: &crate::support::StaffMember) -> domain::id::SessionId {
    use api::db::entities::session;
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
    let found = session::Entity::find().filter(session::COLUMN.staff_id.eq(doctor.id));
    found.one(world.app.db.read()).await.unwrap().unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_and_guardians_read_the_log_and_the_notices_and_nobody_else_does() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let guardian = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await;
    let viewer = world.relative(&mother, MemberRole::Viewer, MemberRelation::Grandparent).await;
    let stranger = world.family_user().await;
    let managing = world.worker(&[Role::Clinician, Role::HandbookAdministrator], county.health_centre).await;
    let elsewhere = world.doctor(county.hospital).await;
    for list in ["access-log", "notices"] {
        let path = format!("/api/v1/handbooks/{}/{list}", mother.handbook);
        assert_eq!(guardian.client.get(&path).await.ok()["items"], json!([]));
        viewer.client.get(&path).await.problem(403, "forbidden");
        stranger.client.get(&path).await.problem(404, "not_found");
        managing.client.get(&path).await.problem(403, "forbidden");
        elsewhere.client.get(&path).await.problem(404, "not_found");
        world.anybody().get(&path).await.problem(401, "not_signed_in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_page_newest_first_in_both_languages() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let administrator = world.worker(&[Role::HandbookAdministrator], county.health_centre).await;
    let revoke = format!("/api/v1/handbooks/{}/printed-code/revoke", mother.handbook);
    for _ in 0..3 {
        world.advance(TimeDelta::seconds(1));
        administrator.client.post(&revoke, json!({})).await.ok();
    }
    let path = format!("/api/v1/handbooks/{}/notices", mother.handbook);
    let first = mother.user.client.get(&format!("{path}?limit=2")).await.ok();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = mother.user.client.get(&format!("{path}?limit=2&cursor={cursor}")).await.ok();
    let seqs: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|item| item["change_seq"].as_i64().unwrap())
        .collect();
    assert_eq!(seqs, [3, 2, 1]);
    let english = mother.user.client.request(reqwest::Method::GET, &path).header("accept-language", "en-GB");
    let text = send(english).await.ok()["items"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(text, "河沙镇卫生院 printed a new code for the cover; the old one is void.");
}
