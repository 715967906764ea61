//! What happens when in a family that uses its handbook.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::calendar::{Month, day_in_china};
use domain::handbook::Group;
use domain::pregnancy::{Dates, Outcome};
use serde_json::{Value as Json, json};

use super::{About, Planned, Sheet, What};
use crate::demo::Pace;
use crate::demo::county::{County, Institution};
use crate::demo::families::{Child, Family, Pregnancy, at, back, on};
use crate::demo::growth::{Measures, measures};
use crate::demo::random::Dice;

/// Plans everything that a family of its kind lives through; what lies ahead is dropped afterwards.
pub(super) struct Plan<'p, 'c> {
    pub(super) county: &'c County,
    pub(super) family: &'c Family<'c>,
    pub(super) claimed_at: DateTime<Utc>,
    pub(super) today: NaiveDate,
    pub(super) pace: Pace,
    pub(super) dice: &'p mut Dice,
    pub(super) planned: Vec<Planned<'c>>,
}

/// Completed weeks of the visits after the first, and how many entries a family keeps up for a time.
const FOLLOW_UP_WEEKS: [i64; 6] = [18, 23, 30, 34, 37, 39];

/// Child visits: form, visit and age in days.
const CHILD_VISITS: [(&str, &str, i64); 12] = [
    ("m1_m8", "m1", 30),
    ("m1_m8", "m3", 92),
    ("m1_m8", "m6", 183),
    ("m1_m8", "m8", 244),
    ("m12_m30", "m12", 366),
    ("m12_m30", "m18", 549),
    ("m12_m30", "m24", 732),
    ("m12_m30", "m30", 914),
    ("y3_y6", "m36", 1097),
    ("y3_y6", "y4", 1462),
    ("y3_y6", "y5", 1828),
    ("y3_y6", "y6", 2192),
];

/// Programme vaccines: product, dose and age in months (2021 programme with the four DTaP doses of 2025).
const DOSES: [(&str, i64, i64); 19] = [
    ("HepB", 2, 1),
    ("IPV", 1, 2),
    ("DTaP", 1, 2),
    ("IPV", 2, 3),
    ("bOPV", 1, 4),
    ("DTaP", 2, 4),
    ("HepB", 3, 6),
    ("DTaP", 3, 6),
    ("MPSV-A", 1, 6),
    ("MMR", 1, 8),
    ("JE-L", 1, 8),
    ("MPSV-A", 2, 9),
    ("DTaP", 4, 18),
    ("MMR", 2, 18),
    ("HepA-L", 1, 18),
    ("JE-L", 2, 24),
    ("MPSV-AC", 1, 36),
    ("bOPV", 2, 48),
    ("MPSV-AC", 2, 60),
];

