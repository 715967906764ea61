//! No code at hand: ID card and name, and the number of the handbook where somebody knows it.

use serde_json::{Value, json};

use super::{card, may_follow};
use crate::support::{COUNTY, Mother, World};

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

/// The card of a family whose handbook lies at home.
fn without_number(mother: &Mother) -> Value {
    let mut body = card(mother);
    body.as_object_mut().unwrap().remove("number");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_whose_handbook_lies_at_home_needs_its_id_card_only() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let (_, child) = world.child(mother.handbook, "王小宝", "51090320260301777").await;
    let doctor = world.doctor(county.hospital).await;
    let open = |body: Value| doctor.client.post("/api/v1/visits/by-id-card", body);
    assert_eq!(open(without_number(&mother)).await.ok()["handbook"], json!(mother.handbook));
    assert_eq!(mother.told().await, ["visit_by_id_card"]);
    let mut of_child = without_number(&mother);
    (of_child["id_number"], of_child["name"]) = (json!(child), json!("王小宝"));
    assert_eq!(open(of_child.clone()).await.ok()["handbook"], json!(mother.handbook));

    of_child["name"] = json!("王小红");
    open(of_child).await.problem(422, "identity_refused");
    let mut nobody = without_number(&mother);
    nobody["id_number"] = json!("11010519491231002X");
    open(nobody).await.problem(422, "identity_refused");
    assert_eq!(world.number("SELECT COUNT(*) FROM visit").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_handbooks_of_a_person_the_newest_that_is_live_is_opened() {
    let world = World::empty().await;
    let county = world.county().await;
    let (mother, newer) = (world.mother(&county).await, world.mother(&county).await);
    let hers = "UPDATE handbook SET woman_id = ? WHERE id = ?";
    world.execute(hers, [mother.person.into(), newer.handbook.into()]).await;
    let doctor = world.doctor(county.hospital).await;
    let open = |body: Value| doctor.client.post("/api/v1/visits/by-id-card", body);
    assert_eq!(open(without_number(&mother)).await.ok()["handbook"], json!(newer.handbook));
    assert_eq!(open(card(&mother)).await.ok()["handbook"], json!(mother.handbook), "the one that is named");
    world.execute("UPDATE handbook SET state = 'closed' WHERE id = ?", [newer.handbook.into()]).await;
    assert_eq!(open(without_number(&mother)).await.ok()["handbook"], json!(mother.handbook));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_was_misread_is_told_in_the_same_words_at_every_desk() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await.client;
    let desk = world.administrator(county.health_centre).await;
    let misread = |text: &str| {
        let last = if text.ends_with('1') { '2' } else { '1' };
        format!("{}{last}", &text[..text.len() - 1])
    };
    for (field, number) in [("id_number", &mother.id_number), ("number", &mother.number.printed())] {
        let mut by_card = card(&mother);
        by_card[field] = json!(misread(number));
        let emergency = json!({ field: misread(number), "reason_code": "other", "reason": "孕妇昏迷送入抢救室，没有家属" });
        let answers = [
            doctor.post("/api/v1/visits/by-id-card", by_card).await,
            doctor.post("/api/v1/break-glass", emergency).await,
            desk.post("/api/v1/handbooks/find", json!({ field: misread(number) })).await,
        ];
        let told = answers.map(|answer| answer.problem(422, "invalid")["errors"].clone());
        assert_eq!(told[0][0]["code"], "check_digit");
        assert!(told.iter().all(|errors| *errors == told[0]), "{told:?}");
    }
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
