//! What was taken back since an instant, read from the database as it is: a small sealed file beside the backups. A
//! restored database is told it, so that nothing in it comes to life again that was ended after its backup.
//!
//! It holds states and no events: whatever was done and undone in between is as it is now. It names rows and quotes nothing
//! of a family: what is erased leaves an id and an instant.

use std::io::Write;
use std::path::Path;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::handbook::{CloseReason, State as HandbookState};
use domain::id::{DelegationId, HandbookId, InstitutionId, MemberId, ReceiptId, RecordId, StaffId, UserId};
use domain::member::MemberRole;
use domain::place::{RegionCode, RegionLevel};
use domain::record::RecordState;
use domain::retention::EndState;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::files::Partial;
use super::stream::{Content, Opener, Sealer};
use super::{Key, store};
use crate::consents::again::Withdrawn;
use crate::db::Db;
use crate::db::entities::Roles;

/// How far the clock of whoever takes backups may stand from those of the servers, together with how long what a server dates
/// takes to be committed: a backup may not hold what is dated before it. Replaying what it does hold does no harm.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(5);

/// What was taken back.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tombstones {
    /// From when on.
    pub since: DateTime<Utc>,
    /// Until when.
    pub taken_at: DateTime<Utc>,
    /// Accounts that were closed.
    #[serde(default)]
    pub accounts: Vec<Ended<UserId>>,
    /// Members who left a handbook or were removed.
    pub members: Vec<Ended<MemberId>>,
    /// Delegations to a village doctor that ended.
    pub delegations: Vec<Ended<DelegationId>>,
    /// Institutions that ended.
    #[serde(default)]
    pub institutions: Vec<Ended<InstitutionId>>,
    /// Everybody who works here, as far as what they may do and how they sign in.
    pub staff: Vec<StaffNow>,
    /// Passwords that somebody issued for them.
    #[serde(default)]
    pub passwords: Vec<PasswordIssued>,
    /// Members of families in which a role changed.
    #[serde(default)]
    pub roles: Vec<RoleNow>,
    /// Entries that their family hides.
    #[serde(default)]
    pub hidden: Vec<HiddenNow>,
    /// Handbooks that were transferred.
    #[serde(default)]
    pub transfers: Vec<TransferNow>,
    /// Handbooks that ended, or whose code on paper was revoked.
    pub handbooks: Vec<HandbookNow>,
    /// Records that were withdrawn or voided.
    pub records: Vec<RecordNow>,
    /// Consents that were withdrawn.
    #[serde(default)]
    pub withdrawn: Vec<Withdrawn>,
    /// Receipts of what was deleted, anonymised or blocked.
    #[serde(default)]
    pub receipts: Vec<ReceiptThen>,
    /// What was dropped for good.
    pub dropped: Vec<Dropped>,
}

/// Something that ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ended<I> {
    /// What.
    pub id: I,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a staff member may do, and how they sign in.
#[derive(Debug, Serialize, Deserialize)]
pub struct StaffNow {
    /// Who.
    pub id: StaffId,
    /// The version of the row.
    pub version: i32,
    /// Their last day.
    pub left_on: Option<NaiveDate>,
    /// Their roles.
    pub roles: Roles,
    /// Where they work.
    pub institution: Option<InstitutionId>,
    /// The region they answer for.
    pub region: Option<(RegionCode, RegionLevel)>,
    /// Hash of their password.
    pub password_hash: String,
    /// Whether somebody else gave them that password.
    pub password_issued: bool,
    /// Their second factor, as it is sealed.
    pub totp: Option<Vec<u8>>,
    /// The last step of it that was used.
    pub totp_last_step: i64,
    /// Who last issued the password, and when.
    #[serde(default)]
    pub reset: Option<(StaffId, DateTime<Utc>)>,
}

