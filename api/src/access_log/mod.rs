//! Who looked: the access log as the family reads it. It is written by `access`, in the request that reads.

pub mod show;
pub mod store;
