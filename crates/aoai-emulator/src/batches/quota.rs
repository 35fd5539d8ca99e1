//! The enqueued-token quota.

use crate::{config::QuotaConfig, files::Scan};

/// The service's estimate at create: characters of the bodies over four, as the settings weigh them.
pub(super) fn tokens(config: &QuotaConfig, scan: &Scan) -> u64 {
    let tokens = scan.body_chars.div_ceil(4);
    config.percent.map_or(tokens, |percent| tokens.saturating_mul(percent).div_ceil(100))
}

/// The limit of a deployment; none = no limit.
pub(super) fn limit(config: &QuotaConfig, deployment: &str) -> Option<u64> {
    config.per_deployment.get(deployment).copied().or(config.max_enqueued_tokens)
}

/// The documented text.
pub(super) fn message(limit: u64, deployment: &str) -> String {
    let limit = match limit {
        limit if limit >= 1_000_000 && limit.is_multiple_of(1_000_000) => format!("{}M", limit / 1_000_000),
        limit if limit >= 1_000 && limit.is_multiple_of(1_000) => format!("{}K", limit / 1_000),
        limit => limit.to_string(),
    };
    format!(
        "The number of enqueued tokens has surpassed the configured limit of {limit} for the deployment \
         '{deployment}'. Please either increase the limit or try again once the current jobs have finished."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_documented_one() {
        assert!(message(30_000, "gpt-4.1-batch").starts_with(
            "The number of enqueued tokens has surpassed the configured limit of 30K for the deployment \
             'gpt-4.1-batch'. Please either"
        ));
        assert!(message(1_500, "d").contains("limit of 1500 for"));
    }

    #[test]
    fn a_deployment_may_have_its_own_limit() {
        let config = QuotaConfig {
            max_enqueued_tokens: Some(5),
            per_deployment: [("d".to_owned(), 9)].into(),
            ..QuotaConfig::default()
        };
        assert_eq!((limit(&config, "d"), limit(&config, "e")), (Some(9), Some(5)));
        assert_eq!(limit(&QuotaConfig::default(), "d"), None);
    }
}
