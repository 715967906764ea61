//! No code at hand: ID card, number and name.

use serde_json::{Value, json};

use super::{card, may_follow};
use crate::support::{COUNTY, World};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_code_id_card_number_and_name_together_open_a_visit() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let open = |body: Value| doctor.client.post("/api/v1/visits/by-id-card", body);
    let visit = open(card(&mother)).await.ok();
    assert_eq!(
        (visit["kind"].as_str(), visit["cover"]["woman"]["name"].as_str()),
        (Some("id_card"), Some("王小红"))
    );
    assert!(may_follow(&doctor, &mother).await);
    assert_eq!(mother.told().await, ["visit_by_id_card"]);
    assert_eq!(world.number("SELECT COUNT(*) FROM usage_evidence").await, 0, "no handbook was scanned");
    assert_eq!(
        world.number("SELECT COUNT(*) FROM visit WHERE reason IS NOT NULL").await,
        1,
        "the reason is kept, sealed"
    );
    let problem = open(json!({ "id_number": "123", "number": "456", "name": "", "reason": "急" })).await;
    let problem = problem.problem(422, "invalid");
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|field| &field["pointer"]).collect();
    assert_eq!(pointers, ["/id_number", "/number", "/name", "/reason"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_card_that_does_not_fit_says_not_which_part_and_is_refused_after_five() {
    let world = World::empty().await;
    let county = world.county().await;
    let (mother, other) = (world.mother(&county).await, world.mother(&county).await);
    let doctor = world.doctor(county.hospital).await;
    let open = |body: Value| doctor.client.post("/api/v1/visits/by-id-card", body);
    let with = |field: &str, value: String| {
        let mut body = card(&mother);
        body[field] = value.into();
        body
    };
    let unknown =
        domain::handbook::number::HandbookNumber::new(domain::place::RegionCode(COUNTY), 2026, 9_999_999);
    let wrong = [
        with("id_number", other.id_number.clone()),
        with("number", other.number.printed()),
        with("number", unknown.unwrap().printed()),
        with("name", "王小兰".to_owned()),
    ];
    let mut texts = Vec::new();
    for (body, left) in wrong.into_iter().zip([4, 3, 2, 1]) {
        assert_eq!(open(card(&mother)).await.status, 201, "a right one in between changes nothing");
        let detail = open(body).await.problem(422, "identity_refused")["detail"].as_str().unwrap().to_owned();
        texts.push(detail.replace(&format!("{left} 次"), "… 次"));
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    open(with("name", "王小梅".to_owned())).await.problem(422, "identity_refused");
    open(card(&mother)).await.problem(429, "too_many_tries");
    let colleague = world.doctor(county.hospital).await;
    assert_eq!(colleague.client.post("/api/v1/visits/by-id-card", card(&mother)).await.status, 201);
}
