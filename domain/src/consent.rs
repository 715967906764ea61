//! What a family agrees to, purpose by purpose: which are asked, who may answer, and what an answer is good for
//! (个人信息保护法 14 to 16, 23, 28 to 31).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::calendar::age_in_years;
use crate::member::MemberRole;
use crate::privacy::BothLanguages;
use crate::word::words;

words! {
    /// What personal information is handled for with consent. What the law asks for (statutory reports, clinicians' own
    /// records) rests on no consent and is not here.
    pub enum Purpose {
        Basic = "basic", "基本服务", "the basic service";
        Child = "child", "儿童信息", "information about a child";
        ShareEntries = "share_entries", "共享自我记录", "clinicians see the family's entries";
        Reminders = "reminders", "提醒", "reminders";
    }
}

words! {
    /// How a consent came.
    pub enum Channel {
        Wechat = "wechat", "微信小程序", "on the phone, signed in with WeChat";
    }
}

impl Purpose {
    /// The version of the text in force; a consent to another one is asked for again.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Basic | Self::Child | Self::ShareEntries | Self::Reminders => "2026-11",
        }
    }

    /// Whether the handbook can be had without it.
    pub const fn is_optional(self) -> bool {
        !matches!(self, Self::Basic)
    }

    /// Whether one answer holds for the whole handbook; else every member answers for themselves.
    pub const fn is_of_handbook(self) -> bool {
        matches!(self, Self::Child | Self::ShareEntries)
    }

    /// Whether what was agreed to is the text in force.
    pub fn is_in_force(self, agreed_to: Option<&str>) -> bool {
        agreed_to == Some(self.version())
    }
}

/// Why an answer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsentRefusal {
    /// For a child and for the whole family a guardian answers: an owner or a guardian of the handbook.
    #[error("only an owner or a guardian consents for the family")]
    NotAGuardian,
    /// Whoever took back what the family had agreed to is not overruled by others than an owner.
    #[error("only an owner agrees again")]
    OnlyAnOwnerGives,
    /// A child under 14 consents for nobody: 个人信息保护法 31.
    #[error("a child under 14 does not consent")]
    UnderFourteen,
    /// Without the basic service there is no account.
    #[error("withdrawing the basic consent is closing the account")]
    ClosesTheAccount,
}

/// Who wants to answer.
#[derive(Debug, Clone, Copy)]
pub struct Answering {
    /// Their role in the handbook.
    pub role: MemberRole,
    /// When they were born, as far as that is proved: of the verified woman only.
    pub born_on: Option<NaiveDate>,
}

/// May this member give (or withdraw) their consent to a purpose today? Withdrawing is never harder than giving.
pub fn may_answer(
    purpose: Purpose,
    given: bool,
    by: Answering,
    today: NaiveDate,
) -> Result<(), ConsentRefusal> {
    if purpose == Purpose::Basic && !given {
        return Err(ConsentRefusal::ClosesTheAccount);
    }
    if purpose.is_of_handbook() {
        match by.role {
            MemberRole::Viewer => return Err(ConsentRefusal::NotAGuardian),
            MemberRole::Guardian if given => return Err(ConsentRefusal::OnlyAnOwnerGives),
            MemberRole::Guardian | MemberRole::Owner => {}
        }
    }
    let is_child = by.born_on.is_some_and(|born_on| age_in_years(born_on, today) < CONSENTS_FROM);
    if given && is_child { Err(ConsentRefusal::UnderFourteen) } else { Ok(()) }
}

/// The age in years from which one consents for oneself: 个人信息保护法 31.
pub const CONSENTS_FROM: i32 = 14;

/// What of the family's own entries clinicians see, beside what is private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharing {
    /// Entries at all.
    pub entries: bool,
    /// Entries about a child.
    pub of_children: bool,
}

impl Sharing {
    /// What the texts that the family agreed to let clinicians see.
    pub fn of(share_entries: Option<&str>, child: Option<&str>) -> Self {
        let entries = Purpose::ShareEntries.is_in_force(share_entries);
        Self { entries, of_children: entries && Purpose::Child.is_in_force(child) }
    }

