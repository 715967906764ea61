//! The daily head: the ends of all chains and the head before, signed, so that it can be copied elsewhere.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::audit::{ChainEnd, Head, NO_HASH};
use domain::calendar::{day_in_china, start_of_day};
use domain::id::ReplicaId;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, TryInsertResult,
};
use serde::{Deserialize, Serialize};

use super::clock;
use crate::app::App;
use crate::db::entities::{ChainEnds, audit_batch, audit_head};
use crate::db::statement;
use crate::keys::{Keys, sha256};

/// A day is closed this long after its midnight, when what was sealed in it has been committed everywhere.
const SETTLED: TimeDelta = TimeDelta::minutes(5);

/// The day whose head is missing and can be made: the one that ended last, if anything was ever sealed.
pub async fn due(app: &App) -> Result<Option<NaiveDate>, DbErr> {
    let day = day_in_china(app.now() - SETTLED) - TimeDelta::days(1);
    let db = app.db.read();
    if audit_head::Entity::find_by_id(day).one(db).await?.is_some() {
        return Ok(None);
    }
    let sealed_by_then =
        audit_batch::Entity::find().filter(audit_batch::COLUMN.sealed_at.lt(end_of(day))).limit(1);
    Ok(sealed_by_then.one(db).await?.map(|_| day))
}

/// Makes the head of a day, once: of several processes the first one's stays. A day that is not over here was asked for by a
/// clock that is ahead, and has no head yet.
pub async fn make(app: &App, day: NaiveDate) -> anyhow::Result<()> {
    if day >= day_in_china(app.now() - SETTLED) {
        tracing::error!(%day, "a day of the audit log that is not over was to be closed: some process's clock is ahead");
        return Ok(());
    }
    let txn = app.db.begin().await?;
    let before = latest(&txn).await?;
    if before.as_ref().is_some_and(|before| before.day >= day) {
        return Ok(());
    }
    let chains = ends(&txn, before.as_ref(), day).await?;
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
    let conflict = OnConflict::column(audit_head::Column::Day).do_nothing().to_owned();
    let insert = audit_head::Entity::insert(row.into_active_model()).on_conflict(conflict).try_insert();
    match insert.exec_without_returning(&txn).await? {
        TryInsertResult::Inserted(_) | TryInsertResult::Conflicted | TryInsertResult::Empty => {}
    }
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

/// The latest head.
pub async fn latest(db: &impl ConnectionTrait) -> Result<Option<audit_head::Model>, DbErr> {
    audit_head::Entity::find().order_by_desc(audit_head::COLUMN.day).one(db).await
}

/// The last batch, by the end of a day, of every chain that grew since the day of the head before. That day is looked at
/// again: a batch of its last moment may have been committed after its head.
async fn ends(
    txn: &impl ConnectionTrait,
    before: Option<&audit_head::Model>,
    day: NaiveDate,
) -> Result<Vec<ChainEnd>, DbErr> {
    #[derive(FromQueryResult)]
    struct End {
        replica: ReplicaId,
        seq: i64,
        hash: Vec<u8>,
    }
    // A head that came too early, by a clock that was ahead, left out what was sealed after it was made.
    let from = before.map_or(DateTime::UNIX_EPOCH, |before| start_of_day(before.day).min(before.made_at));
    let grown = statement(
        txn.get_database_backend(),
        "SELECT batch.replica, batch.seq, batch.hash FROM audit_batch AS batch JOIN (\
             SELECT replica, MAX(seq) AS seq FROM audit_batch WHERE sealed_at >= ? AND sealed_at < ? GROUP BY replica\
         ) AS last ON last.replica = batch.replica AND last.seq = batch.seq ORDER BY batch.replica",
        [from.into(), end_of(day).into()],
    );
    let rows = txn.query_all_raw(grown).await?;
    let ends = rows.iter().map(|row| End::from_query_result(row, ""));
    ends.map(|end| end.map(|End { replica, seq, hash }| ChainEnd { replica, seq, hash })).collect()
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
