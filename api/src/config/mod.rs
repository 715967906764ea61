//! Settings: from the command line, the environment and an optional TOML file; secrets from the environment alone.

mod environment;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use domain::audit::{LogRetention, RetentionRefusal};
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::environment::development_key;
pub use self::environment::{BACKUP_KEY, Environment, development_secrets, new_key};
use crate::keys::Secrets;

/// Every setting that is no secret. Command line before environment before file.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// TOML file with any of the settings below (names with underscores); it never holds secrets
    #[arg(long, env = "MUZI_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "MUZI_LISTEN", value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,

    /// Address and port of /metrics, kept apart from the public one [default: 127.0.0.1:9100, in the demo none]
    #[arg(long, env = "MUZI_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<SocketAddr>,

    /// Address under which families and clinics reach this server; it stands in every QR code, so it is a promise for 20 years
    #[arg(long, env = "MUZI_PUBLIC_URL", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,

    /// Folder of the embedded database and photos [default: ./.muzi]
    #[arg(long, env = "MUZI_DATA", value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,

    /// Threads that answer requests, 1 to 256 [default: one for each processor]
    #[arg(long, env = "MUZI_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u16>,

    /// Connections to the database, 2 to 200 [default: 4 for each thread and 4 for all, 12 to 40]; where they make 2 or more
    /// for each thread and for all, each thread has its own
    #[arg(long, env = "MUZI_DATABASE_CONNECTIONS", value_name = "N", value_parser = clap::value_parser!(u32).range(2..=200))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_connections: Option<u32>,

    /// Seconds that a request waits for a connection to the database before it is told to come again, 1 to 60 [default: 5]
    #[arg(long, env = "MUZI_DATABASE_WAIT", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=60))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_wait: Option<u32>,

    /// Where photos are kept: s3://BUCKET with the AWS_* variables; left out, the data folder
    #[arg(long, env = "MUZI_PHOTOS", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photos: Option<String>,

    /// Folder laid out like domain/data whose files are added to the catalogue of the build or stand in for them
    #[arg(long, env = "MUZI_CATALOGUE", value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<PathBuf>,

    /// Font file with Chinese characters, for charts as PNG [default: one of the system]
    #[arg(long, env = "MUZI_FONT", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub font: Option<PathBuf>,

    /// Base address of WeChat's interfaces [default: the official one]
    #[arg(long, env = "MUZI_WECHAT_URL", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechat_url: Option<String>,

    /// App id of the mini-program
    #[arg(long, env = "MUZI_WECHAT_APP_ID", value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechat_app_id: Option<String>,

    /// File by which WeChat checks that `/s/` is ours, as NAME.txt=CONTENT; it must stay for good
    #[arg(long, env = "MUZI_WECHAT_VERIFICATION", value_name = "NAME.txt=CONTENT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechat_verification: Option<String>,

    /// Origins of browsers that may call the API, separated by commas; `*` is refused in production
    #[arg(long, env = "MUZI_CORS_ORIGINS", value_name = "ORIGIN,…", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_origins: Option<Vec<String>>,

    /// Addresses of proxies whose X-Forwarded-For is believed, separated by commas
    #[arg(long, env = "MUZI_TRUSTED_PROXIES", value_name = "IP,…", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_proxies: Option<Vec<IpAddr>>,

    /// Sign-ins of families that one address may ask for in a minute; each is a call to WeChat, which counts them [default: 60]
    #[arg(long, env = "MUZI_WECHAT_SIGN_INS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechat_sign_ins: Option<u32>,

    /// Requests that one signed-in caller, or one address without a sign-in at the tools, may make in a minute to one replica [default: 600; unlimited with --demo]
    #[arg(long, env = "MUZI_REQUESTS_A_MINUTE", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_a_minute: Option<u32>,

    /// Leave background jobs to `muzi worker`
    #[arg(long, env = "MUZI_NO_JOBS", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_jobs: Option<bool>,

    /// How long the audit log is kept, as 3y, 36m or 1100d; at least 6 months [default: 3y]
    #[arg(long, env = "MUZI_AUDIT_RETENTION", value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_retention: Option<String>,

    /// Personal lines that lists and exports give one account on a day, 200 to 20000 [default: 2000]
    #[arg(long, env = "MUZI_LINES_A_DAY", value_name = "N", value_parser = clap::value_parser!(u32).range(200..=20_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines_a_day: Option<u32>,

    /// Files with lists of persons that one account may take on a day, 1 to 1000 [default: 10]
    #[arg(long, env = "MUZI_EXPORTS_A_DAY", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exports_a_day: Option<u32>,

    /// What is logged, for example `info,sqlx=warn`
    #[arg(long, env = "MUZI_LOG", value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// What the settings and secrets come to.
