//! Exact numbers: a form holds decimals, and a limit of 37.5 means 37.5 and not the nearest binary fraction.

use std::cmp::Ordering;

/// An exact fraction, always reduced, with a positive denominator.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    numerator: i128,
    denominator: i128,
}

/// No number of a form comes near this; whatever is larger is only ever compared with a limit and refused.
const MOST_DIGITS: u32 = 30;

impl Number {
    /// Zero.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };

    /// A fraction; none for a denominator of zero.
    pub fn fraction(numerator: i128, denominator: i128) -> Option<Self> {
        let divisor = gcd(numerator, denominator);
        if denominator == 0 || divisor == 0 {
            return None;
        }
        let sign = denominator.signum();
        let numerator = (numerator / divisor).checked_mul(sign)?;
        Some(Self { numerator, denominator: (denominator / divisor).checked_mul(sign)? })
    }

    /// `units` of the last of `decimals` places: 375 with one decimal is 37.5.
    pub fn scaled(units: i128, decimals: u32) -> Option<Self> {
        Self::fraction(units, 10_i128.checked_pow(decimals)?)
    }

    /// Sum; none beyond what fits.
    pub fn plus(self, other: Self) -> Option<Self> {
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        Self::fraction(left.checked_add(right)?, self.denominator.checked_mul(other.denominator)?)
    }

    /// Difference; none beyond what fits.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(Self { numerator: other.numerator.checked_neg()?, ..other })
    }

    /// Product; none beyond what fits.
    pub fn times(self, other: Self) -> Option<Self> {
        Self::fraction(
            self.numerator.checked_mul(other.numerator)?,
            self.denominator.checked_mul(other.denominator)?,
        )
    }

    /// Quotient; none for a division by zero.
    pub fn over(self, other: Self) -> Option<Self> {
        Self::fraction(
            self.numerator.checked_mul(other.denominator)?,
            self.denominator.checked_mul(other.numerator)?,
        )
    }

    /// The size without the sign.
    pub fn abs(self) -> Self {
        Self { numerator: self.numerator.saturating_abs(), ..self }
    }

    /// The largest whole number that is not greater.
    pub fn floor(self) -> Self {
        Self { numerator: self.numerator.div_euclid(self.denominator), denominator: 1 }
    }

    /// Rounded to a number of decimals, halves away from zero, as forms are rounded by hand.
    pub fn round(self, decimals: u32) -> Option<Self> {
        let shifted = self.abs().times(Self::from(10_i64.checked_pow(decimals)?))?;
        let units = shifted.plus(Self { numerator: 1, denominator: 2 })?.floor().numerator;
        Self::scaled(units * self.numerator.signum(), decimals)
    }

    /// Whether there is nothing behind the decimal point.
    pub fn is_whole(self) -> bool {
        self.denominator == 1
    }

    /// The whole number, if it is one and fits.
    pub fn whole(self) -> Option<i64> {
        self.is_whole().then(|| i64::try_from(self.numerator).ok())?
    }

    /// The nearest binary number, for what is statistics and not a limit (growth tables, charts).
    pub fn to_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// As a JSON number: without a decimal point if whole and `decimals` is 0, else with its exact decimals.
    pub fn to_json(self, decimals: u32) -> Option<serde_json::Number> {
        let rounded = self.round(decimals)?;
        if decimals == 0 {
            return rounded.whole().map(serde_json::Number::from);
        }
        serde_json::Number::from_f64(rounded.to_string().parse().ok()?)
    }
}

/// The greatest common divisor; nearly all numbers of a form fit 64 bits, whose division is much faster.
fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = match (u64::try_from(a), u64::try_from(b)) {
            (Ok(a), Ok(b)) => (u128::from(b), u128::from(a % b)),
            _ => (b, a % b),
        };
    }
    i128::try_from(a).unwrap_or(1)
}

impl From<i64> for Number {
    fn from(whole: i64) -> Self {
        Self { numerator: i128::from(whole), denominator: 1 }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = self.numerator.checked_mul(other.denominator);
        let right = other.numerator.checked_mul(self.denominator);
        match (left, right) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => self.to_f64().total_cmp(&other.to_f64()),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As people write it: at most six decimals, no trailing zeros.
impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const DECIMALS: usize = 6;
        let Some(micro) = self.round(6).and_then(|n| n.times(Self::from(1_000_000))) else {
            return write!(f, "{:e}", self.to_f64());
        };
        let sign = if micro.numerator < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", micro.numerator.unsigned_abs(), width = DECIMALS + 1);
        let (whole, decimals) = digits.split_at(digits.len() - DECIMALS);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            decimals => write!(f, "{sign}{whole}.{decimals}"),
        }
    }
}

impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.whole() {
            Some(whole) => serializer.serialize_i64(whole),
            None => serializer.serialize_f64(self.to_f64()),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        Ok(Written::from(&number).number)
    }
}

/// A number as it was written: its value and how many decimals it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    /// The value; beyond 30 digits only its size against a limit is right.
    pub(super) number: Number,
    /// Digits behind the decimal point.
    pub(super) decimals: u32,
}

impl From<&serde_json::Number> for Written {
    /// The shortest decimal text that means the same number: what was typed, for anything that fits a form.
    fn from(number: &serde_json::Number) -> Self {
        Self::parse(&number.to_string()).unwrap_or(Self { number: Number::ZERO, decimals: 0 })
    }
}

impl Written {
    /// Reads `-12.50e3`; trailing zeros do not count as decimals.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i32 = exponent.parse().ok()?;
        let (sign, mantissa) = mantissa.strip_prefix('-').map_or((1, mantissa), |mantissa| (-1, mantissa));
        let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{}", decimals.trim_end_matches('0'));
        if whole.is_empty()
            || digits.len() > MOST_DIGITS as usize
            || !digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            return None;
        }
        let places = i32::try_from(decimals.trim_end_matches('0').len()).ok()?.saturating_sub(exponent);
        Self::placed(sign * digits.parse::<i128>().ok()?, places)
    }

    fn placed(digits: i128, places: i32) -> Option<Self> {
        if digits == 0 {
            return Some(Self { number: Number::ZERO, decimals: 0 });
        }
        let decimals = places.max(0).unsigned_abs();
        let number = if places <= 0 {
            let raised =
                10_i128.checked_pow(places.unsigned_abs()).and_then(|power| digits.checked_mul(power));
            Number { numerator: raised.unwrap_or(i128::MAX.saturating_mul(digits.signum())), denominator: 1 }
        } else {
            Number::scaled(digits, decimals.min(MOST_DIGITS))?
        };
        Some(Self { number, decimals })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Written::parse(text).unwrap().number
    }

    #[test]
    fn a_number_is_read_as_it_was_written() {
        let cases = [
            ("37.5", "37.5", 1),
            ("-0.0", "0", 0),
            ("1e3", "1000", 0),
            ("1.50", "1.5", 1),
            ("1.5e-2", "0.015", 3),
            ("12.5e1", "125", 0),
            ("18446744073709551615", "18446744073709551615", 0),
        ];
        for (text, shown, decimals) in cases {
            let written = Written::parse(text).unwrap();
            assert_eq!((written.number.to_string().as_str(), written.decimals), (shown, decimals), "{text}");
        }
        for wrong in ["", "-", "1.2.3", "0x10", "1e", "NaN", "inf", ".5"] {
            assert_eq!(Written::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_beyond_every_form_still_compares_right() {
        assert!(number("1e300") > number("1e12"));
        assert!(number("-1e300") < number("-1e12"));
        assert!(number("1e-300") < number("0.1"));
        assert_eq!(Written::parse("1e-300").unwrap().decimals, 300);
    }

    #[test]
    fn arithmetic_is_exact_where_binary_fractions_are_not() {
        let percent = number("0.29").times(Number::from(100)).unwrap();
        assert_eq!(percent.floor(), Number::from(29));
        assert_eq!(number("95").times(number("0.0555")).unwrap().round(1), Some(number("5.3")));
        assert_eq!(number("-2.5").round(0), Some(Number::from(-3)));
        assert_eq!(Number::from(1).over(Number::ZERO), None);
    }

    #[test]
    fn json_keeps_the_decimals_of_the_field() {
        assert_eq!(number("5.3").to_json(1).unwrap().to_string(), "5.3");
        assert_eq!(number("5").to_json(1).unwrap().to_string(), "5.0");
        assert_eq!(number("140").to_json(0).unwrap().to_string(), "140");
    }

    proptest! {
        #[test]
        fn a_json_number_survives_the_way_there_and_back(units in -10_000_000_i64..10_000_000, decimals in 0_u32..4) {
            let number = Number::scaled(i128::from(units), decimals).unwrap();
            let back = Written::from(&number.to_json(decimals).unwrap());
            prop_assert_eq!(back.number, number);
            prop_assert!(back.decimals <= decimals);
        }

        #[test]
        fn reading_never_panics(text in "[-+0-9eE.]{0,40}") {
            let _ = Written::parse(&text);
        }
    }
}
