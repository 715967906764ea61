//! Nothing that must stay secret is in a log, an error text or the journal.

use std::{
    error::Error as _,
    fmt::{Debug, Write as _},
    io,
    sync::{Arc, Mutex},
};

use miniprogram_adapter::{
    Error,
    stand_in::{self, APP_ID, APP_SECRET, Fault},
};
use serde_json::{Value, json};
use tracing::Level;

use crate::support::{Http, LOGIN, PHONE, TOKEN, World};

const PHONE_NUMBER: &str = "13812345678";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What came to light, and what must not be in it.
#[derive(Default)]
struct Seen {
    prints: String,
    journal: String,
    secrets: Vec<String>,
}

impl Seen {
    fn print(&mut self, what: &impl Debug) {
        writeln!(self.prints, "{what:?}").unwrap();
    }

    fn error(&mut self, error: &Error) {
        self.print(error);
        writeln!(self.prints, "{error}").unwrap();
        let mut source = error.source();
        while let Some(cause) = source {
            writeln!(self.prints, "{cause} {cause:?}").unwrap();
            source = cause.source();
        }
    }

    fn secret(&mut self, secret: &str) -> String {
        self.secrets.push(secret.to_owned());
        secret.to_owned()
    }

    fn read_journal(&mut self, world: &World) {
        self.journal += &serde_json::to_string(&world.control().journal()).unwrap();
    }
}

#[tokio::test]
async fn no_secret_in_logs_errors_or_journal() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole process, so that what the stand-in and other tests log meanwhile is looked through as well.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let mut seen = Seen::default();
    seen.secret(APP_SECRET);
    seen.secret(PHONE_NUMBER);
    successes(&mut seen).await;
    let kinds = [
        Fault::Timeout,
        Fault::Reset,
        Fault::Http502,
        Fault::Html,
        Fault::Empty,
        Fault::Truncate,
        Fault::Lost,
        Fault::Errcode(40125),
        Fault::Errcode(40001),
    ];
    for fault in kinds {
        failures(&mut seen, fault).await;
    }
    by_hand(&mut seen).await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("errcode=40125") && log.contains(LOGIN) && log.contains(TOKEN));
    assert!(seen.journal.contains(APP_ID) && seen.journal.contains("client_credential"));
    for (place, text) in [("log", &log), ("error or debug print", &seen.prints), ("journal", &seen.journal)] {
        for secret in &seen.secrets {
            assert!(!text.contains(secret), "{secret} is in the {place}");
        }
    }
}

async fn successes(seen: &mut Seen) {
    let world = World::new();
    let mum = world.control().user("mum1");
    seen.secret(mum.openid.expose());
    seen.secret(mum.unionid.as_ref().unwrap().expose());
    let login_code = seen.secret(&world.control().login_code("mum1"));
    let phone_code = seen.secret(&world.control().phone_code("mum1", PHONE_NUMBER));
    seen.print(&world.client.login(&login_code, "mine").await.unwrap());
    seen.print(&world.client.phone_number(&phone_code).await.unwrap());
    seen.print(&world.client);
    seen.print(&world.wechat.client_settings());
    seen.print(&stand_in::Settings::default());
    seen.read_journal(&world);
}

async fn failures(seen: &mut Seen, fault: Fault) {
    let world = World::new();
    let client = world.hasty_client();
    for path in [LOGIN, PHONE] {
        world.control().fault(path, 2, fault);
    }
    let login_code = seen.secret(&world.control().login_code("mum1"));
    let phone_code = seen.secret(&world.control().phone_code("mum1", PHONE_NUMBER));
    seen.error(&client.login(&login_code, "mine").await.unwrap_err());
    seen.error(&client.phone_number(&phone_code).await.unwrap_err());

    world.control().fault(TOKEN, 3, fault);
    let cold = world.hasty_client();
    let phone_code = seen.secret(&world.control().phone_code("mum1", PHONE_NUMBER));
    seen.error(&cold.phone_number(&phone_code).await.unwrap_err());
    seen.print(&cold);
    seen.read_journal(&world);
}

/// What only the wire shows, and calls that nobody foresaw: the journal masks what it does not know.
async fn by_hand(seen: &mut Seen) {
    let world = World::new();
    let http = Http::to(&world.wechat);
    let body = json!({ "grant_type": "client_credential", "appid": APP_ID, "secret": APP_SECRET });
    let token = http.ask(TOKEN, body).await["access_token"].as_str().unwrap().to_owned();
    let token = seen.secret(&token);

    let code = seen.secret(&world.control().login_code("mum1"));
    let query = format!("appid={APP_ID}&secret={APP_SECRET}&js_code={code}&grant_type=authorization_code");
    let login: Value = http.get(&format!("{LOGIN}?{query}")).send().await.unwrap().json().await.unwrap();
    seen.secret(login["session_key"].as_str().unwrap());

    let path = format!("{PHONE}?access_token={token}&phone={PHONE_NUMBER}");
    http.ask(&path, json!({ "number": 13_812_345_678_u64, "list": [APP_SECRET] })).await;
    http.post(&path).body(format!("not json: {PHONE_NUMBER}")).send().await.unwrap();
    http.get(&format!("/elsewhere?a={APP_SECRET}")).send().await.unwrap();
    seen.read_journal(&world);
}
