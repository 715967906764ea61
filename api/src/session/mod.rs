//! Who is calling: a signed-in user of the family side, or staff. What they may do is `access`.

pub mod password;
pub mod store;
pub mod token;

use std::net::{IpAddr, Ipv6Addr};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use chrono::TimeDelta;
use domain::access::Role;
use domain::audit::Kind;
use domain::id::{InstitutionId, SessionId, StaffId, UserId};
use domain::place::{RegionCode, RegionLevel, Scope};
use futures_util::future::{FutureExt, LocalBoxFuture, Ready, ready};
use uuid::Uuid;

use crate::app::App;
use crate::audit::{Act, Event};
use crate::cache::WINDOW;
use crate::db::OneConnection;
use crate::error::ApiError;
use crate::problem::Code;

/// A signed-in caller. Everything but the session's id is read from the database at each request.
#[derive(Debug, Clone)]
pub enum Caller {
    /// A user of the family side.
    Family(User),
    /// A staff member.
    Staff(Staff),
}

/// A user of the family side.
#[derive(Debug, Clone, Copy)]
pub struct User {
    /// The user.
    pub id: UserId,
    /// The session.
    pub session: SessionId,
    /// The request in which they act.
    pub act: Act,
}

impl User {
    /// The event that says that they wrote.
    pub fn wrote(&self, action: &'static str) -> Event {
        Event::by_user(self.id, self.act, Kind::Write, action)
    }
}

/// A staff member with what is needed to judge and to log.
#[derive(Debug, Clone)]
pub struct Staff {
    /// The staff member.
    pub id: StaffId,
    /// The session.
    pub session: SessionId,
    /// Roles, of which there may be several.
    pub roles: Vec<Role>,
    /// The institution, unless the scope is a region alone.
    pub institution: Option<InstitutionId>,
    /// How far the scope reaches: the region of the institution or of the office, or the country.
    pub region: Scope,
    /// The password was issued and must be changed before anything else.
    pub must_change_password: bool,
    /// Signs in with a one-time code besides the password.
    pub has_second_factor: bool,
    /// The request in which they act.
    pub act: Act,
}

impl Staff {
    /// An event of theirs.
    pub fn event(&self, kind: Kind, action: &'static str) -> Event {
        Event::by_staff((self.id, self.institution), self.act, kind, action)
    }

    /// The event that says that they wrote.
    pub fn wrote(&self, action: &'static str) -> Event {
        self.event(Kind::Write, action)
    }

    /// Whether one of the roles is this.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether one of the roles asks for a second factor where it is required.
    pub fn needs_second_factor(&self) -> bool {
        self.roles.iter().any(|role| role.needs_second_factor())
    }

    /// Refuses until an issued password was changed and a needed second factor set up.
    fn check_readiness(&self, app: &App) -> Result<(), ApiError> {
        self.check_own_password()?;
        if app.config.require_second_factor && self.needs_second_factor() && !self.has_second_factor {
            return Err(ApiError::told(Code::SecondFactorRequired));
        }
        Ok(())
    }

    /// Refuses until an issued password was changed.
    pub fn check_own_password(&self) -> Result<(), ApiError> {
        if self.must_change_password {
            return Err(ApiError::told(Code::PasswordChangeRequired));
        }
        Ok(())
    }

    /// The institution, or a refusal for those who belong to none.
    pub fn institution(&self) -> Result<InstitutionId, ApiError> {
        self.institution.ok_or_else(|| ApiError::told(Code::OutOfScope))
    }

    /// The county in which they work, or a refusal for those who answer for the whole country.
    pub fn county(&self) -> Result<RegionCode, ApiError> {
        let region = self.region.region().ok_or_else(|| ApiError::told(Code::OutOfScope))?;
        Ok(region.code.at(RegionLevel::County))
    }
}

impl Caller {
    /// The id that idempotency keys and tries are counted under.
    pub fn actor(&self) -> Uuid {
        match self {
            Self::Family(user) => user.id.0,
            Self::Staff(staff) => staff.id.0,
        }
    }

    /// An event of theirs.
    pub fn event(&self, kind: Kind, action: &'static str) -> Event {
        match self {
            Self::Family(user) => Event::by_user(user.id, user.act, kind, action),
            Self::Staff(staff) => staff.event(kind, action),
        }
    }

    /// The same caller, acting in this request.
    pub fn acting(mut self, act: Act) -> Self {
        match &mut self {
            Self::Family(user) => user.act = act,
            Self::Staff(staff) => staff.act = act,
        }
        self
    }

