//! Fills every table with made-up rows, straight from the schema, so that planners see tables as they grow.

use api::db::Db;
use sea_orm::{ConnectionTrait, DbBackend, TransactionTrait};

/// The schema, with its types in braces: one history for both databases.
const SCHEMA: [&str; 16] = [
    include_str!("../../migrations/src/m20261122_000011_places_and_people.sql"),
    include_str!("../../migrations/src/m20261122_000012_handbooks.sql"),
    include_str!("../../migrations/src/m20261122_000013_visits_and_records.sql"),
    include_str!("../../migrations/src/m20261122_000014_counting_and_work.sql"),
    include_str!("../../migrations/src/m20261123_000001_audit.sql"),
    include_str!("../../migrations/src/m20261123_000002_keys.sql"),
    include_str!("../../migrations/src/m20261123_000003_consent.sql"),
    include_str!("../../migrations/src/m20261123_000004_rolled_counters.sql"),
    include_str!("../../migrations/src/m20261123_000005_disclosure.sql"),
    include_str!("../../migrations/src/m20261123_000007_written_at.sql"),
    include_str!("../../migrations/src/m20261123_000009_attacked.sql"),
    include_str!("../../migrations/src/m20261123_000010_pending_counters.sql"),
    include_str!("../../migrations/src/m20261123_000011_reset_at.sql"),
    include_str!("../../migrations/src/m20261123_000012_duty_handover.sql"),
    include_str!("../../migrations/src/m20261123_000013_password_issue.sql"),
    include_str!("../../migrations/src/m20261123_000014_asked_of_day.sql"),
];

/// Tables that hold a few rows, whatever grows.
const SINGLE: [&str; 2] = ["usage_rolled", "key_in_use"];

/// How many there are of what every handbook has one of.
pub const WIDEST: u32 = 20_000;

/// How many of them many rows refer to.
const SPREAD: [(&str, u32); 9] = [
    ("institution_id", 500),
    ("managing_id", 500),
    ("issued_by", 500),
    ("staff_id", 2000),
    ("handbook_id", WIDEST),
    ("user_id", WIDEST),
    ("session_id", WIDEST),
    ("child_id", WIDEST),
    ("pregnancy_id", WIDEST),
];

/// What a column holds where its type alone does not say.
const WORDS: [(&str, &str, &str); 27] = [
    ("audit_event", "batch_id", "CASE WHEN n % 50 <> 0 THEN {id} END"),
    ("audit_event", "handbook_id", "{id}"),
    ("audit_event", "kind", "'read'"),
    ("audit_event", "staff_id", "{id}"),
    ("region", "level", "'village'"),
    ("handbook", "state", "'claimed'"),
    ("handbook", "issued_group", "'pregnant'"),
    ("handbook", "woman_id", "{id}"),
    ("issuance", "kind", "'issue'"),
    ("member", "role", "'owner'"),
    ("notice", "record_id", "{id}"),
    ("photo", "record_id", "CASE WHEN n % 50 <> 0 THEN {id} END"),
    ("record", "subject", "'woman'"),
    ("record", "source", "'family'"),
    ("record", "state", "'live'"),
    ("record", "user_id", "{id}"),
    ("record", "staff_id", "{id}"),
    ("record", "institution_id", "{id}"),
    ("rule_override", "kind", "'checkup'"),
    ("rule_override", "record_id", "{id}"),
    ("session", "user_id", "{id}"),
    ("staff", "institution_id", "{id}"),
    // Over a hundred counties, and a year of which somebody asks for all.
    ("usage_counter", "region_code", "510900000000 + n % 100 * 1000000 + n * 7919 % 300000"),
    ("usage_counter", "issued_in", "24322 - n % 12"),
    ("usage_evidence", "kind", "'scan'"),
    ("usage_follow_up", "found", "'used'"),
    ("target", "percent", "50"),
];

/// Whether a table of this name grows.
pub fn grows(name: &str) -> bool {
    !SINGLE.contains(&name) && tables().any(|table| table.name == name)
}