impl<'c> Plan<'_, 'c> {
    pub(super) fn everything(&mut self) {
        match self.family.pregnancy {
            Some(pregnancy) => self.pregnancy(pregnancy),
            None if self.family.issue.group == Group::Planning => self.planning(),
            None => {}
        }
        for (place, child) in self.family.children.iter().enumerate() {
            self.childhood(place, child);
        }
    }

    fn entry(&mut self, at: DateTime<Utc>, about: About, kind: &'static str, body: Json) {
        self.planned.push(Planned { at, what: What::Entry(Sheet { about, kind, body }) });
    }

    fn visit(&mut self, at: DateTime<Utc>, desk: &'c Institution, sheets: Vec<Sheet>) {
        self.planned.push(Planned { at, what: What::Visit(desk, sheets) });
    }

    fn clinic_hour(&mut self, day: NaiveDate) -> DateTime<Utc> {
        at(day, self.dice.between(8 * 60 + 20, 16 * 60))
    }

    /// The days on which a family writes, unless it writes nearly every day.
    fn writing_days(
        &mut self,
        from: NaiveDate,
        until: NaiveDate,
        gap: (i64, i64),
        most: usize,
    ) -> Vec<NaiveDate> {
        match self.pace {
            Pace::Usual => self.days(from, until, gap, most),
            Pace::Daily => self.days(from, until, (1, 2), usize::MAX),
        }
    }

    /// Some days, each a while after the other, until a day; at most `most`.
    fn days(&mut self, from: NaiveDate, until: NaiveDate, gap: (i64, i64), most: usize) -> Vec<NaiveDate> {
        let mut days = Vec::new();
        let mut day = on(from, self.dice.between(0, gap.0));
        while day < until.min(self.today) && days.len() < most {
            days.push(day);
            day = on(day, self.dice.between(gap.0, gap.1));
        }
        days
    }

    /// Weight in grams before a pregnancy: always the same for one woman.
    fn own_weight(&self) -> i64 {
        46_000 + i64::from(self.family.index % 40) * 500
    }

    fn planning(&mut self) {
        let from = day_in_china(self.claimed_at);
        if let Some(day) = self.days(self.family.issue.on, self.today, (5, 20), 1).first() {
            let hour = self.clinic_hour(*day);
            let body = json!({ "planned_conception": Month::of(on(*day, 90)).first_day().to_string() });
            self.visit(
                hour,
                &self.county.provider,
                vec![Sheet { about: About::Household, kind: "preconception_check", body }],
            );
        }
        for day in self.writing_days(from, self.today, (6, 20), 8) {
            let morning = at(day, self.dice.between(390, 480));
            match self.dice.between(0, 3) {
                0 => self.entry(morning, About::Woman, "folic_acid", folic_acid(day)),
                1 => {
                    let tenths = self.dice.between(3620, 3670);
                    let body = json!({ "date": day.to_string(), "temperature": hundredths(tenths), "in_period": "no" });
                    self.entry(morning, About::Woman, "basal_temperature", body);
                }
                2 => {
                    let weight = self.own_weight() + self.dice.between(-4, 4) * 100;
                    self.entry(morning, About::Woman, "weight", weight_body(morning, weight));
                }
                _ => {
                    let body = json!({ "start_date": day.to_string(), "period_days": 5, "cycle_days": 29, "flow": "medium", "pain": "mild" });
                    self.entry(morning, About::Woman, "menstruation", body);
                }
            }
        }
    }

    fn pregnancy(&mut self, pregnancy: Pregnancy) {
        let Pregnancy { dates, fetuses, end, .. } = pregnancy;
        let lost = end.filter(|(outcome, _)| outcome.is_loss()).map(|(_, day)| day);
        let until = end.map_or(self.today, |(_, day)| day);
        self.antenatal_visits(pregnancy, until);
        self.pregnancy_entries(dates, until);
        if lost.is_some() {
            return;
        }
        if let Some((Outcome::LiveBirth, born_on)) = end {
            self.birth(born_on, fetuses);
        }
    }

    fn weight_at(&self, dates: Dates, day: NaiveDate) -> i64 {
        let days = Dates::gestational_days(dates.due_on, day);
        self.own_weight() + days.min(91) * 15 + (days - 91).max(0) * 58
    }

    fn antenatal_visits(&mut self, pregnancy: Pregnancy, until: NaiveDate) {
        let dates = pregnancy.dates;
        let start = back(dates.due_on, 280);
        let issue = &self.family.issue;
        let (first, desk) = if issue.group == Group::Pregnant {
            (issue.at + TimeDelta::minutes(8), issue.by)
        } else {
            (self.clinic_hour(day_in_china(pregnancy.registered_at)), self.family.home.centre)
        };
        let first_on = day_in_china(first);
        if first_on >= until {
            return;
        }
        let weight = self.weight_at(dates, first_on);
        let body = json!({
            "fetus_count": pregnancy.fetuses, "gravidity": 1, "weight_kg": tenths(weight / 100), "systolic": self.dice.between(100, 124),
            "diastolic": self.dice.between(60, 78), "next_visit": on(first_on, 30).to_string(),
        });
        self.visit(first, desk, vec![Sheet { about: About::Woman, kind: "antenatal_first", body }]);
        if pregnancy.is_yellow {
            let day = on(first_on, self.dice.between(7, 14));
            let hour = self.clinic_hour(day);
            let body = json!({ "assessed_at": hour.to_rfc3339(), "items": ["Y1.1"], "grade": "yellow", "purple": false });
            if day < until {
                self.visit(
                    hour,
                    &self.county.hospital,
                    vec![Sheet { about: About::Woman, kind: "risk_assessment", body }],
                );
            }
        }
        let mut number = 2;
        for week in FOLLOW_UP_WEEKS {
            let day = on(start, week * 7 + self.dice.between(0, 6));
            let missed = self.dice.chance(15);
            if day <= first_on || day >= until || missed {
                continue;
            }
            let hour = self.clinic_hour(day);
            let desk = if week >= 34 || self.dice.chance(30) {
                &self.county.hospital
            } else {
                self.family.home.centre
            };
            let body = self.follow_up(dates, day, week, number, pregnancy.fetuses);
            self.visit(hour, desk, vec![Sheet { about: About::Woman, kind: "antenatal_followup", body }]);
            number += 1;
        }
    }

    fn follow_up(&mut self, dates: Dates, day: NaiveDate, week: i64, number: i64, fetuses: i32) -> Json {
        let fetus = |order: i32, rate: i64| json!({ "fetus_no": order, "fetal_position": "LOA", "fetal_heart": "heard", "fetal_heart_rate": rate });
        let fetuses: Vec<_> = (1..=fetuses).map(|order| fetus(order, self.dice.between(128, 152))).collect();
        json!({
            "visit_no": number, "mode": "visit", "weight_kg": tenths(self.weight_at(dates, day) / 100),
            "fundal_height_cm": tenths(week * 9), "systolic": self.dice.between(102, 126), "diastolic": self.dice.between(60, 80),
            "next_visit": on(day, if week >= 34 { 7 } else { 28 }).to_string(), "fetus": fetuses,
        })
    }

    fn pregnancy_entries(&mut self, dates: Dates, until: NaiveDate) {
        let from = day_in_china(self.claimed_at).max(back(dates.due_on, 235));
        for day in self.writing_days(from, until, (6, 15), 14) {
            let days = Dates::gestational_days(dates.due_on, day);
            let morning = at(day, self.dice.between(400, 520));
            match self.dice.between(0, 9) {
                0..=3 => {
                    let weight = self.weight_at(dates, day) + self.dice.between(-2, 2) * 50;
                    self.entry(morning, About::Woman, "weight", weight_body(morning, weight));
                }
                4..=6 if days >= 196 => {
                    let mut hour = || self.dice.between(3, 7);
                    let body = json!({ "date": day.to_string(), "method": "3x1h", "morning": hour(), "noon": hour(), "evening": hour() });
                    self.entry(at(day, 21 * 60), About::Woman, "fetal_movement_count", body);
                }
                4..=6 if days < 91 => self.entry(morning, About::Woman, "folic_acid", folic_acid(day)),
                7 => {
                    let body = diary(self.dice, day, days);
                    self.entry(at(day, 20 * 60 + 30), About::Household, "diary", body);
                }
                _ => {
                    let body = blood_pressure(self.dice, morning);
                    self.entry(morning, About::Woman, "blood_pressure", body);
                }
            }
        }
    }

    fn birth(&mut self, born_on: NaiveDate, fetuses: i32) {
        let family = self.family;
        let Some(last) = family.children.last() else { return };
        let newborn = |child: &Child| {
            let sex = child.person.sex.code();
            json!({ "baby_order": child.order, "outcome": "live", "sex": sex, "birth_weight_g": child.weight_g / 10 * 10,
                "birth_length_cm": tenths(measures(child.person.sex, 0, child.per_mille).length_mm), "apgar1": 9, "apgar5": 10,
                "defect": "none", "newborn_screening": "done", "hearing": "pass" })
        };
        let newborns: Vec<_> = family.children.iter().map(newborn).collect();
        let body = json!({
            "admission_no": format!("{}{:02}", born_on.format("%Y%m%d"), family.index % 100), "org": self.county.hospital.name,
            "admission_at": (last.born_at - TimeDelta::hours(9)).to_rfc3339(), "delivery_at": last.born_at.to_rfc3339(),
            "fetus_count": fetuses, "delivery_mode": "spontaneous", "blood_loss_24h": self.dice.between(150, 330),
            "postpartum_address": family.home.address, "midwife": self.county.hospital.clinician_name, "newborn": newborns,
        });
        let mut sheets = vec![Sheet { about: About::Woman, kind: "delivery", body }];
        for place in 0..family.children.len() {
            sheets
                .extend(["HepB", "BCG"].map(|product| {
                    dose(place, product, 1, day_in_china(last.born_at + TimeDelta::hours(3)))
                }));
        }
        self.visit(last.born_at + TimeDelta::hours(3), &self.county.hospital, sheets);

        let home_on = on(born_on, self.dice.between(5, 7));
        let hour = self.clinic_hour(home_on);
        let mut sheets = vec![Sheet {
            about: About::Woman,
            kind: "postpartum_visit",
            body: json!({ "systolic": self.dice.between(104, 124), "diastolic": self.dice.between(60, 78), "next_visit": on(home_on, 23).to_string() }),
        }];
        for (place, child) in family.children.iter().enumerate() {
            let body = json!({
                "gestation_at_birth_days": child.gestational_days, "delivery_institution": self.county.hospital.name,
                "birth_weight_g": child.weight_g / 10 * 10, "weight": hundredths((child.weight_g + 60) / 10),
                "birth_length_cm": tenths(measures(child.person.sex, 0, child.per_mille).length_mm),
                "next_visit_date": on(home_on, 23).to_string(),
            });
            sheets.push(Sheet { about: About::Child(place), kind: "newborn_home_visit", body });
        }
        self.visit(hour, family.home.centre, sheets);

        let checked_on = on(born_on, self.dice.between(42, 45));
        let hour = self.clinic_hour(checked_on);
        let body = json!({ "systolic": self.dice.between(104, 124), "diastolic": self.dice.between(60, 78) });
        self.visit(
            hour,
            family.home.centre,
            vec![Sheet { about: About::Woman, kind: "postpartum_42", body }],
        );
    }

    fn childhood(&mut self, place: usize, child: &'c Child) {
        let (about, born_on) = (About::Child(place), child.person.born_on);
        let centre = self.family.home.centre;
        for (kind, visit, age) in CHILD_VISITS {
            let day = on(born_on, age + self.dice.between(0, 6));
            let hour = self.clinic_hour(day);
            let next = on(day, 90).to_string();
            let Measures { weight_g, length_mm, head_mm } =
                measures(child.person.sex, (day - born_on).num_days(), child.per_mille);
            let mut body = json!({ "visit": visit, "weight": hundredths(weight_g / 10), "length": tenths(length_mm), "next_visit_date": next });
            if kind == "m1_m8" {
                body["head"] = tenths(head_mm);
            }
            if age <= 366 {
                body["fontanelle_state"] = json!(if age < 366 { "open" } else { "closed" });
            }
            self.visit(hour, centre, vec![Sheet { about, kind, body }]);
        }
        for (product, number, months) in DOSES {
            let day = on(born_on, months * 61 / 2 + 1 + self.dice.between(0, 9));
            let hour = self.clinic_hour(day);
            self.visit(hour, centre, vec![dose(place, product, number, day)]);
        }
        self.child_entries(about, child);
    }

    fn child_entries(&mut self, about: About, child: &Child) {
        let born_on = child.person.born_on;
        let from = day_in_china(self.claimed_at).max(on(born_on, 4));
        let mut teeth = ["p71", "p81", "p51", "p61", "p52", "p62"].into_iter();
        for day in self.writing_days(from, self.today, (8, 26), 9) {
            let age = (day - born_on).num_days();
            let noon = at(day, self.dice.between(11 * 60, 19 * 60));
            match self.dice.between(0, 9) {
                0..=2 => {
                    let Measures { weight_g, length_mm, .. } =
                        measures(child.person.sex, age, child.per_mille);
                    let position = if age < 730 { "lying" } else { "standing" };
                    let body = json!({ "measured_at": noon.to_rfc3339(), "weight": hundredths(weight_g / 10), "length_height": tenths(length_mm), "position": position });
                    self.entry(noon, about, "growth", body);
                }
                3..=4 if age < 180 => {
                    let body = json!({ "at": noon.to_rfc3339(), "mode": "breast", "minutes": self.dice.between(8, 22), "side": "both" });
                    self.entry(noon, about, "feeding", body);
                }
                3..=4 if age < 1100 => {
                    let food =
                        self.dice.word(&["强化铁米粉", "南瓜泥", "蛋黄粥", "面条", "胡萝卜泥", "鱼肉粥"]);
                    self.entry(
                        noon,
                        about,
                        "feeding",
                        json!({ "at": noon.to_rfc3339(), "mode": "solid", "food": food }),
                    );
                }
                5..=6 => {
                    let value = tenths(self.dice.between(364, 371));
                    self.entry(
                        noon,
                        about,
                        "temperature",
                        json!({ "measured_at": noon.to_rfc3339(), "value": value, "site": "axilla" }),
                    );
                }
                7 if (200..560).contains(&age) => {
                    if let Some(tooth) = teeth.next() {
                        self.entry(
                            at(day, 20 * 60),
                            about,
                            "tooth",
                            json!({ "position": tooth, "eruption_date": day.to_string() }),
                        );
                    }
                }
                8 => {
                    let (slept, woke) =
                        (at(back(day, 1), 20 * 60 + 40), at(day, self.dice.between(370, 420)));
                    let body = json!({ "start": slept.to_rfc3339(), "end": woke.to_rfc3339(), "night_wakings": self.dice.between(0, 2) });
                    self.entry(woke, about, "sleep", body);
                }
                _ => {
                    let body = diary(self.dice, day, 0);
                    self.entry(at(day, 20 * 60 + 30), About::Household, "diary", body);
                }
            }
        }
    }
}

