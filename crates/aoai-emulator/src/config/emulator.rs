//! The root of the configuration.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    AnswerConfig, BatchConfig, EntraConfig, FileConfig, LakeConfig, OutcomeRule, QuotaConfig, TlsConfig,
    WireConfig,
};
use crate::server::FaultRule;

/// Everything an [`Emulator`](crate::Emulator) can be told at its start.
///
/// The default is a fast, friendly service: no key, no quota, echoed answers, a batch done in about two seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmulatorConfig {
    /// Port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The key that requests must carry (`api-key` or `Authorization: Bearer`); none = no check.
    pub api_key: Option<Secret>,
    /// Tokens that are as good as keys, and the endpoints that issue them.
    pub entra: EntraConfig,
    /// A second listener that speaks TLS; none = plain HTTP alone.
    pub tls: Option<TlsConfig>,
    /// Where file bodies go; none = the system's temporary directory. Removed again at the end.
    pub data_dir: Option<PathBuf>,
    /// Seed of everything that is drawn: order of result lines, outcomes by fraction, spread of service times.
    pub seed: u64,
    /// The virtual clock.
    pub clock: ClockConfig,
    /// Files: quotas, sizes, processing.
    pub files: FileConfig,
    /// Batches: service times, limits, undocumented behaviour.
    pub batches: BatchConfig,
    /// Enqueued-token quota.
    pub quota: QuotaConfig,
    /// Which lines do not simply succeed. The first rule that matches a line decides.
    pub outcomes: Vec<OutcomeRule>,
    /// Where answers come from.
    pub answers: AnswerConfig,
    /// Variants of the wire format that were seen in the wild.
    pub wire: WireConfig,
    /// The storage half.
    pub lake: LakeConfig,
    /// Faults to inject from the start.
    pub faults: Vec<FaultRule>,
}

/// How virtual time runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockConfig {
    /// Virtual seconds per real second; 0 = time moves only when it is advanced.
    pub speed: f64,
    /// Unix seconds at the start; none = the system's time.
    pub start: Option<i64>,
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self { speed: 1.0, start: None }
    }
}

/// A string that does not show in `Debug` output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_survives_a_round_trip_through_json() {
        let text = serde_json::to_string(&EmulatorConfig::default()).unwrap();
        assert_eq!(serde_json::from_str::<EmulatorConfig>(&text).unwrap(), EmulatorConfig::default());
    }

    #[test]
    fn unknown_keys_are_refused_and_durations_are_human() {
        assert!(serde_json::from_str::<EmulatorConfig>(r#"{"prot":1}"#).is_err());
        assert!(serde_json::from_str::<EmulatorConfig>(r#"{"batches":{"validatin":"1s"}}"#).is_err());
        let config: EmulatorConfig = serde_json::from_str(r#"{"batches":{"validating":"2m"}}"#).unwrap();
        assert_eq!(config.batches.validating.as_secs(), 120);
    }

    #[test]
    fn secrets_stay_out_of_debug_output() {
        let config = EmulatorConfig {
            api_key: Some("hunter2".into()),
            entra: EntraConfig {
                client_secret: Some("hunter2".into()),
                identity_header: Some("hunter2".into()),
                static_tokens: vec!["hunter2".into()],
                ..Default::default()
            },
            ..Default::default()
        };
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
