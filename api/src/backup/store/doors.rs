//! Whatever opens a door: ended in a restored database, and looked for when it is tried.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::disclosure::DisclosureState;
use domain::handbook::issuing::SLIP_LIFE;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter,
};

use super::restoration as last_restoration;
use crate::db::entities::{
    code, disclosure, handbook, invitation, live_ticket, refresh_token, restoration, session, visit,
};
use crate::handbooks::store::no_slip;
use crate::live::store::TICKET_LIFE;

/// How far the changes of a restored handbook are moved on: a phone that had seen more than the backup knows begins again
/// where new changes are.
const CHANGES_MOVED: i64 = 1_000_000;

/// Ends whatever opens a door: people sign in again, codes, invitations and slips are made anew, and visits are opened
/// anew.
pub(in crate::backup) async fn end_what_opens_doors(
    txn: &DatabaseTransaction,
    now: DateTime<Utc>,
) -> Result<BTreeMap<&'static str, u64>, DbErr> {
    let sessions = session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(now))
        .filter(session::COLUMN.ended_at.is_null())
        .exec(txn)
        .await?;
    let tokens = refresh_token::Entity::delete_many().exec(txn).await?;
    let tickets = live_ticket::Entity::delete_many().exec(txn).await?;
    let codes = code::Entity::update_many()
        .col_expr(code::Column::RevokedAt, Expr::value(now))
        .filter(code::COLUMN.redeemed_at.is_null())
        .filter(code::COLUMN.revoked_at.is_null())
        .exec(txn)
        .await?;
    let invitations = invitation::Entity::update_many()
        .col_expr(invitation::Column::RevokedAt, Expr::value(now))
        .filter(invitation::COLUMN.used_at.is_null())
        .filter(invitation::COLUMN.revoked_at.is_null())
        .exec(txn)
        .await?;
    let slips = handbook::Entity::update_many()
        .set(no_slip())
        .filter(handbook::COLUMN.slip_hash.is_not_null())
        .exec(txn)
        .await?;
    // Which of them were ended since does not matter: the family shows its code again.
    let visits = visit::Entity::update_many()
        .col_expr(visit::Column::EndsAt, Expr::value(now))
        .filter(visit::COLUMN.ends_at.gt(now))
        .exec(txn)
        .await?;
    // What was approved may have been taken since: it is asked for again.
    let lists = disclosure::Entity::update_many()
        .set(disclosure::ActiveModel {
            state: Set(DisclosureState::Expired),
            holds_until: Set(None),
            ..Default::default()
        })
        .filter(holds_a_list())
        .exec(txn)
        .await?;
    let moved = format!("UPDATE handbook SET change_seq = change_seq + {CHANGES_MOVED}");
    txn.execute_unprepared(&moved).await?;
    Ok(BTreeMap::from([
        ("sessions", sessions.rows_affected),
        ("refresh tokens", tokens.rows_affected),
        ("live tickets", tickets.rows_affected),
        ("dynamic codes", codes.rows_affected),
        ("invitations", invitations.rows_affected),
        ("slips", slips.rows_affected),
        ("open visits", visits.rows_affected),
        ("lists of persons", lists.rows_affected),
    ]))
}

/// Waits for a decision, may be taken, or may be read on.
fn holds_a_list() -> Condition {
    let open = [DisclosureState::Waiting, DisclosureState::Ready];
    Condition::any()
        .add(disclosure::Column::State.is_in(open))
        .add(disclosure::COLUMN.holds_until.is_not_null())
}

/// What lives that [`end_what_opens_doors`] ended. What began after the restoration may live.
pub(in crate::backup) async fn revived(db: &impl ConnectionTrait) -> Result<Vec<(&'static str, u64)>, DbErr> {
    let Some(restoration::Model { restored_at, .. }) = last_restoration(db).await? else {
        return Ok(Vec::new());
    };
    let sessions = session::Entity::find()
        .filter(session::COLUMN.ended_at.is_null())
        .filter(session::COLUMN.created_at.lt(restored_at));
    let tokens = refresh_token::Entity::find().filter(refresh_token::COLUMN.issued_at.lt(restored_at));
    let codes = code::Entity::find()
        .filter(code::COLUMN.redeemed_at.is_null())
        .filter(code::COLUMN.revoked_at.is_null())
        .filter(code::COLUMN.made_at.lt(restored_at));
    let invitations = invitation::Entity::find()
        .filter(invitation::COLUMN.used_at.is_null())
        .filter(invitation::COLUMN.revoked_at.is_null())
        .filter(invitation::COLUMN.created_at.lt(restored_at));
    let visits = visit::Entity::find()
        .filter(visit::COLUMN.ends_at.gt(restored_at))
        .filter(visit::COLUMN.opened_at.lt(restored_at));
    // Slips and tickets do not say when they were made, only until when they are good.
    let slips = handbook::Entity::find()
        .filter(handbook::COLUMN.slip_hash.is_not_null())
        .filter(handbook::COLUMN.slip_expires_at.lt(restored_at + SLIP_LIFE));
    let tickets =
        live_ticket::Entity::find().filter(live_ticket::COLUMN.expires_at.lt(restored_at + TICKET_LIFE));
    let lists =
        disclosure::Entity::find().filter(holds_a_list()).filter(disclosure::COLUMN.asked_at.lt(restored_at));
    Ok(vec![
        ("sessions", sessions.count(db).await?),
        ("refresh tokens", tokens.count(db).await?),
        ("dynamic codes", codes.count(db).await?),
        ("invitations", invitations.count(db).await?),
        ("slips", slips.count(db).await?),
        ("open visits", visits.count(db).await?),
        ("lists of persons", lists.count(db).await?),
        ("live tickets", tickets.count(db).await?),
    ])
}
