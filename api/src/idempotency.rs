//! `Idempotency-Key` and `If-Match`: a request sent twice acts once, and nobody overwrites what they have not seen.

use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, dev::Payload};
use domain::audit::Kind;
use domain::id::HandbookId;
use futures_util::future::{Ready, ready};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, ExecResult, QueryResult, Statement,
};
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use uuid::Uuid;

use crate::app::App;
use crate::audit::{Act, Event, Events};
use crate::db::entities::idempotency;
use crate::db::statement;
use crate::error::{ApiError, waited_too_long};
use crate::keys::{Place, sha256};
use crate::problem::Code;
use crate::session::Caller;

/// How long a first answer is kept.
pub const KEPT: chrono::TimeDelta = chrono::TimeDelta::hours(48);

/// The header whose value a request keeps when it is sent again.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The header that says which version was seen.
pub const IF_MATCH: &str = "If-Match";

/// Most characters of a key.
const LONGEST_KEY: usize = 128;

/// The request as far as it may come twice: its key, and where it goes.
#[derive(Debug, Clone)]
pub struct Once {
    key: Option<String>,
    target: String,
    request: HttpRequest,
}

/// A writing request that has not been answered before, with its transaction.
#[derive(Debug)]
pub struct Work {
    /// Everything that the request changes goes through this.
    pub txn: Txn,
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    actor: Uuid,
    key: String,
}

/// Either the first answer again, or work to do.
#[derive(Debug)]
pub enum Attempt {
    /// The same request was answered before: this is that answer.
    Answered(HttpResponse),
    /// Nobody sent this before.
    New(Work),
}

impl FromRequest for Once {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let key =
            request.headers().get(IDEMPOTENCY_KEY).map(|value| value.to_str().unwrap_or_default().to_owned());
        let visible = |key: &String| {
            (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if key.as_ref().is_some_and(|key| !visible(key)) {
            return ready(Err(ApiError::told(Code::KeyRequired)));
        }
        let target = format!("{} {}", request.method(), request.path());
        ready(Ok(Self { key, target, request: request.clone() }))
    }
}

/// Documented as needed; the document spares it where the body carries an id.
impl IntoParams for Once {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let visible = text().min_length(Some(1)).max_length(Some(LONGEST_KEY)).pattern(Some("^[!-~]+$"));
        let what = "Of the caller's choice, and the same when the request is sent again: it then acts once and gives the \
                    first answer. Not needed where the body carries the id of what it creates.";
        vec![needed_header(IDEMPOTENCY_KEY, what, visible.build())]
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let what = "The version that is changed, as its `ETag` or `version` said.";
        vec![needed_header(IF_MATCH, what, text().build())]
    }
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn needed_header(name: &str, what: &str, schema: Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(what))
        .schema(Some(schema))
        .build()
}

impl Once {
    /// Whether the request brought a key, for the few that may do without.
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Begins the work of a request, once per actor and key. `id` is the id that the body gave to what it creates: it
    /// stands in for the header, of which one or the other is needed.
    pub async fn begin(
        &self,
        app: &App,
        actor: Uuid,
        id: Option<Uuid>,
        body: &[u8],
    ) -> Result<Attempt, ApiError> {
        let (key, by_id) = self.key(id)?;
        let txn = app.db.begin().await?;
        if self.first(app, &txn, actor, &key, &self.hash(body)).await? {
            return Ok(Attempt::New(Work { txn: Txn(txn), kept: Some(Kept { actor, key }) }));
        }
        let first = idempotency::Entity::find_by_id((actor, key)).one(&txn).await?;
        let first = first.ok_or_else(|| ApiError::told(Code::InFlight))?;
        let handbook = first.handbook_id;
        let answer = self.replay(app, actor, first, by_id, body)?;
        self.answered_again(handbook).write(&txn, app.now()).await?;
        txn.commit().await?;
        Ok(Attempt::Answered(answer))
    }

