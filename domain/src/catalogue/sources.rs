//! What the server fills in: whose record it is, who writes it and where, and the dates of pregnancy and birth.

use chrono::{DateTime, NaiveDate, Utc};

use super::number::Number;
use super::value::{Named, named};

named! {
    /// What the server knows when a record is written; whatever is missing leaves the field empty.
    pub struct Sources;
    /// Name of the subject.
    person_name: String = "person.name";
    /// Sex of the subject, a born person: `male`, `female`, `unknown`.
    person_sex: String = "person.sex";
    /// Birth day of the subject.
    person_birth_date: NaiveDate = "person.birth_date";
    /// ID number of the subject.
    person_id_number: String = "person.id_number";
    /// Phone of the subject, or of the family for a child.
    person_phone: String = "person.phone";
    /// Present address of the subject.
    person_address: String = "person.address";
    /// Number of the resident health record.
    person_health_record_no: String = "person.health_record_no";
    /// Ethnic group.
    person_ethnicity: String = "person.ethnicity";
    /// Education.
    person_education: String = "person.education";
    /// Marital status; never a condition for a service.
    person_marital_status: String = "person.marital_status";
    /// `urban` or `rural`.
    person_residence_kind: String = "person.residence_kind";
    /// `household`, `resident_3m` or `temporary` (document 001).
    person_residence_class: String = "person.residence_class";
    /// Height of the woman in metres, as last measured.
    person_height_m: Number = "person.height_m";
    /// Name of the woman's husband.
    spouse_name: String = "spouse.name";
    /// Phone of the woman's husband.
    spouse_phone: String = "spouse.phone";
    /// Birth day of the woman's husband.
    spouse_birth_date: NaiveDate = "spouse.birth_date";
    /// Address of the household.
    household_address: String = "household.address";
    /// Phone of the household.
    household_phone: String = "household.phone";
    /// Name of the child's mother.
    mother_name: String = "mother.name";
    /// Occupation of the child's mother.
    mother_occupation: String = "mother.occupation";
    /// Phone of the child's mother.
    mother_phone: String = "mother.phone";
    /// Birth day of the child's mother.
    mother_birth_date: NaiveDate = "mother.birth_date";
    /// Name of the child's father.
    father_name: String = "father.name";
    /// Occupation of the child's father.
    father_occupation: String = "father.occupation";
    /// Phone of the child's father.
    father_phone: String = "father.phone";
    /// Birth day of the child's father.
    father_birth_date: NaiveDate = "father.birth_date";
    /// Number of the handbook.
    handbook_number: String = "handbook.number";
    /// Day on which the handbook was issued.
    handbook_issued_on: NaiveDate = "handbook.issued_on";
    /// Whether a handbook was issued.
    handbook_is_issued: bool = "handbook.is_issued";
    /// Name of the staff member who writes.
    session_staff: String = "session.staff";
    /// Professional rank: `resident`, `attending`, `associate_chief`, `chief`.
    session_staff_title: String = "session.staff_title";
    /// Name of the institution where the record is written.
    session_institution: String = "session.institution";
    /// Level of that institution: `primary`, `secondary`, `tertiary`.
    session_institution_level: String = "session.institution_level";
    /// Day of the record; filled from the context.
    record_occurred_on: NaiveDate = "record.occurred_on";
    /// Name of the person who countersigned.
    record_reviewer: String = "record.reviewer";
    /// Edition of the kind; filled from the catalogue.
    record_edition: String = "record.edition";
    /// Days of gestation on the day of the record, by the current due date.
    pregnancy_gestational_days: i64 = "pregnancy.gestational_days";
    /// Last menstrual period.
    pregnancy_lmp: NaiveDate = "pregnancy.lmp";
    /// The last menstrual period is not known.
    pregnancy_lmp_unknown: bool = "pregnancy.lmp_unknown";
    /// Expected date of delivery.
    pregnancy_edd: NaiveDate = "pregnancy.edd";
    /// Risk grade in force: `green`, `yellow`, `orange`, `red`; none before the first.
    pregnancy_risk_grade: String = "pregnancy.risk_grade";
    /// Result of the latest risk screening: `negative` or `positive`.
    pregnancy_screening_result: String = "pregnancy.screening_result";
    /// Weight before the pregnancy in kilograms.
    pregnancy_prepregnancy_weight_kg: Number = "pregnancy.prepregnancy_weight_kg";
    /// Day of delivery.
    delivery_delivered_on: NaiveDate = "delivery.delivered_on";
    /// Day of discharge after delivery.
    delivery_discharged_on: NaiveDate = "delivery.discharged_on";
    /// Instant of the child's birth.
    birth_born_at: DateTime<Utc> = "birth.born_at";
    /// Days of gestation at the child's birth.
    birth_gestational_days: i64 = "birth.gestational_days";
    /// Birth weight of the child in grams.
    birth_weight_g: i64 = "birth.weight_g";
    /// Number of the pre-pregnancy check service.
    plan_service_no: String = "plan.service_no";
}

