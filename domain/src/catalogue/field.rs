//! A field: its type with units, limits that refuse and limits that warn, options, and who fills it.

use serde::Serialize;

use super::expression::Expression;
use super::ground::Ground;
use super::number::Number;
use super::sources::Source;
use super::value::Type;
use crate::text::Label;

/// One field of a kind, in print order.
#[derive(Debug, Clone)]
pub struct Field {
    /// Key in the payload.
    pub key: String,
    /// What the form prints.
    pub label: Label,
    /// Key of its group.
    pub group: Option<String>,
    /// What it holds.
    pub shape: Shape,
    /// Who fills it.
    pub origin: Origin,
    /// Must be given (where `when` holds).
    pub required: bool,
    /// Must also be given where this holds.
    pub required_when: Option<Rule>,
    /// Applies only where this holds; else it must be absent.
    pub when: Option<Rule>,
    /// Kept in the encrypted part, shown only with the extra right, never repeated in a message.
    pub sensitive: bool,
    /// Marked * on the printed form.
    pub star: bool,
    /// A remark for whoever draws or keeps the form.
    pub note: Option<String>,
    pub(super) sealed: bool,
    pub(super) slot: usize,
    /// Place of the repeating group in which it stands.
    pub(super) repeating: Option<usize>,
}

impl Field {
    /// Whether it is kept in the encrypted part of a record: sensitive, free text, or who somebody is.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Whether a body may carry it.
    pub fn is_input(&self) -> bool {
        matches!(self.origin, Origin::Input)
    }

    /// The options, if it is a choice.
    pub fn options(&self) -> &[Choice] {
        match &self.shape {
            Shape::Choice(options) | Shape::Choices { options, .. } => options,
            _ => &[],
        }
    }

    pub(super) fn type_of(&self) -> Type {
        match &self.shape {
            Shape::Integer(_) => Type::Whole,
            Shape::Decimal { .. } => Type::Decimal,
            Shape::Bool => Type::Bool,
            Shape::Date(_) => Type::Day,
            Shape::Instant(_) => Type::Instant,
            Shape::Choices { .. } | Shape::References { .. } => Type::List,
            Shape::Text { .. } | Shape::Reference(_) | Shape::Choice(_) => Type::Text,
        }
    }

    /// Unit and limits, if it is a number.
    pub fn quantity(&self) -> Option<&Quantity> {
        match &self.shape {
            Shape::Integer(quantity) | Shape::Decimal { quantity, .. } => Some(quantity),
            _ => None,
        }
    }
}

/// Who fills a field.
#[derive(Debug, Clone)]
pub enum Origin {
    /// Whoever writes the record.
    Input,
    /// The server, from what it knows (`person.name`).
    Server(Filled),
    /// Computed from other values.
    Derived(Rule),
}

/// What the server fills a field from.
#[derive(Debug, Clone, Copy)]
pub struct Filled(pub(super) Source);

impl Filled {
    /// Name of the source in the data files.
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

/// A rule or derived value: its text in the data file, and what it means.
#[derive(Debug, Clone)]
pub struct Rule {
    /// As written in the data file.
    pub text: String,
    pub(super) expression: Expression,
    pub(super) ground: Ground,
}

/// What a field holds.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A whole number.
    Integer(Quantity),
    /// A number with decimals.
    Decimal {
        /// Unit and limits.
        quantity: Quantity,
        /// At most so many decimals.
        decimals: u32,
    },
    /// Free text of a person, or text that the server fills.
    Text {
        /// At most so many characters.
        max_length: usize,
    },
    /// The id (UUID) of something that is stored elsewhere.
    Reference(Referred),
    /// Ids (UUIDs) of things that are stored elsewhere.
    References {
        /// To what.
        referred: Referred,
        /// At least so many.
        min: usize,
        /// At most so many.
        max: usize,
    },
    /// One option.
    Choice(Vec<Choice>),
    /// Several options, each at most once.
    Choices {
        /// The options.
        options: Vec<Choice>,
        /// At least so many.
        min: usize,
    },
    /// A civil day.
    Date(Timing),
    /// An instant.
    Instant(Timing),
    /// Yes or no.
    Bool,
}

/// What an id points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Referred {
    /// A photo or scan that was uploaded.
    Attachment,
    /// A signature that was drawn and uploaded.
    Signature,
    /// Another record of the same handbook.
    Record,
}

/// Unit and limits of a number.
#[derive(Debug, Clone, Default)]
pub struct Quantity {
    /// Unit of the stored value.
    pub unit: Option<Unit>,
    /// Refused below; the bound itself is allowed.
    pub min: Option<Number>,
    /// Refused above; the bound itself is allowed.
    pub max: Option<Number>,
    /// Kept and warned of.
    pub warn: Vec<Limit>,
    /// Other units in which a body may give it, as `{"value": 95, "unit": "mg/dL"}`.
    pub alternatives: Vec<Alternative>,
}

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Code (UCUM where one exists).
    pub code: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A limit that warns.
#[derive(Debug, Clone)]
pub struct Limit {
    /// On which side.
    pub side: Side,
    /// The bound.
    pub bound: Number,
}

crate::word::words! {
    /// The side of a limit on which it warns.
    pub enum Side {
        Below = "warn_below", "低于", "below";
        AtOrBelow = "warn_at_or_below", "不高于", "at or below";
        AtOrAbove = "warn_at_or_above", "不低于", "at or above";
        Above = "warn_above", "高于", "above";
    }
}

impl Limit {
    /// Whether a value is on the side that warns.
    pub fn is_crossed(&self, value: Number) -> bool {
        match self.side {
            Side::Below => value < self.bound,
            Side::AtOrBelow => value <= self.bound,
            Side::AtOrAbove => value >= self.bound,
            Side::Above => value > self.bound,
        }
    }
}

/// Another unit of a number: the stored value is the given one times the factor.
#[derive(Debug, Clone)]
pub struct Alternative {
    /// The other unit.
    pub unit: Unit,
    /// Times this.
    pub factor: Number,
}

/// An option of a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Key in the payload; never changes its meaning.
    pub key: String,
    /// Code printed on the form.
    pub code: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
    /// Excludes every other option.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exclusive: bool,
    /// Heading under which a long list shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heading: Option<Label>,
}

/// What a day or an instant may be.
#[derive(Debug, Clone, Default)]
pub struct Timing {
    /// A plan: may lie in the future.
    pub future: bool,
    /// Only the month counts; the day is the first.
    pub month: bool,
    /// Not before this day that the server knows (the birth of the subject).
    pub not_before: Option<Filled>,
}
