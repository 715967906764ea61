//! `GET /api/v1/catalogue`, `/catalogue/{kind}`: every kind of record, for clients that draw forms.

use std::path::Path as Folder;
use std::sync::{Arc, OnceLock};

use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use anyhow::Context;
use domain::catalogue::{Catalogue, embedded_files};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::has_seen;
use crate::problem::Code;
use crate::query::Query;
use crate::session::Public;

/// The catalogue of this build, with the files of a folder that is laid out like `domain/data`: a new kind of record is
/// one new file there.
pub fn load(folder: Option<&Folder>) -> anyhow::Result<Arc<Catalogue>> {
    match folder {
        Some(folder) => Ok(Arc::new(Catalogue::load(embedded_files().chain(files_under(folder)?))?)),
        None => of_this_build(),
    }
}

/// Read once, however many servers a process runs.
fn of_this_build() -> anyhow::Result<Arc<Catalogue>> {
    static READ: OnceLock<Arc<Catalogue>> = OnceLock::new();
    if let Some(catalogue) = READ.get() {
        return Ok(catalogue.clone());
    }
    let catalogue = Arc::new(Catalogue::load(embedded_files())?);
    Ok(READ.get_or_init(|| catalogue).clone())
}

fn files_under(folder: &Folder) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        let named = || format!("--catalogue / MUZI_CATALOGUE: {} cannot be read", inner.display());
        for entry in std::fs::read_dir(&inner).with_context(named)? {
            let path = entry.with_context(named)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                let name = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
                files.push((name, std::fs::read_to_string(&path).with_context(named)?));
            }
        }
    }
    Ok(files)
}

/// Which edition of a kind is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfEdition {
    /// The edition in which a record was written; the one in force today when left out.
    #[param(max_length = 64)]
    edition: Option<String>,
}

/// Every kind of record, without its fields
#[utoipa::path(
    tag = "catalogue", security(()),
    responses(
        (status = 200, description = "Edition of the catalogue, and its kinds", body = Object, headers(("ETag" = String))),
        (status = 304, description = "As in If-None-Match"),
    ),
)]
#[get("/api/v1/catalogue")]
pub(crate) async fn overview(app: Data<App>, _: Public, request: HttpRequest) -> HttpResponse {
    answer(&app.catalogue, &request, || app.catalogue.overview())
}

/// One kind with all that it takes to draw, check and explain its form
#[utoipa::path(
    tag = "catalogue", security(()),
    params(("kind" = String, Path), OfEdition),
    responses(
        (status = 200, description = "Fields in print order, groups, rules and warnings", body = Object, headers(("ETag" = String))),
        (status = 304, description = "As in If-None-Match"),
        (status = 404, description = "No such kind or edition"),
    ),
)]
#[get("/api/v1/catalogue/{kind}")]
pub(crate) async fn kind(
    app: Data<App>,
    _: Public,
    key: Path<String>,
    of: Query<OfEdition>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let found = match &of.edition {
        Some(edition) => app.catalogue.kind_in_edition(&key, edition),
        None => app.catalogue.kind(&key, app.today()),
    };
    let kind = found.ok_or_else(|| ApiError::told(Code::NotFound))?;
    Ok(answer(&app.catalogue, &request, || kind.presented()))
}

/// Answers with the edition of the catalogue as ETag, or that the client has it already.
fn answer(
    catalogue: &Catalogue,
    request: &HttpRequest,
    content: impl FnOnce() -> serde_json::Value,
) -> HttpResponse {
    let etag = format!("\"{}\"", catalogue.edition());
    let is_known = has_seen(request, &etag);
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((header::ETAG, etag)).insert_header((header::CACHE_CONTROL, "public, no-cache"));
    if is_known { answer.finish() } else { answer.json(content()) }
}
