//! The median child: enough for made-up measurements. Judging real ones is another matter and another table.

use domain::person::Sex;

/// Completed months, then weight in grams, length or height and head circumference in millimetres of boys and of girls
/// (WS/T 423-2022, 0 SD; no head circumference from the third birthday on).
const MEDIANS: [(i64, [i64; 3], [i64; 3]); 17] = [
    (0, [3500, 512, 343], [3300, 503, 339]),
    (1, [4600, 551, 370], [4300, 541, 363]),
    (2, [5800, 590, 391], [5400, 577, 382]),
    (3, [6800, 622, 405], [6200, 608, 395]),
    (4, [7500, 648, 416], [6900, 633, 406]),
    (6, [8400, 687, 434], [7800, 671, 422]),
    (8, [9100, 717, 446], [8400, 701, 435]),
    (10, [9600, 743, 455], [9000, 728, 444]),
    (12, [10100, 767, 461], [9400, 752, 451]),
    (18, [11300, 831, 474], [10700, 819, 464]),
    (24, [12600, 882, 483], [11900, 870, 473]),
    (30, [13700, 932, 489], [13000, 919, 479]),
    (36, [14600, 975, 493], [14100, 962, 485]),
    (48, [16700, 1049, 500], [16200, 1037, 494]),
    (60, [19100, 1120, 507], [18400, 1108, 501]),
    (72, [21600, 1188, 512], [20700, 1175, 506]),
    (81, [23400, 1235, 515], [22400, 1221, 509]),
];

/// What a child measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measures {
    /// Weight in grams.
    pub(super) weight_g: i64,
    /// Length (height from two years on) in millimetres.
    pub(super) length_mm: i64,
    /// Head circumference in millimetres.
    pub(super) head_mm: i64,
}

/// The median at an age in days, between two rows in a straight line, times a child's own part of it in per mille.
pub(super) fn measures(sex: Sex, age_days: i64, per_mille: i64) -> Measures {
    let thousandths = age_days * 1_000_000 / 30_437;
    let of_sex = |row: &(i64, [i64; 3], [i64; 3])| if sex == Sex::Male { row.1 } else { row.2 };
    let after = MEDIANS.iter().find(|row| row.0 * 1000 >= thousandths).or(MEDIANS.last());
    let before = MEDIANS.iter().rev().find(|row| row.0 * 1000 <= thousandths).or(MEDIANS.first());
    let (Some(before), Some(after)) = (before, after) else {
        return Measures { weight_g: 0, length_mm: 0, head_mm: 0 };
    };
    let width = (after.0 - before.0).max(1) * 1000;
    let into = (thousandths - before.0 * 1000).clamp(0, width);
    let [weight, length, head] = of_sex(before);
    let [later_weight, later_length, later_head] = of_sex(after);
    let line = |early: i64, late: i64| early + (late - early) * into / width;
    Measures {
        weight_g: line(weight, later_weight) * per_mille / 1000,
        // Lengths differ less than weights do.
        length_mm: line(length, later_length) * (2000 + per_mille) / 3000,
        head_mm: line(head, later_head) * (2000 + per_mille) / 3000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_child_grows_along_the_table() {
        let boy = measures(Sex::Male, 0, 1000);
        assert_eq!((boy.weight_g, boy.length_mm, boy.head_mm), (3500, 512, 343));
        let girl = measures(Sex::Female, 366, 1000);
        assert!((9400..9500).contains(&girl.weight_g) && (752..756).contains(&girl.length_mm), "{girl:?}");
        let mut last = 0;
        for day in (0..2500).step_by(10) {
            let weight = measures(Sex::Female, day, 1050).weight_g;
            assert!(weight >= last, "day {day}");
            last = weight;
        }
    }
}
