//! How long to wait after the n-th failure in a row.

use std::time::Duration;

/// When to try again, and when to give up for this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOptions {
    /// Mean wait after the first failure.
    pub initial: Duration,
    /// The longest wait.
    pub max_delay: Duration,
    /// A one-pass run leaves a job alone (state saved) once it has failed for this long without a success.
    pub give_up_after: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            max_delay: Duration::from_mins(15),
            give_up_after: Duration::from_hours(1),
        }
    }
}

/// Doubling, capped, with jitter over the upper half: `chance` is uniform in `[0, 1)`. Never shorter than what the
/// service asked for.
#[must_use]
pub fn backoff(options: &RetryOptions, failures: u32, asked: Option<Duration>, chance: f64) -> Duration {
    let doubled = options.initial.saturating_mul(1 << failures.saturating_sub(1).min(20));
    let capped = doubled.min(options.max_delay);
    capped.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0).max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_the_cap_and_honours_the_service() {
        let options = RetryOptions::default();
        assert_eq!(backoff(&options, 1, None, 1.0), Duration::from_secs(1));
        assert_eq!(backoff(&options, 4, None, 1.0), Duration::from_secs(8));
        assert_eq!(backoff(&options, 4, None, 0.0), Duration::from_secs(4));
        assert_eq!(backoff(&options, u32::MAX, None, 1.0), options.max_delay);
        assert_eq!(backoff(&options, 1, Some(Duration::from_mins(40)), 0.5), Duration::from_mins(40));
    }
}
