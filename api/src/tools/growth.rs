//! `POST /api/v1/tools/growth-assessment`: a measurement held against WHO's standards and WS/T 423-2022.

use std::ops::RangeInclusive;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::NaiveDate;
use domain::growth::age::{Age, PRETERM_BELOW, TERM_DAYS};
use domain::growth::china::{self, Band, Class, Level};
use domain::growth::who::{self, Score};
use domain::growth::{Indicator, Measured, Position};
use domain::person::Sex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{refuse_flood, rounded};
use crate::app::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::form::Form;
use crate::session::Public;

/// Days that a child may be old: WHO's reference of 2007 ends with 19 years.
const DAYS: RangeInclusive<i32> = 0..=6939;

/// Months that a child may be old.
const MONTHS: RangeInclusive<i32> = 0..=227;

const KG: RangeInclusive<f64> = 0.2..=250.0;
const STATURE_CM: RangeInclusive<f64> = 20.0..=230.0;
const HEAD_CM: RangeInclusive<f64> = 10.0..=80.0;
const BMI: RangeInclusive<f64> = 3.0..=100.0;

/// Days of gestation at birth: 20+0 to 44+6 weeks.
const GESTATION_DAYS: RangeInclusive<i32> = 140..=314;

/// Nobody is measured lying from five years on: completed months, and days where no dates are known.
const LYING_BELOW_MONTHS: u32 = 60;
const LYING_BELOW_DAYS: i32 = 1826;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = GrowthRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// `male` or `female`.
    #[schema(value_type = Option<String>)]
    sex: Option<Sex>,
    /// Days lived, 0 to 6939. One of `age_days`, `age_months`, or `birth_date` with `measured_on`.
    age_days: Option<i32>,
    /// Completed months; for `china` alone.
    age_months: Option<i32>,
    /// Birth date.
    birth_date: Option<NaiveDate>,
    /// Day of the measurement.
    measured_on: Option<NaiveDate>,
    /// Kilograms.
    weight_kg: Option<f64>,
    /// Length or height in centimetres, as it was measured.
    stature_cm: Option<f64>,
    /// `lying` or `standing`; left out, as the standards measure at the age.
    #[schema(value_type = Option<String>)]
    position: Option<Position>,
    /// Centimetres.
    head_circumference_cm: Option<f64>,
    /// Body mass index in kg/m², where it stands for weight and stature.
    bmi: Option<f64>,
    /// Days of gestation at birth, 140 to 314: below 259 (37+0 weeks) the age is corrected to two years.
    gestational_days_at_birth: Option<i32>,
}

/// Growth, by both standards.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GrowthAssessment {
    /// Days lived; `null` where only months are known.
    age_days: Option<u32>,
    /// Days from term, of a child who was born early and is not two years old.
    corrected_age_days: Option<u32>,
    /// Which of them was used: `chronological` or `corrected`; `null` where no age is known.
    age_used: Option<&'static str>,
    /// By WHO's standards.
    who: Who,
    /// By WS/T 423-2022, which duties follow.
    china: China,
    /// The same by the days lived, where the corrected age was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    by_chronological_age: Option<Both>,
    /// Why something is `null` or not to be believed.
    flags: Vec<Flag>,
}

/// Both standards.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GrowthByBoth)]
pub(crate) struct Both {
    who: Who,
    china: China,
}

/// By WHO's standards of 2006, from five years on by its reference of 2007.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GrowthByWho)]
pub(crate) struct Who {
    /// Edition of the rules.
    edition: &'static str,
    /// Weight for age.
    weight_for_age: Option<Scored>,
    /// Length or height for age.
    stature_for_age: Option<Scored>,
    /// Weight for length or height.
    weight_for_stature: Option<Scored>,
    /// Body mass index for age.
    bmi_for_age: Option<ScoredBmi>,
    /// Head circumference for age.
    head_circumference_for_age: Option<Scored>,
}

/// A z-score.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GrowthScore)]
pub(crate) struct Scored {
    /// Standard deviations from the median, two decimals.
    z: f64,
    /// The share of children below it in per cent, one decimal.
    percentile: f64,
}

