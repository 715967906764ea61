//! Reads what was typed, in the body of a request or a row of a sheet, and gathers everything that is wrong with it, so
//! that a clerk sees it at once.

use std::ops::RangeInclusive;

use chrono::NaiveDate;
use domain::calendar::is_of_our_time;
use domain::fetal_sex::Strictness;
use domain::handbook::claim::LastFour;
use domain::handbook::number::{HandbookNumber, NumberRefusal};
use domain::person::{IdNumber, IdentityRefusal, Phone, parse_line, parse_name};

use crate::error::{ApiError, FieldProblem};
use crate::remark::{Remark, naming_sex};

/// Longest address.
pub const ADDRESS: usize = 200;

/// Longest word of a small field: ethnicity, education, occupation.
pub const WORD: usize = 50;

/// Longest reason that staff give for what they do.
pub const REASON: usize = 500;

/// Characters of a reason, a note or an answer.
pub const REMARK: RangeInclusive<usize> = 1..=REASON;

/// A form that is being read: the body of a request, or one row of a sheet.
#[derive(Debug, Default)]
pub struct Form {
    under: String,
    wrong: Vec<FieldProblem>,
}

impl Form {
    /// One row of a sheet: what is wrong in it is named `/row/column`.
    pub fn of_row(row: usize) -> Self {
        Self { under: format!("/{row}"), wrong: Vec::new() }
    }

    /// Notes a wrong field.
    pub fn refuse(&mut self, pointer: &str, code: &str, zh: impl Into<String>, en: impl Into<String>) {
        self.wrong.push(FieldProblem::new(format!("{}{pointer}", self.under), code, zh, en));
    }

    /// Notes a field that is missing.
    pub fn require(&mut self, pointer: &str) {
        self.refuse(pointer, "required", "必须填写。", "This field is required.");
    }

    /// Notes a field that has no place here.
    pub fn forbid(&mut self, pointer: &str, is_given: bool) {
        if is_given {
            self.refuse(pointer, "not_for_this", "此处不能填写该字段。", "This field has no place here.");
        }
    }

    /// A name.
    pub fn name(&mut self, pointer: &str, text: &str) -> String {
        self.read(pointer, parse_name(text), 50).unwrap_or_default()
    }

    /// A text of one line that must be there.
    pub fn line(&mut self, pointer: &str, text: &str, longest: usize) -> String {
        self.read(pointer, parse_line(text, longest), longest).unwrap_or_default()
    }

    /// A text of one line that may be left out.
    pub fn optional_line(&mut self, pointer: &str, text: Option<&str>, longest: usize) -> Option<String> {
        text.and_then(|text| self.read(pointer, parse_line(text, longest), longest))
    }

    /// A reason, a note or an answer of so many characters that must be there; what it says is checked later.
    pub fn remark(&mut self, pointer: &str, text: &str, length: &RangeInclusive<usize>) -> Remark {
        self.keep(Remark::read(pointer, text, length)).unwrap_or_default()
    }

    /// The same where it may be left out; blank is left out.
    pub fn optional_remark(
        &mut self,
        pointer: &str,
        text: Option<&str>,
        length: &RangeInclusive<usize>,
    ) -> Option<Remark> {
        let text = text.filter(|text| !text.trim().is_empty())?;
        self.keep(Remark::read(pointer, text, length))
    }

