//! `custom_id`s that are unique over a bundle: `<member>.<id>`. Only the token of the id changes; the rest of the line stays
//! byte for byte.

use std::ops::Range;

use serde_json::value::RawValue;

/// What deserves attention in a line, request or result.
#[derive(serde::Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    custom_id: &'a RawValue,
    #[serde(borrow, default)]
    line: Option<&'a RawValue>,
}

/// Where a value stands in the line that it borrows from.
fn span(line: &[u8], value: &RawValue) -> Option<Range<usize>> {
    let start = (value.get().as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
    Some(start..start + value.get().len())
}

/// The line with the member's number before its id; `None` if it is no request line.
pub(super) fn mark(line: &[u8], member: usize) -> Option<Vec<u8>> {
    let parsed: Line<'_> = serde_json::from_slice(line).ok()?;
    let at = span(line, parsed.custom_id)?;
    let inner = parsed.custom_id.get().strip_prefix('"')?;
    let number = member.to_string();
    let mut marked = Vec::with_capacity(line.len() + number.len() + 2);
    marked.extend_from_slice(&line[..at.start]);
    marked.extend_from_slice(format!("\"{number}.{inner}").as_bytes());
    marked.extend_from_slice(&line[at.end..]);
    Some(marked)
}

/// Which member's line it is.
pub(super) fn member_of(id: &str) -> Option<usize> {
    id.split_once('.')?.0.parse().ok()
}

/// The member, and the line as it would be without a bundle. An error line of ours names its line: `first_line` says where
/// the lines of each member begin, in the bundle and in its own file.
pub(super) fn unmark(
    line: &[u8],
    first_line: impl Fn(usize) -> Option<(u64, u64)>,
) -> Option<(usize, Vec<u8>)> {
    let parsed: Line<'_> = serde_json::from_slice(line).ok()?;
    let at = span(line, parsed.custom_id)?;
    let (number, inner) = parsed.custom_id.get().strip_prefix('"')?.split_once('.')?;
    let member = number.parse().ok()?;
    let mut changes = vec![(at, format!("\"{inner}"))];
    if let Some(value) = parsed.line {
        let (in_bundle, in_file) = first_line(member)?;
        let number: u64 = value.get().parse().ok()?;
        changes.push((span(line, value)?, (number.checked_sub(in_bundle)? + in_file).to_string()));
    }
    changes.sort_by_key(|(at, _)| at.start);
    let (mut own, mut done) = (Vec::with_capacity(line.len()), 0);
    for (at, text) in changes {
        own.extend_from_slice(&line[done..at.start]);
        own.extend_from_slice(text.as_bytes());
        done = at.end;
    }
    own.extend_from_slice(&line[done..]);
    Some((member, own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_comes_back_byte_for_byte() {
        for line in [
            r#"{"custom_id":"a","body":{"custom_id":"b"}}"#,
            r#"{ "body" : {}, "custom_id" :  "7.x\u00e9\"" }"#,
            r#"{"custom_id":".","x":1}"#,
        ] {
            let marked = mark(line.as_bytes(), 12).unwrap();
            let id = serde_json::from_slice::<serde_json::Value>(&marked).unwrap()["custom_id"].clone();
            assert_eq!(member_of(id.as_str().unwrap()), Some(12));
            assert_eq!(unmark(&marked, |_| None), Some((12, line.as_bytes().to_vec())));
        }
    }

    #[test]
    fn an_error_line_of_ours_names_the_line_of_the_file() {
        let line = br#"{"custom_id":"3.a","error":{"line":5},"line":17,"response":null}"#;
        let (member, own) = unmark(line, |member| (member == 3).then_some((11, 2))).unwrap();
        assert_eq!(member, 3);
        assert_eq!(own, br#"{"custom_id":"a","error":{"line":5},"line":8,"response":null}"#);
    }

    #[test]
    fn what_was_never_marked_is_nobodys() {
        for line in [r#"{"custom_id":"a"}"#, r#"{"custom_id":"x.a"}"#, r#"{"custom_id":7}"#, "{}"] {
            assert_eq!(unmark(line.as_bytes(), |_| None), None, "{line}");
        }
    }
}
