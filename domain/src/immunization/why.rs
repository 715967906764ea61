//! Why a series stands where it does: one sentence in Chinese and one in English, each naming the rule. Neither tells
//! an infection of the child or the mother.

use super::due::{SeriesPlan, Status};
use super::table::{DoseRule, tables};

impl SeriesPlan {
    /// The reason in Chinese.
    pub fn why_zh(&self) -> String {
        let clause = self.dose.map_or_else(|| self.clause(0).to_owned(), DoseRule::zh);
        format!("{}：{clause}（规则{}，{}）。", self.lead_zh(), self.told_rule(), self.edition)
    }

    /// The reason in English.
    pub fn why_en(&self) -> String {
        let clause = self.dose.map_or_else(|| self.clause(1).to_owned(), DoseRule::en);
        format!("{}: {clause} (rule {} of {}).", self.lead_en(), self.told_rule(), self.edition)
    }

    fn lead_zh(&self) -> String {
        let vaccine = &self.series.zh;
        let Some(next) = self.next else {
            return format!("{vaccine}{}", self.status.zh());
        };
        let dose = format!("{vaccine}第{}剂", next.dose);
        match (self.status, next.overdue_from) {
            (Status::NotYetDue, _) => format!("{dose}最早于{}接种", next.earliest),
            (Status::Overdue, Some(late)) => format!("{dose}自{late}起逾期，请尽早补种"),
            (Status::Deferred, _) => format!("{dose}暂缓接种"),
            _ => format!("{dose}自{}起应接种", next.earliest),
        }
    }

    fn lead_en(&self) -> String {
        let Some(next) = self.next else {
            return format!("{} is {}", self.series.vaccine, self.status.en());
        };
        let dose = format!("{}-{}", self.series.vaccine, next.dose);
        match (self.status, next.overdue_from) {
            (Status::NotYetDue, _) => format!("{dose} is given from {} on", next.earliest),
            (Status::Overdue, Some(late)) => format!("{dose} is overdue since {late}"),
            (Status::Deferred, _) => format!("{dose} is deferred"),
            _ => format!("{dose} is due since {}", next.earliest),
        }
    }

    fn clause(&self, language: usize) -> &'static str {
        let clause = tables().clause(self.rule).and_then(|clause| clause.get(language));
        clause.map(String::as_str).unwrap_or_default()
    }

    /// The rule as texts name it.
    fn told_rule(&self) -> String {
        let series = self.series.told_as.as_deref().unwrap_or(&self.series.id);
        match self.dose {
            Some(dose) => {
                let number = dose.id.rsplit_once('.').map(|(_, number)| number).unwrap_or_default();
                format!("{series}.{number}")
            }
            None if self.rule == "complete" => series.to_owned(),
            None => self.rule.to_owned(),
        }
    }
}

impl DoseRule {
    fn zh(&self) -> String {
        let age = format!("满{}", self.age.zh());
        let after = self.after.map(|after| format!("，距上一剂不少于{}", after.zh()));
        let after_first = self.after_first.map(|after| format!("，距第1剂不少于{}", after.zh()));
        [Some(age), after, after_first].into_iter().flatten().collect()
    }

    fn en(&self) -> String {
        let age = format!("from the age of {}", self.age.en());
        let after = self.after.map(|after| format!(", at least {} after the dose before", after.en()));
        let after_first = self.after_first.map(|after| format!(", at least {} after dose 1", after.en()));
        [Some(age), after, after_first].into_iter().flatten().collect()
    }
}
