//! No query reads a whole table: the statements of every operation of the API (those that change something, as far as a
//! stale request gets), of the main job, of a day at the desk and of the jobs are shown to the database's planner when
//! the tables have grown.

mod desk;
mod fill;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use api::audit::ask;
use api::db::Db;
use chrono::TimeDelta;
use domain::id::{HandbookId, StaffId};
use sea_orm::metric::Info;
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use uuid::Uuid;

use crate::access_matrix::{Cast, call_all};
use crate::main_job;
use crate::support::World;

/// Records; of handbooks and whatever else grows there are as many as ids are spread over.
const RECORDS: u32 = 100_000;

/// Each statement once, by its text, as it was first sent.
type Sent = Arc<Mutex<BTreeMap<String, Statement>>>;

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_of_the_api_reads_a_whole_table() {
    let sent = Sent::default();
    let world = World::watched(collect_into(&sent)).await;
    let cast = Cast::gathered(&world).await;
    sent.lock().unwrap().clear();
    call_all(&world, &cast).await;
    do_the_main_job(&sent).await;
    desk::a_day(&World::watched(collect_into(&sent)).await).await;
    carry_out_what_the_clock_asks_for(&world).await;
    let statements: Vec<_> = sent.lock().unwrap().values().filter(|sent| reads(sent)).cloned().collect();
    assert!(statements.len() > 150, "only {} statements were collected", statements.len());

    fill::fill(&world.app.db, |table| if table == "record" { RECORDS } else { fill::WIDEST }).await;
    let mut faults = BTreeSet::new();
    for statement in statements {
        if is_right(&statement) {
            continue;
        }
        let plan = plan(&world.app.db, &statement).await;
        faults.extend(
            whole_reads(world.app.db.backend(), &plan)
                .map(|line| format!("{line}\n    {}\n{}", statement.sql, plan.join("\n"))),
        );
    }
    let told: Vec<_> = faults.iter().map(String::as_str).collect();
    assert!(told.is_empty(), "{} whole tables are read:\n{}", told.len(), told.join("\n"));
}

fn collect_into(sent: &Sent) -> impl Fn(&Info<'_>) + Send + Sync + 'static {
    let sent = sent.clone();
    move |info| {
        let statement = info.statement;
        sent.lock().unwrap().entry(statement.sql.clone()).or_insert_with(|| statement.clone());
    }
}

/// In a world of its own, whose figures begin at zero.
async fn do_the_main_job(sent: &Sent) {
    let world = World::watched(collect_into(sent)).await;
    let county = world.county().await;
    main_job::run(&world, &county, async |_| ()).await;
}

async fn carry_out_what_the_clock_asks_for(world: &World) {
    let day = world.app.today();
    let days = ask::Days { from: day, to: day };
    let (handbook, staff) = (HandbookId(Uuid::now_v7()), StaffId(Uuid::now_v7()));
    ask::who_saw(&world.app, "root", vec![handbook], days, &mut |_| {}).await.unwrap();
    ask::affected(&world.app, "root", staff, days, &mut |_| {}).await.unwrap();
    for _ in 0..2 {
        api::audit::seal::seal(&world.app).await.unwrap();
        api::worker::schedule(&world.app).await.unwrap();
        world.carry_out_jobs().await;
        world.advance(TimeDelta::days(40));
    }
}

/// Whether a statement looks for rows: a plain insert does not.
fn reads(statement: &Statement) -> bool {
    let begins = |word| statement.sql.trim_start().starts_with(word);
    begins("SELECT")
        || begins("UPDATE")
        || begins("DELETE")
        || begins("WITH")
        || (begins("INSERT") && statement.sql.contains("SELECT"))
}

/// The lines of the plan.
async fn plan(db: &Db, statement: &Statement) -> Vec<String> {
    let (explain, column) = match db.backend() {
        DbBackend::Postgres => ("EXPLAIN", "QUERY PLAN"),
        _ => ("EXPLAIN QUERY PLAN", "detail"),
    };
    let explained = Statement { sql: format!("{explain} {}", statement.sql), ..statement.clone() };
    let rows = db.write().query_all_raw(explained).await;
    let rows = rows.unwrap_or_else(|err| panic!("{err}: {}", statement.sql));
    rows.iter().map(|row| row.try_get("", column).unwrap()).collect()
}

/// Lines of a plan that go through all rows of a table that grows, or through all of an index of one.
fn whole_reads(backend: DbBackend, plan: &[String]) -> impl Iterator<Item = &str> {
    let is_whole = move |at: usize| match backend {
        DbBackend::Postgres => {
            let line = plan[at].trim_start();
            let next = plan.get(at + 1).map_or("", |line| line.trim_start());
            let by_index = line.contains("Index") && line.contains("Scan") && !next.starts_with("Index Cond");
            let table = line.split_once(" on ").map_or("", |(_, rest)| first_word(rest));
            (line.contains("Seq Scan") || by_index) && fill::grows(table)
        }
        _ => plan[at].strip_prefix("SCAN ").is_some_and(|rest| fill::grows(first_word(rest))),
    };
    (0..plan.len()).filter(move |at| is_whole(*at)).map(|at| plan[at].trim_start())
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// Whole reads that are right.
fn is_right(statement: &Statement) -> bool {
    let sql = &statement.sql;
    // The staff of the whole country, for who answers for it, is paged along its key.
    let staff_of_the_country = sql.contains(r#"FROM "staff" WHERE "staff"."left_on" IS NULL OR"#);
    // A head looks at the batches of its day, and the first one at all there are.
    let ends_of_chains = sql.contains("MAX(seq) AS seq FROM audit_batch");
    // The ids made up here all stand after the last day, from which on the old log is looked at.
    let last_day_of_the_old_log = sql.contains("FROM access_log WHERE id >=");
    // An index of its own holds the counters that are not added up yet, and nothing else.
    let not_added_up_yet =
        sql.contains("FROM usage_counter WHERE count - rolled <> 0 ORDER BY region_code LIMIT");
    // The night removes whatever is not of today: of the days made up here nearly all.
    let days_that_are_over = sql.starts_with(r#"DELETE FROM "disclosure_"#) && sql.contains(r#""day" < "#);
    // One row, at one end of an index.
    let has_one_row = statement.values.iter().any(|all| all.0.last() == Some(&Value::BigUnsigned(Some(1))));
    let first_or_last =
        has_one_row && sql.ends_with("LIMIT ?") | sql.ends_with("LIMIT $1") && !sql.contains(" WHERE ");
    let is_of_few = staff_of_the_country || ends_of_chains || last_day_of_the_old_log;
    is_of_few || not_added_up_yet || days_that_are_over || first_or_last
}