/// Fills every table with as many rows as `rows` says, references unchecked, and counts them for the planner.
pub async fn fill(db: &Db, rows: impl Fn(&str) -> u32) {
    let is_postgres = db.backend() == DbBackend::Postgres;
    let trusting =
        if is_postgres { "SET session_replication_role = replica" } else { "PRAGMA foreign_keys = OFF" };
    let mut statements = vec![trusting.to_owned()];
    statements.extend(
        tables()
            .filter(|table| !SINGLE.contains(&table.name))
            .map(|table| table.filled(is_postgres, rows(table.name))),
    );
    // But for the last hour the counters are added up.
    statements.push("UPDATE usage_counter SET rolled = count WHERE count % 1000 <> 0".to_owned());
    statements.push("ANALYZE".to_owned());
    if is_postgres {
        let connection = db.write().begin().await.unwrap();
        for statement in &statements {
            connection.execute_unprepared(statement).await.unwrap_or_else(|err| panic!("{err}: {statement}"));
        }
        connection.commit().await.unwrap();
    } else {
        for statement in &statements {
            db.write().execute_unprepared(statement).await.unwrap_or_else(|err| panic!("{err}: {statement}"));
        }
    }
}

struct Table<'a> {
    name: &'a str,
    columns: Vec<Column<'a>>,
}

struct Column<'a> {
    name: &'a str,
    kind: &'a str,
    may_be_empty: bool,
}

fn tables() -> impl Iterator<Item = Table<'static>> {
    SCHEMA.iter().flat_map(|sql| sql.split("CREATE TABLE ").skip(1)).map(|text| {
        let (name, body) = text.split_once(" (\n").unwrap();
        let body = body.split_once("\n);").unwrap().0;
        Table { name, columns: body.lines().filter_map(Column::read).collect() }
    })
}

impl<'a> Column<'a> {
    /// A line of a table that is no constraint and no comment.
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (name, kind) = (words.next()?, words.next()?);
        let is_column = name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
        let may_be_empty = !line.contains("NOT NULL") && !line.contains("PRIMARY KEY");
        is_column.then(|| Self { name, kind: kind.trim_end_matches(','), may_be_empty })
    }
}

impl Table<'_> {
    fn filled(&self, is_postgres: bool, rows: u32) -> String {
        let values = self.columns.iter().map(|column| self.value(column, is_postgres));
        let names: Vec<_> = self.columns.iter().map(|column| column.name).collect();
        let (names, values) = (names.join(", "), values.collect::<Vec<_>>().join(", "));
        let series = if is_postgres {
            format!("generate_series(1, {rows}) AS series (n)")
        } else {
            format!(
                "(WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {rows}) SELECT n FROM series)"
            )
        };
        format!(
            "INSERT INTO {} ({names}) SELECT {values} FROM {series} WHERE true ON CONFLICT DO NOTHING",
            self.name
        )
    }

    fn value(&self, column: &Column<'_>, is_postgres: bool) -> String {
        let said = WORDS.iter().find(|(table, name, _)| (*table, *name) == (self.name, column.name));
        if said.is_none() && column.may_be_empty {
            return "NULL".to_owned();
        }
        let spread = SPREAD.iter().find(|(name, _)| *name == column.name);
        // All over the range of ids: a join that could stop after the first few would look cheap.
        let n = spread.map_or("n".to_owned(), |(_, many)| format!("(n % {many} * {})", WIDEST / many));
        let id = id(&n, is_postgres);
        if let Some((_, _, word)) = said {
            return word.replace("{id}", &id);
        }
        match (column.kind, is_postgres) {
            ("{uuid}", _) => id,
            ("{bytes}", true) => format!("decode(lpad({n}::text, 32, '0'), 'hex')"),
            ("{bytes}", false) => format!("CAST(printf('%032d', {n}) AS BLOB)"),
            ("{json}", true) => "'[]'::jsonb".to_owned(),
            ("{json}", false) => "'[]'".to_owned(),
            ("{time}", true) => "timestamptz '2027-06-01 00:00Z' - n * interval '1 minute'".to_owned(),
            ("{time}", false) => {
                "strftime('%Y-%m-%dT%H:%M:%S+00:00', '2027-06-01', '-' || n || ' minutes')".to_owned()
            }
            ("{date}", true) => "date '2026-11-22' - n % 1000".to_owned(),
            ("{date}", false) => "date('2026-11-22', '-' || (n % 1000) || ' days')".to_owned(),
            ("BOOLEAN", _) => "false".to_owned(),
            ("TEXT", _) => "'w' || n".to_owned(),
            ("INTEGER" | "BIGINT", _) => n,
            (kind, _) => panic!("{}.{}: what is a {kind}?", self.name, column.name),
        }
    }
}

fn id(n: &str, is_postgres: bool) -> String {
    if is_postgres {
        format!("lpad(to_hex({n}), 32, '0')::uuid")
    } else {
        format!("CAST(printf('%016d', {n}) AS BLOB)")
    }
}
