//! A server that behaves like WeChat, for tests and the demo: as strict where WeChat is strict, so that a client that
//! passes here is likely to pass there.
//!
//! It listens on 127.0.0.1 only, keeps its state in memory, and has a clock that can be moved forward. [`Control`]
//! plays what happens on the phones and at WeChat; the same can be done by hand under `/__standin/`. These paths, and
//! everything else here, exist only on the stand-in's own port: nothing of it can be mounted in another server.
//!
//! | path | does |
//! | --- | --- |
//! | `POST /__standin/users` | `{"user", "unionid": true}`: opens an account, answers its ids |
//! | `POST /__standin/login-code` | `{"user", "appid"?}`: what `wx.login` gives the phone |
//! | `POST /__standin/phone-code` | `{"user", "phone", "country": "86"}`: what the phone number button gives |
//! | `POST /__standin/clock` | `{"advance_s"}`: moves the clock |
//! | `GET /__standin/journal` | the calls received, without any secret |
//! | `POST /__standin/faults` | `{"path", "next", "fault"}`: harms the next calls of an interface, see [`Fault`] |
//! | `POST /__standin/token/kill` | forgets the current token, as another system's forced refresh does |
//! | `POST /__standin/reset` | starts afresh |
//!
//! A one-time code `err-<n>` is refused with errcode `n`; the header `X-Standin-Fault` harms one call.

mod accounts;
mod control;
mod fault;
mod interface;
mod journal;
mod login;
mod phone;
mod routes;
mod token;
mod world;

use std::{io, net::Ipv4Addr, time::Duration};

use actix_web::{App, HttpServer, dev::ServerHandle, web::Data};

use crate::{client, clock::Clock, secret::AppSecret};

pub use control::Control;
pub use fault::{Fault, NoSuchFault};
pub use journal::Entry;

use world::SharedWorld;

/// The appid of the stand-in's mini-program.
pub const APP_ID: &str = "wx1a2b3c4d5e6f7a8b";
/// Its AppSecret, which everybody knows.
pub const APP_SECRET: &str = "standin-secret-000000000000000000";

/// The openid that a user of a mini-program has here, always the same: whoever fills a database ahead knows it.
pub fn openid(app_id: &str, user: &str) -> String {
    accounts::public_id(app_id, user)
}

/// Longer than clients keep idle connections, so that none is closed under a request.
const KEEP_ALIVE: Duration = Duration::from_secs(120);

/// How a stand-in is to behave.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The mini-program that it knows.
    pub app_id: String,
    /// That mini-program's AppSecret.
    pub secret: AppSecret,
    /// Whether the login code `demo-<user>` logs that user in and the phone code `demo-phone-<11 digits>` gives that
    /// number, as often as wanted.
    pub demo_codes: bool,
    /// How likely a new login code gives the user a new session key, from 0 to 1.
    pub rotate_session: f64,
    /// The clock from which it counts; [`Control::advance`] moves it forward from there.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: 0,
            app_id: APP_ID.to_owned(),
            secret: AppSecret::new(APP_SECRET),
            demo_codes: false,
            rotate_session: 1.0,
            clock: Clock::system(),
        }
    }
}

/// A running stand-in. It stops when this is dropped.
#[derive(Debug)]
pub struct StandIn {
    base_url: String,
    control: Control,
    server: ServerHandle,
}

impl StandIn {
    /// Starts a stand-in. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the port is taken, or the system has no randomness to give.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let address = (Ipv4Addr::LOCALHOST, settings.port);
        let world = SharedWorld::new(settings)?;
        let data = Data::new(world.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).configure(routes::configure))
            .workers(1)
            .keep_alive(KEEP_ALIVE)
            .disable_signals()
            .bind(address)?;
        let [address] = server.addrs()[..] else { return Err(io::ErrorKind::AddrNotAvailable.into()) };
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { base_url: format!("http://{address}"), control: Control::new(world), server: handle })
    }

    /// Where it listens: `http://127.0.0.1:<port>`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What plays the phones, the clock and the faults.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Settings of a client that talks to this stand-in. It should use [`Control::clock`].
    pub fn client_settings(&self) -> client::Settings {
        let (app_id, secret) = self.control.account();
        client::Settings::new(self.base_url.as_str(), app_id, secret)
    }

    /// Stops at once and waits until the port is free.
    pub async fn stop(self) {
        self.server.stop(false).await;
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // The order to stop is given by the call; only waiting for it needs the future.
        drop(self.server.stop(false));
    }
}
