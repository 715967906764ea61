//! `muzi stats verify`: are the figures what the records say?

use clap::{Args, Subcommand};
use domain::place::{Region, RegionCode, RegionLevel};

use crate::config::{Environment, Settings};
use crate::db::Db;
use crate::usage::store;
use crate::usage::verify::{Difference, verify};

/// Arguments of `muzi stats`.
#[derive(Debug, Args)]
pub struct Stats {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Count issued and used handbooks again from the records and compare; exit code 1 on any difference
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Verify {
    /// Only what was issued by institutions of this region (12-digit code)
    #[arg(long, value_name = "CODE", value_parser = read_code)]
    region: Option<RegionCode>,
    /// Level of the region, where one code stands at two
    #[arg(long, value_name = "LEVEL", requires = "region")]
    level: Option<RegionLevel>,
    /// The database is the one of the demo
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Stats {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Action::Verify(asked) = self.action;
        let config = asked.settings.resolve(asked.demo, &Environment::of_process())?;
        let db = Db::patient(&config.database_url).await?;
        let region = match asked.region {
            Some(code) => Some(region(&db, code, asked.level).await?),
            None => None,
        };
        let mut table = Table::default();
        let verified = verify(&db, region, &mut |difference| table.print(&difference)).await?;
        db.close().await?;
        println!("{} issues counted again, {} differences", verified.issues, verified.differences);
        anyhow::ensure!(verified.differences == 0, "the figures are not what the records say");
        Ok(())
    }
}

async fn region(db: &Db, code: RegionCode, level: Option<RegionLevel>) -> anyhow::Result<Region> {
    let known = store::regions_with_code(db.read(), code).await?;
    let found = known.into_iter().map(|named| named.region);
    let mut found = found.filter(|region| level.is_none_or(|level| region.level == level));
    found.next().ok_or_else(|| anyhow::anyhow!("there is no region {code}"))
}

fn read_code(text: &str) -> Result<RegionCode, String> {
    text.parse().ok().and_then(RegionCode::new).ok_or_else(|| "a region code has 12 digits".to_owned())
}

/// Prints as it goes: nobody waits for the last difference to see the first.
#[derive(Debug, Default)]
struct Table {
    begun: bool,
}

impl Table {
    fn print(&mut self, difference: &Difference) {
        if !self.begun {
            println!("{:<12} {:<40} {:<40} which", "what", "kept", "counted");
            self.begun = true;
        }
        let Difference { what, which, kept, counted } = difference;
        println!("{what:<12} {kept:<40} {counted:<40} {which}");
    }
}
