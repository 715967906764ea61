//! The table itself: who may do what, row by row.

use super::Action as A;
use super::Role as R;
use super::Tie as T;
use super::{Action, OfficeAction, Role, Tie};
use crate::member::MemberRole;

const CLINICAL_READ: &[Action] = &[A::ReadCover, A::ReadRecords];
const CLINICAL_WRITE: &[Action] =
    &[A::ReadCover, A::ReadRecords, A::AttachCheckup, A::CorrectOwn, A::ManagePregnancy];
const OWN_DESK: &[Action] = &[A::ReadCover, A::PrintCode, A::Reclaim, A::CorrectIdentity, A::Replace];

/// Staff: role x tie → actions. The first tie in this order that allows an action is the one that is logged.
pub(super) const STAFF: &[(Role, Tie, &[Action])] = &[
    (R::Clinician, T::Visit, CLINICAL_WRITE),
    (R::Clinician, T::Visit, &[A::ReadSensitive, A::Watch]),
    (R::Clinician, T::Managing, CLINICAL_WRITE),
    (
        R::Clinician,
        T::Managing,
        &[
            A::ReadSensitive,
            A::Watch,
            A::Countersign,
            A::Delegate,
            A::ReadAlerts,
            A::Transfer,
            A::Close,
            A::ReadResponsibility,
        ],
    ),
    (
        R::Clinician,
        T::BreakGlass,
        &[A::ReadCover, A::ReadRecords, A::AttachCheckup, A::CorrectOwn, A::ReadSensitive],
    ),
    (R::Clinician, T::LateResults, &[A::AttachResult, A::CorrectOwn]),
    (R::Clinician, T::Author, &[A::CorrectOwn]),
    (R::HandbookAdministrator, T::Managing, OWN_DESK),
    (
        R::HandbookAdministrator,
        T::Managing,
        &[A::Transfer, A::Close, A::Release, A::ManagePregnancy, A::FollowUpUsage, A::ReadResponsibility],
    ),
    (R::HandbookAdministrator, T::Issuing, OWN_DESK),
    (R::HandbookAdministrator, T::Issuing, &[A::FollowUpUsage]),
    (R::HandbookAdministrator, T::Visit, OWN_DESK),
    (R::HandbookAdministrator, T::Visit, &[A::ManagePregnancy]),
    (R::KindergartenStaff, T::Visit, &[A::ReadCover, A::ReadRecords, A::AttachCheckup, A::CorrectOwn]),
    (R::KindergartenStaff, T::LateResults, &[A::AttachResult, A::CorrectOwn]),
    (R::KindergartenStaff, T::Author, &[A::CorrectOwn]),
    (R::VillageWorker, T::Delegated, &[A::ReadCover, A::AttachCheckup, A::CorrectOwn]),
    (R::VillageWorker, T::InRegion, &[A::ReadCover, A::FollowUpUsage]),
    (R::TownshipOffice, T::InRegion, &[A::ReadCover, A::FollowUpUsage]),
    (R::TownshipOffice, T::Issuing, &[A::ReadCover, A::PrintCode, A::FollowUpUsage]),
    (R::VillageWorker, T::Author, &[A::CorrectOwn]),
    (R::CountyMch, T::InRegion, &[A::ReadCover, A::ReadAlerts, A::Transfer, A::Close, A::ReadResponsibility]),
    (R::CountyMch, T::Author, &[A::CorrectOwn]),
    (R::CountyMch, T::HighRisk, CLINICAL_READ),
    (R::CountyMch, T::HighRisk, &[A::ReadSensitive, A::AttachCheckup, A::CorrectOwn]),
];

/// Family: role → actions. Sensitive results are for the woman herself alone.
pub(super) const FAMILY: &[(MemberRole, &[Action])] = &[
    (
        MemberRole::Owner,
        &[
            A::ReadCover,
            A::ReadRecords,
            A::WriteEntry,
            A::ShowCode,
            A::ReadMembers,
            A::ManageMembers,
            A::Leave,
            A::ProveWoman,
            A::ReadAccessLog,
            A::ReadNotices,
            A::Watch,
            A::ReadConsents,
            A::Consent,
            A::AskCorrection,
            A::ReadCorrections,
        ],
    ),
    (
        MemberRole::Guardian,
        &[
            A::ReadCover,
            A::ReadRecords,
            A::WriteEntry,
            A::ShowCode,
            A::ReadMembers,
            A::Leave,
            A::ProveWoman,
            A::ReadAccessLog,
            A::ReadNotices,
            A::Watch,
            A::ReadConsents,
            A::Consent,
            A::AskCorrection,
            A::ReadCorrections,
        ],
    ),
    (
        MemberRole::Viewer,
        &[
            A::ReadCover,
            A::ReadRecords,
            A::ReadMembers,
            A::Leave,
            A::ProveWoman,
            A::Watch,
            A::ReadConsents,
            A::Consent,
        ],
    ),
];

