//! What can be said of lines without those before them: this is the work that is spread over the cores.

use std::{borrow::Cow, collections::BTreeMap, ops::Range, str::Utf8Error};

use aoai_batch_client::{Line, LineItem};
use serde_json::value::RawValue;
use token_estimator::TokenEstimator;

use super::{
    line::{Checker, IndexLine, Request, Wrong, Wrongs},
    merge::id_digest,
    report::{Finding, FindingCode, KEPT_PER_CODE},
    split::Block,
};
use crate::model::TokenTotals;

/// A block of lines, checked.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) lines: Vec<CheckedLine>,
    /// Entries of an index, each with its line end.
    pub(super) index: Vec<u8>,
    /// The models that the lines name: mostly one.
    pub(super) models: Vec<String>,
    /// What is wrong, in the order of the lines; of each kind no more than a report keeps.
    pub(super) findings: Vec<Finding>,
    /// How much is wrong beyond that.
    pub(super) uncited: BTreeMap<FindingCode, u64>,
    kept: BTreeMap<FindingCode, u64>,
}

/// A line, as far as the lines before it do not matter.
#[derive(Debug)]
pub(super) struct CheckedLine {
    pub(super) number: u64,
    pub(super) offset: u64,
    /// Bytes in the input, line end included.
    pub(super) bytes: u64,
    /// Bytes on the way to the service.
    pub(super) upload_bytes: u64,
    pub(super) tokens: TokenTotals,
    pub(super) id: Option<[u8; 16]>,
    /// Which of the models of the block.
    pub(super) model: Option<usize>,
    /// Its entry of the index.
    pub(super) index: Range<usize>,
    /// How many findings of the block are those of this line.
    pub(super) findings: usize,
    /// Whether nothing is wrong with it.
    pub(super) is_valid: bool,
}

/// Checks and counts the lines of a block.
pub(super) fn check_block(
    checker: &Checker<'_>,
    estimator: Option<&dyn TokenEstimator>,
    block: &Block,
) -> Checked {
    let mut checked = Checked::default();
    checked.lines.reserve_exact(block.lines.len());
    for item in &block.lines {
        match item {
            LineItem::Line(line) => checked.add(checker, estimator, line),
            LineItem::TooLong { number, offset, length } => {
                let mut wrong = Wrongs::default();
                match checker.beyond_limit(*number) {
                    Some(beyond) => wrong.list.extend(beyond),
                    None => wrong.list.push(checker.too_long(*length)),
                }
                checked.finish_line(blank(*number, *offset, *length), wrong);
            }
        }
    }
    checked
}

impl Checked {
    fn add(&mut self, checker: &Checker<'_>, estimator: Option<&dyn TokenEstimator>, line: &Line) {
        let mut entry = blank(line.number, line.offset, line.full_length);
        let mut wrong = Wrongs::default();
        if let Some(beyond) = checker.beyond_limit(line.number) {
            wrong.list.extend(beyond);
            entry.is_valid = false;
            return self.finish_line(entry, wrong);
        }
        let request = match utf8(&line.bytes) {
            Ok(text) => checker.check(text, &mut wrong),
            Err(error) => {
                let message = format!("not UTF-8: byte {} of the line is invalid", error.valid_up_to() + 1);
                wrong.add(FindingCode::InvalidEncoding, message, "save the file as UTF-8");
                Request::default()
            }
        };
        if let Some(id) = &request.custom_id {
            entry.id = Some(id_digest(id));
            entry.index = self.index_entry(line, id);
        }
        if let Some(model) = &request.model {
            entry.model = Some(self.model(model));
        }
        if wrong.is_empty()
            && let (Some(estimator), Some(model), Some(body)) = (estimator, &request.model, request.body)
        {
            entry.tokens = count(checker, estimator, model, body);
            wrong.list.extend(checker.exceeds_quota(entry.tokens));
        }
        // Rewritten lines all end in one line feed; others are sent byte for byte.
        if let Some(length) = checker.new_model_length {
            entry.upload_bytes = (line.bytes.len() + 1 + length).saturating_sub(request.model_length) as u64;
        }
        self.finish_line(entry, wrong);
    }

    fn finish_line(&mut self, mut entry: CheckedLine, wrong: Wrongs) {
        entry.is_valid &= wrong.is_empty();
        if wrong.more > 0 {
            *self.uncited.entry(FindingCode::InvalidRequest).or_default() += wrong.more;
        }
        for Wrong { code, message, hint } in wrong.list {
            let kept = self.kept.entry(code).or_default();
            if *kept >= KEPT_PER_CODE {
                *self.uncited.entry(code).or_default() += 1;
                continue;
            }
            *kept += 1;
            entry.findings += 1;
            let (line, offset) = (Some(entry.number), entry.offset);
            self.findings.push(Finding { line, offset, code, message, hint });
        }
        self.lines.push(entry);
    }

    fn index_entry(&mut self, line: &Line, id: &str) -> Range<usize> {
        let start = self.index.len();
        let length = line.bytes.len() as u64;
        let entry = IndexLine { offset: line.offset, length, id: Cow::Borrowed(id) };
        // Writing to a vector cannot fail, and strings and numbers always serialise.
        let _ = serde_json::to_writer(&mut self.index, &entry);
        self.index.push(b'\n');
        start..self.index.len()
    }

    fn model(&mut self, model: &str) -> usize {
        if self.models.last().is_none_or(|last| last != model) {
            self.models.push(model.to_owned());
        }
        self.models.len() - 1
    }
}

fn blank(number: u64, offset: u64, bytes: u64) -> CheckedLine {
    CheckedLine {
        number,
        offset,
        bytes,
        upload_bytes: bytes,
        tokens: TokenTotals::UNKNOWN,
        id: None,
        model: None,
        index: 0..0,
        findings: 0,
        is_valid: true,
    }
}

fn count(checker: &Checker<'_>, estimator: &dyn TokenEstimator, model: &str, body: &RawValue) -> TokenTotals {
    let count = estimator.count(checker.rules.new_model().unwrap_or(model), body);
    TokenTotals {
        prompt: count.prompt_tokens,
        quota: count.quota_tokens,
        provenance: Some(count.provenance),
        max_output: count.max_output_tokens,
    }
}

/// The text of a line. Only what is not UTF-8 is looked at a second time, for the place.
fn utf8(bytes: &[u8]) -> Result<&str, Utf8Error> {
    simdutf8::basic::from_utf8(bytes).or_else(|_| std::str::from_utf8(bytes))
}
