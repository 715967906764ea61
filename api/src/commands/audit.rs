//! `muzi audit`: is the log as it was written, what does it say, and what is signed of it.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::NaiveDate;
use clap::{Args, Subcommand};
use domain::calendar::clock_in_china;
use domain::handbook::number::HandbookNumber;
use domain::id::StaffId;
use domain::person::IdNumber;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::{app_at_the_server, read_day, resolve};
use crate::app::App;
use crate::audit::ask::{self, Days, Line, Whom};
use crate::audit::head::Copied;
use crate::audit::machine_user;
use crate::audit::store::head::latest;
use crate::audit::verify::{Verified, verify};
use crate::config::{Config, Environment, Settings};
use crate::db::Db;
use crate::keys::Keys;
use crate::offices::staff::store::with_user_names;

/// Arguments of `muzi audit`.
#[derive(Debug, Args)]
pub struct Audit {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check every batch and every head; exit code 1 and the first bad batch on any difference
    Verify(Verify),
    /// Print the latest daily head as one line of JSON, to be kept elsewhere
    Head(OfDatabase),
    /// Print the public keys that daily heads are checked with, as ID:KEY in base64
    Key(OfDatabase),
    /// Who read or wrote a person's data; asking is written into the log, too
    WhoSaw(WhoSaw),
    /// What an account of staff read and wrote; asking is written into the log, too
    Affected(Affected),
}

#[derive(Debug, Args)]
struct OfDatabase {
    /// The database is the one of the demo
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
struct Verify {
    /// Heads that were kept elsewhere, one line of JSON each; each must be there as it was
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    #[command(flatten)]
    of: OfDatabase,
}

#[derive(Debug, Args)]
struct WhoSaw {
    /// A person's id, a handbook's number or id, or `-` to read an ID number as one line from standard input
    #[arg(value_name = "PERSON")]
    person: String,
    #[command(flatten)]
    days: Span,
    #[command(flatten)]
    of: OfDatabase,
}

#[derive(Debug, Args)]
struct Affected {
    /// The user name or the id of the account
    #[arg(value_name = "STAFF")]
    staff: String,
    #[command(flatten)]
    days: Span,
    #[command(flatten)]
    of: OfDatabase,
}

#[derive(Debug, Args)]
struct Span {
    /// First day, as 2026-11-22
    #[arg(value_name = "FROM", value_parser = read_day)]
    from: NaiveDate,
    /// Last day
    #[arg(value_name = "TO", value_parser = read_day)]
    to: NaiveDate,
}

impl Span {
    fn days(&self) -> anyhow::Result<Days> {
        anyhow::ensure!(self.from <= self.to, "FROM is after TO");
        Ok(Days { from: self.from, to: self.to })
    }
}

impl Audit {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Verify(asked) => asked.run().await,
            Action::Head(of) => of.print_head().await,
            Action::Key(of) => of.print_keys(),
            Action::WhoSaw(asked) => asked.run().await,
            Action::Affected(asked) => asked.run().await,
        }
    }
}

impl OfDatabase {
    fn config(&self) -> anyhow::Result<Config> {
        Ok(self.settings.resolve(self.demo, &Environment::of_process())?)
    }

    async fn app(&self) -> anyhow::Result<actix_web::web::Data<App>> {
        if self.demo {
            let config = self.config()?;
            let wechat = crate::start::Wechat::real(&config.wechat);
            return crate::start::app(config, crate::app::Clock::system(), wechat).await;
        }
        app_at_the_server(resolve(&self.settings, false).await?).await
    }

    async fn print_head(self) -> anyhow::Result<()> {
        let db = Db::patient(&self.config()?.database_url).await?;
        let latest = latest(db.read()).await?;
        db.close().await?;
        let latest = latest.context("there is no head yet: the first is made after the first midnight")?;
        println!("{}", serde_json::to_string(&Copied::of(&latest))?);
        Ok(())
    }

    fn print_keys(self) -> anyhow::Result<()> {
        let keys = Keys::new(&self.config()?.secrets)?;
        for (id, key) in keys.head_keys() {
            println!("{id}:{}", STANDARD.encode(key));
        }
        Ok(())
    }
}

