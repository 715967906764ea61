//! What the program says of itself while the tests run, kept for `tests/run canaries` to search: with `MUZI_TEST_LOG` set to
//! a folder, everything that is logged, at every level, and the metrics of each world at its end.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, Once};

use api::telemetry::Metrics;
use tracing_subscriber::EnvFilter;

/// Everything; only what the tests themselves send is left out, which is no part of the program.
const FILTER: &str = "trace,reqwest=off,hyper_util=off,actix_http=off";

fn folder() -> Option<PathBuf> {
    std::env::var_os("MUZI_TEST_LOG").map(PathBuf::from)
}

/// Begins to keep the log, once in the process.
pub fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Some(folder) = folder() else { return };
        std::fs::create_dir_all(&folder).unwrap();
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
    OpenOptions::new().create(true).append(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
}
