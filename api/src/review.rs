//! What a reviewer says of an emergency access or of a rule that was set aside.

use domain::visit::REASON_LENGTH;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::ApiError;

/// What a reviewer found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {
    /// Whether it was justified.
    pub(crate) accepted: bool,
    /// At most 500 characters; 10 at least when it was not justified.
    note: Option<String>,
}

impl Review {
    /// The note. A refusal needs words; an acceptance may have some.
    pub(crate) fn note(&self) -> Result<Option<&str>, ApiError> {
        let note = self.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
        let (least, most) = (*REASON_LENGTH.start(), *REASON_LENGTH.end());
        let length = note.map_or(0, |note| note.chars().count());
        let least = if self.accepted { 0 } else { least };
        if (least..=most).contains(&length) {
            return Ok(note);
        }
        Err(ApiError::field(
            "/note",
            "out_of_range",
            format!("请填写{least}到{most}个字。"),
            format!("Write {least} to {most} characters."),
        ))
    }
}
