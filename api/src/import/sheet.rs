//! A CSV file as rows of named cells.

use std::str::FromStr;

use domain::place::{Region, RegionCode, RegionLevel};

use crate::error::{ApiError, FieldProblem};
use crate::form::Form;

/// Most rows of one file: every village of the country fits.
const MOST_ROWS: usize = 1_000_000;

/// A column of a kind of file.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// It must be there.
    pub is_required: bool,
}

/// A column that must be there.
pub(super) const fn required(name: &'static str) -> Column {
    Column { name, is_required: true }
}

/// A column that may be left out.
pub(super) const fn optional(name: &'static str) -> Column {
    Column { name, is_required: false }
}

/// One row: its number as a spreadsheet shows it, and its cells.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// Number of the row; the header is row 1.
    pub(super) number: usize,
    columns: &'a [Option<usize>],
    known: &'a [Column],
    cells: csv::StringRecord,
}

impl Row<'_> {
    /// The cell of a column, trimmed; empty when the column was left out.
    pub(super) fn cell(&self, name: &str) -> &str {
        let at = self.known.iter().position(|column| column.name == name);
        let at = at.and_then(|at| self.columns.get(at).copied().flatten());
        at.and_then(|at| self.cells.get(at)).unwrap_or_default().trim()
    }

    /// A cell that holds one word of a list, or nothing.
    pub(super) fn word<T: FromStr>(&self, form: &mut Form, name: &str, allowed: &str) -> Option<T> {
        let text = self.cell(name);
        let word = text.parse().ok();
        if word.is_none() {
            refuse_word(form, name, allowed);
        }
        word
    }

    /// A cell that holds words of a list, separated by semicolons.
    pub(super) fn words<T: FromStr>(&self, form: &mut Form, name: &str, allowed: &str) -> Vec<T> {
        let parts = self.cell(name).split([';', '；', '|']).map(str::trim).filter(|part| !part.is_empty());
        let words: Option<Vec<T>> = parts.map(|part| part.parse().ok()).collect();
        words.unwrap_or_else(|| {
            refuse_word(form, name, allowed);
            Vec::new()
        })
    }

    /// A cell that says yes or no; empty is no.
    pub(super) fn yes(&self, form: &mut Form, name: &str) -> bool {
        match self.cell(name).to_lowercase().as_str() {
            "true" | "yes" | "1" | "是" => true,
            "" | "false" | "no" | "0" | "否" => false,
            _ => {
                refuse_word(form, name, "true, false");
                false
            }
        }
    }

    /// A division code, or nothing when the cell is empty or wrong.
    pub(super) fn code(&self, form: &mut Form, name: &str) -> Option<RegionCode> {
        let text = self.cell(name);
        if text.is_empty() {
            return None;
        }
        let digits = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        let code = text.parse().ok().filter(|_| digits).and_then(RegionCode::new);
        if code.is_none() {
            let (zh, en) = ("应为12位区划代码。", "A division code has 12 digits.");
            form.refuse(&format!("/{name}"), "not_a_code", zh, en);
        }
        code
    }

    /// A region from a column for its code and one for its level, which are empty together or not at all.
    pub(super) fn region(&self, form: &mut Form, code: &str, level: &str) -> Option<Region> {
        if self.cell(code).is_empty() && self.cell(level).is_empty() {
            return None;
        }
        let found = self.code(form, code);
        if self.cell(code).is_empty() {
            form.refuse(&format!("/{code}"), "required", "必须填写。", "This is required.");
        }
        let level = self.word::<RegionLevel>(form, level, &codes(RegionLevel::ALL));
        Some(Region { code: found?, level: level? })
    }
}

fn refuse_word(form: &mut Form, name: &str, allowed: &str) {
    form.refuse(
        &format!("/{name}"),
        "not_an_option",
        format!("可选值为：{allowed}。"),
        format!("Allowed are: {allowed}."),
    );
}

