//! The TOML form of the data files, exactly as it is written.

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer};

use super::field::{Referred, Unit};
use super::kind::{Chapter, Document, Grain, Level, Mode, Repeat, Stage, WrittenBy};
use super::number::Number;
use crate::access::Role;
use crate::institution::AgencyClass;
use crate::record::SubjectKind;
use crate::text::Label;

/// One edition of one kind: `catalogue/family/*.toml`, `catalogue/clinician/*.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KindFile {
    pub(super) key: String,
    pub(super) edition: String,
    #[serde(deserialize_with = "day")]
    pub(super) in_force_from: NaiveDate,
    #[serde(default, deserialize_with = "some_day")]
    pub(super) in_force_until: Option<NaiveDate>,
    pub(super) zh: String,
    pub(super) en: String,
    pub(super) written_by: WrittenBy,
    pub(super) subjects: Vec<SubjectKind>,
    pub(super) stages: Vec<Stage>,
    pub(super) chapter: Chapter,
    pub(super) grain: Grain,
    pub(super) occurred: Option<String>,
    #[serde(default)]
    pub(super) about_birth: bool,
    #[serde(default)]
    pub(super) after_death: bool,
    pub(super) sources: Vec<String>,
    pub(super) note: Option<String>,
    #[serde(default, rename = "group")]
    pub(super) groups: Vec<GroupFile>,
    #[serde(rename = "field")]
    pub(super) fields: Vec<FieldFile>,
    #[serde(default, rename = "reject")]
    pub(super) rejects: Vec<RejectFile>,
    #[serde(default, rename = "warning")]
    pub(super) warnings: Vec<WarningFile>,
    #[serde(default, rename = "example")]
    pub(super) examples: Vec<ExampleFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupFile {
    pub(super) key: String,
    pub(super) zh: String,
    pub(super) en: String,
    pub(super) repeat: Option<Repeat>,
    pub(super) min: Option<usize>,
    pub(super) max: Option<usize>,
    pub(super) count: Option<String>,
    pub(super) unique: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldFile {
    pub(super) key: String,
    pub(super) zh: String,
    pub(super) en: String,
    pub(super) group: Option<String>,
    #[serde(rename = "type")]
    pub(super) shape: TypeWord,
    pub(super) unit: Option<String>,
    pub(super) decimals: Option<u32>,
    #[serde(default)]
    pub(super) required: bool,
    pub(super) required_when: Option<String>,
    pub(super) when: Option<String>,
    pub(super) reject_below: Option<Number>,
    pub(super) reject_above: Option<Number>,
    pub(super) warn_below: Option<Number>,
    pub(super) warn_at_or_below: Option<Number>,
    pub(super) warn_at_or_above: Option<Number>,
    pub(super) warn_above: Option<Number>,
    #[serde(default)]
    pub(super) alt_units: Vec<AlternativeFile>,
    pub(super) max_length: Option<usize>,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,
    pub(super) options: Option<OptionsFile>,
    pub(super) options_from: Option<String>,
    pub(super) format: Option<Referred>,
    pub(super) precision: Option<Precision>,
    #[serde(default)]
    pub(super) future: bool,
    pub(super) not_before: Option<String>,
    pub(super) source: Option<String>,
    pub(super) derived: Option<String>,
    #[serde(default)]
    pub(super) sensitive: bool,
    #[serde(default)]
    pub(super) star: bool,
    pub(super) note: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
pub(super) enum TypeWord {
    #[serde(rename = "integer")]
    Integer,
    #[serde(rename = "decimal")]
    Decimal,
    #[serde(rename = "text")]
    Text,
    #[serde(rename = "list(text)")]
    Texts,
    #[serde(rename = "enum")]
    Choice,
    #[serde(rename = "list(enum)")]
    Choices,
    #[serde(rename = "date")]
    Date,
    #[serde(rename = "datetime")]
    Instant,
    #[serde(rename = "bool")]
    Bool,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Precision {
    Month,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlternativeFile {
    pub(super) unit: String,
    pub(super) factor: Number,
}

/// Options of a field: the name of a list that several fields share, or the list itself.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum OptionsFile {
    Shared(String),
    Own(Vec<ChoiceFile>),
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct ChoiceFile {
    pub(super) key: String,
    pub(super) code: Code,
    pub(super) zh: String,
    pub(super) en: String,
    #[serde(default)]
    pub(super) exclusive: bool,
}

/// A printed code: a number on most forms, a text such as `3.10` in the tables of risk items.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub(super) enum Code {
    Number(i64),
    Text(String),
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RejectFile {
    pub(super) id: String,
    pub(super) when: String,
    pub(super) mode: Mode,
    pub(super) field: Option<String>,
    pub(super) zh: String,
    pub(super) en: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WarningFile {
    pub(super) id: String,
    pub(super) when: String,
    pub(super) level: Level,
    pub(super) zh: String,
    pub(super) en: String,
    #[serde(default)]
    pub(super) alert: bool,
    #[serde(default)]
    pub(super) instead_of: Vec<String>,
    #[serde(default)]
    pub(super) sources: Vec<String>,
    pub(super) needs: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExampleFile {
    #[serde(deserialize_with = "day")]
    pub(super) on: NaiveDate,
    pub(super) payload: serde_json::Map<String, serde_json::Value>,
}

/// `units.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitsFile {
    #[serde(rename = "unit")]
    pub(super) units: Vec<Unit>,
}

/// `sources.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourcesFile {
    #[serde(rename = "document")]
    pub(super) documents: Vec<Document>,
}

/// `facts.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactsFile {
    #[serde(rename = "fact")]
    pub(super) facts: Vec<FactFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactFile {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) shape: String,
    pub(super) unit: Option<String>,
    pub(super) zh: String,
    pub(super) en: String,
    pub(super) values: Option<Vec<String>>,
}

/// `tables/*.toml`: rows that a field offers as options; other columns are for the rules that read the table.
#[derive(Deserialize)]
pub(super) struct TableFile {
    #[serde(rename = "row")]
    pub(super) rows: Vec<RowFile>,
}

#[derive(Deserialize)]
pub(super) struct RowFile {
    pub(super) key: String,
    pub(super) code: Code,
    pub(super) zh: String,
    pub(super) en: String,
    pub(super) heading: Option<Label>,
}

/// `who_writes.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantsFile {
    #[serde(rename = "grant")]
    pub(super) grants: Vec<GrantFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantFile {
    pub(super) role: Role,
    pub(super) class: AgencyClass,
    #[serde(default)]
    pub(super) delegated: bool,
    pub(super) kinds: Vec<String>,
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let written = toml::value::Datetime::deserialize(deserializer)?;
    written.to_string().parse().map_err(serde::de::Error::custom)
}

fn some_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    day(deserializer).map(Some)
}
