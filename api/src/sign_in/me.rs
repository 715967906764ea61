//! `GET /api/v1/me`: who is signed in, and what they have to do first.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use domain::access::Role;
use domain::id::{InstitutionId, SessionId, StaffId, UserId};
use domain::place::{RegionCode, RegionLevel};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::db::entities::staff;
use crate::error::ApiError;
use crate::offices;
use crate::problem::Code;
use crate::session::store::has_second_factor;
use crate::session::{AnyCaller, Caller, User};

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Me {
    /// A user of the family side.
    Family {
        /// The user.
        #[schema(value_type = Uuid)]
        id: UserId,
        /// This session.
        #[schema(value_type = Uuid)]
        session: SessionId,
    },
    /// A staff member.
    Staff(StaffMe),
}

/// A staff member as they see themselves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StaffMe {
    #[schema(value_type = Uuid)]
    id: StaffId,
    #[schema(value_type = Uuid)]
    session: SessionId,
    user_name: String,
    name: String,
    title: String,
    #[schema(value_type = Vec<String>)]
    roles: Vec<Role>,
    #[schema(value_type = Option<Uuid>)]
    institution: Option<InstitutionId>,
    /// Division code of the scope; nothing for the whole country.
    #[schema(value_type = Option<i64>)]
    region_code: Option<RegionCode>,
    #[schema(value_type = Option<String>)]
    region_level: Option<RegionLevel>,
    /// The password was issued: change it first.
    must_change_password: bool,
    second_factor: SecondFactor,
}

/// Where the second factor stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecondFactor {
    /// A one-time code is asked for at sign-in.
    is_set: bool,
    /// A role needs one here: until it is set, nothing else works.
    is_required: bool,
}

impl Me {
    pub(super) fn family(user: User) -> Self {
        Self::Family { id: user.id, session: user.session }
    }

    pub(super) async fn staff(app: &App, row: staff::Model, session: SessionId) -> Result<Self, ApiError> {
        let name = offices::staff::name_of(&app.keys, &row)?;
        let needs = row.roles.0.iter().any(|role| role.needs_second_factor());
        let second_factor = SecondFactor {
            is_set: has_second_factor(&row),
            is_required: app.config.require_second_factor && needs,
        };
        Ok(Self::Staff(StaffMe {
            id: row.id,
            session,
            user_name: row.user_name,
            name,
            title: row.title,
            roles: row.roles.0,
            institution: row.institution_id,
            region_code: row.region_code,
            region_level: row.region_level,
            must_change_password: row.password_issued,
            second_factor,
        }))
    }
}

/// Who am I?
#[utoipa::path(tag = "sign-in", responses((status = 200, description = "Who is signed in", body = Me)))]
#[get("/api/v1/me")]
pub(crate) async fn show_me(app: Data<App>, caller: AnyCaller) -> Result<HttpResponse, ApiError> {
    let AnyCaller(caller) = caller;
    let me = match caller {
        Caller::Family(user) => Me::family(user),
        Caller::Staff(staff) => {
            let row = offices::staff::store::find(app.db.read(), staff.id).await?;
            let row = row.ok_or_else(|| ApiError::told(Code::NotSignedIn))?;
            Me::staff(&app, row, staff.session).await?
        }
    };
    Ok(HttpResponse::Ok().json(me))
}
