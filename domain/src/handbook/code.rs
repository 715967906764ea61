//! What a QR code says: `https://HOST/s/TOKEN` (dynamic) or `https://HOST/s/NUMBER-SIG` (printed).
//!
//! One prefix, so that one ordinary-link rule opens the mini-program in WeChat and a page elsewhere.

use super::number::HandbookNumber;
use chrono::TimeDelta;

/// A dynamic code shown by the family's phone is valid this long (and for one scan).
pub const DYNAMIC_CODE_LIFE: TimeDelta = TimeDelta::minutes(5);

/// How often a printed code can be revoked and printed anew: its serial is one byte on paper.
pub const LAST_PRINT_SERIAL: i32 = 255;

/// The link that a code's picture holds.
pub fn link(public_url: &str, code: &str) -> String {
    format!("{}/s/{code}", public_url.trim_end_matches('/'))
}

/// What stands after `/s/` in a printed code.
pub fn printed(number: &HandbookNumber, signature: &str) -> String {
    format!("{}-{signature}", number.as_str())
}

/// What a scanner read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// 128 random bits, shown by the family's phone.
    Dynamic(String),
    /// The printed cover: number and signature.
    Printed {
        /// The handbook's number.
        number: HandbookNumber,
        /// Truncated HMAC with its key id, base64url.
        signature: String,
    },
}

/// Not a code of ours, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a handbook code, or it was read incompletely")]
pub struct NotACode;

impl Code {
    /// Reads a scanned text: the whole link, or only what stands after `/s/`. The host is not judged, because a proxy or
    /// an older domain may stand in front; the token or signature is what counts.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        let text = text.trim();
        let rest = match text.split_once("://") {
            Some(("http" | "https", rest)) => rest.split_once("/s/").map(|(_, code)| code).ok_or(NotACode)?,
            Some(_) => return Err(NotACode),
            None => text.strip_prefix("/s/").unwrap_or(text),
        };
        let code = rest.split(['?', '#']).next().unwrap_or_default();
        let base64url =
            |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if let (Some(number), Some(signature)) = (code.get(..16), code.get(17..))
            && code.as_bytes().get(16) == Some(&b'-')
            && let Ok(number) = HandbookNumber::parse(number)
        {
            return if signature.len() == SIGNATURE_LENGTH && base64url(signature) {
                Ok(Self::Printed { number, signature: signature.to_owned() })
            } else {
                Err(NotACode)
            };
        }
        if code.len() == TOKEN_LENGTH && base64url(code) {
            Ok(Self::Dynamic(code.to_owned()))
        } else {
            Err(NotACode)
        }
    }
}

/// Characters of a dynamic token: 128 bits in base64url without padding.
pub const TOKEN_LENGTH: usize = 22;

/// Characters of a printed signature: one byte of key id, one of serial, and 13 bytes of HMAC, in base64url.
pub const SIGNATURE_LENGTH: usize = 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::place::RegionCode;

    #[test]
    fn links_and_bare_codes_are_read() {
        let number = HandbookNumber::new(RegionCode(510_903_000_000), 2026, 17).unwrap();
        let printed = printed(&number, &"A".repeat(20));
        let token = "abcdefghijklmnopqrst-_";
        for text in [
            format!("{}?x=1", link("https://h.example.cn/", &printed)),
            format!("/s/{printed}"),
            printed.clone(),
        ] {
            assert_eq!(
                Code::parse(&text),
                Ok(Code::Printed { number: number.clone(), signature: "A".repeat(20) })
            );
        }
        assert_eq!(Code::parse(&format!("http://127.0.0.1:8080/s/{token}")), Ok(Code::Dynamic(token.into())));
    }

    #[test]
    fn truncated_foreign_and_hostile_texts_are_no_codes() {
        let number = HandbookNumber::new(RegionCode(510_903_000_000), 2026, 17).unwrap();
        let truncated = format!("{}-{}", number.as_str(), "A".repeat(19));
        let long = "a".repeat(100_000);
        for text in [
            "",
            "https://weixin.qq.com/",
            "javascript:alert(1)",
            "abcdefghijklmnopqrst-",
            &truncated,
            "胎",
            &long,
            "ftp://h/s/abcdefghijklmnopqrst-_",
        ] {
            assert_eq!(Code::parse(text), Err(NotACode), "{text:.40}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_code_panic(text in prop_oneof![
            "\\PC{0,80}", ".{0,80}", "(https?://)?[a-z.]{0,8}(/s/)?[0-9A-Za-z_-]{15,40}[?#]?.{0,5}"
        ]) {
            if let Ok(code) = Code::parse(&text) {
                let again = match &code {
                    Code::Dynamic(token) => token.clone(),
                    Code::Printed { number, signature } => printed(number, signature),
                };
                prop_assert_eq!(Code::parse(&link("https://muzi.example.cn", &again)), Ok(code));
            }
        }

        #[test]
        fn what_we_print_is_read_and_what_was_cut_off_is_not(
            serial in 1_i64..=HandbookNumber::MAX_SERIAL, token in "[0-9A-Za-z_-]{22}", signature in "[0-9A-Za-z_-]{20}", cut in 1_usize..22
        ) {
            let number = HandbookNumber::new(RegionCode(510_903_000_000), 2026, serial).unwrap();
            let cover = printed(&number, &signature);
            let of_cover = Code::Printed { number, signature };
            prop_assert_eq!(Code::parse(&link("https://h", &cover)), Ok(of_cover));
            prop_assert_eq!(Code::parse(&link("https://h", &token)), Ok(Code::Dynamic(token.clone())));
            prop_assert!(Code::parse(&token[..token.len() - cut]).is_err());
        }
    }
}
