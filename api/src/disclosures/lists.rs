//! Every list of persons with its filters: whose it is, how its cursors name it, how long it is, and its lines.

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::access::may_in_office;
use domain::correction::RequestState;
use domain::disclosure::{Form as Given, PersonList};
use domain::handbook::number::HandbookNumber;
use domain::id::{HandbookId, InstitutionId, OverrideId, RecordId, StaffId, VisitId};
use domain::place::{self, RegionCode, RegionLevel};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::alerts::list as alerts_list;
use crate::alerts::store as alerts;
use crate::app::App;
use crate::checkups::store as checkups;
use crate::corrections::list as corrections_list;
use crate::corrections::store as corrections;
use crate::error::ApiError;
use crate::form::Form;
use crate::overrides::store as overrides;
use crate::problem::{Code, Language};
use crate::records::store as records;
use crate::session::Staff;
use crate::usage::store as usage;
use crate::usage::unused;
use crate::visits::list as visits_list;
use crate::visits::store as visits;

/// Longest period of one list of visits, in days.
pub(crate) const LONGEST: u64 = 31;

/// Rows that are looked at at a time.
pub(super) const AT_A_TIME: u64 = 100;

/// Which lines of a list; each list takes its own of these, as on the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    /// `unused`: 12-digit code of a region inside the own one; left out, all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, example = 510_903_203_000_i64)]
    pub region: Option<RegionCode>,
    /// `unused`: level of the region, where one code stands at two levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub level: Option<RegionLevel>,
    /// `visits`: the first day; today when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// `visits`: the last day, at most 31 days in all; the first when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
    /// `overrides`, `break_glass`: those that were reviewed, or those that wait for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<bool>,
    /// `corrections`: `open` when left out, `corrected` or `refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub state: Option<RequestState>,
}

impl Filters {
    /// The same with every default said, so that what was asked for means the same tomorrow.
    fn settled(self, list: PersonList, today: NaiveDate) -> Self {
        match list {
            PersonList::Visits => {
                let from = self.from.unwrap_or(today);
                Self { from: Some(from), to: Some(self.to.unwrap_or(from)), ..self }
            }
            PersonList::BreakGlass => Self { reviewed: Some(self.reviewed.unwrap_or(false)), ..self },
            PersonList::Corrections => Self { state: Some(self.state.unwrap_or(RequestState::Open)), ..self },
            _ => self,
        }
    }

    /// Refuses what the list does not take.
    pub(super) fn check(self, list: PersonList, given: Given, today: NaiveDate) -> Result<Self, ApiError> {
        use PersonList as L;
        let settled = self.settled(list, today);
        let mut form = Form::default();
        form.forbid("/filters/region", self.region.is_some() && list != L::Unused);
        form.forbid("/filters/level", self.level.is_some() && list != L::Unused);
        form.forbid("/filters/from", self.from.is_some() && list != L::Visits);
        form.forbid("/filters/to", self.to.is_some() && list != L::Visits);
        let is_reviewed = matches!(list, L::Overrides | L::BreakGlass);
        form.forbid("/filters/reviewed", self.reviewed.is_some() && !is_reviewed);
        form.forbid("/filters/state", self.state.is_some() && list != L::Corrections);
        if let (L::Visits, Some(from), Some(to)) = (list, settled.from, settled.to)
            && let Some(from) = form.day("/filters/from", from)
        {
            let days = if given == Given::Screen { 1 } else { LONGEST };
            let last = from.checked_add_days(Days::new(days - 1)).unwrap_or(from);
            if !(from..=last).contains(&to) {
                let (zh, en) = (format!("应在{from}至{last}之间。"), format!("Give {from} to {last}."));
                form.refuse("/filters/to", "out_of_range", zh, en);
            }
        }
        form.done()?;
        Ok(settled)
    }
}

/// A list with its filters, and whose lines of it somebody may read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Which {
    /// Handbooks that are not in use.
    Unused(unused::Extent),
    /// Danger signs.
    Alerts(alerts::Scope),
    /// Visits of an institution from a day to a day.
    Visits(InstitutionId, NaiveDate, NaiveDate),
    /// Rules that were set aside in a county.
    Overrides(RegionCode, Option<bool>),
    /// Emergency accesses.
    BreakGlass(place::Scope, bool),
    /// Requests for correction.
    Corrections(corrections::Scope, RequestState),
    /// What an institution has to countersign.
    Countersign(InstitutionId),
    /// What somebody attached.
    Checkups(StaffId),
}

/// One line of a list as it stands in a file.
pub(crate) type Line = Vec<String>;

