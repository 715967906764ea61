//! The schema of Muzi for SQLite and PostgreSQL, one history.
//!
//! Each migration is one SQL file in which a word in braces stands for a column type that differs between the databases.
//! A released migration is never edited: expand, deploy, contract. The name of one that takes away what the version before
//! still used ends with [`CONTRACT`]; with every other, programs of the version before go on.

use std::collections::HashSet;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

/// How the name of a migration ends that takes something away.
pub const CONTRACT: &str = "_contract";

/// Runs the history; `Migrator::up(&db, None)` brings a database to the newest schema.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            step(
                "m20261122_000011_places_and_people",
                include_str!("m20261122_000011_places_and_people.sql"),
            ),
            step("m20261122_000012_handbooks", include_str!("m20261122_000012_handbooks.sql")),
            step(
                "m20261122_000013_visits_and_records",
                include_str!("m20261122_000013_visits_and_records.sql"),
            ),
            step(
                "m20261122_000014_counting_and_work",
                include_str!("m20261122_000014_counting_and_work.sql"),
            ),
            step("m20261123_000001_audit", include_str!("m20261123_000001_audit.sql")),
            step("m20261123_000002_keys", include_str!("m20261123_000002_keys.sql")),
            step_with(
                "m20261123_000003_consent",
                include_str!("m20261123_000003_consent.sql"),
                &CONSENTS_STAY,
            ),
            step("m20261123_000004_rolled_counters", include_str!("m20261123_000004_rolled_counters.sql")),
            step("m20261123_000005_disclosure", include_str!("m20261123_000005_disclosure.sql")),
            step("m20261123_000007_written_at", include_str!("m20261123_000007_written_at.sql")),
            step("m20261123_000009_attacked", include_str!("m20261123_000009_attacked.sql")),
            step_with(
                "m20261123_000010_pending_counters",
                include_str!("m20261123_000010_pending_counters.sql"),
                &PENDING_IS_LITTLE,
            ),
            step("m20261123_000011_reset_at", include_str!("m20261123_000011_reset_at.sql")),
            step("m20261123_000012_duty_handover", include_str!("m20261123_000012_duty_handover.sql")),
            step("m20261123_000013_password_issue", include_str!("m20261123_000013_password_issue.sql")),
            step("m20261123_000014_asked_of_day", include_str!("m20261123_000014_asked_of_day.sql")),
        ]
    }
}

/// How a database stands to the schema of this program.
#[derive(Debug)]
pub struct Standing {
    /// Migrations that it has not seen yet.
    pub pending: usize,
    /// What a later version took away from it, by the name of the migration: this program does not fit it any more.
    pub contracted: Vec<String>,
}

impl Migrator {
    /// How a database stands to the schema of this program. What a later version added to it is none of its business.
    ///
    /// # Errors
    ///
    /// The history cannot be read.
    pub async fn standing(db: &impl ConnectionTrait) -> Result<Standing, DbErr> {
        let known: HashSet<String> =
            Self::get_migration_files().iter().map(|file| file.name().to_owned()).collect();
        let run = Self::get_migration_models(db).await?;
        let run: HashSet<String> = run.into_iter().map(|migration| migration.version).collect();
        let later = run.difference(&known).filter(|name| name.ends_with(CONTRACT));
        Ok(Standing { pending: known.difference(&run).count(), contracted: later.cloned().collect() })
    }
}

/// One file of the history, and what each database says in words of its own after it.
struct Step {
    name: &'static str,
    sql: &'static str,
    own: &'static Own,
}

/// SQL that has no common form: triggers, statistics.
struct Own {
    sqlite: &'static str,
    postgres: &'static str,
}

const NOTHING: Own = Own { sqlite: "", postgres: "" };

/// What somebody agreed to is never rewritten: only the handbook, which a replacement changes, may move.
const CONSENTS_STAY: Own = Own {
    sqlite: "CREATE TRIGGER consent_event_is_kept BEFORE DELETE ON consent_event \
             BEGIN SELECT RAISE(ABORT, 'consent_event is append-only'); END; \
             CREATE TRIGGER consent_event_stays BEFORE UPDATE OF id, purpose, given, text_version, text_hash, user_id, \
                 as_guardian, channel, at ON consent_event \
             BEGIN SELECT RAISE(ABORT, 'consent_event is append-only'); END;",
    postgres: "CREATE FUNCTION consent_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ \
               BEGIN RAISE EXCEPTION 'consent_event is append-only'; END $$; \
               CREATE TRIGGER consent_event_stays BEFORE DELETE OR UPDATE OF id, purpose, given, text_version, text_hash, \
                   user_id, as_guardian, channel, at ON consent_event \
               FOR EACH ROW EXECUTE FUNCTION consent_event_is_append_only();",
};

/// SQLite takes an index that fits the question without being told how much it holds.
const PENDING_IS_LITTLE: Own = Own {
    sqlite: "",
    postgres: "CREATE STATISTICS usage_counter_is_pending ON (count - rolled) FROM usage_counter; ANALYZE usage_counter;",
};

fn step(name: &'static str, sql: &'static str) -> Box<dyn MigrationTrait> {
    step_with(name, sql, &NOTHING)
}

fn step_with(name: &'static str, sql: &'static str, own: &'static Own) -> Box<dyn MigrationTrait> {
    Box::new(Step { name, sql, own })
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let own = if backend == DbBackend::Postgres { self.own.postgres } else { self.own.sqlite };
        let connection = manager.get_connection();
        for sql in [written_for(backend, self.sql).as_str(), own] {
            connection.execute_unprepared(sql).await?;
        }
        Ok(())
    }
}

/// The SQL with every type in braces replaced by the one of the database.
///
/// On SQLite an id is a 16-byte blob, an instant RFC 3339 text and a day ISO text: all sort as they should.
fn written_for(backend: DbBackend, sql: &str) -> String {
    let types = match backend {
        DbBackend::Postgres => [
            ("{uuid}", "UUID"),
            ("{time}", "TIMESTAMPTZ"),
            ("{date}", "DATE"),
            ("{json}", "JSONB"),
            ("{bytes}", "BYTEA"),
        ],
        _ => [
            ("{uuid}", "BLOB"),
            ("{time}", "TEXT"),
            ("{date}", "TEXT"),
            ("{json}", "TEXT"),
            ("{bytes}", "BLOB"),
        ],
    };
    types.iter().fold(sql.to_owned(), |sql, (word, column_type)| sql.replace(word, column_type))
}
