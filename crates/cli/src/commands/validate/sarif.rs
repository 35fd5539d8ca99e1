//! Findings in SARIF 2.1.0 (OASIS), which code hosts show beside the lines.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use batch_orchestrator::validate::{Finding, Report};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::error::{CliError, CliResult};

/// What stands for itself in the path of a URI.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~').remove(b':');

/// A log on its way.
#[derive(Default)]
pub(super) struct Sarif {
    rules: BTreeSet<&'static str>,
    results: Vec<Value>,
    counts: BTreeMap<String, Value>,
}

impl Sarif {
    /// Adds what is wrong with a file.
    pub(super) fn add(&mut self, name: &str, report: &Report) {
        self.results.extend(report.findings.iter().map(|finding| result(name, finding)));
        self.rules.extend(report.findings.iter().map(|finding| finding.code.as_str()));
        // Findings are capped for each kind; the counts are not.
        self.counts.insert(name.to_owned(), json!(report.counts));
    }

    /// Writes the log.
    pub(super) fn write(self, path: &Path) -> CliResult<()> {
        let log = self.log();
        let text = format!("{log:#}\n");
        std::fs::write(path, text).map_err(|error| {
            CliError::usage(format!("--sarif {} cannot be written: {error}", path.display()))
                .hint("name a file in a directory that exists and can be written to")
        })
    }

    fn log(self) -> Value {
        let rules: Vec<_> = self.rules.iter().map(|code| json!({ "id": code })).collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "aoai-batch",
                    "version": env!("CARGO_PKG_VERSION"),
                    "informationUri": env!("CARGO_PKG_REPOSITORY"),
                    "rules": rules,
                }},
                "results": self.results,
                "properties": { "counts": self.counts },
            }],
        })
    }
}

fn result(name: &str, finding: &Finding) -> Value {
    let uri = utf8_percent_encode(name, PLAIN).to_string();
    let mut place = json!({ "artifactLocation": { "uri": uri } });
    if let Some(line) = finding.line {
        place["region"] = json!({ "startLine": line, "byteOffset": finding.offset });
    }
    json!({
        "ruleId": finding.code.as_str(),
        "level": "error",
        "message": { "text": format!("{}. {}", finding.message, finding.hint) },
        "locations": [{ "physicalLocation": place }],
    })
}
