//! A file, the rules for it, and the ways in which it is validated.

use batch_orchestrator::{
    LimitOptions,
    validate::{IndexBlock, Report, Rules, Validator, Verdict},
};
use bytes::Bytes;
use serde_json::value::RawValue;
use token_estimator::{Provenance, TokenCount, TokenEstimator};

/// Stands in every prompt: no report may show it.
pub(crate) const SECRET: &str = "S3CRET";

/// A file and its rules.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) rules: Rules,
    pub(crate) count: bool,
}

impl Case {
    /// A file of chat completions.
    pub(crate) fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let rules = Rules {
            batch_endpoint: "/chat/completions".into(),
            deployment: None,
            set_model: false,
            limits: LimitOptions { split: false, ..LimitOptions::default() },
        };
        Self { name: name.to_owned(), bytes: bytes.into(), rules, count: false }
    }

    pub(crate) fn endpoint(mut self, endpoint: &str) -> Self {
        self.rules.batch_endpoint = endpoint.to_owned();
        self
    }

    pub(crate) fn deployment(mut self, name: &str) -> Self {
        self.rules.deployment = Some(name.to_owned());
        self
    }

    pub(crate) fn set_model(mut self) -> Self {
        self.rules.set_model = true;
        self
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut LimitOptions)) -> Self {
        change(&mut self.rules.limits);
        self
    }

    pub(crate) fn counted(mut self) -> Self {
        self.count = true;
        self
    }

    pub(crate) fn estimator(&self) -> Option<&'static dyn TokenEstimator> {
        self.count.then_some(&Quarter)
    }

    /// Validates in chunks of one size.
    pub(crate) fn validate(&self, chunk: usize) -> Outcome {
        let mut validator = Validator::new(&self.rules, self.estimator());
        let mut index = Vec::new();
        for chunk in self.bytes.chunks(chunk.max(1)) {
            index.extend(validator.push(Bytes::copy_from_slice(chunk)));
        }
        let (verdict, rest) = validator.finish();
        index.extend(rest);
        Outcome { verdict, index: joined(index) }
    }
}

/// What came of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    /// The index of each part.
    pub(crate) index: Vec<(u32, Vec<u8>)>,
}

/// The blocks of each part, as one.
pub(crate) fn joined(blocks: impl IntoIterator<Item = IndexBlock>) -> Vec<(u32, Vec<u8>)> {
    let mut parts: Vec<(u32, Vec<u8>)> = Vec::new();
    for (part, block) in blocks {
        match parts.last_mut().filter(|(last, _)| *last == part) {
            Some((_, bytes)) => bytes.extend_from_slice(&block),
            None => parts.push((part, block.to_vec())),
        }
    }
    parts
}

/// Counts a token for every four bytes.
pub(crate) struct Quarter;

impl TokenEstimator for Quarter {
    fn count(&self, model: &str, body: &RawValue) -> TokenCount {
        let quota_tokens = body.get().len() as u64 / 4;
        TokenCount {
            prompt_tokens: 1,
            text_tokens: 1,
            image_tokens: 0,
            tool_tokens: 0,
            overhead_tokens: 0,
            quota_tokens,
            max_output_tokens: None,
            provenance: self.provenance(model),
        }
    }

    fn provenance(&self, _: &str) -> Provenance {
        Provenance::Estimate
    }
}

/// A report as text: what the snapshot holds.
pub(crate) fn render(name: &str, report: &Report) -> String {
    const SHOWN: usize = 4;
    let mut text = format!("== {name} ({} lines, {} bytes)\n", report.lines, report.bytes);
    for finding in report.findings.iter().take(SHOWN) {
        let line = finding.line.map_or_else(|| "file".to_owned(), |line| format!("line {line}"));
        let code = finding.code.as_str();
        text += &format!("{line} @{} {code}: {}\n", finding.offset, visible(&finding.message));
        text += &format!("    hint: {}\n", visible(finding.hint));
    }
    if report.findings.len() > SHOWN {
        text += &format!("… {} listed; counts:", report.findings.len());
        for (code, count) in &report.counts {
            text += &format!(" {}={count}", code.as_str());
        }
        text.push('\n');
    }
    text
}

fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { format!("<{:02x}>", c as u32) } else { c.to_string() }).collect()
}

/// A valid line of a chat, with its line end.
pub(crate) fn good(id: &str) -> String {
    chat(id, &format!(r#""messages":[{{"role":"user","content":"{SECRET}"}}]"#))
}

/// A line of a chat, with these fields beside the model.
pub(crate) fn chat(id: &str, fields: &str) -> String {
    line(id, "/chat/completions", &format!(r#"{{"model":"m",{fields}}}"#))
}

/// A chat whose messages are these.
pub(crate) fn messages(messages: &str) -> String {
    chat("bad", &format!(r#""messages":{messages}"#))
}

/// A line with this body.
pub(crate) fn line(id: &str, url: &str, body: &str) -> String {
    format!("{{\"custom_id\":\"{id}\",\"method\":\"POST\",\"url\":\"{url}\",\"body\":{body}}}\n")
}

/// The bad one between two good ones.
pub(crate) fn between(bad: impl AsRef<[u8]>) -> Vec<u8> {
    [good("first").as_bytes(), bad.as_ref(), good("last").as_bytes()].concat()
}
