//! `POST /api/v1/tools/immunization-plan`: which doses count, and what is due, by editions of the national programme.

use std::ops::RangeInclusive;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::NaiveDate;
use domain::immunization::{
    Child, Condition, Counted, Edition, Given, Hbsag, Kind, MOST_DOSES, Plan, Product, Reason, Refusal,
    SeriesPlan, Starts, Status, Verdict, plan,
};
use domain::person::Sex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{between_days, refuse_flood};
use crate::app::App;
use crate::body::Body;
use crate::consents::BothLanguages;
use crate::error::ApiError;
use crate::form::Form;
use crate::session::Public;

const GRAMS: RangeInclusive<i32> = 200..=8000;
const WEEKS: RangeInclusive<i32> = 20..=44;

/// Conditions that a child may have.
const MOST_CONDITIONS: usize = 50;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ImmunizationRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// Birth date.
    birth_date: Option<NaiveDate>,
    /// `male` or `female`.
    #[schema(value_type = Option<String>)]
    sex: Option<Sex>,
    /// The day that is asked about.
    on: NaiveDate,
    /// Grams, 200 to 8000.
    birth_weight_g: Option<i32>,
    /// Completed weeks of gestation at birth, 20 to 44.
    gestational_weeks: Option<i32>,
    /// Hepatitis B surface antigen of the mother: `negative`, `positive` or `unknown` (if left out).
    #[schema(value_type = Option<String>)]
    mother_hbsag: Option<Hbsag>,
    /// What was chosen where the programme has two vaccines.
    #[serde(default)]
    choices: Choices,
    /// What forbids or delays: `fever`, `no_scar`, `hiv_infected`, `hiv_infected_severe`, `primary_immunodeficiency`,
    /// `congenital_heart_disease_stable`, `anaphylaxis_after_PRODUCT`, `immunoglobulin@DATE`, `blood_product@DATE`, `outbreak`.
    #[serde(default)]
    conditions: Vec<String>,
    /// Edition by which something is due; the one in force on the day if left out.
    edition: Option<String>,
    /// Doses that were given, in any order; at most 100.
    #[serde(default)]
    doses: Vec<DoseGiven>,
}

/// What was chosen where the programme has two vaccines; `live` if left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = ImmunizationChoices)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choices {
    /// Japanese encephalitis: `live` or `inactivated`.
    #[schema(value_type = Option<String>)]
    je: Option<Kind>,
    /// Hepatitis A: `live` or `inactivated`.
    #[schema(value_type = Option<String>)]
    hepa: Option<Kind>,
}

/// A dose that was given.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ImmunizationDoseGiven)]
#[serde(deny_unknown_fields)]
pub(crate) struct DoseGiven {
    /// Code of the product.
    product: String,
    /// The day.
    given_on: NaiveDate,
}

/// Which doses count, and what is due.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImmunizationPlan {
    /// Edition by which something is due; `null` where the birth date is missing.
    edition: Option<&'static str>,
    /// A verdict on each dose, in the order in which they came.
    doses: Vec<DoseVerdict>,
    /// Every series that concerns the child.
    series: Vec<SeriesStanding>,
}

/// The verdict on a dose.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImmunizationDose)]
pub(crate) struct DoseVerdict {
    /// Code of the product.
    product: &'static str,
    /// The day.
    given_on: NaiveDate,
    /// The series by which it was judged.
    series: &'static str,
    /// Its number in the series; `null` for one that does not count.
    number: Option<u8>,
    /// Whether it counts.
    valid: bool,
    /// Why it does not.
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
    /// The same in words.
    reason_text: Option<BothLanguages>,
    /// Of a combined vaccine, the other series in which it counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<AlsoCounted>,
}

/// What a combined vaccine is worth in another series.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImmunizationDoseAlso)]
pub(crate) struct AlsoCounted {
    /// The series.
    series: &'static str,
    /// Its number there.
    number: Option<u8>,
    /// Whether it counts there.
    valid: bool,
    /// Why it does not.
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
}

