//! The classes of attack of the security reference, tried step by step over HTTP. Each journey carries the number of its
//! class, and its name says what is shown. Where another journey goes further into one step, this one says so.

mod access;
mod content;
mod desk;
mod once;
mod sign_in;
mod surface;

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, Client, send};

/// What no answer may tell: how it is stored, where the program lies, where it failed.
const INNARDS: [&str; 12] = [
    "sqlite", "postgres", "sqlx", "sea_orm", "SELECT ", "INSERT ", "panicked", "src/", ".rs:", "stack",
    "RUST_", "/home/",
];

/// A problem without anything of the inside.
#[track_caller]
fn is_a_plain_refusal(answer: &Answer, tried: &str) {
    let text = answer.text();
    assert!(answer.status.is_client_error(), "{tried}: {} {text}", answer.status);
    for word in INNARDS {
        assert!(!text.contains(word), "{tried} tells of {word}: {text}");
    }
}

/// A problem without what differs from request to request.
fn problem_alone(answer: &Answer) -> Value {
    let mut problem = answer.json();
    problem["request_id"] = Value::Null;
    problem
}

/// A POST without a key of its own, with further headers.
async fn post_with(
    client: &Client,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Answer {
    let request = headers
        .iter()
        .fold(client.request(Method::POST, path), |request, (name, value)| request.header(*name, *value));
    send(request.body(body)).await
}

/// The middle time of two requests that are made in turn, so that whatever else the machine does meets both.
async fn middle_times(first: impl AsyncFn(), second: impl AsyncFn(), times: usize) -> (Duration, Duration) {
    let (mut of_first, mut of_second) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let started = Instant::now();
        first().await;
        of_first.push(started.elapsed());
        let started = Instant::now();
        second().await;
        of_second.push(started.elapsed());
    }
    of_first.sort_unstable();
    of_second.sort_unstable();
    (of_first[times / 2], of_second[times / 2])
}

/// Two times are of one class: neither is three times the other, or they differ by less than a network does.
#[track_caller]
fn take_as_long((one, other): (Duration, Duration)) {
    let (short, long) = (one.min(other), one.max(other));
    assert!(long < short * 3 || long - short < Duration::from_millis(10), "{one:?} and {other:?}");
}
