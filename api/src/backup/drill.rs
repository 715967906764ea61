//! The restore drill: is what came out of a backup what went in, can it be read, and does what was revoked stay revoked?
//! It is run before the restored database serves, and leaves a dated file behind.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use serde::Serialize;

use super::files::private;
use super::revoke::{Revived, revived};
use super::store;
use super::tombstones::Tombstones;
use crate::audit::head::Copied;
use crate::audit::store::head::latest;
use crate::audit::verify::verify;
use crate::config::Config;
use crate::keyring::Ground;
use crate::keyring::in_use::{self, Given};
use crate::keyring::sample::{Sampled, sample};

/// Values that are opened of each place.
const SAMPLE: u32 = 100;

/// What a drill found.
#[derive(Debug, Serialize)]
pub struct Drill {
    /// When it was run.
    pub at: DateTime<Utc>,
    /// When the database was restored, and of when the backup is.
    pub restored_at: Option<DateTime<Utc>>,
    /// Of when the backup is.
    pub backup_of: Option<DateTime<Utc>>,
    /// Tables whose rows are not as many as when the database was restored: then and now.
    pub changed_tables: BTreeMap<String, (Option<u64>, u64)>,
    /// Tables that were counted.
    pub tables: usize,
    /// What the database itself finds wrong.
    pub damage: Vec<String>,
    /// Keys that it needs and that are not given.
    pub keys: Vec<String>,
    /// Values that were opened.
    pub sampled: Vec<Sampled>,
    /// What lives although it was revoked.
    pub revived: Vec<Revived>,
    /// What is wrong with the audit chain.
    pub audit: Vec<String>,
    /// What is wrong, in sentences; nothing when the drill passes.
    pub wrong: Vec<String>,
}

/// Tries a restored database.
pub async fn drill(config: &Config, tombstones: &[Tombstones], now: DateTime<Utc>) -> anyhow::Result<Drill> {
    let ground = Ground::of(config).await?;
    let db = &ground.db;
    let restoration = store::restoration(db.read()).await?;
    let counted = store::count_tables(db.read()).await?;
    let then: BTreeMap<String, u64> = match &restoration {
        Some(row) => serde_json::from_value(row.tables.clone())?,
        None => BTreeMap::new(),
    };
    let mut drill = Drill {
        at: now,
        restored_at: restoration.as_ref().map(|row| row.restored_at),
        backup_of: restoration.as_ref().and_then(|row| row.taken_at),
        tables: counted.len(),
        changed_tables: changed(&then, counted),
        damage: store::damage(db).await?,
        keys: in_use::refusals(&in_use::read(db.read()).await?, &Given::of(&config.secrets)),
        sampled: sample(&ground, SAMPLE).await?,
        revived: revived(db, tombstones).await?,
        audit: audit_chain(&ground).await?,
        wrong: Vec::new(),
    };
    ground.db.close().await?;
    drill.wrong = drill.judge();
    Ok(drill)
}

/// The newest signed head of the audit log, which goes into the manifest of a backup; the first is made after the first
/// midnight.
pub(super) async fn audit_head(db: &impl ConnectionTrait) -> anyhow::Result<Option<String>> {
    let latest = latest(db).await?;
    Ok(latest.map(|head| serde_json::to_string(&Copied::of(&head))).transpose()?)
}

/// What is wrong with the audit log of a restored database.
async fn audit_chain(ground: &Ground) -> anyhow::Result<Vec<String>> {
    let verified = verify(&ground.db, &ground.keys, &[], &mut |_, _| {}).await?;
    Ok(verified.fault.map(|fault| format!("the audit log: {fault}")).into_iter().collect())
}

fn changed(then: &BTreeMap<String, u64>, now: BTreeMap<String, u64>) -> BTreeMap<String, (Option<u64>, u64)> {
    let differs = |(table, many): (String, u64)| {
        let before = then.get(&table).copied();
        (before != Some(many)).then_some((table, (before, many)))
    };
    now.into_iter().filter_map(differs).collect()
}

impl Drill {
    fn judge(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.restored_at.is_none() {
            wrong.push(
                "nobody wrote down that this database was restored: run `muzi restore revoke` first"
                    .to_owned(),
            );
        } else {
            for (table, (then, now)) in &self.changed_tables {
                let then = then.map_or("no table".to_owned(), |many| format!("{many} rows"));
                wrong.push(format!("{table} has {now} rows, and had {then} when it was restored"));
            }
        }
        wrong.extend(self.damage.iter().cloned());
        wrong.extend(self.keys.iter().cloned());
        for Sampled { place, tried, unopened } in self.sampled.iter().filter(|of| of.unopened > 0) {
            wrong.push(format!("{unopened} of {tried} values of {place} do not open"));
        }
        for Revived { what, many } in &self.revived {
            wrong.push(format!("{many} {what} live although they were revoked"));
        }
        wrong.extend(self.audit.iter().cloned());
        wrong
    }

    /// Values that were opened.
    pub fn opened(&self) -> u64 {
        self.sampled.iter().map(|of| of.tried - of.unopened).sum()
    }

    /// Writes a dated file into a folder and says where it is.
    pub fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let path = folder.join(format!("muzi-restore-check-{}.json", self.at.format("%Y%m%dT%H%M%S%.3fZ")));
        let mut file = private(&path)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        Ok(path)
    }
}
