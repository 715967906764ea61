//! The words and rules of the mother-and-child health handbook.
//!
//! No I/O, no async, no clock: time and tables come in as arguments.

pub mod access;
pub mod audit;
pub mod calendar;
pub mod care_plan;
pub mod catalogue;
pub mod checkup;
pub mod consent;
pub mod correction;
pub mod credential;
pub mod disclosure;
pub mod entry;
pub mod fetal_sex;
pub mod growth;
pub mod handbook;
pub mod id;
pub mod immunization;
pub mod independence;
pub mod institution;
pub mod member;
pub mod person;
pub mod place;
pub mod pregnancy;
pub mod pregnancy_dates;
pub mod privacy;
pub mod record;
pub mod responsibility;
pub mod retention;
pub mod text;
pub mod usage;
pub mod visit;
pub mod word;
