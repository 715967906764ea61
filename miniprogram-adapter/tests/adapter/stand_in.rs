//! The stand-in itself: it is as strict as WeChat, and can be played by hand.

use std::time::{Duration, Instant};

use miniprogram_adapter::stand_in::{self, APP_ID, APP_SECRET, Fault, StandIn};
use serde_json::{Value, json};

use crate::support::{Http, LOGIN, PHONE, TOKEN, World, json};

async fn token(http: &Http, force: bool) -> Value {
    let body = json!({
        "grant_type": "client_credential", "appid": APP_ID, "secret": APP_SECRET, "force_refresh": force,
    });
    http.ask(TOKEN, body).await
}

/// What WeChat thinks of a token: brings it along with a code that does not exist, so a good one gets 40029.
async fn verdict(http: &Http, token: &Value) -> i64 {
    let path = format!("{PHONE}?access_token={}", token["access_token"].as_str().unwrap());
    http.ask(&path, json!({ "code": "never-given" })).await["errcode"].as_i64().unwrap()
}

fn login_path(code: &str) -> String {
    format!("{LOGIN}?appid={APP_ID}&secret={APP_SECRET}&js_code={code}&grant_type=authorization_code")
}

#[tokio::test]
async fn a_token_stays_until_its_last_five_minutes_and_then_two_work() {
    let world = World::new();
    let http = Http::to(&world.wechat);
    let first = token(&http, false).await;
    assert_eq!(first["expires_in"], 7200);

    world.control().advance(6899);
    let same = token(&http, false).await;
    assert_eq!(same["access_token"], first["access_token"]);
    assert_eq!(same["expires_in"], 301);

    world.control().advance(1);
    let second = token(&http, false).await;
    assert_ne!(second["access_token"], first["access_token"]);
    assert_eq!((verdict(&http, &first).await, verdict(&http, &second).await), (40029, 40029));

    world.control().advance(300);
    assert_eq!((verdict(&http, &first).await, verdict(&http, &second).await), (42001, 40029));
}

#[tokio::test]
async fn a_forced_refresh_kills_the_token_at_most_every_thirty_seconds_and_twenty_times_a_day() {
    let world = World::new();
    let http = Http::to(&world.wechat);
    let mut last = token(&http, false).await;
    for _ in 0..20 {
        let forced = token(&http, true).await;
        assert_ne!(forced["access_token"], last["access_token"]);
        assert_eq!((verdict(&http, &last).await, verdict(&http, &forced).await), (40001, 40029));
        assert_eq!(token(&http, true).await["access_token"], forced["access_token"], "too soon: kept");
        last = forced;
        world.control().advance(30);
    }
    assert_eq!(token(&http, true).await["errcode"], 45009);
    assert_eq!(token(&http, false).await["access_token"], last["access_token"]);

    // Midnight in China, and not in Greenwich, begins the next day with its own twenty.
    world.control().advance(12 * 3600);
    assert!(token(&http, true).await["access_token"].is_string());
}

#[tokio::test]
async fn every_way_to_ask_wrongly_has_its_errcode() {
    let world = World::new();
    let http = Http::to(&world.wechat);
    let good = json!({ "grant_type": "client_credential", "appid": APP_ID, "secret": APP_SECRET });
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        http.post(TOKEN).json(&body)
    };
    let cases = [
        ("GET", http.get(TOKEN), 43002),
        ("POST a login", http.post(LOGIN).json(&good), 43001),
        ("no body", http.post(TOKEN), 44002),
        ("no JSON", http.post(TOKEN).body("grant_type=client_credential"), 47001),
        ("no object", http.post(TOKEN).body("[]"), 47001),
        ("no appid", with("appid", Value::Null), 41002),
        ("wrong appid", with("appid", json!("wx0000000000000000")), 40013),
        ("no secret", with("secret", json!("")), 41004),
        ("wrong secret", with("secret", json!("wrong")), 40125),
        ("wrong grant", with("grant_type", json!("password")), 40002),
        ("no such path", http.get("/cgi-bin/nothing"), 40066),
        ("no login code", http.get(&login_path("")), 41008),
        ("no grant", http.get(&format!("{LOGIN}?appid={APP_ID}&secret={APP_SECRET}&js_code=x")), 40002),
        ("no token", http.post(PHONE).json(&json!({ "code": "x" })), 41001),
        ("never given", http.post(&format!("{PHONE}?access_token=x")).json(&json!({ "code": "x" })), 40001),
    ];
    for (case, request, errcode) in cases {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{case}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["errcode"], errcode, "{case}");
        assert!(answer["errmsg"].as_str().unwrap().contains(", rid: "), "{case}");
    }
}

#[tokio::test]
async fn a_login_answers_json_that_calls_itself_text() {
    let world = World::new();
    let code = world.control().login_code("mum1");
    let answer = Http::to(&world.wechat).get(&login_path(&code)).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain");
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["openid"], world.control().user("mum1").openid.expose());
    assert!(answer.get("errcode").is_none());
}

