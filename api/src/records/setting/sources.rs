//! What the server fills into a record from what it knows: the fields of a form that nobody may type.

use chrono::{DateTime, NaiveDate, Utc};
use domain::catalogue::{Context, Couple, Number, Sources, Spouse};
use domain::institution::InstitutionLevel;
use domain::pregnancy::Dates;

use super::Asked;
use super::known::{Known, KnownPerson, born_at, was_delivered};
use crate::people::Identity;

impl Known {
    pub(super) fn context(&self, now: DateTime<Utc>, asked: &Asked<'_>) -> Context {
        let mut sources = Sources {
            handbook_number: Some(asked.handbook.number.clone()),
            handbook_issued_on: Some(asked.handbook.issued_on),
            handbook_is_issued: Some(asked.handbook.state.is_live()),
            ..Sources::default()
        };
        self.fill_people(&mut sources);
        self.fill_pregnancy(&mut sources, asked.occurred_on);
        self.fill_birth(&mut sources);
        self.fill_desk(&mut sources);
        let couple = Couple {
            wife: self.woman.as_ref().map(spouse).unwrap_or_default(),
            husband: self.father.as_ref().map(spouse).unwrap_or_default(),
        };
        Context { now, occurred_on: asked.occurred_on, sources, couple, unborn: self.unborn }
    }

    fn fill_people(&self, sources: &mut Sources) {
        let woman = self.woman.as_ref();
        let subject = self.child.as_ref().map(|child| &child.person).or(woman);
        if let Some(subject) = subject {
            let identity = &subject.identity;
            sources.person_name = Some(identity.name.clone());
            sources.person_sex = subject.row.sex.map(|sex| sex.code().to_owned());
            sources.person_birth_date = subject.row.born_on;
            sources.person_id_number = identity.id_number.clone();
            sources.person_health_record_no = identity.health_record_no.clone();
            sources.person_ethnicity = identity.ethnicity.clone();
            sources.person_education = identity.education.clone();
        }
        let of_family = |field: fn(&Identity) -> Option<String>| {
            subject
                .and_then(|one| field(&one.identity))
                .or_else(|| woman.and_then(|one| field(&one.identity)))
        };
        sources.person_phone = of_family(|identity| identity.phone.clone());
        sources.person_address = of_family(|identity| identity.address.clone());
        if let Some(child) = &self.child {
            sources.person_birth_date = Some(child.row.born_on);
        }
        if let Some(woman) = woman {
            let identity = &woman.identity;
            sources.household_address = identity.address.clone();
            sources.household_phone = identity.phone.clone();
            sources.mother_name = Some(identity.name.clone());
            sources.mother_occupation = identity.occupation.clone();
            sources.mother_phone = identity.phone.clone();
            sources.mother_birth_date = woman.row.born_on;
        }
        if let Some(father) = &self.father {
            let identity = &father.identity;
            sources.father_name = Some(identity.name.clone());
            sources.father_occupation = identity.occupation.clone();
            sources.father_phone = identity.phone.clone();
            sources.father_birth_date = father.row.born_on;
            sources.spouse_name = Some(identity.name.clone());
            sources.spouse_phone = identity.phone.clone();
            sources.spouse_birth_date = father.row.born_on;
        }
    }

    fn fill_pregnancy(&self, sources: &mut Sources, on: NaiveDate) {
        sources.person_height_m = self.body.height_mm.and_then(|mm| Number::scaled(i128::from(mm), 3));
        sources.pregnancy_prepregnancy_weight_kg =
            self.body.weight_g.and_then(|grams| Number::scaled(i128::from(grams), 3));
        sources.pregnancy_screening_result = self.body.screening_result.clone();
        let Some(pregnancy) = &self.pregnancy else { return };
        let under_way = pregnancy.ended_on.is_none_or(|ended_on| on <= ended_on);
        sources.pregnancy_gestational_days = under_way.then(|| Dates::gestational_days(pregnancy.due_on, on));
        sources.pregnancy_lmp = pregnancy.last_period_on;
        sources.pregnancy_lmp_unknown = Some(pregnancy.last_period_on.is_none());
        sources.pregnancy_edd = Some(pregnancy.due_on);
        sources.pregnancy_risk_grade = pregnancy.risk_grade.clone();
        if was_delivered(pregnancy) {
            sources.delivery_delivered_on = pregnancy.ended_on;
            sources.delivery_discharged_on = pregnancy.discharged_on;
        }
    }

    fn fill_birth(&self, sources: &mut Sources) {
        let Some(child) = &self.child else { return };
        sources.birth_born_at = Some(born_at(&child.row));
        sources.birth_gestational_days = child.gestation_days;
        sources.birth_weight_g = child.row.birth_weight_g.map(i64::from);
    }

    fn fill_desk(&self, sources: &mut Sources) {
        let Some(desk) = &self.desk else { return };
        sources.session_staff = Some(desk.staff_name.clone());
        sources.session_staff_title = rank_of(&desk.title).map(str::to_owned);
        sources.session_institution = Some(desk.institution.name.clone());
        sources.session_institution_level = Some(desk.institution.level)
            .filter(|level| *level != InstitutionLevel::None)
            .map(|level| level.code().to_owned());
    }
}

fn spouse(known: &KnownPerson) -> Spouse {
    let identity = &known.identity;
    Spouse {
        name: Some(identity.name.clone()),
        birth_date: known.row.born_on,
        id_number: identity.id_number.clone(),
        ethnicity: identity.ethnicity.clone(),
        occupation: identity.occupation.clone(),
        education: identity.education.clone(),
        registered_address: identity.registered_address.clone(),
    }
}

/// The rank that forms ask for, out of the professional title (卫生技术职称).
fn rank_of(title: &str) -> Option<&'static str> {
    const RANKS: [(&str, &str); 4] = [
        ("副主任医师", "associate_chief"),
        ("主任医师", "chief"),
        ("主治医师", "attending"),
        ("住院医师", "resident"),
    ];
    RANKS.iter().find(|(known, _)| title.contains(known)).map(|(_, rank)| *rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_gives_its_rank() {
        let cases = [
            ("副主任医师", Some("associate_chief")),
            ("主任医师", Some("chief")),
            ("主治医师", Some("attending")),
            ("主管护师", None),
        ];
        for (title, rank) in cases {
            assert_eq!(rank_of(title), rank, "{title}");
        }
    }
}