/// Where a series stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImmunizationSeries)]
pub(crate) struct SeriesStanding {
    /// The vaccine, as labels show it.
    vaccine: &'static str,
    /// Id of the series.
    series: &'static str,
    /// `not_yet_due`, `due`, `overdue`, `complete`, `closed`, `deferred` or `contraindicated`.
    #[schema(value_type = String)]
    status: Status,
    /// The next dose; `null` where none is to be given.
    next: Option<NextDose>,
    /// Why, in one sentence that names the rule.
    why: BothLanguages,
}

/// The next dose of a series.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImmunizationNext)]
pub(crate) struct NextDose {
    /// Its number.
    dose: u8,
    /// As labels show it: `HepB-2`.
    label: Option<String>,
    /// What may be given.
    products: Vec<&'static str>,
    /// The first day on which it is valid.
    earliest: NaiveDate,
    /// The day on which it is recommended.
    recommended: NaiveDate,
    /// The first day on which it is late; `null` where the programme sets none.
    overdue_from: Option<NaiveDate>,
    /// The rule.
    rule: &'static str,
}

/// Vaccinations that count and that are due
///
/// A dose is judged by the edition of the national programme that was in force on its day; what is due, by the one in force on the
/// day that is asked about, or by the one that is named.
#[utoipa::path(
    tag = "tools", security(()),
    request_body = Request,
    responses(
        (status = 200, description = "Planned", body = ImmunizationPlan),
        (status = 429, description = "Too many requests from this address in a minute (`too_many_requests`)"),
    ),
)]
#[post("/api/v1/tools/immunization-plan")]
pub(crate) async fn immunization_plan(
    app: Data<App>,
    from: Public,
    body: Body<Request>,
) -> Result<HttpResponse, ApiError> {
    refuse_flood(&app, from).await?;
    let request = body.parse()?;
    let mut form = Form::default();
    let (edition, conditions, given) =
        (request.edition(&mut form), request.conditions(&mut form), request.given(&mut form));
    request.check(&mut form);
    form.done()?;
    let Some(born_on) = request.birth_date else {
        return Ok(HttpResponse::Ok().json(ImmunizationPlan {
            edition: None,
            doses: vec![],
            series: vec![],
        }));
    };
    let unsigned = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
    let child = Child {
        birth_weight_g: unsigned(request.birth_weight_g),
        gestational_weeks: unsigned(request.gestational_weeks),
        mother_hbsag: request.mother_hbsag.unwrap_or(Hbsag::Unknown),
        je: request.choices.je,
        hepa: request.choices.hepa,
        conditions,
        ..Child::new(born_on, request.sex.unwrap_or(Sex::Unknown))
    };
    let planned = plan(&child, &given, request.on, edition, &Starts::national());
    let planned = planned.map_err(|refusal| request.told(&refusal, born_on))?;
    Ok(HttpResponse::Ok().json(ImmunizationPlan::from(&planned)))
}

impl Request {
    fn check(&self, form: &mut Form) {
        form.within("/birth_weight_g", self.birth_weight_g, &GRAMS, ("g", "g"));
        form.within("/gestational_weeks", self.gestational_weeks, &WEEKS, ("周", "weeks"));
        form.day("/on", self.on);
        if let Some(born_on) = self.birth_date {
            form.day("/birth_date", born_on);
        }
        for (pointer, many, most) in [
            ("/doses", self.doses.len(), MOST_DOSES),
            ("/conditions", self.conditions.len(), MOST_CONDITIONS),
        ] {
            if many > most {
                form.refuse(pointer, "too_many", format!("最多{most}项。"), format!("At most {most}."));
            }
        }
    }

    fn edition(&self, form: &mut Form) -> Option<Edition> {
        let named = self.edition.as_ref()?.parse();
        named
            .map_err(|_| {
                let known: Vec<&str> = Edition::all().map(Edition::id).collect();
                let known = known.join(", ");
                let (zh, en) = (format!("可选值为：{known}。"), format!("Must be one of: {known}."));
                form.refuse("/edition", "not_an_option", zh, en);
            })
            .ok()
    }

