//! Who calls: families whose timeline fills a page, the clinician who looks after them, an administrator of the province.

use chrono::{DateTime, Utc};
use domain::access::Role;
use domain::credential::DEMO_PREFIX;
use domain::id::{HandbookId, SessionId, StaffId, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use crate::app::App;
use crate::db::statement;
use crate::keys::sha256;
use crate::offices::staff::store::with_user_names;
use crate::page::MAX;
use crate::session::store::{Holder, open};

/// Families that call while one thing is measured; pgbench takes as many scripts.
pub(super) const FAMILIES: usize = 120;

/// Families that call while the memory is looked at, as far as there are so many: what is kept for each caller shows.
pub(super) const CROWD: usize = 5_000;

/// Handbooks among which they are looked for.
const LOOKED_AT: usize = 8 * CROWD;

/// A family whose timeline fills a page.
#[derive(Debug, Clone)]
pub(super) struct Family {
    pub(super) handbook: HandbookId,
    /// Name of the WeChat user whom the stand-in signs in with `demo-` and this.
    pub(super) wechat: String,
    session: SessionId,
}

/// Everybody who calls. Access tokens are signed anew for each measurement: they live 15 minutes.
#[derive(Debug, Clone)]
pub(super) struct Cast {
    app: actix_web::web::Data<App>,
    pub(super) families: Vec<Family>,
    clinician: SessionId,
    province: SessionId,
}

#[derive(Debug, FromQueryResult)]
struct Owned {
    id: HandbookId,
    user_id: UserId,
}

impl Cast {
    /// Finds so many families, or as many as there are, and opens a session for everybody.
    pub(super) async fn gather(app: &actix_web::web::Data<App>, most: usize) -> anyhow::Result<Self> {
        let clinician = staff(app, Role::Clinician).await?;
        let province = staff(app, Role::ProvinceMch).await?;
        let now = app.now();
        let mut families = Vec::new();
        for Owned { id, user_id } in owned(app, clinician, most).await? {
            if families.len() == most {
                break;
            }
            if records(app, id).await? < MAX / 2 {
                continue;
            }
            let session = session(app, Holder::User(user_id), now).await?;
            families.push(Family { handbook: id, wechat: format!("bench{}", families.len()), session });
        }
        anyhow::ensure!(!families.is_empty(), "no family has 50 records: fill an empty database");
        Ok(Self {
            app: app.clone(),
            families,
            clinician: session(app, Holder::Staff(clinician), now).await?,
            province: session(app, Holder::Staff(province), now).await?,
        })
    }

    /// The family whose turn it is.
    pub(super) fn family(&self, turn: usize) -> anyhow::Result<&Family> {
        let at = turn % self.families.len().max(1);
        self.families.get(at).ok_or_else(|| anyhow::anyhow!("there is no family"))
    }

    /// Tokens of the moment.
    pub(super) fn tokens(&self) -> anyhow::Result<Tokens> {
        let sign = |session| self.app.tokens.sign(session, self.app.now());
        Ok(Tokens {
            families: self.families.iter().map(|family| sign(family.session)).collect::<Result<_, _>>()?,
            clinician: sign(self.clinician)?,
            province: sign(self.province)?,
        })
    }
}

/// Access tokens.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    families: Vec<String>,
    pub(super) clinician: String,
    pub(super) province: String,
}

impl Tokens {
    /// The token of the family whose turn it is.
    pub(super) fn family(&self, turn: usize) -> &str {
        let at = turn % self.families.len().max(1);
        self.families.get(at).map(String::as_str).unwrap_or_default()
    }
}

async fn session(app: &App, holder: Holder, now: DateTime<Utc>) -> anyhow::Result<SessionId> {
    let refresh = sha256(&crate::keys::random::<32>());
    Ok(open(app.db.write(), holder, "bench", refresh, now).await?)
}

async fn staff(app: &App, role: Role) -> anyhow::Result<StaffId> {
    let name = format!("{DEMO_PREFIX}{}", role.code());
    let found = with_user_names(app.db.read(), [name.as_str()]).await?;
    Ok(found.first().ok_or_else(|| anyhow::anyhow!("the database has no {name}"))?.id)
}

/// Claimed handbooks that the clinician's institution manages, spread over the ids.
async fn owned(app: &App, clinician: StaffId, wanted: usize) -> anyhow::Result<Vec<Owned>> {
    let sql = "SELECT h.id, m.user_id FROM staff s JOIN handbook h ON h.managing_id = s.institution_id \
               JOIN member m ON m.handbook_id = h.id AND m.role = 'owner' AND m.ended_at IS NULL \
               WHERE s.id = ? AND h.state = 'claimed' ORDER BY h.id LIMIT ?";
    let values: [Value; 2] = [clinician.into(), i64::try_from(LOOKED_AT)?.into()];
    let rows = app.db.read().query_all_raw(statement(app.db.backend(), sql, values)).await?;
    let mut found =
        rows.iter().map(|row| Owned::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
    // Neighbours of the table are written together: take them from all over it.
    let step = (found.len() / (4 * wanted)).max(1);
    let mut at = 0;
    found.retain(|_| {
        at += 1;
        at % step == 0
    });
    Ok(found)
}

async fn records(app: &App, handbook: HandbookId) -> anyhow::Result<u64> {
    let sql = "SELECT COUNT(*) FROM (SELECT id FROM record WHERE handbook_id = ? AND state = 'live' LIMIT 100) AS found";
    let row = app.db.read().query_one_raw(statement(app.db.backend(), sql, [handbook.into()])).await?;
    let count: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    Ok(u64::try_from(count)?)
}
