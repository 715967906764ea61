//! `GET /api/v1/usage`: how many handbooks were issued and are used, against the target.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::calendar::Month;
use domain::handbook::Group;
use domain::id::InstitutionId;
use domain::institution::{ReportColumn, columns_of};
use domain::place::{RegionCode, RegionLevel};
use domain::usage::small::{self, Told};
use domain::usage::{Breakdown, DEFINITION, Evidence, LONGEST_PERIOD, Period, PeriodRefusal, Tally};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::figures::{self, Figures, InstitutionFigures, Target};
use super::scope::{self, Asked, Extent, NamedRegion};
use super::sheet;
use super::small::{Telling, telling};
use crate::access::Office;
use crate::access::office::ReadUsage;
use crate::app::App;
use crate::error::ApiError;
use crate::keys::Keys;
use crate::page::{Page, PageQuery, cut};
use crate::problem::Language;
use crate::query::Query;

/// Which figures are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Question {
    /// First month, `YYYY-MM`; left out, January of the last month's year.
    #[param(value_type = Option<String>, example = "2026-01")]
    from: Option<Month>,
    /// Last month, `YYYY-MM`; left out, the present month. At most 120 months.
    #[param(value_type = Option<String>, example = "2026-11")]
    to: Option<Month>,
    /// `json` or `xlsx` (the quarterly report form); left out, what `Accept` prefers.
    #[param(inline)]
    format: Option<Format>,
}

/// How the figures are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = UsageFormat)]
enum Format {
    Json,
    Xlsx,
}

/// Issued and used handbooks with their rate; null where they are withheld, which `withheld` of the answer explains.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rate {
    /// Handbooks first issued or reissued.
    issued: Option<i64>,
    /// Of those, the ones with evidence of use by the end of the period.
    used: Option<i64>,
    /// Used / issued in per cent with one decimal; null where nothing was issued.
    #[schema(example = "66.7")]
    rate: Option<String>,
    /// The rate as printed: `—` where nothing was issued, `＊` where it is withheld.
    #[schema(example = "66.7")]
    rate_printed: String,
}

impl Rate {
    fn of(tally: Tally, is_told: bool) -> Self {
        if !is_told {
            return Self { issued: None, used: None, rate: None, rate_printed: small::AS_PRINTED.to_owned() };
        }
        let printed = tally.rate_as_printed();
        let rate = (tally.issued > 0).then(|| printed.clone());
        Self { issued: Some(tally.issued), used: Some(tally.used), rate, rate_printed: printed }
    }

    fn of_total(breakdown: &Breakdown, told: Told) -> Self {
        Self::of(breakdown.total(), told >= Told::Total)
    }
}

/// Usage figures of a region or institution.
#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    /// What is counted, in the caller's language.
    definition: String,
    /// The kinds of evidence that were counted.
    evidence: Vec<EvidenceKind>,
    /// The months of the report.
    period: Months,
    /// The region, for an institution the one in which it stands.
    region: RegionName,
    /// The institution, if the figures are those of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    institution: Option<ShownInstitution>,
    /// The three groups of the report, which are disjoint and add up.
    groups: Vec<GroupUsage>,
    /// All three groups.
    total: Rate,
    /// What the cumulative rate is held against.
    target: TargetAnswer,
    /// Everything since launch, by the end of the period.
    cumulative: Cumulative,
    /// The quarters of the period; the first and the last are cut to it. Each counts what was issued in it and used by its end.
    quarters: Vec<Quarter>,
    /// The regions directly below, down to towns.
    children: Vec<Child>,
    /// What institutions of the region itself issued that stand in none of the regions below.
    #[serde(skip_serializing_if = "Option::is_none")]
    directly: Option<Rate>,
    /// The institutions of a county or town, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    institutions: Option<Page<InstitutionUsage>>,
    /// Why figures are null; left out where none is withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    withheld: Option<&'static str>,
    /// The instant of the figures.
    as_of: DateTime<Utc>,
}

/// A kind of evidence.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvidenceKind {
    /// The kind.
    #[schema(value_type = String, example = "entry")]
    kind: Evidence,
    /// Its name in the caller's language.
    label: &'static str,
}

/// The months of a report, both edges included.
#[derive(Debug, Serialize, ToSchema)]
pub struct Months {
    /// First month.
    #[schema(value_type = String, example = "2026-01")]
    from: Month,
    /// Last month.
    #[schema(value_type = String, example = "2026-11")]
    to: Month,
}

impl From<Period> for Months {
    fn from(period: Period) -> Self {
        Self { from: period.first, to: period.last }
    }
}

/// A region.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegionName {
    /// 12-digit code.
    #[schema(value_type = i64, example = 510903000000_i64)]
    code: RegionCode,
    /// Its level.
    #[schema(value_type = String, example = "county")]
    level: RegionLevel,
    /// Its name.
    name: String,
}

