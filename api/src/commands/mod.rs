//! The command line: one file per command.

mod admin;
mod audit;
mod backup;
mod bench;
mod demo;
mod import;
mod keys;
mod migrate;
mod restore;
mod serve;
mod stats;

use std::path::Path;
use std::process::ExitCode;

use actix_web::web::Data;
use anyhow::Context;
use chrono::{DateTime, NaiveDate, Utc};
use clap::Subcommand;
use domain::calendar::{day_in_china, is_of_our_time};

use crate::app::{App, Clock};
use crate::config::{Config, Environment, Misconfigured, Settings};
use crate::start::{self, Wechat};

/// What `muzi` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API (and carry out jobs, unless told not to)
    Serve(serve::Serve),
    /// Carry out background jobs without HTTP
    Worker(Settings),
    /// Bring the database to the newest schema, or say where it stands
    Migrate(migrate::Migrate),
    /// Check the figures against the records
    Stats(stats::Stats),
    /// Verify the audit log, ask it, print its daily head
    Audit(audit::Audit),
    /// Make the first system administrator
    Admin(admin::Admin),
    /// Import regions, institutions or staff from a CSV file
    Import(import::Import),
    /// Make a made-up county to try things with
    Demo(demo::Demo),
    /// Measure how fast Muzi is on this machine, beside what the database alone does
    Bench(bench::Bench),
    /// The server that `bench` measures
    #[command(hide = true)]
    BenchServer,
    /// Print the OpenAPI document
    Openapi,
    /// Copy the database and the photos into a sealed file, while others serve
    Backup(Box<backup::Backup>),
    /// Bring a backup back, or try one that was brought back
    Restore(Box<restore::Restore>),
    /// Make keys, see what each seals, move to the newest
    Keys(keys::Keys),
}

/// Makes the folder of the data, which nobody else on the machine may look into.
fn make_folder(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("--data / MUZI_DATA: {} cannot be made", folder.display()))
}

/// Exit code of a configuration that cannot be used (`EX_CONFIG`).
const CONFIG: u8 = 78;

/// What is said of a day or an instant that no handbook can speak of.
const NOT_OF_OUR_TIME: &str = "the years 1900 to 2100 are allowed";

/// Runs a command to its end.
pub fn run(command: Command) -> ExitCode {
    let result = match command {
        Command::Serve(serve) => actix_web::rt::System::new().block_on(serve.run()),
        Command::Worker(settings) => actix_web::rt::System::new().block_on(serve::work(settings)),
        Command::Migrate(migrate) => actix_web::rt::System::new().block_on(migrate.run()),
        Command::Stats(stats) => actix_web::rt::System::new().block_on(stats.run()),
        Command::Audit(audit) => actix_web::rt::System::new().block_on(audit.run()),
        Command::Admin(admin) => actix_web::rt::System::new().block_on(admin.run()),
        Command::Import(import) => actix_web::rt::System::new().block_on(import.run()),
        Command::Demo(demo) => actix_web::rt::System::new().block_on(demo.run()),
        Command::Bench(bench) => actix_web::rt::System::new().block_on(bench.run()),
        Command::BenchServer => actix_web::rt::System::new().block_on(crate::bench::serve()),
        Command::Openapi => print_document(),
        Command::Backup(backup) => actix_web::rt::System::new().block_on(backup.run()),
        Command::Restore(restore) => actix_web::rt::System::new().block_on(restore.run()),
        Command::Keys(keys) => actix_web::rt::System::new().block_on(keys.run()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("muzi: {err:#}");
            if err.is::<Misconfigured>() { ExitCode::from(CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

/// A day as an argument: calendars know others than databases, and not all of them sort by time.
fn read_day(text: &str) -> Result<NaiveDate, String> {
    let day: NaiveDate = text.parse().map_err(|_| "a day is written as 2026-11-22".to_owned())?;
    if is_of_our_time(day) { Ok(day) } else { Err(NOT_OF_OUR_TIME.to_owned()) }
}

/// An instant as an argument, on such a day.
fn read_instant(text: &str) -> Result<DateTime<Utc>, String> {
    let at: DateTime<Utc> =
        text.parse().map_err(|_| "an instant is written as 2026-11-22T08:30:00Z".to_owned())?;
    if is_of_our_time(day_in_china(at)) { Ok(at) } else { Err(NOT_OF_OUR_TIME.to_owned()) }
}

/// Settings of the process, or every reason why they cannot be used, those of the database among them.
async fn resolve(settings: &Settings, demo: bool) -> anyhow::Result<Config> {
    let (config, mut wrong) = settings.weigh_to_serve(demo, &Environment::of_process())?;
    if wrong.is_empty() {
        return Ok(config);
    }
    if !demo {
        wrong.extend(serve::what_is_wrong_with_the_database_of(&config).await);
    }
    Err(Misconfigured(wrong).into())
}

/// The application without HTTP, for a command that works on the database of a server.
async fn app_at_the_server(config: Config) -> anyhow::Result<Data<App>> {
    let wechat = Wechat::real(&config.wechat);
    let app = start::app(config, Clock::system(), wechat).await?;
    serve::refuse_unfit(&app, false).await?;
    Ok(app)
}

fn print_document() -> anyhow::Result<()> {
    println!("{:#}", crate::openapi::document(&domain::catalogue::Catalogue::embedded()?));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_or_an_instant_that_no_handbook_can_speak_of_is_no_argument() {
        for day in ["-9999-01-01", "0000-01-01", "1899-12-31", "2101-01-01", "+20000-01-01"] {
            assert_eq!(read_day(day), Err(NOT_OF_OUR_TIME.to_owned()), "{day}");
            assert_eq!(read_instant(&format!("{day}T04:00:00Z")), Err(NOT_OF_OUR_TIME.to_owned()), "{day}");
        }
        assert!(read_day("2026-11-22").is_ok() && read_instant("2026-11-22T04:00:00Z").is_ok());
        assert!(read_day("yesterday").is_err() && read_instant("2026-11-22").is_err());
    }
}
