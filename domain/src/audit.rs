//! The audit log: what an event is, the bytes that are hashed and signed, and how long events are kept.
//!
//! Bytes are versioned by their first byte, and each field stands after its length, so that no two different contents give
//! the same bytes. Hashing and signing are the caller's.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{BatchId, EventId, HandbookId, InstitutionId, RecordId, ReplicaId, StaffId, UserId, VisitId};
use crate::word::words;

words! {
    /// What an event of the audit log is.
    pub enum Kind {
        Read = "read", "查看", "read";
        Write = "write", "写入", "wrote";
        Refused = "refused", "被拒绝", "was refused";
        SignIn = "sign_in", "登录", "signed in";
        LockedOut = "locked_out", "登录锁定", "was locked out";
        AnsweredAgain = "answered_again", "重发原答复", "was given the first answer again";
    }
}

/// The layout of the bytes below. A layout that is in use never changes; a new one takes the next number.
const LAYOUT: u8 = 1;

/// Where an event, a link and a head begin differently, one can never pass for another.
const EVENT: u8 = b'e';
const LINK: u8 = b'l';
const HEAD: u8 = b'h';

/// Who did what about whose data. Nothing here quotes content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: DateTime<Utc>,
    /// The staff member who did it.
    pub staff: Option<StaffId>,
    /// The user of the family side who did it.
    pub user: Option<UserId>,
    /// The machine's user who ran a command.
    pub command: Option<&'a str>,
    /// The institution of the staff member at that time.
    pub institution: Option<InstitutionId>,
    /// Whose data.
    pub handbook: Option<HandbookId>,
    /// What kind of event.
    pub kind: &'a str,
    /// What was allowed or refused.
    pub action: &'a str,
    /// The operation of the API, or the command.
    pub operation: Option<&'a str>,
    /// What allowed it.
    pub tie: Option<&'a str>,
    /// The visit, if that allowed it.
    pub visit: Option<VisitId>,
    /// The record that it was about.
    pub record: Option<RecordId>,
    /// What else it was about.
    pub object: Option<Uuid>,
    /// The request.
    pub request: Option<Uuid>,
}

impl Event<'_> {
    /// The bytes that are hashed.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Bytes::begin(EVENT);
        bytes.id(Some(self.id.0));
        bytes.time(self.at);
        bytes.id(self.staff.map(|id| id.0));
        bytes.id(self.user.map(|id| id.0));
        bytes.text(self.command);
        bytes.id(self.institution.map(|id| id.0));
        bytes.id(self.handbook.map(|id| id.0));
        bytes.text(Some(self.kind));
        bytes.text(Some(self.action));
        bytes.text(self.operation);
        bytes.text(self.tie);
        bytes.id(self.visit.map(|id| id.0));
        bytes.id(self.record.map(|id| id.0));
        bytes.id(self.object);
        bytes.id(self.request);
        bytes.0
    }
}

/// A batch as a link of its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link<'a> {
    /// Its id.
    pub batch: BatchId,
    /// The process whose chain it is.
    pub replica: ReplicaId,
    /// Its place in the chain; the first is 1.
    pub seq: i64,
    /// When it was sealed.
    pub sealed_at: DateTime<Utc>,
    /// How many events it holds.
    pub events: i32,
    /// The hash of its events, each after its length, in the order of their ids.
    pub digest: &'a [u8],
    /// The hash of the batch before, or [`NO_HASH`].
    pub previous: &'a [u8],
}

impl Link<'_> {
    /// The bytes whose hash is the hash of the batch.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Bytes::begin(LINK);
        bytes.field(Some(self.previous));
        bytes.id(Some(self.batch.0));
        bytes.id(Some(self.replica.0));
        bytes.number(self.seq);
        bytes.time(self.sealed_at);
        bytes.number(self.events.into());
        bytes.field(Some(self.digest));
        bytes.0
    }
}

/// The last batch of a chain at the end of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainEnd {
    /// Whose chain.
    pub replica: ReplicaId,
    /// The place of the batch.
    pub seq: i64,
    /// Its hash.
    pub hash: Vec<u8>,
}

