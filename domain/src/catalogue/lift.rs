//! What rules and projections compute with, lifted out of a payload into typed structs, here only.
//!
//! Units are whole: grams, millimetres, days. A payload of an edition that is not understood lifts to nothing and never
//! hides a timeline.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value as Json};

use super::kind::Kind;
use super::number::{Number, Written};
use crate::growth::Position;
use crate::word::words;

/// What was lifted out of one record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lifted {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Blood pressure of the woman.
    pub blood_pressure: Option<BloodPressure>,
    /// Weight of the woman in grams.
    pub weight_g: Option<i64>,
    /// Body temperature in tenths of a degree Celsius.
    pub temperature_tenths: Option<i64>,
    /// A count of fetal movements.
    pub fetal_movement: Option<FetalMovement>,
    /// Dates of the pregnancy as the family knows them.
    pub dates: Option<PregnancyDates>,
    /// Whether folic acid was taken on the day.
    pub folic_acid_taken: Option<bool>,
    /// Mood of a diary entry.
    pub mood: Option<Mood>,
    /// Total score of the depression scale.
    pub epds_total: Option<i64>,
    /// A feed.
    pub feeding: Option<Feeding>,
    /// A sleep.
    pub sleep: Option<Sleep>,
    /// A nappy.
    pub diaper: Option<Diaper>,
    /// A tooth that came through, by its position (`p51` to `p85`).
    pub tooth: Option<String>,
    /// An answer to a milestone.
    pub milestone: Option<MilestoneAnswer>,
    /// Weight, length and head of a child.
    pub growth: Option<GrowthMeasurement>,
    /// Vitamin D given, in IU.
    pub vitamin_d_iu: Option<Number>,
    /// A vaccine dose.
    pub dose: Option<Dose>,
}

/// Blood pressure in mmHg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BloodPressure {
    /// Systolic.
    pub systolic: i64,
    /// Diastolic.
    pub diastolic: i64,
}

/// A count of fetal movements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetalMovement {
    /// Day of the count.
    pub on: NaiveDate,
    /// Total of 12 hours, from three counts of an hour; none for other methods.
    pub total_12h: Option<i64>,
}

/// Dates of a pregnancy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PregnancyDates {
    /// Last menstrual period.
    pub lmp: Option<NaiveDate>,
    /// Expected date of delivery.
    pub edd: Option<NaiveDate>,
}

words! {
    /// Mood of a diary entry.
    pub enum Mood {
        VeryGood = "very_good", "很好", "very good";
        Good = "good", "好", "good";
        Fair = "fair", "一般", "so-so";
        Low = "low", "低落", "low";
        VeryBad = "very_bad", "很糟", "very bad";
    }
}

words! {
    /// What a child was given.
    pub enum FeedingMode {
        Breast = "breast", "母乳", "breast";
        Expressed = "expressed", "瓶喂母乳", "expressed milk";
        Formula = "formula", "奶粉", "formula";
        Solid = "solid", "辅食", "solid food";
        Water = "water", "水", "water";
    }
}

/// A feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feeding {
    /// What was given.
    pub mode: FeedingMode,
    /// The child refused it.
    pub refused: bool,
}

/// A sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sleep {
    /// Fell asleep.
    pub start: DateTime<Utc>,
    /// Woke up.
    pub end: DateTime<Utc>,
}

/// A nappy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diaper {
    /// Wet.
    pub urine: bool,
    /// Watery stool.
    pub watery_stool: bool,
    /// How many there were on the day so far, if the family counts so.
    pub count_today: Option<i64>,
}

/// An answer to a milestone or warning sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MilestoneAnswer {
    /// Key of the item in `tables/milestones.toml`.
    pub item: String,
    /// Yes or no; none for not sure.
    pub yes: Option<bool>,
}

/// What was measured of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrowthMeasurement {
    /// Weight in grams.
    pub weight_g: Option<i64>,
    /// Length or height in millimetres.
    pub length_mm: Option<i64>,
    /// How it was measured, if that was written.
    pub position: Option<Position>,
    /// Head circumference in millimetres.
    pub head_mm: Option<i64>,
}

/// A vaccine dose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dose {
    /// Key of the product in `tables/vaccine_products.toml`.
    pub product: String,
    /// Day on which it was given.
    pub given_on: NaiveDate,
    /// Number of the dose as written.
    pub dose_no: Option<i64>,
    /// Copied from a certificate or registry and not given here.
    pub transcribed: bool,
    /// Given in an outbreak: a dose of measles vaccine before 8 months then does not count.
    pub outbreak: bool,
}

