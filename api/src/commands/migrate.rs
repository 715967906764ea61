//! `muzi migrate up|status`.

use clap::{Args, Subcommand};

use crate::config::{Environment, Settings};
use crate::db::Db;
use crate::start;

/// Arguments of `muzi migrate`.
#[derive(Debug, Args)]
pub struct Migrate {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run every pending migration
    Up(Settings),
    /// Say how many migrations are pending; exit code 1 when there are any
    Status(Settings),
}

impl Migrate {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (settings, up) = match self.action {
            Action::Up(settings) => (settings, true),
            Action::Status(settings) => (settings, false),
        };
        let config = settings.resolve(false, &Environment::of_process())?;
        let db = Db::patient(&config.database_url).await?;
        if up {
            start::migrate(&db).await?;
        }
        let pending = start::pending_migrations(&db).await?;
        println!("{pending} pending");
        anyhow::ensure!(pending == 0, "run `muzi migrate up`");
        Ok(())
    }
}