/// What is signed once a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head<'a> {
    /// The civil day in China that is over.
    pub day: NaiveDate,
    /// When the head was made.
    pub made_at: DateTime<Utc>,
    /// The events of batches that were sealed before this may be removed.
    pub kept_from: DateTime<Utc>,
    /// The hash of the head before, or [`NO_HASH`].
    pub previous: &'a [u8],
    /// The ends of the chains that grew since the head before, in the order of their ids.
    pub chains: &'a [ChainEnd],
}

impl Head<'_> {
    /// The bytes whose hash is the hash of the head.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Bytes::begin(HEAD);
        bytes.field(Some(self.previous));
        bytes.text(Some(&self.day.to_string()));
        bytes.time(self.made_at);
        bytes.time(self.kept_from);
        for chain in self.chains {
            bytes.id(Some(chain.replica.0));
            bytes.number(chain.seq);
            bytes.field(Some(&chain.hash));
        }
        bytes.0
    }
}

/// Stands for the hash of what comes before the first.
pub const NO_HASH: [u8; 32] = [0; 32];

/// Fields one after the other, each after its length in four bytes, the highest first.
struct Bytes(Vec<u8>);

impl Bytes {
    fn begin(what: u8) -> Self {
        Self(vec![LAYOUT, what])
    }

    /// A field that is not there is none of length zero.
    fn field(&mut self, field: Option<&[u8]>) {
        let length = field.map_or(u32::MAX, |field| u32::try_from(field.len()).unwrap_or(u32::MAX - 1));
        self.0.extend(length.to_be_bytes());
        self.0.extend(field.unwrap_or_default());
    }

    fn text(&mut self, text: Option<&str>) {
        self.field(text.map(str::as_bytes));
    }

    fn id(&mut self, id: Option<Uuid>) {
        self.field(id.as_ref().map(|id| id.as_bytes().as_slice()));
    }

    fn number(&mut self, number: i64) {
        self.field(Some(&number.to_be_bytes()));
    }

    /// Microseconds since 1970: what both databases keep.
    fn time(&mut self, at: DateTime<Utc>) {
        self.number(at.timestamp_micros());
    }
}

/// How long events are kept: `3y`, `36m` or `1100d`.
///
/// Network logs are kept at least six months by law (Cybersecurity Law, article 21); three years are usual for what an
/// assessment is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogRetention(TimeDelta);

impl LogRetention {
    /// What is kept by law.
    pub const LEAST: Self = Self(TimeDelta::days(184));

    /// What is kept unless somebody says otherwise.
    pub const USUAL: Self = Self(TimeDelta::days(3 * 366));

    /// Everything sealed before this instant is past its retention.
    pub fn kept_from(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - self.0
    }
}

/// Why a text is no retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RetentionRefusal {
    /// It is written otherwise.
    #[error("must be a number with y (years), m (months) or d (days), as 3y")]
    Form,
    /// It is shorter than the law allows.
    #[error("must be at least 6 months (6m)")]
    TooShort,
    /// Nobody keeps a log for so long.
    #[error("must be at most 100 years (100y)")]
    TooLong,
}

impl FromStr for LogRetention {
    type Err = RetentionRefusal;

