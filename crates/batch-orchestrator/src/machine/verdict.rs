//! What the failure of a line means: whether sending it again can help.

use std::collections::BTreeMap;

use crate::model::PartFailure;

/// What is done about a line without a successful answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is sent again, in the next attempt: it was not its fault.
    Again,
    /// It is reported: sending it again would fail again, until the request or the configuration is mended.
    Report,
    /// Nobody knows: a person decides, and nothing is sent or published before.
    Quarantine,
}

/// Our own code of a line that the service did not get to, for it refused the batch because of others.
pub(crate) const NOT_EXECUTED: &str = "not_executed";

/// What the configuration must mend, or a role. A line with such a code is sent again: if nothing was mended, the whole of the
/// next batch is refused without cost, and waits for it.
const CONFIGURATION: [&str; 3] = ["DeploymentNotFound", "input_no_permissions", "model_not_found"];

/// Codes after which the same line may well succeed: limits, outages, and what was never executed.
const AGAIN: [&str; 23] = [
    "batch_expired",
    "engine_overloaded",
    "input_modified",
    "internal_error",
    "internal_server_error",
    "internalFailure",
    "InternalServerError",
    NOT_EXECUTED,
    PartFailure::FILE_UNUSABLE,
    PartFailure::UNCONFIRMED,
    "overloaded",
    "overloaded_error",
    "rate_limit_error",
    "rate_limit_exceeded",
    "RateLimitReached",
    "request_timeout",
    "result_missing",
    "server_error",
    "serviceUnavailable",
    "service_unavailable",
    "timeout",
    "token_limit_exceeded",
    "tooManyRequests",
];

/// Codes that say what is wrong with the line, or with the configuration. From the service's documentation of batch errors, and
/// from the error bodies of the underlying APIs.
const REPORT: [&str; 22] = [
    "batch_cancelled",
    "contentFilter",
    "content_filter",
    "content_policy_violation",
    "context_length_exceeded",
    "duplicate_custom_id",
    "empty_batch",
    "empty_file",
    "forbidden",
    "insufficient_quota",
    "invalid_json_line",
    "invalid_prompt",
    "invalid_request",
    "invalid_request_error",
    "invalid_type",
    "invalid_value",
    "jsonlValidationFailed",
    "model_mismatch",
    "string_above_max_length",
    "too_many_tasks",
    "unauthorized",
    "url_mismatch",
];

/// The table of verdicts: by code, then by HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts {
    /// One's own, by code; they go before the built-in ones. An HTTP status is a code, too: `"409"`.
    pub own: BTreeMap<String, Verdict>,
    /// For codes that are not known and tell no HTTP status of a failure.
    pub unknown: Verdict,
}

impl Default for Verdicts {
    fn default() -> Self {
        Self { own: BTreeMap::new(), unknown: Verdict::Quarantine }
    }
}

impl Verdicts {
    /// The verdict on a batch that was refused as a whole, on its lines' behalf. What the configuration must mend was waited for
    /// before, if it is the configuration that says it: so here it is the file that does.
    #[must_use]
    pub fn of_refused(&self, code: &str) -> Verdict {
        match self.own.get(code) {
            None if CONFIGURATION.contains(&code) => Verdict::Report,
            _ => self.of(Some(code), None),
        }
    }

    /// The verdict on a failure. Any status of 4xx or 5xx is known, whatever its code: what the service refuses for the request's
    /// sake is 4xx in every API that a batch can call.
    #[must_use]
    pub fn of(&self, code: Option<&str>, status: Option<i64>) -> Verdict {
        let number = status.map(|status| status.to_string());
        let own = [code, number.as_deref()].into_iter().flatten().find_map(|code| self.own.get(code));
        if let Some(own) = own {
            return *own;
        }
        match code {
            Some(code) if AGAIN.contains(&code) || CONFIGURATION.contains(&code) => return Verdict::Again,
            Some(code) if REPORT.contains(&code) => return Verdict::Report,
            _ => {}
        }
        match status.or_else(|| code.and_then(|code| code.parse().ok())) {
            // 0 was seen where no request got through.
            Some(0 | 408 | 409 | 425 | 429 | 500..=599) => Verdict::Again,
            Some(400..=499) => Verdict::Report,
            _ => self.unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_sent_again_and_what_cannot_is_reported() {
        let verdicts = Verdicts::default();
        for (code, status, verdict) in [
            (Some("rate_limit_exceeded"), Some(429), Verdict::Again),
            (Some("429"), Some(429), Verdict::Again),
            (Some("whatever"), Some(503), Verdict::Again),
            (Some("0"), Some(0), Verdict::Again),
            (Some("batch_expired"), None, Verdict::Again),
            (Some("content_filter"), Some(400), Verdict::Report),
            // The code says more than the status.
            (Some("insufficient_quota"), Some(429), Verdict::Report),
            (Some("model_not_found"), Some(404), Verdict::Again),
            (Some("url_mismatch"), None, Verdict::Report),
            (Some("something_new"), Some(422), Verdict::Report),
            (Some("something_new"), None, Verdict::Quarantine),
            (Some("something_new"), Some(302), Verdict::Quarantine),
            (Some("404"), None, Verdict::Report),
            (None, None, Verdict::Quarantine),
        ] {
            assert_eq!(verdicts.of(code, status), verdict, "{code:?} {status:?}");
        }
    }

    #[test]
    fn a_batch_that_is_refused_for_a_name_in_its_lines_is_reported() {
        let mut verdicts = Verdicts::default();
        for (code, verdict) in [
            ("model_not_found", Verdict::Report),
            ("invalid_json_line", Verdict::Report),
            ("server_error", Verdict::Again),
            ("something_new", Verdict::Quarantine),
        ] {
            assert_eq!(verdicts.of_refused(code), verdict, "{code}");
        }
        verdicts.own.insert("model_not_found".into(), Verdict::Again);
        assert_eq!(verdicts.of_refused("model_not_found"), Verdict::Again);
    }

    #[test]
    fn ones_own_verdicts_go_first() {
        let own = [("content_filter", Verdict::Again), ("409", Verdict::Report)];
        let own = own.map(|(code, verdict)| (code.to_owned(), verdict)).into();
        let verdicts = Verdicts { own, unknown: Verdict::Report };
        assert_eq!(verdicts.of(Some("content_filter"), Some(400)), Verdict::Again);
        assert_eq!(verdicts.of(Some("conflict"), Some(409)), Verdict::Report);
        assert_eq!(verdicts.of(Some("something_new"), None), Verdict::Report);
        assert_eq!(verdicts.of(Some("rate_limit_exceeded"), Some(429)), Verdict::Again);
    }

    #[test]
    fn no_code_has_two_verdicts() {
        let codes = [&AGAIN[..], &CONFIGURATION, &REPORT].concat();
        let different: std::collections::BTreeSet<_> = codes.iter().collect();
        assert_eq!(codes.len(), different.len());
    }
}
