//! From rules and the known days of a subject to items: windows, series, and how each item stands.

use chrono::NaiveDate;

use super::edition::{Again, Condition, Phase, Rule, Setting};
use super::moment::{Anchor, Anchors, Moment, Span};
use super::pregnancy::Event;
use super::{Item, Status};

/// What is known of a subject on a day, as rules ask for it.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// The day of the plan.
    pub(super) on: NaiveDate,
    /// The known days.
    pub(super) anchors: Anchors,
    /// Events that may come more than once.
    pub(super) events: &'a [(Event, NaiveDate)],
    /// What holds of the subject, as far as it is known.
    pub(super) conditions: [Option<bool>; Condition::ALL.len()],
    /// What ended, by phase.
    pub(super) ended: [Option<Ended>; Phase::ALL.len()],
    /// Whether the pregnancy ended without a living child.
    pub(super) is_loss: bool,
    /// Last day of the check at 42 days after the birth, where the region sets one.
    pub(super) postpartum_check_days: Option<u16>,
}

/// What an end makes of the items of a phase that were not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// A loss or a death: nobody is reminded of any of them.
    Stopped,
    /// The phase was over on this day: what had opened before was missed, the rest was never asked for.
    Over(NaiveDate),
}

/// The days of one item.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    opens: Option<NaiveDate>,
    due: Option<NaiveDate>,
    until: Option<NaiveDate>,
    practice: [Option<NaiveDate>; 2],
}

/// The items of a schedule, of which `done` says by their place in it what was done, in order and without repeats.
pub(super) fn items(rules: &'static [Rule], frame: &Frame<'_>, done: &[(usize, NaiveDate)]) -> Vec<Item> {
    let mut items = Vec::with_capacity(rules.len() + done.len());
    let mut rest = done;
    for (number, rule) in rules.iter().enumerate() {
        let (of_rule, after) = rest.split_at(rest.partition_point(|(of, _)| *of <= number));
        rest = after;
        let days = of_rule.iter().map(|(_, on)| *on);
        let mut list = List { frame, rule, items: &mut items, number: 0 };
        match (rule.again, frame.applies(rule)) {
            (_, None | Some(false)) => list.not_asked_for(days),
            (Some(again), _) if again.between.is_some() => list.series(again, days),
            (again, _) => list.pieces(again.and_then(|again| again.every), days.collect()),
        }
    }
    items
}

impl Frame<'_> {
    /// Whether an item is asked for of the subject: not without its event, and not known where its condition is not.
    fn applies(&self, rule: &Rule) -> Option<bool> {
        let has_happened = rule.event().is_none_or(|event| {
            self.anchors.day(event).is_some() || self.events.iter().any(|(of, _)| of.anchor() == event)
        });
        if !has_happened {
            return Some(false);
        }
        rule.applies.map_or(Some(true), |condition| self.conditions[condition as usize])
    }

    fn window(&self, rule: &Rule, anchors: &Anchors) -> Window {
        let on = |moment: &Moment| moment.on(anchors);
        let opens = latest_of_all(&rule.opens, anchors);
        let closes = match (rule.closes_after_loss, rule.setting, self.postpartum_check_days) {
            (Some(moment), _, _) if self.is_loss => moment.on(anchors),
            (_, Some(Setting::PostpartumCheckDays), Some(days)) => {
                anchors.day(Anchor::Delivery).map(|day| Span::of_days(days.into()).after(day))
            }
            _ => rule.closes.iter().filter_map(on).min(),
        };
        // A child may leave hospital before the window of a screening opens: no window ends before it begins.
        let due = opens.and_then(|opens| closes.map(|closes| closes.max(opens)));
        let until = rule.until.iter().filter_map(on).max();
        let until = until.map(|until| due.map_or(until, |due| due.max(until)));
        let practice = [rule.practice_opens, rule.practice_closes].map(|moment| moment.as_ref().and_then(on));
        Window { opens, due, until, practice }
    }

    /// How something that was not done stands.
    fn status(&self, phase: Phase, window: &Window) -> Status {
        match (self.ended[phase as usize], window.opens) {
            (Some(Ended::Stopped), _) => Status::Stopped,
            (Some(Ended::Over(day)), Some(opens)) if opens < day => Status::Missed,
            (Some(Ended::Over(_)), _) => Status::NotApplicable,
            (None, None) => Status::Upcoming,
            (None, Some(opens)) if self.on < opens => Status::Upcoming,
            _ if window.due.is_some_and(|due| self.on <= due) => Status::Due,
            _ if window.until.is_some_and(|until| self.on > until) => Status::Missed,
            _ if window.due.is_some() => Status::Overdue,
            _ => Status::Due,
        }
    }
}

/// The latest of several moments; nothing where one is not known.
fn latest_of_all(moments: &[Moment], anchors: &Anchors) -> Option<NaiveDate> {
    moments.iter().try_fold(None, |latest, moment| Some(latest.max(Some(moment.on(anchors)?))))?
}

/// The items of one rule, as they are found.
struct List<'f, 'i> {
    frame: &'f Frame<'f>,
    rule: &'static Rule,
    items: &'i mut Vec<Item>,
    number: u32,
}

