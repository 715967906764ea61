//! Identity: ID numbers, phones, names, and how each is masked in lists.

use chrono::{Datelike, NaiveDate};
use unicode_normalization::UnicodeNormalization;

use crate::word::words;

words! {
    /// Sex of a born person.
    pub enum Sex {
        Male = "male", "男", "male";
        Female = "female", "女", "female";
        Unknown = "unknown", "未知", "unknown";
    }
}

/// Why an identity field is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityRefusal {
    /// Not 17 digits and a digit or X.
    #[error("an ID number has 18 characters")]
    IdNumberShape,
    /// The first two digits are no province or the birth date is none.
    #[error("the ID number names no possible birth date or province")]
    IdNumberContent,
    /// The last character does not fit the first 17 (GB 11643-1999).
    #[error("the check digit of the ID number does not fit")]
    IdNumberCheckDigit,
    /// Not a mainland mobile number of 11 digits, nor a number with country code.
    #[error("a phone number has 11 digits, or begins with + and the country code")]
    Phone,
    /// Empty, longer than 50 characters, or with control characters.
    #[error("a name has 1 to 50 characters")]
    Name,
    /// Empty, too long, or with control characters.
    #[error("a text of one line is empty, too long, or has control characters")]
    Line,
}

/// A citizen identity number of 18 characters (GB 11643-1999), upper-case X.
#[derive(Clone, PartialEq, Eq)]
pub struct IdNumber(String);

impl IdNumber {
    /// Reads an ID number; spaces around it and a small x are accepted, full-width digits too.
    pub fn parse(text: &str) -> Result<Self, IdentityRefusal> {
        let text: String = text.trim().nfkc().collect::<String>().to_uppercase();
        let bytes = text.as_bytes();
        let [body @ .., last] = bytes else { return Err(IdentityRefusal::IdNumberShape) };
        if body.len() != 17
            || !body.iter().all(u8::is_ascii_digit)
            || !(last.is_ascii_digit() || *last == b'X')
        {
            return Err(IdentityRefusal::IdNumberShape);
        }
        if check_character(body) != *last {
            return Err(IdentityRefusal::IdNumberCheckDigit);
        }
        let number = Self(text);
        let province = number.digits(0..2);
        let born = number.born_on();
        if !(11..=91).contains(&province) || born.is_none_or(|born| born.year() < 1880) {
            return Err(IdentityRefusal::IdNumberContent);
        }
        Ok(number)
    }

    /// The number as it is stored and looked up.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Birth date written in the number.
    pub fn born_on(&self) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(
            i32::try_from(self.digits(6..10)).ok()?,
            self.digits(10..12),
            self.digits(12..14),
        )
    }

    /// Sex written in the number: the 17th digit is odd for a man.
    pub fn sex(&self) -> Sex {
        if self.digits(16..17) % 2 == 1 { Sex::Male } else { Sex::Female }
    }

    fn digits(&self, range: std::ops::Range<usize>) -> u32 {
        self.0.get(range).and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

impl std::fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdNumber(***)")
    }
}

/// The check character of the first 17 digits (GB 11643-1999, ISO 7064 MOD 11-2).
fn check_character(body: &[u8]) -> u8 {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHARACTERS: &[u8; 11] = b"10X98765432";
    let sum: u32 = body.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    CHARACTERS.get(sum as usize % 11).copied().unwrap_or(b'?')
}

/// Completes 17 digits to an ID number; for made-up people only.
pub fn complete_id_number(body: &str) -> Option<String> {
    let valid = body.len() == 17 && body.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| format!("{body}{}", char::from(check_character(body.as_bytes()))))
}

/// A phone number: 11 digits of a mainland mobile or fixed line, or `+` with country code.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(String);

impl Phone {
    /// Reads a number; spaces, hyphens and a leading +86 are dropped.
    pub fn parse(text: &str) -> Result<Self, IdentityRefusal> {
        let text: String = text.nfkc().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
        let text = text.strip_prefix("+86").unwrap_or(&text);
        let digits = text.strip_prefix('+').unwrap_or(text);
        let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let fits = match text.strip_prefix('+') {
            Some(abroad) => (7..=15).contains(&abroad.len()),
            None if text.starts_with('1') => text.len() == 11,
            None => text.starts_with('0') && (10..=12).contains(&text.len()),
        };
        if all_digits && fits { Ok(Self(text.to_owned())) } else { Err(IdentityRefusal::Phone) }
    }

