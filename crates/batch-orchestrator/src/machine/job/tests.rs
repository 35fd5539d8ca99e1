use adls_io::{LakePath, Location};

use super::*;
use crate::model::{PartPlan, TokenTotals};

const NOW: Timestamp = Timestamp(1_000);

fn target() -> Target {
    let at = |name: &str| Location::new(name, LakePath::root());
    Target { processed: at("p"), error: at("e"), stem: "a".into(), extension: ".jsonl".into() }
}

fn plan() -> Box<JobPlan> {
    Box::new(JobPlan {
        sha256: String::new(),
        lines: 3,
        model: "m".into(),
        tokens: TokenTotals::ZERO,
        parts: Vec::<PartPlan>::new(),
    })
}

fn running() -> JobState {
    JobState::Running { plan: plan(), target: target(), planned_at: NOW, must_list: false }
}

fn report() -> Artifact {
    Artifact { location: target().error, bytes: 1, lines: 1, sha256: String::new() }
}

#[test]
fn a_file_goes_one_way() {
    let mut state = JobState::Seen;
    let mut names = vec![state.name()];
    for event in [
        JobEvent::Claimed { first: true },
        JobEvent::Planned { plan: plan(), target: target(), early: Early::Absent },
        JobEvent::PartsResolved { parts: Vec::new() },
        JobEvent::Published { totals: Totals::default(), raw: RawInput::Replaced },
        JobEvent::CleanedUp,
    ] {
        state = advance_job(&state, event, NOW).unwrap().state;
        names.push(state.name());
    }
    assert_eq!(names, ["seen", "claimed", "running", "publishing", "published", "done"]);
}

#[test]
fn a_refused_file_leaves_by_the_same_door() {
    let event = JobEvent::Rejected { report: report(), target: target(), must_list: true };
    let step = advance_job(&JobState::Claimed, event, NOW);
    let JobState::Publishing(publication) = step.unwrap().state else { panic!("not publishing") };
    assert!(publication.must_list);
    assert_eq!(publication.outcome(), Outcome::Rejected);
    assert_eq!(publication.raw_directory(), &target().error);
}

#[test]
fn nothing_is_cleaned_up_before_it_is_published() {
    for state in [JobState::Seen, JobState::Claimed, running()] {
        assert!(advance_job(&state, JobEvent::CleanedUp, NOW).is_err());
    }
    let publishing = advance_job(&running(), JobEvent::PartsResolved { parts: Vec::new() }, NOW).unwrap();
    assert!(advance_job(&publishing.state, JobEvent::CleanedUp, NOW).is_err());
}

#[test]
fn a_job_at_rest_stays_there() {
    for state in [
        JobState::Dropped { reason: String::new() },
        JobState::Foreign { owner: String::new() },
        JobState::Quarantined { reason: String::new(), was: Box::new(JobState::Seen) },
    ] {
        assert!(advance_job(&state, JobEvent::Claimed { first: true }, NOW).is_err());
        assert!(advance_job(&state, JobEvent::Quarantine { reason: String::new() }, NOW).is_err());
    }
}

#[test]
fn a_doubt_about_what_was_sent_lasts_until_the_clean_up() {
    let deployment = crate::model::DeploymentId("d".into());
    let stored = Early::Stored { file: FileId("f".into()), deployment };
    for (early, doubtful) in [(Early::Absent, false), (stored, false), (Early::Doubtful, true)] {
        let event = JobEvent::Planned { plan: plan(), target: target(), early };
        let running = advance_job(&JobState::Claimed, event, NOW).unwrap().state;
        let resolved = advance_job(&running, JobEvent::PartsResolved { parts: Vec::new() }, NOW).unwrap();
        let JobState::Publishing(publication) = resolved.state else { panic!("not publishing") };
        assert_eq!(publication.must_list, doubtful);
    }
}

#[test]
fn a_clean_up_waits_for_the_list() {
    let event = JobEvent::Rejected { report: report(), target: target(), must_list: true };
    let publishing = advance_job(&JobState::Claimed, event, NOW).unwrap().state;
    let published = JobEvent::Published { totals: Totals::default(), raw: RawInput::Replaced };
    let published = advance_job(&publishing, published, NOW).unwrap().state;
    let until = NOW.after(Duration::from_mins(5));
    let step = advance_job(&published, JobEvent::ListsPending { until }, NOW).unwrap();
    assert_eq!((step.state, step.due_at), (published, until));
    assert!(advance_job(&publishing, JobEvent::ListsPending { until }, NOW).is_err());
}
