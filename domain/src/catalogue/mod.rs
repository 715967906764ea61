//! The catalogue: every kind of record as data, in dated editions, with what it takes to check, warn, draw and describe it.
//!
//! The data files are in `domain/data`; a new page of the handbook is a new file there. Persistence, rights and the clock
//! are left to the caller.

mod bands;
mod compile;
mod expression;
pub mod facts;
mod fault;
pub mod field;
mod file;
mod history;
pub mod kind;
pub mod lift;
mod number;
mod payload;
mod present;
mod rule;
mod schema;
mod sources;
mod validate;
mod value;
mod who_writes;

use std::collections::BTreeMap;

use chrono::NaiveDate;

pub use bands::Bands;
pub use facts::Facts;
pub use fault::{Expected, Fault, FieldError, OptionName, Range};
pub use field::Field;
pub use history::{ChildSetting, Needed, PregnancySetting, Setting, facts_of, history_for};
pub use kind::Kind;
pub use lift::{Lifted, lift};
pub use number::Number;
pub use payload::{Payload, Warning};
pub use sources::{Couple, Sources, Spouse};
pub use validate::{Checked, Context, Draft};
pub use who_writes::Grant;

use crate::access::Role;
use crate::institution::AgencyClasses;
use compile::{Shared, compile, read};
use field::Choice;
use file::{ChoiceFile, FactsFile, GrantsFile, KindFile, SourcesFile, TableFile, UnitsFile};
use kind::WrittenBy;
use value::Type;

/// Every kind of record, in all its editions.
#[derive(Debug)]
pub struct Catalogue {
    /// Editions by key, the earliest first.
    kinds: BTreeMap<String, Vec<Kind>>,
    grants: Vec<Grant>,
    bands: Bands,
    facts: Vec<FactNote>,
    edition: String,
}

/// What a fact of the fixed list means.
#[derive(Debug, Clone)]
pub struct FactNote {
    /// Name in rules.
    pub name: String,
    /// What it is.
    pub label: crate::text::Label,
}

/// The data files do not make a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the catalogue has {} problem(s):\n{}", .problems.len(), .problems.join("\n"))]
pub struct LoadError {
    /// Each with the file and the place in it.
    pub problems: Vec<String>,
}

#[derive(rust_embed::Embed)]
#[folder = "data/catalogue"]
#[prefix = "catalogue/"]
struct KindFiles;

#[derive(rust_embed::Embed)]
#[folder = "data/tables"]
#[prefix = "tables/"]
struct TableFiles;

const SINGLE_FILES: [(&str, &str); 6] = [
    ("units.toml", include_str!("../../data/units.toml")),
    ("sources.toml", include_str!("../../data/sources.toml")),
    ("options.toml", include_str!("../../data/options.toml")),
    ("facts.toml", include_str!("../../data/facts.toml")),
    ("bands.toml", include_str!("../../data/bands.toml")),
    ("who_writes.toml", include_str!("../../data/who_writes.toml")),
];

/// The data files of this build, by their path under `domain/data`.
pub fn embedded_files() -> impl Iterator<Item = (String, String)> {
    let text = |file: rust_embed::EmbeddedFile| String::from_utf8_lossy(&file.data).into_owned();
    let kinds =
        KindFiles::iter().filter_map(move |name| Some((name.to_string(), text(KindFiles::get(&name)?))));
    let tables =
        TableFiles::iter().filter_map(move |name| Some((name.to_string(), text(TableFiles::get(&name)?))));
    let single = SINGLE_FILES.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned()));
    single.chain(tables).chain(kinds)
}

impl Catalogue {
    /// The catalogue of this build.
    pub fn embedded() -> Result<Self, LoadError> {
        Self::load(embedded_files())
    }

    /// A catalogue from files by their path under `domain/data`; a county's own file is chained to the embedded ones.
    pub fn load(files: impl Iterator<Item = (String, String)>) -> Result<Self, LoadError> {
        let files: BTreeMap<String, String> = files.collect();
        let mut loader = Loader { files: &files, problems: Vec::new() };
        let catalogue = loader.catalogue();
        if loader.problems.is_empty() { Ok(catalogue) } else { Err(LoadError { problems: loader.problems }) }
    }

    /// The edition of a kind that is written on a day.
    pub fn kind(&self, key: &str, on: NaiveDate) -> Option<&Kind> {
        self.kinds.get(key)?.iter().find(|kind| kind.is_in_force(on))
    }

    /// A kind in the edition in which a stored record was written.
    pub fn kind_in_edition(&self, key: &str, edition: &str) -> Option<&Kind> {
        self.kinds.get(key)?.iter().find(|kind| kind.edition == edition)
    }

    /// Every edition of every kind, by key and then by date.
    pub fn all(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.values().flatten()
    }

