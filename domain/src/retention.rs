//! What becomes of data when an account is closed, and when a period ends: deleted, anonymised, or blocked while the law
//! asks to keep it (个人信息保护法 47).

use chrono::{Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::calendar::age_in_years;
use crate::member::MemberRole;
use crate::privacy::BothLanguages;
use crate::word::words;

words! {
    /// How a kind of data ends.
    pub enum EndState {
        Deleted = "deleted", "删除", "deleted";
        Anonymised = "anonymised", "匿名", "kept without the person";
        Blocked = "blocked", "封存", "kept for what the law asks and used for nothing else";
    }
}

/// A kind of data, how it ends and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindOfData {
    /// Stable English word.
    pub key: String,
    /// How it ends.
    pub end: EndState,
    /// Years for which it is blocked after the last visit.
    pub years: Option<u32>,
    /// What it is.
    pub name: BothLanguages,
    /// Document and article.
    pub basis: String,
    /// How long it is kept, in words.
    pub period: BothLanguages,
}

/// Every kind of data, and which records tell of a hospital stay.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The kinds of data.
    #[serde(rename = "kind")]
    pub kinds: Vec<KindOfData>,
    inpatient: Inpatient,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inpatient {
    kinds: Vec<String>,
}

/// What is left of a handbook whose family has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The last day on which a clinician recorded something or a visit was opened.
    pub last_visit_on: NaiveDate,
    /// Whether one of the records tells of a hospital stay.
    pub inpatient: bool,
}

impl Retention {
    /// The table in force.
    pub fn in_force() -> Result<Self, toml::de::Error> {
        toml::from_str(include_str!("../data/retention.toml"))
    }

    /// A kind of data.
    pub fn kind(&self, key: &str) -> Option<&KindOfData> {
        self.kinds.iter().find(|kind| kind.key == key)
    }

    /// Kinds of records that tell of a hospital stay.
    pub fn inpatient_kinds(&self) -> &[String] {
        &self.inpatient.kinds
    }

    /// The kind of data that clinical records are of: who was ever an inpatient is kept longer.
    pub fn of_clinical(&self, inpatient: bool) -> Option<&KindOfData> {
        self.kind(if inpatient { "clinical_inpatient" } else { "clinical_outpatient" })
    }

    /// The day on which clinical records may go: so many years after the last visit. Nothing kept, nothing waited for.
    pub fn blocked_until(&self, kept: Option<Kept>, today: NaiveDate) -> NaiveDate {
        let Some(kept) = kept else { return today };
        let years = self.of_clinical(kept.inpatient).and_then(|kind| kind.years).unwrap_or(LONGEST);
        let end = kept.last_visit_on.checked_add_months(Months::new(years * 12));
        end.unwrap_or(NaiveDate::MAX)
    }
}

words! {
    /// What becomes of a handbook when one of its members closes the account.
    pub enum Fate {
        GoesOn = "goes_on", "其他成员继续使用", "it goes on for the others";
        HandOverFirst = "hand_over_first", "请先移交户主，或选择为全家结束", "hand over first, or end it for everybody";
        Ends = "ends", "您是最后一名成员，手机手册随之结束", "you are the last member, and it ends with you";
    }
}

/// What becomes of a handbook when a member of this role goes and these others stay.
pub fn fate(role: MemberRole, others: &[MemberRole]) -> Fate {
    if others.is_empty() {
        Fate::Ends
    } else if role == MemberRole::Owner && !others.contains(&MemberRole::Owner) {
        Fate::HandOverFirst
    } else {
        Fate::GoesOn
    }
}

/// Years, where the table says nothing.
const LONGEST: u32 = 30;

/// Days after the end of a pregnancy in which postpartum care is due (国家基本公共卫生服务规范: the 42-day checkup), with a
/// fortnight in which it may still come.
pub const POSTPARTUM_DAYS: u64 = 56;

/// Age in years up to which a child is under health management (0至6岁儿童健康管理), as for closing a handbook for age.
pub const CHILD_UNTIL: i32 = 6;

/// Days for which the empty place of an erased entry is kept, so that who showed it takes it away.
pub const TRACE_DAYS: i64 = 30;

words! {
    /// Why clinical records are not blocked yet although the family has gone: the care that the law asks of the clinic goes
    /// on (个人信息保护法 13(3)).
    pub enum Duty {
        Pregnancy = "pregnancy", "孕期保健尚未结束", "a pregnancy goes on";
        Postpartum = "postpartum", "产后保健尚未结束", "postpartum care is due";
        Child = "child", "儿童健康管理尚未结束", "a child is under health management";
    }
}

