//! `muzi`: one binary, one command line.

use std::process::ExitCode;

use api::commands::{Command, run};
use clap::Parser;

/// Muzi 母子: a digital mother-and-child health handbook (母子健康手册).
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let CommandLine { command } = CommandLine::parse();
    run(command)
}
