//! Journeys of the three people, each on a database of its own: SQLite + in-process by default, PostgreSQL + Redis when
//! `TEST_DATABASE_URL` and `TEST_REDIS_URL` are set.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says where")]
#![allow(missing_docs, unreachable_pub, reason = "a test reads as the person's day")]

mod support;

mod conventions;
mod demo;
mod schedule;
mod stats_verify;
mod usage;
