//! What of a child decides its plan.

use chrono::NaiveDate;

use super::condition::Condition;
use super::table::{self, Product};
use crate::person::Sex;
use crate::place::RegionCode;
use crate::word::words;

words! {
    /// Hepatitis B surface antigen of the mother.
    pub enum Hbsag {
        Negative = "negative", "阴性", "negative";
        Positive = "positive", "阳性", "positive";
        Unknown = "unknown", "不详", "unknown";
    }
}

words! {
    /// The vaccine that a family chooses where the programme has two (JE, hepatitis A).
    pub enum Kind {
        Live = "live", "减毒活疫苗", "live";
        Inactivated = "inactivated", "灭活疫苗", "inactivated";
    }
}

/// Below this birth weight, in grams, children of mothers whose HBsAg is positive or unknown have four doses of HepB.
const LOW_BIRTH_WEIGHT_G: u32 = 2_000;

/// Completed weeks of gestation up to which BCG waits for a medical assessment.
const VERY_PRETERM_WEEKS: u32 = 31;

/// What of a child decides its plan.
#[derive(Debug, Clone)]
pub struct Child {
    /// Day of birth.
    pub born_on: NaiveDate,
    /// Sex: HPV is given to girls.
    pub sex: Sex,
    /// Birth weight in grams, if it is known.
    pub birth_weight_g: Option<u32>,
    /// Completed weeks of gestation at birth, if they are known.
    pub gestational_weeks: Option<u32>,
    /// HBsAg of the mother; left out, unknown.
    pub mother_hbsag: Hbsag,
    /// The vaccine chosen against Japanese encephalitis; the programme's first is the live one.
    pub je: Option<Kind>,
    /// The vaccine chosen against hepatitis A; the programme's first is the live one.
    pub hepa: Option<Kind>,
    /// What forbids, delays or explains.
    pub conditions: Vec<Condition>,
    /// Where the child lives: provinces started editions on days of their own.
    pub region: Option<RegionCode>,
}

impl Child {
    /// A child of whom no more is known.
    pub fn new(born_on: NaiveDate, sex: Sex) -> Self {
        Self {
            born_on,
            sex,
            birth_weight_g: None,
            gestational_weeks: None,
            mother_hbsag: Hbsag::Unknown,
            je: None,
            hepa: None,
            conditions: Vec::new(),
            region: None,
        }
    }

    pub(super) fn has(&self, condition: Condition) -> bool {
        self.conditions.contains(&condition)
    }

    /// Four doses of HepB, the first of which counts besides the three (2016, 2021 and 2026 texts). A weight that is
    /// not known asks for nothing more than the usual.
    pub(super) fn has_four_hepb(&self) -> bool {
        self.mother_hbsag != Hbsag::Negative
            && self.birth_weight_g.is_some_and(|grams| grams < LOW_BIRTH_WEIGHT_G)
    }

    pub(super) fn is_very_preterm(&self) -> bool {
        self.gestational_weeks.is_some_and(|weeks| weeks <= VERY_PRETERM_WEEKS)
    }

    /// HPV is of the programme for girls born from 2011-11-10 on. A sex that is not known is not a boy's.
    pub(super) fn is_of_hpv_cohort(&self) -> bool {
        self.sex != Sex::Male && self.born_on >= table::tables().cohorts.hpv_from
    }

    /// No live vaccine is given, whichever (HIV infection, primary immunodeficiency), apart from MMR in HIV infection.
    pub(super) fn has_no_live(&self) -> bool {
        use Condition::{HivInfected, HivInfectedSevere, PrimaryImmunodeficiency};
        [HivInfected, HivInfectedSevere, PrimaryImmunodeficiency].into_iter().any(|one| self.has(one))
    }

    /// Nor MMR: HIV infection with severe immunosuppression, primary immunodeficiency.
    pub(super) fn has_no_mmr(&self) -> bool {
        self.has(Condition::HivInfectedSevere) || self.has(Condition::PrimaryImmunodeficiency)
    }

    /// The products that may not be given after anaphylaxis: the same, and every one that shares a component with it.
    pub(super) fn forbidden(&self) -> u64 {
        let after = self.conditions.iter().filter_map(|condition| match condition {
            Condition::AnaphylaxisAfter(product) => Some(*product),
            _ => None,
        });
        after.fold(0, |forbidden, product: Product| forbidden | table::sharing(product))
    }

    /// The day to which immunoglobulin or a blood product that was received by `day` delays a vaccine that must keep
    /// `apart`.
    pub(super) fn delayed_to(&self, apart: super::Period, day: NaiveDate) -> Option<NaiveDate> {
        let received = self.conditions.iter().filter_map(|condition| match condition {
            Condition::Immunoglobulin(on) | Condition::BloodProduct(on) => Some(*on),
            _ => None,
        });
        received.filter(|on| *on <= day).map(|on| apart.after(on)).max()
    }
}
