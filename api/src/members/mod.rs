//! Members of a handbook: who of the family may do what in it, and how they come and go.

pub mod accept;
pub mod change;
pub mod hand_over;
pub mod invitations;
pub mod invite;
pub mod list;
pub mod remove;
pub mod revoke;
pub mod store;
pub mod verify;

use chrono::{DateTime, Utc};
use domain::id::{MemberId, UserId};
use domain::member::{MemberRelation, MemberRole};
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::entities::member;

/// A member as the family sees it. Users have no names here: the relation tells who it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Member {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: MemberId,
    /// What the member may do.
    #[schema(value_type = String)]
    pub role: MemberRole,
    /// Who the member is to the child or the woman.
    #[schema(value_type = String)]
    pub relation: MemberRelation,
    /// Proved to be the woman herself.
    pub is_woman: bool,
    /// The caller.
    pub is_me: bool,
    /// Since when.
    pub joined_at: DateTime<Utc>,
    /// Version, for `If-Match`.
    pub version: i32,
}

impl Member {
    /// A row as a user sees it.
    pub fn of(row: &member::Model, me: UserId) -> Self {
        Self {
            id: row.id,
            role: row.role,
            relation: row.relation,
            is_woman: row.is_woman,
            is_me: row.user_id == me,
            joined_at: row.joined_at,
            version: row.version,
        }
    }
}
