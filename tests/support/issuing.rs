//! A desk that issues handbooks, and forms as clerks fill them in.

use domain::access::Role;
use domain::id::InstitutionId;
use domain::person::complete_id_number;
use domain::place::RegionLevel;
use serde_json::{Value, json};

use super::people::{COUNTY, TOWN, VILLAGE};
use super::{Answer, Client, World};

/// A woman's ID number: born on a day (`19950101`), with an even order number.
pub fn womans_number(born: &str, order: u32) -> String {
    complete_id_number(&format!("510903{born}{:03}", order * 2)).unwrap()
}

/// A boy's ID number.
pub fn boys_number(born: &str, order: u32) -> String {
    complete_id_number(&format!("510903{born}{:03}", order * 2 + 1)).unwrap()
}

/// The woman of a form; `order` makes her another one, with another phone.
pub fn woman(order: u32) -> Value {
    json!({
        "name": "王小红",
        "id_number": womans_number("19950101", order),
        "phone": phone(order),
        "address": "长虹村12号",
        "region_code": VILLAGE,
    })
}

/// The phone of the woman of a form.
pub fn phone(order: u32) -> String {
    format!("139{order:08}")
}

pub const EVERYTHING: [&str; 5] = ["content", "purpose", "meaning", "usage", "bring_along"];

pub fn planning_form(order: u32) -> Value {
    json!({ "group": "planning", "woman": woman(order), "explained": EVERYTHING })
}

pub fn pregnant_form(order: u32) -> Value {
    json!({
        "group": "pregnant",
        "woman": woman(order),
        "pregnancy": { "last_menstrual_period": "2026-05-25" },
        "explained": EVERYTHING,
    })
}

pub fn child_form(order: u32, born: &str) -> Value {
    json!({
        "group": "child",
        "woman": woman(order),
        "children": [{ "name": "王小宝", "sex": "male", "birth_date": born, "birth_weight_g": 3300, "gestational_days": 275 }],
        "explained": EVERYTHING,
    })
}

/// The last four of the woman of a form.
pub fn last_four(order: u32) -> String {
    womans_number("19950101", order)[14..].to_owned()
}

impl World {
    /// A handbook administrator of an institution in the town.
    pub async fn administrator(&self, institution: InstitutionId) -> Client {
        self.staff(&[Role::HandbookAdministrator], Some(institution), TOWN, RegionLevel::Town).await.client
    }

    /// A clinician of an institution in the town.
    pub async fn clinician(&self, institution: InstitutionId) -> Client {
        self.staff(&[Role::Clinician], Some(institution), TOWN, RegionLevel::Town).await.client
    }

    /// Somebody of the county MCH institution.
    pub async fn county_mch(&self, institution: InstitutionId) -> Client {
        self.staff(&[Role::CountyMch], Some(institution), COUNTY, RegionLevel::County).await.client
    }
}

impl World {
    /// What WeChat's phone number button gives the woman of a form.
    pub fn phone_code(&self, order: u32) -> String {
        self.wechat.control().phone_code("u", &phone(order))
    }
}

/// A desk at work.
pub struct Desk(pub Client);

impl Desk {
    pub async fn issue(&self, form: Value) -> Answer {
        self.0.post("/api/v1/handbooks", form).await
    }

    /// Issues a handbook that nothing stands against.
    pub async fn issued(&self, form: Value) -> Value {
        self.issue(form).await.ok()
    }
}

/// The address of something in an issued handbook.
pub fn at(handbook: &Value, rest: &str) -> String {
    format!("/api/v1/handbooks/{}{rest}", handbook["id"].as_str().unwrap())
}

pub const CONSENT: &str = api::config::PRIVACY_TEXT;

/// A claim by the code on the cover and the last four.
pub fn claim_by_cover(handbook: &Value, last_four: &str, relation: &str) -> Value {
    json!({
        "printed_code": handbook["printed_code"],
        "last_four": last_four,
        "relation": relation,
        "consent": { "version": CONSENT },
    })
}

/// A claim of the woman by the number on the cover and WeChat's phone.
pub fn claim_by_phone(handbook: &Value, phone_code: &str) -> Value {
    json!({
        "number": handbook["printed_number"],
        "phone_code": phone_code,
        "relation": "woman",
        "consent": { "version": CONSENT },
    })
}

/// A claim by a slip.
pub fn claim_by_slip(code: &Value, relation: &str) -> Value {
    json!({ "slip_code": code, "relation": relation, "consent": { "version": CONSENT } })
}
