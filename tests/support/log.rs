//! What the program says of itself while the tests run, kept for `tests/run canaries` to search: with `MUZI_TEST_LOG` set to
//! a folder, everything that is logged, at every level, the metrics of each world at its end, the logs of the processes
//! that tests start, and what commands said.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once};

use api::telemetry::Metrics;
use tracing_subscriber::EnvFilter;

/// Everything; only what the tests themselves send is left out, which is no part of the program.
const FILTER: &str = "trace,reqwest=off,hyper_util=off,actix_http=off";

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MUZI_TEST_LOG").map(PathBuf::from)?;
    std::fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

/// Where a process that a test starts logs: beside the other logs where these are kept, else in the folder of the test. No
/// two have the same name.
pub fn log_of(program: &str, folder_of_test: &Path) -> PathBuf {
    let folder = folder().unwrap_or_else(|| folder_of_test.to_owned());
    folder.join(format!("{program}-{}.log", uuid::Uuid::now_v7()))
}

/// Opens such a log, which goes on where the process before ended.
pub fn open_log(log: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(log).unwrap()
}

/// Keeps what a command said that a test ran, where logs are kept. Its arguments and its input are the test's own, and may
/// name people.
pub fn keep(said: &[u8]) {
    let Some(folder) = folder() else { return };
    let log = folder.join(format!("commands-{}.log", std::process::id()));
    open_log(&log).write_all(said).unwrap();
}

/// Begins to keep the log, once in the process.
pub fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Some(folder) = folder() else { return };
        let file = File::create(folder.join(format!("{}.log", std::process::id()))).unwrap();
        let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(FILTER)).with_ansi(false).json();
        lines.with_writer(Mutex::new(file)).init();
        tracing::info!("the log of the tests begins");
    });
}

/// Adds the metrics of a world to those that are kept.
pub fn keep_metrics(metrics: &Metrics) {
    let Some(folder) = folder() else { return };
    let file = folder.join(format!("{}.metrics", std::process::id()));
    let text = metrics.text().unwrap();
    open_log(&file).write_all(text.as_bytes()).unwrap();
}
