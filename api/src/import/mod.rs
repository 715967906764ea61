//! Regions, institutions and staff from a spreadsheet: one file, all of it or nothing, with every wrong row named at
//! once. The command line and the API call the same functions.
//!
//! A file is CSV in UTF-8 with a header. `plan` reads and judges it without changing anything, which is all that a dry
//! run does; `apply` writes a plan in the caller's transaction.

pub mod institutions;
pub mod regions;
pub mod sheet;
pub mod staff;
pub mod upload;

use serde::Serialize;
use utoipa::ToSchema;

/// Rows read or written with one statement.
const BATCH: usize = 500;

/// What an import does, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct Summary {
    /// Rows of the file without its header.
    pub rows: usize,
    /// Rows that are new.
    pub added: usize,
    /// Rows that differ from what is there.
    pub changed: usize,
    /// Rows that are there already.
    pub unchanged: usize,
}
