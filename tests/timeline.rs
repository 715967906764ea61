//! The timeline: one list, newest first by day, page by page, for each reader as far as they may see.

use api::db::entities::record;
use api::records::store::{Filter, timeline_query};
use api::records::{Me, View};
use chrono::NaiveDate;
use domain::access::Role;
use domain::consent::Sharing;
use domain::id::RecordId;
use domain::place::RegionLevel;
use domain::record::{RecordState, Source, SubjectKind};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbBackend, EntityTrait, Statement};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::checkups::{antenatal, checkups};
use crate::entries::{entries, pressure, records};
use crate::support::people::{COUNTY, TOWN};
use crate::support::{Client, Mother, World};

fn row(mother: &Mother, on: NaiveDate, at: chrono::DateTime<chrono::Utc>) -> record::ActiveModel {
    record::ActiveModel {
        id: Set(RecordId(Uuid::now_v7())),
        handbook_id: Set(mother.handbook),
        subject: Set(SubjectKind::Household),
        source: Set(Source::Family),
        kind: Set("diary".to_owned()),
        edition: Set("2017".to_owned()),
        occurred_on: Set(on),
        user_id: Set(Some(mother.user.id)),
        author_role: Set("woman".to_owned()),
        state: Set(RecordState::Live),
        is_private: Set(false),
        awaits_countersign_of: Set(None),
        payload: Set(json!({ "date": on, "mood": "good" })),
        warnings: Set(json!([])),
        photos: Set(api::db::entities::PhotoIds::default()),
        recorded_at: Set(at),
        changed_at: Set(at),
        change_seq: Set(0),
        version: Set(1),
        ..Default::default()
    }
}

/// So many entries over the last days, three a day.
async fn fill(world: &World, mother: &Mother, count: i64) {
    let today = world.app.today();
    let on = |number: i64| today - chrono::TimeDelta::days(number / 3);
    let rows: Vec<_> = (0..count).map(|number| row(mother, on(number), world.now())).collect();
    for part in rows.chunks(300) {
        let inserting = record::Entity::insert_many(part.to_vec());
        inserting.exec_without_returning(world.app.db.write()).await.unwrap();
    }
}

