//! What a rule rests on: the fields it reads itself, and, through derived fields, what somebody typed in the end.

use super::expression::{Expression, Place};
use super::field::Origin;
use super::kind::Kind;

/// What a rule or derived value is computed from in the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Ground {
    /// Places of the fields that somebody typed.
    pub(super) inputs: Vec<usize>,
    /// It needs a fact, so that it can only be judged when the facts are known.
    pub(super) facts: bool,
    /// It needs what the server fills in.
    pub(super) server: bool,
}

/// Follows an expression down; `group` says whose items it reads. The derived fields of the kind make no circle.
pub(super) fn ground(kind: &Kind, expression: &Expression, group: Option<usize>) -> Ground {
    let places = expression.places();
    let mut ground = Ground {
        inputs: Vec::new(),
        facts: places.iter().any(|place| matches!(place, Place::Fact(_))),
        server: places.iter().any(|place| matches!(place, Place::Source(_))),
    };
    for place in fields_read(kind, expression, group) {
        let Some(field) = kind.fields.get(place) else { continue };
        match &field.origin {
            Origin::Input => ground.inputs.push(place),
            Origin::Server(_) => ground.server = true,
            Origin::Derived(rule) => {
                let deeper = self::ground(kind, &rule.expression, field.repeating);
                ground.inputs.extend(deeper.inputs);
                ground.facts |= deeper.facts;
                ground.server |= deeper.server;
            }
        }
    }
    ground
}

/// Places of the fields that an expression reads itself.
pub(super) fn fields_read(kind: &Kind, expression: &Expression, group: Option<usize>) -> Vec<usize> {
    let find = |repeating: Option<usize>, slot: usize| {
        kind.fields.iter().position(|field| field.slot == slot && field.repeating == repeating)
    };
    let places = expression.places().into_iter().filter_map(|place| match place {
        Place::Record(slot) => find(None, slot),
        Place::Item(slot) => find(group, slot),
        Place::Fact(_) | Place::Source(_) => None,
    });
    places.collect()
}

/// Places of the fields that a field waits for: those of its `when` and of its derivation.
pub(super) fn waits_for(kind: &Kind, place: usize) -> Vec<usize> {
    let Some(field) = kind.fields.get(place) else { return Vec::new() };
    let derived = match &field.origin {
        Origin::Derived(rule) => Some(rule),
        Origin::Input | Origin::Server(_) => None,
    };
    let rules = field.when.iter().chain(derived);
    rules.flat_map(|rule| fields_read(kind, &rule.expression, field.repeating)).collect()
}
