//! What the rows around a record say.

use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::start_of_day;
use domain::catalogue::field::Origin;
use domain::catalogue::kind::Stage;
use domain::catalogue::{ChildSetting, Draft, Facts, Kind, PregnancySetting, Setting, history_for};
use domain::checkup::CheckupRefusal;
use domain::handbook::Group;
use domain::id::{InstitutionId, PersonId, PregnancyId, StaffId};
use domain::pregnancy::{Dates, Outcome, has_begun, holds, stages_on};
use domain::record::Subject;
use sea_orm::ConnectionTrait;

use super::body_before::BodyBefore;
use super::{Asked, Writer, unborn};
use crate::app::App;
use crate::consents::store::sharing;
use crate::db::entities::{child, handbook, institution, person, pregnancy};
use crate::error::ApiError;
use crate::offices;
use crate::people::{self, Identity};
use crate::records::store::{self, Earlier};
use crate::{children, pregnancies};

/// What the rows of a handbook say about the subject of a record.
pub(super) struct Known {
    /// The latest pregnancy that had begun on the day, under way or ended.
    pub(super) pregnancy: Option<pregnancy::Model>,
    /// The stages of life that the subject can have been in on the day.
    pub(super) stages: Vec<Stage>,
    /// When the subject died.
    died_on: Option<NaiveDate>,
    pub(super) planning: bool,
    pub(super) unborn: bool,
    pub(super) child: Option<KnownChild>,
    pub(super) woman: Option<KnownPerson>,
    pub(super) father: Option<KnownPerson>,
    pub(super) desk: Option<Desk>,
    pub(super) body: BodyBefore,
}

/// A person with the sealed part opened.
pub(super) struct KnownPerson {
    pub(super) row: person::Model,
    pub(super) identity: Identity,
}

pub(super) struct KnownChild {
    pub(super) row: child::Model,
    pub(super) person: KnownPerson,
    pub(super) gestation_days: Option<i64>,
}

/// Who writes at a desk, and where.
pub(super) struct Desk {
    pub(super) staff_name: String,
    pub(super) title: String,
    pub(super) institution: institution::Model,
}

impl Known {
    pub(super) async fn load(
        app: &App,
        db: &impl ConnectionTrait,
        asked: &Asked<'_>,
    ) -> Result<Self, ApiError> {
        let handbook = asked.handbook;
        let pregnancies = pregnancies::store::of_handbook(db, handbook.id).await?;
        let children = children::store::of_handbook(db, handbook.id).await?;
        let unborn = unborn(handbook, &pregnancies, &children);
        let planning = is_planning(handbook, &pregnancies, &children);
        let child = match asked.subject.child() {
            Some(id) => Some(
                children
                    .iter()
                    .find(|child| child.id == id)
                    .cloned()
                    .ok_or_else(not_a_child_of_this_handbook)?,
            ),
            None => None,
        };
        let woman = person(app, db, handbook.woman_id).await?;
        let of_child = person(app, db, child.as_ref().map(|child| child.person_id)).await?;
        let child = child.zip(of_child).map(|(row, person)| {
            let gestation_days = gestation_at_birth(&row, &pregnancies);
            KnownChild { row, person, gestation_days }
        });
        let died_on = match asked.subject {
            Subject::Woman => pregnancies::store::woman_died_on(handbook, &pregnancies),
            Subject::Child(_) => child.as_ref().and_then(|child| child.row.ended_on),
            Subject::Household => None,
        };
        let courses: Vec<_> = pregnancies.iter().map(pregnancies::store::course_of).collect();
        let stages = match asked.subject {
            Subject::Woman => stages_on(&courses, handbook.expecting_id.is_some(), asked.occurred_on),
            Subject::Child(_) => vec![Stage::Child],
            Subject::Household => Stage::ALL.to_vec(),
        };
        let begun = pregnancies.into_iter().filter(|one| has_begun(one.due_on, asked.occurred_on));
        let pregnancy = begun.max_by_key(|pregnancy| (pregnancy.due_on, pregnancy.id));
        let father =
            if names_father(asked.kind) { people::store::father_in(db, handbook.id).await? } else { None };
        let father = person(app, db, father).await?;
        let desk = match asked.writer {
            Writer::Family => None,
            Writer::Staff(staff, institution) => Some(desk(app, db, staff, institution).await?),
        };
        let body = BodyBefore::load(app, db, asked, pregnancy.as_ref()).await?;
        Ok(Self { pregnancy, stages, died_on, planning, unborn, child, woman, father, desk, body })
    }

    /// Nothing happened to a child before its birth; said before the fields are, which would say it one by one.
    pub(super) fn must_be_born(&self, asked: &Asked<'_>) -> Result<(), ApiError> {
        let Some(born_on) = self.child.as_ref().map(|child| child.row.born_on) else { return Ok(()) };
        if asked.occurred_on < born_on {
            return Err(CheckupRefusal::BeforeBirth(asked.occurred_on, born_on).into());
        }
        Ok(())
    }

    /// Whether the pregnancy of the day is known to have ended in a loss, whenever in it the day was.
    pub(super) fn has_lost_the_pregnancy(&self) -> bool {
        self.pregnancy.as_ref().and_then(|pregnancy| pregnancy.outcome).is_some_and(Outcome::is_loss)
    }

