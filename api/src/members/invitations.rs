//! `GET /api/v1/handbooks/{handbook}/invitations`: who was invited and has not come yet.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::id::{InvitationId, MemberId};
use domain::member::{MemberRelation, MemberRole};
use serde::Serialize;
use utoipa::ToSchema;

use super::store;
use crate::access::{Access, ManageMembers};
use crate::app::App;
use crate::db::entities::invitation;
use crate::error::ApiError;
use crate::page::{Page, PageQuery, cut};
use crate::query::Query;

/// An invitation that is still good. Its code was shown once and is not known here.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenInvitation {
    /// Id.
    #[schema(value_type = Uuid)]
    pub id: InvitationId,
    /// What whoever accepts it may do.
    #[schema(value_type = String)]
    pub role: MemberRole,
    /// Who they are to the child or the woman.
    #[schema(value_type = String)]
    pub relation: MemberRelation,
    /// The owner who invited.
    #[schema(value_type = Uuid)]
    pub invited_by: MemberId,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it can be used.
    pub expires_at: DateTime<Utc>,
}

impl From<invitation::Model> for OpenInvitation {
    fn from(row: invitation::Model) -> Self {
        let invitation::Model { id, role, relation, invited_by, created_at, expires_at, .. } = row;
        Self { id, role, relation, invited_by, created_at, expires_at }
    }
}

/// Open invitations of a handbook
///
/// For owners, the latest first. Never the code.
#[utoipa::path(
    tag = "members",
    params(("handbook" = Uuid, Path), PageQuery),
    responses((status = 200, description = "A page", body = Page<OpenInvitation>))
)]
#[get("/api/v1/handbooks/{handbook}/invitations")]
pub(crate) async fn open(
    app: Data<App>,
    access: Access<ManageMembers>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (db, handbook, limit) = (app.db.read(), access.handbook.id, page.limit()?);
    let list = format!("invitations/{handbook}");
    let after = page.after(&app.keys, &list)?;
    let members = store::live(db, handbook).await?;
    let owners: Vec<MemberId> = store::owners(&members).map(|owner| owner.id).collect();
    let rows = store::open_invitations(db, handbook, &owners, after, limit + 1, app.now()).await?;
    let (rows, next_cursor) = cut(&app.keys, rows, limit, &list, |row| row.id);
    let items = rows.into_iter().map(OpenInvitation::from).collect();
    Ok(HttpResponse::Ok().json(Page { items, next_cursor }))
}
