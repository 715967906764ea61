//! Rows of made-up families, many at a time. What is counted is counted as the API counts it.

use std::collections::BTreeMap;

use anyhow::Context;
use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Action, Role, Tie};
use domain::audit::Kind;
use domain::calendar::Month;
use domain::consent::{Channel, Purpose};
use domain::handbook::State;
use domain::handbook::issuing::Explained;
use domain::handbook::number::HandbookNumber;
use domain::id::{
    AlertId, ChildId, ConsentId, EventId, FollowUpId, HandbookId, IssuanceId, MemberId, PersonId,
    PregnancyId, RecordId, UserId, VisitId,
};
use domain::institution::column_of;
use domain::member::{MemberRelation, MemberRole};
use domain::person::{IdNumber, Phone};
use domain::place::{RegionCode, RegionLevel};
use domain::pregnancy::Outcome;
use domain::record::Subject;
use domain::usage::{Evidence, Found};
use domain::visit::{Visit as Span, VisitKind};
use miniprogram_adapter::stand_in;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, ModelTrait};

use super::families::{Child, Family, Person, Pregnancy, Use};
use super::random::Dice;
use super::story::{About, Author, Story, Visit, Written, discharged_on};
use crate::alerts::store::seal_signs;
use crate::audit::{Act, Event};
use crate::consents::text_hash;
use crate::db::entities::{
    ExplainedList, alert, audit_event, child, consent_event, handbook, issuance, member, person, pregnancy,
    record, usage_evidence, usage_follow_up, visit, wechat_user,
};
use crate::db::statement;
use crate::keys::{Keys, Place, places};
use crate::people::Identity;
use crate::people::store::{id_number_index, phone_index};
use crate::records::store::{Attached, NewRecord};
use crate::usage::count::{self, Counted};

/// Rows of one statement: some thirty columns stay below the 32,766 values of SQLite.
const ROWS: usize = 800;

/// Rows of some families.
#[derive(Debug, Default)]
pub(super) struct Rows {
    people: Vec<person::Model>,
    users: Vec<wechat_user::Model>,
    handbooks: Vec<handbook::Model>,
    issuances: Vec<issuance::Model>,
    pregnancies: Vec<pregnancy::Model>,
    children: Vec<child::Model>,
    members: Vec<member::Model>,
    consents: Vec<consent_event::Model>,
    visits: Vec<visit::Model>,
    records: Vec<record::Model>,
    alerts: Vec<alert::Model>,
    reads: Vec<audit_event::Model>,
    follow_ups: Vec<usage_follow_up::Model>,
    evidence: Vec<usage_evidence::Model>,
}

impl Rows {
    /// Writes everything in the order in which one row refers to another.
    pub(super) async fn insert(self, txn: &impl ConnectionTrait) -> Result<(), DbErr> {
        count_all(txn, &self.issuances, &self.handbooks).await?;
        insert(txn, self.people).await?;
        insert(txn, self.users).await?;
        insert(txn, self.handbooks).await?;
        insert(txn, self.issuances).await?;
        insert(txn, self.pregnancies).await?;
        insert(txn, self.children).await?;
        insert(txn, self.members).await?;
        insert(txn, self.consents).await?;
        insert(txn, self.visits).await?;
        insert(txn, self.records).await?;
        insert(txn, self.alerts).await?;
        insert(txn, self.reads).await?;
        insert(txn, self.follow_ups).await?;
        insert(txn, self.evidence).await
    }
}

/// Inserts rows of one table, some hundred in a statement.
pub(super) async fn insert<M>(txn: &impl ConnectionTrait, rows: Vec<M>) -> Result<(), DbErr>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
{
    let mut rows = rows.into_iter().map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        let some: Vec<_> = rows.by_ref().take(ROWS).collect();
        M::Entity::insert_many(some).exec_without_returning(txn).await?;
    }
    Ok(())
}

async fn count_all(
    txn: &impl ConnectionTrait,
    issuances: &[issuance::Model],
    handbooks: &[handbook::Model],
) -> Result<(), DbErr> {
    let used: BTreeMap<_, _> = handbooks.iter().map(|row| (row.id, row.first_used_at)).collect();
    let counted: Vec<_> = issuances
        .iter()
        .map(|issue| Counted { issue, first_used_at: used.get(&issue.handbook_id).copied().flatten() })
        .collect();
    count::all(txn, &counted).await
}

