//! `POST /wxa/business/getuserphonenumber`: the code of the phone number button, for the number.
//!
//! The code works once and for five minutes, and is not the one of `wx.login`.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;

use crate::{
    call::{Call, Repeat},
    client::{Client, check_code},
    error::{Error, Surprise},
    secret::PhoneNumber,
};

/// How far the watermark may be from our clock, either way.
const WATERMARK_TOLERANCE: TimeDelta = TimeDelta::minutes(10);
/// The longest number of any country (ITU-T E.164).
const MOST_DIGITS: usize = 15;

/// A phone number that WeChat has verified, though not necessarily at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPhone {
    /// The number, without country code for mainland China.
    pub number: PhoneNumber,
    /// The country code in digits: `86` for mainland China.
    pub country_code: String,
}

impl Client {
    /// Exchanges the code of the phone number button.
    ///
    /// # Errors
    ///
    /// [`Class::Client`](crate::Class::Client): the user must touch the button again (the code is used, expired, or of
    /// another kind). The same holds after [`Class::Transient`](crate::Class::Transient), for the code may be used up:
    /// it is only sent again when WeChat cannot have seen it, or refused our token.
    pub async fn phone_number(&self, code: &str) -> Result<VerifiedPhone, Error> {
        check_code(code)?;
        let call = Call {
            path: "/wxa/business/getuserphonenumber",
            query: Vec::new(),
            body: Some(json!({ "code": code })),
            repeat: Repeat::IfNotReached,
            meanings: &[],
        };
        let Answer { phone_info } = self.send_with_token(&call).await?;
        phone_info.check(&self.inner.app_id, self.inner.clock.now()).map_err(Error::from)
    }
}

#[derive(Deserialize)]
struct Answer {
    phone_info: PhoneInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PhoneInfo {
    pure_phone_number: PhoneNumber,
    country_code: CountryCode,
    watermark: Watermark,
}

/// WeChat's table says text, its example is a number, and both come.
#[derive(Deserialize)]
#[serde(untagged)]
enum CountryCode {
    Number(u32),
    Text(String),
}

#[derive(Deserialize)]
struct Watermark {
    appid: String,
    /// Unix seconds.
    timestamp: i64,
}

impl PhoneInfo {
    /// An answer for another mini-program, or of another time, is not about this user at this moment.
    fn check(self, app_id: &str, now: DateTime<Utc>) -> Result<VerifiedPhone, Surprise> {
        if self.watermark.appid != app_id {
            return Err(Surprise::OtherApp);
        }
        let marked_at = DateTime::from_timestamp(self.watermark.timestamp, 0).ok_or(Surprise::Fields)?;
        if (now - marked_at).abs() > WATERMARK_TOLERANCE {
            return Err(Surprise::WrongTime);
        }
        let country_code = self.country_code.digits();
        let pure = self.pure_phone_number.expose();
        if !is_number(pure) || !is_number(&country_code) {
            return Err(Surprise::Fields);
        }
        let number = match country_code.as_str() {
            "86" => self.pure_phone_number,
            abroad => PhoneNumber::new(format!("+{abroad}{pure}")),
        };
        Ok(VerifiedPhone { number, country_code })
    }
}

impl CountryCode {
    fn digits(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.trim_start_matches('+').to_owned(),
        }
    }
}

fn is_number(text: &str) -> bool {
    (1..=MOST_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_780_000_000, 0).unwrap();

    fn check(
        country_code: &Value,
        pure: &str,
        appid: &str,
        seconds_ago: i64,
    ) -> Result<VerifiedPhone, Surprise> {
        let timestamp = NOW.timestamp() - seconds_ago;
        let info = json!({
            "phoneNumber": "not looked at",
            "purePhoneNumber": pure,
            "countryCode": country_code,
            "watermark": { "appid": appid, "timestamp": timestamp },
        });
        serde_json::from_value::<PhoneInfo>(info).unwrap().check("wx-test", NOW)
    }

    #[test]
    fn the_country_code_is_text_or_a_number() {
        for code in [json!(86), json!("86"), json!("+86")] {
            let phone = check(&code, "13800000000", "wx-test", 0).unwrap();
            assert_eq!(phone.number.expose(), "13800000000", "{code}");
            assert_eq!(phone.country_code, "86");
        }
    }

    #[test]
    fn a_number_abroad_keeps_its_country() {
        let phone = check(&json!("852"), "91234567", "wx-test", 0).unwrap();
        assert_eq!(phone.number.expose(), "+85291234567");
        assert_eq!(phone.country_code, "852");
    }

    #[test]
    fn the_watermark_is_of_this_app_and_of_these_ten_minutes() {
        let at = |seconds_ago| check(&json!(86), "13800000000", "wx-test", seconds_ago).map(|_| ());
        assert_eq!((at(0), at(600), at(-600)), (Ok(()), Ok(()), Ok(())));
        assert_eq!((at(601), at(-601)), (Err(Surprise::WrongTime), Err(Surprise::WrongTime)));
        assert_eq!(at(i64::MIN / 2), Err(Surprise::Fields));
        assert_eq!(check(&json!(86), "13800000000", "wx-other", 0), Err(Surprise::OtherApp));
    }

    #[test]
    fn what_is_no_number_is_not_passed_on() {
        for wrong in ["", "138 0000 0000", "１３８", "1234567890123456"] {
            assert_eq!(check(&json!(86), wrong, "wx-test", 0), Err(Surprise::Fields), "{wrong}");
        }
        assert_eq!(check(&json!("HK"), "91234567", "wx-test", 0), Err(Surprise::Fields));
    }
}