/// A z-score of the body mass index.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GrowthBmiScore)]
pub(crate) struct ScoredBmi {
    /// Body mass index in kg/m², two decimals.
    bmi: f64,
    /// Standard deviations from the median, two decimals.
    z: f64,
    /// The share of children below it in per cent, one decimal.
    percentile: f64,
}

/// By WS/T 423-2022.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GrowthByChina)]
pub(crate) struct China {
    /// Edition of the rules.
    edition: &'static str,
    /// Weight for age.
    weight_for_age: Option<Judged>,
    /// Length or height for age.
    stature_for_age: Option<Judged>,
    /// Weight for length or height.
    weight_for_stature: Option<Judged>,
    /// Body mass index for age.
    bmi_for_age: Option<Judged>,
    /// Head circumference for age.
    head_circumference_for_age: Option<Judged>,
}

/// What the standard says of one indicator.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GrowthClass)]
pub(crate) struct Judged {
    /// Body mass index in kg/m², two decimals; of `bmi_for_age` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    bmi: Option<f64>,
    /// Standard deviations between which it lies, closed below: `<-3`, `-3..-2`, `-2..-1`, `-1..1`, `1..2`, `2..3`, `>=3`.
    sd_band: &'static str,
    /// `low`, `mid_low`, `mid`, `mid_high` or `high` (table 2).
    #[schema(value_type = String)]
    level: Level,
    /// What it says of nutrition (table 3); `none` where it says nothing.
    #[schema(value_type = String)]
    class: Class,
    /// The class in Chinese, the level where there is none.
    label_zh: &'static str,
    /// The same in English.
    label_en: &'static str,
}

/// Why something is missing or not to be believed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GrowthFlag)]
pub(crate) struct Flag {
    /// `who` or `china`; absent where it is about the measurement.
    #[serde(skip_serializing_if = "Option::is_none")]
    standard: Option<&'static str>,
    /// The indicator that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    indicator: Option<Indicator>,
    /// `outside_table`, `implausible`, `needs_days`, `before_term` or `position_mistaken`.
    code: &'static str,
    /// In Chinese.
    zh: &'static str,
    /// In English.
    en: &'static str,
}

impl Flag {
    const fn of(code: &'static str, zh: &'static str, en: &'static str) -> Self {
        Self { standard: None, indicator: None, code, zh, en }
    }

    const fn about(self, standard: &'static str, indicator: Indicator) -> Self {
        Self { standard: Some(standard), indicator: Some(indicator), ..self }
    }
}

const OUTSIDE: Flag =
    Flag::of("outside_table", "超出该标准的年龄或数值范围。", "Outside the ages or values of the standard.");
const IMPLAUSIBLE: Flag = Flag::of(
    "implausible",
    "数值不合理，请核对年龄和测量值。",
    "Not plausible; check the age and the measurement.",
);
const NEEDS_DAYS: Flag = Flag::of(
    "needs_days",
    "需要日龄或出生日期：WHO标准和矫正年龄不能按整月龄计算。",
    "Needs the age in days or the birth date: WHO's standards and a corrected age do not go by completed months.",
);
const BEFORE_TERM: Flag = Flag::of(
    "before_term",
    "尚未到预产期，无矫正年龄，按实际年龄评价；应使用早产儿生长曲线。",
    "Before the day that was due there is no corrected age; judged by the days lived. Curves for preterm infants apply.",
);
const POSITION_MISTAKEN: Flag = Flag::of(
    "position_mistaken",
    "9月龄以下不能立位测量，按卧位评价。",
    "Nobody stands before nine months; taken as lying.",
);

/// Growth of a child
///
/// z-scores and percentiles equal to WHO's own software; bands, levels and classes of WS/T 423-2022. A child born before 37+0
/// weeks is judged by the corrected age to two years, and by the days lived beside it.
#[utoipa::path(
    operation_id = "growth_assessment", tag = "tools", security(()),
    request_body = Request,
    responses(
        (status = 200, description = "Assessed", body = GrowthAssessment),
        (status = 429, description = "Too many requests from this address in a minute (`too_many_requests`)"),
    ),
)]
#[post("/api/v1/tools/growth-assessment")]
pub(crate) async fn assess(
    app: Data<App>,
    from: Public,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    refuse_flood(&app, from).await?;
    let child = body.parse()?.check()?;
    Ok(HttpResponse::Ok().json(child.assessed()))
}

