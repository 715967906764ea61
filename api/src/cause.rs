//! The causes of a failure, as they may be logged: what went wrong and where, and no value of anybody.
//!
//! A database quotes values in the detail of a message, and where a value is of the wrong form in the message itself; a
//! JSON reader quotes what it could not read. Both are told by code and place instead.

use std::error::Error;

use sea_orm::{DbErr, RuntimeErr};

/// The causes of an error, outermost first.
pub fn told(err: &(dyn Error + 'static)) -> String {
    let mut told = Vec::new();
    let mut next = Some(err);
    while let Some(err) = next {
        if let Some(known) = without_values(err) {
            // Whatever lies below is what this one was made of.
            told.push(known);
            break;
        }
        told.push(err.to_string());
        next = err.source();
    }
    told.join(": ")
}

/// An error that may quote values, told without them.
fn without_values(err: &(dyn Error + 'static)) -> Option<String> {
    if let Some(err) = err.downcast_ref::<DbErr>() {
        return Some(of_database(err));
    }
    if let Some(err) = err.downcast_ref::<sqlx::Error>() {
        return Some(of_driver(err));
    }
    err.downcast_ref::<serde_json::Error>().map(of_json)
}

fn of_database(err: &DbErr) -> String {
    match err {
        DbErr::Conn(RuntimeErr::SqlxError(err))
        | DbErr::Exec(RuntimeErr::SqlxError(err))
        | DbErr::Query(RuntimeErr::SqlxError(err)) => of_driver(err),
        DbErr::ConnectionAcquire(err) => err.to_string(),
        DbErr::TryIntoErr { from, into, .. } => format!("a {from} is no {into}"),
        // These texts are our own: the name of a table or column.
        DbErr::RecordNotFound(what) => format!("not found: {what}"),
        DbErr::AttrNotSet(what) => format!("not set: {what}"),
        DbErr::RecordNotInserted | DbErr::RecordNotUpdated | DbErr::UpdateGetPrimaryKey => err.to_string(),
        _ => "the database layer failed".to_owned(),
    }
}

fn of_driver(err: &sqlx::Error) -> String {
    match err {
        sqlx::Error::Database(err) => of_server(err.as_ref()),
        sqlx::Error::ColumnDecode { index, .. } => format!("column {index} is not of the expected form"),
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::RowNotFound
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::BeginFailed => err.to_string(),
        _ => "the database driver failed".to_owned(),
    }
}

/// Code, table and constraint; the message too, unless it is about a value.
fn of_server(err: &(dyn sqlx::error::DatabaseError + 'static)) -> String {
    let code = err.code().unwrap_or_default();
    let mut told = format!("database error {code}");
    for (what, name) in [("table", err.table()), ("constraint", err.constraint())] {
        if let Some(name) = name {
            told.push_str(&format!(", {what} {name}"));
        }
    }
    // Class 22 of SQLSTATE, "data exception", quotes the value that it refuses.
    if !(code.len() == 5 && code.starts_with("22")) {
        told.push_str(&format!(": {}", err.message()));
    }
    told
}

fn of_json(err: &serde_json::Error) -> String {
    format!("JSON is wrong ({:?}) at line {} column {}", err.classify(), err.line(), err.column())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::borrow::Cow;
    use std::fmt;

    use sea_orm::{ConnectionTrait, Database, Statement};
    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    const PHONE: &str = "13812345678";

    /// What PostgreSQL answers: its detail and its message may quote a value.
    #[derive(Debug)]
    struct Answered {
        code: &'static str,
        message: String,
    }

    impl fmt::Display for Answered {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} DETAIL: Key (phone_index)=({PHONE}) already exists.", self.message)
        }
    }

    impl Error for Answered {}

    impl DatabaseError for Answered {
        fn message(&self) -> &str {
            &self.message
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.code.into())
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn constraint(&self) -> Option<&str> {
            Some("person_phone_index_key")
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::UniqueViolation
        }
    }

    fn answered(code: &'static str, message: &str) -> anyhow::Error {
        let answered = Answered { code, message: message.to_owned() };
        let err = sqlx::Error::Database(Box::new(answered));
        anyhow::Error::from(DbErr::Exec(RuntimeErr::SqlxError(err.into()))).context("a person was not kept")
    }

    #[test]
    fn a_constraint_is_named_and_its_detail_is_not() {
        let text = told(answered("23505", "duplicate key value violates unique constraint").as_ref());
        assert_eq!(
            text,
            "a person was not kept: database error 23505, constraint person_phone_index_key: \
             duplicate key value violates unique constraint"
        );
    }

    #[test]
    fn a_message_about_a_value_is_not_told() {
        let message = format!("invalid input syntax for type uuid: \"{PHONE}\"");
        let text = told(answered("22P02", &message).as_ref());
        assert!(text.contains("22P02") && !text.contains(PHONE), "{text}");
    }

    #[test]
    fn what_json_could_not_be_read_is_not_repeated() {
        let err = serde_json::from_str::<u8>(&format!("\"{PHONE}\"")).unwrap_err();
        assert!(err.to_string().contains(PHONE), "so it must be told otherwise");
        let text = told(anyhow::Error::from(err).context("person.identity").as_ref());
        assert_eq!(text, "person.identity: JSON is wrong (Data) at line 1 column 13");
        let err = DbErr::Json(format!("invalid type: string \"{PHONE}\""));
        assert!(!told(&err).contains(PHONE));
    }

    #[tokio::test]
    async fn sqlite_names_the_column_and_no_value() {
        let db = Database::connect("sqlite::memory:").await.unwrap();
        db.execute_unprepared("CREATE TABLE person (phone TEXT UNIQUE CHECK (phone <> 'x'))").await.unwrap();
        let insert = |phone: &str| {
            let sql = "INSERT INTO person (phone) VALUES (?)";
            Statement::from_sql_and_values(db.get_database_backend(), sql, [phone.into()])
        };
        db.execute_raw(insert(PHONE)).await.unwrap();
        let text = told(&db.execute_raw(insert(PHONE)).await.unwrap_err());
        assert_eq!(text, "database error 2067: UNIQUE constraint failed: person.phone");
        let read = Statement::from_string(db.get_database_backend(), "SELECT phone FROM person");
        let row = db.query_one_raw(read).await.unwrap().unwrap();
        let text = told(&row.try_get::<i32>("", "phone").unwrap_err());
        assert!(!text.contains(PHONE), "{text}");
    }
}
