//! What the probes found.

use std::time::Duration;

use serde::Serialize;

use super::super::report::Outcome;

/// All probes, in the order in which they ended.
#[derive(Debug, Serialize)]
pub(in super::super) struct ProbeReport {
    /// What everything that is made is named by.
    pub(super) name: String,
    pub(super) probes: Vec<Probe>,
    /// What could not be removed.
    pub(super) left: Vec<String>,
    pub(super) interrupted: bool,
}

/// One finding.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Probe {
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
    pub(super) finding: String,
    /// What it means for the protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) meaning: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
    /// What was measured, in seconds, where something was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seconds: Option<f64>,
}

impl Probe {
    pub(super) fn new(name: &'static str, outcome: Outcome, finding: impl Into<String>) -> Self {
        Self { name, outcome, finding: finding.into(), meaning: None, advice: None, seconds: None }
    }

    /// A request that the probe needs was not carried out.
    pub(super) fn failed(name: &'static str, doing: &str, error: &dyn std::error::Error) -> Self {
        Self::new(name, Outcome::Failed, format!("{doing}: {error}"))
    }

    pub(super) fn meaning(self, meaning: impl Into<String>) -> Self {
        Self { meaning: Some(meaning.into()), ..self }
    }

    pub(super) fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    pub(super) fn measured(self, time: Duration) -> Self {
        Self { seconds: Some((time.as_secs_f64() * 1000.0).round() / 1000.0), ..self }
    }
}

impl ProbeReport {
    pub(super) fn new(name: String) -> Self {
        Self { name, probes: Vec::new(), left: Vec::new(), interrupted: false }
    }

    pub(in super::super) fn has_failed(&self) -> bool {
        self.probes.iter().any(|probe| probe.outcome == Outcome::Failed)
    }

    /// Whether submissions are not safe here, or something was left behind.
    pub(in super::super) fn is_alarming(&self) -> bool {
        !self.left.is_empty() || self.probes.iter().any(|probe| probe.outcome == Outcome::Unsafe)
    }

    pub(in super::super) fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// For people.
    pub(in super::super) fn text(&self) -> String {
        let width = self.probes.iter().map(|probe| probe.name.len()).max().unwrap_or_default();
        let mut text = format!("probes ({})\n", self.name);
        for probe in &self.probes {
            text += &format!("  {}  {:width$}  {}\n", probe.outcome.mark(), probe.name, probe.finding);
            for (word, more) in [("so", &probe.meaning), ("do", &probe.advice)] {
                if let Some(more) = more {
                    text += &format!("        {:width$}  {word}: {more}\n", "");
                }
            }
        }
        if self.left.is_empty() {
            text += "  ok    nothing is left of it\n";
        }
        for left in &self.left {
            text += &format!("  {}  left behind: {left}\n", Outcome::Unsafe.mark());
        }
        if self.interrupted {
            text += "  warn  interrupted: the other probes were left out\n";
        }
        text.trim_end().to_owned()
    }
}

/// A time for people: no finer than is sensible.
pub(super) fn human(time: Duration) -> String {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let rounded = if millis < 10_000 { millis.div_ceil(100) * 100 } else { millis.div_ceil(1000) * 1000 };
    humantime::format_duration(Duration::from_millis(rounded)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_aligned_and_say_what_to_do() {
        let mut report = ProbeReport::new("aob-probe-1".into());
        report.probes.push(Probe::new("fence", Outcome::Ok, "refused"));
        let slow = Probe::new("list lag", Outcome::Warning, "slow").meaning("late").advice("wait");
        report.probes.push(slow);
        report.left.push("file f".into());
        assert_eq!(
            report.text(),
            "probes (aob-probe-1)\n  ok    fence     refused\n  warn  list lag  slow\n                  so: late\n                  \
             do: wait\n  RISK  left behind: file f"
        );
        assert!(report.is_alarming() && !report.has_failed());
    }

    #[test]
    fn times_are_rounded_up() {
        let of = |millis| human(Duration::from_millis(millis));
        assert_eq!((of(1), of(1_234), of(61_200)), ("100ms".into(), "1s 300ms".into(), "1m 2s".into()));
    }
}
