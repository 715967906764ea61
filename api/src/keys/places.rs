//! Every place where values are sealed: the only list of them. A [`Place`] is made of a [`Label`] of this list, and what
//! counts, rotates or samples sealed values goes through [`COLUMNS`].

use uuid::Uuid;

use super::sha256;

/// What a sealed value is, for example `person.identity`: the first half of its associated data. Labels are made here
/// alone, so that nothing is sealed where nobody would look for it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label(&'static str);

impl Label {
    /// As it stands in the associated data. It never changes: what was sealed under it would not open.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// Where a sealed value stands. It is associated data, so a ciphertext moved to another row or column does not open.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// What it is.
    pub label: Label,
    /// Id of the row.
    pub row: Uuid,
}

impl Place {
    /// A sealed value of a row.
    pub const fn new(label: Label, row: Uuid) -> Self {
        Self { label, row }
    }

    /// Where the first answer to a request is sealed: its row has a key of two parts.
    pub fn of_answer(actor: Uuid, key: &str) -> Self {
        let mut row = [0; 16];
        let hash = sha256(&[actor.as_bytes(), key.as_bytes()].concat());
        row.iter_mut().zip(hash).for_each(|(byte, of_hash)| *byte = of_hash);
        Self::new(IDEMPOTENCY_ANSWER, Uuid::from_bytes(row))
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        [self.label.0.as_bytes(), b"/", self.row.as_bytes()].concat()
    }
}

/// Why a danger sign was raised.
pub const ALERT_SIGNS: Label = Label("alert.signs");
/// What was done about a danger sign.
pub const ALERT_ANSWER: Label = Label("alert.answer");
/// What the county found about an emergency access.
pub const BREAK_GLASS_NOTE: Label = Label("break_glass.note");
/// What a family says is wrong in a clinician's record.
pub const CORRECTION_REQUEST_SAYS: Label = Label("correction_request.says");
/// Why a record stands that a family wanted corrected.
pub const CORRECTION_REQUEST_REASON: Label = Label("correction_request.reason");
/// Why a desk changed something.
pub const DESK_ACT_REASON: Label = Label("desk_act.reason");
/// What a list of persons is asked for.
pub const DISCLOSURE_PURPOSE: Label = Label("disclosure.purpose");
/// Why a list of persons was given or refused.
pub const DISCLOSURE_REASON: Label = Label("disclosure.reason");
/// The phone that a desk wrote down for one handbook.
pub const HANDBOOK_CONTACT_PHONE: Label = Label("handbook_contact.phone");
/// The first answer to a request, see [`Place::of_answer`].
pub const IDEMPOTENCY_ANSWER: Label = Label("idempotency.answer");
/// Why a rule was set aside at an issue.
pub const ISSUANCE_OVERRIDE_REASON: Label = Label("issuance.override_reason");
/// Who somebody is.
pub const PERSON_IDENTITY: Label = Label("person.identity");
/// A photo on the shelf.
pub const PHOTO_FILE: Label = Label("photo.file");
/// Why a rule was set aside for a record.
pub const RECORD_OVERRIDE_REASON: Label = Label("record.override_reason");
/// Sensitive fields and free text of a record, whichever version of it.
pub const RECORD_SEALED: Label = Label("record.sealed");
/// Why a version of a record was replaced.
pub const RECORD_VERSION_REASON: Label = Label("record_version.reason");
/// What the county found about a rule that was set aside.
pub const RULE_OVERRIDE_NOTE: Label = Label("rule_override.note");
/// Name of a staff member.
pub const STAFF_NAME: Label = Label("staff.name");
/// Secret of a second factor.
pub const STAFF_TOTP: Label = Label("staff.totp");
/// What somebody said who asked whether a handbook is in use.
pub const USAGE_FOLLOW_UP_NOTE: Label = Label("usage_follow_up.note");
/// Why a visit was opened without a code.
pub const VISIT_REASON: Label = Label("visit.reason");
/// Who a user is at WeChat, in the mini-program.
pub const WECHAT_USER_OPENID: Label = Label("wechat_user.openid");
/// Who a user is at WeChat, across the programs of one owner.
pub const WECHAT_USER_UNIONID: Label = Label("wechat_user.unionid");
/// WeChat's access token in Redis.
pub const REDIS_WECHAT_TOKEN: Label = Label("redis.wechat_token");

/// A column of the database that holds sealed values.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its table.
    pub table: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What its values are sealed as.
    pub label: Label,
    /// The primary key of the table, in its order.
    pub key: &'static [Part],
    /// Which row its values are sealed for.
    pub row: Row,
}

impl std::fmt::Display for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.table, self.name)
    }
}

/// One column of a primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
}

/// Type of a key's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{uuid}`.
    Uuid,
    /// `INTEGER`.
    Integer,
    /// `TEXT`.
    Text,
}