    fn conditions(&self, form: &mut Form) -> Vec<Condition> {
        let mut read = Vec::new();
        for (at, text) in self.conditions.iter().enumerate().take(MOST_CONDITIONS) {
            match text.parse() {
                Ok(condition) => read.push(condition),
                Err(_) => form.refuse(
                    &format!("/conditions/{at}"),
                    "not_an_option",
                    "没有这种情况，可选值见接口文档（如fever、immunoglobulin@2026-01-02、anaphylaxis_after_HepB）。",
                    "There is no such condition; the document lists them (`fever`, `immunoglobulin@2026-01-02`, `anaphylaxis_after_HepB`).",
                ),
            }
        }
        read
    }

    fn given(&self, form: &mut Form) -> Vec<Given> {
        let mut given = Vec::new();
        for (at, dose) in self.doses.iter().enumerate().take(MOST_DOSES) {
            match dose.product.parse::<Product>() {
                Ok(product) => given.push(Given { product, on: dose.given_on, self_paid: false }),
                Err(_) => form.refuse(
                    &format!("/doses/{at}/product"),
                    "not_an_option",
                    "没有这种疫苗，代码见 /api/v1/catalogue 的疫苗表。",
                    "There is no such product; the catalogue lists the vaccines.",
                ),
            }
        }
        given
    }

    fn told(&self, refusal: &Refusal, born_on: NaiveDate) -> ApiError {
        let in_life = |pointer: &str| {
            let (zh, en) = between_days(born_on, self.on);
            ApiError::field(pointer, "out_of_range", zh, en)
        };
        match refusal {
            Refusal::BeforeBirth { .. } => ApiError::field(
                "/on",
                "out_of_range",
                format!("不能早于出生日期{born_on}。"),
                format!("Must not be before the birth on {born_on}."),
            ),
            Refusal::DoseBeforeBirth { index, .. } | Refusal::DoseInTheFuture { index, .. } => {
                in_life(&format!("/doses/{index}/given_on"))
            }
            Refusal::ConditionOutside(condition) => {
                let told = condition.to_string();
                let at = self.conditions.iter().position(|text| *text == told).unwrap_or_default();
                in_life(&format!("/conditions/{at}"))
            }
            Refusal::TooManyDoses(_) => ApiError::field(
                "/doses",
                "too_many",
                format!("最多{MOST_DOSES}项。"),
                format!("At most {MOST_DOSES}."),
            ),
            Refusal::NoEdition(_) => {
                let first = Edition::all().next().map(Edition::starts_on).unwrap_or_default();
                ApiError::field(
                    "/on",
                    "out_of_range",
                    format!("最早的程序版本自{first}起施行，查询日期不能早于该日。"),
                    format!(
                        "The first edition known here is in force from {first}; the day must not be before it."
                    ),
                )
            }
        }
    }
}

impl From<&Plan> for ImmunizationPlan {
    fn from(planned: &Plan) -> Self {
        Self {
            edition: Some(planned.edition.id()),
            doses: planned.doses.iter().map(DoseVerdict::from).collect(),
            series: planned.series.iter().map(SeriesStanding::from).collect(),
        }
    }
}

impl From<&Verdict> for DoseVerdict {
    fn from(verdict: &Verdict) -> Self {
        let Counted { series, number, valid, reason, .. } = verdict.main;
        let text = |reason: Reason| BothLanguages { zh: reason.zh().to_owned(), en: reason.en().to_owned() };
        let also = |other: &Counted| AlsoCounted {
            series: other.series,
            number: other.number,
            valid: other.valid,
            reason: other.reason,
        };
        Self {
            product: verdict.given.product.code(),
            given_on: verdict.given.on,
            series,
            number,
            valid,
            reason,
            reason_text: reason.map(text),
            also: verdict.also.iter().flatten().map(also).collect(),
        }
    }
}

impl From<&SeriesPlan> for SeriesStanding {
    fn from(standing: &SeriesPlan) -> Self {
        let next = standing.next.map(|next| NextDose {
            dose: next.dose,
            label: standing.label(),
            products: next.products.iter().map(Product::code).collect(),
            earliest: next.earliest,
            recommended: next.recommended,
            overdue_from: next.overdue_from,
            rule: next.rule,
        });
        Self {
            vaccine: &standing.series.vaccine,
            series: &standing.series.id,
            status: standing.status,
            next,
            why: BothLanguages { zh: standing.why_zh(), en: standing.why_en() },
        }
    }
}
