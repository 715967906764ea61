//! Lists of persons that leave the screen: how long a list may be before a second person must agree, who that is, how long
//! it holds, and how a cell is made harmless. Past leaks were exports by insiders; the numbers are our own setting.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};

use crate::access::{OfficeAction, Role, may_in_office};
use crate::id::StaffId;
use crate::place::{Region, RegionLevel, Scope};
use crate::word::words;

/// Personal lines of one list on the screen, or of all files of an account in a day, that need no second person.
pub const FREE_LINES: u64 = 200;

/// How long an approval holds, and how long after asking a short export may be taken (our own setting).
pub const HOLDS: TimeDelta = TimeDelta::hours(24);

/// How long a request waits for a decision (our own setting).
pub const WAITS: TimeDelta = TimeDelta::days(7);

/// How often a file may be taken while it holds: once, and once more for a download that broke off. Each time counts.
pub const TIMES: i32 = 2;

words! {
    /// A list that names persons of several handbooks.
    pub enum PersonList {
        Unused = "unused", "未使用手册名单", "handbooks that are not in use";
        Alerts = "alerts", "危险信号名单", "danger signs";
        Visits = "visits", "就诊名单", "visits";
        Overrides = "overrides", "破例事项名单", "rules that were set aside";
        BreakGlass = "break_glass", "紧急调阅名单", "emergency accesses";
        Corrections = "corrections", "更正申请名单", "requests for correction";
        Countersign = "countersign", "待审签名单", "what awaits a countersign";
        Checkups = "checkups", "本人检查记录名单", "own checkups";
        Found = "found", "手册查询结果", "handbooks that were looked up";
    }
}

impl PersonList {
    /// Whether work is done from it on paper or in a sheet: then it is given as a file. The others are for the screen.
    pub fn is_for_files(self) -> bool {
        matches!(self, Self::Unused | Self::Alerts | Self::Visits)
    }

    /// What whoever reads it must be allowed to do.
    pub fn action(self) -> OfficeAction {
        match self {
            Self::Unused => OfficeAction::ReadUnused,
            Self::Alerts => OfficeAction::ReadAlerts,
            Self::Visits => OfficeAction::OpenVisit,
            Self::Overrides | Self::BreakGlass => OfficeAction::ReviewOverrides,
            Self::Corrections => OfficeAction::ReadCorrections,
            Self::Countersign => OfficeAction::Countersign,
            Self::Checkups => OfficeAction::ReadOwnCheckups,
            Self::Found => OfficeAction::FindHandbook,
        }
    }
}

words! {
    /// In which form a list is given.
    pub enum Form {
        Xlsx = "xlsx", "Excel表格", "a sheet";
        Csv = "csv", "CSV文件", "a CSV file";
        Screen = "screen", "屏幕翻页", "the pages of the list on the screen";
    }
}

words! {
    /// Where a request stands. It begins as waiting or ready; waiting goes on to ready, refused or expired; ready to taken or
    /// expired; the others are ends.
    pub enum DisclosureState {
        Waiting = "waiting", "待审批", "waits for a second person";
        Ready = "ready", "可领取", "may be taken";
        Refused = "refused", "已拒绝", "refused with a reason";
        Taken = "taken", "已领取", "was taken as often as it may";
        Expired = "expired", "已过期", "nobody decided, or nobody took it, in time";
        OverLimit = "over_limit", "超出当日上限", "an account ran into its limit of a day";
    }
}

impl DisclosureState {
    /// Where a request of so many lines begins, after so many that the account was free to take on the same day: many short
    /// files are a long one.
    pub fn at_first(lines: u64, free_before: u64) -> Self {
        if lines.saturating_add(free_before) > FREE_LINES { Self::Waiting } else { Self::Ready }
    }

    /// Whether a request may go from here to there.
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Waiting, Self::Ready | Self::Refused | Self::Expired)
                | (Self::Ready, Self::Taken | Self::Expired)
        )
    }

    /// The state as it is now: time ends what the night has not marked yet.
    pub fn now(
        self,
        asked_at: DateTime<Utc>,
        holds_until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        match self {
            Self::Waiting if asked_at + WAITS <= now => Self::Expired,
            Self::Ready if holds_until.is_none_or(|until| until <= now) => Self::Expired,
            state => state,
        }
    }
}

