//! Classes and levels of WS/T 423-2022 (growth standard for children under 7).
//!
//! Decided where the standard is silent: values between its rows are in proportion, ages count in completed months, the last
//! row holds until the day before the seventh birthday, and a stature measured the other way is turned by 0.7 cm as WHO does.

use std::sync::LazyLock;

use super::age::Age;
use super::{Indicator, Measured, Position, turned};
use crate::person::Sex;
use crate::word::words;

/// The edition of these rules.
pub const EDITION: &str = "wst423-2022";

/// Months from which the standard is silent.
pub const UNTIL_MONTHS: u32 = 84;

/// Months from which a height is measured standing.
const STANDING_FROM_MONTHS: u32 = 24;

words! {
    /// Level of growth (WS/T 423-2022, table 2).
    pub enum Level {
        Low = "low", "下", "low";
        MidLow = "mid_low", "中下", "middle low";
        Mid = "mid", "中", "middle";
        MidHigh = "mid_high", "中上", "middle high";
        High = "high", "上", "high";
    }
}

words! {
    /// What a measurement says of nutrition (WS/T 423-2022, table 3).
    pub enum Class {
        None = "none", "无", "none";
        Underweight = "underweight", "低体重", "underweight";
        SevereUnderweight = "severe_underweight", "重度低体重", "severe underweight";
        Stunting = "stunting", "生长迟缓", "stunting";
        SevereStunting = "severe_stunting", "重度生长迟缓", "severe stunting";
        Wasting = "wasting", "消瘦", "wasting";
        SevereWasting = "severe_wasting", "重度消瘦", "severe wasting";
        Overweight = "overweight", "超重", "overweight";
        Obesity = "obesity", "肥胖", "obesity";
        SevereObesity = "severe_obesity", "重度肥胖", "severe obesity";
    }
}

/// Between which standard deviations a measurement lies. Bands are closed below (tables 2 and 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// Below -3 SD.
    BelowMinus3,
    /// From -3 to below -2 SD.
    Minus3,
    /// From -2 to below -1 SD.
    Minus2,
    /// From -1 to below +1 SD.
    Middle,
    /// From +1 to below +2 SD.
    Plus1,
    /// From +2 to below +3 SD.
    Plus2,
    /// From +3 SD on.
    Plus3,
}

impl Band {
    /// As the tools give it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BelowMinus3 => "<-3",
            Self::Minus3 => "-3..-2",
            Self::Minus2 => "-2..-1",
            Self::Middle => "-1..1",
            Self::Plus1 => "1..2",
            Self::Plus2 => "2..3",
            Self::Plus3 => ">=3",
        }
    }

    /// The level (table 2).
    pub const fn level(self) -> Level {
        match self {
            Self::BelowMinus3 | Self::Minus3 => Level::Low,
            Self::Minus2 => Level::MidLow,
            Self::Middle => Level::Mid,
            Self::Plus1 => Level::MidHigh,
            Self::Plus2 | Self::Plus3 => Level::High,
        }
    }

    /// The class of an indicator (table 3). Head circumference has none, stature no upper one, and weight for age neither.
    pub const fn class(self, of: Indicator) -> Class {
        use Indicator::{BmiForAge, StatureForAge, WeightForAge, WeightForStature};
        match (of, self) {
            (WeightForAge, Self::BelowMinus3) => Class::SevereUnderweight,
            (WeightForAge, Self::Minus3) => Class::Underweight,
            (StatureForAge, Self::BelowMinus3) => Class::SevereStunting,
            (StatureForAge, Self::Minus3) => Class::Stunting,
            (WeightForStature | BmiForAge, Self::BelowMinus3) => Class::SevereWasting,
            (WeightForStature | BmiForAge, Self::Minus3) => Class::Wasting,
            (WeightForStature | BmiForAge, Self::Plus1) => Class::Overweight,
            (WeightForStature | BmiForAge, Self::Plus2) => Class::Obesity,
            (WeightForStature | BmiForAge, Self::Plus3) => Class::SevereObesity,
            _ => Class::None,
        }
    }

    fn of(measured: f64, row: &Row) -> Self {
        // Values between rows are sums of halves and thirds: what is equal on paper is equal here.
        let reached = row.iter().filter(|limit| measured >= **limit - 1e-9).count();
        match reached {
            0 => Self::BelowMinus3,
            1 => Self::Minus3,
            2 => Self::Minus2,
            3 | 4 => Self::Middle,
            5 => Self::Plus1,
            6 => Self::Plus2,
            _ => Self::Plus3,
        }
    }
}

/// What the standard says of a child; nothing where something was not measured or lies outside a table.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Assessment {
    /// Weight for age.
    pub weight_for_age: Option<Band>,
    /// Length or height for age.
    pub stature_for_age: Option<Band>,
    /// Weight for length or height.
    pub weight_for_stature: Option<Band>,
    /// Body mass index in kg/m², with the stature as it is measured at the age.
    pub bmi: Option<f64>,
    /// Body mass index for age.
    pub bmi_for_age: Option<Band>,
    /// Head circumference for age.
    pub head_circumference_for_age: Option<Band>,
}

