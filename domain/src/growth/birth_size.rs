//! Size at birth by completed week of gestation (WS/T 800-2022): small, appropriate or large for gestational age.
//!
//! The standard is of singletons born from 24 to 42 weeks. Small is below P10, large above P90; weeks are completed weeks
//! (the standard's own clause was not seen; both are the usual reading).

use std::sync::LazyLock;

use crate::person::Sex;
use crate::word::words;

/// The edition of these rules.
pub const EDITION: &str = "wst800-2022";

words! {
    /// What is measured at birth.
    pub enum Measure {
        Weight = "weight", "出生体重", "birth weight";
        Length = "length", "出生身长", "birth length";
        Head = "head", "出生头围", "head circumference at birth";
    }
}

words! {
    /// Size for gestational age.
    pub enum Size {
        Small = "sga", "小于胎龄", "small for gestational age";
        Appropriate = "aga", "适于胎龄", "appropriate for gestational age";
        Large = "lga", "大于胎龄", "large for gestational age";
    }
}

impl Size {
    /// The percentiles that it spans, as the tools give them.
    pub const fn percentile_band(self) -> &'static str {
        match self {
            Self::Small => "<10",
            Self::Appropriate => "10..90",
            Self::Large => ">90",
        }
    }
}

/// Places of P10 and P90 in a row.
const P10: usize = 1;
const P90: usize = 5;

/// The size of a newborn of completed weeks by a measure: grams for weight, cm for length and head. Nothing outside 24 to 42
/// weeks or where the sex is not known.
pub fn size(of: Measure, sex: Sex, weeks: u32, measured: f64) -> Option<Size> {
    let sex = match sex {
        Sex::Male => "M",
        Sex::Female => "F",
        Sex::Unknown => return None,
    };
    let table = TABLES.iter().find(|table| (table.of, table.sex) == (of, sex))?;
    let row = table.rows.get(usize::try_from(weeks.checked_sub(table.first)?).ok()?)?;
    Some(match measured {
        _ if measured < row[P10] => Size::Small,
        _ if measured > row[P90] => Size::Large,
        _ => Size::Appropriate,
    })
}

struct Table {
    of: Measure,
    sex: &'static str,
    first: u32,
    rows: Vec<[f64; 7]>,
}

#[expect(
    clippy::expect_used,
    reason = "the file is part of the program, and every test of this module reads it"
)]
static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    read(include_str!("../../data/growth/wst800.p")).expect("the birth size tables are well formed")
});

fn read(text: &'static str) -> Option<Vec<Table>> {
    let mut tables: Vec<Table> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        if let ["table", of, sex] = words[..] {
            tables.push(Table { of: of.parse().ok()?, sex, first: 0, rows: Vec::new() });
            continue;
        }
        let table = tables.last_mut()?;
        let (week, values) = words.split_first()?;
        let week: u32 = week.parse().ok()?;
        if table.rows.is_empty() {
            table.first = week;
        }
        let is_next = week == table.first + u32::try_from(table.rows.len()).ok()?;
        let values = values.iter().map(|word| word.parse::<f64>()).collect::<Result<Vec<_>, _>>().ok()?;
        let unit = if table.of == Measure::Weight { 1.0 } else { 10.0 };
        table.rows.push(<[f64; 7]>::try_from(values).ok().filter(|_| is_next)?.map(|value| value / unit));
    }
    Some(tables)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn small_is_below_p10_and_large_above_p90() {
        // Boys of 24 weeks: P10 570 g, P90 874 g.
        for (grams, expected) in [
            (455.0, Size::Small),
            (569.0, Size::Small),
            (570.0, Size::Appropriate),
            (874.0, Size::Appropriate),
            (875.0, Size::Large),
        ] {
            assert_eq!(size(Measure::Weight, Sex::Male, 24, grams), Some(expected), "{grams} g");
        }
        // Girls of 40 weeks: length 48.1 to 52.3 cm, head 32.2 to 35.4 cm.
        for (of, small, large) in [(Measure::Length, 48.1, 52.3), (Measure::Head, 32.2, 35.4)] {
            let size = |cm| size(of, Sex::Female, 40, cm).map(Size::percentile_band);
            let found = [small - 0.1, small, large, large + 0.1].map(size);
            assert_eq!(found, [Some("<10"), Some("10..90"), Some("10..90"), Some(">90")], "{of}");
        }
    }

    #[test]
    fn weeks_from_24_to_42_have_a_row_in_every_table() {
        for of in Measure::ALL {
            for sex in [Sex::Male, Sex::Female] {
                assert!((24..=42).all(|weeks| size(*of, sex, weeks, 30.0).is_some()));
                assert!(size(*of, sex, 23, 30.0).is_none() && size(*of, sex, 43, 30.0).is_none());
            }
        }
        assert!(size(Measure::Weight, Sex::Unknown, 40, 3300.0).is_none());
    }

    #[test]
    fn rows_grow_by_week_and_by_percentile() {
        for table in TABLES.iter() {
            assert!(table.rows.iter().all(|row| row.is_sorted()));
            assert!(
                table
                    .rows
                    .windows(2)
                    .all(|two| two[0].iter().zip(two[1]).all(|(before, after)| *before <= after))
            );
        }
    }
}
