//! Who paid for what: the oracle for "nothing is paid twice".

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::{batches::settle, state::Shared};

/// What was paid, by batch, and what was paid more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// Every batch, oldest first.
    pub batches: Vec<BatchBooks>,
    /// Lines billed over all batches.
    pub billed_total: u64,
    /// Lines that were billed more than once out of inputs with equal content.
    pub paid_twice: Vec<PaidTwice>,
    /// Lines, byte for byte equal, that were billed more than once out of whatever inputs.
    pub lines_paid_twice: Vec<PaidTwice>,
}

/// One batch in the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchBooks {
    /// Batch id.
    pub id: String,
    /// Its input's id.
    pub input_file_id: String,
    /// Its input's name.
    pub input_filename: String,
    /// Its input's SHA-256 in hex.
    pub input_sha256: String,
    /// Its metadata.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Its status.
    pub status: String,
    /// How many of its lines were billed so far.
    pub billed: u64,
}

/// A line that was billed more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidTwice {
    /// The line's `custom_id`.
    pub custom_id: String,
    /// How often it was billed.
    pub times: u64,
    /// In which batches.
    pub batches: Vec<String>,
}

/// Adds up everything until now.
pub(crate) async fn books(state: &Shared) -> Books {
    let all = state.batches().all().to_vec();
    for batch in &all {
        settle(state, batch).await;
    }
    let now = state.clock.now();
    let mut by_input: Ledger<(&str, &str)> = HashMap::new();
    let mut by_line: Ledger<(u64, &str)> = HashMap::new();
    let mut entries = Vec::with_capacity(all.len());
    for (at, batch) in all.iter().enumerate() {
        let billed = batch.billed(now);
        if let Some(prepared) = batch.prepared.get() {
            for line in billed.iter().map(|line| &prepared.scan.lines[*line as usize]) {
                by_input.entry((&batch.input_sha256, &line.custom_id)).or_default().push(at);
                by_line.entry((line.fingerprint, &line.custom_id)).or_default().push(at);
            }
        }
        entries.push(BatchBooks {
            id: batch.id.clone(),
            input_file_id: batch.input_file_id.clone(),
            input_filename: batch.input_filename.clone(),
            input_sha256: batch.input_sha256.clone(),
            metadata: batch.metadata.clone(),
            status: batch.moment(now).status.name().to_owned(),
            billed: billed.len() as u64,
        });
    }
    let id = |at: &usize| all[*at].id.clone();
    Books {
        billed_total: entries.iter().map(|entry| entry.billed).sum(),
        paid_twice: repeated(by_input, |key| key.1, id),
        lines_paid_twice: repeated(by_line, |key| key.1, id),
        batches: entries,
    }
}

/// The batches (by position) that a line was billed in.
type Ledger<Key> = HashMap<Key, Vec<usize>>;

fn repeated<Key>(
    ledger: Ledger<Key>,
    custom_id: impl Fn(&Key) -> &str,
    batch: impl Fn(&usize) -> String,
) -> Vec<PaidTwice> {
    let mut twice: Vec<_> = ledger
        .into_iter()
        .filter(|(_, batches)| batches.len() > 1)
        .map(|(key, batches)| PaidTwice {
            custom_id: custom_id(&key).to_owned(),
            times: batches.len() as u64,
            batches: batches.iter().map(&batch).collect(),
        })
        .collect();
    twice.sort_by(|a, b| a.custom_id.cmp(&b.custom_id));
    twice
}
