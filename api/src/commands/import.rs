//! `muzi import regions|institutions|staff FILE.csv`: all rows or none, with every wrong row named.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use domain::audit::Kind;
use domain::place::Scope;
use indicatif::{ProgressBar, ProgressStyle};
use sea_orm::ConnectionTrait;

use super::{app_at_the_server, resolve};
use crate::app::App;
use crate::audit::{Event, Events, machine_user};
use crate::config::Settings;
use crate::error::ApiError;
use crate::import::staff::Issued;
use crate::import::{Summary, institutions, regions, staff};
use crate::offices::staff::Giver;

/// Arguments of `muzi import`.
#[derive(Debug, Args)]
pub struct Import {
    /// What the file holds
    #[arg(value_enum)]
    what: What,
    /// CSV in UTF-8 with a header
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// Judge the file and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Where the passwords issued to staff are written, readable by this user only; it must not exist yet
    #[arg(long, value_name = "FILE")]
    passwords: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Regions,
    Institutions,
    Staff,
}

impl Import {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let needs_file = self.what == What::Staff && !self.dry_run;
        anyhow::ensure!(
            !needs_file || self.passwords.is_some(),
            "--passwords FILE is needed: it is the one place where the issued passwords are written"
        );
        let csv = std::fs::read(&self.file)
            .map_err(|err| anyhow::anyhow!("{} cannot be read: {err}", self.file.display()))?;
        let app = app_at_the_server(resolve(&self.settings, false).await?).await?;
        let bar =
            ProgressBar::no_length().with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len}")?);
        let imported = match self.what {
            What::Regions => self.regions(&app, &csv, &bar).await,
            What::Institutions => self.institutions(&app, &csv, &bar).await,
            What::Staff => self.staff(&app, &csv, &bar).await,
        };
        bar.finish_and_clear();
        let summary = imported.map_err(told)?;
        let Summary { rows, added, changed, unchanged } = summary;
        let tense = if self.dry_run { "would be" } else { "were" };
        println!("Of {rows} rows {added} {tense} added, {changed} changed; {unchanged} were there already.");
        app.db.close().await?;
        Ok(())
    }

    async fn regions(&self, app: &App, csv: &[u8], bar: &ProgressBar) -> Result<Summary, ApiError> {
        let txn = app.db.begin().await?;
        let plan = regions::plan(&txn, csv, bar).await?;
        let summary = plan.summary;
        if !self.dry_run {
            regions::apply(&txn, plan, bar).await?;
            told_of(&txn, app, "import_regions").await?;
            txn.commit().await?;
        }
        Ok(summary)
    }

    async fn institutions(&self, app: &App, csv: &[u8], bar: &ProgressBar) -> Result<Summary, ApiError> {
        let txn = app.db.begin().await?;
        let plan = institutions::plan(&txn, csv, Scope::Nation, app.today(), bar).await?;
        let summary = plan.summary;
        if !self.dry_run {
            institutions::apply(&txn, plan, app.now(), bar).await?;
            told_of(&txn, app, "import_institutions").await?;
            txn.commit().await?;
        }
        Ok(summary)
    }

    async fn staff(&self, app: &App, csv: &[u8], bar: &ProgressBar) -> Result<Summary, ApiError> {
        let giver = Giver::at_the_server();
        let plan = staff::plan(app.db.read(), csv, &giver, app.today(), bar).await?;
        let Some(path) = self.passwords.as_deref().filter(|_| !self.dry_run) else { return Ok(plan.summary) };
        let mut file = private_file(path).map_err(ApiError::Internal)?;
        let issued = issue(app, plan, &giver, &mut file, bar).await;
        if issued.is_err() {
            let _gone_or_not = std::fs::remove_file(path);
        }
        issued
    }
}

/// Adds the staff of a plan. Their passwords are on the disk before anybody depends on them.
async fn issue(
    app: &App,
    plan: staff::Plan,
    giver: &Giver,
    file: &mut std::fs::File,
    bar: &ProgressBar,
) -> Result<Summary, ApiError> {
    let hashed = plan.hash(&app.passwords, bar).await?;
    let txn = app.db.begin().await?;
    let (summary, issued) = staff::apply(&txn, &app.keys, hashed, giver, None, app.now()).await?;
    told_of(&txn, app, "import_staff").await?;
    write_passwords(file, &issued).map_err(ApiError::Internal)?;
    txn.commit().await?;
    Ok(summary)
}

/// The audit log tells of an import in the transaction that makes it.
async fn told_of(txn: &impl ConnectionTrait, app: &App, import: &'static str) -> Result<(), ApiError> {
    let did = Event::by_command(&machine_user(), Kind::Write, import);
    Ok(Events::from(did).write(txn, app.now()).await?)
}

/// A new file that only this user can read.
fn private_file(path: &Path) -> anyhow::Result<std::fs::File> {
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    opened.map_err(|err| anyhow::anyhow!("--passwords: {} cannot be made: {err}", path.display()))
}

fn write_passwords(file: &mut std::fs::File, issued: &[Issued]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(&mut *file);
    for one in issued {
        writer.serialize(one)?;
    }
    writer.flush()?;
    drop(writer);
    file.flush()?;
    file.sync_all()?;
    Ok(())
}

/// Every wrong row on a line of its own.
fn told(err: ApiError) -> anyhow::Error {
    match err {
        ApiError::Invalid(wrong) => {
            let line = |field: &crate::error::FieldProblem| {
                let place = field.pointer.trim_start_matches('/');
                let (row, column) = place.split_once('/').unwrap_or((place, ""));
                let column = if column.is_empty() { String::new() } else { format!(", {column}") };
                format!("row {row}{column}: {} {}", field.zh, field.en)
            };
            let lines: Vec<_> = wrong.iter().map(line).collect();
            anyhow::anyhow!("nothing was imported; these rows are wrong:\n{}", lines.join("\n"))
        }
        ApiError::Internal(cause) | ApiError::Unavailable(cause) | ApiError::StorageFull(cause) => cause,
        other => other.into(),
    }
}
