//! `Query<T>`: the query of a request, or which parameter of it is wrong.

use std::fmt::Display;
use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use chrono::NaiveDate;
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::form::day_of_our_time;
use crate::shape;

/// The parameters of a query, read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query<T>(T);

impl<T> Query<T> {
    /// What was read.
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).map(Self))
    }
}

/// Reads a query; of several wrong parameters the first is told.
fn read<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(reader).map_err(|err| {
        let name = err.path().to_string();
        let problem = shape::told(&err.inner().to_string(), &name, |_, parameter| parameter.to_owned());
        ApiError::Query(vec![problem])
    })
}

/// The problem of a parameter that lies outside its range.
pub(crate) fn out_of_range(name: &str, least: impl Display, most: impl Display) -> ApiError {
    let (zh, en) = (format!("应为{least}至{most}。"), format!("Give {least} to {most}."));
    ApiError::parameter(name, "out_of_range", zh, en)
}

/// The problem of a parameter that another one needs beside it.
pub(crate) fn required_with(name: &str, other: &str) -> ApiError {
    let (zh, en) = (format!("填写{other}时必须填写。"), format!("It is required beside {other}."));
    ApiError::parameter(name, "required", zh, en)
}

/// Refuses a day that no handbook can speak of.
pub(crate) fn must_be_of_our_time(name: &str, day: Option<NaiveDate>) -> Result<(), ApiError> {
    match day.map(|day| day_of_our_time(name, day)) {
        Some(Err(wrong)) => Err(ApiError::Query(vec![wrong])),
        Some(Ok(_)) | None => Ok(()),
    }
}

/// Refuses a first day that comes after the last.
pub(crate) fn must_follow(first: Option<NaiveDate>, last: Option<NaiveDate>) -> Result<(), ApiError> {
    match (first, last) {
        (Some(first), Some(last)) if first > last => {
            Err(ApiError::parameter("to", "before_from", "不能早于from。", "It is before `from`."))
        }
        _ => Ok(()),
    }
}

/// The problem of a parameter that an operation does not take. A name is repeated only as far as it can be one.
pub(crate) fn strange(name: &str, known: &[String]) -> ApiError {
    let is_a_name = |name: &str| {
        name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let name = if is_a_name(name) { name } else { "" };
    let (zh, en) = if known.is_empty() {
        ("此操作没有查询参数。".to_owned(), "This operation takes no parameter.".to_owned())
    } else {
        let known = known.join(", ");
        (
            format!("没有这个参数，可用的有：{known}。"),
            format!("There is no such parameter; there are: {known}."),
        )
    };
    ApiError::parameter(name, "unknown_parameter", zh, en)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Asked {
        day: chrono::NaiveDate,
        limit: Option<u64>,
    }

    fn refused(query: &str) -> String {
        match read::<Asked>(query).unwrap_err() {
            ApiError::Query(wrong) => format!("{} {}", wrong[0].pointer, wrong[0].code),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let asked = read::<Asked>("day=2026-11-22&limit=7").unwrap();
        assert_eq!((asked.day.to_string(), asked.limit), ("2026-11-22".into(), Some(7)));
        assert_eq!(refused("limit=7"), "day required");
        assert_eq!(refused("day=2026-11-31"), "day wrong_type");
        assert_eq!(refused("day=2026-11-22&limit=x"), "limit wrong_type");
        assert_eq!(refused("day=2026-11-22&limit=1&limit=2"), "limit duplicate");
    }
}
