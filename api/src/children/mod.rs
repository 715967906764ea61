//! Children of a handbook: birth facts, and names that come later.

pub mod change;
pub mod store;

use chrono::NaiveDate;
use domain::id::{ChildId, PersonId};
use domain::person::{IdNumber, Sex};
use domain::place::RegionCode;
use domain::pregnancy::{BIRTH_GESTATION_DAYS, BIRTH_WEIGHT_G};

use crate::form::Form;
use crate::people::Identity;
use crate::people::keep::PersonOnForm;

/// Grams, as messages name them.
const GRAMS: (&str, &str) = ("克", "g");

/// Days, as messages name them.
const DAYS: (&str, &str) = ("天", "days");

/// A child as a checked form names it.
#[derive(Debug, Clone)]
pub struct ChildOnForm {
    /// The id that the client chose.
    pub id: Option<ChildId>,
    /// Who it is.
    pub person: PersonOnForm,
    /// 1 for the first born.
    pub birth_order: i32,
    /// Birth weight in grams.
    pub birth_weight_g: Option<i32>,
    /// Gestation at birth in days.
    pub gestational_days: Option<i32>,
}

/// What a body says of a child, before it is checked.
#[derive(Debug)]
pub struct Typed<'a> {
    /// The id that the client chose.
    pub id: Option<ChildId>,
    /// Name; a newborn may have none yet.
    pub name: Option<&'a str>,
    /// Sex.
    pub sex: Sex,
    /// Birth date.
    pub birth_date: Option<NaiveDate>,
    /// Birth weight in grams.
    pub birth_weight_g: Option<i32>,
    /// Gestation at birth in days.
    pub gestational_days: Option<i32>,
    /// ID number.
    pub id_number: Option<&'a str>,
    /// 1 for the first born.
    pub birth_order: i32,
}

impl ChildOnForm {
    /// Reads a child; everything wrong is noted in the form under `at`.
    pub fn read(
        form: &mut Form,
        at: &str,
        typed: &Typed<'_>,
        region: RegionCode,
        today: NaiveDate,
    ) -> Option<Self> {
        let field = |name: &str| format!("{at}/{name}");
        let name = typed.name.map(|name| form.name(&field("name"), name)).unwrap_or_default();
        let id_number = form.id_number(&field("id_number"), typed.id_number);
        let born_on = form.born_on(&field("birth_date"), typed.birth_date, id_number.as_ref(), today);
        form.within(&field("birth_weight_g"), typed.birth_weight_g, &BIRTH_WEIGHT_G, GRAMS);
        form.within(&field("gestational_days"), typed.gestational_days, &BIRTH_GESTATION_DAYS, DAYS);
        check_sex(form, &field("sex"), typed.sex, id_number.as_ref());
        let identity = Identity {
            name,
            id_number: id_number.as_ref().map(|number| number.as_str().to_owned()),
            ..Identity::default()
        };
        let sex = Some(typed.sex);
        Some(Self {
            id: typed.id,
            person: PersonOnForm { identity, id_number, phone: None, born_on: born_on?, sex, region },
            birth_order: typed.birth_order,
            birth_weight_g: typed.birth_weight_g,
            gestational_days: typed.gestational_days,
        })
    }

    /// What makes this the same child wherever it comes again.
    pub fn key(&self, mother: Option<PersonId>) -> ChildKey<'_> {
        let PersonOnForm { identity, born_on, region, .. } = &self.person;
        match (&self.person.id_number, mother) {
            (Some(number), _) => ChildKey::IdNumber(number),
            (None, Some(mother)) => ChildKey::Birth { mother, born_on: *born_on, order: self.birth_order },
            (None, None) => ChildKey::Name { name: &identity.name, born_on: *born_on, region: *region },
        }
    }
}

/// The sex must be the one in the ID number.
pub fn check_sex(form: &mut Form, pointer: &str, sex: Sex, number: Option<&IdNumber>) {
    if number.is_some_and(|number| sex != Sex::Unknown && number.sex() != sex) {
        form.refuse(
            pointer,
            "contradiction",
            "性别与身份证号不一致。",
            "The sex is not the one in the ID number.",
        );
    }
}

/// What makes a child the same child: its ID number, else its birth by a known mother, else name, day and place.
#[derive(Debug, Clone, Copy)]
pub enum ChildKey<'a> {
    /// ID number.
    IdNumber(&'a IdNumber),
    /// One birth of one mother.
    Birth {
        /// The mother.
        mother: PersonId,
        /// Birth date.
        born_on: NaiveDate,
        /// 1 for the first born.
        order: i32,
    },
    /// Nothing else is known.
    Name {
        /// Name.
        name: &'a str,
        /// Birth date.
        born_on: NaiveDate,
        /// Region of the present address.
        region: RegionCode,
    },
}
