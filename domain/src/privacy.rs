//! The privacy text that a family reads and agrees to when it claims a handbook: data, one file, both languages.

use serde::{Deserialize, Serialize};

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BothLanguages {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// One section of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Stable English word, for links and tests.
    pub key: String,
    /// Heading.
    pub title: BothLanguages,
    /// What it says.
    pub text: BothLanguages,
}

/// One version of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacyText {
    /// Version that a consent names; a changed meaning is a new version, and every family is asked again.
    pub version: String,
    /// Heading of the whole.
    pub title: BothLanguages,
    /// The sections in reading order.
    #[serde(rename = "section")]
    pub sections: Vec<Section>,
}

/// The version in force.
pub fn in_force() -> Result<PrivacyText, toml::de::Error> {
    toml::from_str(include_str!("../data/privacy.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 个人信息保护法 articles 17, 28 to 31: handler and contact, purpose and way, kinds, retention, rights, necessity of
    /// sensitive information, and a guardian's consent for a child under 14.
    #[test]
    fn the_text_names_everything_that_the_law_asks_for_in_both_languages() {
        let text = in_force().unwrap();
        let keys: Vec<&str> = text.sections.iter().map(|section| section.key.as_str()).collect();
        let expected = [
            "handler",
            "purposes",
            "kinds",
            "sensitive",
            "children",
            "sharing",
            "retention",
            "rights",
            "withdrawal",
            "contact",
        ];
        assert_eq!(keys, expected);
        for section in &text.sections {
            for part in [&section.title, &section.text] {
                assert!(!part.zh.trim().is_empty() && !part.en.trim().is_empty(), "{}", section.key);
                assert!(!part.zh.is_ascii(), "{} is not Chinese", section.key);
            }
        }
    }
}
