//! Rows of the counters. What was added up is read from the roll-up, and what was counted since from the counters, so that
//! an answer is right at any time.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::Month;
use domain::handbook::{Group, State};
use domain::id::{FollowUpId, HandbookId, InstitutionId};
use domain::institution::ReportColumn;
use domain::place::{Region, RegionCode, RegionLevel};
use domain::usage::{Cell, Found, Period};
use sea_orm::sea_query::{OnConflict, UnionType};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait,
    FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Value,
};

use super::count::NOT_USED;
use super::scope::{Extent, NamedRegion};
use super::unused::Extent as Whose;
use crate::db::entities::{handbook, institution, region, usage_counter, usage_follow_up};
use crate::db::statement;
use crate::error::ApiError;
use crate::keys::{Keys, Place, places};
use crate::session::Staff;

/// Most regions directly under one; the largest city has about a third of it.
const MOST_CHILDREN: u64 = 500;

/// A counter of which something is not in the roll-up.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Pending {
    institution_id: InstitutionId,
    region_code: RegionCode,
    issued_group: Group,
    report_column: ReportColumn,
    issued_in: Month,
    used_in: Month,
    event_month: Month,
    /// How much.
    pub pending: i64,
}

/// A row of the roll-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rolled {
    level: RegionLevel,
    region_code: RegionCode,
    issued_group: Group,
    report_column: ReportColumn,
    issued_in: Month,
    used_in: Month,
    event_month: Month,
}

impl Pending {
    /// The row of a level into which it goes.
    pub fn at(&self, level: RegionLevel) -> Rolled {
        Rolled {
            level,
            region_code: self.region_code.at(level),
            issued_group: self.issued_group,
            report_column: self.report_column,
            issued_in: self.issued_in,
            used_in: self.used_in,
            event_month: self.event_month,
        }
    }
}

/// Some counters of which something is not in the roll-up; nobody counts into them until the transaction ends. Whoever
/// is counting at this moment is not waited for: the next time does.
pub async fn hold_pending(txn: &impl ConnectionTrait, limit: u64) -> Result<Vec<Pending>, DbErr> {
    let lock = match txn.get_database_backend() {
        DbBackend::Postgres => " FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let some = format!(
        "SELECT institution_id, region_code, issued_group, report_column, issued_in, used_in, event_month, count - rolled AS pending \
         {PENDING} ORDER BY region_code LIMIT {limit}{lock}"
    );
    Sql::default().push(&some, []).all(txn).await
}

/// Adds sums to the roll-up, always in the same order.
pub async fn add_to_roll_up(txn: &impl ConnectionTrait, sums: BTreeMap<Rolled, i64>) -> Result<(), DbErr> {
    let mut sums = sums.into_iter().peekable();
    while sums.peek().is_some() {
        let some: Vec<_> = sums.by_ref().take(1000).collect();
        let row = "(?, ?, ?, ?, ?, ?, ?, ?)";
        let add = format!(
            "INSERT INTO usage_rollup (region_level, region_code, issued_group, report_column, issued_in, used_in, event_month, count) \
             VALUES {} ON CONFLICT (region_level, region_code, issued_in, used_in, issued_group, report_column) \
             DO UPDATE SET count = usage_rollup.count + excluded.count",
            vec![row; some.len()].join(", ")
        );
        let values = some.into_iter().flat_map(|(row, count)| -> [Value; 8] {
            [
                row.level.into(),
                row.region_code.into(),
                row.issued_group.into(),
                row.report_column.into(),
                row.issued_in.into(),
                row.used_in.into(),
                row.event_month.into(),
                count.into(),
            ]
        });
        txn.execute_raw(statement(txn.get_database_backend(), &add, values)).await?;
    }
    Ok(())
}

/// Says of counters that are held that the roll-up has them.
pub async fn mark_rolled(txn: &impl ConnectionTrait, pending: &[Pending]) -> Result<(), DbErr> {
    if pending.is_empty() {
        return Ok(());
    }
    let mark = format!(
        "UPDATE usage_counter SET rolled = count \
         WHERE (institution_id, issued_in, used_in, issued_group, report_column, region_code) IN (VALUES {})",
        vec!["(?, ?, ?, ?, ?, ?)"; pending.len()].join(", ")
    );
    let values = pending.iter().flat_map(|one| -> [Value; 6] {
        [
            one.institution_id.into(),
            one.issued_in.into(),
            one.used_in.into(),
            one.issued_group.into(),
            one.report_column.into(),
            one.region_code.into(),
        ]
    });
    txn.execute_raw(statement(txn.get_database_backend(), &mark, values)).await.map(|_| ())
}

