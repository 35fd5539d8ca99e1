//! All broken files against the text that was agreed on.

use std::{
    collections::{BTreeSet, HashSet},
    path::Path,
};

use batch_orchestrator::validate::{Report, Verdict};

use crate::case::{Case, SECRET, render};

const EXPECTED: &str = include_str!("expected.txt");

pub(crate) fn all() -> Vec<Case> {
    let groups = [
        crate::json::cases(),
        crate::encoding::cases(),
        crate::envelope::cases(),
        crate::chat::cases(),
        crate::other_bodies::cases(),
        crate::files::cases(),
    ];
    groups.into_iter().flatten().collect()
}

fn report(case: &Case) -> Report {
    match case.validate(usize::MAX).verdict {
        Verdict::Invalid(report) => report,
        Verdict::Valid(_) => panic!("{} was let through", case.name),
    }
}

/// What is said of each file.
fn sections(text: &str) -> BTreeSet<&str> {
    text.split("== ").collect()
}

/// The difference is printed, and the new text is written beside the build: where it is right, copy it here.
#[test]
fn each_broken_file_is_told_what_is_wrong_where_and_what_to_do() {
    let cases = all();
    let names: HashSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "each has a name of its own");
    assert!(cases.len() >= 200, "{} files", cases.len());
    let found: String = cases.iter().map(|case| render(&case.name, &report(case))).collect();
    if found == EXPECTED {
        return;
    }
    let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("expected.txt");
    std::fs::write(&new, &found).unwrap();
    let (old, new_texts) = (sections(EXPECTED), sections(&found));
    for text in old.difference(&new_texts) {
        println!("--- expected\n{text}");
    }
    for text in new_texts.difference(&old) {
        println!("+++ found\n{text}");
    }
    panic!("tests/broken/expected.txt differs; if that is meant, copy {} over it", new.display());
}

#[test]
fn reports_do_not_depend_on_how_the_bytes_come() {
    for case in all() {
        let whole = case.validate(usize::MAX);
        assert_eq!(case.validate(7), whole, "{}", case.name);
        // Byte by byte, a file of a megabyte takes seconds and shows nothing that seven at a time do not.
        if case.bytes.len() < 100_000 {
            assert_eq!(case.validate(1), whole, "{}", case.name);
        }
    }
}

#[test]
fn no_report_quotes_a_prompt() {
    for case in all() {
        let report = report(&case);
        for finding in &report.findings {
            assert!(!finding.message.contains(SECRET), "{}: {}", case.name, finding.message);
            assert!(!finding.hint.is_empty(), "{}: {}", case.name, finding.message);
            assert!(finding.message.len() < 400, "{}: {}", case.name, finding.message);
        }
    }
}

#[test]
fn findings_start_where_their_lines_start() {
    for case in all() {
        for finding in report(&case).findings {
            let Some(line) = finding.line else { continue };
            let before = case.bytes.split(|byte| *byte == b'\n').take(line as usize - 1);
            let offset: usize = before.map(|line| line.len() + 1).sum();
            assert_eq!(finding.offset, offset as u64, "{}: {}", case.name, finding.message);
        }
    }
}
