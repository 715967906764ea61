//! The client: its settings, and the one retry after a refused token.

use std::{sync::Arc, time::Duration};

use reqwest::{Proxy, Url, redirect, retry};
use serde::de::DeserializeOwned;

use crate::{
    call::{Call, Retry, Wire},
    clock::Clock,
    error::{Class, Error},
    login::Logins,
    secret::{AppSecret, ProxyAddress},
    token::{TokenStore, Tokens},
};

/// Where WeChat's server interfaces are. Anything else is a stand-in.
pub const OFFICIAL_BASE_URL: &str = "https://api.weixin.qq.com";

/// The longest text that is still sent as a one-time code; real ones have 32 or 64 characters.
const LONGEST_CODE: usize = 512;

/// Where WeChat is, who we are, and how patient we are.
#[derive(Clone, Debug)]
pub struct Settings {
    /// [`OFFICIAL_BASE_URL`], or the address of a stand-in.
    pub base_url: String,
    /// The appid of the mini-program.
    pub app_id: String,
    /// The AppSecret of the mini-program.
    pub secret: AppSecret,
    /// The proxy that the calls go through. The environment's is not used.
    pub proxy: Option<ProxyAddress>,
    /// How long one try may take to connect.
    pub connect_timeout: Duration,
    /// How long one try may take in all.
    pub timeout: Duration,
    /// How often and for how long a call is repeated.
    pub retry: Retry,
}

impl Settings {
    /// Settings with the usual patience: 2 s to connect, 5 s a try, three tries within 12 s.
    pub fn new(base_url: impl Into<String>, app_id: impl Into<String>, secret: AppSecret) -> Self {
        Self {
            base_url: base_url.into(),
            app_id: app_id.into(),
            secret,
            proxy: None,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
            retry: Retry::default(),
        }
    }

    /// Whether the base URL is WeChat's own, so that production can refuse anything else.
    pub fn is_official(&self) -> bool {
        self.base().is_ok_and(|base| is_official(&base))
    }

    fn base(&self) -> Result<Url, SettingsError> {
        let base: Url = self.base_url.parse().map_err(|_| SettingsError::BaseUrl)?;
        let is_plain = base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none();
        let is_base = is_plain && matches!(base.scheme(), "http" | "https");
        if is_base { Ok(base) } else { Err(SettingsError::BaseUrl) }
    }
}

fn is_official(base: &Url) -> bool {
    base.as_str().trim_end_matches('/') == OFFICIAL_BASE_URL
}

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The base URL cannot be used.
    #[error(
        "the base URL must be http(s)://host[:port][/path] and nothing more, such as {OFFICIAL_BASE_URL}"
    )]
    BaseUrl,
    /// The proxy's address cannot be used. It is not shown, since it may hold a password.
    #[error("the address of the proxy is not one")]
    Proxy,
    /// The system lacks what HTTPS needs, such as its list of certificate authorities.
    #[error("no HTTP client can be made")]
    Http(#[source] reqwest::Error),
}

/// A client of WeChat's server interfaces for one mini-program. Clones share everything: connections, the access
/// token, and the memory of recent logins.
///
/// Calls must be made within a Tokio runtime.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) wire: Wire,
    pub(crate) app_id: String,
    pub(crate) secret: AppSecret,
    pub(crate) clock: Clock,
    pub(crate) tokens: Tokens,
    pub(crate) logins: Logins,
}

