//! What a family shows, held against what is recorded.

use domain::handbook::claim::{CLAIM_PAUSE, CLAIM_TRIES, OnRecord};
use domain::id::{HandbookId, StaffId};
use domain::member::MemberRelation;
use domain::person::{IdNumber, Phone};
use miniprogram_adapter::Class;
use sea_orm::{ConnectionTrait, DbErr};

use super::store;
use crate::app::App;
use crate::cache::{Counted, WINDOW};
use crate::children::store::with_people;
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::keys::Keys;
use crate::people;
use crate::problem::Code;
use crate::session::User;
use crate::tries::{Limit, Try, account_of};

/// Whoever sits at a desk must not be able to try ID numbers there either.
const AT_DESK: Limit = Limit { purpose: "id_number_at_desk", most: CLAIM_TRIES, pause: CLAIM_PAUSE };

/// Phone codes that a WeChat account may show in a minute. Each is a call to WeChat, which counts them, and one that WeChat
/// refuses is no try of anything here.
const PHONE_CODES_A_MINUTE: u64 = 10;

/// Counts a try of a staff member to show an ID number for a handbook, whatever it is shown for. End it with
/// `Code::IdentityNotShown`.
pub async fn try_at_desk(app: &App, handbook: HandbookId, staff: StaffId) -> Result<Try, ApiError> {
    let attempt = Try::count(app, AT_DESK, &format!("{handbook}/{staff}")).await?;
    attempt.allowed()?;
    Ok(attempt)
}

/// Refuses an ID number that does not stand for a member of this relation: for the woman her own, for others hers or a
/// child's.
pub async fn must_be_shown(
    db: &impl ConnectionTrait,
    keys: &Keys,
    handbook: &handbook::Model,
    shown: Option<&IdNumber>,
    relation: MemberRelation,
) -> Result<(), ApiError> {
    let record = on_record(db, keys, handbook).await?;
    let shown = shown.map(IdNumber::as_str);
    let is_adult = shown.is_some() && record.id_number.as_deref() == shown;
    let is_child = record.children.iter().any(|number| Some(number.as_str()) == shown);
    if is_adult || is_child && relation != MemberRelation::Woman {
        Ok(())
    } else {
        Err(ApiError::told(Code::IdentityNotShown))
    }
}

/// What is recorded of the people of a handbook.
pub async fn on_record(
    db: &impl ConnectionTrait,
    keys: &Keys,
    handbook: &handbook::Model,
) -> Result<OnRecord, ApiError> {
    let mut record = OnRecord::default();
    if let Some(woman) = handbook.woman_id
        && let Some(row) = people::store::by_id(db, woman).await?
    {
        let identity = people::store::identity(keys, &row)?;
        (record.id_number, record.phone, record.sex) = (identity.id_number, identity.phone, row.sex);
        record.contact = store::contact(db, keys, handbook.id).await?.unwrap_or_else(|| record.phone.clone());
    }
    for (_, row) in with_people(db, [handbook.id]).await? {
        record.children.extend(people::store::identity(keys, &row)?.id_number);
    }
    Ok(record)
}

/// Whether a user may be proved to be the woman of a handbook. One account is one person: who proved to be another woman
/// before is not proved to be this one too.
pub async fn may_be_woman(
    db: &impl ConnectionTrait,
    user: User,
    handbook: &handbook::Model,
) -> Result<bool, DbErr> {
    let person = store::person_of_user(db, user.id).await?;
    Ok(handbook.woman_id.is_some() && (person.is_none() || person == handbook.woman_id))
}

/// The phone number behind the code of WeChat's phone button. No transaction may be open: WeChat may take its time.
pub async fn verified_phone(app: &App, user: User, code: &str) -> Result<String, ApiError> {
    refuse_flood(app, user).await?;
    match app.wechat.phone_number(code).await {
        Ok(phone) => {
            let number = Phone::parse(phone.number.expose()).map_err(|_| code_refused())?;
            Ok(number.as_str().to_owned())
        }
        Err(err) if err.class() == Class::Client => Err(code_refused()),
        Err(err) => {
            tracing::warn!(class = ?err.class(), cause = %err, "WeChat gave no phone number");
            Err(ApiError::told(Code::WechatDown))
        }
    }
}

async fn refuse_flood(app: &App, user: User) -> Result<(), ApiError> {
    let account = account_of(app, user.id).await?;
    if app.cache.is_too_much(Counted::PhoneCodes(&account), PHONE_CODES_A_MINUTE).await {
        return Err(ApiError::Wait(Code::TooManyRequests, WINDOW));
    }
    Ok(())
}

fn code_refused() -> ApiError {
    ApiError::field(
        "/phone_code",
        "refused",
        "手机号授权码已使用或已过期，请重新点击获取手机号。",
        "The phone code was used or has expired; touch the phone number button again.",
    )
}
