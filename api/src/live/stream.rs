//! `GET /api/v1/live?ticket=`: server-sent events that say *look*, with the number up to which there is something to see.

use std::convert::Infallible;
use std::net::IpAddr;

use actix_web::http::header::{self, ContentEncoding};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, get};
use domain::access::{Action, Verdict, may};
use domain::consent::Purpose;
use domain::id::{HandbookId, SessionId};
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use utoipa::IntoParams;

use super::{Seat, store};
use crate::access::facts;
use crate::app::App;
use crate::cache::WINDOW;
use crate::error::ApiError;
use crate::problem::Code;
use crate::query::Query;
use crate::session::{self, Public};

/// Tickets that are not there which an address may show in a minute. A browser shows one when it comes too late, and a desk
/// has many browsers.
const MISSES_A_MINUTE: u64 = 60;

/// What opens a stream.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TicketQuery {
    /// The ticket, good for one stream.
    ticket: String,
}

/// Follow a handbook live
///
/// `event: changed` with `{"handbook", "seq"}`: the first at once with the present number, then one for each change. Read
/// what changed with `changes?after=`. The stream ends when its holder may follow no more, and when the server stops:
/// then get another ticket.
#[utoipa::path(
    tag = "live", security(()),
    params(TicketQuery),
    responses(
        (status = 200, description = "Events", body = String, content_type = "text/event-stream"),
        (status = 401, description = "The ticket was used or has expired (`ticket_refused`)"),
        (status = 429, description = "Too many streams or tries; `Retry-After` says when to come again"),
        (status = 503, description = "This server is stopping or holds as many streams as it can (`streams_full`), or the database does not answer"),
    ),
)]
#[get("/api/v1/live")]
pub(crate) async fn follow(
    app: Data<App>,
    from: Public,
    query: Query<TicketQuery>,
) -> Result<HttpResponse, ApiError> {
    if *app.stopping.borrow() {
        return Err(ApiError::Unavailable(anyhow::anyhow!("the process is stopping")));
    }
    let hash = app.keys.blind("live_ticket", &query.ticket);
    // What anybody can make up must not wait for, or keep, a connection that writes.
    if !store::has_ticket(app.db.read(), &hash, app.now()).await? {
        return Err(missed(&app, from.address).await);
    }
    let (session, handbook) =
        store::take_ticket(app.db.write(), hash, app.now()).await?.ok_or_else(refused)?;
    let actor = follower(&app, session, handbook).await?.ok_or_else(refused)?;
    let seat = app.live.seat(actor, &app.config.live)?;
    let events = Following::begin(app, session, handbook, seat).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // Neither our compression nor a proxy may hold events back.
        .insert_header(ContentEncoding::Identity)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(unfold(events, Following::next)))
}

/// The answer to a ticket that is not there. These alone are counted, and in this process: asking Redis would cost more than
/// looking for the ticket.
async fn missed(app: &App, address: IpAddr) -> ApiError {
    if app.requests.is_too_much(format!("live-misses:{address}"), MISSES_A_MINUTE).await {
        return ApiError::Wait(Code::TooManyRequests, WINDOW);
    }
    refused()
}

fn refused() -> ApiError {
    ApiError::told(Code::TicketRefused)
}

/// The caller of a session, if it is live and its holder may follow the handbook now.
async fn follower(
    app: &App,
    session: SessionId,
    handbook: HandbookId,
) -> Result<Option<uuid::Uuid>, ApiError> {
    let db = app.db.one_connection();
    let Some(caller) = session::store::caller(&db, session, app.now()).await? else {
        return Ok(None);
    };
    let Some(found) = facts::of(app, &db, &caller, handbook).await? else { return Ok(None) };
    let verdict = may(&found.standing, Action::Watch);
    let agreed = found.agreed_to.is_none_or(|agreed_to| Purpose::Basic.is_in_force(Some(&agreed_to)));
    Ok((agreed && matches!(verdict, Verdict::Allowed(_))).then(|| caller.actor()))
}

/// An open stream.
struct Following {
    app: Data<App>,
    session: SessionId,
    handbook: HandbookId,
    seqs: watch::Receiver<i64>,
    /// The number that was sent last; nothing was sent yet when there is none.
    sent: Option<i64>,
    heartbeat: Interval,
    recheck: Interval,
    stopping: watch::Receiver<bool>,
    _seat: Seat,
}

/// Why a stream wakes.
enum Wake {
    Changed,
    Heartbeat,
    Recheck,
    End,
}

impl Following {
    async fn begin(
        app: Data<App>,
        session: SessionId,
        handbook: HandbookId,
        seat: Seat,
    ) -> Result<Self, ApiError> {
        let latest = store::latest(app.db.read(), [handbook]).await?;
        let seq = latest.first().map_or(0, |row| row.change_seq);
        let every = |period| {
            let mut interval = interval_at(Instant::now() + period, period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        Ok(Self {
            session,
            handbook,
            seqs: app.live.watch(handbook, seq),
            sent: None,
            heartbeat: every(app.config.live.heartbeat),
            recheck: every(app.config.live.recheck),
            stopping: app.stopping.clone(),
            _seat: seat,
            app,
        })
    }

    /// The next event; `None` ends the stream.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.sent.is_none() {
            let first = self.event();
            return Some((Ok(first), self));
        }
        loop {
            let wake = tokio::select! {
                _ = self.stopping.wait_for(|stopping| *stopping) => Wake::End,
                changed = self.seqs.changed() => if changed.is_ok() { Wake::Changed } else { Wake::End },
                _ = self.recheck.tick() => Wake::Recheck,
                _ = self.heartbeat.tick() => Wake::Heartbeat,
            };
            match wake {
                Wake::End => return None,
                Wake::Heartbeat => return Some((Ok(Bytes::from_static(b": here\n\n")), self)),
                Wake::Recheck if !self.may_go_on().await => return None,
                Wake::Recheck => {}
                // Whoever lost the access since the last check is not even told that something changed.
                Wake::Changed if self.is_news() => {
                    if !self.may_go_on().await {
                        return None;
                    }
                    let event = self.event();
                    return Some((Ok(event), self));
                }
                Wake::Changed => {}
            }
        }
    }

    fn is_news(&self) -> bool {
        self.sent.is_none_or(|sent| *self.seqs.borrow() > sent)
    }

    /// A question that cannot be answered ends the stream too: its holder comes back with a new ticket.
    async fn may_go_on(&self) -> bool {
        matches!(follower(&self.app, self.session, self.handbook).await, Ok(Some(_)))
    }

    fn event(&mut self) -> Bytes {
        let seq = *self.seqs.borrow_and_update();
        self.sent = Some(seq);
        let said = json!({ "handbook": self.handbook, "seq": seq });
        Bytes::from(format!("event: changed\nid: {seq}\ndata: {said}\n\n"))
    }
}
