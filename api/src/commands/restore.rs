//! `muzi restore`: brings a backup back, and tries whether it is what it was.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::backup::{key, told};
use super::read_instant;
use crate::backup::archive::keys_of;
use crate::backup::drill::drill;
use crate::backup::restore::{Target, restore};
use crate::backup::revoke::{Revoked, Told, revoke};
use crate::backup::tombstones::Tombstones;
use crate::config::{Environment, Misconfigured, Settings};
use crate::keyring::Ground;
use crate::keyring::in_use::{Given, InUse, refusals};
use crate::keys::Secrets;
use crate::start;

/// Arguments of `muzi restore`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Restore {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    bring: Bring,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// End every session, code, invitation and slip of a database that something else than `muzi restore` restored
    Revoke(Revoke),
    /// Try a restored database before it serves; exit code 1 when something is wrong with it
    Check(Check),
}

#[derive(Debug, Args)]
struct Bring {
    /// The backup
    #[arg(long, value_name = "FILE", required = true)]
    from: Option<PathBuf>,
    /// Folder of the embedded database and photos, which must be empty or not there; a backup of PostgreSQL goes to the empty database of `DATABASE_URL`, and its photos here
    #[arg(long, value_name = "DIR", required = true)]
    data: Option<PathBuf>,
    /// What was taken back since the backup (`muzi backup tombstones`)
    #[arg(long, value_name = "FILE")]
    tombstones: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct Revoke {
    /// When the backup was taken (RFC 3339), if that is known
    #[arg(long, value_name = "TIME", value_parser = read_instant)]
    taken_at: Option<DateTime<Utc>>,
    /// What was taken back since the backup (`muzi backup tombstones`)
    #[arg(long, value_name = "FILE")]
    tombstones: Vec<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
struct Check {
    /// What was taken back since the backup, to see that it stays so
    #[arg(long, value_name = "FILE")]
    tombstones: Vec<PathBuf>,
    /// Folder for the dated file that says what was found
    #[arg(long, value_name = "DIR", default_value = ".")]
    results: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

impl Restore {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.action {
            None => self.bring.run().await,
            Some(Action::Revoke(asked)) => asked.run().await,
            Some(Action::Check(asked)) => asked.run().await,
        }
    }
}

fn read_all(files: &[PathBuf], environment: &Environment) -> anyhow::Result<Vec<Tombstones>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let key = key(environment)?;
    files.iter().map(|file| Tombstones::read(file, &key)).collect()
}

/// Who is to be taken out of a database is sealed in it: the keys that `muzi serve` has are needed.
fn keys_for(tombstones: &[Tombstones], environment: &Environment) -> anyhow::Result<Option<Secrets>> {
    if !tombstones.iter().any(Tombstones::need_keys) {
        return Ok(None);
    }
    let mut wrong = Vec::new();
    let secrets = environment.secrets(&mut wrong);
    if wrong.is_empty() {
        return Ok(Some(secrets));
    }
    let why = "the tombstones tell of people who are to be taken out, and that needs the keys that `muzi serve` has:";
    wrong.insert(0, why.to_owned());
    Err(Misconfigured(wrong).into())
}

impl Bring {
    async fn run(self) -> anyhow::Result<()> {
        let environment = Environment::of_process();
        let key = key(&environment)?;
        let mut wrong = Vec::new();
        let data_keys = environment.data_keys(&mut wrong);
        let database_url = environment.database_url(&mut wrong);
        if !wrong.is_empty() {
            return Err(Misconfigured(wrong).into());
        }
        let tombstones = read_all(&self.tombstones, &environment)?;
        let secrets = keys_for(&tombstones, &environment)?;
        let (from, data) = (self.from.unwrap_or_default(), self.data.unwrap_or_default());
        let target = Target { data: &data, database_url: database_url.as_ref().map(|url| url.as_str()) };
        let news = Told { taken_at: None, tombstones: &tombstones, dropped: &[], secrets: secrets.as_ref() };
        let restored = restore(&from, &key, &target, news, Utc::now()).await?;
        println!("{}: {}", data.display(), told(&restored.manifest, &restored.end));
        print_revoked(&restored.revoked);
        if tombstones.is_empty() {
            println!(
                "What was revoked since then and is no session, code, invitation, slip or visit is as it was: give --tombstones where there are any."
            );
        }
        let given = data_keys.map(|keys| Given::of_data(&keys)).unwrap_or_default();
        let in_use = keys_of(&restored.manifest, &restored.end);
        let refused = refusals(&in_use, &given);
        let of_data = refused.iter().filter(|line| line.starts_with("MUZI_DATA_KEYS"));
        for line in of_data {
            println!("Before it can serve, {line}.");
        }
        print_needed(&in_use);
        println!("Before it serves: muzi restore check");
        Ok(())
    }
}

fn print_needed(in_use: &[InUse]) {
    let of = |purpose: &str| {
        let keys = in_use.iter().filter(|key| key.purpose.code() == purpose && key.is_needed());
        keys.map(|key| key.id.to_string()).collect::<Vec<_>>().join(", ")
    };
    println!("It needs the data keys {} and the print keys {}.", of("data"), of("print"));
}

fn print_revoked(revoked: &Revoked) {
    let told: Vec<_> =
        revoked.iter().filter(|(_, many)| **many > 0).map(|(what, many)| format!("{many} {what}")).collect();
    println!("Revoked: {}", if told.is_empty() { "nothing".to_owned() } else { told.join(", ") });
}

impl Revoke {
    async fn run(self) -> anyhow::Result<()> {
        let environment = Environment::of_process();
        let tombstones = read_all(&self.tombstones, &environment)?;
        let config = self.settings.resolve(false, &environment)?;
        let ground = Ground::of(&config).await?;
        start::migrate(&ground.db).await?;
        let news = Told {
            taken_at: self.taken_at,
            tombstones: &tombstones,
            dropped: &[],
            secrets: Some(&config.secrets),
        };
        let revoked = revoke(&ground.db, &ground.photos, news, Utc::now()).await?;
        ground.db.close().await?;
        print_revoked(&revoked);
        Ok(())
    }
}

impl Check {
    async fn run(self) -> anyhow::Result<()> {
        let environment = Environment::of_process();
        let tombstones = read_all(&self.tombstones, &environment)?;
        let config = self.settings.resolve(false, &environment)?;
        let drill = drill(&config, &tombstones, Utc::now()).await?;
        let path = drill.write(&self.results)?;
        for line in &drill.wrong {
            println!("{line}");
        }
        println!(
            "{} tables counted, {} values opened, {} things wrong: {}",
            drill.tables,
            drill.opened(),
            drill.wrong.len(),
            path.display()
        );
        anyhow::ensure!(drill.wrong.is_empty(), "the restored database is not fit to serve");
        Ok(())
    }
}
