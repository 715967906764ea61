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
    use std::path::Path;

    /// What a handler may write outside the transaction of its work: tries, which count whatever becomes of the request; and
    /// tickets of streams, which are used up.
    const BESIDE: [&str; 2] = [".take_back(", "take_ticket("];

    fn check(folder: &Path, handlers: &mut usize) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                check(&path, handlers);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            if !text.contains(concat!("#[utoipa::", "path(")) {
                continue;
            }
            *handlers += 1;
            for line in text.lines() {
                let by_itself =
                    [".begin()", "txn.commit()", "db.write()"].iter().any(|way| line.contains(way));
                let is_known = BESIDE.iter().any(|known| line.contains(known));
                assert!(!by_itself || is_known, "{}: {line}", path.display());
            }
        }
    }

    /// A handler that writes takes a `Work`, and a `Work` is committed with the events that say what was done.
    #[test]
    fn no_handler_writes_past_the_audit_log() {
        let mut handlers = 0;
        check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut handlers);
        assert!(handlers > 60, "{handlers}");
    }
}