/// Lifts a payload (both parts together) that happened at `at`.
pub fn lift(payload: &Map<String, Json>, kind: &Kind, at: DateTime<Utc>) -> Lifted {
    let of = Reader(payload);
    let base = Lifted { at, blood_pressure: blood_pressure(of), ..Lifted::default() };
    match kind.key.as_str() {
        "weight" => Lifted { weight_g: of.thousandths("weight"), ..base },
        "antenatal_first" | "antenatal_followup" => Lifted { weight_g: of.thousandths("weight_kg"), ..base },
        "temperature" => Lifted { temperature_tenths: of.tenths("value"), ..base },
        "postpartum_visit" => Lifted { temperature_tenths: of.tenths("temperature"), ..base },
        "fetal_movement_count" => Lifted { fetal_movement: fetal_movement(of), ..base },
        "pregnancy_self_record" | "pregnancy_profile" => Lifted { dates: Some(dates(of)), ..base },
        "folic_acid" => Lifted { folic_acid_taken: of.text("taken").map(|taken| taken == "yes"), ..base },
        "diary" => Lifted { mood: of.word("mood"), ..base },
        "mood_epds" => Lifted { epds_total: of.whole("total"), ..base },
        "feeding" => Lifted { feeding: feeding(of), ..base },
        "sleep" => Lifted { sleep: sleep(of), ..base },
        "diaper" => Lifted { diaper: diaper(of), ..base },
        "tooth" => Lifted { tooth: of.text("position").map(str::to_owned), ..base },
        "milestone" => Lifted { milestone: milestone(of), ..base },
        "growth" => Lifted { growth: Some(growth(of, "length_height")), ..base },
        "kindergarten_exam" => Lifted { growth: Some(growth(of, "height")), ..base },
        "newborn_home_visit" | "m1_m8" | "m12_m30" | "y3_y6" => {
            Lifted { growth: Some(growth(of, "length")), ..base }
        }
        "medication" => Lifted { vitamin_d_iu: vitamin_d(of), ..base },
        "immunization_dose" => Lifted { dose: dose(of), ..base },
        _ => base,
    }
}

#[derive(Clone, Copy)]
struct Reader<'a>(&'a Map<String, Json>);

impl<'a> Reader<'a> {
    fn text(self, key: &str) -> Option<&'a str> {
        self.0.get(key)?.as_str()
    }

    fn word<T: std::str::FromStr>(self, key: &str) -> Option<T> {
        self.text(key)?.parse().ok()
    }

    fn day(self, key: &str) -> Option<NaiveDate> {
        self.word(key)
    }

    fn instant(self, key: &str) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(self.text(key)?).ok().map(|instant| instant.to_utc())
    }

    fn number(self, key: &str) -> Option<Number> {
        match self.0.get(key)? {
            Json::Number(number) => Some(Written::from(number).number),
            _ => None,
        }
    }

    fn whole(self, key: &str) -> Option<i64> {
        self.number(key)?.whole()
    }

    fn tenths(self, key: &str) -> Option<i64> {
        self.number(key)?.times(Number::from(10))?.round(0)?.whole()
    }

    fn thousandths(self, key: &str) -> Option<i64> {
        self.number(key)?.times(Number::from(1000))?.round(0)?.whole()
    }
}

fn blood_pressure(of: Reader<'_>) -> Option<BloodPressure> {
    Some(BloodPressure { systolic: of.whole("systolic")?, diastolic: of.whole("diastolic")? })
}

fn fetal_movement(of: Reader<'_>) -> Option<FetalMovement> {
    Some(FetalMovement { on: of.day("date")?, total_12h: of.whole("total_12h") })
}

fn dates(of: Reader<'_>) -> PregnancyDates {
    PregnancyDates { lmp: of.day("last_menses"), edd: of.day("predict_date") }
}

fn feeding(of: Reader<'_>) -> Option<Feeding> {
    let refused = matches!(of.0.get("refused"), Some(Json::Bool(true)));
    Some(Feeding { mode: of.word("mode")?, refused })
}

fn sleep(of: Reader<'_>) -> Option<Sleep> {
    Some(Sleep { start: of.instant("start")?, end: of.instant("end")? })
}

fn diaper(of: Reader<'_>) -> Option<Diaper> {
    let kind = of.text("kind")?;
    Some(Diaper {
        urine: kind != "stool",
        watery_stool: of.text("stool_form") == Some("watery"),
        count_today: of.whole("count_today"),
    })
}

fn milestone(of: Reader<'_>) -> Option<MilestoneAnswer> {
    let yes = match of.text("answer")? {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    Some(MilestoneAnswer { item: of.text("item_id")?.to_owned(), yes })
}

fn growth(of: Reader<'_>, length: &str) -> GrowthMeasurement {
    let millimetres = |key| of.tenths(key);
    GrowthMeasurement {
        weight_g: of.thousandths("weight"),
        length_mm: millimetres(length),
        position: of.word("position"),
        head_mm: millimetres("head"),
    }
}

/// Medicines are written by name; what holds vitamin D is told by it. A microgram is 40 IU.
fn vitamin_d(of: Reader<'_>) -> Option<Number> {
    const NAMES: [&str; 6] = ["维生素d", "维d", "维他命d", "vitamind", "vd", "维生素ad"];
    let name: String = of.text("name")?.to_lowercase().split_whitespace().collect();
    let dose = of.number("dose")?;
    if !NAMES.iter().any(|known| name.contains(known)) {
        return None;
    }
    match of.text("dose_unit")? {
        "IU" => Some(dose),
        "ug" => dose.times(Number::from(40)),
        _ => None,
    }
}

fn dose(of: Reader<'_>) -> Option<Dose> {
    Some(Dose {
        product: of.text("product")?.to_owned(),
        given_on: of.day("given_on")?,
        dose_no: of.whole("dose_no"),
        transcribed: of.text("origin") != Some("given_here"),
        outbreak: matches!(of.0.get("outbreak"), Some(Json::Bool(true))),
    })
}
