//! The command line: one file per command.

mod demo;
mod migrate;
mod serve;
mod stats;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::{Config, Environment, Misconfigured, Settings};

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
    /// Make a made-up county to try things with
    Demo(demo::Demo),
    /// Print the OpenAPI document
    Openapi,
    /// Make fresh keys
    Keys {
        /// What to do
        #[command(subcommand)]
        action: KeysAction,
    },
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// Print a complete set of fresh secrets as environment lines
    New,
}

/// Exit code of a configuration that cannot be used (`EX_CONFIG`).
const CONFIG: u8 = 78;

/// Runs a command to its end.
pub fn run(command: Command) -> ExitCode {
    let result = match command {
        Command::Serve(serve) => actix_web::rt::System::new().block_on(serve.run()),
        Command::Worker(settings) => actix_web::rt::System::new().block_on(serve::work(settings)),
        Command::Migrate(migrate) => actix_web::rt::System::new().block_on(migrate.run()),
        Command::Stats(stats) => actix_web::rt::System::new().block_on(stats.run()),
        Command::Demo(demo) => actix_web::rt::System::new().block_on(demo.run()),
        Command::Openapi => print_document(),
        Command::Keys { action: KeysAction::New } => {
            print_new_keys();
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("muzi: {err:#}");
            if err.is::<Misconfigured>() { ExitCode::from(CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

/// Settings of the process, or every reason why they cannot be used.
fn resolve(settings: &Settings, demo: bool) -> Result<Config, Misconfigured> {
    let config = settings.resolve(demo, &Environment::of_process())?;
    match config.refusals() {
        refusals if refusals.is_empty() => Ok(config),
        refusals => Err(Misconfigured(refusals)),
    }
}

fn print_document() -> anyhow::Result<()> {
    println!("{:#}", crate::openapi::document()?);
    Ok(())
}

fn print_new_keys() {
    use crate::config::new_key;
    println!("MUZI_DATA_KEYS=1:{}", new_key());
    println!("MUZI_INDEX_KEY={}", new_key());
    println!("MUZI_PRINT_KEYS=1:{}", new_key());
    println!("MUZI_TOKEN_KEYS=1:{}", new_key());
}
