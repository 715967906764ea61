//! Cursor paging: opaque cursors that belong to one list, at most 100 a page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;
use crate::problem::Code;

/// Most items of a page.
pub const MAX: u64 = 100;

/// Items of a page when nothing is asked for.
const DEFAULT: u64 = 50;

/// `?limit=&cursor=` of every list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Items of a page, 1 to 100; 50 when left out.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// What a list gives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Send it as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl PageQuery {
    /// How many items to give.
    pub fn limit(&self) -> Result<u64, ApiError> {
        match self.limit.unwrap_or(DEFAULT) {
            limit @ 1..=MAX => Ok(limit),
            _ => Err(ApiError::with(Code::BadQuery, "reason", "limit 1–100")),
        }
    }

    /// Where the page begins, if it is not the first. A cursor of another list is refused.
    pub fn after<T: DeserializeOwned>(&self, list: &str) -> Result<Option<T>, ApiError> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let (of, position) = bytes
            .and_then(|bytes| serde_json::from_slice::<(String, T)>(&bytes).ok())
            .ok_or_else(|| ApiError::told(Code::BadCursor))?;
        if of == list { Ok(Some(position)) } else { Err(ApiError::told(Code::BadCursor)) }
    }
}

/// Cuts a page out of `limit + 1` fetched rows and makes the cursor of the next. `list` names the list with everything
/// that makes it another list: its filters and whose it is.
pub fn cut<R, P: Serialize>(
    mut rows: Vec<R>,
    limit: u64,
    list: &str,
    position: impl Fn(&R) -> P,
) -> (Vec<R>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return (rows, None);
    }
    rows.truncate(limit);
    let cursor = rows.last().and_then(|row| serde_json::to_vec(&(list, position(row))).ok());
    (rows, cursor.map(|bytes| URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_list() {
        let (rows, cursor) = cut(vec![1, 2, 3], 2, "timeline", |row| *row);
        assert_eq!(rows, [1, 2]);
        let query = PageQuery { limit: None, cursor };
        assert_eq!(query.after::<i32>("timeline").unwrap(), Some(2));
        assert_eq!(query.after::<i32>("members").unwrap_err().code(), Code::BadCursor);
        let garbage = PageQuery { limit: None, cursor: Some("%%%".into()) };
        assert_eq!(garbage.after::<i32>("timeline").unwrap_err().code(), Code::BadCursor);
        assert_eq!(cut(vec![1], 2, "timeline", |row| *row), (vec![1], None));
    }

    #[test]
    fn pages_hold_one_to_a_hundred() {
        for (limit, ok) in
            [(None, true), (Some(1), true), (Some(100), true), (Some(0), false), (Some(101), false)]
        {
            assert_eq!(PageQuery { limit, cursor: None }.limit().is_ok(), ok);
        }
    }
}
