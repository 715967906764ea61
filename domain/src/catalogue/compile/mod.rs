//! A file becomes a kind, or a list of everything that is wrong with it.
//!
//! What a field holds is in `shape.rs`, what rules mean in `rules.rs`, what must fit together in `check.rs`.

mod check;
mod rules;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::field::{Choice, Field, Filled, Origin, Shape, Unit};
use super::file::{ChoiceFile, FieldFile, GroupFile, KindFile};
use super::kind::{Document, Example, Group, Kind, Stage};
use super::sources::Source;
use crate::record::SubjectKind;
use crate::text::Label;

/// What kinds refer to by name.
#[derive(Debug, Default)]
pub(in crate::catalogue) struct Shared {
    pub(in crate::catalogue) units: BTreeMap<String, Unit>,
    pub(in crate::catalogue) documents: BTreeMap<String, Document>,
    pub(in crate::catalogue) options: BTreeMap<String, Vec<Choice>>,
    pub(in crate::catalogue) tables: BTreeMap<String, Vec<Choice>>,
    /// The words that a fact of type text or list may hold.
    pub(in crate::catalogue) fact_values: BTreeMap<String, Vec<String>>,
}

/// Reads a TOML file; the problem names the line.
pub(in crate::catalogue) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Vec<String>> {
    toml::from_str(text).map_err(|error| vec![error.to_string()])
}

/// Compiles one file.
pub(in crate::catalogue) fn compile(file: KindFile, shared: &Shared) -> Result<Kind, Vec<String>> {
    let mut workshop = Workshop { shared, problems: Vec::new() };
    let kind = workshop.kind(file);
    if workshop.problems.is_empty() { Ok(kind) } else { Err(workshop.problems) }
}

struct Workshop<'s> {
    shared: &'s Shared,
    problems: Vec<String>,
}

/// The rules of a field as they were written, until the names of all fields are known.
struct Written {
    when: Option<String>,
    required_when: Option<String>,
    derived: Option<String>,
}