impl List<'_, '_> {
    fn push(&mut self, window: &Window, status: Status, done_on: Option<NaiveDate>) {
        self.number += 1;
        self.items.push(Item {
            rule: self.rule,
            number: self.number,
            opens_on: window.opens,
            due_on: window.due,
            overdue_on: window.due.map(|due| Span::of_days(1).after(due)),
            until_on: window.until,
            practice_opens_on: window.practice[0],
            practice_due_on: window.practice[1],
            status,
            done_on,
        });
    }

    fn stand(&mut self, window: &Window, done_on: Option<NaiveDate>) {
        let status =
            if done_on.is_some() { Status::Done } else { self.frame.status(self.rule.phase, window) };
        self.push(window, status, done_on);
    }

    /// What was done stays done; otherwise an item without days: not asked for, or not known to be. Where that is
    /// still not known when its time is over, nobody will ask for it any more.
    fn not_asked_for(&mut self, done: impl Iterator<Item = NaiveDate>) {
        let window = Window::default();
        let is_series = self.rule.again.is_some() || self.rule.event().is_some();
        for day in done.take(if is_series { usize::MAX } else { 1 }) {
            self.push(&window, Status::Done, Some(day));
        }
        if self.number == 0 {
            let known = self.frame.window(self.rule, &self.frame.anchors);
            let is_over = known.opens.is_some() && known.until.is_some_and(|until| self.frame.on > until);
            let status = match self.frame.applies(self.rule) {
                None if !is_over => self.frame.status(self.rule.phase, &window),
                _ => Status::NotApplicable,
            };
            self.push(&window, status, None);
        }
    }

    /// One item, or one for each piece of its window or each time that its event happened.
    fn pieces(&mut self, every: Option<Span>, done: Vec<NaiveDate>) {
        let frame = self.frame;
        let windows = match (self.rule.event(), every) {
            (Some(event), _) => {
                let mut days: Vec<_> =
                    frame.events.iter().filter(|(of, _)| of.anchor() == event).map(|(_, day)| *day).collect();
                days.sort_unstable();
                days.dedup();
                let of_day = |day| frame.window(self.rule, &frame.anchors.with(event, Some(day)));
                days.into_iter().map(of_day).collect()
            }
            (None, Some(every)) => cut(frame.window(self.rule, &frame.anchors), every),
            (None, None) => {
                let window = frame.window(self.rule, &frame.anchors);
                return self.stand(&window, done.first().copied());
            }
        };
        for (window, done_on) in windows.iter().zip(assign(&windows, &done)) {
            self.stand(window, done_on);
        }
    }

    /// Each time that it was done, and the next one.
    fn series(&mut self, again: Again, done: impl Iterator<Item = NaiveDate>) {
        let Some([least, most]) = again.between else { return };
        let anchors = &self.frame.anchors;
        let start = latest_of_all(&self.rule.opens, anchors);
        let end = self.rule.closes.iter().filter_map(|moment| moment.on(anchors)).min();
        let mut last = start.filter(|_| again.begins_done);
        let window = |last: Option<NaiveDate>| {
            let opens = last.map(|last| least.after(last)).max(start);
            let due = last.or(start).map(|from| most.after(from)).max(opens);
            Window { opens, due, ..Window::default() }
        };
        for day in done {
            self.push(&window(last), Status::Done, Some(day));
            last = Some(day);
        }
        let next = window(last);
        let never_opens = end.is_some_and(|end| next.opens.is_some_and(|opens| opens > end));
        match (end.filter(|end| self.frame.on > *end), next.due) {
            _ if never_opens && self.number > 0 => (),
            _ if never_opens => self.push(&Window::default(), Status::NotApplicable, None),
            (Some(end), due) if self.frame.ended[self.rule.phase as usize].is_none() => {
                let was_due = due.is_some_and(|due| due <= end);
                self.push(&next, if was_due { Status::Missed } else { Status::NotApplicable }, None);
            }
            _ => self.stand(&next, None),
        }
    }
}

/// For which of several windows each day counts: the first free one that holds it; done late, the last free one that
/// had opened; done before any had, the first.
fn assign(windows: &[Window], done: &[NaiveDate]) -> Vec<Option<NaiveDate>> {
    let mut days = vec![None; windows.len()];
    for day in done {
        let is_free = |index: &usize| days.get(*index) == Some(&None);
        let has_opened = |index: &usize| windows.get(*index).is_some_and(|window| window.opens <= Some(*day));
        let holds = |index: &usize| windows.get(*index).is_some_and(|window| Some(*day) <= window.due);
        let opened = || (0..windows.len()).filter(is_free).filter(has_opened);
        let is_early = !(0..windows.len()).any(|index| has_opened(&index));
        let of = opened().find(holds).or(opened().next_back()).or(Some(0).filter(|_| is_early));
        if let Some(slot) = of.and_then(|index| days.get_mut(index)) {
            *slot = slot.or(Some(*day));
        }
    }
    days
}

/// A window in pieces of the same length; the last one ends with it.
fn cut(window: Window, every: Span) -> Vec<Window> {
    let (Some(mut opens), Some(end)) = (window.opens, window.due) else { return vec![window] };
    let mut pieces = Vec::new();
    while opens <= end {
        let next = every.after(opens);
        let due = next.pred_opt().filter(|due| *due >= opens).unwrap_or(end).min(end);
        pieces.push(Window { opens: Some(opens), due: Some(due), ..window });
        opens = Span::of_days(1).after(due);
        if opens <= due {
            break;
        }
    }
    pieces
}