impl Which {
    /// The lines of a list that a staff member may read now, by the rules of the list itself.
    pub(super) async fn of(
        app: &App,
        staff: &Staff,
        list: PersonList,
        filters: Filters,
    ) -> Result<Self, ApiError> {
        if !may_in_office(&staff.roles, list.action()) {
            return Err(ApiError::told(Code::Forbidden));
        }
        let today = app.today();
        let Filters { region, level, from, to, reviewed, state } = filters.settled(list, today);
        Ok(match list {
            PersonList::Unused => Self::Unused(unused::extent(app.db.read(), staff, region, level).await?),
            PersonList::Alerts => Self::Alerts(alerts_list::scope_of(staff)?),
            PersonList::Visits => {
                Self::Visits(staff.institution()?, from.unwrap_or(today), to.unwrap_or(today))
            }
            PersonList::Overrides => Self::Overrides(staff.county()?, reviewed),
            PersonList::BreakGlass => Self::BreakGlass(staff.region, reviewed.unwrap_or(false)),
            PersonList::Corrections => Self::Corrections(
                corrections_list::scope_of(app, staff)?,
                state.unwrap_or(RequestState::Open),
            ),
            PersonList::Countersign => Self::Countersign(staff.institution()?),
            PersonList::Checkups => Self::Checkups(staff.id),
            PersonList::Found => {
                let (zh, en) = ("该名单不能申请。", "Nobody asks for this list.");
                return Err(ApiError::field("/list", "not_an_option", zh, en));
            }
        })
    }

    /// Which list.
    pub(crate) fn list(&self) -> PersonList {
        match self {
            Self::Unused(_) => PersonList::Unused,
            Self::Alerts(_) => PersonList::Alerts,
            Self::Visits(..) => PersonList::Visits,
            Self::Overrides(..) => PersonList::Overrides,
            Self::BreakGlass(..) => PersonList::BreakGlass,
            Self::Corrections(..) => PersonList::Corrections,
            Self::Countersign(_) => PersonList::Countersign,
            Self::Checkups(_) => PersonList::Checkups,
        }
    }

    /// The list with its filters and whose it is: its cursors belong to it, and so does an approval.
    pub(crate) fn key(&self) -> String {
        let list = self.list();
        match self {
            Self::Unused(extent) => format!("{list}/{}", extent.key()),
            Self::Alerts(alerts::Scope::Institution(id)) => format!("{list}/{id}"),
            Self::Alerts(alerts::Scope::County(code)) => format!("{list}/{code}"),
            Self::Visits(institution, from, to) => format!("{list}/{institution}/{from}/{to}"),
            Self::Overrides(county, reviewed) => format!("{list}/{county}/{reviewed:?}"),
            Self::BreakGlass(scope, reviewed) => format!("{list}/{:?}/{reviewed}", scope.range()),
            Self::Corrections(corrections::Scope::Institution(id), state) => format!("{list}/{id}/{state}"),
            // What is overdue is another list tomorrow and the same while somebody turns its pages.
            Self::Corrections(corrections::Scope::Overdue(county, _), state) => {
                format!("{list}/{county}/{state}")
            }
            Self::Countersign(institution) => format!("{list}/{institution}"),
            Self::Checkups(staff) => format!("{list}/{staff}"),
        }
    }

    /// How many lines it has now, counted no further than `most`: the rows are those that its pages show.
    pub(super) async fn count(&self, app: &App, staff: &Staff, most: u64) -> Result<u64, ApiError> {
        let db = app.db.read();
        match self {
            Self::Unused(extent) => {
                let page = async |after, limit| Ok(usage::unused(db, *extent, after, limit).await?);
                counted(most, page, unused::position).await
            }
            Self::Alerts(scope) => {
                let page = async |after, limit| Ok(alerts::page(db, *scope, after, limit).await?);
                counted(most, page, alerts::Row::position).await
            }
            Self::Visits(institution, from, to) => {
                let page = async |after: Option<(DateTime<Utc>, VisitId)>, limit| {
                    Ok(visits::of_days(db, *institution, staff.id, (*from, *to), after, limit).await?)
                };
                counted(most, page, |visit| (visit.opened_at, visit.id)).await
            }
            Self::Overrides(county, reviewed) => {
                let page = async |after: Option<OverrideId>, limit| {
                    Ok(overrides::of_county(db, *county, *reviewed, after, limit).await?)
                };
                counted(most, page, |row| row.id).await
            }
            Self::BreakGlass(scope, reviewed) => {
                let page = async |after: Option<VisitId>, limit| {
                    Ok(visits::break_glass_in(db, *scope, *reviewed, after, limit).await?)
                };
                counted(most, page, |(row, _)| row.visit_id).await
            }
            Self::Corrections(scope, state) => {
                let page =
                    async |after, limit| Ok(corrections::of_scope(db, *scope, *state, after, limit).await?);
                counted(most, page, |row| row.id).await
            }
            Self::Countersign(institution) => {
                let page = async |after: Option<RecordId>, limit| {
                    Ok(checkups::awaiting(db, *institution, after, limit).await?)
                };
                counted(most, page, |row| row.id).await
            }
            Self::Checkups(of) => {
                let page = async |after: Option<RecordId>, limit| {
                    Ok(records::own_checkups(db, *of, after, limit).await?)
                };
                counted(most, page, |row| row.id).await
            }
        }
    }