/// Who decides on a request.
#[derive(Debug, Clone, Copy)]
pub struct Decider<'a> {
    /// The account; another session of the asker's is still the asker.
    pub id: StaffId,
    /// Its roles now.
    pub roles: &'a [Role],
    /// How far it answers now.
    pub scope: Scope,
}

/// Who asked, as they stood when they asked.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// The account.
    pub id: StaffId,
    /// Where they work.
    pub region: Region,
    /// The MCH of the city or province above decides, too ([`goes_above`]).
    pub goes_above: bool,
}

/// Why somebody does not decide on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecideRefusal {
    /// It is their own.
    #[error("nobody approves what they asked for themselves")]
    Own,
    /// They do not answer for the asker's region, or not in a role that decides.
    #[error("the request is of a region for which somebody else answers")]
    NotTheirs,
}

/// Whether the level above the county decides on what somebody asks for: county MCH itself, and institutions of a city or a
/// province, for which no county answers.
pub fn goes_above(roles: &[Role], region: Region) -> bool {
    roles.contains(&Role::CountyMch) || region.level < RegionLevel::County
}

/// Judges who decides: another person of the county MCH that answers for the asker's region; for a request of the county
/// MCH itself a colleague there, or the MCH of the city or province above, which also answers for institutions of its own.
pub fn may_decide(decider: Decider<'_>, asker: Asker) -> Result<(), DecideRefusal> {
    if !supervises(decider.roles, decider.scope, asker) {
        return Err(DecideRefusal::NotTheirs);
    }
    if decider.id == asker.id { Err(DecideRefusal::Own) } else { Ok(()) }
}

/// Whether somebody with these roles looks after what an asker takes.
pub fn supervises(roles: &[Role], scope: Scope, asker: Asker) -> bool {
    let is_above =
        asker.goes_above && roles.iter().any(|role| matches!(role, Role::CityMch | Role::ProvinceMch));
    let answers = roles.contains(&Role::CountyMch) || is_above;
    answers && may_in_office(roles, OfficeAction::DecideDisclosure) && scope.covers(asker.region)
}

/// A text as a cell of a sheet or of a CSV file, which no program takes for a formula and which breaks no line.
///
/// Line ends, tabs and other control characters become spaces. A text that begins like a formula (`=`, `+`, `-`, `@`, also
/// full-width or small, also behind spaces and characters that nobody sees) gets an apostrophe before it.
pub fn defused(text: &str) -> Cow<'_, str> {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let flat: Cow<'_, str> =
        if text.contains(breaks) { Cow::Owned(text.replace(breaks, " ")) } else { Cow::Borrowed(text) };
    let first = flat.trim_start_matches(|c: char| c.is_whitespace() || is_unseen(c)).chars().next();
    if first.is_some_and(begins_a_formula) { Cow::Owned(format!("'{flat}")) } else { flat }
}

