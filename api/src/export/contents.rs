//! What stands in a copy, person by person, read in one moment of the database.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::access::{Action, Standing, Verdict, may};
use domain::handbook::cover::CoverView;
use domain::id::{ChildId, PhotoId, RecordId};
use domain::record::SubjectKind;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde::Serialize;

use super::HANDBOOKS;
use super::archive::Archive;
use crate::access::facts;
use crate::access_log::show::looks;
use crate::access_log::store as access_log;
use crate::app::App;
use crate::children::store as children;
use crate::consents::list::{page_of, standing};
use crate::corrections::list::own_words;
use crate::corrections::store as corrections;
use crate::db::entities::{handbook, member, photo, record_version, session};
use crate::db::rows_in;
use crate::handbooks::show::cover;
use crate::handbooks::store as handbooks;
use crate::members::Member;
use crate::members::store as members;
use crate::notices;
use crate::notices::list::told;
use crate::photos::add::file_place;
use crate::problem::Language;
use crate::records::View;
use crate::records::history::{Version, shown};
use crate::records::store::{self as records, Filter};
use crate::records::view::{Shown, show};
use crate::session::store::{Holder, of_holder};
use crate::session::{Caller, User};

/// Rows read at a time.
const AT_A_TIME: u64 = 50;

/// What a copy says of itself; it is the last file, so a copy without it is not whole.
#[derive(Debug, Serialize)]
struct Manifest {
    /// The moment whose state it shows.
    made_at: DateTime<Utc>,
    files: Vec<Listed>,
    /// Photos whose file was gone when it was read.
    missing: Vec<String>,
}

/// A file, and how many items it holds.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    items: u64,
}

/// Who took the copy.
#[derive(Debug, Serialize)]
struct Me {
    id: domain::id::UserId,
    devices: Vec<Device>,
}

/// Where they are signed in.
#[derive(Debug, Serialize)]
struct Device {
    device: String,
    signed_in_at: DateTime<Utc>,
}

/// A record with what stood there before.
#[derive(Debug, Serialize)]
struct Whole {
    #[serde(flatten)]
    record: Shown,
    versions: Vec<Version>,
}

/// Writes everything that a user may see.
pub(super) async fn write(
    app: &App,
    user: User,
    language: Language,
    archive: &mut Archive,
) -> anyhow::Result<()> {
    let txn = app.db.long_snapshot().await?;
    let mut copy = Copy {
        app,
        db: &txn,
        user,
        language,
        archive,
        manifest: Manifest { made_at: app.now(), files: Vec::new(), missing: Vec::new() },
    };
    copy.me().await?;
    for member in members::of_user(&txn, user.id, None, HANDBOOKS).await? {
        if let Some(row) = handbooks::by_id(&txn, member.handbook_id).await? {
            copy.handbook(&row, &member).await?;
        }
    }
    copy.archive.json("manifest.json", &copy.manifest).await?;
    copy.archive.finish().await
}

struct Copy<'a> {
    app: &'a App,
    db: &'a DatabaseTransaction,
    user: User,
    language: Language,
    archive: &'a mut Archive,
    manifest: Manifest,
}

