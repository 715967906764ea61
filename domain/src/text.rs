//! Text as people write it: the two languages of the product, labels, and what a free text may hold.

use unicode_normalization::UnicodeNormalization;

use crate::word::words;

words! {
    /// A language in which the product speaks.
    pub enum Language {
        Chinese = "zh-CN", "中文", "Chinese";
        English = "en", "英文", "English";
    }
}

/// One text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Label {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Label {
    /// A label from both texts.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// The text in one language.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Chinese => &self.zh,
            Language::English => &self.en,
        }
    }
}

/// A text holds a character that nobody types and that hides or reorders what others see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text holds a control character")]
pub struct HiddenCharacter;

/// A free text as it is stored: line ends as `\n`, NFC, trimmed.
///
/// NUL, other control characters (except line feed and tab) and the characters that override the direction of writing
/// are refused and not dropped, so that nobody stores another text than the one that was sent.
pub fn clean(text: &str) -> Result<String, HiddenCharacter> {
    let text: String = text.replace("\r\n", "\n").nfc().collect();
    if text.chars().any(is_hidden) {
        return Err(HiddenCharacter);
    }
    Ok(text.trim().to_owned())
}

fn is_hidden(c: char) -> bool {
    let bidi =
        matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let line = matches!(c, '\u{2028}' | '\u{2029}' | '\u{FEFF}');
    bidi || line || (c.is_control() && c != '\n' && c != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_trimmed_and_composed() {
        assert_eq!(clean("  cafe\u{301}\r\n第二行\t \n").unwrap(), "caf\u{e9}\n第二行");
        assert_eq!(
            clean("👨\u{200D}👩\u{200D}👧").unwrap(),
            "👨\u{200D}👩\u{200D}👧",
            "a family emoji is one text"
        );
    }

    #[test]
    fn hidden_characters_are_refused() {
        for hidden in ["a\0b", "a\u{7}b", "a\u{202E}b", "a\u{2066}b", "a\rb", "\u{FEFF}a", "a\u{85}b"] {
            assert_eq!(clean(hidden), Err(HiddenCharacter), "{hidden:?}");
        }
    }
}
