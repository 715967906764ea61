//! What the next dose of a course is, given the valid ones so far: the same answer judges a dose and says what is due.

use chrono::NaiveDate;

use super::child::{Child, Kind};
use super::condition::Condition;
use super::table::{Component, DoseRule, DtRules, Edition, Product, Series, Tables, tables};
use crate::word::words;

words! {
    /// Doses that count together, whichever edition names them.
    pub enum Course {
        HepB = "hepb", "乙肝", "hepatitis B";
        Bcg = "bcg", "卡介苗", "BCG";
        Polio = "polio", "脊灰", "polio";
        Dtap = "dtap", "百白破", "diphtheria, tetanus and pertussis";
        Mmr = "mmr", "麻腮风", "measles, mumps and rubella";
        JeLive = "je_live", "乙脑减毒活疫苗", "Japanese encephalitis, live";
        JeInactivated = "je_inactivated", "乙脑灭活疫苗", "Japanese encephalitis, inactivated";
        MenA = "men_a", "A群流脑", "meningococcal A";
        MenAc = "men_ac", "A群C群流脑", "meningococcal A and C";
        HepaLive = "hepa_live", "甲肝减毒活疫苗", "hepatitis A, live";
        HepaInactivated = "hepa_inactivated", "甲肝灭活疫苗", "hepatitis A, inactivated";
        Hpv = "hpv", "HPV", "HPV";
        MenConjugate = "men_conjugate", "流脑结合疫苗（24月龄前）", "meningococcal conjugate before 24 months";
        Pcv13 = "pcv13", "13价肺炎球菌", "13-valent pneumococcal";
        Hib = "hib", "b型流感嗜血杆菌", "Hib";
        Rv5 = "rv5", "五价轮状病毒", "5-valent rotavirus";
        RvLlr = "rv_llr", "兰州羊株轮状病毒", "Lanzhou lamb rotavirus";
        Ev71 = "ev71", "肠道病毒71型", "EV71";
        Flu = "flu", "流感", "influenza";
        Varicella = "varicella", "水痘", "varicella";
        Hpv9 = "hpv9", "九价HPV", "9-valent HPV";
        RsvAntibody = "rsv_antibody", "RSV单抗", "RSV antibody";
    }
}

/// How many courses there are.
pub(super) const COURSES: usize = Course::ALL.len();

impl Course {
    /// The course in which a component counts; a conjugate meningococcal vaccine counts in A and C from 24 months on.
    pub(super) const fn of(component: Component) -> Self {
        match component {
            Component::HepB => Self::HepB,
            Component::Bcg => Self::Bcg,
            Component::Ipv | Component::Bopv | Component::Topv => Self::Polio,
            Component::Dtap | Component::Dt => Self::Dtap,
            Component::Mr | Component::Mmr | Component::Measles | Component::Rubella | Component::Mumps => {
                Self::Mmr
            }
            Component::JeLive => Self::JeLive,
            Component::JeInactivated => Self::JeInactivated,
            Component::MpsvA => Self::MenA,
            Component::MpsvAc | Component::MpcvAc | Component::Mcv4 => Self::MenAc,
            Component::HepaLive => Self::HepaLive,
            Component::HepaInactivated => Self::HepaInactivated,
            Component::Hpv2 => Self::Hpv,
            Component::Hpv9 => Self::Hpv9,
            Component::Hib => Self::Hib,
            Component::Pcv13 => Self::Pcv13,
            Component::Rv5 => Self::Rv5,
            Component::RvLlr => Self::RvLlr,
            Component::Ev71 => Self::Ev71,
            Component::Influenza => Self::Flu,
            Component::Varicella => Self::Varicella,
            Component::RsvAntibody => Self::RsvAntibody,
        }
    }
}

/// The valid doses of a course.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) count: u8,
    pub(super) first: Option<NaiveDate>,
    pub(super) last: Option<NaiveDate>,
}