impl Assessment {
    /// The band of an indicator.
    pub fn of(&self, indicator: Indicator) -> Option<Band> {
        match indicator {
            Indicator::WeightForAge => self.weight_for_age,
            Indicator::StatureForAge => self.stature_for_age,
            Indicator::WeightForStature => self.weight_for_stature,
            Indicator::BmiForAge => self.bmi_for_age,
            Indicator::HeadCircumferenceForAge => self.head_circumference_for_age,
        }
    }
}

/// Assesses what was measured at an age.
pub fn assess(sex: Sex, age: Age, measured: &Measured) -> Assessment {
    let Some(tables) = of_sex(sex).filter(|_| age.months < UNTIL_MONTHS) else {
        return Assessment::default();
    };
    let stands = age.months >= STANDING_FROM_MONTHS;
    let wanted = if stands { Position::Standing } else { Position::Lying };
    let stature = measured.stature_cm.map(|cm| turned(cm, measured.position.unwrap_or(wanted), wanted));
    let bmi = measured.bmi_with(stature);
    let months = f64::from(age.months);
    let band =
        |row: Option<Row>, value: Option<f64>| row.zip(value).map(|(row, value)| Band::of(value, &row));
    let by_stature = if stands { &tables.wfh } else { &tables.wfl };
    Assessment {
        weight_for_age: band(tables.wfa.held_at(months), measured.weight_kg),
        stature_for_age: band(tables.lhfa.held_at(months), stature),
        weight_for_stature: band(stature.and_then(|cm| by_stature.at(cm)), measured.weight_kg),
        bmi,
        bmi_for_age: band(tables.bfa.held_at(months), bmi),
        head_circumference_for_age: band(tables.hcfa.at(months), measured.head_cm),
    }
}

/// Values at -3 to +3 SD of an indicator that goes by age, at months with their fraction.
pub(super) fn at_age(sex: Sex, of: Indicator, months: f64) -> Option<Row> {
    let tables = of_sex(sex).filter(|_| (0.0..f64::from(UNTIL_MONTHS)).contains(&months))?;
    match of {
        Indicator::WeightForAge => tables.wfa.held_at(months),
        Indicator::StatureForAge => tables.lhfa.held_at(months),
        Indicator::BmiForAge => tables.bfa.held_at(months),
        Indicator::HeadCircumferenceForAge => tables.hcfa.at(months),
        Indicator::WeightForStature => None,
    }
}

/// The same of weight for length, or for height of a child who is measured standing.
pub(super) fn at_stature(sex: Sex, of: Indicator, cm: f64, stands: bool) -> Option<Row> {
    let tables = of_sex(sex).filter(|_| of == Indicator::WeightForStature)?;
    if stands { tables.wfh.at(cm) } else { tables.wfl.at(cm) }
}

/// Values at -3 to +3 SD.
type Row = [f64; 7];

#[derive(Debug)]
struct Table {
    name: &'static str,
    sex: &'static str,
    /// Place and values, in order of the place.
    rows: Vec<(f64, Row)>,
}

impl Table {
    /// The row at a place, between two rows in proportion; nothing outside the table.
    fn at(&self, place: f64) -> Option<Row> {
        let next = self.rows.partition_point(|(at, _)| *at < place);
        let (at, row) = self.rows.get(next)?;
        if *at == place {
            return Some(*row);
        }
        let (before, low) = self.rows.get(next.checked_sub(1)?)?;
        let part = (place - before) / (at - before);
        Some(std::array::from_fn(|sd| low[sd] + (row[sd] - low[sd]) * part))
    }

    /// The same by age, whose last row holds until the standard ends.
    fn held_at(&self, months: f64) -> Option<Row> {
        self.rows.last().and_then(|(last, _)| self.at(months.min(*last)))
    }
}

#[derive(Debug)]
struct Tables {
    wfa: Table,
    lhfa: Table,
    bfa: Table,
    hcfa: Table,
    wfl: Table,
    wfh: Table,
}

#[expect(
    clippy::expect_used,
    reason = "the file is part of the program, and every test of this module reads it"
)]
static TABLES: LazyLock<[Tables; 2]> = LazyLock::new(|| {
    let mut tables =
        read(include_str!("../../data/growth/wst423.sd")).expect("the growth tables are well formed");
    ["M", "F"].map(|sex| {
        let mut take = |name: &str| {
            let at = tables.iter().position(|table| (table.name, table.sex) == (name, sex));
            tables.swap_remove(at.expect("the growth tables are complete"))
        };
        Tables {
            wfa: take("wfa"),
            lhfa: take("lhfa"),
            bfa: take("bfa"),
            hcfa: take("hcfa"),
            wfl: take("wfl"),
            wfh: take("wfh"),
        }
    })
});

