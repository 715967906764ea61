//! Charts that the server draws: the same picture for a phone, a page and paper, readable without colour.

pub mod draw;
pub mod growth;
pub mod png;
