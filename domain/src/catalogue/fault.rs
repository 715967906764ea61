//! What is wrong with a field, and how it is said: the field, what came, what is allowed.

use chrono::NaiveDate;
use serde::Serialize;

use super::number::Number;
use crate::text::{Label, Language};

/// One thing that is wrong with a payload.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldError {
    /// JSON pointer, relative to the payload.
    pub pointer: String,
    /// The field as the form prints it; none for a field that does not exist.
    pub label: Option<Label>,
    /// What is wrong.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What is wrong; its code is stable.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Fault {
    /// The kind has no such field.
    UnknownField,
    /// Not of the type that the field holds.
    WrongType {
        /// What it holds.
        expected: Expected,
    },
    /// Missing.
    Required,
    /// The condition under which the field applies does not hold.
    NotApplicable,
    /// The server fills it.
    ServerFilled,
    /// It is computed.
    Derived,
    /// Below the range.
    BelowRange(Box<Range>),
    /// Above the range.
    AboveRange(Box<Range>),
    /// More decimals than the field holds.
    TooManyDecimals {
        /// How many it holds.
        decimals: u32,
    },
    /// A unit in which the field is not given.
    UnknownUnit {
        /// Codes of the units in which it may be given.
        allowed: Vec<String>,
    },
    /// No option of the field.
    NotAnOption {
        /// The first options.
        options: Vec<OptionName>,
        /// How many options there are.
        count: usize,
    },
    /// An option that excludes the others stands beside another.
    ExclusiveOption {
        /// The option.
        option: Label,
    },
    /// The same thing twice.
    DuplicateItem,
    /// Too many characters.
    TooLong {
        /// At most so many.
        max_length: usize,
    },
    /// Too many items.
    TooManyItems {
        /// At most so many.
        max: usize,
    },
    /// Too few items.
    TooFewItems {
        /// At least so many.
        min: usize,
    },
    /// No date, or no instant with an offset, as ISO 8601 writes it.
    BadDate {
        /// What it holds.
        expected: Expected,
    },
    /// Later than now.
    InTheFuture,
    /// Earlier than the field can be.
    TooEarly {
        /// Not before this day.
        earliest: NaiveDate,
    },
    /// Not on the day of the record.
    OtherDay {
        /// The day of the record.
        day: NaiveDate,
    },
    /// No id.
    BadReference,
    /// A rule of the kind refuses it.
    RefusedByRule {
        /// Id of the rule.
        id: String,
        /// Why.
        reason: Label,
    },
    /// A rule asks whether it is really so.
    ConfirmNeeded {
        /// Id of the rule, to be sent back as confirmed.
        id: String,
        /// What to check.
        reason: Label,
    },
    /// A control character or one that reorders text.
    ControlCharacter,
    /// Names the sex of a fetus.
    NamesFetalSex,
}

crate::word::words! {
    /// What a field expects.
    pub enum Expected {
        Integer = "integer", "整数", "a whole number";
        Decimal = "decimal", "数字", "a number";
        Text = "text", "文字", "a text";
        Choice = "option", "一个选项", "one option";
        Choices = "options", "选项列表", "a list of options";
        Reference = "id", "编号（UUID）", "an id (UUID)";
        References = "ids", "编号（UUID）列表", "a list of ids (UUID)";
        Date = "date", "日期（如 2026-11-21）", "a date such as 2026-11-21";
        Month = "month", "月份（如 2026-11-01）", "the first of a month, such as 2026-11-01";
        Instant = "datetime", "带时区的时间（如 2026-11-21T08:30:00+08:00）", "a time with its offset, such as 2026-11-21T08:30:00+08:00";
        Bool = "bool", "是或否（true/false）", "true or false";
        Item = "object", "一项记录（对象）", "an object";
        Items = "array", "列表", "a list";
    }
}

/// The range of a number, and what came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Range {
    /// The least that is allowed.
    pub min: Option<Number>,
    /// The most that is allowed.
    pub max: Option<Number>,
    /// The unit.
    pub unit: Option<Label>,
    /// What came; none for a sensitive field.
    pub came: Option<Number>,
}

/// An option in a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptionName {
    /// Key.
    pub key: String,
    /// Label.
    #[serde(flatten)]
    pub label: Label,
}

