//! The audit log: who read and wrote personal data. Events are written by `access` before an answer and by
//! [`crate::idempotency::Work`] with what they tell of; here they are sealed, verified, asked and, past their retention,
//! removed. How the family reads who looked is `access_log`.
//!
//! Each process seals the events that wait into batches of a chain of its own, and once a day the ends of all chains are
//! signed together ([`head`]). Whoever changes a row breaks the seal of its batch; whoever makes the chain anew contradicts
//! the signed head, and whoever drops a head contradicts the copies that were taken elsewhere.

pub mod ask;
pub mod clock;
pub mod event;
pub mod head;
pub mod retain;
pub mod seal;
pub mod store;
pub mod verify;

pub use event::{Act, Event, Events, machine_user};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    /// What a handler may write outside the transaction of its work: tries, which count whatever becomes of the request;
    /// tickets of streams, which are used up; and events of what was looked for or refused.
    const BESIDE: [&str; 3] = [".take_back(", "take_ticket(", "Events::from("];

    /// How a transaction is begun or ended, and how a statement is carried out outside of one.
    const WAYS: [&str; 7] =
        [".begin()", ".begin_with", ".transaction", ".commit()", ".write()", "Db::begin", "Db::write"];

    /// The files that write outside a `Work`, and why they may. A file that is not here hands on the transaction that it was
    /// given.
    const WRITES: [(&str, &str); 30] = [
        ("access/log.rs", "writes events"),
        ("access/mod.rs", "writes events of refusals"),
        ("audit/ask.rs", "writes who asked"),
        ("audit/head.rs", "signs the log"),
        ("audit/retain.rs", "removes events past their retention"),
        ("audit/seal.rs", "seals events"),
        ("backup/revoke.rs", "a command at the server, with an event of its own"),
        ("backup/take.rs", "a command at the server, with an event of its own"),
        ("bench/cast.rs", "a database of the bench"),
        ("bench/ground.rs", "a database of the bench"),
        ("bench/province.rs", "a database of the bench"),
        (
            "closing/retain.rs",
            "a job of the night, with events of its own, and receipts of what became of whose data",
        ),
        ("commands/admin.rs", "a command at the server, with an event of its own"),
        ("commands/import.rs", "a command at the server, with events of its own"),
        ("db/mod.rs", "where transactions come from"),
        ("demo/mod.rs", "a database of the demo"),
        ("disclosures/retain.rs", "a job of the night: forgets old requests for lists"),
        (
            "disclosures/store.rs",
            "the lines of a day and the lease of an export, which count whatever becomes of the request",
        ),
        (
            "handbooks/refused.rs",
            "refusals, which count whatever becomes of the request, with events of their own",
        ),
        ("idempotency.rs", "`Work` itself, which commits what was done with its events"),
        ("keyring/in_use.rs", "which keys are in use: nobody's data"),
        ("keyring/rotate.rs", "seals the same values with another key"),
        ("photos/store.rs", "announces a file, so that it is dropped unless a row follows"),
        (
            "sign_in/credentials.rs",
            "wrong tries, used steps and the event of a lock: the sign-in follows in a `Work`",
        ),
        ("start.rs", "migrations"),
        ("sweep.rs", "a job: forgets what has expired"),
        ("tries.rs", "tries, which count whatever becomes of the request"),
        ("usage/roll_up.rs", "a job: adds up what was counted"),
        ("visits/open.rs", "writes the event of an answer that is given again"),
        ("worker.rs", "jobs: which is due, claimed and done"),
    ];

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    /// The lines of a program, without its tests, that write by themselves.
    fn by_themselves(text: &str) -> impl Iterator<Item = &str> {
        let program = text.split("#[cfg(test)]").next().unwrap_or_default().lines();
        let program = program.filter(|line| !line.trim_start().starts_with("//"));
        program.filter(|line| WAYS.iter().any(|way| line.contains(way)))
    }

    /// A handler that writes takes a `Work`, and a `Work` is committed with the events that say what was done. Whatever else
    /// begins a transaction says here why it may.
    #[test]
    fn no_handler_writes_past_the_audit_log() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        sources(&folder, &mut files);
        let (mut handlers, mut unused) =
            (0, WRITES.map(|(file, _)| file).into_iter().collect::<BTreeSet<_>>());
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(&folder).unwrap().to_str().unwrap();
            let is_handler = text.contains(concat!("#[utoipa::", "path("));
            handlers += usize::from(is_handler);
            let may_write = WRITES.iter().any(|(file, _)| *file == name) && !is_handler;
            for line in by_themselves(&text) {
                let is_beside = is_handler && BESIDE.iter().any(|known| line.contains(known));
                assert!(may_write || is_beside, "{name}: {line}");
                unused.remove(name);
            }
        }
        assert!(handlers > 60, "{handlers}");
        assert!(unused.is_empty(), "they write nothing by themselves any more: {unused:?}");
    }

    #[test]
    fn a_transaction_of_its_own_is_seen_however_it_is_written() {
        for line in [
            "let txn = app.db.begin().await?;",
            "    .begin()",
            "store::put(db.write(), 1)",
            "Db::begin(&app.db)",
        ] {
            assert_eq!(by_themselves(line).count(), 1, "{line}");
        }
        for text in ["store::put(&work.txn, 1)", "// app.db.begin()", "#[cfg(test)]\ndb.begin()"] {
            assert_eq!(by_themselves(text).count(), 0, "{text}");
        }
    }
}