impl Workshop<'_> {
    fn problem(&mut self, where_: &str, what: impl std::fmt::Display) {
        self.problems.push(format!("{where_}: {what}"));
    }

    fn kind(&mut self, file: KindFile) -> Kind {
        let groups: Vec<Group> = file.groups.into_iter().map(|group| self.group(group)).collect();
        let mut kind = Kind {
            label: self.label("title", file.zh, file.en),
            key: file.key,
            edition: file.edition,
            in_force_from: file.in_force_from,
            in_force_until: file.in_force_until,
            written_by: file.written_by,
            subjects: file.subjects,
            stages: file.stages,
            chapter: file.chapter,
            grain: file.grain,
            about_birth: file.about_birth,
            after_death: file.after_death,
            sources: self.documents("sources", &file.sources),
            note: file.note,
            groups,
            fields: Vec::new(),
            rejects: Vec::new(),
            warnings: Vec::new(),
            examples: file
                .examples
                .into_iter()
                .map(|example| Example { on: example.on, payload: example.payload })
                .collect(),
            occurred: None,
            places: BTreeMap::new(),
            derivations: Vec::new(),
            width: 0,
        };
        if kind.in_force_until.is_some_and(|until| until < kind.in_force_from) {
            self.problem("in_force_until", "lies before in_force_from");
        }
        let written: Vec<Written> =
            file.fields.into_iter().map(|field| self.field(field, &mut kind)).collect();
        self.check_groups(&kind);
        self.rules_of_fields(&mut kind, &written);
        let Some(derivations) = self.order(&kind) else { return kind };
        kind.derivations = derivations;
        rules::ground_conditions(&mut kind);
        self.check_fields(&kind);
        kind.occurred = file.occurred.and_then(|key| self.occurred(&key, &kind));
        self.must_have_its_stages(&kind);
        self.rejects(file.rejects, &mut kind);
        self.warnings(file.warnings, &mut kind);
        kind
    }

    /// A kind that is about somebody has a stage in which that somebody can be, or nobody could ever write it.
    fn must_have_its_stages(&mut self, kind: &Kind) {
        let is_of_child = |stage: &Stage| *stage == Stage::Child;
        for (subject, has_stage) in [
            (SubjectKind::Child, kind.stages.iter().any(is_of_child)),
            (SubjectKind::Woman, !kind.stages.iter().all(is_of_child)),
            (SubjectKind::Household, !kind.stages.is_empty()),
        ] {
            if kind.subjects.contains(&subject) && !has_stage {
                self.problem("stages", format!("none is one of a `{subject}`, whom the kind is about"));
            }
        }
    }

    fn label(&mut self, where_: &str, zh: String, en: String) -> Label {
        if zh.trim().is_empty() || en.trim().is_empty() {
            self.problem(where_, "a label is missing");
        }
        Label { zh, en }
    }

    fn documents(&mut self, where_: &str, keys: &[String]) -> Vec<Document> {
        let known = keys.iter().filter_map(|key| {
            let document = self.shared.documents.get(key).cloned();
            if document.is_none() {
                self.problems.push(format!("{where_}: `{key}` is no document of sources.toml"));
            }
            document
        });
        known.collect()
    }

    fn group(&mut self, file: GroupFile) -> Group {
        let repeats = file.repeat.is_some();
        if !repeats
            && (file.min.is_some() || file.max.is_some() || file.count.is_some() || file.unique.is_some())
        {
            self.problem(&file.key, "a heading has no items to count");
        }
        let (min, max) = (file.min.unwrap_or(0), file.max.unwrap_or(1));
        if repeats && (file.max.is_none() || min > max || max == 0) {
            self.problem(
                &file.key,
                "a repeating group says how many items it has at most, and not fewer than at least",
            );
        }
        Group {
            label: self.label(&file.key, file.zh, file.en),
            key: file.key,
            repeat: file.repeat,
            min,
            max,
            count: file.count,
            unique: file.unique,
            width: 0,
        }
    }

    fn field(&mut self, file: FieldFile, kind: &mut Kind) -> Written {
        if !is_key(&file.key) {
            self.problem(&file.key, "a key has lower-case letters, digits and `_`, and begins with a letter");
        }
        if kind.places.insert(file.key.clone(), kind.fields.len()).is_some()
            || kind.groups.iter().any(|group| group.repeat.is_some() && group.key == file.key)
        {
            self.problem(&file.key, "the key is used twice");
        }
        let is_own = |group: &Group| group.repeat.is_some() && Some(&group.key) == file.group.as_ref();
        let repeating = kind.groups.iter().position(is_own);
        let width = match repeating.and_then(|place| kind.groups.get_mut(place)) {
            Some(group) => &mut group.width,
            None => &mut kind.width,
        };
        let slot = *width;
        *width += 1;

        let origin = self.origin(&file);
        let is_input = matches!(origin, Origin::Input);
        let shape = self.shape(&file, is_input);
        let free_text = matches!(shape, Shape::Text { .. }) && is_input;
        let identity = matches!(origin, Origin::Server(Filled(source)) if source.is_identity());
        let written = Written { when: file.when, required_when: file.required_when, derived: file.derived };
        if !is_input && (file.required || written.required_when.is_some()) {
            self.problem(&file.key, "nobody can be asked for what the server fills or computes");
        }
        kind.fields.push(Field {
            label: self.label(&file.key, file.zh, file.en),
            key: file.key,
            group: file.group,
            shape,
            origin,
            required: file.required,
            required_when: None,
            when: None,
            sensitive: file.sensitive,
            star: file.star,
            note: file.note,
            sealed: file.sensitive || free_text || identity,
            slot,
            repeating,
        });
        written
    }

    fn origin(&mut self, file: &FieldFile) -> Origin {
        match (&file.source, &file.derived) {
            (None, None) => Origin::Input,
            (Some(name), None) => match Source::named(name) {
                Some(source) => Origin::Server(Filled(source)),
                None => {
                    self.problem(&file.key, format!("`{name}` is no source"));
                    Origin::Input
                }
            },
            (None, Some(text)) => Origin::Derived(rules::unread(text)),
            (Some(_), Some(_)) => {
                self.problem(&file.key, "is filled by the server or computed, not both");
                Origin::Input
            }
        }
    }
}

impl From<ChoiceFile> for Choice {
    fn from(file: ChoiceFile) -> Self {
        Self {
            key: file.key,
            code: file.code.to_string(),
            zh: file.zh,
            en: file.en,
            exclusive: file.exclusive,
            heading: None,
        }
    }
}

fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn repeated<T: Ord + Clone>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = BTreeSet::new();
    items.find(|item| !seen.insert(item.clone()))
}