/// A follow-up to be kept.
#[derive(Debug)]
pub struct NewFollowUp<'a> {
    /// Its id.
    pub id: FollowUpId,
    /// Which handbook was asked for.
    pub handbook: HandbookId,
    /// What was found.
    pub found: Found,
    /// A note, which may name people: it is sealed.
    pub note: Option<&'a str>,
    /// When it was received.
    pub found_at: DateTime<Utc>,
}

/// Keeps a follow-up; says no when its id is used already.
pub async fn keep_follow_up(
    txn: &impl ConnectionTrait,
    keys: &Keys,
    staff: &Staff,
    new: NewFollowUp<'_>,
) -> Result<bool, ApiError> {
    let place = Place::new(places::USAGE_FOLLOW_UP_NOTE, new.id.0);
    let note = new.note.map(|note| keys.seal(place, note)).transpose().map_err(ApiError::Internal)?;
    let row = usage_follow_up::ActiveModel {
        id: Set(new.id),
        handbook_id: Set(new.handbook),
        staff_id: Set(staff.id),
        institution_id: Set(staff.institution),
        found: Set(new.found),
        note: Set(note),
        found_at: Set(new.found_at),
    };
    let once = OnConflict::column(usage_follow_up::Column::Id).do_nothing().to_owned();
    let kept = usage_follow_up::Entity::insert(row).on_conflict(once).exec_without_returning(txn).await?;
    Ok(kept == 1)
}

/// A query in the making.
#[derive(Debug, Default)]
pub(super) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    pub(super) fn push(mut self, text: &str, values: impl IntoIterator<Item = Value>) -> Self {
        self.text.push_str(text);
        self.values.extend(values);
        self
    }

    pub(super) async fn all<T: FromQueryResult>(self, db: &impl ConnectionTrait) -> Result<Vec<T>, DbErr> {
        let query = statement(db.get_database_backend(), &self.text, self.values);
        db.query_all_raw(query).await?.iter().map(|row| T::from_query_result(row, "")).collect()
    }
}

/// `?, ?, ?`
pub(super) fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

fn codes(codes: &[RegionCode]) -> impl Iterator<Item = Value> {
    codes.iter().map(|code| (*code).into())
}

/// Cells as they were counted.
const COUNTERS: &str =
    "SELECT issued_group, report_column, issued_in, used_in, count FROM usage_counter WHERE";

/// The counters that counted something since they were added up, said as the index says it that holds them.
const PENDING: &str = "FROM usage_counter WHERE count - rolled <> 0";

/// The cells of a region up to a month: of the level's roll-up, and what was counted since. Villages are not rolled up:
/// their own counters are few.
fn cells_of_region(region: Region, until: Month) -> Sql {
    if region.level == RegionLevel::Village {
        return Sql::default().push(
            &format!("{COUNTERS} region_code = ? AND event_month <= ?"),
            [region.code.into(), until.into()],
        );
    }
    let [first, last] = range(region);
    Sql::default()
        .push(
            "SELECT issued_group, report_column, issued_in, used_in, count FROM usage_rollup \
             WHERE region_level = ? AND region_code = ? AND event_month <= ?",
            [region.level.into(), region.code.into(), until.into()],
        )
        .push(
            &format!(
                " UNION ALL SELECT issued_group, report_column, issued_in, used_in, count - rolled {PENDING} \
                 AND region_code BETWEEN ? AND ? AND event_month <= ?"
            ),
            [first, last, until.into()],
        )
}

pub(super) fn range(region: Region) -> [Value; 2] {
    let range = region.range();
    [(*range.start()).into(), (*range.end()).into()]
}

/// The cells of an extent up to a month.
fn cells(extent: &Extent, until: Month) -> Sql {
    match extent {
        Extent::Region(NamedRegion { region, .. }) => cells_of_region(*region, until),
        Extent::Institution { id, .. } => Sql::default().push(
            &format!("{COUNTERS} institution_id = ? AND event_month <= ?"),
            [(*id).into(), until.into()],
        ),
    }
}

#[derive(Debug, FromQueryResult)]
struct QuarterRow {
    issued_group: Group,
    report_column: ReportColumn,
    issued_quarter: i32,
    used_quarter: i32,
    count: i64,
}

/// In `issued_quarter` and `used_quarter`: before the period.
const BEFORE: i32 = 1;

