//! A record as a caller is shown it.

use chrono::{DateTime, NaiveDate, Utc};
use domain::catalogue::{Catalogue, Kind, Warning};
use domain::id::{PhotoId, RecordId, VisitId};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::View;
use super::form::SubjectWord;
use super::store::{Row, gravest_first, subject_of};
use crate::cause;
use crate::db::entities::JsonText;
use crate::keys::Keys;
use crate::problem::Language;

/// A record with what its reader may see of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Record)]
pub struct Shown {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub id: RecordId,
    /// Kind, a key of the catalogue.
    pub kind: String,
    /// Title of the kind, Chinese.
    pub zh: String,
    /// Title of the kind, English.
    pub en: String,
    /// Edition of the kind in which it was written.
    pub edition: String,
    /// Whether this server knows that edition; else there may be more in the record than is shown.
    pub understood: bool,
    /// Whom it is about.
    pub subject: SubjectWord,
    /// The civil day in China on which it happened.
    pub occurred_on: NaiveDate,
    /// When it was received.
    pub recorded_at: DateTime<Utc>,
    /// `family`, `clinician` or `import`.
    #[schema(value_type = String)]
    pub source: &'static str,
    /// Who wrote it.
    pub author: Author,
    /// The visit during which it was written, for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub visit: Option<VisitId>,
    /// `live`; `voided` in what its author sees.
    #[schema(value_type = String)]
    pub state: &'static str,
    /// Version; also the ETag.
    pub version: i32,
    /// Its content was changed after it was first written.
    pub edited: bool,
    /// When it was last changed so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<DateTime<Utc>>,
    /// Hidden from clinicians; said to the family only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
    /// A delegated record that the health centre has not countersigned yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub awaits_countersign: bool,
    /// What there is to tell about it, the gravest first.
    pub warnings: Vec<Told>,
    /// The content as its kind describes it, without what the reader may not see.
    #[schema(value_type = Object)]
    pub payload: Body,
    /// Photos that hang on it.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub photos: Vec<PhotoId>,
}

/// Who wrote a record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecordAuthor)]
pub struct Author {
    /// The relation of a family member (`woman`, `father` …) or the role of a staff member (`clinician` …).
    pub role: String,
    /// Name of the institution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub institution: Option<String>,
    /// The reader wrote it.
    pub mine: bool,
}

/// A warning in the language of the reader.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RecordWarning)]
pub struct Told {
    /// Id of the rule.
    pub id: String,
    /// `info`, `urgent` or `emergency`.
    #[schema(value_type = String)]
    pub level: &'static str,
    /// JSON pointer into the payload, if it is about one field or item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What to do.
    pub text: String,
}

impl Told {
    /// A warning in a language.
    pub fn of(warning: &Warning, language: Language) -> Self {
        Self {
            id: warning.id.clone(),
            level: warning.level.code(),
            pointer: warning.pointer.clone(),
            text: language.of(&warning.label.zh, &warning.label.en).to_owned(),
        }
    }

    /// The warnings that a reader may see.
    pub fn visible(warnings: &[Warning], may_see_sensitive: bool, language: Language) -> Vec<Self> {
        let seen = warnings.iter().filter(|warning| may_see_sensitive || !warning.sensitive);
        seen.map(|warning| Self::of(warning, language)).collect()
    }
}

/// The content of a record as it is sent.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Body {
    /// As it is stored.
    Stored(JsonText),
    /// As it was read, without what its reader may not see.
    Read(Map<String, Json>),
}

/// What a reader gets of a content.
struct Readable {
    payload: Body,
    warnings: Vec<Warning>,
    understood: bool,
}

/// Shows a row. One that is not understood, or does not open, is shown as far as it is: it never hides a timeline.
pub fn show(row: Row, catalogue: &Catalogue, keys: &Keys, view: &View, language: Language) -> Shown {
    let kind = catalogue.kind_in_edition(&row.kind, &row.edition);
    let mine = view.me.is(row.user_id, row.staff_id);
    // Who is not proved to be the woman herself still reads what she or he wrote.
    let sees_sensitive = view.may_see_sensitive || mine;
    // Most rows of a timeline need not be read to be sent: who sees everything is sent what stands there, where nothing is
    // sealed.
    let stands_open = kind.is_some() && sees_sensitive && row.sealed.is_none();
    let as_it_stands = stands_open.then(|| warnings_of(&row)).flatten();
    let Readable { payload, warnings, understood } = match as_it_stands {
        Some(warnings) => Readable { payload: Body::Stored(row.payload), warnings, understood: true },
        None => opened(&row, kind, keys, sees_sensitive),
    };
    let label = kind.map(|kind| &kind.label);
    Shown {
        id: row.id,
        zh: label.map_or_else(|| row.kind.clone(), |label| label.zh.clone()),
        en: label.map_or_else(|| row.kind.clone(), |label| label.en.clone()),
        kind: row.kind,
        edition: row.edition,
        understood,
        subject: subject_of(row.subject, row.child_id).into(),
        occurred_on: row.occurred_on,
        recorded_at: row.recorded_at,
        source: row.source.code(),
        author: Author { role: row.author_role, institution: row.institution, mine },
        visit: row.visit_id.filter(|_| !view.is_family()),
        state: row.state.code(),
        version: row.version,
        edited: row.edited_at.is_some(),
        edited_at: row.edited_at,
        private: view.is_family().then_some(row.is_private),
        awaits_countersign: row.awaits_countersign_of.is_some(),
        warnings: Told::visible(&warnings, sees_sensitive, language),
        payload,
        photos: row.photos.0,
    }
}

/// The warnings of a row where none is sealed; nothing when they cannot be read.
fn warnings_of(row: &Row) -> Option<Vec<Warning>> {
    let mut warnings: Vec<Warning> =
        if row.warnings.is_empty_list() { Vec::new() } else { row.warnings.read().ok()? };
    gravest_first(&mut warnings);
    Some(warnings)
}

/// The content as far as it opens and its reader may see it.
fn opened(row: &Row, kind: Option<&Kind>, keys: &Keys, sees_sensitive: bool) -> Readable {
    let content = row.content(keys);
    if let Err(cause) = &content {
        tracing::error!(record = %row.id, cause = cause::told(cause.as_ref()), "a record does not open");
    }
    let understood = kind.is_some() && content.is_ok();
    let content = content.unwrap_or_default();
    // What a kind means that is not known here cannot be told apart from what is sensitive.
    let payload = match kind {
        Some(kind) => content.payload.visible(kind, sees_sensitive),
        None if sees_sensitive => content.payload.merged(),
        None => Map::new(),
    };
    Readable { payload: Body::Read(payload), warnings: content.warnings, understood }
}
