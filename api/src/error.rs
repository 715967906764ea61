//! `ApiError`, its code and status, and the middleware that writes every problem as `application/problem+json`.

use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, ResponseError};
use domain::checkup::CheckupRefusal;
use domain::consent::ConsentRefusal;
use domain::correction::AnswerRefusal;
use domain::credential::PasswordRefusal;
use domain::entry::{EntryRefusal, MAX_AGE_YEARS};
use domain::handbook::CloseRefusal;
use domain::handbook::code::NotACode;
use domain::handbook::issuing::IssueRefusal;
use domain::member::{MEMBERS_MAX, MemberRefusal};
use domain::pregnancy::DatesRefusal;
use sea_orm::{DbErr, RuntimeErr};
use serde::Serialize;
use utoipa::ToSchema;

use crate::cause;
use crate::problem::{Code, Language, Word, fill};
use crate::telemetry::RequestId;

/// Why a request was not carried out. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A problem the caller can act on, with the words that fill its text.
    #[error("{}", .0.word())]
    Told(Code, Vec<(&'static str, Word)>),
    /// The same of one field of the body, with its text.
    #[error("{}", .0.word())]
    ToldOf(Code, Box<FieldProblem>),
    /// Fields of the body are wrong: all of them at once.
    #[error("invalid fields")]
    Invalid(Vec<FieldProblem>),
    /// Parameters of the query are wrong; the pointers are their names.
    #[error("invalid query")]
    Query(Vec<FieldProblem>),
    /// Refused for a while.
    #[error("{}", .0.word())]
    Wait(Code, Duration),
    /// The database (or another thing we stand on) does not answer.
    #[error("unavailable")]
    Unavailable(#[source] anyhow::Error),
    /// The disk is full.
    #[error("storage full")]
    StorageFull(#[source] anyhow::Error),
    /// A mistake of ours.
    #[error("internal")]
    Internal(#[source] anyhow::Error),
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// JSON pointer into the body.
    pub pointer: String,
    /// Stable English word.
    pub code: String,
    /// What is wrong and what is allowed, Chinese.
    #[serde(skip)]
    pub zh: String,
    /// The same in English.
    #[serde(skip)]
    pub en: String,
    /// Id of the rule that refuses or asks, if it is one.
    pub rule: Option<String>,
}

impl FieldProblem {
    /// A wrong field with its text in both languages.
    pub fn new(pointer: impl Into<String>, code: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.to_owned(), zh: zh.into(), en: en.into(), rule: None }
    }

    /// Names the rule that refuses or asks.
    pub fn by_rule(self, id: &str) -> Self {
        Self { rule: Some(id.to_owned()), ..self }
    }
}

impl ApiError {
    /// A problem without words to fill.
    pub fn told(code: Code) -> Self {
        Self::Told(code, Vec::new())
    }

    /// A problem with one word to fill, the same in both languages.
    pub fn with(code: Code, name: &'static str, value: impl ToString) -> Self {
        Self::with_all(code, [(name, value.to_string())])
    }

    /// A problem with words to fill, the same in both languages.
    pub fn with_all(code: Code, words: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self::Told(code, words.into_iter().map(|(name, word)| (name, Word::Same(word))).collect())
    }

    /// A problem with one word to fill that each language has its own of.
    pub fn with_each(code: Code, name: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Told(code, vec![(name, Word::Each { zh: zh.into(), en: en.into() })])
    }

    /// A word that fills its text, where it is the same in both languages.
    pub fn word(&self, name: &str) -> Option<&str> {
        let Self::Told(_, words) = self else { return None };
        words.iter().find_map(|(known, word)| match word {
            Word::Same(word) if *known == name => Some(word.as_str()),
            Word::Same(_) | Word::Each { .. } => None,
        })
    }

    /// One wrong parameter of the query.
    pub fn parameter(name: &str, code: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Query(vec![FieldProblem::new(name, code, zh, en)])
    }

    /// One wrong field.
    pub fn field(pointer: &str, code: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem::new(pointer, code, zh, en)])
    }

    /// Names the field of the body whose day is refused, where it is a day that is.
    pub fn of_day(self, pointer: &str) -> Self {
        use Code::{
            DateAfterDeath, DateBeforeBirth, DateBeforeIssue, DateBeforeVisit, DateInFuture, DateTooOld,
        };
        let code = match &self {
            Self::Told(
                code @ (DateAfterDeath | DateBeforeBirth | DateBeforeIssue | DateBeforeVisit | DateInFuture
                | DateTooOld),
                _,
            ) => *code,
            _ => return self,
        };
        let text = |language| fill(code.detail(language), &self.words(language));
        let (zh, en) = (text(Language::Chinese), text(Language::English));
        Self::ToldOf(code, Box::new(FieldProblem::new(pointer, code.word(), zh, en)))
    }

    /// The same with `prefix` before the pointer of every wrong field.
    pub fn under(self, prefix: &str) -> Self {
        match self {
            Self::Invalid(fields) => Self::Invalid(
                fields
                    .into_iter()
                    .map(|field| FieldProblem { pointer: format!("{prefix}{}", field.pointer), ..field })
                    .collect(),
            ),
            other => other,
        }
    }

    /// A mistake of ours, with its cause.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::Internal(cause.into())
    }

    /// The code of the answer.
    pub fn code(&self) -> Code {
        match self {
            Self::Told(code, _) | Self::ToldOf(code, ..) | Self::Wait(code, _) => *code,
            Self::Invalid(_) => Code::Invalid,
            Self::Query(_) => Code::BadQuery,
            Self::Unavailable(_) => Code::Unavailable,
            Self::StorageFull(_) => Code::StorageFull,
            Self::Internal(_) => Code::Internal,
        }
    }

    fn words(&self, language: Language) -> Vec<(&'static str, String)> {
        match self {
            Self::Told(_, words) => {
                words.iter().map(|(name, word)| (*name, word.of(language).to_owned())).collect()
            }
            Self::Wait(_, wait) => vec![("seconds", wait.as_secs().max(1).to_string())],
            Self::Invalid(wrong) | Self::Query(wrong) => vec![("count", wrong.len().to_string())],
            Self::ToldOf(..) | Self::Unavailable(_) | Self::StorageFull(_) | Self::Internal(_) => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Wait(_, wait) => Some(wait.as_secs().max(1)),
            Self::Unavailable(_) | Self::StorageFull(_) => Some(2),
            Self::Told(Code::InFlight | Code::WechatDown, _) => Some(1),
            Self::Told(Code::StreamsFull, _) => Some(30),
            _ => None,
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code().status()
    }

    /// Bare: the middleware writes the problem, because it knows the language and the request id.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// A database that is away, locked out or full is not a mistake of ours and is told as what it is.
impl From<DbErr> for ApiError {
    fn from(err: DbErr) -> Self {
        if is_full(&err) {
            Self::StorageFull(err.into())
        } else if is_away(&err) {
            Self::Unavailable(err.into())
        } else {
            Self::Internal(err.into())
        }
    }
}

fn is_away(err: &DbErr) -> bool {
    let lost = match err {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(err)) | DbErr::Query(RuntimeErr::SqlxError(err)) => matches!(
            err.as_ref(),
            sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        ),
        _ => false,
    };
    lost || code_of(err).is_some_and(|code| says_away(&code))
}

fn is_full(err: &DbErr) -> bool {
    code_of(err).is_some_and(|code| says_full(&code))
}

/// Whether a statement waited for a lock longer than it may.
pub fn waited_too_long(err: &DbErr) -> bool {
    code_of(err).is_some_and(|code| matches!(code.as_str(), "55P03" | "57014"))
}

/// The SQLSTATE of PostgreSQL, which has five characters, or the extended result code of SQLite, which has fewer.
fn code_of(err: &DbErr) -> Option<String> {
    let (DbErr::Conn(RuntimeErr::SqlxError(err))
    | DbErr::Exec(RuntimeErr::SqlxError(err))
    | DbErr::Query(RuntimeErr::SqlxError(err))) = err
    else {
        return None;
    };
    match err.as_ref() {
        sqlx::Error::Database(err) => err.code().map(|code| code.into_owned()),
        _ => None,
    }
}

/// 57P0x: the server is shutting down; 08: connection; 40: serialisation or deadlock, worth another try; 55P03 and 57014: a
/// lock or statement took too long; 53300: too many connections. SQLite: another process writes (5), the disk cannot be
/// read or written (10), the file cannot be opened (14).
fn says_away(code: &str) -> bool {
    ["57P0", "08", "40"].iter().any(|class| code.len() == 5 && code.starts_with(class))
        || matches!(code, "55P03" | "57014" | "53300")
        || sqlite(code).is_some_and(|code| matches!(code & 0xff, 5 | 10 | 14))
}

/// `disk_full` of PostgreSQL. SQLite: full (13); a write that failed (778), as where a quota ends; no room for its index of
/// the log (4874).
fn says_full(code: &str) -> bool {
    code == "53100" || sqlite(code).is_some_and(|code| matches!(code, 13 | 778 | 4874))
}

fn sqlite(code: &str) -> Option<u32> {
    if code.len() < 5 { code.parse().ok() } else { None }
}

impl From<IssueRefusal> for ApiError {
    fn from(refusal: IssueRefusal) -> Self {
        match refusal {
            IssueRefusal::NoServicePoint => Self::told(Code::NoServicePoint),
            IssueRefusal::GroupNotAllowed(group) => {
                Self::with_each(Code::GroupNotAllowed, "group", group.zh(), group.en())
            }
            IssueRefusal::ChildPastThree => Self::told(Code::ChildPastThree),
            IssueRefusal::ChildPastSix => Self::told(Code::ChildPastSix),
            IssueRefusal::NotOneBirth => Self::told(Code::NotOneBirth),
            IssueRefusal::ImpossibleAge(age) => Self::field(
                "/birth_date",
                "out_of_range",
                format!("出生日期对应的年龄为{age}岁，应为10至60岁。"),
                format!("The birth date gives an age of {age} years; 10 to 60 years are possible."),
            ),
        }
    }
}

impl From<MemberRefusal> for ApiError {
    fn from(refusal: MemberRefusal) -> Self {
        match refusal {
            MemberRefusal::LastOwner => Self::told(Code::LastOwner),
            MemberRefusal::WomanTaken => Self::told(Code::WomanTaken),
            MemberRefusal::NotTheWoman => Self::told(Code::NotTheWoman),
            MemberRefusal::WomanStays => Self::told(Code::WomanStays),
            MemberRefusal::TooMany => Self::with(Code::TooManyMembers, "limit", MEMBERS_MAX),
        }
    }
}

impl From<ConsentRefusal> for ApiError {
    fn from(refusal: ConsentRefusal) -> Self {
        Self::told(match refusal {
            ConsentRefusal::NotAGuardian => Code::NotAGuardian,
            ConsentRefusal::OnlyAnOwnerGives => Code::OnlyAnOwnerGives,
            ConsentRefusal::UnderFourteen => Code::UnderFourteen,
            ConsentRefusal::ClosesTheAccount => Code::ClosesTheAccount,
        })
    }
}

impl From<AnswerRefusal> for ApiError {
    fn from(refusal: AnswerRefusal) -> Self {
        let AnswerRefusal::NotANewerVersion { asked_about, current, .. } = refusal;
        let least = asked_about.saturating_add(1);
        if least > current {
            return Self::field(
                "/version",
                "not_corrected",
                "该记录在申请之后没有新版本，请先更正记录。",
                "The record has no version newer than the request is about; correct it first.",
            );
        }
        Self::field(
            "/version",
            "out_of_range",
            format!("应为申请之后的版本：{least}至{current}。"),
            format!("Give a version after the request: {least} to {current}."),
        )
    }
}

impl From<CloseRefusal> for ApiError {
    fn from(refusal: CloseRefusal) -> Self {
        match refusal {
            CloseRefusal::NotPastSix => Self::told(Code::NotPastSix),
            CloseRefusal::OfTheFamily => Self::field(
                "/reason",
                "not_an_option",
                "注销账号只能由家庭本人办理。",
                "A family closes its account itself.",
            ),
        }
    }
}

impl From<NotACode> for ApiError {
    fn from(_: NotACode) -> Self {
        Self::told(Code::CodeRefused)
    }
}

impl From<PasswordRefusal> for ApiError {
    fn from(_: PasswordRefusal) -> Self {
        Self::told(Code::PasswordRefused)
    }
}

/// The field is named from where the dates stand; [`ApiError::under`] puts what stands before it.
impl From<DatesRefusal> for ApiError {
    fn from(refusal: DatesRefusal) -> Self {
        let (pointer, code, zh, en) = match refusal {
            DatesRefusal::Missing => (
                "/due_date",
                "required",
                "末次月经和预产期至少填写一项。".to_owned(),
                "Give the last menstrual period or the due date.".to_owned(),
            ),
            DatesRefusal::PeriodOutOfRange { earliest, latest } => (
                "/last_menstrual_period",
                "out_of_range",
                format!("末次月经应在{earliest}至{latest}之间。"),
                format!("The last menstrual period lies between {earliest} and {latest}."),
            ),
            DatesRefusal::DueDateOutOfRange { earliest, latest } => (
                "/due_date",
                "out_of_range",
                format!("预产期应在{earliest}至{latest}之间。"),
                format!("The due date lies between {earliest} and {latest}."),
            ),
            DatesRefusal::Contradiction => (
                "/due_date",
                "contradiction",
                "预产期与末次月经推算的日期相差超过28天。".to_owned(),
                "The due date differs by more than 28 days from the one that the last period gives."
                    .to_owned(),
            ),
            DatesRefusal::BeforePrevious(day) => (
                "/due_date",
                "out_of_range",
                format!("按此日期，妊娠开始于上一次妊娠结束（{day}）之前。"),
                format!("By this date the pregnancy would have begun before the last one ended on {day}."),
            ),
            DatesRefusal::OutcomeImpossible(day) => (
                "/ended_on",
                "out_of_range",
                format!("{day}的孕周不可能有这样的结局，请核对日期和预产期。"),
                format!(
                    "This outcome is not possible at the gestation of {day}; check the day and the due date."
                ),
            ),
            DatesRefusal::InTheFuture(day) => {
                ("/ended_on", "out_of_range", format!("{day}在将来。"), format!("{day} is in the future."))
            }
        };
        Self::field(pointer, code, zh, en)
    }
}

impl From<CheckupRefusal> for ApiError {
    fn from(refusal: CheckupRefusal) -> Self {
        let (code, day, limit) = match refusal {
            CheckupRefusal::InTheFuture(day) => (Code::DateInFuture, day, day),
            CheckupRefusal::BeforeBirth(day, limit) => (Code::DateBeforeBirth, day, limit),
            CheckupRefusal::AfterDeath(day, limit) => (Code::DateAfterDeath, day, limit),
            CheckupRefusal::BeforeIssue(day, limit) => (Code::DateBeforeIssue, day, limit),
            CheckupRefusal::BeforeVisit(day, limit) => (Code::DateBeforeVisit, day, limit),
        };
        Self::with_all(code, [("day", day.to_string()), ("limit", limit.to_string())])
    }
}

impl From<EntryRefusal> for ApiError {
    fn from(refusal: EntryRefusal) -> Self {
        match refusal {
            EntryRefusal::InTheFuture(day) => Self::with(Code::DateInFuture, "day", day),
            EntryRefusal::TooOld(day) => Self::with_all(
                Code::DateTooOld,
                [("day", day.to_string()), ("years", MAX_AGE_YEARS.to_string())],
            ),
            EntryRefusal::BeforeBirth(day, limit) => Self::with_all(
                Code::DateBeforeBirth,
                [("day", day.to_string()), ("limit", limit.to_string())],
            ),
            EntryRefusal::Withdrawn => Self::told(Code::RecordEnded),
        }
    }
}

/// A problem as it is sent (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Problem {
    /// URI of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short text in the caller's language.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is wrong in this case and what to do.
    pub detail: String,
    /// Stable English word for programs.
    pub code: String,
    /// Id of the request, to mention when asking for help.
    pub request_id: String,
    /// Wrong fields of the body or parameters of the query, if any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
}

