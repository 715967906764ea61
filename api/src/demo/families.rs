//! Made-up families: who they are, when a handbook was issued to them, and what became of the pregnancy. What they and
//! the clinics wrote is `story`.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use domain::calendar::{age_in_years, start_of_day};
use domain::handbook::Group;
use domain::handbook::issuing::{IssueKind, IssuingRight, check_child, check_woman};
use domain::person::{Sex, complete_id_number};
use domain::pregnancy::{Dates, Outcome, check_outcome};
use domain::usage::Found;

use super::county::{County, Home, Institution};
use super::random::Dice;

/// Most families of one database: so many women have an ID number of their own here.
pub const MOST_FAMILIES: u32 = 3_000_000;

/// Handbooks were issued over the past fourteen months.
const OLDEST_ISSUE: i64 = 425;

/// Days of gestation at a birth at term.
const AT_TERM: i64 = 278;

/// Why a child of three years or more was issued a handbook.
const OVERRIDE: &str = "原手册在搬家时遗失，入园需要";

const SURNAMES: &[&str] = &[
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何",
    "郭", "马", "罗", "梁", "宋", "郑", "谢", "韩", "唐", "冯", "于", "董", "萧", "程", "曹", "袁", "邓",
    "许", "傅", "沈", "曾", "彭", "吕",
];
const WOMEN: &[&str] = &[
    "芳", "敏", "静", "丽", "艳", "娟", "霞", "燕", "玲", "丹", "小红", "秀英", "桂兰", "晓梅", "海燕",
    "雪梅", "春花", "玉兰", "佳慧", "欣怡", "思雨", "雨桐", "梦洁", "婷婷",
];
const MEN: &[&str] = &[
    "伟", "强", "磊", "军", "勇", "杰", "涛", "明", "超", "刚", "建国", "志强", "国平", "小龙", "俊杰",
    "子轩", "浩然", "文博",
];
const CHILDREN: &[&str] = &[
    "一诺", "依诺", "梓涵", "子涵", "雨泽", "若溪", "沐阳", "安然", "可欣", "乐乐", "嘉禾", "知行", "思远",
    "星辰", "青禾", "小满",
];

/// A made-up person.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) born_on: NaiveDate,
    pub(super) sex: Sex,
    pub(super) id_number: Option<String>,
    pub(super) phone: Option<String>,
}

/// How a handbook came to the family.
#[derive(Debug)]
pub(super) struct Issue<'a> {
    pub(super) group: Group,
    pub(super) kind: IssueKind,
    pub(super) by: &'a Institution,
    pub(super) at: DateTime<Utc>,
    pub(super) on: NaiveDate,
    pub(super) override_reason: Option<&'static str>,
}

/// A pregnancy and how it ended, if it did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pregnancy {
    pub(super) dates: Dates,
    pub(super) registered_at: DateTime<Utc>,
    pub(super) fetuses: i32,
    pub(super) end: Option<(Outcome, NaiveDate)>,
    /// Yellow for a woman of 35 years or more.
    pub(super) is_yellow: bool,
}

/// A born child.
#[derive(Debug, Clone)]
pub(super) struct Child {
    pub(super) person: Person,
    pub(super) born_at: DateTime<Utc>,
    pub(super) order: i32,
    pub(super) weight_g: i64,
    pub(super) gestational_days: i64,
    /// How this child grows beside the median one.
    pub(super) per_mille: i64,
}

/// How far the handbook is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// The family writes, the clinic scans.
    Daily {
        /// When the family claimed it.
        claimed_at: DateTime<Utc>,
        /// The father is a guardian too, and a grandmother looks on.
        with_relatives: bool,
    },
    /// Claimed, and then left in the drawer.
    Claimed(DateTime<Utc>),
    /// On paper: somebody asked.
    OnPaper(Found, DateTime<Utc>),
    /// Issued, and nothing is known since.
    None,
}

/// A made-up family up to the day before the demo's.
#[derive(Debug)]
pub(super) struct Family<'a> {
    pub(super) index: u32,
    pub(super) woman: Person,
    pub(super) father: Person,
    pub(super) home: Home<'a>,
    pub(super) issue: Issue<'a>,
    pub(super) pregnancy: Option<Pregnancy>,
    pub(super) children: Vec<Child>,
    pub(super) used: Use,
}

