//! The state that crosses lines: ids, model, parts, hash.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use token_estimator::TokenEstimator;

use super::{
    encoding::sniff,
    line::{IndexLine, Rules, Wrong, check},
    planner::{PlannedLine, Planner},
    report::{Finding, FindingCode, Report, Verdict},
};
use crate::model::{JobPlan, TokenTotals};

/// One line of the input, as the splitter found it.
#[derive(Debug, Clone, Copy)]
pub struct InputLine<'a> {
    /// From 1.
    pub number: u64,
    /// First byte in the file.
    pub offset: u64,
    /// The bytes, without the line end.
    pub bytes: &'a [u8],
    /// Bytes, line end included.
    pub full_length: u64,
}

/// Validates and plans a file, line by line.
///
/// # Flow
/// [`hash`](Self::hash) every chunk, [`line`](Self::line) every line, [`too_long`](Self::too_long) for lines that
/// the splitter passed over, then [`finish`](Self::finish).
///
/// # Guarantees
/// Memory is bounded by the number of lines of the file (24 bytes each), never by their length.
pub struct Validator<'a> {
    rules: &'a Rules,
    estimator: Option<&'a dyn TokenEstimator>,
    report: Report,
    hash: Sha256,
    ids: HashMap<[u8; 16], u64>,
    model: Option<(String, u64)>,
    planner: Planner,
    tokens: TokenTotals,
    unreadable: bool,
    wrong: Vec<Wrong>,
}

impl std::fmt::Debug for Validator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Validator").field("report", &self.report).finish_non_exhaustive()
    }
}

impl<'a> Validator<'a> {
    /// A validator; without an estimator no tokens are counted.
    #[must_use]
    pub fn new(rules: &'a Rules, estimator: Option<&'a dyn TokenEstimator>) -> Self {
        Self {
            rules,
            estimator,
            report: Report::default(),
            hash: Sha256::new(),
            ids: HashMap::new(),
            model: None,
            planner: Planner::default(),
            tokens: TokenTotals::ZERO,
            unreadable: false,
            wrong: Vec::new(),
        }
    }

    /// Takes the bytes of the file, in order.
    pub fn hash(&mut self, chunk: &[u8]) {
        self.hash.update(chunk);
        self.report.bytes += chunk.len() as u64;
    }

    /// Takes a line. For a valid one: the number of its part, and its line of that part's index.
    pub fn line<'l>(&mut self, line: InputLine<'l>) -> Option<(u32, IndexLine<'l>)> {
        self.report.lines += 1;
        let mut bytes = line.bytes;
        if line.number == 1
            && let Some(sniffed) = sniff(bytes)
        {
            self.report.add(sniffed.finding);
            self.unreadable = !sniffed.readable;
            bytes = &bytes[sniffed.skip..];
        }
        if self.unreadable || self.too_many(line.number, line.offset) {
            return None;
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("not UTF-8: byte {} of the line is invalid", error.valid_up_to() + 1);
                self.add(line, FindingCode::InvalidEncoding, message, "save the file as UTF-8");
                return None;
            }
        };
        let mut wrong = std::mem::take(&mut self.wrong);
        let request = check(text, self.rules, &mut wrong);
        for Wrong { code, message, hint } in wrong.drain(..) {
            self.add(line, code, message, hint);
        }
        self.wrong = wrong;
        let request = request?;

        if !self.is_new(line, &request.custom_id) | !self.is_same_model(line, &request.model) {
            return None;
        }
        let tokens = self.estimator.map_or(TokenTotals::UNKNOWN, |estimator| {
            let count = estimator.count(self.rules.new_model().unwrap_or(&request.model), request.body);
            TokenTotals {
                prompt: count.prompt_tokens,
                quota: count.quota_tokens,
                provenance: Some(count.provenance),
                max_output: count.max_output_tokens,
            }
        });
        self.tokens.add(tokens);
        // Rewritten lines all end in one line feed; others are sent byte for byte.
        let upload_bytes = match self.rules.new_model() {
            Some(name) => (line.bytes.len() + 1 + quoted_length(name) - request.model_length) as u64,
            None => line.full_length,
        };
        let planned = PlannedLine {
            number: line.number,
            offset: line.offset,
            bytes: line.full_length,
            upload_bytes,
            tokens,
        };
        let part = self.planner.add(&planned, &self.rules.limits);
        let length = line.bytes.len() as u64;
        Some((part, IndexLine { offset: line.offset, length, id: request.custom_id }))
    }

    /// Takes a line that was too long to be read.
    pub fn too_long(&mut self, number: u64, offset: u64, length: u64) {
        self.report.lines += 1;
        self.report.add(Finding {
            line: Some(number),
            offset,
            code: FindingCode::LineTooLong,
            message: format!(
                "the line has {length} bytes, expected at most {} (limits.max_line_bytes)",
                self.rules.limits.max_line_bytes
            ),
            hint: "shorten the request (refer to images by URL, for instance) or raise limits.max_line_bytes",
        });
    }

    /// The verdict.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        if self.report.lines == 0 {
            self.report.add(Finding {
                line: None,
                offset: 0,
                code: FindingCode::EmptyFile,
                message: "the file has no lines, expected at least one request".into(),
                hint: "delete the file, or write its requests",
            });
        }
        self.report.sha256 = crate::model::hex(&self.hash.finalize());
        if !self.report.is_clean() {
            return Verdict::Invalid(self.report);
        }
        Verdict::Valid(Box::new(JobPlan {
            sha256: self.report.sha256,
            lines: self.report.lines,
            model: self.rules.new_model().map(str::to_owned).or(self.model.map(|m| m.0)).unwrap_or_default(),
            tokens: self.tokens,
            parts: self.planner.finish(),
        }))
    }

    fn too_many(&mut self, number: u64, offset: u64) -> bool {
        let limits = &self.rules.limits;
        if limits.split || number <= limits.max_lines {
            return false;
        }
        if number == limits.max_lines + 1 {
            self.report.add(Finding {
                line: Some(number),
                offset,
                code: FindingCode::TooManyTasks,
                message: format!(
                    "the file has more than {} lines, the most that a batch may have",
                    limits.max_lines
                ),
                hint: "split the file, or let limits.split = true send it in several parts",
            });
        }
        true
    }

    fn is_new(&mut self, line: InputLine<'_>, id: &str) -> bool {
        let digest = id_digest(id);
        let first = *self.ids.entry(digest).or_insert(line.number);
        if first == line.number {
            return true;
        }
        let message = format!("custom_id \"{id}\" is that of line {first} too, expected a unique one");
        self.add(line, FindingCode::DuplicateCustomId, message, "give every line a custom_id of its own");
        false
    }

    fn is_same_model(&mut self, line: InputLine<'_>, model: &str) -> bool {
        if self.rules.set_model {
            return true;
        }
        let (first, number) = self.model.get_or_insert_with(|| (model.to_owned(), line.number));
        if first == model {
            return true;
        }
        let message =
            format!("body.model is \"{model}\" but line {number} has \"{first}\", expected one in all lines");
        self.add(line, FindingCode::ModelMismatch, message, "split the file by model");
        false
    }

    fn add(&mut self, line: InputLine<'_>, code: FindingCode, message: String, hint: &'static str) {
        self.report.add(Finding { line: Some(line.number), offset: line.offset, code, message, hint });
    }
}

/// What stands for a `custom_id` in memory.
pub(crate) fn id_digest(id: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(id.as_bytes())[..16]);
    short
}

/// Length of `name` as JSON text.
fn quoted_length(name: &str) -> usize {
    serde_json::to_string(name).map_or(name.len() + 2, |text| text.len())
}
