//! A kind of record in one edition: whom it is about, who writes it, its fields and rules.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::field::{Field, Origin, Rule};
use crate::record::SubjectKind;
use crate::text::Label;
use crate::word::words;

words! {
    /// Which side writes a kind.
    pub enum WrittenBy {
        Family = "family", "家庭", "the family";
        Clinician = "clinician", "医务人员", "a clinician";
    }
}

words! {
    /// The part of life in which a kind is written.
    pub enum Stage {
        Preconception = "preconception", "孕前", "before pregnancy";
        Pregnancy = "pregnancy", "孕期", "pregnancy";
        Puerperium = "puerperium", "产褥期", "puerperium";
        Child = "child", "儿童期", "childhood";
    }
}

words! {
    /// Part of the handbook.
    pub enum Chapter {
        Preconception = "preconception", "孕前篇", "before pregnancy";
        PregnancyAndBirth = "pregnancy_and_birth", "孕产期篇", "pregnancy and birth";
        Child = "child", "儿童篇", "child";
        Immunization = "immunization", "预防接种篇", "immunization";
    }
}

words! {
    /// How often a kind is written.
    pub enum Grain {
        OncePerPregnancy = "once_per_pregnancy", "每孕次一份", "once per pregnancy";
        OncePerDelivery = "once_per_delivery", "每次分娩一份", "once per delivery";
        OncePerChild = "once_per_child", "每个儿童一份", "once per child";
        OncePerVisit = "once_per_visit", "每次检查一份", "once per visit";
        OncePerEvent = "once_per_event", "每次事件一份", "once per event";
        Many = "many", "随时记录", "whenever there is something to write";
    }
}

words! {
    /// How a warning is meant.
    pub enum Level {
        Info = "info", "提示", "information";
        Urgent = "urgent", "尽快就医", "care today";
        Emergency = "emergency", "立即就医", "care now";
    }
}

words! {
    /// What happens when a rule refuses.
    pub enum Mode {
        Refuse = "refuse", "拒绝", "refused";
        Confirm = "confirm", "需确认", "asked once more";
    }
}

words! {
    /// What an item of a repeating group stands for.
    pub enum Repeat {
        PerNewborn = "per_newborn", "每个新生儿", "each newborn";
        PerFetus = "per_fetus", "每个胎儿", "each fetus";
        PerSpouse = "per_spouse", "夫妇每人", "each spouse";
        PerResult = "per_result", "每项结果", "each result";
    }
}

/// A kind of record in one edition.
#[derive(Debug, Clone)]
pub struct Kind {
    /// Key, the same in every edition.
    pub key: String,
    /// Edition of the form.
    pub edition: String,
    /// First day on which this edition is written.
    pub in_force_from: NaiveDate,
    /// Last day on which this edition is written, if it was replaced.
    pub in_force_until: Option<NaiveDate>,
    /// Title.
    pub label: Label,
    /// Who writes it.
    pub written_by: WrittenBy,
    /// Whom it may be about.
    pub subjects: Vec<SubjectKind>,
    /// When it is written.
    pub stages: Vec<Stage>,
    /// Where it stands in the handbook.
    pub chapter: Chapter,
    /// How often it is written.
    pub grain: Grain,
    /// It records a birth or what came after, so its texts may name the sex of the baby.
    pub about_birth: bool,
    /// It may be dated after the death of its subject: a report, a result that came late, a call that found it out.
    pub after_death: bool,
    /// Documents from which fields and rules were taken.
    pub sources: Vec<Document>,
    /// A remark for whoever keeps the form.
    pub note: Option<String>,
    /// Groups, in print order.
    pub groups: Vec<Group>,
    /// Fields, in print order.
    pub fields: Vec<Field>,
    /// What refuses a record.
    pub rejects: Vec<Reject>,
    /// What warns.
    pub warnings: Vec<Caution>,
    /// Payloads that are valid.
    pub examples: Vec<Example>,
    pub(super) occurred: Option<usize>,
    pub(super) places: BTreeMap<String, usize>,
    /// Derived fields, each after those that it reads.
    pub(super) derivations: Vec<usize>,
    /// How many fields stand outside repeating groups.
    pub(super) width: usize,
}

