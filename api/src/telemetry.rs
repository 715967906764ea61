//! Logs, metrics and request ids. Nothing personal is logged: the path is the route's pattern, never the address.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use sea_orm::metric::Info;
use tracing::Instrument;
use uuid::Uuid;

use crate::app::App;

/// The id of one request, in its answer and in each of its log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestId(pub Uuid);

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The operation of the API that a request asks for, by its name in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation(pub &'static str);

/// Name of the header that carries the request id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What `/metrics` counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    /// Jobs carried out, by kind and result.
    pub jobs: IntCounterVec,
}

impl Metrics {
    /// Counters of a process of its own registry, so that tests do not share them.
    pub fn new() -> anyhow::Result<Self> {
        let registry = Registry::new();
        let labels = ["method", "route", "status"];
        let requests = IntCounterVec::new(Opts::new("muzi_requests_total", "Requests answered."), &labels)?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "muzi_request_seconds",
                "Time from the first byte in to the head of the answer.",
            ),
            &["method", "route"],
        )?;
        let jobs =
            IntCounterVec::new(Opts::new("muzi_jobs_total", "Jobs carried out."), &["kind", "result"])?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(jobs.clone()))?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self { registry, requests, seconds, jobs })
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> anyhow::Result<String> {
        Ok(prometheus::TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }
}

/// Starts logging: JSON lines in production, plain lines in the demo; `MUZI_LOG` sets the filter.
pub fn start_logging(filter: &str, as_json: bool) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first.
    let _started_before = if as_json { builder.json().try_init() } else { builder.compact().try_init() };
}

/// A statement that takes longer is told in the log.
const SLOW: Duration = Duration::from_secs(1);

/// Tells the log of a statement that took long: its text, whose values stay out of it.
pub fn tell_of_slow_statement(info: &Info<'_>) {
    if info.elapsed >= SLOW {
        let milliseconds = info.elapsed.as_millis();
        tracing::warn!(sql = info.statement.sql, milliseconds, failed = info.failed, "a slow statement");
    }
}

/// The methods of HTTP by name. Any word may stand in a request, and each would be counted and kept for itself.
fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// Middleware: gives each request an id and a span, and counts it by route pattern.
pub async fn observe<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = Instant::now();
    let id = RequestId(Uuid::now_v7());
    request.extensions_mut().insert(id);
    let app = request.app_data::<Data<App>>().cloned();
    let method = known_method(request.method());
    let span = tracing::info_span!("request", id = %id, method);
    let mut response = next.call(request).instrument(span.clone()).await?;
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    let status = response.status().as_u16();
    let seconds = started.elapsed().as_secs_f64();
    if let Some(app) = app {
        app.metrics.requests.with_label_values(&[method, &route, &status.to_string()]).inc();
        app.metrics.seconds.with_label_values(&[method, &route]).observe(seconds);
    }
    span.in_scope(|| tracing::info!(route, status, milliseconds = seconds * 1000.0, "answered"));
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}
