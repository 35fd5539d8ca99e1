//! Which request has which result; some dozen bytes for each line.

use std::{
    collections::{HashMap, hash_map::Entry},
    ops::RangeInclusive,
};

use super::report::AuditKind;
use crate::{collect::brief, validate::id_digest};

/// Which of the result files a line stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Results {
    /// Successful lines.
    Output,
    /// Failed lines.
    Errors,
    /// Request lines that failed, ready to be submitted again.
    Failed,
}

/// What is known of a `custom_id`.
#[derive(Debug)]
struct Request {
    /// In the input, from 1; 0 where the input is not known.
    line: u64,
    result: Option<Results>,
    /// Whether it is among the failed requests.
    is_failed: bool,
}

/// Every request, and whether it has its result.
#[derive(Debug, Default)]
pub(crate) struct Conservation {
    requests: HashMap<[u8; 16], Request>,
    expected: u64,
    /// Whether the requests are known; without them only what is in the results can be compared.
    is_complete: bool,
    pub(crate) output: u64,
    pub(crate) errors: u64,
    pub(crate) failed: u64,
}

/// A line that is not as it should be.
pub(crate) type Misfit = (AuditKind, String);

impl Conservation {
    /// A request of the input, by its `custom_id`.
    pub(crate) fn expect(&mut self, id: &str) -> Result<(), Misfit> {
        self.is_complete = true;
        self.expected += 1;
        match self.requests.entry(id_digest(id)) {
            Entry::Vacant(free) => {
                free.insert(Request { line: self.expected, result: None, is_failed: false });
                Ok(())
            }
            Entry::Occupied(first) => Err((
                AuditKind::DuplicateId,
                format!("custom_id \"{id}\" is a second time in the input, after line {}", first.get().line),
            )),
        }
    }

    /// How many requests there are.
    pub(crate) fn expected(&self) -> u64 {
        self.expected
    }

    /// Whether the requests are known.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// A line of a result file.
    pub(crate) fn take(&mut self, from: Results, bytes: &[u8]) -> Result<(), Misfit> {
        match from {
            Results::Failed => self.take_failed(bytes),
            Results::Output | Results::Errors => self.take_result(from, bytes),
        }
    }

    fn take_result(&mut self, from: Results, bytes: &[u8]) -> Result<(), Misfit> {
        let line = brief(bytes)
            .map_err(|error| (AuditKind::UnreadableLine, format!("it is no result line: {error}")))?;
        let id = &line.custom_id;
        match from {
            Results::Output => self.output += 1,
            Results::Errors | Results::Failed => self.errors += 1,
        }
        let place = match self.requests.entry(id_digest(id)) {
            Entry::Occupied(place) => place.into_mut(),
            Entry::Vacant(_) if self.is_complete => {
                return Err((AuditKind::UnknownId, format!("custom_id \"{id}\" is not in the input")));
            }
            Entry::Vacant(free) => free.insert(Request { line: 0, result: None, is_failed: false }),
        };
        if let Some(first) = place.result {
            let first = first.name();
            return Err((
                AuditKind::DuplicateId,
                format!("custom_id \"{id}\" has a second result, after one in the {first}"),
            ));
        }
        place.result = Some(from);
        match (from, line.is_success()) {
            (Results::Output, false) => Err((
                AuditKind::WrongFile,
                format!("custom_id \"{id}\" failed, expected in the output are successful lines"),
            )),
            (Results::Errors, true) => Err((
                AuditKind::WrongFile,
                format!("custom_id \"{id}\" succeeded, expected in the errors are failed lines"),
            )),
            _ => Ok(()),
        }
    }

