//! What rules and derived values mean: names become places, types are checked once, and evaluation has three values.
//!
//! A missing value makes whatever reads it unknown, and unknown never counts as yes: `a or b` is true as soon as one is,
//! `a and b` false as soon as one is, and everything else that reads the unknown stays unknown.

use chrono::NaiveDate;

use super::facts::Facts;
use super::number::Number;
use super::rule::{Comparison, Operation, Tree};
use super::sources::Sources;
use super::value::{Named, Term, Type, Value};
use crate::calendar::{age_in_months, age_in_years, day_in_china};

/// Where a name of a rule finds its value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// A field of the record, by its slot.
    Record(usize),
    /// A field of the item of a repeating group, by its slot.
    Item(usize),
    Fact(&'static Named<Facts>),
    Source(&'static Named<Sources>),
}

/// What the catalogue knows of a name.
#[derive(Debug, Clone)]
pub(super) struct Meaning<'a> {
    pub(super) place: Place,
    pub(super) shape: Type,
    /// Key and printed code of each option, in order; empty for what is no choice.
    pub(super) options: Vec<(&'a str, &'a str)>,
}

/// A rule or derived value, ready to be evaluated.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    Number(Number),
    Text(String),
    Bool(bool),
    Place(Place),
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Box<Expression>, Comparison, Box<Expression>),
    Has(Place, String),
    Arithmetic(Box<Expression>, Operation, Box<Expression>),
    /// The number that belongs to the chosen option: its place in the list, or its printed code.
    OfOption(Place, Vec<(String, Number)>),
    /// How many characters a text has; none given is 0.
    Length(Place),
    /// How many of these are given; a list counts its items.
    Count(Vec<Place>),
    Rounded(Box<Expression>, u32),
    Floor(Box<Expression>),
    Abs(Box<Expression>),
    Sum(Vec<Expression>),
    Between(Span, Box<Expression>, Box<Expression>),
}

/// What is counted between two times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Years,
    Months,
    Days,
    Hours,
}

/// What an evaluation reads from.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) record: &'a [Option<Value>],
    pub(super) item: &'a [Option<Value>],
    pub(super) facts: &'a Facts,
    pub(super) sources: &'a Sources,
}

impl<'a> Scope<'a> {
    fn at(self, place: Place) -> Option<Term<'a>> {
        let slot = |row: &'a [Option<Value>], slot: usize| row.get(slot)?.as_ref().map(Value::term);
        match place {
            Place::Record(index) => slot(self.record, index),
            Place::Item(index) => slot(self.item, index),
            Place::Fact(fact) => (fact.read)(self.facts),
            Place::Source(source) => (source.read)(self.sources),
        }
    }
}

impl Expression {
    /// The value; none where something that it needs is missing.
    pub(super) fn evaluate<'a>(&'a self, scope: Scope<'a>) -> Option<Term<'a>> {
        match self {
            Self::Number(number) => Some(Term::Number(*number)),
            Self::Text(text) => Some(Term::Text(text)),
            Self::Bool(bool) => Some(Term::Bool(*bool)),
            Self::Place(place) => scope.at(*place),
            Self::Any(parts) => decided(parts, scope, true).map(Term::Bool),
            Self::All(parts) => decided(parts, scope, false).map(Term::Bool),
            Self::Not(inner) => inner.holds(scope).map(|holds| Term::Bool(!holds)),
            Self::Compare(left, comparison, right) => {
                compared(left.evaluate(scope)?, *comparison, right.evaluate(scope)?).map(Term::Bool)
            }
            Self::Has(place, key) => match scope.at(*place)? {
                Term::List(list) => Some(Term::Bool(list.contains(key))),
                _ => None,
            },
            _ => self.number(scope).map(Term::Number),
        }
    }

    /// Whether the rule holds; none if that is unknown.
    pub(super) fn holds(&self, scope: Scope<'_>) -> Option<bool> {
        match self.evaluate(scope)? {
            Term::Bool(bool) => Some(bool),
            _ => None,
        }
    }