/// What counts of what was given so far.
#[derive(Debug, Clone)]
pub(super) struct History {
    tallies: [Tally; COURSES],
    /// Valid doses by component of the course in which they count.
    components: [u8; Component::ALL.len()],
    /// A valid dose against polio came with other vaccines in one syringe.
    has_combined_polio: bool,
    /// Injected live vaccines as they were given, valid or not, in order of their days.
    pub(super) live: Vec<(NaiveDate, Course)>,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            tallies: [Tally::default(); COURSES],
            components: [0; Component::ALL.len()],
            has_combined_polio: false,
            live: Vec::new(),
        }
    }

    pub(super) fn of(&self, course: Course) -> Tally {
        self.tallies[course as usize]
    }

    pub(super) fn count(&self, component: Component) -> u8 {
        self.components[component as usize]
    }

    /// Counts a valid dose in one of its courses.
    pub(super) fn add(&mut self, course: Course, product: Product, on: NaiveDate) {
        let tally = &mut self.tallies[course as usize];
        tally.count = tally.count.saturating_add(1);
        tally.first = tally.first.or(Some(on));
        tally.last = Some(on);
        for component in product.components() {
            if Course::of(component) == course {
                let count = &mut self.components[component as usize];
                *count = count.saturating_add(1);
            }
        }
        self.has_combined_polio |= course == Course::Polio && product.has(Component::Dtap.bit());
    }

    /// The day until which an injected live vaccine of a course may not be given on `on` or, if it was not given,
    /// later: 28 days after each of another course, unless on the same day.
    pub(super) fn live_until(&self, course: Course, on: NaiveDate) -> Option<NaiveDate> {
        let apart = tables().limits.live_apart;
        let others = self.live.iter().rev().filter(|(day, of)| *of != course && *day < on);
        others.map(|(day, _)| apart.after(*day)).next()
    }

    /// Two conjugate meningococcal doses before 24 months stand for the two of group A.
    fn has_conjugate(&self) -> bool {
        self.of(Course::MenConjugate).count >= 2
    }

    /// Every dose against polio so far was inactivated.
    fn is_ipv_only(&self) -> bool {
        self.count(Component::Ipv) == self.of(Course::Polio).count
    }

    fn type_2(&self) -> u8 {
        self.count(Component::Ipv).saturating_add(self.count(Component::Topv))
    }
}

/// The next dose of a course.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) number: u8,
    /// Products that are asked for.
    pub(super) products: &'static [Product],
    /// Components that are accepted.
    pub(super) wanted: u32,
    /// The day of the minimum age.
    pub(super) by_age: NaiveDate,
    /// The day from which the intervals are kept.
    pub(super) by_interval: Option<NaiveDate>,
    /// The recommended day by age.
    pub(super) recommended: NaiveDate,
    pub(super) overdue_from: Option<NaiveDate>,
    pub(super) rule: &'static str,
    /// The rule of the dose in its series, where it is the one that is followed.
    pub(super) dose: Option<&'static DoseRule>,
}

impl Ask {
    /// The first day on which the dose is valid, as far as its own course goes.
    pub(super) fn earliest(&self) -> NaiveDate {
        self.by_interval.map_or(self.by_age, |by_interval| by_interval.max(self.by_age))
    }

    pub(super) fn accepts(&self, product: Product) -> bool {
        product.has(self.wanted)
    }

    /// The same dose by a rule of catching up.
    fn by(self, rule: &'static str) -> Self {
        Self { rule, dose: None, ..self }
    }
}

/// What follows in a course.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Nothing, by a rule.
    Done(&'static str),
    /// One more dose.
    Dose(Ask),
}

/// A child with what counts of its doses.
#[derive(Clone, Copy)]
pub(super) struct Standing<'a> {
    pub(super) child: &'a Child,
    pub(super) history: &'a History,
}

const COMPLETE: &str = "complete";