    /// The kinds that are written on a day.
    pub fn in_force(&self, on: NaiveDate) -> impl Iterator<Item = &Kind> {
        self.all().filter(move |kind| kind.is_in_force(on))
    }

    /// A hash of all files: the same data, the same edition (for an ETag).
    pub fn edition(&self) -> &str {
        &self.edition
    }

    /// May staff with these roles at an institution of these classes write this clinical kind? The row says whether only
    /// by delegation.
    pub fn may_write(&self, roles: &[Role], classes: &AgencyClasses, kind: &str) -> Option<&Grant> {
        who_writes::grant_for(&self.grants, roles, |class| classes.contains(&class), kind)
    }

    /// Who writes what.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Bands and items that facts are computed with.
    pub fn bands(&self) -> &Bands {
        &self.bands
    }

    /// The fixed list of facts.
    pub fn fact_notes(&self) -> &[FactNote] {
        &self.facts
    }

    /// Every fact that needs no tables of growth or risk; see [`facts_of`].
    pub fn facts_of(&self, history: &[Lifted], this: &Lifted, setting: &Setting) -> Facts {
        facts_of(history, this, setting, &self.bands)
    }
}

struct Loader<'f> {
    files: &'f BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Loader<'_> {
    fn catalogue(&mut self) -> Catalogue {
        let facts = self.facts();
        let shared = self.shared(&facts);
        let milestones = self.milestones();
        let bands = self.single("bands.toml").map(|file| Bands::new(file, milestones)).unwrap_or_default();
        let kinds = self.kinds(&shared);
        let grants = self.grants(&kinds);
        let facts = facts
            .into_iter()
            .map(|fact| FactNote { name: fact.name, label: crate::text::Label { zh: fact.zh, en: fact.en } })
            .collect();
        Catalogue { kinds, grants, bands, facts, edition: fingerprint(self.files) }
    }

    fn single<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let Some(text) = self.files.get(name) else {
            self.problems.push(format!("{name}: is missing"));
            return None;
        };
        self.parsed(name, text)
    }

    fn parsed<T: serde::de::DeserializeOwned>(&mut self, name: &str, text: &str) -> Option<T> {
        let parsed = read(text);
        self.kept(name, parsed)
    }

    /// Keeps what is right and notes under the file's name what is not.
    fn kept<T>(&mut self, name: &str, result: Result<T, Vec<String>>) -> Option<T> {
        result
            .map_err(|problems| {
                self.problems.extend(problems.iter().map(|problem| format!("{name}: {problem}")))
            })
            .ok()
    }

    fn shared(&mut self, facts: &[file::FactFile]) -> Shared {
        let units: Option<UnitsFile> = self.single("units.toml");
        let documents: Option<SourcesFile> = self.single("sources.toml");
        let options: Option<BTreeMap<String, Vec<ChoiceFile>>> = self.single("options.toml");
        let units =
            units.into_iter().flat_map(|file| file.units).map(|unit| (unit.code.clone(), unit)).collect();
        for fact in facts {
            self.check_fact(fact, &units);
        }
        Shared {
            units,
            documents: documents
                .into_iter()
                .flat_map(|file| file.documents)
                .map(|document| (document.key.clone(), document))
                .collect(),
            options: options
                .into_iter()
                .flatten()
                .map(|(name, options)| (name, options.into_iter().map(Choice::from).collect()))
                .collect(),
            tables: self.tables(),
            fact_values: facts
                .iter()
                .filter_map(|fact| Some((fact.name.clone(), fact.values.clone()?)))
                .collect(),
        }
    }

    fn facts(&mut self) -> Vec<file::FactFile> {
        let facts = self.single("facts.toml").map(|file: FactsFile| file.facts).unwrap_or_default();
        for fact in Facts::MEMBERS {
            if !facts.iter().any(|named| named.name == fact.name) {
                self.problems.push(format!("facts.toml: `{}` is not explained", fact.name));
            }
        }
        facts
    }

    fn check_fact(&mut self, fact: &file::FactFile, units: &BTreeMap<String, field::Unit>) {
        let problem = match Facts::member(&fact.name) {
            None => Some("is no fact that the server computes".to_owned()),
            Some(known) if known.shape.word() != fact.shape => {
                Some(format!("is of type {}", known.shape.word()))
            }
            Some(known) => {
                let is_number = matches!(known.shape, Type::Whole | Type::Decimal);
                let unit_fits =
                    fact.unit.as_ref().map_or(!is_number, |unit| is_number && units.contains_key(unit));
                (!unit_fits).then(|| "a number has a unit of units.toml, and nothing else has one".to_owned())
            }
        };
        self.problems.extend(problem.map(|problem| format!("facts.toml: `{}` {problem}", fact.name)));
    }

    fn under(&self, folder: &str) -> Vec<(String, String)> {
        let files = self.files.iter().filter(|(name, _)| name.starts_with(folder));
        files.map(|(name, text)| (name.clone(), text.clone())).collect()
    }

    fn tables(&mut self) -> BTreeMap<String, Vec<Choice>> {
        let mut tables = BTreeMap::new();
        for (name, text) in self.under("tables/") {
            let Some(file) = self.parsed::<TableFile>(&name, &text) else { continue };
            let rows = file.rows.into_iter().map(|row| Choice {
                key: row.key,
                code: row.code.to_string(),
                zh: row.zh,
                en: row.en,
                exclusive: false,
                heading: row.heading,
            });
            tables.insert(
                name.trim_start_matches("tables/").trim_end_matches(".toml").to_owned(),
                rows.collect(),
            );
        }
        tables
    }

    fn milestones(&mut self) -> Vec<bands::Milestone> {
        #[derive(serde::Deserialize)]
        struct MilestonesFile {
            row: Vec<bands::Milestone>,
        }
        self.single("tables/milestones.toml").map(|file: MilestonesFile| file.row).unwrap_or_default()
    }

    fn kinds(&mut self, shared: &Shared) -> BTreeMap<String, Vec<Kind>> {
        let mut kinds: BTreeMap<String, Vec<Kind>> = BTreeMap::new();
        for (name, text) in self.under("catalogue/") {
            let Some(file) = self.parsed::<KindFile>(&name, &text) else { continue };
            let Some(kind) = self.kept(&name, compile(file, shared)) else { continue };
            kinds.entry(kind.key.clone()).or_default().push(kind);
        }
        for editions in kinds.values_mut() {
            editions.sort_by_key(|kind| kind.in_force_from);
            self.check_editions(editions);
        }
        kinds
    }

    /// On every day at most one edition is in force, and a kind never changes sides.
    fn check_editions(&mut self, editions: &[Kind]) {
        for (earlier, later) in editions.iter().zip(editions.iter().skip(1)) {
            let ends = earlier.in_force_until.is_some_and(|until| until < later.in_force_from);
            if !ends {
                let (from, to) = (&earlier.edition, &later.edition);
                self.problems
                    .push(format!("{}: edition {from} is still in force when {to} begins", later.key));
            }
            if earlier.written_by != later.written_by || earlier.edition == later.edition {
                self.problems
                    .push(format!("{}: an edition has a code of its own and the same writer", later.key));
            }
        }
    }

    fn grants(&mut self, kinds: &BTreeMap<String, Vec<Kind>>) -> Vec<Grant> {
        let file: Option<GrantsFile> = self.single("who_writes.toml");
        let grants: Vec<Grant> = file
            .into_iter()
            .flat_map(|file| file.grants)
            .map(|grant| Grant {
                role: grant.role,
                class: grant.class,
                delegated: grant.delegated,
                kinds: grant.kinds,
            })
            .collect();
        let is_clinical = |key: &String| {
            kinds
                .get(key)
                .and_then(|editions| editions.first())
                .is_some_and(|kind| kind.written_by == WrittenBy::Clinician)
        };
        for grant in &grants {
            for unknown in grant.kinds.iter().filter(|key| !is_clinical(key)) {
                let (role, class) = (grant.role, grant.class);
                self.problems
                    .push(format!("who_writes.toml: {role} at {class}: `{unknown}` is no clinical kind"));
            }
        }
        for key in kinds.keys().filter(|key| is_clinical(key)) {
            if !grants.iter().any(|grant| grant.kinds.contains(key)) {
                self.problems.push(format!("who_writes.toml: nobody may write `{key}`"));
            }
        }
        grants
    }
}

