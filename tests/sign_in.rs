//! Signing in and out: families by WeChat, staff by password and one-time code.

use std::pin::pin;

use api::db::entities::{session, throttle, wechat_user};
use chrono::TimeDelta;
use domain::access::Role;
use domain::place::RegionLevel;
use futures_util::future::join_all;
use miniprogram_adapter::stand_in::Fault;
use reqwest::Method;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::people::{COUNTY, PASSWORD, TOWN};
use crate::support::{Answer, Client, World, send};

const WECHAT: &str = "/api/v1/sign-in/wechat";
const STAFF: &str = "/api/v1/sign-in/staff";
const REFRESH: &str = "/api/v1/sign-in/refresh";

// --- Families -----------------------------------------------------------------------------------------------------

async fn with_wechat(world: &World, user: &str) -> Answer {
    let code = world.wechat.control().login_code(user);
    world.anybody().post(WECHAT, json!({ "code": code, "device": "小红的手机" })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mother_signs_in_with_wechat_and_is_known_the_next_time() {
    let world = World::empty().await;
    let code = world.wechat.control().login_code("xiaohong");
    let first = world.anybody().post(WECHAT, json!({ "code": code })).await.ok();
    assert_eq!((first["token_type"].as_str(), first["expires_in"].as_i64()), (Some("Bearer"), Some(900)));
    let me = world.with_token(first["access_token"].as_str().unwrap()).get("/api/v1/me").await.ok();
    assert_eq!((&me["kind"], &me["id"]), (&json!("family"), &first["me"]["id"]));

    let again = world.anybody().post(WECHAT, json!({ "code": code })).await.ok();
    assert_eq!(again["me"]["id"], first["me"]["id"], "a phone that lost the answer sends its code again");
    let tomorrow = with_wechat(&world, "xiaohong").await.ok();
    assert_eq!(tomorrow["me"]["id"], first["me"]["id"]);
    assert_ne!(with_wechat(&world, "xiaoming").await.ok()["me"]["id"], first["me"]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_replayed_from_elsewhere_signs_nobody_in() {
    let proxy = World::with(|config| config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]).await;
    let code = proxy.wechat.control().login_code("xiaohong");
    let from = async |address: &str| {
        let request = proxy.anybody().request(Method::POST, WECHAT).header("x-forwarded-for", address);
        send(request.json(&json!({ "code": code }))).await
    };
    let first = from("198.51.100.1").await.ok();
    from("198.51.100.2").await.problem(401, "wechat_code_refused");
    assert_eq!(session::Entity::find().count(proxy.app.db.read()).await.unwrap(), 1);
    assert_eq!(from("198.51.100.1").await.ok()["me"]["id"], first["me"]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_does_not_use_up_what_wechat_grants() {
    let world = World::with(|config| {
        config.wechat.sign_ins_a_minute = 60;
        config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    // Addresses that no other run has counted in a shared cache.
    let [a, b, c, d, ..] = *uuid::Uuid::new_v4().as_bytes();
    let address = |last: u8| format!("2001:db8:{a:x}{b:02x}:{c:x}{last:02x}::{d:x}");
    let sign_in = async |last: u8, code: &str| {
        let request = world.anybody().request(Method::POST, WECHAT).header("x-forwarded-for", address(last));
        send(request.json(&json!({ "code": code }))).await
    };
    for _ in 0..60 {
        sign_in(1, "made-up").await.problem(401, "wechat_code_refused");
    }
    let code = world.wechat.control().login_code("xiaohong");
    let refused = sign_in(1, &code).await;
    refused.problem(429, "too_many_requests");
    assert_eq!(refused.headers["retry-after"], "60");
    sign_in(2, &code).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_no_good_asks_for_another_in_the_callers_language() {
    let world = World::empty().await;
    for code in ["made-up", "", "err-40163", "err-40226"] {
        let refused = world.anybody().post(WECHAT, json!({ "code": code })).await;
        assert_eq!(refused.problem(401, "wechat_code_refused")["title"], "微信登录码无效", "{code}");
    }
    let used = world.wechat.control().login_code("xiaohong");
    world.anybody().post(WECHAT, json!({ "code": used })).await.ok();
    world.advance(TimeDelta::seconds(61));
    world.anybody().post(WECHAT, json!({ "code": used })).await.problem(401, "wechat_code_refused");
    let request = world.anybody().request(Method::POST, WECHAT).header("accept-language", "en");
    let english = send(request.json(&json!({ "code": "made-up" }))).await;
    assert_eq!(english.problem(401, "wechat_code_refused")["title"], "WeChat code refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wechat_that_is_down_is_no_fault_of_the_mother() {
    let world = World::empty().await;
    for fault in [Fault::Http502, Fault::Html, Fault::Errcode(45011), Fault::Errcode(40125)] {
        world.wechat.control().fault("/sns/jscode2session", 2, fault);
        let answer = with_wechat(&world, "xiaohong").await;
        answer.problem(503, "wechat_unavailable");
        assert_eq!(answer.headers["retry-after"], "1");
        assert!(!answer.text().contains("standin-secret"));
        // A fault that was not retried is not left for the next.
        while world.wechat.control().journal().last().is_some_and(|entry| entry.fault.is_some()) {
            with_wechat(&world, "somebody").await;
        }
    }
    with_wechat(&world, "xiaohong").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_first_times_at_once_make_one_user() {
    let world = World::empty().await;
    let answers = join_all((0..10).map(|_| with_wechat(&world, "xiaohong"))).await;
    let first = answers[0].ok()["me"]["id"].clone();
    assert!(answers.iter().all(|answer| answer.ok()["me"]["id"] == first));
    assert_eq!(wechat_user::Entity::find().count(world.app.db.read()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_body_is_told_field_by_field_and_signs_nobody_in() {
    let world = World::empty().await;
    let cases = [
        (WECHAT, json!({}), "/code", "required"),
        (WECHAT, json!({ "code": 7 }), "/code", "wrong_type"),
        (WECHAT, json!({ "code": "x", "openid": "o1" }), "/openid", "unknown_field"),
        (WECHAT, json!({ "code": "x", "device": "长".repeat(101) }), "/device", "out_of_range"),
        (STAFF, json!({ "user_name": "li" }), "/password", "required"),
        (STAFF, json!({ "user_name": "li", "password": "x", "device": "a\u{7}" }), "/device", "out_of_range"),
        (REFRESH, json!({}), "/refresh_token", "required"),
    ];
    for (path, body, pointer, code) in cases {
        let problem = world.anybody().post(path, body).await.problem(422, "invalid");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!(pointer), &json!(code))
        );
    }
    assert_eq!(session::Entity::find().count(world.app.db.read()).await.unwrap(), 0);
}

// --- Refreshing ---------------------------------------------------------------------------------------------------

async fn refresh(world: &World, token: &Value, key: Option<&str>) -> Answer {
    let request = world.anybody().request(Method::POST, REFRESH).json(&json!({ "refresh_token": token }));
    send(match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    })
    .await
}

async fn is_signed_in(world: &World, tokens: &Value) -> bool {
    let me = world.with_token(tokens["access_token"].as_str().unwrap()).get("/api/v1/me").await;
    if !me.status.is_success() {
        me.problem(401, "not_signed_in");
    }
    me.status.is_success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_on_by_refreshing_and_a_used_token_ends_all_of_its_line() {
    let world = World::empty().await;
    let first = with_wechat(&world, "xiaohong").await.ok();
    let elsewhere = with_wechat(&world, "xiaohong").await.ok();
    world.advance(TimeDelta::minutes(16));
    assert!(!is_signed_in(&world, &first).await, "an access token lasts 15 minutes");
    let second = refresh(&world, &first["refresh_token"], None).await.ok();
    assert!(is_signed_in(&world, &second).await);
    assert_ne!(second["refresh_token"], first["refresh_token"]);

    refresh(&world, &first["refresh_token"], None).await.problem(401, "refresh_refused");
    assert!(!is_signed_in(&world, &second).await, "the thief and the owner both sign in again");
    refresh(&world, &second["refresh_token"], None).await.problem(401, "refresh_refused");
    refresh(&world, &json!("made-up"), None).await.problem(401, "refresh_refused");
    refresh(&world, &elsewhere["refresh_token"], None).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_refreshes_at_once_exactly_one_wins_and_the_line_ends() {
    let world = World::empty().await;
    for _ in 0..5 {
        let first = with_wechat(&world, "xiaohong").await.ok();
        let token = &first["refresh_token"];
        let (one, other) = tokio::join!(refresh(&world, token, None), refresh(&world, token, None));
        let mut answers = [one, other];
        answers.sort_by_key(|answer| answer.status);
        let won = answers[0].ok();
        answers[1].problem(401, "refresh_refused");
        assert!(!is_signed_in(&world, &won).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_lost_the_answer_gets_it_again_under_its_key_for_twenty_seconds() {
    let world = World::empty().await;
    let first = with_wechat(&world, "xiaohong").await.ok();
    let token = &first["refresh_token"];
    let (one, other) =
        tokio::join!(refresh(&world, token, Some("same")), refresh(&world, token, Some("same")));
    assert_eq!(one.ok(), other.ok(), "both are the first answer");
    world.advance(TimeDelta::seconds(20));
    let again = refresh(&world, token, Some("same")).await.ok();
    assert_eq!(again, one.ok());
    assert!(is_signed_in(&world, &again).await);
    world.advance(TimeDelta::seconds(1));
    refresh(&world, token, Some("same")).await.problem(401, "refresh_refused");
    assert!(!is_signed_in(&world, &again).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thief_of_the_token_alone_does_not_know_the_key() {
    let world = World::empty().await;
    let first = with_wechat(&world, "xiaohong").await.ok();
    let second = refresh(&world, &first["refresh_token"], Some("mine")).await.ok();
    refresh(&world, &first["refresh_token"], Some("guessed")).await.problem(401, "refresh_refused");
    assert!(!is_signed_in(&world, &second).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_refreshes_thirty_times_a_minute_and_a_token_used_before_still_ends_it() {
    let world = World::empty().await;
    let first = with_wechat(&world, "xiaohong").await.ok();
    let other = with_wechat(&world, "xiaohong").await.ok();
    let mut latest = first["refresh_token"].clone();
    for _ in 0..30 {
        latest = refresh(&world, &latest, None).await.ok()["refresh_token"].clone();
    }
    let written = world.number("SELECT COUNT(*) FROM refresh_token").await;
    let refused = refresh(&world, &latest, None).await;
    refused.problem(429, "too_many_requests");
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(world.number("SELECT COUNT(*) FROM refresh_token").await, written);
    refresh(&world, &other["refresh_token"], None).await.ok();

    world.advance(TimeDelta::seconds(21));
    refresh(&world, &first["refresh_token"], None).await.problem(401, "refresh_refused");
    refresh(&world, &latest, None).await.problem(401, "refresh_refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_familys_session_lives_on_while_a_working_day_ends_that_of_staff() {
    let world = World::empty().await;
    let county = world.county().await;
    world
        .employee("li.doctor", &[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town)
        .await;
    let mut family = with_wechat(&world, "xiaohong").await.ok();
    let mut staff = world.sign_in("li.doctor", PASSWORD).await.ok();
    for _ in 0..3 {
        world.advance(TimeDelta::hours(3));
        staff = refresh(&world, &staff["refresh_token"], None).await.ok();
    }
    world.advance(TimeDelta::hours(3));
    refresh(&world, &staff["refresh_token"], None).await.problem(401, "refresh_refused");
    for _ in 0..4 {
        world.advance(TimeDelta::days(80));
        family = refresh(&world, &family["refresh_token"], None).await.ok();
    }
    world.advance(TimeDelta::days(91));
    refresh(&world, &family["refresh_token"], None).await.problem(401, "refresh_refused");
}

// --- Sessions -----------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_where_one_is_signed_in_and_ends_it_there_on_the_next_request() {
    let world = World::empty().await;
    let phone = with_wechat(&world, "xiaohong").await;
    let tablet = with_wechat(&world, "xiaohong").await;
    let stranger = with_wechat(&world, "xiaoming").await;
    let (on_phone, on_tablet) = (world.as_signed_in(&phone), world.as_signed_in(&tablet));

    let list = on_phone.get("/api/v1/sessions").await.ok();
    let items = list["items"].as_array().unwrap();
    assert_eq!(
        items.iter().map(|item| item["is_current"].as_bool().unwrap()).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(items[0]["device"], "小红的手机");
    let page = on_phone.get("/api/v1/sessions?limit=1").await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = on_phone.get(&format!("/api/v1/sessions?limit=1&cursor={cursor}")).await.ok();
    assert_eq!(next["items"][0]["id"], tablet.ok()["me"]["session"]);
    world
        .as_signed_in(&stranger)
        .get(&format!("/api/v1/sessions?cursor={cursor}"))
        .await
        .problem(400, "bad_cursor");

    let of_tablet = format!("/api/v1/sessions/{}", tablet.ok()["me"]["session"].as_str().unwrap());
    world.as_signed_in(&stranger).delete(&of_tablet).await.problem(404, "not_found");
    assert!(on_tablet.get("/api/v1/me").await.status.is_success());
    assert_eq!(on_phone.delete(&of_tablet).await.status, 204);
    on_tablet.get("/api/v1/me").await.problem(401, "not_signed_in");
    refresh(&world, &tablet.ok()["refresh_token"], None).await.problem(401, "refresh_refused");
    on_phone.delete(&of_tablet).await.problem(404, "not_found");
    on_phone.delete("/api/v1/sessions/not-an-id").await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_both_tokens() {
    let world = World::empty().await;
    let signed_in = with_wechat(&world, "xiaohong").await;
    let mother = world.as_signed_in(&signed_in);
    assert_eq!(mother.post("/api/v1/sign-out", json!({})).await.status, 204);
    mother.get("/api/v1/me").await.problem(401, "not_signed_in");
    mother.post("/api/v1/sign-out", json!({})).await.problem(401, "not_signed_in");
    refresh(&world, &signed_in.ok()["refresh_token"], None).await.problem(401, "refresh_refused");
    for path in ["/api/v1/me", "/api/v1/sessions"] {
        world.anybody().get(path).await.problem(401, "not_signed_in");
        world.with_token("not.a.token").get(path).await.problem(401, "not_signed_in");
    }
}

// --- Staff --------------------------------------------------------------------------------------------------------

async fn doctor(world: &World) {
    let county = world.county().await;
    world
        .employee("li.doctor", &[Role::Clinician], Some(county.health_centre), TOWN, RegionLevel::Town)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_signs_in_and_sees_who_they_are() {
    let world = World::empty().await;
    doctor(&world).await;
    let signed_in = world.sign_in(" Li.Doctor ", PASSWORD).await;
    let me = world.as_signed_in(&signed_in).get("/api/v1/me").await.ok();
    assert_eq!(me, signed_in.ok()["me"]);
    assert_eq!((&me["kind"], &me["user_name"]), (&json!("staff"), &json!("li.doctor")));
    assert_eq!((&me["roles"], &me["region_code"]), (&json!(["clinician"]), &json!(TOWN)));
    assert_eq!(me["second_factor"], json!({ "is_set": false, "is_required": false }));
    assert_eq!(me["must_change_password"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let world = World::empty().await;
    doctor(&world).await;
    let strip = |mut problem: Value| {
        problem["request_id"] = Value::Null;
        problem
    };
    let wrong = world.sign_in("li.doctor", "not the password").await.problem(401, "wrong_credentials");
    let unknown = world.sign_in("wang.nurse", "not the password").await.problem(401, "wrong_credentials");
    assert_eq!(strip(wrong), strip(unknown));
    world.sign_in("", "").await.problem(401, "wrong_credentials");
    world.sign_in("li.doctor\u{3000}", PASSWORD).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tries_make_an_account_wait_and_the_wait_grows_to_an_hour() {
    let world = World::empty().await;
    doctor(&world).await;
    for _ in 0..4 {
        world.sign_in("li.doctor", "wrong").await.problem(401, "wrong_credentials");
    }
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        world.sign_in("li.doctor", "wrong").await.problem(401, "wrong_credentials");
        let locked = world.sign_in("li.doctor", PASSWORD).await;
        locked.problem(429, "too_many_tries");
        assert_eq!(locked.headers["retry-after"], (minutes * 60).to_string().as_str());
        world.advance(TimeDelta::minutes(minutes) - TimeDelta::seconds(1));
        world.sign_in("li.doctor", PASSWORD).await.problem(429, "too_many_tries");
        world.advance(TimeDelta::seconds(1));
    }
    world.sign_in("li.doctor", PASSWORD).await.ok();
    for _ in 0..4 {
        world.sign_in("li.doctor", "wrong").await.problem(401, "wrong_credentials");
    }
    world.sign_in("li.doctor", PASSWORD).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_waits_like_a_known_one_and_tries_are_forgotten_after_a_day() {
    let world = World::empty().await;
    for _ in 0..5 {
        world.sign_in("nobody.here", "wrong").await.problem(401, "wrong_credentials");
    }
    world.sign_in("nobody.here", "wrong").await.problem(429, "too_many_tries");
    world.advance(TimeDelta::days(1));
    for _ in 0..5 {
        world.sign_in("nobody.here", "wrong").await.problem(401, "wrong_credentials");
    }
    world.sign_in("nobody.here", "wrong").await.problem(429, "too_many_tries");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_wrong_tries_at_once_are_counted_one_by_one_and_the_others_go_on_working() {
    let world = World::empty().await;
    doctor(&world).await;
    let mother = world.family_user().await;
    let places = world.every_password_place().await;
    let mut attack = pin!(join_all((0..300).map(|_| world.sign_in("li.doctor", "wrong"))));
    let others = async {
        for _ in 0..20 {
            mother.client.get("/api/v1/me").await.ok();
        }
    };
    tokio::select! {
        _ = &mut attack => panic!("nobody hashes yet"),
        () = others => drop(places),
    }
    let answers = attack.await;
    let tried = answers.iter().filter(|answer| answer.status == 401).count();
    assert!((5..=6).contains(&tried), "{tried} passwords were tried");
    assert!(answers.iter().all(|answer| answer.status == 401 || answer.status == 429));
    let rows = throttle::Entity::find().all(world.app.db.read()).await.unwrap();
    assert!(rows.iter().all(|row| row.failures as usize == tried), "account and address: {rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_good_sign_ins_at_once_all_pass() {
    let world = World::empty().await;
    doctor(&world).await;
    let answers = join_all((0..20).map(|_| world.sign_in("li.doctor", PASSWORD))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_guesses_names_waits_and_the_clinic_next_door_does_not() {
    let world = World::with(|config| config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]).await;
    doctor(&world).await;
    let from = async |address: &str, user_name: &str, password: &str| {
        let request = world.anybody().request(Method::POST, STAFF).header("x-forwarded-for", address);
        send(request.json(&json!({ "user_name": user_name, "password": password }))).await
    };
    for guess in 0..50 {
        from("203.0.113.7", &format!("guess-{guess}"), "wrong").await.problem(401, "wrong_credentials");
    }
    from("203.0.113.7", "li.doctor", PASSWORD).await.problem(429, "too_many_tries");
    from("198.51.100.1, 203.0.113.7", "li.doctor", PASSWORD).await.problem(429, "too_many_tries");
    from("203.0.113.8", "li.doctor", PASSWORD).await.ok();
    world.advance(TimeDelta::minutes(1));
    from("203.0.113.7", "li.doctor", PASSWORD).await.ok();
}

// --- Passwords ----------------------------------------------------------------------------------------------------

const OWN_PASSWORD: &str = "/api/v1/staff/me/password";

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_changes_the_password_and_is_signed_out_everywhere_else() {
    let world = World::empty().await;
    doctor(&world).await;
    let (here, there) =
        (world.sign_in("li.doctor", PASSWORD).await, world.sign_in("li.doctor", PASSWORD).await);
    let (here, there) = (world.as_signed_in(&here), world.as_signed_in(&there));
    let change = |old: &str, new: &str| json!({ "old_password": old, "new_password": new });

    for refused in ["short1A!", "aaaaaaaaaaaa", "Li.Doctor-2026", PASSWORD] {
        here.post(OWN_PASSWORD, change(PASSWORD, refused)).await.problem(422, "password_refused");
    }
    let wrong = here.post(OWN_PASSWORD, change("wrong", "Suining-2027")).await.problem(422, "invalid");
    assert_eq!(wrong["errors"][0]["pointer"], "/old_password");
    assert!(there.get("/api/v1/sessions").await.status.is_success(), "nothing has changed yet");

    assert_eq!(here.post(OWN_PASSWORD, change(PASSWORD, "Suining-2027")).await.status, 204);
    there.get("/api/v1/me").await.problem(401, "not_signed_in");
    assert!(here.get("/api/v1/sessions").await.status.is_success());
    world.sign_in("li.doctor", PASSWORD).await.problem(401, "wrong_credentials");
    world.sign_in("li.doctor", "Suining-2027").await.ok();
    let mother = world.family_user().await;
    mother.client.post(OWN_PASSWORD, change("a", "b")).await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_the_old_password_at_an_open_desk_makes_the_account_wait() {
    let world = World::empty().await;
    doctor(&world).await;
    let desk = world.sign_in("li.doctor", PASSWORD).await;
    let desk = world.as_signed_in(&desk);
    let guess = json!({ "old_password": "wrong", "new_password": "Suining-2027" });
    for _ in 0..5 {
        desk.post(OWN_PASSWORD, guess.clone()).await.problem(422, "invalid");
    }
    desk.post(OWN_PASSWORD, guess).await.problem(429, "too_many_tries");
    world.sign_in("li.doctor", PASSWORD).await.problem(429, "too_many_tries");
}

// --- One-time codes -----------------------------------------------------------------------------------------------

const TOTP: &str = "/api/v1/staff/me/totp";

struct Authenticator(totp_rs::Totp);

impl Authenticator {
    fn of(begun: &Value) -> Self {
        let secret = totp_rs::Secret::try_from_base32(begun["secret"].as_str().unwrap()).unwrap();
        let builder = totp_rs::Builder::new().with_secret(secret).with_account_name("anybody");
        Self(builder.build().unwrap())
    }

    fn code(&self, world: &World) -> String {
        self.0.generate(world.now().timestamp().unsigned_abs()).to_string()
    }
}

async fn set_up(world: &World, staff: &Client) -> Authenticator {
    let begun = staff.post(TOTP, json!({ "password": PASSWORD })).await.ok();
    let authenticator = Authenticator::of(&begun);
    let confirm = json!({ "code": authenticator.code(world) });
    assert_eq!(staff.post(&format!("{TOTP}/confirm"), confirm).await.status, 204);
    authenticator
}

async fn sign_in_with_code(world: &World, user_name: &str, code: &str) -> Answer {
    let body = json!({ "user_name": user_name, "password": PASSWORD, "totp": code });
    world.anybody().post(STAFF, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_sets_up_one_time_codes_and_each_works_once() {
    let world = World::empty().await;
    doctor(&world).await;
    let here = world.sign_in("li.doctor", PASSWORD).await;
    let here = world.as_signed_in(&here);
    let confirm = format!("{TOTP}/confirm");
    here.post(&confirm, json!({ "code": "123456" })).await.problem(409, "second_factor_not_begun");
    here.post(TOTP, json!({ "password": "wrong" })).await.problem(422, "invalid");
    let begun = here.post(TOTP, json!({ "password": PASSWORD })).await.ok();
    assert!(begun["otpauth_url"].as_str().unwrap().starts_with("otpauth://totp/Muzi:li.doctor?secret="));
    let there = world.sign_in("li.doctor", PASSWORD).await;
    assert_eq!(there.ok()["me"]["second_factor"]["is_set"], false, "not before the first code");
    here.post(&confirm, json!({ "code": "000000" })).await.problem(422, "invalid");

    let authenticator = set_up(&world, &here).await;
    world.as_signed_in(&there).get("/api/v1/me").await.problem(401, "not_signed_in");
    assert_eq!(here.get("/api/v1/me").await.ok()["second_factor"]["is_set"], true);
    here.post(TOTP, json!({ "password": PASSWORD })).await.problem(409, "second_factor_set");

    world.sign_in("li.doctor", PASSWORD).await.problem(401, "totp_required");
    let used = authenticator.code(&world);
    sign_in_with_code(&world, "li.doctor", &used).await.problem(401, "wrong_credentials");
    world.advance(TimeDelta::seconds(30));
    let fresh = authenticator.code(&world);
    let (one, other) = tokio::join!(
        sign_in_with_code(&world, "li.doctor", &fresh),
        sign_in_with_code(&world, "li.doctor", &fresh)
    );
    let mut answers = [one.status.as_u16(), other.status.as_u16()];
    answers.sort_unstable();
    assert_eq!(answers, [200, 401]);
    sign_in_with_code(&world, "li.doctor", &used).await.problem(401, "wrong_credentials");
    world.advance(TimeDelta::seconds(90));
    sign_in_with_code(&world, "li.doctor", &fresh).await.problem(401, "wrong_credentials");
    for wrong in ["", "12345", "abcdef", "1234567"] {
        world.advance(TimeDelta::hours(1));
        sign_in_with_code(&world, "li.doctor", wrong).await.problem(401, "wrong_credentials");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_one_time_codes_count_as_wrong_tries() {
    let world = World::empty().await;
    doctor(&world).await;
    let here = world.sign_in("li.doctor", PASSWORD).await;
    let authenticator = set_up(&world, &world.as_signed_in(&here)).await;
    world.advance(TimeDelta::seconds(30));
    for _ in 0..5 {
        sign_in_with_code(&world, "li.doctor", "000000").await.problem(401, "wrong_credentials");
    }
    sign_in_with_code(&world, "li.doctor", &authenticator.code(&world)).await.problem(429, "too_many_tries");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_removed_with_password_and_code() {
    let world = World::empty().await;
    doctor(&world).await;
    let here = world.sign_in("li.doctor", PASSWORD).await;
    let here = world.as_signed_in(&here);
    let remove = async |password: &str, code: &str| {
        let body = json!({ "password": password, "code": code });
        send(here.request(Method::DELETE, TOTP).json(&body)).await
    };
    remove(PASSWORD, "123456").await.problem(409, "second_factor_not_begun");
    let authenticator = set_up(&world, &here).await;
    world.advance(TimeDelta::seconds(30));
    remove(PASSWORD, "000000").await.problem(422, "invalid");
    remove("wrong", &authenticator.code(&world)).await.problem(422, "invalid");
    let there = sign_in_with_code(&world, "li.doctor", &authenticator.code(&world)).await;
    let there = world.as_signed_in(&there);
    world.advance(TimeDelta::seconds(30));
    assert_eq!(remove(PASSWORD, &authenticator.code(&world)).await.status, 204);
    there.get("/api/v1/me").await.problem(401, "not_signed_in");
    here.get("/api/v1/me").await.ok();
    world.sign_in("li.doctor", PASSWORD).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_required_a_county_does_nothing_before_its_second_factor_is_set() {
    let world = World::with(|config| config.require_second_factor = true).await;
    doctor(&world).await;
    world.employee("zhao.mch", &[Role::CountyMch], None, COUNTY, RegionLevel::County).await;
    let county = world.sign_in("zhao.mch", PASSWORD).await;
    assert_eq!(county.ok()["me"]["second_factor"], json!({ "is_set": false, "is_required": true }));
    let county = world.as_signed_in(&county);
    for path in ["/api/v1/sessions", "/api/v1/institutions", "/api/v1/staff", "/api/v1/regions"] {
        county.get(path).await.problem(403, "second_factor_required");
    }
    assert!(county.get("/api/v1/me").await.status.is_success());
    set_up(&world, &county).await;
    assert!(county.get("/api/v1/institutions").await.status.is_success());
    let doctor = world.sign_in("li.doctor", PASSWORD).await;
    assert!(world.as_signed_in(&doctor).get("/api/v1/sessions").await.status.is_success());
}