/// Where a family stands today.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Planning,
    /// Days of gestation.
    Pregnant(i64),
    /// Days since the birth of a child that was expected with this handbook.
    Born(i64),
    /// Days of age of a child that was issued a handbook of its own.
    Child(i64),
}

/// The family of an index: the same for the same seed and day.
pub(super) fn family<'a>(
    county: &'a County,
    seed: u64,
    index: u32,
    today: NaiveDate,
) -> anyhow::Result<(Family<'a>, Dice)> {
    let mut dice = Dice::of(seed, u64::from(index));
    let yesterday = back(today, 1);
    let woman = woman(&mut dice, seed, index, today);
    let stage = stage(&mut dice, age_in_years(woman.born_on, today));
    let home = county.home(&mut dice)?;
    let father = father(&mut dice, index, &woman);
    let (pregnancy, issued) = match stage {
        Stage::Planning => (None, ago(&mut dice, today, 3, OLDEST_ISSUE - 25)),
        Stage::Pregnant(days) => expected(&mut dice, &woman, back(today, days), None, today)?,
        Stage::Born(age) => {
            let (born, gestation) = (back(today, age), dice.between(262, 284));
            expected(&mut dice, &woman, back(born, gestation), Some((Outcome::LiveBirth, born)), today)?
        }
        Stage::Child(age) => (None, ago(&mut dice, today, 2, OLDEST_ISSUE.min(age - 30))),
    };
    let children = match (stage, &pregnancy) {
        (Stage::Child(age), _) => vec![child(&mut dice, &father, back(today, age), 1, AT_TERM)],
        (_, Some(Pregnancy { end: Some((Outcome::LiveBirth, born)), fetuses, dates, .. })) => (1..=*fetuses)
            .map(|order| {
                child(&mut dice, &father, *born, order, Dates::gestational_days(dates.due_on, *born))
            })
            .collect(),
        _ => Vec::new(),
    };
    let group = match (stage, &pregnancy) {
        (Stage::Planning, _) => Group::Planning,
        (Stage::Child(_), _) => Group::Child,
        (_, Some(pregnancy)) if pregnancy.dates.last_period_on > Some(issued) => Group::Planning,
        _ => Group::Pregnant,
    };
    let issue = issue(&mut dice, county, &home, group, issued, children.first())?;
    check_woman(woman.born_on, issue.on)?;
    let used = used(&mut dice, issue.at, yesterday);
    Ok((Family { index, woman, father, home, issue, pregnancy, children, used }, dice))
}

/// The day so many days before.
pub(super) fn back(day: NaiveDate, days: i64) -> NaiveDate {
    day.checked_sub_days(Days::new(days.max(0).unsigned_abs())).unwrap_or(day)
}

/// The day so many days after.
pub(super) fn on(day: NaiveDate, days: i64) -> NaiveDate {
    day.checked_add_days(Days::new(days.max(0).unsigned_abs())).unwrap_or(day)
}

/// An instant of a day in China, in minutes from midnight.
pub(super) fn at(day: NaiveDate, minutes: i64) -> DateTime<Utc> {
    start_of_day(day) + TimeDelta::minutes(minutes)
}

fn ago(dice: &mut Dice, today: NaiveDate, newest: i64, oldest: i64) -> NaiveDate {
    back(today, dice.between(newest, oldest))
}

fn stage(dice: &mut Dice, age: i32) -> Stage {
    let stage = match dice.between(0, 99) {
        0..=9 => Stage::Planning,
        10..=19 => Stage::Pregnant(dice.between(49, 97)),
        20..=33 => Stage::Pregnant(dice.between(98, 195)),
        34..=47 => Stage::Pregnant(dice.between(196, 274)),
        48..=57 => Stage::Born(dice.between(2, 41)),
        58..=75 => Stage::Born(dice.between(42, 150)),
        76..=89 => Stage::Child(dice.between(250, 1090)),
        _ => Stage::Child(dice.between(1100, 2180)),
    };
    match stage {
        // Nobody here was a mother before 20.
        Stage::Child(days) if i64::from(age) - days / 365 < 21 => Stage::Born(dice.between(42, 150)),
        stage => stage,
    }
}