/// A number with one decimal.
fn tenths(tenths: i64) -> Json {
    json!(tenths as f64 / 10.0)
}

/// A number with two decimals.
fn hundredths(hundredths: i64) -> Json {
    json!(hundredths as f64 / 100.0)
}

fn weight_body(at: DateTime<Utc>, grams: i64) -> Json {
    json!({ "measured_at": at.to_rfc3339(), "weight": hundredths(grams / 10) })
}

fn folic_acid(day: NaiveDate) -> Json {
    json!({ "date": day.to_string(), "dose": 0.4, "taken": "yes", "product": "free_0_4" })
}

/// Mostly unremarkable; once in a hundred a danger sign, which the managing institution has to answer.
fn blood_pressure(dice: &mut Dice, at: DateTime<Utc>) -> Json {
    let (systolic, diastolic) = match dice.chance(1) {
        true => (dice.between(162, 172), dice.between(111, 116)),
        false => (dice.between(100, 128), dice.between(60, 82)),
    };
    json!({ "measured_at": at.to_rfc3339(), "systolic": systolic, "diastolic": diastolic, "pulse": dice.between(68, 92), "position": "sitting", "arm": "left" })
}

fn diary(dice: &mut Dice, day: NaiveDate, gestational_days: i64) -> Json {
    let texts: &[&str] = if gestational_days >= 130 {
        &[
            "今天胎动很明显，晚饭后动了好一阵。",
            "散步半小时，腿有点肿，早点休息。",
            "把小床装好了，越来越期待。",
        ]
    } else if gestational_days > 0 {
        &["早上还是有点恶心，吃了几块苏打饼干。", "第一次听到胎心，很激动。", "今天精神不错，睡了午觉。"]
    } else {
        &["宝宝今天冲着我们笑了。", "带宝宝去公园晒太阳，睡得很香。", "今天学会了新本领，全家都很高兴。"]
    };
    let mood = dice.word(&["very_good", "good", "good", "fair"]);
    json!({ "date": day.to_string(), "topic": "free", "text": dice.word(texts), "mood": mood })
}

fn dose(child: usize, product: &'static str, number: i64, day: NaiveDate) -> Sheet {
    let (site, route) = match product {
        "bOPV" => ("oral", "oral"),
        "BCG" => ("left_arm", "id"),
        "MMR" | "JE-L" | "HepA-L" | "MPSV-A" | "MPSV-AC" => ("left_arm", "sc"),
        _ => ("right_thigh", "im"),
    };
    let body = json!({
        "product": product, "dose_no": number, "given_on": day.to_string(), "lot_number": format!("{}A{number:02}", day.format("%Y%m")),
        "site": site, "route": route,
    });
    Sheet { about: About::Child(child), kind: "immunization_dose", body }
}