/// The codes of a list of words, for a message.
pub(super) fn codes<T: std::fmt::Display>(words: &[T]) -> String {
    words.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Judges every row of a file. What is wrong with any of them refuses all, each wrong cell with its row and column.
pub(super) fn read<T>(
    bytes: &[u8],
    columns: &[Column],
    mut judge: impl FnMut(&Row<'_>, &mut Form) -> Option<T>,
) -> Result<Vec<T>, ApiError> {
    let text = std::str::from_utf8(bytes).map_err(|err| {
        let line = bytes.get(..err.valid_up_to()).unwrap_or_default().split(|byte| *byte == b'\n').count();
        at_row(line, "not_utf8", "文件不是UTF-8编码。", "The file is not UTF-8.")
    })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let places = places(
        reader.headers().map_err(|_| at_row(1, "not_csv", "不是CSV文件。", "Not a CSV file."))?,
        columns,
    )?;
    let width = reader.headers().map_or(0, csv::StringRecord::len);
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for (at, record) in reader.records().enumerate() {
        let number = at + 2;
        if number > MOST_ROWS + 1 {
            let (zh, en) = (format!("最多{MOST_ROWS}行。"), format!("At most {MOST_ROWS} rows."));
            return Err(at_row(number, "too_many", &zh, &en));
        }
        let cells = record.map_err(|_| at_row(number, "not_csv", "不是CSV行。", "Not a row of CSV."))?;
        let mut form = Form::of_row(number);
        if cells.len() != width {
            let (zh, en) = (format!("应有{width}列。"), format!("{width} cells are needed."));
            wrong.push(FieldProblem::new(format!("/{number}"), "wrong_width", zh, en));
            continue;
        }
        let row = Row { number, columns: &places, known: columns, cells };
        let judged = judge(&row, &mut form);
        wrong.extend(form.into_wrong());
        rows.extend(judged);
    }
    if wrong.is_empty() { Ok(rows) } else { Err(ApiError::Invalid(wrong)) }
}

/// Where each known column stands in the header.
fn places(header: &csv::StringRecord, columns: &[Column]) -> Result<Vec<Option<usize>>, ApiError> {
    let mut wrong = Vec::new();
    for (at, name) in header.iter().enumerate() {
        let name = name.trim();
        if !columns.iter().any(|column| column.name == name) {
            let allowed = codes(&columns.iter().map(|column| column.name).collect::<Vec<_>>());
            let (zh, en) = (
                format!("第{}列未知；可用列：{allowed}。", at + 1),
                format!("Column {} is unknown; known are: {allowed}.", at + 1),
            );
            wrong.push(FieldProblem::new("/1", "unknown_column", zh, en));
        } else if header.iter().take(at).any(|earlier| earlier.trim() == name) {
            let (zh, en) = (format!("{name}列重复。"), format!("The column {name} stands twice."));
            wrong.push(FieldProblem::new("/1", "twice", zh, en));
        }
    }
    let place = |column: &Column| header.iter().position(|name| name.trim() == column.name);
    for column in columns.iter().filter(|column| column.is_required && place(column).is_none()) {
        let (zh, en) =
            (format!("缺少{}列。", column.name), format!("The column {} is missing.", column.name));
        wrong.push(FieldProblem::new("/1", "missing_column", zh, en));
    }
    if wrong.is_empty() { Ok(columns.iter().map(place).collect()) } else { Err(ApiError::Invalid(wrong)) }
}

fn at_row(row: usize, code: &str, zh: &str, en: &str) -> ApiError {
    ApiError::field(&format!("/{row}"), code, zh, en)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: &[Column] = &[required("code"), required("name"), optional("note")];

    fn names(csv: &[u8]) -> Result<Vec<String>, Vec<String>> {
        let judge = |row: &Row<'_>, form: &mut Form| {
            row.code(form, "code");
            form.is_right().then(|| format!("{} {}{}", row.number, row.cell("name"), row.cell("note")))
        };
        read(csv, COLUMNS, judge).map_err(|err| match err {
            ApiError::Invalid(wrong) => {
                wrong.iter().map(|field| format!("{} {}", field.pointer, field.code)).collect()
            }
            other => vec![other.to_string()],
        })
    }

    #[test]
    fn rows_are_read_by_heading_with_a_mark_quotes_and_any_line_ends() {
        let csv = "\u{FEFF}name,code\r\n\"四川,省\",510000000000\r\n 云南 , 530000000000 \r\n";
        assert_eq!(names(csv.as_bytes()), Ok(vec!["2 四川,省".to_owned(), "3 云南".to_owned()]));
        assert_eq!(names(b"code,name\n"), Ok(vec![]));
    }

    #[test]
    fn every_wrong_row_is_named_at_once() {
        let csv = "code,name\n51,a\n510000000000,b\n510000000000\n５１００００００００００,c\n";
        let wrong = ["/2/code not_a_code", "/4 wrong_width", "/5/code not_a_code"];
        assert_eq!(names(csv.as_bytes()), Err(wrong.map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_wrong_header_or_encoding_is_told() {
        let wrong = ["/1 unknown_column", "/1 twice", "/1 missing_column"];
        assert_eq!(names(b"name,colour,name\n"), Err(wrong.map(str::to_owned).to_vec()));
        assert_eq!(names(b"code,name\n510000000000,\xcb\xc4\n"), Err(vec!["/2 not_utf8".to_owned()]));
        assert_eq!(names(b""), Err(vec!["/1 missing_column".to_owned(), "/1 missing_column".to_owned()]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_sheet_panic(bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "(\u{feff})?(code|name|note|,|\"|\n|\r|=|;|510000000000|四川|\\PC){0,40}".prop_map(String::into_bytes),
        ]) {
            if let Ok(rows) = names(&bytes) {
                prop_assert!(rows.len() <= bytes.len());
            }
        }
    }
}
