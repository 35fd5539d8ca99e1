//! When to try again: data and pure functions.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

/// How often and how long apart a request is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOptions {
    /// Tries in all; 1 means no retry. A batch is created with one try whatever this says.
    pub max_attempts: u32,
    /// The longest wait before the first retry; doubled for each further one.
    pub initial: Duration,
    /// The longest wait of all, also where the service asks for more: then the call fails and says so.
    pub max_delay: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self { max_attempts: 4, initial: Duration::from_millis(500), max_delay: Duration::from_secs(30) }
    }
}

impl RetryOptions {
    /// The wait after try number `attempt` (from 1): full jitter (`chance` is uniform in `[0, 1)`), or what the
    /// service asked for. `None` if there is no further try.
    pub(super) fn wait(&self, attempt: u32, asked: Option<Duration>, chance: f64) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        if let Some(asked) = asked {
            return (asked <= self.max_delay).then_some(asked);
        }
        let ceiling = self.initial.saturating_mul(1 << (attempt - 1).min(20)).min(self.max_delay);
        Some(ceiling.mul_f64(chance.clamp(0.0, 1.0)))
    }
}

/// How long the service asks to wait: `retry-after-ms`, `retry-after` in seconds, or as a date, which is compared with
/// the answer's own `Date` rather than with our clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number =
        |name: &str, unit: f64| Duration::try_from_secs_f64(text(name)?.parse::<f64>().ok()? * unit).ok();
    if let Some(wait) = number("retry-after-ms", 1e-3).or_else(|| number(RETRY_AFTER.as_str(), 1.0)) {
        return Some(wait);
    }
    let wait = parse_date(text(RETRY_AFTER.as_str())?)? - parse_date(text(DATE.as_str())?)?;
    Some(wait.try_into().unwrap_or(Duration::ZERO))
}

/// When an answer was made by the service's clock, in seconds since 1970 (UTC).
pub(super) fn date(headers: &HeaderMap) -> Option<i64> {
    Some(parse_date(headers.get(DATE)?.to_str().ok()?.trim())?.unix_timestamp())
}

fn parse_date(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn waits_double_up_to_the_cap_with_full_jitter() {
        let options = RetryOptions { max_attempts: 9, ..RetryOptions::default() };
        assert_eq!(options.wait(1, None, 1.0), Some(Duration::from_millis(500)));
        assert_eq!(options.wait(3, None, 1.0), Some(Duration::from_secs(2)));
        assert_eq!(options.wait(3, None, 0.0), Some(Duration::ZERO));
        assert_eq!(options.wait(8, None, 1.0), Some(options.max_delay));
        assert_eq!(options.wait(9, None, 1.0), None);
    }

    #[test]
    fn the_service_is_obeyed_or_the_call_ends() {
        let options = RetryOptions::default();
        assert_eq!(options.wait(1, Some(Duration::from_secs(7)), 0.0), Some(Duration::from_secs(7)));
        assert_eq!(options.wait(1, Some(Duration::from_mins(7)), 0.0), None);
    }

    #[test]
    fn every_form_of_retry_after_is_read() {
        let wait = |pairs: &[(&'static str, &'static str)]| retry_after(&headers(pairs));
        assert_eq!(
            wait(&[("retry-after-ms", "250"), ("retry-after", "9")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(wait(&[("retry-after", "3")]), Some(Duration::from_secs(3)));
        let (date, later) = ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:30 GMT");
        assert_eq!(wait(&[("date", date), ("retry-after", later)]), Some(Duration::from_secs(30)));
        assert_eq!(wait(&[("date", later), ("retry-after", date)]), Some(Duration::ZERO));
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[("retry-after-ms", "-1"), ("retry-after", "2")]), Some(Duration::from_secs(2)));
        assert_eq!(wait(&[]), None);
    }
}
