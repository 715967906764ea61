//! The limit of PostgreSQL: `pgbench` with prepared statements, one script for each traced turn.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use regex::{Captures, Regex};
use sea_orm::Statement;
use tokio::process::Command;

use super::Trace;
use crate::bench::load::Load;

/// Turns that are played where nothing is written: each client prepares the statements of every one, which no server does
/// again and again.
const SCRIPTS: usize = 12;

/// Turns for each client where something is written: so many families that clients seldom wait for each other, as at a server.
const WRITTEN_EACH: usize = 8;

/// Seconds in which so many scripts are prepared, and which are not counted.
fn warming(scripts: usize) -> Duration {
    Duration::from_secs(2 + scripts as u64 / SCRIPTS as u64)
}

/// What the database does in so long a time.
pub(super) async fn run(
    url: &str,
    traces: &[Trace],
    clients: usize,
    lasts: Duration,
    scratch: &Path,
) -> anyhow::Result<Load> {
    let written = traces.iter().any(|trace| trace.statements.iter().any(super::writes));
    let scripts = if written { (WRITTEN_EACH * clients).max(SCRIPTS) } else { SCRIPTS }.min(traces.len());
    let warming = warming(scripts);
    let folder = scratch.join("pgbench");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let mut pgbench = Command::new("pgbench");
    pgbench
        .args(["--no-vacuum", "--protocol=prepared", "--define=n=0", "--log"])
        .arg(format!("--log-prefix={}", folder.join(LOG).display()))
        .arg(format!("--client={clients}"))
        .arg(format!("--jobs={}", clients.min(2)))
        .arg(format!("--time={}", (warming + lasts).as_secs()));
    let run = format!("{:012x}", chrono::Utc::now().timestamp_millis());
    for (number, trace) in traces.iter().take(scripts).enumerate() {
        let file = folder.join(format!("{number}.sql"));
        std::fs::write(&file, script(trace, &run)?)?;
        pgbench.arg(format!("--file={}", file.display()));
    }
    // The URL may hold a password, which no argument may show.
    let output = pgbench.env("PGDATABASE", url).output().await;
    let output = output.context("pgbench: is the client part of PostgreSQL installed?")?;
    let mut turns = Vec::new();
    for file in std::fs::read_dir(&folder)? {
        let file = file?;
        if file.file_name().to_string_lossy().starts_with(LOG) {
            turns.extend(std::fs::read_to_string(file.path())?.lines().filter_map(Turn::read));
        }
    }
    let told = || format!("pgbench: {}", String::from_utf8_lossy(&output.stderr));
    after(&turns, warming).with_context(told)
}

/// What the names of the files begin with in which each turn is a line; each thread has one.
const LOG: &str = "turns";

/// A turn that was played.
#[derive(Clone, Copy)]
struct Turn {
    /// Since 1970.
    over: Duration,
    took: Duration,
}

impl Turn {
    /// `client number microseconds script seconds microseconds`.
    fn read(line: &str) -> Option<Self> {
        let figures: Vec<u64> = line.split_whitespace().map_while(|figure| figure.parse().ok()).collect();
        let [_, _, took, _, seconds, microseconds, ..] = figures[..] else { return None };
        let over = Duration::from_secs(seconds) + Duration::from_micros(microseconds);
        Some(Self { over, took: Duration::from_micros(took) })
    }
}

/// The turns that began when the statements were prepared; nothing when there are none.
fn after(turns: &[Turn], warming: Duration) -> Option<Load> {
    let began = |turn: &Turn| turn.over.saturating_sub(turn.took);
    let warm = turns.iter().map(began).min()? + warming;
    let counted: Vec<_> = turns.iter().filter(|turn| began(turn) >= warm).collect();
    let lasted = counted.iter().map(|turn| turn.over).max()?.checked_sub(warm)?;
    Some(Load::new(counted.iter().map(|turn| turn.took).collect(), lasted.as_secs_f64()))
}

/// The statements of a turn: what it made is made anew, with a number that counts up in each client.
fn script(trace: &Trace, run: &str) -> anyhow::Result<String> {
    let (before, work, after) = trace.parts();
    let mut lines = vec!["\\set n :n + 1".to_owned()];
    for (at, statement) in [before, work, after].into_iter().flatten().enumerate() {
        let (is_first, is_last) = (at == before.len(), at + 1 == before.len() + work.len());
        if work.len() > 1 && is_first {
            lines.push("BEGIN;".to_owned());
        }
        lines.push(line(statement, trace, run)?);
        if work.len() > 1 && is_last {
            lines.push("COMMIT;".to_owned());
        }
    }
    Ok(lines.join("\n") + "\n")
}

fn line(statement: &Statement, trace: &Trace, run: &str) -> anyhow::Result<String> {
    let literal = Regex::new(r"E?'(?:[^'\\]|''|\\.)*'")?;
    // Outside literals a line break is a space; inside there is none that is not escaped.
    let text = statement.to_string().replace('\n', " ");
    let written = literal.replace_all(&text, |found: &Captures<'_>| {
        found.get(0).map_or(String::new(), |found| renewed(found.as_str(), trace, run))
    });
    Ok(format!("{written};"))
}

/// A literal with an expression in the place of what the turn made. A colon would begin a variable of pgbench.
fn renewed(literal: &str, trace: &Trace, run: &str) -> String {
    if let Some(at) = trace.fresh.hashes.iter().position(|hash| is_bytes(literal, hash)) {
        return format!("sha256(({})::bytea)", unique(run, 0x800 + at));
    }
    let escaped = literal.strip_prefix('E').map_or_else(
        || format!("E{}", literal.replace('\\', "\\\\").replace(':', "\\x3a")),
        |rest| format!("E{}", rest.replace(':', "\\x3a")),
    );
    let mut text = escaped.clone();
    for (at, id) in trace.fresh.ids.iter().enumerate() {
        text = text.replace(&id.to_string(), &format!("'||{}||'", unique(run, at)));
    }
    if text == escaped {
        return escaped;
    }
    let is_id = literal.trim_matches('\'').len() == 36;
    if is_id { format!("({text})::uuid") } else { format!("({text})") }
}

fn is_bytes(literal: &str, bytes: &[u8]) -> bool {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    literal.strip_prefix("'\\x").and_then(|rest| rest.strip_suffix('\'')) == Some(hex.as_str())
}

/// The text of an id of the shape of UUIDv7: when the run began, the client, what it is in the turn, and the turn.
fn unique(run: &str, what: usize) -> String {
    format!(
        "'{run}7'||lpad(to_hex(:client_id::int), 3, '0')||'8{what:03x}'||lpad(to_hex(:n::bigint), 12, '0')"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_while_statements_were_prepared_does_not_count() {
        let lines = [
            "0 1 900000 0 100 950000",
            "1 1 50000 0 102 100000",
            "0 2 100000 3 102 600000",
            "1 2 300000 0 104 50000",
        ];
        let turns: Vec<_> = lines.into_iter().filter_map(Turn::read).collect();
        let counted = after(&turns, Duration::from_secs(2)).unwrap();
        assert_eq!(counted.latencies, [50, 100, 300].map(Duration::from_millis));
        assert_eq!(counted.seconds, 2.0, "from 2 s after the first began until the last was over");
        assert!(after(&turns[..1], Duration::from_secs(2)).is_none());
        assert!(Turn::read("pgbench (15)").is_none());
    }
}
