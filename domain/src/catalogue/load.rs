//! From files to the catalogue: what the kinds share first, then the kinds, then who writes them.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::bands::{Bands, Milestone};
use super::compile::{Shared, compile, read};
use super::facts::Facts;
use super::field::{Choice, Unit};
use super::file::{ChoiceFile, FactFile, FactsFile, GrantsFile, KindFile, SourcesFile, TableFile, UnitsFile};
use super::kind::{Kind, WrittenBy};
use super::value::Type;
use super::{Catalogue, FactNote, Grant, LoadError};
use crate::text::Label;

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

/// The catalogue that files make, by their path under `domain/data`.
pub(super) fn load(files: &BTreeMap<String, String>) -> Result<Catalogue, LoadError> {
    let mut loader = Loader { files, problems: Vec::new() };
    let catalogue = loader.catalogue();
    if loader.problems.is_empty() { Ok(catalogue) } else { Err(LoadError { problems: loader.problems }) }
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
            .map(|fact| FactNote { name: fact.name, label: Label { zh: fact.zh, en: fact.en } })
            .collect();
        Catalogue { kinds, grants, bands, facts, edition: fingerprint(self.files) }
    }

    fn single<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let Some(text) = self.files.get(name) else {
            self.problems.push(format!("{name}: is missing"));
            return None;
        };
        self.parsed(name, text)
    }

    fn parsed<T: DeserializeOwned>(&mut self, name: &str, text: &str) -> Option<T> {
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

    fn shared(&mut self, facts: &[FactFile]) -> Shared {
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

    fn facts(&mut self) -> Vec<FactFile> {
        let facts = self.single("facts.toml").map(|file: FactsFile| file.facts).unwrap_or_default();
        for fact in Facts::MEMBERS {
            if !facts.iter().any(|named| named.name == fact.name) {
                self.problems.push(format!("facts.toml: `{}` is not explained", fact.name));
            }
        }
        facts
    }

    fn check_fact(&mut self, fact: &FactFile, units: &BTreeMap<String, Unit>) {
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

    fn milestones(&mut self) -> Vec<Milestone> {
        #[derive(serde::Deserialize)]
        struct MilestonesFile {
            row: Vec<Milestone>,
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
