//! `Body<T>`: bytes now, parsed when the handler asks, so that a wrong body never answers before the guard.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::{FutureExt, LocalBoxFuture};
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};
use uuid::Uuid;

use crate::error::{ApiError, FieldProblem};
use crate::problem::Code;
use crate::shape;

/// Largest JSON body.
pub const LIMIT: usize = 1024 * 1024;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Deepest nesting of a JSON body.
const DEPTH: usize = 32;

/// A JSON body that is not parsed yet.
#[derive(Debug)]
pub struct Body<T> {
    bytes: Bytes,
    is_json: bool,
    kind: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Body<T> {
    /// The value, or what is wrong with the JSON or its shape.
    pub fn parse(&self) -> Result<T, ApiError> {
        if !self.is_json {
            return Err(ApiError::with(Code::UnsupportedMedia, "allowed", "application/json"));
        }
        parse(&self.bytes)
    }
}

impl<T> Body<T> {
    /// The bytes as they came: what an idempotency key is held against.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Parses strict JSON: no duplicate keys, no NUL, no deep nesting, no unknown fields.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(|err| bad_json(&err))?;
    reader.end().map_err(|err| bad_json(&err))?;
    read(value, "").map_err(|problem| ApiError::Invalid(vec![problem]))
}

/// Reads a value that stands at a pointer of the body.
pub fn read<T: DeserializeOwned>(value: Value, at: &str) -> Result<T, FieldProblem> {
    serde_path_to_error::deserialize(value).map_err(|err| wrong_shape(&err, at))
}

/// Tells a field that was left out (`None`) from one that was given as `null` (`Some(None)`): with
/// `#[serde(default, deserialize_with = "given")]`.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// An id that a client chose for what it creates: a UUIDv7, because ids sort by time.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<T>(pub T);

impl<'de, T: Deserialize<'de> + Copy + Into<Uuid>> Deserialize<'de> for Chosen<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = T::deserialize(deserializer)?;
        match id.into().get_version_num() {
            7 => Ok(Self(id)),
            _ => Err(D::Error::custom("a chosen id is a UUIDv7")),
        }
    }
}

/// Reads an id that may be left out and is a [`Chosen`] one: with
/// `#[serde(default, deserialize_with = "chosen_id")]`.
pub fn chosen_id<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de> + Copy + Into<Uuid>,
    D: Deserializer<'de>,
{
    Ok(Option::<Chosen<T>>::deserialize(deserializer)?.map(|chosen| chosen.0))
}

/// Where the JSON is wrong; what came is not repeated.
fn bad_json(err: &serde_json::Error) -> ApiError {
    let text = err.to_string();
    let refused = REFUSALS.iter().find(|(en, _)| text.starts_with(en));
    let (zh, en) = match refused {
        Some((en, zh)) => ((*zh).to_owned(), (*en).to_owned()),
        None => {
            let (line, column) = (err.line(), err.column());
            (format!("第{line}行第{column}列"), format!("line {line}, column {column}"))
        }
    };
    ApiError::with_each(Code::BadJson, "reason", zh, en)
}

/// A field of the wrong type, missing or unknown: serde stops at the first, which is enough for the outer shape; what
/// a record holds is judged by the catalogue, all fields at once.
fn wrong_shape(err: &serde_path_to_error::Error<serde_json::Error>, at: &str) -> FieldProblem {
    let path = err.path().to_string();
    let pointer = if path == "." {
        at.to_owned()
    } else {
        format!("{at}/{}", path.replace("[", "/").replace(']', "").replace('.', "/"))
    };
    shape::told(&err.inner().to_string(), &pointer, |pointer, field| {
        // Of an unknown field the path holds the name already.
        let field = format!("/{field}");
        if pointer.ends_with(&field) { pointer.to_owned() } else { format!("{pointer}{field}") }
    })
}

impl<T: 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json =
            media_type(request).is_some_and(|kind| kind == "application/json" || kind.ends_with("+json"));
        let bytes = collect(payload.take(), LIMIT);
        async move { Ok(Self { bytes: bytes.await?, is_json, kind: PhantomData }) }.boxed_local()
    }
}

/// A CSV body that is not read yet.
#[derive(Debug)]
pub struct CsvBody {
    bytes: Bytes,
    is_csv: bool,
}

impl CsvBody {
    /// The bytes, if they were sent as CSV.
    pub fn text(&self) -> Result<&[u8], ApiError> {
        if self.is_csv {
            Ok(&self.bytes)
        } else {
            Err(ApiError::with(Code::UnsupportedMedia, "allowed", "text/csv"))
        }
    }
}

impl FromRequest for CsvBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_csv = media_type(request).is_some_and(|kind| kind == "text/csv");
        let bytes = collect(payload.take(), LIMIT);
        async move { Ok(Self { bytes: bytes.await?, is_csv }) }.boxed_local()
    }
}