/// One wrong field or parameter as it is sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemField {
    /// JSON pointer into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Name of a parameter of the query, instead of `pointer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// Stable English word.
    pub code: String,
    /// What is wrong and what is allowed, in the caller's language.
    pub message: String,
    /// Id of the rule that refuses or asks; a question (`confirm_needed`) is answered by sending it in `confirmed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

/// The problem of an error in a language.
pub fn problem_of(error: &ApiError, language: Language, request_id: RequestId) -> Problem {
    let code = error.code();
    let (wrong, of_query) = match error {
        ApiError::Invalid(wrong) => (wrong.as_slice(), false),
        ApiError::Query(wrong) => (wrong.as_slice(), true),
        ApiError::ToldOf(_, wrong) => (std::slice::from_ref(wrong.as_ref()), false),
        _ => (&[][..], false),
    };
    let errors = wrong.iter().map(|wrong| ProblemField {
        pointer: (!of_query).then(|| wrong.pointer.clone()),
        parameter: of_query.then(|| wrong.pointer.clone()),
        code: wrong.code.clone(),
        message: language.of(&wrong.zh, &wrong.en).to_owned(),
        rule: wrong.rule.clone(),
    });
    Problem {
        kind: format!("urn:muzi:problem:{}", code.word()),
        title: code.title(language).to_owned(),
        status: code.status().as_u16(),
        detail: match error {
            ApiError::ToldOf(_, wrong) => language.of(&wrong.zh, &wrong.en).to_owned(),
            _ => fill(code.detail(language), &error.words(language)),
        },
        code: code.word().to_owned(),
        request_id: request_id.to_string(),
        errors: errors.collect(),
    }
}

