//! Carries out jobs: claims each with a lease that it renews while it works, matches it to its feature, tries again later
//! with growing pauses.

use std::future::Future;
use std::time::{Duration, Instant};

use actix_web::web::Data;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use domain::calendar::start_of_day;
use domain::id::JobId;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult};

use crate::app::App;
use crate::audit;
use crate::cause;
use crate::db::entities::job;
use crate::db::statement;
use crate::outbox::{self, Job};
use crate::photos;
use crate::usage::roll_up;

/// How long one process holds a job before another may take it.
const LEASE: TimeDelta = TimeDelta::minutes(5);

/// When after midnight in China ends of periods are carried out.
const NIGHTLY: TimeDelta = TimeDelta::hours(3);

/// How often whoever works on a job says so.
const RENEWAL: Duration = Duration::from_secs(60);

/// Tries before a job is left for a person to look at; it stays in the table with its error. A photo that is to be deleted is
/// tried for as long as it is there.
const TRIES: i32 = 12;

/// How often a process looks at the schedule.
const LOOK: Duration = Duration::from_secs(60);

/// Works until the process stops; audit events are sealed beside the jobs, which may take long.
pub async fn run(app: Data<App>) {
    tokio::join!(keep_up(&app, "jobs", carry_out_jobs), keep_up(&app, "the seal", audit::seal::run));
}

