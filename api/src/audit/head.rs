//! The daily head: the ends of all chains and the head before, signed, so that it can be copied elsewhere.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::audit::{Head, NO_HASH};
use domain::calendar::{day_in_china, start_of_day};
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};

use super::clock;
use super::store::head as store;
use crate::app::App;
use crate::db::entities::{ChainEnds, audit_head};
use crate::keys::{Keys, sha256};

/// A day is closed this long after its midnight, when what was sealed in it has been committed everywhere.
const SETTLED: TimeDelta = TimeDelta::minutes(5);

/// The day whose head is missing and can be made: the one that ended last, if anything was ever sealed.
pub async fn due(app: &App) -> Result<Option<NaiveDate>, DbErr> {
    let day = day_in_china(app.now() - SETTLED) - TimeDelta::days(1);
    let db = app.db.read();
    if store::of_day(db, day).await?.is_some() {
        return Ok(None);
    }
    Ok(store::any_sealed(db, end_of(day)).await?.then_some(day))
}

/// Makes the head of a day, once: of several processes the first one's stays. A day that is not over here was asked for by a
/// clock that is ahead, and has no head yet.
pub async fn make(app: &App, day: NaiveDate) -> anyhow::Result<()> {
    if day >= day_in_china(app.now() - SETTLED) {
        tracing::error!(%day, "a day of the audit log that is not over was to be closed: some process's clock is ahead");
        return Ok(());
    }
    let txn = app.db.begin().await?;
    let before = store::latest(&txn).await?;
    if before.as_ref().is_some_and(|before| before.day >= day) {
        return Ok(());
    }
    // The day of the head before is looked at again: a batch of its last moment may have been committed after its head. One that
    // came too early, by a clock that was ahead, left out what was sealed after it was made.
    let from =
        before.as_ref().map_or(DateTime::UNIX_EPOCH, |before| start_of_day(before.day).min(before.made_at));
    let chains = store::ends(&txn, (from, end_of(day))).await?;
    let known = clock::known(&txn, app, before.as_ref()).await?;
    let mut row = audit_head::Model {
        day,
        made_at: app.now(),
        kept_from: app.config.audit_retention.kept_from(known),
        previous: before.map_or_else(|| NO_HASH.to_vec(), |before| before.hash),
        chains: ChainEnds(chains),
        hash: Vec::new(),
        key_id: 0,
        signature: Vec::new(),
    };
    row.hash = hash(&row);
    let (key_id, signature) = app.keys.sign_head(&row.hash);
    row.key_id = key_id.into();
    row.signature = signature;
    store::keep(&txn, row).await?;
    txn.commit().await?;
    Ok(())
}

/// What the hash of a head must be.
pub fn hash(head: &audit_head::Model) -> Vec<u8> {
    let told = Head {
        day: head.day,
        made_at: head.made_at,
        kept_from: head.kept_from,
        previous: &head.previous,
        chains: &head.chains.0,
    };
    sha256(&told.bytes())
}

/// The first moment after a day.
pub(super) fn end_of(day: NaiveDate) -> DateTime<Utc> {
    start_of_day(day + TimeDelta::days(1))
}

/// A head as it is printed and copied: its hash says everything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copied {
    /// The civil day.
    pub day: NaiveDate,
    /// SHA-256 of the head in hexadecimal.
    pub hash: String,
    /// The id of the key that signed it.
    pub key: u8,
    /// The signature in hexadecimal.
    pub signature: String,
}

impl Copied {
    /// A head for copying.
    pub fn of(head: &audit_head::Model) -> Self {
        Self {
            day: head.day,
            hash: hex(&head.hash),
            key: u8::try_from(head.key_id).unwrap_or_default(),
            signature: hex(&head.signature),
        }
    }

    /// Whether one of the keys signed it.
    pub fn is_signed(&self, keys: &Keys) -> bool {
        let (hash, signature) = (from_hex(&self.hash), from_hex(&self.signature));
        hash.zip(signature).is_some_and(|(hash, signature)| keys.check_head(self.key, &hash, &signature))
    }
}

/// Bytes as people compare them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_were_written() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
        for wrong in ["0", "0g", "号"] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }
}
