//! Walks every chain and every head and names the first thing that is not as it was sealed. Everything is read in one
//! snapshot, so a database under load is judged as it was at one moment, and page by page, so that memory stays small.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use domain::audit::NO_HASH;
use domain::id::{BatchId, ReplicaId};
use sea_orm::{DatabaseTransaction, DbErr};
use uuid::Uuid;

use super::head::{self, Copied};
use super::seal;
use super::store::{chain, head as heads};
use crate::db::Db;
use crate::db::entities::{audit_batch, audit_event, audit_head};
use crate::keys::Keys;

/// Batches read at a time, and about how many of their events.
const BATCHES: u64 = 500;
const EVENTS: i64 = 4000;

/// Heads read at a time.
const HEADS: u64 = 50;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Batches walked.
    pub batches: u64,
    /// Events whose seal was checked.
    pub events: u64,
    /// Batches whose events were removed past their retention.
    pub removed: u64,
    /// Events that wait to be sealed.
    pub waiting: u64,
    /// Heads whose signature was checked.
    pub heads: u64,
    /// When the oldest batch was sealed whose events are there.
    pub events_from: Option<DateTime<Utc>>,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
}

/// Something that is not as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// In a batch.
    #[error("batch {seq} of replica {replica}: {what}")]
    Batch {
        /// Whose chain.
        replica: ReplicaId,
        /// Its place in the chain.
        seq: i64,
        /// What is wrong.
        what: InBatch,
    },
    /// In a daily head.
    #[error("head of {day}: {what}")]
    Head {
        /// The day.
        day: NaiveDate,
        /// What is wrong.
        what: InHead,
    },
    /// Events that say that they were sealed in a batch that is not there.
    #[error("{events} events name batches that do not exist, the first one {batch}")]
    Stray {
        /// How many.
        events: i64,
        /// The first such batch.
        batch: Uuid,
    },
}

/// What can be wrong with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InBatch {
    /// It is not there, and a later one or a head says that it was.
    Missing,
    /// It does not carry the hash of the one before.
    BrokenLink,
    /// Its row does not have the hash that it says.
    Changed,
    /// An event was changed.
    EventChanged,
    /// Events are missing.
    EventsMissing(i64),
    /// Events were added.
    EventsAdded(i64),
    /// Its events were removed, and no signed head allows it.
    RemovedTooEarly,
    /// A signed head knows it with another hash: the chain was made anew.
    NotAsSigned(NaiveDate),
}

impl fmt::Display for InBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the batch is missing"),
            Self::BrokenLink => f.write_str("it does not carry the hash of the batch before"),
            Self::Changed => f.write_str("the batch was changed: it does not have the hash that it says"),
            Self::EventChanged => f.write_str("an event was changed"),
            Self::EventsMissing(events) => write!(f, "events are missing: {events}"),
            Self::EventsAdded(events) => write!(f, "events were added: {events}"),
            Self::RemovedTooEarly => f.write_str("its events were removed, and no signed head allows it"),
            Self::NotAsSigned(day) => {
                write!(f, "it does not have the hash that the head of {day} was signed for")
            }
        }
    }
}

/// What can be wrong with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InHead {
    /// It does not have the hash that it says.
    Changed,
    /// It does not carry the hash of the head before.
    BrokenLink,
    /// None of the keys signed it.
    NotSigned,
    /// There is a copy of it, and it is not there.
    Missing,
    /// There is a copy of it, and the copy says otherwise.
    NotAsCopied,
    /// None of the keys signed the copy.
    CopyNotSigned,
}

impl fmt::Display for InHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "it was changed: it does not have the hash that it says",
            Self::BrokenLink => "it does not carry the hash of the head before",
            Self::NotSigned => "no key of MUZI_AUDIT_KEYS signed it",
            Self::Missing => "it is missing, and there is a copy of it",
            Self::NotAsCopied => "its copy says otherwise",
            Self::CopyNotSigned => "no key of MUZI_AUDIT_KEYS signed the copy",
        })
    }
}

