//! The access token: fetched once, shared, renewed in time, and replaced once when it is refused.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use miniprogram_adapter::{
    Class, Client, Clock, Code, Error,
    stand_in::{APP_ID, Entry, Fault},
};
use tokio::task::JoinSet;

use crate::support::{PHONE, Store, TOKEN, Trouble, World, failure};

/// Starts this many calls at once.
fn calls_at_once(world: &World, count: usize) -> JoinSet<Result<(), Error>> {
    let mut calls = JoinSet::new();
    for number in 0..count {
        let code = world.control().phone_code(&format!("mum{number}"), "13800000000");
        let client = world.client.clone();
        calls.spawn(async move { client.phone_number(&code).await.map(|_| ()) });
    }
    calls
}

/// How many calls were refused for their token.
fn refused(world: &World) -> usize {
    let is_refused = |entry: &Entry| entry.path == PHONE && matches!(entry.errcode, Some(40001 | 42001));
    world.control().journal().iter().filter(|entry| is_refused(entry)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_calls_on_a_cold_start_fetch_one_token() {
    let world = World::new();
    let outcomes = calls_at_once(&world, 200).join_all().await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!((world.calls(PHONE), world.calls(TOKEN)), (200, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_killed_in_mid_stream_costs_each_failed_call_one_retry_and_all_one_fetch() {
    let world = World::new();
    world.call().await.unwrap();
    let mut calls = calls_at_once(&world, 200);
    for _ in 0..20 {
        calls.join_next().await.unwrap().unwrap().unwrap();
    }
    world.control().kill_token();
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    world.call().await.unwrap();

    assert_eq!(world.calls(PHONE), 202 + refused(&world), "each refused call is repeated once");
    assert_eq!(world.calls(TOKEN), if refused(&world) > 0 { 2 } else { 1 });
}

#[tokio::test]
async fn each_call_that_meets_the_dead_token_is_repeated_once() {
    let world = World::new();
    world.call().await.unwrap();
    world.control().kill_token();
    assert!(calls_at_once(&world, 50).join_all().await.iter().all(Result::is_ok));
    assert!(refused(&world) > 0);
    assert_eq!((world.calls(PHONE), world.calls(TOKEN)), (51 + refused(&world), 2));
}

#[tokio::test]
async fn every_refusal_of_a_token_leads_to_another_one() {
    for errcode in [40001, 40014, 42001] {
        let world = World::new();
        world.call().await.unwrap();
        world.control().kill_token();
        world.control().fault(PHONE, 1, Fault::Errcode(errcode));
        assert!(world.call().await.is_ok(), "errcode {errcode}");
        assert_eq!((world.calls(PHONE), world.calls(TOKEN)), (3, 2), "errcode {errcode}");
    }
}

#[tokio::test]
async fn a_call_whose_second_token_is_refused_too_fails() {
    let world = World::new();
    world.call().await.unwrap();
    world.control().kill_token();
    world.control().fault(PHONE, 9, Fault::Errcode(40001));
    assert_eq!(failure(world.call().await), (Class::Token, Some(Code::TokenInvalid)));
    assert_eq!((world.calls(PHONE), world.calls(TOKEN)), (3, 2));
}

#[tokio::test]
async fn a_call_is_not_repeated_with_the_token_that_was_refused() {
    let world = World::new();
    for _ in 0..3 {
        let error = world.client.phone_number("err-40001").await.unwrap_err();
        assert!(matches!(error, Error::TokenStillRefused), "{error:?}");
        assert_eq!(error.class(), Class::Token);
    }
    assert_eq!((world.calls(PHONE), world.calls(TOKEN)), (1, 2), "a pause follows, not a storm");

    world.control().advance(5);
    assert!(world.call().await.is_ok());
}

#[tokio::test]
async fn a_renewal_that_brings_the_refused_token_back_is_not_another_token() {
    let world = World::new();
    let (stand_in_clock, ahead) = (world.control().clock(), Arc::new(AtomicI64::new(0)));
    let clock = Clock::new({
        let ahead = ahead.clone();
        move || stand_in_clock.now() + TimeDelta::seconds(ahead.load(Ordering::Relaxed))
    });
    let client = Client::new(world.wechat.client_settings(), clock, None).unwrap();
    world.call_by(&client).await.unwrap();

    // By this clock the token needs renewal; WeChat gives the same one, and refuses it meanwhile.
    ahead.store(6950, Ordering::Relaxed);
    world.control().fault(TOKEN, 1, Fault::Slow(Duration::from_millis(200)));
    world.control().fault(PHONE, 1, Fault::Errcode(40001));
    let error = world.call_by(&client).await.unwrap_err();
    assert!(matches!(error, Error::TokenStillRefused), "{error:?}");
    assert_eq!(world.calls(PHONE), 2);
}

#[tokio::test]
async fn a_token_is_renewed_in_the_background_while_the_old_one_works() {
    let world = World::new();
    world.call().await.unwrap();
    world.control().advance(6839);
    world.call().await.unwrap();
    assert_eq!(world.calls(TOKEN), 1, "it is good for 114 minutes at least");

    world.control().advance(62);
    world.call().await.unwrap();
    world.until(|control| control.calls(TOKEN) == 2).await;
    world.control().advance(300);
    world.call().await.unwrap();
    assert_eq!((refused(&world), world.calls(TOKEN)), (0, 2), "the new token serves after the old one's end");
}

#[tokio::test]
async fn calls_go_on_for_ten_minutes_while_the_token_endpoint_is_down() {
    let world = World::new();
    world.call().await.unwrap();
    world.control().fault(TOKEN, 1000, Fault::Http502);
    world.control().advance(6590);
    for _ in 0..10 {
        world.control().advance(60);
        world.call().await.unwrap();
    }
    assert!(world.calls(TOKEN) > 1, "renewal was tried");
    assert_eq!(world.calls(PHONE), 11);
}

#[tokio::test]
async fn a_token_that_has_expired_is_not_used() {
    let world = World::new();
    world.call().await.unwrap();
    world.control().advance(7200);
    world.call().await.unwrap();
    let errcodes = world.control().journal().into_iter().map(|entry| entry.errcode);
    assert!(errcodes.into_iter().all(|errcode| errcode == Some(0)));
    assert_eq!(world.calls(TOKEN), 2);
}

#[tokio::test]
async fn a_token_endpoint_that_is_busy_is_asked_three_times_and_then_left_alone() {
    let world = World::new();
    world.control().fault(TOKEN, 3, Fault::Errcode(-1));
    let outcomes = calls_at_once(&world, 50).join_all().await;
    assert!(outcomes.into_iter().all(|outcome| failure(outcome) == (Class::Transient, Some(Code::Busy))));
    assert_eq!((world.calls(TOKEN), world.calls(PHONE)), (3, 0), "all share one failure");

    assert_eq!(failure(world.call().await).0, Class::Transient);
    assert_eq!(world.calls(TOKEN), 3, "no more for five seconds");
    world.control().advance(5);
    assert!(world.call().await.is_ok());
}

#[tokio::test]
async fn a_token_endpoint_that_is_busy_for_a_moment_is_not_noticed() {
    let world = World::new();
    world.control().fault(TOKEN, 1, Fault::Errcode(-1));
    world.control().fault(TOKEN, 1, Fault::Reset);
    assert!(world.call().await.is_ok());
    assert_eq!(world.calls(TOKEN), 3);
}

#[tokio::test]
async fn what_the_token_endpoint_refuses_for_good_is_not_repeated() {
    let refusals = [
        (40001, Class::Config),
        (40125, Class::Config),
        (40164, Class::Config),
        (45009, Class::Quota),
        (45011, Class::Rate),
    ];
    for (errcode, class) in refusals {
        let world = World::new();
        world.control().fault(TOKEN, 1, Fault::Errcode(errcode));
        assert_eq!(failure(world.call().await).0, class, "errcode {errcode}");
        assert_eq!((world.calls(TOKEN), world.calls(PHONE)), (1, 0), "errcode {errcode}");
    }
}

#[tokio::test]
async fn an_address_that_is_not_listed_is_told() {
    let world = World::new();
    world.control().fault(TOKEN, 1, Fault::Errcode(40164));
    let Err(Error::Refused(refusal)) = world.call().await else { panic!("it was not refused") };
    assert_eq!(refusal.our_address, Some(IpAddr::from([203, 0, 113, 7])));
}

#[tokio::test]
async fn replicas_share_a_token() {
    let world = World::new();
    let store = Arc::new(Store::default());
    for _ in 0..3 {
        world.call_by(&world.replica(Some(store.clone()))).await.unwrap();
    }
    assert_eq!(world.calls(TOKEN), 1);
    assert!(store.tokens.lock().unwrap().contains_key(APP_ID));
}

#[tokio::test]
async fn a_replica_takes_the_token_that_another_one_has_renewed() {
    let world = World::new();
    let store = Arc::new(Store::default());
    let (one, two) = (world.replica(Some(store.clone())), world.replica(Some(store.clone())));
    world.call_by(&one).await.unwrap();
    world.call_by(&two).await.unwrap();
    world.control().kill_token();

    world.call_by(&one).await.unwrap();
    let renewed = store.tokens.lock().unwrap().clone();
    world.call_by(&two).await.unwrap();
    assert_eq!(*store.tokens.lock().unwrap(), renewed, "the good token is not forgotten");
    assert_eq!((refused(&world), world.calls(TOKEN)), (2, 2));
}

#[tokio::test]
async fn a_refused_token_does_not_come_back_from_the_store() {
    let world = World::new();
    let store = Arc::new(Store::default());
    let client = world.replica(Some(store.clone()));
    world.call_by(&client).await.unwrap();
    let dead = store.tokens.lock().unwrap().clone();
    world.control().kill_token();
    world.call_by(&client).await.unwrap();
    assert_ne!(*store.tokens.lock().unwrap(), dead);

    // A replica that missed all this saves the dead one again: who loads it is refused once, and goes on.
    *store.tokens.lock().unwrap() = dead;
    world.call_by(&world.replica(Some(store))).await.unwrap();
    assert_eq!((refused(&world), world.calls(TOKEN)), (2, 3));
}

#[tokio::test]
async fn a_refused_token_leaves_the_store_even_if_no_other_can_be_had() {
    let world = World::new();
    let store = Arc::new(Store::default());
    let client = world.replica(Some(store.clone()));
    world.call_by(&client).await.unwrap();
    world.control().kill_token();
    world.control().fault(TOKEN, 3, Fault::Http502);
    assert_eq!(failure(world.call_by(&client).await).0, Class::Transient);
    assert!(store.tokens.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_token_is_not_taken_from_a_store_that_cannot_forget() {
    let world = World::new();
    let store = Arc::new(Store::default());
    *store.trouble.lock().unwrap() = Some(Trouble::NeverForgets);
    let client = world.replica(Some(store));
    world.call_by(&client).await.unwrap();
    world.control().kill_token();
    world.call_by(&client).await.unwrap();
    assert_eq!((refused(&world), world.calls(TOKEN)), (1, 2));
}

#[tokio::test]
async fn an_aged_token_in_the_store_is_not_taken() {
    let world = World::new();
    let store = Arc::new(Store::default());
    world.call_by(&world.replica(Some(store.clone()))).await.unwrap();
    world.control().advance(7200);
    world.call_by(&world.replica(Some(store))).await.unwrap();
    assert_eq!((refused(&world), world.calls(TOKEN)), (0, 2));
}

#[tokio::test]
async fn a_store_in_trouble_never_fails_a_call() {
    for trouble in [Trouble::Fails, Trouble::Hangs] {
        let world = World::new();
        let store = Arc::new(Store::default());
        *store.trouble.lock().unwrap() = Some(trouble);
        let client = world.replica(Some(store));
        let started = Instant::now();
        world.call_by(&client).await.unwrap();
        world.call_by(&client).await.unwrap();
        assert_eq!(world.calls(TOKEN), 1, "the token is kept in the process");
        assert!(started.elapsed().as_secs() < 10, "{trouble:?} took {:?}", started.elapsed());
    }
}
