//! What a fault cost, by the service's books and by what is on the disk.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What one client paid and lost.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// Batches that were billed beyond one for each file.
    pub(super) extra: usize,
    /// Lines that were billed beyond the first time.
    pub(super) twice: u64,
    /// Lines without a result in the end.
    pub(super) lost: usize,
    /// How often the client was run.
    pub(super) runs: usize,
    /// Whether the last run was content.
    pub(super) done: bool,
}

impl Cost {
    /// As it has to be.
    pub(super) fn is_nothing(&self) -> bool {
        self.extra == 0 && self.twice == 0 && self.lost == 0 && self.done
    }
}

/// Adds up.
pub(super) fn cost(
    books: &Value,
    inputs: &BTreeMap<String, String>,
    results: &BTreeSet<String>,
) -> Result<Cost, String> {
    let list =
        |name: &str| books[name].as_array().ok_or_else(|| format!("the books have no {name}: {books}"));
    let batches = list("batches")?.iter().filter(|batch| batch["billed"].as_u64() > Some(0)).count();
    let twice = list("lines_paid_twice")?
        .iter()
        .map(|line| line["times"].as_u64().unwrap_or_default().saturating_sub(1))
        .sum();
    let wanted = inputs.values().flat_map(|text| text.lines()).map(|line| {
        let line: Value = serde_json::from_str(line).map_err(|e| format!("a bad input: {e}"))?;
        line["custom_id"].as_str().map(str::to_owned).ok_or_else(|| format!("a bad input: {line}"))
    });
    let wanted: BTreeSet<String> = wanted.collect::<Result<_, _>>()?;
    let extra = batches.saturating_sub(inputs.len());
    Ok(Cost { extra, twice, lost: wanted.difference(results).count(), ..Cost::default() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_paid_twice_and_what_is_lost_is_counted() {
        let books = json!({
            "batches": [{ "billed": 2 }, { "billed": 2 }, { "billed": 0 }],
            "lines_paid_twice": [{ "custom_id": "1", "times": 3 }, { "custom_id": "2", "times": 2 }],
        });
        let inputs =
            BTreeMap::from([("a".to_owned(), "{\"custom_id\":\"1\"}\n{\"custom_id\":\"2\"}\n".to_owned())]);
        let found = cost(&books, &inputs, &BTreeSet::from(["2".to_owned(), "3".to_owned()])).unwrap();
        assert_eq!((found.extra, found.twice, found.lost), (1, 3, 1));
        assert!(!found.is_nothing() && !Cost::default().is_nothing());
        assert!(Cost { done: true, runs: 2, ..Cost::default() }.is_nothing());
        assert!(!Cost { done: true, extra: 1, ..Cost::default() }.is_nothing());
        assert!(cost(&json!({}), &inputs, &BTreeSet::new()).is_err());
    }
}
