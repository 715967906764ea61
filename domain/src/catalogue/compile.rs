//! A file becomes a kind, or a list of everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::expression::{Expression, Meaning, Place, understand};
use super::facts::Facts;
use super::field::{
    Alternative, Choice, Field, Filled, Limit, Origin, Quantity, Rule, Shape, Side, Timing, Unit,
};
use super::file::{
    FieldFile, GroupFile, KindFile, OptionsFile, Precision, RejectFile, TypeWord, WarningFile,
};
use super::kind::{Caution, Document, Example, Group, Kind, Reject};
use super::number::Number;
use super::rule::{Tree, parse};
use super::sources::{Couple, Source, Sources};
use super::value::Type;
use crate::text::Label;

/// What kinds refer to by name.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) units: BTreeMap<String, Unit>,
    pub(super) documents: BTreeMap<String, Document>,
    pub(super) options: BTreeMap<String, Vec<Choice>>,
    pub(super) tables: BTreeMap<String, Vec<Choice>>,
    /// The words that a fact of type text or list may hold.
    pub(super) fact_values: BTreeMap<String, Vec<String>>,
}

/// Reads a TOML file; the problem names the line.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Vec<String>> {
    toml::from_str(text).map_err(|error| vec![error.to_string()])
}

/// Compiles one file.
pub(super) fn compile(file: KindFile, shared: &Shared) -> Result<Kind, Vec<String>> {
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
        mark_needs(&mut kind);
        self.check_fields(&kind);
        kind.occurred = file.occurred.and_then(|key| self.occurred(&key, &kind));
        self.rejects(file.rejects, &mut kind);
        self.warnings(file.warnings, &mut kind);
        kind
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
        let width =
            match file.group.as_deref().and_then(|key| kind.groups.iter_mut().find(|group| group.key == key))
            {
                Some(group) if group.repeat.is_some() => &mut group.width,
                _ => &mut kind.width,
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
            (None, Some(text)) => Origin::Derived(unread(text)),
            (Some(_), Some(_)) => {
                self.problem(&file.key, "is filled by the server or computed, not both");
                Origin::Input
            }
        }
    }

    fn shape(&mut self, file: &FieldFile, is_input: bool) -> Shape {
        self.check_attributes(file);
        match file.shape {
            TypeWord::Integer => Shape::Integer(self.quantity(file, 0, is_input)),
            TypeWord::Decimal => {
                let decimals = file.decimals.filter(|decimals| (1..=4).contains(decimals));
                if decimals.is_none() {
                    self.problem(&file.key, "a decimal says how many decimals it has, 1 to 4");
                }
                let decimals = decimals.unwrap_or(1);
                Shape::Decimal { quantity: self.quantity(file, decimals, is_input), decimals }
            }
            TypeWord::Text => match file.format {
                Some(referred) => Shape::Reference(referred),
                None => {
                    if is_input && file.max_length.is_none() {
                        self.problem(&file.key, "a text says how long it may be");
                    }
                    Shape::Text { max_length: file.max_length.unwrap_or(usize::MAX) }
                }
            },
            TypeWord::Texts => match (file.format, file.max_items) {
                (Some(referred), Some(max)) => Shape::References { referred, min: self.least(file), max },
                _ => {
                    self.problem(
                        &file.key,
                        "a list of ids says to what they point and how many there may be",
                    );
                    Shape::Bool
                }
            },
            TypeWord::Choice => Shape::Choice(self.options(file)),
            TypeWord::Choices => Shape::Choices { options: self.options(file), min: self.least(file) },
            TypeWord::Date => Shape::Date(self.timing(file)),
            TypeWord::Instant => Shape::Instant(self.timing(file)),
            TypeWord::Bool => Shape::Bool,
        }
    }

    /// A required list holds something, unless the file says that nothing is an answer too.
    fn least(&self, file: &FieldFile) -> usize {
        file.min_items.unwrap_or(usize::from(file.required))
    }

    /// Attributes that mean nothing for the type are mistakes of whoever wrote the file.
    fn check_attributes(&mut self, file: &FieldFile) {
        let is_number = matches!(file.shape, TypeWord::Integer | TypeWord::Decimal);
        let is_time = matches!(file.shape, TypeWord::Date | TypeWord::Instant);
        let is_choice = matches!(file.shape, TypeWord::Choice | TypeWord::Choices);
        let is_list = matches!(file.shape, TypeWord::Choices | TypeWord::Texts);
        let is_text = matches!(file.shape, TypeWord::Text);
        let limits = [
            file.reject_below,
            file.reject_above,
            file.warn_below,
            file.warn_at_or_below,
            file.warn_at_or_above,
            file.warn_above,
        ];
        let misplaced = [
            ("unit", file.unit.is_some() && !is_number),
            ("alt_units", !file.alt_units.is_empty() && !is_number),
            ("decimals", file.decimals.is_some() && file.shape != TypeWord::Decimal),
            ("reject_* and warn_*", limits.iter().any(Option::is_some) && !is_number),
            ("options", (file.options.is_some() || file.options_from.is_some()) && !is_choice),
            ("max_length", file.max_length.is_some() && !is_text),
            ("min_items", file.min_items.is_some() && !is_list),
            ("max_items", file.max_items.is_some() && file.shape != TypeWord::Texts),
            ("format", file.format.is_some() && !is_text && file.shape != TypeWord::Texts),
            (
                "future, precision and not_before",
                (file.future || file.precision.is_some() || file.not_before.is_some()) && !is_time,
            ),
        ];
        for (attribute, _) in misplaced.iter().filter(|(_, misplaced)| *misplaced) {
            self.problem(&file.key, format!("`{attribute}` means nothing for this type"));
        }
    }

    fn quantity(&mut self, file: &FieldFile, decimals: u32, is_input: bool) -> Quantity {
        let unit = file.unit.as_deref().and_then(|code| self.unit(&file.key, code));
        if file.unit.is_none() {
            self.problem(&file.key, "a number has a unit");
        }
        let (min, max) = (file.reject_below, file.reject_above);
        if is_input && (min.is_none() || max.is_none()) {
            self.problem(&file.key, "a number that people type has reject_below and reject_above");
        }
        if min.zip(max).is_some_and(|(min, max)| min >= max) {
            self.problem(&file.key, "the range is the wrong way round");
        }
        let warn: Vec<Limit> = [
            (Side::Below, file.warn_below),
            (Side::AtOrBelow, file.warn_at_or_below),
            (Side::AtOrAbove, file.warn_at_or_above),
            (Side::Above, file.warn_above),
        ]
        .into_iter()
        .filter_map(|(side, bound)| bound.map(|bound| Limit { side, bound }))
        .collect();
        for limit in &warn {
            if min.is_some_and(|min| limit.bound < min) || max.is_some_and(|max| limit.bound > max) {
                self.problem(&file.key, format!("{} lies where values are refused", limit.side));
            }
        }
        let bounds = warn.iter().map(|limit| limit.bound).chain(min).chain(max);
        if bounds.into_iter().any(|bound| bound.round(decimals) != Some(bound)) {
            self.problem(&file.key, "a limit has more decimals than the field");
        }
        Quantity { unit, min, max, warn, alternatives: self.alternatives(file) }
    }

    fn alternatives(&mut self, file: &FieldFile) -> Vec<Alternative> {
        let alternatives = file.alt_units.iter().filter_map(|alternative| {
            if alternative.factor <= Number::ZERO {
                self.problem(&file.key, "a factor is greater than 0");
            }
            let unit = self.unit(&file.key, &alternative.unit)?;
            Some(Alternative { unit, factor: alternative.factor })
        });
        alternatives.collect()
    }

    fn unit(&mut self, where_: &str, code: &str) -> Option<Unit> {
        let unit = self.shared.units.get(code).cloned();
        if unit.is_none() {
            self.problem(where_, format!("`{code}` is no unit of units.toml"));
        }
        unit
    }

    fn options(&mut self, file: &FieldFile) -> Vec<Choice> {
        let options = match (&file.options, &file.options_from) {
            (Some(OptionsFile::Own(own)), None) => own.iter().cloned().map(Choice::from).collect(),
            (Some(OptionsFile::Shared(name)), None) => {
                self.shared.options.get(name).cloned().unwrap_or_default()
            }
            (None, Some(table)) => self.shared.tables.get(table).cloned().unwrap_or_default(),
            _ => Vec::new(),
        };
        if options.is_empty() {
            self.problem(&file.key, "a choice has options of its own, of options.toml or of a table");
        }
        if let Some(twice) = repeated(options.iter().map(|option| &option.key)) {
            self.problem(&file.key, format!("the option `{twice}` stands there twice"));
        }
        let printed = |option: &Choice| {
            (option.heading.as_ref().map(|heading| heading.zh.clone()), option.code.clone())
        };
        if let Some((_, twice)) = repeated(options.iter().map(printed)) {
            self.problem(&file.key, format!("the code `{twice}` stands there twice under one heading"));
        }
        if options.iter().any(|option| option.zh.trim().is_empty() || option.en.trim().is_empty()) {
            self.problem(&file.key, "an option has no label");
        }
        options
    }

    fn timing(&mut self, file: &FieldFile) -> Timing {
        let not_before = file.not_before.as_deref().and_then(|name| match Source::named(name) {
            Some(source) if source.shape().is_time() => Some(Filled(source)),
            _ => {
                self.problem(&file.key, format!("`{name}` is no source that is a day"));
                None
            }
        });
        Timing { future: file.future, month: file.precision == Some(Precision::Month), not_before }
    }

    fn check_groups(&mut self, kind: &Kind) {
        if let Some(twice) = repeated(kind.groups.iter().map(|group| &group.key)) {
            self.problem(twice, "the group stands there twice");
        }
        for field in &kind.fields {
            if field.group.as_ref().is_some_and(|key| kind.group(key).is_none()) {
                self.problem(&field.key, "its group does not exist");
            }
        }
        for group in &kind.groups {
            if kind.fields_of(group).next().is_none() {
                self.problem(&group.key, "the group has no field");
            }
            let counts =
                |key: &String| kind.own_fields().any(|field| &field.key == key && field.quantity().is_some());
            if group.count.as_ref().is_some_and(|key| !counts(key)) {
                self.problem(&group.key, "`count` names a number outside repeating groups");
            }
            let inside =
                |key: &String| kind.fields_of(group).any(|field| &field.key == key && field.required);
            if group.unique.as_ref().is_some_and(|key| !inside(key)) {
                self.problem(&group.key, "`unique` names a required field of the group");
            }
        }
    }

    fn rules_of_fields(&mut self, kind: &mut Kind, written: &[Written]) {
        for (place, written) in written.iter().enumerate() {
            let Some(field) = kind.fields.get(place) else { continue };
            let (key, group) = (field.key.clone(), kind.repeating(field).map(|group| group.key.clone()));
            let mut condition = |text: &Option<String>| {
                let text = text.as_ref()?;
                self.rule(&key, text, kind, group.as_deref())
            };
            let (when, required_when) = (condition(&written.when), condition(&written.required_when));
            let derived =
                written.derived.as_ref().and_then(|text| self.derived(place, text, kind, group.as_deref()));
            if let Some(field) = kind.fields.get_mut(place) {
                (field.when, field.required_when) = (when, required_when);
                if let Some(derived) = derived {
                    field.origin = Origin::Derived(derived);
                }
            }
        }
    }

    /// A rule that answers yes or no.
    fn rule(&mut self, where_: &str, text: &str, kind: &Kind, group: Option<&str>) -> Option<Rule> {
        let (rule, shape) = self.understood(where_, text, kind, group)?;
        if shape != Type::Bool {
            self.problem(where_, format!("`{text}` is no rule but a value of type {}", shape.word()));
        }
        Some(rule)
    }

    fn derived(&mut self, place: usize, text: &str, kind: &Kind, group: Option<&str>) -> Option<Rule> {
        let field = kind.fields.get(place)?;
        let (rule, shape) = self.understood(&field.key, text, kind, group)?;
        let fits = shape == field.type_of() || (shape, field.type_of()) == (Type::Whole, Type::Decimal);
        if !fits {
            let (is, wants) = (shape.word(), field.type_of().word());
            self.problem(&field.key, format!("`{text}` is of type {is} and the field of type {wants}"));
        }
        Some(rule)
    }

    fn understood(
        &mut self,
        where_: &str,
        text: &str,
        kind: &Kind,
        group: Option<&str>,
    ) -> Option<(Rule, Type)> {
        let read = parse(text)
            .and_then(|tree| understand(&tree, &|name| meaning(name, kind, group, &self.shared.fact_values)));
        match read {
            Ok((expression, shape)) => {
                Some((Rule { text: text.to_owned(), expression, needs_facts: false }, shape))
            }
            Err(why) => {
                self.problem(where_, format!("`{text}`: {why}"));
                None
            }
        }
    }

    /// Derived fields, each after those it reads; a circle of `when` and `derived` is a problem.
    fn order(&mut self, kind: &Kind) -> Option<Vec<usize>> {
        let mut ordered = Vec::new();
        let mut open: BTreeSet<usize> = (0..kind.fields.len()).collect();
        loop {
            let ready = |place: &usize| reads(kind, *place).iter().all(|read| !open.contains(read));
            let next: Vec<usize> = open.iter().copied().filter(ready).collect();
            if next.is_empty() {
                break;
            }
            open.retain(|place| !next.contains(place));
            ordered.extend(next);
        }
        let circle: Vec<&str> =
            open.iter().filter_map(|place| kind.fields.get(*place)).map(|field| field.key.as_str()).collect();
        if !circle.is_empty() {
            self.problem(&circle.join(", "), "the fields wait for each other in a circle");
            return None;
        }
        let is_derived =
            |place: &usize| matches!(kind.fields.get(*place), Some(Field { origin: Origin::Derived(_), .. }));
        ordered.retain(is_derived);
        Some(ordered)
    }

    fn check_fields(&mut self, kind: &Kind) {
        for field in &kind.fields {
            match &field.origin {
                Origin::Input => {}
                Origin::Server(Filled(source)) => self.check_filled(kind, field, *source),
                Origin::Derived(rule) => self.check_derived(kind, field, rule),
            }
        }
    }

    fn check_filled(&mut self, kind: &Kind, field: &Field, source: Source) {
        let fits = source.shape() == field.type_of()
            || (source.shape(), field.type_of()) == (Type::Whole, Type::Decimal);
        if !fits {
            self.problem(&field.key, format!("`{}` is of type {}", source.name(), source.shape().word()));
        }
        if field.quantity().is_some_and(|quantity| quantity.min.is_some() || quantity.max.is_some()) {
            self.problem(&field.key, "what the server fills is not refused: it has warnings only");
        }
        if matches!(source, Source::Member(_)) && !has_role(kind, field) {
            self.problem(&field.key, "a member is told by the `role` of the item, which is wife or husband");
        }
    }

    fn check_derived(&mut self, kind: &Kind, field: &Field, rule: &Rule) {
        let leaves = leaves(kind, field, &rule.expression);
        let foreign = leaves.iter().any(|leaf| !matches!(leaf, Leaf::Input(_)));
        let has_range =
            field.quantity().is_some_and(|quantity| quantity.min.is_some() || quantity.max.is_some());
        if has_range && foreign {
            self.problem(
                &field.key,
                "is refused only where the record itself gives all that it is computed from",
            );
        }
        let sensitive = leaves.iter().any(|leaf| matches!(leaf, Leaf::Input(input) if input.sensitive));
        if sensitive && !field.sensitive {
            self.problem(&field.key, "is computed from a sensitive field and is sensitive too");
        }
    }

    fn occurred(&mut self, key: &str, kind: &Kind) -> Option<usize> {
        let place = kind.places.get(key).copied();
        let field = place.and_then(|place| kind.fields.get(place));
        let fits = field.is_some_and(|field| {
            field.is_input()
                && field.required
                && field.when.is_none()
                && field.type_of().is_time()
                && kind.repeating(field).is_none()
        });
        if !fits {
            self.problem("occurred", format!("`{key}` is no required day or instant of the record"));
        }
        place
    }

    fn rejects(&mut self, files: Vec<RejectFile>, kind: &mut Kind) {
        if let Some(twice) = repeated(files.iter().map(|file| &file.id)) {
            self.problem(twice, "two rejects have this id");
        }
        for file in files {
            let Some((when, per_item)) = self.rule_of_record(&file.id, &file.when, kind) else { continue };
            let read = fields_read(kind, &when.expression, per_item.as_deref());
            let named = file.field.as_ref().map(|key| kind.places.get(key).copied());
            if named == Some(None) {
                self.problem(&file.id, "points at a field that does not exist");
            }
            let field = named.flatten().or_else(|| first_input(kind, &read));
            kind.rejects.push(Reject {
                label: self.label(&file.id, file.zh, file.en),
                id: file.id,
                when,
                mode: file.mode,
                field,
                per_item,
            });
        }
    }

    fn warnings(&mut self, files: Vec<WarningFile>, kind: &mut Kind) {
        if let Some(twice) = repeated(files.iter().map(|file| &file.id)) {
            self.problem(twice, "two warnings have this id");
        }
        let ids: BTreeSet<String> = files.iter().map(|file| file.id.clone()).collect();
        for file in files {
            if let Some(unknown) = file.instead_of.iter().find(|id| !ids.contains(*id)) {
                self.problem(&file.id, format!("stands instead of `{unknown}`, which does not exist"));
            }
            let Some((when, per_item)) = self.rule_of_record(&file.id, &file.when, kind) else { continue };
            let fields = fields_read(kind, &when.expression, per_item.as_deref());
            let sensitive =
                fields.iter().filter_map(|place| kind.fields.get(*place)).any(|field| field.sensitive);
            kind.warnings.push(Caution {
                label: self.label(&file.id, file.zh, file.en),
                sources: self.documents(&file.id, &file.sources),
                id: file.id,
                when,
                level: file.level,
                alert: file.alert,
                instead_of: file.instead_of,
                needs: file.needs,
                sensitive,
                fields,
                per_item,
            });
        }
    }

    /// A rule about the record, or, when it names a field of a repeating group, about each item of that group.
    fn rule_of_record(&mut self, where_: &str, text: &str, kind: &Kind) -> Option<(Rule, Option<String>)> {
        let tree = parse(text).map_err(|why| self.problem(where_, format!("`{text}`: {why}"))).ok()?;
        let mut names = Vec::new();
        collect_names(&tree, &mut names);
        let group = names
            .iter()
            .filter_map(|name| kind.field(name))
            .find_map(|field| kind.repeating(field))
            .map(|group| group.key.clone());
        let mut rule = self.rule(where_, text, kind, group.as_deref())?;
        rule.needs_facts = needs_facts(kind, &rule.expression, group.as_deref());
        Some((rule, group))
    }
}

