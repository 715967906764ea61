//! A PostgreSQL and a Redis of the test's own, with the settings of their makers, which it may kill.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sea_orm::Database;
use tokio::net::UnixStream;

use super::until;
use crate::support::operator::{log_of, open_log};

/// A server that is a child of this process.
struct Server {
    command: Box<dyn Fn() -> Command + Send + Sync>,
    process: Option<Child>,
}

impl Server {
    fn start(&mut self) {
        self.process = Some((self.command)().spawn().unwrap());
    }

    fn is_gone(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| process.try_wait().unwrap().is_some())
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// PostgreSQL, which waits for the disk at each commit.
pub struct Postgres {
    server: Server,
    folder: tempfile::TempDir,
}

impl Postgres {
    /// Starts one; nothing where the programs of PostgreSQL are not on this machine.
    pub async fn start() -> Option<Self> {
        let Some(programs) = programs_of_postgresql() else {
            crate::support::skip("there is no initdb on this machine");
            return None;
        };
        let folder = folder_of_servers();
        let data = folder.path().join("data");
        let made = as_server_user(&programs.join("initdb"))
            .args(["-A", "trust", "-U", "postgres", "--locale=C.UTF-8", "-E", "UTF8", "-D"])
            .arg(&data)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let (sockets, log) = (folder.path().to_owned(), log_of("postgres", folder.path()));
        let command = move || {
            let mut postgres = as_server_user(&programs.join("postgres"));
            postgres
                .arg("-D")
                .arg(&data)
                .args(["-c", "listen_addresses=", "-c", "max_connections=60", "-c"])
                .arg(format!("unix_socket_directories={}", sockets.display()))
                .current_dir(&sockets)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(open_log(&log));
            postgres
        };
        let mut postgres = Self { server: Server { command: Box::new(command), process: None }, folder };
        postgres.come_back().await;
        Some(postgres)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.folder.path().display())
    }

    /// Ends the postmaster at once; its children see it and end, too.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it; it refuses as long as a child of the one before lives.
    pub async fn come_back(&mut self) {
        until("PostgreSQL answers", async || {
            if self.server.is_gone() {
                self.server.start();
            }
            match Database::connect(self.url()).await {
                Ok(db) => db.close().await.is_ok(),
                Err(_) => false,
            }
        })
        .await;
    }
}

/// Redis, which keeps nothing on disk.
pub struct Redis {
    server: Server,
    folder: tempfile::TempDir,
}

impl Redis {
    /// Starts one; nothing where there is no Redis on this machine.
    pub async fn start() -> Option<Self> {
        let Some(program) = ["redis-server", "valkey-server"].iter().find_map(|name| on_path(name)) else {
            crate::support::skip("there is no redis-server on this machine");
            return None;
        };
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let (socket, log) = (folder.path().join("redis.sock"), log_of("redis", folder.path()));
        let command = move || {
            let mut redis = Command::new(&program);
            redis
                .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
                .arg(&socket)
                .stdin(Stdio::null())
                .stdout(open_log(&log))
                .stderr(open_log(&log));
            redis
        };
        let mut redis = Self { server: Server { command: Box::new(command), process: None }, folder };
        redis.come_back().await;
        Some(redis)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it with nothing in it.
    pub async fn come_back(&mut self) {
        self.server.start();
        let socket = self.socket();
        until("Redis answers", async || UnixStream::connect(&socket).await.is_ok()).await;
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The folder of the newest; Debian keeps them where PATH does not lead.
fn programs_of_postgresql() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<_> = versions
        .filter_map(|version| {
            let version = version.ok()?;
            let number: u32 = version.file_name().to_str()?.parse().ok()?;
            let programs = version.path().join("bin");
            programs.join("initdb").is_file().then_some((number, programs))
        })
        .collect();
    found.sort();
    let newest = found.pop().map(|(_, programs)| programs);
    newest.or_else(|| on_path("initdb").and_then(|initdb| initdb.parent().map(Path::to_owned)))
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// PostgreSQL refuses to run as root.
const SERVER_USER: &str = "nobody";

/// A folder whose path is short enough for a socket and that the servers' user may write into.
fn folder_of_servers() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    if is_root() {
        let given = Command::new("chown").arg(SERVER_USER).arg(folder.path()).status().unwrap();
        assert!(given.success());
    }
    folder
}

fn as_server_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    // What this process started ends with it, also when it is killed.
    command
        .args(["--reuid", SERVER_USER, "--clear-groups", "--regid", "65534", "--pdeathsig", "KILL"])
        .arg(program);
    command
}
