//! `GET /api/v1/children/{child}/growth-chart.svg` and `.png`: a child's measurements on the curves of a standard.

use std::ops::Range;

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use chrono::NaiveDate;
use domain::catalogue::lift;
use domain::growth::age::{Age, PRETERM_BELOW};
use domain::growth::china::{self, Class};
use domain::growth::curve::{DEVIATIONS, Place, Standard, curve};
use domain::growth::who::as_measured_at;
use domain::growth::{Indicator, Measured};
use domain::id::ChildId;
use domain::person::Sex;
use domain::record::Source;
use serde::Deserialize;
use utoipa::IntoParams;

use super::draw::{Chart, Curve, Lined, Mark, Sign, Size};
use super::{as_png, as_svg};
use crate::app::App;
use crate::children::store as children;
use crate::db::entities::child;
use crate::error::ApiError;
use crate::people;
use crate::problem::{Code, Language};
use crate::query::Query;
use crate::records::show::id_in;
use crate::records::store::{Filter, Row, timeline};
use crate::records::{Reader, Speaks};

/// Kinds of records in which a child is measured.
const KINDS: [&str; 6] = ["growth", "newborn_home_visit", "m1_m8", "m12_m30", "y3_y6", "kindergarten_exam"];

/// Measurements of a chart, the newest.
const MOST: u64 = 500;

/// Measurements that are told in words, the newest.
const TOLD: usize = 40;

/// Months at which a chart may end.
const ENDS: [u32; 5] = [12, 24, 36, 60, 84];

/// Steps between two points of a curve.
const STEPS: u32 = 96;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// `weight_for_age`, `stature_for_age`, `weight_for_stature`, `bmi_for_age` or `head_circumference_for_age`.
    #[param(value_type = String)]
    measure: Indicator,
    /// `china` (WS/T 423-2022, if left out) or `who`.
    #[param(value_type = Option<String>)]
    standard: Option<Standard>,
    /// `phone` (360 px wide, if left out) or `paper`.
    #[param(value_type = Option<String>)]
    size: Option<Size>,
}

/// A child's growth chart
///
/// What clinics and the family measured, as far as the caller may read it, on the curves of a standard. Of a child born before
/// 37+0 weeks the corrected age is used to two years, and the days lived stand beside it. In the language of the caller.
#[utoipa::path(
    tag = "charts",
    params(("child" = uuid::Uuid, Path, description = "Child"), Wanted),
    responses((status = 200, description = "The chart", content((String = "image/svg+xml")))),
)]
#[get("/api/v1/children/{child}/growth-chart.svg")]
pub(crate) async fn growth_chart(
    app: Data<App>,
    reader: Reader,
    path: Path<String>,
    wanted: Query<Wanted>,
    Speaks(language): Speaks,
) -> Result<HttpResponse, ApiError> {
    let wanted = wanted.into_inner();
    let size = wanted.size.unwrap_or_default();
    as_svg(&drawn(&app, reader, &path, wanted, language).await?, size, language)
}

/// A child's growth chart as PNG
///
/// The same picture for where SVG is not shown, three pixels to each of a phone and two to each of paper. It needs a font with
/// Chinese characters on the server.
#[utoipa::path(
    tag = "charts",
    params(("child" = uuid::Uuid, Path, description = "Child"), Wanted),
    responses(
        (status = 200, description = "The chart", content((Vec<u8> = "image/png"))),
        (status = 501, description = "The server has no font with Chinese characters (`no_font`)"),
    ),
)]
#[get("/api/v1/children/{child}/growth-chart.png")]
pub(crate) async fn growth_chart_png(
    app: Data<App>,
    reader: Reader,
    path: Path<String>,
    wanted: Query<Wanted>,
    Speaks(language): Speaks,
) -> Result<HttpResponse, ApiError> {
    let wanted = wanted.into_inner();
    let size = wanted.size.unwrap_or_default();
    let chart = drawn(&app, reader, &path, wanted, language).await?;
    as_png(app, chart, size, language).await
}

