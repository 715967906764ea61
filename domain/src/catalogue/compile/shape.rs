//! What a field holds: its type with limits, units and options.

use super::{Workshop, repeated};
use crate::catalogue::field::{Alternative, Choice, Filled, Limit, Quantity, Shape, Side, Timing, Unit};
use crate::catalogue::file::{FieldFile, OptionsFile, Precision, TypeWord};
use crate::catalogue::number::Number;
use crate::catalogue::sources::Source;

impl Workshop<'_> {
    pub(super) fn shape(&mut self, file: &FieldFile, is_input: bool) -> Shape {
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
}
