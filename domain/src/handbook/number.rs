//! The printed number: county code, year, serial, check digit, for example `510903-26-0000017-4`.

use crate::place::RegionCode;

/// A printed handbook number of 16 digits: county (6), year (2), serial (7), check digit (1).
///
/// The check digit (ISO/IEC 7064 MOD 11,10) finds every single wrong digit and nearly every swap of neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HandbookNumber(String);

/// Not a handbook number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberRefusal {
    /// Not 16 digits.
    #[error("a handbook number has 16 digits")]
    Shape,
    /// A digit was misread.
    #[error("the check digit of the handbook number does not fit")]
    CheckDigit,
}

impl HandbookNumber {
    /// The largest serial of a county and year.
    pub const MAX_SERIAL: i64 = 9_999_999;

    /// The number of a serial, or nothing when the county's year is used up.
    pub fn new(county: RegionCode, year: i32, serial: i64) -> Option<Self> {
        if !(1..=Self::MAX_SERIAL).contains(&serial) {
            return None;
        }
        let body = format!("{:06}{:02}{serial:07}", county.county_digits(), year.rem_euclid(100));
        let check = check_digit(&body);
        Some(Self(format!("{body}{check}")))
    }

    /// Reads a number as typed; hyphens and spaces do not count.
    pub fn parse(text: &str) -> Result<Self, NumberRefusal> {
        let digits: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
        if digits.len() != 16 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NumberRefusal::Shape);
        }
        match digits.split_at(15) {
            (body, check) if check_digit(body).to_string() == check => Ok(Self(digits)),
            _ => Err(NumberRefusal::CheckDigit),
        }
    }

    /// The 16 digits, as stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits as printed on the cover.
    pub fn printed(&self) -> String {
        let part = |range| self.0.get(range).unwrap_or_default();
        format!("{}-{}-{}-{}", part(0..6), part(6..8), part(8..15), part(15..16))
    }
}

fn check_digit(body: &str) -> u32 {
    let product = body.bytes().fold(10, |product, byte| {
        let sum = (u32::from(byte - b'0') + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> HandbookNumber {
        HandbookNumber::new(RegionCode(510_903_000_000), 2026, 17).unwrap()
    }

    #[test]
    fn a_number_is_read_back_with_or_without_hyphens() {
        assert_eq!(HandbookNumber::parse(&sample().printed()), Ok(sample()));
        assert_eq!(HandbookNumber::parse(sample().as_str()), Ok(sample()));
        assert!(sample().printed().starts_with("510903-26-0000017-"));
    }

    #[test]
    fn every_single_wrong_digit_is_found() {
        let good = sample().as_str().to_owned();
        for at in 0..16 {
            for digit in b'0'..=b'9' {
                let mut bytes = good.clone().into_bytes();
                if bytes[at] != digit {
                    bytes[at] = digit;
                    assert!(HandbookNumber::parse(std::str::from_utf8(&bytes).unwrap()).is_err());
                }
            }
        }
    }

    #[test]
    fn a_serial_beyond_the_year_is_no_number() {
        assert!(HandbookNumber::new(RegionCode(510_903_000_000), 2026, 10_000_000).is_none());
        assert!(HandbookNumber::new(RegionCode(510_903_000_000), 2026, 0).is_none());
        for wrong in ["", "5109032600000174x", "５１０９０３２６０００００１７４"] {
            assert_eq!(HandbookNumber::parse(wrong), Err(NumberRefusal::Shape));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_read_reads_again(text in prop_oneof!["\\PC{0,24}", "[0-9 -]{14,22}"]) {
            if let Ok(number) = HandbookNumber::parse(&text) {
                prop_assert_eq!(HandbookNumber::parse(&number.printed()), Ok(number));
            }
        }

        #[test]
        fn one_wrong_digit_is_refused(serial in 1_i64..=HandbookNumber::MAX_SERIAL, at in 0_usize..16, digit in b'0'..=b'9') {
            let number = HandbookNumber::new(RegionCode(510_903_000_000), 2026, serial).unwrap();
            let mut wrong = number.as_str().to_owned().into_bytes();
            prop_assume!(wrong[at] != digit);
            wrong[at] = digit;
            prop_assert_eq!(HandbookNumber::parse(&String::from_utf8(wrong).unwrap()), Err(NumberRefusal::CheckDigit));
        }
    }
}