/// The cells of an extent up to the end of a period, added up by quarter: as exact for the period, each of its
/// quarters and everything since launch as the single months are, and few however long the history is.
pub async fn cells_by_quarter(
    db: &impl ConnectionTrait,
    extent: &Extent,
    period: Period,
) -> Result<Vec<Cell>, DbErr> {
    let Sql { text, values } = cells(extent, period.last);
    let (first, unused) = (period.first.0, NOT_USED.0);
    let rows: Vec<QuarterRow> = Sql::default()
        .push(
            &format!(
                "SELECT issued_group, report_column, \
                        CASE WHEN issued_in < {first} THEN {BEFORE} ELSE issued_in / 3 END AS issued_quarter, \
                        CASE WHEN used_in = {unused} THEN {unused} WHEN used_in < {first} THEN {BEFORE} ELSE used_in / 3 END AS used_quarter, \
                        CAST(SUM(count) AS BIGINT) AS count \
                 FROM ({text}) AS cell GROUP BY 1, 2, 3, 4"
            ),
            values,
        )
        .all(db)
        .await?;
    // Any month of the quarter inside the period stands for it: no edge of a tally cuts through.
    let month = |quarter| match quarter {
        BEFORE => period.first.previous(),
        quarter => Month(quarter * 3).max(period.first),
    };
    let cell = |row: QuarterRow| Cell {
        group: row.issued_group,
        column: row.report_column,
        issued_in: month(row.issued_quarter),
        used_in: (row.used_quarter != unused).then(|| month(row.used_quarter)),
        count: row.count,
    };
    Ok(rows.into_iter().map(cell).collect())
}

/// A row of one of several regions or institutions, for a period: everything issued in it, or what of that was used.
#[derive(Debug, FromQueryResult)]
struct PartRow<K: sea_orm::TryGetable> {
    part: K,
    issued_group: Group,
    report_column: ReportColumn,
    is_used: bool,
    count: i64,
}

impl<K: sea_orm::TryGetable> PartRow<K> {
    fn cell(self, period: Period) -> (K, Cell) {
        let cell = Cell {
            group: self.issued_group,
            column: self.report_column,
            issued_in: period.first,
            used_in: self.is_used.then_some(period.last),
            count: self.count,
        };
        (self.part, cell)
    }
}

/// What is added up per part of a region.
fn added_up(cells: Sql) -> Sql {
    let Sql { text, values } = cells;
    let text = format!(
        "SELECT part, issued_group, report_column, used_in <> {unused} AS is_used, CAST(SUM(count) AS BIGINT) AS count \
         FROM ({text}) AS cell GROUP BY 1, 2, 3, 4",
        unused = NOT_USED.0
    );
    Sql { text, values }
}

/// The cells of a period for regions of one level inside a region.
pub async fn cells_of_children(
    db: &impl ConnectionTrait,
    parent: Region,
    level: RegionLevel,
    children: &[RegionCode],
    period: Period,
) -> Result<Vec<(RegionCode, Cell)>, DbErr> {
    if children.is_empty() {
        return Ok(Vec::new());
    }
    let months = || [period.first.into(), period.last.into(), period.last.into()];
    let sql = Sql::default()
        .push(
            &format!(
                "SELECT region_code AS part, issued_group, report_column, used_in, count FROM usage_rollup \
                 WHERE region_level = ? AND region_code IN ({})",
                marks(children.len())
            ),
            std::iter::once(level.into()).chain(codes(children)),
        )
        .push(" AND issued_in BETWEEN ? AND ? AND event_month <= ?", months())
        .push(
            &format!(
                " UNION ALL SELECT region_code - region_code % {span} AS part, issued_group, report_column, used_in, count - rolled \
                 {PENDING} AND region_code BETWEEN ? AND ?",
                span = level.span()
            ),
            range(parent),
        )
        .push(" AND issued_in BETWEEN ? AND ? AND event_month <= ?", months());
    let rows: Vec<PartRow<RegionCode>> = added_up(sql).all(db).await?;
    Ok(rows.into_iter().map(|row| row.cell(period)).collect())
}

/// The cells of a period for an institution, wherever it stood.
pub async fn cells_of_institution(
    db: &impl ConnectionTrait,
    institution: InstitutionId,
    period: Period,
) -> Result<Vec<Cell>, DbErr> {
    let cells = Sql::default().push(
        "SELECT institution_id AS part, issued_group, report_column, used_in, count FROM usage_counter \
         WHERE institution_id = ? AND issued_in BETWEEN ? AND ? AND event_month <= ?",
        [institution.into(), period.first.into(), period.last.into(), period.last.into()],
    );
    let rows: Vec<PartRow<InstitutionId>> = added_up(cells).all(db).await?;
    Ok(rows.into_iter().map(|row| row.cell(period).1).collect())
}