    /// Words about a person (a name, an address) in a handbook with an unborn fetus: names and places may hold 男 and 女,
    /// and still none of them tells its sex.
    pub fn silent<'a>(&mut self, texts: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) {
        let told = |(pointer, text): (&str, Option<&str>)| naming_sex(pointer, text?, Strictness::Family);
        for wrong in texts.into_iter().filter_map(told) {
            self.wrong.push(wrong);
        }
    }

    /// A handbook number that may be left out.
    pub fn handbook_number(&mut self, pointer: &str, text: Option<&str>) -> Option<HandbookNumber> {
        text.and_then(|text| self.keep(handbook_number(pointer, text)))
    }

    /// An ID number that may be left out.
    pub fn id_number(&mut self, pointer: &str, text: Option<&str>) -> Option<IdNumber> {
        text.and_then(|text| self.read(pointer, IdNumber::parse(text), 0))
    }

    /// A phone number that may be left out.
    pub fn phone(&mut self, pointer: &str, text: Option<&str>) -> Option<Phone> {
        text.and_then(|text| self.read(pointer, Phone::parse(text), 0))
    }

    /// A list in which nothing may stand twice.
    pub fn no_twice<T: PartialEq>(&mut self, pointer: &str, list: &[T]) {
        let stands_before = |at: usize, one: &T| list.iter().take(at).any(|before| before == one);
        if list.iter().enumerate().any(|(at, one)| stands_before(at, one)) {
            self.refuse(pointer, "twice", "有重复项。", "Something stands twice in the list.");
        }
    }

    /// A day of the centuries that handbooks know.
    pub fn day(&mut self, pointer: &str, day: NaiveDate) -> Option<NaiveDate> {
        self.keep(day_of_our_time(pointer, day))
    }

    /// A day of these centuries that is not in the future.
    pub fn past(&mut self, pointer: &str, day: NaiveDate, today: NaiveDate) {
        if self.day(pointer, day).is_some_and(|day| day > today) {
            let (zh, en) = (format!("{day}在将来。"), format!("{day} is in the future."));
            self.refuse(pointer, "out_of_range", zh, en);
        }
    }

    /// A whole number within its range; the message names the range and the unit, Chinese and English.
    pub fn within(
        &mut self,
        pointer: &str,
        value: Option<i32>,
        range: &RangeInclusive<i32>,
        unit: (&str, &str),
    ) {
        if value.is_some_and(|value| !range.contains(&value)) {
            let (first, last) = (range.start(), range.end());
            let zh = format!("应为{first}至{last}{}。", unit.0);
            let en = format!("Must be {first} to {last} {}.", unit.1);
            self.refuse(pointer, "out_of_range", zh, en);
        }
    }

    /// A measured value within its range; the message names the range and the unit.
    pub fn measure(&mut self, pointer: &str, value: Option<f64>, range: &RangeInclusive<f64>, unit: &str) {
        if value.is_some_and(|value| !range.contains(&value)) {
            let (first, last) = (range.start(), range.end());
            let zh = format!("应为{first}至{last} {unit}。");
            let en = format!("Must be {first} to {last} {unit}.");
            self.refuse(pointer, "out_of_range", zh, en);
        }
    }

    /// The birth date: read from the ID number, which must not contradict the one that was typed.
    pub fn born_on(
        &mut self,
        pointer: &str,
        typed: Option<NaiveDate>,
        number: Option<&IdNumber>,
        today: NaiveDate,
    ) -> Option<NaiveDate> {
        let written = number.and_then(IdNumber::born_on);
        if let (Some(typed), Some(written)) = (typed, written)
            && typed != written
        {
            self.refuse(
                pointer,
                "contradiction",
                "出生日期与身份证号不一致。",
                "The birth date is not the one in the ID number.",
            );
        }
        let born_on = written.or(typed);
        match born_on {
            Some(day) => self.past(pointer, day, today),
            None => self.require(pointer),
        }
        born_on
    }

    /// Notes what was refused elsewhere, where it is about fields; anything else is passed on at once.
    pub fn take<T>(&mut self, read: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(ApiError::Invalid(wrong)) => {
                self.wrong.extend(wrong);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Takes in what was wrong in another reading.
    pub fn join(&mut self, other: Self) {
        self.wrong.extend(other.wrong);
    }

    /// Calls a field by the name that it has in a sheet.
    pub fn rename(&mut self, pointer: &str, column: &str) {
        let (from, to) = (format!("{}{pointer}", self.under), format!("{}{column}", self.under));
        for wrong in self.wrong.iter_mut().filter(|wrong| wrong.pointer == from) {
            wrong.pointer.clone_from(&to);
        }
    }

    /// Whether nothing was wrong so far.
    pub fn is_right(&self) -> bool {
        self.wrong.is_empty()
    }

    /// What was wrong.
    pub fn into_wrong(self) -> Vec<FieldProblem> {
        self.wrong
    }

    /// Ends the reading of what must be there: what was read, or every wrong field.
    pub fn end<T>(self, read: Option<T>) -> Result<T, ApiError> {
        match read {
            Some(read) if self.wrong.is_empty() => Ok(read),
            _ => Err(ApiError::Invalid(self.wrong)),
        }
    }

    /// Ends the reading: nothing, or every wrong field.
    pub fn done(self) -> Result<(), ApiError> {
        if self.wrong.is_empty() { Ok(()) } else { Err(ApiError::Invalid(self.wrong)) }
    }

    fn keep<T>(&mut self, read: Result<T, FieldProblem>) -> Option<T> {
        read.map_err(|wrong| self.refuse(&wrong.pointer, &wrong.code, wrong.zh, wrong.en)).ok()
    }

    fn read<T>(&mut self, pointer: &str, read: Result<T, IdentityRefusal>, longest: usize) -> Option<T> {
        read.map_err(|refusal| {
            let (code, zh, en) = told(refusal, longest);
            self.refuse(pointer, code, zh, en);
        })
        .ok()
    }
}

/// A handbook number as typed, or what is wrong with it.
pub fn handbook_number(pointer: &str, text: &str) -> Result<HandbookNumber, FieldProblem> {
    HandbookNumber::parse(text).map_err(|refusal| match refusal {
        NumberRefusal::Shape => FieldProblem::new(
            pointer,
            "wrong_form",
            "手册编号应为16位数字。",
            "A handbook number has 16 digits.",
        ),
        NumberRefusal::CheckDigit => FieldProblem::new(
            pointer,
            "check_digit",
            "手册编号校验位不符，请核对。",
            "The check digit of the handbook number does not fit; look at it again.",
        ),
    })
}

/// A day of the centuries that handbooks know, or what is wrong with it.
pub fn day_of_our_time(pointer: &str, day: NaiveDate) -> Result<NaiveDate, FieldProblem> {
    if is_of_our_time(day) {
        return Ok(day);
    }
    let (zh, en) = ("应为1900-01-01至2100-12-31。", "A day from 1900-01-01 to 2100-12-31 is allowed.");
    Err(FieldProblem::new(pointer, "out_of_range", zh, en))
}

/// The last four of an ID number or a phone as typed, or what is wrong with their form.
pub fn last_four(pointer: &str, text: &str) -> Result<LastFour, ApiError> {
    LastFour::parse(text).map_err(|_| {
        let (zh, en) = ("应为4位数字，或3位数字和X。", "Must be four digits, or three digits and X.");
        ApiError::field(pointer, "wrong_form", zh, en)
    })
}

fn told(refusal: IdentityRefusal, longest: usize) -> (&'static str, String, String) {
    match refusal {
        IdentityRefusal::IdNumberShape => {
            ("wrong_form", "身份证号应为18位。".to_owned(), "An ID number has 18 characters.".to_owned())
        }
        IdentityRefusal::IdNumberContent => (
            "wrong_form",
            "身份证号中的地区或出生日期不存在。".to_owned(),
            "The ID number names no possible province or birth date.".to_owned(),
        ),
        IdentityRefusal::IdNumberCheckDigit => (
            "check_digit",
            "身份证号校验位不符，请核对证件。".to_owned(),
            "The check digit of the ID number does not fit; look at the card again.".to_owned(),
        ),
        IdentityRefusal::Phone => (
            "wrong_form",
            "电话应为11位手机号、带区号的固定电话，或以+和国家代码开头。".to_owned(),
            "A phone number has 11 digits, or is a landline with area code, or begins with + and the country code."
                .to_owned(),
        ),
        IdentityRefusal::Name | IdentityRefusal::Line => (
            "wrong_length",
            format!("应为1至{longest}个字符，不含控制字符。"),
            format!("Must be 1 to {longest} characters without control characters."),
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Days that a calendar knows and no handbook can speak of.
    const STRANGE: [&str; 5] = ["-9999-01-01", "0000-01-01", "1899-12-31", "2101-01-01", "+20000-01-01"];

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn strange() -> impl Iterator<Item = NaiveDate> {
        STRANGE.into_iter().map(day).chain([NaiveDate::MIN, NaiveDate::MAX])
    }

    /// What is read of the second row of a sheet, and what is wrong with it.
    fn read<T>(read: impl FnOnce(&mut Form) -> T) -> (T, Vec<String>) {
        let mut form = Form::of_row(2);
        let it = read(&mut form);
        let told =
            |wrong: FieldProblem| format!("{} {} {} {}", wrong.pointer, wrong.code, wrong.zh, wrong.en);
        (it, form.into_wrong().into_iter().map(told).collect())
    }

    #[test]
    fn a_day_that_no_handbook_can_speak_of_is_refused_with_the_days_that_are_allowed() {
        let refused =
            "/2/on out_of_range 应为1900-01-01至2100-12-31。 A day from 1900-01-01 to 2100-12-31 is allowed.";
        let today = day("2026-11-22");
        for strange in strange() {
            let (kept, wrong) = read(|form| form.day("/on", strange));
            assert_eq!((kept, wrong), (None, vec![refused.to_owned()]), "{strange}");
            assert_eq!(read(|form| form.past("/on", strange, today)).1, [refused], "{strange}");
            let born_on = read(|form| form.born_on("/on", Some(strange), None, today));
            assert_eq!(born_on.1, [refused], "{strange}");
        }
    }

    #[test]
    fn a_day_of_our_time_is_taken_and_one_to_come_is_not_past() {
        let today = day("2026-11-22");
        for known in ["1900-01-01", "2026-11-22"].map(day) {
            assert_eq!(read(|form| form.day("/on", known)), (Some(known), Vec::new()));
            assert!(read(|form| form.past("/on", known, today)).1.is_empty(), "{known}");
            assert_eq!(read(|form| form.born_on("/on", Some(known), None, today)), (Some(known), Vec::new()));
        }
        for to_come in ["2026-11-23", "2100-12-31"].map(day) {
            assert_eq!(read(|form| form.day("/on", to_come)), (Some(to_come), Vec::new()));
            let refused = format!("/2/on out_of_range {to_come}在将来。 {to_come} is in the future.");
            assert_eq!(read(|form| form.past("/on", to_come, today)).1, [refused]);
        }
    }
}
