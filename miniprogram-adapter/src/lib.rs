//! WeChat's server interfaces for mini-programs: one [`Client`], and a [`stand_in`] server that behaves like WeChat.
//!
//! This crate knows what WeChat asks and answers, and nothing of handbooks. It decides by the body of an answer, never
//! by its content type; it retries only what may be retried; and it never shows a secret: what must not be seen is in
//! a type of its own whose `Debug` prints `***`.
//!
//! | module | holds |
//! | --- | --- |
//! | `client` | settings, the client, and the one retry after a refused token |
//! | `call` | one call on the wire: retries, time-outs, what the answer means |
//! | `login`, `phone`, `token` | one server interface each |
//! | `error`, `secret`, `clock` | the words that all of them share |
//! | `flight` | one call in the air that several callers wait for |
//! | `stand_in` | the server for tests and the demo |

mod call;
mod client;
mod clock;
mod digest;
mod error;
mod flight;
mod login;
mod phone;
mod secret;
pub mod stand_in;
mod token;

pub use call::Retry;
pub use client::{Client, OFFICIAL_BASE_URL, Settings, SettingsError};
pub use clock::Clock;
pub use error::{Class, Code, Error, Refusal, Silence, Surprise};
pub use login::Login;
pub use phone::VerifiedPhone;
pub use secret::{AccessToken, AppSecret, OpenId, PhoneNumber, ProxyAddress, UnionId};
pub use token::{SharedToken, StoreFuture, StoreUnavailable, TokenStore};
