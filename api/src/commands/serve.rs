//! `muzi serve` and `muzi worker`.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use clap::{Args, ValueEnum};

use super::resolve;
use crate::app::{App, Clock};
use crate::config::{Config, Misconfigured, Settings};
use crate::start::Wechat;
use crate::{server, start, telemetry, worker};

/// Arguments of `muzi serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// A small real-looking county on the embedded back ends, with development secrets and a stand-in for WeChat
    #[arg(long)]
    demo: bool,
    /// How to print the addresses and the demo sign-ins
    #[arg(long, value_enum, default_value_t = Print::Text)]
    print: Print,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Print {
    Text,
    Json,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config = resolve(&self.settings, self.demo)?;
        telemetry::start_logging(&config.log, !self.demo);
        std::fs::create_dir_all(&config.data)?;
        let listener = TcpListener::bind(config.listen).map_err(|err| {
            anyhow::anyhow!("--listen / MUZI_LISTEN: {} cannot be listened on: {err}", config.listen)
        })?;
        let metrics = config.metrics_listen.map(TcpListener::bind).transpose()?;
        let stand_in = if self.demo { Some(start::demo_stand_in()?) } else { None };
        let wechat = stand_in.as_ref().map_or_else(|| Wechat::real(&config.wechat), Wechat::stand_in);
        let app = start::app(config, Clock::system(), wechat).await?;
        if self.demo {
            start::migrate(&app.db).await?;
        } else {
            refuse_pending(&app).await?;
        }
        self.announce(&app.config, stand_in.as_ref().map(|stand_in| stand_in.base_url()))?;
        let jobs = app.config.run_jobs.then(|| tokio::spawn(worker::run(app.clone())));
        let mut handles = Vec::new();
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let running = server::serve(&app, listener, threads)?;
        handles.push(running.handle());
        if let Some(listener) = metrics {
            let running = server::serve_metrics(&app, listener)?;
            handles.push(running.handle());
            tokio::spawn(running);
        }
        tokio::spawn(stop_on_signal(app.clone(), handles));
        running.await?;
        if let Some(jobs) = jobs {
            let _ended_or_not = tokio::time::timeout(Duration::from_secs(2), jobs).await;
        }
        app.db.close().await?;
        Ok(())
    }

    fn announce(&self, config: &Config, stand_in: Option<&str>) -> anyhow::Result<()> {
        let base = format!("http://{}", config.listen);
        match self.print {
            Print::Json => println!(
                "{}",
                serde_json::json!({
                    "addresses": { "api": format!("{base}/api/v1"), "docs": format!("{base}/docs/"), "wechat_stand_in": stand_in },
                })
            ),
            Print::Text => println!("Muzi 母子  {base}/api/v1   docs {base}/docs/"),
        }
        Ok(())
    }
}

/// `muzi worker`: jobs without HTTP.
pub(super) async fn work(settings: Settings) -> anyhow::Result<()> {
    let config = resolve(&settings, false)?;
    telemetry::start_logging(&config.log, true);
    let wechat = Wechat::real(&config.wechat);
    let app = start::app(config, Clock::system(), wechat).await?;
    refuse_pending(&app).await?;
    tokio::spawn(stop_on_signal(app.clone(), Vec::new()));
    worker::run(app.clone()).await;
    app.db.close().await?;
    Ok(())
}

pub(super) async fn refuse_pending(app: &App) -> anyhow::Result<()> {
    match start::pending_migrations(&app.db).await? {
        0 => Ok(()),
        pending => {
            Err(Misconfigured(vec![format!("{pending} migrations are pending: run `muzi migrate up` first")])
                .into())
        }
    }
}

/// Ends streams first, then lets open requests finish; a second signal ends at once.
async fn stop_on_signal(app: Data<App>, servers: Vec<ServerHandle>) {
    wait_for_signal().await;
    app.stop.send_replace(true);
    let stops = futures_util::future::join_all(servers.iter().map(|server| server.stop(true)));
    tokio::select! {
        _ = stops => {}
        () = wait_for_signal() => std::process::exit(130),
    }
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
