//! The record as a whole: what must be there, what the rules refuse, what they warn of.

use super::content::{Content, Row};
use super::expression::Scope;
use super::facts::Facts;
use super::fault::{Fault, FieldError, step};
use super::field::{Field, Limit, Origin, Quantity, Rule};
use super::kind::{Caution, Kind, Level, Mode, Reject};
use super::number::Number;
use super::payload::Warning;
use super::read::check_range;
use super::sources::Sources;
use super::value::Value;
use crate::text::Label;

/// Judges a record whose fields are read.
#[derive(Clone, Copy)]
pub(super) struct Judge<'d> {
    pub(super) kind: &'d Kind,
    pub(super) content: &'d Content,
    pub(super) facts: &'d Facts,
    pub(super) sources: &'d Sources,
}

impl<'d> Judge<'d> {
    /// What the record alone decides. What needs facts is left for later, and so are questions.
    pub(super) fn faults_without_facts(&self) -> Vec<FieldError> {
        let mut errors = self.faults_of_fields(|rule| !rule.ground.facts);
        errors.extend(self.refused(|reject| reject.mode == Mode::Refuse && !reject.when.ground.facts));
        errors
    }

    /// What is wrong, now that the facts are known.
    pub(super) fn faults(&self, confirmed: &[String]) -> Vec<FieldError> {
        let mut errors = self.faults_of_fields(|_| true);
        errors.extend(self.refused(|reject| reject.mode == Mode::Refuse || !confirmed.contains(&reject.id)));
        errors
    }

    /// What an evaluation reads from, in the record or in one item.
    pub(super) fn scope(&self, item: Option<&'d Row>) -> Scope<'d> {
        Scope {
            record: self.content.own.values(),
            item: item.map(Row::values).unwrap_or_default(),
            facts: self.facts,
            sources: self.sources,
        }
    }

    fn holds(&self, rule: &Rule, item: Option<&'d Row>) -> Option<bool> {
        rule.expression.holds(self.scope(item))
    }

    /// The rows of a group with what leads to them; the record itself, with nothing, where there is no group.
    fn rows(&self, group: Option<usize>) -> impl Iterator<Item = (Spot, Option<&'d Row>)> {
        let rows = self.content.rows(group).iter().enumerate();
        rows.map(move |(index, row)| (group.map(|group| (group, index)), group.map(|_| row)))
    }

    fn row(&self, item: Option<&'d Row>) -> &'d Row {
        item.unwrap_or(&self.content.own)
    }

    fn pointer(&self, spot: Spot) -> String {
        let group = spot.and_then(|(group, index)| Some((self.kind.groups.get(group)?, index)));
        group.map(|(group, index)| format!("{}/{index}", step("", &group.key))).unwrap_or_default()
    }

    fn faults_of_fields(&self, may_judge: impl Fn(&Rule) -> bool + Copy) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for field in &self.kind.fields {
            for (spot, item) in self.rows(field.repeating) {
                let fault = self.presence(field, item, may_judge).or_else(|| self.derived_range(field, item));
                errors.extend(fault.map(|fault| FieldError {
                    pointer: step(&self.pointer(spot), &field.key),
                    label: Some(field.label.clone()),
                    fault,
                }));
            }
        }
        errors
    }

    fn presence(
        &self,
        field: &Field,
        item: Option<&'d Row>,
        may_judge: impl Fn(&Rule) -> bool,
    ) -> Option<Fault> {
        let row = self.row(item);
        if !field.is_input()
            || row.is_broken(field)
            || field.when.as_ref().is_some_and(|when| !may_judge(when))
        {
            return None;
        }
        let given = row.get(field).is_some();
        let applies = field.when.as_ref().map_or(Some(true), |when| self.holds(when, item));
        if applies != Some(true) {
            let said_already = || field.when.as_ref().is_some_and(|when| self.rests_on_broken(when, item));
            return (given && !said_already()).then_some(Fault::NotApplicable);
        }
        let asked = field
            .required_when
            .as_ref()
            .is_some_and(|rule| may_judge(rule) && self.holds(rule, item) == Some(true));
        (!given && (field.required || asked)).then_some(Fault::Required)
    }

    /// Whether a rule rests on a field that is wrong, which is said already.
    fn rests_on_broken(&self, rule: &Rule, item: Option<&'d Row>) -> bool {
        let inputs = rule.ground.inputs.iter().filter_map(|place| self.kind.fields.get(*place));
        let mut rows = inputs.map(|field| (field, field.repeating.map_or(Some(&self.content.own), |_| item)));
        rows.any(|(field, row)| row.is_some_and(|row| row.is_broken(field)))
    }

    fn derived_range(&self, field: &Field, item: Option<&'d Row>) -> Option<Fault> {
        let (Origin::Derived(_), Some(quantity)) = (&field.origin, field.quantity()) else { return None };
        match self.row(item).get(field)? {
            Value::Number(number) => check_range(field, quantity, *number).err(),
            _ => None,
        }
    }

    fn refused(&self, is_open: impl Fn(&Reject) -> bool) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for reject in self.kind.rejects.iter().filter(|reject| is_open(reject)) {
            for (spot, item) in self.rows(reject.per_item) {
                if self.holds(&reject.when, item) == Some(true) && !self.rests_on_broken(&reject.when, item) {
                    errors.push(self.refusal(reject, spot));
                }
            }
        }
        errors
    }