/// A password that somebody issued for a staff member.
#[derive(Debug, Serialize, Deserialize)]
pub struct PasswordIssued {
    /// For whom.
    pub staff: StaffId,
    /// By whom.
    pub by: StaffId,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a member may do.
#[derive(Debug, Serialize, Deserialize)]
pub struct RoleNow {
    /// Who.
    pub id: MemberId,
    /// The version of the row.
    pub version: i32,
    /// Their role.
    pub role: MemberRole,
}

/// An entry that its family hides.
#[derive(Debug, Serialize, Deserialize)]
pub struct HiddenNow {
    /// Which.
    pub id: RecordId,
    /// The version of the row.
    pub version: i32,
}

/// Who manages a handbook that was transferred.
#[derive(Debug, Serialize, Deserialize)]
pub struct TransferNow {
    /// Which.
    pub handbook: HandbookId,
    /// When it was transferred last.
    pub at: DateTime<Utc>,
    /// The institution that answers for it.
    pub managing: InstitutionId,
    /// Where its family lives.
    pub region: RegionCode,
}

/// What a handbook is.
#[derive(Debug, Serialize, Deserialize)]
pub struct HandbookNow {
    /// Which.
    pub id: HandbookId,
    /// The issue that it counts as, which it shares with the one instead of which it was given.
    #[serde(default)]
    pub issue: Option<HandbookId>,
    /// Its state.
    pub state: HandbookState,
    /// The serial of the code on paper that is good.
    pub printed_serial: i32,
    /// When it ended.
    pub closed_at: Option<DateTime<Utc>>,
    /// Why.
    pub close_reason: Option<CloseReason>,
    /// What came in its place.
    pub successor: Option<HandbookId>,
    /// When the last of its family closed the account.
    #[serde(default)]
    pub family_left_at: Option<DateTime<Utc>>,
    /// Until when its clinical part is blocked.
    #[serde(default)]
    pub blocked_until: Option<NaiveDate>,
    /// When everybody was taken out of it.
    #[serde(default)]
    pub erased_at: Option<DateTime<Utc>>,
}

/// What a record is.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecordNow {
    /// Which.
    pub id: RecordId,
    /// Its state.
    pub state: RecordState,
    /// When it changed.
    pub at: DateTime<Utc>,
}

/// A receipt: what became of which kind of data.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReceiptThen {
    /// Which.
    pub id: ReceiptId,
    /// The handbook; none for an account.
    pub handbook: Option<HandbookId>,
    /// Why it was done.
    pub cause: String,
    /// The kind of data.
    pub kind: String,
    /// What became of it.
    pub end: EndState,
    /// How many.
    pub amount: i64,
    /// Document and article.
    pub basis: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Something that is no more.
#[derive(Debug, Serialize, Deserialize)]
pub struct Dropped {
    /// What kind of thing.
    pub kind: String,
    /// Which.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
}

impl Tombstones {
    /// Those of a database, and what is dated up to five minutes before `since`. It reads whole tables.
    pub async fn of(db: &Db, since: DateTime<Utc>, now: DateTime<Utc>) -> anyhow::Result<Self> {
        let txn = db.snapshot().await?;
        let from = since.checked_sub_signed(CLOCKS_APART).unwrap_or(since);
        Ok(Self { since, ..store::tombstones(&txn, from, now).await? })
    }

    /// The one that was read last: it knows how everything was last that may be one way today and another tomorrow.
    pub fn newest(all: &[Self]) -> Option<&Self> {
        all.iter().max_by_key(|tombstones| tombstones.taken_at)
    }

    /// Writes them to a new file.
    pub fn write(&self, key: &Key, to: &Path) -> anyhow::Result<()> {
        let partial = Partial::begin(to)?;
        let mut sealer = Sealer::begin(partial.file(), key, Content::Tombstones)?;
        sealer.write_all(&serde_json::to_vec(self)?)?;
        sealer.finish()?;
        partial.complete()
    }

    /// Reads them from a file.
    pub fn read(from: &Path, key: &Key) -> anyhow::Result<Self> {
        let reading = || {
            let opener = Opener::begin(std::fs::File::open(from)?, key, Content::Tombstones)?;
            Ok::<_, anyhow::Error>(serde_json::from_reader(std::io::BufReader::new(opener))?)
        };
        anyhow::Context::with_context(reading(), || format!("{} is not used", from.display()))
    }

    /// How many things were taken back.
    pub fn many(&self) -> usize {
        self.accounts.len()
            + self.members.len()
            + self.delegations.len()
            + self.institutions.len()
            + self.roles.len()
            + self.hidden.len()
            + self.transfers.len()
            + self.handbooks.len()
            + self.records.len()
            + self.withdrawn.len()
            + self.dropped.len()
    }

    /// What was dropped of one kind.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Dropped> {
        self.dropped.iter().filter(move |dropped| dropped.kind == kind)
    }

    /// Whether somebody is to be taken out of a database, which nobody can without its keys: what names a person is sealed.
    pub fn need_keys(&self) -> bool {
        !self.accounts.is_empty() || self.handbooks.iter().any(|row| row.blocked_until.is_some())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_first_version_is_read() {
        let now = "2026-11-22T04:00:00Z";
        let first = serde_json::json!({
            "since": now, "taken_at": now, "members": [], "delegations": [], "staff": [], "handbooks": [],
            "records": [], "dropped": [],
        });
        let read: Tombstones = serde_json::from_value(first).unwrap();
        assert_eq!(read.many(), 0);
    }
}
