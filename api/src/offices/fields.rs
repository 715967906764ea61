//! Checks of typed-in fields that report every wrong one at once, for a form and for a row of an import alike.

use chrono::NaiveDate;
use domain::person::{Phone, parse_name};

use crate::error::{ApiError, FieldProblem};

/// Wrong fields below one pointer: the body of a request, or one row of a sheet.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    under: String,
    wrong: Vec<FieldProblem>,
}

impl Fields {
    /// The fields of one row.
    pub(crate) fn of_row(row: usize) -> Self {
        Self { under: format!("/{row}"), wrong: Vec::new() }
    }

    /// Says that a field is wrong.
    pub(crate) fn refuse(&mut self, field: &str, code: &str, zh: impl Into<String>, en: impl Into<String>) {
        self.wrong.push(FieldProblem::new(format!("{}/{field}", self.under), code, zh, en));
    }

    /// A text of one line, trimmed, with 1 to `most` characters.
    pub(crate) fn line(&mut self, field: &str, text: &str, most: usize) -> String {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 || length > most || text.chars().any(char::is_control) {
            self.refuse(
                field,
                "out_of_range",
                format!("应为1至{most}个字符的一行文字。"),
                format!("1 to {most} characters in one line are allowed."),
            );
        }
        text.to_owned()
    }

    /// The name of a person.
    pub(crate) fn person_name(&mut self, field: &str, text: &str) -> String {
        parse_name(text).unwrap_or_else(|_| {
            self.refuse(field, "out_of_range", "姓名应为1至50个字符。", "A name has 1 to 50 characters.");
            String::new()
        })
    }

    /// A phone number.
    pub(crate) fn phone(&mut self, field: &str, text: &str) -> String {
        match Phone::parse(text) {
            Ok(phone) => phone.as_str().to_owned(),
            Err(_) => {
                self.refuse(
                    field,
                    "not_a_phone",
                    "电话应为11位手机号、带区号的固定电话，或以+和国家代码开头。",
                    "A phone number has 11 digits, or is a landline with area code, or begins with + and the country code.",
                );
                String::new()
            }
        }
    }

    /// A day that may not lie in the future.
    pub(crate) fn past_day(&mut self, field: &str, day: NaiveDate, today: NaiveDate) {
        if day > today {
            self.refuse(field, "in_future", format!("{day}在将来。"), format!("{day} is in the future."));
        }
    }

    /// A list in which nothing may stand twice.
    pub(crate) fn no_twice<T: PartialEq>(&mut self, field: &str, list: &[T]) {
        let twice =
            list.iter().enumerate().any(|(at, one)| list.iter().skip(at + 1).any(|other| other == one));
        if twice {
            self.refuse(field, "twice", "有重复项。", "Something stands twice in the list.");
        }
    }

    /// Takes in what else was wrong.
    pub(crate) fn join(&mut self, other: Self) {
        self.wrong.extend(other.wrong);
    }

    /// Calls a field by the name that it has in a sheet.
    pub(crate) fn rename(&mut self, field: &str, column: &str) {
        let (from, to) = (format!("{}/{field}", self.under), format!("{}/{column}", self.under));
        for wrong in self.wrong.iter_mut().filter(|wrong| wrong.pointer == from) {
            wrong.pointer.clone_from(&to);
        }
    }

    /// Whether nothing was wrong so far.
    pub(crate) fn are_right(&self) -> bool {
        self.wrong.is_empty()
    }

    /// What was wrong.
    pub(crate) fn into_wrong(self) -> Vec<FieldProblem> {
        self.wrong
    }

    /// Refuses when anything was wrong.
    pub(crate) fn check(self) -> Result<(), ApiError> {
        if self.wrong.is_empty() { Ok(()) } else { Err(ApiError::Invalid(self.wrong)) }
    }
}
