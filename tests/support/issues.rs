//! Handbooks that were issued at any time, and counted as the API counts them.

use std::sync::atomic::{AtomicI64, Ordering};

use api::db::entities::{ExplainedList, handbook, institution, issuance};
use api::usage::count;
use api::usage::verify::{Difference, verify};
use chrono::{DateTime, Utc};
use domain::calendar::{Month, day_in_china};
use domain::consent::Purpose;
use domain::handbook::issuing::{Explained, IssueKind};
use domain::handbook::number::HandbookNumber;
use domain::handbook::{Group, State};
use domain::id::{HandbookId, InstitutionId, IssuanceId};
use domain::institution::column_of;
use domain::place::RegionCode;
use domain::usage::Evidence;
use sea_orm::ActiveValue::Set;
use sea_orm::{EntityTrait, IntoActiveModel};
use uuid::Uuid;

use super::World;
use super::people::COUNTY;

/// Serials of handbooks made here, apart from those of claimed ones.
static SERIAL: AtomicI64 = AtomicI64::new(1_000_000);

impl World {
    /// A handbook issued by an institution (one that has an administrator) at an instant.
    pub async fn issued(&self, by: InstitutionId, group: Group, at: DateTime<Utc>) -> handbook::Model {
        let db = self.app.db.write();
        let issuer = institution::Entity::find_by_id(by).one(db).await.unwrap().unwrap();
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let number = HandbookNumber::new(RegionCode(COUNTY), 2026, serial).unwrap();
        let id = HandbookId(Uuid::now_v7());
        let row = handbook::Model {
            id,
            number: number.as_str().to_owned(),
            state: State::Issued,
            issued_group: group,
            region_code: issuer.region_code,
            woman_id: None,
            expecting_id: None,
            woman_died_on: None,
            issued_on: day_in_china(at),
            issued_by: by,
            managing_id: by,
            slip_hash: None,
            slip_expires_at: None,
            slip_relation: None,
            slip_member_id: None,
            printed_serial: 1,
            first_used_at: None,
            change_seq: 0,
            counts_as: id,
            closed_at: None,
            close_reason: None,
            successor_id: None,
            created_at: at,
            version: 1,
            shares_entries: Some(Purpose::ShareEntries.version().to_owned()),
            child_agreed: Some(Purpose::Child.version().to_owned()),
            family_left_at: None,
            blocked_until: None,
            erased_at: None,
            written_at: None,
        };
        handbook::Entity::insert(row.clone().into_active_model()).exec_without_returning(db).await.unwrap();
        let classes = issuer.classes.0.iter().copied().collect();
        let (agency_class, report_column) = column_of(group, &classes);
        let issue = issuance::Model {
            id: IssuanceId(Uuid::now_v7()),
            handbook_id: id,
            kind: IssueKind::Issue,
            institution_id: by,
            staff_id: issuer.administrator_id.unwrap(),
            region_code: issuer.region_code,
            issued_group: group,
            agency_class,
            report_column,
            edition: "2017".to_owned(),
            explained: ExplainedList(Explained::ALL.to_vec()),
            override_reason: None,
            issued_at: at,
            issued_in: Month::of(day_in_china(at)),
        };
        issuance::Entity::insert(issue.clone().into_active_model()).exec_without_returning(db).await.unwrap();
        count::issued(db, &issue).await.unwrap();
        row
    }

    /// Evidence of use, received at an instant.
    pub async fn evidence(&self, handbook: &handbook::Model, kind: Evidence, at: DateTime<Utc>) {
        count::evidence(self.app.db.write(), handbook, kind, at).await.unwrap();
    }

    /// An institution moves to another region; what it issued before stays where it was.
    pub async fn moves(&self, institution: InstitutionId, code: i64) {
        let moved = institution::ActiveModel {
            id: Set(institution),
            region_code: Set(RegionCode(code)),
            ..Default::default()
        };
        institution::Entity::update(moved).exec(self.app.db.write()).await.unwrap();
    }

    /// Everything that `muzi stats verify` would tell.
    pub async fn differences(&self) -> Vec<Difference> {
        let mut told = Vec::new();
        verify(&self.app.db, None, &mut |difference| told.push(difference)).await.unwrap();
        told
    }
}