impl From<&NamedRegion> for RegionName {
    fn from(named: &NamedRegion) -> Self {
        Self { code: named.region.code, level: named.region.level, name: named.name.clone() }
    }
}

/// An institution whose figures are shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownInstitution {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: InstitutionId,
    /// Its name.
    name: String,
}

/// The figures of one group.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupUsage {
    /// The group.
    #[schema(value_type = String, example = "pregnant")]
    group: Group,
    /// Its name in the caller's language.
    label: &'static str,
    /// Issues by kind of issuing institution; they add up to `issued`.
    columns: Vec<ColumnIssued>,
    #[serde(flatten)]
    rate: Rate,
}

/// Issues by one kind of institution.
#[derive(Debug, Serialize, ToSchema)]
pub struct ColumnIssued {
    /// The column of the report form.
    #[schema(value_type = String, example = "midwifery")]
    column: ReportColumn,
    /// Its heading in the caller's language.
    label: &'static str,
    /// Handbooks issued; null where they are withheld.
    issued: Option<i64>,
}

/// The target of a year.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetAnswer {
    /// Per cent.
    percent: u8,
    /// The year, that of the period's end.
    year: i32,
    /// Whether the cumulative rate reaches it; null where nothing was issued or the rate is withheld.
    met: Option<bool>,
}

/// Everything since launch.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cumulative {
    /// The month of the first issue; null where nothing was issued or it is withheld.
    #[schema(value_type = Option<String>, example = "2025-10")]
    since: Option<Month>,
    #[serde(flatten)]
    rate: Rate,
}

/// One quarter of the period.
#[derive(Debug, Serialize, ToSchema)]
pub struct Quarter {
    /// Year.
    year: i32,
    /// 1 to 4.
    quarter: u32,
    #[serde(flatten)]
    months: Months,
    #[serde(flatten)]
    rate: Rate,
}

/// A region below with its totals.
#[derive(Debug, Serialize, ToSchema)]
pub struct Child {
    /// The region.
    region: RegionName,
    #[serde(flatten)]
    rate: Rate,
}

/// An institution with its totals in the region.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstitutionUsage {
    #[serde(flatten)]
    institution: ShownInstitution,
    #[serde(flatten)]
    rate: Rate,
}

/// How many handbooks were issued and are used, against the target
///
/// By group and column of the quarterly report form, cumulative and by quarter, with the regions or institutions below. The
/// definition stands in the answer. Those who may not read the lists are told no small counts of places below the county
/// (`withheld` says why), and these only by the quarter that is over. `limit` and `cursor` page the institutions. With `format=xlsx`, the report form itself.
#[utoipa::path(
    tag = "usage",
    params(Asked, Question, PageQuery),
    responses(
        (status = 200, description = "The figures", content(
            (Usage = "application/json"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 403, description = "Not for this role, or outside the own region or institution"),
        (status = 404, description = "No such institution"),
        (status = 422, description = "No such region"),
    ),
)]
#[get("/api/v1/usage")]
pub(crate) async fn show(
    app: Data<App>,
    office: Office<ReadUsage>,
    request: HttpRequest,
    asked: Query<Asked>,
    question: Query<Question>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let now = Month::of(app.today());
    let period = question.period(now)?;
    let as_sheet = question.wants_sheet(&request);
    let db = app.db.snapshot().await?;
    let extent = scope::of(&db, &office.staff, *asked).await?;
    let telling = telling(&db, &office.staff, &extent, period, now).await?;
    let figures = figures::of(&db, extent, period).await?;
    if as_sheet {
        let institutions = sheet::institutions_of(&db, &figures).await?;
        let sheet =
            sheet::write(&figures, &institutions, &telling, app.today()).map_err(ApiError::internal)?;
        return Ok(HttpResponse::Ok()
            .content_type(sheet::CONTENT_TYPE)
            .insert_header((header::CONTENT_DISPOSITION, sheet::disposition(&figures)))
            .body(sheet));
    }
    let institutions = institutions(&db, &app.keys, &figures, &telling, &page).await?;
    let language = language_of(&request);
    Ok(HttpResponse::Ok().json(Usage::of(&figures, institutions, &telling, language, app.now())))
}

impl Question {
    fn period(&self, now: Month) -> Result<Period, ApiError> {
        let last = self.to.unwrap_or(now);
        let first = self.from.unwrap_or(Month(last.year() * 12));
        Period::new(first, last).map_err(|refusal| match refusal {
            PeriodRefusal::Backwards => {
                ApiError::parameter("to", "before_from", "不能早于from。", "It is before `from`.")
            }
            PeriodRefusal::TooLong => ApiError::parameter(
                "from",
                "out_of_range",
                format!("从from到to最多{LONGEST_PERIOD}个月。"),
                format!("From `from` to `to` there are at most {LONGEST_PERIOD} months."),
            ),
        })
    }