    /// Years and months count with their longest days, so that nothing goes too early.
    fn from_str(text: &str) -> Result<Self, RetentionRefusal> {
        let (number, unit) =
            text.split_at_checked(text.len().saturating_sub(1)).ok_or(RetentionRefusal::Form)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: i64 = if is_number { number.parse().unwrap_or(i64::MAX) } else { -1 };
        let days = match unit {
            _ if number < 0 => return Err(RetentionRefusal::Form),
            "y" => number.saturating_mul(366),
            "m" => number.saturating_mul(31),
            "d" => number,
            _ => return Err(RetentionRefusal::Form),
        };
        if days > 100 * 366 {
            return Err(RetentionRefusal::TooLong);
        }
        let kept = Self(TimeDelta::days(days));
        if kept < Self::LEAST { Err(RetentionRefusal::TooShort) } else { Ok(kept) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(byte: u8) -> Uuid {
        Uuid::from_bytes([byte; 16])
    }

    fn at(micros: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(micros).unwrap()
    }

    fn event() -> Event<'static> {
        Event {
            id: EventId(id(1)),
            at: at(2),
            staff: Some(StaffId(id(3))),
            user: None,
            command: None,
            institution: Some(InstitutionId(id(4))),
            handbook: Some(HandbookId(id(5))),
            kind: "read",
            action: "read_records",
            operation: Some("records_timeline"),
            tie: Some("visit"),
            visit: Some(VisitId(id(6))),
            record: None,
            object: None,
            request: Some(id(7)),
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn an_event_is_always_written_with_the_same_bytes() {
        let id = |byte: &str| format!("00000010{}", byte.repeat(16));
        let text = |text: &str| format!("{:08x}{}", text.len(), hex(text.as_bytes()));
        let none = "ffffffff";
        let expected = [
            "0165".to_owned(),
            id("01"),
            "000000080000000000000002".to_owned(),
            id("03"),
            none.to_owned(),
            none.to_owned(),
            id("04"),
            id("05"),
            text("read"),
            text("read_records"),
            text("records_timeline"),
            text("visit"),
            id("06"),
            none.to_owned(),
            none.to_owned(),
            id("07"),
        ];
        assert_eq!(hex(&event().bytes()), expected.concat());
    }

    #[test]
    fn no_two_events_are_written_alike() {
        let moved = Event { staff: None, user: Some(UserId(id(3))), ..event() };
        let shifted = Event { action: "read_recordsrecords", operation: Some("_timeline"), ..event() };
        let empty = Event { command: Some(""), ..event() };
        for other in [moved, shifted, empty, Event { at: at(3), ..event() }] {
            assert_ne!(event().bytes(), other.bytes());
        }
    }

    #[test]
    fn a_link_and_a_head_are_always_written_with_the_same_bytes() {
        let link = Link {
            batch: BatchId(id(1)),
            replica: ReplicaId(id(2)),
            seq: 3,
            sealed_at: at(4),
            events: 5,
            digest: &[6; 32],
            previous: &NO_HASH,
        };
        let expected = format!(
            "016c00000020{}00000010{}00000010{}{}{}{}00000020{}",
            "00".repeat(32),
            "01".repeat(16),
            "02".repeat(16),
            "000000080000000000000003",
            "000000080000000000000004",
            "000000080000000000000005",
            "06".repeat(32),
        );
        assert_eq!(hex(&link.bytes()), expected);
        let chains = [ChainEnd { replica: ReplicaId(id(2)), seq: 3, hash: vec![9; 32] }];
        let day = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
        let head = Head { day, made_at: at(4), kept_from: at(1), previous: &NO_HASH, chains: &chains };
        let expected = format!(
            "016800000020{}0000000a{}{}{}00000010{}{}00000020{}",
            "00".repeat(32),
            hex(b"2026-11-22"),
            "000000080000000000000004",
            "000000080000000000000001",
            "02".repeat(16),
            "000000080000000000000003",
            "09".repeat(32),
        );
        assert_eq!(hex(&head.bytes()), expected);
    }

    #[test]
    fn events_are_kept_for_six_months_at_least() {
        let kept = |text: &str| text.parse::<LogRetention>();
        assert_eq!(kept("3y"), Ok(LogRetention::USUAL));
        assert_eq!(kept("36m"), Ok(LogRetention(TimeDelta::days(36 * 31))));
        assert_eq!(kept("184d"), Ok(LogRetention::LEAST));
        assert_eq!(kept("6m"), Ok(LogRetention(TimeDelta::days(186))));
        for short in ["0d", "183d", "5m"] {
            assert_eq!(kept(short), Err(RetentionRefusal::TooShort), "{short}");
        }
        for wrong in ["", "y", "3", "-3y", "3 y", "3w", "+9y", "3年", "1.5y"] {
            assert_eq!(kept(wrong), Err(RetentionRefusal::Form), "{wrong}");
        }
        assert_eq!(kept("99999999999999999999y"), Err(RetentionRefusal::TooLong));
    }

    proptest! {
        /// It stands in a TOML file or an environment variable.
        #[test]
        fn no_text_makes_a_retention_panic_or_go_below_six_months(text in prop_oneof!["\\PC{0,12}", "[0-9]{0,22}[ymd]"]) {
            if let Ok(kept) = text.parse::<LogRetention>() {
                let now = at(1_800_000_000_000_000);
                prop_assert!(now - kept.kept_from(now) >= TimeDelta::days(180));
            }
        }
    }
}
