//! The form of an issue: what a body says, and the same after every field was checked.

use chrono::NaiveDate;
use domain::handbook::Group;
use domain::handbook::issuing::{Explained, check_child, check_one_birth, check_woman};
use domain::id::{ChildId, HandbookId, PregnancyId};
use domain::person::Sex;
use domain::place::RegionCode;
use domain::pregnancy::{Dates, Dating, FETUSES};
use serde::Deserialize;
use utoipa::ToSchema;

use super::print::Bearer;
use crate::body::chosen_id;
use crate::children::{ChildOnForm, Typed};
use crate::error::ApiError;
use crate::form::{ADDRESS, Form, REMARK, WORD};
use crate::people::Identity;
use crate::people::keep::PersonOnForm;
use crate::pregnancies::{TypedDates, check_fetuses};

/// Most children of one birth.
const CHILDREN: std::ops::RangeInclusive<usize> = 1..=8;

/// What an issue is asked for with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueRequest {
    /// The handbook's id, chosen by the client; it may stand in for the Idempotency-Key.
    #[schema(value_type = Option<Uuid>)]
    #[serde(default, deserialize_with = "chosen_id")]
    pub id: Option<HandbookId>,
    /// `planning`, `pregnant` or `child`.
    #[schema(value_type = String)]
    pub group: Group,
    /// The woman; for a child its mother or another guardian, who may be left out.
    pub woman: Option<TypedWoman>,
    /// For the group `pregnant`.
    pub pregnancy: Option<TypedPregnancy>,
    /// For the group `child`: one child, or the children of one birth.
    pub children: Option<Vec<TypedChild>>,
    /// For a child without `woman`: 12-digit code of the village or town where it lives.
    #[schema(value_type = Option<i64>)]
    pub region_code: Option<RegionCode>,
    /// What was explained: every item that was ticked.
    #[schema(value_type = Vec<String>)]
    pub explained: Vec<Explained>,
    /// Why a child of three years or more is issued a handbook; for handbook administrators.
    pub override_reason: Option<String>,
    /// Print a slip with a one-time claim code; needed where no ID number and no phone is recorded.
    #[serde(default)]
    pub slip: bool,
    /// The slip is handed to the woman herself, whose ID card the desk saw: whoever claims by it is proved to be her. For
    /// handbook administrators, with her ID number.
    #[serde(default)]
    pub slip_to_woman: bool,
}

/// A woman as typed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedWoman {
    /// Name.
    pub name: String,
    /// ID number of 18 characters.
    pub id_number: Option<String>,
    /// Birth date; needed without an ID number.
    pub birth_date: Option<NaiveDate>,
    /// Phone.
    pub phone: Option<String>,
    /// Present address below the region.
    pub address: String,
    /// 12-digit code of the village or town of the present address.
    #[schema(value_type = i64)]
    pub region_code: RegionCode,
    /// Registered (household) address.
    pub registered_address: Option<String>,
    /// Ethnicity.
    pub ethnicity: Option<String>,
    /// Education.
    pub education: Option<String>,
    /// Occupation.
    pub occupation: Option<String>,
}

/// A pregnancy as typed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedPregnancy {
    /// Its id, chosen by the client.
    #[schema(value_type = Option<Uuid>)]
    #[serde(default, deserialize_with = "chosen_id")]
    pub id: Option<PregnancyId>,
    /// First day of the last menstrual period.
    pub last_menstrual_period: Option<NaiveDate>,
    /// Due date; without it the one that the last period gives.
    pub due_date: Option<NaiveDate>,
    /// How the due date was found: `ultrasound` or `clinician`.
    #[schema(value_type = Option<String>)]
    pub due_date_by: Option<Dating>,
    /// Fetuses, 1 to 8; one when left out.
    pub fetuses: Option<i32>,
}

impl TypedPregnancy {
    /// The dates among it.
    pub fn dates(&self) -> TypedDates {
        let Self { last_menstrual_period, due_date, due_date_by, .. } = *self;
        TypedDates { last_menstrual_period, due_date, due_date_by }
    }
}

/// A child as typed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedChild {
    /// Its id, chosen by the client.
    #[schema(value_type = Option<Uuid>)]
    #[serde(default, deserialize_with = "chosen_id")]
    pub id: Option<ChildId>,
    /// Name.
    pub name: String,
    /// Sex.
    #[schema(value_type = String)]
    pub sex: Sex,
    /// Birth date.
    pub birth_date: NaiveDate,
    /// Birth weight, 200 to 8000 g.
    pub birth_weight_g: Option<i32>,
    /// Gestation at birth, 140 to 322 days.
    pub gestational_days: Option<i32>,
    /// ID number of 18 characters.
    pub id_number: Option<String>,
    /// 1 for the first born; the place in the list when left out.
    pub birth_order: Option<i32>,
}

