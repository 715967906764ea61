//! `GET /api/v1/exports/{export}/file`: who asked takes the file, which is made while it is read and kept nowhere.

use std::time::Duration;

use actix_web::http::header::{self, ContentEncoding};
use actix_web::rt;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpResponse, get};
use chrono::{DateTime, NaiveDate, Utc};
use domain::audit::Kind;
use domain::disclosure::{DisclosureState, Form};
use domain::id::DisclosureId;
use futures_util::stream::unfold;
use tokio::sync::mpsc;
use tokio::sync::mpsc::Sender;

use super::lists::{AT_A_TIME, After, Filters, Which};
use super::sheet::{Sheet, Watermark, csv_head, csv_lines, last_line};
use super::store::{self, LONGEST_FILE, Taking};
use crate::access::{Office, office};
use crate::access_log::store::{institution_names, workers};
use crate::app::App;
use crate::db::entities::disclosure;
use crate::error::ApiError;
use crate::idempotency::Work;
use crate::problem::{Code, Language};
use crate::session::Staff;
use crate::usage::sheet::CONTENT_TYPE;
use crate::visits::store::institution_works;

/// How long a piece waits for a browser that reads slowly.
const PATIENCE: Duration = Duration::from_secs(60);

/// Take the file of a list of persons
///
/// Only who asked, while it holds and while they may still read the list: their roles, institution and region are judged again.
/// Twice at most, so that a download that broke off costs nobody a second approval; each time counts for the day. No more lines
/// than were asked for. The first line and every printed page say who took it.
#[utoipa::path(
    tag = "exports",
    params(("export" = Uuid, Path, description = "What was asked for")),
    responses(
        (status = 200, description = "The file", content(
            ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            ("text/csv"),
        )),
        (status = 403, description = "The caller may not read the list any more (`disclosure_void`, `out_of_scope`, `forbidden`)"),
        (status = 409, description = "It waits or was refused (`not_approved`), or is for the screen (`no_file`)"),
        (status = 410, description = "It was taken, or its time is over (`disclosure_over`)"),
        (status = 429, description = "The day's lines or files are used up (`too_many_lines`), or another file is on its way (`taking_one`)"),
    ),
)]
#[get("/api/v1/exports/{export}/file")]
pub(crate) async fn take(
    app: Data<App>,
    office: Office<office::AskDisclosure>,
    language: Language,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let missing = || ApiError::told(Code::NotFound);
    let id: DisclosureId = id.parse().map_err(|_| missing())?;
    let staff = office.staff;
    let row = store::by_id(app.db.read(), id).await?.filter(|row| row.staff_id == staff.id);
    let row = row.ok_or_else(missing)?;
    // Before it is counted: whatever fails after that has cost the day a file.
    let watermark = watermark(&app, &staff, &row, language).await?;
    let begun = match judged(&app, &staff, &row).await {
        Ok(which) => begin(&app, &staff, &row).await.map(|day| (which, day)),
        Err(refused) => Err(refused),
    };
    match begun {
        Ok((which, day)) => Ok(File { which, staff, row, watermark, day }.leave(app)),
        Err(refused) => {
            store::tell_refusal(&app, &staff, id).await?;
            Err(refused)
        }
    }
}

/// What may be taken now: everything that was judged when it was asked for is judged again.
async fn judged(app: &App, staff: &Staff, row: &disclosure::Model) -> Result<Which, ApiError> {
    match row.state.now(row.asked_at, row.holds_until, app.now()) {
        _ if row.form == Form::Screen => return Err(ApiError::told(Code::NoFile)),
        DisclosureState::Ready => {}
        DisclosureState::Waiting | DisclosureState::Refused => return Err(ApiError::told(Code::NotApproved)),
        _ => return Err(ApiError::told(Code::DisclosureOver)),
    }
    let void = || ApiError::told(Code::DisclosureVoid);
    let region = staff.region.region().ok_or_else(void)?;
    if staff.institution != row.institution_id
        || (region.code, region.level) != (row.region_code, row.region_level)
    {
        return Err(void());
    }
    if let Some(institution) = staff.institution
        && !institution_works(app.db.read(), institution).await?
    {
        return Err(void());
    }
    let filters: Filters = serde_json::from_value(row.filters.clone()).map_err(ApiError::internal)?;
    let which = Which::of(app, staff, row.list, filters).await?;
    if which.key() == row.list_key { Ok(which) } else { Err(void()) }
}

/// Counts the file for its day and its use, and writes that it went out; gives the day.
async fn begin(app: &App, staff: &Staff, row: &disclosure::Model) -> Result<NaiveDate, ApiError> {
    let (work, now) = (Work::without_key(app).await?, app.now());
    match store::begin_taking(app, &work.txn, row, now).await? {
        Taking::Begun => {}
        Taking::Over => return Err(ApiError::told(Code::DisclosureOver)),
        Taking::Busy(until) => {
            return Err(ApiError::Wait(Code::TakingOne, (until - now).to_std().unwrap_or_default()));
        }
        Taking::OverLimit => {
            work.give_up().await?;
            return Err(store::over_limit(app, staff, row.list).await?);
        }
    }
    work.done(app, staff.event(Kind::Write, "take_disclosure").on(row.id)).await?;
    Ok(domain::calendar::day_in_china(now))
}

