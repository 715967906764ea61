//! Requests to correct what a clinician wrote: a family asks, the institution that wrote it answers, and the county sees what
//! nobody answered in time (个人信息保护法 46, 50).

pub mod answer;
pub mod ask;
pub mod list;
pub mod store;
