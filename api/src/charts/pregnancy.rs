//! `GET /api/v1/handbooks/{handbook}/pregnancies/{pregnancy}/chart.svg` and `.png`: what was measured in a pregnancy, by week.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use chrono::{NaiveDate, TimeDelta};
use domain::catalogue::{Lifted, TotalGain, lift, weight_before};
use domain::id::{HandbookId, PregnancyId};
use domain::pregnancy::{Dates, as_weeks};
use domain::record::{Source, SubjectKind};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::IntoParams;

use super::draw::{Chart, Curve, Lined, Mark, Sign, Size};
use super::{as_png, as_svg};
use crate::app::App;
use crate::db::entities::pregnancy;
use crate::error::ApiError;
use crate::pregnancies;
use crate::problem::{Code, Language};
use crate::query::Query;
use crate::records::show::id_in;
use crate::records::store::{Filter, Row, timeline};
use crate::records::{Reader, Speaks};

/// Measurements of a chart, the newest.
const MOST: u64 = 1000;

/// Measurements that are told in words, the newest.
const TOLD: usize = 40;

/// The last week of a chart.
const WEEKS: f64 = 42.0;

/// Weeks in which the fundal height in cm is about the week, give or take three (the rule of the antenatal form).
const FUNDAL_WEEKS: std::ops::RangeInclusive<u8> = 20..=36;
const FUNDAL_CM: f64 = 3.0;

/// What a chart of a pregnancy shows.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Measure {
    /// Gain of weight over that before the pregnancy, in kg.
    WeightGain,
    /// Blood pressure in mmHg.
    BloodPressure,
    /// Glucose when fasting, and two hours after a load or a meal, in mmol/L.
    Glucose,
    /// Fundal height in cm.
    FundalHeight,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// `weight_gain`, `blood_pressure`, `glucose` or `fundal_height`.
    #[param(value_type = String)]
    measure: Measure,
    /// `phone` (360 px wide, if left out) or `paper`.
    #[param(value_type = Option<String>)]
    size: Option<Size>,
}

/// A chart of a pregnancy
///
/// What clinics and the family measured, as far as the caller may read it, by week of gestation: the gain of weight in the band of
/// WS/T 801-2022, blood pressure, glucose, fundal height. In the language of the caller.
#[utoipa::path(
    tag = "charts",
    params(("handbook" = uuid::Uuid, Path), ("pregnancy" = uuid::Uuid, Path, description = "Pregnancy"), Wanted),
    responses((status = 200, description = "The chart", content((String = "image/svg+xml")))),
)]
#[get("/api/v1/handbooks/{handbook}/pregnancies/{pregnancy}/chart.svg")]
pub(crate) async fn pregnancy_chart(
    app: Data<App>,
    reader: Reader,
    path: Path<(HandbookId, String)>,
    wanted: Query<Wanted>,
    Speaks(language): Speaks,
) -> Result<HttpResponse, ApiError> {
    let Wanted { measure, size } = wanted.into_inner();
    let chart = drawn(&app, reader, &path.1, measure, language).await?;
    as_svg(&chart, size.unwrap_or_default(), language)
}

/// A chart of a pregnancy as PNG
///
/// The same picture for where SVG is not shown. It needs a font with Chinese characters on the server.
#[utoipa::path(
    tag = "charts",
    params(("handbook" = uuid::Uuid, Path), ("pregnancy" = uuid::Uuid, Path, description = "Pregnancy"), Wanted),
    responses(
        (status = 200, description = "The chart", content((Vec<u8> = "image/png"))),
        (status = 501, description = "The server has no font with Chinese characters (`no_font`)"),
    ),
)]
#[get("/api/v1/handbooks/{handbook}/pregnancies/{pregnancy}/chart.png")]
pub(crate) async fn pregnancy_chart_png(
    app: Data<App>,
    reader: Reader,
    path: Path<(HandbookId, String)>,
    wanted: Query<Wanted>,
    Speaks(language): Speaks,
) -> Result<HttpResponse, ApiError> {
    let Wanted { measure, size } = wanted.into_inner();
    let chart = drawn(&app, reader, &path.1, measure, language).await?;
    as_png(app, chart, size.unwrap_or_default(), language).await
}

async fn drawn(
    app: &App,
    reader: Reader,
    path: &str,
    of: Measure,
    language: Language,
) -> Result<Chart, ApiError> {
    let id: PregnancyId = id_in(path)?;
    let row = pregnancies::store::one(&reader.db, reader.handbook.id, id).await?;
    let row = row.ok_or_else(|| ApiError::told(Code::NotFound))?;
    let (first, last) = of.days(&row);
    let filter = Filter {
        subject: Some(SubjectKind::Woman),
        kinds: of.kinds().iter().map(|kind| (*kind).to_owned()).collect(),
        from: Some(first),
        to: Some(last),
        ..Filter::default()
    };
    let rows = timeline(&reader.db, reader.handbook.id, &reader.view, &filter, None, MOST).await?;
    reader.db.release().await;
    let mut measured: Vec<_> = rows.iter().filter_map(|row| Measured::of(app, row)).collect();
    measured.reverse();
    Ok(Drawn { of, due_on: row.due_on, language }.chart(app, &measured))
}