#[tokio::test]
async fn a_new_code_makes_a_new_session_key_as_often_as_set() {
    for (rotate_session, keys_expected) in [(1.0, 3), (0.0, 1)] {
        let world = World::with(|settings| settings.rotate_session = rotate_session);
        let http = Http::to(&world.wechat);
        let mut keys = std::collections::HashSet::new();
        for _ in 0..3 {
            let login = json(http.get(&login_path(&world.control().login_code("mum1")))).await;
            keys.insert(login["session_key"].as_str().unwrap().to_owned());
        }
        assert_eq!(keys.len(), keys_expected);
        assert!(keys.iter().all(|key| key.len() == 24 && key.ends_with("==")), "16 bytes in base64");
    }
}

#[tokio::test]
async fn it_can_be_played_by_hand() {
    let world = World::new();
    let http = Http::to(&world.wechat);
    let mum = http.ask("/__standin/users", json!({ "user": "mum1" })).await;
    let dad = http.ask("/__standin/users", json!({ "user": "dad1", "unionid": false })).await;
    assert!(mum["unionid"].is_string() && dad["unionid"].is_null());

    let code = http.ask("/__standin/login-code", json!({ "user": "mum1" })).await;
    let login = world.client.login(code["code"].as_str().unwrap(), "mine").await.unwrap();
    assert_eq!(login.openid.expose(), mum["openid"]);
    let foreign = http.ask("/__standin/login-code", json!({ "user": "mum1", "appid": "wx00" })).await;
    assert!(world.client.login(foreign["code"].as_str().unwrap(), "mine").await.is_err());

    let code = http.ask("/__standin/phone-code", json!({ "user": "mum1", "phone": "13800000000" })).await;
    let phone = world.client.phone_number(code["code"].as_str().unwrap()).await.unwrap();
    assert_eq!(phone.number.expose(), "13800000000");

    let before = world.control().clock().now();
    http.ask("/__standin/clock", json!({ "advance_s": 3600 })).await;
    assert!((world.control().clock().now() - before).num_seconds() >= 3600);

    let fault = json!({ "path": LOGIN, "next": 1, "fault": "errcode:45011" });
    assert_eq!(http.post("/__standin/faults").json(&fault).send().await.unwrap().status(), 204);
    assert_eq!(json(http.get(&login_path("x"))).await["errcode"], 45011);
    assert_eq!(json(http.get(&login_path("x"))).await["errcode"], 40029);
    let fault = json!({ "path": LOGIN, "next": 1, "fault": "explode" });
    assert_eq!(http.post("/__standin/faults").json(&fault).send().await.unwrap().status(), 400);

    let given = token(&http, false).await;
    http.post("/__standin/token/kill").send().await.unwrap();
    assert_eq!(verdict(&http, &given).await, 40001);

    let journal = json(http.get("/__standin/journal")).await;
    assert_eq!(journal["calls"][0]["path"], LOGIN);
    assert_eq!(journal["calls"][0]["query"]["js_code"], "***");
    http.post("/__standin/reset").send().await.unwrap();
    assert_eq!(json(http.get("/__standin/journal")).await["calls"], json!([]));
    assert!(world.control().journal().is_empty());
}

#[tokio::test]
async fn a_header_harms_one_call() {
    let world = World::new();
    let http = Http::to(&world.wechat);
    let harmed = |fault: &str| http.get(&login_path("x")).header("X-Standin-Fault", fault);
    assert_eq!(harmed("http502").send().await.unwrap().status(), 502);
    assert_eq!(harmed("html").send().await.unwrap().headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(harmed("empty").send().await.unwrap().bytes().await.unwrap().len(), 0);
    assert!(harmed("reset").send().await.is_err());
    assert!(harmed("timeout").timeout(Duration::from_millis(50)).send().await.unwrap_err().is_timeout());
    let started = Instant::now();
    assert_eq!(json(harmed("slow:30")).await["errcode"], 40029);
    assert!(started.elapsed() >= Duration::from_millis(30));
    assert_eq!(harmed("explode").send().await.unwrap().status(), 400);
    assert_eq!(json(http.get(&login_path("x"))).await["errcode"], 40029);

    let met: Vec<_> = world.control().journal().iter().map(|entry| (entry.fault, entry.errcode)).collect();
    assert_eq!(met[0], (Some(Fault::Http502), None));
    assert_eq!(met[5], (Some(Fault::Slow(Duration::from_millis(30))), Some(40029)));
    assert_eq!(met[6], (None, Some(40029)));
}

#[tokio::test]
async fn it_stops_and_gives_its_port_back() {
    let first = StandIn::start(stand_in::Settings::default()).unwrap();
    let port = first.base_url().rsplit_once(':').unwrap().1.parse().unwrap();
    let again = || StandIn::start(stand_in::Settings { port, ..stand_in::Settings::default() });
    assert!(again().is_err(), "the port is taken");
    first.stop().await;

    let second = again().unwrap();
    assert_eq!(json(Http::to(&second).get(&login_path("x"))).await["errcode"], 40029);
}