/// Verifies everything, the copied heads too. `progress` is told how many events are done, of how many.
pub async fn verify(
    db: &Db,
    keys: &Keys,
    copied: &[Copied],
    progress: &mut impl FnMut(u64, u64),
) -> Result<Verified, DbErr> {
    let txn = db.snapshot().await?;
    let total = chain::total(&txn).await?;
    let mut walk = Walk {
        txn: &txn,
        total,
        verified: Verified {
            batches: 0,
            events: 0,
            removed: 0,
            waiting: chain::waiting(&txn).await?,
            heads: 0,
            events_from: None,
            fault: None,
        },
    };
    // Heads come first, for they say what may be gone; a fault in a batch is told before one in a head all the same.
    let heads = walk.heads(keys, copied).await?;
    walk.verified.fault = match walk.chains(heads.kept_from, progress).await? {
        Some(fault) => Some(fault),
        None => match heads.fault {
            Some(fault) => Some(fault),
            None => walk.strays().await?,
        },
    };
    Ok(walk.verified)
}

struct Walk<'a> {
    txn: &'a DatabaseTransaction,
    total: u64,
    verified: Verified,
}

/// What the heads say: how far events may be removed, and the first fault in them.
struct Heads {
    kept_from: Option<DateTime<Utc>>,
    fault: Option<Fault>,
}

/// How far a chain is walked.
struct Place {
    replica: ReplicaId,
    seq: i64,
    hash: Vec<u8>,
}

impl Walk<'_> {
    async fn heads(&mut self, keys: &Keys, copied: &[Copied]) -> Result<Heads, DbErr> {
        let mut heads = Heads { kept_from: None, fault: None };
        let mut before: Option<audit_head::Model> = None;
        loop {
            let page = heads::after(self.txn, before.as_ref().map(|before| before.day), HEADS).await?;
            if page.is_empty() {
                break;
            }
            for head in page {
                self.verified.heads += 1;
                let previous = before.as_ref().map_or(NO_HASH.as_slice(), |before| &before.hash);
                let what = in_head(&head, previous, keys);
                let fault = match what {
                    Some(what) => Some(Fault::Head { day: head.day, what }),
                    None => {
                        heads.kept_from = heads.kept_from.max(Some(head.kept_from));
                        self.ends(&head).await?
                    }
                };
                heads.fault = heads.fault.or(fault);
                before = Some(head);
            }
        }
        for copy in copied {
            let what = self.in_copy(copy, keys).await?;
            heads.fault = heads.fault.or(what.map(|what| Fault::Head { day: copy.day, what }));
        }
        Ok(heads)
    }

    /// The first chain of a head whose batch is not there as it was signed.
    async fn ends(&self, head: &audit_head::Model) -> Result<Option<Fault>, DbErr> {
        for end in &head.chains.0 {
            let (seq, what) = match chain::at(self.txn, end.replica, end.seq).await? {
                Some(found) if found.hash == end.hash => continue,
                Some(_) => (end.seq, InBatch::NotAsSigned(head.day)),
                None => {
                    let last = chain::last_before(self.txn, end.replica, end.seq).await?;
                    (last.map_or(1, |last| last.seq + 1), InBatch::Missing)
                }
            };
            return Ok(Some(Fault::Batch { replica: end.replica, seq, what }));
        }
        Ok(None)
    }

    async fn in_copy(&self, copy: &Copied, keys: &Keys) -> Result<Option<InHead>, DbErr> {
        if !copy.is_signed(keys) {
            return Ok(Some(InHead::CopyNotSigned));
        }
        let kept = heads::of_day(self.txn, copy.day).await?;
        Ok(match kept {
            None => Some(InHead::Missing),
            Some(kept) => (head::hex(&kept.hash) != copy.hash).then_some(InHead::NotAsCopied),
        })
    }

    /// Walks the chains one after the other, each from its first batch.
    async fn chains(
        &mut self,
        kept_from: Option<DateTime<Utc>>,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<Option<Fault>, DbErr> {
        let mut place: Option<Place> = None;
        progress(0, self.total);
        loop {
            let after =
                place.as_ref().map_or((ReplicaId(Uuid::nil()), 0), |place| (place.replica, place.seq));
            let page = chain::after(self.txn, after, BATCHES).await?;
            if page.is_empty() {
                return Ok(None);
            }
            for together in in_bites(&page) {
                let mut events = self.events_of(together).await?;
                for batch in together {
                    self.verified.batches += 1;
                    let fault = in_chain(batch, place.as_ref()).or_else(|| {
                        let events = events.remove(&batch.id).unwrap_or_default();
                        in_events(batch, &events, kept_from).map(|what| (batch.seq, what))
                    });
                    if let Some((seq, what)) = fault {
                        return Ok(Some(Fault::Batch { replica: batch.replica, seq, what }));
                    }
                    self.count(batch);
                    place = Some(Place { replica: batch.replica, seq: batch.seq, hash: batch.hash.clone() });
                }
                progress(self.verified.events, self.total);
            }
        }
    }

    fn count(&mut self, batch: &audit_batch::Model) {
        if batch.removed_at.is_some() {
            self.verified.removed += 1;
            return;
        }
        self.verified.events += u64::from(batch.events.unsigned_abs());
        let from = &mut self.verified.events_from;
        *from = Some(from.map_or(batch.sealed_at, |from| from.min(batch.sealed_at)));
    }

    /// The events of some batches. One more is asked for than there should be; that is enough to see that some were added.
    async fn events_of(
        &self,
        batches: &[audit_batch::Model],
    ) -> Result<HashMap<BatchId, Vec<audit_event::Model>>, DbErr> {
        let expected: u64 = batches.iter().map(|batch| u64::from(batch.events.unsigned_abs())).sum();
        let mut by_batch: HashMap<BatchId, Vec<_>> = HashMap::new();
        for event in chain::events_of(self.txn, batches, expected + 1).await? {
            if let Some(batch) = event.batch_id {
                by_batch.entry(batch).or_default().push(event);
            }
        }
        Ok(by_batch)
    }

    /// Events that were never in a batch and pretend to be: there are more sealed ones than the batches hold.
    async fn strays(&self) -> Result<Option<Fault>, DbErr> {
        let sealed = chain::count_sealed(self.txn).await?;
        let events = sealed - i64::try_from(self.verified.events).unwrap_or(i64::MAX);
        if events == 0 {
            return Ok(None);
        }
        let batch = chain::first_unknown(self.txn).await?.unwrap_or_default();
        Ok(Some(Fault::Stray { events, batch }))
    }
}

