//! Middleware in order, limits, and a graceful stop.

use std::net::TcpListener;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::body::BoxBody;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::{Compress, DefaultHeaders, Next, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App as Actix, HttpMessage, HttpRequest, HttpResponse, HttpServer};
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config as SwaggerConfig, SwaggerUi};

use crate::app::App;
use crate::error::{ApiError, write_problems};
use crate::idempotency::has_seen;
use crate::live;
use crate::openapi::{self, Methods, Names, Queries};
use crate::routes;
use crate::telemetry::{Operation, observe};

/// Open requests get this long to end when the process stops; streams are told before.
pub const GRACE: Duration = Duration::from_secs(8);

/// The address of live streams.
const STREAM: &str = "/api/v1/live";

/// Serves on a listener until it is stopped.
pub fn serve(app: &Data<App>, listener: TcpListener) -> anyhow::Result<Server> {
    actix_web::rt::spawn(live::follow::changes(app.clone()));
    let threads = app.config.threads;
    let app = app.clone();
    let server = HttpServer::new(move || {
        app.db.settle();
        Actix::new()
            .app_data(app.clone())
            .wrap(from_fn(name_operation))
            .wrap(from_fn(refuse_strange_parameters))
            .wrap(from_fn(answer_heads))
            // Inside, so that a problem gets the headers of every answer; outside, for what these refuse themselves.
            .wrap(from_fn(write_problems))
            .wrap(Compress::default())
            .wrap(cors(&app.config.cors_origins))
            .wrap(from_fn(write_problems))
            .wrap(
                DefaultHeaders::new()
                    .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                    .add((header::REFERRER_POLICY, "no-referrer"))
                    .add((header::X_FRAME_OPTIONS, "DENY"))
                    .add((header::CACHE_CONTROL, "no-store")),
            )
            .wrap(from_fn(observe))
            .into_utoipa_app()
            .configure(routes::configure)
            .into_app()
            .route("/openapi.json", web::get().to(serve_document))
            .service(web::redirect("/", "/docs/"))
            .service(web::redirect("/docs", "/docs/"))
            .service(SwaggerUi::new("/docs/{_:.*}").config(SwaggerConfig::from("/openapi.json")))
            .default_service(web::to(no_such_address))
    });
    let server = server
        .workers(threads)
        .disable_signals()
        .keep_alive(Duration::from_secs(75))
        .client_request_timeout(Duration::from_secs(10))
        .shutdown_timeout(GRACE.as_secs())
        .listen(listener)?;
    Ok(server.run())
}

/// Serves `/metrics` on a listener of its own.
pub fn serve_metrics(app: &Data<App>, listener: TcpListener) -> anyhow::Result<Server> {
    let app = app.clone();
    let server =
        HttpServer::new(move || Actix::new().app_data(app.clone()).route("/metrics", web::get().to(metrics)));
    Ok(server.workers(1).disable_signals().listen(listener)?.run())
}

async fn metrics(app: Data<App>) -> HttpResponse {
    match app.metrics.text() {
        Ok(text) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// The API document. Making it takes a while, so it is made when it is first asked for, beside the requests of others.
async fn serve_document(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let served = web::block(move || openapi::served(&app.catalogue)).await.map_err(ApiError::internal)?;
    let is_known = has_seen(&request, &served.etag);
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((header::ETAG, served.etag.clone()));
    answer.insert_header((header::CACHE_CONTROL, "public, no-cache"));
    Ok(if is_known {
        answer.finish()
    } else {
        answer.content_type("application/json").body(served.bytes.clone())
    })
}

/// 405 with `Allow` where the address exists with other methods, else 404; the middleware writes the problem.
async fn no_such_address(request: HttpRequest) -> HttpResponse {
    let allowed = Methods::known().at(request.path());
    if allowed.is_empty() {
        return HttpResponse::NotFound().finish();
    }
    let allowed: Vec<_> = allowed.iter().map(|method| method.as_str()).collect();
    HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, allowed.join(", "))).finish()
}

/// Middleware: `HEAD` is answered as `GET` is; the connection leaves the body out. A stream has no end to measure.
async fn answer_heads(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if request.method() == Method::HEAD && request.path() != STREAM {
        request.head_mut().method = Method::GET;
    }
    next.call(request).await
}

/// Middleware: a query parameter that the operation does not take is refused, with the names of those it takes.
async fn refuse_strange_parameters(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if request.query_string().is_empty() {
        return next.call(request).await;
    }
    let refusal = request.match_pattern().and_then(|address| {
        let given = form_urlencoded::parse(request.query_string().as_bytes());
        Queries::known().refuse(request.method().as_str(), &address, given.map(|(name, _)| name))
    });
    match refusal {
        Some(refusal) => Ok(request.error_response(refusal)),
        None => next.call(request).await,
    }
}

/// Middleware: says by what name the document knows the operation, for the audit log.
async fn name_operation(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let address = request.match_pattern();
    let name = address.and_then(|address| Names::known().of(request.method().as_str(), &address));
    if let Some(name) = name {
        request.extensions_mut().insert(Operation(name));
    }
    next.call(request).await
}

fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::ACCEPT_LANGUAGE,
        ])
        .allowed_header("idempotency-key")
        .expose_headers(["content-disposition", "etag", "retry-after", "x-request-id"])
        .max_age(3600);
    origins.iter().fold(cors, |cors, origin| {
        if origin == "*" { cors.allow_any_origin() } else { cors.allowed_origin(origin) }
    })
}
