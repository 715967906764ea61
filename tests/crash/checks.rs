//! What must hold after a fault.

use api::db::Db;
use futures_util::future::join_all;
use reqwest::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::Value;

use super::ground::Ground;
use super::writers::{Book, Line, Wrote};
use crate::support::PATIENCE;

impl Ground {
    /// A number that a query gives, over a connection of its own: what was there before the fault is no witness.
    pub async fn number(&self, sql: &str) -> i64 {
        let db = Db::connect(&self.world.app.config.database_url, 1, PATIENCE).await.unwrap();
        let query = Statement::from_string(db.backend(), sql);
        let row = db.read().query_one_raw(query).await.unwrap().unwrap();
        let number = row.try_get_by_index::<i64>(0).unwrap();
        db.close().await.unwrap();
        number
    }

    /// Everything that was acknowledged is there once, what was acknowledged since `from` is answered again as it was, and
    /// counters, audit log, keys and jobs are whole.
    pub async fn must_be_whole(&self, line: &Line, book: &Book, from: usize) {
        let homes = i64::try_from(self.homes.len()).unwrap();
        for (sql, expected) in [
            ("SELECT COUNT(*) FROM record", book.of(Wrote::Entry) + book.of(Wrote::Checkup)),
            ("SELECT COUNT(*) FROM record_version", book.of(Wrote::Amendment)),
            ("SELECT COUNT(*) FROM handbook", homes + book.of(Wrote::Handbook)),
            ("SELECT COUNT(*) FROM issuance", homes + book.of(Wrote::Handbook)),
            ("SELECT COUNT(*) FROM member", homes + book.of(Wrote::Claim)),
            ("SELECT COUNT(*) FROM code", book.of(Wrote::Code)),
            ("SELECT COUNT(*) FROM visit", book.of(Wrote::Visit)),
            ("SELECT COUNT(*) FROM idempotency WHERE status = 0", 0),
            (
                "SELECT COUNT(*) FROM idempotency",
                i64::try_from(book.len()).unwrap() - book.of(Wrote::Amendment),
            ),
            ("SELECT COUNT(*) FROM job WHERE last_error IS NOT NULL", 0),
        ] {
            assert_eq!(self.number(sql).await, expected, "{sql}");
        }
        book.send_again(line, from).await;
        self.entries_read_as_changed(line, book, from).await;
        self.must_say_yes(&["stats", "verify"]);
        self.must_say_yes(&["audit", "verify"]);
    }

    async fn entries_read_as_changed(&self, line: &Line, book: &Book, from: usize) {
        let changed: Vec<_> = book.acknowledged().split_off(from);
        let changed: Vec<_> = changed.iter().filter(|(call, _)| call.wrote == Wrote::Amendment).collect();
        for some in changed.chunks(16) {
            join_all(some.iter().map(|(call, _)| async move {
                let path = call.path.replace("/entries/", "/records/");
                let answer = line.request(Method::GET, &path, &call.token).send().await.unwrap();
                let record: Value = answer.json().await.unwrap();
                assert_eq!(record["payload"]["text"], call.body["payload"]["text"], "{path}: {record}");
                assert_eq!(record["version"], 2, "{path}");
            }))
            .await;
        }
    }
}