impl Measure {
    /// Kinds of records that hold it.
    const fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::WeightGain => &["weight", "antenatal_first", "antenatal_followup"],
            Self::BloodPressure => &["blood_pressure", "antenatal_first", "antenatal_followup"],
            Self::Glucose => &["blood_glucose", "antenatal_first", "laboratory_result"],
            Self::FundalHeight => &["antenatal_first", "antenatal_followup"],
        }
    }

    /// The days that are looked at: of a weight those before the pregnancy, too.
    fn days(self, row: &pregnancy::Model) -> (NaiveDate, NaiveDate) {
        let before = weight_before::days(row.due_on);
        let first = match self {
            Self::WeightGain => *before.start(),
            _ => row.due_on - TimeDelta::days(280),
        };
        (first, row.ended_on.unwrap_or(row.due_on + TimeDelta::days(14)))
    }
}

/// What was measured on a day.
struct Measured {
    on: NaiveDate,
    sign: Sign,
    lifted: Lifted,
    payload: Map<String, Value>,
}

impl Measured {
    fn of(app: &App, row: &Row) -> Option<Self> {
        let kind = app.catalogue.kind_in_edition(&row.kind, &row.edition)?;
        let payload: Map<String, Value> = row.payload.read().ok()?;
        let at = kind.moment(&payload, row.occurred_on, row.recorded_at);
        let lifted = lift(&payload, kind, at);
        let sign = if row.source == Source::Family { Sign::Family } else { Sign::Clinic };
        Some(Self { on: row.occurred_on, sign, lifted, payload })
    }

    fn number(&self, field: &str) -> Option<f64> {
        self.payload.get(field)?.as_f64()
    }

    /// Glucose, fasting or two hours after.
    fn glucose(&self, timing: &str, of_load: &str) -> Option<f64> {
        let is_then = |field: &str| self.payload.get(field).and_then(Value::as_str) == Some(timing);
        let told = match () {
            () if is_then("timing") => self.number("value"),
            () if is_then("glucose_timing") => {
                self.number("glucose").or_else(|| self.number("blood_glucose"))
            }
            () => None,
        };
        told.or_else(|| self.number(of_load))
    }
}

/// A chart of a pregnancy.
struct Drawn {
    of: Measure,
    due_on: NaiveDate,
    language: Language,
}

impl Drawn {
    fn chart(&self, app: &App, measured: &[Measured]) -> Chart {
        let before = self.weight_before(measured);
        let values: Vec<Vec<Option<f64>>> = measured.iter().map(|one| self.values(one, before)).collect();
        let courses: Vec<Vec<Mark>> =
            (0..self.courses()).map(|course| self.course(measured, &values, course)).collect();
        let bands = self.bands(app, measured, before);
        let curves = self.limits();
        let heights = courses.iter().flatten().map(|mark| mark.at.1);
        let edges = bands.iter().flatten().flat_map(|(_, low, high)| [*low, *high]);
        let lines = curves.iter().flat_map(|curve| &curve.points).map(|(_, y)| *y);
        let all: Vec<f64> = heights.chain(edges).chain(lines).collect();
        let low = all.iter().copied().reduce(f64::min).unwrap_or(0.0);
        let high = all.iter().copied().reduce(f64::max).unwrap_or(1.0).max(low + 1.0);
        let air = (high - low) * 0.08;
        Chart {
            title: self.title(before.is_some()),
            across: self.language.of("孕周", "weeks of gestation").to_owned(),
            up: self.unit().to_owned(),
            x: Lined { span: 0.0..WEEKS, lines: (0..=10).map(|at| f64::from(at) * 4.0).collect() },
            y: low - air..high + air,
            curves,
            bands,
            words: self.words(measured, &values),
            legend: vec![
                (Sign::Clinic, self.language.of("医疗机构测量", "clinic")),
                (Sign::Family, self.language.of("家庭测量", "family")),
            ],
            courses,
        }
    }

    fn title(&self, has_weight_before: bool) -> String {
        let (zh, en) = match self.of {
            Measure::WeightGain if has_weight_before => {
                ("孕期体重增长 · WS/T 801—2022", "weight gained in pregnancy · WS/T 801-2022")
            }
            Measure::WeightGain => (
                "孕期体重增长 · 没有孕前或孕早期体重",
                "weight gained · no weight before or early in the pregnancy",
            ),
            Measure::BloodPressure => {
                ("孕期血压（收缩压、舒张压）", "blood pressure in pregnancy (systolic, diastolic)")
            }
            Measure::Glucose => ("孕期血糖（空腹、2小时）", "glucose in pregnancy (fasting, 2 h)"),
            Measure::FundalHeight => ("宫高", "fundal height"),
        };
        self.language.of(zh, en).to_owned()
    }

