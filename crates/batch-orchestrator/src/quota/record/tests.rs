use super::*;

const NOW: Timestamp = Timestamp(1_000_000_000);

#[test]
fn a_refusal_lowers_the_limit_and_time_raises_it_again() {
    let mut record = QuotaRecord::default();
    assert_eq!(record.effective_limit(Some(1000), NOW), Some(950));
    record.apply(&QuotaChange::Refused { limit: Some(1000) }, 100, 500, NOW);
    assert_eq!(record.effective_limit(Some(1000), NOW), Some(450));
    assert_eq!(record.effective_limit(Some(1000), NOW.after(STEP * 2)), Some(550));
    assert_eq!(record.effective_limit(Some(1000), NOW.after(STEP * 1000)), Some(950));
    assert_eq!(record.effective_limit(Some(1000), Timestamp::NEVER), Some(950));
    assert_eq!(record.refused, 1);
}

#[test]
fn without_any_limit_the_first_refusal_is_the_first_knowledge() {
    let mut record = QuotaRecord::default();
    assert_eq!(record.effective_limit(None, NOW), None);
    record.apply(&QuotaChange::Refused { limit: None }, 100, 900, NOW);
    assert_eq!(record.effective_limit(None, NOW), Some(810));
    assert_eq!(record.effective_limit(None, NOW.after(STEP)), Some(860));
}

#[test]
fn the_smaller_of_what_is_configured_and_what_the_service_tells_holds() {
    let mut record = QuotaRecord::default();
    record.apply(&QuotaChange::Created { figure: None, limit: Some(400) }, 1, 0, NOW);
    assert_eq!(record.hard_limit(Some(1000)), Some(400));
    assert_eq!(record.hard_limit(Some(100)), Some(100));
    assert_eq!(record.hard_limit(None), Some(400));
}

#[test]
fn the_header_is_understood_as_the_file_s_figure_and_as_the_sum() {
    for (figure, ratio) in [(120, 1.2), (720, 1.2)] {
        let mut record = QuotaRecord::default();
        record.apply(&QuotaChange::Created { figure: Some(figure), limit: None }, 100, 500, NOW);
        assert!((record.factor() - ratio).abs() < 1e-9, "{figure}: {}", record.factor());
    }
}

#[test]
fn the_service_s_figure_goes_before_usage_and_usage_only_makes_us_careful() {
    let mut record = QuotaRecord::default();
    let used = |actual| Used { estimated: 100, actual, ..Used::default() };
    record.apply(&QuotaChange::Ended(used(80)), 100, 0, NOW);
    assert!((record.factor() - 1.0).abs() < 1e-9);
    record.usage_ratio = None;
    record.apply(&QuotaChange::Ended(used(150)), 100, 0, NOW);
    assert!((record.factor() - 1.5).abs() < 1e-9);
    record.apply(&QuotaChange::Created { figure: Some(70), limit: None }, 100, 0, NOW);
    assert!((record.factor() - 0.7).abs() < 1e-9);
}

#[test]
fn nothing_overflows() {
    let mut record = QuotaRecord { figure_ratio: Some(4.0), ..QuotaRecord::default() };
    record.apply(&QuotaChange::Refused { limit: None }, u64::MAX, u64::MAX, NOW);
    record.apply(&QuotaChange::Placed { weight: 0.0 }, u64::MAX, 0, NOW);
    record.apply(&QuotaChange::Created { figure: Some(0), limit: None }, 0, 0, NOW);
    assert!(record.factor().is_finite());
    assert!(record.effective_limit(Some(u64::MAX), Timestamp::NEVER).is_some());
}

#[test]
fn those_are_woken_for_whom_there_is_room_and_nobody_overtakes_who_waited_long() {
    let mut record = QuotaRecord { configured: Some((Some(1000), 60_000)), ..QuotaRecord::default() };
    let waiting = [(NOW, 500), (NOW, 100), (NOW, 400), (NOW, 50)];
    assert_eq!(record.woken(&waiting, 800, NOW), [1, 3]);
    assert_eq!(record.woken(&waiting, 300, NOW), [0, 1, 3]);
    let later = NOW.after(Duration::from_mins(2));
    assert_eq!(record.woken(&waiting, 800, later), Vec::<usize>::new());
    assert_eq!(record.woken(&waiting, 0, later), [0, 1]);
    record.configured = None;
    assert_eq!(record.woken(&waiting, 800, NOW).len(), 4, "no limit is known");
}

#[test]
fn a_sum_that_is_smaller_than_we_believe_teaches_nothing() {
    let mut record = QuotaRecord { figure_ratio: Some(1.4), ..QuotaRecord::default() };
    let told = |figure| QuotaChange::Created { figure: Some(figure), limit: None };
    // Half of what we hold to be enqueued has ended already.
    record.apply(&told(420), 100, 500, NOW);
    assert!((record.factor() - 1.4).abs() < 1e-9);
    record.apply(&told(960), 100, 500, NOW);
    assert!((record.factor() - 1.6).abs() < 1e-9, "more than we believed: {}", record.factor());
}
