//! A small real-looking county: real places, made-up institutions, staff and families. The same seed and day make the
//! same county. Nobody here is a real person.

mod county;
mod families;
mod form;
mod growth;
mod random;
pub mod sign_ins;
mod store;
mod story;
mod write;

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use domain::catalogue::Catalogue;
use domain::handbook::number::HandbookNumber;
use sea_orm::ConnectionTrait;

pub(crate) use county::REGIONS;
pub use families::MOST_FAMILIES;

use crate::app::App;
use county::County;
use families::Family;
use random::Dice;
use write::{Rows, Writer, insert, take_serials};

/// Families of `serve --demo`.
pub const FAMILIES: u32 = 120;

/// Seed of `serve --demo`.
pub const SEED: u64 = 17;

/// Families written in one transaction; they are all that is held in memory.
const BATCH: u32 = 200;

/// What is made.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How many families, at most [`MOST_FAMILIES`].
    pub families: u32,
    /// The same seed makes the same families.
    pub seed: u64,
    /// The day that everything is dated back from.
    pub today: NaiveDate,
    /// How often families write.
    pub pace: Pace,
}

/// How often families write in their handbooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Once in a while, as most do.
    Usual,
    /// Nearly every day: a page of the timeline is full, as a benchmark needs it.
    Daily,
}

/// Makes a county in a database that holds none, and says after each batch how many families there are. The county and
/// the first batch are one transaction: a small demo is there as a whole or not at all.
pub async fn seed(app: &App, plan: Plan, progress: &mut impl FnMut(u32)) -> anyhow::Result<()> {
    anyhow::ensure!(plan.families <= MOST_FAMILIES, "at most {MOST_FAMILIES} families");
    anyhow::ensure!(
        !sign_ins::are_in(&app.db).await?,
        "this database holds a demo already; it is kept as it is"
    );
    let catalogue = Catalogue::embedded()?;
    let county = County::new()?;
    let password = app.passwords.hash(sign_ins::PASSWORD.to_owned()).await?;
    let mut txn = app.db.begin().await?;
    write_county(app, &txn, &county, &password).await?;
    let mut done = 0;
    while done < plan.families {
        let end = (done + BATCH).min(plan.families);
        write_families(app, &txn, &catalogue, &county, plan, done..end).await?;
        done = end;
        if done < plan.families {
            txn.commit().await?;
            txn = app.db.begin().await?;
        }
        progress(done);
    }
    txn.commit().await?;
    Ok(())
}

async fn write_county(
    app: &App,
    txn: &impl ConnectionTrait,
    county: &County,
    password_hash: &str,
) -> anyhow::Result<()> {
    store::insert_missing_regions(txn, county.regions.clone()).await?;
    insert(txn, county.institutions().map(county::Institution::row).collect()).await?;
    store::insert_missing_catchments(txn, county.catchments()).await?;
    insert(txn, sign_ins::staff(county, &app.keys, password_hash)?).await?;
    Ok(())
}

async fn write_families(
    app: &App,
    txn: &impl ConnectionTrait,
    catalogue: &Catalogue,
    county: &County,
    plan: Plan,
    indexes: std::ops::Range<u32>,
) -> anyhow::Result<()> {
    let mut made = Vec::new();
    for index in indexes {
        made.push(families::family(county, plan.seed, index, plan.today)?);
    }
    let numbers = numbers(txn, &made).await?;
    let mut rows = Rows::default();
    for ((family, dice), number) in made.iter().zip(&numbers) {
        let story = story::story(catalogue, county, (family, number.as_str()), plan, dice.clone())?;
        let ids = Dice::of(plan.seed.wrapping_add(1), u64::from(family.index));
        Writer { keys: &app.keys, rows: &mut rows, dice: ids }.family(family, &story, number)?;
    }
    rows.insert(txn).await?;
    Ok(())
}

/// A number for each family, from the series of the year of its issue.
async fn numbers(
    txn: &impl ConnectionTrait,
    made: &[(Family<'_>, Dice)],
) -> anyhow::Result<Vec<HandbookNumber>> {
    let code = county::COUNTY.code;
    let mut years = BTreeMap::<_, i64>::new();
    for (family, _) in made {
        *years.entry(family.issue.on.year()).or_default() += 1;
    }
    for (year, count) in &mut years {
        *count = take_serials(txn, code, *year, *count).await?;
    }
    let number = |(family, _): &(Family<'_>, Dice)| {
        let year = family.issue.on.year();
        let serial = years.get_mut(&year)?;
        *serial += 1;
        HandbookNumber::new(code, year, *serial - 1)
    };
    let numbers: Option<Vec<_>> = made.iter().map(number).collect();
    numbers.ok_or_else(|| anyhow::anyhow!("the handbook numbers of a year are used up"))
}
