//! `muzi bench`: how fast Muzi is here, beside what the database alone does.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::bench::{self, Plan, Scenario, Where};
use crate::config::Environment;

/// Arguments of `muzi bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// Folder of the embedded database, which is kept for the next time; `DATABASE_URL` names another database, `REDIS_URL` a Redis
    #[arg(long, value_name = "DIR", default_value = ".muzi-bench")]
    data: PathBuf,
    /// Records to fill an empty database with
    #[arg(long, default_value_t = 10_000)]
    records: u64,
    /// Handbooks of a whole province whose counters to add
    #[arg(long, default_value_t = 0)]
    handbooks: u64,
    /// What to measure
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SCENARIO,…", default_values_t = Scenario::ALL)]
    only: Vec<Scenario>,
    /// How many at a time
    #[arg(long, value_delimiter = ',', value_name = "N,…", default_values_t = [1, 8, 32])]
    clients: Vec<usize>,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Repetitions of each measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Minutes of everything together, while the memory is looked at
    #[arg(long, value_name = "MINUTES")]
    soak: Option<u64>,
    /// Write the figures as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Bench {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let environment = Environment::of_process();
        let plan = Plan {
            place: Where {
                data: self.data.clone(),
                database_url: environment.optional_secret("DATABASE_URL")?,
                redis_url: environment.optional_secret("REDIS_URL")?,
            },
            records: self.records,
            handbooks: self.handbooks,
            scenarios: self.only,
            clients: self.clients,
            lasts: Duration::from_secs(self.seconds),
            rounds: usize::try_from(self.rounds)?,
            soak: self.soak.map(|minutes| Duration::from_secs(minutes * 60)),
            scratch: self.data,
        };
        let report = bench::run(&plan, &|text| eprintln!("{text}")).await?;
        print!("{report}");
        if let Some(file) = self.json {
            let json = serde_json::to_vec_pretty(&report)?;
            std::fs::write(&file, json).with_context(|| format!("--json {}", file.display()))?;
        }
        Ok(())
    }
}
