//! The order in which Azure Storage signs `x-ms-` headers.
//!
//! It is that of a word sort and not of the bytes: hyphens count only between names that are otherwise equal, so
//! `x-ms-meta-ab` comes before `x-ms-meta-a-c`. Azure's own clients sort the same way.

use std::cmp::Ordering;

/// Symbols before digits before letters. What is not listed sorts by its code behind the letters.
const ORDER: &[u8] = b"!#$%&*.^_`|~+0123456789abcdefghijklmnopqrstuvwxyz";

/// Compares two header names in lower case.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let words =
        |name: &str| -> Vec<usize> { name.bytes().filter(|byte| !ignored(*byte)).map(rank).collect() };
    words(left).cmp(&words(right)).then_with(|| second_pass(left, right))
}

/// Between names that differ only in hyphens, the one with the earlier hyphen comes later.
fn second_pass(left: &str, right: &str) -> Ordering {
    let weight = |byte: Option<&u8>| match byte {
        Some(b'-') => 1,
        Some(b'\'') => 2,
        _ => 0,
    };
    let (left, right) = (left.as_bytes(), right.as_bytes());
    (0..left.len().max(right.len()))
        .map(|at| (left.get(at), right.get(at)))
        .find(|(left, right)| left != right)
        .map_or(Ordering::Equal, |(left, right)| weight(left).cmp(&weight(right)))
}

fn ignored(byte: u8) -> bool {
    matches!(byte, b'-' | b'\'')
}

fn rank(byte: u8) -> usize {
    ORDER.iter().position(|known| *known == byte).unwrap_or(ORDER.len() + usize::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyphens_count_last() {
        let mut names =
            ["x-ms-meta-b", "x-ms-meta-a-b", "x-ms-meta-a_b", "x-ms-meta-ab", "x-ms-meta-a1", "x-ms-m"];
        names.sort_by(|left, right| compare(left, right));
        assert_eq!(
            names,
            ["x-ms-m", "x-ms-meta-a_b", "x-ms-meta-a1", "x-ms-meta-ab", "x-ms-meta-a-b", "x-ms-meta-b"]
        );
    }
}
