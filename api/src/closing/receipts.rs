//! Receipts: what a closing or the end of a period did to which kind of data, how many there were, and on what ground.

use chrono::{DateTime, Utc};
use domain::id::{HandbookId, ReceiptId};
use domain::retention::{DataKind, EndState, Retention};
use sea_orm::{ActiveValue::Set, ConnectionTrait};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store;
use crate::consents::BothLanguages;
use crate::db::entities::retention_receipt;
use crate::error::ApiError;

/// Why something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Somebody closed the account.
    Closing,
    /// The care that was due when the family went has ended.
    EndOfDuty,
    /// A period came to its end.
    EndOfPeriod,
}

impl Cause {
    /// The word that is stored.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Closing => "closing",
            Self::EndOfDuty => "end_of_duty",
            Self::EndOfPeriod => "end_of_period",
        }
    }
}

/// What was done to one kind of data.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClosingReceipt)]
pub struct Receipt {
    /// The handbook; none for the account itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub handbook: Option<HandbookId>,
    /// The kind of data, a key of the table.
    #[schema(value_type = String)]
    pub kind: DataKind,
    /// What it is.
    pub name: BothLanguages,
    /// `deleted`, `anonymised` or `blocked`.
    #[schema(value_type = String)]
    pub end: EndState,
    /// How many.
    pub amount: u64,
    /// Document and article.
    pub basis: String,
}

/// The receipts of one act, gathered and kept with it.
#[derive(Debug)]
pub struct Receipts<'a> {
    table: &'a Retention,
    cause: Cause,
    /// What was done so far.
    pub done: Vec<Receipt>,
}

impl<'a> Receipts<'a> {
    /// None yet.
    pub fn new(table: &'a Retention, cause: Cause) -> Self {
        Self { table, cause, done: Vec::new() }
    }

    /// Notes what became of so many of a kind, as the table says; of none there is nothing to note.
    pub fn note(
        &mut self,
        handbook: Option<HandbookId>,
        kind: DataKind,
        amount: u64,
    ) -> Result<(), ApiError> {
        let row = self.table.kind(kind);
        let end = row.map_or(EndState::Deleted, |row| row.end);
        self.note_as(handbook, kind, amount, end)
    }

    /// Notes an end other than the one of a closing: what was blocked is deleted when its time has come.
    pub fn note_as(
        &mut self,
        handbook: Option<HandbookId>,
        kind: DataKind,
        amount: u64,
        end: EndState,
    ) -> Result<(), ApiError> {
        if amount == 0 {
            return Ok(());
        }
        let row = self.table.kind(kind);
        let row = row.ok_or_else(|| {
            ApiError::internal(anyhow::anyhow!("the table of retention has no row for {kind}"))
        })?;
        self.done.push(Receipt {
            handbook,
            kind: row.key,
            name: row.name.clone().into(),
            end,
            amount,
            basis: row.basis.clone(),
        });
        Ok(())
    }

    /// Keeps them in the transaction that did it.
    pub async fn keep(&self, txn: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), ApiError> {
        if self.done.is_empty() {
            return Ok(());
        }
        let rows = self.done.iter().map(|receipt| retention_receipt::ActiveModel {
            id: Set(ReceiptId(Uuid::now_v7())),
            handbook_id: Set(receipt.handbook),
            cause: Set(self.cause.word().to_owned()),
            kind: Set(receipt.kind.code().to_owned()),
            end_state: Set(receipt.end),
            amount: Set(i64::try_from(receipt.amount).unwrap_or(i64::MAX)),
            basis: Set(receipt.basis.clone()),
            done_at: Set(now),
        });
        Ok(store::keep_receipts(txn, rows).await?)
    }
}
