//! `muzi keys`: make keys, see what each still seals, move to the newest, let one go.

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::config::{Config, Environment, Misconfigured, Settings, new_key};
use crate::keyring::count::{Sealed, count, sealed_by};
use crate::keyring::in_use::{self, Given, InUse, Purpose, SETTLED, State};
use crate::keyring::{Ground, rotate};
use crate::start;

/// Arguments of `muzi keys`.
#[derive(Debug, Args)]
pub struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a complete set of fresh secrets as environment lines
    New,
    /// Count how many values each key seals; exit code 1 when one seals that is not given
    Status(Status),
    /// Seal every value with the newest data key, while others serve; it can be stopped at any moment and run again
    Rotate(Rotate),
    /// Let go of a data key that seals nothing any more; exit code 1 when it does
    Drop(Drop),
}

#[derive(Debug, Args)]
struct Status {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
struct Rotate {
    /// Nothing serves this database at present, so nobody has to know the newest key first
    #[arg(long)]
    offline: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
struct Drop {
    /// Id of the data key
    #[arg(value_parser = clap::value_parser!(u8).range(1..))]
    id: u8,
    #[command(flatten)]
    settings: Settings,
}

impl Keys {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::New => {
                print_new();
                Ok(())
            }
            Action::Status(status) => status.run().await,
            Action::Rotate(rotate) => rotate.run().await,
            Action::Drop(drop) => drop.run().await,
        }
    }
}

fn print_new() {
    println!("MUZI_DATA_KEYS=1:{}", new_key());
    println!("MUZI_INDEX_KEY={}", new_key());
    println!("MUZI_PRINT_KEYS=1:{}", new_key());
    println!("MUZI_TOKEN_KEYS=1:{}", new_key());
    println!("MUZI_AUDIT_KEYS=1:{}", new_key());
    println!("MUZI_BACKUP_KEY={}", new_key());
}

/// The ground of a database with the newest schema.
async fn ground(settings: &Settings) -> anyhow::Result<(Config, Ground)> {
    let config = settings.resolve(false, &Environment::of_process())?;
    let ground = Ground::of(&config).await?;
    let pending = start::pending_migrations(&ground.db).await?;
    if pending > 0 {
        return Err(Misconfigured(vec![start::pending(pending)]).into());
    }
    Ok((config, ground))
}

/// Keys that are lost or mistaken must be mended before values move.
fn refuse_wrong(in_use: &[InUse], config: &Config) -> anyhow::Result<()> {
    refuse(in_use::refusals(in_use, &Given::of(&config.secrets)))
}

fn refuse(wrong: Vec<String>) -> anyhow::Result<()> {
    if wrong.is_empty() { Ok(()) } else { Err(Misconfigured(wrong).into()) }
}

impl Status {
    async fn run(self) -> anyhow::Result<()> {
        let (config, ground) = ground(&self.settings).await?;
        let keys = in_use::read(ground.db.read()).await?;
        let counted = count(&ground).await?;
        ground.db.close().await?;
        if self.json {
            println!("{}", as_json(&keys, &counted));
        } else {
            print_keys(&keys, &config, &counted);
            print_counts(&counted);
        }
        for wrong in in_use::refusals(&keys, &Given::of(&config.secrets)) {
            eprintln!("{wrong}");
        }
        let lost = ids(&counted).into_iter().filter(|id| !config.secrets.data.contains_key(id));
        let lost: Vec<_> = lost.map(|id| not_given(id, sealed_by(&counted, id))).collect();
        anyhow::ensure!(lost.is_empty(), "{}", lost.join("; "));
        let missing: u64 = counted.iter().map(|place| place.missing).sum();
        anyhow::ensure!(missing == 0, "the files of {missing} photos are gone");
        Ok(())
    }
}

fn not_given(id: u8, many: u64) -> String {
    if id == 0 {
        format!("{many} values were sealed by no key of ours: they are damaged")
    } else {
        format!("{many} values are sealed with data key {id}, which MUZI_DATA_KEYS does not name")
    }
}

