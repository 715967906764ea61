//! What becomes the row of a new record.

use chrono::{DateTime, NaiveDate, Utc};
use domain::catalogue::{Checked, Kind};
use domain::id::{HandbookId, InstitutionId, PhotoId, PregnancyId, RecordId, StaffId, UserId, VisitId};
use domain::record::{RecordState, Source, Subject};
use serde_json::Value as Json;

use super::Content;
use crate::db::entities::{PhotoIds, record};
use crate::keys::{Keys, Place, places};

/// What becomes a row.
#[derive(Debug)]
pub struct NewRecord<'a> {
    /// Id, from the body or made here.
    pub id: RecordId,
    /// The handbook.
    pub handbook: HandbookId,
    /// Whom it is about.
    pub subject: Subject,
    /// The pregnancy to which it belongs.
    pub pregnancy: Option<PregnancyId>,
    /// Its kind.
    pub kind: &'a Kind,
    /// The day.
    pub occurred_on: NaiveDate,
    /// What was accepted.
    pub checked: &'a Checked,
    /// Photos that hang on it.
    pub photos: Vec<PhotoId>,
    /// Change number of the handbook.
    pub change: i64,
    /// Now.
    pub now: DateTime<Utc>,
}

impl NewRecord<'_> {
    /// A family's entry.
    pub fn by_family(
        self,
        keys: &Keys,
        user: UserId,
        role: String,
        is_private: bool,
    ) -> anyhow::Result<record::Model> {
        let mut row = self.row(Source::Family, role);
        row.user_id = Some(user);
        row.is_private = is_private;
        Content::of(self.checked).put(keys, &mut row)?;
        Ok(row)
    }

    /// A clinician's checkup.
    pub fn by_clinician(self, keys: &Keys, by: Attached<'_>) -> anyhow::Result<record::Model> {
        let mut row = self.row(Source::Clinician, by.role);
        row.staff_id = Some(by.staff);
        row.institution_id = Some(by.institution);
        row.visit_id = by.visit;
        row.awaits_countersign_of = by.awaits_countersign_of;
        row.override_reason = by
            .override_reason
            .map(|reason| keys.seal(Place::new(places::RECORD_OVERRIDE_REASON, row.id.0), reason))
            .transpose()?;
        Content::of(self.checked).put(keys, &mut row)?;
        Ok(row)
    }

    fn row(&self, source: Source, author_role: String) -> record::Model {
        record::Model {
            id: self.id,
            handbook_id: self.handbook,
            subject: self.subject.kind(),
            child_id: self.subject.child(),
            pregnancy_id: self.pregnancy,
            source,
            kind: self.kind.key.clone(),
            edition: self.kind.edition.clone(),
            occurred_on: self.occurred_on,
            occurred_at: Some(self.checked.lifted.at),
            user_id: None,
            staff_id: None,
            author_role,
            institution_id: None,
            visit_id: None,
            state: RecordState::Live,
            is_private: false,
            awaits_countersign_of: None,
            countersigned_by: None,
            payload: Json::Null,
            sealed: None,
            warnings: Json::Null,
            photos: PhotoIds(self.photos.clone()),
            override_reason: None,
            recorded_at: self.now,
            changed_at: self.now,
            edited_at: None,
            change_seq: self.change,
            hidden_seq: None,
            version: 1,
        }
    }
}

/// By whom, where and how a checkup was attached.
#[derive(Debug)]
pub struct Attached<'a> {
    /// Who wrote it.
    pub staff: StaffId,
    /// As what.
    pub role: String,
    /// At which institution.
    pub institution: InstitutionId,
    /// During which visit.
    pub visit: Option<VisitId>,
    /// A delegated record awaits the countersign of the institution.
    pub awaits_countersign_of: Option<InstitutionId>,
    /// Why it is dated before the day of issue.
    pub override_reason: Option<&'a str>,
}
