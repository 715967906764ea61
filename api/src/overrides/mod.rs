//! Rules that handbook administrators set aside with a reason, and their review by the county. They are set aside in
//! `handbooks` (an issue) and `checkups`.

pub mod list;
pub mod review;
pub mod store;
