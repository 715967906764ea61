//! States of health and events that forbid, delay or explain, as words.

use chrono::NaiveDate;

use super::table::Product;

/// A state of health or an event. The special states follow the 2021 and 2026 texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Fever or an acute illness: everything waits.
    Fever,
    /// BCG left no scar: no reason to repeat it.
    NoScar,
    /// Infected with HIV, without severe immunosuppression or with an unknown degree of it.
    HivInfected,
    /// Infected with HIV, with severe immunosuppression.
    HivInfectedSevere,
    /// A primary immunodeficiency.
    PrimaryImmunodeficiency,
    /// A stable congenital heart disease, which forbids nothing.
    CongenitalHeartDiseaseStable,
    /// A severe allergic reaction after a vaccine: it is never given again.
    AnaphylaxisAfter(Product),
    /// Immunoglobulin was received on a day.
    Immunoglobulin(NaiveDate),
    /// A blood product with immunoglobulin was received on a day.
    BloodProduct(NaiveDate),
    /// There is an outbreak of measles: an emergency dose before 8 months does not count.
    Outbreak,
}

/// A word that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not one of: fever, no_scar, hiv_infected, hiv_infected_severe, primary_immunodeficiency, \
     congenital_heart_disease_stable, anaphylaxis_after_PRODUCT, immunoglobulin@DATE, blood_product@DATE, outbreak"
)]
pub struct UnknownCondition(pub String);

const PLAIN: [(&str, Condition); 7] = [
    ("fever", Condition::Fever),
    ("no_scar", Condition::NoScar),
    ("hiv_infected", Condition::HivInfected),
    ("hiv_infected_severe", Condition::HivInfectedSevere),
    ("primary_immunodeficiency", Condition::PrimaryImmunodeficiency),
    ("congenital_heart_disease_stable", Condition::CongenitalHeartDiseaseStable),
    ("outbreak", Condition::Outbreak),
];
const ANAPHYLAXIS: &str = "anaphylaxis_after_";
const IMMUNOGLOBULIN: &str = "immunoglobulin@";
const BLOOD_PRODUCT: &str = "blood_product@";

impl Condition {
    /// The day of an event that has one.
    pub const fn day(self) -> Option<NaiveDate> {
        match self {
            Self::Immunoglobulin(on) | Self::BloodProduct(on) => Some(on),
            _ => None,
        }
    }
}

impl std::str::FromStr for Condition {
    type Err = UnknownCondition;

    fn from_str(text: &str) -> Result<Self, UnknownCondition> {
        read(text).ok_or_else(|| UnknownCondition(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Condition> {
    if let Some((_, plain)) = PLAIN.iter().find(|(word, _)| *word == text) {
        return Some(*plain);
    }
    if let Some(product) = text.strip_prefix(ANAPHYLAXIS) {
        return product.parse().ok().map(Condition::AnaphylaxisAfter);
    }
    if let Some(on) = text.strip_prefix(IMMUNOGLOBULIN) {
        return day(on).map(Condition::Immunoglobulin);
    }
    day(text.strip_prefix(BLOOD_PRODUCT)?).map(Condition::BloodProduct)
}

/// A day as ten characters and no other way.
fn day(text: &str) -> Option<NaiveDate> {
    text.parse::<NaiveDate>().ok().filter(|day| day.to_string() == text)
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AnaphylaxisAfter(product) => write!(f, "{ANAPHYLAXIS}{product}"),
            Self::Immunoglobulin(on) => write!(f, "{IMMUNOGLOBULIN}{on}"),
            Self::BloodProduct(on) => write!(f, "{BLOOD_PRODUCT}{on}"),
            plain => {
                let word = PLAIN.iter().find(|(_, condition)| condition == plain).map(|(word, _)| *word);
                f.write_str(word.unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_is_read_and_written_alike() {
        let words = PLAIN.iter().map(|(word, _)| (*word).to_owned()).chain(
            ["anaphylaxis_after_DTaP-IPV-Hib", "immunoglobulin@2026-01-02", "blood_product@2026-12-31"]
                .map(str::to_owned),
        );
        for word in words {
            assert_eq!(word.parse::<Condition>().unwrap().to_string(), word);
        }
    }

    #[test]
    fn what_is_no_condition_is_named() {
        for wrong in [
            "",
            "Fever",
            "anaphylaxis_after_",
            "anaphylaxis_after_X",
            "immunoglobulin@",
            "blood_product@2026-13-01",
            "immunoglobulin@2026-1-2",
            "immunoglobulin@+2026-01-02",
            "immunoglobulin",
            "hiv",
        ] {
            let refused = wrong.parse::<Condition>();
            assert_eq!(refused, Err(UnknownCondition(wrong.to_owned())));
        }
    }
}