    fn number(&self, scope: Scope<'_>) -> Option<Number> {
        match self {
            Self::Arithmetic(left, operation, right) => {
                let (left, right) = (left.number(scope)?, right.number(scope)?);
                match operation {
                    Operation::Plus => left.plus(right),
                    Operation::Minus => left.minus(right),
                    Operation::Times => left.times(right),
                    Operation::Over => left.over(right),
                }
            }
            Self::OfOption(place, numbers) => match scope.at(*place)? {
                Term::Text(chosen) => {
                    numbers.iter().find(|(key, _)| key == chosen).map(|(_, number)| *number)
                }
                _ => None,
            },
            Self::Length(place) => match scope.at(*place) {
                Some(Term::Text(text)) => whole(text.chars().count()),
                _ => Some(Number::ZERO),
            },
            Self::Count(places) => whole(places.iter().map(|place| given(scope.at(*place))).sum()),
            Self::Rounded(inner, decimals) => inner.number(scope)?.round(*decimals),
            Self::Floor(inner) => Some(inner.number(scope)?.floor()),
            Self::Abs(inner) => Some(inner.number(scope)?.abs()),
            Self::Sum(parts) => {
                parts.iter().try_fold(Number::ZERO, |sum, part| sum.plus(part.number(scope)?))
            }
            Self::Between(span, from, to) => between(*span, from.evaluate(scope)?, to.evaluate(scope)?),
            _ => match self.evaluate(scope)? {
                Term::Number(number) => Some(number),
                _ => None,
            },
        }
    }

    /// Every place that is read, in the order of writing.
    pub(super) fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        self.collect(&mut places);
        places
    }

    fn collect(&self, places: &mut Vec<Place>) {
        match self {
            Self::Number(_) | Self::Text(_) | Self::Bool(_) => {}
            Self::Place(place) | Self::Has(place, _) | Self::OfOption(place, _) | Self::Length(place) => {
                places.push(*place);
            }
            Self::Count(counted) => places.extend(counted),
            Self::Any(parts) | Self::All(parts) | Self::Sum(parts) => {
                parts.iter().for_each(|part| part.collect(places));
            }
            Self::Not(inner) | Self::Rounded(inner, _) | Self::Floor(inner) | Self::Abs(inner) => {
                inner.collect(places);
            }
            Self::Compare(left, _, right)
            | Self::Arithmetic(left, _, right)
            | Self::Between(_, left, right) => {
                left.collect(places);
                right.collect(places);
            }
        }
    }
}

/// `or` (`settles` is true) or `and` (false): one part that settles it is enough, whatever else is unknown.
fn decided(parts: &[Expression], scope: Scope<'_>, settles: bool) -> Option<bool> {
    let mut all_known = true;
    for part in parts {
        match part.holds(scope) {
            Some(holds) if holds == settles => return Some(settles),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!settles)
}

fn compared(left: Term<'_>, comparison: Comparison, right: Term<'_>) -> Option<bool> {
    match (left, right) {
        (Term::Number(left), Term::Number(right)) => Some(match comparison {
            Comparison::Less => left < right,
            Comparison::AtMost => left <= right,
            Comparison::Greater => left > right,
            Comparison::AtLeast => left >= right,
            Comparison::Equal => left == right,
            Comparison::Different => left != right,
        }),
        (left, right) => match comparison {
            Comparison::Equal => Some(left == right),
            Comparison::Different => Some(left != right),
            _ => None,
        },
    }
}

fn whole(count: usize) -> Option<Number> {
    i64::try_from(count).ok().map(Number::from)
}

fn given(term: Option<Term<'_>>) -> usize {
    match term {
        None => 0,
        Some(Term::List(list)) => list.len(),
        Some(_) => 1,
    }
}

/// Completed years, months and days are civil; hours are exact.
fn between(span: Span, from: Term<'_>, to: Term<'_>) -> Option<Number> {
    if let (Span::Hours, Term::Instant(from), Term::Instant(to)) = (span, from, to) {
        return Number::fraction(i128::from((to - from).num_microseconds()?), 3_600_000_000);
    }
    let (from, to) = (day_of(from)?, day_of(to)?);
    match span {
        Span::Years => Some(Number::from(i64::from(age_in_years(from, to)))),
        Span::Months => Some(Number::from(i64::from(age_in_months(from, to)))),
        Span::Days => Some(Number::from((to - from).num_days())),
        Span::Hours => None,
    }
}

fn day_of(term: Term<'_>) -> Option<NaiveDate> {
    match term {
        Term::Day(day) => Some(day),
        Term::Instant(instant) => Some(day_in_china(instant)),
        _ => None,
    }
}

/// Gives a tree its meaning and type; `find` knows the names.
pub(super) fn understand<'n>(
    tree: &Tree,
    find: &dyn Fn(&str) -> Option<Meaning<'n>>,
) -> Result<(Expression, Type), String> {
    Reader { find }.read(tree)
}

