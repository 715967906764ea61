//! Rows that end and stay: when they ended, ending them again, and which of them live.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect,
    TryGetable, Value,
};

use crate::backup::tombstones::Ended;
use crate::db::entities::{delegation, institution, member, wechat_user};

/// Members who left a handbook or were removed.
pub(super) const MEMBERS: Ends<member::Entity> =
    Ends { id: member::Column::Id, ended_at: member::Column::EndedAt };

/// Delegations that ended.
pub(super) const DELEGATIONS: Ends<delegation::Entity> =
    Ends { id: delegation::Column::Id, ended_at: delegation::Column::EndedAt };

/// Institutions that ended.
pub(super) const INSTITUTIONS: Ends<institution::Entity> =
    Ends { id: institution::Column::Id, ended_at: institution::Column::EndedAt };

/// Accounts that were closed.
pub(super) const ACCOUNTS: Ends<wechat_user::Entity> =
    Ends { id: wechat_user::Column::Id, ended_at: wechat_user::Column::ClosedAt };

/// A table whose rows end.
pub(super) struct Ends<E: EntityTrait> {
    id: E::Column,
    ended_at: E::Column,
}

impl<E: EntityTrait> Ends<E> {
    /// Those that ended since an instant.
    pub(super) async fn since<I: TryGetable>(
        &self,
        txn: &DatabaseTransaction,
        since: DateTime<Utc>,
    ) -> Result<Vec<Ended<I>>, DbErr> {
        let ended = E::find().select_only().column(self.id).column(self.ended_at);
        let rows: Vec<(I, DateTime<Utc>)> =
            ended.filter(self.ended_at.gte(since)).into_tuple().all(txn).await?;
        Ok(rows.into_iter().map(|(id, at)| Ended { id, at }).collect())
    }

    /// Ends those that live, and says how many there were.
    pub(super) async fn again<I: Into<Value> + Copy>(
        &self,
        txn: &DatabaseTransaction,
        ended: &[Ended<I>],
    ) -> Result<u64, DbErr> {
        let mut many = 0;
        for Ended { id, at } in ended {
            let end = E::update_many()
                .col_expr(self.ended_at, Expr::value(*at))
                .filter(self.id.eq(*id))
                .filter(self.ended_at.is_null());
            many += end.exec(txn).await?.rows_affected;
        }
        Ok(many)
    }

    /// How many of those that ended live.
    pub(super) async fn living<I: Into<Value> + Copy>(
        &self,
        db: &impl ConnectionTrait,
        ended: &[Ended<I>],
    ) -> Result<u64, DbErr> {
        let mut many = 0;
        for Ended { id, .. } in ended {
            let living = E::find().filter(self.id.eq(*id)).filter(self.ended_at.is_null());
            many += u64::from(living.one(db).await?.is_some());
        }
        Ok(many)
    }
}
