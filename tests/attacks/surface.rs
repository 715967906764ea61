//! What the server shows to whoever knocks: limits, addresses, origins, settings.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use api::config::new_key;
use reqwest::Method;
use serde_json::json;

use super::{is_a_plain_refusal, post_with};
use crate::entries::{entries, records};
use crate::support::operator::{Operator, said};
use crate::support::people::PASSWORD;
use crate::support::{World, send};

/// The real program takes what is too large, too deep or too slow, so that its memory can be read.
#[tokio::test(flavor = "multi_thread")]
async fn a19_what_is_too_large_too_deep_or_too_slow_is_refused_and_memory_stays_flat() {
    let mut operator = Operator::new();
    let world = operator.world().await;
    let server = operator.serving(&world, "warn").await;
    let anybody = server.client(None);
    let path = "/api/v1/sign-in/staff";
    let json = [("content-type", "application/json")];
    for _ in 0..3 {
        post_with(&anybody, path, &json, "[0]").await.problem(422, "invalid");
    }
    let slow = {
        let address = server.address().to_owned();
        tokio::task::spawn_blocking(move || a_slow_body(&address))
    };
    let before = server.memory();
    for _ in 0..10 {
        let large = format!("{{\"user_name\":\"{}\"}}", "a".repeat(10 * 1024 * 1024));
        match anybody
            .request(Method::POST, path)
            .header("content-type", "application/json")
            .body(large)
            .send()
            .await
        {
            Ok(answer) => assert_eq!(answer.status(), 413),
            // It answered and closed while we were still sending.
            Err(err) => assert!(err.is_request() || err.is_body(), "{err}"),
        }
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
            post_with(&anybody, path, &json, deep).await.problem(400, "bad_json");
        }
        let items = format!("[{}0]", "0,".repeat(1_000_000));
        assert!([400, 413].contains(&post_with(&anybody, path, &json, items).await.status.as_u16()));
        let items = format!("[{}0]", "0,".repeat(500_000));
        post_with(&anybody, path, &json, items).await.problem(422, "invalid");
        let many = (0..25_000).map(|at| format!("\"k{at}\":0,")).collect::<String>();
        post_with(&anybody, path, &json, format!("{{{many}\"user_name\":\"x\"}}"))
            .await
            .problem(422, "invalid");
        for count in [1_000, 100_000] {
            let query = (0..count).map(|at| format!("a{at}=1")).collect::<Vec<_>>().join("&");
            let status = a_long_head(server.address(), &query);
            assert!(status.is_empty() || status.starts_with("HTTP/1.1 4"), "{count} parameters: {status}");
        }
    }
    let after = server.memory();
    assert!(after < before + 100 * 1024, "from {before} to {after} kB at its highest");
    let (status, waited) = slow.await.unwrap();
    assert!(status.starts_with("HTTP/1.1 408"), "{status}");
    assert!((Duration::from_secs(20)..Duration::from_secs(50)).contains(&waited), "{waited:?}");
    server.stopped().await;

    // Pages, which need somebody who is signed in.
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    for size in ["1000000000", "101", "0", "-1", "99999999999999999999", "1e9", "NaN"] {
        for list in [records(&mother), "/api/v1/me/handbooks".to_owned(), "/api/v1/regions".to_owned()] {
            mother.user.client.get(&format!("{list}?limit={size}")).await.problem(400, "bad_query");
        }
    }
    let text = "字".repeat(300_000);
    let long =
        json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "text": text } });
    is_a_plain_refusal(&mother.user.client.post(&entries(&mother), long).await, "a diary of a megabyte");
}

