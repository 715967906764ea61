//! What was measured, as a table and as JSON. Medians, with the least and the most of the rounds.

use std::fmt;

use sea_orm::DbBackend;
use serde::Serialize;

use super::ground::Ground;
use super::load::Load;
use super::scenario::Scenario;
use super::server::{Memory, Usage};
use super::soak::Soak;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// `sqlite` or `postgresql`.
    pub database: &'static str,
    /// `memory` or `redis`.
    pub cache: &'static str,
    /// Threads of the machine.
    pub threads: usize,
    /// Records in the database.
    pub records: i64,
    /// Handbooks of which the counters speak.
    pub handbooks: i64,
    /// Milliseconds from the start of a process until it is ready.
    pub ready_ms: Spread,
    /// One for each scenario and number of clients.
    pub rows: Vec<Row>,
    /// Everything together for a long time.
    pub soak: Option<Soak>,
}

/// A scenario with so many clients.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The scenario.
    pub scenario: String,
    /// How many at a time.
    pub clients: usize,
    /// Statements of one turn.
    pub statements: usize,
    /// Turns per second.
    pub rate: Spread,
    /// Turns per second of the database alone, with the same statements.
    pub limit: Spread,
    /// The one through the other, round by round.
    pub ratio: Spread,
    /// Half of the turns were over within so many milliseconds.
    pub p50_ms: Spread,
    /// 99 of 100 turns were over within so many milliseconds.
    pub p99_ms: Spread,
    /// The same of the database alone.
    pub limit_p99_ms: Spread,
    /// Milliseconds of the server's processor time for a turn.
    pub cpu_ms: Spread,
    /// Memory of the server at the end.
    pub memory: Memory,
}

/// One round of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    rate: f64,
    limit: f64,
    p50: f64,
    p99: f64,
    limit_p99: f64,
    cpu: f64,
}

impl Round {
    #[expect(clippy::cast_precision_loss, reason = "figures to be read")]
    pub(super) fn new(load: &Load, alone: &Load, (before, after): (Usage, Usage)) -> Self {
        let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1000.0;
        Self {
            rate: load.rate(),
            limit: alone.rate(),
            p50: load.percentile(50),
            p99: load.percentile(99),
            limit_p99: alone.percentile(99),
            cpu: cpu / load.latencies.len().max(1) as f64,
        }
    }
}

/// The median of some figures, the least and the most.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Spread {
    /// Half are less.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let at = |at: usize| figures.get(at).copied().unwrap_or_default();
        let last = figures.len().saturating_sub(1);
        Self { median: f64::midpoint(at(last / 2), at(last.div_ceil(2))), least: at(0), most: at(last) }
    }
}

impl Report {
    pub(super) fn new(ground: &Ground, starts: Vec<f64>) -> Self {
        Self {
            database: match ground.app.db.backend() {
                DbBackend::Postgres => "postgresql",
                _ => "sqlite",
            },
            cache: if ground.place.redis_url.is_some() { "redis" } else { "memory" },
            threads: ground.app.config.threads,
            records: ground.records,
            handbooks: ground.handbooks,
            ready_ms: Spread::of(starts),
            rows: Vec::new(),
            soak: None,
        }
    }
}

impl Row {
    pub(super) fn new(
        scenario: Scenario,
        clients: usize,
        statements: usize,
        rounds: &[Round],
        memory: Memory,
    ) -> Self {
        let spread = |figure: fn(&Round) -> f64| Spread::of(rounds.iter().map(figure));
        Self {
            scenario: scenario.to_string(),
            clients,
            statements,
            rate: spread(|round| round.rate),
            limit: spread(|round| round.limit),
            ratio: spread(|round| round.rate / round.limit),
            p50_ms: spread(|round| round.p50),
            p99_ms: spread(|round| round.p99),
            limit_p99_ms: spread(|round| round.limit_p99),
            cpu_ms: spread(|round| round.cpu),
            memory,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, cache, threads, records, handbooks, ready_ms, .. } = self;
        writeln!(
            f,
            "{database}, cache {cache}, {threads} threads, {records} records, counters of {handbooks} handbooks"
        )?;
        writeln!(
            f,
            "ready after {:.0} ms ({:.0} to {:.0})\n",
            ready_ms.median, ready_ms.least, ready_ms.most
        )?;
        writeln!(
            f,
            "{:<20} {:>7} {:>9} {:>9}  {:<18} {:>7} {:>7} {:>9} {:>8} {:>10} {:>8}",
            "scenario",
            "clients",
            "turns/s",
            "limit/s",
            "ratio (spread)",
            "p50 ms",
            "p99 ms",
            "limit p99",
            "cpu ms",
            "statements",
            "peak MB"
        )?;
        for row in &self.rows {
            let ratio = format!("{:.2} ({:.2}-{:.2})", row.ratio.median, row.ratio.least, row.ratio.most);
            writeln!(
                f,
                "{:<20} {:>7} {:>9.0} {:>9.0}  {ratio:<18} {:>7.2} {:>7.2} {:>9.2} {:>8.3} {:>10} {:>8.0}",
                row.scenario,
                row.clients,
                row.rate.median,
                row.limit.median,
                row.p50_ms.median,
                row.p99_ms.median,
                row.limit_p99_ms.median,
                row.cpu_ms.median,
                row.statements,
                row.memory.peak
            )?;
        }
        if let Some(Soak { seconds, families, turns, failed, resident, peak }) = &self.soak {
            let resident: Vec<_> = resident.iter().map(|megabytes| format!("{megabytes:.0}")).collect();
            writeln!(
                f,
                "\n{turns} turns of every kind by {families} families in {seconds:.0} s, {failed} failed: MB resident {}, at most {peak:.0}",
                resident.join(" ")
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_tells_the_median_and_the_edges() {
        let told = |figures: &[f64]| {
            let Spread { median, least, most } = Spread::of(figures.iter().copied());
            (median, least, most)
        };
        assert_eq!(told(&[3.0, 1.0, 2.0]), (2.0, 1.0, 3.0));
        assert_eq!(told(&[4.0, 1.0]), (2.5, 1.0, 4.0));
        assert_eq!(told(&[]), (0.0, 0.0, 0.0));
    }
}
