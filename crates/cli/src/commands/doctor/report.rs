//! What was found.

use serde::Serialize;

use super::probe::ProbeReport;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// As it should be.
    Ok,
    /// Worth a look; a run works.
    Warning,
    /// A run will not work.
    Failed,
    /// A run works, and may lose or pay for something twice.
    Unsafe,
    /// Something to know.
    Note,
}

impl Outcome {
    /// The mark before a line, of one width.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Ok => "ok  ",
            Self::Warning => "warn",
            Self::Failed => "FAIL",
            Self::Unsafe => "RISK",
            Self::Note => "  – ",
        }
    }
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    /// Such as `lake`.
    pub(super) area: &'static str,
    pub(super) outcome: Outcome,
    /// What was looked at and seen.
    pub(super) what: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<String>,
}

/// All checks, in order.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
    /// Where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) probe: Option<ProbeReport>,
}

impl Report {
    pub(super) fn add(&mut self, area: &'static str, outcome: Outcome, what: impl Into<String>) {
        self.findings.push(Finding { area, outcome, what: what.into(), fix: None });
    }

    pub(super) fn add_with_fix(
        &mut self,
        area: &'static str,
        outcome: Outcome,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.findings.push(Finding { area, outcome, what: what.into(), fix: Some(fix.into()) });
    }

    /// An error of ours, with its hints as what to do.
    pub(super) fn add_error(&mut self, area: &'static str, doing: &str, error: &crate::error::CliError) {
        let causes = error.causes.join(": ");
        let what = if causes.is_empty() { error.message.clone() } else { causes };
        let fix = Some(error.hints.join("; ")).filter(|fix| !fix.is_empty());
        self.findings.push(Finding { area, outcome: Outcome::Failed, what: format!("{doing}: {what}"), fix });
    }

    pub(super) fn has_failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.outcome == Outcome::Failed)
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut area = "";
        for finding in &self.findings {
            if finding.area != area {
                area = finding.area;
                text += &format!("{area}\n");
            }
            text += &format!("  {}  {}\n", finding.outcome.mark(), finding.what);
            if let Some(fix) = &finding.fix {
                text += &format!("        do: {fix}\n");
            }
        }
        if let Some(probe) = &self.probe {
            text += &probe.text();
        }
        text.trim_end().to_owned()
    }
}