    /// The session.
    pub fn session(&self) -> SessionId {
        match self {
            Self::Family(user) => user.session,
            Self::Staff(staff) => staff.session,
        }
    }

    /// The user of the family side, or a refusal.
    pub fn family(&self) -> Result<User, ApiError> {
        match self {
            Self::Family(user) => Ok(*user),
            Self::Staff(_) => Err(ApiError::told(Code::Forbidden)),
        }
    }

    /// The staff member, or a refusal.
    pub fn staff(&self) -> Result<&Staff, ApiError> {
        match self {
            Self::Staff(staff) => Ok(staff),
            Self::Family(_) => Err(ApiError::told(Code::Forbidden)),
        }
    }
}

/// Finds out who is calling. The result is kept with the request, so that two guards ask once.
pub async fn caller(app: &App, db: &OneConnection, request: &HttpRequest) -> Result<Caller, ApiError> {
    if let Some(caller) = request.extensions().get::<Caller>() {
        return Ok(caller.clone());
    }
    let refused = || ApiError::told(Code::NotSignedIn);
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = header.and_then(|text| text.split_once(' ')).ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(refused());
    }
    let session = app.tokens.check(token, app.now()).ok_or_else(refused)?;
    let caller = store::caller(db, session, app.now()).await?.ok_or_else(refused)?;
    let caller = caller.acting(Act::of(request));
    let most = u64::from(app.config.requests_a_minute);
    if app.requests.is_too_much(caller.actor().to_string(), most).await {
        return Err(ApiError::Wait(Code::TooManyRequests, WINDOW));
    }
    request.extensions_mut().insert(caller.clone());
    Ok(caller)
}

/// Any signed-in caller; staff only after they changed an issued password and set up a second factor that they need.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Caller);

impl SignedIn {
    /// Who is signed in, for a guard that asks more on the same connection.
    pub async fn of(app: &App, db: &OneConnection, request: &HttpRequest) -> Result<Caller, ApiError> {
        let caller = caller(app, db, request).await?;
        if let Caller::Staff(staff) = &caller {
            staff.check_readiness(app)?;
        }
        Ok(caller)
    }
}

impl FromRequest for SignedIn {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let app = app_of(&request)?;
            Self::of(app, &app.db.one_connection(), &request).await.map(Self)
        }
        .boxed_local()
    }
}

/// Any signed-in caller, whatever staff have still to do: for asking who one is and for signing out only.
#[derive(Debug, Clone)]
pub struct AnyCaller(pub Caller);

impl AnyCaller {
    async fn of(request: &HttpRequest) -> Result<Caller, ApiError> {
        let app = app_of(request)?;
        caller(app, &app.db.one_connection(), request).await
    }
}

impl FromRequest for AnyCaller {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move { Self::of(&request).await.map(Self) }.boxed_local()
    }
}

/// A signed-in user of the family side.
#[derive(Debug, Clone, Copy)]
pub struct Family(pub User);

impl FromRequest for Family {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        SignedIn::from_request(request, payload)
            .map(|signed_in| signed_in?.0.family().map(Self))
            .boxed_local()
    }
}

/// For how long after a sign-in what must not be done with a phone that was left lying is done.
pub const FRESH: TimeDelta = TimeDelta::minutes(10);

/// A user of the family side who signed in just now. A sign-in that was only renewed is not fresh.
#[derive(Debug, Clone, Copy)]
pub struct FreshFamily(pub User);

impl FromRequest for FreshFamily {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let family = Family::from_request(request, payload);
        let request = request.clone();
        async move {
            let Family(user) = family.await?;
            let app = app_of(&request)?;
            let signed_in_at = store::signed_in_at(app.db.read(), user.session).await?;
            // Ended since it was read.
            let signed_in_at = signed_in_at.ok_or_else(|| ApiError::told(Code::NotSignedIn))?;
            if app.now() - signed_in_at <= FRESH {
                Ok(Self(user))
            } else {
                Err(ApiError::with(Code::FreshSignInRequired, "minutes", FRESH.num_minutes()))
            }
        }
        .boxed_local()
    }
}

/// Staff who may still have to change an issued password or to set up a second factor: for doing so only.
#[derive(Debug, Clone)]
pub struct AnyStaff(pub Staff);

