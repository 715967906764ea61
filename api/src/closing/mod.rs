//! Closing an account, and the ends of periods: what is deleted, what stays without the person, and what is blocked while
//! the law asks to keep it. The table is data of `domain`; every act leaves a receipt.

pub mod again;
pub mod close;
pub mod erase;
pub mod preview;
pub mod receipts;
pub mod retain;
pub mod store;