    fn wants_sheet(&self, request: &HttpRequest) -> bool {
        match self.format {
            Some(format) => format == Format::Xlsx,
            None => {
                let accept =
                    request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
                accept.contains(sheet::CONTENT_TYPE) && !accept.contains("application/json")
            }
        }
    }
}

/// A page of the institutions, where the region is small enough to name them.
async fn institutions(
    db: &impl ConnectionTrait,
    keys: &Keys,
    figures: &Figures,
    telling: &Telling,
    page: &PageQuery,
) -> Result<Option<Page<InstitutionUsage>>, ApiError> {
    let Extent::Region(named) = &figures.extent else { return Ok(None) };
    if !matches!(named.region.level, RegionLevel::County | RegionLevel::Town) {
        return Ok(None);
    }
    let (limit, period) = (page.limit()?, figures.period);
    let list = format!("usage {} {} {} {}", named.region.code, named.region.level, period.first, period.last);
    let after = page.after::<(String, InstitutionId)>(keys, &list)?;
    let rows = figures::institutions(db, named, period, after, limit + 1).await?;
    let (rows, next_cursor) = cut(keys, rows, limit, &list, |row| (row.name.clone(), row.id));
    let usage = |row: InstitutionFigures| InstitutionUsage {
        rate: Rate::of_total(&row.breakdown, telling.institution(row.id)),
        institution: ShownInstitution { id: row.id, name: row.name },
    };
    Ok(Some(Page { items: rows.into_iter().map(usage).collect(), next_cursor }))
}

impl Usage {
    fn of(
        figures: &Figures,
        institutions: Option<Page<InstitutionUsage>>,
        telling: &Telling,
        language: Language,
        as_of: DateTime<Utc>,
    ) -> Self {
        let institution = match &figures.extent {
            Extent::Institution { id, name, .. } => Some(ShownInstitution { id: *id, name: name.clone() }),
            Extent::Region(_) => None,
        };
        let directly =
            (!figures.children.is_empty()).then(|| Rate::of_total(&figures.directly, telling.directly));
        let is_told = telling.whole >= Told::Total;
        let cumulative = telling.cumulative >= Told::Total;
        let Target { percent, year } = figures.target;
        Self {
            definition: language.of(DEFINITION.0, DEFINITION.1).to_owned(),
            evidence: Evidence::ALL
                .iter()
                .map(|kind| EvidenceKind { kind: *kind, label: language.of(kind.zh(), kind.en()) })
                .collect(),
            period: figures.period.into(),
            region: figures.extent.region().into(),
            institution,
            groups: Group::ALL
                .iter()
                .map(|group| GroupUsage::of(&figures.whole, *group, telling.whole, language))
                .collect(),
            total: Rate::of_total(&figures.whole, telling.whole),
            target: TargetAnswer {
                percent,
                year,
                met: figures.target.is_met_by(figures.cumulative).filter(|_| cumulative),
            },
            cumulative: Cumulative {
                since: figures.launch.filter(|_| cumulative),
                rate: Rate::of(figures.cumulative, cumulative),
            },
            quarters: figures.quarters.iter().map(|quarter| Quarter::of(quarter, is_told)).collect(),
            children: figures.children.iter().map(|child| Child::of(child, telling)).collect(),
            directly,
            institutions,
            withheld: telling.withholds().then(|| language.of(small::WITHHELD.0, small::WITHHELD.1)),
            as_of,
        }
    }
}

impl GroupUsage {
    fn of(whole: &Breakdown, group: Group, told: Told, language: Language) -> Self {
        let is_told = told == Told::All;
        let column = |column: &ReportColumn| ColumnIssued {
            column: *column,
            label: language.of(column.zh(), column.en()),
            issued: is_told.then(|| whole.column(group, *column).issued),
        };
        Self {
            group,
            label: language.of(group.zh(), group.en()),
            columns: columns_of(group).iter().map(column).collect(),
            rate: Rate::of(whole.group(group), is_told),
        }
    }
}

impl Quarter {
    fn of((period, tally): &(Period, Tally), is_told: bool) -> Self {
        let (year, quarter) = (period.first.year(), period.first.quarter());
        Self { year, quarter, months: (*period).into(), rate: Rate::of(*tally, is_told) }
    }
}

impl Child {
    fn of((named, breakdown): &(NamedRegion, Breakdown), telling: &Telling) -> Self {
        let told = telling.region(named.region.code);
        Self { region: named.into(), rate: Rate::of_total(breakdown, told) }
    }
}

fn language_of(request: &HttpRequest) -> Language {
    let header = request.headers().get(header::ACCEPT_LANGUAGE);
    Language::preferred(header.and_then(|value| value.to_str().ok()))
}