    /// Whether an entry, about a child or not, is seen.
    pub fn shows(self, about_child: bool) -> bool {
        if about_child { self.of_children } else { self.entries }
    }
}

/// What is shown before somebody answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentText {
    /// The purpose.
    #[serde(rename = "key")]
    pub purpose: Purpose,
    /// Version of this text.
    pub version: String,
    /// Heading.
    pub title: BothLanguages,
    /// What is agreed to.
    pub text: BothLanguages,
    /// What stops when it is withdrawn.
    pub stops: BothLanguages,
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "purpose")]
    purposes: Vec<ConsentText>,
}

/// The texts in force, in the order in which they are shown.
pub fn texts() -> Result<Vec<ConsentText>, toml::de::Error> {
    let file: File = toml::from_str(include_str!("../data/consents.toml"))?;
    Ok(file.purposes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn every_purpose_has_its_text_in_both_languages_and_the_version_that_the_rules_ask_for() {
        let texts = texts().unwrap();
        let purposes: Vec<_> = texts.iter().map(|text| text.purpose).collect();
        assert_eq!(purposes, Purpose::ALL);
        for text in texts {
            assert_eq!(text.version, text.purpose.version(), "{}", text.purpose);
            for part in [&text.title, &text.text, &text.stops] {
                assert!(!part.zh.is_ascii() && !part.en.trim().is_empty(), "{}", text.purpose);
            }
        }
        assert_eq!(crate::privacy::in_force().unwrap().version, Purpose::Basic.version());
    }

    #[test]
    fn an_owner_answers_for_the_family_a_guardian_may_withdraw_and_a_viewer_answers_for_themselves() {
        let today = day("2026-11-22");
        let by = |role| Answering { role, born_on: None };
        let answer = |purpose, given, role| may_answer(purpose, given, by(role), today);
        for purpose in [Purpose::Child, Purpose::ShareEntries] {
            assert_eq!(answer(purpose, true, MemberRole::Owner), Ok(()));
            assert_eq!(answer(purpose, false, MemberRole::Owner), Ok(()));
            assert_eq!(answer(purpose, false, MemberRole::Guardian), Ok(()));
            assert_eq!(answer(purpose, true, MemberRole::Guardian), Err(ConsentRefusal::OnlyAnOwnerGives));
            assert_eq!(answer(purpose, false, MemberRole::Viewer), Err(ConsentRefusal::NotAGuardian));
        }
        for &role in MemberRole::ALL {
            assert_eq!(answer(Purpose::Reminders, true, role), Ok(()));
            assert_eq!(answer(Purpose::Reminders, false, role), Ok(()));
            assert_eq!(answer(Purpose::Basic, true, role), Ok(()));
            assert_eq!(answer(Purpose::Basic, false, role), Err(ConsentRefusal::ClosesTheAccount));
        }
    }

    #[test]
    fn under_fourteen_nobody_consents_and_everybody_may_withdraw() {
        let by = |born: &str| Answering { role: MemberRole::Owner, born_on: Some(day(born)) };
        let answer = |given, born| may_answer(Purpose::Child, given, by(born), day("2026-11-22"));
        assert_eq!(answer(true, "2012-11-23"), Err(ConsentRefusal::UnderFourteen));
        assert_eq!(answer(true, "2012-11-22"), Ok(()));
        assert_eq!(answer(false, "2012-11-23"), Ok(()));
    }

    #[test]
    fn what_was_agreed_to_under_an_older_text_is_asked_again_and_nothing_is_shown_meanwhile() {
        let now = Some(Purpose::ShareEntries.version());
        assert_eq!(Sharing::of(now, now), Sharing { entries: true, of_children: true });
        assert_eq!(Sharing::of(now, Some("2025-01")), Sharing { entries: true, of_children: false });
        for older in [None, Some("2025-01")] {
            assert_eq!(Sharing::of(older, now), Sharing { entries: false, of_children: false });
        }
        assert!(!Sharing::of(now, None).shows(true) && Sharing::of(now, None).shows(false));
    }

    #[test]
    fn only_the_basic_service_is_needed() {
        let needed: Vec<_> = Purpose::ALL.iter().filter(|purpose| !purpose.is_optional()).collect();
        assert_eq!(needed, [&Purpose::Basic]);
    }
}
