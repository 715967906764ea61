//! People: identity fields, sealed in one column, with blind indexes for look-up.

pub mod keep;
pub mod store;

use serde::{Deserialize, Serialize};

/// What identifies a person. Kept sealed; never logged, never in a URL.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Full name.
    pub name: String,
    /// Citizen identity number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_number: Option<String>,
    /// Phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Present address below the region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Registered (household) address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_address: Option<String>,
    /// Number of the resident health record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_record_no: Option<String>,
    /// Ethnicity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ethnicity: Option<String>,
    /// Education.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub education: Option<String>,
    /// Occupation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occupation: Option<String>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(***)")
    }
}
