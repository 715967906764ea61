//! Muzi: HTTP, authorisation, persistence, jobs and the command line.
//!
//! A request enters by [`routes`], passes one guard of [`access`], is told as a story in one file named after what the
//! user does, asks `domain` for the rule and a `store` for the rows. Imports run downwards in this list.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`server`], [`routes`], [`openapi`], [`worker`] | the edge |
//! | [`handbooks`], [`members`], [`visits`], [`records`], [`entries`], [`checkups`], [`usage`], [`sign_in`], [`offices`], [`import`], [`disclosures`] … | features, one folder per noun, one file per verb |
//! | [`access`], [`session`] | who may do what, and who is calling |
//! | [`outbox`], [`idempotency`], [`tries`], [`body`], [`form`], [`remark`], [`buried`], [`page`] | what every feature uses |
//! | [`keyring`], [`backup`] | which keys a database was written with, how it moves from one to the next, and how it is copied and brought back |
//! | [`access`], [`session`], [`audit`] | who may do what, who is calling, and who did what |
//! | [`outbox`], [`idempotency`], [`tries`], [`body`], [`form`], [`remark`], [`page`] | what every feature uses |
//! | [`app`], [`start`], [`config`], [`db`], [`cache`], [`keys`], [`error`], [`cause`], [`problem`] | the ground |

pub mod access;
pub mod access_log;
pub mod alerts;
pub mod app;
pub mod audit;
pub mod backup;
pub mod bench;
pub mod body;
pub mod buried;
pub mod cache;
pub mod catalogue;
pub mod cause;
pub mod charts;
pub mod checkups;
pub mod children;
pub mod closing;
pub mod codes;
pub mod commands;
pub mod config;
pub mod consents;
pub mod corrections;
pub mod db;
pub mod deaths;
pub mod demo;
pub mod disclosures;
pub mod entries;
pub mod error;
pub mod export;
pub mod form;
pub mod handbooks;
pub mod health;
pub mod idempotency;
pub mod import;
pub mod keyring;
pub mod keys;
pub mod live;
pub mod members;
pub mod notices;
pub mod offices;
pub mod openapi;
pub mod outbox;
pub mod overrides;
pub mod page;
pub mod people;
pub mod photos;
pub mod pregnancies;
pub mod privacy;
pub mod problem;
mod query;
pub mod records;
pub mod remark;
pub mod responsibility;
mod review;
pub mod routes;
pub mod server;
pub mod session;
mod shape;
pub mod sign_in;
pub mod start;
pub mod sweep;
pub mod telemetry;
pub mod tools;
pub mod tries;
pub mod usage;
pub mod visits;
pub mod wechat;
pub mod worker;
