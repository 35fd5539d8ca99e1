//! Small files that are sent as one batch: each comes back as if it had been sent alone.

use std::{sync::Arc, time::Duration};

use aoai_emulator::{EmulatorConfig, Outcome, OutcomeRule};
use batch_orchestrator::{MergeOptions, OutputOrder, Stop, model::JobState};

use crate::{
    crash::{self, Crash, Setup, assert_published, run_until_crash},
    support::{Mode, World, at, fast, ids, json, line, line_with, lines},
};

async fn world() -> World {
    let mut config = fast();
    config.outcomes = vec![OutcomeRule {
        fraction: None,
        custom_id_contains: Some("bad".into()),
        times: None,
        outcome: Outcome::Error { status: 400, code: "content_filter".into(), message: None },
    }];
    merging(config, Duration::from_millis(150)).await
}

async fn merging(config: EmulatorConfig, wait: Duration) -> World {
    let mut world = World::new(config).await;
    world.options.limits.merge = Some(MergeOptions { wait, ..MergeOptions::default() });
    world
}

async fn batches(world: &World) -> usize {
    world.emulator.control().books().await.batches.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_comes_back_as_if_it_had_been_sent_alone() {
    let world = world().await;
    let one = lines("same", 3);
    // The same ids in two files, an id that looks like a mark, one with escapes, no end of the last line, and Windows' ends.
    world.put("inbox/a.jsonl", one.clone()).await;
    world.put("inbox/sub/b.jsonl", one.clone()).await;
    let odd = format!("{}{}{}", line("7.x"), line(r"caf\u00e9 \\"), line("last").trim_end());
    world.put("inbox/odd.jsonl", odd.clone()).await;
    world.put("inbox/crlf.jsonl", lines("w", 2).replace('\n', "\r\n")).await;
    world.put("inbox/mixed.jsonl", format!("{}{}{}", line("x"), line("bad"), line("y"))).await;
    world.put("inbox/invalid.jsonl", "no json\n").await;
    let report = world.run().await;
    assert_eq!((report.completed, report.partial, report.rejected), (4, 1, 1), "{report:?}");
    assert_eq!((report.output_lines, report.error_lines), (13, 1));
    assert_eq!(batches(&world).await, 1);

    let files = world.files("processed").await;
    let outputs: Vec<_> = files.keys().filter(|path| path.ends_with("_output.jsonl")).collect();
    assert_eq!(outputs.len(), 5, "{outputs:?}");
    let same = ["same-0000", "same-0001", "same-0002"];
    assert_eq!(ids(&world.file("processed", "/a_output.jsonl").await), same);
    assert_eq!(ids(&world.file("processed", "/b_output.jsonl").await), same);
    assert_eq!(ids(&world.file("processed", "/odd_output.jsonl").await), ["7.x", "café \\", "last"]);
    assert_eq!(ids(&world.file("processed", "/crlf_output.jsonl").await), ["w-0000", "w-0001"]);
    assert_eq!(world.file("processed", "/odd.jsonl").await, odd, "archived as it was");
    assert_eq!(ids(&world.file("processed", "/mixed_output.jsonl").await), ["x", "y"]);
    assert!(world.file("error", "/mixed_error.jsonl").await.contains("content_filter"));
    assert_eq!(world.file("error", "/mixed_failed.jsonl").await, line("bad"), "ready to be sent again");

    let manifests: Vec<_> =
        files.iter().filter(|(path, _)| path.ends_with("manifest.json")).map(|(_, text)| text).collect();
    assert_eq!(manifests.len(), 5);
    let manifests: Vec<_> = manifests.iter().map(|text| json(std::str::from_utf8(text).unwrap())).collect();
    for manifest in &manifests {
        let part = &manifest["parts"][0];
        assert_eq!(part["bundle"], manifests[0]["parts"][0]["bundle"], "{manifest}");
        assert!(part["bundle"].is_string() && part["batch_id"].is_string(), "{manifest}");
    }
    let prompt: u64 = manifests.iter().map(|manifest| manifest["tokens"]["prompt"].as_u64().unwrap()).sum();
    assert_eq!(prompt, report.prompt_tokens);
    assert!(prompt > 0);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_together_is_sent_apart() {
    let mut world = world().await;
    world.options.limits.max_lines = 5;
    for n in 0..3 {
        world.put(&format!("inbox/{n}.jsonl"), lines(&format!("f{n}"), 2)).await;
    }
    world.put("inbox/long.jsonl", lines("long", 8)).await;
    world.put("inbox/other.jsonl", line_with("o", "another-model")).await;
    let report = world.run().await;
    assert_eq!(report.completed, 5, "{report:?}");
    // 0 and 1; 2; the two parts of the long one; the one of another model.
    assert_eq!(batches(&world).await, 5);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_a_bundles_results_is_that_of_its_files() {
    let mut world = world().await;
    world.options.output.order = OutputOrder::Service;
    for n in 0..4 {
        world.put(&format!("inbox/{n}.jsonl"), lines(&format!("f{n}"), 20)).await;
    }
    let report = world.run().await;
    assert_eq!((report.completed, batches(&world).await), (4, 1), "{report:?}");
    for n in 0..4 {
        let output = world.file("processed", &format!("/{n}_output.jsonl")).await;
        assert_eq!(ids(&output), ids(&lines(&format!("f{n}"), 20)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_through_blobs() {
    let mut world = world().await;
    world.set_mode(Mode::Blob);
    for n in 0..3 {
        world.put(&format!("inbox/{n}.jsonl"), lines("same", 2)).await;
    }
    let report = world.run().await;
    assert_eq!((report.completed, report.output_lines), (3, 6), "{report:?}");
    world.assert_clean().await;
}

/// The lines that never got a result are told with their number in the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_a_result_is_named_by_its_place_in_its_file() {
    let mut config = fast();
    config.outcomes = vec![OutcomeRule {
        fraction: None,
        custom_id_contains: Some("b-0001".into()),
        times: None,
        outcome: Outcome::Missing,
    }];
    let world = merging(config, Duration::from_millis(100)).await;
    world.put("inbox/a.jsonl", lines("a", 4)).await;
    world.put("inbox/b.jsonl", lines("b", 3)).await;
    let report = world.run().await;
    assert_eq!((report.completed, report.partial), (1, 1), "{report:?}");
    let error = json(&world.file("error", "/b_error.jsonl").await);
    assert_eq!(error["custom_id"], "b-0001");
    assert_eq!(error["line"], 2, "{error}");
    world.assert_clean().await;
}

/// A pass ends, though the files of a bundle that needs a person are not done.
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_waits_for_a_person_does_not_keep_a_run_from_ending() {
    let mut config = fast();
    let outcome = Outcome::Error { status: 302, code: "teapot".into(), message: None };
    config.outcomes =
        vec![OutcomeRule { fraction: None, custom_id_contains: Some("b-0001".into()), times: None, outcome }];
    let mut world = merging(config, Duration::from_millis(100)).await;
    world.put("inbox/a.jsonl", lines("a", 4)).await;
    world.put("inbox/b.jsonl", lines("b", 3)).await;
    let report = world.run().await;
    assert_eq!((report.quarantined, report.in_flight, report.gave_up), (1, 2, false), "{report:?}");
    world.options.attempts.verdicts.unknown = batch_orchestrator::machine::Verdict::Report;
    let bundle = world.jobs().await.into_iter().find(|view| view.job.is_bundle()).unwrap();
    let again = batch_orchestrator::machine::Resolution::Again;
    batch_orchestrator::resolve(world.ledger.as_ref(), &bundle, None, &again).await.unwrap();
    let report = world.run().await;
    assert_eq!((report.completed, report.partial, report.quarantined), (1, 1, 0), "{report:?}");
    world.assert_clean().await;
}

/// Between its validation and the bundle, a file is replaced: the others go, and it is a new file.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_replaced_meanwhile_is_left_out() {
    let mut world = world().await;
    world.options.limits.merge =
        Some(MergeOptions { wait: Duration::from_millis(400), ..Default::default() });
    for n in 0..3 {
        world.put(&format!("inbox/{n}.jsonl"), lines(&format!("f{n}"), 2)).await;
    }
    let pipeline = world.pipeline();
    let (_ask, stop) = Stop::new();
    let replace = async {
        loop {
            let jobs = world.jobs().await;
            let planned = |name: &str| matches!(name, "running");
            if jobs.len() == 3 && jobs.iter().all(|view| planned(view.job.state.name())) {
                break world.put("inbox/1.jsonl", lines("new", 1)).await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (report, ()) = tokio::join!(pipeline.run(Arc::new(()), stop), replace);
    let report = report.unwrap();
    assert_eq!((report.completed, report.dropped), (2, 1), "{report:?}");
    let report = world.run().await;
    assert_eq!(report.completed, 1, "{report:?}");
    assert_eq!(ids(&world.file("processed", "/1_output.jsonl").await), ["new-0000"]);
    world.assert_clean().await;
}

/// A bundle that somebody removes before it is sent: its members go alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_comes_to_nothing_gives_its_members_back() {
    for effect in 10..80 {
        let world = crash::world(Setup::MERGED).await;
        run_until_crash(&world, &Crash::new(effect, true)).await;
        let bundle = world.jobs().await.into_iter().find(|view| view.job.is_bundle());
        let Some(view) = bundle.filter(|view| view.job.state == JobState::Claimed) else { continue };
        world.lake.delete(&view.job.input.location, None).await.unwrap();
        world.ledger.forget_leases();
        world.run().await;
        let jobs = world.jobs().await;
        let dropped: Vec<_> = jobs.iter().filter(|view| view.job.state.name() == "dropped").collect();
        assert!(dropped.len() == 1 && dropped[0].job.is_bundle(), "{dropped:#?}");
        assert_eq!(batches(&world).await, 2, "each for itself");
        return assert_published(&world, "a bundle was removed").await;
    }
    panic!("no bundle was ever at the point of being validated");
}

/// Whoever looks at the ledger sees which file is where.
#[tokio::test(flavor = "multi_thread")]
async fn one_small_file_alone_is_not_a_bundle() {
    let world = world().await;
    world.put("inbox/a.jsonl", lines("a", 2)).await;
    let report = world.run().await;
    assert_eq!(report.completed, 1, "{report:?}");
    assert_eq!(world.jobs().await.len(), 1);
    assert!(world.lake.head(&at("processed", "_aoai-batch/bundles")).await.is_err());
    world.assert_clean().await;
}
