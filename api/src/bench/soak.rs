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

/// Of so many turns of a kind one may fail: what else the machine does makes somebody wait for too long. A phone comes again,
/// too.
const ONE_OF: usize = 1000;

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Soak {
    /// How long, in seconds.
    pub seconds: f64,
    /// Families that called.
    pub families: usize,
    /// Turns of every kind.
    pub turns: usize,
    /// Turns that failed.
    pub failed: usize,
    /// MB resident, at the start and after each twelfth of the time.
    pub resident: Vec<f64>,
    /// MB at most.
    pub peak: f64,
}

/// Somebody who wants the same thing of one family after the other.
#[derive(Debug, Clone, Copy)]
struct Line {
    scenario: Scenario,
    done: usize,
    failed: usize,
}

impl Line {
    fn turn(&self) -> usize {
        self.done + self.failed
    }

    /// Whether it calls as one family after the other.
    fn is_of_a_family(&self) -> bool {
        use Scenario as S;
        matches!(self.scenario, S::TimelineFamily | S::Entry | S::ScanAndAttach | S::SignInFamily)
    }

    fn check(&self) -> anyhow::Result<()> {
        let Self { scenario, done, failed } = self;
        anyhow::ensure!(
            *done > 0 && *failed <= 1 + done / ONE_OF,
            "{scenario}: {failed} failed, {done} did not"
        );
        Ok(())
    }
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
    let mut lines = MIX.map(|scenario| Line { scenario, done: 0, failed: 0 });
    let mut resident = vec![server.memory().resident];
    for look in 1..=LOOKS {
        try_join_all(lines.iter_mut().map(|line| play_on(line, server.address, cast, lasts / LOOKS, say)))
            .await?;
        lines.iter().try_for_each(Line::check)?;
        let memory = server.memory();
        resident.push(memory.resident);
        let done: usize = lines.iter().map(|line| line.done).sum();
        say(&format!("{look} of {LOOKS}: {done} turns, {:.0} MB", memory.resident));
    }
    let peak = server.memory().peak;
    server.stop().await?;
    Ok(Soak {
        seconds: began.elapsed().as_secs_f64(),
        families: lines
            .iter()
            .filter(|line| line.is_of_a_family())
            .map(Line::turn)
            .max()
            .unwrap_or(0)
            .min(cast.families.len()),
        turns: lines.iter().map(|line| line.done).sum(),
        failed: lines.iter().map(|line| line.failed).sum(),
        resident,
        peak,
    })
}

/// Goes on where it stopped. Tokens are signed anew once a minute.
async fn play_on(
    line: &mut Line,
    address: SocketAddr,
    cast: &Cast,
    lasts: Duration,
    say: &impl Fn(&str),
) -> anyhow::Result<()> {
    let mut wire = Wire::connect(address).await?;
    let (began, mut tokens, mut signed) = (Instant::now(), cast.tokens()?, Instant::now());
    while began.elapsed() < lasts {
        if signed.elapsed() > Duration::from_secs(60) {
            (tokens, signed) = (cast.tokens()?, Instant::now());
        }
        match line.scenario.play(&mut wire, cast, &tokens, line.turn()).await {
            Ok(()) => line.done += 1,
            Err(failed) => {
                say(&format!("{}: {failed:#}", line.scenario));
                line.failed += 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
                wire = Wire::connect(address).await?;
            }
        }
    }
    Ok(())
}