impl From<super::file::ChoiceFile> for Choice {
    fn from(file: super::file::ChoiceFile) -> Self {
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

/// Stands in until the names of all fields are known.
fn unread(text: &str) -> Rule {
    Rule { text: text.to_owned(), expression: Expression::Bool(false), needs_facts: false }
}

fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn repeated<T: Ord + Clone>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = BTreeSet::new();
    items.find(|item| !seen.insert(item.clone()))
}

fn meaning<'k>(
    name: &str,
    kind: &'k Kind,
    group: Option<&str>,
    fact_values: &'k BTreeMap<String, Vec<String>>,
) -> Option<Meaning<'k>> {
    if let Some(field) = kind.field(name) {
        let place = match kind.repeating(field) {
            None => Place::Record(field.slot),
            Some(own) if Some(own.key.as_str()) == group => Place::Item(field.slot),
            Some(_) => return None,
        };
        let options =
            field.options().iter().map(|option| (option.key.as_str(), option.code.as_str())).collect();
        return Some(Meaning { place, shape: field.type_of(), options });
    }
    if let Some(fact) = Facts::member(name) {
        let values = fact_values.get(name).map(Vec::as_slice).unwrap_or_default();
        let options = values.iter().map(|value| (value.as_str(), "")).collect();
        return Some(Meaning { place: Place::Fact(fact), shape: fact.shape, options });
    }
    let source = Sources::member(name)?;
    Some(Meaning { place: Place::Source(source), shape: source.shape, options: Vec::new() })
}

