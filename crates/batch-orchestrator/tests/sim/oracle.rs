//! What must hold after every mutation. It keeps its own books and believes nobody.

use std::collections::{BTreeMap, BTreeSet};

use adls_io::{Location, MemoryLake};
use batch_orchestrator::{ledger::RecordKey, model::JobState};
use bytes::Bytes;

use crate::{fate::Fates, scenario::Scenario, world::at};

pub(crate) struct Oracle {
    inputs: BTreeMap<String, Bytes>,
    /// Who paid for which line.
    billed: BTreeMap<String, String>,
    /// The newest lease of each record.
    fences: BTreeMap<RecordKey, i64>,
    /// When a job was known to be published: what comes to be after that is a zombie's.
    pub(crate) published: BTreeMap<String, i64>,
    pub(crate) violation: Option<String>,
    fates: Fates,
    /// Whether every line that can succeed has attempts and time enough for it.
    patient: bool,
}

impl Oracle {
    pub(crate) fn new(inputs: BTreeMap<String, Bytes>, scenario: &Scenario) -> Self {
        Self {
            inputs,
            billed: BTreeMap::new(),
            fences: BTreeMap::new(),
            published: BTreeMap::new(),
            violation: None,
            fates: scenario.fates,
            patient: scenario.is_patient(),
        }
    }

    pub(crate) fn broken(&mut self, why: String) {
        self.violation.get_or_insert(why);
    }

    /// I1: a line is paid for once.
    pub(crate) fn bill(&mut self, custom_id: &str, batch: &str) {
        // As it was before it was merged.
        let custom_id = custom_id.split_once('.').map_or(custom_id, |(_, id)| id);
        if let Some(first) = self.billed.insert(custom_id.to_owned(), batch.to_owned()) {
            self.broken(format!("I1: {custom_id} is billed by {first} and by {batch}"));
        }
    }

    /// I5: only the newest lease writes.
    pub(crate) fn claimed(&mut self, key: &RecordKey, fence: i64) {
        let newest = self.fences.entry(key.clone()).or_insert(fence);
        if fence < *newest {
            let newest = *newest;
            self.broken(format!("I5: {key:?} was leased with fence {fence} after {newest}"));
        } else {
            *newest = fence;
        }
    }

    /// I7: reserved tokens stay within the limit. A deployment of which nothing is taken takes one batch of any size.
    pub(crate) fn reserved(&mut self, limit: u64, holders: &[u64]) {
        let sum: u64 = holders.iter().sum();
        if sum > limit && holders.len() > 1 {
            self.broken(format!("I7: {holders:?} tokens are reserved, the limit is {limit}"));
        }
    }

    /// I5, and what a commit says of its job.
    pub(crate) fn committed(&mut self, key: &RecordKey, fence: i64) {
        let newest = self.fences.get(key).copied().unwrap_or_default();
        if fence < newest {
            self.broken(format!("I5: {key:?} was written with fence {fence}, the newest is {newest}"));
        }
    }

    /// I2: each line of a job that is done is in output or error, once; and I6: nothing needs a person.
    pub(crate) fn job(&mut self, key: &str, path: &str, state: &JobState, now_ms: i64, lake: &MemoryLake) {
        match state {
            JobState::Published { .. } => {
                self.published.entry(key.to_owned()).or_insert(now_ms);
            }
            // Its members are what counts.
            JobState::Done { .. } if path.contains("/bundles/") => {}
            JobState::Done { target, .. } => {
                let name = path.rsplit('/').next().unwrap_or_default();
                let Some(input) = self.inputs.get(name).cloned() else {
                    return self.broken(format!("I2: job {key} is about {path}, which nobody put there"));
                };
                let read = |directory: &Location, what: &str| {
                    let file = directory.join(&target.file_name(what)).unwrap();
                    lake.bytes(&file).map(|bytes| ids(&bytes)).unwrap_or_default()
                };
                let (output, errors) = (read(&target.processed, "output"), read(&target.error, "error"));
                self.results(path, &input, &output, &errors);
                let mut found = [output, errors].concat();
                found.sort();
                let mut expected = ids(&input);
                expected.sort();
                if found != expected {
                    self.broken(format!("I2: {path} had {expected:?}, its results have {found:?}"));
                }
            }
            // Something must not be taken.
            JobState::Quarantined { .. } if self.fates.odd.is_some() => {}
            JobState::Quarantined { reason, .. } => {
                self.broken(format!("I6: job {key} ({path}) needs a person: {reason}"));
            }
            JobState::Dropped { reason } => {
                self.broken(format!("I6: job {key} ({path}) was dropped, and nobody changed it: {reason}"));
            }
            _ => {}
        }
    }

    /// I2: in the order of the input; what was paid for is in the output, what cannot succeed is in the errors, and what can, given
    /// attempts enough, is not.
    fn results(&mut self, path: &str, input: &[u8], output: &[String], errors: &[String]) {
        let input = ids(input);
        for found in [output, errors] {
            let places: Vec<_> = found.iter().map(|id| input.iter().position(|known| known == id)).collect();
            if !places.is_sorted() {
                self.broken(format!("I2: {path}: {found:?} is not in the order of {input:?}"));
            }
        }
        for id in errors {
            if self.billed.contains_key(id) {
                self.broken(format!("I2: {path}: {id} was paid for, and is among the errors"));
            }
            if self.patient && !self.fates.is_filtered(id) {
                self.broken(format!("I2: {path}: {id} could have succeeded, and is among the errors"));
            }
        }
        if let Some(id) = output.iter().find(|id| self.fates.is_filtered(id)) {
            self.broken(format!("I2: {path}: {id} was refused, and is in the output"));
        }
    }

    /// I3: an input is where it was put, or moved beside its results, byte for byte.
    pub(crate) fn look_at(&mut self, lake: &MemoryLake) {
        let mut lost = Vec::new();
        for (name, input) in &self.inputs {
            if lake.bytes(&at("input", &format!("inbox/{name}"))).as_ref() == Some(input) {
                continue;
            }
            let paths = lake.paths();
            let suffix = format!("/{name}");
            let raw = paths.iter().find(|path| {
                path.filesystem != "input"
                    && path.path.as_str().ends_with(&suffix)
                    && lake.bytes(path).as_ref() == Some(input)
            });
            let beside = raw.map(|raw| raw.path.parent()).is_some_and(|directory| {
                let stem = name.trim_end_matches(".jsonl");
                paths.iter().any(|path| {
                    path.path.parent() == directory
                        && [format!("{stem}_output.jsonl"), format!("{stem}_error.jsonl")]
                            .iter()
                            .any(|file| path.path.file_name() == file)
                })
            });
            if !beside {
                lost.push(name.clone());
            }
        }
        for name in lost {
            self.broken(format!("I3: {name} is neither in the inbox nor beside its results"));
        }
    }

    pub(crate) fn all_inputs(&self) -> BTreeSet<String> {
        self.inputs.keys().cloned().collect()
    }
}

pub(crate) fn ids(text: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(text).unwrap();
    let id = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["custom_id"].as_str().unwrap().to_owned()
    };
    text.lines().map(id).collect()
}