/// Takes numbers of a county and year from the series; gives the first serial.
pub(super) async fn take_serials(
    txn: &impl ConnectionTrait,
    county: RegionCode,
    year: i32,
    count: i64,
) -> Result<i64, DbErr> {
    let take = statement(
        txn.get_database_backend(),
        "INSERT INTO number_series (county_code, year, last_serial) VALUES (?, ?, ?) \
         ON CONFLICT (county_code, year) DO UPDATE SET last_serial = number_series.last_serial + excluded.last_serial \
         RETURNING last_serial",
        [county.into(), year.into(), count.into()],
    );
    let row =
        txn.query_one_raw(take).await?.ok_or_else(|| DbErr::RecordNotFound("number_series".to_owned()))?;
    Ok(row.try_get_by_index::<i64>(0)? - count + 1)
}

/// One family on its way into rows.
pub(super) struct Writer<'a> {
    pub(super) keys: &'a Keys,
    pub(super) rows: &'a mut Rows,
    pub(super) dice: Dice,
}

/// Ids that rows of one family refer to.
struct Ids {
    handbook: HandbookId,
    woman: PersonId,
    pregnancy: Option<PregnancyId>,
    children: Vec<ChildId>,
    /// The woman's, the father's and the grandmother's, where they joined.
    users: [Option<UserId>; 3],
    visits: Vec<VisitId>,
}

