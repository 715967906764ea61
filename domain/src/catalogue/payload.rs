//! The content of a record after it was checked, in two parts: one that is stored as it is, one that is encrypted.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::kind::{Kind, Level};
use crate::text::{Label, Language};

/// Content that passed its kind: made by [`super::Draft::judge`], or read back from where that was stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Payload {
    plain: Map<String, Json>,
    sealed: Map<String, Json>,
}

impl Payload {
    pub(super) fn checked(plain: Map<String, Json>, sealed: Map<String, Json>) -> Self {
        Self { plain, sealed }
    }

    /// Puts together what was stored; it was checked when it was written.
    pub fn stored(plain: Map<String, Json>, sealed: Map<String, Json>) -> Self {
        Self { plain, sealed }
    }

    /// Structured fields, with computed ones and what the server filled, without what follows.
    pub fn plain(&self) -> &Map<String, Json> {
        &self.plain
    }

    /// Sensitive fields, free text, and who somebody is: to be encrypted.
    pub fn sealed(&self) -> &Map<String, Json> {
        &self.sealed
    }

    /// Both parts together; items of repeating groups are joined one by one.
    pub fn merged(&self) -> Map<String, Json> {
        let mut merged = self.plain.clone();
        for (key, sealed) in &self.sealed {
            match (merged.get_mut(key), sealed) {
                (Some(Json::Array(items)), Json::Array(sealed)) => join_items(items, sealed),
                _ => {
                    merged.insert(key.clone(), sealed.clone());
                }
            }
        }
        merged
    }

    /// What a reader sees: everything, or everything that is not sensitive. A field that the kind does not know (a newer
    /// edition wrote it) counts as sensitive.
    pub fn visible(&self, kind: &Kind, may_see_sensitive: bool) -> Map<String, Json> {
        let mut visible = self.merged();
        if may_see_sensitive {
            return visible;
        }
        let is_shown = |key: &str| kind.field(key).is_some_and(|field| !field.sensitive);
        let is_group = |key: &str| kind.group(key).is_some_and(|group| group.repeat.is_some());
        visible.retain(|key, _| is_shown(key) || is_group(key));
        for (_, value) in visible.iter_mut().filter(|(key, _)| is_group(key)) {
            for item in value.as_array_mut().into_iter().flatten().filter_map(Json::as_object_mut) {
                item.retain(|key, _| is_shown(key));
            }
        }
        visible
    }
}

fn join_items(items: &mut [Json], sealed: &[Json]) {
    for (item, sealed) in items.iter_mut().zip(sealed) {
        if let (Some(item), Some(sealed)) = (item.as_object_mut(), sealed.as_object()) {
            item.extend(sealed.clone());
        }
    }
}

/// Something to tell about a record that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Id of the rule, or `<field>.<limit>` for a limit of a field.
    pub id: String,
    /// JSON pointer to the item or field, relative to the payload; none for the record.
    pub pointer: Option<String>,
    /// How it is meant.
    pub level: Level,
    /// What to do.
    #[serde(flatten)]
    pub label: Label,
    /// A danger sign: the managing institution is told, unless the entry is private.
    pub alert: bool,
    /// Says something about a sensitive field; shown only to who may see it.
    pub sensitive: bool,
}

impl Warning {
    /// The text in one language.
    pub fn text(&self, language: Language) -> &str {
        self.label.get(language)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(json: Json) -> Map<String, Json> {
        json.as_object().unwrap().clone()
    }

    #[test]
    fn items_are_joined_one_by_one() {
        let payload = Payload::stored(
            map(json!({"fetus_count": 2, "newborn": [{"baby_order": 1}, {"baby_order": 2}]})),
            map(json!({"newborn": [{}, {"birth_cert_no": "A1"}], "org": "县医院"})),
        );
        assert_eq!(
            Json::Object(payload.merged()),
            json!({
                "fetus_count": 2,
                "newborn": [{"baby_order": 1}, {"baby_order": 2, "birth_cert_no": "A1"}],
                "org": "县医院"
            })
        );
    }
}