/// Middleware: every error response, ours or the framework's, leaves as a problem in the caller's language. A 5xx is
/// logged once, with its causes; no cause is ever sent.
pub async fn write_problems(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let header = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = Language::preferred(header);
    let request_id = request.extensions().get::<RequestId>().copied().unwrap_or_default();
    // Handlers and extractors answer errors as responses; the request must not be held while they run.
    let response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    let written = status.is_success() || status.is_redirection() || status.is_informational();
    let by_hand =
        response.response().error().is_none() && response.headers().contains_key(header::CONTENT_TYPE);
    if written || by_hand {
        return Ok(response);
    }
    let error = response.response().error().and_then(|error| error.as_error::<ApiError>());
    let fallback;
    let error = match error {
        Some(error) => error,
        None => {
            fallback = from_framework(status);
            &fallback
        }
    };
    if let ApiError::Internal(cause) | ApiError::Unavailable(cause) | ApiError::StorageFull(cause) = error {
        tracing::error!(
            status = error.status_code().as_u16(),
            cause = cause::told(cause.as_ref()),
            "request failed"
        );
    }
    let problem = problem_of(error, language, request_id);
    let mut answer = HttpResponse::build(error.status_code());
    answer.content_type("application/problem+json").insert_header((header::CACHE_CONTROL, "no-store"));
    answer.insert_header((header::CONTENT_LANGUAGE, language.of("zh-CN", "en")));
    if let Some(seconds) = error.retry_after() {
        answer.insert_header((header::RETRY_AFTER, seconds));
    }
    if error.status_code() == StatusCode::UNAUTHORIZED {
        answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    if let Some(allow) = response.headers().get(header::ALLOW) {
        answer.insert_header((header::ALLOW, allow.clone()));
    }
    let answer = answer.json(problem);
    Ok(response.into_response(answer))
}

fn from_framework(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::told(Code::NotFound),
        StatusCode::METHOD_NOT_ALLOWED => ApiError::told(Code::MethodNotAllowed),
        StatusCode::REQUEST_TIMEOUT => ApiError::told(Code::Timeout),
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::with(Code::TooLarge, "limit", "1 MB"),
        status if status.is_client_error() => ApiError::told(Code::BadRequest),
        status => ApiError::Internal(anyhow::anyhow!("the framework answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_say_whether_the_disk_is_full_or_another_try_is_worth_it() {
        for code in ["53100", "13", "778", "4874"] {
            assert!(says_full(code), "{code}");
        }
        for code in
            ["57P01", "08006", "40P01", "55P03", "57014", "53300", "5", "261", "517", "10", "266", "14"]
        {
            assert!(says_away(code) && !says_full(code), "{code}");
        }
        // A constraint, a wrong statement; SQLite's 2067 is a unique constraint.
        for code in ["23505", "42P01", "22P02", "19", "2067", "1", "8"] {
            assert!(!says_away(code) && !says_full(code), "{code}");
        }
    }
}
