//! What a family is told, and the number of every change of a handbook.

pub mod store;

use serde::{Deserialize, Serialize};

/// Why a family is told something. The texts that members read stand beside it, in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An institution opened a visit with the printed code.
    VisitByPrintedCode,
    /// An institution opened a visit by ID card.
    VisitByIdCard,
    /// Somebody opened emergency access.
    BreakGlass,
    /// Wrong last four were tried too often.
    TooManyTries,
    /// A member joined, changed or left.
    MembersChanged,
    /// The account was re-claimed at a desk.
    Reclaimed,
    /// The printed code was revoked and reprinted.
    CodeReprinted,
    /// The managing institution changed.
    Transferred,
    /// Identity typed wrong was corrected.
    IdentityCorrected,
    /// A checkup was corrected or voided.
    CheckupChanged,
}

impl Kind {
    /// The word that is stored.
    pub const fn word(self) -> &'static str {
        match self {
            Self::VisitByPrintedCode => "visit_by_printed_code",
            Self::VisitByIdCard => "visit_by_id_card",
            Self::BreakGlass => "break_glass",
            Self::TooManyTries => "too_many_tries",
            Self::MembersChanged => "members_changed",
            Self::Reclaimed => "reclaimed",
            Self::CodeReprinted => "code_reprinted",
            Self::Transferred => "transferred",
            Self::IdentityCorrected => "identity_corrected",
            Self::CheckupChanged => "checkup_changed",
        }
    }
}