/// Women of 21 to 41 years with as many ID numbers as there may be families; the county's own digits, made-up people.
fn woman(dice: &mut Dice, seed: u64, index: u32, today: NaiveDate) -> Person {
    const DAYS: u64 = 7_300;
    const NUMBERS: u64 = DAYS * 500;
    // A step that shares no factor with the count meets every number once.
    let place = (u64::from(index) * 1_234_577 + seed % NUMBERS) % NUMBERS;
    let born_on = back(today, 21 * 365 + 6 + (place % DAYS).cast_signed());
    let even = place / DAYS * 2;
    Person {
        name: format!("{}{}", dice.word(SURNAMES), dice.word(WOMEN)),
        born_on,
        sex: Sex::Female,
        id_number: complete_id_number(&format!("510903{}{even:03}", born_on.format("%Y%m%d"))),
        phone: Some(format!("1380{index:07}")),
    }
}

fn father(dice: &mut Dice, index: u32, woman: &Person) -> Person {
    Person {
        name: format!("{}{}", dice.word(SURNAMES), dice.word(MEN)),
        born_on: back(woman.born_on, dice.between(-700, 2000)),
        sex: Sex::Male,
        id_number: None,
        phone: Some(format!("1390{index:07}")),
    }
}

fn child(dice: &mut Dice, father: &Person, born_on: NaiveDate, order: i32, gestational_days: i64) -> Child {
    let surname: String = father.name.chars().take(1).collect();
    let sex = if dice.chance(52) { Sex::Male } else { Sex::Female };
    let per_mille = dice.between(930, 1080);
    let birth = super::growth::measures(sex, 0, per_mille).weight_g;
    Child {
        person: Person {
            name: format!("{surname}{}", dice.word(CHILDREN)),
            born_on,
            sex,
            id_number: None,
            phone: None,
        },
        // Early enough in the day that what is done for a newborn is dated by the day of birth.
        born_at: at(born_on, dice.between(60, 1080) + i64::from(order) * 7),
        order,
        weight_g: birth - (280 - gestational_days).max(0) * 12,
        gestational_days,
        per_mille,
    }
}

/// A pregnancy, and the day on which the handbook was issued: in the first weeks, or before, when it was planned.
fn expected(
    dice: &mut Dice,
    woman: &Person,
    last_period_on: NaiveDate,
    end: Option<(Outcome, NaiveDate)>,
    today: NaiveDate,
) -> anyhow::Result<(Option<Pregnancy>, NaiveDate)> {
    let yesterday = back(today, 1);
    let so_far = (today - last_period_on).num_days() - 2;
    let late = dice.chance(12);
    let week = if late { dice.between(92, 150) } else { dice.between(45, 90) };
    let found_on = on(last_period_on, week.min(so_far)).min(yesterday);
    let dates = Dates::from(Some(last_period_on), None, found_on)?;
    let planned = dice.chance(18) && so_far + 120 < OLDEST_ISSUE;
    let issued = if planned { back(last_period_on, dice.between(15, 110)) } else { found_on };
    let lost = end.is_none() && so_far > week + 25 && dice.chance(4);
    let end = if lost { Some((Outcome::Miscarriage, on(found_on, dice.between(5, 20)))) } else { end };
    if let Some((outcome, ended_on)) = end {
        check_outcome(outcome, dates.due_on, ended_on, today)?;
    }
    let pregnancy = Pregnancy {
        dates,
        registered_at: at(found_on, dice.between(9 * 60, 16 * 60)),
        fetuses: if dice.chance(2) { 2 } else { 1 },
        end,
        is_yellow: age_in_years(woman.born_on, dates.due_on) >= 35,
    };
    Ok((Some(pregnancy), issued))
}

