//! A record: who wrote it, for whom, and how it may change.

use crate::id::ChildId;
use crate::word::words;

words! {
    /// Who wrote a record; set by the server from who is calling, never from the body.
    pub enum Source {
        Family = "family", "家庭记录", "family";
        Clinician = "clinician", "医务人员记录", "clinician";
        Import = "import", "导入", "import";
    }
}

words! {
    /// Whether a record counts.
    pub enum RecordState {
        Live = "live", "有效", "live";
        Withdrawn = "withdrawn", "已撤回", "withdrawn by the family";
        Voided = "voided", "录入错误作废", "entered in error";
    }
}

words! {
    /// Whom a record is about, without saying which child.
    pub enum SubjectKind {
        Woman = "woman", "孕产妇", "woman";
        Child = "child", "儿童", "child";
        Household = "household", "家庭", "household";
    }
}

/// Whom a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The woman of the handbook.
    Woman,
    /// One child; twins share a handbook and have separate charts.
    Child(ChildId),
    /// The household as a whole.
    Household,
}

impl Subject {
    /// The kind, as it is stored beside the child's id.
    pub fn kind(self) -> SubjectKind {
        match self {
            Self::Woman => SubjectKind::Woman,
            Self::Child(_) => SubjectKind::Child,
            Self::Household => SubjectKind::Household,
        }
    }

    /// The child, if the record is about one.
    pub fn child(self) -> Option<ChildId> {
        match self {
            Self::Child(child) => Some(child),
            Self::Woman | Self::Household => None,
        }
    }
}
