//! The schedules as data: which items there are, their windows, who does them and what fulfils them.

use std::sync::LazyLock;

use chrono::NaiveDate;
use serde::Deserialize;

use super::moment::{Anchor, Moment, Span};
use crate::institution::{AgencyClass, InstitutionLevel};
use crate::text::Label;
use crate::word::words;

words! {
    /// How binding an item is.
    pub enum Binding {
        Required = "required", "规定", "required by the norm";
        Recommended = "recommended", "建议", "recommended by a guideline";
    }
}

words! {
    /// Who puts an item on a plan.
    pub enum Mode {
        Auto = "auto", "自动", "the schedule";
        Manual = "manual", "人工", "a clinician: without one it is information";
    }
}

words! {
    /// What becomes of an item when a pregnancy or a life ends.
    pub enum Phase {
        Preconception = "preconception", "孕前", "before the pregnancy";
        Pregnancy = "pregnancy", "孕期", "as long as the pregnancy lasts";
        Birth = "birth", "分娩及产后", "after a birth, of a living child or not";
        Outcome = "outcome", "妊娠结局", "after the end of a pregnancy, however it ended";
        Care = "care", "高危与转诊", "as long as the woman is cared for";
        Child = "child", "儿童期", "as long as the child lives";
    }
}

words! {
    /// What must hold of a subject for an item to be asked for.
    pub enum Condition {
        PreconceptionCheck = "preconception_check", "参加孕前优生健康检查", "had the free pre-pregnancy check";
        Transfer = "transfer", "管理机构无助产资质", "managed where nobody may deliver";
        HighRiskNewborn = "high_risk_newborn", "高危新生儿", "a newborn at high risk";
        HearingRescreen = "hearing_rescreen", "听力初筛未通过或漏筛", "did not pass or missed the first hearing screen";
        HearingDiagnosis = "hearing_diagnosis", "听力复筛未通过", "did not pass the second hearing screen";
        RetinopathyScreening = "retinopathy_screening", "符合视网膜病变筛查标准", "so small or early that its eyes are screened";
        PretermLowRisk = "preterm_low_risk", "低危早产儿", "born early, at low risk";
        PretermHighRisk = "preterm_high_risk", "高危早产儿", "born early, at high risk";
    }
}

words! {
    /// What a region may set otherwise.
    pub enum Setting {
        PostpartumCheckDays = "postpartum_check_days", "42天检查截止天数", "last day of the check at 42 days";
    }
}

/// How an item comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// The window is cut into pieces of this length, each an item.
    pub every: Option<Span>,
    /// The next one opens and is due so long after the last.
    pub between: Option<[Span; 2]>,
    /// The beginning of the series counts as the first time that it was done.
    #[serde(default)]
    pub begins_done: bool,
}

/// One item of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stable code.
    pub code: String,
    /// Its official name.
    pub name: Label,
    /// How binding it is.
    pub level: Binding,
    /// Who puts it on a plan.
    #[serde(default = "auto")]
    pub mode: Mode,
    /// What becomes of it when a pregnancy or a life ends.
    #[serde(default = "child")]
    pub phase: Phase,
    /// For whom, where not for all.
    pub applies: Option<Condition>,
    /// First day of the norm's window: the latest of these.
    pub opens: Vec<Moment>,
    /// Last day of the norm's window: the earliest of these that is known.
    pub closes: Vec<Moment>,
    /// Last day of the window where the pregnancy ended without a living child.
    pub closes_after_loss: Option<Moment>,
    /// First day of what is usual in practice.
    pub practice_opens: Option<Moment>,
    /// Last day of what is usual in practice.
    pub practice_closes: Option<Moment>,
    /// Last day on which it can be made up: the latest of these that is known.
    #[serde(default)]
    pub until: Vec<Moment>,
    /// The setting of a region that moves the last day of the window.
    pub setting: Option<Setting>,
    /// How it comes again.
    pub again: Option<Again>,
    /// The institutions that do it.
    pub by: Vec<AgencyClass>,
    /// The least level of a hospital that does it.
    pub hospital: Option<InstitutionLevel>,
    /// The kind of record that fulfils it.
    pub form: Option<String>,
    /// The paper between two institutions that fulfils it.
    pub paper: Option<String>,
    /// Keys of `sources.toml`.
    pub source: Vec<String>,
}

fn auto() -> Mode {
    Mode::Auto
}

fn child() -> Phase {
    Phase::Child
}

impl Rule {
    /// The event without which the item is not asked for.
    pub(super) fn event(&self) -> Option<Anchor> {
        self.opens.first().map(|moment| moment.anchor).filter(|anchor| anchor.is_event())
    }
}