impl Fault {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownField => "unknown_field",
            Self::WrongType { .. } => "wrong_type",
            Self::Required => "required",
            Self::NotApplicable => "not_applicable",
            Self::ServerFilled => "server_filled",
            Self::Derived => "derived",
            Self::BelowRange(_) => "below_range",
            Self::AboveRange(_) => "above_range",
            Self::TooManyDecimals { .. } => "too_many_decimals",
            Self::UnknownUnit { .. } => "unknown_unit",
            Self::NotAnOption { .. } => "not_an_option",
            Self::ExclusiveOption { .. } => "exclusive_option",
            Self::DuplicateItem => "duplicate_item",
            Self::TooLong { .. } => "too_long",
            Self::TooManyItems { .. } => "too_many_items",
            Self::TooFewItems { .. } => "too_few_items",
            Self::BadDate { .. } => "bad_date",
            Self::InTheFuture => "in_the_future",
            Self::TooEarly { .. } => "too_early",
            Self::OtherDay { .. } => "other_day",
            Self::BadReference => "bad_reference",
            Self::RefusedByRule { .. } => "refused_by_rule",
            Self::ConfirmNeeded { .. } => "confirm_needed",
            Self::ControlCharacter => "control_character",
            Self::NamesFetalSex => "names_fetal_sex",
        }
    }
}

impl FieldError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// One sentence for a person.
    pub fn message(&self, language: Language) -> String {
        let Some(label) = &self.label else { return self.fault.told(language) };
        let (name, told) = (label.get(language), self.fault.told(language));
        match language {
            Language::Chinese => format!("{name}：{told}"),
            Language::English => format!("{name}: {told}"),
        }
    }
}

impl Fault {
    fn told(&self, language: Language) -> String {
        match language {
            Language::Chinese => self.told_in_chinese(),
            Language::English => self.told_in_english(),
        }
    }

    fn told_in_chinese(&self) -> String {
        match self {
            Self::UnknownField => "没有这个栏目".into(),
            Self::WrongType { expected } => format!("应为{}", expected.zh()),
            Self::Required => "必须填写".into(),
            Self::NotApplicable => "在当前填写的情况下不适用，请留空".into(),
            Self::ServerFilled => "由系统自动填写，请勿提交".into(),
            Self::Derived => "由系统计算，请勿提交".into(),
            Self::BelowRange(range) => {
                format!("{}低于允许范围，{}", range.came_in_chinese(), range.in_chinese())
            }
            Self::AboveRange(range) => {
                format!("{}高于允许范围，{}", range.came_in_chinese(), range.in_chinese())
            }
            Self::TooManyDecimals { decimals: 0 } => "应为整数".into(),
            Self::TooManyDecimals { decimals } => format!("最多 {decimals} 位小数"),
            Self::UnknownUnit { allowed } => format!("单位应为：{}", allowed.join("、")),
            Self::NotAnOption { options, count } => {
                format!("不在选项中，{}", options_in_chinese(options, *count))
            }
            Self::ExclusiveOption { option } => format!("选择“{}”时不能再选其他项", option.zh),
            Self::DuplicateItem => "重复".into(),
            Self::TooLong { max_length } => format!("最多 {max_length} 个字"),
            Self::TooManyItems { max } => format!("最多 {max} 项"),
            Self::TooFewItems { min } => format!("至少 {min} 项"),
            Self::BadDate { expected } => format!("应为{}", expected.zh()),
            Self::InTheFuture => "不能晚于现在".into(),
            Self::TooEarly { earliest } => format!("不能早于 {earliest}"),
            Self::OtherDay { day } => format!("应为记录当天 {day}"),
            Self::BadReference => "应为编号（UUID）".into(),
            Self::RefusedByRule { reason, .. } => reason.zh.clone(),
            Self::ConfirmNeeded { reason, id } => {
                format!("{}（如无误，请在confirmed中加上“{id}”后再次提交）", reason.zh)
            }
            Self::ControlCharacter => "含有不可见的控制字符，请删除".into(),
            Self::NamesFetalSex => "出生前不得记录胎儿性别，请删除相关文字".into(),
        }
    }

