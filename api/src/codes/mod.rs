//! The QR codes of a handbook: the one on the family's phone, the one on the paper cover, and the page behind both for
//! whoever scans outside WeChat. What a scan at an institution opens is `visits`.

pub mod landing;
pub mod picture;
pub mod printed;
pub mod revoke;
pub mod show;
pub mod store;