    fn refusal(&self, reject: &Reject, spot: Spot) -> FieldError {
        let (id, reason) = (reject.id.clone(), reject.label.clone());
        let fault = match reject.mode {
            Mode::Refuse => Fault::RefusedByRule { id, reason },
            Mode::Confirm => Fault::ConfirmNeeded { id, reason },
        };
        let pointer = match reject.field.and_then(|place| self.kind.fields.get(place)) {
            Some(field) if field.repeating.is_none() => step("", &field.key),
            Some(field) => step(&self.pointer(spot), &field.key),
            None => self.pointer(spot),
        };
        FieldError { pointer, label: None, fault }
    }

    /// What to tell about an accepted record, the gravest first.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let fired = self.fired();
        let mut warnings: Vec<Warning> = fired
            .iter()
            .filter(|one| !is_replaced(one, &fired))
            .map(|(spot, caution)| self.told(*spot, caution))
            .collect();
        warnings.extend(self.limits_crossed(&fired));
        warnings.sort_by_key(|warning| std::cmp::Reverse(warning.level));
        warnings
    }

    fn fired(&self) -> Vec<(Spot, &'d Caution)> {
        let each =
            |caution: &'d Caution| self.rows(caution.per_item).map(move |(spot, item)| (spot, item, caution));
        let fired = self.kind.warnings.iter().flat_map(each);
        let fired = fired.filter(|(_, item, caution)| self.holds(&caution.when, *item) == Some(true));
        fired.map(|(spot, _, caution)| (spot, caution)).collect()
    }

    fn told(&self, spot: Spot, caution: &Caution) -> Warning {
        Warning {
            id: caution.id.clone(),
            pointer: spot.map(|_| self.pointer(spot)),
            level: caution.level,
            label: caution.label.clone(),
            alert: caution.alert,
            sensitive: caution.sensitive,
        }
    }

    /// Limits of single fields; silent where a rule that reads the field has spoken.
    fn limits_crossed(&self, fired: &[(Spot, &Caution)]) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (place, field) in self.kind.fields.iter().enumerate() {
            let Some(quantity) = field.quantity().filter(|quantity| !quantity.warn.is_empty()) else {
                continue;
            };
            for (spot, item) in self.rows(field.repeating) {
                let Some(Value::Number(value)) = self.row(item).get(field) else { continue };
                let crossed = quantity.warn.iter().find(|limit| limit.is_crossed(*value));
                let is_said =
                    || fired.iter().any(|(other, caution)| *other == spot && caution.fields.contains(&place));
                if let Some(limit) = crossed.filter(|_| !is_said()) {
                    let pointer = step(&self.pointer(spot), &field.key);
                    warnings.push(limit_told(field, quantity, limit, *value, pointer));
                }
            }
        }
        warnings
    }
}

/// A group by its place and an item by its index; none is the record.
type Spot = Option<(usize, usize)>;

/// A graver warning of the same record or item stands instead of this one.
fn is_replaced((spot, caution): &(Spot, &Caution), fired: &[(Spot, &Caution)]) -> bool {
    fired.iter().any(|(other, graver)| other == spot && graver.instead_of.contains(&caution.id))
}

fn limit_told(field: &Field, quantity: &Quantity, limit: &Limit, value: Number, pointer: String) -> Warning {
    let unit = |of: fn(&super::field::Unit) -> &str| {
        quantity.unit.as_ref().map(|unit| format!(" {}", of(unit))).unwrap_or_default()
    };
    let (zh_unit, en_unit) = (unit(|unit| &unit.zh), unit(|unit| &unit.en));
    let (zh, en) = (&field.label.zh, &field.label.en);
    let (side, bound) = (limit.side, limit.bound);
    Warning {
        id: format!("{}.{}", field.key, side.code()),
        pointer: Some(pointer),
        level: Level::Info,
        label: Label {
            zh: format!("{zh}为 {value}{zh_unit}，{}提示界值 {bound}{zh_unit}。", side.zh()),
            en: format!("{en}: {value}{en_unit} is {} {bound}{en_unit}.", side.en()),
        },
        alert: false,
        sensitive: field.sensitive,
    }
}