/// The schedules of a norm, and since when they are in force.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edition {
    /// Its code.
    #[serde(rename = "edition")]
    pub code: String,
    /// Its official name.
    pub name: Label,
    /// First day in force.
    pub in_force_from: NaiveDate,
    /// Last day in force, if it is over.
    pub in_force_until: Option<NaiveDate>,
    /// Items of a woman.
    pub pregnancy: Vec<Rule>,
    /// Items of a child.
    pub child: Vec<Rule>,
}

/// No edition of that code, or none in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEdition {
    /// There is no edition of this code.
    #[error("`{code}` is not one of the editions: {known}")]
    Unknown {
        /// What came.
        code: String,
        /// The codes of all editions, separated by commas.
        known: String,
    },
    /// None is in force on this day.
    #[error("no edition is in force on {0}")]
    NoneInForce(NaiveDate),
}

impl Edition {
    /// Every edition, the oldest first.
    pub fn all() -> &'static [Self] {
        &*EDITIONS
    }

    /// The edition of a code.
    pub fn named(code: &str) -> Result<&'static Self, NoEdition> {
        EDITIONS.iter().find(|edition| edition.code == code).ok_or_else(|| {
            let known = EDITIONS.iter().map(|edition| edition.code.as_str()).collect::<Vec<_>>().join(", ");
            NoEdition::Unknown { code: code.to_owned(), known }
        })
    }

    /// The edition in force on a day.
    pub fn in_force(on: NaiveDate) -> Result<&'static Self, NoEdition> {
        let is_in_force = |edition: &&Self| {
            edition.in_force_from <= on && edition.in_force_until.is_none_or(|until| on <= until)
        };
        EDITIONS.iter().rev().find(is_in_force).ok_or(NoEdition::NoneInForce(on))
    }
}

#[expect(
    clippy::expect_used,
    reason = "the file is part of the program, and every test of this module reads it"
)]
static EDITIONS: LazyLock<[Edition; 1]> = LazyLock::new(|| {
    [include_str!("../../data/care_plan/nephsp-3.toml")]
        .map(|text| toml::from_str(text).expect("the schedules are well formed"))
});

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::catalogue::Catalogue;

    fn rules() -> impl Iterator<Item = &'static Rule> {
        Edition::all().iter().flat_map(|edition| edition.pregnancy.iter().chain(&edition.child))
    }

    #[test]
    fn an_edition_is_found_by_its_code_and_by_the_day() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(Edition::named("nephsp-3").unwrap().code, "nephsp-3");
        let known = "nephsp-3".to_owned();
        assert_eq!(
            Edition::named("nephsp-9"),
            Err(NoEdition::Unknown { code: "nephsp-9".to_owned(), known })
        );
        assert!(Edition::in_force(day("2017-02-28")).is_ok());
        assert_eq!(Edition::in_force(day("2017-02-27")), Err(NoEdition::NoneInForce(day("2017-02-27"))));
    }

    #[test]
    fn every_item_has_a_code_of_its_own_a_window_an_institution_and_a_source() {
        let sources: toml::Table = toml::from_str(include_str!("../../data/sources.toml")).unwrap();
        let sources: BTreeSet<_> =
            sources["document"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap()).collect();
        let mut codes = BTreeSet::new();
        for rule in rules() {
            let code = &rule.code;
            assert!(codes.insert(code), "{code} twice");
            assert!(!rule.opens.is_empty() && !rule.closes.is_empty() && !rule.by.is_empty(), "{code}");
            assert!(!rule.name.zh.is_empty() && !rule.name.en.is_empty(), "{code}");
            assert!(!rule.source.is_empty(), "{code}");
            assert!(
                rule.source.iter().all(|key| sources.contains(key.as_str())),
                "{code}: a source is unknown"
            );
            assert!(rule.form.is_some() != rule.paper.is_some(), "{code}: one of form and paper fulfils it");
            assert!(
                rule.again.is_none_or(|again| again.every.is_some() != again.between.is_some()),
                "{code}: a series has one rule"
            );
        }
        assert_eq!(codes.len(), 58);
    }

    #[test]
    fn every_form_is_a_kind_of_record() {
        let catalogue = Catalogue::embedded().unwrap();
        let on = "2026-11-21".parse().unwrap();
        for rule in rules() {
            if let Some(form) = &rule.form {
                assert!(catalogue.kind(form, on).is_some(), "{}: {form}", rule.code);
            }
        }
    }
}
