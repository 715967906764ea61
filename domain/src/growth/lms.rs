//! Tables of L, M and S in the compact form of `domain/data/growth/*.lms`.

/// A row: the power of the Box-Cox transformation, the median, and the coefficient of variation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lms {
    l: f64,
    m: f64,
    s: f64,
}

impl Lms {
    /// The z-score of a measurement.
    pub(super) fn z(self, measured: f64) -> f64 {
        let ratio = measured / self.m;
        if self.l == 0.0 { ratio.ln() / self.s } else { (ratio.powf(self.l) - 1.0) / (self.l * self.s) }
    }

    /// The z-score, counted on beyond 3 in steps of the distance between 2 and 3 (WHO 2006, for measures with weight, whose
    /// tails are too few to be fitted).
    pub(super) fn restricted_z(self, measured: f64) -> f64 {
        let z = self.z(measured);
        if z > 3.0 {
            let third = self.at(3.0);
            3.0 + (measured - third) / (third - self.at(2.0))
        } else if z < -3.0 {
            let third = self.at(-3.0);
            -3.0 + (measured - third) / (self.at(-2.0) - third)
        } else {
            z
        }
    }

    /// The measurement that has a z-score.
    pub(super) fn at(self, z: f64) -> f64 {
        if self.l == 0.0 {
            self.m * (self.s * z).exp()
        } else {
            self.m * (1.0 + self.l * self.s * z).powf(1.0 / self.l)
        }
    }

    fn towards(self, next: Self, part: f64) -> Self {
        let between = |from: f64, to: f64| from + (to - from) * part;
        Self { l: between(self.l, next.l), m: between(self.m, next.m), s: between(self.s, next.s) }
    }
}

/// A table by day, by month or by mm, without gaps.
#[derive(Debug)]
pub(super) struct Table {
    /// The indicator as the data file names it.
    pub(super) name: &'static str,
    /// `M` or `F`.
    pub(super) sex: &'static str,
    first: f64,
    rows: Box<[Lms]>,
}

impl Table {
    /// The row at a place of its axis, between two rows in proportion; nothing outside the table.
    pub(super) fn at(&self, place: f64) -> Option<Lms> {
        let from_first = place - self.first;
        if !(0.0..=self.rows.len() as f64).contains(&from_first) {
            return None;
        }
        let (row, part) = (from_first.trunc() as usize, from_first.fract());
        let low = *self.rows.get(row)?;
        if part < 1e-9 { Some(low) } else { self.rows.get(row + 1).map(|next| low.towards(*next, part)) }
    }
}

/// What is wrong with a data file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub(super) struct Malformed {
    line: usize,
    what: &'static str,
}

/// Reads a file of tables.
pub(super) fn tables(text: &'static str) -> Result<Vec<Table>, Malformed> {
    let mut unread: Vec<Unread> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let wrong = |what| Malformed { line, what };
        let mut words = text.split_ascii_whitespace().peekable();
        match words.peek().copied() {
            None | Some("#") => continue,
            Some("table") => unread.push(Unread::of(words).ok_or(wrong("no head of a table"))?),
            Some(_) => {
                let table = unread.last_mut().ok_or(wrong("a number outside a table"))?;
                for word in words {
                    table.take(word).ok_or(wrong("not a number of a column"))?;
                }
            }
        }
    }
    let last = text.lines().count();
    unread
        .into_iter()
        .map(|table| table.table().ok_or(Malformed { line: last, what: "columns of unlike length" }))
        .collect()
}

/// A table of which not everything was read.
struct Unread {
    name: &'static str,
    sex: &'static str,
    first: f64,
    rows: usize,
    /// L, M and S in their units.
    columns: [Vec<i32>; 3],
    now: usize,
}

impl Unread {
    fn of(words: impl Iterator<Item = &'static str>) -> Option<Self> {
        let head: Vec<_> = words.collect();
        let [_, name, sex, _axis, first, rows] = head[..] else { return None };
        let (first, rows) = (first.parse().ok()?, rows.parse().ok()?);
        Some(Self { name, sex, first, rows, columns: Default::default(), now: 0 })
    }

    /// The name of a column, its first value, or a difference that stands once or several times.
    fn take(&mut self, word: &str) -> Option<()> {
        if let Some(column) = ["l", "m", "s"].iter().position(|name| *name == word) {
            self.now = column;
            return Some(());
        }
        let (times, number) = word
            .split_once('*')
            .map_or(Some((1, word)), |(times, number)| Some((times.parse().ok()?, number)))?;
        let number: i32 = number.parse().ok()?;
        let column = &mut self.columns[self.now];
        for _ in 0..times {
            column.push(column.last().copied().unwrap_or(0) + number);
        }
        (column.len() <= self.rows).then_some(())
    }

    fn table(self) -> Option<Table> {
        let Self { name, sex, first, rows, columns: [l, m, s], .. } = self;
        if [&l, &m, &s].iter().any(|column| column.len() != rows) {
            return None;
        }
        let row = |((l, m), s): ((&i32, &i32), &i32)| Lms {
            l: f64::from(*l) / 1e4,
            m: f64::from(*m) / 1e4,
            s: f64::from(*s) / 1e5,
        };
        Some(Table { name, sex, first, rows: l.iter().zip(&m).zip(&s).map(row).collect() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn differences_are_added_up_and_rows_between_are_in_proportion() {
        let [table] =
            &tables("# a table\ntable wfa M day 5 4\nl 10000 3*0\nm 20000 100 2*-50\ns 1000 3*10\n").unwrap()
                [..]
        else {
            panic!()
        };
        assert_eq!(table.at(6.0), Some(Lms { l: 1.0, m: 2.01, s: 0.0101 }));
        assert!((table.at(6.5).unwrap().m - 2.0075).abs() < 1e-12);
        assert_eq!(table.at(8.0).unwrap().m, 2.0);
        for outside in [4.9, 8.1, 9.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(table.at(outside), None, "{outside}");
        }
    }

    #[test]
    fn a_file_that_does_not_fit_together_says_where() {
        for (text, line) in [
            ("1 2", 1),
            ("table wfa M day 5", 1),
            ("table wfa M day 5 2\nl 1 2 3", 2),
            ("table wfa M day 5 2\nl 1 x", 2),
            ("table wfa M day 5 2\nl 1 2\nm 1 2\ns 1", 4),
        ] {
            assert_eq!(tables(text).unwrap_err().line, line, "{text}");
        }
    }
}