/// The type of a body without its parameters.
fn media_type(request: &HttpRequest) -> Option<String> {
    let text = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Collects a body up to a limit; one byte more is refused without reading on, and so is one that trickles.
pub async fn collect(payload: Payload, limit: usize) -> Result<Bytes, ApiError> {
    let collected = tokio::time::timeout(PATIENCE, collect_slowly(payload, limit)).await;
    collected.map_err(|_| ApiError::told(Code::Timeout))?
}

/// The same, asking for room for all of it before it grows to so many bytes.
pub async fn collect_into(
    payload: Payload,
    limit: usize,
    grow: impl AsyncFnMut(usize) -> Result<(), ApiError>,
) -> Result<Bytes, ApiError> {
    let collected = tokio::time::timeout(PATIENCE, collect_growing(payload, limit, grow)).await;
    collected.map_err(|_| ApiError::told(Code::Timeout))?
}

async fn collect_slowly(payload: Payload, limit: usize) -> Result<Bytes, ApiError> {
    collect_growing(payload, limit, async |_| Ok(())).await
}

async fn collect_growing(
    mut payload: Payload,
    limit: usize,
    mut grow: impl AsyncFnMut(usize) -> Result<(), ApiError>,
) -> Result<Bytes, ApiError> {
    let mut bytes = actix_web::web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ApiError::told(Code::BadRequest))?;
        if bytes.len() + chunk.len() > limit {
            return Err(ApiError::with(Code::TooLarge, "limit", format!("{} MB", limit / 1024 / 1024)));
        }
        grow(bytes.len() + chunk.len()).await?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// What this reader itself refuses, in English (as which it passes through serde) and Chinese.
const REFUSALS: [(&str, &str); 4] = [TOO_DEEP, HOLDS_NUL, TOO_LARGE_A_NUMBER, KEY_TWICE];
const TOO_DEEP: (&str, &str) = ("nested deeper than 32 levels", "嵌套超过32层");
const HOLDS_NUL: (&str, &str) = ("NUL in a text", "文字中含有空字符（NUL）");
const TOO_LARGE_A_NUMBER: (&str, &str) = ("a number out of range", "数字超出范围");
const KEY_TWICE: (&str, &str) = ("a key stands twice in one object", "同一对象中有重复的键");

/// Reads a JSON value strictly.
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth == DEPTH {
            return Err(E::custom(TOO_DEEP.0));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

fn checked<E: serde::de::Error>(text: String) -> Result<String, E> {
    if text.contains('\0') { Err(E::custom(HOLDS_NUL.0)) } else { Ok(text) }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom(TOO_LARGE_A_NUMBER.0))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        checked(value.to_owned()).map(Value::String)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let key = checked(key)?;
            let value = entries.next_value_seed(self.deeper()?)?;
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom(KEY_TWICE.0));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::problem::Language;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its shape is tested")]
        name: String,
        #[expect(dead_code, reason = "only its shape is tested")]
        items: Option<Vec<u8>>,
    }

    fn refusal(json: &str) -> (Code, String) {
        match parse::<Sample>(json.as_bytes()).unwrap_err() {
            ApiError::Invalid(fields) => (Code::Invalid, format!("{} {}", fields[0].pointer, fields[0].code)),
            ApiError::Told(code, words) => (code, words[0].1.of(Language::English).to_owned()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn hostile_json_is_refused_with_a_reason() {
        assert!(refusal(r#"{"name":"a","name":"b"}"#).1.starts_with("a key stands twice in one object"));
        assert!(refusal(&"[".repeat(1000)).1.starts_with("nested deeper than 32"));
        assert!(refusal(r#"{"name":"a\u0000"}"#).1.starts_with("NUL in a text"));
        assert_eq!(refusal(r#"{"name":"\ud800"}"#).0, Code::BadJson);
        assert_eq!(refusal(r#"{"name":1e400}"#).0, Code::BadJson);
        assert_eq!(refusal("{").0, Code::BadJson);
        assert_eq!(refusal(r#"{"name":"a"} x"#).0, Code::BadJson);
        assert!(parse::<Sample>(b"\xff").is_err());
    }

    #[test]
    fn a_wrong_shape_names_the_field() {
        assert_eq!(refusal(r#"{"name":"a","colour":1}"#), (Code::Invalid, "/colour unknown_field".into()));
        assert_eq!(refusal("{}"), (Code::Invalid, "/name required".into()));
        assert_eq!(refusal(r#"{"name":7}"#), (Code::Invalid, "/name wrong_type".into()));
        assert_eq!(refusal(r#"{"name":"a","items":[1,300]}"#), (Code::Invalid, "/items/1 wrong_type".into()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_what_is_read_reads_again(bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..100),
            "([\\[\\]{}:,\"]|\"[a-z]{0,2}\"|null|true|-?[0-9]{1,20}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,4})?|\\\\u[0-9a-f]{4}| ){0,30}".prop_map(String::into_bytes),
        ]) {
            if let Ok(value) = parse::<Value>(&bytes) {
                let again = serde_json::to_vec(&value).unwrap();
                prop_assert!(parse::<Value>(&again).is_ok(), "{value}");
            }
        }
    }
}
