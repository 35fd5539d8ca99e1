//! Each variant within its bounds: what must hold holds in every state, and what must break breaks.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, helpers included")]

use submission_model::{Found, KEPT, ONE, VARIANTS, Variant, check, counterexample};

fn variant(letter: char) -> &'static Variant {
    Variant::by_letter(letter).unwrap()
}

/// Checks a variant, and that the README says what was found.
fn verdict(letter: char) -> Found {
    let variant = variant(letter);
    let found = check(variant.model(true));
    let verdict = match variant.breaks {
        None => {
            assert!(found.broken.is_empty(), "{letter} breaks {:?}", found.broken);
            "holds"
        }
        Some(property) => {
            assert!(found.broken.contains(property), "{letter} should break, and does not");
            "**pays twice**"
        }
    };
    assert!(
        found.never.is_empty(),
        "{letter}: the model says nothing, for never is it that {:?}",
        found.never
    );
    let row = format!("| {letter} | {} | {} | {verdict} |", variant.what, found.states);
    let readme = include_str!("../README.md");
    assert!(readme.lines().any(|line| line == row), "the README has no line\n{row}");
    found
}

#[test]
fn a_plain_retry_pays_twice() {
    verdict('A');
}

#[test]
fn intent_and_adoption_alone_pay_twice_after_a_crash() {
    verdict('B');
}

#[test]
fn intent_and_adoption_alone_pay_twice_after_a_pause() {
    verdict('C');
}

#[test]
fn the_full_protocol_holds() {
    assert!(verdict('D').states > 100_000);
}

#[test]
fn list_lag_without_a_settle_time_pays_twice() {
    verdict('E');
}

#[test]
fn list_lag_with_a_settle_time_holds() {
    assert!(verdict('F').states > 100_000);
}

#[test]
fn a_third_worker_changes_nothing() {
    assert!(verdict('G').states > 100_000);
}

#[test]
fn the_fence_alone_pays_twice() {
    verdict('H');
}

#[test]
fn a_fence_without_a_listing_after_it_pays_twice() {
    verdict('I');
}

#[test]
fn the_listing_before_the_fence_is_a_saving_and_not_a_safeguard() {
    verdict('J');
}

#[test]
fn a_service_that_refuses_changes_nothing() {
    verdict('K');
}

#[test]
fn a_ledger_that_takes_old_fences_pays_twice() {
    verdict('L');
}

#[test]
fn a_listing_from_before_the_end_of_the_settle_time_proves_nothing() {
    verdict('M');
}

#[test]
fn an_input_that_a_zombie_can_bring_back_is_no_fence() {
    verdict('N');
}

#[test]
fn adopting_a_batch_that_can_only_fail_pays_twice_unless_its_generation_is_heeded() {
    for letter in ['O', 'P', 'Q', 'R'] {
        verdict(letter);
    }
}

#[test]
fn names_of_workers_do_not_matter() {
    for letter in ['B', 'C', 'N'] {
        let (named, nameless) = (check(variant(letter).model(false)), check(variant(letter).model(true)));
        assert_eq!(named.broken, nameless.broken, "{letter}");
        assert!(named.states >= nameless.states);
    }
}

#[test]
fn a_counterexample_can_be_read() {
    let path = counterexample(variant('B'), ONE).unwrap();
    assert!(path.starts_with("  1. worker A claims the attempt in UPLOADING\n"), "{path}");
    assert!(path.contains("sends POST /batches for input 1"), "{path}");
    assert!(path.contains("ledger: generation 1, UNCERTAIN"), "{path}");
    assert!(path.lines().last().unwrap().ends_with("BEGINS, and will be paid for"), "{path}");
}

#[test]
fn what_breaks_also_leaves_something_behind_that_was_paid_for() {
    for variant in VARIANTS.iter().filter(|variant| variant.breaks.is_some()) {
        assert!(check(variant.model(true)).broken.contains(KEPT), "{}", variant.letter);
    }
}