fn collect_names<'t>(tree: &'t Tree, names: &mut Vec<&'t str>) {
    match tree {
        Tree::Number(_) | Tree::Text(_) | Tree::Bool(_) => {}
        Tree::Name(name) => names.push(name),
        Tree::Any(parts) | Tree::All(parts) | Tree::Call(_, parts) => {
            parts.iter().for_each(|part| collect_names(part, names));
        }
        Tree::Not(inner) | Tree::Has(inner, _) => collect_names(inner, names),
        Tree::Compare(left, _, right) | Tree::Arithmetic(left, _, right) => {
            collect_names(left, names);
            collect_names(right, names);
        }
    }
}

/// Places of the fields that an expression reads itself; `group` says whose items it reads.
fn fields_read(kind: &Kind, expression: &Expression, group: Option<&str>) -> Vec<usize> {
    let find = |of_group: Option<&str>, slot: usize| {
        kind.fields.iter().position(|field| {
            field.slot == slot && kind.repeating(field).map(|group| group.key.as_str()) == of_group
        })
    };
    let places = expression.places().into_iter().filter_map(|place| match place {
        Place::Record(slot) => find(None, slot),
        Place::Item(slot) => find(group, slot),
        Place::Fact(_) | Place::Source(_) => None,
    });
    places.collect()
}

