//! What is due next of every series, by one edition on one day.

use chrono::NaiveDate;

use super::child::{Child, Hbsag};
use super::condition::Condition;
use super::course::{Ask, Course, History, Standing, Step};
use super::judge::{apart_from_immunoglobulin, is_injected_live};
use super::table::{DoseRule, Edition, Product, Series};
use crate::word::words;

words! {
    /// Where a series stands on a day.
    pub enum Status {
        NotYetDue = "not_yet_due", "未到期", "not yet due";
        Due = "due", "应接种", "due";
        Overdue = "overdue", "逾期", "overdue";
        Complete = "complete", "已完成", "complete";
        Closed = "closed", "不再补种", "closed";
        Deferred = "deferred", "暂缓", "deferred";
        Contraindicated = "contraindicated", "禁忌", "contraindicated";
    }
}

/// Products of which one is given: a list less those that are forbidden to the child.
#[derive(Debug, Clone, Copy)]
pub struct Products {
    listed: &'static [Product],
    forbidden: u64,
}

impl Products {
    /// Each, the preferred first.
    pub fn iter(self) -> impl Iterator<Item = Product> {
        let Self { listed, forbidden } = self;
        listed.iter().copied().filter(move |product| product.bit() & forbidden == 0)
    }
}

/// The next dose of a series.
#[derive(Debug, Clone, Copy)]
pub struct Next {
    /// Its number.
    pub dose: u8,
    /// What may be given.
    pub products: Products,
    /// The first day on which it is valid; for what is due already, the day since when.
    pub earliest: NaiveDate,
    /// The day on which it is recommended.
    pub recommended: NaiveDate,
    /// The first day on which it is late; nothing where the programme sets none for this dose.
    pub overdue_from: Option<NaiveDate>,
    /// The rule: `hepb.2` or one of catching up. The id of a series may tell a secret (`hepb-hbsagpos-lbw`), the
    /// texts never do.
    pub rule: &'static str,
}

/// Something to do that is no dose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// HBsAg and anti-HBs are tested within these days, because the mother's HBsAg is positive (`hepb-postvac`). It
    /// tells that.
    TestHepatitisB {
        /// From.
        from: NaiveDate,
        /// To, the day included.
        to: NaiveDate,
    },
}

/// Where a series stands.
#[derive(Debug, Clone, Copy)]
pub struct SeriesPlan {
    /// The series.
    pub series: &'static Series,
    /// The edition.
    pub edition: Edition,
    /// Its status.
    pub status: Status,
    /// The next dose; nothing where none is to be given.
    pub next: Option<Next>,
    /// The day from which a dose that is still missing is late, whichever: an early one may have no day of its own.
    pub series_overdue_from: Option<NaiveDate>,
    /// Something else to do.
    pub note: Option<Note>,
    /// The rule that decides the status.
    pub rule: &'static str,
    pub(super) dose: Option<&'static DoseRule>,
}

impl SeriesPlan {
    /// The next dose as labels show it: `HepB-2`.
    pub fn label(&self) -> Option<String> {
        self.next.map(|next| format!("{}-{}", self.series.vaccine, next.dose))
    }
}

/// Every series of an edition that concerns a child.
pub(super) fn of_edition(
    child: &Child,
    history: &History,
    edition: Edition,
    on: NaiveDate,
) -> Vec<SeriesPlan> {
    let desk = Desk { standing: Standing { child, history }, edition, on, forbidden: child.forbidden() };
    edition.series().filter_map(|series| desk.series(series)).collect()
}

struct Desk<'a> {
    standing: Standing<'a>,
    edition: Edition,
    on: NaiveDate,
    forbidden: u64,
}

/// What keeps a dose from being given.
struct Delay {
    until: NaiveDate,
    rule: &'static str,
}

