//! The quarterly report form of the programme as a sheet (document 000, form R1): printed headings, one row per region
//! below and a total, the definition underneath.

use chrono::{Datelike, NaiveDate};
use domain::handbook::Group;
use domain::institution::{ReportColumn, columns_of};
use domain::place::RegionLevel;
use domain::usage::small::{self, Told};
use domain::usage::{Breakdown, DEFINITION, Evidence, Tally};
use rust_xlsxwriter::{Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError};
use sea_orm::{ConnectionTrait, DbErr};

use super::figures::{self, Figures, InstitutionFigures};
use super::scope::Extent;
use super::small::Telling;
use crate::page;

/// The content type of a sheet.
pub const CONTENT_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Footnote of the printed form.
const FOOTNOTE: &str = "使用数根据各发放机构的发放数和随访使用情况统计。使用率=使用数/发放总数*100%。";

/// Columns of the form.
const WIDTH: u16 = 18;

/// What the browser saves the sheet as.
pub fn disposition(figures: &Figures) -> String {
    let (region, period) = (figures.extent.region().region, figures.period);
    format!("attachment; filename=\"usage-{}-{}-{}.xlsx\"", region.code, period.first, period.last)
}

/// The institutions that a town's sheet has instead of regions.
pub async fn institutions_of(
    db: &impl ConnectionTrait,
    figures: &Figures,
) -> Result<Vec<InstitutionFigures>, DbErr> {
    match &figures.extent {
        Extent::Region(named) if named.region.level == RegionLevel::Town => {
            figures::institutions(db, named, figures.period, None, page::MAX).await
        }
        _ => Ok(Vec::new()),
    }
}

/// Writes the sheet. The form is Chinese whatever the caller's language.
pub fn write(
    figures: &Figures,
    institutions: &[InstitutionFigures],
    telling: &Telling,
    today: NaiveDate,
) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet().set_name("季报表")?;
    sheet.set_landscape().set_print_fit_to_pages(1, 0).set_column_width(0, 22)?;
    let row = head(sheet, figures, today)?;
    let row = body(sheet, figures, institutions, telling, row)?;
    foot(sheet, row, telling)?;
    workbook.save_to_buffer()
}

/// Title, period, who and when, and both heading rows; gives the first row below.
fn head(sheet: &mut Worksheet, figures: &Figures, today: NaiveDate) -> Result<u32, XlsxError> {
    let plain = Format::new().set_align(FormatAlign::Center).set_quote_prefix();
    let title = plain.clone().set_bold().set_font_size(16);
    let whose = match &figures.extent {
        Extent::Region(named) => &named.name,
        Extent::Institution { name, .. } => name,
    };
    let last = WIDTH - 1;
    let report = if figures.period.is_a_quarter() { "季报表" } else { "报表" };
    sheet.merge_range(0, 0, 0, last, &format!("{whose}母子健康手册推广工作{report}"), &title)?;
    sheet.merge_range(1, 0, 1, last, &period_as_printed(figures), &plain)?;
    let left = Format::new().set_quote_prefix();
    sheet.write_string_with_format(2, 0, format!("{}：{whose}", heading_of_whole(figures)), &left)?;
    let filled = format!("填表时间：{}年{}月{}日", today.year(), today.month(), today.day());
    sheet.write_string_with_format(2, last - 3, filled, &left)?;

    let heading = boxed().set_bold().set_text_wrap().set_align(FormatAlign::VerticalCenter);
    sheet.merge_range(3, 0, 4, 0, heading_of_rows(figures), &heading)?;
    let mut column = 1;
    for &group in Group::ALL {
        let issuers = columns_of(group);
        let end = column + u16::try_from(issuers.len()).unwrap_or(0);
        let issued = format!("针对{}发放手册及发放机构", group.zh());
        sheet.merge_range(3, column, 3, end, &issued, &heading)?;
        sheet.write_string_with_format(4, column, "发放总数", &heading)?;
        for (at, issuer) in (column + 1..).zip(issuers) {
            sheet.write_string_with_format(4, at, issuer.zh(), &heading)?;
        }
        let used = format!("{}使用手册", group.zh());
        sheet.merge_range(3, end + 1, 3, end + 2, &used, &heading)?;
        sheet.write_string_with_format(4, end + 1, "使用数", &heading)?;
        sheet.write_string_with_format(4, end + 2, "使用率", &heading)?;
        column = end + 3;
    }
    sheet.set_row_height(3, 32)?.set_row_height(4, 64)?;
    sheet.set_freeze_panes(5, 1)?.set_repeat_rows(3, 4)?;
    Ok(5)
}

