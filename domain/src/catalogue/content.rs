//! The content of a record while it is checked: a row of values for the record, and one for each item of its groups.

use super::field::Field;
use super::value::Value;

/// The fields of the record, or of one item, by slot.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    values: Vec<Option<Value>>,
    /// Fields that were given and are wrong: nothing more is said about what depends on them. An item that is no object
    /// has none of the fields, and all of them are wrong.
    broken: Vec<bool>,
}

impl Row {
    pub(super) fn new(width: usize) -> Self {
        Self { values: vec![None; width], broken: vec![false; width] }
    }

    pub(super) fn values(&self) -> &[Option<Value>] {
        &self.values
    }

    pub(super) fn get(&self, field: &Field) -> Option<&Value> {
        self.values.get(field.slot)?.as_ref()
    }

    pub(super) fn set(&mut self, field: &Field, value: Option<Value>) {
        if let Some(place) = self.values.get_mut(field.slot) {
            *place = value;
        }
    }

    pub(super) fn mark_broken(&mut self, field: &Field) {
        if let Some(broken) = self.broken.get_mut(field.slot) {
            *broken = true;
        }
    }

    pub(super) fn is_broken(&self, field: &Field) -> bool {
        self.broken.get(field.slot).copied().unwrap_or(true)
    }
}

/// All rows of a record.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) own: Row,
    /// The items of each group, by the place of the group in the kind; a heading has none.
    pub(super) items: Vec<Vec<Row>>,
}

impl Content {
    /// The rows that a field or rule is about: the items of its repeating group, or the one of the record.
    pub(super) fn rows(&self, group: Option<usize>) -> &[Row] {
        match group {
            None => std::slice::from_ref(&self.own),
            Some(group) => self.items.get(group).map(Vec::as_slice).unwrap_or_default(),
        }
    }

    /// Puts a value into each of these rows.
    pub(super) fn set(&mut self, field: &Field, values: Vec<Option<Value>>) {
        let rows = match field.repeating {
            None => std::slice::from_mut(&mut self.own),
            Some(group) => self.items.get_mut(group).map(Vec::as_mut_slice).unwrap_or_default(),
        };
        for (row, value) in rows.iter_mut().zip(values) {
            row.set(field, value);
        }
    }
}
