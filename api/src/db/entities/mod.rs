//! One file per table, no logic. Column meanings stand in the migrations.
#![expect(missing_docs, reason = "the columns are documented where they are created, in the migrations")]

pub mod alert;
pub mod audit_batch;
pub mod audit_event;
pub mod audit_head;
pub mod break_glass;
pub mod catchment;
pub mod child;
pub mod code;
pub mod consent_event;
pub mod correction_request;
pub mod delegation;
pub mod desk_act;
pub mod disclosure;
pub mod disclosure_day;
pub mod disclosure_shown;
pub mod duty_handover;
pub mod handbook;
pub mod handbook_contact;
pub mod idempotency;
pub mod institution;
pub mod invitation;
pub mod issuance;
pub mod job;
pub mod key_in_use;
pub mod live_ticket;
pub mod member;
pub mod notice;
pub mod number_series;
pub mod password_issue;
pub mod person;
pub mod photo;
pub mod pregnancy;
pub mod record;
pub mod record_version;
pub mod refresh_token;
pub mod region;
pub mod restoration;
pub mod retention_receipt;
pub mod rule_override;
pub mod session;
pub mod staff;
pub mod target;
pub mod throttle;
pub mod tombstone;
pub mod usage_counter;
pub mod usage_day;
pub mod usage_evidence;
pub mod usage_follow_up;
pub mod usage_rollup;
pub mod visit;
pub mod wechat_user;

use domain::access::Role;
use domain::audit::ChainEnd;
use domain::handbook::Group;
use domain::handbook::issuing::Explained;
use domain::id::PhotoId;
use domain::institution::AgencyClass;
use sea_orm::FromJsonQueryResult;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Roles of a staff member, a JSON list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Roles(pub Vec<Role>);

/// Agency classes of an institution, a JSON list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Classes(pub Vec<AgencyClass>);

/// Groups that an institution may issue to, a JSON list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Groups(pub Vec<Group>);

/// What was explained at an issue, a JSON list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct ExplainedList(pub Vec<Explained>);

/// A JSON column whose text is passed on as it stands.
#[derive(Clone, Debug, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// Whether it is a list of nothing.
    pub fn is_empty_list(&self) -> bool {
        self.0.get() == "[]"
    }

    /// What it says.
    pub fn read<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.0.get())
    }
}

/// The last batch of every chain that grew in a day, a JSON list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct ChainEnds(pub Vec<ChainEnd>);

/// Photos that hang on a record, a JSON list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct PhotoIds(pub Vec<PhotoId>);