impl Copy<'_> {
    async fn me(&mut self) -> anyhow::Result<()> {
        let sessions: Vec<session::Model> =
            of_holder(self.db, Holder::User(self.user.id), None, AT_A_TIME, self.app.now()).await?;
        let device = |row: session::Model| Device { device: row.device, signed_in_at: row.created_at };
        let me = Me { id: self.user.id, devices: sessions.into_iter().map(device).collect() };
        self.one("me.json", &me).await
    }

    async fn one(&mut self, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
        self.archive.json(name, value).await?;
        self.listed(name, 1);
        Ok(())
    }

    fn listed(&mut self, name: &str, items: u64) {
        self.manifest.files.push(Listed { name: name.to_owned(), items });
    }

    fn end_list(&mut self, name: &str) -> anyhow::Result<()> {
        let items = self.archive.end_list()?;
        self.listed(name, items);
        Ok(())
    }

    async fn handbook(&mut self, row: &handbook::Model, member: &member::Model) -> anyhow::Result<()> {
        let standing = facts::standing(member);
        let may_do = |action| matches!(may(&standing, action), Verdict::Allowed(_));
        let under = format!("handbooks/{}", row.number);
        let on_cover = cover(self.app, self.db, row, CoverView::of(&standing)).await?;
        self.one(&format!("{under}/handbook.json"), &on_cover).await?;
        let family = members::live(self.db, row.id).await?;
        let family: Vec<Member> = family.iter().map(|member| Member::of(member, self.user.id)).collect();
        self.one(&format!("{under}/members.json"), &family).await?;
        self.consents(row, &under).await?;
        self.records(row, &standing, &under).await?;
        self.photos(row, &under).await?;
        if may_do(Action::ReadNotices) {
            self.notices(row, &under).await?;
        }
        if may_do(Action::ReadAccessLog) {
            self.access_log(row, &under).await?;
        }
        if may_do(Action::ReadCorrections) {
            self.corrections(row, &under).await?;
        }
        Ok(())
    }

    async fn consents(&mut self, row: &handbook::Model, under: &str) -> anyhow::Result<()> {
        let stands = standing(self.db, row, self.user.id).await?;
        self.one(&format!("{under}/consents.json"), &stands).await?;
        let name = format!("{under}/consent_history.json");
        self.archive.begin_list(&name)?;
        let mut before = None;
        loop {
            let page = page_of(self.db, row.id, self.user.id, before, AT_A_TIME).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            for event in &page {
                self.archive.add(event).await?;
            }
        }
        self.end_list(&name)
    }

    /// A file per person: whoever passes on one passes on nothing of the others.
    async fn records(
        &mut self,
        row: &handbook::Model,
        standing: &Standing,
        under: &str,
    ) -> anyhow::Result<()> {
        let caller = Caller::Family(self.user);
        let view = View { with_withdrawn: true, ..View::of(&caller, standing, row) };
        for subject in [SubjectKind::Woman, SubjectKind::Household] {
            let filter = Filter { subject: Some(subject), ..Filter::default() };
            self.records_of(row, &view, &filter, &format!("{under}/records/{subject}.json")).await?;
        }
        let born: Vec<ChildId> =
            children::of_handbook(self.db, row.id).await?.iter().map(|child| child.id).collect();
        for child in born {
            let filter =
                Filter { subject: Some(SubjectKind::Child), child: Some(child), ..Filter::default() };
            self.records_of(row, &view, &filter, &format!("{under}/records/child-{child}.json")).await?;
        }
        Ok(())
    }

    async fn records_of(
        &mut self,
        row: &handbook::Model,
        view: &View,
        filter: &Filter,
        name: &str,
    ) -> anyhow::Result<()> {
        self.archive.begin_list(name)?;
        let mut after = None;
        loop {
            let page = records::timeline(self.db, row.id, view, filter, after, AT_A_TIME).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.occurred_on, last.id));
            let mut versions = versions_of(self.db, page.iter().map(|record| record.id)).await?;
            for record in page {
                let before = versions.remove(&record.id).unwrap_or_default();
                let before = before
                    .into_iter()
                    .map(|old| shown(self.app, view, &record, old, self.language))
                    .collect();
                let record = show(record, &self.app.catalogue, &self.app.keys, view, self.language);
                self.archive.add(&Whole { record, versions: before }).await?;
            }
        }
        self.end_list(name)
    }

    /// One photo at a time.
    async fn photos(&mut self, row: &handbook::Model, under: &str) -> anyhow::Result<()> {
        let mut after: Option<PhotoId> = None;
        loop {
            let mut page = photo::Entity::find().filter(photo::COLUMN.handbook_id.eq(row.id));
            if let Some(after) = after {
                page = page.filter(photo::COLUMN.id.gt(after));
            }
            let page = page.order_by_asc(photo::COLUMN.id).limit(AT_A_TIME).all(self.db).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for photo in page {
                let ending = if photo.content_type == "image/png" { "png" } else { "jpg" };
                let name = format!("{under}/photos/{}.{ending}", photo.id);
                match self.app.photos.find(&photo.id.to_string()).await? {
                    Some(sealed) => {
                        let bytes = self.app.keys.open_bytes(file_place(photo.id), &sealed)?;
                        self.archive.file(&name, &bytes).await?;
                        self.listed(&name, 1);
                    }
                    // Dropped since the moment that is copied.
                    None => self.manifest.missing.push(name),
                }
            }
        }
    }

    async fn notices(&mut self, row: &handbook::Model, under: &str) -> anyhow::Result<()> {
        let name = format!("{under}/notices.json");
        self.archive.begin_list(&name)?;
        let mut before = None;
        loop {
            let page = notices::store::newest(self.db, row.id, before, AT_A_TIME).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.change_seq);
            for notice in told(self.db, page, self.language).await? {
                self.archive.add(&notice).await?;
            }
        }
        self.end_list(&name)
    }

    async fn access_log(&mut self, row: &handbook::Model, under: &str) -> anyhow::Result<()> {
        let name = format!("{under}/access_log.json");
        self.archive.begin_list(&name)?;
        let handbooks = access_log::with_replaced(self.db, row).await?;
        let mut before = None;
        loop {
            let page = access_log::newest(self.db, &handbooks, before, AT_A_TIME).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            for look in looks(self.app, self.db, page, self.language).await? {
                self.archive.add(&look).await?;
            }
        }
        self.end_list(&name)
    }

    async fn corrections(&mut self, row: &handbook::Model, under: &str) -> anyhow::Result<()> {
        let name = format!("{under}/correction_requests.json");
        self.archive.begin_list(&name)?;
        let mut before = None;
        loop {
            let page = corrections::of_handbook(self.db, row.id, before, AT_A_TIME).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            for request in page {
                self.archive.add(&own_words(self.app, request, self.user.id)).await?;
            }
        }
        self.end_list(&name)
    }
}

/// The earlier versions of records, the latest first.
async fn versions_of(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = RecordId>,
) -> anyhow::Result<HashMap<RecordId, Vec<record_version::Model>>> {
    let latest = record_version::Entity::find().order_by_desc(record_version::COLUMN.version);
    let rows = rows_in(db, latest, record_version::Column::RecordId, ids).await?;
    let mut versions: HashMap<RecordId, Vec<record_version::Model>> = HashMap::new();
    for row in rows {
        versions.entry(row.record_id).or_default().push(row);
    }
    Ok(versions)
}
