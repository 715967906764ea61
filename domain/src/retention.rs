//! What becomes of data when an account is closed, and when a period ends: deleted, anonymised, or blocked while the law
//! asks to keep it (个人信息保护法 47).

use chrono::{Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::calendar::age_in_years;
use crate::member::MemberRole;
use crate::pregnancy::Course;
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

words! {
    /// The kinds of data: the table has a row for each.
    pub enum DataKind {
        Entries = "entries", "家庭的自我记录", "the family's entries";
        Account = "account", "账号与登录", "the account and its sign-ins";
        Memberships = "memberships", "手册成员身份", "memberships";
        Phone = "phone", "联系电话", "phone numbers";
        Notices = "notices", "通知", "notices";
        Usage = "usage", "使用统计", "counts of use";
        Consents = "consents", "同意记录", "consents";
        AccessLog = "access_log", "查看记录", "the log of who looked";
        ClinicalOutpatient = "clinical_outpatient", "检查记录（门诊）", "clinical records (outpatient)";
        ClinicalInpatient = "clinical_inpatient", "检查记录（住院）", "clinical records (inpatient)";
        Identity = "identity", "身份信息", "identity";
    }
}

impl DataKind {
    /// The kind that clinical records are of: who was ever an inpatient is kept longer.
    pub const fn of_clinical(inpatient: bool) -> Self {
        if inpatient { Self::ClinicalInpatient } else { Self::ClinicalOutpatient }
    }
}

/// A kind of data, how it ends and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindOfData {
    /// Which.
    pub key: DataKind,
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
    pub fn kind(&self, key: DataKind) -> Option<&KindOfData> {
        self.kinds.iter().find(|kind| kind.key == key)
    }

    /// Kinds of records that tell of a hospital stay.
    pub fn inpatient_kinds(&self) -> &[String] {
        &self.inpatient.kinds
    }

    /// The day on which clinical records may go: so many years after the last visit. Nothing kept, nothing waited for.
    pub fn blocked_until(&self, kept: Option<Kept>, today: NaiveDate) -> NaiveDate {
        let Some(kept) = kept else { return today };
        let years =
            self.kind(DataKind::of_clinical(kept.inpatient)).and_then(|kind| kind.years).unwrap_or(LONGEST);
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

/// Days after the due date by which every pregnancy has ended, whether or not somebody recorded how: nobody carries for 46
/// weeks.
pub const ENDED_BY_DAYS: u64 = 42;

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
    /// How each pregnancy went.
    pub pregnancies: Vec<Course>,
    /// The birthdays of the children who live.
    pub children: Vec<NaiveDate>,
}

impl UnderCare {
    /// The care that is still due on a day, if any.
    pub fn duty(&self, today: NaiveDate) -> Option<Duty> {
        if !self.woman_died {
            let is_within =
                |day: NaiveDate, days| day.checked_add_days(Days::new(days)).is_some_and(|end| today <= end);
            // Of one whose outcome nobody recorded it is not known when it ended, only by when.
            let goes_on = |course: &Course| {
                course.end().is_none() && is_within(course.due_on, ENDED_BY_DAYS + POSTPARTUM_DAYS)
            };
            if self.pregnancies.iter().any(goes_on) {
                return Some(Duty::Pregnancy);
            }
            if self.pregnancies.iter().filter_map(Course::end).any(|end| is_within(end, POSTPARTUM_DAYS)) {
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
    use crate::pregnancy::Outcome;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn every_kind_has_an_end_a_basis_and_words_in_both_languages() {
        let table = Retention::in_force().unwrap();
        assert_eq!(table.kinds.iter().map(|kind| kind.key).collect::<Vec<_>>(), DataKind::ALL, "each once");
        for kind in &table.kinds {
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
        let course = |due_on, ended_on: Option<NaiveDate>| Course {
            due_on: day(due_on),
            outcome: ended_on.map(|_| Outcome::LiveBirth),
            ended_on,
        };
        let under = |pregnancies: &[Option<&str>], children: &[&str]| UnderCare {
            woman_died: false,
            pregnancies: pregnancies.iter().map(|ended| course("2026-12-06", ended.map(day))).collect(),
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
        let never_told = UnderCare { pregnancies: vec![course("2026-08-16", None)], ..UnderCare::default() };
        assert_eq!(never_told.duty(today), Some(Duty::Pregnancy), "98 days after the due date");
        assert_eq!(never_told.duty(day("2026-11-23")), None, "no pregnancy goes on for ever");
    }
}