struct Reader<'f, 'n> {
    find: &'f dyn Fn(&str) -> Option<Meaning<'n>>,
}

impl<'n> Reader<'_, 'n> {
    fn read(&self, tree: &Tree) -> Result<(Expression, Type), String> {
        match tree {
            Tree::Number(number) => {
                let shape = if number.is_whole() { Type::Whole } else { Type::Decimal };
                Ok((Expression::Number(*number), shape))
            }
            Tree::Text(text) => Ok((Expression::Text(text.clone()), Type::Text)),
            Tree::Bool(bool) => Ok((Expression::Bool(*bool), Type::Bool)),
            Tree::Name(name) => {
                let meaning = self.meaning(name)?;
                Ok((Expression::Place(meaning.place), meaning.shape))
            }
            Tree::Any(parts) => Ok((Expression::Any(self.rules(parts)?), Type::Bool)),
            Tree::All(parts) => Ok((Expression::All(self.rules(parts)?), Type::Bool)),
            Tree::Not(inner) => Ok((Expression::Not(Box::new(self.rule(inner)?)), Type::Bool)),
            Tree::Compare(left, comparison, right) => self.comparison(left, *comparison, right),
            Tree::Has(list, key) => self.has(list, key),
            Tree::Arithmetic(left, operation, right) => self.arithmetic(left, *operation, right),
            Tree::Call(function, arguments) => self.call(function, arguments),
        }
    }

    fn meaning(&self, name: &str) -> Result<Meaning<'n>, String> {
        (self.find)(name).ok_or_else(|| format!("`{name}` is no field, fact or source"))
    }

    fn rules(&self, parts: &[Tree]) -> Result<Vec<Expression>, String> {
        parts.iter().map(|part| self.rule(part)).collect()
    }

    fn rule(&self, tree: &Tree) -> Result<Expression, String> {
        match self.read(tree)? {
            (expression, Type::Bool) => Ok(expression),
            (_, shape) => {
                Err(format!("a rule wants yes or no where a value of type {} stands", shape.word()))
            }
        }
    }

    fn number(&self, tree: &Tree) -> Result<(Box<Expression>, Type), String> {
        match self.read(tree)? {
            (expression, shape) if shape.is_number() => Ok((Box::new(expression), shape)),
            (_, shape) => Err(format!("a number is wanted where a value of type {} stands", shape.word())),
        }
    }

    fn time(&self, tree: &Tree) -> Result<(Box<Expression>, Type), String> {
        match self.read(tree)? {
            (expression, shape) if shape.is_time() => Ok((Box::new(expression), shape)),
            (_, shape) => Err(format!("a time is wanted where a value of type {} stands", shape.word())),
        }
    }

    fn comparison(
        &self,
        left: &Tree,
        comparison: Comparison,
        right: &Tree,
    ) -> Result<(Expression, Type), String> {
        let ((left_side, left_shape), (right_side, right_shape)) = (self.read(left)?, self.read(right)?);
        let both_numbers = left_shape.is_number() && right_shape.is_number();
        let same_words = left_shape == right_shape && matches!(left_shape, Type::Text | Type::Bool);
        let is_equality = matches!(comparison, Comparison::Equal | Comparison::Different);
        let comparable = both_numbers || (same_words && is_equality);
        if !comparable {
            return Err(format!("{} and {} are not compared so", left_shape.word(), right_shape.word()));
        }
        if let (Tree::Name(name), Tree::Text(key)) = (left, right) {
            self.known_option(name, key)?;
        }
        Ok((Expression::Compare(Box::new(left_side), comparison, Box::new(right_side)), Type::Bool))
    }

    fn has(&self, list: &Tree, key: &str) -> Result<(Expression, Type), String> {
        let Tree::Name(name) = list else { return Err("`has` wants the name of a list".into()) };
        let meaning = self.meaning(name)?;
        if meaning.shape != Type::List {
            return Err(format!("`has` wants a list, and `{name}` is of type {}", meaning.shape.word()));
        }
        self.known_option(name, key)?;
        Ok((Expression::Has(meaning.place, key.to_owned()), Type::Bool))
    }

    /// A rule that asks for an option that does not exist would never fire.
    fn known_option(&self, name: &str, key: &str) -> Result<(), String> {
        let options = self.meaning(name)?.options;
        if options.is_empty() || options.iter().any(|(option, _)| *option == key) {
            return Ok(());
        }
        Err(format!("`{key}` is no option of `{name}`"))
    }

    fn arithmetic(
        &self,
        left: &Tree,
        operation: Operation,
        right: &Tree,
    ) -> Result<(Expression, Type), String> {
        let ((left, left_shape), (right, right_shape)) = (self.number(left)?, self.number(right)?);
        let whole = operation != Operation::Over && left_shape == Type::Whole && right_shape == Type::Whole;
        let shape = if whole { Type::Whole } else { Type::Decimal };
        Ok((Expression::Arithmetic(left, operation, right), shape))
    }

    fn call(&self, function: &str, arguments: &[Tree]) -> Result<(Expression, Type), String> {
        match (function, arguments) {
            ("floor", [inner]) => Ok((Expression::Floor(self.number(inner)?.0), Type::Whole)),
            ("abs", [inner]) => {
                let (inner, shape) = self.number(inner)?;
                Ok((Expression::Abs(inner), shape))
            }
            ("round", [inner, Tree::Number(decimals)]) => {
                let decimals = decimals.whole().and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= 6);
                let decimals = decimals.ok_or("`round` wants 0 to 6 decimals")?;
                let shape = if decimals == 0 { Type::Whole } else { Type::Decimal };
                Ok((Expression::Rounded(self.number(inner)?.0, decimals), shape))
            }
            ("sum", parts) => {
                let parts = parts.iter().map(|part| self.number(part)).collect::<Result<Vec<_>, _>>()?;
                let whole = parts.iter().all(|(_, shape)| *shape == Type::Whole);
                let shape = if whole { Type::Whole } else { Type::Decimal };
                Ok((Expression::Sum(parts.into_iter().map(|(part, _)| *part).collect()), shape))
            }
            ("rank", [Tree::Name(name)]) => self.of_option(name, |place, _| i64::try_from(place).ok()),
            ("code", [Tree::Name(name)]) => self.of_option(name, |_, code| code.parse().ok()),
            ("length", [Tree::Name(name)]) => {
                let meaning = self.meaning(name)?;
                Ok((Expression::Length(meaning.place), Type::Whole))
            }
            ("count", names) => {
                let places = names.iter().map(|tree| match tree {
                    Tree::Name(name) => self.meaning(name).map(|meaning| meaning.place),
                    _ => Err("`count` wants names of fields".to_owned()),
                });
                Ok((Expression::Count(places.collect::<Result<_, _>>()?), Type::Whole))
            }
            ("age_years", [from, to]) => self.between(Span::Years, from, to),
            ("age_months" | "months_between", [from, to]) => self.between(Span::Months, from, to),
            ("days_between", [from, to]) => self.between(Span::Days, from, to),
            ("hours_between", [from, to]) => self.between(Span::Hours, from, to),
            (function, _) => Err(format!("there is no `{function}` with these arguments")),
        }
    }

    fn of_option(
        &self,
        name: &str,
        number: impl Fn(usize, &str) -> Option<i64>,
    ) -> Result<(Expression, Type), String> {
        let meaning = self.meaning(name)?;
        let numbers = meaning.options.iter().enumerate().map(|(place, (key, code))| {
            let number =
                number(place, code).ok_or_else(|| format!("the code `{code}` of `{name}` is no number"))?;
            Ok(((*key).to_owned(), Number::from(number)))
        });
        let numbers = numbers.collect::<Result<Vec<_>, String>>()?;
        if meaning.shape != Type::Text || numbers.is_empty() {
            return Err(format!("`{name}` is no choice of one option"));
        }
        Ok((Expression::OfOption(meaning.place, numbers), Type::Whole))
    }

    fn between(&self, span: Span, from: &Tree, to: &Tree) -> Result<(Expression, Type), String> {
        let ((from, from_shape), (to, to_shape)) = (self.time(from)?, self.time(to)?);
        if span == Span::Hours && (from_shape, to_shape) != (Type::Instant, Type::Instant) {
            return Err("hours are counted between two instants".into());
        }
        let shape = if span == Span::Hours { Type::Decimal } else { Type::Whole };
        Ok((Expression::Between(span, from, to), shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::rule::parse;

    /// Fields of a record that exists only here: two numbers, a text, a list, a choice and two times.
    const NAMES: [(&str, Type); 7] = [
        ("a", Type::Whole),
        ("b", Type::Decimal),
        ("note", Type::Text),
        ("signs", Type::List),
        ("grade", Type::Text),
        ("from", Type::Instant),
        ("to", Type::Instant),
    ];

    fn understood(rule: &str) -> Result<(Expression, Type), String> {
        understand(&parse(rule)?, &|name| {
            let slot = NAMES.iter().position(|(known, _)| *known == name)?;
            let options = if name == "grade" { vec![("green", "1"), ("red", "4")] } else { Vec::new() };
            Some(Meaning { place: Place::Record(slot), shape: NAMES[slot].1, options })
        })
    }

    fn instant(text: &str) -> Option<Value> {
        Some(Value::Instant(text.parse().unwrap()))
    }

    fn number(units: i128, decimals: u32) -> Option<Value> {
        Number::scaled(units, decimals).map(Value::Number)
    }

    fn evaluated(rule: &str, record: &[Option<Value>]) -> Option<Value> {
        let (facts, sources) = (Facts::default(), Sources::default());
        let scope = Scope { record, item: &[], facts: &facts, sources: &sources };
        understood(rule).unwrap().0.evaluate(scope).map(Term::to_value)
    }

    #[test]
    fn unknown_never_counts_as_yes_or_no() {
        let record = [number(3, 0)];
        let cases = [
            ("a == 3 or b > 1", Some(true)),
            ("b > 1 or a == 3", Some(true)),
            ("a == 4 or b > 1", None),
            ("a == 4 and b > 1", Some(false)),
            ("b > 1 and a == 4", Some(false)),
            ("a == 3 and b > 1", None),
            ("not b > 1", None),
            ("b != 1", None),
            ("not a == 4", Some(true)),
            ("signs has 'x'", None),
        ];
        for (rule, expected) in cases {
            assert_eq!(evaluated(rule, &record), expected.map(Value::Bool), "{rule}");
        }
    }

    #[test]
    fn functions_compute_exactly() {
        let record = [
            number(7, 0),
            number(25, 1),
            Some(Value::Text("二字".into())),
            Some(Value::List(vec!["x".into(), "y".into()])),
            Some(Value::Text("red".into())),
            instant("2026-11-19T16:30:00Z"),
            instant("2026-11-20T15:45:00Z"),
        ];
        let cases = [
            ("a - 7 * floor(a / 7)", number(0, 0)),
            ("floor(0 - b)", number(-3, 0)),
            ("abs(b - a)", number(45, 1)),
            ("round(a / 3, 2)", number(233, 2)),
            ("sum(a, b, 1)", number(105, 1)),
            ("a / (b - b)", None),
            ("length(note)", number(2, 0)),
            ("count(signs)", number(2, 0)),
            ("count(a, b, note)", number(3, 0)),
            ("code(grade)", number(4, 0)),
            ("rank(grade)", number(1, 0)),
            ("hours_between(from, to)", number(2325, 2)),
            ("days_between(from, to)", number(0, 0)),
            ("months_between(from, to)", number(0, 0)),
            ("age_years(from, to)", number(0, 0)),
        ];
        for (rule, expected) in cases {
            assert_eq!(evaluated(rule, &record), expected, "{rule}");
        }
        assert_eq!(
            evaluated("length(note) + count(a, b)", &[]),
            number(0, 0),
            "nothing given is none, not unknown"
        );
        assert_eq!(evaluated("code(grade)", &[]), None);
    }

    #[test]
    fn what_makes_no_sense_is_not_understood() {
        let cases = [
            ("a", Ok(Type::Whole)),
            ("a / 2", Ok(Type::Decimal)),
            ("round(a / 2, 0)", Ok(Type::Whole)),
            ("a + note", Err("a number is wanted")),
            ("note < 'b'", Err("not compared so")),
            ("note has 'x'", Err("`has` wants a list")),
            ("grade == 'blue'", Err("no option")),
            ("rank(note)", Err("no choice")),
            ("not a", Err("wants yes or no")),
            ("age_years(a, to)", Err("a time is wanted")),
            ("sqrt(a)", Err("there is no `sqrt`")),
            ("round(a, 1.5)", Err("0 to 6 decimals")),
        ];
        for (rule, expected) in cases {
            match (understood(rule), expected) {
                (Ok((_, shape)), Ok(wanted)) => assert_eq!(shape, wanted, "{rule}"),
                (Err(error), Err(why)) => assert!(error.contains(why), "{rule}: {error}"),
                (got, _) => panic!("{rule}: {got:?}"),
            }
        }
    }
}
