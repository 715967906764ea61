//! What a family shows, held against what is recorded.

use domain::handbook::claim::OnRecord;
use domain::person::Phone;
use miniprogram_adapter::Class;
use sea_orm::ConnectionTrait;

use crate::app::App;
use crate::children::store::with_people;
use crate::db::entities::handbook;
use crate::error::ApiError;
use crate::keys::Keys;
use crate::people;
use crate::problem::Code;

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
    }
    for (_, row) in with_people(db, [handbook.id]).await? {
        record.children.extend(people::store::identity(keys, &row)?.id_number);
    }
    Ok(record)
}

/// The phone number behind the code of WeChat's phone button. No transaction may be open: WeChat may take its time.
pub async fn verified_phone(app: &App, code: &str) -> Result<String, ApiError> {
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

fn code_refused() -> ApiError {
    ApiError::field(
        "/phone_code",
        "refused",
        "手机号授权码已使用或已过期，请重新点击获取手机号。",
        "The phone code was used or has expired; touch the phone number button again.",
    )
}
