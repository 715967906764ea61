//! Usage of handbooks: evidence, counters, rates. The definition is `domain::usage`; what others report goes there.

pub mod count;
pub mod dashboard;
pub mod figures;
pub mod follow_up;
pub mod roll_up;
pub mod scope;
pub mod series;
pub mod sheet;
pub mod small;
pub mod store;
pub mod unused;
pub mod verify;