/// Staff outside one handbook: role → actions. The scope (institution or region) is a filter of every finder.
pub(super) const OFFICE: &[(Role, &[OfficeAction])] = &[
    (
        R::Clinician,
        &[
            OfficeAction::OpenVisit,
            OfficeAction::BreakGlass,
            OfficeAction::ReadAlerts,
            OfficeAction::Countersign,
            OfficeAction::ReadOwnCheckups,
            OfficeAction::ReadInstitutions,
            OfficeAction::ReadCorrections,
            OfficeAction::AnswerCorrections,
            OfficeAction::AskDisclosure,
            OfficeAction::ReadDisclosures,
        ],
    ),
    (
        R::HandbookAdministrator,
        &[
            OfficeAction::FindHandbook,
            OfficeAction::IssueHandbook,
            OfficeAction::OpenVisit,
            OfficeAction::ReadUsage,
            OfficeAction::ReadInstitutions,
            OfficeAction::ReadUnused,
            OfficeAction::AskDisclosure,
            OfficeAction::ReadDisclosures,
        ],
    ),
    (
        R::KindergartenStaff,
        &[
            OfficeAction::OpenVisit,
            OfficeAction::ReadOwnCheckups,
            OfficeAction::ReadCorrections,
            OfficeAction::AnswerCorrections,
            OfficeAction::AskDisclosure,
            OfficeAction::ReadDisclosures,
        ],
    ),
    (
        R::VillageWorker,
        &[
            OfficeAction::ReadOwnCheckups,
            OfficeAction::ReadUnused,
            OfficeAction::AskDisclosure,
            OfficeAction::ReadDisclosures,
        ],
    ),
    (
        R::TownshipOffice,
        &[
            OfficeAction::FindHandbook,
            OfficeAction::IssueHandbook,
            OfficeAction::ReadUsage,
            OfficeAction::ReadInstitutions,
            OfficeAction::ReadUnused,
            OfficeAction::AskDisclosure,
            OfficeAction::ReadDisclosures,
        ],
    ),
    (
        R::CountyMch,
        &[
            OfficeAction::FindHandbook,
            OfficeAction::ReadUsage,
            OfficeAction::ReadAlerts,
            OfficeAction::ReadOwnCheckups,
            OfficeAction::ReadInstitutions,
            OfficeAction::ManageInstitutions,
            OfficeAction::ManageStaff,
            OfficeAction::SetTargets,
            OfficeAction::ReviewOverrides,
            OfficeAction::ReadCorrections,
            OfficeAction::ReadUnused,
            OfficeAction::AskDisclosure,
            OfficeAction::ReadDisclosures,
            OfficeAction::DecideDisclosure,
        ],
    ),
    (
        R::CityMch,
        &[
            OfficeAction::ReadUsage,
            OfficeAction::ReadInstitutions,
            OfficeAction::SetTargets,
            OfficeAction::ReadDisclosures,
            OfficeAction::DecideDisclosure,
        ],
    ),
    (
        R::ProvinceMch,
        &[
            OfficeAction::ReadUsage,
            OfficeAction::ReadInstitutions,
            OfficeAction::SetTargets,
            OfficeAction::ReadDisclosures,
            OfficeAction::DecideDisclosure,
        ],
    ),
    (
        R::HealthAuthority,
        &[OfficeAction::ReadUsage, OfficeAction::ReadInstitutions, OfficeAction::SetTargets],
    ),
    (
        R::SystemAdministrator,
        &[
            OfficeAction::ReadInstitutions,
            OfficeAction::ManageInstitutions,
            OfficeAction::ManageStaff,
            OfficeAction::ManageRegions,
            OfficeAction::SetTargets,
            OfficeAction::ReadUsage,
        ],
    ),
];