#[derive(Debug, Clone)]
pub struct Config {
    /// Demo: embedded back ends, development secrets, the WeChat stand-in.
    pub demo: bool,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to serve metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// What stands before `/s/` in a QR code.
    pub public_url: String,
    /// Folder of the embedded database and photos.
    pub data: PathBuf,
    /// URL of the database; it may hold a password.
    pub database_url: Zeroizing<String>,
    /// Threads that answer requests.
    pub threads: usize,
    /// Connections to the database.
    pub database_connections: u32,
    /// How long a request waits for one of them.
    pub database_wait: Duration,
    /// URL of Redis, if there is one; it may hold a password.
    pub redis_url: Option<Zeroizing<String>>,
    /// Bucket of photos, if it is not the data folder.
    pub photos: Option<String>,
    /// Folder with further kinds of records.
    pub catalogue: Option<PathBuf>,
    /// Font file for charts as PNG, else one of the system.
    pub font: Option<PathBuf>,
    /// WeChat.
    pub wechat: WechatConfig,
    /// Live updates.
    pub live: LiveConfig,
    /// Copies of everything.
    pub export: ExportConfig,
    /// Roles that reach beyond one institution must have a second factor.
    pub require_second_factor: bool,
    /// Browsers' origins that may call the API.
    pub cors_origins: Vec<String>,
    /// Proxies that are believed: an IPv4 address stands as such, however it was written.
    pub trusted_proxies: Vec<IpAddr>,
    /// Requests that one signed-in caller may make in a minute to this process: far more than hands and clients need.
    pub requests_a_minute: u32,
    /// How long the audit log is kept.
    pub audit_retention: LogRetention,
    /// How much of lists of persons one account is given.
    pub disclosure: DisclosureConfig,
    /// Carry out jobs in this process.
    pub run_jobs: bool,
    /// Log filter.
    pub log: String,
    /// Keys.
    pub secrets: Secrets,
}

/// How WeChat is reached.
#[derive(Debug, Clone)]
pub struct WechatConfig {
    /// Base address; `None` is the official one.
    pub url: Option<String>,
    /// App id.
    pub app_id: String,
    /// App secret.
    pub secret: Zeroizing<String>,
    /// The file by which WeChat checks that `/s/` is ours.
    pub verification: Option<VerificationFile>,
    /// Sign-ins that one address may ask for in a minute: those of a clinic's waiting room, or of a street behind one
    /// address of its provider, and few enough that a script cannot use up what WeChat grants for a day.
    pub sign_ins_a_minute: u32,
}

/// A small public text file, served as `/s/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationFile {
    /// Its name, which ends in `.txt`.
    pub name: String,
    /// Its exact content.
    pub content: String,
}

impl VerificationFile {
    /// Reads `NAME.txt=CONTENT`.
    fn parse(text: &str) -> Option<Self> {
        let (name, content) = text.split_once('=')?;
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let named =
            name.strip_suffix(".txt").is_some_and(|stem| (1..=64).contains(&stem.len()) && plain(stem));
        let filled =
            (1..=256).contains(&content.len()) && content.bytes().all(|byte| byte.is_ascii_graphic());
        (named && filled).then(|| Self { name: name.to_owned(), content: content.to_owned() })
    }
}

/// How much of lists of persons one account is given on a civil day in China.
#[derive(Debug, Clone, Copy)]
pub struct DisclosureConfig {
    /// Personal lines, on the screen and in files; a file is held in memory while it is made, so there is an end to them.
    pub lines_a_day: u32,
    /// Files.
    pub exports_a_day: u32,
}

/// How live updates are paced and bounded. Operators have no reason to change it; tests do.
#[derive(Debug, Clone, Copy)]
pub struct LiveConfig {
    /// How often the database is asked for changes that no message told of.
    pub look: Duration,
    /// How often a stream says that it is there.
    pub heartbeat: Duration,
    /// How often a stream asks whether its holder may still follow.
    pub recheck: Duration,
    /// Streams of the process.
    pub streams: usize,
    /// Streams of one caller.
    pub streams_each: usize,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(1),
            heartbeat: Duration::from_secs(15),
            recheck: Duration::from_secs(30),
            streams: 2000,
            streams_each: 5,
        }
    }
}