/// What duties hang on.
#[derive(Debug, Clone, Default)]
pub struct UnderCare {
    /// The woman has died.
    pub woman_died: bool,
    /// Of each pregnancy the day on which it ended, if it did.
    pub pregnancies: Vec<Option<NaiveDate>>,
    /// The birthdays of the children who live.
    pub children: Vec<NaiveDate>,
}

impl UnderCare {
    /// The care that is still due on a day, if any.
    pub fn duty(&self, today: NaiveDate) -> Option<Duty> {
        if !self.woman_died {
            if self.pregnancies.iter().any(Option::is_none) {
                return Some(Duty::Pregnancy);
            }
            let is_recent = |ended_on: &NaiveDate| {
                ended_on.checked_add_days(Days::new(POSTPARTUM_DAYS)).is_some_and(|end| today <= end)
            };
            if self.pregnancies.iter().flatten().any(is_recent) {
                return Some(Duty::Postpartum);
            }
        }
        let is_small = |born_on: &NaiveDate| age_in_years(*born_on, today) < CHILD_UNTIL;
        self.children.iter().any(is_small).then_some(Duty::Child)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn every_kind_has_an_end_a_basis_and_words_in_both_languages() {
        let table = Retention::in_force().unwrap();
        let mut keys = std::collections::BTreeSet::new();
        for kind in &table.kinds {
            assert!(keys.insert(&kind.key), "{} twice", kind.key);
            assert!(!kind.basis.is_empty() && !kind.name.zh.is_ascii() && !kind.period.zh.is_ascii());
            assert!(!kind.name.en.is_empty() && !kind.period.en.is_empty());
            assert!(kind.years.is_none() || kind.end == EndState::Blocked, "{}", kind.key);
        }
        for &end in EndState::ALL {
            assert!(table.kinds.iter().any(|kind| kind.end == end), "{end}");
        }
    }

    #[test]
    fn every_kind_that_tells_of_a_hospital_stay_is_in_the_catalogue() {
        let catalogue = crate::catalogue::Catalogue::embedded().unwrap();
        for kind in Retention::in_force().unwrap().inpatient_kinds() {
            assert!(catalogue.has(kind), "{kind}");
        }
    }

    #[test]
    fn outpatient_records_are_kept_fifteen_years_after_the_last_visit_and_inpatient_ones_thirty() {
        let table = Retention::in_force().unwrap();
        let today = day("2026-11-22");
        let until = |inpatient| {
            table.blocked_until(Some(Kept { last_visit_on: day("2024-02-29"), inpatient }), today)
        };
        assert_eq!(until(false), day("2039-02-28"));
        assert_eq!(until(true), day("2054-02-28"));
        assert_eq!(table.blocked_until(None, today), today, "there is nothing to keep");
    }

    #[test]
    fn a_handbook_ends_with_its_last_member_and_keeps_an_owner_until_then() {
        use MemberRole::{Guardian, Owner, Viewer};
        assert_eq!(fate(Owner, &[]), Fate::Ends);
        assert_eq!(fate(Viewer, &[]), Fate::Ends);
        assert_eq!(fate(Owner, &[Guardian, Viewer]), Fate::HandOverFirst);
        assert_eq!(fate(Owner, &[Viewer, Owner]), Fate::GoesOn);
        assert_eq!(fate(Guardian, &[Owner]), Fate::GoesOn);
    }

    #[test]
    fn care_goes_on_until_pregnancy_childbed_and_childhood_are_over() {
        let under = |pregnancies: &[Option<&str>], children: &[&str]| UnderCare {
            woman_died: false,
            pregnancies: pregnancies.iter().map(|ended| ended.map(day)).collect(),
            children: children.iter().map(|born| day(born)).collect(),
        };
        let today = day("2026-11-22");
        assert_eq!(under(&[], &[]).duty(today), None);
        assert_eq!(under(&[None], &[]).duty(today), Some(Duty::Pregnancy));
        assert_eq!(under(&[Some("2026-09-27")], &[]).duty(today), Some(Duty::Postpartum));
        assert_eq!(under(&[Some("2026-09-26")], &[]).duty(today), None, "eight weeks are over");
        assert_eq!(under(&[Some("2020-11-23")], &["2020-11-23"]).duty(today), Some(Duty::Child));
        assert_eq!(under(&[Some("2020-11-22")], &["2020-11-22"]).duty(today), None, "the sixth birthday");
        let orphaned = UnderCare { woman_died: true, ..under(&[None], &["2026-11-01"]) };
        assert_eq!(orphaned.duty(today), Some(Duty::Child));
    }
}
