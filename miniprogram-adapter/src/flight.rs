//! One piece of work in the air, for whose outcome any number of callers wait.
//!
//! The work runs in a task of its own: a caller who goes away (a phone that lost its network) does not stop it, and
//! the others still get its outcome.

use tokio::sync::watch;
use tracing::Instrument as _;

/// Work in the air, or landed with an outcome of type `T`. Clones wait for the same outcome.
#[derive(Clone, Debug)]
pub(crate) struct Flight<T>(watch::Receiver<Option<T>>);

impl<T: Clone + Send + Sync + 'static> Flight<T> {
    /// Starts the work. Must be called within a Tokio runtime.
    pub(crate) fn start(work: impl Future<Output = T> + Send + 'static) -> Self {
        let (tell, told) = watch::channel(None);
        let run = async move {
            let outcome = work.await;
            tell.send_replace(Some(outcome));
        };
        tokio::spawn(run.in_current_span());
        Self(told)
    }

    /// Whether the outcome is still to come.
    pub(crate) fn is_in_air(&self) -> bool {
        self.outcome().is_none() && !self.is_lost()
    }

    /// Whether there will never be an outcome, because the runtime of the work has ended.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.has_changed().is_err() && self.outcome().is_none()
    }

    /// The outcome, if there is one already.
    pub(crate) fn outcome(&self) -> Option<T> {
        self.0.borrow().clone()
    }

    /// Waits for the outcome; none if the flight is lost.
    pub(crate) async fn landed(mut self) -> Option<T> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn all_who_wait_get_the_one_outcome() {
        let (land, runway) = oneshot::channel::<u8>();
        let flight = Flight::start(async move { runway.await.unwrap() });
        let (first, second) = (flight.clone(), flight.clone());
        assert!(flight.is_in_air());

        land.send(7).unwrap();
        assert_eq!((first.landed().await, second.landed().await), (Some(7), Some(7)));
        assert_eq!(flight.outcome(), Some(7));
        assert!(!flight.is_in_air() && !flight.is_lost());
    }

    #[tokio::test]
    async fn a_flight_goes_on_when_the_caller_has_gone() {
        let (land, runway) = oneshot::channel::<u8>();
        let flight = Flight::start(async move { runway.await.unwrap() });
        let caller = tokio::spawn(flight.clone().landed());
        caller.abort();

        land.send(7).unwrap();
        assert_eq!(flight.landed().await, Some(7));
    }

    #[test]
    fn a_flight_whose_runtime_ended_is_lost_and_keeps_nobody_waiting() {
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let flight = runtime().block_on(async { Flight::start(std::future::pending::<u8>()) });
        assert!(flight.is_lost() && !flight.is_in_air());
        assert_eq!(runtime().block_on(flight.landed()), None);
    }
}
