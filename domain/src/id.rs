//! Every id type, one list. An id names a row; it is not a secret and never opens a door.

use uuid::Uuid;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "sea-orm", derive(sea_orm::DeriveValueType))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }

        #[cfg(feature = "sea-orm")]
        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )+};
}

ids! {
    /// A mother-and-child health handbook.
    HandbookId;
    /// A person with identity fields: a woman, a child, a parent.
    PersonId;
    /// A WeChat user of the family side.
    UserId;
    /// A user's place in a handbook.
    MemberId;
    /// A one-time invitation to become a member.
    InvitationId;
    /// One pregnancy of a handbook's woman.
    PregnancyId;
    /// One child of a handbook.
    ChildId;
    /// A dated record: a family's entry or a clinician's checkup.
    RecordId;
    /// A photo that a family added.
    PhotoId;
    /// The time-limited access that a scan opens.
    VisitId;
    /// A rule that a handbook administrator set aside, with a reason.
    OverrideId;
    /// A QR code, dynamic or printed.
    CodeId;
    /// An institution that issues, examines or manages.
    InstitutionId;
    /// A person who works at an institution or an authority.
    StaffId;
    /// A signed-in session of a user or of staff.
    SessionId;
    /// An event of the audit log.
    EventId;
    /// Events that were sealed together.
    BatchId;
    /// A process that seals: its batches make one chain.
    ReplicaId;
    /// Something a family or an institution is told.
    NoticeId;
    /// A danger sign shown to the managing institution.
    AlertId;
    /// A duty that went to another institution with its handbook.
    HandoverId;
    /// A family's request to correct a clinician's record.
    CorrectionId;
    /// What a retention job or a closing did.
    ReceiptId;
    /// A list of persons that somebody asked to take away.
    DisclosureId;
    /// A job in the outbox.
    JobId;
    /// A woman handed to a village doctor by the health centre.
    DelegationId;
    /// A visit or call that asked whether a handbook is in use.
    FollowUpId;
    /// An issue, reissue or replacement of a handbook.
    IssuanceId;
    /// Something that staff changed about a handbook at a desk, with the reason.
    DeskActId;
    /// One person's agreement to one text.
    ConsentId;
    /// A target of a region, year and indicator.
    TargetId;
}
