//! What must fit together within a kind, beyond what each field says by itself.

use super::{Workshop, repeated};
use crate::catalogue::field::{Field, Filled, Origin, Rule};
use crate::catalogue::ground::ground;
use crate::catalogue::kind::Kind;
use crate::catalogue::sources::{Couple, Source};
use crate::catalogue::value::Type;

impl Workshop<'_> {
    pub(super) fn check_groups(&mut self, kind: &Kind) {
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

    pub(super) fn check_fields(&mut self, kind: &Kind) {
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
        let rests_on = ground(kind, &rule.expression, field.repeating);
        let has_range =
            field.quantity().is_some_and(|quantity| quantity.min.is_some() || quantity.max.is_some());
        if has_range && (rests_on.facts || rests_on.server) {
            self.problem(
                &field.key,
                "is refused only where the record itself gives all that it is computed from",
            );
        }
        if is_any_sensitive(kind, &rests_on.inputs) && !field.sensitive {
            self.problem(&field.key, "is computed from a sensitive field and is sensitive too");
        }
    }

    pub(super) fn occurred(&mut self, key: &str, kind: &Kind) -> Option<usize> {
        let place = kind.places.get(key).copied();
        let field = place.and_then(|place| kind.fields.get(place));
        let fits = field.is_some_and(|field| {
            field.is_input()
                && field.required
                && field.when.is_none()
                && field.type_of().is_time()
                && field.repeating.is_none()
        });
        if !fits {
            self.problem("occurred", format!("`{key}` is no required day or instant of the record"));
        }
        place
    }
}

pub(super) fn is_any_sensitive(kind: &Kind, places: &[usize]) -> bool {
    places.iter().filter_map(|place| kind.fields.get(*place)).any(|field| field.sensitive)
}

fn has_role(kind: &Kind, field: &Field) -> bool {
    let Some(group) = kind.repeating(field) else { return false };
    kind.fields_of(group).any(|field| {
        field.key == "role"
            && field.options().iter().all(|option| Couple::ROLES.contains(&option.key.as_str()))
    })
}
