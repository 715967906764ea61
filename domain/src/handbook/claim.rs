//! What a family shows to claim a handbook, or to have its cover scanned, and whom it proves.

use chrono::TimeDelta;
use unicode_normalization::UnicodeNormalization;

use crate::member::MemberRelation;
use crate::person::Sex;

/// Wrong tries of one actor before a pause: at claims, and apart from them at invitations and where a woman proves herself.
pub const CLAIM_TRIES: u32 = 5;

/// Wrong tries at one handbook, of all actors together, before a pause.
pub const CLAIM_TRIES_OF_HANDBOOK: u32 = 20;

/// How long the pause lasts.
pub const CLAIM_PAUSE: TimeDelta = TimeDelta::hours(1);

/// The last four characters of an ID number or a phone, as typed.
#[derive(Clone, PartialEq, Eq)]
pub struct LastFour([u8; 4]);

/// Not four characters of an ID number or a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the last four are four digits, or three digits and X")]
pub struct NotLastFour;

impl LastFour {
    /// Reads four characters; spaces around them, a small x and full-width digits are accepted.
    pub fn parse(text: &str) -> Result<Self, NotLastFour> {
        let text: String = text.trim().nfkc().collect::<String>().to_uppercase();
        let four: [u8; 4] = text.as_bytes().try_into().map_err(|_| NotLastFour)?;
        let [head @ .., last] = four;
        let fits = head.iter().all(u8::is_ascii_digit) && (last.is_ascii_digit() || last == b'X');
        if fits { Ok(Self(four)) } else { Err(NotLastFour) }
    }

    /// Whether a number ends so, in the same time for every number of a length.
    pub fn ends(&self, number: &str) -> bool {
        let tail = number.len().checked_sub(4).and_then(|at| number.as_bytes().get(at..));
        tail.is_some_and(|tail| tail.iter().zip(self.0).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0)
    }
}

impl std::fmt::Debug for LastFour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LastFour(***)")
    }
}

/// What is recorded of the people of a handbook, as far as a claim is held against it.
#[derive(Clone, Default)]
pub struct OnRecord {
    /// ID number of the woman or guardian.
    pub id_number: Option<String>,
    /// Phone of the woman or guardian, whichever desk wrote it down.
    pub phone: Option<String>,
    /// Phone that a desk wrote down for this handbook: hers, or another at which the family is reached.
    pub contact: Option<String>,
    /// Sex of the woman or guardian: a father may be recorded as the guardian of a child.
    pub sex: Option<Sex>,
    /// ID numbers of the children.
    pub children: Vec<String>,
}

impl std::fmt::Debug for OnRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnRecord(***)")
    }
}

/// Whom a claim proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Is the woman or guardian on record: WeChat verified the recorded phone, or a desk saw the ID card.
    Adult,
    /// Knows the end of a recorded number, as whoever shares a home does, or holds a slip: belongs to the family.
    Family,
}

impl OnRecord {
    /// Whom the last four prove, if anybody: the family, whosever number they end, because a husband knows hers too. Every
    /// number is looked at, whichever fits.
    pub fn prove_last_four(&self, four: &LastFour) -> Option<Proof> {
        let numbers = self.id_number.iter().chain(&self.contact).chain(&self.children);
        let fits = numbers.fold(false, |fits, number| fits | four.ends(number));
        fits.then_some(Proof::Family)
    }

    /// Whom a verified phone proves: it must be the one that was written down for this handbook, and proves the woman only
    /// where it is known to be hers. A phone that came with another handbook of hers proves nobody here.
    pub fn prove_phone(&self, phone: &str) -> Option<Proof> {
        let is = |recorded: &Option<String>| recorded.as_deref() == Some(phone);
        is(&self.contact).then_some(if is(&self.phone) { Proof::Adult } else { Proof::Family })
    }

    /// Whether the claimer is the woman herself: says so, and proved to be the adult on record, who is no man.
    pub fn is_woman(&self, proof: Proof, relation: MemberRelation) -> bool {
        proof == Proof::Adult && relation == MemberRelation::Woman && self.sex != Some(Sex::Male)
    }
}

/// Whether the consent is a guardian's: the claimer is not the woman, or the handbook is a child's too.
pub fn consents_as_guardian(relation: MemberRelation, has_children: bool) -> bool {
    relation != MemberRelation::Woman || has_children
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_record() -> OnRecord {
        OnRecord {
            id_number: Some("11010519491231002X".into()),
            phone: Some("13812345678".into()),
            contact: Some("13812345678".into()),
            sex: Some(Sex::Female),
            children: vec!["510903202611010019".into()],
        }
    }

    #[test]
    fn the_last_four_of_whatever_number_prove_the_family_and_the_whole_phone_the_adult() {
        let prove = |text: &str| on_record().prove_last_four(&LastFour::parse(text).unwrap());
        for known in ["002x", " ５６７８ ", "0019"] {
            assert_eq!(prove(known), Some(Proof::Family), "{known}");
        }
        assert_eq!(prove("0020"), None);
        assert_eq!(OnRecord::default().prove_last_four(&LastFour::parse("0000").unwrap()), None);
        assert_eq!(on_record().prove_phone("13812345678"), Some(Proof::Adult));
        assert_eq!(on_record().prove_phone("13812345679"), None);
    }

    #[test]
    fn a_phone_proves_her_where_it_is_hers_and_was_written_down_for_this_handbook() {
        let contact = OnRecord { contact: Some("13700000001".into()), ..on_record() };
        assert_eq!(contact.prove_phone("13700000001"), Some(Proof::Family), "somebody's at home");
        assert_eq!(contact.prove_phone("13812345678"), None, "hers, by another handbook");
        assert_eq!(OnRecord { contact: None, ..on_record() }.prove_phone("13812345678"), None);
    }

    #[test]
    fn only_who_says_so_and_proved_it_is_the_woman() {
        let record = on_record();
        assert!(record.is_woman(Proof::Adult, MemberRelation::Woman));
        assert!(!record.is_woman(Proof::Family, MemberRelation::Woman));
        assert!(!record.is_woman(Proof::Adult, MemberRelation::Father));
        let father = OnRecord { sex: Some(Sex::Male), ..record };
        assert!(!father.is_woman(Proof::Adult, MemberRelation::Woman));
    }

    #[test]
    fn what_is_not_four_characters_of_a_number_is_told_before_it_counts_as_a_try() {
        for wrong in ["", "123", "12345", "12a4", "X123", "0 21", "胎胎", "胎胎胎胎"] {
            assert_eq!(LastFour::parse(wrong), Err(NotLastFour), "{wrong}");
        }
        assert!(!format!("{:?}", LastFour::parse("1234").unwrap()).contains("1234"));
    }

    #[test]
    fn a_consent_is_a_guardians_unless_the_woman_gives_it_for_herself_alone() {
        assert!(!consents_as_guardian(MemberRelation::Woman, false));
        assert!(consents_as_guardian(MemberRelation::Woman, true));
        assert!(consents_as_guardian(MemberRelation::Father, false));
    }
}
