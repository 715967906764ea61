//! Who tries to be somebody else: guessed passwords, made-up tokens.

use api::config::development_secrets;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use domain::access::Role;
use domain::place::RegionLevel;
use futures_util::StreamExt;
use futures_util::stream;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{middle_times, problem_alone, take_as_long};
use crate::support::people::PASSWORD;
use crate::support::{Answer, COUNTY, World, send};

const STAFF: &str = "/api/v1/sign-in/staff";

/// How the waiting grows, and that the others go on working meanwhile, is shown in `sign_in`.
#[tokio::test(flavor = "multi_thread")]
async fn a09_a_thousand_guesses_get_a_handful_of_tries_by_account_by_address_and_spread() {
    let world = World::with(|config| config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]).await;
    world.county().await;
    for name in ["li.doctor", "wang.doctor"] {
        world.employee(name, &[Role::Clinician], None, COUNTY, RegionLevel::County).await;
    }
    let guess = async |address: String, user_name: String, password: &str| {
        let request = world.anybody().request(Method::POST, STAFF).header("x-forwarded-for", address);
        send(request.json(&json!({ "user_name": user_name, "password": password }))).await
    };
    let tried = |answers: &[Answer]| {
        assert!(answers.iter().all(|answer| [401, 429].contains(&answer.status.as_u16())));
        answers.iter().filter(|answer| answer.status == 401).count()
    };

    // One account, each guess from another address.
    let by_account = stream::iter(0..1000)
        .map(|at| guess(format!("198.51.{}.{}", at / 250, at % 250), "li.doctor".to_owned(), "wrong"))
        .buffer_unordered(20)
        .collect::<Vec<_>>()
        .await;
    assert!((5..=6).contains(&tried(&by_account)), "{}", tried(&by_account));
    guess("192.0.2.9".to_owned(), "li.doctor".to_owned(), PASSWORD).await.problem(429, "too_many_tries");

    // One address, a thousand guesses over two hundred accounts, most of which nobody has.
    let spread = stream::iter(0..1000)
        .map(|at| guess("203.0.113.7".to_owned(), format!("guess.{}", at % 200), "wrong"))
        .buffer_unordered(20)
        .collect::<Vec<_>>()
        .await;
    assert!((50..=52).contains(&tried(&spread)), "{}", tried(&spread));
    guess("203.0.113.7".to_owned(), "wang.doctor".to_owned(), PASSWORD).await.problem(429, "too_many_tries");
    guess("192.0.2.10".to_owned(), "wang.doctor".to_owned(), PASSWORD).await.ok();

    // An unknown name is refused in the same words and the same time.
    let count = std::sync::atomic::AtomicU32::new(0);
    let fresh = || format!("2001:db8::{:x}", count.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    world.advance(TimeDelta::days(1));
    let known = guess(fresh(), "wang.doctor".to_owned(), "wrong").await;
    let unknown = guess(fresh(), "zhao.nobody".to_owned(), "wrong").await;
    assert_eq!(problem_alone(&known), problem_alone(&unknown));
    known.problem(401, "wrong_credentials");
    let step = std::sync::atomic::AtomicU32::new(0);
    let times = middle_times(
        async || {
            // Below five tries within a day.
            if step.fetch_add(1, std::sync::atomic::Ordering::Relaxed).is_multiple_of(3) {
                world.advance(TimeDelta::days(1));
            }
            guess(fresh(), "wang.doctor".to_owned(), "wrong").await.problem(401, "wrong_credentials");
        },
        async || {
            guess(fresh(), "zhao.nobody".to_owned(), "wrong").await.problem(401, "wrong_credentials");
        },
        15,
    );
    take_as_long(times.await);
}

/// Keys and claims of our own, as an attacker would change them.
struct Forge {
    pair: Ed25519KeyPair,
    session: Uuid,
    now: i64,
}

impl Forge {
    fn claims(&self) -> Value {
        json!({ "iss": "muzi", "aud": "muzi-api", "sub": self.session, "iat": self.now, "exp": self.now + 600 })
    }