/// The answer to a query of any length; none when the connection was closed while it was being sent.
fn a_long_head(address: &str, query: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head =
        format!("GET /api/v1/privacy-text?{query} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let _closed = stream.write_all(head.as_bytes());
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// A head that says there is a body, of which one byte comes every second.
fn a_slow_body(address: &str) -> (String, Duration) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let head = format!(
        "POST /api/v1/sign-in/staff HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let started = Instant::now();
    let mut answer = [0; 1024];
    while started.elapsed() < Duration::from_secs(60) {
        if stream.write_all(b" ").is_err() {
            break;
        }
        match stream.read(&mut answer) {
            Ok(length) if length > 0 => {
                return (String::from_utf8_lossy(&answer[..length]).into_owned(), started.elapsed());
            }
            Ok(_) => break,
            Err(_) => {}
        }
    }
    (String::new(), started.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a25_a_stranger_finds_no_figures_no_versions_and_no_forgotten_addresses() {
    let world = World::empty().await;
    let county = world.county().await;
    world.mother(&county).await;
    let anybody = world.anybody();
    for path in [
        "/metrics",
        "/debug",
        "/debug/pprof",
        "/v0",
        "/v1",
        "/api",
        "/api/v0/me",
        "/api/v2/me",
        "/health",
        "/status",
        "/info",
        "/env",
        "/actuator",
        "/actuator/health",
        "/admin",
        "/console",
        "/.env",
        "/.git/config",
        "/.muzi",
        "/muzi.db",
        "/server-status",
        "/swagger.json",
        "/api/v1/openapi.json",
        "/graphql",
        "/api/v1/test",
        "/api/v1/seed",
        "/api/v1/demo",
        "/robots.txt",
        "/favicon.ico",
    ] {
        let answer = anybody.get(path).await;
        answer.problem(404, "not_found");
    }
    let version = env!("CARGO_PKG_VERSION");
    for path in [
        "/healthz",
        "/readyz",
        "/api/v1/privacy-text",
        "/api/v1/catalogue",
        "/s/x",
        "/docs/",
        "/nowhere",
        "/api/v1/me",
    ] {
        let answer = anybody.get(path).await;
        for name in ["server", "x-powered-by", "via", "x-aspnet-version", "set-cookie"] {
            assert!(!answer.headers.contains_key(name), "{path} sends {name}");
        }
        let text = answer.text();
        assert!(path == "/docs/" || !text.contains(version), "{path} tells the version");
        for word in ["王小红", "510903", "rustc", "actix"] {
            assert!(!text.contains(word), "{path} tells {word}");
        }
    }
    assert_eq!(anybody.get("/healthz").await.ok(), json!({ "status": "alive" }));
    for path in ["/healthz", "/openapi.json", "/docs/"] {
        for method in ["POST", "PUT", "DELETE", "TRACE", "CONNECT", "DEBUG"] {
            let answer = send(anybody.request(method.parse().unwrap(), path)).await;
            assert!(answer.status.is_client_error(), "{method} {path}: {}", answer.status);
            assert!(!answer.text().to_lowercase().contains("host:"), "{method} {path} repeats the request");
        }
    }
    let document = anybody.get("/openapi.json").await.text();
    for word in ["Chuanshan-2026", "demo.", "127.0.0.1", "localhost"] {
        assert!(!document.contains(word), "the document tells {word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a31_no_origin_is_let_in_but_those_that_are_named_and_no_page_frames_another() {
    let named = "https://clinic.example.cn";
    let open = World::with(|config| config.cors_origins = vec![named.to_owned()]).await;
    let closed = World::empty().await;
    let foreign = [
        "null",
        "https://evil.clinic.example.cn",
        "https://clinic.example.cn.evil.example",
        "http://clinic.example.cn",
        "https://clinic.example.cn:8443",
        "https://CLINIC.example.cn.",
        "https://evilclinic.example.cn",
        "file://",
        "https://clinic.example.cn, https://evil.example",
    ];
    for world in [&open, &closed] {
        for origin in foreign {
            for path in ["/api/v1/privacy-text", "/healthz", "/api/v1/me", "/s/x", "/openapi.json"] {
                let request = world.anybody().request(Method::GET, path).header("origin", origin);
                let answer = send(request).await;
                for name in ["access-control-allow-origin", "access-control-allow-credentials"] {
                    assert!(!answer.headers.contains_key(name), "{origin} is let in to {path}");
                }
            }
            let ask = world.anybody().request(Method::OPTIONS, "/api/v1/me").header("origin", origin);
            let asked = send(ask.header("access-control-request-method", "GET")).await;
            assert!(!asked.headers.contains_key("access-control-allow-origin"), "{origin}");
            assert!(!asked.headers.contains_key("access-control-allow-credentials"), "{origin}");
        }
    }
    let request = open.anybody().request(Method::GET, "/api/v1/privacy-text").header("origin", named);
    let answer = send(request).await;
    assert_eq!(answer.headers["access-control-allow-origin"], named);
    assert!(
        !answer.headers.contains_key("access-control-allow-credentials"),
        "a token is never sent by itself"
    );
    assert!(
        answer.headers["vary"].to_str().unwrap().to_lowercase().contains("origin"),
        "no cache mixes origins"
    );
    let problem = send(open.anybody().request(Method::GET, "/api/v1/me").header("origin", named)).await;
    problem.problem(401, "not_signed_in");
    assert_eq!(problem.headers["access-control-allow-origin"], named, "what is wrong can be read there too");
    for path in ["/", "/docs/", "/s/x", "/healthz", "/api/v1/me", "/nowhere"] {
        let answer = open.anybody().get(path).await;
        assert_eq!(answer.headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer", "{path}");
    }
    let page = open.anybody().get("/s/x").await;
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
}

#[test]
fn a35_production_does_not_start_with_a_sample_short_or_shared_secret_and_names_the_variable() {
    let refused = |change: &dyn Fn(&mut Operator), name: &str| {
        let mut operator = Operator::new();
        change(&mut operator);
        let output = operator.bare(&["serve"]).output().unwrap();
        let told = said(&output);
        assert_eq!(output.status.code(), Some(78), "{name}: {told}");
        assert!(told.contains(name), "{name} is named: {told}");
        for value in ["MUZI_DATA_KEYS", "MUZI_INDEX_KEY", "MUZI_TOKEN_KEYS", "MUZI_WECHAT_APP_SECRET"] {
            let value = operator.get(value);
            let value = value.trim_start_matches("1:");
            assert!(value.len() < 20 || !told.contains(value), "a value is told: {name}");
        }
    };
    let every = [
        "MUZI_DATA_KEYS",
        "MUZI_INDEX_KEY",
        "MUZI_PRINT_KEYS",
        "MUZI_TOKEN_KEYS",
        "MUZI_AUDIT_KEYS",
        "MUZI_BACKUP_KEY",
    ];
    for name in every {
        let id = if name.ends_with("KEYS") { "1:" } else { "" };
        let encode = |key: &[u8]| {
            format!("{id}{}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key))
        };
        for short in [
            encode(&[1, 2, 3, 4]),
            encode(&[5; 31]),
            format!("{id}changeme"),
            format!("{id}{}", "=".repeat(44)),
            id.to_owned() + "x",
        ] {
            refused(&|operator| operator.set(name, short.clone()), name);
        }
        refused(&|operator| operator.set(name, encode(&[9; 32])), "one byte repeated");
        let mut sample = *b"muzi development key, never use.";
        for purpose in 1..=6 {
            sample[31] = purpose;
            refused(&|operator| operator.set(name, encode(&sample)), "development keys");
        }
    }
    for (at, name) in every.iter().enumerate() {
        let other = every[(at + 1) % every.len()];
        let shared = new_key();
        let with_id =
            |name: &str| if name.ends_with("KEYS") { format!("1:{shared}") } else { shared.clone() };
        refused(
            &|operator| {
                operator.set(name, with_id(name));
                operator.set(other, with_id(other));
            },
            name,
        );
    }
    refused(&|operator| operator.set("MUZI_CORS_ORIGINS", "*".to_owned()), "MUZI_CORS_ORIGINS");
    refused(&|operator| operator.set("MUZI_WECHAT_URL", "http://127.0.0.1:1".to_owned()), "MUZI_WECHAT_URL");
    refused(
        &|operator| operator.set("MUZI_PUBLIC_URL", "http://muzi.example.cn".to_owned()),
        "MUZI_PUBLIC_URL",
    );
    refused(&|operator| operator.set("MUZI_WECHAT_APP_SECRET", String::new()), "MUZI_WECHAT_APP_SECRET");
}

/// There are no cookies, so a browser adds nothing by itself to a form of somebody else's page.
#[tokio::test(flavor = "multi_thread")]
async fn a37_a_form_of_another_site_carries_nothing_and_is_not_read() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    world
        .employee(
            "li.doctor",
            &[domain::access::Role::Clinician],
            None,
            crate::support::COUNTY,
            domain::place::RegionLevel::County,
        )
        .await;
    let signed_in = world.sign_in("li.doctor", PASSWORD).await;
    assert!(!signed_in.headers.contains_key("set-cookie"));
    let token = signed_in.ok()["access_token"].as_str().unwrap().to_owned();
    let cookies = format!("token={token}; access_token={token}; session={token}; muzi={token}");
    for path in ["/api/v1/me", "/api/v1/visits"] {
        let request = world.anybody().request(Method::GET, path).header("cookie", &cookies);
        send(request).await.problem(401, "not_signed_in");
    }
    let body = crate::entries::pressure(118, 76).to_string();
    for media in [
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/csp-report",
        "",
    ] {
        let headers = [
            ("content-type", media),
            ("idempotency-key", "k"),
            ("origin", "https://evil.example"),
            ("cookie", cookies.as_str()),
        ];
        let with_token = post_with(&mother.user.client, &entries(&mother), &headers, body.clone()).await;
        with_token.problem(415, "unsupported_media_type");
        let without = post_with(&world.anybody(), &entries(&mother), &headers, body.clone()).await;
        without.problem(401, "not_signed_in");
        for path in ["/api/v1/sign-in/staff", "/api/v1/sign-in/wechat", "/api/v1/sign-in/refresh"] {
            post_with(&world.anybody(), path, &headers, "{}").await.problem(415, "unsupported_media_type");
        }
    }
    for (method, rest) in [("DELETE", "me/totp"), ("POST", "me/password")] {
        let request = world.anybody().request(method.parse().unwrap(), &format!("/api/v1/staff/{rest}"));
        send(request.header("cookie", &cookies).header("origin", "https://evil.example"))
            .await
            .problem(401, "not_signed_in");
    }
    let out = world.anybody().request(Method::POST, "/api/v1/sign-out").header("cookie", &cookies);
    send(out).await.problem(401, "not_signed_in");
    assert_eq!(world.with_token(&token).get("/api/v1/me").await.status, 200, "nobody was signed out");
    assert_eq!(mother.user.client.get(&records(&mother)).await.ok()["items"], json!([]));
}
