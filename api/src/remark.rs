//! Free text that is kept about a handbook: why something was done, what was found, what was answered. It is read here
//! and nowhere else, so that none of it hides a character, is an essay, or names the sex of a fetus before birth.

use std::ops::RangeInclusive;

use domain::fetal_sex::{Strictness, names_fetal_sex};
use domain::text::clean;

use crate::error::{ApiError, FieldProblem};

/// A text that is right in form. What it says can only be had where it is known whether a fetus is unborn.
#[derive(Debug, Clone, Default)]
#[must_use = "a remark that nobody checks is not kept"]
pub struct Remark {
    pointer: String,
    text: String,
}

impl Remark {
    /// Reads a text of so many characters.
    pub fn read(pointer: &str, typed: &str, length: &RangeInclusive<usize>) -> Result<Self, FieldProblem> {
        let Ok(text) = clean(typed) else {
            return Err(FieldProblem::new(
                pointer,
                "control_character",
                "含有不可见的控制字符，请删除。",
                "It holds an invisible control character; remove it.",
            ));
        };
        let (least, most) = (length.start(), length.end());
        let code = match text.chars().count() {
            0 if *least > 0 => {
                return Err(FieldProblem::new(pointer, "required", "必须填写。", "This field is required."));
            }
            count if count < *least => "too_short",
            count if count > *most => "too_long",
            _ => return Ok(Self { pointer: pointer.to_owned(), text }),
        };
        let (zh, en) =
            (format!("应为{least}至{most}个字。"), format!("Must be {least} to {most} characters."));
        Err(FieldProblem::new(pointer, code, zh, en))
    }

    /// The text as it is kept in a handbook; while a fetus of it is `unborn`, only one that does not name its sex.
    pub fn checked(self, unborn: bool) -> Result<String, ApiError> {
        let wrong = if unborn { naming_sex(&self.pointer, &self.text, Strictness::Clinician) } else { None };
        wrong.map_or(Ok(self.text), |wrong| Err(ApiError::Invalid(vec![wrong])))
    }
}

/// What is wrong with a text that names the sex of a fetus.
pub fn naming_sex(pointer: &str, text: &str, strictness: Strictness) -> Option<FieldProblem> {
    names_fetal_sex(text, strictness).then(|| {
        FieldProblem::new(
            pointer,
            "names_fetal_sex",
            "出生前不得记录胎儿性别，请删除相关文字。",
            "It must not name the sex of a fetus before birth; remove those words.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(typed: &str, length: RangeInclusive<usize>) -> String {
        Remark::read("/reason", typed, &length).unwrap_err().code
    }

    #[test]
    fn a_remark_is_trimmed_and_says_something_without_hidden_characters() {
        let remark = Remark::read("/reason", "  孕妇昏迷送入抢救室，无家属 \r\n", &(10..=500)).unwrap();
        assert_eq!(remark.checked(true).unwrap(), "孕妇昏迷送入抢救室，无家属");
        assert_eq!(code(" \n ", 1..=500), "required");
        assert_eq!(code("抢救", 10..=500), "too_short");
        assert_eq!(code(&"长".repeat(501), 10..=500), "too_long");
        assert_eq!(code("孕妇昏迷送入抢救室\u{7}，无家属", 10..=500), "control_character");
        assert!(Remark::read("/note", "", &(0..=500)).is_ok());
    }

    #[test]
    fn before_birth_it_does_not_name_a_sex_and_after_it_may() {
        let remark = Remark::read("/reason", "超声提示男胎", &(1..=500)).unwrap();
        assert!(remark.clone().checked(true).is_err());
        assert_eq!(remark.checked(false).unwrap(), "超声提示男胎");
    }
}
