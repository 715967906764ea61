//! A database per test: a file in the test's folder, or a PostgreSQL database that is dropped afterwards.

use std::path::Path;

use api::db::Db;
use sea_orm::{ConnectionTrait, Database};

pub struct TestDatabase {
    url: String,
    dropped_from: Option<(String, String)>,
}

impl TestDatabase {
    pub async fn create(folder: &Path) -> Self {
        let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
            return Self { url: Db::embedded(folder), dropped_from: None };
        };
        let name = format!("muzi_{}", uuid::Uuid::now_v7().simple());
        let admin = Database::connect(&server).await.unwrap();
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        admin.close().await.unwrap();
        let (head, tail) = split_path(&server);
        Self { url: format!("{head}/{name}{tail}"), dropped_from: Some((server, name)) }
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The URL before and after its path: `postgres://host` and `?query`.
fn split_path(url: &str) -> (&str, &str) {
    let after_scheme = url.find("://").unwrap() + 3;
    let path = url[after_scheme..].find('/').map_or(url.len(), |at| after_scheme + at);
    let query = url.find('?').unwrap_or(url.len());
    (&url[..path], &url[query..])
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some((server, name)) = self.dropped_from.take() else { return };
        // The test's runtime may be gone; a thread of its own drops the database with whatever still hangs on it.
        let dropping = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let admin = Database::connect(&server).await.unwrap();
                admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
            });
        });
        dropping.join().unwrap();
    }
}