impl Standing<'_> {
    /// What follows in a course by a series of it, as seen on a day.
    pub(super) fn step(&self, series: &'static Series, on: NaiveDate) -> Step {
        match series.course {
            Course::Bcg => self.bcg(series, on),
            Course::Polio => self.polio(series, on),
            Course::Dtap => self.dtap(series, on),
            Course::Mmr => self.mmr(series, on),
            Course::JeLive | Course::JeInactivated => self.je(series, on),
            Course::MenA => self.men_a(series, on),
            Course::MenAc => self.men_ac(series, on),
            Course::HepaLive | Course::HepaInactivated => self.hepa(series, on),
            Course::Hpv => self.hpv(series, on),
            _ => self.in_order(series, on),
        }
    }

    /// The series of a course that concerns the child in an edition.
    pub(super) fn series(&self, edition: Edition, course: Course) -> Option<&'static Series> {
        let is_other = match course {
            Course::HepB => self.child.has_four_hepb(),
            Course::Polio => self.has_ipv_only_course(edition),
            Course::Hpv if !self.child.is_of_hpv_cohort() => return None,
            _ => false,
        };
        tables().series(edition, course, is_other)
    }

    /// Against polio with inactivated vaccine only: no live vaccine may be given, or the family chose so with a
    /// combined vaccine or three inactivated doses, unless the usual fourth dose may be given sooner.
    fn has_ipv_only_course(&self, edition: Edition) -> bool {
        let history = self.history;
        let is_chosen =
            history.is_ipv_only() && (history.has_combined_polio || history.count(Component::Ipv) >= 3);
        let earliest = |is_ipv_only| {
            let series = tables().series(edition, Course::Polio, is_ipv_only)?;
            let number = history.of(Course::Polio).count.saturating_add(1);
            Some(self.ask(series, number, self.child.born_on).earliest())
        };
        self.child.has_no_live() || is_chosen && earliest(true) <= earliest(false)
    }

    /// A dose against polio that the inactivated course admits, whichever course the child follows.
    pub(super) fn admits_ipv_only(&self) -> bool {
        self.child.has_no_live() || self.history.is_ipv_only()
    }

    fn age(&self, period: super::Period) -> NaiveDate {
        period.after(self.child.born_on)
    }

    /// The next dose of a series whose doses stand in their order.
    fn in_order(&self, series: &'static Series, on: NaiveDate) -> Step {
        let tally = self.history.of(series.course);
        if tally.count >= series.total {
            return Step::Done(COMPLETE);
        }
        Step::Dose(self.ask(series, tally.count + 1, on))
    }

    /// A dose of a series by its number.
    fn ask(&self, series: &'static Series, number: u8, on: NaiveDate) -> Ask {
        let rule = series.dose(number);
        let tally = self.history.of(series.course);
        let after = tally.last.zip(rule.after).map(|(last, after)| after.after(last));
        let after_first = tally.first.zip(rule.after_first).map(|(first, after)| after.after(first));
        let late = rule.before.map(|before| self.age(before));
        let too_long = tally.last.zip(rule.within).and_then(|(last, within)| within.after(last).succ_opt());
        let by_age = self.age(rule.age);
        let ask = Ask {
            number,
            products: &rule.products,
            wanted: rule.wanted,
            by_age,
            by_interval: after.max(after_first),
            recommended: by_age,
            overdue_from: earlier(late, too_long),
            rule: &rule.id,
            dose: Some(rule),
        };
        if ask.overdue_from.is_some_and(|late| on >= late) { ask.by(self.fill(series, on)) } else { ask }
    }

    /// The rule by which what is late in a series is caught up.
    fn fill(&self, series: &'static Series, on: NaiveDate) -> &'static str {
        if series.course == Course::HepB && self.history.of(Course::HepB).count == 0 {
            return "hepb-late1";
        }
        let later = series.fill_later.as_deref().filter(|_| on >= self.age(series.dose(4).age));
        later.unwrap_or(&series.fill)
    }

    fn bcg(&self, series: &'static Series, on: NaiveDate) -> Step {
        let step = self.in_order(series, on);
        match step {
            Step::Done(_) if self.child.has(Condition::NoScar) => Step::Done("bcg-noscar"),
            Step::Dose(ask) if ask.dose.is_some() && self.child.is_very_preterm() => {
                Step::Dose(ask.by("bcg-preterm"))
            }
            Step::Dose(ask) if ask.dose.is_some() && on > self.child.born_on => {
                Step::Dose(ask.by("bcg-lt3m"))
            }
            step => step,
        }
    }

    /// Inactivated doses come first, as many as the edition and the day of birth need; whoever lacks one has it
    /// before all.
    fn polio(&self, series: &'static Series, on: NaiveDate) -> Step {
        let history = self.history;
        let count = history.of(Course::Polio).count;
        if series.id == "polio-allipv" {
            return self.in_order(series, on);
        }
        if history.count(Component::Ipv) >= 4 {
            return Step::Done("ipv4-done");
        }
        let (missing, rule) = self.missing_ipv(series);
        // Four doses complete the course (2021 text), with two of type II (2026 text).
        if count >= series.total && (!missing || rule != "polio26-type2") {
            return Step::Done(COMPLETE);
        }
        let ask = self.ask(series, count + 1, on);
        let lists = &tables().lists;
        let takes_both = series.dose(4).wanted;
        Step::Dose(match missing {
            true if count < 3 => Ask { products: &lists.ipv, wanted: Component::Ipv.bit(), ..ask },
            true => self.ipv_at_once(ask, rule),
            false if rule == "polio-topv" => Ask { products: &lists.bopv, wanted: takes_both, ..ask },
            false if count == 0 => ask,
            false => Ask { products: &lists.bopv_or_ipv, wanted: takes_both, ..ask },
        })
    }

    /// A dose of IPV that is missing after three or more: 28 days after the last, whatever the age.
    fn ipv_at_once(&self, ask: Ask, rule: &'static str) -> Ask {
        let tables = tables();
        let last = self.history.of(Course::Polio).last;
        let by_interval = last.map(|last| tables.limits.polio_apart.after(last));
        Ask {
            products: &tables.lists.ipv,
            wanted: Component::Ipv.bit(),
            by_age: self.child.born_on,
            recommended: self.child.born_on,
            by_interval,
            overdue_from: None,
            ..ask
        }
        .by(rule)
    }

    /// Whether a dose of IPV is missing, and the rule that says so.
    fn missing_ipv(&self, series: &'static Series) -> (bool, &'static str) {
        let history = self.history;
        let has_topv = history.count(Component::Topv) > 0;
        if series.id == "polio-2026" {
            return (history.type_2() < 2, "polio26-type2");
        }
        let needs_two = series.dose(2).wanted == Component::Ipv.bit();
        let (needed, rule) = match needs_two && self.child.born_on >= tables().cohorts.two_ipv_from {
            _ if has_topv => (0, "polio-topv"),
            true => (2, "polio-notopv-new"),
            false => (1, "polio-notopv-old"),
        };
        (history.count(Component::Ipv) < needed, rule)
    }

    /// DTaP to an age, from then on DT to three doses of both together or one more after three or four of DTaP.
    fn dtap(&self, series: &'static Series, on: NaiveDate) -> Step {
        let count = self.history.of(Course::Dtap).count;
        let Some(dt) = &series.dt else { return self.in_order(series, on) };
        let from = self.age(dt.from);
        if on < from && count < series.total {
            let ask = self.ask(series, count + 1, on);
            if ask.by_age < from && ask.earliest() < from {
                return Step::Dose(ask);
            }
        } else if on < from {
            let has_dt = self.history.count(Component::Dt) > 0;
            return Step::Done(if has_dt { "dtap25-h" } else { COMPLETE });
        }
        self.dt(series, dt, from, on)
    }

    fn dt(&self, series: &'static Series, rules: &'static DtRules, from: NaiveDate, on: NaiveDate) -> Step {
        let tables = tables();
        let limits = &tables.limits;
        let tally = self.history.of(Course::Dtap);
        let (count, has_dt) = (tally.count, self.history.count(Component::Dt) > 0);
        let (after, within, rule) = match count {
            0 => (None, None, &rules.fewer_than_3),
            1 => (Some(limits.dt_second), Some(limits.dt_second_within), &rules.fewer_than_3),
            2 => (Some(limits.dt_third), Some(limits.dt_third_within), &rules.fewer_than_3),
            _ if has_dt => return Step::Done(&rules.enough),
            3 => (Some(limits.dt_after_3), None, &rules.after_3),
            4 => (Some(limits.dt_after_4), None, &rules.after_4),
            _ => return Step::Done(COMPLETE),
        };
        // Late by the dose that was missed under the age of DT; the last one by its own age.
        let missed = series.dose(count.saturating_add(1).max(3)).before.map(|before| self.age(before));
        let too_long = tally.last.zip(within).and_then(|(last, within)| within.after(last).succ_opt());
        let ask = Ask {
            number: count + 1,
            products: &tables.lists.dt,
            wanted: Component::Dt.bit(),
            by_age: from,
            by_interval: tally.last.zip(after).map(|(last, after)| after.after(last)),
            recommended: from,
            overdue_from: earlier(missed, too_long),
            rule,
            dose: None,
        };
        let own = series.dose(5);
        let is_regular =
            count == 4 && own.wanted == ask.wanted && ask.overdue_from.is_none_or(|late| on < late);
        Step::Dose(if is_regular { Ask { rule: &own.id, dose: Some(own), ..ask } } else { ask })
    }

    /// Doses are counted by what they hold: two of measles, one of rubella and mumps, or two of MMR, by the day of
    /// birth.
    fn mmr(&self, series: &'static Series, on: NaiveDate) -> Step {
        let history = self.history;
        let cohorts = &tables().cohorts;
        let has = |component, needed| history.count(component) >= needed;
        let (is_done, rule) = if series.id == "mr-mmr-2016" {
            (self.has_measles_rubella_mumps(), series.fill.as_str())
        } else if self.child.born_on >= cohorts.two_mmr_from {
            (has(Component::Mmr, 2), "mmr-2020")
        } else if self.child.born_on >= cohorts.rubella_from {
            (self.has_measles_rubella_mumps(), "mmr-2007")
        } else {
            (has(Component::Measles, 2), "mmr-pre2007")
        };
        if is_done {
            return Step::Done(COMPLETE);
        }
        let number = history.of(Course::Mmr).count.saturating_add(1);
        let ask = Ask { number, ..self.ask(series, number, on) };
        Step::Dose(if ask.dose.is_some() && number <= series.total { ask } else { ask.by(rule) })
    }

    fn has_measles_rubella_mumps(&self) -> bool {
        let count = |component| self.history.count(component);
        count(Component::Measles) >= 2 && count(Component::Rubella) >= 1 && count(Component::Mumps) >= 1
    }

    /// Two courses of which one completes the child.
    fn je(&self, series: &'static Series, on: NaiveDate) -> Step {
        let is_done = |course, total| self.history.of(course).count >= total;
        if is_done(Course::JeLive, 2) || is_done(Course::JeInactivated, 4) {
            return Step::Done(COMPLETE);
        }
        self.in_order(series, on)
    }

    fn men_a(&self, series: &'static Series, on: NaiveDate) -> Step {
        let step = self.in_order(series, on);
        let rule = if series.id == "mpsv-a-2026" { "mpsva26-conj" } else { "mpsva-conj" };
        if matches!(step, Step::Dose(_)) && self.history.has_conjugate() { Step::Done(rule) } else { step }
    }

    /// From 3 years and a year after the second dose of group A; from 24 months at once for whoever has fewer than two.
    fn men_ac(&self, series: &'static Series, on: NaiveDate) -> Step {
        let step = self.in_order(series, on);
        let Step::Dose(ask) = step else { return step };
        if ask.number > 1 {
            return step;
        }
        let limits = &tables().limits;
        let conjugate = Some(self.history.of(Course::MenConjugate)).filter(|_| self.history.has_conjugate());
        let group_a = conjugate.unwrap_or(self.history.of(Course::MenA));
        let since = |period: super::Period| group_a.last.map(|last| period.after(last));
        if group_a.count >= 2 {
            return Step::Dose(Ask { by_interval: since(limits.men_ac_after_two), ..ask });
        }
        let from = self.age(limits.men_ac_catch_up_from);
        if on < from {
            return step;
        }
        let rule = if group_a.count == 0 { "mpsvac-noA" } else { "mpsvac-oneA" };
        let by_interval = since(limits.men_ac_after_one);
        Step::Dose(Ask { by_age: from, recommended: from, by_interval, ..ask }.by(rule))
    }

    /// One live dose or two inactivated ones; after one inactivated dose a live one 6 months later completes.
    fn hepa(&self, series: &'static Series, on: NaiveDate) -> Step {
        let inactivated = self.history.of(Course::HepaInactivated);
        if self.history.of(Course::HepaLive).count >= 1 {
            return Step::Done(if inactivated.count == 1 { "hepai-switch" } else { COMPLETE });
        }
        if inactivated.count >= 2 {
            return Step::Done("hepai-combo");
        }
        match self.in_order(series, on) {
            Step::Dose(ask) if series.course == Course::HepaLive && inactivated.count == 1 => {
                let by_interval = inactivated.last.map(|last| tables().limits.hepa_switch.after(last));
                Step::Dose(Ask { by_interval, ..ask }.by("hepai-switch"))
            }
            step => step,
        }
    }

    /// The interval governs dose 2. Two doses of another valence are enough.
    fn hpv(&self, series: &'static Series, on: NaiveDate) -> Step {
        if self.history.of(Course::Hpv9).count >= 2 {
            return Step::Done("hpv-other");
        }
        let step = self.in_order(series, on);
        let Step::Dose(ask) = step else { return step };
        if ask.number == 1 {
            return step;
        }
        let by_age = self.age(series.dose(1).age);
        let first = self.history.of(Course::Hpv).first;
        let overdue_from = first.map(|first| tables().limits.hpv_within.after(first));
        let recommended = ask.by_interval.unwrap_or(by_age);
        let ask = Ask { by_age, recommended, overdue_from, ..ask };
        Step::Dose(match (overdue_from, first) {
            (Some(late), _) if on >= late => ask.by(&series.fill),
            (_, Some(first)) if first < by_age => ask.by("hpv-selfpaid"),
            _ => ask,
        })
    }

    /// The course that is planned of two, live and inactivated: the one that was begun last, then the one that was
    /// chosen, then the live one; never the live one where no live vaccine may be given.
    pub(super) fn chosen(&self, live: Course, inactivated: Course, choice: Option<Kind>) -> Course {
        if self.may_not_have_live(live) {
            return inactivated;
        }
        let (of_live, of_inactivated) = (self.history.of(live).last, self.history.of(inactivated).last);
        let is_switch = live == Course::HepaLive && choice == Some(Kind::Live);
        match (of_live, of_inactivated, choice) {
            (None, Some(_), _) if !is_switch => inactivated,
            (Some(of_live), Some(of_inactivated), _) if of_inactivated > of_live => inactivated,
            (None, None, Some(Kind::Inactivated)) => inactivated,
            _ => live,
        }
    }

    /// Whether a state of health or an allergy forbids the live one of two vaccines.
    pub(super) fn may_not_have_live(&self, live: Course) -> bool {
        let component = if live == Course::JeLive { Component::JeLive } else { Component::HepaLive };
        let forbidden = self.child.forbidden();
        let is_forbidden = |product: Product| product.has(component.bit()) && product.bit() & forbidden != 0;
        self.child.has_no_live() || (forbidden != 0 && Product::all().any(is_forbidden))
    }

    /// The day from which a series is not caught up any more, and the rule.
    pub(super) fn closes(&self, series: &'static Series) -> (NaiveDate, &'static str) {
        (self.age(series.closes), &series.closed_by)
    }

    /// The tables, for figures that are no course's.
    pub(super) fn tables(&self) -> &'static Tables {
        tables()
    }
}

fn earlier(one: Option<NaiveDate>, other: Option<NaiveDate>) -> Option<NaiveDate> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}