/// A checked form.
#[derive(Debug)]
pub struct Order {
    /// To whom the handbook is issued.
    pub group: Group,
    /// The woman or guardian.
    pub woman: Option<PersonOnForm>,
    /// The pregnancy: id, dates, fetuses.
    pub pregnancy: Option<(Option<PregnancyId>, Dates, i32)>,
    /// The children.
    pub children: Vec<ChildOnForm>,
    /// Region of the present address.
    pub region: RegionCode,
    /// What was explained, each once.
    pub explained: Vec<Explained>,
    /// Why the rule of three years is not followed.
    pub override_reason: Option<String>,
    /// For whom a slip is printed, if one is.
    pub slip: Option<Bearer>,
}

impl TypedWoman {
    fn words(&self) -> [(&'static str, Option<&str>); 6] {
        [
            ("/woman/name", Some(&self.name)),
            ("/woman/address", Some(&self.address)),
            ("/woman/registered_address", self.registered_address.as_deref()),
            ("/woman/ethnicity", self.ethnicity.as_deref()),
            ("/woman/education", self.education.as_deref()),
            ("/woman/occupation", self.occupation.as_deref()),
        ]
    }
}

impl IssueRequest {
    /// Checks every field, then the rules of issuing.
    pub fn check(&self, today: NaiveDate) -> Result<Order, ApiError> {
        let mut form = Form::default();
        self.check_parts(&mut form);
        let woman = self.woman.as_ref().and_then(|woman| read_woman(&mut form, woman, self.group, today));
        let region = self.woman.as_ref().map(|woman| woman.region_code).or(self.region_code);
        let region = region.unwrap_or(RegionCode(0));
        let children = self.read_children(&mut form, region, today);
        let pregnancy = match &self.pregnancy {
            Some(typed) => {
                let fetuses = check_fetuses(&mut form, "/pregnancy/fetuses", typed.fetuses);
                let dates = typed.dates().check(today).map_err(|err| ApiError::from(err).under("/pregnancy"));
                form.take(dates)?.map(|dates| (typed.id, dates, fetuses))
            }
            None => None,
        };
        let unborn = self.group != Group::Child;
        let override_reason =
            form.optional_remark("/override_reason", self.override_reason.as_deref(), &REMARK);
        let override_reason = match override_reason {
            Some(reason) => form.take(reason.checked(unborn))?,
            None => None,
        };
        if let Some(woman) = woman.as_ref().filter(|_| self.group != Group::Child) {
            form.take(check_woman(woman.born_on, today).map_err(|err| ApiError::from(err).under("/woman")))?;
        }
        form.done()?;
        let order = Order {
            group: self.group,
            woman,
            pregnancy,
            children,
            region,
            explained: Explained::ALL.iter().copied().filter(|item| self.explained.contains(item)).collect(),
            override_reason,
            slip: self.slip.then(|| Bearer::of_first_claim(self.slip_to_woman)),
        };
        order.check_rules(today)?;
        Ok(order)
    }

    /// Which parts belong to which group, and that the family can be reached or gets a slip.
    fn check_parts(&self, form: &mut Form) {
        let is_child = self.group == Group::Child;
        let children = self.children.as_deref().unwrap_or_default();
        form.forbid("/pregnancy", self.pregnancy.is_some() && self.group != Group::Pregnant);
        form.forbid("/children", self.children.is_some() && !is_child);
        form.forbid("/slip_to_woman", self.slip_to_woman && !(self.slip && self.woman.is_some()));
        if self.slip_to_woman && self.woman.as_ref().is_some_and(|woman| woman.id_number.is_none()) {
            form.require("/woman/id_number");
        }
        form.forbid("/region_code", self.region_code.is_some() && (self.woman.is_some() || !is_child));
        if self.woman.is_none() && !is_child {
            form.require("/woman");
        }
        if self.pregnancy.is_none() && self.group == Group::Pregnant {
            form.require("/pregnancy");
        }
        if is_child && !CHILDREN.contains(&children.len()) {
            form.refuse("/children", "out_of_range", "应填写1至8名儿童。", "Give 1 to 8 children.");
        }
        if is_child && self.woman.is_none() && self.region_code.is_none() {
            form.require("/region_code");
        }
        if self.explained.is_empty() {
            form.refuse(
                "/explained",
                "required",
                "请勾选已向家庭说明的内容。",
                "Tick what was explained to the family.",
            );
        }
        let woman_reached =
            self.woman.as_ref().is_some_and(|woman| woman.id_number.is_some() || woman.phone.is_some());
        let child_reached = children.iter().any(|child| child.id_number.is_some());
        if !woman_reached && !child_reached && !self.slip {
            form.refuse(
                if self.woman.is_some() { "/woman/phone" } else { "/slip" },
                "contact_or_slip",
                "请填写身份证号或手机号，或打印领取凭条（slip）。",
                "Record an ID number or a phone, or print a claim slip (slip).",
            );
        }
    }

