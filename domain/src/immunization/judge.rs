//! Which doses count: each is held against what its course asked for on its day, by the edition in force on that day.

use std::cmp::Reverse;

use chrono::NaiveDate;

use super::child::Child;
use super::condition::Condition;
use super::course::{Ask, Course, History, Standing, Step};
use super::starts::Starts;
use super::table::{Component, Edition, Product, Series, Voluntary, tables};
use super::{Given, Period};
use crate::word::words;

words! {
    /// Why a dose does not count; `not_judged` alone says why one counts.
    pub enum Reason {
        TooYoung = "too_young", "未到最小接种年龄", "given before the minimum age";
        TooSoon = "too_soon", "与上一剂间隔不足", "given before the minimum interval had passed";
        WrongProduct = "wrong_product", "不是本剂次规定的疫苗", "not a vaccine of this dose";
        SameDay = "same_day", "同一天重复接种同一疫苗", "the same vaccine twice on one day";
        SeriesComplete = "series_complete", "已完成全程，不计入", "the series was complete already";
        LiveInterval = "live_interval", "距另一注射类减毒活疫苗不足28天", "less than 28 days after another injected live vaccine";
        AfterImmunoglobulin = "after_immunoglobulin", "接受免疫球蛋白或血液制品后间隔不足", "too soon after immunoglobulin";
        OutbreakDose = "outbreak_dose", "8月龄前的应急接种不计入", "an emergency dose before 8 months does not count";
        NotJudged = "not_judged", "早于收录的程序版本，按已接种计入", "given before the first edition and counted as given";
    }
}

/// What one dose is worth in one course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The id of the series by which it was judged.
    pub series: &'static str,
    /// Its number in the series; nothing for an invalid one.
    pub number: Option<u8>,
    /// The number that it would have had; nothing where the series was complete or the day had it already.
    pub attempted: Option<u8>,
    /// Whether it counts.
    pub valid: bool,
    /// Why it does not count, or that nobody judged it.
    pub reason: Option<Reason>,
}

/// The verdict on one dose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The dose.
    pub given: Given,
    /// What it is worth in the first course of its product.
    pub main: Counted,
    /// And in the others, for a combined vaccine.
    pub also: [Option<Counted>; 2],
}

impl Verdict {
    /// What it is worth in every course.
    pub fn counted(&self) -> impl Iterator<Item = &Counted> {
        std::iter::once(&self.main).chain(self.also.iter().flatten())
    }
}

/// Judges every dose; the verdicts stand in the order in which the doses came.
pub(super) fn judge(child: &Child, given: &[Given], starts: &Starts) -> (History, Vec<Verdict>) {
    let mut history = History::new();
    let mut order: Vec<usize> = (0..given.len()).collect();
    order.sort_by_key(|at| given.get(*at).map(|dose| (dose.on, dose.product, Reverse(dose.self_paid))));
    let mut verdicts: Vec<(usize, Verdict)> = Vec::with_capacity(given.len());
    for at in order {
        let Some(dose) = given.get(at) else { continue };
        let is_again = verdicts
            .last()
            .is_some_and(|(_, before)| (before.given.product, before.given.on) == (dose.product, dose.on));
        verdicts.push((at, verdict(child, &mut history, *dose, is_again, starts)));
    }
    verdicts.sort_unstable_by_key(|(at, _)| *at);
    (history, verdicts.into_iter().map(|(_, verdict)| verdict).collect())
}

fn verdict(child: &Child, history: &mut History, dose: Given, is_again: bool, starts: &Starts) -> Verdict {
    let edition = starts.in_force(child.region, dose.on);
    let bench = Bench { standing: Standing { child, history }, dose, is_again, edition };
    let mut counted = dose.product.courses().iter().map(|course| {
        let course = bench.course(*course);
        (course, bench.count(course))
    });
    // Every product counts somewhere, and none in more than three courses.
    let main = counted.next().unwrap_or((Course::RsvAntibody, NOWHERE));
    let also = [counted.next(), counted.next()];
    for (course, counted) in std::iter::once(main).chain(also.into_iter().flatten()) {
        if counted.valid {
            history.add(course, dose.product, dose.on);
        }
        if dose.product.is_injected_live() {
            history.live.push((dose.on, course));
        }
    }
    Verdict { given: dose, main: main.1, also: also.map(|one| one.map(|(_, counted)| counted)) }
}

const NOWHERE: Counted =
    Counted { series: "", number: None, attempted: None, valid: false, reason: Some(Reason::WrongProduct) };

/// One dose and what counted before it.
struct Bench<'a> {
    standing: Standing<'a>,
    dose: Given,
    is_again: bool,
    edition: Option<Edition>,
}

