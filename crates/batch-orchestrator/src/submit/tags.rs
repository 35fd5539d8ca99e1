//! The metadata of our batches: the secondary key of recovery. The primary one is the input.

use std::collections::BTreeMap;

use aoai_batch_client::Batch;

use crate::model::{JobKey, PartKey};

/// What a batch of ours carries, where the service takes metadata.
pub(super) fn tags(ledger: &str, part: &PartKey, generation: u32) -> BTreeMap<String, String> {
    let pairs = [
        ("aob_key", part.job.to_string()),
        ("aob_part", part.part.to_string()),
        ("aob_attempt", part.attempt.to_string()),
        ("aob_gen", generation.to_string()),
        ("aob_ledger", ledger.to_owned()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Whose batch it says it is, and of which generation; `None` if it does not say.
pub(crate) fn tagged(batch: &Batch) -> Option<(PartKey, Option<u32>)> {
    let tag = |key: &str| batch.metadata.get(key);
    let number = |key: &str| tag(key).and_then(|text| text.parse::<u32>().ok());
    let part = PartKey {
        job: JobKey(tag("aob_key")?.clone()),
        part: number("aob_part")?,
        attempt: number("aob_attempt")?,
    };
    Some((part, number("aob_gen")))
}

/// The ledger that a batch was created from; `None` if it does not say.
pub(crate) fn ledger_of(batch: &Batch) -> Option<&str> {
    batch.metadata.get("aob_ledger").map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(metadata: &BTreeMap<String, String>) -> Batch {
        let json = serde_json::json!({ "id": "b", "status": "in_progress", "metadata": metadata });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let part = PartKey { job: JobKey("0123".into()), part: 7, attempt: 2 };
        let written = tags("ledger", &part, 3);
        assert_eq!(tagged(&batch(&written)), Some((part.clone(), Some(3))));
        let mut unknown = written.clone();
        unknown.remove("aob_gen");
        assert_eq!(tagged(&batch(&unknown)), Some((part, None)));
        for missing in ["aob_key", "aob_part", "aob_attempt"] {
            let mut cut = written.clone();
            cut.remove(missing);
            assert_eq!(tagged(&batch(&cut)), None, "{missing}");
        }
    }
}
