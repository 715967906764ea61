//! A record that was accepted, on its way into a row.

use chrono::{DateTime, NaiveDate, Utc};
use domain::catalogue::Checked;
use domain::id::{PhotoId, PregnancyId, RecordId};
use uuid::Uuid;

use super::form::Sent;
use super::store::{Content, NewRecord};
use crate::db::entities::{PhotoIds, handbook, record};
use crate::error::ApiError;
use crate::keys::Keys;

/// A record that was accepted, and where it belongs.
#[derive(Debug)]
pub struct Accepted {
    /// What is stored and told.
    pub checked: Checked,
    /// The pregnancy to which it belongs.
    pub pregnancy: Option<PregnancyId>,
    /// The day on which the child that it is about was born.
    pub born_on: Option<NaiveDate>,
    /// The fetus is not born yet: no text may name its sex.
    pub unborn: bool,
}

impl Accepted {
    /// What becomes the row of a new record. The handbook is held: its change number was raised for this record.
    pub fn new_record<'a>(
        &'a self,
        held: &handbook::Model,
        sent: &'a Sent<'_>,
        photos: Vec<PhotoId>,
        now: DateTime<Utc>,
    ) -> NewRecord<'a> {
        NewRecord {
            id: sent.id.unwrap_or_else(|| RecordId(Uuid::now_v7())),
            handbook: held.id,
            subject: sent.subject,
            pregnancy: self.pregnancy,
            kind: sent.kind,
            occurred_on: sent.occurred_on,
            checked: &self.checked,
            photos,
            change: held.change_seq,
            now,
        }
    }

    /// The row of a record that is changed, as it is to be.
    pub fn over(
        &self,
        keys: &Keys,
        old: &record::Model,
        occurred_on: NaiveDate,
        photos: Vec<PhotoId>,
        now: DateTime<Utc>,
    ) -> Result<record::Model, ApiError> {
        let mut new = old.clone();
        new.occurred_on = occurred_on;
        new.occurred_at = Some(self.checked.lifted.at);
        new.pregnancy_id = self.pregnancy;
        new.photos = PhotoIds(photos);
        new.edited_at = Some(now);
        Content::of(&self.checked).put(keys, &mut new).map_err(ApiError::Internal)?;
        Ok(new)
    }
}
