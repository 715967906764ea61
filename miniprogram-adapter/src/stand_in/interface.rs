//! What all interfaces have in common: how a call is read, checked, answered and refused.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::Method, web::Query};
use serde_json::{Value, json};

use super::{login, phone, token, world::World};
use crate::error::Code;

/// Every interface that the stand-in plays.
const INTERFACES: [Interface; 3] = [login::INTERFACE, token::INTERFACE, phone::INTERFACE];

/// One server interface.
pub(super) struct Interface {
    pub(super) path: &'static str,
    pub(super) method: Method,
    pub(super) needs_token: bool,
    pub(super) content_type: &'static str,
    /// What the journal may show. Everything else in a query or body is masked.
    pub(super) shown: &'static [&'static str],
    pub(super) answer: fn(&mut World, &Received) -> Result<Value, Code>,
}

/// Answers a call as WeChat does: the fields, or an errcode.
pub(super) fn answer(world: &mut World, received: &Received) -> Result<Value, Code> {
    let interface = received.interface().ok_or(Code::Url)?;
    if received.method != interface.method {
        return Err(if interface.method == Method::POST { Code::PostRequired } else { Code::GetRequired });
    }
    if interface.needs_token {
        world.tokens.check(received.query("access_token"), world.now())?;
    }
    if interface.method == Method::POST {
        received.check_body()?;
    }
    (interface.answer)(world, received)
}

/// A refusal as it stands on the wire.
pub(super) fn refusal(code: Code, rid: &str) -> Value {
    json!({ "errcode": code.number(), "errmsg": format!("{}, rid: {rid}", message(code)) })
}

fn message(code: Code) -> &'static str {
    match code {
        Code::Busy => "system error",
        Code::TokenInvalid => "invalid credential, access_token is invalid or not latest",
        Code::TokenMissing => "access_token missing",
        Code::TokenExpired => "access_token expired",
        Code::GrantType => "invalid grant_type",
        Code::AppId => "invalid appid",
        Code::AppIdMissing => "appid missing",
        Code::Secret => "invalid appsecret",
        Code::SecretMissing => "appsecret missing",
        Code::OurAddressNotListed => "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist",
        Code::CodeInvalid => "invalid code",
        Code::CodeUsed => "code been used",
        Code::CodeMissing => "code missing",
        Code::UserBlocked => "code blocked",
        Code::MinuteLimit => "api minute-quota reach limit",
        Code::DayLimit => "reach max api daily quota limit",
        Code::GetRequired => "require GET method",
        Code::PostRequired => "require POST method",
        Code::BodyEmpty => "empty post data",
        Code::BodyFormat => "data format error",
        Code::Url => "invalid url",
        _ => "refused by the stand-in",
    }
}

/// A call as it came in.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) method: Method,
    pub(super) path: String,
    query: BTreeMap<String, String>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Empty,
    NotJson,
    Json(Value),
}

impl Received {
    pub(super) fn read(request: &HttpRequest, body: &[u8]) -> Self {
        let query = Query::<BTreeMap<String, String>>::from_query(request.query_string());
        let body = if body.is_empty() {
            Body::Empty
        } else {
            serde_json::from_slice(body).map_or(Body::NotJson, Body::Json)
        };
        Self {
            method: request.method().clone(),
            path: request.path().to_owned(),
            query: query.map(Query::into_inner).unwrap_or_default(),
            body,
        }
    }

    /// A parameter of the query; an empty one counts as missing.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A field of the JSON body.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        match &self.body {
            Body::Json(body) => body.get(name),
            Body::Empty | Body::NotJson => None,
        }
    }

    /// A text in the JSON body; an empty one counts as missing.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.field(name)?.as_str().filter(|value| !value.is_empty())
    }

    fn check_body(&self) -> Result<(), Code> {
        match &self.body {
            Body::Empty => Err(Code::BodyEmpty),
            Body::Json(body) if body.is_object() => Ok(()),
            Body::Json(_) | Body::NotJson => Err(Code::BodyFormat),
        }
    }

    fn interface(&self) -> Option<&'static Interface> {
        INTERFACES.iter().find(|interface| interface.path == self.path)
    }

    fn shows(&self, name: &str) -> bool {
        self.interface().is_some_and(|interface| interface.shown.contains(&name))
    }

    pub(super) fn masked_query(&self) -> BTreeMap<String, String> {
        let mask = |(name, value): (&String, &String)| {
            let value = if self.shows(name) { value } else { "***" };
            (name.clone(), value.to_owned())
        };
        self.query.iter().map(mask).collect()
    }

    /// The body with every value masked that is not meant to be shown; what is not a JSON object is masked as a whole.
    pub(super) fn masked_body(&self) -> Value {
        let mask = |(name, value): (&String, &Value)| {
            let value = if self.shows(name) { value.clone() } else { json!("***") };
            (name.clone(), value)
        };
        match &self.body {
            Body::Empty => Value::Null,
            Body::Json(Value::Object(fields)) => {
                fields.iter().map(mask).collect::<serde_json::Map<_, _>>().into()
            }
            Body::Json(_) | Body::NotJson => json!("***"),
        }
    }

    pub(super) fn reply(&self, body: &Value) -> Reply {
        let content_type = self.interface().map_or("application/json", |interface| interface.content_type);
        Reply { content_type, body: body.to_string() }
    }
}

/// An answer before a fault harms it.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

impl From<Reply> for HttpResponse {
    fn from(reply: Reply) -> Self {
        Self::Ok().content_type(reply.content_type).body(reply.body)
    }
}
