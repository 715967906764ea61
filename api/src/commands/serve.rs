//! `muzi serve` and `muzi worker`.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use clap::{Args, ValueEnum};
use domain::credential::DEMO_PREFIX;

use super::{make_folder, resolve};
use crate::app::{App, Clock};
use crate::config::{Config, Misconfigured, Settings};
use crate::db::Db;
use crate::demo::Pace;
use crate::demo::sign_ins::{self, SignIn};
use crate::keyring::in_use::{self, Given};
use crate::keys::Secrets;
use crate::start::Wechat;
use crate::{demo, server, start, telemetry, worker};

/// How long a database is looked for whose settings are refused anyway.
const REACHED_WITHIN: Duration = Duration::from_secs(5);

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
        let config = resolve(&self.settings, self.demo).await?;
        telemetry::start_logging(&config.log, !self.demo);
        make_folder(&config.data)?;
        let listener = listen("--listen / MUZI_LISTEN", config.listen)?;
        let base = format!("http://{}", listener.local_addr()?);
        let metrics = |at| listen("--metrics-listen / MUZI_METRICS_LISTEN", at);
        let metrics = config.metrics_listen.map(metrics).transpose()?;
        let stand_in = if self.demo { Some(start::demo_stand_in()?) } else { None };
        let wechat = stand_in.as_ref().map_or_else(|| Wechat::real(&config.wechat), Wechat::stand_in);
        let app = start::serving(config, Clock::system(), wechat).await?;
        if self.demo {
            start::migrate(&app.db).await?;
            start::take_up_keys(&app, true).await?;
            make_demo(&app).await?;
        } else {
            refuse_unfit(&app, true).await?;
        }
        if let Some(stand_in) = &stand_in {
            self.announce(&app, &base, stand_in.base_url()).await?;
        }
        tokio::spawn(in_use::keep_looking(app.clone()));
        let jobs = app.config.run_jobs.then(|| tokio::spawn(worker::run(app.clone())));
        let mut handles = Vec::new();
        let running = server::serve(&app, listener)?;
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

    /// Says where to go and how to sign in: the only thing on standard output.
    async fn announce(&self, app: &App, base: &str, stand_in: &str) -> anyhow::Result<()> {
        let addresses = [
            ("api", format!("{base}/api/v1")),
            ("docs", format!("{base}/docs/")),
            ("openapi", format!("{base}/openapi.json")),
            ("wechat_stand_in", stand_in.to_owned()),
        ];
        let sign_ins = sign_ins::of(app).await?;
        match self.print {
            Print::Json => {
                let addresses: BTreeMap<_, _> = addresses.into_iter().collect();
                println!("{}", serde_json::json!({ "addresses": addresses, "sign_ins": sign_ins }));
            }
            Print::Text => print_table(&addresses, &sign_ins),
        }
        Ok(())
    }
}

/// A port that is taken is told with the setting that names it.
fn listen(setting: &str, at: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(at).map_err(|err| anyhow::anyhow!("{setting}: {at} cannot be listened on: {err}"))
}

/// Chinese stands last in a line: its letters are wider than the columns of a terminal.
fn print_table(addresses: &[(&str, String)], sign_ins: &[SignIn]) {
    println!("Muzi 母子: a made-up county, no real person in it\n");
    for (name, address) in addresses {
        println!("  {name:<16} {address}");
    }
    println!("\n  {:<30} {:<18} role, place", "user name", "password");
    for SignIn { role, role_zh, user_name, password, wx_login_code, place } in sign_ins {
        let secret = password.map(str::to_owned).or(wx_login_code.clone()).unwrap_or_default();
        println!("  {user_name:<30} {secret:<18} {role} {role_zh} {place}");
    }
    println!("\n  A family signs in with its wx.login code, which stands under password.\n");
}

/// Fills an empty demo; one that is there is kept.
async fn make_demo(app: &App) -> anyhow::Result<()> {
    if sign_ins::are_in(&app.db).await? {
        return Ok(());
    }
    let (families, seed, today, pace) = (demo::FAMILIES, demo::SEED, app.today(), Pace::Usual);
    let plan = demo::Plan { families, seed, today, pace };
    demo::seed(app, plan, &mut |_| {}).await
}

/// `muzi worker`: jobs without HTTP.
pub(super) async fn work(settings: Settings) -> anyhow::Result<()> {
    let config = resolve(&settings, false).await?;
    telemetry::start_logging(&config.log, true);
    let wechat = Wechat::real(&config.wechat);
    let app = start::app(config, Clock::system(), wechat).await?;
    refuse_unfit(&app, true).await?;
    tokio::spawn(in_use::keep_looking(app.clone()));
    tokio::spawn(stop_on_signal(app.clone(), Vec::new()));
    worker::run(app.clone()).await;
    app.db.close().await?;
    Ok(())
}

/// Refuses a database that production must not run on: an older schema, the demo's public passwords, values sealed with
/// a key that is not given. One that is fit learns the keys of this process, which `serves` or only works beside those
/// that do.
pub(super) async fn refuse_unfit(app: &App, serves: bool) -> anyhow::Result<()> {
    let wrong = what_is_wrong_with(&app.db, &app.config.secrets).await?;
    if !wrong.is_empty() {
        return Err(Misconfigured(wrong).into());
    }
    start::take_up_keys(app, serves).await
}

async fn what_is_wrong_with(db: &Db, secrets: &Secrets) -> anyhow::Result<Vec<String>> {
    let pending = start::pending_migrations(db).await?;
    if pending > 0 {
        return Ok(vec![start::pending(pending)]);
    }
    let mut wrong = in_use::refusals(&in_use::read(db.read()).await?, &Given::of(secrets));
    if sign_ins::are_in(db).await? {
        wrong.push(format!(
            "the database holds sign-ins of the demo ({DEMO_PREFIX}*), whose password everybody knows"
        ));
    }
    Ok(wrong)
}

/// The same of the database that settings name, as far as it can be reached; settings that are refused make none.
pub(super) async fn what_is_wrong_with_the_database_of(config: &Config) -> Vec<String> {
    let is_to_be_made = config.database_url.starts_with("sqlite:") && !config.data.join("muzi.db").exists();
    if is_to_be_made {
        return Vec::new();
    }
    let looking = async {
        let db = Db::connect(&config.database_url, 1, REACHED_WITHIN).await?;
        let wrong = what_is_wrong_with(&db, &config.secrets).await;
        db.close().await?;
        wrong
    };
    tokio::time::timeout(REACHED_WITHIN, looking).await.ok().and_then(Result::ok).unwrap_or_default()
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