/// Begins again what a mistake of ours ended: a process that serves goes on working.
async fn keep_up<F>(app: &Data<App>, what: &str, work: impl Fn(Data<App>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    while let Err(err) = tokio::spawn(work(app.clone())).await {
        if err.is_cancelled() {
            return;
        }
        tracing::error!(what, "a mistake ended what works beside the requests; beginning again");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// At once after each job, else once a second.
async fn carry_out_jobs(app: Data<App>) {
    let mut stopping = app.stopping.clone();
    let mut looked: Option<Instant> = None;
    loop {
        if looked.is_none_or(|at| at.elapsed() >= LOOK) {
            looked = Some(Instant::now());
            if let Err(err) = schedule(&app).await {
                tracing::warn!(cause = cause::told(&err), "the schedule could not be kept; trying again");
            }
        }
        match run_due(&app).await {
            Ok(false) => {}
            Ok(true) => continue,
            Err(err) => tracing::warn!(cause = cause::told(&err), "jobs could not be read; trying again"),
        }
        tokio::select! {
            _ = stopping.changed() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// Enqueues what the clock asks for. The key names the due time, so several processes enqueue it once between them.
pub async fn schedule(app: &App) -> Result<(), DbErr> {
    let now = app.now();
    // Always the next hour: the one that is over was carried out and forgotten.
    let hour = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now) + TimeDelta::hours(1);
    let hourly = async |job: Job| {
        let key = format!("{} {}", job.name(), hour.format("%Y-%m-%dT%H"));
        outbox::enqueue_once(app.db.write(), &job, hour, &key).await
    };
    hourly(Job::AddUpUsage).await?;
    if !audit::clock::is_borne_out(app).await? {
        tracing::error!(
            "the clock is more than a month ahead of the audit log, so nothing that is old by it is deleted and no day of the log is closed: set it right, or restart Muzi if it is right"
        );
        return Ok(());
    }
    hourly(Job::Sweep).await?;
    // Likewise the next night, in China.
    if let Some(tomorrow) = app.today().succ_opt() {
        let key = format!("retain {tomorrow}");
        let at_night = start_of_day(tomorrow) + NIGHTLY;
        outbox::enqueue_once(app.db.write(), &Job::Retain, at_night, &key).await?;
    }
    if let Some(day) = audit::head::due(app).await? {
        let key = format!("close_audit_day {day}");
        outbox::enqueue_once(app.db.write(), &Job::CloseAuditDay { day }, now, &key).await?;
    }
    Ok(())
}

/// Carries out a job that is due now, if there is one, and says whether there was.
pub async fn run_due(app: &Data<App>) -> Result<bool, DbErr> {
    let Some(claimed) = claim(app, app.now(), audit::clock::is_borne_out(app).await?).await? else {
        return Ok(false);
    };
    let result = match serde_json::from_value::<Job>(claimed.payload.clone()) {
        Ok(job) => hold_while(app, &claimed, carry_out(app.clone(), job)).await,
        Err(err) => Err(err.into()),
    };
    let outcome = if result.is_ok() { "done" } else { "failed" };
    app.metrics.jobs.with_label_values(&[claimed.kind.as_str(), outcome]).inc();
    match result {
        Ok(()) => job::Entity::delete_by_id(claimed.id).exec(app.db.write()).await.map(|_| ())?,
        Err(err) => put_back(app, &claimed, &err).await?,
    }
    Ok(true)
}

/// Works on a job and renews its lease all the while, so that nobody else begins it. A panic is a failed try.
async fn hold_while(
    app: &App,
    claimed: &Claimed,
    work: impl Future<Output = anyhow::Result<()>> + Send + 'static,
) -> anyhow::Result<()> {
    let mut working = tokio::spawn(work);
    loop {
        match tokio::time::timeout(RENEWAL, &mut working).await {
            Ok(ended) => return ended.unwrap_or_else(|err| Err(err.into())),
            Err(_goes_on) => {
                if let Err(err) = renew(app, claimed).await {
                    tracing::warn!(job = %claimed.id, cause = cause::told(&err), "a lease was not renewed");
                }
            }
        }
    }
}

async fn carry_out(app: Data<App>, job: Job) -> anyhow::Result<()> {
    let app = &*app;
    match &job {
        Job::DropPhoto { photo } => app.photos.remove(&photo.to_string()).await,
        Job::DropStrayPhoto { photo } => photos::drop_stray(app, *photo).await,
        Job::AddUpUsage => roll_up::carry_out(app).await,
        Job::CloseAuditDay { day } => {
            audit::head::make(app, *day).await?;
            audit::retain::remove_old(app).await.map(|_| ())
        }
        Job::Sweep => crate::sweep::carry_out(app).await,
        Job::Retain => {
            crate::disclosures::retain::carry_out(app).await?;
            crate::closing::retain::carry_out(app).await
        }
    }
}

/// A job that this process holds.
#[derive(Debug, FromQueryResult)]
struct Claimed {
    id: JobId,
    kind: String,
    payload: serde_json::Value,
    attempts: i32,
}

/// Claims the next in one statement, so that two processes never hold the same job. One at a time: whoever waited behind a
/// long one would be begun by another process when its lease ends. What deletes by the clock is left to processes whose
/// clock is borne out, and what a newer version enqueued to those that know it.
async fn claim(app: &App, now: DateTime<Utc>, by_the_clock: bool) -> Result<Option<Claimed>, DbErr> {
    let skip = if app.db.backend() == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let known = Job::NAMES.iter().filter(|name| by_the_clock || !Job::BY_THE_CLOCK.contains(name));
    let (known, tried_on) = (quoted(known), quoted(&Job::NEVER_GIVEN_UP));
    let sql = format!(
        "UPDATE job SET locked_until = ?, attempts = attempts + 1 WHERE id IN (\
             SELECT id FROM job WHERE run_at <= ? AND (locked_until IS NULL OR locked_until < ?) AND (attempts < {TRIES} OR kind IN ({tried_on})) AND kind IN ({known}) \
             ORDER BY run_at LIMIT 1 {skip}) \
         RETURNING id, kind, payload, attempts"
    );
    let claim = statement(app.db.backend(), &sql, [(now + LEASE).into(), now.into(), now.into()]);
    let row = app.db.write().query_one_raw(claim).await?;
    row.map(|row| Claimed::from_query_result(&row, "")).transpose()
}

/// Names as a list in SQL.
fn quoted<'a>(names: impl IntoIterator<Item = &'a &'static str>) -> String {
    names.into_iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

async fn renew(app: &App, job: &Claimed) -> Result<(), DbErr> {
    let renew = statement(
        app.db.backend(),
        "UPDATE job SET locked_until = ? WHERE id = ? AND locked_until IS NOT NULL",
        [(app.now() + LEASE).into(), job.id.into()],
    );
    app.db.write().execute_raw(renew).await.map(|_| ())
}

async fn put_back(app: &App, job: &Claimed, err: &anyhow::Error) -> Result<(), DbErr> {
    let pause = TimeDelta::seconds(2_i64.saturating_pow(job.attempts.clamp(1, 12).unsigned_abs()));
    let cause = cause::told(err.as_ref());
    if job.attempts != TRIES {
        tracing::warn!(job = %job.id, kind = job.kind, attempts = job.attempts, cause, "a job failed");
    } else {
        // Once, and never again for a photo, which is tried for as long as it is there.
        tracing::error!(job = %job.id, kind = job.kind, attempts = job.attempts, cause, "a job failed for too often");
    }
    let back = statement(
        app.db.backend(),
        "UPDATE job SET locked_until = NULL, run_at = ?, last_error = ? WHERE id = ?",
        [(app.now() + pause).into(), cause.into(), job.id.into()],
    );
    app.db.write().execute_raw(back).await?;
    Ok(())
}