/// Places of the fields that a field waits for: those of its `when` and of its derivation.
fn reads(kind: &Kind, place: usize) -> Vec<usize> {
    let Some(field) = kind.fields.get(place) else { return Vec::new() };
    let group = kind.repeating(field).map(|group| group.key.as_str());
    let derived = match &field.origin {
        Origin::Derived(rule) => Some(rule),
        Origin::Input | Origin::Server(_) => None,
    };
    let rules = field.when.iter().chain(derived);
    rules.flat_map(|rule| fields_read(kind, &rule.expression, group)).collect()
}

/// What a derived value is computed from in the end.
enum Leaf<'k> {
    Input(&'k Field),
    Foreign,
}

fn leaves<'k>(kind: &'k Kind, field: &'k Field, expression: &Expression) -> Vec<Leaf<'k>> {
    let group = kind.repeating(field).map(|group| group.key.as_str());
    let mut leaves: Vec<Leaf<'k>> = expression
        .places()
        .iter()
        .filter(|place| matches!(place, Place::Fact(_) | Place::Source(_)))
        .map(|_| Leaf::Foreign)
        .collect();
    for read in fields_read(kind, expression, group).into_iter().filter_map(|place| kind.fields.get(place)) {
        match &read.origin {
            Origin::Input => leaves.push(Leaf::Input(read)),
            Origin::Server(_) => leaves.push(Leaf::Foreign),
            Origin::Derived(rule) => leaves.extend(self::leaves(kind, read, &rule.expression)),
        }
    }
    leaves
}