impl Verify {
    async fn run(self) -> anyhow::Result<()> {
        let config = self.of.config()?;
        let copied = self.head.as_deref().map_or(Ok(Vec::new()), read_copies)?;
        let keys = Keys::new(&config.secrets)?;
        let db = Db::patient(&config.database_url).await?;
        let bar = ProgressBar::new(0);
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} events, {eta} to go")?);
        let mut progress = |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        };
        let verified = verify(&db, &keys, &copied, &mut progress).await;
        bar.finish_and_clear();
        let verified = verified?;
        db.close().await?;
        print(&verified, copied.len());
        match verified.fault {
            Some(fault) => Err(anyhow::anyhow!("the audit log is not as it was sealed: {fault}")),
            None => Ok(()),
        }
    }
}

fn read_copies(file: &Path) -> anyhow::Result<Vec<Copied>> {
    let text = std::fs::read_to_string(file)
        .map_err(|err| anyhow::anyhow!("--head: {} cannot be read: {err}", file.display()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let copies: Vec<Copied> = lines
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .map_err(|err| anyhow::anyhow!("--head: a line is no head as `muzi audit head` prints it: {err}"))?;
    anyhow::ensure!(!copies.is_empty(), "--head: {} holds no head", file.display());
    Ok(copies)
}

fn print(verified: &Verified, copied: usize) {
    let Verified { batches, events, removed, waiting, heads, events_from, .. } = verified;
    println!("{} events in {} batches are as they were sealed", HumanCount(*events), HumanCount(*batches));
    if let Some(from) = events_from {
        println!("events are there from {} on", clock_in_china(*from));
    }
    if *removed > 0 {
        println!("{} batches are past their retention, their events removed", HumanCount(*removed));
    }
    println!("{heads} daily heads are signed; {copied} copies were compared");
    println!("{} events wait to be sealed", HumanCount(*waiting));
}

impl WhoSaw {
    async fn run(self) -> anyhow::Result<()> {
        let (days, whom) = (self.days.days()?, whom(&self.person)?);
        let app = self.of.app().await?;
        let handbooks = ask::handbooks_of(&app, &whom).await?;
        anyhow::ensure!(!handbooks.is_empty(), "no handbook of this person is known");
        let told = ask::who_saw(&app, &machine_user(), handbooks, days, &mut print_line).await?;
        println!("{told} events");
        app.db.close().await?;
        Ok(())
    }
}

/// An ID number is never taken as an argument: arguments stand in the list of processes for everybody on the machine.
fn whom(text: &str) -> anyhow::Result<Whom> {
    if text == "-" {
        let mut line = zeroize::Zeroizing::new(String::new());
        std::io::stdin().lock().read_line(&mut line)?;
        let number = IdNumber::parse(line.trim()).ok().context("this is no ID number")?;
        return Ok(Whom::IdNumber(number));
    }
    anyhow::ensure!(
        IdNumber::parse(text).is_err(),
        "an ID number is not taken as an argument, which others on this machine can see: give `-` and send it as a line"
    );
    if let Ok(id) = text.parse() {
        return Ok(Whom::Id(id));
    }
    let number = HandbookNumber::parse(text).ok();
    number.map(Whom::Number).context("PERSON: a person's id, a handbook's number or id, or `-`")
}

impl Affected {
    async fn run(self) -> anyhow::Result<()> {
        let days = self.days.days()?;
        let app = self.of.app().await?;
        let staff = match self.staff.parse() {
            Ok(id) => StaffId(id),
            Err(_) => {
                let found = with_user_names(app.db.read(), [self.staff.as_str()]).await?;
                found.into_iter().next().context("there is no such account")?.id
            }
        };
        let told = ask::affected(&app, &machine_user(), staff, days, &mut print_line).await?;
        println!("{told} events");
        app.db.close().await?;
        Ok(())
    }
}

/// Separated by tabs, so that a spreadsheet takes it.
fn print_line(line: &Line) {
    let Line { at, handbook, kind, who, what, why, request } = line;
    println!("{}\t{handbook}\t{kind}\t{who}\t{what}\t{why}\t{request}", at.format("%Y-%m-%d %H:%M:%S"));
}
