//! A new version is rolled out while the old one serves: it adds, both go on, and only then is anything taken away.

use crate::support::World;
use crate::support::operator::{Operator, said};

async fn a_later_version_ran(world: &World, migration: &str) {
    let run = format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ('{migration}', 0)");
    world.execute(&run, []).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_of_the_version_before_starts_again_until_something_is_taken_away() {
    let mut operator = Operator::new();
    let world = operator.world().await;
    a_later_version_ran(&world, "m29991231_000001_more").await;
    let serving = operator.serving(&world, "warn").await;
    assert_eq!(serving.client(None).get("/readyz").await.status, 200);
    serving.stopped().await;
    for arguments in [["migrate", "status"], ["migrate", "up"]] {
        let told = operator.muzi(&world, &arguments, "");
        assert!(told.status.success() && said(&told).contains("0 pending"), "{}", said(&told));
    }

    a_later_version_ran(&world, "m29991231_000002_less_contract").await;
    for arguments in [["serve"].as_slice(), &["migrate", "up"]] {
        let refused = operator.muzi(&world, arguments, "");
        assert!(!refused.status.success());
        assert!(said(&refused).contains("m29991231_000002_less_contract"), "{}", said(&refused));
    }
}
