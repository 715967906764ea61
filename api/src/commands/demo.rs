//! `muzi demo seed`: a made-up county of any size.

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::make_folder;
use super::resolve;
use crate::app::Clock;
use crate::config::{Misconfigured, Settings};
use crate::demo::Pace;
use crate::{demo, start};

/// Arguments of `muzi demo`.
#[derive(Debug, Args)]
pub struct Demo {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Fill a database that holds no demo with a made-up county
    Seed(Seed),
}

#[derive(Debug, Args)]
struct Seed {
    /// How many families
    #[arg(long, default_value_t = demo::FAMILIES, value_parser = clap::value_parser!(u32).range(1..=i64::from(demo::MOST_FAMILIES)))]
    families: u32,
    /// The same seed on the same day makes the same families
    #[arg(long, default_value_t = demo::SEED)]
    seed: u64,
    /// Families write nearly every day: ten times the records
    #[arg(long)]
    daily: bool,
    /// Fill the database of the production settings (`DATABASE_URL`) instead of the embedded one of the demo; it can never serve real families afterwards
    #[arg(long)]
    yes_this_is_a_test_database: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Demo {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Action::Seed(seed) = self.action;
        seed.run().await
    }
}

impl Seed {
    async fn run(self) -> anyhow::Result<()> {
        let configured =
            ["DATABASE_URL", "DATABASE_URL_FILE"].iter().any(|name| std::env::var_os(name).is_some());
        if configured && !self.yes_this_is_a_test_database {
            let refusal = "DATABASE_URL is set: a demo makes a database unfit for real families; if it is one for tests, say --yes-this-is-a-test-database";
            return Err(Misconfigured(vec![refusal.to_owned()]).into());
        }
        let config = resolve(&self.settings, !self.yes_this_is_a_test_database).await?;
        make_folder(&config.data)?;
        let wechat = start::Wechat::real(&config.wechat);
        let app = start::app(config, Clock::system(), wechat).await?;
        start::migrate(&app.db).await?;
        start::take_up_keys(&app, true).await?;
        let bar = ProgressBar::new(self.families.into());
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} families, {eta} to go")?);
        let pace = if self.daily { Pace::Daily } else { Pace::Usual };
        let plan = demo::Plan { families: self.families, seed: self.seed, today: app.today(), pace };
        demo::seed(&app, plan, &mut |done| bar.set_position(done.into())).await?;
        bar.finish();
        let folder = app.config.data.display().to_string();
        app.db.close().await?;
        println!("{} families. Look around: muzi serve --demo --data {folder}", self.families);
        Ok(())
    }
}