    const fn unit(&self) -> &'static str {
        match self.of {
            Measure::WeightGain => "kg",
            Measure::BloodPressure => "mmHg",
            Measure::Glucose => "mmol/L",
            Measure::FundalHeight => "cm",
        }
    }

    const fn courses(&self) -> usize {
        match self.of {
            Measure::BloodPressure | Measure::Glucose => 2,
            Measure::WeightGain | Measure::FundalHeight => 1,
        }
    }

    fn weight_before(&self, measured: &[Measured]) -> Option<i64> {
        let lifted: Vec<Lifted> = measured.iter().map(|one| one.lifted.clone()).collect();
        weight_before::grams(&lifted, self.due_on)
    }

    /// What is drawn of a measurement, one value for each course.
    fn values(&self, one: &Measured, weight_before: Option<i64>) -> Vec<Option<f64>> {
        match self.of {
            Measure::WeightGain => {
                let gained = one.lifted.weight_g.zip(weight_before).map(|(now, before)| now - before);
                vec![gained.map(|grams| grams as f64 / 1000.0)]
            }
            Measure::BloodPressure => {
                let pressure = one.lifted.blood_pressure;
                let of = |value: i64| value as f64;
                vec![pressure.map(|at| of(at.systolic)), pressure.map(|at| of(at.diastolic))]
            }
            Measure::Glucose => {
                vec![one.glucose("fasting", "ogtt_fasting"), one.glucose("pp2h", "ogtt_2h")]
            }
            Measure::FundalHeight => vec![one.number("fundal_height_cm")],
        }
    }

    fn weeks(&self, on: NaiveDate) -> f64 {
        Dates::gestational_days(self.due_on, on) as f64 / 7.0
    }

    fn course(&self, measured: &[Measured], values: &[Vec<Option<f64>>], course: usize) -> Vec<Mark> {
        let marks = measured.iter().zip(values).filter_map(|(one, values)| {
            let value = values.get(course).copied().flatten()?;
            Some(Mark { at: (self.weeks(one.on), value), sign: one.sign })
        });
        marks.filter(|mark| (0.0..=WEEKS).contains(&mark.at.0)).collect()
    }

    fn bands(&self, app: &App, measured: &[Measured], before: Option<i64>) -> Vec<Vec<(f64, f64, f64)>> {
        match self.of {
            Measure::WeightGain => {
                let heights = measured
                    .iter()
                    .rev()
                    .find_map(|one| one.number("height").or_else(|| one.number("height_cm")));
                let height_mm = heights.map(|cm| (cm * 10.0).round() as i64);
                let gain = before.zip(height_mm).and_then(|(grams, mm)| app.catalogue.total_gain(grams, mm));
                gain.iter().map(band_of_weight).collect()
            }
            Measure::FundalHeight => {
                let band = FUNDAL_WEEKS.map(f64::from).map(|week| (week, week - FUNDAL_CM, week + FUNDAL_CM));
                vec![band.collect()]
            }
            Measure::BloodPressure | Measure::Glucose => Vec::new(),
        }
    }

    /// Lines from which on a value is high: blood pressure (hypertensive disorders of pregnancy: 140/90 mmHg), glucose (gestational
    /// diabetes, 75 g OGTT: fasting 5.1, two hours 8.5 mmol/L).
    fn limits(&self) -> Vec<Curve> {
        let line = |label: &'static str, at: f64| Curve {
            label,
            is_middle: false,
            is_outermost: true,
            points: vec![(0.0, at), (WEEKS, at)],
        };
        match self.of {
            Measure::BloodPressure => vec![line("90", 90.0), line("140", 140.0)],
            Measure::Glucose => vec![line("5.1", 5.1), line("8.5", 8.5)],
            Measure::WeightGain | Measure::FundalHeight => Vec::new(),
        }
    }

    fn words(&self, measured: &[Measured], values: &[Vec<Option<f64>>]) -> String {
        let told = |(one, values): (&Measured, &Vec<Option<f64>>)| {
            let days = Dates::gestational_days(self.due_on, one.on);
            if days < 0 || values.iter().all(Option::is_none) {
                return None;
            }
            let decimals = usize::from(!matches!(self.of, Measure::BloodPressure));
            let text = |value: &Option<f64>| {
                value.map_or_else(|| "—".to_owned(), |value| format!("{value:.decimals$}"))
            };
            let values = values.iter().map(text).collect::<Vec<_>>().join("/");
            let (weeks, unit) = (as_weeks(days), self.unit());
            Some(match self.language {
                Language::Chinese => format!("{}，孕{weeks}周：{values} {unit}", one.on),
                Language::English => format!("{}, {weeks} weeks: {values} {unit}", one.on),
            })
        };
        let lines: Vec<String> = measured.iter().zip(values).rev().filter_map(told).take(TOLD).collect();
        if lines.is_empty() {
            return self.language.of("还没有测量记录。", "Nothing was measured yet.").to_owned();
        }
        lines.join(self.language.of("；", "; "))
    }
}

/// The band of the gain of weight, week by week.
fn band_of_weight(gain: &TotalGain) -> Vec<(f64, f64, f64)> {
    let at = |week: u8| {
        let (low, high) = gain.on(f64::from(week) * 7.0);
        (f64::from(week), low, high)
    };
    (0..=42).map(at).collect()
}
