//! The system's clock as a ledger needs it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, UNIX_EPOCH},
};

use batch_orchestrator::model::Timestamp;

/// A clock that never goes backwards and never stands still: where the system's is set back, it goes on from where it was.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<Option<Anchor>>);

#[derive(Debug, Clone, Copy)]
struct Anchor {
    told: Timestamp,
    at: Instant,
}

impl Clock {
    /// The time.
    #[expect(clippy::disallowed_methods, reason = "this is the store's clock that everybody else asks")]
    pub(super) fn now(&self) -> Timestamp {
        let wall = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Timestamp(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX));
        self.tell(wall, Instant::now())
    }

    fn tell(&self, wall: Timestamp, at: Instant) -> Timestamp {
        let mut anchor = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // From where the clock was last followed, so that what is cut off a millisecond does not add up.
        let steady = anchor.map(|anchor| {
            let passed = at.saturating_duration_since(anchor.at).as_millis();
            anchor.told.after(Duration::from_millis(u64::try_from(passed).unwrap_or(u64::MAX)))
        });
        match steady {
            Some(steady) if steady >= wall => steady,
            _ => {
                *anchor = Some(Anchor { told: wall, at });
                wall
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_clock_that_is_set_back_goes_on_from_where_it_was() {
        let (clock, start) = (Clock::default(), start());
        let hour = 3_600_000;
        assert_eq!(clock.tell(Timestamp(hour), start), Timestamp(hour));
        let later = start + Duration::from_secs(10);
        assert_eq!(clock.tell(Timestamp(10_000), later), Timestamp(hour + 10_000), "an hour back");
        let later = start + Duration::from_secs(20);
        assert_eq!(clock.tell(Timestamp(20_000), later), Timestamp(hour + 20_000), "it does not stand still");
        let later = start + Duration::from_secs(30);
        assert_eq!(clock.tell(Timestamp(9 * hour), later), Timestamp(9 * hour), "forward is followed");
    }

    #[test]
    fn many_looks_do_not_slow_it_down() {
        let (clock, start) = (Clock::default(), start());
        clock.tell(Timestamp(5_000_000), start);
        for step in 1..=10_000_u64 {
            clock.tell(Timestamp(0), start + Duration::from_micros(step * 300));
        }
        assert_eq!(clock.tell(Timestamp(0), start + Duration::from_secs(3)), Timestamp(5_003_000));
    }
}
