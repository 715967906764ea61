//! Withdrawals that stand, so that a database which comes out of a backup from before them is told. Those of a handbook
//! that was given instead of another are told to the other where the backup knows no more.

use chrono::{DateTime, Utc};
use domain::consent::{Channel, Purpose};
use domain::id::{ConsentId, HandbookId, UserId};
use sea_orm::{ConnectionTrait, DbErr};
use serde::{Deserialize, Serialize};

use super::store::{self, Affected};
use crate::db::entities::{consent_event, handbook};

/// A consent that was withdrawn, or declined when it was asked for, and not given since.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Withdrawn {
    /// The answer.
    pub id: ConsentId,
    /// The handbook.
    pub handbook: HandbookId,
    /// The issue that the handbook counts as.
    pub issue: HandbookId,
    /// For what.
    pub purpose: Purpose,
    /// Who answered.
    pub user: UserId,
    /// Version of the text that was shown.
    pub version: String,
    /// SHA-256 of that text.
    pub text_hash: String,
    /// For a child, too.
    pub as_guardian: bool,
    /// How it came.
    pub channel: Channel,
    /// When.
    pub at: DateTime<Utc>,
}

impl Withdrawn {
    /// Of an answer, and the issue of its handbook.
    pub fn of(row: consent_event::Model, issue: HandbookId) -> Self {
        Self {
            id: row.id,
            handbook: row.handbook_id,
            issue,
            purpose: row.purpose,
            user: row.user_id,
            version: row.text_version,
            text_hash: row.text_hash,
            as_guardian: row.as_guardian,
            channel: row.channel,
            at: row.at,
        }
    }

    fn at(&self, handbook: HandbookId) -> consent_event::Model {
        consent_event::Model {
            id: self.id,
            handbook_id: handbook,
            purpose: self.purpose,
            given: false,
            text_version: self.version.clone(),
            text_hash: self.text_hash.clone(),
            user_id: self.user,
            as_guardian: self.as_guardian,
            channel: self.channel,
            at: self.at,
        }
    }
}

/// Withdraws what was withdrawn, and says whether it stood.
pub async fn withdraw(txn: &impl ConnectionTrait, withdrawn: &Withdrawn) -> Result<bool, DbErr> {
    let standing = standing(txn, withdrawn).await?;
    for row in &standing {
        let before = store::sharing(row);
        store::set_of_handbook(txn, row.id, withdrawn.purpose, false).await?;
        let Some(now) = crate::handbooks::store::by_id(txn, row.id).await? else { continue };
        let affected = Affected::between(row.id, before, store::sharing(&now));
        if !affected.is_none() {
            store::hide_entries(txn, affected).await?;
        }
    }
    let here = store::of_issue(txn, withdrawn.issue).await?;
    let here = here.iter().find(|row| row.id == withdrawn.handbook).or(here.last());
    if let Some(row) = here {
        store::keep_again(txn, withdrawn.at(row.id)).await?;
    }
    Ok(!standing.is_empty())
}

/// The handbooks in which a consent stands that was withdrawn. One that was given after that stands rightly.
pub async fn standing(
    db: &impl ConnectionTrait,
    withdrawn: &Withdrawn,
) -> Result<Vec<handbook::Model>, DbErr> {
    let mut standing = Vec::new();
    for row in store::of_issue(db, withdrawn.issue).await? {
        let latest = store::latest(db, row.id, withdrawn.user).await?;
        let latest = latest.get(&withdrawn.purpose);
        let is_given_anew = latest.is_some_and(|event| event.given && event.at > withdrawn.at);
        let stands = match withdrawn.purpose {
            Purpose::Child => row.child_agreed.is_some(),
            Purpose::ShareEntries => row.shares_entries.is_some(),
            Purpose::Basic | Purpose::Reminders => latest.is_some_and(|event| event.given),
        };
        if stands && !is_given_anew {
            standing.push(row);
        }
    }
    Ok(standing)
}
