//! Daily heads and what their days end: signed, chained and copied; what is past its retention goes.

use api::audit::head::Copied;
use api::audit::store::head::latest;
use api::audit::verify::{Fault, InBatch, InHead};
use api::audit::{head, seal};
use api::db::entities::{audit_batch, audit_event, audit_head};
use api::worker;
use chrono::{NaiveDate, TimeDelta};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use super::chain::{a_chain, in_batch};
use super::{behind_the_api, fault, literal, sealed, verified};
use crate::support::World;

/// The day is over: the head is made by the job that the clock asks for.
pub(super) async fn day_closed(world: &World) -> audit_head::Model {
    world.advance(TimeDelta::days(1));
    worker::schedule(&world.app).await.unwrap();
    world.carry_out_jobs().await;
    latest(world.app.db.read()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_head_shows_when_the_tail_was_cut_or_the_chain_made_anew() {
    let world = World::empty().await;
    let batches = a_chain(&world).await;
    let head = day_closed(&world).await;
    assert_eq!((head.day.to_string().as_str(), head.chains.0.len()), ("2026-11-22", 1));
    assert_eq!(verified(&world, &[Copied::of(&head)]).await.fault, None);

    let third = literal(&world, batches[2].id.0);
    behind_the_api(&world, &format!("DELETE FROM audit_event WHERE batch_id = {third}")).await;
    behind_the_api(&world, &format!("DELETE FROM audit_batch WHERE id = {third}")).await;
    assert_eq!(fault(&world).await, in_batch(&world, 3, InBatch::Missing));

    // Somebody who can count hashes makes the last batch anew, without its events.
    let mut forged = audit_batch::Model { events: 0, digest: seal::digest([]), ..batches[2].clone() };
    forged.hash = seal::hash(&forged);
    use sea_orm::IntoActiveModel;
    audit_batch::Entity::insert(forged.into_active_model()).exec(world.app.db.write()).await.unwrap();
    assert_eq!(fault(&world).await, in_batch(&world, 3, InBatch::NotAsSigned(head.day)));
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_chained_and_signed_and_a_copy_shows_when_one_is_gone() {
    let world = World::empty().await;
    a_chain(&world).await;
    let first = day_closed(&world).await;
    world.family_user().await.client.post("/api/v1/sign-out", json!({})).await;
    sealed(&world).await;
    let second = day_closed(&world).await;
    assert_eq!(second.previous, first.hash);
    let copies = [Copied::of(&first), Copied::of(&second)];
    let found = verified(&world, &copies).await;
    assert_eq!((found.heads, found.fault), (2, None));

    let told = |day: NaiveDate, what| Some(Fault::Head { day, what });
    behind_the_api(&world, "UPDATE audit_head SET made_at = kept_from WHERE day = '2026-11-22'").await;
    assert_eq!(fault(&world).await, told(first.day, InHead::Changed));
    behind_the_api(&world, "DELETE FROM audit_head WHERE day = '2026-11-22'").await;
    assert_eq!(fault(&world).await, told(second.day, InHead::BrokenLink));
    behind_the_api(&world, "DELETE FROM audit_head").await;
    assert_eq!(fault(&world).await, None, "without a copy nobody can know");
    assert_eq!(verified(&world, &copies[1..]).await.fault, told(second.day, InHead::Missing));
    let forged = Copied { signature: head::hex(&[1; 64]), ..copies[0].clone() };
    assert_eq!(verified(&world, &[forged]).await.fault, told(first.day, InHead::CopyNotSigned));

    // A head that was made anew, by somebody who has no key.
    use sea_orm::IntoActiveModel;
    let mut forged = audit_head::Model { chains: api::db::entities::ChainEnds(Vec::new()), ..first.clone() };
    forged.hash = head::hash(&forged);
    audit_head::Entity::insert(forged.into_active_model())
        .exec_without_returning(world.app.db.write())
        .await
        .unwrap();
    assert_eq!(fault(&world).await, told(first.day, InHead::NotSigned));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_past_their_retention_go_and_the_chain_still_holds() {
    let world = World::empty().await;
    let batches = a_chain(&world).await;
    day_closed(&world).await;
    assert_eq!(verified(&world, &[]).await.removed, 0);
    world.advance(TimeDelta::days(3 * 366));
    let second = world.replica().await;
    sealed_by(&world, &second.app).await;
    sealed_by(&world, &world.app).await;
    let head = day_closed(&world).await;
    assert!(batches[2].sealed_at < head.kept_from);
    let found = verified(&world, &[]).await;
    assert_eq!((found.fault, found.removed, found.batches), (None, 3, 5));
    assert!(found.events_from.unwrap() > head.kept_from);
    let left = audit_event::Entity::find().filter(audit_event::COLUMN.batch_id.eq(batches[0].id));
    assert_eq!(left.count(world.app.db.read()).await.unwrap(), 0);
    worker::schedule(&world.app).await.unwrap();
    world.carry_out_jobs().await;
    assert_eq!(fault(&world).await, None);

    let fourth = "SET removed_at = '2029-11-22T05:00:00+00:00' WHERE seq = 4";
    behind_the_api(&world, &format!("UPDATE audit_batch {fourth}")).await;
    assert_eq!(fault(&world).await, in_batch(&world, 4, InBatch::RemovedTooEarly));
}

/// Somebody signs out, and a process seals that.
async fn sealed_by(world: &World, app: &api::app::App) {
    let user = world.family_user().await;
    user.client.post("/api/v1/sign-out", json!({})).await;
    world.advance(TimeDelta::seconds(3));
    assert!(seal::seal(app).await.unwrap() > 0);
}

/// The clock of one process jumps: it is the only one that says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_years_ahead_deletes_nothing_and_closes_no_day() {
    let world = World::empty().await;
    a_chain(&world).await;
    let head = day_closed(&world).await;
    worker::schedule(&world.app).await.unwrap();
    let waiting = "SELECT COUNT(*) FROM job WHERE kind IN ('sweep', 'retain')";
    let before = world.number(waiting).await;
    assert!(before > 0);

    world.advance(TimeDelta::days(10 * 366));
    sealed_by(&world, &world.app).await;
    let sessions = world.number("SELECT COUNT(*) FROM session").await;
    worker::schedule(&world.app).await.unwrap();
    world.carry_out_jobs().await;
    assert_eq!(latest(world.app.db.read()).await.unwrap().unwrap(), head, "no day is closed");
    let found = verified(&world, &[]).await;
    assert_eq!((found.fault, found.removed, found.batches), (None, 0, 4));
    assert_eq!(world.number(waiting).await, before, "they are left to who knows the time");
    assert_eq!(world.number("SELECT COUNT(*) FROM session").await, sessions);

    // A day ten years ahead that somebody asked for is not closed where it is not over.
    world.advance(TimeDelta::days(-10 * 366));
    head::make(&world.app, "2036-11-22".parse().unwrap()).await.unwrap();
    assert_eq!(latest(world.app.db.read()).await.unwrap().unwrap(), head);

    // Others say so, too: then it is the time.
    world.advance(TimeDelta::days(10 * 366));
    sealed_by(&world, &world.replica().await.app).await;
    let later = day_closed(&world).await;
    assert!(later.day > head.day && later.kept_from > head.made_at);
    let found = verified(&world, &[]).await;
    assert_eq!((found.fault, found.removed), (None, 3));
    assert!(world.number(waiting).await < before + 2);
}