fn is_unseen(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}')
        || matches!(c, '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

fn begins_a_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '−')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::place::RegionCode;

    const COUNTY: Region = Region { code: RegionCode(510_903_000_000), level: RegionLevel::County };
    const CITY: Region = Region { code: RegionCode(510_900_000_000), level: RegionLevel::City };
    const TOWN: Region = Region { code: RegionCode(510_903_203_000), level: RegionLevel::Town };
    const OTHER: Region = Region { code: RegionCode(370_811_000_000), level: RegionLevel::County };

    fn decides(role: Role, scope: Region, region: Region, goes_above: bool) -> Result<(), DecideRefusal> {
        let decider = Decider { id: StaffId(Uuid::from_u128(1)), roles: &[role], scope: scope.into() };
        may_decide(decider, Asker { id: StaffId(Uuid::from_u128(2)), region, goes_above })
    }

    #[test]
    fn the_county_mch_of_the_asker_decides_and_above_it_the_city_for_the_county_itself() {
        assert_eq!(decides(Role::CountyMch, COUNTY, TOWN, false), Ok(()));
        assert_eq!(decides(Role::CountyMch, COUNTY, COUNTY, true), Ok(()));
        assert_eq!(decides(Role::CityMch, CITY, COUNTY, true), Ok(()));
        let not_theirs = Err(DecideRefusal::NotTheirs);
        assert!(goes_above(&[Role::Clinician], CITY) && !goes_above(&[Role::Clinician], COUNTY));
        assert_eq!(decides(Role::CityMch, CITY, CITY, true), Ok(()), "a hospital of the city");
        assert_eq!(decides(Role::CountyMch, COUNTY, CITY, true), not_theirs);
        assert_eq!(decides(Role::CityMch, CITY, TOWN, false), not_theirs);
        assert_eq!(decides(Role::CountyMch, OTHER, TOWN, false), not_theirs);
        assert_eq!(decides(Role::CityMch, OTHER, COUNTY, true), not_theirs);
        for role in Role::ALL {
            let decides = decides(*role, COUNTY, TOWN, false).is_ok();
            assert_eq!(decides, *role == Role::CountyMch, "{role}");
        }
    }

    #[test]
    fn nobody_decides_on_their_own_whatever_else_they_are() {
        let id = StaffId(Uuid::from_u128(1));
        let decider = Decider { id, roles: &[Role::CountyMch, Role::CityMch], scope: COUNTY.into() };
        let asker = Asker { id, region: COUNTY, goes_above: true };
        assert_eq!(may_decide(decider, asker), Err(DecideRefusal::Own));
    }

    #[test]
    fn two_hundred_lines_are_free_and_one_more_is_not() {
        assert_eq!(DisclosureState::at_first(200, 0), DisclosureState::Ready);
        assert_eq!(DisclosureState::at_first(201, 0), DisclosureState::Waiting);
        assert_eq!(DisclosureState::at_first(100, 100), DisclosureState::Ready);
        assert_eq!(DisclosureState::at_first(1, 200), DisclosureState::Waiting);
        assert_eq!(DisclosureState::at_first(200, u64::MAX), DisclosureState::Waiting);
    }

    #[test]
    fn states_go_forwards_only_and_time_ends_them() {
        use DisclosureState as S;
        let moves: Vec<_> = S::ALL
            .iter()
            .flat_map(|from| S::ALL.iter().map(move |to| (*from, *to)))
            .filter(|(from, to)| from.may_become(*to))
            .collect();
        let allowed = [
            (S::Waiting, S::Ready),
            (S::Waiting, S::Refused),
            (S::Waiting, S::Expired),
            (S::Ready, S::Taken),
            (S::Ready, S::Expired),
        ];
        assert_eq!(moves.len(), allowed.len());
        assert!(allowed.iter().all(|one| moves.contains(one)));
        let asked = DateTime::UNIX_EPOCH;
        assert_eq!(S::Waiting.now(asked, None, asked + WAITS), S::Expired);
        assert_eq!(S::Waiting.now(asked, None, asked + WAITS - TimeDelta::seconds(1)), S::Waiting);
        assert_eq!(S::Ready.now(asked, Some(asked + HOLDS), asked + HOLDS), S::Expired);
        assert_eq!(S::Ready.now(asked, Some(asked + HOLDS), asked), S::Ready);
        assert_eq!(S::Refused.now(asked, None, asked + WAITS), S::Refused);
    }

    #[test]
    fn what_begins_like_a_formula_is_text() {
        for (text, cell) in [
            ("王**", "王**"),
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            ("+86", "'+86"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("＝1+1", "'＝1+1"),
            ("\t=1", "' =1"),
            ("\r\n=1", "'  =1"),
            ("\u{200B}\u{3000}＠x", "'\u{200B}\u{3000}＠x"),
            ("两行\r\n=1", "两行  =1"),
            ("", ""),
            ("1+1=2", "1+1=2"),
        ] {
            assert_eq!(defused(text), cell, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_becomes_a_formula_or_breaks_a_line(
            text in prop_oneof!["\\PC{0,40}", "[ \\t\\r\\n\u{200B}\u{FEFF}\u{3000}]{0,4}[=+@＝＋－＠-]\\PC{0,9}", any::<String>()],
        ) {
            let cell = defused(&text);
            prop_assert!(!cell.contains(char::is_control), "{cell:?}");
            let seen = cell.trim_start_matches(|c: char| c.is_whitespace() || is_unseen(c));
            prop_assert!(!seen.starts_with(begins_a_formula), "{cell:?}");
            prop_assert!(cell.chars().count() <= text.chars().count() + 1);
            prop_assert_eq!(defused(&cell), cell.clone(), "once is enough");
        }
    }
}
