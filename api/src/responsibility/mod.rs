//! Who was told what about a subject, by when it was to be done, and when it was: read from the rows of the features that
//! ask for it. Here nothing is written but what went to another institution with its handbook.

pub mod list;
pub mod store;
