//! `GET /api/v1/me/export`: a copy of everything that a family user may see, as it stands at one moment, while it is read.

mod archive;
mod contents;
mod rooms;

use std::time::Duration;

use actix_web::http::header::{self, ContentEncoding};
use actix_web::rt;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, get};
use chrono::TimeDelta;
use domain::calendar::start_of_day;
use futures_util::stream::{Stream, unfold};
use tokio::sync::mpsc;

use crate::app::App;
use crate::audit::Events;
use crate::error::ApiError;
use crate::idempotency::Work;
use crate::members::store as members;
use crate::notices::{self, Kind};
use crate::problem::{Code, Language};
use crate::session::{FreshFamily, User};
use crate::tries::{Limit, Try, account_of};
use archive::Archive;
use rooms::Room;

pub use rooms::Rooms;

/// Copies of a user on one day.
const A_DAY: Limit = Limit { purpose: "export", most: 3, pause: TimeDelta::days(1) };

/// How long a copy may take: it holds a moment of the database.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// How long a piece waits for a phone that reads slowly.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long somebody waits when others take copies.
const BUSY: Duration = Duration::from_secs(60);

/// Most handbooks of one user.
const HANDBOOKS: u64 = 1000;

/// Take a copy of everything
///
/// A ZIP file with, per handbook, the cover, the members, the records of each person with their earlier versions, consents,
/// requests for correction, notices and the log of who looked, as JSON, and the photos. It holds what the caller may see:
/// sensitive results as on the timeline. At most three a day; the family is told. Needs a sign-in of the last ten minutes.
#[utoipa::path(
    tag = "account",
    responses(
        (status = 200, description = "The copy", content(("application/zip"))),
        (status = 403, description = "Staff, or not signed in just now (`fresh_sign_in_required`)"),
        (status = 429, description = "Three copies were taken today, or others take theirs now; `Retry-After` says when to come again"),
    ),
)]
#[get("/api/v1/me/export")]
pub(crate) async fn export(
    app: Data<App>,
    FreshFamily(user): FreshFamily,
    language: Language,
) -> Result<HttpResponse, ApiError> {
    let room = app.exports.enter().ok_or(ApiError::Wait(Code::TooManyRequests, BUSY))?;
    let attempt =
        Try::count(&app, A_DAY, &format!("{}/{}", account_of(&app, user.id).await?, app.today())).await?;
    attempt.allowed().map_err(|_| until_midnight(&app))?;
    tell(&app, user).await?;
    let pieces =
        made_aside(room, PATIENCE, async move |archive| contents::write(&app, user, language, archive).await);
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header(ContentEncoding::Identity)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"muzi-export.zip\""))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(pieces))
}

/// What the one who makes a copy sends to the one who passes it on.
type Piece = Option<Bytes>;

/// Makes a copy aside and gives its pieces. The room is free again as soon as nobody makes it any more, whether or not the
/// phone ever reads what was made.
fn made_aside(
    room: Room,
    patience: Duration,
    make: impl AsyncFnOnce(&mut Archive) -> anyhow::Result<()> + 'static,
) -> impl Stream<Item = std::io::Result<Bytes>> + 'static {
    // Few pieces are made ahead of what the phone has read.
    let (send, receive) = mpsc::channel::<Piece>(2);
    rt::spawn(async move {
        let mut archive = Archive::new(send, room, patience);
        let made = tokio::time::timeout(LONGEST, make(&mut archive)).await;
        let failed = match made {
            Ok(Ok(())) => return,
            Ok(Err(err)) => err,
            Err(_) => anyhow::anyhow!("a copy took longer than {} seconds", LONGEST.as_secs()),
        };
        tracing::warn!(cause = crate::cause::told(failed.as_ref()), "a copy was not finished");
    });
    unfold(Some(receive), |receive| async move {
        let mut receive = receive?;
        match receive.recv().await {
            Some(Some(piece)) => Some((Ok(piece), Some(receive))),
            // The last word of a copy that is whole.
            Some(None) => None,
            // The phone must not take half of it for the whole: the connection is cut.
            None => Some((Err(std::io::Error::other("the copy was not finished")), None)),
        }
    })
}