    /// The answer that the same request was given before, if it was: for requests that must ask somebody else before
    /// their transaction begins, and must not ask twice. `begin` is still what makes the request act once.
    pub async fn answered(
        &self,
        app: &App,
        actor: Uuid,
        id: Option<Uuid>,
        body: &[u8],
    ) -> Result<Option<HttpResponse>, ApiError> {
        let (key, by_id) = self.key(id)?;
        let first = idempotency::Entity::find_by_id((actor, key)).one(app.db.read()).await?;
        let Some(first) = first else { return Ok(None) };
        let handbook = first.handbook_id;
        let answer = self.replay(app, actor, first, by_id, body)?;
        self.answered_again(handbook).write(app.db.write(), app.now()).await?;
        Ok(Some(answer))
    }

    /// An answer that is given again is read again.
    fn answered_again(&self, handbook: Option<HandbookId>) -> Events {
        let (act, extensions) = (Act::of(&self.request), self.request.extensions());
        let told = match extensions.get::<Caller>() {
            Some(caller) => caller.event(Kind::AnsweredAgain, Kind::AnsweredAgain.code()),
            None => Event::by_nobody(act, Kind::AnsweredAgain, Kind::AnsweredAgain.code()),
        };
        handbook.map_or(told.clone(), |handbook| told.at(handbook)).into()
    }

    /// The key that is kept, and whether it is the id of the body.
    fn key(&self, id: Option<Uuid>) -> Result<(String, bool), ApiError> {
        match (&self.key, id) {
            (Some(key), _) => Ok((format!("k:{key}"), false)),
            (None, Some(id)) => Ok((format!("i:{id}"), true)),
            (None, None) => Err(ApiError::told(Code::KeyRequired)),
        }
    }

    fn hash(&self, body: &[u8]) -> Vec<u8> {
        sha256(&[self.target.as_bytes(), b"\n", body].concat())
    }

    /// The first answer again, or a refusal when the key came with another request.
    fn replay(
        &self,
        app: &App,
        actor: Uuid,
        first: idempotency::Model,
        by_id: bool,
        body: &[u8],
    ) -> Result<HttpResponse, ApiError> {
        if first.request_hash != self.hash(body) {
            return Err(ApiError::told(if by_id { Code::IdInUse } else { Code::KeyReused }));
        }
        let body = app.keys.open_bytes(Place::of_answer(actor, &first.key), &first.answer);
        let body = body.map_err(ApiError::internal)?;
        let status = u16::try_from(first.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        let mut answer = HttpResponse::build(status.unwrap_or(StatusCode::OK));
        Ok(answer.content_type("application/json").body(body))
    }

    /// Claims the key inside the transaction. On PostgreSQL a twin in flight waits here, at the unique index, for the first to
    /// end. On SQLite it waited for the one write connection before; whoever does not get that in time is told to come
    /// again (503), as nobody knows yet what it wants to write.
    async fn first(
        &self,
        app: &App,
        txn: &DatabaseTransaction,
        actor: Uuid,
        key: &str,
        hash: &[u8],
    ) -> Result<bool, ApiError> {
        let claim = statement(
            app.db.backend(),
            "INSERT INTO idempotency (actor, key, request_hash, status, answer, created_at) VALUES (?, ?, ?, 0, ?, ?) \
             ON CONFLICT (actor, key) DO NOTHING",
            [actor.into(), key.into(), hash.to_vec().into(), Vec::<u8>::new().into(), app.now().into()],
        );
        match txn.execute_raw(claim).await {
            Ok(result) => Ok(result.rows_affected() == 1),
            // The lock was not had in time: the first is still being worked on.
            Err(err) if waited_too_long(&err) => Err(ApiError::told(Code::InFlight)),
            Err(err) => Err(err.into()),
        }
    }
}

impl Work {
    /// Work that needs no key: it may be done twice without harm (an update under `If-Match`).
    pub async fn without_key(app: &App) -> Result<Self, ApiError> {
        Ok(Self { txn: Txn(app.db.begin().await?), kept: None })
    }

