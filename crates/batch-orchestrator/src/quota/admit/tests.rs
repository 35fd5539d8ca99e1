use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

fn intent(limit: u64) -> Intent {
    Intent { limit: Some(limit), ..Intent::default() }
}

fn load(tokens: u64, reserved: u64, ahead: u64) -> Load {
    Load { tokens, reserved, ahead, spent: Vec::new() }
}

#[test]
fn what_fits_is_admitted_and_what_does_not_waits() {
    let record = QuotaRecord::default();
    assert_eq!(record.admit(&intent(1000), &load(100, 850, 0), NOW), Ok(()));
    assert_eq!(
        record.admit(&intent(1000), &load(101, 850, 0), NOW),
        Err(NoRoom::Tokens { needs: 101, taken: 850, ahead: 0, limit: 950 })
    );
    assert_eq!(record.admit(&Intent::default(), &load(u64::MAX, u64::MAX, 0), NOW), Ok(()));
}

#[test]
fn an_idle_deployment_takes_one_batch_whatever_we_believe_of_it() {
    let mut record = QuotaRecord::default();
    record.apply(&crate::quota::QuotaChange::Refused { limit: None }, 50, 0, NOW);
    assert_eq!(record.admit(&intent(1000), &load(500, 0, 0), NOW), Ok(()));
    assert!(record.admit(&intent(1000), &load(500, 1, 0), NOW).is_err());
}

#[test]
fn room_that_an_older_part_waits_for_is_not_taken_by_a_smaller_one() {
    let record = QuotaRecord::default();
    assert_eq!(record.admit(&intent(1000), &load(100, 400, 0), NOW), Ok(()));
    assert!(record.admit(&intent(1000), &load(100, 400, 600), NOW).is_err());
    // Unless there is enough for both.
    assert_eq!(record.admit(&intent(1000), &load(100, 400, 300), NOW), Ok(()));
}

#[test]
fn a_batch_that_would_exceed_a_budget_is_not_begun() {
    let record = QuotaRecord::default();
    let budget = Budget { name: "--max-cost", since: NOW, renewed: None, limit: 100 };
    let intent = Intent { cost: 40, budgets: vec![budget], ..Intent::default() };
    let spent = |spent| Load { spent: vec![spent], ..load(1, 0, 0) };
    assert_eq!(record.admit(&intent, &spent(60), NOW), Ok(()));
    let refused = record.admit(&intent, &spent(61), NOW).unwrap_err();
    let problem = refused.problem(NOW);
    assert!(problem.lasting && problem.kind == ProblemKind::Budget, "{problem:?}");
}

proptest! {
    /// What is reserved never exceeds the limit, whatever comes and goes; and everything that fits alone is admitted in the
    /// end.
    #[test]
    fn reserved_tokens_stay_within_the_limit(
        parts in prop::collection::vec(1u64..900, 1..60),
        ratio in 0.5f64..2.0,
        ends in prop::collection::vec(any::<prop::sample::Index>(), 400),
    ) {
        let limit = 2000;
        let record = QuotaRecord { figure_ratio: Some(ratio), ..QuotaRecord::default() };
        let (mut waiting, mut running, mut done) = (parts.clone(), Vec::<u64>::new(), 0);
        let mut ends = ends.into_iter();
        while done < parts.len() {
            waiting.retain(|tokens| {
                let admitted = record.admit(&intent(limit), &load(*tokens, running.iter().sum(), 0), NOW).is_ok();
                if admitted {
                    running.push(*tokens);
                }
                !admitted
            });
            prop_assert!(!running.is_empty(), "nothing runs, and nothing is admitted");
            prop_assert!(record.scaled(running.iter().sum()) <= limit);
            let Some(end) = ends.next() else { break };
            running.swap_remove(end.index(running.len()));
            done += 1;
        }
    }
}
