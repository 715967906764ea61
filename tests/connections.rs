//! A server and its connections to the database.

use api::db::statement;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DbBackend};

use crate::entries::{entries, pressure, records};
use crate::support::World;

/// Requests at a time: far more than connections.
const AT_A_TIME: i64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_at_a_time_are_answered_over_the_connections_that_are_set() {
    let world = World::with(|config| config.database_connections = 12).await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let (entries, records) = (entries(&mother), records(&mother));
    let db = world.app.db.read();
    let busy = join_all((0..AT_A_TIME).map(async |_| match db.get_database_backend() {
        DbBackend::Postgres => db.execute_unprepared("SELECT pg_sleep(0.1)").await.map(drop),
        _ => db.ping().await,
    }));
    assert!(busy.await.iter().all(Result::is_ok), "all there are for all");
    for _ in 0..3 {
        let answers = join_all((0..AT_A_TIME).map(async |nth| match nth % 4 {
            0 => mother.user.client.post(&entries, pressure(100 + nth, 70)).await.status,
            _ => mother.user.client.get(&records).await.status,
        }));
        assert!(answers.await.iter().all(|status| status.is_success()));
    }
    if db.get_database_backend() == DbBackend::Postgres {
        let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = ?";
        let open = statement(DbBackend::Postgres, open, ["muzi".into()]);
        let open: i64 = db.query_one_raw(open).await.unwrap().unwrap().try_get_by_index(0).unwrap();
        assert!(
            (5..=12).contains(&open),
            "{open} connections; 4 of them are for all, and 4 for each of two threads"
        );
    }
}