    fn told_in_english(&self) -> String {
        match self {
            Self::UnknownField => "there is no such field".into(),
            Self::WrongType { expected } => format!("should be {}", expected.en()),
            Self::Required => "is required".into(),
            Self::NotApplicable => "does not apply with these answers; leave it out".into(),
            Self::ServerFilled => "is filled in by the server; leave it out".into(),
            Self::Derived => "is computed by the server; leave it out".into(),
            Self::BelowRange(range) => {
                format!("{}below the range; {}", range.came_in_english(), range.in_english())
            }
            Self::AboveRange(range) => {
                format!("{}above the range; {}", range.came_in_english(), range.in_english())
            }
            Self::TooManyDecimals { decimals: 0 } => "should be a whole number".into(),
            Self::TooManyDecimals { decimals: 1 } => "has more than 1 decimal".into(),
            Self::TooManyDecimals { decimals } => format!("has more than {decimals} decimals"),
            Self::UnknownUnit { allowed } => format!("the unit should be one of: {}", allowed.join(", ")),
            Self::NotAnOption { options, count } => {
                format!("is no option; {}", options_in_english(options, *count))
            }
            Self::ExclusiveOption { option } => format!("\"{}\" excludes every other option", option.en),
            Self::DuplicateItem => "stands there twice".into(),
            Self::TooLong { max_length } => format!("has more than {max_length} characters"),
            Self::TooManyItems { max } => format!("has more than {max} items"),
            Self::TooFewItems { min } => format!("has fewer than {min} items"),
            Self::BadDate { expected } => format!("should be {}", expected.en()),
            Self::InTheFuture => "is later than now".into(),
            Self::TooEarly { earliest } => format!("is earlier than {earliest}"),
            Self::OtherDay { day } => format!("should be on {day}, the day of the record"),
            Self::BadReference => "should be an id (UUID)".into(),
            Self::RefusedByRule { reason, .. } => reason.en.clone(),
            Self::ConfirmNeeded { reason, id } => {
                format!("{} (if it is right, add \"{id}\" to `confirmed` and send again)", reason.en)
            }
            Self::ControlCharacter => "holds an invisible control character; remove it".into(),
            Self::NamesFetalSex => "must not name the sex of a fetus before birth; remove those words".into(),
        }
    }
}

impl Range {
    fn came_in_chinese(&self) -> String {
        self.came.map(|came| format!("填写的 {came} ")).unwrap_or_default()
    }

    fn came_in_english(&self) -> String {
        self.came.map(|came| format!("{came} is ")).unwrap_or_default()
    }

    fn in_chinese(&self) -> String {
        let unit = self.unit.as_ref().map(|unit| format!(" {}", unit.zh)).unwrap_or_default();
        match (self.min, self.max) {
            (Some(min), Some(max)) => format!("应为 {min}～{max}{unit}"),
            (Some(min), None) => format!("应不低于 {min}{unit}"),
            (None, Some(max)) => format!("应不高于 {max}{unit}"),
            (None, None) => String::new(),
        }
    }

    fn in_english(&self) -> String {
        let unit = self.unit.as_ref().map(|unit| format!(" {}", unit.en)).unwrap_or_default();
        match (self.min, self.max) {
            (Some(min), Some(max)) => format!("allowed is {min} to {max}{unit}"),
            (Some(min), None) => format!("allowed is {min}{unit} or more"),
            (None, Some(max)) => format!("allowed is {max}{unit} or less"),
            (None, None) => String::new(),
        }
    }
}

fn options_in_chinese(options: &[OptionName], count: usize) -> String {
    let names: Vec<String> =
        options.iter().map(|option| format!("{}（{}）", option.key, option.label.zh)).collect();
    let more = if count > options.len() { format!(" 等 {count} 项") } else { String::new() };
    format!("可选：{}{more}", names.join("、"))
}

fn options_in_english(options: &[OptionName], count: usize) -> String {
    let names: Vec<String> =
        options.iter().map(|option| format!("{} ({})", option.key, option.label.en)).collect();
    let more = if count > options.len() { format!(" and others, {count} in all") } else { String::new() };
    format!("options are {}{more}", names.join(", "))
}

/// A pointer one step deeper, escaped as RFC 6901 asks.
pub(super) fn step(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_field_what_came_and_what_is_allowed() {
        let range = Range {
            min: Some(Number::from(40)),
            max: Some(Number::from(300)),
            unit: Some(Label::new("mmHg", "mmHg")),
            came: Some(Number::from(400)),
        };
        let error = FieldError {
            pointer: "/systolic".into(),
            label: Some(Label::new("收缩压", "Systolic")),
            fault: Fault::AboveRange(Box::new(range)),
        };
        assert_eq!(error.message(Language::Chinese), "收缩压：填写的 400 高于允许范围，应为 40～300 mmHg");
        assert_eq!(
            error.message(Language::English),
            "Systolic: 400 is above the range; allowed is 40 to 300 mmHg"
        );
        let json = serde_json::to_value(&error).unwrap();
        assert_eq!(json["code"], error.code());
        assert_eq!(json["max"], 300);
    }

    #[test]
    fn a_pointer_is_escaped() {
        assert_eq!(step("/newborn/1", "a/b~c"), "/newborn/1/a~1b~0c");
    }
}