    fn take_failed(&mut self, bytes: &[u8]) -> Result<(), Misfit> {
        #[derive(serde::Deserialize)]
        struct Line<'a> {
            #[serde(borrow)]
            custom_id: std::borrow::Cow<'a, str>,
        }
        let line: Line<'_> = serde_json::from_slice(bytes)
            .map_err(|error| (AuditKind::UnreadableLine, format!("it is no request line: {error}")))?;
        self.failed += 1;
        let id = line.custom_id;
        match self.requests.get_mut(&id_digest(&id)) {
            Some(request) if request.is_failed => Err((
                AuditKind::DuplicateId,
                format!("custom_id \"{id}\" is a second time among the failed requests"),
            )),
            Some(request) if request.result == Some(Results::Errors) => {
                request.is_failed = true;
                Ok(())
            }
            Some(_) => Err((
                AuditKind::WrongFile,
                format!("custom_id \"{id}\" is among the failed requests and has no line in the errors"),
            )),
            None => Err((AuditKind::UnknownId, format!("custom_id \"{id}\" is not in the input"))),
        }
    }

    /// Lines of the input without a result, as ranges, in order.
    pub(crate) fn missing(&self) -> Vec<RangeInclusive<u64>> {
        let mut lines: Vec<u64> = self
            .requests
            .values()
            .filter(|request| request.result.is_none())
            .map(|request| request.line)
            .collect();
        lines.sort_unstable();
        let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
        for line in lines {
            match ranges.last_mut() {
                Some(range) if *range.end() + 1 == line => *range = *range.start()..=line,
                _ => ranges.push(line..=line),
            }
        }
        ranges
    }
}

impl Results {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Errors => "errors",
            Self::Failed => "failed requests",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(id: &str) -> Vec<u8> {
        format!(r#"{{"custom_id":"{id}","response":{{"status_code":200,"body":{{}}}},"error":null}}"#)
            .into_bytes()
    }

    fn bad(id: &str, status: u16) -> Vec<u8> {
        format!(r#"{{"custom_id":"{id}","response":{{"status_code":{status},"body":{{}}}},"error":null}}"#)
            .into_bytes()
    }

    fn expecting(ids: &[&str]) -> Conservation {
        let mut found = Conservation::default();
        for id in ids {
            found.expect(id).unwrap();
        }
        found
    }

    #[test]
    fn each_request_has_exactly_one_result() {
        let mut found = expecting(&["a", "b", "c"]);
        found.take(Results::Output, &ok("a")).unwrap();
        found.take(Results::Errors, &bad("c", 429)).unwrap();
        found.take(Results::Failed, br#"{"custom_id":"c","body":{}}"#).unwrap();
        assert_eq!(found.missing(), [2..=2]);
        found.take(Results::Output, &ok("b")).unwrap();
        assert!(found.missing().is_empty());
        assert_eq!((found.output, found.errors, found.failed, found.expected()), (2, 1, 1, 3));
    }

    #[test]
    fn whatever_does_not_fit_is_named() {
        let kind = |misfit: Result<(), Misfit>| misfit.unwrap_err().0;
        let mut found = expecting(&["a", "b", "c", "d"]);
        assert_eq!(kind(found.expect("a")), AuditKind::DuplicateId);
        assert_eq!(kind(found.take(Results::Output, b"{\"custom_id\":")), AuditKind::UnreadableLine);
        assert_eq!(kind(found.take(Results::Output, &ok("x"))), AuditKind::UnknownId);
        found.take(Results::Output, &ok("a")).unwrap();
        assert_eq!(kind(found.take(Results::Errors, &bad("a", 500))), AuditKind::DuplicateId);
        assert_eq!(kind(found.take(Results::Output, &bad("b", 0))), AuditKind::WrongFile);
        assert_eq!(kind(found.take(Results::Errors, &ok("c"))), AuditKind::WrongFile);
        assert_eq!(kind(found.take(Results::Failed, br#"{"custom_id":"a"}"#)), AuditKind::WrongFile);
        assert_eq!(kind(found.take(Results::Failed, br#"{"custom_id":"x"}"#)), AuditKind::UnknownId);
        assert_eq!(found.missing(), [4..=4]);
    }

    #[test]
    fn without_the_input_only_the_results_are_compared() {
        let mut found = Conservation::default();
        found.take(Results::Output, &ok("a")).unwrap();
        assert_eq!(found.take(Results::Output, &ok("a")).unwrap_err().0, AuditKind::DuplicateId);
        assert!(!found.is_complete() && found.missing().is_empty());
    }

    #[test]
    fn missing_lines_are_ranges() {
        let found = expecting(&["a", "b", "c"]);
        assert_eq!(found.missing(), [1..=3]);
    }
}
