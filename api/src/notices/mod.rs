//! What a family is told, and the number of every change of a handbook.

pub mod list;
pub mod store;

use serde::{Deserialize, Serialize};

use crate::problem::{Language, fill};

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
    /// An institution that does not answer for the handbook issued another to the same woman.
    IssuedElsewhere,
    /// A checkup was corrected or voided.
    CheckupChanged,
    /// The outcome of a pregnancy was taken back.
    OutcomeTakenBack,
    /// A member took a copy of everything.
    Exported,
    /// A request for correction was answered.
    CorrectionAnswered,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::VisitByPrintedCode,
        Self::VisitByIdCard,
        Self::BreakGlass,
        Self::TooManyTries,
        Self::MembersChanged,
        Self::Reclaimed,
        Self::CodeReprinted,
        Self::Transferred,
        Self::IdentityCorrected,
        Self::IssuedElsewhere,
        Self::CheckupChanged,
        Self::OutcomeTakenBack,
        Self::Exported,
        Self::CorrectionAnswered,
    ];

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
            Self::IssuedElsewhere => "issued_elsewhere",
            Self::CheckupChanged => "checkup_changed",
            Self::OutcomeTakenBack => "outcome_taken_back",
            Self::Exported => "exported",
            Self::CorrectionAnswered => "correction_answered",
        }
    }

    /// The kind of a stored word; a newer replica may have written one that this one does not know.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// What members read, Chinese and English; `{institution}` stands for the institution's name.
    pub const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::VisitByPrintedCode => (
                "{institution}扫描了封面二维码并核对了后四位，就诊期间可以查看手册。如果家中没有人在该机构就诊，请结束这次就诊并与该机构联系。",
                "{institution} scanned the code on the cover, gave the last four, and may read the handbook during the visit. If nobody of you is there, end the visit and call the institution.",
            ),
            Self::VisitByIdCard => (
                "{institution}凭身份证打开了手册，就诊期间可以查看。如果家中没有人在该机构就诊，请结束这次就诊并与该机构联系。",
                "{institution} opened the handbook by ID card and may read it during the visit. If nobody of you is there, end the visit and call the institution.",
            ),
            Self::BreakGlass => (
                "{institution}因紧急情况调阅了手册，时限一小时，县级妇幼保健机构将进行复核。",
                "{institution} opened the handbook in an emergency, for one hour; the county MCH institution will review it.",
            ),
            Self::TooManyTries => (
                "{institution}扫描封面二维码时多次填错后四位，已暂停其尝试一小时。如果家中没有人在该机构就诊，请申请重印封面二维码。",
                "{institution} scanned the code on the cover and gave wrong last four too often; its tries are refused for an hour. If nobody of you is there, ask for a new code on the cover.",
            ),
            Self::MembersChanged => (
                "手册的成员有变动，请核对成员名单。",
                "The members of the handbook changed; please check the list.",
            ),
            Self::Reclaimed => (
                "手册在{institution}重新绑定了账号。如果不是您办理的，请立即与该机构联系。",
                "The handbook was tied to another account at {institution}. If this was not you, call the institution at once.",
            ),
            Self::CodeReprinted => (
                "{institution}重印了封面二维码，旧的二维码已作废。",
                "{institution} printed a new code for the cover; the old one is void.",
            ),
            Self::Transferred => (
                "手册的管理机构有变更，新的管理机构见手册封面。",
                "The managing institution changed; the cover of the handbook names the new one.",
            ),
            Self::IdentityCorrected => (
                "{institution}更正了手册中的身份信息，请核对。",
                "{institution} corrected identity in the handbook; please check it.",
            ),
            Self::IssuedElsewhere => (
                "{institution}用手册中孕产妇（监护人）的身份信息发放了另一本手册。如果不是家里人办理的，请联系您的管理机构。",
                "{institution} issued another handbook with the identity of the woman (or guardian) of this one. If it was none of you, call the institution that manages this handbook.",
            ),
            Self::CheckupChanged => (
                "{institution}更正或作废了一条检查记录，请查看。",
                "{institution} corrected or voided a checkup; please look at it.",
            ),
            Self::OutcomeTakenBack => (
                "{institution}更正了手册中登记有误的孕产信息，请查看手册封面。",
                "{institution} corrected what was recorded in error about the pregnancy; please look at the cover of the handbook.",
            ),
            Self::Exported => (
                "一名成员导出了手册中其可以查看的全部内容。如果不是家里人操作的，请核对成员名单。",
                "A member took a copy of everything in the handbook that they may see. If it was none of you, check the list of members.",
            ),
            Self::CorrectionAnswered => (
                "{institution}答复了您对检查记录的更正申请，请查看。",
                "{institution} answered your request to correct a checkup; please look at it.",
            ),
        }
    }
}

/// What members read of a kind that only a newer replica knows.
const UNKNOWN: (&str, &str) =
    ("手册有一条新通知，请稍后再看。", "There is something new about the handbook; look again shortly.");

/// The text of a stored notice.
pub fn text_of(word: &str, institution: Option<&str>, language: Language) -> String {
    let (zh, en) = Kind::of_word(word).map_or(UNKNOWN, Kind::text);
    let somewhere = language.of("某机构", "An institution");
    fill(language.of(zh, en), &[("institution", institution.unwrap_or(somewhere).to_owned())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own_and_text_in_both_languages() {
        for &kind in Kind::ALL {
            assert_eq!(Kind::of_word(kind.word()), Some(kind));
            for language in [Language::Chinese, Language::English] {
                let text = text_of(kind.word(), Some("河沙镇卫生院"), language);
                assert!(!text.contains('{') && text.chars().count() > 10, "{text}");
            }
        }
    }

    #[test]
    fn a_notice_of_a_newer_replica_still_says_that_there_is_one() {
        assert_eq!(text_of("something_new", None, Language::Chinese), UNKNOWN.0);
        assert!(text_of("break_glass", None, Language::English).starts_with("An institution opened"));
    }
}
