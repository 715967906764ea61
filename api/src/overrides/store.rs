//! Rows of overrides. The reason stands, sealed, in the issue or the record that it is for.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use domain::handbook::issuing::Override;
use domain::id::{HandbookId, InstitutionId, IssuanceId, OverrideId, RecordId, StaffId};
use domain::place::{RegionCode, RegionLevel};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::db::entities::{handbook, issuance, record, rule_override};
use crate::db::rows_in;
use crate::error::ApiError;
use crate::handbooks::store::may_be_listed;
use crate::keys::{Keys, Place, places};
use crate::review::Finding;

/// A rule that is set aside.
#[derive(Debug, Clone, Copy)]
pub struct NewOverride {
    /// Whose handbook.
    pub handbook: HandbookId,
    /// The region of the family: its county reviews.
    pub region: RegionCode,
    /// For what.
    pub of: Of,
    /// At which institution.
    pub institution: InstitutionId,
    /// Who set it aside.
    pub staff: StaffId,
}

/// What a rule was set aside for.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    /// An issue.
    Issue(IssuanceId),
    /// A checkup.
    Checkup(RecordId),
}

/// Keeps an override for review, in the transaction that sets the rule aside. A reason that turns out not to have been
/// needed is kept too: it lets a later correction move the day.
pub async fn keep(txn: &impl ConnectionTrait, new: NewOverride, now: DateTime<Utc>) -> Result<(), DbErr> {
    let (kind, issuance, record) = match new.of {
        Of::Issue(issuance) => (Override::Issue, Some(issuance), None),
        Of::Checkup(record) => (Override::Checkup, None, Some(record)),
    };
    let row = rule_override::ActiveModel {
        id: Set(OverrideId(Uuid::now_v7())),
        kind: Set(kind),
        county_code: Set(new.region.at(RegionLevel::County)),
        handbook_id: Set(new.handbook),
        issuance_id: Set(issuance),
        record_id: Set(record),
        institution_id: Set(new.institution),
        staff_id: Set(new.staff),
        made_at: Set(now),
        reviewed_at: Set(None),
        reviewed_by: Set(None),
        accepted: Set(None),
        note: Set(None),
    };
    rule_override::Entity::insert(row).exec_without_returning(txn).await.map(|_| ())
}

/// Keeps an override of an issue, unless one is kept of it already.
pub async fn keep_unless_known(
    txn: &impl ConnectionTrait,
    new: NewOverride,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    if let Of::Issue(issuance) = new.of {
        let known = rule_override::Entity::find().filter(rule_override::COLUMN.issuance_id.eq(issuance));
        if known.one(txn).await?.is_some() {
            return Ok(());
        }
    }
    Ok(keep(txn, new, now).await?)
}

/// Overrides of a county, the newest first; those that were reviewed, or wait for it, or both.
pub async fn of_county(
    db: &impl ConnectionTrait,
    county: RegionCode,
    reviewed: Option<bool>,
    after: Option<OverrideId>,
    limit: u64,
) -> Result<Vec<rule_override::Model>, DbErr> {
    let mut rows = rule_override::Entity::find()
        .filter(rule_override::COLUMN.county_code.eq(county))
        .filter(may_be_listed((rule_override::Entity, rule_override::Column::HandbookId)));
    if let Some(reviewed) = reviewed {
        rows = rows.filter(if reviewed {
            rule_override::COLUMN.reviewed_at.is_not_null()
        } else {
            rule_override::COLUMN.reviewed_at.is_null()
        });
    }
    if let Some(after) = after {
        rows = rows.filter(rule_override::COLUMN.id.lt(after));
    }
    rows.order_by_desc(rule_override::COLUMN.id).limit(limit).all(db).await
}

/// One override of a county.
pub async fn one(
    db: &impl ConnectionTrait,
    county: RegionCode,
    id: OverrideId,
) -> Result<Option<rule_override::Model>, DbErr> {
    let found = rule_override::Entity::find_by_id(id);
    found.filter(rule_override::COLUMN.county_code.eq(county)).one(db).await
}

