//! Writing a story down, as the catalogue takes it.

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::day_in_china;
use domain::catalogue::{Catalogue, ChildSetting, Context, Lifted, PregnancySetting, Setting, Sources};
use domain::handbook::Group;
use domain::pregnancy::{Dates, Outcome};

use super::{About, Author, Sheet, Story, Written, discharged_on, refused};
use crate::demo::county::Institution;
use crate::demo::families::{Child, Family, Person};
use crate::demo::form::filled_in;

/// A handbook that is being written.
pub(super) struct Book<'c, 'n> {
    pub(super) catalogue: &'c Catalogue,
    pub(super) family: &'c Family<'c>,
    pub(super) number: &'n str,
    pub(super) story: Story<'c>,
    /// What rules computed with, by subject.
    pub(super) history: Vec<(About, Lifted)>,
}

impl<'c> Book<'c, '_> {
    pub(super) fn write(
        &mut self,
        sheet: Sheet,
        received_at: DateTime<Utc>,
        by: Author,
        desk: Option<&Institution>,
    ) -> anyhow::Result<()> {
        let occurred_on = day_in_china(received_at);
        let kind = self.catalogue.kind(sheet.kind, occurred_on);
        let kind = kind.ok_or_else(|| anyhow::anyhow!("no kind {} on {occurred_on}", sheet.kind))?;
        let context = self.context(sheet.about, occurred_on, received_at, desk);
        let body = sheet.body.as_object().cloned().unwrap_or_default();
        let draft = match desk {
            Some(_) => filled_in(kind, body, &context)?,
            None => kind.read(&body, &context).map_err(|errors| refused(kind, &errors))?,
        };
        let earlier: Vec<_> = self
            .history
            .iter()
            .filter(|(about, _)| *about == sheet.about)
            .map(|(_, lifted)| lifted.clone())
            .collect();
        let facts =
            self.catalogue.facts_of(&earlier, draft.lifted(), &self.setting(sheet.about, occurred_on));
        let checked = draft.judge(&facts, &[]).map_err(|errors| refused(kind, &errors))?;
        self.history.push((sheet.about, checked.lifted.clone()));
        self.story.records.push(Written { about: sheet.about, kind, occurred_on, received_at, by, checked });
        Ok(())
    }

    fn child(&self, about: About) -> Option<&'c Child> {
        match about {
            About::Child(place) => self.family.children.get(place),
            About::Woman | About::Household => None,
        }
    }

    fn context(
        &self,
        about: About,
        day: NaiveDate,
        now: DateTime<Utc>,
        desk: Option<&Institution>,
    ) -> Context {
        let Family { woman, father, home, issue, pregnancy, .. } = self.family;
        let person: &Person = self.child(about).map_or(woman, |child| &child.person);
        let under_way =
            pregnancy.filter(|pregnancy| pregnancy.end.is_none_or(|(_, ended_on)| ended_on > day));
        let born_on = pregnancy
            .and_then(|pregnancy| pregnancy.end)
            .map(|(_, ended_on)| ended_on)
            .filter(|on| *on <= day);
        let sources = Sources {
            person_name: Some(person.name.clone()),
            person_sex: Some(person.sex.code().to_owned()),
            person_birth_date: Some(person.born_on),
            person_id_number: person.id_number.clone(),
            person_phone: woman.phone.clone(),
            person_address: Some(home.address.clone()),
            spouse_name: Some(father.name.clone()),
            spouse_phone: father.phone.clone(),
            spouse_birth_date: Some(father.born_on),
            mother_name: Some(woman.name.clone()),
            mother_phone: woman.phone.clone(),
            mother_birth_date: Some(woman.born_on),
            father_name: Some(father.name.clone()),
            father_phone: father.phone.clone(),
            father_birth_date: Some(father.born_on),
            household_address: Some(home.address.clone()),
            household_phone: woman.phone.clone(),
            handbook_number: Some(self.number.to_owned()),
            handbook_issued_on: Some(issue.on),
            handbook_is_issued: Some(true),
            session_staff: desk.map(|desk| desk.clinician_name.to_owned()),
            session_institution: desk.map(|desk| desk.name.clone()),
            session_institution_level: desk.map(|desk| desk.level.code().to_owned()),
            pregnancy_gestational_days: under_way.map(|at| Dates::gestational_days(at.dates.due_on, day)),
            pregnancy_lmp: pregnancy.and_then(|pregnancy| pregnancy.dates.last_period_on),
            pregnancy_edd: pregnancy.map(|pregnancy| pregnancy.dates.due_on),
            delivery_delivered_on: born_on,
            delivery_discharged_on: born_on.map(discharged_on).filter(|on| *on <= day),
            birth_born_at: self.child(about).map(|child| child.born_at),
            birth_gestational_days: self.child(about).map(|child| child.gestational_days),
            birth_weight_g: self.child(about).map(|child| child.weight_g),
            ..Sources::default()
        };
        Context { sources, unborn: under_way.is_some(), ..Context::new(now, day) }
    }

    fn setting(&self, about: About, occurred_on: NaiveDate) -> Setting {
        let pregnancy = self.family.pregnancy.map(|pregnancy| PregnancySetting {
            edd: Some(pregnancy.dates.due_on),
            lmp: pregnancy.dates.last_period_on,
            ended_on: pregnancy.end.map(|(_, ended_on)| ended_on),
            delivered: pregnancy.end.is_some_and(|(outcome, _)| outcome == Outcome::LiveBirth),
            ..PregnancySetting::default()
        });
        let child = self.child(about).map(|child| ChildSetting {
            born_at: child.born_at,
            gestation_days: Some(child.gestational_days),
            birth_weight_g: Some(child.weight_g),
        });
        let planning = self.family.issue.group == Group::Planning;
        Setting { subject: about.kind(), occurred_on, planning, pregnancy, child }
    }
}