fn ids(counted: &[Sealed]) -> Vec<u8> {
    let mut ids: Vec<_> = counted.iter().flat_map(|place| place.by_key.keys().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn as_json(keys: &[InUse], counted: &[Sealed]) -> serde_json::Value {
    let key = |key: &InUse| json!({ "purpose": key.purpose.code(), "id": key.id, "state": key.state.code(), "since": key.changed_at });
    json!({ "keys": keys.iter().map(key).collect::<Vec<_>>(), "sealed": counted })
}

fn print_keys(keys: &[InUse], config: &Config, counted: &[Sealed]) {
    println!("{:<10} {:<13} {:<22} {:>12}", "key", "state", "since", "values");
    for key in keys {
        let name = if key.purpose == Purpose::Index {
            "index".to_owned()
        } else {
            format!("{} {}", key.purpose.code(), key.id)
        };
        let values = match key.purpose {
            Purpose::Data => sealed_by(counted, key.id).to_string(),
            Purpose::Index | Purpose::Print => "-".to_owned(),
        };
        let since = key.changed_at.format("%Y-%m-%dT%H:%M:%SZ");
        println!("{name:<10} {:<13} {since:<22} {values:>12}", key.state.code());
    }
    for id in config
        .secrets
        .data
        .keys()
        .filter(|id| !keys.iter().any(|key| (key.purpose, key.id) == (Purpose::Data, **id)))
    {
        println!(
            "{:<10} {:<13} no process that serves has started with it",
            format!("data {id}"),
            "not known"
        );
    }
    for id in config.secrets.token.keys() {
        println!("{:<10} {:<13} may go 15 minutes after a newer one signs", format!("token {id}"), "given");
    }
    println!("Print keys are never dropped: a code on paper is checked for ever.\n");
}

fn print_counts(counted: &[Sealed]) {
    let ids = ids(counted);
    let heads: Vec<_> =
        ids.iter().map(|id| if *id == 0 { "damaged".to_owned() } else { format!("key {id}") }).collect();
    println!("{:<28}{}", "sealed values of", row(&heads));
    for place in counted {
        let many: Vec<_> =
            ids.iter().map(|id| place.by_key.get(id).copied().unwrap_or(0).to_string()).collect();
        println!("{:<28}{}", place.place, row(&many));
    }
    let all: Vec<_> = ids.iter().map(|id| sealed_by(counted, *id).to_string()).collect();
    println!("{:<28}{}", "all", row(&all));
}

fn row(cells: &[String]) -> String {
    cells.iter().map(|cell| format!(" {cell:>12}")).collect()
}

impl Rotate {
    async fn run(self) -> anyhow::Result<()> {
        let (config, ground) = ground(&self.settings).await?;
        let now = Utc::now();
        let wrong = in_use::take_up(&ground.db, &config.secrets, &ground.keys, self.offline, now).await?;
        refuse(wrong)?;
        let newest = ground.keys.data_ids().max().unwrap_or_default();
        let since = in_use::activate(&ground.db, newest, &Given::of(&config.secrets), now).await?;
        let settle = if self.offline { TimeDelta::zero() } else { still_to_settle(since, now) };
        let counted = count(&ground).await?;
        let todo: u64 =
            ids(&counted).into_iter().filter(|id| *id != newest).map(|id| sealed_by(&counted, id)).sum();
        let bar = ProgressBar::new(todo);
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} values, {per_sec}, {eta} to go")?);
        let mut told = |done| {
            bar.set_length(todo.max(done));
            bar.set_position(done);
        };
        let settle = settle.to_std().unwrap_or_default();
        let rotated = rotate::rotate(&ground, newest, settle, &mut told).await?;
        bar.finish_and_clear();
        let counted = count(&ground).await?;
        let keys = in_use::read(ground.db.read()).await?;
        ground.db.close().await?;
        if self.json {
            println!("{}", json!({ "key": newest, "rotated": rotated, "after": as_json(&keys, &counted) }));
        } else {
            println!("{} values sealed anew with data key {newest}\n", rotated.values);
            print_counts(&counted);
        }
        anyhow::ensure!(
            rotated.unopened == 0,
            "{} values do not open with any key that is given, and were left alone",
            rotated.unopened
        );
        Ok(())
    }
}

fn still_to_settle(since: DateTime<Utc>, now: DateTime<Utc>) -> TimeDelta {
    (since + SETTLED - now).clamp(TimeDelta::zero(), SETTLED)
}

impl Drop {
    async fn run(self) -> anyhow::Result<()> {
        let (config, ground) = ground(&self.settings).await?;
        let id = self.id;
        let keys = in_use::read(ground.db.read()).await?;
        refuse_wrong(&keys, &config)?;
        let key = keys.iter().find(|key| (key.purpose, key.id) == (Purpose::Data, id));
        let key = key.ok_or_else(|| anyhow::anyhow!("this database knows no data key {id}"))?;
        match key.state {
            State::Active => {
                anyhow::bail!("data key {id} seals: add a newer one and run `muzi keys rotate` first")
            }
            State::Destroyed => {
                anyhow::bail!("data key {id} was dropped already: take it out of MUZI_DATA_KEYS")
            }
            State::DecryptOnly | State::Next => {}
        }
        let left = still_to_settle(key.changed_at, Utc::now());
        anyhow::ensure!(
            left.is_zero(),
            "data key {id} sealed until just now, and somebody may still be writing: try again in {} seconds",
            left.num_seconds() + 1
        );
        let counted = count(&ground).await?;
        let many = sealed_by(&counted, id);
        if many > 0 {
            print_counts(&counted);
            anyhow::bail!("data key {id} still seals {many} values: run `muzi keys rotate` first");
        }
        anyhow::ensure!(in_use::destroy(&ground.db, id, Utc::now()).await?, "data key {id} is in use again");
        ground.db.close().await?;
        println!(
            "Data key {id} seals nothing any more: take it out of MUZI_DATA_KEYS, and keep it beside the backups that were made until now."
        );
        Ok(())
    }
}
