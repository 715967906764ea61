//! The database that is measured on: a made-up county whose families write nearly every day, and counters of a whole
//! province beside it.

use std::path::PathBuf;

use actix_web::web::Data;
use miniprogram_adapter::stand_in::{self, StandIn};
use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::SchemaManager;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Plan;
use crate::app::{App, Clock};
use crate::config::{Config, Environment, Settings};
use crate::db::{Db, statement};
use crate::demo::{self, Pace, sign_ins};
use crate::start::{self, Wechat};

/// Records of an average family that writes nearly every day, with those that do not write.
const RECORDS_EACH: u64 = 85;

/// Which database and which cache are measured.
#[derive(Debug, Clone)]
pub struct Where {
    /// Folder of the embedded database, and of photos.
    pub data: PathBuf,
    /// Another database.
    pub database_url: Option<Zeroizing<String>>,
    /// A Redis, else the cache is in process.
    pub redis_url: Option<Zeroizing<String>>,
}

impl Where {
    /// The settings of a server there: those of the demo, whose keys are public, on this database and cache.
    pub fn config(&self, wechat_url: &str) -> anyhow::Result<Config> {
        let settings = Settings { data: Some(self.data.clone()), ..Settings::default() };
        let mut config = settings.resolve(true, &Environment::from_pairs([]))?;
        if let Some(url) = &self.database_url {
            config.database_url = url.clone();
        }
        config.redis_url = self.redis_url.clone();
        config.wechat.url = Some(wechat_url.to_owned());
        config.wechat.app_id = stand_in::APP_ID.to_owned();
        config.wechat.secret = Zeroizing::new(stand_in::APP_SECRET.to_owned());
        // Everybody signs in from one address here.
        config.wechat.sign_ins_a_minute = u32::MAX;
        Ok(config)
    }
}

/// The database with what is in it, and what stands in for WeChat.
pub(super) struct Ground {
    pub(super) place: Where,
    pub(super) app: Data<App>,
    pub(super) records: i64,
    pub(super) handbooks: i64,
    pub(super) wechat: StandIn,
}

impl Ground {
    /// Fills the database, unless made-up families are in it already.
    pub(super) async fn prepare(plan: &Plan, say: &impl Fn(&str)) -> anyhow::Result<Self> {
        let place = plan.place.clone();
        std::fs::create_dir_all(&place.data)?;
        let wechat = start::demo_stand_in()?;
        let config = place.config(wechat.base_url())?;
        let app = start::app(config, Clock::system(), Wechat::stand_in(&wechat)).await?;
        refuse_what_is_in_use(&app).await?;
        // What is done to ten million records takes longer than a request may.
        let patient = Db::patient(&app.config.database_url).await?;
        start::migrate(&patient).await?;
        if !sign_ins::are_in(&app.db).await? {
            fill(&app, &patient, plan.records, say).await?;
        }
        if plan.handbooks > 0 {
            super::province::fill(&app, &patient, plan.handbooks, say).await?;
        }
        // Tells the planner what there is, as the databases do by themselves in time.
        patient.write().execute_unprepared("ANALYZE").await?;
        let records = number(patient.read(), "SELECT COUNT(*) FROM record").await?;
        let counted = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM usage_counter WHERE used_in = 0";
        let handbooks = number(patient.read(), counted).await?;
        patient.close().await?;
        Ok(Self { place, app, records, handbooks, wechat })
    }
}

/// Refuses a database that somebody works with, before anything in it is changed.
async fn refuse_what_is_in_use(app: &App) -> anyhow::Result<()> {
    if !SchemaManager::new(app.db.write()).has_table("handbook").await? || sign_ins::are_in(&app.db).await? {
        return Ok(());
    }
    for table in ["region", "staff", "handbook"] {
        let any = format!("SELECT COUNT(*) FROM (SELECT 1 AS it FROM {table} LIMIT 1) AS one");
        anyhow::ensure!(
            number(app.db.read(), &any).await? == 0,
            "this database is somebody's: there is a {table} in it that is not made up; measure on an empty one"
        );
    }
    Ok(())
}

async fn fill(app: &App, patient: &Db, records: u64, say: &impl Fn(&str)) -> anyhow::Result<()> {
    let families = u32::try_from((records / RECORDS_EACH).max(400))?.min(demo::MOST_FAMILIES);
    let plan = demo::Plan { families, seed: demo::SEED, today: app.today(), pace: Pace::Daily };
    let began = std::time::Instant::now();
    let mut told = 0;
    demo::seed(app, plan, &mut |done| {
        if (done - told) * 10 >= families {
            told = done;
            say(&format!("{done} of {families} families"));
        }
    })
    .await?;
    let (records, seconds) =
        (number(patient.read(), "SELECT COUNT(*) FROM record").await?, began.elapsed().as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "a rate to be read")]
    let rate = records as f64 / seconds;
    say(&format!("{records} records of {families} families in {seconds:.1} s: {rate:.0} records/s"));
    Ok(())
}

/// Takes away the records whose ids were made from an instant to another.
pub(super) async fn forget_records(app: &App, from: Uuid, until: Uuid) -> anyhow::Result<()> {
    let (db, backend) = (app.db.write(), app.db.backend());
    let written = "DELETE FROM record WHERE id >= ? AND id < ?";
    db.execute_raw(statement(backend, written, [from.into(), until.into()])).await?;
    if backend == DbBackend::Postgres {
        db.execute_unprepared("VACUUM record").await?;
    }
    Ok(())
}

/// One number.
pub(super) async fn number(db: &impl ConnectionTrait, sql: &str) -> anyhow::Result<i64> {
    let row = db.query_one_raw(statement(db.get_database_backend(), sql, [])).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
}
