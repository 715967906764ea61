//! `POST /wxa/business/getuserphonenumber`.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{
    accounts::Phone,
    interface::{Interface, Received},
    world::World,
};
use crate::error::Code;

pub(super) const INTERFACE: Interface = Interface {
    path: "/wxa/business/getuserphonenumber",
    method: Method::POST,
    needs_token: true,
    content_type: "application/json; charset=UTF-8",
    shown: &[],
    answer,
};

fn answer(world: &mut World, received: &Received) -> Result<Value, Code> {
    let Phone { country, number } =
        world.redeem_phone_code(received.text("code").ok_or(Code::CodeMissing)?)?;
    let pure = number.expose();
    let full = if country == "86" { pure.to_owned() } else { format!("+{country}{pure}") };
    Ok(json!({
        "errcode": 0,
        "errmsg": "ok",
        "phone_info": {
            "phoneNumber": full,
            "purePhoneNumber": pure,
            "countryCode": world.country_codes.write(&country),
            "watermark": { "timestamp": world.now().timestamp(), "appid": world.settings.app_id },
        },
    }))
}

/// Writes country codes as text and as numbers by turns, for WeChat is of two minds.
#[derive(Debug, Default)]
pub(super) struct CountryCodes {
    number_next: bool,
}

impl CountryCodes {
    fn write(&mut self, country: &str) -> Value {
        let as_number = self.number_next;
        self.number_next = !as_number;
        match country.parse::<u32>() {
            Ok(number) if as_number => json!(number),
            _ => json!(country),
        }
    }
}