/// One row per part and the total; gives the first row below.
fn body(
    sheet: &mut Worksheet,
    figures: &Figures,
    institutions: &[InstitutionFigures],
    telling: &Telling,
    first: u32,
) -> Result<u32, XlsxError> {
    let children = figures.children.iter();
    let mut rows: Vec<(String, &Breakdown, Told)> = children
        .map(|(named, breakdown)| (named.name.clone(), breakdown, telling.region(named.region.code)))
        .collect();
    rows.extend(
        institutions.iter().map(|row| (row.name.clone(), &row.breakdown, telling.institution(row.id))),
    );
    // What stands in no row above, so that the rows always add up to the total.
    let rest = figures.whole.without(rows.iter().map(|(_, breakdown, _)| *breakdown));
    if !rows.is_empty() && rest.total() != Tally::default() {
        let of_rest = match figures.children.is_empty() {
            true if telling.withholds() => Told::Nothing,
            true => Told::All,
            false => telling.directly,
        };
        rows.push((format!("{}本级", figures.extent.region().name), &rest, of_rest));
    }
    rows.push(("合计".to_owned(), &figures.whole, telling.whole));
    let mut at = first;
    for (name, breakdown, told) in &rows {
        line(sheet, at, name, (*told == Told::All).then_some(*breakdown))?;
        at += 1;
    }
    Ok(at)
}

/// One row; its counts are withheld where there is no breakdown.
fn line(sheet: &mut Worksheet, row: u32, name: &str, breakdown: Option<&Breakdown>) -> Result<(), XlsxError> {
    let (number, text) = (boxed().set_num_format("0"), boxed().set_quote_prefix());
    let rate = boxed().set_num_format("0.0%");
    // A name is text even if it begins like a formula, also after somebody edits the cell.
    sheet.write_string_with_format(row, 0, name, &text)?;
    let Some(breakdown) = breakdown else {
        for column in 1..WIDTH {
            sheet.write_string_with_format(row, column, small::AS_PRINTED, &text)?;
        }
        return Ok(());
    };
    let mut column = 1;
    for &group in Group::ALL {
        let tally = breakdown.group(group);
        let issued = |issuer: &ReportColumn| breakdown.column(group, *issuer).issued;
        let counts =
            [tally.issued].into_iter().chain(columns_of(group).iter().map(issued)).chain([tally.used]);
        for count in counts {
            // Exact: a double holds every count below 2^53.
            sheet.write_number_with_format(row, column, count as f64, &number)?;
            column += 1;
        }
        match tally.rate_per_mille() {
            Some(per_mille) => {
                sheet.write_number_with_format(row, column, per_mille as f64 / 1000.0, &rate)?
            }
            None => sheet.write_string_with_format(row, column, tally.rate_as_printed(), &text)?,
        };
        column += 1;
    }
    Ok(())
}

fn foot(sheet: &mut Worksheet, row: u32, telling: &Telling) -> Result<(), XlsxError> {
    let note = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    let kinds: Vec<_> = Evidence::ALL.iter().map(|kind| kind.zh()).collect();
    let evidence = format!("使用证据种类：{}。", kinds.join("、"));
    let withheld = telling.withholds().then_some(small::WITHHELD.0);
    for (at, text) in (row..).zip([FOOTNOTE, DEFINITION.0, &evidence].into_iter().chain(withheld)) {
        sheet.merge_range(at, 0, at, WIDTH - 1, text, &note)?;
    }
    sheet.set_row_height(row + 1, 48)?;
    Ok(())
}

fn boxed() -> Format {
    Format::new().set_border(FormatBorder::Thin).set_align(FormatAlign::Center)
}

/// What the whole report is of.
fn heading_of_whole(figures: &Figures) -> &'static str {
    match &figures.extent {
        Extent::Institution { .. } => "发放机构",
        Extent::Region(named) => match named.region.level {
            RegionLevel::Province => "省（区、市）",
            RegionLevel::City => "市（州）",
            RegionLevel::County => "区（县）",
            RegionLevel::Town => "乡镇（街道）",
            RegionLevel::Village => "村（居）",
        },
    }
}

/// What the first column names.
fn heading_of_rows(figures: &Figures) -> &'static str {
    match &figures.extent {
        Extent::Institution { .. } => "发放机构",
        Extent::Region(named) => match named.region.level {
            RegionLevel::Province => "市（州）",
            RegionLevel::City => "区（县）",
            RegionLevel::County => "乡镇（街道）",
            RegionLevel::Town | RegionLevel::Village => "发放机构",
        },
    }
}

/// （2026年4季度）, or the months where the period is no quarter.
fn period_as_printed(figures: &Figures) -> String {
    let period = figures.period;
    if period.is_a_quarter() {
        return format!("（{}年{}季度）", period.first.year(), period.first.quarter());
    }
    let month = |month: domain::calendar::Month| format!("{}年{}月", month.year(), month.number());
    format!("（{}至{}）", month(period.first), month(period.last))
}
