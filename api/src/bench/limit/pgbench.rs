//! The limit of PostgreSQL: `pgbench` with prepared statements, one script for each traced turn.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use regex::{Captures, Regex};
use sea_orm::Statement;
use tokio::process::Command;

use super::Trace;

/// Turns that are played where nothing is written: each client prepares the statements of every one, which no server does
/// again and again.
const SCRIPTS: usize = 12;

/// Turns for each client where something is written: so many families that clients seldom wait for each other, as at a server.
const WRITTEN_EACH: usize = 8;

/// Seconds in which so many scripts are prepared, and which are not counted.
fn warming(scripts: usize) -> Duration {
    Duration::from_secs(2 + scripts as u64 / SCRIPTS as u64)
}

/// Turns per second.
pub(super) async fn rate(
    url: &str,
    traces: &[Trace],
    clients: usize,
    lasts: Duration,
    scratch: &Path,
) -> anyhow::Result<f64> {
    let written = traces.iter().any(|trace| trace.statements.iter().any(super::writes));
    let scripts = if written { (WRITTEN_EACH * clients).max(SCRIPTS) } else { SCRIPTS }.min(traces.len());
    let warming = warming(scripts);
    let folder = scratch.join("pgbench");
    std::fs::create_dir_all(&folder)?;
    let mut pgbench = Command::new("pgbench");
    pgbench
        .args(["--no-vacuum", "--protocol=prepared", "--define=n=0", "--progress=1"])
        .arg(format!("--client={clients}"))
        .arg(format!("--jobs={}", clients.min(2)))
        // The last second is not always told.
        .arg(format!("--time={}", (warming + lasts).as_secs() + 1));
    let run = format!("{:012x}", chrono::Utc::now().timestamp_millis());
    for (number, trace) in traces.iter().take(scripts).enumerate() {
        let file = folder.join(format!("{number}.sql"));
        std::fs::write(&file, script(trace, &run)?)?;
        pgbench.arg(format!("--file={}", file.display()));
    }
    // The URL may hold a password, which no argument may show.
    let output = pgbench.env("PGDATABASE", url).output().await;
    let output = output.context("pgbench: is the client part of PostgreSQL installed?")?;
    let text = String::from_utf8_lossy(&output.stderr);
    let told = Regex::new(r"(?m)^progress: ([0-9.]+) s, ([0-9.]+) tps")?;
    let seconds: Vec<[f64; 2]> = told
        .captures_iter(&text)
        .filter_map(|found| {
            let [at, rate] = [1, 2].map(|group| found.get(group).and_then(|text| text.as_str().parse().ok()));
            Some([at?, rate?])
        })
        .collect();
    rate_after(&seconds, warming.as_secs_f64()).with_context(|| format!("pgbench: {text}"))
}

/// The mean rate after so many seconds, of what was told at which second.
fn rate_after(told: &[[f64; 2]], seconds: f64) -> Option<f64> {
    let after = || told.iter().enumerate().filter(|(_, [at, _])| *at > seconds + 0.5);
    let since =
        |index: usize| index.checked_sub(1).and_then(|before| told.get(before)).map_or(0.0, |[at, _]| *at);
    let turns: f64 = after().map(|(index, [at, rate])| (at - since(index)) * rate).sum();
    let lasted: f64 = after().map(|(index, [at, _])| at - since(index)).sum();
    (lasted > 0.0).then(|| turns / lasted)
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
        let told = [[1.0, 10.0], [2.0, 50.0], [3.0, 100.0], [5.0, 130.0]];
        assert_eq!(rate_after(&told, 2.0), Some(120.0));
        assert_eq!(rate_after(&told[..2], 2.0), None);
    }
}