impl Client {
    /// Makes a client. Nothing is sent yet.
    ///
    /// `store` is where replicas share the access token. Without one, each replica fetches its own, and WeChat gives
    /// all of them the same.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when the settings cannot be used.
    pub fn new(
        settings: Settings,
        clock: Clock,
        store: Option<Arc<dyn TokenStore>>,
    ) -> Result<Self, SettingsError> {
        let base = settings.base()?;
        let http = http_client(&settings, &base)?;
        let wire = Wire { http, base, timeout: settings.timeout, retry: settings.retry };
        let inner = Inner {
            wire,
            app_id: settings.app_id,
            secret: settings.secret,
            clock,
            tokens: Tokens::new(store),
            logins: Logins::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether this client talks to WeChat itself, and not to a stand-in.
    pub fn is_official(&self) -> bool {
        is_official(&self.inner.wire.base)
    }

    /// Sends a call that needs the access token. If WeChat refuses the token, the call is repeated exactly once, with
    /// another one.
    pub(crate) async fn send_with_token<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        let token = self.access_token().await?;
        match self.inner.wire.send(call, Some(&token)).await {
            Err(error) if error.class() == Class::Token => {
                let other = self.access_token_instead_of(&token).await?;
                self.inner.wire.send(call, Some(&other)).await
            }
            outcome => outcome,
        }
    }
}

/// Spares WeChat what cannot be a one-time code.
pub(crate) fn check_code(code: &str) -> Result<(), Error> {
    if code.is_empty() || code.len() > LONGEST_CODE { Err(Error::NotACode) } else { Ok(()) }
}

/// No redirects, no proxy from the environment, and no retries but our own.
fn http_client(settings: &Settings, base: &Url) -> Result<reqwest::Client, SettingsError> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.timeout)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy();
    if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(Proxy::all(proxy.expose()).map_err(|_| SettingsError::Proxy)?);
    }
    if base.scheme() == "http" {
        // A stand-in is reached in clear, so a machine without certificate authorities can still run it.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(SettingsError::Http)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(base_url: &str) -> Settings {
        Settings::new(base_url, "wx-test", AppSecret::new("very-secret"))
    }

    #[test]
    fn only_wechats_own_address_is_official() {
        let is_official = |base_url: &str| {
            let settings = settings(base_url);
            let told = settings.is_official();
            let client = Client::new(settings, Clock::system(), None);
            assert_eq!(client.is_ok_and(|client| client.is_official()), told, "{base_url}");
            told
        };
        assert!(is_official(OFFICIAL_BASE_URL));
        assert!(is_official("https://api.weixin.qq.com/"));
        assert!(is_official("https://API.weixin.qq.com:443"));
        for other in [
            "http://api.weixin.qq.com",
            "https://api.weixin.qq.com.example.org",
            "https://api.weixin.qq.com:8443",
            "https://api.weixin.qq.com/elsewhere",
            "https://api.weixin.qq.com@example.org",
            "http://127.0.0.1:9000",
        ] {
            assert!(!is_official(other), "{other}");
        }
    }

    #[test]
    fn a_base_url_that_is_not_one_is_refused() {
        for wrong in ["", "api.weixin.qq.com", "ftp://example.org", "http://u:p@example.org", "http://x/?a=1"]
        {
            let refused = Client::new(settings(wrong), Clock::system(), None);
            assert!(matches!(refused, Err(SettingsError::BaseUrl)), "{wrong}");
        }
    }

    #[test]
    fn a_proxy_that_is_not_one_is_refused_without_showing_it() {
        let mut settings = settings("http://127.0.0.1:9000");
        settings.proxy = Some(ProxyAddress::new("http://user:hush@[broken"));
        assert!(!format!("{settings:?}").contains("hush"));
        let refused = Client::new(settings, Clock::system(), None).unwrap_err();
        assert!(matches!(refused, SettingsError::Proxy));
        assert!(!format!("{refused} {refused:?}").contains("hush"));
    }

    #[test]
    fn a_code_is_neither_empty_nor_endless() {
        assert!(check_code("0b3xYz").is_ok());
        assert!(check_code(&"x".repeat(LONGEST_CODE)).is_ok());
        assert!(matches!(check_code(""), Err(Error::NotACode)));
        assert!(matches!(check_code(&"x".repeat(LONGEST_CODE + 1)), Err(Error::NotACode)));
    }
}
