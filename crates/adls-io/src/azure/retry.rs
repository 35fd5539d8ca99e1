//! When to try again: pure functions.

use std::time::Duration;

use azure_core::http::headers::{HeaderName, Headers};

use super::{AzureRetry, client::Failure};
use crate::Error;

/// Tries while nothing was ever heard from the endpoint: a mistyped name should not take minutes to tell.
const FIRST_CONTACT_ATTEMPTS: u32 = 3;

impl AzureRetry {
    /// The wait after try number `attempt` (from 1): what the service asked for, or full jitter (`chance` is uniform
    /// in `[0, 1)`). `None` if there is no further try.
    pub(crate) fn wait(&self, attempt: u32, asked: Option<Duration>, chance: f64) -> Option<Duration> {
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

/// The tries of one call until now.
#[derive(Default)]
pub(crate) struct Tries {
    number: u32,
    /// One of them may have taken effect.
    pub(crate) doubtful: bool,
}

impl Tries {
    /// After a try that is worth another one: waits until it is time for that, or says that there is none. `heard`:
    /// whether the endpoint has ever answered.
    pub(crate) async fn again(
        &mut self,
        retry: &AzureRetry,
        heard: bool,
        error: Error,
        asked: Option<Duration>,
    ) -> Result<(), Failure> {
        self.number += 1;
        let number = self.number;
        let unheard = !heard && number >= FIRST_CONTACT_ATTEMPTS;
        let Some(wait) = retry.wait(number, asked, rand::random()).filter(|_| !unheard) else {
            let message = match asked {
                Some(asked) => format!("{} (tried {number} times; asked to wait {asked:?})", error.message),
                None if number > 1 => format!("{} (tried {number} times)", error.message),
                None => error.message.clone(),
            };
            return Err(Failure { error: Error { message, ..error }, doubtful: self.doubtful });
        };
        tracing::debug!(operation = error.operation, %error, ?wait, number, "the lake is tried again");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// How long the service asks to wait; it gives seconds or milliseconds.
pub(crate) fn retry_after(headers: &Headers) -> Option<Duration> {
    let number = |name: &'static str, unit: f64| {
        let text = headers.get_optional_str(&HeaderName::from_static(name))?;
        Duration::try_from_secs_f64(text.trim().parse::<f64>().ok()? * unit).ok()
    };
    number("x-ms-retry-after-ms", 1e-3)
        .or_else(|| number("retry-after-ms", 1e-3))
        .or_else(|| number("retry-after", 1.0))
}

/// Whether an answer says: not now.
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_end() {
        let retry = AzureRetry { max_attempts: 9, ..AzureRetry::default() };
        assert_eq!(retry.wait(1, None, 1.0), Some(Duration::from_millis(500)));
        assert_eq!(retry.wait(3, None, 1.0), Some(Duration::from_secs(2)));
        assert_eq!(retry.wait(8, None, 1.0), Some(retry.max_delay));
        assert_eq!(retry.wait(2, None, 0.0), Some(Duration::ZERO));
        assert_eq!(retry.wait(9, None, 1.0), None);
        assert_eq!(retry.wait(1, Some(Duration::from_secs(7)), 0.0), Some(Duration::from_secs(7)));
        assert_eq!(retry.wait(1, Some(Duration::from_mins(7)), 0.0), None);
    }

    #[test]
    fn what_the_service_asks_for_is_read() {
        let mut headers = Headers::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert("retry-after", "3");
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(3)));
        headers.insert("x-ms-retry-after-ms", "250");
        assert_eq!(retry_after(&headers), Some(Duration::from_millis(250)));
        headers.insert("x-ms-retry-after-ms", "soon");
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(3)));
    }
}
