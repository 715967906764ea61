//! Cursor paging: opaque cursors that belong to one list, at most 100 a page. Lists of persons for staff go through
//! `disclosures::brake`, whose cursors also say how many lines were given before.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;
use crate::keys::Keys;
use crate::problem::Code;
use crate::query;

/// Most items of a page.
pub const MAX: u64 = 100;

/// Items of a page when nothing is asked for.
const DEFAULT: u64 = 50;

/// Bytes of the hash in a cursor.
const SEAL: usize = 16;

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
            _ => Err(query::out_of_range("limit", 1, MAX)),
        }
    }

    /// Where the page begins, if it is not the first. A cursor of another list, or one that we did not make, is refused.
    pub fn after<T: DeserializeOwned>(&self, keys: &Keys, list: &str) -> Result<Option<T>, ApiError> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let position = read(keys, list, cursor).ok_or_else(|| ApiError::told(Code::BadCursor))?;
        Ok(Some(position))
    }
}

/// A cursor is a position and the hash of both position and list under a key of ours: what a query is given as a
/// position came out of a query.
fn write(keys: &Keys, list: &str, position: &impl Serialize) -> Option<String> {
    let position = serde_json::to_string(position).ok()?;
    let mut bytes = seal(keys, list, &position);
    bytes.extend(position.into_bytes());
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

fn read<T: DeserializeOwned>(keys: &Keys, list: &str, cursor: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (sealed, position) = bytes.split_at_checked(SEAL)?;
    let position = std::str::from_utf8(position).ok()?;
    if sealed != seal(keys, list, position) {
        return None;
    }
    serde_json::from_str(position).ok()
}

fn seal(keys: &Keys, list: &str, position: &str) -> Vec<u8> {
    let mut hash = keys.blind("cursor", &format!("{list}\0{position}"));
    hash.truncate(SEAL);
    hash
}

/// Cuts a page out of `limit + 1` fetched rows and makes the cursor of the next. `list` names the list with everything
/// that makes it another list: its filters and whose it is.
pub fn cut<R, P: Serialize>(
    keys: &Keys,
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
    let cursor = rows.last().and_then(|row| write(keys, list, &position(row)));
    (rows, cursor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_list_and_is_ours() {
        let keys = Keys::new(&crate::config::development_secrets()).unwrap();
        let (rows, cursor) = cut(&keys, vec![1, 2, 3], 2, "timeline", |row| *row);
        assert_eq!(rows, [1, 2]);
        let after = |cursor: &str, list| {
            let query = PageQuery { limit: None, cursor: Some(cursor.to_owned()) };
            query.after::<i32>(&keys, list).map_err(|err| err.code())
        };
        let cursor = cursor.unwrap();
        assert_eq!(after(&cursor, "timeline"), Ok(Some(2)));
        assert_eq!(after(&cursor, "members"), Err(Code::BadCursor));
        let mut moved = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        *moved.last_mut().unwrap() = b'3';
        for made_up in ["%%%", "", "MQ", &URL_SAFE_NO_PAD.encode(moved)] {
            assert_eq!(after(made_up, "timeline"), Err(Code::BadCursor), "{made_up}");
        }
        assert_eq!(cut(&keys, vec![1], 2, "timeline", |row| *row), (vec![1], None));
    }

    #[test]
    fn pages_hold_one_to_a_hundred() {
        for (limit, ok) in
            [(None, true), (Some(1), true), (Some(100), true), (Some(0), false), (Some(101), false)]
        {
            assert_eq!(PageQuery { limit, cursor: None }.limit().is_ok(), ok);
        }
    }

    proptest! {
        #[test]
        fn no_cursor_but_our_own_is_followed(text in prop_oneof!["\\PC{0,80}", "[A-Za-z0-9_-]{0,80}"], at in 0_usize..20, bit in 0_u8..8) {
            let keys = Keys::new(&crate::config::development_secrets()).unwrap();
            prop_assert_eq!(read::<serde_json::Value>(&keys, "timeline", &text), None);
            let ours = write(&keys, "timeline", &("2026-11-22", 7)).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(&ours).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let changed = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert_eq!(read::<serde_json::Value>(&keys, "timeline", &changed), None);
        }
    }
}