/// What a list says of an override beside its row.
#[derive(Debug, Clone)]
pub struct Said {
    /// Why the rule was set aside.
    pub reason: String,
    /// The day of the checkup; an issue has none.
    pub occurred_on: Option<NaiveDate>,
}

/// The reasons of overrides, and the days of the checkups that they are for.
pub async fn said(
    db: &impl ConnectionTrait,
    keys: &Keys,
    rows: &[rule_override::Model],
) -> Result<HashMap<OverrideId, Said>, ApiError> {
    let issues: BTreeSet<_> = rows.iter().filter_map(|row| row.issuance_id).collect();
    let records: BTreeSet<_> = rows.iter().filter_map(|row| row.record_id).collect();
    let issues = rows_in(db, issuance::Entity::find(), issuance::Column::Id, issues).await?;
    let issues: HashMap<_, _> = issues.into_iter().map(|issue| (issue.id, issue)).collect();
    let records = rows_in(db, record::Entity::find(), record::Column::Id, records).await?;
    let records: HashMap<_, _> = records.into_iter().map(|record| (record.id, record)).collect();
    let mut said = HashMap::new();
    for row in rows {
        let issue = row.issuance_id.and_then(|id| issues.get(&id));
        let record = row.record_id.and_then(|id| records.get(&id));
        let of_issue = issue.map(|issue| {
            open(
                keys,
                Place::new(places::ISSUANCE_OVERRIDE_REASON, issue.id.0),
                issue.override_reason.as_deref(),
            )
        });
        let of_record = record.map(|record| {
            open(
                keys,
                Place::new(places::RECORD_OVERRIDE_REASON, record.id.0),
                record.override_reason.as_deref(),
            )
        });
        let reason = of_issue.or(of_record).transpose()?.unwrap_or_default();
        said.insert(row.id, Said { reason, occurred_on: record.map(|record| record.occurred_on) });
    }
    Ok(said)
}

fn open(keys: &Keys, place: Place, sealed: Option<&[u8]>) -> Result<String, ApiError> {
    let opened = sealed.map(|sealed| keys.open(place, sealed)).transpose();
    Ok(opened.map_err(ApiError::Internal)?.unwrap_or_default())
}

/// The days on which handbooks were issued.
pub async fn issued_on(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = HandbookId>,
) -> Result<HashMap<HandbookId, NaiveDate>, DbErr> {
    let ids: BTreeSet<_> = ids.into_iter().collect();
    let rows = rows_in(db, handbook::Entity::find(), handbook::Column::Id, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.issued_on)).collect())
}

/// Keeps a finding unless somebody reviewed the override before; says whether it was kept.
pub(super) async fn review(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    id: OverrideId,
    finding: &Finding,
    now: DateTime<Utc>,
) -> Result<bool, ApiError> {
    let note = finding.note.as_deref().map(|note| keys.seal(note_place(id), note));
    let reviewed = rule_override::ActiveModel {
        reviewed_at: Set(Some(now)),
        reviewed_by: Set(Some(finding.reviewer)),
        accepted: Set(Some(finding.accepted)),
        note: Set(note.transpose().map_err(ApiError::Internal)?),
        ..Default::default()
    };
    let kept = rule_override::Entity::update_many()
        .set(reviewed)
        .filter(rule_override::COLUMN.id.eq(id))
        .filter(rule_override::COLUMN.reviewed_at.is_null())
        .exec(txn)
        .await?;
    Ok(kept.rows_affected == 1)
}

/// The note of a review.
pub fn note(keys: &Keys, row: &rule_override::Model) -> Result<Option<String>, ApiError> {
    let sealed = row.note.as_deref();
    sealed.map(|note| keys.open(note_place(row.id), note).map_err(ApiError::Internal)).transpose()
}

fn note_place(id: OverrideId) -> Place {
    Place::new(places::RULE_OVERRIDE_NOTE, id.0)
}
