//! Everything together for a long time: does the memory grow?

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde::Serialize;

use super::cast::Cast;
use super::ground::Ground;
use super::scenario::Scenario;
use super::server::Server;
use super::wire::Wire;

/// Looks at the memory; evenly over the time.
const LOOKS: u32 = 12;

/// Who wants what at the same time: many families for each clinician.
const MIX: [Scenario; 8] = [
    Scenario::TimelineFamily,
    Scenario::Entry,
    Scenario::TimelineFamily,
    Scenario::ScanAndAttach,
    Scenario::TimelineClinician,
    Scenario::Usage,
    Scenario::SignInFamily,
    Scenario::SignInStaff,
];

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Soak {
    /// How long, in seconds.
    pub seconds: f64,
    /// Turns of every kind.
    pub turns: usize,
    /// MB resident, at the start and after each twelfth of the time.
    pub resident: Vec<f64>,
    /// MB at most.
    pub peak: f64,
}

/// Wants everything at once for a time.
pub(super) async fn run(
    ground: &Ground,
    cast: &Cast,
    lasts: Duration,
    say: &impl Fn(&str),
) -> anyhow::Result<Soak> {
    let server = Server::start(ground).await?;
    let began = Instant::now();
    let (mut turns, mut resident) = (0, vec![server.memory().resident]);
    for look in 1..=LOOKS {
        turns += mixed(server.address, cast, lasts / LOOKS).await?;
        let memory = server.memory();
        resident.push(memory.resident);
        say(&format!("{look} of {LOOKS}: {turns} turns, {:.0} MB", memory.resident));
    }
    let peak = server.memory().peak;
    server.stop().await?;
    Ok(Soak { seconds: began.elapsed().as_secs_f64(), turns, resident, peak })
}

async fn mixed(address: SocketAddr, cast: &Cast, lasts: Duration) -> anyhow::Result<usize> {
    let playing = MIX.map(|scenario| async move { endlessly(address, scenario, cast, lasts).await });
    Ok(try_join_all(playing).await?.into_iter().sum())
}

/// Tokens are signed anew once a minute.
async fn endlessly(
    address: SocketAddr,
    scenario: Scenario,
    cast: &Cast,
    lasts: Duration,
) -> anyhow::Result<usize> {
    let mut wire = Wire::connect(address).await?;
    let (began, mut tokens, mut signed) = (Instant::now(), cast.tokens()?, Instant::now());
    let mut turn = 0;
    while began.elapsed() < lasts {
        if signed.elapsed() > Duration::from_secs(60) {
            (tokens, signed) = (cast.tokens()?, Instant::now());
        }
        scenario.play(&mut wire, cast, &tokens, turn).await?;
        turn += 1;
    }
    Ok(turn)
}
