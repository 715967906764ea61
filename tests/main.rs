//! Journeys of the three people, each on a database of its own: SQLite + in-process by default, PostgreSQL + Redis when
//! `TEST_DATABASE_URL` and `TEST_REDIS_URL` are set.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says where")]
#![allow(missing_docs, unreachable_pub, reason = "a test reads as the person's day")]

#[allow(dead_code, reason = "not every world needs everybody")]
mod support;

mod access_log;
mod access_matrix;
mod alerts;
mod attacks;
mod audit;
mod backup;
mod break_glass;
mod catalogue;
mod charts;
mod checkups;
mod children;
mod claim;
mod clock_back;
mod closing;
mod connections;
mod consents;
mod conventions;
mod corrections;
mod crash;
mod demo;
mod desk;
mod entries;
mod export;
mod exports;
mod fetal_sex;
mod find;
mod imports;
mod issue;
mod keys;
mod live;
mod main_job;
mod meanwhile;
mod members;
mod offices;
mod overrides;
mod photos;
mod plans;
mod pregnancies;
mod release;
mod replace;
mod responsibility;
mod scan;
mod schedule;
mod sensitive;
mod sign_in;
mod stats_verify;
mod timeline;
mod tools;
mod upgrade;
mod usage;
mod verify;
mod woman;