async fn pages(client: &Client, mother: &Mother, query: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{}?limit=7{query}{cursor}", records(mother))).await.ok();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_newest_first_without_gaps_while_rows_are_added() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    fill(&world, &mother, 40).await;
    let client = &mother.user.client;
    let all = pages(client, &mother, "").await;
    assert_eq!(all.len(), 40);
    let keys: Vec<(String, String)> = all
        .iter()
        .map(|item| {
            (item["occurred_on"].as_str().unwrap().to_owned(), item["id"].as_str().unwrap().to_owned())
        })
        .collect();
    assert!(keys.windows(2).all(|two| two[0] > two[1]), "strictly falling");

    let first = client.get(&format!("{}?limit=10", records(&mother))).await.ok();
    client.post(&entries(&mother), pressure(118, 76)).await.ok();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = client.get(&format!("{}?limit=10&cursor={cursor}", records(&mother))).await.ok();
    assert_eq!(second["items"][0]["id"], all[10]["id"], "what came meanwhile moves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_is_narrowed_by_subject_child_source_kind_and_period() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    clinician.client.post(&checkups(&mother), antenatal(&world)).await.ok();
    client.post(&entries(&mother), pressure(118, 76)).await.ok();
    let child = world.birth(&mother, "2026-11-01".parse().unwrap()).await;
    let growth = json!({ "kind": "growth", "subject": { "child": child }, "payload": { "measured_at": "2026-11-20T08:00:00+08:00", "weight": 3.6 } });
    client.post(&entries(&mother), growth).await.ok();
    let cases = [
        (String::new(), 3),
        ("&subject=woman".into(), 2),
        ("&subject=child".into(), 1),
        (format!("&child={child}"), 1),
        (format!("&child={}", mother.handbook), 0),
        ("&source=clinician".into(), 1),
        ("&kind=blood_pressure".into(), 1),
        ("&from=2026-11-21".into(), 2),
        ("&to=2026-11-20".into(), 1),
        ("&from=2026-11-20&to=2026-11-20".into(), 1),
    ];
    for (query, count) in cases {
        assert_eq!(pages(client, &mother, &query).await.len(), count, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_query_is_told() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    fill(&world, &mother, 3).await;
    let client = &mother.user.client;
    let page = client.get(&format!("{}?limit=1", records(&mother))).await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    // The position can be read; moving it needs our key.
    let forged = {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let mut bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap();
        let day = bytes.windows(10).position(|window| window == b"2026-11-22").unwrap();
        bytes[day + 9] = b'1';
        URL_SAFE_NO_PAD.encode(bytes)
    };
    let cases = [
        ("limit=0".to_owned(), "bad_query"),
        ("limit=101".into(), "bad_query"),
        ("limit=x".into(), "bad_query"),
        ("from=2026-13-01".into(), "bad_query"),
        ("from=-200000-01-01".into(), "bad_query"),
        ("to=%2B200000-01-01".into(), "bad_query"),
        ("from=2026-11-22&to=2026-11-21".into(), "bad_query"),
        ("kind=wieght".into(), "bad_query"),
        ("subject=nobody".into(), "bad_query"),
        ("child=1".into(), "bad_query"),
        ("kind=%00".into(), "bad_query"),
        ("cursor=%25".into(), "bad_cursor"),
        (format!("cursor={cursor}&kind=diary"), "bad_cursor"),
        (format!("cursor={forged}"), "bad_cursor"),
    ];
    for (query, code) in cases {
        client.get(&format!("{}?{query}", records(&mother))).await.problem(400, code);
    }
    client.get(&format!("{}/no-id", records(&mother))).await.problem(404, "not_found");
    client.get("/api/v1/handbooks/no-id/records").await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_a_newer_server_never_hides_the_timeline() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    fill(&world, &mother, 2).await;
    let mut newer = row(&mother, world.app.today(), world.now());
    newer.kind = Set("dream".to_owned());
    newer.payload = Set(json!({ "colour": "blue" }));
    let mut damaged = row(&mother, world.app.today(), world.now());
    damaged.sealed = Set(Some(vec![1, 1, 2, 3]));
    for strange in [newer, damaged] {
        record::Entity::insert(strange).exec_without_returning(world.app.db.write()).await.unwrap();
    }
    let father = world.family_user().await;
    let (role, relation) = (domain::member::MemberRole::Viewer, domain::member::MemberRelation::Father);
    world.join(mother.handbook, father.id, role, relation, false).await;
    for (client, colour) in [(&mother.user.client, json!("blue")), (&father.client, Value::Null)] {
        let items = pages(client, &mother, "").await;
        assert_eq!(items.len(), 4);
        let dream = items.iter().find(|item| item["kind"] == "dream").unwrap();
        assert_eq!((&dream["understood"], &dream["payload"]["colour"]), (&json!(false), &colour));
        assert_eq!(items.iter().filter(|item| item["understood"] == false).count(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reader_sees_as_far_as_they_may() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let child = world.birth(&mother, "2026-11-01".parse().unwrap()).await;
    let client = &mother.user.client;
    let growth = json!({ "kind": "growth", "subject": { "child": child }, "payload": { "measured_at": "2026-11-20T08:00:00+08:00", "weight": 3.6 } });
    client.post(&entries(&mother), growth).await.ok();
    let of_woman = client.post(&entries(&mother), pressure(118, 76)).await.ok()["id"].clone();

    let kindergarten =
        world.staff(&[Role::KindergartenStaff], Some(county.kindergarten), TOWN, RegionLevel::Town).await;
    kindergarten.client.get(&records(&mother)).await.problem(404, "not_found");
    world.visit(mother.handbook, county.kindergarten, kindergarten.id).await;
    let seen = pages(&kindergarten.client, &mother, "").await;
    assert_eq!(seen.len(), 1, "the child's part only");
    let of_woman = format!("{}/{}", records(&mother), of_woman.as_str().unwrap());
    kindergarten.client.get(&of_woman).await.problem(404, "not_found");
    kindergarten.client.get(&format!("{of_woman}/versions")).await.problem(404, "not_found");

    let managing = world.staff(&[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town).await;
    assert_eq!(pages(&managing.client, &mother, "").await.len(), 2);
    let office =
        world.staff(&[Role::TownshipOffice], Some(county.township_office), TOWN, RegionLevel::Town).await;
    office.client.get(&records(&mother)).await.problem(403, "forbidden");
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await;
    mch.client.get(&records(&mother)).await.problem(403, "forbidden");
    world.family_user().await.client.get(&records(&mother)).await.problem(404, "not_found");
    world.anybody().get(&records(&mother)).await.problem(401, "not_signed_in");
    let other = world.mother(&county).await;
    let of_other = format!("{}/{}", records(&other), of_woman.rsplit('/').next().unwrap());
    other.user.client.get(&of_other).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_staff_read_is_written_down() {
    use api::db::entities::audit_event;
    use sea_orm::QueryFilter;
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    clinician.client.post(&checkups(&mother), antenatal(&world)).await.ok();
    clinician.client.get(&records(&mother)).await.ok();
    mother.user.client.get(&records(&mother)).await.ok();
    let reads = audit_event::Entity::find().filter(audit_event::COLUMN.kind.eq("read"));
    let log = reads.all(world.app.db.read()).await.unwrap();
    let read: Vec<_> = log.iter().map(|line| (line.staff_id, line.action.as_str())).collect();
    assert_eq!(read, [(Some(clinician.id), "read_records")]);
    clinician.client.get("/api/v1/checkups").await.ok();
    assert_eq!(world.reads().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_read_along_its_index_however_long_the_handbook_grew() {
    let world = World::empty().await;
    let county = world.county().await;
    let (mother, other) = (world.mother(&county).await, world.mother(&county).await);
    fill(&world, &mother, 3000).await;
    fill(&world, &other, 1500).await;
    let db = world.app.db.read();
    let backend = db.get_database_backend();
    if backend == DbBackend::Postgres {
        world.app.db.write().execute_unprepared("ANALYZE record").await.unwrap();
    }
    let family = View {
        me: Me::Family(mother.user.id),
        may_see_sensitive: true,
        children_only: false,
        own_only: false,
        sharing: Sharing { entries: true, of_children: true },
        with_withdrawn: false,
    };
    let clinician = View { me: Me::Staff(domain::id::StaffId(Uuid::now_v7())), ..family };
    let after = Some((world.app.today() - chrono::TimeDelta::days(300), RecordId(Uuid::now_v7())));
    for view in [family, clinician] {
        for after in [None, after] {
            let query = timeline_query(mother.handbook, &view, &Filter::default(), after, 51);
            let Statement { sql, values, .. } = backend.build(&query);
            let explain = if backend == DbBackend::Postgres { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
            let explained = Statement { sql: format!("{explain} {sql}"), values, db_backend: backend };
            let rows = db.query_all_raw(explained).await.unwrap();
            let column = if backend == DbBackend::Postgres { "QUERY PLAN" } else { "detail" };
            let plan: Vec<String> = rows.iter().map(|row| row.try_get("", column).unwrap()).collect();
            let plan = plan.join("\n");
            assert!(plan.contains("record_timeline"), "{plan}");
            let sorts = ["Sort", "TEMP B-TREE"].iter().any(|word| plan.contains(word));
            assert!(!sorts && !plan.contains("Seq Scan on record"), "{plan}");
        }
    }
}