    /// A token with a good signature.
    fn signed(&self, kid: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::EdDSA) };
        let key = EncodingKey::from_ed_der(self.pair.to_pkcs8v1().unwrap().as_ref());
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }

    /// A header and claims with whatever stands for a signature.
    fn written(&self, header: &Value, claims: &Value, signature: &[u8]) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode(signature))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a11_no_made_up_changed_or_borrowed_token_signs_anybody_in() {
    let world = World::empty().await;
    let code = world.wechat.control().login_code("xiaohong");
    let signed_in = world.anybody().post("/api/v1/sign-in/wechat", json!({ "code": code })).await.ok();
    let token = signed_in["access_token"].as_str().unwrap();
    let session: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let seed = &development_secrets().token[&1];
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).unwrap();
    let public = pair.public_key().as_ref().to_vec();
    let forge = Forge {
        pair,
        session: session["sub"].as_str().unwrap().parse().unwrap(),
        now: world.now().timestamp(),
    };
    let me = async |token: &str| {
        let request = world.anybody().request(Method::GET, "/api/v1/me");
        send(request.header("authorization", format!("Bearer {token}"))).await
    };
    assert_eq!(
        me(&forge.signed(Some("1"), &forge.claims())).await.status,
        200,
        "the forge can make what is good"
    );

    let with = |name: &str, value: Value| {
        let mut claims = forge.claims();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = forge.claims();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let hmac = {
        let header = Header { kid: Some("1".to_owned()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &forge.claims(), &EncodingKey::from_secret(&public)).unwrap()
    };
    let other = Forge {
        pair: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(),
        session: forge.session,
        now: forge.now,
    };
    let none = |alg: &str| forge.written(&json!({ "alg": alg, "kid": "1" }), &forge.claims(), b"");
    let embedded = json!({ "alg": "EdDSA", "kid": "1", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(&public) },
        "jku": "http://169.254.169.254/keys", "x5u": "http://127.0.0.1/", "crit": ["exp"] });
    let hundred_years = forge.now + 100 * 366 * 86400;
    let mut tampered = token.to_owned();
    tampered.replace_range(
        token.len() - 4..token.len() - 3,
        if token.as_bytes()[token.len() - 4] == b'A' { "B" } else { "A" },
    );
    let forged = [
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("alg nOnE", none("nOnE")),
        ("HS256 signed with the public key", hmac),
        ("ES256", none("ES256")),
        ("another key", other.signed(Some("1"), &forge.claims())),
        ("a key in the header", forge.written(&embedded, &forge.claims(), &[0; 64])),
        ("kid with a path", forge.signed(Some("../../../../dev/null"), &forge.claims())),
        ("kid with SQL", forge.signed(Some("1' OR '1'='1"), &forge.claims())),
        ("kid with NUL", forge.signed(Some("1\0"), &forge.claims())),
        ("kid of nobody", forge.signed(Some("2"), &forge.claims())),
        ("no kid", forge.signed(None, &forge.claims())),
        ("wrong audience", forge.signed(Some("1"), &with("aud", json!("muzi-admin")))),
        ("no audience", forge.signed(Some("1"), &without("aud"))),
        ("wrong issuer", forge.signed(Some("1"), &with("iss", json!("wechat")))),
        ("no expiry", forge.signed(Some("1"), &without("exp"))),
        ("in a hundred years", forge.signed(Some("1"), &with("exp", json!(hundred_years)))),
        ("the last second there is", forge.signed(Some("1"), &with("exp", json!(i64::MAX)))),
        ("before all time", forge.signed(Some("1"), &with("exp", json!(i64::MIN)))),
        ("expired", forge.signed(Some("1"), &with("exp", json!(forge.now - 1)))),
        ("another session", forge.signed(Some("1"), &with("sub", json!(Uuid::now_v7())))),
        ("no session", forge.signed(Some("1"), &without("sub"))),
        ("a session with SQL", forge.signed(Some("1"), &with("sub", json!("' OR 1=1 --")))),
        ("a changed signature", tampered),
        ("no signature", token.rsplit_once('.').unwrap().0.to_owned() + "."),
        ("two tokens", format!("{token},{token}")),
        ("a refresh token", signed_in["refresh_token"].as_str().unwrap().to_owned()),
        ("a megabyte", "a".repeat(60_000)),
        ("an empty one", String::new()),
    ];
    for (what, token) in &forged {
        let answer = me(token).await;
        assert!([400, 401, 431].contains(&answer.status.as_u16()), "{what}: {}", answer.status);
        assert!(what == &"a megabyte" || answer.status == 401, "{what}: {}", answer.status);
    }
    // The access token is no refresh token, and stands nowhere but in its header.
    let refresh = json!({ "refresh_token": token });
    world.anybody().post("/api/v1/sign-in/refresh", refresh).await.problem(401, "refresh_refused");
    for (name, value) in [
        ("authorization", format!("Basic {token}")),
        ("authorization", token.to_owned()),
        ("cookie", format!("access_token={token}; token={token}")),
        ("x-access-token", token.to_owned()),
    ] {
        let request = world.anybody().request(Method::GET, "/api/v1/me").header(name, value);
        send(request).await.problem(401, "not_signed_in");
    }
    for query in ["access_token", "token", "authorization"] {
        let answer = world.anybody().get(&format!("/api/v1/me?{query}={token}")).await;
        assert!([400, 401].contains(&answer.status.as_u16()), "{query}");
    }
    me(token).await.ok();
}