/// An age as it was told.
#[derive(Clone, Copy)]
enum Told {
    Days(Age),
    Months(u32),
}

impl Told {
    fn months(self) -> u32 {
        match self {
            Self::Days(age) => age.months,
            Self::Months(months) => months,
        }
    }
}

/// A request that is in range.
struct Child {
    sex: Option<Sex>,
    age: Option<Told>,
    measured: Measured,
    gestational_days: Option<u32>,
}

impl Request {
    fn check(self) -> Result<Child, ApiError> {
        let mut form = Form::default();
        let age = self.age(&mut form);
        form.measure("/weight_kg", self.weight_kg, &KG, "kg");
        form.measure("/stature_cm", self.stature_cm, &STATURE_CM, "cm");
        form.measure("/head_circumference_cm", self.head_circumference_cm, &HEAD_CM, "cm");
        form.measure("/bmi", self.bmi, &BMI, "kg/m²");
        let gestation = self.gestational_days_at_birth;
        form.within("/gestational_days_at_birth", gestation, &GESTATION_DAYS, ("天", "days"));
        let is_five = age.is_some_and(|age| age.months() >= LYING_BELOW_MONTHS)
            || self.age_days.is_some_and(|days| days >= LYING_BELOW_DAYS);
        if self.position == Some(Position::Lying) && is_five {
            form.refuse(
                "/position",
                "out_of_range",
                "60月龄（5岁）及以上应为standing（立位）。",
                "From 60 months (five years) on it must be `standing`.",
            );
        }
        form.done()?;
        let measured = Measured {
            weight_kg: self.weight_kg,
            stature_cm: self.stature_cm,
            position: self.position,
            head_cm: self.head_circumference_cm,
            bmi: self.bmi,
        };
        let gestational_days = gestation.and_then(|days| u32::try_from(days).ok());
        Ok(Child { sex: self.sex, age, measured, gestational_days })
    }

    /// The age, told in one way.
    fn age(&self, form: &mut Form) -> Option<Told> {
        form.within("/age_days", self.age_days, &DAYS, ("天", "days"));
        form.within("/age_months", self.age_months, &MONTHS, ("月", "months"));
        let by_dates = self.birth_date.is_some() || self.measured_on.is_some();
        form.forbid("/age_months", self.age_months.is_some() && self.age_days.is_some());
        form.forbid("/birth_date", by_dates && (self.age_days.is_some() || self.age_months.is_some()));
        if by_dates {
            return self.age_by_dates(form);
        }
        let days = self.age_days.and_then(|days| u32::try_from(days).ok()).map(Age::of_days).map(Told::Days);
        days.or_else(|| self.age_months.and_then(|months| u32::try_from(months).ok()).map(Told::Months))
    }

    fn age_by_dates(&self, form: &mut Form) -> Option<Told> {
        let (Some(born_on), Some(measured_on)) = (self.birth_date, self.measured_on) else {
            form.require(if self.birth_date.is_some() { "/measured_on" } else { "/birth_date" });
            return None;
        };
        form.day("/birth_date", born_on);
        form.day("/measured_on", measured_on);
        let Some(age) = Age::on(measured_on, born_on) else {
            let zh = format!("不能早于出生日期{born_on}。");
            let en = format!("Must not be before the birth on {born_on}.");
            form.refuse("/measured_on", "out_of_range", zh, en);
            return None;
        };
        if i64::from(age.days) > i64::from(*DAYS.end()) {
            let (zh, en) = (
                format!("应在出生后{}天内。", DAYS.end()),
                format!("At most {} days after the birth.", DAYS.end()),
            );
            form.refuse("/measured_on", "out_of_range", zh, en);
        }
        Some(Told::Days(age))
    }
}

