//! Alerts: danger signs, shown to the managing institution until somebody answers them.

pub mod answer;
pub mod list;
pub mod store;