fn until_midnight(app: &App) -> ApiError {
    let midnight = app.today().succ_opt().map_or(app.now(), start_of_day);
    ApiError::Wait(Code::TooManyRequests, (midnight - app.now()).to_std().unwrap_or(Duration::ZERO))
}

/// The families hear of it, so that a copy that somebody else took with a stolen phone is seen.
async fn tell(app: &App, user: User) -> Result<(), ApiError> {
    let work = Work::without_key(app).await?;
    let mut told: Vec<_> = members::of_user(&work.txn, user.id, None, HANDBOOKS).await?;
    told.sort_by_key(|member| member.handbook_id);
    let copied = || user.wrote("export");
    let mut did = Events::from(copied());
    for member in &told {
        notices::store::tell(&work.txn, member.handbook_id, Kind::Exported, None, None, app.now()).await?;
        did = did.and(copied().at(member.handbook_id));
    }
    work.done(app, did).await?;
    for member in &told {
        app.live.changed(member.handbook_id).await;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;

    use futures_util::StreamExt;

    use super::*;
    use crate::config::ExportConfig;

    const SHORT: Duration = Duration::from_millis(300);

    /// More than waits in the channel.
    async fn large(archive: &mut Archive) -> anyhow::Result<()> {
        for number in 0..10 {
            archive.file(&format!("photos/{number}.jpg"), &[7; 100_000]).await?;
        }
        archive.finish().await
    }

    #[test]
    fn who_stops_reading_gives_the_room_back_and_never_sees_a_whole_copy() {
        rt::System::new().block_on(async {
            let rooms = Arc::new(Rooms::new(2, ExportConfig::default()));
            let copy = || made_aside(rooms.enter().unwrap(), SHORT, large);
            let (first, second) = (copy(), copy());
            tokio::time::sleep(SHORT / 10).await;
            assert!(rooms.enter().is_none(), "both are waited for");
            tokio::time::sleep(SHORT * 2).await;

            let mut third = pin!(copy());
            let mut length = 0;
            while let Some(piece) = third.next().await {
                length += piece.unwrap().len();
            }
            assert!(length > 1_000_000, "{length}");
            tokio::time::sleep(SHORT / 10).await;
            assert!([rooms.enter(), rooms.enter()].iter().all(Option::is_some));
            for stalled in [first, second] {
                let pieces: Vec<_> = stalled.collect().await;
                let (last, before) = pieces.split_last().unwrap();
                assert!(last.is_err() && before.iter().all(Result::is_ok), "half of it is not the whole");
            }
        });
    }

    /// Reads a piece every `pause` until the end, and says whether it saw a whole copy.
    async fn read(copy: impl Stream<Item = std::io::Result<Bytes>>, pause: Duration) -> bool {
        let mut copy = pin!(copy);
        while let Some(piece) = copy.next().await {
            if piece.is_err() {
                return false;
            }
            tokio::time::sleep(pause).await;
        }
        true
    }

    #[test]
    fn who_reads_slowly_may_while_nobody_else_asks_and_then_gives_way() {
        rt::System::new().block_on(async {
            let pause = Duration::from_millis(50);
            let rooms = Arc::new(Rooms::new(1, ExportConfig { least_rate: 100_000_000, behind: pause }));
            let copy = || made_aside(rooms.enter().unwrap(), PATIENCE, large);
            assert!(read(copy(), pause).await, "nobody else asked");
            let slow = rt::spawn(read(copy(), pause));
            tokio::time::sleep(pause).await;
            assert!(rooms.enter().is_none());
            assert!(!slow.await.unwrap(), "half of it is not the whole");
            assert!(rooms.enter().is_some(), "who comes again as told finds room");
        });
    }
}