/// For which row a value is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// The one whose id stands in this column: its own, or that of what it is a copy or a version of.
    In(&'static str),
    /// The request, see [`Place::of_answer`].
    OfRequest,
}

const ID: &[Part] = &[Part { name: "id", kind: Kind::Uuid }];
const VISIT: &[Part] = &[Part { name: "visit_id", kind: Kind::Uuid }];
const VERSION: &[Part] =
    &[Part { name: "record_id", kind: Kind::Uuid }, Part { name: "version", kind: Kind::Integer }];
const REQUEST: &[Part] = &[Part { name: "actor", kind: Kind::Uuid }, Part { name: "key", kind: Kind::Text }];

/// A column of a table whose rows have an id, by which their values are sealed.
const fn by_id(table: &'static str, name: &'static str, label: Label) -> Column {
    Column { table, name, label, key: ID, row: Row::In("id") }
}

/// Every column that holds sealed values. Photos are sealed too; their files lie on a shelf.
pub const COLUMNS: [Column; 24] = [
    by_id("alert", "answer", ALERT_ANSWER),
    by_id("alert", "signs", ALERT_SIGNS),
    Column {
        table: "break_glass",
        name: "note",
        label: BREAK_GLASS_NOTE,
        key: VISIT,
        row: Row::In("visit_id"),
    },
    // The identity that was corrected is kept as it was sealed: for the person.
    Column { row: Row::In("person_id"), ..by_id("desk_act", "before", PERSON_IDENTITY) },
    by_id("desk_act", "reason", DESK_ACT_REASON),
    by_id("disclosure", "purpose", DISCLOSURE_PURPOSE),
    by_id("disclosure", "reason", DISCLOSURE_REASON),
    by_id("handbook_contact", "phone", HANDBOOK_CONTACT_PHONE),
    Column {
        table: "idempotency",
        name: "answer",
        label: IDEMPOTENCY_ANSWER,
        key: REQUEST,
        row: Row::OfRequest,
    },
    by_id("issuance", "override_reason", ISSUANCE_OVERRIDE_REASON),
    by_id("person", "identity", PERSON_IDENTITY),
    by_id("record", "override_reason", RECORD_OVERRIDE_REASON),
    by_id("record", "sealed", RECORD_SEALED),
    of_version("reason", RECORD_VERSION_REASON),
    of_version("sealed", RECORD_SEALED),
    by_id("rule_override", "note", RULE_OVERRIDE_NOTE),
    by_id("staff", "name", STAFF_NAME),
    by_id("staff", "totp", STAFF_TOTP),
    by_id("usage_follow_up", "note", USAGE_FOLLOW_UP_NOTE),
    by_id("visit", "reason", VISIT_REASON),
    by_id("correction_request", "says", CORRECTION_REQUEST_SAYS),
    by_id("correction_request", "reason", CORRECTION_REQUEST_REASON),
    by_id("wechat_user", "openid", WECHAT_USER_OPENID),
    by_id("wechat_user", "unionid", WECHAT_USER_UNIONID),
];

const fn of_version(name: &'static str, label: Label) -> Column {
    Column { table: "record_version", name, label, key: VERSION, row: Row::In("record_id") }
}

/// What is sealed elsewhere than in a column: files, and what is fetched anew when it does not open.
pub const ELSEWHERE: [Label; 2] = [PHOTO_FILE, REDIS_WECHAT_TOKEN];

/// Columns of bytes in which nothing is sealed: keyed hashes, hashes of secrets, the chain of the audit log, and the marks of
/// keys.
pub const NOT_SEALED: [(&str, &str); 18] = [
    ("audit_batch", "digest"),
    ("audit_batch", "hash"),
    ("audit_batch", "previous"),
    ("audit_head", "hash"),
    ("audit_head", "previous"),
    ("audit_head", "signature"),
    ("child", "identity_index"),
    ("code", "token_hash"),
    ("handbook", "slip_hash"),
    ("idempotency", "request_hash"),
    ("invitation", "code_hash"),
    ("key_in_use", "mark"),
    ("live_ticket", "hash"),
    ("person", "id_number_index"),
    ("person", "phone_index"),
    ("refresh_token", "hash"),
    ("throttle", "key"),
    ("wechat_user", "openid_index"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_in_a_list_and_two_places_never_share_one_by_accident() {
        let text = include_str!("places.rs");
        let made: Vec<_> = text
            .split("Label = Label(\"")
            .skip(1)
            .filter_map(|rest| rest.split_once('"').map(|(label, _)| label))
            .collect();
        assert!(made.len() > 18, "{made:?}");
        for label in &made {
            let is_listed =
                COLUMNS.iter().map(|column| column.label).chain(ELSEWHERE).any(|of| of.as_str() == *label);
            assert!(is_listed, "{label} is sealed, and nothing would count or rotate it");
            assert_eq!(made.iter().filter(|other| *other == label).count(), 1, "{label}");
        }
    }
}