fn issue<'a>(
    dice: &mut Dice,
    county: &'a County,
    home: &Home<'a>,
    group: Group,
    day: NaiveDate,
    child: Option<&Child>,
) -> anyhow::Result<Issue<'a>> {
    let in_main_town = home.centre.region == super::county::TOWN;
    let by = match (group, dice.between(0, 99)) {
        (Group::Planning, 0..=44) if in_main_town => &county.office,
        (Group::Planning, 0..=89) => &county.provider,
        (Group::Pregnant, 0..=34) | (Group::Child, 0..=19) => &county.hospital,
        (Group::Pregnant, 35..=44) => &county.mch,
        _ => home.centre,
    };
    let right = IssuingRight {
        service_point: true,
        trained_administrator: true,
        groups: by.issues_to.iter().copied().collect(),
    };
    right.check(group)?;
    let born_on = child.filter(|_| group == Group::Child).map(|child| child.person.born_on);
    let override_reason = born_on.filter(|born| age_in_years(*born, day) >= 3).map(|_| OVERRIDE);
    if let Some(born_on) = born_on {
        check_child(born_on, day, override_reason)?;
    }
    Ok(Issue {
        group,
        kind: if group == Group::Child { IssueKind::Reissue } else { IssueKind::Issue },
        by,
        at: at(day, dice.between(8 * 60 + 30, 16 * 60 + 30)),
        on: day,
        override_reason,
    })
}

/// About seven handbooks of ten are used, one of them on paper.
fn used(dice: &mut Dice, issued_at: DateTime<Utc>, yesterday: NaiveDate) -> Use {
    let now = at(yesterday, 24 * 60 - 1);
    let claimed_at = issued_at + TimeDelta::minutes(dice.between(3, 2000));
    let with_relatives = dice.chance(30);
    let asked_at = issued_at + TimeDelta::days(dice.between(20, 100));
    match dice.between(0, 99) {
        0..=64 if claimed_at < now => Use::Daily { claimed_at, with_relatives },
        65..=73 if asked_at < now => Use::OnPaper(Found::Used, asked_at),
        74..=79 if asked_at < now => Use::OnPaper(Found::NotUsed, asked_at),
        80..=89 if claimed_at < now => Use::Claimed(claimed_at),
        _ => Use::None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::person::IdNumber;

    use super::*;

    fn today() -> NaiveDate {
        "2026-11-22".parse().unwrap()
    }

    #[test]
    fn families_are_possible_people_of_every_stage_and_group() {
        let county = County::new().unwrap();
        let (mut groups, mut numbers, mut used) = (BTreeSet::new(), BTreeSet::new(), 0);
        for index in 0..3000 {
            let (family, _) = family(&county, 42, index, today()).unwrap();
            let number = family.woman.id_number.as_deref().unwrap();
            let number = IdNumber::parse(number).unwrap();
            assert_eq!((number.born_on(), number.sex()), (Some(family.woman.born_on), Sex::Female));
            assert!(numbers.insert(number.as_str().to_owned()), "an ID number twice");
            groups.insert((
                family.issue.group,
                family.issue.kind,
                family.pregnancy.is_some(),
                family.children.len(),
            ));
            let age = (today() - family.issue.on).num_days();
            assert!((1..=OLDEST_ISSUE).contains(&age), "issued {age} days ago");
            used += u32::from(matches!(family.used, Use::Daily { .. } | Use::OnPaper(Found::Used, _)));
            for child in &family.children {
                assert!(
                    age_in_years(family.woman.born_on, child.person.born_on) >= 20
                        && child.person.born_on < today()
                );
            }
        }
        assert!((2000..2300).contains(&used), "{used} of 3000 are used");
        for wanted in [
            (Group::Planning, IssueKind::Issue, false, 0),
            (Group::Planning, IssueKind::Issue, true, 0),
            (Group::Pregnant, IssueKind::Issue, true, 1),
            (Group::Pregnant, IssueKind::Issue, true, 2),
            (Group::Child, IssueKind::Reissue, false, 1),
        ] {
            assert!(groups.contains(&wanted), "{wanted:?} in {groups:?}");
        }
    }

    #[test]
    fn the_same_seed_and_day_make_the_same_family() {
        let county = County::new().unwrap();
        let name = |seed, index| {
            let (family, mut dice) = family(&county, seed, index, today()).unwrap();
            (family.woman.name, family.issue.at, family.home.address, dice.between(0, 1_000_000))
        };
        assert_eq!(name(1, 5), name(1, 5));
        assert_ne!(name(1, 5), name(2, 5));
    }
}