/// The chart of the child in the path, with what the caller may read of it.
async fn drawn(
    app: &App,
    reader: Reader,
    path: &str,
    Wanted { measure, standard, .. }: Wanted,
    language: Language,
) -> Result<Chart, ApiError> {
    let id: ChildId = id_in(path)?;
    let missing = || ApiError::told(Code::NotFound);
    let row = children::one(&reader.db, reader.handbook.id, id).await?.ok_or_else(missing)?;
    let person = people::store::by_id(&reader.db, row.person_id).await?.ok_or_else(missing)?;
    let kinds = KINDS.map(str::to_owned).to_vec();
    let filter = Filter { child: Some(id), kinds, ..Filter::default() };
    let rows = timeline(&reader.db, reader.handbook.id, &reader.view, &filter, None, MOST).await?;
    reader.db.release().await;
    let child = Child::of(&row, person.sex.unwrap_or(Sex::Unknown));
    let measured = child.measured(app, rows);
    let standard = standard.unwrap_or(Standard::China);
    Ok(Drawn { child, of: measure, standard, language }.chart(&measured, app.today()))
}

/// Whose chart it is.
struct Child {
    sex: Sex,
    born_on: NaiveDate,
    birth_weight_g: Option<i32>,
    gestational_days: Option<u32>,
}

/// A measurement on a day.
struct Measurement {
    on: NaiveDate,
    sign: Sign,
    measured: Measured,
}

impl Child {
    fn of(row: &child::Model, sex: Sex) -> Self {
        let gestational_days = row.gestational_days.and_then(|days| u32::try_from(days).ok());
        Self { sex, born_on: row.born_on, birth_weight_g: row.birth_weight_g, gestational_days }
    }

    fn is_preterm(&self) -> bool {
        self.gestational_days.is_some_and(|days| days < PRETERM_BELOW)
    }

    /// The age on a day; the corrected one where it counts.
    fn ages(&self, on: NaiveDate) -> Option<(Age, Option<Age>)> {
        let age = Age::on(on, self.born_on)?;
        Some((age, self.gestational_days.and_then(|days| age.corrected(days))))
    }

    /// What was measured, the oldest first, from the weight at birth on.
    fn measured(&self, app: &App, rows: Vec<Row>) -> Vec<Measurement> {
        let at_birth = self.birth_weight_g.map(|grams| Measurement {
            on: self.born_on,
            sign: Sign::Clinic,
            measured: Measured { weight_kg: Some(f64::from(grams) / 1000.0), ..Measured::default() },
        });
        let later = rows.into_iter().rev().filter_map(|row| measurement(app, &row));
        at_birth.into_iter().chain(later).collect()
    }
}

fn measurement(app: &App, row: &Row) -> Option<Measurement> {
    let kind = app.catalogue.kind_in_edition(&row.kind, &row.edition)?;
    let growth = lift(&row.payload.read().ok()?, kind, row.recorded_at).growth?;
    let in_thousands = |value: i64| value as f64 / 1000.0;
    let in_tens = |value: i64| value as f64 / 10.0;
    let measured = Measured {
        weight_kg: growth.weight_g.map(in_thousands),
        stature_cm: growth.length_mm.map(in_tens),
        position: growth.position,
        head_cm: growth.head_mm.map(in_tens),
        bmi: None,
    };
    let sign = if row.source == Source::Family { Sign::Family } else { Sign::Clinic };
    Some(Measurement { on: row.occurred_on, sign, measured })
}

/// A chart of a child.
struct Drawn {
    child: Child,
    of: Indicator,
    standard: Standard,
    language: Language,
}

/// What the horizontal axis is.
enum Axis {
    /// Months of age up to an end.
    Months(u32),
    /// Stature in cm, of children who are measured standing or not.
    Stature { cm: Range<f64>, stands: bool },
}

impl Axis {
    fn range(&self) -> Range<f64> {
        match self {
            Self::Months(end) => 0.0..f64::from(*end),
            Self::Stature { cm, .. } => cm.clone(),
        }
    }

    /// Where lines and numbers stand: months by quarters and years of the chart, centimetres by fives.
    fn lines(&self) -> Vec<f64> {
        let (range, step) = match self {
            Self::Months(12) => (0..=12, 1),
            Self::Months(end) => (0..=*end, *end / 12 + u32::from(*end == 84) * 5),
            Self::Stature { cm, .. } => (cm.start.ceil() as u32..=cm.end as u32, 5),
        };
        range.filter(|at| at % step == 0).map(f64::from).collect()
    }

