//! What is read of a demo that is there.

use domain::handbook::Group;
use domain::member::MemberRole;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, Value};

use crate::db::entities::{catchment, region};
use crate::db::{Db, statement};

/// A WeChat user who is a member of a handbook that is in use.
#[derive(Debug, FromQueryResult)]
pub(super) struct Member {
    pub(super) openid_index: Vec<u8>,
    pub(super) role: MemberRole,
    pub(super) number: String,
    pub(super) issued_group: Group,
}

/// The members among some WeChat users.
pub(super) async fn members(db: &Db, openid_indexes: Vec<Vec<u8>>) -> Result<Vec<Member>, DbErr> {
    let marks = vec!["?"; openid_indexes.len()].join(", ");
    let sql = format!(
        "SELECT u.openid_index, m.role, h.number, h.issued_group FROM wechat_user u \
         JOIN member m ON m.user_id = u.id JOIN handbook h ON h.id = m.handbook_id \
         WHERE u.openid_index IN ({marks}) AND m.ended_at IS NULL AND h.first_used_at IS NOT NULL"
    );
    let values = openid_indexes.into_iter().map(Value::from);
    let rows = db.read().query_all_raw(statement(db.backend(), &sql, values)).await?;
    rows.iter().map(|row| Member::from_query_result(row, "")).collect()
}

/// Whether any user name begins so.
pub(super) async fn has_user_names_from(db: &Db, prefix: &str) -> Result<bool, DbErr> {
    let some = "SELECT 1 FROM staff WHERE user_name LIKE ? LIMIT 1";
    let query = statement(db.backend(), some, [format!("{prefix}%").into()]);
    Ok(db.read().query_one_raw(query).await?.is_some())
}

/// Keeps the regions that are not there yet: a county may have imported them all.
pub(super) async fn insert_missing_regions(
    txn: &impl ConnectionTrait,
    regions: Vec<region::Model>,
) -> Result<(), DbErr> {
    let there = OnConflict::columns([region::Column::Code, region::Column::Level]).do_nothing().to_owned();
    let rows = regions.into_iter().map(IntoActiveModel::into_active_model);
    region::Entity::insert_many(rows).on_conflict(there).exec_without_returning(txn).await.map(|_| ())
}

/// Keeps the catchments of regions that nobody manages yet.
pub(super) async fn insert_missing_catchments(
    txn: &impl ConnectionTrait,
    catchments: Vec<catchment::Model>,
) -> Result<(), DbErr> {
    let columns = [catchment::Column::RegionCode, catchment::Column::RegionLevel];
    let there = OnConflict::columns(columns).do_nothing().to_owned();
    let rows = catchments.into_iter().map(IntoActiveModel::into_active_model);
    catchment::Entity::insert_many(rows).on_conflict(there).exec_without_returning(txn).await.map(|_| ())
}