/// The cells of a period for institutions, as far as they issued in the region.
pub async fn cells_of_institutions(
    db: &impl ConnectionTrait,
    region: Region,
    institutions: &[InstitutionId],
    period: Period,
) -> Result<Vec<(InstitutionId, Cell)>, DbErr> {
    if institutions.is_empty() {
        return Ok(Vec::new());
    }
    let cells = Sql::default()
        .push(
            &format!(
                "SELECT institution_id AS part, issued_group, report_column, used_in, count FROM usage_counter \
                 WHERE institution_id IN ({}) AND issued_in BETWEEN ? AND ? AND event_month <= ?",
                marks(institutions.len())
            ),
            institutions.iter().map(|id| (*id).into()).chain([
                period.first.into(),
                period.last.into(),
                period.last.into(),
            ]),
        )
        .push(" AND region_code BETWEEN ? AND ?", range(region));
    let rows: Vec<PartRow<InstitutionId>> = added_up(cells).all(db).await?;
    Ok(rows.into_iter().map(|row| row.cell(period)).collect())
}

/// The cells of a period by the town and the institution of a county that issued.
pub async fn cells_of_county(
    db: &impl ConnectionTrait,
    county: Region,
    period: Period,
) -> Result<Vec<(RegionCode, InstitutionId, Cell)>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        town: RegionCode,
        part: InstitutionId,
        issued_group: Group,
        report_column: ReportColumn,
        is_used: bool,
        count: i64,
    }
    let rows: Vec<Row> = Sql::default()
        .push(
            &format!(
                "SELECT region_code - region_code % {span} AS town, institution_id AS part, issued_group, report_column, \
                        used_in <> {unused} AS is_used, CAST(SUM(count) AS BIGINT) AS count \
                 FROM usage_counter WHERE region_code BETWEEN ? AND ?",
                span = RegionLevel::Town.span(),
                unused = NOT_USED.0
            ),
            range(county),
        )
        .push(
            " AND issued_in BETWEEN ? AND ? AND event_month <= ? GROUP BY 1, 2, 3, 4, 5",
            [period.first.into(), period.last.into(), period.last.into()],
        )
        .all(db)
        .await?;
    let cell = |Row { town, part, issued_group, report_column, is_used, count }| {
        (town, PartRow { part, issued_group, report_column, is_used, count }.cell(period))
    };
    Ok(rows.into_iter().map(cell).map(|(town, (institution, cell))| (town, institution, cell)).collect())
}

/// The month of the first issue of an extent, of those up to a month.
pub async fn launch(
    db: &impl ConnectionTrait,
    extent: &Extent,
    until: Month,
) -> Result<Option<Month>, DbErr> {
    first_month(db, cells(extent, until)).await
}

/// The month of the first issue in a region.
pub async fn first_issue(db: &impl ConnectionTrait, region: Region) -> Result<Option<Month>, DbErr> {
    first_month(db, cells_of_region(region, Month(i32::MAX))).await
}

async fn first_month(db: &impl ConnectionTrait, Sql { text, values }: Sql) -> Result<Option<Month>, DbErr> {
    #[derive(FromQueryResult)]
    struct First {
        first: Option<i32>,
    }
    let first: Vec<First> = Sql::default()
        .push(&format!("SELECT MIN(issued_in) AS first FROM ({text}) AS cell"), values)
        .all(db)
        .await?;
    Ok(first.first().and_then(|row| row.first).map(Month))
}

/// The regions with a code, the widest first: three cities without counties carry one code at two levels.
pub async fn regions_with_code(
    db: &impl ConnectionTrait,
    code: RegionCode,
) -> Result<Vec<NamedRegion>, DbErr> {
    let rows = region::Entity::find().filter(region::COLUMN.code.eq(code)).all(db).await?;
    let mut regions: Vec<_> = rows.into_iter().map(named).collect();
    regions.sort_by_key(|named| named.region.level);
    Ok(regions)
}

/// The regions directly under one, by code.
pub async fn children_of(db: &impl ConnectionTrait, parent: Region) -> Result<Vec<NamedRegion>, DbErr> {
    let Some(level) = parent.level.below() else { return Ok(Vec::new()) };
    let rows = region::Entity::find()
        .filter(region::COLUMN.parent_code.eq(parent.code))
        .filter(region::COLUMN.level.eq(level))
        .order_by_asc(region::COLUMN.code)
        .limit(MOST_CHILDREN)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(named).collect())
}

