//! Charts that the server draws.

use api::db::entities::{child, person, pregnancy};
use chrono::TimeDelta;
use domain::id::ChildId;
use domain::person::Sex;
use reqwest::Method;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::entries::entries;
use crate::support::people::Mother;
use crate::support::{Client, World, skip};

fn chart(child: ChildId, query: &str) -> String {
    format!("/api/v1/children/{child}/growth-chart.svg?{query}")
}

async fn drawn(client: &Client, child: ChildId, query: &str) -> String {
    let answer = client.get(&chart(child, query)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.headers["content-type"], "image/svg+xml");
    assert_eq!(answer.headers["cache-control"], "private, no-store");
    answer.text()
}

/// A girl of three months who is weighed at one and at two months.
async fn weighed(world: &World, mother: &Mother) -> (ChildId, Vec<String>) {
    let child = world.birth(mother, "2026-08-20".parse().unwrap()).await;
    let row = child::Entity::find_by_id(child).one(world.app.db.read()).await.unwrap().unwrap();
    let girl =
        person::ActiveModel { id: Set(row.person_id), sex: Set(Some(Sex::Female)), ..Default::default() };
    person::Entity::update(girl).exec(world.app.db.write()).await.unwrap();
    let mut ids = Vec::new();
    for (day, kg) in [("2026-09-20", 4.2), ("2026-10-20", 5.1)] {
        let body = json!({ "kind": "growth", "subject": { "child": child }, "payload": { "measured_at": format!("{day}T08:00:00+08:00"), "weight": kg } });
        let written = mother.user.client.post(&entries(mother), body).await.ok();
        ids.push(written["id"].as_str().unwrap().to_owned());
    }
    (child, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_growth_chart_shows_what_was_measured_on_the_curves_and_says_it_in_words() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let (child, _) = weighed(&world, &mother).await;
    let chart = drawn(&mother.user.client, child, "measure=weight_for_age").await;
    assert!(chart.starts_with("<svg role=\"img\" lang=\"zh-CN\""), "{}", &chart[..200]);
    assert!(chart.contains("<title id=\"chart-title\">年龄别体重 · WS/T 423—2022 · 女</title>"));
    assert!(chart.contains("2026-10-20，2月龄：5.1 kg，中；2026-09-20，1月龄：4.2 kg，中"), "{chart}");
    for label in ["-3SD", "0", "+3SD", "月龄", "kg", "医疗机构测量", "家庭测量"] {
        assert!(chart.contains(label), "{label}");
    }
    assert!(!chart.contains("按实际月龄"));
    let curves = chart.matches("<polyline").count();
    assert!(curves >= 8, "seven curves and a course: {curves}");

    let english = mother
        .user
        .client
        .request(Method::GET, &self::chart(child, "measure=weight_for_age&standard=who&size=paper"));
    let english = english.header("accept-language", "en").send().await.unwrap().text().await.unwrap();
    assert!(english.contains("lang=\"en\"") && english.contains("width=\"1040\""), "{}", &english[..300]);
    assert!(english.contains("weight for age · WHO 2006/2007 · female"));
    assert!(english.contains("2026-10-20, 2 months: 5.1 kg, middle"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_chart_is_given_as_pixels_where_there_is_a_font() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let (child, _) = weighed(&world, &mother).await;
    let png = |child: ChildId| format!("/api/v1/children/{child}/growth-chart.png?measure=weight_for_age");
    if world.app.fonts.get().is_none() {
        mother.user.client.get(&png(child)).await.problem(501, "no_font");
        skip("there is no font with Chinese characters on this machine");
        return;
    }
    let answer = mother.user.client.get(&png(child)).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["content-type"]),
        (200, &"image/png".parse().unwrap())
    );
    let picture = image::load_from_memory(&answer.bytes).unwrap().into_rgb8();
    assert_eq!(picture.dimensions(), (1080, 1020));
    // The title is written: there is ink above the curves, where a font without its characters leaves nothing.
    let inked = (0..1080)
        .flat_map(|x| (0..70).map(move |y| (x, y)))
        .filter(|(x, y)| picture.get_pixel(*x, *y)[0] < 100);
    assert!(inked.count() > 2000, "a title of some twenty characters");
    let other = mother.user.client.get(&format!("{}&size=paper", png(child))).await;
    assert_eq!(image::load_from_memory(&other.bytes).unwrap().into_rgb8().dimensions(), (2080, 1400));

    let fontless = World::with(|config| config.font = Some("/no/such/font".into())).await;
    let county = fontless.county().await;
    let mother = fontless.mother(&county).await;
    let (child, _) = weighed(&fontless, &mother).await;
    mother.user.client.get(&png(child)).await.problem(501, "no_font");
    drawn(&mother.user.client, child, "measure=weight_for_age").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_shows_nobody_more_than_the_timeline_does() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let (child, ids) = weighed(&world, &mother).await;
    let doctor = world.doctor(county.health_centre).await.client;
    let weight = "measure=weight_for_age";
    assert!(drawn(&doctor, child, weight).await.contains("4.2 kg"));
    let hide = format!("{}/{}/private", entries(&mother), ids[0]);
    mother.user.client.change(Method::PUT, &hide, "\"1\"", json!({ "private": true })).await.ok();
    let seen = drawn(&doctor, child, weight).await;
    assert!(!seen.contains("4.2 kg") && seen.contains("5.1 kg"), "{seen}");
    assert!(drawn(&mother.user.client, child, weight).await.contains("4.2 kg"));
    let stranger = world.family_user().await.client;
    stranger.get(&chart(child, weight)).await.problem(404, "not_found");
    let nobody: ChildId = mother.handbook.to_string().parse().unwrap();
    mother.user.client.get(&chart(nobody, weight)).await.problem(404, "not_found");
    for wrong in [
        "measure=weight",
        "measure=weight_for_age&standard=cdc",
        "size=phone",
        "measure=weight_for_age&size=wall",
    ] {
        mother.user.client.get(&chart(child, wrong)).await.problem(400, "bad_query");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_born_early_stands_at_both_ages_and_one_of_unknown_sex_on_no_curve() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let (child, _) = weighed(&world, &mother).await;
    let early = child::ActiveModel {
        id: Set(child),
        gestational_days: Set(Some(245)),
        birth_weight_g: Set(Some(2300)),
        ..Default::default()
    };
    child::Entity::update(early).exec(world.app.db.write()).await.unwrap();
    let chart = drawn(&mother.user.client, child, "measure=weight_for_age").await;
    assert!(chart.contains("矫正月龄") && chart.contains("按实际月龄"));
    assert!(chart.contains("2026-10-20，0月龄：5.1 kg"), "{chart}");

    let row = child::Entity::find_by_id(child).one(world.app.db.read()).await.unwrap().unwrap();
    let unknown = person::ActiveModel { id: Set(row.person_id), sex: Set(None), ..Default::default() };
    person::Entity::update(unknown).exec(world.app.db.write()).await.unwrap();
    let chart = drawn(&mother.user.client, child, "measure=weight_for_age").await;
    assert!(chart.contains("性别未登记") && !chart.contains("+3SD") && chart.contains("5.1 kg"));
    let empty = drawn(&mother.user.client, child, "measure=head_circumference_for_age").await;
    assert!(empty.contains("还没有测量记录"));
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_of_a_pregnancy_go_by_week_with_what_is_recommended_and_what_is_high() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let chart = async |client: &Client, query: &str| {
        let path = format!(
            "/api/v1/handbooks/{}/pregnancies/{}/chart.svg?{query}",
            mother.handbook, mother.pregnancy
        );
        let answer = client.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    };
    let empty = chart(client, "measure=weight_gain").await;
    assert!(empty.contains("没有孕前或孕早期体重") && empty.contains("还没有测量记录"), "{empty}");

    let pregnancy =
        pregnancy::Entity::find_by_id(mother.pregnancy).one(world.app.db.read()).await.unwrap().unwrap();
    let day = |week: i64| pregnancy.due_on - TimeDelta::days(280 - week * 7);
    let write = async |kind: &str, week: i64, mut payload: Value| {
        payload["measured_at"] = json!(format!("{}T08:00:00+08:00", day(week)));
        let body =
            json!({ "kind": kind, "subject": "woman", "payload": payload, "confirmed": ["weight_jump"] });
        client.post(&entries(&mother), body).await.ok();
    };
    write("weight", -4, json!({ "weight": 52.0, "height": 160.0 })).await;
    write("weight", 20, json!({ "weight": 56.5 })).await;
    write("blood_pressure", 20, json!({ "systolic": 118, "diastolic": 76 })).await;
    write("blood_glucose", 20, json!({ "value": 4.6, "timing": "fasting" })).await;
    let gained = chart(client, "measure=weight_gain").await;
    assert!(gained.contains("WS/T 801") && gained.contains("孕20+0周：4.5 kg"), "{gained}");
    assert!(gained.contains("<polygon"), "the band of 8 to 14 kg");
    let pressure = chart(client, "measure=blood_pressure&size=paper").await;
    assert!(pressure.contains("孕20+0周：118/76 mmHg") && pressure.contains("140"), "{pressure}");
    let glucose = chart(client, "measure=glucose").await;
    assert!(glucose.contains("孕20+0周：4.6/— mmol/L") && glucose.contains("5.1"), "{glucose}");
    let height = chart(client, "measure=fundal_height").await;
    assert!(height.contains("还没有测量记录") && height.contains("<polygon"), "{height}");

    let stranger = world.family_user().await.client;
    let path = format!(
        "/api/v1/handbooks/{}/pregnancies/{}/chart.svg?measure=glucose",
        mother.handbook, mother.pregnancy
    );
    stranger.get(&path).await.problem(404, "not_found");
    let other = path.replace(&mother.pregnancy.to_string(), &mother.handbook.to_string());
    client.get(&other).await.problem(404, "not_found");
    client.get(&path.replace("glucose", "sugar")).await.problem(400, "bad_query");
}