impl Writer<'_> {
    /// Adds the rows of a family.
    pub(super) fn family(
        mut self,
        family: &Family<'_>,
        story: &Story<'_>,
        number: &HandbookNumber,
    ) -> anyhow::Result<()> {
        let issued_at = family.issue.at;
        let woman =
            self.person(&family.woman, Some(family.home.address.clone()), family.home.code, issued_at)?;
        let known = family.pregnancy.filter(|pregnancy| is_known(family, pregnancy));
        let mut ids = Ids {
            handbook: HandbookId(self.dice.id(issued_at)),
            woman,
            pregnancy: known.map(|pregnancy| PregnancyId(self.dice.id(pregnancy.registered_at))),
            children: Vec::new(),
            users: [None; 3],
            visits: story.visits.iter().map(|visit| VisitId(self.dice.id(visit.at))).collect(),
        };
        let first_used_at = self.evidence(family, story, ids.handbook);
        self.handbook(family, story, number, &ids, known, first_used_at);
        self.issuance(family, &ids)?;
        if let (Some(pregnancy), Some(id)) = (known, ids.pregnancy) {
            self.pregnancy(pregnancy, id, ids.handbook, story);
        }
        for child in &family.children {
            ids.children.push(self.child(child, family, &ids)?);
        }
        self.members(family, &mut ids)?;
        for (visit, id) in story.visits.iter().zip(ids.visits.clone()) {
            self.visit(visit, id, family, &ids);
        }
        for (change, written) in (1..).zip(&story.records) {
            self.record(written, change, family, story, &ids)?;
        }
        Ok(())
    }

    fn person(
        &mut self,
        person: &Person,
        address: Option<String>,
        region: RegionCode,
        at: DateTime<Utc>,
    ) -> anyhow::Result<PersonId> {
        let id = PersonId(self.dice.id(at));
        let identity = Identity {
            name: person.name.clone(),
            id_number: person.id_number.clone(),
            phone: person.phone.clone(),
            address,
            ..Identity::default()
        };
        let number = person.id_number.as_deref().map(IdNumber::parse).transpose()?;
        let phone = person.phone.as_deref().map(Phone::parse).transpose()?;
        self.rows.people.push(person::Model {
            id,
            identity: self.keys.seal(Place::new(places::PERSON_IDENTITY, id.0), &identity)?,
            id_number_index: number.map(|number| id_number_index(self.keys, &number)),
            phone_index: phone.map(|phone| phone_index(self.keys, &phone)),
            born_on: Some(person.born_on),
            sex: Some(person.sex),
            region_code: Some(region),
            created_at: at,
            version: 1,
        });
        Ok(id)
    }

    /// The evidence that the story leaves, and the first use.
    fn evidence(
        &mut self,
        family: &Family<'_>,
        story: &Story<'_>,
        handbook: HandbookId,
    ) -> Option<DateTime<Utc>> {
        let first = |is: fn(&Author) -> bool| {
            story.records.iter().filter(|record| is(&record.by)).map(|record| record.received_at).min()
        };
        let asked = match family.used {
            Use::OnPaper(found, at) => {
                let id = FollowUpId(self.dice.id(at));
                let staff = family.issue.by.administrator;
                let institution_id = Some(family.issue.by.id);
                let row = usage_follow_up::Model {
                    id,
                    handbook_id: handbook,
                    staff_id: staff,
                    institution_id,
                    found,
                    note: None,
                    found_at: at,
                };
                self.rows.follow_ups.push(row);
                (found == Found::Used).then_some(at)
            }
            Use::Daily { .. } | Use::Claimed(_) | Use::None => None,
        };
        let kept = [
            (Evidence::Entry, first(|by| !matches!(by, Author::Visit(_)))),
            (Evidence::Checkup, first(|by| matches!(by, Author::Visit(_)))),
            (Evidence::Scan, story.visits.iter().map(|visit| visit.at).min()),
            (Evidence::FollowUp, asked),
        ];
        let rows = kept.iter().filter_map(|(kind, at)| {
            at.map(|first_at| usage_evidence::Model { handbook_id: handbook, kind: *kind, first_at })
        });
        self.rows.evidence.extend(rows);
        kept.iter().filter_map(|(_, at)| *at).min()
    }

    fn handbook(
        &mut self,
        family: &Family<'_>,
        story: &Story<'_>,
        number: &HandbookNumber,
        ids: &Ids,
        known: Option<Pregnancy>,
        first_used_at: Option<DateTime<Utc>>,
    ) {
        let is_claimed = matches!(family.used, Use::Daily { .. } | Use::Claimed(_));
        let is_mother = known
            .and_then(|pregnancy| pregnancy.end)
            .is_some_and(|(outcome, _)| outcome == Outcome::LiveBirth);
        let expects = family.issue.group != domain::handbook::Group::Child && !is_mother;
        self.rows.handbooks.push(handbook::Model {
            id: ids.handbook,
            number: number.as_str().to_owned(),
            state: if is_claimed { State::Claimed } else { State::Issued },
            issued_group: family.issue.group,
            region_code: family.home.code,
            woman_id: Some(ids.woman),
            expecting_id: expects.then_some(ids.woman),
            woman_died_on: None,
            issued_on: family.issue.on,
            issued_by: family.issue.by.id,
            managing_id: family.home.centre.id,
            slip_hash: None,
            slip_expires_at: None,
            slip_relation: None,
            slip_member_id: None,
            printed_serial: 1,
            first_used_at,
            change_seq: i64::try_from(story.records.len()).unwrap_or(i64::MAX),
            counts_as: ids.handbook,
            closed_at: None,
            close_reason: None,
            successor_id: None,
            created_at: family.issue.at,
            version: 1,
            shares_entries: Some(Purpose::ShareEntries.version().to_owned()),
            child_agreed: Some(Purpose::Child.version().to_owned()),
            family_left_at: None,
            blocked_until: None,
            erased_at: None,
            written_at: None,
        });
    }

    fn issuance(&mut self, family: &Family<'_>, ids: &Ids) -> anyhow::Result<()> {
        let issue = &family.issue;
        let id = IssuanceId(self.dice.id(issue.at));
        let (agency_class, report_column) = column_of(issue.group, &issue.by.classes);
        let place = Place::new(places::ISSUANCE_OVERRIDE_REASON, id.0);
        let reason = issue.override_reason.map(|reason| self.keys.seal(place, reason)).transpose()?;
        self.rows.issuances.push(issuance::Model {
            id,
            handbook_id: ids.handbook,
            kind: issue.kind,
            institution_id: issue.by.id,
            staff_id: issue.by.administrator,
            region_code: issue.by.region.code,
            issued_group: issue.group,
            agency_class,
            report_column,
            edition: "2017".to_owned(),
            explained: ExplainedList(Explained::ALL.to_vec()),
            override_reason: reason,
            issued_at: issue.at,
            issued_in: Month::of(issue.on),
        });
        Ok(())
    }

    fn pregnancy(&mut self, pregnancy: Pregnancy, id: PregnancyId, handbook: HandbookId, story: &Story<'_>) {
        let Pregnancy { dates, registered_at, fetuses, end, .. } = pregnancy;
        let is_assessed = story.records.iter().any(|record| record.kind.key == "risk_assessment");
        let born_on = end.filter(|(outcome, _)| *outcome == Outcome::LiveBirth).map(|(_, day)| day);
        self.rows.pregnancies.push(pregnancy::Model {
            id,
            handbook_id: handbook,
            last_period_on: dates.last_period_on,
            due_on: dates.due_on,
            dating: dates.dating,
            fetuses,
            outcome: end.map(|(outcome, _)| outcome),
            ended_on: end.map(|(_, day)| day),
            discharged_on: born_on.map(discharged_on),
            risk_grade: is_assessed.then(|| "yellow".to_owned()),
            risk_purple: false,
            created_at: registered_at,
            version: 1,
        });
    }

    fn child(&mut self, child: &Child, family: &Family<'_>, ids: &Ids) -> anyhow::Result<ChildId> {
        let known_at = child.born_at.max(family.issue.at);
        let person = self.person(&child.person, None, family.home.code, known_at)?;
        let id = ChildId(self.dice.id(known_at));
        let who = format!("birth/{}/{}/{}", ids.woman, child.person.born_on, child.order);
        self.rows.children.push(child::Model {
            id,
            handbook_id: ids.handbook,
            pregnancy_id: ids.pregnancy,
            person_id: person,
            identity_index: Some(self.keys.blind("child", &who)),
            birth_order: child.order,
            born_on: child.person.born_on,
            born_at: Some(child.born_at),
            birth_weight_g: i32::try_from(child.weight_g).ok(),
            gestational_days: i32::try_from(child.gestational_days).ok(),
            ended_on: None,
            voided_at: None,
            version: 1,
        });
        Ok(id)
    }

    fn members(&mut self, family: &Family<'_>, ids: &mut Ids) -> anyhow::Result<()> {
        let (claimed_at, with_relatives) = match family.used {
            Use::Daily { claimed_at, with_relatives } => (claimed_at, with_relatives),
            Use::Claimed(claimed_at) => (claimed_at, false),
            Use::OnPaper(..) | Use::None => return Ok(()),
        };
        let parts = [
            (MemberRole::Owner, MemberRelation::Woman),
            (MemberRole::Guardian, MemberRelation::Father),
            (MemberRole::Viewer, MemberRelation::Grandparent),
        ];
        let joining = users_of(family.index).into_iter().zip(parts).take(if with_relatives { 3 } else { 1 });
        for (user, (name, (role, relation))) in ids.users.iter_mut().zip(joining) {
            let is_woman = relation == MemberRelation::Woman;
            let id = UserId(self.dice.id(claimed_at));
            *user = Some(id);
            let openid = stand_in::openid(stand_in::APP_ID, &name);
            self.rows.users.push(wechat_user::Model {
                id,
                openid: self.keys.seal(Place::new(places::WECHAT_USER_OPENID, id.0), &openid)?,
                openid_index: self.keys.blind("openid", &openid),
                unionid: None,
                person_id: is_woman.then_some(ids.woman),
                created_at: claimed_at,
                closed_at: None,
            });
            self.rows.members.push(member::Model {
                id: MemberId(self.dice.id(claimed_at)),
                handbook_id: ids.handbook,
                user_id: id,
                role,
                relation,
                is_woman,
                joined_at: claimed_at,
                ended_at: None,
                version: 1,
                agreed_to: Purpose::Basic.version().to_owned(),
            });
            self.rows.consents.push(consent_event::Model {
                id: ConsentId(self.dice.id(claimed_at)),
                handbook_id: ids.handbook,
                purpose: Purpose::Basic,
                given: true,
                text_version: Purpose::Basic.version().to_owned(),
                text_hash: text_hash(Purpose::Basic)?,
                user_id: id,
                as_guardian: !is_woman,
                channel: Channel::Wechat,
                at: claimed_at,
            });
        }
        Ok(())
    }

    fn visit(&mut self, visit: &Visit<'_>, id: VisitId, family: &Family<'_>, ids: &Ids) {
        let is_claimed = matches!(family.used, Use::Daily { claimed_at, .. } if claimed_at <= visit.at);
        let kind = if is_claimed { VisitKind::DynamicCode } else { VisitKind::PrintedCode };
        let span = Span::open(kind, visit.at);
        self.rows.visits.push(visit::Model {
            id,
            handbook_id: ids.handbook,
            institution_id: visit.desk.id,
            staff_id: visit.desk.clinician,
            kind,
            reason: None,
            opened_at: span.opened_at,
            ends_at: span.ends_at,
        });
        let act = Act { request: Some(self.dice.id(visit.at)), operation: None };
        let who = (visit.desk.clinician, Some(visit.desk.id));
        let read = Event::by_staff(who, act, Kind::Read, Action::ReadRecords.code()).at(ids.handbook);
        let read = read.through(Some(Tie::Visit), Some(id));
        self.rows.reads.push(read.into_row(EventId(self.dice.id(visit.at)), visit.at));
    }

    fn record(
        &mut self,
        written: &Written<'_>,
        change: i64,
        family: &Family<'_>,
        story: &Story<'_>,
        ids: &Ids,
    ) -> anyhow::Result<()> {
        let id = RecordId(self.dice.id(written.received_at));
        let of_pregnancy = match written.about {
            About::Woman => family.pregnancy.is_some_and(|known| {
                written.occurred_on >= known.dates.due_on - chrono::TimeDelta::days(280)
            }),
            About::Household | About::Child(_) => false,
        };
        let new = NewRecord {
            id,
            handbook: ids.handbook,
            subject: subject(written.about, ids)?,
            pregnancy: ids.pregnancy.filter(|_| of_pregnancy),
            kind: written.kind,
            occurred_on: written.occurred_on,
            checked: &written.checked,
            photos: Vec::new(),
            change,
            now: written.received_at,
        };
        let [woman, father, _] = ids.users;
        let row = match written.by {
            Author::Woman => by_member(new, self.keys, woman, MemberRelation::Woman)?,
            Author::Father => by_member(new, self.keys, father, MemberRelation::Father)?,
            Author::Visit(place) => {
                let visit = story.visits.get(place).zip(ids.visits.get(place));
                let (visit, id) = visit.context("a checkup without its visit")?;
                let attached = Attached {
                    staff: visit.desk.clinician,
                    role: Role::Clinician.code().to_owned(),
                    institution: visit.desk.id,
                    visit: Some(*id),
                    awaits_countersign_of: None,
                    override_reason: None,
                };
                new.by_clinician(self.keys, attached)?
            }
        };
        self.rows.records.push(row);
        self.alert(written, id, family, ids)
    }

    /// A danger sign of the family is shown to the managing institution.
    fn alert(
        &mut self,
        written: &Written<'_>,
        record: RecordId,
        family: &Family<'_>,
        ids: &Ids,
    ) -> anyhow::Result<()> {
        let dangers = written.checked.warnings.iter().filter(|warning| warning.alert);
        let is_by_family = !matches!(written.by, Author::Visit(_));
        let Some(gravest) = dangers.clone().map(|warning| warning.level).max().filter(|_| is_by_family)
        else {
            return Ok(());
        };
        let id = AlertId(self.dice.id(written.received_at));
        let signs = dangers.map(|warning| warning.id.as_str());
        self.rows.alerts.push(alert::Model {
            id,
            handbook_id: ids.handbook,
            record_id: record,
            institution_id: family.home.centre.id,
            county_code: family.home.code.at(RegionLevel::County),
            level: gravest.code().to_owned(),
            signs: seal_signs(self.keys, id, signs)?,
            raised_at: written.received_at,
            answered_at: None,
            answered_by: None,
            answer: None,
        });
        Ok(())
    }
}

fn subject(about: About, ids: &Ids) -> anyhow::Result<Subject> {
    Ok(match about {
        About::Woman => Subject::Woman,
        About::Household => Subject::Household,
        About::Child(place) => Subject::Child(*ids.children.get(place).context("a record of no child")?),
    })
}

fn by_member(
    new: NewRecord<'_>,
    keys: &Keys,
    user: Option<UserId>,
    relation: MemberRelation,
) -> anyhow::Result<record::Model> {
    let user = user.context("an entry of somebody who has not joined")?;
    new.by_family(keys, user, relation.code().to_owned(), false)
}

/// A pregnancy that began after the handbook was given is known only to those who use it.
fn is_known(family: &Family<'_>, pregnancy: &Pregnancy) -> bool {
    let planned = pregnancy.dates.last_period_on.is_some_and(|on: NaiveDate| on > family.issue.on);
    !planned || matches!(family.used, Use::Daily { .. })
}

/// WeChat users of the woman, the father and the grandmother of a family; the login code is `demo-` and this.
pub(super) fn users_of(index: u32) -> [String; 3] {
    ["mama", "papa", "nainai"].map(|who| format!("{who}{}", index + 1))
}
