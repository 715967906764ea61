//! What holds for every address: problems, languages, methods, request ids.

use api::cause;
use api::db::statement;
use sea_orm::{ConnectionTrait, DbBackend};

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_process_says_that_it_is_alive_and_ready() {
    let world = World::empty().await;
    assert_eq!(world.anybody().get("/healthz").await.ok()["status"], "alive");
    assert_eq!(world.anybody().get("/readyz").await.ok()["status"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_and_a_wrong_method_are_problems_in_both_languages() {
    let world = World::empty().await;
    let chinese = world.anybody().get("/api/v1/nowhere").await.problem(404, "not_found");
    assert_eq!(chinese["title"], "没有找到");
    let request =
        world.anybody().request(reqwest::Method::GET, "/api/v1/nowhere").header("accept-language", "en");
    let english = crate::support::send(request).await;
    assert_eq!(english.problem(404, "not_found")["title"], "Not found");
    assert_eq!(english.headers["content-language"], "en");
    assert_eq!(english.headers["x-request-id"].to_str().unwrap(), english.json()["request_id"]);
    let wrong = world.anybody().post("/healthz", serde_json::json!({})).await;
    wrong.problem(405, "method_not_allowed");
    assert_eq!(wrong.headers["allow"], "GET");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_strangers_make_up_as_methods_leave_no_trace_in_the_metrics() {
    let world = World::empty().await;
    for word in ["LOOK", "GRIMACE"] {
        let method = reqwest::Method::from_bytes(word.as_bytes()).unwrap();
        let answer = crate::support::send(world.anybody().request(method, "/healthz")).await;
        assert!(answer.status.is_client_error());
    }
    let metrics = world.app.metrics.text().unwrap();
    assert!(metrics.contains(r#"method="other""#) && !metrics.contains("GRIMACE"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_an_operation_does_not_take_is_refused_and_changes_nothing() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let path = format!("/api/v1/handbooks/{}/records", mother.handbook);
    assert_eq!(mother.user.client.get(&format!("{path}?kind=weight")).await.status, 200);
    let refused = mother.user.client.get(&format!("{path}?kinds=weight")).await.problem(400, "bad_query");
    let error = &refused["errors"][0];
    assert_eq!(
        (error["parameter"].as_str(), error["code"].as_str()),
        (Some("kinds"), Some("unknown_parameter"))
    );
    assert!(error["message"].as_str().unwrap().contains("kind, "), "it says which there are: {refused}");

    let mch = world.county_mch(county.mch).await;
    let import = mch.request(reqwest::Method::POST, "/api/v1/imports/staff?dry-run=true");
    let import = import.header("content-type", "text/csv").header("idempotency-key", "1").body("user_name\n");
    crate::support::send(import).await.problem(400, "bad_query");
    assert_ne!(world.anybody().get("/s/x?from=singlemessage").await.status, 400, "WeChat appends to links");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_its_page_are_served_without_fetching_anything() {
    let world = World::empty().await;
    let document = world.anybody().get("/openapi.json").await.ok();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/healthz"].is_object());
    let page = world.anybody().get("/docs/").await;
    assert!(page.status.is_success() && page.text().contains("swagger"));
    assert_eq!(world.anybody().get("/").await.text(), page.text(), "the bare address leads there");
    assert!(!page.text().contains("https://"), "nothing is fetched from elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_of_a_database_error_names_the_place_and_quotes_no_value() {
    let world = World::empty().await;
    let county = world.county().await;
    let (mother, other) = (world.mother(&county).await, world.mother(&county).await);
    let (db, backend) = (world.app.db.write(), world.app.db.backend());
    let number = mother.number.as_str();
    let taken = statement(
        backend,
        "UPDATE handbook SET number = ? WHERE id = ?",
        [number.into(), other.handbook.into()],
    );
    let told = cause::told(&db.execute_raw(taken).await.unwrap_err());
    assert!(told.contains("handbook") && told.contains("number") && !told.contains(number), "{told}");
    if backend == DbBackend::Postgres {
        // Nobody's of the tests: PostgreSQL writes it to a log of its own, too.
        let phone = "15500000173";
        let no_day =
            statement(backend, "SELECT CAST(CAST(? AS TEXT) AS DATE)", [format!("tel. {phone}").into()]);
        let err = db.query_one_raw(no_day).await.unwrap_err();
        assert!(err.to_string().contains(phone), "PostgreSQL quotes it: {err}");
        let told = cause::told(&err);
        assert!(told.contains("database error 22") && !told.contains(phone), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_the_document_does_not_fetch_it_again() {
    let world = World::empty().await;
    let first = world.anybody().get("/openapi.json").await;
    let etag = first.headers["etag"].to_str().unwrap();
    let again = world.anybody().request(reqwest::Method::GET, "/openapi.json").header("if-none-match", etag);
    let again = crate::support::send(again).await;
    assert_eq!(again.status, 304);
    assert!(again.text().is_empty());
    let other =
        world.anybody().request(reqwest::Method::GET, "/openapi.json").header("if-none-match", "\"x\"");
    assert_eq!(crate::support::send(other).await.text(), first.text());
}