    /// The number as it is stored and looked up.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phone(***)")
    }
}

/// A name as it is stored: NFC, trimmed, inner spaces kept.
pub fn parse_name(text: &str) -> Result<String, IdentityRefusal> {
    parse_line(text, 50).map_err(|_| IdentityRefusal::Name)
}

/// A text of one line (an address, a reason) of at most `longest` characters, as it is stored: NFC, trimmed.
pub fn parse_line(text: &str, longest: usize) -> Result<String, IdentityRefusal> {
    let line: String = text.trim().nfc().collect();
    if line.is_empty() || line.chars().count() > longest || line.chars().any(is_hidden) {
        return Err(IdentityRefusal::Line);
    }
    Ok(line)
}

/// What cannot be seen and makes two names look alike, turns a line round or ends it: control characters, marks of direction,
/// spaces of no width, line and paragraph separators, tags.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
        )
}

/// Family names of two characters that are met often enough to be told from one-character names.
const TWO_CHARACTER_FAMILY_NAMES: &[&str] = &[
    "欧阳", "上官", "司马", "司徒", "诸葛", "夏侯", "皇甫", "尉迟", "公孙", "慕容", "令狐", "宇文", "长孙",
    "东方", "南宫", "端木",
];

/// The family name, by which a family is told who looked: the first character, a known pair, or the first word of a name
/// that is written in words.
pub fn family_name(name: &str) -> &str {
    let name = name.trim();
    if let Some(pair) = TWO_CHARACTER_FAMILY_NAMES.iter().find(|pair| name.starts_with(**pair)) {
        return pair;
    }
    let words = name.split([' ', '·', '•']).next().unwrap_or_default();
    if words.len() < name.len() || name.is_ascii() {
        return words;
    }
    name.char_indices().nth(1).map_or(name, |(at, _)| name.get(..at).unwrap_or(name))
}

/// A name in a list: the family name and stars (张**).
pub fn mask_name(name: &str) -> String {
    let mut characters = name.chars();
    let Some(first) = characters.next() else { return String::new() };
    format!("{first}{}", "*".repeat(characters.count().clamp(1, 2)))
}

/// An ID number in a list: first four and last four characters.
pub fn mask_id_number(number: &str) -> String {
    match (number.get(..4), number.get(14..)) {
        (Some(head), Some(tail)) => format!("{head}**********{tail}"),
        _ => "*".repeat(number.chars().count()),
    }
}

