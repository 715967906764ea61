//! What a payload points to: photos and other records.

use domain::catalogue::Kind;
use domain::catalogue::field::{Referred, Shape};
use domain::id::{PhotoId, RecordId};
use sea_orm::ConnectionTrait;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::store;
use crate::db::entities::handbook;
use crate::error::ApiError;

/// What a payload points to: photos and records, each with its place in the body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pointers {
    /// Photos and signatures.
    pub photos: Vec<PhotoId>,
    /// Other records, with the place of the field.
    pub records: Vec<(String, RecordId)>,
}

/// Collects what a checked payload points to.
pub fn pointers(kind: &Kind, payload: &Map<String, Json>) -> Pointers {
    let mut found = Pointers::default();
    for field in &kind.fields {
        let referred = match &field.shape {
            Shape::Reference(referred) | Shape::References { referred, .. } => *referred,
            _ => continue,
        };
        let objects: Vec<(String, &Map<String, Json>)> = match kind.repeating(field) {
            None => vec![(String::new(), payload)],
            Some(group) => payload
                .get(&group.key)
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
                .enumerate()
                .filter_map(|(at, item)| Some((format!("/{}/{at}", group.key), item.as_object()?)))
                .collect(),
        };
        for (place, object) in objects {
            let ids = object.get(&field.key).into_iter().flat_map(ids_in);
            match referred {
                Referred::Attachment | Referred::Signature => found.photos.extend(ids.map(PhotoId)),
                Referred::Record => {
                    let pointer = format!("/payload{place}/{}", field.key);
                    found.records.extend(ids.map(|id| (pointer.clone(), RecordId(id))));
                }
            }
        }
    }
    found
}

fn ids_in(value: &Json) -> Vec<Uuid> {
    let texts: Vec<&str> = match value {
        Json::String(text) => vec![text],
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    texts.into_iter().filter_map(|text| Uuid::try_parse(text).ok()).collect()
}

/// Refuses a payload that points to a record which is not there.
pub async fn must_exist(
    db: &impl ConnectionTrait,
    handbook: &handbook::Model,
    records: &[(String, RecordId)],
) -> Result<(), ApiError> {
    for (pointer, id) in records {
        if store::count_live(db, handbook.id, &[*id]).await? == 0 {
            return Err(ApiError::field(
                pointer,
                "unknown_record",
                "手册中没有这条记录。",
                "This handbook has no such record.",
            ));
        }
    }
    Ok(())
}