    fn place(&self, at: f64) -> Place {
        match self {
            Self::Months(_) => Place::Months(at),
            Self::Stature { stands, .. } => Place::Stature { cm: at, stands: *stands },
        }
    }
}

impl Drawn {
    fn chart(&self, measured: &[Measurement], today: NaiveDate) -> Chart {
        let axis = self.axis(measured, today);
        let curves = self.curves(&axis);
        let marks = self.marks(measured, &axis);
        let values = curves.iter().flat_map(|curve| &curve.points).map(|(_, y)| *y);
        let values: Vec<f64> = values.chain(marks.iter().map(|mark| mark.at.1)).collect();
        let low = values.iter().copied().reduce(f64::min).unwrap_or(0.0);
        let high = values.iter().copied().reduce(f64::max).unwrap_or(1.0).max(low + 1.0);
        let air = (high - low) * 0.04;
        let (across, up) = self.axes();
        Chart {
            title: self.title(),
            across: across.to_owned(),
            up: up.to_owned(),
            x: Lined { span: axis.range(), lines: axis.lines() },
            y: low - air..high + air,
            curves,
            words: self.words(measured),
            legend: self.legend(&marks),
            bands: Vec::new(),
            courses: vec![marks],
        }
    }

    fn title(&self) -> String {
        let of = self.language.of(self.of.zh(), self.of.en());
        let standard = self.language.of(self.standard.zh(), self.standard.en());
        match self.child.sex {
            Sex::Unknown => {
                let why = self.language.of("性别未登记，不显示参考曲线", "sex not recorded, no curves");
                format!("{of} · {why}")
            }
            sex => format!("{of} · {standard} · {}", self.language.of(sex.zh(), sex.en())),
        }
    }

    fn axes(&self) -> (&'static str, &'static str) {
        let across = match (self.of, self.child.is_preterm()) {
            (Indicator::WeightForStature, _) => self.language.of("身长（身高）cm", "length or height, cm"),
            (_, true) => {
                self.language.of("矫正月龄（× 为实际月龄）", "corrected age in months (×: months lived)")
            }
            (_, false) => self.language.of("月龄", "age in months"),
        };
        let up = match self.of {
            Indicator::WeightForAge | Indicator::WeightForStature => "kg",
            Indicator::StatureForAge | Indicator::HeadCircumferenceForAge => "cm",
            Indicator::BmiForAge => "kg/m²",
        };
        (across, up)
    }

    fn axis(&self, measured: &[Measurement], today: NaiveDate) -> Axis {
        if self.of == Indicator::WeightForStature {
            return self.stature_axis(measured, today);
        }
        let last = measured.iter().map(|one| one.on).max().unwrap_or(today).max(today);
        let months = Age::on(last, self.child.born_on).map_or(0, |age| age.months);
        let longest = if self.of == Indicator::HeadCircumferenceForAge && self.standard == Standard::China {
            36
        } else {
            84
        };
        let end = ENDS.into_iter().find(|end| *end > months).unwrap_or(longest);
        Axis::Months(end.min(longest))
    }

    fn stature_axis(&self, measured: &[Measurement], today: NaiveDate) -> Axis {
        let last = measured.iter().filter(|one| one.measured.stature_cm.is_some()).map(|one| one.on).max();
        let stands = self.stands(last.unwrap_or(today));
        let whole = if stands { 75.0..120.0 } else { 45.0..100.0 };
        Axis::Stature { cm: whole, stands }
    }

    /// Whether the child is measured standing on a day.
    fn stands(&self, on: NaiveDate) -> bool {
        Age::on(on, self.child.born_on).is_some_and(|age| age.months >= 24)
    }

