//! Usage of handbooks: evidence, counters, rates. The definition is `domain::usage`; what others report goes there.

pub mod count;
pub mod roll_up;