fn in_head(head: &audit_head::Model, previous: &[u8], keys: &Keys) -> Option<InHead> {
    if head::hash(head) != head.hash {
        Some(InHead::Changed)
    } else if !Copied::of(head).is_signed(keys) {
        Some(InHead::NotSigned)
    } else if head.previous != previous {
        Some(InHead::BrokenLink)
    } else {
        None
    }
}

/// What is wrong with a batch as a link of its chain, and at which place.
fn in_chain(batch: &audit_batch::Model, place: Option<&Place>) -> Option<(i64, InBatch)> {
    let place = place.filter(|place| place.replica == batch.replica);
    let expected = place.map_or(1, |place| place.seq + 1);
    if batch.seq != expected {
        return Some((expected, InBatch::Missing));
    }
    if batch.previous != place.map_or(NO_HASH.as_slice(), |place| &place.hash) {
        return Some((batch.seq, InBatch::BrokenLink));
    }
    (seal::hash(batch) != batch.hash).then_some((batch.seq, InBatch::Changed))
}

/// What is wrong with the events of a batch.
fn in_events(
    batch: &audit_batch::Model,
    events: &[audit_event::Model],
    kept_from: Option<DateTime<Utc>>,
) -> Option<InBatch> {
    let there = i64::try_from(events.len()).unwrap_or(i64::MAX);
    if batch.removed_at.is_some() {
        let may_be_gone = kept_from.is_some_and(|kept_from| batch.sealed_at < kept_from);
        return match there {
            _ if !may_be_gone => Some(InBatch::RemovedTooEarly),
            0 => None,
            added => Some(InBatch::EventsAdded(added)),
        };
    }
    match there - i64::from(batch.events) {
        0 if seal::digest(events) == batch.digest => None,
        0 => Some(InBatch::EventChanged),
        fewer @ ..0 => Some(InBatch::EventsMissing(-fewer)),
        more => Some(InBatch::EventsAdded(more)),
    }
}

/// Batches in slices that hold a bounded number of events between them; one batch at least.
fn in_bites(batches: &[audit_batch::Model]) -> impl Iterator<Item = &[audit_batch::Model]> {
    let mut rest = batches;
    std::iter::from_fn(move || {
        let mut events = 0;
        let fitting = rest.iter().take_while(|batch| {
            events += i64::from(batch.events);
            events <= EVENTS
        });
        let (bite, left) = rest.split_at_checked(fitting.count().max(1))?;
        rest = left;
        Some(bite)
    })
}
