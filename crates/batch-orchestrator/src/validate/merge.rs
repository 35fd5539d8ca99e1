//! The state that crosses lines: ids, model, parts, totals.

use std::collections::{HashMap, hash_map::Entry};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{
    checked::{Checked, CheckedLine},
    line::{IndexLine, Rules, excerpt},
    planner::{PlannedLine, Planner},
    report::{Finding, FindingCode, Report, Verdict},
    split::Splitter,
};
use crate::model::{JobPlan, TokenTotals};

/// Index lines are handed over in blocks of this size.
const INDEX_BLOCK: usize = 256 << 10;

/// The number of a part, and a block of its index.
pub type IndexBlock = (u32, Bytes);

/// Takes checked blocks in the order of the file.
///
/// # Guarantees
/// Memory is bounded by the number of lines of the file (24 bytes each), never by their length.
#[derive(Debug)]
pub(super) struct Merge<'a> {
    rules: &'a Rules,
    report: Report,
    ids: HashMap<[u8; 16], u64>,
    model: Option<(String, u64)>,
    planner: Planner,
    tokens: TokenTotals,
    part: u32,
    index: Vec<u8>,
    ready: Vec<IndexBlock>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(rules: &'a Rules) -> Self {
        Self {
            rules,
            report: Report::default(),
            ids: HashMap::new(),
            model: None,
            planner: Planner::default(),
            tokens: TokenTotals::ZERO,
            part: 0,
            index: Vec::new(),
            ready: Vec::new(),
        }
    }

    /// Takes the next block; answers with the blocks of the index that are full.
    pub(super) fn take(&mut self, checked: Checked) -> Vec<IndexBlock> {
        let mut findings = checked.findings.into_iter();
        for line in &checked.lines {
            self.report.lines += 1;
            for finding in findings.by_ref().take(line.findings) {
                self.report.add(finding);
            }
            let entry = &checked.index[line.index.clone()];
            let model = line.model.and_then(|at| checked.models.get(at));
            let is_new = self.is_new(line, entry);
            let is_same_model = model.is_none_or(|model| self.is_same_model(line, model));
            if line.is_valid && is_new && is_same_model {
                self.plan(line, entry);
            }
        }
        for (code, count) in checked.uncited {
            self.report.add_uncited(code, count);
        }
        std::mem::take(&mut self.ready)
    }

    /// The verdict, and the rest of the index.
    pub(super) fn finish(
        mut self,
        splitter: &Splitter,
        bytes: u64,
        hash: Sha256,
    ) -> (Verdict, Vec<IndexBlock>) {
        self.flush();
        self.report.lines += splitter.passed_over;
        self.report.bytes = bytes;
        if let Some(finding) = splitter.finding.clone() {
            self.report.add_first(finding);
        }
        if self.report.lines == 0 {
            self.report.add(Finding {
                line: None,
                offset: 0,
                code: FindingCode::EmptyFile,
                message: "the file has no lines, expected at least one request".into(),
                hint: "delete the file, or write its requests",
            });
        }
        self.report.sha256 = crate::model::hex(&hash.finalize());
        if !self.report.is_clean() {
            return (Verdict::Invalid(self.report), self.ready);
        }
        let model = self.rules.new_model().map(str::to_owned).or(self.model.map(|model| model.0));
        let plan = JobPlan {
            sha256: self.report.sha256,
            lines: self.report.lines,
            model: model.unwrap_or_default(),
            tokens: self.tokens,
            parts: self.planner.finish(self.rules.new_model()),
        };
        (Verdict::Valid(Box::new(plan)), self.ready)
    }

    fn plan(&mut self, line: &CheckedLine, entry: &[u8]) {
        self.tokens.add(line.tokens);
        let planned = PlannedLine {
            number: line.number,
            offset: line.offset,
            bytes: line.bytes,
            upload_bytes: line.upload_bytes,
            tokens: line.tokens,
        };
        let part = self.planner.add(&planned, &self.rules.limits);
        if part != self.part || self.index.len() >= INDEX_BLOCK {
            self.flush();
            self.part = part;
        }
        self.index.extend_from_slice(entry);
    }

    fn flush(&mut self) {
        if !self.index.is_empty() {
            self.ready.push((self.part, std::mem::take(&mut self.index).into()));
        }
    }

    /// Ids of invalid lines count too: a duplicate is to be found before the rest of its line is put right.
    fn is_new(&mut self, line: &CheckedLine, entry: &[u8]) -> bool {
        let Some(id) = line.id else { return true };
        let first = match self.ids.entry(id) {
            Entry::Vacant(free) => {
                free.insert(line.number);
                return true;
            }
            Entry::Occupied(first) => *first.get(),
        };
        let id = serde_json::from_slice::<IndexLine<'_>>(entry).map_or_else(|_| "".into(), |entry| entry.id);
        let message = format!(
            "custom_id \"{}\" is that of line {first} and of line {}, expected a unique one",
            excerpt(&id),
            line.number
        );
        self.add(line, FindingCode::DuplicateCustomId, message, "give every line a custom_id of its own");
        false
    }

    fn is_same_model(&mut self, line: &CheckedLine, model: &str) -> bool {
        if self.rules.set_model {
            return true;
        }
        if self.model.is_none() {
            self.model = Some((model.to_owned(), line.number));
        }
        let Some((first, number)) = self.model.as_ref().filter(|(first, _)| first != model) else {
            return true;
        };
        // Each line was held against the deployment already.
        if self.rules.deployment.is_some() {
            return false;
        }
        let message = format!(
            "body.model is \"{}\" but line {number} has \"{}\", expected one in all lines",
            excerpt(model),
            excerpt(first)
        );
        self.add(line, FindingCode::ModelMismatch, message, "split the file by model");
        false
    }

    fn add(&mut self, line: &CheckedLine, code: FindingCode, message: String, hint: &'static str) {
        self.report.add(Finding { line: Some(line.number), offset: line.offset, code, message, hint });
    }
}

/// What stands for a `custom_id` in memory: half of its SHA-256. Files come from others, so a hash without a key must
/// be one that nobody can find two ids for: with two, a good file would be refused, or a result given to the wrong
/// request. It is made on the workers, and where processors have instructions for it, it takes less than parsing.
pub(crate) fn id_digest(id: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(id.as_bytes())[..16]);
    short
}