    /// Writes what was done into the audit log, keeps the answer, commits, and gives it.
    pub async fn answer<T: Serialize>(
        self,
        app: &App,
        did: impl Into<Events>,
        status: StatusCode,
        value: &T,
    ) -> Result<HttpResponse, ApiError> {
        let body = serde_json::to_vec(value).map_err(ApiError::internal)?;
        let did = did.into();
        let handbook = did.handbook();
        did.write(&self.txn, app.now()).await?;
        if let Some(Kept { actor, key }) = &self.kept {
            let sealed = app.keys.seal_bytes(Place::of_answer(*actor, key), &body);
            let sealed = sealed.map_err(ApiError::internal)?;
            let keep = statement(
                app.db.backend(),
                "UPDATE idempotency SET status = ?, answer = ?, handbook_id = ? WHERE actor = ? AND key = ?",
                [
                    i32::from(status.as_u16()).into(),
                    sealed.into(),
                    handbook.into(),
                    (*actor).into(),
                    key.as_str().into(),
                ],
            );
            self.txn.execute_raw(keep).await?;
        }
        self.txn.0.commit().await?;
        Ok(HttpResponse::build(status).content_type("application/json").body(body))
    }

    /// Writes what was done into the audit log and commits, for work that is answered without a body.
    pub async fn done(self, app: &App, did: impl Into<Events>) -> Result<(), ApiError> {
        did.into().write(&self.txn, app.now()).await?;
        self.txn.0.commit().await?;
        Ok(())
    }

    /// Takes everything back.
    pub async fn give_up(self) -> Result<(), ApiError> {
        self.txn.0.rollback().await?;
        Ok(())
    }
}

/// The transaction of a writing request. Only [`Work`] commits it, and asks what was done: nothing is written that the
/// audit log does not tell of.
#[derive(Debug)]
pub struct Txn(DatabaseTransaction);

#[async_trait::async_trait]
impl ConnectionTrait for Txn {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.0.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.0.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.0.query_all_raw(statement).await
    }
}

/// The version in `If-Match`: what the caller saw.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub i32);

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.headers().get(header::IF_MATCH).and_then(|value| value.to_str().ok());
        ready(text.and_then(Self::read).ok_or_else(|| ApiError::told(Code::IfMatchRequired)))
    }
}

impl IfMatch {
    /// The version that an ETag of ours names. `*` names none: it would overwrite what nobody looked at.
    fn read(text: &str) -> Option<Self> {
        text.trim().trim_start_matches("W/").trim_matches('"').parse().ok().map(Self)
    }

    /// Refuses when the row moved on since it was read.
    pub fn check(self, current: i32) -> Result<(), ApiError> {
        if self.0 == current { Ok(()) } else { Err(ApiError::with(Code::Stale, "version", current)) }
    }
}

/// The ETag of a version.
pub fn etag(version: i32) -> (header::HeaderName, String) {
    (header::ETAG, format!("\"{version}\""))
}

/// Whether the caller holds what stands under an ETag already (`If-None-Match`).
pub fn has_seen(request: &HttpRequest, etag: &str) -> bool {
    let seen = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_it = |tag: &str| tag == "*" || tag.trim_start_matches("W/") == etag;
    seen.is_some_and(|seen| seen.split(',').map(str::trim).any(is_it))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_header_makes_it_panic_and_every_etag_of_ours_is_read(text in "\\PC{0,24}", version: i32) {
            let _read = IfMatch::read(&text);
            prop_assert_eq!(IfMatch::read(&etag(version).1).map(|seen| seen.0), Some(version));
            prop_assert!(IfMatch::read("*").is_none() && IfMatch::read("\"1\", \"2\"").is_none());
        }
    }
}