fn of_sex(sex: Sex) -> Option<&'static Tables> {
    match sex {
        Sex::Male => Some(&TABLES[0]),
        Sex::Female => Some(&TABLES[1]),
        Sex::Unknown => None,
    }
}

/// Reads `domain/data/growth/wst423.sd`; nothing where it is malformed.
fn read(text: &'static str) -> Option<Vec<Table>> {
    let mut tables: Vec<Table> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        if let ["table", name, sex, _axis] = words[..] {
            tables.push(Table { name, sex, rows: Vec::new() });
            continue;
        }
        let numbers = words.iter().map(|word| word.parse::<f64>()).collect::<Result<Vec<_>, _>>().ok()?;
        let (place, tenths) = numbers.split_first()?;
        let row = <[f64; 7]>::try_from(tenths).ok()?.map(|tenths| tenths / 10.0);
        tables.last_mut()?.rows.push((*place, row));
    }
    Some(tables)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn boy(months: u32, measured: Measured) -> Assessment {
        assess(Sex::Male, Age { days: months * 31, months }, &measured)
    }

    fn weight(kg: f64) -> Measured {
        Measured { weight_kg: Some(kg), ..Measured::default() }
    }

    #[test]
    fn bands_are_closed_below() {
        // Boys at birth: 2.4 2.7 3.1 3.5 3.9 4.3 4.7 kg.
        for (kg, band) in [
            (2.3, Band::BelowMinus3),
            (2.4, Band::Minus3),
            (2.69, Band::Minus3),
            (2.7, Band::Minus2),
            (3.1, Band::Middle),
            (3.89, Band::Middle),
            (3.9, Band::Plus1),
            (4.3, Band::Plus2),
            (4.7, Band::Plus3),
        ] {
            assert_eq!(boy(0, weight(kg)).weight_for_age, Some(band), "{kg} kg");
        }
    }

    #[test]
    fn bands_are_told_as_the_tools_contract_has_them() {
        let all = [
            Band::BelowMinus3,
            Band::Minus3,
            Band::Minus2,
            Band::Middle,
            Band::Plus1,
            Band::Plus2,
            Band::Plus3,
        ];
        assert_eq!(all.map(Band::code), ["<-3", "-3..-2", "-2..-1", "-1..1", "1..2", "2..3", ">=3"]);
        let levels =
            [Level::Low, Level::Low, Level::MidLow, Level::Mid, Level::MidHigh, Level::High, Level::High];
        assert_eq!(all.map(Band::level), levels);
    }

    #[test]
    fn each_indicator_has_the_classes_of_table_3() {
        use Indicator as I;
        let class = |of: I| {
            [Band::BelowMinus3, Band::Minus3, Band::Minus2, Band::Plus1, Band::Plus2, Band::Plus3]
                .map(|band| band.class(of))
        };
        let none = Class::None;
        assert_eq!(
            class(I::WeightForAge),
            [Class::SevereUnderweight, Class::Underweight, none, none, none, none]
        );
        assert_eq!(class(I::StatureForAge), [Class::SevereStunting, Class::Stunting, none, none, none, none]);
        for of in [I::WeightForStature, I::BmiForAge] {
            let fat = [Class::Overweight, Class::Obesity, Class::SevereObesity];
            assert_eq!(class(of), [Class::SevereWasting, Class::Wasting, none, fat[0], fat[1], fat[2]]);
        }
        assert_eq!(class(I::HeadCircumferenceForAge), [none; 6]);
    }

    #[test]
    fn between_rows_values_are_in_proportion_and_the_last_row_holds() {
        let tables = of_sex(Sex::Male).unwrap();
        let (at_24, at_27) = (tables.wfa.at(24.0).unwrap(), tables.wfa.at(27.0).unwrap());
        let at_25 = tables.wfa.at(25.0).unwrap();
        assert!((at_25[3] - (at_24[3] * 2.0 + at_27[3]) / 3.0).abs() < 1e-9);
        assert_eq!(tables.wfa.held_at(83.0), tables.wfa.at(81.0));
        assert_eq!(tables.hcfa.at(37.0), None, "head circumference ends at 36 months");
        assert!(
            boy(83, weight(20.0)).weight_for_age.is_some() && boy(84, weight(20.0)).weight_for_age.is_none()
        );
    }

    #[test]
    fn weight_goes_by_length_before_two_years_and_by_height_from_then_on() {
        let has = |months, cm| {
            let both = Measured { stature_cm: Some(cm), ..weight(10.0) };
            boy(months, both).weight_for_stature.is_some()
        };
        assert!(!has(23, 44.9) && has(23, 45.0) && has(23, 100.0) && !has(23, 100.1));
        assert!(!has(24, 74.9) && has(24, 75.0) && has(24, 130.0) && !has(24, 130.1));
    }

    proptest! {
        #[test]
        fn more_is_never_a_lower_band(months in 0..84u32, kg in 1.0..40.0f64, more in 0.0..5.0f64) {
            prop_assert!(boy(months, weight(kg + more)).weight_for_age >= boy(months, weight(kg)).weight_for_age);
        }
    }
}
