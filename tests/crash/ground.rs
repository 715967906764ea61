//! A town whose people are signed in, and the server processes on its database.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use actix_web::web::Data;
use api::app::App;
use api::config::Config;
use chrono::Utc;
use domain::access::Role;
use domain::id::{HandbookId, SessionId};

use super::until;
use crate::support::operator::{Operator, log_of, open_log, said};
use crate::support::{Client, World};

/// Who claim at each desk.
const CLAIMERS: usize = 64;

/// Families; two people of each write at a time.
const FAMILIES: usize = 8;

/// A handbook, and those who write in it.
pub struct Home {
    pub handbook: HandbookId,
    pub mother: Person,
    /// A clinician at the hospital, who needs a visit.
    pub doctor: Person,
    /// An administrator of the health centre, who issues.
    pub desk: Person,
    /// Who claim what is issued: a claim that a crash cuts off stays counted as a wrong try, of which nobody has many.
    claimers: Vec<Person>,
}

impl Home {
    /// Somebody who claims, by chance.
    pub fn some_claimer(&self) -> &Person {
        let [.., chance] = *uuid::Uuid::now_v7().as_bytes();
        &self.claimers[usize::from(chance) % self.claimers.len()]
    }
}

/// Somebody who is signed in for as long as the faults are repeated: access tokens live minutes.
pub struct Person {
    app: Data<App>,
    session: SessionId,
}

impl Person {
    fn of(world: &World, client: &Client) -> Self {
        let session = world.app.tokens.check(client.token(), world.now()).expect("a token of this town");
        Self { app: world.app.clone(), session }
    }

    /// An access token of the moment.
    pub fn token(&self) -> String {
        self.app.tokens.sign(self.session, Utc::now()).unwrap()
    }
}

/// The town.
pub struct Ground {
    pub operator: Operator,
    pub world: World,
    pub homes: Vec<Home>,
    /// Where its servers log.
    log: PathBuf,
}

impl Ground {
    /// A town on the database and the cache of the test run.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A town with other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let operator = Operator::new();
        let secrets = operator.config().secrets;
        let world = World::with(|config| {
            config.secrets = secrets;
            change(config);
        })
        .await;
        // The server processes read the clock of the machine.
        world.advance(Utc::now() - world.now());
        let county = world.county().await;
        let mut homes = Vec::new();
        for _ in 0..FAMILIES {
            let mother = world.mother(&county).await;
            let person = |client: &Client| Person::of(&world, client);
            let mut claimers = Vec::new();
            for _ in 0..CLAIMERS {
                claimers.push(person(&world.family_user().await.client));
            }
            homes.push(Home {
                handbook: mother.handbook,
                mother: person(&mother.user.client),
                doctor: person(&world.worker(&[Role::Clinician], county.hospital).await.client),
                desk: person(&world.administrator(county.health_centre).await),
                claimers,
            });
        }
        let log = log_of("muzi", operator.folder.path());
        Self { operator, world, homes, log }
    }

    /// Another server process; it keeps its address when it is started again.
    pub async fn serve(&self) -> Muzi {
        self.start_as(Muzi::new(), |serve| serve).await
    }

    /// Starts a server that ended.
    pub async fn start(&self, muzi: &mut Muzi) {
        let gone = std::mem::replace(muzi, Muzi::new());
        *muzi = self.start_as(gone, |serve| serve).await;
    }

    /// Starts a server by another command than its own.
    pub async fn start_as(&self, mut muzi: Muzi, by: impl FnOnce(Command) -> Command) -> Muzi {
        let config = &self.world.app.config;
        let mut serve = self.operator.bare(&["serve"]);
        serve
            .env("DATABASE_URL", config.database_url.as_str())
            .env("MUZI_DATA", &config.data)
            .env("MUZI_LISTEN", muzi.listen.clone())
            .env("MUZI_METRICS_LISTEN", muzi.metrics.clone())
            .env("MUZI_THREADS", config.threads.to_string())
            .env("MUZI_DATABASE_CONNECTIONS", config.database_connections.to_string())
            .env("MUZI_DATABASE_WAIT", config.database_wait.as_secs().to_string())
            .env("MUZI_REQUESTS_A_MINUTE", "1000000")
            .env("MUZI_LOG", "warn");
        if let Some(url) = &config.redis_url {
            serve.env("REDIS_URL", url.as_str());
        }
        let mut command = by(serve);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(open_log(&self.log));
        let mut process = command.spawn().unwrap();
        let (http, ready) = (reqwest::Client::new(), format!("{}/readyz", muzi.base()));
        until("the server is ready", async || {
            assert!(process.try_wait().unwrap().is_none(), "the server ended: {}", self.log());
            http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        muzi.process = Some(process);
        muzi
    }

    /// What the servers logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Runs a command of `muzi` on the database, which must succeed.
    pub fn must_say_yes(&self, arguments: &[&str]) {
        let config = &self.world.app.config;
        let mut command = self.operator.bare(arguments);
        command.env("DATABASE_URL", config.database_url.as_str()).env("MUZI_DATA", &config.data);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "muzi {arguments:?}: {}", said(&output));
    }
}

/// A server process.
pub struct Muzi {
    listen: String,
    metrics: String,
    process: Option<Child>,
}

impl Muzi {
    /// One that does not run yet.
    pub fn new() -> Self {
        Self { listen: free_port(), metrics: free_port(), process: None }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Where it is reached.
    pub fn base(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Its metrics.
    pub async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.metrics);
        reqwest::get(url).await.unwrap().text().await.unwrap()
    }

    /// Ends it at once (SIGKILL), wherever it is in its work.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

impl Drop for Muzi {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

/// An address below the ports that the system gives to outgoing connections, so that it is still free after a crash; no two
/// of this process are the same.
fn free_port() -> String {
    static GIVEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    loop {
        let [.., high, low] = *uuid::Uuid::now_v7().as_bytes();
        let address = format!("127.0.0.1:{}", 20_000 + u16::from_be_bytes([high, low]) % 12_000);
        let is_free = std::net::TcpListener::bind(&address).is_ok();
        if is_free && GIVEN.lock().unwrap().insert(address.clone()) {
            return address;
        }
    }
}