    fn curves(&self, axis: &Axis) -> Vec<Curve> {
        let range = axis.range();
        let step = (range.end - range.start) / f64::from(STEPS);
        let places = (0..=STEPS).map(|at| range.start + step * f64::from(at));
        let rows: Vec<_> = places
            .filter_map(|at| Some((at, curve(self.standard, self.child.sex, self.of, axis.place(at))?)))
            .collect();
        let of_deviation = |(at, sd): (usize, i8)| Curve {
            label: ["-3SD", "-2SD", "-1SD", "0", "+1SD", "+2SD", "+3SD"][at],
            is_middle: sd == 0,
            is_outermost: sd.abs() == 3,
            points: rows.iter().map(|(place, row)| (*place, row[at])).collect(),
        };
        DEVIATIONS
            .into_iter()
            .enumerate()
            .map(of_deviation)
            .filter(|curve| !curve.points.is_empty())
            .collect()
    }

    fn marks(&self, measured: &[Measurement], axis: &Axis) -> Vec<Mark> {
        let mut marks = Vec::new();
        for one in measured {
            let Some((age, corrected)) = self.child.ages(one.on) else { continue };
            let Some(value) = self.value(&one.measured, age) else { continue };
            if let Axis::Stature { stands, .. } = axis {
                let stature =
                    one.measured.stature_cm.map(|cm| as_measured_at(age, cm, one.measured.position));
                let at = stature.filter(|_| self.stands(one.on) == *stands);
                marks.extend(at.map(|cm| Mark { at: (cm, value), sign: one.sign }));
                continue;
            }
            let used = corrected.unwrap_or(age);
            marks.push(Mark { at: (used.exact_months(), value), sign: one.sign });
            if corrected.is_some() {
                marks.push(Mark { at: (age.exact_months(), value), sign: Sign::Beside });
            }
        }
        let range = axis.range();
        marks.retain(|mark| mark.at.0 >= range.start && mark.at.0 <= range.end);
        marks
    }

    /// What is drawn of a measurement, in the unit of the chart.
    fn value(&self, measured: &Measured, age: Age) -> Option<f64> {
        let stature = measured.stature_cm.map(|cm| as_measured_at(age, cm, measured.position));
        match self.of {
            Indicator::WeightForAge => measured.weight_kg,
            Indicator::WeightForStature => measured.weight_kg.filter(|_| stature.is_some()),
            Indicator::StatureForAge => stature,
            Indicator::HeadCircumferenceForAge => measured.head_cm,
            Indicator::BmiForAge => measured.weight_kg.zip(stature).map(|(kg, cm)| kg / (cm / 100.0).powi(2)),
        }
    }

    fn legend(&self, marks: &[Mark]) -> Vec<(Sign, &'static str)> {
        let mut legend = vec![
            (Sign::Clinic, self.language.of("医疗机构测量", "clinic")),
            (Sign::Family, self.language.of("家庭测量", "family")),
        ];
        if marks.iter().any(|mark| mark.sign == Sign::Beside) {
            legend.push((Sign::Beside, self.language.of("按实际月龄", "months lived")));
        }
        legend
    }

    /// The newest measurements in words, each with what WS/T 423-2022 says of it.
    fn words(&self, measured: &[Measurement]) -> String {
        let unit = self.axes().1;
        let told = |one: &Measurement| {
            let (age, corrected) = self.child.ages(one.on)?;
            let value = self.value(&one.measured, age)?;
            let used = corrected.unwrap_or(age);
            let judged = china::assess(self.child.sex, used, &one.measured).of(self.of).map(|band| {
                let (level, class) = (band.level(), band.class(self.of));
                match class {
                    Class::None => self.language.of(level.zh(), level.en()),
                    class => self.language.of(class.zh(), class.en()),
                }
            });
            let judged =
                judged.map(|judged| format!("{}{judged}", self.language.of("，", ", "))).unwrap_or_default();
            Some(match self.language {
                Language::Chinese => format!("{}，{}月龄：{value:.1} {unit}{judged}", one.on, used.months),
                Language::English => format!("{}, {} months: {value:.1} {unit}{judged}", one.on, used.months),
            })
        };
        let lines: Vec<String> = measured.iter().rev().filter_map(told).take(TOLD).collect();
        if lines.is_empty() {
            return self.language.of("还没有测量记录。", "Nothing was measured yet.").to_owned();
        }
        lines.join(self.language.of("；", "; "))
    }
}