/// How slowly a copy of everything may be read while somebody else asks for one. Operators have no reason to change it;
/// tests do.
#[derive(Debug, Clone, Copy)]
pub struct ExportConfig {
    /// Bytes a second.
    pub least_rate: u32,
    /// How far one may fall behind that. Machines and proxies between take hundreds of KiB at once, for which a slow phone
    /// needs most of a minute.
    pub behind: Duration,
}

impl Default for ExportConfig {
    fn default() -> Self {
        // What a bad mobile network gives.
        Self { least_rate: 16 * 1024, behind: Duration::from_secs(60) }
    }
}

fn processors() -> u16 {
    std::thread::available_parallelism().map_or(2, usize::from).try_into().unwrap_or(u16::MAX)
}

/// Connections when nothing is said: as many for each thread as its requests profit from, and no more than PostgreSQL as
/// it comes gives to two replicas.
fn connections_for(threads: u16) -> u32 {
    (4 * (u32::from(threads) + 1)).clamp(12, 40)
}

/// Where metrics are served unless a setting says otherwise: for the machine itself.
const METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9100);

/// Version of the consent and privacy text that a claim must agree to.
pub const PRIVACY_TEXT: &str = domain::consent::Purpose::Basic.version();

/// A setting or secret that is missing or wrong; each line names it and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Misconfigured(pub Vec<String>);

impl Settings {
    /// The settings of a process that serves, and everything in them that is missing, wrong or refused in production.
    pub fn weigh_to_serve(
        &self,
        demo: bool,
        environment: &Environment,
    ) -> Result<(Config, Vec<String>), Misconfigured> {
        let (config, mut wrong) = self.merge(demo, environment)?;
        wrong.extend(config.refusals());
        Ok((config, wrong))
    }

    /// The settings of a command that works on the database of a server.
    pub fn resolve(&self, demo: bool, environment: &Environment) -> Result<Config, Misconfigured> {
        let (config, wrong) = self.merge(demo, environment)?;
        if wrong.is_empty() { Ok(config) } else { Err(Misconfigured(wrong)) }
    }