    fn read_children(&self, form: &mut Form, region: RegionCode, today: NaiveDate) -> Vec<ChildOnForm> {
        let typed = self.children.as_deref().unwrap_or_default();
        let children: Vec<_> = (0_i32..)
            .zip(typed)
            .filter_map(|(at, child)| {
                let typed = Typed {
                    id: child.id,
                    name: Some(&child.name),
                    sex: child.sex,
                    birth_date: Some(child.birth_date),
                    birth_weight_g: child.birth_weight_g,
                    gestational_days: child.gestational_days,
                    id_number: child.id_number.as_deref(),
                    birth_order: child.birth_order.unwrap_or(at + 1),
                };
                ChildOnForm::read(form, &format!("/children/{at}"), &typed, region, today)
            })
            .collect();
        check_siblings(form, &children, self.woman.as_ref().and_then(|woman| woman.id_number.as_deref()));
        children
    }
}

/// Twins have an order, an id and an ID number each.
pub fn check_siblings(form: &mut Form, children: &[ChildOnForm], mother: Option<&str>) {
    for (at, child) in children.iter().enumerate() {
        let before = || children.iter().take(at);
        let order = format!("/children/{at}/birth_order");
        form.within(&order, Some(child.birth_order), &FETUSES, ("（出生顺序）", "in the order of birth"));
        if before().any(|other| other.birth_order == child.birth_order) {
            form.refuse(&order, "duplicate", "出生顺序重复。", "Two children have the same birth order.");
        }
        if child.id.is_some() && before().any(|other| other.id == child.id) {
            let at = format!("/children/{at}/id");
            form.refuse(&at, "duplicate", "id重复。", "Two children have the same id.");
        }
        let number = child.person.identity.id_number.as_deref();
        let same = |other: &ChildOnForm| other.person.identity.id_number.as_deref() == number;
        if number.is_some() && (number == mother || before().any(same)) {
            let at = format!("/children/{at}/id_number");
            form.refuse(
                &at,
                "duplicate",
                "身份证号重复。",
                "The ID number is another person's of this form.",
            );
        }
    }
}

fn read_woman(form: &mut Form, typed: &TypedWoman, group: Group, today: NaiveDate) -> Option<PersonOnForm> {
    let id_number = form.id_number("/woman/id_number", typed.id_number.as_deref());
    let phone = form.phone("/woman/phone", typed.phone.as_deref());
    let born_on = form.born_on("/woman/birth_date", typed.birth_date, id_number.as_ref(), today);
    let sex = id_number.as_ref().map(|number| number.sex());
    if group != Group::Child && sex == Some(Sex::Male) {
        form.refuse(
            "/woman/id_number",
            "not_a_woman",
            "该身份证号不是女性的。",
            "This ID number is not a woman's.",
        );
    }
    let identity = Identity {
        name: form.name("/woman/name", &typed.name),
        id_number: id_number.as_ref().map(|number| number.as_str().to_owned()),
        phone: phone.as_ref().map(|phone| phone.as_str().to_owned()),
        address: Some(form.line("/woman/address", &typed.address, ADDRESS)),
        registered_address: form.optional_line(
            "/woman/registered_address",
            typed.registered_address.as_deref(),
            ADDRESS,
        ),
        health_record_no: None,
        ethnicity: form.optional_line("/woman/ethnicity", typed.ethnicity.as_deref(), WORD),
        education: form.optional_line("/woman/education", typed.education.as_deref(), WORD),
        occupation: form.optional_line("/woman/occupation", typed.occupation.as_deref(), WORD),
    };
    if group != Group::Child {
        form.silent(typed.words());
    }
    let sex = if group == Group::Child { sex } else { Some(Sex::Female) };
    Some(PersonOnForm { identity, id_number, phone, born_on: born_on?, sex, region: typed.region_code })
}

impl Order {
    fn check_rules(&self, today: NaiveDate) -> Result<(), ApiError> {
        for child in &self.children {
            check_child(child.person.born_on, today, self.override_reason.as_deref())?;
        }
        Ok(check_one_birth(self.children.iter().map(|child| child.person.born_on))?)
    }
}