named! {
    /// One of the couple, for a record that has an item for each (`member.*`).
    pub struct Spouse;
    /// Name.
    name: String = "member.name";
    /// Birth day.
    birth_date: NaiveDate = "member.birth_date";
    /// ID number.
    id_number: String = "member.id_number";
    /// Ethnic group.
    ethnicity: String = "member.ethnicity";
    /// Occupation.
    occupation: String = "member.occupation";
    /// Education.
    education: String = "member.education";
    /// Registered address (户口).
    registered_address: String = "member.registered_address";
}

/// The couple, by the option that an item chooses as its `role`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Couple {
    /// The woman of the handbook.
    pub wife: Spouse,
    /// Her husband.
    pub husband: Spouse,
}

impl Couple {
    /// The options that the `role` of an item may have.
    pub(super) const ROLES: [&'static str; 2] = ["wife", "husband"];

    pub(super) fn member(&self, role: &str) -> Option<&Spouse> {
        match role {
            "wife" => Some(&self.wife),
            "husband" => Some(&self.husband),
            _ => None,
        }
    }
}

/// Where a field is filled from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Record(&'static Named<Sources>),
    Member(&'static Named<Spouse>),
}

impl Source {
    pub(super) fn named(name: &str) -> Option<Self> {
        Sources::member(name).map(Self::Record).or_else(|| Spouse::member(name).map(Self::Member))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Record(source) => source.name,
            Self::Member(source) => source.name,
        }
    }

    pub(super) fn shape(self) -> super::value::Type {
        match self {
            Self::Record(source) => source.shape,
            Self::Member(source) => source.shape,
        }
    }

    /// Whether it says who somebody is: such fields are kept in the encrypted part of a record.
    pub(super) fn is_identity(self) -> bool {
        const IDENTITY: [&str; 9] = [
            "name",
            "birth_date",
            "id_number",
            "phone",
            "address",
            "registered_address",
            "health_record_no",
            "staff",
            "reviewer",
        ];
        self.name().rsplit('.').next().is_some_and(|last| IDENTITY.contains(&last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_has_its_own_name() {
        let names: std::collections::BTreeSet<_> =
            Sources::MEMBERS.iter().map(|source| source.name).collect();
        assert_eq!(names.len(), Sources::MEMBERS.len());
    }

    #[test]
    fn who_somebody_is_counts_as_identity() {
        for name in ["person.name", "member.id_number", "father.phone", "household.address", "session.staff"]
        {
            assert!(Source::named(name).unwrap().is_identity(), "{name}");
        }
        for name in ["pregnancy.edd", "session.institution", "birth.born_at", "handbook.number"] {
            assert!(!Source::named(name).unwrap().is_identity(), "{name}");
        }
        assert!(Source::named("person.shoe_size").is_none());
    }
}