impl Child {
    fn assessed(&self) -> GrowthAssessment {
        let mut flags = Vec::new();
        let (days, months) = match self.age {
            Some(Told::Days(age)) => (Some(age), None),
            Some(Told::Months(months)) => (None, Some(Age { days: 0, months })),
            None => (None, None),
        };
        let corrected = days.zip(self.gestational_days).and_then(|(age, gestation)| age.corrected(gestation));
        self.note_what_is_not_corrected(&mut flags);
        if days.is_some_and(|age| who::is_mistaken(age, self.measured.position))
            && self.measured.stature_cm.is_some()
        {
            flags.push(POSITION_MISTAKEN);
        }
        let used = corrected.or(days);
        let Both { who, china } = self.by(used, used.or(months), &mut flags);
        GrowthAssessment {
            age_days: days.map(|age| age.days),
            corrected_age_days: corrected.map(|age| age.days),
            age_used: self.age.map(|_| if corrected.is_some() { "corrected" } else { "chronological" }),
            who,
            china,
            by_chronological_age: corrected
                .and(days)
                .map(|age| self.by(Some(age), Some(age), &mut Vec::new())),
            flags,
        }
    }

    fn note_what_is_not_corrected(&self, flags: &mut Vec<Flag>) {
        match (self.age, self.gestational_days) {
            (Some(Told::Months(_)), _) => flags.push(NEEDS_DAYS),
            (Some(Told::Days(age)), Some(gestation))
                if gestation < PRETERM_BELOW && gestation + age.days < TERM_DAYS =>
            {
                flags.push(BEFORE_TERM);
            }
            _ => {}
        }
    }

    /// By both standards at an age; `by_days` where days are known.
    fn by(&self, by_days: Option<Age>, age: Option<Age>, flags: &mut Vec<Flag>) -> Both {
        let sex = self.sex.unwrap_or(Sex::Unknown);
        let of_who = by_days.map(|age| who::assess(sex, age, &self.measured)).unwrap_or_default();
        let of_china = age.map(|age| china::assess(sex, age, &self.measured)).unwrap_or_default();
        if sex != Sex::Unknown {
            for indicator in Indicator::ALL.iter().copied().filter(|indicator| self.measured.has(*indicator))
            {
                match of_who.of(indicator) {
                    None if by_days.is_some() => flags.push(OUTSIDE.about("who", indicator)),
                    Some(score) if score.is_implausible => flags.push(IMPLAUSIBLE.about("who", indicator)),
                    _ => {}
                }
                if age.is_some() && of_china.of(indicator).is_none() {
                    flags.push(OUTSIDE.about("china", indicator));
                }
            }
        }
        Both { who: Who::of(by_days, &of_who), china: China::of(&of_china) }
    }
}

impl Who {
    fn of(age: Option<Age>, assessment: &who::Assessment) -> Self {
        let scored = |indicator| assessment.of(indicator).map(Scored::of);
        let bmi = assessment.bmi.zip(assessment.bmi_for_age);
        Self {
            edition: age.map_or(who::EDITION, who::edition),
            weight_for_age: scored(Indicator::WeightForAge),
            stature_for_age: scored(Indicator::StatureForAge),
            weight_for_stature: scored(Indicator::WeightForStature),
            bmi_for_age: bmi.map(|(bmi, score)| {
                let Scored { z, percentile } = Scored::of(score);
                ScoredBmi { bmi: rounded(bmi, 2), z, percentile }
            }),
            head_circumference_for_age: scored(Indicator::HeadCircumferenceForAge),
        }
    }
}

impl Scored {
    fn of(score: Score) -> Self {
        Self { z: score.rounded(), percentile: rounded(score.percentile(), 1) }
    }
}

impl China {
    fn of(assessment: &china::Assessment) -> Self {
        let judged = |indicator| assessment.of(indicator).map(|band| Judged::of(indicator, band));
        let bmi = assessment.bmi.map(|bmi| rounded(bmi, 2));
        Self {
            edition: china::EDITION,
            weight_for_age: judged(Indicator::WeightForAge),
            stature_for_age: judged(Indicator::StatureForAge),
            weight_for_stature: judged(Indicator::WeightForStature),
            bmi_for_age: judged(Indicator::BmiForAge).map(|judged| Judged { bmi, ..judged }),
            head_circumference_for_age: judged(Indicator::HeadCircumferenceForAge),
        }
    }
}

impl Judged {
    fn of(indicator: Indicator, band: Band) -> Self {
        let (level, class) = (band.level(), band.class(indicator));
        let (label_zh, label_en) = match class {
            Class::None => (level.zh(), level.en()),
            class => (class.zh(), class.en()),
        };
        Self { bmi: None, sd_band: band.code(), level, class, label_zh, label_en }
    }
}
