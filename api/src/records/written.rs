//! What is answered to whoever wrote a record: its id and version, what there is to tell, and in danger whom to call.

use domain::catalogue::kind::Level;
use domain::catalogue::{Catalogue, Kind, Warning};
use domain::id::{InstitutionId, PhotoId, RecordId};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::Told;
use crate::db::entities::record;
use crate::error::ApiError;
use crate::offices::institutions;
use crate::problem::Language;

/// Number of the emergency service, and how it is called.
const EMERGENCY: (&str, &str, &str) = ("急救电话", "Emergency service", "120");

/// A record that was written.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WrittenRecord)]
pub struct Written {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub id: RecordId,
    /// Version, for the next change.
    pub version: i32,
    /// What there is to tell about it, the gravest first.
    pub warnings: Vec<Told>,
    /// There is a danger sign in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub danger: Option<Danger>,
}

/// What to do at once, and whom to call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecordDanger)]
pub struct Danger {
    /// What to do.
    pub text: String,
    /// Whom to call, the emergency service first.
    pub call: Vec<Contact>,
    /// Whether the managing institution sees the sign. It does not where the entry is private or the family does not share
    /// its entries: then nobody else is told, and it is for the family to call.
    pub institution_told: bool,
}

/// Somebody to call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DangerContact)]
pub struct Contact {
    /// Who.
    pub name: String,
    /// Phone number.
    pub phone: String,
}

/// A record after a change that leaves its content alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangedRecord)]
pub struct AfterChange {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub id: RecordId,
    /// Version, for the next change.
    pub version: i32,
}

impl Written {
    /// The answer to the family: a danger sign names the managing institution.
    pub async fn to_family(
        db: &impl ConnectionTrait,
        row: (RecordId, i32),
        warnings: &[Warning],
        (managing, institution_told): (InstitutionId, bool),
        language: Language,
    ) -> Result<Self, ApiError> {
        let told = Told::visible(warnings, true, language);
        let danger = match in_danger(warnings, language) {
            Some(text) => {
                let text = if institution_told { text } else { format!("{text}\n{}", nobody_told(language)) };
                Some(Danger { text, call: contacts(db, managing, language).await?, institution_told })
            }
            None => None,
        };
        Ok(Self { id: row.0, version: row.1, warnings: told, danger })
    }

    /// The answer to a clinician, who knows whom to call.
    pub fn to_clinician(row: (RecordId, i32), warnings: &[Warning], language: Language) -> Self {
        Self { id: row.0, version: row.1, warnings: Told::visible(warnings, true, language), danger: None }
    }
}

/// What is said where a danger sign is told to the family alone.
fn nobody_told(language: Language) -> &'static str {
    language.of(
        "这条记录医务人员看不到，没有通知任何机构，请您自己联系。",
        "Clinicians do not see this entry and nobody else was told: call yourself.",
    )
}

/// What to do at once, if anything is dangerous.
fn in_danger(warnings: &[Warning], language: Language) -> Option<String> {
    let dangers = warnings.iter().filter(|warning| warning.alert || warning.level == Level::Emergency);
    let texts: Vec<String> = dangers.map(|warning| Told::of(warning, language).text).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

async fn contacts(
    db: &impl ConnectionTrait,
    managing: InstitutionId,
    language: Language,
) -> Result<Vec<Contact>, ApiError> {
    let (zh, en, number) = EMERGENCY;
    let mut contacts = vec![Contact { name: language.of(zh, en).to_owned(), phone: number.to_owned() }];
    let institution = institutions::store::find(db, managing).await?;
    let reachable = institution.filter(|institution| !institution.phone.is_empty());
    contacts.extend(reachable.map(|known| Contact { name: known.name, phone: known.phone }));
    Ok(contacts)
}

/// Photos that hang on a record: those of its body, and those that its payload points to.
pub fn photos_together(named: &[PhotoId], pointed: Vec<PhotoId>) -> Vec<PhotoId> {
    let mut photos = named.to_vec();
    photos.extend(pointed);
    let mut seen = std::collections::HashSet::new();
    photos.retain(|photo| seen.insert(*photo));
    photos
}

/// The kind of a stored record in its edition; a newer server wrote one that is not known here.
pub fn kind_of_row<'k>(catalogue: &'k Catalogue, row: &record::Model) -> Result<&'k Kind, ApiError> {
    catalogue
        .kind_in_edition(&row.kind, &row.edition)
        .ok_or_else(|| super::form::unknown_kind(&row.kind, row.occurred_on))
}
