//! A ledger that cannot be reached for a while: the run waits, and goes on.

use std::time::Duration;

use tokio::time::Instant;

use crate::{error::PipelineError, ledger::LedgerErrorKind};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long the ledger has been away.
#[derive(Debug)]
pub(super) struct Outage {
    limit: Option<Duration>,
    since: Option<Instant>,
    tries: u32,
}

impl Outage {
    /// `limit`: how long it is borne.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, since: None, tries: 0 }
    }

    /// Takes the sting out of an unavailable ledger: the inner error is for telling. Everything else passes, and so does an
    /// outage that lasts too long.
    pub(super) fn bear<T>(
        &mut self,
        result: Result<T, PipelineError>,
    ) -> Result<Result<T, PipelineError>, PipelineError> {
        let error = match result {
            Ok(value) => return Ok(Ok(value)),
            Err(error) => error,
        };
        let away = matches!(&error, PipelineError::Ledger(e) if e.kind == LedgerErrorKind::Unavailable);
        if !away {
            return Err(error);
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        self.tries = self.tries.saturating_add(1);
        if self.limit.is_some_and(|limit| since.elapsed() >= limit) { Err(error) } else { Ok(Err(error)) }
    }

    /// How long to wait before the next try.
    pub(super) fn pause(&self) -> Duration {
        FIRST_PAUSE.saturating_mul(1 << self.tries.saturating_sub(1).min(10)).min(LONGEST_PAUSE)
    }

    /// The ledger answered.
    pub(super) fn is_over(&mut self) {
        (self.since, self.tries) = (None, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::LedgerError;

    fn failed(kind: LedgerErrorKind) -> Result<(), PipelineError> {
        Err(LedgerError::new(kind, "claim", "no").into())
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_borne_until_it_lasts_too_long() {
        let mut outage = Outage::new(Some(Duration::from_mins(1)));
        assert!(outage.bear(failed(LedgerErrorKind::Unavailable)).unwrap().is_err());
        let first = outage.pause();
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(outage.bear(failed(LedgerErrorKind::Unavailable)).unwrap().is_err());
        assert!(outage.pause() > first);
        outage.is_over();
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(outage.bear(failed(LedgerErrorKind::Unavailable)).unwrap().is_err());
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(outage.bear(failed(LedgerErrorKind::Unavailable)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn other_failures_pass_at_once_and_a_service_waits_for_ever() {
        let mut outage = Outage::new(None);
        assert!(outage.bear(failed(LedgerErrorKind::Unusable)).is_err());
        for _ in 0..100 {
            assert!(outage.bear(failed(LedgerErrorKind::Unavailable)).unwrap().is_err());
            tokio::time::advance(Duration::from_hours(1)).await;
        }
        assert_eq!(outage.pause(), LONGEST_PAUSE);
    }
}
