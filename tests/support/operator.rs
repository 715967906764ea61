//! Whoever runs the server: settings of production in a folder of their own, and the real binary at hand.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use api::config::{Config, Environment, Settings, new_key};
use sea_orm::ConnectionTrait;

pub use super::log::{log_of, open_log};
use super::{Client, World, log};

/// Settings of a server in production, as environment variables.
pub struct Operator {
    variables: BTreeMap<&'static str, String>,
    pub folder: tempfile::TempDir,
}

impl Operator {
    pub fn new() -> Self {
        let variables = BTreeMap::from([
            ("MUZI_DATA_KEYS", format!("1:{}", new_key())),
            ("MUZI_INDEX_KEY", new_key()),
            ("MUZI_PRINT_KEYS", format!("1:{}", new_key())),
            ("MUZI_TOKEN_KEYS", format!("1:{}", new_key())),
            ("MUZI_AUDIT_KEYS", format!("1:{}", new_key())),
            ("MUZI_BACKUP_KEY", new_key()),
            ("MUZI_WECHAT_APP_ID", "wx0".to_owned()),
            ("MUZI_WECHAT_APP_SECRET", "secret".to_owned()),
            ("MUZI_PUBLIC_URL", "https://muzi.example.cn".to_owned()),
        ]);
        Self { variables, folder: tempfile::tempdir().unwrap() }
    }

    pub fn set(&mut self, name: &'static str, value: String) {
        self.variables.insert(name, value);
    }

    pub fn get(&self, name: &str) -> String {
        self.variables[name].clone()
    }

    /// The settings as a process would read them.
    pub fn config(&self) -> Config {
        let pairs = self.variables.iter().map(|(name, value)| (*name, value.as_str()));
        let settings = Settings {
            public_url: Some("https://muzi.example.cn".to_owned()),
            wechat_app_id: Some("wx0".to_owned()),
            ..Settings::default()
        };
        settings.resolve(false, &Environment::from_pairs(pairs)).unwrap()
    }

    /// A world that has the keys of this server.
    pub async fn world(&self) -> World {
        let secrets = self.config().secrets;
        World::with(|config| config.secrets = secrets).await
    }

    /// `muzi` with the settings and nothing else of the environment, in the folder.
    pub fn bare(&self, arguments: &[&str]) -> Command {
        let mut muzi = Command::new(env!("CARGO_BIN_EXE_muzi"));
        muzi.args(arguments)
            .env_clear()
            // Many start at once, and none is looked for at the ports that everybody knows.
            .env("MUZI_LISTEN", "127.0.0.1:0")
            .env("MUZI_METRICS_LISTEN", "127.0.0.1:0")
            .envs(self.variables.iter().map(|(name, value)| (*name, value)))
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        muzi
    }

    /// `muzi` on the database and the photos of a world.
    pub fn command(&self, world: &World, arguments: &[&str]) -> Command {
        let mut muzi = self.bare(arguments);
        muzi.env("DATABASE_URL", world.database_url()).env("MUZI_DATA", &world.app.config.data);
        muzi
    }

    /// Runs `muzi` on the database of a world to its end.
    pub fn muzi(&self, world: &World, arguments: &[&str], input: &str) -> Output {
        let mut muzi = self.command(world, arguments).spawn().unwrap();
        muzi.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = muzi.wait_with_output().unwrap();
        // Whom these are asked for they name; a refusal names nobody.
        let names_people = matches!(arguments, ["audit", "who-saw" | "affected", ..]);
        if names_people && output.status.success() { output } else { kept(output) }
    }

    /// Whatever changed about keys changed long ago.
    pub async fn settled(&self, world: &World) {
        let changed = "UPDATE key_in_use SET changed_at = '2026-01-01 00:00:00+00:00'";
        world.app.db.write().execute_unprepared(changed).await.unwrap();
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Operator {
    /// `muzi serve` in a process of its own, on the database of a world, once it answers.
    pub async fn serving(&mut self, world: &World, log: &str) -> Serving {
        let [listen, metrics] = [free_address(), free_address()];
        self.set("MUZI_LISTEN", listen.clone());
        self.set("MUZI_METRICS_LISTEN", metrics.clone());
        self.set("MUZI_LOG", log.to_owned());
        let log = log_of("muzi", self.folder.path());
        let mut command = self.command(world, &["serve"]);
        let process = command.stdout(Stdio::null()).stderr(open_log(&log)).spawn().unwrap();
        let serving = Serving { process, listen, metrics, log };
        let until = Instant::now() + Duration::from_secs(60);
        while reqwest::get(format!("http://{}/readyz", serving.listen)).await.is_err() {
            assert!(Instant::now() < until, "{}", std::fs::read_to_string(&serving.log).unwrap());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        serving
    }
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// The real program at work; it ends with this.
pub struct Serving {
    process: Child,
    listen: String,
    metrics: String,
    log: PathBuf,
}

impl Serving {
    /// Somebody who calls it.
    pub fn client(&self, token: Option<&str>) -> Client {
        Client::new(reqwest::Client::new(), format!("http://{}", self.listen), token.map(str::to_owned))
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.listen
    }

    /// The most memory that it ever held, in kB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// What Prometheus would read.
    pub async fn metrics(&self) -> String {
        reqwest::get(format!("http://{}/metrics", self.metrics)).await.unwrap().text().await.unwrap()
    }

    /// Stops it and gives its log.
    pub async fn stopped(mut self) -> String {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

/// What a process said is kept beside the other logs.
pub fn kept(output: Output) -> Output {
    log::keep(&output.stdout);
    log::keep(&output.stderr);
    output
}

/// What a process said, on both channels.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

/// Names of what lies in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