    /// What stands over the columns of its file.
    pub(super) fn headings(&self, language: Language) -> Vec<&'static str> {
        let columns: &[(&str, &str)] = match self {
            Self::Unused(_) => &[
                ("手册编号", "Handbook number"),
                ("姓名", "Name"),
                ("发放对象", "Issued to"),
                ("发放日期", "Issued on"),
                ("区划代码", "Region"),
                ("是否领取", "Claimed"),
            ],
            Self::Alerts(_) => &[
                ("姓名", "Name"),
                ("电话", "Phone"),
                ("级别", "Level"),
                ("危险信号", "Signs"),
                ("管理机构", "Managing institution"),
                ("发现时间", "Raised at"),
                ("处理时间", "Answered at"),
                ("处理情况", "Answer"),
            ],
            Self::Visits(..) => &[
                ("手册编号", "Handbook number"),
                ("姓名", "Name"),
                ("方式", "Kind"),
                ("开始时间", "Opened at"),
                ("结束时间", "Ends at"),
                ("本人接诊", "Own"),
            ],
            _ => &[],
        };
        columns.iter().map(|(zh, en)| language.of(zh, en)).collect()
    }

    /// Some lines, and where the next ones begin; that they were read is logged. They are the lines of the screen.
    pub(super) async fn lines(
        &self,
        app: &App,
        staff: &Staff,
        after: After,
        limit: u64,
        language: Language,
    ) -> Result<(Vec<Line>, After), ApiError> {
        let db = app.db.read();
        Ok(match self {
            Self::Unused(extent) => {
                let after = if let After::Unused(at) = after { Some(at) } else { None };
                let rows = usage::unused(db, *extent, after, limit).await?;
                let next = rows.last().map(unused::position).map_or(After::Start, After::Unused);
                (unused::listed(app, staff, rows).await?.iter().map(|row| row.line(language)).collect(), next)
            }
            Self::Alerts(scope) => {
                let after = if let After::Alerts(at) = after { Some(at) } else { None };
                let rows = alerts::page(db, *scope, after, limit).await?;
                let next = rows.last().map(alerts::Row::position).map_or(After::Start, After::Alerts);
                let items = alerts_list::listed(app, staff, rows, *scope, language).await?;
                (items.into_iter().map(|item| item.line(language)).collect(), next)
            }
            Self::Visits(institution, from, to) => {
                let after = if let After::Visits(at) = after { Some(at) } else { None };
                let rows = visits::of_days(db, *institution, staff.id, (*from, *to), after, limit).await?;
                let next = rows.last().map(|row| (row.opened_at, row.id)).map_or(After::Start, After::Visits);
                let items = visits_list::listed(app, staff, rows).await?;
                (items.iter().map(|item| item.line(language)).collect(), next)
            }
            _ => return Err(ApiError::told(Code::NoFile)),
        })
    }
}

/// Where further lines begin.
#[derive(Debug, Clone, Copy)]
pub(super) enum After {
    /// At the first.
    Start,
    /// After this one.
    Unused((RegionCode, HandbookId)),
    /// After this one.
    Alerts(alerts::Position),
    /// After this one.
    Visits((DateTime<Utc>, VisitId)),
}

async fn counted<R, P>(
    most: u64,
    page: impl AsyncFn(Option<P>, u64) -> Result<Vec<R>, ApiError>,
    position: impl Fn(&R) -> P,
) -> Result<u64, ApiError> {
    let (mut count, mut after) = (0, None);
    while count < most {
        let limit = AT_A_TIME.min(most - count);
        let rows = page(after, limit).await?;
        count += rows.len() as u64;
        match rows.last() {
            Some(last) if rows.len() as u64 == limit => after = Some(position(last)),
            _ => break,
        }
    }
    Ok(count)
}

/// A handbook number as it is printed.
pub(crate) fn printed(number: &str) -> String {
    HandbookNumber::parse(number).map_or_else(|_| number.to_owned(), |number| number.printed())
}

/// An instant as people in China read it.
pub(crate) fn in_china(at: DateTime<Utc>) -> String {
    domain::calendar::in_china(at).format("%Y-%m-%d %H:%M").to_string()
}

/// Yes or no.
pub(crate) fn yes(is_so: bool, language: Language) -> String {
    let word = if is_so { language.of("是", "yes") } else { language.of("否", "no") };
    word.to_owned()
}