async fn watermark(
    app: &App,
    staff: &Staff,
    row: &disclosure::Model,
    language: Language,
) -> Result<Watermark, ApiError> {
    let db = app.db.read();
    let name = workers(db, &app.keys, [staff.id]).await?.remove(&staff.id).unwrap_or_default().name;
    let institution = institution_names(db, staff.institution).await?.into_values().next();
    let institution = match (institution, staff.region.region()) {
        (Some(name), _) => name,
        (None, Some(region)) => {
            let named = crate::usage::store::regions_with_code(db, region.code).await?;
            let named = named.into_iter().find(|named| named.region == region);
            named.map(|named| named.name).unwrap_or_default()
        }
        (None, None) => String::new(),
    };
    let at: DateTime<Utc> = app.now();
    Ok(Watermark { name, institution, list: row.list, at, id: row.id, language })
}

/// A file that goes out.
struct File {
    which: Which,
    staff: Staff,
    row: disclosure::Model,
    watermark: Watermark,
    day: NaiveDate,
}

impl File {
    /// The answer, whose lines are read while the browser reads it.
    fn leave(self, app: Data<App>) -> HttpResponse {
        let (content_type, name) = match self.row.form {
            Form::Csv => ("text/csv; charset=utf-8", "list.csv"),
            Form::Xlsx | Form::Screen => (CONTENT_TYPE, "list.xlsx"),
        };
        let (send, receive) = mpsc::channel::<std::io::Result<Bytes>>(2);
        rt::spawn(async move {
            let longest = LONGEST_FILE.to_std().unwrap_or_default();
            let failed = match tokio::time::timeout(longest, self.write(&app, &send)).await {
                Ok(Ok(())) => None,
                Ok(Err(err)) => Some(err),
                Err(_) => Some(anyhow::anyhow!("a list took longer than {} seconds", longest.as_secs())),
            };
            if let Err(err) = store::end_taking(&app, self.staff.id, self.day).await {
                tracing::warn!(cause = crate::cause::told(&err), "another list has to wait");
            }
            if let Some(failed) = failed {
                tracing::warn!(cause = crate::cause::told(failed.as_ref()), "a list was not finished");
                // Nobody must take half of it for the whole: the connection is cut.
                let _gone = send.send(Err(std::io::Error::other("the list was not finished"))).await;
            }
        });
        let pieces =
            unfold(receive, |mut receive| async move { receive.recv().await.map(|piece| (piece, receive)) });
        HttpResponse::Ok()
            .content_type(content_type)
            .insert_header(ContentEncoding::Identity)
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
            .insert_header(("x-accel-buffering", "no"))
            .streaming(pieces)
    }

    async fn write(&self, app: &App, to: &Sender<std::io::Result<Bytes>>) -> anyhow::Result<()> {
        let language = self.watermark.language;
        let headings = self.which.headings(language);
        let mut sheet = match self.row.form {
            Form::Csv => {
                give(to, csv_head(&self.watermark, &headings)?).await?;
                None
            }
            Form::Xlsx | Form::Screen => Some(Sheet::new(&self.watermark, &headings)?),
        };
        let most = u64::try_from(self.row.lines).unwrap_or(0);
        let (mut given, mut after, mut is_over) = (0, After::Start, false);
        while given < most && !is_over {
            let limit = AT_A_TIME.min(most - given);
            let (lines, next) = self.which.lines(app, &self.staff, after, limit, language).await?;
            is_over = matches!(next, After::Start);
            after = next;
            given += lines.len() as u64;
            match &mut sheet {
                Some(sheet) => sheet.add(&lines)?,
                None => give(to, csv_lines(&lines)?).await?,
            }
        }
        // One further line says whether the list has grown; nobody is shown whose it is.
        let there_is_more = !is_over && self.which.count(app, &self.staff, most + 1).await? > most;
        let last = vec![vec![last_line(given, there_is_more, language)]];
        match sheet {
            Some(mut sheet) => {
                sheet.add(&last)?;
                give(to, sheet.finish()?).await
            }
            None => give(to, csv_lines(&last)?).await,
        }
    }
}

async fn give(to: &Sender<std::io::Result<Bytes>>, bytes: Vec<u8>) -> anyhow::Result<()> {
    let sent = tokio::time::timeout(PATIENCE, to.send(Ok(bytes.into()))).await;
    anyhow::ensure!(matches!(sent, Ok(Ok(()))), "whoever asked for the list does not read it any more");
    Ok(())
}
