//! What rules and derived values mean, on what they rest, and in which order derived fields are computed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Workshop, Written, repeated};
use crate::catalogue::expression::{Expression, Meaning, Place, understand};
use crate::catalogue::facts::Facts;
use crate::catalogue::field::{Field, Origin, Rule};
use crate::catalogue::file::{RejectFile, WarningFile};
use crate::catalogue::ground::{Ground, fields_read, ground, waits_for};
use crate::catalogue::kind::{Caution, Kind, Reject};
use crate::catalogue::rule::{Tree, parse};
use crate::catalogue::sources::Sources;
use crate::catalogue::value::Type;

use super::check::is_any_sensitive;

impl Workshop<'_> {
    pub(super) fn rules_of_fields(&mut self, kind: &mut Kind, written: &[Written]) {
        for (place, written) in written.iter().enumerate() {
            let Some(field) = kind.fields.get(place) else { continue };
            let (key, group) = (field.key.clone(), field.repeating);
            let mut condition = |text: &Option<String>| self.rule(&key, text.as_ref()?, kind, group);
            let (when, required_when) = (condition(&written.when), condition(&written.required_when));
            let derived = written.derived.as_ref().and_then(|text| self.derived(place, text, kind));
            if let Some(field) = kind.fields.get_mut(place) {
                (field.when, field.required_when) = (when, required_when);
                if let Some(derived) = derived {
                    field.origin = Origin::Derived(derived);
                }
            }
        }
    }

    /// A rule that answers yes or no.
    fn rule(&mut self, where_: &str, text: &str, kind: &Kind, group: Option<usize>) -> Option<Rule> {
        let (rule, shape) = self.understood(where_, text, kind, group)?;
        if shape != Type::Bool {
            self.problem(where_, format!("`{text}` is no rule but a value of type {}", shape.word()));
        }
        Some(rule)
    }

    fn derived(&mut self, place: usize, text: &str, kind: &Kind) -> Option<Rule> {
        let field = kind.fields.get(place)?;
        let (rule, shape) = self.understood(&field.key, text, kind, field.repeating)?;
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
        group: Option<usize>,
    ) -> Option<(Rule, Type)> {
        let read = parse(text)
            .and_then(|tree| understand(&tree, &|name| meaning(name, kind, group, &self.shared.fact_values)));
        match read {
            Ok((expression, shape)) => {
                Some((Rule { text: text.to_owned(), expression, ground: Ground::default() }, shape))
            }
            Err(why) => {
                self.problem(where_, format!("`{text}`: {why}"));
                None
            }
        }
    }

    /// Derived fields, each after those it reads; a circle of `when` and `derived` is a problem.
    pub(super) fn order(&mut self, kind: &Kind) -> Option<Vec<usize>> {
        let mut ordered = Vec::new();
        let mut open: BTreeSet<usize> = (0..kind.fields.len()).collect();
        loop {
            let ready = |place: &usize| waits_for(kind, *place).iter().all(|read| !open.contains(read));
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

    pub(super) fn rejects(&mut self, files: Vec<RejectFile>, kind: &mut Kind) {
        if let Some(twice) = repeated(files.iter().map(|file| &file.id)) {
            self.problem(twice, "two rejects have this id");
        }
        for file in files {
            let Some((when, per_item)) = self.rule_of_record(&file.id, &file.when, kind) else { continue };
            let named = file.field.as_ref().map(|key| kind.places.get(key).copied());
            if named == Some(None) {
                self.problem(&file.id, "points at a field that does not exist");
            }
            let field = named.flatten().or_else(|| when.ground.inputs.first().copied());
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

    pub(super) fn warnings(&mut self, files: Vec<WarningFile>, kind: &mut Kind) {
        if let Some(twice) = repeated(files.iter().map(|file| &file.id)) {
            self.problem(twice, "two warnings have this id");
        }
        let ids: BTreeSet<String> = files.iter().map(|file| file.id.clone()).collect();
        for file in files {
            if let Some(unknown) = file.instead_of.iter().find(|id| !ids.contains(*id)) {
                self.problem(&file.id, format!("stands instead of `{unknown}`, which does not exist"));
            }
            let Some((when, per_item)) = self.rule_of_record(&file.id, &file.when, kind) else { continue };
            let fields = fields_read(kind, &when.expression, per_item);
            let sensitive = is_any_sensitive(kind, &fields) || is_any_sensitive(kind, &when.ground.inputs);
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
    fn rule_of_record(&mut self, where_: &str, text: &str, kind: &Kind) -> Option<(Rule, Option<usize>)> {
        let tree = parse(text).map_err(|why| self.problem(where_, format!("`{text}`: {why}"))).ok()?;
        let mut names = Vec::new();
        collect_names(&tree, &mut names);
        let group = names.iter().filter_map(|name| kind.field(name)).find_map(|field| field.repeating);
        let mut rule = self.rule(where_, text, kind, group)?;
        rule.ground = ground(kind, &rule.expression, group);
        Some((rule, group))
    }
}

/// Finds out, now that all fields are known, on what the conditions of each field rest.
pub(super) fn ground_conditions(kind: &mut Kind) {
    for place in 0..kind.fields.len() {
        let Some(field) = kind.fields.get(place) else { continue };
        let rests_on = |rule: Option<&Rule>| {
            rule.map(|rule| ground(kind, &rule.expression, field.repeating)).unwrap_or_default()
        };
        let (when, required_when) = (rests_on(field.when.as_ref()), rests_on(field.required_when.as_ref()));
        if let Some(field) = kind.fields.get_mut(place) {
            field.when.iter_mut().for_each(|rule| rule.ground = when.clone());
            field.required_when.iter_mut().for_each(|rule| rule.ground = required_when.clone());
        }
    }
}

/// Stands in until the names of all fields are known.
pub(super) fn unread(text: &str) -> Rule {
    Rule { text: text.to_owned(), expression: Expression::Bool(false), ground: Ground::default() }
}

fn meaning<'k>(
    name: &str,
    kind: &'k Kind,
    group: Option<usize>,
    fact_values: &'k BTreeMap<String, Vec<String>>,
) -> Option<Meaning<'k>> {
    if let Some(field) = kind.field(name) {
        let place = match field.repeating {
            None => Place::Record(field.slot),
            own if own == group => Place::Item(field.slot),
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
