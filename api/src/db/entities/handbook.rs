//! Table `handbook`.

use domain::handbook::{CloseReason, Group, State};
use domain::id::{HandbookId, InstitutionId, MemberId, PersonId};
use domain::member::MemberRelation;
use domain::place::RegionCode;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "handbook")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: HandbookId,
    #[sea_orm(unique)]
    pub number: String,
    pub state: State,
    pub issued_group: Group,
    pub region_code: RegionCode,
    pub woman_id: Option<PersonId>,
    /// The woman whose pregnancy (or plan) this handbook waits for: one live handbook per pregnancy.
    #[sea_orm(unique)]
    pub expecting_id: Option<PersonId>,
    /// The day of her death, unless it stands as the outcome of a pregnancy (maternal death).
    pub woman_died_on: Option<Date>,
    pub issued_on: Date,
    pub issued_by: InstitutionId,
    pub managing_id: InstitutionId,
    #[sea_orm(unique)]
    pub slip_hash: Option<Vec<u8>>,
    pub slip_expires_at: Option<DateTimeUtc>,
    /// Who alone may claim by the slip: of a re-claim whoever the lost account was, of a first claim the woman when the desk
    /// saw her.
    pub slip_relation: Option<MemberRelation>,
    /// Set on a slip that re-claims: the membership that ends by it.
    pub slip_member_id: Option<MemberId>,
    pub printed_serial: i32,
    pub first_used_at: Option<DateTimeUtc>,
    pub change_seq: i64,
    /// The handbook whose issue this one's use counts for: itself, or the one that it replaces.
    pub counts_as: HandbookId,
    pub closed_at: Option<DateTimeUtc>,
    pub close_reason: Option<CloseReason>,
    pub successor_id: Option<HandbookId>,
    pub created_at: DateTimeUtc,
    pub version: i32,
    /// Version of the text by which the family lets clinicians see its entries; nothing when it does not.
    pub shares_entries: Option<String>,
    /// Version of the text by which a guardian consents for the children; nothing when none does.
    pub child_agreed: Option<String>,
    /// The last member closed the account.
    pub family_left_at: Option<DateTimeUtc>,
    /// The clinical part is kept for the law until this day and used for nothing but an emergency.
    pub blocked_until: Option<Date>,
    /// Nobody is in it any more.
    pub erased_at: Option<DateTimeUtc>,
    /// When the latest record of it was received; the next is never dated before.
    pub written_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
