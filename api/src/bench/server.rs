//! The server as a process of its own, with what it used.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::ground::{Ground, Where};
use super::wire::Wire;
use crate::app::Clock;
use crate::demo::sign_ins;
use crate::keyring::in_use;
use crate::start::{self, Wechat};
use crate::{server, worker};

/// The longest that a server may take to be ready, or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server is told on its standard input; URLs hold passwords, which no argument may show.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    data: std::path::PathBuf,
    database_url: Option<String>,
    redis_url: Option<String>,
    wechat_url: String,
}

/// A running server.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    process: Child,
    pid: u32,
}

/// What a process has used since it began.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) cpu: Duration,
}

/// What a process holds, in MB; nothing where the system does not tell.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Memory {
    /// Now.
    pub resident: f64,
    /// At most.
    pub peak: f64,
}

impl Server {
    /// Starts this program once more as a server, and waits until it listens.
    pub(super) async fn start(ground: &Ground) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("bench-server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let place = &ground.place;
        let told = Told {
            data: place.data.clone(),
            database_url: place.database_url.as_ref().map(|url| url.to_string()),
            redis_url: place.redis_url.as_ref().map(|url| url.to_string()),
            wechat_url: ground.wechat.base_url().to_owned(),
        };
        let mut input = process.stdin.take().context("no standard input")?;
        input.write_all(&serde_json::to_vec(&told)?).await?;
        drop(input);
        let output = process.stdout.take().context("no standard output")?;
        let mut line = String::new();
        tokio::time::timeout(PATIENCE, BufReader::new(output).read_line(&mut line)).await??;
        let address = line.trim().parse().context("the server did not say where it listens")?;
        let pid = process.id().context("the server ended at once")?;
        Ok(Self { address, process, pid })
    }

    /// What it has used.
    pub(super) fn usage(&self) -> Usage {
        Usage { cpu: cpu(self.pid).unwrap_or_default() }
    }

    /// What it holds.
    pub(super) fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let megabytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
            kilobytes.map_or(0.0, |kilobytes| kilobytes / 1024.0)
        };
        Memory { resident: megabytes("VmRSS:"), peak: megabytes("VmHWM:") }
    }

    /// Stops it; connections are closed already.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        self.process.start_kill()?;
        tokio::time::timeout(PATIENCE, self.process.wait()).await??;
        Ok(())
    }
}

/// User and system time of a process, which Linux counts in hundredths of a second.
fn cpu(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program stands in brackets and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// How long a server takes from its start on this database until `/readyz` says yes, in milliseconds, the shortest first.
pub(super) async fn starts(ground: &Ground, rounds: usize) -> anyhow::Result<Vec<f64>> {
    let mut taken = Vec::new();
    for _ in 0..rounds {
        let began = Instant::now();
        let server = Server::start(ground).await?;
        Wire::connect(server.address).await?.get("/readyz", "").await?;
        taken.push(began.elapsed().as_secs_f64() * 1000.0);
        server.stop().await?;
    }
    taken.sort_by(f64::total_cmp);
    Ok(taken)
}

/// The server itself: what `muzi serve` runs, with its jobs and its looks before it begins, on the database that standard
/// input names; only the sign-ins of the demo, which the bench has, are not refused.
pub async fn serve() -> anyhow::Result<()> {
    let told: Told = serde_json::from_reader(std::io::stdin().lock())?;
    let place = Where {
        data: told.data,
        database_url: told.database_url.map(Into::into),
        redis_url: told.redis_url.map(Into::into),
    };
    let config = place.config(&told.wechat_url)?;
    crate::telemetry::start_logging(&config.log, true);
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let wechat = Wechat::real(&config.wechat);
    let app = start::serving(config, Clock::system(), wechat).await?;
    anyhow::ensure!(start::pending_migrations(&app.db).await? == 0, "the ground is of another version");
    start::take_up_keys(&app, true).await?;
    anyhow::ensure!(sign_ins::are_in(&app.db).await?, "the ground has no sign-ins");
    tokio::spawn(in_use::keep_looking(app.clone()));
    tokio::spawn(worker::run(app.clone()));
    let running = server::serve(&app, listener)?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "{address}")?;
    output.flush()?;
    drop(output);
    running.await?;
    Ok(())
}
