//! The brake on lists of persons: beyond [`FREE_LINES`](domain::disclosure::FREE_LINES) lines a second person agrees first, on
//! the screen and in files; every account has a limit per day; the county MCH sees what was asked for and taken.
//!
//! What a list holds, and whose, is the feature's own; [`lists`] names each list with its filters once, and every list of
//! staff goes through [`brake::Reading`].

pub mod ask;
pub mod brake;
pub mod decide;
pub mod list;
pub mod lists;
pub mod retain;
pub mod seen;
pub mod sheet;
pub mod store;
pub mod take;
