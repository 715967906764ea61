//! `muzi backup`: a sealed copy of the database and the photos while others serve.

use std::path::PathBuf;
use std::time::Instant;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::read_instant;
use crate::backup::archive::{End, Kind, Manifest};
use crate::backup::take::{Step, take};
use crate::backup::tombstones::Tombstones;
use crate::backup::{Key, verify};
use crate::config::{BACKUP_KEY, Environment, Misconfigured, Settings};
use crate::db::Db;

/// Arguments of `muzi backup`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Backup {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    take: Take,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read a backup from its first byte to its last; exit code 1 when it is not whole
    Verify(Verify),
    /// Write down what was revoked, withdrawn or dropped since an instant, for a restore to do it again
    Tombstones(Box<Bury>),
}

#[derive(Debug, Args)]
struct Take {
    /// File to make; one that is there is not written over
    #[arg(long, value_name = "FILE", required = true)]
    to: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
struct Verify {
    /// The backup
    file: PathBuf,
}

#[derive(Debug, Args)]
struct Bury {
    /// Since when: the instant of the backup that it goes with, or earlier (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = read_instant)]
    since: DateTime<Utc>,
    /// File to make; one that is there is not written over
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

/// The key of backups, which no other command needs.
pub(super) fn key(environment: &Environment) -> anyhow::Result<Key> {
    let mut wrong = Vec::new();
    let key = environment.backup_key(&mut wrong);
    if key.is_none() && wrong.is_empty() {
        wrong.push(format!(
            "{BACKUP_KEY}: is needed for backups; make one with `muzi keys new`, and keep it apart from them"
        ));
    }
    match key {
        Some(key) if wrong.is_empty() => Ok(key),
        _ => Err(Misconfigured(wrong).into()),
    }
}

impl Backup {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.action {
            None => self.take.run().await,
            Some(Action::Verify(asked)) => {
                let (manifest, end) = verify(&asked.file, &key(&Environment::of_process())?)?;
                println!("{} is whole: {}", asked.file.display(), told(&manifest, &end));
                Ok(())
            }
            Some(Action::Tombstones(asked)) => asked.run().await,
        }
    }
}

impl Take {
    async fn run(self) -> anyhow::Result<()> {
        let environment = Environment::of_process();
        let key = key(&environment)?;
        let config = self.settings.resolve(false, &environment)?;
        let to = self.to.unwrap_or_default();
        let bar = ProgressBar::no_length();
        bar.set_style(ProgressStyle::with_template("{spinner} {msg}")?);
        let began = Instant::now();
        let mut tell = |step| {
            bar.set_message(match step {
                Step::Snapshot => "copying the database aside".to_owned(),
                Step::Database(bytes, None) => format!("database, {}", HumanBytes(bytes)),
                Step::Database(bytes, Some(of)) => {
                    format!("database, {} of {}", HumanBytes(bytes), HumanBytes(of))
                }
                Step::Photos(many) => format!("{many} photos"),
                Step::Verify => "reading it back".to_owned(),
            });
            bar.tick();
        };
        let taken = take(&config, &key, &to, Utc::now(), &mut tell).await?;
        bar.finish_and_clear();
        let seconds = began.elapsed().as_secs_f64();
        println!("{}: {}", to.display(), told(&taken.manifest, &taken.end));
        println!("{} in {seconds:.1} s, and read back whole", HumanBytes(taken.bytes));
        let lost = taken.end.lost.len();
        anyhow::ensure!(
            lost == 0,
            "the backup is made, but {lost} photos that the database names have no file"
        );
        Ok(())
    }
}

/// What a backup holds, in a line.
pub(super) fn told(manifest: &Manifest, end: &End) -> String {
    let kind = match manifest.database {
        Kind::Sqlite => "SQLite",
        Kind::Postgres => "PostgreSQL",
    };
    let photos = if manifest.has_photos {
        format!("{} photos", end.photos)
    } else {
        "no photos, which lie in a bucket".to_owned()
    };
    let rows: u64 = manifest.tables.values().sum();
    let taken_at = manifest.taken_at.format("%Y-%m-%dT%H:%M:%SZ");
    format!("{kind} of {taken_at}, {rows} rows in {} tables, {photos}", manifest.tables.len())
}

impl Bury {
    async fn run(self) -> anyhow::Result<()> {
        let environment = Environment::of_process();
        let key = key(&environment)?;
        let config = self.settings.resolve(false, &environment)?;
        let db = Db::patient(&config.database_url).await?;
        let tombstones = Tombstones::of(&db, self.since, Utc::now()).await?;
        db.close().await?;
        tombstones.write(&key, &self.to)?;
        println!("{}: {} things were taken back since {}", self.to.display(), tombstones.many(), self.since);
        Ok(())
    }
}
