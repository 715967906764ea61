//! What a field, a fact or a source can hold, and how a rule sees it.

use chrono::{DateTime, NaiveDate, Utc};

use super::number::Number;

/// The checked content of one field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(Number),
    /// A text, the key of an option, or the id of what is referred to.
    Text(String),
    Bool(bool),
    Day(NaiveDate),
    Instant(DateTime<Utc>),
    /// Keys of options, or ids.
    List(Vec<String>),
}

impl Value {
    pub(super) fn term(&self) -> Term<'_> {
        match self {
            Self::Number(number) => Term::Number(*number),
            Self::Text(text) => Term::Text(text),
            Self::Bool(bool) => Term::Bool(*bool),
            Self::Day(day) => Term::Day(*day),
            Self::Instant(instant) => Term::Instant(*instant),
            Self::List(list) => Term::List(list),
        }
    }
}

/// A value as a rule sees it, borrowed from where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Term<'a> {
    /// An exact number in the unit of the field or fact.
    Number(Number),
    /// A text or the key of an option.
    Text(&'a str),
    /// Yes or no.
    Bool(bool),
    /// A civil day.
    Day(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
    /// Keys of options.
    List(&'a [String]),
}

impl Term<'_> {
    pub(super) fn to_value(self) -> Value {
        match self {
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::Text(text.to_owned()),
            Self::Bool(bool) => Value::Bool(bool),
            Self::Day(day) => Value::Day(day),
            Self::Instant(instant) => Value::Instant(instant),
            Self::List(list) => Value::List(list.to_vec()),
        }
    }
}

/// The type of a value, known when a catalogue is loaded, so that a rule that compares a date with a number never loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// A number without decimals.
    Whole,
    /// A number.
    Decimal,
    /// A text or the key of an option.
    Text,
    /// Yes or no.
    Bool,
    /// A civil day.
    Day,
    /// An instant.
    Instant,
    /// Keys of options.
    List,
}

impl Type {
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Whole | Self::Decimal)
    }

    pub(super) fn is_time(self) -> bool {
        matches!(self, Self::Day | Self::Instant)
    }

    /// The word for it in the data files.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Whole => "integer",
            Self::Decimal => "decimal",
            Self::Text => "text",
            Self::Bool => "bool",
            Self::Day => "date",
            Self::Instant => "datetime",
            Self::List => "list",
        }
    }
}

/// A Rust type that a rule can read.
pub(super) trait Readable {
    const TYPE: Type;
    fn term(&self) -> Term<'_>;
}

macro_rules! readable {
    ($($type:ty => $kind:expr, |$value:ident| $term:expr;)+) => {
        $(impl Readable for $type {
            const TYPE: Type = $kind;
            fn term(&self) -> Term<'_> {
                let $value = self;
                $term
            }
        })+
    };
}

readable! {
    bool => Type::Bool, |value| Term::Bool(*value);
    i64 => Type::Whole, |value| Term::Number(Number::from(*value));
    Number => Type::Decimal, |value| Term::Number(*value);
    String => Type::Text, |value| Term::Text(value);
    Vec<String> => Type::List, |value| Term::List(value);
    NaiveDate => Type::Day, |value| Term::Day(*value);
    DateTime<Utc> => Type::Instant, |value| Term::Instant(*value);
}

/// One named member of a struct whose members are read by name.
pub(super) struct Named<S: 'static> {
    pub(super) name: &'static str,
    pub(super) shape: Type,
    pub(super) read: for<'a> fn(&'a S) -> Option<Term<'a>>,
}

impl<S> std::fmt::Debug for Named<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Declares a struct of optional members together with the names under which data files refer to them.
macro_rules! named {
    ($(#[$meta:meta])* pub struct $struct:ident; $($(#[$doc:meta])* $member:ident: $type:ty = $name:literal;)+) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $struct {
            $($(#[$doc])* pub $member: Option<$type>,)+
        }

        impl $struct {
            /// Every member by its name in the data files.
            pub(super) const MEMBERS: &'static [$crate::catalogue::value::Named<Self>] = &[$(
                $crate::catalogue::value::Named {
                    name: $name,
                    shape: <$type as $crate::catalogue::value::Readable>::TYPE,
                    read: |of| of.$member.as_ref().map($crate::catalogue::value::Readable::term),
                }
            ),+];

            pub(super) fn member(name: &str) -> Option<&'static $crate::catalogue::value::Named<Self>> {
                Self::MEMBERS.iter().find(|member| member.name == name)
            }
        }
    };
}

pub(super) use named;
