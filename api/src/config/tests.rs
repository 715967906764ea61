//! What is needed, refused and named.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

fn production(change: impl Fn(&mut BTreeMap<String, String>)) -> Environment {
    let key = |byte: u8| STANDARD.encode(std::array::from_fn::<u8, 32, _>(|at| byte.wrapping_add(at as u8)));
    let mut pairs = BTreeMap::from([
        ("DATABASE_URL".to_owned(), "postgres://muzi@localhost/muzi".to_owned()),
        ("MUZI_DATA_KEYS".to_owned(), format!("1:{}", key(1))),
        ("MUZI_INDEX_KEY".to_owned(), key(40)),
        ("MUZI_PRINT_KEYS".to_owned(), format!("1:{},2:{}", key(80), key(90))),
        ("MUZI_TOKEN_KEYS".to_owned(), format!("3:{}", key(120))),
        ("MUZI_AUDIT_KEYS".to_owned(), format!("1:{}", key(160))),
        ("MUZI_WECHAT_APP_SECRET".to_owned(), "secret".to_owned()),
    ]);
    change(&mut pairs);
    Environment(pairs)
}

fn settings() -> Settings {
    Settings {
        public_url: Some("https://muzi.example.cn/".into()),
        wechat_app_id: Some("wx0".into()),
        ..Settings::default()
    }
}

#[test]
fn a_complete_production_environment_is_accepted() {
    let config = settings().resolve(false, &production(|_| {})).unwrap();
    assert_eq!(config.refusals(), Vec::<String>::new());
    assert_eq!(config.public_url, "https://muzi.example.cn");
    assert_eq!(config.secrets.print.len(), 2);
}

#[test]
fn every_wrong_setting_is_named_at_once() {
    let err = Settings::default().resolve(false, &Environment(BTreeMap::new())).unwrap_err();
    for name in [
        "MUZI_DATA_KEYS",
        "MUZI_INDEX_KEY",
        "MUZI_PRINT_KEYS",
        "MUZI_TOKEN_KEYS",
        "MUZI_AUDIT_KEYS",
        "MUZI_WECHAT_APP_ID",
        "MUZI_PUBLIC_URL",
    ] {
        assert!(err.0.iter().any(|line| line.contains(name)), "{name} in {err}");
    }
    let err = settings().resolve(
        false,
        &production(|pairs| {
            pairs.insert("DATABASE_URL".into(), "mysql://x".into());
        }),
    );
    assert_eq!(err.unwrap_err().0, ["DATABASE_URL: must begin with postgres:// or sqlite://"]);
}

#[test]
fn the_address_of_a_proxy_is_the_same_however_it_is_written() {
    let proxies = ["::ffff:10.0.0.1", "10.0.0.2", "fd00::1"].map(|proxy| proxy.parse().unwrap());
    let settings = Settings { trusted_proxies: Some(proxies.to_vec()), ..settings() };
    let config = settings.resolve(false, &production(|_| {})).unwrap();
    let known: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(known, ["10.0.0.1", "10.0.0.2", "fd00::1"]);
}

#[test]
fn the_verification_file_has_a_plain_name_and_content() {
    let file = VerificationFile::parse("Ab1_x.txt=0123abcd").unwrap();
    assert_eq!((file.name.as_str(), file.content.as_str()), ("Ab1_x.txt", "0123abcd"));
    for wrong in ["", "x.txt", "x.txt=", "x.html=1", ".txt=1", "../x.txt=1", "x.txt=a b"] {
        assert_eq!(VerificationFile::parse(wrong), None, "{wrong}");
        let settings = Settings { wechat_verification: Some(wrong.to_owned()), ..settings() };
        let err = settings.resolve(false, &production(|_| {})).unwrap_err();
        assert!(err.to_string().contains("MUZI_WECHAT_VERIFICATION"), "{err}");
    }
}

#[test]
fn the_audit_log_is_kept_for_six_months_at_least() {
    let kept = |text: &str| Settings { audit_retention: Some(text.to_owned()), ..settings() };
    let config = kept("1y").resolve(false, &production(|_| {})).unwrap();
    assert_eq!(config.audit_retention, "366d".parse().unwrap());
    let err = kept("5m").resolve(false, &production(|_| {})).unwrap_err();
    assert_eq!(err.0, ["MUZI_AUDIT_RETENTION: must be at least 6 months (6m)"]);
    let config = settings().resolve(
        false,
        &production(|pairs| {
            let token = pairs["MUZI_TOKEN_KEYS"].clone();
            pairs.insert("MUZI_AUDIT_KEYS".into(), token);
        }),
    );
    assert!(config.unwrap().refusals()[0].contains("MUZI_AUDIT_KEYS"));
}

#[test]
fn production_refuses_development_keys_shared_keys_stand_ins_and_open_cors() {
    let secrets = development_secrets();
    let mut config = settings().resolve(false, &production(|_| {})).unwrap();
    config.secrets.data = secrets.data;
    config.secrets.index = config.secrets.print[&1].clone();
    config.cors_origins = vec!["*".into()];
    config.wechat.url = Some("http://127.0.0.1:9".into());
    assert_eq!(config.refusals().len(), 4, "{:?}", config.refusals());
    config.demo = true;
    assert!(config.refusals().is_empty());
}