    /// Merges file, environment and command line, and says what is missing or wrong; `demo` fills in what production must
    /// be told.
    fn merge(&self, demo: bool, environment: &Environment) -> Result<(Config, Vec<String>), Misconfigured> {
        let mut figment = Figment::new();
        if let Some(file) = &self.config {
            if !file.is_file() {
                return Err(Misconfigured(vec![format!(
                    "--config / MUZI_CONFIG: there is no file {}",
                    file.display()
                )]));
            }
            figment = figment.merge(Toml::file(file));
        }
        let settings: Self = figment
            .merge(Serialized::defaults(self))
            .extract()
            .map_err(|err| Misconfigured(err.into_iter().map(|err| err.to_string()).collect()))?;
        let listen = settings.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        let data = settings.data.clone().unwrap_or_else(|| PathBuf::from(".muzi"));
        let mut wrong = Vec::new();
        let database_url = environment.secret("DATABASE_URL", &mut wrong);
        let redis_url = environment.secret("REDIS_URL", &mut wrong);
        let secrets = if demo { development_secrets() } else { environment.secrets(&mut wrong) };
        let app_secret = environment.secret("MUZI_WECHAT_APP_SECRET", &mut wrong);
        let (database_url, redis_url) = if demo { (None, None) } else { (database_url, redis_url) };
        if let Some(url) = &database_url
            && !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme))
        {
            wrong.push("DATABASE_URL: must begin with postgres:// or sqlite://".to_owned());
        }
        let app_id = settings.wechat_app_id.clone().unwrap_or_default();
        if !demo && (app_id.is_empty() || app_secret.is_none()) {
            wrong.push(
                "MUZI_WECHAT_APP_ID and MUZI_WECHAT_APP_SECRET: both are needed for sign-in of families"
                    .to_owned(),
            );
        }
        let verification = settings.wechat_verification.as_deref().map(VerificationFile::parse);
        if verification == Some(None) {
            wrong.push(
                "MUZI_WECHAT_VERIFICATION: must be NAME.txt=CONTENT as downloaded from WeChat".to_owned(),
            );
        }
        let public_url = settings.public_url.clone().unwrap_or_else(|| format!("http://{listen}"));
        if !demo && !public_url.starts_with("https://") {
            wrong.push("MUZI_PUBLIC_URL: must be the https:// address that families reach".to_owned());
        }
        let retention = settings.audit_retention.as_deref().map_or(Ok(LogRetention::USUAL), str::parse);
        let audit_retention = retention.unwrap_or_else(|refusal: RetentionRefusal| {
            wrong.push(format!("MUZI_AUDIT_RETENTION: {refusal}"));
            LogRetention::USUAL
        });
        // A file of settings is not read by the ranges of the command line.
        let threads = settings.threads.unwrap_or_else(processors).clamp(1, 256);
        let connections = settings.database_connections.unwrap_or_else(|| connections_for(threads));
        let embedded = || Zeroizing::new(crate::db::Db::embedded(&data));
        let config = Config {
            demo,
            listen,
            metrics_listen: settings.metrics_listen.or((!demo).then_some(METRICS)),
            public_url: public_url.trim_end_matches('/').to_owned(),
            database_url: database_url.unwrap_or_else(embedded),
            threads: threads.into(),
            database_connections: connections.clamp(2, 200),
            database_wait: Duration::from_secs(settings.database_wait.unwrap_or(5).clamp(1, 60).into()),
            redis_url,
            photos: settings.photos,
            wechat: WechatConfig {
                url: settings.wechat_url,
                app_id,
                secret: app_secret.unwrap_or_default(),
                verification: verification.flatten(),
                sign_ins_a_minute: settings.wechat_sign_ins.unwrap_or(60).max(1),
            },
            live: LiveConfig::default(),
            export: ExportConfig::default(),
            require_second_factor: !demo,
            catalogue: settings.catalogue,
            font: settings.font,
            cors_origins: settings.cors_origins.unwrap_or_default(),
            trusted_proxies: settings.trusted_proxies.iter().flatten().map(IpAddr::to_canonical).collect(),
            requests_a_minute: settings.requests_a_minute.unwrap_or(if demo { u32::MAX } else { 600 }).max(1),
            audit_retention,
            disclosure: DisclosureConfig {
                lines_a_day: settings.lines_a_day.unwrap_or(2000).clamp(200, 20_000),
                exports_a_day: settings.exports_a_day.unwrap_or(10).clamp(1, 1000),
            },
            run_jobs: !settings.no_jobs.unwrap_or(false),
            log: settings.log.unwrap_or_else(|| {
                if demo {
                    "warn,actix_http=off".to_owned()
                } else {
                    "info,sqlx=warn,actix_http=off".to_owned()
                }
            }),
            secrets,
            data,
        };
        Ok((config, wrong))
    }
}

impl Config {
    /// Why production refuses to start with this, every reason at once. The demo refuses nothing.
    pub fn refusals(&self) -> Vec<String> {
        if self.demo {
            return Vec::new();
        }
        let mut refusals = Vec::new();
        let Secrets { data, index, print, token, audit, backup } = &self.secrets;
        let all: Vec<_> = [data, print, token, audit]
            .into_iter()
            .flat_map(BTreeMap::values)
            .chain([index])
            .chain(backup)
            .map(|key| **key)
            .collect();
        if (1..=6).any(|purpose| all.contains(&*development_key(purpose))) {
            refusals.push(
                "a key is one of the public development keys; make your own with `muzi keys new`".to_owned(),
            );
        }
        if all.iter().any(|key| key.iter().all(|byte| *byte == key[0])) {
            refusals.push("a key is one byte repeated; make your own with `muzi keys new`".to_owned());
        }
        if all.iter().enumerate().any(|(at, key)| all.iter().skip(at + 1).any(|other| other == key)) {
            refusals.push("one key is used for two purposes; each of MUZI_DATA_KEYS, MUZI_INDEX_KEY, MUZI_PRINT_KEYS, MUZI_TOKEN_KEYS, MUZI_AUDIT_KEYS and MUZI_BACKUP_KEY needs its own".to_owned());
        }
        if self
            .wechat
            .url
            .as_ref()
            .is_some_and(|url| url.trim_end_matches('/') != miniprogram_adapter::OFFICIAL_BASE_URL)
        {
            refusals.push("MUZI_WECHAT_URL is not the official interface: the WeChat stand-in is for the demo and tests".to_owned());
        }
        if self.cors_origins.iter().any(|origin| origin == "*") {
            refusals.push("MUZI_CORS_ORIGINS is *: name the origins".to_owned());
        }
        refusals
    }
}
