//! `muzi bench`: what a request costs, asked from a second process, beside what the database alone does in the same time
//! with the statements of the same requests.
//!
//! [`ground`] is the database that is measured on, [`cast`] who calls, [`scenario`] what they want, [`load`] wants it over
//! and over, [`limit`] sends the statements alone, [`report`] tells. The server is a process of its own ([`server`]).

mod cast;
mod ground;
mod limit;
mod load;
mod province;
mod report;
mod scenario;
mod server;
mod soak;
mod wire;

use std::path::PathBuf;
use std::time::Duration;

pub use ground::Where;
pub use scenario::Scenario;
pub use server::serve;

use cast::{CROWD, Cast, FAMILIES};
use ground::Ground;
use limit::{Limit, first_id_of_now};
use report::{Report, Row};
use server::Server;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The database and the cache.
    pub place: Where,
    /// Records that the database should hold; one that holds made-up families already is kept as it is.
    pub records: u64,
    /// Handbooks that the counters of the usage rate should speak of.
    pub handbooks: u64,
    /// What is wanted.
    pub scenarios: Vec<Scenario>,
    /// How many want it at a time.
    pub clients: Vec<usize>,
    /// How long each measurement lasts.
    pub lasts: Duration,
    /// How often each is repeated; the median is told.
    pub rounds: usize,
    /// How long all scenarios are wanted together while the memory is looked at.
    pub soak: Option<Duration>,
    /// The folder for scripts of pgbench and the like.
    pub scratch: PathBuf,
}

/// Measures everything, and says what is being done meanwhile.
pub async fn run(plan: &Plan, say: &impl Fn(&str)) -> anyhow::Result<Report> {
    let ground = Ground::prepare(plan, say).await?;
    let cast = Cast::gather(&ground.app, FAMILIES).await?;
    let limit = Limit::of(&ground, &cast, plan, say).await?;
    let starts = server::starts(&ground, plan.rounds).await?;
    let mut report = Report::new(&ground, starts);
    for scenario in &plan.scenarios {
        for clients in &plan.clients {
            say(&format!("{scenario}, {clients} at a time"));
            report.rows.push(row(plan, &ground, &cast, &limit, *scenario, *clients).await?);
        }
    }
    if let Some(lasts) = plan.soak {
        let crowd = Cast::gather(&ground.app, CROWD).await?;
        report.soak = Some(soak::run(&ground, &crowd, lasts, say).await?);
    }
    Ok(report)
}

/// Muzi and the database take turns, so that what else the machine does falls on both. A server of its own for each row:
/// its memory is that of this scenario alone.
async fn row(
    plan: &Plan,
    ground: &Ground,
    cast: &Cast,
    limit: &Limit,
    scenario: Scenario,
    clients: usize,
) -> anyhow::Result<Row> {
    let server = Server::start(ground).await?;
    let mut rounds = Vec::new();
    let mut since = first_id_of_now();
    load::run(server.address, scenario, cast, clients, plan.lasts / 3).await?;
    for _ in 0..plan.rounds {
        limit.clear(scenario, since).await?;
        since = first_id_of_now();
        let before = server.usage();
        let load = load::run(server.address, scenario, cast, clients, plan.lasts).await?;
        let after = server.usage();
        let alone = limit.run(scenario, clients, plan.lasts).await?;
        rounds.push(report::Round::new(&load, &alone, (before, after)));
    }
    limit.clear(scenario, since).await?;
    let memory = server.memory();
    server.stop().await?;
    Ok(Row::new(scenario, clients, limit.statements(scenario), &rounds, memory))
}