    /// Nothing happens to the dead; what is written of them then are reports and late results.
    pub(super) fn must_be_alive(&self, asked: &Asked<'_>) -> Result<(), ApiError> {
        let died_on = self.died_on.filter(|died_on| asked.occurred_on > *died_on && !asked.kind.after_death);
        match died_on {
            Some(died_on) => Err(CheckupRefusal::AfterDeath(asked.occurred_on, died_on).into()),
            None => Ok(()),
        }
    }

    /// A child belongs to the pregnancy that it was born of, the woman's records to that of their day.
    pub(super) fn belongs_to(&self, asked: &Asked<'_>) -> Option<PregnancyId> {
        match &self.child {
            Some(child) => child.row.pregnancy_id,
            None => self
                .pregnancy
                .as_ref()
                .filter(|pregnancy| holds(pregnancy.due_on, pregnancy.ended_on, asked.occurred_on))
                .map(|pregnancy| pregnancy.id),
        }
    }

    /// The facts that rules of the kind may use.
    pub(super) async fn facts(
        &self,
        app: &App,
        db: &impl ConnectionTrait,
        asked: &Asked<'_>,
        draft: &Draft<'_>,
    ) -> Result<Facts, ApiError> {
        let setting = self.setting(asked);
        let needed = history_for(&asked.kind.key, &setting);
        let rows = store::earlier(db, earlier(asked, needed.kinds, &needed.on)).await?;
        let history = store::lifted(&app.catalogue, &app.keys, &rows);
        Ok(app.catalogue.facts_of(&history, draft.lifted(), &setting))
    }

    fn setting(&self, asked: &Asked<'_>) -> Setting {
        Setting {
            subject: asked.subject.kind(),
            occurred_on: asked.occurred_on,
            planning: self.planning,
            pregnancy: self.pregnancy.as_ref().map(|pregnancy| PregnancySetting {
                edd: Some(pregnancy.due_on),
                lmp: pregnancy.last_period_on,
                ended_on: pregnancy.ended_on,
                delivered: was_delivered(pregnancy),
                weight_before_g: self.body.weight_g,
                height_mm: self.body.height_mm,
            }),
            child: self.child.as_ref().map(|child| ChildSetting {
                born_at: born_at(&child.row),
                gestation_days: child.gestation_days,
                birth_weight_g: child.row.birth_weight_g.map(i64::from),
            }),
        }
    }
}

/// Earlier records of the subject, as far as who writes may be told of them.
pub(super) fn earlier<'a>(
    asked: &Asked<'_>,
    kinds: &'a [&'a str],
    on: &'a [RangeInclusive<NaiveDate>],
) -> Earlier<'a> {
    Earlier {
        handbook: asked.handbook.id,
        subject: asked.subject,
        kinds,
        on,
        with_private: asked.writer == Writer::Family,
        sharing: sharing(asked.handbook),
        except: asked.old.map(|old| old.id),
    }
}

fn is_planning(
    handbook: &handbook::Model,
    pregnancies: &[pregnancy::Model],
    children: &[child::Model],
) -> bool {
    match pregnancies.first() {
        None => children.is_empty() && handbook.issued_group == Group::Planning,
        Some(latest) => latest.outcome.is_some_and(Outcome::keeps_waiting),
    }
}

pub(super) fn was_delivered(pregnancy: &pregnancy::Model) -> bool {
    matches!(pregnancy.outcome, Some(Outcome::LiveBirth | Outcome::Stillbirth))
}

pub(super) fn born_at(child: &child::Model) -> DateTime<Utc> {
    child.born_at.unwrap_or_else(|| start_of_day(child.born_on))
}

fn gestation_at_birth(child: &child::Model, pregnancies: &[pregnancy::Model]) -> Option<i64> {
    let own = pregnancies.iter().find(|pregnancy| Some(pregnancy.id) == child.pregnancy_id);
    let counted = own.map(|pregnancy| Dates::gestational_days(pregnancy.due_on, child.born_on));
    child.gestational_days.map(i64::from).or(counted)
}

fn not_a_child_of_this_handbook() -> ApiError {
    ApiError::field(
        "/subject/child",
        "unknown_child",
        "手册中没有这个儿童。",
        "This handbook has no such child.",
    )
}

fn names_father(kind: &Kind) -> bool {
    is_filled_from(kind, |source| {
        ["father.", "spouse.", "member."].iter().any(|prefix| source.starts_with(prefix))
    })
}

pub(super) fn is_filled_from(kind: &Kind, wanted: impl Fn(&str) -> bool) -> bool {
    kind.fields.iter().any(|field| matches!(field.origin, Origin::Server(source) if wanted(source.name())))
}

async fn person(
    app: &App,
    db: &impl ConnectionTrait,
    id: Option<PersonId>,
) -> Result<Option<KnownPerson>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    let Some(row) = people::store::by_id(db, id).await? else { return Ok(None) };
    let identity = people::store::identity(&app.keys, &row)?;
    Ok(Some(KnownPerson { row, identity }))
}

async fn desk(
    app: &App,
    db: &impl ConnectionTrait,
    staff: StaffId,
    institution: InstitutionId,
) -> Result<Desk, ApiError> {
    let gone = || ApiError::internal(anyhow::anyhow!("a caller's staff row or institution is gone"));
    let staff = offices::staff::store::find(db, staff).await?.ok_or_else(gone)?;
    let institution = offices::institutions::store::find(db, institution).await?.ok_or_else(gone)?;
    Ok(Desk { staff_name: offices::staff::name_of(&app.keys, &staff)?, title: staff.title, institution })
}
