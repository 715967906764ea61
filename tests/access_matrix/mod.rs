//! Every operation of the API document, tried by every kind of caller inside and outside their scope.
//!
//! `matrix.txt` says what each must be answered. An operation without a row, or a row without an operation, fails.

mod callers;
mod calls;

use std::collections::BTreeMap;
use std::fmt::Write;

use api::session::store::Holder;
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{Answer, World};
use callers::Caller;
pub use callers::Cast;

const MATRIX: &str = include_str!("matrix.txt");

/// `GET /api/v1/handbooks/{handbook}`, as it stands in a row.
pub type Operation = String;

/// What each caller of the matrix is answered, a letter each.
type Cells = Vec<char>;

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_every_caller_as_the_matrix_says() {
    // With one connection a request that asks for another one while it holds it waits for itself. Where there are many, such
    // requests wait for each other once in a while.
    let world = World::with(|config| config.database_connections = 1).await;
    let cast = Cast::gathered(&world).await;
    let (names, rows) = rows();
    assert_eq!(names, cast.callers.iter().map(|caller| caller.name).collect::<Vec<_>>());
    let document = world.anybody().get("/openapi.json").await.ok();
    let operations = operations(&document);
    let mut wrong = String::new();
    for (operation, is_public) in &operations {
        let mut answered = Cells::new();
        for caller in &cast.callers {
            answered.push(try_it(&world, &cast, caller, operation).await);
        }
        if rows.get(operation) != Some(&answered) {
            let (method, path) = operation.split_once(' ').unwrap();
            writeln!(wrong, "{method:<6} {path:<68} {}", grouped(&answered, &names)).unwrap();
        }
        if *is_public == (answered.last() == Some(&'1')) {
            writeln!(wrong, "{operation}: the document says otherwise whether it asks for a sign-in")
                .unwrap();
        }
    }
    assert!(wrong.is_empty(), "no row says that these are answered so:\n{wrong}");
    let gone: Vec<_> = rows.keys().filter(|operation| !operations.contains_key(*operation)).collect();
    assert!(gone.is_empty(), "rows without an operation: {gone:?}");
}

/// The names of the callers in order, and the rows.
fn rows() -> (Vec<&'static str>, BTreeMap<Operation, Cells>) {
    let mut names = Vec::new();
    let mut rows = BTreeMap::new();
    for line in MATRIX.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        if line.starts_with("column") {
            names.push(words.nth(1).unwrap());
            continue;
        }
        let operation = format!("{} {}", words.next().unwrap(), words.next().unwrap());
        let cells: Cells = words.flat_map(str::chars).collect();
        assert!(rows.insert(operation, cells).is_none(), "two rows: {line}");
    }
    (names, rows)
}

/// Every operation, and whether it asks for no sign-in.
fn operations(document: &Value) -> BTreeMap<Operation, bool> {
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let open = serde_json::json!([{}]);
            found.insert(
                format!("{} {path}", method.to_uppercase()),
                operation.get("security") == Some(&open),
            );
        }
    }
    found
}

/// Everybody calls everything that they may.
pub async fn call_all(world: &World, cast: &Cast) {
    for (operation, cells) in rows().1 {
        for (caller, _) in cast.callers.iter().zip(cells).filter(|(_, cell)| ['+', '0'].contains(cell)) {
            try_it(world, cast, caller, &operation).await;
        }
    }
}

/// The operations that the owner of a handbook is refused: method and address.
pub fn closed_to_owners() -> Vec<(String, String)> {
    let closed = rows().1.into_iter().filter(|(_, cells)| cells.first() == Some(&'3'));
    closed
        .map(|(operation, _)| {
            let (method, path) = operation.split_once(' ').unwrap();
            (method.to_owned(), path.to_owned())
        })
        .collect()
}

/// Whether the owner of a handbook passes the guard of an operation, if it is one.
pub fn is_for_owners(method: &str, path: &str) -> bool {
    rows().1.get(&format!("{method} {path}")).is_some_and(|cells| cells.first() != Some(&'3'))
}

/// Everything that staff read, each by everybody who may: the operation, the caller, the answer.
pub async fn read_by_staff(world: &World, cast: &Cast) -> Vec<(Operation, &'static str, Answer)> {
    let mut read = Vec::new();
    for (operation, cells) in rows().1 {
        let Some(path) = operation.strip_prefix("GET ").filter(|path| *path != "/api/v1/live") else {
            continue;
        };
        for (caller, cell) in cast.callers.iter().zip(&cells) {
            let is_staff = matches!(caller.holder, Some(Holder::Staff(_)));
            if is_staff && ['+', '0'].contains(cell) {
                let answer = calls::call(world, cast, caller, "GET", path).await;
                read.push((operation.clone(), caller.name, answer));
            }
        }
    }
    read
}

async fn try_it(world: &World, cast: &Cast, caller: &Caller, operation: &str) -> char {
    let (method, path) = operation.split_once(' ').unwrap();
    let answer = calls::call(world, cast, caller, method, path).await;
    verdict(&answer, operation, calls::shows(cast, caller, operation).as_deref())
}

/// The letter of an answer; `looked_for` is what a list must show to whoever may see it.
fn verdict(answer: &Answer, operation: &str, looked_for: Option<&str>) -> char {
    match answer.status {
        StatusCode::UNAUTHORIZED => '1',
        StatusCode::FORBIDDEN => '3',
        StatusCode::NOT_FOUND => '4',
        StatusCode::TOO_MANY_REQUESTS => panic!("{operation}: {}", answer.text()),
        // Whether the machine has a font is no matter of access.
        StatusCode::NOT_IMPLEMENTED if answer.text().contains("no_font") => '+',
        status if status.is_server_error() => panic!("{operation}: {}", answer.text()),
        _ => match looked_for {
            Some(text) if !answer.text().contains(text) => '0',
            _ => '+',
        },
    }
}

/// The letters as they stand in a row: callers of one kind together.
fn grouped(cells: &Cells, names: &[&str]) -> String {
    let kind = |name: &str| match name.split_once('-') {
        Some((kind, _)) => kind.to_owned(),
        None if ["system", "nobody"].contains(&name) => name.to_owned(),
        None => "family".to_owned(),
    };
    let mut text = String::new();
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 && kind(names[at]) != kind(names[at - 1]) {
            text.push(' ');
        }
        text.push(*cell);
    }
    text
}