impl FromRequest for AnyStaff {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move { AnyCaller::of(&request).await?.staff().cloned().map(Self) }.boxed_local()
    }
}

/// Said by handlers that anybody may call; carries the address that tries are counted under.
#[derive(Debug, Clone, Copy)]
pub struct Public {
    /// Where the request came from, behind the proxies that are trusted.
    pub address: IpAddr,
    /// The request.
    pub act: Act,
}

impl FromRequest for Public {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(app_of(request).map(|app| Self {
            address: client_address(request, &app.config.trusted_proxies),
            act: Act::of(request),
        }))
    }
}

/// The address that a client's tries are counted under. An IPv6 customer has a whole /64, so that is what counts.
fn client_address(request: &HttpRequest, trusted: &[IpAddr]) -> IpAddr {
    match forwarded_from(request, trusted) {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Where a request came from. `X-Forwarded-For` counts only as far as trusted proxies wrote it: from the right, the first
/// address that is not a trusted proxy. What is no address was not written by a proxy that we know how to read, so
/// nothing to the left of it counts. A socket that hears IPv4 as well writes its addresses as IPv6, and is understood.
fn forwarded_from(request: &HttpRequest, trusted: &[IpAddr]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip().to_canonical());
    if !trusted.contains(&peer) {
        if request.headers().contains_key("x-forwarded-for") {
            tell_of_proxy(peer);
        }
        return peer;
    }
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let read = |hop: &str| hop.trim().parse::<IpAddr>().ok().map(|hop| hop.to_canonical());
    let hops: Vec<Option<IpAddr>> = forwarded.flat_map(|text| text.split(',')).map(read).collect();
    let written = hops.into_iter().rev().map_while(|hop| hop);
    written.into_iter().find(|hop| !trusted.contains(hop)).unwrap_or(peer)
}

/// Says once that a neighbour forwards requests and is not trusted to: everybody behind it is counted as one caller. Of a
/// stranger, who may write any header, nothing is said.
fn tell_of_proxy(peer: IpAddr) {
    static TOLD: std::sync::Once = std::sync::Once::new();
    let is_neighbour = match peer {
        IpAddr::V4(address) => address.is_private() || address.is_loopback(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    };
    if is_neighbour {
        TOLD.call_once(|| {
            tracing::warn!(%peer, "X-Forwarded-For comes from an address that MUZI_TRUSTED_PROXIES does not name: all who come by it are counted as one caller");
        });
    }
}

/// The application behind a request.
pub fn app_of(request: &HttpRequest) -> Result<&Data<App>, ApiError> {
    request.app_data::<Data<App>>().ok_or_else(|| ApiError::internal(anyhow::anyhow!("the app is not set")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(peer: &str, forwarded: &str) -> String {
        let request = actix_web::test::TestRequest::default()
            .peer_addr(format!("{peer}:1").parse().unwrap())
            .insert_header(("x-forwarded-for", forwarded));
        let trusted = ["10.0.0.1", "10.0.0.2"].map(|proxy| proxy.parse().unwrap());
        client_address(&request.to_http_request(), &trusted).to_string()
    }

    #[test]
    fn only_what_trusted_proxies_wrote_says_where_a_request_came_from() {
        assert_eq!(address("203.0.113.5", "198.51.100.1"), "203.0.113.5");
        assert_eq!(address("10.0.0.1", "6.6.6.6, 198.51.100.1"), "198.51.100.1");
        assert_eq!(address("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2"), "198.51.100.1");
        // A proxy that writes ports is not read past: what stands before was written by anybody.
        assert_eq!(address("10.0.0.1", "6.6.6.6, 198.51.100.1:4711"), "10.0.0.1");
    }

    #[test]
    fn a_proxy_is_trusted_however_its_address_is_written() {
        assert_eq!(address("[::ffff:10.0.0.1]", "198.51.100.1"), "198.51.100.1");
        assert_eq!(address("[::ffff:10.0.0.1]", "6.6.6.6, 198.51.100.1, ::ffff:10.0.0.2"), "198.51.100.1");
        assert_eq!(address("[::ffff:203.0.113.5]", "198.51.100.1"), "203.0.113.5");
    }

    #[test]
    fn an_ipv6_customer_is_counted_as_one() {
        assert_eq!(address("10.0.0.1", "2001:db8:1:2:aaaa::1"), "2001:db8:1:2::");
        assert_eq!(address("10.0.0.1", "::ffff:198.51.100.1"), "198.51.100.1");
    }
}
