//! What changes the books of a deployment.

use std::time::Duration;

use super::Intent;
use crate::model::DeploymentId;

/// What a commit of a part means for the books.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// Where the part goes from now on; `None` if that stays as it is.
    pub deployment: Option<DeploymentId>,
    /// What is learned or asked for.
    pub change: Option<QuotaChange>,
    /// What the part has cost after all, in billionths of a dollar; replaces the estimate of its intent.
    pub cost: Option<u64>,
}

/// What is learned of a deployment, or asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum QuotaChange {
    /// A part is sent there, as this weight in the pool makes its due.
    Placed {
        /// The weight.
        weight: f64,
    },
    /// The intent to create a batch: refused if there is no room.
    Intent(Intent),
    /// The service took the batch.
    Created {
        /// Its own figure, where it tells.
        figure: Option<u64>,
        /// The deployment's limit, where it tells.
        limit: Option<u64>,
    },
    /// The service had no room.
    Refused {
        /// The limit that its message names.
        limit: Option<u64>,
    },
    /// A batch has ended, and what it used is known.
    Ended(Used),
}

/// What a batch used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Prompt tokens that were expected.
    pub estimated: u64,
    /// Prompt tokens by usage; zero if not all lines told.
    pub actual: u64,
    /// Completion tokens by usage.
    pub completion: u64,
    /// Lines that were answered.
    pub lines: u64,
    /// From create to end.
    pub turnaround: Option<Duration>,
}

/// The limit that a refusal names, as in `the configured limit of 30K for the deployment`. Seen in the wild, documented
/// nowhere: what does not look like this is not taken for a limit.
#[must_use]
pub fn limit_in(message: &str) -> Option<u64> {
    let (_, rest) = message.split_once("configured limit of ")?;
    let word = rest.split_whitespace().next()?.replace([',', '_'], "");
    let (digits, unit) = match word.as_bytes().last()? {
        b'K' | b'k' => (&word[..word.len() - 1], 1_000),
        b'M' | b'm' => (&word[..word.len() - 1], 1_000_000),
        b'B' | b'b' => (&word[..word.len() - 1], 1_000_000_000),
        _ => (word.as_str(), 1),
    };
    let number: f64 = digits.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)?;
    Some((number * f64::from(unit)) as u64).filter(|limit| *limit > 0)
}

#[cfg(test)]
mod tests {
    use super::limit_in;

    #[test]
    fn the_limit_is_read_where_the_message_names_it() {
        let message = |limit| {
            format!(
                "The number of enqueued tokens has surpassed the configured limit of {limit} for the deployment 'd'."
            )
        };
        for (text, limit) in [
            ("30K", Some(30_000)),
            ("1.5M", Some(1_500_000)),
            ("5B", Some(5_000_000_000)),
            ("1500", Some(1_500)),
            ("740,000", Some(740_000)),
            ("0", None),
            ("-3K", None),
            ("many", None),
            ("infK", None),
            ("", None),
        ] {
            assert_eq!(limit_in(&message(text)), limit, "{text}");
        }
        assert_eq!(limit_in("token_limit_exceeded"), None);
    }
}