/// A phone number in a list: first three and last four digits.
pub fn mask_phone(number: &str) -> String {
    match (number.get(..3), number.len().checked_sub(4).and_then(|at| number.get(at..))) {
        (Some(head), Some(tail)) if number.len() >= 8 => format!("{head}****{tail}"),
        _ => "*".repeat(number.chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 11010519491231002X is the sample number printed in GB 11643-1999.
    #[test]
    fn the_sample_number_of_the_standard_is_read() {
        let number = IdNumber::parse(" 11010519491231002x ").unwrap();
        assert_eq!(number.as_str(), "11010519491231002X");
        assert_eq!(number.born_on(), NaiveDate::from_ymd_opt(1949, 12, 31));
        assert_eq!(number.sex(), Sex::Female);
    }

    #[test]
    fn a_wrong_check_digit_shape_or_date_is_told_apart() {
        assert_eq!(IdNumber::parse("110105194912310021").unwrap_err(), IdentityRefusal::IdNumberCheckDigit);
        assert_eq!(IdNumber::parse("11010519491231002").unwrap_err(), IdentityRefusal::IdNumberShape);
        assert_eq!(IdNumber::parse("一1010519491231002X").unwrap_err(), IdentityRefusal::IdNumberShape);
        assert_eq!(IdNumber::parse("").unwrap_err(), IdentityRefusal::IdNumberShape);
        let thirtieth_of_february = complete_id_number("11010519900230001").unwrap();
        assert_eq!(IdNumber::parse(&thirtieth_of_february).unwrap_err(), IdentityRefusal::IdNumberContent);
    }

    #[test]
    fn phones_of_here_and_abroad_are_read() {
        assert_eq!(Phone::parse("+86 138-0000-0000").unwrap().as_str(), "13800000000");
        assert_eq!(Phone::parse("0825-2222333").unwrap().as_str(), "08252222333");
        for wrong in ["", "1380000000", "+", "phone", "2380000000", "１３８"] {
            assert!(Phone::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_and_lines_hold_no_hidden_characters_and_have_an_end() {
        assert_eq!(parse_name(" 欧阳 小红 ").unwrap(), "欧阳 小红");
        assert_eq!(parse_name(&"王".repeat(51)), Err(IdentityRefusal::Name));
        assert_eq!(parse_line(&"王".repeat(51), 200).unwrap().chars().count(), 51);
        for wrong in ["", "  ", "a\nb", "王\u{202E}红", "a\u{200B}"] {
            assert_eq!(parse_line(wrong, 200), Err(IdentityRefusal::Line), "{wrong:?}");
        }
    }

    #[test]
    fn masks_keep_no_more_than_a_list_may_show() {
        assert_eq!(mask_name("欧阳小红"), "欧**");
        assert_eq!(mask_name("李雷"), "李*");
        assert_eq!(mask_id_number("11010519491231002X"), "1101**********002X");
        assert_eq!(mask_phone("13812345678"), "138****5678");
        assert_eq!(mask_phone("1234"), "****");
    }

    #[test]
    fn a_family_is_told_the_family_name_of_who_looked() {
        let cases = [
            ("李医生", "李"),
            ("欧阳小红", "欧阳"),
            ("欧文", "欧"),
            ("阿依古丽·买买提", "阿依古丽"),
            ("Anna Li", "Anna"),
            ("李", "李"),
            ("", ""),
        ];
        for (name, family) in cases {
            assert_eq!(family_name(name), family, "{name}");
        }
    }

    #[test]
    fn debug_output_shows_nothing_personal() {
        let number = IdNumber::parse("11010519491231002X").unwrap();
        assert!(!format!("{number:?} {:?}", Phone::parse("13812345678")).contains("1"));
    }

    /// What a desk, a scanner of cards or a bad keyboard may send, full-width digits and marks among them.
    fn near_a_number() -> impl Strategy<Value = String> {
        prop_oneof!["\\PC{0,24}", "[0-9０-９Xxⅹ +()-]{0,24}", ".{0,24}"]
    }

    proptest! {
        #[test]
        fn no_text_makes_an_id_number_panic_and_one_that_is_read_reads_again(text in near_a_number()) {
            if let Ok(number) = IdNumber::parse(&text) {
                prop_assert!(IdNumber::parse(number.as_str()).is_ok_and(|again| again == number));
                prop_assert!(number.born_on().is_some() && number.as_str().len() == 18);
                let _either = number.sex();
            }
            let _masked = (mask_id_number(&text), mask_phone(&text), mask_name(&text), family_name(&text));
        }

        #[test]
        fn an_id_number_with_one_wrong_character_is_refused(
            day in 1_u32..=28, order in 0_u32..1000, at in 0_usize..18, digit in b'0'..=b'9'
        ) {
            let good = complete_id_number(&format!("510903199505{day:02}{order:03}")).unwrap();
            prop_assert!(IdNumber::parse(&good).is_ok());
            let mut wrong = good.clone().into_bytes();
            prop_assume!(wrong[at] != digit);
            wrong[at] = digit;
            prop_assert!(IdNumber::parse(&String::from_utf8(wrong).unwrap()).is_err());
        }

        #[test]
        fn no_text_makes_a_phone_panic_and_one_that_is_read_reads_again(text in near_a_number()) {
            if let Ok(phone) = Phone::parse(&text) {
                prop_assert!(Phone::parse(phone.as_str()).is_ok_and(|again| again == phone));
                prop_assert!(phone.as_str().bytes().all(|byte| byte.is_ascii_digit() || byte == b'+'));
            }
        }

        #[test]
        fn a_line_that_is_read_is_short_visible_and_reads_again(text in ".{0,60}") {
            if let Ok(line) = parse_line(&text, 50) {
                prop_assert!((1..=50).contains(&line.chars().count()) && !line.chars().any(char::is_control));
                prop_assert_eq!(parse_line(&line, 50), Ok(line));
            }
        }
    }
}