impl Kind {
    /// A field by its key.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.places.get(key).and_then(|place| self.fields.get(*place))
    }

    /// The field that says when the record occurred, if the kind has one beside the day of the record.
    pub fn occurred(&self) -> Option<&Field> {
        self.occurred.and_then(|place| self.fields.get(place))
    }

    /// A group by its key.
    pub fn group(&self, key: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.key == key)
    }

    /// Whether a field of it is sensitive.
    pub fn is_sensitive(&self) -> bool {
        self.fields.iter().any(|field| field.sensitive)
    }

    /// Whether this edition is written on a day.
    pub fn is_in_force(&self, on: NaiveDate) -> bool {
        self.in_force_from <= on && self.in_force_until.is_none_or(|until| on <= until)
    }

    /// The repeating group that a field belongs to.
    pub fn repeating(&self, field: &Field) -> Option<&Group> {
        self.groups.get(field.repeating?)
    }

    /// Fields outside repeating groups, in print order.
    pub(super) fn own_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.repeating.is_none())
    }

    /// Fields of a repeating group, in print order.
    pub fn fields_of<'k>(&'k self, group: &'k Group) -> impl Iterator<Item = &'k Field> {
        self.fields.iter().filter(move |field| field.group.as_deref() == Some(&group.key))
    }

    /// Repeating groups, in print order.
    pub fn repeating_groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| group.repeat.is_some())
    }

    /// Fields that a family or clinician fills in.
    pub fn inputs(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| matches!(field.origin, Origin::Input))
    }
}

/// A group of fields: a heading, or, when it repeats, a list of items in the payload.
#[derive(Debug, Clone)]
pub struct Group {
    /// Key; of a repeating group also the key in the payload.
    pub key: String,
    /// Heading.
    pub label: Label,
    /// What an item stands for; none for a plain heading, whose fields stand in the payload itself.
    pub repeat: Option<Repeat>,
    /// At least so many items.
    pub min: usize,
    /// At most so many items.
    pub max: usize,
    /// Key of the field that says how many items there must be.
    pub count: Option<String>,
    /// Key of the field that must differ between items.
    pub unique: Option<String>,
    pub(super) width: usize,
}

/// A rule that refuses a record.
#[derive(Debug, Clone)]
pub struct Reject {
    /// Id, stable within the kind.
    pub id: String,
    /// Refused where this holds.
    pub when: Rule,
    /// For good, or until it is confirmed.
    pub mode: Mode,
    /// What to tell.
    pub label: Label,
    /// Place of the field to point at.
    pub(super) field: Option<usize>,
    /// Judged once per item of the group at this place.
    pub(super) per_item: Option<usize>,
}

/// A rule that warns.
#[derive(Debug, Clone)]
pub struct Caution {
    /// Id, stable within the kind.
    pub id: String,
    /// Warns where this holds.
    pub when: Rule,
    /// How it is meant.
    pub level: Level,
    /// What to do.
    pub label: Label,
    /// A danger sign: the managing institution is told.
    pub alert: bool,
    /// Ids of weaker warnings that are not shown beside it, because their advice would contradict it.
    pub instead_of: Vec<String>,
    /// Documents.
    pub sources: Vec<Document>,
    /// Tables without which it cannot fire.
    pub needs: Option<String>,
    /// Reads a sensitive field.
    pub sensitive: bool,
    /// Places of the fields that it reads.
    pub(super) fields: Vec<usize>,
    /// Judged once per item of the group at this place.
    pub(super) per_item: Option<usize>,
}

/// A document that a rule or form was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Key in the data files.
    pub key: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
    /// What is known of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A payload that is valid on its day.
#[derive(Debug, Clone)]
pub struct Example {
    /// Day of the record.
    pub on: NaiveDate,
    /// What a client sends.
    pub payload: serde_json::Map<String, serde_json::Value>,
}
