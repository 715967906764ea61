//! Visits: the time-limited access that a scan, an ID card or an emergency opens, its end, and the county's review.
//! Codes themselves are `codes`; what a visit lets staff read and write is decided in `access`.

pub mod break_glass;
pub mod by_id_card;
pub mod end;
pub mod list;
pub mod open;
pub mod review;
pub mod scan;
pub mod store;
