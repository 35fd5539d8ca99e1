//! Virtual time: real time times a factor, plus what was advanced by hand.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{sync::Notify, time::Instant};

use crate::config::ClockConfig;

/// A moment of virtual time, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp(i64);

impl Stamp {
    #[cfg(test)]
    pub(crate) const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub(crate) fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_millis(duration)))
    }

    /// Time since `earlier`; zero if that is in the future.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    pub(crate) fn unix_millis(self) -> i64 {
        self.0
    }

    pub(crate) fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub(crate) fn iso(self) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|at| at.format(&Rfc3339).ok())
            .map_or_else(|| self.unix_seconds().to_string(), |text| text.replace('Z', "+00:00"))
    }
}

fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[derive(Debug)]
pub(crate) struct Clock {
    start: Stamp,
    started: Instant,
    speed: f64,
    advanced: AtomicI64,
    moved: Notify,
}

impl Clock {
    pub(crate) fn new(config: &ClockConfig) -> Self {
        let start = config.start.map_or_else(wall_now, |seconds| Stamp(seconds.saturating_mul(1000)));
        Self {
            start,
            started: Instant::now(),
            speed: config.speed,
            advanced: AtomicI64::new(0),
            moved: Notify::new(),
        }
    }

    pub(crate) fn now(&self) -> Stamp {
        let run = self.started.elapsed().mul_f64(self.speed);
        self.start.plus(run).plus(Duration::from_millis(self.advanced.load(Ordering::SeqCst).unsigned_abs()))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.advanced.fetch_add(whole_millis(by), Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Returns once virtual time has reached `at`.
    pub(crate) async fn reach(&self, at: Stamp) {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // Registered before looking at the time, so that an advance in between is not missed.
            moved.as_mut().enable();
            let left = at.since(self.now());
            if left.is_zero() {
                return;
            }
            if self.speed > 0.0 {
                let real = left.div_f64(self.speed).max(Duration::from_millis(1));
                // Either way the time is looked at again.
                let _elapsed = tokio::time::timeout(real, moved).await;
            } else {
                moved.await;
            }
        }
    }
}

/// Real time.
#[expect(
    clippy::disallowed_methods,
    reason = "virtual time starts somewhere, and signatures of the storage half are made in real time"
)]
pub(crate) fn wall_now() -> Stamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Stamp(whole_millis(since_epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stopped_clock_moves_only_when_advanced() {
        let clock = Clock::new(&ClockConfig { speed: 0.0, start: Some(1_000) });
        assert_eq!(clock.now().unix_seconds(), 1_000);
        clock.advance(Duration::from_secs(60));
        assert_eq!(clock.now().unix_seconds(), 1_060);
    }

    #[tokio::test]
    async fn an_advance_wakes_whoever_waits() {
        let clock = std::sync::Arc::new(Clock::new(&ClockConfig { speed: 0.0, start: Some(0) }));
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.reach(Stamp::from_millis(5_000)).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        clock.advance(Duration::from_secs(5));
        waiting.await.unwrap();
    }

    #[test]
    fn iso_dates_look_like_the_captured_ones() {
        assert_eq!(Stamp::from_millis(1_721_409_237_249).iso(), "2024-07-19T17:13:57.249+00:00");
    }
}
