//! The client and the stand-in together, over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops there")]

mod faults;
mod login;
mod phone;
mod secrets;
mod stand_in;
mod support;
mod token;