/// The first field that a person typed among those that a rule reads, itself or through derived fields.
fn first_input(kind: &Kind, read: &[usize]) -> Option<usize> {
    read.iter().find_map(|place| match kind.fields.get(*place)?.origin {
        Origin::Input => Some(*place),
        Origin::Server(_) => None,
        Origin::Derived(_) => first_input(kind, &reads(kind, *place)),
    })
}

/// Marks the rules that can only be judged when the facts are known.
fn mark_needs(kind: &mut Kind) {
    for place in 0..kind.fields.len() {
        let Some(field) = kind.fields.get(place) else { continue };
        let group = kind.repeating(field).map(|group| group.key.clone());
        let needs = |rule: &Rule| needs_facts(kind, &rule.expression, group.as_deref());
        let when = field.when.as_ref().is_some_and(needs);
        let required_when = field.required_when.as_ref().is_some_and(needs);
        if let Some(field) = kind.fields.get_mut(place) {
            field.when.iter_mut().for_each(|rule| rule.needs_facts = when);
            field.required_when.iter_mut().for_each(|rule| rule.needs_facts = required_when);
        }
    }
}

fn needs_facts(kind: &Kind, expression: &Expression, group: Option<&str>) -> bool {
    expression.places().iter().any(|place| matches!(place, Place::Fact(_)))
        || fields_read(kind, expression, group).into_iter().filter_map(|place| kind.fields.get(place)).any(
            |field| match &field.origin {
                Origin::Derived(rule) => {
                    needs_facts(kind, &rule.expression, kind.repeating(field).map(|group| group.key.as_str()))
                }
                Origin::Input | Origin::Server(_) => false,
            },
        )
}

fn has_role(kind: &Kind, field: &Field) -> bool {
    let Some(group) = kind.repeating(field) else { return false };
    kind.fields_of(group).any(|field| {
        field.key == "role"
            && field.options().iter().all(|option| Couple::ROLES.contains(&option.key.as_str()))
    })
}
