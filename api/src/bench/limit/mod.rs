//! The database's own limit: the statements that the requests of a scenario send, sent without Muzi. Every id and token
//! that a request made is made anew each time, so that what it writes can be written again.

mod driver;
mod pgbench;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::web::Data;
use chrono::Utc;
use sea_orm::metric::Info;
use sea_orm::{DbBackend, Statement, Value};
use uuid::Uuid;

use super::Plan;
use super::cast::Cast;
use super::ground::Ground;
use super::load::Load;
use super::scenario::Scenario;
use super::wire::Wire;
use crate::app::Clock;
use crate::server;
use crate::start::{self, Wechat};

/// Turns whose statements are taken; pgbench takes at most 128 scripts.
const TRACED: usize = 100;

/// The statements of one turn, in order.
#[derive(Debug, Clone, Default)]
struct Trace {
    statements: Vec<Statement>,
    fresh: Fresh,
}

/// What a turn made: no two turns may write the same.
#[derive(Debug, Clone, Default)]
struct Fresh {
    ids: Vec<Uuid>,
    hashes: Vec<Vec<u8>>,
}

impl Trace {
    /// `since`: ids name the millisecond in which they were made.
    fn new(statements: Vec<Statement>, since: i64) -> Self {
        let mut fresh = Fresh::default();
        for value in statements.iter().flat_map(values) {
            match value {
                Value::Uuid(Some(id)) if is_made_since(*id, since) && !fresh.ids.contains(id) => {
                    fresh.ids.push(*id);
                }
                _ => {}
            }
        }
        for value in statements.iter().filter(|statement| writes(statement)).flat_map(values) {
            if let Value::Bytes(Some(bytes)) = value
                && bytes.len() == 32
                && !fresh.hashes.contains(bytes)
            {
                fresh.hashes.push(bytes.clone());
            }
        }
        Self { statements, fresh }
    }

    /// The statements before the first that writes; those from it to the last that does, which are one transaction; those
    /// after it.
    fn parts(&self) -> (&[Statement], &[Statement], &[Statement]) {
        let first = self.statements.iter().position(writes).unwrap_or(self.statements.len());
        let (before, rest) = self.statements.split_at(first);
        let (work, after) = rest.split_at(rest.iter().rposition(writes).map_or(0, |last| last + 1));
        (before, work, after)
    }
}

fn values(statement: &Statement) -> impl Iterator<Item = &Value> {
    statement.values.iter().flat_map(|values| values.0.iter())
}

fn writes(statement: &Statement) -> bool {
    let text = statement.sql.trim_start();
    ["INSERT", "UPDATE", "DELETE"].iter().any(|word| text.starts_with(word))
}

/// Ids that are made from now on are not before it.
pub(super) fn first_id_of_now() -> Uuid {
    let millis = u64::try_from(Utc::now().timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

fn is_made_since(id: Uuid, since: i64) -> bool {
    let made = id.get_timestamp().map(|at| at.to_unix());
    made.is_some_and(|(seconds, nanos)| {
        i64::try_from(seconds).unwrap_or(0) * 1000 + i64::from(nanos / 1_000_000) >= since
    })
}

/// What the database does alone.
pub(super) struct Limit {
    ground: Data<crate::app::App>,
    url: String,
    scratch: std::path::PathBuf,
    traces: BTreeMap<Scenario, Vec<Trace>>,
}

impl Limit {
    /// Plays some turns of each scenario in this process and takes their statements.
    pub(super) async fn of(
        ground: &Ground,
        cast: &Cast,
        plan: &Plan,
        say: &impl Fn(&str),
    ) -> anyhow::Result<Self> {
        let mut traces = BTreeMap::new();
        for scenario in &plan.scenarios {
            say(&format!("{scenario}: taking its statements"));
            traces.insert(*scenario, traced(ground, cast, *scenario).await?);
        }
        let url = ground.app.config.database_url.to_string();
        Ok(Self { ground: ground.app.clone(), url, scratch: plan.scratch.clone(), traces })
    }

    /// How many statements a turn sends.
    pub(super) fn statements(&self, scenario: Scenario) -> usize {
        let traces = self.traces.get(&scenario);
        traces.and_then(|traces| traces.last()).map_or(0, |trace| trace.statements.len())
    }

    /// What the database does alone in so long a time.
    pub(super) async fn run(
        &self,
        scenario: Scenario,
        clients: usize,
        lasts: Duration,
    ) -> anyhow::Result<Load> {
        let traces = self.traces.get(&scenario).map(Vec::as_slice).unwrap_or_default();
        match self.ground.db.backend() {
            DbBackend::Postgres => pgbench::run(&self.url, traces, clients, lasts, &self.scratch).await,
            _ => driver::run(&self.url, traces, clients, lasts).await,
        }
    }

    /// Takes away the records that were written since: the same few families wrote more in seconds than anybody does in
    /// years, and whoever writes next reads what was written before.
    pub(super) async fn clear(&self, scenario: Scenario, since: Uuid) -> anyhow::Result<()> {
        let mut traces = self.traces.get(&scenario).into_iter().flatten();
        if !traces.any(|trace| trace.statements.iter().any(writes)) {
            return Ok(());
        }
        super::ground::forget_records(&self.ground, since, first_id_of_now()).await
    }
}

/// The statements of some turns, each after the one before has ended.
async fn traced(ground: &Ground, cast: &Cast, scenario: Scenario) -> anyhow::Result<Vec<Trace>> {
    let sent: Arc<Mutex<Vec<Statement>>> = Arc::default();
    let (wire, server) = &mut watched(ground, sent.clone()).await?;
    let tokens = cast.tokens()?;
    let mut traces = Vec::new();
    // What is only sent the first time, as by a cache that is filled, is no part of a turn.
    for turn in 0..=TRACED {
        let since = Utc::now().timestamp_millis();
        scenario.play(wire, cast, &tokens, turn).await?;
        let statements = sent.lock().map(|mut sent| std::mem::take(&mut *sent)).unwrap_or_default();
        if turn > 0 {
            traces.push(Trace::new(statements, since));
        }
    }
    server.stop(false).await;
    Ok(traces)
}

/// A server in this process whose statements are kept, and a connection to it.
async fn watched(
    ground: &Ground,
    sent: Arc<Mutex<Vec<Statement>>>,
) -> anyhow::Result<(Wire, actix_web::dev::ServerHandle)> {
    let mut config = ground.place.config(ground.wechat.base_url())?;
    // Nobody follows: what looks for changes must not stand among the statements.
    config.live.look = Duration::from_secs(86_400);
    config.threads = 1;
    let app = start::serving(config, Clock::system(), Wechat::stand_in(&ground.wechat)).await?;
    let keep = move |info: &Info<'_>| {
        if let Ok(mut sent) = sent.lock() {
            sent.push(info.statement.clone());
        }
    };
    let app = Arc::into_inner(app.into_inner()).ok_or_else(|| anyhow::anyhow!("somebody holds the app"))?;
    let app = Data::new(crate::app::App { db: app.db.clone().watched(keep), ..app });
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let running = server::serve(&app, listener)?;
    let handle = running.handle();
    actix_web::rt::spawn(running);
    Ok((Wire::connect(address).await?, handle))
}