impl Desk<'_> {
    /// A series, if it concerns the child: of two that replace each other one does, and the live one that may not be
    /// given shows that beside the other.
    fn series(&self, series: &'static Series) -> Option<SeriesPlan> {
        let child = self.standing.child;
        let (live, inactivated, choice) = match series.course {
            Course::JeLive | Course::JeInactivated => (Course::JeLive, Course::JeInactivated, child.je),
            Course::HepaLive | Course::HepaInactivated => {
                (Course::HepaLive, Course::HepaInactivated, child.hepa)
            }
            course => {
                let concerns = self.standing.series(self.edition, course)?;
                return std::ptr::eq(concerns, series).then(|| self.stand(series));
            }
        };
        if self.standing.chosen(live, inactivated, choice) == series.course {
            return Some(self.stand(series));
        }
        let is_barred = series.course == live && self.standing.may_not_have_live(live);
        is_barred.then(|| self.stand(series)).filter(|plan| plan.status == Status::Contraindicated)
    }

    fn stand(&self, series: &'static Series) -> SeriesPlan {
        match self.standing.step(series, self.on) {
            Step::Done(rule) => {
                SeriesPlan { note: self.note(series), ..self.ended(series, Status::Complete, rule) }
            }
            Step::Dose(ask) => self.dose(series, &ask),
        }
    }

    fn ended(&self, series: &'static Series, status: Status, rule: &'static str) -> SeriesPlan {
        SeriesPlan {
            series,
            edition: self.edition,
            status,
            next: None,
            series_overdue_from: None,
            note: None,
            rule,
            dose: None,
        }
    }

    /// Whoever was born of a mother whose HBsAg is positive is tested one to two months after the last dose (2021
    /// text).
    fn note(&self, series: &'static Series) -> Option<Note> {
        let is_positive = self.standing.child.mother_hbsag == Hbsag::Positive;
        let last = self.standing.history.of(Course::HepB).last?;
        let limits = &self.standing.tables().limits;
        (series.course == Course::HepB && is_positive).then(|| Note::TestHepatitisB {
            from: limits.test_from.after(last),
            to: limits.test_to.after(last),
        })
    }

    fn dose(&self, series: &'static Series, ask: &Ask) -> SeriesPlan {
        let possible = ask.earliest();
        let delay = self.delay(series.course, ask);
        let earliest = delay.as_ref().map_or(possible, |delay| delay.until);
        let (closes_on, closed_by) = self.standing.closes(series);
        if earliest.max(self.on) >= closes_on {
            return self.ended(series, Status::Closed, closed_by);
        }
        let products = Products { listed: ask.products, forbidden: self.forbidden };
        if let Some(rule) = self.bar(series.course, products) {
            return self.ended(series, Status::Contraindicated, rule);
        }
        let (status, rule) = self.status(possible, earliest, ask, delay.as_ref());
        let next = Next {
            dose: ask.number,
            products,
            earliest,
            recommended: ask.recommended.max(earliest),
            overdue_from: ask.overdue_from,
            rule: ask.rule,
        };
        let missing = series.doses.iter().skip(usize::from(ask.number) - 1);
        let late = missing.filter_map(|dose| dose.before).map(|age| age.after(self.standing.child.born_on));
        SeriesPlan {
            next: Some(next),
            series_overdue_from: late.chain(ask.overdue_from).min(),
            dose: ask.dose.filter(|dose| dose.id == rule),
            ..self.ended(series, status, rule)
        }
    }

    /// Injected live vaccines 28 days after one another, and both they and JE-I after immunoglobulin. Whichever ends
    /// last.
    fn delay(&self, course: Course, ask: &Ask) -> Option<Delay> {
        let Standing { child, history } = self.standing;
        let at = ask.earliest().max(self.on);
        let is_live = is_injected_live(ask.products);
        let of_live = is_live.then(|| history.live_until(course, at)).flatten();
        let apart = apart_from_immunoglobulin(course, is_live);
        let of_blood = apart.and_then(|apart| child.delayed_to(apart, self.on));
        let of_live = of_live.map(|until| Delay { until, rule: "coadministration" });
        let of_blood = of_blood.map(|until| Delay { until, rule: "immunoglobulin" });
        let delays = [of_live, of_blood].into_iter().flatten();
        delays.filter(|delay| delay.until > at).max_by_key(|delay| delay.until)
    }

    /// The rule that forbids what is asked for.
    fn bar(&self, course: Course, products: Products) -> Option<&'static str> {
        if products.iter().next().is_none() {
            return Some("severe_allergy");
        }
        let child = self.standing.child;
        let is_barred = match course {
            Course::Bcg | Course::JeLive | Course::HepaLive => child.has_no_live(),
            Course::Mmr => child.has_no_mmr(),
            _ => false,
        };
        is_barred.then_some("live_vaccine")
    }

    fn status(
        &self,
        possible: NaiveDate,
        earliest: NaiveDate,
        ask: &Ask,
        delay: Option<&Delay>,
    ) -> (Status, &'static str) {
        let is_deferred = |delay: &&Delay| possible <= self.on && delay.rule == "immunoglobulin";
        if let Some(delay) = delay.filter(is_deferred) {
            return (Status::Deferred, delay.rule);
        }
        if earliest > self.on {
            return (Status::NotYetDue, delay.map_or(ask.rule, |delay| delay.rule));
        }
        if self.standing.child.has(Condition::Fever) {
            return (Status::Deferred, "acute_illness");
        }
        let is_late = ask.overdue_from.is_some_and(|late| self.on >= late);
        (if is_late { Status::Overdue } else { Status::Due }, ask.rule)
    }
}