impl Bench<'_> {
    /// A conjugate meningococcal vaccine is a course of its own before 24 months.
    fn course(&self, course: Course) -> Course {
        let is_conjugate = course == Course::MenAc && self.dose.product.has(Component::MpcvAc.bit());
        let from = tables().limits.men_ac_catch_up_from.after(self.standing.child.born_on);
        if is_conjugate && self.dose.on < from { Course::MenConjugate } else { course }
    }

    fn count(&self, course: Course) -> Counted {
        let Some(edition) = self.edition else { return self.unjudged(course) };
        let series = self.standing.series(edition, course);
        match series.filter(|_| !(course == Course::Hpv && self.dose.self_paid)) {
            None => self.by_insert(course),
            Some(series) if course == Course::Polio => self.polio(series, edition),
            Some(series) => self.by_series(series),
        }
    }

    /// Before the first edition whatever was given counts, up to the whole of the course.
    fn unjudged(&self, course: Course) -> Counted {
        let first = Edition::all().next().and_then(|first| self.standing.series(first, course));
        let id = first.map(|series| series.id.as_str());
        let id = id.or_else(|| tables().voluntary(course).map(|one| one.id.as_str())).unwrap_or_default();
        let count = self.standing.history.of(course).count;
        match first {
            _ if self.is_again => refused(id, None, Reason::SameDay),
            Some(series) if count >= series.total => refused(id, None, Reason::SeriesComplete),
            _ => Counted { reason: Some(Reason::NotJudged), ..accepted(id, count + 1) },
        }
    }

    /// Against polio the inactivated course admits what the other does not, and the other way round.
    fn polio(&self, followed: &'static Series, edition: Edition) -> Counted {
        let by_followed = self.by_series(followed);
        let is_inactivated = self.dose.product.has(Component::Ipv.bit());
        let other = [false, true].into_iter().filter_map(|is_ipv_only| {
            let is_open = !is_ipv_only || (is_inactivated && self.standing.admits_ipv_only());
            tables().series(edition, Course::Polio, is_ipv_only).filter(|_| is_open)
        });
        let others = other.filter(|series| series.id != followed.id).map(|series| self.by_series(series));
        std::iter::once(by_followed).chain(others).find(|counted| counted.valid).unwrap_or(by_followed)
    }

    fn by_series(&self, series: &'static Series) -> Counted {
        if self.is_again {
            return refused(&series.id, None, Reason::SameDay);
        }
        match self.standing.step(series, self.dose.on) {
            Step::Done(_) => refused(&series.id, None, Reason::SeriesComplete),
            Step::Dose(ask) => match self.objection(series.course, &ask) {
                Some(reason) => refused(&series.id, Some(ask.number), reason),
                None => accepted(&series.id, ask.number),
            },
        }
    }

    fn objection(&self, course: Course, ask: &Ask) -> Option<Reason> {
        let Given { product, on, .. } = self.dose;
        let insert = product.insert_age(ask.number).map(|age| age.after(self.standing.child.born_on));
        let by_age = insert.map_or(ask.by_age, |by_insert| by_insert.min(ask.by_age));
        if on < by_age {
            return Some(self.too_young(course));
        }
        if !ask.accepts(product) {
            return Some(Reason::WrongProduct);
        }
        if ask.by_interval.is_some_and(|from| on < from) {
            return Some(Reason::TooSoon);
        }
        self.spacing(course)
    }

    fn too_young(&self, course: Course) -> Reason {
        let child = self.standing.child;
        let outbreak_from = tables().limits.outbreak_from.after(child.born_on);
        let is_emergency = course == Course::Mmr && child.has(Condition::Outbreak);
        if is_emergency && self.dose.on >= outbreak_from { Reason::OutbreakDose } else { Reason::TooYoung }
    }

    /// By its package insert: outside the programme, or paid by the family.
    fn by_insert(&self, course: Course) -> Counted {
        let Some(insert) = tables().voluntary(course) else { return NOWHERE };
        let tally = self.standing.history.of(course);
        let number = tally.count + 1;
        let by_interval = tally.last.map(|last| insert.after.after(last));
        let objection = match () {
            () if self.is_again => return refused(&insert.id, None, Reason::SameDay),
            () if self.dose.on < self.insert_age(insert, number) => Some(Reason::TooYoung),
            () if by_interval.is_some_and(|from| self.dose.on < from) => Some(Reason::TooSoon),
            () => self.spacing(course),
        };
        objection
            .map_or_else(|| accepted(&insert.id, number), |reason| refused(&insert.id, Some(number), reason))
    }

    fn insert_age(&self, insert: &Voluntary, number: u8) -> NaiveDate {
        let born_on = self.standing.child.born_on;
        let own = self.dose.product.insert_age(number).map(|age| age.after(born_on));
        let by_age = insert.age.after(born_on);
        own.map_or(by_age, |own| own.min(by_age))
    }

    /// What other vaccines and blood products have to say.
    fn spacing(&self, course: Course) -> Option<Reason> {
        let Given { product, on, .. } = self.dose;
        let is_live = product.is_injected_live();
        if is_live && self.standing.history.live_until(course, on).is_some_and(|until| on < until) {
            return Some(Reason::LiveInterval);
        }
        let apart = apart_from_immunoglobulin(course, is_live)?;
        let delayed_to = self.standing.child.delayed_to(apart, on);
        delayed_to.filter(|until| on < *until).map(|_| Reason::AfterImmunoglobulin)
    }
}

/// How long a vaccine waits after immunoglobulin: injected live ones except BCG, and the inactivated one against JE.
pub(super) fn apart_from_immunoglobulin(course: Course, is_injected_live: bool) -> Option<Period> {
    let limits = &tables().limits;
    match course {
        Course::JeInactivated => Some(limits.immunoglobulin_je_inactivated),
        Course::Bcg => None,
        _ => is_injected_live.then_some(limits.immunoglobulin_live),
    }
}

fn accepted(series: &'static str, number: u8) -> Counted {
    Counted { series, number: Some(number), attempted: Some(number), valid: true, reason: None }
}

fn refused(series: &'static str, attempted: Option<u8>, reason: Reason) -> Counted {
    Counted { series, number: None, attempted, valid: false, reason: Some(reason) }
}

/// Whether the products of a course are live vaccines that are injected.
pub(super) fn is_injected_live(products: &[Product]) -> bool {
    products.first().is_some_and(|product| product.is_injected_live())
}