/// FNV-1a over names and texts: stable over builds and machines; it tells versions apart and guards nothing.
fn fingerprint(files: &BTreeMap<String, String>) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bytes = files.iter().flat_map(|(name, text)| name.bytes().chain([0]).chain(text.bytes()).chain([0]));
    format!("{:032x}", bytes.fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::start_of_day;

    fn embedded() -> Catalogue {
        Catalogue::embedded().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn every_file_loads_and_every_example_is_accepted() {
        let catalogue = embedded();
        let mut problems = Vec::new();
        for kind in catalogue.all() {
            if kind.examples.is_empty() {
                problems.push(format!("{}: has no example", kind.key));
            }
            for example in &kind.examples {
                let context =
                    Context::new(start_of_day(example.on) + chrono::TimeDelta::hours(23), example.on);
                let nobody_pregnant = Facts { pregnant: Some(false), ..Facts::default() };
                let checked = kind
                    .read(&example.payload, &context)
                    .and_then(|draft| draft.judge(&nobody_pregnant, &[]));
                if let Err(errors) = checked {
                    let told = errors.iter().map(|error| {
                        format!(
                            "{} {} {}",
                            kind.key,
                            error.pointer,
                            error.message(crate::text::Language::English)
                        )
                    });
                    problems.extend(told);
                }
            }
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        assert_eq!(catalogue.all().count(), 53);
    }
}
