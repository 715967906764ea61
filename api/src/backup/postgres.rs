//! `pg_dump` and `pg_restore` of PostgreSQL, which must be on the `PATH` in the version of the server or a newer one.

use std::io;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

/// A dump of the snapshot, which comes on its standard output.
pub(super) fn dump(url: &str, snapshot: &str) -> anyhow::Result<Child> {
    let mut dump = program("pg_dump", url);
    dump.args(["--format=custom", "--no-owner", "--no-privileges", &format!("--snapshot={snapshot}")]);
    dump.stdin(Stdio::null()).stdout(Stdio::piped());
    dump.spawn().context("pg_dump cannot be started: is it on the PATH?")
}

/// A restore, all or nothing, of the dump that is written to its standard input.
pub(super) fn restore(url: &str) -> anyhow::Result<Child> {
    let mut restore = program("pg_restore", url);
    restore.args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]);
    restore.stdin(Stdio::piped()).stdout(Stdio::null());
    restore.spawn().context("pg_restore cannot be started: is it on the PATH?")
}

/// Waits for a program to end well.
pub(super) fn end(mut child: Child, name: &str) -> anyhow::Result<()> {
    let status = child.wait()?;
    ensure!(status.success(), "{name} failed ({status}): it said why above");
    Ok(())
}

/// Ends a program whose input broke off, and says why it did: the program does where it closed its input itself, else what
/// should have been passed on is to blame.
pub(super) fn give_up(mut child: Child, name: &str, err: anyhow::Error) -> anyhow::Error {
    let of_pipe = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    if err.chain().filter_map(|cause| cause.downcast_ref()).any(of_pipe) {
        return end(child, name).err().unwrap_or(err);
    }
    let _killed_or_over = child.kill();
    match child.wait() {
        Ok(status) if status.success() => {
            err.context("the database was filled and is not fit to serve: drop it")
        }
        _ => err,
    }
}

/// The password goes by the environment: a command line can be read by everybody on the machine.
fn program(name: &str, url: &str) -> Command {
    let (url, password) = without_password(url);
    let mut program = Command::new(name);
    program.arg(format!("--dbname={url}"));
    if let Some(password) = password {
        program.env("PGPASSWORD", password);
    }
    program
}

/// A URL without its password, and the password.
fn without_password(url: &str) -> (String, Option<String>) {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(end)?;
        let (user, host) = authority.rsplit_once('@')?;
        let (user, password) = user.split_once(':')?;
        Some((format!("{scheme}://{user}@{host}{tail}"), decoded(password)))
    });
    parts.map_or((url.to_owned(), None), |(url, password)| (url, Some(password)))
}

/// Text with its `%XX` decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let hex = (*first == b'%').then(|| others.get(..2)).flatten();
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { others.get(2..).unwrap_or_default() } else { others };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::backup::stream::Refused;

    #[test]
    fn why_a_restore_broke_off_is_told_by_whoever_knows() {
        let started = |program: &str, argument: &str| Command::new(program).arg(argument).spawn().unwrap();
        let told = |child, err: anyhow::Error| format!("{:#}", give_up(child, "pg_restore", err));
        let damaged =
            || anyhow::Error::from(io::Error::from(Refused::Damaged(7))).context("one.muzi is not used");
        let of_disk = anyhow::Error::from(io::Error::from(io::ErrorKind::UnexpectedEof));
        assert_eq!(told(started("sleep", "60"), damaged()), format!("{:#}", damaged()));
        assert_eq!(told(started("sleep", "60"), of_disk), "unexpected end of file");
        let mut over = started("true", "");
        over.wait().unwrap();
        let filled = told(over, damaged());
        assert!(filled.contains("drop it") && filled.contains("part 7"), "{filled}");
        let closed =
            anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("one.muzi is not used");
        let failed = told(started("false", ""), closed);
        assert!(failed.starts_with("pg_restore failed") && !failed.contains("one.muzi"), "{failed}");
    }

    #[test]
    fn a_password_is_taken_out_of_the_url() {
        for (url, bare, password) in [
            (
                "postgres://muzi:p%40ss:w@db:5432/muzi?sslmode=require",
                "postgres://muzi@db:5432/muzi?sslmode=require",
                Some("p@ss:w"),
            ),
            ("postgres://muzi@db/muzi", "postgres://muzi@db/muzi", None),
            (
                "postgres://postgres@localhost/x?host=/tmp/a:b@c",
                "postgres://postgres@localhost/x?host=/tmp/a:b@c",
                None,
            ),
            ("postgres://u:%zz@h", "postgres://u@h", Some("%zz")),
        ] {
            assert_eq!(without_password(url), (bare.to_owned(), password.map(str::to_owned)), "{url}");
        }
    }
}