fn named(row: region::Model) -> NamedRegion {
    NamedRegion { region: Region { code: row.code, level: row.level }, name: row.name_zh }
}

/// Institutions of a region by name: those that issue there today, and those that issued there in the period.
pub async fn institutions(
    db: &impl ConnectionTrait,
    region: Region,
    period: Period,
    after: Option<(String, InstitutionId)>,
    limit: u64,
) -> Result<Vec<institution::Model>, DbErr> {
    let inside = || region.range();
    let issued = usage_counter::Entity::find()
        .select_only()
        .column(usage_counter::Column::InstitutionId)
        .filter(usage_counter::COLUMN.region_code.between(*inside().start(), *inside().end()))
        .filter(usage_counter::COLUMN.issued_in.between(period.first, period.last))
        .into_query();
    // One list of ids from two indexes: an OR of both conditions would read every institution of the country.
    let issues_today = institution::Entity::find()
        .select_only()
        .column(institution::Column::Id)
        .filter(institution::COLUMN.region_code.between(*inside().start(), *inside().end()))
        .filter(institution::COLUMN.is_service_point.eq(true))
        .filter(institution::COLUMN.ended_at.is_null())
        .into_query()
        .union(UnionType::All, issued)
        .to_owned();
    let mut query = institution::Entity::find().filter(institution::COLUMN.id.in_subquery(issues_today));
    if let Some((name, id)) = after {
        let same_name = Condition::all()
            .add(institution::COLUMN.name.eq(name.clone()))
            .add(institution::COLUMN.id.gt(id));
        query = query.filter(Condition::any().add(institution::COLUMN.name.gt(name)).add(same_name));
    }
    query
        .order_by_asc(institution::COLUMN.name)
        .order_by_asc(institution::COLUMN.id)
        .limit(limit)
        .all(db)
        .await
}

/// What a day saw.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct DayRow {
    /// The day.
    pub day: NaiveDate,
    /// Handbooks issued on it.
    pub issued: i64,
    /// Handbooks first used on it, whenever they were issued.
    pub used: i64,
}

/// The days of an extent on which something was counted.
pub async fn days(
    db: &impl ConnectionTrait,
    extent: &Extent,
    days: &[NaiveDate],
) -> Result<Vec<DayRow>, DbErr> {
    let sums =
        "SELECT day, CAST(SUM(issued) AS BIGINT) AS issued, CAST(SUM(used) AS BIGINT) AS used FROM usage_day";
    let sql = Sql::default()
        .push(&format!("{sums} WHERE day IN ({})", marks(days.len())), days.iter().map(|day| (*day).into()));
    let sql = match extent {
        Extent::Region(named) => sql.push(" AND region_code BETWEEN ? AND ?", range(named.region)),
        Extent::Institution { id, .. } => sql.push(" AND institution_id = ?", [(*id).into()]),
    };
    sql.push(" GROUP BY day", []).all(db).await
}

/// A page of live handbooks without evidence of use, by region and then by age, from after a position on.
pub(crate) async fn unused(
    db: &impl ConnectionTrait,
    whose: Whose,
    after: Option<(RegionCode, HandbookId)>,
    limit: u64,
) -> Result<Vec<handbook::Model>, DbErr> {
    let rows = handbook::Entity::find()
        .filter(handbook::COLUMN.first_used_at.is_null())
        .filter(handbook::COLUMN.closed_at.is_null())
        .filter(handbook::COLUMN.blocked_until.is_null())
        .filter(handbook::Column::State.is_in([State::Issued, State::Claimed]));
    let mut rows = match whose {
        Whose::Institution(id) => rows.filter(handbook::COLUMN.managing_id.eq(id)),
        Whose::Region(region) => {
            let range = region.range();
            rows.filter(handbook::COLUMN.region_code.between(*range.start(), *range.end()))
        }
    };
    if let Some((code, id)) = after {
        let same_place =
            Condition::all().add(handbook::COLUMN.region_code.eq(code)).add(handbook::COLUMN.id.gt(id));
        rows = rows.filter(Condition::any().add(handbook::COLUMN.region_code.gt(code)).add(same_place));
    }
    let in_order = rows.order_by_asc(handbook::COLUMN.region_code).order_by_asc(handbook::COLUMN.id);
    in_order.limit(limit).all(db).await
}
