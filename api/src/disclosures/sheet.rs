//! A list of persons as a file: who took it stands in its first line and on every printed page, and no cell is a formula.

use chrono::{DateTime, Utc};
use csv::{QuoteStyle, Terminator, WriterBuilder};
use domain::disclosure::{PersonList, defused};
use domain::id::DisclosureId;
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::lists::{Line, in_china};
use crate::problem::Language;

/// What Excel needs to read a CSV file as UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Longest words of a printed header: with each `&` twice it stays under the 255 characters that Excel allows.
const HEADER: usize = 110;

/// Who takes which list, and when.
#[derive(Debug, Clone)]
pub(super) struct Watermark {
    pub(super) name: String,
    pub(super) institution: String,
    pub(super) list: PersonList,
    pub(super) at: DateTime<Utc>,
    pub(super) id: DisclosureId,
    pub(super) language: Language,
}

impl Watermark {
    /// The whole of it, for the first line.
    pub(super) fn text(&self) -> String {
        let Self { name, institution, list, at, id, language } = self;
        let at = in_china(*at);
        match language {
            Language::Chinese => format!(
                "{name}（{institution}）于{at}（北京时间）导出《{}》，编号{id}。仅供本次工作使用，不得外传。",
                list.zh()
            ),
            Language::English => format!(
                "Exported by {name} ({institution}) on {at} (China time): {}; number {id}. For this task only; do not pass on.",
                list.en()
            ),
        }
    }

    fn header(&self) -> String {
        let words = format!("{} {} {}", self.name, self.institution, in_china(self.at));
        format!("&L{}", escaped(&words))
    }

    fn footer(&self) -> String {
        format!("&L{}&R&P / &N", escaped(&self.id.to_string()))
    }
}

fn escaped(words: &str) -> String {
    words.chars().take(HEADER).collect::<String>().replace('&', "&&")
}

/// What stands under the last line.
pub(super) fn last_line(given: u64, there_is_more: bool, language: Language) -> String {
    match (there_is_more, language) {
        (false, Language::Chinese) => format!("共{given}行。"),
        (false, Language::English) => format!("{given} lines."),
        (true, Language::Chinese) => {
            format!("共{given}行，已达申请的行数；名单在申请之后变长，其余未导出，需要时请重新申请。")
        }
        (true, Language::English) => format!(
            "{given} lines, as many as were asked for; the list has grown since, and the rest is not here: ask again for it."
        ),
    }
}

/// How a CSV file begins.
pub(super) fn csv_head(watermark: &Watermark, headings: &[&str]) -> Result<Vec<u8>, csv::Error> {
    let mut bytes = BYTE_ORDER_MARK.to_vec();
    let headings: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
    bytes.extend(csv_lines(&[vec![watermark.text()], headings])?);
    Ok(bytes)
}

/// Lines of a CSV file. Every cell is quoted, so that no separator of whatever country begins another.
pub(super) fn csv_lines(lines: &[Line]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = WriterBuilder::new()
        .flexible(true)
        .quote_style(QuoteStyle::Always)
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new());
    for line in lines {
        writer.write_record(line.iter().map(|cell| defused(cell).into_owned()))?;
    }
    writer.into_inner().map_err(|err| err.into_error().into())
}

/// A sheet that is being written. It is held whole until it is done: the limit of a day bounds it.
pub(super) struct Sheet {
    workbook: Workbook,
    row: u32,
    text: Format,
}

impl Sheet {
    /// One with its watermark and headings.
    pub(super) fn new(watermark: &Watermark, headings: &[&str]) -> Result<Self, XlsxError> {
        let text = Format::new().set_quote_prefix();
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet();
        sheet.set_name(watermark.language.of("名单", "List"))?;
        sheet.set_landscape().set_print_fit_to_pages(1, 0);
        sheet.set_header(watermark.header()).set_footer(watermark.footer());
        sheet.set_repeat_rows(0, 1)?.set_freeze_panes(2, 0)?;
        let bold = text.clone().set_bold();
        sheet.write_string_with_format(0, 0, defused(&watermark.text()), &bold)?;
        for (column, heading) in (0..).zip(headings) {
            sheet.write_string_with_format(1, column, *heading, &bold)?;
            sheet.set_column_width(column, 20)?;
        }
        Ok(Self { workbook, row: 2, text })
    }

    /// Adds lines.
    pub(super) fn add(&mut self, lines: &[Line]) -> Result<(), XlsxError> {
        let Self { workbook, row, text } = self;
        let sheet: &mut Worksheet = workbook.worksheet_from_index(0)?;
        for line in lines {
            for (column, cell) in (0..).zip(line) {
                sheet.write_string_with_format(*row, column, defused(cell), text)?;
            }
            *row += 1;
        }
        Ok(())
    }

    /// The file.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, XlsxError> {
        self.workbook.save_to_buffer()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn watermark(institution: &str) -> Watermark {
        Watermark {
            name: "李医生".to_owned(),
            institution: institution.to_owned(),
            list: PersonList::Visits,
            at: "2026-11-22T04:00:00Z".parse().unwrap(),
            id: DisclosureId(uuid::Uuid::from_u128(7)),
            language: Language::Chinese,
        }
    }

    #[test]
    fn the_first_line_of_a_csv_file_says_who_took_it() {
        let file = String::from_utf8(csv_head(&watermark("=某院"), &["姓名"]).unwrap()).unwrap();
        let lines: Vec<_> = file.strip_prefix('\u{FEFF}').unwrap().split("\r\n").collect();
        assert!(
            lines[0].starts_with("\"李医生（=某院）于2026-11-22 12:00（北京时间）导出《就诊名单》"),
            "{}",
            lines[0]
        );
        assert_eq!(lines[1], "\"姓名\"");
    }

    #[test]
    fn a_header_is_never_longer_than_excel_allows_and_never_a_code() {
        let header = watermark(&"&A".repeat(200)).header();
        assert!(header.chars().count() < 255 && !header.replace("&&", "").contains("&A"));
    }

    proptest! {
        #[test]
        fn whatever_a_cell_holds_it_stays_one_cell_of_one_line(cells in prop::collection::vec(any::<String>(), 1..5)) {
            let bytes = csv_lines(std::slice::from_ref(&cells)).unwrap();
            let text = String::from_utf8(bytes.clone()).unwrap();
            prop_assert_eq!(text.matches(['\r', '\n']).count(), 2, "one line end");
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes.as_slice());
            let read: Vec<_> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), 1);
            let expected: Vec<_> = cells.iter().map(|cell| defused(cell).into_owned()).collect();
            prop_assert_eq!(read[0].iter().map(str::to_owned).collect::<Vec<_>>(), expected);
        }
    }
}
