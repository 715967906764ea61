//! What a desk must not learn by being refused: who is known elsewhere, and who has a handbook.

use std::future::Future;

use chrono::TimeDelta;
use domain::audit::Kind as Told;
use domain::handbook::number::HandbookNumber;

use super::find::in_scope;
use super::store;
use crate::app::App;
use crate::audit::Events;
use crate::error::ApiError;
use crate::problem::Code;
use crate::session::Staff;
use crate::tries::Limit;

/// Work that was refused because of what is known of somebody, by account, whatever it was.
const REFUSED: Limit = Limit { purpose: "issue_refused", most: 20, pause: TimeDelta::hours(1) };

/// Does work that may be refused because of what is known of somebody: such refusals are counted, the audit log is told of
/// them, and the number of a handbook elsewhere is left out. The work has ended its transaction when it answers.
///
/// # Errors
///
/// What the work is refused for, or [`Code::TooManyTries`] after twenty refusals in an hour.
pub(crate) async fn watched<T>(
    app: &App,
    staff: &Staff,
    action: &'static str,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let attempt = REFUSED.begin(app, staff.id.0).await?;
    match work.await {
        Err(refused) if is_about_somebody(&refused) => Err(told(app, staff, action, refused).await?),
        outcome => {
            attempt.take_back(app.db.write()).await?;
            outcome
        }
    }
}

fn is_about_somebody(refused: &ApiError) -> bool {
    matches!(
        refused.code(),
        Code::AlreadyHasHandbook
            | Code::IdentityDiffers
            | Code::IdNumberTaken
            | Code::IdInUse
            | Code::Conflict
    )
}

/// Tells the audit log of a refusal. The number of the handbook that stands in its way is for a desk that would find it, too.
async fn told(
    app: &App,
    staff: &Staff,
    action: &'static str,
    refused: ApiError,
) -> Result<ApiError, ApiError> {
    let number = refused.word("number").and_then(|number| HandbookNumber::parse(number).ok());
    let holder = match &number {
        Some(number) => store::by_number(app.db.read(), number).await?,
        None => None,
    };
    let event = staff.event(Told::Refused, action);
    let event = holder.as_ref().map_or(event.clone(), |holder| event.at(holder.id));
    Events::from(event).write(app.db.write(), app.now()).await?;
    Ok(match holder {
        Some(holder) if !in_scope(staff, &holder) => {
            let (zh, en) = ("不在本辖区，不予显示", "not shown, it is elsewhere");
            ApiError::with_each(Code::AlreadyHasHandbook, "number", zh, en)
        }
        _ => refused,
    })
}
