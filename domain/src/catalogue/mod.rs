//! The catalogue: every kind of record as data, in dated editions, with what it takes to check, warn, draw and describe.
//!
//! The data files are in `domain/data`; a new page of the handbook is a new file there. Persistence, rights and the
//! clock are left to the caller.

mod bands;
mod compile;
mod content;
mod expression;
pub mod facts;
mod fault;
pub mod field;
mod file;
mod ground;
mod history;
mod judge;
pub mod kind;
pub mod lift;
mod load;
mod number;
mod payload;
mod present;
mod read;
mod rule;
mod schema;
mod sources;
#[cfg(test)]
mod tests;
mod validate;
mod value;
pub mod weight_before;
mod who_writes;

use std::collections::BTreeMap;

use chrono::NaiveDate;

pub use bands::TotalGain;
pub use facts::Facts;
pub use fault::{Expected, Fault, FieldError, OptionName, Range};
pub use field::Field;
pub use history::{ChildSetting, Needed, PregnancySetting, Setting, history_for};
pub use kind::Kind;
pub use lift::{Lifted, lift};
pub use load::embedded_files;
pub use number::Number;
pub use payload::{Payload, Warning};
pub use sources::{Couple, Sources, Spouse};
pub use validate::{Checked, Context, Draft};
pub use who_writes::Grant;

use crate::access::Role;
use crate::institution::AgencyClasses;
use crate::text::Label;
use bands::Bands;

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
#[derive(Debug, serde::Serialize)]
struct FactNote {
    name: String,
    #[serde(flatten)]
    label: Label,
}

/// The data files do not make a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the catalogue has {} problem(s):\n{}", .problems.len(), .problems.join("\n"))]
pub struct LoadError {
    /// Each with the file and the place in it.
    pub problems: Vec<String>,
}

impl Catalogue {
    /// The catalogue of this build.
    pub fn embedded() -> Result<Self, LoadError> {
        Self::load(embedded_files())
    }

    /// A catalogue from files by their path under `domain/data`; a county's own file is chained to the embedded ones.
    pub fn load(files: impl Iterator<Item = (String, String)>) -> Result<Self, LoadError> {
        load::load(&files.collect())
    }

    /// What a woman is to gain in a pregnancy, by her weight before it in grams and her height in millimetres (WS/T 801-2022).
    pub fn total_gain(&self, weight_before_g: i64, height_mm: i64) -> Option<TotalGain> {
        self.bands.total_gain(history::index_of(weight_before_g, height_mm)?)
    }

    /// The edition of a kind that is written on a day.
    pub fn kind(&self, key: &str, on: NaiveDate) -> Option<&Kind> {
        self.kinds.get(key)?.iter().find(|kind| kind.is_in_force(on))
    }

    /// Is or was there a kind with this key?
    pub fn has(&self, key: &str) -> bool {
        self.kinds.contains_key(key)
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

    /// Every fact that needs no tables of growth or risk. `history` holds earlier live records of the same subject, in
    /// any order, at least those that [`history_for`] names; `this` is the record that is judged.
    pub fn facts_of(&self, history: &[Lifted], this: &Lifted, setting: &Setting) -> Facts {
        history::facts_of(history, this, setting, &self.bands)
    }
}
